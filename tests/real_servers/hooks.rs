//! Servers that ask their site's own code: before an upload is created, and once all its bytes are there (A8, T-153).

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tus::engine::config::Config;
use tus::engine::options::UploadOptions;
use tus::error::ErrorKind;
use tus::protocol::retry::RetryPolicy;
use tus::protocol::session::CreationData;
use tus::source::Source;
use tus::transport::ProxySetting;
use tus_test_peers::{Peer, node_with, tusd_with};

use crate::assert_stored;
use crate::support::api::every_way;
use crate::support::{Api, Chunk, Client, Failure, Folder, Job, Kind, Setup, noise};

every_way! {
    calls that block:
    tusd_pre_create_rejects,
    tusd_pre_create_fails,
    tusd_pre_finish_fails,
    tusd_pre_finish_refuses,
    tusd_pre_finish_answers,
    node_finish_answers,
    node_finish_throws,
}

/// tusd with scripts for hooks.
struct Hooked {
    peer: Peer,
    folder: Folder,
}

impl Hooked {
    fn start(hook: &str, script: &str) -> Option<Hooked> {
        let folder = Folder::new();
        write_script(&folder, hook, script);
        let place = folder.path().to_str().unwrap();
        let peer = tusd_with(&["-hooks-dir", place, "-hooks-enabled-events", "pre-create,pre-finish"])?;
        Some(Hooked { peer, folder })
    }
}

fn write_script(folder: &Folder, hook: &str, script: &str) -> PathBuf {
    let path = folder.path().join(hook);
    // Renamed into its place: a script that is open for writing cannot be run.
    let new = folder.file("new", format!("#!/bin/sh\n{script}\n").as_bytes());
    fs::set_permissions(&new, fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(new, &path).unwrap();
    path
}

/// A client that writes its requests down as `METHOD status`, but OPTIONS.
fn client(api: Api, peer: &Peer, change: impl FnOnce(&mut Setup)) -> (Client, Arc<Mutex<Vec<String>>>) {
    let mut setup = Setup::url(peer.endpoint());
    let wire = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&wire);
    setup.after_response = Some(Arc::new(move |answered| {
        if answered.method != "OPTIONS" {
            seen.lock().unwrap().push(format!("{} {}", answered.method, answered.status));
        }
        0
    }));
    change(&mut setup);
    (api.client(&setup).unwrap(), wire)
}

fn count(wire: &Mutex<Vec<String>>, line: &str) -> usize {
    wire.lock().unwrap().iter().filter(|had| *had == line).count()
}

#[track_caller]
fn assert_body(error: &Failure, words: &str) {
    let body = String::from_utf8_lossy(&error.body);
    assert!(body.contains(words), "{words:?} is not in {body:?}");
}

fn tusd_pre_create_rejects(api: Api) {
    let reject =
        r#"cat >/dev/null; echo '{"RejectUpload":true,"HTTPResponse":{"StatusCode":422,"Body":"no such album"}}'"#;
    let Some(hooked) = Hooked::start("pre-create", reject) else { return };
    let (client, wire) = client(api, &hooked.peer, |_| {});
    let error = client.upload(&noise(1000, 90), &Job::default()).unwrap_err();
    assert_eq!((error.kind, error.status, error.retryable), (Kind::HttpStatus, 422, false), "{error:?}");
    assert_body(&error, "no such album");
    assert_eq!(error.upload_url, None);
    assert_eq!(*wire.lock().unwrap(), ["POST 422"]);
}

/// A hook that is broken for a while: asked again, and one upload in the end.
fn tusd_pre_create_fails(api: Api) {
    let Some(hooked) = Hooked::start("pre-create", "cat >/dev/null; exit 1") else { return };
    let (failing, wire) = client(api, &hooked.peer, |setup| setup.retries = 2);
    let error = failing.upload(&noise(1000, 91), &Job::default()).unwrap_err();
    assert_eq!((error.kind, error.status, error.retryable), (Kind::HttpStatus, 500, true), "{error:?}");
    assert_eq!(*wire.lock().unwrap(), ["POST 500", "POST 500", "POST 500"]);

    let script = hooked.folder.path().join("pre-create");
    let (client, wire) = client(api, &hooked.peer, |setup| {
        setup.should_retry = Some(Arc::new(move |_, _, delay| {
            fs::remove_file(&script).unwrap();
            Ok(delay)
        }));
    });
    let done = client.upload(&noise(1000, 91), &Job::default()).unwrap();
    assert_stored(&hooked.peer, &done.url, &noise(1000, 91));
    assert_eq!(*wire.lock().unwrap(), ["POST 500", "POST 201", "PATCH 204"]);
}

/// How an upload gets its last byte.
fn ways() -> [(usize, Chunk, CreationData); 6] {
    [
        (0, Chunk::Whole, CreationData::Off),
        (0, Chunk::Whole, CreationData::On),
        (100_000, Chunk::Whole, CreationData::Off),
        (100_000, Chunk::Fixed(30_000), CreationData::Off),
        (100_000, Chunk::Whole, CreationData::On),
        (100_000, Chunk::Fixed(60_000), CreationData::On),
    ]
}

