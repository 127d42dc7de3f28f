//! Checksums, as the server got them.

use tus_test_server::{Extensions, Options, Rule};

use crate::story::{How, Story};
use crate::wire::{assert_clean, assert_untouched, assert_uploads};

stories!(valgrind: mismatches; rest: algorithms, trailers, without_checksums, told, told_wrongly, refused);

/// The algorithm of each request with data, and whether it came behind the data.
fn sent(story: &Story) -> Vec<String> {
    let requests = story.server.requests();
    let patches = requests.iter().filter(|request| request.effective_method == "PATCH");
    let algorithm = |text: &str| text.split(' ').next().unwrap().to_owned();
    patches
        .map(|request| match (request.header("Upload-Checksum"), request.header("Trailer")) {
            (Some(checksum), None) => algorithm(checksum),
            (None, Some(trailer)) => format!("trailer {trailer}"),
            (None, None) => "-".to_owned(),
            both => panic!("{both:?}"),
        })
        .collect()
}

fn algorithms(how: How) {
    let story = Story::with(how, "checksums.c", "algorithms", Options::checked());
    if story.passes() {
        let expected =
            |faster| ["sha1", "sha256", "sha512", "md5", faster, faster, "-", "-"].map(|name| [name; 3]).concat();
        let sent = sent(&story);
        assert!(sent == expected("sha1") || sent == expected("sha256"), "{sent:?}");
        assert_uploads(&story.server, &[3000; 8]);
        assert_clean(&story.server);
    }
}

fn trailers(how: How) {
    let story = Story::with(how, "checksums.c", "trailers", Options::checked());
    if story.passes() {
        // The first one is wrong, and goes ahead of the data.
        assert_eq!(sent(&story), ["trailer Upload-Checksum"; 4]);
        assert_uploads(&story.server, &[3000]);
        assert_clean(&story.server);
    }
}

fn without_checksums(how: How) {
    let extensions = Extensions { checksum: false, checksum_trailer: false, ..Extensions::default() };
    let story = Story::with(how, "checksums.c", "without", Options { extensions, ..Options::default() });
    if story.passes() {
        assert_eq!(sent(&story), ["-"; 3]);
        assert_uploads(&story.server, &[3000]);
        assert_clean(&story.server);
    }
}

fn mismatches(how: How) {
    let story = Story::with(how, "checksums.c", "mismatches", Options::checked());
    story.server.script(Rule::on("PATCH").nth(2).reply(460));
    // After the other three of the first upload the second one's come to nothing.
    story.server.script(Rule::on("PATCH").skip(3).times(3).reply(460));
    if story.passes() {
        let sizes: Vec<_> = story.server.uploads().iter().map(|upload| upload.offset).collect();
        assert!(sizes.contains(&3000) && sizes.contains(&0), "{sizes:?}");
        assert_clean(&story.server);
    }
}

fn told(how: How) {
    let story = Story::with(how, "checksums.c", "told", Options::checked());
    if story.passes() {
        assert!(story.server.requests().iter().all(|request| request.method != "OPTIONS"));
        assert_uploads(&story.server, &[3000; 3]);
        assert_clean(&story.server);
    }
}

fn told_wrongly(how: How) {
    let story = Story::new(how, "checksums.c", "told_wrongly");
    if story.passes() {
        assert_untouched(&story.server);
    }
}

fn refused(how: How) {
    let story = Story::new(how, "checksums.c", "refused");
    if story.passes() {
        assert_untouched(&story.server);
    }
}
