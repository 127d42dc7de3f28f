//! An upload as a state machine that never touches a socket.
//!
//! A session is asked *what next?* ([`Session::next`]) and told *what happened* ([`Session::happened`]). It decides
//! everything tus leaves to a client — what to send from which offset, what an answer means, when and how long to
//! wait, when to give up — and does nothing itself. The driver has the sockets, the source and the clocks.
//!
//! ```text
//!                 ┌──────────┐  capabilities   ┌────────┐  201 + Location   ┌──────────┐ all acknowledged
//!  upload ───────▶│ Discover │────────────────▶│ Create │──────────────────▶│ Transfer │─────────────────▶ Finished
//!                 └──────────┘                 └────────┘                   └──────────┘
//!                                                  ▲         offset proved   ▲        │ broke, 409, 423, 5xx …
//!                                     404, 410     │      ┌──────────────────┘        ▼
//!  resume ────────────────────────────┐            └──────┤ ┌───────┐ ◀──── (Deciding, Waiting)
//!  inspect ───────────────────────────┴────────────────────▶│ Probe │
//!                                                           └───────┘
//!  terminate ──▶ Discover ──▶ Terminate ──▶ Finished
//! ```
//!
//! Any state may go through `Deciding` (the caller is asked) and `Waiting` (time passes) to another try, and from
//! any of them the session may end with an error. Each state is a struct that owns just what is known in it; a step
//! consumes it and returns the next one.
//!
//! **The driver's contract**, "one action, one event": after [`Session::next`] it carries out that action and tells
//! the one event that belongs to it (or [`Event::Stopped`], which is allowed at any time), then takes the notices.
//! `now` never goes back. After [`Action::Finished`] nothing more is told.
//!
//! A complete upload, the driver played by hand:
//!
//! ```
//! use tus::protocol::answer::Answer;
//! use tus::protocol::instant::Instant;
//! use tus::protocol::session::{Action, Body, Event, Goal, Outcome, Plan, Session};
//! use tus::protocol::url::AbsoluteUrl;
//!
//! let answer = |status, headers: &[(&str, &str)], body_sent| Event::Answered {
//!     answer: Answer::new(
//!         status,
//!         headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
//!         vec![],
//!     ),
//!     body_sent,
//!     wall: 0,
//! };
//! let (endpoint, _) = AbsoluteUrl::parse("https://example.com/files/").unwrap();
//! let mut plan = Plan::new(Goal::Upload { endpoint, size: Some(11), previous: None });
//! plan.discover = false;
//!
//! let session = Session::start(plan, Instant(0));
//! let Action::Send(post) = session.next() else { panic!() };
//! assert_eq!((post.method.as_str(), post.body), ("POST", Body::Empty));
//!
//! let session = session.happened(answer(201, &[("Location", "a1b2")], 0), Instant(10));
//! let Action::Send(patch) = session.next() else { panic!() };
//! assert_eq!(patch.url.as_str(), "https://example.com/files/a1b2");
//! assert_eq!((patch.method.as_str(), patch.body), ("PATCH", Body::Range { start: 0, length: 11 }));
//!
//! // The server took seven bytes: the rest goes on from there.
//! let session = session.happened(answer(204, &[("Upload-Offset", "7")], 11), Instant(20));
//! let Action::Send(patch) = session.next() else { panic!() };
//! assert_eq!(patch.body, Body::Range { start: 7, length: 4 });
//!
//! let session = session.happened(answer(204, &[("Upload-Offset", "11")], 4), Instant(30));
//! assert!(matches!(session.next(), Action::Finished(Ok(Outcome::Uploaded { offset: 11, .. }))));
//! ```
//!
//! What holds for every run, and is tested against random servers: it ends as done only if the server has
//! acknowledged every byte; a byte range is only ever sent at the offset the server last proved; every run ends;
//! credentials go to trusted origins alone.

