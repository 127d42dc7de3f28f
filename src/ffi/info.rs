//! `tus_info`: what is known of an upload.

use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr;

use super::checksum::number;
use super::convert::{c_string, put, truth};
use super::guard::guard_value;
use super::handle::{CType, Kind, Object, Owned, free, give, lend, state};
use super::metadata::{MetadataState, tus_metadata};
use super::version::TUS_SIZE_UNKNOWN;
use super::warning::Warnings;
use crate::engine::info::{ConcatKind, Stats, UploadInfo};

/// What is known of an upload: the result of an operation. Immutable.
///
/// Ownership: single owner. All strings, and the metadata, live as long as it.
/// Threads: any number may read it at once.
pub struct tus_info {
    _private: [u8; 0],
}

/// The kinds, as the header has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum tus_concat_kind {
    TUS_CONCAT_NONE = 0,
    TUS_CONCAT_PARTIAL = 1,
    TUS_CONCAT_FINAL = 2,
}

impl CType for tus_info {
    type State = InfoState;
    type Class = Owned;
    const KIND: Kind = Kind::Info;
}

/// What a `tus_info` tells, ready for C.
pub(super) struct InfoState {
    url: CString,
    offset: u64,
    size: Option<u64>,
    complete: bool,
    expires: Option<u64>,
    concat: tus_concat_kind,
    checksum: i32,
    metadata: Object<tus_metadata>,
    pub(super) warnings: Warnings,
    pub(super) stats: Stats,
}

/// Makes a `tus_info` and writes it to `*out`, if the caller wants it.
///
/// # Safety
///
/// - `out` is NULL or points to memory for a pointer.
pub(super) unsafe fn give_info(out: *mut *mut tus_info, info: UploadInfo) {
    if out.is_null() {
        return;
    }
    let info = InfoState {
        url: c_string(info.url.as_str()),
        offset: info.offset,
        size: info.size,
        complete: info.complete,
        expires: info.expires,
        concat: match info.concat {
            ConcatKind::None => tus_concat_kind::TUS_CONCAT_NONE,
            ConcatKind::Partial => tus_concat_kind::TUS_CONCAT_PARTIAL,
            ConcatKind::Final => tus_concat_kind::TUS_CONCAT_FINAL,
        },
        checksum: number(info.checksum),
        metadata: lend(MetadataState::new(&info.metadata, &info.text)),
        warnings: Warnings::new(&info.warnings),
        stats: info.stats,
    };
    // SAFETY: the same condition.
    unsafe { put(out, give(info)) };
}

/// The upload's URL, to be kept for tus_client_resume_upload. It is the full URL; some servers let
/// whoever knows it write to the upload, so treat it as a secret.
///
/// - `i`: the result.
///
/// Returns: the absolute URL; NULL if `i` is NULL or invalid.
/// Ownership: borrowed; valid until `i` is freed.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_info_url(i: *const tus_info) -> *const c_char {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(ptr::null(), || unsafe { state(i, "i") }.map_or(ptr::null(), |info| info.url.as_ptr()))
}

/// How many bytes the server has acknowledged.
///
/// - `i`: the result.
///
/// Returns: the number; 0 if `i` is NULL or invalid.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_info_offset(i: *const tus_info) -> u64 {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(0, || unsafe { state(i, "i") }.map_or(0, |info| info.offset))
}

/// The size of the upload in bytes.
///
/// - `i`: the result.
///
/// Returns: the size; TUS_SIZE_UNKNOWN while it is deferred, or if `i` is NULL or invalid.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_info_size(i: *const tus_info) -> u64 {
    guard_value(TUS_SIZE_UNKNOWN, || {
        // SAFETY: the caller's pointer, as the header asks for.
        unsafe { state(i, "i") }.ok().and_then(|info| info.size).unwrap_or(TUS_SIZE_UNKNOWN)
    })
}

