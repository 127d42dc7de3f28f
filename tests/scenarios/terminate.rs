//! Scenario 17: uploads that are deleted.

use std::time::{Duration, Instant};

use tus_test_server::{Ending, Extensions, Rule};

use crate::support::api::every_way;
use crate::support::server::{assert_told, server, server_with};
use crate::support::{Api, HELLO, Kind, Setup};

every_way! {
    scenario_17_terminate,
    scenario_17_already_gone,
    scenario_17_still_there,
    scenario_17_locked_for_a_while,
    scenario_17_tried_again,
    scenario_17_refused,
    scenario_17_not_offered,
    scenario_17_without_an_endpoint,
}

fn scenario_17_terminate(api: Api) {
    let server = server();
    let client = api.client(&Setup::to(&server)).unwrap();
    for bytes in [&HELLO[..5], HELLO] {
        let url = server.seed(Some(11), bytes).unwrap();
        client.delete(&url).unwrap();
    }
    let url = server.seed(Some(11), HELLO).unwrap();
    client.delete(url.strip_prefix(server.origin()).unwrap()).unwrap();
    assert!(server.uploads().is_empty());
    assert_told(&server, &["OPTIONS 204", "DELETE 204", "DELETE 204", "DELETE 204"]);
    let error = client.info(&url).unwrap_err();
    assert_eq!((error.kind, error.status), (Kind::Gone, 410));
    server.clear_log();

    let url = server.seed(Some(11), b"").unwrap();
    server.script(Rule::on("DELETE").status(200));
    client.delete(&url).unwrap();
    assert_told(&server, &["DELETE 200", "HEAD 410"]);
}

fn scenario_17_already_gone(api: Api) {
    let server = server();
    let client = api.client(&Setup::to(&server)).unwrap();
    for status in [404, 410] {
        let url = server.seed(Some(11), b"hello").unwrap();
        server.remove_upload(url.rsplit('/').next().unwrap());
        server.script(Rule::on("DELETE").reply(status));
        client.delete(&url).unwrap();
    }
    assert_told(&server, &["OPTIONS 204", "DELETE 404", "HEAD 410", "DELETE 410", "HEAD 410"]);
}

/// A store that has lost sight of it, or a locked server with an empty answer.
fn scenario_17_still_there(api: Api) {
    let server = server();
    let client = api.client(&Setup::to(&server)).unwrap();
    let url = server.seed(Some(11), b"hello").unwrap();
    for status in [404, 410] {
        server.script(Rule::on("DELETE").reply(status));
        let error = client.delete(&url).unwrap_err();
        assert_eq!((error.kind, u32::from(error.status), error.retryable), (Kind::HttpStatus, status, false));
    }
    for foreign in [true, false] {
        let url = server.seed(Some(11), b"hello").unwrap();
        let empty = || Rule::on("DELETE").reply(200);
        server.script(if foreign { empty().without("Tus-Resumable") } else { empty() });
        client.delete(&url).unwrap();
        let url = server.seed(Some(11), b"hello").unwrap();
        server.script(empty().forever());
        let setup = Setup { retries: 0, ..Setup::to(&server) };
        let error = api.client(&setup).unwrap().delete(&url).unwrap_err();
        assert_eq!((error.kind, error.status, error.retryable), (Kind::HttpStatus, 200, true));
        server.clear_script();
    }
}

fn scenario_17_locked_for_a_while(api: Api) {
    for status in [423, 409] {
        let server = server();
        let url = server.seed(Some(11), b"hello").unwrap();
        server.script(Rule::on("DELETE").times(2).reply(status));
        // Not one of the tries: the lock has a budget of its own.
        let setup = Setup { retries: 0, base_delay: Duration::from_millis(50), ..Setup::to(&server) };
        let setup = Setup { max_delay: Duration::from_secs(1), ..setup };
        let began = Instant::now();
        api.client(&setup).unwrap().delete(&url).unwrap();
        assert!(began.elapsed() >= Duration::from_millis(25 + 50), "{:?}", began.elapsed());
        let locked = format!("DELETE {status}");
        assert_told(&server, &["OPTIONS 204", &locked, &locked, "DELETE 204"]);
    }
    let server = server();
    let url = server.seed(Some(11), b"hello").unwrap();
    server.script(Rule::on("DELETE").forever().reply(423));
    let setup = Setup { lock_budget: Duration::from_millis(30), ..Setup::to(&server) };
    let error = api.client(&setup).unwrap().delete(&url).unwrap_err();
    assert_eq!(error.gist(), (Kind::Locked, 423, true));
    assert!(error.retryable);
}

