//! What a host may do with its threads and signals: handlers of its own, cancelled threads, threads that a callback ends.

use tus_test_server::Rule;

use crate::story::{How, Story};
use crate::wire::assert_uploads;

stories!(valgrind: cancelled; rest:);

/// A thread that is cancelled in a blocking call ends after the call has returned.
fn cancelled(how: How) {
    let story = Story::new(how, "hosts.c", "cancelled");
    story.server.script(Rule::on("PATCH").hang_after_body());
    story.passes();
}

// The sanitizers and valgrind have handlers and ideas of their own about the next two.

#[test]
fn faults_and_profiling_reach_the_hosts_handlers_on_the_librarys_threads() {
    let story = Story::new(How::Plain, "hosts.c", "signals");
    if story.passes() {
        assert_uploads(&story.server, &[300_000; 8]);
    }
}

#[test]
fn a_thread_that_a_callback_ends_is_parked() {
    Story::new(How::Plain, "hosts.c", "exit_in_callback").passes();
}
