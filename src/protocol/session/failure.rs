//! How what went wrong becomes an [`Error`]: one function for each kind of reason.

use crate::error::{BrokenRule, Error, ErrorKind, TimeLimit};
use crate::protocol::answer::Answer;
use crate::protocol::capabilities::VERSION;
use crate::protocol::reaction::{Reaction, react};

use super::event::{Broken, BrokenKind};
use super::exchange::{Exchange, Method};

/// An error about an answer, with the first line of what the server had to say.
pub(super) fn fail(kind: ErrorKind, what: impl Into<String>, exchange: &Exchange, answer: Option<&Answer>) -> Error {
    let mut message = what.into();
    if let Some(line) = answer.and_then(Answer::first_line) {
        message.push_str(&format!("; the server says: {line}"));
    }
    let mut error = of_request(Error::new(kind, message), exchange);
    if let Some(answer) = answer {
        let again =
            matches!(react(exchange.purpose, answer), Reaction::Again(_) | Reaction::Conflict | Reaction::Missing);
        error = error.with_answer(answer.without_secrets()).with_retryable(again);
    }
    error
}

/// Names the request as it was sent.
fn of_request(error: Error, exchange: &Exchange) -> Error {
    let error = error.with_request(exchange.method.as_str(), exchange.url.clone());
    error.standing_for(exchange.overridden.map(Method::as_str))
}

/// An error about a status the reaction table ends with.
pub(super) fn refused(kind: ErrorKind, exchange: &Exchange, answer: &Answer) -> Error {
    let doing = exchange.purpose.doing();
    let mut what = match kind {
        ErrorKind::Version => format!("{doing} failed: the server does not speak tus {VERSION}"),
        ErrorKind::Unsupported => format!("{doing} failed: the server does not support it"),
        ErrorKind::TooLarge => format!("{doing} failed: it is too large for the server"),
        ErrorKind::Locked => format!("{doing} failed: the upload stays locked"),
        ErrorKind::Gone => format!("{doing} failed: the upload does not exist on the server (any more)"),
        ErrorKind::OffsetConflict => format!("{doing} failed: client and server cannot agree on the offset"),
        // RFC 9110 section 15.5.8: no server says that.
        _ if answer.status == 407 => {
            format!("{doing} failed: the proxy asks for (other) credentials, which belong into its URL (407)")
        }
        // A success that is none.
        ErrorKind::Protocol(_) => format!("{doing} failed: what answered is not a tus server"),
        _ if react(exchange.purpose, answer) == Reaction::Missing => {
            format!("{doing} failed with status {} of something that is not a tus server", answer.status)
        }
        _ => format!("{doing} failed with status {}", answer.status),
    };
    if kind == ErrorKind::Version
        && let Some(versions) = answer.headers.get("Tus-Version")
    {
        what.push_str(&format!(", but {}", answer.quote(versions)));
    }
    fail(kind, what, exchange, Some(answer))
}

/// The server may hold the complete upload but has not confirmed it (T-051, T-153): the same again could make a second
/// one.
pub(super) fn unconfirmed(what: impl Into<String>, exchange: &Exchange, answer: Option<&Answer>) -> Error {
    fail(ErrorKind::Unconfirmed, what, exchange, answer).with_retryable(false)
}

/// The tus server itself refused the request with the last byte, and turns out to have all of them (T-153).
pub(super) fn refused_finish(exchange: &Exchange, answer: &Answer) -> Error {
    let what = format!("the server has all the data, but answered the last of it with status {}", answer.status);
    unconfirmed(what, exchange, Some(answer))
}

