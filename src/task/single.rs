//! One task: from its submission to the return of the caller's last function for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::events::{Delivery, Feed};
use super::mark::Mark;
use super::panics::{caught, quietly};
use super::places::Seat;
use super::pool::{Job, Leftover, Pool};
use super::{Dispatch, Done, Running, Submission, TaskState, Work};
use crate::engine::control::Control;
use crate::engine::hooks::OnProgress;
use crate::error::{Error, ErrorKind, Result};
use crate::signal::Signal;

/// One task; clones are the same task. Dropping it changes nothing.
///
/// It is steered by its own methods: one that is still in the queue does not notice what is said to its [`Control`].
pub struct Task<T>(Arc<Core<T>>);

impl<T> Clone for Task<T> {
    fn clone(&self) -> Self {
        Task(Arc::clone(&self.0))
    }
}

/// What does not depend on the kind of result.
pub(super) struct Base {
    id: u64,
    pool: Arc<Pool>,
    control: Control,
    /// The progress functions that are called by way of the queue.
    feeds: Mutex<Vec<Arc<Feed>>>,
}

pub(super) struct Core<T> {
    base: Base,
    steps: Mutex<Steps<T>>,
    /// Of the phase, and of what a waiting thread could do about it.
    changed: Signal,
    /// Not part of the steps, so that whoever looks at it may ask for the rest.
    result: Mutex<Option<Result<T>>>,
}

struct Steps<T> {
    work: Option<Work<T>>,
    done: Option<Done<T>>,
    unbegun: Option<Error>,
    phase: Phase,
    /// The thread that is running `done`.
    delivering: Option<Mark>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Open,
    HasResult,
    /// `done` has returned and was dropped.
    Over,
}

impl Base {
    pub(super) fn deliver(&self, progress: OnProgress) -> OnProgress {
        if self.pool.dispatch_mode() == Dispatch::Worker {
            return progress;
        }
        let feed = Feed::new(progress, self.control.clone());
        self.feeds().push(Arc::clone(&feed));
        let pool = Arc::clone(&self.pool);
        Arc::new(move |progress| feed.note(&pool, progress))
    }

    fn feeds(&self) -> MutexGuard<'_, Vec<Arc<Feed>>> {
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Send + 'static> Task<T> {
    pub(super) fn submit(pool: &Arc<Pool>, submission: Submission<T>) -> Result<Task<T>> {
        let Submission { lane, priority, work, done, unbegun } = submission;
        let base = Base { id: pool.new_id(), pool: Arc::clone(pool), control: Control::new(), feeds: Mutex::default() };
        let core = Arc::new(Core {
            base,
            steps: Mutex::new(Steps { work: Some(work), done, unbegun, phase: Phase::Open, delivering: None }),
            changed: Signal::default(),
            result: Mutex::new(None),
        });
        pool.enter(core.base.id, lane, priority, Arc::clone(&core) as Arc<dyn Job>)?;
        Ok(Task(core))
    }

    /// What it is seen through. To steer it, use the methods of the task.
    pub fn control(&self) -> &Control {
        &self.0.base.control
    }

    /// How far it is.
    pub fn state(&self) -> TaskState {
        let base = &self.0.base;
        // Looked at first: what is no longer in the queue then may have a result, but not the other way round.
        let queued = base.pool.is_queued(base.id);
        if self.is_done() {
            TaskState::Done
        } else if base.control.is_paused() {
            TaskState::Paused
        } else if queued {
            TaskState::Queued
        } else {
            TaskState::Running
        }
    }

    /// As soon as there is a result.
    pub fn is_done(&self) -> bool {
        self.0.steps().phase >= Phase::HasResult
    }

    /// Waits until it is over; false after `timeout` (`None`: for ever).
    ///
    /// With [`Dispatch::Worker`] that is when `done` has returned and was dropped, but inside that `done` already when
    /// there is a result; with [`Dispatch::Queue`] it always is. Not to be called by its own work.
    pub fn wait(&self, timeout: Option<Duration>) -> bool {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let core = &self.0;
        let mut steps = core.steps();
        loop {
            if core.is_over_for(&steps, Mark::of_this_thread()) {
                return true;
            }
            if steps.phase == Phase::HasResult && steps.delivering.is_none() {
                // Perhaps no thread can be had for `done`.
                drop(steps);
                core.base.pool.help_out();
                steps = core.steps();
                if core.is_over_for(&steps, Mark::of_this_thread()) {
                    return true;
                }
            }
            steps = match deadline {
                None => core.changed.wait(steps),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return false;
                    }
                    core.changed.wait_timeout(steps, left)
                }
            };
        }
    }

    /// Ends it as [`Control::cancel`] does; at once if it has not begun. `done` is never called by this thread meanwhile.
    pub fn cancel(&self) {
        self.0.stop(Control::cancel);
    }

    /// Ends it as [`Control::cancel_and_delete`] does. What has not begun ends at once and deletes nothing; its error names
    /// the upload that it was to go on with, if there is one.
    pub fn cancel_and_delete(&self) {
        self.0.stop(Control::cancel_and_delete);
    }

    /// Has it stand still, and leave its place to another.
    pub fn pause(&self) {
        let base = &self.0.base;
        base.pool.pause(base.id, &base.control);
    }

    /// Has it go on: before those that have not begun, or at its old place among them.
    pub fn resume(&self) {
        let base = &self.0.base;
        base.pool.resume(base.id, &base.control);
    }

    /// Changes its place in the queue.
    pub fn set_priority(&self, priority: i32) {
        self.0.base.pool.set_priority(self.0.base.id, priority);
    }

    /// Looks at the result; `None` before there is one. Not to be called from inside `look`.
    pub fn result<R>(&self, look: impl FnOnce(&mut Result<T>) -> R) -> Option<R> {
        self.0.result.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map(look)
    }
}

