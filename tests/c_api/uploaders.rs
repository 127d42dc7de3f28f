//! Uploads driven chunk by chunk; headers and credentials at run time.

use tus_test_server::Rule;

use crate::story::{How, Story};
use crate::wire::{assert_clean, assert_clean_after_break, assert_untouched, assert_uploads, assert_wire};

stories!(
    valgrind: cancelled, busy, freed_inside;
    rest: chunks, orders, renewed, headers, trouble, cancelled_reading, continued, refused, given_up, expiring, sizes,
    limits,
);

fn chunks(how: How) {
    let story = Story::new(how, "uploaders.c", "chunks");
    if story.passes() {
        assert_wire(&story.server, &["OPTIONS 204", "POST 201", "PATCH 204", "PATCH 204", "PATCH 204"]);
        assert_uploads(&story.server, &[3000]);
        assert_clean(&story.server);
    }
}

fn sizes(how: How) {
    let story = Story::new(how, "uploaders.c", "sizes");
    if story.passes() {
        assert_wire(&story.server, &["OPTIONS 204", "POST 201", "PATCH 204", "PATCH 204", "PATCH 204"]);
        assert_uploads(&story.server, &[3000]);
        assert_clean(&story.server);
    }
}

fn limits(how: How) {
    let story = Story::new(how, "uploaders.c", "limits");
    // The first is gone on with in three chunks.
    for unanswered in [1, 5, 6] {
        story.server.script(Rule::on("PATCH").nth(unanswered).hang_after_head());
    }
    if story.passes() {
        assert_eq!(story.server.pending_rules(), 0);
        assert_eq!(story.server.uploads().iter().filter(|upload| upload.finished).count(), 1);
        assert_clean_after_break(&story.server);
    }
}

fn trouble(how: How) {
    let story = Story::new(how, "uploaders.c", "trouble");
    story.server.script(Rule::on("PATCH").nth(2).reply(403));
    story.server.script(Rule::on("PATCH").nth(3).reply(409));
    if story.passes() {
        assert_uploads(&story.server, &[3000]);
        assert_clean(&story.server);
    }
}

fn cancelled(how: How) {
    let story = Story::new(how, "uploaders.c", "cancelled");
    story.server.script(Rule::on("PATCH").nth(2).hang_after_body());
    if story.passes() {
        assert_uploads(&story.server, &[3000]);
        assert_clean_after_break(&story.server);
    }
}

fn cancelled_reading(how: How) {
    let story = Story::new(how, "uploaders.c", "cancelled_reading");
    if story.passes() {
        assert_uploads(&story.server, &[3000]);
        assert_clean(&story.server);
    }
}

fn busy(how: How) {
    let story = Story::new(how, "uploaders.c", "busy");
    if story.passes() {
        let finished = story.server.uploads().iter().filter(|upload| upload.finished).count();
        assert_eq!(finished, 3);
        assert_clean(&story.server);
    }
}

fn orders(how: How) {
    let story = Story::new(how, "uploaders.c", "orders");
    if story.passes() {
        assert_eq!(story.server.uploads().len(), 6);
        assert_clean(&story.server);
    }
}

fn freed_inside(how: How) {
    let story = Story::new(how, "uploaders.c", "freed_inside");
    if story.passes() {
        assert_uploads(&story.server, &[3000]);
        assert_clean(&story.server);
    }
}

fn continued(how: How) {
    let story = Story::new(how, "uploaders.c", "continued");
    if story.passes() {
        assert_uploads(&story.server, &[3000]);
        assert_clean(&story.server);
    }
}

fn refused(how: How) {
    let story = Story::new(how, "uploaders.c", "refused");
    if story.passes() {
        assert_untouched(&story.server);
    }
}

fn renewed(how: How) {
    let story = Story::new(how, "credentials.c", "renewed");
    story.server.script(Rule::on("PATCH").reply(401).header("X-Why", "old"));
    if story.passes() {
        let tokens: Vec<_> =
            story.server.requests().iter().map(|r| r.header("Authorization").unwrap().to_owned()).collect();
        assert_eq!(tokens[..3], ["Bearer old"; 3]);
        assert!(tokens[3..].iter().all(|token| token == "Bearer new"), "{tokens:?}");
        assert_uploads(&story.server, &[3000]);
        assert_clean(&story.server);
    }
}

fn given_up(how: How) {
    let story = Story::new(how, "credentials.c", "given_up");
    story.server.script(Rule::on("HEAD").times(2).reply(401).header("X-Why", "old"));
    if story.passes() {
        assert_wire(&story.server, &["HEAD 401"; 2]);
        assert_clean(&story.server);
    }
}

fn headers(how: How) {
    let story = Story::new(how, "credentials.c", "headers");
    if story.passes() {
        assert_untouched(&story.server);
    }
}

fn expiring(how: How) {
    let story = Story::new(how, "credentials.c", "expiring");
    let past = "Sun, 06 Nov 1994 08:49:37 GMT";
    story.server.script(Rule::on("PATCH").forever().header("Upload-Expires", past));
    if story.passes() {
        assert_uploads(&story.server, &[3000; 2]);
    }
}
