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
