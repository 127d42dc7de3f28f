//! `tus_config`: the settings of a client.

use std::ffi::{c_char, c_int, c_void};
use std::num::NonZeroU64;
use std::ptr;

use super::checksum::wish;
use super::convert::{bytes, choice, chunk_size, flag, optional_text, text};
use super::error::{Failure, tus_error};
use super::guard::{guard_status, guard_value};
use super::handle::{CType, Kind, Owned, free, give, state};
use super::settings::Settings;
use super::status::tus_status;
use super::version::TUS_SIZE_UNKNOWN;
use crate::engine::config::Config;
use crate::engine::info::ServerInfo;
use crate::error::{Error, Result};
use crate::protocol::chunk::ChunkRules;
use crate::protocol::session::CreationData;
use crate::transport::Locations;

/// The values of enum tus_creation_data, as the header has them.
#[derive(Debug, Clone, Copy)]
pub(super) enum tus_creation_data {
    TUS_CREATION_DATA_OFF = 0,
    TUS_CREATION_DATA_ON = 1,
    TUS_CREATION_DATA_REPEAT = 2,
}

/// The values of enum tus_locations, as the header has them.
#[derive(Debug, Clone, Copy)]
pub(super) enum tus_locations {
    TUS_LOCATIONS_OUTWARD = 0,
    TUS_LOCATIONS_ANY = 1,
    TUS_LOCATIONS_ALLOWED = 2,
}

fn locations(number: i32) -> Result<Locations> {
    use tus_locations::*;
    choice(
        number,
        "tus_locations",
        &[
            (TUS_LOCATIONS_OUTWARD as i32, Locations::Outward),
            (TUS_LOCATIONS_ANY as i32, Locations::Any),
            (TUS_LOCATIONS_ALLOWED as i32, Locations::Allowed),
        ],
    )
}

fn creation_data(number: i32) -> Result<CreationData> {
    use tus_creation_data::*;
    choice(
        number,
        "tus_creation_data",
        &[
            (TUS_CREATION_DATA_OFF as i32, CreationData::Off),
            (TUS_CREATION_DATA_ON as i32, CreationData::On),
            (TUS_CREATION_DATA_REPEAT as i32, CreationData::Repeat),
        ],
    )
}

/// The settings of a client, to be made, handed to tus_client_new, which copies them, and freed.
///
/// Each setter checks its value at once and leaves the setting as it was if it refuses the value.
/// The first refusal is remembered, and tus_client_new returns it with its details: checking every
/// setter is possible and not necessary. Since it is remembered, a configuration that refused a
/// value makes no client any more.
///
/// Ownership: single owner.
/// Threads: one at a time.
pub struct tus_config {
    _private: [u8; 0],
}

impl CType for tus_config {
    type State = Settings<Config>;
    type Class = Owned;
    const KIND: Kind = Kind::Config;
}

/// Changes the settings behind a pointer; what `change` returns is dropped when the settings are
/// unlocked.
///
/// # Safety
///
/// - `c` is NULL or a configuration of the caller's.
pub(super) unsafe fn change<R>(
    c: *mut tus_config,
    change: impl FnOnce(&mut Config) -> Result<R>,
) -> std::result::Result<(), Failure> {
    // SAFETY: the same condition.
    unsafe { state(c.cast_const(), "c") }?.change(change)
}

/// Makes a configuration with the defaults that are told at each setter.
///
/// Returns: the configuration; NULL only after a bug in the library.
/// Ownership: the caller frees it with tus_config_free.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn tus_config_new() -> *mut tus_config {
    guard_value(ptr::null_mut(), || give(Settings::new(Config::new())))
}

/// Frees a configuration. Clients made of it keep their copies, callbacks included.
///
/// - `c`: the configuration, or NULL, which does nothing.
///
/// Threads: any, one at a time, and none may still use it.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_free(c: *mut tus_config) {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value((), || unsafe { free(c) })
}

/// The details of the last refusal of a setter: which value it was and what is allowed. The first
/// refusal is what tus_client_new returns.
///
/// - `c`: the configuration.
///
/// Returns: the error; NULL if no setter has refused anything, or if `c` is NULL or invalid.
/// Ownership: borrowed, not to be freed; valid until a setter refuses another value or `c` is freed.
/// Threads: one at a time.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_last_error(c: *const tus_config) -> *const tus_error {
    guard_value(ptr::null(), || {
        // SAFETY: the caller's pointer, as the header asks for.
        unsafe { state(c, "c") }.and_then(Settings::last_refusal).unwrap_or(ptr::null())
    })
}

