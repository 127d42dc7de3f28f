//! What is built up: configurations, options, sources.

use std::ffi::{c_char, c_void};
use std::ptr::{null, null_mut};

use super::super::super::*;
use super::super::fixture::*;
use super::{Call, Calls, NO_BYTES, NO_TEXT, TEXT, URL, gives, nothing, refused, taken_as_none};

pub(super) fn configuration() -> Calls {
    let config = config();
    let c = config.pointer;
    let no = null_mut();
    // SAFETY: everything but the NULLs is valid.
    unsafe {
        vec![
            ("tus_config_last_error", vec![gives("c", tus_config_last_error(null()), null())]),
            ("tus_config_set_show_urls", vec![refused("c", tus_config_set_show_urls(no, 1))]),
            ("tus_config_free", nothing("c", || tus_config_free(no))),
            (
                "tus_config_set_url",
                vec![refused("c", tus_config_set_url(no, URL)), refused("endpoint", tus_config_set_url(c, null()))],
            ),
            (
                "tus_config_set_header",
                vec![
                    refused("c", tus_config_set_header(no, TEXT, TEXT)),
                    refused("name", tus_config_set_header(c, null(), TEXT)),
                    gives("value", tus_config_set_header(c, TEXT, null()), OK),
                ],
            ),
            (
                "tus_config_allow_origin",
                vec![
                    refused("c", tus_config_allow_origin(no, URL)),
                    refused("url", tus_config_allow_origin(c, null())),
                ],
            ),
            ("tus_config_set_chunk_size", vec![refused("c", tus_config_set_chunk_size(no, 1))]),
            ("tus_config_set_workers", vec![refused("c", tus_config_set_workers(no, 1))]),
            ("tus_config_set_dispatch", vec![refused("c", tus_config_set_dispatch(no, 0))]),
            ("tus_config_set_bandwidth_limit", vec![refused("c", tus_config_set_bandwidth_limit(no, 1))]),
            ("tus_config_set_memory_limit", vec![refused("c", tus_config_set_memory_limit(no, 1))]),
            ("tus_config_set_retry", vec![refused("c", tus_config_set_retry(no, 1, 1, 1))]),
            ("tus_config_set_lock_budget_ms", vec![refused("c", tus_config_set_lock_budget_ms(no, 1))]),
            ("tus_config_set_max_retry_after_ms", vec![refused("c", tus_config_set_max_retry_after_ms(no, 1))]),
            ("tus_config_set_timeouts_ms", vec![refused("c", tus_config_set_timeouts_ms(no, 1, 1, 1, 1))]),
            ("tus_config_set_chunk_rules", vec![refused("c", tus_config_set_chunk_rules(no, 1, 2, 1))]),
            ("tus_config_set_tls_min_version", vec![refused("c", tus_config_set_tls_min_version(no, 0x0304))]),
            (
                "tus_config_pin_tls_key",
                vec![
                    refused("c", tus_config_pin_tls_key(no, TEXT)),
                    refused("pin", tus_config_pin_tls_key(c, NO_TEXT)),
                ],
            ),
            ("tus_config_set_locations", vec![refused("c", tus_config_set_locations(no, 1))]),
            ("tus_config_set_https_only", vec![refused("c", tus_config_set_https_only(no, 1))]),
            ("tus_config_set_tls_verify", vec![refused("c", tus_config_set_tls_verify(no, 1))]),
            (
                "tus_config_set_tls_ca_file",
                vec![
                    refused("c", tus_config_set_tls_ca_file(no, TEXT)),
                    refused("file", tus_config_set_tls_ca_file(c, null())),
                ],
            ),
            (
                "tus_config_set_tls_client_certificate",
                vec![
                    refused("c", tus_config_set_tls_client_certificate(no, TEXT, TEXT)),
                    refused("chain_path", tus_config_set_tls_client_certificate(c, null(), TEXT)),
                    refused("key_path", tus_config_set_tls_client_certificate(c, TEXT, null())),
                ],
            ),
            (
                "tus_config_set_proxy",
                vec![refused("c", tus_config_set_proxy(no, null())), gives("url", tus_config_set_proxy(c, null()), OK)],
            ),
            (
                "tus_config_set_user_agent",
                vec![
                    refused("c", tus_config_set_user_agent(no, TEXT)),
                    refused("value", tus_config_set_user_agent(c, null())),
                ],
            ),
            (
                "tus_config_set_metadata_encoding",
                vec![
                    refused("c", tus_config_set_metadata_encoding(no, c"utf-8".as_ptr())),
                    refused("label", tus_config_set_metadata_encoding(c, null())),
                ],
            ),
            ("tus_config_set_upload_with_creation", vec![refused("c", tus_config_set_upload_with_creation(no, 1))]),
            ("tus_config_set_query_server", vec![refused("c", tus_config_set_query_server(no, 1))]),
            ("tus_config_set_override_patch_method", vec![refused("c", tus_config_set_override_patch_method(no, 1))]),
            ("tus_config_set_add_request_id", vec![refused("c", tus_config_set_add_request_id(no, 1))]),
            ("tus_config_set_checksum", vec![refused("c", tus_config_set_checksum(no, 1, 1))]),
            (
                "tus_config_set_capabilities",
                vec![
                    refused("c", tus_config_set_capabilities(no, TEXT, 0, TEXT)),
                    gives("extensions", tus_config_set_capabilities(c, null(), 0, TEXT), OK),
                    gives("checksum_algorithms", tus_config_set_capabilities(c, TEXT, 0, null()), OK),
                ],
            ),
            ("tus_config_set_checksum_trailers", vec![refused("c", tus_config_set_checksum_trailers(no, 1))]),
            (
                "tus_config_set_metadata_for_partial_uploads",
                vec![
                    refused("c", tus_config_set_metadata_for_partial_uploads(no, TEXT, TEXT.cast(), 1)),
                    refused("key", tus_config_set_metadata_for_partial_uploads(c, NO_TEXT, TEXT.cast(), 1)),
                    refused("value", tus_config_set_metadata_for_partial_uploads(c, TEXT, NO_BYTES, 1)),
                    gives("value", tus_config_set_metadata_for_partial_uploads(c, TEXT, NO_BYTES, 0), OK),
                ],
            ),
            (
                "tus_config_set_store_dir",
                vec![
                    refused("c", tus_config_set_store_dir(no, TEXT)),
                    refused("path", tus_config_set_store_dir(c, null())),
                ],
            ),
            ("tus_config_set_store_default", vec![refused("c", tus_config_set_store_default(no))]),
            ("tus_config_set_store", a_store(c)),
            (
                "tus_config_set_token_key",
                vec![
                    refused("c", tus_config_set_token_key(no, NO_BYTES, 0)),
                    refused("key", tus_config_set_token_key(c, NO_BYTES, 16)),
                    gives("key", tus_config_set_token_key(c, NO_BYTES, 0), OK),
                ],
            ),
            ("tus_config_set_fingerprint", vec![refused("c", tus_config_set_fingerprint(no, 1))]),
            ("tus_config_set_verify_resumed", vec![refused("c", tus_config_set_verify_resumed(no, 1))]),
            (
                "tus_config_set_fingerprint_callback",
                registering("c", c, Some(fingerprint as _), None, |c, f, u, d| {
                    tus_config_set_fingerprint_callback(c, f, u, d)
                }),
            ),
            (
                "tus_config_set_credentials",
                registering("c", c, Some(credentials as _), None, |c, f, u, d| tus_config_set_credentials(c, f, u, d)),
            ),
            (
                "tus_config_set_on_expiring",
                registering("c", c, Some(expiring as _), None, |c, f, u, d| tus_config_set_on_expiring(c, f, u, d)),
            ),
            (
                "tus_config_set_before_request",
                registering("c", c, Some(before as _), None, |c, f, u, d| tus_config_set_before_request(c, f, u, d)),
            ),
            (
                "tus_config_set_after_response",
                registering("c", c, Some(after as _), None, |c, f, u, d| tus_config_set_after_response(c, f, u, d)),
            ),
            (
                "tus_config_set_should_retry",
                registering("c", c, Some(retry as _), None, |c, f, u, d| tus_config_set_should_retry(c, f, u, d)),
            ),
            (
                "tus_config_set_on_upload_url_available",
                registering("c", c, Some(on_url as _), None, |c, f, u, d| {
                    tus_config_set_on_upload_url_available(c, f, u, d)
                }),
            ),
            (
                "tus_config_set_log",
                registering("c", c, Some(log as _), None, |c, f, u, d| tus_config_set_log(c, 1, f, u, d)),
            ),
        ]
    }
}

