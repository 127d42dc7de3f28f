//! Drives one session to its end: the only loop there is.
//!
//! It carries out what the session asks for — requests, waits, questions to the caller — and tells it what happened.
//! It judges nothing: no status, no offset.

use std::sync::Arc;
use std::time::Duration;

use super::body::{Failure, SourceBody};
use super::client::Client;
use super::clock::{self, Clock};
use super::hooks::{OnUploadUrl, OutgoingRequest, RetryVerdict};
use super::info::Stats;
use super::log::Level;
use super::meter::Meter;
use super::random;
use crate::cancel::{Cancel, Slept};
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::instant::Instant;
use crate::protocol::session::{
    Action, Body, Broken, BrokenKind, Event, Exchange, Notice, Outcome, Plan, Question, Session,
};
use crate::source::Bytes;
use crate::transport::{self, Break, BreakKind, Watch};

/// How long an answer is waited for that the session can do without.
const OPTIONAL_LIMIT: Duration = Duration::from_secs(10);

/// One operation under way.
pub(super) struct Driver<'a> {
    client: &'a Client,
    source: Option<&'a mut dyn Bytes>,
    on_upload_url: Option<OnUploadUrl>,
    meter: Arc<Meter>,
    watch: Arc<dyn Watch>,
    cancel: Cancel,
    clock: Clock,
    stats: Stats,
    /// The source turned out not to be what was promised: what is on the server is of no use.
    pub(super) source_spoiled: bool,
    /// The upload was created by this operation.
    pub(super) created_here: bool,
    /// A hook's no to an answer the session has still to be told of.
    veto: Option<Error>,
}

