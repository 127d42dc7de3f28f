//! `tus_previous_list`: what a store knows of the uploads of earlier runs.

use std::ffi::{CString, c_char};
use std::ptr;
use std::time::Duration;

use super::client::{Use, tus_client};
use super::convert::{c_string, clear, put, text};
use super::error::tus_error;
use super::guard::{guard_call, guard_value};
use super::handle::{CType, Kind, Owned, free, give, state};
use super::source::{hold_source, occupy, tus_source};
use super::status::tus_status;
use super::version::TUS_SIZE_UNKNOWN;
use crate::engine::info::PreviousUpload;

/// The unfinished uploads of a source that a client's store knows of, the likeliest first.
/// Immutable.
///
/// Ownership: single owner. All strings live as long as it.
/// Threads: any number may read it at once.
pub struct tus_previous_list {
    _private: [u8; 0],
}

impl CType for tus_previous_list {
    type State = Vec<Previous>;
    type Class = Owned;
    const KIND: Kind = Kind::PreviousList;
}

/// One upload, ready for C.
pub(super) struct Previous {
    url: CString,
    fingerprint: Option<CString>,
    offset: u64,
    size: u64,
    expires: u64,
    created: u64,
    parts: Vec<CString>,
}

impl From<PreviousUpload> for Previous {
    fn from(previous: PreviousUpload) -> Self {
        Previous {
            url: c_string(&previous.url),
            fingerprint: previous.fingerprint.as_deref().map(c_string),
            offset: previous.offset,
            size: previous.size,
            expires: previous.expires.unwrap_or(0),
            created: previous.created,
            parts: previous.parts.iter().map(|url| c_string(url)).collect(),
        }
    }
}

/// One upload of a list.
///
/// # Safety
///
/// - `l` is NULL or a list of the caller's, which lives for `'a`.
unsafe fn at<'a>(l: *const tus_previous_list, index: usize) -> Option<&'a Previous> {
    // SAFETY: the same condition.
    unsafe { state(l, "l") }.ok().and_then(|list| list.get(index))
}

/// Makes a list.
pub(super) fn list_of(uploads: Vec<PreviousUpload>) -> *mut tus_previous_list {
    give(uploads.into_iter().map(Previous::from).collect())
}

/// How old an upload may be, in seconds as C has them.
pub(super) fn max_age(seconds: u64) -> Option<Duration> {
    (seconds != 0 && seconds != u64::MAX).then(|| Duration::from_secs(seconds))
}

/// Looks into the client's store for unfinished uploads of a source at the client's endpoint. The
/// source may be read for that; no request is made, so that an upload of the list may be gone from
/// the server. tus_client_upload finds and continues by itself the first one that has the metadata
/// of its options: other metadata is another upload, which is created while the one of the list
/// stays there. Whatever their order, the keys and values must be the same, the `filename` that
/// tus_client_upload_file adds included, and for one in parts also those of
/// tus_config_set_metadata_for_partial_uploads. An upload that is complete is forgotten by the store
/// and not listed.
///
/// Listed are only uploads at the endpoint's origin or an origin allowed by tus_config_allow_origin,
/// whatever the store holds.
///
/// - `c`: the client.
/// - `s`: the source; in use until the call returns, and still the caller's then.
/// - `out`: receives the list; NULL on failure. May be NULL. It is empty without a store, if the
///   store cannot be read, and for a source that cannot be recognised: of unknown size, or only to
///   be read forward.
/// - `err`: receives the details of a failure. May be NULL.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT, TUS_E_INVALID_STATE, TUS_E_BUSY, TUS_E_FORKED;
/// TUS_E_SOURCE, TUS_E_SOURCE_CHANGED, TUS_E_CALLBACK if the source cannot be read;
/// TUS_E_FINGERPRINT, TUS_E_CALLBACK if the callback of tus_config_set_fingerprint_callback fails.
/// Ownership: the caller frees the list with tus_previous_list_free.
/// Threads: any; blocks until the end. Not from inside a callback of the same client (TUS_E_BUSY).
/// Since: 0.1
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tus_client_find_previous_uploads(
    c: *mut tus_client,
    s: *mut tus_source,
    out: *mut *mut tus_previous_list,
    err: *mut *mut tus_error,
) -> tus_status {
    // SAFETY: the caller's pointers, as the header asks for.
    unsafe {
        guard_call(err, || {
            clear(out);
            let used = Use::begin(c)?;
            let source = hold_source(s)?;
            let found = used.run(|client| Ok(client.find_previous_uploads(&mut *occupy(&source)?)?))?;
            if !out.is_null() {
                put(out, list_of(found));
            }
            Ok(())
        })
    }
}

