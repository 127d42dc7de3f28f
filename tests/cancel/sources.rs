//! While the source is read or looked at.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tus::engine::client::Client;
use tus::engine::control::Control;
use tus::error::Error;
use tus::protocol::checksum::{Algorithm, Policy, Wish};
use tus::source::{ReadError, Reader, Source};
use tus::store::{Found, Prefix, Record, Store};
use tus_test_server::{Ending, Options, Rule};

use crate::fixture::*;
use crate::measure::{LOST, Place, Round, Rounds, until, word};
use crate::stays::{config_whole, stays};

pub(crate) fn places() -> Vec<Place> {
    vec![
        Place::quiet("the caller's reader, once it returns", reader),
        Place::quiet("a pipe that gives nothing", pipe),
        Place::busy("the digests of chunks", chunks),
        Place::busy("the digest of what an earlier run sent", prefix),
        Place::busy("the digest of what is being sent", noted_digest),
    ]
}

/// A reader that takes its time.
struct Slow {
    at: usize,
    bytes: Arc<[u8]>,
    begun: Box<dyn Fn(()) + Send>,
    /// When it returned, each time.
    returned: Arc<Mutex<Vec<Instant>>>,
}

impl Reader for Slow {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let count = buffer.len().min(1000).min(self.bytes.len() - self.at);
        // The first piece comes at once, and is sent.
        if self.at > 0 {
            (self.begun)(());
            std::thread::sleep(Duration::from_millis(40));
        }
        buffer[..count].copy_from_slice(&self.bytes[self.at..self.at + count]);
        self.at += count;
        self.returned.lock().unwrap().push(Instant::now());
        Ok(count)
    }
    fn seek(&mut self, offset: u64) -> Result<(), ReadError> {
        self.at = offset as usize;
        Ok(())
    }
    fn can_seek(&self) -> bool {
        true
    }
}

fn reader() -> Rounds {
    let (server, bytes) = (server(), Arc::<[u8]>::from(noise(10_000, 230)));
    let mut config = config_whole(&server.endpoint());
    config.set_chunk_size(chunk(1000)).unwrap();
    let client = Client::new(config).unwrap();
    Box::new(move |round: &Round| {
        let (say, hear) = word();
        let returned: Arc<Mutex<Vec<Instant>>> = Arc::default();
        let slow = Slow { at: 0, bytes: Arc::clone(&bytes), begun: Box::new(say), returned: Arc::clone(&returned) };
        let mut source = Source::reader(slow, Some(10_000));
        let control = Control::new();
        let cancelled = Mutex::new(None);
        let cancel = || {
            *cancelled.lock().unwrap() = Some(Instant::now());
            control.cancel();
        };
        let last = || returned.lock().unwrap().last().copied();
        let upload = || client.under(&control).upload(&mut source, &options());
        let error = round.run_beside(cancel, hear, upload, last);
        let cancelled = cancelled.lock().unwrap().unwrap();
        let after = returned.lock().unwrap().iter().filter(|at| **at > cancelled).count();
        assert!(after <= 1, "read {} times after the cancel", after - 1);
        if round.looks() {
            stays(&server, &control, &error, &bytes);
        }
    })
}

fn pipe() -> Rounds {
    let (server, bytes) = (server(), noise(4000, 231));
    let mut config = config_whole(&server.endpoint());
    config.set_chunk_size(chunk(1000)).unwrap();
    let client = Client::new(config).unwrap();
    Box::new(move |round: &Round| {
        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(&bytes[..2500]).unwrap();
        let mut source = Source::descriptor(&File::from(OwnedFd::from(reader))).unwrap();
        let control = Control::new();
        let reached = || until(|| control.progress().is_some_and(|progress| progress.confirmed == 2000));
        let error = round.run(&control, reached, || client.under(&control).upload(&mut source, &options()));
        if round.looks() {
            stays(&server, &control, &error, &bytes);
        }
    })
}

