//! An upload in parts: several partial uploads at once, put together by the server (T-120 to T-128).
//!
//! Each part is a session like any other, on a thread of its own, with its own view of the source. What is parallel is
//! only this: the parts' URLs are kept together in one record, their progress is one stream, the first part that fails
//! for good stops the others, and at the end one more session has the server put them together.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::body::check_source;
use super::client::Client;
use super::clock::Clock;
use super::control::Control;
use super::driver::Driver;
use super::hooks::OnUploadUrl;
use super::info::{ConcatKind, Stats, UploadInfo};
use super::job::{Job, Recorded};
use super::keeper::{Keep, Keeper};
use super::log::Level;
use super::meter::Gauge;
use super::options::UploadOptions;
use super::previous::{Candidate, Wanted};
use super::upload::told;
use super::warnings::Warnings;
use crate::cancel::Cancel;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::checksum::Checked;
use crate::protocol::metadata::Metadata;
use crate::protocol::session::{CreationData, Goal, Outcome, Plan, Previous};
use crate::protocol::url::AbsoluteUrl;
use crate::source::{self, Bytes};
use crate::store::{MAX_PARTS, PartRecord};
use crate::sys::thread::spawn_scoped;
use crate::warning::{Warning, WarningKind};

/// The header that names the parts stays below this, since servers bound the size of one (T-128).
const HEADER_MAX: u64 = 8 << 10;
/// What an upload's URL may have beyond that of the endpoint: the longest seen is 150 (tusd with S3).
const URL_TAIL: u64 = 200;
/// A part that is smaller costs more requests than it gains (T-128).
const MIN_PART_SIZE: u64 = 1 << 20;
/// How often the parts are put right after the server has refused to put them together (T-127).
const REPAIRS: u32 = 1;
/// How long the removal of parts may take, whatever the time limit of the upload is.
const REMOVAL_LIMIT: Duration = Duration::from_secs(3);

/// An upload in parts.
struct Parallel<'a> {
    client: &'a Client,
    options: &'a UploadOptions,
    endpoint: &'a AbsoluteUrl,
    size: u64,
    keeper: Arc<Keeper>,
    gauge: Arc<Gauge>,
    cancel: Cancel,
    /// That of the whole operation.
    whole: &'a Job,
    warnings: Warnings,
    /// How many bytes of the source are known to be what earlier runs sent; `None` for all.
    proven: Option<u64>,
    /// The length of the longest URL that the server gave a part, if so many of them do not fit into the header.
    longest_url: Arc<AtomicUsize>,
    /// The server was asked to put the parts together, and it is not known whether it has.
    may_be_joined: AtomicBool,
}

/// One part and where it is.
struct Part {
    start: u64,
    length: u64,
    url: Option<AbsoluteUrl>,
    job: Job,
}

impl Client {
    /// Sends a source in parts; `None` if that cannot be and the options allow to do without.
    #[expect(clippy::too_many_arguments, reason = "what an upload is made of, handed from one function to the next")]
    pub(super) fn upload_in_parts(
        &self,
        source: &mut dyn Bytes,
        options: &UploadOptions,
        endpoint: &AbsoluteUrl,
        size: u64,
        metadata: &Metadata,
        keeper: Option<Arc<Keeper>>,
        candidate: Option<Candidate>,
        job: &Job,
    ) -> Result<Option<UploadInfo>> {
        let most = (HEADER_MAX / (endpoint.as_str().len() as u64 + URL_TAIL)).min(MAX_PARTS as u64);
        let count = u64::from(options.parallel).min(size / options.min_part_size.unwrap_or(MIN_PART_SIZE)).min(most);
        if candidate.is_none() && count < 2 {
            // T-128: nothing is to be put together.
            return Ok(None);
        }
        let refusal = self.obstacle(source, keeper.as_deref());
        let (Some(keeper), None) = (keeper, &refusal) else {
            let what = refusal.unwrap_or("the source cannot be read in several places at once");
            return self.without_parts(
                Error::new(ErrorKind::Unsupported, format!("no upload in parts: {what}")),
                options,
                job,
            );
        };
        let proven = candidate.as_ref().and_then(|candidate| candidate.proven);
        match candidate {
            Some(candidate) => keeper.adopt(candidate.record, candidate.claim, candidate.proven),
            None => {
                let mut record = keeper.blank();
                record.parts = split(size, count);
                record.metadata = Wanted::of(self.config(), options)?.in_parts;
                keeper.plan_parts(record);
            }
        }
        let gauge = self.gauge(options, Some(size));
        let (cancel, warnings) = (job.cancel.clone(), job.warnings.clone());
        let parallel = Parallel {
            client: self,
            options,
            endpoint,
            size,
            keeper,
            gauge,
            cancel,
            whole: job,
            warnings,
            proven,
            longest_url: Arc::default(),
            may_be_joined: AtomicBool::new(false),
        };
        match parallel.run(source, metadata) {
            Err(error) if error.kind() == ErrorKind::Unsupported && parallel.has_no_parts() => {
                self.without_parts(error, options, job)
            }
            result => told(result, &job.warnings).map(Some),
        }
    }