/// Lists the unfinished uploads at the client's endpoint that its store knows of, whatever their
/// source, the newest first. No request is made, so that an upload of the list may be gone from the
/// server. To go on with one, pass its URL and its source to tus_client_resume_upload, or, for one
/// in parts, the source to tus_client_upload.
///
/// - `c`: the client.
/// - `out`: receives the list; NULL on failure. May be NULL. It is empty without a store.
/// - `err`: receives the details of a failure. May be NULL.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT, TUS_E_BUSY, TUS_E_FORKED; TUS_E_INVALID_STATE if the
/// client has no endpoint; TUS_E_STORE if the store cannot be read; TUS_E_UNSUPPORTED if it is a
/// tus_store_vtable without `list`.
/// Ownership: the caller frees the list with tus_previous_list_free.
/// Threads: any; blocks until the end. Not from inside a callback of the same client (TUS_E_BUSY).
/// Since: 0.1
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tus_client_list_stored(
    c: *mut tus_client,
    out: *mut *mut tus_previous_list,
    err: *mut *mut tus_error,
) -> tus_status {
    // SAFETY: the caller's pointers, as the header asks for.
    unsafe {
        guard_call(err, || {
            clear(out);
            let found = Use::begin(c)?.run(|client| Ok(client.list_stored()?))?;
            if !out.is_null() {
                put(out, list_of(found));
            }
            Ok(())
        })
    }
}

/// Takes one upload out of the client's store. The server is not asked, and the upload stays there:
/// tus_client_delete_upload removes it from both.
///
/// - `c`: the client.
/// - `upload_url`: the upload's URL, absolute or relative to the endpoint; for one in parts that of
///   any part.
/// - `err`: receives the details of a failure. May be NULL.
///
/// Returns: TUS_OK, also if the store does not know the upload or there is no store;
/// TUS_E_INVALID_ARGUMENT, TUS_E_BUSY, TUS_E_FORKED; TUS_E_INVALID_STATE if the upload is being
/// worked on, by this process or another one; TUS_E_STORE if the store cannot be read or changed;
/// TUS_E_UNSUPPORTED if it is a tus_store_vtable without `list`.
/// Threads: any; blocks until the end. Not from inside a callback of the same client (TUS_E_BUSY).
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_client_forget(
    c: *mut tus_client,
    upload_url: *const c_char,
    err: *mut *mut tus_error,
) -> tus_status {
    // SAFETY: the caller's pointers, as the header asks for.
    unsafe {
        guard_call(err, || {
            let used = Use::begin(c)?;
            let url = text(upload_url, "upload_url")?.to_owned();
            used.run(|client| Ok(client.forget(&url)?))
        })
    }
}

/// Removes from the client's store what is of no use any more: uploads that their servers have
/// dropped by now (T-080), and those that are too old. Servers are not asked and nothing is removed
/// from them; what is being worked on stays.
///
/// - `c`: the client.
/// - `max_age_s`: how long ago an upload may have been created, in seconds; 0 or UINT64_MAX: however
///   long.
/// - `removed`: receives how many there were; 0 on failure. May be NULL.
/// - `err`: receives the details of a failure. May be NULL.
///
/// Returns: TUS_OK, also without a store; TUS_E_INVALID_ARGUMENT, TUS_E_BUSY, TUS_E_FORKED;
/// TUS_E_STORE if the store cannot be read or changed; TUS_E_UNSUPPORTED if it is a tus_store_vtable
/// without `list`.
/// Threads: any; blocks until the end. Not from inside a callback of the same client (TUS_E_BUSY).
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_client_prune_store(
    c: *mut tus_client,
    max_age_s: u64,
    removed: *mut u64,
    err: *mut *mut tus_error,
) -> tus_status {
    // SAFETY: the caller's pointers, as the header asks for.
    unsafe {
        guard_call(err, || {
            put(removed, 0);
            let max_age = max_age(max_age_s);
            let count = Use::begin(c)?.run(|client| Ok(client.prune_store(max_age)?))?;
            put(removed, count);
            Ok(())
        })
    }
}

/// How many uploads there are.
///
/// - `l`: the list.
///
/// Returns: the number; 0 if `l` is NULL or no list.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_previous_list_count(l: *const tus_previous_list) -> usize {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(0, || unsafe { state(l, "l") }.map_or(0, Vec::len))
}