/// Never a success, never a second upload; what the server said is told, with the URL where there is one. `at_once`: how it
/// ends, and whether there is a URL, where all the data went with the creation, or there is none.
fn unconfirmed(api: Api, peer: &Peer, status: u16, words: &str, at_once: (Kind, bool)) {
    for (size, chunk, data) in ways() {
        let bytes = noise(size, 92);
        let (client, wire) = client(api, peer, |setup| (setup.chunk, setup.upload_with_creation) = (chunk, data));
        let error = client.upload(&bytes, &Job::default()).unwrap_err();
        let whole = size == 0 || data == CreationData::On && chunk == Chunk::Whole;
        let (kind, has_url) = if whole { at_once } else { (Kind::Unconfirmed, true) };
        assert_eq!(error.gist(), (kind, status, has_url), "{size} {chunk:?} {data:?} {error:?}");
        assert!(kind == Kind::Unconfirmed || error.message.contains("may have kept it"), "{error:?}");
        assert_body(&error, words);
        let posts = wire.lock().unwrap().iter().filter(|line| line.starts_with("POST")).count();
        assert_eq!((posts, error.retryable), (1, false), "{:?}", wire.lock().unwrap());
        if let Some(url) = error.upload_url {
            assert_stored(peer, &url, &bytes);
        }
    }
}

fn tusd_pre_finish_fails(api: Api) {
    let Some(hooked) = Hooked::start("pre-finish", "cat >/dev/null; echo 'the archive is full' && exit 1") else {
        return;
    };
    unconfirmed(api, &hooked.peer, 500, "archive is full", (Kind::Unconfirmed, false));
}

fn tusd_pre_finish_refuses(api: Api) {
    let refuse = r#"cat >/dev/null; echo '{"HTTPResponse":{"StatusCode":422,"Body":"this is no picture"}}'"#;
    let Some(hooked) = Hooked::start("pre-finish", refuse) else { return };
    unconfirmed(api, &hooked.peer, 422, "this is no picture", (Kind::Unconfirmed, true));
}

/// Parts are uploads too: the hook refuses each of them, or the whole that they are put together to.
#[test]
fn tusd_pre_finish_fails_in_parts() {
    let whole_only = r#"grep -q '"IsFinal":true' || exit 0; exit 1"#;
    for script in ["cat >/dev/null; exit 1", whole_only] {
        let Some(hooked) = Hooked::start("pre-finish", script) else { return };
        let mut config = Config::new();
        config.set_url(hooked.peer.endpoint()).unwrap();
        config.set_proxy(ProxySetting::None);
        let base_delay = Duration::from_millis(5);
        config.set_retry(RetryPolicy { max_retries: 2, base_delay, ..RetryPolicy::default() });
        let mut options = UploadOptions::new();
        options.set_parallel_uploads(3);
        options.set_min_part_size(1);
        let mut source = Source::memory(noise(300_000, 95));
        let error = tus::engine::client::Client::new(config).unwrap().upload(&mut source, &options).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unconfirmed, "{script} {error:?}\n{}", hooked.peer.log());
        assert_eq!(error.answer().unwrap().status, 500);
    }
}

/// A body and a status of the site's own are a success like any other.
fn tusd_pre_finish_answers(api: Api) {
    let answer =
        r#"cat >/dev/null; echo '{"HTTPResponse":{"StatusCode":200,"Body":"taken","Header":{"X-Number":"7"}}}'"#;
    let Some(hooked) = Hooked::start("pre-finish", answer) else { return };
    answers(api, &hooked.peer);
}

fn answers(api: Api, peer: &Peer) {
    for chunk in [Chunk::Whole, Chunk::Fixed(30_000)] {
        let bytes = noise(100_000, 93);
        let (client, wire) = client(api, peer, |setup| setup.chunk = chunk);
        let done = client.upload(&bytes, &Job::default());
        let done = done.unwrap_or_else(|error| panic!("{error:?}\n{}", peer.log()));
        assert!(done.complete && done.warnings.is_empty() && done.stats.retries == 0, "{done:?}");
        assert_stored(peer, &done.url, &bytes);
        assert_eq!(count(&wire, "PATCH 200"), 1, "{:?}", wire.lock().unwrap());
    }
}

/// The same of @tus/server. Where the creation carries everything, it leaves out `Location` with a 200: all is stored, and
/// nobody knows where (I5).
fn node_finish_answers(api: Api) {
    let Some(peer) = node_with(&["--finish", "accept"]) else { return };
    answers(api, &peer);
    for size in [0, 1000] {
        let (client, wire) = client(api, &peer, |setup| setup.upload_with_creation = CreationData::On);
        let error = client.upload(&noise(size, 94), &Job::default()).unwrap_err();
        assert_eq!((error.kind, error.status, error.retryable), (Kind::Unconfirmed, 200, false), "{size} {error:?}");
        assert_body(&error, "taken");
        assert_eq!(*wire.lock().unwrap(), ["POST 200"]);
    }
}

fn node_finish_throws(api: Api) {
    // A 422 that names no upload is what a creation is refused with.
    for (how, status, words, at_once) in [
        ("fail", 500, "archive is full", (Kind::Unconfirmed, false)),
        ("refuse", 422, "no picture", (Kind::HttpStatus, false)),
    ] {
        let Some(peer) = node_with(&["--finish", how]) else { return };
        unconfirmed(api, &peer, status, words, at_once);
    }
}