/// Sets the URL that uploads are created at (T-040). A client without it can only work on uploads
/// that exist, by their absolute URLs, and answers TUS_E_INVALID_STATE to the rest; the caller's
/// headers it sends to origins given to tus_config_allow_origin.
///
/// - `c`: the configuration.
/// - `endpoint`: an absolute http or https URL, kept byte for byte (what may not stand in a path or
///   query is percent-encoded): a slash at its end matters when the server answers with a relative
///   Location (T-044). A user name and password in it become Basic authentication and are never part
///   of a request's URL.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if an argument is NULL or invalid, or this is no such
/// URL.
/// Ownership: the string is copied.
/// Threads: one at a time for each configuration.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_set_url(c: *mut tus_config, endpoint: *const c_char) -> tus_status {
    // SAFETY: the caller's pointers, as the header asks for.
    guard_status(|| unsafe { change(c, |config| config.set_url(text(endpoint, "endpoint")?)) })
}

/// Sets a header that goes with every request, whatever its method, to the endpoint's origin and to
/// those given to tus_config_allow_origin, but to no other (T-150). That the caller names an upload
/// by a URL makes its origin none of them: a client without an endpoint sends the header to allowed
/// origins only. Default: none.
///
/// - `c`: the configuration.
/// - `name`: the header's name. Those that the protocol or the message needs are the library's own:
///   Tus-Resumable, Upload-Offset and their kind, Host, Content-Type, Content-Length and the like.
/// - `value`: UTF-8 without control characters (a tab inside is allowed) and without blanks at its
///   ends; NULL removes the header.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` or `name` is NULL or invalid, the header is the
/// library's own, or the value cannot be sent.
/// Ownership: the strings are copied.
/// Threads: one at a time for each configuration.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_set_header(
    c: *mut tus_config,
    name: *const c_char,
    value: *const c_char,
) -> tus_status {
    guard_status(|| {
        // SAFETY: the caller's pointers, as the header asks for.
        unsafe { change(c, |config| config.set_header(text(name, "name")?, optional_text(value, "value")?)) }
    })
}

/// Lets requests to another origin carry the caller's headers and show the client certificate too:
/// for servers whose uploads live on another host than the endpoint, and for clients without an
/// endpoint (T-150). May be called for several. Default: none.
///
/// - `c`: the configuration.
/// - `url`: any absolute http or https URL; its scheme, host and port count.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if an argument is NULL or invalid, or this is no such
/// URL.
/// Ownership: the string is copied.
/// Threads: one at a time for each configuration.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_allow_origin(c: *mut tus_config, url: *const c_char) -> tus_status {
    // SAFETY: the caller's pointers, as the header asks for.
    guard_status(|| unsafe { change(c, |config| config.allow_origin(text(url, "url")?)) })
}

/// Sets how many bytes one PATCH request carries at most (T-023). The memory needed does not depend
/// on it.
///
/// A size of your own and TUS_CHUNK_WHOLE are kept, but where a chunk has to lie in memory, which it
/// does up to 8 MiB: if the source's size is unknown; or if a checksum goes ahead of the data
/// (tus_config_set_checksum_trailers) and the source cannot be read again from anywhere (a
/// tus_writer, a reader without `seek`). Any other source is read twice for such a chunk, once for
/// its checksum and once to be sent; switch checksums off to save that. Other bounds are the rules
/// of tus_config_set_chunk_rules for TUS_CHUNK_WHOLE, and a server that refuses a request for its
/// size. What a break may cost is a whole chunk if the server does not keep parts of one, as none
/// does that checks checksums; of a source that can only be read forward no more than the last MiB
/// can be sent again, and an upload that needs more ends with TUS_E_SOURCE.
///
/// - `c`: the configuration.
/// - `bytes`: from 1 to 2^63-1; TUS_CHUNK_AUTO: grows while the link allows and shrinks when a
///   request is refused for its size or breaks; TUS_CHUNK_WHOLE: all that is left in one request.
///   Default: TUS_CHUNK_AUTO.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid, or `bytes` is 0 or out of
/// range.
/// Threads: one at a time for each configuration.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_set_chunk_size(c: *mut tus_config, bytes: u64) -> tus_status {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_status(|| unsafe { change(c, |config| config.set_chunk_size(chunk_size(bytes)?)) })
}

