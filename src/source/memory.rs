//! Bytes in memory, read in place.

use std::fs::File;
use std::sync::Arc;

use super::Bytes;
use crate::error::Result;

/// One cursor over bytes that others may read too.
pub(super) struct MemorySource<B> {
    bytes: Arc<B>,
    position: usize,
}

impl<B: AsRef<[u8]> + Send + Sync> MemorySource<B> {
    pub(super) fn new(bytes: B) -> Self {
        MemorySource { bytes: Arc::new(bytes), position: 0 }
    }
}

impl<B: AsRef<[u8]> + Send + Sync + 'static> Bytes for MemorySource<B> {
    fn size(&self) -> Option<u64> {
        Some((*self.bytes).as_ref().len() as u64)
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
        let left = (*self.bytes).as_ref().get(self.position..).unwrap_or_default();
        let n = left.len().min(buffer.len());
        buffer[..n].copy_from_slice(&left[..n]);
        self.position += n;
        Ok(n)
    }

    fn share(&self) -> Option<Box<dyn Bytes>> {
        Some(Box::new(MemorySource { bytes: Arc::clone(&self.bytes), position: 0 }))
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

#[cfg(test)]
mod tests {
    use super::super::Source;
    use super::super::samples::{all_of, expect, numbers};
    use super::*;

    struct Watched {
        bytes: Vec<u8>,
        _alive: Arc<()>,
    }

    impl AsRef<[u8]> for Watched {
        fn as_ref(&self) -> &[u8] {
            &self.bytes
        }
    }

    #[test]
    fn shares_read_the_same_bytes_and_keep_them() {
        let alive = Arc::new(());
        let mut source = Source::memory(Watched { bytes: numbers(0, 100_000), _alive: Arc::clone(&alive) }).0;
        source.seek(50).unwrap();
        assert_eq!(all_of(source.share().unwrap().as_mut()).len(), 100_000, "from the beginning");
        let mut shares = [source.share().unwrap(), source.share().unwrap()];
        drop(source);
        std::thread::scope(|scope| {
            for share in &mut shares {
                scope.spawn(|| expect(share.as_mut(), 5, 90_000));
            }
        });
        let [mut one, two] = shares;
        drop(two);
        assert_eq!(Arc::strong_count(&alive), 2, "one cursor is left");
        one.seek(99_999).unwrap();
        assert_eq!(all_of(one.as_mut()), numbers(99_999, 1));
        drop(one);
        assert_eq!(Arc::strong_count(&alive), 1);
    }
}
