//! `tus_uploader`: an upload that the program drives chunk by chunk.
//!
//! The engine's uploader is behind a lock that is only ever tried, so that a second call at the same time, from another
//! thread or from inside a callback, is refused instead of waiting. What the getters tell is noted when a call ends and
//! kept apart, so that they never wait for one.

use std::ffi::{CStr, CString, c_char, c_int};
use std::mem::{replace, take};
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use super::client::{Use, tus_client};
use super::convert::{c_string, chunk_size, clear, put, truth};
use super::error::{Failure, tus_error};
use super::guard::{guard_call, guard_status, guard_value};
use super::handle::{CType, Kind, Owned, free, give, state};
use super::info::{give_info, tus_info};
use super::kept::Kept;
use super::options::{copy_options, tus_upload_options};
use super::source::{Slot, hold_source, occupy, tus_source};
use super::stats::{fill, tus_stats};
use super::status::tus_status;
use super::warning::Warnings;
use crate::cancel::Cancel;
use crate::engine::client::Client;
use crate::engine::hooks::OnProgress;
use crate::engine::info::Stats;
use crate::engine::options::UploadOptions;
use crate::engine::uploader::Uploader;
use crate::error::{Error, ErrorKind};
use crate::task::Running;

/// An upload that goes on only while a call on it runs: to send a chunk now and then, or to be
/// stopped from another thread. It keeps its client and its source alive, so all three may be freed
/// in any order; the source is in use as long as the uploader is there.
///
/// What the getters tell is how it was when the last call of tus_uploader_upload or
/// tus_uploader_upload_chunk returned; the progress callback tells what happens in between.
///
/// Ownership: single owner. It may be freed while a call on it runs, which it does not end.
/// Threads: one at a time; a second call that sends, at the same time, is TUS_E_BUSY.
/// tus_uploader_cancel and the getters may be called from any thread at any time.
pub struct tus_uploader {
    _private: [u8; 0],
}

impl CType for tus_uploader {
    type State = Arc<UploaderState>;
    type Class = Owned;
    const KIND: Kind = Kind::Uploader;
}

/// What is behind a `tus_uploader`.
pub(super) struct UploaderState {
    /// `None` only when dropped.
    uploader: Mutex<Option<Uploader>>,
    told: Mutex<Told>,
    progress: ProgressWay,
    priority: i32,
    cancel: Cancel,
    source: Arc<Slot>,
    client: Use,
}

/// How the program's progress function is called: as it is by a blocking call, as a task wants it by
/// a task.
#[derive(Default)]
struct ProgressWay {
    own: Option<OnProgress>,
    by_task: Arc<Mutex<Option<OnProgress>>>,
}

impl ProgressWay {
    /// Takes the place of the options' function.
    fn instead_of(options: &mut UploadOptions) -> ProgressWay {
        let way = ProgressWay { own: options.progress.take(), by_task: Arc::default() };
        if let Some(own) = way.own.clone() {
            let by_task = Arc::clone(&way.by_task);
            options.set_progress(Some(Arc::new(move |progress| {
                let present = by_task.lock().unwrap_or_else(PoisonError::into_inner).clone();
                present.as_ref().unwrap_or(&own)(progress)
            })));
        }
        way
    }

    /// From now on it is called for this task; `None`: for a blocking call.
    fn set(&self, task: Option<&Running<'_>>) {
        let new = self.own.as_ref().zip(task).map(|(own, task)| task.deliver(Arc::clone(own)));
        let old = replace(&mut *self.by_task.lock().unwrap_or_else(PoisonError::into_inner), new);
        // Without the lock: with it may go functions of the caller's.
        drop(old);
    }
}

/// How the upload is, ready for C.
#[derive(Default)]
pub(super) struct Told {
    complete: bool,
    offset: u64,
    stats: Stats,
    token: Option<CString>,
    url: Option<Arc<CStr>>,
    urls: Kept,
    pub(super) warnings: Warnings,
}

impl Told {
    fn note(&mut self, uploader: &Uploader) {
        self.complete = uploader.is_complete();
        self.offset = uploader.offset();
        self.stats = uploader.stats();
        self.token = uploader.resume_token().as_deref().map(c_string);
        self.warnings.take_in(&uploader.warnings());
        self.url = uploader.url().map(|url| self.urls.keep(url.as_str()));
    }
}

