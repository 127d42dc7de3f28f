//! Uploads by one session: new ones, those of earlier runs, partial, deferred and final ones.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::client::{Client, unexpected};
use super::clock;
use super::control::Control;
use super::driver::Driver;
use super::info::{ConcatKind, UploadInfo};
use super::job::{Job, Recorded};
use super::keeper::{Keep, Keeper, Place};
use super::options::UploadOptions;
use super::previous::{Candidate, Search, Wanted};
use super::warnings::Warnings;
use crate::error::{Error, ErrorKind, Result};
use crate::fingerprint::Fingerprinter;
use crate::protocol::metadata::Metadata;
use crate::protocol::session::{Goal, Outcome, Plan, Previous};
use crate::protocol::url::AbsoluteUrl;
use crate::source::{Bytes, Source};
use crate::store::{self, Record};
use crate::warning::{Warning, WarningKind};

impl Client {
    /// Sends the whole source: goes on with the upload of an earlier run if the store has one of it, else creates one.
    /// A source of unknown size that does not end with its first chunk needs the server's creation-defer-length.
    pub fn upload(&self, source: &mut Source, options: &UploadOptions) -> Result<UploadInfo> {
        self.upload_with(&mut *source.lend(), options)
    }

    /// Uploads a file. Its name goes along as `filename` unless the options have one: as text, or as the bytes it is
    /// where it is not UTF-8.
    pub fn upload_file(&self, path: &Path, options: &UploadOptions) -> Result<UploadInfo> {
        let mut source = Source::file(path)?;
        let mut options = options.clone();
        if let Some(name) = path.file_name() {
            options.add_filename(name, self.config().metadata_encoding)?;
        }
        self.upload(&mut source, &options)
    }

    /// Sends what the server lacks of an upload that exists. `url` may be relative to the endpoint.
    pub fn resume_upload(&self, source: &mut Source, url: &str, options: &UploadOptions) -> Result<UploadInfo> {
        self.resume_with(&mut *source.lend(), url, options)
    }

    /// Creates an upload that is to be a part of another, and sends the whole source (T-120).
    pub fn create_partial_upload(&self, source: &mut Source, options: &UploadOptions) -> Result<UploadInfo> {
        let source = &mut *source.lend();
        let (endpoint, size, metadata) = self.local_checks(source, options)?;
        let mut plan = self.plan(Goal::Upload { endpoint, size, previous: None }, options, source);
        plan.metadata = metadata.encode();
        plan.partial = true;
        let mut job = self.job(options, size);
        let _memory = self.reserve(source, options, &mut job)?;
        let result = Driver::new(self, &mut job).with_source(source).run_with_progress(plan);
        self.conclude(result, &mut job, metadata, ConcatKind::Partial)
    }

    /// Creates an upload whose size is not known yet, and sends nothing (T-040). It is continued by
    /// [`Client::resume_upload`] with any source.
    pub fn create_deferred_upload(&self, options: &UploadOptions) -> Result<UploadInfo> {
        let endpoint = self.endpoint()?;
        let metadata = options.encoded_metadata(self.config().metadata_encoding)?;
        let mut plan = self.dataless_plan(Goal::Upload { endpoint, size: None, previous: None }, options);
        plan.stop_at = Some(0);
        plan.metadata = metadata.encode();
        let mut job = self.job(options, None);
        let result = Driver::new(self, &mut job).run(plan);
        self.conclude(result, &mut job, metadata, ConcatKind::None)
    }

    /// Has the server put partial uploads together, in this order (T-121). Each part is asked first whether it is
    /// complete, unless the options allow parts that are not.
    pub fn create_final_upload(&self, parts: &[&str], options: &UploadOptions) -> Result<UploadInfo> {
        let endpoint = self.endpoint()?;
        if parts.is_empty() {
            return Err(Error::invalid("a final upload has at least one part"));
        }
        let parts = parts.iter().map(|part| self.upload_url(part)).collect::<Result<Vec<_>>>()?;
        let metadata = options.encoded_metadata(self.config().metadata_encoding)?;
        let goal = Goal::Concatenate { endpoint, parts, total: None, unfinished: options.unfinished_parts };
        let mut plan = self.dataless_plan(goal, options);
        plan.metadata = metadata.encode();
        let mut job = self.job(options, None);
        let result = Driver::new(self, &mut job).run(plan);
        self.conclude(result, &mut job, metadata, ConcatKind::Final)
    }

