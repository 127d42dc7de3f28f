//! What all states of a session share: the plan, the budgets, and how a failure becomes a retry or an end.

use std::time::Duration;

use crate::error::{BrokenRule, Error, ErrorKind};
use crate::protocol::answer::Answer;
use crate::protocol::capabilities::{Capabilities, VERSION};
use crate::protocol::chunk::ChunkSizer;
use crate::protocol::date::parse_http_date;
use crate::protocol::instant::Instant;
use crate::protocol::reaction::{Budget, Purpose};
use crate::protocol::retry::{RetryAfter, parse_retry_after};
use crate::protocol::url::AbsoluteUrl;

use super::event::{Broken, BrokenKind, Notice, Question, WaitReason};
use super::exchange::{Exchange, Method, Request};
use super::pause::{Deciding, Waiting};
use super::plan::Plan;
use super::{Finished, State};

/// 409s in a row without progress before client and server count as unable to agree (T-027).
const MAX_CONFLICTS: u32 = 5;
/// Uploads begun again because the server lost one (T-083).
const MAX_RESTARTS: u32 = 3;
/// Times the server's offset may go back (T-028).
const MAX_REGRESSIONS: u32 = 3;
/// The longest pause between two looks at a lock: it may be released at any moment.
const LOCK_PAUSE_MAX: Duration = Duration::from_secs(10);

/// Plan, budgets and what has been learned. Passed to every step of a state.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) plan: Plan,
    pub(super) capabilities: Option<Capabilities>,
    pub(super) sizer: ChunkSizer,
    pub(super) notices: Vec<Notice>,
    pub(super) expires: Option<u64>,
    /// The time of the step being made.
    pub(super) now: Instant,
    /// The wall clock of the answer being read, corrected by its `Date`.
    wall: u64,
    random: fastrand::Rng,
    tries: u32,
    lock_pauses: u32,
    lock_waited: Duration,
    conflicts: u32,
    restarts: u32,
    regressions: u32,
    interrupted: bool,
    stale_forgiven: bool,
    warned_version: bool,
    fresh_data_connections: bool,
}

/// How a failed try goes on, if it does.
pub(super) struct Retry {
    pub(super) error: Error,
    pub(super) budget: Budget,
    /// The answer, for its `Retry-After`.
    pub(super) answer: Option<Answer>,
    /// What comes after the wait.
    pub(super) then: State,
}

impl Core {
    pub(super) fn new(plan: Plan, now: Instant) -> Core {
        Core {
            capabilities: plan.capabilities.clone(),
            sizer: ChunkSizer::new(plan.chunk_size, plan.replay_limit),
            random: fastrand::Rng::with_seed(plan.seed),
            plan,
            notices: Vec::new(),
            expires: None,
            now,
            wall: 0,
            tries: 0,
            lock_pauses: 0,
            lock_waited: Duration::ZERO,
            conflicts: 0,
            restarts: 0,
            regressions: 0,
            interrupted: false,
            stale_forgiven: false,
            warned_version: false,
            fresh_data_connections: false,
        }
    }

    pub(super) fn request(&self, purpose: Purpose, method: Method, url: &AbsoluteUrl) -> Request {
        let mut request = Request::new(purpose, method, url.clone(), &self.plan.trusted);
        request.exchange.fresh_connection =
            self.fresh_data_connections && matches!(method, Method::Patch | Method::Post);
        request
    }

    pub(super) fn warn(&mut self, text: impl Into<String>) {
        self.notices.push(Notice::Warning(text.into()));
    }

    /// Reads what any answer may carry: version, expiry, the server's clock.
    pub(super) fn note_answer(&mut self, exchange: &Exchange, answer: &Answer, wall: u64) -> Result<(), Error> {
        self.wall = answer.headers.get("Date").and_then(parse_http_date).unwrap_or(wall);
        if let Some(expires) = answer.headers.get("Upload-Expires").and_then(parse_http_date) {
            self.expires = Some(expires);
        }
        if exchange.purpose == Purpose::Discover || !answer.is_success() {
            return Ok(());
        }
        match answer.headers.get("Tus-Resumable") {
            Some(VERSION) => Ok(()),
            Some(other) => Err(fail(
                ErrorKind::Version,
                format!("the server answered in tus version {other:?}, this is {VERSION}"),
                exchange,
                Some(answer),
            )),
            None => {
                // T-003: proxies strip it; say so once.
                if !self.warned_version {
                    self.warned_version = true;
                    self.warn("the server's answers carry no Tus-Resumable");
                }
                Ok(())
            }
        }
    }

