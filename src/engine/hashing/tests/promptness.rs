//! Nothing is waited for longer than needed.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::check;
use super::double::{Double, bytes};
use crate::engine::body::Failure;
use crate::engine::hashing::HashAhead;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::checksum::Algorithm;

/// Far less than what is cut short, far more than a busy machine is late.
const PROMPT: Duration = Duration::from_millis(500);

/// Says yes some times, then no; and counts.
fn reluctant(asked: &mut usize, yes: usize) -> impl FnMut() -> Result<()> {
    move || {
        *asked += 1;
        if *asked > yes { Err(Error::new(ErrorKind::Cancelled, "cancelled")) } else { Ok(()) }
    }
}

#[track_caller]
fn is_cancelled(failure: &Failure) {
    assert!(matches!(failure, Failure::Trouble(error) if error.kind() == ErrorKind::Cancelled), "{failure:?}");
}

#[test]
fn a_wait_for_the_other_thread_can_be_ended() {
    let mut source = Double::new();
    source.notes.closed.store(true, Ordering::SeqCst);
    let mut ahead = HashAhead::new();
    ahead.prepare(&source, 0, 1000, Algorithm::Sha1);
    source.notes.wait_for_share();
    let began = Instant::now();
    let mut asked = 0;
    let taken = ahead.take(&mut source, 0, 1000, Algorithm::Sha1, &mut reluctant(&mut asked, 5));
    is_cancelled(&taken.unwrap_err());
    assert!(began.elapsed() < PROMPT);
    assert_eq!(asked, 6);
    // What was waited for is still good.
    source.notes.closed.store(false, Ordering::SeqCst);
    let chunk = ahead.take(&mut source, 0, 1000, Algorithm::Sha1, &mut || Ok(())).unwrap();
    check(&chunk, &bytes(0, 1000), Algorithm::Sha1);
    assert_eq!(source.notes.own_reads.load(Ordering::SeqCst), 0);
}

#[test]
fn reading_here_asks_every_256_kib() {
    let mut source = Double::new();
    let mut asked = 0;
    let yes = usize::MAX;
    HashAhead::new().take(&mut source, 0, 2 << 20, Algorithm::Sha1, &mut reluctant(&mut asked, yes)).unwrap();
    assert!(asked >= 7, "asked {asked} times");
    let mut asked = 0;
    let before = source.notes.own_reads.load(Ordering::SeqCst);
    let taken = HashAhead::new().take(&mut source, 0, 2 << 20, Algorithm::Sha1, &mut reluctant(&mut asked, 1));
    is_cancelled(&taken.unwrap_err());
    assert!(source.notes.own_reads.load(Ordering::SeqCst) - before <= 2);
}

#[test]
fn a_source_that_trickles_is_not_waited_for_until_it_is_256_kib() {
    let mut source = Double::new();
    source.notes.at_most.store(1, Ordering::SeqCst);
    source.notes.dawdles.store(15_000, Ordering::SeqCst);
    let mut asked = 0;
    let taken = HashAhead::new().take(&mut source, 0, 1000, Algorithm::Sha1, &mut reluctant(&mut asked, 2));
    is_cancelled(&taken.unwrap_err());
    assert_eq!(source.notes.own_reads.load(Ordering::SeqCst), 3);
}

#[test]
fn the_end_comes_in_the_middle_of_a_chunk() {
    let source = Double::new();
    // 32 steps, 3.2 s together.
    source.notes.dawdles.store(100_000, Ordering::SeqCst);
    let mut ahead = HashAhead::new();
    ahead.prepare(&source, 0, 8 << 20, Algorithm::Sha1);
    source.notes.wait_for_share();
    let began = Instant::now();
    drop(ahead);
    assert!(began.elapsed() < PROMPT, "{:?}", began.elapsed());
    assert_eq!(source.notes.dropped.load(Ordering::SeqCst), 1, "nobody reads any more");
    // Right after an order, or after its end, it is the same.
    source.notes.dawdles.store(0, Ordering::SeqCst);
    for wait in [false, true] {
        let mut ahead = HashAhead::new();
        ahead.prepare(&source, 0, 1000, Algorithm::Sha1);
        while wait && source.notes.dropped.load(Ordering::SeqCst) < 3 {
            std::thread::yield_now();
        }
        drop(ahead);
    }
    assert_eq!(source.notes.dropped.load(Ordering::SeqCst), 3);
}

#[test]
fn a_wrong_guess_is_not_waited_for() {
    let mut source = Double::new();
    source.notes.closed.store(true, Ordering::SeqCst);
    let mut ahead = HashAhead::new();
    ahead.prepare(&source, 0, 8 << 20, Algorithm::Sha1);
    source.notes.wait_for_share();
    let chunk = ahead.take(&mut source, 77, 1000, Algorithm::Sha1, &mut || Ok(())).unwrap();
    check(&chunk, &bytes(77, 1000), Algorithm::Sha1);
    source.notes.closed.store(false, Ordering::SeqCst);
}
