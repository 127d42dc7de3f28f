//! The engine's own face.

use std::num::NonZeroU64;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tus::engine::client::Client;
use tus::engine::config::Config;
use tus::engine::hooks::{Hooks, OutgoingRequest, RetryVerdict};
use tus::engine::info::{Stats as EngineStats, UploadInfo};
use tus::engine::log::{Level, Log};
use tus::engine::options::UploadOptions;
use tus::error::{Error, ErrorKind};
use tus::protocol::answer::Answer;
use tus::protocol::chunk::ChunkSize;
use tus::protocol::retry::RetryPolicy;
use tus::source::{ReadError, Reader};
use tus::transport::{ProxySetting, ProxyUrl, Timeouts};

use super::api::{Operations, Source};
use super::failure::{Failure, Kind};
use super::hooks::{Answered, Outgoing, Progress};
use super::input::{CallerReader, Input};
use super::result::{Done, Metadata, Offer, Stats};
use super::setup::{Chunk, Job, Setup, Value};

pub(super) fn client(setup: &Setup) -> Result<Box<dyn Operations>, Failure> {
    Ok(Box::new(RustClient(Client::new(config(setup)?)?)))
}

pub(super) fn open(input: Input) -> Result<tus::source::Source, Failure> {
    use tus::source::Source;
    Ok(match input {
        Input::Memory(bytes) => Source::memory(bytes),
        Input::File(path) => Source::file(&path)?,
        // The descriptor is closed at once: the library must have its own.
        Input::Descriptor(file) => Source::descriptor(&file)?,
        Input::Reader(reader, size) => Source::reader(RustReader(reader), Some(size)),
    })
}

struct RustClient(Client);

impl Operations for RustClient {
    fn upload(&self, source: &mut Source, job: &Job) -> Result<Done, Failure> {
        Ok(done(self.0.upload(own(source), &options(job)?)?))
    }

    fn resume(&self, source: &mut Source, url: &str, job: &Job) -> Result<Done, Failure> {
        Ok(done(self.0.resume_upload(own(source), url, &options(job)?)?))
    }

    fn upload_file(&self, path: &Path, job: &Job) -> Result<Done, Failure> {
        Ok(done(self.0.upload_file(path, &options(job)?)?))
    }

    fn info(&self, url: &str) -> Result<Done, Failure> {
        Ok(done(self.0.upload_info(url)?))
    }

    fn metadata(&self, url: &str) -> Result<Metadata, Failure> {
        Ok(self.info(url)?.metadata)
    }

    fn server_info(&self) -> Result<Offer, Failure> {
        let info = self.0.server_info()?;
        Ok(Offer {
            versions: info.versions,
            extensions: info.extensions,
            max_size: info.max_size,
            algorithms: info.checksum_algorithms,
        })
    }

    fn delete(&self, url: &str) -> Result<(), Failure> {
        Ok(self.0.delete_upload(url)?)
    }

    fn set_header(&self, name: &str, value: Option<&str>) -> Result<(), Failure> {
        Ok(self.0.set_header(name, value)?)
    }
}

fn own(source: &mut Source) -> &mut tus::source::Source {
    match source {
        Source::Rust(source) => source,
        Source::C(_) => panic!("a source of the other face"),
    }
}

