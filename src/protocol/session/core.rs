//! What all states of a session share: the plan, the budgets, and how a failure becomes a retry or an end.

use std::time::Duration;

use crate::error::{BrokenRule, Error, ErrorKind, TimeLimit};
use crate::protocol::answer::Answer;
use crate::protocol::capabilities::{Capabilities, VERSION};
use crate::protocol::checksum::Policy;
use crate::protocol::chunk::ChunkSizer;
use crate::protocol::date::parse_http_date;
use crate::protocol::instant::Instant;
use crate::protocol::offset::Proven;
use crate::protocol::reaction::{Budget, Purpose, Reaction, react};
use crate::protocol::retry::{RetryAfter, parse_retry_after};
use crate::protocol::url::{AbsoluteUrl, Origin};
use crate::warning::{Warning, WarningKind};

use super::checksums::Checksums;
use super::event::{Broken, BrokenKind, Notice, Question, WaitReason};
use super::exchange::{Exchange, Form, Method, Request};
use super::failure::{broke, broke_rule, fail, is_worth_retrying, refused};
use super::pause::{Deciding, Waiting};
use super::plan::Plan;
use super::redirect::Moved;
use super::{Finished, State};

/// 409s without progress, each at another offset, before client and server count as unable to agree (T-027).
const MAX_CONFLICTS: u32 = 5;
/// Uploads begun again because the server lost one (T-083).
const MAX_RESTARTS: u32 = 3;
/// 404s and 410s in a row that are not a tus server's word and are asked about again (T-083).
const MAX_MISSING: u32 = 2;
/// Checksum mismatches in a row before the data counts as damaged on its way for good (T-092).
const MAX_MISMATCHES: u32 = 3;
/// Times the server's offset may go back (T-028).
const MAX_REGRESSIONS: u32 = 3;
/// The longest pause between two looks at a lock: it may be released at any moment.
const LOCK_PAUSE_MAX: Duration = Duration::from_secs(10);
/// The shortest, whoever asks for less: a lock is not asked about in a hot loop.
const LOCK_PAUSE_MIN: Duration = Duration::from_millis(20);

/// Plan, budgets and what has been learned. Passed to every step of a state.
#[derive(Debug, Clone)]
pub(super) struct Core {
    pub(super) plan: Plan,
    pub(super) capabilities: Option<Capabilities>,
    /// The size of the source, once it is known.
    pub(super) size: Option<u64>,
    /// The source has to be read ahead before each chunk, since only its end tells its size.
    pub(super) reads_ahead: bool,
    pub(super) checksums: Checksums,
    pub(super) sizer: ChunkSizer,
    pub(super) notices: Vec<Notice>,
    pub(super) expires: Option<u64>,
    /// The expiry the caller has been told.
    told_expiry: Option<u64>,
    /// A server has answered in this session.
    heard: bool,
    /// Since when none has, as far as that is the server's doing.
    unheard_since: Instant,
    /// The time of the step being made.
    pub(super) now: Instant,
    /// The wall clock of the answer being read: the server's own where it tells it (`Date`).
    wall: u64,
    random: fastrand::Rng,
    tries: u32,
    lock_pauses: u32,
    lock_since: Option<Instant>,
    conflicts: u32,
    /// Where the last one was.
    conflict_at: Option<Proven>,
    /// What was redirected for good in this session (T-152).
    pub(super) moved: Moved,
    restarts: u32,
    missing: u32,
    /// An upload that was given up although no tus server said that it is gone (T-083).
    pub(super) left: Option<AbsoluteUrl>,
    regressions: u32,
    interrupted: bool,
    stale_forgiven: bool,
    warned_version: bool,
    /// The caller has been told that the server's Locations have the wrong scheme.
    pub(super) warned_location: bool,
    /// How many bytes of a source of unknown size there are, as a look ahead has found.
    pub(super) looked_ahead: u64,
    fresh_data_connections: bool,
    /// OPTIONS has been asked, or is not to be.
    pub(super) asked: bool,
    /// The upload of an earlier run has been looked at, if there is one.
    pub(super) knows_previous: bool,
    /// In this step an upload was given up: what fails in the rest of it is not to be resumed from there.
    pub(super) began_anew: bool,
    mismatches: u32,
    /// What the server refused the credentials for, if others were got and it has not done that since. The success of
    /// something else says nothing: a server may show an upload and take nothing for it, for ever.
    authenticated: Option<Purpose>,
    /// When the first bytes of this session were acknowledged, and how far the upload was then.
    pace: Option<(Instant, u64)>,
    /// The expiry the caller has been warned of.
    warned_expiry: Option<u64>,
}

