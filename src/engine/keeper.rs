//! Keeps what a later run needs to go on with an upload: in the store, if there is one, and as a token for the caller.
//!
//! It is told what happens by the driver and never stops an upload: a store that fails is a warning (T-052).

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::clock;
use super::hooks::{HookResult, OnResumeToken};
use super::log::{Level, Log};
use super::meter::Gauge;
use crate::cancel::{Cancel, Slept};
use crate::error::Error;
use crate::fingerprint::PrefixHasher;
use crate::protocol::answer::Answer;
use crate::protocol::date::parse_http_date;
use crate::protocol::url::AbsoluteUrl;
use crate::source::Bytes;
use crate::store::{Claim, Prefix, Record, Store};

/// Between two notes of how far an upload is: what a crash may cost is asked of the server anyway.
const WRITE_INTERVAL: Duration = Duration::from_secs(1);
/// How long the end of an operation that was not cancelled waits for the digest of what has been sent: where the network
/// is faster than the digest, what is not covered by it could not be trusted later.
const DIGEST_PATIENCE: Duration = Duration::from_secs(2);
const DIGEST_LOOK: Duration = Duration::from_millis(1);

/// The memory of one upload.
pub(super) struct Keeper {
    place: Option<Place>,
    log: Log,
    on_token: Option<OnResumeToken>,
    /// What the next record says of the source.
    blank: Record,
    /// The source once more, for its digest; `None` where that is not wanted.
    shared: Mutex<Option<Box<dyn Bytes>>>,
    state: Mutex<State>,
}

/// A place in a store.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) store: Arc<dyn Store>,
    pub(super) key: String,
}

#[derive(Default)]
struct State {
    record: Option<Record>,
    claim: Option<Claim>,
    hasher: Option<PrefixHasher>,
    clock_skew: i64,
    /// Acknowledged bytes of each part.
    offsets: Vec<u64>,
    written: Option<Instant>,
    told: Option<String>,
    complained: bool,
}

/// One upload's view of its keeper: the whole, or one part of a parallel one.
#[derive(Clone)]
pub(super) struct Keep {
    pub(super) keeper: Arc<Keeper>,
    pub(super) part: Option<usize>,
}

