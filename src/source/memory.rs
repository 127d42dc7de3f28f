//! Bytes in memory, read in place.

use std::fs::File;

use super::Bytes;
use crate::error::Result;

pub(super) struct MemorySource<B> {
    bytes: B,
    position: usize,
}

impl<B: AsRef<[u8]> + Send> MemorySource<B> {
    pub(super) fn new(bytes: B) -> Self {
        MemorySource { bytes, position: 0 }
    }
}

impl<B: AsRef<[u8]> + Send> Bytes for MemorySource<B> {
    fn size(&self) -> Option<u64> {
        Some(self.bytes.as_ref().len() as u64)
    }

    fn replay_limit(&self) -> Option<u64> {
        None
    }

    fn seek(&mut self, offset: u64) -> Result<()> {
        // Beyond the end is the end: the read that follows then says so.
        self.position = usize::try_from(offset).unwrap_or(usize::MAX);
        Ok(())
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let left = self.bytes.as_ref().get(self.position..).unwrap_or_default();
        let n = left.len().min(buffer.len());
        buffer[..n].copy_from_slice(&left[..n]);
        self.position += n;
        Ok(n)
    }

    fn file(&self) -> Option<(&File, u64)> {
        None
    }

    fn skip(&mut self, n: u64) {
        self.position = self.position.saturating_add(usize::try_from(n).unwrap_or(usize::MAX));
    }

    fn check_unchanged(&self) -> Result<()> {
        Ok(())
    }
}