fn config(setup: &Setup) -> Result<Config, Error> {
    let mut config = Config::new();
    if let Some(url) = &setup.url {
        config.set_url(url)?;
    }
    for (name, value) in &setup.headers {
        config.set_header(name, Some(value))?;
    }
    for origin in &setup.allowed_origins {
        config.allow_origin(origin)?;
    }
    config.set_chunk_size(chunk_size(setup.chunk)?)?;
    config.set_retry(RetryPolicy {
        max_retries: setup.retries,
        base_delay: setup.base_delay,
        max_delay: setup.max_delay,
        lock_budget: setup.lock_budget,
        max_retry_after: setup.max_retry_after,
    });
    let timeouts = Timeouts { connect: setup.connect, response: setup.response, stall: setup.stall };
    config.set_timeouts(timeouts, setup.total)?;
    config.set_file_sending(setup.files);
    config.set_tls_verify(setup.tls_verify);
    config.set_https_only(setup.https_only);
    if let Some(path) = &setup.ca_file {
        config.set_tls_ca_file(path.clone());
    }
    if let Some((chain, key)) = &setup.client_certificate {
        config.set_tls_client_certificate(chain.clone(), key.clone());
    }
    config.set_proxy(match &setup.proxy {
        Some(url) => ProxySetting::Url(ProxyUrl::parse(url).map_err(Error::invalid)?),
        // Whatever the environment of the tests says, loopback is reached directly.
        None => ProxySetting::None,
    });
    if let Some(agent) = &setup.user_agent {
        config.set_user_agent(agent)?;
    }
    if let Some(encoding) = &setup.metadata_encoding {
        config.set_metadata_encoding(encoding)?;
    }
    config.set_upload_with_creation(setup.upload_with_creation);
    config.set_query_server(setup.query_server);
    if let Some(wish) = setup.checksum {
        config.set_checksum(wish);
    }
    config.set_checksum_trailers(setup.checksum_trailers);
    config.set_override_patch_method(setup.override_method);
    config.set_add_request_id(setup.request_ids);
    set_hooks(config.hooks_mut(), setup);
    if let Some(sink) = setup.log.clone() {
        let number = |level| match level {
            Level::Error => 1,
            Level::Warn => 2,
            Level::Info => 3,
            Level::Debug => 4,
        };
        config.set_log(Log::new(Level::Debug, Arc::new(move |level, line: &str| sink(number(level), line))));
    }
    Ok(config)
}

fn set_hooks(hooks: &mut Hooks, setup: &Setup) {
    if let Some(hook) = setup.before_request.clone() {
        hooks.before_request = Some(Arc::new(move |request: &mut OutgoingRequest| verdict(hook(request))));
    }
    if let Some(hook) = setup.after_response.clone() {
        hooks.after_response = Some(Arc::new(move |request: &OutgoingRequest, answer: &Answer| {
            verdict(hook(&Answered {
                method: request.method().to_owned(),
                url: request.url().as_str().to_owned(),
                status: answer.status,
                offset: answer.headers.get("Upload-Offset").map(str::to_owned),
                body: answer.body.clone(),
            }))
        }));
    }
    if let Some(hook) = setup.should_retry.clone() {
        hooks.should_retry = Some(Arc::new(move |error: &Error, attempt: u32, delay: Duration| {
            match hook(&Failure::from(error.clone()), attempt, delay) {
                Ok(delay) => RetryVerdict::After(delay),
                Err(code) => RetryVerdict::GiveUp(code),
            }
        }));
    }
    if let Some(hook) = setup.on_url.clone() {
        hooks.on_upload_url = Some(Arc::new(move |url| verdict(hook(url.as_str()))));
    }
}

fn options(job: &Job) -> Result<UploadOptions, Error> {
    let mut options = UploadOptions::new();
    for (key, value) in &job.metadata {
        match value {
            Value::Text(text) => options.set_metadata_text(key, text)?,
            Value::Bytes(bytes) => options.set_metadata(key, bytes)?,
        }
    }
    options.set_large_metadata(job.large_metadata);
    options.set_stop_at(job.stop_at);
    if let Some(chunk) = job.chunk {
        options.set_chunk_size(chunk_size(chunk)?)?;
    }
    options.set_timeouts(job.timeouts)?;
    if let Some(hook) = job.progress.clone() {
        options.set_progress(Some(Arc::new(move |progress| {
            let tus::engine::hooks::Progress { sent, confirmed, total, .. } = *progress;
            verdict(hook(Progress { sent, confirmed, total }))
        })));
    }
    if let Some(hook) = job.on_url.clone() {
        options.set_on_upload_url(Some(Arc::new(move |url| verdict(hook(url.as_str())))));
    }
    Ok(options)
}

