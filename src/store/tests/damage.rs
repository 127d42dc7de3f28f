//! Files that are not what they should be (scenario 81): passed over with a reason, never used, never in the way.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::Path;

use super::fixture::*;
use super::record::mutate;
use crate::error::ErrorKind;
use crate::store::Store as _;
use crate::store::content::unpack;
use crate::store::names::Stem;

/// Puts two records, spoils the file of the first; it must be passed over for a reason with these words, and the next
/// put must make it good again unless something is there that cannot be replaced.
#[track_caller]
fn passed_over(spoil: impl FnOnce(&Path), reason: &str, mended_by_put: bool) {
    let folder = Folder::new();
    let (store, path) = folder.store();
    let file = put(&store, &small(1, 0));
    put(&store, &small(2, 0));
    spoil(&file);

    let (records, skipped) = find(&store);
    assert_eq!(records, [small(2, 0)]);
    assert!(skipped.len() == 1 && skipped[0].contains(reason), "{skipped:?}");
    assert!(!skipped[0].contains("example.com"), "{skipped:?}");
    assert_eq!(store.prune(&|record| record.url == url(1)).unwrap(), 0);
    assert!(fs::symlink_metadata(&file).is_ok());

    let again = store.put(&the_key(), &url(1), &small(1, 3).to_bytes());
    if mended_by_put {
        again.unwrap();
        assert_eq!(find(&store), (vec![small(1, 3), small(2, 0)], vec![]));
    } else {
        assert_eq!(again.unwrap_err().kind(), ErrorKind::Store);
    }
    assert!(names(&path).iter().all(|name| !name.ends_with(".tmp")));
}

fn replace(from: &'static str, to: &'static str) -> impl FnOnce(&Path) {
    move |file| {
        let text = fs::read_to_string(file).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(file, text.replacen(from, to, 1)).unwrap();
    }
}

#[test]
fn damaged() {
    passed_over(|file| fs::write(file, "").unwrap(), "empty", true);
    passed_over(|file| fs::write(file, [0; 4096]).unwrap(), "damaged", true);
    passed_over(|file| fs::write(file, small(1, 0).to_bytes()).unwrap(), "damaged", true);
    passed_over(|file| fs::File::options().write(true).open(file).unwrap().set_len(3 << 20).unwrap(), "bytes", true);
}

/// Still a record in itself, but with a letter changed.
#[test]
fn altered() {
    passed_over(replace("\"offset\":0", "\"offset\":1"), "damaged", true);
    passed_over(replace("files/1\"", "files/3\""), "damaged", true);
    passed_over(replace("size:1", "size:2"), "damaged", true);
}

#[test]
fn not_a_file() {
    let away = |file: &Path| fs::rename(file, file.with_extension("away")).unwrap();
    let link = |file: &Path| {
        away(file);
        symlink(file.with_extension("away"), file).unwrap();
    };
    passed_over(link, "symbolic link", true);
    let directory = |file: &Path| {
        away(file);
        fs::create_dir(file).unwrap();
    };
    passed_over(directory, "regular file", false);
    let pipe = |file: &Path| {
        away(file);
        assert!(std::process::Command::new("mkfifo").arg(file).status().unwrap().success());
    };
    passed_over(pipe, "regular file", true);
}

#[test]
fn writable_by_others() {
    for mode in [0o620, 0o602, 0o666] {
        let open = |file: &Path| fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
        passed_over(open, "others may write", true);
    }
}

/// Not read, so that nobody knows whether it is a later version's, and therefore not replaced either. Only the superuser
/// can give a file away; the rule itself is tested where it stands, by any user.
#[test]
fn owned_by_another() {
    let folder = Folder::new();
    let file = folder.path().join("mine");
    fs::write(&file, "").unwrap();
    let another = fs::metadata(&file).unwrap().uid() + 1;
    if chown(&file, Some(another), None).is_ok() {
        passed_over(|file| chown(file, Some(another), None).unwrap(), "belongs to user", false);
    }
}

#[test]
fn in_the_wrong_place() {
    let folder = Folder::new();
    let (store, path) = folder.store();
    let file = put(&store, &small(1, 0));
    fs::copy(&file, path.join(Stem::new(&the_key(), &url(2)).record())).unwrap();
    fs::copy(&file, path.join(Stem::new("another key", &url(1)).record())).unwrap();
    fs::copy(&file, path.join("copy.json")).unwrap();
    let (records, skipped) = find(&store);
    assert_eq!((records, skipped.len()), (vec![small(1, 0)], 1));
    let other = store.find("another key").unwrap();
    assert_eq!((other.records.len(), other.skipped.len()), (0, 1));
}

/// What a later version wrote stays, byte for byte, whatever we do.
#[test]
fn of_a_later_version() {
    for (from, to) in [("{\"format\":1", "{\"format\":2"), ("\"record\":{\"format\":1", "\"record\":{\"format\":7")] {
        let folder = Folder::new();
        let (store, path) = folder.store();
        let file = put(&store, &small(1, 0));
        replace(from, to)(&file);
        let before = fs::read(&file).unwrap();

        let (records, skipped) = find(&store);
        assert!(records.is_empty() && skipped[0].contains("newer version"), "{skipped:?}");
        let error = store.put(&the_key(), &url(1), &small(1, 3).to_bytes()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Store);
        assert!(error.full_message().contains("newer version"), "{error:?}");
        assert_eq!(store.remove(&the_key(), &url(1)).unwrap_err().kind(), ErrorKind::Store);
        drop(store.claim(&the_key(), &url(1)).unwrap().unwrap());
        assert_eq!(store.prune(&|_| true).unwrap(), 0);
        assert_eq!(fs::read(&file).unwrap(), before);
        // Not even if others may write to it.
        fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
        assert_eq!(store.put(&the_key(), &url(1), &small(1, 3).to_bytes()).unwrap_err().kind(), ErrorKind::Store);
        assert_eq!(fs::read(&file).unwrap(), before);
        assert_eq!(names(&path).len(), 2, "the record and its lock");
    }
}

#[test]
fn every_cut_of_a_file_is_refused() {
    let folder = Folder::new();
    let (store, _) = folder.store();
    let file = put(&store, &full());
    let whole = fs::read(&file).unwrap();
    for length in 0..whole.len() {
        assert!(unpack(&whole[..length]).is_err(), "{length}");
    }
    assert_eq!(unpack(&whole).unwrap().record, full());
}

/// Whatever happens to a file, it is either refused or still holds the same record.
#[test]
fn no_mutation_is_believed() {
    let folder = Folder::new();
    let (store, _) = folder.store();
    let file = put(&store, &full());
    let whole = fs::read(&file).unwrap();
    let mut random = fastrand::Rng::with_seed(83);
    for _ in 0..20_000 {
        let mut bytes = whole.clone();
        mutate(&mut bytes, &mut random);
        if let Ok(content) = unpack(&bytes) {
            assert_eq!((content.key, content.record), (the_key(), full()), "{}", String::from_utf8_lossy(&bytes));
        }
    }
}
