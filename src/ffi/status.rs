//! Status codes: their numbers and their names. Which failure gets which code is decided in `error`.

use std::ffi::{CStr, c_char};

use super::guard::guard_value;

/// The result of a call: 0 is success, everything negative a failure.
///
/// The values are those of enum tus_status_code. Later versions may add some: treat a code you do
/// not know as a failure of its group of ten, and never as success.
pub type tus_status = i32;

/// The values of `tus_status`, as the header has them. What each means is told there, in
/// `cbindgen.toml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum tus_status_code {
    TUS_OK = 0,
    TUS_E_INVALID_ARGUMENT = -1,
    TUS_E_INVALID_STATE = -2,
    TUS_E_UNSUPPORTED = -3,
    TUS_E_CANCELLED = -4,
    TUS_E_CALLBACK = -5,
    TUS_E_TIMEOUT = -6,
    TUS_E_NOT_FOUND = -7,
    TUS_E_BUSY = -8,
    TUS_E_FORKED = -9,
    TUS_E_SOURCE = -20,
    TUS_E_SOURCE_CHANGED = -21,
    TUS_E_STORE = -22,
    TUS_E_FINGERPRINT = -23,
    TUS_E_RESOURCES = -24,
    TUS_E_RESOLVE = -40,
    TUS_E_CONNECT = -41,
    TUS_E_TLS = -42,
    TUS_E_IO = -43,
    TUS_E_HTTP_STATUS = -60,
    TUS_E_PROTOCOL = -61,
    TUS_E_OFFSET_CONFLICT = -62,
    TUS_E_GONE = -63,
    TUS_E_LOCKED = -64,
    TUS_E_CHECKSUM = -65,
    TUS_E_TOO_LARGE = -66,
    TUS_E_VERSION = -67,
    TUS_E_UNCONFIRMED = -68,
    TUS_E_INTERNAL = -98,
    TUS_E_PANIC = -99,
}

impl tus_status_code {
    /// Every code, in the order of the enum.
    pub(super) const ALL: [tus_status_code; 30] = [
        Self::TUS_OK,
        Self::TUS_E_INVALID_ARGUMENT,
        Self::TUS_E_INVALID_STATE,
        Self::TUS_E_UNSUPPORTED,
        Self::TUS_E_CANCELLED,
        Self::TUS_E_CALLBACK,
        Self::TUS_E_TIMEOUT,
        Self::TUS_E_NOT_FOUND,
        Self::TUS_E_BUSY,
        Self::TUS_E_FORKED,
        Self::TUS_E_SOURCE,
        Self::TUS_E_SOURCE_CHANGED,
        Self::TUS_E_STORE,
        Self::TUS_E_FINGERPRINT,
        Self::TUS_E_RESOURCES,
        Self::TUS_E_RESOLVE,
        Self::TUS_E_CONNECT,
        Self::TUS_E_TLS,
        Self::TUS_E_IO,
        Self::TUS_E_HTTP_STATUS,
        Self::TUS_E_PROTOCOL,
        Self::TUS_E_OFFSET_CONFLICT,
        Self::TUS_E_GONE,
        Self::TUS_E_LOCKED,
        Self::TUS_E_CHECKSUM,
        Self::TUS_E_TOO_LARGE,
        Self::TUS_E_VERSION,
        Self::TUS_E_UNCONFIRMED,
        Self::TUS_E_INTERNAL,
        Self::TUS_E_PANIC,
    ];

    /// The number that crosses the boundary.
    pub(super) const fn code(self) -> tus_status {
        self as tus_status
    }

    /// The name as the header has it.
    pub(super) const fn name(self) -> &'static CStr {
        match self {
            Self::TUS_OK => c"TUS_OK",
            Self::TUS_E_INVALID_ARGUMENT => c"TUS_E_INVALID_ARGUMENT",
            Self::TUS_E_INVALID_STATE => c"TUS_E_INVALID_STATE",
            Self::TUS_E_UNSUPPORTED => c"TUS_E_UNSUPPORTED",
            Self::TUS_E_CANCELLED => c"TUS_E_CANCELLED",
            Self::TUS_E_CALLBACK => c"TUS_E_CALLBACK",
            Self::TUS_E_TIMEOUT => c"TUS_E_TIMEOUT",
            Self::TUS_E_NOT_FOUND => c"TUS_E_NOT_FOUND",
            Self::TUS_E_BUSY => c"TUS_E_BUSY",
            Self::TUS_E_FORKED => c"TUS_E_FORKED",
            Self::TUS_E_SOURCE => c"TUS_E_SOURCE",
            Self::TUS_E_SOURCE_CHANGED => c"TUS_E_SOURCE_CHANGED",
            Self::TUS_E_STORE => c"TUS_E_STORE",
            Self::TUS_E_FINGERPRINT => c"TUS_E_FINGERPRINT",
            Self::TUS_E_RESOURCES => c"TUS_E_RESOURCES",
            Self::TUS_E_RESOLVE => c"TUS_E_RESOLVE",
            Self::TUS_E_CONNECT => c"TUS_E_CONNECT",
            Self::TUS_E_TLS => c"TUS_E_TLS",
            Self::TUS_E_IO => c"TUS_E_IO",
            Self::TUS_E_HTTP_STATUS => c"TUS_E_HTTP_STATUS",
            Self::TUS_E_PROTOCOL => c"TUS_E_PROTOCOL",
            Self::TUS_E_OFFSET_CONFLICT => c"TUS_E_OFFSET_CONFLICT",
            Self::TUS_E_GONE => c"TUS_E_GONE",
            Self::TUS_E_LOCKED => c"TUS_E_LOCKED",
            Self::TUS_E_CHECKSUM => c"TUS_E_CHECKSUM",
            Self::TUS_E_TOO_LARGE => c"TUS_E_TOO_LARGE",
            Self::TUS_E_VERSION => c"TUS_E_VERSION",
            Self::TUS_E_UNCONFIRMED => c"TUS_E_UNCONFIRMED",
            Self::TUS_E_INTERNAL => c"TUS_E_INTERNAL",
            Self::TUS_E_PANIC => c"TUS_E_PANIC",
        }
    }
}

/// The name of a status code as it stands in this header, for messages and logs.
///
/// - `status`: any number.
///
/// Returns: for example "TUS_E_LOCKED"; "TUS_E_UNKNOWN" for a number this version does not know.
/// Never NULL.
/// Ownership: the string is static.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn tus_status_name(status: tus_status) -> *const c_char {
    guard_value(c"TUS_E_UNKNOWN".as_ptr(), || {
        let known = tus_status_code::ALL.into_iter().find(|known| known.code() == status);
        known.map_or(c"TUS_E_UNKNOWN", tus_status_code::name).as_ptr()
    })
}
