//! HEAD: how far an upload is.
//!
//! Never says an offset it does not know: an unfinished final upload has none (T-124).

use std::io;
use std::sync::Arc;

use super::{Context, Outcome, with_expires};
use crate::response::Response;
use crate::store::{Concat, Entry};

pub(super) fn handle(cx: &Context<'_>) -> io::Result<Outcome> {
    let entry = match cx.upload() {
        Ok(entry) => entry,
        Err(refusal) => return Ok(Outcome::Answer(refusal.with("Cache-Control", "no-store"))),
    };
    cx.shared.store.settle(&entry)?;
    // A PATCH that was given up a moment ago may still be on its way to disk.
    drop(entry.take(cx.options().contention.patience()));
    let mut response = Response::new(200).with("Cache-Control", "no-store");
    let info = entry.info();
    let unfinished_final = matches!(info.concat, Concat::Final(_)) && !entry.is_finished();
    if !unfinished_final {
        response = response.with("Upload-Offset", entry.offset());
    }
    match (info.length, unfinished_final) {
        (Some(length), _) => response = response.with("Upload-Length", length),
        (None, false) => response = response.with("Upload-Defer-Length", 1),
        (None, true) => {
            if let Some(length) = sum_of_parts(cx, &entry) {
                response = response.with("Upload-Length", length);
            }
        }
    }
    if let Some(metadata) = &info.metadata {
        response = response.with("Upload-Metadata", metadata);
    }
    if let Some(concat) = &info.concat_sent {
        response = response.with("Upload-Concat", concat);
    }
    Ok(Outcome::Answer(with_expires(response, &entry).about(&entry)))
}

/// The length of a final upload, if that of every part is known.
fn sum_of_parts(cx: &Context<'_>, entry: &Arc<Entry>) -> Option<u64> {
    let Concat::Final(parts) = entry.info().concat else {
        return None;
    };
    let lengths = parts.iter().map(|id| cx.shared.find(id)?.length());
    lengths.sum()
}
