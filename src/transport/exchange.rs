//! One request and its answer on one connection: ureq's `Transport`, over our [`Stream`].
//!
//! ureq decides what is written and reads the answer; this decides when: it holds the head back until the body's
//! first bytes are there, watches for an answer while it sends, keeps the clocks, and gives the connection back to
//! the pool when ureq says it may live on. Sending is in `send.rs`. Only the connector makes one.

use std::os::fd::AsFd as _;
use std::sync::Arc;

use ureq::unversioned::transport::{Buffers, NextTimeout, Transport};
use zeroize::{Zeroize as _, Zeroizing};

use super::BreakKind;
use super::buffers::RequestBuffers;
use super::chunks::{self, Piece};
use super::connector;
use super::context::Context;
use super::failure::Failure;
use super::names;
use super::sniff::{Seen, Sniffer, framing_of, parse_fields};
use super::stream::Stream;
use super::wait::{ResponseClock, Until};
use crate::error::TimeLimit;
use crate::protocol::answer::BODY_LIMIT;
use crate::sys::poll::Entry;
use crate::sys::socket::would_block;

/// How many bytes of an answer's body are received at most, framing included: enough for [`BODY_LIMIT`] bytes in
/// chunks of one byte, so that only senseless framing ever meets it.
const MAX_BODY_RECEIVED: usize = 8 * BODY_LIMIT;
/// What is added to a request's head on any way: the announcement of a trailer, and the end of a body without data.
const HEAD_ADDED: usize = 512;

/// How far the exchange has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// ureq is handing over the request's head.
    Head,
    /// ureq is handing over the body.
    Body,
    /// The request is out (or given up for an early answer); the answer's head is due.
    Waiting,
    /// The head was handed to ureq; its body is due.
    AnswerBody,
}

/// One request and its answer on one connection.
pub(super) struct Exchange {
    /// The request.
    pub(super) context: Arc<Context>,
    /// Always there until it is dropped or given back.
    pub(super) stream: Option<Stream>,
    /// What ureq writes to and reads from.
    pub(super) buffers: RequestBuffers,
    /// Watches for the answer.
    pub(super) sniffer: Sniffer,
    /// The request's head, held back until it can leave together with the first body bytes.
    pub(super) head: Zeroizing<Vec<u8>>,
    phase: Phase,
    body_until: Option<Until>,
    body_received: usize,
    reusable: bool,
}

/// What a look at the connection brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pulled {
    /// Some bytes.
    Bytes,
    /// Nothing at present.
    Nothing,
    /// The peer has closed its side.
    End,
}

impl Exchange {
    /// An exchange on a connection taken from the pool or made anew.
    pub(super) fn start(context: &Arc<Context>, stream: Stream, reused: bool) -> Result<Self, Failure> {
        let outgoing = context.client.spare.take().map_err(|error| Failure::io(BreakKind::Resources, error))?;
        let mut exchange = Exchange {
            context: Arc::clone(context),
            stream: None,
            buffers: RequestBuffers::new(outgoing),
            sniffer: Sniffer::new(),
            head: Zeroizing::default(),
            phase: Phase::Head,
            body_until: None,
            body_received: 0,
            reusable: false,
        };
        exchange.use_stream(stream, reused);
        Ok(exchange)
    }

    /// Goes on with this connection.
    pub(super) fn use_stream(&mut self, stream: Stream, reused: bool) {
        let sendfile = self.context.client.may_sendfile(&stream, self.context.body_length);
        let mut facts = self.context.facts();
        facts.reused = reused;
        facts.sendfile = sendfile;
        drop(facts);
        self.stream = Some(stream);
    }

    /// The connection.
    pub(super) fn stream(&mut self) -> Result<&mut Stream, Failure> {
        self.stream.as_mut().ok_or_else(Failure::ended)
    }

    /// Replaces a pooled connection that turned out to be dead by a new one.
    pub(super) fn reconnect(&mut self) -> Result<(), Failure> {
        self.stream = None;
        self.context.client.pool.forget(&self.context.target);
        let stream = connector::open(&self.context)?;
        self.use_stream(stream, false);
        Ok(())
    }

