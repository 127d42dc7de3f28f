//! Scenarios 49 to 51: servers that say nothing more, in each of the places where they can (T-029).

use std::time::{Duration, Instant};

use tus::error::TimeLimit;
use tus::transport::Timeouts;
use tus_test_server::Rule;

use crate::support::api::every_way;
use crate::support::server::{assert_story, assert_told, server, server_with};
use crate::support::{Api, Folder, HELLO, Job, Kind, Setup, noise, side_by_side};

every_way! {
    scenario_49_half_open,
    scenario_49_half_open_for_ever,
    scenario_49_slow_is_not_dead,
    scenario_50_slow_loris,
    scenario_50_slow_loris_for_ever,
    scenario_50_slow_loris_in_the_body,
    scenario_51_hang_after_body,
    scenario_51_hang_after_each_request,
    scenario_51_hang_for_ever,
    scenario_51_slow_answers_are_waited_for,
    scenario_51_an_upload_has_limits_of_its_own,
    scenario_51_an_uploads_own_limits_may_be_longer,
}

const SHORT: Duration = Duration::from_millis(700);

/// More than the kernel takes for a server that does not read, on any machine.
const MORE_THAN_BUFFERS: usize = 24 << 20;

/// The server takes the head and reads no byte of the body.
fn scenario_49_half_open(api: Api) {
    let bytes = noise(MORE_THAN_BUFFERS, 12);
    let folder = Folder::new();
    let path = folder.file("data", &bytes);
    side_by_side([true, false], |from_file| {
        let server = server_with(|options| options.receive_buffer = Some(32 << 10));
        server.script(Rule::on("PATCH").hang_after_head());
        let client = api.client(&Setup { stall: SHORT, ..Setup::to(&server) }).unwrap();
        let began = Instant::now();
        let done = match from_file {
            true => client.upload(&path, &Job::default()),
            false => client.upload(&bytes, &Job::default()),
        };
        let done = done.unwrap();
        assert!(began.elapsed() >= SHORT);
        let (post, patch) = (format!("POST {MORE_THAN_BUFFERS} 201"), format!("PATCH 0+{MORE_THAN_BUFFERS}"));
        let story = ["OPTIONS 204", &post, &format!("{patch} -"), "HEAD 200", &format!("{patch} 204")];
        assert_story(&server, &story, &done.url, &bytes);
        let connections: Vec<_> = server.requests().iter().map(|request| request.connection).collect();
        assert_eq!(connections[..3], [1, 1, 1]);
        assert!(connections[3..].iter().all(|connection| *connection > 1), "never again: {connections:?}");
    });
}

fn scenario_49_half_open_for_ever(api: Api) {
    let server = server_with(|options| options.receive_buffer = Some(32 << 10));
    server.script(Rule::on("PATCH").forever().hang_after_head());
    let setup = Setup { stall: SHORT, retries: 1, ..Setup::to(&server) };
    let error = api.upload(&setup, &noise(MORE_THAN_BUFFERS, 13)).unwrap_err();
    error.assert_timeout(TimeLimit::Stall);
    assert_eq!((error.retryable, error.upload_url.is_some()), (true, true));
    let (post, patch) = (format!("POST {MORE_THAN_BUFFERS} 201"), format!("PATCH 0+{MORE_THAN_BUFFERS} -"));
    assert_told(&server, &["OPTIONS 204", &post, &patch, "HEAD 200", &patch]);
}

/// A link on which something moves, now and then, is alive, however long the whole takes.
fn scenario_49_slow_is_not_dead(api: Api) {
    let server = server_with(|options| {
        options.receive_buffer = Some(32 << 10);
        options.throttle = Some(4 << 20);
    });
    let bytes = noise(8 << 20, 14);
    let setup = Setup { stall: Duration::from_millis(1500), response: Duration::from_secs(20), ..Setup::to(&server) };
    let began = Instant::now();
    let done = api.upload(&setup, &bytes).unwrap();
    assert!(began.elapsed() > Duration::from_millis(1700), "the test must be slower than the limit it tests");
    assert_story(&server, &["OPTIONS 204", "POST 8388608 201", "PATCH 0+8388608 204"], &done.url, &bytes);
}

