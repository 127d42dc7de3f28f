//! Going on with the uploads of earlier runs: stores, fingerprints, tokens.

use std::time::Duration;

use tus_test_server::{Options, Rule};

use crate::story::{How, Story};
use crate::wire::{assert_clean, assert_untouched, assert_uploads};

stories!(
    valgrind: table, inside, destroyed_once;
    rest: folder, faults, own_fingerprints, tokens, bad_folder, prune, verified, fingerprints, bad_tokens,
);

fn with_expiry(how: How, source: &'static str, case: &'static str) -> Story {
    let options = Options { expires_after: Some(Duration::from_secs(3600)), ..Options::default() };
    Story::with(how, source, case, options)
}

fn folder(how: How) {
    let story = with_expiry(how, "stores.c", "folder");
    if story.passes() {
        assert_uploads(&story.server, &[3000; 2]);
        assert_clean(&story.server);
    }
}

fn bad_folder(how: How) {
    let story = Story::new(how, "stores.c", "bad_folder");
    if story.passes() {
        assert_uploads(&story.server, &[3000]);
        assert_clean(&story.server);
    }
}

fn table(how: How) {
    let story = with_expiry(how, "stores.c", "table");
    if story.passes() {
        assert_uploads(&story.server, &[3000]);
        assert_clean(&story.server);
    }
}

fn prune(how: How) {
    let story = Story::new(how, "stores.c", "prune");
    story.server.script(Rule::on("POST").header("Upload-Expires", "Sun, 06 Nov 1994 08:49:37 GMT"));
    if story.passes() {
        assert_eq!(story.server.uploads().len(), 2);
        assert_clean(&story.server);
    }
}

fn faults(how: How) {
    let story = Story::new(how, "stores.c", "faults");
    if story.passes() {
        assert_uploads(&story.server, &[3000]);
        assert_clean(&story.server);
    }
}

fn inside(how: How) {
    let story = Story::new(how, "stores.c", "inside");
    if story.passes() {
        assert_clean(&story.server);
    }
}

fn destroyed_once(how: How) {
    let story = Story::new(how, "stores.c", "destroyed");
    if story.passes() {
        assert_untouched(&story.server);
    }
}

fn own_fingerprints(how: How) {
    let story = Story::new(how, "stores.c", "own_fingerprints");
    if story.passes() {
        assert_uploads(&story.server, &[3000; 2]);
        assert_clean(&story.server);
    }
}

fn verified(how: How) {
    let story = Story::new(how, "stores.c", "verified");
    if story.passes() {
        let uploads = story.server.uploads();
        let mut offsets: Vec<_> = uploads.iter().map(|upload| upload.offset).collect();
        offsets.sort_unstable();
        assert_eq!(offsets, [2000, 3000]);
        let whole = uploads.iter().find(|upload| upload.finished).unwrap();
        assert_eq!(story.server.upload_bytes(&whole.id).unwrap(), crate::wire::bytes(3000));
        assert_clean(&story.server);
    }
}

fn fingerprints(how: How) {
    let story = Story::new(how, "stores.c", "fingerprints");
    if story.passes() {
        assert_uploads(&story.server, &[3000; 3]);
        assert_clean(&story.server);
    }
}

fn tokens(how: How) {
    let story = Story::new(how, "tokens.c", "resumed");
    if story.passes() {
        assert_uploads(&story.server, &[3000; 4]);
        assert_clean(&story.server);
    }
}

fn bad_tokens(how: How) {
    let story = Story::new(how, "tokens.c", "refused");
    if story.passes() {
        assert_eq!(story.server.uploads().len(), 2);
        assert_clean(&story.server);
    }
}
