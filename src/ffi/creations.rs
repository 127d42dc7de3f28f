//! The operations of a `tus_client` that create what is no ordinary upload: parts, what is made of them, and uploads
//! without a size.

use std::ffi::c_char;

use super::client::{Use, tus_client};
use super::convert::{clear, text};
use super::error::tus_error;
use super::guard::guard_call;
use super::info::{give_info, tus_info};
use super::options::{copy_options, tus_upload_options};
use super::source::{hold_source, occupy, tus_source};
use super::status::tus_status;
use crate::error::{Error, Result};

/// Creates an upload that is to be a part of another (T-120), and sends the whole source. The parts
/// are put together by tus_client_create_final_upload. To send one source in parts, let
/// tus_upload_options_set_parallel_uploads do all of it. The store is not used.
///
/// - `c`: the client.
/// - `s`: the source of this part; in use until the call returns, and still the caller's then.
/// - `o`: the options; may be NULL. Their metadata is that of the part.
/// - `out`: receives the result; NULL on failure. May be NULL.
/// - `err`: receives the details of a failure. May be NULL.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT, TUS_E_INVALID_STATE, TUS_E_BUSY, TUS_E_FORKED before any
/// request; TUS_E_UNSUPPORTED if the server has no concatenation; any other status of enum
/// tus_status_code. If an upload exists on the server after a failure, tus_error_upload_url tells
/// it.
/// Ownership: the caller frees the result with tus_info_free.
/// Threads: any; blocks until the end. Not from inside a callback of the same client (TUS_E_BUSY).
/// Since: 0.1
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tus_client_create_partial_upload(
    c: *mut tus_client,
    s: *mut tus_source,
    o: *const tus_upload_options,
    out: *mut *mut tus_info,
    err: *mut *mut tus_error,
) -> tus_status {
    // SAFETY: the caller's pointers, as the header asks for.
    unsafe {
        guard_call(err, || {
            clear(out);
            let used = Use::begin(c)?;
            let source = hold_source(s)?;
            let options = copy_options(o)?;
            let info = used.run(|client| Ok(client.create_partial_upload(&mut *occupy(&source)?, &options)?))?;
            give_info(out, info);
            Ok(())
        })
    }
}

/// Has the server put partial uploads together (T-121). Each part is asked first whether it is one,
/// which the server has to tell (Upload-Concat: partial), and whether it is complete, unless the
/// options say otherwise (tus_upload_options_set_unfinished_parts). The request that puts them
/// together is not repeated by itself once it was sent, for a second whole might be made: without a
/// clear answer the call ends with TUS_E_UNCONFIRMED, and the parts stay.
/// tus_config_set_upload_with_creation (TUS_CREATION_DATA_REPEAT) lets it be repeated.
///
/// - `c`: the client.
/// - `urls`: the URLs of the parts in their order, each absolute or relative to the endpoint.
/// - `n`: how many, at least 1.
/// - `o`: the options; may be NULL. Their metadata is that of the whole.
/// - `out`: receives the result; NULL on failure. May be NULL.
/// - `err`: receives the details of a failure. May be NULL.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT, TUS_E_BUSY, TUS_E_FORKED before any request;
/// TUS_E_INVALID_STATE if a part is not complete, or is an ordinary upload or one that was put
/// together, or the client has no server URL; TUS_E_GONE if a part is not there; TUS_E_UNSUPPORTED
/// if the server has no concatenation; any other status of enum tus_status_code.
/// Ownership: the strings are copied; the caller frees the result with tus_info_free.
/// Threads: any; blocks until the end. Not from inside a callback of the same client (TUS_E_BUSY).
/// Since: 0.1
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tus_client_create_final_upload(
    c: *mut tus_client,
    urls: *const *const c_char,
    n: usize,
    o: *const tus_upload_options,
    out: *mut *mut tus_info,
    err: *mut *mut tus_error,
) -> tus_status {
    // SAFETY: the caller's pointers, as the header asks for.
    unsafe {
        guard_call(err, || {
            clear(out);
            let used = Use::begin(c)?;
            let urls = texts(urls, n)?;
            let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
            let options = copy_options(o)?;
            let info = used.run(|client| Ok(client.create_final_upload(&urls, &options)?))?;
            give_info(out, info);
            Ok(())
        })
    }
}

/// Copies of strings from C.
///
/// # Safety
///
/// - `urls` is NULL or points to `n` pointers, each NULL or to a string of the caller's.
pub(super) unsafe fn texts(urls: *const *const c_char, n: usize) -> Result<Vec<String>> {
    if urls.is_null() {
        return Err(Error::invalid("urls is NULL where an array of strings is needed"));
    }
    if n > isize::MAX as usize / size_of::<*const c_char>() {
        return Err(Error::invalid(format!("urls cannot have {n} entries: no object in memory can be as large")));
    }
    // SAFETY: not NULL, and there are as many as the caller says; each is a string or NULL.
    (0..n).map(|at| Ok(unsafe { text(urls.add(at).read_unaligned(), "one of the urls") }?.to_owned())).collect()
}

/// Creates an upload whose size is not known yet, and sends nothing (T-070). It is continued by
/// tus_client_resume_upload, with a source of any kind, which tells the size with its last bytes. A
/// source of unknown size can also be handed to tus_client_upload at once.
///
/// - `c`: the client.
/// - `o`: the options; may be NULL.
/// - `out`: receives the result; NULL on failure. May be NULL.
/// - `err`: receives the details of a failure. May be NULL.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT, TUS_E_INVALID_STATE, TUS_E_BUSY, TUS_E_FORKED before any
/// request; TUS_E_UNSUPPORTED if the server needs to know the size; any other status of enum
/// tus_status_code.
/// Ownership: the caller frees the result with tus_info_free.
/// Threads: any; blocks until the end. Not from inside a callback of the same client (TUS_E_BUSY).
/// Since: 0.1
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tus_client_create_deferred_upload(
    c: *mut tus_client,
    o: *const tus_upload_options,
    out: *mut *mut tus_info,
    err: *mut *mut tus_error,
) -> tus_status {
    // SAFETY: the caller's pointers, as the header asks for.
    unsafe {
        guard_call(err, || {
            clear(out);
            let used = Use::begin(c)?;
            let options = copy_options(o)?;
            let info = used.run(|client| Ok(client.create_deferred_upload(&options)?))?;
            give_info(out, info);
            Ok(())
        })
    }
}