    /// Receives what is there. Interim answers are taken out on the way.
    pub(super) fn pull(&mut self) -> Result<Pulled, Failure> {
        let stream = self.stream.as_mut().ok_or_else(Failure::ended)?;
        let Some(room) = self.buffers.room() else {
            return Err(Failure::because(BreakKind::NotHttp, "a line of the answer is too long"));
        };
        let count = match stream.read(room) {
            Ok(0) => return Ok(Pulled::End),
            Ok(count) => count,
            Err(error) if would_block(&error) => return Ok(Pulled::Nothing),
            Err(error) => return Err(Failure::stream(error)),
        };
        self.buffers.filled(count);
        self.context.facts().received_any = true;
        loop {
            let look = self.sniffer.look(self.buffers.received())?;
            if look.consumed == 0 {
                return Ok(Pulled::Bytes);
            }
            self.buffers.skip(look.consumed);
            self.context.facts().interim.extend(look.interim);
        }
    }

    fn transmit(&mut self, amount: usize) -> Result<(), Failure> {
        self.context.check()?;
        // ureq insists on handing over a declared length to its end: after an early answer the rest goes nowhere.
        if self.context.facts().early {
            return Ok(());
        }
        match self.phase {
            Phase::Head => {
                let written = &mut self.buffers.outgoing()[..amount];
                if self.head.is_empty() {
                    // For all of it: a head that grows leaves its old place behind as it was.
                    self.head.reserve_exact(amount + HEAD_ADDED + self.context.target.head_added());
                }
                self.head.extend_from_slice(written);
                written.zeroize();
                if !self.head.ends_with(b"\r\n\r\n") {
                    return Ok(());
                }
                self.context.target.finish_head(&mut self.head);
                if let Some(trailer) = self.context.trailer
                    && !chunks::announce(&mut self.head, self.context.body_length, trailer)
                {
                    return Err(Failure::because(BreakKind::Unsendable, "the head has no length to be replaced"));
                }
                names::restore(&mut self.head, &self.context.names);
                if let Some(end) = &self.context.bare_end {
                    self.head.extend_from_slice(end.as_bytes());
                }
                if self.context.body_length > 0 {
                    self.phase = Phase::Body;
                    return Ok(());
                }
                self.phase = Phase::Waiting;
                self.send_buffered(&Piece::bare(0))
            }
            Phase::Body => {
                let (lent, framed) = {
                    let mut facts = self.context.facts();
                    (facts.lent.take(), facts.framed.take())
                };
                match lent {
                    Some(range) => self.send_file(&range),
                    None => self.send_buffered(&framed.unwrap_or_else(|| Piece::bare(amount))),
                }
            }
            Phase::Waiting | Phase::AnswerBody => Err(Failure::because(BreakKind::Unsendable, "the request is over")),
        }
    }

    /// Waits for the whole head of the final answer.
    fn await_head(&mut self) -> Result<(), Failure> {
        self.phase = Phase::Waiting;
        let context = Arc::clone(&self.context);
        let mut clock = ResponseClock::new(context.timeouts.response, context.timeouts.stall);
        if context.facts().early {
            clock.start();
        }
        // Without TLS nothing can be there yet: wait first. TLS may hold bytes the socket no longer has.
        let mut wait_first = !self.stream()?.is_secure() && self.buffers.received().is_empty();
        while self.sniffer.seen() != Seen::Complete {
            if !wait_first {
                match self.pull()? {
                    Pulled::Bytes => {
                        clock.moved();
                        if self.sniffer.seen() != Seen::Nothing {
                            clock.start();
                        }
                        // Not straight on to the next read: a head that drips in must meet its limit.
                        context.turn(Some(clock.until()))?;
                        continue;
                    }
                    Pulled::End => return Err(Failure::ended()),
                    Pulled::Nothing => {}
                }
            }
            wait_first = false;
            let stream = self.stream()?;
            clock.observe(stream.socket());
            let mut entries = [Entry::readable(stream.socket().as_fd())];
            context.wait(&mut entries, Some(clock.until()), clock.slice())?;
        }
        // A server that answered a body without having read it may never read on: that its kernel has it says nothing.
        let refused = !(200..300).contains(&self.sniffer.status());
        if context.body_length > 0 && (refused || self.stream()?.socket().unacknowledged() > 0) {
            context.facts().doubtful = true;
        }
        self.hand_over_head()?;
        self.phase = Phase::AnswerBody;
        Ok(())
    }

