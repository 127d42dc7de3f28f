//! The two buffers ureq works on: what goes out and what came in.
//!
//! The outgoing one is mapped memory, lent by the client for the time of a request and touched only where something
//! is written; the incoming one is small and grows with the answer's head.

use std::sync::{Mutex, PoisonError};

use ureq::unversioned::transport::Buffers;

use crate::sys::pages::Pages;

/// Size of an outgoing buffer. Far larger than what is ever filled ([`COPY_STEP`]), since only touched pages exist:
/// ureq counts the rest of a body nobody wants any more in steps of this size, and 100 GiB of it must not take longer
/// than a millisecond or two.
pub(super) const OUTGOING: usize = 4 << 20;

/// How much of a file the kernel is given at once: after each step the connection is looked at for an answer.
pub(super) const KERNEL_STEP: usize = 1 << 20;

/// How much of a body is read into the buffer before it is sent: as fast as twice as much (measured on loopback, with
/// TLS too), and a running upload stays below 256 KiB. 12 TLS records.
pub(super) const COPY_STEP: usize = 192 * 1024;

/// Size of an incoming buffer at first: more than nearly every answer, and not more to clear than one.
const INCOMING: usize = 2 * 1024;

/// The most that may wait in the incoming buffer: a whole head ([`super::sniff::MAX_HEAD`]) and a read more.
const MAX_INCOMING: usize = super::sniff::MAX_HEAD + INCOMING;

/// How many outgoing buffers a client keeps for the next request. Mapping and touching one anew for every request
/// costs as much as sending a few hundred KiB.
const MAX_SPARE: usize = 4;

/// The outgoing buffers of a client that are not in use.
#[derive(Debug, Default)]
pub(super) struct Spare(Mutex<Vec<Pages>>);

impl Spare {
    /// A buffer, used before or new.
    pub(super) fn take(&self) -> std::io::Result<Pages> {
        let spare = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        spare.map_or_else(|| Pages::new(OUTGOING), Ok)
    }

    /// Gives one back.
    pub(super) fn put(&self, pages: Pages) {
        let mut spare = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < MAX_SPARE {
            spare.push(pages);
        }
    }

    /// Frees all of them.
    pub(super) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// The buffers of one request.
#[derive(Debug)]
pub(super) struct RequestBuffers {
    outgoing: Option<Pages>,
    incoming: Vec<u8>,
    start: usize,
    end: usize,
    ready: bool,
}

impl RequestBuffers {
    /// Around a buffer lent by the client.
    pub(super) fn new(outgoing: Pages) -> Self {
        RequestBuffers { outgoing: Some(outgoing), incoming: Vec::new(), start: 0, end: 0, ready: false }
    }

    /// What was received and not consumed.
    pub(super) fn received(&self) -> &[u8] {
        &self.incoming[self.start..self.end]
    }

    /// Room to receive into; `None` when too much waits already.
    pub(super) fn room(&mut self) -> Option<&mut [u8]> {
        if self.start > 0 {
            self.incoming.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.incoming.len() {
            if self.end >= MAX_INCOMING {
                return None;
            }
            self.incoming.resize((self.end * 2).clamp(INCOMING, MAX_INCOMING), 0);
        }
        Some(&mut self.incoming[self.end..])
    }

    /// `count` bytes were received into [`RequestBuffers::room`].
    pub(super) fn filled(&mut self, count: usize) {
        self.end = (self.end + count).min(self.incoming.len());
    }

    /// The first `count` received bytes are done with.
    pub(super) fn skip(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
    }

    /// Puts something else, not longer, in place of the first `count` received bytes.
    pub(super) fn replace(&mut self, count: usize, with: &[u8]) {
        let end = (self.start + count).min(self.end);
        let start = end.saturating_sub(with.len());
        self.incoming[start..end].copy_from_slice(&with[..end - start]);
        self.start = start;
    }

    /// Lets ureq see what was received.
    pub(super) fn set_ready(&mut self) {
        self.ready = true;
    }

    /// The outgoing buffer, empty after [`RequestBuffers::take_outgoing`].
    pub(super) fn outgoing(&mut self) -> &mut [u8] {
        self.outgoing.as_deref_mut().unwrap_or_default()
    }

    /// Takes the outgoing buffer out.
    pub(super) fn take_outgoing(&mut self) -> Option<Pages> {
        self.outgoing.take()
    }

    /// Puts it back.
    pub(super) fn return_outgoing(&mut self, pages: Pages) {
        self.outgoing = Some(pages);
    }
}

impl Buffers for RequestBuffers {
    fn output(&mut self) -> &mut [u8] {
        self.outgoing()
    }

    fn input(&self) -> &[u8] {
        self.received()
    }

    fn input_append_buf(&mut self) -> &mut [u8] {
        self.room().unwrap_or_default()
    }

    fn input_appended(&mut self, amount: usize) {
        self.filled(amount);
    }

    fn input_consume(&mut self, amount: usize) {
        self.skip(amount);
        // ureq asks for more by consuming nothing: what is there is then only the beginning of something.
        self.ready = amount > 0;
    }

    fn tmp_and_output(&mut self) -> (&mut [u8], &mut [u8]) {
        // The scratch half is for chunked bodies only, which ureq never sends: see `chunks`.
        (&mut [], self.outgoing())
    }

    fn can_use_input(&self) -> bool {
        self.ready && self.start < self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buffers() -> RequestBuffers {
        RequestBuffers::new(Pages::new(4096).unwrap())
    }

    #[test]
    fn what_waits_is_limited() {
        let mut buffers = buffers();
        let mut total = 0;
        while let Some(room) = buffers.room() {
            let length = room.len();
            buffers.filled(length);
            total += length;
        }
        assert_eq!(total, MAX_INCOMING);
        buffers.skip(10);
        assert_eq!(buffers.room().map(|room| room.len()), Some(10));
    }

    #[test]
    fn unconsumed_input_is_kept_and_hidden() {
        let mut buffers = buffers();
        buffers.room().unwrap()[..5].copy_from_slice(b"abcde");
        buffers.filled(5);
        assert!(!buffers.can_use_input());
        buffers.set_ready();
        assert!(buffers.can_use_input());
        buffers.input_consume(2);
        assert!(buffers.can_use_input());
        buffers.input_consume(0);
        assert!(!buffers.can_use_input());
        assert_eq!(buffers.input(), b"cde");
    }

    #[test]
    fn spare_buffers_are_lent_again() {
        let spare = Spare::default();
        let mut first = spare.take().unwrap();
        first[0] = 1;
        spare.put(first);
        assert_eq!(spare.take().unwrap()[0], 1);
        assert_eq!(spare.take().unwrap()[0], 0);
    }
}
