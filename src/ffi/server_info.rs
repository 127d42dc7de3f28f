//! `tus_server_info`: what a server can do.

use std::ffi::{CString, c_char, c_int};
use std::ptr;

use super::convert::{c_string, put, text, truth};
use super::guard::guard_value;
use super::handle::{CType, Kind, Owned, free, give, state};
use super::version::TUS_SIZE_UNKNOWN;
use crate::engine::info::ServerInfo;

/// What a server says it can do (T-005 to T-008). Immutable.
///
/// Ownership: single owner. All strings live as long as it.
/// Threads: any number may read it at once.
pub struct tus_server_info {
    _private: [u8; 0],
}

impl CType for tus_server_info {
    type State = ServerInfoState;
    type Class = Owned;
    const KIND: Kind = Kind::ServerInfo;
}

/// What a `tus_server_info` tells, ready for C.
pub(super) struct ServerInfoState {
    info: ServerInfo,
    versions: Vec<CString>,
    extensions: Vec<CString>,
    checksum_algorithms: Vec<CString>,
}

/// Makes a `tus_server_info` and writes it to `*out`, if the caller wants it.
///
/// # Safety
///
/// - `out` is NULL or points to memory for a pointer.
pub(super) unsafe fn give_server_info(out: *mut *mut tus_server_info, info: &ServerInfo) {
    if out.is_null() {
        return;
    }
    let list = |texts: &[String]| texts.iter().map(|text| c_string(text)).collect();
    let info = ServerInfoState {
        versions: list(&info.versions),
        extensions: list(&info.extensions),
        checksum_algorithms: list(&info.checksum_algorithms),
        info: info.clone(),
    };
    // SAFETY: the same condition.
    unsafe { put(out, give(info)) };
}

/// The number of strings in one of the lists.
///
/// # Safety
///
/// - `i` is NULL or a result of the caller's.
unsafe fn count(i: *const tus_server_info, list: impl FnOnce(&ServerInfoState) -> &Vec<CString>) -> usize {
    // SAFETY: the same condition.
    unsafe { state(i, "i") }.map_or(0, |info| list(info).len())
}

/// One string of one of the lists.
///
/// # Safety
///
/// - `i` is NULL or a result of the caller's.
unsafe fn at(
    i: *const tus_server_info,
    index: usize,
    list: impl FnOnce(&ServerInfoState) -> &Vec<CString>,
) -> *const c_char {
    // SAFETY: the same condition.
    let found = unsafe { state(i, "i") }.ok().and_then(|info| list(info).get(index));
    found.map_or(ptr::null(), |text| text.as_ptr())
}

/// How many versions of the protocol the server names.
///
/// - `i`: the result.
///
/// Returns: the number, 0 if it does not say; 0 if `i` is NULL or invalid.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_server_info_version_count(i: *const tus_server_info) -> usize {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(0, || unsafe { count(i, |info| &info.versions) })
}

/// A version of the protocol that the server speaks; its favourite comes first.
///
/// - `i`: the result.
/// - `index`: from 0.
///
/// Returns: for example "1.0.0"; NULL if there is no such version, or if `i` is NULL or invalid.
/// Ownership: borrowed; valid until `i` is freed.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_server_info_version_at(i: *const tus_server_info, index: usize) -> *const c_char {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(ptr::null(), || unsafe { at(i, index, |info| &info.versions) })
}

/// Whether the server advertises an extension (T-007).
///
/// - `i`: the result.
/// - `name`: the extension, for example "termination".
///
/// Returns: 1 if so; 0 if not, or if an argument is NULL or invalid.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_server_info_has_extension(i: *const tus_server_info, name: *const c_char) -> c_int {
    guard_value(0, || {
        // SAFETY: the caller's pointers, as the header asks for.
        let (Ok(info), Ok(name)) = (unsafe { state(i, "i") }, unsafe { text(name, "name") }) else { return 0 };
        truth(info.info.has(name))
    })
}

/// How many extensions the server advertises, ones unknown to this library included.
///
/// - `i`: the result.
///
/// Returns: the number; 0 if `i` is NULL or invalid.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_server_info_extension_count(i: *const tus_server_info) -> usize {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(0, || unsafe { count(i, |info| &info.extensions) })
}

/// An extension that the server advertises.
///
/// - `i`: the result.
/// - `index`: from 0.
///
/// Returns: its name; NULL if there is no such extension, or if `i` is NULL or invalid.
/// Ownership: borrowed; valid until `i` is freed.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_server_info_extension_at(i: *const tus_server_info, index: usize) -> *const c_char {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(ptr::null(), || unsafe { at(i, index, |info| &info.extensions) })
}

/// The largest upload that the server takes (T-008).
///
/// - `i`: the result.
///
/// Returns: bytes; TUS_SIZE_UNKNOWN if it does not say, or if `i` is NULL or invalid.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_server_info_max_size(i: *const tus_server_info) -> u64 {
    guard_value(TUS_SIZE_UNKNOWN, || {
        // SAFETY: the caller's pointer, as the header asks for.
        unsafe { state(i, "i") }.ok().and_then(|info| info.info.max_size).unwrap_or(TUS_SIZE_UNKNOWN)
    })
}

/// How many checksum algorithms the server names (T-090).
///
/// - `i`: the result.
///
/// Returns: the number; 0 if `i` is NULL or invalid.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_server_info_checksum_algorithm_count(i: *const tus_server_info) -> usize {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(0, || unsafe { count(i, |info| &info.checksum_algorithms) })
}

/// A checksum algorithm that the server knows.
///
/// - `i`: the result.
/// - `index`: from 0.
///
/// Returns: its name, for example "sha1"; NULL if there is no such algorithm, or if `i` is NULL or
/// invalid.
/// Ownership: borrowed; valid until `i` is freed.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_server_info_checksum_algorithm_at(
    i: *const tus_server_info,
    index: usize,
) -> *const c_char {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(ptr::null(), || unsafe { at(i, index, |info| &info.checksum_algorithms) })
}

/// Frees a result. Its strings become invalid.
///
/// - `i`: the result, or NULL, which does nothing.
///
/// Threads: any, one at a time, and none may still use it.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_server_info_free(i: *mut tus_server_info) {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value((), || unsafe { free(i) })
}
