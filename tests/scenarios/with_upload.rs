//! Scenario 10: data that goes with the creation.

use tus::error::BrokenRule;
use tus_test_server::{Ending, Extensions, Rule, Server};

use crate::support::api::both;
use crate::support::server::{assert_clean, assert_story, assert_told, assert_wire, server, server_with};
use crate::support::{Api, Chunk, HELLO, Job, Kind, Setup, noise};

both! {
    scenario_10_with_upload,
    scenario_10_only_if_advertised_and_wanted,
    scenario_10_only_what_is_small,
    scenario_10_part_is_taken,
    scenario_10_none_is_taken,
    scenario_10_no_offset_is_told,
    scenario_10_impossible_offsets,
    scenario_10_body_refused_for_its_size,
    scenario_10_cut_anywhere,
    scenario_10_answer_cut_anywhere,
    scenario_10_refused_while_sending,
}

fn offering() -> Server {
    server_with(|options| options.extensions = Extensions::default())
}

fn scenario_10_with_upload(api: Api) {
    let server = offering();
    let done = api.upload(&Setup::to(&server), HELLO).unwrap();
    assert_eq!((done.state(), done.stats.sent), ((11, Some(11), true), 11));
    assert_story(&server, &["OPTIONS 204", "POST 11+11 201"], &done.url, HELLO);
    let post = &server.requests()[1];
    assert_eq!(post.header("Content-Type"), Some("application/offset+octet-stream"));
    assert_eq!(post.header("Upload-Offset"), None);

    server.clear_log();
    let empty = api.upload(&Setup::to(&server), b"").unwrap();
    assert_story(&server, &["OPTIONS 204", "POST 0 201"], &empty.url, b"");
}

fn scenario_10_only_if_advertised_and_wanted(api: Api) {
    let unwanted = |server: &Server| Setup { upload_with_creation: false, ..Setup::to(server) };
    let unasked = |server: &Server| Setup { query_server: false, ..Setup::to(server) };
    let asked: &[_] = &["OPTIONS 204", "POST 11 201", "PATCH 0+11 204"];
    for (server, setup, story) in [
        (server(), &Setup::to as &dyn Fn(&Server) -> Setup, asked),
        (offering(), &unwanted, asked),
        (offering(), &unasked, &["POST 11 201", "PATCH 0+11 204"]),
    ] {
        let done = api.upload(&setup(&server), HELLO).unwrap();
        assert_story(&server, story, &done.url, HELLO);
    }
    // What one call has learned, the next one uses.
    let server = offering();
    let client = api.client(&unasked(&server)).unwrap();
    client.server_info().unwrap();
    client.upload(HELLO, &Job::default()).unwrap();
    assert_told(&server, &["OPTIONS 204", "POST 11+11 201"]);
}

/// A large upload would lose everything with a connection that breaks before its URL is known; one that goes in
/// chunks, or stops half-way, goes in chunks from the start.
fn scenario_10_only_what_is_small(api: Api) {
    let server = offering();
    let bytes = noise(600_000, 2);
    let done = api.upload(&Setup::to(&server), &bytes).unwrap();
    assert_story(&server, &["OPTIONS 204", "POST 600000 201", "PATCH 0+600000 204"], &done.url, &bytes);

    server.clear_log();
    let done = api.upload(&Setup { chunk: Chunk::Fixed(8), ..Setup::to(&server) }, HELLO).unwrap();
    let story = ["OPTIONS 204", "POST 11 201", "PATCH 0+8 204", "PATCH 8+3 204"];
    assert_story(&server, &story, &done.url, HELLO);

    server.clear_log();
    let client = api.client(&Setup::to(&server)).unwrap();
    client.upload(HELLO, &Job { stop_at: Some(5), ..Job::default() }).unwrap();
    assert_told(&server, &["OPTIONS 204", "POST 11 201", "PATCH 0+5 204"]);
}

fn scenario_10_part_is_taken(api: Api) {
    let server = offering();
    server.script(Rule::on("POST").accept(4));
    let done = api.upload(&Setup::to(&server), HELLO).unwrap();
    assert_story(&server, &["OPTIONS 204", "POST 11+11 201", "PATCH 4+7 204"], &done.url, HELLO);
}