pub(super) fn sources() -> Calls {
    let vtable =
        tus_reader_vtable { struct_size: size_of::<tus_reader_vtable>(), read: Some(read), seek: None, destroy: None };
    let made = |make: &dyn Fn(*mut *mut tus_source) -> tus_status| {
        let mut source = null_mut();
        let status = make(&raw mut source);
        // SAFETY: NULL, or a source of ours.
        unsafe { tus_source_free(source) };
        status
    };
    let path = FILE.as_ptr();
    // SAFETY: everything but the NULLs is valid.
    unsafe {
        vec![
            (
                "tus_source_file",
                vec![
                    refused("path", made(&|out| tus_source_file(null(), out, null_mut()))),
                    refused("out", tus_source_file(path, null_mut(), null_mut())),
                    taken_as_none("err", made(&|out| tus_source_file(path, out, null_mut()))),
                ],
            ),
            (
                "tus_source_file_range",
                vec![
                    refused("path", made(&|out| tus_source_file_range(null(), 0, 1, out, null_mut()))),
                    refused("out", tus_source_file_range(path, 0, 1, null_mut(), null_mut())),
                    taken_as_none("err", made(&|out| tus_source_file_range(path, 0, 1, out, null_mut()))),
                ],
            ),
            (
                "tus_source_fd",
                vec![
                    refused("out", tus_source_fd(0, null_mut(), null_mut())),
                    refused("err", made(&|out| tus_source_fd(-1, out, null_mut()))),
                ],
            ),
            (
                "tus_source_memory",
                vec![
                    refused("data", made(&|out| tus_source_memory(NO_BYTES, 1, None, null_mut(), out, null_mut()))),
                    gives("data", made(&|out| tus_source_memory(NO_BYTES, 0, None, null_mut(), out, null_mut())), OK),
                    gives(
                        "release",
                        made(&|out| tus_source_memory(TEXT.cast(), 1, None, null_mut(), out, null_mut())),
                        OK,
                    ),
                    gives(
                        "user_data",
                        made(&|out| tus_source_memory(TEXT.cast(), 1, None, null_mut(), out, null_mut())),
                        OK,
                    ),
                    refused("out", tus_source_memory(TEXT.cast(), 1, None, null_mut(), null_mut(), null_mut())),
                    gives("err", made(&|out| tus_source_memory(TEXT.cast(), 1, None, null_mut(), out, null_mut())), OK),
                ],
            ),
            (
                "tus_source_reader",
                vec![
                    refused("vtable", made(&|out| tus_source_reader(null(), null_mut(), 1, out, null_mut()))),
                    gives("user_data", made(&|out| tus_source_reader(&vtable, null_mut(), 1, out, null_mut())), OK),
                    refused("out", tus_source_reader(&vtable, null_mut(), 1, null_mut(), null_mut())),
                    gives("err", made(&|out| tus_source_reader(&vtable, null_mut(), 1, out, null_mut())), OK),
                ],
            ),
            ("tus_source_free", nothing("s", || tus_source_free(null_mut()))),
        ]
    }
}

