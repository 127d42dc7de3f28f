//! The tests' closures as functions and data of C.
//!
//! `user_data` is a box with the closure in it, released by `destroy`.

use std::ffi::{c_char, c_void};
use std::time::Duration;

use tus::ffi::{self, tus_error, tus_progress, tus_request, tus_response};

use super::failure::{kind, told};
use super::text::{bytes, c_string, owned};
use crate::support::failure::Kind;
use crate::support::hooks::{AfterResponse, Answered, BeforeRequest, OnLog, OnProgress, OnUrl, Outgoing};
use crate::support::hooks::{Progress, ShouldRetry};

/// A closure as `user_data`.
pub(super) fn data<T>(closure: &T) -> *mut c_void
where
    T: Clone,
{
    Box::into_raw(Box::new(closure.clone())).cast()
}

/// Releases what [`data`] made of a `T`.
///
/// # Safety
///
/// - `user_data` came from [`data`] of this `T`, and is given here once.
pub(super) unsafe extern "C-unwind" fn destroy<T>(user_data: *mut c_void) {
    // SAFETY: the same condition.
    drop(unsafe { Box::from_raw(user_data.cast::<T>()) });
}

/// The closure behind `user_data`.
///
/// # Safety
///
/// - `user_data` came from [`data`] of this `T` and is not released.
unsafe fn closure<'a, T>(user_data: *mut c_void) -> &'a T {
    // SAFETY: the same condition.
    unsafe { &*user_data.cast::<T>() }
}

/// # Safety
///
/// As [`ffi::tus_before_request_fn`] says.
pub(super) unsafe extern "C-unwind" fn before_request(user_data: *mut c_void, request: *mut tus_request) -> i32 {
    // SAFETY: registered with a closure of this type.
    let hook: &BeforeRequest = unsafe { closure(user_data) };
    hook(&mut CRequest(request))
}

/// # Safety
///
/// As [`ffi::tus_after_response_fn`] says.
pub(super) unsafe extern "C-unwind" fn after_response(
    user_data: *mut c_void,
    request: *const tus_request,
    response: *const tus_response,
) -> i32 {
    // SAFETY: registered with a closure of this type.
    let hook: &AfterResponse = unsafe { closure(user_data) };
    let mut length = 0;
    // SAFETY: request and answer are on loan until this returns; what they lend is copied.
    let answered = unsafe {
        let body = ffi::tus_response_body(response, &raw mut length);
        Answered {
            method: owned(ffi::tus_request_method(request)).expect("a method"),
            url: owned(ffi::tus_request_url(request)).expect("a URL"),
            status: u16::try_from(ffi::tus_response_status(response)).expect("a status"),
            offset: owned(ffi::tus_response_header(response, c"upload-offset".as_ptr())),
            body: bytes(body, length),
        }
    };
    hook(&answered)
}

/// # Safety
///
/// As [`ffi::tus_should_retry_fn`] says.
pub(super) unsafe extern "C-unwind" fn should_retry(
    user_data: *mut c_void,
    error: *const tus_error,
    attempt: u32,
    delay_ms: *mut u64,
) -> i32 {
    // SAFETY: registered with a closure of this type; the error and the number are on loan until this returns.
    let (hook, failure, delay): (&ShouldRetry, _, _) =
        unsafe { (closure(user_data), told(error), Duration::from_millis(*delay_ms)) };
    match hook(&failure, attempt, delay) {
        Ok(chosen) => {
            // SAFETY: as above.
            unsafe { *delay_ms = u64::try_from(chosen.as_millis()).expect("a delay in milliseconds") };
            0
        }
        Err(code) => code,
    }
}

/// # Safety
///
/// As [`ffi::tus_upload_url_fn`] says.
pub(super) unsafe extern "C-unwind" fn upload_url(user_data: *mut c_void, url: *const c_char) -> i32 {
    // SAFETY: registered with a closure of this type; the string is on loan until this returns.
    let (hook, url): (&OnUrl, _) = unsafe { (closure(user_data), owned(url)) };
    hook(&url.expect("a URL"))
}

/// # Safety
///
/// As [`ffi::tus_progress_fn`] says.
pub(super) unsafe extern "C-unwind" fn progress(user_data: *mut c_void, progress: *const tus_progress) -> i32 {
    // SAFETY: registered with a closure of this type; the record is on loan until this returns.
    let (hook, record): (&OnProgress, tus_progress) = unsafe { (closure(user_data), *progress) };
    assert_eq!(record.struct_size, size_of::<tus_progress>());
    let total = (record.total != ffi::TUS_SIZE_UNKNOWN).then_some(record.total);
    hook(Progress { sent: record.sent, confirmed: record.confirmed, total })
}

/// # Safety
///
/// As [`ffi::tus_log_fn`] says.
pub(super) unsafe extern "C-unwind" fn log(user_data: *mut c_void, level: i32, line: *const c_char) {
    // SAFETY: registered with a closure of this type; the string is on loan until this returns.
    let (hook, line): (&OnLog, _) = unsafe { (closure(user_data), owned(line)) };
    hook(u8::try_from(level).expect("a level"), &line.expect("a line"));
}

/// A request on loan.
struct CRequest(*mut tus_request);

impl Outgoing for CRequest {
    fn method(&self) -> String {
        // SAFETY: on loan for as long as the callback runs, and this does not outlive it.
        unsafe { owned(ffi::tus_request_method(self.0)) }.expect("a method")
    }

    fn url(&self) -> String {
        // SAFETY: as above.
        unsafe { owned(ffi::tus_request_url(self.0)) }.expect("a URL")
    }

    fn header(&self, name: &str) -> Option<String> {
        let name = c_string(name).ok()?;
        // SAFETY: as above; the name lives until the end of this function.
        unsafe { owned(ffi::tus_request_header(self.0, name.as_ptr())) }
    }

    fn is_trusted(&self) -> bool {
        // SAFETY: as above.
        unsafe { ffi::tus_request_is_trusted_origin(self.0) != 0 }
    }

    fn set_header(&mut self, name: &str, value: Option<&str>) -> Result<(), Kind> {
        let name = c_string(name).map_err(|failure| failure.kind)?;
        let value = value.map(c_string).transpose().map_err(|failure| failure.kind)?;
        let value = value.as_ref().map_or(std::ptr::null(), |value| value.as_ptr());
        // SAFETY: as above; the strings live until the end of this function.
        match unsafe { ffi::tus_request_set_header(self.0, name.as_ptr(), value) } {
            0 => Ok(()),
            status => Err(kind(status)),
        }
    }
}
