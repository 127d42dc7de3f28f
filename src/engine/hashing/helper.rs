//! The thread that reads and hashes ahead.
//!
//! It has one order at a time. Whoever gives it another, or takes the order back, only says so: at its next step, or
//! before it hands over what nobody wants any more, the thread sees it.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use super::chunk::{Chunk, Wanted};
use super::memory::Spare;
use crate::engine::body::Failure;
use crate::error::{Error, ErrorKind, Result};
use crate::fingerprint::{READ_PATIENCE, end_reading};
use crate::source::Bytes;
use crate::sys::thread::spawn;

/// Its stack: reading and hashing take a few KiB, a caller's own reader whatever it takes. Only touched pages cost
/// anything.
pub(super) const STACK: usize = 512 * 1024;

/// How often who waits for a chunk looks whether to go on waiting: a cancel shall not take longer than this.
const LOOK: Duration = Duration::from_millis(1);

/// The thread, as long as this lives.
pub(super) struct Helper {
    desk: Arc<Desk>,
    /// Taken out by `drop` alone.
    thread: Option<JoinHandle<()>>,
    /// Whether all that was ever ordered is files.
    files_alone: AtomicBool,
}

/// What both sides see.
struct Desk {
    order: Mutex<Order>,
    changed: Condvar,
}

/// What the thread is to do. It alone makes a given order a begun one, and a begun one done.
enum Order {
    Nothing,
    Given(Wanted, Box<dyn Bytes>),
    Begun(Wanted),
    Done(Wanted, Outcome),
    /// End.
    Over,
}

/// A chunk, the failure of its source, or a panic.
type Outcome = std::thread::Result<std::result::Result<Chunk, Failure>>;

impl Helper {
    pub(super) fn start(spare: &Arc<Spare>, stack: usize) -> io::Result<Helper> {
        let desk = Arc::new(Desk { order: Mutex::new(Order::Nothing), changed: Condvar::new() });
        let (its_desk, its_spare) = (Arc::clone(&desk), Arc::clone(spare));
        let builder = Builder::new().name("tus-hash".to_owned()).stack_size(stack);
        let thread = spawn(builder, move || its_desk.work(&its_spare))?;
        Ok(Helper { desk, thread: Some(thread), files_alone: AtomicBool::new(true) })
    }

    /// Orders a chunk, instead of anything ordered before.
    pub(super) fn prepare(&self, wanted: Wanted, share: Box<dyn Bytes>) {
        self.files_alone.fetch_and(share.file().is_some(), Ordering::Relaxed);
        self.desk.put(Order::Given(wanted, share));
    }

    /// The chunk as far as it has been ordered and begun, waiting for its end, or how that failed. Whatever else was
    /// ordered is taken back.
    pub(super) fn take(
        &self,
        wanted: Wanted,
        proceed: &mut dyn FnMut() -> Result<()>,
    ) -> Option<std::result::Result<Chunk, Failure>> {
        while self.desk.is_at_work_on(wanted) && self.thread.as_ref().is_some_and(|thread| !thread.is_finished()) {
            // Not under the lock: it is the caller's function, and takes its time.
            if let Err(error) = proceed() {
                return Some(Err(Failure::Trouble(error)));
            }
        }
        match self.desk.put(Order::Nothing) {
            Order::Done(done, outcome) if done == wanted => Some(outcome.unwrap_or_else(|panic| resume_unwind(panic))),
            _ => None,
        }
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.desk.put(Order::Over);
        if let Some(thread) = self.thread.take() {
            end_reading(thread, *self.files_alone.get_mut(), READ_PATIENCE);
        }
    }
}

impl Desk {
    fn order(&self) -> MutexGuard<'_, Order> {
        // Nothing panics under this lock.
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the order. What is returned is best dropped at once, but not under the lock: a source runs foreign code
    /// when it goes.
    fn put(&self, order: Order) -> Order {
        let before = std::mem::replace(&mut *self.order(), order);
        self.changed.notify_all();
        before
    }

    /// Whether the thread is at this chunk, after waiting a moment for that to end.
    fn is_at_work_on(&self, wanted: Wanted) -> bool {
        let at_it = |order: &mut Order| matches!(order, Order::Begun(begun) if *begun == wanted);
        let waited = self.changed.wait_timeout_while(self.order(), LOOK, at_it);
        waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// What the thread does.
    fn work(&self, spare: &Arc<Spare>) {
        while let Some((wanted, mut share)) = self.next() {
            let outcome = catch_unwind(AssertUnwindSafe(move || {
                Chunk::read(&mut *share, wanted, spare, &mut || self.is_still_wanted())
            }));
            self.finish(wanted, outcome);
        }
    }

    /// Waits for an order, and begins it; `None` is the end.
    fn next(&self) -> Option<(Wanted, Box<dyn Bytes>)> {
        let mut order = self.order();
        loop {
            match std::mem::replace(&mut *order, Order::Over) {
                Order::Over => return None,
                Order::Given(wanted, share) => {
                    *order = Order::Begun(wanted);
                    return Some((wanted, share));
                }
                other => *order = other,
            }
            order = self.changed.wait(order).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A begun order is the one the thread is at: there can be no other until it asks for the next.
    fn is_still_wanted(&self) -> Result<()> {
        match *self.order() {
            Order::Begun(_) => Ok(()),
            _ => Err(Error::new(ErrorKind::Cancelled, "nobody wants this chunk any more")),
        }
    }

    fn finish(&self, wanted: Wanted, outcome: Outcome) {
        let mut order = self.order();
        if let Order::Begun(_) = *order {
            *order = Order::Done(wanted, outcome);
            self.changed.notify_all();
        }
    }
}