impl Keeper {
    /// `blank` is a record with everything but the upload.
    pub(super) fn new(
        place: Option<Place>,
        log: Log,
        on_token: Option<OnResumeToken>,
        blank: Record,
        shared: Option<Box<dyn Bytes>>,
    ) -> Keeper {
        Keeper { place, log, on_token, blank, shared: Mutex::new(shared), state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Whatever broke off while this was held, a record is replaced as a whole or not at all.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a later run can learn of the upload.
    pub(super) fn is_lasting(&self) -> bool {
        self.place.is_some() || self.on_token.is_some()
    }

    /// Goes on with an upload of an earlier run.
    pub(super) fn adopt(&self, record: Record, claim: Option<Claim>) {
        let mut state = self.state();
        state.clock_skew = record.clock_skew;
        state.offsets = vec![0; record.parts.len()];
        state.record = Some(record);
        state.claim = claim;
        self.start_hashing(&mut state);
    }

    /// An upload in these parts is about to be created.
    pub(super) fn plan_parts(&self, record: Record) {
        let mut state = self.state();
        state.offsets = vec![0; record.parts.len()];
        state.record = Some(record);
    }

    /// A record of this source without an upload yet.
    pub(super) fn blank(&self) -> Record {
        self.blank.clone()
    }

    /// The parts as they are known.
    pub(super) fn parts(&self) -> Vec<crate::store::PartRecord> {
        self.state().record.as_ref().map(|record| record.parts.clone()).unwrap_or_default()
    }

    /// Any answer: what it says of the server's clock.
    pub(super) fn heard(&self, answer: &Answer, wall: u64) {
        if let Some(date) = answer.headers.get("Date").and_then(parse_http_date) {
            self.state().clock_skew = date.saturating_sub(wall) as i64 - wall.saturating_sub(date) as i64;
        }
    }

    /// The token as of now.
    pub(super) fn token(&self) -> Option<String> {
        self.state().record.as_ref().filter(|record| !record.url.is_empty()).map(Record::to_token)
    }

    /// Tells the caller the token if it is a new one.
    pub(super) fn tell_token(&self, gauge: &Gauge) -> HookResult {
        let Some(hook) = &self.on_token else { return Ok(()) };
        let token = {
            let mut state = self.state();
            // What changes with every chunk is no reason of its own.
            let stable = |record: &Record| Record { offset: 0, content: None, ..record.clone() }.to_token();
            let Some(record) = state.record.as_ref().filter(|record| !record.url.is_empty()) else { return Ok(()) };
            let (identity, token) = (stable(record), record.to_token());
            if state.told.replace(identity.clone()) == Some(identity) {
                return Ok(());
            }
            token
        };
        let _gate = gauge.gate();
        hook(&token)
    }

    /// The operation is over and the upload is not: notes how far it is.
    pub(super) fn interrupted(&self, cancel: &Cancel) {
        let sent = self.state().record.as_ref().map_or(0, |record| record.offset);
        let until = Instant::now() + DIGEST_PATIENCE;
        while let Some(so_far) = self.hashed()
            && so_far < sent
            && Instant::now() < until
            && cancel.sleep(DIGEST_LOOK, None, || ControlFlow::Continue(())) == Slept::Whole
        {}
        let mut state = self.state();
        self.write(&mut state);
        state.hasher = None;
        state.claim = None;
    }

    /// How many bytes the hasher has come to, while it is at work.
    fn hashed(&self) -> Option<u64> {
        let state = self.state();
        let hasher = state.hasher.as_ref().filter(|hasher| !hasher.is_done())?;
        Some(hasher.so_far().map_or(0, |prefix| prefix.length))
    }

    /// The upload is complete, or of no use to anyone: forgets it.
    pub(super) fn forget(&self) {
        let mut state = self.state();
        state.hasher = None;
        if let Some(record) = state.record.take() {
            self.remove(&mut state, &record.url);
        }
        state.claim = None;
    }

    fn remove(&self, state: &mut State, url: &str) {
        if let Some(place) = self.place.as_ref().filter(|_| !url.is_empty())
            && let Err(error) = place.store.remove(&place.key, url)
        {
            self.complain(state, "cannot be removed from the store", &error);
        }
    }

    fn write(&self, state: &mut State) {
        let prefix = state.hasher.as_ref().and_then(PrefixHasher::so_far);
        let Some(record) = state.record.as_mut().filter(|record| !record.url.is_empty()) else { return };
        record.clock_skew = state.clock_skew;
        if let Some(prefix) = prefix {
            note_digest(record, prefix);
        }
        let Some(place) = &self.place else { return };
        let written = place.store.put(&place.key, &record.url, &record.to_bytes());
        state.written = Some(Instant::now());
        if let Err(error) = written {
            self.complain(state, "cannot be kept in the store", &error);
        }
    }

    fn complain(&self, state: &mut State, what: &str, error: &Error) {
        // Once: every chunk would have the same to say.
        if !std::mem::replace(&mut state.complained, true) {
            self.log.write(Level::Warn, || format!("the upload's URL {what}: {}", error.full_message()));
        }
    }

    fn start_hashing(&self, state: &mut State) {
        let shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(shared) = shared {
            // Without the thread a changed file is told by its identity alone.
            state.hasher = PrefixHasher::start(shared).ok();
        }
    }
}

impl Keep {
    /// The upload (or part) has this URL; kept before its first byte goes out (T-052).
    pub(super) fn created(&self, url: &AbsoluteUrl) {
        let keeper = &*self.keeper;
        let mut state = keeper.state();
        let first = match self.part {
            None => {
                let created = clock::wall();
                state.record = Some(Record { url: url.as_str().to_owned(), created, ..keeper.blank.clone() });
                true
            }
            Some(part) => {
                let Some(record) = &mut state.record else { return };
                if let Some(part) = record.parts.get_mut(part) {
                    part.url = url.as_str().to_owned();
                }
                let first = record.url.is_empty();
                if first {
                    record.url = url.as_str().to_owned();
                    record.created = clock::wall();
                }
                first
            }
        };
        if first && let Some(place) = &keeper.place {
            let name = state.record.as_ref().map(|record| record.url.clone()).unwrap_or_default();
            // Nobody else can know of it yet.
            state.claim = place.store.claim(&place.key, &name).ok().flatten();
        }
        keeper.write(&mut state);
        if first {
            keeper.start_hashing(&mut state);
        }
    }

    /// The server has acknowledged this much; `done`: all there is.
    pub(super) fn acknowledged(&self, offset: u64, done: bool) {
        let mut state = self.keeper.state();
        let state = &mut *state;
        let Some(record) = &mut state.record else { return };
        record.offset = match self.part {
            None => offset,
            Some(part) => {
                if let Some(slot) = state.offsets.get_mut(part) {
                    *slot = offset;
                }
                state.offsets.iter().sum()
            }
        };
        let due = state.written.is_none_or(|written| written.elapsed() >= WRITE_INTERVAL);
        if due && !(done && self.part.is_none()) {
            self.keeper.write(state);
        }
    }

    /// The server drops the upload at this time.
    pub(super) fn expires(&self, at: u64) {
        let mut state = self.keeper.state();
        let Some(record) = &mut state.record else { return };
        // Of several parts the first to go counts.
        record.expires = Some(record.expires.filter(|_| self.part.is_some()).map_or(at, |before| before.min(at)));
    }

    /// The upload (or part) is gone from the server (T-083).
    pub(super) fn gone(&self, url: &AbsoluteUrl) {
        let mut state = self.keeper.state();
        if let Some(part) = self.part {
            if let Some(part) = state.record.as_mut().and_then(|record| record.parts.get_mut(part)) {
                part.url.clear();
            }
            return;
        }
        state.record = None;
        self.keeper.remove(&mut state, url.as_str());
        state.claim = None;
    }

    /// A new upload takes the place of an earlier one, which is left as it is.
    pub(super) fn abandoned(&self) {
        let mut state = self.keeper.state();
        if let Some(part) = self.part {
            if let Some(part) = state.record.as_mut().and_then(|record| record.parts.get_mut(part)) {
                part.url.clear();
            }
            return;
        }
        state.record = None;
        state.claim = None;
    }
}

/// The digest is that of the source as it is now, and replaces a shorter one.
fn note_digest(record: &mut Record, prefix: Prefix) {
    if record.content.as_ref().is_some_and(|have| have.length >= prefix.length) {
        return;
    }
    if prefix.length == record.size && record.fingerprint.is_none() {
        record.fingerprint = Some(format!("size:{}--sha256:{}", prefix.length, prefix.sha256));
    }
    record.content = Some(prefix);
}
