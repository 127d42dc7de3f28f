//! The same with tusd, which locks, and keeps files of its own.

use std::fs;
use std::num::NonZeroU64;
use std::time::Duration;

use tus::engine::config::Config;
use tus::protocol::chunk::ChunkSize;
use tus::source::Source;
use tus_test_peers::{Peer, tusd};

use crate::fixture::*;
use crate::site::*;

fn config(peer: &Peer) -> Config {
    let mut config = config_to(peer.endpoint());
    config.set_chunk_size(ChunkSize::Whole).unwrap();
    config
}

/// How many files the server has.
fn files(peer: &Peer) -> usize {
    fn count(folder: &std::path::Path) -> usize {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        entries.map(|entry| if entry.path().is_dir() { count(&entry.path()) } else { 1 }).sum()
    }
    count(peer.dir())
}

#[test]
fn a_thousand_at_once() {
    const COUNT: usize = 1000;
    let Some(peer) = tusd() else { return };
    let folder = Folder::new();
    let site = Site::new(config(&peer), 32);
    let content = |number: usize| noise(1 + number * 7 % 3000, number as u64);
    let tasks: Vec<_> = (0..COUNT)
        .map(|number| {
            let path = folder.file(&number.to_string(), &content(number));
            site.upload(Source::file(&path).unwrap(), &options())
        })
        .collect();
    for (number, task) in tasks.iter().enumerate() {
        let info = outcome(task).unwrap_or_else(|error| panic!("{error:?}\n{}", peer.log()));
        assert!(info.complete);
        assert!(fs::read(peer.stored_file(info.url.as_str())).unwrap() == content(number), "{number}");
    }
}

/// About a second of it.
fn slow(bytes: &[u8]) -> Source {
    Trickle::new(bytes, bytes.len() / 400, Duration::from_millis(2)).source()
}

#[test]
fn what_is_cancelled_for_good_is_gone_although_it_was_locked() {
    let Some(peer) = tusd() else { return };
    let empty = files(&peer);
    let bytes = noise(2_000_000, 370);
    let site = Site::new(config(&peer), 1);
    site.client.set_bandwidth_limit(NonZeroU64::new(500_000));
    for parts in [1, 3] {
        let task = site.upload(Source::memory(bytes.clone()), &in_parts(parts));
        until("data is sent", || files(&peer) > empty);
        std::thread::sleep(Duration::from_millis(50));
        task.cancel_and_delete();
        let error = cancelled(&task);
        assert!(error.upload_url().is_none(), "{error:?}\n{}", peer.log());
        // Its lock goes with the request.
        until("nothing is left", || files(&peer) == empty);
    }
}

#[test]
fn what_is_paused_goes_on() {
    let Some(peer) = tusd() else { return };
    let bytes = noise(2_000_000, 372);
    let site = Site::new(config(&peer), 1);
    let task = site.upload(slow(&bytes), &options());
    for _ in 0..3 {
        until("it has an upload", || task.control().upload_url().is_some());
        std::thread::sleep(Duration::from_millis(150));
        task.pause();
        let file = peer.stored_file(task.control().upload_url().unwrap().as_str());
        stands_still(|| fs::metadata(&file).unwrap().len());
        task.resume();
    }
    let info = outcome(&task).unwrap_or_else(|error| panic!("{error:?}\n{}", peer.log()));
    assert!(fs::read(peer.stored_file(info.url.as_str())).unwrap() == bytes);
    assert_eq!(info.stats.bytes_confirmed, 2_000_000);
}
