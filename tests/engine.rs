//! What the engine promises beyond the session: about sources, hooks and cleaning up.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tus::engine::client::Client;
use tus::engine::config::Config;
use tus::engine::options::UploadOptions;
use tus::error::{Error, ErrorKind};
use tus::protocol::chunk::{ChunkRules, ChunkSize};
use tus::protocol::retry::RetryPolicy;
use tus::source::{ReadError, Reader, Source};
use tus_test_server::{Options, Rule, Server};

fn start() -> (Server, Config) {
    let server = Server::start(Options::default()).unwrap();
    let mut config = Config::new();
    config.set_url(&server.endpoint()).unwrap();
    config.set_chunk_size(ChunkSize::Fixed(NonZeroU64::new(4).unwrap())).unwrap();
    config.set_retry(RetryPolicy { base_delay: Duration::from_millis(10), ..RetryPolicy::default() });
    (server, config)
}

fn count(server: &Server, method: &str) -> usize {
    server.requests().iter().filter(|request| request.effective_method == method).count()
}

/// Gives six bytes, then fails or ends, though it promised more.
struct Six {
    at: u64,
    ends: bool,
}

impl Reader for Six {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        if self.at >= 6 && !self.ends {
            return Err(ReadError::Failed(Error::new(ErrorKind::Source, "the tape drive is busy")));
        }
        let n = buffer.len().min((6 - self.at) as usize);
        buffer[..n].fill(b'x');
        self.at += n as u64;
        Ok(n)
    }

    fn seek(&mut self, offset: u64) -> Result<(), ReadError> {
        self.at = offset;
        Ok(())
    }

    fn can_seek(&self) -> bool {
        true
    }
}

#[test]
fn a_reader_in_trouble_does_not_cost_the_upload() {
    let (server, config) = start();
    let client = Client::new(config).unwrap();
    let mut source = Source::reader(Six { at: 0, ends: false }, Some(100));
    let error = client.upload(&mut source, &UploadOptions::new()).unwrap_err();
    assert!(error.full_message().contains("tape drive"), "{error}");
    assert!(error.upload_url().is_some());
    assert_eq!(count(&server, "DELETE"), 0);
}

#[test]
fn an_upload_no_source_can_complete_is_removed() {
    let (server, config) = start();
    let client = Client::new(config).unwrap();
    let mut source = Source::reader(Six { at: 0, ends: true }, Some(100));
    let error = client.upload(&mut source, &UploadOptions::new()).unwrap_err();
    assert_eq!((error.kind(), error.upload_url()), (ErrorKind::Source, None));
    assert_eq!(server.uploads().len(), 0);
}

#[test]
fn removing_it_is_tried_once() {
    let (server, config) = start();
    server.script(Rule::on("DELETE").forever().reply(423));
    let client = Client::new(config).unwrap();
    let mut source = Source::reader(Six { at: 0, ends: true }, Some(100));
    let error = client.upload(&mut source, &UploadOptions::new()).unwrap_err();
    assert!(error.upload_url().is_some());
    assert_eq!(count(&server, "DELETE"), 1);
}

#[test]
fn a_veto_on_the_answer_to_the_creation_keeps_the_url() {
    let (_server, mut config) = start();
    config.hooks_mut().after_response = Some(Arc::new(|_, answer| if answer.status == 201 { Err(7) } else { Ok(()) }));
    let client = Client::new(config).unwrap();
    let error = client.upload(&mut Source::memory("some data"), &UploadOptions::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Callback(7));
    assert!(error.upload_url().is_some());
}

#[test]
fn a_server_that_hangs_on_options_is_used_without() {
    let (server, mut config) = start();
    server.script(Rule::on("OPTIONS").hang_after_head());
    let mut timeouts = config.timeouts();
    timeouts.response = Duration::from_secs(60);
    config.set_timeouts(timeouts, None).unwrap();
    let began = Instant::now();
    Client::new(config).unwrap().upload(&mut Source::memory("data"), &UploadOptions::new()).unwrap();
    assert!(began.elapsed() < Duration::from_secs(40), "{:?}", began.elapsed());
}

#[test]
fn a_wait_the_caller_asks_for_ends_at_the_deadline() {
    let (server, mut config) = start();
    server.script(Rule::on("POST").forever().reply(503));
    let timeouts = config.timeouts();
    config.set_timeouts(timeouts, Some(Duration::from_secs(1))).unwrap();
    config.hooks_mut().should_retry =
        Some(Arc::new(|_, _, _| tus::engine::hooks::RetryVerdict::After(Duration::from_secs(3600))));
    let began = Instant::now();
    Client::new(config).unwrap().upload(&mut Source::memory("data"), &UploadOptions::new()).unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_resume_does_not_report_metadata_it_did_not_send() {
    let (server, config) = start();
    let url = server.seed(Some(4), b"da").unwrap();
    let mut options = UploadOptions::new();
    options.set_metadata("k", b"v").unwrap();
    let info = Client::new(config).unwrap().resume_upload(&mut Source::memory("data"), &url, &options).unwrap();
    assert!(info.complete && info.metadata.is_empty());
    assert_eq!(info.stats.bytes_resumed, 2);
}

#[test]
fn a_server_that_is_no_tus_server_stays_an_error() {
    let (server, config) = start();
    server.script(Rule::on("OPTIONS").forever().reply(200).without("Tus-Resumable"));
    let client = Client::new(config).unwrap();
    assert!(client.server_info().is_err());
    client.upload(&mut Source::memory("data"), &UploadOptions::new()).unwrap();
    assert!(client.server_info().is_err());
}

#[test]
fn the_callers_options_stay_as_they_are() {
    let (server, config) = start();
    let client = Client::new(config).unwrap();
    let folder = std::env::temp_dir().join(format!("tus-engine-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut options = UploadOptions::new();
    options.set_metadata_text("project", "moon").unwrap();
    for name in ["one", "two"] {
        let path = folder.join(name);
        std::fs::write(&path, name).unwrap();
        let info = client.upload_file(&path, &options).unwrap();
        let sent = client.upload_info(info.url.as_str()).unwrap().metadata;
        assert_eq!(sent.get("filename"), Some(name.as_bytes()), "each file its own name");
        assert_eq!(sent.get("project"), Some(&b"moon"[..]));
    }
    assert!(!options.has_metadata("filename"));
    let info = client.upload(&mut Source::memory("three"), &options).unwrap();
    assert_eq!(client.upload_info(info.url.as_str()).unwrap().metadata.get("filename"), None);
    assert_eq!(server.uploads().len(), 3);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn chunks_keep_to_the_servers_rules() {
    let (server, mut config) = start();
    let size = |bytes| NonZeroU64::new(bytes);
    config.set_chunk_size(ChunkSize::Whole).unwrap();
    config.set_chunk_rules(ChunkRules { min: size(2), max: size(10), multiple: size(4) }).unwrap();
    let client = Client::new(config).unwrap();
    client.upload(&mut Source::memory([7; 21]), &UploadOptions::new()).unwrap();
    let sent: Vec<_> =
        server.requests().iter().filter(|request| request.method == "PATCH").map(|patch| patch.body_len).collect();
    assert_eq!(sent, [8, 8, 5]);
    let impossible = ChunkRules { min: size(5), max: size(7), multiple: size(4) };
    assert_eq!(Config::new().set_chunk_rules(impossible).unwrap_err().kind(), ErrorKind::InvalidArgument);
}
