//! Corner cases that cost somebody an upload once: late commits, refusals to finished uploads, odd creations.

use super::*;
use crate::error::BrokenRule;
use crate::protocol::capabilities::Capabilities;
use crate::protocol::chunk::ChunkSize;
use std::num::NonZeroU64;

fn asking(size: u64) -> Plan {
    Plan { discover: true, ..upload(size) }
}

fn offers() -> Reply {
    ok(204, &[("Tus-Version", "1.0.0"), ("Tus-Extension", "creation,creation-with-upload")])
}

#[test]
fn a_dead_request_of_an_earlier_process_may_commit_late() {
    let early_409 = || Reply::Early(65_536, 409, vec![]);
    let run = play_list(resume(200_000), vec![head(0, 200_000), early_409(), head(150_000, 200_000), at(200_000)]);
    run.expect_done(200_000);
    assert_eq!(run.requests[3], "PATCH http://h/files/1 150000+50000");
}

#[test]
fn a_wait_of_the_callers_ends_at_the_deadline() {
    let now = Instant(0);
    for delay in [Duration::from_secs(3600), Duration::MAX] {
        let plan = Plan { deadline: Some(Instant(5_000_000)), ..resume(4) };
        let session = Session::start(plan, now).happened(reply_event(ok(503, &[]), 0), now);
        let session = session.happened(Event::Decided(Ok(delay)), now);
        match session.next() {
            Action::Finished(Err(error)) => assert!(error.full_message().contains("deadline"), "{error}"),
            other => panic!("sleeps beyond the deadline: {other:?}"),
        }
    }
}

#[test]
fn a_refusal_to_a_finished_upload_is_looked_into() {
    for status in [403, 400] {
        let run = play_list(upload(11), vec![created(), NO_ANSWER, head(0, 11), ok(status, &[]), head(11, 11)]);
        run.expect_done(11);
    }
}

#[test]
fn a_final_upload_gets_no_patch() {
    for fields in [
        &[("Upload-Concat", "final;/a /b"), ("Upload-Length", "11")][..],
        &[("Upload-Concat", "final;/a /b")],
        &[("Upload-Concat", "final;/a /b"), ("Upload-Length", "11"), ("Upload-Offset", "3")],
    ] {
        play_list(resume(11), vec![ok(200, fields)]).expect_error(ErrorKind::Unsupported);
    }
    let silent = ok(200, &[("Upload-Concat", "final;/a /b"), ("Upload-Length", "8")]);
    let plan = Plan { chunk_size: ChunkSize::Fixed(NonZeroU64::new(4).unwrap()), ..upload(8) };
    play_list(plan, vec![created(), at(4), RESET, silent]).expect_error(ErrorKind::Unsupported);
}

#[test]
fn known_capabilities_without_our_version_end_before_the_post() {
    let known = Capabilities { versions: vec!["0.2.2".into()], ..Capabilities::default() };
    let plan = Plan { capabilities: Some(known), ..asking(4) };
    play_list(plan, vec![]).expect_error(ErrorKind::Version);
}

#[test]
fn waiting_for_a_lock_or_a_rate_limit_does_not_shrink_chunks() {
    let size = 64 << 20;
    for status in [423, 429, 503, 409] {
        let run = play(upload(size), |n, exchange| match (n, exchange.body) {
            (0, _) => created(),
            (_, Body::Range { start, length }) if n > 8 => at(start + length),
            (_, Body::Range { .. }) => ok(status, &[]),
            _ => head(0, size),
        });
        run.expect_done(size);
        let last = run.requests.iter().rfind(|line| line.contains(" 0+")).unwrap();
        assert_eq!(last, "PATCH http://h/files/1 0+8388608", "{status}");
    }
}

#[test]
fn a_server_that_ignored_the_data_costs_no_try() {
    let plan = Plan { retry: no_retries(), creation_data: CreationData::On, ..asking(11) };
    let run = play_list(plan, vec![offers(), created(), head(0, 11), at(11)]);
    run.expect_done(11);
    assert!(run.sleeps.is_empty());
}

