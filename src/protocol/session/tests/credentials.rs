//! 401: other credentials, once (scenario 36).

use super::*;

fn with_hook(plan: Plan) -> Plan {
    Plan { can_authenticate: true, ..plan }
}

fn refused() -> Reply {
    ok(401, &[])
}

#[test]
fn every_request_is_made_again_with_other_credentials() {
    let run = play_list(with_hook(upload(4)), vec![refused(), created(), refused(), head(0, 4), at(4)]);
    run.expect_done(4);
    assert_eq!(
        run.requests,
        [
            "POST http://h/files/",
            "POST http://h/files/",
            "PATCH http://h/files/1 0+4",
            "HEAD http://h/files/1",
            "PATCH http://h/files/1 0+4"
        ]
    );
    assert_eq!(run.exchanges[0], run.exchanges[1]);
    assert!(run.sleeps.is_empty() && run.notices.contains(&Notice::ChunkFailed));
    assert!(!run.notices.contains(&Notice::Retrying));
    let run = play_list(with_hook(resume(4)), vec![refused(), head(0, 4), at(4)]);
    run.expect_done(4);
    let goal = Goal::Terminate { url: url("http://h/files/1"), endpoint: None };
    let run = play_list(with_hook(Plan::new(goal)), vec![refused(), ok(204, &[])]);
    assert_eq!(run.result.unwrap(), Outcome::Terminated);
    let goal = Goal::Discover { endpoint: url("http://h/files/") };
    let run = play_list(with_hook(Plan::new(goal)), vec![refused(), ok(204, &[("Tus-Version", "1.0.0")])]);
    assert!(matches!(run.result, Ok(Outcome::Discovered(_))));
    let goal = Goal::Concatenate {
        endpoint: url("http://h/files/"),
        parts: vec![url("http://h/files/a"), url("http://h/files/b")],
        total: None,
        unfinished: false,
    };
    let plan = Plan { discover: false, ..Plan::new(goal) };
    let made = ok(201, &[("Location", "/files/1")]);
    let replies = vec![refused(), part(2), refused(), part(2), refused(), made, refused(), head(4, 4)];
    play_list(with_hook(plan), replies).expect_done(4);
}

#[test]
fn without_anyone_to_ask_it_is_the_end() {
    for plan in [upload(4), Plan { can_authenticate: false, ..resume(4) }] {
        play_list(plan, vec![refused()]).expect_error(ErrorKind::HttpStatus);
    }
    for status in [403, 407] {
        play_list(with_hook(upload(4)), vec![ok(status, &[])]).expect_error(ErrorKind::HttpStatus);
    }
}

#[test]
fn whoever_has_no_others_ends_it_with_the_refusal() {
    let run = play_stream_list(with_hook(resume(4)), 0, Ok(false), vec![refused()]);
    let error = run.expect_error(ErrorKind::HttpStatus);
    assert_eq!((error.answer().unwrap().status, error.callback_code()), (401, None));
    assert_eq!(error.upload_url(), Some(&url("http://h/files/1")));
    let run = play_stream_list(with_hook(upload(4)), 0, Err(7), vec![created(), refused()]);
    let error = run.expect_error(ErrorKind::HttpStatus);
    assert_eq!((error.callback_code(), error.request().unwrap().method), (Some(7), "PATCH"));
    assert_eq!(error.upload_url(), Some(&url("http://h/files/1")));
}

#[test]
fn a_second_refusal_in_a_row_is_the_end() {
    let run = play_list(with_hook(upload(4)), vec![refused(), refused()]);
    run.expect_error(ErrorKind::HttpStatus);
    play_list(with_hook(resume(4)), vec![head(0, 4), refused(), refused()]).expect_error(ErrorKind::HttpStatus);
}

