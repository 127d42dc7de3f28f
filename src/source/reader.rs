//! The caller's own reader, with a replay window if it cannot seek.
//!
//! A connection can break with bytes on the way, and then some of them must be sent again. A reader that seeks is
//! asked to. For one that cannot, the last bytes it gave are kept, and automatic chunks are no larger than those.

use std::collections::VecDeque;
use std::fs::File;

use super::Bytes;
use crate::error::{Error, ErrorKind, Result};

/// How many bytes of a reader without `seek` are kept to be sent again.
const REPLAY_WINDOW: usize = 1 << 20;

/// Why a reader failed.
#[derive(Debug)]
pub enum ReadError {
    /// The caller's own code: it ends the operation as a callback's non-zero value does.
    Code(i32),
    /// Anything else, with the reason.
    Failed(Error),
}

/// A caller's reader. Used by one thread at a time.
pub trait Reader: Send {
    /// Fills the beginning of `buffer`; 0 is the end.
    fn read(&mut self, buffer: &mut [u8]) -> std::result::Result<usize, ReadError>;
    /// Moves to an offset from the beginning. Only called if [`Reader::can_seek`].
    fn seek(&mut self, offset: u64) -> std::result::Result<(), ReadError>;
    /// Whether [`Reader::seek`] works.
    fn can_seek(&self) -> bool;
}

pub(super) struct ReaderSource<R> {
    reader: R,
    size: Option<u64>,
    /// The offset of the next byte handed out.
    position: u64,
    /// The offset of the reader's own next byte; differs from `position` while kept bytes are replayed.
    reader_at: u64,
    /// The last bytes read, for a reader that cannot seek.
    kept: VecDeque<u8>,
}

impl<R: Reader> ReaderSource<R> {
    pub(super) fn new(reader: R, size: Option<u64>) -> Self {
        ReaderSource { reader, size, position: 0, reader_at: 0, kept: VecDeque::new() }
    }

    fn keep(&mut self, bytes: &[u8]) {
        let bytes = &bytes[bytes.len().saturating_sub(REPLAY_WINDOW)..];
        let excess = (self.kept.len() + bytes.len()).saturating_sub(REPLAY_WINDOW);
        self.kept.drain(..excess);
        self.kept.extend(bytes);
    }

    /// Reads and discards up to `offset`: how a reader that cannot seek goes forward.
    fn discard_to(&mut self, offset: u64) -> Result<()> {
        let mut buffer = [0; 16 * 1024];
        while self.position < offset {
            let n = buffer.len().min(usize::try_from(offset - self.position).unwrap_or(usize::MAX));
            if self.read(&mut buffer[..n])? == 0 {
                return Err(Error::new(
                    ErrorKind::Source,
                    format!(
                        "the reader ended at byte {}, before byte {offset} where the server wants to go on",
                        self.position
                    ),
                ));
            }
        }
        Ok(())
    }
}

fn failed(error: ReadError, what: &str) -> Error {
    match error {
        ReadError::Code(code) => Error::new(ErrorKind::Callback(code), format!("the reader's {what} returned {code}")),
        ReadError::Failed(error) => error,
    }
}

impl<R: Reader> Bytes for ReaderSource<R> {
    fn size(&self) -> Option<u64> {
        self.size
    }

    fn replay_limit(&self) -> Option<u64> {
        (!self.reader.can_seek()).then_some(REPLAY_WINDOW as u64)
    }

    fn prepare(&mut self) -> Result<()> {
        if self.size == Some(0) {
            return Ok(());
        }
        let mut buffer = [0; 4096];
        self.seek(0)?;
        if self.read(&mut buffer)? == 0 {
            return Err(Error::new(ErrorKind::Source, "the source ended before its first byte"));
        }
        self.seek(0)
    }