#[test]
fn an_empty_declaration_is_believed_only_with_an_offset() {
    let deferred = || ok(200, &[("Upload-Offset", "11"), ("Upload-Defer-Length", "1")]);
    let run = play_list(resume(11), vec![deferred(), ok(204, &[]), head(11, 11)]);
    run.expect_done(11);
    let plan = Plan { retry: no_retries(), ..resume(11) };
    let run = play_list(plan, vec![deferred(), ok(204, &[("Upload-Offset", "x")]), head(11, 11)]);
    run.expect_done(11);
    assert!(run.sleeps.is_empty());
}

#[test]
fn a_last_answer_that_was_a_failure_is_not_forgotten() {
    let run = play_list(upload(11), vec![created(), foreign(500, &[]), head(11, 11)]);
    run.expect_done(11);
    assert!(warned(&run, "500"), "{:?}", run.notices);
}

#[test]
fn an_unanswered_creation_says_that_an_upload_may_be_left() {
    for reply in [RESET, NO_ANSWER] {
        let run = play_list(upload(4), vec![reply, created(), at(4)]);
        assert!(warned(&run, "unused upload"));
    }
    let run = play_list(upload(4), vec![Reply::Break(BrokenKind::Connect, 0), created(), at(4)]);
    assert!(!warned(&run, "unused upload"));
}

#[test]
fn retryable_is_what_the_table_says() {
    for (status, retryable) in [(501, false), (505, true), (520, true), (524, true), (503, true), (403, false)] {
        let run = play(upload(4), |_, _| ok(status, &[]));
        assert_eq!(run.result.unwrap_err().is_retryable(), retryable, "{status}");
    }
}

#[test]
fn a_location_that_is_not_utf8_is_refused() {
    let run = play_list(upload(4), vec![ok(201, &[("Location", "/files/\u{fffd}")])]);
    run.expect_error(ErrorKind::Protocol(BrokenRule::BadLocation));
}

#[test]
fn capabilities_of_a_server_that_shows_no_tus_are_not_passed_on() {
    let run = play_list(asking(4), vec![foreign(200, &[]), foreign(200, &[]), created(), at(4)]);
    assert!(!run.notices.iter().any(|notice| matches!(notice, Notice::Capabilities(_))));
}

#[test]
fn a_created_upload_with_an_impossible_offset_gets_one_head() {
    let early = Reply::Early(3, 201, vec![("Location", "/files/1".into()), ("Upload-Offset", "5".into())]);
    play_list(asking(11), vec![offers(), early, head(3, 11), at(11)]).expect_done(11);
    let malformed = ok(201, &[("Location", "/files/1"), ("Upload-Offset", "x")]);
    play_list(asking(11), vec![offers(), malformed, head(11, 11)]).expect_done(11);
}

#[test]
fn a_connect_timeout_of_options_is_retried() {
    let timeout = Reply::Break(BrokenKind::Timeout(TimeLimit::Connect), 0);
    play_list(asking(11), vec![timeout, offers(), created(), at(11)]).expect_done(11);
}

#[test]
fn a_failed_termination_keeps_the_url_from_options_on() {
    let goal = Goal::Terminate { url: url("http://h/files/1"), endpoint: Some(url("http://h/files/")) };
    let run = play_list(Plan::new(goal), vec![Reply::Break(BrokenKind::TlsRejected, 0)]);
    assert_eq!(run.expect_error(ErrorKind::Tls).upload_url(), Some(&url("http://h/files/1")));
}

#[test]
fn a_malformed_max_size_is_warned_of() {
    let run =
        play_list(asking(4), vec![ok(204, &[("Tus-Version", "1.0.0"), ("Tus-Max-Size", "abc")]), created(), at(4)]);
    assert!(warned(&run, "Tus-Max-Size"));
}

#[test]
fn gone_from_where_a_redirect_led_is_not_gone() {
    let to_b = ok(307, &[("Location", "/b")]);
    let run = play_list(upload(8), vec![created(), to_b, ok(404, &[]), head(0, 8), at(8)]);
    run.expect_done(8);
    assert_eq!(run.requests[3], "HEAD http://h/files/1");
}

#[test]
fn the_same_version_twice_is_one_version() {
    let twice = ok(200, &[("Tus-Resumable", "1.0.0, 1.0.0"), ("Upload-Offset", "4"), ("Upload-Length", "4")]);
    play_list(resume(4), vec![twice]).expect_done(4);
}
