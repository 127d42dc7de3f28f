//! Pointers that are NULL, of another kind or no objects at all: refused, and nothing else happens.

use crate::story::{How, Story};
use crate::wire::{assert_clean, assert_untouched, assert_wire};

stories!(valgrind: other_kind, overwritten; rest: null, no_strings, no_results, null_for_operations);

/// What making one object of each kind takes, and what using each once more does.
const MADE: [&str; 5] = ["OPTIONS 204", "POST 201", "PATCH 204", "HEAD 200", "POST 201"];
const USED: [&str; 3] = ["POST 201", "PATCH 204", "PATCH 204"];

fn null(how: How) {
    let story = Story::new(how, "handles.c", "null");
    if story.passes() {
        assert_wire(&story.server, &[&MADE[..], &USED].concat());
        assert_clean(&story.server);
    }
}

fn other_kind(how: How) {
    let story = Story::new(how, "handles.c", "other_kind");
    if story.passes() {
        assert_wire(&story.server, &[&MADE[..], &["OPTIONS 204"], &USED].concat());
        assert_clean(&story.server);
    }
}

fn overwritten(how: How) {
    let story = Story::new(how, "handles.c", "overwritten");
    if story.passes() {
        assert_wire(&story.server, &[&MADE[..], &USED].concat());
        assert_clean(&story.server);
    }
}

fn no_strings(how: How) {
    let story = Story::new(how, "arguments.c", "setters");
    if story.passes() {
        assert_wire(&story.server, &["OPTIONS 204", "POST 201"]);
        assert!(story.server.requests().iter().all(|request| request.header("X-Removed").is_none()));
        assert_eq!(story.server.requests()[1].header("Upload-Metadata"), Some("empty"));
        assert_clean(&story.server);
    }
}

fn null_for_operations(how: How) {
    let story = Story::new(how, "arguments.c", "operations");
    if story.passes() {
        assert_untouched(&story.server);
    }
}

fn no_results(how: How) {
    let story = Story::new(how, "arguments.c", "results");
    if story.passes() {
        let expected = [
            "OPTIONS 204",
            "POST 201",
            "PATCH 204",
            "POST 201",
            "PATCH 204",
            "POST 201",
            "PATCH 204",
            "HEAD 200",
            "HEAD 200",
            "HEAD 200",
        ];
        assert_wire(&story.server, &[&expected[..], &["DELETE 204"]].concat());
        assert_eq!(story.server.uploads().len(), 2);
        assert_clean(&story.server);
    }
}
