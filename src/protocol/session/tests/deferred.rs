//! Sources of unknown size, and lengths the server learns late (T-070 to T-074).

use super::*;
use crate::error::BrokenRule;

/// An upload of a source of unknown size in chunks of four bytes.
fn stream() -> Plan {
    let goal = Goal::Upload { endpoint: url("http://h/files/"), size: None, previous: None };
    Plan { discover: false, chunk_size: fixed(4), ..Plan::new(goal) }
}

/// A resume from such a source.
fn resumed() -> Plan {
    Plan {
        chunk_size: fixed(4),
        ..Plan::new(Goal::Resume { url: url("http://h/files/1"), size: None, endpoint: None })
    }
}

#[track_caller]
fn stream_of(total: u64, plan: Plan, replies: Vec<Reply>) -> Run {
    play_stream_list(plan, total, Ok(true), replies)
}

/// What each request declares as the upload's length.
fn declared(run: &Run) -> Vec<Option<&str>> {
    run.exchanges.iter().map(|exchange| field(exchange, "Upload-Length")).collect()
}

fn sizes(run: &Run) -> Vec<u64> {
    run.notices.iter().filter_map(|notice| if let Notice::Size(size) = notice { Some(*size) } else { None }).collect()
}

#[test]
fn only_the_last_data_of_a_stream_carries_the_length() {
    let run = stream_of(11, stream(), vec![created(), at(4), at(8), at(11)]);
    run.expect_done(11);
    assert_eq!(
        run.requests[1..],
        ["PATCH http://h/files/1 0+4", "PATCH http://h/files/1 4+4", "PATCH http://h/files/1 8+3"]
    );
    assert_eq!(declared(&run), [None, None, None, Some("11")]);
    assert_eq!(field(&run.exchanges[0], "Upload-Defer-Length"), Some("1"));
    assert!(run.exchanges[1..].iter().all(|patch| field(patch, "Upload-Defer-Length").is_none()));
    assert_eq!(sizes(&run), [11]);
    assert!(matches!(run.result, Ok(Outcome::Uploaded { size: Some(11), .. })));
}

#[test]
fn a_stream_of_whole_chunks_ends_with_data_too() {
    let run = stream_of(8, stream(), vec![created(), at(4), at(8)]);
    run.expect_done(8);
    assert_eq!(declared(&run), [None, None, Some("8")]);
}

#[test]
fn a_stream_that_ends_within_its_first_chunk_is_like_any_other_source() {
    for total in 1..=4 {
        let run = stream_of(total, stream(), vec![created(), at(total)]);
        run.expect_done(total);
        assert_eq!(declared(&run), [Some(total.to_string().as_str()), None]);
        assert_eq!(field(&run.exchanges[0], "Upload-Defer-Length"), None);
        assert_eq!(sizes(&run), [total]);
    }
    let run = stream_of(0, stream(), vec![created()]);
    run.expect_done(0);
    assert_eq!(declared(&run), [Some("0")]);
    // It may go with its creation.
    let plan = Plan { capabilities: offering("creation-with-upload", ""), creation_data: CreationData::On, ..stream() };
    stream_of(3, plan, vec![ok(201, &[("Location", "/files/1"), ("Upload-Offset", "3")])]).expect_done(3);
}

#[test]
fn a_source_is_looked_at_before_anything_is_asked() {
    let session = Session::start(Plan { discover: true, ..stream() }, Instant(0));
    assert!(matches!(session.next(), Action::LookAhead { start: 0, length: 4 }), "{session:?}");
    assert!(session.is_about_data() && session.upload_url().is_none());
    let stopped = session.happened(Event::Stopped(Error::new(ErrorKind::Source, "unreadable")), Instant(0));
    assert!(matches!(stopped.next(), Action::Finished(Err(error)) if error.kind() == ErrorKind::Source));
}

#[test]
fn what_is_looked_at_lies_in_memory_and_is_bounded() {
    for (chunk_size, length) in [(ChunkSize::Auto, 4 << 20), (ChunkSize::Whole, 8 << 20), (fixed(1 << 30), 8 << 20)] {
        let session = Session::start(Plan { chunk_size, ..stream() }, Instant(0));
        assert!(matches!(session.next(), Action::LookAhead { start: 0, length: l } if l == length), "{session:?}");
    }
}

