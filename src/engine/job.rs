//! What one session keeps from its first request to its last, and from one call to the next where the caller drives
//! it chunk by chunk.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::client::concat_kind;
use super::clock::Clock;
use super::control::Control;
use super::driver::{cancelled, stopped_by_callback};
use super::hashing::HashAhead;
use super::hooks::OnUploadUrl;
use super::info::{ConcatKind, Stats};
use super::keeper::Keep;
use super::meter::{Gauge, Meter};
use super::warnings::Warnings;
use crate::cancel::Cancel;
use crate::error::{Error, ErrorKind, Result, TimeLimit};
use crate::protocol::checksum::Checked;
use crate::protocol::headers::Headers;
use crate::protocol::offset::shows_upload;
use crate::protocol::reaction::Purpose;
use crate::protocol::session::Session;
use crate::source::Bytes;
use crate::store::Prefix;
use crate::transport::{Field, Timeouts, Watch};

/// What a record says an upload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Recorded {
    pub(super) length: u64,
    pub(super) concat: ConcatKind,
}

impl Recorded {
    /// Whether the server's answer to HEAD says the same. Nothing that was only read back is removed without that.
    pub(super) fn is_shown_by(self, headers: &Headers) -> bool {
        shows_upload(headers, self.length) && concat_kind(headers) == self.concat
    }
}

/// What the caller says of the requests of one upload, in place of what the client says.
#[derive(Clone, Default)]
pub(super) struct Own {
    pub(super) headers: Arc<[Field]>,
    pub(super) timeouts: Option<Timeouts>,
}

/// How often who waits for something on this machine looks at the clock.
const LOOK: Duration = Duration::from_millis(100);

/// What ends work on this machine (reading, hashing, waiting for a source) beside the cancel flag: the caller's progress
/// function, which is called meanwhile, and the operation's deadline.
#[derive(Clone)]
pub(super) struct Limits {
    watch: Arc<dyn Watch>,
    deadline: Option<Instant>,
}

impl Limits {
    fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= Instant::now())
    }

    /// For a source, which may outlive the operation, whose functions are the caller's to free.
    pub(super) fn for_source(&self) -> impl Fn() -> ControlFlow<()> + Send + Sync + 'static {
        let (watch, deadline) = (Arc::downgrade(&self.watch), self.deadline);
        move || match watch.upgrade() {
            Some(watch) => Limits { watch, deadline }.tick(0),
            None => ControlFlow::Continue(()),
        }
    }
}

impl Watch for Limits {
    fn tick(&self, body_sent: u64) -> ControlFlow<()> {
        if self.is_late() { ControlFlow::Break(()) } else { self.watch.tick(body_sent) }
    }

    fn interval(&self) -> Option<Duration> {
        self.watch.interval().or(self.deadline.map(|_| LOOK))
    }
}

fn late() -> Error {
    Error::new(ErrorKind::Timeout(TimeLimit::Total), "the operation's deadline passed")
}

/// What all sessions of one operation took together: its parts, what puts them together and what clears up after it.
#[derive(Debug, Default)]
pub(super) struct Counts {
    requests: AtomicU64,
    retries: AtomicU64,
}

impl Counts {
    /// Another request goes out.
    pub(super) fn request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// A try that failed is repeated.
    pub(super) fn retry(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }
}

/// One session under way and everything that belongs to it but client and source.
pub(super) struct Job {
    /// Which job this is; one that clears up after another is that one (T-140).
    id: Arc<()>,
    /// `None` before the first step.
    pub(super) session: Option<Session>,
    pub(super) meter: Arc<Meter>,
    pub(super) watch: Arc<dyn Watch>,
    pub(super) cancel: Cancel,
    /// What the caller steers the operation by, if he does.
    pub(super) control: Option<Control>,
    /// How much of the pauses the clock knows of.
    stood: Duration,
    /// What ends a request with data for a pause; used until it is raised.
    pub(super) request: Option<Cancel>,
    /// What ends the creation of a part, instead of what ends its other requests.
    pub(super) creation: Option<Cancel>,
    pub(super) clock: Clock,
    pub(super) stats: Stats,
    /// Shared with the other jobs of the operation.
    pub(super) counts: Arc<Counts>,
    pub(super) warnings: Warnings,
    /// What the caller says of the requests of this upload alone.
    pub(super) own: Own,
    pub(super) hashes: HashAhead,
    pub(super) keeper: Option<Keep>,
    pub(super) on_upload_url: Option<OnUploadUrl>,
    /// How the data acknowledged so far was checked.
    pub(super) checked: Checked,
    /// The source is known not to be what was promised: what is on the server is of no use.
    pub(super) source_spoiled: bool,
    /// The upload was created by this job.
    pub(super) created_here: bool,
    /// What a record said of the upload, as long as it is all that is known of it.
    pub(super) recorded: Option<Recorded>,
    /// How many bytes of the source are proven to be those of the upload; `None` for all.
    pub(super) proven: Option<u64>,
    /// How much was on the server before this job is known.
    pub(super) begun: bool,
    /// Goes on after an error with another session.
    pub(super) lives_on: bool,
    /// The last chunk failed and has not been acknowledged since.
    pub(super) chunk_failed: bool,
    /// Where the furthest chunk so far ended.
    furthest: u64,
    /// Where the chunk began that was repeated last.
    repeated: Option<u64>,
    /// The length of the last chunk.
    chunk: u64,
    /// Nothing beyond this is sent.
    pub(super) stop_at: Option<u64>,
}

