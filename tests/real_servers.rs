//! The library against servers written by others, through the engine and through the C API.
//!
//! A server that cannot be had on this machine is written down as left out (see `tus_test_peers`).

#[allow(dead_code, unused_imports, reason = "shared with the scenarios, which use all of it")]
mod support;

#[path = "real_servers/hooks.rs"]
mod hooks;
#[path = "real_servers/nginx.rs"]
mod nginx;
#[path = "real_servers/others.rs"]
mod others;
#[path = "real_servers/tinyproxy.rs"]
mod tinyproxy;

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use support::api::every_way;
use support::{Api, Chunk, Client, HELLO, Input, Job, Kind, Setup, noise};
use tus::protocol::session::CreationData;
use tus_test_peers::{Peer, node, node_with, python, python_with, tusd, tusd_with};

every_way! {
    calls that block:
    tusd_uploads,
    tusd_interrupted,
    tusd_crashes,
    tusd_refuses,
    node_uploads,
    node_interrupted,
    node_crashes,
    node_refuses,
    node_relative_location_and_expiry,
    python_uploads,
    python_interrupted,
    python_crashes,
    python_refuses,
    python_small_bodies,
}

fn tusd_uploads(api: Api) {
    uploads(api, tusd());
}

fn tusd_interrupted(api: Api) {
    interrupted(api, tusd());
}

fn tusd_crashes(api: Api) {
    crashes(api, tusd());
}

fn tusd_refuses(api: Api) {
    refuses(api, tusd_with(&["-max-size", "100"]));
}

fn node_uploads(api: Api) {
    uploads(api, node());
}

fn node_interrupted(api: Api) {
    interrupted(api, node());
}

fn node_crashes(api: Api) {
    crashes(api, node());
}

fn node_refuses(api: Api) {
    refuses(api, node_with(&["--max-size", "100"]));
}

fn python_uploads(api: Api) {
    uploads(api, python());
}

fn python_interrupted(api: Api) {
    interrupted(api, python());
}

fn python_crashes(api: Api) {
    crashes(api, python());
}

fn python_refuses(api: Api) {
    refuses(api, python_with(&["--max-size", "100"]));
}

/// Half a chunk and all of them, empty and larger: whole, in chunks, out of memory and out of a reader.
fn uploads(api: Api, peer: Option<Peer>) {
    let Some(peer) = peer else { return };
    let client = client(api, &peer, |_| {});
    let offer = client.server_info().unwrap();
    assert!(offer.versions.iter().any(|version| version == "1.0.0"), "{offer:?}");
    for extension in ["creation", "creation-with-upload", "termination"] {
        assert!(offer.extensions.iter().any(|have| have == extension), "{extension} in {offer:?}");
    }
    for (size, chunk) in [
        (0, Chunk::Auto),
        (1, Chunk::Auto),
        (1, Chunk::Whole),
        (100_000, Chunk::Auto),
        (5 << 20, Chunk::Fixed(1 << 20)),
        (5 << 20, Chunk::Whole),
        ((5 << 20) + 1, Chunk::Fixed(5 << 20)),
    ] {
        let bytes = noise(size, size as u64);
        let job = Job { chunk: Some(chunk), ..Job::default() };
        // Values that are no text, none of these servers keeps as they are.
        let job = job.text("filename", "straße, 1.txt").bytes("odd", "a\r\nb: 🦀, \u{feff}".as_bytes());
        let done = client.upload(&bytes, &job).unwrap_or_else(|error| panic!("{size}: {error:?}\n{}", peer.log()));
        assert_eq!(done.state(), (size as u64, Some(size as u64), true));
        assert_eq!(done.stats.retries, 0, "{size}: {:?}", done.stats);
        assert_stored(&peer, &done.url, &bytes);

        let info = client.info(&done.url).unwrap();
        assert_eq!(info.state(), (size as u64, Some(size as u64), true));
        assert_eq!(metadata(&info.metadata), metadata(&done.metadata), "{size}");
        assert_eq!(info.metadata.len(), 2);

        // Nothing is left to be sent.
        let again = client.resume(&bytes, &done.url, &Job::default()).unwrap();
        assert_eq!((again.stats.resumed, again.stats.sent), (size as u64, 0));

        client.delete(&done.url).unwrap_or_else(|error| panic!("{size}: {error:?}\n{}", peer.log()));
        assert!(!peer.stored_file(&done.url).exists());
        let error = client.info(&done.url).unwrap_err();
        assert_eq!(error.kind, Kind::Gone, "{error:?}");
        client.delete(&done.url).unwrap();
    }
}

