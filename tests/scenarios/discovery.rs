//! Scenarios 7 to 9: what the server says of itself, says badly, or does not say.

use std::time::Duration;

use tus::error::BrokenRule;
use tus_test_server::{Ending, Extensions, Options, Rule, Server};

use crate::support::api::every_way;
use crate::support::server::{assert_story, assert_told, assert_wire, server, server_with};
use crate::support::{Api, HELLO, Job, Kind, Setup};

every_way! {
    scenario_07_any_answer_to_options_will_do,
    scenario_07_no_answer_to_options_will_do,
    scenario_07_options_that_wants_a_version,
    scenario_07_a_server_not_reached_is_tried_again,
    scenario_07_server_info,
    scenario_07_server_info_of_no_tus_server,
    scenario_07_server_info_is_tried_again,
    scenario_08_max_size,
    scenario_08_max_size_that_has_grown,
    scenario_08_max_size_malformed,
    scenario_08_max_size_told_by_413,
    scenario_09_version_412,
    scenario_09_other_versions_offered,
    scenario_09_another_version_in_an_answer,
}

/// T-005, T-006: only creation and the core are used, and they are.
fn scenario_07_any_answer_to_options_will_do(api: Api) {
    for (rule, status) in [
        (Rule::on("OPTIONS").reply(204).header("Tus-Version", "1.0.0"), 204),
        (Rule::on("OPTIONS").status(200), 200),
        (Rule::on("OPTIONS").without("Tus-Version"), 204),
        (Rule::on("OPTIONS").reply(204), 204),
        (Rule::on("OPTIONS").reply(200).body("<html>hello</html>"), 200),
        (Rule::on("OPTIONS").reply(202), 202),
        (Rule::on("OPTIONS").reply(400), 400),
        (Rule::on("OPTIONS").reply(401), 401),
        (Rule::on("OPTIONS").reply(403), 403),
        (Rule::on("OPTIONS").reply(404).body("not here"), 404),
        (Rule::on("OPTIONS").reply(429).header("Retry-After", "3600"), 429),
        (Rule::on("OPTIONS").reply(500), 500),
        (Rule::on("OPTIONS").reply(503), 503),
        (Rule::on("OPTIONS").reply(301), 301),
        (Rule::on("OPTIONS").reply(304), 304),
    ] {
        let server = server();
        server.script(rule);
        let done = api.upload(&Setup::to(&server), HELLO).unwrap();
        let asked = format!("OPTIONS {status}");
        assert_story(&server, &[&asked, "POST 11 201", "PATCH 0+11 204"], &done.url, HELLO);
    }
}

fn scenario_07_no_answer_to_options_will_do(api: Api) {
    for rule in [
        Rule::on("OPTIONS").hang_after_body(),
        Rule::on("OPTIONS").cut_response(0, Ending::Fin),
        Rule::on("OPTIONS").cut_response(20, Ending::Rst),
        Rule::on("OPTIONS").raw("no HTTP at all"),
        Rule::on("OPTIONS").raw(""),
    ] {
        let server = server();
        server.script(rule);
        let setup = Setup { response: Duration::from_secs(1), ..Setup::to(&server) };
        let done = api.upload(&setup, HELLO).unwrap();
        assert_story(&server, &["OPTIONS -", "POST 11 201", "PATCH 0+11 204"], &done.url, HELLO);
    }
}

/// django-tus wants `Tus-Resumable` everywhere and says 405, others 412.
fn scenario_07_options_that_wants_a_version(api: Api) {
    for status in [405, 412] {
        let server = server_with(|options| options.extensions = Extensions::default());
        server.script(Rule::on("OPTIONS").lacking("Tus-Resumable").reply(status));
        let done = api.upload(&Setup::to(&server), HELLO).unwrap();
        let first = format!("OPTIONS {status}");
        assert_wire(&server, &[&first, "OPTIONS 204", "POST 11 201", "PATCH 0+11 204"]);
        assert!(done.complete);
        let broken: Vec<_> = server.violations().iter().map(|violation| violation.rule).collect();
        assert_eq!(broken, ["T-002"], "only by the second one, which was asked for");
    }
}

