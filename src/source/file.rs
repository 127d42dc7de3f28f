//! A regular file.

use std::fmt;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Bytes;
use super::identity::{self, Baseline};
use super::stream::Stream;
use super::windowed::Windowed;
use crate::error::{Error, ErrorKind, Result};
use crate::store::FileIdentity;

/// Opens a file by name. Anything but a readable regular file is refused here, before any request.
///
/// One that does not have as many bytes as it says (as under `/proc`, and on some network mounts) is a stream, whose size
/// is known at its end.
pub(super) fn open(path: &Path) -> Result<Box<dyn Bytes>> {
    let (file, metadata) = open_regular(path)?;
    Ok(match measure(&file, metadata, path.display())? {
        Some(metadata) => Box::new(FileSource::new(file, Some(path), &metadata, 0, metadata.size())),
        None => Box::new(Windowed::new(Stream::new(file), None)),
    })
}

/// Opens a stretch of a file: `length` bytes from `start`, or all from there to its present end.
pub(super) fn open_range(path: &Path, start: u64, length: Option<u64>) -> Result<Box<dyn Bytes>> {
    let (file, metadata) = open_regular(path)?;
    let Some(metadata) = measure(&file, metadata, path.display())? else {
        let what = format!("{} does not tell its size: there is no stretch of it", path.display());
        return Err(Error::new(ErrorKind::Source, what));
    };
    let size = metadata.size();
    let left = size.checked_sub(start);
    let length = match (left, length) {
        (Some(left), None) => left,
        (Some(left), Some(length)) if length <= left => length,
        _ => {
            let until = length.map_or_else(String::new, |length| format!(" with {length} bytes"));
            let what =
                format!("the stretch from byte {start}{until} goes beyond the {size} bytes of {}", path.display());
            return Err(Error::invalid(what));
        }
    };
    Ok(Box::new(FileSource::new(file, Some(path), &metadata, start, length)))
}

/// Takes an open regular file, which is read from its beginning.
pub(super) fn take(file: File, metadata: Metadata) -> Result<Box<dyn Bytes>> {
    Ok(match measure(&file, metadata, "the descriptor")? {
        Some(metadata) => Box::new(FileSource::from_open(file, &metadata)),
        None => Box::new(Windowed::new(Stream::from_start(file), None)),
    })
}

fn open_regular(path: &Path) -> Result<(File, Metadata)> {
    // A FIFO would block in open until somebody writes to it, a file under a lease until that is given back: without
    // blocking the one opens and is refused below, the other is an error. A terminal must not become the process's own.
    let file =
        OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path).map_err(|error| {
            let why = match error.raw_os_error() {
                Some(libc::EWOULDBLOCK) => ": another process has a lease on it, try again later",
                Some(libc::ENXIO) => ": it is a socket or a device that is not there",
                _ => "",
            };
            let retryable = error.kind() == io::ErrorKind::WouldBlock;
            source_error(format!("cannot open {}{why}", path.display()), error).with_retryable(retryable)
        })?;
    let metadata = examine(&file, path.display())?;
    if metadata.is_file() {
        return Ok((file, metadata));
    }
    let what = match metadata.file_type() {
        kind if kind.is_dir() => "a directory",
        // Who opens it decides when to wait for a writer, and that it is read only once.
        kind if kind.is_fifo() => "a FIFO: open it and pass the descriptor",
        _ => "not a regular file",
    };
    Err(Error::new(ErrorKind::Source, format!("{} is {what}", path.display())))
}

