//! Checksums: which, in what form, and what becomes of data that arrives damaged (T-090 to T-100).

use super::*;
use crate::protocol::checksum::{Algorithm, Checked, Policy, Wish};
use Algorithm::{Md5, Sha1, Sha256, Sha512};

const ALL: &str = "sha1,sha256,sha512,md5";

fn checked(extensions: &str, algorithms: &str, policy: Policy, algorithm: Option<Algorithm>) -> Plan {
    Plan {
        capabilities: offering(extensions, algorithms),
        checksum: Wish { policy, algorithm },
        chunk_size: fixed(4),
        ..upload(4)
    }
}

fn wanted(extensions: &str) -> Plan {
    checked(extensions, ALL, Policy::IfAvailable, None)
}

/// The algorithm and whether it is a trailer, of each request with data.
fn sums(run: &Run) -> Vec<Option<(Algorithm, bool)>> {
    let with_data = run.exchanges.iter().filter(|exchange| matches!(exchange.body, Body::Range { .. }));
    with_data.map(|exchange| exchange.checksum.map(|sum| (sum.algorithm, sum.form == Form::Trailer))).collect()
}

/// How all that was acknowledged was checked.
fn told(run: &Run) -> Checked {
    let notices = run.notices.iter();
    let each = notices.filter_map(|notice| if let Notice::Checked(one) = notice { Some(*one) } else { None });
    each.fold(Checked::Nothing, Checked::and)
}

/// With trailers, which are shown to be looked at before data goes out.
fn trailed(chunk: u64) -> Plan {
    Plan { checksum_trailers: true, chunk_size: fixed(chunk), ..wanted("checksum,checksum-trailer") }
}

fn mismatch() -> Reply {
    ok(460, &[])
}

fn done() -> Vec<Reply> {
    vec![created(), at(4)]
}

#[test]
fn each_algorithm_that_is_wanted_and_offered_is_used() {
    for algorithm in Algorithm::ALL {
        let run = play_list(checked("checksum", ALL, Policy::Required, Some(algorithm)), done());
        run.expect_done(4);
        assert_eq!((sums(&run), told(&run)), (vec![Some((algorithm, false))], Checked::All(algorithm)));
    }
    let run = play_list(wanted("checksum"), done());
    assert_eq!(sums(&run), [Some((Sha256, false))]);
    assert!(!warned(&run, "does not check"));
    let run = play_list(checked("checksum", "sha1", Policy::IfAvailable, Some(Md5)), done());
    assert_eq!(sums(&run), [Some((Sha1, false))]);
    assert!(warned(&run, "does not check md5 checksums: sha1 is used"));
    let run = play_list(Plan { fastest: Sha1, ..wanted("checksum") }, done());
    assert_eq!(sums(&run), [Some((Sha1, false))]);
}

#[test]
fn without_a_wish_nothing_is_sent() {
    let run = play_list(checked("checksum,checksum-trailer", ALL, Policy::Off, Some(Sha1)), done());
    assert_eq!((sums(&run), told(&run)), (vec![None], Checked::Nothing));
}

#[test]
fn what_is_not_offered_is_not_used() {
    // A list of algorithms offers nothing, and a trailer is a form of what must be offered itself.
    for extensions in ["", "creation", "checksum-trailer"] {
        let run = play_list(wanted(extensions), done());
        run.expect_done(4);
        assert_eq!((sums(&run), told(&run)), (vec![None], Checked::NotAll), "{extensions}");
        assert!(warned(&run, "does not check checksums"));
        let run = play_list(Plan { checksum_asked: false, ..wanted(extensions) }, done());
        assert!(!warned(&run, "checksum"), "who did not ask for them misses none");
    }
    let run = play_list(Plan { capabilities: None, ..wanted("") }, done());
    assert_eq!(sums(&run), [None]);
    let unknown = Plan { capabilities: None, ..checked("", "", Policy::IfAvailable, Some(Sha1)) };
    assert!(warned(&play_list(unknown, done()), "does not say whether it checks checksums"));
}

