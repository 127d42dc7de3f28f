//! The one error of the library: what went wrong, with everything known about it.
//!
//! Every layer below the C boundary returns [`Error`]. It keeps the whole chain of causes
//! ([`std::error::Error::source`]), the request and the server's answer where there was one, and never
//! turns anything into a status number: that happens once, in `ffi/error.rs`.
//! It knows no I/O type; an operating system's code is carried as the number it is.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use crate::protocol::answer::Answer;
use crate::protocol::foreign::{Secrets, foreign};
use crate::protocol::url::AbsoluteUrl;
use crate::warning::Warning;

/// Shorthand for results with the library's own [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// A cause of any type, kept for [`std::error::Error::source`].
pub type Cause = Arc<dyn StdError + Send + Sync + 'static>;

/// What kind of failure it is, sorted by who has to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    // ---- the calling program
    /// An argument is wrong: the same call can never succeed.
    InvalidArgument,
    /// The call does not fit the object's present state.
    InvalidState,
    /// The server, the source or this build lacks what was asked for.
    Unsupported,
    /// A blocking call from inside a callback of the same client.
    Busy,
    // ---- decided by the caller while it ran
    /// Cancelled; the upload stays on the server and can be resumed.
    Cancelled,
    /// A callback asked to stop; its value is kept.
    Callback(i32),
    // ---- the environment
    /// A time limit was reached.
    Timeout(TimeLimit),
    /// The source could not be opened or read.
    Source,
    /// The source is not what it was when the upload began.
    SourceChanged,
    /// The store of upload URLs could not be read or written.
    Store,
    /// The caller's fingerprint callback answered with something that is none.
    Fingerprint,
    /// The machine cannot give what the operation needs at present: a thread, a descriptor, memory.
    Resources,
    /// The host name could not be resolved.
    Resolve,
    /// No connection could be made.
    Connect,
    /// TLS failed: certificate, handshake or record.
    Tls,
    /// The connection broke.
    Io,
    // ---- the server
    /// The server answered with a status that ends the operation.
    HttpStatus,
    /// The server broke a rule of the protocol.
    Protocol(BrokenRule),
    /// Client and server could not agree on an offset.
    OffsetConflict,
    /// The upload is gone from the server (404, 410).
    Gone,
    /// The upload stayed locked by another request.
    Locked,
    /// The server keeps finding checksum mismatches.
    Checksum,
    /// The upload is larger than the server allows.
    TooLarge,
    /// The server does not speak tus 1.0.0.
    Version,
    /// The server may hold the complete upload, but has not confirmed it (T-051, T-153).
    Unconfirmed,
    // ---- ourselves
    /// A bug in this library.
    Internal,
}

/// Which time limit was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeLimit {
    /// Resolving the name, connecting and the TLS handshake.
    Connect,
    /// Everything sent, but no complete answer head.
    Response,
    /// No byte moved.
    Stall,
    /// The overall deadline of the operation.
    Total,
}

/// The rule of tus 1.0.0 (or HTTP) that the server broke.
///
/// Callers should not branch on these; tests assert them exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BrokenRule {
    /// T-010: `Upload-Offset`, `Upload-Length` or another integer is not `1*DIGIT` up to 2^63-1.
    MalformedInteger,
    /// T-010: the same header twice with different values.
    ConflictingHeaders,
    /// T-013, T-026: a success without `Upload-Offset`.
    MissingOffset,
    /// T-015: HEAD with neither `Upload-Length` nor `Upload-Defer-Length: 1`.
    MissingLength,
    /// T-014: `Upload-Offset` beyond the end of the upload.
    OffsetBeyondLength,
    /// T-025: an acknowledged offset below the one sent, or beyond what was sent.
    ImpossibleOffset,
    /// T-014: `Upload-Length` on the server differs from the source's size.
    LengthDiffers,
    /// T-034: the server takes requests but its offset does not grow.
    NoProgress,
    /// T-028: the server's offset goes back again and again.
    OffsetRegressed,
    /// T-043: a created upload without a usable `Location`.
    BadLocation,
    /// T-045, T-151: the server points from https to http.
    InsecureLocation,
    /// A server points to where it has nothing to point to: into this machine or its network, or to an origin that is not
    /// allowed.
    ForeignLocation,
    /// T-151: a redirect that cannot be followed.
    BadRedirect,
    /// T-151: more than five redirects, or a loop.
    TooManyRedirects,
    /// T-124: a final upload that is never put together.
    NotAssembled,
    /// The answer is not HTTP.
    NotHttp,
    /// A server that does not speak tus at all.
    NotTus,
}