/// How a failed try goes on, if it does.
pub(super) struct Retry {
    pub(super) error: Error,
    pub(super) budget: Budget,
    /// The answer, for its `Retry-After`.
    pub(super) answer: Option<Answer>,
    /// What comes after the wait.
    pub(super) then: State,
}

impl Core {
    pub(super) fn new(mut plan: Plan, now: Instant) -> Core {
        let size = plan.goal.size();
        let mut sizer = ChunkSizer::new(plan.chunk_size, plan.chunk_rules, plan.replay_limit);
        if size.is_none() {
            sizer.in_memory();
        }
        Core {
            capabilities: plan.capabilities.take(),
            size,
            reads_ahead: size.is_none(),
            checksums: Checksums::undecided(),
            sizer,
            random: fastrand::Rng::with_seed(plan.seed),
            plan,
            notices: Vec::new(),
            expires: None,
            told_expiry: None,
            heard: false,
            unheard_since: now,
            now,
            wall: 0,
            tries: 0,
            lock_pauses: 0,
            lock_since: None,
            conflicts: 0,
            conflict_at: None,
            moved: Moved::default(),
            restarts: 0,
            missing: 0,
            left: None,
            regressions: 0,
            interrupted: false,
            stale_forgiven: false,
            warned_version: false,
            warned_location: false,
            looked_ahead: 0,
            fresh_data_connections: false,
            asked: false,
            knows_previous: false,
            began_anew: false,
            mismatches: 0,
            authenticated: None,
            pace: None,
            warned_expiry: None,
        }
    }

    /// Whether an extension may be used for what the caller asked for. Unknown is not no (T-006): it is tried, and a
    /// refusal is told as what the server said.
    pub(super) fn may_use(&self, extension: &str) -> bool {
        self.capabilities.as_ref().is_none_or(|known| known.has(extension))
    }

    /// Whether the server takes this kind of upload, as far as that is known. `asked` is the exchange that told.
    pub(super) fn takes(&self, uploads: &str, extension: &str, asked: &Exchange) -> Result<(), Error> {
        if self.may_use(extension) {
            return Ok(());
        }
        let what = format!("the server does not take {uploads} (extension {extension})");
        Err(fail(ErrorKind::Unsupported, what, asked, None))
    }

    /// T-127: known before any data goes out, that of an earlier run included.
    pub(super) fn takes_parts(&self, asked: &Exchange) -> Result<(), Error> {
        if self.plan.partial { self.takes("partial uploads", "concatenation", asked) } else { Ok(()) }
    }

    /// Whether the server is asked what it can check before it is asked for an upload that exists (T-011): only if the
    /// caller wished for checksums, and not for what is the default.
    pub(super) fn asks_for_checksums(&self) -> bool {
        match self.plan.checksum.policy {
            Policy::Required => true,
            Policy::IfAvailable => self.plan.checksum_asked,
            Policy::Off => false,
        }
    }

