//! `tus_status` and `tus_error` in the words of the tests.

use std::ptr;

use tus::ffi::{self, tus_error, tus_status};

use super::text::{bytes, owned};
use crate::support::failure::{Failure, Kind};

/// The outcome of a call that may give a `tus_error`.
pub(super) fn checked(call: impl FnOnce(*mut *mut tus_error) -> tus_status) -> Result<(), Failure> {
    let mut error = ptr::null_mut();
    let status = call(&raw mut error);
    if status == 0 {
        assert!(error.is_null(), "an error of a call that went well");
        return Ok(());
    }
    assert!(!error.is_null(), "a failure without its details");
    // SAFETY: the error is ours and alive until it is freed below.
    let failure = unsafe { told(error) };
    assert_eq!(failure.kind, kind(status), "the call and its error say the same");
    // SAFETY: made by the library for us, freed once.
    unsafe { ffi::tus_error_free(error) };
    Err(failure)
}

/// What an error says.
///
/// # Safety
///
/// - `error` is an error that is alive.
pub(super) unsafe fn told(error: *const tus_error) -> Failure {
    let mut length = 0;
    // SAFETY: the same condition; what is lent is copied at once.
    unsafe {
        let body = ffi::tus_error_response_body(error, &raw mut length);
        Failure {
            kind: kind(ffi::tus_error_status(error)),
            rule: None,
            limit: None,
            message: owned(ffi::tus_error_message(error)).expect("every error has a message"),
            status: u16::try_from(ffi::tus_error_http_status(error)).expect("a status of HTTP"),
            os_code: ffi::tus_error_os_code(error),
            code: ffi::tus_error_callback_code(error),
            retryable: ffi::tus_error_is_retryable(error) != 0,
            upload_url: owned(ffi::tus_error_upload_url(error)),
            body: bytes(body, length),
        }
    }
}

/// The kind of failure a status names.
pub(super) fn kind(status: tus_status) -> Kind {
    // SAFETY: the name is static.
    let name = unsafe { owned(ffi::tus_status_name(status)) }.expect("every status has a name");
    match name.as_str() {
        "TUS_E_INVALID_ARGUMENT" => Kind::InvalidArgument,
        "TUS_E_INVALID_STATE" => Kind::InvalidState,
        "TUS_E_UNSUPPORTED" => Kind::Unsupported,
        "TUS_E_CANCELLED" => Kind::Cancelled,
        "TUS_E_CALLBACK" => Kind::Callback,
        "TUS_E_TIMEOUT" => Kind::Timeout,
        "TUS_E_BUSY" => Kind::Busy,
        "TUS_E_SOURCE" => Kind::Source,
        "TUS_E_SOURCE_CHANGED" => Kind::SourceChanged,
        "TUS_E_RESOURCES" => Kind::Resources,
        "TUS_E_RESOLVE" => Kind::Resolve,
        "TUS_E_CONNECT" => Kind::Connect,
        "TUS_E_TLS" => Kind::Tls,
        "TUS_E_IO" => Kind::Io,
        "TUS_E_HTTP_STATUS" => Kind::HttpStatus,
        "TUS_E_PROTOCOL" => Kind::Protocol,
        "TUS_E_OFFSET_CONFLICT" => Kind::OffsetConflict,
        "TUS_E_GONE" => Kind::Gone,
        "TUS_E_LOCKED" => Kind::Locked,
        "TUS_E_CHECKSUM" => Kind::Checksum,
        "TUS_E_TOO_LARGE" => Kind::TooLarge,
        "TUS_E_VERSION" => Kind::Version,
        "TUS_E_UNCONFIRMED" => Kind::Unconfirmed,
        _ => Kind::Internal,
    }
}
