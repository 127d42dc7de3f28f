//! An HTTP answer as the protocol sees it: status, headers, and the beginning of the body.

use super::foreign::{Secrets, foreign};
use super::headers::Headers;

/// How much of an answer's body is kept, in bytes: error texts are shorter, and a hostile server may send for ever.
pub const BODY_LIMIT: usize = 64 * 1024;

/// What the server answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code, as sent (it may be any number of three digits).
    pub status: u16,
    /// The header fields, in the order they came.
    pub headers: Headers,
    /// The first [`BODY_LIMIT`] bytes of the body.
    pub body: Vec<u8>,
    /// What in it is not to be shown.
    secrets: Secrets,
    request_id: Option<String>,
}

impl Answer {
    /// An answer to a request without secrets.
    pub fn new(status: u16, headers: Headers, body: impl Into<Vec<u8>>) -> Answer {
        Answer { status, headers, body: body.into(), secrets: Secrets::none(), request_id: None }
    }

    /// Says what the request had that the answer may show, and its `X-Request-ID`.
    #[must_use]
    pub fn to_request(mut self, secrets: Secrets, request_id: Option<String>) -> Answer {
        (self.secrets, self.request_id) = (secrets, request_id);
        self
    }

    /// The same, to be kept: once its words have been quoted.
    #[must_use]
    pub fn without_secrets(&self) -> Answer {
        Answer { secrets: Secrets::none(), ..self.clone() }
    }

    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The `X-Request-ID` of the request, or else the one that the server gave it.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref().or_else(|| self.headers.get("X-Request-ID"))
    }

    /// The first line of the body, fit for a message; pages for browsers are not.
    pub fn first_line(&self) -> Option<String> {
        let text = std::str::from_utf8(&self.body).ok()?.trim_start();
        let line = text.lines().next()?;
        Some(self.quote(line)).filter(|line| !line.is_empty() && !line.starts_with('<'))
    }

    /// Words of this answer, fit for a message.
    pub fn quote(&self, words: &str) -> String {
        foreign(words, &self.secrets)
    }

    /// Whether a tus server wrote it, as far as that can be told: what stands in front of one, a balancer or a
    /// maintenance page, does not send `Tus-Resumable` (T-003). Some proxies take it away too.
    pub fn is_from_tus(&self) -> bool {
        self.headers.get("Tus-Resumable").is_some()
    }

    /// Whether nothing in it is about tus: it says nothing of an upload, whatever its status.
    pub fn is_foreign(&self) -> bool {
        let about_tus = |name: &str| {
            let name = name.to_ascii_lowercase();
            name.starts_with("tus-") || name.starts_with("upload-")
        };
        !self.headers.iter().any(|(name, _)| about_tus(name))
    }
}
