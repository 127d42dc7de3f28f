//! Who may run when: the places of each lane, the tasks that wait for one, and what is to be told to the caller.
//!
//! One lock for all of it, never held while code of the caller's runs. Whatever changes something goes through
//! [`Pool::change`], which then sees to it that there are threads for what can be done.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use super::events::{Delivery, Events};
use super::panics::quietly;
use super::queue::Queue;
use super::threads::Threads;
use super::{Dispatch, Lane};
use crate::bell::Bell;
use crate::engine::control::Control;
use crate::engine::hooks::AroundThread;
use crate::error::{Error, ErrorKind, Result};
use crate::signal::Signal;
use crate::sys::wake::Wake;

/// A task, whatever its result is. None of these panics.
pub(super) trait Job: Send + Sync {
    /// Does the work, publishes the result, and has `done` called.
    fn run(self: Arc<Self>);
    /// Calls `done`.
    fn deliver(self: Arc<Self>);
    /// Cancels it, and what a cancel has left to be done only if `insist`.
    fn close(self: Arc<Self>, insist: bool);
    /// Gives a task that was taken out of the queue a result.
    fn end(self: Arc<Self>, error: Error);
}

/// What a thread has taken to do.
pub(super) enum Errand {
    Run(Arc<dyn Job>),
    Deliver(Delivery),
}

/// The tasks of one client.
pub(super) struct Pool {
    pub(super) dispatch: Dispatch,
    pub(super) around_thread: Option<AroundThread>,
    pub(super) idle: Duration,
    next_id: AtomicU64,
    state: Mutex<State>,
    /// Threads wait for something to do.
    pub(super) errands: Signal,
    /// Closers wait for the end, or for something they have to do themselves.
    pub(super) quieter: Signal,
    /// Tasks that go on after a pause wait for a place.
    pub(super) places: Bell,
    /// Raised while something waits for `dispatch`; made when it is first asked for.
    pub(super) wake: OnceLock<Wake>,
    /// Held while threads that have ended are joined.
    pub(super) joining: Mutex<()>,
    #[cfg(test)]
    pub(super) without_threads: std::sync::atomic::AtomicBool,
}

pub(super) struct State {
    pub(super) workers: usize,
    pub(super) lanes: [LaneState; 2],
    /// All that are not over, with what is to be delivered.
    pub(super) tasks: BTreeMap<u64, Entry>,
    pub(super) events: Events,
    pub(super) threads: Threads,
    pub(super) closed: bool,
    /// Nobody can submit, dispatch or close any more.
    pub(super) alone: bool,
}

#[derive(Default)]
pub(super) struct LaneState {
    pub(super) queue: Queue,
    /// How many places are taken. May be more than there are, after they became fewer.
    pub(super) taken: usize,
    /// How many tasks wait for a place after a pause. They go before the queue.
    pub(super) returning: usize,
}

pub(super) struct Entry {
    pub(super) job: Arc<dyn Job>,
    pub(super) lane: Lane,
    pub(super) priority: i32,
    pub(super) stage: Stage,
    /// How many places it has: at the end of a short pause it may take one before it has left the other.
    pub(super) places: usize,
}

impl Entry {
    fn is_queued(&self) -> bool {
        matches!(self.stage, Stage::Queued | Stage::Held)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Queued,
    /// Paused before it began.
    Held,
    /// Keeps a thread busy.
    Running,
    /// Has a result, or is about to.
    Ended,
}

/// What a change leaves to be done without any lock, since code of the caller's may run.
#[derive(Default)]
#[must_use]
pub(super) struct Leftover {
    /// Those that wait for a place, while there is no thread at all and none can be had.
    stranded: Vec<Arc<dyn Job>>,
    /// Why none can be had.
    pub(super) no_thread: Option<Arc<io::Error>>,
    /// The pool's hold on a task that is over. It may be the last.
    over: Option<Entry>,
}

impl Leftover {
    pub(super) fn end(self) {
        if let Some(cause) = self.no_thread {
            self.stranded.into_iter().for_each(|job| job.end(no_thread(&cause)));
        }
        quietly(|| drop(self.over));
    }
}

impl State {
    fn free_places(&self, lane: &LaneState) -> usize {
        self.workers.saturating_sub(lane.taken + lane.returning)
    }

    /// How many threads of the pool may make deliveries at once.
    fn deliverers(&self, dispatch: Dispatch) -> usize {
        match dispatch {
            Dispatch::Worker => self.workers,
            // In turn, as the caller's loop would.
            Dispatch::Queue if self.alone => 1,
            Dispatch::Queue => 0,
        }
    }

