//! `tus_upload_options`: what may be said of a single upload.

use std::ffi::{c_char, c_int, c_void};
use std::mem::replace;
use std::ptr;

use super::callback::{Callback, UserData, tus_destroy_fn};
use super::checksum::wish;
use super::convert::{bytes, chunk_size, flag, milliseconds, optional_text, text};
use super::error::{Failure, tus_error};
use super::guard::{guard_status, guard_value};
use super::handle::{CType, Kind, Owned, free, give, state};
use super::hooks::{self, tus_progress_fn, tus_resume_token_fn, tus_upload_url_fn};
use super::settings::Settings;
use super::status::tus_status;
use super::version::TUS_SIZE_UNKNOWN;
use crate::engine::options::UploadOptions;
use crate::error::Result;
use crate::protocol::retry::RetryPolicy;
use crate::transport::Timeouts;

/// Options of an upload: metadata, callbacks, limits. The same options may serve any number of
/// uploads; each copies them when it starts and never changes them.
///
/// Each setter checks its value at once and leaves the option as it was if it refuses the value. The
/// first refusal is remembered, and every operation with these options returns it with its details:
/// checking every setter is possible and not necessary.
///
/// Ownership: single owner. They may be changed or freed while an operation that got them runs.
/// Threads: one at a time.
pub struct tus_upload_options {
    _private: [u8; 0],
}

impl CType for tus_upload_options {
    type State = Settings<UploadOptions>;
    type Class = Owned;
    const KIND: Kind = Kind::UploadOptions;
}

/// Changes the options behind a pointer.
///
/// # Safety
///
/// - `o` is NULL or options of the caller's.
unsafe fn change<R>(
    o: *mut tus_upload_options,
    change: impl FnOnce(&mut UploadOptions) -> Result<R>,
) -> std::result::Result<(), Failure> {
    // SAFETY: the same condition.
    unsafe { state(o.cast_const(), "o") }?.change(change)
}

/// A copy of the options behind a pointer; NULL is no options.
///
/// # Safety
///
/// - `o` is NULL or options of the caller's.
pub(super) unsafe fn copy_options(o: *const tus_upload_options) -> std::result::Result<UploadOptions, Failure> {
    if o.is_null() {
        return Ok(UploadOptions::new());
    }
    // SAFETY: the same condition.
    unsafe { state(o, "o") }?.copy()
}

/// Makes options with the defaults that are told at each setter.
///
/// Returns: the options; NULL only after a bug in the library.
/// Ownership: the caller frees them with tus_upload_options_free.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn tus_upload_options_new() -> *mut tus_upload_options {
    guard_value(ptr::null_mut(), || give(Settings::new(UploadOptions::new())))
}

/// The details of the last refusal of a setter: which value it was and what is allowed. The first
/// refusal is what every operation with these options returns.
///
/// - `o`: the options.
///
/// Returns: the error; NULL if no setter has refused anything, or if `o` is NULL or invalid.
/// Ownership: borrowed, not to be freed; valid until a setter refuses another value or `o` is freed.
/// Threads: one at a time.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_upload_options_last_error(o: *const tus_upload_options) -> *const tus_error {
    guard_value(ptr::null(), || {
        // SAFETY: the caller's pointer, as the header asks for.
        unsafe { state(o, "o") }.and_then(Settings::last_refusal).unwrap_or(ptr::null())
    })
}

/// Frees options. Operations that got them keep their copies.
///
/// - `o`: the options, or NULL, which does nothing.
///
/// Threads: any, one at a time, and none may still use them.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_upload_options_free(o: *mut tus_upload_options) {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value((), || unsafe { free(o) })
}

/// Sets a metadata value of any bytes, sent as they are (T-046, T-047). Setting a key again replaces
/// its value; keys are sent in the order in which they were first set.
///
/// - `o`: the options.
/// - `key`: visible ASCII without space and comma, at least one character.
/// - `value`: the bytes; may be NULL if `len` is 0.
/// - `len`: how many; 0 sends the key alone.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `o` or `key` is NULL or invalid, `value` is NULL but
/// `len` is not 0, or the key has other characters.
/// Ownership: key and value are copied.
/// Threads: one at a time for the same options.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_upload_options_set_metadata(
    o: *mut tus_upload_options,
    key: *const c_char,
    value: *const c_void,
    len: usize,
) -> tus_status {
    guard_status(|| {
        // SAFETY: the caller's pointers, as the header asks for.
        unsafe { change(o, |options| options.set_metadata(text(key, "key")?, bytes(value, len, "value")?)) }
    })
}

