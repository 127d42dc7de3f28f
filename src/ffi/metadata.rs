//! `tus_metadata`: what is known of an upload's metadata.

use std::ffi::{CString, c_char, c_void};
use std::ptr;

use super::convert::{c_string, put, text};
use super::guard::guard_value;
use super::handle::{CType, Kind, Owned, free, give, state};
use crate::protocol::metadata::Metadata;

/// Metadata of an upload: pairs of a key and a value of any bytes, in the server's order. Immutable.
///
/// Ownership: single owner; the one that belongs to a tus_info is borrowed and ends with it.
/// Threads: any number may read it at once.
pub struct tus_metadata {
    _private: [u8; 0],
}

impl CType for tus_metadata {
    type State = MetadataState;
    type Class = Owned;
    const KIND: Kind = Kind::Metadata;
}

/// What a `tus_metadata` tells, ready for C.
pub(super) struct MetadataState(Vec<Pair>);

struct Pair {
    key: CString,
    /// With a NUL behind it, so that a value that is text is a string of C too.
    value: Vec<u8>,
    text: Option<CString>,
}

impl Pair {
    /// The value's bytes and their number.
    fn value(&self) -> (*const c_void, usize) {
        (self.value.as_ptr().cast(), self.value.len() - 1)
    }
}

impl MetadataState {
    /// From the pairs and their values as text.
    pub(super) fn new(metadata: &Metadata, texts: &[(String, Option<String>)]) -> Self {
        let pairs = metadata.iter().map(|(key, value)| {
            let text = texts.iter().find(|(have, _)| have == key).and_then(|(_, text)| text.as_deref());
            Pair {
                key: c_string(key),
                value: [value, &[0]].concat(),
                // Text with a NUL inside would be cut short: only its bytes can be had.
                text: text.and_then(|text| CString::new(text).ok()),
            }
        });
        MetadataState(pairs.collect())
    }

    fn find(&self, key: &str) -> Option<&Pair> {
        self.0.iter().find(|pair| pair.key.as_bytes() == key.as_bytes())
    }

    /// The value of a key as bytes, its length to `len`; NULL if there is none.
    ///
    /// # Safety
    ///
    /// - `key` is NULL or a string of the caller's, `len` NULL or memory for a number.
    pub(super) unsafe fn value_of(&self, key: *const c_char, len: *mut usize) -> *const c_void {
        // SAFETY: the same condition.
        let pair = unsafe { text(key, "key") }.ok().and_then(|key| self.find(key));
        // SAFETY: the same condition.
        unsafe { hand_out(pair, len) }
    }

    /// The value of a key as text; NULL if there is none.
    ///
    /// # Safety
    ///
    /// - `key` is NULL or a string of the caller's.
    pub(super) unsafe fn text_of(&self, key: *const c_char) -> *const c_char {
        // SAFETY: the same condition.
        let pair = unsafe { text(key, "key") }.ok().and_then(|key| self.find(key));
        pair.and_then(|pair| pair.text.as_ref()).map_or(ptr::null(), |text| text.as_ptr())
    }
}

/// A value and its length.
///
/// # Safety
///
/// - `len` is NULL or memory for a number.
unsafe fn hand_out(pair: Option<&Pair>, len: *mut usize) -> *const c_void {
    let (value, length) = pair.map_or((ptr::null(), 0), Pair::value);
    // SAFETY: the same condition.
    unsafe { put(len, length) };
    value
}

/// Makes a `tus_metadata` and writes it to `*out`, if the caller wants it.
///
/// # Safety
///
/// - `out` is NULL or points to memory for a pointer.
pub(super) unsafe fn give_metadata(
    out: *mut *mut tus_metadata,
    metadata: &Metadata,
    texts: &[(String, Option<String>)],
) {
    if !out.is_null() {
        // SAFETY: the same condition.
        unsafe { put(out, give(MetadataState::new(metadata, texts))) };
    }
}

/// How many pairs there are.
///
/// - `m`: the metadata.
///
/// Returns: the number; 0 if `m` is NULL or no metadata.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_metadata_count(m: *const tus_metadata) -> usize {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(0, || unsafe { state(m, "m") }.map_or(0, |metadata| metadata.0.len()))
}

/// The key of a pair.
///
/// - `m`: the metadata.
/// - `index`: from 0.
///
/// Returns: the key; NULL if there is no such pair, or if `m` is NULL or no metadata.
/// Ownership: borrowed; valid until the metadata is freed.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_metadata_key_at(m: *const tus_metadata, index: usize) -> *const c_char {
    guard_value(ptr::null(), || {
        // SAFETY: the caller's pointer, as the header asks for.
        let pair = unsafe { state(m, "m") }.ok().and_then(|metadata| metadata.0.get(index));
        pair.map_or(ptr::null(), |pair| pair.key.as_ptr())
    })
}

/// The value of a pair, as the bytes it is.
///
/// - `m`: the metadata.
/// - `index`: from 0.
/// - `len`: receives the number of bytes. May be NULL.
///
/// Returns: the bytes, followed by a NUL that is not counted; NULL if there is no such pair, or if
/// `m` is NULL or no metadata.
/// Ownership: borrowed; valid until the metadata is freed.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_metadata_value_at(m: *const tus_metadata, index: usize, len: *mut usize) -> *const c_void {
    guard_value(ptr::null(), || {
        // SAFETY: the caller's pointers, as the header asks for.
        unsafe { hand_out(state(m, "m").ok().and_then(|metadata| metadata.0.get(index)), len) }
    })
}

/// The value of a key, as the bytes it is.
///
/// - `m`: the metadata.
/// - `key`: the key; case matters.
/// - `len`: receives the number of bytes. May be NULL.
///
/// Returns: the bytes, followed by a NUL that is not counted; NULL if there is no such key, or if an
/// argument is NULL or invalid.
/// Ownership: borrowed; valid until the metadata is freed.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_metadata_value(
    m: *const tus_metadata,
    key: *const c_char,
    len: *mut usize,
) -> *const c_void {
    guard_value(ptr::null(), || {
        // SAFETY: the caller's pointers, as the header asks for.
        match unsafe { state(m, "m") } {
            // SAFETY: as above.
            Ok(metadata) => unsafe { metadata.value_of(key, len) },
            // SAFETY: as above.
            Err(_) => unsafe { hand_out(None, len) },
        }
    })
}

/// The value of a key as text, from the client's metadata encoding
/// (tus_config_set_metadata_encoding) to UTF-8.
///
/// - `m`: the metadata.
/// - `key`: the key; case matters.
///
/// Returns: the text; NULL if there is no such key, its value is not text in that encoding or has a
/// NUL in it, or if an argument is NULL or invalid.
/// Ownership: borrowed; valid until the metadata is freed.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_metadata_text(m: *const tus_metadata, key: *const c_char) -> *const c_char {
    guard_value(ptr::null(), || {
        // SAFETY: the caller's pointers, as the header asks for.
        unsafe { state(m, "m").map_or(ptr::null(), |metadata| metadata.text_of(key)) }
    })
}

/// Frees metadata. Its strings become invalid.
///
/// - `m`: the metadata, or NULL, which does nothing. That of a tus_info is left alone.
///
/// Threads: any, one at a time, and none may still use it.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_metadata_free(m: *mut tus_metadata) {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value((), || unsafe { free(m) })
}
