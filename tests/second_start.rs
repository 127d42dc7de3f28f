//! What a second start of a large file costs before its first byte goes out. A measurement, not a test of a bound:
//!
//! ```sh
//! cargo test --release --test second_start -- --ignored --nocapture
//! ```

use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tus::engine::client::Client;
use tus::engine::config::Config;
use tus::engine::options::UploadOptions;
use tus::fingerprint::Fingerprinter;
use tus::source::Source;
use tus_test_server::{Options, Server};

const SIZE: u64 = 10 << 30;
/// How much of it the first start sends.
const SENT: u64 = 1 << 30;

/// What one start does.
struct Start<'a> {
    server: &'a Server,
    store: &'a Path,
    path: &'a Path,
    fingerprinter: Fingerprinter,
}

/// One start, as far as `stop_at`: the time from the call to the first PATCH, and the requests until then.
fn start(start: &Start<'_>, stop_at: u64, verify: bool) -> (Duration, String) {
    let Start { server, store, path, fingerprinter } = start;
    let first_patch = Arc::new(Mutex::new(None));
    let requests = Arc::new(Mutex::new(String::new()));
    let mut config = Config::new();
    config.set_url(&server.endpoint()).unwrap();
    config.set_store_dir(store.to_path_buf());
    config.set_fingerprinter(fingerprinter.clone());
    config.set_verify_resumed(verify);
    let (seen, log) = (Arc::clone(&first_patch), Arc::clone(&requests));
    config.hooks_mut().before_request = Some(Arc::new(move |request| {
        let mut seen = seen.lock().unwrap();
        if seen.is_none() {
            log.lock().unwrap().push_str(&format!("{} ", request.method()));
            if request.method() == "PATCH" {
                *seen = Some(Instant::now());
            }
        }
        Ok(())
    }));
    let client = Client::new(config).unwrap();
    let mut options = UploadOptions::new();
    options.set_stop_at(Some(stop_at));
    let began = Instant::now();
    client.upload(&mut Source::file(path).unwrap(), &options).unwrap();
    let took = first_patch.lock().unwrap().expect("some data was sent") - began;
    (took, requests.lock().unwrap().trim().to_owned())
}

#[test]
#[ignore = "a measurement of a file of 10 GiB"]
fn what_a_second_start_costs() {
    let folder = std::env::temp_dir().join(format!("tus-second-start-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("large");
    File::create(&path).unwrap().set_len(SIZE).unwrap();
    // Long enough ago for its times to prove something.
    std::thread::sleep(Duration::from_millis(100));

    println!("\n10 GiB, sparse; the first start stops after 1 GiB\n");
    for (name, fingerprinter) in [
        ("content", Fingerprinter::Content),
        ("partial md5", Fingerprinter::PartialMd5),
        ("file identity", Fingerprinter::FileIdentity),
    ] {
        let server = Server::start(Options { sink: true, ..Options::default() }).unwrap();
        let store = folder.join(name.replace(' ', "-"));
        let starts = Start { server: &server, store: &store, path: &path, fingerprinter };
        let mut stop_at = SENT;
        let mut tell = |what: &str, verify| {
            let (took, requests) = start(&starts, stop_at, verify);
            println!("{name:14} {what:46} {:9.2} ms   {requests}", took.as_secs_f64() * 1e3);
            // What is there already is not sent again, so each goes a little further.
            stop_at += 64 << 20;
        };
        tell("first start, empty store", false);
        tell("second start, file untouched", false);
        tell("second start, what was sent is verified", true);
        File::options().write(true).open(&path).unwrap().set_modified(std::time::SystemTime::now()).unwrap();
        std::thread::sleep(Duration::from_millis(100));
        tell("second start, file touched, content the same", false);
    }
    let began = Instant::now();
    let mut digest = tus::digest::Digest::new(tus::protocol::checksum::Algorithm::Sha256);
    let block = vec![0u8; 1 << 20];
    for _ in 0..SIZE >> 20 {
        digest.update(&block);
    }
    digest.finish();
    println!(
        "{:14} {:46} {:9.2} ms",
        "for comparison",
        "SHA-256 of 10 GiB in memory",
        began.elapsed().as_secs_f64() * 1e3
    );
    std::fs::remove_dir_all(&folder).unwrap();
}
