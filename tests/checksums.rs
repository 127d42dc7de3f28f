//! Checksums through the Rust engine, against the scripted server and the one real server that checks them
//! (scenarios 14 to 16, T-090 to T-101).

use std::fs;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use tus::engine::client::Client;
use tus::engine::config::Config;
use tus::engine::info::UploadInfo;
use tus::engine::options::UploadOptions;
use tus::engine::uploader::Uploader;
use tus::error::{Error, ErrorKind};
use tus::protocol::checksum::{Algorithm, Policy, Wish};
use tus::protocol::chunk::ChunkSize;
use tus::protocol::retry::RetryPolicy;
use tus::source::Source;
use tus::transport::Timeouts;
use tus_test_server::{Extensions, Options, Request, Rule, Server};

/// Whether checksums may be trailers, header form first.
const FORMS: [bool; 2] = [false, true];

fn noise(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fastrand::Rng::with_seed(length as u64).fill(&mut bytes);
    bytes
}

fn required(algorithm: Algorithm) -> Wish {
    Wish { policy: Policy::Required, algorithm: Some(algorithm) }
}

fn config(endpoint: &str, wish: Wish, trailers: bool, chunk: u64) -> Config {
    let mut config = Config::new();
    config.set_url(endpoint).unwrap();
    config.set_checksum(wish);
    config.set_checksum_trailers(trailers);
    config.set_chunk_size(ChunkSize::Fixed(NonZeroU64::new(chunk).unwrap())).unwrap();
    config.set_retry(RetryPolicy { base_delay: Duration::from_millis(5), ..RetryPolicy::default() });
    config
}

fn upload(config: Config, bytes: &[u8]) -> Result<UploadInfo, Error> {
    Client::new(config).unwrap().upload(&mut Source::memory(bytes.to_vec()), &UploadOptions::new())
}

fn stored(server: &Server, info: &UploadInfo) -> Vec<u8> {
    server.upload_bytes(info.url.as_str().rsplit('/').next().unwrap()).unwrap()
}

/// Those with data.
fn patches(server: &Server) -> Vec<Request> {
    server.requests().into_iter().filter(|request| request.method == "PATCH" && request.body_len > 0).collect()
}

/// A server without checksum-trailer but else as it is.
fn without_trailers() -> Server {
    let extensions = Extensions { checksum_trailer: false, ..Options::checked().extensions };
    Server::start(Options { extensions, ..Options::checked() }).unwrap()
}

#[test]
fn scenario_14_every_algorithm_in_both_forms() {
    let bytes = noise(1_000_003);
    for algorithm in Algorithm::ALL {
        for trailers in FORMS {
            let server = Server::start(Options::checked()).unwrap();
            let info = upload(config(&server.endpoint(), required(algorithm), trailers, 300_000), &bytes).unwrap();
            assert_eq!((info.complete, info.checksum), (true, Some(algorithm)));
            assert_eq!(stored(&server, &info), bytes);
            let patches = patches(&server);
            assert_eq!(patches.len(), 4);
            for patch in &patches {
                let in_head = patch.header("Upload-Checksum");
                let behind = patch.trailers.iter().find(|(name, _)| name.eq_ignore_ascii_case("upload-checksum"));
                assert_eq!((in_head.is_some(), behind.is_some()), (!trailers, trailers), "{patch:?}");
                let value = in_head.or(behind.map(|(_, value)| value.as_str())).unwrap();
                assert!(value.starts_with(&format!("{} ", algorithm.name())), "{value}");
            }
            assert_eq!(server.violations(), [], "{algorithm:?} {trailers}");
        }
    }
}

#[test]
fn scenario_15_a_mismatch_is_sent_again() {
    for trailers in FORMS {
        for status in [460, 417] {
            let server = Server::start(Options::checked()).unwrap();
            // Behind the one that shows whether trailers are looked at.
            server.script(Rule::on("PATCH").nth(if trailers { 3 } else { 2 }).reply(status));
            let bytes = noise(10_000);
            let wish = required(Algorithm::Sha256);
            let info = upload(config(&server.endpoint(), wish, trailers, 4_000), &bytes).unwrap();
            assert_eq!(stored(&server, &info), bytes);
            assert_eq!(info.stats.chunks_retried, 1);
            let methods: Vec<_> = server.requests().iter().map(|request| request.method.clone()).collect();
            let shown = if trailers { &["PATCH", "HEAD"][..] } else { &[] };
            let rest = &["PATCH", "PATCH", "HEAD", "PATCH", "PATCH"][..];
            assert_eq!(methods, [&["OPTIONS", "POST"], shown, rest].concat());
            let patches = patches(&server);
            assert_eq!(patches[1].header("Upload-Offset"), patches[2].header("Upload-Offset"));
            assert_eq!(patches[1].header("Upload-Checksum"), patches[2].header("Upload-Checksum"));
        }
    }
}

