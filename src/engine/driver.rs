//! Drives one session: the only loop there is.
//!
//! It carries out what the session asks for — requests, waits, looks ahead, questions to the caller — and tells it what
//! happened. It judges nothing: no status, no offset. It stops at the end, or at a point the caller of a chunk-by-chunk
//! upload waits for, and can go on from there.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use super::body::{Failure, SourceBody, check_source};
use super::capabilities::{Asking, Turn};
use super::client::Client;
use super::clock;
use super::control::Control;
use super::hashing::{Chunk, ChunkBody, HashAhead, HashingBody, WrongBody};
use super::hooks::{OutgoingRequest, REQUEST_ID, RetryVerdict, WaitReason};
use super::job::Job;
use super::log::Level;
use super::random;
use crate::cancel::Slept;
use crate::error::{Cause, Error, ErrorKind, Result};
use crate::protocol::checksum::{self, Checked};
use crate::protocol::chunk::IN_MEMORY_MAX;
use crate::protocol::foreign::Secrets;
use crate::protocol::instant::Instant;
use crate::protocol::reaction::Purpose;
use crate::protocol::retry::FIRST_ANSWER_MAX;
use crate::protocol::session::{
    Action, Body, Broken, BrokenKind, Checksum, Event, Exchange, Form, Goal, Notice, Outcome, Plan, Question, Session,
};
use crate::protocol::url::{AbsoluteUrl, Origin};
use crate::source::{Bytes, Patience};
use crate::transport::{self, Break, BreakKind, Watch as _};
use crate::warning::{Warning, WarningKind};

/// How long an answer is waited for that the session can do without.
const OPTIONAL_LIMIT: Duration = Duration::from_secs(10);
/// Carries the checksum, before the data or after it (T-091, T-100).
const CHECKSUM_FIELD: &str = "Upload-Checksum";

/// How often an operation that waits for what another one asks looks at its time limits.
const CAPABILITIES_LOOK: Duration = Duration::from_millis(100);

/// The shortest id of an upload that is one to be kept secret.
const SECRET_ID: usize = 8;

/// Where to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// At the end.
    End,
    /// As soon as there is an upload with a proven offset, before any data is sent.
    Ready,
    /// As soon as the server has acknowledged more.
    Acknowledged,
}

/// A job at work.
pub(super) struct Driver<'a> {
    client: &'a Client,
    source: Option<&'a mut dyn Bytes>,
    job: &'a mut Job,
    /// A hook's no to an answer the session has still to be told of.
    veto: Option<Error>,
    /// Which of the client's headers the present request carries.
    generation: u64,
    /// The chunk about to be sent, where it lies in memory.
    chunk: Option<Chunk>,
    acknowledged: bool,
    /// That of the last request without an answer.
    request_id: Option<String>,
    /// The server whose capabilities count.
    server: Option<Origin>,
    /// While it is asked for them.
    asking: Option<Asking>,
}