    /// T-034: the acknowledged offset grew, so trying has been worth it and all budgets are fresh.
    pub(super) fn progressed(&mut self, offset: u64) {
        self.tries = 0;
        self.lock_pauses = 0;
        self.lock_waited = Duration::ZERO;
        self.conflicts = 0;
        self.interrupted = false;
        self.stale_forgiven = false;
        self.notices.push(Notice::Acknowledged(offset));
    }

    /// Charges a failed try and goes on to the wait before the next one, or ends.
    pub(super) fn retry(&mut self, retry: Retry) -> State {
        let Retry { error, budget, answer, then } = retry;
        let asked = answer.as_ref().and_then(|answer| self.asked_delay(answer));
        let (delay, why, attempt) = match (budget, asked) {
            (Budget::Tries, asked) => {
                self.tries += 1;
                if self.tries > self.plan.retry.max_retries {
                    return Finished::error(error);
                }
                let backoff = self.plan.retry.backoff(self.tries, &mut self.random);
                let why = if asked.is_some() { WaitReason::RetryAfter } else { WaitReason::Backoff };
                (asked.unwrap_or(backoff), why, self.tries)
            }
            (Budget::Lock, asked) => {
                self.lock_pauses += 1;
                let pause = self.plan.retry.backoff(self.lock_pauses, &mut self.random).min(LOCK_PAUSE_MAX);
                // A pause of nothing would make the budget last for ever.
                let delay = asked.unwrap_or(pause).max(Duration::from_millis(1));
                self.lock_waited = self.lock_waited.saturating_add(delay);
                if self.lock_waited > self.plan.retry.lock_budget {
                    return Finished::error(error);
                }
                (delay, WaitReason::Lock, self.lock_pauses)
            }
        };
        if delay > self.plan.retry.max_retry_after && asked.is_some() {
            let limit = self.plan.retry.max_retry_after.as_secs();
            return Finished::error(
                error.because(format!("the server asks to wait {} s, more than {limit} s", delay.as_secs())),
            );
        }
        if self.plan.deadline.is_some_and(|deadline| self.now + delay > deadline) {
            return Finished::error(error.because("the next try would come after the operation's deadline"));
        }
        State::Deciding(Deciding { question: Question { error, attempt, delay, why }, then: Box::new(then) })
    }

    /// What `Retry-After` asks for, in both forms (T-140); a date in the past is no wait at all.
    fn asked_delay(&self, answer: &Answer) -> Option<Duration> {
        Some(match parse_retry_after(answer.headers.get("Retry-After")?)? {
            RetryAfter::Delay(delay) => delay,
            RetryAfter::Until(date) => Duration::from_secs(date.saturating_sub(self.wall)),
        })
    }

    /// The wait the caller agreed to.
    pub(super) fn wait(&mut self, delay: Duration, why: WaitReason, then: State) -> State {
        self.notices.push(Notice::Retrying);
        if delay.is_zero() {
            return then;
        }
        State::Waiting(Waiting { until: self.now + delay, why, then: Box::new(then) })
    }

    /// A 409 (T-027): the first one is looked into at once, later ones after a pause, for it may be a lock.
    pub(super) fn conflict(&mut self, error: Error, answer: Answer, then: State) -> State {
        self.conflicts += 1;
        if self.conflicts > MAX_CONFLICTS {
            return Finished::error(error);
        }
        if self.conflicts == 1 {
            return then;
        }
        self.retry(Retry { error, budget: Budget::Lock, answer: Some(answer), then })
    }

    /// A PATCH that the server says was interrupted by ourselves: believed once between two steps of progress.
    pub(super) fn believe_interruption(&mut self) -> bool {
        !std::mem::replace(&mut self.interrupted, true)
    }

    /// A connection that had died before it was used again: forgiven once, and from then on requests with data go
    /// over new connections, since repeating those is not free.
    pub(super) fn forgive_stale(&mut self, broken: &Broken) -> bool {
        if broken.stale_connection {
            self.fresh_data_connections = true;
            return !std::mem::replace(&mut self.stale_forgiven, true);
        }
        false
    }