#[test]
fn scenario_15b_mismatches_do_not_go_on_for_ever() {
    let server = Server::start(Options::checked()).unwrap();
    server.script(Rule::on("PATCH").forever().reply(460));
    let error = upload(config(&server.endpoint(), required(Algorithm::Sha1), false, 4_000), &noise(9_000)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Checksum);
    assert!(error.upload_url().is_some());
    assert_eq!(patches(&server).len(), 3);
}

#[test]
fn scenario_15d_an_algorithm_that_is_refused_is_not_dropped_without_a_word() {
    let if_available = Wish { policy: Policy::IfAvailable, algorithm: Some(Algorithm::Sha512) };
    let server = without_trailers();
    server.script(Rule::on("PATCH").reply(400));
    let bytes = noise(9_000);
    let info = upload(config(&server.endpoint(), if_available, true, 4_000), &bytes).unwrap();
    assert_eq!((info.checksum, stored(&server, &info)), (Some(Algorithm::Sha256), bytes));

    let server = without_trailers();
    server.script(Rule::on("PATCH").forever().reply(400));
    let error = upload(config(&server.endpoint(), required(Algorithm::Sha512), true, 4_000), &noise(9)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::HttpStatus);
    assert!(patches(&server).iter().all(|patch| patch.header("Upload-Checksum").is_some()));
}

#[test]
fn scenario_16_trailers_only_where_they_are_offered() {
    let server = without_trailers();
    let bytes = noise(9_000);
    let info = upload(config(&server.endpoint(), required(Algorithm::Sha1), true, 4_000), &bytes).unwrap();
    assert_eq!(stored(&server, &info), bytes);
    assert!(patches(&server).iter().all(|patch| patch.header("Upload-Checksum").is_some()));
    // And only where they are wanted.
    let server = Server::start(Options::checked()).unwrap();
    let mut config = Config::new();
    config.set_url(&server.endpoint()).unwrap();
    config.set_checksum(required(Algorithm::Sha1));
    upload(config, &bytes).unwrap();
    assert!(server.requests().iter().all(|request| request.header("Trailer").is_none()));
}

/// A proxy that drops trailers, or hangs on them: nothing that is required goes unchecked.
#[test]
fn trailers_that_get_lost_are_not_relied_on() {
    let bytes = noise(9_000);
    for hangs in [false, true] {
        let server = Server::start(Options::checked()).unwrap();
        let rule = Rule::on("PATCH").having("Transfer-Encoding");
        server.script(match hangs {
            true => rule.hang_after_body(),
            false => rule.reply(204).header("Upload-Offset", "0").header("Tus-Resumable", "1.0.0"),
        });
        let mut config = config(&server.endpoint(), required(Algorithm::Sha1), true, 4_000);
        let timeouts = Timeouts { response: Duration::from_millis(300), ..config.timeouts() };
        config.set_timeouts(timeouts, None).unwrap();
        let info = upload(config, &bytes).unwrap();
        assert_eq!((info.checksum, stored(&server, &info)), (Some(Algorithm::Sha1), bytes.clone()));
        assert!(patches(&server).iter().all(|patch| patch.header("Upload-Checksum").is_some()), "{hangs}");
        assert_eq!((info.stats.retries, patches(&server).len()), (0, 3));
    }
}

#[test]
fn something_on_the_way_that_refuses_chunks_gets_a_header() {
    for status in [400, 411, 501] {
        let server = Server::start(Options::checked()).unwrap();
        server.script(Rule::on("PATCH").having("Transfer-Encoding").forever().reply(status));
        let bytes = noise(9_000);
        let info = upload(config(&server.endpoint(), required(Algorithm::Sha1), true, 4_000), &bytes).unwrap();
        assert_eq!((info.checksum, stored(&server, &info)), (Some(Algorithm::Sha1), bytes), "{status}");
    }
}