fn scenario_10_none_is_taken(api: Api) {
    let server = offering();
    server.script(Rule::on("POST").accept(0));
    let done = api.upload(&Setup::to(&server), HELLO).unwrap();
    assert_story(&server, &["OPTIONS 204", "POST 11+11 201", "PATCH 0+11 204"], &done.url, HELLO);
}

/// T-062: a server that ignored the body has none of it, one that did not may have all; HEAD tells.
fn scenario_10_no_offset_is_told(api: Api) {
    let server = offering();
    server.script(Rule::on("POST").without("Upload-Offset"));
    let done = api.upload(&Setup::to(&server), HELLO).unwrap();
    assert_story(&server, &["OPTIONS 204", "POST 11+11 201", "HEAD 200"], &done.url, HELLO);

    server.clear_log();
    server.script(Rule::on("POST").accept(0).without("Upload-Offset"));
    let done = api.upload(&Setup::to(&server), HELLO).unwrap();
    assert_story(&server, &["OPTIONS 204", "POST 11+11 201", "HEAD 200", "PATCH 0+11 204"], &done.url, HELLO);
}

/// T-062: a server that took more than the upload's length is past help.
fn scenario_10_impossible_offsets(api: Api) {
    for offset in ["12", "9223372036854775807"] {
        let server = offering();
        server.script(Rule::on("POST").offset(offset));
        let error = api.upload(&Setup::to(&server), HELLO).unwrap_err();
        error.assert_broke(BrokenRule::OffsetBeyondLength);
        assert!(error.upload_url.is_some(), "{error:?}");
        assert_told(&server, &["OPTIONS 204", "POST 11+11 201"]);
    }
    for offset in ["-1", "abc", "", "9223372036854775808"] {
        let server = offering();
        server.script(Rule::on("POST").offset(offset));
        let done = api.upload(&Setup::to(&server), HELLO).unwrap();
        assert_story(&server, &["OPTIONS 204", "POST 11+11 201", "HEAD 200"], &done.url, HELLO);
    }
}

/// A proxy before the server may limit bodies, and not uploads.
fn scenario_10_body_refused_for_its_size(api: Api) {
    let server = offering();
    server.script(Rule::on("POST").having("Content-Type").reply(413));
    let done = api.upload(&Setup::to(&server), HELLO).unwrap();
    let story = ["OPTIONS 204", "POST 11+11 413", "POST 11 201", "PATCH 0+11 204"];
    assert_story(&server, &story, &done.url, HELLO);
}

/// T-051: repeated, at the price of an orphan; but without the data, which would make a second finished upload.
fn scenario_10_cut_anywhere(api: Api) {
    let server = offering();
    api.upload(&Setup::to(&server), HELLO).unwrap();
    let head = server.requests()[1].head_len;
    for ending in [Ending::Fin, Ending::Rst] {
        for k in (0..head).step_by(37).chain(head..=head + 11) {
            server.clear_log();
            server.script(Rule::on("POST").cut_request(k, ending));
            let done = api.upload(&Setup::to(&server), HELLO).unwrap();
            let story = ["OPTIONS 204", "POST 11+11 -", "POST 11 201", "PATCH 0+11 204"];
            assert_story(&server, &story, &done.url, HELLO);
        }
    }
}

/// T-051: the finished upload that nobody was told of is an orphan, and not joined by another finished one.
fn scenario_10_answer_cut_anywhere(api: Api) {
    let server = offering();
    for ending in [Ending::Fin, Ending::Rst] {
        for k in (0..150).step_by(29) {
            server.clear_log();
            server.script(Rule::on("POST").cut_response(k, ending));
            let done = api.upload(&Setup::to(&server), HELLO).unwrap();
            let story = ["OPTIONS 204", "POST 11+11 -", "POST 11 201", "PATCH 0+11 204"];
            assert_story(&server, &story, &done.url, HELLO);
        }
    }
}

/// T-031: the answer counts, not the broken pipe.
fn scenario_10_refused_while_sending(api: Api) {
    let server = offering();
    let bytes = noise(512 << 10, 3);
    server.script(Rule::on("POST").reply(403).body("not you").early(1000));
    let error = api.upload(&Setup::to(&server), &bytes).unwrap_err();
    assert_eq!(error.gist(), (Kind::HttpStatus, 403, false));
    error.assert_says("not you");
    assert_wire(&server, &["OPTIONS 204", "POST 524288+524288 403"]);
    assert_clean(&server);
}