mod checksums;
mod concatenate;
mod core;
mod create;
mod discover;
mod event;
mod exchange;
mod failure;
mod look;
mod outcome;
mod pause;
mod plan;
mod probe;
mod redirect;
mod remote;
mod terminate;
mod transfer;

#[cfg(test)]
mod tests;

use crate::error::{BrokenRule, Error, ErrorKind};
use crate::protocol::answer::Answer;
use crate::protocol::chunk::ChunkSize;
use crate::protocol::instant::Instant;
use crate::protocol::reaction::Purpose;
use crate::protocol::url::AbsoluteUrl;

use self::core::Core;
use concatenate::Concatenate;
use create::Create;
use discover::Discover;
use exchange::{Method, Request};
use failure::refused;
use look::Look;
use pause::{Authenticating, Deciding, Waiting};
use probe::Probe;
use terminate::Terminate;
use transfer::Transfer;

pub use concatenate::concatenation;
pub use event::{Action, Broken, BrokenKind, Event, Notice, Question, WaitReason};
pub use exchange::{Body, Checksum, Exchange, Form, Method as HttpMethod};
pub use outcome::Outcome;
pub use plan::{CreationData, Goal, Plan, Previous};

/// One run of an operation against a server. See the module.
#[derive(Debug, Clone)]
pub struct Session {
    core: Core,
    state: State,
}

/// The state, named for what it awaits.
#[derive(Debug, Clone)]
enum State {
    Discover(Discover),
    Create(Create),
    Probe(Probe),
    Transfer(Transfer),
    Terminate(Terminate),
    Concatenate(Concatenate),
    Look(Look),
    Authenticating(Authenticating),
    Deciding(Deciding),
    Waiting(Waiting),
    Finished(Box<Finished>),
}

/// The end.
#[derive(Debug, Clone)]
struct Finished(Result<Outcome, Error>);

impl Finished {
    fn ok(outcome: Outcome) -> State {
        State::Finished(Box::new(Finished(Ok(outcome))))
    }

    fn error(error: Error) -> State {
        State::Finished(Box::new(Finished(Err(error))))
    }
}

impl Session {
    /// Begins.
    pub fn start(plan: Plan, now: Instant) -> Session {
        let mut core = Core::new(plan, now);
        core.asked = !core.plan.discover || core.capabilities.is_some();
        let ask = !core.asked;
        // Going on with an upload that exists needs no extension but those of checksums.
        let checked = core.asks_for_checksums();
        let state = match core.plan.goal.clone() {
            Goal::Discover { endpoint } => Discover::ask(&core, endpoint),
            // Nothing is created before the source has shown that it can be read.
            Goal::Upload { endpoint, .. } if core.reads_ahead && core.plan.stop_at != Some(0) => {
                Look::first(&core, endpoint)
            }
            Goal::Upload { endpoint, .. } => State::begin(&mut core, endpoint),
            Goal::Resume { .. } if ask && checked => Discover::ask(&core, core.plan.goal.server().clone()),
            Goal::Resume { url, .. } => {
                let asked = core.request(Purpose::Probe, Method::Head, &url).exchange;
                match core.settle_checksums(&asked) {
                    Ok(()) => Probe::stranger(&core, url),
                    Err(error) => Finished::error(error),
                }
            }
            Goal::Inspect { url } => Probe::stranger(&core, url),
            Goal::Concatenate { endpoint, .. } if ask => Discover::ask(&core, endpoint),
            Goal::Concatenate { endpoint, .. } => {
                let asked = core.request(Purpose::Create, Method::Post, &endpoint).exchange;
                Concatenate::begin(&mut core, &asked)
            }
            Goal::Terminate { endpoint: Some(_), .. } if ask => Discover::ask(&core, core.plan.goal.server().clone()),
            Goal::Terminate { url, .. } => {
                let asked = core.request(Purpose::Terminate, Method::Delete, &url).exchange;
                Terminate::if_offered(&mut core, url, &asked)
            }
        };
        let url = core.plan.goal.upload_url().cloned();
        Session { core, state: state.with_upload_url(url) }
    }

