//! Parts, streams and resumed uploads with servers written by others.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tus::engine::client::Client;
use tus::engine::config::Config;
use tus::engine::info::{ConcatKind, UploadInfo};
use tus::error::ErrorKind;
use tus::protocol::chunk::ChunkSize;
use tus::source::Source;
use tus_test_peers::{Peer, node, python, tusd};

use crate::fixture::*;
use crate::streams::pipe_up;

fn config(peer: &Peer, folder: &Folder) -> Config {
    let mut config = config_to(peer.endpoint());
    config.set_store_dir(store_in(folder));
    config.set_chunk_size(chunk(100_000)).unwrap();
    config
}

#[track_caller]
fn assert_at(peer: &Peer, info: &UploadInfo, bytes: &[u8]) {
    assert!(info.complete && info.offset == bytes.len() as u64, "{info:?}\n{}", peer.log());
    assert!(fs::read(peer.stored_file(info.url.as_str())).unwrap() == bytes);
}

/// How many uploads the server has; its notes beside them are not counted.
fn stored_uploads(peer: &Peer, any: &UploadInfo) -> usize {
    let folder = peer.stored_file(any.url.as_str()).parent().unwrap().to_owned();
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| !name.contains('.')).count()
}

fn parts(peer: Option<Peer>) {
    let Some(peer) = peer else { return };
    let folder = Folder::new();
    let config = config(&peer, &folder);
    let mut before = 0;
    for (size, count) in [(2usize, 2), (3, 8), (100_000, 3), (1_000_003, 4), (1_000_003, 30)] {
        let bytes = noise(size, size as u64);
        let path = settled(&folder, "a", &bytes);
        let mut named = in_parts(count);
        named.set_metadata_text("filename", "straße.txt").unwrap();
        let done = run(&config, &path, &named).unwrap_or_else(|error| panic!("{size} {error:?}\n{}", peer.log()));
        assert_at(&peer, &done, &bytes);
        assert_eq!(done.concat, ConcatKind::Final);
        let info = Client::new(config.clone()).unwrap().upload_info(done.url.as_str()).unwrap();
        assert!(info.complete && info.concat == ConcatKind::Final, "{info:?}");
        assert!(info.text.contains(&("filename".to_owned(), Some("straße.txt".to_owned()))), "{info:?}");
        before += 1;
        assert_eq!(stored_uploads(&peer, &done), before, "the parts are gone: {}", peer.log());
        assert_eq!(store_files(&folder), [""; 0]);

        // Interrupted, and gone on with.
        if size < 1000 {
            continue;
        }
        let mut stopping = in_parts(count);
        // By then each part has been begun.
        let enough = size as u64 * u64::from(count - 1) / u64::from(count) + u64::from(count);
        stopping.set_progress(Some(stops_after(enough)));
        stopping.set_chunk_size(chunk(size as u64 / u64::from(count) / 4)).unwrap();
        run(&config, &path, &stopping).unwrap_err();
        let done = run(&config, &path, &options()).unwrap_or_else(|error| panic!("{error:?}\n{}", peer.log()));
        assert_at(&peer, &done, &bytes);
        assert!(done.stats.bytes_resumed >= enough, "{:?}", done.stats);
        before += 1;
        assert_eq!(stored_uploads(&peer, &done), before, "the parts are gone: {}", peer.log());
    }
}

#[test]
fn tusd_puts_parts_together() {
    parts(tusd());
}

#[test]
fn python_puts_parts_together() {
    parts(python());
}

