//! The one place where a request waits, and the two clocks kept while it does.
//!
//! Every wait ends for a ready descriptor, a cancel, a time limit, or the watcher; nothing else in the transport may
//! block on the network.

use std::time::{Duration, Instant};

use super::BreakKind;
use super::context::Context;
use super::failure::Failure;
use crate::cancel::WITHOUT_WAKE;
use crate::error::TimeLimit;
use crate::sys::poll::{Entry, poll};
use crate::sys::socket::Socket;

/// How many descriptors one wait can take: as many addresses as are tried at once.
pub(super) const MAX_ENTRIES: usize = 16;

/// How often the send queue is looked at while its draining is what counts.
const QUEUE_CHECK: Duration = Duration::from_millis(20);

/// A point in time and which limit it stands for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Until {
    /// When.
    pub(super) at: Instant,
    /// Which.
    pub(super) limit: TimeLimit,
}

impl Until {
    /// `length` from now; a limit too far away to be expressed is a year.
    pub(super) fn after(length: Duration, limit: TimeLimit) -> Self {
        Self::since(Instant::now(), length, limit)
    }

    fn since(start: Instant, length: Duration, limit: TimeLimit) -> Self {
        const FAR: Duration = Duration::from_secs(365 * 24 * 3600);
        Until { at: start + length.min(FAR), limit }
    }
}

impl Context {
    /// Fails if the request is cancelled or its deadline has passed.
    pub(super) fn check(&self) -> Result<(), Failure> {
        if self.cancel.is_set() {
            return Err(Failure::new(BreakKind::Cancelled));
        }
        match self.deadline {
            Some(deadline) if deadline <= Instant::now() => Err(Failure::timeout(TimeLimit::Total)),
            _ => Ok(()),
        }
    }

    /// What every turn of a loop that sends to or receives from a peer begins with: fails if the request is cancelled,
    /// its deadline or `until` has passed, or the watcher says stop. A peer that never lets us wait ends nothing of that.
    pub(super) fn turn(&self, until: Option<Until>) -> Result<(), Failure> {
        self.check()?;
        let now = Instant::now();
        if let Some(until) = until.filter(|until| until.at <= now) {
            return Err(Failure::timeout(until.limit));
        }
        match self.next_tick() {
            Some(due) if due <= now => self.tick(),
            _ => Ok(()),
        }
    }

    /// Waits until an entry is ready: true. False after `slice`, if one is given, so that the caller can look at its
    /// own clocks.
    pub(super) fn wait(
        &self,
        entries: &mut [Entry<'_>],
        until: Option<Until>,
        slice: Option<Duration>,
    ) -> Result<bool, Failure> {
        let slice_end = slice.map(|slice| Instant::now() + slice);
        let count = entries.len();
        loop {
            self.turn(until)?;
            let now = Instant::now();
            let poll_until = [self.deadline, until.map(|until| until.at), self.next_tick(), slice_end];
            let mut timeout = poll_until.into_iter().flatten().min().map(|at| at.saturating_duration_since(now));
            let waking = self.cancel.waking();
            if !waking.wakes() {
                timeout = Some(timeout.map_or(WITHOUT_WAKE, |timeout| timeout.min(WITHOUT_WAKE)));
            }
            let mut all = [Entry::IGNORED; MAX_ENTRIES + 1];
            all[..count].copy_from_slice(entries);
            all[count] = waking.entry();
            poll(&mut all[..=count], timeout).map_err(|error| Failure::io(BreakKind::Closed, error))?;
            entries.iter_mut().zip(&all).for_each(|(entry, polled)| entry.take_result(polled));
            if entries.iter().any(Entry::is_ready) {
                // A cancel that came at the same time goes first.
                self.check()?;
                return Ok(true);
            }
            if slice_end.is_some_and(|end| end <= Instant::now()) {
                return Ok(false);
            }
        }
    }
}

/// Tells when a connection has stood still for too long: nothing accepted by the kernel, nothing acknowledged by the
/// peer, nothing received.
///
/// A clock over `write` calls alone would fail slow uploads: the kernel wakes a blocked writer only when a third of
/// its buffer is free, and what it has buffered takes long to drain.
#[derive(Debug)]
pub(super) struct StallClock {
    last: Instant,
    unacknowledged: Option<usize>,
    limit: Duration,
}

impl StallClock {
    /// Starts now.
    pub(super) fn new(limit: Duration) -> Self {
        StallClock { last: Instant::now(), unacknowledged: None, limit }
    }

    /// Something moved.
    pub(super) fn moved(&mut self) {
        self.last = Instant::now();
        self.unacknowledged = None;
    }

    /// Nothing was to move up to now.
    pub(super) fn restart(&mut self) {
        *self = StallClock::new(self.limit);
    }

    /// Looks at the send queue; returns how much is in it.
    pub(super) fn observe(&mut self, socket: &Socket) -> usize {
        let queued = socket.unacknowledged();
        if self.unacknowledged.is_some_and(|before| queued < before) {
            self.last = Instant::now();
        }
        self.unacknowledged = Some(queued);
        queued
    }

    /// When it will have stood still for too long.
    pub(super) fn until(&self) -> Until {
        Until::since(self.last, self.limit, TimeLimit::Stall)
    }

    /// How long to wait before looking at the queue again.
    pub(super) fn slice(&self) -> Duration {
        (self.limit / 8).clamp(QUEUE_CHECK, Duration::from_secs(1))
    }
}

/// Tells when an answer is overdue.
///
/// It starts when the request has left the machine: the kernel may hold megabytes of it that need minutes on a slow
/// link, and until they are acknowledged it is the stall clock that counts. Once started nothing stops it, so an
/// answer that drips in cannot hold the request.
#[derive(Debug)]
pub(super) struct ResponseClock {
    started: Option<Instant>,
    checked: Instant,
    limit: Duration,
    stall: StallClock,
}

impl ResponseClock {
    /// For a request whose last byte the kernel has just taken.
    pub(super) fn new(response: Duration, stall: Duration) -> Self {
        ResponseClock { started: None, checked: Instant::now(), limit: response, stall: StallClock::new(stall) }
    }

    /// The answer has begun, or sending was given up: no more waiting for the queue.
    pub(super) fn start(&mut self) {
        self.started.get_or_insert_with(Instant::now);
    }

    /// Something was received.
    pub(super) fn moved(&mut self) {
        self.stall.moved();
    }

    /// Looks at the send queue when it is time to.
    pub(super) fn observe(&mut self, socket: &Socket) {
        if self.started.is_some() || self.checked.elapsed() < QUEUE_CHECK {
            return;
        }
        self.checked = Instant::now();
        if self.stall.observe(socket) == 0 {
            self.start();
        }
    }

    /// The limit in force.
    pub(super) fn until(&self) -> Until {
        match self.started {
            Some(start) => Until::since(start, self.limit, TimeLimit::Response),
            None => self.stall.until(),
        }
    }

    /// How long to wait before looking again; `None` when there is nothing to look at.
    pub(super) fn slice(&self) -> Option<Duration> {
        self.started.is_none().then_some(QUEUE_CHECK)
    }
}
