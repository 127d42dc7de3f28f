//! Counts what is sent and acknowledged, and tells the caller.
//!
//! The caller's progress function is also the way to stop an operation that has no other: it is called about ten
//! times a second as long as the operation runs, whether bytes move or not, and its word ends any wait.
//!
//! An upload has one [`Gauge`]; each of its sessions has a [`Meter`] on it, which is one but for parallel parts. All of
//! the caller's functions for an upload pass its gate, so that they never overlap (the one lock that is held while
//! they run).

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use super::hooks::{HookResult, OnProgress, Progress, WaitReason};
use super::rate::Rate;
use crate::transport::Watch;

/// Between two calls that nothing but time is the reason for.
const INTERVAL: Duration = Duration::from_millis(100);

/// The counters of one upload.
pub(super) struct Gauge {
    on_progress: Option<OnProgress>,
    /// Somebody may look at the numbers by himself.
    shown: AtomicBool,
    gate: Arc<Mutex<()>>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    slots: Vec<Slot>,
    total: Option<u64>,
    last: Option<(Progress, Instant)>,
    rate: Rate,
    /// The most that was ever sent, which is what the rate is measured by: a try that breaks takes nothing back.
    most: u64,
    stopped: Option<i32>,
    retries: u64,
}

/// The counters of one session.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    /// Where the body of the present request begins.
    start: u64,
    /// How much of it has been sent.
    body_sent: u64,
    confirmed: u64,
    resumed: u64,
    waiting: Option<WaitReason>,
    /// No more than this can be sent; the largest number while that is not known.
    limit: u64,
}

impl Slot {
    fn sent(&self) -> u64 {
        let sent = self.start.saturating_add(self.body_sent).max(self.confirmed);
        sent.min(self.limit)
    }
}

impl Gauge {
    pub(super) fn new(on_progress: Option<OnProgress>, total: Option<u64>) -> Arc<Gauge> {
        let mut state = State::new(total);
        state.rate.note(Instant::now(), 0);
        Arc::new(Gauge { on_progress, shown: AtomicBool::new(false), gate: Arc::default(), state: Mutex::new(state) })
    }

    /// From now on the numbers are kept up to date even if nobody is told them.
    pub(super) fn be_shown(&self) {
        self.shown.store(true, Ordering::Relaxed);
    }

    /// One that tells nobody, of something done for the same upload.
    pub(super) fn beside(other: &Gauge) -> Arc<Gauge> {
        Self::with_gate(&other.gate)
    }

    /// One that tells nobody.
    pub(super) fn with_gate(gate: &Arc<Mutex<()>>) -> Arc<Gauge> {
        let state = State::new(None);
        let shown = AtomicBool::new(false);
        Arc::new(Gauge { on_progress: None, shown, gate: Arc::clone(gate), state: Mutex::new(state) })
    }

    /// A meter for one session of the upload, which has `total` bytes to send.
    pub(super) fn meter(self: &Arc<Self>, total: Option<u64>) -> Meter {
        let mut state = self.state();
        state.slots.push(Slot { limit: total.unwrap_or(u64::MAX), ..Slot::default() });
        let slot = state.slots.len() - 1;
        Meter { gauge: Arc::clone(self), slot }
    }

    /// Held while a function of the caller's runs.
    pub(super) fn gate(&self) -> MutexGuard<'_, ()> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The gate itself, for functions of the caller's that are not called from here.
    pub(super) fn shared_gate(&self) -> Arc<Mutex<()>> {
        Arc::clone(&self.gate)
    }

    /// The value with which the caller's function asked to stop, if it did.
    pub(super) fn stopped(&self) -> Option<i32> {
        self.state().stopped
    }

    /// The present numbers.
    pub(super) fn progress(&self) -> Progress {
        self.state().progress(Instant::now())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code of ours panics with this lock held, and the numbers would still be right.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the present numbers, unless they have just been told.
    pub(super) fn report_now(&self) -> HookResult {
        self.report(true)
    }

    /// Calls the caller's function if there is a reason: `milestone` is one whenever the numbers are new.
    fn report(&self, milestone: bool) -> HookResult {
        let Some(on_progress) = &self.on_progress else {
            self.state().measure(Instant::now());
            return Ok(());
        };
        let _gate = match self.gate.try_lock() {
            Ok(gate) => gate,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // Somebody else is telling, or asking: a mere tick can wait for its next turn.
            Err(TryLockError::WouldBlock) if !milestone => return self.stopped().map_or(Ok(()), Err),
            Err(TryLockError::WouldBlock) => self.gate(),
        };
        let progress = {
            let mut state = self.state();
            if let Some(code) = state.stopped {
                return Err(code);
            }
            let now = Instant::now();
            let due = match &state.last {
                None => true,
                Some((last, _)) if milestone => !last.counts_like(&state.progress(now)),
                Some((_, at)) => now.duration_since(*at) >= INTERVAL,
            };
            if !due {
                return Ok(());
            }
            state.measure(now);
            let progress = state.progress(now);
            state.last = Some((progress, now));
            progress
        };
        let result = on_progress(&progress);
        if let Err(code) = result {
            self.state().stopped = Some(code);
        }
        result
    }
}

impl State {
    fn new(total: Option<u64>) -> State {
        State { slots: Vec::new(), total, last: None, rate: Rate::new(), most: 0, stopped: None, retries: 0 }
    }

    fn measure(&mut self, now: Instant) {
        let sent = self.slots.iter().map(|slot| slot.sent().saturating_sub(slot.resumed)).sum();
        self.most = self.most.max(sent);
        self.rate.note(now, self.most);
    }