impl Job {
    /// A job of an upload that may take `total` altogether.
    pub(super) fn new(meter: Meter, cancel: Cancel, total: Option<Duration>, warnings: Warnings) -> Job {
        let meter = Arc::new(meter);
        Job {
            id: Arc::default(),
            session: None,
            watch: meter.clone(),
            meter,
            cancel,
            control: None,
            stood: Duration::ZERO,
            request: None,
            creation: None,
            clock: Clock::start(total),
            stats: Stats::default(),
            counts: Arc::default(),
            warnings,
            own: Own::default(),
            hashes: HashAhead::new(),
            keeper: None,
            on_upload_url: None,
            checked: Checked::Nothing,
            source_spoiled: false,
            created_here: false,
            recorded: None,
            proven: None,
            begun: false,
            lives_on: false,
            chunk_failed: false,
            furthest: 0,
            repeated: None,
            chunk: 0,
            stop_at: None,
        }
    }

    /// A job without progress or data.
    pub(super) fn bare(cancel: Cancel, total: Option<Duration>, control: Option<Control>, warnings: Warnings) -> Job {
        Job::new(Gauge::new(None, None).meter(None), cancel, total, warnings).under(control)
    }

    /// The same, which obeys a control.
    pub(super) fn under(mut self, control: Option<Control>) -> Job {
        self.stood = control.as_ref().map_or(Duration::ZERO, Control::stood);
        self.control = control;
        self
    }

    /// How long the operation stood still without this job's clock knowing of it.
    pub(super) fn stood_unseen(&self) -> Duration {
        let stood = self.control.as_ref().map_or(Duration::ZERO, Control::stood);
        stood.saturating_sub(self.stood)
    }

    /// Waits while the operation is paused; no time limit runs meanwhile. `kept`: the memory it keeps. Whether it stood still.
    pub(super) fn stand_still(&mut self, kept: u64) -> bool {
        let Some(control) = &self.control else { return false };
        control.stand_still(&self.cancel, kept);
        let unseen = self.stood_unseen();
        self.clock.stretch(unseen);
        self.stood += unseen;
        !unseen.is_zero()
    }

    /// As one step of an operation whose first job this was: with its deadline, its requests' options and its counts.
    pub(super) fn step_of(mut self, whole: &Job) -> Job {
        (self.clock, self.own, self.counts) = (whole.clock, whole.own.clone(), Arc::clone(&whole.counts));
        self.clock.stretch(whole.stood_unseen());
        self
    }

    /// What ends work on this machine, now.
    pub(super) fn limits(&self) -> Limits {
        Limits { watch: self.watch.clone(), deadline: self.clock.steady_deadline() }
    }

    /// Fails if work on this machine is to end.
    pub(super) fn proceed(&self) -> Result<()> {
        if self.cancel.is_set() {
            return Err(cancelled());
        }
        if let Some(code) = self.meter.gauge().stopped() {
            return Err(stopped_by_callback("progress", code));
        }
        if self.limits().is_late() {
            return Err(late());
        }
        Ok(())
    }

    /// Why something of ours ended as cancelled.
    pub(super) fn why_ended(&self, error: Error) -> Error {
        match error.kind() {
            ErrorKind::Cancelled => self.proceed().err().unwrap_or(error),
            _ => error,
        }
    }

    /// Nothing is done for a while: what memory has to be kept where it is to be spared, `spare`. All can be read again that
    /// was hashed.
    pub(super) fn rest(&mut self, source: &mut dyn Bytes, spare: bool, replay: bool) -> u64 {
        if spare {
            self.hashes = HashAhead::new();
            source.rest(self.meter.gauge().progress().confirmed, replay);
        }
        source.memory_kept()
    }

    /// Whether what it makes is only a part of the upload.
    pub(super) fn is_part(&self) -> bool {
        self.keeper.as_ref().is_some_and(|keep| keep.part.is_some())
    }

