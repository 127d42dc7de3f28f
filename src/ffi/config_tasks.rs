//! The settings of a `tus_config` for tasks.

use super::config::{change, tus_config};
use super::convert::choice;
use super::guard::guard_status;
use super::status::tus_status;
use crate::error::Result;
use crate::task::Dispatch;

/// Where the functions for tasks run, as the header has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum tus_dispatch {
    TUS_DISPATCH_WORKER = 0,
    TUS_DISPATCH_QUEUE = 1,
}

fn dispatch(number: i32) -> Result<Dispatch> {
    use tus_dispatch::*;
    choice(
        number,
        "tus_dispatch",
        &[(TUS_DISPATCH_WORKER as i32, Dispatch::Worker), (TUS_DISPATCH_QUEUE as i32, Dispatch::Queue)],
    )
}

/// Sets how many uploads run at once as tasks; more wait for their turn and take little memory.
/// Operations without data have as many places of their own and never wait behind uploads; blocking
/// operations take none. An upload that is paused leaves its place to another. With
/// TUS_DISPATCH_WORKER a task has its place until its `done` and the destroy of that have returned.
///
/// - `c`: the configuration.
/// - `n`: from 1 to 1024. Default: 4.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid, or `n` is out of range.
/// Threads: one at a time for each configuration.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_set_workers(c: *mut tus_config, n: u32) -> tus_status {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_status(|| unsafe { change(c, |config| config.set_workers(n)) })
}

/// Sets where the functions for tasks run: tus_done_fn with its destroy, and tus_progress_fn.
/// Everything that an upload needs an answer from at once runs on a thread of the library's in both
/// modes: hooks, readers, credentials, stores, the log.
///
/// - `c`: the configuration.
/// - `mode`: a value of enum tus_dispatch. TUS_DISPATCH_WORKER: on the thread of the library's that
///   carries the task out. TUS_DISPATCH_QUEUE: in tus_client_dispatch, which the program's event
///   loop calls when tus_client_event_handle can be read. Then only the newest progress of a task
///   waits there, and a value other than 0 that its function returns ends the upload a moment later.
///   Default: TUS_DISPATCH_WORKER.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid, or this is no such value.
/// Threads: one at a time for each configuration.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_set_dispatch(c: *mut tus_config, mode: i32) -> tus_status {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_status(|| unsafe {
        change(c, |config| {
            config.set_dispatch(dispatch(mode)?);
            Ok(())
        })
    })
}
