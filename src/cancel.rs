//! The cancel flag of one operation, and the sleep it can cut short.
//!
//! A flag plus a descriptor: every wait of the library polls the descriptor too, so that a cancel ends it at once.
//! It is never lowered again; the engine makes one per operation and hands clones to whoever may cancel. An operation
//! made of several gives each a child of its own: stopping the whole stops all children, stopping a child only itself.
//!
//! The descriptor is made by the first wait: of ten thousand operations that are queued, none has one. A request borrows
//! it from those that were used before ([`Cancel::borrow_wake`]), so that a small one does not make and close one.

use std::ops::ControlFlow;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use crate::sys::poll::{Entry, poll};
use crate::sys::wake::Wake;

/// How often a wait looks at the flag when the process has no descriptor left for the wake-up: half of what a cancel
/// may take.
pub(crate) const WITHOUT_WAKE: Duration = Duration::from_millis(20);

/// How many descriptors are kept for the next request.
const MAX_SPARE: usize = 4;

/// The cancel flag of one operation. Clones share it.
#[derive(Debug, Clone)]
pub struct Cancel(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    raised: AtomicBool,
    /// There while somebody waits, who then has it too. Never taken out while it may be raised.
    wake: Mutex<Option<Arc<Wake>>>,
    children: Mutex<Children>,
}

/// Flags that are raised with another.
#[derive(Debug, Default)]
struct Children {
    flags: Vec<Weak<Shared>>,
    /// How many there may be before those of operations that are over are taken out.
    crowd: usize,
}

impl Children {
    fn add(&mut self, child: &Arc<Shared>) {
        if self.flags.len() >= self.crowd {
            self.flags.retain(|child| child.strong_count() > 0);
            self.crowd = 8.max(2 * self.flags.len());
        }
        self.flags.push(Arc::downgrade(child));
    }
}

impl Shared {
    fn raise(&self) {
        self.raised.store(true, Ordering::SeqCst);
        if let Some(wake) = &*self.lock_wake() {
            wake.raise();
        }
        let children = std::mem::take(&mut *self.children.lock().unwrap_or_else(PoisonError::into_inner));
        for child in children.flags.iter().filter_map(Weak::upgrade) {
            child.raise();
        }
    }

    fn wake(&self) -> Option<Arc<Wake>> {
        let mut place = self.lock_wake();
        if place.is_none() {
            *place = Wake::new().ok().map(Arc::new);
        }
        // Whoever raises the flag does so before he looks for the descriptor, with the lock that is held here: one of the
        // two sees the other.
        if let Some(wake) = &*place
            && self.raised.load(Ordering::SeqCst)
        {
            wake.raise();
        }
        place.clone()
    }

    /// Takes the descriptor out if nobody waits with it and it cannot have been raised.
    fn take_wake(&self) -> Option<Arc<Wake>> {
        let mut place = self.lock_wake();
        // Nobody gets at it without the lock; and who raises the flag from now on finds nothing to raise, since nobody
        // waits: a later wait looks at the flag.
        place.take_if(|wake| Arc::strong_count(wake) == 1 && !self.raised.load(Ordering::SeqCst))
    }

    fn lock_wake(&self) -> MutexGuard<'_, Option<Arc<Wake>>> {
        self.wake.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Descriptors that were used and not raised, for the next requests.
#[derive(Debug, Default)]
pub(crate) struct SpareWakes(Mutex<Vec<Arc<Wake>>>);

impl SpareWakes {
    /// Closes all of them.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Wake>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A flag that has a borrowed descriptor; given back when this is dropped.
pub(crate) struct Borrowed<'a> {
    flag: &'a Cancel,
    spare: &'a SpareWakes,
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        let Some(wake) = self.flag.0.take_wake() else { return };
        let mut spare = self.spare.lock();
        if spare.len() < MAX_SPARE {
            spare.push(wake);
        }
    }
}

/// What wakes a wait, to be held as long as that lasts.
pub(crate) struct Waking(Option<Arc<Wake>>);

