//! The blocking operations of a `tus_client`.

use std::ffi::c_char;

use super::client::{Use, tus_client};
use super::convert::{clear, path, text};
use super::error::tus_error;
use super::guard::guard_call;
use super::info::{give_info, tus_info};
use super::metadata::{give_metadata, tus_metadata};
use super::options::{copy_options, tus_upload_options};
use super::server_info::{give_server_info, tus_server_info};
use super::source::{hold_source, occupy, tus_source};
use super::status::tus_status;

/// Sends the whole of a file, as tus_client_upload does. If the options have no metadata of the name
/// "filename", the last part of the path is sent as such: as text, or as the bytes it is if it is
/// not UTF-8 or the client's metadata encoding cannot write it. The caller's options are not
/// changed.
///
/// - `c`: the client.
/// - `path`: the file. Raw bytes on Unix, UTF-8 on Windows.
/// - `o`: the options; may be NULL.
/// - `out`: receives the result; NULL on failure. May be NULL.
/// - `err`: receives the details of a failure. May be NULL.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT, TUS_E_INVALID_STATE, TUS_E_BUSY, TUS_E_FORKED,
/// TUS_E_SOURCE before any request; any other status of enum tus_status_code. If an upload exists on
/// the server after a failure, tus_error_upload_url tells it.
/// Ownership: the caller frees the result with tus_info_free.
/// Threads: any; blocks until the end. Not from inside a callback of the same client (TUS_E_BUSY).
/// Since: 0.1
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tus_client_upload_file(
    c: *mut tus_client,
    path: *const c_char,
    o: *const tus_upload_options,
    out: *mut *mut tus_info,
    err: *mut *mut tus_error,
) -> tus_status {
    // SAFETY: the caller's pointers, as the header asks for.
    unsafe {
        guard_call(err, || {
            clear(out);
            let used = Use::begin(c)?;
            let path = self::path(path, "path")?;
            let options = copy_options(o)?;
            let info = used.run(|client| Ok(client.upload_file(&path, &options)?))?;
            give_info(out, info);
            Ok(())
        })
    }
}

/// Sends the whole source: goes on with the upload of an earlier run if the client has a store
/// (tus_config_set_store_dir) with one of it, else creates an upload. An empty source is one request
/// (T-042).
///
/// - `c`: the client.
/// - `s`: the source; in use until the call returns, and still the caller's then.
/// - `o`: the options; may be NULL.
/// - `out`: receives the result; NULL on failure. May be NULL.
/// - `err`: receives the details of a failure. May be NULL.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT, TUS_E_INVALID_STATE, TUS_E_BUSY, TUS_E_FORKED before any
/// request; TUS_E_UNSUPPORTED if the source's size is unknown and the server cannot do without; any
/// other status of enum tus_status_code. If an upload exists on the server after a failure,
/// tus_error_upload_url tells it.
/// Ownership: the caller frees the result with tus_info_free.
/// Threads: any; blocks until the end. Not from inside a callback of the same client (TUS_E_BUSY).
/// Since: 0.1
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tus_client_upload(
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
            let info = used.run(|client| Ok(client.upload(&mut *occupy(&source)?, &options)?))?;
            give_info(out, info);
            Ok(())
        })
    }
}

/// Sends what the server lacks of an upload that exists (T-013 to T-016). The server's size of the
/// upload is compared with the source's before a byte is sent. An upload that is complete already is
/// a success.
///
/// If the client's store knows this upload, the source must be shown to be the one it was begun
/// with, as it is before tus_client_upload continues one; if not, the call fails before a request is
/// made. An upload the store does not know is continued on the program's word that the source is the
/// right one, and noted in the store once the server has shown it, so that a later tus_client_upload
/// finds it, with the metadata in `o` for its own. When it is complete it is forgotten.
///
/// - `c`: the client.
/// - `s`: the source, from its beginning; in use until the call returns, and still the caller's
///   then.
/// - `upload_url`: the upload's URL, absolute or relative to the endpoint.
/// - `o`: the options; may be NULL. Metadata in them is not sent: it belongs to the creation.
/// - `out`: receives the result; NULL on failure. May be NULL.
/// - `err`: receives the details of a failure. May be NULL.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT, TUS_E_BUSY, TUS_E_FORKED before any request; TUS_E_GONE
/// if there is no such upload any more; TUS_E_SOURCE_CHANGED if its size is not the source's
/// (T-014), or if the source cannot be shown to be that of the upload in the store; any other status
/// of enum tus_status_code.
/// Ownership: the caller frees the result with tus_info_free.
/// Threads: any; blocks until the end. Not from inside a callback of the same client (TUS_E_BUSY).
/// Since: 0.1
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tus_client_resume_upload(
    c: *mut tus_client,
    s: *mut tus_source,
    upload_url: *const c_char,
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
            let url = text(upload_url, "upload_url")?.to_owned();
            let options = copy_options(o)?;
            let info = used.run(|client| Ok(client.resume_upload(&mut *occupy(&source)?, &url, &options)?))?;
            give_info(out, info);
            Ok(())
        })
    }
}

