//! The operations of a `tus_client` that create what is no ordinary upload, as tasks.

use std::ffi::{c_char, c_void};

use super::callback::tus_destroy_fn;
use super::client::{Use, tus_client};
use super::creations::texts;
use super::error::tus_error;
use super::guard::guard_call;
use super::options::{copy_options, tus_upload_options};
use super::order::Order;
use super::source::{hold_source, occupy, tus_source};
use super::status::tus_status;
use super::task::{Value, tus_done_fn, tus_task};

/// Begins what tus_client_create_partial_upload does, as a task.
///
/// - `c`: the client.
/// - `s`: the source; in use only while the task runs, and still the caller's. It may be freed at
///   once.
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
/// Ownership: the caller gives the task back with tus_task_unref, at any time. tus_task_take_info
/// has the result.
/// Threads: any; does not wait. Also from inside a callback of the same client.
/// Since: 0.1
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tus_client_create_partial_upload_async(
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
            order.upload(&client, copy_options(o)?, move |client, options| {
                Ok(Value::info(client.create_partial_upload(&mut *occupy(&source)?, options)?))
            })
        })
    }
}

/// Begins what tus_client_create_final_upload does, as a task.
///
/// - `c`: the client.
/// - `urls`: the URLs of the parts in their order, each absolute or relative to the endpoint.
/// - `n`: how many, at least 1.
/// - `o`: the options, which are copied; may be NULL.
/// - `done`: called once when the task is over; see tus_done_fn. May be NULL.
/// - `user_data`: handed to `done`; may be NULL.
/// - `destroy`: releases `user_data`, exactly once: after `done`, or at once if this call fails. May
///   be NULL.
/// - `out`: receives the task; NULL on failure. May be NULL: the task goes on all the same.
/// - `err`: receives the details if this call fails; how the operation fails is told by the task.
///   May be NULL.
///
/// Returns: TUS_OK if there is a task now; TUS_E_INVALID_ARGUMENT if `c`, `urls` or one of them is
/// NULL or invalid, or `o` is invalid; the first failure of a setter of `o`; TUS_E_INVALID_STATE if
/// one panicked, or after tus_client_close; TUS_E_FORKED. Everything else is told by the task
/// (tus_task_result).
/// Ownership: the strings are copied; the caller gives the task back with tus_task_unref, at any
/// time. tus_task_take_info has the result.
/// Threads: any; does not wait. Also from inside a callback of the same client.
/// Since: 0.1
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tus_client_create_final_upload_async(
    c: *mut tus_client,
    urls: *const *const c_char,
    n: usize,
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
            let urls = texts(urls, n)?;
            order.creation(&client, copy_options(o)?, move |client, options| {
                let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
                Ok(Value::info(client.create_final_upload(&urls, options)?))
            })
        })
    }
}

/// Begins what tus_client_create_deferred_upload does, as a task.
///
/// - `c`: the client.
/// - `o`: the options, which are copied; may be NULL.
/// - `done`: called once when the task is over; see tus_done_fn. May be NULL.
/// - `user_data`: handed to `done`; may be NULL.
/// - `destroy`: releases `user_data`, exactly once: after `done`, or at once if this call fails. May
///   be NULL.
/// - `out`: receives the task; NULL on failure. May be NULL: the task goes on all the same.
/// - `err`: receives the details if this call fails; how the operation fails is told by the task.
///   May be NULL.
///
/// Returns: TUS_OK if there is a task now; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid, or `o`
/// is invalid; the first failure of a setter of `o`; TUS_E_INVALID_STATE if one panicked, or after
/// tus_client_close; TUS_E_FORKED. Everything else is told by the task (tus_task_result).
/// Ownership: the caller gives the task back with tus_task_unref, at any time. tus_task_take_info
/// has the result.
/// Threads: any; does not wait. Also from inside a callback of the same client.
/// Since: 0.1
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tus_client_create_deferred_upload_async(
    c: *mut tus_client,
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
            order.creation(&client, copy_options(o)?, |client, options| {
                Ok(Value::info(client.create_deferred_upload(options)?))
            })
        })
    }
}
