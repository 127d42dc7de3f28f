//! Uploads of other shapes: in parts, and without a size.

use tus_test_server::{Extensions, Options};

use crate::story::{How, Story};
use crate::wire::{assert_clean, assert_clean_after_break, assert_uploads, bytes, lines};

stories!(
    valgrind: parallel, readers;
    rest: by_hand, unfinished, deferred, parallel_resumed, fallback, pipe, silent_pipe, without_deferred_length,
);

fn without(extensions: Extensions) -> Options {
    Options { extensions, ..Options::default() }
}

fn parallel(how: How) {
    let story = Story::new(how, "parts.c", "parallel");
    if !story.passes() {
        return;
    }
    // The parts are gone.
    assert_uploads(&story.server, &[300_000]);
    assert_clean(&story.server);
    let requests = story.server.requests();
    let of_posts = |name: &str| {
        let posts = requests.iter().filter(|request| request.effective_method == "POST");
        posts.map(|request| request.header(name).unwrap_or("-").to_owned()).collect::<Vec<_>>()
    };
    let kinds = of_posts("Upload-Concat");
    assert_eq!(kinds[..3], ["partial"; 3]);
    assert!(kinds[3].starts_with("final;"), "{kinds:?}");
    let metadata = of_posts("Upload-Metadata");
    assert_eq!(metadata[..3], ["part cAA=,bare"; 3]);
    assert_eq!(metadata[3], "name d2hvbGU=");
    assert!(requests.iter().skip(1).all(|request| request.header("X-Seen") == Some("1")));
}

fn parallel_resumed(how: How) {
    let story = Story::new(how, "parts.c", "resumed");
    if story.passes() {
        // The parts stay.
        let mut lengths: Vec<_> = story.server.uploads().iter().map(|upload| upload.length).collect();
        lengths.sort_unstable();
        assert_eq!(lengths, [Some(100_000), Some(100_000), Some(100_000), Some(300_000)]);
        assert_clean_after_break(&story.server);
    }
}

fn fallback(how: How) {
    let extensions = Extensions { concatenation: false, ..Extensions::default() };
    let story = Story::with(how, "parts.c", "fallback", without(extensions));
    if story.passes() {
        assert_uploads(&story.server, &[300_000; 2]);
        assert_clean(&story.server);
    }
}

fn by_hand(how: How) {
    let story = Story::new(how, "parts.c", "by_hand");
    if story.passes() {
        let uploads = story.server.uploads();
        assert_eq!(uploads.len(), 3, "{:#?}", lines(&story.server));
        assert!(uploads.iter().all(|upload| upload.finished));
        let stored = uploads.iter().map(|upload| story.server.upload_bytes(&upload.id).unwrap());
        assert!(stored.into_iter().any(|stored| stored == bytes(3000)));
        assert_clean(&story.server);
    }
}

fn unfinished(how: How) {
    let extensions = Extensions { concatenation_unfinished: true, ..Extensions::default() };
    let story = Story::with(how, "parts.c", "unfinished", without(extensions));
    if story.passes() {
        assert_uploads(&story.server, &[3000; 2]);
        assert_clean(&story.server);
    }
}

fn readers(how: How) {
    let story = Story::new(how, "streams.c", "readers");
    if story.passes() {
        assert_uploads(&story.server, &[0, 0, 1, 1, 2000, 2000, 2001, 2001, 5000, 5000]);
        assert_clean(&story.server);
    }
}

fn pipe(how: How) {
    let story = Story::new(how, "streams.c", "pipe");
    if story.passes() {
        assert_uploads(&story.server, &[300_000]);
        assert_clean(&story.server);
    }
}

fn silent_pipe(how: How) {
    let story = Story::new(how, "streams.c", "silent_pipe");
    if story.passes() {
        assert_clean(&story.server);
    }
}

fn deferred(how: How) {
    let story = Story::new(how, "streams.c", "deferred");
    if story.passes() {
        assert_uploads(&story.server, &[3000, 5000]);
        assert_clean(&story.server);
    }
}

fn without_deferred_length(how: How) {
    let extensions = Extensions { creation_defer_length: false, ..Extensions::default() };
    let story = Story::with(how, "streams.c", "unsupported", without(extensions));
    if story.passes() {
        assert_uploads(&story.server, &[2000]);
        assert_clean(&story.server);
    }
}
