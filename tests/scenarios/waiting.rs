//! Scenarios 33 to 35: servers that ask for time, in numbers, in dates, or not at all (T-034, T-140, T-141).

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tus_test_server::{Rule, Server};

use crate::support::api::both;
use crate::support::server::{assert_clean, assert_story, assert_told, lines, server};
use crate::support::{Api, Chunk, HELLO, Kind, Setup};

both! {
    scenario_33_locked_then_ok,
    scenario_33_locked_for_ever,
    scenario_33_lock_told_by_500,
    scenario_34_retry_after_in_seconds,
    scenario_34_retry_after_as_a_date,
    scenario_34_retry_after_malformed,
    scenario_34_retry_after_is_waited_for,
    scenario_34_retry_after_too_long,
    scenario_34_retry_after_beyond_the_deadline,
    scenario_35_unavailable_then_ok,
    scenario_35_broken_for_ever,
    scenario_35_gateways_with_pages,
    scenario_35_delays_grow,
    scenario_35_progress_restores_the_budget,
    scenario_35_no_retries,
}

/// What `should_retry` was told: the number of the retry and the delay.
type Waits = Arc<Mutex<Vec<(u32, Duration)>>>;

/// Writes the waits down and waits for none of them.
fn impatient(setup: Setup) -> (Setup, Waits) {
    let waits = Waits::default();
    let seen = Arc::clone(&waits);
    let hook = move |_: &_, attempt, delay| {
        seen.lock().unwrap().push((attempt, delay));
        Ok(Duration::ZERO)
    };
    (Setup { should_retry: Some(Arc::new(hook)), ..setup }, waits)
}

/// With the library's own pace: 1, 2, 4, … s, each between its half and its whole.
fn unhurried(server: &Server) -> Setup {
    Setup { base_delay: Duration::from_secs(1), max_delay: Duration::from_secs(60), ..Setup::to(server) }
}

#[track_caller]
fn assert_doubling(waits: &Waits, count: u32) {
    let waits = waits.lock().unwrap();
    assert_eq!(waits.len(), count as usize, "{waits:?}");
    for (at, (attempt, delay)) in waits.iter().enumerate() {
        let full = Duration::from_secs(1 << at);
        assert_eq!(*attempt, at as u32 + 1);
        assert!((full / 2..=full).contains(delay), "{waits:?}");
    }
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

/// The wait that `Retry-After` asks for, on each of the verbs.
#[track_caller]
fn asked(api: Api, status: u32, headers: &[(&str, &str)]) -> Duration {
    let mut delays = Vec::new();
    for method in ["POST", "HEAD", "PATCH"] {
        let server = server();
        let url = server.seed(Some(11), b"hello").unwrap();
        let rule = Rule::on(method).reply(status);
        server.script(headers.iter().fold(rule, |rule, (name, value)| rule.header(name, value)));
        let (setup, waits) = impatient(unhurried(&server));
        match method {
            "POST" => api.upload(&setup, HELLO).unwrap(),
            _ => api.resume(&setup, HELLO, &url).unwrap(),
        };
        assert_clean(&server);
        delays.extend(waits.lock().unwrap().iter().map(|(_, delay)| *delay));
    }
    assert_eq!(delays.len(), 3, "{delays:?}");
    assert!(delays.iter().all(|delay| *delay == delays[0]), "{delays:?}");
    delays[0]
}

fn scenario_34_retry_after_in_seconds(api: Api) {
    for status in [408, 425, 429, 500, 502, 503, 504, 507, 423] {
        assert_eq!(asked(api, status, &[("Retry-After", "7")]), Duration::from_secs(7), "{status}");
    }
    assert_eq!(asked(api, 503, &[("Retry-After", "0")]), Duration::ZERO);
    assert_eq!(asked(api, 503, &[("Retry-After", "3600")]), Duration::from_secs(3600));
}

/// Seen from the server's own clock, whatever ours says.
fn scenario_34_retry_after_as_a_date(api: Api) {
    let date = ("Date", "Sun, 06 Nov 1994 08:49:37 GMT");
    for later in ["Sun, 06 Nov 1994 08:51:07 GMT", "Sunday, 06-Nov-94 08:51:07 GMT", "Sun Nov  6 08:51:07 1994"] {
        assert_eq!(asked(api, 503, &[date, ("Retry-After", later)]), Duration::from_secs(90), "{later}");
    }
    let past = ("Retry-After", "Sun, 06 Nov 1994 08:49:36 GMT");
    assert_eq!(asked(api, 503, &[date, past]), Duration::ZERO);
    assert_eq!(asked(api, 429, &[past]), Duration::ZERO, "by our own clock");
}

fn scenario_34_retry_after_malformed(api: Api) {
    for junk in ["soon", "-7", "7.5", "7 s", "0x7", "", "Sun, 32 Nov 1994 08:49:37 GMT"] {
        let server = server();
        server.script(Rule::on("PATCH").reply(503).header("Retry-After", junk));
        let (setup, waits) = impatient(unhurried(&server));
        api.upload(&setup, HELLO).unwrap();
        assert_doubling(&waits, 1);
    }
}

fn scenario_34_retry_after_is_waited_for(api: Api) {
    let server = server();
    server.script(Rule::on("PATCH").reply(429).header("Retry-After", "1"));
    let began = Instant::now();
    let done = api.upload(&Setup::to(&server), HELLO).unwrap();
    assert!(began.elapsed() >= Duration::from_secs(1));
    let requests = server.requests();
    assert!(requests[3].at - requests[2].at >= Duration::from_secs(1), "before anything else is asked");
    let story = ["OPTIONS 204", "POST 11 201", "PATCH 0+11 429", "HEAD 200", "PATCH 0+11 204"];
    assert_story(&server, &story, &done.url, HELLO);
}

fn scenario_34_retry_after_too_long(api: Api) {
    for long in ["3601", "1000000000000", "99999999999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"] {
        let server = server();
        server.script(Rule::on("PATCH").reply(503).header("Retry-After", long));
        let error = api.upload(&Setup::to(&server), HELLO).unwrap_err();
        assert_eq!(error.gist(), (Kind::HttpStatus, 503, true), "{long}");
        assert!(error.retryable);
        error.assert_says("3600");
        assert_told(&server, &["OPTIONS 204", "POST 11 201", "PATCH 0+11 503"]);
    }
}

fn scenario_34_retry_after_beyond_the_deadline(api: Api) {
    let server = server();
    server.script(Rule::on("PATCH").reply(503).header("Retry-After", "1000"));
    let setup = Setup { total: Some(Duration::from_secs(900)), ..Setup::to(&server) };
    let error = api.upload(&setup, HELLO).unwrap_err();
    assert_eq!(error.gist(), (Kind::HttpStatus, 503, true));
    error.assert_says("deadline");
    assert_told(&server, &["OPTIONS 204", "POST 11 201", "PATCH 0+11 503"]);
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
        server.script(Rule::on("PATCH").times(2).reply(status).body(page.clone()));
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
