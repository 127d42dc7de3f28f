//! `tus_client`: counting, forks, calls from inside its own callbacks.

use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicPtr, Ordering};

use super::super::client::Use;
use super::super::handle::state;
use super::super::*;
use super::fixture::*;

const BUSY: tus_status = -8;
const FORKED: tus_status = -9;
const NOT_FOUND: tus_status = -7;
const URL: *const std::ffi::c_char = c"http://127.0.0.1:1/files/1".as_ptr();

/// Makes the client one of another process.
fn as_in_a_child(client: &Own<tus_client>, process: u32) -> u32 {
    // SAFETY: a living client.
    unsafe { state(client.pointer.cast_const(), "c") }.unwrap().home().process.swap(process, Ordering::Relaxed)
}

/// Every blocking operation, by name.
fn operations(client: &Own<tus_client>) -> Vec<(&'static str, tus_status, bool)> {
    let source = source();
    let (c, s) = (client.pointer, source.pointer);
    let mut err: *mut tus_error = null_mut();
    let mut outcomes = Vec::new();
    let mut note = |name, status, out_is_null: bool, err: &mut *mut tus_error| {
        assert_eq!(taken(std::mem::replace(err, null_mut())).0, status, "{name}");
        outcomes.push((name, status, out_is_null));
    };
    let (mut info, mut metadata, mut server) =
        (std::ptr::dangling_mut(), std::ptr::dangling_mut(), std::ptr::dangling_mut());
    let path = FILE.as_ptr();
    // SAFETY: living objects and strings.
    unsafe {
        let status = tus_client_upload_file(c, path, null(), &raw mut info, &raw mut err);
        note("upload_file", status, info.is_null(), &mut err);
        info = std::ptr::dangling_mut();
        let status = tus_client_upload(c, s, null(), &raw mut info, &raw mut err);
        note("upload", status, info.is_null(), &mut err);
        info = std::ptr::dangling_mut();
        let status = tus_client_resume_upload(c, s, URL, null(), &raw mut info, &raw mut err);
        note("resume_upload", status, info.is_null(), &mut err);
        info = std::ptr::dangling_mut();
        let status = tus_client_get_upload_info(c, URL, &raw mut info, &raw mut err);
        note("get_upload_info", status, info.is_null(), &mut err);
        let status = tus_client_get_metadata(c, URL, &raw mut metadata, &raw mut err);
        note("get_metadata", status, metadata.is_null(), &mut err);
        let status = tus_client_get_server_info(c, &raw mut server, &raw mut err);
        note("get_server_info", status, server.is_null(), &mut err);
        let status = tus_client_delete_upload(c, URL, &raw mut err);
        note("delete_upload", status, true, &mut err);
        info = std::ptr::dangling_mut();
        let status = tus_client_create_partial_upload(c, s, null(), &raw mut info, &raw mut err);
        note("create_partial_upload", status, info.is_null(), &mut err);
        info = std::ptr::dangling_mut();
        let status = tus_client_create_final_upload(c, [URL].as_ptr(), 1, null(), &raw mut info, &raw mut err);
        note("create_final_upload", status, info.is_null(), &mut err);
        info = std::ptr::dangling_mut();
        let status = tus_client_create_deferred_upload(c, null(), &raw mut info, &raw mut err);
        note("create_deferred_upload", status, info.is_null(), &mut err);
        let mut list = std::ptr::dangling_mut();
        let status = tus_client_find_previous_uploads(c, s, &raw mut list, &raw mut err);
        note("find_previous_uploads", status, list.is_null(), &mut err);
        let mut removed = 7;
        let status = tus_client_prune_store(c, 0, &raw mut removed, &raw mut err);
        note("prune_store", status, removed == 0, &mut err);
        let mut uploader = std::ptr::dangling_mut();
        let status = tus_client_create_uploader(c, s, null(), &raw mut uploader, &raw mut err);
        note("create_uploader", status, uploader.is_null(), &mut err);
    }
    outcomes
}

#[test]
fn a_childs_use_is_refused() {
    let client = client();
    let ours = as_in_a_child(&client, 1);
    for (name, status, out_is_null) in operations(&client) {
        assert_eq!((status, out_is_null), (FORKED, true), "{name}");
    }
    let mut err = null_mut();
    // SAFETY: living objects and strings.
    let status = unsafe { tus_client_set_header(client.pointer, c"X-A".as_ptr(), null(), &raw mut err) };
    assert_eq!(status, FORKED);
    assert!(taken(err).1.contains("process 1"));
    // SAFETY: living objects and strings.
    let status =
        unsafe { tus_client_copy_header(client.pointer, c"X-A".as_ptr(), null_mut(), 0, null_mut(), null_mut()) };
    assert_eq!(status, FORKED);
    as_in_a_child(&client, ours);
}

