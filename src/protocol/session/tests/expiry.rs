//! `Upload-Expires`: when the server drops an upload (T-080, T-082). The clock stands at 784111777.

use super::*;

/// 784111777 in the three forms of a date.
const NOW: [&str; 3] = ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"];
/// A minute later.
const SOON: &str = "Sun, 06 Nov 1994 08:50:37 GMT";

fn expiring(reply: Reply, date: &str) -> Reply {
    let Reply::Answer(status, mut fields) = reply else { panic!("not an answer") };
    fields.push(("Upload-Expires", date.to_owned()));
    Reply::Answer(status, fields)
}

fn told(run: &Run) -> Vec<&Notice> {
    run.notices.iter().filter(|notice| matches!(notice, Notice::Expires(_) | Notice::Expiring(_))).collect()
}

#[track_caller]
fn expect_end(run: &Run, at: Option<u64>) {
    match &run.result {
        Ok(Outcome::Uploaded { expires, .. }) => assert_eq!(*expires, at),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_form_of_a_date_is_read_and_nothing_else() {
    for date in NOW {
        let run = play_list(upload(4), vec![expiring(created(), date), at(4)]);
        assert_eq!(told(&run), [&Notice::Expires(784_111_777)], "{date}");
        expect_end(&run, Some(784_111_777));
    }
    for junk in ["", "soon", "784111777", "1994-11-06T08:49:37Z"] {
        let run = play_list(upload(4), vec![expiring(created(), junk), at(4)]);
        assert!(told(&run).is_empty(), "{junk}");
        expect_end(&run, None);
    }
}

#[test]
fn the_newest_word_counts_and_is_told_once() {
    let run = play_list(upload(4), vec![expiring(created(), SOON), expiring(at(2), SOON), at(4)]);
    assert_eq!(told(&run), [&Notice::Expires(784_111_837)]);
    expect_end(&run, Some(784_111_837));
    let run = play_list(resume(4), vec![expiring(head(0, 4), SOON), expiring(at(2), NOW[1]), expiring(at(4), "junk")]);
    assert_eq!(told(&run)[..2], [&Notice::Expires(784_111_837), &Notice::Expires(784_111_777)]);
    expect_end(&run, Some(784_111_777));
}

#[test]
fn the_upload_is_told_before_its_expiry() {
    let run = play_list(upload(4), vec![expiring(created(), SOON), at(4)]);
    let one = url("http://h/files/1");
    assert_eq!(run.notices, [Notice::UploadUrl(one), Notice::Expires(784_111_837), Notice::Acknowledged(4)]);
}

#[test]
fn an_upload_begun_again_has_its_own_expiry() {
    let replies = || vec![expiring(created(), SOON), expiring(ok(410, &[]), SOON)];
    let run = play_list(upload(4), replies().into_iter().chain([created(), at(4)]).collect());
    assert_eq!(told(&run), [&Notice::Expires(784_111_837)]);
    expect_end(&run, None);
    let run = play_list(upload(4), replies().into_iter().chain([expiring(created(), SOON), at(4)]).collect());
    assert_eq!(told(&run), [&Notice::Expires(784_111_837); 2]);
    let previous = Some(Previous { url: url("http://h/files/old"), proven: Some(0) });
    let goal = Goal::Upload { endpoint: url("http://h/files/"), size: Some(4), previous };
    let run =
        play_list(Plan { discover: false, ..Plan::new(goal) }, vec![expiring(head(1, 4), SOON), created(), at(4)]);
    assert!(told(&run).is_empty());
    expect_end(&run, None);
}

#[test]
fn a_part_expires_by_itself() {
    let goal = |total| Goal::Concatenate {
        endpoint: url("http://h/files/"),
        parts: vec![url("http://h/files/a"), url("http://h/files/b")],
        total,
        unfinished: false,
    };
    let plan = |total| Plan { discover: false, ..Plan::new(goal(total)) };
    let part = || expiring(part(2), SOON);
    let run = play_list(plan(None), vec![part(), part(), created(), head(4, 4)]);
    assert!(told(&run).is_empty());
    expect_end(&run, None);
    let run = play_list(plan(Some(4)), vec![expiring(created(), SOON), head(4, 4)]);
    assert_eq!(told(&run), [&Notice::Expires(784_111_837)]);
    expect_end(&run, Some(784_111_837));
}

/// Plays an upload of 100 bytes in chunks of one, each of which takes `millis`, to a server that drops it at SOON.
fn slow(millis: u64, date: Option<&'static str>) -> Vec<Notice> {
    let mut now = Instant(0);
    let mut session = Session::start(Plan { chunk_size: fixed(1), ..upload(100) }, now);
    let mut notices = vec![];
    let mut offset = 0;
    while let Action::Send(exchange) = session.next() {
        let mut reply = match exchange.method {
            HttpMethod::Post => created(),
            _ => {
                offset += 1;
                at(offset)
            }
        };
        if let (Reply::Answer(_, fields), Some(date)) = (&mut reply, date) {
            fields.push(("Date", date.to_owned()));
        }
        now = now + Duration::from_millis(millis);
        session = session.happened(reply_event(expiring(reply, SOON), 1), now);
        notices.extend(session.take_notices());
    }
    notices.retain(|notice| matches!(notice, Notice::Expiring(_) | Notice::Acknowledged(_)));
    notices
}

#[test]
fn an_upload_too_slow_for_its_expiry_is_warned_of_once() {
    // After the second byte there are 98 left, which fit into a minute at 612 ms each.
    for (millis, warned) in [(10, false), (612, false), (613, true), (5_000, true)] {
        let notices = slow(millis, None);
        let expected = if warned { vec![2] } else { vec![] };
        let at = notices.iter().position(|notice| matches!(notice, Notice::Expiring(784_111_837)));
        assert_eq!(at.into_iter().collect::<Vec<_>>(), expected, "{millis}: {notices:?}");
        assert_eq!(notices.len(), 100 + expected.len());
    }
}

#[test]
fn an_offset_that_went_back_says_nothing_of_the_speed() {
    let plan = || Plan { chunk_size: fixed(4), ..upload(12) };
    let replies = vec![expiring(created(), SOON), at(4), RESET, head(0, 12), at(4), at(8), at(12)];
    assert_eq!(told(&play_list(plan(), replies)), [&Notice::Expires(784_111_837)]);
}

#[test]
fn the_speed_is_that_of_this_upload() {
    // With the time the first one took, the second one would be too slow.
    let mut offset = 0;
    let run = play(Plan { chunk_size: fixed(1), ..upload(100) }, |n, _| match n {
        0 | 82 => {
            offset = 0;
            expiring(created(), SOON)
        }
        81 => ok(410, &[]),
        _ => {
            offset += 1;
            at(offset)
        }
    });
    run.expect_done(100);
    assert_eq!(told(&run), [&Notice::Expires(784_111_837); 2]);
}

#[test]
fn the_servers_own_clock_counts() {
    // By its own clock the server will drop it in two minutes, or has dropped it already.
    let warned = |notices: &[Notice]| notices.iter().any(|notice| matches!(notice, Notice::Expiring(_)));
    assert!(!warned(&slow(1_000, Some("Sun, 06 Nov 1994 08:48:37 GMT"))));
    assert!(warned(&slow(2_000, Some("Sun, 06 Nov 1994 08:48:37 GMT"))));
    assert!(warned(&slow(1, Some("Sun, 06 Nov 1994 09:00:00 GMT"))));
}

#[test]
fn what_is_complete_or_of_unknown_size_is_not_warned_of() {
    let run = play_list(upload(4), vec![expiring(created(), NOW[0]), at(4)]);
    assert_eq!(told(&run).len(), 1);
    let stopped = Plan { chunk_size: fixed(1), ..upload(2) };
    let run = play_list(stopped, vec![expiring(created(), NOW[0]), at(1), at(2)]);
    assert_eq!(told(&run).len(), 1);
    let goal = Goal::Upload { endpoint: url("http://h/files/"), size: None, previous: None };
    let stream = Plan { discover: false, chunk_size: fixed(1), ..Plan::new(goal) };
    let replies = || vec![expiring(created(), NOW[0]), at(1), at(2)];
    let run = play_stream_list(Plan { stop_at: Some(2), ..stream.clone() }, 9, Ok(true), replies());
    assert_eq!(told(&run).len(), 1);
    let run = play_stream_list(stream, 3, Ok(true), replies().into_iter().chain([at(3)]).collect());
    assert_eq!(told(&run).len(), 1);
}
