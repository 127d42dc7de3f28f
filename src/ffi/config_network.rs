//! The settings of a `tus_config` that are about the network: retries, time limits, TLS, proxy.

use std::ffi::{c_char, c_int};

use super::config::{change, tus_config};
use super::convert::{flag, milliseconds, optional_text, path, text};
use super::error::Failure;
use super::guard::guard_status;
use super::status::tus_status;
use crate::engine::config::Config;
use crate::error::{Error, Result};
use crate::protocol::retry::RetryPolicy;
use crate::transport::{ProxySetting, ProxyUrl, Timeouts};

/// TLS 1.2, as tus_config_set_tls_min_version takes it.
const TUS_TLS_1_2: i32 = 0x0303;
/// TLS 1.3.
const TUS_TLS_1_3: i32 = 0x0304;

/// Sets how often and how long to try again. Every request of an operation draws from the same
/// budget, and only progress restores it: the server having acknowledged more bytes (T-034). The
/// delay doubles with each retry and is partly random (T-141); a Retry-After of the server's goes
/// first (T-140).
///
/// - `c`: the configuration.
/// - `max_retries`: failed tries in a row before the operation fails; 0: none is repeated. Default:
///   6.
/// - `base_delay_ms`: the delay before the first retry, in milliseconds. Default: 1000.
/// - `max_delay_ms`: the longest delay, in milliseconds. Default: 60000.
///
/// As long as neither this function nor tus_config_set_timeouts_ms has been called, a server that
/// does not answer at all from the beginning of an operation on (no connection, or no answer) is
/// told after two minutes at the latest, whatever the limits above would allow: no try is begun
/// after 88 seconds, and an answer is waited for until 110 seconds, 60 of them for one request. One
/// that refuses connections is tried for 31 to 63 seconds.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid.
/// Threads: one at a time for each configuration.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_set_retry(
    c: *mut tus_config,
    max_retries: u32,
    base_delay_ms: u64,
    max_delay_ms: u64,
) -> tus_status {
    guard_status(|| {
        let (base_delay, max_delay) = (milliseconds(base_delay_ms), milliseconds(max_delay_ms));
        let change_config = |config: &mut Config| {
            config.set_retry(RetryPolicy { max_retries, base_delay, max_delay, ..config.retry() });
            Ok(())
        };
        // SAFETY: the caller's pointer, as the header asks for.
        unsafe { change(c, change_config) }
    })
}

/// Sets how long to wait, in a row, for an upload that another request has locked (423, or 409 again
/// although the offset asked for has not changed). After it the operation ends with TUS_E_LOCKED, or
/// TUS_E_OFFSET_CONFLICT where the server said 409. Such waits do not count as retries: servers hold
/// the lock of a dead connection for up to minutes.
///
/// - `c`: the configuration.
/// - `milliseconds`: the budget; 0: a lock fails the operation at once. Default: 120000.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid.
/// Threads: one at a time for each configuration.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_set_lock_budget_ms(c: *mut tus_config, milliseconds: u64) -> tus_status {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_status(|| unsafe { change_retry(c, |policy| policy.lock_budget = self::milliseconds(milliseconds)) })
}

/// Sets the longest Retry-After that is waited for; a longer one fails the operation with the error
/// at hand (T-140).
///
/// - `c`: the configuration.
/// - `milliseconds`: the limit. Default: 3600000, an hour.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid.
/// Threads: one at a time for each configuration.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_set_max_retry_after_ms(c: *mut tus_config, milliseconds: u64) -> tus_status {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_status(|| unsafe { change_retry(c, |policy| policy.max_retry_after = self::milliseconds(milliseconds)) })
}

/// Changes a part of the retry policy that says nothing of how long a server is tried that does not
/// answer.
///
/// # Safety
///
/// - `c` is NULL or a configuration of the caller's.
unsafe fn change_retry(
    c: *mut tus_config,
    change_policy: impl FnOnce(&mut RetryPolicy),
) -> std::result::Result<(), Failure> {
    let change_config = |config: &mut Config| {
        change_policy(&mut config.retry);
        Ok(())
    };
    // SAFETY: the same condition.
    unsafe { change(c, change_config) }
}

