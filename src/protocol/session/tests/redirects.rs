//! 3xx (T-151).

use super::*;
use crate::error::BrokenRule;

fn to(status: u16, location: &'static str) -> Reply {
    ok(status, &[("Location", location)])
}

#[test]
fn method_and_body_are_kept() {
    for status in [307, 308] {
        let run = play_list(upload(4), vec![to(status, "/other/"), created(), to(status, "http://h/f/2"), at(4)]);
        run.expect_done(4);
        run.expect_requests(&[
            "POST http://h/files/",
            "POST http://h/other/",
            "PATCH http://h/files/1 0+4",
            "PATCH http://h/f/2 0+4",
        ]);
        assert_eq!(run.exchanges[2].headers, run.exchanges[3].headers);
    }
    let run = play_list(resume(4), vec![to(302, "/f/2"), head(4, 4)]);
    run.expect_done(4);
}

#[test]
fn locations_of_a_redirected_creation_are_relative_to_where_it_went() {
    let run = play_list(upload(1), vec![to(307, "/deep/er/"), ok(201, &[("Location", "9")]), at(1)]);
    assert_eq!(run.requests[2], "PATCH http://h/deep/er/9 0+1");
}

#[test]
fn a_method_is_never_changed() {
    for status in [301, 302, 303] {
        play_list(upload(4), vec![to(status, "/x")]).expect_error(ErrorKind::Protocol(BrokenRule::BadRedirect));
        let run = play_list(upload(4), vec![created(), to(status, "/x")]);
        let error = run.expect_error(ErrorKind::Protocol(BrokenRule::BadRedirect));
        assert_eq!(error.upload_url(), Some(&url("http://h/files/1")));
    }
    for reply in [ok(307, &[]), ok(300, &[]), ok(304, &[]), to(305, "/x"), to(307, ""), to(307, "ftp://h/")] {
        play_list(resume(4), vec![reply]).expect_error(ErrorKind::Protocol(BrokenRule::BadRedirect));
    }
}

#[test]
fn credentials_stay_behind() {
    let run = play_list(resume(4), vec![to(307, "http://evil/1"), head(0, 4), at(4)]);
    assert_eq!(run.exchanges.iter().map(|e| e.trusted).collect::<Vec<_>>(), [true, false, true]);
}

#[test]
fn loops_chains_and_downgrades_end() {
    let run = play(resume(4), |n, _| to(307, if n % 2 == 0 { "/b" } else { "/files/1" }));
    run.expect_error(ErrorKind::Protocol(BrokenRule::TooManyRedirects));
    let run = play(resume(4), |n, _| ok(307, &[("Location", &format!("/{n}"))]));
    run.expect_error(ErrorKind::Protocol(BrokenRule::TooManyRedirects));
    assert_eq!(run.requests.len(), 6);
    let secure = Plan::new(Goal::Resume { url: url("https://h/1"), size: Some(1), endpoint: None });
    play_list(secure, vec![to(307, "http://h/1")]).expect_error(ErrorKind::Protocol(BrokenRule::InsecureLocation));
}

