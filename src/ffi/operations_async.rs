//! The operations of a `tus_client` as tasks.

use std::ffi::{c_char, c_void};

use super::callback::tus_destroy_fn;
use super::client::{Use, tus_client};
use super::convert::{path, text};
use super::error::tus_error;
use super::guard::guard_call;
use super::options::{copy_options, tus_upload_options};
use super::order::Order;
use super::source::{hold_source, occupy, tus_source};
use super::status::tus_status;
use super::task::{Value, tus_done_fn, tus_task};

/// Begins what tus_client_upload_file does, as a task. The file is only opened when the task's turn
/// has come, so that any number of them may wait; that it cannot be opened is told by the task.
///
/// - `c`: the client.
/// - `path`: the file. Raw bytes on Unix, UTF-8 on Windows.
/// - `o`: the options, which are copied; may be NULL.
/// - `done`: called once when the task is over; see tus_done_fn. May be NULL.
/// - `user_data`: handed to `done`; may be NULL.
/// - `destroy`: releases `user_data`, exactly once: after `done`, or at once if this call fails. May
///   be NULL.
/// - `out`: receives the task; NULL on failure. May be NULL: the task goes on all the same.
/// - `err`: receives the details if this call fails; how the operation fails is told by the task.
///   May be NULL.
///
/// Returns: TUS_OK if there is a task now; TUS_E_INVALID_ARGUMENT if `c` or `path` is NULL or
/// invalid, or `o` is invalid; the first failure of a setter of `o`; TUS_E_INVALID_STATE if one
/// panicked, or after tus_client_close; TUS_E_FORKED. Everything else is told by the task
/// (tus_task_result).
/// Ownership: the strings are copied; the caller gives the task back with tus_task_unref, at any
/// time. tus_task_take_info has the result.
/// Threads: any; does not wait. Also from inside a callback of the same client.
/// Since: 0.1
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tus_client_upload_file_async(
    c: *mut tus_client,
    path: *const c_char,
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
            let path = self::path(path, "path")?;
            order.upload(&client, copy_options(o)?, move |client, options| {
                Ok(Value::info(client.upload_file(&path, options)?))
            })
        })
    }
}

/// Begins what tus_client_upload does, as a task.
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
pub unsafe extern "C" fn tus_client_upload_async(
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
                Ok(Value::info(client.upload(&mut *occupy(&source)?, options)?))
            })
        })
    }
}

/// Begins what tus_client_resume_upload does, as a task.
///
/// - `c`: the client.
/// - `s`: the source; in use only while the task runs, and still the caller's. It may be freed at
///   once.
/// - `upload_url`: the upload's URL, absolute or relative to the endpoint.
/// - `o`: the options, which are copied; may be NULL.
/// - `done`: called once when the task is over; see tus_done_fn. May be NULL.
/// - `user_data`: handed to `done`; may be NULL.
/// - `destroy`: releases `user_data`, exactly once: after `done`, or at once if this call fails. May
///   be NULL.
/// - `out`: receives the task; NULL on failure. May be NULL: the task goes on all the same.
/// - `err`: receives the details if this call fails; how the operation fails is told by the task.
///   May be NULL.
///
/// Returns: TUS_OK if there is a task now; TUS_E_INVALID_ARGUMENT if `c`, `s` or `upload_url` is
/// NULL or invalid, or `o` is invalid; the first failure of a setter of `o`; TUS_E_INVALID_STATE if
/// one panicked, or after tus_client_close; TUS_E_FORKED. Everything else is told by the task
/// (tus_task_result), that the source is in use too.
/// Ownership: the strings are copied; the caller gives the task back with tus_task_unref, at any
/// time. tus_task_take_info has the result.
/// Threads: any; does not wait. Also from inside a callback of the same client.
/// Since: 0.1
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tus_client_resume_upload_async(
    c: *mut tus_client,
    s: *mut tus_source,
    upload_url: *const c_char,
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
            let url = text(upload_url, "upload_url")?.to_owned();
            let order = order.of(&client, Some(&url), None);
            order.upload(&client, copy_options(o)?, move |client, options| {
                Ok(Value::info(client.resume_upload(&mut *occupy(&source)?, &url, options)?))
            })
        })
    }
}

