//! What begins tasks, and tasks themselves.

use std::ffi::c_void;
use std::mem::zeroed;
use std::ptr::{null, null_mut};

use super::super::super::*;
use super::super::begun::{Beginning, beginnings as all_beginnings, client_at, server};
use super::super::fixture::*;
use super::{Call, Calls, TEXT, URL, gives, nothing, refused};

unsafe extern "C-unwind" fn done(_: *mut c_void, _: *mut tus_task) {}

unsafe extern "C-unwind" fn destroyed(_: *mut c_void) {}

/// Begins a task that nobody keeps, with NULL for one of the parameters that all beginnings share.
fn shared(begin: &Beginning<'_>) -> Vec<Call> {
    let data = std::ptr::dangling_mut();
    let mut calls = Vec::new();
    let mut call = |parameter, done: tus_done_fn, data, destroy: tus_destroy_fn, with_out, with_err| {
        let (mut task, mut err) = (null_mut(), null_mut());
        let out = if with_out { &raw mut task } else { null_mut() };
        let err = if with_err { &raw mut err } else { null_mut() };
        calls.push(gives(parameter, begin(done, data, destroy, out, err), OK));
        // SAFETY: the count that the call gave.
        unsafe { tus_task_unref(task) };
    };
    call("done", None, data, Some(destroyed), true, true);
    call("user_data", Some(done), null_mut(), Some(destroyed), true, true);
    call("destroy", Some(done), data, None, true, true);
    call("out", Some(done), data, Some(destroyed), false, true);
    call("err", Some(done), data, Some(destroyed), true, false);
    calls
}

pub(in super::super) fn beginnings() -> Calls {
    let (client, source, options) = (client(), source(), options());
    let (c, s, o) = (client.pointer, source.pointer, options.pointer.cast_const());
    let (no, urls) = (null_mut(), [URL]);
    let mut calls: Calls = Vec::new();
    for (name, begin) in all_beginnings(c, s, o, URL, null_mut()) {
        if !name.starts_with("tus_uploader") {
            calls.push((name, shared(&begin)));
        }
    }
    let mut add = |name: &str, more: Vec<Call>| {
        calls.iter_mut().find(|(have, _)| *have == name).expect("a function of this name").1.extend(more);
    };
    // SAFETY: everything but the NULLs is valid.
    let refused_by = |parameter, call: &dyn Fn(*mut *mut tus_error) -> tus_status| {
        let mut err = null_mut();
        let status = call(&raw mut err);
        assert_eq!(taken(err).0, status);
        refused(parameter, status)
    };
    macro_rules! without {
        ($name:ident, $parameter:literal $(, $argument:expr)*) => {
            // SAFETY: everything but the NULLs is valid.
            add(stringify!($name), vec![refused_by($parameter, &|err| unsafe {
                $name($($argument,)* None, null_mut(), None, null_mut(), err)
            })])
        };
        ($name:ident, $parameter:literal may be NULL $(, $argument:expr)*) => {
            // SAFETY: everything but the NULLs is valid.
            add(stringify!($name), vec![gives($parameter, unsafe {
                $name($($argument,)* None, null_mut(), None, null_mut(), null_mut())
            }, OK)])
        };
    }
    without!(tus_client_upload_file_async, "c", no, FILE.as_ptr(), o);
    without!(tus_client_upload_file_async, "path", c, null(), o);
    without!(tus_client_upload_file_async, "o" may be NULL, c, FILE.as_ptr(), null());
    without!(tus_client_upload_async, "c", no, s, o);
    without!(tus_client_upload_async, "s", c, null_mut(), o);
    without!(tus_client_upload_async, "o" may be NULL, c, s, null());
    without!(tus_client_resume_upload_async, "c", no, s, URL, o);
    without!(tus_client_resume_upload_async, "s", c, null_mut(), URL, o);
    without!(tus_client_resume_upload_async, "upload_url", c, s, null(), o);
    without!(tus_client_resume_upload_async, "o" may be NULL, c, s, URL, null());
    without!(tus_client_create_partial_upload_async, "c", no, s, o);
    without!(tus_client_create_partial_upload_async, "s", c, null_mut(), o);
    without!(tus_client_create_partial_upload_async, "o" may be NULL, c, s, null());
    without!(tus_client_create_final_upload_async, "c", no, urls.as_ptr(), 1, o);
    without!(tus_client_create_final_upload_async, "urls", c, null(), 1, o);
    without!(tus_client_create_final_upload_async, "o" may be NULL, c, urls.as_ptr(), 1, null());
    without!(tus_client_create_deferred_upload_async, "c", no, o);
    without!(tus_client_create_deferred_upload_async, "o" may be NULL, c, null());
    without!(tus_client_get_upload_info_async, "c", no, TEXT);
    without!(tus_client_get_upload_info_async, "upload_url", c, null());
    without!(tus_client_get_metadata_async, "c", no, TEXT);
    without!(tus_client_get_metadata_async, "upload_url", c, null());
    without!(tus_client_get_server_info_async, "c", no);
    without!(tus_client_delete_upload_async, "c", no, TEXT);
    without!(tus_client_delete_upload_async, "upload_url", c, null());
    without!(tus_client_find_previous_uploads_async, "c", no, s);
    without!(tus_client_find_previous_uploads_async, "s", c, null_mut());
    without!(tus_client_prune_store_async, "c", no, 0);
    without!(tus_client_create_uploader_async, "c", no, s, o);
    without!(tus_client_create_uploader_async, "s", c, null_mut(), o);
    without!(tus_client_create_uploader_async, "o" may be NULL, c, s, null());
    calls
}