/// Bytes that take longer to be digested than a round lasts.
const MUCH: usize = 32 << 20;

/// Each is hashed before it is sent, and the next one meanwhile; the server is faster.
fn chunks() -> Rounds {
    let server = server_with(|options: &mut Options| {
        options.extensions = Options::checked().extensions;
        options.log_body = 0;
    });
    let bytes = Arc::<[u8]>::from(noise(MUCH, 232));
    let mut config = config_whole(&server.endpoint());
    config.set_chunk_size(chunk(256 << 10)).unwrap();
    config.set_checksum(Wish { policy: Policy::Required, algorithm: Some(Algorithm::Sha512) });
    config.set_query_server(true);
    let client = Client::new(config).unwrap();
    Box::new(move |round: &Round| {
        let control = Control::new();
        let mut source = Source::memory(Arc::clone(&bytes));
        let reached = || until(|| control.progress().is_some_and(|progress| progress.confirmed > 0));
        let error = round.run(&control, reached, || client.under(&control).upload(&mut source, &options()));
        if round.looks() {
            stays(&server, &control, &error, &bytes);
        }
        server.remove_upload(id_of(error.upload_url().unwrap().as_str()));
    })
}

/// A store with one record, which says when it is asked.
struct One<F> {
    record: Record,
    asked: F,
}

impl<F: Fn(()) + Send + Sync> Store for One<F> {
    fn find(&self, _key: &str) -> Result<Found, Error> {
        (self.asked)(());
        Ok(Found { records: vec![self.record.to_bytes()], skipped: Vec::new() })
    }
    fn put(&self, _key: &str, _url: &str, _record: &[u8]) -> Result<(), Error> {
        Ok(())
    }
    fn remove(&self, _key: &str, _url: &str) -> Result<(), Error> {
        Ok(())
    }
}

/// Before anything is asked of the server: nothing can be said of where the upload is.
fn prefix() -> Rounds {
    let (server, folder) = (server(), Folder::new());
    File::create(folder.path().join("large")).unwrap().set_len(8 << 30).unwrap();
    let content = Prefix { length: 8 << 30, sha256: "0".repeat(64) };
    let record = Record {
        url: server.seed(Some(8 << 30), b"").unwrap(),
        endpoint: server.endpoint(),
        size: 8 << 30,
        content: Some(content),
        ..Record::default()
    };
    let (asked, hear) = word();
    let hear = Mutex::new(hear);
    let mut config = config_whole(&server.endpoint());
    config.set_store(Some(Arc::new(One { record, asked })));
    let client = Client::new(config).unwrap();
    Box::new(move |round: &Round| {
        let control = Control::new();
        let mut source = Source::file(&folder.path().join("large")).unwrap();
        let reached = || hear.lock().unwrap()();
        round.run(&control, reached, || client.under(&control).upload(&mut source, &options()));
        assert!(server.requests().is_empty());
    })
}

/// The file is so young that only a digest can tell it from a later version, and that is still being made.
fn noted_digest() -> Rounds {
    let server = server_with(|options: &mut Options| options.log_body = 0);
    let folder = Folder::new();
    let client = Client::new(config_whole(&server.endpoint())).unwrap();
    server.script(Rule::on("PATCH").forever().cut_body(100_000, Ending::Hang));
    Box::new(move |round: &Round| {
        server.clear_log();
        let path = folder.path().join("young");
        File::create(&path).unwrap().set_len(MUCH as u64).unwrap();
        let control = Control::new();
        let mut options = options();
        options.set_on_resume_token(Some(Arc::new(|_| Ok(()))));
        let mut source = Source::file(&path).unwrap();
        let reached = || assert!(server.wait_for(|log| log.iter().any(|request| request.body_len == 100_000), LOST));
        let error = round.run(&control, reached, || client.under(&control).upload(&mut source, &options));
        assert!(error.upload_url().is_some() && error.resume_token().is_some(), "{error:?}");
    })
}
