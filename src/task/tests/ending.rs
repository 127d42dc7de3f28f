//! How a task comes to its result, and who learns of it.

use super::*;

#[test]
fn a_result_is_there_before_done_and_stays() {
    let tasks = tasks(1, Dispatch::Worker);
    let (seen, look) = counter();
    let done = move |task: &Task<String>| {
        assert!(task.is_done());
        assert_eq!(task.state(), TaskState::Done);
        seen.fetch_add(task.result(|result| result.as_ref().unwrap().len()).unwrap(), Ordering::SeqCst);
    };
    let task = tasks.submit(submission(|_| Ok("hello".to_owned())).done(done)).unwrap();
    assert!(task.wait(None));
    assert_eq!(look(), 5);
    let taken = task.result(|result| std::mem::replace(result, Ok(String::new())));
    assert_eq!(taken.unwrap().unwrap(), "hello");
    // Nothing of this has a meaning any more.
    task.pause();
    task.resume();
    task.cancel();
    task.cancel_and_delete();
    task.set_priority(1);
    task.pause();
    assert_eq!(task.state(), TaskState::Done);
    assert_eq!(kind(&task), None);
    assert!(!task.control().is_cancelled() && !task.control().is_paused());
}

#[test]
fn the_work_is_dropped_before_the_result_is_there() {
    for dispatch in [Dispatch::Worker, Dispatch::Queue] {
        for cancelled in [false, true] {
            let tasks = tasks(1, dispatch);
            let (_, way_out) = occupy(&tasks, Lane::Upload);
            let (dropped, look) = counter();
            let source = Dropped(dropped);
            let task = tasks
                .submit(submission(move |_| {
                    let _source = &source;
                    Ok(())
                }))
                .unwrap();
            if cancelled {
                task.cancel();
                assert!(task.is_done());
            } else {
                way_out.open();
                assert!(task.wait(Some(LONG)));
            }
            assert_eq!(look(), 1);
            way_out.open();
        }
    }
}

#[test]
fn a_cancel_in_the_queue_ends_at_once_and_done_comes_within_50_ms() {
    let mut fastest = Duration::MAX;
    for delete in [false, true] {
        for paused in [false, true] {
            let tasks = tasks(1, Dispatch::Worker);
            let (_, way_out) = occupy(&tasks, Lane::Upload);
            let here = thread::current().id();
            let told = Door::default();
            let teller = told.clone();
            let done = move |task: &Task<()>| {
                assert_ne!(thread::current().id(), here);
                assert_eq!(kind(task), Some(ErrorKind::Cancelled));
                teller.open();
            };
            let task = tasks.submit(submission(|_| panic!("never")).done(done)).unwrap();
            if paused {
                task.pause();
            }
            let begin = Instant::now();
            if delete {
                task.cancel_and_delete()
            } else {
                task.cancel()
            }
            assert_eq!(task.state(), TaskState::Done);
            told.pass();
            fastest = fastest.min(begin.elapsed());
            assert!(task.wait(Some(LONG)));
            assert_eq!(task.result(|result| result.as_ref().unwrap_err().to_string()).unwrap(), "cancelled");
            assert!(task.control().is_cancelled());
            way_out.open();
            // The place was never taken.
            assert!(tasks.submit(submission(|_| Ok(()))).unwrap().wait(Some(LONG)));
        }
    }
    assert!(fastest < Duration::from_millis(50), "{fastest:?}");
}

#[test]
fn a_done_that_takes_its_time_does_not_hold_up_the_next() {
    let tasks = tasks(2, Dispatch::Worker);
    let doors = [occupy(&tasks, Lane::Upload).1, occupy(&tasks, Lane::Upload).1];
    let (slow, quick) = (Door::default(), Door::default());
    let (slow_way, quick_way) = (slow.clone(), quick.clone());
    let first = tasks.submit(submission(|_| Ok(())).done(move |_| slow_way.pass())).unwrap();
    let second = tasks.submit(submission(|_| Ok(())).done(move |_| quick_way.open())).unwrap();
    first.cancel();
    second.cancel();
    quick.pass();
    assert!(!first.wait(Some(SHORT)));
    slow.open();
    assert!(first.wait(Some(LONG)));
    doors.iter().for_each(Door::open);
}

#[test]
fn a_cancel_while_it_runs_is_the_controls() {
    let tasks = tasks(1, Dispatch::Worker);
    let task = tasks.submit(submission(|running| drive(running.control))).unwrap();
    eventually("it runs", || task.state() == TaskState::Running);
    assert!(!task.wait(Some(SHORT)));
    task.cancel();
    assert!(task.wait(Some(LONG)));
    assert_eq!(task.result(|result| result.as_ref().unwrap_err().to_string()).unwrap(), "cancelled while it ran");
}

#[test]
fn one_that_was_cancelled_by_its_control_does_not_begin() {
    let tasks = tasks(1, Dispatch::Worker);
    let (_, way_out) = occupy(&tasks, Lane::Upload);
    let task = tasks.submit(submission(|_| -> Result<()> { panic!("never") })).unwrap();
    task.control().cancel();
    assert_eq!(task.state(), TaskState::Queued);
    way_out.open();
    assert!(task.wait(Some(LONG)));
    assert_eq!(kind(&task), Some(ErrorKind::Cancelled));
}

