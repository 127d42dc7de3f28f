//! Chunks with checksums.
//!
//! With `Upload-Checksum` in the head the digest of a chunk must be known before its first byte goes out, and what is
//! hashed must be what is sent (T-091, T-096). So a chunk is read into memory, hashed there, and sent from there:
//! [`HashAhead`] makes the [`Chunk`], [`ChunkBody`] is the request body over it. One that is too long for that is read
//! twice, once for its digest. While one chunk is on the wire the next
//! is read and hashed on a helper thread, so that only the slower of the two takes time. Where the checksum follows the
//! data as a trailer (T-100) nothing need be known before: [`HashingBody`] hashes what passes through.

mod body;
mod chunk;
mod helper;
mod memory;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use self::chunk::Wanted;
use self::helper::Helper;
use self::memory::Spare;
use super::body::Failure;
use crate::error::Result;
use crate::protocol::checksum::Algorithm;
use crate::source::Bytes;

pub(super) use self::body::{ChunkBody, HashingBody, WrongBody};
pub(super) use self::chunk::Chunk;

/// Makes the chunks of one source, the next one ahead of its time.
///
/// It has the memory of two chunks, one on the wire and one in the making, as long as the caller lets go of a chunk
/// before taking the next. When it is dropped its thread has ended and nobody but the caller reads the source.
pub(super) struct HashAhead {
    spare: Arc<Spare>,
    /// From the first [`HashAhead::prepare`] on, unless no thread could be had.
    helper: Option<Helper>,
    stack: usize,
}

impl HashAhead {
    pub(super) fn new() -> HashAhead {
        HashAhead { spare: Arc::default(), helper: None, stack: helper::STACK }
    }

    /// The chunk of `length` bytes from `start`: the one prepared if it is that one, else read and hashed now.
    ///
    /// A prepared chunk is given out once; taking the same again, as after a mismatch, reads it afresh (T-092). The
    /// source's own position is anywhere afterwards. `proceed` is asked after every 256 KiB and a hundred times a second
    /// or more, and may end it; its error comes back as [`Failure::Trouble`].
    ///
    /// # Panics
    ///
    /// If the source does, no matter on which thread.
    pub(super) fn take(
        &mut self,
        source: &mut dyn Bytes,
        start: u64,
        length: u64,
        algorithm: Algorithm,
        proceed: &mut dyn FnMut() -> Result<()>,
    ) -> std::result::Result<Chunk, Failure> {
        let wanted = Wanted { start, length, algorithm };
        let prepared = self.helper.as_ref().and_then(|helper| helper.take(wanted, proceed));
        prepared.unwrap_or_else(|| Chunk::read(source, wanted, &self.spare, proceed))
    }

    /// The digest alone of a chunk that is too long for memory, of a source that can be read again. Else as
    /// [`HashAhead::take`].
    pub(super) fn digest(
        source: &mut dyn Bytes,
        start: u64,
        length: u64,
        algorithm: Algorithm,
        proceed: &mut dyn FnMut() -> Result<()>,
    ) -> std::result::Result<Vec<u8>, Failure> {
        chunk::digest_of(source, Wanted { start, length, algorithm }, proceed)
    }

    /// Begins to prepare the chunk that will probably be wanted next, instead of any other. Returns at once, and does
    /// nothing if the source cannot be shared with another thread, or is the caller's own code.
    pub(super) fn prepare(&mut self, source: &dyn Bytes, start: u64, length: u64, algorithm: Algorithm) {
        if source.runs_callers_code() {
            return;
        }
        let Some(share) = source.share() else { return };
        if self.helper.is_none() {
            // A process that has no thread to spare now may have one for the next chunk.
            self.helper = Helper::start(&self.spare, self.stack).ok();
        }
        if let Some(helper) = &self.helper {
            helper.prepare(Wanted { start, length, algorithm }, share);
        }
    }
}
