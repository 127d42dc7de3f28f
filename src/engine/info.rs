//! Results: what is known of an upload and of a server.

use std::time::Duration;

use crate::protocol::metadata::Metadata;
use crate::protocol::url::AbsoluteUrl;

pub use crate::protocol::capabilities::Capabilities as ServerInfo;

/// What kind of upload it is, by its `Upload-Concat` (T-120, T-121).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ConcatKind {
    /// An ordinary upload.
    #[default]
    None,
    /// A part of a final upload.
    Partial,
    /// Made of parts.
    Final,
}

/// What is known of an upload on a server.
#[derive(Debug, Clone)]
pub struct UploadInfo {
    /// Its URL.
    pub url: AbsoluteUrl,
    /// Bytes the server has acknowledged.
    pub offset: u64,
    /// Its size; `None` while it is deferred.
    pub size: Option<u64>,
    /// Whether the server has acknowledged every byte.
    pub complete: bool,
    /// Metadata: as sent after an upload, as the server tells after a query.
    pub metadata: Metadata,
    /// The same, as text where the values are text in the client's metadata encoding.
    pub text: Vec<(String, Option<String>)>,
    /// When the server will drop the unfinished upload, as seconds since 1970.
    pub expires: Option<u64>,
    /// Part, final or neither.
    pub concat: ConcatKind,
    /// What the operation took.
    pub stats: Stats,
}

/// What an operation took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Bytes that were on the server before this operation.
    pub bytes_resumed: u64,
    /// Body bytes handed to the network, repeated ones included.
    pub bytes_sent: u64,
    /// Requests on the wire.
    pub requests: u64,
    /// Tries that failed and were repeated.
    pub retries: u64,
    /// PATCH (or creating POST) requests that were acknowledged.
    pub chunks_completed: u64,
    /// Those that failed.
    pub chunks_failed: u64,
    /// From the start of the operation to its end.
    pub elapsed: Duration,
}
