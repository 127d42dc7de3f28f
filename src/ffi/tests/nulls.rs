//! NULL for every pointer parameter of every function, one at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{c_char, c_void};
use std::ptr::{null, null_mut};

use super::super::exchange::{lend_request, lend_response};
use super::super::*;
use super::fixture::*;
use super::header::pointer_parameters;
use crate::engine::hooks::OutgoingRequest;

/// What a call with NULL did, beside the parameter's name.
struct Call {
    parameter: &'static str,
    as_told: bool,
}

/// NULL is an invalid argument.
fn refused(parameter: &'static str, status: tus_status) -> Call {
    Call { parameter, as_told: status == INVALID }
}

/// NULL is allowed; what else happens is up to the call.
fn taken_as_none(parameter: &'static str, status: tus_status) -> Call {
    Call { parameter, as_told: status != INVALID }
}

/// NULL gives the value that the function's comment names.
fn gives<T: PartialEq>(parameter: &'static str, value: T, told: T) -> Call {
    Call { parameter, as_told: value == told }
}

/// NULL does nothing.
fn nothing(parameter: &'static str, call: impl FnOnce()) -> Vec<Call> {
    call();
    vec![Call { parameter, as_told: true }]
}

const TEXT: *const c_char = c"x".as_ptr();
const URL: *const c_char = c"http://127.0.0.1:1/files/1".as_ptr();
const NO_TEXT: *const c_char = null();
const NO_BYTES: *const c_void = null();

#[test]
// Tries to connect.
#[cfg_attr(miri, ignore)]
fn every_function_survives_null() {
    let mut done: BTreeMap<&str, Vec<Call>> = BTreeMap::new();
    // SAFETY: everything but the NULLs is valid.
    unsafe {
        done.extend(library_and_errors());
        done.extend(exchange());
        done.extend(configuration());
        done.extend(clients());
        done.extend(sources_and_options());
        done.extend(operations());
        done.extend(results());
    }
    let wanted = pointer_parameters();
    for (function, parameters) in &wanted {
        let calls = done.get(function.as_str()).map(Vec::as_slice).unwrap_or_default();
        let tried: BTreeSet<&str> = calls.iter().map(|call| call.parameter).collect();
        assert_eq!(tried, parameters.iter().map(String::as_str).collect(), "{function}");
        for call in calls {
            assert!(call.as_told, "{function} with NULL for {} did what it does not say", call.parameter);
        }
    }
    assert!(done.keys().all(|function| wanted.contains_key(*function)));
}

