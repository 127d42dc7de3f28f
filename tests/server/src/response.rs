//! An answer as data, the changes a rule makes to it, and its bytes on the wire.
//!
//! Builds bytes and never sends them. Nothing is validated on purpose: a rule may ask for
//! statuses, names and values no correct server would send.

use std::fs::File;
use std::sync::Arc;

use crate::fault::{BodyFraming, Chunks, Edit};
use crate::store::Entry;

/// What follows the head.
pub(crate) enum Body {
    Bytes(Vec<u8>),
    /// A stored upload and how much of it, for GET.
    File(File, u64),
}

/// A final answer.
pub(crate) struct Response {
    pub(crate) status: u32,
    pub(crate) reason: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Body,
    /// Boxed because it is big and hardly ever unusual.
    pub(crate) framing: Box<BodyFraming>,
    pub(crate) newline: &'static str,
    pub(crate) http10: bool,
    /// The upload the answer speaks of.
    pub(crate) entry: Option<Arc<Entry>>,
}

impl Response {
    pub(crate) fn new(status: u32) -> Self {
        Self {
            status,
            reason: None,
            headers: Vec::new(),
            body: Body::Bytes(Vec::new()),
            framing: Box::default(),
            newline: "\r\n",
            http10: false,
            entry: None,
        }
    }

    /// A refusal with a line of text for whoever reads the traffic.
    pub(crate) fn refusal(status: u32, text: &str) -> Self {
        let mut response = Self::new(status).with("Content-Type", "text/plain; charset=utf-8");
        response.body = Body::Bytes(format!("{text}\n").into_bytes());
        response
    }

    pub(crate) fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.into(), value.to_string()));
        self
    }

    pub(crate) fn about(mut self, entry: &Arc<Entry>) -> Self {
        self.entry = Some(Arc::clone(entry));
        self
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.headers.push((name.into(), value.into()));
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let same = |(n, _): &&(String, String)| n.eq_ignore_ascii_case(name);
        self.headers.iter().find(same).map(|(_, v)| v.as_str())
    }

    /// Makes one change; `Location` is the exchange's business, which knows the URLs.
    pub(crate) fn edit(&mut self, edit: &Edit) {
        match edit {
            Edit::Set(name, value) => self.set(name, value),
            Edit::Add(name, value) => self.headers.push((name.clone(), value.clone())),
            Edit::Remove(name) => self.remove(name),
            Edit::Status(status) => self.status = *status,
            Edit::Reason(reason) => self.reason = Some(reason.clone()),
            Edit::Body(body) => self.body = Body::Bytes(body.clone()),
            Edit::Framing(framing) => *self.framing = framing.clone(),
            Edit::OffsetBy(difference) => {
                let offset = self.header("Upload-Offset").and_then(|v| v.parse().ok());
                if let Some(offset) = offset {
                    let offset: u64 = offset;
                    let lie = i128::from(offset) + i128::from(*difference);
                    self.set("Upload-Offset", &lie.to_string());
                }
            }
            Edit::BareLf => self.newline = "\n",
            Edit::Http10 => self.http10 = true,
            Edit::Location(_) => {}
        }
    }

    /// Whether a body follows the head at all (T-018).
    pub(crate) fn has_body(&self, method: &str) -> bool {
        method != "HEAD" && !(100..200).contains(&self.status) && ![204, 304].contains(&self.status)
    }

    /// Whether the end of the body can only be the end of the connection.
    pub(crate) fn ends_with_connection(&self, method: &str) -> bool {
        let counted = *self.framing == BodyFraming::Length && !self.http10;
        let chunked = matches!(*self.framing, BodyFraming::Chunked(_));
        self.has_body(method) && !counted && !chunked
    }

    /// The head, with the blank line unless header lines are to go on for ever.
    pub(crate) fn head_bytes(&self, method: &str, blank_line: bool) -> Vec<u8> {
        let version = if self.http10 { "1.0" } else { "1.1" };
        let reason = match &self.reason {
            Some(reason) => reason,
            None => reason_of(self.status),
        };
        let mut text = format!("HTTP/{version} {} {reason}{}", self.status, self.newline);
        for (name, value) in self.headers.iter().chain(&self.framing_headers(method)) {
            text.push_str(&format!("{name}: {value}{}", self.newline));
        }
        if blank_line {
            text.push_str(self.newline);
        }
        text.into_bytes()
    }

    /// The fields that say where the body ends, unless a rule already said so.
    fn framing_headers(&self, method: &str) -> Option<(String, String)> {
        if !self.has_body(method) || self.ends_with_connection(method) {
            return None;
        }
        let (name, value) = match (&*self.framing, &self.body) {
            (BodyFraming::Chunked(_), _) => ("Transfer-Encoding", "chunked".into()),
            (_, Body::Bytes(bytes)) => ("Content-Length", bytes.len().to_string()),
            (_, Body::File(_, length)) => ("Content-Length", length.to_string()),
        };
        match self.header(name) {
            Some(_) => None,
            None => Some((name.into(), value)),
        }
    }
}

/// The wire form of a chunked body.
pub(crate) fn chunked(body: &[u8], chunks: &Chunks) -> Vec<u8> {
    let mut wire = Vec::new();
    for (index, piece) in body.chunks(chunks.size.max(1)).enumerate() {
        let size = match (&chunks.bad_size, index) {
            (Some(bad), 0) => bad.clone(),
            _ => format!("{:x}", piece.len()),
        };
        wire.extend_from_slice(format!("{size}{}\r\n", chunks.extension).as_bytes());
        wire.extend_from_slice(piece);
        wire.extend_from_slice(b"\r\n");
    }
    let last = match (&chunks.bad_size, body.is_empty()) {
        (Some(bad), true) => bad.as_str(),
        _ => "0",
    };
    wire.extend_from_slice(format!("{last}{}\r\n", chunks.extension).as_bytes());
    for (name, value) in &chunks.trailers {
        wire.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    wire.extend_from_slice(b"\r\n");
    wire
}

/// The usual reason phrase; empty for statuses without one.
pub(crate) fn reason_of(status: u32) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        102 => "Processing",
        103 => "Early Hints",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        417 => "Expectation Failed",
        423 => "Locked",
        425 => "Too Early",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        460 => "Checksum Mismatch",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_and_framing() {
        let mut response = Response::new(204).with("Upload-Offset", 5);
        response.edit(&Edit::OffsetBy(-7));
        response.edit(&Edit::Reason(String::new()));
        let head = String::from_utf8(response.head_bytes("PATCH", true)).unwrap();
        assert_eq!(head, "HTTP/1.1 204 \r\nUpload-Offset: -2\r\n\r\n");
        response.edit(&Edit::Status(200));
        let head = String::from_utf8(response.head_bytes("PATCH", true)).unwrap();
        assert!(head.contains("Content-Length: 0\r\n"), "{head}");
        let head = String::from_utf8(response.head_bytes("HEAD", true)).unwrap();
        assert!(!head.contains("Content-Length"), "{head}");
    }

    #[test]
    fn chunks_with_all_their_parts() {
        let mut chunks =
            Chunks { size: 3, extension: ";a=b".into(), trailers: vec![("X".into(), "y".into())], bad_size: None };
        assert_eq!(chunked(b"hello", &chunks), b"3;a=b\r\nhel\r\n2;a=b\r\nlo\r\n0;a=b\r\nX: y\r\n\r\n");
        chunks.bad_size = Some("zz".into());
        assert!(chunked(b"", &chunks).starts_with(b"zz"));
    }
}
