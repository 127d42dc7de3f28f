//! Whole operations through the exports, against the embedded server.

// Miri has no sockets.
#![cfg(not(miri))]

use std::cell::RefCell;
use std::ffi::{CString, c_char, c_void};
use std::ptr::{null, null_mut};

use tus_test_server::{Options, Rule, Server};

use super::super::*;
use super::fixture::*;

const CALLBACK: tus_status = -5;
const BUSY: tus_status = -8;

/// A server, and a client of it that writes down what its callbacks see.
struct World {
    server: Server,
    client: Own<tus_client>,
    seen: Box<Seen>,
}

#[derive(Default)]
struct Seen {
    lines: RefCell<Vec<String>>,
    client: RefCell<*mut tus_client>,
    inside: RefCell<Vec<tus_status>>,
    destroyed: Destroyed,
}

impl Seen {
    unsafe fn at<'a>(user_data: *mut c_void) -> &'a Seen {
        // SAFETY: registered with the `Seen` of a `World` that outlives its client.
        unsafe { &*user_data.cast() }
    }
}

unsafe extern "C-unwind" fn before(user_data: *mut c_void, r: *mut tus_request) -> i32 {
    // SAFETY: as registered.
    unsafe {
        let seen = Seen::at(user_data);
        tus_request_set_header(r, c"X-Token".as_ptr(), c"fresh".as_ptr());
        let client = *seen.client.borrow();
        if !client.is_null() {
            let status = tus_client_get_server_info(client, null_mut(), null_mut());
            let header = tus_client_set_header(client, c"X-Late".as_ptr(), c"1".as_ptr(), null_mut());
            seen.inside.borrow_mut().extend([status, header]);
        }
    }
    0
}

unsafe extern "C-unwind" fn after(user_data: *mut c_void, q: *const tus_request, r: *const tus_response) -> i32 {
    // SAFETY: as registered.
    unsafe {
        let line = format!("{} {}", string(tus_request_method(q)).unwrap(), tus_response_status(r));
        Seen::at(user_data).lines.borrow_mut().push(line);
    }
    0
}

unsafe extern "C-unwind" fn give_up(user_data: *mut c_void, e: *const tus_error, attempt: u32, _: *mut u64) -> i32 {
    // SAFETY: as registered.
    unsafe {
        let line = format!("retry {attempt} after {}", tus_error_http_status(e));
        Seen::at(user_data).lines.borrow_mut().push(line);
    }
    1234
}

unsafe extern "C-unwind" fn on_url(user_data: *mut c_void, _: *const c_char) -> i32 {
    // SAFETY: as registered.
    unsafe { Seen::at(user_data) }.lines.borrow_mut().push("url".into());
    0
}

unsafe extern "C-unwind" fn destroyed(user_data: *mut c_void) {
    // SAFETY: as registered.
    unsafe { destroy(Seen::at(user_data).destroyed.data()) };
}

fn world() -> World {
    let server = Server::start(Options::default()).unwrap();
    let seen = Box::<Seen>::default();
    let data = (&raw const *seen).cast_mut().cast();
    let (config, endpoint) = (config(), CString::new(server.endpoint()).unwrap());
    let c = config.pointer;
    // SAFETY: living objects and strings.
    unsafe {
        tus_config_set_url(c, endpoint.as_ptr());
        tus_config_set_proxy(c, null());
        tus_config_set_chunk_size(c, 4);
        tus_config_set_upload_with_creation(c, 0);
        tus_config_set_before_request(c, Some(before), data, Some(destroyed));
        tus_config_set_after_response(c, Some(after), data, None);
        tus_config_set_should_retry(c, Some(give_up), data, None);
        tus_config_set_on_upload_url_available(c, Some(on_url), data, None);
    }
    World { client: client_of(&config), server, seen }
}

impl World {
    fn end(self) {
        assert!(self.server.violations().is_empty(), "{:?}", self.server.violations());
        drop(self.client);
        assert_eq!(self.seen.destroyed.times(), 1);
    }
}

