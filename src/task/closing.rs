//! The end of a pool, waited for.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::Dispatch;
use super::mark::Mark;
use super::panics::quietly;
use super::pool::{Pool, State};

impl Pool {
    pub(super) fn close(self: &Arc<Self>, timeout: Option<Duration>) -> bool {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let (jobs, insist, waits_for_itself) = {
            let mut state = self.lock();
            let insist = std::mem::replace(&mut state.closed, true);
            if state.is_finished() {
                self.errands.tell_all();
            }
            let jobs: Vec<_> = state.tasks.values().map(|entry| Arc::clone(&entry.job)).collect();
            (jobs, insist, state.needs_this_thread())
        };
        for job in jobs {
            // The last hold on a task may be this one.
            quietly(|| job.close(insist));
        }
        !waits_for_itself && self.wait_for_end(deadline)
    }

    fn wait_for_end(self: &Arc<Self>, deadline: Option<Instant>) -> bool {
        loop {
            self.dispatch(1);
            self.help_out();
            let state = self.lock();
            if state.has_ended() {
                break;
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return false;
            }
            if self.dispatch_mode() == Dispatch::Queue && !state.events.is_empty() && state.events.dispatcher.is_none()
            {
                // For this thread: came meanwhile, or was not the first.
                continue;
            }
            match left {
                None => drop(self.quieter.wait(state)),
                Some(left) => drop(self.quieter.wait_timeout(state, left)),
            }
        }
        // Whoever comes second waits until the first has joined them.
        let _joining = self.joining.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = self.lock().threads.take_ended();
        for thread in ended {
            // It has left the pool, and takes no more time than the system needs to end it.
            let _ = thread.join();
        }
        true
    }
}

impl State {
    /// Whether this thread would wait for itself.
    fn needs_this_thread(&self) -> bool {
        let this = Mark::of_this_thread();
        self.threads.include_this() || self.events.dispatcher == Some(this) || self.events.helpers.contains(&this)
    }

    fn has_ended(&self) -> bool {
        self.tasks.is_empty()
            && self.events.is_empty()
            && self.events.dispatcher.is_none()
            && self.events.delivering == 0
            && self.threads.are_gone()
    }
}
