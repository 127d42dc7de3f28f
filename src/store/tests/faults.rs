//! Places that cannot be written to: an error with the system's code, nothing half done, nothing left over.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use tus_test_peers::left_out;

use super::fixture::*;
use crate::error::{ErrorKind, Result};
use crate::store::{DirectoryStore, Store as _};

#[track_caller]
fn assert_fault<T: std::fmt::Debug>(result: Result<T>, code: i32) {
    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.os_code()), (ErrorKind::Store, Some(code)), "{error:?}");
    assert!(std::error::Error::source(&error).is_some());
}

fn put_of(store: &DirectoryStore, offset: u64) -> Result<()> {
    store.put(&the_key(), &url(1), &small(1, offset).to_bytes())
}

#[test]
fn below_a_file() {
    let folder = Folder::new();
    let file = folder.path().join("file");
    fs::write(&file, "precious").unwrap();
    for path in [file.clone(), file.join("store")] {
        let store = DirectoryStore::open(path);
        assert_fault(store.find(&the_key()), libc::ENOTDIR);
        assert_fault(store.remove(&the_key(), &url(1)), libc::ENOTDIR);
        assert_fault(store.prune(&|_| true), libc::ENOTDIR);
        assert_eq!(put_of(&store, 0).unwrap_err().kind(), ErrorKind::Store);
        assert_eq!(store.claim(&the_key(), &url(1)).unwrap_err().kind(), ErrorKind::Store);
    }
    assert_eq!(fs::read_to_string(file).unwrap(), "precious");
}

/// A child without the superuser's rights.
#[test]
fn child_not_allowed() {
    let Some(folder) = asked() else { return };
    let store = DirectoryStore::open(folder.join("store"));
    put_of(&store, 1).unwrap();
    let allow = |mode| fs::set_permissions(folder.join("store"), fs::Permissions::from_mode(mode)).unwrap();

    allow(0o500);
    assert_eq!(find(&store), (vec![small(1, 1)], vec![]));
    assert_fault(put_of(&store, 2), libc::EACCES);
    assert_fault(store.remove(&the_key(), &url(1)), libc::EACCES);
    assert_fault(store.claim(&the_key(), &url(1)), libc::EACCES);
    assert_fault(store.prune(&|_| true), libc::EACCES);
    allow(0o000);
    assert_fault(store.find(&the_key()), libc::EACCES);
    assert_fault(put_of(&store, 2), libc::EACCES);

    allow(0o700);
    assert_eq!(find(&store), (vec![small(1, 1)], vec![]));
    assert_eq!(names(&folder.join("store")).len(), 1);
    fs::set_permissions(file_of(&store, &url(1)), fs::Permissions::from_mode(0o000)).unwrap();
    let (records, skipped) = find(&store);
    assert!(records.is_empty() && skipped[0].contains("cannot be read"), "{skipped:?}");
}

/// Permissions do not bind the superuser: for one the child becomes nobody.
#[test]
fn not_allowed() {
    let folder = Folder::new();
    let mut command = child("store::tests::faults::child_not_allowed", folder.path());
    if fs::metadata(folder.path()).unwrap().uid() == 0 {
        chown(folder.path(), Some(65534), Some(65534)).unwrap();
        command.uid(65534).gid(65534).current_dir("/");
    }
    match command.output() {
        Ok(output) => assert_passed(&output),
        Err(error) => {
            left_out::<()>("permissions of a store", &format!("nobody cannot run this program: {error}"));
        }
    }
}

/// A child that may not write a single byte to a file.
#[test]
fn child_file_limit() {
    let Some(folder) = asked() else { return };
    let store = DirectoryStore::open(folder.join("store"));
    assert_fault(put_of(&store, 2), libc::EFBIG);
    assert_eq!(find(&store), (vec![small(1, 1)], vec![]));
    assert_eq!(names(&folder.join("store")).len(), 1);
}

/// The write itself fails, after the file was made.
#[test]
fn file_limit() {
    let folder = Folder::new();
    put(&folder.store().0, &small(1, 1));
    let shell = ["sh", "-c", "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\""];
    let mut command = wrapped(&shell, "store::tests::faults::child_file_limit", folder.path());
    assert_passed(&command.output().unwrap());
}

/// A child in a file system of 64 KiB.
#[test]
fn child_full_disk() {
    let Some(folder) = asked() else { return };
    let store = DirectoryStore::open(folder.join("store"));
    put_of(&store, 1).unwrap();
    let filling = folder.join("filling");
    assert_eq!(fs::write(&filling, vec![1; 1 << 20]).unwrap_err().raw_os_error(), Some(libc::ENOSPC));
    assert_fault(put_of(&store, 2), libc::ENOSPC);
    assert_eq!(find(&store), (vec![small(1, 1)], vec![]));
    assert_eq!(names(&folder.join("store")).len(), 1);
    // Locks and removals need no room.
    let claim = store.claim(&the_key(), &url(1)).unwrap();
    store.remove(&the_key(), &url(1)).unwrap();
    drop(claim);
    fs::remove_file(filling).unwrap();
    put_of(&store, 3).unwrap();
    assert_eq!(find(&store), (vec![small(1, 3)], vec![]));
}

#[test]
fn full_disk() {
    on_own_disk("a full disk for a store", "store::tests::faults::child_full_disk");
}

/// A child in a file system of its own, which it turns read-only.
#[test]
fn child_read_only() {
    let Some(folder) = asked() else { return };
    let store = DirectoryStore::open(folder.join("store"));
    put_of(&store, 1).unwrap();
    assert!(Command::new("mount").args(["-o", "remount,bind,ro"]).arg(&folder).status().unwrap().success());
    assert_eq!(find(&store), (vec![small(1, 1)], vec![]));
    assert_fault(put_of(&store, 2), libc::EROFS);
    assert_fault(store.remove(&the_key(), &url(1)), libc::EROFS);
    assert_fault(store.claim(&the_key(), &url(1)), libc::EROFS);
    assert_fault(store.prune(&|_| true), libc::EROFS);
    assert_eq!(store.prune(&|_| false).unwrap(), 0);
    assert_fault(
        DirectoryStore::open(folder.join("other")).put(&the_key(), &url(1), &small(1, 2).to_bytes()),
        libc::EROFS,
    );
    assert_eq!(names(&folder.join("store")).len(), 1);
}

#[test]
fn read_only() {
    on_own_disk("a read-only disk for a store", "store::tests::faults::child_read_only");
}

/// Runs a child with a small file system at its folder, which nobody else sees and which goes when it ends.
fn on_own_disk(what: &str, test: &str) {
    const NO_MOUNT: i32 = 77;
    let folder = Folder::new();
    let mount =
        format!("mount -t tmpfs -o size=64k none \"$TUS_STORE_TEST_FOLDER\" || exit {NO_MOUNT}; exec \"$0\" \"$@\"");
    let unshare = ["unshare", "--user", "--map-root-user", "--mount"];
    if !possible(&unshare, folder.path()) {
        left_out::<()>(what, "this user may not mount anything, not even for itself");
        return;
    }
    let output = wrapped(&[&unshare[..], &["sh", "-c", &mount]].concat(), test, folder.path()).output().unwrap();
    assert_passed(&output);
}

fn possible(unshare: &[&str], folder: &Path) -> bool {
    let mut command = Command::new(unshare[0]);
    command.args(&unshare[1..]).args(["mount", "-t", "tmpfs", "none"]).arg(folder);
    command.output().is_ok_and(|output| output.status.success())
}
