//! What may be said of a single upload.

use std::ffi::OsStr;
use std::fmt;
use std::time::Duration;

use super::config::{check_timeouts, set_field};
use super::encoding::TextEncoding;
use super::hooks::{OnProgress, OnResumeToken, OnUploadUrl};
use super::job::Own;
use crate::error::{Error, Result};
use crate::protocol::checksum::Wish;
use crate::protocol::chunk::ChunkSize;
use crate::protocol::metadata::{self, Metadata};
use crate::protocol::retry::RetryPolicy;
use crate::transport::{Field, Timeouts};

/// A metadata value as the caller gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Bytes(Vec<u8>),
    Text(String),
}

/// Options of one upload; the same value may serve many.
#[derive(Clone, Default)]
pub struct UploadOptions {
    metadata: Vec<(String, Value)>,
    /// The `filename` in it is not the caller's but that of the file.
    own_filename: bool,
    pub(crate) headers: Vec<Field>,
    pub(crate) stop_at: Option<u64>,
    pub(crate) chunk_size: Option<ChunkSize>,
    pub(crate) checksum: Option<Wish>,
    pub(crate) retry: Option<RetryPolicy>,
    pub(crate) timeouts: Option<Timeouts>,
    pub(crate) total_timeout: Option<Duration>,
    pub(crate) progress: Option<OnProgress>,
    pub(crate) on_upload_url: Option<OnUploadUrl>,
    pub(crate) large_metadata: bool,
    pub(crate) parallel: u32,
    pub(crate) min_part_size: Option<u64>,
    pub(crate) parallel_fallback: bool,
    pub(crate) remove_parts: bool,
    pub(crate) resume_token: Option<String>,
    pub(crate) on_resume_token: Option<OnResumeToken>,
    pub(crate) upload_url: Option<String>,
    pub(crate) unfinished_parts: bool,
    pub(crate) priority: i32,
}

impl UploadOptions {
    /// No options.
    pub fn new() -> Self {
        Self::default()
    }

    /// A metadata value of any bytes, sent as they are.
    pub fn set_metadata(&mut self, key: &str, value: &[u8]) -> Result<()> {
        self.put(key, Value::Bytes(value.to_vec()))
    }

    /// A metadata value of text, sent in the client's metadata encoding.
    pub fn set_metadata_text(&mut self, key: &str, value: &str) -> Result<()> {
        self.put(key, Value::Text(value.to_owned()))
    }

    fn put(&mut self, key: &str, value: Value) -> Result<()> {
        metadata::check_key(key)?;
        match self.metadata.iter_mut().find(|(have, _)| have == key) {
            Some((_, old)) => *old = value,
            None => self.metadata.push((key.to_owned(), value)),
        }
        Ok(())
    }

    /// The file's name as metadata, unless the caller has set one.
    pub(crate) fn add_filename(&mut self, name: &OsStr, encoding: TextEncoding) -> Result<()> {
        if self.has_metadata("filename") {
            return Ok(());
        }
        match name.to_str() {
            Some(text) if encoding.encode(text).is_ok() => self.set_metadata_text("filename", text)?,
            _ => self.set_metadata("filename", name.as_encoded_bytes())?,
        }
        self.own_filename = true;
        Ok(())
    }

    /// Whether a metadata key is set.
    pub fn has_metadata(&self, key: &str) -> bool {
        self.metadata.iter().any(|(have, _)| have == key)
    }

    /// Sends metadata of more than 4 KiB too, which many servers refuse (T-049).
    pub fn set_large_metadata(&mut self, on: bool) {
        self.large_metadata = on;
    }

    /// Sends a header with the requests of this upload alone, in place of the client's of the same name and to the same
    /// origins as that; `None` takes it back.
    pub fn set_header(&mut self, name: &str, value: Option<&str>) -> Result<()> {
        set_field(&mut self.headers, name, value)
    }

    /// Stops once the server has acknowledged this many bytes; the result then says "not complete".
    pub fn set_stop_at(&mut self, offset: Option<u64>) {
        self.stop_at = offset;
    }

    /// A chunk size for this upload alone.
    pub fn set_chunk_size(&mut self, size: ChunkSize) -> Result<()> {
        if let ChunkSize::Fixed(bytes) = size
            && bytes.get() > i64::MAX as u64
        {
            return Err(Error::invalid(format!("chunk size {bytes} is beyond 2^63-1")));
        }
        self.chunk_size = Some(size);
        Ok(())
    }

    /// What checksums the data of this upload alone carries.
    pub fn set_checksum(&mut self, wish: Option<Wish>) {
        self.checksum = wish;
    }

