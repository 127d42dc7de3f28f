//! The caller's functions that watch and steer an operation, and how the engine calls them.

use std::ffi::{c_char, c_void};
use std::mem::{offset_of, size_of};
use std::sync::Arc;

use super::callback::{Callback, verdict};
use super::convert::{c_string, milliseconds, to_milliseconds};
use super::credentials::{lend_credentials, tus_credentials};
use super::error::{lend_error, tus_error};
use super::exchange::{lend_request, lend_response, lend_sent_request, tus_request, tus_response};
use super::record::{self, Record};
use super::version::TUS_SIZE_UNKNOWN;
use crate::engine::hooks::{
    AfterResponse, BeforeRequest, Credentials, OnExpiring, OnProgress, OnResumeToken, OnUploadUrl, Progress,
    RetryVerdict, ShouldRetry, WaitReason,
};
use crate::error::Result;

/// How far an upload is. Neither counter ever exceeds the total. Set `struct_size` to
/// sizeof(tus_progress) before it is filled (tus_task_get_progress).
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct tus_progress {
    /// What a callback gets: the size of the record in the library's version; members beyond it are
    /// not there. What is to be filled: sizeof(tus_progress), as the program was compiled.
    pub struct_size: usize,
    /// Bytes handed to the operating system to be sent, counted from the beginning of the source.
    /// What it has buffered is included, so this runs ahead of `confirmed`, and falls back to it
    /// when a request breaks.
    pub sent: u64,
    /// Bytes acknowledged by the server: what survives any failure.
    pub confirmed: u64,
    /// The size of the upload in bytes; TUS_SIZE_UNKNOWN while it is unknown.
    pub total: u64,
    /// Bytes that were on the server before this operation; 0 until the server has told. Speed is
    /// what came after.
    pub resumed: u64,
    /// Bytes sent per second, over the last seconds.
    pub speed: f64,
    /// How long the rest will take at this speed, in milliseconds; UINT64_MAX while nothing moves or
    /// the total is unknown.
    pub eta_ms: u64,
    /// Tries of this operation that failed and were, or are about to be, repeated. A number that
    /// grows while `confirmed` does not is a server that is down or a link that is broken.
    pub retries: u64,
    /// What the operation waits for before it sends anything, a value of enum tus_waiting; of an
    /// upload in parts, what one of them waits for.
    pub waiting: i32,
}

/// What an operation waits for, as the header has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum tus_waiting {
    TUS_WAITING_NOT = 0,
    TUS_WAITING_BACKOFF = 1,
    TUS_WAITING_RETRY_AFTER = 2,
    TUS_WAITING_LOCK = 3,
    TUS_WAITING_ASSEMBLY = 4,
}

// SAFETY: `repr(C)`, and `struct_size` comes first.
unsafe impl Record for tus_progress {
    const NAMES: (&'static str, &'static str) = ("tus_progress", "p");
    const FIRST_SIZE: usize = offset_of!(tus_progress, retries);
}

/// Called before each request on the wire, repeated ones included; may change the request's headers,
/// for example to renew a token.
///
/// - `user_data`: as registered.
/// - `request`: the request.
///
/// Returns 0 to go on; anything else ends the operation with TUS_E_CALLBACK.
pub type tus_before_request_fn =
    Option<unsafe extern "C-unwind" fn(user_data: *mut c_void, request: *mut tus_request) -> i32>;

/// Called after each answer, errors too.
///
/// - `user_data`: as registered.
/// - `request`: the request, as it was sent.
/// - `response`: the answer.
///
/// Returns 0 to go on; anything else ends the operation with TUS_E_CALLBACK. After the answer that
/// acknowledges the last byte it comes too late and changes nothing: the upload is done.
pub type tus_after_response_fn = Option<
    unsafe extern "C-unwind" fn(
        user_data: *mut c_void,
        request: *const tus_request,
        response: *const tus_response,
    ) -> i32,
>;

/// Called before each retry that the library would make, never after the last.
///
/// - `user_data`: as registered.
/// - `error`: why the try failed; borrowed, valid until the function returns.
/// - `attempt`: the number of the coming retry, from 1; it begins anew when the server has
///   acknowledged more bytes.
/// - `delay_ms`: the wait before the retry in milliseconds; may be changed.
///
/// Returns 0 to retry after `*delay_ms`; anything else gives up: the operation ends with the error
/// at hand, which keeps the value for tus_error_callback_code.
pub type tus_should_retry_fn = Option<
    unsafe extern "C-unwind" fn(
        user_data: *mut c_void,
        error: *const tus_error,
        attempt: u32,
        delay_ms: *mut u64,
    ) -> i32,
>;

