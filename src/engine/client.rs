//! The client: settings, connections and what is known of the server, shared by all its operations.

use std::fmt;
use std::path::Path;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use once_cell::sync::OnceCell;

use super::config::{Config, set_field};
use super::driver::Driver;
use super::info::{ConcatKind, ServerInfo, UploadInfo};
use super::log::Level;
use super::meter::Meter;
use super::options::UploadOptions;
use super::random;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::date::parse_http_date;
use crate::protocol::headers::Headers;
use crate::protocol::metadata::Metadata;
use crate::protocol::offset::{is_final, is_partial};
use crate::protocol::session::{Exchange, Goal, Outcome, Plan};
use crate::protocol::url::AbsoluteUrl;
use crate::source::Source;
use crate::transport::{Settings, Transport};

/// A client. Threads: any number at once.
pub struct Client {
    config: Config,
    transport: Transport,
    /// The caller's headers, changeable while operations run.
    headers: RwLock<Vec<(String, String)>>,
    capabilities: OnceCell<ServerInfo>,
}

impl Client {
    /// A client with these settings. Reads certificates and proxy variables; makes no connection.
    pub fn new(config: Config) -> Result<Client> {
        let transport = Transport::new(Settings {
            timeouts: config.timeouts,
            user_agent: config.user_agent.clone(),
            tls: config.tls.clone(),
            proxy: config.proxy.clone(),
            ..Settings::default()
        })?;
        let mut headers = config.headers.clone();
        if let Some(user) = &config.user
            && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization"))
        {
            let basic = STANDARD.encode(format!("{}:{}", user.name, user.password));
            headers.push(("Authorization".to_owned(), format!("Basic {basic}")));
        }
        Ok(Client { transport, headers: RwLock::new(headers), capabilities: OnceCell::new(), config })
    }

    /// Changes a header for all requests from now on, those of running operations included; `None` removes it.
    pub fn set_header(&self, name: &str, value: Option<&str>) -> Result<()> {
        let mut headers = self.headers.write().unwrap_or_else(PoisonError::into_inner);
        set_field(&mut headers, name, value)
    }

    /// Creates an upload and sends the whole source.
    pub fn upload(&self, source: &mut Source, options: &UploadOptions) -> Result<UploadInfo> {
        let endpoint = self.endpoint()?;
        let size = known_size(source)?;
        let metadata = options.encoded_metadata(self.config.metadata_encoding)?;
        source.0.prepare()?;
        let mut plan = self.plan(Goal::Upload { endpoint, size }, options, source);
        plan.metadata = metadata.encode();
        self.transfer(plan, source, options, metadata)
    }

    /// Creates an upload of a file. Its name goes along as `filename` unless the options have one: as text, or as the
    /// bytes it is where it is not UTF-8.
    pub fn upload_file(&self, path: &Path, options: &UploadOptions) -> Result<UploadInfo> {
        let mut source = Source::file(path)?;
        let mut options = options.clone();
        if let Some(name) = path.file_name()
            && !options.has_metadata("filename")
        {
            match name.to_str() {
                Some(text) if self.config.metadata_encoding.encode(text).is_ok() => {
                    options.set_metadata_text("filename", text)?;
                }
                _ => options.set_metadata("filename", name.as_encoded_bytes())?,
            }
        }
        self.upload(&mut source, &options)
    }

    /// Sends what the server lacks of an upload that exists. `url` may be relative to the endpoint.
    pub fn resume_upload(&self, source: &mut Source, url: &str, options: &UploadOptions) -> Result<UploadInfo> {
        let url = self.upload_url(url)?;
        let size = known_size(source)?;
        let metadata = options.encoded_metadata(self.config.metadata_encoding)?;
        let plan = self.plan(Goal::Resume { url, size }, options, source);
        self.transfer(plan, source, options, metadata)
    }

