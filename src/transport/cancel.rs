//! The cancel flag of one operation, and the sleep it can cut short.
//!
//! A flag plus a descriptor: every wait of the transport polls the descriptor too, so that a cancel ends it at once.
//! It is never lowered again; the engine makes one per operation and hands clones to whoever may cancel.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::sys::poll::{Entry, poll};
use crate::sys::wake::Wake;

/// How often a wait looks at the flag when the process has no descriptor left for the wake-up: half of what a cancel
/// may take.
pub(super) const WITHOUT_WAKE: Duration = Duration::from_millis(20);

/// The cancel flag of one operation. Clones share it.
#[derive(Debug, Clone)]
pub struct Cancel(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    raised: AtomicBool,
    wake: Option<Wake>,
}

/// How a [`Cancel::sleep`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slept {
    /// The whole time has passed.
    Whole,
    /// The flag was raised.
    Cancelled,
    /// `tick` said so.
    Stopped,
}

impl Default for Cancel {
    fn default() -> Self {
        Self::new()
    }
}

impl Cancel {
    /// A flag that is not raised.
    pub fn new() -> Self {
        Cancel(Arc::new(Shared { raised: AtomicBool::new(false), wake: Wake::new().ok() }))
    }

    /// Raises the flag and wakes every wait, from any thread, any number of times.
    pub fn cancel(&self) {
        self.0.raised.store(true, Ordering::SeqCst);
        if let Some(wake) = &self.0.wake {
            wake.raise();
        }
    }

    /// Whether it was raised.
    pub fn is_set(&self) -> bool {
        self.0.raised.load(Ordering::SeqCst)
    }

    /// Sleeps, calling `tick` every `interval` (never, if that is `None`). Ends early when the flag is raised or
    /// `tick` breaks.
    pub fn sleep(
        &self,
        duration: Duration,
        interval: Option<Duration>,
        mut tick: impl FnMut() -> ControlFlow<()>,
    ) -> Slept {
        let start = Instant::now();
        let mut next_tick = interval;
        loop {
            if self.is_set() {
                return Slept::Cancelled;
            }
            let passed = start.elapsed();
            if passed >= duration {
                return Slept::Whole;
            }
            let mut rest = duration - passed;
            if let (Some(due), Some(interval)) = (next_tick, interval) {
                if passed >= due {
                    if tick().is_break() {
                        return Slept::Stopped;
                    }
                    next_tick = Some(passed.saturating_add(interval.max(Duration::from_millis(1))));
                    continue;
                }
                rest = rest.min(due - passed);
            }
            if self.0.wake.is_none() {
                rest = rest.min(WITHOUT_WAKE);
            }
            // poll can only fail for want of kernel memory; sleeping a moment keeps that from spinning.
            if poll(&mut [self.entry()], Some(rest)).is_err() {
                std::thread::sleep(rest.min(WITHOUT_WAKE));
            }
        }
    }

    /// What to add to a poll.
    pub(super) fn entry(&self) -> Entry<'_> {
        use std::os::fd::AsFd as _;
        self.0.wake.as_ref().map_or(Entry::IGNORED, |wake| Entry::readable(wake.as_fd()))
    }

    /// Whether a poll with [`Cancel::entry`] is woken by a cancel; if not, it must wake by itself to look.
    pub(super) fn wakes(&self) -> bool {
        self.0.wake.is_some()
    }
}
