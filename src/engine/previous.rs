//! Finds the upload of an earlier run that a source belongs to, and never takes one for another.
//!
//! The store is asked for uploads of the source's size at the client's endpoint. Only if it has some is anything of the
//! source read: a first upload costs nothing. Whether one of them is of this source is told, in this order,
//!
//! 1. by the file's identity (device, inode, times of change and size), which costs nothing; unless the file had been
//!    changed so shortly before that its times prove nothing, or the caller wants it verified;
//! 2. by the fingerprint the caller has chosen, and then by the digest of the bytes that were sent, which an upload
//!    notes while it runs. How far that digest reaches is how much of the upload can be trusted: a server that has
//!    more is not continued.

use std::collections::HashSet;
use std::fmt;
use std::ops::ControlFlow;
use std::time::Duration;

use super::client::{Client, names};
use super::clock;
use super::config::Config;
use super::driver::cancelled;
use super::info::PreviousUpload;
use super::job::Job;
use super::keeper::Place;
use super::log::Level;
use super::options::UploadOptions;
use crate::cancel::{Cancel, Slept};
use crate::error::{Error, ErrorKind, Result};
use crate::fingerprint::{self, Fingerprinter};
use crate::protocol::metadata::Metadata;
use crate::protocol::session::concatenation;
use crate::protocol::url::AbsoluteUrl;
use crate::source::Bytes;
use crate::store::{self, Claim, Prefix, Record};
use crate::transport::Watch as _;
use crate::warning::{Warning, WarningKind};

/// How long another process that works on an upload is waited for. One that is ending needs a moment; one that is busy
/// is left alone, and the upload begins anew.
const CLAIM_PATIENCE: Duration = Duration::from_secs(1);
const CLAIM_LOOK: Duration = Duration::from_millis(20);

/// An upload to go on with.
pub(super) struct Candidate {
    pub(super) record: Record,
    /// How many bytes of the source are known to be what was sent; `None` for all.
    pub(super) proven: Option<u64>,
    pub(super) claim: Option<Claim>,
}

/// The metadata an upload is to have, as records tell it (T-155): other metadata is another upload.
pub(super) struct Wanted {
    pub(super) alone: Option<String>,
    /// Of an upload in parts, whose parts have metadata too.
    pub(super) in_parts: Option<String>,
    /// Of one that was made elsewhere, which a name the library adds is not part of.
    pub(super) named: Option<String>,
}

impl Wanted {
    pub(super) fn of(config: &Config, options: &UploadOptions) -> Result<Wanted> {
        let whole = options.encoded_metadata(config.metadata_encoding)?;
        let alone = whole.digest();
        let parts = config.partial_metadata()?.digest();
        let in_parts = match (&alone, parts) {
            (_, None) => alone.clone(),
            (whole, Some(parts)) => {
                let mut both = Metadata::new();
                both.set("parts", parts)?;
                both.set("whole", whole.clone().unwrap_or_default())?;
                both.digest()
            }
        };
        let named = options.callers_metadata(config.metadata_encoding)?.digest();
        Ok(Wanted { alone, in_parts, named })
    }

    fn is_of(&self, record: &Record) -> bool {
        let wanted = match (record.named, record.parts.is_empty()) {
            (true, _) => &self.named,
            (false, true) => &self.alone,
            (false, false) => &self.in_parts,
        };
        record.metadata == *wanted
    }
}

/// What a search needs besides the store.
pub(super) struct Search<'a> {
    pub(super) client: &'a Client,
    pub(super) endpoint: AbsoluteUrl,
    pub(super) source: &'a mut dyn Bytes,
    pub(super) job: &'a Job,
}

