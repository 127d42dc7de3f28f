//! What a `tus_client` does for all of its tasks: how many run, where their functions run, and the end of them.

use std::os::fd::AsRawFd as _;

use super::client::{Use, tus_client};
use super::convert::{EventHandle, wait_limit};
use super::error::Failure;
use super::guard::{guard_status, guard_value};
use super::status::tus_status;
use crate::engine::config::check_workers;

/// Changes how many uploads run at once as tasks (tus_config_set_workers). Fewer than before: those
/// that run go on, and the next one begins when there is room.
///
/// - `c`: the client.
/// - `n`: from 1 to 1024.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid, or `n` is out of range;
/// TUS_E_FORKED.
/// Threads: any, also from inside a callback of the same client.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_client_set_workers(c: *mut tus_client, n: u32) -> tus_status {
    guard_status(|| {
        // SAFETY: the caller's pointer, as the header asks for.
        let client = unsafe { Use::begin(c) }?;
        client.tasks().set_workers(check_workers(n)?);
        Ok(())
    })
}

/// What an event loop watches for a client with TUS_DISPATCH_QUEUE: a descriptor that can be read
/// while something waits for tus_client_dispatch, as long as it waits (level-triggered). For poll,
/// select, epoll, kqueue and whatever is built on them; it does not block. With TUS_DISPATCH_WORKER
/// it can never be read.
///
/// - `c`: the client.
///
/// Returns: the descriptor, always the same one; -1 if there is none to be had, or if `c` is NULL,
/// invalid or of another process.
/// Ownership: the client's: not to be read or closed, and to be watched no longer than the client is
/// there.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_client_event_handle(c: *mut tus_client) -> EventHandle {
    guard_value(-1, || {
        // SAFETY: the caller's pointer, as the header asks for.
        let Ok(client) = (unsafe { Use::begin(c) }) else { return -1 };
        client.tasks().event_handle().map_or(-1, |handle| handle.as_raw_fd() as EventHandle)
    })
}

/// Runs functions for tasks that wait for it (TUS_DISPATCH_QUEUE), here and now, in the order in
/// which they became due. Never waits for anything but these functions. What they bring about waits
/// for the next call.
///
/// - `c`: the client.
/// - `max`: how many at most; 0: all that are there now.
///
/// Returns: how many were run, a progress with nothing new not counted; 0 if none waits, from inside
/// a callback of the same client, while another thread is in this function, or if `c` is NULL,
/// invalid or of another process.
/// Threads: any; the functions run on the one that calls.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_client_dispatch(c: *mut tus_client, max: usize) -> usize {
    guard_value(0, || {
        // SAFETY: the caller's pointer, as the header asks for.
        let Ok(client) = (unsafe { Use::begin(c) }) else { return 0 };
        if client.is_inside() { 0 } else { client.run_anywhere(|| client.tasks().dispatch(max)) }
    })
}

/// Ends all that a client does: refuses new operations (TUS_E_INVALID_STATE), cancels its tasks and
/// the blocking operations of other threads, waits for them, and runs here what is still to be run
/// by tus_client_dispatch. What is on the server stays and can be resumed; a removal that
/// tus_task_cancel_and_delete asked for is let finish. Calling it again goes on waiting, and ends
/// such removals too. Afterwards the client's getters still work, and so do its tasks'; its count is
/// still to be given back with tus_client_unref.
///
/// - `c`: the client. NULL is refused, which a program that cleans up after a failure may leave
///   unheeded.
/// - `timeout_ms`: how long to wait, in milliseconds; TUS_WAIT_FOREVER, or anything negative:
///   however long.
///
/// Returns: TUS_OK: nothing of the client's runs any more, and no function of the program's for its
/// operations will; TUS_E_TIMEOUT: a function of the program's (a callback, a reader's `read`) has
/// not returned, or a removal is under way: call again; TUS_E_BUSY from inside a callback of the
/// same client; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid; TUS_E_FORKED.
/// Threads: any; blocks until the end.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_client_close(c: *mut tus_client, timeout_ms: i64) -> tus_status {
    guard_status(|| {
        // SAFETY: the caller's pointer, as the header asks for.
        let closed = unsafe { Use::begin(c) }?.close(wait_limit(timeout_ms))?;
        if closed {
            return Ok(());
        }
        let message = "a function of the program's has not returned, or a removal is under way: call again";
        Err(Failure::timed_out(message))
    })
}