#[test]
fn what_was_not_checked_is_not_told_as_checked() {
    // Nothing was sent, a part of a chunk was taken, the chunk whose answer was lost is there.
    let plan = Plan { capabilities: offering("checksum", ALL), ..resume(4) };
    let plan = Plan { checksum: Wish { policy: Policy::Required, algorithm: Some(Sha1) }, ..plan };
    assert_eq!(told(&play_list(plan, vec![head(4, 4)])), Checked::Nothing);
    let run = play_list(wanted("checksum"), vec![created(), at(2), at(4)]);
    assert_eq!(told(&run), Checked::NotAll);
    let run = play_list(wanted("checksum"), vec![created(), NO_ANSWER, head(4, 4)]);
    assert_eq!(told(&run), Checked::All(Sha256));
}

#[test]
fn what_is_required_and_not_offered_is_the_end_before_the_post() {
    let required = |extensions, algorithm| checked(extensions, "sha1", Policy::Required, algorithm);
    for (plan, says) in [
        (
            checked("checksum", "crc32", Policy::Required, Some(Sha1)),
            "sha1 checksums are required, the server checks crc32",
        ),
        (checked("checksum", "sha256", Policy::Required, Some(Sha1)), "the server checks sha256"),
        (checked("checksum", "crc32", Policy::Required, None), "checksums are required, the server checks crc32"),
        (checked("checksum", "", Policy::Required, Some(Sha256)), "the server checks sha1"),
        (required("creation", None), "checksum extension"),
        (required("creation", Some(Sha256)), "checksum extension"),
        (required("checksum", Some(Sha256)), "sha256 checksums are required, the server checks sha1"),
        (Plan { capabilities: None, ..required("", None) }, "does not say"),
    ] {
        let run = play_list(plan, vec![]);
        let error = run.expect_error(ErrorKind::Unsupported);
        assert!(error.full_message().contains(says), "{error}");
    }
    let plan = || Plan { capabilities: None, discover: true, ..required("", None) };
    play_list(plan(), vec![ok(404, &[])]).expect_error(ErrorKind::Unsupported);
    // What is wrong with the question is told or tried again.
    let run = play_list(plan(), vec![ok(401, &[])]);
    assert_eq!(run.expect_error(ErrorKind::HttpStatus).answer().map(|answer| answer.status), Some(401));
    let offers = ok(204, &[("Tus-Extension", "checksum")]);
    let hang = Reply::Break(BrokenKind::Timeout(TimeLimit::Response), 0);
    let run = play_list(plan(), vec![ok(503, &[]), hang, offers, created(), at(4)]);
    run.expect_done(4);
    assert!(!run.exchanges[0].optional);
}

#[test]
fn data_with_a_checksum_does_not_go_with_the_creation() {
    let plan = |extensions| Plan { creation_data: CreationData::On, ..wanted(extensions) };
    let run = play_list(plan("checksum,creation-with-upload"), done());
    assert_eq!(run.requests, ["POST http://h/files/", "PATCH http://h/files/1 0+4"]);
    let run = play_list(
        Plan { chunk_size: ChunkSize::Auto, ..plan("creation-with-upload") },
        vec![ok(201, &[("Location", "/files/1"), ("Upload-Offset", "4")])],
    );
    run.expect_requests(&["POST http://h/files/ 0+4"]);
}

#[test]
fn trailers_are_used_where_offered_and_allowed() {
    let run = play_list(wanted("checksum,checksum-trailer"), done());
    assert_eq!(sums(&run), [Some((Sha256, false))], "not unless the caller wants them");
    let run = play_list(Plan { capabilities: offering("checksum", ALL), ..trailed(4) }, done());
    assert_eq!(sums(&run), [Some((Sha256, false))]);
    for status in [460, 417] {
        let run = play_list(trailed(2), vec![created(), ok(status, &[]), head(0, 4), at(2), at(4)]);
        run.expect_done(4);
        assert_eq!((sums(&run), told(&run)), (vec![Some((Sha256, true)); 2], Checked::All(Sha256)));
        assert_eq!(run.requests[1], "PATCH http://h/files/1");
        let wrong = run.exchanges[1].checksum.map(|sum| (sum.algorithm, sum.form));
        assert_eq!((wrong, field(&run.exchanges[1], "Upload-Offset")), (Some((Sha256, Form::WrongTrailer)), Some("0")));
        assert!(!run.notices.contains(&Notice::ChunkFailed));
    }
}