#[test]
fn what_the_server_lacks_is_an_error_or_told() {
    let extensions = Extensions { checksum: false, checksum_trailer: false, ..Options::checked().extensions };
    let server = Server::start(Options { extensions, ..Options::checked() }).unwrap();
    let error = upload(config(&server.endpoint(), required(Algorithm::Sha1), true, 4_000), &noise(9)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(server.uploads().is_empty(), "before anything is created");

    let if_available = Wish { policy: Policy::IfAvailable, algorithm: None };
    let info = upload(config(&server.endpoint(), if_available, true, 4_000), &noise(9)).unwrap();
    assert_eq!((info.complete, info.checksum), (true, None));

    let algorithms = vec![tus_test_server::Algorithm::Sha1];
    let server = Server::start(Options { algorithms, ..Options::checked() }).unwrap();
    let error = upload(config(&server.endpoint(), required(Algorithm::Md5), true, 4_000), &noise(9)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("md5"), "{error}");
}

#[test]
fn a_resumed_upload_is_checked_too() {
    let server = Server::start(Options::checked()).unwrap();
    let bytes = noise(9_000);
    let url = server.seed(Some(9_000), &bytes[..4_000]).unwrap();
    let client = Client::new(config(&server.endpoint(), required(Algorithm::Sha256), true, 3_000)).unwrap();
    let mut source = Source::memory(bytes.clone());
    let info = client.resume_upload(&mut source, &url, &UploadOptions::new()).unwrap();
    assert_eq!((info.checksum, stored(&server, &info)), (Some(Algorithm::Sha256), bytes));
    assert!(patches(&server).iter().all(|patch| !patch.trailers.is_empty()));
}

/// A reader that gives other bytes each time, as a file does that is written to: what is sent must be what was hashed.
#[test]
fn what_is_sent_is_what_was_hashed() {
    struct Restless(fastrand::Rng);
    impl tus::source::Reader for Restless {
        fn read(&mut self, buffer: &mut [u8]) -> Result<usize, tus::source::ReadError> {
            self.0.fill(buffer);
            Ok(buffer.len())
        }
        fn seek(&mut self, _: u64) -> Result<(), tus::source::ReadError> {
            Ok(())
        }
        fn can_seek(&self) -> bool {
            true
        }
    }
    for trailers in FORMS {
        let server = Server::start(Options::checked()).unwrap();
        let client = Client::new(config(&server.endpoint(), required(Algorithm::Sha1), trailers, 100_000)).unwrap();
        let mut source = Source::reader(Restless(fastrand::Rng::with_seed(1)), Some(1_000_000));
        let info = client.upload(&mut source, &UploadOptions::new()).unwrap();
        assert_eq!(info.stats.chunks_failed, 0);
    }
}

/// Bytes that can be had only once.
struct Once(std::collections::VecDeque<u8>);

impl tus::source::Reader for Once {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, tus::source::ReadError> {
        Ok(std::io::Read::read(&mut self.0, buffer).unwrap())
    }
    fn seek(&mut self, _: u64) -> Result<(), tus::source::ReadError> {
        unreachable!("it cannot")
    }
    fn can_seek(&self) -> bool {
        false
    }
}

/// All that is left in one request, wherever that needs no memory.
#[test]
fn whole_is_whole() {
    let bytes = noise(20 << 20);
    let server = Server::start(Options::checked()).unwrap();
    for (wish, seekable) in [(Some(required(Algorithm::Sha1)), true), (None, true), (None, false)] {
        let mut config = config(&server.endpoint(), required(Algorithm::Sha1), true, 1);
        config.set_checksum(wish.unwrap_or_default());
        config.set_chunk_size(ChunkSize::Whole).unwrap();
        let before = patches(&server).len();
        let mut source = match seekable {
            true => Source::memory(bytes.clone()),
            false => Source::reader(Once(bytes.clone().into()), Some(20 << 20)),
        };
        let info = Client::new(config).unwrap().upload(&mut source, &UploadOptions::new()).unwrap();
        assert_eq!(stored(&server, &info), &bytes[..]);
        assert_eq!(patches(&server).len() - before, 1, "{wish:?} {seekable}");
    }
}

#[test]
fn memory_does_not_follow_the_chunk_size() {
    let server = without_trailers();
    let client = {
        let mut config = config(&server.endpoint(), required(Algorithm::Sha1), true, 1 << 40);
        config.set_chunk_size(ChunkSize::Whole).unwrap();
        Client::new(config).unwrap()
    };
    let bytes: Arc<[u8]> = noise(20 << 20).into();
    let info = client.upload(&mut Source::memory(Arc::clone(&bytes)), &UploadOptions::new()).unwrap();
    assert_eq!(stored(&server, &info), &bytes[..]);
    // Read twice rather than held.
    let lengths: Vec<_> = patches(&server).iter().map(|patch| patch.body_len).collect();
    assert_eq!(lengths, [20 << 20]);
    // What can be read only once is held, and so cut.
    let info =
        client.upload(&mut Source::reader(Once(bytes.to_vec().into()), Some(20 << 20)), &UploadOptions::new()).unwrap();
    assert_eq!(stored(&server, &info), &bytes[..]);
    let lengths: Vec<_> = patches(&server).iter().skip(1).map(|patch| patch.body_len).collect();
    assert_eq!(lengths, [8 << 20, 8 << 20, 4 << 20]);
}

#[test]
fn the_real_server_checks_every_algorithm_in_both_forms() {
    let bytes = noise(1_000_003);
    let Some(peer) = tus_test_peers::python_with(&["--checksum-algorithms", "sha1,sha256,sha512,md5"]) else { return };
    for algorithm in Algorithm::ALL {
        for trailers in FORMS {
            let info = upload(config(peer.endpoint(), required(algorithm), trailers, 300_000), &bytes).unwrap();
            assert_eq!((info.complete, info.checksum), (true, Some(algorithm)));
            assert_eq!(fs::read(peer.stored_file(info.url.as_str())).unwrap(), bytes, "{algorithm:?} {trailers}");
        }
    }
}

/// A client that was told nothing of checksums uses them where the server has them, whatever the source and the way.
#[test]
fn by_default_data_is_checked_where_the_server_can() {
    let bytes = noise(9_000);
    let client_of = |server: &Server| {
        let mut config = Config::new();
        config.set_url(&server.endpoint()).unwrap();
        config.set_chunk_size(ChunkSize::Fixed(NonZeroU64::new(4_000).unwrap())).unwrap();
        Client::new(config).unwrap()
    };
    let mut parts = UploadOptions::new();
    parts.set_parallel_uploads(2);
    parts.set_min_part_size(1);
    parts.set_chunk_size(ChunkSize::Fixed(NonZeroU64::new(1 << 20).unwrap())).unwrap();
    for checked in [true, false] {
        let server = Server::start(if checked { Options::checked() } else { Options::default() }).unwrap();
        let client = client_of(&server);
        let mut infos = vec![
            client.upload(&mut Source::memory(bytes.clone()), &UploadOptions::new()).unwrap(),
            client.upload(&mut Source::reader(Once(bytes.clone().into()), None), &UploadOptions::new()).unwrap(),
            Uploader::create(&client, Source::memory(bytes.clone()), &UploadOptions::new()).unwrap().upload().unwrap(),
        ];
        let url = server.seed(Some(9_000), &bytes[..4_000]).unwrap();
        infos.push(client.resume_upload(&mut Source::memory(bytes.clone()), &url, &UploadOptions::new()).unwrap());
        let large = noise(2 << 20);
        let in_parts = client.upload(&mut Source::memory(large.clone()), &parts).unwrap();
        assert_eq!(stored(&server, &in_parts), large);
        assert_eq!(in_parts.checksum.is_some(), checked);
        for info in &infos {
            let used = info.checksum;
            assert!(matches!(used, Some(Algorithm::Sha1 | Algorithm::Sha256)) == checked, "{used:?}");
            assert_eq!(stored(&server, info), bytes);
        }
        let sums = patches(&server).iter().filter(|patch| patch.header("Upload-Checksum").is_some()).count();
        assert_eq!(sums, if checked { patches(&server).len() } else { 0 });
        assert!(infos.iter().all(|info| info.warnings.is_empty()), "{infos:?}");
    }
    // What was asked for is not cut for what was not.
    let server = Server::start(Options::checked()).unwrap();
    let mut whole = UploadOptions::new();
    whole.set_chunk_size(ChunkSize::Whole).unwrap();
    let info = client_of(&server).upload(&mut Source::memory(noise(9 << 20)), &whole).unwrap();
    assert_eq!((info.checksum, patches(&server).len()), (None, 1));
    let info = client_of(&server).upload(&mut Source::memory(noise(1 << 20)), &whole).unwrap();
    assert_eq!((info.checksum.is_some(), patches(&server).len()), (true, 2));
}