impl<'a> Driver<'a> {
    pub(super) fn new(client: &'a Client, job: &'a mut Job) -> Driver<'a> {
        Driver {
            client,
            source: None,
            job,
            veto: None,
            generation: 0,
            chunk: None,
            acknowledged: false,
            request_id: None,
            server: None,
            asking: None,
        }
    }

    pub(super) fn with_source(mut self, source: &'a mut dyn Bytes) -> Self {
        self.source = Some(source);
        self.attach();
        self
    }

    /// Tells the source what ends its waits.
    fn attach(&mut self) {
        let (limits, cancel) = (self.job.limits(), self.job.cancel.clone());
        let (interval, tick) = (limits.interval(), Arc::new(limits.for_source()));
        let gate = self.job.meter.gauge().shared_gate();
        if let Some(source) = &mut self.source {
            source.attach(Some(&Patience { cancel, interval, tick, gate }));
        }
    }

    /// Begins a plan. Deadline, seed and what is known of the server are filled in here.
    pub(super) fn begin(&mut self, mut plan: Plan) {
        plan.deadline = self.job.clock.deadline();
        plan.seed = random::seed();
        // Who says how long a request may take says how long a server that never answers is tried.
        plan.first_answer = plan.first_answer.filter(|_| self.job.own.timeouts.is_none());
        let server = plan.goal.server().origin().clone();
        // Who asks wants to hear it from the server.
        if !matches!(plan.goal, Goal::Discover { .. }) {
            plan.capabilities = plan.capabilities.or_else(|| self.client.known_capabilities_of(&server));
        }
        self.server = Some(server);
        plan.can_authenticate = self.client.config().hooks.credentials.is_some();
        self.job.proven = match &plan.goal {
            Goal::Upload { previous: Some(previous), .. } => previous.proven,
            _ => plan.proven,
        };
        self.job.session = Some(Session::start(plan, self.job.clock.now()));
        // What a start alone can tell.
        self.pass_on_all();
    }

    /// Looks no further ahead than there is memory for, from now on.
    pub(super) fn bound_look_ahead(&mut self, bytes: Option<u64>) {
        self.job.session = self.job.session.take().map(|session| session.bound_look_ahead(bytes));
    }

    /// Runs a plan to its end.
    pub(super) fn run(&mut self, plan: Plan) -> Result<Outcome> {
        self.begin(plan);
        self.advance(Until::End).unwrap_or_else(|| Err(unended()))
    }

    /// The same with progress told at the beginning and at the end; an empty source has nothing but an end.
    pub(super) fn run_with_progress(&mut self, plan: Plan) -> Result<Outcome> {
        let gauge = Arc::clone(self.job.meter.gauge());
        if gauge.progress().total != Some(0) {
            gauge.report_now().map_err(|code| stopped_by_callback("progress", code))?;
        }
        let outcome = self.run(plan)?;
        // The server has everything: a callback that says stop only now is too late to undo that.
        let _ = gauge.report_now();
        Ok(outcome)
    }

    /// Goes on until then; `None` if the session is not over.
    pub(super) fn advance(&mut self, until: Until) -> Option<Result<Outcome>> {
        self.acknowledged = false;
        while let Some(session) = self.job.session.take() {
            if let Action::Finished(_) = session.next() {
                return Some(self.finished(session));
            }
            let reached = match until {
                Until::End => false,
                Until::Ready => session.upload_url().is_some() && session.is_about_data(),
                Until::Acknowledged => self.acknowledged,
            };
            if reached {
                self.job.session = Some(session);
                return None;
            }
            let session = self.stand_still(session);
            let event = match session.next() {
                Action::Send(exchange) => match self.client.held_back(exchange.url.origin(), self.job) {
                    Some(until) => Event::HeldBack { until },
                    None if exchange.purpose == Purpose::Discover => match self.discover(exchange) {
                        Some(event) => event,
                        None => {
                            self.job.session = Some(session);
                            continue;
                        }
                    },
                    None => self.send(exchange),
                },
                Action::LookAhead { start, length } => self.look_ahead(start, length),
                Action::Authenticate(error) => self.authenticate(error),
                Action::Decide(question) => self.decide(question),
                Action::Sleep { until, why } => match self.wait(until, why) {
                    Some(event) => event,
                    None => {
                        // A pause: the rest of the wait comes after it.
                        self.job.session = Some(session);
                        continue;
                    }
                },
                Action::Finished(_) => Event::Stopped(unended()),
            };
            self.job.session = Some(session.happened(event, self.job.clock.now()));
            self.pass_on_all();
            // What was learned is kept by now.
            self.asking = None;
        }
        Some(Err(Error::new(ErrorKind::InvalidState, "the operation is over")))
    }

    /// Waits while the operation is paused.
    fn stand_still(&mut self, mut session: Session) -> Session {
        let before = self.job.clock.deadline();
        let paused = self.job.control.as_ref().is_some_and(Control::is_paused);
        let kept = match self.source.as_deref_mut() {
            Some(source) if paused => self.job.rest(source, self.client.saves_memory(), true),
            _ => 0,
        };
        if self.job.stand_still(kept) {
            self.attach();
        }
        let deadline = self.job.clock.deadline();
        if deadline != before {
            session.set_deadline(deadline);
        }
        session
    }

    /// Passes on the session's notices; a word of the caller's against going on ends it.
    fn pass_on_all(&mut self) {
        let Some(mut session) = self.job.session.take() else { return };
        let done = matches!(session.next(), Action::Finished(Ok(Outcome::Uploaded { offset, size, .. })) if *size == Some(*offset));
        let mut veto = self.veto.take();
        let url = session.upload_url().cloned();
        for notice in session.take_notices() {
            if let Err(error) = self.pass_on(notice, url.as_ref(), veto.is_some(), done) {
                veto = Some(error);
            }
        }
        // A part's URL is not that of the upload.
        if let Some(control) = &self.job.control
            && !self.job.is_part()
        {
            control.show_url(session.upload_url());
        }
        if let Some(error) = veto {
            session = session.happened(Event::Stopped(error), self.job.clock.now());
        }
        self.job.session = Some(session);
    }

    fn finished(&mut self, session: Session) -> Result<Outcome> {
        let result = session.into_result().unwrap_or_else(|| Err(unended()));
        let result = result.and_then(|outcome| self.confirm_source(outcome)).map_err(|error| self.identified(error));
        if result.is_err() && std::mem::take(&mut self.job.chunk_failed) {
            self.job.stats.chunks_failed += 1;
        }
        if let (Err(error), Some(server)) = (&result, &self.server)
            && rests_on_capabilities(error.kind())
        {
            self.client.capabilities().forget(server);
        }
        match &result {
            Ok(_) => self.log(Level::Info, || format!("done after {:?}", self.job.clock.elapsed())),
            Err(error) => self.log(Level::Error, || error.full_message()),
        }
        result.map_err(|error| error.with_warnings(self.job.warnings.all()))
    }

    /// Asks what the server can do, unless another operation is about to learn it; `None` if a pause ends the wait for
    /// that.
    fn discover(&mut self, exchange: &Exchange) -> Option<Event> {
        let Some(server) = self.server.clone() else { return Some(self.send(exchange)) };
        let limit = std::time::Instant::now().checked_add(OPTIONAL_LIMIT);
        let (watch, deadline) = (self.job.watch.clone(), self.job.clock.steady_deadline());
        let is_over = |until: Option<std::time::Instant>| until.is_some_and(|until| until <= std::time::Instant::now());
        let tick = || if is_over(limit) || is_over(deadline) { ControlFlow::Break(()) } else { watch.tick(0) };
        let interval = watch.interval().unwrap_or(CAPABILITIES_LOOK).min(CAPABILITIES_LOOK);
        let flag = self.job.flag_for(Purpose::Transfer);
        match self.client.capabilities().turn(&server, &flag, Some(interval), tick) {
            Ok(Turn::Known(capabilities)) => return Some(Event::Learned(capabilities)),
            Ok(Turn::Ask(asking)) => self.asking = Some(asking),
            Ok(Turn::AskAlone) => {}
            Err(Slept::Cancelled) if !self.job.cancel.is_set() => return None,
            // Whatever ended the wait ends the request too, or it has to be made.
            Err(_) => {}
        }
        Some(self.send(exchange))
    }

    /// Makes one request.
    fn send(&mut self, exchange: &Exchange) -> Event {
        let request = self.check(exchange).and_then(|()| match (exchange.checksum, exchange.body) {
            (Some(Checksum { algorithm, form: Form::Header }), Body::Range { start, length }) => {
                let digest = self.hash_chunk(start, length, algorithm)?;
                self.prepare(exchange, Some((CHECKSUM_FIELD, checksum::field(algorithm, &digest))))
            }
            _ => self.prepare(exchange, None),
        });
        match request {
            Ok(request) => self.perform(exchange, &request),
            Err(error) => Event::Stopped(error),
        }
    }

    /// Everything that can fail before a byte goes out: cancelled, stopped, source changed.
    fn check(&mut self, exchange: &Exchange) -> Result<()> {
        if self.job.cancel.is_set() {
            return Err(cancelled());
        }
        if let Some(code) = self.job.meter.gauge().stopped() {
            return Err(stopped_by_callback("progress", code));
        }
        if let Body::Range { start, .. } = exchange.body {
            self.check_source().map_err(|failure| self.source_failed(failure))?;
            self.source()?.seek(start)?;
            self.job.meter.begin_body(start);
        }
        Ok(())
    }

    /// Fails if the source may have changed, unless the digest of what was sent shows that it has not.
    fn check_source(&mut self) -> std::result::Result<(), Failure> {
        let source = self.source.as_deref().ok_or_else(|| Failure::Trouble(no_source()))?;
        let sent = || self.job.digest_of_sent();
        check_source(source, sent, &self.job.cancel, &self.job.limits()).map_err(|failure| match failure {
            Failure::Trouble(error) => Failure::Trouble(self.job.why_ended(error)),
            failure => failure,
        })
    }

    /// The digest of a chunk, which is then in memory (T-096) unless it is too long for that.
    fn hash_chunk(&mut self, start: u64, length: u64, algorithm: checksum::Algorithm) -> Result<Vec<u8>> {
        let mut hashed = self.take_chunk(start, length, algorithm);
        if hashed.as_ref().is_err_and(Failure::is_change) {
            // Nothing of this chunk has been sent: if the content of what was is the same, it is read again.
            self.check_source().map_err(|failure| self.source_failed(failure))?;
            hashed = self.take_chunk(start, length, algorithm);
        }
        hashed.map_err(|failure| self.source_failed(failure))
    }

    fn take_chunk(
        &mut self,
        start: u64,
        length: u64,
        algorithm: checksum::Algorithm,
    ) -> std::result::Result<Vec<u8>, Failure> {
        let Some(source) = self.source.as_deref_mut() else { return Err(Failure::Trouble(no_source())) };
        let (limits, cancel) = (self.job.limits(), self.job.cancel.clone());
        let mut proceed = || {
            // Why is looked up by whoever hears of it.
            if cancel.is_set() || limits.tick(0).is_break() { Err(cancelled()) } else { Ok(()) }
        };
        if length > IN_MEMORY_MAX {
            let digest = HashAhead::digest(source, start, length, algorithm, &mut proceed)?;
            source.seek(start).map_err(Failure::Trouble)?;
            return Ok(digest);
        }
        let chunk = self.job.hashes.take(source, start, length, algorithm, &mut proceed)?;
        let digest = chunk.digest().to_vec();
        self.chunk = Some(chunk);
        Ok(digest)
    }

    /// The request as the caller's hook leaves it.
    fn prepare(&mut self, exchange: &Exchange, added: Option<(&str, String)>) -> Result<OutgoingRequest> {
        let (generation, mut headers) = self.client.headers_for(exchange, &self.job.own.headers);
        self.generation = generation;
        headers.extend(added.map(|(name, value)| (name.to_owned(), value.into())));
        let mut request =
            OutgoingRequest::new(exchange.method.as_str().to_owned(), exchange.url.clone(), exchange.trusted, headers);
        if let Some(hook) = &self.client.config().hooks.before_request {
            let _gate = self.job.meter.gauge().gate();
            hook(&mut request).map_err(|code| stopped_by_callback("before_request", code))?;
        }
        Ok(request)
    }

    fn perform(&mut self, exchange: &Exchange, request: &OutgoingRequest) -> Event {
        self.job.counts.request();
        self.log(Level::Debug, || {
            let range = match exchange.body {
                Body::Range { start, length } => format!(" bytes {start}+{length}"),
                Body::None | Body::Empty => String::new(),
            };
            let id = request.request_id().map(|id| format!(", request id {id}")).unwrap_or_default();
            format!("{} {}{range}{id}", request.method(), self.shown(exchange, request.url()))
        });
        let wire = transport::Request {
            method: request.method(),
            url: request.url().as_str(),
            headers: request.headers(),
            deadline: self.job.clock.steady_deadline(),
            timeouts: self.job.own.timeouts,
            response_limit: self.response_limit(exchange),
            fresh_connection: exchange.fresh_connection,
            identify: exchange.trusted,
            pointed_by: &exchange.pointed_by,
        };
        if let Some(asking) = &self.asking {
            asking.sent();
        }
        let transport = self.client.transport();
        let cancel = self.job.flag_for(exchange.purpose);
        let (cancel, watch) = (&cancel, &self.job.watch.clone());
        let (result, failure) = match (exchange.body, self.source.as_deref_mut()) {
            (Body::Empty, _) => match exchange.checksum {
                Some(Checksum { algorithm, .. }) => {
                    let mut reader = WrongBody(algorithm);
                    let body = transport::Body::Trailed { reader: &mut reader, length: 0, trailer: CHECKSUM_FIELD };
                    (transport.perform(&wire, body, cancel, watch), None)
                }
                None => (transport.perform(&wire, transport::Body::Empty, cancel, watch), None),
            },
            (Body::None, _) => (transport.perform(&wire, transport::Body::None, cancel, watch), None),
            (Body::Range { .. }, None) => return Event::Stopped(no_source()),
            (Body::Range { start, length }, Some(source)) => {
                self.job.count_chunk(start, length);
                match (exchange.checksum, self.chunk.take()) {
                    (Some(Checksum { form: Form::Header, .. }), Some(chunk)) => {
                        // The next chunk is hashed while this one is on its way.
                        if let Some((start, length)) = self.job.expected(start, length)
                            && let Some(wanted) = exchange.checksum
                        {
                            self.job.hashes.prepare(source, start, length, wanted.algorithm);
                        }
                        let mut reader = ChunkBody::new(&chunk);
                        let body = transport::Body::Sized { reader: &mut reader, length };
                        (transport.perform(&wire, body, cancel, watch), None)
                    }
                    (Some(Checksum { algorithm, form: Form::Trailer | Form::WrongTrailer }), _) => {
                        let mut reader = HashingBody::new(source, start, algorithm);
                        let body = transport::Body::Trailed { reader: &mut reader, length, trailer: CHECKSUM_FIELD };
                        let result = transport.perform(&wire, body, cancel, watch);
                        let failure = is_about_body(&result).then(|| reader.into_failure());
                        (result, failure)
                    }
                    (None | Some(Checksum { form: Form::Header, .. }), _) => {
                        let mut reader = SourceBody::new(source, start);
                        let body = transport::Body::Sized { reader: &mut reader, length };
                        let result = transport.perform(&wire, body, cancel, watch);
                        let failure = is_about_body(&result).then(|| reader.into_failure());
                        (result, failure)
                    }
                }
            }
        };
        match result {
            Ok(received) => self.received(exchange, request, received),
            Err(broken) => {
                self.request_id = request.request_id().map(str::to_owned);
                let unanswered = exchange.purpose == Purpose::Create && !broken.never_sent;
                let event = self.broken(broken, failure);
                if unanswered && matches!(event, Event::Stopped(_)) {
                    let text = "a creation was ended before its answer came: an upload may be left on the server";
                    self.job.warnings.warn(Warning::new(WarningKind::LeftOnServer, text));
                }
                event
            }
        }
    }

    /// How long the answer is waited for, if not as long as the settings say.
    fn response_limit(&self, exchange: &Exchange) -> Option<Duration> {
        if exchange.optional {
            return Some(OPTIONAL_LIMIT);
        }
        let left = self.job.clock.until(exchange.answer_by?);
        Some(left.clamp(OPTIONAL_LIMIT, FIRST_ANSWER_MAX))
    }

    fn received(&mut self, exchange: &Exchange, request: &OutgoingRequest, received: transport::Received) -> Event {
        let transport::Received { answer, body_sent, .. } = received;
        let answer = answer.to_request(self.secrets(exchange, request), request.request_id().map(str::to_owned));
        let wall = clock::wall();
        self.job.stats.bytes_sent += body_sent;
        if let Some(keeper) = &self.job.keeper {
            keeper.keeper.heard(&answer, wall);
        }
        self.log(Level::Debug, || {
            let id = answer.request_id().map(|id| format!(", request id {id}")).unwrap_or_default();
            format!("{} {} -> {}{id}", request.method(), self.shown(exchange, request.url()), answer.status)
        });
        if let Some(hook) = &self.client.config().hooks.after_response {
            let _gate = self.job.meter.gauge().gate();
            if let Err(code) = hook(request, &answer) {
                // The session is told of the answer first: it may be the one that names the upload.
                self.veto = Some(stopped_by_callback("after_response", code));
            }
        }
        Event::Answered { answer, body_sent, wall }
    }

    fn broken(&mut self, broken: Break, failure: Option<Failure>) -> Event {
        let Break { kind, cause, os_code, body_sent, stale_connection, never_sent, answer } = broken;
        self.job.stats.bytes_sent += body_sent;
        self.log(Level::Debug, || {
            let why = cause.as_ref().map(|cause| format!(": {cause}")).unwrap_or_default();
            format!("broke: {kind:?}{why}")
        });
        let kind = match kind {
            BreakKind::Resolve => BrokenKind::Resolve,
            BreakKind::Connect => BrokenKind::Connect,
            BreakKind::ProxyRefused => BrokenKind::ProxyRefused,
            BreakKind::Setting => BrokenKind::Setting,
            BreakKind::TlsRejected => BrokenKind::TlsRejected,
            BreakKind::ForeignLocation => BrokenKind::ForeignLocation,
            BreakKind::Closed => BrokenKind::Closed,
            BreakKind::NotHttp => BrokenKind::NotHttp,
            BreakKind::Timeout(limit) => BrokenKind::Timeout(limit),
            BreakKind::Resources => BrokenKind::Resources,
            BreakKind::Unsendable => BrokenKind::Unsendable,
            // A pause ends a request too.
            BreakKind::Cancelled if self.job.cancel.is_set() => return Event::Stopped(cancelled()),
            BreakKind::Cancelled => BrokenKind::Paused,
            BreakKind::Aborted => {
                return Event::Stopped(stopped_by_callback("progress", self.job.meter.gauge().stopped().unwrap_or(0)));
            }
            // The file cannot be read now, which says nothing of what is in it: the upload stays.
            BreakKind::Body if os_code.is_some() => return Event::Stopped(unreadable(os_code, cause)),
            // Its content is the same: what of it has arrived, the server knows.
            BreakKind::Body if failure.as_ref().is_some_and(Failure::is_change) && self.check_source().is_ok() => {
                BrokenKind::Closed
            }
            BreakKind::Body => {
                let error = failure.map_or_else(no_source, |failure| self.source_failed(failure));
                return Event::Stopped(error);
            }
        };
        Event::Broken(Broken { kind, cause, os_code, body_sent, stale_connection, never_sent, answer })
    }

    /// Reads ahead in a source of unknown size.
    fn look_ahead(&mut self, start: u64, length: u64) -> Event {
        let looked = self.job.proceed().and_then(|()| self.source()?.look_ahead(start, length));
        match looked {
            Ok(ahead) => Event::Ahead { available: ahead.available, end: ahead.end },
            Err(error) => Event::Stopped(self.job.why_ended(error)),
        }
    }

    /// Gets other credentials from the caller.
    fn authenticate(&mut self, refusal: &Error) -> Event {
        self.log(Level::Info, || "the server refuses the credentials: asking for others".to_owned());
        match self.client.authenticate(self.generation, refusal, self.job) {
            Ok(word) => Event::Authenticated(word),
            Err(error) => Event::Stopped(error),
        }
    }

    /// Asks the caller whether to try again.
    fn decide(&mut self, question: &Question) -> Event {
        let Question { error, attempt, delay, why } = question;
        let error = &self.identified(error.clone());
        let Some(hook) = &self.client.config().hooks.should_retry else {
            self.log(Level::Warn, || format!("{}; trying again in {delay:?} ({why:?})", error.full_message()));
            return Event::Decided(Ok(*delay));
        };
        let verdict = {
            let _gate = self.job.meter.gauge().gate();
            hook(error, *attempt, *delay)
        };
        match verdict {
            RetryVerdict::After(delay) => {
                self.log(Level::Warn, || format!("{}; trying again in {delay:?}", error.full_message()));
                Event::Decided(Ok(delay))
            }
            RetryVerdict::GiveUp(code) => Event::Decided(Err(code)),
        }
    }

    /// Waits until then, and tells what for; `None` if a pause ends it before.
    fn wait(&mut self, until: Instant, why: WaitReason) -> Option<Event> {
        if let Err(code) = self.job.meter.waits_for(Some(why)) {
            return Some(Event::Stopped(stopped_by_callback("progress", code)));
        }
        let event = self.sleep(until);
        // A word against going on is kept for the next step.
        let _ = self.job.meter.waits_for(None);
        event
    }

    /// Waits until then; `None` if a pause ends it before.
    fn sleep(&mut self, until: Instant) -> Option<Event> {
        let clock = self.job.clock;
        let until = clock.deadline().map_or(until, |deadline| until.min(deadline));
        let watch = self.job.watch.clone();
        let flag = self.job.flag_for(Purpose::Transfer);
        match flag.sleep(clock.until(until), watch.interval(), || watch.tick(0)) {
            Slept::Whole => Some(Event::Woke),
            Slept::Cancelled if self.job.cancel.is_set() => Some(Event::Stopped(cancelled())),
            Slept::Cancelled => None,
            Slept::Stopped => match self.job.meter.gauge().stopped() {
                Some(code) => Some(Event::Stopped(stopped_by_callback("progress", code))),
                None => Some(Event::Woke),
            },
        }
    }

    /// Passes on what the session has learned; to the caller only while none of his functions has said stop. `done`: the
    /// upload is complete, so that nothing of it need be kept.
    fn pass_on(&mut self, notice: Notice, url: Option<&AbsoluteUrl>, stopped: bool, done: bool) -> Result<()> {
        let told = |result: std::result::Result<(), i32>| match result {
            Err(code) if !stopped => Err(stopped_by_callback("progress", code)),
            _ => Ok(()),
        };
        let keeper = self.job.keeper.clone();
        match notice {
            Notice::Capabilities(capabilities) => {
                if let Some(server) = &self.server {
                    self.client.capabilities().keep(server, capabilities);
                }
            }
            Notice::UploadUrl(url) => {
                self.log(Level::Info, || format!("the upload is {}", self.shown_upload(&url)));
                (self.job.created_here, self.job.begun) = (true, true);
                (self.job.recorded, self.job.proven) = (None, None);
                if let Some(keeper) = &keeper
                    && !done
                {
                    keeper.created(&url, self.job.clock, &self.job.cancel);
                }
                if let Some(hook) = &self.job.on_upload_url
                    && !stopped
                {
                    let _gate = self.job.meter.gauge().gate();
                    hook(&url).map_err(|code| stopped_by_callback("on_upload_url_available", code))?;
                }
                self.tell_token(stopped || done)?;
            }
            Notice::Resumed(offset) => {
                self.log(Level::Info, || format!("resuming at byte {offset}"));
                // The server has no more than what was proven, and from here on all it gets is of this source.
                self.job.proven = None;
                if let Some(keeper) = &keeper {
                    keeper.acknowledged(offset, done);
                }
                // What this job has sent before its session ended and another one began is no other's.
                let first = !std::mem::replace(&mut self.job.begun, true);
                if first {
                    self.job.stats.bytes_resumed = offset;
                }
                told(if first { self.job.meter.resume(offset) } else { self.job.meter.confirm(offset) })?;
            }
            Notice::Acknowledged(offset) => {
                self.job.stats.chunks_completed += 1;
                self.job.chunk_failed = false;
                self.acknowledged = true;
                if let Some(keeper) = &keeper {
                    keeper.acknowledged(offset, done);
                }
                told(self.job.meter.confirm(offset))?;
                self.tell_token(stopped || done)?;
            }
            Notice::WentBack(offset) => told(self.job.meter.confirm(offset))?,
            Notice::ChunkFailed => self.job.chunk_failed = true,
            Notice::Retrying => {
                self.job.counts.retry();
                self.job.meter.retrying();
                // Without a wait the next request would come before the next tick.
                told(self.job.meter.gauge().report_now())?;
            }
            Notice::Gone(url) => {
                let text = format!("{} is gone from the server, beginning again", self.shown_upload(&url));
                self.job.warnings.warn(Warning::new(WarningKind::BegunAnew, text).about(&url));
                self.job.meter.reset();
                self.job.stats.bytes_resumed = 0;
                self.job.checked = Checked::Nothing;
                if let Some(keeper) = &keeper {
                    keeper.gone(&url);
                }
            }
            Notice::Abandoned(url) => {
                self.log(Level::Info, || format!("leaving {} as it is, beginning again", self.shown_upload(&url)));
                self.job.meter.reset();
                self.job.checked = Checked::Nothing;
                if let Some(keeper) = &keeper {
                    keeper.abandoned();
                }
            }
            Notice::Size(size) => self.job.meter.set_total(size),
            Notice::Checked(checked) => self.job.checked = self.job.checked.and(checked),
            Notice::Expires(at) => {
                if let Some(keeper) = &keeper {
                    keeper.expires(at);
                }
            }
            Notice::Expiring(at) => self.tell_expiry(url, at, stopped)?,
            Notice::HoldBack { origin, delay } => {
                self.log(Level::Info, || format!("no requests to {origin} for {delay:?}, the server asks"));
                self.client.hold_back(origin, delay, self.job);
            }
            Notice::Warning(warning) => self.job.warnings.warn(warning),
        }
        Ok(())
    }

    fn tell_expiry(&self, url: Option<&AbsoluteUrl>, at: u64, stopped: bool) -> Result<()> {
        let text = format!("the upload expires at {at} (seconds since 1970), before it can be complete at this speed");
        self.job.warnings.warn(Warning::new(WarningKind::ExpiresSoon, text));
        if let (Some(hook), Some(url), false) = (&self.client.config().hooks.on_expiring, url, stopped) {
            let _gate = self.job.meter.gauge().gate();
            hook(url, at).map_err(|code| stopped_by_callback("on_expiring", code))?;
        }
        Ok(())
    }

    fn tell_token(&self, stopped: bool) -> Result<()> {
        let Some(keeper) = self.job.keeper.as_ref().filter(|_| !stopped) else { return Ok(()) };
        keeper.keeper.tell_token(self.job.meter.gauge()).map_err(|code| stopped_by_callback("on_resume_token", code))
    }

    /// Success is only one if what was sent is all of one version of the source.
    fn confirm_source(&mut self, outcome: Outcome) -> Result<Outcome> {
        if let (Outcome::Uploaded { url, offset, size, .. }, Some(_)) = (&outcome, &self.source) {
            self.check_source().map_err(|failure| {
                // T-111: what is complete is not removed. A part is not, as long as the whole is not there.
                let complete = *size == Some(*offset) && !self.job.is_part();
                let error = if complete { failure.into_error() } else { self.source_failed(failure) };
                error.with_upload_url(Some(url.clone()))
            })?;
        }
        Ok(outcome)
    }

    fn source_failed(&mut self, failure: Failure) -> Error {
        match failure {
            Failure::Trouble(error) => self.job.why_ended(error),
            Failure::Spoiled(error) => {
                self.job.source_spoiled = true;
                error
            }
        }
    }

    fn source(&mut self) -> Result<&mut (dyn Bytes + 'a)> {
        self.source.as_deref_mut().ok_or_else(no_source)
    }

    /// An error with all that helps to find the request in the server's log.
    fn identified(&self, error: Error) -> Error {
        let broke = error.request().is_some() && error.answer().is_none();
        let error = error.with_urls_shown(self.client.config().show_urls);
        if broke { error.with_request_id(self.request_id.clone()) } else { error }
    }

    /// What an answer may repeat of a request and must not be shown: the caller's headers, and of an upload what its
    /// URL is known by.
    fn secrets(&self, exchange: &Exchange, request: &OutgoingRequest) -> Secrets {
        let mut secrets = Secrets::none();
        let own = |name: &str| {
            let mut protocol = exchange.headers.iter().map(|(name, _)| *name).chain([CHECKSUM_FIELD, REQUEST_ID]);
            protocol.any(|ours| ours.eq_ignore_ascii_case(name))
        };
        request.headers().iter().filter(|(name, _)| !own(name)).for_each(|(_, value)| secrets.add_header(value));
        self.client.transport().proxy_credentials().for_each(|value| secrets.add_header(&value));
        if !self.client.config().show_urls && !exchange.purpose.is_about_endpoint() {
            secrets.add(request.url().query().unwrap_or_default());
            // A short one would turn up anywhere.
            let id = Some(request.url().last_segment()).filter(|id| id.len() >= SECRET_ID);
            secrets.add(id.unwrap_or_default());
        }
        secrets
    }

    /// A request's URL as it may stand in the log.
    fn shown(&self, exchange: &Exchange, url: &AbsoluteUrl) -> String {
        if exchange.purpose.is_about_endpoint() { url.redacted() } else { self.shown_upload(url) }
    }

    fn shown_upload(&self, url: &AbsoluteUrl) -> String {
        if self.client.config().show_urls { url.to_string() } else { url.redacted_upload() }
    }

    fn log(&self, level: Level, line: impl FnOnce() -> String) {
        self.client.config().log.write(level, line);
    }
}

/// Whether a failure may come of what the server was believed to be able to do.
fn rests_on_capabilities(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Unsupported | ErrorKind::TooLarge | ErrorKind::Version | ErrorKind::Checksum)
}

fn is_about_body(result: &std::result::Result<transport::Received, Break>) -> bool {
    matches!(result, Err(Break { kind: BreakKind::Body, .. }))
}

pub(super) fn stopped_by_callback(which: &str, code: i32) -> Error {
    Error::new(ErrorKind::Callback(code), format!("the {which} callback returned {code}")).with_retryable(true)
}

pub(super) fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, "cancelled")
}

fn unreadable(os_code: Option<i32>, cause: Option<Cause>) -> Error {
    let error = Error::new(ErrorKind::Source, "cannot read the file").with_os_code(os_code);
    match cause {
        Some(cause) => error.with_cause(cause),
        None => error,
    }
}

fn no_source() -> Error {
    Error::new(ErrorKind::Internal, "the session wants data in an operation without a source")
}

/// The loop ends with the session only.
fn unended() -> Error {
    Error::new(ErrorKind::Internal, "the session ended without a result")
}
