//! What a `tus_client` does with its store, as tasks.

use std::ffi::c_void;

use super::callback::tus_destroy_fn;
use super::client::{Use, tus_client};
use super::error::tus_error;
use super::guard::guard_call;
use super::order::Order;
use super::previous::max_age;
use super::source::{hold_source, occupy, tus_source};
use super::status::tus_status;
use super::task::{Value, tus_done_fn, tus_task};

/// Begins what tus_client_find_previous_uploads does, as a task.
///
/// - `c`: the client.
/// - `s`: the source; in use only while the task runs, and still the caller's. It may be freed at
///   once.
/// - `done`: called once when the task is over; see tus_done_fn. May be NULL.
/// - `user_data`: handed to `done`; may be NULL.
/// - `destroy`: releases `user_data`, exactly once: after `done`, or at once if this call fails. May
///   be NULL.
/// - `out`: receives the task; NULL on failure. May be NULL: the task goes on all the same.
/// - `err`: receives the details if this call fails; how the operation fails is told by the task.
///   May be NULL.
///
/// Returns: TUS_OK if there is a task now; TUS_E_INVALID_ARGUMENT if `c` or `s` is NULL or invalid;
/// TUS_E_INVALID_STATE after tus_client_close; TUS_E_FORKED. Everything else is told by the task
/// (tus_task_result), that the source is in use too.
/// Ownership: the caller gives the task back with tus_task_unref, at any time.
/// tus_task_take_previous_list has the result.
/// Threads: any; does not wait. Also from inside a callback of the same client.
/// Since: 0.1
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tus_client_find_previous_uploads_async(
    c: *mut tus_client,
    s: *mut tus_source,
    done: tus_done_fn,
    user_data: *mut c_void,
    destroy: tus_destroy_fn,
    out: *mut *mut tus_task,
    err: *mut *mut tus_error,
) -> tus_status {
    // SAFETY: the caller's pointers, as the header asks for.
    unsafe {
        guard_call(err, || {
            let order = Order::new(done, user_data, destroy, out);
            let client = Use::begin(c)?;
            let source = hold_source(s)?;
            order.request(&client, move |client| {
                Ok(Value::Previous(client.find_previous_uploads(&mut *occupy(&source)?)?))
            })
        })
    }
}

/// Begins what tus_client_prune_store does, as a task.
///
/// - `c`: the client.
/// - `max_age_s`: how long ago an upload may have been created, in seconds; 0 or UINT64_MAX: however
///   long.
/// - `done`: called once when the task is over; see tus_done_fn. May be NULL.
/// - `user_data`: handed to `done`; may be NULL.
/// - `destroy`: releases `user_data`, exactly once: after `done`, or at once if this call fails. May
///   be NULL.
/// - `out`: receives the task; NULL on failure. May be NULL: the task goes on all the same.
/// - `err`: receives the details if this call fails; how the operation fails is told by the task.
///   May be NULL.
///
/// Returns: TUS_OK if there is a task now; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid;
/// TUS_E_INVALID_STATE after tus_client_close; TUS_E_FORKED. Everything else is told by the task
/// (tus_task_result).
/// Ownership: the caller gives the task back with tus_task_unref, at any time. tus_task_pruned has
/// the result.
/// Threads: any; does not wait. Also from inside a callback of the same client.
/// Since: 0.1
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tus_client_prune_store_async(
    c: *mut tus_client,
    max_age_s: u64,
    done: tus_done_fn,
    user_data: *mut c_void,
    destroy: tus_destroy_fn,
    out: *mut *mut tus_task,
    err: *mut *mut tus_error,
) -> tus_status {
    // SAFETY: the caller's pointers, as the header asks for.
    unsafe {
        guard_call(err, || {
            let order = Order::new(done, user_data, destroy, out);
            let client = Use::begin(c)?;
            let max_age = max_age(max_age_s);
            order.request(&client, move |client| Ok(Value::Pruned(client.prune_store(max_age)?)))
        })
    }
}
