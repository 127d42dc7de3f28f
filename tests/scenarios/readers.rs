//! The caller's own readers: with and without seek, slow, failing, ending early.

use std::time::Duration;

use tus_test_server::{CutPatch, Ending, Extensions, Options, Rule, Server};

use crate::support::api::every_way;
use crate::support::input::{Call, Tape};
use crate::support::result::id_of;
use crate::support::server::{
    assert_clean, assert_holds, assert_stored, assert_story, assert_told, lines, server, server_with,
};
use crate::support::{Api, Chunk, HELLO, Job, Kind, Setup, noise};

every_way! {
    reader_that_reads_short,
    reader_without_seek_replays,
    reader_without_seek_has_small_chunks,
    reader_without_seek_past_its_window,
    reader_goes_on_after_a_stop,
    reader_fails_before_anything_is_sent,
    reader_fails_in_the_middle,
    reader_ends_early,
    reader_has_more_than_it_said;
    // A `tus_uploader` looks at its source before anything is created.
    not chunkwise:
    reader_that_seeks_is_asked_to,
    reader_fails_to_seek,
}

fn reader_that_reads_short(api: Api) {
    let bytes = noise(100_003, 21);
    for (piece, seekable) in [(1, true), (7, false), (4095, true)] {
        let server = server();
        server.script(Rule::on("PATCH").cut_body(50_001, Ending::Rst));
        let mut tape = Tape::new(&bytes, seekable);
        tape.piece = piece;
        let done = api.upload(&Setup::to(&server), tape.input()).unwrap();
        assert_stored(&server, &done.url, &bytes);
        assert_clean(&server);
    }
}

fn reader_that_seeks_is_asked_to(api: Api) {
    let server = server();
    let bytes = noise(3 << 20, 22);
    let url = server.seed(Some(3 << 20), &bytes[..1000]).unwrap();
    let tape = Tape::new(&bytes, true);
    let calls = tape.calls();
    api.resume(&Setup::to(&server), tape.input(), &url).unwrap();
    assert_stored(&server, &url, &bytes);
    let calls = calls.lock().unwrap();
    assert!(calls.contains(&Call::Seek(1000)), "{calls:?}");
    assert!(calls.iter().all(|call| !matches!(call, Call::Seek(other) if *other != 1000)), "{calls:?}");
}

fn reader_without_seek_replays(api: Api) {
    let server = server_with(|options| options.cut_patch = CutPatch::Drop);
    let bytes = noise(5 << 20, 23);
    for nth in [1, 2, 2, 3] {
        server.script(Rule::on("PATCH").nth(nth).cut_body(777_777, Ending::Rst));
    }
    let tape = Tape::new(&bytes, false);
    let calls = tape.calls();
    let done = api.upload(&Setup { chunk: Chunk::Auto, ..Setup::to(&server) }, tape.input()).unwrap();
    assert_stored(&server, &done.url, &bytes);
    assert!(!calls.lock().unwrap().iter().any(|call| matches!(call, Call::Seek(_))), "it cannot seek");
    assert!(done.stats.sent > 5 << 20, "some of it went twice");
    assert!(server.violations().is_empty());
}

/// So that any of them can be sent again; all that is left in one request is the caller's wish.
fn reader_without_seek_has_small_chunks(api: Api) {
    for chunk in [Chunk::Auto, Chunk::Whole] {
        let server = server();
        let bytes = noise((3 << 20) + 5, 24);
        let done = api.upload(&Setup { chunk, ..Setup::to(&server) }, Tape::new(&bytes, false).input()).unwrap();
        let data: &[_] = match chunk {
            Chunk::Whole => &["PATCH 0+3145733 204"],
            _ => &[
                "PATCH 0+1048576 204",
                "PATCH 1048576+1048576 204",
                "PATCH 2097152+1048576 204",
                "PATCH 3145728+5 204",
            ],
        };
        let story = [&["OPTIONS 204", "POST 3145733 201"], data].concat();
        assert_story(&server, &story, &done.url, &bytes);
    }
}

/// The caller's own choice of a chunk that cannot be sent again, and then it would have to be.
fn reader_without_seek_past_its_window(api: Api) {
    let server = server_with(|options| options.cut_patch = CutPatch::Drop);
    server.script(Rule::on("PATCH").cut_body(3 << 20, Ending::Rst));
    let bytes = noise(8 << 20, 25);
    let setup = Setup { chunk: Chunk::Fixed(8 << 20), ..Setup::to(&server) };
    let error = api.upload(&setup, Tape::new(&bytes, false).input()).unwrap_err();
    assert_eq!((error.kind, error.upload_url.is_some()), (Kind::Source, true));
    error.assert_says("cannot seek");
    assert_eq!(lines(&server), ["OPTIONS 204", "POST 8388608 201", "PATCH 0+8388608 -", "HEAD 200"]);
    // Elsewhere the bytes may still be had.
    api.resume(&Setup::to(&server), &bytes, error.upload_url.as_deref().unwrap()).unwrap();
    assert_clean(&server);
}

