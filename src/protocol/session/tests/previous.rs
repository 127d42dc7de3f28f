//! The upload of an earlier run: gone on with, or given up for a new one (T-019, T-083).

use super::*;
use crate::error::BrokenRule;
use crate::protocol::checksum::{Policy, Wish};

const OLD: &str = "http://h/files/old";

fn earlier_at(place: &str, proven: Option<u64>, size: Option<u64>) -> Plan {
    let previous = Some(Previous { url: url(place), proven });
    let mut plan = Plan::new(Goal::Upload { endpoint: url("http://h/files/"), size, previous });
    plan.discover = false;
    plan
}

fn earlier(proven: Option<u64>) -> Plan {
    earlier_at(OLD, proven, Some(11))
}

fn given_up(run: &Run) -> Vec<&Notice> {
    run.notices.iter().filter(|notice| matches!(notice, Notice::Gone(_) | Notice::Abandoned(_))).collect()
}

/// Begins anew after this answer to HEAD.
#[track_caller]
fn begins_anew(plan: Plan, answer: Reply) -> Run {
    let run = play_list(plan, vec![answer, created(), at(11)]);
    run.expect_done(11);
    run.expect_requests(&["HEAD http://h/files/old", "POST http://h/files/", "PATCH http://h/files/1 0+11"]);
    assert!(!run.notices.iter().any(|notice| matches!(notice, Notice::Resumed(_))));
    run
}

#[test]
fn it_is_gone_on_with_from_where_it_is() {
    let run = play_list(earlier(None), vec![head(5, 11), at(11)]);
    run.expect_done(11);
    run.expect_requests(&["HEAD http://h/files/old", "PATCH http://h/files/old 5+6"]);
    assert_eq!(run.notices, [Notice::Resumed(5), Notice::Acknowledged(11)]);
    play_list(earlier(None), vec![head(11, 11)]).expect_done(11);
}

#[test]
fn one_whose_length_is_open_is_gone_on_with_too() {
    let run = play_list(earlier(None), vec![open(5), at(11)]);
    assert_eq!(field(&run.exchanges[1], "Upload-Length"), Some("11"));
    assert!(warned(&run, "still open"));
}

#[test]
fn one_that_is_gone_is_begun_again() {
    for status in [404, 410] {
        let run = begins_anew(earlier(None), ok(status, &[]));
        assert_eq!(given_up(&run), [&Notice::Gone(url(OLD))]);
    }
    // It counts as one of the restarts.
    let gone = || ok(404, &[]);
    let run = play_list(earlier(None), vec![gone(), created(), gone(), created(), gone(), created(), gone()]);
    run.expect_error(ErrorKind::Gone);
}

#[test]
fn one_that_was_never_this_sources_is_gone() {
    let with = |name, value| ok(200, &[("Upload-Offset", "0"), ("Upload-Length", "11"), (name, value)]);
    for answer in [
        head(5, 12),
        head(5, 10),
        with("Upload-Concat", "final;/a /b"),
        with("Upload-Concat", "partial"),
        // Deferred, and beyond the end of the source.
        open(12),
    ] {
        let run = begins_anew(earlier(None), answer);
        assert_eq!(given_up(&run), [&Notice::Gone(url(OLD))]);
    }
    let part = Plan { partial: true, ..earlier(None) };
    play_list(part, vec![with("Upload-Concat", "partial"), at(11)]).expect_done(11);
    // A source that has not ended yet cannot be the one of an upload whose length is known.
    let stream = || Plan { chunk_size: fixed(6), ..earlier_at(OLD, None, None) };
    let run = play_stream_list(stream(), 11, Ok(true), vec![head(6, 11), created(), at(6), at(11)]);
    run.expect_done(11);
    assert_eq!(given_up(&run), [&Notice::Gone(url(OLD))]);
    let run = play_stream_list(stream(), 11, Ok(true), vec![open(6), at(11)]);
    run.expect_done(11);
    assert_eq!(field(&run.exchanges[1], "Upload-Length"), Some("11"));
}

#[test]
fn one_that_is_not_for_us_is_left_alone() {
    let run = begins_anew(earlier(None), ok(403, &[]));
    assert_eq!(given_up(&run), [&Notice::Abandoned(url(OLD))]);
    assert!(warned(&run, "cannot be continued"));
    // If a new one is not for us either, nothing is to be resumed.
    let run = play_list(earlier(None), vec![ok(403, &[]), ok(403, &[])]);
    assert_eq!(run.expect_error(ErrorKind::HttpStatus).upload_url(), None);
}

