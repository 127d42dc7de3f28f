//! The settings of a `tus_config` that are about going on with the uploads of earlier runs.

use std::ffi::{c_char, c_int, c_void};
use std::mem::replace;
use std::sync::Arc;

use super::callback::{Callback, UserData, tus_destroy_fn};
use super::config::{change, tus_config};
use super::convert::{bytes, flag, path};
use super::fingerprint::{custom, kind, tus_fingerprint_fn};
use super::guard::guard_status;
use super::status::tus_status;
use super::store::{callers_store, tus_store_vtable};
use crate::error::Error;
use crate::fingerprint::Fingerprinter;
use crate::store::{DirectoryStore, Store, TokenKey};

/// Keeps what is known of unfinished uploads in a folder, so that a later run, of this program or
/// another one, goes on where an upload of the same source to the same endpoint was interrupted
/// (T-052). Entries survive crashes; while an upload is worked on, others leave it alone: they wait
/// a second for it to be free, and then send an upload of their own. Only the user himself can read
/// them. A folder that cannot be used is a warning in the log and never fails an upload.
///
/// Each entry is a file whose name is a hash of endpoint, size and URL, and whose content is JSON:
/// the upload's URL, the endpoint without its query, the source's size, fingerprint and times, when
/// the upload expires. Headers and tokens of yours are not in it; the upload's URL is, as the server
/// gave it, and a hash of its metadata. The entry of an upload that is complete is removed. What is
/// read back is trusted only so far: a folder or file that belongs to another user is not read, and
/// a URL in it counts only at the endpoint's origin or an origin allowed by tus_config_allow_origin.
///
/// - `c`: the configuration.
/// - `path`: the folder; it and those above it are made, for this user alone, when there is
///   something to keep. A relative one is taken from the present working directory. Raw bytes on
///   Unix, UTF-8 on Windows. Default: no store.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if an argument is NULL or invalid, or the path is empty.
/// Ownership: the string is copied.
/// Threads: one at a time for each configuration.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_set_store_dir(c: *mut tus_config, path: *const c_char) -> tus_status {
    guard_status(|| {
        // SAFETY: the caller's pointers, as the header asks for.
        unsafe {
            change(c, |config| {
                let store: Arc<dyn Store> = Arc::new(DirectoryStore::open(self::path(path, "path")?));
                Ok(config.store.replace(store))
            })
        }
    })
}

/// Keeps what is known of unfinished uploads in the platform's folder for such state, as
/// tus_config_set_store_dir would: `libtus` in $XDG_STATE_HOME, or in ~/.local/state where that is
/// not set. All programs of the user that ask for it share it. The environment is read in this call.
///
/// - `c`: the configuration. Default: no store.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid; TUS_E_UNSUPPORTED if neither
/// XDG_STATE_HOME nor HOME is set to an absolute path.
/// Threads: one at a time for each configuration, and while no other thread changes the environment.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_set_store_default(c: *mut tus_config) -> tus_status {
    guard_status(|| {
        // SAFETY: the caller's pointer, as the header asks for.
        unsafe {
            change(c, |config| {
                let old = config.store.clone();
                config.set_store_default()?;
                Ok(old)
            })
        }
    })
}

/// Keeps what is known of unfinished uploads in a store of the program's, in place of a folder
/// (tus_config_set_store_dir).
///
/// - `c`: the configuration.
/// - `vtable`: the store's functions, which are copied; NULL: no store, which is the default.
/// - `user_data`: handed to each of them; may be NULL. Not released if `vtable` is NULL.
///
/// If this call fails, `destroy` runs at once, provided that `vtable` is not NULL and `struct_size`
/// covers it.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid, `struct_size` is smaller than
/// the structure or absurdly large, or `find`, `put` or `remove` is NULL.
/// Ownership: `user_data` is the configuration's and its clients' until `destroy` has run.
/// Threads: one at a time for each configuration. For those of the functions see tus_store_vtable.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_set_store(
    c: *mut tus_config,
    vtable: *const tus_store_vtable,
    user_data: *mut c_void,
) -> tus_status {
    guard_status(|| {
        // Made, or refused and released, before the settings are locked.
        let store = match vtable.is_null() {
            true => Ok(None),
            // SAFETY: not NULL, and as large as it says, as the header asks for.
            false => unsafe { callers_store(vtable, user_data) }.map(Some),
        };
        // SAFETY: the caller's pointer, as the header asks for.
        unsafe { change(c, |config| Ok(replace(&mut config.store, store?))) }
    })
}

