//! Warnings: what an operation met that is no failure, as a `tus_info`, a `tus_error` and a `tus_uploader` tell it.

use std::ffi::{CStr, c_char};
use std::ptr;
use std::sync::Arc;

use super::convert::c_string;
use super::error::tus_error;
use super::guard::guard_value;
use super::handle::{CType, state};
use super::info::tus_info;
use super::uploader::tus_uploader;
use crate::warning::{Warning, WarningKind};

/// What a warning is about, as the header has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum tus_warning_code {
    TUS_W_NONE = 0,
    TUS_W_OTHER = 1,
    TUS_W_NOT_STORED = 2,
    TUS_W_STORE_UNREADABLE = 3,
    TUS_W_BEGUN_ANEW = 4,
    TUS_W_BEGUN_BESIDE = 5,
    TUS_W_LEFT_ON_SERVER = 6,
    TUS_W_EXPIRES_SOON = 7,
    TUS_W_NOT_IN_PARTS = 8,
    TUS_W_CHECKSUMS_NOT_CHECKED = 9,
    TUS_W_NO_TUS_RESUMABLE = 10,
    TUS_W_LOCATION_READ_AS_HTTPS = 11,
    TUS_W_OTHER_ORIGIN = 12,
    TUS_W_KEY_FILE_READABLE = 13,
}

fn code_of(kind: WarningKind) -> tus_warning_code {
    match kind {
        WarningKind::Other => tus_warning_code::TUS_W_OTHER,
        WarningKind::NotStored => tus_warning_code::TUS_W_NOT_STORED,
        WarningKind::StoreUnreadable => tus_warning_code::TUS_W_STORE_UNREADABLE,
        WarningKind::BegunAnew => tus_warning_code::TUS_W_BEGUN_ANEW,
        WarningKind::BegunBeside => tus_warning_code::TUS_W_BEGUN_BESIDE,
        WarningKind::LeftOnServer => tus_warning_code::TUS_W_LEFT_ON_SERVER,
        WarningKind::ExpiresSoon => tus_warning_code::TUS_W_EXPIRES_SOON,
        WarningKind::NotInParts => tus_warning_code::TUS_W_NOT_IN_PARTS,
        WarningKind::ChecksumsNotChecked => tus_warning_code::TUS_W_CHECKSUMS_NOT_CHECKED,
        WarningKind::NoTusResumable => tus_warning_code::TUS_W_NO_TUS_RESUMABLE,
        WarningKind::LocationReadAsHttps => tus_warning_code::TUS_W_LOCATION_READ_AS_HTTPS,
        WarningKind::OtherOrigin => tus_warning_code::TUS_W_OTHER_ORIGIN,
        WarningKind::KeyFileReadable => tus_warning_code::TUS_W_KEY_FILE_READABLE,
    }
}

/// Warnings, ready for C.
#[derive(Default)]
pub(super) struct Warnings(Vec<One>);

struct One {
    code: tus_warning_code,
    text: Arc<CStr>,
    url: Option<Arc<CStr>>,
}

impl Warnings {
    pub(super) fn new(warnings: &[Warning]) -> Warnings {
        let mut all = Warnings::default();
        all.take_in(warnings);
        all
    }

    /// Takes in those that have come since: the list of an operation only grows, and pointers into
    /// it stay valid.
    pub(super) fn take_in(&mut self, warnings: &[Warning]) {
        self.0.extend(warnings.iter().skip(self.0.len()).map(|warning| One {
            code: code_of(warning.kind),
            text: c_string(&warning.text).into(),
            url: warning.url.as_ref().map(|url| c_string(url.as_str()).into()),
        }));
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn text(&self, index: usize) -> *const c_char {
        self.0.get(index).map_or(ptr::null(), |one| one.text.as_ptr())
    }

    fn code(&self, index: usize) -> i32 {
        self.0.get(index).map_or(tus_warning_code::TUS_W_NONE, |one| one.code) as i32
    }

    fn url(&self, index: usize) -> *const c_char {
        self.0.get(index).and_then(|one| one.url.as_ref()).map_or(ptr::null(), |url| url.as_ptr())
    }
}

/// What has warnings.
trait Warned: CType {
    fn with<R>(state: &Self::State, look: impl FnOnce(&Warnings) -> R) -> R;
}

impl Warned for tus_info {
    fn with<R>(state: &Self::State, look: impl FnOnce(&Warnings) -> R) -> R {
        look(&state.warnings)
    }
}

impl Warned for tus_error {
    fn with<R>(state: &Self::State, look: impl FnOnce(&Warnings) -> R) -> R {
        look(&state.warnings)
    }
}

impl Warned for tus_uploader {
    fn with<R>(state: &Self::State, look: impl FnOnce(&Warnings) -> R) -> R {
        look(&state.told().warnings)
    }
}

/// Something of an object's warnings; `none` if the pointer is to no such object.
///
/// # Safety
///
/// - `object` is NULL or an object of the caller's.
unsafe fn of<C: Warned, R>(object: *const C, argument: &str, none: R, look: impl FnOnce(&Warnings) -> R) -> R {
    // SAFETY: the same condition.
    unsafe { state(object, argument) }.map_or(none, |state| C::with(state, look))
}

/// How many warnings there are: what the operation met that is no failure but may have to be acted
/// on, for example that the upload could not be noted in the store. No more than 32 are kept, and
/// the same one once.
///
/// - `i`: the result.
///
/// Returns: the number; 0 if `i` is NULL or invalid.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_info_warning_count(i: *const tus_info) -> usize {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(0, || unsafe { of(i, "i", 0, Warnings::len) })
}