/// Without a connection, going on without the answer would not help.
fn scenario_07_a_server_not_reached_is_tried_again(api: Api) {
    let server = server();
    server.stop_listening();
    let error = api.upload(&Setup { retries: 2, ..Setup::to(&server) }, HELLO).unwrap_err();
    assert_eq!(error.gist(), (Kind::Connect, 0, false));
    assert!(error.retryable);
    assert_told(&server, &[]);
}

fn scenario_07_server_info(api: Api) {
    let server = server_with(|options| {
        options.extensions = Options::checked().extensions;
        options.max_size = Some(1 << 40);
        options.expires_after = Some(Duration::from_secs(60));
    });
    let client = api.client(&Setup::to(&server).header("Authorization", "Bearer x")).unwrap();
    let offer = client.server_info().unwrap();
    assert_eq!(offer.versions, ["1.0.0"]);
    assert_eq!(offer.max_size, Some(1 << 40));
    for extension in ["creation", "creation-with-upload", "termination", "checksum", "expiration"] {
        assert!(offer.extensions.iter().any(|have| have == extension), "{extension} in {:?}", offer.extensions);
    }
    assert!(offer.algorithms.iter().any(|have| have == "sha1"), "{:?}", offer.algorithms);
    assert_eq!(client.server_info().unwrap(), offer);
    assert_told(&server, &["OPTIONS 204"]);
    assert_eq!(server.requests()[0].header("Authorization"), Some("Bearer x"));

    client.upload(HELLO, &Job::default()).unwrap();
    assert_told(&server, &["OPTIONS 204", "POST 11 201", "PATCH 0+11 204"]);
}

fn scenario_07_server_info_of_no_tus_server(api: Api) {
    let server = server();
    server.script(Rule::on("OPTIONS").times(2).reply(200).without("Tus-Resumable").body("<html>welcome</html>"));
    let client = api.client(&Setup::to(&server)).unwrap();
    client.server_info().unwrap_err().assert_broke(BrokenRule::NotTus);
    server.script(Rule::on("OPTIONS").reply(404));
    let error = client.server_info().unwrap_err();
    assert_eq!(error.gist(), (Kind::HttpStatus, 404, false));
    // A failure is not kept.
    assert_eq!(client.server_info().unwrap().versions, ["1.0.0"]);
    // The second time with the version: some servers tell only those who name it.
    assert_wire(&server, &["OPTIONS 200", "OPTIONS 200", "OPTIONS 404", "OPTIONS 204"]);
}

fn scenario_07_server_info_is_tried_again(api: Api) {
    let server = server();
    server.script(Rule::on("OPTIONS").reply(503));
    server.script(Rule::on("OPTIONS").cut_response(5, Ending::Rst));
    let client = api.client(&Setup::to(&server)).unwrap();
    assert_eq!(client.server_info().unwrap().versions, ["1.0.0"]);
    assert_told(&server, &["OPTIONS 503", "OPTIONS -", "OPTIONS 204"]);
    server.script(Rule::on("OPTIONS").forever().reply(500));
    let error = api.client(&Setup { retries: 2, ..Setup::to(&server) }).unwrap().server_info().unwrap_err();
    assert_eq!(error.gist(), (Kind::HttpStatus, 500, false));
    assert_eq!(server.requests().len(), 6);
}

fn scenario_08_max_size(api: Api) {
    let server = server_with(|options| options.max_size = Some(10));
    let error = api.upload(&Setup::to(&server), HELLO).unwrap_err();
    assert_eq!((error.kind, error.retryable, error.upload_url), (Kind::TooLarge, false, None));
    assert!(error.message.contains("10") && error.message.contains("11"), "{}", error.message);
    assert_told(&server, &["OPTIONS 204"]);
    let done = api.upload(&Setup::to(&server), &HELLO[..10]).unwrap();
    assert_eq!(done.state(), (10, Some(10), true));
}

/// A failure that rests on what the server has said makes the next operation ask again.
fn scenario_08_max_size_that_has_grown(api: Api) {
    let server = server();
    server.script(Rule::on("OPTIONS").header("Tus-Max-Size", "10"));
    let client = api.client(&Setup::to(&server)).unwrap();
    assert_eq!(client.upload(HELLO, &Job::default()).unwrap_err().kind, Kind::TooLarge);
    let done = client.upload(HELLO, &Job::default()).unwrap();
    client.upload(HELLO, &Job::default()).unwrap();
    let story = ["OPTIONS 204", "OPTIONS 204", "POST 11 201", "PATCH 0+11 204", "POST 11 201", "PATCH 0+11 204"];
    assert_story(&server, &story, &done.url, HELLO);
}