/// Sets a metadata value of text, sent in the client's metadata encoding
/// (tus_config_set_metadata_encoding).
///
/// - `o`: the options.
/// - `key`: visible ASCII without space and comma, at least one character.
/// - `value`: UTF-8. A character that the client's encoding lacks makes the operation fail with
///   TUS_E_INVALID_ARGUMENT before any request.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if an argument is NULL or invalid, or the key has other
/// characters.
/// Ownership: key and value are copied.
/// Threads: one at a time for the same options.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_upload_options_set_metadata_text(
    o: *mut tus_upload_options,
    key: *const c_char,
    value: *const c_char,
) -> tus_status {
    guard_status(|| {
        // SAFETY: the caller's pointers, as the header asks for.
        unsafe { change(o, |options| options.set_metadata_text(text(key, "key")?, text(value, "value")?)) }
    })
}

/// Sets whether metadata is sent that takes more than 4096 bytes as a header, which many servers
/// refuse (T-049). Off, an operation with such metadata fails with TUS_E_INVALID_ARGUMENT before any
/// request.
///
/// - `o`: the options.
/// - `on`: 0 off, anything else on. Default: off.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `o` is NULL or invalid.
/// Threads: one at a time for the same options.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_upload_options_set_large_metadata(o: *mut tus_upload_options, on: c_int) -> tus_status {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_status(|| unsafe {
        change(o, |options| {
            options.set_large_metadata(flag(on));
            Ok(())
        })
    })
}

/// Sets a header that goes with the requests of this upload alone, all of them, in place of the
/// client's header of the same name. It goes where the client's headers go (tus_config_set_header):
/// to the endpoint's origin and to allowed ones, but to no other (T-150). Default: none.
///
/// - `o`: the options.
/// - `name`: the header's name. Those that the protocol or the message needs are the library's own:
///   Tus-Resumable, Upload-Offset and their kind, Host, Content-Type, Content-Length and the like.
/// - `value`: UTF-8 without control characters (a tab inside is allowed) and without blanks at its
///   ends; NULL takes the header back, so that the client's counts.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `o` or `name` is NULL or invalid, the header is the
/// library's own, or the value cannot be sent.
/// Ownership: the strings are copied.
/// Threads: one at a time for the same options.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_upload_options_set_header(
    o: *mut tus_upload_options,
    name: *const c_char,
    value: *const c_char,
) -> tus_status {
    guard_status(|| {
        // SAFETY: the caller's pointers, as the header asks for.
        unsafe { change(o, |options| options.set_header(text(name, "name")?, optional_text(value, "value")?)) }
    })
}

/// Sets an offset to stop at: the operation ends with TUS_OK once the server has acknowledged that
/// many bytes, its result is not complete, and the upload can be resumed.
///
/// - `o`: the options.
/// - `offset`: bytes from the beginning of the source; TUS_SIZE_UNKNOWN: do not stop. Default:
///   TUS_SIZE_UNKNOWN.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `o` is NULL or invalid.
/// Threads: one at a time for the same options.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_upload_options_set_stop_at(o: *mut tus_upload_options, offset: u64) -> tus_status {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_status(|| unsafe {
        change(o, |options| {
            options.set_stop_at((offset != TUS_SIZE_UNKNOWN).then_some(offset));
            Ok(())
        })
    })
}

/// Sets how many bytes one PATCH request of this upload carries at most, in place of the client's
/// chunk size.
///
/// - `o`: the options.
/// - `bytes`: as for tus_config_set_chunk_size. Default: the client's.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `o` is NULL or invalid, or `bytes` is 0 or out of
/// range.
/// Threads: one at a time for the same options.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_upload_options_set_chunk_size(o: *mut tus_upload_options, bytes: u64) -> tus_status {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_status(|| unsafe { change(o, |options| options.set_chunk_size(chunk_size(bytes)?)) })
}

/// Sets what checksums the data of this upload carries, in place of the client's
/// (tus_config_set_checksum).
///
/// - `o`: the options.
/// - `algorithm`: a value of enum tus_checksum.
/// - `policy`: a value of enum tus_checksum_policy. Default: the client's.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT as for tus_config_set_checksum.
/// Threads: one at a time for the same options.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_upload_options_set_checksum(
    o: *mut tus_upload_options,
    algorithm: i32,
    policy: i32,
) -> tus_status {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_status(|| unsafe {
        change(o, |options| {
            options.set_checksum(Some(wish(algorithm, policy)?));
            Ok(())
        })
    })
}

