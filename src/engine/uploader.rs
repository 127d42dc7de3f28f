//! An upload the caller drives chunk by chunk.

use std::sync::Arc;
use std::time::Duration;

use super::budget::Reserved;
use super::client::Client;
use super::control::Control;
use super::driver::{Driver, Until};
use super::info::{ConcatKind, Stats, UploadInfo};
use super::job::Job;
use super::options::UploadOptions;
use crate::cancel::Cancel;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::chunk::ChunkSize;
use crate::protocol::metadata::Metadata;
use crate::protocol::session::{CreationData, Goal, Outcome, Plan, Session};
use crate::protocol::url::AbsoluteUrl;
use crate::source::Source;
use crate::warning::Warning;

/// An upload under way that only goes on while a method of it runs. Dropping it leaves the upload on the server, to be
/// continued by a later run.
///
/// ```
/// # use tus::engine::{client::Client, config::Config, options::UploadOptions, uploader::Uploader};
/// # use tus::protocol::chunk::ChunkSize;
/// # use tus::source::Source;
/// # let server = tus_test_server::Server::start(tus_test_server::Options::default())?;
/// let mut config = Config::new();
/// config.set_url(&server.endpoint())?;
/// config.set_chunk_size(ChunkSize::Fixed(4.try_into()?))?;
/// let client = Client::new(config)?;
///
/// let mut uploader = Uploader::create(&client, Source::memory("hello, world"), &UploadOptions::new())?;
/// while uploader.upload_chunk()? {
///     println!("{} of 12 bytes are there", uploader.offset());
/// }
/// assert!(uploader.is_complete());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Uploader {
    client: Client,
    /// Ends the call under way and all later ones.
    cancel: Cancel,
    source: Source,
    options: UploadOptions,
    metadata: Metadata,
    job: Job,
    /// Between two calls: what was read ahead and is still to be sent.
    memory: Option<Arc<Reserved>>,
    url: Option<AbsoluteUrl>,
    info: Option<UploadInfo>,
    /// The server may hold the complete upload but has not confirmed it: asking again where it is would not either.
    unconfirmed: Option<Error>,
}

impl Uploader {
    /// Finds the upload of an earlier run, asks for the one the options name, or creates one; sends no data yet.
    /// Everything that can be wrong with source and options is found before the first request.
    pub fn create(client: &Client, mut source: Source, options: &UploadOptions) -> Result<Uploader> {
        if options.parallel > 1 && !options.parallel_fallback {
            let what = "an upload chunk by chunk cannot be sent in parts; \
                        tus_upload_options_set_parallel_fallback would have it sent as one";
            return Err(Error::new(ErrorKind::Unsupported, what));
        }
        let (mut job, plan, metadata) = match &options.upload_url {
            Some(url) => {
                let url = client.upload_url(url)?;
                source.0.prepare()?;
                let mut job = client.job(options, source.size());
                let proven = client.remember_named(source.0.as_mut(), &url, options, &mut job)?;
                let plan = client.resume_plan(url, source.0.as_ref(), options, proven);
                (job, plan, Metadata::new())
            }
            None => {
                let bytes = source.0.as_mut();
                let (endpoint, size, metadata) = client.local_checks(bytes, options)?;
                let mut job = client.job(options, size);
                let (keeper, candidate) = client.remember(bytes, &endpoint, options, &metadata, &job)?;
                // An upload in parts is not one whose chunks follow each other.
                let candidate = candidate.filter(|candidate| candidate.record.parts.is_empty());
                let plan = client.upload_plan(bytes, options, endpoint, &metadata, keeper, candidate, &mut job);
                (job, plan, metadata)
            }
        };
        job.lives_on = true;
        let gauge = Arc::clone(job.meter.gauge());
        gauge.report_now().map_err(|code| super::driver::stopped_by_callback("progress", code))?;
        // So that the URL is there before the first byte.
        let creation_data = if job.meter.total() == Some(0) { plan.creation_data } else { CreationData::Off };
        let plan = Plan { creation_data, ..plan };
        // A source of unknown size is read already, to see whether it ends with its first chunk.
        let memory = match source.size() {
            None => Some(client.reserve(source.0.as_ref(), options, &mut job)?),
            Some(_) => None,
        };
        let bound = memory.as_ref().and_then(|memory| client.look_ahead_bound(memory, options, source.0.as_ref()));
        let ended = {
            let mut driver = Driver::new(client, &mut job).with_source(source.0.as_mut());
            driver.begin(plan);
            driver.bound_look_ahead(bound);
            driver.advance(Until::Ready)
        };
        let (client, cancel, options) = (client.freed(), Cancel::new(), options.clone());
        let (url, info, unconfirmed) = (None, None, None);
        let mut uploader = Uploader { client, cancel, source, options, metadata, job, memory, url, info, unconfirmed };
        uploader.took(ended)?;
        uploader.rest();
        uploader.obey(None);
        Ok(uploader)
    }

    /// What the calls from now on are steered by; what ends them all ([`Uploader::cancel_handle`]) raises its flag too.
    pub fn obey(&mut self, control: Option<&Control>) {
        let cancel = match control {
            Some(control) => control.flag().child(),
            None => self.client.cancel(),
        };
        self.cancel.adopt(&cancel);
        if let Some(control) = control {
            self.cancel.adopt(control.plain_flag());
            self.cancel.adopt(control.removal_flag());
            control.show(self.job.meter.gauge());
            control.show_url(self.url.as_ref());
        }
        self.job.obey(cancel, control.cloned());
    }

    /// Sends all that is left.
    pub fn upload(&mut self) -> Result<UploadInfo> {
        loop {
            if let Some(info) = &self.info {
                return Ok(info.clone());
            }
            self.advance(Until::End)?;
        }
    }

