//! A regular file.

use std::fmt;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, FileTypeExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Bytes;
use super::identity::{self, Identity};
use crate::error::{Error, ErrorKind, Result};
use crate::store::FileIdentity;

/// An open regular file. Clones are cursors of their own.
#[derive(Clone)]
pub(super) struct FileSource {
    file: Arc<File>,
    /// Where it was opened; `None` for a caller's descriptor, whose name is not known.
    path: Option<PathBuf>,
    identity: Identity,
    lasting: FileIdentity,
    settled: bool,
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
        let metadata = examine(&file, path.display())?;
        if !metadata.is_file() {
            let what = match metadata.file_type() {
                kind if kind.is_dir() => "a directory",
                // Who opens it decides when to wait for a writer, and that it is read only once.
                kind if kind.is_fifo() => "a FIFO: open it and pass the descriptor",
                _ => "not a regular file",
            };
            return Err(Error::new(ErrorKind::Source, format!("{} is {what}", path.display())));
        }
        let mut source = Self::from_open(file, &metadata);
        // The program may change its working directory while the upload runs.
        source.path = Some(absolute(path));
        Ok(source)
    }

    /// Takes an open regular file.
    pub(super) fn from_open(file: File, metadata: &Metadata) -> FileSource {
        let lasting = identity::lasting(metadata);
        FileSource {
            file: Arc::new(file),
            path: None,
            identity: Identity::of(metadata),
            settled: identity::is_settled(&lasting),
            lasting,
            position: 0,
        }
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

    fn share(&self) -> Option<Box<dyn Bytes>> {
        Some(Box::new(FileSource { position: 0, ..self.clone() }))
    }

    fn identity(&self) -> Option<FileIdentity> {
        Some(self.lasting)
    }

    fn identity_is_settled(&self) -> bool {
        self.settled
    }

    fn name(&self) -> Option<String> {
        self.path.as_ref().map(|path| path.to_string_lossy().into_owned())
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

/// The path from the root, without what means nothing in it; the system is not asked where it already is one.
fn absolute(path: &Path) -> PathBuf {
    let bytes = path.as_os_str().as_encoded_bytes();
    let plain = |pair: &[u8]| !matches!(pair, b"//" | b"/.");
    if bytes.starts_with(b"/") && !bytes.ends_with(b"/") && bytes.windows(2).all(plain) {
        return path.to_owned();
    }
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// What the system knows of an open file; `shown` names it in messages.
pub(super) fn examine(file: &File, shown: impl fmt::Display) -> Result<Metadata> {
    file.metadata().map_err(|error| source_error(format!("cannot examine {shown}"), error))
}

/// An operating system's error while opening or reading a source.
pub(super) fn source_error(what: impl Into<String>, error: io::Error) -> Error {
    let code = error.raw_os_error();
    Error::new(ErrorKind::Source, what).with_os_code(code).with_cause(Arc::new(error))
}

#[cfg(test)]
mod tests {
    use super::super::samples::{Scratch, all_of, old};
    use super::*;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    use std::process::Command;
    use std::time::{Duration, SystemTime};

    #[test]
    fn shares_are_cursors_of_their_own() {
        let scratch = Scratch::new(b"0123456789");
        let mut source = FileSource::open(scratch.path()).unwrap();
        source.seek(7).unwrap();
        let mut share = source.share().unwrap();
        assert_eq!(share.file().unwrap().1, 0);
        assert_eq!((share.size(), share.identity(), share.name()), (Some(10), source.identity(), source.name()));
        // The open file is the same, not its name.
        std::fs::remove_file(scratch.path()).unwrap();
        assert_eq!(all_of(share.as_mut()), b"0123456789");
        assert_eq!(all_of(&mut source), b"789");
        assert_eq!(share.check_unchanged().unwrap_err().kind(), ErrorKind::SourceChanged);
    }

    #[test]
    fn threads_read_at_once() {
        let bytes: Vec<u8> = (0..300_000u32).map(|n| (n % 251) as u8).collect();
        let scratch = Scratch::new(&bytes);
        let source = FileSource::open(scratch.path()).unwrap();
        std::thread::scope(|scope| {
            for start in [0usize, 1, 77_777, 299_999] {
                let (mut share, bytes) = (source.share().unwrap(), &bytes);
                scope.spawn(move || {
                    for _ in 0..20 {
                        share.seek(start as u64).unwrap();
                        assert!(all_of(share.as_mut()) == bytes[start..]);
                    }
                });
            }
        });
    }

    #[test]
    fn positions_lie_beyond_four_gibibytes() {
        let scratch = Scratch::new(b"");
        let size = 10 << 30;
        let file = OpenOptions::new().write(true).open(scratch.path()).unwrap();
        file.set_len(size).unwrap();
        file.write_at(b"end", size - 3).unwrap();
        let mut source = FileSource::open(scratch.path()).unwrap();
        let ahead = source.look_ahead(size - 3, 2).unwrap();
        assert_eq!((ahead.available, ahead.end), (2, false));
        let mut share = source.share().unwrap();
        assert_eq!(share.look_ahead(size - 3, 3).unwrap(), super::super::Ahead { available: 3, end: true });
        assert_eq!((all_of(&mut source), all_of(share.as_mut())), (b"end".to_vec(), b"end".to_vec()));
    }

    #[test]
    fn a_new_name_changes_what_lasts_and_not_what_is_uploaded() {
        let scratch = Scratch::new(b"data");
        old(scratch.path());
        let file = File::open(scratch.path()).unwrap();
        let open = || FileSource::from_open(file.try_clone().unwrap(), &file.metadata().unwrap());
        let source = open();
        std::thread::sleep(Duration::from_millis(20));
        std::fs::set_permissions(scratch.path(), std::fs::Permissions::from_mode(0o600)).unwrap();
        source.check_unchanged().unwrap();
        let (before, after) = (source.identity().unwrap(), open().identity().unwrap());
        assert_ne!(before.changed, after.changed);
        assert_eq!(crate::store::FileIdentity { changed: before.changed, ..after }, before);
        let metadata = file.metadata().unwrap();
        assert_eq!((after.device, after.inode), (metadata.dev(), metadata.ino()));
        assert_eq!(after.modified, (metadata.mtime(), metadata.mtime_nsec()));
    }

    #[test]
    fn a_young_file_is_not_settled() {
        let scratch = Scratch::new(b"data");
        // As if the clock stood where the change was made, however slow this test is.
        let young = File::options().write(true).open(scratch.path()).unwrap();
        young.set_modified(SystemTime::now() + Duration::from_secs(3600)).unwrap();
        assert!(!FileSource::open(scratch.path()).unwrap().identity_is_settled());
        // The modification may be as old as it likes: the change of that very time is young. And it is about the moment
        // the identity was taken, not about now.
        let young = (0..20).find_map(|_| {
            old(scratch.path());
            Some(FileSource::open(scratch.path()).unwrap()).filter(|source| !source.identity_is_settled())
        });
        let young = young.unwrap();
        std::thread::sleep(Duration::from_millis(70));
        assert!(!young.identity_is_settled() && !young.share().unwrap().identity_is_settled());
        let source = FileSource::open(scratch.path()).unwrap();
        assert!(source.identity_is_settled() && source.share().unwrap().identity_is_settled());
    }

    #[test]
    fn absolute_paths_are_those_of_the_standard_library() {
        for path in
            ["/", "/a", "/a/b.c", "/a/", "//a", "/a//b", "/./a", "/a/.", "/a/./b", "/a/../b", "/.a", "a", "./a", ""]
        {
            let path = Path::new(path);
            let expected = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
            assert_eq!(absolute(path).as_os_str(), expected.as_os_str());
        }
    }

    #[test]
    fn names_are_absolute_and_only_known_of_paths() {
        let scratch = Scratch::new(b"data");
        let source = FileSource::open(scratch.path()).unwrap();
        assert_eq!(source.name().as_deref(), scratch.path().to_str());
        let file = File::open(scratch.path()).unwrap();
        let metadata = file.metadata().unwrap();
        assert_eq!(FileSource::from_open(file, &metadata).name(), None);
    }

    #[test]
    fn a_fifo_is_refused_with_advice() {
        let scratch = Scratch::new(b"");
        std::fs::remove_file(scratch.path()).unwrap();
        assert!(Command::new("mkfifo").arg(scratch.path()).status().unwrap().success());
        let error = FileSource::open(scratch.path()).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Source);
        assert!(error.to_string().contains("open it and pass the descriptor"), "{error}");
        let error = FileSource::open(Path::new("/dev/null")).err().unwrap();
        assert_eq!(error.to_string(), "/dev/null is not a regular file");
    }
}
