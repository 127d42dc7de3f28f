//! What is uploaded, before either face has opened it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// A source to be opened.
pub(crate) enum Input {
    Memory(Vec<u8>),
    File(PathBuf),
    Descriptor(File),
    Reader(Box<dyn CallerReader>, u64),
}

/// A reader of the caller's; errors are the caller's own codes.
pub(crate) trait CallerReader: Send {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, i32>;
    fn seek(&mut self, offset: u64) -> Result<(), i32>;
    fn can_seek(&self) -> bool;
}

impl From<&[u8]> for Input {
    fn from(bytes: &[u8]) -> Input {
        Input::Memory(bytes.to_vec())
    }
}

impl<const N: usize> From<&[u8; N]> for Input {
    fn from(bytes: &[u8; N]) -> Input {
        Input::Memory(bytes.to_vec())
    }
}

impl From<&Vec<u8>> for Input {
    fn from(bytes: &Vec<u8>) -> Input {
        Input::Memory(bytes.clone())
    }
}

impl From<&Path> for Input {
    fn from(path: &Path) -> Input {
        Input::File(path.to_owned())
    }
}

impl From<&PathBuf> for Input {
    fn from(path: &PathBuf) -> Input {
        Input::File(path.clone())
    }
}

/// A reader over bytes in memory, with the faults a test asks for.
pub(crate) struct Tape {
    bytes: Vec<u8>,
    position: usize,
    seekable: bool,
    /// The most bytes one read gives.
    pub(crate) piece: usize,
    /// Fails with a code when the position has come here.
    pub(crate) fails_at: Option<(usize, i32)>,
    /// Fails to seek with this code.
    pub(crate) seek_fails: Option<i32>,
    /// Every call, for whoever wants to know.
    calls: Arc<Mutex<Vec<Call>>>,
}

/// A call of a [`Tape`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    /// So many bytes were wanted.
    Read(usize),
    Seek(u64),
}

impl Tape {
    pub(crate) fn new(bytes: &[u8], seekable: bool) -> Tape {
        Tape {
            bytes: bytes.to_vec(),
            position: 0,
            seekable,
            piece: usize::MAX,
            fails_at: None,
            seek_fails: None,
            calls: Arc::default(),
        }
    }

    /// The calls, filled while it is used.
    pub(crate) fn calls(&self) -> Arc<Mutex<Vec<Call>>> {
        Arc::clone(&self.calls)
    }

    /// As a source of the size it has.
    pub(crate) fn input(self) -> Input {
        let size = self.bytes.len() as u64;
        self.input_of(size)
    }

    /// As a source that claims another size.
    pub(crate) fn input_of(self, size: u64) -> Input {
        Input::Reader(Box::new(self), size)
    }
}

impl CallerReader for Tape {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, i32> {
        self.calls.lock().unwrap().push(Call::Read(buffer.len()));
        let mut end = self.bytes.len();
        if let Some((at, code)) = self.fails_at {
            if self.position >= at {
                return Err(code);
            }
            end = end.min(at);
        }
        let n = (end - self.position).min(buffer.len()).min(self.piece);
        buffer[..n].copy_from_slice(&self.bytes[self.position..self.position + n]);
        self.position += n;
        Ok(n)
    }

    fn seek(&mut self, offset: u64) -> Result<(), i32> {
        self.calls.lock().unwrap().push(Call::Seek(offset));
        if let Some(code) = self.seek_fails {
            return Err(code);
        }
        self.position = usize::try_from(offset).unwrap().min(self.bytes.len());
        Ok(())
    }

    fn can_seek(&self) -> bool {
        self.seekable
    }
}
