//! The caller's event loop.

use super::*;
use crate::engine::hooks::Progress;
use crate::sys::poll::{Entry, poll};
use std::sync::atomic::AtomicBool;
use std::sync::mpsc;

fn is_readable(tasks: &Tasks) -> bool {
    let handle = tasks.event_handle().unwrap();
    poll(&mut [Entry::readable(handle)], Some(Duration::ZERO)).unwrap() == 1
}

fn sent(sent: u64) -> Progress {
    Progress { sent, ..Progress::default() }
}

/// Runs `tick` for each number that the test sends, until it hangs up or `tick` says stop.
struct Ticking {
    task: Task<()>,
    ticks: Option<mpsc::Sender<u64>>,
    answers: mpsc::Receiver<std::result::Result<(), i32>>,
}

impl Ticking {
    fn start(
        tasks: &Tasks,
        progress: impl Fn(u64) -> std::result::Result<(), i32> + Send + Sync + 'static,
        done: impl FnOnce(&Task<()>) + Send + 'static,
    ) -> Ticking {
        let (ticks, incoming) = mpsc::channel();
        let (outgoing, answers) = mpsc::channel();
        let work = move |running: &Running<'_>| {
            let tick = running.deliver(Arc::new(move |numbers: &Progress| progress(numbers.sent)));
            for number in incoming {
                let said = tick(&sent(number));
                let _ = outgoing.send(said);
                if let Err(code) = said {
                    return Err(Error::new(ErrorKind::Callback(code), "stopped"));
                }
            }
            Ok(())
        };
        let task = tasks.submit(submission(work).done(done)).unwrap();
        Ticking { task, ticks: Some(ticks), answers }
    }

    /// Has the work report a number; what it was answered.
    fn tick(&self, number: u64) -> std::result::Result<(), i32> {
        self.ticks.as_ref().unwrap().send(number).unwrap();
        self.answers.recv_timeout(LONG).unwrap()
    }

    /// Ends the work.
    #[track_caller]
    fn end(&mut self) {
        self.ticks = None;
        assert!(self.task.wait(Some(LONG)));
    }
}

type Log = Arc<Mutex<Vec<String>>>;

fn log() -> (Log, impl Fn() -> Vec<String>) {
    let log = Log::default();
    let look = Arc::clone(&log);
    (log, move || std::mem::take(&mut look.lock().unwrap()))
}

/// A task that notes each call of the caller's functions.
fn noting(tasks: &Tasks, name: &'static str, log: &Log) -> Ticking {
    let (in_progress, in_done) = (Arc::clone(log), Arc::clone(log));
    let progress = move |number| {
        in_progress.lock().unwrap().push(format!("{name}{number}"));
        Ok(())
    };
    Ticking::start(tasks, progress, move |_| in_done.lock().unwrap().push(format!("{name} done")))
}

#[test]
fn with_workers_everything_runs_where_the_task_does() {
    let tasks = tasks(1, Dispatch::Worker);
    let (log, noted) = log();
    let mut task = noting(&tasks, "a", &log);
    assert_eq!(task.tick(1), Ok(()));
    assert_eq!(task.tick(2), Ok(()));
    assert!(!is_readable(&tasks));
    task.end();
    assert_eq!(noted(), ["a1", "a2", "a done"]);
    assert!(!is_readable(&tasks));
    assert_eq!(tasks.dispatch(0), 0);
}

#[test]
fn progress_is_coalesced_and_in_order() {
    let tasks = tasks(2, Dispatch::Queue);
    let (log, noted) = log();
    let (mut a, mut b) = (noting(&tasks, "a", &log), noting(&tasks, "b", &log));
    assert!(!is_readable(&tasks));
    for number in 1..=3 {
        assert_eq!(a.tick(number), Ok(()));
        assert_eq!(b.tick(10 * number), Ok(()));
    }
    assert!(is_readable(&tasks));
    assert!(noted().is_empty());
    assert_eq!(tasks.dispatch(0), 2);
    assert_eq!(noted(), ["a3", "b30"]);
    assert!(!is_readable(&tasks));
    assert_eq!(tasks.dispatch(0), 0);

    b.tick(40).unwrap();
    a.tick(4).unwrap();
    b.end();
    a.tick(5).unwrap();
    assert_eq!(tasks.dispatch(1), 1);
    assert!(is_readable(&tasks));
    assert_eq!(noted(), ["b40"]);
    a.end();
    assert_eq!(tasks.dispatch(0), 3);
    assert_eq!(noted(), ["a5", "b done", "a done"]);
    assert!(!is_readable(&tasks));
    assert_eq!(a.task.state(), TaskState::Done);
}

#[test]
fn the_handle_shows_what_waited_before_it_was_asked_for() {
    let tasks = tasks(1, Dispatch::Queue);
    let (log, _) = log();
    noting(&tasks, "a", &log).end();
    assert!(is_readable(&tasks) && is_readable(&tasks));
    tasks.dispatch(0);
    assert!(!is_readable(&tasks));
    assert_eq!(format!("{:?}", tasks.event_handle().unwrap()), format!("{:?}", tasks.clone().event_handle().unwrap()));
}

