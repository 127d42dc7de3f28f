//! Every sequence of what may happen to the requests of an upload, to a depth.
//!
//! The random servers beside this (`model.rs`) play a hundred thousand long runs; this plays all short ones. What may
//! happen to a request is one letter of an alphabet (`alphabet.rs`): answers right and wrong, from the tus server or from
//! something before it, breaks before, in and after the data, what the caller does. A model of a server (`server.rs`) keeps
//! what is really there. From every state all letters are tried; what is the same state is looked at once (`explore.rs`).
//! That all goes well costs nothing, so that the depth is the number of faults: every run with so many faults, wherever
//! they come, is played to its end.
//!
//! After every step the promises are held against what the session was told and what is there (`promises.rs`, each with
//! its number). That every run ends follows from the graph of the states: no step but the caller's own leads back to where
//! it was.
//!
//! The depth is what an ordinary run can bear; `TUS_MODEL_DEPTH` sets another (CONTRIBUTING.md).

mod alphabet;
mod explore;
mod promises;
mod server;

use super::model::{data, integer};
use super::*;
use crate::protocol::checksum::{Policy, Wish};

use explore::{Report, explore};
use server::{Server, Upload};

/// What is to be done, and what is there.
pub(super) struct Setting {
    name: &'static str,
    plan: Plan,
    /// The size of the source.
    total: u64,
    server: Server,
    /// The caller changes settings while it runs.
    changes: bool,
}

impl Setting {
    /// How many bytes of an upload of an earlier run are those of the source.
    fn proven(&self) -> u64 {
        match &self.plan.goal {
            Goal::Upload { previous: Some(previous), .. } => previous.proven.unwrap_or(u64::MAX),
            _ => self.plan.proven.unwrap_or(u64::MAX),
        }
    }

    fn end(&self) -> u64 {
        self.plan.stop_at.unwrap_or(u64::MAX).min(self.total)
    }
}

/// The number of an upload in its URL: `/files/7/u`, where messages do not show the end.
fn number(url: &AbsoluteUrl) -> Option<usize> {
    url.as_str().strip_suffix("/u")?.rsplit('/').next()?.parse().ok()
}

fn setting(name: &'static str, goal: Goal, total: u64) -> Setting {
    let policy = RetryPolicy {
        max_retries: 1,
        base_delay: Duration::from_secs(1),
        max_delay: Duration::from_secs(1),
        lock_budget: Duration::from_secs(2),
        ..RetryPolicy::default()
    };
    let plan = Plan {
        discover: false,
        capabilities: Some(server::offer()),
        chunk_size: fixed(2),
        retry: policy,
        first_answer: None,
        trusted: vec![url("http://h/").origin().clone()],
        ..Plan::new(goal)
    };
    Setting { name, plan, total, server: Server::default(), changes: false }
}

fn endpoint() -> AbsoluteUrl {
    url("http://h/files/")
}

fn create(name: &'static str, total: u64) -> Setting {
    setting(name, Goal::Upload { endpoint: endpoint(), size: Some(total), previous: None }, total)
}

/// An upload that is there before.
fn there(offset: u64, size: Option<u64>) -> Upload {
    Upload { size, offset, alive: true, own: false, refused: false, doubtful: false, wrong: false, concat: None }
}

/// Goes through all words, and says how many there are.
fn hold(setting: &Setting, depth: usize) {
    let depth = std::env::var("TUS_MODEL_DEPTH").map_or(depth, |depth| depth.parse().expect("a number"));
    let Report { states, transitions, done, failed, longest, hottest } = explore(setting, depth);
    println!(
        "{}: {depth} faults: {states} states, {transitions} transitions, {done} ends in success and {failed} in an error; \
         at most {longest:?} requests by faults, {hottest} in a row without a wait or progress",
        setting.name
    );
    assert!(done > 0 && failed > done / 2, "a model in which nothing goes right, or nothing wrong, tests nothing");
    // Each fault costs a new beginning and a few requests, at most.
    for (faults, requests) in longest.iter().enumerate() {
        assert!(*requests <= longest[0] + faults * (longest[0] + 4), "{requests} requests with {faults} faults");
    }
    assert!(hottest <= 8 * (depth + 1), "{hottest} requests in a row without a wait or progress");
}

