//! Tasks whose work is a plain closure: nothing here needs a network.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::*;
use crate::error::{Error, ErrorKind};

mod closing;
mod crowd;
mod delivery;
mod ending;
mod pausing;
mod queueing;
mod races;
mod starved;

/// Longer than anything here should take, and short enough to see a test fail.
const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(20);
/// What "at once" is on a machine that is busy with other tests.
const SOON: Duration = Duration::from_secs(2);
/// How long idle threads stay in these tests.
const BRIEF: Duration = Duration::from_millis(50);

fn tasks(workers: u32, dispatch: Dispatch) -> Tasks {
    Tasks::with_idle(workers, dispatch, None, BRIEF)
}

fn submission<T>(work: impl FnOnce(&Running<'_>) -> Result<T> + Send + 'static) -> Submission<T> {
    Submission { lane: Lane::Upload, priority: 0, work: Box::new(work), done: None, unbegun: None }
}

impl<T> Submission<T> {
    fn done(mut self, done: impl FnOnce(&Task<T>) + Send + 'static) -> Self {
        self.done = Some(Box::new(done));
        self
    }

    fn priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    fn lane(mut self, lane: Lane) -> Self {
        self.lane = lane;
        self
    }
}

/// A door that stays open.
#[derive(Clone, Default)]
struct Door(Arc<(Mutex<bool>, Condvar)>);

impl Door {
    fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    /// Whether it was opened in time.
    fn pass_within(&self, time: Duration) -> bool {
        let open = self.0.0.lock().unwrap();
        *self.0.1.wait_timeout_while(open, time, |open| !*open).unwrap().0
    }

    #[track_caller]
    fn pass(&self) {
        assert!(self.pass_within(LONG), "the door stays closed");
    }
}

/// Begins a task that runs until the door is opened, and waits until it runs.
fn occupy(tasks: &Tasks, lane: Lane) -> (Task<()>, Door) {
    let (inside, way_out) = (Door::default(), Door::default());
    let doors = (inside.clone(), way_out.clone());
    let work = move |_: &Running<'_>| {
        doors.0.open();
        doors.1.pass();
        Ok(())
    };
    let task = tasks.submit(submission(work).lane(lane)).unwrap();
    inside.pass();
    (task, way_out)
}

/// What an operation does that is not over until it is cancelled, and may be paused.
fn drive(control: &Control) -> Result<()> {
    while !control.is_cancelled() {
        control.stand_still(control.flag(), 0);
        thread::sleep(Duration::from_millis(1));
    }
    Err(Error::new(ErrorKind::Cancelled, "cancelled while it ran"))
}

#[track_caller]
fn eventually(what: &str, mut look: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !look() {
        assert!(begin.elapsed() < LONG, "not within {LONG:?}: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

fn threads(tasks: &Tasks) -> usize {
    tasks.0.pool.lock().threads.count()
}

/// Counts how often something is dropped.
struct Dropped(Arc<AtomicUsize>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn counter() -> (Arc<AtomicUsize>, impl Fn() -> usize) {
    let counter = Arc::new(AtomicUsize::new(0));
    let look = Arc::clone(&counter);
    (counter, move || look.load(Ordering::SeqCst))
}

fn kind<T: Send + 'static>(task: &Task<T>) -> Option<ErrorKind> {
    task.result(|result| result.as_ref().err().map(Error::kind)).flatten()
}
