//! A chunk is whole or there is none, whichever thread read it; and both tell the same story.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;

use super::double::{Double, Fault, bytes};
use super::{check, go_on, read_all};
use crate::engine::body::{Failure, SourceBody};
use crate::engine::hashing::{HashAhead, HashingBody};
use crate::error::ErrorKind;
use crate::protocol::checksum::Algorithm;
use crate::source::Bytes as _;
use crate::transport::BodyReader as _;

const AT: u64 = 700_000;
const LENGTH: u64 = 1 << 20;

/// What becomes of a chunk with that fault in it, read here or ahead.
fn failure(ahead: &mut HashAhead, source: &mut Double, prepared: bool) -> Failure {
    if prepared {
        ahead.prepare(source, 0, LENGTH, Algorithm::Sha1);
        source.notes.wait_for_share();
    }
    let failure = ahead.take(source, 0, LENGTH, Algorithm::Sha1, &mut go_on).unwrap_err();
    assert_eq!(source.notes.own_reads.load(Ordering::SeqCst) == 0, prepared, "read by the thread that was meant");
    failure
}

#[test]
fn a_source_that_fails() {
    for (fault, spoiled, kind, words) in [
        (Fault::Ends, true, ErrorKind::Source, "the source ended after 700000 of 67108864 bytes"),
        (Fault::Fails, false, ErrorKind::Callback(5), "no"),
        (Fault::Changes, false, ErrorKind::SourceChanged, "changed"),
    ] {
        for prepared in [false, true] {
            let mut ahead = HashAhead::new();
            let mut source = Double::with_fault(fault, AT);
            let failure = failure(&mut ahead, &mut source, prepared);
            assert_eq!(matches!(failure, Failure::Spoiled(_)), spoiled, "{fault:?}");
            let (Failure::Trouble(error) | Failure::Spoiled(error)) = failure;
            assert_eq!((error.kind(), error.to_string().as_str()), (kind, words));
            // The next one is not affected.
            source.fault = None;
            let chunk = ahead.take(&mut source, 5, LENGTH, Algorithm::Sha1, &mut go_on).unwrap();
            check(&chunk, &bytes(5, LENGTH), Algorithm::Sha1);
        }
    }
}

#[test]
fn every_kind_of_body_tells_the_same() {
    let mut source = Double::with_fault(Fault::Ends, AT);
    source.seek(AT - 10).unwrap();
    let mut plain = SourceBody::new(&mut source, AT - 10);
    assert_eq!(read_all(&mut plain).len(), 10);
    let plain = plain.into_failure();
    source.seek(AT - 10).unwrap();
    let mut hashing = HashingBody::new(&mut source, AT - 10, Algorithm::Sha1);
    assert_eq!(read_all(&mut hashing).len(), 10);
    let hashing = hashing.into_failure();
    let chunk = HashAhead::new().take(&mut source, AT - 10, 11, Algorithm::Sha1, &mut go_on).unwrap_err();
    assert_eq!(format!("{plain:?}"), format!("{hashing:?}"));
    assert_eq!(format!("{plain:?}"), format!("{chunk:?}"));
}

#[test]
fn a_hashed_body_keeps_the_reason() {
    let mut source = Double::with_fault(Fault::Fails, 0);
    let mut body = HashingBody::new(&mut source, 0, Algorithm::Sha1);
    body.read(&mut [0; 10]).unwrap_err();
    assert!(matches!(body.into_failure(), Failure::Trouble(error) if error.kind() == ErrorKind::Callback(5)));
}

#[test]
fn a_panic_arrives_where_the_chunk_is_taken() {
    for prepared in [false, true] {
        let mut ahead = HashAhead::new();
        let mut source = Double::with_fault(Fault::Panics, AT);
        let panicked = catch_unwind(AssertUnwindSafe(|| failure(&mut ahead, &mut source, prepared))).unwrap_err();
        assert_eq!(panicked.downcast_ref(), Some(&"the double panics"));
        assert_eq!(source.notes.own_reads.load(Ordering::SeqCst) == 0, prepared);
        // Neither the thread nor the memory is lost.
        source.fault = None;
        ahead.prepare(&source, 0, LENGTH, Algorithm::Sha1);
        source.notes.wait_for_share();
        let before = source.notes.own_reads.load(Ordering::SeqCst);
        let chunk = ahead.take(&mut source, 0, LENGTH, Algorithm::Sha1, &mut go_on).unwrap();
        check(&chunk, &bytes(0, LENGTH), Algorithm::Sha1);
        assert_eq!(source.notes.own_reads.load(Ordering::SeqCst), before);
    }
}

#[test]
fn the_failure_of_a_wrong_guess_is_nobodys() {
    for fault in [Fault::Ends, Fault::Fails, Fault::Changes, Fault::Panics] {
        let mut ahead = HashAhead::new();
        let mut source = Double::with_fault(fault, AT);
        ahead.prepare(&source, AT, LENGTH, Algorithm::Sha1);
        source.notes.wait_for_share();
        while source.notes.dropped.load(Ordering::SeqCst) == 0 {
            std::thread::yield_now();
        }
        let chunk = ahead.take(&mut source, 0, 1000, Algorithm::Sha1, &mut go_on).unwrap();
        check(&chunk, &bytes(0, 1000), Algorithm::Sha1);
    }
}