    /// Settles what the checksums of this session will be, before any byte goes out (T-090). `asked` is the exchange
    /// that told what the server can do.
    pub(super) fn settle_checksums(&mut self, asked: &Exchange) -> Result<(), Error> {
        if self.checksums.is_settled() {
            return Ok(());
        }
        self.checksums = Checksums::settle(&self.plan, self.capabilities.as_ref())
            .map_err(|what| fail(ErrorKind::Unsupported, what, asked, None))?;
        // The result tells what was used; who asked for it misses it.
        if self.plan.checksum_asked && self.plan.checksum.policy != Policy::Off {
            let text = match (self.checksums.next(), self.plan.checksum.algorithm) {
                (Some(chosen), Some(named)) if chosen.algorithm != named => Some(format!(
                    "the server does not check {} checksums: {} is used instead",
                    named.name(),
                    chosen.algorithm.name()
                )),
                (Some(_), _) => None,
                (None, _) if self.capabilities.is_none() => {
                    Some("the server does not say whether it checks checksums: none are sent".to_owned())
                }
                (None, _) => Some("the server does not check checksums: none are sent".to_owned()),
            };
            if let Some(text) = text {
                self.warn(Warning::new(WarningKind::ChecksumsNotChecked, text));
            }
        }
        self.size_for_checksums();
        Ok(())
    }

    /// What checksums ask of the size of chunks.
    pub(super) fn size_for_checksums(&mut self) {
        match self.checksums.next() {
            Some(checksum) if checksum.form == Form::Header => self.sizer.digested(),
            Some(_) => self.sizer.checked(),
            None => {}
        }
    }

    /// The server refused the caller's credentials: whether others may be tried, which is once until
    /// the same kind of request succeeds.
    pub(super) fn may_authenticate(&mut self, exchange: &Exchange, answer: &Answer) -> bool {
        let asked = answer.status == 401 && exchange.trusted && self.plan.can_authenticate;
        asked && self.authenticated.replace(exchange.purpose).is_none()
    }

    /// Tells a new expiry: last of all a step has to tell, for before it comes the upload it is of.
    pub(super) fn tell_expiry(&mut self) {
        if self.expires != self.told_expiry {
            self.told_expiry = self.expires;
            self.notices.extend(self.expires.map(Notice::Expires));
        }
    }

    /// The server has acknowledged `at`: whether the upload can be complete before it expires (T-082).
    pub(super) fn watch_expiry(&mut self, at: u64) {
        let (since, from) = *self.pace.get_or_insert((self.now, at));
        let (Some(expires), Some(size)) = (self.expires, self.size) else { return };
        let (took, sent) = (self.now - since, at.saturating_sub(from));
        if at >= size || sent == 0 || self.warned_expiry == Some(expires) {
            return;
        }
        let needed = took.as_secs_f64() * (size - at) as f64 / sent as f64;
        if expires.saturating_sub(self.wall) as f64 <= needed {
            self.warned_expiry = Some(expires);
            self.notices.push(Notice::Expiring(expires));
        }
    }

    pub(super) fn request(&self, purpose: Purpose, method: Method, url: &AbsoluteUrl) -> Request {
        let url = self.moved.resolve(url).clone();
        let mut request = Request::new(purpose, method, url, &self.plan.trusted);
        request.exchange.pointed_by = self.plan.pointed.by(request.exchange.url.origin()).to_vec();
        let first_answer = self.plan.first_answer.filter(|_| !self.heard);
        request.exchange.answer_by = first_answer.map(|limit| self.unheard_since + limit);
        request.exchange.fresh_connection =
            self.fresh_data_connections && matches!(method, Method::Patch | Method::Post);
        request
    }

    /// Tells the caller something that is no failure: a text, or a [`Warning`] with its kind.
    pub(super) fn warn(&mut self, warning: impl Into<Warning>) {
        self.notices.push(Notice::Warning(warning.into()));
    }

    /// A server at `by` has given a URL of `origin`.
    pub(super) fn point(&mut self, origin: &Origin, by: &Origin) {
        let named = self.plan.goal.upload_url().is_some_and(|url| url.origin() == origin);
        if !named && !self.plan.trusted.contains(origin) {
            self.plan.pointed.add(origin, by);
        }
    }

