//! Awaits the answer to OPTIONS.
//!
//! For an upload it is optional: a server that does not answer it properly is used without extensions (T-006).
//! When the capabilities are themselves the goal, only an answer of a tus server will do.

use crate::error::{BrokenRule, ErrorKind, TimeLimit};
use crate::protocol::answer::Answer;
use crate::protocol::capabilities::{Capabilities, VERSION};
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

#[derive(Debug)]
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
        request.exchange.optional = !Self::is_goal(core);
        if with_version {
            request = request.header("Tus-Resumable", VERSION);
        }
        State::Discover(Discover { request, endpoint, with_version })
    }

    fn is_goal(core: &Core) -> bool {
        matches!(core.plan.goal, Goal::Discover { .. })
    }

    pub(super) fn answered(self, core: &mut Core, answer: Answer) -> State {
        if matches!(answer.status, 405 | 412) && !self.with_version {
            return Self::ask_with(core, self.endpoint, true);
        }
        let capabilities = Capabilities::from_answer(&answer);
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
            Some(capabilities) => {
                if capabilities.max_size.is_none() && answer.headers.get("Tus-Max-Size").is_some() {
                    core.warn("the server's Tus-Max-Size is not a number (T-008): it is ignored");
                }
                if capabilities.is_tus() {
                    core.notices.push(Notice::Capabilities(capabilities.clone()));
                }
                core.capabilities = Some(capabilities);
                self.go_on(core)
            }
            None => self.refused(core, answer.status),
        }
    }

    /// The server does not say what it can do.
    pub(super) fn refused(self, core: &mut Core, status: u16) -> State {
        core.warn(format!("the server answers OPTIONS with status {status}: no extensions are used"));
        self.go_on(core)
    }

    pub(super) fn broken(self, core: &mut Core, broken: Broken) -> State {
        // Without a connection the next request would fare no better; with one, we can do without the answer.
        let unreachable =
            matches!(broken.kind, BrokenKind::Resolve | BrokenKind::Connect | BrokenKind::Timeout(TimeLimit::Connect));
        let needed = unreachable || Self::is_goal(core) || broken.stale_connection;
        if needed || !is_worth_retrying(broken.kind) {
            return core
                .broken(broken, &self.request.exchange, |core| Self::ask_with(core, self.endpoint, self.with_version));
        }
        core.warn(format!("{}: no extensions are used", broke(broken, &self.request.exchange)));
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
                core.knows_previous = true;
                match core.settle_checksums(exchange) {
                    Ok(()) => Probe::previous(core, previous),
                    Err(error) => Finished::error(error),
                }
            }
            _ => Create::begin(core, self.endpoint, exchange),
        }
    }
}
