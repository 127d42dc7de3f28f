//! The client: settings, connections and what is known of the server, shared by all its operations.
//!
//! Operations without data are here; uploads are in `upload`, `parallel` and `uploader`.

use std::fmt;
use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, PoisonError, RwLock, TryLockError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::budget::{Budget, Reserved};
use super::capabilities::Capabilities;
use super::config::{Config, set_field};
use super::control::Control;
use super::driver::{Driver, cancelled, stopped_by_callback};
use super::holds::Holds;
use super::hooks::{NewHeaders, REQUEST_ID};
use super::info::{ConcatKind, PreviousUpload, ServerInfo, UploadInfo};
use super::job::Job;
use super::log::Level;
use super::meter::Gauge;
use super::options::UploadOptions;
use super::previous::Search;
use super::warnings::Warnings;
use super::{clock, random};
use crate::cancel::{Cancel, Slept};
use crate::digest;
use crate::error::{Error, ErrorKind, Result, TimeLimit};
use crate::protocol::checksum::{Policy, Wish};
use crate::protocol::chunk::{fits_in_memory, largest_in_memory};
use crate::protocol::date::parse_http_date;
use crate::protocol::headers::Headers;
use crate::protocol::instant::Instant as SessionInstant;
use crate::protocol::metadata::Metadata;
use crate::protocol::offset::{is_final, is_partial};
use crate::protocol::reaction::Purpose;
use crate::protocol::session::{Exchange, Goal, Outcome, Plan};
use crate::protocol::url::{AbsoluteUrl, Origin};
use crate::source::{Bytes, Source};
use crate::store::{self, Record};
use crate::sys;
use crate::transport::{Field, PlatformCertificates, Settings, Transport, Watch as _};

/// A client. Threads: any number at once. Clones are the same client.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    /// What the operations of this handle obey.
    control: Option<Control>,
}

/// What all handles of a client have in common.
struct Shared {
    config: Config,
    transport: Transport,
    /// The caller's headers, changeable while operations run.
    headers: RwLock<Headed>,
    /// Held while the caller gets other credentials, so that he is asked once for all operations that need them.
    renewal: Mutex<()>,
    capabilities: Arc<Capabilities>,
    /// Ends the operations that have no control of their own.
    closing: Cancel,
    holds: Holds,
    memory: Arc<Budget>,
}

/// Headers, and how often they have been changed.
#[derive(Debug)]
struct Headed {
    generation: u64,
    fields: Vec<Field>,
}

/// What a request takes whatever it carries.
const PER_REQUEST: u64 = 256 << 10;
/// How long the function that gets other credentials for another operation is waited for at a time.
const RENEWAL_LOOK: Duration = Duration::from_millis(10);

impl Client {
    /// A client with these settings. Reads certificates and proxy variables; makes no connection.
    pub fn new(config: Config) -> Result<Client> {
        let mut tls = config.tls.clone();
        let https = |origin: &Origin| origin.secure;
        tls.platform = match config.endpoint.as_ref().map(|endpoint| https(endpoint.origin())) {
            Some(true) => PlatformCertificates::Needed,
            None => PlatformCertificates::Likely,
            Some(false) if config.allowed_origins.iter().any(https) => PlatformCertificates::Likely,
            Some(false) => PlatformCertificates::Unlikely,
        };
        if let (Some(endpoint), Some(why)) = (&config.endpoint, tls.forbids_plain())
            && !endpoint.origin().secure
        {
            let what = format!("the endpoint's URL begins with http://, but {why}: it has to begin with https://");
            return Err(Error::new(ErrorKind::Tls, what));
        }
        let transport = Transport::new(Settings {
            timeouts: config.timeouts,
            user_agent: config.user_agent.clone(),
            tls,
            proxy: config.proxy.clone(),
            files: config.files,
            locations: config.locations,
            #[cfg(test)]
            is_inward: config.is_inward.unwrap_or(Settings::default().is_inward),
            ..Settings::default()
        })?;
        if let Some(endpoint) = &config.endpoint {
            transport.check_way(endpoint.as_str())?;
        }
        if let Some((_, key)) = &config.tls.client_certificate
            && sys::attributes::is_readable_by_all(key)
        {
            config.log.write(Level::Warn, || {
                format!("all users of this machine may read the private key {}: take that right away", key.display())
            });
        }
        let mut headers = config.headers.clone();
        if let Some(user) = &config.user
            && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization"))
        {
            let plain = Zeroizing::new(format!("{}:{}", user.name, user.password.as_str()));
            let basic = Zeroizing::new(STANDARD.encode(plain.as_bytes()));
            headers.push(("Authorization".to_owned(), Zeroizing::new(format!("Basic {}", basic.as_str()))));
        }
        let headers = RwLock::new(Headed { generation: 0, fields: headers });
        let (renewal, capabilities, closing) = (Mutex::default(), Arc::default(), Cancel::new());
        let (holds, memory) = (Holds::default(), Arc::new(Budget::default()));
        memory.set_limit(config.memory_limit);
        transport.throttle().set_limit(config.bandwidth_limit);
        let shared = Arc::new(Shared { config, transport, headers, renewal, capabilities, closing, holds, memory });
        Ok(Client { shared, control: None })
    }