    /// An upload was created where the caller's headers do not go.
    pub(super) fn warn_of_origin(&mut self, url: &AbsoluteUrl) {
        let text = format!("the upload lies on another origin, {}: credentials are not sent there", url.origin());
        self.warn(Warning::new(WarningKind::OtherOrigin, text).about(url));
    }

    /// Reads what any answer may carry: version, expiry, the server's clock.
    pub(super) fn note_answer(&mut self, exchange: &Exchange, answer: &Answer, wall: u64) -> Result<(), Error> {
        self.heard = true;
        self.wall = answer.headers.get("Date").and_then(parse_http_date).unwrap_or(wall);
        if answer.is_success() && !answer.is_foreign() {
            self.missing = 0;
        }
        if let Some(expires) = answer.headers.get("Upload-Expires").and_then(parse_http_date) {
            self.expires = Some(expires);
        }
        if answer.is_success() && self.authenticated == Some(exchange.purpose) {
            self.authenticated = None;
        }
        if exchange.purpose == Purpose::Discover || !answer.is_success() {
            return Ok(());
        }
        let versions: Vec<&str> = answer.headers.list("Tus-Resumable").collect();
        match versions.as_slice() {
            [] => {
                // T-003: proxies strip it; say so once.
                if !self.warned_version {
                    self.warned_version = true;
                    let text = "the server's answers carry no Tus-Resumable";
                    self.warn(Warning::new(WarningKind::NoTusResumable, text));
                }
                Ok(())
            }
            // More than one is the same one twice, put together by a proxy.
            versions if versions.iter().all(|version| *version == VERSION) => Ok(()),
            versions => {
                let versions = answer.quote(&versions.join(", "));
                let what = format!("the server answered in tus version {versions}, this is {VERSION}");
                Err(fail(ErrorKind::Version, what, exchange, Some(answer)))
            }
        }
    }

    /// T-034: the acknowledged offset grew beyond what it ever was: trying has been worth it, all budgets are fresh.
    pub(super) fn progressed(&mut self) {
        self.tries = 0;
        self.mismatches = 0;
        self.lock_pauses = 0;
        self.lock_since = None;
        self.conflicts = 0;
        self.conflict_at = None;
        self.missing = 0;
        self.regressions = 0;
        self.interrupted = false;
        self.stale_forgiven = false;
        self.fresh_data_connections = false;
    }

    /// A redirect that cannot be followed and is nobody's word for good: what `then` makes is tried after a wait.
    pub(super) fn astray(&mut self, exchange: &Exchange, answer: Answer, then: State) -> State {
        let error = broke_rule(BrokenRule::BadRedirect, exchange, &answer).with_retryable(true);
        self.retry(Retry { error, budget: Budget::Tries, answer: Some(answer), then })
    }

    /// A try that the table says may be repeated, after an answer.
    pub(super) fn again(&mut self, budget: Budget, exchange: &Exchange, answer: Answer, then: State) -> State {
        let kind = match budget {
            Budget::Lock => ErrorKind::Locked,
            Budget::Tries if answer.is_success() => ErrorKind::Protocol(BrokenRule::NotTus),
            Budget::Tries | Budget::Busy => ErrorKind::HttpStatus,
        };
        let error = refused(kind, exchange, &answer);
        self.hold_back_others(exchange, &answer);
        self.retry(Retry { error, budget, answer: Some(answer), then })
    }

    /// The server is too busy: that holds for the requests of all sessions (T-140).
    pub(super) fn hold_back_others(&mut self, exchange: &Exchange, answer: &Answer) {
        if react(exchange.purpose, answer) == Reaction::Again(Budget::Busy)
            && let Some(delay) = self.asked_delay(answer)
            && delay <= self.plan.retry.max_retry_after
        {
            self.notices.push(Notice::HoldBack { origin: exchange.url.origin().clone(), delay });
        }
    }

