//! What is only read: errors, requests and answers, results.

use crate::engine::hooks::OutgoingRequest;
use std::ptr::{null, null_mut};

use super::super::super::credentials::lend_credentials;
use super::super::super::exchange::{lend_request, lend_response};
use super::super::super::sink::lend_sink;
use super::super::super::*;
use super::super::fixture::*;
use super::{Calls, NO_BYTES, TEXT, gives, nothing, refused};

pub(super) fn library_and_errors() -> Calls {
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
            ("tus_error_resume_token", vec![gives("e", tus_error_resume_token(null()), null())]),
            ("tus_error_request_method", vec![gives("e", tus_error_request_method(null()), null())]),
            ("tus_error_request_url", vec![gives("e", tus_error_request_url(null()), null())]),
            ("tus_error_request_id", vec![gives("e", tus_error_request_id(null()), null())]),
            (
                "tus_error_response_header_count",
                vec![
                    gives("e", tus_error_response_header_count(null(), TEXT), 0),
                    gives("name", tus_error_response_header_count(e, null()), 0),
                ],
            ),
            (
                "tus_error_response_header_at",
                vec![
                    gives("e", tus_error_response_header_at(null(), TEXT, 0), null()),
                    gives("name", tus_error_response_header_at(e, null(), 0), null()),
                ],
            ),
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
            ("tus_error_warning_count", vec![gives("e", tus_error_warning_count(null()), 0)]),
            ("tus_error_warning", vec![gives("e", tus_error_warning(null(), 0), null())]),
            ("tus_error_warning_code", vec![gives("e", tus_error_warning_code(null(), 0), 0)]),
            ("tus_error_warning_url", vec![gives("e", tus_error_warning_url(null(), 0), null())]),
            ("tus_error_free", nothing("e", || tus_error_free(null_mut()))),
        ]
    }
}

pub(super) fn exchange() -> Calls {
    let mut request = OutgoingRequest::new("PATCH".into(), url("http://h/1"), true, Vec::new());
    let request = lend_request(&mut request);
    let (answer, r) = (answer(200), request.as_c().cast_mut());
    let response = lend_response(&answer);
    let (credentials, sink) = (lend_credentials(), lend_sink());
    let (out, s) = (credentials.as_c().cast_mut(), sink.as_c().cast_mut());
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
                "tus_response_header_count",
                vec![
                    gives("r", tus_response_header_count(null(), TEXT), 0),
                    gives("name", tus_response_header_count(response.as_c(), null()), 0),
                ],
            ),
            (
                "tus_response_header_at",
                vec![
                    gives("r", tus_response_header_at(null(), TEXT, 0), null()),
                    gives("name", tus_response_header_at(response.as_c(), null(), 0), null()),
                ],
            ),
            (
                "tus_response_body",
                vec![
                    gives("r", tus_response_body(null(), &mut 0), null()),
                    gives("len", tus_response_body(response.as_c(), null_mut()).is_null(), false),
                ],
            ),
            (
                "tus_credentials_set_header",
                vec![
                    refused("out", tus_credentials_set_header(null_mut(), TEXT, TEXT)),
                    refused("name", tus_credentials_set_header(out, null(), TEXT)),
                    gives("value", tus_credentials_set_header(out, TEXT, null()), OK),
                ],
            ),
            (
                "tus_sink_write",
                vec![
                    refused("s", tus_sink_write(null_mut(), TEXT.cast(), 1)),
                    refused("data", tus_sink_write(s, NO_BYTES, 1)),
                    gives("data", tus_sink_write(s, NO_BYTES, 0), OK),
                ],
            ),
        ]
    }
}

pub(super) fn results() -> Calls {
    let (info, metadata, server) = (info(), metadata(), server_info());
    let (i, m, s) = (info.pointer, metadata.pointer, server.pointer);
    let key = c"raw".as_ptr();
    // SAFETY: everything but the NULLs is valid.
    unsafe {
        let mut stats: tus_stats = std::mem::zeroed();
        stats.struct_size = size_of::<tus_stats>();
        vec![
            ("tus_info_url", vec![gives("i", tus_info_url(null()), null())]),
            ("tus_info_warning_count", vec![gives("i", tus_info_warning_count(null()), 0)]),
            ("tus_info_warning", vec![gives("i", tus_info_warning(null(), 0), null())]),
            ("tus_info_warning_code", vec![gives("i", tus_info_warning_code(null(), 0), 0)]),
            ("tus_info_warning_url", vec![gives("i", tus_info_warning_url(null(), 0), null())]),
            ("tus_info_offset", vec![gives("i", tus_info_offset(null()), 0)]),
            ("tus_info_size", vec![gives("i", tus_info_size(null()), u64::MAX)]),
            ("tus_info_is_complete", vec![gives("i", tus_info_is_complete(null()), 0)]),
            ("tus_info_is_deferred", vec![gives("i", tus_info_is_deferred(null()), 0)]),
            ("tus_info_expires", vec![gives("i", tus_info_expires(null()), 0)]),
            ("tus_info_concat_kind", vec![gives("i", tus_info_concat_kind(null()), 0)]),
            ("tus_info_checksum", vec![gives("i", tus_info_checksum(null()), 0)]),
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
            ("tus_previous_list_count", vec![gives("l", tus_previous_list_count(null()), 0)]),
            ("tus_previous_list_url", vec![gives("l", tus_previous_list_url(null(), 0), null())]),
            ("tus_previous_list_fingerprint", vec![gives("l", tus_previous_list_fingerprint(null(), 0), null())]),
            ("tus_previous_list_offset", vec![gives("l", tus_previous_list_offset(null(), 0), 0)]),
            ("tus_previous_list_size", vec![gives("l", tus_previous_list_size(null(), 0), u64::MAX)]),
            ("tus_previous_list_expires_s", vec![gives("l", tus_previous_list_expires_s(null(), 0), 0)]),
            ("tus_previous_list_created_s", vec![gives("l", tus_previous_list_created_s(null(), 0), 0)]),
            ("tus_previous_list_part_count", vec![gives("l", tus_previous_list_part_count(null(), 0), 0)]),
            ("tus_previous_list_part_url", vec![gives("l", tus_previous_list_part_url(null(), 0, 0), null())]),
            ("tus_previous_list_free", nothing("l", || tus_previous_list_free(null_mut()))),
            ("tus_server_info_free", nothing("i", || tus_server_info_free(null_mut()))),
        ]
    }
}
