//! Settings of a client and of an upload, as plain data that either face can be given.
//!
//! Delays are tiny, so that a test of many retries takes milliseconds; time limits are far away, so that a busy machine
//! does not reach one that the test is not about.

use std::path::PathBuf;
use std::time::Duration;

use tus::protocol::checksum::Wish;
use tus::protocol::session::CreationData;
use tus::transport::{FileSending, Timeouts};
use tus_test_server::Server;

use super::hooks::{AfterResponse, BeforeRequest, OnLog, OnProgress, OnUrl, ShouldRetry};

/// How many bytes a PATCH carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chunk {
    Auto,
    Whole,
    Fixed(u64),
}

/// Settings of a client.
#[derive(Clone)]
pub(crate) struct Setup {
    pub(crate) url: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) allowed_origins: Vec<String>,
    pub(crate) chunk: Chunk,
    pub(crate) retries: u32,
    pub(crate) base_delay: Duration,
    pub(crate) max_delay: Duration,
    pub(crate) lock_budget: Duration,
    pub(crate) max_retry_after: Duration,
    pub(crate) connect: Duration,
    pub(crate) response: Duration,
    pub(crate) stall: Duration,
    pub(crate) total: Option<Duration>,
    pub(crate) tls_verify: bool,
    pub(crate) https_only: bool,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) client_certificate: Option<(PathBuf, PathBuf)>,
    /// The proxy's URL; without it there is none, whatever the environment says.
    pub(crate) proxy: Option<String>,
    pub(crate) user_agent: Option<String>,
    /// How files go out; the C face has no word for it and lets the connection decide.
    pub(crate) files: FileSending,
    pub(crate) metadata_encoding: Option<String>,
    pub(crate) upload_with_creation: CreationData,
    pub(crate) query_server: bool,
    /// `None` leaves it to the library.
    pub(crate) checksum: Option<Wish>,
    pub(crate) checksum_trailers: bool,
    pub(crate) override_method: bool,
    pub(crate) request_ids: bool,
    pub(crate) before_request: Option<BeforeRequest>,
    pub(crate) after_response: Option<AfterResponse>,
    pub(crate) should_retry: Option<ShouldRetry>,
    pub(crate) on_url: Option<OnUrl>,
    pub(crate) log: Option<OnLog>,
}

impl Setup {
    /// For a scripted server.
    pub(crate) fn to(server: &Server) -> Setup {
        Setup::url(&server.endpoint())
    }

    /// For any creation URL.
    pub(crate) fn url(url: &str) -> Setup {
        Setup {
            url: Some(url.to_owned()),
            headers: Vec::new(),
            allowed_origins: Vec::new(),
            chunk: Chunk::Whole,
            retries: 5,
            base_delay: Duration::from_millis(2),
            max_delay: Duration::from_millis(20),
            lock_budget: Duration::from_secs(60),
            max_retry_after: Duration::from_secs(3600),
            connect: Duration::from_secs(30),
            response: Duration::from_secs(30),
            stall: Duration::from_secs(30),
            total: None,
            tls_verify: true,
            https_only: false,
            ca_file: None,
            client_certificate: None,
            proxy: None,
            user_agent: None,
            // Also where the machine's congestion control would have them copied.
            files: FileSending::Kernel,
            metadata_encoding: None,
            upload_with_creation: CreationData::Off,
            query_server: true,
            checksum: None,
            checksum_trailers: false,
            override_method: false,
            request_ids: false,
            before_request: None,
            after_response: None,
            should_retry: None,
            on_url: None,
            log: None,
        }
    }

    /// The same with a header for every request.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Setup {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// A metadata value.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Text(String),
    Bytes(Vec<u8>),
}

/// Settings of one upload.
#[derive(Clone, Default)]
pub(crate) struct Job {
    pub(crate) metadata: Vec<(String, Value)>,
    pub(crate) large_metadata: bool,
    pub(crate) stop_at: Option<u64>,
    pub(crate) chunk: Option<Chunk>,
    /// The limits of one request.
    pub(crate) timeouts: Option<Timeouts>,
    pub(crate) progress: Option<OnProgress>,
    pub(crate) on_url: Option<OnUrl>,
}

impl Job {
    pub(crate) fn text(mut self, key: &str, value: &str) -> Job {
        self.metadata.push((key.to_owned(), Value::Text(value.to_owned())));
        self
    }

    pub(crate) fn bytes(mut self, key: &str, value: &[u8]) -> Job {
        self.metadata.push((key.to_owned(), Value::Bytes(value.to_vec())));
        self
    }
}
