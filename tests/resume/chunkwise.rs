//! An upload the caller drives chunk by chunk.

use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tus::engine::client::Client;
use tus::engine::config::Config;
use tus::engine::uploader::Uploader;
use tus::error::{ErrorKind, TimeLimit};
use tus::protocol::checksum::{Algorithm, Policy, Wish};
use tus::protocol::chunk::ChunkSize;
use tus::protocol::retry::RetryPolicy;
use tus::source::{ReadError, Reader, Source};
use tus_test_server::{Ending, Options, Rule, Server};

use crate::fixture::*;

fn client(config: &Config) -> Arc<Client> {
    Arc::new(Client::new(config.clone()).unwrap())
}

#[test]
fn each_call_sends_one_chunk() {
    let (server, bytes) = (server(), noise(3500, 100));
    let client = client(&config_to(&server.endpoint()));
    let mut named = options();
    named.set_metadata_text("k", "v").unwrap();
    let mut uploader = Uploader::create(&client, Source::memory(bytes.clone()), &named).unwrap();
    assert_eq!(lines(&server), ["OPTIONS 204", "POST 3500 201"], "the URL is there, no data");
    assert!(uploader.url().is_some() && !uploader.is_complete());
    for (call, offset) in [1000, 2000, 3000, 3500].into_iter().enumerate() {
        let more = uploader.upload_chunk().unwrap();
        assert_eq!((uploader.offset(), more, uploader.is_complete()), (offset, offset < 3500, offset == 3500));
        assert_eq!(count(&server, "PATCH"), call + 1);
        let stats = uploader.stats();
        assert_eq!((stats.chunks_completed, stats.chunks_total), (call as u64 + 1, 4));
        assert_eq!((stats.bytes_confirmed, stats.bytes_sent, stats.bytes_total), (offset, offset, Some(3500)));
        assert_eq!((stats.chunks_failed, stats.chunks_retried, stats.bytes_resumed), (0, 0, 0));
    }
    assert!(!uploader.upload_chunk().unwrap(), "the end stays the end");
    let info = uploader.upload().unwrap();
    assert_stored(&server, &info, &bytes);
    assert_eq!(info.metadata.get("k"), Some(&b"v"[..]));
    assert_eq!(count(&server, "PATCH"), 4);
    assert_eq!(server.upload_bytes(id_of(uploader.url().unwrap().as_str())).unwrap(), bytes);
    assert_clean(&server);
}

#[test]
fn chunks_change_their_size_between_two_calls() {
    let bytes = noise(3500, 101);
    let stream = || Source::reader(Bytes(bytes.clone().into()), None);
    for (source, trailed) in
        [(Source::memory(bytes.clone()), false), (Source::memory(bytes.clone()), true), (stream(), false)]
    {
        let server = Server::start(Options::checked()).unwrap();
        let mut config = config_to(&server.endpoint());
        if trailed {
            config.set_checksum(Wish { policy: Policy::Required, algorithm: Some(Algorithm::Sha1) });
        }
        let mut uploader = Uploader::create(&client(&config), source, &options()).unwrap();
        for (size, offset) in [(None, 1000), (Some(7), 1007), (Some(1500), 2507), (Some(1), 2508)] {
            if let Some(size) = size {
                uploader.set_chunk_size(chunk(size)).unwrap();
            }
            assert!(uploader.upload_chunk().unwrap());
            assert_eq!(uploader.offset(), offset);
        }
        // After a failure too, and for all that is left.
        server.script(Rule::on("PATCH").reply(403));
        assert_eq!(uploader.upload_chunk().unwrap_err().kind(), ErrorKind::HttpStatus);
        uploader.set_chunk_size(ChunkSize::Whole).unwrap();
        assert!(!uploader.upload_chunk().unwrap());
        uploader.set_chunk_size(chunk(1)).unwrap();
        assert_stored(&server, &uploader.upload().unwrap(), &bytes);
    }
}

/// Bytes that can be had once.
struct Bytes(VecDeque<u8>);

