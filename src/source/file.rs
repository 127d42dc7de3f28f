//! A regular file, and the identity it must keep while it is uploaded.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Bytes;
use crate::error::{Error, ErrorKind, Result};

/// What makes a file the same file with the same content, as far as the file system can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
    size: u64,
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
    fn difference(self, now: Identity) -> Option<String> {
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

/// An open regular file.
pub(super) struct FileSource {
    file: File,
    /// Where it was opened; `None` for a caller's descriptor, whose name is not known.
    path: Option<PathBuf>,
    identity: Identity,
    position: u64,
}

impl FileSource {
    /// Opens a file by name. Anything but a readable regular file is refused here, before any request.
    pub(super) fn open(path: &Path) -> Result<FileSource> {
        // A FIFO would block in open until somebody writes to it; without blocking it opens and is refused below.
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(path)
            .map_err(|error| source_error(format!("cannot open {}", path.display()), error))?;
        let mut source = Self::from_open(file, &path.display().to_string())?;
        // The program may change its working directory while the upload runs.
        source.path = Some(std::path::absolute(path).unwrap_or_else(|_| path.to_owned()));
        Ok(source)
    }

    /// Takes an open file; `shown` names it in messages.
    pub(super) fn from_open(file: File, shown: &str) -> Result<FileSource> {
        let metadata = file.metadata().map_err(|error| source_error(format!("cannot examine {shown}"), error))?;
        let kind = metadata.file_type();
        if !kind.is_file() {
            let what = if kind.is_dir() { "a directory" } else { "not a regular file" };
            return Err(Error::new(ErrorKind::Source, format!("{shown} is {what}")));
        }
        Ok(FileSource { identity: Identity::of(&metadata), file, path: None, position: 0 })
    }

    fn changed(&self, how: &str) -> Error {
        let shown = self.path.as_ref().map_or_else(|| "the file".to_owned(), |path| path.display().to_string());
        Error::new(ErrorKind::SourceChanged, format!("{shown} changed while it was uploaded: {how}"))
    }
}

impl Bytes for FileSource {
    fn size(&self) -> Option<u64> {
        Some(self.identity.size)
    }

    fn replay_limit(&self) -> Option<u64> {
        None
    }

    fn prepare(&mut self) -> Result<()> {
        // What was opened here can be read; what the caller opened may be for writing only.
        if self.path.is_none() && self.identity.size > 0 {
            self.file.read_at(&mut [0], 0).map_err(|error| source_error("cannot read the file", error))?;
        }
        Ok(())
    }

    fn seek(&mut self, offset: u64) -> Result<()> {
        self.position = offset;
        Ok(())
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        loop {
            match self.file.read_at(buffer, self.position) {
                Ok(n) => {
                    self.position += n as u64;
                    return Ok(n);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(source_error("cannot read the file", error)),
            }
        }
    }

    fn file(&self) -> Option<(&File, u64)> {
        Some((&self.file, self.position))
    }

    fn skip(&mut self, n: u64) {
        self.position += n;
    }

    fn check_unchanged(&self) -> Result<()> {
        let cannot = |error| source_error("cannot examine the file", error);
        // Where the name still leads to the same file one look is enough. The open file stays whole when its name is
        // given to another, but the caller asked for the file of that name, and a later resume would open the new one.
        let named = match &self.path {
            None => None,
            Some(path) => match std::fs::metadata(path) {
                Ok(metadata) if Identity::of(&metadata) == self.identity => return Ok(()),
                Ok(metadata) => Some(Identity::of(&metadata)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(self.changed("it was removed")),
                Err(error) => return Err(cannot(error)),
            },
        };
        let open = Identity::of(&self.file.metadata().map_err(cannot)?);
        match self.identity.difference(open).or_else(|| self.identity.difference(named?)) {
            Some(how) => Err(self.changed(&how)),
            None => Ok(()),
        }
    }
}

/// An operating system's error while opening or reading a source.
pub(super) fn source_error(what: impl Into<String>, error: io::Error) -> Error {
    let code = error.raw_os_error();
    Error::new(ErrorKind::Source, what).with_os_code(code).with_cause(Arc::new(error))
}
