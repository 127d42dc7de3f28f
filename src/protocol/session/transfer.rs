//! Awaits the answer to a PATCH (T-020 to T-034), and decides what the next one carries.

use std::time::Duration;

use crate::error::{BrokenRule, ErrorKind, TimeLimit};
use crate::protocol::answer::Answer;
use crate::protocol::instant::Instant;
use crate::protocol::offset::{Acknowledged, Proven};
use crate::protocol::reaction::{Budget, Purpose, Reaction, react, refuses_finish};

use super::core::{Core, Retry};
use super::event::{Broken, BrokenKind, Notice};
use super::exchange::{Body, Checksum, Form, Method, Request};
use super::failure::{broke_rule, refused, refused_finish};
use super::look::Look;
use super::outcome::Outcome;
use super::probe::{Probe, gone};
use super::remote::{Doubt, Remote};
use super::{Finished, State};

#[derive(Debug, Clone)]
pub(super) struct Transfer {
    pub(super) request: Request,
    pub(super) remote: Remote,
    at: Proven,
    length: u64,
    /// The length it tells the server (T-071).
    declares: Option<u64>,
    pub(super) began: Instant,
}

impl Transfer {
    /// What comes at a proven offset: nothing more, a look ahead, or the next PATCH.
    pub(super) fn go_on(core: &mut Core, remote: Remote, at: Proven) -> State {
        let end = core.plan.stop_at.unwrap_or(u64::MAX).min(core.size.unwrap_or(u64::MAX));
        let left = end.saturating_sub(at.get());
        // T-073: only a deferred length is worth a PATCH without data.
        let undeclared = remote.length.is_none() && core.size == Some(at.get());
        if left == 0 && !undeclared {
            if let Some(unconfirmed) = remote.unconfirmed {
                return Finished::error(unconfirmed.with_upload_url(Some(remote.url)));
            }
            let size = remote.length.or(core.size);
            return Finished::ok(Outcome::Uploaded { url: remote.url, offset: at.get(), size, expires: core.expires });
        }
        let length = if left == 0 { 0 } else { core.sizer.next(left) };
        if core.reads_ahead {
            return Look::next(remote, at, length);
        }
        Self::patch(core, remote, at, length)
    }

    /// The PATCH with the next `length` bytes.
    pub(super) fn patch(core: &mut Core, mut remote: Remote, at: Proven, length: u64) -> State {
        // What the server says to this one counts, not what it said before.
        remote.unconfirmed = None;
        if let Some(checksum @ Checksum { form: Form::WrongTrailer, .. }) = core.checksums.next()
            && length > 0
        {
            return Self::try_trailers(core, remote, at, checksum);
        }
        let body = if length == 0 { Body::Empty } else { Body::Range { start: at.get(), length } };
        // T-071: once, with the first PATCH after it is known.
        let declares = if remote.length.is_none() { core.size } else { None };
        let mut request = core
            .request(Purpose::Transfer, Method::Patch, &remote.url)
            .header("Upload-Offset", at.get())
            .header("Content-Type", "application/offset+octet-stream");
        if let Some(size) = declares {
            request = request.header("Upload-Length", size);
        }
        let mut request = request.body(body).override_method(core.plan.override_method);
        if length > 0 {
            request.exchange.checksum = core.checksums.send(at.get() + length);
        }
        State::Transfer(Transfer { request, remote, at, length, declares, began: core.now })
    }

    /// The same, not sent yet, as large as chunks are to be now.
    pub(super) fn again(self, core: &mut Core) -> State {
        Self::go_on(core, self.remote, self.at)
    }