impl Reader for Bytes {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        Ok(std::io::Read::read(&mut self.0, buffer).unwrap())
    }
    fn seek(&mut self, _: u64) -> Result<(), ReadError> {
        unreachable!("it cannot")
    }
    fn can_seek(&self) -> bool {
        false
    }
}

#[test]
fn nothing_and_one_byte() {
    let server = server();
    for bytes in [&b""[..], b"x"] {
        let mut uploader =
            Uploader::create(&client(&config_to(&server.endpoint())), Source::memory(bytes), &options()).unwrap();
        assert_eq!(uploader.is_complete(), bytes.is_empty());
        assert!(!uploader.upload_chunk().unwrap());
        assert_stored(&server, &uploader.upload().unwrap(), bytes);
    }
}

#[test]
fn what_is_wrong_here_is_told_before_anything_is_made() {
    let (server, folder) = (server(), Folder::new());
    let client = client(&config_to(&server.endpoint()));
    let source = || Source::memory("some data");
    let create = |options: &_| Uploader::create(&client, source(), options).map(drop);
    assert_eq!(create(&in_parts(3)).unwrap_err().kind(), ErrorKind::Unsupported);
    let mut bad = options();
    bad.set_resume_token(Some("junk"));
    assert_eq!(create(&bad).unwrap_err().kind(), ErrorKind::InvalidArgument);
    assert!(Source::file(folder.path()).is_err());
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn a_call_is_ended_from_another_thread_at_once() {
    let (server, bytes) = (server(), noise(3000, 101));
    let config = config_to(&server.endpoint());
    let mut took = Vec::new();
    for _ in 0..5 {
        server.script(Rule::on("PATCH").nth(2).hang_after_body());
        let mut uploader = Uploader::create(&client(&config), Source::memory(bytes.clone()), &options()).unwrap();
        uploader.upload_chunk().unwrap();
        let cancel = uploader.cancel_handle();
        let canceller = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(60));
            let at = Instant::now();
            cancel.cancel();
            at
        });
        let error = uploader.upload_chunk().unwrap_err();
        let ended = Instant::now();
        took.push(ended - canceller.join().unwrap());
        assert_eq!(error.kind(), ErrorKind::Cancelled);
        assert!(error.upload_url().is_some() && uploader.url().is_some());
        assert_eq!(uploader.upload_chunk().unwrap_err().kind(), ErrorKind::Cancelled, "it stays cancelled");
        let url = uploader.url().unwrap().as_str().to_owned();
        drop(uploader);
        let done = client(&config).resume_upload(&mut Source::memory(bytes.clone()), &url, &options()).unwrap();
        assert_stored(&server, &done, &bytes);
    }
    took.sort_unstable();
    assert!(took[2] < Duration::from_millis(50), "{took:?}");
}

/// 409: HEAD, and the chunk once more from where it should be.
#[test]
fn a_chunk_that_is_refused_for_its_place_is_sent_again() {
    let (server, bytes) = (server(), noise(3000, 102));
    let mut uploader =
        Uploader::create(&client(&config_to(&server.endpoint())), Source::memory(bytes.clone()), &options()).unwrap();
    uploader.upload_chunk().unwrap();
    // Somebody else's word, as it were: the server has less than it said.
    server.truncate_upload(id_of(uploader.url().unwrap().as_str()), 400).unwrap();
    server.clear_log();
    assert!(uploader.upload_chunk().unwrap());
    assert_eq!(lines(&server), ["PATCH 1000+1000 409", "HEAD 200", "PATCH 400+1000 204"]);
    assert_eq!(uploader.offset(), 1400);
    let stats = uploader.stats();
    assert_eq!((stats.chunks_failed, stats.chunks_retried, stats.chunks_completed), (0, 1, 2));
    assert_stored(&server, &uploader.upload().unwrap(), &bytes);
}

#[test]
fn a_server_that_says_no_for_ever_is_not_asked_for_ever() {
    let (server, bytes) = (server(), noise(3000, 103));
    let mut config = config_to(&server.endpoint());
    config.set_retry(RetryPolicy { lock_budget: Duration::from_millis(100), ..config.retry() });
    let mut uploader = Uploader::create(&client(&config), Source::memory(bytes), &options()).unwrap();
    server.script(Rule::on("PATCH").forever().reply(409));
    assert_eq!(uploader.upload_chunk().unwrap_err().kind(), ErrorKind::OffsetConflict);
    assert!(server.requests().len() < 20, "{:?}", lines(&server));
}

