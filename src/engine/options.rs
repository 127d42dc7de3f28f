//! What may be said of a single upload.

use std::fmt;

use super::encoding::TextEncoding;
use super::hooks::{OnProgress, OnUploadUrl};
use crate::error::{Error, Result};
use crate::protocol::chunk::ChunkSize;
use crate::protocol::metadata::{self, Metadata};

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
    pub(crate) stop_at: Option<u64>,
    pub(crate) chunk_size: Option<ChunkSize>,
    pub(crate) progress: Option<OnProgress>,
    pub(crate) on_upload_url: Option<OnUploadUrl>,
    pub(crate) large_metadata: bool,
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

    /// Whether a metadata key is set.
    pub fn has_metadata(&self, key: &str) -> bool {
        self.metadata.iter().any(|(have, _)| have == key)
    }

    /// Sends metadata of more than 4 KiB too, which many servers refuse (T-049).
    pub fn set_large_metadata(&mut self, on: bool) {
        self.large_metadata = on;
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

    /// Called with the progress; see [`OnProgress`].
    pub fn set_progress(&mut self, progress: Option<OnProgress>) {
        self.progress = progress;
    }

    /// Called with the upload's URL, instead of the client's hook of the same name.
    pub fn set_on_upload_url(&mut self, hook: Option<OnUploadUrl>) {
        self.on_upload_url = hook;
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
