//! `tus_task` where something is wrong: arguments, forks, panics.

// Miri has no sockets.
#![cfg(not(miri))]

use std::ffi::{c_char, c_void};
use std::ptr::{null, null_mut};
use std::sync::atomic::Ordering;

use super::super::handle::state;
use super::super::*;
use super::begun::*;
use super::fixture::*;

const FORKED: tus_status = -9;
const PANIC: tus_status = -99;
const INVALID_STATE: tus_status = -2;
const URL: *const c_char = c"http://127.0.0.1:1/files/1".as_ptr();

/// Makes the client one of another process.
fn as_in_a_child(client: &Own<tus_client>, process: u32) -> u32 {
    // SAFETY: a living client.
    unsafe { state(client.pointer.cast_const(), "c") }.unwrap().home().process.swap(process, Ordering::Relaxed)
}

/// Begins each task, which must fail with `expected` and release the data once.
#[track_caller]
fn all_fail(beginnings: Vec<(&'static str, Beginning<'_>)>, expected: tus_status) {
    for (name, begin) in beginnings {
        let heard = Heard::default();
        let (mut task, mut err) = (std::ptr::dangling_mut(), null_mut());
        let status = begin(Some(hear), heard.data(), Some(let_go), &raw mut task, &raw mut err);
        assert_eq!((status, taken(err).0, task.is_null(), heard.times()), (expected, expected, true, (0, 1)), "{name}");
        assert_eq!(begin(Some(hear), heard.data(), Some(let_go), null_mut(), null_mut()), expected, "{name}");
        assert_eq!(heard.times(), (0, 2), "{name}");
    }
}

#[test]
fn what_is_no_such_object_is_refused_and_the_data_released() {
    let (client, source, options) = (client(), source(), options());
    let (c, s, o) = (client.pointer, source.pointer, options.pointer);
    all_fail(beginnings(null_mut(), null_mut(), null(), null(), null_mut()), INVALID);
    // One object in the place of another.
    all_fail(beginnings(s.cast(), c.cast(), o, URL, s.cast()), INVALID);
    // SAFETY: living options, and a refusal to be remembered.
    unsafe { tus_upload_options_set_metadata(o, c"a b".as_ptr(), null(), 0) };
    let with_options = |name: &str| {
        let without = ["get_", "delete_", "find_", "prune_", "tus_uploader_"];
        !without.iter().any(|part| name.contains(part))
    };
    let all = beginnings(c, s, o, URL, null_mut());
    all_fail(all.into_iter().filter(|(name, _)| with_options(name)).collect(), INVALID);
}

#[test]
fn what_is_no_task_is_refused() {
    let (client, source) = (client(), source());
    for t in [client.pointer.cast::<tus_task>(), source.pointer.cast()] {
        // SAFETY: living objects, though of other kinds.
        unsafe {
            let mut err = std::ptr::dangling();
            assert_eq!((tus_task_wait(t, 0), tus_task_state(t), tus_task_result(t, &raw mut err)), (-1, -1, -1));
            assert!(err.is_null());
            assert_eq!((tus_task_is_done(t), tus_task_more(t), tus_task_pruned(t)), (0, 0, 0));
            assert!(tus_task_take_info(t).is_null() && tus_task_upload_url(t).is_null() && tus_task_ref(t).is_null());
            tus_task_cancel(t);
            tus_task_unref(t);
        }
    }
}

#[test]
fn a_childs_use_is_refused_and_ends_nothing() {
    let server = server();
    let client = client_at(&server, |_| {});
    let (source, heard) = (source(), Heard::default());
    let mut uploader = null_mut();
    // SAFETY: living objects.
    unsafe {
        let (c, s) = (client.pointer, source.pointer);
        assert_eq!(tus_client_create_uploader(c, s, null(), &raw mut uploader, null_mut()), OK);
        let uploader = Own::new(uploader, tus_uploader_free);
        let task =
            begun(|out, err| tus_client_get_server_info_async(c, Some(hear), heard.data(), Some(let_go), out, err));
        assert_eq!(tus_task_wait(task.pointer, -1), OK);
        let ours = as_in_a_child(&client, 1);
        all_fail(beginnings(c, s, null(), URL, uploader.pointer), FORKED);
        let t = task.pointer;
        let mut progress: tus_progress = std::mem::zeroed();
        progress.struct_size = size_of::<tus_progress>();
        assert_eq!((tus_task_wait(t, -1), tus_task_state(t)), (FORKED, FORKED));
        assert_eq!((tus_task_result(t, null_mut()), tus_task_get_progress(t, &raw mut progress)), (FORKED, FORKED));
        assert_eq!((tus_task_is_done(t), tus_task_more(t), tus_task_pruned(t)), (0, 0, 0));
        assert!(tus_task_take_server_info(t).is_null() && tus_task_upload_url(t).is_null());
        for act in [tus_task_cancel, tus_task_cancel_and_delete, tus_task_pause, tus_task_resume] {
            act(t);
        }
        tus_task_set_priority(t, 1);
        assert_eq!((tus_client_set_workers(c, 1), tus_client_close(c, 0)), (FORKED, FORKED));
        assert_eq!((tus_client_dispatch(c, 0), tus_client_event_handle(c)), (0, -1));
        // In a child it stays what it is.
        tus_task_unref(t);
        as_in_a_child(&client, ours);
        assert_eq!((tus_task_is_done(t), outcome(&task).0), (1, OK));
        assert!(!Own::new(tus_task_take_server_info(t), tus_server_info_free).pointer.is_null());
    }
}