#[test]
fn after_an_error_the_next_call_goes_on() {
    let (server, folder, bytes) = (server(), Folder::new(), noise(5000, 104));
    let path = settled(&folder, "a", &bytes);
    let config = stored(&server, &folder);
    let mut named = options();
    named.set_metadata_text("k", "v").unwrap();
    let mut uploader = Uploader::create(&client(&config), Source::file(&path).unwrap(), &named).unwrap();
    uploader.upload_chunk().unwrap();
    server.script(Rule::on("PATCH").cut_body(300, Ending::Rst));
    server.script(Rule::on("HEAD").reply(403));
    let error = uploader.upload_chunk().unwrap_err();
    assert_eq!(error.answer().unwrap().status, 403);
    assert_eq!(records(&folder).len(), 1);
    server.clear_log();
    assert!(uploader.upload_chunk().unwrap());
    assert_eq!(lines(&server), ["HEAD 200", "PATCH 1300+1000 204"]);
    let stats = uploader.stats();
    assert_eq!((stats.bytes_resumed, stats.bytes_confirmed), (0, 2300), "all of it was sent by this uploader");
    let info = uploader.upload().unwrap();
    assert_stored(&server, &info, &bytes);
    assert_eq!(info.metadata.get("k"), Some(&b"v"[..]), "it was created here");
    assert_eq!(store_files(&folder), [""; 0]);
}

/// Somebody else must not take it over between two calls, one of which failed.
#[test]
fn an_uploader_keeps_its_claim_until_it_is_dropped() {
    let (server, folder, bytes) = (server(), Folder::new(), noise(5000, 105));
    let path = settled(&folder, "a", &bytes);
    let config = stored(&server, &folder);
    let mut uploader = Uploader::create(&client(&config), Source::file(&path).unwrap(), &options()).unwrap();
    uploader.upload_chunk().unwrap();
    server.script(Rule::on("PATCH").reply(403));
    uploader.upload_chunk().unwrap_err();
    let other = run(&config, &path, &stop_at(3000)).unwrap();
    assert_ne!(Some(&other.url), uploader.url());
    uploader.upload_chunk().unwrap();
    let url = uploader.url().cloned();
    drop(uploader);
    let done = run(&config, &path, &options()).unwrap();
    assert!(done.url == other.url || Some(&done.url) == url.as_ref());
}

#[test]
fn what_is_dropped_stays_on_the_server_and_in_the_store() {
    let (server, folder, bytes) = (server(), Folder::new(), noise(5000, 106));
    let path = settled(&folder, "a", &bytes);
    let config = stored(&server, &folder);
    let mut uploader = Uploader::create(&client(&config), Source::file(&path).unwrap(), &options()).unwrap();
    uploader.upload_chunk().unwrap();
    uploader.upload_chunk().unwrap();
    let token = uploader.resume_token().unwrap();
    drop(uploader);
    assert_eq!((count(&server, "DELETE"), records(&folder).len()), (0, 1));
    let mut uploader = Uploader::create(&client(&config), Source::file(&path).unwrap(), &options()).unwrap();
    assert_eq!((uploader.offset(), uploader.stats().bytes_resumed), (2000, 2000));
    uploader.upload_chunk().unwrap();
    drop(uploader);
    let mut with_token = options();
    with_token.set_resume_token(Some(&token));
    let other = config_to(&server.endpoint());
    let mut uploader = Uploader::create(&client(&other), Source::file(&path).unwrap(), &with_token).unwrap();
    assert_eq!(uploader.offset(), 3000);
    let info = uploader.upload().unwrap();
    assert_stored(&server, &info, &bytes);
    assert_eq!(info.stats.bytes_resumed, 3000);
}

