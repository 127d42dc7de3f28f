//! Functions of the caller's, with the data that belongs to them.
//!
//! The pointers are `extern "C-unwind"` while every export is `extern "C"`: a C++ exception that leaves a callback
//! then ends the process with a message, instead of skipping our destructors without a word. A panic of a callback
//! written in Rust against this very crate is caught at the door of the export.

use std::ffi::c_void;

use super::guard::outside;
use crate::engine::hooks::HookResult;

/// Releases what belongs to a callback, a source or a task: it gets the `user_data` that was
/// registered with it.
///
/// It runs exactly once for each registration, when the library will not use `user_data` again:
/// after a replacement, after the last object that uses the callback is freed, after the `done` of a
/// task, or at once if the registering call fails. It runs on any thread, never while the callback
/// itself runs, and must not unwind. NULL means that there is nothing to release.
pub type tus_destroy_fn = Option<unsafe extern "C-unwind" fn(user_data: *mut c_void)>;

/// The caller's data, released when this is dropped.
pub(super) struct UserData {
    pointer: *mut c_void,
    destroy: tus_destroy_fn,
}

// SAFETY: the header tells callers that callbacks and `destroy` run on any thread, so that the data must bear it.
unsafe impl Send for UserData {}
// SAFETY: as above; only the pointer itself is read here, what it points to is the caller's to synchronise.
unsafe impl Sync for UserData {}

impl UserData {
    /// Takes charge of the data: `destroy` runs whatever happens from here on.
    pub(super) fn new(pointer: *mut c_void, destroy: tus_destroy_fn) -> Self {
        UserData { pointer, destroy }
    }

    pub(super) fn pointer(&self) -> *mut c_void {
        self.pointer
    }

    /// Whether there is something to be told when the data is no longer needed.
    pub(super) fn is_released(&self) -> bool {
        self.destroy.is_some()
    }
}

impl Drop for UserData {
    fn drop(&mut self) {
        if let Some(destroy) = self.destroy {
            // SAFETY: the caller registered this function for this pointer, to be called once: here.
            outside(|| unsafe { destroy(self.pointer) });
        }
    }
}

/// A function of the caller's with its data. `F` is a function pointer.
pub(super) struct Callback<F> {
    function: F,
    data: UserData,
}

impl<F: Copy> Callback<F> {
    /// A callback; `None` if the caller gave no function, and then the data is released.
    pub(super) fn new(function: Option<F>, data: UserData) -> Option<Self> {
        function.map(|function| Callback { function, data })
    }

    /// Calls it through `call`, which gets the function and the data.
    pub(super) fn call<R>(&self, call: impl FnOnce(F, *mut c_void) -> R) -> R {
        outside(|| call(self.function, self.data.pointer()))
    }
}

/// What a callback's return value means: 0 goes on, anything else ends the operation.
pub(super) fn verdict(code: i32) -> HookResult {
    match code {
        0 => Ok(()),
        code => Err(code),
    }
}