fn scenario_17_tried_again(api: Api) {
    let server = server();
    let url = server.seed(Some(11), b"hello").unwrap();
    server.script(Rule::on("DELETE").reply(503));
    server.script(Rule::on("DELETE").reply(429));
    server.script(Rule::on("DELETE").cut_response(7, Ending::Rst));
    api.client(&Setup::to(&server)).unwrap().delete(&url).unwrap();
    // The cut one had deleted it: gone is as good as deleted.
    assert_eq!(server.uploads(), []);
    let rules: Vec<_> = server.violations().iter().map(|violation| violation.rule).collect();
    assert_eq!(rules, [""; 0]);
    assert_told(&server, &["OPTIONS 204", "DELETE 503", "DELETE 429", "DELETE -", "DELETE 410", "HEAD 410"]);
}

fn scenario_17_refused(api: Api) {
    for (status, kind) in [
        (400, Kind::HttpStatus),
        (401, Kind::HttpStatus),
        (403, Kind::HttpStatus),
        (405, Kind::Unsupported),
        (412, Kind::Version),
        (501, Kind::Unsupported),
    ] {
        let server = server();
        let url = server.seed(Some(11), b"hello").unwrap();
        server.script(Rule::on("DELETE").reply(status));
        let error = api.client(&Setup::to(&server)).unwrap().delete(&url).unwrap_err();
        assert_eq!(error.gist(), (kind, u16::try_from(status).unwrap(), true));
        assert_eq!(error.upload_url.as_deref(), Some(url.as_str()));
        let refused = format!("DELETE {status}");
        assert_told(&server, &["OPTIONS 204", &refused]);
    }
}

/// T-007: what is not offered is not tried, unless nobody knows what is offered.
fn scenario_17_not_offered(api: Api) {
    let without = Extensions { termination: false, ..Extensions::default() };
    let server = server_with(|options| options.extensions = without);
    let url = server.seed(Some(11), b"hello").unwrap();
    let error = api.client(&Setup::to(&server)).unwrap().delete(&url).unwrap_err();
    assert_eq!(error.gist(), (Kind::Unsupported, 0, true));
    assert_told(&server, &["OPTIONS 204"]);

    let server = self::server();
    let url = server.seed(Some(11), b"hello").unwrap();
    server.script(Rule::on("OPTIONS").reply(404));
    api.client(&Setup::to(&server)).unwrap().delete(&url).unwrap();
    assert_told(&server, &["OPTIONS 404", "DELETE 204"]);

    server.clear_log();
    let url = server.seed(Some(11), b"hello").unwrap();
    let setup = Setup { query_server: false, ..Setup::to(&server) };
    api.client(&setup).unwrap().delete(&url).unwrap();
    assert_told(&server, &["DELETE 204"]);
}

/// A client that was only ever given upload URLs.
fn scenario_17_without_an_endpoint(api: Api) {
    let server = server();
    let url = server.seed(Some(11), b"hello").unwrap();
    let allowed_origins = vec![server.origin().to_owned()];
    let setup = Setup { url: None, allowed_origins, ..Setup::to(&server) };
    let client = api.client(&setup.header("Authorization", "Bearer x")).unwrap();
    assert_eq!(client.info(&url).unwrap().offset, 5);
    client.resume(HELLO, &url, &Default::default()).unwrap();
    client.delete(&url).unwrap();
    let error = client.upload(HELLO, &Default::default()).unwrap_err();
    assert_eq!(error.kind, Kind::InvalidState);
    assert_eq!(client.server_info().unwrap_err().kind, Kind::InvalidState);
    assert_eq!(client.info("/files/1").unwrap_err().kind, Kind::InvalidArgument);
    assert_told(&server, &["HEAD 200", "HEAD 200", "PATCH 5+6 204", "DELETE 204"]);
    assert!(server.requests().iter().all(|request| request.header("Authorization") == Some("Bearer x")));
}
