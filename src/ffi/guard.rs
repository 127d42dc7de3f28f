//! The one door of every export: a panic behind it becomes a status and never reaches the caller's stack.
//!
//! A panic also calls the process's panic hook, and the standard one writes to stderr, which is not ours. So the
//! first export that is called puts a hook before the present one. It keeps the text of a panic that happens behind
//! this door, to be told in the `tus_error`, and of one on a thread of the library's own, which
//! its owner reports; every other panic goes to the hook that was there before, those in a caller's
//! callback too. In a C program, or a Rust program that loads the shared library, the hook is that of the library's
//! own copy of the standard library and nobody else's. A Rust program that links to this crate keeps its hook
//! untouched unless it calls the C API, and even then sees no difference for its own panics.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::ptr;
use std::sync::Once;
use std::thread;

use super::error::{Failure, tus_error};
use super::last::keep;
use super::status::{tus_status, tus_status_code};
use crate::sys::thread::{self as threads, CancellationHeldOff, with_exit_parked};

/// Runs an export that returns a plain value; `on_panic` is what it returns after a panic.
pub(super) fn guard_value<T>(on_panic: T, body: impl FnOnce() -> T) -> T {
    guard(body).unwrap_or(on_panic)
}

/// Runs an export that returns a status; the details of a failure are kept for `tus_last_error`.
pub(super) fn guard_status(body: impl FnOnce() -> Result<(), Failure>) -> tus_status {
    guard_told(|| body().map(|()| tus_status_code::TUS_OK))
}

/// The same for one that may succeed and yet tell how something else failed.
pub(super) fn guard_told(body: impl FnOnce() -> Result<tus_status_code, Failure>) -> tus_status {
    let failure = match guard(body) {
        Ok(Ok(told)) => return told.code(),
        Ok(Err(failure)) => failure,
        Err(text) => Failure::panicked(text),
    };
    without_place(failure)
}

/// Runs an export that returns a status and, on failure, the details in `*err`; if that is NULL they
/// are kept for `tus_last_error`.
///
/// # Safety
///
/// - `err` is NULL or points to memory for a pointer.
pub(super) unsafe fn guard_call(err: *mut *mut tus_error, body: impl FnOnce() -> Result<(), Failure>) -> tus_status {
    let failure = match guard(body) {
        Ok(Ok(())) => return tus_status_code::TUS_OK.code(),
        Ok(Err(failure)) => failure,
        Err(text) => Failure::panicked(text),
    };
    if err.is_null() {
        return without_place(failure);
    }
    let status = failure.status().code();
    // Building the object allocates and formats: it is guarded like the rest.
    let object = guard(|| failure.into_object()).unwrap_or(ptr::null_mut());
    // SAFETY: not NULL, so by this function's contract it points to memory for a pointer.
    unsafe { err.write(object) };
    status
}

/// Keeps the details of a failure that cannot be handed out; its status.
fn without_place(failure: Failure) -> tus_status {
    let status = failure.status().code();
    let _kept = guard(|| keep(failure));
    status
}

/// Runs the work of a task; the pool that called it sees no panic.
pub(super) fn guard_work<T>(body: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    guard(body).unwrap_or_else(|text| Err(Failure::panicked(text)))
}

/// Runs the caller's code: a panic in it is told by the caller's own hook, whatever thread it is on,
/// and if it ends the thread, that is parked.
pub(super) fn outside<T>(callers_code: impl FnOnce() -> T) -> T {
    let _door = Door::set(Place::Outside);
    with_exit_parked(callers_code)
}

/// Where the hook leaves the text of a panic; lives on the stack of [`guard`].
type Note = RefCell<Option<String>>;

/// Whose code a thread is running.
#[derive(Clone, Copy)]
enum Place {
    /// That of whoever made the thread.
    NoDoor,
    /// Ours, behind this door.
    Behind(*const Note),
    /// The caller's, called by us.
    Outside,
}

thread_local! {
    /// The innermost door of this thread. Const and without a destructor, so that a thread of the
    /// caller's carries nothing of ours that would have to run when it ends.
    static DOOR: Cell<Place> = const { Cell::new(Place::NoDoor) };

    #[cfg(test)]
    pub(super) static PANIC_NEXT: Cell<bool> = const { Cell::new(false) };
}

/// Runs `body`; the text of a panic is the error.
fn guard<T>(body: impl FnOnce() -> T) -> Result<T, String> {
    // First, so that it is dropped last.
    let _held_off = CancellationHeldOff::new();
    keep_panics_quiet();
    let note = Note::new(None);
    let _door = Door::set(Place::Behind(&raw const note));
    let body = || {
        #[cfg(test)]
        assert!(!PANIC_NEXT.take(), "forced by a test");
        body()
    };
    panic::catch_unwind(AssertUnwindSafe(body)).map_err(|payload| {
        let text = note.take().unwrap_or_else(|| text_of(&*payload).to_owned());
        discard(payload);
        text
    })
}

/// Drops what a panic carried, which may be of any type and panic again.
fn discard(payload: Box<dyn Any + Send>) {
    if let Err(again) = panic::catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        // A third time is not tried.
        std::mem::forget(again);
    }
}

/// Sets the innermost door and puts the one before back when dropped.
struct Door(Place);

impl Door {
    fn set(place: Place) -> Door {
        Door(DOOR.replace(place))
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        DOOR.set(self.0);
    }
}

/// Puts our hook before the present one, once.
fn keep_panics_quiet() {
    static INSTALLED: Once = Once::new();
    // A panicking thread may not change hooks; the next call will.
    if INSTALLED.is_completed() || thread::panicking() {
        return;
    }
    INSTALLED.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !is_ours(info) {
                before(info);
            }
        }));
    });
}

/// Whether a panic is for us to tell; if it is behind a door, its text is left there.
fn is_ours(info: &PanicHookInfo<'_>) -> bool {
    let door = match DOOR.get() {
        Place::NoDoor => return threads::is_ours(),
        Place::Outside => return false,
        Place::Behind(door) => door,
    };
    let place = info.location().map_or_else(String::new, |place| format!(" at {place}"));
    // SAFETY: a door that is set is on the stack of a `guard` that is still running on this thread, below us.
    unsafe { &*door }.replace(Some(format!("panicked{place}: {}", text_of(info.payload()))));
    true
}

fn text_of(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("for a reason that is not text")
}