#[test]
fn an_uploader_of_a_url_goes_on_with_it() {
    let (server, bytes) = (server(), noise(5000, 107));
    let url = server.seed(Some(5000), &bytes[..1500]).unwrap();
    let mut named = options();
    named.set_upload_url(Some(&url));
    let config = config_to(&server.endpoint());
    let mut uploader = Uploader::create(&client(&config), Source::memory(bytes.clone()), &named).unwrap();
    assert_eq!((uploader.offset(), lines(&server)), (1500, vec!["HEAD 200".to_owned()]));
    uploader.upload_chunk().unwrap();
    assert_eq!(uploader.offset(), 2500);
    // Gone under way: the caller named it, so it is his to judge.
    server.remove_upload(id_of(&url));
    assert_eq!(uploader.upload_chunk().unwrap_err().kind(), ErrorKind::Gone);
    assert!(uploader.url().is_none());
    assert_eq!(uploader.upload_chunk().unwrap_err().kind(), ErrorKind::InvalidState);
}

#[test]
fn an_upload_that_vanishes_between_two_calls_is_begun_again() {
    let (server, bytes) = (server(), noise(3000, 108));
    let mut uploader =
        Uploader::create(&client(&config_to(&server.endpoint())), Source::memory(bytes.clone()), &options()).unwrap();
    uploader.upload_chunk().unwrap();
    server.remove_upload(id_of(uploader.url().unwrap().as_str()));
    assert!(uploader.upload_chunk().unwrap());
    assert_eq!(uploader.offset(), 1000);
    assert_stored(&server, &uploader.upload().unwrap(), &bytes);
    let mut uploader =
        Uploader::create(&client(&config_to(&server.endpoint())), Source::memory(bytes), &options()).unwrap();
    server.script(Rule::on("PATCH").forever().reply(404));
    let error = uploader.upload_chunk().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Gone);
}

#[test]
fn speed_and_eta_are_told() {
    let server = server_with(|options| options.throttle = Some(20_000));
    let bytes = noise(8000, 109);
    let mut uploader =
        Uploader::create(&client(&config_to(&server.endpoint())), Source::memory(bytes), &options()).unwrap();
    for _ in 0..5 {
        uploader.upload_chunk().unwrap();
    }
    let stats = uploader.stats();
    assert!((2_000.0..30_000.0).contains(&stats.speed), "{stats:?}");
    let eta = stats.eta.unwrap();
    assert!((Duration::from_millis(50)..Duration::from_millis(2000)).contains(&eta), "{stats:?}");
    assert!(stats.elapsed >= Duration::from_millis(200) && stats.started_ms > 1_600_000_000_000);
}

#[test]
fn the_progress_function_ends_a_call_and_every_later_one() {
    let (server, bytes) = (server(), noise(3000, 110));
    let stopped = Arc::new(AtomicBool::new(false));
    let word = Arc::clone(&stopped);
    let mut options = options();
    options.set_progress(Some(Arc::new(move |_| if word.load(Ordering::SeqCst) { Err(6) } else { Ok(()) })));
    let mut uploader =
        Uploader::create(&client(&config_to(&server.endpoint())), Source::memory(bytes), &options).unwrap();
    uploader.upload_chunk().unwrap();
    stopped.store(true, Ordering::SeqCst);
    assert_eq!(uploader.upload_chunk().unwrap_err().kind(), ErrorKind::Callback(6));
    assert!(uploader.url().is_some());
}

#[test]
fn a_stream_chunk_by_chunk() {
    use std::io::Write as _;
    let (server, bytes) = (server(), noise(2500, 111));
    let (reader, mut writer) = std::io::pipe().unwrap();
    let source = Source::descriptor(&std::fs::File::from(std::os::fd::OwnedFd::from(reader))).unwrap();
    writer.write_all(&bytes).unwrap();
    drop(writer);
    let mut uploader = Uploader::create(&client(&config_to(&server.endpoint())), source, &options()).unwrap();
    let mut calls = 1;
    while uploader.upload_chunk().unwrap() {
        calls += 1;
    }
    assert_eq!(calls, 3);
    assert_stored(&server, &uploader.upload().unwrap(), &bytes);
}

