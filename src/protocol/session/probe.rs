//! Awaits the answer to HEAD: where is the upload? (T-011 to T-019)

use crate::error::{BrokenRule, Error, ErrorKind, TimeLimit};
use crate::protocol::answer::Answer;
use crate::protocol::offset::{Position, Proven, is_final, is_partial};
use crate::protocol::reaction::{Budget, Purpose, Reaction};
use crate::protocol::url::AbsoluteUrl;
use crate::warning::{Warning, WarningKind};

use super::core::{Core, Retry};
use super::event::{Broken, Notice};
use super::exchange::{Exchange, Method, Request};
use super::failure::{broke_rule, fail, refused};
use super::outcome::Outcome;
use super::plan::{Goal, Previous};
use super::remote::{Doubt, Remote};
use super::transfer::Transfer;
use super::{Finished, State};

#[derive(Debug, Clone)]
pub(super) struct Probe {
    pub(super) request: Request,
    target: Target,
    /// A stale answer from a cache was seen: this one asks for a fresh one (T-017).
    past_caches: bool,
}

/// Which upload is asked about, and why.
#[derive(Debug, Clone)]
enum Target {
    /// One whose URL is all that is known: to go on with it, or just to know.
    Stranger(AbsoluteUrl),
    /// One that an earlier run has begun, to go on with it if that is possible.
    Previous(Previous),
    /// Our own, after a PATCH whose fate is not known.
    Own {
        remote: Remote,
        /// Where that PATCH began.
        from: Proven,
        /// What became of it.
        doubt: Doubt,
        /// The failure it is unless the upload turns out to be complete (T-153).
        otherwise: Option<Error>,
    },
}

impl Target {
    fn url(&self) -> &AbsoluteUrl {
        match self {
            Target::Stranger(url) | Target::Previous(Previous { url, .. }) => url,
            Target::Own { remote, .. } => &remote.url,
        }
    }

    /// How much of an upload of an earlier run is known to be of this source; `None` for all.
    fn proven(&self, core: &Core) -> Option<u64> {
        match self {
            Target::Stranger(_) => core.plan.proven,
            Target::Previous(previous) => previous.proven,
            Target::Own { .. } => None,
        }
    }

    fn is_untouched(&self) -> bool {
        matches!(self, Target::Own { remote, .. } if remote.is_untouched())
    }
}

impl Probe {
    /// Asks about an upload of which only the URL is known.
    pub(super) fn stranger(core: &Core, url: AbsoluteUrl) -> State {
        Self::ask(core, Target::Stranger(url), false)
    }

    /// Asks about an upload of an earlier run.
    pub(super) fn previous(core: &Core, previous: Previous) -> State {
        Self::ask(core, Target::Previous(previous), false)
    }

    /// Asks where our own upload is after a request with data from `from` on ended in doubt.
    pub(super) fn resync(core: &Core, remote: Remote, from: Proven, doubt: Doubt) -> State {
        Self::ask(core, Target::Own { remote, from, doubt, otherwise: None }, false)
    }

    /// Asks whether our own upload is complete after the request with its last byte was refused for good; if not, it is
    /// as the refusal says.
    pub(super) fn verdict(core: &Core, remote: Remote, from: Proven, otherwise: Error) -> State {
        let doubt = Doubt::Unsaid;
        Self::ask(core, Target::Own { remote, from, doubt, otherwise: Some(otherwise) }, false)
    }

    fn ask(core: &Core, target: Target, past_caches: bool) -> State {
        let mut request = core.request(Purpose::Probe, Method::Head, target.url());
        if past_caches {
            request = request.header("Cache-Control", "no-cache");
        }
        State::Probe(Probe { request, target, past_caches })
    }

    /// The URL to resume from when something fails here.
    pub(super) fn url(&self) -> &AbsoluteUrl {
        self.target.url()
    }

    pub(super) fn answered(self, core: &mut Core, answer: Answer) -> State {
        let target = self.target.clone();
        let next = self.judged(core, answer);
        target.or_refusal(next)
    }

