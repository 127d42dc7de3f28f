//! An answer in our own terms.

use std::io::Read as _;
use std::sync::Arc;

use ureq::http::Response;
use ureq::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};

use super::context::Context;
use crate::protocol::answer::{Answer, BODY_LIMIT};

/// Reads the rest of an answer whose head is complete. Whatever happens now, the status counts and is returned: a
/// body that breaks off, drips, or never ends is cut, and the connection then closed.
pub(super) fn finish(response: Response<ureq::Body>, context: &Arc<Context>) -> Answer {
    let (parts, body) = response.into_parts();
    if parts.headers.contains_key(TRANSFER_ENCODING) && parts.headers.contains_key(CONTENT_LENGTH) {
        // RFC 9112 section 6.3: it may be an attempt to smuggle an answer in, so nothing after it is trusted.
        context.facts().doubtful = true;
    }
    let headers = std::mem::take(&mut context.facts().headers);
    Answer::new(parts.status.as_u16(), headers, read_body(body))
}

/// Up to [`BODY_LIMIT`] bytes. ureq lets go of the connection when it has been read to its end.
fn read_body(body: ureq::Body) -> Vec<u8> {
    let mut kept = Vec::new();
    // One byte more than is kept tells whether that is all. What came before a failure counts.
    let _ = body.into_reader().take(BODY_LIMIT as u64 + 1).read_to_end(&mut kept);
    kept.truncate(BODY_LIMIT);
    kept
}
