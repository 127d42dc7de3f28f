//! Failures on their way out: which status each kind gets, and the `tus_error` with its details.
//!
//! This is the only place where an [`ErrorKind`] becomes a number.

use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr;

use super::convert::{c_string, put, text, truth};
use super::guard::guard_value;
use super::handle::{CType, Kind, Object, Owned, free, give, lend, state};
use super::status::{tus_status, tus_status_code};
use super::warning::Warnings;
use crate::error::{Error, ErrorKind, TimeLimit};
use crate::protocol::foreign::printable;

/// The details of a failure. Immutable.
///
/// A call that fails writes one to `*err` if `err` is not NULL; it is the caller's then, to be freed
/// with tus_error_free. A call that succeeds leaves `*err` alone, so set it to NULL before. All
/// strings live as long as the error.
///
/// Ownership: single owner; the one that a callback gets is borrowed and ends with the callback.
/// Threads: any number may read it at once.
pub struct tus_error {
    _private: [u8; 0],
}

impl CType for tus_error {
    type State = ErrorState;
    type Class = Owned;
    const KIND: Kind = Kind::Error;
}

/// What a `tus_error` tells, ready for C.
pub(super) struct ErrorState {
    status: tus_status_code,
    message: CString,
    callback_code: i32,
    os_code: i32,
    retryable: bool,
    upload_url: Option<CString>,
    resume_token: Option<CString>,
    method: Option<CString>,
    request_url: Option<CString>,
    request_id: Option<CString>,
    http_status: i32,
    headers: Vec<(String, CString)>,
    body: Vec<u8>,
    pub(super) warnings: Warnings,
}

/// A failure inside this layer: the engine's, or one that only the boundary knows.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    status: tus_status_code,
    error: Error,
}

impl Failure {
    /// The client belongs to the parent process.
    pub(super) fn forked(made_by: u32) -> Self {
        Self::of_fork("client", made_by)
    }

    /// An object that belongs to another process.
    pub(super) fn of_fork(what: &str, made_by: u32) -> Self {
        let message = format!("the {what} was made by process {made_by}, before a fork; make one in this process");
        Failure { status: tus_status_code::TUS_E_FORKED, error: Error::new(ErrorKind::InvalidState, message) }
    }

    /// What was asked for by name is not there.
    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Failure { status: tus_status_code::TUS_E_NOT_FOUND, error: Error::invalid(message) }
    }

    /// A panic, with its text.
    pub(super) fn panicked(text: String) -> Self {
        let message = format!("libtus has a bug, please report it: {text}");
        Failure { status: tus_status_code::TUS_E_PANIC, error: Error::new(ErrorKind::Internal, message) }
    }

    /// The status to return.
    pub(super) fn status(&self) -> tus_status_code {
        self.status
    }

    /// A wait that took too long.
    pub(super) fn timed_out(message: &'static str) -> Self {
        Error::new(ErrorKind::Timeout(TimeLimit::Total), message).into()
    }

    /// The object as a part of another.
    pub(super) fn lend(&self) -> Object<tus_error> {
        lend(ErrorState::new(self.status, &self.error))
    }

    /// The object to write to `*err`.
    pub(super) fn into_object(self) -> *mut tus_error {
        give(ErrorState::new(self.status, &self.error))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure { status: status_of(error.kind()), error }
    }
}

/// An error of the engine's for the time of a callback.
pub(super) fn lend_error(error: &Error) -> Object<tus_error> {
    lend(ErrorState::new(status_of(error.kind()), error))
}