    /// A PATCH without data whose trailer is wrong. Proxies drop trailers without a word, or hang on them: trailers are
    /// believed only once such a request was refused as a mismatch.
    fn try_trailers(core: &mut Core, remote: Remote, at: Proven, checksum: Checksum) -> State {
        let mut request = core
            .request(Purpose::Transfer, Method::Patch, &remote.url)
            .header("Upload-Offset", at.get())
            .header("Content-Type", "application/offset+octet-stream")
            .body(Body::Empty)
            .override_method(core.plan.override_method);
        request.exchange.checksum = Some(checksum);
        // There is a way to go on without an answer.
        request.exchange.optional = true;
        State::Transfer(Transfer { request, remote, at, length: 0, declares: None, began: core.now })
    }

    fn has_trailer(&self) -> bool {
        self.request.exchange.checksum.is_some_and(|checksum| checksum.form != Form::Header)
    }

    fn tries_trailers(&self) -> bool {
        self.request.exchange.checksum.is_some_and(|checksum| checksum.form == Form::WrongTrailer)
    }

    /// The answer to a wrong trailer.
    fn tried_trailers(self, core: &mut Core, answer: Answer) -> State {
        // T-094 too.
        let refused = matches!(answer.status, 417 | 460);
        core.checksums.tried_trailers(refused);
        core.size_for_checksums();
        if !refused {
            core.warn(format!(
                "a wrong checksum in a trailer was answered with status {}: checksums go in headers",
                answer.status
            ));
        }
        // T-030, T-092.
        Probe::resync(core, self.remote, self.at, Doubt::Failed { status: answer.status, length: 0 })
    }

    /// The PATCH was redirected after some of its bytes had gone out.
    pub(super) fn redirected(&mut self, body_sent: u64) {
        self.remote.sent(self.at, body_sent);
    }

    /// The server wants other credentials: where the upload is then, HEAD tells.
    pub(super) fn unauthorized(mut self, core: &mut Core, body_sent: u64) -> State {
        core.notices.push(Notice::ChunkFailed);
        self.remote.sent(self.at, body_sent);
        Probe::resync(core, self.remote, self.at, Doubt::Failed { status: 401, length: 0 })
    }

    pub(super) fn answered(mut self, core: &mut Core, answer: Answer, body_sent: u64) -> State {
        if self.tries_trailers() {
            return self.tried_trailers(core, answer);
        }
        if !self.is_refused_finish(core, &answer, body_sent) {
            return self.judged(core, answer, body_sent);
        }
        self.remote.unconfirmed = Some(refused_finish(&self.request.exchange, &answer));
        let (mut remote, at) = (self.remote.clone(), self.at);
        remote.sent(at, body_sent);
        // No HEAD comes by itself after what is for good, or where nothing may be tried again.
        let last_word = match react(Purpose::Transfer, &answer) {
            Reaction::Again(_) => core.plan.retry.max_retries == 0 && answer.headers.get("Retry-After").is_none(),
            Reaction::Refused | Reaction::Fail(ErrorKind::HttpStatus) => true,
            _ => false,
        };
        match self.judged(core, answer, body_sent) {
            State::Finished(finished) if last_word => match *finished {
                Finished(Err(error)) => Probe::verdict(core, remote, at, error),
                finished => State::Finished(Box::new(finished)),
            },
            next => next,
        }
    }

    /// Whether the tus server refuses the request with the last byte, all of which it has got (T-153). Where earlier
    /// bytes are in doubt, 400 and 403 may mean that those had finished the upload.
    fn is_refused_finish(&self, core: &Core, answer: &Answer, body_sent: u64) -> bool {
        let size = core.size.or(self.remote.length);
        let last = size == Some(self.at.get() + self.length) && body_sent == self.length;
        let explained = self.remote.is_in_doubt(self.at) && react(Purpose::Transfer, answer) == Reaction::Refused;
        let damaged = self.request.exchange.checksum.is_some() && answer.status == 417;
        last && !explained && !damaged && refuses_finish(answer)
    }

