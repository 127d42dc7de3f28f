//! When the system has no more threads.

use super::*;

fn allow_threads(tasks: &Tasks, allow: bool) {
    tasks.0.pool.without_threads.store(!allow, Ordering::SeqCst);
}

#[test]
fn without_any_thread_a_submission_fails_and_nothing_is_lost() {
    let tasks = tasks(2, Dispatch::Worker);
    allow_threads(&tasks, false);
    let (dropped, look) = counter();
    let (one, two) = (Dropped(Arc::clone(&dropped)), Dropped(dropped));
    let work = move |_: &Running<'_>| {
        let _held = one;
        Ok(())
    };
    let done = move |_: &Task<()>| {
        let _held = &two;
        panic!("never called");
    };
    let error = tasks.submit(submission(work).done(done)).err().unwrap();
    assert_eq!((error.kind(), error.os_code()), (ErrorKind::Resources, Some(libc::EAGAIN)));
    assert!(
        error.full_message().starts_with("the system gives no thread for a task at present: "),
        "{}",
        error.full_message()
    );
    assert_eq!(look(), 2);
    allow_threads(&tasks, true);
    assert!(tasks.submit(submission(|_| Ok(()))).unwrap().wait(Some(LONG)));
    assert!(tasks.close(Some(LONG)));
}

#[test]
fn with_one_thread_all_are_done_by_that() {
    let tasks = tasks(4, Dispatch::Worker);
    let (_, way_out) = occupy(&tasks, Lane::Upload);
    allow_threads(&tasks, false);
    let all: Vec<_> = (0..10).map(|n| tasks.submit(submission(move |_| Ok(n))).unwrap()).collect();
    all[3].cancel();
    way_out.open();
    assert!(all.iter().all(|task| task.wait(Some(LONG))));
    assert_eq!(kind(&all[3]), Some(ErrorKind::Cancelled));
}

/// A task that is paused in the queue of a pool without threads.
fn held(dispatch: Dispatch) -> (Tasks, Task<()>, impl Fn() -> usize) {
    let tasks = tasks(1, dispatch);
    let (first, way_out) = occupy(&tasks, Lane::Upload);
    let (told, look) = counter();
    let done = move |_: &Task<()>| {
        told.fetch_add(1, Ordering::SeqCst);
    };
    let task = tasks.submit(submission(|_| Ok(())).done(done)).unwrap();
    task.pause();
    way_out.open();
    assert!(first.wait(Some(LONG)));
    eventually("the threads end", || threads(&tasks) == 0);
    allow_threads(&tasks, false);
    (tasks, task, look)
}

#[test]
fn what_cannot_be_carried_out_gets_an_error() {
    for dispatch in [Dispatch::Worker, Dispatch::Queue] {
        let (tasks, task, told) = held(dispatch);
        task.resume();
        assert!(task.is_done());
        assert_eq!(kind(&task), Some(ErrorKind::Resources));
        assert_eq!(told(), 0);
        // Who waits does it himself.
        assert!(task.wait(Some(LONG)));
        assert_eq!(tasks.dispatch(0), told_by_queue(dispatch));
        assert_eq!(told(), 1);
        assert!(tasks.close(Some(LONG)));
    }
}

fn told_by_queue(dispatch: Dispatch) -> usize {
    usize::from(dispatch == Dispatch::Queue)
}

#[test]
fn a_cancel_is_told_as_soon_as_there_is_a_thread_again() {
    let (tasks, task, told) = held(Dispatch::Worker);
    task.cancel();
    assert!(task.is_done());
    thread::sleep(SHORT);
    assert_eq!(told(), 0);
    allow_threads(&tasks, true);
    assert!(tasks.submit(submission(|_| Ok(()))).unwrap().wait(Some(LONG)));
    assert!(task.wait(Some(LONG)));
    assert_eq!(told(), 1);
}

#[test]
fn a_cancel_is_told_by_who_waited_before() {
    let (_tasks, task, told) = held(Dispatch::Worker);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| task.wait(Some(LONG)));
        thread::sleep(SHORT);
        task.cancel();
        assert!(waiting.join().unwrap());
    });
    assert_eq!(told(), 1);
}

#[test]
fn close_tells_what_no_thread_can() {
    for dispatch in [Dispatch::Worker, Dispatch::Queue] {
        let (tasks, task, told) = held(dispatch);
        assert!(tasks.close(Some(LONG)));
        assert_eq!((told(), kind(&task)), (1, Some(ErrorKind::Cancelled)));
    }
}

#[test]
fn close_from_inside_what_a_waiter_tells_does_not_wait_for_itself() {
    let (tasks, task, _) = held(Dispatch::Worker);
    let inner = tasks.clone();
    let done = move |_: &Task<bool>| assert!(!inner.close(None));
    let other = Door::default();
    let told = other.clone();
    allow_threads(&tasks, true);
    let (first, way_out) = occupy(&tasks, Lane::Upload);
    let second = tasks
        .submit(submission(|_| Ok(true)).done(move |task| {
            done(task);
            told.open();
        }))
        .unwrap();
    second.pause();
    way_out.open();
    assert!(first.wait(Some(LONG)));
    eventually("the threads end", || threads(&tasks) == 0);
    allow_threads(&tasks, false);
    second.cancel();
    assert!(second.wait(Some(LONG)) && task.wait(Some(LONG)));
    other.pass();
    assert!(tasks.close(Some(LONG)));
}
