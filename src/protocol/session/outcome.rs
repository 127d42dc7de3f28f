//! What a session that ended well has to say.

use crate::protocol::capabilities::Capabilities;
use crate::protocol::headers::Headers;
use crate::protocol::url::AbsoluteUrl;

/// The result of a session, by its goal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Of an upload or a resume: all bytes are acknowledged, or those up to `stop_at`.
    Uploaded {
        /// Where it is.
        url: AbsoluteUrl,
        /// Bytes the server has acknowledged.
        offset: u64,
        /// The upload's size; `None` while it is deferred.
        size: Option<u64>,
        /// When the server will drop it unless complete, in seconds since 1970.
        expires: Option<u64>,
    },
    /// Of an inspection.
    Inspected {
        /// Where it is.
        url: AbsoluteUrl,
        /// Bytes the server has.
        offset: u64,
        /// The upload's size, unless deferred.
        size: Option<u64>,
        /// All the headers of the answer.
        headers: Headers,
    },
    /// Of a termination: the upload is gone.
    Terminated,
    /// Of a discovery.
    Discovered(Capabilities),
}