    fn judged(mut self, core: &mut Core, answer: Answer, body_sent: u64) -> State {
        let in_doubt = self.remote.is_in_doubt(self.at);
        let unsettled = self.remote.unsettled;
        self.remote.sent(self.at, body_sent);
        let reaction = react(Purpose::Transfer, &answer);
        if reaction == Reaction::Accept {
            return self.accepted(core, answer, body_sent, unsettled);
        }
        core.notices.push(Notice::ChunkFailed);
        let exchange = &self.request.exchange;
        let status = answer.status;
        // What a HEAD is asked for that shows how much of this chunk is there, or that only has the word again.
        let lost = Doubt::Failed { status, length: self.length };
        let untouched = Doubt::Failed { status, length: 0 };
        match reaction {
            Reaction::Again(budget) => {
                let doubt = if budget == Budget::Tries { lost } else { untouched };
                let then = Probe::resync(core, self.remote, self.at, doubt);
                core.again(budget, exchange, answer, then)
            }
            Reaction::Conflict => {
                let at = self.at;
                let exchange = exchange.clone();
                let then = Probe::resync(core, self.remote, at, untouched);
                core.conflict(at, &exchange, answer, then)
            }
            Reaction::Interrupted if core.believe_interruption() => {
                let then = Probe::resync(core, self.remote, self.at, lost);
                core.again(Budget::Tries, exchange, answer, then)
            }
            // T-094: rustus says 417 for a mismatch; nothing else in a PATCH could be an expectation.
            Reaction::Fail(_) if exchange.checksum.is_some() && matches!(status, 417 | 460) => {
                let error = refused(ErrorKind::Checksum, exchange, &answer);
                if core.checksums.mismatched() {
                    core.warn(format!("two mismatches in a row (status {status}): trying another algorithm"));
                }
                core.size_for_checksums();
                let then = Probe::resync(core, self.remote, self.at, untouched);
                core.mismatch(error, then)
            }
            // T-093, T-100: it may be the algorithm or the form of the checksum that is not liked.
            Reaction::Refused | Reaction::Fail(_)
                if exchange.checksum.is_some() && matches!(status, 400 | 411 | 501) && core.checksums.refused() =>
            {
                core.warn(format!("data with a checksum was answered with status {status}: trying another form"));
                core.size_for_checksums();
                Probe::resync(core, self.remote, self.at, untouched)
            }
            Reaction::Refused if in_doubt && core.believe_interruption() => {
                let then = Probe::resync(core, self.remote, self.at, untouched);
                core.again(Budget::Tries, exchange, answer, then)
            }
            // Gone from where a redirect led to is not gone from where the upload is: HEAD tells, and it is charged.
            Reaction::Gone | Reaction::Missing if !self.request.trail.is_empty() => {
                let then = Probe::resync(core, self.remote, self.at, untouched);
                core.again(Budget::Tries, exchange, answer, then)
            }
            Reaction::Missing if core.doubts_missing() => {
                let then = Probe::resync(core, self.remote, self.at, untouched);
                core.again(Budget::Tries, exchange, answer, then)
            }
            Reaction::Gone | Reaction::Missing => {
                let untouched = self.remote.is_untouched();
                gone(core, self.remote.url, untouched, &self.request, &answer)
            }
            Reaction::TooMuch => {
                if core.sizer.refused(self.length) {
                    // Nothing of a refused body is kept, but only HEAD proves it.
                    return Probe::resync(core, self.remote, self.at, untouched);
                }
                Finished::error(refused(ErrorKind::TooLarge, exchange, &answer))
            }
            Reaction::Fail(kind) => Finished::error(refused(kind, exchange, &answer)),
            Reaction::Redirect => {
                let then = Probe::resync(core, self.remote, self.at, untouched);
                core.astray(exchange, answer, then)
            }
            Reaction::Accept | Reaction::Interrupted | Reaction::Refused => {
                Finished::error(refused(ErrorKind::HttpStatus, exchange, &answer))
            }
        }
    }