    fn upload_with(&self, source: &mut dyn Bytes, options: &UploadOptions) -> Result<UploadInfo> {
        if let Some(url) = &options.upload_url {
            return self.resume_with(source, url, options);
        }
        if options.parallel > 1 && options.stop_at.is_some() {
            return Err(Error::invalid("an upload in parts cannot stop at an offset"));
        }
        let (endpoint, size, metadata) = self.local_checks(source, options)?;
        let mut job = self.job(options, size);
        let _memory = self.reserve(source, options, &mut job)?;
        let (keeper, candidate) = self.remember(source, &endpoint, options, &metadata, &job)?;
        // Parts that the caller did not ask for are no reason to refuse what he did ask for.
        let fits = |candidate: &Candidate| {
            candidate.record.parts.is_empty() || options.parallel > 1 || options.stop_at.is_none()
        };
        let candidate = candidate.filter(fits);
        let in_parts = match &candidate {
            // An upload is continued as it was begun.
            Some(candidate) => !candidate.record.parts.is_empty(),
            None => options.parallel > 1,
        };
        if in_parts && let Some(size) = size {
            let done =
                self.upload_in_parts(source, options, &endpoint, size, &metadata, keeper.clone(), candidate, &job);
            match done? {
                Some(info) => return Ok(info),
                None => return self.upload_serially(source, options, endpoint, metadata, keeper, None, &mut job),
            }
        }
        if in_parts && !options.parallel_fallback {
            let what = "a source of unknown size cannot be sent in parts; \
                        tus_upload_options_set_parallel_fallback would have it sent as one";
            return Err(Error::new(ErrorKind::Unsupported, what));
        }
        self.upload_serially(source, options, endpoint, metadata, keeper, candidate, &mut job)
    }

    #[expect(clippy::too_many_arguments, reason = "what an upload is made of, handed from one function to the next")]
    fn upload_serially(
        &self,
        source: &mut dyn Bytes,
        options: &UploadOptions,
        endpoint: AbsoluteUrl,
        metadata: Metadata,
        keeper: Option<Arc<Keeper>>,
        candidate: Option<Candidate>,
        job: &mut Job,
    ) -> Result<UploadInfo> {
        let plan = self.upload_plan(source, options, endpoint, &metadata, keeper, candidate, job);
        let result = Driver::new(self, job).with_source(source).run_with_progress(plan);
        self.conclude(result, job, metadata, ConcatKind::None)
    }

    /// The plan of an ordinary upload; its memory becomes the job's.
    #[expect(clippy::too_many_arguments, reason = "what an upload is made of, handed from one function to the next")]
    pub(super) fn upload_plan(
        &self,
        source: &dyn Bytes,
        options: &UploadOptions,
        endpoint: AbsoluteUrl,
        metadata: &Metadata,
        keeper: Option<Arc<Keeper>>,
        candidate: Option<Candidate>,
        job: &mut Job,
    ) -> Plan {
        let previous = candidate.and_then(|Candidate { record, proven, claim }| {
            let (url, _) = AbsoluteUrl::parse(&record.url).ok()?;
            job.recorded = Some(Recorded { length: record.size, concat: ConcatKind::None });
            if let Some(keeper) = &keeper {
                keeper.adopt(record, claim, proven);
            }
            Some(Previous { url, proven })
        });
        job.keeper = keeper.map(|keeper| Keep { keeper, part: None });
        let mut plan = self.plan(Goal::Upload { endpoint, size: source.size(), previous }, options, source);
        plan.metadata = metadata.encode();
        plan
    }