    /// The same client, whose operations obey `control`. A control is for one operation.
    #[must_use]
    pub fn under(&self, control: &Control) -> Client {
        Client { shared: Arc::clone(&self.shared), control: Some(control.clone()) }
    }

    /// The same client without a control.
    pub(super) fn freed(&self) -> Client {
        Client { shared: Arc::clone(&self.shared), control: None }
    }

    /// Ends all operations under way that have no [`Control`] of their own, and every later one, with
    /// [`ErrorKind::Cancelled`].
    pub fn close(&self) {
        self.shared.closing.cancel();
    }

    /// Changes a header for all requests from now on, those of running operations included; `None` removes it.
    pub fn set_header(&self, name: &str, value: Option<&str>) -> Result<()> {
        let mut headers = self.shared.headers.write().unwrap_or_else(PoisonError::into_inner);
        set_field(&mut headers.fields, name, value)?;
        headers.generation += 1;
        Ok(())
    }

    /// Bounds the memory that all uploads together may use for data, those that begin from now on; `None` is no bound.
    /// One upload always runs.
    pub fn set_memory_limit(&self, bytes: Option<NonZeroU64>) {
        self.shared.memory.set_limit(bytes);
    }

    /// Bounds the bytes per second that all uploads together send, those under way too; `None` is no bound.
    pub fn set_bandwidth_limit(&self, bytes_per_second: Option<NonZeroU64>) {
        self.shared.transport.throttle().set_limit(bytes_per_second);
    }

    /// The caller's present headers, credentials included.
    pub fn headers(&self) -> Vec<Field> {
        self.shared.headers.read().unwrap_or_else(PoisonError::into_inner).fields.clone()
    }

    /// The server has refused headers of `generation`: whether there are others. The caller is asked once for each
    /// generation, whatever the number of operations that were refused.
    pub(super) fn authenticate(
        &self,
        generation: u64,
        refusal: &Error,
        job: &Job,
    ) -> Result<std::result::Result<bool, i32>> {
        let Some(hook) = &self.shared.config.hooks.credentials else { return Ok(Ok(false)) };
        let _renewal = loop {
            match self.shared.renewal.try_lock() {
                Ok(guard) => break guard,
                Err(TryLockError::Poisoned(poisoned)) => break poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => {
                    let go_on = || std::ops::ControlFlow::Continue(());
                    if job.cancel.sleep(RENEWAL_LOOK, None, go_on) == Slept::Cancelled {
                        return Err(cancelled());
                    }
                }
            }
        };
        let now = self.shared.headers.read().unwrap_or_else(PoisonError::into_inner).generation;
        if now != generation {
            return Ok(Ok(true));
        }
        let Some(answer) = refusal.answer() else { return Ok(Ok(false)) };
        let mut new = NewHeaders::default();
        let word = {
            let _gate = job.meter.gauge().gate();
            hook(answer, &mut new)
        };
        if let Err(code) = word {
            return Ok(Err(code));
        }
        if new.0.is_empty() {
            return Ok(Ok(self.shared.headers.read().unwrap_or_else(PoisonError::into_inner).generation != generation));
        }
        for (name, value) in new.0 {
            self.set_header(&name, value.as_ref().map(|value| value.as_str()))?;
        }
        Ok(Ok(true))
    }

