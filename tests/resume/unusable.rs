//! Stores that cannot be used: a warning, never a failed upload.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tus::engine::config::Config;
use tus::engine::log::Level;
use tus::error::{Error, ErrorKind, Result};
use tus::store::{Claim, DirectoryStore, Found, Store};
use tus::warning::{Warning, WarningKind};

use crate::fixture::*;

/// Uploads something twice, half and whole, in one part and in three; the store has something to complain about.
#[track_caller]
fn works_with_a_warning(prepare: impl Fn(&mut Config, &Folder)) {
    for parts in [1, 3] {
        let (server, folder, bytes) = (server(), Folder::new(), noise(5000, 20));
        let path = settled(&folder, "a", &bytes);
        let mut config = config_to(&server.endpoint());
        prepare(&mut config, &folder);
        let log = logged(&mut config, Level::Warn);
        let done = run(&config, &path, &in_parts(parts)).unwrap();
        assert_stored(&server, &done, &bytes);
        let of_store =
            |warning: &Warning| matches!(warning.kind, WarningKind::NotStored | WarningKind::StoreUnreadable);
        assert!(done.warnings.iter().any(of_store), "the result says it too: {:?}", done.warnings);
        let lines = log.lock().unwrap();
        assert!(lines.iter().any(|line| line.contains("store")), "{lines:?}");
        assert!(lines.len() <= 4, "said and not repeated for each chunk: {lines:#?}");
        for line in lines.iter() {
            assert!(!line.contains(id_of(done.url.as_str())), "{line}");
        }
    }
}

#[test]
fn a_store_that_is_a_file() {
    works_with_a_warning(|config, folder| config.set_store_dir(folder.file("store", b"not a directory")));
}

#[test]
fn a_store_below_a_file() {
    works_with_a_warning(|config, folder| config.set_store_dir(folder.file("store", b"no").join("deep")));
}

#[test]
fn a_store_where_nothing_can_be_made() {
    works_with_a_warning(|config, _| config.set_store_dir(PathBuf::from("/proc/self/store")));
}

#[test]
fn a_store_without_a_path() {
    works_with_a_warning(|config, _| config.set_store_dir(PathBuf::new()));
}

/// A user other than the superuser is kept out by the mode; the superuser by nothing but the kind of file system.
#[test]
fn a_store_that_may_only_be_read() {
    let check = Folder::new();
    fs::set_permissions(check.path(), Permissions::from_mode(0o500)).unwrap();
    if fs::write(check.path().join("x"), "").is_ok() {
        works_with_a_warning(|config, _| config.set_store(Some(Arc::new(Failing { what: What::Writing }))));
        return;
    }
    works_with_a_warning(|config, folder| {
        fs::create_dir(store_in(folder)).unwrap();
        fs::set_permissions(store_in(folder), Permissions::from_mode(0o500)).unwrap();
        config.set_store_dir(store_in(folder));
    });
}

#[derive(Clone, Copy, PartialEq)]
enum What {
    Finding,
    Writing,
    Removing,
    Everything,
}

/// Stands in for a full disk and the like.
struct Failing {
    what: What,
}

impl Failing {
    fn fails(&self, what: What) -> Result<()> {
        if self.what == what || self.what == What::Everything {
            return Err(Error::new(ErrorKind::Store, "the store's disk is full"));
        }
        Ok(())
    }
}

impl Store for Failing {
    fn find(&self, _: &str) -> Result<Found> {
        self.fails(What::Finding).map(|()| Found::default())
    }

    fn put(&self, _: &str, _: &str, _: &[u8]) -> Result<()> {
        self.fails(What::Writing)
    }

    fn remove(&self, _: &str, _: &str) -> Result<()> {
        self.fails(What::Removing)
    }

    fn claim(&self, _: &str, _: &str) -> Result<Option<Claim>> {
        self.fails(What::Writing).map(|()| Some(Claim::unguarded()))
    }
}

#[test]
fn a_store_whose_functions_fail() {
    for what in [What::Finding, What::Writing, What::Removing, What::Everything] {
        works_with_a_warning(move |config, _| config.set_store(Some(Arc::new(Failing { what }))));
    }
}

