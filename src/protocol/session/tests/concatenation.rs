//! Partial uploads, and putting them together (T-120 to T-128).

use super::*;
use crate::error::BrokenRule;

/// Puts `/files/a` and others together, whose sizes are known to be `total` if they are known.
fn whole_of(parts: &[&str], total: Option<u64>, unfinished: bool) -> Plan {
    let goal = Goal::Concatenate {
        endpoint: url("http://h/files/"),
        parts: parts.iter().map(|part| url(part)).collect(),
        total,
        unfinished,
    };
    Plan { discover: false, ..Plan::new(goal) }
}

fn three(total: Option<u64>) -> Plan {
    whole_of(&["http://h/files/a", "http://h/files/b", "http://h/files/c"], total, false)
}

fn made() -> Reply {
    ok(201, &[("Tus-Resumable", "1.0.0"), ("Location", "/files/whole")])
}

#[test]
fn a_partial_upload_says_so_and_is_an_upload_like_any_other() {
    let plan = Plan { partial: true, metadata: Some("a YQ==".into()), ..upload(4) };
    let run = play_list(plan.clone(), vec![created(), at(4)]);
    run.expect_done(4);
    let post = &run.exchanges[0];
    assert_eq!([field(post, "Upload-Concat"), field(post, "Upload-Length")], [Some("partial"), Some("4")]);
    assert_eq!(field(&run.exchanges[1], "Upload-Concat"), None);
    let plan = |extensions| Plan { capabilities: offering(extensions, ""), ..plan.clone() };
    let run = play_list(plan("creation"), vec![]);
    assert!(run.expect_error(ErrorKind::Unsupported).full_message().contains("concatenation"));
    play_list(plan("concatenation"), vec![created(), at(4)]).expect_done(4);
}

#[test]
fn three_parts_become_one() {
    let plan = Plan { metadata: Some("filename eA==".into()), ..three(Some(11)) };
    let run = play_list(plan, vec![made(), head(11, 11)]);
    run.expect_done(11);
    run.expect_requests(&["POST http://h/files/", "HEAD http://h/files/whole"]);
    let post = &run.exchanges[0];
    assert_eq!(
        post.headers,
        [
            ("Tus-Resumable", "1.0.0".to_owned()),
            ("Upload-Concat", "final;/files/a /files/b /files/c".to_owned()),
            ("Upload-Metadata", "filename eA==".to_owned()),
        ]
    );
    assert_eq!(post.body, Body::Empty);
    assert_eq!(run.notices, [Notice::UploadUrl(url("http://h/files/whole"))]);
    assert!(
        matches!(&run.result, Ok(Outcome::Uploaded { url: whole, size: Some(11), .. }) if *whole == url("http://h/files/whole"))
    );
}

#[test]
fn parts_elsewhere_are_named_in_full() {
    let parts = ["http://h:80/files/a?x=1", "https://h/files/b", "http://h:81/c", "http://h/files/a"];
    let run = play_list(whole_of(&parts, Some(4), false), vec![made(), head(4, 4)]);
    let named = field(&run.exchanges[0], "Upload-Concat");
    assert_eq!(named, Some("final;/files/a?x=1 https://h/files/b http://h:81/c /files/a"));
}

#[test]
fn what_the_server_does_not_offer_is_not_asked_of_it() {
    for (extensions, unfinished, offered) in [
        ("creation", false, false),
        ("concatenation", false, true),
        ("concatenation", true, false),
        ("concatenation-unfinished", true, false),
        ("concatenation-unfinished", false, false),
        ("concatenation,concatenation-unfinished", true, true),
    ] {
        let plan = Plan {
            capabilities: offering(extensions, ""),
            ..whole_of(&["http://h/files/a", "http://h/files/b"], Some(4), unfinished)
        };
        if offered {
            play_list(plan, vec![made(), head(4, 4)]).expect_done(4);
        } else {
            play_list(plan, vec![]).expect_error(ErrorKind::Unsupported);
        }
    }
    let asking = || Plan { discover: true, ..three(Some(4)) };
    let run = play_list(asking(), vec![ok(204, &[("Tus-Extension", "creation")])]);
    run.expect_error(ErrorKind::Unsupported);
    // One that does not say is tried.
    play_list(asking(), vec![ok(404, &[]), made(), head(4, 4)]).expect_done(4);
    let run = play_list(asking(), vec![ok(204, &[("Tus-Extension", "concatenation")]), made(), head(4, 4)]);
    run.expect_done(4);
}