/// Sets how often and how long this upload tries again, in place of the client's
/// tus_config_set_retry; the budgets for locks and Retry-After are the defaults then.
///
/// - `o`: the options.
/// - `max_retries`: failed tries in a row before the operation fails; 0: none is repeated. Default:
///   the client's.
/// - `base_delay_ms`: the delay before the first retry, in milliseconds.
/// - `max_delay_ms`: the longest delay, in milliseconds.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `o` is NULL or invalid.
/// Threads: one at a time for the same options.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_upload_options_set_retry(
    o: *mut tus_upload_options,
    max_retries: u32,
    base_delay_ms: u64,
    max_delay_ms: u64,
) -> tus_status {
    guard_status(|| {
        let (base_delay, max_delay) = (milliseconds(base_delay_ms), milliseconds(max_delay_ms));
        let policy = RetryPolicy { max_retries, base_delay, max_delay, ..RetryPolicy::default() };
        // SAFETY: the caller's pointer, as the header asks for.
        unsafe {
            change(o, |options| {
                options.set_retry(Some(policy));
                Ok(())
            })
        }
    })
}

/// Sets the time limits of each request of this upload, in place of the first three of
/// tus_config_set_timeouts_ms. They hold for everything that is done for it: its creation, its data,
/// its parts and what removes them; for an uploader, in each of its calls. As with that function, a
/// server that does not answer at all is given all the time that these limits and the retries allow.
/// The limit of the whole upload is tus_upload_options_set_timeout_ms.
///
/// - `o`: the options.
/// - `connect_ms`: resolving the name, connecting (a proxy included) and the TLS handshake together,
///   in milliseconds. Default: the client's.
/// - `response_ms`: from the last byte of a request to the complete head of its answer, in
///   milliseconds. Default: the client's.
/// - `stall_ms`: how long no byte may move in either direction, in milliseconds. Default: the
///   client's.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `o` is NULL or invalid, or one of the limits is 0.
/// Threads: one at a time for the same options.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_upload_options_set_request_timeouts_ms(
    o: *mut tus_upload_options,
    connect_ms: u64,
    response_ms: u64,
    stall_ms: u64,
) -> tus_status {
    guard_status(|| {
        let timeouts = Timeouts {
            connect: milliseconds(connect_ms),
            response: milliseconds(response_ms),
            stall: milliseconds(stall_ms),
        };
        // SAFETY: the caller's pointer, as the header asks for.
        unsafe { change(o, |options| options.set_timeouts(Some(timeouts))) }
    })
}

/// Sets how long this upload may take, retries and waits included, in place of the client's total
/// timeout (tus_config_set_timeouts_ms); for an uploader, how long each of its calls may.
///
/// - `o`: the options.
/// - `total_ms`: in milliseconds. Default: the client's.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `o` is NULL or invalid, or `total_ms` is 0. The
/// operation ends with TUS_E_TIMEOUT when the time is over.
/// Threads: one at a time for the same options.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_upload_options_set_timeout_ms(o: *mut tus_upload_options, total_ms: u64) -> tus_status {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_status(|| unsafe { change(o, |options| options.set_total_timeout(Some(milliseconds(total_ms)))) })
}

/// Sends the data in several parts at once, which the server then puts together (T-120). Needs a
/// server with the extension concatenation and a source of known size that can be read anywhere: a
/// file, memory, a reader with `seek`. There are fewer parts where one would be smaller than 1 MiB
/// (tus_upload_options_set_min_part_size), and never more than fit with their URLs into the 8 KiB of
/// the header that names them. An upload of an earlier run is continued
/// as it was begun. The parts stay on the server afterwards, see
/// tus_upload_options_set_remove_parts; those of an upload that fails and cannot be continued by a
/// later run are removed, within 3 seconds, and what may be left is told by a warning
/// (TUS_W_LEFT_ON_SERVER). Not together with tus_upload_options_set_stop_at
/// (TUS_E_INVALID_ARGUMENT); an uploader sends one chunk after the other.
///
/// - `o`: the options.
/// - `parts`: how many; 0 and 1: an ordinary upload. Default: 0.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `o` is NULL or invalid. The operation ends with
/// TUS_E_UNSUPPORTED before anything is created if the server or the source does not allow parts;
/// see tus_upload_options_set_parallel_fallback.
/// Threads: one at a time for the same options.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_upload_options_set_parallel_uploads(o: *mut tus_upload_options, parts: u32) -> tus_status {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_status(|| unsafe {
        change(o, |options| {
            options.set_parallel_uploads(parts);
            Ok(())
        })
    })
}

