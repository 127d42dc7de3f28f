//! Sources and stores in bad places: a clear word, nothing lost, and no hang.

use tus_test_peers::left_out;

use crate::story::{How, Story};
use crate::wire::{assert_clean, assert_clean_after_break, assert_uploads, lines};

stories!(valgrind: ; rest: locked, sizeless, endless, unusable, full, without_locks);

fn locked(how: How) {
    let story = Story::new(how, "places.c", "locked");
    let Some(printed) = story.told() else { return };
    if printed == ["no leases"] {
        left_out::<()>("a file under a lease", "the file system of temporary files has no leases");
    } else {
        assert_eq!(printed, [""; 0]);
    }
    assert_uploads(&story.server, &[3000; 4]);
    assert_clean(&story.server);
}

fn sizeless(how: How) {
    let story = Story::new(how, "places.c", "sizeless");
    if story.passes() {
        let uploads = story.server.uploads();
        // Parts without the fallback are refused before a request.
        assert_eq!(uploads.len(), 7, "{:#?}", lines(&story.server));
        let version = std::fs::read("/proc/version").unwrap();
        assert!(uploads.iter().all(|upload| story.server.upload_bytes(&upload.id).as_ref() == Some(&version)));
        assert_clean(&story.server);
    }
}

fn endless(how: How) {
    let story = Story::new(how, "places.c", "endless");
    if story.passes() {
        assert!(story.server.uploads().iter().all(|upload| !upload.finished));
    }
}

fn unusable(how: How) {
    let story = Story::new(how, "places.c", "unusable");
    if story.passes() {
        assert_clean_after_break(&story.server);
    }
}

fn full(how: How) {
    let story = Story::new(how, "places.c", "full");
    if story.passes() {
        let complete =
            story.server.uploads().iter().filter(|upload| upload.finished && upload.length == Some(3000)).count();
        assert_eq!(complete, 5, "{:#?}", lines(&story.server));
        assert_clean_after_break(&story.server);
    }
}

fn without_locks(how: How) {
    let story = Story::new(how, "places.c", "without_locks");
    if story.passes() {
        // What the first run began is what the second one completed.
        assert_uploads(&story.server, &[3000; 12]);
        assert_clean_after_break(&story.server);
    }
}