/// The record of half an upload, changed as `damage` does it: it is not used, and the upload succeeds.
#[track_caller]
fn damaged(damage: impl Fn(&Path), stays: bool) {
    for parts in [1, 3] {
        let (server, folder, bytes) = (server(), Folder::new(), noise(5000, 21));
        let path = settled(&folder, "a", &bytes);
        let mut config = stored(&server, &folder);
        let mut stopping = in_parts(parts);
        stopping.set_progress(Some(stops_after(2000)));
        run(&config, &path, &stopping).unwrap_err();
        let record = records(&folder).remove(0);
        damage(&record);
        let before = fs::read(&record).ok();
        server.clear_log();
        let log = logged(&mut config, Level::Warn);
        let done = run(&config, &path, &options()).unwrap();
        assert_stored(&server, &done, &bytes);
        assert_eq!(count(&server, "HEAD"), 0, "nothing in it is believed");
        let lines = log.lock().unwrap();
        assert!(lines.iter().any(|line| line.contains("passed over")), "{lines:?}");
        if stays {
            assert_eq!(fs::read(&record).ok(), before);
        }
    }
}

#[test]
fn records_that_are_cut() {
    for part in [0.0, 0.3, 0.9] {
        damaged(
            |record| {
                let bytes = fs::read(record).unwrap();
                fs::write(record, &bytes[..(bytes.len() as f64 * part) as usize]).unwrap();
            },
            true,
        );
    }
    damaged(
        |record| {
            let bytes = fs::read(record).unwrap();
            fs::write(record, &bytes[..bytes.len() - 1]).unwrap();
        },
        true,
    );
}

#[test]
fn records_with_one_letter_changed() {
    damaged(
        |record| {
            let text = fs::read_to_string(record).unwrap();
            fs::write(record, text.replacen("/files/", "/fiIes/", 1)).unwrap();
        },
        true,
    );
}

#[test]
fn records_that_are_something_else() {
    for garbage in [&b"\xff\0\xfe"[..], b"{}", b"[]", b"null", b"{\"format\":1}"] {
        damaged(|record| fs::write(record, garbage).unwrap(), true);
    }
}

#[test]
fn records_of_a_later_version() {
    damaged(
        |record| {
            let text = fs::read_to_string(record).unwrap();
            fs::write(record, text.replace("\"format\":1", "\"format\":2")).unwrap();
        },
        true,
    );
}

#[test]
fn records_that_others_may_write() {
    damaged(|record| fs::set_permissions(record, Permissions::from_mode(0o666)).unwrap(), true);
}

#[test]
fn records_that_are_links() {
    damaged(
        |record| {
            let aside = record.with_extension("aside");
            fs::rename(record, &aside).unwrap();
            symlink(aside, record).unwrap();
        },
        true,
    );
}

/// A store that other files lie in.
#[test]
fn files_of_others_in_the_store_stay() {
    let (server, folder, bytes) = (server(), Folder::new(), noise(5000, 22));
    let path = settled(&folder, "a", &bytes);
    fs::create_dir(store_in(&folder)).unwrap();
    fs::write(store_in(&folder).join("notes.json"), "mine").unwrap();
    let done = run(&stored(&server, &folder), &path, &options()).unwrap();
    assert_stored(&server, &done, &bytes);
    assert_eq!(store_files(&folder), ["notes.json"]);
    let store = DirectoryStore::open(store_in(&folder));
    assert_eq!(store.prune(&|_| true).unwrap(), 0);
    assert_eq!(store_files(&folder), ["notes.json"]);
}

/// A folder that another user could put anything into; only the system's user can give one away.
#[test]
fn a_store_of_another_user() {
    let probe = Folder::new();
    if std::os::unix::fs::chown(probe.path(), Some(12345), None).is_err() {
        return;
    }
    works_with_a_warning(|config, folder| {
        std::fs::create_dir(store_in(folder)).unwrap();
        std::os::unix::fs::chown(store_in(folder), Some(12345), None).unwrap();
        config.set_store_dir(store_in(folder));
    });
}
