//! Cancelling for good: what there is of the upload goes from the server.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use tus::engine::config::Config;
use tus::engine::hooks::RetryVerdict;
use tus::error::Error;
use tus::protocol::chunk::ChunkSize;
use tus::protocol::retry::RetryPolicy;
use tus::source::Source;
use tus::task::TaskState;
use tus_test_server::{Contention, Request, Rule, Server};

use crate::fixture::*;
use crate::site::*;

fn config(server: &Server) -> Config {
    let mut config = config_to(&server.endpoint());
    config.set_chunk_size(ChunkSize::Whole).unwrap();
    config
}

fn slow(bytes: &[u8]) -> Source {
    Trickle::new(bytes, bytes.len() / 200, Duration::from_millis(2)).source()
}

fn sending(log: &[Request]) -> bool {
    log.iter().any(|request| request.method == "PATCH" && request.body_len > 0)
}

/// Gone from the server, and nothing points to it.
#[track_caller]
fn assert_gone(server: &Server, error: &Error) {
    assert!(error.upload_url().is_none() && error.resume_token().is_none(), "{error:?}");
    assert!(server.uploads().is_empty(), "{:?}", server.uploads());
}

#[test]
fn in_the_middle_of_a_request_whose_lock_is_waited_for() {
    let (server, folder, bytes) = (server(), Folder::new(), noise(400_000, 320));
    server.script(Rule::on("DELETE").times(2).reply(423));
    let mut config = config(&server);
    config.set_store_dir(store_in(&folder));
    let site = Site::new(config, 1);
    let path = settled(&folder, "a", &bytes);
    // Whatever the buffers take of it, there is more.
    server.script(Rule::on("PATCH").delay_reading(Duration::from_millis(200)));
    let task = site.upload(Source::file(&path).unwrap(), &options());
    until_logged(&server, |log| log.iter().any(|request| request.method == "PATCH"));
    task.cancel_and_delete();
    let error = cancelled(&task);
    assert_gone(&server, &error);
    assert_eq!(count(&server, "DELETE"), 3);
    assert_eq!(records(&folder).len(), 0, "a later run would look for it");
    assert_clean(&server);
}

/// A server that locks: the request that was ended has the upload until the server has noticed.
#[test]
fn a_server_that_really_locks() {
    let server = server_with(|options| {
        options.contention = Contention::Refuse;
        options.throttle = Some(400_000);
    });
    let site = Site::new(config(&server), 1);
    let task = site.upload(Source::memory(noise(400_000, 321)), &options());
    until_logged(&server, sending);
    task.cancel_and_delete();
    assert_gone(&server, &cancelled(&task));
}

#[test]
fn all_parts_go() {
    for lasting in [false, true] {
        let server = server_with(|options| options.throttle = Some(200_000));
        let (folder, bytes) = (Folder::new(), noise(600_000, 322));
        let path = settled(&folder, "a", &bytes);
        let mut config = config(&server);
        if lasting {
            config.set_store_dir(store_in(&folder));
        }
        let site = Site::new(config, 1);
        let task = site.upload(Source::file(&path).unwrap(), &in_parts(3));
        let all_begun = |log: &[Request]| log.iter().filter(|request| request.body_len > 0).count() == 3;
        until_logged(&server, all_begun);
        assert_eq!(partial_uploads(&server), 3);
        task.cancel_and_delete();
        assert_gone(&server, &cancelled(&task));
        assert!(store_files(&folder).iter().all(|name| !name.ends_with(".json")));
    }
}

/// As with an upload that is no part: only the answer names what is to be removed.
#[test]
fn parts_that_are_being_created_go_too() {
    for late in 1..=3 {
        let (server, bytes) = (server_with(|options| options.throttle = Some(200_000)), noise(600_000, 329));
        server.script(Rule::on("POST").nth(late).delay_answer(Duration::from_millis(200)));
        let site = Site::new(config(&server), 1);
        let task = site.upload(Source::memory(bytes), &in_parts(3));
        let creations = |log: &[Request]| log.iter().filter(|request| request.method == "POST").count();
        until_logged(&server, |log| creations(log) == 3);
        task.cancel_and_delete();
        let error = cancelled(&task);
        // What a server makes of a request after it has said nothing for so long would be there by now.
        std::thread::sleep(Duration::from_millis(300));
        assert_gone(&server, &error);
    }
}

#[test]
fn there_is_nothing_to_be_removed_before_it_is_created() {
    let server = server();
    server.script(Rule::on("POST").forever().reply(500));
    let mut config = config(&server);
    let delay = Duration::from_secs(60);
    config.set_retry(RetryPolicy { base_delay: delay, max_delay: delay, ..RetryPolicy::default() });
    let (say, hear) = channel();
    config.hooks_mut().should_retry = Some(Arc::new(move |_, _, delay| {
        let _ = say.send(());
        RetryVerdict::After(delay)
    }));
    let site = Site::new(config, 1);
    let task = site.upload(Source::memory("hello"), &options());
    let queued = site.upload(Source::memory("hello"), &options());
    hear.recv_timeout(LOST).unwrap();
    assert_eq!(queued.state(), TaskState::Queued);
    queued.cancel_and_delete();
    assert_gone(&server, &cancelled(&queued));
    task.cancel_and_delete();
    assert_gone(&server, &cancelled(&task));
    assert_eq!(count(&server, "DELETE"), 0);
}