#[test]
fn a_trailer_that_is_not_looked_at_gives_way_to_the_header() {
    let run = play_list(trailed(2), vec![created(), at(0), head(0, 4), at(2), at(4)]);
    run.expect_done(4);
    assert_eq!((sums(&run), told(&run)), (vec![Some((Sha256, false)); 2], Checked::All(Sha256)));
    assert!(warned(&run, "answered with status 204"));
    // Whatever else is said to it: HEAD tells where the upload is, and the header follows.
    for reply in [ok(400, &[]), ok(411, &[]), ok(501, &[]), ok(503, &[]), ok(204, &[]), at(3)] {
        let run = play_list(trailed(4), vec![created(), reply, head(0, 4), at(4)]);
        run.expect_done(4);
        assert_eq!((sums(&run), run.sleeps.len()), (vec![Some((Sha256, false))], 0));
    }
}

#[test]
fn a_trailer_that_is_not_answered_gives_way_to_the_header_once() {
    let hang = || Reply::Break(BrokenKind::Timeout(TimeLimit::Response), 0);
    for reply in [hang(), Reply::Break(BrokenKind::Closed, 0), Reply::Break(BrokenKind::NotHttp, 0)] {
        let plan = Plan { retry: no_retries(), ..trailed(4) };
        let run = play_list(plan, vec![created(), reply, head(0, 4), at(4)]);
        run.expect_done(4);
        assert_eq!((sums(&run), run.sleeps.len()), (vec![Some((Sha256, false))], 0));
        assert!(run.exchanges[1].optional && warned(&run, "was not answered"));
    }
    // With data the same; a header that is not answered is a failed try as ever.
    let plan = || Plan { retry: no_retries(), ..trailed(4) };
    let hang = || Reply::Break(BrokenKind::Timeout(TimeLimit::Response), 4);
    let run = play_list(plan(), vec![created(), mismatch(), head(0, 4), hang(), head(0, 4), at(4)]);
    assert_eq!(sums(&run), [Some((Sha256, true)), Some((Sha256, false))]);
    let run = play_list(plan(), vec![created(), mismatch(), head(0, 4), hang(), head(0, 4), hang()]);
    assert!(run.result.is_err());
    let plan = Plan { chunk_size: fixed(2), ..plan() };
    let run = play_list(plan, vec![created(), mismatch(), head(0, 4), at(2), hang()]);
    assert!(run.result.is_err(), "what has worked is not to blame");
}

#[test]
fn a_stream_shows_its_trailers_too() {
    let plan = Plan { capabilities: offering("creation-defer-length,checksum,checksum-trailer", ALL), ..trailed(3) };
    let plan = Plan { goal: Goal::Upload { endpoint: url("http://h/files/"), size: None, previous: None }, ..plan };
    let run = play_stream_list(plan, 5, Ok(true), vec![created(), mismatch(), open(0), at(3), at(5)]);
    run.expect_done(5);
    assert_eq!(sums(&run), [Some((Sha256, true)); 2]);
}

#[test]
fn a_resume_asks_what_is_checked_first() {
    let goal = Goal::Resume { url: url("http://h/files/1"), size: Some(4), endpoint: Some(url("http://h/files/")) };
    let plan = Plan { checksum: Wish { policy: Policy::Required, algorithm: None }, ..Plan::new(goal) };
    let offers = || ok(204, &[("Tus-Extension", "checksum"), ("Tus-Checksum-Algorithm", "sha512")]);
    let run = play_list(plan.clone(), vec![offers(), head(1, 4), at(4)]);
    run.expect_done(4);
    assert_eq!((run.requests[0].as_str(), sums(&run)), ("OPTIONS http://h/files/", vec![Some((Sha512, false))]));
    let run = play_list(plan.clone(), vec![ok(404, &[])]);
    assert_eq!(run.expect_error(ErrorKind::Unsupported).upload_url(), Some(&url("http://h/files/1")));
    // Without an endpoint the upload's own URL is asked.
    let goal = Goal::Resume { url: url("http://h/files/1"), size: Some(4), endpoint: None };
    let run = play_list(Plan { goal, ..plan.clone() }, vec![offers(), head(1, 4), at(4)]);
    assert_eq!(run.requests[0], "OPTIONS http://h/files/1");
    // What is known is not asked, and what is not to be asked is not known.
    let run = play_list(Plan { capabilities: offering("checksum", ""), ..plan.clone() }, vec![head(1, 4), at(4)]);
    assert_eq!(sums(&run), [Some((Sha1, false))]);
    let run = play_list(Plan { discover: false, ..plan }, vec![]);
    assert_eq!(run.expect_error(ErrorKind::Unsupported).upload_url(), Some(&url("http://h/files/1")));
}