/// Begins what tus_client_get_upload_info does, as a task.
///
/// - `c`: the client.
/// - `upload_url`: the upload's URL, absolute or relative to the endpoint.
/// - `done`: called once when the task is over; see tus_done_fn. May be NULL.
/// - `user_data`: handed to `done`; may be NULL.
/// - `destroy`: releases `user_data`, exactly once: after `done`, or at once if this call fails. May
///   be NULL.
/// - `out`: receives the task; NULL on failure. May be NULL: the task goes on all the same.
/// - `err`: receives the details if this call fails; how the operation fails is told by the task.
///   May be NULL.
///
/// Returns: TUS_OK if there is a task now; TUS_E_INVALID_ARGUMENT if `c` or `upload_url` is NULL or
/// invalid; TUS_E_INVALID_STATE after tus_client_close; TUS_E_FORKED. Everything else is told by the
/// task (tus_task_result).
/// Ownership: the strings are copied; the caller gives the task back with tus_task_unref, at any
/// time. tus_task_take_info has the result.
/// Threads: any; does not wait. Also from inside a callback of the same client.
/// Since: 0.1
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tus_client_get_upload_info_async(
    c: *mut tus_client,
    upload_url: *const c_char,
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
            let url = text(upload_url, "upload_url")?.to_owned();
            order.request(&client, move |client| Ok(Value::info(client.upload_info(&url)?)))
        })
    }
}

/// Begins what tus_client_get_metadata does, as a task.
///
/// - `c`: the client.
/// - `upload_url`: the upload's URL, absolute or relative to the endpoint.
/// - `done`: called once when the task is over; see tus_done_fn. May be NULL.
/// - `user_data`: handed to `done`; may be NULL.
/// - `destroy`: releases `user_data`, exactly once: after `done`, or at once if this call fails. May
///   be NULL.
/// - `out`: receives the task; NULL on failure. May be NULL: the task goes on all the same.
/// - `err`: receives the details if this call fails; how the operation fails is told by the task.
///   May be NULL.
///
/// Returns: TUS_OK if there is a task now; TUS_E_INVALID_ARGUMENT if `c` or `upload_url` is NULL or
/// invalid; TUS_E_INVALID_STATE after tus_client_close; TUS_E_FORKED. Everything else is told by the
/// task (tus_task_result).
/// Ownership: the strings are copied; the caller gives the task back with tus_task_unref, at any
/// time. tus_task_take_metadata has the result.
/// Threads: any; does not wait. Also from inside a callback of the same client.
/// Since: 0.1
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tus_client_get_metadata_async(
    c: *mut tus_client,
    upload_url: *const c_char,
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
            let url = text(upload_url, "upload_url")?.to_owned();
            order.request(&client, move |client| Ok(Value::Metadata(Box::new(client.upload_info(&url)?))))
        })
    }
}

/// Begins what tus_client_get_server_info does, as a task.
///
/// - `c`: the client.
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
/// Ownership: the caller gives the task back with tus_task_unref, at any time.
/// tus_task_take_server_info has the result.
/// Threads: any; does not wait. Also from inside a callback of the same client.
/// Since: 0.1
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tus_client_get_server_info_async(
    c: *mut tus_client,
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
            order.request(&client, |client| Ok(Value::ServerInfo(Box::new(client.server_info()?))))
        })
    }
}

/// Begins what tus_client_delete_upload does, as a task.
///
/// - `c`: the client.
/// - `upload_url`: the upload's URL, absolute or relative to the endpoint.
/// - `done`: called once when the task is over; see tus_done_fn. May be NULL.
/// - `user_data`: handed to `done`; may be NULL.
/// - `destroy`: releases `user_data`, exactly once: after `done`, or at once if this call fails. May
///   be NULL.
/// - `out`: receives the task; NULL on failure. May be NULL: the task goes on all the same.
/// - `err`: receives the details if this call fails; how the operation fails is told by the task.
///   May be NULL.
///
/// Returns: TUS_OK if there is a task now; TUS_E_INVALID_ARGUMENT if `c` or `upload_url` is NULL or
/// invalid; TUS_E_INVALID_STATE after tus_client_close; TUS_E_FORKED. Everything else is told by the
/// task (tus_task_result).
/// Ownership: the strings are copied; the caller gives the task back with tus_task_unref, at any
/// time.
/// Threads: any; does not wait. Also from inside a callback of the same client.
/// Since: 0.1
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tus_client_delete_upload_async(
    c: *mut tus_client,
    upload_url: *const c_char,
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
            let url = text(upload_url, "upload_url")?.to_owned();
            order.request(&client, move |client| {
                client.delete_upload(&url)?;
                Ok(Value::Nothing)
            })
        })
    }
}
