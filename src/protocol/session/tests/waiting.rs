//! Back-off, Retry-After, locks, deadline, the caller's veto.

use super::*;
use crate::protocol::retry::RetryPolicy;

fn seconds(run: &Run) -> Vec<f64> {
    run.sleeps.iter().map(|(delay, _)| delay.as_secs_f64()).collect()
}

#[test]
fn delays_grow_and_end_at_the_limit() {
    let run = play(upload(4), |n, exchange| match (n, exchange.method) {
        (0, _) => created(),
        (_, HttpMethod::Head) => head(0, 4),
        _ => ok(500, &[]),
    });
    run.expect_error(ErrorKind::HttpStatus);
    let delays = seconds(&run);
    assert_eq!(delays.len(), 6);
    assert!(delays.windows(2).all(|pair| pair[0] <= pair[1]), "{delays:?}");
}

#[test]
fn progress_refills_the_budget() {
    let mut offset = 0;
    let run = play(upload(40), |n, exchange| match exchange.method {
        _ if n == 0 => created(),
        HttpMethod::Head => {
            offset += 1;
            head(offset, 40)
        }
        _ => foreign(503, &[]),
    });
    run.expect_done(40);
    assert!(seconds(&run).iter().all(|delay| *delay <= 1.0));
}

#[test]
fn retry_after_is_obeyed_in_both_forms() {
    for (value, least, most) in [
        ("7", 7.0, 7.0),
        ("Sun, 06 Nov 1994 08:49:47 GMT", 10.0, 10.0),
        ("Sun, 06 Nov 1994 08:49:00 GMT", 0.0, 0.0),
        ("junk", 0.5, 1.0),
        ("0", 0.0, 0.0),
    ] {
        let run = play_list(upload(4), vec![created(), ok(429, &[("Retry-After", value)]), head(0, 4), at(4)]);
        run.expect_done(4);
        let waited: f64 = seconds(&run).iter().sum();
        assert!((least..=most).contains(&waited), "{value}: {waited}");
    }
    // The server's own clock counts where it tells it.
    let skewed = &[("Retry-After", "Sun, 06 Nov 1994 08:49:47 GMT"), ("Date", "Sun, 06 Nov 1994 08:49:45 GMT")];
    let run = play_list(upload(4), vec![created(), ok(503, skewed), head(0, 4), at(4)]);
    assert_eq!(seconds(&run), [2.0]);
}

#[test]
fn absurd_waits_fail_now() {
    for value in ["1000000000000", "99999999999999999999999", "3601"] {
        let run = play_list(upload(4), vec![ok(503, &[("Retry-After", value)])]);
        run.expect_error(ErrorKind::HttpStatus);
        assert!(run.sleeps.is_empty());
    }
    let plan = Plan { deadline: Some(Instant(5_000_000)), ..upload(4) };
    let run = play_list(plan, vec![ok(503, &[("Retry-After", "30")])]);
    let error = run.expect_error(ErrorKind::Timeout(TimeLimit::Total));
    assert!(error.full_message().contains("deadline") && error.is_retryable());
    assert_eq!(error.answer().map(|answer| answer.status), Some(503));
    // Whatever the wait would be for.
    for reply in [ok(423, &[]), Reply::Break(BrokenKind::Connect, 0), ok(500, &[])] {
        let plan = Plan { deadline: Some(Instant(1_300_000)), ..resume(4) };
        play_list(plan, vec![reply]).expect_error(ErrorKind::Timeout(TimeLimit::Total));
    }
}

