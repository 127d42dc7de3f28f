//! Which library this is and what it was built with; the constants of the API.
//!
//! The header's generator would export every public constant of the crate, so the header's `#define`s stand in
//! `cbindgen.toml`; a test compares them with those here.

use std::ffi::{c_char, c_int};

use super::convert::{text, truth};
use super::guard::guard_value;

/// `TUS_VERSION_NUMBER` of the header: 0xMMmmpp.
pub const TUS_VERSION_NUMBER: u32 = part(env!("CARGO_PKG_VERSION_MAJOR")) << 16
    | part(env!("CARGO_PKG_VERSION_MINOR")) << 8
    | part(env!("CARGO_PKG_VERSION_PATCH"));

/// `TUS_SIZE_UNKNOWN` of the header.
pub const TUS_SIZE_UNKNOWN: u64 = u64::MAX;

/// `TUS_CHUNK_AUTO` of the header. At the top of the range, where no size can be.
pub const TUS_CHUNK_AUTO: u64 = u64::MAX;

/// `TUS_CHUNK_WHOLE` of the header.
pub const TUS_CHUNK_WHOLE: u64 = u64::MAX - 1;

/// `TUS_WAIT_FOREVER` of the header.
pub const TUS_WAIT_FOREVER: i64 = -1;

/// The features a program may ask for, each with whether this build has it.
const FEATURES: &[(&str, bool)] = &[
    ("tls", cfg!(feature = "tls")),
    ("encodings", cfg!(feature = "encodings")),
    ("socks-proxy", true),
    ("creation", true),
    ("creation-with-upload", true),
    ("creation-defer-length", true),
    ("expiration", true),
    ("checksum", true),
    ("checksum-trailer", true),
    ("termination", true),
    ("concatenation", true),
    ("concatenation-unfinished", true),
    ("checksum-sha1", true),
    ("checksum-sha256", true),
    ("checksum-sha512", true),
    ("checksum-md5", true),
    ("store", true),
    ("resume-token", true),
    ("parallel", true),
    ("uploader", true),
    ("async", true),
    ("writer", true),
];

/// The version of the library that is loaded, to be compared with TUS_VERSION_NUMBER, the one the
/// program was compiled with.
///
/// Returns: major * 65536 + minor * 256 + patch.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn tus_version_number() -> u32 {
    guard_value(0, || TUS_VERSION_NUMBER)
}

/// The version of the library that is loaded, as text.
///
/// Returns: for example "0.1.0". Never NULL.
/// Ownership: the string is static.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn tus_version_string() -> *const c_char {
    guard_value(c"".as_ptr(), || concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast())
}

/// Whether this build of the library has a feature. The names:
///
/// - "tls": https URLs
/// - "encodings": metadata in text encodings other than UTF-8
/// - "socks-proxy": SOCKS proxies, versions 4, 4a and 5
/// - "creation", "creation-with-upload", "creation-defer-length", "expiration", "checksum",
///   "checksum-trailer", "termination", "concatenation", "concatenation-unfinished": the extensions
///   of tus 1.0.0 of these names
/// - "checksum-sha1", "checksum-sha256", "checksum-sha512", "checksum-md5": the algorithms of enum
///   tus_checksum
/// - "store", "resume-token": going on with the uploads of earlier runs
/// - "parallel": uploads in parts, several at once
/// - "uploader": tus_uploader
/// - "async": tus_task, the functions whose names end in _async, tus_client_dispatch,
///   tus_client_close
/// - "writer": tus_writer
///
/// Later versions may add names, never take one away.
///
/// - `name`: the feature's name, in lower case.
///
/// Returns: 1 if it is there; 0 if not, if this version does not know the name, or if `name` is
/// NULL.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_has_feature(name: *const c_char) -> c_int {
    guard_value(0, || {
        // SAFETY: the caller's pointer, as the header asks for.
        let Ok(name) = (unsafe { text(name, "name") }) else { return 0 };
        truth(FEATURES.iter().any(|(have, built)| *built && *have == name))
    })
}

/// A part of the version: decimal digits.
const fn part(text: &str) -> u32 {
    match u32::from_str_radix(text, 10) {
        Ok(number) => number,
        Err(_) => panic!("a part of the version is no number"),
    }
}
