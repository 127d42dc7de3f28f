//! Scenarios 28, 30 and 32: what the answer to a PATCH says that cannot be, or need not be (T-024 to T-026).

use tus::error::BrokenRule;
use tus::protocol::session::CreationData;
use tus_test_server::Rule;

use crate::support::api::every_way;
use crate::support::server::{assert_holds, assert_story, assert_told, server};
use crate::support::{Api, Chunk, HELLO, Kind, Setup};

every_way! {
    scenario_28_more_than_was_sent,
    scenario_28_less_than_before,
    scenario_28_no_progress_for_ever,
    scenario_28_no_progress_for_a_while,
    scenario_28_no_offset,
    scenario_28_no_offset_for_ever,
    scenario_28_unusable_offsets,
    scenario_28_success_that_stored_nothing,
    scenario_28_head_that_repeats_the_lie,
    scenario_30_other_success_statuses,
    scenario_32_lengths_that_disagree;
    // A `tus_uploader` sends no data with a creation.
    not chunkwise:
    scenario_32_offset_twice,
}

fn chunked(server: &tus_test_server::Server) -> Setup {
    Setup { chunk: Chunk::Fixed(4), ..Setup::to(server) }
}

/// HEAD has the last word, and it is that all went well.
fn scenario_28_more_than_was_sent(api: Api) {
    for offset in ["5", "11", "12", "9223372036854775807"] {
        let server = server();
        server.script(Rule::on("PATCH").offset(offset));
        let done = api.upload(&chunked(&server), HELLO).unwrap();
        let story = ["OPTIONS 204", "POST 11 201", "PATCH 0+4 204", "HEAD 200", "PATCH 4+4 204", "PATCH 8+3 204"];
        assert_story(&server, &story, &done.url, HELLO);
    }
}

fn scenario_28_less_than_before(api: Api) {
    let server = server();
    server.script(Rule::on("PATCH").nth(2).offset("3"));
    let done = api.upload(&chunked(&server), HELLO).unwrap();
    let story = ["OPTIONS 204", "POST 11 201", "PATCH 0+4 204", "PATCH 4+4 204", "HEAD 200", "PATCH 8+3 204"];
    assert_story(&server, &story, &done.url, HELLO);
}

fn scenario_28_no_progress_for_ever(api: Api) {
    let server = server();
    server.script(Rule::on("PATCH").forever().reply(204).offset("0"));
    let error = api.upload(&Setup { retries: 3, ..Setup::to(&server) }, HELLO).unwrap_err();
    error.assert_broke(BrokenRule::NoProgress);
    assert!(error.upload_url.is_some());
    let mut story = vec!["OPTIONS 204", "POST 11 201"];
    story.extend(["PATCH 0+11 204"; 4]);
    assert_told(&server, &story);
}

fn scenario_28_no_progress_for_a_while(api: Api) {
    let server = server();
    server.script(Rule::on("PATCH").times(3).accept(0));
    let done = api.upload(&Setup { retries: 3, ..Setup::to(&server) }, HELLO).unwrap();
    assert_eq!((done.stats.retries, done.stats.chunks_failed, done.stats.chunks_completed), (3, 0, 1));
    let mut story = vec!["OPTIONS 204", "POST 11 201"];
    story.extend(["PATCH 0+11 204"; 4]);
    assert_story(&server, &story, &done.url, HELLO);
}

/// Taken as "all accepted" by other clients.
fn scenario_28_no_offset(api: Api) {
    let server = server();
    server.script(Rule::on("PATCH").without("Upload-Offset"));
    let done = api.upload(&Setup::to(&server), HELLO).unwrap();
    assert_story(&server, &["OPTIONS 204", "POST 11 201", "PATCH 0+11 204", "HEAD 200"], &done.url, HELLO);

    server.clear_log();
    server.script(Rule::on("PATCH").accept(3).without("Upload-Offset"));
    let done = api.upload(&Setup::to(&server), HELLO).unwrap();
    let story = ["OPTIONS 204", "POST 11 201", "PATCH 0+11 204", "HEAD 200", "PATCH 3+8 204"];
    assert_story(&server, &story, &done.url, HELLO);
}

fn scenario_28_no_offset_for_ever(api: Api) {
    let server = server();
    server.script(Rule::on("PATCH").forever().without("Upload-Offset"));
    let done = api.upload(&chunked(&server), HELLO).unwrap();
    let story = [
        "OPTIONS 204",
        "POST 11 201",
        "PATCH 0+4 204",
        "HEAD 200",
        "PATCH 4+4 204",
        "HEAD 200",
        "PATCH 8+3 204",
        "HEAD 200",
    ];
    assert_story(&server, &story, &done.url, HELLO);
}

