//! A claim as a lock on a file beside the record.
//!
//! The operating system gives the lock free when its holder dies, however it dies, so that no claim is ever left over.
//! The file itself goes when its record is gone. Whoever opened it just before then holds a lock on a file no longer
//! there, while the next one makes and locks another: therefore, with the lock held, the path is followed once more.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// How often the file may be replaced under our eyes before we say that others are at work. Arbitrary: each time
/// somebody held the claim just now.
const ATTEMPTS: usize = 16;

/// A lock that is held.
pub(super) struct LockFile {
    file: File,
    path: PathBuf,
    record: PathBuf,
    /// Who holds it: a fork shares the open file, and the child must not give free what is the parent's.
    process: u32,
}

/// Takes the lock at `path`; `None` if another has it. `record` is the file it is about, which need not exist.
pub(super) fn acquire(path: PathBuf, record: PathBuf) -> io::Result<Option<LockFile>> {
    for _ in 0..ATTEMPTS {
        let file = open(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(TryLockError::Error(error)) => return Err(error),
        }
        if leads_to(&path, &file)? {
            return Ok(Some(LockFile { file, path, record, process: std::process::id() }));
        }
    }
    Ok(None)
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    // Writable, because some network file systems lock nothing else; never truncated, although it is empty anyway.
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let file = options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("the lock is not a regular file")) }
}

fn leads_to(path: &Path, file: &File) -> io::Result<bool> {
    let ours = file.metadata()?;
    match fs::symlink_metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (ours.dev(), ours.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        if self.process != std::process::id() {
            return;
        }
        // While the lock is held: nobody else can be about to rely on this file.
        let gone = fs::symlink_metadata(&self.record).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
        if gone {
            let _left_for_prune = fs::remove_file(&self.path);
        }
        // Closing would do, unless a forked child still has the file open.
        let _closed_anyway = self.file.unlock();
    }
}