#[test]
fn a_success_makes_new_credentials_worth_asking_for_again() {
    let mut offset = 0;
    let run = play(with_hook(Plan { chunk_size: fixed(1), ..upload(6) }), |n, exchange| match exchange.method {
        _ if n == 0 => created(),
        HttpMethod::Head => head(offset, 6),
        _ if n % 3 == 1 => refused(),
        _ => {
            offset += 1;
            at(offset)
        }
    });
    run.expect_done(6);
}

#[test]
fn a_server_that_shows_an_upload_and_takes_no_data_is_not_asked_for_ever() {
    let run = play_list(with_hook(upload(4)), vec![created(), refused(), head(0, 4), refused()]);
    run.expect_error(ErrorKind::HttpStatus);
    // Failures of another kind in between change nothing.
    let replies = vec![created(), refused(), head(0, 4), ok(503, &[]), head(0, 4), refused()];
    play_list(with_hook(upload(4)), replies).expect_error(ErrorKind::HttpStatus);
}

#[test]
fn what_has_no_credentials_is_not_given_others() {
    let redirect = ok(307, &[("Location", "http://g/files/")]);
    play_list(with_hook(upload(4)), vec![redirect, refused()]).expect_error(ErrorKind::HttpStatus);
    let elsewhere = ok(201, &[("Location", "http://g/1")]);
    play_list(with_hook(upload(4)), vec![elsewhere, refused()]).expect_error(ErrorKind::HttpStatus);
}

#[test]
fn a_refused_look_at_the_server_is_no_reason_to_end() {
    let asking = || with_hook(Plan { discover: true, ..upload(4) });
    let run = play_list(asking(), vec![refused(), ok(204, &[("Tus-Version", "1.0.0")]), created(), at(4)]);
    run.expect_done(4);
    run.expect_requests(&[
        "OPTIONS http://h/files/",
        "OPTIONS http://h/files/",
        "POST http://h/files/",
        "PATCH http://h/files/1 0+4",
    ]);
    // Neither where it stays refused, nor where nobody has others.
    play_list(asking(), vec![refused(), refused(), created(), at(4)]).expect_done(4);
    let run = play_stream_list(asking(), 0, Ok(false), vec![refused(), created(), at(4)]);
    run.expect_done(4);
    assert!(warned(&run, "401"));
    let run = play_stream_list(asking(), 0, Err(7), vec![refused()]);
    assert_eq!(run.expect_error(ErrorKind::HttpStatus).callback_code(), Some(7));
    // Where it is the goal, it is.
    let goal = Goal::Discover { endpoint: url("http://h/files/") };
    play_stream_list(with_hook(Plan::new(goal)), 0, Ok(false), vec![refused()]).expect_error(ErrorKind::HttpStatus);
}

#[test]
fn data_that_a_refusal_kept_all_the_same_is_seen() {
    let run = play_list(with_hook(upload(4)), vec![created(), refused(), head(4, 4)]);
    run.expect_done(4);
    assert!(warned(&run, "401"));
    let early = Reply::Early(2, 401, vec![]);
    let run = play_list(with_hook(upload(4)), vec![created(), early, head(2, 4), at(4)]);
    run.expect_done(4);
    assert!(run.notices.contains(&Notice::Acknowledged(2)));
}

#[test]
fn the_upload_is_known_while_credentials_are_got() {
    let now = Instant(0);
    let session = Session::start(with_hook(resume(4)), now).happened(reply_event(refused(), 0), now);
    let Action::Authenticate(error) = session.next() else { panic!("{session:?}") };
    assert_eq!(error.answer().unwrap().status, 401);
    assert_eq!(session.upload_url(), Some(&url("http://h/files/1")));
    let lost = session.happened(Event::Woke, now);
    assert_eq!(lost.into_result().unwrap().unwrap_err().kind(), ErrorKind::Internal);
    // Nobody asked.
    let session = Session::start(with_hook(resume(4)), now).happened(Event::Authenticated(Ok(true)), now);
    assert_eq!(session.into_result().unwrap().unwrap_err().kind(), ErrorKind::Internal);
}
