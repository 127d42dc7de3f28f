//! Scenario 10: data that goes with the creation.

use tus::error::BrokenRule;
use tus::protocol::session::CreationData;
use tus_test_server::{Ending, Extensions, Rule, Server};

use crate::support::api::every_way;
use crate::support::server::{assert_clean, assert_story, assert_told, assert_wire, server, server_with};
use crate::support::{Api, Chunk, HELLO, Job, Kind, Setup, noise};

every_way! {
    scenario_10_an_empty_upload_is_made_once;
    // A `tus_uploader` sends no data with a creation.
    not chunkwise:
    scenario_10_with_upload,
    scenario_10_only_if_advertised_and_wanted,
    scenario_10_first_chunk,
    scenario_10_part_is_taken,
    scenario_10_none_is_taken,
    scenario_10_no_offset_is_told,
    scenario_10_impossible_offsets,
    scenario_10_body_refused_for_its_size,
    scenario_10_cut_before_its_end,
    scenario_10_answer_cut_anywhere,
    scenario_10_refused_with_everything_there,
    scenario_10_refused_while_sending,
}

fn offering() -> Server {
    server_with(|options| options.extensions = Extensions::default())
}

fn with_data(server: &Server) -> Setup {
    Setup { upload_with_creation: CreationData::On, ..Setup::to(server) }
}

/// So much that not all of it can have left before the server ends the connection.
fn large() -> Vec<u8> {
    noise(6 << 20, 10)
}

fn scenario_10_with_upload(api: Api) {
    let server = offering();
    let done = api.upload(&with_data(&server), HELLO).unwrap();
    assert_eq!((done.state(), done.stats.sent), ((11, Some(11), true), 11));
    assert_story(&server, &["OPTIONS 204", "POST 11+11 201"], &done.url, HELLO);
    let post = &server.requests()[1];
    assert_eq!(post.header("Content-Type"), Some("application/offset+octet-stream"));
    assert_eq!(post.header("Upload-Offset"), None);

    server.clear_log();
    let empty = api.upload(&with_data(&server), b"").unwrap();
    assert_story(&server, &["OPTIONS 204", "POST 0 201"], &empty.url, b"");
}

