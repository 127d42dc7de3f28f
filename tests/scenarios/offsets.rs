//! Scenarios 25 to 27: what HEAD says that cannot be believed (T-010, T-013 to T-018).

use tus::error::BrokenRule;
use tus_test_server::Rule;

use crate::support::api::every_way;
use crate::support::server::{assert_story, assert_told, server};
use crate::support::{Api, HELLO, Kind, Setup};

every_way! {
    scenario_25_malformed_offsets,
    scenario_25_malformed_lengths,
    scenario_25_no_length_at_all,
    scenario_25_forms_that_are_numbers,
    scenario_25_after_a_broken_patch,
    scenario_26_offset_beyond_the_length,
    scenario_27_another_length,
    scenario_27_deferred_length_is_declared,
    scenario_28_head_out_of_a_cache,
    scenario_32_the_same_header_twice,
    scenario_30_other_statuses_of_head,
}

/// The rule is broken once: no PATCH, and no second look.
#[track_caller]
fn refused(api: Api, rule: Rule, broken: BrokenRule) {
    let server = server();
    let url = server.seed(Some(11), b"hello").unwrap();
    server.script(rule.clone());
    let error = api.resume(&Setup::to(&server), HELLO, &url).unwrap_err();
    error.assert_broke(broken);
    assert_eq!((error.status, error.upload_url.as_deref()), (200, Some(url.as_str())), "{rule:?}");
    server.script(rule);
    api.client(&Setup::to(&server)).unwrap().info(&url).unwrap_err().assert_broke(broken);
    assert_told(&server, &["HEAD 200", "HEAD 200"]);
}

const NO_NUMBERS: [&str; 14] = [
    "",
    "-1",
    "+5",
    "5.0",
    "0x5",
    "5 5",
    "abc",
    "5;",
    "\u{feff}5",
    "٥",
    "9223372036854775808",
    "18446744073709551621",
    "10000000000000000000000000000000000000000",
    "5,",
];

fn scenario_25_malformed_offsets(api: Api) {
    refused(api, Rule::on("HEAD").without("Upload-Offset"), BrokenRule::MissingOffset);
    for text in NO_NUMBERS {
        refused(api, Rule::on("HEAD").offset(text), BrokenRule::MalformedInteger);
    }
}

fn scenario_25_malformed_lengths(api: Api) {
    for text in NO_NUMBERS {
        refused(api, Rule::on("HEAD").header("Upload-Length", text), BrokenRule::MalformedInteger);
    }
}

/// T-015.
fn scenario_25_no_length_at_all(api: Api) {
    refused(api, Rule::on("HEAD").without("Upload-Length"), BrokenRule::MissingLength);
    let other = Rule::on("HEAD").without("Upload-Length").header("Upload-Defer-Length", "0");
    refused(api, other, BrokenRule::MissingLength);
}

fn scenario_25_forms_that_are_numbers(api: Api) {
    for text in ["5", "005", "  5", "5, 5", "5,5"] {
        let server = server();
        let url = server.seed(Some(11), b"hello").unwrap();
        server.script(Rule::on("HEAD").offset(text));
        api.resume(&Setup::to(&server), HELLO, &url).unwrap();
        assert_story(&server, &["HEAD 200", "PATCH 5+6 204"], &url, HELLO);
    }
}

/// The offset that was true before is not assumed.
fn scenario_25_after_a_broken_patch(api: Api) {
    for (rule, broken) in [
        (Rule::on("HEAD").without("Upload-Offset"), BrokenRule::MissingOffset),
        (Rule::on("HEAD").offset("abc"), BrokenRule::MalformedInteger),
        (Rule::on("HEAD").offset("-1"), BrokenRule::MalformedInteger),
        (Rule::on("HEAD").offset("12"), BrokenRule::OffsetBeyondLength),
    ] {
        let server = server();
        server.script(Rule::on("PATCH").reply(500));
        server.script(rule);
        let error = api.upload(&Setup::to(&server), HELLO).unwrap_err();
        error.assert_broke(broken);
        assert!(error.upload_url.is_some());
        assert_told(&server, &["OPTIONS 204", "POST 11 201", "PATCH 0+11 500", "HEAD 200"]);
    }
}

fn scenario_26_offset_beyond_the_length(api: Api) {
    for text in ["12", "9223372036854775807"] {
        refused(api, Rule::on("HEAD").offset(text), BrokenRule::OffsetBeyondLength);
    }
    // Beyond the source, where the server says no length.
    let server = server();
    let url = server.seed(None, b"hello world").unwrap();
    let error = api.resume(&Setup::to(&server), b"hello", &url).unwrap_err();
    error.assert_broke(BrokenRule::OffsetBeyondLength);
    assert_told(&server, &["HEAD 200"]);
}

