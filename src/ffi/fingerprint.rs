//! How a source is recognised: the kinds as numbers, and the caller's own function.

use std::ffi::{c_char, c_void};
use std::sync::Arc;

use super::callback::{Callback, verdict};
use super::convert::{c_string, choice};
use super::sink::{lend_sink, tus_sink};
use crate::error::Result;
use crate::fingerprint::Fingerprinter;

/// The kinds, as the header has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum tus_fingerprint {
    TUS_FINGERPRINT_CONTENT = 0,
    TUS_FINGERPRINT_PARTIAL_MD5 = 1,
    TUS_FINGERPRINT_FILE_IDENTITY = 2,
}

/// Makes the fingerprint of a source: a text by which it is recognised when it is uploaded again.
///
/// - `user_data`: as registered.
/// - `name`: the path of a file that was opened by its path, with what is not UTF-8 in it replaced;
///   NULL for any other source. Valid until the function returns.
/// - `size`: the source's size in bytes.
/// - `out`: takes the text with tus_sink_write, whose calls are put together: UTF-8 without control
///   characters, 1 to 4096 bytes, without a NUL at its end. Anything else ends the operation with
///   TUS_E_FINGERPRINT.
///
/// Returns 0 if it is written; anything else ends the operation with TUS_E_CALLBACK.
pub type tus_fingerprint_fn = Option<
    unsafe extern "C-unwind" fn(user_data: *mut c_void, name: *const c_char, size: u64, out: *mut tus_sink) -> i32,
>;

/// The same, not NULL.
pub(super) type FingerprintFn = unsafe extern "C-unwind" fn(*mut c_void, *const c_char, u64, *mut tus_sink) -> i32;

/// A kind from C.
pub(super) fn kind(number: i32) -> Result<Fingerprinter> {
    use tus_fingerprint::*;
    choice(
        number,
        "tus_fingerprint",
        &[
            (TUS_FINGERPRINT_CONTENT as i32, Fingerprinter::Content),
            (TUS_FINGERPRINT_PARTIAL_MD5 as i32, Fingerprinter::PartialMd5),
            (TUS_FINGERPRINT_FILE_IDENTITY as i32, Fingerprinter::FileIdentity),
        ],
    )
}

/// The caller's function as the engine calls it.
pub(super) fn custom(callback: Callback<FingerprintFn>) -> Fingerprinter {
    Fingerprinter::Custom(Arc::new(move |name, size| {
        let name = name.map(c_string);
        let name = name.as_ref().map_or(std::ptr::null(), |name| name.as_ptr());
        let sink = lend_sink();
        // SAFETY: the caller registered this function to be called with this data, a string or NULL, and a sink.
        verdict(callback.call(|function, data| unsafe { function(data, name, size, sink.as_c().cast_mut()) }))?;
        // Bytes that are no text become what the engine refuses as none: never one that other bytes would become too.
        Ok(String::from_utf8(sink.take().concat()).unwrap_or_else(|_| '\0'.to_string()))
    }))
}