#[test]
fn another_version_or_too_much_is_the_end_before_the_post() {
    let with = |version: &str, max_size| {
        let known = offering("concatenation", "").unwrap();
        Plan {
            capabilities: Some(Capabilities { versions: vec![version.into()], max_size, ..known }),
            ..three(Some(11))
        }
    };
    play_list(with("0.2.2", None), vec![]).expect_error(ErrorKind::Version);
    play_list(with("1.0.0", Some(10)), vec![]).expect_error(ErrorKind::TooLarge);
    play_list(with("1.0.0", Some(11)), vec![made(), head(11, 11)]).expect_done(11);
}

#[test]
fn nothing_and_far_too_many_are_refused() {
    play_list(whole_of(&[], Some(0), false), vec![]).expect_error(ErrorKind::InvalidArgument);
    // "final;" and 1637 times "/abc " less the last space are 8190 bytes.
    let many = |count| whole_of(&vec!["http://h/abc"; count], Some(4), false);
    play_list(many(1637), vec![made(), head(4, 4)]).expect_done(4);
    play_list(many(1638), vec![]).expect_error(ErrorKind::InvalidArgument);
}

#[test]
fn parts_of_which_nothing_is_known_are_asked_first() {
    let run = play_list(three(None), vec![part(4), part(0), part(7), made(), head(11, 11)]);
    run.expect_done(11);
    assert_eq!(
        run.requests,
        [
            "HEAD http://h/files/a",
            "HEAD http://h/files/b",
            "HEAD http://h/files/c",
            "POST http://h/files/",
            "HEAD http://h/files/whole"
        ]
    );
    // Then their sum is what the whole must have.
    let run = play_list(three(None), vec![part(4), part(4), part(4), made(), head(11, 11)]);
    run.expect_error(ErrorKind::Protocol(BrokenRule::LengthDiffers));
}

#[test]
fn an_incomplete_part_is_the_end_before_the_post() {
    for (incomplete, says) in [(part_at(3, Some(4)), "3 of 4"), (part_at(3, None), "3 of an open number")] {
        let run = play_list(three(None), vec![part(4), incomplete]);
        let error = run.expect_error(ErrorKind::InvalidState);
        assert!(error.full_message().contains("part 2") && error.full_message().contains(says), "{error}");
        assert_eq!(error.upload_url(), None);
    }
    play_list(three(None), vec![part(4), ok(404, &[])]).expect_error(ErrorKind::Gone);
    let missing = || foreign(404, &[]);
    play_list(three(None), vec![part(4), missing(), missing(), missing()]).expect_error(ErrorKind::Gone);
    play_list(three(None), vec![ok(403, &[])]).expect_error(ErrorKind::HttpStatus);
    play_list(three(None), vec![ok(200, &[("Upload-Length", "4")])])
        .expect_error(ErrorKind::Protocol(BrokenRule::MissingOffset));
}

#[test]
fn every_request_is_tried_again() {
    let replies = vec![RESET, part(4), ok(503, &[]), part(4), part(4), ok(423, &[]), made(), NO_ANSWER, head(12, 12)];
    let run = play_list(three(None), replies);
    run.expect_done(12);
    assert_eq!(run.sleeps.len(), 4);
    assert!(!warned(&run, "two wholes"));
}

