//! What a file is recognised by: while it is uploaded, and when it is uploaded again.

use std::fs::{File, Metadata};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::store::FileIdentity;
use crate::sys::attributes::attributes;

/// How old a file's times must be for the next change to give it others: five times the step of the coarsest clock a
/// kernel stamps files with. ("Racily clean" is git's name for a file that is younger.)
const SETTLED_AFTER: i128 = 50_000_000;

/// What the system says of a file at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    size: u64,
    modified: (i64, i64),
    /// When anything about it was last changed.
    changed: (i64, i64),
    /// Mode, owner, group and number of names: a change of one of these moves `changed` too.
    status: (u32, u32, u32, u64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Stamp {
        Stamp {
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            status: (metadata.mode(), metadata.uid(), metadata.gid(), metadata.nlink()),
        }
    }
}

/// What also moves the time of change, and no stamp shows: the file's name and its extended attributes.
#[derive(Debug, PartialEq, Eq)]
struct Traits {
    name: Option<PathBuf>,
    attributes: Vec<u8>,
}

impl Traits {
    fn of(file: &File) -> Traits {
        let name = std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).ok();
        Traits { name, attributes: attributes(file) }
    }
}

/// How an open file was when its content was last known to be what it was at first (T-156).
///
/// Its names mean nothing: they may be changed, removed, or given to another file. Its content has changed if its size
/// or its time of modification has; or if the time of its last change of any kind has moved, which no program can set
/// back, and neither mode, owner, names nor extended attributes explain that.
#[derive(Debug)]
pub(super) struct Baseline(Mutex<Known>);

#[derive(Debug)]
struct Known {
    stamp: Stamp,
    traits: Traits,
}

impl Baseline {
    pub(super) fn of(file: &File, metadata: &Metadata) -> Baseline {
        Baseline(Mutex::new(Known { stamp: Stamp::of(metadata), traits: Traits::of(file) }))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the content has changed, in words; `None` if it has not.
    pub(super) fn difference(&self, file: &File) -> io::Result<Option<String>> {
        self.known().difference(file)
    }

    /// The same for a file whose content `is_same` can compare with what it was: it is asked where the stamps say that the
    /// content may have changed, and what it says counts if nothing changes meanwhile.
    pub(super) fn difference_unless<E>(
        &self,
        file: &File,
        is_same: impl FnOnce() -> Result<bool, E>,
    ) -> Result<io::Result<Option<String>>, E> {
        // Held meanwhile, so that other cursors wait for what comes out instead of comparing too.
        let mut known = self.known();
        let difference = match known.difference(file) {
            Ok(Some(difference)) => difference,
            other => return Ok(other),
        };
        let stamp = || file.metadata().map(|metadata| Stamp::of(&metadata));
        let before = match stamp() {
            Ok(before) => before,
            Err(error) => return Ok(Err(error)),
        };
        if !is_same()? {
            return Ok(Ok(Some(difference)));
        }
        Ok(stamp().map(|after| {
            if after != before {
                return Some(difference);
            }
            *known = Known { stamp: after, traits: Traits::of(file) };
            None
        }))
    }
}

impl Known {
    fn difference(&mut self, file: &File) -> io::Result<Option<String>> {
        let (was, now) = (self.stamp, Stamp::of(&file.metadata()?));
        if now == was {
            return Ok(None);
        }
        if now.size < was.size {
            return Ok(Some(format!("it was truncated from {} to {} bytes", was.size, now.size)));
        }
        if now.size > was.size {
            return Ok(Some(format!("it grew from {} to {} bytes", was.size, now.size)));
        }
        if now.modified != was.modified {
            return Ok(Some("it was modified".to_owned()));
        }
        let traits = Traits::of(file);
        if now.changed != was.changed && (now.status, &traits) == (was.status, &self.traits) {
            return Ok(Some("it was written to and its time of modification set back".to_owned()));
        }
        // So that this change explains no later one.
        *self = Known { stamp: now, traits };
        Ok(None)
    }
}

/// What is kept of a file between two uploads, with the time of its last change of any kind: nobody can set that back.
/// `start` is the first byte of it that counts.
pub(super) fn lasting(metadata: &Metadata, start: u64) -> FileIdentity {
    FileIdentity {
        start,
        device: metadata.dev(),
        inode: metadata.ino(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
    }
}

/// Whether a change from now on must show in the identity. By the wall clock, as the file's times are.
pub(super) fn is_settled(identity: &FileIdentity) -> bool {
    settled_at(identity, SystemTime::now())
}

fn settled_at(identity: &FileIdentity, now: SystemTime) -> bool {
    let nanoseconds = |(seconds, rest): (i64, i64)| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
    let Ok(now) = now.duration_since(UNIX_EPOCH) else { return false };
    let youngest = nanoseconds(identity.modified).max(nanoseconds(identity.changed));
    // Any i64 of seconds, in nanoseconds, is far from what an i128 holds: no overflow.
    now.as_nanos() as i128 - youngest > SETTLED_AFTER
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn settled_is_what_is_old_by_both_clocks() {
        let now = UNIX_EPOCH + Duration::new(1_000, 40_000_000);
        let settled =
            |modified, changed| settled_at(&FileIdentity { device: 1, inode: 2, modified, changed, start: 0 }, now);
        assert!(settled((900, 0), (900, 0)));
        assert!(settled((999, 989_999_999), (999, 989_999_999)));
        assert!(!settled((999, 990_000_000), (900, 0)));
        assert!(!settled((900, 0), (999, 990_000_000)));
        assert!(!settled((900, 0), (1_000, 40_000_000)));
        assert!(!settled((2_000, 0), (900, 0)), "a time in the future");
        assert!(settled((-5, 0), (i64::MIN, 0)), "before 1970");
        assert!(!settled((i64::MAX, 0), (0, 0)));
    }
}
