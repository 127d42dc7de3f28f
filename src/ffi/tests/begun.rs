//! What the tests of tasks have in common: the functions that begin them, and what is heard of their end.

use std::ffi::{CString, c_char, c_void};
use std::ptr::{null, null_mut};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tus_test_server::{Options, Server};

use super::super::*;
use super::fixture::*;

pub(super) const FOREVER: i64 = -1;

/// Begins a task: the parameters that all such functions share.
pub(super) type Beginning<'a> =
    Box<dyn Fn(tus_done_fn, *mut c_void, tus_destroy_fn, *mut *mut tus_task, *mut *mut tus_error) -> tus_status + 'a>;

/// Every function that begins a task.
pub(super) fn beginnings<'a>(
    c: *mut tus_client,
    s: *mut tus_source,
    o: *const tus_upload_options,
    url: *const c_char,
    u: *mut tus_uploader,
) -> Vec<(&'static str, Beginning<'a>)> {
    macro_rules! all {
        ($($name:ident($($argument:expr),*);)*) => {
            vec![$((
                stringify!($name),
                // SAFETY: the arguments are the test's to choose.
                Box::new(move |done, data, destroy, out, err| unsafe {
                    $name($($argument,)* done, data, destroy, out, err)
                }) as Beginning<'a>,
            ),)*]
        };
    }
    all! {
        tus_client_upload_file_async(c, FILE.as_ptr(), o);
        tus_client_upload_async(c, s, o);
        tus_client_resume_upload_async(c, s, url, o);
        tus_client_create_partial_upload_async(c, s, o);
        tus_client_create_final_upload_async(c, [url].as_ptr(), 1, o);
        tus_client_create_deferred_upload_async(c, o);
        tus_client_get_upload_info_async(c, url);
        tus_client_get_metadata_async(c, url);
        tus_client_get_server_info_async(c);
        tus_client_delete_upload_async(c, url);
        tus_client_find_previous_uploads_async(c, s);
        tus_client_prune_store_async(c, 0);
        tus_client_create_uploader_async(c, s, o);
        tus_uploader_upload_async(u);
        tus_uploader_upload_chunk_async(u);
    }
}

pub(super) fn client_at(server: &Server, change: impl FnOnce(*mut tus_config)) -> Own<tus_client> {
    let (config, endpoint) = (config(), CString::new(server.endpoint()).unwrap());
    // SAFETY: living objects and strings.
    unsafe {
        tus_config_set_url(config.pointer, endpoint.as_ptr());
        tus_config_set_proxy(config.pointer, null());
        tus_config_set_chunk_size(config.pointer, 4);
        tus_config_set_retry(config.pointer, 0, 1, 1);
    }
    change(config.pointer);
    client_of(&config)
}

pub(super) fn server() -> Server {
    Server::start(Options::default()).unwrap()
}

/// Begins a task that must begin.
pub(super) fn begun(call: impl FnOnce(*mut *mut tus_task, *mut *mut tus_error) -> tus_status) -> Own<tus_task> {
    let (mut task, mut err) = (null_mut(), null_mut());
    if call(&raw mut task, &raw mut err) != OK {
        panic!("{:?}", taken(err));
    }
    Own::new(task, tus_task_unref)
}

/// Begins a task that nothing is told of, and waits for it.
pub(super) fn ended(
    call: impl FnOnce(tus_done_fn, *mut c_void, tus_destroy_fn, *mut *mut tus_task, *mut *mut tus_error) -> tus_status,
) -> Own<tus_task> {
    let task = begun(|out, err| call(None, null_mut(), None, out, err));
    // SAFETY: a living task.
    unsafe { assert_eq!(tus_task_wait(task.pointer, FOREVER), OK) };
    task
}

/// How a task that is over ended: status and message.
pub(super) fn outcome(task: &Own<tus_task>) -> (tus_status, Option<String>) {
    let mut err = null();
    // SAFETY: a living task, whose error is borrowed.
    unsafe {
        let status = tus_task_result(task.pointer, &raw mut err);
        (status, (!err.is_null()).then(|| string(tus_error_message(err)).unwrap()))
    }
}

/// What a `done` saw, and whether `destroy` ran after it.
#[derive(Default)]
pub(super) struct Heard {
    pub(super) destroyed: AtomicUsize,
    pub(super) tasks: Mutex<Vec<(usize, tus_status)>>,
}

impl Heard {
    pub(super) fn data(&self) -> *mut c_void {
        std::ptr::from_ref(self).cast_mut().cast()
    }

    pub(super) fn times(&self) -> (usize, usize) {
        (self.tasks.lock().unwrap().len(), self.destroyed.load(Ordering::SeqCst))
    }
}

pub(super) unsafe extern "C-unwind" fn hear(user_data: *mut c_void, task: *mut tus_task) {
    // SAFETY: registered with a `Heard` that outlives the task.
    unsafe {
        let heard = &*user_data.cast::<Heard>();
        assert_eq!(tus_task_is_done(task), 1);
        assert_eq!(heard.destroyed.load(Ordering::SeqCst), 0);
        std::thread::sleep(Duration::from_millis(5));
        heard.tasks.lock().unwrap().push((task as usize, tus_task_result(task, null_mut())));
    }
}

pub(super) unsafe extern "C-unwind" fn let_go(user_data: *mut c_void) {
    // SAFETY: as registered.
    unsafe { &*user_data.cast::<Heard>() }.destroyed.fetch_add(1, Ordering::SeqCst);
}

/// Waits for something that is about to happen.
pub(super) fn soon(what: impl Fn() -> bool) {
    let begun = Instant::now();
    while !what() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it does not happen");
        std::thread::sleep(Duration::from_millis(1));
    }
}
