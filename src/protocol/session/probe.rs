//! Awaits the answer to HEAD: where is the upload? (T-011 to T-019)

use crate::error::{BrokenRule, Error, ErrorKind};
use crate::protocol::answer::Answer;
use crate::protocol::offset::{Position, Proven};
use crate::protocol::reaction::{Budget, Purpose, Reaction, react};
use crate::protocol::url::AbsoluteUrl;

use super::core::{Core, Retry, broke, broke_rule, is_worth_retrying, refused};
use super::create::Create;
use super::event::{Broken, Notice};
use super::exchange::{Exchange, Method, Request};
use super::outcome::Outcome;
use super::plan::Goal;
use super::remote::Remote;
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
        /// How long it was; 0 if its loss teaches nothing.
        length: u64,
        /// Whether finding no progress is a failed try that nobody has charged yet.
        charge: bool,
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

    /// Asks where our own upload is after a PATCH of `length` bytes from `from` ended in doubt.
    pub(super) fn resync(core: &Core, remote: Remote, from: Proven, length: u64, charge: bool) -> State {
        Self::ask(core, Target::Own { remote, from, length, charge }, false)
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
        let url = Some(self.target.url().clone());
        match react(Purpose::Probe, &answer) {
            Reaction::Accept => self.found(core, answer),
            Reaction::Again(budget) => {
                let kind = if budget == Budget::Lock { ErrorKind::Locked } else { ErrorKind::HttpStatus };
                let error = refused(kind, exchange, &answer).with_upload_url(url);
                let then = Self::ask(core, self.target, self.past_caches);
                core.retry(Retry { error, budget, answer: Some(answer), then })
            }
            Reaction::Gone => gone(core, self.target.url().clone(), exchange, &answer),
            Reaction::Fail(kind) => Finished::error(refused(kind, exchange, &answer).with_upload_url(url)),
            Reaction::Redirect | Reaction::Conflict | Reaction::Interrupted | Reaction::TooMuch => {
                Finished::error(refused(ErrorKind::HttpStatus, exchange, &answer).with_upload_url(url))
            }
        }
    }

    fn found(self, core: &mut Core, answer: Answer) -> State {
        let exchange = &self.request.exchange;
        let url = self.target.url().clone();
        let broken = |rule| Finished::error(broke_rule(rule, exchange, &answer).with_upload_url(Some(url.clone())));
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
        let size = core.plan.goal.size();
        if let Some(length) = position.length
            && length != size
        {
            let what = format!("the upload on the server has {length} bytes, the source has {size}");
            let error = match core.plan.goal {
                Goal::Resume { .. } => super::core::fail(ErrorKind::SourceChanged, what, exchange, Some(&answer)),
                _ => broke_rule(BrokenRule::LengthDiffers, exchange, &answer),
            };
            return Finished::error(error.with_retryable(false).with_upload_url(Some(url)));
        }
        if position.at.get() > size {
            return broken(BrokenRule::OffsetBeyondLength);
        }
        self.go_on_from(core, position, answer)
    }

    fn go_on_from(self, core: &mut Core, position: Position, answer: Answer) -> State {
        let at = position.at;
        let deferred = position.length.is_none();
        let (mut remote, from, length, charge) = match self.target {
            Target::Stranger(url) => {
                core.notices.push(Notice::UploadUrl(url.clone()));
                core.notices.push(Notice::Resumed(at.get()));
                return Transfer::go_on(core, Remote::found(url, at), at, deferred);
            }
            Target::Own { remote, from, length, charge } => (remote, from, length, charge),
        };
        let exchange = &self.request.exchange;
        let url = Some(remote.url.clone());
        if at.get() > remote.reachable {
            return Finished::error(broke_rule(BrokenRule::ImpossibleOffset, exchange, &answer).with_upload_url(url));
        }
        if at.get() < remote.best && at < from && !core.may_regress(remote.best, at.get()) {
            return Finished::error(broke_rule(BrokenRule::OffsetRegressed, exchange, &answer).with_upload_url(url));
        }
        if at <= from && length > 0 {
            core.sizer.lost(length);
        }
        if at.get() > remote.best {
            remote.best = at.get();
            core.progressed(at.get());
        } else if charge {
            let error = broke_rule(BrokenRule::NoProgress, exchange, &answer).with_upload_url(url);
            let then = Transfer::go_on(core, remote, at, deferred);
            return core.retry(Retry { error, budget: Budget::Tries, answer: None, then });
        }
        Transfer::go_on(core, remote, at, deferred)
    }

    pub(super) fn broken(self, core: &mut Core, broken: Broken) -> State {
        let forgiven = core.forgive_stale(&broken);
        let kind = broken.kind;
        let error = broke(broken, &self.request.exchange).with_upload_url(Some(self.target.url().clone()));
        if !is_worth_retrying(kind) {
            return Finished::error(error);
        }
        let then = Self::ask(core, self.target, self.past_caches);
        if forgiven {
            return then;
        }
        core.retry(Retry { error, budget: Budget::Tries, answer: None, then })
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
