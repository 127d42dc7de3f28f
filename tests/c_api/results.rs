//! What results tell.

use std::time::Duration;

use tus_test_server::{Options, Rule};

use crate::story::{How, Story};
use crate::wire::{assert_clean, assert_untouched, assert_uploads, assert_wire};

stories!(valgrind: told; rest: upload, server, version, stats_size);

fn version(how: How) {
    let story = Story::new(how, "results.c", "version");
    if story.passes() {
        assert_untouched(&story.server);
    }
}

fn upload(how: How) {
    let options = Options { expires_after: Some(Duration::from_secs(3600)), ..Options::default() };
    let story = Story::with(how, "results.c", "upload", options);
    if story.passes() {
        let begun = ["OPTIONS 204", "POST 201", "PATCH 204", "PATCH 204", "HEAD 200", "HEAD 200"];
        assert_wire(&story.server, &[&begun[..], &["HEAD 200", "PATCH 204", "HEAD 200"]].concat());
        assert_uploads(&story.server, &[3000]);
        assert_clean(&story.server);
    }
}

fn stats_size(how: How) {
    let story = Story::new(how, "results.c", "stats_size");
    if story.passes() {
        assert_wire(&story.server, &["OPTIONS 204", "POST 201", "PATCH 204"]);
        assert_clean(&story.server);
    }
}

fn told(how: How) {
    let mut story = Story::new(how, "results.c", "told");
    let url = story.server.seed(None, b"hello").unwrap();
    let metadata = "good Z29vZA==,bad !!!,nul AAE=,empty";
    let partial = Rule::on("HEAD").skip(1).header("Upload-Concat", "partial").header("Upload-Metadata", metadata);
    story.server.script(partial.header("Upload-Expires", "Sun, 06 Nov 1994 08:49:37 GMT"));
    story.server.script(Rule::on("HEAD").skip(1).header("Upload-Concat", "final;/files/a /files/b"));
    story = story.words([url]);
    if story.passes() {
        assert_wire(&story.server, &["HEAD 200"; 3]);
        assert_clean(&story.server);
    }
}

fn server(how: How) {
    let story = Story::new(how, "results.c", "server");
    let full = Rule::on("OPTIONS").header("Tus-Version", "1.0.0,0.2.2").header("Tus-Max-Size", "1000");
    let full = full.header("Tus-Extension", "creation,termination,x-our-own");
    story.server.script(full.header("Tus-Checksum-Algorithm", "sha1,md5"));
    let bare = Rule::on("OPTIONS").without("Tus-Extension").without("Tus-Checksum-Algorithm");
    story.server.script(bare);
    if story.passes() {
        assert_wire(&story.server, &["OPTIONS 204"; 2]);
        assert_clean(&story.server);
    }
}
