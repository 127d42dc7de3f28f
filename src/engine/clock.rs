//! The clocks of one operation: a steady one for waits and deadlines, the wall's for dates in answers.

use std::time::{Duration, Instant as Steady, SystemTime, UNIX_EPOCH};

use crate::protocol::instant::Instant;

/// Time since the operation began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    began: Steady,
    began_ms: u64,
    /// From the beginning to the deadline.
    total: Option<Duration>,
}

impl Clock {
    /// Starts; `total` is how long the operation may take.
    pub(super) fn start(total: Option<Duration>) -> Clock {
        let began_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
        Clock { began: Steady::now(), began_ms, total }
    }

    /// Sets the deadline anew, `total` from now: for an operation of several calls, each of which has its own.
    pub(super) fn extend(&mut self, total: Option<Duration>) {
        let elapsed = self.elapsed();
        self.total = total.map(|total| elapsed.saturating_add(total));
    }

    /// The deadline comes so much later.
    pub(super) fn stretch(&mut self, by: Duration) {
        self.total = self.total.map(|total| total.saturating_add(by));
    }

    /// A point in time, as the session counts.
    pub(super) fn instant(self, then: Steady) -> Instant {
        Instant(0) + then.saturating_duration_since(self.began)
    }

    /// When it began, in milliseconds since 1970.
    pub(super) fn began_ms(self) -> u64 {
        self.began_ms
    }

    pub(super) fn elapsed(self) -> Duration {
        self.began.elapsed()
    }

    /// Now, as the session counts.
    pub(super) fn now(self) -> Instant {
        Instant(0) + self.elapsed()
    }

    /// The operation's end, as the session counts.
    pub(super) fn deadline(self) -> Option<Instant> {
        self.total.map(|total| Instant(0) + total)
    }

    /// The operation's end, as the transport counts; `None` also for one too far away to be told.
    pub(super) fn steady_deadline(self) -> Option<Steady> {
        self.total.and_then(|total| self.began.checked_add(total))
    }

    /// What is left of the operation's time.
    pub(super) fn left(self) -> Duration {
        self.deadline().map_or(Duration::MAX, |deadline| self.until(deadline))
    }

    /// From now until `then`.
    pub(super) fn until(self, then: Instant) -> Duration {
        then - self.now()
    }
}

/// Seconds since 1970; 0 if the clock is set before that.
pub(super) fn wall() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