#[test]
fn an_upload_is_created() {
    hold(&create("create", 4), 1);
    hold(&create("create, one chunk", 1), 1);
}

/// T-051, T-153.
#[test]
fn an_upload_is_created_with_data() {
    let with = |name, total, creation_data| {
        let setting = create(name, total);
        Setting { plan: Plan { creation_data, ..setting.plan }, ..setting }
    };
    hold(&with("create with the first data", 4, CreationData::On), 1);
    hold(&with("create with all data", 2, CreationData::On), 2);
    hold(&with("create with all data, repeated", 2, CreationData::Repeat), 1);
}

#[test]
fn an_upload_that_is_named_is_resumed() {
    let goal = Goal::Resume { url: url("http://h/files/0/u"), size: Some(4), endpoint: None };
    let mut setting = setting("resume", goal, 4);
    setting.server.uploads.push(there(1, Some(4)));
    hold(&setting, 1);
}

/// A request of the earlier run is still under way, with data of which not all is the source's.
#[test]
fn an_upload_of_an_earlier_run_is_gone_on_with() {
    let previous = Some(Previous { url: url("http://h/files/0/u"), proven: Some(2) });
    let goal = Goal::Upload { endpoint: endpoint(), size: Some(4), previous };
    let mut setting = setting("previous", goal, 4);
    setting.server.uploads.push(there(1, Some(4)));
    setting.server.pending = Some((0, 1, 2, true));
    hold(&setting, 1);
}

/// T-070 to T-074.
#[test]
fn a_stream_is_sent() {
    let goal = Goal::Upload { endpoint: endpoint(), size: None, previous: None };
    hold(&setting("stream", goal.clone(), 3), 1);
    let mut with_data = setting("stream with data", goal, 3);
    with_data.plan.creation_data = CreationData::On;
    hold(&with_data, 1);
}

/// T-120 to T-128.
#[test]
fn parts_are_sent_and_put_together() {
    let mut part = create("part", 2);
    part.plan.partial = true;
    hold(&part, 1);
    let parts = vec![url("http://h/files/0/u"), url("http://h/files/1/u")];
    for (name, total) in [("put together", Some(4)), ("put together what is asked first", None)] {
        let goal = Goal::Concatenate { endpoint: endpoint(), parts: parts.clone(), total, unfinished: false };
        let mut whole = setting(name, goal, 4);
        let part = Upload { concat: Some("partial"), ..there(2, Some(2)) };
        whole.server.uploads.extend([part.clone(), part]);
        hold(&whole, 1);
    }
}

#[test]
fn an_empty_upload_is_created() {
    hold(&create("empty", 0), 2);
}

/// T-090 to T-100.
#[test]
fn data_is_sent_with_checksums() {
    let mut setting = create("checksums", 4);
    setting.plan.checksum = Wish { policy: Policy::Required, algorithm: None };
    setting.plan.checksum_trailers = true;
    hold(&setting, 1);
}

/// T-110, T-111.
#[test]
fn an_upload_is_deleted() {
    let mut setting = setting("delete", Goal::Terminate { url: url("http://h/files/0/u"), endpoint: None }, 4);
    setting.server.uploads.push(there(1, Some(4)));
    hold(&setting, 2);
}

/// The caller has other credentials, gets short of time, and wants smaller chunks.
#[test]
fn the_caller_has_its_say() {
    let mut setting = create("discover, credentials, changes", 2);
    setting.plan.discover = true;
    setting.plan.capabilities = None;
    setting.plan.can_authenticate = true;
    setting.changes = true;
    hold(&setting, 1);
}
