//! Uploads whose bytes the program writes as it has them.

use crate::story::{How, Story};
use crate::wire::{assert_clean, assert_clean_after_break, assert_untouched, assert_uploads, lines};

stories!(valgrind: aborted, freed; rest: whole, polled, refused, unfinished, too_short, goes_on);

fn whole(how: How) {
    let story = Story::new(how, "writers.c", "whole");
    if story.passes() {
        assert_uploads(&story.server, &[50_001; 4]);
        assert_clean(&story.server);
    }
}

fn polled(how: How) {
    let story = Story::new(how, "writers.c", "polled");
    if story.passes() {
        assert_uploads(&story.server, &[50_001]);
        assert_clean(&story.server);
    }
}

/// Nothing is deleted, and what is there can be completed.
#[track_caller]
fn assert_stays(story: &Story, count: usize) {
    let lines = lines(&story.server);
    assert!(!lines.iter().any(|line| line.starts_with("DELETE")), "{lines:#?}");
    assert_uploads(&story.server, &vec![5000; count]);
    assert_clean_after_break(&story.server);
}

fn aborted(how: How) {
    let story = Story::new(how, "writers.c", "aborted");
    if story.passes() {
        assert_stays(&story, 2);
    }
}

fn unfinished(how: How) {
    let story = Story::new(how, "writers.c", "unfinished");
    if story.passes() {
        assert_stays(&story, 1);
    }
}

/// As with any source that is shorter than it said: what no source can complete is removed.
fn too_short(how: How) {
    let story = Story::new(how, "writers.c", "too_short");
    if story.passes() {
        let lines = lines(&story.server);
        assert_eq!(lines.iter().filter(|line| *line == "DELETE 204").count(), 1, "{lines:#?}");
        assert_uploads(&story.server, &[]);
        assert_clean_after_break(&story.server);
    }
}

fn goes_on(how: How) {
    let story = Story::new(how, "writers.c", "goes_on");
    if story.passes() {
        assert_stays(&story, 1);
    }
}

fn freed(how: How) {
    let story = Story::new(how, "writers.c", "freed");
    if story.passes() {
        assert_untouched(&story.server);
    }
}

fn refused(how: How) {
    let story = Story::new(how, "writers.c", "refused");
    if story.passes() {
        assert_untouched(&story.server);
    }
}
