//! An HTTP answer as the protocol sees it: status, headers, and the beginning of the body.

use super::headers::Headers;

/// How much of an answer's body is kept, in bytes: error texts are shorter, and a hostile server may send for ever.
pub const BODY_LIMIT: usize = 64 * 1024;

/// What the server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code, as sent (it may be any number of three digits).
    pub status: u16,
    /// The header fields, in the order they came.
    pub headers: Headers,
    /// The first [`BODY_LIMIT`] bytes of the body.
    pub body: Vec<u8>,
}

impl Answer {
    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}
