//! The caller's functions: what they get to see and what they may decide.
//!
//! Hooks run on the thread of the operation, never two at a time for one upload, and no lock is held meanwhile.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};
use crate::protocol::answer::Answer;
use crate::protocol::fields;
pub use crate::protocol::session::WaitReason;
use crate::protocol::url::AbsoluteUrl;
use crate::transport::Field;

/// `Err(code)` ends the operation with [`ErrorKind::Callback`], unless it is already over: an upload whose last byte
/// has been acknowledged is done, whatever is said afterwards.
pub type HookResult = std::result::Result<(), i32>;

/// Sees every request before it goes out and may change its headers.
pub type BeforeRequest = Arc<dyn Fn(&mut OutgoingRequest) -> HookResult + Send + Sync>;
/// Sees every answer, errors too.
pub type AfterResponse = Arc<dyn Fn(&OutgoingRequest, &Answer) -> HookResult + Send + Sync>;
/// Decides whether a failed try is repeated; gets the error, the number of the coming retry (from 1) and the delay.
pub type ShouldRetry = Arc<dyn Fn(&Error, u32, Duration) -> RetryVerdict + Send + Sync>;
/// Learns the upload's URL as soon as it exists.
pub type OnUploadUrl = Arc<dyn Fn(&AbsoluteUrl) -> HookResult + Send + Sync>;
/// Gets other credentials after the server has refused the present ones (401): sees the answer, and sets the headers
/// that all requests of the client carry from then on. `Err(code)` is that there are none: the operation ends with the
/// server's refusal, and the code is kept in it.
pub type Credentials = Arc<dyn Fn(&Answer, &mut NewHeaders) -> HookResult + Send + Sync>;
/// Learns that the server will drop the upload, at this time in seconds since 1970, sooner than it can be complete at
/// the present speed (T-082).
pub type OnExpiring = Arc<dyn Fn(&AbsoluteUrl, u64) -> HookResult + Send + Sync>;
/// Learns the token with which the upload can be continued by a later run, each time it changes.
pub type OnResumeToken = Arc<dyn Fn(&str) -> HookResult + Send + Sync>;
/// Learns how far the upload is.
pub type OnProgress = Arc<dyn Fn(&Progress) -> HookResult + Send + Sync>;

/// By which a request is found in the server's log.
pub(crate) const REQUEST_ID: &str = "X-Request-ID";

/// Runs the function it is given.
pub(crate) type AroundThread = Arc<dyn Fn(&mut dyn FnMut()) + Send + Sync>;

/// A caller's answer to "shall this be tried again?".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryVerdict {
    /// Yes, after this delay.
    After(Duration),
    /// No: the operation ends with the error at hand, the code is kept in it.
    GiveUp(i32),
}

/// How far an upload is, in bytes. Neither counter ever exceeds the total.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Progress {
    /// Handed to the operating system to be sent, counted from the beginning of the source; what it has buffered is
    /// included. Falls back to `confirmed` when a try breaks.
    pub sent: u64,
    /// Acknowledged by the server.
    pub confirmed: u64,
    /// The size of the upload; `None` while it is unknown.
    pub total: Option<u64>,
    /// What was on the server before this operation; 0 until the server has told.
    pub resumed: u64,
    /// Bytes sent per second, over the last seconds.
    pub speed: f64,
    /// How long the rest will take at this speed; `None` while nothing moves or the total is unknown.
    pub eta: Option<Duration>,
    /// Tries of this operation that failed and were, or are about to be, repeated.
    pub retries: u64,
    /// What it waits for before it sends anything; of an upload in parts, what one of them waits for.
    pub waiting: Option<WaitReason>,
}

impl Progress {
    /// Whether all but speed and the time left is the same.
    pub fn counts_like(&self, other: &Progress) -> bool {
        let counts = |progress: &Progress| Progress { speed: 0.0, eta: None, ..*progress };
        counts(self) == counts(other)
    }
}

/// Headers with which a client goes on after a refusal.
#[derive(Default)]
pub struct NewHeaders(pub(crate) Vec<(String, Option<Zeroizing<String>>)>);

impl NewHeaders {
    /// Sets a header for all requests from now on; `None` removes it. The library's own are refused.
    pub fn set(&mut self, name: &str, value: Option<&str>) -> Result<()> {
        fields::check_field(name, value.unwrap_or_default())?;
        self.0.push((name.to_owned(), value.map(|value| Zeroizing::new(value.to_owned()))));
        Ok(())
    }
}

/// A request about to be sent.
pub struct OutgoingRequest {
    method: String,
    url: AbsoluteUrl,
    trusted: bool,
    headers: Vec<Field>,
}

impl OutgoingRequest {
    pub(crate) fn new(method: String, url: AbsoluteUrl, trusted: bool, headers: Vec<Field>) -> Self {
        OutgoingRequest { method, url, trusted, headers }
    }

    /// The method as it will be sent.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Where it goes.
    pub fn url(&self) -> &AbsoluteUrl {
        &self.url
    }

    /// Whether it goes to the endpoint's origin or one the caller allowed, so that it carries the caller's headers.
    pub fn is_trusted(&self) -> bool {
        self.trusted
    }

    /// The first value of a header of this request.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(have, _)| have.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Its `X-Request-ID`, whoever set it.
    pub(crate) fn request_id(&self) -> Option<&str> {
        self.header(REQUEST_ID)
    }

    /// All headers but those the transport adds itself.
    pub fn headers(&self) -> &[Field] {
        &self.headers
    }

    /// Sets a header for this request only; `None` removes it. The library's own headers are refused, and on an
    /// origin that is not trusted every header is (T-150): a hook that adds its token to each request must not
    /// hand it to whoever a `Location` names.
    pub fn set_header(&mut self, name: &str, value: Option<&str>) -> Result<()> {
        fields::check_field(name, value.unwrap_or_default())?;
        if !self.trusted && value.is_some() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("{} is not an allowed origin: no headers of the caller's are sent there", self.url.origin()),
            ));
        }
        self.headers.retain(|(have, _)| !have.eq_ignore_ascii_case(name));
        if let Some(value) = value {
            self.headers.push((name.to_owned(), Zeroizing::new(value.to_owned())));
        }
        Ok(())
    }
}

/// Without the values of headers, which may be secrets.
impl fmt::Debug for OutgoingRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.method, self.url)
    }
}

/// The hooks of a client.
#[derive(Clone, Default)]
pub struct Hooks {
    /// Before each request on the wire.
    pub before_request: Option<BeforeRequest>,
    /// After each answer.
    pub after_response: Option<AfterResponse>,
    /// Before each retry, never after the last attempt.
    pub should_retry: Option<ShouldRetry>,
    /// Once per upload that gets a URL.
    pub on_upload_url: Option<OnUploadUrl>,
    /// After a 401, once for all operations of the client that met it with the same headers.
    pub credentials: Option<Credentials>,
    /// When an upload is about to expire.
    pub on_expiring: Option<OnExpiring>,
    /// Runs what a thread of the library's does for an operation of the client: the C layer marks the thread.
    pub(crate) around_thread: Option<AroundThread>,
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks")
            .field("before_request", &self.before_request.is_some())
            .field("after_response", &self.after_response.is_some())
            .field("should_retry", &self.should_retry.is_some())
            .field("on_upload_url", &self.on_upload_url.is_some())
            .field("credentials", &self.credentials.is_some())
            .field("on_expiring", &self.on_expiring.is_some())
            .finish_non_exhaustive()
    }
}
