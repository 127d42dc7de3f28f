//! POST: a new upload, perhaps with its first bytes.
//!
//! An upload whose bytes are refused is not created; one whose bytes break off is.

use std::io;
use std::sync::Arc;

use super::receive::{Received, receive};
use super::{Context, Outcome, concat, with_expires};
use crate::body::Body;
use crate::head::{Framing, number};
use crate::response::Response;
use crate::store::{Concat, Entry, Info};
use crate::urls::Route;

pub(super) fn handle(cx: &Context<'_>, body: &mut Body<'_>) -> io::Result<Outcome> {
    if cx.route != Route::Collection {
        let refusal = Response::refusal(404, "nothing is created here");
        return Ok(Outcome::Answer(refusal));
    }
    let length = cx.head.first("Upload-Length").and_then(number);
    if too_big(cx, length) {
        let refusal = Response::refusal(413, "the upload is too big");
        return Ok(Outcome::Answer(refusal));
    }
    let mut info = Info::new(length);
    info.metadata = cx.head.first("Upload-Metadata").map(str::to_owned);
    info.expires = cx.options().expires_after.map(|d| cx.shared.now() + d);
    let entry = match cx.head.first("Upload-Concat") {
        Some(sent) if sent.starts_with("final;") => match concat::create(cx, sent, info)? {
            Ok(entry) => entry,
            Err(refusal) => return Ok(Outcome::Answer(refusal)),
        },
        concat => {
            info.concat_sent = concat.map(str::to_owned);
            if concat.is_some() {
                info.concat = Concat::Partial;
            }
            cx.shared.store.create(info)?
        }
    };
    first_bytes(cx, body, &entry)
}

/// Takes the body if there is one and `creation-with-upload` is on.
fn first_bytes(cx: &Context<'_>, body: &mut Body<'_>, entry: &Arc<Entry>) -> io::Result<Outcome> {
    let empty = matches!(cx.head.framing(), Ok(Framing::Nothing | Framing::Length(0)) | Err(_));
    let created = with_expires(Response::new(201), entry).about(entry);
    if empty || !cx.options().extensions.creation_with_upload {
        return Ok(Outcome::Answer(created));
    }
    let busy = entry.take(cx.options().contention.patience());
    let received = receive(cx, body, entry)?;
    drop(busy);
    match received {
        Received::Stored => {
            let created = with_expires(Response::new(201), entry).about(entry);
            let created = created.with("Upload-Offset", entry.offset());
            Ok(Outcome::Answer(created))
        }
        Received::Cut => Ok(Outcome::Cut),
        Received::Refused(refusal) => {
            cx.shared.store.remove(entry);
            Ok(Outcome::Answer(refusal))
        }
    }
}

fn too_big(cx: &Context<'_>, length: Option<u64>) -> bool {
    match (length, cx.options().max_size) {
        (Some(length), Some(max)) => length > max,
        _ => false,
    }
}