    fn resume_with(&self, source: &mut dyn Bytes, url: &str, options: &UploadOptions) -> Result<UploadInfo> {
        let url = self.upload_url(url)?;
        let size = checked_size(source)?;
        // Metadata belongs to the creation, but what is wrong with it is wrong.
        options.encoded_metadata(self.config().metadata_encoding)?;
        let mut job = self.job(options, size);
        let proven = self.remember_named(source, &url, options, &mut job)?;
        let plan = self.resume_plan(url.clone(), source, options, proven);
        let memory = self.reserve(source, options, &mut job);
        let _memory = memory.map_err(|error| error.with_upload_url(Some(url.clone())))?;
        let result = Driver::new(self, &mut job).with_source(source).run_with_progress(plan);
        let result = self.conclude(result, &mut job, Metadata::new(), ConcatKind::None);
        // T-019: neither what is complete nor what is gone is of use to a later run.
        let over = match &result {
            Ok(info) => info.complete,
            Err(error) => error.kind() == ErrorKind::Gone || self.removed(error),
        };
        if over {
            let known = result.as_ref().ok().and_then(|info| info.size);
            self.forget_entry(&url, known.or(size), &job);
        }
        told(result, &job.warnings)
    }

    /// Whether an operation that ended so has had its upload removed.
    fn removed(&self, error: &Error) -> bool {
        let wanted = error.kind() == ErrorKind::Cancelled && self.control().is_some_and(Control::wants_removal);
        wanted && error.upload_url().is_none()
    }

    /// How to go on with an upload that the caller names; `proven` as in [`Candidate::proven`].
    pub(super) fn resume_plan(
        &self,
        url: AbsoluteUrl,
        source: &dyn Bytes,
        options: &UploadOptions,
        proven: Option<u64>,
    ) -> Plan {
        let endpoint = self.config().endpoint.clone();
        let goal = Goal::Resume { url, size: source.size(), endpoint };
        Plan { proven, ..self.plan(goal, options, source) }
    }

    /// Takes an upload out of the store.
    fn forget_entry(&self, url: &AbsoluteUrl, size: Option<u64>, job: &Job) {
        let (Some(store), Some(endpoint), Some(size)) = (&self.config().store, &self.config().endpoint, size) else {
            return;
        };
        let key = store::key(endpoint.as_str(), size);
        // Whether it is granted or not: what is held goes with the entry.
        let _claim = store.claim(&key, url.as_str());
        if let Err(error) = store.remove(&key, url.as_str()) {
            let text = format!("the upload cannot be removed from the store: {}", error.full_message());
            job.warnings.warn(Warning::new(WarningKind::NotStored, text).about(url));
        }
    }

    /// All that can be wrong before the first request.
    pub(super) fn local_checks(
        &self,
        source: &mut dyn Bytes,
        options: &UploadOptions,
    ) -> Result<(AbsoluteUrl, Option<u64>, Metadata)> {
        let endpoint = self.endpoint()?;
        let size = checked_size(source)?;
        let metadata = options.encoded_metadata(self.config().metadata_encoding)?;
        source.prepare()?;
        Ok((endpoint, size, metadata))
    }

    pub(super) fn job(&self, options: &UploadOptions, size: Option<u64>) -> Job {
        let meter = self.gauge(options, size).meter(size);
        let hook = options.on_upload_url.clone().or_else(|| self.config().hooks.on_upload_url.clone());
        let total = options.total_timeout.or(self.config().total_timeout);
        let mut job = Job::new(meter, self.cancel(), total, self.warnings())
            .under(self.control().cloned())
            .with_on_upload_url(hook);
        job.stop_at = options.stop_at;
        job.own = options.own();
        job
    }