/// Sets what the server wants of the size of chunks, where its documentation says so. TUS_CHUNK_AUTO
/// and TUS_CHUNK_WHOLE keep to it, but for the last chunk of an upload, which is what is left; a
/// size of your own is sent as it is.
///
/// - `c`: the configuration.
/// - `min_bytes`: the smallest chunk; 0: any. Default: 0.
/// - `max_bytes`: the largest; 0: any. Default: 0.
/// - `multiple_bytes`: what a chunk's size is a multiple of; 0: any. Default: 0.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid, or no size fulfils all three.
/// Threads: one at a time for each configuration.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_set_chunk_rules(
    c: *mut tus_config,
    min_bytes: u64,
    max_bytes: u64,
    multiple_bytes: u64,
) -> tus_status {
    guard_status(|| {
        let [min, max, multiple] = [min_bytes, max_bytes, multiple_bytes].map(NonZeroU64::new);
        // SAFETY: the caller's pointer, as the header asks for.
        unsafe { change(c, |config| config.set_chunk_rules(ChunkRules { min, max, multiple })) }
    })
}

/// Sets the encoding that text metadata has on the server; the program's side is always UTF-8.
/// Metadata set as bytes is not touched by it.
///
/// - `c`: the configuration.
/// - `label`: a name of the WHATWG Encoding Standard, in any case. Default: "utf-8".
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if an argument is NULL or invalid, or this is no such
/// name; TUS_E_UNSUPPORTED if text cannot be written in this encoding (UTF-16), or if
/// tus_has_feature("encodings") is 0 and it is not UTF-8.
/// Ownership: the string is copied.
/// Threads: one at a time for each configuration.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_set_metadata_encoding(c: *mut tus_config, label: *const c_char) -> tus_status {
    // SAFETY: the caller's pointers, as the header asks for.
    guard_status(|| unsafe { change(c, |config| config.set_metadata_encoding(text(label, "label")?)) })
}

/// Sets what checksums the data of an upload carries, by which the server finds out what was changed
/// on the way (T-090): a chunk that arrives damaged is sent again, after two times with another
/// algorithm if both sides know one. Which algorithms a server knows is asked before the first byte;
/// see also tus_config_set_query_server. A chunk with a checksum is hashed before it is sent: in
/// memory up to 8 MiB, read twice beyond that (tus_config_set_checksum_trailers). The result tells
/// which algorithm all data was checked by (tus_info_checksum).
///
/// - `c`: the configuration.
/// - `algorithm`: a value of enum tus_checksum; TUS_CHECKSUM_AUTO: sha1 or sha256, whichever this
///   machine computes faster, else the other one or sha512. Default: TUS_CHECKSUM_AUTO.
/// - `policy`: a value of enum tus_checksum_policy. TUS_CHECKSUM_IF_AVAILABLE: with another
///   algorithm if the server lacks this one, and with none if it knows none. TUS_CHECKSUM_REQUIRED:
///   exactly this one (any, with TUS_CHECKSUM_AUTO), or the operation ends with TUS_E_UNSUPPORTED
///   before a byte is sent. Default: TUS_CHECKSUM_IF_AVAILABLE; but no checksums unless this
///   function asks for them where a chunk size was asked for that does not fit into memory
///   (TUS_CHUNK_WHOLE or more than 8 MiB, of a source that has more than that).
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid, this is no algorithm or no
/// policy, or TUS_CHECKSUM_NONE is required.
/// Threads: one at a time for each configuration.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_set_checksum(c: *mut tus_config, algorithm: i32, policy: i32) -> tus_status {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_status(|| unsafe {
        change(c, |config| {
            config.set_checksum(wish(algorithm, policy)?);
            Ok(())
        })
    })
}

/// Sets whether a checksum may follow the data as a trailer where the server offers that (T-100).
/// Then data goes out as it is read; else each chunk is hashed before it is sent: in memory up to 8
/// MiB, read twice beyond that (see tus_config_set_chunk_size). Some proxies drop trailers without a
/// word or hang on them. So each upload first sends a wrong checksum without data; unless that is
/// refused as wrong, checksums go in headers, and so they do once a request with a trailer is not
/// answered, and where an HTTP proxy (tus_config_set_proxy) forwards what goes to an http:// URL.
///
/// - `c`: the configuration.
/// - `on`: 0 off, anything else on. Default: off.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid.
/// Threads: one at a time for each configuration.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_set_checksum_trailers(c: *mut tus_config, on: c_int) -> tus_status {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_status(|| unsafe {
        change(c, |config| {
            config.set_checksum_trailers(flag(on));
            Ok(())
        })
    })
}

