//! Progress: numbers that are true, and a word that stops anything at any moment.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tus_test_server::{Ending, Rule, Server};

use crate::support::api::every_way;
use crate::support::hooks::{OnProgress, Progress};
use crate::support::server::{assert_clean, assert_holds, assert_stored, assert_told, server, server_with};
use crate::support::{Api, Chunk, Failure, HELLO, Job, Kind, Setup, noise, side_by_side};

every_way! {
    progress_from_the_start_to_the_end,
    progress_of_an_empty_upload,
    progress_of_a_resume,
    progress_inside_a_request,
    progress_through_failures,
    progress_through_a_restart,
    stop_before_anything_is_sent,
    stop_between_chunks,
    stop_during_a_body,
    stop_during_a_stalled_body,
    stop_while_waiting_for_an_answer,
    stop_during_a_retry_wait,
    stop_during_a_long_creation,
    stop_at_the_very_end,
}

type Seen = Arc<Mutex<Vec<Progress>>>;

fn watching() -> (Job, Seen) {
    let seen = Seen::default();
    let notes = Arc::clone(&seen);
    let hook: OnProgress = Arc::new(move |progress| {
        notes.lock().unwrap().push(progress);
        0
    });
    (Job { progress: Some(hook), ..Job::default() }, seen)
}

/// A job whose progress function says 7 as soon as `when` is true.
fn stopping(when: impl Fn(Progress, usize) -> bool + Send + Sync + 'static) -> Job {
    let calls = Mutex::new(0);
    let hook: OnProgress = Arc::new(move |progress| {
        let mut calls = calls.lock().unwrap();
        *calls += 1;
        if when(progress, *calls) { 7 } else { 0 }
    });
    Job { progress: Some(hook), ..Job::default() }
}

/// What holds of every run: within the total, `sent` never behind `confirmed`, and the last word is the whole.
#[track_caller]
fn assert_true(seen: &Seen, total: u64) -> Vec<Progress> {
    let seen = seen.lock().unwrap().clone();
    for progress in &seen {
        assert_eq!(progress.total, Some(total), "{seen:?}");
        assert!(progress.confirmed <= progress.sent && progress.sent <= total, "{seen:?}");
    }
    assert_eq!(seen.last().copied(), Some(Progress { sent: total, confirmed: total, total: Some(total) }), "{seen:?}");
    seen
}

#[track_caller]
fn assert_growing(seen: &[Progress]) {
    for pair in seen.windows(2) {
        assert!(pair[0].confirmed <= pair[1].confirmed && pair[0].sent <= pair[1].sent, "{seen:?}");
    }
}

#[track_caller]
fn assert_stopped(error: &Failure, known: bool) {
    assert_eq!((error.gist(), error.code), ((Kind::Callback, 0, known), 7), "{error:?}");
    assert!(error.retryable, "{error:?}");
}

/// The upload that was stopped can be gone on with.
#[track_caller]
fn assert_resumes(api: Api, server: &Server, error: &Failure, bytes: &[u8]) {
    server.clear_script();
    // A server still busy with the old request would answer 423 for a while: the connection is gone, so it need not.
    server.close_all_connections();
    let url = error.upload_url.as_deref().unwrap();
    api.resume(&Setup::to(server), bytes, url).unwrap();
    assert_stored(server, url, bytes);
    let broken: Vec<_> = server.violations().iter().map(ToString::to_string).collect();
    assert!(broken.is_empty(), "{broken:?}");
}

fn progress_from_the_start_to_the_end(api: Api) {
    let server = server();
    let (job, seen) = watching();
    api.client(&Setup { chunk: Chunk::Fixed(4), ..Setup::to(&server) }).unwrap().upload(HELLO, &job).unwrap();
    let seen = assert_true(&seen, 11);
    assert_growing(&seen);
    assert_eq!(seen[0], Progress { sent: 0, confirmed: 0, total: Some(11) });
    let mut confirmed: Vec<_> = seen.iter().map(|progress| progress.confirmed).collect();
    confirmed.dedup();
    assert_eq!(confirmed, [0, 4, 8, 11], "every acknowledged chunk is told");
}