    /// Says why nothing is sent in parts, if the options allow to do without; else fails with `error`.
    fn without_parts(&self, error: Error, options: &UploadOptions, job: &Job) -> Result<Option<UploadInfo>> {
        match options.parallel {
            // Parts of an earlier run are a help, not what the caller asked for.
            0 | 1 => self.config().log.write(Level::Info, || error.full_message()),
            _ if options.parallel_fallback => {
                job.warnings.warn(Warning::new(WarningKind::NotInParts, error.full_message()));
            }
            _ => {
                let error = error.because("tus_upload_options_set_parallel_fallback would have it sent as one");
                return told(Err(error), &job.warnings).map(Some);
            }
        }
        Ok(None)
    }

    /// Why a source cannot be sent in parts, as far as that is known without a request.
    fn obstacle(&self, source: &dyn Bytes, keeper: Option<&Keeper>) -> Option<&'static str> {
        if keeper.is_none() || source.share().is_none() {
            return Some("the source cannot be read in several places at once");
        }
        // T-007, T-127: known before anything is made there. What is not known yet, the first part asks.
        match self.known_capabilities() {
            Some(known) if !known.has("concatenation") => {
                Some("the server does not put uploads together (extension concatenation)")
            }
            _ => None,
        }
    }
}

impl Parallel<'_> {
    fn run(&self, source: &mut dyn Bytes, metadata: &Metadata) -> Result<UploadInfo> {
        self.gauge.report_now().map_err(|code| super::driver::stopped_by_callback("progress", code))?;
        if let Some(info) = self.put_together_before(source, metadata)? {
            return Ok(info);
        }
        let mut parts = self.planned();
        let mut repairs = 0;
        let result = loop {
            if let Err(error) = self.send(source, &mut parts) {
                match self.fewer_parts() {
                    None if refuses_parts(&error, &parts) => return Err(self.not_in_parts(error)),
                    None => break Err(error),
                    Some(Err(unsupported)) => return Err(unsupported),
                    Some(Ok(())) => {
                        parts = self.planned();
                        continue;
                    }
                }
            }
            match self.put_together(&parts, metadata) {
                // T-127: a part that was lost or cut is sent again.
                Err(error) if is_about_parts(&error) && repairs < REPAIRS => {
                    self.warnings.warn(format!("{}; looking after the parts", error.full_message()));
                    repairs += 1;
                }
                Err(error) => {
                    let refused = error.answer().is_some() && !error.is_retryable();
                    let joined = error.kind() == ErrorKind::Unconfirmed || !refused;
                    self.may_be_joined.store(joined, Ordering::SeqCst);
                    break Err(error);
                }
                Ok(whole) => break Ok(whole),
            }
        };
        let checksum = parts.iter().map(|part| part.job.checked).fold(Checked::Nothing, Checked::and).algorithm();
        match result {
            Ok((url, expires)) => {
                let (job, digest) = (self.job(0), || self.keeper.digest_of(self.size));
                if let Err(failure) = check_source(source, digest, &self.cancel, &job.limits()) {
                    return Err(self.disown(job.why_ended(failure.into_error()), url));
                }
                self.finish();
                let stats = self.stats(&parts);
                Ok(UploadInfo { expires, checksum, stats, ..self.info(url, metadata) })
            }
            Err(error) => Err(self.give_up(error, &parts)),
        }
    }

    /// After the server has given a part a URL so long that the header cannot name all of them (T-128), before any data
    /// went out: removes the parts and plans as many as fit. An error if that is not even two, `None` if nothing was wrong
    /// with the URLs.
    fn fewer_parts(&self) -> Option<Result<()>> {
        let longest = self.longest_url.swap(0, Ordering::SeqCst);
        if longest == 0 {
            return None;
        }
        self.remove_parts();
        self.keeper.forget();
        let fit = HEADER_MAX / (longest as u64 + 1);
        if fit < 2 {
            let what =
                format!("no upload in parts: the server's URLs of {longest} bytes do not fit into Upload-Concat");
            return Some(Err(Error::new(ErrorKind::Unsupported, what)));
        }
        let mut record = self.keeper.blank();
        record.parts = split(self.size, fit);
        self.keeper.plan_parts(record);
        Some(Ok(()))
    }

    /// Nothing was made, and it is not to be tried again. What an earlier run made stays where it is.
    fn not_in_parts(&self, error: Error) -> Error {
        Keep { keeper: Arc::clone(&self.keeper), part: None }.abandoned();
        if error.kind() == ErrorKind::Unsupported {
            return error;
        }
        let what = "no upload in parts: the server does not take partial uploads";
        let told = Error::new(ErrorKind::Unsupported, what).with_cause(Arc::new(error.clone()));
        match error.answer() {
            Some(answer) => told.with_request("POST", self.endpoint.clone()).with_answer(answer.clone()),
            None => told,
        }
    }

    /// Whether nothing is left of what was planned.
    fn has_no_parts(&self) -> bool {
        self.keeper.parts().is_empty()
    }

    /// Refuses a part's URL, before any of its data goes out, if the header cannot name so many of its length.
    fn fitting(&self, count: usize) -> OnUploadUrl {
        let (endpoint, longest_url) = (self.endpoint.origin().clone(), Arc::clone(&self.longest_url));
        Arc::new(move |url| {
            let named = if *url.origin() == endpoint { url.path_and_query() } else { url.as_str() };
            if (named.len() as u64 + 1) * count as u64 <= HEADER_MAX {
                return Ok(());
            }
            longest_url.fetch_max(named.len(), Ordering::SeqCst);
            Err(0)
        })
    }

    /// What an earlier run had the server put together before it ended, if it is there and complete: only the parts and
    /// the memory of it are left to be removed.
    fn put_together_before(&self, source: &dyn Bytes, metadata: &Metadata) -> Result<Option<UploadInfo>> {
        let Some(url) = self.keeper.whole() else { return Ok(None) };
        if self.proven.is_some() {
            self.keeper.put_together(None);
            return Ok(None);
        }
        let mut job = self.job(0);
        match Driver::new(self.client, &mut job).run(self.client.bare_plan(Goal::Inspect { url })) {
            Ok(Outcome::Inspected { url, offset, headers, .. })
                if offset == self.size
                    && (Recorded { length: self.size, concat: ConcatKind::Final }).is_shown_by(&headers) =>
            {
                source.check_unchanged()?;
                let _ = self.gauge.meter(Some(self.size)).resume(self.size);
                self.finish();
                let stats = Stats { bytes_resumed: self.size, ..job.stats() };
                Ok(Some(UploadInfo { stats, ..self.info(url, metadata) }))
            }
            Err(error) if error.answer().is_none() => Err(self.give_up(error, &[])),
            _ => {
                self.keeper.put_together(None);
                Ok(None)
            }
        }
    }

    fn info(&self, url: AbsoluteUrl, metadata: &Metadata) -> UploadInfo {
        UploadInfo {
            url,
            offset: self.size,
            size: Some(self.size),
            complete: true,
            text: self.client.texts(metadata),
            metadata: metadata.clone(),
            expires: None,
            concat: ConcatKind::Final,
            checksum: None,
            stats: Stats::default(),
            warnings: self.warnings.all(),
        }
    }

    /// The whole is there. If the parts are to be removed (T-128), they are forgotten only then, so that a later run can
    /// remove those this one does not come to.
    fn finish(&self) {
        if self.options.remove_parts {
            self.remove_parts();
        }
        self.keeper.forget();
        let _ = self.gauge.report_now();
    }

    /// A job of this upload with so many bytes of its own to send.
    fn job(&self, length: u64) -> Job {
        let mut job = Job::new(self.gauge.meter(Some(length)), self.cancel.child(), None, self.warnings.clone());
        job = job.under(self.client.control().cloned());
        job.step_of(self.whole)
    }

    fn planned(&self) -> Vec<Part> {
        let records = self.keeper.parts();
        let fitting = self.fitting(records.len());
        records.iter().enumerate().map(|(index, record)| self.part(index, record, &fitting)).collect()
    }

    fn part(&self, index: usize, record: &PartRecord, fitting: &OnUploadUrl) -> Part {
        let mut job = self.job(record.length).with_on_upload_url(Some(Arc::clone(fitting)));
        job.keeper = Some(Keep { keeper: Arc::clone(&self.keeper), part: Some(index) });
        let url = AbsoluteUrl::parse(&record.url).ok().map(|(url, _)| url);
        Part { start: record.start, length: record.length, url, job }
    }

    /// Sends what the parts lack, all at once. The first failure stops the others and is the one that is told.
    fn send(&self, source: &dyn Bytes, parts: &mut [Part]) -> Result<()> {
        // Those of a round before may have been stopped with it.
        let stop = self.cancel.child();
        let first = Mutex::new(None);
        let failed = |error: Error| {
            first.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            stop.cancel();
        };
        thread::scope(|scope| {
            for part in parts.iter_mut() {
                (part.job.cancel, part.job.request) = (stop.child(), None);
                // Only the answer to a creation names what is to be removed or continued (T-128): a part that failed
                // does not end it.
                part.job.creation = Some(self.client.plain_cancel());
                let mut whole = source.share();
                if whole.is_none() {
                    failed(Error::new(ErrorKind::Internal, "the source can no longer be shared"));
                    break;
                }
                let failed = &failed;
                let work = move || {
                    let mut send = || {
                        // Once, whatever calls it.
                        let Some(whole) = whole.take() else { return };
                        let source = source::part(whole, part.start, part.length);
                        if let Err(error) = self.send_part(part, source) {
                            failed(error);
                        }
                    };
                    match &self.client.config().hooks.around_thread {
                        Some(around) => around(&mut send),
                        None => send(),
                    }
                };
                let thread = thread::Builder::new().name("tus-part".to_owned());
                if let Err(error) = spawn_scoped(thread, scope, work) {
                    let code = error.raw_os_error();
                    let failure = Error::new(ErrorKind::Resources, "the system gives no thread for a part at present");
                    failed(failure.with_os_code(code).with_cause(Arc::new(error)));
                    break;
                }
            }
        });
        match first.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn send_part(&self, part: &mut Part, mut source: Box<dyn Bytes>) -> Result<()> {
        let previous = part.url.clone().map(|url| {
            // What is proven of the whole, as far as it concerns this part.
            let proven = self.proven.map(|proven| proven.saturating_sub(part.start).min(part.length));
            Previous { url, proven: proven.filter(|proven| *proven < part.length) }
        });
        let goal = Goal::Upload { endpoint: self.endpoint.clone(), size: Some(part.length), previous };
        let mut plan = self.client.plan(goal, self.options, source.as_ref());
        plan.partial = true;
        plan.metadata = self.client.config().partial_metadata()?.encode();
        plan.creation_data = CreationData::Off;
        match Driver::new(self.client, &mut part.job).with_source(source.as_mut()).run(plan)? {
            Outcome::Uploaded { url, .. } => {
                part.url = Some(url);
                Ok(())
            }
            other => Err(super::client::unexpected(&other)),
        }
    }

    fn put_together(&self, parts: &[Part], metadata: &Metadata) -> Result<(AbsoluteUrl, Option<u64>)> {
        let urls = parts.iter().filter_map(|part| part.url.clone()).collect();
        let goal = Goal::Concatenate {
            endpoint: self.endpoint.clone(),
            parts: urls,
            total: Some(self.size),
            unfinished: false,
        };
        let plan = Plan { metadata: metadata.encode(), ..self.client.dataless_plan(goal, self.options) };
        let hook = self.options.on_upload_url.clone().or_else(|| self.client.config().hooks.on_upload_url.clone());
        let keeper = Arc::clone(&self.keeper);
        let noted: OnUploadUrl = Arc::new(move |url| {
            keeper.put_together(Some(url));
            hook.as_ref().map_or(Ok(()), |hook| hook(url))
        });
        let mut job = self.job(0).with_on_upload_url(Some(noted));
        match Driver::new(self.client, &mut job).run(plan)? {
            Outcome::Uploaded { url, expires, .. } => Ok((url, expires)),
            other => Err(super::client::unexpected(&other)),
        }
    }

    /// What parts are removed for: with little time, but of its own, since that of the upload may be over.
    fn removal(&self) -> Job {
        let mut job = self.job(0);
        job.clock = Clock::start(Some(REMOVAL_LIMIT));
        job
    }

    /// Removes the parts, which nobody needs any more.
    fn remove_parts(&self) {
        let job = self.removal();
        self.ask_what_it_can(&job);
        for part in self.keeper.parts() {
            let Ok((url, _)) = AbsoluteUrl::parse(&part.url) else { continue };
            let patience = REMOVAL_LIMIT.saturating_sub(job.clock.elapsed());
            // What stays is told by a warning.
            let allowed = self.may_remove(&url, part.length, &job).inspect_err(|error| {
                if error.kind() != ErrorKind::Gone {
                    self.warnings.left(&url, error);
                }
            });
            let _ = allowed.and_then(|()| self.client.remove(url, &job, patience));
        }
    }

    /// A run that only ends what an earlier one had begun has not asked the server yet.
    fn ask_what_it_can(&self, removal: &Job) {
        if self.client.known_capabilities().is_some() || !self.client.config().query_server {
            return;
        }
        let mut job = self.client.removal_job(removal);
        job.clock = removal.clock;
        // What is not known then is told by a warning for each part.
        let goal = Goal::Discover { endpoint: self.endpoint.clone() };
        let _ = Driver::new(self.client, &mut job).run(self.client.bare_plan(goal));
    }

    /// Whether a part may be removed: this operation has created it, or the server shows it to be such a part.
    fn may_remove(&self, url: &AbsoluteUrl, length: u64, job: &Job) -> Result<()> {
        if self.keeper.has_made(url) {
            return Ok(());
        }
        self.client.check_recorded(url, Recorded { length, concat: ConcatKind::Partial }, job)
    }

    /// The whole is there, and the source cannot be shown to be what it was. It stays (T-111), and so do its parts, which it
    /// may refer to.
    fn disown(&self, error: Error, whole: AbsoluteUrl) -> Error {
        self.keeper.interrupted(self.size, self.whole.clock.left(), &self.cancel);
        error.with_upload_url(Some(whole))
    }

    /// A later run goes on with the parts if it can learn of them and it is of any use; else they are removed.
    fn give_up(&self, error: Error, parts: &[Part]) -> Error {
        let useless = parts.iter().any(|part| part.job.source_spoiled);
        // What may be complete is not removed either, nor what it may have been made of.
        let stopped = matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::Callback(_) | ErrorKind::Unconfirmed);
        if error.kind() == ErrorKind::Cancelled && self.wants_removal() {
            return self.delete_cancelled(error.without_upload_url());
        }
        if self.may_be_joined.load(Ordering::SeqCst) {
            // The whole may be there, and may refer to its parts.
            for part in self.keeper.parts() {
                let text = "a part of an upload that may have been put together stays on the server";
                let warning = Warning::new(WarningKind::LeftOnServer, text);
                let url = AbsoluteUrl::parse(&part.url).ok();
                self.warnings.warn(url.map_or(warning.clone(), |(url, _)| warning.about(&url)));
            }
            self.keeper.interrupted(self.size, self.whole.clock.left(), &self.cancel);
            let token = self.keeper.token();
            return error.with_resume_token(token);
        }
        // The error is about one part, whose URL is not that of the upload.
        let of_a_part = |url: &AbsoluteUrl| parts.iter().any(|part| part.url.as_ref() == Some(url));
        let whole = error.upload_url().filter(|url| error.kind() == ErrorKind::Unconfirmed && !of_a_part(url)).cloned();
        let error = error.without_upload_url().with_upload_url(whole);
        if !useless && (self.keeper.is_lasting() || stopped) {
            self.keeper.interrupted(self.size, self.whole.clock.left(), &self.cancel);
            let token = self.keeper.token();
            return error.with_resume_token(token);
        }
        self.remove_parts();
        self.keeper.forget();
        error
    }

    fn wants_removal(&self) -> bool {
        self.client.control().is_some_and(Control::wants_removal)
    }

    /// Removes the parts, and what they may have been put together to unless that is complete, of an upload that the
    /// caller cancelled for good.
    fn delete_cancelled(&self, mut error: Error) -> Error {
        let mut job = self.job(0);
        let mut stays = None;
        if let Some(whole) = self.keeper.whole() {
            job.recorded =
                (!self.keeper.has_made(&whole)).then_some(Recorded { length: self.size, concat: ConcatKind::Final });
            error = self.client.delete_cancelled(error.with_upload_url(Some(whole)), &job);
            stays = error.upload_url().cloned();
        }
        let mut gone = stays.is_none();
        for part in self.keeper.parts() {
            let Ok((url, _)) = AbsoluteUrl::parse(&part.url) else { continue };
            error = match self.may_remove(&url, part.length, &job) {
                Ok(()) => self.client.delete_at_once(error, url, &job),
                Err(why) if why.kind() == ErrorKind::Gone => error,
                Err(why) => error.because(why.full_message()).with_upload_url(Some(url)),
            };
            gone &= error.upload_url().is_none();
            error = error.without_upload_url();
        }
        if gone {
            self.keeper.forget();
        } else {
            self.keeper.interrupted(self.size, self.whole.clock.left(), &self.cancel);
        }
        error.with_upload_url(stays)
    }

    fn stats(&self, parts: &[Part]) -> Stats {
        let mut all = Stats::default();
        for part in parts {
            let one = part.job.stats();
            all.bytes_resumed += one.bytes_resumed;
            all.bytes_sent += one.bytes_sent;
            all.chunks_completed += one.chunks_completed;
            all.chunks_failed += one.chunks_failed;
            all.chunks_retried += one.chunks_retried;
            all.chunks_total += one.chunks_total;
        }
        let progress = self.gauge.progress();
        Stats {
            bytes_total: progress.total,
            bytes_confirmed: progress.confirmed,
            speed: progress.speed,
            eta: progress.eta,
            bytes_resumed: all.bytes_resumed,
            bytes_sent: all.bytes_sent,
            chunks_completed: all.chunks_completed,
            chunks_failed: all.chunks_failed,
            chunks_retried: all.chunks_retried,
            chunks_total: all.chunks_total,
            ..self.whole.stats()
        }
    }
}

