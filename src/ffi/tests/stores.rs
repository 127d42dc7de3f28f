//! A store of the caller's: what its functions get, what becomes of their answers, and that it is destroyed once.

use std::cell::RefCell;
use std::ffi::{c_char, c_void};
use std::sync::Arc;

use super::super::handle::state;
use super::super::*;
use super::fixture::*;
use crate::error::ErrorKind;
use crate::store::{Record, Store};

/// What the functions write down and answer with.
#[derive(Default)]
struct Table {
    lines: RefCell<Vec<String>>,
    records: Vec<Vec<u8>>,
    code: i32,
    destroyed: Destroyed,
}

impl Table {
    fn data(&self) -> *mut c_void {
        std::ptr::from_ref(self).cast_mut().cast()
    }

    unsafe fn at<'a>(user_data: *mut c_void) -> &'a Table {
        // SAFETY: the tests register a `Table` that outlives the store.
        unsafe { &*user_data.cast() }
    }

    fn write(&self, line: String) -> i32 {
        self.lines.borrow_mut().push(line);
        self.code
    }

    fn hand_out(&self, out: *mut tus_sink) {
        for record in &self.records {
            // SAFETY: the library's sink.
            assert_eq!(unsafe { tus_sink_write(out, record.as_ptr().cast(), record.len()) }, OK);
        }
    }
}

unsafe extern "C-unwind" fn find(user_data: *mut c_void, key: *const c_char, out: *mut tus_sink) -> i32 {
    // SAFETY: as registered.
    let table = unsafe { Table::at(user_data) };
    table.hand_out(out);
    table.write(format!("find {}", string(key).unwrap()))
}

unsafe extern "C-unwind" fn put(
    user_data: *mut c_void,
    key: *const c_char,
    url: *const c_char,
    record: *const c_void,
    len: usize,
) -> i32 {
    // SAFETY: as registered; the library's bytes.
    let (table, record) = unsafe { (Table::at(user_data), std::slice::from_raw_parts(record.cast::<u8>(), len)) };
    table.write(format!("put {} {} {record:?}", string(key).unwrap(), string(url).unwrap()))
}

unsafe extern "C-unwind" fn remove(user_data: *mut c_void, key: *const c_char, url: *const c_char) -> i32 {
    // SAFETY: as registered.
    unsafe { Table::at(user_data) }.write(format!("remove {} {}", string(key).unwrap(), string(url).unwrap()))
}

unsafe extern "C-unwind" fn list(user_data: *mut c_void, out: *mut tus_sink) -> i32 {
    // SAFETY: as registered.
    let table = unsafe { Table::at(user_data) };
    table.hand_out(out);
    table.write("list".into())
}

unsafe extern "C-unwind" fn end(user_data: *mut c_void) {
    // SAFETY: as registered.
    unsafe { destroy(Table::at(user_data).destroyed.data()) };
}

const VTABLE: tus_store_vtable = tus_store_vtable {
    struct_size: size_of::<tus_store_vtable>(),
    find: Some(find),
    put: Some(put),
    remove: Some(remove),
    list: Some(list),
    destroy: Some(end),
};

/// The store as the engine gets it; the configuration keeps it too.
fn store_of(config: &Own<tus_config>) -> Arc<dyn Store> {
    // SAFETY: a living configuration.
    unsafe { state(config.pointer.cast_const(), "c") }.unwrap().copy().unwrap().store.unwrap()
}

fn registered(table: &Table, vtable: tus_store_vtable) -> Own<tus_config> {
    let config = config();
    // SAFETY: a living configuration, and a table that outlives it.
    assert_eq!(unsafe { tus_config_set_store(config.pointer, &raw const vtable, table.data()) }, OK);
    config
}

fn record(url: &str, created: u64) -> Record {
    let endpoint = "http://h/files/".to_owned();
    Record { url: url.to_owned(), endpoint, size: 11, created, ..Record::default() }
}

#[test]
fn calls_and_answers_get_through() {
    let table = Table { records: vec![b"a\0b".to_vec(), Vec::new()], ..Table::default() };
    let config = registered(&table, VTABLE);
    let store = store_of(&config);
    assert_eq!(store.find("k").unwrap().records, table.records);
    store.put("k", "u", b"r\0").unwrap();
    store.remove("k", "u").unwrap();
    assert_eq!(*table.lines.borrow(), ["find k", "put k u [114, 0]", "remove k u"]);
    assert!(!store.claim("k", "u").unwrap().unwrap().is_guarded());
    drop(config);
    assert_eq!(table.destroyed.times(), 0, "a client may have it");
    drop(store);
    assert_eq!(table.destroyed.times(), 1);
}

#[test]
fn a_fault_keeps_its_number() {
    let table = Table { code: 7, ..Table::default() };
    let config = registered(&table, VTABLE);
    let store = store_of(&config);
    for error in [
        store.find("k").unwrap_err(),
        store.put("k", "u", b"").unwrap_err(),
        store.remove("k", "u").unwrap_err(),
        store.prune(&|_| true).unwrap_err(),
    ] {
        assert_eq!((error.kind(), error.callback_code()), (ErrorKind::Store, Some(7)));
        assert!(error.to_string().ends_with("returned 7"), "{error}");
    }
}

#[test]
fn stale_records_are_removed_one_by_one() {
    let records = [record("http://h/files/1", 5), record("http://h/files/2", 500)].map(|record| record.to_bytes());
    let records = [&records[..], &[b"rubbish".to_vec()]].concat();
    let table = Table { records, ..Table::default() };
    let config = registered(&table, VTABLE);
    assert_eq!(store_of(&config).prune(&|record| record.created < 100).unwrap(), 1);
    assert_eq!(*table.lines.borrow(), ["list", "remove size:11 http://h/files/ http://h/files/1"]);
    let unlisted = Table::default();
    let config = registered(&unlisted, tus_store_vtable { list: None, ..VTABLE });
    assert_eq!(store_of(&config).prune(&|_| true).unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn bad_vtables_are_refused_and_the_data_released() {
    let full = size_of::<tus_store_vtable>();
    for (what, vtable, destroyed) in [
        ("size 0", tus_store_vtable { struct_size: 0, ..VTABLE }, 0),
        ("too small", tus_store_vtable { struct_size: full - 1, ..VTABLE }, 0),
        ("absurd", tus_store_vtable { struct_size: usize::MAX, ..VTABLE }, 0),
        ("no find", tus_store_vtable { find: None, ..VTABLE }, 1),
        ("no put", tus_store_vtable { put: None, ..VTABLE }, 1),
        ("no remove", tus_store_vtable { remove: None, ..VTABLE }, 1),
    ] {
        let (config, table) = (config(), Table::default());
        // SAFETY: living objects.
        let status = unsafe { tus_config_set_store(config.pointer, &raw const vtable, table.data()) };
        assert_eq!((status, table.destroyed.times()), (INVALID, destroyed), "{what}");
    }
    // What replaces a store releases it.
    let table = Table::default();
    let config = registered(&table, VTABLE);
    // SAFETY: living objects and strings.
    unsafe { tus_config_set_store_dir(config.pointer, c"/nowhere".as_ptr()) };
    assert_eq!(table.destroyed.times(), 1);
}
