//! Chunks with checksums, made of sources that count, fail, change, panic and dawdle on either thread.

mod double;
mod failures;
mod promptness;

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use self::double::Double;
use super::*;
use crate::digest::Digest;
use crate::source::Source;
use crate::transport::BodyReader;

/// No reason not to.
fn go_on() -> Result<()> {
    Ok(())
}

/// The chunk, and that it is the right one.
#[track_caller]
fn check(chunk: &Chunk, bytes: &[u8], algorithm: Algorithm) {
    assert!(chunk.bytes() == bytes, "other bytes: {} instead of {}", chunk.bytes().len(), bytes.len());
    assert_eq!(chunk.digest(), digest_of(bytes, algorithm));
}

fn digest_of(bytes: &[u8], algorithm: Algorithm) -> Vec<u8> {
    let mut digest = Digest::new(algorithm);
    digest.update(bytes);
    digest.finish()
}

/// Bytes that differ from place to place.
fn noise(length: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(7);
    std::iter::repeat_with(|| random.u8(..)).take(length).collect()
}

#[test]
fn any_range_of_any_source() {
    let bytes = noise(600_000);
    let path = std::env::temp_dir().join(format!("libtus-hashing-{}", std::process::id()));
    std::fs::write(&path, &bytes).unwrap();
    for mut source in [Source::memory(bytes.clone()), Source::file(&path).unwrap()] {
        let mut random = fastrand::Rng::with_seed(96);
        let mut ahead = HashAhead::new();
        for round in 0..40 {
            let start = random.usize(..=bytes.len());
            let length = if round % 8 == 0 { 0 } else { random.usize(..=bytes.len() - start) };
            let algorithm = random.choice(Algorithm::ALL).unwrap();
            match random.u8(..3) {
                0 => {}
                1 => ahead.prepare(source.0.as_ref(), start as u64, length as u64, algorithm),
                _ => ahead.prepare(source.0.as_ref(), random.u64(..1000), random.u64(..1000), algorithm),
            }
            if random.bool() {
                std::thread::yield_now();
            }
            let chunk = ahead.take(source.0.as_mut(), start as u64, length as u64, algorithm, &mut go_on).unwrap();
            check(&chunk, &bytes[start..start + length], algorithm);
        }
    }
    std::fs::remove_file(path).unwrap();
}

#[test]
fn the_prepared_chunk_is_used() {
    let mut source = Double::new();
    let mut ahead = HashAhead::new();
    for start in [0, 1 << 20, 2 << 20] {
        ahead.prepare(&source, start, 1 << 20, Algorithm::Sha1);
        source.notes.wait_for_share();
        let chunk = ahead.take(&mut source, start, 1 << 20, Algorithm::Sha1, &mut go_on).unwrap();
        check(&chunk, &double::bytes(start, 1 << 20), Algorithm::Sha1);
    }
    assert_eq!(source.notes.own_reads.load(Ordering::SeqCst), 0);
}

#[test]
fn a_wrong_guess_is_discarded() {
    let right = (500, 400_000, Algorithm::Sha1);
    for guess in [(501, 400_000, Algorithm::Sha1), (500, 400_001, Algorithm::Sha1), (500, 400_000, Algorithm::Sha256)] {
        let mut source = Double::new();
        let mut ahead = HashAhead::new();
        ahead.prepare(&source, guess.0, guess.1, guess.2);
        source.notes.wait_for_share();
        for (start, length, algorithm) in [right, guess] {
            let before = source.notes.own_reads.load(Ordering::SeqCst);
            let chunk = ahead.take(&mut source, start, length, algorithm, &mut go_on).unwrap();
            check(&chunk, &double::bytes(start, length), algorithm);
            assert!(source.notes.own_reads.load(Ordering::SeqCst) > before, "of no use any more: {guess:?}");
        }
    }
}

#[test]
fn another_order_replaces_the_first() {
    let mut source = Double::new();
    source.notes.closed.store(true, Ordering::SeqCst);
    let mut ahead = HashAhead::new();
    ahead.prepare(&source, 0, 1 << 20, Algorithm::Sha1);
    source.notes.wait_for_share();
    ahead.prepare(&source, 5, 1 << 20, Algorithm::Sha1);
    source.notes.closed.store(false, Ordering::SeqCst);
    source.notes.wait_for_share();
    let chunk = ahead.take(&mut source, 5, 1 << 20, Algorithm::Sha1, &mut go_on).unwrap();
    check(&chunk, &double::bytes(5, 1 << 20), Algorithm::Sha1);
    assert_eq!(source.notes.own_reads.load(Ordering::SeqCst), 0);
}

