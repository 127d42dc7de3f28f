//! `tus_info`, `tus_metadata`, `tus_server_info`, `tus_stats`: what goes in comes out.

use std::ffi::{CStr, c_void};
use std::ptr::null_mut;

use super::super::info::give_info;
use super::super::*;
use super::fixture::*;

/// Bytes handed out with their length; also looks at the NUL behind them.
fn bytes(get: impl FnOnce(*mut usize) -> *const c_void) -> Option<Vec<u8>> {
    let mut length = 99;
    let pointer = get(&raw mut length).cast::<u8>();
    if pointer.is_null() {
        assert_eq!(length, 0);
        return None;
    }
    // SAFETY: as many bytes as the library says, and the NUL it promises.
    let all = unsafe { std::slice::from_raw_parts(pointer, length + 1) };
    assert_eq!(all[length], 0);
    Some(all[..length].to_vec())
}

#[test]
fn an_upload_is_told() {
    let info = info();
    let i = info.pointer;
    // SAFETY: a living result and strings.
    unsafe {
        assert_eq!(string(tus_info_url(i)).unwrap(), "http://h/files/1?sig=secret");
        assert_eq!((tus_info_offset(i), tus_info_size(i)), (7, 11));
        assert_eq!((tus_info_is_complete(i), tus_info_is_deferred(i)), (0, 0));
        assert_eq!((tus_info_expires(i), tus_info_concat_kind(i)), (784_111_777, 1));
        assert_eq!(tus_info_checksum(i), 3);
        let value = |key: &CStr| bytes(|len| tus_info_metadata(i, key.as_ptr(), len));
        assert_eq!(value(c"name").unwrap(), "straße".as_bytes());
        assert_eq!(value(c"raw").unwrap(), [1, 0, 255]);
        assert_eq!(value(c"empty").unwrap(), b"");
        assert_eq!(value(c"nul").unwrap(), b"a\0b");
        assert_eq!((value(c"Name"), value(c""), value(NOT_UTF8)), (None, None, None));
        let text = |key: &CStr| string(tus_info_metadata_text(i, key.as_ptr()));
        assert_eq!(text(c"name").unwrap(), "straße");
        assert_eq!(text(c"empty").unwrap(), "");
        assert_eq!((text(c"raw"), text(c"nul"), text(c"none")), (None, None, None));
    }
}

#[test]
fn warnings_are_told_one_by_one() {
    let info = info();
    let i = info.pointer;
    // SAFETY: a living result and strings.
    unsafe {
        assert_eq!(tus_info_warning_count(i), 2);
        assert_eq!((string(tus_info_warning(i, 0)).unwrap(), tus_info_warning_code(i, 0)), ("odd".to_owned(), 1));
        assert!(tus_info_warning_url(i, 0).is_null());
        assert_eq!((string(tus_info_warning(i, 1)).unwrap(), tus_info_warning_code(i, 1)), ("a part".to_owned(), 6));
        assert_eq!(string(tus_info_warning_url(i, 1)).unwrap(), "http://h/files/2");
        for beyond in [2, usize::MAX] {
            assert!(tus_info_warning(i, beyond).is_null());
            assert_eq!(tus_info_warning_code(i, beyond), 0);
            assert!(tus_info_warning_url(i, beyond).is_null());
        }
    }
}

#[test]
fn what_is_not_known_has_a_value_too() {
    let mut unknown = upload_info();
    (unknown.size, unknown.expires, unknown.complete) = (None, None, true);
    let mut info = null_mut();
    // SAFETY: memory for a pointer, then a living result.
    unsafe {
        give_info(null_mut(), unknown.clone());
        give_info(&raw mut info, unknown);
        let info = Own::new(info, tus_info_free);
        let i = info.pointer;
        assert_eq!((tus_info_size(i), tus_info_is_deferred(i)), (u64::MAX, 1));
        assert_eq!((tus_info_expires(i), tus_info_is_complete(i)), (0, 1));
    }
}