impl Search<'_> {
    /// The store is of no help: uploads of earlier runs may not be found.
    fn warn(&self, text: String) {
        self.job.warnings.warn(Warning::new(WarningKind::StoreUnreadable, text));
    }

    fn log(&self, level: Level, line: impl FnOnce() -> String) {
        self.client.config().log.write(level, line);
    }

    fn tick(&self) -> ControlFlow<()> {
        self.job.limits().tick(0)
    }

    fn cancel(&self) -> &Cancel {
        &self.job.cancel
    }

    /// The records at a place that are sound and not expired, the likeliest first. A fault of the store is none at all.
    fn records(&self, place: &Place) -> Vec<Record> {
        let found = match place.store.find(&place.key) {
            Ok(found) => found,
            Err(error) => {
                self.warn(format!("the store cannot be read: {}", error.full_message()));
                return Vec::new();
            }
        };
        for skipped in &found.skipped {
            self.warn(format!("passed over in the store: {skipped}"));
        }
        let now = clock::wall();
        let mut records = Vec::new();
        for bytes in &found.records {
            match Record::from_bytes(bytes) {
                // T-081: it is not even asked for.
                Ok(record) if record.is_expired(now) => {
                    self.log(Level::Info, || "an upload in the store has expired".to_owned());
                    // Whoever works on it knows better.
                    if let Ok(Some(_claim)) = place.store.claim(&place.key, &record.url) {
                        let _ = place.store.remove(&place.key, &record.url);
                    }
                }
                Ok(record) if Some(record.size) == self.source.size() => {
                    match self.client.check_record(&record, &self.endpoint) {
                        Ok(()) => records.push(record),
                        Err(why) => self.warn(format!("passed over in the store: {why}")),
                    }
                }
                Ok(_) => {}
                Err(bad) => self.warn(format!("passed over in the store: {bad}")),
            }
        }
        let identity = self.source.identity();
        records.sort_by_key(|record| {
            let same = record.identity.is_some() && record.identity == identity;
            (std::cmp::Reverse(same), std::cmp::Reverse(record.offset), std::cmp::Reverse(record.created))
        });
        records
    }

    /// The upload to go on with, claimed.
    pub(super) fn best(&mut self, place: &Place, wanted: &Wanted) -> Result<Option<Candidate>> {
        let mut fingerprint = None;
        for record in self.records(place) {
            if !wanted.is_of(&record) {
                self.log(Level::Info, || "an upload in the store has other metadata: leaving it alone".to_owned());
                continue;
            }
            let Some(proven) = self.belongs(&record, &mut fingerprint)? else { continue };
            let Some(claim) = self.claim(place, &record)? else {
                self.log(Level::Info, || "an upload in the store is being worked on: leaving it alone".to_owned());
                continue;
            };
            // It may have been finished or moved on before it was ours.
            let Some(again) = self.records(place).into_iter().find(|again| again.url == record.url) else { continue };
            let proven = if again == record { Some(proven) } else { self.belongs(&again, &mut fingerprint)? };
            if let Some(proven) = proven {
                return Ok(Some(Candidate { record: again, proven, claim: Some(claim) }));
            }
        }
        Ok(None)
    }

    /// The upload a token stands for. It was named, so what does not fit is an error.
    pub(super) fn of_token(
        &mut self,
        token: &str,
        place: Option<&Place>,
        wanted: &Wanted,
    ) -> Result<Option<Candidate>> {
        let unusable = |why: &dyn fmt::Display| Error::invalid(format!("the resume token cannot be used: {why}"));
        let record =
            Record::from_token(token, self.client.config().token_key.as_ref()).map_err(|bad| unusable(&bad))?;
        self.client.check_record(&record, &self.endpoint).map_err(|why| unusable(&why))?;
        if !wanted.is_of(&record) {
            let what = "the options have other metadata than the upload of the resume token: set the same, or upload without the token";
            return Err(Error::invalid(what));
        }
        if record.is_expired(clock::wall()) {
            self.log(Level::Info, || "the upload of the resume token has expired".to_owned());
            return Ok(None);
        }
        let changed = |what: &str| Error::new(ErrorKind::SourceChanged, what);
        if Some(record.size) != self.source.size() {
            return Err(changed("the source has another size than that of the resume token"));
        }
        match self.belongs(&record, &mut None)? {
            Some(proven) => {
                let claim = place.map_or(Ok(None), |place| self.claim(place, &record))?;
                Ok(Some(Candidate { record, proven, claim }))
            }
            None => Err(changed("the source cannot be shown to be that of the resume token")),
        }
    }

    /// What the store knows of the upload with this URL, claimed; an error if it is not of this source.
    pub(super) fn named(&mut self, place: &Place, url: &AbsoluteUrl) -> Result<Option<Candidate>> {
        let is_it = |record: &Record| record.url == url.as_str() && record.parts.is_empty();
        let Some(record) = self.records(place).into_iter().find(is_it) else {
            let others = place.store.list().unwrap_or_default().records;
            let of_other_size = others
                .iter()
                .filter_map(|bytes| Record::from_bytes(bytes).ok())
                .find(|record| is_it(record) && Some(record.size) != self.source.size());
            return match of_other_size {
                None => Ok(None),
                Some(record) => {
                    let what =
                        format!("the store remembers this upload with {} bytes, the source has others", record.size);
                    Err(Error::new(ErrorKind::SourceChanged, what).with_upload_url(Some(url.clone())))
                }
            };
        };
        match self.proof(&record)? {
            Some(proven) => {
                let claim = self.claim(place, &record)?;
                Ok(Some(Candidate { record, proven, claim }))
            }
            None => {
                let what = "the source cannot be shown to be the one this upload was begun with, which the store remembers; \
                            to go on by its URL alone, have the store forget it";
                Err(Error::new(ErrorKind::SourceChanged, what).with_upload_url(Some(url.clone())))
            }
        }
    }

    /// Whether a record that was named is of this source: the digest of what was sent says so whatever its fingerprint.
    fn proof(&mut self, record: &Record) -> Result<Option<Option<u64>>> {
        let by_name = !matches!(self.client.config().fingerprinter, Fingerprinter::Content);
        match (self.belongs(record, &mut None)?, &record.content) {
            (None, Some(prefix)) if by_name => self.begins_with(prefix, record.size),
            (proven, _) => Ok(proven),
        }
    }

    /// What is in the store for this source, without going on with it.
    pub(super) fn all(&mut self, place: &Place) -> Result<Vec<PreviousUpload>> {
        let mut fingerprint = None;
        let mut seen = HashSet::new();
        let mut all = Vec::new();
        for record in self.records(place) {
            if self.belongs(&record, &mut fingerprint)?.is_none() || !seen.insert(record.url.clone()) {
                continue;
            }
            let mut listed = listed(record);
            listed.fingerprint = listed.fingerprint.or_else(|| fingerprint.clone().flatten());
            all.push(listed);
        }
        Ok(all)
    }

    /// Whether a record is of this source: how much of it is proven.
    fn belongs(&mut self, record: &Record, fingerprint: &mut Option<Option<String>>) -> Result<Option<Option<u64>>> {
        let config = self.client.config();
        let same_file = record.identity.is_some() && record.identity == self.source.identity();
        if same_file && record.identity_trusted && !config.verify_resumed {
            return Ok(Some(None));
        }
        let by_name = !matches!(config.fingerprinter, Fingerprinter::Content);
        if by_name && !same_file {
            if fingerprint.is_none() {
                *fingerprint = Some(self.fingerprint()?);
            }
            if record.fingerprint.is_none() || Some(&record.fingerprint) != fingerprint.as_ref() {
                return Ok(None);
            }
        }
        let Some(prefix) = &record.content else {
            if same_file {
                // Good for an upload that has nothing yet.
                return Ok(Some(Some(0)));
            }
            // A name the caller has given to something that is no file is his word for its content.
            let custom = matches!(config.fingerprinter, Fingerprinter::Custom(_));
            let his_word = custom && record.identity.is_none() && !config.verify_resumed;
            return Ok(his_word.then_some(None));
        };
        self.begins_with(prefix, record.size)
    }

    /// Whether the source begins with what was sent of an upload of this size: how much of it is proven.
    fn begins_with(&mut self, prefix: &Prefix, size: u64) -> Result<Option<Option<u64>>> {
        let client = self.client;
        let matches = {
            let (cancel, limits) = (&self.job.cancel, self.job.limits());
            fingerprint::prefix_matches(self.source, prefix, cancel, &|| limits.tick(0))
        };
        let matches = matches.map_err(|error| self.job.why_ended(error))?;
        client.config().log.write(Level::Info, || {
            let verdict = if matches { "are" } else { "are not" };
            format!("the first {} bytes of the source {verdict} those of an earlier upload", prefix.length)
        });
        let whole = prefix.length == size;
        Ok(matches.then_some((!whole).then_some(prefix.length)))
    }

    fn fingerprint(&mut self) -> Result<Option<String>> {
        let fingerprinter = self.client.config().fingerprinter.clone();
        let made = {
            let (cancel, limits) = (&self.job.cancel, self.job.limits());
            fingerprinter.of(self.source, cancel, &|| limits.tick(0))
        };
        made.map_err(|error| self.job.why_ended(error))
    }

    /// Claims an upload; `None` if somebody else keeps working on it.
    fn claim(&self, place: &Place, record: &Record) -> Result<Option<Claim>> {
        let mut waited = Duration::ZERO;
        loop {
            match place.store.claim(&place.key, &record.url) {
                Ok(Some(claim)) => return Ok(Some(claim)),
                Ok(None) if waited < CLAIM_PATIENCE => {}
                Ok(None) => return Ok(None),
                Err(error) => {
                    self.warn(format!("the store cannot be locked: {}", error.full_message()));
                    return Ok(Some(Claim::unguarded()));
                }
            }
            match self.cancel().sleep(CLAIM_LOOK, self.job.limits().interval(), || self.tick()) {
                Slept::Whole => waited += CLAIM_LOOK,
                Slept::Cancelled | Slept::Stopped => return Err(self.job.why_ended(cancelled())),
            }
        }
    }

    /// What is to be noted of the source when an upload of it is created.
    pub(super) fn describe(&mut self, lasting: bool) -> Result<Record> {
        let mut record = Record {
            endpoint: self.endpoint.without_query().to_owned(),
            size: self.source.size().unwrap_or_default(),
            identity: self.source.identity(),
            identity_trusted: self.source.identity_is_settled(),
            ..Record::default()
        };
        // The digest of the content is made while it is sent, unless only the caller's own code can read it; the other
        // fingerprints are cheap, or the caller's own.
        let by_content = matches!(self.client.config().fingerprinter, Fingerprinter::Content);
        if lasting && (!by_content || self.source.runs_callers_code()) {
            record.fingerprint = self.fingerprint()?;
        }
        if by_content
            && let Some((_, sha256)) = record.fingerprint.as_deref().and_then(|text| text.split_once("sha256:"))
        {
            record.content = Some(Prefix { length: record.size, sha256: sha256.to_owned() });
        }
        Ok(record)
    }
}