#[test]
fn putting_together_that_was_not_answered_may_have_happened() {
    let open = || {
        let unread = Reply::Break(BrokenKind::NotHttp, 0);
        let refused = |status| ok(status, &[("Tus-Resumable", "1.0.0")]);
        let answers = [408, 409, 429, 500, 503, 507].into_iter().map(refused);
        answers.chain([RESET, NO_ANSWER, Reply::Stale, unread, foreign(502, &[]), foreign(504, &[]), foreign(524, &[])])
    };
    for reply in open() {
        let run = play_list(three(Some(4)), vec![reply]);
        let error = run.expect_error(ErrorKind::Unconfirmed);
        assert!(!error.is_retryable() && error.upload_url().is_none());
        assert!(run.exchanges[0].fresh_connection, "so that none was dead before");
    }
    // Where it has a URL, that is told.
    let named = ok(500, &[("Tus-Resumable", "1.0.0"), ("Location", "/files/whole")]);
    let run = play_list(three(Some(4)), vec![named]);
    assert_eq!(run.expect_error(ErrorKind::Unconfirmed).upload_url(), Some(&url("http://h/files/whole")));
    // A success without a URL.
    for fields in [&[("Tus-Resumable", "1.0.0")][..], &[("Upload-Offset", "4")]] {
        play_list(three(Some(4)), vec![ok(200, fields)]).expect_error(ErrorKind::Unconfirmed);
    }
    play_list(three(Some(4)), vec![foreign(200, &[])]).expect_error(ErrorKind::Protocol(BrokenRule::NotTus));
    // What was not sent has not happened.
    let run = play_list(three(Some(4)), vec![Reply::Break(BrokenKind::Connect, 0), made(), head(4, 4)]);
    assert!(!warned(&run, "two wholes"));
    let connecting = Reply::Break(BrokenKind::Timeout(TimeLimit::Connect), 0);
    play_list(three(Some(4)), vec![connecting, made(), head(4, 4)]).expect_done(4);
    let run = play_list(three(Some(4)), vec![Reply::Break(BrokenKind::TlsRejected, 0)]);
    assert!(!warned(&run, "two wholes"));
    // Who does not mind two of them may have it repeated.
    let repeated = || Plan { creation_data: CreationData::Repeat, ..three(Some(4)) };
    let run = play_list(repeated(), vec![NO_ANSWER, made(), head(4, 4)]);
    assert!(warned(&run, "two wholes"));
    play_list(repeated(), vec![ok(503, &[]), made(), head(4, 4)]).expect_done(4);
}

#[test]
fn what_is_no_part_is_refused_before_the_post() {
    let final_one = || {
        let fields = [("Upload-Concat", "final;/files/x /files/y"), ("Upload-Offset", "4"), ("Upload-Length", "4")];
        ok(200, &fields)
    };
    for other in [head(4, 4), final_one()] {
        let run = play_list(three(None), vec![part(4), other]);
        let error = run.expect_error(ErrorKind::InvalidState);
        assert!(error.full_message().contains("upload 2"), "{error}");
    }
    // What this operation has made it knows, whatever the server repeats.
    let replies = vec![ok(400, &[]), head(4, 4), head(4, 4), head(4, 4), made(), head(12, 12)];
    play_list(three(Some(12)), replies).expect_done(12);
}

#[test]
fn a_refusal_is_looked_into_part_by_part() {
    for status in [400, 403, 404, 410] {
        // Nothing is wrong with them: it is asked once more, and then it is as the server says.
        let whole_parts = || vec![ok(status, &[]), head(4, 4), head(4, 4), head(4, 4)];
        let replies = whole_parts().into_iter().chain([made(), head(12, 12)]).collect();
        play_list(three(Some(12)), replies).expect_done(12);
        let run = play_list(three(Some(12)), whole_parts().into_iter().chain([ok(status, &[])]).collect());
        assert_eq!(run.expect_error(ErrorKind::HttpStatus).answer().unwrap().status, status);
        assert_eq!(run.expect_error(ErrorKind::HttpStatus).request().unwrap().method, "POST");
        let run = play_list(three(Some(12)), vec![ok(status, &[]), head(4, 4), head(3, 4)]);
        assert!(run.expect_error(ErrorKind::InvalidState).full_message().contains("part 2"));
        let run = play_list(three(Some(12)), vec![ok(status, &[]), ok(410, &[])]);
        assert_eq!(run.expect_error(ErrorKind::Gone).request().unwrap().url, url("http://h/files/a"));
    }
    // Where unfinished parts are allowed, they explain nothing.
    let plan = whole_of(&["http://h/files/a", "http://h/files/b"], Some(4), true);
    play_list(plan, vec![ok(400, &[])]).expect_error(ErrorKind::HttpStatus);
    for (status, kind) in [(413, ErrorKind::TooLarge), (501, ErrorKind::Unsupported), (412, ErrorKind::Version)] {
        play_list(three(Some(4)), vec![ok(status, &[])]).expect_error(kind);
    }
}