/// Without a server there is no uploader: what they begin with one is tried with the tasks.
pub(in super::super) fn tasks() -> Calls {
    let client = client();
    let mut task = null_mut();
    // SAFETY: living objects.
    let status =
        unsafe { tus_client_get_server_info_async(client.pointer, None, null_mut(), None, &raw mut task, null_mut()) };
    assert_eq!(status, OK);
    let task = Own::new(task, tus_task_unref);
    let (t, no) = (task.pointer, null_mut());
    let mut calls = uploaders();
    // SAFETY: everything but the NULLs is valid.
    let more: Calls = unsafe {
        assert_eq!(tus_task_wait(t, -1), OK);
        let mut progress: tus_progress = zeroed();
        progress.struct_size = size_of::<tus_progress>();
        vec![
            ("tus_task_wait", vec![refused("t", tus_task_wait(no, 0))]),
            ("tus_task_state", vec![refused("t", tus_task_state(no))]),
            ("tus_task_is_done", vec![gives("t", tus_task_is_done(no), 0)]),
            (
                "tus_task_result",
                vec![
                    refused("t", tus_task_result(no, &mut null())),
                    gives("err", tus_task_result(t, null_mut()) < OK, true),
                ],
            ),
            (
                "tus_task_get_progress",
                vec![
                    refused("t", tus_task_get_progress(no, &raw mut progress)),
                    refused("p", tus_task_get_progress(t, null_mut())),
                ],
            ),
            ("tus_task_upload_url", vec![gives("t", tus_task_upload_url(no), null())]),
            ("tus_task_cancel", nothing("t", || tus_task_cancel(no))),
            ("tus_task_cancel_and_delete", nothing("t", || tus_task_cancel_and_delete(no))),
            ("tus_task_pause", nothing("t", || tus_task_pause(no))),
            ("tus_task_resume", nothing("t", || tus_task_resume(no))),
            ("tus_task_set_priority", nothing("t", || tus_task_set_priority(no, 1))),
            ("tus_task_ref", vec![gives("t", tus_task_ref(no), null_mut())]),
            ("tus_task_unref", nothing("t", || tus_task_unref(no))),
            ("tus_task_take_info", vec![gives("t", tus_task_take_info(no), null_mut())]),
            ("tus_task_take_metadata", vec![gives("t", tus_task_take_metadata(no), null_mut())]),
            ("tus_task_take_server_info", vec![gives("t", tus_task_take_server_info(no), null_mut())]),
            ("tus_task_take_previous_list", vec![gives("t", tus_task_take_previous_list(no), null_mut())]),
            ("tus_task_take_uploader", vec![gives("t", tus_task_take_uploader(no), null_mut())]),
            ("tus_task_more", vec![gives("t", tus_task_more(no), 0)]),
            ("tus_task_pruned", vec![gives("t", tus_task_pruned(no), 0)]),
        ]
    };
    calls.extend(more);
    calls
}

fn uploaders() -> Calls {
    let server = server();
    let (client, source) = (client_at(&server, |_| {}), source());
    let mut uploader = null_mut();
    // SAFETY: living objects.
    let status =
        unsafe { tus_client_create_uploader(client.pointer, source.pointer, null(), &raw mut uploader, null_mut()) };
    assert_eq!(status, OK);
    let uploader = Own::new(uploader, tus_uploader_free);
    let mut calls: Calls = Vec::new();
    for (name, begin) in all_beginnings(client.pointer, source.pointer, null(), URL, uploader.pointer) {
        if name.starts_with("tus_uploader") {
            calls.push((name, shared(&begin)));
        }
    }
    for (name, begin) in all_beginnings(client.pointer, source.pointer, null(), URL, null_mut()) {
        if let Some((_, calls)) = calls.iter_mut().find(|(have, _)| *have == name) {
            calls.push(refused("u", begin(None, null_mut(), None, null_mut(), null_mut())));
        }
    }
    // SAFETY: a living client.
    assert_eq!(unsafe { tus_client_close(client.pointer, -1) }, OK);
    calls
}