/// Whether a failure says that the server takes no partial uploads at all: not one has been made (T-128).
fn refuses_parts(error: &Error, parts: &[Part]) -> bool {
    let by_status = error.answer().is_some_and(|answer| matches!(answer.status, 400 | 412 | 501));
    let says_so = error.kind() == ErrorKind::Unsupported || by_status && parts.iter().all(|part| part.url.is_none());
    says_so && !parts.iter().any(|part| part.job.created_here)
}

/// Whether the server missed something in the parts.
fn is_about_parts(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::InvalidState | ErrorKind::Gone)
}

/// Parts of the same size, the first ones a byte longer where that does not come out even.
fn split(size: u64, count: u64) -> Vec<PartRecord> {
    let mut start = 0;
    (0..count)
        .map(|index| {
            let length = size / count + u64::from(index < size % count);
            let part = PartRecord { url: String::new(), start, length };
            start += length;
            part
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_even_and_whole() {
        for (size, count) in [(2, 2), (11, 3), (64, 64), (1 << 40, 7), (i64::MAX as u64, 64)] {
            let parts = split(size, count);
            assert_eq!(parts.len() as u64, count);
            assert_eq!(parts.iter().map(|part| part.length).sum::<u64>(), size);
            assert!(parts.iter().all(|part| part.length >= 1));
            assert!(parts.windows(2).all(|two| two[0].start + two[0].length == two[1].start));
        }
    }
}