    /// Charges a failed try and goes on to the wait before the next one, or ends.
    pub(super) fn retry(&mut self, retry: Retry) -> State {
        let Retry { error, budget, answer, then } = retry;
        let asked = answer.as_ref().and_then(|answer| self.asked_delay(answer));
        let (delay, why, attempt) = match (budget, asked) {
            (Budget::Tries | Budget::Busy, asked) => {
                self.tries += 1;
                if self.tries > self.plan.retry.max_retries {
                    return Finished::error(error);
                }
                let backoff = self.plan.retry.backoff(self.tries, &mut self.random);
                if self.is_dead(asked.unwrap_or(backoff)) {
                    return Finished::error(error.because("the server has not answered at all"));
                }
                let why = if asked.is_some() { WaitReason::RetryAfter } else { WaitReason::Backoff };
                (asked.unwrap_or(backoff), why, self.tries)
            }
            (Budget::Lock, asked) => {
                self.lock_pauses += 1;
                let pause = self.plan.retry.backoff(self.lock_pauses, &mut self.random).min(LOCK_PAUSE_MAX);
                let delay = asked.unwrap_or(pause).max(LOCK_PAUSE_MIN);
                // The time counts, not the sum of our pauses: some servers let the request itself wait for the lock.
                let since = *self.lock_since.get_or_insert(self.now);
                if self.now + delay - since > self.plan.retry.lock_budget {
                    return Finished::error(error);
                }
                (delay, WaitReason::Lock, self.lock_pauses)
            }
        };
        if self.is_too_late(delay) {
            return Finished::error(too_late(error));
        }
        if delay > self.plan.retry.max_retry_after && asked.is_some() {
            let limit = self.plan.retry.max_retry_after.as_secs();
            return Finished::error(
                error.because(format!("the server asks to wait {} s, more than {limit} s", delay.as_secs())),
            );
        }
        State::Deciding(Deciding { question: Question { error, attempt, delay, why }, then: Box::new(then) })
    }

    /// What `Retry-After` asks for, in both forms (T-140); a date in the past is no wait at all.
    fn asked_delay(&self, answer: &Answer) -> Option<Duration> {
        Some(match parse_retry_after(answer.headers.get("Retry-After")?)? {
            RetryAfter::Delay(delay) => delay,
            RetryAfter::Until(date) => Duration::from_secs(date.saturating_sub(self.wall)),
        })
    }

    /// Whether the deadline would pass before a wait is over.
    fn is_too_late(&self, delay: Duration) -> bool {
        self.plan.deadline.is_some_and(|deadline| self.now + delay >= deadline)
    }

    /// Whether a server that has never answered is not worth another try after this delay.
    fn is_dead(&self, delay: Duration) -> bool {
        let limit = self.plan.first_answer.filter(|_| !self.heard);
        // The last try needs time as well.
        limit.is_some_and(|limit| self.now + delay >= self.unheard_since + limit * 4 / 5)
    }

    /// The request of `then` may not be made before `until`.
    pub(super) fn hold_back(&mut self, until: Instant, exchange: &Exchange, then: State) -> State {
        let delay = until - self.now;
        if delay.is_zero() {
            return then;
        }
        if self.is_too_late(delay) {
            let what = "the server asked for no requests until after the operation's deadline";
            return Finished::error(fail(ErrorKind::Timeout(TimeLimit::Total), what, exchange, None));
        }
        self.unheard_since = until;
        State::Waiting(Waiting { until, why: WaitReason::RetryAfter, then: Box::new(then) })
    }

    /// The wait the caller agreed to, which may be another one than was proposed.
    pub(super) fn wait(&mut self, delay: Duration, question: Question, then: State) -> State {
        let why = question.why;
        let delay = if why == WaitReason::Lock { delay.max(LOCK_PAUSE_MIN) } else { delay };
        if self.is_too_late(delay) {
            return Finished::error(too_late(question.error));
        }
        self.notices.push(Notice::Retrying);
        if delay > question.delay {
            // The caller wants to wait longer: what follows is another beginning.
            self.unheard_since = self.now + delay;
        }
        if delay.is_zero() {
            return then;
        }
        State::Waiting(Waiting { until: self.now + delay, why, then: Box::new(then) })
    }