/// A record as the caller is told of it.
fn listed(record: Record) -> PreviousUpload {
    let first = record.parts.iter().map(|part| &part.url).find(|url| !url.is_empty());
    PreviousUpload {
        url: first.unwrap_or(&record.url).clone(),
        fingerprint: record.fingerprint,
        offset: record.offset,
        size: record.size,
        expires: record.expires,
        created: record.created,
        parts: record.parts.into_iter().map(|part| part.url).collect(),
    }
}

impl Client {
    /// The unfinished uploads at this endpoint that the store knows of, whatever their source, the newest first; no request
    /// is made. Empty without a store.
    pub fn list_stored(&self) -> Result<Vec<PreviousUpload>> {
        let endpoint = self.endpoint()?;
        let Some(store) = &self.config().store else { return Ok(Vec::new()) };
        let now = clock::wall();
        let mut records: Vec<_> =
            store.list()?.records.iter().filter_map(|bytes| Record::from_bytes(bytes).ok()).collect();
        records.retain(|record| !record.is_expired(now) && self.check_record(record, &endpoint).is_ok());
        records.sort_by_key(|record| std::cmp::Reverse(record.created));
        Ok(records.into_iter().map(listed).collect())
    }

    /// Takes an upload out of the store, given its URL or that of one of its parts; it is no fault if the store does not
    /// know it. The server is not asked, and the upload stays there. One that is being worked on is
    /// [`ErrorKind::InvalidState`].
    pub fn forget(&self, url: &str) -> Result<()> {
        let url = self.upload_url(url)?;
        let Some(store) = &self.config().store else { return Ok(()) };
        let records = store.list()?.records;
        for record in records.iter().filter_map(|bytes| Record::from_bytes(bytes).ok()) {
            if !names(&record, url.as_str()) {
                continue;
            }
            let key = store::key(&record.endpoint, record.size);
            let Some(_claim) = store.claim(&key, &record.url)? else {
                let what = "the upload is being worked on: forget it when that is over";
                return Err(Error::new(ErrorKind::InvalidState, what));
            };
            store.remove(&key, &record.url)?;
        }
        Ok(())
    }