/// Sets a metadata value that each part of an upload in parts carries
/// (tus_upload_options_set_parallel_uploads); an upload's own metadata goes with the whole alone
/// (T-123). Default: none.
///
/// - `c`: the configuration.
/// - `key`: visible ASCII without space and comma, at least one character.
/// - `value`: the bytes; may be NULL if `len` is 0.
/// - `len`: how many; 0 sends the key alone.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` or `key` is NULL or invalid, `value` is NULL but
/// `len` is not 0, or the key has other characters.
/// Ownership: key and value are copied.
/// Threads: one at a time for each configuration.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_set_metadata_for_partial_uploads(
    c: *mut tus_config,
    key: *const c_char,
    value: *const c_void,
    len: usize,
) -> tus_status {
    guard_status(|| {
        // SAFETY: the caller's pointers, as the header asks for.
        unsafe { change(c, |config| config.set_partial_metadata(text(key, "key")?, bytes(value, len, "value")?)) }
    })
}

/// Sets where servers may point to: with the URL of an upload that they create, and with redirects.
/// The origins of the endpoint and of tus_config_allow_origin are always allowed, and so is that of
/// a URL that the program itself names. The headers of the program go to none but the former,
/// whatever is set here.
///
/// - `c`: the configuration.
/// - `locations`: a value of enum tus_locations. TUS_LOCATIONS_OUTWARD: anywhere; but where a server
///   at a public address points to loopback, link-local or private addresses, no connection to them
///   is made. What counts is the address that is connected to, not how the URL is written. A server
///   behind a proxy counts as one at a public address; of a URL that is requested through a proxy
///   only an address in numbers is judged, for names are the proxy's to look up. TUS_LOCATIONS_ANY:
///   anywhere. TUS_LOCATIONS_ALLOWED: nowhere else. Default: TUS_LOCATIONS_OUTWARD.
///
/// An operation that a server leads to where it may not ends with TUS_E_PROTOCOL before a byte is
/// sent there; the error has the upload's URL, if there is one.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid, or this is no such value.
/// Threads: one at a time for each configuration.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_set_locations(c: *mut tus_config, locations: i32) -> tus_status {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_status(|| unsafe {
        change(c, |config| {
            config.set_locations(self::locations(locations)?);
            Ok(())
        })
    })
}

/// Sets whether the first chunk of an upload goes with the request that creates it, where the server
/// offers that: one round trip less, and a small file is one request (T-060). How large a first
/// chunk is tells tus_config_set_chunk_size. Only what the server was asked for, or
/// tus_client_get_server_info has learned, counts as offered. No data goes along with checksums,
/// which are defined for later requests alone, nor for a tus_uploader or the parts of an upload.
///
/// What it costs: until that request is answered nobody knows the upload's URL. So a connection that
/// breaks meanwhile loses all that was sent; tus_on_upload_url_fn and tus_resume_token_fn are
/// called, and a store notes the upload, only after the first chunk; a pause takes effect only then.
/// And if the first chunk was the whole upload and the answer is lost, the server may hold a
/// complete upload that this program was never told of.
///
/// - `c`: the configuration.
/// - `data`: a value of enum tus_creation_data. TUS_CREATION_DATA_OFF: no data goes with it; if it
///   is not answered it is repeated, and what is left on the server is an upload without data at
///   most. (But an upload of size 0 is complete with its creation, and ends without a clear answer
///   as the next value says.) TUS_CREATION_DATA_ON: data goes with it, once. Without an answer it is
///   repeated without data; but if the whole upload was sent and may be complete on the server (no
///   answer, or one like 500, 502 or 429), the operation ends with TUS_E_UNCONFIRMED, for only the
///   program can tell whether a second upload does harm. TUS_CREATION_DATA_REPEAT: as before, but
///   then repeated, data and all: a second complete upload may be left on the server. It also lets
///   the request be repeated that puts parts together, and the creation of an upload of size 0.
///   Default: TUS_CREATION_DATA_OFF.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid, or this is no such value.
/// Threads: one at a time for each configuration.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_set_upload_with_creation(c: *mut tus_config, data: i32) -> tus_status {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_status(|| unsafe {
        change(c, |config| {
            config.set_upload_with_creation(creation_data(data)?);
            Ok(())
        })
    })
}