/// The status of each kind of failure.
pub(super) fn status_of(kind: ErrorKind) -> tus_status_code {
    match kind {
        ErrorKind::InvalidArgument => tus_status_code::TUS_E_INVALID_ARGUMENT,
        ErrorKind::InvalidState => tus_status_code::TUS_E_INVALID_STATE,
        ErrorKind::Unsupported => tus_status_code::TUS_E_UNSUPPORTED,
        ErrorKind::Busy => tus_status_code::TUS_E_BUSY,
        ErrorKind::Cancelled => tus_status_code::TUS_E_CANCELLED,
        ErrorKind::Callback(_) => tus_status_code::TUS_E_CALLBACK,
        ErrorKind::Timeout(_) => tus_status_code::TUS_E_TIMEOUT,
        ErrorKind::Source => tus_status_code::TUS_E_SOURCE,
        ErrorKind::Store => tus_status_code::TUS_E_STORE,
        ErrorKind::Fingerprint => tus_status_code::TUS_E_FINGERPRINT,
        ErrorKind::SourceChanged => tus_status_code::TUS_E_SOURCE_CHANGED,
        ErrorKind::Resources => tus_status_code::TUS_E_RESOURCES,
        ErrorKind::Resolve => tus_status_code::TUS_E_RESOLVE,
        ErrorKind::Connect => tus_status_code::TUS_E_CONNECT,
        ErrorKind::Tls => tus_status_code::TUS_E_TLS,
        ErrorKind::Io => tus_status_code::TUS_E_IO,
        ErrorKind::HttpStatus => tus_status_code::TUS_E_HTTP_STATUS,
        ErrorKind::Protocol(_) => tus_status_code::TUS_E_PROTOCOL,
        ErrorKind::OffsetConflict => tus_status_code::TUS_E_OFFSET_CONFLICT,
        ErrorKind::Gone => tus_status_code::TUS_E_GONE,
        ErrorKind::Locked => tus_status_code::TUS_E_LOCKED,
        ErrorKind::Checksum => tus_status_code::TUS_E_CHECKSUM,
        ErrorKind::TooLarge => tus_status_code::TUS_E_TOO_LARGE,
        ErrorKind::Version => tus_status_code::TUS_E_VERSION,
        ErrorKind::Unconfirmed => tus_status_code::TUS_E_UNCONFIRMED,
        ErrorKind::Internal => tus_status_code::TUS_E_INTERNAL,
    }
}

impl ErrorState {
    fn new(status: tus_status_code, error: &Error) -> Self {
        let request = error.request();
        let answer = error.answer();
        let headers = answer.map(|answer| {
            answer.headers.iter().map(|(name, value)| (name.to_owned(), c_string(value))).collect::<Vec<_>>()
        });
        ErrorState {
            status,
            message: c_string(&printable(&error.full_message())),
            callback_code: error.callback_code().unwrap_or(0),
            os_code: error.os_code().unwrap_or(0),
            retryable: error.is_retryable(),
            upload_url: error.upload_url().map(|url| c_string(url.as_str())),
            resume_token: error.resume_token().map(c_string),
            method: request.map(|request| c_string(request.method)),
            request_url: request.map(|request| c_string(request.url.as_str())),
            request_id: error.request_id().map(c_string),
            http_status: answer.map_or(0, |answer| answer.status.into()),
            headers: headers.unwrap_or_default(),
            body: answer.map(|answer| answer.body.clone()).unwrap_or_default(),
            warnings: Warnings::new(error.warnings()),
        }
    }
}

/// The status that the failed call returned.
///
/// - `e`: the error.
///
/// Returns: the status, never TUS_OK; TUS_E_INVALID_ARGUMENT if `e` is NULL or no error.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_error_status(e: *const tus_error) -> tus_status {
    guard_value(tus_status_code::TUS_E_PANIC.code(), || {
        // SAFETY: the caller's pointer, as the header asks for.
        unsafe { state(e, "e") }.map_or(tus_status_code::TUS_E_INVALID_ARGUMENT, |error| error.status).code()
    })
}

/// What went wrong, with the whole chain of causes, in English, on one line. It carries no values of
/// the program's headers, also where the server repeats them, no queries of URLs, and no ids of
/// uploads unless they are asked for (tus_config_set_show_urls). What it quotes of the server's is
/// short and printable.
///
/// - `e`: the error.
///
/// Returns: the message; a static text if `e` is NULL or no error. Never NULL.
/// Ownership: borrowed; valid until the error is freed.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_error_message(e: *const tus_error) -> *const c_char {
    guard_value(c"".as_ptr(), || {
        // SAFETY: the caller's pointer, as the header asks for.
        unsafe { state(e, "e") }.map_or(c"no error object", |error| error.message.as_c_str()).as_ptr()
    })
}