/// Sets how small the parts of an upload in parts may be (T-128). A source that is not twice as
/// large is sent as an ordinary upload. The parts of an earlier run stay as they are.
///
/// - `o`: the options.
/// - `bytes`: how many a part has at least; 0 is taken as 1. Default: 1 MiB.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `o` is NULL or invalid.
/// Threads: one at a time for the same options.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_upload_options_set_min_part_size(o: *mut tus_upload_options, bytes: u64) -> tus_status {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_status(|| unsafe {
        change(o, |options| {
            options.set_min_part_size(bytes);
            Ok(())
        })
    })
}

/// Sets whether the parts of an upload in parts are removed from the server after it has put them
/// together (T-128).
///
/// Set it only for a server that copies the parts into the final upload, as tusd does with files.
/// The final upload of other servers (tus-java-server, say) only refers to its parts: removing them
/// deletes the data of an upload that is complete. The removal takes 3 seconds at most; a part that
/// stays is told by a warning (TUS_W_LEFT_ON_SERVER).
///
/// - `o`: the options.
/// - `on`: 0 off, anything else on. Default: off.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `o` is NULL or invalid.
/// Threads: one at a time for the same options.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_upload_options_set_remove_parts(o: *mut tus_upload_options, on: c_int) -> tus_status {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_status(|| unsafe {
        change(o, |options| {
            options.set_remove_parts(flag(on));
            Ok(())
        })
    })
}

/// Sets whether an upload in parts becomes an ordinary one where the server or the source does not
/// allow parts, instead of failing with TUS_E_UNSUPPORTED.
///
/// - `o`: the options.
/// - `on`: 0 off, anything else on. Default: off.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `o` is NULL or invalid.
/// Threads: one at a time for the same options.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_upload_options_set_parallel_fallback(o: *mut tus_upload_options, on: c_int) -> tus_status {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_status(|| unsafe {
        change(o, |options| {
            options.set_parallel_fallback(flag(on));
            Ok(())
        })
    })
}

/// Goes on with exactly this upload instead of creating one, as tus_client_resume_upload does, which
/// goes by its own argument.
///
/// - `o`: the options.
/// - `url`: the upload's URL, absolute or relative to the endpoint; NULL: none, which is the
///   default.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `o` is NULL or invalid, or `url` is not UTF-8. The
/// operation ends with TUS_E_INVALID_ARGUMENT if this is no such URL.
/// Ownership: the string is copied.
/// Threads: one at a time for the same options.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_upload_options_set_upload_url(
    o: *mut tus_upload_options,
    url: *const c_char,
) -> tus_status {
    // SAFETY: the caller's pointers, as the header asks for.
    guard_status(|| unsafe {
        change(o, |options| {
            options.set_upload_url(optional_text(url, "url")?);
            Ok(())
        })
    })
}

/// Goes on with the upload that gave this token (tus_resume_token_fn, tus_error_resume_token,
/// tus_uploader_resume_token), parts included, if the source is still the same; the store is not
/// asked. If the server has dropped that upload, another one is created.
///
/// A token is not believed: what it names counts only at the client's endpoint and at allowed
/// origins, and nothing it names is deleted that the server does not show to be the upload it tells
/// of. Who may write a token is settled by tus_config_set_token_key.
///
/// - `o`: the options.
/// - `token`: the token; NULL: none, which is the default.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `o` is NULL or invalid, or `token` is not UTF-8. The
/// operation ends with TUS_E_INVALID_ARGUMENT if this is no token, one of another server, not signed
/// with the client's key, names an upload at an origin that is not allowed, or one with other
/// metadata than these options have; TUS_E_SOURCE_CHANGED if the source is not the same or cannot be
/// shown to be, TUS_E_UNSUPPORTED if it cannot be recognised at all.
/// Ownership: the string is copied.
/// Threads: one at a time for the same options.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_upload_options_set_resume_token(
    o: *mut tus_upload_options,
    token: *const c_char,
) -> tus_status {
    // SAFETY: the caller's pointers, as the header asks for.
    guard_status(|| unsafe {
        change(o, |options| {
            options.set_resume_token(optional_text(token, "token")?);
            Ok(())
        })
    })
}