    /// What the server says of an upload (offset, size, metadata, …).
    pub fn upload_info(&self, url: &str) -> Result<UploadInfo> {
        let url = self.upload_url(url)?;
        let mut driver = Driver::new(self, Meter::new(None, None));
        match driver.run(self.bare_plan(Goal::Inspect { url }))? {
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
                    stats: driver.stats(),
                })
            }
            other => Err(unexpected(&other)),
        }
    }

    /// What the server can do; asked once and kept.
    pub fn server_info(&self) -> Result<ServerInfo> {
        let endpoint = self.endpoint()?;
        let discover = || {
            let mut driver = Driver::new(self, Meter::new(None, None));
            match driver.run(self.bare_plan(Goal::Discover { endpoint }))? {
                Outcome::Discovered(capabilities) => Ok(capabilities),
                other => Err(unexpected(&other)),
            }
        };
        match self.capabilities.get() {
            Some(known) => Ok(known.clone()),
            None => discover(),
        }
    }

    /// Removes an upload from the server; one that is already gone counts as removed (T-110).
    pub fn delete_upload(&self, url: &str) -> Result<()> {
        let url = self.upload_url(url)?;
        let endpoint = self.config.endpoint.clone();
        let mut driver = Driver::new(self, Meter::new(None, None));
        match driver.run(self.bare_plan(Goal::Terminate { url, endpoint }))? {
            Outcome::Terminated => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    pub(super) fn transport(&self) -> &Transport {
        &self.transport
    }

    pub(super) fn known_capabilities(&self) -> Option<ServerInfo> {
        self.capabilities.get().cloned()
    }

    pub(super) fn remember_capabilities(&self, capabilities: ServerInfo) {
        // Another operation may have been faster; the server is the same.
        let _ = self.capabilities.set(capabilities);
    }

    /// The headers of a request: the protocol's, and the caller's if its origin is trusted (T-150).
    pub(super) fn headers_for(&self, exchange: &Exchange) -> Vec<(String, String)> {
        let mut headers: Vec<(String, String)> =
            exchange.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        if exchange.trusted {
            headers.extend_from_slice(&self.headers.read().unwrap_or_else(PoisonError::into_inner));
        }
        if self.config.add_request_id {
            headers.push(("X-Request-ID".to_owned(), request_id()));
        }
        headers
    }

    /// Runs an upload or a resume.
    fn transfer(
        &self,
        plan: Plan,
        source: &mut Source,
        options: &UploadOptions,
        metadata: Metadata,
    ) -> Result<UploadInfo> {
        let size = source.size();
        let creates = matches!(plan.goal, Goal::Upload { .. });
        let mut driver = Driver::new(self, Meter::new(options.progress.clone(), size))
            .with_source(source.0.as_mut())
            .with_on_upload_url(options.on_upload_url.clone());
        let result = driver.run_with_progress(plan, size);
        let useless = driver.source_spoiled && driver.created_here;
        let stats = driver.stats();
        let metadata = if creates { metadata } else { Metadata::new() };
        match result {
            Ok(Outcome::Uploaded { url, offset, size, expires }) => Ok(UploadInfo {
                url,
                offset,
                size: Some(size),
                complete: offset == size,
                text: self.texts(&metadata),
                metadata,
                expires,
                concat: ConcatKind::None,
                stats,
            }),
            Ok(other) => Err(unexpected(&other)),
            Err(error) if useless => Err(self.clean_up(error, &driver)),
            Err(error) => Err(error),
        }
    }

    /// Removes an upload that no source can complete any more, if the server offers that; tried once, within the
    /// operation's own deadline, and whether it works changes nothing about the error.
    fn clean_up(&self, error: Error, failed: &Driver<'_>) -> Error {
        let Some(url) = error.upload_url().cloned() else { return error };
        if !self.capabilities.get().is_some_and(|known| known.has("termination")) {
            return error;
        }
        let mut plan = self.bare_plan(Goal::Terminate { url, endpoint: None });
        plan.retry.max_retries = 0;
        plan.retry.lock_budget = Duration::ZERO;
        match Driver::new(self, Meter::new(None, None)).with_clock_of(failed).run(plan) {
            Ok(_) => error.without_upload_url(),
            Err(failure) => {
                self.config.log.write(Level::Warn, || format!("the useless upload stays: {}", failure.full_message()));
                error
            }
        }
    }

    fn endpoint(&self) -> Result<AbsoluteUrl> {
        let missing = || Error::new(ErrorKind::InvalidState, "the client has no server URL");
        self.config.endpoint.clone().ok_or_else(missing)
    }

    /// An upload's URL as the caller gives it: absolute, or relative to the endpoint. Userinfo in it is not used.
    fn upload_url(&self, text: &str) -> Result<AbsoluteUrl> {
        if let Ok((url, _)) = AbsoluteUrl::parse(text) {
            return Ok(url);
        }
        match &self.config.endpoint {
            Some(endpoint) => endpoint.resolve(text).map_err(|_| Error::invalid("the upload's URL cannot be used")),
            None => {
                let reason = AbsoluteUrl::parse(text).err().map(|error| error.to_string()).unwrap_or_default();
                Err(Error::invalid(format!("the upload's URL cannot be used: {reason}")))
            }
        }
    }

    fn plan(&self, goal: Goal, options: &UploadOptions, source: &Source) -> Plan {
        let mut plan = self.bare_plan(goal);
        plan.chunk_size = options.chunk_size.unwrap_or(self.config.chunk_size);
        plan.stop_at = options.stop_at;
        plan.replay_limit = source.0.replay_limit();
        plan
    }

    /// A plan with the client's settings. Trusted is the endpoint's origin, or, for a client without one, that of
    /// the URL the caller names; and whatever the caller allows (T-150).
    fn bare_plan(&self, goal: Goal) -> Plan {
        let mut plan = Plan::new(goal);
        if let Some(endpoint) = &self.config.endpoint {
            plan.trusted = vec![endpoint.origin().clone()];
        }
        plan.trusted.extend_from_slice(&self.config.allowed_origins);
        plan.retry = self.config.retry;
        plan.discover = self.config.query_server;
        plan.upload_with_creation = self.config.upload_with_creation;
        plan.override_method = self.config.override_patch_method;
        plan
    }

    fn texts(&self, metadata: &Metadata) -> Vec<(String, Option<String>)> {
        let decode = |bytes| self.config.metadata_encoding.decode(bytes);
        metadata.iter().map(|(key, value)| (key.to_owned(), decode(value))).collect()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("config", &self.config).finish_non_exhaustive()
    }
}

fn known_size(source: &Source) -> Result<u64> {
    let size = source.size().ok_or_else(|| {
        Error::new(ErrorKind::Unsupported, "sources of unknown size are not supported yet: give the reader its size")
    })?;
    if size > i64::MAX as u64 {
        return Err(Error::invalid(format!("a source of {size} bytes is beyond 2^63-1")));
    }
    Ok(size)
}

fn concat_kind(headers: &Headers) -> ConcatKind {
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

fn unexpected(outcome: &Outcome) -> Error {
    Error::new(ErrorKind::Internal, format!("an operation ended as another one would: {outcome:?}"))
}