/// The request a failure belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedRequest {
    /// The HTTP method as it was sent.
    pub method: &'static str,
    /// The method that was meant, if it was sent as POST with `X-HTTP-Method-Override` (T-009).
    pub overridden: Option<&'static str>,
    /// Where it went.
    pub url: AbsoluteUrl,
}

/// The library's error. Cheap to move, cloneable, immutable once built.
#[derive(Clone)]
pub struct Error(Box<Parts>);

#[derive(Clone)]
struct Parts {
    kind: ErrorKind,
    message: String,
    cause: Option<Cause>,
    request: Option<FailedRequest>,
    answer: Option<Answer>,
    os_code: Option<i32>,
    upload_url: Option<AbsoluteUrl>,
    resume_token: Option<String>,
    retryable: bool,
    callback_code: Option<i32>,
    /// That of a request without an answer.
    request_id: Option<String>,
    /// Uploads are named in full in messages.
    shows_urls: bool,
    warnings: Vec<Warning>,
}

impl Error {
    /// A new error; `message` is lower case, without a full stop, and says what was expected and what came.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let retryable = matches!(
            kind,
            ErrorKind::Timeout(_)
                | ErrorKind::Resources
                | ErrorKind::Resolve
                | ErrorKind::Connect
                | ErrorKind::Io
                | ErrorKind::Locked
                | ErrorKind::Cancelled
        );
        Error(Box::new(Parts {
            kind,
            message: message.into(),
            cause: None,
            request: None,
            answer: None,
            os_code: None,
            upload_url: None,
            resume_token: None,
            retryable,
            callback_code: match kind {
                ErrorKind::Callback(code) => Some(code),
                _ => None,
            },
            request_id: None,
            shows_urls: false,
            warnings: Vec::new(),
        }))
    }

    /// Shorthand for [`ErrorKind::InvalidArgument`].
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidArgument, message)
    }

    /// Adds the cause; its operating system code, if it is an [`std::io::Error`], should be set by the caller
    /// with [`Error::with_os_code`].
    #[must_use]
    pub fn with_cause(mut self, cause: Cause) -> Self {
        self.0.cause = Some(cause);
        self
    }

    /// Adds the request that failed.
    #[must_use]
    pub fn with_request(mut self, method: &'static str, url: AbsoluteUrl) -> Self {
        self.0.request = Some(FailedRequest { method, overridden: None, url });
        self
    }

    /// Adds the method that the request stood for, if that is not the one it was sent with (T-009).
    #[must_use]
    pub fn standing_for(mut self, overridden: Option<&'static str>) -> Self {
        if let Some(request) = &mut self.0.request {
            request.overridden = overridden;
        }
        self
    }

    /// Adds the server's answer.
    #[must_use]
    pub fn with_answer(mut self, answer: Answer) -> Self {
        self.0.answer = Some(answer);
        self
    }

    /// Adds the operating system's code (errno).
    #[must_use]
    pub fn with_os_code(mut self, code: Option<i32>) -> Self {
        self.0.os_code = code;
        self
    }

    /// Adds the URL from which the upload can be resumed, unless one is already known.
    #[must_use]
    pub fn with_upload_url(mut self, url: Option<AbsoluteUrl>) -> Self {
        if self.0.upload_url.is_none() {
            self.0.upload_url = url;
        }
        self
    }

    /// Adds the token with which a later run can go on.
    #[must_use]
    pub fn with_resume_token(mut self, token: Option<String>) -> Self {
        self.0.resume_token = token;
        self
    }

    /// Takes the URL away: the upload does not exist any more.
    #[must_use]
    pub fn without_upload_url(mut self) -> Self {
        self.0.upload_url = None;
        self.0.resume_token = None;
        self
    }

    /// Says whether trying the whole operation again later may help.
    #[must_use]
    pub fn with_retryable(mut self, retryable: bool) -> Self {
        self.0.retryable = retryable;
        self
    }

    /// The same as a failure of another kind, which may be worth trying again as that kind is.
    #[must_use]
    pub fn as_kind(mut self, kind: ErrorKind) -> Self {
        self.0.retryable = Self::new(kind, "").0.retryable;
        self.0.kind = kind;
        self
    }

    /// Adds the value a callback returned.
    #[must_use]
    pub fn with_callback_code(mut self, code: i32) -> Self {
        self.0.callback_code = Some(code);
        self
    }

    /// Says what the operation had warned of, in place of what was said before.
    #[must_use]
    pub fn with_warnings(mut self, warnings: Vec<Warning>) -> Self {
        self.0.warnings = warnings;
        self
    }

    /// Adds the `X-Request-ID` of the request that failed, where no answer has one.
    #[must_use]
    pub fn with_request_id(mut self, id: Option<String>) -> Self {
        self.0.request_id = id;
        self
    }

    /// Lets messages name uploads in full; without it their ids are hidden.
    #[must_use]
    pub fn with_urls_shown(mut self, shown: bool) -> Self {
        self.0.shows_urls = shown;
        self
    }

    /// Says in front of the message what it is about.
    #[must_use]
    pub fn of(mut self, what: &str) -> Self {
        self.0.message = format!("{what}: {}", self.0.message);
        self
    }

    /// Adds a reason to the message, after a semicolon.
    #[must_use]
    pub fn because(mut self, reason: impl AsRef<str>) -> Self {
        self.0.message.push_str("; ");
        self.0.message.push_str(reason.as_ref());
        self
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The request it belongs to, if there was one.
    pub fn request(&self) -> Option<&FailedRequest> {
        self.0.request.as_ref()
    }

    /// The server's answer, if there was one; its body is cut at 64 KiB.
    pub fn answer(&self) -> Option<&Answer> {
        self.0.answer.as_ref()
    }

    /// The `X-Request-ID` of the request, or the one that the server gave it: what to look for in the server's log.
    pub fn request_id(&self) -> Option<&str> {
        self.0.answer.as_ref().and_then(Answer::request_id).or(self.0.request_id.as_deref())
    }

    /// The operating system's code, if it was the cause.
    pub fn os_code(&self) -> Option<i32> {
        self.0.os_code
    }

    /// The value a callback returned, if one did not agree to go on.
    pub fn callback_code(&self) -> Option<i32> {
        self.0.callback_code
    }

    /// The upload to resume from, if one exists on the server.
    pub fn upload_url(&self) -> Option<&AbsoluteUrl> {
        self.0.upload_url.as_ref()
    }

    /// The token with which a later run can go on, parts of a parallel upload included.
    pub fn resume_token(&self) -> Option<&str> {
        self.0.resume_token.as_deref()
    }

    /// What the operation had warned of before it failed.
    pub fn warnings(&self) -> &[Warning] {
        &self.0.warnings
    }

    /// Whether trying the whole operation again later may help.
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// This error's own sentence and those of all its causes, joined by `: `.
    pub fn full_message(&self) -> String {
        let mut text = self.to_string();
        let mut next = self.source();
        while let Some(cause) = next {
            let part = cause.to_string();
            // Many error types repeat their source's text in their own: say it once.
            if !text.ends_with(&part) {
                text.push_str(": ");
                text.push_str(&part);
            }
            next = cause.source();
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        if let Some(request) = &self.0.request {
            let url = match request.overridden.unwrap_or(request.method) {
                _ if self.0.shows_urls => request.url.to_string(),
                // These go to the endpoint.
                "POST" | "OPTIONS" => request.url.redacted(),
                _ => request.url.redacted_upload(),
            };
            write!(f, " ({} {url}", request.method)?;
            if let Some(meant) = request.overridden {
                write!(f, ", X-HTTP-Method-Override: {meant},")?;
            }
            if let Some(answer) = &self.0.answer {
                write!(f, " answered {}", answer.status)?;
            }
            if let Some(id) = self.request_id() {
                write!(f, ", request id {}", foreign(id, &Secrets::none()))?;
            }
            f.write_str(")")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.0.kind, self.full_message())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.cause.as_deref().map(|cause| cause as &(dyn StdError + 'static))
    }
}