/// One request for what fits into one chunk, if the program wants it and the server offers it.
fn with_creation(api: Api, peer: &Peer) {
    let methods = Arc::new(AtomicUsize::new(0));
    for (data, requests) in [(CreationData::On, 2), (CreationData::Off, 3)] {
        let count = Arc::clone(&methods);
        let client = client(api, peer, |setup| {
            setup.upload_with_creation = data;
            setup.before_request = Some(Arc::new(move |_| {
                count.fetch_add(1, Ordering::SeqCst);
                0
            }));
        });
        let done = client.upload(HELLO, &Job::default()).unwrap();
        let made = methods.swap(0, Ordering::SeqCst);
        // No data goes with a creation where the server checks checksums, which only a PATCH carries.
        let checked = client.server_info().unwrap().extensions.iter().any(|name| name == "checksum");
        assert_eq!(made, if checked { 3 } else { requests }, "OPTIONS, POST and, without data in that, PATCH");
        assert_stored(peer, &done.url, HELLO);
    }
}

/// Stopped by the caller in the middle of a body, and gone on with; at the end as a whole and in mid-chunk.
fn interrupted(api: Api, peer: Option<Peer>) {
    let Some(peer) = peer else { return };
    with_creation(api, &peer);
    let bytes = noise(48 << 20, 60);
    let client = client(api, &peer, |setup| setup.chunk = Chunk::Fixed(16 << 20));

    let half = client.upload(&bytes, &Job { stop_at: Some(20 << 20), ..Job::default() }).unwrap();
    assert_eq!(half.state(), (20 << 20, Some(48 << 20), false));
    let info = client.info(&half.url).unwrap();
    assert_eq!(info.state(), (20 << 20, Some(48 << 20), false));

    let stop = Job {
        progress: Some(Arc::new(|progress| if progress.sent > progress.confirmed { 5 } else { 0 })),
        ..Job::default()
    };
    match client.resume(&bytes, &half.url, &stop) {
        Err(error) => {
            assert_eq!((error.kind, error.code), (Kind::Callback, 5), "{error:?}");
            assert_eq!(error.upload_url.as_deref(), Some(half.url.as_str()));
        }
        // A machine so fast that no progress was told inside a request.
        Ok(done) => assert!(done.complete),
    }
    let done = client.resume(&bytes, &half.url, &Job::default());
    let done = done.unwrap_or_else(|error| panic!("{error:?}\n{}", peer.log()));
    assert!(done.complete && done.stats.resumed >= 20 << 20, "{done:?}");
    assert_stored(&peer, &done.url, &bytes);
    client.delete(&done.url).unwrap();
}

/// The server dies between two chunks and comes back: nobody but the retry hook notices.
fn crashes(api: Api, peer: Option<Peer>) {
    let Some(peer) = peer else { return };
    let bytes = noise(3 << 20, 61);
    let mut setup = Setup::url(peer.endpoint());
    let peer = Arc::new(Mutex::new(peer));
    let asked = crash_under_way(&mut setup, &peer, 1);
    let done = api.client(&setup).unwrap().upload(&bytes, &Job::default()).unwrap();
    assert!(done.complete && !asked.lock().unwrap().is_empty(), "{done:?}");
    assert_stored(&peer.lock().unwrap(), &done.url, &bytes);
}

