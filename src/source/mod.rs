//! Where the bytes of an upload come from.
//!
//! A source is read forward from an offset. A file and memory can be read again from anywhere; a reader without
//! `seek` only from the bytes it keeps (its replay window). A file's identity is taken when it is opened and held
//! against the file again and again, so that two versions of a file are never mixed in one upload.

mod descriptor;
mod file;
mod memory;
mod reader;

use std::fs::File;
use std::path::Path;

use crate::error::Result;

pub use reader::{ReadError, Reader};

/// What every kind of source can do.
pub(crate) trait Bytes: Send {
    /// Its size; `None` if it is only known at the end.
    fn size(&self) -> Option<u64>;
    /// The most bytes before the present position that can be read again; `None` if all of them can.
    fn replay_limit(&self) -> Option<u64>;
    /// Fails if it is plain now that the first byte cannot be had: then nothing need be created on a server.
    fn prepare(&mut self) -> Result<()> {
        Ok(())
    }
    /// Moves to an offset, for the next [`Bytes::read`].
    fn seek(&mut self, offset: u64) -> Result<()>;
    /// Reads on; 0 is the end.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize>;
    /// The file and position, if the kernel may send the bytes by itself.
    fn file(&self) -> Option<(&File, u64)>;
    /// Moves on by `n` bytes that the kernel has sent by itself.
    fn skip(&mut self, n: u64);
    /// Fails with [`crate::error::ErrorKind::SourceChanged`] if this is no longer what was opened.
    fn check_unchanged(&self) -> Result<()>;
}

/// A source of bytes, used by one upload at a time.
pub struct Source(pub(crate) Box<dyn Bytes>);

impl Source {
    /// A regular file. Fails if it is missing, unreadable, or something other than a regular file.
    pub fn file(path: &Path) -> Result<Source> {
        Ok(Source(Box::new(file::FileSource::open(path)?)))
    }

    /// An open regular file, from its beginning, wherever its position is; the handle is duplicated.
    pub fn descriptor(file: &File) -> Result<Source> {
        Ok(Source(Box::new(descriptor::open(file)?)))
    }

    /// Bytes in memory.
    pub fn memory(bytes: impl AsRef<[u8]> + Send + 'static) -> Source {
        Source(Box::new(memory::MemorySource::new(bytes)))
    }

    /// The caller's own reader, `size` bytes long if that is known.
    pub fn reader(reader: impl Reader + 'static, size: Option<u64>) -> Source {
        Source(Box::new(reader::ReaderSource::new(reader, size)))
    }

    /// Its size in bytes; `None` if it is only known at the end.
    pub fn size(&self) -> Option<u64> {
        self.0.size()
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("size", &self.size()).finish_non_exhaustive()
    }
}
