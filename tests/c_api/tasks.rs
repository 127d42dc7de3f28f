//! Operations as tasks: that they do what the blocking calls do, tell their end once, and may be given back in any order.

use std::time::Duration;

use tus_test_server::{Options, Rule};

use crate::story::{How, Story};
use crate::wire::{assert_clean, assert_untouched, assert_uploads, assert_wire, bytes, lines};

stories!(
    valgrind: twin_failures, unattended, once, closed, written_first, inside_done, chain, freed_queued,
        freed_running, freed_over, counted;
    rest: twin_uploads, twin_creations, twin_questions, twin_uploaders, arguments, no_task, hooks, not_taken, limits,
        no_progress, to_the_end, wait_inside, twin_stored, stalled,
);

/// `hello`, so many times, and nothing that a client must not do.
#[track_caller]
fn assert_greetings(story: &Story, count: usize) {
    let uploads = story.server.uploads();
    assert_eq!(uploads.len(), count, "{:#?}", lines(&story.server));
    for upload in uploads {
        assert_eq!(story.server.upload_bytes(&upload.id).unwrap(), b"hello");
    }
    assert_clean(&story.server);
}

/// What asks for what is not there is what the program does on purpose.
#[track_caller]
fn assert_clean_but_for_the_gone(story: &Story) {
    let others: Vec<_> = story.server.violations().into_iter().filter(|broken| broken.rule != "T-111").collect();
    assert!(others.is_empty(), "{others:?}");
}

fn twin_uploads(how: How) {
    let story = Story::new(how, "twins.c", "uploads");
    if story.passes() {
        let whole = ["POST 201", "PATCH 204", "PATCH 204", "PATCH 204"];
        let stopped = ["POST 201", "PATCH 204"];
        let resumed = ["HEAD 200", "PATCH 204", "PATCH 204"];
        let all = [&["OPTIONS 204"][..], &whole.repeat(4), &stopped.repeat(2), &resumed.repeat(2)].concat();
        assert_wire(&story.server, &all);
        assert_uploads(&story.server, &[3000; 6]);
        assert_clean(&story.server);
    }
}

fn twin_creations(how: How) {
    let story = Story::new(how, "twins.c", "creations");
    if story.passes() {
        let uploads = story.server.uploads();
        let stored = uploads.iter().map(|upload| story.server.upload_bytes(&upload.id).unwrap());
        assert_eq!(stored.filter(|stored| *stored == bytes(3000)).count(), 2, "{:#?}", lines(&story.server));
        assert_eq!(uploads.len(), 8);
        assert_clean(&story.server);
    }
}

fn twin_questions(how: How) {
    let story = Story::new(how, "twins.c", "questions");
    if story.passes() {
        let asked = ["HEAD 200"; 4];
        assert_wire(
            &story.server,
            &[&["OPTIONS 204", "POST 201", "PATCH 204"][..], &asked, &["DELETE 204", "HEAD 410"]].concat(),
        );
        assert_clean_but_for_the_gone(&story);
    }
}

fn twin_stored(how: How) {
    let story = Story::new(how, "twins.c", "stored");
    if story.passes() {
        assert_eq!(story.server.uploads().len(), 4);
        assert_clean(&story.server);
    }
}

fn twin_uploaders(how: How) {
    let story = Story::new(how, "twins.c", "uploaders");
    if story.passes() {
        let each = ["POST 201", "PATCH 204", "PATCH 204", "PATCH 204"];
        assert_wire(&story.server, &[&["OPTIONS 204"][..], &each.repeat(2)].concat());
        assert_uploads(&story.server, &[3000; 2]);
        assert_clean(&story.server);
    }
}

fn twin_failures(how: How) {
    let story = Story::new(how, "twins.c", "failures");
    if story.passes() {
        // The uploader's, which is never used.
        assert_eq!(story.server.uploads().len(), 1);
        assert_clean_but_for_the_gone(&story);
    }
}