/// The HTTP status of the answer that the failure belongs to.
///
/// - `e`: the error.
///
/// Returns: for example 403; 0 if there was no answer, or if `e` is NULL or no error.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_error_http_status(e: *const tus_error) -> i32 {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(0, || unsafe { state(e, "e") }.map_or(0, |error| error.http_status))
}

/// The operating system's code of the failure: errno on Unix, GetLastError on Windows.
///
/// - `e`: the error.
///
/// Returns: the code; 0 if there is none, or if `e` is NULL or no error.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_error_os_code(e: *const tus_error) -> i32 {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(0, || unsafe { state(e, "e") }.map_or(0, |error| error.os_code))
}

/// The value that a callback returned to end the operation, or a tus_should_retry_fn to give up.
///
/// - `e`: the error.
///
/// Returns: the value; 0 if no callback ended it, or if `e` is NULL or no error.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_error_callback_code(e: *const tus_error) -> i32 {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(0, || unsafe { state(e, "e") }.map_or(0, |error| error.callback_code))
}

/// Whether the same operation may succeed when it is tried again later, with nothing changed.
///
/// - `e`: the error.
///
/// Returns: 1 if so, 0 if not, or if `e` is NULL or no error.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_error_is_retryable(e: *const tus_error) -> c_int {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(0, || unsafe { state(e, "e") }.map_or(0, |error| truth(error.retryable)))
}

/// The upload that exists on the server in spite of the failure: hand it to tus_client_resume_upload
/// to go on. An upload in parts has no URL yet: go on with it by tus_error_resume_token, or by the
/// store. It is the full URL; some servers let whoever knows it write to the upload, so treat it as
/// a secret.
///
/// - `e`: the error.
///
/// Returns: the URL; NULL if there is no upload to resume, or if `e` is NULL or no error.
/// Ownership: borrowed; valid until the error is freed.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_error_upload_url(e: *const tus_error) -> *const c_char {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(ptr::null(), || unsafe { optional_string(e, |error| error.upload_url.as_ref()) })
}

/// The token with which a later run, or the same one, goes on with the upload that failed
/// (tus_upload_options_set_resume_token). Unlike the URL it also stands for an upload in parts and
/// lets the source be recognised: a file that was not changed just before shows itself to be the
/// same; for all else the digest of what was sent does, which is only taken with a store or a
/// tus_resume_token_fn. Whoever has it can write to the upload, so treat it as a secret.
///
/// - `e`: the error.
///
/// Returns: the token, one word of letters, digits, '-', '_' and '.'; NULL if there is no upload to
/// go on with, its source cannot be recognised again, or `e` is NULL or no error.
/// Ownership: borrowed; valid until the error is freed.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_error_resume_token(e: *const tus_error) -> *const c_char {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(ptr::null(), || unsafe { optional_string(e, |error| error.resume_token.as_ref()) })
}

/// The method of the request that failed, as it was sent: POST where
/// tus_config_set_override_patch_method hides a PATCH or DELETE behind it. tus_error_message then
/// names both.
///
/// - `e`: the error.
///
/// Returns: for example "PATCH"; NULL if no request was involved, or if `e` is NULL or no error.
/// Ownership: borrowed; valid until the error is freed.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_error_request_method(e: *const tus_error) -> *const c_char {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(ptr::null(), || unsafe { optional_string(e, |error| error.method.as_ref()) })
}

/// The whole URL of the request that failed; userinfo is never in it. Some servers let whoever knows
/// an upload's URL write to it, and queries may be signatures, so treat it as a secret;
/// tus_error_message has a form for logs.
///
/// - `e`: the error.
///
/// Returns: the URL; NULL if no request was involved, or if `e` is NULL or no error.
/// Ownership: borrowed; valid until the error is freed.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_error_request_url(e: *const tus_error) -> *const c_char {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(ptr::null(), || unsafe { optional_string(e, |error| error.request_url.as_ref()) })
}

/// The id of the request that failed, to be looked for in the server's log: its X-Request-ID,
/// whoever set it (tus_config_set_add_request_id, a header of the program's), or else the one that
/// the server's answer carries. It is part of the message too.
///
/// - `e`: the error.
///
/// Returns: the id; NULL if there is none, no request was involved, or if `e` is NULL or no error.
/// Ownership: borrowed; valid until the error is freed.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_error_request_id(e: *const tus_error) -> *const c_char {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(ptr::null(), || unsafe { optional_string(e, |error| error.request_id.as_ref()) })
}

