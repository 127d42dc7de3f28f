//! What a `tus_uploader` does, as tasks.

use std::ffi::c_void;

use super::callback::tus_destroy_fn;
use super::client::{Use, tus_client};
use super::error::tus_error;
use super::guard::guard_call;
use super::options::{copy_options, tus_upload_options};
use super::order::Order;
use super::source::{hold_source, tus_source};
use super::status::tus_status;
use super::task::{Value, tus_done_fn, tus_task};
use super::uploader::{UploaderState, hold_uploader, tus_uploader};
use crate::task::Lane;

/// Begins what tus_client_create_uploader does, as a task.
///
/// - `c`: the client.
/// - `s`: the source; in use while the task runs and until the uploader is freed, and still the
///   caller's. It may be freed at once.
/// - `o`: the options, which are copied; may be NULL.
/// - `done`: called once when the task is over; see tus_done_fn. May be NULL.
/// - `user_data`: handed to `done`; may be NULL.
/// - `destroy`: releases `user_data`, exactly once: after `done`, or at once if this call fails. May
///   be NULL.
/// - `out`: receives the task; NULL on failure. May be NULL: the task goes on all the same.
/// - `err`: receives the details if this call fails; how the operation fails is told by the task.
///   May be NULL.
///
/// Returns: TUS_OK if there is a task now; TUS_E_INVALID_ARGUMENT if `c` or `s` is NULL or invalid,
/// or `o` is invalid; the first failure of a setter of `o`; TUS_E_INVALID_STATE if one panicked, or
/// after tus_client_close; TUS_E_FORKED. Everything else is told by the task (tus_task_result), that
/// the source is in use too.
/// Ownership: the caller gives the task back with tus_task_unref, at any time.
/// tus_task_take_uploader has the result.
/// Threads: any; does not wait. Also from inside a callback of the same client.
/// Since: 0.1
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tus_client_create_uploader_async(
    c: *mut tus_client,
    s: *mut tus_source,
    o: *const tus_upload_options,
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
            let options = copy_options(o)?;
            let used = client.clone();
            let order = order.of(&client, options.upload_url.as_deref(), options.resume_token.as_deref());
            order.submit(&client, Lane::Request, options.priority, move |client, task| {
                Ok(Value::Uploader(UploaderState::create(&used, client, &source, options, Some(task))?))
            })
        })
    }
}

/// Begins what tus_uploader_upload does, as a task. tus_task_cancel ends this call alone, and the
/// uploader can go on with another; tus_uploader_cancel ends all.
///
/// - `u`: the uploader.
/// - `done`: called once when the task is over; see tus_done_fn. May be NULL.
/// - `user_data`: handed to `done`; may be NULL.
/// - `destroy`: releases `user_data`, exactly once: after `done`, or at once if this call fails. May
///   be NULL.
/// - `out`: receives the task; NULL on failure. May be NULL: the task goes on all the same.
/// - `err`: receives the details if this call fails; how the operation fails is told by the task.
///   May be NULL.
///
/// Returns: TUS_OK if there is a task now; TUS_E_INVALID_ARGUMENT if `u` is NULL or invalid;
/// TUS_E_INVALID_STATE after tus_client_close; TUS_E_FORKED. Everything else is told by the task
/// (tus_task_result), that another call on it runs too.
/// Ownership: the caller gives the task back with tus_task_unref, at any time. tus_task_take_info
/// has the result.
/// Threads: any; does not wait. Also from inside a callback of the same client.
/// Since: 0.1
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tus_uploader_upload_async(
    u: *mut tus_uploader,
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
            let uploader = hold_uploader(u.cast_const())?;
            order.send(uploader, |uploader| Ok(Value::info(uploader.upload()?)))
        })
    }
}

/// Begins what tus_uploader_upload_chunk does, as a task. tus_task_cancel ends this call alone, and
/// the uploader can go on with another; tus_uploader_cancel ends all.
///
/// - `u`: the uploader.
/// - `done`: called once when the task is over; see tus_done_fn. May be NULL.
/// - `user_data`: handed to `done`; may be NULL.
/// - `destroy`: releases `user_data`, exactly once: after `done`, or at once if this call fails. May
///   be NULL.
/// - `out`: receives the task; NULL on failure. May be NULL: the task goes on all the same.
/// - `err`: receives the details if this call fails; how the operation fails is told by the task.
///   May be NULL.
///
/// Returns: TUS_OK if there is a task now; TUS_E_INVALID_ARGUMENT if `u` is NULL or invalid;
/// TUS_E_INVALID_STATE after tus_client_close; TUS_E_FORKED. Everything else is told by the task
/// (tus_task_result), that another call on it runs too.
/// Ownership: the caller gives the task back with tus_task_unref, at any time. tus_task_more tells
/// whether there is more to send.
/// Threads: any; does not wait. Also from inside a callback of the same client.
/// Since: 0.1
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tus_uploader_upload_chunk_async(
    u: *mut tus_uploader,
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
            let uploader = hold_uploader(u.cast_const())?;
            order.send(uploader, |uploader| Ok(Value::More(uploader.upload_chunk()?)))
        })
    }
}