pub(super) fn writers() -> Calls {
    let no = null_mut();
    let (writer, source) = writer(TUS_SIZE_UNKNOWN, 100);
    let w = writer.pointer;
    let (mut other, mut its_source) = (null_mut(), null_mut());
    // SAFETY: everything but the NULLs is valid.
    unsafe {
        let calls = vec![
            (
                "tus_writer_new",
                vec![
                    refused("out", tus_writer_new(1, 1, null_mut(), &mut null_mut(), null_mut())),
                    refused("out_source", tus_writer_new(1, 1, &mut null_mut(), null_mut(), null_mut())),
                    gives("err", tus_writer_new(1, 1, &raw mut other, &raw mut its_source, null_mut()), OK),
                ],
            ),
            (
                "tus_writer_write",
                vec![
                    refused("w", tus_writer_write(no, TEXT.cast(), 1, 0, &mut 0, null_mut())),
                    refused("data", tus_writer_write(w, NO_BYTES, 1, 0, &mut 0, null_mut())),
                    gives("data", tus_writer_write(w, NO_BYTES, 0, 0, &mut 0, null_mut()), OK),
                    gives("written", tus_writer_write(w, TEXT.cast(), 1, 0, null_mut(), null_mut()), OK),
                    gives("err", tus_writer_write(w, TEXT.cast(), 1, 0, &mut 0, null_mut()), OK),
                ],
            ),
            (
                "tus_writer_finish",
                vec![
                    refused("w", tus_writer_finish(no, null_mut())),
                    gives("err", tus_writer_finish(w, null_mut()), OK),
                ],
            ),
            ("tus_writer_abort", nothing("w", || tus_writer_abort(no, 1))),
            ("tus_writer_event_handle", vec![gives("w", tus_writer_event_handle(no), -1)]),
            ("tus_writer_free", nothing("w", || tus_writer_free(no))),
        ];
        tus_writer_free(other);
        tus_source_free(its_source);
        drop(source);
        calls
    }
}

