use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use super::super::samples::{all_of, expect, expect_as, numbers, waits};
use super::super::{Ahead, Patience};
use super::*;
use crate::cancel::Cancel;
use crate::sys::poll::{Entry, poll};

const NOW: Option<Duration> = Some(Duration::ZERO);
const SOON: Duration = Duration::from_millis(30);
/// Far longer than anything here takes.
const LONG: Option<Duration> = Some(Duration::from_secs(60));

fn push(size: Option<u64>, capacity: usize) -> (Writer, Box<dyn Bytes>) {
    let (writer, source) = Source::push(size, capacity).unwrap();
    (writer, source.0)
}

/// All of it is taken at once.
#[track_caller]
fn put(writer: &Writer, data: &[u8]) {
    let (taken, result) = writer.write(data, NOW);
    result.unwrap();
    assert_eq!(taken, data.len());
}

#[track_caller]
fn refused(writer: &Writer, data: &[u8], timeout: Option<Duration>, kind: ErrorKind, taken: usize) {
    let (count, result) = writer.write(data, timeout);
    assert_eq!((result.unwrap_err().kind(), count), (kind, taken));
}

fn writable(writer: &Writer) -> bool {
    poll(&mut [Entry::readable(writer.event_handle().unwrap())], NOW).unwrap() == 1
}

fn timeout() -> ErrorKind {
    ErrorKind::Timeout(TimeLimit::Total)
}

#[test]
fn odd_pieces_make_one_whole() {
    for (size, capacity) in [(None, 97), (None, 4096), (Some(400_000), 70_001), (None, 1 << 20)] {
        let bytes = numbers(0, 400_000);
        let (writer, mut source) = push(size, capacity);
        let given = bytes.clone();
        let giver = thread::spawn(move || {
            let mut rest = &given[..];
            for length in [1, 2, 3, 0, 5, 4095, 4097, 65_535, 65_537, 99_991].into_iter().cycle() {
                let (piece, after) = rest.split_at(rest.len().min(length));
                let (taken, result) = writer.write(piece, None);
                result.unwrap();
                assert_eq!(taken, piece.len());
                rest = after;
                if rest.is_empty() {
                    return writer.finish().unwrap();
                }
            }
        });
        // As an engine would: look, send, send again, go on.
        let (mut at, mut got) = (0, Vec::new());
        loop {
            let ahead = source.look_ahead(at, 70_000).unwrap();
            for _ in 0..2 {
                got.truncate(at as usize);
                source.seek(at).unwrap();
                while (got.len() as u64) < at + ahead.available {
                    let mut buffer = [0; 5003];
                    let want = (at + ahead.available - got.len() as u64).min(5003) as usize;
                    let n = source.read(&mut buffer[..want]).unwrap();
                    got.extend_from_slice(&buffer[..n]);
                }
            }
            at += ahead.available;
            if ahead.end {
                break;
            }
            assert_eq!(ahead.available, 70_000);
        }
        giver.join().unwrap();
        assert!(got == bytes, "{size:?} {capacity}");
        assert_eq!(source.read(&mut [0; 9]).unwrap(), 0);
    }
}

#[test]
fn two_threads_of_random_haste() {
    for seed in 0..20 {
        let mut random = fastrand::Rng::with_seed(seed);
        let (capacity, length) = (random.usize(1..5000), 200_000);
        let (writer, mut source) = push(None, capacity);
        let giver = thread::spawn(move || {
            let mut random = fastrand::Rng::with_seed(seed + 1000);
            let (bytes, mut at) = (numbers(0, length), 0);
            while at < length {
                let piece = &bytes[at..length.min(at + random.usize(0..9000))];
                let patience = match random.u32(0..4) {
                    0 => NOW,
                    1 => Some(Duration::from_micros(random.u64(0..300))),
                    _ => None,
                };
                let (taken, result) = writer.write(piece, patience);
                match result {
                    Ok(()) => assert_eq!(taken, piece.len()),
                    Err(error) => assert!(error.kind() == timeout() && taken < piece.len(), "{error}"),
                }
                at += taken;
            }
            writer.finish().unwrap();
        });
        let (mut got, mut buffer) = (Vec::new(), [0; 9000]);
        loop {
            match source.read(&mut buffer[..random.usize(1..9000)]).unwrap() {
                0 => break,
                n => got.extend_from_slice(&buffer[..n]),
            }
        }
        giver.join().unwrap();
        assert!(got == numbers(0, length), "seed {seed}");
    }
}

#[test]
fn an_empty_one_is_an_upload_of_nothing() {
    for size in [None, Some(0)] {
        let (writer, mut source) = push(size, 5);
        writer.finish().unwrap();
        writer.finish().unwrap();
        drop(writer);
        source.prepare().unwrap();
        assert_eq!(source.look_ahead(0, 1000).unwrap(), Ahead { available: 0, end: true });
        assert_eq!(all_of(source.as_mut()), b"");
    }
}