#[test]
fn a_look_while_sending_knows_the_upload() {
    let session = Session::start(resumed(), Instant(0)).happened(reply_event(open(5), 0), Instant(0));
    assert!(matches!(session.next(), Action::LookAhead { start: 5, length: 4 }), "{session:?}");
    assert!(session.is_about_data());
    assert_eq!(session.upload_url(), Some(&url("http://h/files/1")));
    let stopped = session.happened(Event::Stopped(Error::new(ErrorKind::Source, "unreadable")), Instant(0));
    assert_eq!(stopped.into_result().unwrap().unwrap_err().upload_url(), Some(&url("http://h/files/1")));
}

#[test]
fn an_impossible_look_is_a_bug_of_the_driver() {
    for (available, end) in [(5, false), (5, true), (3, false), (0, false)] {
        let session = Session::start(stream(), Instant(0)).happened(Event::Ahead { available, end }, Instant(0));
        assert!(
            matches!(session.next(), Action::Finished(Err(error)) if error.kind() == ErrorKind::Internal),
            "{available} {end}"
        );
    }
}

#[test]
fn an_end_that_was_not_seen_in_time_is_declared_without_data() {
    // This driver learns of the end only when nothing comes any more.
    let mut session = Session::start(stream(), Instant(0));
    let mut looks = vec![(0, true), (4, false), (4, false)];
    let mut bodies = vec![];
    let mut replies = vec![created(), at(4), at(4)];
    loop {
        let event = match session.next() {
            Action::LookAhead { .. } => {
                let (available, end) = looks.pop().unwrap();
                Event::Ahead { available, end }
            }
            Action::Send(exchange) => {
                bodies.push((exchange.body, field(exchange, "Upload-Length").map(str::to_owned)));
                reply_event(replies.remove(0), 4)
            }
            Action::Finished(result) => {
                assert!(matches!(result, Ok(Outcome::Uploaded { offset: 4, size: Some(4), .. })), "{result:?}");
                break;
            }
            other => panic!("{other:?}"),
        };
        session = session.happened(event, Instant(0));
    }
    assert_eq!(
        bodies,
        [(Body::Empty, None), (Body::Range { start: 0, length: 4 }, None), (Body::Empty, Some("4".to_owned())),]
    );
}

#[test]
fn a_server_that_cannot_defer_gets_no_stream() {
    for capabilities in [offering("creation", ""), offering("", "")] {
        let run = stream_of(11, Plan { capabilities, ..stream() }, vec![]);
        assert!(run.expect_error(ErrorKind::Unsupported).full_message().contains("creation-defer-length"));
    }
    // One that does not say is tried, and what it says to that is told.
    for silent in [vec![ok(404, &[])], vec![ok(401, &[])], vec![foreign(200, &[]), foreign(204, &[])]] {
        let plan = || Plan { discover: true, capabilities: None, ..stream() };
        let with = |last: Vec<Reply>| {
            let silent = silent.iter().map(|reply| match reply {
                Reply::Answer(status, _) => foreign(*status, &[]),
                _ => unreachable!(),
            });
            silent.chain(last).collect::<Vec<_>>()
        };
        stream_of(11, plan(), with(vec![created(), at(4), at(8), at(11)])).expect_done(11);
        let run = stream_of(11, plan(), with(vec![ok(501, &[])]));
        assert_eq!(run.expect_error(ErrorKind::Unsupported).answer().map(|answer| answer.status), Some(501));
        let run = stream_of(11, plan(), with(vec![ok(401, &[])]));
        assert_eq!(run.expect_error(ErrorKind::HttpStatus).answer().map(|answer| answer.status), Some(401));
    }
    let plan = Plan { capabilities: offering("creation,creation-defer-length", ""), ..stream() };
    stream_of(11, plan, vec![created(), at(4), at(8), at(11)]).expect_done(11);
    let plan = Plan { capabilities: offering("creation", ""), ..stream() };
    stream_of(4, plan, vec![created(), at(4)]).expect_done(4);
}

#[test]
fn a_stream_stops_where_it_is_told_to() {
    let plan = || Plan { stop_at: Some(6), ..stream() };
    let run = stream_of(11, plan(), vec![created(), at(4), at(6)]);
    assert_eq!(declared(&run), [None; 3]);
    assert_eq!(run.requests[2], "PATCH http://h/files/1 4+2");
    assert!(matches!(run.result, Ok(Outcome::Uploaded { offset: 6, size: None, .. })), "{:?}", run.result);
    // It ends just there, or before.
    let run = stream_of(6, plan(), vec![created(), at(4), at(6)]);
    assert_eq!(declared(&run), [None, None, Some("6")]);
    let run = stream_of(5, plan(), vec![created(), at(4), at(5)]);
    run.expect_done(5);
    // Within the first chunk.
    let run = stream_of(11, Plan { stop_at: Some(2), ..stream() }, vec![created(), at(2)]);
    assert!(matches!(run.result, Ok(Outcome::Uploaded { offset: 2, size: None, .. })), "{:?}", run.result);
    // Beyond that it is not even looked.
    let run = stream_of(3, Plan { stop_at: Some(2), ..stream() }, vec![created(), at(2)]);
    assert!(matches!(run.result, Ok(Outcome::Uploaded { offset: 2, size: None, .. })), "{:?}", run.result);
    // Before anything.
    let run = stream_of(11, Plan { stop_at: Some(0), ..stream() }, vec![created()]);
    assert!(matches!(run.result, Ok(Outcome::Uploaded { offset: 0, size: None, .. })), "{:?}", run.result);
    assert_eq!(field(&run.exchanges[0], "Upload-Defer-Length"), Some("1"));
    assert!(sizes(&run).is_empty());
}