fn reader_goes_on_after_a_stop(api: Api) {
    for seekable in [true, false] {
        let server = server();
        let client = api.client(&Setup { chunk: Chunk::Fixed(4), ..Setup::to(&server) }).unwrap();
        let mut source = api.open(Tape::new(HELLO, seekable).input()).unwrap();
        let half = client.upload_from(&mut source, &Job { stop_at: Some(8), ..Job::default() }).unwrap();
        assert_holds(&server, &half.url, b"hello wo");
        client.resume_from(&mut source, &half.url, &Job::default()).unwrap();
        assert_stored(&server, &half.url, HELLO);
        assert_clean(&server);
    }
}

/// Nothing is made on the server that could never be filled.
fn reader_fails_before_anything_is_sent(api: Api) {
    let server = server();
    let mut tape = Tape::new(HELLO, true);
    tape.fails_at = Some((0, 55));
    let error = api.upload(&Setup::to(&server), tape.input()).unwrap_err();
    assert_eq!((error.gist(), error.code), ((Kind::Callback, 0, false), 55));
    let error = api.upload(&Setup::to(&server), Tape::new(b"", true).input_of(11)).unwrap_err();
    assert_eq!(error.gist(), (Kind::Source, 0, false));
    assert_told(&server, &[]);
}

fn reader_fails_in_the_middle(api: Api) {
    let bytes = noise(3_000_000, 26);
    let server = server();
    let mut tape = Tape::new(&bytes, true);
    tape.fails_at = Some((1_500_000, 55));
    let error = api.upload(&Setup::to(&server), tape.input()).unwrap_err();
    assert_eq!((error.gist(), error.code), ((Kind::Callback, 0, true), 55));
    // The connection was ended, perhaps before the server had seen the head, and nothing was tried again. What the
    // server finds in its buffers after that must not be taken for a new request.
    server.wait_for(|log| log.iter().any(|request| request.method == "PATCH"), Duration::from_secs(2));
    let told: Vec<_> = lines(&server).into_iter().filter(|line| line != "PATCH 0+3000000 -").collect();
    assert_eq!(told, ["OPTIONS 204", "POST 3000000 201"]);
    let url = error.upload_url.unwrap();
    let resumed = api.resume(&Setup::to(&server), &bytes, &url).unwrap();
    assert!(resumed.stats.resumed <= 1_500_000, "not a byte was made up: {:?}", resumed.stats);
    assert_stored(&server, &url, &bytes);
    assert_clean(&server);
}

fn reader_fails_to_seek(api: Api) {
    let server = server();
    let url = server.seed(Some(11), b"hello").unwrap();
    let mut tape = Tape::new(HELLO, true);
    tape.seek_fails = Some(66);
    let error = api.resume(&Setup::to(&server), tape.input(), &url).unwrap_err();
    assert_eq!((error.gist(), error.code), ((Kind::Callback, 0, true), 66));
    assert_told(&server, &["HEAD 200"]);
}

/// T-101: no filling up with zeros, no short chunk called whole; and what cannot be completed any more is taken away.
fn reader_ends_early(api: Api) {
    let bytes = noise(1_000_000, 27);
    let without = Extensions { termination: false, creation_with_upload: false, ..Extensions::default() };
    for (extensions, removed) in [(Extensions { termination: true, ..without }, true), (without, false)] {
        let server = Server::start(Options { extensions, ..Options::default() }).unwrap();
        let error = api.upload(&Setup::to(&server), Tape::new(&bytes, true).input_of(1_000_001)).unwrap_err();
        assert_eq!(error.gist(), (Kind::Source, 0, !removed));
        error.assert_says("1000000");
        assert!(!error.retryable);
        // The connection was ended, perhaps before the server had seen the head.
        let mut told = lines(&server);
        told.retain(|line| line != "PATCH 0+1000001 -");
        let story: &[_] = match removed {
            // The server may have every byte, so that is asked first.
            true => &["OPTIONS 204", "POST 1000001 201", "HEAD 200", "DELETE 204"],
            false => &["OPTIONS 204", "POST 1000001 201", "HEAD 200"],
        };
        assert_eq!(told, story);
        match error.upload_url {
            Some(url) => assert!(!server.upload(id_of(&url)).unwrap().finished),
            None => assert!(server.uploads().is_empty()),
        }
        // A head that the server finds in its buffers after the DELETE was sent before it.
        assert!(server.violations().iter().all(|violation| violation.rule == "T-111"), "{:?}", server.violations());
    }
    // What the caller has begun elsewhere is not taken away.
    let server = server();
    let url = server.seed(Some(1_000_001), &bytes[..5]).unwrap();
    let error = api.resume(&Setup::to(&server), Tape::new(&bytes, true).input_of(1_000_001), &url).unwrap_err();
    assert_eq!(error.gist(), (Kind::Source, 0, true));
    let told: Vec<_> = lines(&server).into_iter().filter(|line| line != "PATCH 5+999996 -").collect();
    assert_eq!(told, ["HEAD 200"]);
}

fn reader_has_more_than_it_said(api: Api) {
    let server = server();
    let done = api.upload(&Setup::to(&server), Tape::new(HELLO, true).input_of(5)).unwrap();
    assert_story(&server, &["OPTIONS 204", "POST 5 201", "PATCH 0+5 204"], &done.url, b"hello");
}
