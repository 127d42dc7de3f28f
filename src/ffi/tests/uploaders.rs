//! `tus_uploader`: forks, panics, and the threads that work for a client. The rest is told from C.

// Miri has no sockets.
#![cfg(not(miri))]

use std::ffi::{CString, c_void};
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};

use tus_test_server::{Options, Server};

use super::super::handle::state;
use super::super::*;
use super::fixture::*;

const FORKED: tus_status = -9;
const PANIC: tus_status = -99;
const INVALID_STATE: tus_status = -2;
const BUSY: tus_status = -8;

fn client_at(server: &Server, change: impl FnOnce(*mut tus_config)) -> Own<tus_client> {
    let (config, endpoint) = (config(), CString::new(server.endpoint()).unwrap());
    // SAFETY: living objects and strings.
    unsafe {
        tus_config_set_url(config.pointer, endpoint.as_ptr());
        tus_config_set_proxy(config.pointer, null());
        tus_config_set_chunk_size(config.pointer, 4);
    }
    change(config.pointer);
    client_of(&config)
}

fn uploader(
    client: &Own<tus_client>,
    source: &Own<tus_source>,
    options: *const tus_upload_options,
) -> Own<tus_uploader> {
    let mut uploader = null_mut();
    // SAFETY: living objects.
    let status =
        unsafe { tus_client_create_uploader(client.pointer, source.pointer, options, &raw mut uploader, null_mut()) };
    assert_eq!(status, OK);
    Own::new(uploader, tus_uploader_free)
}

#[test]
fn the_size_of_its_next_chunks_can_be_set() {
    let server = Server::start(Options::default()).unwrap();
    let (client, source) = (client_at(&server, |_| {}), source());
    let uploader = uploader(&client, &source, null());
    // SAFETY: a living uploader.
    unsafe {
        assert_eq!(tus_uploader_set_chunk_size(uploader.pointer, 0), INVALID);
        assert_eq!(tus_uploader_set_chunk_size(uploader.pointer, 1 << 63), INVALID);
        for (size, offset) in [(1, 1), (2, 3), (TUS_CHUNK_WHOLE, 11)] {
            assert_eq!(tus_uploader_set_chunk_size(uploader.pointer, size), OK);
            assert_eq!(tus_uploader_upload_chunk(uploader.pointer, null_mut(), null_mut()), OK);
            assert_eq!(tus_uploader_offset(uploader.pointer), offset);
        }
        assert_eq!(tus_uploader_set_chunk_size(uploader.pointer, TUS_CHUNK_AUTO), OK);
    }
}

#[test]
fn a_childs_use_is_refused_and_its_free_ends_nothing() {
    let server = Server::start(Options::default()).unwrap();
    let (client, source) = (client_at(&server, |_| {}), source());
    let uploader = uploader(&client, &source, null());
    let as_in = |process| {
        // SAFETY: a living client.
        let home = unsafe { state(client.pointer.cast_const(), "c") }.unwrap().home();
        home.process.swap(process, Ordering::Relaxed)
    };
    let ours = as_in(1);
    let mut more = 7;
    // SAFETY: living objects.
    unsafe {
        assert_eq!(tus_uploader_upload_chunk(uploader.pointer, &raw mut more, null_mut()), FORKED);
        assert_eq!(more, 0);
        assert_eq!(tus_uploader_upload(uploader.pointer, null_mut(), null_mut()), FORKED);
        tus_uploader_cancel(uploader.pointer);
        assert!(!tus_uploader_url(uploader.pointer).is_null());
    }
    as_in(ours);
    // SAFETY: living objects.
    let status = unsafe { tus_uploader_upload_chunk(uploader.pointer, &raw mut more, null_mut()) };
    assert_eq!((status, more), (OK, 1), "the child's cancel did nothing");
    as_in(1);
    // SAFETY: a living uploader; in a child it stays one.
    unsafe { tus_uploader_free(uploader.pointer) };
    as_in(ours);
    // SAFETY: living objects.
    let upload = || unsafe { tus_client_upload(client.pointer, source.pointer, null(), null_mut(), null_mut()) };
    assert_eq!(upload(), BUSY, "in the parent it is still in use");
    drop(uploader);
    assert_eq!(upload(), OK);
}

unsafe extern "C-unwind" fn panics(_: *mut c_void, progress: *const tus_progress) -> i32 {
    // SAFETY: the library's record.
    assert!(unsafe { &*progress }.confirmed < 4, "in a callback");
    0
}

#[test]
fn after_a_panic_neither_uploader_nor_source_is_used_again() {
    let server = Server::start(Options::default()).unwrap();
    let (client, source, options) = (client_at(&server, |_| {}), source(), options());
    // SAFETY: living objects.
    unsafe {
        tus_upload_options_set_progress(options.pointer, Some(panics), null_mut(), None);
        let uploader = uploader(&client, &source, options.pointer);
        let mut more = 7;
        assert_eq!(tus_uploader_upload_chunk(uploader.pointer, &raw mut more, null_mut()), PANIC);
        assert_eq!(more, 0);
        assert_eq!(tus_uploader_upload_chunk(uploader.pointer, &raw mut more, null_mut()), INVALID_STATE);
        drop(uploader);
        let status = tus_client_upload(client.pointer, source.pointer, null(), null_mut(), null_mut());
        assert_eq!(status, INVALID_STATE);
    }
}

/// The client that the callback below calls, and what that gave.
struct Inside {
    client: *mut tus_client,
    calls: AtomicU32,
    worst: AtomicI32,
}

unsafe extern "C-unwind" fn ask(user_data: *mut c_void, _: *mut tus_request) -> i32 {
    // SAFETY: registered with an `Inside` that outlives the client.
    let inside = unsafe { &*user_data.cast::<Inside>() };
    if !inside.client.is_null() {
        inside.calls.fetch_add(1, Ordering::SeqCst);
        // SAFETY: a living client.
        let status = unsafe { tus_client_get_server_info(inside.client, null_mut(), null_mut()) };
        inside.worst.fetch_max(status, Ordering::SeqCst);
    }
    0
}

#[test]
fn the_threads_of_parts_are_inside_their_client() {
    let server = Server::start(Options::default()).unwrap();
    let mut inside = Inside { client: null_mut(), calls: AtomicU32::new(0), worst: AtomicI32::new(i32::MIN) };
    let data: *mut Inside = &raw mut inside;
    let client = client_at(&server, |config| {
        // SAFETY: a living configuration.
        unsafe { tus_config_set_before_request(config, Some(ask), data.cast(), None) };
    });
    let (source, options) = (source(), options());
    // SAFETY: living objects; no callback runs before the upload.
    unsafe {
        (*data).client = client.pointer;
        tus_upload_options_set_parallel_uploads(options.pointer, 2);
        tus_upload_options_set_min_part_size(options.pointer, 1);
        let status = tus_client_upload(client.pointer, source.pointer, options.pointer, null_mut(), null_mut());
        assert_eq!(status, OK);
        assert!((*data).calls.load(Ordering::SeqCst) > 6);
        assert_eq!((*data).worst.load(Ordering::SeqCst), BUSY);
    }
    drop(client);
}
