//! Tasks and the program around them: its event loop, its end, its forks, and thousands at once.

use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use tus_test_server::{Options, Rule};

use crate::story::{How, Story};
use crate::wire::{assert_clean, assert_clean_after_break, assert_uploads, assert_wire, lines};

// A child has no thread but its own: what the parent's threads hold is lost there, which valgrind calls a leak.
stories!(
    valgrind: uploader_freed, uploader_stopped, released, dispatch_inside, cancelled_in_the_queue,
        closed_undispatched, closed_meanwhile, abandoned, two_threads, close, close_inside,
        close_twice_ends_a_removal, crowd, queued_crowd, lambdas;
    rest: driven, one_at_a_time, handle, coalesced, event_loop, dispatch_in_hook, close_in_time,
        close_lets_a_removal_finish, task_cancelled, stopped_by_progress, after_a_fork,
);

fn driven(how: How) {
    let story = Story::new(how, "chunked.c", "driven");
    if story.passes() {
        assert_wire(&story.server, &[&["OPTIONS 204", "POST 201"][..], &["PATCH 204"; 4]].concat());
        assert_uploads(&story.server, &[4000]);
        assert_clean(&story.server);
    }
}

fn one_at_a_time(how: How) {
    let story = Story::new(how, "chunked.c", "busy");
    if story.passes() {
        assert_uploads(&story.server, &[4000; 2]);
        assert_clean(&story.server);
    }
}

fn uploader_freed(how: How) {
    let story = Story::new(how, "chunked.c", "freed");
    if story.passes() {
        let finished = story.server.uploads().iter().filter(|upload| upload.finished).count();
        assert_eq!(finished, 3);
        assert_clean(&story.server);
    }
}

fn task_cancelled(how: How) {
    let story = Story::new(how, "chunked.c", "cancelled");
    story.server.script(Rule::on("PATCH").nth(2).hang_after_body());
    if story.passes() {
        assert_clean_after_break(&story.server);
    }
}

fn uploader_stopped(how: How) {
    let story = Story::new(how, "chunked.c", "stopped");
    story.server.script(Rule::on("PATCH").nth(2).hang_after_body());
    if story.passes() {
        assert_clean_after_break(&story.server);
    }
}

fn handle(how: How) {
    let story = Story::new(how, "dispatching.c", "handle");
    if story.passes() {
        assert_clean(&story.server);
    }
}

fn released(how: How) {
    let story = Story::new(how, "dispatching.c", "released");
    if story.passes() {
        assert_clean(&story.server);
    }
}

fn coalesced(how: How) {
    let story = Story::new(how, "dispatching.c", "coalesced");
    if story.passes() {
        assert_uploads(&story.server, &[5000]);
        assert_clean(&story.server);
    }
}

fn stopped_by_progress(how: How) {
    let slow = Options { throttle: Some(20_000), receive_buffer: Some(16384), ..Options::default() };
    let story = Story::with(how, "dispatching.c", "stopped", slow);
    if story.passes() {
        assert!(!story.server.uploads()[0].finished);
    }
}

fn event_loop(how: How) {
    let story = Story::new(how, "dispatching.c", "loop");
    if story.passes() {
        assert_uploads(&story.server, &[70000, 70001, 70002, 70003, 70004, 70005, 70006, 70007]);
        assert_clean(&story.server);
    }
}

fn dispatch_inside(how: How) {
    let story = Story::new(how, "dispatching.c", "inside");
    if story.passes() {
        assert_eq!(story.server.uploads().len(), 1);
        assert_clean(&story.server);
    }
}

fn dispatch_in_hook(how: How) {
    let story = Story::new(how, "dispatching.c", "in_hook");
    if story.passes() {
        assert_eq!(story.server.uploads().len(), 1);
        assert_clean(&story.server);
    }
}

fn cancelled_in_the_queue(how: How) {
    let story = Story::new(how, "dispatching.c", "cancelled");
    if story.passes() {
        assert_eq!(story.server.uploads().len(), 1);
        assert_clean(&story.server);
    }
}

fn closed_undispatched(how: How) {
    let story = Story::new(how, "dispatching.c", "closed");
    if story.passes() {
        let finished = story.server.uploads().iter().filter(|upload| upload.finished).count();
        assert_eq!(finished, 1, "{:#?}", lines(&story.server));
        assert_clean(&story.server);
    }
}

