//! The directory store as long as nothing goes wrong.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::fixture::*;
use crate::error::ErrorKind;
use crate::store::names::Stem;
use crate::store::{DirectoryStore, Found, Record, Store, content, key};

#[test]
fn what_is_put_is_found_until_it_is_removed() {
    let folder = Folder::new();
    let (store, _) = folder.store();
    assert_eq!(store.find(&the_key()).unwrap(), Found::default());
    store.remove(&the_key(), &url(1)).unwrap();

    put(&store, &small(1, 0));
    put(&store, &small(2, 0));
    put(&store, &full());
    assert_eq!(find(&store), (vec![small(1, 0), small(2, 0), full()], vec![]));
    // Byte for byte.
    assert!(store.find(&the_key()).unwrap().records.contains(&full().to_bytes()));

    put(&store, &small(1, 7));
    store.remove(&the_key(), &url(2)).unwrap();
    store.remove(&the_key(), &url(2)).unwrap();
    assert_eq!(find(&store), (vec![small(1, 7), full()], vec![]));
}

#[test]
fn another_key_is_another_place() {
    let folder = Folder::new();
    let (store, _) = folder.store();
    put(&store, &small(1, 0));
    let other = key("https://example.org/files/", SIZE);
    assert_eq!(store.find(&other).unwrap(), Found::default());
    store.remove(&other, &url(1)).unwrap();
    assert_eq!(find(&store).0.len(), 1);
}

/// T-052, scenario 81: what lies there is for this user alone.
#[test]
fn nobody_else_can_read_it() {
    let folder = Folder::new();
    let path = folder.path().join("a/b");
    let store = DirectoryStore::open(path.clone());
    let file = put(&store, &small(1, 0));
    let _claim = store.claim(&the_key(), &url(1)).unwrap().unwrap();
    let mode = |path: &PathBuf| fs::metadata(path).unwrap().mode() & 0o7777;
    let lock = path.join(Stem::new(&the_key(), &url(1)).lock());
    assert_eq!([mode(&folder.path().join("a")), mode(&path), mode(&file), mode(&lock)], [0o700, 0o700, 0o600, 0o600]);
    assert_eq!(names(&path).len(), 2, "nothing else is left there");
}

/// A file that all may read is no danger to what we send; the next put closes it.
#[test]
fn a_readable_record_is_used_and_tightened() {
    let folder = Folder::new();
    let (store, _) = folder.store();
    let file = put(&store, &small(1, 0));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(find(&store), (vec![small(1, 0)], vec![]));
    put(&store, &small(1, 1));
    assert_eq!(fs::metadata(file).unwrap().mode() & 0o7777, 0o600);
}

#[test]
fn a_relative_path_is_bound_at_once() {
    let store = DirectoryStore::open(PathBuf::from("some/where"));
    assert_eq!(store.path(), Some(&*std::env::current_dir().unwrap().join("some/where")));
}

#[test]
fn an_empty_path_is_an_error_of_the_operations() {
    let store = DirectoryStore::open(PathBuf::new());
    assert_eq!(store.find("k").unwrap_err().kind(), ErrorKind::Store);
    assert_eq!(store.put(&the_key(), &url(1), &small(1, 0).to_bytes()).unwrap_err().kind(), ErrorKind::Store);
    assert_eq!(store.remove("k", "u").unwrap_err().kind(), ErrorKind::Store);
    assert_eq!(store.claim("k", "u").unwrap_err().kind(), ErrorKind::Store);
    assert_eq!(store.prune(&|_| true).unwrap_err().kind(), ErrorKind::Store);
}

#[test]
fn only_records_are_kept() {
    let folder = Folder::new();
    let (store, path) = folder.store();
    for (url, bytes) in [(url(1), b"{}".to_vec()), (url(2), small(1, 0).to_bytes()), (String::new(), vec![])] {
        assert_eq!(store.put(&the_key(), &url, &bytes).unwrap_err().kind(), ErrorKind::Store);
    }
    let huge_key = "k".repeat(1 << 17);
    let large = Record { url: url(1) + &"x".repeat((1 << 20) - 1000), ..small(1, 0) };
    assert_eq!(store.put(&huge_key, &large.url, &large.to_bytes()).unwrap_err().kind(), ErrorKind::Store);
    assert!(!path.exists());
    put(&store, &large);
    assert_eq!(find(&store), (vec![large], vec![]));
}