    /// Keeps the fields of the answer, and leaves those to ureq that say how its body is framed: ureq takes no more
    /// than 128, and an answer that cannot be read may hide an upload.
    fn hand_over_head(&mut self) -> Result<(), Failure> {
        let head = &self.buffers.received()[..self.sniffer.head_length()];
        let headers = parse_fields(head)
            .ok_or_else(|| Failure::because(BreakKind::NotHttp, "the answer's fields are malformed or too many"))?;
        let framing = framing_of(head);
        self.buffers.replace(head.len(), &framing);
        self.context.facts().headers = headers;
        Ok(())
    }

    /// Waits for more of the answer's body; false at its end.
    fn await_body(&mut self) -> Result<bool, Failure> {
        let context = Arc::clone(&self.context);
        let until =
            *self.body_until.get_or_insert_with(|| Until::after(context.timeouts.response, TimeLimit::Response));
        if self.body_received > MAX_BODY_RECEIVED {
            return Err(Failure::because(BreakKind::NotHttp, "the answer's body is framed without end"));
        }
        let before = self.buffers.received().len();
        loop {
            context.turn(Some(until))?;
            match self.pull() {
                Ok(Pulled::Bytes) => {
                    self.body_received += self.buffers.received().len() - before;
                    return Ok(true);
                }
                Ok(Pulled::End) => return Ok(false),
                Ok(Pulled::Nothing) => {}
                Err(failure) => return Err(failure),
            }
            let stream = self.stream()?;
            let mut entries = [Entry::readable(stream.socket().as_fd())];
            context.wait(&mut entries, Some(until), None)?;
        }
    }

    fn receive(&mut self) -> Result<bool, Failure> {
        if self.phase == Phase::AnswerBody {
            return self.await_body();
        }
        self.await_head().map(|()| true)
    }
}

impl Transport for Exchange {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), ureq::Error> {
        self.transmit(amount).map_err(|failure| self.context.fail(failure))
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, ureq::Error> {
        let received = self.receive().map_err(|failure| self.context.fail(failure))?;
        self.buffers.set_ready();
        Ok(received)
    }

    /// ureq asks this once, when an answer has been read to its end and the connection may serve another request.
    fn is_open(&mut self) -> bool {
        let facts = self.context.facts();
        self.reusable =
            facts.failure.is_none() && !facts.early && !facts.doubtful && self.buffers.received().is_empty();
        self.reusable
    }

    fn is_tls(&self) -> bool {
        self.stream.as_ref().is_some_and(Stream::is_secure)
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let client = &self.context.client;
        if let Some(pages) = self.buffers.take_outgoing() {
            client.spare.put(pages);
        }
        let Some(stream) = self.stream.take() else {
            return;
        };
        let (sent_whole, failed) = {
            let facts = self.context.facts();
            // What follows the last payload is not counted, so an early answer says that it may not have left.
            (facts.body_sent == self.context.body_length && !facts.early, facts.failure.is_some())
        };
        if self.reusable && !std::thread::panicking() {
            client.pool.put(&self.context.target, stream, client.settings.max_idle_per_origin);
        } else if failed || !sent_whole {
            // What the kernel still holds must not arrive: the server would go on with a request that is over.
            stream.abort();
        }
    }
}

impl std::fmt::Debug for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exchange").field("context", &self.context).field("phase", &self.phase).finish_non_exhaustive()
    }
}
