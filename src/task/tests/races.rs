//! Races between a result, its delivery and the last handle, and a pause between two tries.

use super::super::{Dispatch, Done, Lane, Submission, Task, Tasks, Work};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::time::Duration;

fn submit(tasks: &Tasks, work: Work<u32>, done: Done<u32>) -> Task<u32> {
    tasks.submit(Submission { lane: Lane::Upload, priority: 0, work, done: Some(done), unbegun: None }).unwrap()
}

/// after a wait with a result, what waits for `dispatch` is there.
#[test]
fn what_was_waited_for_can_be_dispatched() {
    let tasks = Tasks::new(1, Dispatch::Queue, None);
    let mut missed = 0;
    for _ in 0..3_000 {
        let task = submit(&tasks, Box::new(|_| Ok(1)), Box::new(|_| ()));
        assert!(task.wait(None));
        if tasks.dispatch(0) == 0 {
            missed += 1;
            while tasks.dispatch(0) == 0 {
                std::thread::yield_now();
            }
        }
    }
    assert_eq!(missed, 0);
}

/// giving the last count back inside a dispatched function lets no other run beside it.
#[test]
fn what_is_dispatched_does_not_overlap_after_the_last_handle() {
    let tasks = Tasks::new(2, Dispatch::Queue, None);
    let (inside, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let abandoned = Arc::new(AtomicBool::new(false));
    let mut all = Vec::new();
    for _ in 0..2 {
        let (inside, most, abandoned, tasks2) = (inside.clone(), most.clone(), abandoned.clone(), tasks.clone());
        all.push(submit(
            &tasks,
            Box::new(|_| Ok(1)),
            Box::new(move |_| {
                most.fetch_max(inside.fetch_add(1, SeqCst) + 1, SeqCst);
                if !abandoned.swap(true, SeqCst) {
                    tasks2.abandon();
                }
                std::thread::sleep(Duration::from_millis(300));
                inside.fetch_sub(1, SeqCst);
            }),
        ));
    }
    all.iter().for_each(|task| assert!(task.wait(None)));
    std::thread::sleep(Duration::from_millis(50));
    tasks.dispatch(0);
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!(most.load(SeqCst), 1);
}

/// whoever is paused while it waits for its next try leaves its place.
#[test]
fn a_pause_between_two_tries_leaves_the_place() {
    use crate::engine::{client::Client, config::Config, options::UploadOptions};
    use crate::source::Source;
    let server = tus_test_server::Server::start(tus_test_server::Options::default()).unwrap();
    let mut config = Config::new();
    config.set_url(&server.endpoint()).unwrap();
    let client = Client::new(config).unwrap();
    server.script(tus_test_server::Rule::on("PATCH").reply(503).header("Retry-After", "3"));
    let tasks = Tasks::new(1, Dispatch::Worker, None);
    let work: Work<u32> = Box::new(move |task| {
        client.under(task.control).upload(&mut Source::memory("abcd"), &UploadOptions::new()).map(|_| 1)
    });
    let first = submit(&tasks, work, Box::new(|_| ()));
    std::thread::sleep(Duration::from_millis(500));
    first.pause();
    let second = submit(&tasks, Box::new(|_| Ok(2)), Box::new(|_| ()));
    let begun = second.wait(Some(Duration::from_millis(500)));
    first.resume();
    assert!(first.wait(Some(Duration::from_secs(10))));
    assert!(begun, "the place was not left");
}
