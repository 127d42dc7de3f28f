//! Results: what is known of an upload and of a server.

use std::time::Duration;

use crate::protocol::checksum::Algorithm;
use crate::protocol::metadata::Metadata;
use crate::protocol::url::AbsoluteUrl;
use crate::warning::Warning;

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

/// An unfinished upload of an earlier run, as the store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviousUpload {
    /// Its URL; of one in parts, that of the first part.
    pub url: String,
    /// By what it was recognised, in the form the client's fingerprinter makes; `None` if by the file's identity, before
    /// a fingerprint was known.
    pub fingerprint: Option<String>,
    /// Bytes the server had acknowledged when this was last noted; it may have more.
    pub offset: u64,
    /// Its size.
    pub size: u64,
    /// When the server drops it, in seconds since 1970.
    pub expires: Option<u64>,
    /// When it was created, in seconds since 1970.
    pub created: u64,
    /// Its parts' URLs, if it is sent in parts.
    pub parts: Vec<String>,
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
    /// The algorithm by which the server checked what this operation sent; `None` if some of it was not checked.
    pub checksum: Option<Algorithm>,
    /// What the operation took.
    pub stats: Stats,
    /// What is no failure, but may have to be acted on.
    pub warnings: Vec<Warning>,
}

/// What an operation took.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Stats {
    /// The size of the upload; `None` while it is unknown.
    pub bytes_total: Option<u64>,
    /// Bytes the server has acknowledged, those of earlier runs included.
    pub bytes_confirmed: u64,
    /// Bytes that were on the server before this operation.
    pub bytes_resumed: u64,
    /// Body bytes handed to the network, repeated ones included.
    pub bytes_sent: u64,
    /// Requests on the wire.
    pub requests: u64,
    /// Tries that failed and were repeated.
    pub retries: u64,
    /// Chunks (PATCH or creating POST requests with data) that were acknowledged.
    pub chunks_completed: u64,
    /// Chunks given up for good: the operation, a part of it or a call of an uploader ended because of them.
    pub chunks_failed: u64,
    /// Chunks that were sent more than once, however often.
    pub chunks_retried: u64,
    /// How many there are in all: those completed, and the rest at the present chunk size.
    pub chunks_total: u64,
    /// When the operation began, in milliseconds since 1970.
    pub started_ms: u64,
    /// Bytes sent per second, over the last seconds.
    pub speed: f64,
    /// How long the rest will take at this speed; `None` while nothing moves or the total is unknown.
    pub eta: Option<Duration>,
    /// From the start of the operation to its end.
    pub elapsed: Duration,
}
