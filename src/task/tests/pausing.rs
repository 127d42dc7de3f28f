//! Places during and after a pause.

use super::*;

/// A task that can be paused, and has begun.
fn begin(tasks: &Tasks) -> Task<()> {
    let inside = Door::default();
    let entered = inside.clone();
    let task = tasks
        .submit(submission(move |running| {
            entered.open();
            drive(running.control)
        }))
        .unwrap();
    inside.pass();
    task
}

/// Places taken and threads that wait for one, of the lane for uploads.
fn places(tasks: &Tasks) -> (usize, usize) {
    tasks.0.pool.lock().places_of(Lane::Upload)
}

#[test]
fn a_paused_task_leaves_its_place_and_waits_for_one_to_go_on() {
    let tasks = tasks(1, Dispatch::Worker);
    let first = begin(&tasks);
    let second = tasks.submit(submission(|running| drive(running.control))).unwrap();
    let third = tasks.submit(submission(|_| Ok(()))).unwrap();
    assert_eq!((first.state(), second.state()), (TaskState::Running, TaskState::Queued));
    first.pause();
    assert_eq!(first.state(), TaskState::Paused);
    eventually("the second runs", || second.state() == TaskState::Running);
    assert_eq!(places(&tasks), (1, 0));
    first.resume();
    eventually("the first waits for a place", || places(&tasks) == (1, 1));
    assert!(!third.wait(Some(SHORT)));
    // It goes before the third, which is in the queue.
    second.cancel();
    assert!(second.wait(Some(LONG)));
    eventually("the first goes on", || places(&tasks) == (1, 0));
    assert!(!third.wait(Some(SHORT)));
    first.cancel();
    assert!(third.wait(Some(LONG)));
    eventually("all places are free", || places(&tasks) == (0, 0));
}

#[test]
fn a_cancel_ends_a_pause() {
    let tasks = tasks(1, Dispatch::Worker);
    let task = begin(&tasks);
    task.pause();
    eventually("the place is left", || places(&tasks) == (0, 0));
    let begin_of_cancel = Instant::now();
    task.cancel();
    assert!(task.wait(Some(LONG)));
    assert!(begin_of_cancel.elapsed() < SOON);
    assert_eq!(places(&tasks), (0, 0));
    assert!(tasks.submit(submission(|_| Ok(()))).unwrap().wait(Some(LONG)));
}

#[test]
fn a_cancel_ends_the_wait_for_a_place() {
    let tasks = tasks(1, Dispatch::Worker);
    let first = begin(&tasks);
    first.pause();
    let second = begin(&tasks);
    let third = tasks.submit(submission(|_| Ok(()))).unwrap();
    first.resume();
    eventually("it waits for a place", || places(&tasks) == (1, 1));
    first.cancel();
    assert!(first.wait(Some(LONG)));
    assert_eq!(places(&tasks), (1, 0));
    second.cancel();
    assert!(third.wait(Some(LONG)));
    assert_eq!(places(&tasks), (0, 0));
}

#[test]
fn more_places_let_the_returning_in() {
    let tasks = tasks(1, Dispatch::Worker);
    let first = begin(&tasks);
    first.pause();
    let second = begin(&tasks);
    first.resume();
    eventually("it waits for a place", || places(&tasks) == (1, 1));
    tasks.set_workers(2);
    eventually("it goes on", || places(&tasks) == (2, 0));
    first.cancel();
    second.cancel();
    assert!(first.wait(Some(LONG)) && second.wait(Some(LONG)));
    assert_eq!(places(&tasks), (0, 0));
}

#[test]
fn the_threads_of_one_task_share_its_place() {
    let tasks = tasks(1, Dispatch::Worker);
    let task = tasks
        .submit(submission(|running| {
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| drive(running.control));
                }
            });
            Ok(())
        }))
        .unwrap();
    for _ in 0..300 {
        task.pause();
        if fastrand::bool() {
            thread::sleep(Duration::from_micros(fastrand::u64(0..2_000)));
        }
        task.resume();
        if fastrand::bool() {
            thread::sleep(Duration::from_micros(fastrand::u64(0..2_000)));
        }
    }
    eventually("it has its place", || places(&tasks) == (1, 0));
    task.cancel();
    assert!(task.wait(Some(LONG)));
    assert_eq!(places(&tasks), (0, 0));
}

#[test]
fn no_more_than_the_workers_at_once_with_pauses() {
    let tasks = tasks(2, Dispatch::Worker);
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let all: Vec<Task<()>> = (0..12)
        .map(|_| {
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            let work = move |running: &Running<'_>| {
                for _ in 0..100 {
                    running.control.stand_still(running.control.flag(), 0);
                    if running.control.is_cancelled() {
                        break;
                    }
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    thread::sleep(Duration::from_micros(50));
                    now.fetch_sub(1, Ordering::SeqCst);
                }
                Ok(())
            };
            tasks.submit(submission(work)).unwrap()
        })
        .collect();
    let begin = Instant::now();
    while all.iter().any(|task| !task.is_done()) && begin.elapsed() < LONG {
        let task = &all[fastrand::usize(..all.len())];
        task.pause();
        thread::sleep(Duration::from_micros(fastrand::u64(0..300)));
        all[fastrand::usize(..all.len())].resume();
        if fastrand::u8(..) < 64 {
            task.resume();
        }
        if begin.elapsed() > Duration::from_millis(400) {
            all.iter().for_each(Task::resume);
        }
    }
    assert!(all.iter().all(|task| task.wait(Some(LONG))));
    assert_eq!(most.load(Ordering::SeqCst), 2);
    assert_eq!(places(&tasks), (0, 0));
    assert!(tasks.close(Some(LONG)));
}

#[test]
fn many_may_stand_still_while_others_run() {
    let tasks = tasks(2, Dispatch::Worker);
    let paused: Vec<_> = (0..20)
        .map(|_| {
            let task = begin(&tasks);
            task.pause();
            task
        })
        .collect();
    assert!(tasks.submit(submission(|_| Ok(()))).unwrap().wait(Some(LONG)));
    paused.iter().for_each(Task::resume);
    eventually("two go on", || places(&tasks).0 == 2);
    assert_eq!(places(&tasks).0, 2);
    assert!(tasks.close(Some(LONG)));
    assert!(paused.iter().all(Task::is_done));
}