/// Looks whether a file has as many bytes as it says: what is known of it if so, `None` if not.
fn measure(file: &File, mut metadata: Metadata, shown: impl fmt::Display) -> Result<Option<Metadata>> {
    for _ in 0..MEASURES {
        let size = metadata.size();
        // Its last byte, and whether there is one more.
        let read = loop {
            match file.read_at(&mut [0; 2], size.saturating_sub(1)) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        match read {
            Ok(n) if n as u64 == size.min(1) => return Ok(Some(metadata)),
            Ok(_) => {}
            // It says that it is empty, and would have to be waited for.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            // A file without bytes is sent without ever being read.
            Err(error) if size == 0 => return Err(source_error(format!("cannot read {shown}"), error)),
            // The upload may never come to that byte, and meets the error if it does.
            Err(_) => return Ok(Some(metadata)),
        }
        let now = examine(file, &shown)?;
        if now.size() == size {
            return Ok(None);
        }
        // It is being written to.
        metadata = now;
    }
    Ok(Some(metadata))
}

/// How often the size of a file that changes is taken again.
const MEASURES: u32 = 3;

/// An open regular file, or a stretch of one. Clones are cursors of their own.
#[derive(Clone)]
pub(super) struct FileSource {
    file: Arc<File>,
    /// Where it was opened; `None` for a caller's descriptor, whose name is not known.
    path: Option<PathBuf>,
    baseline: Arc<Baseline>,
    lasting: FileIdentity,
    settled: bool,
    /// The first byte in the file, and how many there are from there.
    start: u64,
    length: u64,
    /// From the first byte on.
    position: u64,
}

impl FileSource {
    fn new(file: File, path: Option<&Path>, metadata: &Metadata, start: u64, length: u64) -> FileSource {
        let lasting = identity::lasting(metadata, start);
        FileSource {
            baseline: Arc::new(Baseline::of(&file, metadata)),
            file: Arc::new(file),
            // The program may change its working directory while the upload runs.
            path: path.map(absolute),
            settled: identity::is_settled(&lasting),
            lasting,
            start,
            length,
            position: 0,
        }
    }

    /// All of an open regular file.
    pub(super) fn from_open(file: File, metadata: &Metadata) -> FileSource {
        Self::new(file, None, metadata, 0, metadata.size())
    }

    fn checked(&self, difference: io::Result<Option<String>>) -> Result<()> {
        match difference.map_err(|error| source_error("cannot examine the file", error))? {
            Some(how) => {
                let shown = self.path.as_ref().map_or_else(|| "the file".to_owned(), |path| path.display().to_string());
                Err(Error::new(ErrorKind::SourceChanged, format!("{shown} changed while it was uploaded: {how}")))
            }
            None => Ok(()),
        }
    }
}

impl Bytes for FileSource {
    fn size(&self) -> Option<u64> {
        Some(self.length)
    }

    fn replay_limit(&self) -> Option<u64> {
        None
    }

    fn prepare(&mut self) -> Result<()> {
        // What was opened here can be read; what the caller opened may be for writing only.
        if self.path.is_none() && self.length > 0 {
            self.file.read_at(&mut [0], self.start).map_err(|error| source_error("cannot read the file", error))?;
        }
        Ok(())
    }

    fn seek(&mut self, offset: u64) -> Result<()> {
        self.position = offset;
        Ok(())
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        // What lies behind the end may have been appended since.
        let left = usize::try_from(self.length.saturating_sub(self.position)).unwrap_or(usize::MAX);
        let n = buffer.len().min(left);
        if n == 0 {
            return Ok(0);
        }
        loop {
            match self.file.read_at(&mut buffer[..n], self.start + self.position) {
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
        Some((&self.file, self.start.saturating_add(self.position)))
    }

    fn skip(&mut self, n: u64) {
        self.position += n;
    }

    fn check_unchanged(&self) -> Result<()> {
        self.checked(self.baseline.difference(&self.file))
    }

    fn check_unless(&self, is_same: &mut dyn FnMut(&mut dyn Bytes) -> Result<bool>) -> Result<()> {
        if self.is_cut() {
            return self.check_unchanged();
        }
        let mut share = FileSource { position: 0, ..self.clone() };
        self.checked(self.baseline.difference_unless(&self.file, || is_same(&mut share))?)
    }

    fn is_cut(&self) -> bool {
        self.file.metadata().is_ok_and(|now| now.size() < self.start + self.length)
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
    use super::super::Source;
    use super::super::samples::{Scratch, all_of, old};
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;
    use std::process::Command;
    use std::time::{Duration, SystemTime};

    fn opened(path: &Path) -> FileSource {
        let (file, metadata) = open_regular(path).unwrap();
        FileSource::new(file, Some(path), &metadata, 0, metadata.size())
    }

    #[test]
    fn shares_are_cursors_of_their_own() {
        let scratch = Scratch::new(b"0123456789");
        let mut source = opened(scratch.path());
        source.seek(7).unwrap();
        let mut share = source.share().unwrap();
        assert_eq!(share.file().unwrap().1, 0);
        assert_eq!((share.size(), share.identity(), share.name()), (Some(10), source.identity(), source.name()));
        // The open file is the same, not its name.
        std::fs::remove_file(scratch.path()).unwrap();
        assert_eq!(all_of(share.as_mut()), b"0123456789");
        assert_eq!(all_of(&mut source), b"789");
        share.check_unchanged().unwrap();
    }

    /// What leaves the bytes alone, and what does not, each alone and after what explains the time of another change.
    #[test]
    fn only_content_is_a_change() {
        use crate::sys::attributes::set_attribute;
        let scratch = Scratch::new(b"0123456789");
        let path = scratch.path().to_owned();
        let other = path.with_extension("other");
        old(&path);
        let file = || OpenOptions::new().write(true).open(&path).unwrap();
        let changed = || std::fs::metadata(&path).map(|now| (now.ctime(), now.ctime_nsec())).unwrap();
        // A change in the same tick of the clock is none that a file system tells.
        let act = |act: &dyn Fn()| {
            let before = changed();
            while changed() == before {
                act();
            }
        };
        let mode = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let explained: [&dyn Fn(); 4] = [
            &|| [0o600, 0o640].into_iter().for_each(mode),
            &|| {
                let _ = std::fs::remove_file(&other);
                std::fs::hard_link(&path, &other).unwrap();
            },
            &|| std::fs::remove_file(&other).unwrap(),
            &|| {
                if !set_attribute(&file(), changed().1 as u8) {
                    mode(0o604);
                }
            },
        ];
        let written = || {
            file().write_at(b"x", 3).unwrap();
            old(&path);
        };
        let source = opened(&path);
        source.check_unchanged().unwrap();
        mode(0o644);
        for harmless in explained {
            act(harmless);
            source.check_unchanged().unwrap();
        }
        act(&written);
        let error = source.check_unchanged().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SourceChanged);
        assert!(error.to_string().contains("set back"), "{error}");
        // It stays changed.
        act(&|| mode(0o641));
        // By a new name and back, and into the hands of nobody.
        let source = opened(&path);
        std::fs::rename(&path, &other).unwrap();
        source.check_unchanged().unwrap();
        std::fs::rename(&other, &path).unwrap();
        source.check_unchanged().unwrap();
        std::fs::write(&other, b"other bytes").unwrap();
        std::fs::rename(&other, &path).unwrap();
        source.check_unchanged().unwrap();
        std::fs::write(&path, b"and others").unwrap();
        source.check_unchanged().unwrap();
        assert!(!source.is_cut());
    }

    #[test]
    fn who_knows_the_content_decides() {
        let scratch = Scratch::new(b"0123456789");
        old(scratch.path());
        let source = opened(scratch.path());
        let touch =
            || OpenOptions::new().write(true).open(scratch.path()).unwrap().set_modified(SystemTime::now()).unwrap();
        let no = || panic!("it is not asked about what has not changed");
        source.check_unless(&mut |_| no()).unwrap();
        touch();
        assert_eq!(source.check_unless(&mut |_| Ok(false)).unwrap_err().kind(), ErrorKind::SourceChanged);
        let failed = || Error::new(ErrorKind::Cancelled, "cancelled");
        assert_eq!(source.check_unless(&mut |_| Err(failed())).unwrap_err().kind(), ErrorKind::Cancelled);
        // Touched again meanwhile.
        let during = source.check_unless(&mut |_| {
            std::fs::remove_file(scratch.path()).unwrap();
            Ok(true)
        });
        assert_eq!(during.unwrap_err().kind(), ErrorKind::SourceChanged);
        let mut read = Vec::new();
        let same = &mut |share: &mut dyn Bytes| {
            read = all_of(share);
            Ok(true)
        };
        source.share().unwrap().check_unless(same).unwrap();
        assert_eq!(read, b"0123456789");
        source.check_unchanged().unwrap();
    }

    #[test]
    fn a_file_that_is_too_short_is_cut_and_one_that_grew_is_not() {
        let scratch = Scratch::new(b"0123456789");
        let file = OpenOptions::new().write(true).open(scratch.path()).unwrap();
        let mut source = opened(scratch.path());
        let range = open_range(scratch.path(), 2, Some(4)).unwrap();
        file.set_len(20).unwrap();
        assert!(!source.is_cut() && !range.is_cut());
        assert_eq!(source.check_unchanged().unwrap_err().kind(), ErrorKind::SourceChanged);
        assert_eq!(all_of(&mut source), b"0123456789", "what was added is no part of it");
        file.set_len(7).unwrap();
        assert!(source.is_cut() && !range.is_cut());
        let ask = &mut |_: &mut dyn Bytes| panic!("there is nothing to compare");
        assert_eq!(source.check_unless(ask).unwrap_err().kind(), ErrorKind::SourceChanged);
        file.set_len(5).unwrap();
        assert!(range.is_cut());
    }

    #[test]
    fn files_that_do_not_tell_their_size_are_streams() {
        for path in ["/proc/self/status", "/proc/cpuinfo"] {
            let mut by_name = super::open(Path::new(path)).unwrap();
            let file = File::open(path).unwrap();
            std::io::Read::read(&mut &file, &mut [0; 5]).unwrap();
            let mut taken = Source::descriptor(&file).unwrap().0;
            for source in [&mut by_name, &mut taken] {
                assert_eq!(source.size(), None, "{path}");
                assert!(!all_of(source.as_mut()).is_empty());
            }
            let error = open_range(Path::new(path), 0, Some(1)).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::Source);
        }
        // Its first page is not mapped.
        let error = super::open(Path::new("/proc/self/mem")).err().unwrap();
        assert_eq!((error.kind(), error.os_code()), (ErrorKind::Source, Some(libc::EIO)));
        // They say a page, and have a line.
        let sys = Path::new("/sys/kernel/mm/transparent_hugepage/enabled");
        if let Ok(text) = std::fs::read(sys) {
            let mut source = super::open(sys).unwrap();
            assert_eq!((source.size(), all_of(source.as_mut())), (None, text));
        }
        let scratch = Scratch::new(b"");
        assert_eq!(super::open(scratch.path()).unwrap().size(), Some(0));
    }

    #[test]
    fn a_stretch_is_a_source_of_its_own() {
        let scratch = Scratch::new(b"XXXhello worldXXX");
        old(scratch.path());
        let stretch = |start, length| open_range(scratch.path(), start, length);
        let mut hello = stretch(3, Some(11)).unwrap();
        assert_eq!((hello.size(), all_of(hello.as_mut())), (Some(11), b"hello world".to_vec()));
        hello.seek(6).unwrap();
        assert_eq!((hello.file().unwrap().1, all_of(hello.as_mut())), (9, b"world".to_vec()));
        assert_eq!(all_of(hello.share().unwrap().as_mut()), b"hello world");
        assert_eq!(all_of(stretch(14, None).unwrap().as_mut()), b"XXX");
        assert_eq!(all_of(stretch(17, None).unwrap().as_mut()), b"");
        assert_ne!(hello.identity(), stretch(4, Some(11)).unwrap().identity());
        assert_eq!(hello.identity(), stretch(3, Some(11)).unwrap().identity());
        for (start, length) in [(18, None), (3, Some(15)), (u64::MAX, Some(1)), (1, Some(u64::MAX)), (18, Some(0))] {
            let error = stretch(start, length).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert!(error.to_string().contains("the 17 bytes of"), "{error}");
        }
    }

    #[test]
    fn threads_read_at_once() {
        let bytes: Vec<u8> = (0..300_000u32).map(|n| (n % 251) as u8).collect();
        let scratch = Scratch::new(&bytes);
        let source = opened(scratch.path());
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
        let mut source = opened(scratch.path());
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
        assert!(!opened(scratch.path()).identity_is_settled());
        // The modification may be as old as it likes: the change of that very time is young. And it is about the moment
        // the identity was taken, not about now.
        let young = (0..20).find_map(|_| {
            old(scratch.path());
            Some(opened(scratch.path())).filter(|source| !source.identity_is_settled())
        });
        let young = young.unwrap();
        std::thread::sleep(Duration::from_millis(70));
        assert!(!young.identity_is_settled() && !young.share().unwrap().identity_is_settled());
        let source = opened(scratch.path());
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
        let source = opened(scratch.path());
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
        let error = super::open(scratch.path()).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Source);
        assert!(error.to_string().contains("open it and pass the descriptor"), "{error}");
        let error = super::open(Path::new("/dev/null")).err().unwrap();
        assert_eq!(error.to_string(), "/dev/null is not a regular file");
    }
}