fn scenario_08_max_size_malformed(api: Api) {
    for junk in ["abc", "-1", "", "1.5", "0x5", "99999999999999999999999"] {
        let server = server();
        server.script(Rule::on("OPTIONS").header("Tus-Max-Size", junk));
        let done = api.upload(&Setup::to(&server), HELLO).unwrap();
        assert_story(&server, &["OPTIONS 204", "POST 11 201", "PATCH 0+11 204"], &done.url, HELLO);
    }
}

fn scenario_08_max_size_told_by_413(api: Api) {
    let server = server();
    server.script(Rule::on("POST").reply(413).header("Tus-Max-Size", "10").body("at most ten bytes"));
    let error = api.upload(&Setup::to(&server), HELLO).unwrap_err();
    assert_eq!(error.gist(), (Kind::TooLarge, 413, false));
    error.assert_says("at most ten bytes");
    assert_eq!(error.body, b"at most ten bytes");
    assert_told(&server, &["OPTIONS 204", "POST 11 413"]);
}

fn scenario_09_version_412(api: Api) {
    let answers = [
        (Rule::on("POST").reply(412).header("Tus-Version", "0.2.2,2.0.0"), "0.2.2,2.0.0"),
        (Rule::on("POST").reply(412), "1.0.0"),
    ];
    for (rule, said) in answers {
        let server = server();
        server.script(rule);
        let error = api.upload(&Setup::to(&server), HELLO).unwrap_err();
        assert_eq!(error.gist(), (Kind::Version, 412, false));
        error.assert_says(said);
        assert!(!error.retryable);
        assert_told(&server, &["OPTIONS 204", "POST 11 412"]);
    }
    for method in ["HEAD", "PATCH"] {
        let server = server();
        let url = server.seed(Some(11), b"hello").unwrap();
        server.script(Rule::on(method).reply(412));
        let error = api.resume(&Setup::to(&server), HELLO, &url).unwrap_err();
        assert_eq!(error.gist(), (Kind::Version, 412, true));
        let story: &[_] = if method == "HEAD" { &["HEAD 412"] } else { &["HEAD 200", "PATCH 5+6 412"] };
        assert_told(&server, story);
    }
}

fn scenario_09_other_versions_offered(api: Api) {
    let refused = |versions: &str| -> (Server, Result<_, _>) {
        let server = server();
        server.script(Rule::on("OPTIONS").header("Tus-Version", versions));
        let result = api.upload(&Setup::to(&server), HELLO);
        (server, result)
    };
    let (server, result) = refused("0.2.2,2.0.0");
    let error = result.unwrap_err();
    assert_eq!((error.kind, error.upload_url), (Kind::Version, None));
    assert_told(&server, &["OPTIONS 204"]);
    for good in ["1.0.0,0.2.2", "0.2.2, 1.0.0", "0.2.2 ,1.0.0 "] {
        let (server, result) = refused(good);
        assert_story(&server, &["OPTIONS 204", "POST 11 201", "PATCH 0+11 204"], &result.unwrap().url, HELLO);
    }
}

/// T-003: absent is a proxy's doing, another value is another protocol.
fn scenario_09_another_version_in_an_answer(api: Api) {
    for (method, story) in
        [("POST", &["OPTIONS 204", "POST 11 201"][..]), ("PATCH", &["OPTIONS 204", "POST 11 201", "PATCH 0+11 204"])]
    {
        let server = server();
        server.script(Rule::on(method).header("Tus-Resumable", "0.2.2"));
        let error = api.upload(&Setup::to(&server), HELLO).unwrap_err();
        assert_eq!(error.kind, Kind::Version, "{error:?}");
        assert_told(&server, story);
    }
    let server = server();
    for method in ["POST", "PATCH"] {
        server.script(Rule::on(method).without("Tus-Resumable"));
    }
    let done = api.upload(&Setup::to(&server), HELLO).unwrap();
    assert_story(&server, &["OPTIONS 204", "POST 11 201", "PATCH 0+11 204"], &done.url, HELLO);
}
