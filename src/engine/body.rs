//! The part of a source that one request carries.

use std::fs::File;
use std::io;

use crate::cancel::Cancel;
use crate::error::{Error, ErrorKind};
use crate::fingerprint::prefix_matches_now;
use crate::source::Bytes;
use crate::store::Prefix;
use crate::transport::{BodyReader, Watch};

/// Reads a source on from where it stands, and keeps the reason if that fails.
pub(super) struct SourceBody<'a> {
    source: &'a mut dyn Bytes,
    position: u64,
    /// Why reading failed.
    pub(super) error: Option<Error>,
}

impl<'a> SourceBody<'a> {
    /// The source stands at `position`.
    pub(super) fn new(source: &'a mut dyn Bytes, position: u64) -> Self {
        SourceBody { source, position, error: None }
    }

    /// Fails if the source is no longer what it was; why, [`SourceBody::into_failure`] says.
    pub(super) fn check(&mut self) -> io::Result<()> {
        self.source.check_unchanged().map_err(|_| io::Error::other("the source changed"))
    }

    /// What broke the body: the source's own error, or that it changed, or that it ended before its own size.
    pub(super) fn into_failure(self) -> Failure {
        if let Some(error) = self.error {
            return Failure::Trouble(error);
        }
        Failure::of_end(self.source, self.position)
    }
}

/// How a source failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// What was sent of it may still be completed.
    Trouble(Error),
    /// It is known not to be what was promised, and what was sent of it is of no use.
    Spoiled(Error),
}

impl Failure {
    /// Of a source that ended at `position`, where more was due: because it changed, or because it is shorter than it
    /// said.
    pub(super) fn of_end(source: &dyn Bytes, position: u64) -> Failure {
        if let Err(error) = source.check_unchanged() {
            return Failure::of_check(error, source);
        }
        let of = source.size().map(|size| format!(" of {size}")).unwrap_or_default();
        let error = Error::new(ErrorKind::Source, format!("the source ended after {position}{of} bytes"));
        // A file is as long as ever: whatever its file system had, it may have got over it.
        if source.file().is_some() { Failure::Trouble(error) } else { Failure::Spoiled(error) }
    }

    /// By the result of [`Bytes::check_unchanged`]. A file that may have changed may also be what it was (T-111).
    pub(super) fn of_check(error: Error, source: &dyn Bytes) -> Failure {
        match error.kind() {
            ErrorKind::SourceChanged if source.is_cut() => Failure::Spoiled(error),
            _ => Failure::Trouble(error),
        }
    }

    pub(super) fn is_change(&self) -> bool {
        matches!(self, Failure::Trouble(error) | Failure::Spoiled(error) if error.kind() == ErrorKind::SourceChanged)
    }

    pub(super) fn into_error(self) -> Error {
        match self {
            Failure::Trouble(error) | Failure::Spoiled(error) => error,
        }
    }
}

/// Fails if a source may have changed, unless the digest of what was sent of it shows that it has not (T-156).
pub(super) fn check_source(
    source: &dyn Bytes,
    sent: impl FnOnce() -> Option<Prefix>,
    cancel: &Cancel,
    watch: &dyn Watch,
) -> Result<(), Failure> {
    let Err(error) = source.check_unchanged() else { return Ok(()) };
    let Some(sent) = Some(&error).filter(|error| error.kind() == ErrorKind::SourceChanged).and_then(|_| sent()) else {
        return Err(Failure::of_check(error, source));
    };
    let mut differs = false;
    let checked = source.check_unless(&mut |share| {
        let is_same = prefix_matches_now(share, &sent, cancel, &|| watch.tick(0))?;
        differs = !is_same;
        Ok(is_same)
    });
    checked.map_err(|error| if differs { Failure::Spoiled(error) } else { Failure::of_check(error, source) })
}

impl BodyReader for SourceBody<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.source.read(buffer) {
            Ok(n) => {
                self.position += n as u64;
                Ok(n)
            }
            Err(error) => {
                self.error = Some(error);
                Err(io::Error::other("the source failed"))
            }
        }
    }

    fn file(&self) -> Option<(&File, u64)> {
        self.source.file()
    }

    fn skip(&mut self, n: u64) {
        self.position += n;
        self.source.skip(n);
    }
}
