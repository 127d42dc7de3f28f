//! A condition variable that asks nothing of the system while nobody waits: the standard library's wakes with a system call
//! whether there is somebody to be woken or not.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, MutexGuard, PoisonError};
use std::time::Duration;

/// Used like a [`Condvar`], for one mutex: what is waited for is changed with it held, and told after that.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    told: Condvar,
    /// Counted with the mutex held, so that whoever has changed something since sees who waits for it.
    waiting: AtomicUsize,
}

impl Signal {
    /// Waits for a change.
    pub(crate) fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let guard = self.told.wait(guard).unwrap_or_else(PoisonError::into_inner);
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        guard
    }

    /// Waits for a change, at most so long.
    pub(crate) fn wait_timeout<'a, T>(&self, guard: MutexGuard<'a, T>, timeout: Duration) -> MutexGuard<'a, T> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let (guard, _) = self.told.wait_timeout(guard, timeout).unwrap_or_else(PoisonError::into_inner);
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        guard
    }

    /// Whether anybody waits, or has been told and is about to go on.
    fn is_waited_for(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0
    }

    /// Wakes one that waits.
    pub(crate) fn tell_one(&self) {
        if self.is_waited_for() {
            self.told.notify_one();
        }
    }

    /// Wakes all that wait.
    pub(crate) fn tell_all(&self) {
        if self.is_waited_for() {
            self.told.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn no_change_is_missed() {
        let (turn, signal) = (Mutex::new(0u32), Signal::default());
        let play = |own: u32| {
            for _ in 0..2_000 {
                let mut now = turn.lock().unwrap();
                while *now % 2 != own {
                    now = signal.wait(now);
                }
                *now += 1;
                drop(now);
                signal.tell_all();
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(|| play(0));
            scope.spawn(|| play(1));
        });
        assert_eq!((*turn.lock().unwrap(), signal.is_waited_for()), (4_000, false));
        drop(signal.wait_timeout(turn.lock().unwrap(), Duration::from_millis(1)));
        assert!(!signal.is_waited_for());
    }
}
