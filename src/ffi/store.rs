//! A store of the caller's for the URLs of unfinished uploads.

use std::ffi::{c_char, c_void};
use std::mem::size_of;
use std::ptr;
use std::sync::Arc;

use super::callback::{UserData, tus_destroy_fn};
use super::convert::c_string;
use super::guard::outside;
use super::sink::{lend_sink, tus_sink};
use crate::error::{Error, ErrorKind, Result};
use crate::store::{Found, Record, Store, cannot_list, key};

/// A store of the program's for what is known of unfinished uploads: a table with a row for each
/// upload, found by `key` and, within that, by `upload_url`. Set `struct_size` to
/// sizeof(tus_store_vtable) and the rest to functions or NULL.
///
/// A record is bytes that only the library reads, at most 1 MiB; one that is damaged or foreign is
/// passed over. Records are not signed, so keep them where only the program writes; a URL in one
/// counts only at the endpoint's origin or an origin allowed by tus_config_allow_origin. `key` and
/// `upload_url` are UTF-8 without control characters, of any length; whoever has an upload's URL or
/// record may write to the upload, so they are secrets.
///
/// Each function returns 0, or anything else for a fault of the store, which goes to the log as a
/// warning: an upload never fails because of its store. The functions run on any thread, one at a
/// time for one operation, at once for several, and for an upload in parts also while another
/// callback of it runs. A blocking call on the same client from inside them is TUS_E_BUSY. Such a
/// store does not keep two operations or processes from going on with the same upload at once; that
/// of tus_config_set_store_dir does.
///
/// An operation, and tus_uploader_free, waits for each of these functions, whatever its time limit
/// or a cancel says. Once its time is over it calls `put` once more at most, to note how far the
/// upload is; for parts that were being created then, once more for them.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tus_store_vtable {
    /// sizeof(tus_store_vtable), as the program was compiled.
    pub struct_size: usize,
    /// Writes every record under `key` to `out`, each with one call of tus_sink_write, in any order;
    /// none is a success too. Must not be NULL.
    pub find:
        Option<unsafe extern "C-unwind" fn(user_data: *mut c_void, key: *const c_char, out: *mut tus_sink) -> i32>,
    /// Adds the record of an upload under `key`, or replaces the one of the same `key` and
    /// `upload_url` as a whole. When it returns, the record should outlive a crash. Must not be
    /// NULL.
    pub put: Option<
        unsafe extern "C-unwind" fn(
            user_data: *mut c_void,
            key: *const c_char,
            upload_url: *const c_char,
            record: *const c_void,
            len: usize,
        ) -> i32,
    >,
    /// Removes the record of an upload; it is no fault if there is none. Must not be NULL.
    pub remove: Option<
        unsafe extern "C-unwind" fn(user_data: *mut c_void, key: *const c_char, upload_url: *const c_char) -> i32,
    >,
    /// Writes every record of the store to `out`, each with one call of tus_sink_write, in any
    /// order. NULL: this store cannot; then tus_client_prune_store, tus_client_list_stored and
    /// tus_client_forget are TUS_E_UNSUPPORTED.
    pub list: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void, out: *mut tus_sink) -> i32>,
    /// Releases `user_data`, exactly once; see tus_destroy_fn. May be NULL.
    pub destroy: tus_destroy_fn,
}

/// Structures larger than this are not newer ones but uninitialised ones.
const ABSURD_STRUCT: usize = 4096;

/// A store of the caller's. Takes charge of the data as soon as the structure can be read.
///
/// # Safety
///
/// - `vtable` is not NULL and points to a structure that is as large as its first member says.
pub(super) unsafe fn callers_store(vtable: *const tus_store_vtable, user_data: *mut c_void) -> Result<Arc<dyn Store>> {
    // SAFETY: it has at least its first member.
    let size = unsafe { ptr::read_unaligned(vtable.cast::<usize>()) };
    if !(size_of::<tus_store_vtable>()..=ABSURD_STRUCT).contains(&size) {
        let message = format!("vtable->struct_size is {size}; it must be sizeof(tus_store_vtable)");
        return Err(Error::invalid(message));
    }
    // SAFETY: as large as the structure of this version, or larger with members that it does not know.
    let vtable = unsafe { ptr::read_unaligned(vtable) };
    let data = UserData::new(user_data, vtable.destroy);
    let missing = |name: &str| Error::invalid(format!("vtable->{name} is NULL: there is no store without it"));
    Ok(Arc::new(CallersStore {
        find: vtable.find.ok_or_else(|| missing("find"))?,
        put: vtable.put.ok_or_else(|| missing("put"))?,
        remove: vtable.remove.ok_or_else(|| missing("remove"))?,
        list: vtable.list,
        data,
    }))
}

struct CallersStore {
    find: unsafe extern "C-unwind" fn(*mut c_void, *const c_char, *mut tus_sink) -> i32,
    put: unsafe extern "C-unwind" fn(*mut c_void, *const c_char, *const c_char, *const c_void, usize) -> i32,
    remove: unsafe extern "C-unwind" fn(*mut c_void, *const c_char, *const c_char) -> i32,
    list: Option<unsafe extern "C-unwind" fn(*mut c_void, *mut tus_sink) -> i32>,
    data: UserData,
}

impl Store for CallersStore {
    fn find(&self, key: &str) -> Result<Found> {
        let (key, sink) = (c_string(key), lend_sink());
        let data = self.data.pointer();
        // SAFETY: the caller registered this function to be called with this data, a string and a sink.
        told("find", outside(|| unsafe { (self.find)(data, key.as_ptr(), sink.as_c().cast_mut()) }))?;
        Ok(Found { records: sink.take(), skipped: Vec::new() })
    }

    fn put(&self, key: &str, url: &str, record: &[u8]) -> Result<()> {
        let (key, url) = (c_string(key), c_string(url));
        let (data, bytes, length) = (self.data.pointer(), record.as_ptr().cast(), record.len());
        // SAFETY: the caller registered this function to be called with this data, two strings and bytes.
        told("put", outside(|| unsafe { (self.put)(data, key.as_ptr(), url.as_ptr(), bytes, length) }))
    }

    fn remove(&self, key: &str, url: &str) -> Result<()> {
        let (key, url) = (c_string(key), c_string(url));
        let data = self.data.pointer();
        // SAFETY: the caller registered this function to be called with this data and two strings.
        told("remove", outside(|| unsafe { (self.remove)(data, key.as_ptr(), url.as_ptr()) }))
    }

    fn list(&self) -> Result<Found> {
        let Some(list) = self.list else { return Err(cannot_list()) };
        let (data, sink) = (self.data.pointer(), lend_sink());
        // SAFETY: the caller registered this function to be called with this data and a sink.
        told("list", outside(|| unsafe { list(data, sink.as_c().cast_mut()) }))?;
        Ok(Found { records: sink.take(), skipped: Vec::new() })
    }

    fn prune(&self, is_stale: &dyn Fn(&Record) -> bool) -> Result<u64> {
        let mut removed = 0;
        let records = self.list()?.records;
        for record in records.iter().filter_map(|bytes| Record::from_bytes(bytes).ok()) {
            if is_stale(&record) {
                self.remove(&key(&record.endpoint, record.size), &record.url)?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}

fn told(function: &str, code: i32) -> Result<()> {
    match code {
        0 => Ok(()),
        code => {
            let message = format!("the store's {function} returned {code}");
            Err(Error::new(ErrorKind::Store, message).with_callback_code(code))
        }
    }
}