impl<T: Send + 'static> Core<T> {
    fn steps(&self) -> MutexGuard<'_, Steps<T>> {
        // No code but ours runs with this lock held.
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a thread that waits for the end has nothing to wait for.
    fn is_over_for(&self, steps: &Steps<T>, thread: Mark) -> bool {
        match steps.phase {
            Phase::Open => false,
            Phase::HasResult => self.base.pool.dispatch_mode() == Dispatch::Queue || steps.delivering == Some(thread),
            Phase::Over => true,
        }
    }

    /// Ends it at once if it has not begun, else by its control.
    fn stop(self: &Arc<Self>, running: impl FnOnce(&Control)) {
        if self.base.pool.take_out(self.base.id) {
            self.base.control.cancel();
            Arc::clone(self).end(self.cancelled_unbegun());
        } else if self.steps().phase == Phase::Open {
            // Not after the end: what it has brought forth may still be under this control.
            running(&self.base.control);
        }
    }

    fn cancelled_unbegun(&self) -> Error {
        self.steps().unbegun.take().unwrap_or_else(|| Error::new(ErrorKind::Cancelled, "cancelled"))
    }

    /// Makes the result known. Nothing of the work is left.
    ///
    /// `posted`: `done` is to be called by somebody else, and whoever sees the result sees the delivery wait too.
    fn publish(self: &Arc<Self>, result: Result<T>, posted: bool) {
        // With it may go functions of the caller's.
        quietly(|| self.base.control.settle());
        let has_feeds = {
            let feeds = self.base.feeds();
            feeds.iter().for_each(|feed| feed.end());
            !feeds.is_empty()
        };
        *self.result.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        let (to_call, leftover) = {
            let mut steps = self.steps();
            steps.phase = Phase::HasResult;
            let to_call = steps.done.is_some() || has_feeds;
            let leftover = if posted && to_call {
                self.base.pool.push(Delivery::Done(Arc::clone(self) as Arc<dyn Job>))
            } else {
                Leftover::default()
            };
            (to_call, leftover)
        };
        // Else `done` follows on this thread, and its return is what is waited for.
        if posted || self.base.pool.dispatch_mode() == Dispatch::Queue {
            self.changed.tell_all();
        }
        leftover.end();
        if posted && !to_call {
            self.finish();
        }
    }

    /// Nothing of the caller's runs for this task any more.
    fn finish(&self) {
        let leftover = {
            let mut steps = self.steps();
            (steps.phase, steps.delivering) = (Phase::Over, None);
            // With the lock: whoever has waited for the end finds the place free.
            self.base.pool.forget(self.base.id)
        };
        self.changed.tell_all();
        leftover.end();
    }
}

impl<T: Send + 'static> Job for Core<T> {
    fn run(self: Arc<Self>) {
        let base = &self.base;
        let work = self.steps().work.take();
        let result = match work {
            Some(work) if !base.control.is_cancelled() => {
                base.control.set_place(Arc::new(Seat::new(&base.pool, base.id)));
                let running = Running { control: &base.control, base };
                caught(|| work(&running)).unwrap_or_else(|text| {
                    Err(Error::new(ErrorKind::Internal, format!("a panic in the work of a task: {text}")))
                })
            }
            work => {
                quietly(|| drop(work));
                Err(self.cancelled_unbegun())
            }
        };
        match base.pool.dispatch_mode() {
            Dispatch::Worker => {
                self.publish(result, false);
                self.deliver();
            }
            Dispatch::Queue => {
                base.pool.end_running(base.id);
                self.publish(result, true);
            }
        }
    }

    fn deliver(self: Arc<Self>) {
        let feeds = std::mem::take(&mut *self.base.feeds());
        for feed in &feeds {
            feed.tell();
        }
        quietly(|| drop(feeds));
        let done = {
            let mut steps = self.steps();
            steps.delivering = Some(Mark::of_this_thread());
            steps.done.take()
        };
        if let Some(done) = done {
            let task = Task(Arc::clone(&self));
            quietly(|| done(&task));
        }
        self.finish();
    }

    fn close(self: Arc<Self>, insist: bool) {
        if insist || !self.base.control.is_cancelled() {
            self.stop(Control::cancel);
        }
    }

    fn end(self: Arc<Self>, error: Error) {
        let work = self.steps().work.take();
        quietly(|| drop(work));
        self.publish(Err(error), true);
    }
}
