//! What a control shows of an operation.

use std::time::Duration;

use tus::engine::control::Control;
use tus::protocol::chunk::ChunkSize;
use tus::source::Source;
use tus::task::{Lane, Submission, TaskState};
use tus_test_server::{Ending, Rule};

use crate::fixture::*;
use crate::site::*;

#[test]
fn the_url_is_known_as_soon_as_there_is_one_and_to_the_end() {
    let (server, bytes) = (server(), noise(1000, 350));
    server.script(Rule::on("PATCH").hang_after_body());
    let site = Site::new(config_to(&server.endpoint()), 1);
    let task = site.upload(Source::memory(bytes), &options());
    until_logged(&server, |log| log.iter().any(|request| request.method == "PATCH"));
    let url = task.control().upload_url().expect("data is being sent");
    assert!(server.upload(id_of(url.as_str())).is_some());
    task.cancel();
    assert_eq!(cancelled(&task).upload_url(), Some(&url));
    assert_eq!(task.control().upload_url(), Some(url));
}

/// Nobody need have asked for it: whoever looks sees it, also while nothing moves.
#[test]
fn the_progress_can_be_seen_without_a_function_that_is_told() {
    let (server, bytes) = (server(), noise(8 << 20, 351));
    server.script(Rule::on("PATCH").cut_body(10_000, Ending::Hang));
    let mut config = config_to(&server.endpoint());
    config.set_chunk_size(ChunkSize::Whole).unwrap();
    let site = Site::new(config, 1);
    let task = site.upload(Source::memory(bytes), &options());
    until_logged(&server, |log| log.iter().any(|request| request.body_len == 10_000));
    let sent = || task.control().progress().unwrap().sent;
    let began = std::time::Instant::now();
    while sent() < 10_000 {
        assert!(began.elapsed() < Duration::from_secs(3), "{:?}", task.control().progress());
        std::thread::sleep(Duration::from_millis(5));
    }
    let progress = task.control().progress().unwrap();
    assert_eq!((progress.total, progress.confirmed, progress.resumed), (Some(8 << 20), 0, 0));
    task.cancel();
    cancelled(&task);
    assert!(task.control().progress().is_some(), "the last numbers stay");
}

#[test]
fn the_last_numbers_stay() {
    let server = server();
    let site = Site::new(config_to(&server.endpoint()), 1);
    let task = site.upload(Source::memory(noise(2500, 352)), &options());
    outcome(&task).unwrap();
    let progress = task.control().progress().unwrap();
    assert_eq!((progress.sent, progress.confirmed, progress.total), (2500, 2500, Some(2500)));
    assert!(Control::new().progress().is_none() && Control::new().upload_url().is_none());
}

/// A few small requests do not wait behind uploads.
#[test]
fn requests_have_places_of_their_own() {
    let (server, bytes) = (server(), noise(1000, 353));
    server.script(Rule::on("PATCH").forever().hang_after_body());
    let site = Site::new(config_to(&server.endpoint()), 2);
    let uploads: Vec<_> = (0..4).map(|_| site.upload(Source::memory(bytes.clone()), &options())).collect();
    until_logged(&server, |log| log.iter().filter(|request| request.method == "PATCH").count() == 2);
    let (client, url) = (site.client.clone(), server.seed(Some(7), b"seven").unwrap());
    let work: Box<dyn FnOnce(&tus::task::Running<'_>) -> _ + Send> =
        Box::new(move |running| client.under(running.control).upload_info(&url));
    let asked =
        site.tasks.submit(Submission { lane: Lane::Request, priority: -100, work, done: None, unbegun: None }).unwrap();
    assert!(asked.wait(Some(LOST)));
    assert_eq!(asked.result(|result| result.as_ref().unwrap().offset), Some(5));
    assert_eq!(uploads.iter().filter(|task| task.state() == TaskState::Queued).count(), 2);
    // More places, and all are at work.
    site.tasks.set_workers(4);
    until_logged(&server, |log| log.iter().filter(|request| request.method == "PATCH").count() == 4);
    uploads.iter().for_each(tus::task::Task::cancel);
    uploads.iter().for_each(|task| drop(cancelled(task)));
}

#[test]
fn the_more_important_goes_first_as_of_when_there_is_a_place() {
    let server = server();
    server.script(Rule::on("PATCH").delay_answer(Duration::from_millis(200)));
    let site = Site::new(config_to(&server.endpoint()), 1);
    let first = site.upload(Source::memory("first"), &options());
    until("it runs", || first.state() == TaskState::Running);
    let texts = ["a0", "b5", "c5", "d9", "e7"];
    let tasks = texts.map(|text| {
        let task = site.upload(Source::memory(text), &options());
        task.set_priority(i32::from(text.as_bytes()[1] - b'0'));
        task
    });
    // Changed its mind.
    tasks[4].set_priority(-1);
    tasks.iter().for_each(|task| drop(outcome(task).unwrap()));
    let bodies = server.requests().into_iter().filter(|request| request.method == "PATCH");
    let order: Vec<_> = bodies.map(|request| String::from_utf8(request.body).unwrap()).collect();
    assert_eq!(order, ["first", "d9", "b5", "c5", "a0", "e7"]);
}
