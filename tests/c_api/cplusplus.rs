//! The header in C++, and what becomes of exceptions.

use std::os::unix::process::ExitStatusExt as _;

use crate::story::{How, Story};
use crate::wire::{assert_clean, assert_untouched, assert_uploads, assert_wire};

stories!(valgrind: raii; rest:);

fn raii(how: How) {
    let story = Story::new(how, "raii.cpp", "raii");
    if story.passes() {
        assert_wire(&story.server, &["OPTIONS 204", "POST 201", "PATCH 204", "HEAD 200"]);
        assert_uploads(&story.server, &[100_000]);
        assert_clean(&story.server);
    }
}

const SIGABRT: i32 = 6;

/// The process ends, and somebody says why.
#[track_caller]
fn aborts(case: &'static str) -> Option<Story> {
    let story = Story::new(How::Plain, "throwing.cpp", case);
    let ended = story.ended()?;
    assert_eq!(ended.status.signal(), Some(SIGABRT), "{ended:?}");
    assert_eq!(ended.stdout, "", "the exception must not come through");
    assert_ne!(ended.stderr, "", "a process must not end without a word");
    Some(story)
}

#[test]
fn an_exception_out_of_progress_ends_the_process() {
    if let Some(story) = aborts("progress") {
        assert_untouched(&story.server);
    }
}

#[test]
fn an_exception_out_of_before_request_ends_the_process() {
    if let Some(story) = aborts("before_request") {
        assert_wire(&story.server, &[]);
    }
}

#[test]
fn an_exception_out_of_a_reader_ends_the_process() {
    if let Some(story) = aborts("read") {
        assert_untouched(&story.server);
    }
}

#[test]
fn an_exception_out_of_a_destroy_function_ends_the_process() {
    if let Some(story) = aborts("destroy") {
        assert_untouched(&story.server);
    }
}