/// Called as soon as a new upload has its URL: the moment to store it, so that the upload can be
/// resumed after a crash. That is before its first byte is sent, unless data goes with the creation
/// (tus_config_set_upload_with_creation): then the first chunk has been sent, and may have been all
/// there is.
///
/// - `user_data`: as registered.
/// - `upload_url`: the absolute URL; valid until the function returns.
///
/// Returns 0 to go on; anything else ends the operation with TUS_E_CALLBACK, the upload stays on the
/// server.
pub type tus_upload_url_fn =
    Option<unsafe extern "C-unwind" fn(user_data: *mut c_void, upload_url: *const c_char) -> i32>;

/// Called with the progress of an upload: at the start, at each acknowledged chunk, when a failed
/// try is about to be repeated, when a wait begins and ends, at the end, and about ten times a
/// second in between, whether bytes move or not. It is therefore also the way to stop an operation
/// from outside.
///
/// - `user_data`: as registered.
/// - `progress`: how far the upload is; valid until the function returns.
///
/// Returns 0 to go on; anything else ends the operation with TUS_E_CALLBACK, the upload stays on the
/// server and can be resumed. In the call at the end, when the server has everything, it comes too
/// late and changes nothing.
pub type tus_progress_fn =
    Option<unsafe extern "C-unwind" fn(user_data: *mut c_void, progress: *const tus_progress) -> i32>;

/// Called after the server has refused a request for want of credentials (401), once for all
/// operations of the client that met it with the same headers, which wait meanwhile: the moment to
/// renew a token.
///
/// - `user_data`: as registered.
/// - `refusal`: the answer; borrowed, valid until the function returns.
/// - `out`: takes the new headers with tus_credentials_set_header; borrowed too.
///   tus_client_set_header is as good.
///
/// Returns 0 to try again with them; anything else gives up: the operation ends with
/// TUS_E_HTTP_STATUS, whose error keeps the value for tus_error_callback_code. If no header was
/// changed, 0 gives up too.
pub type tus_credentials_fn = Option<
    unsafe extern "C-unwind" fn(user_data: *mut c_void, refusal: *const tus_response, out: *mut tus_credentials) -> i32,
>;

/// Called when the server will drop an upload sooner than it can be complete at its present speed
/// (T-082).
///
/// - `user_data`: as registered.
/// - `upload_url`: the absolute URL; valid until the function returns.
/// - `expires_s`: when, in seconds since 1970-01-01 00:00 UTC.
///
/// Returns 0 to go on; anything else ends the operation with TUS_E_CALLBACK, the upload stays on the
/// server.
pub type tus_expiring_fn =
    Option<unsafe extern "C-unwind" fn(user_data: *mut c_void, upload_url: *const c_char, expires_s: u64) -> i32>;

/// Called with the token by which an upload can be continued later
/// (tus_upload_options_set_resume_token), as soon as the upload has a URL and each time something in
/// it changes that a later run needs. The first time is before the first byte is sent, unless data
/// goes with the creation (tus_config_set_upload_with_creation): then it is after the first chunk,
/// and if that was all there is, not at all.
///
/// - `user_data`: as registered.
/// - `token`: one word of letters, digits, '-', '_' and '.'; valid until the function returns.
///   Whoever has it can write to the upload, so treat it as a secret.
///
/// Returns 0 to go on; anything else ends the operation with TUS_E_CALLBACK, the upload stays on the
/// server.
pub type tus_resume_token_fn = Option<unsafe extern "C-unwind" fn(user_data: *mut c_void, token: *const c_char) -> i32>;

/// The function types without NULL.
pub(super) type BeforeRequestFn = unsafe extern "C-unwind" fn(*mut c_void, *mut tus_request) -> i32;
pub(super) type AfterResponseFn =
    unsafe extern "C-unwind" fn(*mut c_void, *const tus_request, *const tus_response) -> i32;
pub(super) type ShouldRetryFn = unsafe extern "C-unwind" fn(*mut c_void, *const tus_error, u32, *mut u64) -> i32;
pub(super) type UploadUrlFn = unsafe extern "C-unwind" fn(*mut c_void, *const c_char) -> i32;
pub(super) type ProgressFn = unsafe extern "C-unwind" fn(*mut c_void, *const tus_progress) -> i32;
pub(super) type CredentialsFn =
    unsafe extern "C-unwind" fn(*mut c_void, *const tus_response, *mut tus_credentials) -> i32;
pub(super) type ExpiringFn = unsafe extern "C-unwind" fn(*mut c_void, *const c_char, u64) -> i32;
pub(super) type ResumeTokenFn = unsafe extern "C-unwind" fn(*mut c_void, *const c_char) -> i32;

