//! `tus_task`: what tasks give, when their functions run, in which order objects may end.

// Miri has no sockets.
#![cfg(not(miri))]

use std::ffi::{c_char, c_void};
use std::ptr::{null, null_mut};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::*;
use super::begun::*;
use super::fixture::*;

const BUSY: tus_status = -8;
const TIMEOUT: tus_status = -6;
const CANCELLED: tus_status = -4;
const INVALID_STATE: tus_status = -2;

#[test]
fn tasks_give_what_the_blocking_functions_give() {
    let server = server();
    let client = client_at(&server, |_| {});
    let (c, source) = (client.pointer, source());
    let s = source.pointer;
    // SAFETY: living objects and strings.
    unsafe {
        let task = ended(|f, d, e, out, err| tus_client_upload_file_async(c, FILE.as_ptr(), null(), f, d, e, out, err));
        assert_eq!(outcome(&task), (OK, None));
        assert_eq!((tus_task_state(task.pointer), tus_task_is_done(task.pointer)), (3, 1));
        let info = Own::new(tus_task_take_info(task.pointer), tus_info_free);
        assert_eq!(string(tus_info_metadata_text(info.pointer, c"filename".as_ptr())).unwrap(), "Cargo.toml");
        assert_eq!(tus_info_is_complete(info.pointer), 1);
        assert!(tus_task_take_info(task.pointer).is_null(), "it was taken");
        let mut progress: tus_progress = std::mem::zeroed();
        progress.struct_size = size_of::<tus_progress>();
        assert_eq!(tus_task_get_progress(task.pointer, &raw mut progress), OK);
        assert_eq!((progress.confirmed, progress.total), (tus_info_size(info.pointer), progress.sent));
        // The first record of this name ended before `retries`.
        progress.struct_size = std::mem::offset_of!(tus_progress, retries);
        assert_eq!(tus_task_get_progress(task.pointer, &raw mut progress), OK);
        progress.struct_size -= 1;
        assert_eq!(tus_task_get_progress(task.pointer, &raw mut progress), INVALID);

        let task = ended(|f, d, e, out, err| tus_client_upload_async(c, s, null(), f, d, e, out, err));
        assert!(tus_task_take_metadata(task.pointer).is_null(), "of another operation");
        let info = Own::new(tus_task_take_info(task.pointer), tus_info_free);
        let url = tus_info_url(info.pointer);
        let task = ended(|f, d, e, out, err| tus_client_resume_upload_async(c, s, url, null(), f, d, e, out, err));
        drop(Own::new(tus_task_take_info(task.pointer), tus_info_free));
        let task = ended(|f, d, e, out, err| tus_client_get_upload_info_async(c, url, f, d, e, out, err));
        let asked = Own::new(tus_task_take_info(task.pointer), tus_info_free);
        assert_eq!((tus_info_offset(asked.pointer), string(tus_info_url(asked.pointer))), (11, string(url)));
        let task = ended(|f, d, e, out, err| tus_client_get_metadata_async(c, url, f, d, e, out, err));
        drop(Own::new(tus_task_take_metadata(task.pointer), tus_metadata_free));
        let task = ended(|f, d, e, out, err| tus_client_get_server_info_async(c, f, d, e, out, err));
        drop(Own::new(tus_task_take_server_info(task.pointer), tus_server_info_free));
        let task = ended(|f, d, e, out, err| tus_client_find_previous_uploads_async(c, s, f, d, e, out, err));
        drop(Own::new(tus_task_take_previous_list(task.pointer), tus_previous_list_free));
        let task = ended(|f, d, e, out, err| tus_client_prune_store_async(c, 0, f, d, e, out, err));
        assert_eq!((outcome(&task), tus_task_pruned(task.pointer)), ((OK, None), 0));

        let task = ended(|f, d, e, out, err| tus_client_create_partial_upload_async(c, s, null(), f, d, e, out, err));
        let part = Own::new(tus_task_take_info(task.pointer), tus_info_free);
        let urls = [tus_info_url(part.pointer)];
        let task = ended(|f, d, e, out, err| {
            tus_client_create_final_upload_async(c, urls.as_ptr(), 1, null(), f, d, e, out, err)
        });
        let whole = Own::new(tus_task_take_info(task.pointer), tus_info_free);
        assert_eq!(tus_info_concat_kind(whole.pointer), 2);
        let task = ended(|f, d, e, out, err| tus_client_create_deferred_upload_async(c, null(), f, d, e, out, err));
        drop(Own::new(tus_task_take_info(task.pointer), tus_info_free));

        for expected in [OK, OK] {
            let task = ended(|f, d, e, out, err| tus_client_delete_upload_async(c, url, f, d, e, out, err));
            assert_eq!(outcome(&task).0, expected);
            assert!(tus_task_take_info(task.pointer).is_null());
        }
        let task = ended(|f, d, e, out, err| tus_client_get_upload_info_async(c, url, f, d, e, out, err));
        let (status, message) = outcome(&task);
        let mut err = null_mut();
        assert_eq!(tus_client_get_upload_info(c, url, null_mut(), &raw mut err), status);
        assert_eq!(taken(err).1, message.unwrap());
    }
}

