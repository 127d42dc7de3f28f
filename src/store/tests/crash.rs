//! Death at any moment (scenario 83): afterwards only whole records, and none is lost.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::fixture::*;
use crate::store::{DirectoryStore, Record, Store as _};

const UPLOADS: usize = 3;
const KILLS: usize = 50;

/// A record whose size tells its offset, so that a mixture of two would show.
fn grown(number: usize, offset: u64) -> Record {
    let filling = "x".repeat((offset % 7) as usize * 5000);
    Record { endpoint: format!("{offset} {filling}"), ..small(number, offset) }
}

/// A child: writes on and on until it is killed.
#[test]
fn child_writes() {
    let Some(folder) = asked() else { return };
    let store = DirectoryStore::open(folder);
    let begin = find(&store).0.iter().map(|record| record.offset).max().unwrap_or(0);
    for offset in begin + 1.. {
        for number in 0..UPLOADS {
            store.put(&the_key(), &url(number), &grown(number, offset).to_bytes()).unwrap();
        }
    }
}

#[test]
fn killed_at_any_moment() {
    let folder = Folder::new();
    let (store, path) = folder.store();
    for number in 0..UPLOADS {
        put(&store, &grown(number, 0));
    }
    let first = file_of(&store, &url(0));
    let mut random = fastrand::Rng::with_seed(83);
    let mut offsets = vec![0; UPLOADS];
    let mut left_over = 0;
    for _ in 0..KILLS {
        let before = inode(&first);
        let mut child = child("store::tests::crash::child_writes", &path).stdout(Stdio::null()).spawn().unwrap();
        let begun = Instant::now();
        while inode(&first) == before {
            assert!(begun.elapsed() < Duration::from_secs(60), "the child writes nothing");
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_micros(random.u64(0..15_000)));
        child.kill().unwrap();
        child.wait().unwrap();

        let (records, skipped) = find(&store);
        assert_eq!((records.len(), skipped), (UPLOADS, vec![]));
        for (number, record) in records.iter().enumerate() {
            assert!(record.offset >= offsets[number], "{} after {}", record.offset, offsets[number]);
            assert_eq!(*record, grown(number, record.offset));
            offsets[number] = record.offset;
        }
        left_over = names(&path).iter().filter(|name| name.ends_with(".tmp")).count();
    }
    assert!(offsets[0] as usize >= KILLS, "the children were idle: {offsets:?}");
    assert!(left_over > 0, "no child was killed while it wrote");
}

/// Every record written is a new file.
fn inode(path: &Path) -> u64 {
    fs::metadata(path).unwrap().ino()
}
