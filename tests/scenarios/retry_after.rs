//! Scenario 34: servers that say when to come back (T-140).

use std::sync::Arc;
use std::time::{Duration, Instant};

use tus_test_server::Rule;

use crate::support::api::every_way;
use crate::support::server::{assert_clean, assert_story, assert_told, server};
use crate::support::waits::{assert_doubling, impatient, unhurried};
use crate::support::{Api, HELLO, Kind, Setup};

every_way! {
    scenario_34_retry_after_in_seconds,
    scenario_34_retry_after_as_a_date,
    scenario_34_retry_after_malformed,
    scenario_34_retry_after_is_waited_for,
    scenario_34_retry_after_too_long,
    scenario_34_retry_after_beyond_the_deadline,
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
        // Whoever would wait is not asked: so the test ends even if the library would.
        let setup = Setup { should_retry: Some(Arc::new(|_, _, _| Err(1))), ..Setup::to(&server) };
        let error = api.upload(&setup, HELLO).unwrap_err();
        assert_eq!((error.gist(), error.code), ((Kind::HttpStatus, 503, true), 0), "{long}");
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
    assert_eq!(error.gist(), (Kind::Timeout, 503, true));
    error.assert_says("deadline");
    assert_told(&server, &["OPTIONS 204", "POST 11 201", "PATCH 0+11 503"]);
}
