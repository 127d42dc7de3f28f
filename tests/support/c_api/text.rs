//! Strings and bytes to C and back.

use std::ffi::{CStr, CString, c_char, c_void};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use crate::support::failure::{Failure, Kind};

/// A string for C; one with a NUL inside cannot be said there.
pub(super) fn c_string(text: &str) -> Result<CString, Failure> {
    CString::new(text).map_err(|_| unspeakable())
}

pub(super) fn c_path(path: &Path) -> Result<CString, Failure> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| unspeakable())
}

fn unspeakable() -> Failure {
    Failure {
        kind: Kind::InvalidArgument,
        rule: None,
        limit: None,
        message: "a string of C has no NUL inside".to_owned(),
        status: 0,
        os_code: 0,
        code: 0,
        retryable: false,
        upload_url: None,
        body: Vec::new(),
    }
}

/// A copy of a string from the library; `None` for NULL.
///
/// # Safety
///
/// - `pointer` is NULL or a string that the library has just lent.
pub(super) unsafe fn owned(pointer: *const c_char) -> Option<String> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: not NULL, so a string on loan.
    let text = unsafe { CStr::from_ptr(pointer) };
    Some(text.to_str().expect("what the library says is UTF-8").to_owned())
}

/// A copy of bytes from the library; none for NULL.
///
/// # Safety
///
/// - `pointer` is NULL or `len` bytes that the library has just lent.
pub(super) unsafe fn bytes(pointer: *const c_void, len: usize) -> Vec<u8> {
    if pointer.is_null() {
        assert_eq!(len, 0, "no bytes have no length");
        return Vec::new();
    }
    // SAFETY: not NULL, so that many bytes on loan.
    unsafe { std::slice::from_raw_parts(pointer.cast(), len) }.to_vec()
}