#[test]
fn an_uploader_is_driven_by_tasks_and_calls_in_turn() {
    let server = server();
    let client = client_at(&server, |_| {});
    let source = source();
    // SAFETY: living objects.
    unsafe {
        let task = ended(|f, d, e, out, err| {
            tus_client_create_uploader_async(client.pointer, source.pointer, null(), f, d, e, out, err)
        });
        let uploader = Own::new(tus_task_take_uploader(task.pointer), tus_uploader_free);
        let u = uploader.pointer;
        assert!(tus_task_take_uploader(task.pointer).is_null());
        let task = ended(|f, d, e, out, err| tus_uploader_upload_chunk_async(u, f, d, e, out, err));
        assert_eq!((outcome(&task).0, tus_task_more(task.pointer), tus_uploader_offset(u)), (OK, 1, 4));
        let mut more = 0;
        assert_eq!((tus_uploader_upload_chunk(u, &raw mut more, null_mut()), more), (OK, 1));
        // A task that was cancelled ends its own call and no other.
        let task = begun(|out, err| {
            tus_client_set_workers(client.pointer, 1);
            tus_uploader_upload_async(u, None, null_mut(), None, out, err)
        });
        tus_task_cancel(task.pointer);
        assert_eq!(tus_task_wait(task.pointer, FOREVER), OK);
        assert!([OK, CANCELLED].contains(&outcome(&task).0));
        let task = ended(|f, d, e, out, err| tus_uploader_upload_async(u, f, d, e, out, err));
        assert_eq!((outcome(&task), tus_task_more(task.pointer)), ((OK, None), 0));
        drop(Own::new(tus_task_take_info(task.pointer), tus_info_free));
        assert_eq!(tus_uploader_is_complete(u), 1);
        // One that is not taken ends with its task, and the source is free again.
        drop(uploader);
        let task = ended(|f, d, e, out, err| {
            tus_client_create_uploader_async(client.pointer, source.pointer, null(), f, d, e, out, err)
        });
        let upload = || tus_client_upload(client.pointer, source.pointer, null(), null_mut(), null_mut());
        assert_eq!(upload(), BUSY);
        drop(task);
        assert_eq!(upload(), OK);
    }
}

#[test]
fn done_runs_once_and_then_its_destroy() {
    let server = server();
    let client = client_at(&server, |_| {});
    let source = source();
    for with_done in [true, false] {
        let heard = Heard::default();
        let done: tus_done_fn = if with_done { Some(hear) } else { None };
        // SAFETY: living objects.
        unsafe {
            let task = begun(|out, err| {
                tus_client_upload_async(
                    client.pointer,
                    source.pointer,
                    null(),
                    done,
                    heard.data(),
                    Some(let_go),
                    out,
                    err,
                )
            });
            assert_eq!(tus_task_wait(task.pointer, FOREVER), OK);
            assert_eq!(heard.times(), (usize::from(with_done), 1), "both are over when the wait is");
            let seen = heard.tasks.lock().unwrap().clone();
            assert!(seen.iter().all(|(pointer, status)| (*pointer, *status) == (task.pointer as usize, OK)));
            assert_eq!(tus_task_wait(task.pointer, 0), OK);
        }
        assert_eq!(heard.times(), (usize::from(with_done), 1));
    }
}

