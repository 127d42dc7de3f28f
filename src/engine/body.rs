//! The part of a source that one request carries.

use std::fs::File;
use std::io;

use crate::error::{Error, ErrorKind};
use crate::source::Bytes;
use crate::transport::BodyReader;

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
    /// For now: another try may read on.
    Trouble(Error),
    /// For good: it is not what was promised, and what was sent of it is of no use.
    Spoiled(Error),
}

impl Failure {
    /// Of a source that ended at `position`, where more was due: because it changed, or because it is shorter than it
    /// said.
    pub(super) fn of_end(source: &dyn Bytes, position: u64) -> Failure {
        if let Err(error) = source.check_unchanged() {
            return Failure::of_check(error);
        }
        let of = source.size().map(|size| format!(" of {size}")).unwrap_or_default();
        let what = format!("the source ended after {position}{of} bytes");
        Failure::Spoiled(Error::new(ErrorKind::Source, what))
    }

    /// By the result of [`Bytes::check_unchanged`].
    pub(super) fn of_check(error: Error) -> Failure {
        match error.kind() {
            ErrorKind::SourceChanged => Failure::Spoiled(error),
            _ => Failure::Trouble(error),
        }
    }
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
