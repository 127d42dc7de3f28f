//! Sending: bytes from the buffer, or a file by way of the kernel, as fast as the client's limit allows, while watching
//! for an early answer.
//!
//! A server may answer before it has the whole body: because it is too large, unwanted, or in conflict. What it does
//! then differs: it closes, shuts down, goes on reading, or stops reading and keeps the connection open. In all four
//! cases the answer counts and the rest of the body is not sent (T-031).

use std::fs::File;
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
use super::throttle::{Grant, Throttle};
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
        let total = head.len() + data.len();
        #[cfg(feature = "tls")]
        if self.stream()?.is_secure() {
            let (mut encrypted, body_before) = (0, self.context.facts().body_sent);
            let sent = self.drive(payload.clone(), total, |stream, due| {
                if encrypted < due.end {
                    let (head, data) = part(head, data, encrypted..due.end);
                    stream.encrypt(head)?;
                    stream.encrypt(data)?;
                    encrypted = due.end;
                }
                // The encrypted form is longer than the message, so counting it as message never counts too little.
                Ok(match stream.flush()? {
                    Some(count) => Step::Moved(count.min(due.len() - 1)),
                    None => Step::Moved(due.len()),
                })
            });
            if !matches!(sent, Ok(Sent::Whole | Sent::Dead)) {
                // What was encrypted may have left while the connection was read from.
                let reached = encrypted.clamp(payload.start, payload.end) - payload.start;
                self.context.facts().body_sent = body_before + reached as u64;
            }
            return sent;
        }
        self.drive(payload, total, |stream, due| {
            let (head, data) = part(head, data, due);
            stream.write(head, data).map(Step::Moved)
        })
    }

    /// Sends the held head, if it is still due, and a part of a file.
    pub(super) fn send_file(&mut self, range: &FileRange) -> Result<(), Failure> {
        let head = std::mem::take(&mut self.head);
        let mut by_kernel = true;
        let mut copy = Vec::new();
        let mut refused = None;
        loop {
            let total = head.len() + range.length;
            let sent = self.drive(head.len()..total, total, |stream, due| {
                if due.start < head.len() {
                    let (head, part_of_file) = (&head[due.start..], due.end > head.len());
                    return stream.socket().send(head, part_of_file).map(Step::Moved);
                }
                let offset = range.offset + (due.start - head.len()) as u64;
                if by_kernel {
                    match sendfile(stream.socket(), &range.file, offset, due.len()) {
                        Ok(count @ 1..) => return Ok(Step::Moved(count)),
                        Err(error) if would_block(&error) => return Err(error),
                        // Which of the two failed, the file or the connection, or whether the kernel cannot send this
                        // kind of file, neither the number nor a count of 0 tells; reading and writing apart do.
                        Ok(_) => {}
                        Err(error) => refused = Some(error),
                    }
                    by_kernel = false;
                    copy.resize(COPY_STEP / 4, 0);
                }
                let length = copy.len().min(due.len());
                match read_at(&range.file, &mut copy[..length], offset) {
                    Ok(0) => Ok(Step::FileEnded),
                    Ok(count) => {
                        let written = stream.write(&[], &copy[..count]).map(Step::Moved);
                        // A connection says once why it broke.
                        let refused = refused.take();
                        written.map_err(|error| refused.filter(|_| is_gone(&error)).filter(is_gone).unwrap_or(error))
                    }
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

    /// Repeats `step`, which is told which of the `total` bytes to send, as many as fit, until they all have moved, the
    /// answer comes, or something fails. `payload` says which of them are body: those are sent only as the throttle
    /// grants them. The others are head and framing, and go freely.
    fn drive(
        &mut self,
        payload: Range<usize>,
        total: usize,
        mut step: impl FnMut(&mut Stream, Range<usize>) -> io::Result<Step>,
    ) -> Result<Sent, Failure> {
        let context = Arc::clone(&self.context);
        let throttle = &context.client.throttle;
        let secure = self.stream()?.is_secure();
        let mut clock = StallClock::new(context.timeouts.stall);
        let body_before = context.facts().body_sent;
        let payload_until = |position: usize| position.clamp(payload.start, payload.end) - payload.start;
        let mut moved = 0;
        if body_before > 0 && self.answer_came()? {
            return Ok(Sent::Early);
        }
        let mut grant = throttle.nothing();
        while moved < total {
            let wanted = payload.len() - payload_until(moved);
            // What was encrypted has to go out, whatever the limit may be by now.
            if wanted > 0 && (grant.left() == 0 || (!secure && grant.is_outdated())) {
                grant = if moved < payload.start {
                    // The head does not wait: the server may have something to say to it.
                    throttle.take(wanted)
                } else {
                    match self.await_turn(throttle, wanted, &mut clock)? {
                        Some(grant) => grant,
                        None => return Ok(Sent::Early),
                    }
                };
            }
            let end = if wanted > grant.left() { moved.max(payload.start) + grant.left() } else { total };
            match step(self.stream()?, moved..end) {
                Ok(Step::Moved(count)) => {
                    grant.spend(payload_until(moved + count) - payload_until(moved));
                    moved += count;
                    clock.moved();
                    context.advance(body_before + payload_until(moved) as u64)?;
                    context.turn(None)?;
                }
                Ok(Step::FileEnded) => {
                    return Err(Failure::because(BreakKind::Body, "the file is shorter than it was"));
                }
                Ok(Step::FileFailed(error)) => return Err(Failure::io(BreakKind::Body, error)),
                Err(error) if would_block(&error) => {
                    if secure {
                        // What is encrypted may leave while the connection is read from.
                        context.facts().sent_any = true;
                    }
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

    /// Waits until some of the `wanted` body bytes may be sent; `None` if the answer comes before.
    fn await_turn<'a>(
        &mut self,
        throttle: &'a Throttle,
        wanted: usize,
        clock: &mut StallClock,
    ) -> Result<Option<Grant<'a>>, Failure> {
        let context = Arc::clone(&self.context);
        let mut waiting = throttle.line_up();
        loop {
            let wait = match waiting.ask(wanted) {
                Ok(grant) => return Ok(Some(grant)),
                Err(wait) => wait,
            };
            let mut entries = [Entry::readable(self.stream()?.socket().as_fd())];
            if context.wait(&mut entries, None, Some(wait))? && self.answer_came()? {
                return Ok(None);
            }
            // The connection had nothing to do, so it did not stand still.
            clock.restart();
        }
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
                Ok(Pulled::Bytes) => {
                    if let Err(failure) = context.turn(Some(until)) {
                        return Err(broken(failure));
                    }
                }
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

/// A part of a message that lies in two pieces.
fn part<'a>(head: &'a [u8], data: &'a [u8], range: Range<usize>) -> (&'a [u8], &'a [u8]) {
    let in_head = |position: usize| position.min(head.len());
    let in_data = |position: usize| position.saturating_sub(head.len());
    (&head[in_head(range.start)..in_head(range.end)], &data[in_data(range.start)..in_data(range.end)])
}

/// Reads what is there, however often a signal interrupts it.
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    loop {
        match file.read_at(buffer, offset) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
