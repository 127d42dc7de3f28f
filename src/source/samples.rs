//! Things to read from, for tests.

use std::fs::{File, FileTimes};
use std::io::PipeWriter;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use super::{Bytes, ReadError, Reader, Source};

/// The byte of an offset, such that no shift goes unseen: multiplied by the golden ratio, as a hash does it.
pub(crate) fn number(offset: u64) -> u8 {
    (offset.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8
}

/// The bytes of a range.
pub(crate) fn numbers(start: u64, length: usize) -> Vec<u8> {
    (start..start + length as u64).map(number).collect()
}

/// Everything from where the source stands.
pub(crate) fn all_of(source: &mut dyn Bytes) -> Vec<u8> {
    let (mut all, mut buffer) = (Vec::new(), [0; 5000]);
    loop {
        match source.read(&mut buffer).unwrap() {
            0 => return all,
            n => all.extend_from_slice(&buffer[..n]),
        }
    }
}

/// The source has [`numbers`] there.
#[track_caller]
pub(crate) fn expect(source: &mut dyn Bytes, offset: u64, length: usize) {
    expect_as(source, offset, &numbers(offset, length));
}

/// The source has these bytes there.
#[track_caller]
pub(crate) fn expect_as(source: &mut dyn Bytes, offset: u64, wanted: &[u8]) {
    source.seek(offset).unwrap();
    let (mut got, mut buffer) = (Vec::new(), [0; 1000]);
    while got.len() < wanted.len() {
        let n = source.read(&mut buffer[..(wanted.len() - got.len()).min(1000)]).unwrap();
        assert!(n > 0, "the end after {} bytes from {offset}", got.len());
        got.extend_from_slice(&buffer[..n]);
    }
    assert!(got == wanted, "{} bytes from {offset}", wanted.len());
}

/// A pipe as a source, and the end to write to.
pub(crate) fn pipe() -> (Box<dyn Bytes>, PipeWriter) {
    let (reader, writer) = std::io::pipe().unwrap();
    (Source::descriptor(&File::from(OwnedFd::from(reader))).unwrap().0, writer)
}

/// A wait must end within so many milliseconds. A busy machine can spoil that, so it is tried five times.
#[track_caller]
pub(crate) fn waits(limit: u64, measure: impl Fn() -> Duration) {
    let took: Vec<Duration> = (0..5).map(|_| measure()).collect();
    assert!(took.iter().any(|took| *took < Duration::from_millis(limit)), "{took:?}");
}

/// Makes a file look as if it had been written long ago.
pub(crate) fn old(path: &Path) {
    let then = SystemTime::UNIX_EPOCH + Duration::new(1_000_000_000, 5);
    let file = File::options().write(true).open(path).unwrap();
    file.set_times(FileTimes::new().set_modified(then)).unwrap();
}

/// A file that is removed when this is dropped.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new(bytes: &[u8]) -> Scratch {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("tus-source-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, bytes).unwrap();
        Scratch(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A call of a [`Tape`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Read,
    Seek(u64),
}

/// A reader of [`numbers`], in pieces of 777 bytes.
pub(crate) struct Tape {
    next: u64,
    end: u64,
    seekable: bool,
    /// Fails once with the code 5 when it comes here, and stands somewhere else then.
    pub(crate) stumbles_at: Option<u64>,
    /// Fails to seek with this code.
    pub(crate) seek_fails: Option<i32>,
    calls: Arc<Mutex<Vec<Call>>>,
    furthest: Arc<Mutex<u64>>,
    asked: Arc<Mutex<u64>>,
}

impl Tape {
    pub(crate) fn new(end: u64, seekable: bool) -> Tape {
        let (calls, furthest, asked) = Default::default();
        Tape { next: 0, end, seekable, stumbles_at: None, seek_fails: None, calls, furthest, asked }
    }

    /// The calls, filled while it is used.
    pub(crate) fn calls(&self) -> Arc<Mutex<Vec<Call>>> {
        Arc::clone(&self.calls)
    }

    /// The furthest it was asked for.
    pub(crate) fn asked(&self) -> Arc<Mutex<u64>> {
        Arc::clone(&self.asked)
    }

    /// The furthest it was read.
    pub(crate) fn furthest(&self) -> Arc<Mutex<u64>> {
        Arc::clone(&self.furthest)
    }
}

impl Reader for Tape {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        self.calls.lock().unwrap().push(Call::Read);
        let mut asked = self.asked.lock().unwrap();
        *asked = asked.max(self.next.saturating_add(buffer.len() as u64));
        drop(asked);
        if self.stumbles_at.is_some_and(|at| self.next >= at) {
            self.stumbles_at = None;
            self.next = 0;
            return Err(ReadError::Code(5));
        }
        let left = usize::try_from(self.end.saturating_sub(self.next)).unwrap_or(usize::MAX);
        let n = buffer.len().min(left).min(777);
        buffer[..n].copy_from_slice(&numbers(self.next, n));
        self.next += n as u64;
        let mut furthest = self.furthest.lock().unwrap();
        *furthest = self.next.max(*furthest);
        Ok(n)
    }

    fn seek(&mut self, offset: u64) -> Result<(), ReadError> {
        self.calls.lock().unwrap().push(Call::Seek(offset));
        if let Some(code) = self.seek_fails {
            return Err(ReadError::Code(code));
        }
        self.next = offset;
        Ok(())
    }

    fn can_seek(&self) -> bool {
        self.seekable
    }
}