    /// The upload is gone: `false` once it has vanished too often (T-083).
    pub(super) fn may_restart(&mut self, gone: &AbsoluteUrl) -> bool {
        self.restarts += 1;
        self.expires = None;
        self.notices.push(Notice::Gone(gone.clone()));
        self.restarts <= MAX_RESTARTS
    }

    /// The offset went back: `false` once it has too often (T-028).
    pub(super) fn may_regress(&mut self, from: u64, to: u64) -> bool {
        self.regressions += 1;
        self.warn(format!("the server's offset went back from {from} to {to}"));
        self.regressions <= MAX_REGRESSIONS
    }
}

/// An error about an answer, with the first line of what the server had to say.
pub(super) fn fail(kind: ErrorKind, what: impl Into<String>, exchange: &Exchange, answer: Option<&Answer>) -> Error {
    let mut message = what.into();
    if let Some(line) = answer.and_then(first_line) {
        message.push_str(&format!(" — the server says: {line}"));
    }
    let mut error = Error::new(kind, message).with_request(exchange.meaning().as_str(), exchange.url.clone());
    if let Some(answer) = answer {
        let again = matches!(answer.status, 408 | 409 | 423 | 425 | 429 | 500..=504 | 507);
        error = error.with_answer(answer.clone()).with_retryable(again);
    }
    error
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
        _ => format!("{doing} failed with status {}", answer.status),
    };
    if kind == ErrorKind::Version
        && let Some(versions) = answer.headers.get("Tus-Version")
    {
        what.push_str(&format!(", but {versions}"));
    }
    fail(kind, what, exchange, Some(answer))
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
        BrokenRule::BadRedirect => "the redirect cannot be followed",
        BrokenRule::TooManyRedirects => "too many redirects",
        BrokenRule::WrongVersion => "the answer names another protocol version",
        BrokenRule::KeepsVanishing => "the upload vanishes from the server again and again",
        BrokenRule::NotHttp => "the answer is not HTTP",
        BrokenRule::NotTus => "the server does not speak tus",
    };
    fail(ErrorKind::Protocol(rule), format!("{} failed: {what}", exchange.purpose.doing()), exchange, Some(answer))
        .with_retryable(false)
}

/// An error about a request that broke.
pub(super) fn broke(broken: Broken, exchange: &Exchange) -> Error {
    let (kind, what) = match broken.kind {
        BrokenKind::Resolve => (ErrorKind::Resolve, "the host name could not be resolved"),
        BrokenKind::Connect => (ErrorKind::Connect, "no connection could be made"),
        BrokenKind::TlsRejected => (ErrorKind::Tls, "the TLS handshake failed"),
        BrokenKind::Closed => (ErrorKind::Io, "the connection broke"),
        BrokenKind::NotHttp => (ErrorKind::Protocol(BrokenRule::NotHttp), "the answer is not valid HTTP"),
        BrokenKind::Timeout(limit) => (
            ErrorKind::Timeout(limit),
            match limit {
                crate::error::TimeLimit::Connect => "connecting took too long",
                crate::error::TimeLimit::Response => "the server did not answer in time",
                crate::error::TimeLimit::Stall => "no data moved for too long",
                crate::error::TimeLimit::Total => "the operation's deadline passed",
            },
        ),
        BrokenKind::Unsendable => (ErrorKind::Internal, "the request cannot be sent"),
    };
    let error = Error::new(kind, format!("{} failed: {what}", exchange.purpose.doing()))
        .with_request(exchange.meaning().as_str(), exchange.url.clone())
        .with_os_code(broken.os_code);
    match broken.cause {
        Some(cause) => error.with_cause(cause),
        None => error,
    }
}

/// Whether trying again can help at all.
pub(super) fn is_worth_retrying(kind: BrokenKind) -> bool {
    use crate::error::TimeLimit;
    match kind {
        BrokenKind::Resolve | BrokenKind::Connect | BrokenKind::Closed | BrokenKind::NotHttp => true,
        BrokenKind::Timeout(limit) => limit != TimeLimit::Total,
        BrokenKind::TlsRejected | BrokenKind::Unsendable => false,
    }
}

/// The beginning of a text answer, fit for a message: error pages are not.
fn first_line(answer: &Answer) -> Option<String> {
    let text = std::str::from_utf8(&answer.body).ok()?.trim();
    let line = text.lines().next()?.trim();
    if line.is_empty() || line.starts_with('<') {
        return None;
    }
    Some(line.chars().filter(|c| !c.is_control()).take(200).collect())
}