    /// Holds what was read back, from wherever it came, against what this client may work with: uploads of its endpoint,
    /// at origins it trusts, in no more parts than can be put together. Whoever wrote it could else have the data sent
    /// to himself, or have the caller's credentials used where he likes.
    pub(super) fn check_record(&self, record: &Record, endpoint: &AbsoluteUrl) -> std::result::Result<(), String> {
        if record.endpoint != endpoint.without_query() {
            return Err("it is of another server".to_owned());
        }
        let trusted = |text: &str| match AbsoluteUrl::parse(text) {
            Ok((url, _)) if url.origin() == endpoint.origin() || self.allows(url.origin()) => Ok(url),
            Ok((url, _)) => Err(format!("its upload lies at {}, which is not an allowed origin", url.origin())),
            Err(error) => Err(format!("its upload's URL cannot be used: {error}")),
        };
        trusted(&record.url)?;
        if let Some(whole) = &record.whole {
            trusted(whole)?;
        }
        let mut parts = Vec::new();
        for part in record.parts.iter().filter(|part| !part.url.is_empty()) {
            parts.push(trusted(&part.url)?);
        }
        match concatenation(&parts, endpoint.origin()) {
            Some(_) => Ok(()),
            None => Err("its parts do not fit into the header that puts them together".to_owned()),
        }
    }

    /// Where the store keeps uploads of a source of this size.
    pub(super) fn place(&self, endpoint: &AbsoluteUrl, size: u64) -> Option<Place> {
        let store = self.config().store.clone()?;
        Some(Place { store, key: store::key(endpoint.as_str(), size) })
    }
}
