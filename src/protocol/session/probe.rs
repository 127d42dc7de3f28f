//! Awaits the answer to HEAD: where is the upload? (T-011 to T-019)

use crate::error::{BrokenRule, Error, ErrorKind};
use crate::protocol::answer::Answer;
use crate::protocol::offset::{Position, Proven, is_final};
use crate::protocol::reaction::{Budget, Purpose, Reaction, react};
use crate::protocol::url::AbsoluteUrl;

use super::core::{Core, Retry};
use super::create::Create;
use super::event::{Broken, Notice};
use super::exchange::{Exchange, Method, Request};
use super::failure::{broke_rule, fail, refused};
use super::outcome::Outcome;
use super::plan::Goal;
use super::remote::{Doubt, Remote};
use super::transfer::Transfer;
use super::{Finished, State};

#[derive(Debug)]
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
    /// Our own, after a PATCH whose fate is not known.
    Own {
        remote: Remote,
        /// Where that PATCH began.
        from: Proven,
        /// What became of it.
        doubt: Doubt,
    },
}

impl Target {
    fn url(&self) -> &AbsoluteUrl {
        match self {
            Target::Stranger(url) => url,
            Target::Own { remote, .. } => &remote.url,
        }
    }
}

impl Probe {
    /// Asks about an upload of which only the URL is known.
    pub(super) fn stranger(core: &Core, url: AbsoluteUrl) -> State {
        Self::ask(core, Target::Stranger(url), false)
    }

    /// Asks where our own upload is after a request with data from `from` on ended in doubt.
    pub(super) fn resync(core: &Core, remote: Remote, from: Proven, doubt: Doubt) -> State {
        Self::ask(core, Target::Own { remote, from, doubt }, false)
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
        let exchange = &self.request.exchange;
        match react(Purpose::Probe, &answer) {
            Reaction::Accept => self.found(core, answer),
            Reaction::Again(budget) => {
                let then = Self::ask(core, self.target, self.past_caches);
                core.again(budget, exchange, answer, then)
            }
            Reaction::Gone => gone(core, self.target.url().clone(), exchange, &answer),
            Reaction::Fail(kind) => Finished::error(refused(kind, exchange, &answer)),
            Reaction::Redirect | Reaction::Conflict | Reaction::Interrupted | Reaction::Refused | Reaction::TooMuch => {
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
        if is_final(&answer.headers) {
            // T-125: nothing can be sent to it, and an offset it does not state is not one.
            let what = "a final upload is put together by the server: no data can be sent to it";
            return Finished::error(fail(ErrorKind::Unsupported, what, exchange, Some(&answer)));
        }
        let size = core.plan.goal.size();
        if let Some(length) = position.length
            && length != size
        {
            let what = format!("the upload on the server has {length} bytes, the source has {size}");
            let error = match core.plan.goal {
                Goal::Resume { .. } => fail(ErrorKind::SourceChanged, what, exchange, Some(&answer)),
                _ => broke_rule(BrokenRule::LengthDiffers, exchange, &answer),
            };
            return Finished::error(error.with_retryable(false));
        }
        if position.at.get() > size {
            return broken(BrokenRule::OffsetBeyondLength);
        }
        self.go_on_from(core, position, answer)
    }

    fn go_on_from(self, core: &mut Core, position: Position, answer: Answer) -> State {
        let at = position.at;
        let deferred = position.length.is_none();
        let (mut remote, from, doubt) = match self.target {
            Target::Stranger(url) => {
                core.notices.push(Notice::Resumed(at.get()));
                return Transfer::go_on(core, Remote::found(url, at), at, deferred);
            }
            Target::Own { remote, from, doubt } => (remote, from, doubt),
        };
        let exchange = &self.request.exchange;
        // A request of an earlier process may still commit to an upload that was found (T-030), but nothing explains
        // a success with more than was sent.
        let unexplained = at.get() > remote.reachable && (doubt == Doubt::Unbelievable || !remote.found);
        if unexplained {
            return Finished::error(broke_rule(BrokenRule::ImpossibleOffset, exchange, &answer));
        }
        if at.get() < remote.best && at < from && !core.may_regress(remote.best, at.get()) {
            return Finished::error(broke_rule(BrokenRule::OffsetRegressed, exchange, &answer));
        }
        if at <= from && doubt.at_stake() > 0 {
            core.sizer.lost(doubt.at_stake());
        }
        let error = broke_rule(BrokenRule::NoProgress, exchange, &answer);
        let grown = remote.acknowledged(core, at, from);
        let then = Transfer::go_on(core, remote, at, deferred);
        if let (State::Finished(_), Doubt::Failed { status, .. }) = (&then, doubt) {
            // The bytes are all there, but the server's word on the last of them was no.
            core.warn(format!("the upload is complete although its last data was answered with status {status}"));
        }
        if grown || doubt != Doubt::Unbelievable || matches!(then, State::Finished(_)) {
            return then;
        }
        core.retry(Retry { error, budget: Budget::Tries, answer: None, then })
    }

    pub(super) fn broken(self, core: &mut Core, broken: Broken) -> State {
        core.broken(broken, &self.request.exchange, |core| Self::ask(core, self.target, self.past_caches))
    }
}

/// The upload is gone (T-019, T-083). One that this session made is made again; one the caller named is his to
/// judge.
pub(super) fn gone(core: &mut Core, url: AbsoluteUrl, exchange: &Exchange, answer: &Answer) -> State {
    let Goal::Upload { endpoint, .. } = core.plan.goal.clone() else {
        let error: Error = refused(ErrorKind::Gone, exchange, answer);
        return Finished::error(error.with_retryable(false));
    };
    if !core.may_restart(&url) {
        return Finished::error(broke_rule(BrokenRule::KeepsVanishing, exchange, answer));
    }
    Create::post(core, endpoint, true)
}
