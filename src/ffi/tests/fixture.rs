//! What the tests hand to the exports: objects that free themselves, counters for callbacks, strings.

use std::ffi::{CStr, c_char, c_void};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::super::error::Failure;
use super::super::info::give_info;
use super::super::metadata::give_metadata;
use super::super::previous::list_of;
use super::super::server_info::give_server_info;
use super::super::*;
use crate::engine::info::{ConcatKind, PreviousUpload, ServerInfo, Stats, UploadInfo};
use crate::error::{Error, ErrorKind};
use crate::protocol::answer::Answer;
use crate::protocol::checksum::Algorithm;
use crate::protocol::metadata::Metadata;
use crate::protocol::url::AbsoluteUrl;
use crate::warning::{Warning, WarningKind};

pub(super) const OK: tus_status = 0;
pub(super) const INVALID: tus_status = -1;

/// An object of the library's, freed at the end.
pub(super) struct Own<C> {
    pub(super) pointer: *mut C,
    free: unsafe extern "C" fn(*mut C),
}

impl<C> Own<C> {
    pub(super) fn new(pointer: *mut C, free: unsafe extern "C" fn(*mut C)) -> Self {
        assert!(!pointer.is_null());
        Own { pointer, free }
    }
}

impl<C> Drop for Own<C> {
    fn drop(&mut self) {
        // SAFETY: the library made it, and nobody else frees it.
        unsafe { (self.free)(self.pointer) }
    }
}

pub(super) fn config() -> Own<tus_config> {
    Own::new(tus_config_new(), tus_config_free)
}

pub(super) fn options() -> Own<tus_upload_options> {
    Own::new(tus_upload_options_new(), tus_upload_options_free)
}

/// A client of a port where nobody listens, without retries.
pub(super) fn client() -> Own<tus_client> {
    let config = config();
    // SAFETY: valid arguments.
    unsafe {
        assert_eq!(tus_config_set_url(config.pointer, c"http://127.0.0.1:1/files/".as_ptr()), OK);
        assert_eq!(tus_config_set_proxy(config.pointer, ptr::null()), OK);
        assert_eq!(tus_config_set_retry(config.pointer, 0, 1, 1), OK);
    }
    client_of(&config)
}

pub(super) fn client_of(config: &Own<tus_config>) -> Own<tus_client> {
    let mut client = ptr::null_mut();
    // SAFETY: valid arguments.
    assert_eq!(unsafe { tus_client_new(config.pointer, &raw mut client, ptr::null_mut()) }, OK);
    Own::new(client, tus_client_unref)
}

pub(super) fn writer(size: u64, capacity: usize) -> (Own<tus_writer>, Own<tus_source>) {
    let (mut writer, mut source) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: valid arguments.
    let status = unsafe { tus_writer_new(size, capacity, &raw mut writer, &raw mut source, ptr::null_mut()) };
    assert_eq!(status, OK);
    (Own::new(writer, tus_writer_free), Own::new(source, tus_source_free))
}

pub(super) fn source() -> Own<tus_source> {
    static BYTES: &[u8] = b"hello world";
    let mut source = ptr::null_mut();
    // SAFETY: valid arguments, and static bytes need no release.
    let status = unsafe {
        tus_source_memory(BYTES.as_ptr().cast(), BYTES.len(), None, ptr::null_mut(), &raw mut source, ptr::null_mut())
    };
    assert_eq!(status, OK);
    Own::new(source, tus_source_free)
}

pub(super) fn url(text: &str) -> AbsoluteUrl {
    AbsoluteUrl::parse(text).unwrap().0
}

pub(super) fn upload_info() -> UploadInfo {
    let mut metadata = Metadata::new();
    metadata.set("name", "straße".as_bytes()).unwrap();
    metadata.set("raw", [1, 0, 255]).unwrap();
    metadata.set("empty", "").unwrap();
    metadata.set("nul", "a\0b").unwrap();
    UploadInfo {
        url: url("http://h/files/1?sig=secret"),
        offset: 7,
        size: Some(11),
        complete: false,
        metadata,
        text: vec![
            ("name".into(), Some("straße".into())),
            ("raw".into(), None),
            ("empty".into(), Some(String::new())),
            ("nul".into(), Some("a\0b".into())),
        ],
        expires: Some(784_111_777),
        concat: ConcatKind::Partial,
        checksum: Some(Algorithm::Sha512),
        warnings: vec![
            Warning::from("odd"),
            Warning::new(WarningKind::LeftOnServer, "a part").about(&url("http://h/files/2")),
        ],
        stats: Stats {
            bytes_resumed: 1,
            bytes_sent: 2,
            requests: 3,
            retries: 4,
            chunks_completed: 5,
            chunks_failed: 6,
            elapsed: Duration::from_micros(6001),
            bytes_total: Some(11),
            bytes_confirmed: 7,
            chunks_retried: 8,
            chunks_total: 9,
            started_ms: 10,
            speed: 0.5,
            eta: Some(Duration::from_millis(12)),
        },
    }
}