impl UploaderState {
    /// Begins an upload, for a task if there is one.
    pub(super) fn create(
        used: &Use,
        client: &Client,
        source: &Arc<Slot>,
        mut options: UploadOptions,
        task: Option<&Running<'_>>,
    ) -> Result<Arc<Self>, Failure> {
        let progress = ProgressWay::instead_of(&mut options);
        progress.set(task);
        let uploader = Uploader::create(client, occupy(source)?.into_source(), &options)?;
        progress.set(None);
        let mut told = Told::default();
        told.note(&uploader);
        Ok(Arc::new(UploaderState {
            cancel: uploader.cancel_handle(),
            uploader: Mutex::new(Some(uploader)),
            told: Mutex::new(told),
            progress,
            priority: options.priority,
            source: Arc::clone(source),
            client: used.clone(),
        }))
    }

    /// Never held while anything of the caller's runs.
    pub(super) fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The client it belongs to.
    pub(super) fn client(&self) -> &Use {
        &self.client
    }

    /// The upload's URL.
    pub(super) fn url(&self) -> Option<String> {
        self.told().url.as_ref().map(|url| url.to_string_lossy().into_owned())
    }

    /// Which of several tasks that wait begins first.
    pub(super) fn priority(&self) -> i32 {
        self.priority
    }

    /// Sends something, in a call that waits for it.
    fn send<T>(&self, send: impl FnOnce(&mut Uploader) -> crate::error::Result<T>) -> Result<T, Failure> {
        self.client.check_process()?;
        self.client.run(|_| self.send_for(None, send))
    }

    /// Sends something, for a task if there is one.
    pub(super) fn send_for<T>(
        &self,
        task: Option<&Running<'_>>,
        send: impl FnOnce(&mut Uploader) -> crate::error::Result<T>,
    ) -> Result<T, Failure> {
        let mut uploader = self.uploader.try_lock().map_err(refused)?;
        let Some(uploader) = uploader.as_mut() else { return Err(hollow()) };
        uploader.obey(task.map(|task| task.control));
        self.progress.set(task);
        let sent = send(uploader);
        self.progress.set(None);
        // The next call, and the end, are not that task's.
        uploader.obey(None);
        self.told().note(uploader);
        Ok(sent?)
    }
}

/// Why an uploader cannot be used now.
fn refused<T>(refused: TryLockError<T>) -> Error {
    let (kind, message) = match refused {
        TryLockError::WouldBlock => (
            ErrorKind::Busy,
            "the uploader is in use by another call: wait until that has returned, or end it (tus_uploader_cancel)",
        ),
        TryLockError::Poisoned(_) => (ErrorKind::InvalidState, "an earlier call on this uploader panicked"),
    };
    Error::new(kind, message)
}

fn hollow() -> Failure {
    Error::new(ErrorKind::Internal, "an uploader without its inside").into()
}

impl Drop for UploaderState {
    fn drop(&mut self) {
        if self.uploader.is_poisoned() {
            // Before the uploader gives it back.
            self.source.spoil();
        }
        let uploader = self.uploader.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let progress = take(&mut self.progress);
        // Its last word goes to the store, which may be the caller's.
        self.client.run_anywhere(|| drop((uploader, progress)));
    }
}

/// The uploader behind a pointer, kept alive by the call itself.
///
/// # Safety
///
/// - `u` is NULL or an uploader of the caller's.
pub(super) unsafe fn hold_uploader(u: *const tus_uploader) -> crate::error::Result<Arc<UploaderState>> {
    // SAFETY: the same condition; the reference is not kept.
    Ok(Arc::clone(unsafe { state(u, "u") }?))
}

/// Begins an upload that the program drives: finds that of an earlier run
/// (tus_config_set_store_dir), asks for the one that the options name
/// (tus_upload_options_set_upload_url, tus_upload_options_set_resume_token), or creates one. No data
/// is sent yet. What is wrong with source and options shows before the first request.
///
/// - `c`: the client.
/// - `s`: the source; in use until the uploader is freed, and still the caller's.
/// - `o`: the options; may be NULL. An uploader sends no parts:
///   tus_upload_options_set_parallel_uploads is TUS_E_UNSUPPORTED, or passed over with
///   tus_upload_options_set_parallel_fallback.
/// - `out`: receives the uploader; NULL on failure. May not be NULL.
/// - `err`: receives the details of a failure. May be NULL.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT, TUS_E_INVALID_STATE, TUS_E_BUSY, TUS_E_FORKED,
/// TUS_E_SOURCE before any request; any other status of enum tus_status_code. If an upload exists on
/// the server after a failure, tus_error_upload_url tells it.
/// Ownership: the caller frees the uploader with tus_uploader_free.
/// Threads: any; blocks until the upload is there. Not from inside a callback of the same client
/// (TUS_E_BUSY).
/// Since: 0.1
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tus_client_create_uploader(
    c: *mut tus_client,
    s: *mut tus_source,
    o: *const tus_upload_options,
    out: *mut *mut tus_uploader,
    err: *mut *mut tus_error,
) -> tus_status {
    // SAFETY: the caller's pointers, as the header asks for.
    unsafe {
        guard_call(err, || {
            clear(out);
            if out.is_null() {
                return Err(Error::invalid("out is NULL: there is no other way to get the uploader").into());
            }
            let used = Use::begin(c)?;
            let slot = hold_source(s)?;
            let options = copy_options(o)?;
            let uploader = used.run(|client| UploaderState::create(&used, client, &slot, options, None))?;
            put(out, give(uploader));
            Ok(())
        })
    }
}

