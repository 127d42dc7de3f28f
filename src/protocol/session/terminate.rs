//! Awaits the answer to DELETE (T-110, T-111).

use crate::error::ErrorKind;
use crate::protocol::answer::Answer;
use crate::protocol::reaction::{Purpose, Reaction, react};
use crate::protocol::url::AbsoluteUrl;

use super::core::Core;
use super::event::Broken;
use super::exchange::{Exchange, Method, Request};
use super::failure::{fail, refused};
use super::outcome::Outcome;
use super::{Finished, State};

#[derive(Debug)]
pub(super) struct Terminate {
    pub(super) request: Request,
    pub(super) url: AbsoluteUrl,
}

impl Terminate {
    /// Deletes, unless the server's capabilities are known and lack it (T-007). `asked` is the exchange that told.
    pub(super) fn if_offered(core: &mut Core, url: AbsoluteUrl, asked: &Exchange) -> State {
        if core.capabilities.as_ref().is_some_and(|known| !known.has("termination")) {
            let what = "the server does not offer to delete uploads (termination extension)";
            return Finished::error(fail(ErrorKind::Unsupported, what, asked, None));
        }
        Self::delete(core, url)
    }

    pub(super) fn delete(core: &Core, url: AbsoluteUrl) -> State {
        let request = core.request(Purpose::Terminate, Method::Delete, &url).override_method(core.plan.override_method);
        State::Terminate(Terminate { request, url })
    }

    pub(super) fn answered(self, core: &mut Core, answer: Answer) -> State {
        let exchange = &self.request.exchange;
        match react(Purpose::Terminate, &answer) {
            Reaction::Accept | Reaction::Gone => Finished::ok(Outcome::Terminated),
            Reaction::Again(budget) => {
                let then = Self::delete(core, self.url);
                core.again(budget, exchange, answer, then)
            }
            Reaction::Fail(kind) => Finished::error(refused(kind, exchange, &answer)),
            Reaction::Redirect | Reaction::Conflict | Reaction::Interrupted | Reaction::Refused | Reaction::TooMuch => {
                Finished::error(refused(ErrorKind::HttpStatus, exchange, &answer))
            }
        }
    }

    pub(super) fn broken(self, core: &mut Core, broken: Broken) -> State {
        core.broken(broken, &self.request.exchange, |core| Self::delete(core, self.url))
    }
}