#[test]
fn a_childs_last_count_closes_nothing() {
    let destroyed = Destroyed::default();
    let config = config();
    // SAFETY: living objects.
    unsafe {
        tus_config_set_url(config.pointer, URL);
        tus_config_set_on_upload_url_available(config.pointer, Some(on_url), destroyed.data(), Some(destroy));
    }
    let client = client_of(&config);
    drop(config);
    let ours = as_in_a_child(&client, 1);
    // SAFETY: a living client; in a child, the last count is kept for ever.
    unsafe { tus_client_unref(client.pointer) };
    assert_eq!(destroyed.times(), 0);
    // Still there, so the parent can end it; here both are one process.
    as_in_a_child(&client, ours);
    drop(client);
    assert_eq!(destroyed.times(), 1);
}

unsafe extern "C-unwind" fn on_url(_: *mut std::ffi::c_void, _: *const std::ffi::c_char) -> i32 {
    0
}

#[test]
fn a_blocking_call_from_inside_is_busy() {
    let client = client();
    let other = super::fixture::client();
    // SAFETY: living clients.
    let (used, other_used) = unsafe { (Use::begin(client.pointer).unwrap(), Use::begin(other.pointer).unwrap()) };
    let inside = used.run(|_| {
        // A callback of this client: not the client itself, but another one, and not through another one either.
        for (name, status, out_is_null) in operations(&client) {
            assert_eq!((status, out_is_null), (BUSY, true), "{name}");
        }
        other_used.run(|_| {
            assert!(operations(&client).iter().all(|(_, status, _)| *status == BUSY));
            // What does not block is allowed.
            // SAFETY: a living client.
            let status = unsafe { tus_client_set_header(client.pointer, c"Host".as_ptr(), null(), null_mut()) };
            assert_ne!(status, BUSY);
            // SAFETY: a living client.
            let status = unsafe {
                tus_client_copy_header(client.pointer, c"Host".as_ptr(), null_mut(), 0, null_mut(), null_mut())
            };
            assert_eq!(status, NOT_FOUND);
            Ok(())
        })
    });
    assert!(inside.is_ok());
    // Other threads are not inside.
    let pointer = AtomicPtr::new(client.pointer);
    used.run(|_| {
        let there = std::thread::spawn(move || {
            // SAFETY: a living client, of which this test holds a count.
            unsafe { Use::begin(pointer.into_inner()) }.unwrap().run(|_| Ok(())).is_ok()
        });
        assert!(there.join().unwrap());
        Ok(())
    })
    .unwrap();
    assert!(used.run(|_| Ok(())).is_ok(), "and afterwards it works again");
}

#[test]
fn the_last_count_may_go_while_an_operation_runs() {
    let client = client();
    // SAFETY: a living client.
    let used = unsafe { Use::begin(client.pointer) }.unwrap();
    used.run(|_| {
        drop(client);
        Ok(())
    })
    .unwrap();
    assert!(used.run(|_| Ok(())).is_ok());
}

#[test]
fn counts_are_kept_across_threads() {
    let client = client();
    let threads = (0..4).map(|_| {
        let pointer = AtomicPtr::new(client.pointer);
        std::thread::spawn(move || {
            let pointer = pointer.into_inner();
            for _ in 0..50 {
                // SAFETY: the test holds a count until all threads have ended.
                unsafe { tus_client_unref(tus_client_ref(pointer)) };
            }
        })
    });
    for thread in threads.collect::<Vec<_>>() {
        thread.join().unwrap();
    }
    // SAFETY: a living client.
    assert_eq!(unsafe { tus_client_ref(client.pointer) }, client.pointer);
    // SAFETY: the count just taken.
    unsafe { tus_client_unref(client.pointer) };
}

#[test]
fn without_a_url_nothing_can_be_created() {
    let (client, source) = (client_of(&config()), source());
    let mut err = null_mut();
    // SAFETY: living objects.
    let status = unsafe { tus_client_upload(client.pointer, source.pointer, null(), null_mut(), &raw mut err) };
    assert_eq!(status, -2);
    assert_eq!(taken(err).0, -2);
}
