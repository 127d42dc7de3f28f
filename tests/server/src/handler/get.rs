//! GET: the stored bytes, for comparison; not part of tus.
//!
//! Gives what is there, finished or not; has no ranges.

use std::fs::File;
use std::io;

use super::{Context, Outcome};
use crate::response::{Body, Response};

pub(super) fn handle(cx: &Context<'_>) -> io::Result<Outcome> {
    let entry = match cx.upload() {
        Ok(entry) => entry,
        Err(refusal) => return Ok(Outcome::Answer(refusal)),
    };
    cx.shared.store.settle(&entry)?;
    if cx.shared.store.sinks() {
        let text = "the bytes were thrown away";
        return Ok(Outcome::Answer(Response::refusal(404, text)));
    }
    let file = File::open(cx.shared.store.bytes_path(entry.id()))?;
    let mut response = Response::new(200)
        .with("Content-Type", "application/octet-stream")
        .with("Cache-Control", "no-store")
        .about(&entry);
    response.body = Body::File(file, entry.offset());
    Ok(Outcome::Answer(response))
}