#[test]
fn damaged_data_is_sent_again_at_once_with_its_checksum() {
    for status in [460, 417] {
        let run = play_list(wanted("checksum"), vec![created(), ok(status, &[]), head(0, 4), at(4)]);
        run.expect_done(4);
        assert_eq!(
            run.requests[1..],
            ["PATCH http://h/files/1 0+4", "HEAD http://h/files/1", "PATCH http://h/files/1 0+4"]
        );
        assert_eq!(sums(&run), [Some((Sha256, false)); 2]);
        assert!(run.sleeps.is_empty() && run.notices.contains(&Notice::ChunkFailed));
        assert!(run.notices.contains(&Notice::Retrying));
    }
}

#[test]
fn damaged_data_three_times_in_a_row_is_the_end() {
    for status in [460, 417] {
        let broken = || ok(status, &[]);
        let run = play_list(wanted("checksum"), vec![created(), broken(), head(0, 4), broken(), head(0, 4), broken()]);
        assert_eq!(run.expect_error(ErrorKind::Checksum).upload_url(), Some(&url("http://h/files/1")));
        // Progress makes it another row.
        let plan = Plan { chunk_size: fixed(2), ..wanted("checksum") };
        let twice = |at: u64| [broken(), head(at, 4), broken(), head(at, 4)];
        let mut replies = vec![created()];
        replies.extend(twice(0));
        replies.push(at(2));
        replies.extend(twice(2));
        replies.push(at(4));
        play_list(plan, replies).expect_done(4);
    }
}

#[test]
fn who_wants_no_retries_gets_none_of_damaged_data() {
    let plan = |max_retries| Plan { retry: RetryPolicy { max_retries, ..no_retries() }, ..wanted("checksum") };
    play_list(plan(0), vec![created(), ok(460, &[])]).expect_error(ErrorKind::Checksum);
    play_list(plan(1), vec![created(), ok(460, &[]), head(0, 4), ok(460, &[])]).expect_error(ErrorKind::Checksum);
}

#[test]
fn the_caller_decides_about_damaged_data() {
    let session = Session::start(wanted("checksum"), Instant(0));
    let session = session.happened(reply_event(created(), 0), Instant(0));
    let session = session.happened(reply_event(ok(460, &[]), 4), Instant(0));
    let Action::Decide(question) = session.next() else { panic!("{session:?}") };
    assert_eq!((question.attempt, question.delay, question.error.kind()), (1, Duration::ZERO, ErrorKind::Checksum));
    let session = session.happened(Event::Decided(Err(7)), Instant(0));
    let error = session.into_result().unwrap().unwrap_err();
    assert_eq!((error.kind(), error.callback_code()), (ErrorKind::Checksum, Some(7)));
}

#[test]
fn a_mismatch_of_what_had_no_checksum_makes_no_sense() {
    play_list(upload(4), vec![created(), ok(460, &[])]).expect_error(ErrorKind::HttpStatus);
    play_list(upload(4), vec![created(), foreign(417, &[])]).expect_error(ErrorKind::HttpStatus);
    let resumed = Plan { checksum: Wish { policy: Policy::IfAvailable, algorithm: None }, ..resume(4) };
    let plan = Plan { capabilities: offering("checksum", ALL), ..resumed };
    for (status, kind) in [(460, ErrorKind::HttpStatus), (400, ErrorKind::HttpStatus)] {
        let run = play_list(plan.clone(), vec![open(4), foreign(status, &[])]);
        run.expect_error(kind);
        assert_eq!(run.exchanges[1].checksum, None, "nothing is no data");
    }
}