fn chunk_size(chunk: Chunk) -> Result<ChunkSize, Error> {
    Ok(match chunk {
        Chunk::Auto => ChunkSize::Auto,
        Chunk::Whole => ChunkSize::Whole,
        Chunk::Fixed(bytes) => {
            let bytes = NonZeroU64::new(bytes).ok_or_else(|| Error::invalid("a chunk of nothing"))?;
            ChunkSize::Fixed(bytes)
        }
    })
}

fn verdict(code: i32) -> Result<(), i32> {
    if code == 0 { Ok(()) } else { Err(code) }
}

impl Outgoing for OutgoingRequest {
    fn method(&self) -> String {
        self.method().to_owned()
    }

    fn url(&self) -> String {
        self.url().as_str().to_owned()
    }

    fn header(&self, name: &str) -> Option<String> {
        self.header(name).map(str::to_owned)
    }

    fn is_trusted(&self) -> bool {
        self.is_trusted()
    }

    fn set_header(&mut self, name: &str, value: Option<&str>) -> Result<(), Kind> {
        OutgoingRequest::set_header(self, name, value).map_err(|error| Failure::from(error).kind)
    }
}

struct RustReader(Box<dyn CallerReader>);

impl Reader for RustReader {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        self.0.read(buffer).map_err(ReadError::Code)
    }

    fn seek(&mut self, offset: u64) -> Result<(), ReadError> {
        self.0.seek(offset).map_err(ReadError::Code)
    }

    fn can_seek(&self) -> bool {
        self.0.can_seek()
    }
}

fn done(info: UploadInfo) -> Done {
    let EngineStats { bytes_resumed, bytes_sent, requests, retries, chunks_completed, chunks_failed, .. } = info.stats;
    Done {
        url: info.url.as_str().to_owned(),
        offset: info.offset,
        size: info.size,
        complete: info.complete,
        expires: info.expires,
        checksum: info.checksum,
        warnings: info.warnings.iter().map(|warning| warning.text.clone()).collect(),
        metadata: info.metadata.iter().map(|(key, value)| (key.to_owned(), value.to_vec())).collect(),
        text: info.text,
        stats: Stats { resumed: bytes_resumed, sent: bytes_sent, requests, retries, chunks_completed, chunks_failed },
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let (mut rule, mut limit) = (None, None);
        let kind = match error.kind() {
            ErrorKind::InvalidArgument => Kind::InvalidArgument,
            ErrorKind::InvalidState => Kind::InvalidState,
            ErrorKind::Unsupported => Kind::Unsupported,
            ErrorKind::Busy => Kind::Busy,
            ErrorKind::Cancelled => Kind::Cancelled,
            ErrorKind::Callback(_) => Kind::Callback,
            ErrorKind::Timeout(reached) => {
                limit = Some(reached);
                Kind::Timeout
            }
            ErrorKind::Source => Kind::Source,
            ErrorKind::SourceChanged => Kind::SourceChanged,
            ErrorKind::Resources => Kind::Resources,
            ErrorKind::Resolve => Kind::Resolve,
            ErrorKind::Connect => Kind::Connect,
            ErrorKind::Tls => Kind::Tls,
            ErrorKind::Io => Kind::Io,
            ErrorKind::HttpStatus => Kind::HttpStatus,
            ErrorKind::Protocol(broken) => {
                rule = Some(broken);
                Kind::Protocol
            }
            ErrorKind::OffsetConflict => Kind::OffsetConflict,
            ErrorKind::Gone => Kind::Gone,
            ErrorKind::Locked => Kind::Locked,
            ErrorKind::Checksum => Kind::Checksum,
            ErrorKind::TooLarge => Kind::TooLarge,
            ErrorKind::Version => Kind::Version,
            ErrorKind::Unconfirmed => Kind::Unconfirmed,
            _ => Kind::Internal,
        };
        Failure {
            kind,
            rule,
            limit,
            message: error.full_message(),
            status: error.answer().map_or(0, |answer| answer.status),
            os_code: error.os_code().unwrap_or(0),
            code: error.callback_code().unwrap_or(0),
            retryable: error.is_retryable(),
            upload_url: error.upload_url().map(|url| url.as_str().to_owned()),
            body: error.answer().map(|answer| answer.body.clone()).unwrap_or_default(),
        }
    }
}
