//! What belongs to one request: its limits, its cancel flag, and the facts observed while it ran.
//!
//! ureq shows a connector neither the request nor the caller, so each request gets an agent of its own whose
//! connector holds this. It is shared by the connector, the connection and the body while the request runs on one
//! thread; the lock is never contended and never held while foreign code runs.

use std::fs::File;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::chunks::Piece;
use super::client::Client;
use super::failure::Failure;
use super::target::Target;
use super::{BreakKind, Cancel, Timeouts, Watch};
use crate::protocol::answer::Answer;
use crate::protocol::headers::Headers;

/// How often [`Watch::tick`] hears of a body that is moving.
const TICK_WHILE_SENDING: Duration = Duration::from_millis(100);

/// The shortest [`Watch::interval`]: a shorter one would make every wait a spin.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(1);

/// One request under way.
pub(super) struct Context {
    /// What it shares with the client's other requests.
    pub(super) client: Arc<Client>,
    /// Where it goes.
    pub(super) target: Target,
    /// Raised to end it.
    pub(super) cancel: Cancel,
    /// Who looks on.
    pub(super) watch: Arc<dyn Watch>,
    /// Its limits.
    pub(super) timeouts: Timeouts,
    /// When it must have ended.
    pub(super) deadline: Option<Instant>,
    /// Length of the body; 0 for none.
    pub(super) body_length: u64,
    /// The field that follows the body, which then goes out in chunks.
    pub(super) trailer: Option<&'static str>,
    /// The names of the caller's headers, as they are to be sent.
    pub(super) names: Vec<String>,
    /// The whole of a body in chunks without data.
    pub(super) bare_end: Option<String>,
    /// Whether an idle connection may be used.
    pub(super) reuse: bool,
    /// What was observed so far.
    pub(super) observed: Observed,
}

/// The facts, behind their lock.
pub(super) struct Observed(Mutex<Facts>);

/// What was observed.
pub(super) struct Facts {
    /// Why the request failed; the first reason stays.
    pub(super) failure: Option<Failure>,
    /// The connection had served a request before.
    pub(super) reused: bool,
    /// The kernel has taken at least one byte of the request.
    pub(super) sent_any: bool,
    /// At least one byte came back.
    pub(super) received_any: bool,
    /// Body bytes in the kernel's hands, at most; without their framing.
    pub(super) body_sent: u64,
    /// The answer began before the body had been sent.
    pub(super) early: bool,
    /// The kernel may send files on this connection by itself.
    pub(super) sendfile: bool,
    /// The part of a file that the body has lent instead of filling the buffer.
    pub(super) lent: Option<FileRange>,
    /// What the body has put into the buffer together with its framing.
    pub(super) framed: Option<Piece>,
    /// 1xx answers.
    pub(super) interim: Vec<Answer>,
    /// The fields of the final answer.
    pub(super) headers: Headers,
    /// The answer was framed in a way that makes the next one on the connection doubtful.
    pub(super) doubtful: bool,
    last_tick: Instant,
}

/// A part of a file.
pub(super) struct FileRange {
    /// The file, by a descriptor of our own.
    pub(super) file: Arc<File>,
    /// Its first byte.
    pub(super) offset: u64,
    /// How many.
    pub(super) length: usize,
}

impl Default for Observed {
    fn default() -> Self {
        Observed(Mutex::new(Facts {
            failure: None,
            reused: false,
            sent_any: false,
            received_any: false,
            body_sent: 0,
            early: false,
            sendfile: false,
            lent: None,
            framed: None,
            interim: Vec::new(),
            headers: Headers::new(),
            doubtful: false,
            last_tick: Instant::now(),
        }))
    }
}

impl Context {
    /// The facts so far.
    pub(super) fn facts(&self) -> MutexGuard<'_, Facts> {
        self.observed.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the reason and returns what makes ureq stop.
    pub(super) fn fail(&self, failure: Failure) -> ureq::Error {
        let text = failure.to_string();
        self.facts().failure.get_or_insert(failure);
        ureq::Error::Other(text.into())
    }

    /// Notes that the body has got as far as `body_sent`, and tells the watcher if it is time or all is sent.
    pub(super) fn advance(&self, body_sent: u64) -> Result<(), Failure> {
        {
            let mut facts = self.facts();
            facts.sent_any = true;
            if body_sent == facts.body_sent {
                return Ok(());
            }
            facts.body_sent = body_sent;
            if body_sent < self.body_length && facts.last_tick.elapsed() < TICK_WHILE_SENDING {
                return Ok(());
            }
        }
        self.tick()
    }

    /// Tells the watcher how far the body has got.
    pub(super) fn tick(&self) -> Result<(), Failure> {
        let body_sent = {
            let mut facts = self.facts();
            facts.last_tick = Instant::now();
            facts.body_sent
        };
        match self.watch.tick(body_sent) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Failure::new(BreakKind::Aborted)),
        }
    }

    /// When the watcher wants to hear again although nothing moves.
    pub(super) fn next_tick(&self) -> Option<Instant> {
        let interval = self.watch.interval()?.max(SHORTEST_INTERVAL);
        self.facts().last_tick.checked_add(interval)
    }
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("target", &self.target).finish_non_exhaustive()
    }
}