/// A warning as a sentence in English, fit for logs.
///
/// - `i`: the result.
/// - `index`: which one, from 0, in the order they came.
///
/// Returns: the text; NULL if there is no such warning, or if `i` is NULL or invalid.
/// Ownership: borrowed; valid until `i` is freed.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_info_warning(i: *const tus_info, index: usize) -> *const c_char {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(ptr::null(), || unsafe { of(i, "i", ptr::null(), |all| all.text(index)) })
}

/// What a warning is about.
///
/// - `i`: the result.
/// - `index`: which one, from 0.
///
/// Returns: a value of enum tus_warning_code; TUS_W_NONE if there is no such warning, or if `i` is
/// NULL or invalid.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_info_warning_code(i: *const tus_info, index: usize) -> i32 {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(0, || unsafe { of(i, "i", 0, |all| all.code(index)) })
}

/// The upload that a warning is about, where that is not the one of the operation: for example what
/// is left on the server (TUS_W_LEFT_ON_SERVER). It is the full URL; some servers let whoever knows
/// it write to the upload, so treat it as a secret.
///
/// - `i`: the result.
/// - `index`: which one, from 0.
///
/// Returns: the absolute URL; NULL if there is no such warning or it names no upload, or if `i` is
/// NULL or invalid.
/// Ownership: borrowed; valid until `i` is freed.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_info_warning_url(i: *const tus_info, index: usize) -> *const c_char {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(ptr::null(), || unsafe { of(i, "i", ptr::null(), |all| all.url(index)) })
}

/// How many warnings there are: what the operation met that is no failure but may have to be acted
/// on, for example that the upload could not be noted in the store. No more than 32 are kept, and
/// the same one once.
///
/// - `e`: the error.
///
/// Returns: the number; 0 if `e` is NULL or invalid.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_error_warning_count(e: *const tus_error) -> usize {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(0, || unsafe { of(e, "e", 0, Warnings::len) })
}

/// A warning as a sentence in English, fit for logs.
///
/// - `e`: the error.
/// - `index`: which one, from 0, in the order they came.
///
/// Returns: the text; NULL if there is no such warning, or if `e` is NULL or invalid.
/// Ownership: borrowed; valid until the error is freed.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_error_warning(e: *const tus_error, index: usize) -> *const c_char {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(ptr::null(), || unsafe { of(e, "e", ptr::null(), |all| all.text(index)) })
}

/// What a warning is about.
///
/// - `e`: the error.
/// - `index`: which one, from 0.
///
/// Returns: a value of enum tus_warning_code; TUS_W_NONE if there is no such warning, or if `e` is
/// NULL or invalid.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_error_warning_code(e: *const tus_error, index: usize) -> i32 {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(0, || unsafe { of(e, "e", 0, |all| all.code(index)) })
}

/// The upload that a warning is about, where that is not the one of the operation: for example what
/// is left on the server (TUS_W_LEFT_ON_SERVER). It is the full URL; some servers let whoever knows
/// it write to the upload, so treat it as a secret.
///
/// - `e`: the error.
/// - `index`: which one, from 0.
///
/// Returns: the absolute URL; NULL if there is no such warning or it names no upload, or if `e` is
/// NULL or invalid.
/// Ownership: borrowed; valid until the error is freed.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_error_warning_url(e: *const tus_error, index: usize) -> *const c_char {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(ptr::null(), || unsafe { of(e, "e", ptr::null(), |all| all.url(index)) })
}

/// How many warnings there are: what the operation met that is no failure but may have to be acted
/// on, for example that the upload could not be noted in the store. No more than 32 are kept, and
/// the same one once.
///
/// - `u`: the uploader.
///
/// Returns: the number; 0 if `u` is NULL or invalid.
/// Threads: any, also while a call on the uploader runs: what it has met counts once it returns.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_uploader_warning_count(u: *const tus_uploader) -> usize {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(0, || unsafe { of(u, "u", 0, Warnings::len) })
}

/// A warning as a sentence in English, fit for logs.
///
/// - `u`: the uploader.
/// - `index`: which one, from 0, in the order they came.
///
/// Returns: the text; NULL if there is no such warning, or if `u` is NULL or invalid.
/// Ownership: borrowed; valid until `u` is freed.
/// Threads: any, also while a call on the uploader runs: what it has met counts once it returns.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_uploader_warning(u: *const tus_uploader, index: usize) -> *const c_char {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(ptr::null(), || unsafe { of(u, "u", ptr::null(), |all| all.text(index)) })
}

/// What a warning is about.
///
/// - `u`: the uploader.
/// - `index`: which one, from 0.
///
/// Returns: a value of enum tus_warning_code; TUS_W_NONE if there is no such warning, or if `u` is
/// NULL or invalid.
/// Threads: any, also while a call on the uploader runs: what it has met counts once it returns.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_uploader_warning_code(u: *const tus_uploader, index: usize) -> i32 {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(0, || unsafe { of(u, "u", 0, |all| all.code(index)) })
}

/// The upload that a warning is about, where that is not the one of the operation: for example what
/// is left on the server (TUS_W_LEFT_ON_SERVER). It is the full URL; some servers let whoever knows
/// it write to the upload, so treat it as a secret.
///
/// - `u`: the uploader.
/// - `index`: which one, from 0.
///
/// Returns: the absolute URL; NULL if there is no such warning or it names no upload, or if `u` is
/// NULL or invalid.
/// Ownership: borrowed; valid until `u` is freed.
/// Threads: any, also while a call on the uploader runs: what it has met counts once it returns.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_uploader_warning_url(u: *const tus_uploader, index: usize) -> *const c_char {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(ptr::null(), || unsafe { of(u, "u", ptr::null(), |all| all.url(index)) })
}
