//! Sources that cannot be read, change, break off or lie.

use tus_test_peers::left_out;
use tus_test_server::{Options, Rule};

use crate::story::{How, Story};
use crate::wire::{
    assert_clean, assert_clean_after_break, assert_untouched, assert_uploads, assert_wire, bytes, lines,
};

stories!(
    valgrind: bad_readers, fails_on_the_way;
    rest: paths, descriptors, changed_between_requests, short_reads, claims_too_much, unreadable, empty, ranges,
        changed_within_a_request, changed_before_resuming, too_long, fails_at_once, ends_early, sent_again,
);

fn paths(how: How) {
    let story = Story::new(how, "files.c", "paths");
    if story.passes() {
        assert_wire(&story.server, &["OPTIONS 204", "POST 201", "PATCH 204"]);
        assert_uploads(&story.server, &[5]);
        assert_clean(&story.server);
    }
}

fn unreadable(how: How) {
    let story = Story::new(how, "files.c", "unreadable");
    let Some(printed) = story.told() else { return };
    assert_untouched(&story.server);
    if printed == ["skipped"] {
        left_out::<()>("an unreadable file", "this user can read every file and cannot become another");
    } else {
        assert_eq!(printed, [""; 0]);
    }
}

fn descriptors(how: How) {
    let story = Story::new(how, "files.c", "descriptors");
    if story.passes() {
        assert_wire(&story.server, &["OPTIONS 204", "POST 201", "POST 201", "PATCH 204", "POST 201", "PATCH 204"]);
        assert_uploads(&story.server, &[0, 5, 5]);
        assert_clean(&story.server);
    }
}

fn empty(how: How) {
    let story = Story::new(how, "files.c", "empty");
    if story.passes() {
        assert_wire(&story.server, &["OPTIONS 204", "POST 201", "POST 201", "POST 201"]);
        assert_uploads(&story.server, &[0, 0, 0]);
        assert_clean(&story.server);
    }
}

fn ranges(how: How) {
    let story = Story::new(how, "files.c", "ranges");
    if story.passes() {
        let all = bytes(5000);
        let mut want = [&all[1000..3000], &all, &all[4000..], &[]];
        let mut have: Vec<_> =
            story.server.uploads().iter().map(|upload| story.server.upload_bytes(&upload.id).unwrap()).collect();
        want.sort_unstable();
        have.sort_unstable();
        assert_eq!(have, want);
        assert_clean(&story.server);
    }
}

fn changed_between_requests(how: How) {
    let story = Story::new(how, "changing.c", "between");
    if story.passes() {
        // Only the file that was cut can never complete its upload.
        let first = ["OPTIONS 204", "POST 201", "PATCH 204"];
        let whole = [&first[..], &["PATCH 204"; 5]].concat();
        let all = [&first[..], &["DELETE 204"], &first, &whole, &first, &whole].concat();
        assert_wire(&story.server, &all);
        assert_clean(&story.server);
    }
}

fn changed_within_a_request(how: How) {
    // Slow enough that bytes are still to come when the first tenth of a second has passed.
    let options = Options { throttle: Some(3 << 20), receive_buffer: Some(32 * 1024), ..Options::default() };
    let story = Story::with(how, "changing.c", "within", options);
    if story.passes() {
        let lines = lines(&story.server);
        let count = |line: &str| lines.iter().filter(|have| *have == line).count();
        // That of the file that was cut, unless all of it had been handed over before.
        assert!(count("POST 201") == 5 && count("DELETE 204") <= 1, "{lines:#?}");
        assert_clean_after_break(&story.server);
    }
}

fn changed_before_resuming(how: How) {
    let story = Story::new(how, "changing.c", "resumed");
    if story.passes() {
        let expected = ["OPTIONS 204", "POST 201", "PATCH 204", "HEAD 200", "HEAD 200", "HEAD 200", "PATCH 204"];
        assert_wire(&story.server, &[&expected[..], &["PATCH 204"]].concat());
        assert_uploads(&story.server, &[3000]);
        assert_clean(&story.server);
    }
}

fn bad_readers(how: How) {
    let story = Story::new(how, "readers.c", "refused");
    if story.passes() {
        assert_untouched(&story.server);
    }
}

fn short_reads(how: How) {
    let story = Story::new(how, "readers.c", "short_reads");
    if story.passes() {
        assert_uploads(&story.server, &[5000; 6]);
        assert_clean(&story.server);
    }
}

fn too_long(how: How) {
    let story = Story::new(how, "readers.c", "too_long");
    if story.passes() {
        assert_wire(&story.server, &["OPTIONS 204", "POST 201", "PATCH 204"]);
        assert_uploads(&story.server, &[5000]);
        assert_clean(&story.server);
    }
}

fn fails_at_once(how: How) {
    let story = Story::new(how, "readers.c", "fails_at_once");
    if story.passes() {
        assert_untouched(&story.server);
    }
}

fn fails_on_the_way(how: How) {
    let story = Story::new(how, "readers.c", "fails_on_the_way");
    if story.passes() {
        assert_uploads(&story.server, &[5000; 2]);
        assert_clean_after_break(&story.server);
    }
}

fn ends_early(how: How) {
    let story = Story::new(how, "readers.c", "ends_early");
    if story.passes() {
        let lines = lines(&story.server);
        assert_eq!(lines.iter().filter(|line| *line == "DELETE 204").count(), 1, "{lines:#?}");
        assert_uploads(&story.server, &[]);
        assert_clean_after_break(&story.server);
    }
}

fn claims_too_much(how: How) {
    let story = Story::new(how, "readers.c", "claims_too_much");
    if story.passes() {
        // Removed, or told and completed: nothing unfinished and nothing wrong stays.
        let count = story.server.uploads().len();
        assert_uploads(&story.server, &vec![5000; count]);
        assert_clean_after_break(&story.server);
    }
}

fn sent_again(how: How) {
    let story = Story::new(how, "readers.c", "sent_again");
    // The second request with data of each upload.
    story.server.script(Rule::on("PATCH").skip(1).reply(500));
    story.server.script(Rule::on("PATCH").skip(3).reply(500));
    if story.passes() {
        assert_uploads(&story.server, &[5000; 2]);
        assert_clean(&story.server);
    }
}
