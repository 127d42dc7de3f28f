//! PATCH: offsets, statuses, breaks.

use super::*;
use crate::error::BrokenRule;
use crate::protocol::chunk::ChunkSize;
use std::num::NonZeroU64;

fn chunks(size: u64, of: u64) -> Plan {
    Plan { chunk_size: ChunkSize::Fixed(NonZeroU64::new(of).unwrap()), ..upload(size) }
}

#[test]
fn chunks_are_exact() {
    let run = play_list(chunks(11, 4), vec![created(), at(4), at(8), at(11)]);
    run.expect_done(11);
    assert_eq!(
        run.requests[1..],
        ["PATCH http://h/files/1 0+4", "PATCH http://h/files/1 4+4", "PATCH http://h/files/1 8+3"]
    );
}

#[test]
fn partly_accepted_goes_on_from_there() {
    let run = play_list(upload(11), vec![created(), at(3), at(11)]);
    run.expect_done(11);
    assert_eq!(run.requests[2], "PATCH http://h/files/1 3+8");
}

#[test]
fn any_2xx_with_a_good_offset_is_success() {
    for status in [200, 202, 206, 299] {
        play_list(upload(5), vec![created(), ok(status, &[("Upload-Offset", "5")])]).expect_done(5);
    }
}

#[test]
fn stops_where_asked() {
    let run = play_list(Plan { stop_at: Some(6), ..chunks(11, 4) }, vec![created(), at(4), at(6)]);
    run.expect_done(6);
    play_list(Plan { stop_at: Some(0), ..upload(11) }, vec![created()]).expect_done(0);
}

#[test]
fn an_offset_that_cannot_be_is_checked_by_head() {
    // Beyond what was sent, before where it was sent, missing, malformed; HEAD then tells the truth.
    for odd in [at(5), ok(204, &[]), ok(204, &[("Upload-Offset", "x")]), ok(204, &[("Upload-Offset", "400")])] {
        let run = play_list(chunks(8, 4), vec![created(), odd, head(4, 8), at(8)]);
        run.expect_done(8);
        assert_eq!(run.requests[2..], ["HEAD http://h/files/1", "PATCH http://h/files/1 4+4"]);
    }
    let run = play_list(chunks(8, 4), vec![created(), at(4), at(3), head(4, 8), at(8)]);
    run.expect_done(8);
    // HEAD insists on bytes that were never sent.
    let run = play_list(chunks(8, 4), vec![created(), at(5), head(5, 8)]);
    run.expect_error(ErrorKind::Protocol(BrokenRule::ImpossibleOffset));
    // HEAD has nothing to believe either.
    let run = play_list(chunks(8, 4), vec![created(), ok(204, &[]), ok(200, &[("Upload-Length", "8")])]);
    run.expect_error(ErrorKind::Protocol(BrokenRule::MissingOffset));
}

#[test]
fn no_progress_ends() {
    let run = play(upload(8), |n, _| if n == 0 { created() } else { at(0) });
    let error = run.expect_error(ErrorKind::Protocol(BrokenRule::NoProgress));
    assert_eq!(error.upload_url(), Some(&url("http://h/files/1")));
    assert_eq!(run.requests.len(), 1 + 7);
    // 204 without an offset, and HEAD never moves.
    let run = play(upload(8), |n, exchange| match (n, exchange.method) {
        (0, _) => created(),
        (_, HttpMethod::Head) => head(0, 8),
        _ => ok(204, &[]),
    });
    run.expect_error(ErrorKind::Protocol(BrokenRule::NoProgress));
}

#[test]
fn a_break_is_followed_by_head_then_patch() {
    for broken in [RESET, NO_ANSWER, Reply::Break(BrokenKind::Closed, 3), Reply::Break(BrokenKind::NotHttp, 9)] {
        let run = play_list(upload(11), vec![created(), broken, head(3, 11), at(11)]);
        run.expect_done(11);
        assert_eq!(run.requests[2..], ["HEAD http://h/files/1", "PATCH http://h/files/1 3+8"]);
        assert_eq!(run.sleeps.len(), 1);
    }
    // The answer to the last PATCH was lost: nothing is sent again.
    let run = play_list(upload(11), vec![created(), NO_ANSWER, head(11, 11)]);
    run.expect_done(11);
    // The dead request commits after that HEAD (T-030).
    let run = play_list(upload(11), vec![created(), RESET, head(0, 11), ok(409, &[]), head(6, 11), at(11)]);
    run.expect_done(11);
    assert_eq!(run.requests[5], "PATCH http://h/files/1 6+5");
}