pub(super) fn before_request(callback: Callback<BeforeRequestFn>) -> BeforeRequest {
    Arc::new(move |request| {
        let loan = lend_request(request);
        // SAFETY: the caller registered this function to be called with this data and a request.
        verdict(callback.call(|function, data| unsafe { function(data, loan.as_c().cast_mut()) }))
    })
}

pub(super) fn after_response(callback: Callback<AfterResponseFn>) -> AfterResponse {
    Arc::new(move |request, answer| {
        let (request, response) = (lend_sent_request(request), lend_response(answer));
        // SAFETY: the caller registered this function to be called with this data, a request and an answer.
        verdict(callback.call(|function, data| unsafe { function(data, request.as_c(), response.as_c()) }))
    })
}

pub(super) fn should_retry(callback: Callback<ShouldRetryFn>) -> ShouldRetry {
    Arc::new(move |error, attempt, delay| {
        let error = lend_error(error);
        let proposed = to_milliseconds(delay);
        let mut chosen = proposed;
        // SAFETY: the caller registered this function to be called with this data, an error and a number to change.
        let code = callback.call(|function, data| unsafe { function(data, error.as_c(), attempt, &raw mut chosen) });
        match code {
            0 if chosen == proposed => RetryVerdict::After(delay),
            0 => RetryVerdict::After(milliseconds(chosen)),
            code => RetryVerdict::GiveUp(code),
        }
    })
}

pub(super) fn upload_url(callback: Callback<UploadUrlFn>) -> OnUploadUrl {
    Arc::new(move |url| {
        let url = c_string(url.as_str());
        // SAFETY: the caller registered this function to be called with this data and a string.
        verdict(callback.call(|function, data| unsafe { function(data, url.as_ptr()) }))
    })
}

/// The record of an upload's progress, of the size that is said.
fn numbers(progress: &Progress, struct_size: usize) -> tus_progress {
    tus_progress {
        struct_size,
        sent: progress.sent,
        confirmed: progress.confirmed,
        total: progress.total.unwrap_or(TUS_SIZE_UNKNOWN),
        resumed: progress.resumed,
        speed: progress.speed,
        eta_ms: progress.eta.map_or(u64::MAX, to_milliseconds),
        retries: progress.retries,
        waiting: waiting(progress.waiting) as i32,
    }
}

fn waiting(reason: Option<WaitReason>) -> tus_waiting {
    match reason {
        None => tus_waiting::TUS_WAITING_NOT,
        Some(WaitReason::Backoff) => tus_waiting::TUS_WAITING_BACKOFF,
        Some(WaitReason::RetryAfter) => tus_waiting::TUS_WAITING_RETRY_AFTER,
        Some(WaitReason::Lock) => tus_waiting::TUS_WAITING_LOCK,
        Some(WaitReason::Assembly) => tus_waiting::TUS_WAITING_ASSEMBLY,
    }
}

/// Fills the caller's record.
///
/// # Safety
///
/// - `record` is NULL or points to a record that is as large as its first member says.
pub(super) unsafe fn fill_progress(record: *mut tus_progress, progress: &Progress) -> Result<()> {
    // SAFETY: the same condition.
    unsafe { record::fill(record, |struct_size| numbers(progress, struct_size)) }
}

pub(super) fn progress(callback: Callback<ProgressFn>) -> OnProgress {
    Arc::new(move |progress| {
        let record = numbers(progress, size_of::<tus_progress>());
        // SAFETY: the caller registered this function to be called with this data and a record.
        verdict(callback.call(|function, data| unsafe { function(data, &raw const record) }))
    })
}

pub(super) fn credentials(callback: Callback<CredentialsFn>) -> Credentials {
    Arc::new(move |answer, new| {
        let (refusal, out) = (lend_response(answer), lend_credentials());
        // SAFETY: the caller registered this function to be called with this data, an answer and credentials.
        verdict(callback.call(|function, data| unsafe { function(data, refusal.as_c(), out.as_c().cast_mut()) }))?;
        *new = out.take();
        Ok(())
    })
}

pub(super) fn expiring(callback: Callback<ExpiringFn>) -> OnExpiring {
    Arc::new(move |url, at| {
        let url = c_string(url.as_str());
        // SAFETY: the caller registered this function to be called with this data, a string and a number.
        verdict(callback.call(|function, data| unsafe { function(data, url.as_ptr(), at) }))
    })
}

pub(super) fn resume_token(callback: Callback<ResumeTokenFn>) -> OnResumeToken {
    Arc::new(move |token| {
        let token = c_string(token);
        // SAFETY: the caller registered this function to be called with this data and a string.
        verdict(callback.call(|function, data| unsafe { function(data, token.as_ptr()) }))
    })
}