#[test]
fn what_does_not_fit_waits_or_is_told() {
    let (writer, mut source) = push(None, 4);
    refused(&writer, b"012345", NOW, timeout(), 4);
    refused(&writer, b"45", NOW, timeout(), 0);
    let start = Instant::now();
    refused(&writer, b"45", Some(SOON), timeout(), 0);
    assert!(start.elapsed() >= SOON);
    put(&writer, b"");
    let mut buffer = [0; 3];
    assert_eq!(source.read(&mut buffer).unwrap(), 3);
    refused(&writer, b"45678", NOW, timeout(), 3);
    let (writer, mut source) = (writer, source);
    thread::scope(|scope| {
        scope.spawn(|| {
            let (taken, result) = writer.write(&numbers(0, 100_000), None);
            result.unwrap();
            assert_eq!(taken, 100_000);
            writer.finish().unwrap();
        });
        expect_as(source.as_mut(), 3, b"3456");
        let all = all_of(source.as_mut());
        assert!(all == numbers(0, 100_000));
    });
}

#[test]
fn memory_grows_as_it_is_used() {
    let (writer, mut source) = push(None, 1 << 40);
    put(&writer, &numbers(0, 100_000));
    assert!(writer.0.state().bytes.capacity() <= 200_000);
    writer.finish().unwrap();
    assert!(all_of(source.as_mut()) == numbers(0, 100_000));
    assert_eq!(writer.0.state().bytes.capacity(), 0);
    let (writer, _source) = push(None, 100_003);
    for _ in 0..100 {
        let _full = writer.write(&numbers(0, 7777), NOW);
        assert!(writer.0.state().bytes.capacity() <= 100_003);
    }
}

#[test]
fn a_buffer_has_a_size() {
    for capacity in [0, usize::MAX, isize::MAX as usize + 1] {
        assert_eq!(Source::push(None, capacity).unwrap_err().kind(), ErrorKind::InvalidArgument);
    }
    assert_eq!(push(None, 1).1.size(), None);
    assert_eq!(push(Some(7), isize::MAX as usize).1.size(), Some(7));
}

#[test]
fn the_handle_says_whether_a_write_would_wait() {
    let (writer, mut source) = push(None, 4);
    assert!(writable(&writer));
    put(&writer, b"012");
    assert!(writable(&writer));
    put(&writer, b"3");
    assert!(!writable(&writer));
    source.read(&mut [0]).unwrap();
    assert!(writable(&writer));
    put(&writer, b"4");
    assert!(!writable(&writer));
    // Over, going on, over and out: a write would fail at once, wait, fail.
    source.attach(None);
    assert!(writable(&writer));
    source.attach(Some(&Patience::default()));
    assert!(!writable(&writer));
    drop(source);
    assert!(writable(&writer));

    let ends: [&dyn Fn(&Writer); 2] = [&|writer| writer.finish().unwrap(), &|writer| writer.abort(5)];
    for end in ends {
        let (writer, _source) = push(None, 1);
        put(&writer, b"0");
        assert!(!writable(&writer));
        end(&writer);
        assert!(writable(&writer));
    }
    // Whatever happened before it was first asked for.
    let (writer, _source) = push(Some(1), 1);
    put(&writer, b"0");
    assert!(writable(&writer), "a second byte is refused at once");
}

#[test]
fn an_abort_is_the_readers_code() {
    for (code, told) in [(7, 7), (-3, -3), (0, 1), (i32::MIN, i32::MIN)] {
        let (writer, mut source) = push(None, 10);
        put(&writer, b"0123456789");
        expect_as(source.as_mut(), 0, b"01234");
        writer.abort(code);
        writer.abort(99);
        for _ in 0..2 {
            assert_eq!(source.read(&mut [0]).unwrap_err().kind(), ErrorKind::Callback(told));
            assert_eq!(source.look_ahead(0, 1).unwrap_err().kind(), ErrorKind::Callback(told));
            assert_eq!(source.prepare().unwrap_err().kind(), ErrorKind::Callback(told));
            source.seek(0).unwrap();
        }
        refused(&writer, b"", None, ErrorKind::InvalidState, 0);
        refused(&writer, b"0", None, ErrorKind::InvalidState, 0);
        assert_eq!(writer.finish().unwrap_err().kind(), ErrorKind::InvalidState);
    }
    // The end was told, and taken back before it was reached.
    let (writer, mut source) = push(None, 10);
    put(&writer, b"01");
    writer.finish().unwrap();
    writer.abort(7);
    assert_eq!(source.read(&mut [0]).unwrap_err().kind(), ErrorKind::Callback(7));
}