    fn judged(self, core: &mut Core, answer: Answer) -> State {
        let exchange = &self.request.exchange;
        match self.request.reaction(&answer) {
            Reaction::Accept => self.found(core, answer),
            Reaction::Again(budget) => {
                let then = Self::ask(core, self.target.clone(), self.past_caches);
                let next = core.again(budget, exchange, answer, then);
                self.target.or_anew(core, next)
            }
            Reaction::Missing if core.doubts_missing() => {
                let then = Self::ask(core, self.target, self.past_caches);
                core.again(Budget::Tries, exchange, answer, then)
            }
            Reaction::Gone | Reaction::Missing if self.target.is_refused() => {
                Finished::error(refused(ErrorKind::Gone, exchange, &answer))
            }
            Reaction::Gone | Reaction::Missing if self.target.unconfirmed().is_some() => {
                // It may have been put elsewhere as complete: it is not begun again.
                Finished::error(self.target.unconfirmed().cloned().unwrap_or_else(super::misuse))
            }
            Reaction::Gone | Reaction::Missing => {
                let url = self.target.url().clone();
                gone(core, url, self.target.is_untouched(), &self.request, &answer)
            }
            Reaction::Fail(kind) => {
                let error = refused(kind, exchange, &answer);
                match self.target {
                    // It may be another user's; what the server says to a new one tells whether anything is allowed. Any
                    // other refusal may be over tomorrow (T-019).
                    Target::Previous(previous) if answer.status == 403 => abandon(core, previous.url, &error),
                    _ => Finished::error(error),
                }
            }
            Reaction::Redirect => {
                let then = Self::ask(core, self.target, self.past_caches);
                core.astray(exchange, answer, then)
            }
            Reaction::Conflict | Reaction::Interrupted | Reaction::Refused | Reaction::TooMuch => {
                Finished::error(refused(ErrorKind::HttpStatus, exchange, &answer))
            }
        }
    }

    fn found(self, core: &mut Core, answer: Answer) -> State {
        let exchange = &self.request.exchange;
        let url = self.target.url().clone();
        let broken = |rule| Finished::error(broke_rule(rule, exchange, &answer));
        if !self.past_caches && answer.headers.integer("Age").is_ok_and(|age| age > Some(0)) {
            core.warn("the answer to HEAD came out of a cache: asking again");
            return Self::ask(core, self.target, true);
        }
        let position = match Position::read(&answer.headers) {
            Ok(position) => position,
            Err(rule) => return broken(rule),
        };
        if let Goal::Inspect { .. } = core.plan.goal {
            return Finished::ok(Outcome::Inspected {
                url,
                offset: position.at.get(),
                size: position.length,
                headers: answer.headers,
            });
        }
        if let Target::Previous(_) = &self.target {
            // An upload of another size or kind was never the one of this source.
            let other_kind = is_partial(&answer.headers) != core.plan.partial || is_final(&answer.headers);
            let other = other_kind || position.length.is_some_and(|length| Some(length) != core.size);
            if other || core.size.is_some_and(|size| position.at.get() > size) {
                return gone(core, url, false, &self.request, &answer);
            }
        }
        if is_final(&answer.headers) {
            // T-125: nothing can be sent to it, and an offset it does not state is not one.
            let what = "a final upload is put together by the server: no data can be sent to it";
            return Finished::error(fail(ErrorKind::Unsupported, what, exchange, Some(&answer)));
        }
        if let (Some(length), Some(size)) = (position.length, core.size)
            && length != size
        {
            let what = format!("the upload on the server has {length} bytes, the source has {size}");
            let error = match core.plan.goal {
                Goal::Resume { .. } => fail(ErrorKind::SourceChanged, what, exchange, Some(&answer)),
                _ => broke_rule(BrokenRule::LengthDiffers, exchange, &answer),
            };
            return Finished::error(error.with_retryable(false));
        }
        if core.size.is_some_and(|size| position.at.get() > size) {
            return broken(BrokenRule::OffsetBeyondLength);
        }
        if self.target.proven(core).is_some_and(|proven| position.at.get() > proven) {
            return unproven(core, url, exchange, &answer);
        }
        self.go_on_from(core, position, answer)
    }

