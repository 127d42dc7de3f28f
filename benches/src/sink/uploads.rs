//! What the server knows of the uploads: their lengths and offsets.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Every upload since the start.
#[derive(Default)]
pub(super) struct Uploads(Mutex<Vec<Upload>>);

/// One upload. Its number, which its URL ends with, is its place in the list.
#[derive(Clone, Copy)]
pub(super) struct Upload {
    pub(super) length: u64,
    pub(super) offset: u64,
}

impl Uploads {
    /// Adds one and returns its number.
    pub(super) fn create(&self, length: u64) -> usize {
        let mut list = self.list();
        list.push(Upload { length, offset: 0 });
        list.len() - 1
    }

    /// The upload of this number.
    pub(super) fn get(&self, number: usize) -> Option<Upload> {
        self.list().get(number).copied()
    }

    /// Counts received bytes.
    pub(super) fn advance(&self, number: usize, bytes: u64) {
        if let Some(upload) = self.list().get_mut(number) {
            upload.offset += bytes;
        }
    }

    /// All bytes received, and how many uploads are complete.
    pub(super) fn received(&self) -> (u64, u64) {
        let list = self.list();
        let complete = list.iter().filter(|upload| upload.offset == upload.length).count();
        (list.iter().map(|upload| upload.offset).sum(), complete as u64)
    }

    fn list(&self) -> MutexGuard<'_, Vec<Upload>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