#[test]
fn metadata_is_gone_through_in_order() {
    let metadata = metadata();
    let m = metadata.pointer;
    // SAFETY: living metadata and strings.
    unsafe {
        assert_eq!(tus_metadata_count(m), 4);
        let keys: Vec<String> = (0..4).map(|n| string(tus_metadata_key_at(m, n)).unwrap()).collect();
        assert_eq!(keys, ["name", "raw", "empty", "nul"]);
        assert_eq!(bytes(|len| tus_metadata_value_at(m, 1, len)).unwrap(), [1, 0, 255]);
        assert_eq!(bytes(|len| tus_metadata_value(m, c"nul".as_ptr(), len)).unwrap(), b"a\0b");
        assert_eq!(string(tus_metadata_text(m, c"name".as_ptr())).unwrap(), "straße");
        for beyond in [4, usize::MAX] {
            assert!(tus_metadata_key_at(m, beyond).is_null());
            assert_eq!(bytes(|len| tus_metadata_value_at(m, beyond, len)), None);
        }
        assert_eq!(bytes(|len| tus_metadata_value(m, c"none".as_ptr(), len)), None);
        assert_eq!(bytes(|len| tus_metadata_value(std::ptr::null(), c"name".as_ptr(), len)), None);
    }
}

#[test]
fn an_uploads_metadata_lives_and_dies_with_it() {
    let info = info();
    // SAFETY: a living result; its metadata may be handed to the wrong function.
    unsafe {
        let metadata = tus_info_metadata_object(info.pointer);
        assert_eq!(tus_metadata_count(metadata), 4);
        tus_metadata_free(metadata.cast_mut());
        assert_eq!(tus_metadata_count(metadata), 4);
        assert_eq!(tus_info_metadata_object(info.pointer), metadata);
        let value = tus_info_metadata(info.pointer, c"raw".as_ptr(), null_mut());
        assert_eq!(value, tus_metadata_value(metadata, c"raw".as_ptr(), null_mut()));
    }
}

#[test]
fn a_server_is_told() {
    let server = server_info();
    let i = server.pointer;
    // SAFETY: a living result and strings.
    unsafe {
        assert_eq!(tus_server_info_version_count(i), 2);
        assert_eq!(string(tus_server_info_version_at(i, 1)).unwrap(), "0.2.2");
        assert!(tus_server_info_version_at(i, 2).is_null());
        assert_eq!(tus_server_info_extension_count(i), 3);
        assert_eq!(string(tus_server_info_extension_at(i, 2)).unwrap(), "x\u{fffd}y");
        assert!(tus_server_info_extension_at(i, usize::MAX).is_null());
        assert_eq!(tus_server_info_has_extension(i, c"Termination".as_ptr()), 1);
        assert_eq!(tus_server_info_has_extension(i, c"checksum".as_ptr()), 0);
        assert_eq!(tus_server_info_max_size(i), 1 << 40);
        assert_eq!(tus_server_info_checksum_algorithm_count(i), 1);
        assert_eq!(string(tus_server_info_checksum_algorithm_at(i, 0)).unwrap(), "sha1");
        assert!(tus_server_info_checksum_algorithm_at(i, 1).is_null());
    }
}

/// The size of the first record of this name.
const FIRST: usize = 64;

#[test]
fn stats_fill_no_more_than_an_older_program_has() {
    let info = info();
    for size in [FIRST, FIRST + 3, FIRST + 8] {
        let mut record = [0xaa; size_of::<tus_stats>()];
        record[..8].copy_from_slice(&size.to_ne_bytes());
        // SAFETY: a living result and a record as large as it says.
        assert_eq!(unsafe { tus_info_get_stats(info.pointer, record.as_mut_ptr().cast()) }, OK);
        assert_eq!(record[..8], size.to_ne_bytes());
        assert_eq!(record[16..24], 2u64.to_ne_bytes());
        assert!(record[size..].iter().all(|byte| *byte == 0xaa), "{size}");
    }
}

#[test]
fn stats_of_what_is_not_known() {
    let mut unknown = upload_info();
    unknown.stats = crate::engine::info::Stats::default();
    let percent = |info: crate::engine::info::UploadInfo| {
        let mut pointer = null_mut();
        // SAFETY: numbers alone, memory for a pointer, then a living result and a record as large as it says.
        unsafe {
            give_info(&raw mut pointer, info);
            let info = Own::new(pointer, tus_info_free);
            let mut stats: tus_stats = std::mem::zeroed();
            stats.struct_size = size_of::<tus_stats>();
            assert_eq!(tus_info_get_stats(info.pointer, &raw mut stats), OK);
            (stats.bytes_total, stats.eta_ms, stats.progress_percent)
        }
    };
    assert_eq!(percent(unknown.clone()), (u64::MAX, u64::MAX, 0.0));
    unknown.stats.bytes_total = Some(0);
    assert_eq!(percent(unknown), (0, u64::MAX, 100.0));
}