/// Sets the time limits of each request, and that of a whole operation (T-029).
///
/// - `c`: the configuration.
/// - `connect_ms`: resolving the name, connecting (a proxy included) and the TLS handshake together,
///   in milliseconds. Default: 30000.
/// - `response_ms`: from the last byte of a request to the complete head of its answer, in
///   milliseconds. Default: 120000.
/// - `stall_ms`: how long no byte may move in either direction, in milliseconds. Default: 60000.
/// - `total_ms`: the whole operation, retries and waits included, in milliseconds; 0: no limit.
///   Default: 0. An operation that would have to wait longer than that, for a Retry-After or a lock
///   too, ends with TUS_E_TIMEOUT at once. It bounds work on this machine too: waiting for a source,
///   reading and hashing it. What it does not bound is a function of the program's or a system call
///   that does not return, a store's among them (tus_store_vtable).
///
/// Without this call a server that does not answer at all is given less time: see
/// tus_config_set_retry.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid, or one of the first three
/// limits is 0.
/// Threads: one at a time for each configuration.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_set_timeouts_ms(
    c: *mut tus_config,
    connect_ms: u64,
    response_ms: u64,
    stall_ms: u64,
    total_ms: u64,
) -> tus_status {
    guard_status(|| {
        let timeouts = Timeouts {
            connect: milliseconds(connect_ms),
            response: milliseconds(response_ms),
            stall: milliseconds(stall_ms),
        };
        let total = (total_ms != 0).then(|| milliseconds(total_ms));
        // SAFETY: the caller's pointer, as the header asks for.
        unsafe { change(c, |config| config.set_timeouts(timeouts, total)) }
    })
}

/// Sets whether the certificates of https servers are verified. Without it any certificate will do,
/// so that anybody on the way can read and change an upload: for tests only, or together with
/// tus_config_pin_tls_key. That the server holds the key of the certificate it shows is always
/// checked.
///
/// - `c`: the configuration.
/// - `verify`: 0 off, anything else on. Default: on.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid.
/// Threads: one at a time for each configuration.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_set_tls_verify(c: *mut tus_config, verify: c_int) -> tus_status {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_status(|| unsafe {
        change(c, |config| {
            config.set_tls_verify(flag(verify));
            Ok(())
        })
    })
}

/// Sets whether nothing may go over plain http: neither to the endpoint, nor to the URL of an
/// upload, nor to where a server points. Such a request ends the operation with TUS_E_TLS before a
/// byte is sent, and tus_client_new refuses an endpoint that begins with http://.
/// tus_config_pin_tls_key, tus_config_set_tls_client_certificate and TUS_TLS_1_3 as the lowest
/// version ask for that by themselves, whatever is set here.
///
/// - `c`: the configuration.
/// - `on`: 0 off, anything else on. Default: off.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid.
/// Threads: one at a time for each configuration.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_set_https_only(c: *mut tus_config, on: c_int) -> tus_status {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_status(|| unsafe {
        change(c, |config| {
            config.set_https_only(flag(on));
            Ok(())
        })
    })
}

/// Sets the lowest version of TLS to speak. With TUS_TLS_1_3 nothing goes over plain http either
/// (see tus_config_set_https_only).
///
/// - `c`: the configuration.
/// - `version`: TUS_TLS_1_2 or TUS_TLS_1_3. Default: TUS_TLS_1_2.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid, or this is none of the two.
/// Threads: one at a time for each configuration.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_set_tls_min_version(c: *mut tus_config, version: i32) -> tus_status {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_status(|| unsafe {
        change(c, |config| {
            match version {
                TUS_TLS_1_2 => config.set_tls_require_13(false),
                TUS_TLS_1_3 => config.set_tls_require_13(true),
                _ => return Err(Error::invalid(format!("{version:#x} is neither TUS_TLS_1_2 nor TUS_TLS_1_3"))),
            }
            Ok(())
        })
    })
}

/// Talks only to https servers with this key, or another one given by a call of this function,
/// besides everything else that is verified; nothing goes over plain http (see
/// tus_config_set_https_only). With tus_config_set_tls_verify off the key alone says who the server
/// is: it has proved that it holds the key before anything is sent.
///
/// - `c`: the configuration.
/// - `pin`: the SHA-256 of the SubjectPublicKeyInfo of the server's certificate (DER) in base64,
///   with or without "sha256//" before it. Default: none.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if an argument is NULL or invalid, or this is not the
/// base64 form of 32 bytes. An operation that meets another key ends with TUS_E_TLS.
/// Ownership: the string is copied.
/// Threads: one at a time for each configuration.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_pin_tls_key(c: *mut tus_config, pin: *const c_char) -> tus_status {
    // SAFETY: the caller's pointers, as the header asks for.
    guard_status(|| unsafe { change(c, |config| config.pin_tls_key(text(pin, "pin")?)) })
}

