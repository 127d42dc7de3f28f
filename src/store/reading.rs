//! Reading a record's file without trusting what lies there: the directory may be one that others write to.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use super::content::{Content, MAX_FILE, unpack};
use super::record::BadRecord;

/// What is found at a record's path.
#[derive(Debug)]
pub(super) enum Look {
    /// Nothing.
    Absent,
    /// A record written by us.
    Whole(Box<Content>),
    /// A record of a later version, to be left as it is.
    Newer(BadRecord),
    /// A file of another user's, of which nothing was read; in words.
    Foreign(String),
    /// Something else; why it cannot be used, in words.
    Unusable(String),
}

/// Looks at a record's path. `user` is whose files are trusted.
pub(super) fn look(path: &Path, user: u32) -> Look {
    let (metadata, bytes) = match read(path, user) {
        Ok(Ok(read)) => read,
        Ok(Err(foreign)) => return Look::Foreign(foreign),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Look::Absent,
        Err(error) if error.raw_os_error() == Some(libc::ELOOP) => {
            return Look::Unusable("it is a symbolic link".to_owned());
        }
        Err(error) => return Look::Unusable(format!("it cannot be read: {error}")),
    };
    match (unpack(&bytes), distrust(&metadata)) {
        // Before the question of trust: nobody's record of a later version is ours to overwrite.
        (Err(newer @ BadRecord::Newer(_)), _) => Look::Newer(newer),
        (_, Some(reason)) => Look::Unusable(reason),
        (Err(BadRecord::Garbage), _) if bytes.is_empty() => Look::Unusable("it is empty".to_owned()),
        (Err(garbage), _) => Look::Unusable(garbage.to_string()),
        (Ok(content), None) => Look::Whole(Box::new(content)),
    }
}

/// The user whose files are ours: the owner a new object of this process gets, asked of a pipe, which needs no place in
/// any file system.
pub(super) fn own_user() -> io::Result<u32> {
    let (reader, _writer) = io::pipe()?;
    Ok(File::from(OwnedFd::from(reader)).metadata()?.uid())
}

/// A file and what is in it; if it is another user's, only that.
fn read(path: &Path, user: u32) -> io::Result<Result<(Metadata, Vec<u8>), String>> {
    // A link could lead to a file of ours that others may not read; a FIFO would block in open.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    if metadata.uid() != user {
        return Ok(Err(format!("it belongs to user {}, not to user {user}", metadata.uid())));
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(io::Error::other(format!("it has more than {MAX_FILE} bytes")));
    }
    Ok(Ok((metadata, bytes)))
}

/// Why a file may hold what somebody else wants us to believe: a URL at which our data would be theirs.
fn distrust(metadata: &Metadata) -> Option<String> {
    if metadata.mode() & 0o022 != 0 {
        Some(format!("others may write to it (mode {:04o})", metadata.mode() & 0o7777))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_others_are_not_trusted() {
        let path = std::env::temp_dir().join(format!("tus-store-owner-{}", std::process::id()));
        let ours = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path).unwrap();
        let metadata = ours.metadata().unwrap();
        let user = own_user().unwrap();
        assert_eq!(distrust(&metadata), None);
        assert!(matches!(look(&path, user), Look::Unusable(reason) if reason.contains("empty")));
        assert!(matches!(look(&path, user + 1), Look::Foreign(reason) if reason.contains("belongs to")));
        std::fs::remove_file(path).unwrap();
    }
}