    /// A 409 to data at an offset that the server had stated (T-027). The first one is looked into at once. If HEAD states
    /// the same offset again and the answer is 409 again, it is a lock.
    pub(super) fn conflict(&mut self, at: Proven, exchange: &Exchange, answer: Answer, then: State) -> State {
        let error = refused(ErrorKind::OffsetConflict, exchange, &answer);
        if self.conflict_at.replace(at) == Some(at) {
            let error = error.because("the server refuses the offset that it states itself: the upload may be locked");
            return self.retry(Retry { error, budget: Budget::Lock, answer: Some(answer), then });
        }
        self.conflicts += 1;
        if self.conflicts > MAX_CONFLICTS {
            return Finished::error(error);
        }
        then
    }

    /// The data arrived damaged, the server says: sent again at once, but not for ever (T-092).
    pub(super) fn mismatch(&mut self, error: Error, then: State) -> State {
        self.mismatches += 1;
        if self.mismatches >= MAX_MISMATCHES || self.mismatches > self.plan.retry.max_retries {
            return Finished::error(error);
        }
        let question = Question { error, attempt: self.mismatches, delay: Duration::ZERO, why: WaitReason::Backoff };
        State::Deciding(Deciding { question, then: Box::new(then) })
    }

    /// A final upload is not put together yet: waits before the next look, as long as a lock would be waited for.
    pub(super) fn await_assembly(&mut self, error: Error, then: State) -> State {
        self.lock_pauses += 1;
        let pause = self.plan.retry.backoff(self.lock_pauses, &mut self.random).min(LOCK_PAUSE_MAX) / 4;
        let pause = pause.max(LOCK_PAUSE_MIN);
        let since = *self.lock_since.get_or_insert(self.now);
        if self.is_too_late(pause) {
            return Finished::error(too_late(error));
        }
        if self.now + pause - since > self.plan.retry.lock_budget {
            return Finished::error(error);
        }
        State::Waiting(Waiting { until: self.now + pause, why: WaitReason::Assembly, then: Box::new(then) })
    }

    /// A PATCH that the server says was interrupted by ourselves: believed once between two steps of progress.
    pub(super) fn believe_interruption(&mut self) -> bool {
        !std::mem::replace(&mut self.interrupted, true)
    }

    /// A request that broke: what `then` makes is tried after a wait, or at once if nobody is to blame.
    pub(super) fn broken(
        &mut self,
        broken: Broken,
        exchange: &Exchange,
        then: impl FnOnce(&mut Core) -> State,
    ) -> State {
        if broken.kind == BrokenKind::Paused {
            self.unheard_since = self.now;
            return then(self);
        }
        // First: a connection that died makes the next requests with data use new ones.
        let forgiven = self.forgive_stale(&broken, exchange.method);
        let worth_it = is_worth_retrying(broken.kind);
        // T-154: an answer there was, and the next one will be no better; each POST may have made an upload.
        let made_one = broken.kind == BrokenKind::NotHttp && exchange.meaning() == Method::Post;
        let error = broke(broken, exchange);
        if made_one {
            return Finished::error(error.because("the server may have made an upload, so it is not asked again"));
        }
        if !worth_it {
            return Finished::error(error);
        }
        let then = then(self);
        if forgiven { then } else { self.retry(Retry { error, budget: Budget::Tries, answer: None, then }) }
    }

    /// A connection that may have died before it was used again: forgiven once, if the server cannot have acted on what
    /// is repeated. Whatever it was, the next request that is not free to repeat goes over a new connection.
    fn forgive_stale(&mut self, broken: &Broken, method: Method) -> bool {
        if !broken.stale_connection {
            return false;
        }
        self.fresh_data_connections = true;
        let harmless = broken.never_sent || matches!(method, Method::Head | Method::Options);
        harmless && !std::mem::replace(&mut self.stale_forgiven, true)
    }