/// T-019: nothing of this says that it is not there.
#[test]
fn one_that_is_refused_is_kept_and_nothing_is_begun() {
    for status in [400, 401, 402, 405, 406, 407, 412, 413, 415, 418, 431, 451, 501, 999] {
        for reply in [ok(status, &[]), foreign(status, &[])] {
            let run = play_list(earlier(None), vec![reply]);
            let error = run.result.as_ref().unwrap_err();
            assert_eq!(error.upload_url(), Some(&url(OLD)), "{status}");
            assert_eq!(error.answer().map(|answer| answer.status), Some(status));
            assert!(given_up(&run).is_empty(), "{status}");
        }
    }
}

/// T-083: a balancer may say 404 while the server is restarted.
#[test]
fn one_that_is_missing_is_asked_about_twice_more() {
    for status in [404, 410] {
        let run = play_list(earlier(None), vec![foreign(status, &[]), foreign(status, &[]), head(5, 11), at(11)]);
        run.expect_done(11);
        assert!(given_up(&run).is_empty());
        assert_eq!(run.sleeps.len(), 2);
        // Then it is believed, but the entry is kept until the server has shown itself.
        let missing = || foreign(status, &[]);
        let run = play_list(earlier(None), vec![missing(), missing(), missing(), created(), at(11)]);
        run.expect_done(11);
        assert_eq!(given_up(&run), [&Notice::Abandoned(url(OLD)), &Notice::Gone(url(OLD))]);
        let run = play_list(earlier(None), vec![missing(), missing(), missing(), missing()]);
        assert_eq!(run.expect_error(ErrorKind::HttpStatus).upload_url(), Some(&url(OLD)));
        assert_eq!(given_up(&run), [&Notice::Abandoned(url(OLD))]);
        // Where nothing may be tried again it is not given up either.
        let run = play_list(Plan { retry: no_retries(), ..earlier(None) }, vec![missing()]);
        let error = run.expect_error(ErrorKind::HttpStatus);
        assert!(error.is_retryable() && error.upload_url() == Some(&url(OLD)));
        assert!(given_up(&run).is_empty());
    }
}

#[test]
fn what_is_beyond_the_proven_bytes_is_not_built_on() {
    let run = begins_anew(earlier(Some(4)), head(5, 11));
    assert_eq!(given_up(&run), [&Notice::Abandoned(url(OLD))]);
    assert!(warned(&run, "cannot be shown"));
    for offset in [0, 3, 4] {
        let run = play_list(earlier(Some(4)), vec![head(offset, 11), at(11)]);
        run.expect_done(11);
        assert!(given_up(&run).is_empty());
    }
    begins_anew(earlier(Some(4)), head(11, 11));
    begins_anew(earlier(Some(0)), head(1, 11));
}

#[test]
fn an_earlier_run_that_still_writes_does_not_go_beyond_what_is_proven() {
    // It commits after the first HEAD, before anything of ours could arrive.
    let refused = || Reply::Break(BrokenKind::Connect, 0);
    let run = play_list(earlier(Some(6)), vec![head(3, 11), refused(), head(8, 11), created(), at(11)]);
    run.expect_done(11);
    assert_eq!(run.requests[3..], ["POST http://h/files/", "PATCH http://h/files/1 0+11"]);
    assert_eq!(given_up(&run), [&Notice::Abandoned(url(OLD))]);
    // A conflict says that none of ours were taken.
    let run = play_list(earlier(Some(6)), vec![head(3, 11), ok(409, &[]), head(8, 11), created(), at(11)]);
    assert_eq!(given_up(&run), [&Notice::Abandoned(url(OLD))]);
    // Up to what is proven all is well, and what we sent is ours.
    for offset in [3, 5, 6] {
        for reply in [refused(), ok(409, &[]), RESET] {
            play_list(earlier(Some(6)), vec![head(3, 11), reply, head(offset, 11), at(11)]).expect_done(11);
        }
    }
    play_list(earlier(Some(6)), vec![head(3, 11), RESET, head(8, 11), at(11)]).expect_done(11);
    // Once data of ours was taken nobody else can go on from where he was.
    let plan = Plan { chunk_size: fixed(4), ..earlier(Some(6)) };
    let replies = vec![head(3, 11), at(7), RESET, head(7, 11), ok(409, &[]), head(9, 11), at(11)];
    play_list(plan, replies).expect_done(11);
    // Of which all is proven may be gone on with wherever it is.
    play_list(earlier(None), vec![head(3, 11), refused(), head(8, 11), at(11)]).expect_done(11);
}

