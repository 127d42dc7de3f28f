//! A store in a directory: one file per upload, read by nobody else, whole at every moment.
//!
//! The directory may be shared by any number of processes and threads, by several versions of the library, and even by
//! users who do not trust each other. No operation trusts what it finds there: a file is used if it is a regular file
//! of this user, writable by nobody else, undamaged, and where it belongs (scenario 81).

use std::fs::{self, DirEntry};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::content::{Content, MAX_FILE, pack};
use super::names::{Purpose, Stem};
use super::reading::{Look, look, own_user};
use super::{Claim, Found, Record, Store, lock, writing};
use crate::error::{Error, ErrorKind, Result};

/// How old a temporary file is when whoever wrote it must be dead: writing one takes milliseconds, and an hour is more
/// than clocks of machines that share a directory lie apart.
const LEFT_OVER: Duration = Duration::from_secs(3600);

/// No more records than this are read at once.
const MAX_FOUND: usize = 10_000;

/// Records as files in a directory.
///
/// [`Store::put`] and [`Store::remove`] wait until the disk has it (some milliseconds): not for every small chunk.
/// Claims hold between processes and between threads. A program that forks while it holds one and goes on in the child
/// without `exec` keeps the claim alive there if the parent dies.
#[derive(Debug, Clone)]
pub struct DirectoryStore {
    /// Absolute; `None` if it could not be made so.
    path: Option<PathBuf>,
}

impl DirectoryStore {
    /// A store in this directory, which is made (for this user alone, mode 0700, and those above it likewise) when
    /// there is something to keep or to claim.
    ///
    /// Touches nothing and never fails: what is wrong with the path shows in the operations. A relative path is taken
    /// from the working directory of this moment.
    pub fn open(path: PathBuf) -> DirectoryStore {
        DirectoryStore { path: std::path::absolute(path).ok() }
    }

    /// Where it is; `None` if the path given was empty, or relative while there was no working directory.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The directory, which is this user's, the system's, or not there yet: another user could put anything into his.
    fn directory(&self) -> Result<&Path> {
        let message = "the store has no directory: its path is empty, or relative without a working directory";
        let path = self.path().ok_or_else(|| Error::new(ErrorKind::Store, message))?;
        match fs::metadata(path) {
            Ok(found) => check_owner(path, found.uid(), user()?).map(|()| path),
            // Whatever is wrong with it is told by what is done with it.
            Err(_) => Ok(path),
        }
    }

    /// Every record whose name begins so, if it can be used.
    fn read_all(&self, prefix: &str) -> Result<Found> {
        let user = user()?;
        let mut found = Found::default();
        for (stem, purpose, entry) in self.files(prefix)? {
            if purpose != Purpose::Record {
                continue;
            }
            if found.records.len() == MAX_FOUND {
                found.skipped.push(format!("all but {MAX_FOUND} records were passed over"));
                break;
            }
            match read_own(&stem, &entry.path(), user) {
                Ok(Some(content)) => found.records.push(content.bytes),
                Ok(None) => {}
                Err(reason) => found.skipped.push(format!("{} was passed over: {reason}", stem.record())),
            }
        }
        Ok(found)
    }

    /// Every file of ours in the directory, by name; nothing if there is no directory.
    fn files(&self, prefix: &str) -> Result<Vec<(Stem, Purpose, DirEntry)>> {
        let directory = self.directory()?;
        let cannot = |error| fault("cannot list", directory, error);
        let entries = match fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(cannot(error)),
        };
        let mut files = Vec::new();
        for entry in entries {
            let entry = entry.map_err(cannot)?;
            if let Some((stem, purpose)) = entry.file_name().to_str().and_then(Stem::parse)
                && stem.is_under(prefix)
            {
                files.push((stem, purpose, entry));
            }
        }
        files.sort_by_key(|(_, _, entry)| entry.file_name());
        Ok(files)
    }

    fn acquire(&self, stem: &Stem) -> Result<Option<lock::LockFile>> {
        let directory = self.directory()?;
        let path = directory.join(stem.lock());
        lock::acquire(path.clone(), directory.join(stem.record())).map_err(|error| fault("cannot lock", &path, error))
    }

    /// Removes a record if it is stale and nobody works on it; says whether it did.
    fn remove_stale(&self, stem: &Stem, path: &Path, user: u32, is_stale: &dyn Fn(&Record) -> bool) -> Result<bool> {
        let stale = || read_own(stem, path, user).is_ok_and(|content| content.is_some_and(|c| is_stale(&c.record)));
        if !stale() {
            return Ok(false);
        }
        // Whoever held the claim may have written the record anew.
        let Some(_claim) = self.acquire(stem)? else { return Ok(false) };
        if !stale() {
            return Ok(false);
        }
        fs::remove_file(path).map(|()| true).map_err(|error| fault("cannot remove", path, error))
    }

    /// One file's turn in a pruning; says whether a record was removed.
    fn prune_file(
        &self,
        file: &(Stem, Purpose, DirEntry),
        user: u32,
        is_stale: &dyn Fn(&Record) -> bool,
    ) -> Result<bool> {
        let (stem, purpose, entry) = file;
        let path = entry.path();
        match purpose {
            Purpose::Record => self.remove_stale(stem, &path, user, is_stale),
            Purpose::Lock => {
                // Left by a holder that died, or by somebody who removed a record without claiming it. Letting go of a
                // claim removes its file if there is no record.
                if fs::symlink_metadata(path.with_file_name(stem.record())).is_err() {
                    drop(self.acquire(stem)?);
                }
                Ok(false)
            }
            Purpose::Temporary => {
                let modified = entry.metadata().and_then(|metadata| metadata.modified());
                let age = modified.ok().and_then(|modified| SystemTime::now().duration_since(modified).ok());
                if age.is_some_and(|age| age > LEFT_OVER) {
                    fs::remove_file(&path).or_else(absent_is_fine).map_err(|e| fault("cannot remove", &path, e))?;
                }
                Ok(false)
            }
        }
    }
}

