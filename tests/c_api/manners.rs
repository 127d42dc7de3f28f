//! A guest in the process: no output, no signals, nothing left behind. That nothing is printed is checked by every story.

use tus_test_server::{Ending, Rule};

use crate::story::{How, Story};
use crate::wire::{assert_clean, assert_uploads};

// Under valgrind and the sanitizers a process has descriptors and handlers of theirs; they are counted before and after.
stories!(valgrind: nothing_left; rest: sigpipe, own_sigpipe);

fn nothing_left(how: How) {
    let story = Story::new(how, "manners.c", "nothing_left");
    if story.passes() {
        assert_uploads(&story.server, &[]);
        // Asking for an upload that was deleted (T-111) is what the program does on purpose.
        let others: Vec<_> = story.server.violations().into_iter().filter(|broken| broken.rule != "T-111").collect();
        assert!(others.is_empty(), "{others:?}");
    }
}

/// Two requests with data meet a connection that is closed and then reset; the third one goes through.
fn broken_pipe(how: How, case: &'static str) {
    let story = Story::new(how, "sigpipe.c", case);
    story.server.script(Rule::on("PATCH").times(2).cut_body(0, Ending::ShutdownBoth));
    if story.passes() {
        assert_uploads(&story.server, &[4_000_000]);
        assert_clean(&story.server);
    }
}

fn sigpipe(how: How) {
    broken_pipe(how, "default");
}

fn own_sigpipe(how: How) {
    broken_pipe(how, "pending");
}