unsafe extern "C-unwind" fn panics(_: *mut c_void, progress: *const tus_progress) -> i32 {
    // SAFETY: the library's record.
    assert!(unsafe { &*progress }.confirmed < 4, "in a callback");
    0
}

#[test]
fn a_panic_is_the_tasks_result_and_spoils_what_it_had() {
    let server = server();
    let client = client_at(&server, |_| {});
    let (first, second, options, heard) = (source(), source(), options(), Heard::default());
    let c = client.pointer;
    // SAFETY: living objects.
    unsafe {
        tus_upload_options_set_progress(options.pointer, Some(panics), null_mut(), None);
        let task = begun(|out, err| {
            let o = options.pointer;
            tus_client_upload_async(c, first.pointer, o, Some(hear), heard.data(), Some(let_go), out, err)
        });
        assert_eq!(tus_task_wait(task.pointer, -1), OK);
        let (status, message) = outcome(&task);
        assert_eq!((status, heard.times()), (PANIC, (1, 1)));
        assert!(message.unwrap().ends_with("in a callback"));
        let again = ended(|f, d, e, out, err| tus_client_upload_async(c, first.pointer, null(), f, d, e, out, err));
        assert_eq!(outcome(&again).0, INVALID_STATE);

        let task = ended(|f, d, e, out, err| {
            tus_client_create_uploader_async(c, second.pointer, options.pointer, f, d, e, out, err)
        });
        let uploader = Own::new(tus_task_take_uploader(task.pointer), tus_uploader_free);
        let task = ended(|f, d, e, out, err| tus_uploader_upload_async(uploader.pointer, f, d, e, out, err));
        assert_eq!(outcome(&task).0, PANIC);
        let task = ended(|f, d, e, out, err| tus_uploader_upload_async(uploader.pointer, f, d, e, out, err));
        assert_eq!(outcome(&task).0, INVALID_STATE);
        drop(uploader);
        let again = ended(|f, d, e, out, err| tus_client_upload_async(c, second.pointer, null(), f, d, e, out, err));
        assert_eq!(outcome(&again).0, INVALID_STATE);
    }
}

unsafe extern "C-unwind" fn panics_when_done(user_data: *mut c_void, task: *mut tus_task) {
    // SAFETY: as registered.
    unsafe { hear(user_data, task) };
    panic!("in done");
}

#[test]
fn a_panic_in_done_stays_there() {
    let server = server();
    let client = client_at(&server, |_| {});
    let heard = Heard::default();
    // SAFETY: living objects.
    unsafe {
        let task = begun(|out, err| {
            let (done, data) = (Some(panics_when_done as _), heard.data());
            tus_client_get_server_info_async(client.pointer, done, data, Some(let_go), out, err)
        });
        assert_eq!((tus_task_wait(task.pointer, -1), outcome(&task).0, heard.times()), (OK, OK, (1, 1)));
        let next = ended(|f, d, e, out, err| tus_client_get_server_info_async(client.pointer, f, d, e, out, err));
        assert_eq!(outcome(&next).0, OK);
    }
}

#[test]
fn values_are_checked_when_they_are_set() {
    let (config, client) = (config(), client());
    // SAFETY: living objects.
    unsafe {
        assert_eq!((tus_config_set_workers(config.pointer, 1), tus_config_set_workers(config.pointer, 1024)), (OK, OK));
        assert_eq!((tus_client_set_workers(client.pointer, 1024), tus_client_set_workers(client.pointer, 0)), (OK, -1));
        assert_eq!(tus_client_set_workers(client.pointer, 1025), INVALID);
        assert_eq!((tus_config_set_dispatch(config.pointer, 0), tus_config_set_dispatch(config.pointer, 1)), (OK, OK));
        for refused in [
            tus_config_set_workers(config.pointer, 0),
            tus_config_set_workers(config.pointer, 1025),
            tus_config_set_dispatch(config.pointer, 2),
            tus_config_set_dispatch(config.pointer, -1),
        ] {
            assert_eq!(refused, INVALID);
        }
    }
}