#[test]
fn what_is_wrong_when_it_runs_is_the_tasks() {
    let server = server();
    let client = client_at(&server, |_| {});
    let source = source();
    let mut uploader = null_mut();
    // SAFETY: living objects.
    unsafe {
        let status = tus_client_create_uploader(client.pointer, source.pointer, null(), &raw mut uploader, null_mut());
        assert_eq!(status, OK);
        let uploader = Own::new(uploader, tus_uploader_free);
        let task = ended(|f, d, e, out, err| {
            tus_client_upload_async(client.pointer, source.pointer, null(), f, d, e, out, err)
        });
        assert_eq!(
            outcome(&task),
            (
                BUSY,
                Some(
                    "the source is in use by another operation: wait until that is over, or make another source"
                        .to_owned()
                )
            )
        );
        let (mut first, mut second) = (null(), null());
        tus_task_result(task.pointer, &raw mut first);
        tus_task_result(task.pointer, &raw mut second);
        assert_eq!((tus_error_status(first), first), (BUSY, second), "it is the same error");
        tus_error_free(first.cast_mut());
        assert_eq!(tus_error_status(first), BUSY, "which is not the program's to free");
        assert!(tus_task_take_info(task.pointer).is_null());
        drop(uploader);
    }
}

unsafe extern "C-unwind" fn on_url(_: *mut c_void, _: *const c_char) -> i32 {
    0
}

#[test]
fn everything_may_be_given_back_while_it_runs() {
    let server = server();
    let (heard, ends) = (Heard::default(), Destroyed::default());
    for order in 0..12 {
        // SAFETY: a living configuration.
        let client = client_at(&server, |config| unsafe {
            tus_config_set_dispatch(config, i32::from(order >= 6));
            tus_config_set_on_upload_url_available(config, Some(on_url), ends.data(), Some(destroy));
        });
        let source = source();
        let task = begun(|out, err| {
            // SAFETY: living objects.
            unsafe {
                let (c, s) = (client.pointer, source.pointer);
                tus_client_upload_async(c, s, null(), Some(hear), heard.data(), None, out, err)
            }
        });
        // SAFETY: a living task.
        let kept = Own::new(unsafe { tus_task_ref(task.pointer) }, tus_task_unref);
        match order % 6 {
            0 => drop((client, source, task)),
            1 => drop((client, task, source)),
            2 => drop((source, client, task)),
            3 => drop((source, task, client)),
            4 => drop((task, client, source)),
            _ => drop((task, source, client)),
        }
        if order % 2 == 0 {
            // SAFETY: a living task.
            unsafe { assert_eq!(tus_task_wait(kept.pointer, FOREVER), OK) };
            assert_eq!((outcome(&kept).0, ends.times()), (OK, order), "the task holds its client");
        }
        drop(kept);
        soon(|| (heard.times().0, ends.times()) == (order + 1, order + 1));
    }
    assert_eq!(server.uploads().len(), 12);
    assert!(heard.tasks.lock().unwrap().iter().all(|(_, status)| *status == OK));
}

#[test]
fn nobody_need_want_the_task() {
    let server = server();
    let client = client_at(&server, |_| {});
    let (source, heard) = (source(), Heard::default());
    // SAFETY: living objects.
    unsafe {
        let (c, s) = (client.pointer, source.pointer);
        let status =
            tus_client_upload_async(c, s, null(), Some(hear), heard.data(), Some(let_go), null_mut(), null_mut());
        assert_eq!(status, OK);
        soon(|| heard.times() == (1, 1));
        assert_eq!(tus_client_upload_async(c, s, null(), None, null_mut(), None, null_mut(), null_mut()), OK);
        soon(|| server.uploads().len() == 2);
        assert_eq!(tus_client_close(c, FOREVER), OK);
    }
}

/// What a function of the program's tries from inside the client.
#[derive(Default)]
struct Inside {
    client: std::sync::atomic::AtomicPtr<tus_client>,
    other: Mutex<Vec<tus_status>>,
    followed: Heard,
}

