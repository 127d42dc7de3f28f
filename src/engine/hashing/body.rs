//! Request bodies with checksums.

use std::fs::File;
use std::io::{self, Read as _};

use super::chunk::Chunk;
use crate::digest::Digest;
use crate::engine::body::{Failure, SourceBody};
use crate::protocol::checksum::{Algorithm, field};
use crate::source::Bytes;
use crate::transport::BodyReader;

/// A chunk whose checksum goes ahead of it.
pub(in crate::engine) struct ChunkBody<'a> {
    rest: &'a [u8],
}

impl<'a> ChunkBody<'a> {
    pub(in crate::engine) fn new(chunk: &'a Chunk) -> Self {
        ChunkBody { rest: chunk.bytes() }
    }
}

impl BodyReader for ChunkBody<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.rest.read(buffer)
    }

    fn file(&self) -> Option<(&File, u64)> {
        None
    }

    fn skip(&mut self, n: u64) {
        let n = usize::try_from(n).unwrap_or(usize::MAX).min(self.rest.len());
        self.rest = &self.rest[n..];
    }
}

/// A part of a source whose checksum follows it (T-100): hashes what it hands out, which is what is sent (T-096).
pub(in crate::engine) struct HashingBody<'a> {
    body: SourceBody<'a>,
    algorithm: Algorithm,
    digest: Digest,
}

impl<'a> HashingBody<'a> {
    /// The source stands at `position`.
    pub(in crate::engine) fn new(source: &'a mut dyn Bytes, position: u64, algorithm: Algorithm) -> Self {
        HashingBody { body: SourceBody::new(source, position), algorithm, digest: Digest::new(algorithm) }
    }

    /// The digest of everything handed out so far, raw.
    pub(in crate::engine) fn digest(&self) -> Vec<u8> {
        self.digest.clone().finish()
    }

    /// What broke the body, as [`SourceBody::into_failure`].
    pub(in crate::engine) fn into_failure(self) -> Failure {
        self.body.into_failure()
    }
}

impl BodyReader for HashingBody<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.body.read(buffer)?;
        self.digest.update(&buffer[..n]);
        Ok(n)
    }

    /// Never: what the kernel sends by itself nobody has hashed.
    fn file(&self) -> Option<(&File, u64)> {
        None
    }

    fn skip(&mut self, _: u64) {}

    fn trailer(&mut self) -> io::Result<String> {
        // What changed while it was read is not vouched for: the request ends without its last chunk (T-101).
        self.body.check()?;
        Ok(field(self.algorithm, &self.digest()))
    }
}

/// No data, followed by a checksum that is deliberately not that of nothing.
pub(in crate::engine) struct WrongBody(pub(in crate::engine) Algorithm);

impl BodyReader for WrongBody {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Ok(0)
    }

    fn file(&self) -> Option<(&File, u64)> {
        None
    }

    fn skip(&mut self, _: u64) {}

    fn trailer(&mut self) -> io::Result<String> {
        let wrong: Vec<u8> = Digest::new(self.0).finish().iter().map(|byte| !byte).collect();
        Ok(field(self.0, &wrong))
    }
}