/// An error about a rule the server broke.
pub(super) fn broke_rule(rule: BrokenRule, exchange: &Exchange, answer: &Answer) -> Error {
    let what = match rule {
        BrokenRule::MalformedInteger => "a header that must be a number from 0 to 2^63-1 is not",
        BrokenRule::ConflictingHeaders => "a header came twice with different values",
        BrokenRule::MissingOffset => "the answer has no Upload-Offset",
        BrokenRule::MissingLength => "the answer has neither Upload-Length nor Upload-Defer-Length",
        BrokenRule::OffsetBeyondLength => "the server's offset lies beyond the end of the upload",
        BrokenRule::ImpossibleOffset => "the server's offset is one that nothing sent can have led to",
        BrokenRule::LengthDiffers => "the upload on the server has another length than the source",
        BrokenRule::NoProgress => "the server takes data but its offset does not grow",
        BrokenRule::OffsetRegressed => "the server's offset keeps going back",
        BrokenRule::BadLocation => "the created upload has no usable Location",
        BrokenRule::InsecureLocation => {
            "the server points from https to http (it may stand behind a TLS proxy without knowing)"
        }
        BrokenRule::ForeignLocation => "the server points to where it may not",
        BrokenRule::BadRedirect => "the redirect cannot be followed",
        BrokenRule::TooManyRedirects => "too many redirects",
        BrokenRule::NotAssembled => "the server does not finish putting the parts together",
        BrokenRule::NotHttp => "the answer is not HTTP",
        BrokenRule::NotTus => "no tus server answers there: check the path of the URL",
    };
    fail(ErrorKind::Protocol(rule), format!("{} failed: {what}", exchange.purpose.doing()), exchange, Some(answer))
        .with_retryable(false)
}

/// An error about a request that broke.
pub(super) fn broke(broken: Broken, exchange: &Exchange) -> Error {
    let (kind, what) = match broken.kind {
        BrokenKind::Resolve => (ErrorKind::Resolve, "the host name could not be resolved"),
        BrokenKind::Connect => (ErrorKind::Connect, "no connection could be made"),
        BrokenKind::Setting => (ErrorKind::InvalidArgument, "a setting stands in the way"),
        BrokenKind::ProxyRefused => (ErrorKind::HttpStatus, "the proxy refused the tunnel to the server"),
        BrokenKind::TlsRejected => (ErrorKind::Tls, "no secure connection could be made"),
        BrokenKind::ForeignLocation => {
            (ErrorKind::Protocol(BrokenRule::ForeignLocation), "the server points to where it may not")
        }
        BrokenKind::Closed => (ErrorKind::Io, "the connection broke"),
        BrokenKind::NotHttp => (ErrorKind::Protocol(BrokenRule::NotHttp), "the answer is not valid HTTP"),
        BrokenKind::Timeout(limit) => (
            ErrorKind::Timeout(limit),
            match limit {
                TimeLimit::Connect => "connecting took too long",
                TimeLimit::Response => "the server did not answer in time",
                TimeLimit::Stall => "no data moved for too long",
                TimeLimit::Total => "the operation's deadline passed",
            },
        ),
        BrokenKind::Resources => (ErrorKind::Resources, "the system cannot give what the request needs at present"),
        BrokenKind::Unsendable => (ErrorKind::Internal, "the request cannot be sent"),
        BrokenKind::Paused => (ErrorKind::Io, "the request was broken off for a pause"),
    };
    let error = Error::new(kind, format!("{} failed: {what}", exchange.purpose.doing())).with_os_code(broken.os_code);
    let error = match broken.answer {
        // The proxy's, which saw nothing of the request itself.
        Some(answer) => error.with_request("CONNECT", exchange.url.clone()).with_answer(*answer),
        None => of_request(error, exchange),
    };
    match broken.cause {
        Some(cause) => error.with_cause(cause),
        None => error,
    }
}

/// Whether trying again can help at all.
pub(super) fn is_worth_retrying(kind: BrokenKind) -> bool {
    match kind {
        BrokenKind::Resources
        | BrokenKind::Resolve
        | BrokenKind::Connect
        | BrokenKind::Closed
        | BrokenKind::NotHttp
        | BrokenKind::Paused => true,
        BrokenKind::Timeout(limit) => limit != TimeLimit::Total,
        BrokenKind::ProxyRefused
        | BrokenKind::Setting
        | BrokenKind::TlsRejected
        | BrokenKind::ForeignLocation
        | BrokenKind::Unsendable => false,
    }
}
