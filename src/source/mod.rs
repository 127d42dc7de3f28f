//! Where the bytes of an upload come from.
//!
//! A source is read forward from an offset. A file, memory and a reader that seeks can be read again from anywhere, and
//! by several threads at once ([`Bytes::share`]); a pipe and a reader without `seek` only from the bytes that are kept
//! of them; so is what the program writes itself ([`Source::push`]). A source of unknown size is looked at one chunk
//! ahead ([`Bytes::look_ahead`]), so that its end is known before the last of it is sent. What the system says of an open
//! file is taken when it is opened and compared again and again, so that two versions of a file are never mixed in one
//! upload; its name means nothing any more.

mod descriptor;
mod file;
mod identity;
mod memory;
mod part;
mod patience;
mod push;
mod reader;
mod shared;
mod stream;
mod window;
mod windowed;

#[cfg(test)]
pub(crate) mod samples;

use std::fs::File;
use std::ops::{Deref, DerefMut};
use std::path::Path;

use crate::error::{Error, ErrorKind, Result};
use crate::store::FileIdentity;

pub(crate) use part::part;
pub(crate) use patience::Patience;
pub use push::Writer;
pub use reader::{ReadError, Reader};

/// What every kind of source can do.
pub(crate) trait Bytes: Send {
    /// Its size; `None` if it is only known at the end.
    fn size(&self) -> Option<u64>;
    /// The most bytes before the present position that can be read again; `None` if all of them can.
    fn replay_limit(&self) -> Option<u64>;
    /// Fails if it is plain now that the first byte cannot be had: then nothing need be created on a server. A source
    /// of unknown size is not touched: it may have to be waited for, and it may be empty.
    fn prepare(&mut self) -> Result<()> {
        Ok(())
    }
    /// Moves to an offset, for the next [`Bytes::read`].
    fn seek(&mut self, offset: u64) -> Result<()>;
    /// Reads on; 0 is the end.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize>;
    /// Finds out what lies ahead of `start`, at most `want` bytes of it, and moves there.
    ///
    /// A source of unknown size reads those bytes and one more, and keeps them: until the next look or seek beyond them
    /// they can be read again and again, and a request that breaks be repeated. `want` is at most 8 MiB.
    fn look_ahead(&mut self, start: u64, want: u64) -> Result<Ahead> {
        let unknown = || Error::new(ErrorKind::Internal, "a source of unknown size does not say how it looks ahead");
        let ahead = Ahead::within(self.size().ok_or_else(unknown)?, start, want);
        self.seek(start)?;
        Ok(ahead)
    }
    /// The most memory it takes for bytes it has read, where at most `chunk` of them are looked ahead for.
    fn memory_need(&self, _chunk: u64) -> u64 {
        0
    }
    /// The memory it takes for that now.
    fn memory_kept(&self) -> u64 {
        0
    }
    /// Nothing is read for a while: gives up what is not needed to go on at `at`, nor, with `replay`, if the server then wants
    /// some of what lies before.
    fn rest(&mut self, _at: u64, _replay: bool) {}
    /// Another cursor over the same bytes, at their beginning, for use on another thread at the same time; `None` if
    /// there cannot be one.
    fn share(&self) -> Option<Box<dyn Bytes>> {
        None
    }
    /// Whether reading it runs functions of the caller's, which are not to be called on threads he does not know of.
    fn runs_callers_code(&self) -> bool {
        false
    }
    /// What makes it recognisable, if it is a regular file: as it was when it was opened.
    fn identity(&self) -> Option<FileIdentity> {
        None
    }
    /// Whether any later change must show in [`Bytes::identity`]: the file was old enough when that was taken.
    fn identity_is_settled(&self) -> bool {
        false
    }
    /// The path of a file that was opened by one, as text; what is not UTF-8 in it is replaced.
    fn name(&self) -> Option<String> {
        None
    }
    /// What a read that has to wait must heed from now on. What was attached is kept until something else is: attach
    /// `None` when an operation is over.
    fn attach(&mut self, _patience: Option<&Patience>) {}
    /// The file and position, if the kernel may send the bytes by itself.
    fn file(&self) -> Option<(&File, u64)>;
    /// Moves on by `n` bytes that the kernel has sent by itself.
    fn skip(&mut self, n: u64);
    /// Fails with [`crate::error::ErrorKind::SourceChanged`] if its content may no longer be what it was when it was opened.
    fn check_unchanged(&self) -> Result<()>;
    /// The same where `is_same` can tell whether the content has changed, by a cursor at the beginning: it is asked only if
    /// [`Bytes::check_unchanged`] would fail, and may not call that. What it agrees to is from then on what was opened.
    fn check_unless(&self, _is_same: &mut dyn FnMut(&mut dyn Bytes) -> Result<bool>) -> Result<()> {
        self.check_unchanged()
    }
    /// Whether it can no longer give all the bytes it promised.
    fn is_cut(&self) -> bool {
        false
    }
}

