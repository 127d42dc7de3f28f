//! The log of requests and of broken rules, and waiting for it to say something.
//!
//! Everything a test asserts about a client is read from here; nothing here judges.

use std::fmt;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::control::held;
use crate::head::Head;

/// One request as it arrived.
#[derive(Debug, Clone)]
pub struct Request {
    /// Place in the log, from 0.
    pub number: usize,
    /// Number of the connection it came on, from 1.
    pub connection: u64,
    /// When its head was complete.
    pub arrived: Instant,
    /// The same, since the server started.
    pub at: Duration,
    /// Method as sent.
    pub method: String,
    /// Method acted on (`X-HTTP-Method-Override`).
    pub effective_method: String,
    /// Target as sent.
    pub target: String,
    /// Fields in the order sent.
    pub headers: Vec<(String, String)>,
    /// Trailer fields of a chunked body.
    pub trailers: Vec<(String, String)>,
    /// Bytes of the head on the wire.
    pub head_len: u64,
    /// Body bytes read (content, not chunk framing).
    pub body_len: u64,
    /// The first of them, 64 KiB at most.
    pub body: Vec<u8>,
    /// Whether the body was read to its end.
    pub complete: bool,
    /// Status answered, if any answer began.
    pub status: Option<u32>,
    /// Whether the answer went out to its last byte.
    pub answered: bool,
}

impl Request {
    /// The first value of a header field.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.header_all(name).into_iter().next()
    }

    /// Every value of a header field.
    pub fn header_all(&self, name: &str) -> Vec<&str> {
        let same = |(n, _): &&(String, String)| n.eq_ignore_ascii_case(name);
        let fields = self.headers.iter().filter(same);
        fields.map(|(_, value)| value.as_str()).collect()
    }
}

/// How binding a broken rule is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// A MUST of tus or of HTTP.
    Must,
    /// A SHOULD, or a rule of our own.
    Should,
}

/// A rule a client broke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Number of the rule, e.g. `T-001`; `H` for HTTP itself.
    pub rule: &'static str,
    /// How binding it is.
    pub level: Level,
    /// The request, by its place in the log.
    pub request: usize,
    /// What was expected and what came.
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, level, request, text } = self;
        write!(f, "{rule} ({level:?}) in request {request}: {text}")
    }
}

#[derive(Default)]
struct Inner {
    requests: Vec<Request>,
    violations: Vec<Violation>,
    /// Requests that fell out of a bounded log.
    dropped: usize,
}

/// The log of one server.
pub(crate) struct Log {
    started: Instant,
    keep_body: usize,
    keep_requests: usize,
    inner: Mutex<Inner>,
    changed: Condvar,
}

impl Log {
    pub(crate) fn new(keep_requests: usize, keep_body: usize) -> Self {
        Self {
            started: Instant::now(),
            keep_body,
            keep_requests: keep_requests.max(1),
            inner: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Writes down a request whose head has come; returns its number.
    pub(crate) fn begin(&self, head: &Head, effective_method: &str, connection: u64) -> usize {
        let mut inner = held(&self.inner);
        let number = inner.dropped + inner.requests.len();
        let arrived = Instant::now();
        inner.requests.push(Request {
            number,
            connection,
            arrived,
            at: arrived - self.started,
            method: head.method.clone(),
            effective_method: effective_method.to_owned(),
            target: head.target.clone(),
            headers: head.headers.clone(),
            trailers: Vec::new(),
            head_len: head.wire_len,
            body_len: 0,
            body: Vec::new(),
            complete: false,
            status: None,
            answered: false,
        });
        if inner.requests.len() > self.keep_requests {
            inner.requests.remove(0);
            inner.dropped += 1;
        }
        self.changed.notify_all();
        number
    }

    /// Adds body bytes to a request.
    pub(crate) fn body(&self, number: usize, piece: &[u8]) {
        let keep = self.keep_body;
        self.change(number, |request| {
            request.body_len += piece.len() as u64;
            let room = keep.saturating_sub(request.body.len());
            request.body.extend_from_slice(&piece[..piece.len().min(room)]);
        });
    }

    /// Changes a request that is still in the log.
    pub(crate) fn change(&self, number: usize, edit: impl FnOnce(&mut Request)) {
        let mut inner = held(&self.inner);
        let dropped = inner.dropped;
        if let Some(request) = number.checked_sub(dropped).and_then(|at| inner.requests.get_mut(at)) {
            edit(request);
        }
        self.changed.notify_all();
    }

    /// Writes down a broken rule.
    pub(crate) fn violate(&self, violation: Violation) {
        held(&self.inner).violations.push(violation);
        self.changed.notify_all();
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        held(&self.inner).requests.clone()
    }

    pub(crate) fn violations(&self) -> Vec<Violation> {
        held(&self.inner).violations.clone()
    }

    pub(crate) fn clear(&self) {
        let mut inner = held(&self.inner);
        inner.dropped += inner.requests.len();
        inner.requests.clear();
        inner.violations.clear();
    }

    /// Waits until the log satisfies `test`; false if it did not in time.
    pub(crate) fn wait_for(&self, test: impl Fn(&[Request]) -> bool, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        let mut inner = held(&self.inner);
        loop {
            if test(&inner.requests) {
                return true;
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            inner = self.changed.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
