//! While a task waits for its place, and while it stands still.

use tus::engine::client::Client;
use tus::engine::control::Control;
use tus::engine::info::UploadInfo;
use tus::error::Error;
use tus::source::Source;
use tus::task::{Dispatch, Lane, Submission, Task, TaskState, Tasks};
use tus_test_server::{Request, Rule, Server};

use crate::fixture::*;
use crate::measure::{LOST, Place, Round, Rounds, until};
use crate::stays::{config_whole, stays};

pub(crate) fn places() -> Vec<Place> {
    // One at a time, so that it is their threads whose waiting for a processor is counted.
    vec![
        Place::busy("a task that is queued", queued),
        Place::busy("a task that is paused", paused),
        Place::busy("an upload that is paused", paused_without_a_task),
        Place::busy("a task that waits for its place again", resumed),
    ]
}

fn submit(tasks: &Tasks, client: &Client, bytes: &[u8]) -> Task<UploadInfo> {
    let (client, mut source) = (client.clone(), Source::memory(bytes.to_vec()));
    let submission = Submission {
        lane: Lane::Upload,
        priority: 0,
        work: Box::new(move |running| client.under(running.control).upload(&mut source, &options())),
        done: None,
        unbegun: None,
    };
    tasks.submit(submission).unwrap()
}

fn over(task: &Task<UploadInfo>) -> Result<(), Error> {
    assert!(task.wait(None));
    let taken = |result: &mut Result<UploadInfo, Error>| match result {
        Ok(_) => Ok(()),
        Err(error) => Err(error.clone()),
    };
    task.result(taken).unwrap()
}

/// Settings with which an upload of a few thousand bytes stops at the second of its chunks.
fn stuck(server: &Server) -> Client {
    let mut config = config_whole(&server.endpoint());
    config.set_chunk_size(chunk(1000)).unwrap();
    Client::new(config).unwrap()
}

fn script(server: &Server) {
    server.clear_log();
    server.clear_script();
    server.script(Rule::on("PATCH").skip(1).forever().hang_after_head());
}

fn sending(log: &[Request]) -> bool {
    log.iter().filter(|request| request.method == "PATCH").count() == 2
}

fn queued() -> Rounds {
    let server = server();
    let (client, tasks) = (stuck(&server), Tasks::start(1, Dispatch::Worker));
    script(&server);
    let first = submit(&tasks, &client, &noise(3000, 240));
    assert!(server.wait_for(sending, LOST));
    let tasks = Closed(tasks);
    Box::new(move |round: &Round| {
        let _until_the_end = &server;
        let task = submit(&tasks.0, &client, b"hello");
        assert_eq!((task.state(), first.state()), (TaskState::Queued, TaskState::Running));
        let error = round.run_beside(|| task.cancel(), || (), || over(&task), || None);
        assert!(error.upload_url().is_none());
    })
}

fn paused() -> Rounds {
    let (server, bytes) = (server(), noise(3000, 241));
    let (client, tasks) = (stuck(&server), Closed(Tasks::start(1, Dispatch::Worker)));
    Box::new(move |round: &Round| {
        script(&server);
        let task = submit(&tasks.0, &client, &bytes);
        assert!(server.wait_for(sending, LOST));
        task.pause();
        assert_eq!(task.state(), TaskState::Paused);
        let error = round.run_beside(|| task.cancel(), || (), || over(&task), || None);
        if round.looks() {
            server.clear_script();
            stays(&server, task.control(), &error, &bytes);
        }
    })
}

fn paused_without_a_task() -> Rounds {
    let (server, bytes) = (server(), noise(3000, 242));
    let client = stuck(&server);
    Box::new(move |round: &Round| {
        script(&server);
        let control = Control::new();
        let mut source = Source::memory(bytes.clone());
        let reached = || {
            assert!(server.wait_for(sending, LOST));
            control.pause();
        };
        let error = round.run(&control, reached, || client.under(&control).upload(&mut source, &options()));
        if round.looks() {
            server.clear_script();
            stays(&server, &control, &error, &bytes);
        }
    })
}

/// It was paused, another has its place, and it is to go on.
fn resumed() -> Rounds {
    let (server, bytes) = (server(), noise(3000, 243));
    let (client, tasks) = (stuck(&server), Closed(Tasks::start(1, Dispatch::Worker)));
    Box::new(move |round: &Round| {
        script(&server);
        let task = submit(&tasks.0, &client, &bytes);
        assert!(server.wait_for(sending, LOST));
        task.pause();
        let other = submit(&tasks.0, &client, &bytes);
        until(|| other.state() == TaskState::Running);
        task.resume();
        let error = round.run_beside(|| task.cancel(), || (), || over(&task), || None);
        other.cancel();
        assert!(other.wait(None));
        if round.looks() {
            server.clear_script();
            stays(&server, task.control(), &error, &bytes);
        }
    })
}

/// Tasks that do not outlive the place.
struct Closed(Tasks);

impl Drop for Closed {
    fn drop(&mut self) {
        self.0.close(None);
    }
}