    /// What the server says of an upload (offset, size, metadata, …).
    pub fn upload_info(&self, url: &str) -> Result<UploadInfo> {
        let url = self.upload_url(url)?;
        let mut job = self.bare_job();
        match Driver::new(self, &mut job).run(self.bare_plan(Goal::Inspect { url }))? {
            Outcome::Inspected { url, offset, size, headers } => {
                let metadata = headers.get("Upload-Metadata").map(Metadata::parse).unwrap_or_default();
                Ok(UploadInfo {
                    complete: size == Some(offset),
                    url,
                    offset,
                    size,
                    text: self.texts(&metadata),
                    metadata,
                    expires: headers.get("Upload-Expires").and_then(parse_http_date),
                    concat: concat_kind(&headers),
                    checksum: None,
                    stats: job.stats(),
                    warnings: job.warnings.all(),
                })
            }
            other => Err(unexpected(&other)),
        }
    }

    /// What the server can do, as it has said within the last hour; asked if it has not.
    pub fn server_info(&self) -> Result<ServerInfo> {
        let endpoint = self.endpoint()?;
        if let Some(known) = self.shared.capabilities.known(endpoint.origin()) {
            return Ok(known);
        }
        let mut job = self.bare_job();
        match Driver::new(self, &mut job).run(self.bare_plan(Goal::Discover { endpoint }))? {
            Outcome::Discovered(capabilities) => Ok(capabilities),
            other => Err(unexpected(&other)),
        }
    }

    /// Removes an upload from the server, and its entry from the store; one that is already gone counts as removed
    /// (T-110).
    pub fn delete_upload(&self, url: &str) -> Result<()> {
        let url = self.upload_url(url)?;
        let forget = self.entry_of(&url);
        let endpoint = self.shared.config.endpoint.clone();
        let goal = Goal::Terminate { url, endpoint };
        match Driver::new(self, &mut self.bare_job()).run(self.bare_plan(goal))? {
            Outcome::Terminated => {
                forget();
                Ok(())
            }
            other => Err(unexpected(&other)),
        }
    }