/// Sets which of several tasks that wait begins first: the one with the larger number, of equal ones
/// the one that was submitted first. It means nothing to blocking operations; see also
/// tus_task_set_priority.
///
/// - `o`: the options.
/// - `priority`: any number. Default: 0.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `o` is NULL or invalid.
/// Threads: one at a time for the same options.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_upload_options_set_priority(o: *mut tus_upload_options, priority: i32) -> tus_status {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_status(|| unsafe {
        change(o, |options| {
            options.set_priority(priority);
            Ok(())
        })
    })
}

/// Sets whether tus_client_create_final_upload takes parts that are not complete yet, where the
/// server offers that (extension concatenation-unfinished, T-123).
///
/// - `o`: the options.
/// - `on`: 0 off, anything else on. Default: off.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `o` is NULL or invalid.
/// Threads: one at a time for the same options.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_upload_options_set_unfinished_parts(o: *mut tus_upload_options, on: c_int) -> tus_status {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_status(|| unsafe {
        change(o, |options| {
            options.set_unfinished_parts(flag(on));
            Ok(())
        })
    })
}

/// Sets the function that learns how far the upload is.
///
/// - `o`: the options.
/// - `f`: the function; NULL: none, which is the default.
/// - `user_data`: handed to `f`; may be NULL.
/// - `destroy`: releases `user_data`, exactly once, also if this call fails; may be NULL.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `o` is NULL or invalid.
/// Ownership: `user_data` belongs to the options, and to operations that got them, until `destroy`
/// has run.
/// Threads: one at a time for the same options. `f` runs on a thread of the operation, never twice
/// at once for one operation; no lock that other operations need is held meanwhile.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_upload_options_set_progress(
    o: *mut tus_upload_options,
    f: tus_progress_fn,
    user_data: *mut c_void,
    destroy: tus_destroy_fn,
) -> tus_status {
    guard_status(|| {
        let hook = Callback::new(f, UserData::new(user_data, destroy)).map(hooks::progress);
        // SAFETY: the caller's pointer, as the header asks for.
        unsafe { change(o, |options| Ok(replace(&mut options.progress, hook))) }
    })
}

/// Sets the function that learns the upload's URL as soon as there is one, in place of the client's
/// (tus_config_set_on_upload_url_available). That is before the first byte is sent, unless data goes
/// with the creation (tus_config_set_upload_with_creation).
///
/// - `o`: the options.
/// - `f`: the function; NULL: the client's, which is the default.
/// - `user_data`: handed to `f`; may be NULL.
/// - `destroy`: releases `user_data`, exactly once, also if this call fails; may be NULL.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `o` is NULL or invalid.
/// Ownership: `user_data` belongs to the options, and to operations that got them, until `destroy`
/// has run.
/// Threads: one at a time for the same options. `f` runs on a thread of the operation, never twice
/// at once for one operation; no lock that other operations need is held meanwhile.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_upload_options_set_on_upload_url_available(
    o: *mut tus_upload_options,
    f: tus_upload_url_fn,
    user_data: *mut c_void,
    destroy: tus_destroy_fn,
) -> tus_status {
    guard_status(|| {
        let hook = Callback::new(f, UserData::new(user_data, destroy)).map(hooks::upload_url);
        // SAFETY: the caller's pointer, as the header asks for.
        unsafe { change(o, |options| Ok(replace(&mut options.on_upload_url, hook))) }
    })
}

/// Sets the function that learns the token by which the upload can be continued later, for programs
/// that keep state of their own.
///
/// - `o`: the options.
/// - `f`: the function; NULL: none, which is the default.
/// - `user_data`: handed to `f`; may be NULL.
/// - `destroy`: releases `user_data`, exactly once, also if this call fails; may be NULL.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `o` is NULL or invalid.
/// Ownership: `user_data` belongs to the options, and to operations that got them, until `destroy`
/// has run.
/// Threads: one at a time for the same options. `f` runs on a thread of the operation, never twice
/// at once for one operation; no lock that other operations need is held meanwhile.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_upload_options_set_on_resume_token(
    o: *mut tus_upload_options,
    f: tus_resume_token_fn,
    user_data: *mut c_void,
    destroy: tus_destroy_fn,
) -> tus_status {
    guard_status(|| {
        let hook = Callback::new(f, UserData::new(user_data, destroy)).map(hooks::resume_token);
        // SAFETY: the caller's pointer, as the header asks for.
        unsafe { change(o, |options| Ok(replace(&mut options.on_resume_token, hook))) }
    })
}