    fn seek(&mut self, offset: u64) -> Result<()> {
        if offset == self.position {
            return Ok(());
        }
        if self.reader.can_seek() {
            self.reader.seek(offset).map_err(|error| failed(error, "seek"))?;
            self.position = offset;
            self.reader_at = offset;
            return Ok(());
        }
        let oldest = self.reader_at - self.kept.len() as u64;
        if offset < oldest {
            return Err(Error::new(
                ErrorKind::Source,
                format!(
                    "byte {offset} must be sent again, but the reader cannot seek and only bytes from {oldest} are kept"
                ),
            ));
        }
        if offset <= self.reader_at {
            self.position = offset;
            return Ok(());
        }
        self.position = self.reader_at;
        self.discard_to(offset)
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let behind = usize::try_from(self.reader_at - self.position).unwrap_or(usize::MAX);
        let n = if behind > 0 {
            let start = self.kept.len() - behind;
            let n = behind.min(buffer.len());
            for (to, from) in buffer.iter_mut().zip(self.kept.range(start..start + n)) {
                *to = *from;
            }
            n
        } else {
            let n = self.reader.read(buffer).map_err(|error| failed(error, "read"))?;
            if n > buffer.len() {
                return Err(Error::new(
                    ErrorKind::Source,
                    format!("the reader says it wrote {n} bytes into a buffer of {}", buffer.len()),
                ));
            }
            self.reader_at += n as u64;
            if !self.reader.can_seek() {
                self.keep(&buffer[..n]);
            }
            n
        };
        self.position += n as u64;
        Ok(n)
    }

    fn file(&self) -> Option<(&File, u64)> {
        None
    }

    fn skip(&mut self, _: u64) {}

    fn check_unchanged(&self) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting {
        next: u64,
        end: u64,
        seekable: bool,
    }

    impl Reader for Counting {
        fn read(&mut self, buffer: &mut [u8]) -> std::result::Result<usize, ReadError> {
            let n = buffer.len().min((self.end - self.next) as usize).min(777);
            for byte in &mut buffer[..n] {
                *byte = self.next as u8;
                self.next += 1;
            }
            Ok(n)
        }
        fn seek(&mut self, offset: u64) -> std::result::Result<(), ReadError> {
            self.next = offset;
            Ok(())
        }
        fn can_seek(&self) -> bool {
            self.seekable
        }
    }

    fn expect(source: &mut ReaderSource<Counting>, offset: u64, length: usize) {
        source.seek(offset).unwrap();
        let mut got = Vec::new();
        while got.len() < length {
            let mut buffer = [0; 1000];
            let n = source.read(&mut buffer[..(length - got.len()).min(1000)]).unwrap();
            assert!(n > 0);
            got.extend_from_slice(&buffer[..n]);
        }
        let wanted: Vec<u8> = (offset..offset + length as u64).map(|n| n as u8).collect();
        assert_eq!(got, wanted, "from {offset}");
    }

    #[test]
    fn replays_within_its_window() {
        let end = 4 * REPLAY_WINDOW as u64;
        let mut source = ReaderSource::new(Counting { next: 0, end, seekable: false }, Some(end));
        expect(&mut source, 0, 5000);
        expect(&mut source, 100, 4000);
        expect(&mut source, 4100, 3 * REPLAY_WINDOW);
        let read = 4100 + 3 * REPLAY_WINDOW as u64;
        expect(&mut source, read - REPLAY_WINDOW as u64, REPLAY_WINDOW + 1);
        assert_eq!(source.seek(0).unwrap_err().kind(), ErrorKind::Source);
        expect(&mut source, read + 10_000, 5);
        assert_eq!(source.seek(end + 1).unwrap_err().kind(), ErrorKind::Source);
    }

    #[test]
    fn seeks_where_it_can() {
        let mut source = ReaderSource::new(Counting { next: 0, end: 10_000_000, seekable: true }, None);
        assert_eq!(source.replay_limit(), None);
        expect(&mut source, 9_000_000, 100);
        expect(&mut source, 3, 100);
        assert!(source.kept.is_empty());
    }
}
