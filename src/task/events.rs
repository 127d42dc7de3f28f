//! What waits for the caller's event loop: results, and the newest numbers of each upload.

use std::collections::VecDeque;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use super::mark::Mark;
use super::panics::caught;
use super::pool::{Job, Pool};
use crate::engine::control::Control;
use crate::engine::hooks::{HookResult, OnProgress, Progress};

/// One call of the caller's functions to come.
pub(super) enum Delivery {
    Progress(Arc<Feed>),
    Done(Arc<dyn Job>),
}

impl Delivery {
    /// Makes the call, if there is still a reason: whether there was. Never panics.
    pub(super) fn run(self) -> bool {
        // The last hold on what is the caller's may go with it.
        caught(|| match self {
            Delivery::Progress(feed) => feed.deliver(),
            Delivery::Done(job) => {
                job.deliver();
                true
            }
        })
        .unwrap_or(true)
    }
}

/// Deliveries in their order, and who is making them. In [`super::Dispatch::Worker`] only those of tasks that were
/// cancelled before they began are here, for lack of a thread of their own.
#[derive(Default)]
pub(super) struct Events {
    waiting: VecDeque<Delivery>,
    /// The thread in `dispatch`.
    pub(super) dispatcher: Option<Mark>,
    /// How many other threads are making one.
    pub(super) delivering: usize,
    /// Those of them that are the caller's.
    pub(super) helpers: Vec<Mark>,
}

impl Events {
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn push(&mut self, delivery: Delivery) {
        self.waiting.push_back(delivery);
    }

    pub(super) fn pop(&mut self) -> Option<Delivery> {
        let first = self.waiting.pop_front();
        if self.waiting.is_empty() {
            // The memory of a crowd is not kept for a few.
            self.waiting.shrink_to(16);
        }
        first
    }
}

/// The progress of one upload on its way to the caller's thread: at most one delivery waits, with the newest numbers.
pub(super) struct Feed {
    function: OnProgress,
    control: Control,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    newest: Option<Progress>,
    /// A delivery waits.
    queued: bool,
    /// The work is over: nothing is new any more.
    ended: bool,
    said: Said,
}

/// What the caller's function has said last.
#[derive(Clone, Default)]
enum Said {
    #[default]
    GoOn,
    Stop(i32),
    Panicked(String),
}

impl Feed {
    pub(super) fn new(function: OnProgress, control: Control) -> Arc<Feed> {
        Arc::new(Feed { function, control, state: Mutex::default() })
    }

    /// Takes new numbers and answers what the caller's function said to earlier ones.
    pub(super) fn note(self: &Arc<Self>, pool: &Arc<Pool>, progress: &Progress) -> HookResult {
        let new_delivery = {
            let mut state = self.state();
            match &state.said {
                Said::GoOn => {}
                Said::Stop(code) => return Err(*code),
                Said::Panicked(text) => {
                    let text = text.clone();
                    drop(state);
                    // As if the function had been called here; it has been told by the panic hook already.
                    resume_unwind(Box::new(text));
                }
            }
            if state.ended {
                return Ok(());
            }
            state.newest = Some(*progress);
            !std::mem::replace(&mut state.queued, true)
        };
        if new_delivery {
            pool.push(Delivery::Progress(Arc::clone(self))).end();
        }
        Ok(())
    }

    /// From now on there are no new numbers; the last ones may still be told.
    pub(super) fn end(&self) {
        self.state().ended = true;
    }

    /// Tells the newest numbers, unless another function of the caller's for this upload is running just now: then
    /// the next numbers are told.
    fn deliver(&self) -> bool {
        let gate = self.control.gate();
        let _gate = match gate.as_deref().map(Mutex::try_lock) {
            None => None,
            Some(Ok(gate)) => Some(gate),
            Some(Err(TryLockError::Poisoned(poisoned))) => Some(poisoned.into_inner()),
            Some(Err(TryLockError::WouldBlock)) => {
                self.state().queued = false;
                return false;
            }
        };
        self.tell()
    }

    /// Tells the newest numbers if they have not been told and the caller has not asked to stop: whether it did.
    pub(super) fn tell(&self) -> bool {
        let newest = {
            let mut state = self.state();
            state.queued = false;
            match state.said {
                Said::GoOn => state.newest.take(),
                Said::Stop(_) | Said::Panicked(_) => None,
            }
        };
        let Some(newest) = newest else { return false };
        let said = match caught(|| (self.function)(&newest)) {
            Ok(Ok(())) => Said::GoOn,
            Ok(Err(code)) => Said::Stop(code),
            Err(text) => Said::Panicked(text),
        };
        self.state().said = said;
        true
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