fn progress_of_an_empty_upload(api: Api) {
    let server = server();
    let (job, seen) = watching();
    api.client(&Setup::to(&server)).unwrap().upload(b"", &job).unwrap();
    let mut seen = seen.lock().unwrap().clone();
    // Where it takes longer than a tenth of a second, the same is told again.
    seen.dedup();
    assert_eq!(seen, [Progress { sent: 0, confirmed: 0, total: Some(0) }]);
}

fn progress_of_a_resume(api: Api) {
    let server = server();
    let url = server.seed(Some(11), b"hello").unwrap();
    let (job, seen) = watching();
    let client = api.client(&Setup::to(&server)).unwrap();
    client.resume(HELLO, &url, &job).unwrap();
    let seen = assert_true(&seen, 11);
    assert!(seen.contains(&Progress { sent: 5, confirmed: 5, total: Some(11) }), "{seen:?}");
    assert_growing(&seen);
    let (job, seen) = watching();
    client.resume(HELLO, &url, &job).unwrap();
    assert_true(&seen, 11);
}

fn progress_inside_a_request(api: Api) {
    let server = server_with(|options| {
        options.throttle = Some(8 << 20);
        options.receive_buffer = Some(64 << 10);
    });
    let bytes = noise(8 << 20, 16);
    let (job, seen) = watching();
    api.client(&Setup::to(&server)).unwrap().upload(&bytes, &job).unwrap();
    let seen = assert_true(&seen, 8 << 20);
    assert_growing(&seen);
    let inside = seen.iter().filter(|progress| progress.confirmed == 0 && progress.sent > 0).count();
    assert!(inside >= 3, "told {inside} times within a second or more: {seen:?}");
    assert!(seen.len() < 200, "not at every byte");
}

/// What was sent in vain is taken back.
fn progress_through_failures(api: Api) {
    let server = server();
    server.script(Rule::on("PATCH").cut_body(1_000_000, Ending::Rst));
    server.script(Rule::on("PATCH").reply(500));
    let bytes = noise(3_000_000, 17);
    let (job, seen) = watching();
    let done = api.client(&Setup::to(&server)).unwrap().upload(&bytes, &job).unwrap();
    let seen = assert_true(&seen, 3_000_000);
    let confirmed: Vec<_> = seen.iter().map(|progress| progress.confirmed).collect();
    assert!(confirmed.is_sorted(), "{seen:?}");
    assert!(confirmed.contains(&1_000_000), "{seen:?}");
    assert_stored(&server, &done.url, &bytes);
    assert_clean(&server);
}

fn progress_through_a_restart(api: Api) {
    let server = server();
    server.script(Rule::on("PATCH").nth(2).reply(404));
    let (job, seen) = watching();
    api.client(&Setup { chunk: Chunk::Fixed(6), ..Setup::to(&server) }).unwrap().upload(HELLO, &job).unwrap();
    let seen = assert_true(&seen, 11);
    let mut confirmed: Vec<_> = seen.iter().map(|progress| progress.confirmed).collect();
    confirmed.dedup();
    assert!(confirmed == [0, 6, 11] || confirmed == [0, 6, 0, 6, 11], "{confirmed:?}");
}

fn stop_before_anything_is_sent(api: Api) {
    let server = server();
    let error = api.client(&Setup::to(&server)).unwrap().upload(HELLO, &stopping(|_, _| true)).unwrap_err();
    assert_stopped(&error, false);
    assert_told(&server, &[]);
    assert_eq!(server.connections(), 0);
}

fn stop_between_chunks(api: Api) {
    let server = server();
    let client = api.client(&Setup { chunk: Chunk::Fixed(4), ..Setup::to(&server) }).unwrap();
    let error = client.upload(HELLO, &stopping(|progress, _| progress.confirmed == 4)).unwrap_err();
    assert_stopped(&error, true);
    assert_told(&server, &["OPTIONS 204", "POST 11 201", "PATCH 0+4 204"]);
    assert_holds(&server, error.upload_url.as_deref().unwrap(), b"hell");
    assert_resumes(api, &server, &error, HELLO);
}

