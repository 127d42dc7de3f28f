//! What goes into the session and what comes out of it.

use std::time::Duration;

use crate::error::{Cause, Error, TimeLimit};
use crate::protocol::answer::Answer;
use crate::protocol::capabilities::Capabilities;
use crate::protocol::checksum::Checked;
use crate::protocol::instant::Instant;
use crate::protocol::url::{AbsoluteUrl, Origin};
use crate::warning::Warning;

use super::exchange::Exchange;
use super::outcome::Outcome;

/// What the session wants of its driver.
#[derive(Debug)]
pub enum Action<'a> {
    /// Make this request, then tell [`Event::Answered`] or [`Event::Broken`]; or do not, and tell [`Event::HeldBack`].
    Send(&'a Exchange),
    /// Read ahead in a source of unknown size, then tell [`Event::Ahead`] (T-072).
    LookAhead {
        /// From where.
        start: u64,
        /// How far, at least one byte.
        length: u64,
    },
    /// The server wants (other) credentials: get some, then tell [`Event::Authenticated`].
    Authenticate(&'a Error),
    /// Ask the caller whether to try again, then tell [`Event::Decided`]. A driver without anyone to ask answers
    /// with the delay proposed.
    Decide(&'a Question),
    /// Wait, then tell [`Event::Woke`].
    Sleep {
        /// Until when.
        until: Instant,
        /// What for.
        why: WaitReason,
    },
    /// It is over; nothing more may be told.
    Finished(&'a Result<Outcome, Error>),
}

/// What a wait is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitReason {
    /// Back-off after a failed try.
    Backoff,
    /// The server said how long (T-140).
    RetryAfter,
    /// The upload is locked.
    Lock,
    /// The server is putting a final upload together (T-124).
    Assembly,
}

/// A try failed and would be repeated.
#[derive(Debug, Clone)]
pub struct Question {
    /// What went wrong.
    pub error: Error,
    /// The number of the coming retry, from 1.
    pub attempt: u32,
    /// How long to wait before it.
    pub delay: Duration,
    /// What the wait is for.
    pub why: WaitReason,
}

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// The server answered.
    Answered {
        /// What it said.
        answer: Answer,
        /// Body bytes of the request that may have reached it.
        body_sent: u64,
        /// The wall clock, in seconds since 1970, for dates in the answer.
        wall: u64,
    },
    /// The request broke without an answer.
    Broken(Broken),
    /// The request, which asks what the server can do, was not made: the answer to another session's is this.
    Learned(Capabilities),
    /// The request was not made: the server has asked for no more requests until then (T-140), in an answer to
    /// another session.
    HeldBack {
        /// When it may be made.
        until: Instant,
    },
    /// The wait asked for is over.
    Woke,
    /// The caller's word on a [`Question`]: try again after this delay, or not (with a code of its own).
    Decided(Result<Duration, i32>),
    /// What a look ahead found.
    Ahead {
        /// How many bytes there are, at most as many as were asked for.
        available: u64,
        /// Whether the source ends with them.
        end: bool,
    },
    /// Whether there are new credentials to try; an error is a callback's code.
    Authenticated(Result<bool, i32>),
    /// The driver cannot go on: source failed or changed, cancelled, a callback said no, out of time.
    Stopped(Error),
}

/// How a request broke.
#[derive(Debug)]
pub struct Broken {
    /// What happened.
    pub kind: BrokenKind,
    /// The cause below.
    pub cause: Option<Cause>,
    /// The operating system's code.
    pub os_code: Option<i32>,
    /// Body bytes that may have reached the server.
    pub body_sent: u64,
    /// The connection was an old one and died without a byte of an answer: it may have been dead before (scenario 56).
    pub stale_connection: bool,
    /// Nothing of the request left this machine.
    pub never_sent: bool,
    /// The answer of a proxy that made no tunnel.
    pub answer: Option<Box<Answer>>,
}

impl Broken {
    /// Whether the request may have reached the server, or a part of it.
    pub(super) fn may_have_arrived(&self) -> bool {
        !self.never_sent && !self.kind.is_before_the_request()
    }
}

/// What broke a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrokenKind {
    /// No address for the host.
    Resolve,
    /// No connection.
    Connect,
    /// A proxy will not make the tunnel: no use to try again.
    ProxyRefused,
    /// TLS refused the peer, or the peer us: no use to try again.
    TlsRejected,
    /// A server has given a URL that leads to where it may not point.
    ForeignLocation,
    /// The connection ended.
    Closed,
    /// The answer is not HTTP.
    NotHttp,
    /// A setting of the caller's stands in the way: no use to try again.
    Setting,
    /// A time limit.
    Timeout(TimeLimit),
    /// The system cannot give what the request needs at present.
    Resources,
    /// The request cannot be formed.
    Unsendable,
    /// It was broken off for a pause that is over now: nobody's failure.
    Paused,
}

impl BrokenKind {
    /// Whether nothing of the request can have reached the server.
    pub(super) fn is_before_the_request(self) -> bool {
        match self {
            BrokenKind::Resolve | BrokenKind::Connect | BrokenKind::ProxyRefused => true,
            BrokenKind::TlsRejected | BrokenKind::ForeignLocation | BrokenKind::Resources | BrokenKind::Setting => true,
            BrokenKind::Timeout(limit) => limit == TimeLimit::Connect,
            BrokenKind::Closed | BrokenKind::NotHttp | BrokenKind::Unsendable | BrokenKind::Paused => false,
        }
    }
}

/// Something the driver may pass on while the session goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// What the server can do was learned.
    Capabilities(Capabilities),
    /// The upload just created has this URL; to be kept before the first byte goes out (T-052).
    UploadUrl(AbsoluteUrl),
    /// The server had this much before this session sent anything.
    Resumed(u64),
    /// The server has acknowledged this much.
    Acknowledged(u64),
    /// The server's offset went back to this.
    WentBack(u64),
    /// A request with data failed.
    ChunkFailed,
    /// A failed try will be repeated.
    Retrying,
    /// The upload is gone from the server, or was never the one it was taken for; a new one will be created (T-083).
    Gone(AbsoluteUrl),
    /// An upload of an earlier run cannot be continued now, though it may exist; a new one will be created.
    Abandoned(AbsoluteUrl),
    /// The size of the source, which was unknown at the beginning.
    Size(u64),
    /// How the data just acknowledged was checked.
    Checked(Checked),
    /// The server will drop the unfinished upload at this time, in seconds since 1970 (T-080).
    Expires(u64),
    /// The server will drop the upload at this time, in seconds since 1970, which is sooner than it can be completed at
    /// the present speed (T-082).
    Expiring(u64),
    /// The server is too busy for this origin's requests, all of them, for this long from now (T-140).
    HoldBack {
        /// Of which server.
        origin: Origin,
        /// How long.
        delay: Duration,
    },
    /// Something odd that is no failure.
    Warning(Warning),
}
