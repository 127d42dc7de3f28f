//! The end of it all.

use super::*;

const BOTH: [Dispatch; 2] = [Dispatch::Worker, Dispatch::Queue];

#[test]
fn close_ends_tasks_in_every_state() {
    for dispatch in BOTH {
        let tasks = tasks(2, dispatch);
        let (told, look) = counter();
        let submit = || {
            let told = Arc::clone(&told);
            let work = |running: &Running<'_>| drive(running.control);
            tasks
                .submit(submission(work).done(move |_| {
                    told.fetch_add(1, Ordering::SeqCst);
                }))
                .unwrap()
        };
        let done = tasks.submit(submission(|_| Ok(()))).unwrap();
        assert!(done.wait(Some(LONG)));
        let paused = submit();
        eventually("it runs", || paused.state() == TaskState::Running);
        paused.pause();
        let running = [submit(), submit()];
        eventually("both run", || running.iter().all(|task| task.state() == TaskState::Running));
        let [queued, held, returning] = [submit(), submit(), paused.clone()];
        held.pause();
        returning.resume();
        assert!(tasks.close(Some(LONG)));
        assert_eq!((look(), threads(&tasks)), (5, 0));
        for task in [&paused, &running[0], &running[1], &queued, &held] {
            assert_eq!(kind(task), Some(ErrorKind::Cancelled));
            assert!(task.wait(Some(Duration::ZERO)));
        }
        assert_eq!(kind(&done), None);

        let refused = tasks.submit(submission(|_| Ok(()))).err().unwrap();
        assert_eq!((refused.kind(), refused.to_string().as_str()), (ErrorKind::InvalidState, "the client is closed"));
        assert!(tasks.close(Some(Duration::ZERO)) && tasks.close(None));
        held.resume();
        tasks.set_workers(5);
        assert_eq!(threads(&tasks), 0);
    }
}

#[test]
fn close_of_nothing() {
    for dispatch in BOTH {
        assert!(tasks(1, dispatch).close(Some(Duration::ZERO)));
    }
}

#[test]
fn close_waits_no_longer_than_it_may_and_can_be_called_again() {
    for dispatch in BOTH {
        let tasks = tasks(1, dispatch);
        let (task, way_out) = occupy(&tasks, Lane::Upload);
        for timeout in [Duration::ZERO, SHORT] {
            let begin = Instant::now();
            assert!(!tasks.close(Some(timeout)));
            assert!((timeout..timeout + SOON).contains(&begin.elapsed()), "{:?}", begin.elapsed());
        }
        assert!(!task.is_done());
        assert!(tasks.submit(submission(|_| Ok(()))).is_err());
        way_out.open();
        assert!(tasks.close(None));
        assert_eq!(threads(&tasks), 0);
    }
}

#[test]
fn several_may_close_at_once() {
    for dispatch in BOTH {
        for _ in 0..20 {
            let tasks = tasks(3, dispatch);
            let (told, look) = counter();
            for _ in 0..50 {
                let told = Arc::clone(&told);
                let work = |running: &Running<'_>| drive(running.control);
                tasks
                    .submit(submission(work).done(move |_| {
                        told.fetch_add(1, Ordering::SeqCst);
                    }))
                    .unwrap();
            }
            thread::scope(|scope| {
                let closing: Vec<_> = (0..4).map(|_| scope.spawn(|| tasks.close(Some(LONG)))).collect();
                for thread in closing {
                    assert!(thread.join().unwrap());
                    assert_eq!((look(), threads(&tasks)), (50, 0));
                }
            });
        }
    }
}

#[test]
fn no_thread_is_left_after_close() {
    thread_local!(static LIVES: Mutex<Option<Dropped>> = const { Mutex::new(None) });
    for _ in 0..50 {
        let tasks = Tasks::with_idle(4, Dispatch::Worker, None, Duration::from_millis(fastrand::u64(0..3)));
        let (ended, look) = counter();
        let (begun, begun_count) = counter();
        let all: Vec<_> = (0..20)
            .map(|_| {
                let (ended, begun) = (Arc::clone(&ended), Arc::clone(&begun));
                let work = move |_: &Running<'_>| {
                    LIVES.with(|lives| {
                        lives.lock().unwrap().get_or_insert_with(|| {
                            begun.fetch_add(1, Ordering::SeqCst);
                            Dropped(ended)
                        });
                    });
                    thread::sleep(Duration::from_micros(fastrand::u64(0..500)));
                    Ok(())
                };
                if fastrand::u8(..) < 30 {
                    thread::sleep(Duration::from_millis(2));
                }
                tasks.submit(submission(work)).unwrap()
            })
            .collect();
        if fastrand::bool() {
            assert!(all.iter().all(|task| task.wait(Some(LONG))));
        }
        assert!(tasks.close(Some(LONG)));
        // What belongs to a thread is dropped at its very end.
        assert_eq!(look(), begun_count());
    }
}

#[test]
fn close_from_inside_does_not_wait_for_itself() {
    for dispatch in BOTH {
        let tasks = tasks(2, dispatch);
        let (in_work, in_done) = (tasks.clone(), tasks.clone());
        let other = tasks.submit(submission(|running| drive(running.control))).unwrap();
        let (answers, look) = counter();
        let done = move |_: &Task<bool>| {
            assert!(!in_done.close(None));
            answers.fetch_add(1, Ordering::SeqCst);
        };
        let task = tasks.submit(submission(move |_| Ok(in_work.close(None))).done(done)).unwrap();
        assert!(task.wait(Some(LONG)) && other.wait(Some(LONG)));
        tasks.dispatch(0);
        assert_eq!(look(), 1);
        assert_eq!(task.result(|result| *result.as_ref().unwrap()), Some(false));
        assert_eq!(kind(&other), Some(ErrorKind::Cancelled));
        assert!(tasks.close(Some(LONG)));
    }
}