fn scenario_28_unusable_offsets(api: Api) {
    for offset in ["", "-1", "+11", "11.0", "0xb", "abc", "9223372036854775808", "\u{feff}11"] {
        let server = server();
        server.script(Rule::on("PATCH").offset(offset));
        let done = api.upload(&Setup::to(&server), HELLO).unwrap();
        assert_story(&server, &["OPTIONS 204", "POST 11 201", "PATCH 0+11 204", "HEAD 200"], &done.url, HELLO);
    }
}

/// A server that says success and stores nothing, with or without an offset: never a success of ours.
fn scenario_28_success_that_stored_nothing(api: Api) {
    for rule in [
        Rule::on("PATCH").forever().reply(204),
        Rule::on("PATCH").forever().reply(204).offset("12"),
        Rule::on("PATCH").forever().reply(200).body("<html>thank you</html>"),
    ] {
        let server = server();
        server.script(rule);
        let error = api.upload(&Setup { retries: 2, ..Setup::to(&server) }, HELLO).unwrap_err();
        error.assert_broke(BrokenRule::NoProgress);
        assert_holds(&server, error.upload_url.as_deref().unwrap(), b"");
        assert_eq!(server.requests().iter().filter(|request| request.method == "PATCH").count(), 3);
        assert_eq!(server.requests().iter().filter(|request| request.method == "HEAD").count(), 3);
    }
}

/// T-025: nothing that was sent can have led there.
fn scenario_28_head_that_repeats_the_lie(api: Api) {
    let server = server();
    server.script(Rule::on("PATCH").offset("9"));
    server.script(Rule::on("HEAD").offset("9"));
    let error = api.upload(&chunked(&server), HELLO).unwrap_err();
    error.assert_broke(BrokenRule::ImpossibleOffset);
    assert_told(&server, &["OPTIONS 204", "POST 11 201", "PATCH 0+4 204", "HEAD 200"]);
}

fn scenario_30_other_success_statuses(api: Api) {
    for status in [200, 201, 202, 206, 226, 299] {
        let server = server();
        server.script(Rule::on("PATCH").status(status).body("thank you"));
        let done = api.upload(&Setup::to(&server), HELLO).unwrap();
        let patch = format!("PATCH 0+11 {status}");
        assert_story(&server, &["OPTIONS 204", "POST 11 201", &patch], &done.url, HELLO);
    }
}

fn scenario_32_offset_twice(api: Api) {
    let server = server();
    server.script(Rule::on("PATCH").add_header("Upload-Offset", "11"));
    let done = api.upload(&Setup::to(&server), HELLO).unwrap();
    assert_story(&server, &["OPTIONS 204", "POST 11 201", "PATCH 0+11 204"], &done.url, HELLO);

    server.clear_log();
    server.script(Rule::on("PATCH").add_header("Upload-Offset", "10"));
    let done = api.upload(&Setup::to(&server), HELLO).unwrap();
    assert_story(&server, &["OPTIONS 204", "POST 11 201", "PATCH 0+11 204", "HEAD 200"], &done.url, HELLO);

    let server = crate::support::server::server_with(|options| options.extensions = Default::default());
    server.script(Rule::on("POST").add_header("Upload-Offset", "10"));
    let setup = Setup { upload_with_creation: CreationData::On, ..Setup::to(&server) };
    let done = api.upload(&setup, HELLO).unwrap();
    assert_story(&server, &["OPTIONS 204", "POST 11+11 201", "HEAD 200"], &done.url, HELLO);
}

/// An answer whose end is not known is no answer.
fn scenario_32_lengths_that_disagree(api: Api) {
    let server = server();
    let raw = "HTTP/1.1 200 OK\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 11\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab";
    server.script(Rule::on("PATCH").raw(raw).processed());
    let done = api.upload(&Setup::to(&server), HELLO).unwrap();
    assert_story(&server, &["OPTIONS 204", "POST 11 201", "PATCH 0+11 -", "HEAD 200"], &done.url, HELLO);

    let raw = "HTTP/1.1 204 No Content\r\nTus-Resumable: 1.0.0\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n";
    server.script(Rule::on("HEAD").forever().raw(raw));
    let error = api.resume(&Setup { retries: 1, ..Setup::to(&server) }, HELLO, &done.url).unwrap_err();
    assert!(matches!(error.kind, Kind::Protocol | Kind::Io), "{error:?}");
}