#[test]
fn a_stream_that_outgrows_the_server_stops_in_time() {
    let limited = |max: u64| {
        let capabilities = offering("creation,creation-defer-length", "");
        Plan { capabilities: capabilities.map(|known| Capabilities { max_size: Some(max), ..known }), ..stream() }
    };
    stream_of(10, limited(10), vec![created(), at(4), at(8), at(10)]).expect_done(10);
    // What is beyond is seen before the last bytes that would still fit are sent.
    for total in [11, 12, 40] {
        let run = stream_of(total, limited(10), vec![created(), at(4), at(8)]);
        assert_eq!(run.expect_error(ErrorKind::TooLarge).upload_url(), Some(&url("http://h/files/1")));
    }
    stream_of(8, limited(8), vec![created(), at(4), at(8)]).expect_done(8);
    stream_of(9, limited(8), vec![created(), at(4)]).expect_error(ErrorKind::TooLarge);
    // Within the first chunk nothing is even created.
    stream_of(4, limited(3), vec![]).expect_error(ErrorKind::TooLarge);
    stream_of(9, limited(3), vec![]).expect_error(ErrorKind::TooLarge);
    stream_of(4, limited(4), vec![created(), at(4)]).expect_done(4);
    stream_of(5, limited(4), vec![]).expect_error(ErrorKind::TooLarge);
}

#[test]
fn a_lost_answer_to_the_declaration_is_looked_up() {
    // The length was noted.
    let run = stream_of(6, stream(), vec![created(), at(4), NO_ANSWER, head(4, 6), at(6)]);
    run.expect_done(6);
    assert_eq!(declared(&run), [None, None, Some("6"), None, None]);
    // It was not.
    let run = stream_of(6, stream(), vec![created(), at(4), NO_ANSWER, open(4), at(6)]);
    assert_eq!(declared(&run), [None, None, Some("6"), None, Some("6")]);
    // The data was kept and the length was not.
    let run = stream_of(6, stream(), vec![created(), at(4), NO_ANSWER, open(6), at(6)]);
    run.expect_done(6);
    assert_eq!((declared(&run)[4], run.exchanges[4].body), (Some("6"), Body::Empty));
    // All was.
    stream_of(6, stream(), vec![created(), at(4), NO_ANSWER, head(6, 6)]).expect_done(6);
}

#[test]
fn a_declaration_that_moved_nothing_is_looked_into_before_the_next() {
    let run = stream_of(6, stream(), vec![created(), at(4), at(4), head(4, 6), at(6)]);
    run.expect_done(6);
    assert_eq!(declared(&run), [None, None, Some("6"), None, None]);
    let run = stream_of(6, stream(), vec![created(), at(4), at(4), open(4), at(6)]);
    assert_eq!(declared(&run)[4], Some("6"));
}

#[test]
fn a_declaration_accepted_in_part_is_not_repeated() {
    let run = stream_of(7, stream(), vec![created(), at(4), at(5), at(7)]);
    run.expect_done(7);
    assert_eq!(declared(&run), [None, None, Some("7"), None]);
    assert_eq!(run.requests[3], "PATCH http://h/files/1 5+2");
}

#[test]
fn a_server_that_noted_another_length_is_wrong() {
    let run = stream_of(6, stream(), vec![created(), at(4), NO_ANSWER, head(4, 7)]);
    run.expect_error(ErrorKind::Protocol(BrokenRule::LengthDiffers));
}

#[test]
fn a_broken_chunk_of_a_stream_is_sent_again_from_where_the_server_is() {
    let run = stream_of(11, stream(), vec![created(), at(4), RESET, open(6), at(10), at(11)]);
    run.expect_done(11);
    assert_eq!(run.requests[4..], ["PATCH http://h/files/1 6+4", "PATCH http://h/files/1 10+1"]);
    assert_eq!(declared(&run)[4..], [None, Some("11")]);
}

