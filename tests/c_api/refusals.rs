//! What each function that returns a status says when it refuses.

use tus_test_server::Rule;

use crate::story::{How, Story};
use crate::wire::{assert_untouched, assert_uploads};

stories!(valgrind: all, threads; rest:);

/// Every function of the header that returns a status.
fn functions() -> Vec<String> {
    let header = include_str!("../../include/tus.h");
    let declarations = header.split("TUS_API").skip(1).filter_map(|rest| rest.split_once('('));
    let statuses = declarations.filter_map(|(before, _)| {
        let words: Vec<&str> = before.split_whitespace().filter(|word| *word != "TUS_CHECK").collect();
        match words[..] {
            ["tus_status", name] => Some(name.to_owned()),
            _ => None,
        }
    });
    // It asks an error for its status.
    let statuses: Vec<String> = statuses.filter(|name| name != "tus_error_status").collect();
    assert!(statuses.len() > 100, "{statuses:?}");
    statuses
}

fn all(how: How) {
    let story = Story::new(how, "refusals.c", "all").words(functions());
    story.server.script(Rule::on("POST").reply(401));
    if story.passes() {
        assert_uploads(&story.server, &[5]);
    }
}

fn threads(how: How) {
    let story = Story::new(how, "refusals.c", "threads");
    if story.passes() {
        assert_untouched(&story.server);
    }
}