#[test]
fn data_on_an_old_connection_that_broke_is_a_failed_try() {
    let chunks = || Plan { chunk_size: fixed(2), ..upload(6) };
    let run = play_list(chunks(), vec![created(), at(2), Reply::Stale, head(2, 6), at(4), at(6)]);
    run.expect_done(6);
    assert_eq!((run.sleeps.len(), run.notices.iter().filter(|notice| **notice == Notice::Retrying).count()), (1, 1));
    let fresh: Vec<bool> = run.exchanges.iter().map(|exchange| exchange.fresh_connection).collect();
    assert_eq!(fresh, [false, false, false, false, true, false], "until one has worked");
    play_list(Plan { retry: no_retries(), ..chunks() }, vec![created(), at(2), Reply::Stale])
        .expect_error(ErrorKind::Io);
    let run = play(upload(4), |n, exchange| match (n, exchange.method) {
        (0, _) => created(),
        (_, HttpMethod::Head) => head(0, 4),
        _ => Reply::Stale,
    });
    run.expect_error(ErrorKind::Io);
}

#[test]
fn tls_that_was_rejected_and_the_deadline_end_at_once() {
    let run = play_list(upload(4), vec![created(), Reply::Break(BrokenKind::TlsRejected, 0)]);
    assert_eq!(run.expect_error(ErrorKind::Tls).upload_url(), Some(&url("http://h/files/1")));
    let total = BrokenKind::Timeout(TimeLimit::Total);
    play_list(upload(4), vec![created(), Reply::Break(total, 0)]).expect_error(ErrorKind::Timeout(TimeLimit::Total));
}

#[test]
fn an_endless_conflict_ends() {
    let run = play(upload(4), |n, exchange| match (n, exchange.method) {
        (0, _) => created(),
        (_, HttpMethod::Head) => head(0, 4),
        _ => ok(409, &[]),
    });
    // At the same offset: a lock, waited for as one (T-027).
    let error = run.expect_error(ErrorKind::OffsetConflict);
    assert!(error.is_retryable() && error.full_message().contains("locked"));
    assert_eq!(error.answer().map(|answer| answer.status), Some(409));
    let waited: Duration = run.sleeps.iter().map(|(delay, _)| *delay).sum();
    assert!(run.sleeps.iter().all(|(_, why)| *why == WaitReason::Lock));
    assert!((100..=120).contains(&waited.as_secs()), "{waited:?}");
    let run = play(upload(4), |n, exchange| match (n, exchange.method) {
        (0, _) => created(),
        (_, HttpMethod::Head) => head(0, 4),
        (..30, _) => ok(409, &[]),
        _ => at(4),
    });
    run.expect_done(4);
    // At another one each time: client and server do not agree.
    let mut offset = 0;
    let run = play(Plan { chunk_size: fixed(4), ..resume(8) }, |n, exchange| match exchange.method {
        _ if n == 0 => head(4, 8),
        HttpMethod::Head => {
            offset = (offset + 1) % 3;
            head(offset, 8)
        }
        _ => ok(409, &[]),
    });
    run.expect_error(ErrorKind::OffsetConflict);
    assert!(run.sleeps.is_empty() && run.requests.len() <= 12, "{:?}", run.requests);
}

#[test]
fn the_offset_may_go_back_a_few_times() {
    let run = play_list(chunks(12, 4), vec![created(), at(4), at(8), ok(500, &[]), head(3, 12), at(7), at(11), at(12)]);
    run.expect_done(12);
    assert!(
        run.notices
            .iter()
            .any(|notice| matches!(notice, Notice::Warning(warning) if warning.text.contains("went back")))
    );
    // Again and again.
    let mut offset = 8;
    let run = play(chunks(12, 4), |n, exchange| match (n, exchange.method) {
        (0, _) => created(),
        (1, _) => at(4),
        (2, _) => at(8),
        (_, HttpMethod::Head) => {
            offset -= 1;
            head(offset, 12)
        }
        _ => ok(500, &[]),
    });
    run.expect_error(ErrorKind::Protocol(BrokenRule::OffsetRegressed));
}

#[test]
fn progress_forgives_what_went_back() {
    let mut truth = 0_u64;
    let run = play(chunks(100, 4), |n, exchange| match exchange.body {
        _ if n == 0 => created(),
        Body::Range { .. } if n % 5 == 4 => ok(500, &[]),
        Body::Range { start, length } => {
            truth = start + length;
            at(truth)
        }
        _ => {
            truth = truth.saturating_sub(3);
            head(truth, 100)
        }
    });
    run.expect_done(100);
    assert!(run.notices.iter().filter(|notice| matches!(notice, Notice::WentBack(_))).count() > 3);
}

