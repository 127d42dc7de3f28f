//! How an operation failed, in the words both faces have.

use tus::error::{BrokenRule, TimeLimit};

/// The kinds of failure, as the C API's statuses name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    InvalidArgument,
    InvalidState,
    Unsupported,
    Cancelled,
    Callback,
    Timeout,
    Busy,
    Source,
    SourceChanged,
    Resources,
    Resolve,
    Connect,
    Tls,
    Io,
    HttpStatus,
    Protocol,
    OffsetConflict,
    Gone,
    Locked,
    Checksum,
    TooLarge,
    Version,
    Unconfirmed,
    /// A bug of the library's: no test expects it.
    Internal,
}

/// A failure.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    /// The rule the server broke; only the engine tells it as a value.
    pub(crate) rule: Option<BrokenRule>,
    /// The time limit that was reached; only the engine tells it as a value.
    pub(crate) limit: Option<TimeLimit>,
    pub(crate) message: String,
    /// The server's status; 0 without an answer.
    pub(crate) status: u16,
    /// The operating system's code; 0 for none.
    pub(crate) os_code: i32,
    /// What a callback returned; 0 for nothing.
    pub(crate) code: i32,
    pub(crate) retryable: bool,
    /// Where to go on from.
    pub(crate) upload_url: Option<String>,
    /// The body of the server's answer.
    pub(crate) body: Vec<u8>,
}

impl Failure {
    /// The kind, the status and whether there is an upload to go on with: what most scenarios ask of a failure.
    pub(crate) fn gist(&self) -> (Kind, u16, bool) {
        (self.kind, self.status, self.upload_url.is_some())
    }

    /// The server broke this rule and no other.
    #[track_caller]
    pub(crate) fn assert_broke(&self, rule: BrokenRule) {
        assert_eq!(self.kind, Kind::Protocol, "{self:?}");
        assert!(self.rule.is_none_or(|broken| broken == rule), "not {rule:?}: {self:?}");
        assert!(!self.retryable, "{self:?}");
    }

    /// This time limit was reached.
    #[track_caller]
    pub(crate) fn assert_timeout(&self, limit: TimeLimit) {
        assert_eq!(self.kind, Kind::Timeout, "{self:?}");
        assert!(self.limit.is_none_or(|reached| reached == limit), "not {limit:?}: {self:?}");
    }

    #[track_caller]
    pub(crate) fn assert_says(&self, words: &str) {
        assert!(self.message.contains(words), "{words:?} is not in {:?}", self.message);
    }
}