pub(super) fn upload_options() -> Calls {
    let options = options();
    let (o, no) = (options.pointer, null_mut());
    // SAFETY: everything but the NULLs is valid.
    unsafe {
        vec![
            ("tus_upload_options_last_error", vec![gives("o", tus_upload_options_last_error(null()), null())]),
            (
                "tus_upload_options_set_header",
                vec![
                    refused("o", tus_upload_options_set_header(no, TEXT, TEXT)),
                    refused("name", tus_upload_options_set_header(o, null(), TEXT)),
                    gives("value", tus_upload_options_set_header(o, TEXT, null()), OK),
                ],
            ),
            ("tus_upload_options_free", nothing("o", || tus_upload_options_free(no))),
            (
                "tus_upload_options_set_metadata",
                vec![
                    refused("o", tus_upload_options_set_metadata(no, TEXT, TEXT.cast(), 1)),
                    refused("key", tus_upload_options_set_metadata(o, NO_TEXT, TEXT.cast(), 1)),
                    refused("value", tus_upload_options_set_metadata(o, TEXT, NO_BYTES, 1)),
                    gives("value", tus_upload_options_set_metadata(o, TEXT, NO_BYTES, 0), OK),
                ],
            ),
            (
                "tus_upload_options_set_metadata_text",
                vec![
                    refused("o", tus_upload_options_set_metadata_text(no, TEXT, TEXT)),
                    refused("key", tus_upload_options_set_metadata_text(o, NO_TEXT, TEXT)),
                    refused("value", tus_upload_options_set_metadata_text(o, TEXT, NO_TEXT)),
                ],
            ),
            ("tus_upload_options_set_large_metadata", vec![refused("o", tus_upload_options_set_large_metadata(no, 1))]),
            ("tus_upload_options_set_stop_at", vec![refused("o", tus_upload_options_set_stop_at(no, 1))]),
            ("tus_upload_options_set_priority", vec![refused("o", tus_upload_options_set_priority(no, 1))]),
            (
                "tus_upload_options_set_parallel_uploads",
                vec![refused("o", tus_upload_options_set_parallel_uploads(no, 1))],
            ),
            ("tus_upload_options_set_min_part_size", vec![refused("o", tus_upload_options_set_min_part_size(no, 1))]),
            ("tus_upload_options_set_checksum", vec![refused("o", tus_upload_options_set_checksum(no, 1, 1))]),
            ("tus_upload_options_set_retry", vec![refused("o", tus_upload_options_set_retry(no, 1, 1, 1))]),
            (
                "tus_upload_options_set_request_timeouts_ms",
                vec![refused("o", tus_upload_options_set_request_timeouts_ms(no, 1, 1, 1))],
            ),
            ("tus_upload_options_set_timeout_ms", vec![refused("o", tus_upload_options_set_timeout_ms(no, 1))]),
            ("tus_upload_options_set_remove_parts", vec![refused("o", tus_upload_options_set_remove_parts(no, 1))]),
            (
                "tus_upload_options_set_parallel_fallback",
                vec![refused("o", tus_upload_options_set_parallel_fallback(no, 1))],
            ),
            (
                "tus_upload_options_set_upload_url",
                vec![
                    refused("o", tus_upload_options_set_upload_url(no, URL)),
                    gives("url", tus_upload_options_set_upload_url(o, NO_TEXT), OK),
                ],
            ),
            (
                "tus_upload_options_set_resume_token",
                vec![
                    refused("o", tus_upload_options_set_resume_token(no, TEXT)),
                    gives("token", tus_upload_options_set_resume_token(o, NO_TEXT), OK),
                ],
            ),
            (
                "tus_upload_options_set_unfinished_parts",
                vec![refused("o", tus_upload_options_set_unfinished_parts(no, 1))],
            ),
            (
                "tus_upload_options_set_on_resume_token",
                registering("o", o, Some(on_url as _), None, |o, f, u, d| {
                    tus_upload_options_set_on_resume_token(o, f, u, d)
                }),
            ),
            ("tus_upload_options_set_chunk_size", vec![refused("o", tus_upload_options_set_chunk_size(no, 1))]),
            (
                "tus_upload_options_set_progress",
                registering("o", o, Some(on_progress as _), None, |o, f, u, d| {
                    tus_upload_options_set_progress(o, f, u, d)
                }),
            ),
            (
                "tus_upload_options_set_on_upload_url_available",
                registering("o", o, Some(on_url as _), None, |o, f, u, d| {
                    tus_upload_options_set_on_upload_url_available(o, f, u, d)
                }),
            ),
        ]
    }
}