pub(super) fn info() -> Own<tus_info> {
    let mut info = ptr::null_mut();
    // SAFETY: memory for a pointer.
    unsafe { give_info(&raw mut info, upload_info()) };
    Own::new(info, tus_info_free)
}

pub(super) fn metadata() -> Own<tus_metadata> {
    let mut metadata = ptr::null_mut();
    let info = upload_info();
    // SAFETY: memory for a pointer.
    unsafe { give_metadata(&raw mut metadata, &info.metadata, &info.text) };
    Own::new(metadata, tus_metadata_free)
}

pub(super) fn server_info() -> Own<tus_server_info> {
    let info = ServerInfo {
        versions: vec!["1.0.0".into(), "0.2.2".into()],
        extensions: vec!["creation".into(), "termination".into(), "x\0y".into()],
        max_size: Some(1 << 40),
        checksum_algorithms: vec!["sha1".into()],
    };
    let mut made = ptr::null_mut();
    // SAFETY: memory for a pointer.
    unsafe { give_server_info(&raw mut made, &info) };
    Own::new(made, tus_server_info_free)
}

/// One upload in parts of which the second is not there yet, and one of which next to nothing is known.
pub(super) fn previous_list() -> Own<tus_previous_list> {
    let in_parts = PreviousUpload {
        url: "http://h/files/1".into(),
        fingerprint: Some("size:11--sha256:ab".into()),
        offset: 7,
        size: 11,
        expires: Some(784_111_777),
        created: 784_000_000,
        parts: vec!["http://h/files/1".into(), String::new()],
    };
    let bare = PreviousUpload {
        url: "http://h/files/2".into(),
        fingerprint: None,
        offset: 0,
        size: 11,
        expires: None,
        created: 1,
        parts: Vec::new(),
    };
    Own::new(list_of(vec![in_parts, bare]), tus_previous_list_free)
}

pub(super) fn answer(status: u16) -> Answer {
    let headers = [("X-Reason".to_owned(), "full".to_owned()), ("x-reason".to_owned(), "second".to_owned())];
    Answer::new(status, headers.into_iter().collect(), b"no space left")
}

/// An error with everything in it.
pub(super) fn full_error() -> Error {
    let cause = Arc::new(std::io::Error::from_raw_os_error(104));
    Error::new(ErrorKind::HttpStatus, "the server refused the chunk")
        .with_cause(cause)
        .with_os_code(Some(104))
        .with_request("PATCH", url("http://h/files/1?sig=secret"))
        .with_answer(answer(507))
        .with_upload_url(Some(url("http://h/files/1?sig=secret")))
        .with_resume_token(Some("tus1.0.x".to_owned()))
        .with_retryable(true)
}

pub(super) fn error() -> Own<tus_error> {
    Own::new(Failure::from(full_error()).into_object(), tus_error_free)
}

/// A string handed out by the library.
pub(super) fn string(pointer: *const c_char) -> Option<String> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: the library hands out NUL-terminated strings.
    Some(unsafe { CStr::from_ptr(pointer) }.to_str().unwrap().to_owned())
}

/// What `*err` holds: status and message. Frees it.
pub(super) fn taken(err: *mut tus_error) -> (tus_status, String) {
    let error = Own::new(err, tus_error_free);
    // SAFETY: a living error.
    unsafe { (tus_error_status(error.pointer), string(tus_error_message(error.pointer)).unwrap()) }
}

/// Strings that are not UTF-8.
pub(super) const NOT_UTF8: &CStr = c"a\xff";

/// A regular file that is always there.
pub(super) const FILE: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml\0").as_bytes()) {
        Ok(path) => path,
        Err(_) => unreachable!(),
    };

/// Counts how often its `destroy` runs.
#[derive(Default)]
pub(super) struct Destroyed(AtomicUsize);

impl Destroyed {
    pub(super) fn data(&self) -> *mut c_void {
        ptr::from_ref(self).cast_mut().cast()
    }

    pub(super) fn times(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// The `destroy` to [`Destroyed::data`].
pub(super) unsafe extern "C-unwind" fn destroy(user_data: *mut c_void) {
    // SAFETY: registered with a `Destroyed` that outlives the registration.
    unsafe { &*user_data.cast::<Destroyed>() }.0.fetch_add(1, Ordering::SeqCst);
}
