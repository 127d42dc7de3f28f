//! Sessions against scripted and random servers, on a virtual clock.

mod assembly;
mod checksums;
mod concatenation;
mod corners;
mod create;
mod credentials;
mod deferred;
mod details;
mod exhaustive;
mod expiry;
mod model;
mod pausing;
mod previous;
mod probe;
mod redirects;
mod transfer;
mod unconfirmed;
mod waiting;

use std::num::NonZeroU64;
use std::time::Duration;

use super::*;
use crate::error::TimeLimit;
use crate::protocol::capabilities::Capabilities;
use crate::protocol::chunk::ChunkSize;
use crate::protocol::headers::Headers;
use crate::protocol::retry::RetryPolicy;

/// What a scripted server does with one request.
pub(super) enum Reply {
    /// Answers with status and headers, having taken the whole body.
    Answer(u16, Vec<(&'static str, String)>),
    /// Answers with status and body.
    Text(u16, &'static str),
    /// Answers after only so many body bytes were sent.
    Early(u64, u16, Vec<(&'static str, String)>),
    /// Breaks after so many body bytes were sent.
    Break(BrokenKind, u64),
    /// An old connection broke without a byte of an answer.
    Stale,
    /// An old connection turned out dead before it took a byte.
    Unsent,
}

/// A run that is over.
pub(super) struct Run {
    pub(super) result: Result<Outcome, Error>,
    /// Every exchange, as `METHOD url [offset+length]`.
    pub(super) requests: Vec<String>,
    pub(super) exchanges: Vec<Exchange>,
    pub(super) sleeps: Vec<(Duration, WaitReason)>,
    pub(super) notices: Vec<Notice>,
}

impl Run {
    #[track_caller]
    pub(super) fn expect_requests(&self, expected: &[&str]) {
        assert_eq!(self.requests, expected, "result: {:?}", self.result);
    }

    #[track_caller]
    pub(super) fn expect_done(&self, size: u64) {
        match &self.result {
            Ok(Outcome::Uploaded { offset, .. }) => assert_eq!(*offset, size),
            other => panic!("expected success, got {other:?} after {:?}", self.requests),
        }
    }

    #[track_caller]
    pub(super) fn expect_error(&self, kind: ErrorKind) -> &Error {
        match &self.result {
            Err(error) if error.kind() == kind => error,
            other => panic!("expected {kind:?}, got {other:?} after {:?}", self.requests),
        }
    }
}

pub(super) fn url(text: &str) -> AbsoluteUrl {
    AbsoluteUrl::parse(text).unwrap().0
}

/// An upload of `size` bytes to `http://h/files/`, without asking for capabilities.
pub(super) fn upload(size: u64) -> Plan {
    let mut plan = Plan::new(Goal::Upload { endpoint: url("http://h/files/"), size: Some(size), previous: None });
    plan.discover = false;
    plan
}

/// A resume of `http://h/files/1` from a source of `size` bytes.
pub(super) fn resume(size: u64) -> Plan {
    Plan::new(Goal::Resume { url: url("http://h/files/1"), size: Some(size), endpoint: None })
}

/// An answer of a tus server.
pub(super) fn ok(status: u16, headers: &[(&'static str, &str)]) -> Reply {
    let Reply::Answer(status, mut fields) = foreign(status, headers) else { unreachable!() };
    if !fields.iter().any(|(name, _)| *name == "Tus-Resumable") {
        fields.push(("Tus-Resumable", "1.0.0".to_owned()));
    }
    Reply::Answer(status, fields)
}

/// An answer of something that is not a tus server.
pub(super) fn foreign(status: u16, headers: &[(&'static str, &str)]) -> Reply {
    Reply::Answer(status, headers.iter().map(|(name, value)| (*name, value.to_string())).collect())
}

pub(super) fn created() -> Reply {
    ok(201, &[("Tus-Resumable", "1.0.0"), ("Location", "/files/1")])
}

pub(super) fn at(offset: u64) -> Reply {
    ok(204, &[("Tus-Resumable", "1.0.0"), ("Upload-Offset", &offset.to_string())])
}

pub(super) fn head(offset: u64, length: u64) -> Reply {
    ok(
        200,
        &[("Tus-Resumable", "1.0.0"), ("Upload-Offset", &offset.to_string()), ("Upload-Length", &length.to_string())],
    )
}

/// What HEAD says of a part.
pub(super) fn part_at(offset: u64, size: Option<u64>) -> Reply {
    let length = size.map_or(("Upload-Defer-Length", "1".to_owned()), |size| ("Upload-Length", size.to_string()));
    Reply::Answer(200, vec![("Upload-Concat", "partial".to_owned()), ("Upload-Offset", offset.to_string()), length])
}

/// A part with all its bytes.
pub(super) fn part(size: u64) -> Reply {
    part_at(size, Some(size))
}

/// HEAD of an upload whose length is still open.
pub(super) fn open(offset: u64) -> Reply {
    ok(200, &[("Tus-Resumable", "1.0.0"), ("Upload-Offset", &offset.to_string()), ("Upload-Defer-Length", "1")])
}

/// What a header of the request says.
pub(super) fn field<'a>(exchange: &'a Exchange, name: &str) -> Option<&'a str> {
    exchange.headers.iter().find(|(have, _)| *have == name).map(|(_, value)| value.as_str())
}

pub(super) fn fixed(size: u64) -> ChunkSize {
    ChunkSize::Fixed(NonZeroU64::new(size).unwrap())
}

/// A server that is known to offer these extensions, a comma list, and these checksums.
pub(super) fn offering(extensions: &str, algorithms: &str) -> Option<Capabilities> {
    let list = |text: &str| text.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    Some(Capabilities {
        versions: vec!["1.0.0".to_owned()],
        extensions: list(extensions),
        checksum_algorithms: list(algorithms),
        max_size: None,
    })
}

pub(super) fn no_retries() -> RetryPolicy {
    RetryPolicy { max_retries: 0, ..RetryPolicy::default() }
}

pub(super) fn warned(run: &Run, of: &str) -> bool {
    run.notices.iter().any(|notice| matches!(notice, Notice::Warning(warning) if warning.text.contains(of)))
}

pub(super) fn describe(exchange: &Exchange) -> String {
    let range = match exchange.body {
        Body::Range { start, length } => format!(" {start}+{length}"),
        Body::None | Body::Empty => String::new(),
    };
    format!("{} {}{range}", exchange.meaning().as_str(), exchange.url)
}

/// Plays `plan` against a server that answers request number n (from 0).
pub(super) fn play(plan: Plan, server: impl FnMut(usize, &Exchange) -> Reply) -> Run {
    play_stream(plan, 0, Ok(true), server)
}

/// The same with a source of `total` bytes whose size only its end tells, and this word on new credentials.
pub(super) fn play_stream(
    plan: Plan,
    total: u64,
    credentials: Result<bool, i32>,
    mut server: impl FnMut(usize, &Exchange) -> Reply,
) -> Run {
    let mut now = Instant(1_000_000);
    let mut session = Session::start(plan, now);
    let mut run =
        Run { result: Ok(Outcome::Terminated), requests: vec![], exchanges: vec![], sleeps: vec![], notices: vec![] };
    for _ in 0..5_000 {
        let event = match session.next() {
            Action::Finished(_) => {
                run.result = session.into_result().unwrap();
                return run;
            }
            Action::Decide(question) => Event::Decided(Ok(question.delay)),
            Action::Authenticate(_) => Event::Authenticated(credentials),
            Action::LookAhead { start, length } => {
                let available = length.min(total - start);
                Event::Ahead { available, end: start + available == total }
            }
            Action::Sleep { until, why } => {
                run.sleeps.push((until - now, why));
                now = until;
                Event::Woke
            }
            Action::Send(exchange) => {
                run.requests.push(describe(exchange));
                run.exchanges.push(exchange.clone());
                let length = match exchange.body {
                    Body::Range { length, .. } => length,
                    Body::None | Body::Empty => 0,
                };
                now = now + Duration::from_millis(10);
                let reply = server(run.requests.len() - 1, exchange);
                reply_event(reply, length)
            }
        };
        session = session.happened(event, now);
        run.notices.extend(session.take_notices());
    }
    panic!("the session does not end: {:?}", &run.requests[..40]);
}

/// Plays against a fixed list of replies; a request too many or too few is a failure.
#[track_caller]
pub(super) fn play_list(plan: Plan, replies: Vec<Reply>) -> Run {
    play_stream_list(plan, 0, Ok(true), replies)
}

/// The same with a source of `total` bytes whose size only its end tells, and this word on new credentials.
#[track_caller]
pub(super) fn play_stream_list(plan: Plan, total: u64, credentials: Result<bool, i32>, replies: Vec<Reply>) -> Run {
    let mut replies = replies.into_iter();
    let run = play_stream(plan, total, credentials, |_, exchange| {
        replies.next().unwrap_or_else(|| panic!("one request too many: {}", describe(exchange)))
    });
    assert!(replies.next().is_none(), "replies left over after {:?}: {:?}", run.requests, run.result);
    run
}

fn reply_event(reply: Reply, length: u64) -> Event {
    let answered = |status, headers: Vec<(&'static str, String)>, body_sent| Event::Answered {
        answer: Answer::new(
            status,
            headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            Vec::new(),
        ),
        body_sent,
        wall: 784_111_777,
    };
    let broken = |kind, body_sent, stale_connection| {
        Event::Broken(Broken {
            kind,
            cause: None,
            os_code: None,
            body_sent,
            stale_connection,
            never_sent: false,
            answer: None,
        })
    };
    match reply {
        Reply::Answer(status, headers) => answered(status, headers, length),
        Reply::Text(status, text) => {
            Event::Answered { answer: Answer::new(status, Headers::new(), text), body_sent: length, wall: 784_111_777 }
        }
        Reply::Early(sent, status, headers) => answered(status, headers, sent.min(length)),
        Reply::Break(kind, sent) => broken(kind, sent.min(length), false),
        Reply::Stale => broken(BrokenKind::Closed, length, true),
        Reply::Unsent => Event::Broken(Broken {
            kind: BrokenKind::Closed,
            cause: None,
            os_code: None,
            body_sent: 0,
            stale_connection: true,
            never_sent: true,
            answer: None,
        }),
    }
}

pub(super) const RESET: Reply = Reply::Break(BrokenKind::Closed, u64::MAX);
pub(super) const NO_ANSWER: Reply = Reply::Break(BrokenKind::Timeout(TimeLimit::Response), u64::MAX);
