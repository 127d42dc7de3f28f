//! PATCH: more bytes for an upload.
//!
//! Changes nothing unless the offset fits; judges what only the stored state can tell.

use std::io;
use std::sync::Arc;

use super::receive::{Received, receive};
use super::{Context, Outcome, with_expires};
use crate::body::Body;
use crate::head::{Framing, number};
use crate::log::Level;
use crate::response::Response;
use crate::store::{Concat, Entry};

pub(super) fn handle(cx: &Context<'_>, body: &mut Body<'_>) -> io::Result<Outcome> {
    let entry = match cx.upload() {
        Ok(entry) => entry,
        Err(refusal) => return Ok(Outcome::Answer(refusal)),
    };
    let Some(_busy) = entry.take(cx.options().contention.patience()) else {
        let refusal = Response::refusal(423, "the upload is being written to");
        return Ok(Outcome::Answer(refusal));
    };
    if let Some(refusal) = refuse(cx, &entry) {
        return Ok(Outcome::Answer(refusal));
    }
    if let Some(refusal) = declare_length(cx, &entry)? {
        return Ok(Outcome::Answer(refusal));
    }
    match receive(cx, body, &entry)? {
        Received::Stored => {
            let response = Response::new(204).with("Upload-Offset", entry.offset());
            let response = with_expires(response, &entry).about(&entry);
            Ok(Outcome::Answer(response))
        }
        Received::Cut => Ok(Outcome::Cut),
        Received::Refused(refusal) => Ok(Outcome::Answer(refusal)),
    }
}

/// What the state of the upload forbids.
fn refuse(cx: &Context<'_>, entry: &Arc<Entry>) -> Option<Response> {
    if matches!(entry.info().concat, Concat::Final(_)) {
        let text = "PATCH of a final upload";
        cx.violate("T-125", Level::Must, text.into());
        return Some(Response::refusal(403, text));
    }
    let claimed = cx.head.first("Upload-Offset").and_then(number)?;
    let offset = entry.offset();
    if claimed != offset {
        if !entry.was_told(claimed) {
            let text = format!("offset {claimed} was never said by the server");
            cx.violate("T-021", Level::Must, text);
        }
        let text = format!("the offset is {offset}, not {claimed}");
        return Some(Response::refusal(409, &text).about(entry));
    }
    let empty = cx.head.framing() == Ok(Framing::Length(0));
    if entry.is_finished() && empty {
        let text = "PATCH of a finished upload".into();
        cx.violate("T-016", Level::Should, text);
    }
    None
}

/// `Upload-Length` in a PATCH (T-071, T-074).
fn declare_length(cx: &Context<'_>, entry: &Arc<Entry>) -> io::Result<Option<Response>> {
    let Some(length) = cx.head.first("Upload-Length").and_then(number) else {
        return Ok(None);
    };
    match entry.length() {
        Some(known) if known == length => {
            let text = "Upload-Length although it is known".into();
            cx.violate("T-071", Level::Should, text);
        }
        Some(known) => {
            let text = format!("Upload-Length {length} after {known}");
            cx.violate("T-071", Level::Must, text.clone());
            return Ok(Some(Response::refusal(400, &text)));
        }
        None if length < entry.offset() => {
            let text = format!("Upload-Length {length} below the offset");
            cx.violate("T-074", Level::Must, text.clone());
            return Ok(Some(Response::refusal(400, &text)));
        }
        None if cx.options().max_size.is_some_and(|max| length > max) => {
            return Ok(Some(Response::refusal(413, "the upload is too big")));
        }
        None => {
            entry.set_length(length);
            cx.shared.store.save(entry)?;
        }
    }
    Ok(None)
}