#[test]
fn an_answer_beyond_what_was_sent_of_a_stream_is_not_believed() {
    let run = stream_of(11, stream(), vec![created(), at(5), open(4), at(8), at(11)]);
    run.expect_done(11);
    assert!(warned(&run, "no believable Upload-Offset"));
}

#[test]
fn a_stream_begun_again_declares_what_is_known_by_then() {
    let run = stream_of(6, stream(), vec![created(), at(4), ok(410, &[]), created(), at(4), at(6)]);
    run.expect_done(6);
    assert_eq!(declared(&run), [None, None, Some("6"), Some("6"), None, None]);
    // While the size is unknown, it is deferred again.
    let run = stream_of(11, stream(), vec![created(), ok(404, &[]), created(), at(4), at(8), at(11)]);
    assert_eq!(field(&run.exchanges[2], "Upload-Defer-Length"), Some("1"));
    assert_eq!(declared(&run), [None, None, None, None, None, Some("11")]);
}

#[test]
fn a_deferred_upload_is_resumed_with_a_size_that_is_known() {
    let run = play_list(Plan { chunk_size: fixed(4), ..resume(11) }, vec![open(5), at(9), at(11)]);
    run.expect_done(11);
    assert_eq!(declared(&run), [None, Some("11"), None]);
    assert!(warned(&run, "still open"));
    let run = play_list(resume(11), vec![head(5, 11), at(11)]);
    assert!(!warned(&run, "still open"));
    // All of it or only a part: the end is where the caller says.
    let run = play_list(Plan { stop_at: Some(7), ..resume(11) }, vec![open(5), at(7)]);
    assert!(matches!(run.result, Ok(Outcome::Uploaded { offset: 7, size: Some(11), .. })));
    let run = play_list(Plan { stop_at: Some(7), ..resume(11) }, vec![open(7)]);
    assert!(matches!(run.result, Ok(Outcome::Uploaded { offset: 7, size: Some(11), .. })));
}

#[test]
fn a_deferred_upload_is_resumed_with_a_size_that_is_not() {
    let run = stream_of(11, resumed(), vec![open(5), at(9), at(11)]);
    run.expect_done(11);
    assert_eq!(declared(&run), [None, None, Some("11")]);
    assert!(!warned(&run, "still open"));
    // Everything is there but the length.
    let run = stream_of(5, resumed(), vec![open(5), at(5)]);
    run.expect_done(5);
    assert_eq!((declared(&run)[1], run.exchanges[1].body), (Some("5"), Body::Empty));
}

#[test]
fn a_length_on_the_server_is_held_against_the_source() {
    let run = stream_of(11, resumed(), vec![head(5, 11), at(9), at(11)]);
    run.expect_done(11);
    assert_eq!(declared(&run), [None; 3]);
    stream_of(11, resumed(), vec![head(11, 11)]).expect_done(11);
    for (total, replies) in [
        // It ends before, in the last chunk and in an earlier one; at the very place the server has come to.
        (10, vec![head(5, 11), at(9)]),
        (8, vec![head(5, 11)]),
        (5, vec![head(5, 11)]),
        // It goes on: by one byte more, by many.
        (12, vec![head(5, 11), at(9)]),
        (12, vec![head(11, 11)]),
        (99, vec![head(5, 11), at(9)]),
        (99, vec![head(5, 9)]),
    ] {
        let run = stream_of(total, resumed(), replies);
        assert_eq!(run.expect_error(ErrorKind::SourceChanged).upload_url(), Some(&url("http://h/files/1")), "{total}");
    }
    // Where the caller's end comes first, nothing can be said.
    let run = stream_of(99, Plan { stop_at: Some(9), ..resumed() }, vec![head(5, 11), at(9)]);
    assert!(matches!(run.result, Ok(Outcome::Uploaded { offset: 9, size: Some(11), .. })));
}

#[test]
fn an_empty_declaration_that_is_refused_is_the_end() {
    let run = stream_of(5, resumed(), vec![open(5), foreign(400, &[])]);
    run.expect_error(ErrorKind::HttpStatus);
    stream_of(5, resumed(), vec![open(5), ok(413, &[])]).expect_error(ErrorKind::TooLarge);
    // One that is answered with nonsense over and over ends as well.
    let plan = Plan { retry: no_retries(), ..resumed() };
    stream_of(5, plan, vec![open(5), at(4), open(5)]).expect_error(ErrorKind::Protocol(BrokenRule::NoProgress));
}
