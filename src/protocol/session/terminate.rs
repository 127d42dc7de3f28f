//! Awaits the answer to DELETE (T-110, T-111).

use crate::error::{Error, ErrorKind};
use crate::protocol::answer::Answer;
use crate::protocol::reaction::{Budget, Purpose, Reaction, react};
use crate::protocol::url::AbsoluteUrl;

use super::core::{Core, Retry};
use super::event::Broken;
use super::exchange::{Exchange, Method, Request};
use super::failure::{fail, refused};
use super::outcome::Outcome;
use super::{Finished, State};

#[derive(Debug, Clone)]
pub(super) struct Terminate {
    pub(super) request: Request,
    pub(super) url: AbsoluteUrl,
    /// What the server said to DELETE, where only HEAD can tell what that means; `None` while DELETE is asked.
    doubt: Option<Box<Doubt>>,
}

/// An answer to DELETE that does not prove that the upload is gone.
#[derive(Debug, Clone)]
struct Doubt {
    /// The failure it is if the upload is still there.
    error: Error,
    answer: Answer,
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
        Self::ask(core, url, None)
    }

    fn ask(core: &Core, url: AbsoluteUrl, doubt: Option<Box<Doubt>>) -> State {
        let request = match doubt {
            None => core.request(Purpose::Terminate, Method::Delete, &url).override_method(core.plan.override_method),
            Some(_) => core.request(Purpose::Probe, Method::Head, &url),
        };
        State::Terminate(Terminate { request, url, doubt })
    }

    pub(super) fn answered(self, core: &mut Core, answer: Answer) -> State {
        let exchange = &self.request.exchange;
        let reaction = self.request.reaction(&answer);
        match (reaction, &self.doubt) {
            (Reaction::Accept, None) if answer.status == 204 && answer.is_from_tus() => {
                Finished::ok(Outcome::Terminated)
            }
            // A store may lose sight of an upload that is there, a locked server may say anything: HEAD tells.
            (Reaction::Accept | Reaction::Gone | Reaction::Missing, None) => {
                if reaction == Reaction::Missing {
                    core.doubts_missing();
                }
                let what = "deleting the upload failed: the server still has it";
                let error = fail(ErrorKind::HttpStatus, what, exchange, Some(&answer));
                Self::ask(core, self.url, Some(Box::new(Doubt { error, answer })))
            }
            (Reaction::Missing, Some(_)) if core.doubts_missing() => {
                let then = Self::ask(core, self.url, self.doubt);
                core.again(Budget::Tries, exchange, answer, then)
            }
            (Reaction::Gone | Reaction::Missing, Some(_)) => Finished::ok(Outcome::Terminated),
            (Reaction::Accept, Some(doubt)) => {
                let Doubt { error, answer } = (**doubt).clone();
                match react(Purpose::Terminate, &answer) {
                    // The server has said that there is nothing to delete: it will not change its mind.
                    Reaction::Gone => Finished::error(error.with_retryable(false)),
                    _ => {
                        let error = error.with_retryable(true);
                        let then = Self::delete(core, self.url);
                        core.retry(Retry { error, budget: Budget::Tries, answer: Some(answer), then })
                    }
                }
            }
            (Reaction::Again(budget), _) => {
                let then = Self::ask(core, self.url, self.doubt);
                core.again(budget, exchange, answer, then)
            }
            (Reaction::Redirect, _) => {
                let then = Self::ask(core, self.url, self.doubt);
                core.astray(exchange, answer, then)
            }
            (Reaction::Fail(kind), _) => Finished::error(refused(kind, exchange, &answer)),
            (Reaction::Conflict | Reaction::Interrupted | Reaction::Refused | Reaction::TooMuch, _) => {
                Finished::error(refused(ErrorKind::HttpStatus, exchange, &answer))
            }
        }
    }

    pub(super) fn broken(self, core: &mut Core, broken: Broken) -> State {
        core.broken(broken, &self.request.exchange, |core| Self::ask(core, self.url, self.doubt))
    }
}
