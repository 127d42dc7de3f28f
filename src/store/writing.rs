//! Writing a record's file so that at every moment either the old one or the new one is there, whole.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Puts a file in place: written under another name, brought to the disk, renamed, and the name brought to the disk
/// too.
///
/// If it fails, the temporary file is gone again.
pub(super) fn replace(directory: &Path, temporary: &str, name: &str, bytes: &[u8]) -> io::Result<()> {
    let temporary = Temporary(directory.join(temporary));
    // Upload URLs are as good as passwords to those who find them, so nobody else may read the file (scenario 81).
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary.0)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&temporary.0, directory.join(name))?;
    sync(directory)
}

/// Makes a directory and those above it, for this user alone, unless it is there.
pub(super) fn make_directory(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let missing: Vec<&Path> = path.ancestors().take_while(|above| !above.exists()).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    for above in missing.iter().filter_map(|made| made.parent()) {
        // Best effort: a directory one may make others in need not be readable.
        let _unsynced = sync(above);
    }
    Ok(())
}

/// Brings the names in a directory to the disk.
pub(super) fn sync(directory: &Path) -> io::Result<()> {
    match File::open(directory)?.sync_all() {
        // Some network file systems have no such thing: their names are as durable as they will ever be.
        Err(error) if matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENOTSUP | libc::ENOSYS)) => Ok(()),
        result => result,
    }
}

/// A file that is removed when it is dropped. Once it has been renamed nothing of this name is there.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        let _left_for_prune = fs::remove_file(&self.0);
    }
}
