//! Tasks that are cancelled, removed, paused and put in order.

use tus_test_server::{Options, Rule};

use crate::story::{How, Story};
use crate::wire::{assert_clean, assert_uploads, lines};

stories!(
    valgrind: queue, deleted_before_a_retry, paused_in_the_queue;
    rest: answer, write, retry, question, deleted_waiting_for_an_answer, complete, paused, priorities, workers,
        parts, not_deleted, delete_cancelled, paused_often, paused_and_cancelled,
);

/// In how many milliseconds a cancel has to work. 50 are promised.
fn limit(how: How) -> String {
    match how {
        How::Plain => 50,
        How::Sanitized => 150,
        How::Valgrind => 3000,
    }
    .to_string()
}

fn cancelled(how: How, case: &'static str, options: Options, rule: Option<Rule>) {
    let story = Story::with(how, "steering.c", case, options).words([limit(how)]);
    if let Some(rule) = rule {
        story.server.script(rule.forever());
    }
    if story.passes() {
        assert_eq!(story.server.uploads().len(), 5, "{:#?}", lines(&story.server));
    }
}

fn answer(how: How) {
    cancelled(how, "answer", Options::default(), Some(Rule::on("PATCH").hang_after_body()));
}

fn write(how: How) {
    let options = Options { receive_buffer: Some(65536), ..Options::default() };
    cancelled(how, "write", options, Some(Rule::on("PATCH").hang_after_head()));
}

fn retry(how: How) {
    cancelled(how, "retry", Options::default(), Some(Rule::on("PATCH").reply(503)));
}

fn queue(how: How) {
    let story = Story::new(how, "steering.c", "queue").words([limit(how)]);
    if story.passes() {
        assert_eq!(lines(&story.server).iter().filter(|line| line.starts_with("DELETE")).count(), 0);
        assert_clean(&story.server);
    }
}

fn question(how: How) {
    let story = Story::new(how, "steering.c", "question").words([limit(how)]);
    story.server.script(Rule::on("OPTIONS").forever().hang_after_head());
    if story.passes() {
        assert_eq!(story.server.requests().len(), 5);
    }
}

fn parts(how: How) {
    let story = Story::with(how, "steering.c", "parts", slow());
    if story.passes() {
        // Only what was gone on with is left, and none of its parts.
        assert_uploads(&story.server, &[300_000]);
    }
}

fn paused_and_cancelled(how: How) {
    cancelled(how, "paused_and_cancelled", Options::default(), Some(Rule::on("PATCH").hang_after_body()));
}

fn deleted(how: How, word: &str, rule: Rule) {
    let story = Story::new(how, "steering.c", "deleted").words([word]);
    story.server.script(rule);
    if story.passes() {
        let removed = lines(&story.server).iter().filter(|line| *line == "DELETE 204").count();
        assert_eq!(removed, 1, "{:#?}", lines(&story.server));
        assert_eq!(story.server.uploads().len(), 0);
    }
}

fn deleted_waiting_for_an_answer(how: How) {
    // It has not taken the bytes: what is complete would not be removed.
    deleted(how, "answer", Rule::on("PATCH").accept(1000).hang_after_body());
}

fn deleted_before_a_retry(how: How) {
    deleted(how, "retry", Rule::on("PATCH").reply(503));
}

fn not_deleted(how: How) {
    let story = Story::new(how, "steering.c", "not_deleted").words(["refused"]);
    story.server.script(Rule::on("PATCH").reply(503));
    story.server.script(Rule::on("DELETE").forever().reply(403));
    if story.passes() {
        assert_eq!(story.server.uploads().len(), 1);
    }
}

fn delete_cancelled(how: How) {
    let story = Story::new(how, "steering.c", "not_deleted").words(["silent"]);
    story.server.script(Rule::on("PATCH").reply(503));
    story.server.script(Rule::on("DELETE").forever().hang_after_head());
    if story.passes() {
        assert_eq!(story.server.uploads().len(), 1);
    }
}

fn complete(how: How) {
    let story = Story::new(how, "steering.c", "complete");
    if story.passes() {
        assert_eq!(lines(&story.server), ["OPTIONS 204", "POST 201", "PATCH 204", "HEAD 200"]);
        assert_clean(&story.server);
    }
}

/// Slow enough to be met on the way.
fn slow() -> Options {
    Options { throttle: Some(150_000), receive_buffer: Some(16384), ..Options::default() }
}

fn paused(how: How) {
    let story = Story::with(how, "steering.c", "paused", slow());
    if story.passes() {
        assert_uploads(&story.server, &[5, 300_000]);
    }
}

fn paused_often(how: How) {
    let story = Story::with(how, "steering.c", "paused_often", slow());
    if story.passes() {
        assert_uploads(&story.server, &[300_000]);
    }
}

fn paused_in_the_queue(how: How) {
    let story = Story::new(how, "steering.c", "paused_in_the_queue");
    if story.passes() {
        let finished = story.server.uploads().iter().filter(|upload| upload.finished).count();
        assert_eq!((finished, story.server.uploads().len()), (3, 3), "{:#?}", lines(&story.server));
        assert_clean(&story.server);
    }
}

fn priorities(how: How) {
    let story = Story::new(how, "steering.c", "priorities");
    if story.passes() {
        assert_eq!(story.server.uploads().len(), 8);
        assert_clean(&story.server);
    }
}

fn workers(how: How) {
    let story = Story::new(how, "steering.c", "workers");
    if story.passes() {
        assert_eq!(story.server.uploads().len(), 4);
        assert_clean(&story.server);
    }
}