#[test]
fn a_dropped_writer_is_no_end() {
    for size in [None, Some(3)] {
        let (writer, mut source) = push(size, 10);
        put(&writer, b"01");
        expect_as(source.as_mut(), 0, b"0");
        drop(writer);
        assert_eq!(source.read(&mut [0]).unwrap_err().kind(), ErrorKind::Callback(1));
    }
    let (writer, mut source) = push(None, 10);
    put(&writer, b"01");
    writer.finish().unwrap();
    drop(writer);
    assert_eq!(all_of(source.as_mut()), b"01");
    // All that was promised is there.
    let (writer, mut source) = push(Some(2), 10);
    put(&writer, b"01");
    drop(writer);
    assert_eq!(all_of(source.as_mut()), b"01");
}

#[test]
fn a_waiting_read_learns_of_every_end() {
    /// The writer stays until the read has returned, unless that is what is tried.
    type Act = fn(Writer) -> Option<Writer>;
    fn after(writer: Writer, act: impl FnOnce(&Writer)) -> Option<Writer> {
        act(&writer);
        Some(writer)
    }
    let acts: [(Act, std::result::Result<usize, ErrorKind>); 4] = [
        (|writer| after(writer, |writer| put(writer, b"01")), Ok(2)),
        (|writer| after(writer, |writer| writer.finish().unwrap()), Ok(0)),
        (|writer| after(writer, |writer| writer.abort(4)), Err(ErrorKind::Callback(4))),
        (
            |writer| {
                drop(writer);
                None
            },
            Err(ErrorKind::Callback(1)),
        ),
    ];
    for (act, expected) in acts {
        waits(50, || {
            let (writer, mut source) = push(None, 10);
            let actor = thread::spawn(move || {
                thread::sleep(SOON);
                (Instant::now(), act(writer))
            });
            let read = source.read(&mut [0; 5]).map_err(|error| error.kind());
            let returned = Instant::now();
            assert_eq!(read, expected);
            returned - actor.join().unwrap().0
        });
    }
}

#[test]
fn a_size_is_kept_to() {
    let (writer, mut source) = push(Some(5), 100);
    source.prepare().unwrap();
    put(&writer, b"012");
    refused(&writer, b"345", None, ErrorKind::InvalidArgument, 0);
    put(&writer, b"34");
    refused(&writer, b"5", None, ErrorKind::InvalidArgument, 0);
    put(&writer, b"");
    assert_eq!(source.look_ahead(0, 10).unwrap(), Ahead { available: 5, end: true });
    assert_eq!(all_of(source.as_mut()), b"01234");
    source.attach(None);
    put(&writer, b"");
    writer.finish().unwrap();

    let (writer, mut source) = push(Some(5), 100);
    put(&writer, b"012");
    writer.finish().unwrap();
    assert_eq!(source.prepare().unwrap_err().kind(), ErrorKind::Source);
    // As any reader that ends early: whoever reads for five bytes finds out.
    assert_eq!(all_of(source.as_mut()), b"012");

    // Larger than the buffer, in one piece, and not a byte too many even so.
    let (writer, mut source) = push(Some(1000), 7);
    thread::scope(|scope| {
        scope.spawn(|| {
            refused(&writer, &numbers(0, 1001), None, ErrorKind::InvalidArgument, 0);
            writer.write(&numbers(0, 1000), None).1.unwrap();
        });
        expect(source.as_mut(), 0, 1000);
    });
    assert_eq!(source.read(&mut [0]).unwrap(), 0);
}

#[test]
fn a_cancel_ends_the_wait_at_once() {
    for read in [false, true] {
        waits(50, || {
            let (_writer, mut source) = push(None, 10);
            let patience = Patience::default();
            source.attach(Some(&patience));
            let cancel = patience.cancel.clone();
            let canceller = thread::spawn(move || {
                thread::sleep(SOON);
                let at = Instant::now();
                cancel.cancel();
                at
            });
            let failed = if read { source.read(&mut [0]).err() } else { source.look_ahead(0, 5).err() };
            let returned = Instant::now();
            assert_eq!(failed.unwrap().kind(), ErrorKind::Cancelled);
            returned - canceller.join().unwrap()
        });
    }
}

#[test]
fn a_cancelled_read_takes_nothing() {
    let (writer, mut source) = push(None, 10);
    let patience = Patience::default();
    patience.cancel.cancel();
    source.attach(Some(&patience));
    put(&writer, b"0123");
    assert_eq!(source.read(&mut [0]).unwrap_err().kind(), ErrorKind::Cancelled);
    writer.finish().unwrap();
    source.attach(Some(&Patience::default()));
    assert_eq!(all_of(source.as_mut()), b"0123");
}

