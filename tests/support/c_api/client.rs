//! `tus_client` and its results.

use std::ffi::{c_char, c_void};
use std::path::Path;
use std::ptr;

use tus::ffi::{
    self, tus_client, tus_error, tus_info, tus_metadata, tus_server_info, tus_source, tus_stats, tus_status,
};

use super::config::{ALGORITHMS, config, options};
use super::failure::checked;
use super::text::{bytes, c_path, c_string, owned};
use super::{task, uploader};
use crate::support::api::{Operations, Source};
use crate::support::failure::Failure;
use crate::support::result::{Done, Metadata, Offer, Stats};
use crate::support::setup::{Job, Setup};

/// How the operations are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::support) enum Calls {
    Blocking,
    Tasks,
    /// Blocking, but uploads and resumes by a `tus_uploader`.
    Chunkwise,
}

/// The data of a function that is not called.
const NO_DATA: *mut c_void = ptr::null_mut();

pub(in crate::support) fn client(setup: &Setup, calls: Calls) -> Result<Box<dyn Operations>, Failure> {
    let config = config(setup)?;
    let mut client = ptr::null_mut();
    // SAFETY: the configuration is alive, `client` and `err` have room for a pointer.
    checked(|err| unsafe { ffi::tus_client_new(config.0, &raw mut client, err) })?;
    assert!(!client.is_null());
    Ok(Box::new(CClient(client, calls)))
}

/// A client, given back when dropped.
struct CClient(*mut tus_client, Calls);

// SAFETY: the header says that a client may be used on any thread.
unsafe impl Send for CClient {}
// SAFETY: and on any number of them at once.
unsafe impl Sync for CClient {}

impl Drop for CClient {
    fn drop(&mut self) {
        // SAFETY: our only count.
        unsafe { ffi::tus_client_unref(self.0) };
    }
}

impl Operations for CClient {
    fn upload(&self, source: &mut Source, job: &Job) -> Result<Done, Failure> {
        let options = options(job)?;
        let source = own(source);
        let (client, options) = (self.0, options.0);
        // SAFETY: client, source and options are alive; `out`, `task` and `err` have room for a pointer.
        unsafe {
            match self.1 {
                Calls::Blocking => info(|out, err| ffi::tus_client_upload(client, source, options, out, err)),
                Calls::Tasks => task::info(|task, err| {
                    ffi::tus_client_upload_async(client, source, options, None, NO_DATA, None, task, err)
                }),
                Calls::Chunkwise => uploader::upload(client, source, options),
            }
        }
    }

    fn resume(&self, source: &mut Source, url: &str, job: &Job) -> Result<Done, Failure> {
        let (options, url) = (options(job)?, c_string(url)?);
        let source = own(source);
        let (client, options) = (self.0, options.0);
        // SAFETY: client, source, URL and options are alive; `out`, `task` and `err` have room for a pointer.
        unsafe {
            match self.1 {
                Calls::Blocking => {
                    info(|out, err| ffi::tus_client_resume_upload(client, source, url.as_ptr(), options, out, err))
                }
                Calls::Tasks => task::info(|task, err| {
                    let url = url.as_ptr();
                    ffi::tus_client_resume_upload_async(client, source, url, options, None, NO_DATA, None, task, err)
                }),
                Calls::Chunkwise => uploader::resume(client, source, &url, options),
            }
        }
    }

    fn upload_file(&self, path: &Path, job: &Job) -> Result<Done, Failure> {
        let (options, path) = (options(job)?, c_path(path)?);
        let (client, path, options) = (self.0, path.as_ptr(), options.0);
        // SAFETY: client, path and options are alive; `out`, `task` and `err` have room for a pointer.
        unsafe {
            match self.1 {
                // An uploader takes no name of a file.
                Calls::Blocking | Calls::Chunkwise => {
                    info(|out, err| ffi::tus_client_upload_file(client, path, options, out, err))
                }
                Calls::Tasks => task::info(|task, err| {
                    ffi::tus_client_upload_file_async(client, path, options, None, NO_DATA, None, task, err)
                }),
            }
        }
    }

