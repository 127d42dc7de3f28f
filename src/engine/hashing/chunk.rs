//! A chunk in memory, and how it gets there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::memory::{Buffer, Spare};
use crate::digest::Digest;
use crate::engine::body::Failure;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::checksum::Algorithm;
use crate::source::Bytes;

/// How much is read at once: it is still in the processor's cache when it is hashed, and between two of these a cancel
/// is seen: less than 0.1 ms with SHA-1 or SHA-256, some 7 ms in a build without optimization.
const STEP: usize = 64 * 1024;

/// A source that trickles is not waited for longer than this without a look at whether to go on.
const PATIENCE: Duration = Duration::from_millis(10);

/// What is wanted of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) start: u64,
    pub(super) length: u64,
    pub(super) algorithm: Algorithm,
}

/// A chunk in memory and its digest: what is sent is what was hashed, whatever becomes of the source (T-096).
#[derive(Debug)]
pub(in crate::engine) struct Chunk {
    buffer: Buffer,
    length: usize,
    digest: Vec<u8>,
}

/// The digest of a stretch too long to lie in memory, asking `proceed` again and again whether to go on. What is sent is read
/// once more: if that is something else, the server refuses it.
pub(super) fn digest_of(
    source: &mut dyn Bytes,
    wanted: Wanted,
    proceed: &mut dyn FnMut() -> Result<()>,
) -> std::result::Result<Vec<u8>, Failure> {
    source.seek(wanted.start).map_err(Failure::Trouble)?;
    let mut digest = Digest::new(wanted.algorithm);
    let mut buffer = vec![0; STEP];
    let mut left = wanted.length;
    while left > 0 {
        proceed().map_err(Failure::Trouble)?;
        let most = usize::try_from(left).map_or(STEP, |left| left.min(STEP));
        match source.read(&mut buffer[..most]).map_err(Failure::Trouble)? {
            0 => return Err(Failure::of_end(source, wanted.start + wanted.length - left)),
            n => {
                digest.update(&buffer[..n]);
                left -= n as u64;
            }
        }
    }
    source.check_unchanged().map_err(|error| Failure::of_check(error, source))?;
    Ok(digest.finish())
}

impl Chunk {
    /// Reads and hashes it, asking `proceed` again and again whether to go on.
    pub(super) fn read(
        source: &mut dyn Bytes,
        wanted: Wanted,
        spare: &Arc<Spare>,
        proceed: &mut dyn FnMut() -> Result<()>,
    ) -> std::result::Result<Chunk, Failure> {
        let length = usize::try_from(wanted.length).unwrap_or(usize::MAX);
        let mut buffer = spare.take(length).map_err(|error| {
            let error = Error::new(ErrorKind::Source, format!("no memory for a chunk of {length} bytes"))
                .with_os_code(error.raw_os_error())
                .with_cause(Arc::new(error));
            Failure::Trouble(error)
        })?;
        source.seek(wanted.start).map_err(Failure::Trouble)?;
        let mut digest = Digest::new(wanted.algorithm);
        let (mut filled, mut asked_at, mut asked) = (0, 0, Instant::now());
        while filled < length {
            if filled - asked_at >= STEP || asked.elapsed() >= PATIENCE {
                proceed().map_err(Failure::Trouble)?;
                (asked_at, asked) = (filled, Instant::now());
            }
            let end = length.min(asked_at + STEP);
            match source.read(&mut buffer[filled..end]).map_err(Failure::Trouble)? {
                0 => return Err(Failure::of_end(source, wanted.start + filled as u64)),
                n => {
                    digest.update(&buffer[filled..filled + n]);
                    filled += n;
                }
            }
        }
        // A digest over half an old and half a new version would be right for what is sent, and the server content with
        // it: only the source knows better.
        source.check_unchanged().map_err(|error| Failure::of_check(error, source))?;
        Ok(Chunk { buffer, length, digest: digest.finish() })
    }

    /// Its bytes.
    pub(in crate::engine) fn bytes(&self) -> &[u8] {
        &self.buffer[..self.length]
    }

    /// Their digest, raw.
    pub(in crate::engine) fn digest(&self) -> &[u8] {
        &self.digest
    }
}
