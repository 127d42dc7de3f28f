//! The memory that all uploads of a client may use together for data.
//!
//! An upload reserves what it may come to need before it begins and gives it back at its end: whoever has begun is never
//! stopped half way for want of memory, so that two cannot wait for each other. One upload always runs, whatever it needs.
//!
//! What stands still (an uploader between two calls, a paused task) may have read ahead and cannot read that again: those bytes
//! stay reserved as *kept*. They leave less for others, but nobody waits for them alone, since only the one who waits may be
//! the one who would call on. Whoever runs in spite of them learns how much room there is ([`Reserved::room`]).

use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
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
    /// By those who run.
    used: u64,
    /// By those who stand still.
    kept: u64,
    /// Those who wait, in the order in which they came: what is large is not overtaken for ever.
    line: VecDeque<u64>,
    tickets: u64,
}

/// Memory reserved until this is dropped, but for pauses.
pub(super) struct Reserved {
    budget: Arc<Budget>,
    bytes: u64,
    held: AtomicBool,
    /// What is kept of it during a pause.
    kept: AtomicU64,
    room: Option<u64>,
}

/// How memory was got.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Taken {
    /// It was there.
    Fits,
    /// Nobody else runs; so much is left beside what others keep.
    Alone { room: Option<u64> },
}

impl Budget {
    /// Changes the limit; what is reserved stays so.
    pub(super) fn set_limit(&self, limit: Option<NonZeroU64>) {
        self.state().limit = limit;
        self.freed.ring();
    }

    /// Whether there is a limit.
    pub(super) fn is_limited(&self) -> bool {
        self.state().limit.is_some()
    }

    /// Reserves so many bytes if they are there and nobody waits. What `before` keeps is a part of them then.
    pub(super) fn try_reserve(self: &Arc<Self>, bytes: u64, before: Option<&Reserved>) -> Option<Arc<Reserved>> {
        let mut state = self.state();
        let taken = if state.line.is_empty() { state.take(bytes, before) } else { None };
        drop(state);
        taken.map(|taken| self.reserved(bytes, taken))
    }

    /// Waits until there are so many bytes, with what `before` keeps; ends without them as [`Cancel::sleep`] does.
    pub(super) fn reserve(
        self: &Arc<Self>,
        bytes: u64,
        before: Option<&Reserved>,
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
            if state.line.front() == Some(&ticket) { state.take(bytes, before) } else { None }
        };
        let got = self.freed.wait(cancel, interval, tick, look);
        self.state().line.retain(|waiting| *waiting != ticket);
        // The next one may do with what is left.
        self.freed.ring();
        got.map(|taken| self.reserved(bytes, taken))
    }

    fn reserved(self: &Arc<Self>, bytes: u64, taken: Taken) -> Arc<Reserved> {
        let room = match taken {
            Taken::Fits => None,
            Taken::Alone { room } => room,
        };
        let (budget, held) = (Arc::clone(self), AtomicBool::new(true));
        Arc::new(Reserved { budget, bytes, held, kept: AtomicU64::new(0), room })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self, bytes: u64, before: Option<&Reserved>) -> Option<Taken> {
        let own = before.map_or(0, |before| before.kept.load(Ordering::SeqCst));
        let others = self.kept - own;
        let left = self.limit.map_or(u64::MAX, |limit| limit.get().saturating_sub(self.used.saturating_add(others)));
        let taken = match bytes <= left {
            true => Taken::Fits,
            false if self.used == 0 => Taken::Alone { room: (others > 0).then_some(left) },
            false => return None,
        };
        self.used += bytes;
        self.kept = others;
        if let Some(before) = before {
            before.kept.store(0, Ordering::SeqCst);
        }
        Some(taken)
    }
}

impl Reserved {
    /// How much room there is beside what others keep, if it is less than was reserved.
    pub(super) fn room(&self) -> Option<u64> {
        self.room
    }

    /// For the time of a pause, but for what is kept.
    pub(super) fn give_back(&self, kept: u64) {
        if self.held.swap(false, Ordering::SeqCst) {
            self.change(|state| {
                state.used -= self.bytes;
                state.kept += kept;
                self.kept.store(kept, Ordering::SeqCst);
            });
        }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let waited_for = {
            let mut state = self.budget.state();
            change(&mut state);
            !state.line.is_empty()
        };
        if waited_for {
            self.budget.freed.ring();
        }
    }

