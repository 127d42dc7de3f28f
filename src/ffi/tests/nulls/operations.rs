//! What acts: clients and their operations.

use std::ptr::{null, null_mut};

use super::super::super::*;
use super::super::fixture::*;
use super::{Calls, TEXT, URL, gives, nothing, refused, taken_as_none};

pub(super) fn clients() -> Calls {
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
