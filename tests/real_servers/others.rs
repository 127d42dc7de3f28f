//! Servers with habits of their own: @uploadx/core says no version, ends with a 200 and a body, and lets nobody at uploads
//! without a name; tussi keeps a chunk wholly or not at all, and forgets an upload's URL once it is complete.

use std::sync::{Arc, Mutex};

use tus::protocol::checksum::{Algorithm, Policy, Wish};
use tus_test_peers::{tussi, tussi_with, uploadx, uploadx_with};

use crate::support::api::every_way;
use crate::support::input::Tape;
use crate::support::{Api, Chunk, Client, HELLO, Job, Kind, Setup, noise};
use crate::{assert_stored, client, crash_under_way, crashes};

every_way! {
    calls that block:
    uploadx_uploads,
    uploadx_checks,
    uploadx_interrupted,
    uploadx_crashes,
    uploadx_refuses,
    tussi_uploads,
    tussi_interrupted,
    tussi_crashes,
    tussi_refuses,
    tussi_small_bodies,
}

fn named() -> Job {
    Job::default().text("filename", "data.bin")
}

fn uploadx_uploads(api: Api) {
    let Some(peer) = uploadx() else { return };
    let client = client(api, &peer, |_| {});
    let sizes = [(1, Chunk::Auto), (100_000, Chunk::Whole), (5 << 20, Chunk::Fixed(1 << 20)), (5 << 20, Chunk::Whole)];
    for (size, chunk) in sizes {
        let bytes = noise(size, size as u64);
        let job = Job { chunk: Some(chunk), ..Job::default() }.text("filename", "straße, 1.txt");
        let done = client.upload(&bytes, &job).unwrap_or_else(|error| panic!("{error:?}\n{}", peer.log()));
        assert_eq!((done.state(), done.stats.retries), ((size as u64, Some(size as u64), true), 0), "{done:?}");
        assert_stored(&peer, &done.url, &bytes);
        let info = client.info(&done.url).unwrap();
        assert_eq!(info.text, [("filename".to_owned(), Some("straße, 1.txt".to_owned()))]);
        let again = client.resume(&bytes, &done.url, &Job::default()).unwrap();
        assert_eq!((again.stats.resumed, again.stats.sent), (size as u64, 0));
        client.delete(&done.url).unwrap();
        assert!(!peer.stored_file(&done.url).exists());
        assert_eq!(client.info(&done.url).unwrap_err().kind, Kind::Gone);
    }
}

/// What it says that it can check it does.
fn uploadx_checks(api: Api) {
    let Some(peer) = uploadx() else { return };
    for algorithm in [Algorithm::Sha1, Algorithm::Sha256, Algorithm::Md5] {
        let wish = Wish { policy: Policy::Required, algorithm: Some(algorithm) };
        let client = client(api, &peer, |setup| (setup.checksum, setup.chunk) = (Some(wish), Chunk::Fixed(40_000)));
        let bytes = noise(100_000, 100);
        let done = client.upload(&bytes, &named());
        let done = done.unwrap_or_else(|error| panic!("{error:?}\n{}", peer.log()));
        assert_eq!((done.complete, done.checksum), (true, Some(algorithm)));
        assert_stored(&peer, &done.url, &bytes);
    }
    let wish = Wish { policy: Policy::Required, algorithm: Some(Algorithm::Sha512) };
    let client = client(api, &peer, |setup| setup.checksum = Some(wish));
    assert_eq!(client.upload(HELLO, &named()).unwrap_err().kind, Kind::Unsupported);
}

/// The source cannot be read on in the middle of a body.
fn breaks_off(client: &Client, bytes: &[u8], url: &str) {
    let mut tape = Tape::new(bytes, true);
    tape.fails_at = Some((12 << 20, 7));
    let error = client.resume(tape.input(), url, &named()).unwrap_err();
    assert_eq!((error.kind, error.code), (Kind::Callback, 7), "{error:?}");
}

/// Broken off in the middle of a body, and gone on with. Without checksums a part of a body counts.
fn uploadx_interrupted(api: Api) {
    let Some(peer) = uploadx() else { return };
    for checksum in [None, Some(Wish::default())] {
        let client = client(api, &peer, |setup| setup.checksum = checksum);
        let bytes = noise(24 << 20, 101);
        let half = client.upload(&bytes, &Job { stop_at: Some(3 << 20), ..named() }).unwrap();
        assert_eq!(client.info(&half.url).unwrap().state(), (3 << 20, Some(24 << 20), false));
        breaks_off(&client, &bytes, &half.url);
        let done = client.resume(&bytes, &half.url, &named());
        let done = done.unwrap_or_else(|error| panic!("{error:?}\n{}", peer.log()));
        assert!(done.complete && done.stats.resumed >= 3 << 20, "{done:?}");
        assert_stored(&peer, &done.url, &bytes);
        client.delete(&done.url).unwrap();
    }
}

