//! A client's settings: each checked where it is set, frozen when the client is made.

use std::ffi::OsString;
use std::fmt;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::encoding::TextEncoding;
use super::hooks::Hooks;
use super::info::ServerInfo;
use super::log::Log;
use crate::error::{Error, ErrorKind, Result};
use crate::fingerprint::Fingerprinter;
use crate::protocol::checksum::Wish;
use crate::protocol::chunk::{ChunkRules, ChunkSize};
use crate::protocol::fields;
use crate::protocol::metadata::{self, Metadata};
use crate::protocol::retry::{FIRST_ANSWER, RetryPolicy};
use crate::protocol::session::CreationData;
use crate::protocol::url::{AbsoluteUrl, Origin, UserInfo};
use crate::store::{DirectoryStore, Store, TokenKey};
use crate::transport::{Field, FileSending, Locations, ProxySetting, Timeouts, TlsSettings};

/// Where the caller's functions for tasks run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dispatch {
    /// On the thread that carried the task out.
    #[default]
    Worker,
    /// Where the caller's event loop asks for them.
    Queue,
}

/// Settings of a client. Every setter checks its value and leaves the settings unchanged if it refuses it.
#[derive(Clone)]
pub struct Config {
    pub(crate) endpoint: Option<AbsoluteUrl>,
    pub(crate) user: Option<UserInfo>,
    pub(crate) headers: Vec<Field>,
    pub(crate) allowed_origins: Vec<Origin>,
    pub(crate) chunk_size: ChunkSize,
    pub(crate) chunk_rules: ChunkRules,
    pub(crate) retry: RetryPolicy,
    /// How long a server is tried that never answers, unless the caller has set limits.
    pub(crate) first_answer: Option<Duration>,
    pub(crate) timeouts: Timeouts,
    pub(crate) total_timeout: Option<Duration>,
    pub(crate) tls: TlsSettings,
    pub(crate) proxy: ProxySetting,
    pub(crate) files: FileSending,
    pub(crate) user_agent: String,
    pub(crate) metadata_encoding: TextEncoding,
    pub(crate) creation_data: CreationData,
    pub(crate) query_server: bool,
    pub(crate) locations: Locations,
    /// Another meaning of "this machine or its network", for tests.
    #[cfg(test)]
    pub(crate) is_inward: Option<fn(std::net::IpAddr) -> bool>,
    pub(crate) capabilities: Option<ServerInfo>,
    pub(crate) override_patch_method: bool,
    pub(crate) add_request_id: bool,
    /// `None`: the default.
    pub(crate) checksum: Option<Wish>,
    pub(crate) checksum_trailers: bool,
    pub(crate) store: Option<Arc<dyn Store>>,
    pub(crate) token_key: Option<TokenKey>,
    pub(crate) fingerprinter: Fingerprinter,
    pub(crate) verify_resumed: bool,
    pub(crate) partial_metadata: Vec<(String, Vec<u8>)>,
    pub(crate) memory_limit: Option<NonZeroU64>,
    pub(crate) bandwidth_limit: Option<NonZeroU64>,
    pub(crate) workers: u32,
    pub(crate) dispatch: Dispatch,
    pub(crate) show_urls: bool,
    pub(crate) hooks: Hooks,
    pub(crate) log: Log,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            endpoint: None,
            user: None,
            headers: Vec::new(),
            allowed_origins: Vec::new(),
            chunk_size: ChunkSize::Auto,
            chunk_rules: ChunkRules::default(),
            retry: RetryPolicy::default(),
            first_answer: Some(FIRST_ANSWER),
            timeouts: Timeouts {
                connect: Duration::from_secs(30),
                response: Duration::from_secs(120),
                stall: Duration::from_secs(60),
            },
            total_timeout: None,
            tls: TlsSettings::default(),
            proxy: ProxySetting::Environment,
            files: FileSending::Choose,
            user_agent: concat!("libtus/", env!("CARGO_PKG_VERSION")).to_owned(),
            metadata_encoding: TextEncoding::utf8(),
            creation_data: CreationData::Off,
            query_server: true,
            locations: Locations::default(),
            #[cfg(test)]
            is_inward: None,
            capabilities: None,
            override_patch_method: false,
            add_request_id: false,
            checksum: None,
            checksum_trailers: false,
            store: None,
            token_key: None,
            fingerprinter: Fingerprinter::default(),
            verify_resumed: false,
            partial_metadata: Vec::new(),
            memory_limit: None,
            bandwidth_limit: None,
            workers: 4,
            dispatch: Dispatch::default(),
            show_urls: false,
            hooks: Hooks::default(),
            log: Log::none(),
        }
    }
}

