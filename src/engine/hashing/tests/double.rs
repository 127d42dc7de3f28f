//! A source that does as it is told, and notes what is done with it.

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};
use crate::source::Bytes;

const SIZE: u64 = 64 << 20;

/// Where a cursor does not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Ends,
    Fails,
    Changes,
    Panics,
}

/// A cursor; shares have the same notes.
pub(super) struct Double {
    pub(super) notes: Arc<Notes>,
    pub(super) shareable: bool,
    /// Strikes at this offset.
    pub(super) fault: Option<(Fault, u64)>,
    is_share: bool,
    position: u64,
}

/// What happens at all cursors.
pub(super) struct Notes {
    /// Reads by the original, and by the shares.
    pub(super) own_reads: AtomicUsize,
    pub(super) share_reads: AtomicUsize,
    /// Shares that are gone.
    pub(super) dropped: AtomicUsize,
    /// Shares wait before they read.
    pub(super) closed: AtomicBool,
    /// The most a read gives.
    pub(super) at_most: AtomicUsize,
    /// How long a read takes, in microseconds.
    pub(super) dawdles: AtomicU64,
    /// Shares whose first read has begun and not been waited for.
    begun: AtomicUsize,
}

impl Notes {
    /// Until one more share has begun to be read.
    pub(super) fn wait_for_share(&self) {
        while self.begun.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_err() {
            std::thread::yield_now();
        }
    }
}

/// What is to be read there.
pub(super) fn bytes(start: u64, length: u64) -> Vec<u8> {
    (start..start + length).map(byte).collect()
}

fn byte(offset: u64) -> u8 {
    (offset ^ (offset >> 8) ^ (offset >> 16)) as u8
}

impl Double {
    pub(super) fn new() -> Double {
        let notes = Arc::new(Notes {
            own_reads: AtomicUsize::new(0),
            share_reads: AtomicUsize::new(0),
            dropped: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            at_most: AtomicUsize::new(usize::MAX),
            dawdles: AtomicU64::new(0),
            begun: AtomicUsize::new(0),
        });
        Double { notes, shareable: true, fault: None, is_share: false, position: 0 }
    }

    pub(super) fn with_fault(fault: Fault, at: u64) -> Double {
        let mut double = Double::new();
        double.fault = Some((fault, at));
        double
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        if self.is_share {
            self.notes.dropped.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Bytes for Double {
    fn size(&self) -> Option<u64> {
        Some(SIZE)
    }

    fn replay_limit(&self) -> Option<u64> {
        None
    }

    fn seek(&mut self, offset: u64) -> Result<()> {
        self.position = offset;
        if self.is_share {
            self.notes.begun.fetch_add(1, Ordering::SeqCst);
        }
        Ok(())
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let reads = if self.is_share { &self.notes.share_reads } else { &self.notes.own_reads };
        reads.fetch_add(1, Ordering::SeqCst);
        // Not for ever: a test that fails meanwhile shall end.
        let began = Instant::now();
        while self.is_share && self.notes.closed.load(Ordering::SeqCst) && began.elapsed() < Duration::from_secs(5) {
            std::thread::yield_now();
        }
        std::thread::sleep(Duration::from_micros(self.notes.dawdles.load(Ordering::SeqCst)));
        let mut end = SIZE;
        if let Some((fault, at)) = self.fault.filter(|(fault, _)| *fault != Fault::Changes) {
            end = at;
            match fault {
                Fault::Fails if self.position >= at => return Err(Error::new(ErrorKind::Callback(5), "no")),
                Fault::Panics if self.position >= at => std::panic::resume_unwind(Box::new("the double panics")),
                _ => {}
            }
        }
        let most = buffer.len().min(self.notes.at_most.load(Ordering::SeqCst));
        let n = most.min(usize::try_from(end.saturating_sub(self.position)).unwrap());
        for (offset, to) in (self.position..).zip(&mut buffer[..n]) {
            *to = byte(offset);
        }
        self.position += n as u64;
        Ok(n)
    }

    fn share(&self) -> Option<Box<dyn Bytes>> {
        let notes = Arc::clone(&self.notes);
        self.shareable.then(|| -> Box<dyn Bytes> {
            Box::new(Double { notes, shareable: true, fault: self.fault, is_share: true, position: 0 })
        })
    }

    fn file(&self) -> Option<(&File, u64)> {
        None
    }

    fn skip(&mut self, _: u64) {}

    fn check_unchanged(&self) -> Result<()> {
        match self.fault {
            Some((Fault::Changes, at)) if self.position >= at => Err(Error::new(ErrorKind::SourceChanged, "changed")),
            _ => Ok(()),
        }
    }
}