    fn progress(&self, now: Instant) -> Progress {
        let sum = |what: fn(&Slot) -> u64| self.slots.iter().map(what).sum::<u64>();
        let confirmed = sum(|slot| slot.confirmed);
        let limit = self.total.unwrap_or(u64::MAX);
        Progress {
            sent: sum(Slot::sent).min(limit),
            confirmed: confirmed.min(limit),
            total: self.total,
            resumed: sum(|slot| slot.resumed),
            speed: self.rate.speed(now),
            eta: self.total.and_then(|total| self.rate.eta(now, total.saturating_sub(confirmed))),
            retries: self.retries,
            waiting: self.slots.iter().find_map(|slot| slot.waiting),
        }
    }
}

/// The counters of one session. Shared with the transport, which calls it while a request is under way.
pub(super) struct Meter {
    gauge: Arc<Gauge>,
    slot: usize,
}

impl Meter {
    pub(super) fn gauge(&self) -> &Arc<Gauge> {
        &self.gauge
    }

    fn change<T>(&self, change: impl FnOnce(&mut Slot) -> T) -> T {
        change(&mut self.gauge.state().slots[self.slot])
    }

    /// The next body begins at `offset`: what was sent before and not acknowledged does not count any more.
    pub(super) fn begin_body(&self, offset: u64) {
        self.change(|slot| (slot.start, slot.body_sent) = (offset, 0));
    }

    /// The server has acknowledged bytes up to `offset`.
    pub(super) fn confirm(&self, offset: u64) -> HookResult {
        self.change(|slot| (slot.start, slot.body_sent, slot.confirmed) = (offset, 0, offset));
        self.gauge.report(true)
    }

    /// The server had bytes up to `offset` before this operation.
    pub(super) fn resume(&self, offset: u64) -> HookResult {
        self.change(|slot| slot.resumed = offset);
        self.confirm(offset)
    }

    /// A try failed and is to be repeated.
    pub(super) fn retrying(&self) {
        self.gauge.state().retries += 1;
    }

    /// A wait begins, or ends with `None`.
    pub(super) fn waits_for(&self, what: Option<WaitReason>) -> HookResult {
        self.change(|slot| slot.waiting = what);
        self.gauge.report(true)
    }

    /// The upload begins again from nothing.
    pub(super) fn reset(&self) {
        self.change(|slot| *slot = Slot { limit: slot.limit, ..Slot::default() });
    }

    /// How much this session has to send, if that is known.
    pub(super) fn total(&self) -> Option<u64> {
        self.change(|slot| Some(slot.limit).filter(|limit| *limit != u64::MAX))
    }

    /// The size turned out to be this.
    pub(super) fn set_total(&self, total: u64) {
        self.change(|slot| slot.limit = total);
        self.gauge.state().total = Some(total);
    }
}

impl Watch for Meter {
    fn tick(&self, body_sent: u64) -> ControlFlow<()> {
        self.change(|slot| slot.body_sent = body_sent);
        match self.gauge.report(false) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }

    fn interval(&self) -> Option<Duration> {
        let wanted = self.gauge.on_progress.is_some() || self.gauge.shown.load(Ordering::Relaxed);
        wanted.then_some(INTERVAL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recording(total: u64) -> (Arc<Gauge>, Arc<Mutex<Vec<Progress>>>) {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let into = seen.clone();
        let on_progress: OnProgress = Arc::new(move |progress: &Progress| {
            into.lock().unwrap().push(*progress);
            if progress.confirmed == 99 { Err(7) } else { Ok(()) }
        });
        (Gauge::new(Some(on_progress), Some(total)), seen)
    }

    #[test]
    fn milestones_are_told_once_each() {
        let (gauge, seen) = recording(10);
        let meter = gauge.meter(Some(10));
        gauge.report_now().unwrap();
        gauge.report_now().unwrap();
        meter.confirm(4).unwrap();
        meter.confirm(10).unwrap();
        gauge.report_now().unwrap();
        let confirmed: Vec<_> = seen.lock().unwrap().iter().map(|progress| progress.confirmed).collect();
        assert_eq!(confirmed, [0, 4, 10]);
    }

    #[test]
    fn sent_never_exceeds_the_total_and_ticks_are_rare() {
        let (gauge, seen) = recording(10);
        let meter = gauge.meter(Some(10));
        assert!(meter.tick(3).is_continue());
        assert!(meter.tick(4).is_continue());
        std::thread::sleep(INTERVAL);
        assert!(meter.tick(999).is_continue());
        let sent: Vec<_> = seen.lock().unwrap().iter().map(|progress| progress.sent).collect();
        assert_eq!(sent, [3, 10]);
    }

    #[test]
    fn the_callers_word_is_kept() {
        let (gauge, _) = recording(100);
        let meter = gauge.meter(Some(100));
        assert_eq!(meter.confirm(99), Err(7));
        assert_eq!(gauge.stopped(), Some(7));
        assert!(meter.tick(0).is_break());
    }

    #[test]
    fn parts_are_one_stream() {
        let (gauge, seen) = recording(200);
        let (one, two) = (gauge.meter(Some(100)), gauge.meter(Some(100)));
        one.resume(40).unwrap();
        two.begin_body(0);
        two.confirm(30).unwrap();
        one.begin_body(40);
        assert!(one.tick(500).is_continue());
        one.confirm(100).unwrap();
        let last = *seen.lock().unwrap().last().unwrap();
        assert_eq!((last.sent, last.confirmed, last.resumed, last.total), (130, 130, 40, Some(200)));
    }
}