impl Config {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// The creation URL; kept byte for byte. Userinfo in it becomes Basic authentication.
    pub fn set_url(&mut self, text: &str) -> Result<()> {
        let (url, user) = AbsoluteUrl::parse(text)
            .map_err(|error| Error::invalid(format!("the server's URL cannot be used: {error}")))?;
        self.endpoint = Some(url);
        self.user = user;
        Ok(())
    }

    /// Bounds the memory that all uploads together may use for data (chunks with checksums, sources read ahead, buffers);
    /// `None` is no bound. One upload always runs.
    pub fn set_memory_limit(&mut self, bytes: Option<NonZeroU64>) {
        self.memory_limit = bytes;
    }

    /// Bounds the bytes per second that all uploads together send; `None` is no bound.
    pub fn set_bandwidth_limit(&mut self, bytes_per_second: Option<NonZeroU64>) {
        self.bandwidth_limit = bytes_per_second;
    }

    /// How files get to plain connections: for tests, which want both ways wherever they run.
    #[doc(hidden)]
    pub fn set_file_sending(&mut self, files: FileSending) {
        self.files = files;
    }

    /// Sends a header with every request to the endpoint's origin; `None` removes it.
    pub fn set_header(&mut self, name: &str, value: Option<&str>) -> Result<()> {
        set_field(&mut self.headers, name, value)
    }

    /// Lets requests to another origin (scheme, host, port of `url`) carry the caller's headers too.
    pub fn allow_origin(&mut self, url: &str) -> Result<()> {
        let (url, _) =
            AbsoluteUrl::parse(url).map_err(|error| Error::invalid(format!("the origin cannot be used: {error}")))?;
        self.allowed_origins.push(url.origin().clone());
        Ok(())
    }

    /// How many bytes one PATCH carries.
    pub fn set_chunk_size(&mut self, size: ChunkSize) -> Result<()> {
        if let ChunkSize::Fixed(bytes) = size
            && bytes.get() > i64::MAX as u64
        {
            return Err(Error::invalid(format!("chunk size {bytes} is beyond 2^63-1")));
        }
        self.chunk_size = size;
        Ok(())
    }

    /// What the server wants of the size of chunks; automatic and whole chunks keep to it.
    pub fn set_chunk_rules(&mut self, rules: ChunkRules) -> Result<()> {
        if !rules.are_possible() {
            return Err(Error::invalid("no chunk can keep to these rules: the smallest allowed is above the largest"));
        }
        self.chunk_rules = rules;
        Ok(())
    }

    /// How often and how long to try again. Until this or [`Config::set_timeouts`] is called, a server that does not
    /// answer at all is tried for less than two minutes.
    pub fn set_retry(&mut self, policy: RetryPolicy) {
        self.retry = policy;
        self.first_answer = None;
    }

    /// The present retry policy.
    pub fn retry(&self) -> RetryPolicy {
        self.retry
    }

    /// The limits of one request, none of them zero; `total` bounds a whole operation, retries and waits included. Who sets
    /// them decides how long a server is tried that never answers too: the limit for that ends.
    pub fn set_timeouts(&mut self, timeouts: Timeouts, total: Option<Duration>) -> Result<()> {
        check_timeouts(timeouts, total)?;
        self.timeouts = timeouts;
        self.first_answer = None;
        self.total_timeout = total;
        Ok(())
    }

    /// The present limits of one request.
    pub fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    /// Whether server certificates are verified. On by default.
    pub fn set_tls_verify(&mut self, verify: bool) {
        self.tls.verify = verify;
    }

    /// Certificates (PEM) to trust instead of the platform's; read when the client is made.
    pub fn set_tls_ca_file(&mut self, path: PathBuf) {
        self.tls.ca_file = Some(path);
    }

    /// The certificate chain and key (both PEM) to identify with; read when the client is made.
    pub fn set_tls_client_certificate(&mut self, chain: PathBuf, key: PathBuf) {
        self.tls.client_certificate = Some((chain, key));
    }

    /// Refuses TLS below 1.3; by default 1.2 is good enough.
    pub fn set_tls_require_13(&mut self, on: bool) {
        self.tls.allow_tls12 = !on;
    }

    /// Sends nothing over plain http, whoever asks for it. Off by default; a pinned key, a client certificate and TLS 1.3
    /// as the lowest version switch it on too.
    pub fn set_https_only(&mut self, on: bool) {
        self.tls.https_only = on;
    }

