//! What the operation of a `tus_task` gave.

use std::ffi::c_int;
use std::ptr;

use super::convert::truth;
use super::guard::guard_value;
use super::handle::give;
use super::info::{give_info, tus_info};
use super::metadata::{give_metadata, tus_metadata};
use super::previous::{list_of, tus_previous_list};
use super::server_info::{give_server_info, tus_server_info};
use super::task::{Value, take, task_of, tus_task};
use super::uploader::tus_uploader;

/// Takes the result of an upload, or of a question for one, out of its task.
///
/// - `t`: the task.
///
/// Returns: what is known of the upload; NULL if the task is not over, has failed or is of another
/// operation, if it was taken before, or if `t` is NULL or invalid.
/// Ownership: the caller frees it with tus_info_free.
/// Threads: any; only one of several gets it.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_task_take_info(t: *mut tus_task) -> *mut tus_info {
    guard_value(ptr::null_mut(), || {
        let wanted = |value| match value {
            Value::Info(info) => Ok(info),
            other => Err(other),
        };
        // SAFETY: the caller's pointer, as the header asks for.
        let Some(info) = (unsafe { take(t, wanted) }) else { return ptr::null_mut() };
        let mut out = ptr::null_mut();
        // SAFETY: memory for a pointer.
        unsafe { give_info(&raw mut out, *info) };
        out
    })
}

/// Takes the metadata out of a task of tus_client_get_metadata_async.
///
/// - `t`: the task.
///
/// Returns: the metadata; NULL if the task is not over, has failed or is of another operation, if it
/// was taken before, or if `t` is NULL or invalid.
/// Ownership: the caller frees it with tus_metadata_free.
/// Threads: any; only one of several gets it.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_task_take_metadata(t: *mut tus_task) -> *mut tus_metadata {
    guard_value(ptr::null_mut(), || {
        let wanted = |value| match value {
            Value::Metadata(info) => Ok(info),
            other => Err(other),
        };
        // SAFETY: the caller's pointer, as the header asks for.
        let Some(info) = (unsafe { take(t, wanted) }) else { return ptr::null_mut() };
        let mut out = ptr::null_mut();
        // SAFETY: memory for a pointer.
        unsafe { give_metadata(&raw mut out, &info.metadata, &info.text) };
        out
    })
}

/// Takes what the server can do out of a task of tus_client_get_server_info_async.
///
/// - `t`: the task.
///
/// Returns: what the server can do; NULL if the task is not over, has failed or is of another
/// operation, if it was taken before, or if `t` is NULL or invalid.
/// Ownership: the caller frees it with tus_server_info_free.
/// Threads: any; only one of several gets it.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_task_take_server_info(t: *mut tus_task) -> *mut tus_server_info {
    guard_value(ptr::null_mut(), || {
        let wanted = |value| match value {
            Value::ServerInfo(info) => Ok(info),
            other => Err(other),
        };
        // SAFETY: the caller's pointer, as the header asks for.
        let Some(info) = (unsafe { take(t, wanted) }) else { return ptr::null_mut() };
        let mut out = ptr::null_mut();
        // SAFETY: memory for a pointer.
        unsafe { give_server_info(&raw mut out, &info) };
        out
    })
}

/// Takes the list of uploads out of a task of tus_client_find_previous_uploads_async.
///
/// - `t`: the task.
///
/// Returns: the list of uploads; NULL if the task is not over, has failed or is of another
/// operation, if it was taken before, or if `t` is NULL or invalid.
/// Ownership: the caller frees it with tus_previous_list_free.
/// Threads: any; only one of several gets it.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_task_take_previous_list(t: *mut tus_task) -> *mut tus_previous_list {
    guard_value(ptr::null_mut(), || {
        let wanted = |value| match value {
            Value::Previous(found) => Ok(found),
            other => Err(other),
        };
        // SAFETY: the caller's pointer, as the header asks for.
        let Some(found) = (unsafe { take(t, wanted) }) else { return ptr::null_mut() };
        list_of(found)
    })
}

/// Takes the uploader out of a task of tus_client_create_uploader_async.
///
/// - `t`: the task.
///
/// Returns: the uploader; NULL if the task is not over, has failed or is of another operation, if it
/// was taken before, or if `t` is NULL or invalid.
/// Ownership: the caller frees it with tus_uploader_free.
/// Threads: any; only one of several gets it.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_task_take_uploader(t: *mut tus_task) -> *mut tus_uploader {
    guard_value(ptr::null_mut(), || {
        let wanted = |value| match value {
            Value::Uploader(uploader) => Ok(uploader),
            other => Err(other),
        };
        // SAFETY: the caller's pointer, as the header asks for.
        let Some(uploader) = (unsafe { take(t, wanted) }) else { return ptr::null_mut() };
        give(uploader)
    })
}

/// Whether a task of tus_uploader_upload_chunk_async has left more to send.
///
/// - `t`: the task.
///
/// Returns: 1 if so; 0 if not, if the task is not over, has failed or is of another operation, or if
/// `t` is NULL or invalid.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_task_more(t: *const tus_task) -> c_int {
    guard_value(0, || {
        // SAFETY: the caller's pointer, as the header asks for.
        let Ok(task) = (unsafe { task_of(t) }) else { return 0 };
        let more = task.result(|result| matches!(result, Ok(Ok(Value::More(true)))));
        truth(more.unwrap_or(false))
    })
}

/// How many uploads a task of tus_client_prune_store_async has removed from the store.
///
/// - `t`: the task.
///
/// Returns: the number; 0 if the task is not over, has failed or is of another operation, or if `t`
/// is NULL or invalid.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_task_pruned(t: *const tus_task) -> u64 {
    guard_value(0, || {
        // SAFETY: the caller's pointer, as the header asks for.
        let Ok(task) = (unsafe { task_of(t) }) else { return 0 };
        let pruned = task.result(|result| match result {
            Ok(Ok(Value::Pruned(count))) => *count,
            _ => 0,
        });
        pruned.unwrap_or(0)
    })
}