#[test]
fn close_waits_for_who_dispatches() {
    let tasks = tasks(1, Dispatch::Queue);
    let (inside, way_out) = (Door::default(), Door::default());
    let doors = (inside.clone(), way_out.clone());
    let done = move |_: &Task<()>| {
        doors.0.open();
        doors.1.pass();
    };
    let task = tasks.submit(submission(|_| Ok(())).done(done)).unwrap();
    assert!(task.wait(Some(LONG)));
    thread::scope(|scope| {
        let dispatching = scope.spawn(|| tasks.dispatch(0));
        inside.pass();
        assert!(!tasks.close(Some(SHORT)));
        let closing = scope.spawn(|| tasks.close(Some(LONG)));
        thread::sleep(SHORT);
        assert!(!closing.is_finished());
        way_out.open();
        assert!(closing.join().unwrap());
        assert_eq!(dispatching.join().unwrap(), 1);
    });
}

#[test]
fn close_delivers_what_waits_and_what_comes() {
    let tasks = tasks(2, Dispatch::Queue);
    let here = thread::current().id();
    let (told, look) = counter();
    let submit = |work: fn(&Running<'_>) -> Result<()>| {
        let told = Arc::clone(&told);
        let done = move |_: &Task<()>| {
            assert_eq!(thread::current().id(), here);
            told.fetch_add(1, Ordering::SeqCst);
        };
        tasks.submit(submission(work).done(done)).unwrap()
    };
    for _ in 0..10 {
        assert!(submit(|_| Ok(())).wait(Some(LONG)));
    }
    submit(|running| {
        let ended = drive(running.control);
        thread::sleep(SHORT);
        ended
    });
    submit(|running| drive(running.control));
    submit(|_| Ok(()));
    // Something is done each time, however short.
    assert!(!tasks.close(Some(Duration::ZERO)));
    assert!(look() >= 1);
    assert!(tasks.close(Some(LONG)));
    assert_eq!(look(), 13);
}

/// Until everything of a pool is gone: nothing holds it but what the test does.
fn gone<T>(pool: &std::sync::Weak<T>) {
    eventually("the pool is gone", || pool.strong_count() == 0);
}

#[test]
fn handles_may_be_dropped_in_any_order() {
    for dispatch in BOTH {
        for tasks_first in [false, true] {
            for queued in [false, true] {
                let tasks = Tasks::with_idle(1, dispatch, None, LONG);
                let pool = Arc::downgrade(&tasks.0.pool);
                let (told, look) = counter();
                let (_, way_out) = occupy(&tasks, Lane::Upload);
                let other = Arc::clone(&told);
                let task = tasks
                    .submit(submission(|_| Ok(())).done(move |_| {
                        told.fetch_add(1, Ordering::SeqCst);
                    }))
                    .unwrap();
                tasks
                    .submit(submission(|_| Ok(())).done(move |_| {
                        other.fetch_add(1, Ordering::SeqCst);
                    }))
                    .unwrap();
                if !queued {
                    way_out.open();
                    assert!(task.wait(Some(LONG)));
                }
                if tasks_first {
                    drop(tasks);
                    way_out.open();
                    eventually("both are told", || look() == 2);
                    drop(task);
                } else {
                    drop(task);
                    way_out.open();
                    drop(tasks);
                    eventually("both are told", || look() == 2);
                }
                // The threads do not wait for their time.
                gone(&pool);
            }
        }
    }
}

#[test]
fn the_last_handle_may_go_inside_done_or_work() {
    for dispatch in BOTH {
        for in_work in [false, true] {
            for cancelled in [false, true] {
                let tasks = Tasks::with_idle(1, dispatch, None, LONG);
                let pool = Arc::downgrade(&tasks.0.pool);
                let (told, look) = counter();
                let (_, way_out) = occupy(&tasks, Lane::Upload);
                let slot = Arc::new(Mutex::new(None));
                let last = Arc::clone(&slot);
                let kept = Arc::clone(&slot);
                let drop_last = move || drop(last.lock().unwrap().take());
                let (work_drops, done_drops) = if in_work { (Some(drop_last), None) } else { (None, Some(drop_last)) };
                let work = move |_: &Running<'_>| {
                    work_drops.into_iter().for_each(|drop_last| drop_last());
                    Ok(())
                };
                let done = move |_: &Task<()>| {
                    done_drops.into_iter().for_each(|drop_last| drop_last());
                    drop(kept.lock().unwrap().take());
                    told.fetch_add(1, Ordering::SeqCst);
                };
                let task = tasks.submit(submission(work).done(done)).unwrap();
                let host = tasks.clone();
                *slot.lock().unwrap() = Some(tasks);
                if cancelled {
                    task.cancel();
                }
                way_out.open();
                if dispatch == Dispatch::Queue && (cancelled || !in_work) {
                    assert!(task.wait(Some(LONG)));
                    host.dispatch(0);
                }
                drop(host);
                eventually("it is told", || look() == 1);
                drop(task);
                gone(&pool);
            }
        }
    }
}

#[test]
fn dropping_the_last_handle_does_not_wait() {
    let tasks = tasks(1, Dispatch::Worker);
    let (task, way_out) = occupy(&tasks, Lane::Upload);
    let begin = Instant::now();
    drop(tasks);
    assert!(begin.elapsed() < SOON);
    way_out.open();
    assert!(task.wait(Some(LONG)));
}
