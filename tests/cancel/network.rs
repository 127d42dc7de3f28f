//! Before a request can be sent.

use std::io::Read as _;
use std::net::TcpListener;

use tus::engine::client::Client;
use tus::engine::control::Control;
use tus::source::Source;
use tus::transport::{ProxySetting, ProxyUrl};

use crate::fixture::*;
use crate::measure::{Place, Round, Rounds, until};
use crate::stays::{config_whole, stays};
use crate::system::{self, FullBacklog, SILENT};

pub(crate) fn places() -> Vec<Place> {
    vec![
        Place::quiet("name resolution", resolving),
        Place::quiet("connecting to a black hole", connecting),
        Place::quiet("TLS handshake", handshaking),
        Place::quiet("a proxy that says nothing", tunnelling),
    ]
}

fn resolving() -> Rounds {
    static SETS: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let set = SETS.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    let (server, bytes) = (server(), noise(100, 200));
    let client = Client::new(config_whole(&server.endpoint())).unwrap();
    Box::new(move |round: &Round| {
        let name = format!("host{set}-{}.{SILENT}", round.number);
        let id = server.seed(Some(100), &bytes[..40]).unwrap();
        let url = format!("http://{name}:{}/files/{}", server.port(), id_of(&id));
        let control = Control::new();
        let mut source = Source::memory(bytes.clone());
        let reached = || until(|| system::is_asked(&name));
        let error =
            round.run(&control, reached, || client.under(&control).resume_upload(&mut source, &url, &options()));
        system::let_go(&name);
        if round.looks() {
            stays(&server, &control, &error, &bytes);
            // The name is known by now.
            let done = client.resume_upload(&mut Source::memory(bytes.clone()), &url, &options()).unwrap();
            assert!(done.complete);
        }
    })
}

fn connecting() -> Rounds {
    let full = FullBacklog::new();
    let client = Client::new(config_whole(&full.url())).unwrap();
    Box::new(move |round: &Round| {
        let control = Control::new();
        let upload = || client.under(&control).resume_upload(&mut Source::memory("hello"), &full.url(), &options());
        let error = round.run(&control, || until(|| full.is_tried()), upload);
        assert_eq!(error.upload_url().unwrap().as_str(), full.url());
        until(|| !full.is_tried());
    })
}

fn handshaking() -> Rounds {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/files/a", silent.local_addr().unwrap());
    silent_peer(silent, url, ProxySetting::None)
}

fn tunnelling() -> Rounds {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = ProxyUrl::parse(&silent.local_addr().unwrap().to_string()).unwrap();
    silent_peer(silent, "https://upload.test/files/a".to_owned(), ProxySetting::Url(proxy))
}

/// Somebody who accepts and reads, and never says a word.
fn silent_peer(silent: TcpListener, url: String, proxy: ProxySetting) -> Rounds {
    let mut config = config_whole(&url);
    config.set_proxy(proxy);
    let client = Client::new(config).unwrap();
    Box::new(move |round: &Round| {
        let control = Control::new();
        let reached = || {
            let (mut connection, _) = silent.accept().unwrap();
            assert!(connection.read(&mut [0; 4096]).unwrap() > 0);
            connection
        };
        let upload = || client.under(&control).resume_upload(&mut Source::memory("hello"), &url, &options());
        let error = round.run(&control, reached, upload);
        assert_eq!(error.upload_url().unwrap().as_str(), url);
    })
}