/// Asks the server how far an upload is and what is known of it (HEAD).
///
/// - `c`: the client.
/// - `upload_url`: the upload's URL, absolute or relative to the endpoint.
/// - `out`: receives the result; NULL on failure. May be NULL.
/// - `err`: receives the details of a failure. May be NULL.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT, TUS_E_BUSY, TUS_E_FORKED before any request; TUS_E_GONE
/// if there is no such upload any more; any other status of enum tus_status_code.
/// Ownership: the caller frees the result with tus_info_free.
/// Threads: any; blocks until the end. Not from inside a callback of the same client (TUS_E_BUSY).
/// Since: 0.1
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tus_client_get_upload_info(
    c: *mut tus_client,
    upload_url: *const c_char,
    out: *mut *mut tus_info,
    err: *mut *mut tus_error,
) -> tus_status {
    // SAFETY: the caller's pointers, as the header asks for.
    unsafe {
        guard_call(err, || {
            clear(out);
            let used = Use::begin(c)?;
            let url = text(upload_url, "upload_url")?.to_owned();
            let info = used.run(|client| Ok(client.upload_info(&url)?))?;
            give_info(out, info);
            Ok(())
        })
    }
}

/// Asks the server for the metadata of an upload (HEAD). Pairs that cannot be read are left out
/// (T-048).
///
/// - `c`: the client.
/// - `upload_url`: the upload's URL, absolute or relative to the endpoint.
/// - `out`: receives the metadata; NULL on failure. May be NULL.
/// - `err`: receives the details of a failure. May be NULL.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT, TUS_E_BUSY, TUS_E_FORKED before any request; TUS_E_GONE
/// if there is no such upload any more; any other status of enum tus_status_code.
/// Ownership: the caller frees the metadata with tus_metadata_free.
/// Threads: any; blocks until the end. Not from inside a callback of the same client (TUS_E_BUSY).
/// Since: 0.1
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tus_client_get_metadata(
    c: *mut tus_client,
    upload_url: *const c_char,
    out: *mut *mut tus_metadata,
    err: *mut *mut tus_error,
) -> tus_status {
    // SAFETY: the caller's pointers, as the header asks for.
    unsafe {
        guard_call(err, || {
            clear(out);
            let used = Use::begin(c)?;
            let url = text(upload_url, "upload_url")?.to_owned();
            let info = used.run(|client| Ok(client.upload_info(&url)?))?;
            give_metadata(out, &info.metadata, &info.text);
            Ok(())
        })
    }
}

/// Asks the server what it can do (OPTIONS). The client keeps the answer for an hour, or until an
/// operation fails because of it; later calls and uploads do not ask again before that, and
/// operations that begin together ask once.
///
/// - `c`: the client.
/// - `out`: receives the result; NULL on failure. May be NULL.
/// - `err`: receives the details of a failure. May be NULL.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT, TUS_E_BUSY, TUS_E_FORKED before any request;
/// TUS_E_PROTOCOL if the server is no tus server; any other status of enum tus_status_code.
/// Ownership: the caller frees the result with tus_server_info_free.
/// Threads: any; blocks until the end. Not from inside a callback of the same client (TUS_E_BUSY).
/// Since: 0.1
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tus_client_get_server_info(
    c: *mut tus_client,
    out: *mut *mut tus_server_info,
    err: *mut *mut tus_error,
) -> tus_status {
    // SAFETY: the caller's pointers, as the header asks for.
    unsafe {
        guard_call(err, || {
            clear(out);
            let info = Use::begin(c)?.run(|client| Ok(client.server_info()?))?;
            give_server_info(out, &info);
            Ok(())
        })
    }
}

/// Removes an upload from the server (DELETE), and from the client's store. One that is gone already
/// counts as removed (T-110).
///
/// - `c`: the client.
/// - `upload_url`: the upload's URL, absolute or relative to the endpoint.
/// - `err`: receives the details of a failure. May be NULL.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT, TUS_E_BUSY, TUS_E_FORKED before any request;
/// TUS_E_UNSUPPORTED if the server does not remove uploads; TUS_E_LOCKED if the upload stays locked;
/// any other status of enum tus_status_code.
/// Threads: any; blocks until the end. Not from inside a callback of the same client (TUS_E_BUSY).
/// Since: 0.1
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tus_client_delete_upload(
    c: *mut tus_client,
    upload_url: *const c_char,
    err: *mut *mut tus_error,
) -> tus_status {
    // SAFETY: the caller's pointers, as the header asks for.
    unsafe {
        guard_call(err, || {
            let used = Use::begin(c)?;
            let url = text(upload_url, "upload_url")?.to_owned();
            used.run(|client| Ok(client.delete_upload(&url)?))
        })
    }
}
