//! What the tests share: a folder, records, and child processes that run one test of this same program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::store::names::Stem;
use crate::store::{DirectoryStore, FileIdentity, PartRecord, Prefix, Record, Store as _, key};

pub(super) const ENDPOINT: &str = "https://example.com/files/";
pub(super) const SIZE: u64 = 1 << 40;

/// Where a child finds the folder it is to work in.
const FOLDER: &str = "TUS_STORE_TEST_FOLDER";

/// A folder of the test's own, gone when dropped.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new() -> Folder {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("tus-store-{}-{count}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Folder(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// A store in a directory that is not there yet.
    pub(super) fn store(&self) -> (DirectoryStore, PathBuf) {
        let path = self.0.join("store");
        (DirectoryStore::open(path.clone()), path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _left_behind = fs::remove_dir_all(&self.0);
    }
}

pub(super) fn the_key() -> String {
    key(ENDPOINT, SIZE)
}

pub(super) fn url(number: usize) -> String {
    format!("{ENDPOINT}{number}")
}

/// A record with little in it.
pub(super) fn small(number: usize, offset: u64) -> Record {
    Record { url: url(number), endpoint: ENDPOINT.to_owned(), size: SIZE, offset, created: 1, ..Record::default() }
}

/// A record with everything in it, and numbers at their limits.
pub(super) fn full() -> Record {
    let time = (i64::MIN, 999_999_999);
    Record {
        url: format!("{ENDPOINT}a?t=\"quoted\",\"record\":{{}}&ü=\\"),
        endpoint: ENDPOINT.to_owned(),
        size: SIZE,
        offset: SIZE,
        created: u64::MAX,
        expires: Some(u64::MAX - 1),
        clock_skew: i64::MIN,
        fingerprint: Some("size:1--sha256:\"\\\u{1f980}".to_owned()),
        identity: Some(FileIdentity { device: u64::MAX, inode: 1, modified: time, changed: (i64::MAX, 0), start: 9 }),
        identity_trusted: true,
        content: Some(Prefix { length: SIZE, sha256: "0123456789abcdef".repeat(4) }),
        metadata: Some("fedcba9876543210".repeat(4)),
        named: true,
        parts: vec![
            PartRecord { url: url(1), start: 0, length: 7 },
            PartRecord { url: url(2), start: 7, length: SIZE - 7 },
        ],
        whole: Some(url(3)),
    }
}

/// Keeps a record; where its file is.
pub(super) fn put(store: &DirectoryStore, record: &Record) -> PathBuf {
    store.put(&the_key(), &record.url, &record.to_bytes()).unwrap();
    file_of(store, &record.url)
}

pub(super) fn file_of(store: &DirectoryStore, url: &str) -> PathBuf {
    store.path().unwrap().join(Stem::new(&the_key(), url).record())
}

/// The records under the one key, and what was passed over.
pub(super) fn find(store: &DirectoryStore) -> (Vec<Record>, Vec<String>) {
    let found = store.find(&the_key()).unwrap();
    let mut records: Vec<_> = found.records.iter().map(|bytes| Record::from_bytes(bytes).unwrap()).collect();
    records.sort_by(|a, b| a.url.cmp(&b.url));
    (records, found.skipped)
}

/// The names of all files in a folder.
pub(super) fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A command that runs one test of this program as a child with a folder to work in. The test has to ask for it with
/// [`asked`] and do nothing if it is not a child.
pub(super) fn child(test: &str, folder: &Path) -> Command {
    wrapped(&[], test, folder)
}

/// The same below another program, which gets the child as its last arguments.
pub(super) fn wrapped(wrapper: &[&str], test: &str, folder: &Path) -> Command {
    let program = std::env::current_exe().unwrap().into_os_string();
    let mut words: Vec<_> = wrapper.iter().map(Into::into).collect();
    words.push(program);
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).args([test, "--exact", "--nocapture", "--test-threads=1"]);
    command.env(FOLDER, folder).stdin(Stdio::null());
    command
}

/// The folder, if this process is a child.
pub(super) fn asked() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

/// A child's test has run, and passed.
#[track_caller]
pub(super) fn assert_passed(output: &Output) {
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && text.contains("1 passed"), "{}: {text}", output.status);
}
