//! DELETE: the end of an upload, finished or not.
//!
//! Never deletes under a PATCH that is still writing.

use super::Context;
use crate::response::Response;

pub(super) fn handle(cx: &Context<'_>) -> Response {
    let entry = match cx.upload() {
        Ok(entry) => entry,
        Err(refusal) => return refusal,
    };
    let patience = cx.options().contention.patience();
    let Some(_busy) = entry.take(patience) else {
        return Response::refusal(423, "the upload is being written to");
    };
    cx.shared.terminate(&entry);
    Response::new(204)
}
