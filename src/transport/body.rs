//! A request's body on its way into ureq's buffer.
//!
//! ureq asks it for bytes on the calling thread. Four things differ from a plain reader: a part of a file may be
//! lent to the connection instead of being read; after an early answer it hands out nothing as if it were something;
//! its end before the declared length is a failure; and a body with a trailer field is framed as it is read.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use super::BreakKind;
use super::buffers::{COPY_STEP, KERNEL_STEP};
use super::chunks;
use super::context::{Context, FileRange};
use super::failure::Failure;
use super::{Body, BodyReader};

/// A piece this long is worth a system call of its own; shorter ones are joined.
const WORTH_SENDING: usize = 16 * 1024;

/// The body of one attempt.
pub(super) struct Outgoing<'a> {
    reader: &'a mut dyn BodyReader,
    context: &'a Arc<Context>,
    left: u64,
    file: Option<Arc<File>>,
    /// What was lent, and how much of the body had been sent before.
    lent: Option<(u64, u64)>,
    /// A failure behind bytes that were still good.
    failed: Option<io::Error>,
}

impl<'a> Outgoing<'a> {
    /// `None` for a request without body bytes.
    pub(super) fn new(body: &'a mut Body<'_>, context: &'a Arc<Context>) -> Option<Self> {
        match body {
            Body::Sized { reader, length: length @ 1.. } | Body::Trailed { reader, length: length @ 1.., .. } => {
                Some(Outgoing { reader: &mut **reader, context, left: *length, file: None, lent: None, failed: None })
            }
            _ => None,
        }
    }

    /// Tells the reader how much of what was lent has been taken. To be called when the request is over, too.
    pub(super) fn settle(&mut self) {
        if let Some((length, sent_before)) = self.lent.take() {
            let sent = self.context.facts().body_sent.saturating_sub(sent_before);
            self.reader.skip(sent.min(length));
        }
    }

    /// Lends the next part of the file, if there is one and the connection can take it.
    fn lend(&mut self, room: u64) -> Option<u64> {
        if !self.context.facts().sendfile {
            return None;
        }
        let (file, offset) = self.reader.file()?;
        let file = match &self.file {
            Some(file) => Arc::clone(file),
            // A descriptor of our own, since the connection outlives this borrow in ureq's eyes. Without one the bytes
            // are copied.
            None => match file.try_clone() {
                Ok(file) => Arc::new(file),
                Err(_) => {
                    self.context.facts().sendfile = false;
                    return None;
                }
            },
        };
        self.file = Some(Arc::clone(&file));
        let length = room.min(self.left).min(KERNEL_STEP as u64);
        let mut facts = self.context.facts();
        self.lent = Some((length, facts.body_sent));
        facts.lent = Some(FileRange { file, offset, length: length as usize });
        Some(length)
    }

    /// Fills the buffer with at least as much as is worth sending.
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = (COPY_STEP.min(buffer.len()) as u64).min(self.left) as usize;
        let mut filled = 0;
        while filled < wanted.min(WORTH_SENDING) {
            match self.reader.read(&mut buffer[filled..wanted]) {
                Ok(0) => {
                    let text = format!("the source ended {} bytes early", self.left - filled as u64);
                    self.failed = Some(io::Error::new(io::ErrorKind::UnexpectedEof, text));
                    break;
                }
                Ok(count) if count > wanted - filled => {
                    self.failed = Some(io::Error::other("the source claims to have read more than was asked for"));
                    break;
                }
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failed = Some(error);
                    break;
                }
            }
        }
        // What came before the failure is good and goes out first.
        match self.failed.take_if(|_| filled == 0) {
            Some(error) => Err(error),
            None => Ok(filled),
        }
    }

    /// Fills the buffer with a chunk; the last one is followed by the trailer field.
    fn fill_chunk(&mut self, buffer: &mut [u8], trailer: &str) -> Result<u64, Failure> {
        let length = self.fill(buffer.get_mut(chunks::BEFORE..).unwrap_or_default()).map_err(in_body)?;
        let value = if length as u64 == self.left { Some(trailer_of(self.reader)?) } else { None };
        let last = value.as_deref().map(|value| (trailer, value));
        let framed = chunks::frame(buffer, length, last)
            .ok_or_else(|| Failure::because(BreakKind::Unsendable, "the trailer's value is too long"))?;
        self.context.facts().framed = Some(framed);
        Ok(length as u64)
    }

    fn next(&mut self, buffer: &mut [u8]) -> Result<u64, Failure> {
        self.settle();
        let room = buffer.len() as u64;
        if self.left == 0 {
            return Ok(0);
        }
        if self.context.facts().early {
            return Ok(room.min(self.left));
        }
        if let Some(error) = self.failed.take() {
            return Err(in_body(error));
        }
        if let Some(trailer) = self.context.trailer {
            return self.fill_chunk(buffer, trailer);
        }
        match self.lend(room) {
            Some(length) => Ok(length),
            None => self.fill(buffer).map(|length| length as u64).map_err(in_body),
        }
    }
}

/// The end of a body without data, which its reader only gives the trailer field's value for.
pub(super) fn bare_end(reader: &mut dyn BodyReader, trailer: &str) -> Result<String, Failure> {
    Ok(chunks::end(trailer, &trailer_of(reader)?))
}

fn trailer_of(reader: &mut dyn BodyReader) -> Result<String, Failure> {
    let value = reader.trailer().map_err(in_body)?;
    if !chunks::is_value(&value) {
        return Err(Failure::because(BreakKind::Unsendable, "the trailer's value cannot be sent"));
    }
    Ok(value)
}

fn in_body(error: io::Error) -> Failure {
    Failure::io(BreakKind::Body, error)
}

impl Read for Outgoing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.next(buffer) {
            Ok(length) => {
                self.left -= length;
                Ok(length as usize)
            }
            // ureq takes `Ok(0)` before the declared length for progress and spins; so it never sees one.
            Err(failure) => Err(self.context.fail(failure).into_io()),
        }
    }
}