/// Sets the key that resume tokens are signed with (HMAC-SHA-256 over all of a token). With a key, a
/// token counts only if it was signed with this key; any other is refused before anything in it is
/// read. Without one, tokens are not signed: whoever can hand the program a token can write one
/// himself, and so choose which upload at the endpoint's origin or an allowed one the data goes to.
/// So set a key wherever a token leaves the program's hands: in a form, a URL, a database that
/// others write to.
///
/// What a token names is held against this client in either case: it counts only for the client's
/// own endpoint and for uploads at the endpoint's origin or an origin allowed by
/// tus_config_allow_origin, and nothing it names is deleted unless the server shows it to be the
/// upload that the token tells of.
///
/// - `c`: the configuration.
/// - `key`: the bytes of the key, best 32 random ones; NULL: none, which is the default. It is wiped
///   from memory with the configuration and its clients.
/// - `len`: how many, at least 16; 0 if `key` is NULL.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid, `key` is NULL but `len` is not
/// 0, or `len` is below 16.
/// Ownership: the bytes are copied.
/// Threads: one at a time for each configuration.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_set_token_key(c: *mut tus_config, key: *const c_void, len: usize) -> tus_status {
    guard_status(|| {
        // SAFETY: the caller's pointers, as the header asks for.
        unsafe {
            change(c, |config| {
                let key = match (key.is_null(), bytes(key, len, "key")?) {
                    (true, _) => None,
                    (false, bytes) => Some(TokenKey::new(bytes).ok_or_else(|| {
                        Error::invalid(format!("a token key has at least {} bytes", TokenKey::MIN_BYTES))
                    })?),
                };
                Ok(replace(&mut config.token_key, key))
            })
        }
    })
}

/// Sets how a source is recognised when it is uploaded again. A file that has not been touched since
/// is recognised by what the file system says of it, whatever is set here; and what was sent of an
/// earlier upload is always held against the source before it is continued, unless the file system
/// or the program vouches for it.
///
/// - `c`: the configuration.
/// - `kind`: a value of enum tus_fingerprint. Default: TUS_FINGERPRINT_CONTENT.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid, or this is no such kind.
/// Threads: one at a time for each configuration.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_set_fingerprint(c: *mut tus_config, kind: i32) -> tus_status {
    guard_status(|| {
        // SAFETY: the caller's pointer, as the header asks for.
        unsafe { change(c, |config| Ok(replace(&mut config.fingerprinter, self::kind(kind)?))) }
    })
}

/// Sets the program's own way to recognise a source. For what is no file its answer is taken for a
/// proof that the content is the same, unless tus_config_set_verify_resumed is on.
///
/// - `c`: the configuration.
/// - `f`: the function; NULL: TUS_FINGERPRINT_CONTENT, which is the default.
/// - `user_data`: handed to `f`; may be NULL.
/// - `destroy`: releases `user_data`, exactly once, also if this call fails; may be NULL.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid.
/// Ownership: `user_data` is the configuration's and its clients' until `destroy` has run.
/// Threads: one at a time for each configuration. `f` runs on the thread of the operation, never
/// twice at once for one operation, but at once for several; no lock is held meanwhile.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_set_fingerprint_callback(
    c: *mut tus_config,
    f: tus_fingerprint_fn,
    user_data: *mut c_void,
    destroy: tus_destroy_fn,
) -> tus_status {
    guard_status(|| {
        let callback = Callback::new(f, UserData::new(user_data, destroy));
        let fingerprinter = callback.map_or(Fingerprinter::Content, custom);
        // SAFETY: the caller's pointer, as the header asks for.
        unsafe { change(c, |config| Ok(replace(&mut config.fingerprinter, fingerprinter))) }
    })
}

/// Sets whether what an earlier run has sent is read again and compared before its upload is
/// continued, even where file system and fingerprint say that nothing has changed.
///
/// - `c`: the configuration.
/// - `on`: 0 off, anything else on. Default: off.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid.
/// Threads: one at a time for each configuration.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_set_verify_resumed(c: *mut tus_config, on: c_int) -> tus_status {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_status(|| unsafe {
        change(c, |config| {
            config.set_verify_resumed(flag(on));
            Ok(())
        })
    })
}
