//! The details of a failed call that had no place for them, kept for the thread that made it.

use std::cell::Cell;
use std::ptr;

use super::error::{Failure, tus_error};
use super::guard::guard_value;
use super::handle::Object;

enum Last {
    /// Most are never asked for: the object is made when one is.
    Failure(Box<Failure>),
    Object(Box<Object<tus_error>>),
}

thread_local! {
    static LAST: Cell<Option<Last>> = const { Cell::new(None) };
}

/// Keeps the details of a failure. Nowhere if the thread is ending.
pub(super) fn keep(failure: Failure) {
    let before = LAST.try_with(|last| last.replace(Some(Last::Failure(Box::new(failure)))));
    drop(before);
}

/// The details of the last call on this thread that failed and had no other place for them: a
/// function that returns a tus_status and has no `err`, or one that has it and got NULL. A call that
/// succeeds changes nothing, so look here only after a failure. A program whose work moves from
/// thread to thread (goroutines, some coroutines) has to stay on one from the call to this one.
///
/// Returns: the error; NULL if no such call has failed on this thread.
/// Ownership: borrowed, not to be freed; valid until the next such failure on this thread, or the
/// thread's end.
/// Threads: any; each has its own.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn tus_last_error() -> *const tus_error {
    guard_value(ptr::null(), || {
        let show = |last: &Cell<Option<Last>>| {
            let object = match last.take()? {
                Last::Failure(failure) => Box::new(failure.lend()),
                Last::Object(object) => object,
            };
            let shown = object.as_c();
            last.set(Some(Last::Object(object)));
            Some(shown)
        };
        LAST.try_with(show).ok().flatten().unwrap_or(ptr::null())
    })
}
