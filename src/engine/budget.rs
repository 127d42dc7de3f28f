//! The memory that all uploads of a client may use together for data.
//!
//! An upload reserves what it may come to need before it begins and gives it back at its end: whoever has begun is never
//! stopped half way for want of memory, so that two cannot wait for each other. One upload always runs, whatever it needs.

use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::bell::Bell;
use crate::cancel::{Cancel, Slept};

/// A limit, and how much of it is taken.
#[derive(Debug, Default)]
pub(super) struct Budget {
    state: Mutex<State>,
    freed: Bell,
}

#[derive(Debug, Default)]
struct State {
    limit: Option<NonZeroU64>,
    used: u64,
    /// Those who wait, in the order in which they came: what is large is not overtaken for ever.
    line: VecDeque<u64>,
    tickets: u64,
}

/// Memory reserved until this is dropped, but for pauses.
pub(super) struct Reserved {
    budget: Arc<Budget>,
    bytes: u64,
    held: AtomicBool,
}

impl Budget {
    /// Changes the limit; what is reserved stays so.
    pub(super) fn set_limit(&self, limit: Option<NonZeroU64>) {
        self.state().limit = limit;
        self.freed.ring();
    }

    /// Reserves so many bytes if they are there and nobody waits.
    pub(super) fn try_reserve(self: &Arc<Self>, bytes: u64) -> Option<Arc<Reserved>> {
        let mut state = self.state();
        let taken = state.line.is_empty() && state.take(bytes);
        drop(state);
        taken.then(|| self.reserved(bytes))
    }

    /// Waits until there are so many bytes; ends without them as [`Cancel::sleep`] does.
    pub(super) fn reserve(
        self: &Arc<Self>,
        bytes: u64,
        cancel: &Cancel,
        interval: Option<Duration>,
        tick: impl FnMut() -> ControlFlow<()>,
    ) -> Result<Arc<Reserved>, Slept> {
        let ticket = {
            let mut state = self.state();
            let ticket = state.tickets;
            state.tickets += 1;
            state.line.push_back(ticket);
            ticket
        };
        let look = || {
            let mut state = self.state();
            (state.line.front() == Some(&ticket) && state.take(bytes)).then_some(())
        };
        let got = self.freed.wait(cancel, interval, tick, look);
        self.state().line.retain(|waiting| *waiting != ticket);
        // The next one may do with what is left.
        self.freed.ring();
        got.map(|()| self.reserved(bytes))
    }

    fn reserved(self: &Arc<Self>, bytes: u64) -> Arc<Reserved> {
        Arc::new(Reserved { budget: Arc::clone(self), bytes, held: AtomicBool::new(true) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self, bytes: u64) -> bool {
        let fits = self.limit.is_none_or(|limit| self.used.saturating_add(bytes) <= limit.get());
        let taken = fits || self.used == 0;
        self.used += if taken { bytes } else { 0 };
        taken
    }
}

impl Reserved {
    /// For the time of a pause.
    pub(super) fn give_back(&self) {
        if self.held.swap(false, Ordering::SeqCst) {
            let waited_for = {
                let mut state = self.budget.state();
                state.used -= self.bytes;
                !state.line.is_empty()
            };
            if waited_for {
                self.budget.freed.ring();
            }
        }
    }

    /// After it; without, if `cancel` ends the wait.
    pub(super) fn take_again(&self, cancel: &Cancel) {
        let go_on = || ControlFlow::Continue(());
        if let Ok(again) = self.budget.reserve(self.bytes, cancel, None, go_on) {
            // What is held by the other is held by this one from now on.
            self.held.store(again.held.swap(false, Ordering::SeqCst), Ordering::SeqCst);
        }
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.give_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU64;

    fn go_on() -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn of(limit: u64) -> Arc<Budget> {
        let budget = Arc::new(Budget::default());
        budget.set_limit(NonZeroU64::new(limit));
        budget
    }

    fn wait(budget: &Arc<Budget>, bytes: u64, cancel: &Cancel) -> Result<Arc<Reserved>, Slept> {
        match budget.try_reserve(bytes) {
            Some(reserved) => Ok(reserved),
            None => budget.reserve(bytes, cancel, None, go_on),
        }
    }

    #[test]
    fn the_limit_is_never_exceeded() {
        let (budget, used, most) = (of(100), AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for n in 0..16 {
                let (budget, used, most) = (&budget, &used, &most);
                scope.spawn(move || {
                    for round in 0..50 {
                        let bytes = 1 + (n * 7 + round * 13) % 60;
                        let reserved = wait(budget, bytes, &Cancel::new()).unwrap();
                        most.fetch_max(used.fetch_add(bytes, Ordering::SeqCst) + bytes, Ordering::SeqCst);
                        std::thread::yield_now();
                        used.fetch_sub(bytes, Ordering::SeqCst);
                        if round % 5 == 0 {
                            reserved.give_back();
                            reserved.take_again(&Cancel::new());
                        }
                    }
                });
            }
        });
        assert!((60..=100).contains(&most.into_inner()));
        let state = budget.state();
        assert_eq!((state.used, state.line.len()), (0, 0));
    }

    #[test]
    fn one_always_runs_and_the_next_waits_until_cancelled() {
        let budget = of(10);
        let whole = wait(&budget, 1_000, &Cancel::new()).unwrap();
        let cancel = Cancel::new();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| wait(&budget, 1, &cancel).map(drop).unwrap_err());
            std::thread::sleep(Duration::from_millis(5));
            cancel.cancel();
            assert_eq!(waiting.join().unwrap(), Slept::Cancelled);
        });
        drop(whole);
        assert!(budget.try_reserve(1).is_some());
    }

    #[test]
    fn a_raised_limit_lets_those_in_who_wait() {
        let budget = of(10);
        let _first = budget.try_reserve(10).unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| wait(&budget, 10, &Cancel::new()).is_ok());
            std::thread::sleep(Duration::from_millis(5));
            budget.set_limit(NonZeroU64::new(20));
            assert!(waiting.join().unwrap());
        });
    }

    #[test]
    fn what_is_large_is_not_overtaken() {
        let budget = of(10);
        let first = budget.try_reserve(6).unwrap();
        std::thread::scope(|scope| {
            let large = scope.spawn(|| wait(&budget, 9, &Cancel::new()).is_ok());
            while budget.state().line.is_empty() {
                std::thread::yield_now();
            }
            assert!(budget.try_reserve(1).is_none(), "it would fit");
            drop(first);
            assert!(large.join().unwrap());
        });
        assert!(budget.try_reserve(1).is_some());
    }

    #[test]
    fn a_pause_gives_it_to_others() {
        let budget = of(10);
        let paused = budget.try_reserve(10).unwrap();
        paused.give_back();
        let other = budget.try_reserve(10).unwrap();
        let cancel = Cancel::new();
        cancel.cancel();
        paused.take_again(&cancel);
        drop(paused);
        assert_eq!(budget.state().used, 10);
        drop(other);
        assert_eq!(budget.state().used, 0);
    }
}