#[test]
fn a_size_that_broke_the_connection_twice_is_halved() {
    let mut truth = 0;
    let run = play(Plan { chunk_size: ChunkSize::Whole, ..upload(1 << 20) }, |n, exchange| match exchange.body {
        _ if n == 0 => created(),
        Body::Range { length, .. } if length > 300 << 10 => RESET,
        Body::Range { start, length } => {
            truth = start + length;
            at(truth)
        }
        _ => head(truth, 1 << 20),
    });
    run.expect_done(1 << 20);
    let patches: Vec<&str> = run.requests.iter().filter(|line| line.starts_with("PATCH")).map(String::as_str).collect();
    assert!(patches[2].ends_with(" 0+524288"), "{patches:?}");
    assert!(run.requests.len() < 40, "{:?}", run.requests);
}

/// However little is taken of each chunk, and whatever the server says then, what is sent stays in proportion.
#[test]
fn what_is_sent_stays_in_proportion() {
    let size = 100_000;
    for chunk_size in [ChunkSize::Auto, ChunkSize::Whole, fixed(100_000)] {
        for cap in [1_u64, 100, 4096] {
            let size = if cap == 1 { 2_000 } else { size };
            for how in [204, 500, 503, 423, 400, 0, 1] {
                let (mut truth, mut sent) = (0_u64, 0_u64);
                let retry = RetryPolicy { base_delay: Duration::from_millis(1), ..RetryPolicy::default() };
                let plan = Plan { chunk_size, retry, ..upload(size) };
                let mut now = Instant(0);
                let mut session = Session::start(plan, now);
                let done = loop {
                    let event = match session.next() {
                        Action::Send(exchange) => {
                            let reply = match exchange.body {
                                Body::Range { start, length } if start == truth => {
                                    let taken = length.min(cap);
                                    (truth, sent) = (truth + taken, sent + length);
                                    match how {
                                        _ if taken == length => at(truth),
                                        204 => at(truth),
                                        0 => RESET,
                                        1 => Reply::Break(BrokenKind::Closed, taken),
                                        400 => Reply::Text(400, "ERR_UPLOAD_INTERRUPTED"),
                                        status => ok(status, &[]),
                                    }
                                }
                                Body::Range { .. } => ok(409, &[]),
                                _ if exchange.method == HttpMethod::Post => created(),
                                _ => head(truth, size),
                            };
                            let length = match exchange.body {
                                Body::Range { length, .. } => length,
                                _ => 0,
                            };
                            reply_event(reply, length)
                        }
                        Action::Decide(question) => Event::Decided(Ok(question.delay)),
                        Action::Sleep { until, .. } => {
                            now = until;
                            Event::Woke
                        }
                        Action::Finished(result) => break result.is_ok(),
                        other => panic!("{other:?}"),
                    };
                    session = session.happened(event, now);
                    session.take_notices();
                };
                assert!(done && truth == size, "{chunk_size:?} {cap} {how}");
                // Of what breaks off, only what had gone out was sent.
                assert!(how == 1 || sent <= 12 * size, "{chunk_size:?} {cap} {how}: {sent} of {size}");
            }
        }
    }
}

#[test]
fn a_refused_size_is_halved() {
    let size = 1 << 20;
    let run = play(Plan { chunk_size: ChunkSize::Whole, ..upload(size) }, |n, exchange| match exchange.body {
        _ if n == 0 => created(),
        Body::Range { length, .. } if length > 300 << 10 => ok(413, &[]),
        Body::Range { start, length } => at(start + length),
        _ => head(0, size),
    });
    run.expect_done(size);
    assert_eq!(run.requests[5], "PATCH http://h/files/1 0+262144");
    // No size is small enough.
    let run = play(Plan { chunk_size: ChunkSize::Whole, ..upload(size) }, |n, exchange| match exchange.method {
        _ if n == 0 => created(),
        HttpMethod::Head => head(0, size),
        _ => ok(413, &[]),
    });
    run.expect_error(ErrorKind::TooLarge);
}

