//! What callbacks see and decide, and what becomes of the upload.

use tus_test_server::{LocationForm, Options, Rule, Server};

use crate::story::{How, Story};
use crate::wire::{assert_clean, assert_clean_after_break, assert_uploads, assert_wire};

stories!(
    valgrind: stopped_in_the_middle, stopped_in_a_retry_wait;
    rest: values, seen, should_retry, origins, after_creation, too_late, stopped_at_the_start, stopped_while_sending,
        stopped_waiting_for_an_answer,
);

fn values(how: How) {
    let story = Story::new(how, "callbacks.c", "values");
    if story.passes() {
        // Each that existed was resumed and is whole; the others never came to be.
        assert_uploads(&story.server, &[3000; 5]);
        assert_clean(&story.server);
    }
}

fn after_creation(how: How) {
    let story = Story::new(how, "callbacks.c", "after_creation");
    if story.passes() {
        assert_uploads(&story.server, &[3000]);
        assert_clean(&story.server);
    }
}

fn too_late(how: How) {
    let story = Story::new(how, "callbacks.c", "too_late");
    if story.passes() {
        assert_wire(&story.server, &["OPTIONS 204", "POST 201", "PATCH 204"]);
        assert_clean(&story.server);
    }
}

fn should_retry(how: How) {
    let story = Story::new(how, "callbacks.c", "should_retry");
    story.server.script(Rule::on("POST").forever().reply(503).header("X-Why", "busy"));
    if story.passes() {
        let first = ["OPTIONS 204", "POST 503", "POST 503", "POST 503", "POST 503"];
        assert_wire(&story.server, &[&first[..], &["OPTIONS 204", "POST 503", "POST 503"]].concat());
        assert_uploads(&story.server, &[]);
        assert_clean(&story.server);
    }
}

fn seen(how: How) {
    let story = Story::new(how, "callbacks.c", "seen");
    story.server.script(Rule::on("POST").body(*b"a\0b"));
    if story.passes() {
        assert_wire(&story.server, &["OPTIONS 204", "POST 201", "PATCH 204", "HEAD 200"]);
        let header = |name: &str| {
            let requests = story.server.requests();
            requests.iter().map(|request| request.header(name).unwrap_or("-").to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(header("X-Of-The-Client"), ["always", "once", "always", "always"]);
        assert_eq!(header("X-Another"), ["-", "1", "-", "-"]);
        assert_eq!(header("X-Late"), ["-", "-", "-", "-"]);
        assert_clean(&story.server);
    }
}

fn origins(how: How) {
    let elsewhere = Server::start(Options::default()).unwrap();
    let story = Story::new(how, "callbacks.c", "origins").words([elsewhere.endpoint()]);
    for _ in 0..2 {
        let url = elsewhere.seed(Some(3000), b"").unwrap();
        story.server.script(Rule::on("POST").location(LocationForm::Other(url)));
    }
    if story.passes() {
        let token = |name: &str| {
            let requests = elsewhere.requests();
            requests.iter().map(|request| request.header(name).map(str::to_owned)).collect::<Vec<_>>()
        };
        assert_eq!(token("Authorization"), [None, Some("Bearer geheim".to_owned())]);
        assert_eq!(token("X-Token"), [None, Some("geheim".to_owned())]);
        assert_uploads(&elsewhere, &[3000, 3000]);
        assert_clean(&story.server);
    }
}

/// Stopped, resumed, and every byte is there.
fn stopped(how: How, case: &'static str, options: Options, rule: Option<Rule>) {
    let story = Story::with(how, "stopping.c", case, options);
    if let Some(rule) = rule {
        story.server.script(rule);
    }
    if story.passes() {
        assert_uploads(&story.server, &[300_000]);
        assert_clean_after_break(&story.server);
    }
}

fn stopped_at_the_start(how: How) {
    let story = Story::new(how, "stopping.c", "at_start");
    if story.passes() {
        assert_wire(&story.server, &[]);
        assert_uploads(&story.server, &[]);
    }
}

fn stopped_in_the_middle(how: How) {
    stopped(how, "middle", Options::default(), None);
}

fn stopped_while_sending(how: How) {
    let slow = Options { throttle: Some(300_000), ..Options::default() };
    stopped(how, "while_sending", slow, None);
}

fn stopped_in_a_retry_wait(how: How) {
    stopped(how, "retry_wait", Options::default(), Some(Rule::on("PATCH").nth(2).reply(503)));
}

fn stopped_waiting_for_an_answer(how: How) {
    stopped(how, "answer_wait", Options::default(), Some(Rule::on("PATCH").nth(2).hang_after_body()));
}
