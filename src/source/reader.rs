//! The caller's own reader.

use super::Bytes;
use super::patience::Pace;
use super::shared::SharedReader;
use super::windowed::{Supply, Windowed};
use crate::error::{Error, ErrorKind, Result};

/// Why a reader failed.
#[derive(Debug)]
pub enum ReadError {
    /// The caller's own code: it ends the operation as a callback's non-zero value does.
    Code(i32),
    /// Anything else, with the reason.
    Failed(Error),
}

/// A caller's reader. Used by one thread at a time, not always the same one.
pub trait Reader: Send {
    /// Fills the beginning of `buffer`; 0 is the end.
    fn read(&mut self, buffer: &mut [u8]) -> std::result::Result<usize, ReadError>;
    /// Moves to an offset from the beginning. Only called if [`Reader::can_seek`].
    fn seek(&mut self, offset: u64) -> std::result::Result<(), ReadError>;
    /// Whether [`Reader::seek`] works.
    fn can_seek(&self) -> bool;
}

/// The source that suits what the reader can do.
pub(super) fn open<R: Reader + 'static>(reader: R, size: Option<u64>) -> Box<dyn Bytes> {
    match size {
        Some(size) if reader.can_seek() => Box::new(SharedReader::new(Callers(reader), size)),
        _ => Box::new(Windowed::new(Callers(reader), size)),
    }
}

/// Fails if a source that says it has bytes does not have the first; afterwards it stands there. One of unknown size
/// says nothing, and is left alone.
pub(super) fn first_byte(source: &mut dyn Bytes) -> Result<()> {
    if source.size().is_none_or(|size| size == 0) {
        return Ok(());
    }
    source.seek(0)?;
    if source.read(&mut [0; 4096])? == 0 {
        return Err(Error::new(ErrorKind::Source, "the source ended before its first byte"));
    }
    source.seek(0)
}

/// The caller's functions, with what they answer checked.
pub(super) struct Callers<R>(R);

impl<R: Reader> Callers<R> {
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let n = self.0.read(buffer).map_err(|error| failed(error, "read"))?;
        if n > buffer.len() {
            let what = format!("the reader says it wrote {n} bytes into a buffer of {}", buffer.len());
            return Err(Error::new(ErrorKind::Source, what));
        }
        Ok(n)
    }

    pub(super) fn seek(&mut self, offset: u64) -> Result<()> {
        self.0.seek(offset).map_err(|error| failed(error, "seek"))
    }
}

impl<R: Reader> Supply for Callers<R> {
    fn read(&mut self, buffer: &mut [u8], _: &mut Pace) -> Result<usize> {
        self.read(buffer)
    }

    fn seek(&mut self, offset: u64) -> Result<()> {
        self.seek(offset)
    }

    fn can_seek(&self) -> bool {
        self.0.can_seek()
    }
}

fn failed(error: ReadError, what: &str) -> Error {
    match error {
        ReadError::Code(code) => Error::new(ErrorKind::Callback(code), format!("the reader's {what} returned {code}")),
        ReadError::Failed(error) => error,
    }
}