#[test]
fn an_upload_that_vanishes_is_begun_again() {
    let run = play_list(upload(4), vec![created(), ok(410, &[]), created(), at(4)]);
    run.expect_done(4);
    run.expect_requests(&[
        "POST http://h/files/",
        "PATCH http://h/files/1 0+4",
        "POST http://h/files/",
        "PATCH http://h/files/1 0+4",
    ]);
    let run = play(upload(4), |_, exchange| match exchange.method {
        HttpMethod::Post => created(),
        _ => ok(404, &[]),
    });
    run.expect_error(ErrorKind::Gone);
    assert_eq!(run.requests.iter().filter(|line| line.starts_with("POST")).count(), 4);
    // One that the caller named is not replaced.
    let run = play_list(resume(4), vec![head(0, 4), ok(404, &[])]);
    assert_eq!(run.expect_error(ErrorKind::Gone).upload_url(), None);
}

/// T-083: what a balancer says is not what the server says.
#[test]
fn an_upload_that_is_missing_is_asked_about_twice_more() {
    for status in [404, 410] {
        let missing = || foreign(status, &[]);
        let run = play_list(chunks(8, 4), vec![created(), at(4), missing(), missing(), head(4, 8), at(8)]);
        run.expect_done(8);
        assert_eq!(run.sleeps.len(), 2);
        let run = play_list(chunks(8, 4), vec![created(), at(4), RESET, missing(), missing(), head(4, 8), at(8)]);
        run.expect_done(8);
        let lost = vec![created(), at(4), missing(), missing(), missing(), created(), at(4), at(8)];
        play_list(chunks(8, 4), lost).expect_done(8);
        // It is there, and what it is sent is still not taken.
        let run = play(chunks(8, 4), |n, exchange| match exchange.method {
            _ if n == 0 => created(),
            HttpMethod::Head => head(0, 8),
            _ => missing(),
        });
        let error = run.expect_error(ErrorKind::HttpStatus);
        assert!(error.is_retryable() && error.upload_url().is_some());
    }
}

#[test]
fn an_upload_that_never_took_a_byte_points_at_a_wrong_location() {
    for lost in [ok(404, &[]), foreign(404, &[])] {
        let Reply::Answer(status, fields) = &lost else { unreachable!() };
        let run = play(upload(4), |_, exchange| match exchange.method {
            HttpMethod::Post => created(),
            _ => Reply::Answer(*status, fields.clone()),
        });
        let error = run.expect_error(ErrorKind::Gone);
        assert!(error.full_message().contains("Location") && error.full_message().contains("http://h/files/1"));
        assert!(warned(&run, "Location"));
        assert_eq!(run.requests.iter().filter(|line| line.starts_with("POST")).count(), 4);
    }
}

#[test]
fn statuses_that_end_a_transfer_keep_the_upload() {
    for (status, kind) in [
        (400, ErrorKind::HttpStatus),
        (401, ErrorKind::HttpStatus),
        (403, ErrorKind::HttpStatus),
        (412, ErrorKind::Version),
        (415, ErrorKind::HttpStatus),
        (418, ErrorKind::HttpStatus),
        (501, ErrorKind::Unsupported),
    ] {
        let run = play_list(upload(4), vec![created(), foreign(status, &[])]);
        assert_eq!(run.expect_error(kind).upload_url(), Some(&url("http://h/files/1")), "{status}");
    }
}

#[test]
fn early_answers_count_only_what_was_sent() {
    let early = |sent, offset: &str| Reply::Early(sent, 204, vec![("Upload-Offset", offset.to_owned())]);
    let run = play_list(upload(100), vec![created(), early(10, "7"), at(100)]);
    run.expect_done(100);
    assert_eq!(run.requests[2], "PATCH http://h/files/1 7+93");
    let run = play_list(upload(100), vec![created(), early(10, "11"), head(11, 100)]);
    run.expect_error(ErrorKind::Protocol(BrokenRule::ImpossibleOffset));
}

#[test]
fn method_override_hides_the_patch_alone() {
    let run = play_list(Plan { override_method: true, ..upload(4) }, vec![created(), RESET, head(0, 4), at(4)]);
    run.expect_done(4);
    let patch = &run.exchanges[3];
    assert_eq!((patch.method, patch.meaning()), (HttpMethod::Post, HttpMethod::Patch));
    assert!(patch.headers.contains(&("X-HTTP-Method-Override", "PATCH".into())));
    assert_eq!(run.exchanges[2].method, HttpMethod::Head);
}

#[test]
fn a_stopped_session_keeps_the_upload() {
    let now = Instant(0);
    let mut session = Session::start(resume(4), now);
    session = session.happened(Event::Stopped(Error::new(ErrorKind::Cancelled, "cancelled")), now);
    let error = session.into_result().unwrap().unwrap_err();
    assert_eq!((error.kind(), error.upload_url()), (ErrorKind::Cancelled, Some(&url("http://h/files/1"))));
}