/// T-092: what was sent and refused is not sent again from memory, which may be what is wrong.
#[test]
fn the_same_chunk_again_is_read_again() {
    let mut source = Double::new();
    let mut ahead = HashAhead::new();
    ahead.prepare(&source, 0, 300_000, Algorithm::Sha1);
    source.notes.wait_for_share();
    let mut reads = Vec::new();
    for _ in 0..3 {
        let chunk = ahead.take(&mut source, 0, 300_000, Algorithm::Sha1, &mut go_on).unwrap();
        check(&chunk, &double::bytes(0, 300_000), Algorithm::Sha1);
        reads.push(source.notes.own_reads.load(Ordering::SeqCst));
    }
    // Five pieces of at most 64 KiB each time.
    assert_eq!(reads, [0, 5, 10]);
}

#[test]
fn a_source_that_cannot_be_shared_is_read_here() {
    let mut source = Double::new();
    source.shareable = false;
    let mut ahead = HashAhead::new();
    ahead.prepare(&source, 0, 1000, Algorithm::Md5);
    assert!(ahead.helper.is_none());
    let chunk = ahead.take(&mut source, 0, 1000, Algorithm::Md5, &mut go_on).unwrap();
    check(&chunk, &double::bytes(0, 1000), Algorithm::Md5);
}

#[test]
fn without_a_thread_everything_happens_here() {
    let mut source = Double::new();
    let mut ahead = HashAhead::new();
    // More than there is address space.
    ahead.stack = 1 << 60;
    for start in [0, 1000] {
        ahead.prepare(&source, start, 1000, Algorithm::Sha512);
        assert!(ahead.helper.is_none());
        let chunk = ahead.take(&mut source, start, 1000, Algorithm::Sha512, &mut go_on).unwrap();
        check(&chunk, &double::bytes(start, 1000), Algorithm::Sha512);
    }
}

#[test]
fn ten_thousand_chunks_in_the_memory_of_two() {
    let length = 100;
    let mut source = Double::new();
    let mut ahead = HashAhead::new();
    let mut places = HashSet::new();
    for start in (0..10_000).map(|n| n * length) {
        let chunk = ahead.take(&mut source, start, length, Algorithm::Sha1, &mut go_on).unwrap();
        ahead.prepare(&source, start + length, length, Algorithm::Sha1);
        check(&chunk, &double::bytes(start, length), Algorithm::Sha1);
        places.insert(chunk.bytes().as_ptr() as usize);
    }
    assert!(places.len() <= 2, "{} buffers", places.len());
    assert!(source.notes.own_reads.load(Ordering::SeqCst) < 10_000, "the other thread took part");
}

#[test]
fn short_reads_are_put_together() {
    let mut source = Double::new();
    source.notes.at_most.store(777, Ordering::SeqCst);
    let chunk = HashAhead::new().take(&mut source, 3, 600_000, Algorithm::Sha256, &mut go_on).unwrap();
    check(&chunk, &double::bytes(3, 600_000), Algorithm::Sha256);
}

#[test]
fn a_chunk_is_a_body() {
    let mut source = Double::new();
    let chunk = HashAhead::new().take(&mut source, 0, 1000, Algorithm::Sha1, &mut go_on).unwrap();
    let mut body = ChunkBody::new(&chunk);
    assert!(body.file().is_none());
    assert_eq!(read_all(&mut body), double::bytes(0, 1000));
    let mut body = ChunkBody::new(&chunk);
    body.skip(990);
    assert_eq!(read_all(&mut body), double::bytes(990, 10));
    body.skip(1);
}

/// T-100, T-096: the trailer is of what was handed out.
#[test]
fn a_body_that_is_hashed_on_its_way() {
    let mut source = Source::memory("hello world");
    let mut body = HashingBody::new(source.0.as_mut(), 0, Algorithm::Sha1);
    assert!(body.file().is_none(), "a file must not be sent unseen either");
    let mut first = [0; 5];
    assert_eq!(body.read(&mut first).unwrap(), 5);
    assert_eq!(body.digest(), digest_of(b"hello", Algorithm::Sha1));
    assert_eq!(read_all(&mut body), b" world");
    // T-091's own example.
    assert_eq!(body.trailer().unwrap(), "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=");
}

fn read_all(body: &mut dyn BodyReader) -> Vec<u8> {
    let mut all = Vec::new();
    let mut buffer = [0; 300];
    loop {
        match body.read(&mut buffer).unwrap() {
            0 => return all,
            n => all.extend_from_slice(&buffer[..n]),
        }
    }
}
