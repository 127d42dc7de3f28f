//! Awaits the answer to OPTIONS.
//!
//! For an upload it is optional: of a server that does not answer it properly nothing is known, and no extension is used
//! that was not asked for (T-006).
//! When the capabilities are themselves the goal, only an answer of a tus server will do.

use crate::error::{BrokenRule, ErrorKind, TimeLimit};
use crate::protocol::answer::Answer;
use crate::protocol::capabilities::{Capabilities, VERSION};
use crate::protocol::checksum::Policy;
use crate::protocol::reaction::{Purpose, Reaction, react};
use crate::protocol::url::AbsoluteUrl;

use super::concatenate::Concatenate;
use super::core::Core;
use super::create::Create;
use super::event::{Broken, BrokenKind, Notice};
use super::exchange::{Method, Request};
use super::failure::{broke, broke_rule, is_worth_retrying, refused};
use super::outcome::Outcome;
use super::plan::Goal;
use super::probe::Probe;
use super::terminate::Terminate;
use super::{Finished, State};

#[derive(Debug, Clone)]
pub(super) struct Discover {
    pub(super) request: Request,
    endpoint: AbsoluteUrl,
    /// Sent once more with Tus-Resumable, for servers that want it on OPTIONS too (django-tus).
    with_version: bool,
}

impl Discover {
    pub(super) fn ask(core: &Core, endpoint: AbsoluteUrl) -> State {
        Self::ask_with(core, endpoint, false)
    }

    fn ask_with(core: &Core, endpoint: AbsoluteUrl, with_version: bool) -> State {
        let mut request = core.request(Purpose::Discover, Method::Options, &endpoint);
        request.exchange.optional = !Self::is_needed(core);
        if with_version {
            request = request.header("Tus-Resumable", VERSION);
        }
        State::Discover(Discover { request, endpoint, with_version })
    }

    /// Without knowing what the server can do nothing can be done.
    fn is_needed(core: &Core) -> bool {
        Self::is_goal(core) || core.plan.checksum.policy == Policy::Required
    }

    fn is_goal(core: &Core) -> bool {
        matches!(core.plan.goal, Goal::Discover { .. })
    }

    pub(super) fn answered(self, core: &mut Core, answer: Answer) -> State {
        let capabilities = Capabilities::from_answer(&answer);
        // An answer without a word of tus is as good as none: some servers tell only who names the version (aiohttp-tus).
        let silent = capabilities.as_ref().is_some_and(|capabilities| !capabilities.is_tus());
        if (silent || matches!(answer.status, 405 | 412)) && !self.with_version {
            return Self::ask_with(core, self.endpoint, true);
        }
        if Self::is_goal(core) {
            let exchange = &self.request.exchange;
            return match (capabilities, react(Purpose::Discover, &answer)) {
                (Some(capabilities), _) if capabilities.is_tus() => {
                    core.notices.push(Notice::Capabilities(capabilities.clone()));
                    Finished::ok(Outcome::Discovered(capabilities))
                }
                (_, Reaction::Accept) => Finished::error(broke_rule(BrokenRule::NotTus, exchange, &answer)),
                (_, Reaction::Again(budget)) => {
                    let then = Self::ask_with(core, self.endpoint, self.with_version);
                    core.again(budget, exchange, answer, then)
                }
                (_, Reaction::Fail(kind)) => Finished::error(refused(kind, exchange, &answer)),
                _ => Finished::error(refused(ErrorKind::HttpStatus, exchange, &answer)),
            };
        }
        match capabilities {
            Some(capabilities) if !silent => {
                if capabilities.max_size.is_none() && answer.headers.get("Tus-Max-Size").is_some() {
                    core.warn("the server's Tus-Max-Size is not a number (T-008): it is ignored");
                }
                core.notices.push(Notice::Capabilities(capabilities.clone()));
                core.capabilities = Some(capabilities);
                self.go_on(core)
            }
            // Without these checksums nothing may be sent, and the credentials are what is wrong.
            None if Self::is_needed(core) && matches!(answer.status, 401 | 403 | 407) => {
                Finished::error(refused(ErrorKind::HttpStatus, &self.request.exchange, &answer))
            }
            None if Self::is_needed(core) => match react(Purpose::Discover, &answer) {
                Reaction::Again(budget) => {
                    let then = Self::ask_with(core, self.endpoint, self.with_version);
                    core.again(budget, &self.request.exchange, answer, then)
                }
                _ => self.refused(core, answer.status),
            },
            _ => self.refused(core, answer.status),
        }
    }

    /// Another session has asked.
    pub(super) fn learned(self, core: &mut Core, capabilities: Capabilities) -> State {
        if Self::is_goal(core) {
            return Finished::ok(Outcome::Discovered(capabilities));
        }
        core.capabilities = Some(capabilities);
        self.go_on(core)
    }

    /// The server does not say what it can do.
    pub(super) fn refused(self, core: &mut Core, status: u16) -> State {
        core.warn(format!("the server does not say what it can do (OPTIONS is answered with status {status})"));
        self.go_on(core)
    }

    pub(super) fn broken(self, core: &mut Core, broken: Broken) -> State {
        // Without a connection the next request would fare no better; with one, we can do without the answer.
        let unreachable =
            matches!(broken.kind, BrokenKind::Resolve | BrokenKind::Connect | BrokenKind::Timeout(TimeLimit::Connect));
        let needed = unreachable || Self::is_needed(core) || broken.stale_connection;
        if needed || !is_worth_retrying(broken.kind) {
            return core
                .broken(broken, &self.request.exchange, |core| Self::ask_with(core, self.endpoint, self.with_version));
        }
        core.warn(format!("{}: what the server can do is not known", broke(broken, &self.request.exchange)));
        self.go_on(core)
    }

    /// What OPTIONS was asked for.
    fn go_on(self, core: &mut Core) -> State {
        let exchange = &self.request.exchange;
        core.asked = true;
        match core.plan.goal.clone() {
            Goal::Terminate { url, .. } => Terminate::if_offered(core, url, exchange),
            Goal::Concatenate { .. } => Concatenate::begin(core, exchange),
            Goal::Resume { url, .. } => match core.settle_checksums(exchange) {
                Ok(()) => Probe::stranger(core, url),
                Err(error) => Finished::error(error),
            },
            Goal::Upload { previous: Some(previous), .. } if !core.knows_previous => {
                State::go_on_with(core, previous, exchange)
            }
            _ => Create::begin(core, self.endpoint, exchange),
        }
    }
}