#[test]
fn the_whole_is_waited_for() {
    let nothing_yet = || ok(200, &[("Upload-Concat", "final; /files/a /files/b")]);
    let length_only = ok(200, &[("Upload-Concat", "final;/files/a"), ("Upload-Length", "11")]);
    let run = play_list(three(Some(11)), vec![made(), nothing_yet(), length_only, head(5, 11), head(11, 11)]);
    run.expect_done(11);
    assert_eq!(run.sleeps.len(), 3);
    assert!(
        run.sleeps.iter().all(|(pause, why)| *why == WaitReason::Assembly && *pause <= Duration::from_millis(2500))
    );
    let first = Duration::from_millis(125)..=Duration::from_millis(250);
    assert!(first.contains(&run.sleeps[0].0), "{:?}", run.sleeps);
    // An offset without a length is not the end either.
    let run = play_list(three(Some(11)), vec![made(), ok(200, &[("Upload-Offset", "11")]), head(11, 11)]);
    run.expect_done(11);
}

#[test]
fn the_whole_is_not_waited_for_for_ever() {
    let retry = RetryPolicy { lock_budget: Duration::from_secs(10), ..RetryPolicy::default() };
    let server = |n: usize, _: &Exchange| if n == 0 { made() } else { head(5, 11) };
    let run = play(Plan { retry, ..three(Some(11)) }, server);
    let error = run.expect_error(ErrorKind::Protocol(BrokenRule::NotAssembled));
    assert_eq!(error.upload_url(), Some(&url("http://h/files/whole")));
    let waited: Duration = run.sleeps.iter().map(|(pause, _)| *pause).sum();
    assert!(waited < Duration::from_secs(10) && waited > Duration::from_secs(6), "{waited:?}");
    // Nor beyond the deadline, nor in a hot loop.
    let run = play(Plan { deadline: Some(Instant(3_000_000)), ..three(Some(11)) }, server);
    run.expect_error(ErrorKind::Timeout(TimeLimit::Total));
    let retry = RetryPolicy { base_delay: Duration::ZERO, lock_budget: Duration::from_secs(1), ..retry };
    let run = play(Plan { retry, ..three(Some(11)) }, server);
    assert!(run.sleeps.iter().all(|(pause, _)| *pause >= Duration::from_millis(20)) && !run.sleeps.is_empty());
}

#[test]
fn a_whole_that_is_not_the_sum_of_its_parts_is_refused() {
    for (found, rule) in [
        (head(11, 12), BrokenRule::LengthDiffers),
        (head(10, 10), BrokenRule::LengthDiffers),
        (head(12, 11), BrokenRule::OffsetBeyondLength),
        (ok(200, &[("Upload-Offset", "x"), ("Upload-Length", "11")]), BrokenRule::MalformedInteger),
    ] {
        let run = play_list(three(Some(11)), vec![made(), found]);
        let error = run.expect_error(ErrorKind::Protocol(rule));
        assert_eq!(error.upload_url(), Some(&url("http://h/files/whole")));
    }
    play_list(three(Some(11)), vec![made(), ok(404, &[])]).expect_error(ErrorKind::Gone);
    play_list(three(Some(11)), vec![made(), ok(403, &[])]).expect_error(ErrorKind::HttpStatus);
    for fields in [&[("Location", "")][..], &[("Location", "/a"), ("Location", "/b")]] {
        play_list(three(Some(11)), vec![foreign(201, fields)])
            .expect_error(ErrorKind::Protocol(BrokenRule::BadLocation));
    }
}

#[test]
fn parts_may_be_unfinished_where_that_is_offered() {
    let plan = |total| whole_of(&["http://h/files/a", "http://h/files/b"], total, true);
    // It is made at once and is not waited for, since nothing completes it here.
    for replies in [
        vec![part_at(2, Some(4)), part(7), made(), ok(200, &[("Upload-Concat", "final;/files/a /files/b")])],
        vec![part(7), part_at(2, Some(4)), made(), ok(200, &[("Upload-Concat", "final;/files/a /files/b")])],
    ] {
        let run = play_list(plan(None), replies);
        assert!(matches!(run.result, Ok(Outcome::Uploaded { offset: 0, size: Some(11), .. })), "{:?}", run.result);
    }
    let run = play_list(plan(None), vec![part_at(2, None), part(7), made(), ok(200, &[("Upload-Offset", "2")])]);
    assert!(matches!(run.result, Ok(Outcome::Uploaded { offset: 2, size: None, .. })), "{:?}", run.result);
    // Where all are complete all the same, the whole is waited for.
    let silent = || ok(200, &[("Upload-Concat", "final;/files/a /files/b")]);
    play_list(plan(None), vec![part(4), part(7), made(), silent(), silent(), head(11, 11)]).expect_done(11);
    play_list(plan(Some(11)), vec![made(), silent(), head(11, 11)]).expect_done(11);
}