unsafe extern "C-unwind" fn try_all(user_data: *mut c_void, task: *mut tus_task) {
    // SAFETY: registered with an `Inside` that outlives the task.
    unsafe {
        let inside = &*user_data.cast::<Inside>();
        let client = inside.client.load(Ordering::SeqCst);
        let blocking = tus_client_get_server_info(client, null_mut(), null_mut());
        let mut next = null_mut();
        let data = inside.followed.data();
        let begin = tus_client_get_server_info_async(client, Some(hear), data, None, &raw mut next, null_mut());
        let (wait, close) = (tus_task_wait(next, 1000), tus_client_close(client, 1000));
        assert_eq!(tus_client_dispatch(client, 0), 0);
        tus_task_unref(next);
        assert_eq!(tus_task_is_done(task), 1);
        inside.other.lock().unwrap().extend([blocking, begin, wait, close]);
    }
}

#[test]
fn done_may_begin_more_but_not_wait_for_it() {
    let server = server();
    for queue in [0, 1] {
        // SAFETY: a living configuration.
        let client = client_at(&server, |config| unsafe {
            tus_config_set_dispatch(config, queue);
        });
        let inside = Inside::default();
        inside.client.store(client.pointer, Ordering::SeqCst);
        let data = std::ptr::from_ref(&inside).cast_mut().cast();
        // SAFETY: living objects.
        unsafe {
            let task =
                begun(|out, err| tus_client_get_server_info_async(client.pointer, Some(try_all), data, None, out, err));
            assert_eq!(tus_task_wait(task.pointer, FOREVER), OK);
            soon(|| {
                tus_client_dispatch(client.pointer, 0);
                inside.followed.times().0 == 1
            });
            // Maybe it was over before the wait began.
            let seen = inside.other.lock().unwrap().clone();
            assert!(seen == [BUSY, OK, BUSY, BUSY] || seen == [BUSY, OK, OK, BUSY], "{seen:?}");
            assert_eq!(tus_client_close(client.pointer, FOREVER), OK);
        }
    }
}

unsafe extern "C-unwind" fn count(user_data: *mut c_void, _: *const tus_progress) -> i32 {
    // SAFETY: registered with a number that outlives the upload.
    unsafe { &*user_data.cast::<AtomicUsize>() }.fetch_add(1, Ordering::SeqCst);
    0
}

fn readable(handle: isize) -> bool {
    let mut entry = libc::pollfd { fd: handle as i32, events: libc::POLLIN, revents: 0 };
    // SAFETY: one entry.
    unsafe { libc::poll(&raw mut entry, 1, 0) == 1 }
}

#[test]
fn the_queue_is_run_by_the_programs_loop() {
    let server = server();
    // SAFETY: a living configuration.
    let client = client_at(&server, |config| unsafe {
        tus_config_set_dispatch(config, 1);
    });
    let (source, options, heard, told) = (source(), options(), Heard::default(), AtomicUsize::new(0));
    // SAFETY: living objects.
    unsafe {
        let told_data = std::ptr::from_ref(&told).cast_mut().cast();
        tus_upload_options_set_progress(options.pointer, Some(count), told_data, None);
        let handle = tus_client_event_handle(client.pointer);
        assert!(handle >= 0 && !readable(handle));
        assert_eq!(handle, tus_client_event_handle(client.pointer));
        let task = begun(|out, err| {
            let (c, s, o) = (client.pointer, source.pointer, options.pointer);
            tus_client_upload_async(c, s, o, Some(hear), heard.data(), Some(let_go), out, err)
        });
        assert_eq!(tus_task_wait(task.pointer, FOREVER), OK);
        assert_eq!((outcome(&task).0, heard.times(), told.load(Ordering::SeqCst)), (OK, (0, 0), 0));
        soon(|| readable(handle));
        let mut run = 0;
        soon(|| {
            tus_client_dispatch(client.pointer, 1);
            heard.times() == (1, 1)
        });
        run += tus_client_dispatch(client.pointer, 0);
        assert_eq!((run, readable(handle)), (0, false));
        assert!(told.load(Ordering::SeqCst) > 0);
    }
}

#[test]
fn a_client_without_its_program_still_tells_its_tasks_ends() {
    let server = server();
    // SAFETY: a living configuration.
    let client = client_at(&server, |config| unsafe {
        tus_config_set_dispatch(config, 1);
    });
    let (source, heard) = (source(), Heard::default());
    // SAFETY: living objects.
    unsafe {
        let (c, s) = (client.pointer, source.pointer);
        for _ in 0..2 {
            let (done, data) = (Some(hear as _), heard.data());
            assert_eq!(tus_client_upload_async(c, s, null(), done, data, None, null_mut(), null_mut()), OK);
        }
    }
    drop(client);
    soon(|| heard.times().0 == 2);
}