/// A header of the answer that the failure belongs to.
///
/// - `e`: the error.
/// - `name`: the header's name, in any case.
///
/// Returns: its first value (tus_error_response_header_at has the others); NULL if the answer has no
/// such header or there was no answer, or if an argument is NULL or invalid.
/// Ownership: borrowed; valid until the error is freed.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_error_response_header(e: *const tus_error, name: *const c_char) -> *const c_char {
    guard_value(ptr::null(), || {
        // SAFETY: the caller's pointers, as the header asks for.
        let (Ok(error), Ok(name)) = (unsafe { state(e, "e") }, unsafe { text(name, "name") }) else {
            return ptr::null();
        };
        let found = error.headers.iter().find(|(have, _)| have.eq_ignore_ascii_case(name));
        found.map_or(ptr::null(), |(_, value)| value.as_ptr())
    })
}

/// How many values a header of the answer has, which may come more than once (Set-Cookie).
///
/// - `e`: the error.
/// - `name`: the header's name, in any case.
///
/// Returns: the number; 0 if the answer has no such header or there was no answer, or if an argument
/// is NULL or invalid.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_error_response_header_count(e: *const tus_error, name: *const c_char) -> usize {
    guard_value(0, || {
        // SAFETY: the caller's pointers, as the header asks for.
        let (Ok(error), Ok(name)) = (unsafe { state(e, "e") }, unsafe { text(name, "name") }) else { return 0 };
        error.headers.iter().filter(|(have, _)| have.eq_ignore_ascii_case(name)).count()
    })
}

/// One of the values of a header of the answer.
///
/// - `e`: the error.
/// - `name`: the header's name, in any case.
/// - `index`: which one, from 0, in the order they came.
///
/// Returns: the value; NULL if there are not so many, or if an argument is NULL or invalid.
/// Ownership: borrowed; valid until the error is freed.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_error_response_header_at(
    e: *const tus_error,
    name: *const c_char,
    index: usize,
) -> *const c_char {
    guard_value(ptr::null(), || {
        // SAFETY: the caller's pointers, as the header asks for.
        let (Ok(error), Ok(name)) = (unsafe { state(e, "e") }, unsafe { text(name, "name") }) else {
            return ptr::null();
        };
        let found = error.headers.iter().filter(|(have, _)| have.eq_ignore_ascii_case(name)).nth(index);
        found.map_or(ptr::null(), |(_, value)| value.as_ptr())
    })
}

/// The body of the answer that the failure belongs to, as the server sent it, cut after 64 KiB.
/// Unlike the message it is not made fit for anything: it may repeat the request, credentials
/// included, and have control characters.
///
/// - `e`: the error.
/// - `len`: receives the number of bytes; 0 if there is no body. May be NULL.
///
/// Returns: the bytes, not NUL-terminated; NULL if there is no body, or if `e` is NULL or no error.
/// Ownership: borrowed; valid until the error is freed.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_error_response_body(e: *const tus_error, len: *mut usize) -> *const c_void {
    guard_value(ptr::null(), || {
        // SAFETY: the caller's pointer, as the header asks for.
        let body = unsafe { state(e, "e") }.map_or(&[][..], |error| &error.body);
        // SAFETY: the caller's pointer, as the header asks for.
        unsafe { put(len, body.len()) };
        if body.is_empty() { ptr::null() } else { body.as_ptr().cast() }
    })
}

/// Frees an error. Its strings become invalid.
///
/// - `e`: the error, or NULL, which does nothing. One that was handed to a callback is left alone.
///
/// Threads: any, one at a time, and none may still use the error.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_error_free(e: *mut tus_error) {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value((), || unsafe { free(e) })
}

/// A string that may be missing.
///
/// # Safety
///
/// - `e` is NULL or an error of the caller's.
unsafe fn optional_string(e: *const tus_error, which: impl FnOnce(&ErrorState) -> Option<&CString>) -> *const c_char {
    // SAFETY: the same condition.
    unsafe { state(e, "e") }.ok().and_then(which).map_or(ptr::null(), |text| text.as_ptr())
}
