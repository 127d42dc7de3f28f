//! Pauses of the caller's, and waits that other uploads were told of.

use super::*;

const PAUSED: Reply = Reply::Break(BrokenKind::Paused, 2);

#[test]
fn a_pause_is_nobodys_failure() {
    let plan = Plan { retry: no_retries(), ..upload(4) };
    let run = play_list(plan, vec![created(), PAUSED, head(1, 4), PAUSED, head(1, 4), at(4)]);
    run.expect_done(4);
    run.expect_requests(&[
        "POST http://h/files/",
        "PATCH http://h/files/1 0+4",
        "HEAD http://h/files/1",
        "PATCH http://h/files/1 1+3",
        "HEAD http://h/files/1",
        "PATCH http://h/files/1 1+3",
    ]);
    assert!(run.sleeps.is_empty());
    assert!(!run.notices.iter().any(|notice| matches!(notice, Notice::ChunkFailed | Notice::Retrying)));
}

/// Tells a session that it may not send before `until`.
fn held(session: Session, now: Instant, until: Instant) -> Session {
    session.happened(Event::HeldBack { until }, now)
}

#[test]
fn the_same_request_is_made_later() {
    let session = Session::start(upload(4), Instant(0));
    let Action::Send(first) = session.next() else { panic!() };
    let first = describe(first);
    let session = held(session, Instant(0), Instant(0) + Duration::from_secs(3));
    let Action::Sleep { until, why } = session.next() else { panic!() };
    assert_eq!((until, why), (Instant(0) + Duration::from_secs(3), WaitReason::RetryAfter));
    let session = session.happened(Event::Woke, until);
    let Action::Send(again) = session.next() else { panic!() };
    assert_eq!(describe(again), first);
    // What is over already is no wait.
    let session = held(session, until, Instant(0));
    assert!(matches!(session.next(), Action::Send(_)));
}

#[test]
fn nobody_waits_for_longer_than_he_has() {
    let deadline = Instant(0) + Duration::from_secs(2);
    let session = Session::start(Plan { deadline: Some(deadline), ..resume(4) }, Instant(0));
    let session = held(session, Instant(0), deadline);
    let Action::Finished(Err(error)) = session.next() else { panic!() };
    assert_eq!(error.kind(), ErrorKind::Timeout(TimeLimit::Total));
    assert_eq!(error.upload_url().map(AbsoluteUrl::as_str), Some("http://h/files/1"));
}

#[test]
fn all_are_told_of_a_busy_server() {
    let holds = |status, value: &'static str| {
        let run = play_list(upload(4), vec![created(), ok(status, &[("Retry-After", value)]), head(0, 4), at(4)]);
        run.notices.into_iter().find_map(|notice| match notice {
            Notice::HoldBack { origin, delay } => Some((origin.host, delay.as_secs())),
            _ => None,
        })
    };
    assert_eq!(holds(429, "7"), Some(("h".to_owned(), 7)));
    assert_eq!(holds(503, "7"), Some(("h".to_owned(), 7)));
    assert_eq!(holds(500, "7"), None);
    assert_eq!(holds(503, "soon"), None);
    // Whoever asks for more than he gets holds nobody.
    let run = play_list(upload(4), vec![created(), ok(503, &[("Retry-After", "999999")])]);
    assert!(!run.notices.iter().any(|notice| matches!(notice, Notice::HoldBack { .. })));
    // That this one gives up is no help to the others.
    let run = play_list(Plan { retry: no_retries(), ..upload(4) }, vec![created(), ok(503, &[("Retry-After", "5")])]);
    assert!(run.notices.iter().any(|notice| matches!(notice, Notice::HoldBack { .. })));
}