/// The caller's file is not the one that was begun, or it has changed.
fn scenario_27_another_length(api: Api) {
    for source in [&b"hello worl"[..], b"hello world!", b""] {
        let server = server();
        let url = server.seed(Some(11), b"hello").unwrap();
        let error = api.resume(&Setup::to(&server), source, &url).unwrap_err();
        assert_eq!((error.kind, error.retryable), (Kind::SourceChanged, false));
        assert_eq!(error.upload_url.as_deref(), Some(url.as_str()));
        error.assert_says("11");
        assert_told(&server, &["HEAD 200"]);
    }
    // In mid-upload it is the server that has changed its mind.
    let server = server();
    server.script(Rule::on("PATCH").reply(500));
    server.script(Rule::on("HEAD").header("Upload-Length", "12"));
    let error = api.upload(&Setup::to(&server), HELLO).unwrap_err();
    error.assert_broke(BrokenRule::LengthDiffers);
    assert_told(&server, &["OPTIONS 204", "POST 11 201", "PATCH 0+11 500", "HEAD 200"]);
}

/// T-071: the first PATCH says the length, later ones do not; T-073 where nothing else is left to say.
fn scenario_27_deferred_length_is_declared(api: Api) {
    let server = server();
    let url = server.seed(None, b"hello").unwrap();
    let setup = Setup { chunk: crate::support::Chunk::Fixed(4), ..Setup::to(&server) };
    let done = api.resume(&setup, HELLO, &url).unwrap();
    assert!(done.complete);
    assert_story(&server, &["HEAD 200", "PATCH 5+4 204", "PATCH 9+2 204"], &url, HELLO);
    let lengths: Vec<_> = server.requests().iter().map(|r| r.header("Upload-Length").map(str::to_owned)).collect();
    assert_eq!(lengths, [None, Some("11".to_owned()), None]);

    server.clear_log();
    let url = server.seed(None, HELLO).unwrap();
    api.resume(&setup, HELLO, &url).unwrap();
    assert_story(&server, &["HEAD 200", "PATCH 11+0 204"], &url, HELLO);
    assert_eq!(server.requests()[1].header("Content-Length"), Some("0"));
    assert_eq!(server.requests()[1].header("Upload-Length"), Some("11"));
}

/// T-017.
fn scenario_28_head_out_of_a_cache(api: Api) {
    let server = server();
    let url = server.seed(Some(11), b"hello").unwrap();
    server.script(Rule::on("HEAD").offset("0").header("Age", "30"));
    api.resume(&Setup::to(&server), HELLO, &url).unwrap();
    assert_story(&server, &["HEAD 200", "HEAD 200", "PATCH 5+6 204"], &url, HELLO);
    let asked: Vec<_> = server.requests().iter().map(|r| r.header("Cache-Control").map(str::to_owned)).collect();
    assert_eq!(asked, [None, Some("no-cache".to_owned()), None]);

    // A cache that does not listen is believed the second time, and the truth comes out with a 409.
    server.clear_log();
    let url = server.seed(Some(11), b"hello").unwrap();
    server.script(Rule::on("HEAD").times(2).offset("0").header("Age", "30"));
    api.resume(&Setup::to(&server), HELLO, &url).unwrap();
    let story = ["HEAD 200", "HEAD 200", "PATCH 0+11 409", "HEAD 200", "PATCH 5+6 204"];
    assert_story(&server, &story, &url, HELLO);
}

fn scenario_32_the_same_header_twice(api: Api) {
    let same = [
        Rule::on("HEAD").add_header("Upload-Offset", "5"),
        Rule::on("HEAD").add_header("Upload-Length", "11"),
        Rule::on("HEAD").add_header("upload-offset", "05").add_header("UPLOAD-OFFSET", "5"),
    ];
    for rule in same {
        let server = server();
        let url = server.seed(Some(11), b"hello").unwrap();
        server.script(rule);
        api.resume(&Setup::to(&server), HELLO, &url).unwrap();
        assert_story(&server, &["HEAD 200", "PATCH 5+6 204"], &url, HELLO);
    }
    refused(api, Rule::on("HEAD").add_header("Upload-Offset", "6"), BrokenRule::ConflictingHeaders);
    refused(api, Rule::on("HEAD").add_header("Upload-Length", "12"), BrokenRule::ConflictingHeaders);
    refused(api, Rule::on("HEAD").offset("5, 6"), BrokenRule::ConflictingHeaders);
}

/// T-012.
fn scenario_30_other_statuses_of_head(api: Api) {
    for status in [204, 202, 206, 299] {
        let server = server();
        let url = server.seed(Some(11), b"hello").unwrap();
        server.script(Rule::on("HEAD").status(status));
        api.resume(&Setup::to(&server), HELLO, &url).unwrap();
        let head = format!("HEAD {status}");
        assert_story(&server, &[&head, "PATCH 5+6 204"], &url, HELLO);
    }
}