#[test]
fn node_does_not_put_parts_together() {
    let Some(peer) = node() else { return };
    let folder = Folder::new();
    let path = folder.file("a", &noise(9000, 140));
    let error = run(&config(&peer, &folder), &path, &in_parts(3)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let mut options = in_parts(3);
    options.set_parallel_fallback(true);
    let done = run(&config(&peer, &folder), &path, &options).unwrap();
    assert_at(&peer, &done, &noise(9000, 140));
}

fn streams(peer: Option<Peer>) {
    let Some(peer) = peer else { return };
    let folder = Folder::new();
    for size in [0usize, 1, 99_999, 100_000, 100_001, 200_000, 450_000] {
        let bytes = noise(size, size as u64);
        let done = pipe_up(&config(&peer, &folder), &bytes);
        let done = done.unwrap_or_else(|error| panic!("{size} {error:?}\n{}", peer.log()));
        assert_at(&peer, &done, &bytes);
    }
}

#[test]
fn tusd_takes_streams() {
    streams(tusd());
}

#[test]
fn node_takes_streams() {
    streams(node());
}

/// It wants the length with the first PATCH of a deferred upload (T-072), so only what fits one chunk can go there.
#[test]
fn python_takes_streams_of_one_chunk() {
    let Some(peer) = python() else { return };
    let folder = Folder::new();
    for size in [0usize, 1, 100_000] {
        let bytes = noise(size, size as u64);
        assert_at(&peer, &pipe_up(&config(&peer, &folder), &bytes).unwrap(), &bytes);
    }
    let error = pipe_up(&config(&peer, &folder), &noise(100_001, 141)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::HttpStatus, "{error:?}");
    assert!(error.answer().unwrap().status == 400 && error.to_string().contains("400"), "{error}");
}

fn resumed(peer: Option<Peer>) {
    let Some(mut peer) = peer else { return };
    let folder = Folder::new();
    let bytes = noise(1_000_000, 142);
    let path = settled(&folder, "a", &bytes);
    let mut config = config(&peer, &folder);
    let half = run(&config, &path, &stop_at(300_000)).unwrap();
    peer.stop();
    assert_eq!(run(&config, &path, &options()).unwrap_err().kind(), ErrorKind::Connect);
    peer.start().unwrap();
    let done = run(&config, &path, &options()).unwrap_or_else(|error| panic!("{error:?}\n{}", peer.log()));
    assert_eq!((&done.url, done.stats.bytes_resumed), (&half.url, 300_000));
    assert_at(&peer, &done, &bytes);
    // Gone at the server.
    config.set_chunk_size(ChunkSize::Whole).unwrap();
    let half = run(&config, &path, &stop_at(300_000)).unwrap();
    let client = Client::new(config_to(peer.endpoint())).unwrap();
    client.delete_upload(half.url.as_str()).unwrap();
    let done = run(&config, &path, &options()).unwrap();
    assert_ne!(done.url, half.url);
    assert_at(&peer, &done, &bytes);
    assert_eq!(store_files(&folder), [""; 0]);
    // Two at once with the same name and store.
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| assert_at(&peer, &run(&config, &path, &options()).unwrap(), &bytes));
        }
    });
    let mut source = Source::file(&path).unwrap();
    assert_eq!(client.find_previous_uploads(&mut source).unwrap(), []);
}

#[test]
fn python_expires() {
    let Some(peer) = tus_test_peers::python_with(&["--upload-expiry", "3"]) else { return };
    let folder = Folder::new();
    let bytes = noise(10_000, 143);
    let path = settled(&folder, "a", &bytes);
    let mut config = config(&peer, &folder);
    config.set_chunk_size(chunk(1000)).unwrap();
    // In time: gone on with.
    let half = run(&config, &path, &stop_at(3000)).unwrap();
    let told = half.expires.expect("the server says when");
    let more = run(&config, &path, &stop_at(5000)).unwrap();
    assert_eq!((&more.url, more.stats.bytes_resumed), (&half.url, 3000));
    assert!(more.expires >= Some(told));
    // Too late by the date that was told: not even asked for (T-081, scenario 12).
    std::thread::sleep(Duration::from_millis(4500));
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&requests);
    config.hooks_mut().before_request = Some(Arc::new(move |request| {
        seen.lock().unwrap().push(request.method().to_owned());
        Ok(())
    }));
    let done = run(&config, &path, &options()).unwrap();
    assert_ne!(done.url, half.url);
    assert_at(&peer, &done, &bytes);
    let requests = requests.lock().unwrap();
    assert!(!requests.contains(&"HEAD".to_owned()) && requests.contains(&"POST".to_owned()), "{requests:?}");
    assert_eq!(store_files(&folder), [""; 0]);
}

#[test]
fn tusd_resumes() {
    resumed(tusd());
}

#[test]
fn node_resumes() {
    resumed(node());
}

#[test]
fn python_resumes() {
    resumed(python());
}
