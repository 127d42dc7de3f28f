//! No success that the server has not confirmed, and no second upload where a first one may be complete (T-051, T-153).

use super::*;
use crate::error::BrokenRule;

/// The tus server itself refuses.
fn no(status: u16) -> Reply {
    ok(status, &[("Tus-Resumable", "1.0.0")])
}

/// Statuses with which a tus server may refuse an upload at its end.
const REFUSALS: [u16; 11] = [400, 402, 403, 408, 415, 418, 422, 429, 500, 503, 507];

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
    // What says that it was not even looked at is taken as it is; a server that is to be left alone is.
    play_list(upload(11), vec![created(), no(412)]).expect_error(ErrorKind::Version);
    play_list(upload(11), vec![created(), no(501)]).expect_error(ErrorKind::Unsupported);
    let busy = ok(503, &[("Tus-Resumable", "1.0.0"), ("Retry-After", "1")]);
    let plan = Plan { retry: no_retries(), ..upload(11) };
    play_list(plan, vec![created(), busy]).expect_error(ErrorKind::HttpStatus);
}

#[test]
fn a_gateways_refusal_of_the_last_byte_is_decided_by_head() {
    for status in [408, 429, 500, 502, 503, 504, 520, 524, 527] {
        let run = play_list(upload(11), vec![created(), foreign(status, &[]), head(11, 11)]);
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
    for (status, kind) in [(400, ErrorKind::HttpStatus), (403, ErrorKind::HttpStatus), (422, ErrorKind::HttpStatus)] {
        for looked in [head(4, 11), ok(404, &[]), ok(400, &[]), ok(200, &[])] {
            let run = play_list(upload(11), vec![created(), no(status), looked]);
            let error = run.expect_error(kind);
            assert_eq!((error.answer().unwrap().status, error.request().unwrap().method), (status, "PATCH"));
            assert_eq!(error.upload_url(), Some(&url("http://h/files/1")));
        }
    }
    // One that is gone then is not begun again: it may have been put elsewhere.
    let run = play_list(upload(11), vec![created(), no(500), no(404)]);
    assert_eq!(run.expect_error(ErrorKind::Unconfirmed).answer().unwrap().status, 500);
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
    let run = play_list(hidden, vec![created(), no(403), head(11, 11)]);
    let request = run.expect_error(ErrorKind::Unconfirmed).request().unwrap();
    assert_eq!((request.method, request.overridden), ("POST", Some("PATCH")));
}

#[test]
fn a_460_without_a_checksum_is_a_status_like_any_other() {
    for request in 0..2 {
        let run = play(upload(11), |n, _| if n == request { no(460) } else { created() });
        run.expect_error(ErrorKind::HttpStatus);
    }
}

/// An upload to a server that is known to take data with the creation.
fn with_data(size: u64) -> Plan {
    let capabilities = offering("creation,creation-with-upload", "");
    Plan { capabilities, creation_data: CreationData::On, ..upload(size) }
}

/// Everything was taken.
fn stored(offset: u64) -> Reply {
    ok(201, &[("Tus-Resumable", "1.0.0"), ("Location", "/files/1"), ("Upload-Offset", &offset.to_string())])
}

fn cut(sent: u64) -> Reply {
    Reply::Break(BrokenKind::Closed, sent)
}

#[test]
fn a_whole_upload_sent_with_its_creation_is_not_sent_again() {
    for lost in [RESET, NO_ANSWER, Reply::Stale, Reply::Break(BrokenKind::NotHttp, 11)] {
        let run = play_list(with_data(11), vec![lost]);
        let error = run.expect_error(ErrorKind::Unconfirmed);
        assert!(!error.is_retryable() && error.upload_url().is_none());
        assert!(std::error::Error::source(error).is_some());
        run.expect_requests(&["POST http://h/files/ 0+11"]);
    }
    for status in [408, 409, 425, 429, 500, 502, 503, 504, 507, 520, 524, 527] {
        // Whoever says it: a gateway may have passed on the data before it lost the answer.
        for answer in [no(status), foreign(status, &[])] {
            let run = play_list(with_data(11), vec![answer]);
            let error = run.expect_error(ErrorKind::Unconfirmed);
            assert_eq!((error.answer().unwrap().status, error.is_retryable()), (status, false));
        }
    }
    let busy = ok(503, &[("Retry-After", "7")]);
    let run = play_list(with_data(11), vec![busy]);
    assert!(run.notices.iter().any(|notice| matches!(notice, Notice::HoldBack { .. })), "others wait all the same");
}

/// An empty upload is complete with its creation, whatever the setting for data says.
#[test]
fn an_empty_upload_is_not_created_twice() {
    for plan in [|| upload(0), || with_data(0), || Plan { partial: true, ..upload(0) }] {
        for lost in [RESET, NO_ANSWER, Reply::Stale, Reply::Break(BrokenKind::NotHttp, 0)] {
            let run = play_list(plan(), vec![lost]);
            let error = run.expect_error(ErrorKind::Unconfirmed);
            assert!(!error.is_retryable() && std::error::Error::source(error).is_some());
            run.expect_requests(&["POST http://h/files/"]);
            assert!(run.exchanges[0].fresh_connection);
        }
        let of_tus = [408, 409, 425, 429, 500, 502, 503, 504, 507].map(no);
        let of_gateways = [408, 500, 502, 503, 504, 520, 524, 527].map(|status| foreign(status, &[]));
        for refused in of_tus.into_iter().chain(of_gateways) {
            let run = play_list(plan(), vec![refused]);
            let error = run.expect_error(ErrorKind::Unconfirmed);
            assert!(!error.is_retryable() && error.answer().is_some());
            run.expect_requests(&["POST http://h/files/"]);
        }
    }
}

#[test]
fn an_empty_upload_is_created_again_where_nothing_was_made() {
    let later = || [("Retry-After", "1")];
    let (connect, limit) = (BrokenKind::Connect, BrokenKind::Timeout(TimeLimit::Connect));
    for first in [
        Reply::Break(connect, 0),
        Reply::Break(limit, 0),
        Reply::Unsent,
        no(423),
        foreign(423, &[]),
        foreign(425, &[]),
        foreign(429, &[]),
        foreign(429, &later()),
        foreign(503, &later()),
    ] {
        let run = play_list(upload(0), vec![first, created()]);
        run.expect_done(0);
        run.expect_requests(&["POST http://h/files/", "POST http://h/files/"]);
    }
    // Or where the caller takes a second one.
    for first in [RESET, no(500), foreign(502, &[])] {
        let plan = Plan { creation_data: CreationData::Repeat, ..upload(0) };
        play_list(plan, vec![first, created()]).expect_done(0);
    }
    // Where the refusal names it, it is looked at.
    let there = foreign(500, &[("Location", "/files/1"), ("Tus-Resumable", "1.0.0")]);
    let run = play_list(upload(0), vec![there, head(0, 0)]);
    assert_eq!(run.expect_error(ErrorKind::Unconfirmed).upload_url(), Some(&url("http://h/files/1")));
    let there = foreign(502, &[("Location", "/files/1")]);
    play_list(upload(0), vec![there, head(0, 0)]).expect_done(0);
}

/// What the tus server refuses for good is refused; but it had all there is when it said so.
#[test]
fn a_creation_with_everything_that_is_refused_says_that_it_may_be_there() {
    let says = |plan: Plan, answer: Reply| {
        let run = play_list(plan, vec![answer]);
        let error = run.expect_error(ErrorKind::HttpStatus);
        assert!(!error.is_retryable() && run.requests.len() == 1);
        error.full_message().contains("may have kept it")
    };
    for status in [400, 402, 403, 415, 418, 422] {
        assert!(says(with_data(11), no(status)) && says(upload(0), no(status)), "{status}");
        assert!(!says(with_data(11), foreign(status, &[])) && !says(upload(0), foreign(status, &[])), "{status}");
        // Without all of the data nothing was finished.
        assert!(!says(upload(11), no(status)), "{status}");
        assert!(!says(Plan { chunk_size: fixed(6), ..with_data(11) }, no(status)), "{status}");
        let early = Reply::Early(3, status, vec![("Tus-Resumable", "1.0.0".to_owned())]);
        assert!(!says(with_data(11), early), "{status}");
    }
    // Who is to say who he is was not listened to.
    assert!(!says(with_data(11), no(401)));
}

#[test]
fn what_cannot_have_finished_is_created_again_without_data() {
    let then = || vec![created(), at(11)];
    let replies = |first: Reply| [first].into_iter().chain(then()).collect::<Vec<_>>();
    let early = |status| Reply::Early(10, status, vec![]);
    for first in [cut(10), Reply::Break(BrokenKind::Timeout(TimeLimit::Stall), 3), early(503), early(500), no(423)] {
        let run = play_list(with_data(11), replies(first));
        run.expect_done(11);
        run.expect_requests(&["POST http://h/files/ 0+11", "POST http://h/files/", "PATCH http://h/files/1 0+11"]);
        assert_eq!(run.sleeps.len(), 1, "a repeat like any other");
    }
    // Only the first chunk went along: an unfinished upload at most is left.
    for first in [RESET, NO_ANSWER, Reply::Stale, no(500), foreign(502, &[]), no(429)] {
        let plan = Plan { chunk_size: fixed(6), ..with_data(11) };
        let run = play_list(plan, vec![first, created(), at(6), at(11)]);
        run.expect_done(11);
        assert_eq!(run.requests[..2], ["POST http://h/files/ 0+6", "POST http://h/files/"]);
    }
    // Where nothing was sent, the data goes along as if for the first time.
    let run = play_list(with_data(11), vec![Reply::Break(BrokenKind::Connect, 0), stored(11)]);
    run.expect_done(11);
    // Who is to repeat nothing repeats nothing.
    let plan = Plan { retry: no_retries(), ..with_data(11) };
    play_list(plan, vec![cut(10)]).expect_error(ErrorKind::Io);
}

#[test]
fn other_credentials_do_not_take_the_data_along_again() {
    let plan = Plan { can_authenticate: true, ..with_data(11) };
    let run = play_list(plan, vec![no(401), created(), at(11)]);
    run.expect_done(11);
    assert_eq!(run.exchanges[1].body, Body::Empty);
}

#[test]
fn a_creation_may_be_repeated_with_its_data_on_wish() {
    let plan = || Plan { creation_data: CreationData::Repeat, ..with_data(11) };
    for first in [RESET, NO_ANSWER, no(500), foreign(502, &[]), no(429), cut(10)] {
        let run = play_list(plan(), vec![first, stored(11)]);
        run.expect_done(11);
        run.expect_requests(&["POST http://h/files/ 0+11", "POST http://h/files/ 0+11"]);
        assert_eq!(run.sleeps.len(), 1);
    }
    // What cannot be read, a second request would not make readable (T-154).
    let run = play_list(plan(), vec![Reply::Break(BrokenKind::NotHttp, 11)]);
    run.expect_error(ErrorKind::Unconfirmed);
}

#[test]
fn a_refusal_that_names_the_upload_is_looked_into() {
    let there = |status: u16, tus: bool| {
        let mut fields = vec![("Location", "/files/1")];
        fields.extend(tus.then_some(("Tus-Resumable", "1.0.0")));
        foreign(status, &fields)
    };
    for status in [400, 403, 409, 422, 500, 503] {
        let run = play_list(with_data(11), vec![there(status, true), head(11, 11)]);
        let error = run.expect_error(ErrorKind::Unconfirmed);
        assert_eq!(error.upload_url(), Some(&url("http://h/files/1")));
        assert_eq!((error.answer().unwrap().status, error.request().unwrap().method), (status, "POST"));
    }
    let run = play_list(with_data(11), vec![there(500, true), head(4, 11), at(11)]);
    run.expect_done(11);
    assert_eq!(run.requests[2], "PATCH http://h/files/1 4+7");
    play_list(with_data(11), vec![there(403, true), head(4, 11)]).expect_error(ErrorKind::HttpStatus);
    for status in [409, 502] {
        play_list(with_data(11), vec![there(status, false), head(11, 11)]).expect_done(11);
    }
}

#[test]
fn a_complete_upload_without_a_url_is_unconfirmed() {
    let said = |status: u16, fields: &[(&'static str, &str)]| foreign(status, fields);
    for status in [200, 201, 204] {
        for fields in [
            &[("Upload-Offset", "11")][..],
            &[("Tus-Resumable", "1.0.0"), ("Upload-Offset", "11")],
            &[("Tus-Resumable", "1.0.0")],
            &[("Upload-Offset", "11"), ("Location", "ftp://h/1")],
        ] {
            let error = play_list(with_data(11), vec![said(status, fields)]);
            assert_eq!(error.expect_error(ErrorKind::Unconfirmed).answer().unwrap().status, status);
        }
    }
    play_list(upload(0), vec![said(200, &[("Upload-Offset", "0")])]).expect_error(ErrorKind::Unconfirmed);
    // Nothing was finished.
    let bad = ErrorKind::Protocol(BrokenRule::BadLocation);
    let partly = || said(201, &[("Tus-Resumable", "1.0.0"), ("Upload-Offset", "4")]);
    play_list(with_data(11), vec![partly()]).expect_error(bad);
    play_list(upload(11), vec![said(201, &[("Tus-Resumable", "1.0.0"), ("Upload-Offset", "11")])]).expect_error(bad);
}

#[test]
fn an_answer_that_cannot_be_read_is_no_reason_to_create_another_upload() {
    let run = play_list(upload(11), vec![Reply::Break(BrokenKind::NotHttp, 0)]);
    let error = run.expect_error(ErrorKind::Protocol(BrokenRule::NotHttp));
    assert!(!error.is_retryable());
}

#[test]
fn the_first_chunk_of_a_stream_goes_with_its_creation() {
    let goal = Goal::Upload { endpoint: url("http://h/files/"), size: None, previous: None };
    let capabilities = offering("creation,creation-with-upload,creation-defer-length", "");
    let plan = || Plan {
        chunk_size: fixed(4),
        capabilities: capabilities.clone(),
        creation_data: CreationData::On,
        discover: false,
        ..Plan::new(goal.clone())
    };
    let run = play_stream_list(plan(), 11, Ok(true), vec![stored(4), at(8), at(11)]);
    run.expect_done(11);
    run.expect_requests(&["POST http://h/files/ 0+4", "PATCH http://h/files/1 4+4", "PATCH http://h/files/1 8+3"]);
    assert_eq!(field(&run.exchanges[0], "Upload-Defer-Length"), Some("1"));
    // One that ends within its first chunk is an upload like any other.
    let run = play_stream_list(plan(), 3, Ok(true), vec![stored(3)]);
    run.expect_done(3);
    assert_eq!(field(&run.exchanges[0], "Upload-Length"), Some("3"));
    // The rest may be missing; a second one is without data then.
    let run = play_stream_list(plan(), 11, Ok(true), vec![RESET, created(), at(4), at(8), at(11)]);
    run.expect_done(11);
    assert_eq!(run.exchanges[1].body, Body::Empty);
}

/// Data that an answer has told the fate of leaves nothing in doubt: a refusal of the rest is one (T-153).
#[test]
fn what_was_answered_does_not_explain_a_refusal() {
    for status in [400, 403] {
        let refused = || vec![ok(status, &[]), head(4, 4)];
        let taken_in_part = chain(vec![created(), at(3)], refused());
        play_list(upload(4), taken_in_part).expect_error(ErrorKind::Unconfirmed);
        let not_taken = chain(vec![created(), at(0)], refused());
        play_list(upload(4), not_taken).expect_error(ErrorKind::Unconfirmed);
        let with_creation = || Plan {
            creation_data: CreationData::On,
            capabilities: offering("creation-with-upload", ""),
            ..upload(4)
        };
        for offset in ["0", "3"] {
            let first = ok(201, &[("Location", "/files/1"), ("Upload-Offset", offset)]);
            let run = play_list(with_creation(), chain(vec![first], refused()));
            run.expect_error(ErrorKind::Unconfirmed);
        }
        // What is still open does.
        let broken = chain(vec![created(), RESET, head(0, 4)], refused());
        play_list(upload(4), broken).expect_done(4);
    }
}

/// The upload that a refused creation names is in the error too where nothing is tried again.
#[test]
fn a_refused_creation_on_the_last_try_tells_its_upload() {
    let plan = || Plan {
        creation_data: CreationData::On,
        capabilities: offering("creation-with-upload", ""),
        retry: RetryPolicy { max_retries: 1, ..RetryPolicy::default() },
        ..upload(4)
    };
    let never = || Reply::Break(BrokenKind::Connect, 0);
    for refusal in [ok(500, &[("Location", "/files/1")]), foreign(502, &[("Location", "/files/1")])] {
        let run = play_list(plan(), vec![never(), refusal]);
        assert_eq!(run.result.unwrap_err().upload_url(), Some(&url("http://h/files/1")));
    }
}

fn chain(first: Vec<Reply>, then: Vec<Reply>) -> Vec<Reply> {
    first.into_iter().chain(then).collect()
}