/// The four NULLs of a registration: object, function, data, destroy.
fn registering<C, F: Copy>(
    object: &'static str,
    c: *mut C,
    f: F,
    none: F,
    set: impl Fn(*mut C, F, *mut c_void, tus_destroy_fn) -> tus_status,
) -> Vec<Call> {
    let destroyed = Destroyed::default();
    let calls = vec![
        refused(object, set(null_mut(), f, destroyed.data(), Some(destroy))),
        gives("f", set(c, none, destroyed.data(), Some(destroy)), OK),
        gives("user_data", set(c, f, null_mut(), None), OK),
        gives("destroy", set(c, f, destroyed.data(), None), OK),
    ];
    assert_eq!(destroyed.times(), 2);
    calls
}

/// The three NULLs of a store.
fn a_store(c: *mut tus_config) -> Vec<Call> {
    let destroyed = Destroyed::default();
    let vtable = tus_store_vtable {
        struct_size: size_of::<tus_store_vtable>(),
        find: Some(find),
        put: Some(put),
        remove: Some(remove),
        list: None,
        destroy: Some(destroy),
    };
    let nothing = tus_store_vtable { destroy: None, ..vtable };
    // SAFETY: everything but the NULLs is valid.
    let calls = unsafe {
        vec![
            refused("c", tus_config_set_store(null_mut(), &vtable, destroyed.data())),
            gives("vtable", tus_config_set_store(c, null(), destroyed.data()), OK),
            gives("user_data", tus_config_set_store(c, &nothing, null_mut()), OK),
        ]
    };
    assert_eq!(destroyed.times(), 1);
    calls
}

unsafe extern "C-unwind" fn find(_: *mut c_void, _: *const c_char, _: *mut tus_sink) -> i32 {
    0
}

unsafe extern "C-unwind" fn put(_: *mut c_void, _: *const c_char, _: *const c_char, _: *const c_void, _: usize) -> i32 {
    0
}

unsafe extern "C-unwind" fn remove(_: *mut c_void, _: *const c_char, _: *const c_char) -> i32 {
    0
}

unsafe extern "C-unwind" fn fingerprint(_: *mut c_void, _: *const c_char, _: u64, _: *mut tus_sink) -> i32 {
    0
}

unsafe extern "C-unwind" fn credentials(_: *mut c_void, _: *const tus_response, _: *mut tus_credentials) -> i32 {
    0
}

unsafe extern "C-unwind" fn expiring(_: *mut c_void, _: *const c_char, _: u64) -> i32 {
    0
}

unsafe extern "C-unwind" fn before(_: *mut c_void, _: *mut tus_request) -> i32 {
    0
}

unsafe extern "C-unwind" fn after(_: *mut c_void, _: *const tus_request, _: *const tus_response) -> i32 {
    0
}

unsafe extern "C-unwind" fn retry(_: *mut c_void, _: *const tus_error, _: u32, _: *mut u64) -> i32 {
    0
}

unsafe extern "C-unwind" fn on_url(_: *mut c_void, _: *const c_char) -> i32 {
    0
}

unsafe extern "C-unwind" fn on_progress(_: *mut c_void, _: *const tus_progress) -> i32 {
    0
}

unsafe extern "C-unwind" fn log(_: *mut c_void, _: i32, _: *const c_char) {}

unsafe extern "C-unwind" fn read(_: *mut c_void, _: *mut c_void, _: usize, length: *mut usize) -> i32 {
    // SAFETY: the library's memory for a number.
    unsafe { length.write(0) };
    0
}