    /// What ends a request: a cancel, and one with data also a pause.
    pub(super) fn flag_for(&mut self, purpose: Purpose) -> Cancel {
        match (&self.control, purpose) {
            (_, Purpose::Create) if self.creation.is_some() => self.creation.clone().unwrap_or_default(),
            (Some(control), Purpose::Create) => control.plain_flag().child(),
            (Some(control), Purpose::Transfer) => self.pausable_flag(control.clone()),
            _ => self.cancel.clone(),
        }
    }

    fn pausable_flag(&mut self, control: Control) -> Cancel {
        let flag = self.request.take().filter(|flag| !flag.is_set()).unwrap_or_else(|| {
            let flag = self.cancel.child();
            control.pause_ends(&flag);
            flag
        });
        self.request = Some(flag.clone());
        flag
    }

    /// Which job this is, as long as it is there.
    pub(super) fn id(&self) -> &Arc<()> {
        &self.id
    }

    /// What another was told is told to this one, and the caller's functions for the other and for this never overlap.
    /// The warnings of both are one list, and the requests are made alike.
    pub(super) fn instead_of(mut self, other: &Job) -> Job {
        self.id = Arc::clone(&other.id);
        self.warnings = other.warnings.clone();
        self.own = other.own.clone();
        self.counts = Arc::clone(&other.counts);
        self.meter = Arc::new(Gauge::beside(other.meter.gauge()).meter(None));
        self.watch = self.meter.clone();
        self
    }

    /// Goes on under another control.
    pub(super) fn obey(&mut self, cancel: Cancel, control: Option<Control>) {
        self.stood = control.as_ref().map_or(Duration::ZERO, Control::stood);
        (self.cancel, self.control, self.request) = (cancel, control, None);
    }

    pub(super) fn with_on_upload_url(mut self, hook: Option<OnUploadUrl>) -> Job {
        self.on_upload_url = hook;
        self
    }

    /// A chunk is about to be sent.
    pub(super) fn count_chunk(&mut self, start: u64, length: u64) {
        // However often it is repeated, it is one chunk.
        if start < self.furthest && self.repeated.replace(start) != Some(start) {
            self.stats.chunks_retried += 1;
        }
        self.furthest = self.furthest.max(start + length);
        self.chunk = length;
    }

    /// The digest of all the bytes of the source that may have been sent, as they were then.
    pub(super) fn digest_of_sent(&self) -> Option<Prefix> {
        let keep = self.keeper.as_ref()?;
        // Of the other parts is not known how far they are.
        let sent = if keep.part.is_some() { keep.keeper.blank().size } else { self.furthest };
        keep.keeper.digest_of(sent)
    }

    /// Whether the server may have every byte.
    pub(super) fn may_be_complete(&self) -> bool {
        self.meter.total().is_none_or(|total| self.furthest >= total)
    }

    /// The chunk that will probably follow one.
    pub(super) fn expected(&self, start: u64, length: u64) -> Option<(u64, u64)> {
        let total = self.meter.total()?;
        let end = total.min(self.stop_at.unwrap_or(u64::MAX));
        let next = start + length;
        (next < end).then(|| (next, length.min(end - next)))
    }

    /// What it took so far.
    pub(super) fn stats(&self) -> Stats {
        let progress = self.meter.gauge().progress();
        let left = progress.total.map_or(0, |total| total.saturating_sub(progress.confirmed));
        let chunks_left = if left > 0 { left.div_ceil(self.chunk.max(1)) } else { 0 };
        Stats {
            chunks_total: if self.chunk > 0 { self.stats.chunks_completed + chunks_left } else { 0 },
            requests: self.counts.requests.load(Ordering::Relaxed),
            retries: self.counts.retries.load(Ordering::Relaxed),
            started_ms: self.clock.began_ms(),
            elapsed: self.clock.elapsed(),
            bytes_total: progress.total,
            bytes_confirmed: progress.confirmed,
            speed: progress.speed,
            eta: progress.eta,
            ..self.stats
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::log::Log;

    /// Whoever saw the pause: the deadline comes later by its length, once.
    #[test]
    fn the_steps_of_an_operation_share_its_deadline_however_it_was_paused() {
        for seen in [false, true] {
            let control = Control::new();
            let job = || Job::bare(Cancel::new(), None, Some(control.clone()), Warnings::new(Log::none()));
            let mut whole = job();
            whole.clock = Clock::start(Some(Duration::from_secs(60)));
            let before = whole.clock.deadline().unwrap();
            control.pause();
            std::thread::sleep(Duration::from_millis(20));
            control.resume();
            let stood = control.stood();
            if seen {
                whole.stand_still(0);
            }
            let (one, two) = (job().step_of(&whole), job().step_of(&whole));
            let later = before + stood;
            assert_eq!((one.clock.deadline(), two.clock.deadline()), (Some(later), Some(later)), "{seen}");
        }
    }
}
