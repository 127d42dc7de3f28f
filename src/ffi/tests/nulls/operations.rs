//! What acts: clients and their operations.

use std::ffi::c_char;
use std::ptr::{null, null_mut};

use super::super::super::*;
use super::super::fixture::*;
use super::{Calls, TEXT, URL, gives, nothing, refused, taken_as_none};

pub(super) fn clients() -> Calls {
    let (client, config) = (client(), config());
    let (c, no) = (client.pointer, null_mut());
    let mut buffer: [c_char; 8] = [0; 8];
    let buf = buffer.as_mut_ptr();
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
            ("tus_client_set_workers", vec![refused("c", tus_client_set_workers(no, 1))]),
            ("tus_client_set_bandwidth_limit", vec![refused("c", tus_client_set_bandwidth_limit(no, 1))]),
            ("tus_client_set_memory_limit", vec![refused("c", tus_client_set_memory_limit(no, 1))]),
            ("tus_client_event_handle", vec![gives("c", tus_client_event_handle(no), -1)]),
            ("tus_client_dispatch", vec![gives("c", tus_client_dispatch(no, 0), 0)]),
            ("tus_client_close", vec![refused("c", tus_client_close(no, 0))]),
            (
                "tus_client_set_header",
                vec![
                    refused("c", tus_client_set_header(no, TEXT, TEXT, null_mut())),
                    refused("name", tus_client_set_header(c, null(), TEXT, null_mut())),
                    taken_as_none("value", tus_client_set_header(c, TEXT, null(), null_mut())),
                    taken_as_none("err", tus_client_set_header(c, TEXT, TEXT, null_mut())),
                ],
            ),
            (
                "tus_client_copy_header",
                vec![
                    refused("c", tus_client_copy_header(no, TEXT, buf, 8, &mut 0, null_mut())),
                    refused("name", tus_client_copy_header(c, null(), buf, 8, &mut 0, null_mut())),
                    refused("buf", tus_client_copy_header(c, TEXT, null_mut(), 8, &mut 0, null_mut())),
                    gives("buf", tus_client_copy_header(c, TEXT, null_mut(), 0, &mut 0, null_mut()), OK),
                    gives("len", tus_client_copy_header(c, TEXT, buf, 8, null_mut(), null_mut()), OK),
                    gives("err", tus_client_copy_header(c, TEXT, buf, 8, &mut 0, null_mut()), OK),
                ],
            ),
        ]
    }
}

