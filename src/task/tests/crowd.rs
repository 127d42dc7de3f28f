//! Ten thousand at once.

use super::*;
use std::sync::atomic::AtomicBool;

/// Everything is told and dropped exactly once, whoever cancels what and when.
fn crowd(count: usize, dispatch: Dispatch, workers: u32) {
    let tasks = tasks(workers, dispatch);
    let (dones, done_count) = counter();
    let (dropped, drop_count) = counter();
    let (ran, run_count) = counter();
    let told: Arc<Vec<AtomicUsize>> = Arc::new((0..count).map(|_| AtomicUsize::new(0)).collect());
    let all: Mutex<Vec<Task<usize>>> = Mutex::default();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !over.load(Ordering::SeqCst) {
                    let task = {
                        let all = all.lock().unwrap();
                        if all.is_empty() { None } else { Some(all[fastrand::usize(..all.len())].clone()) }
                    };
                    let Some(task) = task else { continue };
                    match fastrand::u8(..6) {
                        0 => task.pause(),
                        1 => task.set_priority(fastrand::i32(-3..3)),
                        2 => task.resume(),
                        3 => task.cancel_and_delete(),
                        _ => task.cancel(),
                    }
                    if dispatch == Dispatch::Queue {
                        tasks.dispatch(3);
                    }
                }
            });
        }
        for n in 0..count {
            let (in_work, in_done) = (Dropped(Arc::clone(&dropped)), Dropped(Arc::clone(&dropped)));
            let (ran, dones, told) = (Arc::clone(&ran), Arc::clone(&dones), Arc::clone(&told));
            let work = move |running: &Running<'_>| {
                let _held = in_work;
                ran.fetch_add(1, Ordering::SeqCst);
                running.control.stand_still(running.control.flag(), 0);
                Ok(n)
            };
            let done = move |task: &Task<usize>| {
                let _held = in_done;
                assert!(task.result(|result| result.as_ref().map_or(true, |own| *own == n)).unwrap());
                told[n].fetch_add(1, Ordering::SeqCst);
                dones.fetch_add(1, Ordering::SeqCst);
            };
            let lane = if n % 3 == 0 { Lane::Request } else { Lane::Upload };
            let task = tasks.submit(submission(work).done(done).lane(lane)).unwrap();
            all.lock().unwrap().push(task);
        }
        let all = all.lock().unwrap().clone();
        eventually("all are over", || {
            all.iter().for_each(Task::resume);
            tasks.dispatch(0);
            all.iter().all(Task::is_done)
        });
        over.store(true, Ordering::SeqCst);
    });
    assert!(tasks.close(Some(LONG)));
    assert_eq!(threads(&tasks), 0);
    assert!(tasks.0.pool.lock().tasks.is_empty());
    assert_eq!((done_count(), drop_count()), (count, 2 * count));
    assert!(told.iter().all(|told| told.load(Ordering::SeqCst) == 1));
    assert!(run_count() <= count);
}

#[test]
fn each_of_ten_thousand_is_told_once() {
    crowd(10_000, Dispatch::Worker, 4);
}

#[test]
fn each_of_ten_thousand_is_told_once_by_the_queue() {
    crowd(10_000, Dispatch::Queue, 4);
}

#[test]
fn many_small_crowds() {
    for round in 0..30 {
        crowd(20, [Dispatch::Worker, Dispatch::Queue][round % 2], 1 + fastrand::u32(0..4));
    }
}

/// The resident memory of this process in bytes.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn one_that_waits_costs_little_memory_and_no_descriptor() {
    const COUNT: usize = 100_000;
    const CHILD: &str = "LIBTUS_TEST_TASK_MEMORY_CHILD";
    if std::env::var_os(CHILD).is_none() {
        // In a process of its own: the other tests need memory at the same time.
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "task::tests::crowd::one_that_waits_costs_little_memory_and_no_descriptor",
                "--nocapture",
            ])
            .env(CHILD, "1")
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stdout);
        println!("{told}");
        assert!(output.status.success() && told.contains("bytes for each task"), "{output:?}");
        return;
    }
    let tasks = tasks(1, Dispatch::Worker);
    let (_, way_out) = occupy(&tasks, Lane::Upload);
    let (memory, fds) = (resident(), descriptors());
    let all: Vec<_> = (0..COUNT).map(|_| tasks.submit(submission(|_| Ok(()))).unwrap()).collect();
    let each = resident().saturating_sub(memory) / COUNT;
    println!("{each} bytes for each task in the queue, {} of them its core", size_of::<single::Core<()>>());
    assert!(each < 1024, "{each}");
    assert_eq!(descriptors(), fds);
    way_out.open();
    assert!(tasks.close(Some(LONG)));
    assert!(all.iter().all(Task::is_done));
}