    /// Something that may not be the tus server says that there is no such upload: whether that is asked about again
    /// before it is believed (T-083).
    pub(super) fn doubts_missing(&mut self) -> bool {
        self.missing += 1;
        self.missing <= MAX_MISSING
    }

    /// The upload is gone: `false` once it has vanished too often (T-083). Where no tus server has said so, it is kept in
    /// mind until the server has made another one, and so has shown itself.
    pub(super) fn may_restart(&mut self, gone: &AbsoluteUrl, certain: bool) -> bool {
        if self.restarts == MAX_RESTARTS {
            return false;
        }
        self.restarts += 1;
        self.begins_anew();
        if certain {
            self.notices.push(Notice::Gone(gone.clone()));
        } else {
            // What answered here may be wrong about it for as long as it likes: the next one has all its tries.
            self.tries = 0;
            self.notices.push(Notice::Abandoned(gone.clone()));
            self.left = Some(gone.clone());
        }
        true
    }

    /// The server has made an upload: what it did not show before is gone.
    pub(super) fn created(&mut self, url: &AbsoluteUrl) {
        self.notices.extend(self.left.take().map(Notice::Gone));
        self.notices.push(Notice::UploadUrl(url.clone()));
    }

    /// What was learned of an upload does not hold for the next one.
    pub(super) fn begins_anew(&mut self) {
        self.began_anew = true;
        self.missing = 0;
        self.expires = None;
        self.pace = None;
    }

    /// The offset went back: `false` once it has too often (T-028).
    pub(super) fn may_regress(&mut self, from: u64, to: u64) -> bool {
        self.regressions += 1;
        self.warn(format!("the server's offset went back from {from} to {to}"));
        self.notices.push(Notice::WentBack(to));
        self.regressions <= MAX_REGRESSIONS
    }
}

/// There is no time for another try: that is what ended the operation, and this is what it was waiting for.
fn too_late(error: Error) -> Error {
    error
        .as_kind(ErrorKind::Timeout(TimeLimit::Total))
        .because("the next try would come after the operation's deadline")
}

/// For the exhaustive model, which has to see whether two sessions will go on alike.
#[cfg(test)]
impl Core {
    /// Counts all times from `now`, as if what has happened had taken none, and begins chance anew: neither is of
    /// interest by itself.
    pub(super) fn settle(&mut self, now: Instant) {
        // When the upload expires is no part of the model, nor is when a server counts as dead.
        assert!(self.expires.is_none() && self.plan.first_answer.is_none());
        let past = self.now - now;
        let back = |at: &mut Instant| *at = Instant(at.0.saturating_sub(u64::try_from(past.as_micros()).unwrap()));
        self.lock_since.iter_mut().for_each(back);
        self.plan.deadline.iter_mut().for_each(back);
        self.now = now;
        self.random = fastrand::Rng::with_seed(self.plan.seed);
    }

    /// What it depends on how a session that is settled goes on.
    pub(super) fn changing(&self) -> impl std::fmt::Debug {
        #[rustfmt::skip]
        let Core {
            plan, capabilities, size, reads_ahead, checksums, sizer, looked_ahead, moved, left,
            tries, lock_pauses, lock_since, conflicts, conflict_at, restarts, missing, regressions, mismatches,
            interrupted, stale_forgiven, warned_version, warned_location, fresh_data_connections,
            asked, knows_previous, authenticated,
            // Settled, or read by nothing that is left to come.
            notices: _, now: _, wall: _, random: _, unheard_since: _, heard: _, began_anew: _,
            expires: _, told_expiry: _, warned_expiry: _, pace: _,
        } = self;
        (
            (
                plan.deadline,
                &plan.pointed,
                capabilities,
                size,
                reads_ahead,
                checksums,
                sizer,
                looked_ahead,
                moved,
                left,
            ),
            (tries, lock_pauses, lock_since, conflicts, conflict_at, restarts, missing, regressions, mismatches),
            (interrupted, stale_forgiven, warned_version, warned_location, fresh_data_connections),
            (asked, knows_previous, authenticated),
        )
    }
}
