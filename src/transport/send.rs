//! Sending: bytes from the buffer, or a file by way of the kernel, while watching for an early answer.
//!
//! A server may answer before it has the whole body: because it is too large, unwanted, or in conflict. What it does
//! then differs: it closes, shuts down, goes on reading, or stops reading and keeps the connection open. In all four
//! cases the answer counts and the rest of the body is not sent (T-031).

use std::io;
use std::ops::Range;
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::time::Duration;

use super::BreakKind;
use super::buffers::COPY_STEP;
use super::chunks::Piece;
use super::context::FileRange;
use super::exchange::{Exchange, Pulled};
use super::failure::Failure;
use super::sniff::Seen;
use super::stream::Stream;
use super::wait::{StallClock, Until};
use crate::error::TimeLimit;
use crate::sys::poll::Entry;
use crate::sys::sendfile::sendfile;
use crate::sys::socket::{is_gone, would_block};

/// How long to wait for an answer on a connection that can no longer be written to. What the server sent before it
/// closed is here already or arrives with the close.
const AFTER_BROKEN_WRITE: Duration = Duration::from_secs(1);

/// What one attempt to write did.
enum Step {
    /// The kernel took this many bytes of the message; 0 if only some of their encrypted form.
    Moved(usize),
    /// The file is shorter than it was.
    FileEnded,
    /// The file could not be read.
    FileFailed(io::Error),
}

/// How sending ended, if it did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sent {
    /// All of it is in the kernel's hands.
    Whole,
    /// The answer came before.
    Early,
    /// The connection came from the pool and was closed before it took a single byte.
    Dead,
}

impl Exchange {
    /// Sends the held head, if it is still due, and a piece of the outgoing buffer.
    pub(super) fn send_buffered(&mut self, piece: &Piece) -> Result<(), Failure> {
        let head = std::mem::take(&mut self.head);
        loop {
            // Taken out for the loop, which needs the rest of the exchange; ureq only wants it back afterwards.
            let Some(outgoing) = self.buffers.take_outgoing() else {
                return Err(Failure::because(BreakKind::Unsendable, "the request is over"));
            };
            let payload = piece.payload_after(head.len());
            let sent = self.send_bytes(&head, &outgoing[piece.bytes.clone()], payload);
            self.buffers.return_outgoing(outgoing);
            if sent? != Sent::Dead {
                return Ok(());
            }
            self.reconnect()?;
        }
    }

    fn send_bytes(&mut self, head: &[u8], data: &[u8], payload: Range<usize>) -> Result<Sent, Failure> {
        #[cfg(feature = "tls")]
        if self.stream()?.is_secure() {
            let total = head.len() + data.len();
            let stream = self.stream()?;
            stream.encrypt(head).and_then(|()| stream.encrypt(data)).map_err(Failure::stream)?;
            return self.drive(payload, total, |stream, moved| {
                // The encrypted form is longer than the message, so counting it as message never counts too little.
                Ok(match stream.flush()? {
                    Some(count) => Step::Moved(count.min(total - moved - 1)),
                    None => Step::Moved(total - moved),
                })
            });
        }
        self.drive(payload, head.len() + data.len(), |stream, moved| {
            let (head, data) = match head.get(moved..) {
                Some(rest) => (rest, data),
                None => (&[][..], &data[moved - head.len()..]),
            };
            stream.write(head, data).map(Step::Moved)
        })
    }

    /// Sends the held head, if it is still due, and a part of a file.
    pub(super) fn send_file(&mut self, range: &FileRange) -> Result<(), Failure> {
        let head = std::mem::take(&mut self.head);
        let mut by_kernel = true;
        let mut copy = Vec::new();
        loop {
            let total = head.len() + range.length;
            let sent = self.drive(head.len()..total, total, |stream, moved| {
                if moved < head.len() {
                    return stream.socket().send(&head[moved..], true).map(Step::Moved);
                }
                let done = moved - head.len();
                let offset = range.offset + done as u64;
                if by_kernel {
                    match sendfile(stream.socket(), &range.file, offset, range.length - done) {
                        Ok(0) => return Ok(Step::FileEnded),
                        Ok(count) => return Ok(Step::Moved(count)),
                        Err(error) if error.raw_os_error() == Some(libc::EIO) => return Ok(Step::FileFailed(error)),
                        Err(error) if is_unsupported(&error) => {
                            by_kernel = false;
                            copy.resize(COPY_STEP / 4, 0);
                        }
                        Err(error) => return Err(error),
                    }
                }
                let length = copy.len().min(range.length - done);
                match range.file.read_at(&mut copy[..length], offset) {
                    Ok(0) => Ok(Step::FileEnded),
                    Ok(count) => stream.write(&[], &copy[..count]).map(Step::Moved),
                    Err(error) => Ok(Step::FileFailed(error)),
                }
            })?;
            if !by_kernel {
                self.context.facts().sendfile = false;
            }
            if sent != Sent::Dead {
                return Ok(());
            }
            self.reconnect()?;
        }
    }

