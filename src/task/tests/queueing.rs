//! Who runs when.

use super::*;

/// Runs tasks one after the other and returns the names of those that ran.
fn order_of(prepare: impl FnOnce(&Tasks, &dyn Fn(&'static str, i32) -> Task<()>)) -> Vec<&'static str> {
    let tasks = tasks(1, Dispatch::Worker);
    let (_, way_out) = occupy(&tasks, Lane::Upload);
    let ran = Arc::new(Mutex::new(Vec::new()));
    let all = Mutex::new(Vec::new());
    prepare(&tasks, &|name, priority| {
        let ran = Arc::clone(&ran);
        let work = move |_: &Running<'_>| {
            ran.lock().unwrap().push(name);
            Ok(())
        };
        let task = tasks.submit(submission(work).priority(priority)).unwrap();
        assert_eq!(task.state(), TaskState::Queued);
        all.lock().unwrap().push(task.clone());
        task
    });
    way_out.open();
    for task in all.into_inner().unwrap() {
        if task.state() != TaskState::Paused {
            assert!(task.wait(Some(LONG)));
        }
    }
    assert!(tasks.close(Some(LONG)));
    std::mem::take(&mut *ran.lock().unwrap())
}

#[test]
fn larger_priorities_first_and_equal_ones_in_their_order() {
    let order = order_of(|_, submit| {
        for (name, priority) in [("a", 0), ("b", 7), ("c", -1), ("d", 0), ("e", 7)] {
            submit(name, priority);
        }
    });
    assert_eq!(order, ["b", "e", "a", "d", "c"]);
}

#[test]
fn a_priority_may_change_in_the_queue() {
    let order = order_of(|_, submit| {
        let [a, b, c] = ["a", "b", "c"].map(|name| submit(name, 0));
        c.set_priority(5);
        a.set_priority(-5);
        b.pause();
        b.set_priority(9);
        b.resume();
    });
    assert_eq!(order, ["b", "c", "a"]);
}

#[test]
fn a_pause_in_the_queue_keeps_the_place() {
    let order = order_of(|_, submit| {
        let [a, b, c] = ["a", "b", "c"].map(|name| submit(name, 0));
        a.pause();
        b.pause();
        b.pause();
        assert_eq!(a.state(), TaskState::Paused);
        a.resume();
        assert_eq!(a.state(), TaskState::Queued);
        drop((b, c));
    });
    assert_eq!(order, ["a", "c"]);
}

#[test]
fn what_was_paused_in_the_queue_runs_after_a_resume_with_nobody_there() {
    let tasks = tasks(1, Dispatch::Worker);
    let (first, way_out) = occupy(&tasks, Lane::Upload);
    let task = tasks.submit(submission(|_| Ok(7))).unwrap();
    task.pause();
    way_out.open();
    assert!(first.wait(Some(LONG)));
    eventually("the threads end", || threads(&tasks) == 0);
    assert_eq!(task.state(), TaskState::Paused);
    task.resume();
    assert!(task.wait(Some(LONG)));
    assert_eq!(task.result(|result| *result.as_ref().unwrap()), Some(7));
}

/// Runs many short tasks in both lanes while `meanwhile` is called; returns the most that ran at once in each.
fn most_at_once(tasks: &Tasks, count: usize, mut meanwhile: impl FnMut(usize)) -> [usize; 2] {
    let now: Arc<[AtomicUsize; 2]> = Arc::default();
    let most: Arc<[AtomicUsize; 2]> = Arc::default();
    let all: Vec<Task<()>> = (0..count)
        .map(|n| {
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            let index = n % 2;
            let work = move |_: &Running<'_>| {
                let at_once = now[index].fetch_add(1, Ordering::SeqCst) + 1;
                most[index].fetch_max(at_once, Ordering::SeqCst);
                thread::sleep(Duration::from_micros(300));
                now[index].fetch_sub(1, Ordering::SeqCst);
                Ok(())
            };
            meanwhile(n);
            tasks.submit(submission(work).lane([Lane::Upload, Lane::Request][index])).unwrap()
        })
        .collect();
    for task in all {
        assert!(task.wait(Some(LONG)));
    }
    [most[0].load(Ordering::SeqCst), most[1].load(Ordering::SeqCst)]
}

#[test]
fn no_more_than_the_workers_at_once() {
    let tasks = tasks(3, Dispatch::Worker);
    assert_eq!(most_at_once(&tasks, 400, |_| ()), [3, 3]);
    assert!(threads(&tasks) <= 6);
}

#[test]
fn the_limit_may_change_while_tasks_run() {
    let pool = tasks(1, Dispatch::Worker);
    let most = most_at_once(&pool, 400, |n| pool.set_workers(1 + u32::try_from(n % 5).unwrap()));
    assert!(most.iter().all(|most| (2..=5).contains(most)), "{most:?}");

    // Raised: what waits begins at once. Lowered: what runs goes on, and nothing begins until enough have ended.
    let tasks = tasks(1, Dispatch::Worker);
    let (_, one) = occupy(&tasks, Lane::Upload);
    let inside = Door::default();
    let (entered, two) = (inside.clone(), Door::default());
    let second_out = two.clone();
    let second = tasks
        .submit(submission(move |_| {
            entered.open();
            second_out.pass();
            Ok(())
        }))
        .unwrap();
    assert!(!inside.pass_within(SHORT));
    tasks.set_workers(2);
    inside.pass();
    tasks.set_workers(0);
    let third = tasks.submit(submission(|_| Ok(()))).unwrap();
    two.open();
    assert!(second.wait(Some(LONG)));
    assert!(!third.wait(Some(SHORT)));
    one.open();
    assert!(third.wait(Some(LONG)));
}

#[test]
fn lanes_do_not_wait_for_each_other() {
    let tasks = tasks(1, Dispatch::Worker);
    for (busy, free) in [(Lane::Upload, Lane::Request), (Lane::Request, Lane::Upload)] {
        let (_, way_out) = occupy(&tasks, busy);
        let other = tasks.submit(submission(|_| Ok(())).lane(free)).unwrap();
        assert!(other.wait(Some(LONG)));
        way_out.open();
        assert!(tasks.submit(submission(|_| Ok(())).lane(busy)).unwrap().wait(Some(LONG)));
    }
}

#[test]
fn threads_end_when_there_is_nothing_to_do_and_come_again() {
    let tasks = tasks(4, Dispatch::Worker);
    for _ in 0..3 {
        assert!(tasks.submit(submission(|_| Ok(()))).unwrap().wait(Some(LONG)));
        assert!(threads(&tasks) <= 2);
        eventually("the threads end", || threads(&tasks) == 0);
    }
}

#[test]
fn threads_have_a_name_and_no_signals_and_are_marked() {
    thread_local!(static MARK: std::cell::Cell<bool> = const { std::cell::Cell::new(false) });
    let around: AroundThread = Arc::new(|work| {
        MARK.set(true);
        work();
        MARK.set(false);
    });
    let tasks = Tasks::with_idle(1, Dispatch::Worker, Some(around), BRIEF);
    let look = |_: &Running<'_>| {
        let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap().trim().to_owned();
        Ok((thread::current().name().map(str::to_owned), MARK.get(), u64::from_str_radix(&blocked, 16).unwrap()))
    };
    let task = tasks.submit(submission(look)).unwrap();
    assert!(task.wait(Some(LONG)));
    let (name, mark, blocked) = task.result(|result| result.as_ref().unwrap().clone()).unwrap();
    assert_eq!((name.as_deref(), mark), (Some("tus-task"), true));
    // All that can be blocked; SIGINT, SIGTERM, SIGPIPE among them.
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGPIPE, libc::SIGALRM] {
        assert_ne!(blocked & (1 << (signal - 1)), 0, "{signal}");
    }
}
