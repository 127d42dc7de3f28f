//! Pointers that are not what they should be.

use std::ffi::c_void;
use std::ptr;

use super::super::handle::{CType, Kind, Object, Owned, lend, state};
use super::super::*;
use super::fixture::*;

fn message<C: CType>(pointer: *const C) -> String {
    // SAFETY: the tests hand in NULL or memory of at least eight bytes.
    unsafe { state(pointer, "it") }.map(|_| ()).unwrap_err().to_string()
}

#[test]
fn each_mistake_is_told_apart() {
    let client = client();
    assert_eq!(message(ptr::null::<tus_config>()), "it is NULL where a tus_config is needed");
    assert_eq!(
        message(client.pointer.cast_const().cast::<tus_config>()),
        "it points to a tus_client where a tus_config is needed"
    );
    let nothing = [0u64; 8];
    assert_eq!(message(nothing.as_ptr().cast::<tus_info>()), "it does not point to a tus_info");
    let odd = nothing.as_ptr().wrapping_byte_add(1);
    assert_eq!(message(odd.cast::<tus_info>()), "it does not point to a tus_info");
}

/// A type of its own, so that a freed object can be looked at: its memory stays.
struct Marked;

impl CType for Marked {
    type State = u64;
    type Class = Owned;
    const KIND: Kind = Kind::Source;
}

#[test]
fn a_freed_object_is_recognised() {
    let mut place = std::mem::MaybeUninit::<Object<Marked>>::uninit();
    place.write(lend(5));
    let object = place.as_mut_ptr();
    let pointer = object.cast_const().cast::<Marked>();
    // SAFETY: alive.
    assert_eq!(*unsafe { state(pointer, "it") }.unwrap(), 5);
    // SAFETY: written above, dropped once.
    unsafe { object.drop_in_place() };
    assert_eq!(message(pointer), "it points to a tus_source that was freed");
}

#[test]
fn freeing_what_is_something_else_does_nothing() {
    let config = config();
    let nothing = [0u64; 8];
    // SAFETY: a living object and readable memory.
    unsafe {
        tus_info_free(config.pointer.cast());
        tus_client_unref(config.pointer.cast());
        tus_error_free(nothing.as_ptr().cast_mut().cast());
        assert!(tus_client_ref(config.pointer.cast()).is_null());
        assert_eq!(tus_config_set_url(config.pointer, c"http://h/".as_ptr()), OK);
    }
}

#[test]
fn every_free_takes_null() {
    // SAFETY: NULL is allowed.
    unsafe {
        tus_config_free(ptr::null_mut());
        tus_client_unref(ptr::null_mut());
        tus_source_free(ptr::null_mut());
        tus_upload_options_free(ptr::null_mut());
        tus_error_free(ptr::null_mut());
        tus_info_free(ptr::null_mut());
        tus_metadata_free(ptr::null_mut());
        tus_server_info_free(ptr::null_mut());
        tus_previous_list_free(ptr::null_mut());
        tus_uploader_free(ptr::null_mut());
        tus_writer_free(ptr::null_mut());
    }
}