    /// `unsettled` is what was in doubt before this request.
    fn accepted(mut self, core: &mut Core, answer: Answer, body_sent: u64, unsettled: u64) -> State {
        let size = core.size.or(self.remote.length).unwrap_or(i64::MAX as u64);
        if self.length == 0 {
            // The empty PATCH that declares a length moves nothing.
            return match answer.headers.integer("Upload-Offset") {
                Ok(Some(offset)) if offset == size => {
                    self.remote.length = self.declares;
                    Self::go_on(core, self.remote, self.at)
                }
                _ => self.disbelieve(core, answer.is_foreign()),
            };
        }
        match self.at.acknowledged(&answer.headers, body_sent, size) {
            Ok(Acknowledged::Grown(at)) => {
                let took: Duration = core.now - self.began;
                match at.get() - self.at.get() {
                    taken if taken == self.length => core.sizer.went_through(self.length, took),
                    taken => core.sizer.taken_in_part(self.length, taken),
                }
                if self.request.exchange.checksum.is_some() {
                    core.checksums.worked();
                }
                self.remote.length = self.remote.length.or(self.declares);
                // Who had begun at an earlier offset cannot write any more.
                self.remote.proven = u64::MAX;
                self.remote.unsettled = 0;
                self.remote.acknowledged(core, at, self.at);
                // An early answer with part of the data still counts its offset as the server's word (T-025).
                Self::go_on(core, self.remote, at)
            }
            Ok(Acknowledged::Unchanged) => {
                self.remote.unsettled = unsettled;
                core.notices.push(Notice::ChunkFailed);
                let error = broke_rule(BrokenRule::NoProgress, &self.request.exchange, &answer);
                core.sizer.failed(self.length);
                // Whether a length that was declared has been noted, only HEAD tells; it may not come twice (T-071).
                let then = match self.declares {
                    Some(_) => Probe::resync(core, self.remote, self.at, Doubt::Unsaid),
                    None => Self::go_on(core, self.remote, self.at),
                };
                core.retry(Retry { error, budget: Budget::Tries, answer: None, then })
            }
            // T-025, T-026: the answer cannot be believed or has nothing to believe; HEAD has the last word.
            Err(_) => self.disbelieve(core, answer.is_foreign()),
        }
    }

    fn disbelieve(self, core: &mut Core, foreign: bool) -> State {
        core.warn("the answer to a PATCH has no believable Upload-Offset: asking for it");
        Probe::resync(core, self.remote, self.at, Doubt::Unbelievable { foreign })
    }

    pub(super) fn broken(mut self, core: &mut Core, broken: Broken) -> State {
        let paused = broken.kind == BrokenKind::Paused;
        let lost = match broken.kind {
            BrokenKind::Timeout(TimeLimit::Response | TimeLimit::Stall) => true,
            BrokenKind::Closed | BrokenKind::NotHttp => self.tries_trailers() && !broken.stale_connection,
            _ => false,
        };
        let without_trailer = self.has_trailer() && lost && core.checksums.unanswered();
        if !paused && !self.tries_trailers() {
            core.notices.push(Notice::ChunkFailed);
        }
        self.remote.sent(self.at, broken.body_sent.min(self.length));
        // T-030: close, wait, HEAD, PATCH. The answer may have been lost on the way back.
        // A pause says nothing of the link, and a connection that was never made nothing of the chunk.
        let nothing_sent = broken.body_sent == 0;
        let doubt = Doubt::Broken { length: if paused || nothing_sent { 0 } else { self.length } };
        if without_trailer {
            // Some proxies hang on trailers. That ends with the change of the form, so it costs no try.
            core.warn("a request with a checksum in a trailer was not answered: checksums go in headers");
            core.size_for_checksums();
            return Probe::resync(core, self.remote, self.at, doubt);
        }
        core.broken(broken, &self.request.exchange, |core| Probe::resync(core, self.remote, self.at, doubt))
    }
}
