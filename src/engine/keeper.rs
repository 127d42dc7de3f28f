//! Keeps what a later run needs to go on with an upload: in the store, if there is one, and as a token for the caller.
//!
//! It is told what happens by the driver and never stops an upload: a store that fails is a warning (T-052).

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::clock::{self, Clock};
use super::hooks::{HookResult, OnResumeToken};
use super::meter::Gauge;
use super::warnings::Warnings;
use crate::cancel::{Cancel, Slept};
use crate::error::Error;
use crate::fingerprint::PrefixHasher;
use crate::protocol::answer::Answer;
use crate::protocol::date::parse_http_date;
use crate::protocol::metadata::Metadata;
use crate::protocol::url::AbsoluteUrl;
use crate::source::Bytes;
use crate::store::{Claim, Prefix, Record, Store, TokenKey};
use crate::warning::{Warning, WarningKind};

/// Between two notes of how far an upload is: what a crash may cost is asked of the server anyway.
const WRITE_INTERVAL: Duration = Duration::from_secs(1);
/// How long the end of an operation that was not cancelled waits for the digest of what has been sent: where the network
/// is faster than the digest, what is not covered by it could not be trusted later.
const DIGEST_PATIENCE: Duration = Duration::from_secs(2);
const DIGEST_LOOK: Duration = Duration::from_millis(1);
/// A file that was changed just before proves nothing by its times: its first bytes are to be covered by the digest before
/// they go out, as many as a first chunk has. That takes a few milliseconds.
const FIRST_BYTES: u64 = 16 << 20;
const FIRST_PATIENCE: Duration = Duration::from_millis(50);

/// The memory of one upload.
pub(super) struct Keeper {
    place: Option<Place>,
    warnings: Warnings,
    on_token: Option<OnResumeToken>,
    /// What tokens are signed with.
    token_key: Option<TokenKey>,
    /// What the next record says of the source.
    blank: Record,
    /// What the metadata of `blank` is the digest of, where that is only computed for a token.
    metadata: Option<Metadata>,
    /// The source once more, for its digest; `None` where that is not wanted.
    shared: Mutex<Option<Box<dyn Bytes>>>,
    state: Mutex<State>,
    /// Held while the store is changed, which takes as long as a disk takes: what there is to note is found meanwhile.
    disk: Mutex<Disk>,
}

/// A place in a store.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) store: Arc<dyn Store>,
    pub(super) key: String,
}

#[derive(Default)]
struct Disk {
    /// The last version that was written.
    version: u64,
    claim: Option<Claim>,
}

#[derive(Default)]
struct State {
    record: Option<Box<Record>>,
    /// Grows with each change that is to be noted.
    version: u64,
    hasher: Option<PrefixHasher>,
    clock_skew: i64,
    /// Acknowledged bytes of each part, and when the server drops it.
    offsets: Vec<u64>,
    expiries: Vec<Option<u64>>,
    /// Whether the server may have bytes of an upload (or part) that are not those of the source.
    doubtful: Vec<bool>,
    /// When the server drops the upload that has no record yet: its creation says so before its URL is known.
    expires: Option<u64>,
    /// The record of an upload that is worth one once the server has shown it.
    expected: Option<Box<Record>>,
    /// What was created by this operation, which therefore may remove it.
    made: HashSet<AbsoluteUrl>,
    written: Option<Instant>,
    told: Option<Vec<u8>>,
    complained: bool,
}

/// One upload's view of its keeper: the whole, or one part of a parallel one.
#[derive(Clone)]
pub(super) struct Keep {
    pub(super) keeper: Arc<Keeper>,
    pub(super) part: Option<usize>,
}

impl State {
    /// A part is to be begun again.
    fn lose_part(&mut self, part: usize) {
        if let Some(part) = self.record.as_mut().and_then(|record| record.parts.get_mut(part)) {
            part.url.clear();
        }
        if let Some(expires) = self.expiries.get_mut(part) {
            *expires = None;
        }
    }
}

