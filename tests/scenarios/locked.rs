//! Scenario 33: uploads that another request has locked.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tus_test_server::Rule;

use crate::support::api::every_way;
use crate::support::server::{assert_story, assert_told, server};
use crate::support::waits::{Waits, assert_doubling, impatient, unhurried};
use crate::support::{Api, HELLO, Kind, Setup};

every_way! {
    scenario_33_locked_then_ok,
    scenario_33_locked_for_ever,
    scenario_33_lock_told_by_500,
}

fn scenario_33_locked_then_ok(api: Api) {
    let server = server();
    server.script(Rule::on("PATCH").times(3).reply(423));
    let (setup, waits) = impatient(Setup { retries: 0, ..unhurried(&server) });
    let done = api.upload(&setup, HELLO).unwrap();
    assert_doubling(&waits, 3);
    let mut story = vec!["OPTIONS 204", "POST 11 201"];
    story.extend(["PATCH 0+11 423", "HEAD 200"].repeat(3));
    story.push("PATCH 0+11 204");
    assert_story(&server, &story, &done.url, HELLO);
    assert_eq!(done.stats.retries, 3);

    // HEAD may be locked as well, and so may the creation.
    server.clear_log();
    server.script(Rule::on("HEAD").times(2).reply(423));
    let url = server.seed(Some(11), b"hello").unwrap();
    api.resume(&setup, HELLO, &url).unwrap();
    assert_story(&server, &["HEAD 423", "HEAD 423", "HEAD 200", "PATCH 5+6 204"], &url, HELLO);
    server.clear_log();
    server.script(Rule::on("POST").reply(423));
    let done = api.upload(&setup, HELLO).unwrap();
    assert_story(&server, &["OPTIONS 204", "POST 11 423", "POST 11 201", "PATCH 0+11 204"], &done.url, HELLO);
}

/// The lock has a budget of time, not of tries.
fn scenario_33_locked_for_ever(api: Api) {
    let server = server();
    server.script(Rule::on("PATCH").forever().reply(423));
    let budget = Duration::from_secs(1);
    let began = Instant::now();
    let error = api.upload(&Setup { retries: 0, lock_budget: budget, ..Setup::to(&server) }, HELLO).unwrap_err();
    assert_eq!(error.gist(), (Kind::Locked, 423, true));
    assert!(error.retryable);
    // With pauses of 10 to 20 ms the last one begins at most so long before the end.
    assert!(began.elapsed() >= budget - Duration::from_millis(20), "{:?}", began.elapsed());
    let patches = server.requests().iter().filter(|request| request.method == "PATCH").count();
    assert!(patches > 5, "more than the tries of a failure: {patches}");

    // It may be released at any moment: pauses grow to ten seconds and no further.
    server.clear_log();
    let waits = Waits::default();
    let seen = Arc::clone(&waits);
    let hook = move |_: &_, attempt, delay| {
        seen.lock().unwrap().push((attempt, delay));
        if attempt == 9 { Err(3) } else { Ok(Duration::ZERO) }
    };
    let setup = Setup { should_retry: Some(Arc::new(hook)), ..unhurried(&server) };
    let error = api.upload(&setup, HELLO).unwrap_err();
    assert_eq!((error.kind, error.code), (Kind::Locked, 3));
    let waits = waits.lock().unwrap();
    for (at, (_, delay)) in waits.iter().enumerate() {
        let full = Duration::from_secs(1 << at.min(6));
        assert!((full / 2..=full).contains(delay) || *delay == Duration::from_secs(10), "{waits:?}");
        assert!(*delay <= Duration::from_secs(10), "{waits:?}");
    }

    // No budget, no wait.
    server.clear_log();
    let error = api.upload(&Setup { lock_budget: Duration::ZERO, ..Setup::to(&server) }, HELLO).unwrap_err();
    assert_eq!(error.kind, Kind::Locked);
    assert_told(&server, &["OPTIONS 204", "POST 11 201", "PATCH 0+11 423"]);
}

/// tusd and @tus/server.
fn scenario_33_lock_told_by_500(api: Api) {
    for body in ["ERR_LOCK_TIMEOUT: failed to acquire lock before timeout\n", "failed to acquire lock before timeout"] {
        let server = server();
        server.script(Rule::on("PATCH").times(2).reply(500).body(body));
        let done = api.upload(&Setup { retries: 0, ..Setup::to(&server) }, HELLO).unwrap();
        let mut story = vec!["OPTIONS 204", "POST 11 201"];
        story.extend(["PATCH 0+11 500", "HEAD 200"].repeat(2));
        story.push("PATCH 0+11 204");
        assert_story(&server, &story, &done.url, HELLO);
    }
}
