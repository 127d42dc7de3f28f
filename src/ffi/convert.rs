//! Strings, bytes, numbers and result pointers, from C to Rust and back.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use super::version::{TUS_CHUNK_AUTO, TUS_CHUNK_WHOLE};
use crate::error::{Error, Result};
use crate::protocol::chunk::ChunkSize;

/// A descriptor for the caller's `poll`, or -1. The header has it as `intptr_t`.
pub(super) type EventHandle = isize;

/// A string from C.
///
/// # Safety
///
/// - `pointer` is NULL or points to a NUL-terminated string that stays as it is for `'a`.
pub(super) unsafe fn text<'a>(pointer: *const c_char, argument: &str) -> Result<&'a str> {
    // SAFETY: the same condition.
    let text = unsafe { optional_text(pointer, argument) }?;
    text.ok_or_else(|| Error::invalid(format!("{argument} is NULL where a string is needed")))
}

/// A string from C that may be missing.
///
/// # Safety
///
/// - as for [`text`].
pub(super) unsafe fn optional_text<'a>(pointer: *const c_char, argument: &str) -> Result<Option<&'a str>> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: not NULL, so it points to a NUL-terminated string that stays as it is for `'a`.
    let text = unsafe { CStr::from_ptr(pointer) };
    match text.to_str() {
        Ok(text) => Ok(Some(text)),
        Err(error) => Err(Error::invalid(format!("{argument} is not UTF-8 from byte {} on", error.valid_up_to()))),
    }
}

/// A path from C: raw bytes on Unix, UTF-8 elsewhere.
///
/// # Safety
///
/// - `pointer` is NULL or points to a NUL-terminated string.
pub(super) unsafe fn path(pointer: *const c_char, argument: &str) -> Result<PathBuf> {
    if pointer.is_null() {
        return Err(Error::invalid(format!("{argument} is NULL where a path is needed")));
    }
    #[cfg(unix)]
    let path = {
        use std::os::unix::ffi::OsStrExt as _;
        // SAFETY: not NULL, so it points to a NUL-terminated string.
        let bytes = unsafe { CStr::from_ptr(pointer) }.to_bytes();
        PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
    };
    #[cfg(not(unix))]
    // SAFETY: not NULL, so it points to a NUL-terminated string.
    let path = PathBuf::from(unsafe { text(pointer, argument) }?);
    if path.as_os_str().is_empty() {
        return Err(Error::invalid(format!("{argument} is an empty path")));
    }
    Ok(path)
}

/// Bytes from C.
///
/// # Safety
///
/// - `pointer` is NULL or points to `length` bytes that stay as they are for `'a`.
pub(super) unsafe fn bytes<'a>(pointer: *const c_void, length: usize, argument: &str) -> Result<&'a [u8]> {
    if length == 0 {
        return Ok(&[]);
    }
    if pointer.is_null() {
        return Err(Error::invalid(format!("{argument} is NULL but its length is {length}")));
    }
    if isize::try_from(length).is_err() {
        return Err(Error::invalid(format!("{argument} cannot be {length} bytes long: no object in memory can")));
    }
    // SAFETY: not NULL and no longer than any object, and there are `length` bytes that stay as they are for `'a`.
    Ok(unsafe { std::slice::from_raw_parts(pointer.cast(), length) })
}

/// What a value of an enumeration stands for. `choices` are all of them, in order.
pub(super) fn choice<T: Clone>(number: i32, enumeration: &str, choices: &[(i32, T)]) -> Result<T> {
    let found = choices.iter().find(|(value, _)| *value == number);
    found.map(|(_, choice)| choice.clone()).ok_or_else(|| {
        let bounds = [choices.first(), choices.last()].map(|bound| bound.map_or(0, |(value, _)| *value));
        Error::invalid(format!(
            "{number} is no value of enum {enumeration}: they go from {} to {}",
            bounds[0], bounds[1]
        ))
    })
}

/// A switch: anything but 0 is on.
pub(super) fn flag(value: c_int) -> bool {
    value != 0
}

/// A truth value for C.
pub(super) fn truth(value: bool) -> c_int {
    c_int::from(value)
}

/// Milliseconds as a duration.
pub(super) fn milliseconds(value: u64) -> Duration {
    Duration::from_millis(value)
}

/// Milliseconds of a wait that may be without end: `None`.
pub(super) fn wait_limit(value: i64) -> Option<Duration> {
    u64::try_from(value).ok().map(milliseconds)
}

/// A duration as milliseconds, rounded up so that a short wait does not become none.
pub(super) fn to_milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// A chunk size with its two special values.
pub(super) fn chunk_size(bytes: u64) -> Result<ChunkSize> {
    match bytes {
        TUS_CHUNK_AUTO => Ok(ChunkSize::Auto),
        TUS_CHUNK_WHOLE => Ok(ChunkSize::Whole),
        _ => match NonZeroU64::new(bytes) {
            Some(bytes) => Ok(ChunkSize::Fixed(bytes)),
            None => Err(Error::invalid(
                "a chunk size of 0 bytes would never send anything: give 1 or more, or TUS_CHUNK_AUTO",
            )),
        },
    }
}

/// Text for C. A NUL inside would end it early and is replaced, as everything unrepresentable is in
/// Unicode.
pub(super) fn c_string(text: &str) -> CString {
    let text = if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text.to_owned() };
    CString::new(text).unwrap_or_default()
}

/// Sets a result to NULL before anything can fail.
///
/// # Safety
///
/// - `out` is NULL or points to memory for a pointer.
pub(super) unsafe fn clear<T>(out: *mut *mut T) {
    // SAFETY: the same condition.
    unsafe { put(out, std::ptr::null_mut()) };
}

/// Sets a result, if the caller wants it.
///
/// # Safety
///
/// - `out` is NULL or points to memory for a `T`.
pub(super) unsafe fn put<T>(out: *mut T, value: T) {
    if !out.is_null() {
        // SAFETY: not NULL, so it points to memory for a `T`.
        unsafe { out.write(value) };
    }
}