/// A byte now and then is not an answer: the whole head has one limit.
fn scenario_50_slow_loris(api: Api) {
    side_by_side(["POST", "HEAD", "PATCH"], |method| {
        let server = server();
        let url = server.seed(Some(11), b"hello").unwrap();
        server.script(Rule::on(method).drip(1, Duration::from_millis(50)));
        let setup = Setup { response: SHORT, query_server: false, ..Setup::to(&server) };
        let began = Instant::now();
        match method {
            "POST" => drop(api.upload(&setup, HELLO).unwrap()),
            _ => drop(api.resume(&setup, HELLO, &url).unwrap()),
        }
        assert!(began.elapsed() >= SHORT, "{method}");
        let shown: Vec<_> = server.requests().iter().map(|request| request.method.clone()).collect();
        let story: &[_] = match method {
            "POST" => &["POST", "POST", "PATCH"],
            "HEAD" => &["HEAD", "HEAD", "PATCH"],
            _ => &["HEAD", "PATCH", "HEAD"],
        };
        assert_eq!(shown, story);
        assert_eq!(server.pending_rules(), 0);
    });
}

fn scenario_50_slow_loris_for_ever(api: Api) {
    let server = server();
    server.script(Rule::on("POST").forever().drip(1, Duration::from_millis(50)));
    let setup = Setup { response: SHORT, retries: 1, query_server: false, ..Setup::to(&server) };
    let error = api.upload(&setup, HELLO).unwrap_err();
    error.assert_timeout(TimeLimit::Response);
    assert_eq!(server.requests().len(), 2);
}

/// The head came: what the answer says is known, and the page that drips behind it is not worth the time.
fn scenario_50_slow_loris_in_the_body(api: Api) {
    let server = server();
    server.script(Rule::on("PATCH").reply(403).body("x".repeat(2_000)).drip(40, Duration::from_millis(100)));
    let setup = Setup { response: SHORT, stall: SHORT, retries: 0, ..Setup::to(&server) };
    let error = api.upload(&setup, HELLO).unwrap_err();
    assert_eq!((error.kind, error.upload_url.is_some()), (Kind::HttpStatus, true), "{error:?}");
    assert_eq!(error.status, 403);
}

fn scenario_51_hang_after_body(api: Api) {
    let server = server();
    server.script(Rule::on("PATCH").hang_after_body());
    let began = Instant::now();
    let done = api.upload(&Setup { response: SHORT, ..Setup::to(&server) }, HELLO).unwrap();
    assert!(began.elapsed() >= SHORT);
    assert_eq!(done.stats.sent, 11, "nothing is sent twice");
    assert_story(&server, &["OPTIONS 204", "POST 11 201", "PATCH 0+11 -", "HEAD 200"], &done.url, HELLO);
}

fn scenario_51_hang_after_each_request(api: Api) {
    side_by_side(["OPTIONS", "POST", "HEAD", "DELETE"], |method| {
        let server = server();
        let url = server.seed(Some(11), b"hello").unwrap();
        server.script(Rule::on(method).hang_after_body());
        let client = api.client(&Setup { response: SHORT, ..Setup::to(&server) }).unwrap();
        client.server_info().unwrap();
        client.upload(HELLO, &Job::default()).unwrap();
        client.resume(HELLO, &url, &Job::default()).unwrap();
        client.delete(&url).unwrap();
        // The DELETE that hung has deleted it all the same.
        let deleted = if method == "DELETE" { "DELETE 410" } else { "DELETE 204" };
        let mut story = Vec::new();
        for line in ["OPTIONS 204", "POST 11 201", "PATCH 0+11 204", "HEAD 200", "PATCH 5+6 204", deleted] {
            if line.starts_with(method) {
                let (request, _) = line.rsplit_once(' ').unwrap();
                story.push(format!("{request} -"));
            }
            story.push(line.to_owned());
        }
        if method == "DELETE" {
            // Another one may have been meant (T-110).
            story.push("HEAD 410".to_owned());
        }
        let story: Vec<_> = story.iter().map(String::as_str).collect();
        assert_told(&server, &story);
    });
}

