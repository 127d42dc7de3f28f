//! The callbacks of a `tus_config`.

use std::ffi::{c_int, c_void};
use std::mem::replace;

use super::callback::{Callback, UserData, tus_destroy_fn};
use super::config::{change, tus_config};
use super::convert::flag;
use super::guard::guard_status;
use super::hooks::{
    self, tus_after_response_fn, tus_before_request_fn, tus_credentials_fn, tus_expiring_fn, tus_should_retry_fn,
    tus_upload_url_fn,
};
use super::log::{level, log_to, tus_log_fn};
use super::status::tus_status;
use crate::engine::log::Log;

/// Sets the function that sees every request before it is sent and may change its headers.
///
/// - `c`: the configuration.
/// - `f`: the function; NULL: none, which is the default.
/// - `user_data`: handed to `f`; may be NULL.
/// - `destroy`: releases `user_data`, exactly once, also if this call fails; may be NULL.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid.
/// Ownership: `user_data` is the configuration's and its clients' until `destroy` has run.
/// Threads: one at a time for each configuration. `f` runs on a thread of the operation, never twice
/// at once for one operation, but at once for several; no lock that other operations need is held
/// meanwhile.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_set_before_request(
    c: *mut tus_config,
    f: tus_before_request_fn,
    user_data: *mut c_void,
    destroy: tus_destroy_fn,
) -> tus_status {
    guard_status(|| {
        let hook = Callback::new(f, UserData::new(user_data, destroy)).map(hooks::before_request);
        // SAFETY: the caller's pointer, as the header asks for.
        unsafe { change(c, |config| Ok(replace(&mut config.hooks_mut().before_request, hook))) }
    })
}

/// Sets the function that sees every answer, errors too.
///
/// - `c`: the configuration.
/// - `f`: the function; NULL: none, which is the default.
/// - `user_data`: handed to `f`; may be NULL.
/// - `destroy`: releases `user_data`, exactly once, also if this call fails; may be NULL.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid.
/// Ownership: `user_data` is the configuration's and its clients' until `destroy` has run.
/// Threads: one at a time for each configuration. `f` runs on a thread of the operation, never twice
/// at once for one operation, but at once for several; no lock that other operations need is held
/// meanwhile.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_set_after_response(
    c: *mut tus_config,
    f: tus_after_response_fn,
    user_data: *mut c_void,
    destroy: tus_destroy_fn,
) -> tus_status {
    guard_status(|| {
        let hook = Callback::new(f, UserData::new(user_data, destroy)).map(hooks::after_response);
        // SAFETY: the caller's pointer, as the header asks for.
        unsafe { change(c, |config| Ok(replace(&mut config.hooks_mut().after_response, hook))) }
    })
}

/// Sets the function that is asked before each retry.
///
/// - `c`: the configuration.
/// - `f`: the function; NULL: none, which is the default: every retry the limits allow is made.
/// - `user_data`: handed to `f`; may be NULL.
/// - `destroy`: releases `user_data`, exactly once, also if this call fails; may be NULL.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid.
/// Ownership: `user_data` is the configuration's and its clients' until `destroy` has run.
/// Threads: one at a time for each configuration. `f` runs on a thread of the operation, never twice
/// at once for one operation, but at once for several; no lock that other operations need is held
/// meanwhile.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_set_should_retry(
    c: *mut tus_config,
    f: tus_should_retry_fn,
    user_data: *mut c_void,
    destroy: tus_destroy_fn,
) -> tus_status {
    guard_status(|| {
        let hook = Callback::new(f, UserData::new(user_data, destroy)).map(hooks::should_retry);
        // SAFETY: the caller's pointer, as the header asks for.
        unsafe { change(c, |config| Ok(replace(&mut config.hooks_mut().should_retry, hook))) }
    })
}

/// Sets the function that learns the URL of every new upload as soon as there is one: before the
/// first byte is sent, unless data goes with the creation (tus_config_set_upload_with_creation).
///
/// - `c`: the configuration.
/// - `f`: the function; NULL: none, which is the default. An upload's own, set with
///   tus_upload_options_set_on_upload_url_available, is called instead of this one.
/// - `user_data`: handed to `f`; may be NULL.
/// - `destroy`: releases `user_data`, exactly once, also if this call fails; may be NULL.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid.
/// Ownership: `user_data` is the configuration's and its clients' until `destroy` has run.
/// Threads: one at a time for each configuration. `f` runs on a thread of the operation, never twice
/// at once for one operation, but at once for several; no lock that other operations need is held
/// meanwhile.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_set_on_upload_url_available(
    c: *mut tus_config,
    f: tus_upload_url_fn,
    user_data: *mut c_void,
    destroy: tus_destroy_fn,
) -> tus_status {
    guard_status(|| {
        let hook = Callback::new(f, UserData::new(user_data, destroy)).map(hooks::upload_url);
        // SAFETY: the caller's pointer, as the header asks for.
        unsafe { change(c, |config| Ok(replace(&mut config.hooks_mut().on_upload_url, hook))) }
    })
}