/// What lies ahead of an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ahead {
    /// How many bytes can be read from there, at most as many as were asked for.
    pub(crate) available: u64,
    /// Whether the source ends with them.
    pub(crate) end: bool,
}

impl Ahead {
    /// In a source of known size; beyond its end there is nothing, and that ends it.
    fn within(size: u64, start: u64, want: u64) -> Ahead {
        let left = size.saturating_sub(start);
        Ahead { available: left.min(want), end: left <= want }
    }
}

/// A source of bytes, used by one upload at a time.
pub struct Source(pub(crate) Box<dyn Bytes>);

impl Source {
    /// A regular file. Fails if it is missing, unreadable, or something other than a regular file.
    ///
    /// From now on the open file is the source, whatever becomes of its name. A file that has other than as many bytes as it
    /// says (under `/proc`, say) is read as a stream: its size is known at its end.
    pub fn file(path: &Path) -> Result<Source> {
        Ok(Source(file::open(path)?))
    }

    /// A stretch of a regular file: `length` bytes from `start`, or all from there to the file's present end. Fails with
    /// [`crate::error::ErrorKind::InvalidArgument`] if the file does not have all of them.
    pub fn file_range(path: &Path, start: u64, length: Option<u64>) -> Result<Source> {
        Ok(Source(file::open_range(path, start, length)?))
    }

    /// What the caller has opened; the handle is duplicated.
    ///
    /// A regular file is read from its beginning, wherever its position is. A pipe, a socket or a character device (a
    /// terminal) is read on from where it stands and has a size only at its end. Fails for anything else.
    pub fn descriptor(file: &File) -> Result<Source> {
        Ok(Source(descriptor::open(file)?))
    }

    /// Bytes in memory.
    pub fn memory(bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> Source {
        Source(Box::new(memory::MemorySource::new(bytes)))
    }

    /// The caller's own reader, `size` bytes long if that is known.
    pub fn reader(reader: impl Reader + 'static, size: Option<u64>) -> Source {
        Source(reader::open(reader, size))
    }

    /// Its size in bytes; `None` if it is only known at the end.
    pub fn size(&self) -> Option<u64> {
        self.0.size()
    }

    /// For one operation.
    pub(crate) fn lend(&mut self) -> Lent<'_> {
        Lent(self.0.as_mut())
    }
}

/// A source while an operation has it. When that is over, it is told that nobody reads any more: see [`Bytes::attach`].
pub(crate) struct Lent<'a>(&'a mut dyn Bytes);

impl<'a> Deref for Lent<'a> {
    type Target = dyn Bytes + 'a;
    fn deref(&self) -> &Self::Target {
        self.0
    }
}

impl DerefMut for Lent<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.0
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.0.attach(None);
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("size", &self.size()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_size_says_what_lies_ahead() {
        for (size, start, want, available, end) in [
            (0, 0, 0, 0, true),
            (0, 0, 5, 0, true),
            (10, 0, 9, 9, false),
            (10, 0, 10, 10, true),
            (10, 0, 11, 10, true),
            (10, 7, 2, 2, false),
            (10, 7, 3, 3, true),
            (10, 10, 0, 0, true),
            (10, 10, 4, 0, true),
            (10, 11, 4, 0, true),
            (u64::MAX, u64::MAX - 3, u64::MAX, 3, true),
        ] {
            assert_eq!(Ahead::within(size, start, want), Ahead { available, end }, "{size} {start} {want}");
        }
        let mut source = Source::memory("0123456789");
        assert_eq!(source.0.look_ahead(4, 3).unwrap(), Ahead { available: 3, end: false });
        let mut buffer = [0; 3];
        assert_eq!(source.0.read(&mut buffer).unwrap(), 3);
        assert_eq!(&buffer, b"456");
    }
}