/// Whether the server has acknowledged every byte.
///
/// - `i`: the result.
///
/// Returns: 1 if so; 0 if not, or if `i` is NULL or invalid.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_info_is_complete(i: *const tus_info) -> c_int {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(0, || unsafe { state(i, "i") }.map_or(0, |info| truth(info.complete)))
}

/// Whether the upload's size is not known to the server yet (T-070).
///
/// - `i`: the result.
///
/// Returns: 1 if so; 0 if not, or if `i` is NULL or invalid.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_info_is_deferred(i: *const tus_info) -> c_int {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(0, || unsafe { state(i, "i") }.map_or(0, |info| truth(info.size.is_none())))
}

/// When the server will drop the upload if it stays unfinished (T-080).
///
/// - `i`: the result.
///
/// Returns: seconds since 1970-01-01 00:00 UTC; 0 if the server does not say, or if `i` is NULL or
/// invalid.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_info_expires(i: *const tus_info) -> u64 {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(0, || unsafe { state(i, "i") }.ok().and_then(|info| info.expires).unwrap_or(0))
}

/// Whether the upload belongs to a concatenation.
///
/// - `i`: the result.
///
/// Returns: a value of enum tus_concat_kind; 0 (none) if `i` is NULL or invalid.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_info_concat_kind(i: *const tus_info) -> i32 {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(0, || unsafe { state(i, "i") }.map_or(0, |info| info.concat as i32))
}

/// The algorithm by which the server checked the data that the operation sent
/// (tus_config_set_checksum): all of it; where there were several, the last one.
///
/// - `i`: the result.
///
/// Returns: a value of enum tus_checksum; TUS_CHECKSUM_NONE if some data was not checked or none was
/// sent, or if `i` is NULL or invalid.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_info_checksum(i: *const tus_info) -> i32 {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(0, || unsafe { state(i, "i") }.map_or(0, |info| info.checksum))
}

/// A metadata value, as the bytes it is: what was sent after an upload, what the server tells after
/// a query.
///
/// - `i`: the result.
/// - `key`: the key; case matters.
/// - `len`: receives the number of bytes. May be NULL.
///
/// Returns: the bytes, followed by a NUL that is not counted; NULL if there is no such key, or if an
/// argument is NULL or invalid.
/// Ownership: borrowed; valid until `i` is freed.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_info_metadata(i: *const tus_info, key: *const c_char, len: *mut usize) -> *const c_void {
    guard_value(ptr::null(), || {
        // SAFETY: the caller's pointers, as the header asks for.
        unsafe {
            put(len, 0);
            state(i, "i").map_or(ptr::null(), |info| info.metadata.value_of(key, len))
        }
    })
}

/// A metadata value as text, from the client's metadata encoding (tus_config_set_metadata_encoding)
/// to UTF-8.
///
/// - `i`: the result.
/// - `key`: the key; case matters.
///
/// Returns: the text; NULL if there is no such key, its value is not text in that encoding or has a
/// NUL in it, or if an argument is NULL or invalid.
/// Ownership: borrowed; valid until `i` is freed.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_info_metadata_text(i: *const tus_info, key: *const c_char) -> *const c_char {
    guard_value(ptr::null(), || {
        // SAFETY: the caller's pointers, as the header asks for.
        unsafe { state(i, "i").map_or(ptr::null(), |info| info.metadata.text_of(key)) }
    })
}

/// All the metadata, to be gone through with tus_metadata_count and the like.
///
/// - `i`: the result.
///
/// Returns: the metadata, maybe without a pair; NULL if `i` is NULL or invalid.
/// Ownership: borrowed; valid until `i` is freed; not to be freed itself.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_info_metadata_object(i: *const tus_info) -> *const tus_metadata {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(ptr::null(), || unsafe { state(i, "i") }.map_or(ptr::null(), |info| info.metadata.as_c()))
}

/// Frees a result. Its strings and its metadata become invalid.
///
/// - `i`: the result, or NULL, which does nothing.
///
/// Threads: any, one at a time, and none may still use it.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_info_free(i: *mut tus_info) {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value((), || unsafe { free(i) })
}