fn scenario_51_hang_for_ever(api: Api) {
    let server = server();
    let url = server.seed(Some(11), b"hello").unwrap();
    server.script(Rule::on("HEAD").forever().hang_after_head());
    let setup = Setup { response: SHORT, retries: 1, ..Setup::to(&server) };
    let error = api.resume(&setup, HELLO, &url).unwrap_err();
    error.assert_timeout(TimeLimit::Response);
    assert_eq!((error.retryable, error.upload_url.as_deref()), (true, Some(url.as_str())));
    assert_told(&server, &["HEAD -", "HEAD -"]);
    let connections: Vec<_> = server.requests().iter().map(|request| request.connection).collect();
    assert_eq!(connections, [1, 2], "a connection is not used after a time-out");
}

/// The limit of a stall is not that of an answer.
fn scenario_51_slow_answers_are_waited_for(api: Api) {
    let server = server();
    server.script(Rule::on("PATCH").delay_answer(Duration::from_millis(1500)));
    let setup = Setup { stall: Duration::from_millis(500), ..Setup::to(&server) };
    let done = api.upload(&setup, HELLO).unwrap();
    assert_story(&server, &["OPTIONS 204", "POST 11 201", "PATCH 0+11 204"], &done.url, HELLO);
}

/// Longer than any test.
const LONG: Duration = Duration::from_secs(3600);

/// D18: the client would wait for ever.
fn scenario_51_an_upload_has_limits_of_its_own(api: Api) {
    let short = |response, stall| Job { timeouts: Some(Timeouts { connect: LONG, response, stall }), ..Job::default() };
    side_by_side(["POST", "PATCH", "HEAD", "stall"], |what| {
        let server = server_with(|options| options.receive_buffer = Some(32 << 10));
        let url = server.seed(Some(11), b"hello").unwrap();
        let method = if what == "stall" { "PATCH" } else { what };
        server.script(Rule::on(method).forever().hang_after_head());
        let patient = Setup { connect: LONG, response: LONG, stall: LONG, retries: 0, ..Setup::to(&server) };
        let client = api.client(&patient).unwrap();
        let ended = match what {
            "HEAD" => client.resume(HELLO, &url, &short(SHORT, LONG)),
            "stall" => client.upload(&noise(MORE_THAN_BUFFERS, 15), &short(LONG, SHORT)),
            _ => client.upload(HELLO, &short(SHORT, LONG)),
        };
        match what {
            "stall" => ended.unwrap_err().assert_timeout(TimeLimit::Stall),
            _ => ended.unwrap_err().assert_timeout(TimeLimit::Response),
        }
    });
}

/// And the client, or another upload of it, would not.
fn scenario_51_an_uploads_own_limits_may_be_longer(api: Api) {
    let server = server();
    let client = api.client(&Setup { response: SHORT, stall: SHORT, retries: 0, ..Setup::to(&server) }).unwrap();
    let own = Timeouts { connect: LONG, response: LONG, stall: LONG };
    server.script(Rule::on("PATCH").delay_answer(2 * SHORT));
    let done = client.upload(HELLO, &Job { timeouts: Some(own), ..Job::default() }).unwrap();
    assert_story(&server, &["OPTIONS 204", "POST 11 201", "PATCH 0+11 204"], &done.url, HELLO);
    server.script(Rule::on("PATCH").delay_answer(2 * SHORT));
    client.upload(HELLO, &Job::default()).unwrap_err().assert_timeout(TimeLimit::Response);
}
