//! `tus_writer`: what is refused, what is told. What uploads make of it is told from C.

use std::ptr::null_mut;

use super::super::*;
use super::fixture::*;

const INVALID_STATE: tus_status = -2;
const TIMEOUT: tus_status = -6;
const FAR: i64 = 60_000;

/// The status of a write, how many bytes it says it took, and its message.
fn write(writer: &Own<tus_writer>, data: &[u8], timeout_ms: i64) -> (tus_status, usize, String) {
    let (mut written, mut err) = (99, null_mut());
    // SAFETY: living objects and bytes.
    let status = unsafe {
        tus_writer_write(writer.pointer, data.as_ptr().cast(), data.len(), timeout_ms, &raw mut written, &raw mut err)
    };
    if status == OK {
        assert!(err.is_null());
        return (status, written, String::new());
    }
    let (told, message) = taken(err);
    assert_eq!(told, status);
    (status, written, message)
}

#[test]
fn impossible_ones_are_refused() {
    for (size, capacity, why) in [
        (TUS_SIZE_UNKNOWN, 0, "a buffer of 0 bytes would never take anything"),
        (5, usize::MAX, "a buffer cannot have 18446744073709551615 bytes: no object in memory can"),
        (1 << 63, 5, "a size of 9223372036854775808 bytes is beyond 2^63-1"),
    ] {
        let (mut writer, mut source, mut err) =
            (std::ptr::dangling_mut(), std::ptr::dangling_mut::<tus_source>(), null_mut());
        // SAFETY: valid places for results.
        let status = unsafe { tus_writer_new(size, capacity, &raw mut writer, &raw mut source, &raw mut err) };
        assert_eq!(status, INVALID);
        assert!(writer.is_null() && source.is_null());
        assert_eq!(taken(err), (INVALID, why.to_owned()));
    }
    let (mut writer, mut source) = (null_mut(), null_mut());
    // SAFETY: valid places for results.
    unsafe {
        assert_eq!(tus_writer_new(1, 1, null_mut(), &raw mut source, null_mut()), INVALID);
        assert_eq!(tus_writer_new(1, 1, &raw mut writer, null_mut(), null_mut()), INVALID);
    }
    assert!(writer.is_null() && source.is_null());
}

#[test]
fn a_write_says_how_far_it_came() {
    let (writer, source) = writer(10, 4);
    assert_eq!(write(&writer, b"01", -1), (OK, 2, String::new()));
    assert_eq!(write(&writer, b"2345", 0), (TIMEOUT, 2, "2 of 4 bytes found no room in time".to_owned()));
    assert_eq!(write(&writer, b"45", 5).0, TIMEOUT);
    let (status, written, message) = write(&writer, b"4567890", FAR);
    assert_eq!((status, written), (INVALID, 0));
    assert_eq!(message, "7 bytes after 4 are more than the 10 that were told");
    assert_eq!(write(&writer, b"", FAR), (OK, 0, String::new()));
    drop(source);
    assert_eq!(write(&writer, b"4", FAR), (INVALID_STATE, 0, "nobody reads any more: the source was freed".to_owned()));
    // SAFETY: a living writer.
    unsafe {
        assert_eq!(tus_writer_finish(writer.pointer, null_mut()), OK);
        assert_eq!(tus_writer_finish(writer.pointer, null_mut()), OK);
        assert_eq!(write(&writer, b"4", FAR), (INVALID_STATE, 0, "the writer was finished".to_owned()));
        tus_writer_abort(writer.pointer, 0);
        let mut err = null_mut();
        assert_eq!(tus_writer_finish(writer.pointer, &raw mut err), INVALID_STATE);
        assert_eq!(taken(err), (INVALID_STATE, "the writer was aborted".to_owned()));
    }
}