    pub(super) fn may_deliver(&self, dispatch: Dispatch) -> bool {
        // Whoever is in `dispatch` still is at his turn.
        let free = self.events.dispatcher.is_none() && self.events.delivering < self.deliverers(dispatch);
        free && !self.events.is_empty()
    }

    /// How many threads could find something to do now. One is enough for deliveries, which are short; it has another
    /// one started if more wait while it makes one.
    fn wanted(&self, dispatch: Dispatch) -> usize {
        let open = |lane: &&LaneState| !self.closed && lane.queue.len() > 0;
        let tasks: usize =
            self.lanes.iter().filter(open).map(|lane| self.free_places(lane).min(lane.queue.len())).sum();
        tasks + usize::from(self.may_deliver(dispatch))
    }

    /// Whether there is never anything to do again.
    pub(super) fn is_finished(&self) -> bool {
        (self.closed || self.alone) && self.tasks.is_empty()
    }

    pub(super) fn lane(&mut self, lane: Lane) -> &mut LaneState {
        &mut self.lanes[lane as usize]
    }

    /// The work of a task is over: its place is free, and so is its thread, which has next to nothing left to do. At
    /// once, so that no other thread is started for the place.
    fn end_running(&mut self, id: u64) {
        if let Some(entry) = self.tasks.get_mut(&id)
            && entry.stage == Stage::Running
        {
            entry.stage = Stage::Ended;
            let (lane, places) = (entry.lane, std::mem::take(&mut entry.places));
            self.lane(lane).taken -= places;
            self.threads.release();
        }
    }
}

impl Pool {
    pub(super) fn new(
        workers: u32,
        dispatch: Dispatch,
        around_thread: Option<AroundThread>,
        idle: Duration,
    ) -> Arc<Pool> {
        let state = State {
            workers: places(workers),
            lanes: Default::default(),
            tasks: BTreeMap::new(),
            events: Events::default(),
            threads: Threads::default(),
            closed: false,
            alone: false,
        };
        Arc::new(Pool {
            dispatch,
            around_thread,
            idle,
            next_id: AtomicU64::new(0),
            state: Mutex::new(state),
            errands: Signal::default(),
            quieter: Signal::default(),
            places: Bell::default(),
            wake: OnceLock::new(),
            joining: Mutex::default(),
            #[cfg(test)]
            without_threads: Default::default(),
        })
    }

    pub(super) fn dispatch_mode(&self) -> Dispatch {
        self.dispatch
    }

    /// Numbers grow with the order of submission.
    pub(super) fn new_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // No code but ours runs with this lock held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes something, and does what follows from it.
    pub(super) fn change<R>(self: &Arc<Self>, change: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.lock();
        let result = change(&mut state);
        let leftover = self.staff(&mut state);
        drop(state);
        leftover.end();
        result
    }

    /// Wakes or starts threads for what can be done, and those that wait for a place.
    pub(super) fn staff(self: &Arc<Self>, state: &mut State) -> Leftover {
        if state.lanes.iter().any(|lane| lane.returning > 0 && lane.taken < state.workers) {
            self.places.ring();
        }
        let wanted = state.wanted(self.dispatch);
        match wanted {
            0 => return Leftover::default(),
            1 => self.errands.tell_one(),
            _ => self.errands.tell_all(),
        }
        while state.threads.free() < wanted {
            if let Err(error) = Threads::start(self, state) {
                if state.threads.serve_nobody() {
                    // Closers and waiters can help with deliveries.
                    self.quieter.tell_all();
                    let (stranded, no_thread) = (take_all_queued(state), Some(Arc::new(error)));
                    return Leftover { stranded, no_thread, over: None };
                }
                break;
            }
        }
        Leftover::default()
    }

    // ---- the life of a task

    pub(super) fn enter(self: &Arc<Self>, id: u64, lane: Lane, priority: i32, job: Arc<dyn Job>) -> Result<()> {
        let mut state = self.lock();
        if state.closed {
            return Err(Error::new(ErrorKind::InvalidState, "the client is closed"));
        }
        state.tasks.insert(id, Entry { job, lane, priority, stage: Stage::Queued, places: 0 });
        state.lane(lane).queue.insert(priority, id);
        let mut leftover = self.staff(&mut state);
        let refused = leftover.no_thread.as_ref().map(no_thread);
        if refused.is_some() {
            // Not begun at all, rather than ended with nobody to tell.
            leftover.over = state.tasks.remove(&id);
            leftover.stranded.retain(|job| !leftover.over.as_ref().is_some_and(|entry| Arc::ptr_eq(&entry.job, job)));
        }
        drop(state);
        leftover.end();
        refused.map_or(Ok(()), Err)
    }

