//! Claims: one at a time, between threads and processes, and never left over.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::symlink;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::fixture::*;
use crate::error::ErrorKind;
use crate::store::names::Stem;
use crate::store::{DirectoryStore, Store as _};

#[test]
fn one_at_a_time() {
    let folder = Folder::new();
    let (store, path) = folder.store();
    let another = DirectoryStore::open(path);
    let first = store.claim(&the_key(), &url(1)).unwrap().unwrap();
    assert!(first.is_guarded());
    assert!(store.claim(&the_key(), &url(1)).unwrap().is_none());
    assert!(another.claim(&the_key(), &url(1)).unwrap().is_none());
    let second = another.claim(&the_key(), &url(2)).unwrap().unwrap();
    drop(first);
    assert!(another.claim(&the_key(), &url(1)).unwrap().is_some());
    drop(second);
}

#[test]
fn the_lock_goes_with_the_record() {
    let folder = Folder::new();
    let (store, path) = folder.store();
    let claim = store.claim(&the_key(), &url(1)).unwrap();
    put(&store, &small(1, 0));
    drop(claim);
    assert_eq!(names(&path).len(), 2, "the record and its lock");
    let claim = store.claim(&the_key(), &url(1)).unwrap();
    store.remove(&the_key(), &url(1)).unwrap();
    assert_eq!(names(&path).len(), 1, "the lock, as long as it is held");
    drop(claim);
    assert_eq!(names(&path).len(), 0);
}

/// The lock file comes and goes all the time: each claim is without a record and removes it.
#[test]
fn never_two_however_often() {
    let folder = Folder::new();
    let (store, _) = folder.store();
    let (inside, granted) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..3000 {
                    if let Some(claim) = store.claim(&the_key(), &url(1)).unwrap() {
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        granted.fetch_add(1, Ordering::SeqCst);
                        std::thread::yield_now();
                        assert_eq!(inside.fetch_sub(1, Ordering::SeqCst), 1);
                        drop(claim);
                    }
                }
            });
        }
    });
    assert!(granted.into_inner() > 100);
}

#[test]
fn what_is_no_lock_is_not_followed() {
    let folder = Folder::new();
    let (store, path) = folder.store();
    fs::create_dir(&path).unwrap();
    let lock = path.join(Stem::new(&the_key(), &url(1)).lock());
    let victim = folder.path().join("victim");
    symlink(&victim, &lock).unwrap();
    assert_eq!(store.claim(&the_key(), &url(1)).unwrap_err().kind(), ErrorKind::Store);
    assert!(!victim.exists());
    fs::remove_file(&lock).unwrap();
    fs::create_dir(&lock).unwrap();
    assert_eq!(store.claim(&the_key(), &url(1)).unwrap_err().kind(), ErrorKind::Store);
}

/// A child: claims and waits to be killed.
#[test]
fn child_claims() {
    let Some(folder) = asked() else { return };
    let _claim = DirectoryStore::open(folder).claim(&the_key(), &url(1)).unwrap().unwrap();
    println!("claimed");
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn a_claim_dies_with_its_process() {
    let folder = Folder::new();
    let (store, path) = folder.store();
    let mut child = child("store::tests::claims::child_claims", &path).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line.contains("claimed")));
    assert!(store.claim(&the_key(), &url(1)).unwrap().is_none());
    assert_eq!(store.prune(&|_| true).unwrap(), 0);
    assert_eq!(names(&path).len(), 1, "pruning leaves a held lock");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(store.claim(&the_key(), &url(1)).unwrap().is_some());
}