/// Has the server killed once it has taken a chunk, and started again with the retry of this number. The statuses that
/// retries were asked about are collected.
fn crash_under_way(setup: &mut Setup, peer: &Arc<Mutex<Peer>>, retry: usize) -> Arc<Mutex<Vec<u16>>> {
    let (victim, revived) = (Arc::clone(peer), Arc::clone(peer));
    let killed = AtomicBool::new(false);
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&asked);
    setup.chunk = Chunk::Fixed(1 << 20);
    setup.after_response = Some(Arc::new(move |answered| {
        if answered.method == "PATCH" && !killed.swap(true, Ordering::SeqCst) {
            victim.lock().unwrap().stop();
        }
        0
    }));
    setup.should_retry = Some(Arc::new(move |failure, _, delay| {
        assert!(failure.upload_url.is_some(), "{failure:?}");
        let mut noted = noted.lock().unwrap();
        noted.push(failure.status);
        if noted.len() == retry {
            revived.lock().unwrap().start().unwrap();
        }
        Ok(delay)
    }));
    asked
}

/// What a server limits, it says beforehand or when it is tried.
fn refuses(api: Api, peer: Option<Peer>) {
    let Some(peer) = peer else { return };
    let setup = |query_server| move |setup: &mut Setup| setup.query_server = query_server;
    for query_server in [true, false] {
        let client = client(api, &peer, setup(query_server));
        let error = client.upload(&noise(101, 62), &Job::default()).unwrap_err();
        assert_eq!((error.kind, error.upload_url.is_some()), (Kind::TooLarge, false), "{error:?}");
        assert_eq!(error.status, if query_server { 0 } else { 413 });
        let bytes = noise(100, 63);
        let done = client.upload(&bytes, &Job::default()).unwrap();
        assert_stored(&peer, &done.url, &bytes);
        // What another file left behind is not gone on with.
        let half = client.upload(&bytes, &Job { stop_at: Some(50), ..Job::default() }).unwrap();
        let error = client.resume(&noise(99, 64), &half.url, &Job::default()).unwrap_err();
        assert_eq!(error.kind, Kind::SourceChanged, "{error:?}");
        assert_eq!(client.info(&half.url).unwrap().offset, 50);
    }
    let client = client(api, &peer, |_| {});
    let gone = client.upload(HELLO, &Job::default()).unwrap().url;
    client.delete(&gone).unwrap();
    assert_eq!(client.resume(HELLO, &gone, &Job::default()).unwrap_err().kind, Kind::Gone);
}

fn node_relative_location_and_expiry(api: Api) {
    let Some(peer) = node_with(&["--relative-location", "--expiry-ms", "3600000"]) else { return };
    let client = client(api, &peer, |_| {});
    let half = client.upload(HELLO, &Job { stop_at: Some(5), ..Job::default() }).unwrap();
    assert!(half.url.starts_with("http://"), "{}", half.url);
    let expires = half.expires.expect("the server has said when");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert!((now + 3000..now + 4000).contains(&expires), "{expires} at {now}");
    let done = client.resume(Input::from(HELLO), &half.url, &Job::default()).unwrap();
    assert_stored(&peer, &done.url, HELLO);
}

/// A server that takes no more than a thousand bytes at once.
fn python_small_bodies(api: Api) {
    let Some(peer) = python_with(&["--max-chunk-size", "1000"]) else { return };
    let client = client(api, &peer, |_| {});
    let bytes = noise(10_000, 65);
    let done = client.upload(&bytes, &Job::default()).unwrap_or_else(|error| panic!("{error:?}\n{}", peer.log()));
    assert!(done.complete && done.stats.chunks_failed == 0 && done.stats.requests > 12, "{done:?}");
    assert_stored(&peer, &done.url, &bytes);
}

fn client(api: Api, peer: &Peer, change: impl FnOnce(&mut Setup)) -> Client {
    let mut setup = Setup::url(peer.endpoint());
    change(&mut setup);
    api.client(&setup).unwrap()
}

/// Servers may change the order.
fn metadata(pairs: &[(String, Vec<u8>)]) -> Vec<(String, Vec<u8>)> {
    let mut pairs = pairs.to_vec();
    pairs.sort();
    pairs
}

#[track_caller]
fn assert_stored(peer: &Peer, url: &str, bytes: &[u8]) {
    let stored = fs::read(peer.stored_file(url)).unwrap();
    assert_eq!(stored.len(), bytes.len(), "{url}");
    assert!(stored == bytes, "{url} has other bytes");
}