fn uploadx_crashes(api: Api) {
    let Some(peer) = uploadx() else { return };
    let bytes = noise(3 << 20, 106);
    let mut setup = Setup::url(peer.endpoint());
    let peer = Arc::new(Mutex::new(peer));
    let asked = crash_under_way(&mut setup, &peer, 1);
    let done = api.client(&setup).unwrap().upload(&bytes, &named()).unwrap();
    assert!(done.complete && !asked.lock().unwrap().is_empty(), "{done:?}");
    assert_stored(&peer.lock().unwrap(), &done.url, &bytes);
}

fn uploadx_refuses(api: Api) {
    let Some(peer) = uploadx_with(&["--max-size", "100"]) else { return };
    for query_server in [true, false] {
        let client = client(api, &peer, |setup| setup.query_server = query_server);
        let error = client.upload(&noise(101, 102), &named()).unwrap_err();
        assert_eq!(error.gist(), (Kind::TooLarge, if query_server { 0 } else { 413 }, false), "{error:?}");
        let done = client.upload(&noise(100, 102), &named()).unwrap();
        assert_stored(&peer, &done.url, &noise(100, 102));
        let half = client.upload(&noise(100, 102), &Job { stop_at: Some(50), ..named() }).unwrap();
        let error = client.resume(&noise(99, 102), &half.url, &named()).unwrap_err();
        assert_eq!(error.kind, Kind::SourceChanged, "{error:?}");
        assert_eq!(client.info(&half.url).unwrap().offset, 50);
    }
}

fn tussi_uploads(api: Api) {
    let Some(peer) = tussi() else { return };
    let client = client(api, &peer, |_| {});
    for (size, chunk) in [(1, Chunk::Auto), (5 << 20, Chunk::Fixed(1 << 20)), (5 << 20, Chunk::Whole)] {
        let bytes = noise(size, size as u64);
        let job = Job { chunk: Some(chunk), ..Job::default() }.text("album", "straße, 1");
        let done = client.upload(&bytes, &job).unwrap_or_else(|error| panic!("{error:?}\n{}", peer.log()));
        assert_eq!((done.state(), done.stats.retries), ((size as u64, Some(size as u64), true), 0), "{done:?}");
        assert_stored(&peer, &done.url, &bytes);
        // Complete is moved away.
        assert_eq!(client.info(&done.url).unwrap_err().kind, Kind::Gone);
    }
    // It has no DELETE and says so.
    let half = client.upload(HELLO, &Job { stop_at: Some(5), ..Job::default() }).unwrap();
    assert_eq!(client.delete(&half.url).unwrap_err().kind, Kind::Unsupported);
    assert_eq!(client.info(&half.url).unwrap().state(), (5, Some(11), false));
}

/// What was sent of a chunk that broke off is not there; what was acknowledged is.
fn tussi_interrupted(api: Api) {
    let Some(peer) = tussi() else { return };
    let client = client(api, &peer, |setup| setup.chunk = Chunk::Fixed(8 << 20));
    let bytes = noise(24 << 20, 103);
    let half = client.upload(&bytes, &Job { stop_at: Some(8 << 20), ..Job::default() }).unwrap();
    breaks_off(&client, &bytes, &half.url);
    let done = client.resume(&bytes, &half.url, &Job::default());
    let done = done.unwrap_or_else(|error| panic!("{error:?}\n{}", peer.log()));
    assert_eq!((done.complete, done.stats.resumed), (true, 8 << 20));
    assert_stored(&peer, &done.url, &bytes);
}

fn tussi_crashes(api: Api) {
    crashes(api, tussi());
}

fn tussi_refuses(api: Api) {
    let Some(peer) = tussi_with(&["--max-size", "100"]) else { return };
    for query_server in [true, false] {
        let client = client(api, &peer, |setup| setup.query_server = query_server);
        let error = client.upload(&noise(101, 104), &Job::default()).unwrap_err();
        assert_eq!(error.gist(), (Kind::TooLarge, if query_server { 0 } else { 413 }, false), "{error:?}");
        // A name that is not ASCII, it refuses.
        let named = Job::default().text("filename", "straße.txt");
        let error = client.upload(&noise(100, 104), &named).unwrap_err();
        assert_eq!(error.gist(), (Kind::HttpStatus, 400, false), "{error:?}");
        let done = client.upload(&noise(100, 104), &Job::default()).unwrap();
        assert_stored(&peer, &done.url, &noise(100, 104));
    }
}

/// It ends the connection as soon as it has read that a body is too large.
fn tussi_small_bodies(api: Api) {
    let Some(peer) = tussi_with(&["--max-chunk-size", "100000"]) else { return };
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&requests);
    let client = client(api, &peer, |setup| {
        setup.after_response = Some(Arc::new(move |answered| {
            seen.lock().unwrap().push(answered.status);
            0
        }));
    });
    let bytes = noise(3_000_000, 105);
    let done = client.upload(&bytes, &Job::default()).unwrap_or_else(|error| panic!("{error:?}\n{}", peer.log()));
    assert!(done.complete && requests.lock().unwrap().contains(&413), "{done:?}");
    assert_stored(&peer, &done.url, &bytes);
}