/// The URL of an upload, for tus_client_resume_upload; of one in parts that of the part that was
/// created first (see tus_previous_list_part_count). It is the full URL; some servers let whoever
/// knows it write to the upload, so treat it as a secret.
///
/// - `l`: the list.
/// - `index`: from 0.
///
/// Returns: the absolute URL; NULL if there is no such upload, or if `l` is NULL or no list.
/// Ownership: borrowed; valid until the list is freed.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_previous_list_url(l: *const tus_previous_list, index: usize) -> *const c_char {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(ptr::null(), || unsafe { at(l, index) }.map_or(ptr::null(), |previous| previous.url.as_ptr()))
}

/// By what the source of an upload was recognised (tus_config_set_fingerprint).
///
/// - `l`: the list.
/// - `index`: from 0.
///
/// Returns: for example "size:11--sha256:" and 64 hexadecimal digits; NULL if it was recognised as
/// the same file before its fingerprint was known, if there is no such upload, or if `l` is NULL or
/// no list.
/// Ownership: borrowed; valid until the list is freed.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_previous_list_fingerprint(l: *const tus_previous_list, index: usize) -> *const c_char {
    guard_value(ptr::null(), || {
        // SAFETY: the caller's pointer, as the header asks for.
        let fingerprint = unsafe { at(l, index) }.and_then(|previous| previous.fingerprint.as_ref());
        fingerprint.map_or(ptr::null(), |text| text.as_ptr())
    })
}

/// How many bytes of an upload the server had acknowledged when that was last noted; it may have
/// more, a whole chunk for example whose acknowledgement was still due.
///
/// - `l`: the list.
/// - `index`: from 0.
///
/// Returns: the number of bytes; 0 if there is no such upload, or if `l` is NULL or no list.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_previous_list_offset(l: *const tus_previous_list, index: usize) -> u64 {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(0, || unsafe { at(l, index) }.map_or(0, |previous| previous.offset))
}

/// The size of an upload in bytes.
///
/// - `l`: the list.
/// - `index`: from 0.
///
/// Returns: the size; TUS_SIZE_UNKNOWN if there is no such upload, or if `l` is NULL or no list.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_previous_list_size(l: *const tus_previous_list, index: usize) -> u64 {
    guard_value(TUS_SIZE_UNKNOWN, || {
        // SAFETY: the caller's pointer, as the header asks for.
        unsafe { at(l, index) }.map_or(TUS_SIZE_UNKNOWN, |previous| previous.size)
    })
}

/// When the server will drop an upload (T-080).
///
/// - `l`: the list.
/// - `index`: from 0.
///
/// Returns: seconds since 1970-01-01 00:00 UTC; 0 if the server did not say, if there is no such
/// upload, or if `l` is NULL or no list.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_previous_list_expires_s(l: *const tus_previous_list, index: usize) -> u64 {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(0, || unsafe { at(l, index) }.map_or(0, |previous| previous.expires))
}

/// When an upload was created.
///
/// - `l`: the list.
/// - `index`: from 0.
///
/// Returns: seconds since 1970-01-01 00:00 UTC; 0 if there is no such upload, or if `l` is NULL or
/// no list.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_previous_list_created_s(l: *const tus_previous_list, index: usize) -> u64 {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(0, || unsafe { at(l, index) }.map_or(0, |previous| previous.created))
}

/// How many parts an upload is sent in (tus_upload_options_set_parallel_uploads).
///
/// - `l`: the list.
/// - `index`: from 0.
///
/// Returns: the number; 0 if it is an ordinary one, if there is no such upload, or if `l` is NULL or
/// no list.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_previous_list_part_count(l: *const tus_previous_list, index: usize) -> usize {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(0, || unsafe { at(l, index) }.map_or(0, |previous| previous.parts.len()))
}

/// The URL of a part of an upload. Treat it as a secret.
///
/// - `l`: the list.
/// - `index`: that of the upload, from 0.
/// - `part`: that of the part, from 0.
///
/// Returns: the absolute URL; "" if this part has not been created yet; NULL if there is no such
/// part or upload, or if `l` is NULL or no list.
/// Ownership: borrowed; valid until the list is freed.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_previous_list_part_url(
    l: *const tus_previous_list,
    index: usize,
    part: usize,
) -> *const c_char {
    guard_value(ptr::null(), || {
        // SAFETY: the caller's pointer, as the header asks for.
        let url = unsafe { at(l, index) }.and_then(|previous| previous.parts.get(part));
        url.map_or(ptr::null(), |url| url.as_ptr())
    })
}

/// Frees a list. Its strings become invalid.
///
/// - `l`: the list, or NULL, which does nothing.
///
/// Threads: any, one at a time, and none may still use it.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_previous_list_free(l: *mut tus_previous_list) {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value((), || unsafe { free(l) })
}