    fn metadata(&self, url: &str) -> Result<Metadata, Failure> {
        let url = c_string(url)?;
        let (client, url, mut metadata) = (self.0, url.as_ptr(), ptr::null_mut());
        // SAFETY: client and URL are alive; `metadata`, `task` and `err` have room for a pointer.
        unsafe {
            if self.1 == Calls::Tasks {
                let submit =
                    |task, err| ffi::tus_client_get_metadata_async(client, url, None, NO_DATA, None, task, err);
                metadata = ffi::tus_task_take_metadata(task::run(submit)?.0);
            } else {
                checked(|err| ffi::tus_client_get_metadata(client, url, &raw mut metadata, err))?;
            }
        }
        assert!(!metadata.is_null());
        // SAFETY: ours, alive until it is freed, once.
        unsafe {
            let pairs = (0..ffi::tus_metadata_count(metadata)).map(|index| pair(metadata, index)).collect();
            ffi::tus_metadata_free(metadata);
            Ok(pairs)
        }
    }

    fn info(&self, url: &str) -> Result<Done, Failure> {
        let url = c_string(url)?;
        let (client, url) = (self.0, url.as_ptr());
        // SAFETY: client and URL are alive; `out`, `task` and `err` have room for a pointer.
        unsafe {
            if self.1 == Calls::Tasks {
                return task::info(|task, err| {
                    ffi::tus_client_get_upload_info_async(client, url, None, NO_DATA, None, task, err)
                });
            }
            info(|out, err| ffi::tus_client_get_upload_info(client, url, out, err))
        }
    }

    fn server_info(&self) -> Result<Offer, Failure> {
        let (client, mut info) = (self.0, ptr::null_mut());
        // SAFETY: the client is alive; `info`, `task` and `err` have room for a pointer.
        unsafe {
            if self.1 == Calls::Tasks {
                let submit = |task, err| ffi::tus_client_get_server_info_async(client, None, NO_DATA, None, task, err);
                info = ffi::tus_task_take_server_info(task::run(submit)?.0);
            } else {
                checked(|err| ffi::tus_client_get_server_info(client, &raw mut info, err))?;
            }
        }
        assert!(!info.is_null());
        // SAFETY: ours, alive until it is freed, once.
        unsafe {
            let offer = offer(info);
            ffi::tus_server_info_free(info);
            Ok(offer)
        }
    }

    fn delete(&self, url: &str) -> Result<(), Failure> {
        let url = c_string(url)?;
        let (client, url) = (self.0, url.as_ptr());
        // SAFETY: client and URL are alive; `task` and `err` have room for a pointer.
        unsafe {
            if self.1 == Calls::Tasks {
                let submit =
                    |task, err| ffi::tus_client_delete_upload_async(client, url, None, NO_DATA, None, task, err);
                return task::run(submit).map(drop);
            }
            checked(|err| ffi::tus_client_delete_upload(client, url, err))
        }
    }

    fn set_header(&self, name: &str, value: Option<&str>) -> Result<(), Failure> {
        let (name, value) = (c_string(name)?, value.map(c_string).transpose()?);
        let value = value.as_ref().map_or(ptr::null(), |value| value.as_ptr());
        // SAFETY: client and strings are alive; `err` has room for a pointer.
        checked(|err| unsafe { ffi::tus_client_set_header(self.0, name.as_ptr(), value, err) })
    }
}

fn own(source: &mut Source) -> *mut tus_source {
    match source {
        Source::C(source) => source.0,
        Source::Rust(_) => panic!("a source of the other face"),
    }
}

/// The outcome of a call that gives a `tus_info`.
pub(super) fn info(call: impl FnOnce(*mut *mut tus_info, *mut *mut tus_error) -> tus_status) -> Result<Done, Failure> {
    let mut info = ptr::null_mut();
    let result = checked(|err| call(&raw mut info, err));
    assert_eq!(result.is_ok(), !info.is_null(), "a result of a call that went well, and only then");
    result?;
    // SAFETY: ours, alive until it is freed, once.
    unsafe {
        let done = done(info);
        ffi::tus_info_free(info);
        Ok(done)
    }
}