    /// What a thread has to do next, if there is anything.
    pub(super) fn next_errand(&self, state: &mut State) -> Option<Errand> {
        if state.may_deliver(self.dispatch) {
            state.events.delivering += 1;
            state.threads.engage();
            return self.pop(state).map(Errand::Deliver);
        }
        for index in 0..state.lanes.len() {
            // After a close none begins any more: those that wait are about to be cancelled.
            if state.closed || state.free_places(&state.lanes[index]) == 0 {
                continue;
            }
            let lane = &mut state.lanes[index];
            let Some(id) = lane.queue.pop() else { continue };
            lane.taken += 1;
            if let Some(entry) = state.tasks.get_mut(&id) {
                (entry.stage, entry.places) = (Stage::Running, 1);
                state.threads.engage();
                return Some(Errand::Run(Arc::clone(&entry.job)));
            }
        }
        None
    }

    pub(super) fn is_queued(&self, id: u64) -> bool {
        self.lock().tasks.get(&id).is_some_and(|entry| entry.is_queued())
    }

    /// Takes a task out of the queue to end it: whether it was there.
    pub(super) fn take_out(&self, id: u64) -> bool {
        let mut state = self.lock();
        let Some(entry) = state.tasks.get_mut(&id).filter(|entry| entry.is_queued()) else { return false };
        if std::mem::replace(&mut entry.stage, Stage::Ended) == Stage::Queued {
            let (lane, priority) = (entry.lane, entry.priority);
            state.lane(lane).queue.remove(priority, id);
        }
        true
    }

    pub(super) fn pause(&self, id: u64, control: &Control) {
        // With the lock, so that a pause and a resume at the same time end alike in both places.
        let mut state = self.lock();
        let Some(entry) = state.tasks.get_mut(&id).filter(|entry| entry.stage != Stage::Ended) else { return };
        control.pause();
        if entry.stage == Stage::Queued {
            entry.stage = Stage::Held;
            let (lane, priority) = (entry.lane, entry.priority);
            state.lane(lane).queue.remove(priority, id);
        }
    }

    pub(super) fn resume(self: &Arc<Self>, id: u64, control: &Control) {
        self.change(|state| {
            control.resume();
            let Some(entry) = state.tasks.get_mut(&id) else { return };
            if entry.stage == Stage::Held {
                entry.stage = Stage::Queued;
                let (lane, priority) = (entry.lane, entry.priority);
                state.lane(lane).queue.insert(priority, id);
            }
        });
    }

    pub(super) fn set_priority(&self, id: u64, priority: i32) {
        let mut state = self.lock();
        let Some(entry) = state.tasks.get_mut(&id) else { return };
        let (lane, stage, before) = (entry.lane, entry.stage, std::mem::replace(&mut entry.priority, priority));
        if stage == Stage::Queued {
            state.lane(lane).queue.remove(before, id);
            state.lane(lane).queue.insert(priority, id);
        }
    }

    /// A task is over, but for the delivery of its result.
    pub(super) fn end_running(self: &Arc<Self>, id: u64) {
        self.change(|state| state.end_running(id));
    }

    /// Nothing of the caller's runs for a task any more.
    pub(super) fn forget(self: &Arc<Self>, id: u64) -> Leftover {
        let mut state = self.lock();
        state.end_running(id);
        let over = state.tasks.remove(&id);
        if state.is_finished() {
            self.errands.tell_all();
        }
        self.quieter.tell_all();
        Leftover { over, ..self.staff(&mut state) }
    }

    pub(super) fn set_workers(self: &Arc<Self>, count: u32) {
        self.change(|state| state.workers = places(count));
    }

    /// The last handle is gone.
    pub(super) fn leave_alone(self: &Arc<Self>) {
        self.change(|state| {
            state.alone = true;
            if state.is_finished() {
                self.errands.tell_all();
            }
        });
    }
}

fn take_all_queued(state: &mut State) -> Vec<Arc<dyn Job>> {
    let mut jobs = Vec::new();
    for index in 0..state.lanes.len() {
        while let Some(id) = state.lanes[index].queue.pop() {
            if let Some(entry) = state.tasks.get_mut(&id) {
                entry.stage = Stage::Ended;
                jobs.push(Arc::clone(&entry.job));
            }
        }
    }
    jobs
}

fn no_thread(cause: &Arc<io::Error>) -> Error {
    Error::new(ErrorKind::Resources, "the system gives no thread for a task at present")
        .with_os_code(cause.raw_os_error())
        .with_cause(Arc::clone(cause) as crate::error::Cause)
}

fn places(workers: u32) -> usize {
    usize::try_from(workers.max(1)).unwrap_or(usize::MAX)
}
