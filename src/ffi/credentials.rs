//! `tus_credentials`: the headers with which a client goes on after a refusal.

use std::ffi::c_char;
use std::mem::take;
use std::sync::{Mutex, PoisonError};

use super::convert::{optional_text, text};
use super::guard::guard_status;
use super::handle::{Borrowed, CType, Kind, Object, lend, state};
use super::status::tus_status;
use crate::engine::hooks::NewHeaders;

/// Takes the headers that all requests of a client carry from now on, after the server has refused
/// the present ones.
///
/// Ownership: borrowed; valid until the callback that got it returns.
/// Threads: the one the callback runs on.
pub struct tus_credentials {
    _private: [u8; 0],
}

impl CType for tus_credentials {
    type State = CredentialsState;
    type Class = Borrowed;
    const KIND: Kind = Kind::Credentials;
}

/// What was set.
#[derive(Default)]
pub(super) struct CredentialsState(Mutex<NewHeaders>);

impl CredentialsState {
    /// Takes everything out.
    pub(super) fn take(&self) -> NewHeaders {
        take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// None yet, on loan.
pub(super) fn lend_credentials() -> Object<tus_credentials> {
    lend(CredentialsState::default())
}

/// Sets, replaces or removes a header of all requests of the client from now on, those of its other
/// operations included. Nothing is changed if the callback then gives up.
///
/// - `out`: the credentials, in a tus_credentials_fn.
/// - `name`: the header's name, as for tus_config_set_header.
/// - `value`: as for tus_config_set_header; NULL removes the header.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `out` or `name` is NULL or invalid, the header is the
/// library's own, or the value cannot be sent.
/// Ownership: the strings are copied.
/// Threads: the callback's.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_credentials_set_header(
    out: *mut tus_credentials,
    name: *const c_char,
    value: *const c_char,
) -> tus_status {
    guard_status(|| {
        // SAFETY: the caller's pointers, as the header asks for.
        let (credentials, name, value) =
            unsafe { (state(out.cast_const(), "out")?, text(name, "name")?, optional_text(value, "value")?) };
        credentials.0.lock().unwrap_or_else(PoisonError::into_inner).set(name, value)?;
        Ok(())
    })
}