#[test]
fn a_mismatch_of_a_trailer_that_never_worked_may_be_the_trailers_fault() {
    let run = play_list(trailed(4), vec![created(), mismatch(), head(0, 4), mismatch(), head(0, 4), at(4)]);
    assert_eq!(sums(&run), [Some((Sha256, true)), Some((Sha256, false))]);
    let run = play_list(trailed(2), vec![created(), mismatch(), head(0, 4), at(2), mismatch(), head(2, 4), at(4)]);
    assert_eq!(sums(&run), [Some((Sha256, true)); 3]);
}

#[test]
fn two_mismatches_in_a_row_lead_to_another_algorithm() {
    let twice = || vec![created(), mismatch(), head(0, 4), mismatch(), head(0, 4)];
    let sent = |run: &Run| sums(run).iter().flatten().map(|sum| sum.0).collect::<Vec<_>>();
    let with = |mut replies: Vec<Reply>, last: Reply| {
        replies.push(last);
        replies
    };
    let run = play_list(wanted("checksum"), with(twice(), at(4)));
    run.expect_done(4);
    assert_eq!((sent(&run), told(&run)), (vec![Sha256, Sha256, Sha512], Checked::All(Sha512)));
    assert!(warned(&run, "another algorithm"));
    let run = play_list(wanted("checksum"), with(twice(), mismatch()));
    run.expect_error(ErrorKind::Checksum);
    assert_eq!(sent(&run), [Sha256, Sha256, Sha512]);
    // Only one that both know, and none but the one that is required.
    for plan in [
        checked("checksum", "sha1,crc32", Policy::IfAvailable, None),
        checked("checksum", ALL, Policy::Required, Some(Sha1)),
    ] {
        assert_eq!(sent(&play_list(plan, with(twice(), at(4)))), [Sha1; 3]);
    }
    // One that has worked before is left too, but not for a single mismatch between chunks.
    let plan = || Plan { chunk_size: fixed(1), ..wanted("checksum") };
    let replies = vec![created(), at(1), mismatch(), head(1, 4), mismatch(), head(1, 4), at(2), at(3), at(4)];
    assert_eq!(sent(&play_list(plan(), replies)), [Sha256, Sha256, Sha256, Sha512, Sha512, Sha512]);
    let replies = vec![created(), mismatch(), head(0, 4), at(1), mismatch(), head(1, 4), at(2), at(3), at(4)];
    assert_eq!(sent(&play_list(plan(), replies)), [Sha256; 6]);
}

#[test]
fn an_algorithm_that_is_refused_gives_way_to_the_next() {
    for status in [400, 411, 501] {
        let run = play_list(wanted("checksum"), vec![created(), ok(status, &[]), head(0, 4), at(4)]);
        run.expect_done(4);
        assert_eq!(sums(&run), [Some((Sha256, false)), Some((Sha512, false))]);
        assert_eq!(told(&run), Checked::All(Sha512));
        assert!(run.sleeps.is_empty() && warned(&run, &status.to_string()));
    }
    for status in [403, 415, 405, 999] {
        assert!(play_list(wanted("checksum"), vec![created(), foreign(status, &[])]).result.is_err());
    }
}

#[test]
fn the_form_gives_way_before_the_algorithm() {
    let refused = || ok(400, &[]);
    let refused = || [refused(), head(0, 4)];
    let mut replies = vec![created(), mismatch(), head(0, 4)];
    replies.extend([refused(), refused(), refused()].into_iter().flatten());
    replies.push(at(4));
    let run = play_list(trailed(4), replies);
    let expected = [(Sha256, true), (Sha256, false), (Sha512, false), (Sha1, false)];
    assert_eq!((sums(&run), told(&run)), (expected.map(Some).to_vec(), Checked::All(Sha1)));
}