pub(super) fn operations() -> Calls {
    let (client, source, options) = (client(), source(), options());
    let (c, s, o) = (client.pointer, source.pointer, options.pointer.cast_const());
    let path = FILE.as_ptr();
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

pub(super) fn creations() -> Calls {
    let (client, source, options) = (client(), source(), options());
    let (c, s, o) = (client.pointer, source.pointer, options.pointer.cast_const());
    let urls = [URL, null()];
    let urls = urls.as_ptr();
    // SAFETY: everything but the NULLs is valid. The operations fail to connect, so there are no results to free.
    unsafe {
        vec![
            (
                "tus_client_create_partial_upload",
                vec![
                    refused("c", tus_client_create_partial_upload(null_mut(), s, o, &mut null_mut(), null_mut())),
                    refused("s", tus_client_create_partial_upload(c, null_mut(), o, &mut null_mut(), null_mut())),
                    taken_as_none("o", tus_client_create_partial_upload(c, s, null(), &mut null_mut(), null_mut())),
                    taken_as_none("out", tus_client_create_partial_upload(c, s, o, null_mut(), null_mut())),
                    taken_as_none("err", tus_client_create_partial_upload(c, s, o, &mut null_mut(), null_mut())),
                ],
            ),
            (
                "tus_client_create_final_upload",
                vec![
                    refused("c", tus_client_create_final_upload(null_mut(), urls, 1, o, &mut null_mut(), null_mut())),
                    refused("urls", tus_client_create_final_upload(c, null(), 1, o, &mut null_mut(), null_mut())),
                    refused("urls", tus_client_create_final_upload(c, urls, 2, o, &mut null_mut(), null_mut())),
                    taken_as_none("o", tus_client_create_final_upload(c, urls, 1, null(), &mut null_mut(), null_mut())),
                    taken_as_none("out", tus_client_create_final_upload(c, urls, 1, o, null_mut(), null_mut())),
                    taken_as_none("err", tus_client_create_final_upload(c, urls, 1, o, &mut null_mut(), null_mut())),
                ],
            ),
            (
                "tus_client_create_deferred_upload",
                vec![
                    refused("c", tus_client_create_deferred_upload(null_mut(), o, &mut null_mut(), null_mut())),
                    taken_as_none("o", tus_client_create_deferred_upload(c, null(), &mut null_mut(), null_mut())),
                    taken_as_none("out", tus_client_create_deferred_upload(c, o, null_mut(), null_mut())),
                    taken_as_none("err", tus_client_create_deferred_upload(c, o, &mut null_mut(), null_mut())),
                ],
            ),
            (
                "tus_client_find_previous_uploads",
                vec![
                    refused("c", tus_client_find_previous_uploads(null_mut(), s, null_mut(), null_mut())),
                    refused("s", tus_client_find_previous_uploads(c, null_mut(), null_mut(), null_mut())),
                    gives("out", tus_client_find_previous_uploads(c, s, null_mut(), null_mut()), OK),
                    gives("err", tus_client_find_previous_uploads(c, s, null_mut(), null_mut()), OK),
                ],
            ),
            (
                "tus_client_list_stored",
                vec![
                    refused("c", tus_client_list_stored(null_mut(), &mut null_mut(), null_mut())),
                    gives("out", tus_client_list_stored(c, null_mut(), null_mut()), OK),
                    gives("err", tus_client_list_stored(c, null_mut(), null_mut()), OK),
                ],
            ),
            (
                "tus_client_forget",
                vec![
                    refused("c", tus_client_forget(null_mut(), URL, null_mut())),
                    refused("upload_url", tus_client_forget(c, null(), null_mut())),
                    gives("err", tus_client_forget(c, URL, null_mut()), OK),
                ],
            ),
            (
                "tus_client_prune_store",
                vec![
                    refused("c", tus_client_prune_store(null_mut(), 0, &mut 0, null_mut())),
                    gives("removed", tus_client_prune_store(c, 0, null_mut(), null_mut()), OK),
                    gives("err", tus_client_prune_store(c, 0, &mut 0, null_mut()), OK),
                ],
            ),
        ]
    }
}

pub(super) fn uploaders() -> Calls {
    let (client, source, options) = (client(), source(), options());
    let (c, s, o) = (client.pointer, source.pointer, options.pointer.cast_const());
    let no = null_mut();
    // SAFETY: everything but the NULLs is valid. Uploaders fail to connect, so that there are none; what becomes of one is
    // tested from C.
    unsafe {
        let mut stats: tus_stats = std::mem::zeroed();
        stats.struct_size = size_of::<tus_stats>();
        vec![
            (
                "tus_client_create_uploader",
                vec![
                    refused("c", tus_client_create_uploader(null_mut(), s, o, &mut null_mut(), null_mut())),
                    refused("s", tus_client_create_uploader(c, null_mut(), o, &mut null_mut(), null_mut())),
                    taken_as_none("o", tus_client_create_uploader(c, s, null(), &mut null_mut(), null_mut())),
                    refused("out", tus_client_create_uploader(c, s, o, null_mut(), null_mut())),
                    taken_as_none("err", tus_client_create_uploader(c, s, o, &mut null_mut(), null_mut())),
                ],
            ),
            (
                "tus_uploader_upload",
                vec![
                    refused("u", tus_uploader_upload(no, &mut null_mut(), null_mut())),
                    refused("out", tus_uploader_upload(no, null_mut(), null_mut())),
                    refused("err", tus_uploader_upload(no, &mut null_mut(), null_mut())),
                ],
            ),
            (
                "tus_uploader_upload_chunk",
                vec![
                    refused("u", tus_uploader_upload_chunk(no, &mut 0, null_mut())),
                    refused("out_more", tus_uploader_upload_chunk(no, null_mut(), null_mut())),
                    refused("err", tus_uploader_upload_chunk(no, &mut 0, null_mut())),
                ],
            ),
            ("tus_uploader_set_chunk_size", vec![refused("u", tus_uploader_set_chunk_size(no, 1))]),
            ("tus_uploader_is_complete", vec![gives("u", tus_uploader_is_complete(no), 0)]),
            ("tus_uploader_warning_count", vec![gives("u", tus_uploader_warning_count(no), 0)]),
            ("tus_uploader_warning", vec![gives("u", tus_uploader_warning(no, 0), null())]),
            ("tus_uploader_warning_code", vec![gives("u", tus_uploader_warning_code(no, 0), 0)]),
            ("tus_uploader_warning_url", vec![gives("u", tus_uploader_warning_url(no, 0), null())]),
            ("tus_uploader_offset", vec![gives("u", tus_uploader_offset(no), 0)]),
            ("tus_uploader_url", vec![gives("u", tus_uploader_url(no), null())]),
            ("tus_uploader_resume_token", vec![gives("u", tus_uploader_resume_token(no), null())]),
            (
                "tus_uploader_get_stats",
                vec![
                    refused("u", tus_uploader_get_stats(no, &raw mut stats)),
                    refused("stats", tus_uploader_get_stats(no, null_mut())),
                ],
            ),
            ("tus_uploader_cancel", nothing("u", || tus_uploader_cancel(no))),
            ("tus_uploader_free", nothing("u", || tus_uploader_free(no))),
        ]
    }
}