    /// How often and how long this upload alone tries again.
    pub fn set_retry(&mut self, policy: Option<RetryPolicy>) {
        self.retry = policy;
    }

    /// The limits of each request of this upload alone, none of them zero. As with
    /// [`Config::set_timeouts`](super::config::Config::set_timeouts), the limit for a server that never answers ends.
    pub fn set_timeouts(&mut self, timeouts: Option<Timeouts>) -> Result<()> {
        timeouts.map_or(Ok(()), |timeouts| check_timeouts(timeouts, None))?;
        self.timeouts = timeouts;
        Ok(())
    }

    /// What is said of the requests of this upload.
    pub(super) fn own(&self) -> Own {
        Own { headers: self.headers.as_slice().into(), timeouts: self.timeouts }
    }

    /// How long this upload alone may take, retries and waits included; not zero.
    pub fn set_total_timeout(&mut self, limit: Option<Duration>) -> Result<()> {
        if limit.is_some_and(|limit| limit.is_zero()) {
            return Err(Error::invalid("a timeout of zero would end the upload before it began"));
        }
        self.total_timeout = limit;
        Ok(())
    }

    /// Called with the progress; see [`OnProgress`].
    pub fn set_progress(&mut self, progress: Option<OnProgress>) {
        self.progress = progress;
    }

    /// Called with the upload's URL, instead of the client's hook of the same name.
    pub fn set_on_upload_url(&mut self, hook: Option<OnUploadUrl>) {
        self.on_upload_url = hook;
    }

    /// Sends the data in this many parts at once, which the server puts together (T-120); 0 and 1 are one upload as
    /// usual. There are fewer where a part would be smaller than it may be ([`UploadOptions::set_min_part_size`]), and never
    /// more than fit into the header that names them.
    pub fn set_parallel_uploads(&mut self, parts: u32) {
        self.parallel = parts;
    }

    /// How many bytes a part has at least (T-128); 1 MiB if nothing else is set. A source that is not twice as large is sent
    /// as one.
    pub fn set_min_part_size(&mut self, bytes: u64) {
        self.min_part_size = Some(bytes.max(1));
    }

    /// Whether an upload in parts becomes an ordinary one where the server or the source does not allow parts, instead of
    /// failing.
    pub fn set_parallel_fallback(&mut self, on: bool) {
        self.parallel_fallback = on;
    }

    /// Whether the parts of an upload in parts are removed from the server after it has put them together. Only for a
    /// server that copies them: of one whose final upload refers to its parts this deletes the data (T-128).
    pub fn set_remove_parts(&mut self, on: bool) {
        self.remove_parts = on;
    }

    /// Goes on with the upload of an earlier run that gave this token.
    pub fn set_resume_token(&mut self, token: Option<&str>) {
        self.resume_token = token.map(str::to_owned);
    }

    /// Called with the token by which a later run can go on, each time it changes.
    pub fn set_on_resume_token(&mut self, hook: Option<OnResumeToken>) {
        self.on_resume_token = hook;
    }

    /// Goes on with exactly this upload, as [`super::client::Client::resume_upload`] does.
    pub fn set_upload_url(&mut self, url: Option<&str>) {
        self.upload_url = url.map(str::to_owned);
    }

    /// Lets a final upload be made of parts that are not complete yet, where the server offers that (T-123).
    pub fn set_unfinished_parts(&mut self, on: bool) {
        self.unfinished_parts = on;
    }

    /// Which of several waiting tasks begins first: the one with the larger number.
    pub fn set_priority(&mut self, priority: i32) {
        self.priority = priority;
    }

    /// The metadata that the caller has set himself.
    pub(crate) fn callers_metadata(&self, encoding: TextEncoding) -> Result<Metadata> {
        let mut callers = self.clone();
        if self.own_filename {
            callers.metadata.retain(|(key, _)| key != "filename");
        }
        callers.encoded_metadata(encoding)
    }

    /// The metadata as it will be sent.
    pub(crate) fn encoded_metadata(&self, encoding: TextEncoding) -> Result<Metadata> {
        let mut encoded = Metadata::new();
        for (key, value) in &self.metadata {
            match value {
                Value::Bytes(bytes) => encoded.set(key, bytes.as_slice())?,
                Value::Text(text) => encoded.set(key, encoding.encode(text)?)?,
            }
        }
        if let Some(header) = encoded.encode()
            && !self.large_metadata
        {
            metadata::check_size(&header)?;
        }
        Ok(encoded)
    }
}

impl fmt::Debug for UploadOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UploadOptions")
            .field("metadata", &self.metadata.len())
            .field("stop_at", &self.stop_at)
            .field("chunk_size", &self.chunk_size)
            .finish_non_exhaustive()
    }
}
