//! An operation as a `tus_task` that is waited for.

use std::ptr;

use tus::ffi::{self, tus_error, tus_status, tus_task};

use super::client::done;
use super::failure::{checked, kind, told};
use crate::support::failure::Failure;
use crate::support::result::Done;

/// A task that is over, given back when dropped.
pub(super) struct Over(pub(super) *mut tus_task);

impl Drop for Over {
    fn drop(&mut self) {
        // SAFETY: our only count.
        unsafe { ffi::tus_task_unref(self.0) };
    }
}

/// Submits an operation and waits for it.
pub(super) fn run(submit: impl FnOnce(*mut *mut tus_task, *mut *mut tus_error) -> tus_status) -> Result<Over, Failure> {
    let mut task = ptr::null_mut();
    checked(|err| submit(&raw mut task, err))?;
    assert!(!task.is_null());
    let task = Over(task);
    let mut error = ptr::null();
    // SAFETY: the task is alive; its error is on loan until it is given back, and read at once.
    unsafe {
        assert_eq!(ffi::tus_task_wait(task.0, -1), 0);
        let status = ffi::tus_task_result(task.0, &raw mut error);
        if status == 0 {
            assert!(error.is_null(), "an error of a task that went well");
            return Ok(task);
        }
        let failure = told(error);
        assert_eq!(failure.kind, kind(status), "the task and its error say the same");
        Err(failure)
    }
}

/// The same of an operation that gives a `tus_info`.
pub(super) fn info(
    submit: impl FnOnce(*mut *mut tus_task, *mut *mut tus_error) -> tus_status,
) -> Result<Done, Failure> {
    let task = run(submit)?;
    // SAFETY: the task is alive and over; the information is ours, alive until it is freed, once.
    unsafe {
        let info = ffi::tus_task_take_info(task.0);
        assert!(!info.is_null());
        let done = done(info);
        ffi::tus_info_free(info);
        Ok(done)
    }
}