/// Only the answer names what is to be removed.
#[test]
fn during_the_creation_its_answer_is_waited_for() {
    for drops_connection in [false, true] {
        let server = server();
        let delay = if drops_connection { Duration::from_secs(60) } else { Duration::from_millis(200) };
        server.script(Rule::on("POST").delay_answer(delay));
        let site = Site::new(config(&server), 1);
        let task = site.upload(Source::memory("hello"), &options());
        until_logged(&server, |log| log.iter().any(|request| request.method == "POST"));
        task.cancel_and_delete();
        if drops_connection {
            // The second word ends that: what is created now is nobody's.
            let began = Instant::now();
            task.cancel();
            assert!(cancelled(&task).upload_url().is_none());
            assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
        } else {
            assert_gone(&server, &cancelled(&task));
            assert_eq!(count(&server, "DELETE"), 1);
        }
    }
}

#[test]
fn what_is_complete_stays() {
    let server = server();
    let site = Site::new(config(&server), 1);
    let task = site.upload(Source::memory("hello"), &options());
    let done = outcome(&task).unwrap();
    task.cancel_and_delete();
    task.cancel();
    assert_stored(&server, &outcome(&task).unwrap(), b"hello");
    assert_eq!(count(&server, "DELETE"), 0);
    assert!(server.upload(id_of(done.url.as_str())).is_some());
}

#[test]
fn the_error_names_what_a_server_cannot_remove() {
    let server = lacking(|extensions| extensions.termination = false);
    let (folder, bytes) = (Folder::new(), noise(400_000, 323));
    let mut config = config(&server);
    config.set_store_dir(store_in(&folder));
    let site = Site::new(config, 1);
    let task = site.upload(slow(&bytes), &options());
    until_logged(&server, sending);
    task.cancel_and_delete();
    let error = cancelled(&task);
    let url = error.upload_url().expect("it is still there");
    assert!(server.upload(id_of(url.as_str())).is_some());
    assert!(error.to_string().contains("stays"), "{error}");
    let done = outcome(&site.resume(Source::memory(bytes.clone()), url.as_str())).unwrap();
    assert_stored(&server, &done, &bytes);
}

#[test]
fn a_server_that_refuses() {
    let server = server();
    server.script(Rule::on("DELETE").forever().reply(403));
    let site = Site::new(config(&server), 1);
    let task = site.upload(slow(&noise(400_000, 324)), &options());
    until_logged(&server, sending);
    task.cancel_and_delete();
    let error = cancelled(&task);
    assert!(error.upload_url().is_some() && error.to_string().contains("403"), "{error}");
    assert_eq!(count(&server, "DELETE"), 1);
}

#[test]
fn a_second_cancel_ends_the_removal() {
    let server = server();
    server.script(Rule::on("DELETE").forever().reply(423));
    let site = Site::new(config(&server), 1);
    let task = site.upload(slow(&noise(400_000, 325)), &options());
    until_logged(&server, sending);
    task.cancel_and_delete();
    until("the removal is at work", || count(&server, "DELETE") >= 3);
    assert!(!task.is_done());
    let began = Instant::now();
    task.cancel();
    let error = cancelled(&task);
    // Much less than the lock would be waited for; how much less is measured elsewhere.
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    let url = error.upload_url().expect("it is still there");
    assert!(server.upload(id_of(url.as_str())).is_some());
}

#[test]
fn while_it_is_paused() {
    let server = server();
    let site = Site::new(config(&server), 1);
    let task = site.upload(slow(&noise(400_000, 326)), &options());
    until_logged(&server, sending);
    task.pause();
    stands_still(|| arrived(&server));
    task.cancel_and_delete();
    assert_gone(&server, &cancelled(&task));
}

/// The first cancel says that it can be gone on with, the second that it is not wanted: the last word counts, as long
/// as there is somebody to hear it.
#[test]
fn a_wish_to_remove_after_it_is_over_changes_nothing() {
    let server = server();
    let site = Site::new(config(&server), 1);
    let task = site.upload(slow(&noise(400_000, 327)), &options());
    until_logged(&server, sending);
    task.cancel();
    let url = cancelled(&task).upload_url().unwrap().as_str().to_owned();
    task.cancel_and_delete();
    assert_eq!(cancelled(&task).upload_url().unwrap().as_str(), url);
    assert_eq!((count(&server, "DELETE"), server.uploads().len()), (0, 1));
}

/// Closing is no wish to remove.
#[test]
fn closing_removes_nothing() {
    let server = server();
    let site = Site::new(config(&server), 1);
    let task = site.upload(slow(&noise(400_000, 328)), &options());
    until_logged(&server, sending);
    assert!(site.tasks.close(Some(LOST)));
    assert!(cancelled(&task).upload_url().is_some());
    assert_eq!((count(&server, "DELETE"), server.uploads().len()), (0, 1));
}