#[test]
fn previous_uploads_are_told() {
    let list = previous_list();
    let l = list.pointer;
    // SAFETY: a living list.
    unsafe {
        assert_eq!(tus_previous_list_count(l), 2);
        assert_eq!(string(tus_previous_list_url(l, 0)).unwrap(), "http://h/files/1");
        assert_eq!(string(tus_previous_list_fingerprint(l, 0)).unwrap(), "size:11--sha256:ab");
        assert_eq!((tus_previous_list_offset(l, 0), tus_previous_list_size(l, 0)), (7, 11));
        assert_eq!((tus_previous_list_expires_s(l, 0), tus_previous_list_created_s(l, 0)), (784_111_777, 784_000_000));
        assert_eq!(tus_previous_list_part_count(l, 0), 2);
        assert_eq!(string(tus_previous_list_part_url(l, 0, 0)).unwrap(), "http://h/files/1");
        assert_eq!(string(tus_previous_list_part_url(l, 0, 1)).unwrap(), "");
        assert!(tus_previous_list_part_url(l, 0, 2).is_null());

        assert_eq!(string(tus_previous_list_url(l, 1)).unwrap(), "http://h/files/2");
        assert!(tus_previous_list_fingerprint(l, 1).is_null());
        assert_eq!((tus_previous_list_expires_s(l, 1), tus_previous_list_created_s(l, 1)), (0, 1));
        assert_eq!(tus_previous_list_part_count(l, 1), 0);
        assert!(tus_previous_list_part_url(l, 1, 0).is_null());

        for beyond in [2, usize::MAX] {
            assert!(tus_previous_list_url(l, beyond).is_null());
            assert!(tus_previous_list_fingerprint(l, beyond).is_null());
            assert_eq!((tus_previous_list_offset(l, beyond), tus_previous_list_size(l, beyond)), (0, u64::MAX));
            assert_eq!((tus_previous_list_expires_s(l, beyond), tus_previous_list_created_s(l, beyond)), (0, 0));
            assert_eq!(tus_previous_list_part_count(l, beyond), 0);
            assert!(tus_previous_list_part_url(l, beyond, 0).is_null());
        }
    }
}

/// A record as a newer program has it.
#[repr(C)]
struct Newer {
    known: tus_stats,
    unknown: [u64; 2],
}

#[test]
fn stats_fill_what_both_sides_know() {
    let info = info();
    // SAFETY: numbers alone.
    let mut newer: Newer = unsafe { std::mem::zeroed() };
    newer.unknown = [7, 7];
    newer.known.struct_size = size_of::<Newer>();
    // SAFETY: a living result and a record as large as it says.
    assert_eq!(unsafe { tus_info_get_stats(info.pointer, (&raw mut newer).cast()) }, OK);
    assert_eq!(newer.unknown, [0, 0]);
    let known = newer.known;
    assert_eq!(known.struct_size, size_of::<Newer>());
    assert_eq!((known.bytes_resumed, known.bytes_sent, known.requests), (1, 2, 3));
    assert_eq!((known.retries, known.chunks_completed, known.chunks_failed), (4, 5, 6));
    assert_eq!(known.elapsed_ms, 7, "a part of a millisecond is not nothing");
    assert_eq!((known.bytes_total, known.bytes_confirmed, known.chunks_retried, known.chunks_total), (11, 7, 8, 9));
    assert_eq!((known.started_ms, known.speed, known.eta_ms), (10, 0.5, 12));
    assert!((known.progress_percent - 63.636).abs() < 0.001);

    newer.unknown = [7, 7];
    newer.known.struct_size = size_of::<tus_stats>();
    // SAFETY: as above.
    assert_eq!(unsafe { tus_info_get_stats(info.pointer, &raw mut newer.known) }, OK);
    assert_eq!(newer.unknown, [7, 7], "nothing behind the record is touched");
    for absurd in [0, 1, FIRST - 1, 1 << 20, usize::MAX] {
        newer.known.struct_size = absurd;
        // SAFETY: refused by its size alone.
        assert_eq!(unsafe { tus_info_get_stats(info.pointer, &raw mut newer.known) }, INVALID, "{absurd}");
    }
}