#[test]
fn a_code_stops_at_the_next_tick_and_for_good() {
    let tasks = tasks(1, Dispatch::Queue);
    let (calls, look) = counter();
    let progress = move |_| {
        calls.fetch_add(1, Ordering::SeqCst);
        Err(42)
    };
    let mut task = Ticking::start(&tasks, progress, |_| ());
    assert_eq!(task.tick(1), Ok(()));
    assert_eq!(task.tick(2), Ok(()));
    assert_eq!(tasks.dispatch(0), 1);
    assert_eq!(task.tick(3), Err(42));
    task.end();
    assert_eq!(kind(&task.task), Some(ErrorKind::Callback(42)));
    assert_eq!(tasks.dispatch(0), 1);
    assert_eq!(look(), 1);
}

#[test]
fn a_panic_in_a_progress_function_is_one_of_the_work() {
    let tasks = tasks(1, Dispatch::Queue);
    let mut task = Ticking::start(&tasks, |_| panic!("at once"), |_| ());
    task.tick(1).unwrap();
    assert_eq!(tasks.dispatch(0), 1);
    task.ticks.as_ref().unwrap().send(2).unwrap();
    task.end();
    assert_eq!(kind(&task.task), Some(ErrorKind::Internal));
    assert_eq!(tasks.dispatch(0), 1);
    assert!(tasks.close(Some(LONG)));
}

#[test]
fn cancelled_in_the_queue_is_told_by_the_queue() {
    let tasks = tasks(1, Dispatch::Queue);
    let (_, way_out) = occupy(&tasks, Lane::Upload);
    let (told, look) = counter();
    let task = tasks
        .submit(submission(|_| Ok(())).done(move |_| {
            told.fetch_add(1, Ordering::SeqCst);
        }))
        .unwrap();
    task.cancel();
    assert!(task.is_done() && task.wait(Some(Duration::ZERO)) && is_readable(&tasks));
    assert_eq!(look(), 0);
    assert_eq!((tasks.dispatch(0), look()), (1, 1));
    way_out.open();
}

#[test]
fn dispatch_is_not_entered_twice() {
    let tasks = tasks(1, Dispatch::Queue);
    let (inner, (answers, look)) = (tasks.clone(), counter());
    let (inside, way_out) = (Door::default(), Door::default());
    let doors = (inside.clone(), way_out.clone());
    let done = move |task: &Task<()>| {
        answers.fetch_add(inner.dispatch(0), Ordering::SeqCst);
        assert!(task.wait(None));
        doors.0.open();
        doors.1.pass();
        panic!("which must not be in the way of the next");
    };
    let task = tasks.submit(submission(|_| Ok(())).done(done)).unwrap();
    assert!(task.wait(Some(LONG)));
    let next = tasks.submit(submission(|_| Ok(())).done(|_| ())).unwrap();
    assert!(next.wait(Some(LONG)));
    thread::scope(|scope| {
        let dispatching = scope.spawn(|| tasks.dispatch(0));
        inside.pass();
        assert_eq!(tasks.dispatch(0), 0);
        way_out.open();
        assert_eq!(dispatching.join().unwrap(), 2);
    });
    assert_eq!(look(), 0);
    assert_eq!(tasks.dispatch(0), 0);
}

#[test]
fn what_comes_meanwhile_waits_for_the_next_time() {
    fn again(tasks: &Tasks, told: &Arc<AtomicUsize>) {
        let (inner, told) = (tasks.clone(), Arc::clone(told));
        let done = move |_: &Task<()>| {
            told.fetch_add(1, Ordering::SeqCst);
            if !inner.0.pool.lock().closed {
                again(&inner, &told);
            }
        };
        assert!(tasks.submit(submission(|_| Ok(())).done(done)).unwrap().wait(Some(LONG)));
    }
    let tasks = tasks(1, Dispatch::Queue);
    let (told, look) = counter();
    again(&tasks, &told);
    for times in 1..10 {
        assert!(is_readable(&tasks));
        assert_eq!((tasks.dispatch(0), look()), (1, times));
    }
    assert!(tasks.close(Some(LONG)));
    assert_eq!(look(), 10);
}

#[test]
fn a_host_that_never_dispatches_owes_two_for_each_task() {
    let tasks = tasks(4, Dispatch::Queue);
    let (log, _) = log();
    let mut all: Vec<_> = (0..4).map(|_| noting(&tasks, "x", &log)).collect();
    for task in &all {
        for number in 0..500 {
            task.tick(number).unwrap();
        }
    }
    assert_eq!(tasks.0.pool.lock().events.len(), 4);
    all.iter_mut().for_each(Ticking::end);
    assert_eq!(tasks.0.pool.lock().events.len(), 8);
    // Places do not wait for the host.
    for _ in 0..100 {
        assert!(tasks.submit(submission(|_| Ok(())).done(|_| ())).unwrap().wait(Some(LONG)));
    }
    assert_eq!(tasks.0.pool.lock().events.len(), 108);
    let pool = Arc::downgrade(&tasks.0.pool);
    drop((tasks, all));
    eventually("all of it is gone", || pool.strong_count() == 0);
    // Told in the end, since nobody can dispatch any more.
    assert_eq!(log.lock().unwrap().iter().filter(|line| *line == "x done").count(), 4);
}