    /// After it; without, if `cancel` ends the wait.
    pub(super) fn take_again(&self, cancel: &Cancel) {
        let go_on = || ControlFlow::Continue(());
        if let Ok(again) = self.budget.reserve(self.bytes, Some(self), cancel, None, go_on) {
            // What is held by the other is held by this one from now on.
            self.held.store(again.held.swap(false, Ordering::SeqCst), Ordering::SeqCst);
        }
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.give_back(0);
        self.change(|state| state.kept -= self.kept.swap(0, Ordering::SeqCst));
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

    /// By those who run, and by those who stand still.
    fn held(budget: &Budget) -> (u64, u64) {
        let state = budget.state();
        (state.used, state.kept)
    }

    fn wait(budget: &Arc<Budget>, bytes: u64, cancel: &Cancel) -> Result<Arc<Reserved>, Slept> {
        match budget.try_reserve(bytes, None) {
            Some(reserved) => Ok(reserved),
            None => budget.reserve(bytes, None, cancel, None, go_on),
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
                            reserved.give_back(0);
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
        assert!(budget.try_reserve(1, None).is_some());
    }

    #[test]
    fn a_raised_limit_lets_those_in_who_wait() {
        let budget = of(10);
        let _first = budget.try_reserve(10, None).unwrap();
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
        let first = budget.try_reserve(6, None).unwrap();
        std::thread::scope(|scope| {
            let large = scope.spawn(|| wait(&budget, 9, &Cancel::new()).is_ok());
            while budget.state().line.is_empty() {
                std::thread::yield_now();
            }
            assert!(budget.try_reserve(1, None).is_none(), "it would fit");
            drop(first);
            assert!(large.join().unwrap());
        });
        assert!(budget.try_reserve(1, None).is_some());
    }

    #[test]
    fn a_pause_gives_it_to_others() {
        let budget = of(10);
        let paused = budget.try_reserve(10, None).unwrap();
        paused.give_back(0);
        let other = budget.try_reserve(10, None).unwrap();
        let cancel = Cancel::new();
        cancel.cancel();
        paused.take_again(&cancel);
        drop(paused);
        assert_eq!(budget.state().used, 10);
        drop(other);
        assert_eq!(budget.state().used, 0);
    }

    /// What an uploader has read ahead leaves less for others until it goes on, or is gone.
    #[test]
    fn what_is_kept_counts_but_is_not_waited_for() {
        let budget = of(10);
        let uploader = budget.try_reserve(6, None).unwrap();
        assert_eq!(uploader.room(), None);
        uploader.give_back(4);
        let first = budget.try_reserve(6, None).unwrap();
        assert_eq!(first.room(), None, "it fits beside what is kept");
        assert!(budget.try_reserve(1, None).is_none());
        drop(first);
        // More than there is, and nobody runs who could give it back.
        let second = budget.try_reserve(7, None).unwrap();
        assert_eq!(second.room(), Some(6));
        assert!(budget.try_reserve(4, Some(&uploader)).is_none(), "the uploader itself waits for who runs");
        drop(second);
        let again = budget.try_reserve(10, Some(&uploader)).unwrap();
        assert_eq!(again.room(), None, "its own is a part of what it needs");
        again.give_back(4);
        drop(uploader);
        assert!(budget.try_reserve(6, None).is_some(), "what was taken over is not given back twice");
        again.take_again(&Cancel::new());
        assert_eq!(held(&budget), (10, 0));
        again.give_back(9);
        drop(again);
        assert_eq!(held(&budget), (0, 0));
    }

    /// However many of them keep something, by one thread or by several.
    #[test]
    fn those_that_keep_something_never_wait_for_each_other() {
        let budget = of(10);
        let mut uploaders: Vec<Arc<Reserved>> = Vec::new();
        for round in 0..3 {
            for n in 0..5 {
                let before = uploaders.get(n).filter(|_| round > 0).cloned();
                let now = budget.try_reserve(8, before.as_deref()).expect("nobody runs");
                assert_eq!(now.room().is_some(), round > 0 || n > 0);
                now.give_back(7);
                if round == 0 { uploaders.push(now) } else { uploaders[n] = now }
            }
        }
        assert_eq!(held(&budget), (0, 35));
        drop(uploaders);
        assert_eq!(budget.state().kept, 0);
    }
}