/// Sets whether the server is asked for its capabilities (OPTIONS) before the first upload. Off
/// saves one request for each client. Then nothing is known of the server, as with one that does not
/// answer: no extension is used that the program did not ask for (no checksums, no data with the
/// creation), what it asks for is tried (a stream of unknown size, a partial or final upload, a
/// removal), and a refusal is told as what the server said (T-006).
///
/// - `c`: the configuration.
/// - `on`: 0 off, anything else on. Default: on.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid.
/// Threads: one at a time for each configuration.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_set_query_server(c: *mut tus_config, on: c_int) -> tus_status {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_status(|| unsafe {
        change(c, |config| {
            config.set_query_server(flag(on));
            Ok(())
        })
    })
}

/// Sets what the server can do, for a service that says so in its documentation and not by OPTIONS.
/// It is then not asked before uploads; tus_client_get_server_info still asks.
///
/// - `c`: the configuration.
/// - `extensions`: the names of the extensions (T-007) with commas between them, for example
///   "creation-defer-length,checksum,termination"; NULL: the server is asked. Default: NULL.
/// - `max_size`: the largest upload it takes, in bytes (T-008); TUS_SIZE_UNKNOWN: not known.
/// - `checksum_algorithms`: their names with commas between them (T-090), or NULL: sha1, if
///   "checksum" is an extension.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid, a text is not UTF-8, or a name
/// is empty or has a character that no name has.
/// Ownership: the strings are copied.
/// Threads: one at a time for each configuration.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_set_capabilities(
    c: *mut tus_config,
    extensions: *const c_char,
    max_size: u64,
    checksum_algorithms: *const c_char,
) -> tus_status {
    // SAFETY: the caller's pointers, as the header asks for.
    guard_status(|| unsafe {
        change(c, |config| {
            let algorithms = optional_text(checksum_algorithms, "checksum_algorithms")?;
            let algorithms = algorithms.map(|names| list(names, "checksum_algorithms")).transpose()?;
            let Some(extensions) = optional_text(extensions, "extensions")? else {
                config.set_capabilities(None);
                return Ok(());
            };
            config.set_capabilities(Some(ServerInfo {
                versions: Vec::new(),
                extensions: list(extensions, "extensions")?,
                max_size: Some(max_size).filter(|size| *size != TUS_SIZE_UNKNOWN),
                checksum_algorithms: algorithms.unwrap_or_default(),
            }));
            Ok(())
        })
    })
}

/// Names with commas between them; the empty text has none.
fn list(text: &str, argument: &str) -> Result<Vec<String>> {
    let names = text.split(',').map(str::trim).filter(|_| !text.trim().is_empty());
    let checked = names.map(|name| match name.bytes().all(|byte| byte.is_ascii_graphic()) && !name.is_empty() {
        true => Ok(name.to_owned()),
        false => Err(Error::invalid(format!(
            "{argument}: {name:?} is no name; names have no blanks, and commas between them"
        ))),
    });
    checked.collect()
}

/// Sets whether PATCH and DELETE are sent as POST with X-HTTP-Method-Override, for networks that let
/// only GET and POST through (T-009).
///
/// - `c`: the configuration.
/// - `on`: 0 off, anything else on. Default: off.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid.
/// Threads: one at a time for each configuration.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_set_override_patch_method(c: *mut tus_config, on: c_int) -> tus_status {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_status(|| unsafe {
        change(c, |config| {
            config.set_override_patch_method(flag(on));
            Ok(())
        })
    })
}

/// Sets whether every request carries a random X-Request-ID, to be found again in the server's log.
/// It stands in the library's log lines and in errors (tus_error_request_id).
///
/// - `c`: the configuration.
/// - `on`: 0 off, anything else on. Default: off.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid.
/// Threads: one at a time for each configuration.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_set_add_request_id(c: *mut tus_config, on: c_int) -> tus_status {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_status(|| unsafe {
        change(c, |config| {
            config.set_add_request_id(flag(on));
            Ok(())
        })
    })
}