/// D11: what was read ahead of the server counts between two calls, and nobody waits for it.
#[test]
fn what_uploaders_have_read_ahead_is_under_the_memory_limit() {
    const LIMIT: u64 = 6 << 20;
    const SCARCE: u64 = 64 << 10;
    struct Counted(Bytes, Arc<AtomicU64>);
    impl Reader for Counted {
        fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
            let count = self.0.read(buffer)?;
            self.1.fetch_add(count as u64, Ordering::SeqCst);
            Ok(count)
        }
        fn seek(&mut self, offset: u64) -> Result<(), ReadError> {
            self.0.seek(offset)
        }
        fn can_seek(&self) -> bool {
            self.0.can_seek()
        }
    }
    let (server, bytes) = (server(), noise(10 << 20, 112));
    let mut config = config_to(&server.endpoint());
    config.set_chunk_size(chunk(3 << 20)).unwrap();
    config.set_memory_limit(NonZeroU64::new(LIMIT));
    let client = client(&config);
    let (mut uploaders, mut most) = (Vec::new(), 0);
    let mut look = |uploaders: &[(Uploader, Arc<AtomicU64>)]| {
        let ahead = |(uploader, read): &(Uploader, Arc<AtomicU64>)| read.load(Ordering::SeqCst) - uploader.offset();
        let all: u64 = uploaders.iter().map(ahead).sum();
        most = most.max(all);
    };
    for _ in 0..5 {
        let read = Arc::new(AtomicU64::new(0));
        let source = Source::reader(Counted(Bytes(bytes.clone().into()), Arc::clone(&read)), None);
        uploaders.push((Uploader::create(&client, source, &options()).unwrap(), read));
        look(&uploaders);
    }
    // In turns, on one thread.
    while !uploaders.iter().all(|(uploader, _)| uploader.is_complete()) {
        for index in 0..uploaders.len() {
            uploaders[index].0.upload_chunk().unwrap();
            look(&uploaders);
        }
    }
    for (uploader, _) in &mut uploaders {
        assert_stored(&server, &uploader.upload().unwrap(), &bytes);
    }
    assert!(most <= LIMIT + 5 * SCARCE, "{most} bytes in memory");
    assert!(most > LIMIT / 2, "{most} bytes in memory: less than there is");
}

/// D18.
#[test]
fn an_uploader_has_its_own_checksum_retries_and_limits() {
    let bytes = noise(2500, 100);
    let create = |server: &tus_test_server::Server, options: &tus::engine::options::UploadOptions| {
        Uploader::create(&client(&config_to(&server.endpoint())), Source::memory(bytes.clone()), options).unwrap()
    };

    let server_of_all = server_with(|options| options.extensions = Options::checked().extensions);
    let mut checked = options();
    checked.set_checksum(Some(Wish { policy: Policy::Required, algorithm: Some(Algorithm::Sha512) }));
    let info = create(&server_of_all, &checked).upload().unwrap();
    assert_eq!(info.checksum, Some(Algorithm::Sha512));
    assert_stored(&server_of_all, &info, &bytes);

    let broken = server();
    broken.script(Rule::on("PATCH").forever().reply(500));
    let mut once = options();
    once.set_retry(Some(RetryPolicy { max_retries: 0, ..RetryPolicy::default() }));
    let error = create(&broken, &once).upload_chunk().unwrap_err();
    assert_eq!((error.kind(), count(&broken, "PATCH")), (ErrorKind::HttpStatus, 1));

    let silent = server();
    silent.script(Rule::on("PATCH").forever().hang_after_head());
    once.set_timeouts(Some(impatient())).unwrap();
    let mut uploader = create(&silent, &once);
    for call in 1..=2 {
        let error = uploader.upload_chunk().unwrap_err();
        assert_eq!((error.kind(), count(&silent, "PATCH")), (ErrorKind::Timeout(TimeLimit::Response), call));
    }
    let mut hurried = options();
    hurried.set_total_timeout(Some(Duration::from_millis(100))).unwrap();
    let mut uploader = create(&silent, &hurried);
    let began = Instant::now();
    let error = uploader.upload().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout(TimeLimit::Total));
    assert!(began.elapsed() < Duration::from_secs(5));
}