fn scenario_10_only_if_advertised_and_wanted(api: Api) {
    let unwanted = |server: &Server| Setup::to(server);
    let unasked = |server: &Server| Setup { query_server: false, ..with_data(server) };
    let asked: &[_] = &["OPTIONS 204", "POST 11 201", "PATCH 0+11 204"];
    for (server, setup, story) in [
        (server(), &with_data as &dyn Fn(&Server) -> Setup, asked),
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

/// The first chunk goes along, whatever the size: what is left follows in chunks.
fn scenario_10_first_chunk(api: Api) {
    let server = offering();
    let bytes = noise(9 << 20, 2);
    let done = api.upload(&Setup { chunk: Chunk::Auto, ..with_data(&server) }, &bytes).unwrap();
    let story = ["OPTIONS 204", "POST 9437184+8388608 201", "PATCH 8388608+1048576 204"];
    assert_story(&server, &story, &done.url, &bytes);

    server.clear_log();
    let done = api.upload(&Setup { chunk: Chunk::Fixed(8), ..with_data(&server) }, HELLO).unwrap();
    let story = ["OPTIONS 204", "POST 11+8 201", "PATCH 8+3 204"];
    assert_story(&server, &story, &done.url, HELLO);

    server.clear_log();
    let done = api.upload(&Setup { chunk: Chunk::Whole, ..with_data(&server) }, &bytes).unwrap();
    assert_story(&server, &["OPTIONS 204", "POST 9437184+9437184 201"], &done.url, &bytes);

    server.clear_log();
    let client = api.client(&with_data(&server)).unwrap();
    client.upload(HELLO, &Job { stop_at: Some(5), ..Job::default() }).unwrap();
    assert_told(&server, &["OPTIONS 204", "POST 11+5 201"]);
}

fn scenario_10_part_is_taken(api: Api) {
    let server = offering();
    server.script(Rule::on("POST").accept(4));
    let done = api.upload(&with_data(&server), HELLO).unwrap();
    assert_story(&server, &["OPTIONS 204", "POST 11+11 201", "PATCH 4+7 204"], &done.url, HELLO);
}

fn scenario_10_none_is_taken(api: Api) {
    let server = offering();
    server.script(Rule::on("POST").accept(0));
    let done = api.upload(&with_data(&server), HELLO).unwrap();
    assert_story(&server, &["OPTIONS 204", "POST 11+11 201", "PATCH 0+11 204"], &done.url, HELLO);
}

/// T-062: a server that ignored the body has none of it, one that did not may have all; HEAD tells.
fn scenario_10_no_offset_is_told(api: Api) {
    let server = offering();
    server.script(Rule::on("POST").without("Upload-Offset"));
    let done = api.upload(&with_data(&server), HELLO).unwrap();
    assert_story(&server, &["OPTIONS 204", "POST 11+11 201", "HEAD 200"], &done.url, HELLO);

    server.clear_log();
    server.script(Rule::on("POST").accept(0).without("Upload-Offset"));
    let done = api.upload(&with_data(&server), HELLO).unwrap();
    assert_story(&server, &["OPTIONS 204", "POST 11+11 201", "HEAD 200", "PATCH 0+11 204"], &done.url, HELLO);
}

/// T-062: a server that took more than the upload's length is past help.
fn scenario_10_impossible_offsets(api: Api) {
    for offset in ["12", "9223372036854775807"] {
        let server = offering();
        server.script(Rule::on("POST").offset(offset));
        let error = api.upload(&with_data(&server), HELLO).unwrap_err();
        error.assert_broke(BrokenRule::OffsetBeyondLength);
        assert!(error.upload_url.is_some(), "{error:?}");
        assert_told(&server, &["OPTIONS 204", "POST 11+11 201"]);
    }
    for offset in ["-1", "abc", "", "9223372036854775808"] {
        let server = offering();
        server.script(Rule::on("POST").offset(offset));
        let done = api.upload(&with_data(&server), HELLO).unwrap();
        assert_story(&server, &["OPTIONS 204", "POST 11+11 201", "HEAD 200"], &done.url, HELLO);
    }
}

/// A proxy before the server may limit bodies, and not uploads.
fn scenario_10_body_refused_for_its_size(api: Api) {
    let server = offering();
    server.script(Rule::on("POST").having("Content-Type").reply(413));
    let done = api.upload(&with_data(&server), HELLO).unwrap();
    let story = ["OPTIONS 204", "POST 11+11 413", "POST 11 201", "PATCH 0+11 204"];
    assert_story(&server, &story, &done.url, HELLO);
}

/// T-051: what was cut before all of it was out is created again, at the price of an unfinished orphan, and without data.
fn scenario_10_cut_before_its_end(api: Api) {
    let server = offering();
    let bytes = large();
    for ending in [Ending::Fin, Ending::Rst] {
        for k in [0, 1000, 100_000] {
            server.clear_log();
            server.script(Rule::on("POST").cut_body(k, ending));
            let setup = Setup { chunk: Chunk::Whole, ..with_data(&server) };
            let done = api.upload(&setup, &bytes).unwrap();
            let size = bytes.len();
            let story = [
                "OPTIONS 204".to_owned(),
                format!("POST {size}+{size} -"),
                format!("POST {size} 201"),
                format!("PATCH 0+{size} 204"),
            ];
            assert_story(&server, &story.each_ref().map(String::as_str), &done.url, &bytes);
            assert_eq!(done.stats.retries, 1);
        }
    }
}

/// T-051: all of it was out, so that the server may hold a finished upload: it is not joined by another one.
fn scenario_10_answer_cut_anywhere(api: Api) {
    let server = offering();
    for ending in [Ending::Fin, Ending::Rst] {
        for k in (0..150).step_by(29) {
            server.clear_log();
            server.script(Rule::on("POST").cut_response(k, ending));
            let error = api.upload(&with_data(&server), HELLO).unwrap_err();
            assert_eq!((error.kind, error.retryable, error.upload_url.is_none()), (Kind::Unconfirmed, false, true));
            assert_told(&server, &["OPTIONS 204", "POST 11+11 -"]);
        }
    }
    server.clear_log();
    server.script(Rule::on("POST").cut_response(0, Ending::Fin));
    let setup = Setup { upload_with_creation: CreationData::Repeat, ..Setup::to(&server) };
    let done = api.upload(&setup, HELLO).unwrap();
    assert_story(&server, &["OPTIONS 204", "POST 11+11 -", "POST 11+11 201"], &done.url, HELLO);
}

/// T-051, T-153: a server or a gateway that says no although it may have everything.
fn scenario_10_refused_with_everything_there(api: Api) {
    for status in [409, 429, 500, 502, 503, 504] {
        let server = offering();
        server.script(Rule::on("POST").status(status).without("Location").body("the hook failed"));
        let error = api.upload(&with_data(&server), HELLO).unwrap_err();
        assert_eq!(error.gist(), (Kind::Unconfirmed, status as u16, false), "{error:?}");
        error.assert_says("the hook failed");
        assert_told(&server, &["OPTIONS 204", format!("POST 11+11 {status}").as_str()]);
        // Where it names the upload, that is told too.
        let server = offering();
        server.script(Rule::on("POST").status(status).body("the hook failed"));
        let error = api.upload(&with_data(&server), HELLO).unwrap_err();
        assert_eq!(error.gist(), (Kind::Unconfirmed, status as u16, true), "{error:?}");
    }
    let server = offering();
    server.script(Rule::on("POST").status(200).without("Location"));
    let error = api.upload(&with_data(&server), HELLO).unwrap_err();
    assert_eq!(error.gist(), (Kind::Unconfirmed, 200, false), "{error:?}");
}

/// T-051: the creation of an empty upload finishes it too, whatever the setting.
fn scenario_10_an_empty_upload_is_made_once(api: Api) {
    for setup in [with_data, Setup::to] {
        let server = offering();
        let mut told = vec![];
        for status in [500, 502, 503, 504] {
            server.script(Rule::on("POST").status(status).without("Location").body("the hook failed"));
            let error = api.upload(&setup(&server), b"").unwrap_err();
            assert_eq!(error.gist(), (Kind::Unconfirmed, status as u16, false), "{error:?}");
            assert!(!error.retryable);
            error.assert_says("the hook failed");
            told.extend(["OPTIONS 204".to_owned(), format!("POST 0 {status}")]);
        }
        for ending in [Ending::Fin, Ending::Rst] {
            server.script(Rule::on("POST").cut_response(0, ending));
            let error = api.upload(&setup(&server), b"").unwrap_err();
            assert_eq!(error.gist(), (Kind::Unconfirmed, 0, false), "{error:?}");
            told.extend(["OPTIONS 204".to_owned(), "POST 0 -".to_owned()]);
        }
        assert_told(&server, &told.iter().map(String::as_str).collect::<Vec<_>>());

        // What says "not now" is heeded, and what the server refuses, it may have kept.
        server.clear_log();
        server.script(Rule::on("POST").reply(429).without("Tus-Resumable").header("Retry-After", "0"));
        let done = api.upload(&setup(&server), b"").unwrap();
        assert_story(&server, &["OPTIONS 204", "POST 0 429", "POST 0 201"], &done.url, b"");
        server.script(Rule::on("POST").status(422).without("Location").body("no picture"));
        let error = api.upload(&setup(&server), b"").unwrap_err();
        assert_eq!(error.gist(), (Kind::HttpStatus, 422, false), "{error:?}");
        assert!(error.message.contains("may have kept it"), "{error:?}");
    }
    let server = offering();
    server.script(Rule::on("POST").status(500).without("Location"));
    let setup = Setup { upload_with_creation: CreationData::Repeat, ..Setup::to(&server) };
    let done = api.upload(&setup, b"").unwrap();
    assert_story(&server, &["OPTIONS 204", "POST 0 500", "POST 0 201"], &done.url, b"");
}

/// T-031: the answer counts, not the broken pipe.
fn scenario_10_refused_while_sending(api: Api) {
    let server = offering();
    let bytes = noise(512 << 10, 3);
    server.script(Rule::on("POST").reply(403).body("not you").early(1000));
    let error = api.upload(&with_data(&server), &bytes).unwrap_err();
    assert_eq!(error.gist(), (Kind::HttpStatus, 403, false));
    error.assert_says("not you");
    assert_wire(&server, &["OPTIONS 204", "POST 524288+524288 403"]);
    assert_clean(&server);
}
