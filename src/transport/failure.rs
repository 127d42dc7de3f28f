//! Why a step of a request failed, on its way to becoming a [`Break`](super::Break).
//!
//! Every part of the transport returns this one type. It knows nothing of the request as a whole: how much was sent
//! and whether the connection was stale is added where it leaves the transport.

use std::fmt;
use std::io;
use std::sync::Arc;

use super::BreakKind;
use crate::error::{Cause, TimeLimit};
use crate::protocol::answer::Answer;

/// What failed, with the error below.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    /// What it means to the caller.
    pub(super) kind: BreakKind,
    /// The error below.
    pub(super) cause: Option<Cause>,
    /// errno, if there is one.
    pub(super) os_code: Option<i32>,
    /// The answer of a proxy that refused the tunnel.
    pub(super) answer: Option<Box<Answer>>,
}

impl Failure {
    /// A failure whose kind says it all.
    pub(super) fn new(kind: BreakKind) -> Self {
        Failure { kind, cause: None, os_code: None, answer: None }
    }

    /// A failure explained by a sentence: lower case, no full stop.
    pub(super) fn because(kind: BreakKind, reason: impl Into<String>) -> Self {
        Failure { cause: Some(Arc::new(Reason { text: reason.into(), cause: None })), ..Failure::new(kind) }
    }

    /// A failure of the operating system.
    pub(super) fn io(kind: BreakKind, error: io::Error) -> Self {
        Failure { os_code: error.raw_os_error(), cause: Some(Arc::new(error)), ..Failure::new(kind) }
    }

    /// The same failure explained by a sentence; the cause so far becomes that one's cause.
    pub(super) fn explained(mut self, reason: impl Into<String>) -> Self {
        self.cause = Some(Arc::new(Reason { text: reason.into(), cause: self.cause.take() }));
        self
    }

    /// A time limit.
    pub(super) fn timeout(limit: TimeLimit) -> Self {
        Failure::new(BreakKind::Timeout(limit))
    }

    /// The peer ended the connection where more was due.
    pub(super) fn ended() -> Self {
        Failure::because(BreakKind::Closed, "the peer closed the connection")
    }

    /// An established connection failed while reading or writing: closed, or a TLS error that will not go away.
    pub(super) fn stream(error: io::Error) -> Self {
        #[cfg(feature = "tls")]
        if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<super::tls::Trouble>()) {
            return super::tls::failure(tls.clone());
        }
        Failure::io(BreakKind::Closed, error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Some(cause) => cause.fmt(f),
            None => write!(f, "{:?}", self.kind),
        }
    }
}

/// A sentence in a chain of causes.
#[derive(Debug)]
struct Reason {
    text: String,
    cause: Option<Cause>,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Reason {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as &(dyn std::error::Error + 'static))
    }
}