/// A patience whose ticks are counted, and which breaks at the last of them.
fn counting(interval: u64, last: u32) -> (Patience, Arc<AtomicU32>) {
    let count = Arc::new(AtomicU32::new(0));
    let ticks = Arc::clone(&count);
    let tick = move || match ticks.fetch_add(1, Ordering::SeqCst) + 1 {
        n if n == last => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    let interval = Some(Duration::from_millis(interval));
    (Patience { cancel: Cancel::new(), interval, tick: Arc::new(tick), ..Patience::default() }, count)
}

#[test]
fn ticks_go_on_and_may_end_it() {
    let (_writer, mut source) = push(None, 10);
    let (patience, count) = counting(2, 5);
    source.attach(Some(&patience));
    assert_eq!(source.look_ahead(0, 5).unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(count.load(Ordering::SeqCst), 5);
}

/// Neither while bytes trickle, each before a tick is due, nor while there are always some.
#[test]
fn ticks_go_on_while_bytes_come() {
    for capacity in [1, 1 << 20] {
        let (writer, mut source) = push(None, capacity);
        let (patience, count) = counting(20, 4);
        source.attach(Some(&patience));
        thread::scope(|scope| {
            scope.spawn(move || {
                let piece = numbers(0, capacity);
                while writer.write(&piece, LONG).1.is_ok() {
                    if capacity == 1 {
                        thread::sleep(Duration::from_millis(1));
                    }
                }
            });
            assert_eq!(source.seek(u64::MAX).unwrap_err().kind(), ErrorKind::Cancelled);
            assert_eq!(count.load(Ordering::SeqCst), 4);
            drop(source);
        });
    }
}

#[test]
fn a_waiting_writer_learns_that_nobody_reads() {
    type End = fn(Box<dyn Bytes>) -> Option<Box<dyn Bytes>>;
    let ends: [End; 2] = [
        |mut source| {
            source.attach(None);
            Some(source)
        },
        |source| {
            drop(source);
            None
        },
    ];
    for end in ends {
        waits(50, || {
            let (writer, source) = push(None, 4);
            let ender = thread::spawn(move || {
                thread::sleep(SOON);
                let at = Instant::now();
                (at, end(source))
            });
            refused(&writer, b"012345", LONG, ErrorKind::InvalidState, 4);
            let returned = Instant::now();
            refused(&writer, b"45", LONG, ErrorKind::InvalidState, 0);
            let (at, source) = ender.join().unwrap();
            if let Some(mut source) = source {
                // Another operation takes it from where it stands.
                source.attach(Some(&Patience::default()));
                expect_as(source.as_mut(), 0, b"0123");
                put(&writer, b"45");
                writer.finish().unwrap();
                assert_eq!(all_of(source.as_mut()), b"45");
                expect_as(source.as_mut(), 0, b"012345");
            }
            writer.finish().unwrap();
            returned - at
        });
    }
}

#[test]
fn an_abort_wakes_a_writer_that_waits() {
    let (writer, _source) = push(None, 4);
    thread::scope(|scope| {
        let writes = scope.spawn(|| refused(&writer, b"012345", LONG, ErrorKind::InvalidState, 4));
        thread::sleep(SOON);
        writer.abort(1);
        writes.join().unwrap();
    });
}

/// What is lent to an operation is given back however that ends.
#[test]
fn an_operation_that_is_over_lets_go() {
    let (writer, mut source) = Source::push(None, 4).unwrap();
    {
        let mut lent = source.lend();
        lent.attach(Some(&Patience::default()));
        put(&writer, b"0");
    }
    refused(&writer, b"1", NOW, ErrorKind::InvalidState, 0);
}

/// In the child of a fork a lock may be held for ever, and whatever is said is said to the parent.
#[test]
fn another_process_is_kept_out() {
    let (writer, mut source) = open(None, 4, process::id() + 1).unwrap();
    let _held_by_a_thread_that_is_gone = writer.0.state.lock().unwrap();
    assert_eq!(writer.foreign(), Some(process::id() + 1));
    refused(&writer, b"0", NOW, ErrorKind::InvalidState, 0);
    assert_eq!(writer.finish().unwrap_err().kind(), ErrorKind::InvalidState);
    assert_eq!(writer.event_handle().unwrap_err().kind(), ErrorKind::InvalidState);
    writer.abort(1);
    writer.abandon();
    source.attach(None);
    source.attach(Some(&Patience::default()));
    assert_eq!(source.prepare().unwrap_err().kind(), ErrorKind::InvalidState);
    assert_eq!(source.read(&mut [0]).unwrap_err().kind(), ErrorKind::InvalidState);
    assert_eq!(source.look_ahead(0, 1).unwrap_err().kind(), ErrorKind::InvalidState);
    drop(source);
}

fn is_for_threads<T: Send + Sync>() {}

#[test]
fn a_writer_is_for_any_thread() {
    is_for_threads::<Writer>();
}
