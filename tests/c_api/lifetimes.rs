//! Who may use what, and when it is released: busy sources and clients, forks, destroy functions, threads.

use tus_test_server::Rule;

use crate::story::{How, Story};
use crate::wire::{assert_clean, assert_uploads, assert_wire, lines};

stories!(
    valgrind: busy_source, busy_client, destroyed_with_the_config, destroyed_at_once, destroyed_memory, any_order,
        freed_while_running, after_a_fork, eight_threads;
    rest:
);

/// `hello`, which is not what the other programs upload.
#[track_caller]
fn assert_greetings(story: &Story, count: usize) {
    let uploads = story.server.uploads();
    assert_eq!(uploads.len(), count, "{:#?}", lines(&story.server));
    for upload in uploads {
        assert_eq!(story.server.upload_bytes(&upload.id).unwrap(), b"hello");
    }
    assert_clean(&story.server);
}

fn busy_source(how: How) {
    let story = Story::new(how, "busy.c", "source");
    if story.passes() {
        assert_wire(&story.server, &["OPTIONS 204", "POST 201", "PATCH 204"].repeat(2));
        assert_greetings(&story, 2);
    }
}

fn busy_client(how: How) {
    let story = Story::new(how, "busy.c", "client");
    // The third upload is the one that asks about retries.
    story.server.script(Rule::on("POST").skip(2).reply(503));
    if story.passes() {
        // Each upload by one client, with a question of another one inside.
        let posts = lines(&story.server).iter().filter(|line| line.starts_with("POST")).count();
        assert_eq!((posts, lines(&story.server).len()), (9, 9 + 3 * 8), "{:#?}", lines(&story.server));
        assert_greetings(&story, 8);
    }
}

fn after_a_fork(how: How) {
    let story = Story::new(how, "forked.c", "forked");
    if story.passes() {
        let parent = ["OPTIONS 204", "POST 201", "PATCH 204", "POST 201", "PATCH 204"];
        let child = ["OPTIONS 204", "POST 201", "PATCH 204"];
        let rest = ["HEAD 200", "POST 201", "PATCH 204", "PATCH 204", "PATCH 204"];
        assert_wire(&story.server, &[&parent[..], &child, &rest].concat());
        let connections: Vec<_> = story.server.requests().iter().map(|request| request.connection).collect();
        let expected = [1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1];
        assert_eq!(connections, expected, "the parent goes on over its own connection");
        assert_greetings(&story, 4);
    }
}

fn destroyed_with_the_config(how: How) {
    let story = Story::new(how, "destroy.c", "config");
    if story.passes() {
        assert_greetings(&story, 2);
    }
}

fn destroyed_at_once(how: How) {
    let story = Story::new(how, "destroy.c", "at_once");
    if story.passes() {
        assert_wire(&story.server, &[]);
    }
}

fn destroyed_memory(how: How) {
    let story = Story::new(how, "destroy.c", "memory");
    if story.passes() {
        assert_greetings(&story, 1);
    }
}

fn any_order(how: How) {
    let story = Story::new(how, "destroy.c", "orders");
    if story.passes() {
        assert_greetings(&story, 2);
    }
}

fn freed_while_running(how: How) {
    let story = Story::new(how, "destroy.c", "while_running");
    if story.passes() {
        assert_greetings(&story, 1);
    }
}

fn eight_threads(how: How) {
    let story = Story::new(how, "threads.c", "uploads");
    if story.passes() {
        let sizes: Vec<_> = (0..8).flat_map(|n| [n, 70001 + n, 700001 + n]).collect();
        assert_uploads(&story.server, &sizes);
        assert_clean(&story.server);
    }
}