fn closed_meanwhile(how: How) {
    let story = Story::new(how, "dispatching.c", "closed_meanwhile");
    if story.passes() {
        assert_clean(&story.server);
    }
}

fn abandoned(how: How) {
    let story = Story::new(how, "dispatching.c", "abandoned");
    if story.passes() {
        assert_eq!(story.server.uploads().len(), 1);
        assert_clean(&story.server);
    }
}

fn two_threads(how: How) {
    let story = Story::new(how, "dispatching.c", "two_threads");
    if story.passes() {
        assert_clean(&story.server);
    }
}

fn close(how: How) {
    let story = Story::new(how, "closing.c", "everything");
    // Two tasks and a blocking call wait for an answer; what they left is gone on with in the end.
    story.server.script(Rule::on("PATCH").times(3).hang_after_body());
    if story.passes() {
        assert_clean_after_break(&story.server);
    }
}

fn close_in_time(how: How) {
    let story = Story::new(how, "closing.c", "timeout");
    if story.passes() {
        assert_clean(&story.server);
    }
}

fn close_inside(how: How) {
    let story = Story::new(how, "closing.c", "inside");
    story.server.script(Rule::on("POST").forever().delay_answer(Duration::from_millis(20)));
    if story.passes() {
        assert_eq!(story.server.uploads().len(), 2);
    }
}

fn removal(how: How, word: &str, rule: Rule, left: usize) {
    let story = Story::new(how, "closing.c", "removal").words([word]);
    story.server.script(Rule::on("PATCH").accept(1000).hang_after_body());
    story.server.script(rule);
    if story.passes() {
        assert_eq!(story.server.uploads().len(), left, "{:#?}", lines(&story.server));
    }
}

fn close_lets_a_removal_finish(how: How) {
    removal(how, "slow", Rule::on("DELETE").delay_answer(Duration::from_millis(500)), 0);
}

fn close_twice_ends_a_removal(how: How) {
    removal(how, "silent", Rule::on("DELETE").forever().hang_after_head(), 1);
}

/// So many tasks; what they say of themselves is what the server has.
fn crowded(how: How, case: &'static str) {
    let count: usize = tus_test_peers::times(if how == How::Valgrind { 1_000 } else { 3_000 });
    let story = Story::new(how, "crowd.c", case).words([count.to_string()]);
    let Some(told) = story.told() else { return };
    let succeeded: usize = told.concat().parse().unwrap();
    let finished = story.server.uploads().iter().filter(|upload| upload.finished).count();
    // What was cancelled after its last byte may be there all the same.
    assert!(succeeded <= finished && finished <= count, "{succeeded} succeeded, {finished} are there");
    assert!(succeeded >= count / 4, "{succeeded} of {count}: half of them were to be cancelled");
}

fn crowd(how: How) {
    crowded(how, "workers");
}

fn queued_crowd(how: How) {
    crowded(how, "queue");
}

fn after_a_fork(how: How) {
    let story = Story::new(how, "forked_tasks.c", "forked");
    if story.passes() {
        let uploads = story.server.uploads();
        assert!(uploads.iter().all(|upload| upload.finished), "{:#?}", lines(&story.server));
        assert_clean(&story.server);
    }
}

/// An exception out of `done`, on whichever thread, ends the process, and somebody says why.
fn ends_the_process(case: &'static str) {
    const SIGABRT: i32 = 6;
    let story = Story::new(How::Plain, "lambdas.cpp", case);
    let Some(ended) = story.ended() else { return };
    assert_eq!(ended.status.signal(), Some(SIGABRT), "{ended:?}");
    assert_eq!(ended.stdout, "", "the exception must not come through");
    assert_ne!(ended.stderr, "", "a process must not end without a word");
}

#[test]
fn an_exception_out_of_done_ends_the_process() {
    ends_the_process("throwing_on_a_worker");
}

#[test]
fn an_exception_out_of_a_dispatched_done_ends_the_process() {
    ends_the_process("throwing_in_dispatch");
}

fn lambdas(how: How) {
    let story = Story::new(how, "lambdas.cpp", "lambdas");
    if story.passes() {
        assert_uploads(&story.server, &[1000, 1001, 1002, 1003, 1004]);
        assert_clean(&story.server);
    }
}