/// Sets the function that gets other credentials when the server refuses the present ones (401), for
/// example a new token.
///
/// - `c`: the configuration.
/// - `f`: the function; NULL: none, which is the default: a 401 ends the operation.
/// - `user_data`: handed to `f`; may be NULL.
/// - `destroy`: releases `user_data`, exactly once, also if this call fails; may be NULL.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid.
/// Ownership: `user_data` is the configuration's and its clients' until `destroy` has run.
/// Threads: one at a time for each configuration. `f` runs on a thread of an operation, never twice
/// at once for one client; other operations of the client that were refused wait for it.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_set_credentials(
    c: *mut tus_config,
    f: tus_credentials_fn,
    user_data: *mut c_void,
    destroy: tus_destroy_fn,
) -> tus_status {
    guard_status(|| {
        let hook = Callback::new(f, UserData::new(user_data, destroy)).map(hooks::credentials);
        // SAFETY: the caller's pointer, as the header asks for.
        unsafe { change(c, |config| Ok(replace(&mut config.hooks_mut().credentials, hook))) }
    })
}

/// Sets the function that is warned when the server will drop an upload before it can be complete
/// (T-082).
///
/// - `c`: the configuration.
/// - `f`: the function; NULL: none, which is the default.
/// - `user_data`: handed to `f`; may be NULL.
/// - `destroy`: releases `user_data`, exactly once, also if this call fails; may be NULL.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid.
/// Ownership: `user_data` is the configuration's and its clients' until `destroy` has run.
/// Threads: one at a time for each configuration. `f` runs on a thread of the operation, never twice
/// at once for one operation, but at once for several.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_set_on_expiring(
    c: *mut tus_config,
    f: tus_expiring_fn,
    user_data: *mut c_void,
    destroy: tus_destroy_fn,
) -> tus_status {
    guard_status(|| {
        let hook = Callback::new(f, UserData::new(user_data, destroy)).map(hooks::expiring);
        // SAFETY: the caller's pointer, as the header asks for.
        unsafe { change(c, |config| Ok(replace(&mut config.hooks_mut().on_expiring, hook))) }
    })
}

/// Sets the function that gets the library's log lines. There is no other log: nothing is ever
/// written to stderr.
///
/// - `c`: the configuration.
/// - `level`: the least important lines wanted, a value of enum tus_log_level.
/// - `f`: the function; NULL: none, which is the default.
/// - `user_data`: handed to `f`; may be NULL.
/// - `destroy`: releases `user_data`, exactly once, also if this call fails; may be NULL.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid, or this is no level.
/// Ownership: `user_data` is the configuration's and its clients' until `destroy` has run.
/// Threads: one at a time for each configuration. `f` runs on any thread, also on several at once;
/// no lock is held meanwhile.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_set_log(
    c: *mut tus_config,
    level: i32,
    f: tus_log_fn,
    user_data: *mut c_void,
    destroy: tus_destroy_fn,
) -> tus_status {
    guard_status(|| {
        let callback = Callback::new(f, UserData::new(user_data, destroy));
        // Made, or refused and released, before the settings are locked.
        let log = self::level(level).map(|level| callback.map_or_else(Log::none, |callback| log_to(level, callback)));
        // SAFETY: the caller's pointer, as the header asks for.
        unsafe { change(c, |config| Ok(replace(&mut config.log, log?))) }
    })
}

/// Sets whether messages (tus_error_message, warnings) and log lines name uploads by their whole
/// URLs. Without it the query and the last part of the path are hidden, since some servers let
/// whoever knows them write to the upload. Functions that give URLs (tus_error_upload_url,
/// tus_info_url) give the whole ones in any case.
///
/// - `c`: the configuration.
/// - `on`: 0 off, anything else on. Default: off.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid.
/// Threads: one at a time for each configuration.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_set_show_urls(c: *mut tus_config, on: c_int) -> tus_status {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_status(|| unsafe {
        change(c, |config| {
            config.set_show_urls(flag(on));
            Ok(())
        })
    })
}