const BYTES: usize = 24 << 20;

fn slow() -> Server {
    server_with(|options| {
        options.throttle = Some(2 << 20);
        options.receive_buffer = Some(64 << 10);
    })
}

fn stop_during_a_body(api: Api) {
    let server = slow();
    let bytes = noise(2 * BYTES, 18);
    let began = Instant::now();
    let job = stopping(|progress, _| progress.sent > 100_000 && progress.confirmed == 0);
    let error = api.client(&Setup::to(&server)).unwrap().upload(&bytes, &job).unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(12), "half of what the whole would take: {:?}", began.elapsed());
    assert_stopped(&error, true);
    let patch = &server.requests()[2];
    assert!(!patch.complete && patch.status.is_none(), "the body was not sent to its end: {patch:?}");
}

fn stop_during_a_stalled_body(api: Api) {
    let server = server_with(|options| options.receive_buffer = Some(32 << 10));
    server.script(Rule::on("PATCH").hang_after_head());
    let bytes = noise(BYTES, 19);
    // Some calls after the last byte has gone.
    let still = Mutex::new((0, 0));
    let job = stopping(move |progress, _| {
        let mut still = still.lock().unwrap();
        *still = if progress.sent == still.0 { (still.0, still.1 + 1) } else { (progress.sent, 0) };
        progress.sent > 0 && still.1 >= 3
    });
    let began = Instant::now();
    let error = api.client(&Setup::to(&server)).unwrap().upload(&bytes, &job).unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(20), "the limit for stalls is 30 s: {:?}", began.elapsed());
    assert_stopped(&error, true);
    assert_resumes(api, &server, &error, &bytes);
}

fn stop_while_waiting_for_an_answer(api: Api) {
    side_by_side(["POST", "PATCH"], |method| {
        let server = server();
        server.script(Rule::on(method).hang_after_body());
        let began = Instant::now();
        let waited = method == "PATCH";
        let job = stopping(move |progress, calls| if waited { progress.sent == 11 && calls > 4 } else { calls > 4 });
        let error = api.client(&Setup::to(&server)).unwrap().upload(HELLO, &job).unwrap_err();
        assert!(began.elapsed() < Duration::from_secs(20), "the limit for answers is 30 s: {:?}", began.elapsed());
        assert_stopped(&error, waited);
        if waited {
            assert_resumes(api, &server, &error, HELLO);
        }
    });
}

fn stop_during_a_retry_wait(api: Api) {
    let server = server();
    server.script(Rule::on("PATCH").reply(503).header("Retry-After", "1000"));
    let began = Instant::now();
    let error = api.client(&Setup::to(&server)).unwrap().upload(HELLO, &stopping(|_, calls| calls > 5)).unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(500), "{:?}", began.elapsed());
    assert_stopped(&error, true);
    assert_told(&server, &["OPTIONS 204", "POST 11 201", "PATCH 0+11 503"]);
    assert_resumes(api, &server, &error, HELLO);
}

/// A server that dribbles its answer for ever.
fn stop_during_a_long_creation(api: Api) {
    let server = server();
    server.script(Rule::on("POST").drip(1, Duration::from_millis(200)));
    let error = api.client(&Setup::to(&server)).unwrap().upload(HELLO, &stopping(|_, calls| calls > 4)).unwrap_err();
    assert_stopped(&error, false);
}

/// The server has everything: what is done is done, and is not called a failure.
fn stop_at_the_very_end(api: Api) {
    let server = server();
    let job = stopping(|progress, _| progress.confirmed == 11);
    let done = api.client(&Setup::to(&server)).unwrap().upload(HELLO, &job).unwrap();
    assert_eq!(done.state(), (11, Some(11), true));
    assert_stored(&server, &done.url, HELLO);
}