#[test]
fn when_all_are_refused_nothing_goes_without() {
    for (status, kind) in [(400, ErrorKind::HttpStatus), (501, ErrorKind::Unsupported)] {
        let run = play(wanted("checksum"), |n, exchange| match (n, exchange.method) {
            (0, _) => created(),
            (_, HttpMethod::Head) => head(0, 4),
            _ => ok(status, &[]),
        });
        run.expect_error(kind);
        let mut tried = sums(&run);
        // A 400 may also mean that the data had arrived before: that is looked into once.
        tried.dedup();
        assert_eq!(tried, [Sha256, Sha512, Sha1].map(|algorithm| Some((algorithm, false))));
        let named = checked("checksum", ALL, Policy::Required, Some(Sha256));
        play_list(named, vec![created(), foreign(status, &[])]).expect_error(kind);
    }
}

#[test]
fn what_has_worked_is_not_given_up() {
    play_list(trailed(2), vec![created(), mismatch(), head(0, 4), at(2), foreign(400, &[])])
        .expect_error(ErrorKind::HttpStatus);
    // An acknowledgement of nothing is no proof.
    let replies = vec![created(), mismatch(), head(0, 4), at(0), ok(400, &[]), head(0, 4), at(2), at(4)];
    let run = play_list(trailed(2), replies);
    run.expect_done(4);
}

#[test]
fn the_choice_outlives_the_upload_it_was_made_for() {
    let run = play_list(wanted("checksum"), vec![created(), ok(400, &[]), head(0, 4), ok(404, &[]), created(), at(4)]);
    assert_eq!(sums(&run), [Sha256, Sha512, Sha512].map(|algorithm| Some((algorithm, false))));
    assert_eq!(told(&run), Checked::All(Sha512));
}

#[test]
fn chunks_with_a_checksum_are_bounded() {
    const MB: u64 = 1 << 20;
    let first = |extensions: &str, chunk_size, replay_limit| {
        let plan = Plan { chunk_size, replay_limit, checksum_trailers: true, ..wanted(extensions) };
        let plan = Plan { goal: upload(100 * MB).goal, ..plan };
        let run = play(plan, |_, exchange| match (exchange.method, exchange.body) {
            (HttpMethod::Post, _) => created(),
            (HttpMethod::Head, _) => head(0, 100 * MB),
            (_, Body::Empty) => mismatch(),
            _ => foreign(403, &[]),
        });
        run.requests.last().unwrap().clone()
    };
    for (extensions, chunk_size, length) in [
        ("checksum", ChunkSize::Auto, 4 * MB),
        ("checksum", ChunkSize::Whole, 100 * MB),
        ("checksum", fixed(50 * MB), 50 * MB),
        ("checksum,checksum-trailer", ChunkSize::Auto, 8 * MB),
        ("checksum,checksum-trailer", ChunkSize::Whole, 100 * MB),
        ("checksum,checksum-trailer", fixed(50 * MB), 50 * MB),
        ("", ChunkSize::Whole, 100 * MB),
    ] {
        // What cannot be read twice has to lie in memory for a checksum in the head.
        let held = if extensions == "checksum" { length.min(8 * MB) } else { length };
        if chunk_size != ChunkSize::Auto {
            let expected = format!("PATCH http://h/files/1 0+{held}");
            assert_eq!(first(extensions, chunk_size, Some(MB)), expected, "{extensions} {chunk_size:?}");
        }
        let expected = format!("PATCH http://h/files/1 0+{length}");
        assert_eq!(first(extensions, chunk_size, None), expected, "{extensions} {chunk_size:?}");
    }
    // Falling back to the header, by refusal and by mismatch, brings its bounds.
    for status in [400, 460] {
        let plan = Plan { chunk_size: ChunkSize::Auto, goal: upload(20 * MB).goal, ..trailed(1) };
        let run = play(plan, |n, _| match n {
            0 => created(),
            1 => mismatch(),
            3 => ok(status, &[]),
            2 | 4 => head(0, 20 * MB),
            _ => ok(403, &[]),
        });
        assert_eq!(run.requests[5], format!("PATCH http://h/files/1 0+{}", 4 * MB));
    }
    let plan = Plan { chunk_size: ChunkSize::Auto, goal: upload(20 * MB).goal, ..trailed(1) };
    let run = play_list(plan, vec![created(), at(0), head(0, 20 * MB), ok(403, &[])]);
    assert_eq!(run.requests[3], format!("PATCH http://h/files/1 0+{}", 4 * MB));
}