/// Sends all that is left, or up to the offset of tus_upload_options_set_stop_at. After a failure it
/// can be called again: it asks the server how far the upload is and goes on from there. When all is
/// sent already it gives the same result again.
///
/// - `u`: the uploader.
/// - `out`: receives the result; NULL on failure. May be NULL.
/// - `err`: receives the details of a failure. May be NULL.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `u` is NULL or invalid; TUS_E_BUSY if another call on
/// it runs, or from inside a callback of its client; TUS_E_FORKED; TUS_E_CANCELLED after
/// tus_uploader_cancel; TUS_E_INVALID_STATE if the upload is gone; any other status of enum
/// tus_status_code.
/// Ownership: the caller frees the result with tus_info_free.
/// Threads: one at a time for each uploader; blocks until the end.
/// Since: 0.1
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tus_uploader_upload(
    u: *mut tus_uploader,
    out: *mut *mut tus_info,
    err: *mut *mut tus_error,
) -> tus_status {
    // SAFETY: the caller's pointers, as the header asks for.
    unsafe {
        guard_call(err, || {
            clear(out);
            let info = hold_uploader(u.cast_const())?.send(Uploader::upload)?;
            give_info(out, info);
            Ok(())
        })
    }
}

/// Sends until the server has acknowledged more than before: one chunk
/// (tus_upload_options_set_chunk_size) where nothing goes wrong. A chunk that the server refuses for
/// its place (409) is sent again from where it should be. After a failure the next call goes on, so
/// the loop is: until it is TUS_OK and there is no more, or you give up.
///
/// - `u`: the uploader.
/// - `out_more`: receives 1 if there is more to send; 0 if not (all of it, or
///   tus_upload_options_set_stop_at, is reached), or on failure. May be NULL.
/// - `err`: receives the details of a failure. May be NULL.
///
/// Returns: as tus_uploader_upload.
/// Threads: one at a time for each uploader; blocks until the end.
/// Since: 0.1
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tus_uploader_upload_chunk(
    u: *mut tus_uploader,
    out_more: *mut c_int,
    err: *mut *mut tus_error,
) -> tus_status {
    // SAFETY: the caller's pointers, as the header asks for.
    unsafe {
        guard_call(err, || {
            put(out_more, 0);
            let more = hold_uploader(u.cast_const())?.send(Uploader::upload_chunk)?;
            put(out_more, truth(more));
            Ok(())
        })
    }
}

/// Sets how many bytes the next chunks of an uploader have, in place of what its options or its
/// client say: from the next call that sends on.
///
/// - `u`: the uploader.
/// - `bytes`: as for tus_config_set_chunk_size, which also says what bounds it.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `u` is NULL or invalid, or `bytes` is 0 or out of
/// range; TUS_E_BUSY while a call on it runs, also from inside its callbacks; TUS_E_FORKED.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_uploader_set_chunk_size(u: *mut tus_uploader, bytes: u64) -> tus_status {
    guard_status(|| {
        // SAFETY: the caller's pointer, as the header asks for.
        let state = unsafe { hold_uploader(u.cast_const()) }?;
        state.client.check_process()?;
        let mut uploader = state.uploader.try_lock().map_err(refused)?;
        let Some(uploader) = uploader.as_mut() else { return Err(hollow()) };
        Ok(uploader.set_chunk_size(chunk_size(bytes)?)?)
    })
}

/// Whether the server has acknowledged every byte.
///
/// - `u`: the uploader.
///
/// Returns: 1 if so; 0 if not, or if `u` is NULL or invalid.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_uploader_is_complete(u: *const tus_uploader) -> c_int {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(0, || unsafe { state(u, "u") }.map_or(0, |uploader| truth(uploader.told().complete)))
}

