//! The small print: each test holds one line of the session that no other test would miss.

use super::*;
use crate::error::BrokenRule;
use crate::protocol::capabilities::Capabilities;
use crate::protocol::chunk::ChunkSize;
use crate::protocol::retry::RetryPolicy;
use std::num::NonZeroU64;

fn chunks(size: u64, of: u64) -> Plan {
    Plan { chunk_size: ChunkSize::Fixed(NonZeroU64::new(of).unwrap()), ..upload(size) }
}

/// An upload to a server that is known to take data with the creation.
fn with_upload(size: u64) -> Plan {
    let extensions = vec!["creation".to_owned(), "creation-with-upload".to_owned()];
    let capabilities = Some(Capabilities { extensions, ..Capabilities::default() });
    Plan { capabilities, creation_data: CreationData::On, ..upload(size) }
}

fn patches(run: &Run) -> Vec<&str> {
    run.requests.iter().filter_map(|line| line.strip_prefix("PATCH http://h/files/1 ")).collect()
}

#[test]
fn a_regression_and_what_follows_it_are_told() {
    let run = play_list(chunks(12, 4), vec![created(), at(4), at(8), ok(500, &[]), head(3, 12), at(7), at(11), at(12)]);
    let told = run.notices.iter().filter_map(|notice| match notice {
        Notice::Acknowledged(offset) => Some(*offset),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [4, 8, 7, 11, 12]);
    assert!(run.notices.contains(&Notice::WentBack(3)));
}

#[test]
fn a_loop_is_seen_at_once() {
    let run = play(resume(4), |n, _| ok(307, &[("Location", if n % 2 == 0 { "/b" } else { "/files/1" })]));
    run.expect_error(ErrorKind::Protocol(BrokenRule::TooManyRedirects));
    run.expect_requests(&["HEAD http://h/files/1", "HEAD http://h/b"]);
    let run = play(resume(4), |_, _| ok(307, &[("Location", "/files/1")]));
    run.expect_requests(&["HEAD http://h/files/1"]);
}

#[test]
fn the_first_conflict_is_looked_into_at_once_and_the_second_after_a_pause() {
    let run = play_list(upload(4), vec![created(), ok(409, &[]), head(0, 4), at(4)]);
    assert!(run.sleeps.is_empty());
    let run = play_list(upload(4), vec![created(), ok(409, &[]), head(0, 4), ok(409, &[]), head(0, 4), at(4)]);
    assert_eq!(run.sleeps.len(), 1);
}

#[test]
fn conflicts_with_progress_in_between_are_not_counted_together() {
    let mut offset = 0;
    let run = play(chunks(20, 1), |n, exchange| match exchange.method {
        _ if n == 0 => created(),
        HttpMethod::Head => head(offset, 20),
        _ if n % 3 == 1 => ok(409, &[]),
        _ => {
            offset += 1;
            at(offset)
        }
    });
    run.expect_done(20);
    assert!(run.sleeps.is_empty());
}

#[test]
fn an_interruption_is_believed_once_between_two_steps_of_progress() {
    for text in [
        "ERR_UPLOAD_INTERRUPTED: upload has been interrupted",
        "ERR_UNEXPECTED_EOF",
        "Request aborted due to lock acquired",
    ] {
        let cut = || Reply::Text(400, text);
        play_list(upload(4), vec![created(), cut(), head(0, 4), at(4)]).expect_done(4);
        let run = play_list(upload(4), vec![created(), cut(), head(0, 4), cut()]);
        assert_eq!(run.expect_error(ErrorKind::HttpStatus).upload_url(), Some(&url("http://h/files/1")));
        let run = play_list(chunks(4, 2), vec![created(), cut(), head(0, 4), at(2), cut(), head(2, 4), at(4)]);
        run.expect_done(4);
    }
}

#[test]
fn progress_refills_the_lock_budget() {
    let retry = RetryPolicy { lock_budget: Duration::from_millis(1500), ..RetryPolicy::default() };
    let mut offset = 0;
    let run = play(Plan { retry, ..chunks(8, 1) }, |n, exchange| match exchange.method {
        _ if n == 0 => created(),
        HttpMethod::Head => head(offset, 8),
        _ if n % 3 == 1 => ok(423, &[]),
        _ => {
            offset += 1;
            at(offset)
        }
    });
    run.expect_done(8);
    assert_eq!(run.sleeps.len(), 8);
}

#[test]
fn the_limit_on_retry_after_is_not_one_on_our_own_back_off() {
    let retry = RetryPolicy { max_retry_after: Duration::ZERO, ..RetryPolicy::default() };
    play_list(Plan { retry, ..upload(4) }, vec![ok(503, &[]), created(), at(4)]).expect_done(4);
}

#[test]
fn bytes_that_went_to_a_redirecting_server_may_have_been_kept() {
    let redirect = Reply::Early(4, 307, vec![("Location", "/b".into())]);
    let refused = Reply::Break(BrokenKind::Connect, 0);
    let run = play_list(upload(8), vec![created(), redirect, refused, head(4, 8), at(8)]);
    run.expect_done(8);
}

#[test]
fn data_of_a_creation_that_was_kept_unsaid_is_believed() {
    let run = play_list(with_upload(11), vec![created(), head(11, 11)]);
    run.expect_done(11);
    run.expect_requests(&["POST http://h/files/ 0+11", "HEAD http://h/files/1"]);
}

#[test]
fn our_own_upload_keeps_its_length() {
    let run = play_list(upload(8), vec![created(), RESET, head(0, 9)]);
    let error = run.expect_error(ErrorKind::Protocol(BrokenRule::LengthDiffers));
    assert_eq!(error.upload_url(), Some(&url("http://h/files/1")));
}

#[test]
fn the_newest_expiry_of_this_upload_is_told() {
    let at_with = |offset: &str, expires: &str| ok(204, &[("Upload-Offset", offset), ("Upload-Expires", expires)]);
    let expiry = |run: Run| match run.result {
        Ok(Outcome::Uploaded { expires, .. }) => expires,
        other => panic!("{other:?}"),
    };
    let first = "Sun, 06 Nov 1994 08:49:37 GMT";
    let run =
        play_list(chunks(4, 2), vec![created(), at_with("2", first), at_with("4", "Sunday, 06-Nov-94 08:49:38 GMT")]);
    assert_eq!(expiry(run), Some(784_111_778));
    let run = play_list(chunks(4, 2), vec![created(), at_with("2", first), at_with("4", "tomorrow")]);
    assert_eq!(expiry(run), Some(784_111_777));
    let run = play_list(chunks(4, 2), vec![created(), at_with("2", first), ok(410, &[]), created(), at(2), at(4)]);
    assert_eq!(expiry(run), None);
}

#[test]
fn automatic_chunks_follow_what_happens_to_them() {
    const MB: u64 = 1 << 20;
    let run = play_list(upload(40 * MB), vec![created(), at(8 * MB), at(24 * MB), at(40 * MB)]);
    assert_eq!(patches(&run), ["0+8388608", "8388608+16777216", "25165824+16777216"]);
    // Partly taken: no reason to grow.
    let run = play_list(upload(40 * MB), vec![created(), at(2 * MB), at(10 * MB), at(26 * MB), at(40 * MB)]);
    assert_eq!(patches(&run)[1], "2097152+8388608");
    // Little of it taken: no more than that, and twice as much each time that is taken.
    let some = vec![created(), at(MB), at(2 * MB), at(4 * MB), at(8 * MB), at(16 * MB)];
    let run = play_list(upload(16 * MB), some);
    assert_eq!(patches(&run)[1..], ["1048576+1048576", "2097152+2097152", "4194304+4194304", "8388608+8388608"]);
    // Lost whole, as HEAD tells or the answer itself.
    let run = play_list(upload(9 * MB), vec![created(), RESET, head(0, 9 * MB), at(4 * MB), at(9 * MB)]);
    assert_eq!(patches(&run)[1], "0+4194304");
    let run = play_list(upload(9 * MB), vec![created(), at(0), at(4 * MB), at(9 * MB)]);
    assert_eq!(patches(&run)[1], "0+4194304");
    // Broken, but kept: nothing was lost.
    let run = play_list(upload(17 * MB), vec![created(), RESET, head(8 * MB, 17 * MB), at(16 * MB), at(17 * MB)]);
    assert_eq!(patches(&run)[1], "8388608+8388608");
}

#[test]
fn a_refused_size_costs_no_try() {
    let size = 1 << 20;
    let plan = Plan { chunk_size: ChunkSize::Whole, retry: no_retries(), ..upload(size) };
    let run = play_list(plan, vec![created(), ok(413, &[]), head(0, size), at(size / 2), at(size)]);
    run.expect_done(size);
    assert!(run.sleeps.is_empty());
}

#[test]
fn a_deferred_length_is_declared_again_if_nothing_was_taken() {
    let deferred = ok(200, &[("Upload-Offset", "5"), ("Upload-Defer-Length", "1")]);
    let again = ok(200, &[("Upload-Offset", "5"), ("Upload-Defer-Length", "1")]);
    let run = play_list(resume(11), vec![deferred, at(5), again, at(11)]);
    run.expect_done(11);
    // T-071: only HEAD tells whether the length was noted although nothing was taken.
    run.expect_requests(&[
        "HEAD http://h/files/1",
        "PATCH http://h/files/1 5+6",
        "HEAD http://h/files/1",
        "PATCH http://h/files/1 5+6",
    ]);
    assert!(run.exchanges[3].headers.contains(&("Upload-Length", "11".into())));
}

#[test]
fn a_cache_that_answers_all_the_same_is_believed_and_not_asked_for_ever() {
    let cached = |offset: &str| ok(200, &[("Upload-Offset", offset), ("Upload-Length", "4"), ("Age", "7")]);
    play_list(resume(4), vec![cached("0"), cached("4")]).expect_done(4);
    let run = play_list(resume(4), vec![cached("0"), ok(503, &[]), cached("4")]);
    run.expect_done(4);
    assert!(run.exchanges[2].headers.contains(&("Cache-Control", "no-cache".into())));
}

#[test]
fn a_creation_without_data_stays_one_when_repeated() {
    let run = play_list(with_upload(11), vec![ok(413, &[]), ok(503, &[]), RESET, created(), at(11)]);
    run.expect_done(11);
    assert!(run.exchanges[1..4].iter().all(|exchange| exchange.body == Body::Empty), "{:?}", run.requests);
}

#[test]
fn data_goes_with_a_creation_only_where_it_may() {
    let first = |plan: Plan| {
        let run = play(plan, |_, exchange| match exchange.body {
            Body::Range { start, length } => {
                ok(201, &[("Location", "/files/1"), ("Upload-Offset", &(start + length).to_string())])
            }
            _ => created(),
        });
        run.exchanges[0].body
    };
    assert_eq!(first(with_upload(512 << 10)), Body::Range { start: 0, length: 512 << 10 });
    // As much as a first chunk has, whatever the size.
    assert_eq!(first(with_upload(1 << 40)), Body::Range { start: 0, length: 8 << 20 });
    let whole = Plan { chunk_size: ChunkSize::Whole, ..with_upload(1 << 40) };
    assert_eq!(first(whole), Body::Range { start: 0, length: 1 << 40 });
    assert_eq!(first(Plan { chunk_size: fixed(4), ..with_upload(11) }), Body::Range { start: 0, length: 4 });
    assert_eq!(first(Plan { stop_at: Some(10), ..with_upload(11) }), Body::Range { start: 0, length: 10 });
    assert_eq!(first(Plan { stop_at: Some(11), ..with_upload(11) }), Body::Range { start: 0, length: 11 });
    assert_eq!(first(Plan { creation_data: CreationData::Off, ..with_upload(11) }), Body::Empty);
    assert_eq!(first(upload(11)), Body::Empty);
}

#[test]
fn a_source_of_just_the_largest_size_is_taken() {
    let known = Capabilities { max_size: Some(4), ..Capabilities::default() };
    let plan = |size| Plan { capabilities: Some(known.clone()), ..upload(size) };
    play_list(plan(4), vec![created(), at(4)]).expect_done(4);
    play_list(plan(5), vec![]).expect_error(ErrorKind::TooLarge);
}

#[test]
fn a_lock_is_waited_for_as_long_as_it_asks() {
    let run = play_list(resume(4), vec![ok(423, &[("Retry-After", "33")]), head(4, 4)]);
    assert_eq!(run.sleeps, [(Duration::from_secs(33), WaitReason::Lock)]);
}

#[test]
fn a_clock_that_goes_back_does_not_shorten_a_wait() {
    let session = Session::start(resume(4), Instant(9_000_000));
    let session = session.happened(reply_event(ok(503, &[("Retry-After", "7")]), 0), Instant(1_000_000));
    let session = session.happened(Event::Decided(Ok(Duration::from_secs(7))), Instant(0));
    assert!(matches!(session.next(), Action::Sleep { until: Instant(16_000_000), .. }), "{session:?}");
}

#[test]
fn a_stop_after_the_end_changes_nothing() {
    let now = Instant(0);
    let session = Session::start(resume(4), now).happened(reply_event(head(4, 4), 0), now);
    let session = session.happened(Event::Stopped(Error::new(ErrorKind::Cancelled, "late")), now);
    assert!(session.into_result().unwrap().is_ok());
}

#[test]
fn what_cannot_be_sent_is_not_tried_again() {
    let run = play_list(resume(4), vec![Reply::Break(BrokenKind::Unsendable, 0)]);
    run.expect_error(ErrorKind::Internal);
}

#[test]
fn notices_tell_the_story() {
    let one = url("http://h/files/1");
    let run = play_list(resume(4), vec![head(1, 4), ok(503, &[]), head(1, 4), at(4)]);
    use Notice::*;
    assert_eq!(run.notices, [Resumed(1), ChunkFailed, Retrying, Acknowledged(4)]);
    let lost = vec![created(), at(2), ok(410, &[]), created(), at(2), at(4)];
    let run = play_list(chunks(4, 2), lost);
    assert_eq!(
        run.notices,
        [
            UploadUrl(one.clone()),
            Acknowledged(2),
            ChunkFailed,
            Gone(one.clone()),
            UploadUrl(one.clone()),
            Acknowledged(2),
            Acknowledged(4)
        ]
    );
    let run = play_list(upload(4), vec![created(), at(0), at(4)]);
    assert_eq!(run.notices, [UploadUrl(one), ChunkFailed, Retrying, Acknowledged(4)]);
}

#[test]
fn a_500_that_names_a_lock_is_one() {
    for text in ["ERR_LOCK_TIMEOUT: failed to acquire lock", "failed to acquire lock before timeout"] {
        let run = play_list(upload(4), vec![created(), Reply::Text(500, text), head(0, 4), at(4)]);
        assert_eq!(run.sleeps[0].1, WaitReason::Lock);
    }
}

#[test]
fn redirects_of_head_that_are_not_followed() {
    let two = ok(307, &[("Location", "/a"), ("Location", "/b")]);
    for reply in [ok(303, &[("Location", "/x")]), two] {
        let run = play_list(resume(4), vec![reply]);
        run.expect_error(ErrorKind::Protocol(BrokenRule::BadRedirect));
    }
}

#[test]
fn options_are_asked_at_most_twice_for_the_version() {
    let plan = || Plan { discover: true, ..upload(4) };
    let run = play_list(plan(), vec![ok(405, &[]), ok(405, &[]), created(), at(4)]);
    run.expect_done(4);
    let refused = Reply::Break(BrokenKind::Connect, 0);
    let run = play_list(plan(), vec![ok(412, &[]), refused, ok(204, &[("Tus-Version", "1.0.0")]), created(), at(4)]);
    run.expect_done(4);
    assert_eq!(run.exchanges[2].headers, [("Tus-Resumable", "1.0.0".to_owned())]);
}

#[test]
fn an_offset_goes_back_only_when_it_is_below_where_we_were() {
    // Back once, then standing still: one regression, however often HEAD is asked.
    let mut heads = 0;
    let retry = RetryPolicy { max_retries: 20, ..RetryPolicy::default() };
    let run = play(Plan { retry, ..chunks(12, 4) }, |n, exchange| match (n, exchange.body) {
        (0, _) => created(),
        (1, _) => at(4),
        (2, _) => at(8),
        (_, Body::None) => {
            heads += 1;
            head(3, 12)
        }
        (..20, _) => ok(500, &[]),
        (_, Body::Range { start, length }) => at(start + length),
        _ => unreachable!(),
    });
    run.expect_done(12);
    // Three times is allowed.
    let mut lost = [8, 7, 6, 5].into_iter();
    let run = play(chunks(12, 4), |n, exchange| match (n, exchange.body) {
        (0, _) => created(),
        (1, _) => at(4),
        (2, _) => at(8),
        (_, Body::None) => head(lost.next().unwrap(), 12),
        (..11, _) => ok(500, &[]),
        (_, Body::Range { start, length }) => at(start + length),
        _ => unreachable!(),
    });
    run.expect_done(12);
    assert!(heads > 4 && lost.next().is_none());
}

#[test]
fn a_broken_chunk_that_was_kept_in_part_halves_nothing() {
    const MB: u64 = 1 << 20;
    let run =
        play_list(upload(30 * MB), vec![created(), RESET, head(MB, 30 * MB), at(9 * MB), at(25 * MB), at(30 * MB)]);
    assert_eq!(patches(&run)[1], "1048576+8388608");
}

#[test]
fn a_declaration_answered_with_another_offset_is_checked() {
    let deferred = ok(200, &[("Upload-Offset", "11"), ("Upload-Defer-Length", "1")]);
    let run = play_list(resume(11), vec![deferred, at(7), head(11, 11)]);
    run.expect_done(11);
}

#[test]
fn what_was_there_before_is_no_progress() {
    let told = |run: &Run| run.notices.iter().filter(|notice| matches!(notice, Notice::Acknowledged(_))).count();
    let run = play_list(resume(11), vec![head(5, 11), ok(500, &[]), head(5, 11), at(11)]);
    assert_eq!(told(&run), 1);
    let partly = ok(201, &[("Location", "/files/1"), ("Upload-Offset", "4")]);
    let run = play_list(with_upload(11), vec![partly, ok(500, &[]), head(4, 11), at(11)]);
    assert_eq!(told(&run), 2);
}

#[test]
fn an_old_connection_is_forgiven_again_after_progress() {
    let replies = |first, second| vec![created(), RESET, first, head(0, 4), at(2), RESET, second, head(2, 4), at(4)];
    for (first, second) in [(Reply::Stale, Reply::Stale), (Reply::Unsent, Reply::Unsent)] {
        let run = play_list(chunks(4, 2), replies(first, second));
        run.expect_done(4);
        assert_eq!(run.sleeps.len(), 2, "for the two PATCHes");
    }
    // Between two steps of progress only once.
    let plan = Plan { retry: no_retries(), ..resume(4) };
    play_list(plan, vec![Reply::Stale, Reply::Stale]).expect_error(ErrorKind::Io);
}

#[test]
fn the_number_of_the_retry_of_a_lock_counts() {
    let now = Instant(0);
    let mut session = Session::start(resume(4), now);
    for attempt in 1..=3 {
        session = session.happened(reply_event(ok(423, &[]), 0), now);
        let Action::Decide(question) = session.next() else { panic!("{session:?}") };
        assert_eq!((question.attempt, question.why), (attempt, WaitReason::Lock));
        session = session.happened(Event::Decided(Ok(Duration::ZERO)), now);
        // Even a caller in a hurry waits a moment for a lock.
        session = session.happened(Event::Woke, now);
    }
}
