//! What a file is recognised by: while it is uploaded, and when it is uploaded again.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::store::FileIdentity;

/// How old a file's times must be for the next change to give it others: five times the step of the coarsest clock a
/// kernel stamps files with. ("Racily clean" is git's name for a file that is younger.)
const SETTLED_AFTER: i128 = 50_000_000;

/// What makes a file the same file with the same content, as far as the file system can tell.
///
/// The time of its last change of any kind is not part of it: a new name or new permissions leave the content alone and
/// must not end an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
    pub(super) size: u64,
    modified: (i64, i64),
}

impl Identity {
    pub(super) fn of(metadata: &Metadata) -> Identity {
        Identity {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }

    /// How `now` differs, in words.
    pub(super) fn difference(self, now: Identity) -> Option<String> {
        if (self.device, self.inode) != (now.device, now.inode) {
            Some("it was replaced by another file".to_owned())
        } else if now.size < self.size {
            Some(format!("it was truncated from {} to {} bytes", self.size, now.size))
        } else if now.size > self.size {
            Some(format!("it grew from {} to {} bytes", self.size, now.size))
        } else if now.modified != self.modified {
            Some("it was modified".to_owned())
        } else {
            None
        }
    }
}

/// What is kept of a file between two uploads, with the time of its last change of any kind: nobody can set that back.
pub(super) fn lasting(metadata: &Metadata) -> FileIdentity {
    FileIdentity {
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
        let settled = |modified, changed| settled_at(&FileIdentity { device: 1, inode: 2, modified, changed }, now);
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