/// T-152.
#[test]
fn what_has_moved_for_good_is_asked_there() {
    for status in [301, 308] {
        let plan = Plan { chunk_size: fixed(2), ..resume(6) };
        let run = play_list(plan, vec![to(status, "/f/2"), head(0, 6), at(2), RESET, head(2, 6), at(4), at(6)]);
        run.expect_done(6);
        let there = |line: &String| line.contains("http://h/f/2");
        assert!(
            run.requests[0].contains("http://h/files/1") && run.requests[1..].iter().all(there),
            "{:?}",
            run.requests
        );
        assert!(matches!(&run.result, Ok(Outcome::Uploaded { url: at, .. }) if *at == url("http://h/files/1")));
    }
    // No chunk goes out twice but the first one.
    let run = play_list(
        Plan { chunk_size: fixed(2), ..upload(6) },
        vec![to(308, "/new/"), created(), to(308, "http://h/f/2"), at(2), at(4), at(6)],
    );
    run.expect_done(6);
    assert_eq!(run.requests.iter().filter(|line| line.contains("/files/1 ")).count(), 1);
    // The next upload goes where the first one went, and what is for now is asked for again.
    let lost = vec![to(308, "/new/"), created(), ok(410, &[]), created(), at(4)];
    assert_eq!(play_list(upload(4), lost).requests[3], "POST http://h/new/");
    for status in [302, 307] {
        let run = play_list(resume(4), vec![to(status, "/f/2"), head(0, 4), at(4)]);
        assert_eq!(run.requests[2], "PATCH http://h/files/1 0+4");
    }
    // The rules of credentials hold there as well.
    let run = play_list(resume(4), vec![to(301, "http://evil/1"), head(0, 4), at(4)]);
    assert_eq!(run.exchanges.iter().map(|e| e.trusted).collect::<Vec<_>>(), [true, false, false]);
    // What moves back is where it was.
    let moves = vec![to(301, "/b"), head(0, 4), RESET, to(301, "/files/1"), head(0, 4), at(4)];
    assert_eq!(play_list(resume(4), moves).requests.last().unwrap(), "PATCH http://h/files/1 0+4");
    let part = Plan::new(Goal::Terminate { url: url("http://h/files/1"), endpoint: None });
    let run = play_list(part, vec![to(308, "/b"), ok(404, &[]), ok(404, &[])]);
    assert_eq!(run.requests[2], "HEAD http://h/b");
}

/// A page for people, in place of the server.
#[test]
fn a_redirect_that_is_no_tus_servers_is_tried_again() {
    let page = |status| foreign(status, &[("Location", "/sorry.html")]);
    for status in [301, 302, 303] {
        let run = play_list(upload(4), vec![created(), page(status), head(0, 4), at(4)]);
        run.expect_done(4);
        assert_eq!(run.sleeps.len(), 1);
        let run = play(upload(4), |n, exchange| match exchange.method {
            _ if n == 0 => created(),
            HttpMethod::Head => head(0, 4),
            _ => page(status),
        });
        let error = run.expect_error(ErrorKind::Protocol(BrokenRule::BadRedirect));
        assert!(error.is_retryable() && error.upload_url().is_some());
        let delete = || Plan::new(Goal::Terminate { url: url("http://h/files/1"), endpoint: None });
        assert!(play_list(delete(), vec![page(status), ok(204, &[])]).result.is_ok());
    }
    // HEAD is led to the page, which says nothing either; where it was led for good is not remembered for that.
    for status in [301, 302, 307, 308] {
        let html = || foreign(200, &[("Content-Type", "text/html")]);
        let run = play_list(resume(4), vec![page(status), html(), head(0, 4), at(4)]);
        run.expect_done(4);
        assert_eq!(run.requests[2..], ["HEAD http://h/files/1", "PATCH http://h/files/1 0+4"]);
    }
}

/// A page for people leads to where a tus server knows nothing: that is no word about the upload.
#[test]
fn gone_from_where_a_page_leads_is_not_gone() {
    for status in [301, 302, 307, 308] {
        let page = || foreign(status, &[("Location", "/login")]);
        let run = play_list(resume(4), vec![page(), ok(404, &[]), head(0, 4), at(4)]);
        run.expect_done(4);
        let run = play_list(upload(4), vec![created(), RESET, page(), ok(404, &[]), head(0, 4), at(4)]);
        run.expect_done(4);
        assert!(!run.notices.iter().any(|notice| matches!(notice, Notice::Gone(_) | Notice::Abandoned(_))));
        let delete = Plan::new(Goal::Terminate { url: url("http://h/files/1"), endpoint: None });
        let run = play_list(delete, vec![ok(410, &[]), page(), ok(404, &[]), head(0, 4)]);
        run.expect_error(ErrorKind::HttpStatus);
        // A tus server that leads elsewhere is believed, and so is who answers there.
        let moved = ok(status, &[("Location", "/f/2")]);
        play_list(resume(4), vec![moved, ok(404, &[])]).expect_error(ErrorKind::Gone);
    }
}