/// The result of an operation that must succeed.
fn done<C>(
    free: unsafe extern "C" fn(*mut C),
    call: impl FnOnce(*mut *mut C, *mut *mut tus_error) -> tus_status,
) -> Own<C> {
    let (mut out, mut err) = (null_mut(), null_mut());
    if call(&raw mut out, &raw mut err) != OK {
        panic!("{:?}", taken(err));
    }
    assert!(err.is_null());
    Own::new(out, free)
}

#[test]
fn a_file_goes_up_and_everything_is_told() {
    let world = world();
    let c = world.client.pointer;
    let path = std::env::temp_dir().join(format!("tus ü {}.txt", std::process::id()));
    std::fs::write(&path, "hello world").unwrap();
    let name = CString::new(path.to_str().unwrap()).unwrap();
    let options = options();
    // SAFETY: living objects and strings.
    unsafe {
        tus_upload_options_set_metadata(options.pointer, c"raw".as_ptr(), c"\xff".as_ptr().cast(), 1);
        let info = done(tus_info_free, |out, err| tus_client_upload_file(c, name.as_ptr(), options.pointer, out, err));
        let i = info.pointer;
        assert_eq!((tus_info_offset(i), tus_info_size(i), tus_info_is_complete(i)), (11, 11, 1));
        let expected = path.file_name().unwrap().to_str().unwrap();
        assert_eq!(string(tus_info_metadata_text(i, c"filename".as_ptr())).unwrap(), expected);
        let mut stats: tus_stats = std::mem::zeroed();
        stats.struct_size = size_of::<tus_stats>();
        assert_eq!(tus_info_get_stats(i, &raw mut stats), OK);
        assert_eq!((stats.bytes_sent, stats.bytes_resumed, stats.chunks_completed), (11, 0, 3));
        let lines = world.seen.lines.replace(Vec::new());
        assert_eq!(lines, ["OPTIONS 204", "POST 201", "url", "PATCH 204", "PATCH 204", "PATCH 204"]);
        let tokens = world.server.requests().iter().filter(|r| r.header("X-Token") == Some("fresh")).count();
        assert_eq!(tokens, 5);

        let url = tus_info_url(i);
        let asked = done(tus_info_free, |out, err| tus_client_get_upload_info(c, url, out, err));
        assert_eq!(tus_info_is_complete(asked.pointer), 1);
        let metadata = done(tus_metadata_free, |out, err| tus_client_get_metadata(c, url, out, err));
        assert_eq!(tus_metadata_count(metadata.pointer), 2);
        assert_eq!(string(tus_metadata_text(metadata.pointer, c"filename".as_ptr())).unwrap(), expected);
        assert_eq!(string(tus_metadata_text(metadata.pointer, c"raw".as_ptr())), None);
        let server = done(tus_server_info_free, |out, err| tus_client_get_server_info(c, out, err));
        assert_eq!(tus_server_info_has_extension(server.pointer, c"termination".as_ptr()), 1);
        for _ in 0..2 {
            assert_eq!(tus_client_delete_upload(c, url, null_mut()), OK);
        }
        assert!(world.server.uploads().is_empty());
    }
    std::fs::remove_file(&path).unwrap();
    world.end();
}

/// What [`stop`] frees while it is called, and how far it lets the upload go.
struct Stop {
    options: *mut tus_upload_options,
    source: *mut tus_source,
    client: *mut tus_client,
    at: u64,
}

unsafe extern "C-unwind" fn stop(user_data: *mut c_void, progress: *const tus_progress) -> i32 {
    // SAFETY: registered with a `Stop` that outlives the operation.
    unsafe {
        let stop = &mut *user_data.cast::<Stop>();
        tus_upload_options_free(std::mem::replace(&mut stop.options, null_mut()));
        tus_source_free(std::mem::replace(&mut stop.source, null_mut()));
        tus_client_unref(std::mem::replace(&mut stop.client, null_mut()));
        if (*progress).confirmed >= stop.at { -77 } else { 0 }
    }
}