#[test]
fn a_server_that_never_answers_is_told_within_two_minutes() {
    let took = |kind, each: u64, plan: Plan| {
        let mut now = Instant(0);
        let mut session = Session::start(plan, now);
        for _ in 0..100 {
            let event = match session.next() {
                Action::Send(exchange) => {
                    let left = exchange.answer_by.map_or(Duration::MAX, |by| by - now);
                    let most = if exchange.optional { Duration::from_secs(10) } else { left };
                    now = now + Duration::from_secs(each).min(most);
                    reply_event(Reply::Break(kind, 0), 0)
                }
                Action::Decide(question) => Event::Decided(Ok(question.delay)),
                Action::Sleep { until, .. } => {
                    now = until;
                    Event::Woke
                }
                Action::Finished(result) => {
                    assert!(result.as_ref().unwrap_err().is_retryable());
                    return now.0 / 1_000_000;
                }
                other => panic!("{other:?}"),
            };
            session = session.happened(event, now);
        }
        panic!("it does not end");
    };
    let silent = BrokenKind::Timeout(TimeLimit::Response);
    let hole = BrokenKind::Timeout(TimeLimit::Connect);
    for seed in 0..20 {
        let asking = Plan { discover: true, seed, ..upload(4) };
        for plan in [asking, Plan { seed, ..resume(4) }] {
            // A restart of half a minute is waited for, a dead server is told.
            let refused = took(BrokenKind::Connect, 0, plan.clone());
            assert!((30..=63).contains(&refused), "{refused}");
            for (kind, each) in [(silent, 60), (hole, 30), (BrokenKind::Resolve, 30), (BrokenKind::Closed, 20)] {
                let took = took(kind, each, plan.clone());
                assert!((60..=120).contains(&took), "{kind:?}: {took}");
            }
            // Who has set other limits has other limits.
            let patient = Plan { first_answer: None, ..plan };
            assert!(took(silent, 120, patient) > 600);
        }
    }
    // One that has answered once is tried as ever.
    let run = play(upload(4), |n, _| if n == 0 { created() } else { NO_ANSWER });
    assert_eq!(run.expect_error(ErrorKind::Timeout(TimeLimit::Response)).upload_url(), Some(&url("http://h/files/1")));
    assert_eq!(run.requests.len(), 1 + 7);
}

#[test]
fn locks_have_their_own_budget() {
    let run = play(upload(4), |n, exchange| match (n, exchange.method) {
        (0, _) => created(),
        (_, HttpMethod::Head) => head(0, 4),
        (..20, _) => ok(423, &[]),
        _ => at(4),
    });
    run.expect_done(4);
    assert!(run.sleeps.len() > 5 && run.sleeps.iter().all(|(_, why)| *why == WaitReason::Lock));

    let plan =
        || Plan { retry: RetryPolicy { lock_budget: Duration::from_secs(20), ..RetryPolicy::default() }, ..resume(4) };
    let run = play(plan(), |_, _| ok(423, &[]));
    run.expect_error(ErrorKind::Locked);
    assert!(seconds(&run).iter().sum::<f64>() <= 20.0);
    // Even a server that says "at once" cannot make it spin for ever.
    let run = play(
        Plan { retry: RetryPolicy { lock_budget: Duration::from_millis(100), ..RetryPolicy::default() }, ..resume(4) },
        |_, _| ok(423, &[("Retry-After", "0")]),
    );
    run.expect_error(ErrorKind::Locked);
    assert!(run.requests.len() <= 102);
}

#[test]
fn the_caller_decides() {
    let now = Instant(0);
    let begin = || {
        let session = Session::start(resume(4), now);
        session.happened(reply_event(ok(503, &[]), 0), now)
    };
    let session = begin();
    let Action::Decide(question) = session.next() else { panic!("{session:?}") };
    assert_eq!((question.attempt, question.why), (1, WaitReason::Backoff));
    assert_eq!(question.error.kind(), ErrorKind::HttpStatus);

    let session = begin().happened(Event::Decided(Ok(Duration::from_secs(77))), now);
    assert!(matches!(session.next(), Action::Sleep { until: Instant(77_000_000), .. }));

    let session = begin().happened(Event::Decided(Err(42)), now);
    let error = session.into_result().unwrap().unwrap_err();
    assert_eq!((error.kind(), error.callback_code()), (ErrorKind::HttpStatus, Some(42)));
}