impl Waking {
    /// What to add to a poll.
    pub(crate) fn entry(&self) -> Entry<'_> {
        self.0.as_ref().map_or(Entry::IGNORED, |wake| Entry::readable(wake.as_fd()))
    }

    /// Whether a poll with [`Waking::entry`] is woken by a cancel; if not, it must wake by itself to look.
    pub(crate) fn wakes(&self) -> bool {
        self.0.is_some()
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
        Cancel(Arc::new(Shared { raised: AtomicBool::new(false), wake: Mutex::default(), children: Mutex::default() }))
    }

    /// A flag that is raised with this one, and can be raised without it.
    pub fn child(&self) -> Cancel {
        let child = Cancel::new();
        self.adopt(&child);
        child
    }

    /// From now on another flag is raised with this one, beside whatever else raises it.
    pub fn adopt(&self, child: &Cancel) {
        self.0.children.lock().unwrap_or_else(PoisonError::into_inner).add(&child.0);
        // Whoever raises the flag does so before he takes the list of children: one of the two sees the other.
        if self.is_set() {
            child.cancel();
        }
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
            let waking = self.waking();
            if !waking.wakes() {
                rest = rest.min(WITHOUT_WAKE);
            }
            // poll can only fail for want of kernel memory; sleeping a moment keeps that from spinning.
            let mut entries = [waking.entry(), fd.map_or(Entry::IGNORED, Entry::readable)];
            match poll(&mut entries, Some(rest)) {
                Ok(_) if entries[1].is_readable() => return Slept::Whole,
                Ok(_) => {}
                Err(_) => std::thread::sleep(rest.min(WITHOUT_WAKE)),
            }
        }
    }

    /// What a wait is woken by.
    pub(crate) fn waking(&self) -> Waking {
        Waking(self.0.wake())
    }

    /// Until what is returned is dropped, waits use a descriptor of `spare` if there is one.
    pub(crate) fn borrow_wake<'a>(&'a self, spare: &'a SpareWakes) -> Borrowed<'a> {
        let mut place = self.0.lock_wake();
        if place.is_none() {
            *place = spare.lock().pop();
        }
        Borrowed { flag: self, spare }
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
    fn those_that_are_over_are_not_kept() {
        let whole = Cancel::new();
        let kept: Vec<_> = (0..10).map(|_| whole.child()).collect();
        for _ in 0..10_000 {
            whole.child();
        }
        let count = whole.0.children.lock().unwrap().flags.len();
        assert!((10..64).contains(&count), "{count}");
        whole.cancel();
        assert!(kept.iter().all(Cancel::is_set));
    }

    #[test]
    fn a_flag_may_be_raised_with_several() {
        let (one, two) = (Cancel::new(), Cancel::new());
        let child = one.child();
        two.adopt(&child);
        two.cancel();
        assert!(child.is_set() && !one.is_set());
        let late = Cancel::new();
        two.adopt(&late);
        assert!(late.is_set());
    }

    #[test]
    fn a_cancel_and_the_first_wait_at_the_same_time_find_each_other() {
        for _ in 0..2_000 {
            let cancel = Cancel::new();
            let other = cancel.clone();
            let thread = std::thread::spawn(move || other.cancel());
            assert_eq!(cancel.sleep(Duration::from_secs(60), None, || ControlFlow::Continue(())), Slept::Cancelled);
            thread.join().unwrap();
        }
    }

    #[test]
    fn a_descriptor_is_used_again_unless_it_was_raised_or_is_in_use() {
        let spare = SpareWakes::default();
        let count = || spare.lock().len();
        let go_on = || ControlFlow::Continue(());
        let moment = Duration::from_millis(1);
        for _ in 0..3 {
            let cancel = Cancel::new();
            let borrowed = cancel.borrow_wake(&spare);
            assert_eq!((cancel.sleep(moment, None, go_on), count()), (Slept::Whole, 0));
            drop(borrowed);
            assert_eq!(count(), 1);
        }
        let cancel = Cancel::new();
        let (borrowed, waking) = (cancel.borrow_wake(&spare), cancel.waking());
        drop(borrowed);
        assert!(count() == 0 && waking.wakes());
        cancel.cancel();
        drop(waking);
        drop(cancel.borrow_wake(&spare));
        assert_eq!(count(), 0);
        assert_eq!(cancel.sleep(Duration::from_secs(60), None, go_on), Slept::Cancelled);
    }

    #[test]
    fn a_cancel_when_a_descriptor_is_given_back_reaches_nobody_else() {
        let spare = SpareWakes::default();
        for _ in 0..2_000 {
            let cancel = Cancel::new();
            std::thread::scope(|scope| {
                scope.spawn(|| cancel.cancel());
                let borrowed = cancel.borrow_wake(&spare);
                drop(cancel.waking());
                drop(borrowed);
            });
            assert_eq!(cancel.sleep(Duration::from_secs(60), None, || ControlFlow::Continue(())), Slept::Cancelled);
            for wake in &*spare.lock() {
                assert_eq!(poll(&mut [Entry::readable(wake.as_fd())], Some(Duration::ZERO)).unwrap(), 0);
            }
        }
    }

    #[test]
    fn a_wait_for_a_descriptor_ends_with_it_or_with_a_cancel() {
        use std::io::Write as _;
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