#[test]
fn pruning_removes_what_is_stale_and_not_at_work() {
    let folder = Folder::new();
    let (store, path) = folder.store();
    assert_eq!(store.prune(&|_| true).unwrap(), 0);
    for number in 0..6 {
        put(&store, &small(number, number as u64));
    }
    let claim = store.claim(&the_key(), &url(5)).unwrap().unwrap();
    assert_eq!(store.prune(&|record| record.offset >= 3).unwrap(), 2);
    assert_eq!(find(&store).0, [small(0, 0), small(1, 1), small(2, 2), small(5, 5)]);
    assert_eq!(names(&path).len(), 5, "the claimed one's lock and no other");
    drop(claim);
    assert_eq!(store.prune(&|record| record.offset >= 3).unwrap(), 1);
    assert_eq!(names(&path).len(), 3);
}

/// What somebody who held the claim wrote meanwhile counts.
#[test]
fn pruning_looks_again_under_the_claim() {
    let folder = Folder::new();
    let (store, _) = folder.store();
    put(&store, &small(1, 0));
    let looks = std::cell::Cell::new(0);
    let stale = |record: &Record| {
        looks.set(looks.get() + 1);
        put(&store, &small(1, 9));
        record.offset == 0
    };
    assert_eq!(store.prune(&stale).unwrap(), 0);
    assert_eq!((looks.get(), find(&store).0), (2, vec![small(1, 9)]));
}

#[test]
fn pruning_clears_up_after_the_dead() {
    let folder = Folder::new();
    let (store, path) = folder.store();
    let record = put(&store, &small(1, 0));
    let stem = Stem::new(&the_key(), &url(1));
    let (old, young, foreign) = (path.join(stem.temporary()), path.join(stem.temporary()), path.join("notes.tmp"));
    let lock_alone = path.join(Stem::new(&the_key(), &url(2)).lock());
    for file in [&old, &young, &foreign, &lock_alone] {
        fs::write(file, "half").unwrap();
    }
    let long_ago = SystemTime::now() - Duration::from_secs(3700);
    for file in [&old, &foreign] {
        fs::File::options().write(true).open(file).unwrap().set_modified(long_ago).unwrap();
    }
    assert_eq!(find(&store), (vec![small(1, 0)], vec![]));
    assert_eq!(store.prune(&|_| false).unwrap(), 0);
    let there = |path: &PathBuf| path.exists();
    assert_eq!([&record, &young, &foreign, &old, &lock_alone].map(there), [true, true, true, false, false]);
}

#[test]
fn thousands_of_records() {
    let folder = Folder::new();
    let (store, path) = folder.store();
    put(&store, &small(0, 0));
    for number in 1..5000 {
        // Without the disk's opinion on each.
        let key = key(ENDPOINT, if number % 50 == 0 { SIZE } else { number as u64 });
        let record = small(number, 0);
        let file = path.join(Stem::new(&key, &record.url).record());
        fs::write(&file, content::pack(&key, &record.to_bytes())).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let (records, skipped) = find(&store);
    assert_eq!((records.len(), skipped.len()), (100, 0));
    assert_eq!(store.prune(&|record| record.url.ends_with('7')).unwrap(), 500);
    assert_eq!(names(&path).len(), 4500);
}

/// A store of a program's own needs no more than three operations.
#[test]
fn the_defaults_of_other_stores() {
    struct Nothing;
    impl Store for Nothing {
        fn find(&self, _: &str) -> crate::error::Result<Found> {
            Ok(Found::default())
        }
        fn put(&self, _: &str, _: &str, _: &[u8]) -> crate::error::Result<()> {
            Ok(())
        }
        fn remove(&self, _: &str, _: &str) -> crate::error::Result<()> {
            Ok(())
        }
    }
    assert!(!Nothing.claim("k", "u").unwrap().unwrap().is_guarded());
    assert_eq!(Nothing.prune(&|_| true).unwrap_err().kind(), ErrorKind::Unsupported);
}