    /// What the driver is to do now.
    pub fn next(&self) -> Action<'_> {
        match &self.state {
            State::Discover(Discover { request, .. })
            | State::Create(Create { request, .. })
            | State::Probe(Probe { request, .. })
            | State::Transfer(Transfer { request, .. })
            | State::Terminate(Terminate { request, .. })
            | State::Concatenate(Concatenate { request, .. }) => Action::Send(&request.exchange),
            State::Look(look) => Action::LookAhead { start: look.start, length: look.length },
            State::Authenticating(asking) => Action::Authenticate(&asking.error),
            State::Deciding(deciding) => Action::Decide(&deciding.question),
            State::Waiting(waiting) => Action::Sleep { until: waiting.until, why: waiting.why },
            State::Finished(finished) => Action::Finished(&finished.0),
        }
    }

    /// What happened, at `now`.
    #[must_use]
    pub fn happened(self, event: Event, now: Instant) -> Session {
        let Session { mut core, state } = self;
        core.now = core.now.max(now);
        if let State::Finished(_) = state {
            // The end is the end: a late word changes nothing.
            return Session { core, state };
        }
        let url = state.upload_url().or(core.plan.goal.upload_url()).cloned();
        let state = match (event, state) {
            (Event::Stopped(error), _) => Finished::error(error),
            (Event::Answered { answer, body_sent, wall }, mut state) => {
                let noted = match state.request_mut() {
                    Some(request) => note(&mut core, request, &answer, wall),
                    None => Err(misuse()),
                };
                match noted {
                    Err(error) => Finished::error(error),
                    Ok(Seen::Redirected) => {
                        state.redirected(body_sent);
                        state
                    }
                    Ok(Seen::Unauthorized(error)) => state.with_other_credentials(&mut core, error, body_sent),
                    Ok(Seen::Judge) => match state {
                        State::Discover(state) => state.answered(&mut core, answer),
                        State::Create(state) => state.answered(&mut core, answer, body_sent),
                        State::Probe(state) => state.answered(&mut core, answer),
                        State::Transfer(state) => state.answered(&mut core, answer, body_sent),
                        State::Terminate(state) => state.answered(&mut core, answer),
                        State::Concatenate(state) => state.answered(&mut core, answer),
                        _ => Finished::error(misuse()),
                    },
                }
            }
            (Event::Broken(broken), state) => match state {
                State::Discover(state) => state.broken(&mut core, broken),
                State::Create(state) => state.broken(&mut core, broken),
                State::Probe(state) => state.broken(&mut core, broken),
                State::Transfer(state) => state.broken(&mut core, broken),
                State::Terminate(state) => state.broken(&mut core, broken),
                State::Concatenate(state) => state.broken(&mut core, broken),
                _ => Finished::error(misuse()),
            },
            (Event::Ahead { available, end }, State::Look(look)) => look.told(&mut core, available, end),
            (Event::Authenticated(word), State::Authenticating(Authenticating { error, then })) => match word {
                Ok(true) => *then,
                Ok(false) => match *then {
                    // What can be done without need not be refused (T-006).
                    State::Discover(asking) if asking.request.exchange.optional => asking.refused(&mut core, 401),
                    _ => Finished::error(error),
                },
                Err(code) => Finished::error(error.with_callback_code(code)),
            },
            (Event::HeldBack { until }, mut state) => match state.request_mut().map(|request| request.exchange.clone())
            {
                Some(exchange) => core.hold_back(until, &exchange, state),
                None => Finished::error(misuse()),
            },
            (Event::Learned(capabilities), State::Discover(state)) => state.learned(&mut core, capabilities),
            (Event::Woke, State::Waiting(waiting)) => *waiting.then,
            (Event::Decided(Ok(delay)), State::Deciding(Deciding { question, then })) => {
                core.wait(delay, question, *then)
            }
            (Event::Decided(Err(code)), State::Deciding(Deciding { question, .. })) => {
                Finished::error(question.error.with_callback_code(code))
            }
            (
                Event::Learned(_) | Event::Woke | Event::Decided(_) | Event::Ahead { .. } | Event::Authenticated(_),
                _,
            ) => Finished::error(misuse()),
        };
        core.tell_expiry();
        let given_up = std::mem::take(&mut core.began_anew);
        let url = url.filter(|_| !given_up).or_else(|| core.left.clone());
        Session { core, state: state.with_upload_url(url) }
    }

    /// What there is to pass on since the last call.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.core.notices)
    }

    /// Whether the next action is about the upload's data: to send some, or to look how much there is.
    pub fn is_about_data(&self) -> bool {
        matches!(self.state, State::Transfer(_) | State::Look(_))
    }

    /// Sets when all must be over anew.
    pub fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.core.plan.deadline = deadline;
    }

    /// Sets how many bytes the chunks from the next one on have.
    pub fn set_chunk_size(mut self, size: ChunkSize) -> Session {
        self.core.sizer.set_policy(size);
        self.state = match self.state {
            // Not sent yet: whoever drives it asks for this between two steps.
            State::Transfer(transfer) => transfer.again(&mut self.core),
            State::Look(look) => look.again(&self.core),
            other => other,
        };
        self
    }

    /// Sets how many bytes may be looked ahead for where the size of the source is not known, from the next look on; `None`:
    /// as many as a chunk has.
    pub fn bound_look_ahead(mut self, bytes: Option<u64>) -> Session {
        if !self.core.reads_ahead {
            return self;
        }
        self.core.sizer.set_memory(bytes);
        self.state = match self.state {
            State::Look(look) => look.again(&self.core),
            other => other,
        };
        self
    }

    /// The upload, once one exists.
    pub fn upload_url(&self) -> Option<&AbsoluteUrl> {
        self.state.upload_url().or(self.core.plan.goal.upload_url())
    }

    /// The result, if it is over.
    pub fn into_result(self) -> Option<Result<Outcome, Error>> {
        match self.state {
            State::Finished(finished) => Some(finished.0),
            _ => None,
        }
    }
}