/// Stands still in a hook until it is let go.
#[derive(Default)]
struct Held {
    there: AtomicUsize,
    go: std::sync::atomic::AtomicBool,
}

unsafe extern "C-unwind" fn hold_still(user_data: *mut c_void, _: *mut tus_request) -> i32 {
    // SAFETY: registered with a `Held` that outlives the client.
    let held = unsafe { &*user_data.cast::<Held>() };
    held.there.fetch_add(1, Ordering::SeqCst);
    soon(|| held.go.load(Ordering::SeqCst));
    0
}

#[test]
fn what_waits_may_be_moved_and_stand_still() {
    let server = server();
    let held = Held::default();
    let data = std::ptr::from_ref(&held).cast_mut().cast();
    // SAFETY: a living configuration.
    let client = client_at(&server, |config| unsafe {
        tus_config_set_before_request(config, Some(hold_still), data, None);
        tus_config_set_workers(config, 1);
    });
    let (sources, options, heard) = ([(); 4].map(|()| source()), options(), Heard::default());
    // SAFETY: living objects.
    unsafe {
        let begin = |source: &Own<tus_source>, options| {
            let (c, s) = (client.pointer, source.pointer);
            begun(|out, err| tus_client_upload_async(c, s, options, Some(hear), heard.data(), None, out, err))
        };
        let running = begin(&sources[0], null());
        soon(|| held.there.load(Ordering::SeqCst) == 1);
        let (first, second) = (begin(&sources[1], null()), begin(&sources[2], null()));
        tus_upload_options_set_priority(options.pointer, 5);
        let urgent = begin(&sources[3], options.pointer);
        tus_task_pause(first.pointer);
        tus_task_pause(urgent.pointer);
        let states = [&running, &first, &second, &urgent].map(|task| tus_task_state(task.pointer));
        assert_eq!(states, [1, 2, 0, 2]);
        tus_task_resume(first.pointer);
        tus_task_resume(urgent.pointer);
        assert_eq!(tus_task_state(first.pointer), 0);
        tus_task_set_priority(second.pointer, 1);
        held.go.store(true, Ordering::SeqCst);
        soon(|| heard.times().0 == 4);
        let order = [&running, &urgent, &second, &first].map(|task| (task.pointer as usize, OK));
        assert_eq!(*heard.tasks.lock().unwrap(), order);
        assert_eq!(tus_client_close(client.pointer, FOREVER), OK);
    }
}

#[test]
fn closing_ends_and_waits_for_all() {
    let server = server();
    let held = Held::default();
    let data = std::ptr::from_ref(&held).cast_mut().cast();
    // SAFETY: a living configuration.
    let client = client_at(&server, |config| unsafe {
        tus_config_set_before_request(config, Some(hold_still), data, None);
        tus_config_set_workers(config, 1);
    });
    let heard: [Heard; 3] = Default::default();
    let (source, closed) = (source(), Heard::default());
    // SAFETY: living objects.
    unsafe {
        let (c, s) = (client.pointer, source.pointer);
        let tasks = heard.each_ref().map(|heard| {
            begun(|out, err| tus_client_upload_async(c, s, null(), Some(hear), heard.data(), Some(let_go), out, err))
        });
        let address = c as usize;
        let blocking =
            std::thread::spawn(move || tus_client_get_server_info(address as *mut tus_client, null_mut(), null_mut()));
        soon(|| held.there.load(Ordering::SeqCst) == 2);
        assert_eq!(tus_task_state(tasks[0].pointer), 1);
        assert_eq!(tus_task_state(tasks[2].pointer), 0);
        assert_eq!(tus_task_wait(tasks[0].pointer, 0), TIMEOUT);
        assert_eq!(tus_task_wait(tasks[0].pointer, 10), TIMEOUT);
        assert_eq!(tus_task_result(tasks[0].pointer, null_mut()), BUSY);
        assert_eq!(tus_client_close(c, 0), TIMEOUT, "two functions of the program's have not returned");
        assert_eq!(tus_client_close(c, 20), TIMEOUT);
        held.go.store(true, Ordering::SeqCst);
        assert_eq!(tus_client_close(c, FOREVER), OK);
        assert_eq!(tus_client_close(c, FOREVER), OK);
        for (task, heard) in tasks.iter().zip(&heard) {
            assert_eq!((outcome(task).0, heard.times(), tus_task_wait(task.pointer, 0)), (CANCELLED, (1, 1), OK));
        }
        assert_eq!(blocking.join().unwrap(), CANCELLED);

        for (name, begin) in beginnings(c, s, null(), c"http://127.0.0.1:1/1".as_ptr(), null_mut()) {
            if !name.starts_with("tus_uploader") {
                let (mut task, mut err) = (std::ptr::dangling_mut(), null_mut());
                let status = begin(Some(hear), closed.data(), Some(let_go), &raw mut task, &raw mut err);
                assert_eq!((status, task.is_null(), taken(err).0), (INVALID_STATE, true, INVALID_STATE), "{name}");
                assert_eq!((closed.tasks.lock().unwrap().len(), closed.destroyed.swap(0, Ordering::SeqCst)), (0, 1));
            }
        }
        let mut err = null_mut();
        assert_eq!(tus_client_get_server_info(c, null_mut(), &raw mut err), INVALID_STATE);
        assert_eq!(taken(err).1, "the client is closed");
        assert_eq!(tus_client_set_header(c, c"X-A".as_ptr(), c"1".as_ptr(), null_mut()), OK);
        assert_eq!(tus_client_set_workers(c, 2), OK);
    }
}