impl<'a> Driver<'a> {
    pub(super) fn new(client: &'a Client, meter: Meter) -> Driver<'a> {
        let meter = Arc::new(meter);
        Driver {
            client,
            source: None,
            on_upload_url: client.config().hooks.on_upload_url.clone(),
            watch: meter.clone(),
            meter,
            cancel: Cancel::new(),
            clock: Clock::start(client.config().total_timeout),
            stats: Stats::default(),
            source_spoiled: false,
            created_here: false,
            veto: None,
        }
    }

    /// The same clock, and so the same deadline, as an operation before.
    pub(super) fn with_clock_of(mut self, other: &Driver<'_>) -> Self {
        self.clock = other.clock;
        self
    }

    pub(super) fn with_source(mut self, source: &'a mut dyn Bytes) -> Self {
        self.source = Some(source);
        self
    }

    pub(super) fn with_on_upload_url(mut self, hook: Option<OnUploadUrl>) -> Self {
        self.on_upload_url = hook.or(self.on_upload_url);
        self
    }

    /// Runs a plan to its end. Deadline, seed and what is known of the server are filled in here.
    pub(super) fn run(&mut self, mut plan: Plan) -> Result<Outcome> {
        plan.deadline = self.clock.deadline();
        plan.seed = random::seed();
        plan.capabilities = plan.capabilities.or_else(|| self.client.known_capabilities());

        let mut session = Session::start(plan, self.clock.now());
        loop {
            let event = match session.next() {
                Action::Send(exchange) => self.send(exchange),
                Action::Decide(question) => self.decide(question),
                Action::Sleep { until, .. } => self.sleep(until),
                Action::Finished(_) => break,
            };
            session = session.happened(event, self.clock.now());
            let mut veto = self.veto.take();
            for notice in session.take_notices() {
                if let Err(error) = self.pass_on(notice, veto.is_some()) {
                    veto = Some(error);
                }
            }
            if let Some(error) = veto {
                session = session.happened(Event::Stopped(error), self.clock.now());
            }
        }
        let result = session.into_result().unwrap_or_else(|| {
            // The loop above ends with `Finished` only.
            Err(Error::new(ErrorKind::Internal, "the session ended without a result"))
        });
        let result = result.and_then(|outcome| self.confirm_source(outcome));
        match &result {
            Ok(_) => self.log(Level::Info, || format!("done after {:?}", self.clock.elapsed())),
            Err(error) => self.log(Level::Error, || error.full_message()),
        }
        result
    }

    /// The same with progress told at the beginning and at the end; an empty source has nothing but an end.
    pub(super) fn run_with_progress(&mut self, plan: Plan, size: Option<u64>) -> Result<Outcome> {
        let tell = |meter: &Meter| meter.report_now().map_err(|code| stopped_by_callback("progress", code));
        if size != Some(0) {
            tell(&self.meter)?;
        }
        let outcome = self.run(plan)?;
        // The server has everything: a callback that says stop only now is too late to undo that.
        let _ = self.meter.report_now();
        Ok(outcome)
    }

    /// What the operation took so far.
    pub(super) fn stats(&self) -> Stats {
        Stats { elapsed: self.clock.elapsed(), ..self.stats }
    }

    /// Makes one request.
    fn send(&mut self, exchange: &Exchange) -> Event {
        match self.prepare(exchange) {
            Ok(request) => self.perform(exchange, &request),
            Err(error) => Event::Stopped(error),
        }
    }

    /// Everything that can fail before a byte goes out: cancelled, source changed, a hook's veto.
    fn prepare(&mut self, exchange: &Exchange) -> Result<OutgoingRequest> {
        if let Some(code) = self.meter.stopped() {
            return Err(stopped_by_callback("progress", code));
        }
        if let Body::Range { start, .. } = exchange.body {
            let source = self.source()?;
            let checked = source.check_unchanged().map_err(Failure::of_check);
            checked.map_err(|failure| self.source_failed(failure))?;
            self.source()?.seek(start)?;
            self.meter.begin_body(start);
        }
        let mut request = OutgoingRequest::new(
            exchange.method.as_str().to_owned(),
            exchange.url.clone(),
            exchange.trusted,
            self.client.headers_for(exchange),
        );
        if let Some(hook) = &self.client.config().hooks.before_request {
            hook(&mut request).map_err(|code| stopped_by_callback("before_request", code))?;
        }
        Ok(request)
    }

    fn perform(&mut self, exchange: &Exchange, request: &OutgoingRequest) -> Event {
        self.stats.requests += 1;
        self.log(Level::Debug, || {
            let range = match exchange.body {
                Body::Range { start, length } => format!(" bytes {start}+{length}"),
                Body::None | Body::Empty => String::new(),
            };
            format!("{} {}{range}", request.method(), request.url().redacted())
        });
        let wire = transport::Request {
            method: request.method(),
            url: request.url().as_str(),
            headers: request.headers(),
            deadline: self.clock.steady_deadline(),
            response_limit: exchange.optional.then_some(OPTIONAL_LIMIT),
            fresh_connection: exchange.fresh_connection,
        };
        let transport = self.client.transport();
        let mut failure = None;
        let result = match (exchange.body, self.source.as_deref_mut()) {
            (Body::Range { start, length }, Some(source)) => {
                let mut reader = SourceBody::new(source, start);
                let body = transport::Body::Sized { reader: &mut reader, length };
                let result = transport.perform(&wire, body, &self.cancel, &self.watch);
                if matches!(&result, Err(Break { kind: BreakKind::Body, .. })) {
                    failure = Some(reader.into_failure());
                }
                result
            }
            (Body::Empty, _) => transport.perform(&wire, transport::Body::Empty, &self.cancel, &self.watch),
            (Body::None, _) => transport.perform(&wire, transport::Body::None, &self.cancel, &self.watch),
            (Body::Range { .. }, None) => return Event::Stopped(no_source()),
        };
        match result {
            Ok(received) => self.received(request, received),
            Err(broken) => self.broken(broken, failure),
        }
    }

    fn received(&mut self, request: &OutgoingRequest, received: transport::Received) -> Event {
        let transport::Received { answer, body_sent, .. } = received;
        self.stats.bytes_sent += body_sent;
        self.log(Level::Debug, || format!("{} {} -> {}", request.method(), request.url().redacted(), answer.status));
        if let Some(hook) = &self.client.config().hooks.after_response
            && let Err(code) = hook(request, &answer)
        {
            // The session is told of the answer first: it may be the one that names the upload.
            self.veto = Some(stopped_by_callback("after_response", code));
        }
        Event::Answered { answer, body_sent, wall: clock::wall() }
    }

    fn broken(&mut self, broken: Break, failure: Option<Failure>) -> Event {
        let Break { kind, cause, os_code, body_sent, stale_connection, .. } = broken;
        self.stats.bytes_sent += body_sent;
        self.log(Level::Debug, || {
            let why = cause.as_ref().map(|cause| format!(": {cause}")).unwrap_or_default();
            format!("broke: {kind:?}{why}")
        });
        let kind = match kind {
            BreakKind::Resolve => BrokenKind::Resolve,
            BreakKind::Connect => BrokenKind::Connect,
            BreakKind::TlsRejected => BrokenKind::TlsRejected,
            BreakKind::Closed => BrokenKind::Closed,
            BreakKind::NotHttp => BrokenKind::NotHttp,
            BreakKind::Timeout(limit) => BrokenKind::Timeout(limit),
            BreakKind::Unsendable => BrokenKind::Unsendable,
            BreakKind::Cancelled => return Event::Stopped(cancelled()),
            BreakKind::Aborted => {
                return Event::Stopped(stopped_by_callback("progress", self.meter.stopped().unwrap_or(0)));
            }
            BreakKind::Body => {
                let error = failure.map_or_else(no_source, |failure| self.source_failed(failure));
                return Event::Stopped(error);
            }
        };
        Event::Broken(Broken { kind, cause, os_code, body_sent, stale_connection })
    }

    /// Asks the caller whether to try again.
    fn decide(&mut self, question: &Question) -> Event {
        let Question { error, attempt, delay, why } = question;
        let Some(hook) = &self.client.config().hooks.should_retry else {
            self.log(Level::Warn, || format!("{}; trying again in {delay:?} ({why:?})", error.full_message()));
            return Event::Decided(Ok(*delay));
        };
        match hook(error, *attempt, *delay) {
            RetryVerdict::After(delay) => {
                self.log(Level::Warn, || format!("{}; trying again in {delay:?}", error.full_message()));
                Event::Decided(Ok(delay))
            }
            RetryVerdict::GiveUp(code) => Event::Decided(Err(code)),
        }
    }

    fn sleep(&mut self, until: Instant) -> Event {
        let until = self.clock.deadline().map_or(until, |deadline| until.min(deadline));
        let watch = self.watch.clone();
        let slept = self.cancel.sleep(self.clock.until(until), watch.interval(), || watch.tick(0));
        match slept {
            Slept::Whole => Event::Woke,
            Slept::Cancelled => Event::Stopped(cancelled()),
            Slept::Stopped => match self.meter.stopped() {
                Some(code) => Event::Stopped(stopped_by_callback("progress", code)),
                None => Event::Woke,
            },
        }
    }

    /// Passes on what the session has learned; to the caller only while none of his functions has said stop.
    fn pass_on(&mut self, notice: Notice, stopped: bool) -> Result<()> {
        let told = |result: std::result::Result<(), i32>| match result {
            Err(code) if !stopped => Err(stopped_by_callback("progress", code)),
            _ => Ok(()),
        };
        match notice {
            Notice::Capabilities(capabilities) => self.client.remember_capabilities(capabilities),
            Notice::UploadUrl(url) => {
                self.log(Level::Info, || format!("the upload is {}", url.redacted()));
                self.created_here = true;
                if let Some(hook) = &self.on_upload_url
                    && !stopped
                {
                    hook(&url).map_err(|code| stopped_by_callback("on_upload_url_available", code))?;
                }
            }
            Notice::Resumed(offset) => {
                self.log(Level::Info, || format!("resuming at byte {offset}"));
                self.created_here = false;
                self.stats.bytes_resumed = offset;
                told(self.meter.resume(offset))?;
            }
            Notice::Acknowledged(offset) => {
                self.stats.chunks_completed += 1;
                told(self.meter.confirm(offset))?;
            }
            Notice::WentBack(offset) => told(self.meter.confirm(offset))?,
            Notice::ChunkFailed => self.stats.chunks_failed += 1,
            Notice::Retrying => self.stats.retries += 1,
            Notice::Gone(url) => {
                self.log(Level::Warn, || format!("{} is gone from the server, beginning again", url.redacted()));
                self.meter.reset();
            }
            Notice::Warning(text) => self.log(Level::Warn, || text),
        }
        Ok(())
    }

    /// Success is only one if what was sent is still what the caller named.
    fn confirm_source(&mut self, outcome: Outcome) -> Result<Outcome> {
        if let (Outcome::Uploaded { url, .. }, Some(source)) = (&outcome, &self.source) {
            let checked = source.check_unchanged().map_err(|error| error.with_upload_url(Some(url.clone())));
            checked.map_err(|error| self.source_failed(Failure::of_check(error)))?;
        }
        Ok(outcome)
    }

    fn source_failed(&mut self, failure: Failure) -> Error {
        match failure {
            Failure::Trouble(error) => error,
            Failure::Spoiled(error) => {
                self.source_spoiled = true;
                error
            }
        }
    }

    fn source(&mut self) -> Result<&mut (dyn Bytes + 'a)> {
        self.source.as_deref_mut().ok_or_else(no_source)
    }

    fn log(&self, level: Level, line: impl FnOnce() -> String) {
        self.client.config().log.write(level, line);
    }
}

fn stopped_by_callback(which: &str, code: i32) -> Error {
    Error::new(ErrorKind::Callback(code), format!("the {which} callback returned {code}")).with_retryable(true)
}

fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, "cancelled")
}

fn no_source() -> Error {
    Error::new(ErrorKind::Internal, "the session wants data in an operation without a source")
}