    fn go_on_from(self, core: &mut Core, position: Position, answer: Answer) -> State {
        let at = position.at;
        let (mut remote, from, doubt) = match self.target {
            target @ (Target::Stranger(_) | Target::Previous(_)) => {
                core.notices.push(Notice::Resumed(at.get()));
                if let Some(size) = core.size.filter(|_| position.length.is_none()) {
                    core.warn(format!("the upload's length is still open on the server: it will be {size}"));
                }
                let mut remote = Remote::found(target.url().clone(), at, position.length);
                if let Some(proven) = target.proven(core) {
                    remote.proven = proven;
                }
                return Transfer::go_on(core, remote, at);
            }
            Target::Own { remote, from, doubt, .. } => (remote, from, doubt),
        };
        let exchange = &self.request.exchange;
        // A request of an earlier process may still commit to an upload that was found (T-030), but nothing explains
        // a success with more than was sent.
        let unexplained =
            at.get() > remote.reachable && (matches!(doubt, Doubt::Unbelievable { foreign: false }) || !remote.found);
        if unexplained {
            return Finished::error(broke_rule(BrokenRule::ImpossibleOffset, exchange, &answer));
        }
        if remote.is_foreign(at, doubt) {
            return unproven(core, remote.url, exchange, &answer);
        }
        if at.get() < remote.best && at < from && !core.may_regress(remote.best, at.get()) {
            return Finished::error(broke_rule(BrokenRule::OffsetRegressed, exchange, &answer));
        }
        let sent = remote.reachable.saturating_sub(from.get());
        match (at.get().saturating_sub(from.get()), doubt) {
            (kept, Doubt::Broken { length }) if kept < length => core.sizer.broke(length, kept),
            (0, Doubt::Failed { length, .. }) if length > 0 => core.sizer.failed(length),
            // What a conflict shows is not of this request.
            (_, Doubt::Failed { status: 409, .. }) => {}
            (kept, Doubt::Failed { .. } | Doubt::Unbelievable { .. }) if (1..sent).contains(&kept) => {
                core.sizer.taken_in_part(sent, kept);
            }
            _ => {}
        }
        let error = broke_rule(BrokenRule::NoProgress, exchange, &answer);
        let refused_finish = remote.unconfirmed.is_some();
        remote.length = position.length;
        let grown = remote.acknowledged(core, at, from);
        let then = Transfer::go_on(core, remote, at);
        if let (State::Finished(_), Doubt::Failed { status, .. }) = (&then, doubt)
            && !refused_finish
        {
            // The bytes are all there, and who said no was not the tus server, or said it of something else.
            core.warn(format!("the upload is complete although its last data was answered with status {status}"));
        }
        let Doubt::Unbelievable { foreign } = doubt else { return then };
        if grown || matches!(then, State::Finished(_)) {
            return then;
        }
        let error = error.with_retryable(foreign);
        core.retry(Retry { error, budget: Budget::Tries, answer: None, then })
    }

    pub(super) fn broken(self, core: &mut Core, broken: Broken) -> State {
        let then = self.target.clone();
        let next = core.broken(broken, &self.request.exchange, |core| Self::ask(core, then, self.past_caches));
        let target = self.target.clone();
        target.or_refusal(self.target.or_anew(core, next))
    }
}

impl Target {
    /// Whether our own upload is only looked at for being complete.
    fn is_refused(&self) -> bool {
        matches!(self, Target::Own { otherwise: Some(_), .. })
    }

    /// What it is if our own upload is complete, or gone, after its last byte was refused.
    fn unconfirmed(&self) -> Option<&Error> {
        match self {
            Target::Own { remote, .. } => remote.unconfirmed.as_ref(),
            Target::Stranger(_) | Target::Previous(_) => None,
        }
    }

