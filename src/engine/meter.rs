//! Counts what is sent and acknowledged, and tells the caller.
//!
//! The caller's progress function is also the way to stop an operation that has no other: it is called about ten
//! times a second as long as the operation runs, whether bytes move or not, and its word ends any wait.

use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::hooks::{HookResult, OnProgress, Progress};
use crate::transport::Watch;

/// Between two calls that nothing but time is the reason for.
const INTERVAL: Duration = Duration::from_millis(100);

/// The counters of one operation. Shared with the transport, which calls it while a request is under way.
pub(super) struct Meter {
    on_progress: Option<OnProgress>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Where the body of the present request begins.
    start: u64,
    confirmed: u64,
    resumed: u64,
    total: Option<u64>,
    last: Option<(Progress, Instant)>,
    stopped: Option<i32>,
}

impl Meter {
    pub(super) fn new(on_progress: Option<OnProgress>, total: Option<u64>) -> Meter {
        let state = State { start: 0, confirmed: 0, resumed: 0, total, last: None, stopped: None };
        Meter { on_progress, state: Mutex::new(state) }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // No code of ours panics with this lock held, and the numbers would still be right.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value with which the caller's function asked to stop, if it did.
    pub(super) fn stopped(&self) -> Option<i32> {
        self.state().stopped
    }

    /// The next body begins at `offset`: what was sent before and not acknowledged does not count any more.
    pub(super) fn begin_body(&self, offset: u64) {
        self.state().start = offset;
    }

    /// The server has acknowledged bytes up to `offset`.
    pub(super) fn confirm(&self, offset: u64) -> HookResult {
        {
            let mut state = self.state();
            state.confirmed = offset;
            state.start = offset;
        }
        self.report(0, true)
    }

    /// The server had bytes up to `offset` before this operation.
    pub(super) fn resume(&self, offset: u64) -> HookResult {
        self.state().resumed = offset;
        self.confirm(offset)
    }

    /// The upload begins again from nothing.
    pub(super) fn reset(&self) {
        let mut state = self.state();
        state.confirmed = 0;
        state.start = 0;
        state.resumed = 0;
    }

    /// Tells the present numbers, unless they have just been told.
    pub(super) fn report_now(&self) -> HookResult {
        self.report(0, true)
    }

    /// Calls the caller's function if there is a reason: `milestone` is one whenever the numbers are new.
    fn report(&self, body_sent: u64, milestone: bool) -> HookResult {
        let Some(on_progress) = &self.on_progress else { return Ok(()) };
        let progress = {
            let mut state = self.state();
            if let Some(code) = state.stopped {
                return Err(code);
            }
            let sent = (state.start.saturating_add(body_sent)).max(state.confirmed);
            let sent = sent.min(state.total.unwrap_or(u64::MAX));
            let progress = Progress { sent, confirmed: state.confirmed, total: state.total, resumed: state.resumed };
            let now = Instant::now();
            let due = state
                .last
                .is_none_or(|(last, at)| if milestone { last != progress } else { now.duration_since(at) >= INTERVAL });
            if !due {
                return Ok(());
            }
            state.last = Some((progress, now));
            progress
        };
        // The lock is free while the caller's code runs.
        let result = on_progress(&progress);
        if let Err(code) = result {
            self.state().stopped = Some(code);
        }
        result
    }
}

impl Watch for Meter {
    fn tick(&self, body_sent: u64) -> ControlFlow<()> {
        match self.report(body_sent, false) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }

    fn interval(&self) -> Option<Duration> {
        self.on_progress.is_some().then_some(INTERVAL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn recording(total: u64) -> (Meter, Arc<Mutex<Vec<Progress>>>) {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let into = seen.clone();
        let on_progress: OnProgress = Arc::new(move |progress: &Progress| {
            into.lock().unwrap().push(*progress);
            if progress.confirmed == 99 { Err(7) } else { Ok(()) }
        });
        (Meter::new(Some(on_progress), Some(total)), seen)
    }

    #[test]
    fn milestones_are_told_once_each() {
        let (meter, seen) = recording(10);
        meter.report_now().unwrap();
        meter.report_now().unwrap();
        meter.confirm(4).unwrap();
        meter.confirm(10).unwrap();
        meter.report_now().unwrap();
        let confirmed: Vec<_> = seen.lock().unwrap().iter().map(|progress| progress.confirmed).collect();
        assert_eq!(confirmed, [0, 4, 10]);
    }

    #[test]
    fn sent_never_exceeds_the_total_and_ticks_are_rare() {
        let (meter, seen) = recording(10);
        assert!(meter.tick(3).is_continue());
        assert!(meter.tick(4).is_continue());
        std::thread::sleep(INTERVAL);
        assert!(meter.tick(999).is_continue());
        let sent: Vec<_> = seen.lock().unwrap().iter().map(|progress| progress.sent).collect();
        assert_eq!(sent, [3, 10]);
    }

    #[test]
    fn the_callers_word_is_kept() {
        let (meter, _) = recording(100);
        assert_eq!(meter.confirm(99), Err(7));
        assert_eq!(meter.stopped(), Some(7));
        assert!(meter.tick(0).is_break());
    }
}
