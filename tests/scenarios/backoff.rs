//! Scenario 35: servers that fail for a while, or for good (T-034, T-141).

use std::sync::Arc;
use std::time::Duration;

use tus_test_server::Rule;

use crate::support::api::every_way;
use crate::support::server::{assert_story, assert_told, lines, server};
use crate::support::waits::{assert_doubling, impatient, unhurried};
use crate::support::{Api, Chunk, HELLO, Kind, Setup};

every_way! {
    scenario_35_unavailable_then_ok,
    scenario_35_broken_for_ever,
    scenario_35_gateways_with_pages,
    scenario_35_delays_grow,
    scenario_35_progress_restores_the_budget,
    scenario_35_no_retries,
}

fn scenario_35_unavailable_then_ok(api: Api) {
    let server = server();
    for method in ["POST", "PATCH", "HEAD"] {
        server.script(Rule::on(method).times(2).reply(503));
    }
    let done = api.upload(&Setup { retries: 4, ..Setup::to(&server) }, HELLO);
    // Six failures in a row without progress, with four to forgive.
    let error = done.unwrap_err();
    assert_eq!(error.gist(), (Kind::HttpStatus, 503, true));
    assert_eq!(
        lines(&server)[1..],
        ["POST 11 503", "POST 11 503", "POST 11 201", "PATCH 0+11 503", "HEAD 503", "HEAD 503"]
    );

    let server = self::server();
    for method in ["POST", "PATCH", "HEAD"] {
        server.script(Rule::on(method).times(2).reply(503));
    }
    let done = api.upload(&Setup { retries: 6, ..Setup::to(&server) }, HELLO).unwrap();
    let story = [
        "OPTIONS 204",
        "POST 11 503",
        "POST 11 503",
        "POST 11 201",
        "PATCH 0+11 503",
        "HEAD 503",
        "HEAD 503",
        "HEAD 200",
        "PATCH 0+11 503",
        "HEAD 200",
        "PATCH 0+11 204",
    ];
    assert_story(&server, &story, &done.url, HELLO);
}

fn scenario_35_broken_for_ever(api: Api) {
    let server = server();
    server.script(Rule::on("PATCH").forever().reply(500).body("disk full"));
    let error = api.upload(&Setup { retries: 3, ..Setup::to(&server) }, HELLO).unwrap_err();
    assert_eq!(error.gist(), (Kind::HttpStatus, 500, true));
    error.assert_says("disk full");
    let mut story = vec!["OPTIONS 204", "POST 11 201", "PATCH 0+11 500"];
    story.extend(["HEAD 200", "PATCH 0+11 500"].repeat(3));
    assert_told(&server, &story);
}

/// An error page is kept for whoever asks, and not put into the message.
fn scenario_35_gateways_with_pages(api: Api) {
    for status in [502, 504] {
        let server = server();
        let page = "<html><head><title>Bad Gateway</title></head></html>".repeat(3000);
        let gateway = Rule::on("PATCH").times(2).reply(status).without("Tus-Resumable");
        server.script(gateway.body(page.clone()));
        let error = api.upload(&Setup { retries: 0, ..Setup::to(&server) }, HELLO).unwrap_err();
        assert_eq!(error.gist(), (Kind::HttpStatus, u16::try_from(status).unwrap(), true));
        assert!(!error.message.contains("html"), "{}", error.message);
        assert_eq!(error.body.len(), 64 * 1024, "an error page is read in part");
        assert!(page.as_bytes().starts_with(&error.body));
        let url = error.upload_url.unwrap();
        let done = api.resume(&Setup::to(&server), HELLO, &url).unwrap();
        let refused = format!("PATCH 0+11 {status}");
        let story = ["OPTIONS 204", "POST 11 201", &refused, "HEAD 200", &refused, "HEAD 200", "PATCH 0+11 204"];
        assert_story(&server, &story, &done.url, HELLO);
    }
}

fn scenario_35_delays_grow(api: Api) {
    let server = server();
    server.script(Rule::on("PATCH").forever().reply(500));
    let (setup, waits) = impatient(Setup { retries: 5, ..unhurried(&server) });
    api.upload(&setup, HELLO).unwrap_err();
    assert_doubling(&waits, 5);

    // Up to the longest, and no further.
    let (setup, waits) = impatient(Setup { retries: 9, max_delay: Duration::from_secs(3), ..unhurried(&server) });
    api.upload(&setup, HELLO).unwrap_err();
    let waits = waits.lock().unwrap();
    assert_eq!(waits.len(), 9);
    assert!(waits[2..].iter().all(|(_, delay)| (1500..=3000).contains(&delay.as_millis())), "{waits:?}");
}

/// T-034: only progress does.
fn scenario_35_progress_restores_the_budget(api: Api) {
    let flaky = Arc::new(server());
    let other = Arc::clone(&flaky);
    let setup = Setup {
        retries: 1,
        chunk: Chunk::Fixed(4),
        before_request: Some(Arc::new(move |request| {
            // Every PATCH that follows progress fails.
            let count = other.requests().iter().filter(|request| request.method == "PATCH").count();
            if request.method() == "PATCH" && count % 2 == 0 {
                other.script(Rule::on("PATCH").reply(500));
            }
            0
        })),
        ..Setup::to(&flaky)
    };
    let done = api.upload(&setup, HELLO).unwrap();
    assert_eq!(done.stats.retries, 3);
    let story = [
        "OPTIONS 204",
        "POST 11 201",
        "PATCH 0+4 500",
        "HEAD 200",
        "PATCH 0+4 204",
        "PATCH 4+4 500",
        "HEAD 200",
        "PATCH 4+4 204",
        "PATCH 8+3 500",
        "HEAD 200",
        "PATCH 8+3 204",
    ];
    assert_story(&flaky, &story, &done.url, HELLO);
}

fn scenario_35_no_retries(api: Api) {
    let server = server();
    server.script(Rule::on("POST").reply(500));
    let error = api.upload(&Setup { retries: 0, ..Setup::to(&server) }, HELLO).unwrap_err();
    assert_eq!(error.gist(), (Kind::HttpStatus, 500, false));
    assert!(error.retryable);
    assert_told(&server, &["OPTIONS 204", "POST 11 500"]);
}