impl Keeper {
    /// `blank` is a record with everything but the upload.
    pub(super) fn new(
        place: Option<Place>,
        warnings: Warnings,
        on_token: Option<OnResumeToken>,
        token_key: Option<TokenKey>,
        blank: Record,
        metadata: Option<Metadata>,
        shared: Option<Box<dyn Bytes>>,
    ) -> Keeper {
        Keeper {
            place,
            warnings,
            on_token,
            token_key,
            blank,
            metadata,
            shared: Mutex::new(shared),
            state: Mutex::default(),
            disk: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Whatever broke off while this was held, a record is replaced as a whole or not at all.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a later run can learn of the upload.
    pub(super) fn is_lasting(&self) -> bool {
        self.place.is_some() || self.on_token.is_some()
    }

    /// Goes on with an upload of an earlier run. Only if all of the source is `proven` to be what was sent then does the
    /// record speak of the source as it is now from the beginning; else once the server has said that it has no more.
    pub(super) fn adopt(&self, record: Record, claim: Option<Claim>, proven: Option<u64>) {
        let mut state = self.state();
        state.clock_skew = record.clock_skew;
        state.offsets = vec![0; record.parts.len()];
        state.expiries = vec![record.expires; record.parts.len()];
        state.doubtful = vec![proven.is_some(); record.parts.len().max(1)];
        state.record = Some(Box::new(record));
        self.settle(&mut state);
        drop(state);
        self.disk().claim = claim;
    }

    /// Goes on with an upload of which only the URL is known, and which the server has not shown yet.
    pub(super) fn expect(&self, record: Record) {
        self.state().expected = Some(Box::new(record));
    }

    /// An upload in these parts is about to be created.
    pub(super) fn plan_parts(&self, record: Record) {
        let mut state = self.state();
        state.offsets = vec![0; record.parts.len()];
        state.expiries = vec![None; record.parts.len()];
        state.record = Some(Box::new(record));
    }

    /// A record of this source without an upload yet.
    pub(super) fn blank(&self) -> Record {
        self.blank.clone()
    }

    /// What the server has put together of the parts, as far as an earlier run got.
    pub(super) fn whole(&self) -> Option<AbsoluteUrl> {
        let state = self.state();
        let whole = state.record.as_ref().and_then(|record| record.whole.as_deref())?;
        AbsoluteUrl::parse(whole).ok().map(|(url, _)| url)
    }

    /// The server has put the parts together: from now on they are of no use, whatever becomes of this process.
    pub(super) fn put_together(&self, whole: Option<&AbsoluteUrl>) {
        let mut state = self.state();
        state.made.extend(whole.cloned());
        if let Some(record) = &mut state.record {
            record.whole = whole.map(|url| url.as_str().to_owned());
        }
        self.write(state);
    }

    /// Whether this operation has created an upload, or the whole of its parts.
    pub(super) fn has_made(&self, url: &AbsoluteUrl) -> bool {
        self.state().made.contains(url)
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

    /// The token as of now; none if nothing in it could show the source to be the same.
    pub(super) fn token(&self) -> Option<String> {
        let state = self.state();
        let record = state.record.as_ref().filter(|record| !record.url.is_empty())?;
        let by_name = record.identity.is_none() && record.fingerprint.is_some();
        let provable = (record.identity.is_some() && record.identity_trusted) || record.content.is_some() || by_name;
        let token = |record: &Record| record.to_token(self.token_key.as_ref());
        provable.then(|| match &self.metadata {
            Some(metadata) if record.parts.is_empty() => {
                token(&Record { metadata: metadata.digest(), ..Record::clone(record) })
            }
            _ => token(record),
        })
    }

    /// Tells the caller the token if it is a new one.
    pub(super) fn tell_token(&self, gauge: &Gauge) -> HookResult {
        let Some(hook) = &self.on_token else { return Ok(()) };
        // Held from here on: of two parts, the one with the newer token might be faster to tell it.
        let _gate = gauge.gate();
        let token = {
            let mut state = self.state();
            // What changes with every chunk is no reason of its own, unless nothing but the digest proves the source.
            let stable = |record: &Record| {
                let content = record.content.clone().filter(|_| !record.identity_trusted);
                Record { offset: 0, clock_skew: 0, content, ..record.clone() }.to_bytes()
            };
            let Some(record) = state.record.as_ref().filter(|record| !record.url.is_empty()) else { return Ok(()) };
            let (identity, token) = (stable(record), record.to_token(self.token_key.as_ref()));
            if state.told.replace(identity.clone()) == Some(identity) {
                return Ok(());
            }
            token
        };
        hook(&token)
    }

    /// The digest of what the source began with when all of it was what had been opened, if it reaches so far.
    pub(super) fn digest_of(&self, length: u64) -> Option<Prefix> {
        let prefix = self.state().hasher.as_ref().and_then(PrefixHasher::so_far)?;
        (prefix.length >= length).then_some(prefix)
    }

    /// The operation is over and the upload is not: notes how far it is, and leaves it to others.
    /// `sent` of its bytes may be on the server; there is so much `time` left.
    pub(super) fn interrupted(&self, sent: u64, time: Duration, cancel: &Cancel) {
        let (began, patience) = (Instant::now(), time.min(DIGEST_PATIENCE));
        self.await_digest(sent, patience, cancel);
        let hasher = self.state().hasher.take();
        let left = if cancel.is_set() { Duration::ZERO } else { patience.saturating_sub(began.elapsed()) };
        let prefix = hasher.and_then(|hasher| hasher.stop(left));
        let mut state = self.state();
        if let (Some(record), Some(prefix)) = (&mut state.record, prefix) {
            note_digest(record, prefix);
        }
        self.write(state);
        self.disk().claim = None;
    }

    /// A call has failed and the next one may go on: notes how far it is.
    pub(super) fn paused(&self, sent: u64, time: Duration, cancel: &Cancel) {
        self.await_digest(sent, time.min(DIGEST_PATIENCE), cancel);
        self.write(self.state());
    }

    /// Waits a moment for the digest of what has been sent.
    fn await_digest(&self, sent: u64, patience: Duration, cancel: &Cancel) {
        let until = Instant::now() + patience;
        while let Some(so_far) = self.hashed()
            && so_far < sent
            && Instant::now() < until
            && cancel.sleep(DIGEST_LOOK, None, || ControlFlow::Continue(())) == Slept::Whole
        {}
    }

    /// How many bytes the hasher has come to, while it is at work.
    fn hashed(&self) -> Option<u64> {
        let state = self.state();
        let hasher = state.hasher.as_ref().filter(|hasher| !hasher.is_done())?;
        Some(hasher.so_far().map_or(0, |prefix| prefix.length))
    }

    /// The upload is complete, or of no use to anyone: forgets it.
    pub(super) fn forget(&self) {
        let (hasher, record) = {
            let mut state = self.state();
            (state.hasher.take(), state.record.take())
        };
        drop(hasher);
        self.remove(record.as_ref().map(|record| record.url.as_str()));
    }

    /// Takes an upload of which there is no record any more out of the store.
    fn remove(&self, url: Option<&str>) {
        let mut disk = self.disk();
        if let (Some(place), Some(url)) = (&self.place, url.filter(|url| !url.is_empty()))
            && let Err(error) = place.store.remove(&place.key, url)
        {
            self.complain("cannot be removed from the store", &error);
        }
        disk.claim = None;
    }

    /// Notes what there is to note. Several at a time need one write between them.
    fn write(&self, mut state: MutexGuard<'_, State>) {
        state.version += 1;
        let version = state.version;
        drop(state);
        let mut disk = self.disk();
        if disk.version >= version {
            return;
        }
        let mut state = self.state();
        disk.version = state.version;
        let prefix = state.hasher.as_ref().and_then(PrefixHasher::so_far);
        let clock_skew = state.clock_skew;
        let Some(record) = state.record.as_mut().filter(|record| !record.url.is_empty()) else { return };
        record.clock_skew = clock_skew;
        if let Some(prefix) = prefix {
            note_digest(record, prefix);
        }
        let (url, bytes) = (record.url.clone(), record.to_bytes());
        let Some(place) = &self.place else { return };
        state.written = Some(Instant::now());
        drop(state);
        if disk.claim.is_none() {
            // Nobody else can know of a new one yet; one that cannot be claimed is worked on all the same.
            disk.claim = place.store.claim(&place.key, &url).ok().flatten();
        }
        if let Err(error) = place.store.put(&place.key, &url, &bytes) {
            self.complain("cannot be kept in the store", &error);
        }
    }

    fn complain(&self, what: &str, error: &Error) {
        // Once: every chunk would have the same to say.
        if !std::mem::replace(&mut self.state().complained, true) {
            let text = format!("the upload's URL {what}: {}", error.full_message());
            self.warnings.warn(Warning::new(WarningKind::NotStored, text));
        }
    }

    /// Lets the record speak of the source as it is now, unless the server may have bytes that are not this source's.
    fn settle(&self, state: &mut State) {
        if state.doubtful.contains(&true) {
            return;
        }
        if let Some(record) = &mut state.record {
            record.identity = self.blank.identity;
            record.identity_trusted = self.blank.identity_trusted;
        }
        self.start_hashing(state);
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
    /// What the server has of the upload (or part) is known to be the source's.
    fn prove(&self, state: &mut State) {
        if let Some(doubtful) = state.doubtful.get_mut(self.part.unwrap_or(0)) {
            *doubtful = false;
        }
        self.keeper.settle(state);
    }

    /// The upload (or part) has this URL; kept before its first byte goes out (T-052). `clock` is the operation's.
    pub(super) fn created(&self, url: &AbsoluteUrl, clock: Clock, cancel: &Cancel) {
        let keeper = &*self.keeper;
        let mut state = keeper.state();
        let first = state.hasher.is_none();
        state.made.insert(url.clone());
        match self.part {
            None => {
                let (created, expires) = (clock::wall(), state.expires.take());
                let url = url.as_str().to_owned();
                state.record = Some(Box::new(Record { url, created, expires, ..keeper.blank.clone() }));
            }
            Some(part) => {
                let Some(record) = &mut state.record else { return };
                if let Some(part) = record.parts.get_mut(part) {
                    part.url = url.as_str().to_owned();
                }
                if record.url.is_empty() {
                    record.url = url.as_str().to_owned();
                    record.created = clock::wall();
                }
            }
        }
        self.prove(&mut state);
        keeper.write(state);
        let left = clock.left();
        if first && !keeper.blank.identity_trusted && !left.is_zero() {
            let bytes = keeper.blank.size.min(FIRST_BYTES);
            keeper.await_digest(bytes, FIRST_PATIENCE.min(left), cancel);
            keeper.write(keeper.state());
        }
    }

    /// The server has acknowledged this much; `done`: all there is.
    pub(super) fn acknowledged(&self, offset: u64, done: bool) {
        let mut guard = self.keeper.state();
        let state = &mut *guard;
        if let Some(expected) = state.expected.take() {
            let expires = state.expires.take();
            state.record = Some(Box::new(Record { expires, ..*expected }));
        }
        self.prove(state);
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
        let mut due = state.written.is_none_or(|written| written.elapsed() >= WRITE_INTERVAL);
        if !record.identity_trusted
            && let Some(prefix) = state.hasher.as_ref().and_then(PrefixHasher::so_far)
        {
            // Nothing else proves the source. The digest grows a few times a second.
            due |= note_digest(record, prefix);
        }
        if due && !(done && self.part.is_none()) {
            self.keeper.write(guard);
        }
    }

    /// The server drops the upload at this time.
    pub(super) fn expires(&self, at: u64) {
        let mut state = self.keeper.state();
        let state = &mut *state;
        match (&mut state.record, self.part) {
            (Some(record), None) => record.expires = Some(at),
            (Some(record), Some(part)) => {
                if let Some(slot) = state.expiries.get_mut(part) {
                    *slot = Some(at);
                }
                // Of several parts the first to go counts.
                record.expires = state.expiries.iter().copied().flatten().min();
            }
            (None, _) => state.expires = Some(at),
        }
    }

    /// The upload (or part) is gone from the server (T-083).
    pub(super) fn gone(&self, url: &AbsoluteUrl) {
        let mut state = self.keeper.state();
        if let Some(part) = self.part {
            state.lose_part(part);
            return;
        }
        state.record = None;
        drop(state);
        self.keeper.remove(Some(url.as_str()));
    }

    /// A new upload takes the place of an earlier one, which is left as it is.
    pub(super) fn abandoned(&self) {
        let mut state = self.keeper.state();
        if let Some(part) = self.part {
            state.lose_part(part);
            return;
        }
        state.record = None;
        state.doubtful.clear();
        drop(state);
        self.keeper.disk().claim = None;
    }
}

/// The digest is that of the source as it is now, and replaces a shorter one; whether it does.
fn note_digest(record: &mut Record, prefix: Prefix) -> bool {
    if record.content.as_ref().is_some_and(|have| have.length >= prefix.length) {
        return false;
    }
    if prefix.length == record.size && record.fingerprint.is_none() {
        record.fingerprint = Some(format!("size:{}--sha256:{}", prefix.length, prefix.sha256));
    }
    record.content = Some(prefix);
    true
}