    /// Unless the upload is found complete, it is as the server said before it was looked at.
    fn or_refusal(self, next: State) -> State {
        let Target::Own { otherwise: Some(error), .. } = self else { return next };
        match next {
            State::Probe(_) | State::Deciding(_) => next,
            State::Finished(finished) => match *finished {
                Finished(Err(found)) if found.kind() != ErrorKind::Unconfirmed => Finished::error(error),
                found => State::Finished(Box::new(found)),
            },
            _ => Finished::error(error),
        }
    }

    /// Where an upload of an earlier run cannot be reached at all, a new one may do, unless it would go the same way.
    fn or_anew(self, core: &mut Core, next: State) -> State {
        let Target::Previous(Previous { url, .. }) = self else { return next };
        let elsewhere = matches!(&core.plan.goal, Goal::Upload { endpoint, .. } if endpoint.origin() != url.origin());
        match next {
            State::Finished(finished) if elsewhere => match *finished {
                // Without time left it cannot be told.
                Finished(Err(error)) if error.kind() != ErrorKind::Timeout(TimeLimit::Total) => {
                    abandon(core, url, &error)
                }
                finished => State::Finished(Box::new(finished)),
            },
            next => next,
        }
    }
}

/// The upload of an earlier run has more than is known to be of this source. One that the caller named is not begun again.
fn unproven(core: &mut Core, url: AbsoluteUrl, exchange: &Exchange, answer: &Answer) -> State {
    let what = "the server has bytes that cannot be shown to be those of the source";
    match core.plan.goal {
        Goal::Upload { .. } => abandon(core, url, &Error::new(ErrorKind::SourceChanged, what)),
        _ => Finished::error(fail(ErrorKind::SourceChanged, what, exchange, Some(answer)).with_retryable(false)),
    }
}

/// An upload of an earlier run is left where it is, and a new one begun.
fn abandon(core: &mut Core, url: AbsoluteUrl, error: &Error) -> State {
    let text = format!("the upload of an earlier run cannot be continued, another is begun: {}", error.full_message());
    core.warn(Warning::new(WarningKind::BegunBeside, text).about(&url));
    core.notices.push(Notice::Abandoned(url));
    core.begins_anew();
    core.progressed();
    anew(core, error.clone())
}

/// Begins the upload that an earlier one stood in for.
fn anew(core: &mut Core, otherwise: Error) -> State {
    match core.plan.goal.clone() {
        Goal::Upload { endpoint, .. } => State::create(core, endpoint),
        _ => Finished::error(otherwise),
    }
}

/// The upload is gone (T-019, T-083). One that this session made is made again; one the caller named is his to
/// judge. `untouched`: this session made it, and no byte of it was ever acknowledged.
pub(super) fn gone(core: &mut Core, url: AbsoluteUrl, untouched: bool, request: &Request, answer: &Answer) -> State {
    let exchange = &request.exchange;
    let Goal::Upload { endpoint, .. } = core.plan.goal.clone() else {
        let error: Error = refused(ErrorKind::Gone, exchange, answer);
        return Finished::error(error.with_retryable(false));
    };
    // Nothing was lost: it was never there.
    let misled = untouched.then(|| {
        let url = url.redacted();
        format!("no byte of it was ever acknowledged: the Location the server gave may lack a part of its path: {url}")
    });
    let certain = request.reaction(answer) != Reaction::Missing;
    if !core.may_restart(&url, certain) {
        let what = format!("{} failed: the upload vanishes from the server again and again", exchange.purpose.doing());
        let error = fail(ErrorKind::Gone, what, exchange, Some(answer)).with_retryable(false);
        return Finished::error(misled.into_iter().fold(error, Error::because));
    }
    if let Some(misled) = misled {
        core.warn(format!("the upload vanished; {misled}"));
    }
    State::create(core, endpoint)
}
