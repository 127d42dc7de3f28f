//! The memory chunks lie in, used again and again.

use std::io;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

use crate::sys::pages::Pages;

/// How many are kept: one for the chunk on the wire and one for the chunk in the making.
const KEPT: usize = 2;

/// Buffers that are not in use.
#[derive(Debug, Default)]
pub(super) struct Spare(Mutex<Vec<Pages>>);

impl Spare {
    /// A buffer of at least `length` bytes, used before if there is one.
    pub(super) fn take(self: &Arc<Self>, length: usize) -> io::Result<Buffer> {
        let used = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let pages = match used.filter(|pages| pages.len() >= length) {
            Some(pages) => pages,
            // Rounded up, so that chunks that grow little by little do not need a new one each. What is not touched
            // costs nothing.
            None => Pages::new(length.max(1).next_power_of_two())?,
        };
        Ok(Buffer { pages: Some(pages), home: Arc::clone(self) })
    }
}

/// A buffer in use; it goes back when it is dropped.
#[derive(Debug)]
pub(super) struct Buffer {
    /// Taken out by `drop` alone.
    pages: Option<Pages>,
    home: Arc<Spare>,
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.pages.as_deref().unwrap_or_default()
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.pages.as_deref_mut().unwrap_or_default()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut spare = self.home.0.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < KEPT {
            spare.extend(self.pages.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_come_back_and_are_used_again_if_they_fit() {
        let spare = Arc::new(Spare::default());
        let mut first = spare.take(5000).unwrap();
        assert!(first.len() >= 5000);
        first[0] = 7;
        drop(first);
        let again = spare.take(1).unwrap();
        assert_eq!(again[0], 7);
        drop(again);
        let larger = spare.take(100_000).unwrap();
        assert!(larger.len() >= 100_000 && larger[0] == 0);
    }

    #[test]
    fn no_more_than_two_are_kept() {
        let spare = Arc::new(Spare::default());
        let buffers: Vec<_> = (0..5).map(|_| spare.take(0).unwrap()).collect();
        drop(buffers);
        assert_eq!(spare.0.lock().unwrap().len(), KEPT);
    }
}
