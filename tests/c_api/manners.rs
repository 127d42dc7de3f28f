//! A guest in the process: no output, no signals, nothing left behind. That nothing is printed is checked by every story.

use tus_test_server::{Ending, Options, Rule};

use crate::story::{How, Story};
use crate::wire::{assert_clean, assert_uploads};

// Under valgrind and the sanitizers a process has descriptors and handlers of theirs; they are counted before and after.
stories!(valgrind: nothing_left; plain: sigpipe, own_sigpipe);

fn nothing_left(how: How) {
    let story = Story::new(how, "manners.c", "nothing_left");
    if story.passes() {
        assert_uploads(&story.server, &[]);
        // Asking for an upload that was deleted (T-111) is what the program does on purpose.
        let others: Vec<_> = story.server.violations().into_iter().filter(|broken| broken.rule != "T-111").collect();
        assert!(others.is_empty(), "{others:?}");
    }
}

/// The connection breaks while the program is still writing to it, again and again.
fn breaking(how: How, case: &'static str, uploads: usize) {
    let options = Options { receive_buffer: Some(32 * 1024), ..Options::default() };
    let story = Story::with(how, "manners.c", case, options);
    for ending in [Ending::Rst, Ending::Close, Ending::ShutdownBoth, Ending::Rst] {
        story.server.script(Rule::on("PATCH").cut_body(64 * 1024, ending));
    }
    if uploads > 1 {
        story.server.script(Rule::on("PATCH").skip(1).times(3).cut_body(64 * 1024, Ending::Rst));
    }
    if story.passes() {
        assert_uploads(&story.server, &vec![4_000_000; uploads]);
        assert_clean(&story.server);
    }
}

fn sigpipe(how: How) {
    breaking(how, "sigpipe", 2);
}

fn own_sigpipe(how: How) {
    breaking(how, "own_sigpipe", 1);
}