/// Sets the certificates to trust instead of the platform's.
///
/// - `c`: the configuration.
/// - `file`: the path of a file of PEM certificates, read by tus_client_new, which fails if one of
///   them cannot be read. Raw bytes on Unix, UTF-8 on Windows. Default: the platform's certificates,
///   from where it keeps them; no environment variable is asked. tus_client_new reads those too, so
///   that a program may give up its rights or change its root afterwards, unless the endpoint is a
///   plain http one and no https origin was given to tus_config_allow_origin: then they are read
///   when an https server is first met.
///
/// A certificate is an authority for other servers if it says so: basicConstraints with CA:TRUE,
/// keyUsage with keyCertSign or without keyUsage, extendedKeyUsage with serverAuth or without it. It
/// need not be self-signed: an intermediate authority alone is enough. Any certificate of the file,
/// self-signed or not, is also trusted as that of a server that shows exactly this one, if its dates
/// and its subjectAltName fit. One of version 1 is no authority.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if an argument is NULL or invalid, or the path is empty.
/// Ownership: the string is copied.
/// Threads: one at a time for each configuration.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_set_tls_ca_file(c: *mut tus_config, file: *const c_char) -> tus_status {
    // SAFETY: the caller's pointers, as the header asks for.
    guard_status(|| unsafe {
        change(c, |config| {
            config.set_tls_ca_file(path(file, "file")?);
            Ok(())
        })
    })
}

/// Sets the certificate that the client identifies itself with. Like headers of the caller's it goes
/// to the endpoint's origin and to those given to tus_config_allow_origin, but to no other (T-150),
/// whatever URL is worked on; and nothing goes over plain http (see tus_config_set_https_only).
///
/// - `c`: the configuration.
/// - `chain_path`: a PEM file with the certificate, then those between it and the authority.
/// - `key_path`: a PEM file with its private key, not encrypted. It may be the same file.
///
/// Both are read by tus_client_new. Raw bytes on Unix, UTF-8 on Windows. A key file that all users
/// of the machine may read is worth a warning to the log. Default: none.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if an argument is NULL or invalid, or a path is empty.
/// Ownership: the strings are copied.
/// Threads: one at a time for each configuration.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_set_tls_client_certificate(
    c: *mut tus_config,
    chain_path: *const c_char,
    key_path: *const c_char,
) -> tus_status {
    // SAFETY: the caller's pointers, as the header asks for.
    guard_status(|| unsafe {
        change(c, |config| {
            config.set_tls_client_certificate(path(chain_path, "chain_path")?, path(key_path, "key_path")?);
            Ok(())
        })
    })
}

/// Sets the proxy. Without this call the environment decides when the client is made: http_proxy
/// (lower case only), https_proxy, all_proxy and no_proxy (lower or upper case), by curl's rules. A
/// value that names no proxy makes tus_client_new fail if its endpoint would go through it, and a
/// request elsewhere that would, with TUS_E_INVALID_ARGUMENT and the variable's name; it is of no
/// account to all others (another scheme, a host in no_proxy).
///
/// A proxy that refuses a tunnel (any status but 5xx) ends the operation at once: TUS_E_HTTP_STATUS,
/// with the proxy's status in tus_error_http_status and CONNECT in tus_error_request_method.
///
/// - `c`: the configuration.
/// - `url`: scheme://user:password@host:port, all but the host optional. The scheme is http, socks4,
///   socks4a, socks5, socks5h or socks (the same as socks5h), by default http; the port is by
///   default 1080. NULL or "": no proxy, whatever the environment says.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid, or this is no proxy's URL.
/// Ownership: the string is copied.
/// Threads: one at a time for each configuration.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_set_proxy(c: *mut tus_config, url: *const c_char) -> tus_status {
    // SAFETY: the caller's pointers, as the header asks for.
    guard_status(|| unsafe {
        change(c, |config| {
            config.set_proxy(proxy(optional_text(url, "url")?)?);
            Ok(())
        })
    })
}

fn proxy(url: Option<&str>) -> Result<ProxySetting> {
    match url {
        None | Some("") => Ok(ProxySetting::None),
        Some(url) => ProxyUrl::parse(url)
            .map(ProxySetting::Url)
            .map_err(|error| Error::invalid(format!("the proxy's URL cannot be used: {error}"))),
    }
}

/// Sets the User-Agent header.
///
/// - `c`: the configuration.
/// - `value`: UTF-8 without control characters and without blanks at its ends. Default: "libtus/"
///   and the version.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if an argument is NULL or invalid, or the value cannot be
/// sent.
/// Ownership: the string is copied.
/// Threads: one at a time for each configuration.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_set_user_agent(c: *mut tus_config, value: *const c_char) -> tus_status {
    // SAFETY: the caller's pointers, as the header asks for.
    guard_status(|| unsafe { change(c, |config| config.set_user_agent(text(value, "value")?)) })
}
