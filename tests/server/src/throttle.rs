//! Reading request bodies at a steady pace, so that a demo shows its progress.
//!
//! Sleeps between reads; never changes what is read.

use std::time::{Duration, Instant};

use crate::control::Control;

/// Pieces a second's worth of bytes is read in: small enough for a smooth progress bar.
const PIECES_PER_SECOND: u64 = 20;

/// The pace of one request body.
pub(crate) struct Throttle {
    rate: u64,
    started: Instant,
    passed: u64,
}

impl Throttle {
    /// So many bytes a second, at least one.
    pub(crate) fn new(rate: u64) -> Self {
        Self { rate: rate.max(1), started: Instant::now(), passed: 0 }
    }

    /// Most bytes to read at once.
    pub(crate) fn piece(&self) -> usize {
        usize::try_from(self.rate / PIECES_PER_SECOND).unwrap_or(usize::MAX).max(1)
    }

    /// Sleeps until the bytes just read are due; false if the server stops.
    pub(crate) fn passed(&mut self, bytes: usize, control: &Control) -> bool {
        self.passed += bytes as u64;
        let due = Duration::from_secs_f64(self.passed as f64 / self.rate as f64);
        let left = due.saturating_sub(self.started.elapsed());
        left.is_zero() || control.sleep(left)
    }
}