#[test]
fn a_redirected_post_keeps_what_it_says() {
    let run = play_list(three(Some(11)), vec![ok(307, &[("Location", "/other/")]), made(), head(11, 11)]);
    run.expect_done(11);
    let [first, second] = [&run.exchanges[0], &run.exchanges[1]];
    assert_eq!(run.requests[1], "POST http://h/other/");
    assert_eq!((&first.headers, first.body), (&second.headers, second.body));
    // Where paths would mean other uploads, the parts are named in full.
    let run = play_list(three(Some(11)), vec![ok(308, &[("Location", "http://g/files/")]), made(), head(11, 11)]);
    let named = "final;http://h/files/a http://h/files/b http://h/files/c";
    assert_eq!(field(&run.exchanges[1], "Upload-Concat"), Some(named));
    assert_eq!(run.requests[2], "HEAD http://g/files/whole");
    assert!(!run.exchanges[1].trusted && !run.exchanges[2].trusted);
    // A part that lies there is then named by its path.
    let plan = whole_of(&["http://g/files/a", "http://h/files/b"], Some(11), false);
    let run = play_list(plan, vec![ok(308, &[("Location", "http://g/files/")]), made(), head(11, 11)]);
    assert_eq!(field(&run.exchanges[1], "Upload-Concat"), Some("final;/files/a http://h/files/b"));
    // A retry begins at the endpoint again.
    let redirect = || ok(307, &[("Location", "http://g/files/")]);
    let run = play_list(three(Some(11)), vec![redirect(), ok(423, &[]), redirect(), made(), head(11, 11)]);
    assert_eq!((&run.exchanges[0].url, &run.exchanges[0].headers), (&run.exchanges[2].url, &run.exchanges[2].headers));
    // One for good is remembered, and the parts are named as they are to be there.
    let redirect_for_good = || ok(308, &[("Location", "http://g/files/")]);
    let run = play_list(three(Some(11)), vec![redirect_for_good(), ok(423, &[]), made(), head(11, 11)]);
    assert_eq!(run.requests[2], "POST http://g/files/");
    assert_eq!(field(&run.exchanges[2], "Upload-Concat"), Some(named));
    let run = play_list(three(Some(11)), vec![ok(302, &[("Location", "/other/")])]);
    run.expect_error(ErrorKind::Protocol(BrokenRule::BadRedirect));
    // A redirected HEAD is nothing of that.
    play_list(three(None), vec![redirect(), part(4), part(4), part(4), made(), head(12, 12)]).expect_done(12);
}

#[test]
fn a_whole_elsewhere_gets_no_credentials() {
    let elsewhere = || ok(201, &[("Location", "http://g/whole")]);
    let run = play_list(three(Some(11)), vec![elsewhere(), head(11, 11)]);
    assert!(run.exchanges[0].trusted && !run.exchanges[1].trusted);
    assert!(warned(&run, "another origin"));
    assert!(!warned(&play_list(three(Some(11)), vec![made(), head(11, 11)]), "another origin"));
}

#[test]
fn the_whole_is_what_a_stop_leaves() {
    let now = Instant(0);
    let session = Session::start(three(Some(11)), now);
    assert_eq!(session.upload_url(), None);
    let session = session.happened(reply_event(made(), 0), now);
    let session = session.happened(Event::Stopped(Error::new(ErrorKind::Cancelled, "enough")), now);
    let error = session.into_result().unwrap().unwrap_err();
    assert_eq!(error.upload_url(), Some(&url("http://h/files/whole")));
}

/// What never left this machine has put nothing together.
#[test]
fn a_request_that_was_never_sent_is_made_again() {
    let run = play_list(three(Some(12)), vec![Reply::Unsent, made(), head(12, 12)]);
    run.expect_done(12);
    assert!(!warned(&run, "two wholes"));
}

/// A refusal that says where the whole is has made one: it is told, and no second one is made.
#[test]
fn a_refusal_that_names_the_whole_is_told_with_it() {
    for status in [400, 403, 422, 413, 423] {
        let run = play_list(three(Some(12)), vec![ok(status, &[("Location", "/files/9")])]);
        assert_eq!(run.result.unwrap_err().upload_url(), Some(&url("http://h/files/9")), "{status}");
    }
}