    /// The memory of an upload of this source, and the upload of an earlier run that is in it.
    pub(super) fn remember(
        &self,
        source: &mut dyn Bytes,
        endpoint: &AbsoluteUrl,
        options: &UploadOptions,
        metadata: &Metadata,
        job: &Job,
    ) -> Result<(Option<Arc<Keeper>>, Option<Candidate>)> {
        let recognisable = source.replay_limit().is_none();
        let Some(size) = source.size().filter(|_| recognisable) else {
            if options.resume_token.is_some() {
                let what = "a source that cannot be read from its beginning again cannot be recognised";
                return Err(Error::new(ErrorKind::Unsupported, what));
            }
            return Ok((None, None));
        };
        let place = self.place(endpoint, size);
        let mut search = Search { client: self, endpoint: endpoint.clone(), source, job };
        let lasting = place.is_some() || options.on_resume_token.is_some();
        if !lasting && options.resume_token.is_none() {
            // Only a failure tells of it.
            let blank = search.describe(false)?;
            return Ok((Some(self.keeper(source, None, options, job, blank, Some(metadata.clone()))), None));
        }
        let wanted = Wanted::of(self.config(), options)?;
        let candidate = match (&options.resume_token, &place) {
            (Some(token), place) => search.of_token(token, place.as_ref(), &wanted)?,
            (None, Some(place)) => search.best(place, &wanted)?,
            (None, None) => None,
        };
        let blank = Record { metadata: wanted.alone, ..search.describe(lasting)? };
        Ok((Some(self.keeper(source, place, options, job, blank, None)), candidate))
    }

    /// The memory of an upload that the caller names by its URL, which becomes the job's (T-155): what is known of it from
    /// an earlier run must be of this source, or it is an error; what is not known yet is noted like any other upload. How
    /// much of the source is proven, as in [`Candidate::proven`].
    pub(super) fn remember_named(
        &self,
        source: &mut dyn Bytes,
        url: &AbsoluteUrl,
        options: &UploadOptions,
        job: &mut Job,
    ) -> Result<Option<u64>> {
        let recognisable = source.replay_limit().is_none();
        let (Some(endpoint), Some(size)) = (&self.config().endpoint, source.size().filter(|_| recognisable)) else {
            return Ok(None);
        };
        let place = self.place(endpoint, size);
        if place.is_none() && options.on_resume_token.is_none() {
            return Ok(None);
        }
        let mut search = Search { client: self, endpoint: endpoint.clone(), source, job };
        let known = place.as_ref().map_or(Ok(None), |place| search.named(place, url))?;
        let blank = search.describe(true)?;
        let named = Record { url: url.as_str().to_owned(), created: clock::wall(), named: true, ..blank.clone() };
        if self.check_record(&named, endpoint).is_err() {
            // Of no use to a later run.
            return Ok(None);
        }
        let metadata = Wanted::of(self.config(), options)?.named;
        let keeper = self.keeper(source, place, options, job, blank, None);
        let proven = match known {
            Some(Candidate { record, proven, claim }) => {
                keeper.adopt(record, claim, proven);
                proven
            }
            None => {
                keeper.expect(Record { metadata, ..named });
                None
            }
        };
        job.keeper = Some(Keep { keeper, part: None });
        Ok(proven)
    }

    fn keeper(
        &self,
        source: &dyn Bytes,
        place: Option<Place>,
        options: &UploadOptions,
        job: &Job,
        blank: Record,
        metadata: Option<Metadata>,
    ) -> Arc<Keeper> {
        let config = self.config();
        // Where the identity alone decides, and can, no digest is needed.
        let by_identity = matches!(config.fingerprinter, Fingerprinter::FileIdentity)
            && source.identity_is_settled()
            && !config.verify_resumed;
        let lasting = place.is_some() || options.on_resume_token.is_some();
        let hashed = lasting && !by_identity && source.size() > Some(0) && !source.runs_callers_code();
        let shared = if hashed { source.share() } else { None };
        let (warnings, on_token) = (job.warnings.clone(), options.on_resume_token.clone());
        Arc::new(Keeper::new(place, warnings, on_token, config.token_key.clone(), blank, metadata, shared))
    }