type Calls = Vec<(&'static str, Vec<Call>)>;

unsafe fn library_and_errors() -> Calls {
    let error = error();
    let e = error.pointer;
    // SAFETY: everything but the NULLs is valid.
    unsafe {
        vec![
            ("tus_has_feature", vec![gives("name", tus_has_feature(null()), 0)]),
            ("tus_error_status", vec![refused("e", tus_error_status(null()))]),
            ("tus_error_message", vec![gives("e", tus_error_message(null()).is_null(), false)]),
            ("tus_error_http_status", vec![gives("e", tus_error_http_status(null()), 0)]),
            ("tus_error_os_code", vec![gives("e", tus_error_os_code(null()), 0)]),
            ("tus_error_callback_code", vec![gives("e", tus_error_callback_code(null()), 0)]),
            ("tus_error_is_retryable", vec![gives("e", tus_error_is_retryable(null()), 0)]),
            ("tus_error_upload_url", vec![gives("e", tus_error_upload_url(null()), null())]),
            ("tus_error_request_method", vec![gives("e", tus_error_request_method(null()), null())]),
            ("tus_error_request_url", vec![gives("e", tus_error_request_url(null()), null())]),
            (
                "tus_error_response_header",
                vec![
                    gives("e", tus_error_response_header(null(), TEXT), null()),
                    gives("name", tus_error_response_header(e, null()), null()),
                ],
            ),
            (
                "tus_error_response_body",
                vec![
                    gives("e", tus_error_response_body(null(), &mut 0), null()),
                    gives("len", tus_error_response_body(e, null_mut()).is_null(), false),
                ],
            ),
            ("tus_error_free", nothing("e", || tus_error_free(null_mut()))),
        ]
    }
}

unsafe fn exchange() -> Calls {
    let mut request = OutgoingRequest::new("PATCH".into(), url("http://h/1"), true, Vec::new());
    let request = lend_request(&mut request);
    let (answer, r) = (answer(200), request.as_c().cast_mut());
    let response = lend_response(&answer);
    // SAFETY: everything but the NULLs is valid.
    unsafe {
        vec![
            ("tus_request_method", vec![gives("r", tus_request_method(null()), null())]),
            ("tus_request_url", vec![gives("r", tus_request_url(null()), null())]),
            (
                "tus_request_header",
                vec![
                    gives("r", tus_request_header(null(), TEXT), null()),
                    gives("name", tus_request_header(r, null()), null()),
                ],
            ),
            ("tus_request_is_trusted_origin", vec![gives("r", tus_request_is_trusted_origin(null()), 0)]),
            (
                "tus_request_set_header",
                vec![
                    refused("r", tus_request_set_header(null_mut(), TEXT, TEXT)),
                    refused("name", tus_request_set_header(r, null(), TEXT)),
                    gives("value", tus_request_set_header(r, TEXT, null()), OK),
                ],
            ),
            ("tus_response_status", vec![gives("r", tus_response_status(null()), 0)]),
            (
                "tus_response_header",
                vec![
                    gives("r", tus_response_header(null(), TEXT), null()),
                    gives("name", tus_response_header(response.as_c(), null()), null()),
                ],
            ),
            (
                "tus_response_body",
                vec![
                    gives("r", tus_response_body(null(), &mut 0), null()),
                    gives("len", tus_response_body(response.as_c(), null_mut()).is_null(), false),
                ],
            ),
        ]
    }
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

unsafe fn configuration() -> Calls {
    let config = config();
    let c = config.pointer;
    let no = null_mut();
    // SAFETY: everything but the NULLs is valid.
    unsafe {
        vec![
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
            ("tus_config_set_retry", vec![refused("c", tus_config_set_retry(no, 1, 1, 1))]),
            ("tus_config_set_lock_budget_ms", vec![refused("c", tus_config_set_lock_budget_ms(no, 1))]),
            ("tus_config_set_max_retry_after_ms", vec![refused("c", tus_config_set_max_retry_after_ms(no, 1))]),
            ("tus_config_set_timeouts_ms", vec![refused("c", tus_config_set_timeouts_ms(no, 1, 1, 1, 1))]),
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

unsafe fn clients() -> Calls {
    let (client, config) = (client(), config());
    let (c, no) = (client.pointer, null_mut());
    // SAFETY: everything but the NULLs is valid.
    unsafe {
        tus_config_set_url(config.pointer, URL);
        vec![
            (
                "tus_client_new",
                vec![
                    refused("c", tus_client_new(null(), &mut null_mut(), null_mut())),
                    refused("out", tus_client_new(config.pointer, null_mut(), null_mut())),
                    refused("err", tus_client_new(null(), &mut null_mut(), null_mut())),
                ],
            ),
            ("tus_client_ref", vec![gives("c", tus_client_ref(no), null_mut())]),
            ("tus_client_unref", nothing("c", || tus_client_unref(no))),
            (
                "tus_client_set_header",
                vec![
                    refused("c", tus_client_set_header(no, TEXT, TEXT, null_mut())),
                    refused("name", tus_client_set_header(c, null(), TEXT, null_mut())),
                    taken_as_none("value", tus_client_set_header(c, TEXT, null(), null_mut())),
                    taken_as_none("err", tus_client_set_header(c, TEXT, TEXT, null_mut())),
                ],
            ),
        ]
    }
}

unsafe extern "C-unwind" fn read(_: *mut c_void, _: *mut c_void, _: usize, length: *mut usize) -> i32 {
    // SAFETY: the library's memory for a number.
    unsafe { length.write(0) };
    0
}

unsafe fn sources_and_options() -> Calls {
    let options = options();
    let (o, no) = (options.pointer, null_mut());
    let vtable =
        tus_reader_vtable { struct_size: size_of::<tus_reader_vtable>(), read: Some(read), seek: None, destroy: None };
    let made = |make: &dyn Fn(*mut *mut tus_source) -> tus_status| {
        let mut source = null_mut();
        let status = make(&raw mut source);
        // SAFETY: NULL, or a source of ours.
        unsafe { tus_source_free(source) };
        status
    };
    let path = c"/proc/self/exe".as_ptr();
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

unsafe fn operations() -> Calls {
    let (client, source, options) = (client(), source(), options());
    let (c, s, o) = (client.pointer, source.pointer, options.pointer.cast_const());
    let path = c"/proc/self/exe".as_ptr();
    // SAFETY: everything but the NULLs is valid. The operations fail to connect, so there are no results to free.
    unsafe {
        vec![
            (
                "tus_client_upload_file",
                vec![
                    refused("c", tus_client_upload_file(null_mut(), path, o, &mut null_mut(), null_mut())),
                    refused("path", tus_client_upload_file(c, null(), o, &mut null_mut(), null_mut())),
                    taken_as_none("o", tus_client_upload_file(c, path, null(), &mut null_mut(), null_mut())),
                    taken_as_none("out", tus_client_upload_file(c, path, o, null_mut(), null_mut())),
                    taken_as_none("err", tus_client_upload_file(c, path, o, &mut null_mut(), null_mut())),
                ],
            ),
            (
                "tus_client_upload",
                vec![
                    refused("c", tus_client_upload(null_mut(), s, o, &mut null_mut(), null_mut())),
                    refused("s", tus_client_upload(c, null_mut(), o, &mut null_mut(), null_mut())),
                    taken_as_none("o", tus_client_upload(c, s, null(), &mut null_mut(), null_mut())),
                    taken_as_none("out", tus_client_upload(c, s, o, null_mut(), null_mut())),
                    taken_as_none("err", tus_client_upload(c, s, o, &mut null_mut(), null_mut())),
                ],
            ),
            (
                "tus_client_resume_upload",
                vec![
                    refused("c", tus_client_resume_upload(null_mut(), s, URL, o, &mut null_mut(), null_mut())),
                    refused("s", tus_client_resume_upload(c, null_mut(), URL, o, &mut null_mut(), null_mut())),
                    refused("upload_url", tus_client_resume_upload(c, s, null(), o, &mut null_mut(), null_mut())),
                    taken_as_none("o", tus_client_resume_upload(c, s, URL, null(), &mut null_mut(), null_mut())),
                    taken_as_none("out", tus_client_resume_upload(c, s, URL, o, null_mut(), null_mut())),
                    taken_as_none("err", tus_client_resume_upload(c, s, URL, o, &mut null_mut(), null_mut())),
                ],
            ),
            (
                "tus_client_get_upload_info",
                vec![
                    refused("c", tus_client_get_upload_info(null_mut(), URL, &mut null_mut(), null_mut())),
                    refused("upload_url", tus_client_get_upload_info(c, null(), &mut null_mut(), null_mut())),
                    taken_as_none("out", tus_client_get_upload_info(c, URL, null_mut(), null_mut())),
                    taken_as_none("err", tus_client_get_upload_info(c, URL, &mut null_mut(), null_mut())),
                ],
            ),
            (
                "tus_client_get_metadata",
                vec![
                    refused("c", tus_client_get_metadata(null_mut(), URL, &mut null_mut(), null_mut())),
                    refused("upload_url", tus_client_get_metadata(c, null(), &mut null_mut(), null_mut())),
                    taken_as_none("out", tus_client_get_metadata(c, URL, null_mut(), null_mut())),
                    taken_as_none("err", tus_client_get_metadata(c, URL, &mut null_mut(), null_mut())),
                ],
            ),
            (
                "tus_client_get_server_info",
                vec![
                    refused("c", tus_client_get_server_info(null_mut(), &mut null_mut(), null_mut())),
                    taken_as_none("out", tus_client_get_server_info(c, null_mut(), null_mut())),
                    taken_as_none("err", tus_client_get_server_info(c, &mut null_mut(), null_mut())),
                ],
            ),
            (
                "tus_client_delete_upload",
                vec![
                    refused("c", tus_client_delete_upload(null_mut(), URL, null_mut())),
                    refused("upload_url", tus_client_delete_upload(c, null(), null_mut())),
                    taken_as_none("err", tus_client_delete_upload(c, URL, null_mut())),
                ],
            ),
        ]
    }
}

unsafe fn results() -> Calls {
    let (info, metadata, server) = (info(), metadata(), server_info());
    let (i, m, s) = (info.pointer, metadata.pointer, server.pointer);
    let key = c"raw".as_ptr();
    // SAFETY: everything but the NULLs is valid.
    unsafe {
        let mut stats: tus_stats = std::mem::zeroed();
        stats.struct_size = size_of::<tus_stats>();
        vec![
            ("tus_info_url", vec![gives("i", tus_info_url(null()), null())]),
            ("tus_info_offset", vec![gives("i", tus_info_offset(null()), 0)]),
            ("tus_info_size", vec![gives("i", tus_info_size(null()), u64::MAX)]),
            ("tus_info_is_complete", vec![gives("i", tus_info_is_complete(null()), 0)]),
            ("tus_info_is_deferred", vec![gives("i", tus_info_is_deferred(null()), 0)]),
            ("tus_info_expires", vec![gives("i", tus_info_expires(null()), 0)]),
            ("tus_info_concat_kind", vec![gives("i", tus_info_concat_kind(null()), 0)]),
            (
                "tus_info_metadata",
                vec![
                    gives("i", tus_info_metadata(null(), key, &mut 0), null()),
                    gives("key", tus_info_metadata(i, null(), &mut 0), null()),
                    gives("len", tus_info_metadata(i, key, null_mut()).is_null(), false),
                ],
            ),
            (
                "tus_info_metadata_text",
                vec![
                    gives("i", tus_info_metadata_text(null(), key), null()),
                    gives("key", tus_info_metadata_text(i, null()), null()),
                ],
            ),
            ("tus_info_metadata_object", vec![gives("i", tus_info_metadata_object(null()), null())]),
            ("tus_info_free", nothing("i", || tus_info_free(null_mut()))),
            (
                "tus_info_get_stats",
                vec![
                    refused("i", tus_info_get_stats(null(), &raw mut stats)),
                    refused("stats", tus_info_get_stats(i, null_mut())),
                ],
            ),
            ("tus_metadata_count", vec![gives("m", tus_metadata_count(null()), 0)]),
            ("tus_metadata_key_at", vec![gives("m", tus_metadata_key_at(null(), 0), null())]),
            (
                "tus_metadata_value_at",
                vec![
                    gives("m", tus_metadata_value_at(null(), 0, &mut 0), null()),
                    gives("len", tus_metadata_value_at(m, 0, null_mut()).is_null(), false),
                ],
            ),
            (
                "tus_metadata_value",
                vec![
                    gives("m", tus_metadata_value(null(), key, &mut 0), null()),
                    gives("key", tus_metadata_value(m, null(), &mut 0), null()),
                    gives("len", tus_metadata_value(m, key, null_mut()).is_null(), false),
                ],
            ),
            (
                "tus_metadata_text",
                vec![
                    gives("m", tus_metadata_text(null(), key), null()),
                    gives("key", tus_metadata_text(m, null()), null()),
                ],
            ),
            ("tus_metadata_free", nothing("m", || tus_metadata_free(null_mut()))),
            ("tus_server_info_version_count", vec![gives("i", tus_server_info_version_count(null()), 0)]),
            ("tus_server_info_version_at", vec![gives("i", tus_server_info_version_at(null(), 0), null())]),
            (
                "tus_server_info_has_extension",
                vec![
                    gives("i", tus_server_info_has_extension(null(), TEXT), 0),
                    gives("name", tus_server_info_has_extension(s, null()), 0),
                ],
            ),
            ("tus_server_info_extension_count", vec![gives("i", tus_server_info_extension_count(null()), 0)]),
            ("tus_server_info_extension_at", vec![gives("i", tus_server_info_extension_at(null(), 0), null())]),
            ("tus_server_info_max_size", vec![gives("i", tus_server_info_max_size(null()), u64::MAX)]),
            (
                "tus_server_info_checksum_algorithm_count",
                vec![gives("i", tus_server_info_checksum_algorithm_count(null()), 0)],
            ),
            (
                "tus_server_info_checksum_algorithm_at",
                vec![gives("i", tus_server_info_checksum_algorithm_at(null(), 0), null())],
            ),
            ("tus_server_info_free", nothing("i", || tus_server_info_free(null_mut()))),
        ]
    }
}