    /// How to take an upload, of which only the URL is known, out of the store. A store that cannot list its entries is
    /// told the upload's size, which the server knows as long as the upload is there.
    fn entry_of(&self, url: &AbsoluteUrl) -> impl FnOnce() + use<'_> {
        let url = url.clone();
        let unlisted = self.shared.config.store.as_ref().filter(|store| listed_not_at_all(store.as_ref()));
        let size = unlisted.and_then(|_| self.upload_info(url.as_str()).ok()).and_then(|info| info.size);
        move || {
            let Some(store) = &self.shared.config.store else { return };
            let done = match (size, &self.shared.config.endpoint) {
                (Some(size), Some(endpoint)) => store.remove(&store::key(endpoint.as_str(), size), url.as_str()),
                _ => match store.prune(&|record| names(record, url.as_str())) {
                    Err(error) if error.kind() == ErrorKind::Unsupported => Ok(()),
                    other => other.map(drop),
                },
            };
            if let Err(error) = done {
                self.shared
                    .config
                    .log
                    .write(Level::Warn, || format!("the store cannot be changed: {}", error.full_message()));
            }
        }
    }

    /// The unfinished uploads of this source that the store knows of, the likeliest first; no request is made. Empty
    /// without a store, for a source that cannot be recognised, and where the store cannot be read.
    pub fn find_previous_uploads(&self, source: &mut Source) -> Result<Vec<PreviousUpload>> {
        let endpoint = self.endpoint()?;
        let source = source.0.as_mut();
        let Some(place) = source.size().filter(|_| source.replay_limit().is_none()) else { return Ok(Vec::new()) };
        let Some(place) = self.place(&endpoint, place) else { return Ok(Vec::new()) };
        let job = self.bare_job();
        Search { client: self, endpoint, source, job: &job }.all(&place)
    }

    /// Removes uploads from the store that the server has forgotten by now, or that were begun longer ago than
    /// `max_age`; returns how many. The server is not asked and nothing is removed from it.
    pub fn prune_store(&self, max_age: Option<Duration>) -> Result<u64> {
        let Some(store) = &self.shared.config.store else { return Ok(0) };
        let now = clock::wall();
        let begun = max_age.map(|age| now.saturating_sub(age.as_secs()));
        store.prune(&|record| record.is_expired(now) || begun.is_some_and(|begun| record.created < begun))
    }

    /// Whether the caller has allowed an origin besides the endpoint's.
    pub(super) fn allows(&self, origin: &Origin) -> bool {
        self.shared.config.allowed_origins.contains(origin)
    }

    pub(super) fn config(&self) -> &Config {
        &self.shared.config
    }

    pub(super) fn transport(&self) -> &Transport {
        &self.shared.transport
    }

    /// What the servers have said of themselves.
    pub(super) fn capabilities(&self) -> &Arc<Capabilities> {
        &self.shared.capabilities
    }

    /// What is known of the endpoint's server: what the caller says, or else what the server has said.
    pub(super) fn known_capabilities(&self) -> Option<ServerInfo> {
        self.known_capabilities_of(self.shared.config.endpoint.as_ref()?.origin())
    }

    /// The same of any server; what the caller says is about the endpoint's.
    pub(super) fn known_capabilities_of(&self, origin: &Origin) -> Option<ServerInfo> {
        let is_endpoint = self.shared.config.endpoint.as_ref().is_some_and(|endpoint| endpoint.origin() == origin);
        let told = self.shared.config.capabilities.as_ref().filter(|_| is_endpoint);
        told.cloned().or_else(|| self.shared.capabilities.known(origin))
    }

    /// The headers of a request, and which generation they are: the protocol's, and the caller's if its origin is
    /// trusted (T-150); those for one upload go before those of the client.
    pub(super) fn headers_for(&self, exchange: &Exchange, of_upload: &[Field]) -> (u64, Vec<Field>) {
        let mut headers: Vec<Field> =
            exchange.headers.iter().map(|(name, value)| ((*name).to_owned(), Zeroizing::new(value.clone()))).collect();
        let generation = {
            let own = self.shared.headers.read().unwrap_or_else(PoisonError::into_inner);
            if exchange.trusted {
                let replaced = |name: &str| of_upload.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
                headers.extend(own.fields.iter().filter(|(name, _)| !replaced(name)).cloned());
                headers.extend_from_slice(of_upload);
            }
            own.generation
        };
        if self.shared.config.add_request_id && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(REQUEST_ID)) {
            headers.push((REQUEST_ID.to_owned(), Zeroizing::new(request_id())));
        }
        (generation, headers)
    }

    /// A job of an operation without data.
    pub(super) fn bare_job(&self) -> Job {
        Job::bare(self.cancel(), self.shared.config.total_timeout, self.control.clone(), self.warnings())
    }

    /// A list for the warnings of an operation that begins.
    pub(super) fn warnings(&self) -> Warnings {
        Warnings::new(self.shared.config.log.clone())
    }

    /// A job that removes what another leaves behind.
    pub(super) fn removal_job(&self, of: &Job) -> Job {
        let cancel = match &of.control {
            Some(control) if control.wants_removal() => control.removal_flag().child(),
            Some(control) => control.plain_flag().child(),
            None => self.shared.closing.child(),
        };
        Job::bare(cancel, self.shared.config.total_timeout, None, self.warnings()).instead_of(of)
    }

    /// What ends the operations of this handle.
    pub(super) fn cancel(&self) -> Cancel {
        match &self.control {
            // Its own, so that the descriptor it waits with goes with the operation: a control may be kept for long.
            Some(control) => control.flag().child(),
            None => self.shared.closing.child(),
        }
    }

    /// What ends an operation of this handle by a plain cancel, but not one that a wish to have the upload removed ends.
    pub(super) fn plain_cancel(&self) -> Cancel {
        match &self.control {
            Some(control) => control.plain_flag().child(),
            None => self.shared.closing.child(),
        }
    }

    /// Reserves the memory that an upload may come to need; waits until there is so much, as any of its requests would:
    /// a cancel, its progress function and its time limit end it, and during a pause it stands still.
    pub(super) fn reserve(&self, source: &dyn Bytes, options: &UploadOptions, job: &mut Job) -> Result<Arc<Reserved>> {
        self.reserve_with(None, source, options, job)
    }

    /// The same where something was kept of what was reserved `before`.
    pub(super) fn reserve_with(
        &self,
        before: Option<&Reserved>,
        source: &dyn Bytes,
        options: &UploadOptions,
        job: &mut Job,
    ) -> Result<Arc<Reserved>> {
        let (memory, bytes) = (&self.shared.memory, self.memory_need(source, options));
        let reserved = loop {
            job.stand_still(0);
            if let Some(reserved) = memory.try_reserve(bytes, before) {
                break reserved;
            }
            let (limits, flag) = (job.limits(), job.flag_for(Purpose::Transfer));
            match memory.reserve(bytes, before, &flag, limits.interval(), || limits.tick(0)) {
                Ok(reserved) => break reserved,
                Err(_) if job.cancel.is_set() => return Err(cancelled()),
                Err(Slept::Stopped) => {
                    let late = "the operation's deadline passed before there was memory for it";
                    return Err(match job.meter.gauge().stopped() {
                        Some(code) => stopped_by_callback("progress", code),
                        None => Error::new(ErrorKind::Timeout(TimeLimit::Total), late),
                    });
                }
                // Paused.
                Err(_) => {}
            }
        };
        if let Some(control) = &job.control {
            control.set_memory(&reserved);
        }
        Ok(reserved)
    }

    fn memory_need(&self, source: &dyn Bytes, options: &UploadOptions) -> u64 {
        let chunk = largest_in_memory(options.chunk_size.unwrap_or(self.config().chunk_size));
        let hashed = self.chunks_hashed(options, source) * chunk;
        (PER_REQUEST + hashed + source.memory_need(chunk)) * u64::from(options.parallel.max(1))
    }

    /// How many chunks may lie in memory for their checksums.
    fn chunks_hashed(&self, options: &UploadOptions, source: &dyn Bytes) -> u64 {
        if self.checksum(options, source.size()).policy == Policy::Off { 0 } else { 2 }
    }

    /// How far may be looked ahead with this memory, where others keep so much that there is less than was reserved.
    pub(super) fn look_ahead_bound(
        &self,
        memory: &Reserved,
        options: &UploadOptions,
        source: &dyn Bytes,
    ) -> Option<u64> {
        let room = memory.room()?.saturating_sub(PER_REQUEST);
        Some(room / (1 + self.chunks_hashed(options, source)))
    }

    /// Whether memory is limited.
    pub(super) fn saves_memory(&self) -> bool {
        self.shared.memory.is_limited()
    }

    /// What checksums the data of an upload carries. A chunk that does not fit into memory would be read twice: that is not
    /// done for a checksum nobody asked for.
    fn checksum(&self, options: &UploadOptions, size: Option<u64>) -> Wish {
        let chunk_size = options.chunk_size.unwrap_or(self.config().chunk_size);
        options.checksum.or(self.config().checksum).unwrap_or_else(|| {
            let policy = if fits_in_memory(chunk_size, size) { Policy::IfAvailable } else { Policy::Off };
            Wish { policy, algorithm: None }
        })
    }

    /// Until when a job may not make a request to a server, if it may not now.
    pub(super) fn held_back(&self, origin: &Origin, job: &Job) -> Option<SessionInstant> {
        Some(job.clock.instant(self.shared.holds.until(origin, job.id())?))
    }

    /// A job was told that a server wants no requests for so long.
    pub(super) fn hold_back(&self, origin: Origin, delay: Duration, job: &Job) {
        // What no clock can reach is no time to wait for: whoever was told decides for himself.
        if let Some(until) = Instant::now().checked_add(delay) {
            self.shared.holds.add(origin, until, job.id());
        }
    }

    pub(super) fn control(&self) -> Option<&Control> {
        self.control.as_ref()
    }

    /// The counters of an upload.
    pub(super) fn gauge(&self, options: &UploadOptions, total: Option<u64>) -> Arc<Gauge> {
        let gauge = Gauge::new(options.progress.clone(), total);
        if let Some(control) = &self.control {
            control.show(&gauge);
        }
        gauge
    }

    pub(super) fn endpoint(&self) -> Result<AbsoluteUrl> {
        let missing = || Error::new(ErrorKind::InvalidState, "the client has no server URL");
        self.shared.config.endpoint.clone().ok_or_else(missing)
    }

    /// An upload's URL as the caller gives it: absolute, or relative to the endpoint. Userinfo in it is not used.
    pub(super) fn upload_url(&self, text: &str) -> Result<AbsoluteUrl> {
        let reason = match AbsoluteUrl::parse(text) {
            Ok((url, _)) => return Ok(url),
            Err(error) => error.to_string(),
        };
        let reason = match &self.shared.config.endpoint {
            Some(endpoint) => match endpoint.resolve(text) {
                Ok(url) => return Ok(url),
                Err(_) if text.contains("://") => reason,
                Err(_) => "it is neither an absolute URL nor a reference to one, seen from the endpoint".to_owned(),
            },
            None => reason,
        };
        Err(Error::invalid(format!("the upload's URL cannot be used: {reason}")))
    }

    /// How an operation ends that is cancelled before it begins, if it names an upload: that stays on the server.
    pub(crate) fn cancelled_before_begun(&self, url: Option<&str>, token: Option<&str>) -> Option<Error> {
        let url = url.and_then(|url| self.upload_url(url).ok());
        if url.is_none() && token.is_none() {
            return None;
        }
        let error = cancelled().because("it had not begun, and the upload stays on the server");
        Some(error.with_upload_url(url).with_resume_token(token.map(str::to_owned)))
    }

    /// The plan of an upload with its options.
    pub(super) fn plan(&self, goal: Goal, options: &UploadOptions, source: &dyn Bytes) -> Plan {
        let mut plan = self.dataless_plan(goal, options);
        plan.chunk_size = options.chunk_size.unwrap_or(self.shared.config.chunk_size);
        plan.chunk_rules = self.shared.config.chunk_rules;
        plan.checksum = self.checksum(options, source.size());
        plan.checksum_asked = options.checksum.or(self.config().checksum).is_some();
        if plan.checksum.policy != Policy::Off && plan.checksum.algorithm.is_none() {
            plan.fastest = digest::fastest();
        }
        plan.stop_at = options.stop_at;
        // A source of unknown size keeps each chunk until it is acknowledged.
        plan.replay_limit = source.size().and_then(|_| source.replay_limit());
        plan
    }

    /// The same of an upload without data of its own.
    pub(super) fn dataless_plan(&self, goal: Goal, options: &UploadOptions) -> Plan {
        let mut plan = self.bare_plan(goal);
        if let Some(retry) = options.retry {
            (plan.retry, plan.first_answer) = (retry, None);
        }
        plan
    }

    /// A plan with the client's settings. Trusted is the endpoint's origin, and whatever the caller allows (T-150); no
    /// origin becomes so by being that of a URL the caller hands over, which may come from anywhere.
    pub(super) fn bare_plan(&self, goal: Goal) -> Plan {
        let mut plan = Plan::new(goal);
        plan.trusted = self.shared.config.endpoint.iter().map(|endpoint| endpoint.origin().clone()).collect();
        plan.trusted.extend_from_slice(&self.shared.config.allowed_origins);
        (plan.retry, plan.first_answer) = (self.shared.config.retry, self.shared.config.first_answer);
        plan.discover = self.shared.config.query_server;
        plan.creation_data = self.shared.config.creation_data;
        plan.override_method = self.shared.config.override_patch_method;
        // T-100: what a proxy does with a trailer is not known, and one that hangs on it keeps the upload locked.
        let forwarded = || match &plan.goal {
            Goal::Upload { endpoint: url, .. } | Goal::Resume { url, .. } => {
                self.shared.transport.is_forwarded(url.as_str())
            }
            _ => false,
        };
        plan.checksum_trailers = self.shared.config.checksum_trailers && !forwarded();
        plan
    }

    pub(super) fn texts(&self, metadata: &Metadata) -> Vec<(String, Option<String>)> {
        let decode = |bytes| self.shared.config.metadata_encoding.decode(bytes);
        metadata.iter().map(|(key, value)| (key.to_owned(), decode(value))).collect()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("config", &self.shared.config).finish_non_exhaustive()
    }
}

pub(super) fn names(record: &Record, url: &str) -> bool {
    record.url == url || record.parts.iter().any(|part| part.url == url)
}

/// Whether a store says that it cannot list its entries; asked for none of them.
fn listed_not_at_all(store: &dyn store::Store) -> bool {
    store.prune(&|_| false).is_err_and(|error| error.kind() == ErrorKind::Unsupported)
}

pub(super) fn concat_kind(headers: &Headers) -> ConcatKind {
    if is_final(headers) {
        ConcatKind::Final
    } else if is_partial(headers) {
        ConcatKind::Partial
    } else {
        ConcatKind::None
    }
}

/// 128 random bits in the form of a UUID (version 4).
fn request_id() -> String {
    let bits = (u128::from(random::seed()) << 64 | u128::from(random::seed())) & !(0xf << 76) & !(0x3 << 62)
        | (0x4 << 76)
        | (0x2 << 62);
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

pub(super) fn unexpected(outcome: &Outcome) -> Error {
    Error::new(ErrorKind::Internal, format!("an operation ended as another one would: {outcome:?}"))
}
