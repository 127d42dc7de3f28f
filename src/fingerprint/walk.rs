//! Reading through the beginning of a source.

use std::ops::ControlFlow;

use crate::cancel::Cancel;
use crate::error::{Error, ErrorKind, Result};
use crate::source::Bytes;

/// How much is read at a time, and so between two looks at the flags: a tenth of a millisecond's hashing.
pub(super) const STEP: usize = 256 * 1024;

/// Hands the first `length` bytes to `take`, fewer if the source ends before; returns how many.
///
/// The source itself is left where it stands if it has another cursor to give, else at its beginning.
pub(super) fn first(
    source: &mut dyn Bytes,
    length: u64,
    cancel: &Cancel,
    tick: &dyn Fn() -> ControlFlow<()>,
    take: impl FnMut(&[u8]),
) -> Result<u64> {
    if let Some(mut shared) = source.share() {
        return from_beginning(shared.as_mut(), length, cancel, tick, take);
    }
    let read = from_beginning(source, length, cancel, tick, take);
    let back = source.seek(0);
    read.and_then(|read| back.map(|()| read))
}

fn from_beginning(
    source: &mut dyn Bytes,
    length: u64,
    cancel: &Cancel,
    tick: &dyn Fn() -> ControlFlow<()>,
    mut take: impl FnMut(&[u8]),
) -> Result<u64> {
    source.seek(0)?;
    let mut buffer = vec![0; piece(length, STEP)];
    let mut read = 0;
    while read < length {
        if cancel.is_set() || tick().is_break() {
            return Err(Error::new(ErrorKind::Cancelled, "cancelled"));
        }
        let n = piece(length - read, STEP);
        match source.read(&mut buffer[..n])? {
            0 => break,
            n => {
                take(&buffer[..n]);
                read += n as u64;
            }
        }
    }
    Ok(read)
}

/// How much of what is left fits.
pub(super) fn piece(left: u64, room: usize) -> usize {
    usize::try_from(left).unwrap_or(usize::MAX).min(room)
}