    /// What becomes of an upload whose session is over.
    pub(super) fn conclude(
        &self,
        result: Result<Outcome>,
        job: &mut Job,
        metadata: Metadata,
        concat: ConcatKind,
    ) -> Result<UploadInfo> {
        let stats = job.stats();
        let keeper = job.keeper.as_ref().map(|keep| Arc::clone(&keep.keeper));
        match result {
            Ok(Outcome::Uploaded { url, offset, size, expires }) => {
                let complete = size == Some(offset);
                match &keeper {
                    Some(keeper) if complete => keeper.forget(),
                    Some(keeper) => keeper.interrupted(stats.bytes_confirmed, job.clock.left(), &job.cancel),
                    None => {}
                }
                let metadata = if job.created_here { metadata } else { Metadata::new() };
                Ok(UploadInfo {
                    url,
                    offset,
                    size,
                    complete,
                    text: self.texts(&metadata),
                    metadata,
                    expires,
                    concat,
                    checksum: job.checked.algorithm(),
                    stats,
                    warnings: job.warnings.all(),
                })
            }
            Ok(other) => Err(unexpected(&other)),
            Err(error) => Err(self.give_up(error, job, keeper.as_deref()).with_warnings(job.warnings.all())),
        }
    }

    /// What an upload that failed leaves behind: what is of no use is removed, the rest is kept for a later run.
    fn give_up(&self, error: Error, job: &Job, keeper: Option<&Keeper>) -> Error {
        let gone = error.upload_url().is_none();
        let useless = job.source_spoiled && job.created_here;
        let unwanted = error.kind() == ErrorKind::Cancelled && job.control.as_ref().is_some_and(Control::wants_removal);
        let error = match (unwanted, useless) {
            (true, _) => self.delete_cancelled(error, job),
            (false, true) => self.clean_up(error, job),
            (false, false) => error,
        };
        if let (true, None, Some(control)) = (unwanted, error.upload_url(), &job.control) {
            control.show_url(None);
        }
        let Some(keeper) = keeper else { return error };
        // Without an upload to remove nothing was removed: a record there may be of one that was not looked at yet.
        let removed = (useless || unwanted) && !gone && error.upload_url().is_none();
        if removed || error.kind() == ErrorKind::Gone {
            keeper.forget();
            return error;
        }
        if job.lives_on {
            keeper.paused(job.meter.gauge().progress().sent, job.clock.left(), &job.cancel);
        } else {
            keeper.interrupted(job.meter.gauge().progress().sent, job.clock.left(), &job.cancel);
        }
        if gone {
            return error;
        }
        let token = keeper.token();
        error.with_resume_token(token)
    }

    /// Removes an upload that no source can complete any more, if the server offers that; tried once, within the
    /// operation's own deadline, and whether it works changes nothing about the error. One that may be complete is not
    /// removed unless the server says that it is not (T-111).
    fn clean_up(&self, error: Error, failed: &Job) -> Error {
        let Some(url) = error.upload_url().cloned() else { return error };
        if failed.may_be_complete() {
            let mut plan = self.bare_plan(Goal::Inspect { url: url.clone() });
            (plan.retry.max_retries, plan.retry.lock_budget) = (0, Duration::ZERO);
            let mut job = self.removal_job(failed);
            job.clock = failed.clock;
            match Driver::new(self, &mut job).run(plan) {
                Ok(Outcome::Inspected { offset, size, .. }) if size != Some(offset) => {}
                _ => return error,
            }
        }
        if self.remove(url, failed, Duration::ZERO).is_ok() { error.without_upload_url() } else { error }
    }