#[test]
fn a_stopped_upload_is_resumed() {
    let world = world();
    let c = world.client.pointer;
    let options = tus_upload_options_new();
    // Everything is freed by the first call of the callback; the operation goes on with what it holds.
    let mut stop_at = Stop {
        options,
        source: std::mem::ManuallyDrop::new(source()).pointer,
        // SAFETY: a living client.
        client: unsafe { tus_client_ref(c) },
        at: 4,
    };
    let s = stop_at.source;
    let mut err = null_mut();
    // SAFETY: living objects.
    unsafe {
        tus_upload_options_set_progress(options, Some(stop), (&raw mut stop_at).cast(), None);
        let status = tus_client_upload(c, s, options, null_mut(), &raw mut err);
        assert_eq!(status, CALLBACK);
        let error = Own::new(err, tus_error_free);
        let e = error.pointer;
        assert_eq!((tus_error_callback_code(e), tus_error_is_retryable(e)), (-77, 1));
        let url = tus_error_upload_url(e);
        assert!(!url.is_null());

        let source = source();
        let info = done(tus_info_free, |out, err| tus_client_resume_upload(c, source.pointer, url, null(), out, err));
        assert_eq!(tus_info_is_complete(info.pointer), 1);
        let mut stats: tus_stats = std::mem::zeroed();
        stats.struct_size = size_of::<tus_stats>();
        assert_eq!(tus_info_get_stats(info.pointer, &raw mut stats), OK);
        assert_eq!(stats.bytes_resumed, 4);
        // The same source once more.
        let again = done(tus_info_free, |out, err| tus_client_upload(c, source.pointer, null(), out, err));
        assert_eq!(tus_info_is_complete(again.pointer), 1);
    }
    for upload in world.server.uploads() {
        assert_eq!(world.server.upload_bytes(&upload.id).unwrap(), b"hello world");
    }
    world.end();
}

#[test]
fn an_answer_that_ends_it_is_in_the_error() {
    let world = world();
    world.server.script(Rule::on("POST").reply(507).header("X-Reason", "quota").body("no space left"));
    let source = source();
    let mut err = null_mut();
    // SAFETY: living objects.
    unsafe {
        let status = tus_client_upload(world.client.pointer, source.pointer, null(), null_mut(), &raw mut err);
        assert_eq!(status, -60);
        let error = Own::new(err, tus_error_free);
        let e = error.pointer;
        assert_eq!((tus_error_http_status(e), tus_error_callback_code(e)), (507, 1234), "given up by should_retry");
        assert_eq!(string(tus_error_request_method(e)).unwrap(), "POST");
        assert_eq!(string(tus_error_response_header(e, c"x-reason".as_ptr())).unwrap(), "quota");
        let mut length = 0;
        let body = tus_error_response_body(e, &raw mut length);
        assert_eq!(std::slice::from_raw_parts(body.cast::<u8>(), length), b"no space left");
        assert!(tus_error_upload_url(e).is_null());
    }
    assert_eq!(world.seen.lines.borrow().last().unwrap(), "retry 1 after 507");
    world.end();
}

#[test]
fn callbacks_may_use_the_client_but_not_wait_for_it() {
    let world = world();
    *world.seen.client.borrow_mut() = world.client.pointer;
    let source = source();
    // SAFETY: living objects.
    let info = unsafe {
        done(tus_info_free, |out, err| tus_client_upload(world.client.pointer, source.pointer, null(), out, err))
    };
    drop(info);
    let inside = world.seen.inside.replace(Vec::new());
    assert_eq!(inside, [BUSY, OK].repeat(5));
    assert!(world.server.requests().last().unwrap().header("X-Late").is_some());
    world.end();
}