    /// Sends until the server has acknowledged more than before, which is one chunk where nothing goes wrong; whether
    /// there is more to send. A chunk the server refuses for its place (409) is sent again from where it should be.
    pub fn upload_chunk(&mut self) -> Result<bool> {
        if self.info.is_none() {
            self.advance(Until::Acknowledged)?;
        }
        Ok(self.info.is_none())
    }

    fn advance(&mut self, until: Until) -> Result<()> {
        if let Some(error) = &self.unconfirmed {
            return Err(error.clone());
        }
        self.job.clock.extend(self.options.total_timeout.or(self.client.config().total_timeout));
        let client = self.client.clone();
        let source = self.source.0.as_ref();
        let memory = client.reserve_with(self.memory.as_deref(), source, &self.options, &mut self.job);
        let memory = memory.map_err(|error| error.with_upload_url(self.url.clone()))?;
        let bound = client.look_ahead_bound(&memory, &self.options, source);
        self.memory = Some(memory);
        let result = self.advance_with(until, bound).and_then(|ended| self.took(ended));
        self.rest();
        result
    }

    fn advance_with(&mut self, until: Until, bound: Option<u64>) -> Result<Option<Result<Outcome>>> {
        let deadline = self.job.clock.deadline();
        let ended = {
            let begin = match &mut self.job.session {
                Some(session) => {
                    session.set_deadline(deadline);
                    None
                }
                // A call before this one failed; the upload is still there.
                None => Some(self.resumption()?),
            };
            let mut driver = Driver::new(&self.client, &mut self.job).with_source(self.source.0.as_mut());
            if let Some(plan) = begin {
                driver.begin(plan);
            }
            driver.bound_look_ahead(bound);
            driver.advance(until)
        };
        Ok(ended)
    }

    /// Gives back what memory is not needed until the next call.
    fn rest(&mut self) {
        if let Some(memory) = &self.memory {
            let (spare, replay) = (self.client.saves_memory(), !self.is_complete());
            memory.give_back(self.job.rest(self.source.0.as_mut(), spare, replay));
        }
    }

    fn resumption(&self) -> Result<Plan> {
        let ended =
            || Error::new(ErrorKind::InvalidState, "the upload is gone from the server: create another uploader");
        let url = self.url.clone().ok_or_else(ended)?;
        let mut plan = self.client.resume_plan(url, self.source.0.as_ref(), &self.options, self.job.proven);
        if let Goal::Resume { size, .. } = &mut plan.goal {
            *size = self.source.size();
        }
        Ok(plan)
    }

    /// Takes in how a call ended.
    fn took(&mut self, ended: Option<Result<Outcome>>) -> Result<()> {
        match ended {
            None => {
                self.url = self.job.session.as_ref().and_then(Session::upload_url).cloned();
                Ok(())
            }
            Some(result) => {
                let concat = ConcatKind::None;
                let ended = self.client.conclude(result, &mut self.job, self.metadata.clone(), concat);
                let _ = self.job.meter.gauge().report_now();
                match ended {
                    Ok(info) => {
                        self.url = Some(info.url.clone());
                        self.info = Some(info);
                        Ok(())
                    }
                    Err(error) => {
                        self.url = error.upload_url().cloned();
                        self.unconfirmed = Some(error.clone()).filter(|error| error.kind() == ErrorKind::Unconfirmed);
                        Err(error)
                    }
                }
            }
        }
    }

    /// Sets how many bytes the chunks from the next one on have, in place of what the options and the client say. Checksums and
    /// memory bound it as they do there.
    pub fn set_chunk_size(&mut self, size: ChunkSize) -> Result<()> {
        self.options.set_chunk_size(size)?;
        self.job.session = self.job.session.take().map(|session| session.set_chunk_size(size));
        Ok(())
    }

    /// Whether the server has acknowledged every byte.
    pub fn is_complete(&self) -> bool {
        self.info.as_ref().is_some_and(|info| info.complete)
    }

    /// Bytes the server has acknowledged.
    pub fn offset(&self) -> u64 {
        self.job.meter.gauge().progress().confirmed
    }

    /// The upload; `None` if it is gone from the server.
    pub fn url(&self) -> Option<&AbsoluteUrl> {
        self.url.as_ref()
    }

    /// The result, once all is sent (or as much as was asked for).
    pub fn info(&self) -> Option<&UploadInfo> {
        self.info.as_ref()
    }

    /// What it took so far, all calls together and the time between them.
    pub fn stats(&self) -> Stats {
        self.job.stats()
    }

    /// What was met so far that is no failure, but may have to be acted on.
    pub fn warnings(&self) -> Vec<Warning> {
        self.job.warnings.all()
    }

    /// The token by which a later run can go on, if the source can be recognised then.
    pub fn resume_token(&self) -> Option<String> {
        self.job.keeper.as_ref().and_then(|keep| keep.keeper.token())
    }

    /// What ends a call under way, from any thread, and every later one.
    pub fn cancel_handle(&self) -> Cancel {
        self.cancel.clone()
    }
}

impl Drop for Uploader {
    fn drop(&mut self) {
        if let (None, Some(keep)) = (&self.info, &self.job.keeper) {
            // As a call of its own, with the time that each has.
            let limit = self.options.total_timeout.or(self.client.config().total_timeout).unwrap_or(Duration::MAX);
            keep.keeper.interrupted(self.job.meter.gauge().progress().sent, limit, &self.job.cancel);
        }
    }
}

impl std::fmt::Debug for Uploader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Uploader").field("url", &self.url).field("offset", &self.offset()).finish_non_exhaustive()
    }
}