    /// Removes the upload of an operation that the caller cancelled for good, unless it is complete: as he would delete it
    /// himself, locks waited for.
    pub(super) fn delete_cancelled(&self, error: Error, of: &Job) -> Error {
        let Some(url) = error.upload_url().cloned() else { return error };
        // Only the server knows what became of the last data, or of an upload that was not looked at yet.
        match Driver::new(self, &mut self.removal_job(of)).run(self.bare_plan(Goal::Inspect { url: url.clone() })) {
            Ok(Outcome::Inspected { offset, size, .. }) if size == Some(offset) => {
                error.because("the upload is complete and stays on the server")
            }
            Ok(Outcome::Inspected { headers, .. }) if of.recorded.is_some_and(|it| !it.is_shown_by(&headers)) => {
                error.because(NOT_RECORDED)
            }
            Ok(_) => self.delete_at_once(error, url, of),
            Err(failure) if failure.kind() == ErrorKind::Gone => error.without_upload_url(),
            Err(failure) => error.because(stays(&failure)),
        }
    }

    /// Asks the server whether an upload that was read back from somewhere is what its record says, and may be removed.
    pub(super) fn check_recorded(&self, url: &AbsoluteUrl, recorded: Recorded, of: &Job) -> Result<()> {
        let mut job = self.removal_job(of);
        job.clock = of.clock;
        let outcome = Driver::new(self, &mut job).run(self.bare_plan(Goal::Inspect { url: url.clone() }))?;
        match outcome {
            Outcome::Inspected { headers, .. } if recorded.is_shown_by(&headers) => Ok(()),
            _ => Err(Error::new(ErrorKind::InvalidState, NOT_RECORDED)),
        }
    }

    /// The same, complete or not.
    pub(super) fn delete_at_once(&self, error: Error, url: AbsoluteUrl, of: &Job) -> Error {
        let goal = Goal::Terminate { url: url.clone(), endpoint: self.config().endpoint.clone() };
        match Driver::new(self, &mut self.removal_job(of)).run(self.removal_plan(goal)) {
            Ok(_) => error.without_upload_url(),
            Err(failure) => {
                of.warnings.left(&url, &failure);
                error.with_upload_url(Some(url)).because(stays(&failure))
            }
        }
    }

    /// The plan of a removal that the caller has not asked for: it was the server that named the upload.
    fn removal_plan(&self, goal: Goal) -> Plan {
        let mut plan = self.bare_plan(goal);
        if let (Goal::Terminate { url, .. }, Some(endpoint)) = (&plan.goal, &self.config().endpoint)
            && !plan.trusted.contains(url.origin())
        {
            plan.pointed.add(url.origin(), endpoint.origin());
        }
        plan
    }

    /// Removes an upload that is of no use, if the server offers that; waits so long for one that is locked.
    pub(super) fn remove(&self, url: AbsoluteUrl, of: &Job, patience: Duration) -> Result<()> {
        let left = |failure: &Error| of.warnings.left(&url, failure);
        if !self.known_capabilities().is_some_and(|known| known.has("termination")) {
            let failure = Error::new(ErrorKind::Unsupported, "the server is not known to remove uploads");
            left(&failure);
            return Err(failure);
        }
        let mut plan = self.removal_plan(Goal::Terminate { url: url.clone(), endpoint: None });
        plan.retry.max_retries = 0;
        plan.retry.lock_budget = patience;
        let mut job = self.removal_job(of);
        job.clock = of.clock;
        let removed = Driver::new(self, &mut job).run(plan).map(drop);
        removed.inspect_err(left)
    }
}

/// A result with all the warnings there are by now.
pub(super) fn told(result: Result<UploadInfo>, warnings: &Warnings) -> Result<UploadInfo> {
    match result {
        Ok(info) => Ok(UploadInfo { warnings: warnings.all(), ..info }),
        Err(error) => Err(error.with_warnings(warnings.all())),
    }
}

const NOT_RECORDED: &str = "the upload stays on the server: HEAD does not show it to be the one that was recorded";

fn stays(failure: &Error) -> String {
    format!("the upload stays on the server: {}", failure.full_message())
}

/// The size of a source, if it is one the protocol has a number for.
fn checked_size(source: &dyn Bytes) -> Result<Option<u64>> {
    match source.size() {
        Some(size) if size > i64::MAX as u64 => {
            Err(Error::invalid(format!("a source of {size} bytes is beyond 2^63-1")))
        }
        size => Ok(size),
    }
}