#[test]
fn a_panic_becomes_an_error_and_the_thread_lives() {
    let tasks = Tasks::with_idle(1, Dispatch::Worker, None, LONG);
    let id = |_: &Running<'_>| Ok(thread::current().id());
    let before = tasks.submit(submission(id)).unwrap();
    assert!(before.wait(Some(LONG)));
    let task = tasks.submit(submission(|_| -> Result<()> { panic!("number {}", 5) })).unwrap();
    assert!(task.wait(Some(LONG)));
    assert_eq!(kind(&task), Some(ErrorKind::Internal));
    let text = task.result(|result| result.as_ref().unwrap_err().to_string()).unwrap();
    assert_eq!(text, "a panic in the work of a task: number 5");

    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            if !thread::panicking() {
                panic!("in a drop");
            }
        }
    }
    let (bomb, second) = (Bomb, Bomb);
    let work = move |_: &Running<'_>| {
        let _bomb = &bomb;
        Ok(Bomb)
    };
    let task = tasks
        .submit(submission(work).done(move |_| {
            let _bomb = &second;
            std::panic::panic_any(Bomb)
        }))
        .unwrap();
    assert!(task.wait(Some(LONG)));
    assert_eq!(kind(&task), Some(ErrorKind::Internal));
    // The last hold on a result that panics when it is dropped is the thread's: it has no result before ours is gone.
    let ours_is_gone = Door::default();
    let awaits = ours_is_gone.clone();
    let work = move |_: &Running<'_>| {
        awaits.pass();
        Ok(Bomb)
    };
    drop(tasks.submit(submission(work)).unwrap());
    ours_is_gone.open();

    let after = tasks.submit(submission(id)).unwrap();
    assert!(after.wait(Some(LONG)));
    let ids = [&before, &after].map(|task| task.result(|result| *result.as_ref().unwrap()).unwrap());
    assert_eq!(ids[0], ids[1]);
    assert!(tasks.close(Some(LONG)));
}

#[test]
fn wait_ends_when_done_was_dropped_and_not_before() {
    let tasks = tasks(1, Dispatch::Worker);
    let (way_out, (dropped, look)) = (Door::default(), counter());
    let held = Dropped(dropped);
    let door = way_out.clone();
    let done = move |_: &Task<()>| {
        let _held = &held;
        door.pass();
    };
    let task = tasks.submit(submission(|_| Ok(())).done(done)).unwrap();
    eventually("a result", || task.is_done());
    assert!(!task.wait(Some(Duration::ZERO)));
    let begin = Instant::now();
    assert!(!task.wait(Some(SHORT)));
    assert!((SHORT..SHORT + SOON).contains(&begin.elapsed()), "{:?}", begin.elapsed());
    assert_eq!(look(), 0);
    way_out.open();
    assert!(task.wait(Some(LONG)));
    assert_eq!(look(), 1);
    assert!(task.wait(Some(Duration::ZERO)));
    assert!(task.wait(Some(Duration::MAX)));
}

#[test]
fn wait_inside_done_does_not_wait_for_itself() {
    /// Waits when it is dropped, as a destroy function may.
    struct Waits(Arc<Mutex<Option<Task<()>>>>, Arc<AtomicUsize>);
    impl Drop for Waits {
        fn drop(&mut self) {
            let task = self.0.lock().unwrap().take().unwrap();
            assert!(task.wait(None));
            self.1.fetch_add(1, Ordering::SeqCst);
        }
    }
    for cancelled in [false, true] {
        let tasks = tasks(1, Dispatch::Worker);
        let (_, way_out) = occupy(&tasks, Lane::Upload);
        let (waits, look) = counter();
        let slot = Arc::default();
        let held = Waits(Arc::clone(&slot), waits);
        let done = move |task: &Task<()>| {
            let held = held;
            assert!(task.wait(None) && task.wait(Some(Duration::ZERO)));
            held.1.fetch_add(1, Ordering::SeqCst);
        };
        let task = tasks.submit(submission(|_| Ok(())).done(done)).unwrap();
        *slot.lock().unwrap() = Some(task.clone());
        if cancelled {
            task.cancel();
        }
        way_out.open();
        assert!(task.wait(Some(LONG)));
        assert_eq!(look(), 2);
    }
}

#[test]
fn many_may_wait_for_one() {
    let tasks = tasks(1, Dispatch::Worker);
    let (task, way_out) = occupy(&tasks, Lane::Upload);
    thread::scope(|scope| {
        let waiting: Vec<_> = (0..8).map(|_| scope.spawn(|| task.wait(Some(LONG)))).collect();
        thread::sleep(SHORT);
        way_out.open();
        assert!(waiting.into_iter().all(|thread| thread.join().unwrap()));
    });
}

#[test]
fn a_task_may_begin_others() {
    let tasks = tasks(1, Dispatch::Worker);
    let (told, look) = counter();
    let (inner, from_done) = (tasks.clone(), tasks.clone());
    let (in_work, in_done) = (Arc::clone(&told), told);
    let count = |counter: Arc<AtomicUsize>| {
        move |_: &Task<()>| {
            counter.fetch_add(1, Ordering::SeqCst);
        }
    };
    let work = move |_: &Running<'_>| inner.submit(submission(|_| Ok(())).done(count(in_work))).map(drop);
    let done = move |_: &Task<()>| drop(from_done.submit(submission(|_| Ok(())).done(count(in_done))).unwrap());
    tasks.submit(submission(work).done(done)).unwrap();
    eventually("both have run", || look() == 2);
}

#[test]
fn tasks_are_for_any_thread() {
    fn any_thread<T: Send + Sync>() {}
    any_thread::<Tasks>();
    // Also of what is for one thread at a time.
    any_thread::<Task<std::cell::Cell<u8>>>();
}
