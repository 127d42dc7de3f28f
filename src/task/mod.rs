//! Operations that run beside the caller: tasks, the threads that carry them out, and the caller's event loop.
//!
//! A task is an ordinary blocking operation under a [`Control`], carried out by a thread of the client's; how many run
//! at once is limited, and those that wait cost memory only.
//!
//! Reading order: `single` is one task and its way to a result, `pool` who may run when, `places` what a pause has to do
//! with that, `threads` those that do it, `events` what waits for the caller's event loop, `dispatching` how it gets there,
//! `closing` the end of it all. `queue`, `mark` and `panics` are small parts of those.

use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::Duration;

pub use crate::engine::config::Dispatch;
use crate::engine::control::Control;
use crate::engine::hooks::{AroundThread, OnProgress};
use crate::error::{Error, Result};

mod closing;
mod dispatching;
mod events;
mod mark;
mod panics;
mod places;
mod pool;
mod queue;
mod single;
mod threads;

#[cfg(test)]
mod tests;

pub use single::Task;

use pool::Pool;

/// How long a thread without anything to do waits for the next task.
const IDLE: Duration = Duration::from_secs(5);

/// Which places a task competes for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// It sends data.
    Upload,
    /// A few small requests, which must not wait behind uploads.
    Request,
}

/// How far a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskState {
    /// Waits for a place.
    Queued,
    /// Is carried out.
    Running,
    /// Stands still, or will as soon as it can.
    Paused,
    /// Has a result.
    Done,
}

/// What a task does.
pub type Work<T> = Box<dyn FnOnce(&Running<'_>) -> Result<T> + Send>;

/// Learns that a task has a result.
pub type Done<T> = Box<dyn FnOnce(&Task<T>) + Send>;

/// A task to be.
pub struct Submission<T> {
    /// Which places it competes for.
    pub lane: Lane,
    /// Larger goes first; equal ones in the order of submission.
    pub priority: i32,
    /// What is to be done; runs on a thread of the library's. A panic in it becomes an error.
    pub work: Work<T>,
    /// Called once, when there is a result; also if the task was cancelled before it began.
    pub done: Option<Done<T>>,
    /// What it ends with if it is cancelled before it begins; `None` if that leaves nothing to tell of. It names the upload
    /// that the task was to go on with, which is then still on the server.
    pub unbegun: Option<Error>,
}

/// What the work of a task gets.
pub struct Running<'a> {
    /// What it is steered by.
    pub control: &'a Control,
    base: &'a single::Base,
}

impl Running<'_> {
    /// Has a progress function called where the caller wants his functions to run: as it is, or by way of the queue.
    /// By way of the queue it is called for this task only, not for what goes on after it.
    pub fn deliver(&self, progress: OnProgress) -> OnProgress {
        self.base.deliver(progress)
    }
}

/// The tasks of one client. Clones are the same.
///
/// Dropping the last one does not wait: tasks go on to their end, then the threads end. With [`Dispatch::Queue`] nobody
/// is left who could call [`Tasks::dispatch`] then; what still waits for it runs on a thread of the library's.
#[derive(Clone)]
pub struct Tasks(Arc<Handle>);

/// What all clones of a [`Tasks`] share, and no thread: its end is the last clone's.
struct Handle {
    pool: Arc<Pool>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.pool.leave_alone();
    }
}

impl Tasks {
    /// Tasks of which `workers` of each lane run at once, at least one.
    pub fn start(workers: u32, dispatch: Dispatch) -> Tasks {
        Self::new(workers, dispatch, None)
    }

    /// Threads are started as they are needed. `workers` tasks of each lane run at once, at least one;
    /// `around_thread` runs everything that a thread does, and what [`Tasks::dispatch`] and others run for it.
    pub(crate) fn new(workers: u32, dispatch: Dispatch, around_thread: Option<AroundThread>) -> Tasks {
        Self::with_idle(workers, dispatch, around_thread, IDLE)
    }

    fn with_idle(workers: u32, dispatch: Dispatch, around_thread: Option<AroundThread>, idle: Duration) -> Tasks {
        Tasks(Arc::new(Handle { pool: Pool::new(workers, dispatch, around_thread, idle) }))
    }

    /// Begins a task, or puts it into the queue. Its `done` may run before this returns, on another thread. Fails with
    /// [`crate::error::ErrorKind::InvalidState`] after [`Tasks::close`], and if the system has no thread at all; then
    /// `done` is dropped without being called.
    pub fn submit<T: Send + 'static>(&self, submission: Submission<T>) -> Result<Task<T>> {
        Task::submit(&self.0.pool, submission)
    }

    /// How many tasks of each lane run at once from now on, at least one. Those that run already go on.
    pub fn set_workers(&self, count: u32) {
        self.0.pool.set_workers(count);
    }

    /// Runs functions of the caller's that wait, on this thread: at most `max`, or those that are there now if that is
    /// 0. How many; none from inside such a function, and while another thread does it.
    pub fn dispatch(&self, max: usize) -> usize {
        self.0.pool.dispatch(max)
    }

    /// Can be read exactly while something waits for [`Tasks::dispatch`]. For polling only.
    pub fn event_handle(&self) -> std::io::Result<BorrowedFd<'_>> {
        self.0.pool.event_handle()
    }

    /// Nobody will call [`Tasks::dispatch`] any more, though there are handles: what waits for it, and what is still to
    /// come, runs on threads of the library's.
    pub fn abandon(&self) {
        self.0.pool.leave_alone();
    }

    /// From now on there are no new tasks. Cancels all tasks, a second call also the removals that were asked for, and waits until the
    /// last function of the caller's for one has returned and no thread runs any more: false if that takes longer than
    /// `timeout` (`None`: for ever); it may be called again, from any number of threads at once. With
    /// [`Dispatch::Queue`] the functions that wait run on this thread, at least one of them whatever the timeout.
    /// False at once, with everything cancelled, on one of its own threads or inside a function of the caller's that it
    /// would have to wait for.
    pub fn close(&self, timeout: Option<Duration>) -> bool {
        self.0.pool.close(timeout)
    }
}