/// Nothing is removed by a task that has not begun, so its error names what stays: whatever named it, and however the task
/// is cancelled.
#[test]
fn a_task_cancelled_in_the_queue_names_the_upload_it_was_to_go_on_with() {
    let server = server();
    let client = client_at(&server, |_| {});
    let (c, one, two) = (client.pointer, source(), source());
    // SAFETY: living objects and strings.
    unsafe {
        let mut u = null_mut();
        assert_eq!(tus_client_create_uploader(c, one.pointer, null(), &raw mut u, null_mut()), OK);
        let uploader = Own::new(u, tus_uploader_free);
        let url = tus_uploader_url(u);
        let by_url = options();
        assert_eq!(tus_upload_options_set_upload_url(by_url.pointer, url), OK);
        let by_token = options();
        assert_eq!(tus_upload_options_set_resume_token(by_token.pointer, c"token".as_ptr()), OK);

        server.script(tus_test_server::Rule::on("POST").times(1).hang_after_body());
        assert_eq!(tus_client_set_workers(c, 1), OK);
        let s = two.pointer;
        let deferred = begun(|out, err| tus_client_upload_async(c, s, null(), None, null_mut(), None, out, err));
        while tus_task_state(deferred.pointer) != 1 {
            std::thread::yield_now();
        }
        for cancel in [tus_task_cancel as unsafe extern "C" fn(*mut tus_task), tus_task_cancel_and_delete] {
            let none = null_mut();
            let named = [
                begun(|out, err| tus_client_resume_upload_async(c, s, url, null(), None, none, None, out, err)),
                begun(|out, err| tus_client_upload_async(c, s, by_url.pointer, None, none, None, out, err)),
                begun(|out, err| tus_uploader_upload_async(u, None, none, None, out, err)),
                begun(|out, err| tus_uploader_upload_chunk_async(u, None, none, None, out, err)),
            ];
            let of_token =
                begun(|out, err| tus_client_upload_async(c, s, by_token.pointer, None, none, None, out, err));
            let unnamed = begun(|out, err| tus_client_upload_async(c, s, null(), None, none, None, out, err));
            for task in named.iter().chain([&of_token, &unnamed]) {
                cancel(task.pointer);
                let mut error = null();
                assert_eq!(tus_task_result(task.pointer, &raw mut error), CANCELLED);
                let (its_url, token) = (string(tus_error_upload_url(error)), string(tus_error_resume_token(error)));
                let wanted = named.iter().any(|one| one.pointer == task.pointer).then(|| string(url).unwrap());
                assert_eq!(its_url, wanted);
                assert_eq!(token.is_some(), task.pointer == of_token.pointer);
            }
        }
        assert_eq!(tus_client_close(c, -1), OK);
        drop(uploader);
    }
}