    /// Repeats `step`, which is told how many of the `total` bytes have moved, until they all have, the answer
    /// comes, or something fails. `payload` says which of them are body; the others are head and framing.
    fn drive(
        &mut self,
        payload: Range<usize>,
        total: usize,
        mut step: impl FnMut(&mut Stream, usize) -> io::Result<Step>,
    ) -> Result<Sent, Failure> {
        let context = Arc::clone(&self.context);
        let mut clock = StallClock::new(context.timeouts.stall);
        let body_before = context.facts().body_sent;
        let mut moved = 0;
        if body_before > 0 && self.answer_came()? {
            return Ok(Sent::Early);
        }
        while moved < total {
            match step(self.stream()?, moved) {
                Ok(Step::Moved(count)) => {
                    moved += count;
                    clock.moved();
                    let sent = moved.clamp(payload.start, payload.end) - payload.start;
                    context.advance(body_before + sent as u64)?;
                }
                Ok(Step::FileEnded) => {
                    return Err(Failure::because(BreakKind::Body, "the file is shorter than it was"));
                }
                Ok(Step::FileFailed(error)) => return Err(Failure::io(BreakKind::Body, error)),
                Err(error) if would_block(&error) => {
                    if self.wait_to_send(&mut clock)? && self.answer_came()? {
                        return Ok(Sent::Early);
                    }
                }
                Err(error) if is_gone(&error) => return self.after_broken_write(error),
                Err(error) => return Err(Failure::stream(error)),
            }
        }
        Ok(Sent::Whole)
    }

    /// Waits until the connection takes more or something came in: true if so.
    fn wait_to_send(&mut self, clock: &mut StallClock) -> Result<bool, Failure> {
        let context = Arc::clone(&self.context);
        let stream = self.stream()?;
        clock.observe(stream.socket());
        loop {
            let mut entries = [Entry::either(stream.socket().as_fd())];
            if context.wait(&mut entries, Some(clock.until()), Some(clock.slice()))? {
                return Ok(entries[0].is_readable());
            }
            clock.observe(stream.socket());
        }
    }

    /// Takes in what came, and tells whether it is (the beginning of) the final answer.
    fn answer_came(&mut self) -> Result<bool, Failure> {
        if self.pull()? == Pulled::End {
            // The server will never answer any more, so there is no use in sending the rest.
            return Err(Failure::ended());
        }
        if self.sniffer.seen() == Seen::Nothing {
            return Ok(false);
        }
        self.context.facts().early = true;
        Ok(true)
    }

    /// A write failed: the answer that explains it may have been received before.
    fn after_broken_write(&mut self, error: io::Error) -> Result<Sent, Failure> {
        let context = Arc::clone(&self.context);
        {
            let facts = context.facts();
            if facts.reused && !facts.sent_any && !facts.received_any {
                return Ok(Sent::Dead);
            }
        }
        let until = Until::after(AFTER_BROKEN_WRITE, TimeLimit::Response);
        let broken = |cause: Failure| match cause.kind {
            // What the write said is nearer to the cause than what the hopeless read says.
            BreakKind::Closed | BreakKind::Timeout(TimeLimit::Response) => Failure::stream(error),
            _ => cause,
        };
        loop {
            match self.pull() {
                Ok(Pulled::Bytes) if self.sniffer.seen() != Seen::Nothing => {
                    context.facts().early = true;
                    return Ok(Sent::Early);
                }
                Ok(Pulled::Bytes) => {}
                Ok(Pulled::End) => return Err(broken(Failure::ended())),
                Ok(Pulled::Nothing) => {
                    let mut entries = [Entry::readable(self.stream()?.socket().as_fd())];
                    if let Err(failure) = context.wait(&mut entries, Some(until), None) {
                        return Err(broken(failure));
                    }
                }
                Err(failure) => return Err(broken(failure)),
            }
        }
    }
}

/// Whether the kernel cannot send this kind of file by itself.
fn is_unsupported(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENOSYS | libc::EOPNOTSUPP))
}