#[test]
fn wrong_kinds_are_refused_everywhere() {
    let (config, client, source, options, info) = (config(), client(), source(), options(), info());
    let wrong: *mut c_void = info.pointer.cast();
    let url = c"http://h/1".as_ptr();
    // SAFETY: living objects, though of other kinds.
    unsafe {
        for status in [
            tus_config_set_url(wrong.cast(), url),
            tus_config_set_tls_verify(wrong.cast(), 1),
            tus_config_set_log(wrong.cast(), 1, None, ptr::null_mut(), None),
            tus_client_new(wrong.cast(), &mut ptr::null_mut(), ptr::null_mut()),
            tus_client_new(client.pointer.cast(), &mut ptr::null_mut(), ptr::null_mut()),
            tus_client_set_header(wrong.cast(), url, ptr::null(), ptr::null_mut()),
            tus_upload_options_set_stop_at(wrong.cast(), 0),
            tus_client_upload(wrong.cast(), source.pointer, ptr::null(), ptr::null_mut(), ptr::null_mut()),
            tus_client_upload(client.pointer, wrong.cast(), ptr::null(), ptr::null_mut(), ptr::null_mut()),
            tus_client_upload(client.pointer, source.pointer, wrong.cast(), ptr::null_mut(), ptr::null_mut()),
            tus_client_upload_file(client.pointer, url, wrong.cast(), ptr::null_mut(), ptr::null_mut()),
            tus_client_resume_upload(
                client.pointer,
                options.pointer.cast(),
                url,
                ptr::null(),
                ptr::null_mut(),
                ptr::null_mut(),
            ),
            tus_client_get_upload_info(config.pointer.cast(), url, ptr::null_mut(), ptr::null_mut()),
            tus_client_get_metadata(config.pointer.cast(), url, ptr::null_mut(), ptr::null_mut()),
            tus_client_get_server_info(config.pointer.cast(), ptr::null_mut(), ptr::null_mut()),
            tus_client_delete_upload(config.pointer.cast(), url, ptr::null_mut()),
            tus_client_copy_header(wrong.cast(), url, ptr::null_mut(), 0, ptr::null_mut(), ptr::null_mut()),
            tus_client_create_partial_upload(
                client.pointer,
                wrong.cast(),
                ptr::null(),
                ptr::null_mut(),
                ptr::null_mut(),
            ),
            tus_client_create_final_upload(
                client.pointer,
                &raw const url,
                1,
                wrong.cast(),
                ptr::null_mut(),
                ptr::null_mut(),
            ),
            tus_client_create_deferred_upload(wrong.cast(), ptr::null(), ptr::null_mut(), ptr::null_mut()),
            tus_client_find_previous_uploads(client.pointer, wrong.cast(), ptr::null_mut(), ptr::null_mut()),
            tus_client_prune_store(wrong.cast(), 0, ptr::null_mut(), ptr::null_mut()),
            tus_client_create_uploader(
                client.pointer,
                wrong.cast(),
                ptr::null(),
                &mut ptr::null_mut(),
                ptr::null_mut(),
            ),
            tus_uploader_upload(wrong.cast(), ptr::null_mut(), ptr::null_mut()),
            tus_uploader_upload_chunk(wrong.cast(), ptr::null_mut(), ptr::null_mut()),
            tus_uploader_get_stats(wrong.cast(), ptr::null_mut()),
            tus_writer_write(wrong.cast(), ptr::null(), 0, 0, ptr::null_mut(), ptr::null_mut()),
            tus_writer_finish(wrong.cast(), ptr::null_mut()),
            tus_sink_write(wrong.cast(), ptr::null(), 0),
            tus_credentials_set_header(wrong.cast(), url, url),
            tus_config_set_store(wrong.cast(), ptr::null(), ptr::null_mut()),
            tus_request_set_header(wrong.cast(), url, url),
            tus_info_get_stats(config.pointer.cast(), ptr::null_mut()),
            tus_error_status(wrong.cast()),
        ] {
            assert_eq!(status, INVALID);
        }
        assert_eq!(string(tus_error_message(wrong.cast())).unwrap(), "no error object");
        assert!(tus_info_url(config.pointer.cast()).is_null());
        assert!(tus_request_url(wrong.cast()).is_null());
        assert_eq!(tus_response_status(wrong.cast()), 0);
        assert_eq!(tus_metadata_count(wrong.cast()), 0);
        assert_eq!(tus_server_info_max_size(wrong.cast()), u64::MAX);
        assert_eq!(tus_previous_list_count(wrong.cast()), 0);
        assert!(tus_uploader_url(wrong.cast()).is_null());
        tus_uploader_cancel(wrong.cast());
        tus_uploader_free(wrong.cast());
        assert_eq!(tus_writer_event_handle(wrong.cast()), -1);
        tus_writer_abort(wrong.cast(), 1);
        tus_writer_free(wrong.cast());
        tus_previous_list_free(wrong.cast());
    }
}
