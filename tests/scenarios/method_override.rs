//! Scenario 19: PATCH and DELETE behind POST, for networks that let nothing else through (T-009).

use tus_test_server::Rule;

use crate::support::api::every_way;
use crate::support::server::{assert_story, assert_told, server};
use crate::support::{Api, Chunk, HELLO, Kind, Setup};

every_way! {
    scenario_19_override_patch,
    scenario_19_override_delete,
    scenario_19_override_that_is_not_understood,
}

fn scenario_19_override_patch(api: Api) {
    let server = server();
    let setup = Setup { override_method: true, chunk: Chunk::Fixed(8), ..Setup::to(&server) };
    server.script(Rule::on("PATCH").nth(2).reply(503));
    let done = api.upload(&setup, HELLO).unwrap();
    let story =
        ["OPTIONS 204", "POST 11 201", "POST:PATCH 0+8 204", "POST:PATCH 8+3 503", "HEAD 200", "POST:PATCH 8+3 204"];
    assert_story(&server, &story, &done.url, HELLO);
    let requests = server.requests();
    assert_eq!(requests[1].header("X-HTTP-Method-Override"), None, "a creation is what it says");
    assert_eq!(requests[4].header("X-HTTP-Method-Override"), None, "HEAD stays HEAD");
    for patch in [&requests[2], &requests[3], &requests[5]] {
        assert_eq!(patch.header("X-HTTP-Method-Override"), Some("PATCH"));
        assert_eq!(patch.header("Content-Type"), Some("application/offset+octet-stream"));
        assert_eq!(patch.header("Tus-Resumable"), Some("1.0.0"));
    }
}

fn scenario_19_override_delete(api: Api) {
    let server = server();
    let url = server.seed(Some(11), b"hello").unwrap();
    let client = api.client(&Setup { override_method: true, ..Setup::to(&server) }).unwrap();
    client.delete(&url).unwrap();
    assert_told(&server, &["OPTIONS 204", "POST:DELETE 204"]);
    assert_eq!(server.requests()[1].header("Content-Length"), Some("0"));
    assert!(server.uploads().is_empty());
}

/// The error tells the request as it was sent, and the method that was meant.
fn scenario_19_override_that_is_not_understood(api: Api) {
    let server = server();
    let url = server.seed(Some(11), b"hello").unwrap();
    server.script(Rule::on("PATCH").reply(400));
    let error = api.resume(&Setup { override_method: true, ..Setup::to(&server) }, HELLO, &url).unwrap_err();
    assert_eq!(error.gist(), (Kind::HttpStatus, 400, true));
    error.assert_says("POST");
    error.assert_says("X-HTTP-Method-Override: PATCH");
    assert_told(&server, &["HEAD 200", "POST:PATCH 5+6 400", "HEAD 200"]);
}
