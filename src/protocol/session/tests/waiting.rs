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
    assert_eq!(delays.len(), 5);
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
        _ => ok(503, &[]),
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
    assert!(run.expect_error(ErrorKind::HttpStatus).full_message().contains("deadline"));
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
