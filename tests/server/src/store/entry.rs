//! One upload in memory: its state, who is writing to it, and what the client was told.
//!
//! Does no file access; `append` and the store do.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::info::Info;
use crate::control::held;

struct State {
    info: Info,
    offset: u64,
    busy: bool,
    /// Offsets ever said to the client; None if an earlier server said some (T-021).
    told: Option<Vec<u64>>,
    /// Why the client must ask for the offset before its next PATCH (T-011, T-030).
    owes_head: Option<&'static str>,
    /// The latest HEAD that was answered, by its place in the log.
    last_head: Option<usize>,
}

/// One upload.
pub(crate) struct Entry {
    id: String,
    state: Mutex<State>,
    freed: Condvar,
}

/// The right to change an upload; one at a time.
pub(crate) struct Busy<'e>(&'e Entry);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        held(&self.0.state).busy = false;
        self.0.freed.notify_all();
    }
}

impl Entry {
    /// An upload made just now; that it begins at 0 goes without saying.
    pub(super) fn fresh(id: &str, info: Info) -> Self {
        Self::with(id, info, 0, Some(vec![0]))
    }

    /// An upload found on disk.
    pub(super) fn known(id: &str, info: Info, offset: u64) -> Self {
        Self::with(id, info, offset, None)
    }

    fn with(id: &str, info: Info, offset: u64, told: Option<Vec<u64>>) -> Self {
        Self {
            id: id.to_owned(),
            state: Mutex::new(State { info, offset, busy: false, told, owes_head: None, last_head: None }),
            freed: Condvar::new(),
        }
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn info(&self) -> Info {
        held(&self.state).info.clone()
    }

    pub(crate) fn created(&self) -> SystemTime {
        held(&self.state).info.created
    }

    pub(crate) fn length(&self) -> Option<u64> {
        held(&self.state).info.length
    }

    pub(crate) fn set_length(&self, length: u64) {
        held(&self.state).info.length = Some(length);
    }

    pub(crate) fn set_expires(&self, expires: Option<SystemTime>) {
        held(&self.state).info.expires = expires;
    }

    pub(crate) fn offset(&self) -> u64 {
        held(&self.state).offset
    }

    pub(crate) fn set_offset(&self, offset: u64) {
        held(&self.state).offset = offset;
    }

    pub(crate) fn is_finished(&self) -> bool {
        let state = held(&self.state);
        state.info.length == Some(state.offset)
    }

    /// Takes the upload for writing, waiting at most so long.
    pub(crate) fn take(&self, patience: Duration) -> Option<Busy<'_>> {
        let end = Instant::now() + patience;
        let mut state = held(&self.state);
        while state.busy {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            state = self.freed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.busy = true;
        Some(Busy(self))
    }

    /// Remembers an offset that went out to the client.
    pub(crate) fn tell(&self, offset: u64) {
        if let Some(told) = &mut held(&self.state).told
            && !told.contains(&offset)
        {
            told.push(offset);
        }
    }

    /// The offsets the client may believe in changed behind its back.
    pub(crate) fn forget_told(&self) {
        held(&self.state).told = None;
    }

    /// Whether the client can have this offset from an answer.
    pub(crate) fn was_told(&self, offset: u64) -> bool {
        let state = held(&self.state);
        state.told.as_ref().is_none_or(|told| told.contains(&offset))
    }

    /// The PATCH with this number left the client without a usable answer, unless a HEAD that
    /// came after it was answered before the server even noticed.
    pub(crate) fn owe_head(&self, why: &'static str, patch: usize) {
        let mut state = held(&self.state);
        if state.last_head.is_none_or(|head| head < patch) {
            state.owes_head = Some(why);
        }
    }

    /// A HEAD with this number is answered.
    pub(crate) fn head_answered(&self, head: usize) {
        let mut state = held(&self.state);
        state.owes_head = None;
        state.last_head = state.last_head.max(Some(head));
    }

    /// The rule that demands a HEAD before the next PATCH.
    pub(crate) fn owes_head(&self) -> Option<&'static str> {
        held(&self.state).owes_head
    }
}