#[test]
fn progress_passes_the_gate_of_its_upload() {
    let (server_gate, feed_control) = (Arc::new(Mutex::new(())), Control::new());
    feed_control.show_gate(&server_gate);
    let (told, look) = counter();
    let overlap = Arc::new(AtomicBool::new(false));
    let (gate, overlaps) = (feed_control.gate().unwrap(), Arc::clone(&overlap));
    let function: OnProgress = Arc::new(move |_| {
        overlaps.fetch_or(gate.try_lock().is_ok(), Ordering::SeqCst);
        told.fetch_add(1, Ordering::SeqCst);
        Ok(())
    });
    let tasks = tasks(1, Dispatch::Queue);
    let feed = events::Feed::new(function, feed_control.clone());
    let pool = &tasks.0.pool;
    feed.note(pool, &sent(1)).unwrap();
    let gate = feed_control.gate().unwrap();
    {
        let _taken = gate.lock().unwrap();
        // Dropped, not waited for; the next tick brings it again.
        assert_eq!(tasks.dispatch(0), 0);
        assert!(!is_readable(&tasks));
    }
    assert_eq!(tasks.dispatch(0), 0);
    feed.note(pool, &sent(2)).unwrap();
    assert_eq!((tasks.dispatch(0), look()), (1, 1));
    // The last numbers are told with the result.
    feed.note(pool, &sent(3)).unwrap();
    {
        let _taken = gate.lock().unwrap();
        assert_eq!(tasks.dispatch(0), 0);
    }
    feed.end();
    feed.note(pool, &sent(4)).unwrap();
    assert!(!is_readable(&tasks));
    assert!(!overlap.load(Ordering::SeqCst));
    assert!(feed.tell() && !feed.tell());
    assert_eq!(look(), 2);
}

#[test]
fn no_progress_after_done() {
    let tasks = tasks(1, Dispatch::Queue);
    let (told, look) = counter();
    let kept: Arc<Mutex<Option<OnProgress>>> = Arc::default();
    let keep = Arc::clone(&kept);
    let work = move |running: &Running<'_>| {
        let tick = running.deliver(Arc::new(move |_: &Progress| {
            told.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }));
        tick(&sent(1)).unwrap();
        *keep.lock().unwrap() = Some(tick);
        Ok(())
    };
    let task = tasks.submit(submission(work)).unwrap();
    assert!(task.wait(Some(LONG)));
    let late = kept.lock().unwrap().take().unwrap();
    assert_eq!(late(&sent(2)), Ok(()));
    assert_eq!((tasks.dispatch(0), look()), (2, 1));
    assert_eq!(late(&sent(3)), Ok(()));
    assert!(!is_readable(&tasks));
    assert!(tasks.close(Some(LONG)));
}

#[test]
fn a_loop_on_another_thread_sees_everything() {
    let tasks = tasks(4, Dispatch::Queue);
    let (told, look) = counter();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let handle = tasks.event_handle().unwrap();
            while !over.load(Ordering::SeqCst) || is_readable(&tasks) {
                if poll(&mut [Entry::readable(handle)], Some(BRIEF)).unwrap() == 1 {
                    tasks.dispatch(fastrand::usize(..3));
                }
            }
        });
        for _ in 0..2_000 {
            let told = Arc::clone(&told);
            let work = |running: &Running<'_>| {
                let tick = running.deliver(Arc::new(|_: &Progress| Ok(())));
                (0..3).for_each(|number| tick(&sent(number)).unwrap());
                Ok(())
            };
            tasks
                .submit(submission(work).done(move |_| {
                    told.fetch_add(1, Ordering::SeqCst);
                }))
                .unwrap();
        }
        eventually("all are told", || look() == 2_000);
        over.store(true, Ordering::SeqCst);
    });
    assert!(!is_readable(&tasks));
    assert!(tasks.close(Some(LONG)));
}

#[test]
fn who_dispatches_is_marked_as_working_for_the_client() {
    thread_local!(static MARK: std::cell::Cell<bool> = const { std::cell::Cell::new(false) });
    let around: AroundThread = Arc::new(|work| {
        let before = MARK.replace(true);
        work();
        MARK.set(before);
    });
    let tasks = Tasks::with_idle(1, Dispatch::Queue, Some(around), BRIEF);
    let (marked, look) = counter();
    let done = move |_: &Task<()>| {
        marked.fetch_add(usize::from(MARK.get()), Ordering::SeqCst);
    };
    assert!(tasks.submit(submission(|_| Ok(())).done(done)).unwrap().wait(Some(LONG)));
    assert_eq!((tasks.dispatch(0), look(), MARK.get()), (1, 1, false));
}
