//! OPTIONS and POST.

use super::*;
use crate::error::BrokenRule;
use crate::protocol::chunk::ChunkSize;
use crate::warning::WarningKind;
use std::num::NonZeroU64;

fn asking(size: u64) -> Plan {
    Plan { discover: true, ..upload(size) }
}

fn options(fields: &[(&'static str, &str)]) -> Reply {
    ok(204, fields)
}

#[test]
fn create_then_patch() {
    let run = play_list(upload(11), vec![created(), at(11)]);
    run.expect_done(11);
    run.expect_requests(&["POST http://h/files/", "PATCH http://h/files/1 0+11"]);
    let header = |n: usize, name: &str| {
        run.exchanges[n].headers.iter().filter(|(have, _)| *have == name).map(|(_, v)| v.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(header(0, "Tus-Resumable"), ["1.0.0"]);
    assert_eq!(header(0, "Upload-Length"), ["11"]);
    assert_eq!(header(0, "Content-Type"), Vec::<&str>::new());
    assert_eq!(run.exchanges[0].body, Body::Empty);
    assert_eq!(header(1, "Upload-Offset"), ["0"]);
    assert_eq!(header(1, "Content-Type"), ["application/offset+octet-stream"]);
    assert!(run.notices.contains(&Notice::UploadUrl(url("http://h/files/1"))));
}

#[test]
fn an_empty_source_needs_no_patch() {
    let run = play_list(upload(0), vec![created()]);
    run.expect_done(0);
}

#[test]
fn metadata_goes_with_the_creation_only() {
    let plan = Plan { metadata: Some("filename eA==".into()), ..upload(1) };
    let run = play_list(plan, vec![created(), at(1)]);
    assert!(run.exchanges[0].headers.contains(&("Upload-Metadata", "filename eA==".into())));
    assert!(!run.exchanges[1].headers.iter().any(|(name, _)| *name == "Upload-Metadata"));
}

#[test]
fn capabilities_are_asked_for_once_and_optional() {
    for reply in [ok(404, &[]), ok(500, &[]), NO_ANSWER, RESET, foreign(200, &[]), ok(302, &[("Location", "/x")])] {
        // Both are asked once more: there, and with the version.
        let asked_again = matches!(&reply, Reply::Answer(200 | 302, _));
        let mut replies = vec![reply];
        if asked_again {
            replies.push(ok(500, &[]));
        }
        replies.extend([created(), at(11)]);
        let run = play_list(asking(11), replies);
        run.expect_done(11);
        assert!(run.sleeps.is_empty());
        assert!(run.exchanges[0].headers.is_empty(), "T-002");
        assert!(run.exchanges[0].optional);
    }
}

#[test]
fn options_may_want_the_version_after_all() {
    let run = play_list(asking(3), vec![ok(405, &[]), options(&[("Tus-Version", "1.0.0")]), created(), at(3)]);
    run.expect_done(3);
    assert_eq!(run.exchanges[1].headers, [("Tus-Resumable", "1.0.0".to_owned())]);
    // So may an answer that says nothing of tus; what stays silent says nothing.
    for said in [vec![("Tus-Version", "1.0.0")], vec![("Tus-Resumable", "1.0.0")], vec![]] {
        let run = play_list(asking(3), vec![foreign(204, &[]), foreign(200, &said), created(), at(3)]);
        run.expect_done(3);
        assert_eq!(run.exchanges[1].headers, [("Tus-Resumable", "1.0.0".to_owned())]);
        assert_eq!(warned(&run, "does not say what it can do"), said.is_empty());
    }
}

#[test]
fn a_refused_connection_is_retried_from_options_on() {
    let refused = || Reply::Break(BrokenKind::Connect, 0);
    let run = play_list(asking(3), vec![refused(), refused(), ok(404, &[]), created(), at(3)]);
    run.expect_done(3);
    assert_eq!(run.sleeps.len(), 2);
}

#[test]
fn too_large_or_another_version_fails_before_the_post() {
    let run = play_list(asking(11), vec![options(&[("Tus-Version", "1.0.0"), ("Tus-Max-Size", "10")])]);
    run.expect_error(ErrorKind::TooLarge);
    let run = play_list(asking(11), vec![options(&[("Tus-Version", "0.2.2")])]);
    run.expect_error(ErrorKind::Version);
    for junk in ["abc", "-1"] {
        play_list(asking(11), vec![options(&[("Tus-Version", "1.0.0"), ("Tus-Max-Size", junk)]), created(), at(11)])
            .expect_done(11);
    }
}

#[test]
fn the_first_chunk_goes_with_the_creation_on_wish() {
    let offers = || options(&[("Tus-Version", "1.0.0"), ("Tus-Extension", "creation,creation-with-upload")]);
    let with_offset =
        |offset: &str| ok(201, &[("Tus-Resumable", "1.0.0"), ("Location", "1"), ("Upload-Offset", offset)]);

    let asking = |size| Plan { creation_data: CreationData::On, ..asking(size) };
    let run = play_list(asking(11), vec![offers(), with_offset("11")]);
    run.expect_done(11);
    run.expect_requests(&["OPTIONS http://h/files/", "POST http://h/files/ 0+11"]);

    let run = play_list(asking(11), vec![offers(), with_offset("4"), at(11)]);
    run.expect_done(11);
    assert_eq!(run.requests[2], "PATCH http://h/files/1 4+7");

    // A server that ignored the data.
    play_list(asking(11), vec![offers(), with_offset("0"), at(11)]).expect_done(11);
    // One that does not say.
    let run = play_list(asking(11), vec![offers(), created(), head(0, 11), at(11)]);
    run.expect_done(11);
    // One that took more than there is.
    let run = play_list(asking(2), vec![offers(), with_offset("3")]);
    run.expect_error(ErrorKind::Protocol(BrokenRule::OffsetBeyondLength));
    // A proxy with a body limit.
    let run = play_list(asking(11), vec![offers(), ok(413, &[]), created(), at(11)]);
    run.expect_done(11);
    assert_eq!(run.exchanges[2].body, Body::Empty);
    // In the chunks of the rest.
    let plan = Plan { chunk_size: ChunkSize::Fixed(NonZeroU64::new(4).unwrap()), ..asking(11) };
    let run = play_list(plan, vec![offers(), with_offset("4"), at(8), at(11)]);
    assert_eq!(run.requests[1..3], ["POST http://h/files/ 0+4", "PATCH http://h/files/1 4+4"]);
    let run = play_list(asking(9 << 20), vec![offers(), with_offset("8388608"), at(9 << 20)]);
    assert_eq!(run.requests[1..], ["POST http://h/files/ 0+8388608", "PATCH http://h/files/1 8388608+1048576"]);
    // Not unless it is wanted.
    let run = play_list(Plan { creation_data: CreationData::Off, ..asking(11) }, vec![offers(), created(), at(11)]);
    assert_eq!(run.exchanges[1].body, Body::Empty);
}

#[test]
fn locations_must_be_usable() {
    for fields in [
        &[][..],
        &[("Location", "")],
        &[("Location", "/a"), ("Location", "/b")],
        &[("Location", "ftp://h/1")],
        &[("Location", "file:///etc/passwd")],
    ] {
        let run = play_list(upload(11), vec![foreign(201, fields)]);
        let rule = if fields.is_empty() { BrokenRule::NotTus } else { BrokenRule::BadLocation };
        run.expect_error(ErrorKind::Protocol(rule));
        run.expect_requests(&["POST http://h/files/"]);
    }
    let secure = Plan {
        discover: false,
        ..Plan::new(Goal::Upload { endpoint: url("https://h/"), size: Some(1), previous: None })
    };
    play_list(secure.clone(), vec![ok(201, &[("Location", "http://other/1")])])
        .expect_error(ErrorKind::Protocol(BrokenRule::InsecureLocation));
    // The scheme alone may be wrong: the server does not know of the TLS proxy before it. Said once.
    let vanishing = vec![ok(201, &[("Location", "http://h/1")]), ok(404, &[("Tus-Resumable", "1.0.0")])];
    let replies = vanishing.into_iter().chain([ok(201, &[("Location", "http://h/1")]), at(1)]).collect();
    let run = play_list(secure, replies);
    run.expect_done(1);
    assert_eq!(run.requests[3], "PATCH https://h/1 0+1");
    assert!(run.exchanges[3].trusted);
    let told =
        |notice: &&Notice| matches!(notice, Notice::Warning(told) if told.kind == WarningKind::LocationReadAsHttps);
    assert_eq!(run.notices.iter().filter(told).count(), 1);
}

#[test]
fn another_origin_gets_no_credentials_unless_allowed() {
    let elsewhere = || ok(201, &[("Location", "http://h:81/1")]);
    let run = play_list(upload(1), vec![elsewhere(), at(1)]);
    assert!(run.exchanges[0].trusted && !run.exchanges[1].trusted);
    let mut plan = upload(1);
    plan.trusted.push(url("http://h:81/").origin().clone());
    assert!(play_list(plan, vec![elsewhere(), at(1)]).exchanges[1].trusted);
}

#[test]
fn statuses_that_end_a_creation() {
    for (status, kind) in [
        (400, ErrorKind::HttpStatus),
        (401, ErrorKind::HttpStatus),
        (403, ErrorKind::HttpStatus),
        (404, ErrorKind::HttpStatus),
        (409, ErrorKind::HttpStatus),
        (410, ErrorKind::HttpStatus),
        (412, ErrorKind::Version),
        (413, ErrorKind::TooLarge),
        (415, ErrorKind::HttpStatus),
        (501, ErrorKind::Unsupported),
    ] {
        let run = play_list(upload(1), vec![foreign(status, &[])]);
        let error = run.expect_error(kind);
        assert_eq!((error.answer().unwrap().status, error.is_retryable()), (status, false));
        // A page that is not there is not the endpoint, unless a tus server says so.
        assert_eq!(error.full_message().contains("no tus server"), matches!(status, 404 | 410), "{error}");
        let run = play_list(upload(1), vec![ok(status, &[("Tus-Resumable", "1.0.0")])]);
        assert!(!run.expect_error(kind).full_message().contains("no tus server"));
    }
}

#[test]
fn where_no_tus_server_answers_that_is_said() {
    for answer in [Reply::Text(200, "Welcome to tusd"), Reply::Text(200, "<html>"), foreign(204, &[])] {
        let run = play_list(upload(11), vec![answer]);
        let error = run.expect_error(ErrorKind::Protocol(BrokenRule::NotTus));
        let message = error.full_message();
        assert!(message.contains("no tus server answers there") && message.contains("http://h/files/"), "{message}");
    }
}

#[test]
fn creation_is_retried_and_says_so() {
    let run = play_list(upload(1), vec![RESET, ok(503, &[]), ok(423, &[]), NO_ANSWER, created(), at(1)]);
    run.expect_done(1);
    assert_eq!(run.sleeps.len(), 4);
    // An old connection may have been dead before, or have died with the upload made.
    let run = play_list(upload(1), vec![Reply::Stale, created(), at(1)]);
    run.expect_done(1);
    assert!(run.sleeps.len() == 1 && run.exchanges[1].fresh_connection);
}

#[test]
fn what_a_proxy_refuses_is_told_as_the_proxys() {
    let run = play_list(upload(1), vec![ok(407, &[])]);
    let error = run.expect_error(ErrorKind::HttpStatus);
    assert!(error.to_string().contains("the proxy asks for (other) credentials"), "{error}");

    let mut session = Session::start(upload(1), Instant(0));
    let answer = Answer::new(403, Headers::new(), Vec::new());
    let broken = Broken {
        kind: BrokenKind::ProxyRefused,
        cause: None,
        os_code: None,
        body_sent: 0,
        stale_connection: false,
        never_sent: true,
        answer: Some(Box::new(answer)),
    };
    session = session.happened(Event::Broken(broken), Instant(1));
    let Action::Finished(Err(error)) = session.next() else { panic!("{session:?}") };
    assert_eq!((error.kind(), error.answer().unwrap().status), (ErrorKind::HttpStatus, 403));
    assert!(!error.is_retryable() && error.to_string().contains("the proxy refused the tunnel"), "{error}");
    assert_eq!(error.request().unwrap().method, "CONNECT");
}

/// T-154: each of them may have made an upload. A PATCH is followed by HEAD.
#[test]
fn a_creation_whose_answer_cannot_be_read_is_not_repeated() {
    let unreadable = || Reply::Break(BrokenKind::NotHttp, u64::MAX);
    let run = play_list(upload(4), vec![unreadable()]);
    let error = run.expect_error(ErrorKind::Protocol(BrokenRule::NotHttp));
    assert!(!error.is_retryable() && error.to_string().contains("may have made an upload"), "{error}");
    play_list(upload(4), vec![created(), unreadable(), head(4, 4)]).expect_done(4);
}

#[test]
fn a_creation_is_never_repeated_unasked() {
    for reply in [Reply::Stale, RESET] {
        let plan = Plan { retry: no_retries(), ..upload(1) };
        play_list(plan, vec![reply]).expect_error(ErrorKind::Io);
    }
    // What took not a byte made nothing.
    let run = play_list(Plan { retry: no_retries(), ..upload(1) }, vec![Reply::Unsent, created(), at(1)]);
    run.expect_done(1);
}

#[test]
fn discovery_as_a_goal_wants_a_tus_server() {
    let plan = || Plan::new(Goal::Discover { endpoint: url("http://h/files/") });
    let run = play_list(plan(), vec![ok(503, &[]), options(&[("Tus-Version", "1.0.0"), ("Tus-Max-Size", "5")])]);
    match run.result {
        Ok(Outcome::Discovered(capabilities)) => assert_eq!(capabilities.max_size, Some(5)),
        other => panic!("{other:?}"),
    }
    play_list(plan(), vec![foreign(200, &[]), foreign(200, &[])]).expect_error(ErrorKind::Protocol(BrokenRule::NotTus));
    play_list(plan(), vec![ok(404, &[])]).expect_error(ErrorKind::HttpStatus);
}

#[test]
fn termination_by_status() {
    let plan = || Plan {
        discover: false,
        ..Plan::new(Goal::Terminate { url: url("http://h/files/1"), endpoint: Some(url("http://h/files/")) })
    };
    for replies in [
        vec![ok(204, &[])],
        vec![ok(404, &[]), ok(404, &[])],
        vec![ok(410, &[]), ok(410, &[])],
        vec![ok(423, &[]), ok(423, &[]), ok(204, &[])],
        vec![RESET, ok(404, &[]), ok(404, &[])],
        // What proves nothing is looked into.
        vec![ok(200, &[]), ok(404, &[])],
        vec![foreign(204, &[]), ok(410, &[])],
        vec![foreign(200, &[]), foreign(200, &[]), ok(404, &[])],
        vec![ok(202, &[]), head(1, 4), ok(204, &[])],
        vec![foreign(404, &[]), head(1, 4), ok(204, &[])],
        vec![foreign(404, &[]), foreign(404, &[]), foreign(404, &[])],
        vec![foreign(200, &[]), foreign(404, &[]), foreign(404, &[]), foreign(404, &[])],
    ] {
        assert_eq!(play_list(plan(), replies).result.unwrap(), Outcome::Terminated);
    }
    // The upload is still there.
    for status in [404, 410] {
        let run = play_list(plan(), vec![ok(status, &[]), head(1, 4)]);
        let error = run.expect_error(ErrorKind::HttpStatus);
        assert!(!error.is_retryable() && error.upload_url().is_some());
        assert_eq!(error.answer().map(|answer| answer.status), Some(status));
    }
    let run = play(plan(), |_, exchange| match exchange.method {
        HttpMethod::Head => head(1, 4),
        _ => foreign(200, &[]),
    });
    let error = run.expect_error(ErrorKind::HttpStatus);
    assert!(error.is_retryable() && error.upload_url().is_some(), "{error:?}");
    play_list(plan(), vec![ok(501, &[])]).expect_error(ErrorKind::Unsupported);
    play_list(plan(), vec![ok(403, &[])]).expect_error(ErrorKind::HttpStatus);
    let asking = Plan { discover: true, ..plan() };
    let run = play_list(asking, vec![options(&[("Tus-Extension", "creation")])]);
    run.expect_error(ErrorKind::Unsupported);
    let run = play_list(Plan { override_method: true, ..plan() }, vec![ok(204, &[])]);
    assert_eq!(run.exchanges[0].method, HttpMethod::Post);
    assert!(run.exchanges[0].headers.contains(&("X-HTTP-Method-Override", "DELETE".into())));
}