/// # Safety
///
/// - `info` is alive.
pub(super) unsafe fn done(info: *const tus_info) -> Done {
    // SAFETY: the same condition; what is lent is copied at once.
    unsafe {
        let (mut metadata, mut text) = (Vec::new(), Vec::new());
        let pairs = ffi::tus_info_metadata_object(info);
        for index in 0..ffi::tus_metadata_count(pairs) {
            let key = ffi::tus_metadata_key_at(pairs, index);
            let value = ffi::tus_metadata_value_at(pairs, index, ptr::null_mut());
            assert_eq!(ffi::tus_metadata_value(pairs, key, ptr::null_mut()), value, "by number and by key");
            assert_eq!(ffi::tus_info_metadata(info, key, ptr::null_mut()), value, "at either object");
            text.push((owned(key).expect("a key"), owned(ffi::tus_metadata_text(pairs, key))));
            metadata.push(pair(pairs, index));
        }
        let size = ffi::tus_info_size(info);
        let expires = ffi::tus_info_expires(info);
        let checksum = ffi::tus_info_checksum(info);
        let warnings = (0..ffi::tus_info_warning_count(info))
            .map(|index| owned(ffi::tus_info_warning(info, index)).expect("a warning"))
            .collect();
        Done {
            url: owned(ffi::tus_info_url(info)).expect("a URL"),
            offset: ffi::tus_info_offset(info),
            size: (size != ffi::TUS_SIZE_UNKNOWN).then_some(size),
            complete: ffi::tus_info_is_complete(info) != 0,
            expires: (expires != 0).then_some(expires),
            checksum: ALGORITHMS.iter().find(|(_, number)| *number == checksum).map(|(algorithm, _)| *algorithm),
            warnings,
            metadata,
            text,
            stats: stats(info),
        }
    }
}

/// # Safety
///
/// - `metadata` is alive and has more than `index` pairs.
unsafe fn pair(metadata: *const tus_metadata, index: usize) -> (String, Vec<u8>) {
    let mut length = 0;
    // SAFETY: the same condition; what is lent is copied at once.
    unsafe {
        let value = ffi::tus_metadata_value_at(metadata, index, &raw mut length);
        (owned(ffi::tus_metadata_key_at(metadata, index)).expect("a key"), bytes(value, length))
    }
}

/// # Safety
///
/// - `info` is alive.
unsafe fn stats(info: *const tus_info) -> Stats {
    // SAFETY: a record of numbers.
    let mut stats: tus_stats = unsafe { std::mem::zeroed() };
    stats.struct_size = size_of::<tus_stats>();
    // SAFETY: the same condition; the record says its size.
    assert_eq!(unsafe { ffi::tus_info_get_stats(info, &raw mut stats) }, 0);
    Stats {
        resumed: stats.bytes_resumed,
        sent: stats.bytes_sent,
        requests: stats.requests,
        retries: stats.retries,
        chunks_completed: stats.chunks_completed,
        chunks_failed: stats.chunks_failed,
    }
}

/// # Safety
///
/// - `info` is alive.
unsafe fn offer(info: *const tus_server_info) -> Offer {
    // SAFETY: the same condition; what is lent is copied at once.
    unsafe {
        let list = |count: usize, at: unsafe extern "C" fn(*const tus_server_info, usize) -> *const c_char| {
            (0..count).map(|index| owned(at(info, index)).expect("a name")).collect::<Vec<_>>()
        };
        let max_size = ffi::tus_server_info_max_size(info);
        let extensions = ffi::tus_server_info_extension_count(info);
        let algorithms = ffi::tus_server_info_checksum_algorithm_count(info);
        Offer {
            versions: list(ffi::tus_server_info_version_count(info), ffi::tus_server_info_version_at),
            extensions: list(extensions, ffi::tus_server_info_extension_at),
            max_size: (max_size != ffi::TUS_SIZE_UNKNOWN).then_some(max_size),
            algorithms: list(algorithms, ffi::tus_server_info_checksum_algorithm_at),
        }
    }
}