fn unattended(how: How) {
    let story = Story::new(how, "twins.c", "unattended");
    if story.passes() {
        assert_uploads(&story.server, &[3000, 3001, 3002, 3003]);
        assert_clean(&story.server);
    }
}

fn once(how: How) {
    let story = Story::new(how, "ends.c", "once");
    if story.passes() {
        let finished = story.server.uploads().iter().filter(|upload| upload.finished).count();
        assert_eq!(finished, 3, "{:#?}", lines(&story.server));
        assert_clean_but_for_the_gone(&story);
    }
}

fn arguments(how: How) {
    let story = Story::new(how, "ends.c", "arguments");
    if story.passes() {
        assert_untouched(&story.server);
    }
}

fn no_task(how: How) {
    let story = Story::new(how, "ends.c", "no_task");
    if story.passes() {
        assert_untouched(&story.server);
    }
}

fn closed(how: How) {
    let story = Story::new(how, "ends.c", "closed");
    if story.passes() {
        assert_wire(&story.server, &["OPTIONS 204", "POST 201"]);
    }
}

fn written_first(how: How) {
    let story = Story::new(how, "ends.c", "written_first");
    if story.passes() {
        assert_untouched(&story.server);
    }
}

fn inside_done(how: How) {
    let story = Story::new(how, "ends.c", "inside");
    if story.passes() {
        let finished = story.server.uploads().iter().filter(|upload| upload.finished).count();
        assert_eq!(finished, 2, "{:#?}", lines(&story.server));
        assert_clean(&story.server);
    }
}

fn chain(how: How) {
    let story = Story::new(how, "ends.c", "chain");
    if story.passes() {
        assert_greetings(&story, 20);
    }
}

fn hooks(how: How) {
    let story = Story::new(how, "ends.c", "hooks");
    if story.passes() {
        assert_greetings(&story, 2);
    }
}

/// All orders; under valgrind some of them, in which each part is the first and the last one now and then.
fn freed(how: How, case: &'static str, uploads: usize) {
    let step = if how == How::Valgrind { 7 } else { 1 };
    let story = Story::new(how, "freeing.c", case).words([step.to_string()]);
    if story.passes() {
        assert_greetings(&story, uploads * 120_usize.div_ceil(step));
    }
}

fn freed_queued(how: How) {
    freed(how, "queued", 2);
}

fn freed_running(how: How) {
    freed(how, "running", 1);
}

fn freed_over(how: How) {
    freed(how, "over", 1);
}

fn counted(how: How) {
    let story = Story::new(how, "freeing.c", "counts");
    if story.passes() {
        assert_greetings(&story, 1);
    }
}

fn not_taken(how: How) {
    let story = Story::new(how, "freeing.c", "not_taken");
    if story.passes() {
        let finished = story.server.uploads().iter().filter(|upload| upload.finished).count();
        assert_eq!(finished, 1, "{:#?}", lines(&story.server));
    }
}

fn limits(how: How) {
    let story = Story::new(how, "waits.c", "limits");
    if story.passes() {
        assert_greetings(&story, 1);
    }
}

fn no_progress(how: How) {
    let story = Story::new(how, "waits.c", "no_progress");
    if story.passes() {
        assert_greetings(&story, 2);
    }
}

fn stalled(how: How) {
    let options = Options { receive_buffer: Some(65536), ..Options::default() };
    let story = Story::with(how, "waits.c", "stalled", options);
    story.server.script(Rule::on("PATCH").hang_after_head());
    if story.passes() {
        assert_eq!(story.server.uploads().len(), 1);
    }
}

fn to_the_end(how: How) {
    let story = Story::new(how, "waits.c", "to_the_end");
    if story.passes() {
        assert_greetings(&story, 1);
    }
}

fn wait_inside(how: How) {
    let story = Story::new(how, "waits.c", "inside");
    // The other client's is waited for.
    story.server.script(Rule::on("POST").delay_answer(Duration::from_millis(200)));
    if story.passes() {
        assert_greetings(&story, 3);
    }
}