impl Store for DirectoryStore {
    fn find(&self, key: &str) -> Result<Found> {
        self.read_all(&Stem::of_key(key))
    }

    fn list(&self) -> Result<Found> {
        self.read_all("")
    }

    fn put(&self, key: &str, url: &str, record: &[u8]) -> Result<()> {
        match Record::from_bytes(record) {
            Ok(record) if record.url == url => {}
            Ok(_) => return Err(Error::new(ErrorKind::Store, "the record to keep is that of another upload")),
            Err(bad) => {
                return Err(Error::new(ErrorKind::Store, "the record to keep is none").with_cause(Arc::new(bad)));
            }
        }
        let directory = self.directory()?;
        let stem = Stem::new(key, url);
        let path = directory.join(stem.record());
        let file = pack(key, record);
        if file.len() as u64 > MAX_FILE {
            return Err(Error::new(ErrorKind::Store, "the record to keep is too large"));
        }
        writing::make_directory(directory).map_err(|error| fault("cannot make", directory, error))?;
        refuse_newer(&path, user()?)?;
        writing::replace(directory, &stem.temporary(), &stem.record(), &file)
            .map_err(|error| fault("cannot write", &path, error))
    }

    fn remove(&self, key: &str, url: &str) -> Result<()> {
        let directory = self.directory()?;
        let path = directory.join(Stem::new(key, url).record());
        refuse_newer(&path, user()?)?;
        match fs::remove_file(&path) {
            // A finished upload must not come back with the power.
            Ok(()) => writing::sync(directory).map_err(|error| fault("cannot remove", &path, error)),
            Err(error) => absent_is_fine(error).map_err(|error| fault("cannot remove", &path, error)),
        }
    }

    fn claim(&self, key: &str, url: &str) -> Result<Option<Claim>> {
        let directory = self.directory()?;
        writing::make_directory(directory).map_err(|error| fault("cannot make", directory, error))?;
        Ok(self.acquire(&Stem::new(key, url))?.map(Claim::guarded))
    }

    /// Also removes what processes that died left behind: temporary files older than an hour and locks without a
    /// record. Damaged files, and those of later versions or other users, stay. Goes through all of them even if one
    /// cannot be removed, and then fails with the first reason.
    fn prune(&self, is_stale: &dyn Fn(&Record) -> bool) -> Result<u64> {
        let user = user()?;
        let mut removed = 0;
        let mut first_fault = None;
        for file in self.files("")? {
            match self.prune_file(&file, user, is_stale) {
                Ok(did) => removed += u64::from(did),
                Err(error) => first_fault = first_fault.or(Some(error)),
            }
        }
        first_fault.map_or(Ok(removed), Err)
    }
}

/// The record at a path if it is whole, ours, and the one that belongs there; `None` if there is nothing.
fn read_own(stem: &Stem, path: &Path, user: u32) -> std::result::Result<Option<Content>, String> {
    match look(path, user) {
        Look::Absent => Ok(None),
        // A file that was copied or renamed, or that has another key: removing "its" upload would remove another file.
        Look::Whole(content) if Stem::new(&content.key, &content.record.url) != *stem => {
            Err("it is the record of another upload".to_owned())
        }
        Look::Whole(content) => Ok(Some(*content)),
        Look::Newer(newer) => Err(newer.to_string()),
        Look::Foreign(reason) | Look::Unusable(reason) => Err(reason),
    }
}

fn check_owner(path: &Path, owner: u32, user: u32) -> Result<()> {
    if owner == user || owner == 0 {
        return Ok(());
    }
    let message = format!("the store's folder {} belongs to user {owner}, not to user {user}", path.display());
    Err(Error::new(ErrorKind::Store, message))
}

/// A later version of the library may know what it wrote, and another user what is his; what we do not understand we do
/// not destroy.
fn refuse_newer(path: &Path, user: u32) -> Result<()> {
    match look(path, user) {
        Look::Newer(newer) => {
            let message = format!("the record {} is left as it is", path.display());
            Err(Error::new(ErrorKind::Store, message).with_cause(Arc::new(newer)))
        }
        Look::Foreign(reason) => {
            let message = format!("the record {} is left as it is: {reason}", path.display());
            Err(Error::new(ErrorKind::Store, message))
        }
        _ => Ok(()),
    }
}

fn user() -> Result<u32> {
    own_user().map_err(|error| {
        let code = error.raw_os_error();
        let message = "cannot find out which user's records to trust in";
        Error::new(ErrorKind::Store, message).with_os_code(code).with_cause(Arc::new(error))
    })
}

fn absent_is_fine(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

fn fault(what: &str, path: &Path, error: io::Error) -> Error {
    let code = error.raw_os_error();
    let message = format!("{what} {}", path.display());
    Error::new(ErrorKind::Store, message).with_os_code(code).with_cause(Arc::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_another_user_is_refused() {
        let path = Path::new("/somewhere");
        for (owner, user, good) in [(7, 7, true), (0, 7, true), (0, 0, true), (7, 0, false), (8, 7, false)] {
            assert_eq!(check_owner(path, owner, user).is_ok(), good, "{owner} {user}");
        }
    }
}
