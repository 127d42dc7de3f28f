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

#[cfg(test)]
mod tests {
    use super::super::Source;
    use super::super::part::part;
    use super::super::samples::{Tape, all_of, numbers};

    /// What lies behind it may be the next object on the same connection, or nothing for ever.
    #[test]
    fn no_reader_is_asked_beyond_the_size_that_was_told() {
        for (size, seekable) in
            [0, 1, 777, 1000, 4095, 4096, 5000, 300_000, 3 << 20].map(|size| [(size, true), (size, false)]).concat()
        {
            let tape = Tape::new(u64::MAX, seekable);
            let asked = tape.asked();
            let mut source = Source::reader(tape, Some(size)).0;
            source.prepare().unwrap();
            assert!(all_of(source.as_mut()) == numbers(0, size as usize));
            assert_eq!(source.read(&mut [0; 9]).unwrap(), 0);
            source.seek(size).unwrap();
            assert_eq!(source.read(&mut [0; 9]).unwrap(), 0);
            if let Some(share) = source.share() {
                let mut end = part(share, size / 2, size - size / 2);
                end.prepare().unwrap();
                assert!(all_of(end.as_mut()) == numbers(size / 2, (size - size / 2) as usize));
            }
            assert!(*asked.lock().unwrap() <= size, "{size} {seekable}");
        }
    }
}
