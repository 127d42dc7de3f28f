//! HEAD: resuming and inspecting.

use super::*;
use crate::error::BrokenRule;

#[test]
fn resumes_from_where_the_server_is() {
    let run = play_list(resume(11), vec![head(5, 11), at(11)]);
    run.expect_done(11);
    run.expect_requests(&["HEAD http://h/files/1", "PATCH http://h/files/1 5+6"]);
    assert!(run.exchanges[0].headers == [("Tus-Resumable", "1.0.0".to_owned())] && run.exchanges[0].body == Body::None);
    let run = play_list(resume(11), vec![head(11, 11)]);
    run.expect_done(11);
}

#[test]
fn odd_offsets_are_fatal() {
    for odd in ["", "-1", "+5", "5.0", "0x5", "5 5", "abc", "9223372036854775808", "\u{feff}5"] {
        let run = play_list(resume(11), vec![ok(200, &[("Upload-Offset", odd), ("Upload-Length", "11")])]);
        run.expect_error(ErrorKind::Protocol(BrokenRule::MalformedInteger));
    }
    let cases: &[(&[(&'static str, &str)], BrokenRule)] = &[
        (&[("Upload-Length", "11")], BrokenRule::MissingOffset),
        (&[("Upload-Offset", "5")], BrokenRule::MissingLength),
        (&[("Upload-Offset", "12"), ("Upload-Length", "11")], BrokenRule::OffsetBeyondLength),
        (&[("Upload-Offset", "5"), ("Upload-Offset", "6"), ("Upload-Length", "11")], BrokenRule::ConflictingHeaders),
        (&[("Upload-Offset", "12"), ("Upload-Defer-Length", "1")], BrokenRule::OffsetBeyondLength),
    ];
    for (fields, rule) in cases {
        play_list(resume(11), vec![ok(200, fields)]).expect_error(ErrorKind::Protocol(*rule));
    }
    play_list(resume(11), vec![ok(200, &[("Upload-Offset", "11"), ("Upload-Offset", "11"), ("Upload-Length", "11")])])
        .expect_done(11);
}

#[test]
fn another_length_is_another_source() {
    for length in [5, 12] {
        let run = play_list(resume(11), vec![head(5, length)]);
        assert!(run.expect_error(ErrorKind::SourceChanged).full_message().contains("11"));
    }
}

#[test]
fn a_deferred_length_is_declared_once() {
    let deferred = ok(200, &[("Upload-Offset", "5"), ("Upload-Defer-Length", "1")]);
    let run = play_list(resume(11), vec![deferred, at(8), at(11)]);
    run.expect_done(11);
    let declared = |n: usize| run.exchanges[n].headers.iter().any(|(name, _)| *name == "Upload-Length");
    assert!(declared(1) && !declared(2));
    // All the data is there, only the length is not (T-073).
    let deferred = ok(200, &[("Upload-Offset", "11"), ("Upload-Defer-Length", "1")]);
    let run = play_list(resume(11), vec![deferred, at(11)]);
    run.expect_done(11);
    assert_eq!(run.exchanges[1].body, Body::Empty);
}

#[test]
fn head_is_retried_like_anything_else() {
    let run = play_list(resume(4), vec![ok(502, &[]), RESET, ok(423, &[]), NO_ANSWER, head(4, 4)]);
    run.expect_done(4);
    assert_eq!(run.sleeps.len(), 4);
}

#[test]
fn gone_forbidden_and_unauthorised_are_told_apart() {
    for (status, kind) in [
        (401, ErrorKind::HttpStatus),
        (403, ErrorKind::HttpStatus),
        (404, ErrorKind::Gone),
        (410, ErrorKind::Gone),
        (412, ErrorKind::Version),
    ] {
        let run = play_list(resume(4), vec![ok(status, &[])]);
        let error = run.expect_error(kind);
        assert_eq!(error.answer().unwrap().status, status);
        assert_eq!(error.upload_url().is_none(), kind == ErrorKind::Gone, "{status}");
    }
}

#[test]
fn a_cached_answer_is_asked_again() {
    let cached = ok(200, &[("Upload-Offset", "0"), ("Upload-Length", "4"), ("Age", "7")]);
    let run = play_list(resume(4), vec![cached, head(4, 4)]);
    run.expect_done(4);
    assert!(run.exchanges[1].headers.contains(&("Cache-Control", "no-cache".into())));
}

#[test]
fn the_version_is_checked() {
    let other = ok(200, &[("Tus-Resumable", "2.0.0"), ("Upload-Offset", "0"), ("Upload-Length", "4")]);
    play_list(resume(4), vec![other]).expect_error(ErrorKind::Version);
    let silent = || foreign(200, &[("Upload-Offset", "0"), ("Upload-Length", "4")]);
    let run = play_list(resume(4), vec![silent(), foreign(204, &[("Upload-Offset", "2")]), at(4)]);
    run.expect_done(4);
    let warnings = run.notices.iter().filter(|notice| matches!(notice, Notice::Warning(_))).count();
    assert_eq!(warnings, 1);
}

#[test]
fn inspection_reports_what_there_is() {
    let plan = || Plan::new(Goal::Inspect { url: url("http://h/files/1") });
    match play_list(plan(), vec![head(5, 11)]).result {
        Ok(Outcome::Inspected { offset: 5, size: Some(11), headers, .. }) => {
            assert_eq!(headers.get("upload-length"), Some("11"));
        }
        other => panic!("{other:?}"),
    }
    let unfinished = ok(200, &[("Upload-Concat", "final;/a /b")]);
    assert!(matches!(play_list(plan(), vec![unfinished]).result, Ok(Outcome::Inspected { offset: 0, size: None, .. })));
    play_list(plan(), vec![ok(404, &[])]).expect_error(ErrorKind::Gone);
}

/// A maintenance page, or a server that is locked.
#[test]
fn an_answer_that_is_not_about_tus_is_asked_for_again() {
    let page = || foreign(200, &[("Content-Type", "text/html")]);
    let run = play_list(resume(4), vec![page(), foreign(204, &[]), head(1, 4), at(4)]);
    run.expect_done(4);
    assert_eq!(run.sleeps.len(), 2);
    let run = play(resume(4), |_, _| page());
    let error = run.expect_error(ErrorKind::Protocol(BrokenRule::NotTus));
    assert!(error.is_retryable() && error.upload_url().is_some());
    assert_eq!(run.requests.len(), 7, "a try and six more");
    let inspect = Plan::new(Goal::Inspect { url: url("http://h/files/1") });
    assert!(play_list(inspect, vec![page(), head(1, 4)]).result.is_ok());
    // What the tus server itself says without an offset is a rule it breaks (T-013).
    play_list(resume(4), vec![ok(200, &[])]).expect_error(ErrorKind::Protocol(BrokenRule::MissingLength));
}

#[test]
fn a_404_that_is_no_tus_servers_is_asked_about_twice_more() {
    for plan in [resume(4), Plan::new(Goal::Inspect { url: url("http://h/files/1") })] {
        let missing = || foreign(404, &[]);
        let run = play_list(plan.clone(), vec![missing(), missing(), missing()]);
        assert_eq!(run.expect_error(ErrorKind::Gone).upload_url(), None);
        let run = play_list(plan, vec![missing(), missing(), head(4, 4)]);
        assert!(run.result.is_ok() && run.sleeps.len() == 2);
    }
}