enum Seen {
    Judge,
    Unauthorized(Error),
    Redirected,
}

/// What is done with every answer, whatever the state.
fn note(core: &mut Core, request: &mut Request, answer: &Answer, wall: u64) -> Result<Seen, Error> {
    core.note_answer(&request.exchange, answer, wall)?;
    // An OPTIONS that is redirected in a way not to be followed is no reason to fail (T-006).
    let optional = request.exchange.optional;
    if (300..400).contains(&answer.status) {
        match redirect::follow(core, request, answer) {
            Ok(()) => return Ok(Seen::Redirected),
            Err(_) if optional => {}
            // A maintenance page or a login: it says nothing of an upload, and is not for us to read.
            Err(error) if error.kind() == BAD_REDIRECT && answer.is_foreign() && is_of_upload(request) => {}
            Err(error) => return Err(error),
        }
    } else if answer.is_from_tus() || (answer.is_success() && !answer.is_foreign()) {
        core.moved.remember(request);
    }
    if core.may_authenticate(&request.exchange, answer) {
        return Ok(Seen::Unauthorized(refused(ErrorKind::HttpStatus, &request.exchange, answer)));
    }
    Ok(Seen::Judge)
}

const BAD_REDIRECT: ErrorKind = ErrorKind::Protocol(BrokenRule::BadRedirect);

fn is_of_upload(request: &Request) -> bool {
    matches!(request.exchange.purpose, Purpose::Probe | Purpose::Transfer | Purpose::Terminate)
}

impl State {
    fn request_mut(&mut self) -> Option<&mut Request> {
        match self {
            State::Discover(Discover { request, .. })
            | State::Create(Create { request, .. })
            | State::Probe(Probe { request, .. })
            | State::Transfer(Transfer { request, .. })
            | State::Terminate(Terminate { request, .. })
            | State::Concatenate(Concatenate { request, .. }) => Some(request),
            State::Look(_) | State::Authenticating(_) | State::Deciding(_) | State::Waiting(_) | State::Finished(_) => {
                None
            }
        }
    }