#[test]
fn one_that_cannot_be_reached_elsewhere_is_left_there() {
    let unreachable = || Reply::Break(BrokenKind::Connect, 0);
    let plan = |place| Plan { retry: no_retries(), ..earlier_at(place, None, Some(11)) };
    for reply in [unreachable(), Reply::Break(BrokenKind::TlsRejected, 0), ok(500, &[]), ok(423, &[])] {
        let impatient = RetryPolicy { lock_budget: Duration::ZERO, ..no_retries() };
        let elsewhere = Plan { retry: impatient, ..plan("http://g/old") };
        let run = play_list(elsewhere, vec![reply, created(), at(11)]);
        run.expect_done(11);
        assert_eq!(given_up(&run), [&Notice::Abandoned(url("http://g/old"))]);
    }
    // Where a new one would go the same way it is not tried.
    let run = play_list(plan(OLD), vec![unreachable()]);
    assert_eq!(run.expect_error(ErrorKind::Connect).upload_url(), Some(&url(OLD)));
    play_list(plan(OLD), vec![ok(500, &[])]).expect_error(ErrorKind::HttpStatus);
    // It is tried as often as anything, and the new one has all its tries.
    let retry = RetryPolicy { max_retries: 1, ..RetryPolicy::default() };
    let replies = vec![unreachable(), unreachable(), unreachable(), created(), at(11)];
    play_list(Plan { retry, ..plan("http://g/old") }, replies).expect_done(11);
    // When time is up, it may still be there.
    let late = Reply::Break(BrokenKind::Timeout(TimeLimit::Total), 0);
    let run = play_list(plan("http://g/old"), vec![late]);
    assert_eq!(run.expect_error(ErrorKind::Timeout(TimeLimit::Total)).upload_url(), Some(&url("http://g/old")));
}

#[test]
fn a_previous_upload_elsewhere_sees_no_credentials() {
    let run = play_list(earlier_at("http://g/old", None, Some(11)), vec![head(5, 11), at(11)]);
    assert!(run.exchanges.iter().all(|exchange| !exchange.trusted));
}

#[test]
fn an_old_answer_of_a_cache_is_asked_again() {
    let cached = ok(200, &[("Upload-Offset", "0"), ("Upload-Length", "12"), ("Age", "7")]);
    play_list(earlier(None), vec![cached, head(5, 11), at(11)]).expect_done(11);
}

#[test]
fn the_server_is_asked_what_it_can_do_only_where_that_matters() {
    let asking = || Plan { discover: true, ..earlier(None) };
    let run = play_list(asking(), vec![head(5, 11), at(11)]);
    run.expect_done(11);
    let offers = || ok(204, &[("Tus-Version", "1.0.0"), ("Tus-Extension", "checksum")]);
    let run = play_list(asking(), vec![ok(404, &[]), offers(), created(), at(11)]);
    run.expect_done(11);
    assert_eq!(run.requests[..3], ["HEAD http://h/files/old", "OPTIONS http://h/files/", "POST http://h/files/"]);
    // Checksums are chosen before anything is sent, and the previous upload is asked about once.
    let checked = |policy| Plan { checksum: Wish { policy, algorithm: None }, ..asking() };
    let run = play_list(checked(Policy::Required), vec![offers(), head(5, 11), at(11)]);
    run.expect_done(11);
    assert_eq!(run.requests[..2], ["OPTIONS http://h/files/", "HEAD http://h/files/old"]);
    assert!(run.exchanges[2].checksum.is_some());
    let run = play_list(checked(Policy::Required), vec![offers(), ok(404, &[]), created(), at(11)]);
    run.expect_done(11);
    play_list(checked(Policy::Required), vec![ok(404, &[])]).expect_error(ErrorKind::Unsupported);
    // What is known, or not to be asked, is settled at once.
    let known = Plan { capabilities: offering("checksum", ""), ..checked(Policy::Required) };
    let run = play_list(known, vec![head(5, 11), at(11)]);
    assert!(run.exchanges[1].checksum.is_some());
    play_list(Plan { discover: false, ..checked(Policy::Required) }, vec![]).expect_error(ErrorKind::Unsupported);
}

#[test]
fn a_new_one_that_cannot_be_is_nothing_to_resume() {
    let small = offering("creation", "").map(|known| Capabilities { max_size: Some(10), ..known });
    for status in [404, 403] {
        let plan = Plan { capabilities: small.clone(), ..earlier(None) };
        let run = play_list(plan, vec![ok(status, &[])]);
        assert_eq!(run.expect_error(ErrorKind::TooLarge).upload_url(), None);
    }
}

#[test]
fn one_that_vanishes_under_way_is_begun_again() {
    let run = play_list(earlier(None), vec![head(5, 11), ok(404, &[]), created(), at(11)]);
    run.expect_done(11);
    assert_eq!(given_up(&run), [&Notice::Gone(url(OLD))]);
}

#[test]
fn nonsense_about_it_is_an_error_that_keeps_it() {
    let run = play_list(earlier(None), vec![ok(200, &[("Upload-Length", "11")])]);
    assert_eq!(run.expect_error(ErrorKind::Protocol(BrokenRule::MissingOffset)).upload_url(), Some(&url(OLD)));
}
