//! No success that the server has not confirmed, and no second upload where a first one may be complete (T-051, T-153).

use super::*;

/// The tus server itself refuses.
fn no(status: u16) -> Reply {
    ok(status, &[("Tus-Resumable", "1.0.0")])
}

/// Statuses with which a tus server may refuse an upload at its end.
const REFUSALS: [u16; 13] = [400, 402, 403, 408, 412, 415, 418, 422, 429, 500, 501, 503, 507];

#[test]
fn a_refused_last_byte_is_no_success_although_all_bytes_are_there() {
    for status in REFUSALS {
        let run = play_list(upload(11), vec![created(), no(status), head(11, 11)]);
        let error = run.expect_error(ErrorKind::Unconfirmed);
        assert_eq!(error.upload_url(), Some(&url("http://h/files/1")), "{status}");
        assert_eq!(error.answer().unwrap().status, status);
        assert_eq!(error.request().unwrap().method, "PATCH");
        assert!(!error.is_retryable(), "{status}");
        // However long it takes to learn it.
        let run = play_list(upload(11), vec![created(), no(status), RESET, ok(503, &[]), head(11, 11)]);
        assert_eq!(run.expect_error(ErrorKind::Unconfirmed).answer().unwrap().status, status);
        // And even if nothing may be tried again.
        let plan = Plan { retry: no_retries(), ..upload(11) };
        let run = play_list(plan, vec![created(), no(status), head(11, 11)]);
        run.expect_error(ErrorKind::Unconfirmed);
    }
}

#[test]
fn a_gateways_refusal_of_the_last_byte_is_decided_by_head() {
    for status in [408, 429, 500, 502, 503, 504, 520, 524, 527] {
        let run = play_list(upload(11), vec![created(), ok(status, &[]), head(11, 11)]);
        run.expect_done(11);
    }
}

#[test]
fn what_has_rules_of_its_own_is_no_refused_finish() {
    // An earlier request is still at work, or was when this one came.
    for status in [409, 423] {
        play_list(upload(11), vec![created(), no(status), head(11, 11)]).expect_done(11);
    }
    play_list(upload(11), vec![created(), no(413), head(11, 11)]).expect_done(11);
    // Earlier bytes had finished it.
    for status in [400, 403] {
        let run = play_list(upload(11), vec![created(), RESET, head(0, 11), no(status), head(11, 11)]);
        run.expect_done(11);
    }
    // What is in doubt explains no failure of the server's own.
    let run = play_list(upload(11), vec![created(), RESET, head(0, 11), no(500), head(11, 11)]);
    run.expect_error(ErrorKind::Unconfirmed);
    // Other credentials.
    let plan = Plan { can_authenticate: true, ..upload(11) };
    play_list(plan, vec![created(), no(401), head(0, 11), at(11)]).expect_done(11);
}

#[test]
fn a_refused_last_byte_that_is_not_there_is_sent_again_or_as_the_server_says() {
    for status in [408, 429, 500, 503] {
        let run = play_list(upload(11), vec![created(), no(status), head(4, 11), at(11)]);
        run.expect_done(11);
        assert_eq!(run.requests[3], "PATCH http://h/files/1 4+7");
    }
    for (status, kind) in [
        (400, ErrorKind::HttpStatus),
        (403, ErrorKind::HttpStatus),
        (412, ErrorKind::Version),
        (422, ErrorKind::HttpStatus),
        (501, ErrorKind::Unsupported),
    ] {
        for looked in [head(4, 11), ok(404, &[]), ok(400, &[]), ok(200, &[])] {
            let run = play_list(upload(11), vec![created(), no(status), looked]);
            let error = run.expect_error(kind);
            assert_eq!((error.answer().unwrap().status, error.request().unwrap().method), (status, "PATCH"));
            assert_eq!(error.upload_url(), Some(&url("http://h/files/1")));
        }
    }
    // The word on a later request with the last byte counts, be it that none came.
    let run = play_list(upload(11), vec![created(), no(500), head(0, 11), NO_ANSWER, head(11, 11)]);
    run.expect_done(11);
}

#[test]
fn only_the_request_with_the_last_byte_can_be_a_refused_finish() {
    let plan = || Plan { chunk_size: fixed(6), ..upload(11) };
    let run = play_list(plan(), vec![created(), no(403)]);
    run.expect_error(ErrorKind::HttpStatus);
    play_list(plan(), vec![created(), no(500), head(6, 11), at(11)]).expect_done(11);
    play_list(plan(), vec![created(), at(6), no(500), head(11, 11)]).expect_error(ErrorKind::Unconfirmed);
    // Of an early answer nothing is known but what HEAD says.
    let early = Reply::Early(3, 500, vec![("Tus-Resumable", "1.0.0".to_owned())]);
    play_list(upload(11), vec![created(), early, head(3, 11), at(11)]).expect_done(11);
    // Where it stops before the end, nothing is finished.
    let plan = Plan { stop_at: Some(6), ..upload(11) };
    play_list(plan, vec![created(), no(500), head(6, 11)]).expect_done(6);
}

#[test]
fn streams_and_resumes_are_held_to_it_too() {
    let plan = || {
        let goal = Goal::Upload { endpoint: url("http://h/files/"), size: None, previous: None };
        Plan { discover: false, chunk_size: fixed(4), ..Plan::new(goal) }
    };
    let play = |then: Vec<Reply>| {
        let replies = [created(), at(4), at(8), no(500)].into_iter().chain(then).collect();
        play_stream_list(plan(), 11, Ok(true), replies)
    };
    let run = play(vec![head(11, 11)]);
    run.expect_error(ErrorKind::Unconfirmed);
    // The closing request without data, where the length had been left open.
    let run = play(vec![open(11), no(422), head(11, 11)]);
    assert_eq!(run.expect_error(ErrorKind::Unconfirmed).answer().unwrap().status, 422);
    assert_eq!(run.exchanges[5].body, Body::Empty);
    // One of an earlier run, and a part.
    play_list(resume(11), vec![head(4, 11), no(500), head(11, 11)]).expect_error(ErrorKind::Unconfirmed);
    let part = Plan { partial: true, ..upload(11) };
    play_list(part, vec![created(), no(500), head(11, 11)]).expect_error(ErrorKind::Unconfirmed);
    // Hidden behind POST.
    let hidden = Plan { override_method: true, ..upload(11) };
    play_list(hidden, vec![created(), no(403), head(11, 11)]).expect_error(ErrorKind::Unconfirmed);
}

#[test]
fn a_460_without_a_checksum_is_a_status_like_any_other() {
    for request in 0..2 {
        let run = play(upload(11), |n, _| if n == request { no(460) } else { created() });
        run.expect_error(ErrorKind::HttpStatus);
    }
}
