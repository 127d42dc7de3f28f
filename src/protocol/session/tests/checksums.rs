//! Checksums: which, in what form, and what becomes of data that arrives damaged (T-090 to T-100).

use super::*;
use crate::protocol::checksum::{Algorithm, Policy, Wish};
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
    with_data.map(|exchange| exchange.checksum.map(|sum| (sum.algorithm, sum.trailer))).collect()
}

fn told(run: &Run) -> Vec<Option<Algorithm>> {
    let notices = run.notices.iter();
    notices.filter_map(|notice| if let Notice::Checksum(sum) = notice { Some(*sum) } else { None }).collect()
}

fn done() -> Vec<Reply> {
    vec![created(), at(4)]
}

#[test]
fn each_algorithm_that_is_wanted_and_offered_is_used() {
    for algorithm in Algorithm::ALL {
        let run = play_list(checked("checksum", ALL, Policy::Required, Some(algorithm)), done());
        run.expect_done(4);
        assert_eq!((sums(&run), told(&run)), (vec![Some((algorithm, false))], vec![Some(algorithm)]));
    }
    let run = play_list(wanted("checksum"), done());
    assert_eq!(sums(&run), [Some((Sha256, false))]);
    assert!(!warned(&run, "does not check"));
    let run = play_list(checked("checksum", "sha1", Policy::IfAvailable, Some(Md5)), done());
    assert_eq!(sums(&run), [Some((Sha1, false))]);
}

#[test]
fn without_a_wish_nothing_is_sent_and_nothing_told() {
    let run = play_list(checked("checksum,checksum-trailer", ALL, Policy::Off, Some(Sha1)), done());
    assert!(sums(&run) == [None] && told(&run).is_empty());
}

#[test]
fn what_is_not_offered_is_not_used() {
    // A list of algorithms offers nothing, and a trailer is a form of what must be offered itself.
    for extensions in ["", "creation", "checksum-trailer"] {
        let run = play_list(wanted(extensions), done());
        run.expect_done(4);
        assert_eq!((sums(&run), told(&run)), (vec![None], vec![None]), "{extensions}");
        assert!(warned(&run, "does not check checksums"));
    }
    let run = play_list(Plan { capabilities: None, ..wanted("") }, done());
    assert_eq!(sums(&run), [None]);
}

#[test]
fn what_is_required_and_not_offered_is_the_end_before_the_post() {
    let required = |extensions, algorithm| checked(extensions, "sha1", Policy::Required, algorithm);
    for (plan, says) in [
        (required("creation", None), "checksum extension"),
        (required("creation", Some(Sha256)), "checksum extension"),
        (required("checksum", Some(Sha256)), "sha256 checksums are required, the server checks sha1"),
        (Plan { capabilities: None, ..required("", None) }, "does not say"),
    ] {
        let run = play_list(plan, vec![]);
        let error = run.expect_error(ErrorKind::Unsupported);
        assert!(error.full_message().contains(says), "{error}");
    }
    let plan = Plan { capabilities: None, discover: true, ..required("", None) };
    play_list(plan, vec![ok(404, &[])]).expect_error(ErrorKind::Unsupported);
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
    assert_eq!(sums(&run), [Some((Sha256, true))]);
    let plan = Plan { checksum_trailers: false, ..wanted("checksum,checksum-trailer") };
    assert_eq!(sums(&play_list(plan, done())), [Some((Sha256, false))]);
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
    let run = play_list(wanted("checksum,checksum-trailer"), vec![created(), ok(460, &[]), head(0, 4), at(4)]);
    assert_eq!(sums(&run), [Some((Sha256, true)), Some((Sha256, false))]);
    let plan = Plan { chunk_size: fixed(2), ..wanted("checksum,checksum-trailer") };
    let run = play_list(plan, vec![created(), at(2), ok(460, &[]), head(2, 4), at(4)]);
    assert_eq!(sums(&run), [Some((Sha256, true)); 3]);
}

#[test]
fn an_algorithm_that_is_refused_gives_way_to_the_next() {
    for status in [400, 411, 501] {
        let run = play_list(wanted("checksum"), vec![created(), ok(status, &[]), head(0, 4), at(4)]);
        run.expect_done(4);
        assert_eq!(sums(&run), [Some((Sha256, false)), Some((Sha512, false))]);
        assert_eq!(told(&run), [Some(Sha256), Some(Sha512)]);
        assert!(run.sleeps.is_empty() && warned(&run, &status.to_string()));
    }
    for status in [403, 415, 405, 999] {
        assert!(play_list(wanted("checksum"), vec![created(), foreign(status, &[])]).result.is_err());
    }
}

#[test]
fn the_form_gives_way_before_the_algorithm() {
    let refused = || ok(400, &[]);
    let replies = vec![created(), refused(), head(0, 4), refused(), head(0, 4), refused(), head(0, 4), at(4)];
    let run = play_list(wanted("checksum,checksum-trailer"), replies);
    let expected = [(Sha256, true), (Sha256, false), (Sha512, false), (Sha1, false)];
    assert_eq!(sums(&run), expected.map(Some));
    assert_eq!(told(&run), [Sha256, Sha256, Sha512, Sha1].map(Some));
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
    let plan = || Plan { chunk_size: fixed(2), ..wanted("checksum,checksum-trailer") };
    play_list(plan(), vec![created(), at(2), foreign(400, &[])]).expect_error(ErrorKind::HttpStatus);
    // An acknowledgement of nothing is no proof.
    let run = play_list(plan(), vec![created(), at(0), ok(400, &[]), head(0, 4), at(2), at(4)]);
    run.expect_done(4);
}

#[test]
fn the_choice_outlives_the_upload_it_was_made_for() {
    let run = play_list(wanted("checksum"), vec![created(), ok(400, &[]), head(0, 4), ok(404, &[]), created(), at(4)]);
    assert_eq!(sums(&run), [Sha256, Sha512, Sha512].map(|algorithm| Some((algorithm, false))));
    assert_eq!(told(&run), [Some(Sha256), Some(Sha512)]);
}

#[test]
fn chunks_with_a_checksum_are_bounded() {
    const MB: u64 = 1 << 20;
    let first = |extensions: &str, chunk_size, replay_limit| {
        let plan = Plan { chunk_size, replay_limit, ..wanted(extensions) };
        let plan = Plan { goal: upload(100 * MB).goal, ..plan };
        let run = play(plan, |n, _| if n == 0 { created() } else { ok(403, &[]) });
        run.requests[1].clone()
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
        let plan =
            Plan { chunk_size: ChunkSize::Auto, goal: upload(20 * MB).goal, ..wanted("checksum,checksum-trailer") };
        let run = play(plan, |n, _| match n {
            0 => created(),
            1 => ok(status, &[]),
            2 => head(0, 20 * MB),
            _ => ok(403, &[]),
        });
        assert_eq!(run.requests[3], format!("PATCH http://h/files/1 0+{}", 4 * MB));
    }
}