    /// The first step of an upload: the one of an earlier run, what the server can do, or a new one.
    fn begin(core: &mut Core, endpoint: AbsoluteUrl) -> State {
        // What the server can do is asked first only if it matters for going on.
        let ask = core.plan.partial || core.asks_for_checksums();
        match core.plan.goal.clone() {
            Goal::Upload { previous: Some(previous), .. } if core.asked || !ask => {
                let asked = core.request(Purpose::Probe, Method::Head, &previous.url).exchange;
                State::go_on_with(core, previous, &asked)
            }
            _ => State::create(core, endpoint),
        }
    }

    /// The upload of an earlier run. `asked` is the exchange that told what the server can do.
    fn go_on_with(core: &mut Core, previous: Previous, asked: &Exchange) -> State {
        core.knows_previous = true;
        let settled =
            if core.asked { core.takes_parts(asked).and_then(|()| core.settle_checksums(asked)) } else { Ok(()) };
        match settled {
            Ok(()) => Probe::previous(core, previous),
            Err(error) => Finished::error(error),
        }
    }

    /// The first step of a new upload.
    fn create(core: &mut Core, endpoint: AbsoluteUrl) -> State {
        if !core.asked {
            return Discover::ask(core, endpoint);
        }
        let asked = core.request(Purpose::Create, Method::Post, &endpoint).exchange;
        Create::begin(core, endpoint, &asked)
    }

    /// The same again, as soon as there are other credentials. Data goes out only after another HEAD.
    fn with_other_credentials(self, core: &mut Core, error: Error, body_sent: u64) -> State {
        let then = match self {
            State::Transfer(transfer) => transfer.unauthorized(core, body_sent),
            State::Create(create) => create.unauthorized(core, body_sent),
            same => same,
        };
        State::Authenticating(Authenticating { error, then: Box::new(then) })
    }

    /// Adds the upload to an error that ends the session or is about to be put to the caller, unless the error is that
    /// there is no such upload.
    fn with_upload_url(mut self, url: Option<AbsoluteUrl>) -> State {
        match &mut self {
            State::Finished(finished) => {
                if let Err(error) = &mut finished.0
                    && error.kind() != ErrorKind::Gone
                {
                    *error = error.clone().with_upload_url(url);
                }
            }
            State::Deciding(deciding) => {
                deciding.question.error = deciding.question.error.clone().with_upload_url(url);
            }
            _ => {}
        }
        self
    }

    /// The request was redirected. A PATCH may have left bytes behind all the same.
    fn redirected(&mut self, body_sent: u64) {
        match self {
            State::Transfer(transfer) => transfer.redirected(body_sent),
            State::Concatenate(concatenate) => concatenate.redirected(),
            _ => {}
        }
    }

    fn upload_url(&self) -> Option<&AbsoluteUrl> {
        match self {
            State::Probe(probe) => Some(probe.url()),
            State::Transfer(transfer) => Some(&transfer.remote.url),
            State::Terminate(terminate) => Some(&terminate.url),
            State::Concatenate(concatenate) => concatenate.upload_url(),
            State::Look(look) => look.upload_url(),
            State::Authenticating(asking) => asking.then.upload_url(),
            State::Deciding(deciding) => deciding.then.upload_url(),
            State::Waiting(waiting) => waiting.then.upload_url(),
            State::Finished(finished) => match &finished.0 {
                Ok(Outcome::Uploaded { url, .. } | Outcome::Inspected { url, .. }) => Some(url),
                Ok(Outcome::Terminated | Outcome::Discovered(_)) => None,
                Err(error) => error.upload_url(),
            },
            State::Discover(_) | State::Create(_) => None,
        }
    }
}

/// The driver told something that does not belong to the action: a bug of ours, not of the server's.
fn misuse() -> Error {
    Error::new(ErrorKind::Internal, "the driver told an event that does not belong to the action")
}