    /// Talks only to servers whose key is this one or another that was pinned, besides all else that is verified: the
    /// SHA-256 of the certificate's SubjectPublicKeyInfo in base64, with or without `sha256//` before it.
    pub fn pin_tls_key(&mut self, pin: &str) -> Result<()> {
        let text = pin.strip_prefix("sha256//").unwrap_or(pin);
        let digest = STANDARD.decode(text).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let digest = digest.ok_or_else(|| Error::invalid("a pinned key is the base64 form of 32 bytes (SHA-256)"))?;
        self.tls.pinned_keys.push(digest);
        Ok(())
    }

    /// The proxy; by default the environment's.
    pub fn set_proxy(&mut self, proxy: ProxySetting) {
        self.proxy = proxy;
    }

    /// The `User-Agent`.
    pub fn set_user_agent(&mut self, value: &str) -> Result<()> {
        fields::check_field("User-Agent", value)?;
        self.user_agent = value.to_owned();
        Ok(())
    }

    /// The encoding of text metadata on the server, by its WHATWG name.
    pub fn set_metadata_encoding(&mut self, label: &str) -> Result<()> {
        self.metadata_encoding = TextEncoding::named(label)?;
        Ok(())
    }

    /// Whether the first chunk goes with the creation request where the server offers it. Off by default.
    pub fn set_upload_with_creation(&mut self, data: CreationData) {
        self.creation_data = data;
    }

    /// Whether the server is asked for its capabilities before the first upload. On by default; off means that
    /// no extension is used that was not asked for; what is asked for is tried (T-006).
    pub fn set_query_server(&mut self, on: bool) {
        self.query_server = on;
    }

    /// Where servers may point to, with the URL of a created upload and with redirects.
    pub fn set_locations(&mut self, locations: Locations) {
        self.locations = locations;
    }

    /// What the server can do, instead of asking it before uploads; `None`, the default: it is asked.
    pub fn set_capabilities(&mut self, capabilities: Option<ServerInfo>) {
        self.capabilities = capabilities;
    }

    /// Sends PATCH and DELETE as POST with `X-HTTP-Method-Override` (T-009).
    pub fn set_override_patch_method(&mut self, on: bool) {
        self.override_patch_method = on;
    }

    /// Adds a random `X-Request-ID` to every request.
    pub fn set_add_request_id(&mut self, on: bool) {
        self.add_request_id = on;
    }

    /// What checksums data carries; by default whatever the server can check, of SHA-1 and SHA-256 first the one that is
    /// computed faster here, unless a chunk size was asked for that does not fit into memory.
    pub fn set_checksum(&mut self, wish: Wish) {
        self.checksum = Some(wish);
    }

    /// Whether checksums may follow the data as a trailer where the server offers that (T-100), which spares holding
    /// each chunk in memory. Off by default: proxies lose trailers without a word. Where they are wanted, each upload
    /// first sends a wrong one without data, and goes on with headers unless it is refused as wrong. Never through an
    /// HTTP proxy that forwards plain requests.
    pub fn set_checksum_trailers(&mut self, on: bool) {
        self.checksum_trailers = on;
    }

    /// How many uploads run at once as tasks, from 1 to 1024.
    pub fn set_workers(&mut self, count: u32) -> Result<()> {
        self.workers = check_workers(count)?;
        Ok(())
    }

    /// Where the caller's functions for tasks run.
    pub fn set_dispatch(&mut self, dispatch: Dispatch) {
        self.dispatch = dispatch;
    }

    /// Where the URLs of unfinished uploads are kept; `None`, the default: nowhere.
    pub fn set_store(&mut self, store: Option<Arc<dyn Store>>) {
        self.store = store;
    }

    /// Keeps the URLs of unfinished uploads in a folder, which is made when it is first needed.
    pub fn set_store_dir(&mut self, path: PathBuf) {
        self.store = Some(Arc::new(DirectoryStore::open(path)));
    }

    /// Keeps the URLs of unfinished uploads in the platform's folder for such state: `libtus` in `$XDG_STATE_HOME`, or in
    /// `~/.local/state`. Fails with [`ErrorKind::Unsupported`] where neither variable says where that is.
    pub fn set_store_default(&mut self) -> Result<()> {
        self.set_store_dir(default_store(|name| std::env::var_os(name))?);
        Ok(())
    }

    /// Signs resume tokens with this key, and takes no others; `None`, the default: tokens are not signed.
    pub fn set_token_key(&mut self, key: Option<TokenKey>) {
        self.token_key = key;
    }

    /// How a source is recognised when it is uploaded again.
    pub fn set_fingerprinter(&mut self, fingerprinter: Fingerprinter) {
        self.fingerprinter = fingerprinter;
    }

    /// Reads again what a resumed upload has sent before, and compares it, even where file system and fingerprint say
    /// that nothing has changed. Off by default.
    pub fn set_verify_resumed(&mut self, on: bool) {
        self.verify_resumed = on;
    }