/// How many bytes the server has acknowledged, those of earlier runs included.
///
/// - `u`: the uploader.
///
/// Returns: the offset in bytes; 0 if `u` is NULL or invalid.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_uploader_offset(u: *const tus_uploader) -> u64 {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(0, || unsafe { state(u, "u") }.map_or(0, |uploader| uploader.told().offset))
}

/// The upload's URL, to be kept for tus_client_resume_upload. It is the full URL; some servers let
/// whoever knows it write to the upload, so treat it as a secret.
///
/// - `u`: the uploader.
///
/// Returns: the absolute URL; NULL if the upload is gone from the server, or if `u` is NULL or
/// invalid.
/// Ownership: borrowed; valid until `u` is freed.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_uploader_url(u: *const tus_uploader) -> *const c_char {
    guard_value(ptr::null(), || {
        // SAFETY: the caller's pointer, as the header asks for.
        let Ok(uploader) = (unsafe { state(u, "u") }) else { return ptr::null() };
        uploader.told().url.as_ref().map_or(ptr::null(), |url| url.as_ptr())
    })
}

/// Tells what it took so far, all calls together and the time between them.
///
/// - `u`: the uploader.
/// - `stats`: the record to fill; set its `struct_size` first, as for tus_info_get_stats.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if an argument is NULL or invalid, or `struct_size` is,
/// as for tus_info_get_stats.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_uploader_get_stats(u: *const tus_uploader, stats: *mut tus_stats) -> tus_status {
    guard_status(|| {
        // SAFETY: the caller's pointers, as the header asks for.
        unsafe { fill(stats, &state(u, "u")?.told().stats) }?;
        Ok(())
    })
}

/// The token by which a later run can go on (tus_upload_options_set_resume_token). Whoever has it
/// can write to the upload, so treat it as a secret.
///
/// - `u`: the uploader.
///
/// Returns: one word of letters, digits, '-', '_' and '.'; NULL if the upload is complete or gone,
/// its source cannot be recognised again (see tus_error_resume_token), it was named by its URL, or
/// `u` is NULL or invalid.
/// Ownership: borrowed; valid until a call of tus_uploader_upload or tus_uploader_upload_chunk
/// returns, or `u` is freed.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_uploader_resume_token(u: *const tus_uploader) -> *const c_char {
    guard_value(ptr::null(), || {
        // SAFETY: the caller's pointer, as the header asks for.
        let Ok(uploader) = (unsafe { state(u, "u") }) else { return ptr::null() };
        uploader.told().token.as_ref().map_or(ptr::null(), |token| token.as_ptr())
    })
}

/// Ends a call under way within 50 ms, whatever it waits for, and every later one: they are
/// TUS_E_CANCELLED. The upload stays on the server and can be continued by another uploader or
/// tus_client_resume_upload. Only a function of the program's that does not return (a reader's
/// `read`) is waited for.
///
/// - `u`: the uploader, or NULL, which does nothing.
///
/// Threads: any, at any time before tus_uploader_free, any number of times; also from inside
/// callbacks. In a child process after fork() it does nothing.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_uploader_cancel(u: *mut tus_uploader) {
    guard_value((), || {
        // SAFETY: the caller's pointer, as the header asks for.
        let Ok(uploader) = (unsafe { state(u.cast_const(), "u") }) else { return };
        // What wakes a call of the parent's is the child's too.
        if uploader.client.check_process().is_ok() {
            uploader.cancel.cancel();
        }
    })
}

/// Frees an uploader. The upload stays on the server as it is, and in the client's store. In a child
/// process after fork() it does nothing.
///
/// With a store, an upload that is not complete is noted once more, and for that the digest of what
/// has been sent is waited for where it is behind: mostly not at all, never longer than 2 s nor than
/// one call of this uploader may take (tus_upload_options_set_timeout_ms), and not after
/// tus_uploader_cancel.
///
/// - `u`: the uploader, or NULL, which does nothing.
///
/// Threads: any; no other thread may be about to use it. Functions of the client's store and destroy
/// functions may run before this returns.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_uploader_free(u: *mut tus_uploader) {
    guard_value((), || {
        // SAFETY: the caller's pointer, as the header asks for.
        let ours = unsafe { state(u.cast_const(), "u") }.is_ok_and(|uploader| uploader.client.check_process().is_ok());
        // In a child, connections, claims and descriptors are the parent's too.
        if ours {
            // SAFETY: as above.
            unsafe { free(u) }
        }
    })
}
