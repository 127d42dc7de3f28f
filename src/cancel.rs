//! The cancel flag of one operation, and the sleep it can cut short.
//!
//! A flag plus a descriptor: every wait of the library polls the descriptor too, so that a cancel ends it at once.
//! It is never lowered again; the engine makes one per operation and hands clones to whoever may cancel. An operation
//! made of several gives each a child of its own: stopping the whole stops all children, stopping a child only itself.

use std::ops::ControlFlow;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use crate::sys::poll::{Entry, poll};
use crate::sys::wake::Wake;

/// How often a wait looks at the flag when the process has no descriptor left for the wake-up: half of what a cancel
/// may take.
pub(crate) const WITHOUT_WAKE: Duration = Duration::from_millis(20);

/// The cancel flag of one operation. Clones share it.
#[derive(Debug, Clone)]
pub struct Cancel(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    raised: AtomicBool,
    wake: Option<Wake>,
    children: Mutex<Vec<Weak<Shared>>>,
}

impl Shared {
    fn raise(&self) {
        self.raised.store(true, Ordering::SeqCst);
        if let Some(wake) = &self.wake {
            wake.raise();
        }
        let children = std::mem::take(&mut *self.children.lock().unwrap_or_else(PoisonError::into_inner));
        for child in children.iter().filter_map(Weak::upgrade) {
            child.raise();
        }
    }
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
        Cancel(Arc::new(Shared {
            raised: AtomicBool::new(false),
            wake: Wake::new().ok(),
            children: Mutex::new(Vec::new()),
        }))
    }

    /// A flag that is raised with this one, and can be raised without it.
    pub fn child(&self) -> Cancel {
        let child = Cancel::new();
        {
            let mut children = self.0.children.lock().unwrap_or_else(PoisonError::into_inner);
            children.retain(|child| child.strong_count() > 0);
            children.push(Arc::downgrade(&child.0));
        }
        // Whoever raises the flag does so before he takes the list of children: one of the two sees the other.
        if self.is_set() {
            child.cancel();
        }
        child
    }

    /// Raises the flag and wakes every wait, from any thread, any number of times.
    pub fn cancel(&self) {
        self.0.raise();
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
        tick: impl FnMut() -> ControlFlow<()>,
    ) -> Slept {
        self.wait(None, duration, interval, tick)
    }

    /// Waits until `fd` can be read (or has ended or failed, which a read will tell), as [`Cancel::sleep`] does:
    /// [`Slept::Whole`] is that it can.
    pub fn wait_readable(
        &self,
        fd: BorrowedFd<'_>,
        interval: Option<Duration>,
        tick: impl FnMut() -> ControlFlow<()>,
    ) -> Slept {
        self.wait(Some(fd), Duration::MAX, interval, tick)
    }

    fn wait(
        &self,
        fd: Option<BorrowedFd<'_>>,
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
            let mut entries = [self.entry(), fd.map_or(Entry::IGNORED, Entry::readable)];
            match poll(&mut entries, Some(rest)) {
                Ok(_) if entries[1].is_readable() => return Slept::Whole,
                Ok(_) => {}
                Err(_) => std::thread::sleep(rest.min(WITHOUT_WAKE)),
            }
        }
    }

    /// What to add to a poll.
    pub(crate) fn entry(&self) -> Entry<'_> {
        use std::os::fd::AsFd as _;
        self.0.wake.as_ref().map_or(Entry::IGNORED, |wake| Entry::readable(wake.as_fd()))
    }

    /// Whether a poll with [`Cancel::entry`] is woken by a cancel; if not, it must wake by itself to look.
    pub(crate) fn wakes(&self) -> bool {
        self.0.wake.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_ends_with_the_whole_and_not_the_other_way_round() {
        let whole = Cancel::new();
        let (one, two) = (whole.child(), whole.child());
        one.cancel();
        assert!(one.is_set() && !two.is_set() && !whole.is_set());
        whole.cancel();
        assert!(two.is_set() && whole.child().is_set());
    }

    #[test]
    fn a_wait_for_a_descriptor_ends_with_it_or_with_a_cancel() {
        use std::io::Write as _;
        use std::os::fd::AsFd as _;
        let (reader, mut writer) = std::io::pipe().unwrap();
        let cancel = Cancel::new();
        let wait = |cancel: &Cancel, ticks: u32| {
            let mut left = ticks;
            cancel.wait_readable(reader.as_fd(), Some(Duration::from_millis(1)), || {
                left = left.saturating_sub(1);
                if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
        };
        assert_eq!(wait(&cancel, 3), Slept::Stopped);
        writer.write_all(b"x").unwrap();
        assert_eq!(wait(&cancel, 1_000_000), Slept::Whole);
        cancel.cancel();
        assert_eq!(wait(&cancel, 1_000_000), Slept::Cancelled);
    }
}