    /// A metadata value for each part of a parallel upload; by default parts have no metadata (T-123).
    pub fn set_partial_metadata(&mut self, key: &str, value: &[u8]) -> Result<()> {
        metadata::check_key(key)?;
        self.partial_metadata.retain(|(have, _)| have != key);
        self.partial_metadata.push((key.to_owned(), value.to_vec()));
        Ok(())
    }

    /// The metadata of each part of a parallel upload.
    pub(crate) fn partial_metadata(&self) -> Result<Metadata> {
        let mut metadata = Metadata::new();
        for (key, value) in &self.partial_metadata {
            metadata.set(key, value.as_slice())?;
        }
        Ok(metadata)
    }

    /// The hooks, to be changed in place.
    pub fn hooks_mut(&mut self) -> &mut Hooks {
        &mut self.hooks
    }

    /// Where log lines go.
    pub fn set_log(&mut self, log: Log) {
        self.log = log;
    }

    /// Whether messages and log lines name uploads by their whole URLs; else the query and the last part of the path,
    /// which may be a right to write, are hidden.
    pub fn set_show_urls(&mut self, on: bool) {
        self.show_urls = on;
    }
}

/// Without anything that may be a secret: names of headers, not their values.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Config")
            .field("endpoint", &self.endpoint)
            .field("headers", &names)
            .field("chunk_size", &self.chunk_size)
            .field("retry", &self.retry)
            .field("timeouts", &self.timeouts)
            .field("total_timeout", &self.total_timeout)
            .finish_non_exhaustive()
    }
}

/// The platform's folder for state, by the variables of the environment; a path that is not absolute counts as none, as
/// the XDG base directory specification asks for.
pub(crate) fn default_store(variable: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf> {
    let absolute = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")));
    let what =
        "there is no default place for a store: neither XDG_STATE_HOME nor HOME is an absolute path; name a folder";
    Ok(state.ok_or_else(|| Error::new(ErrorKind::Unsupported, what))?.join("libtus"))
}

/// Refuses limits that are zero.
pub(super) fn check_timeouts(timeouts: Timeouts, total: Option<Duration>) -> Result<()> {
    let all = [("connect", timeouts.connect), ("response", timeouts.response), ("stall", timeouts.stall)];
    let mut all = all.into_iter().chain(total.map(|total| ("total", total)));
    match all.find(|(_, limit)| limit.is_zero()) {
        Some((which, _)) => {
            let what = format!("the {which} timeout is zero, which would end every request before it began");
            Err(Error::invalid(what))
        }
        None => Ok(()),
    }
}

/// A number of workers that may be.
pub(crate) fn check_workers(count: u32) -> Result<u32> {
    match count {
        1..=1024 => Ok(count),
        _ => Err(Error::invalid(format!("{count} workers cannot be had: there are from 1 to 1024"))),
    }
}

/// Sets, replaces or removes a field of a list, checked.
pub(crate) fn set_field(fields: &mut Vec<Field>, name: &str, value: Option<&str>) -> Result<()> {
    fields::check_field(name, value.unwrap_or_default())?;
    fields.retain(|(have, _)| !have.eq_ignore_ascii_case(name));
    if let Some(value) = value {
        fields.push((name.to_owned(), Zeroizing::new(value.to_owned())));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_store_is_where_the_platform_keeps_state() {
        let of = |state: Option<&str>, home: Option<&str>| {
            let found = |name: &str| match name {
                "XDG_STATE_HOME" => state.map(OsString::from),
                _ => home.map(OsString::from),
            };
            default_store(found).map(|path| path.to_str().unwrap().to_owned()).map_err(|error| error.kind())
        };
        assert_eq!(of(Some("/state"), Some("/people/me")), Ok("/state/libtus".to_owned()));
        assert_eq!(of(None, Some("/people/me")), Ok("/people/me/.local/state/libtus".to_owned()));
        for no in ["", "relative"] {
            assert_eq!(of(Some(no), Some("/people/me")), Ok("/people/me/.local/state/libtus".to_owned()));
            assert_eq!(of(Some(no), Some(no)), Err(ErrorKind::Unsupported));
        }
        assert_eq!(of(None, None), Err(ErrorKind::Unsupported));
    }

    #[test]
    fn debug_shows_no_credentials() {
        let mut config = Config::new();
        config.set_url("http://al:secret@127.0.0.1:1/?token=t0ken").unwrap();
        config.set_header("X-Api-Key", Some("hunter2")).unwrap();
        let client = crate::engine::client::Client::new(config.clone()).unwrap();
        let shown = format!("{config:?} {client:?}");
        for secret in ["hunter2", "secret", "YWw6", "t0ken"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
