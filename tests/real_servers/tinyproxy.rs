//! Through tinyproxy: plain requests that it forwards, tunnels to HTTPS, logins, refusals, trailers that it hangs on.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tus::protocol::checksum::{Algorithm, Policy, Wish};
use tus_test_peers::{Proxy, tinyproxy, tusd};
use tus_test_server::{Options, Server, TlsOptions};

use crate::support::api::every_way;
use crate::support::server::{assert_clean, assert_story, lines};
use crate::support::{Api, Chunk, Folder, Job, Setup, noise};
use crate::{assert_stored, crash_under_way};

every_way! {
    calls that block:
    tinyproxy_uploads,
    tinyproxy_login,
    tinyproxy_refuses_a_tunnel,
    tinyproxy_server_crashes,
    tinyproxy_hangs_on_trailers,
}

/// A server over plain HTTP, and one over HTTPS with the authority to trust.
struct Servers {
    plain: Server,
    secure: Server,
    folder: Folder,
    ca_file: PathBuf,
}

impl Servers {
    fn start(change: impl Fn() -> Options) -> Servers {
        let plain = Server::start(change()).unwrap();
        let secure = Server::start(Options { tls: Some(TlsOptions::default()), ..change() }).unwrap();
        let folder = Folder::new();
        let ca_file = folder.file("ca.pem", secure.tls().unwrap().ca_pem.as_bytes());
        Servers { plain, secure, folder, ca_file }
    }

    /// Both, with settings that reach them through a proxy.
    fn through(&self, proxy: &str) -> [(&Server, Setup); 2] {
        [&self.plain, &self.secure].map(|server| {
            let (ca_file, proxy) = (Some(self.ca_file.clone()), Some(proxy.to_owned()));
            (server, Setup { ca_file, proxy, ..Setup::to(server) })
        })
    }
}

fn url(proxy: &Proxy, user: &str) -> String {
    format!("http://{user}{}", proxy.authority())
}

fn tinyproxy_uploads(api: Api) {
    let Some(proxy) = tinyproxy("") else { return };
    let servers = Servers::start(Options::default);
    for (server, setup) in servers.through(&url(&proxy, "")) {
        let client = api.client(&setup.header("Authorization", "Bearer x")).unwrap();
        let bytes = noise(3_000_001, 80);
        let path = servers.folder.file("data", &bytes);
        let done = client.upload(&path, &Job::default());
        let done = done.unwrap_or_else(|error| panic!("{error:?}\n{}", proxy.log()));
        assert_story(server, &["OPTIONS 204", "POST 3000001 201", "PATCH 0+3000001 204"], &done.url, &bytes);
        assert!(server.requests().iter().all(|request| request.header("Authorization") == Some("Bearer x")));
        assert!(server.requests().iter().all(|request| request.header("Proxy-Authorization").is_none()));

        let chunked = Job { stop_at: Some(1_500_000), chunk: Some(Chunk::Fixed(1_000_000)), ..Job::default() };
        let half = client.upload(&bytes, &chunked).unwrap();
        let done = client.resume(&bytes, &half.url, &Job::default()).unwrap();
        assert_eq!((done.stats.resumed, done.stats.retries), (1_500_000, 0));
        crate::support::server::assert_stored(server, &done.url, &bytes);
        client.delete(&done.url).unwrap();
        assert_clean(server);
    }
}

/// A login of the proxy's own: right, wrong and missing, for requests that it forwards and for tunnels.
fn tinyproxy_login(api: Api) {
    let Some(proxy) = tinyproxy("BasicAuth us3r s3cret") else { return };
    let servers = Servers::start(Options::default);
    for (server, setup) in servers.through(&url(&proxy, "us3r:s3cret@")) {
        let done = api.upload(&setup, &noise(100_000, 81)).unwrap_or_else(|error| panic!("{error:?}\n{}", proxy.log()));
        crate::support::server::assert_stored(server, &done.url, &noise(100_000, 81));
        assert!(server.requests().iter().all(|request| request.header("Proxy-Authorization").is_none()));
        server.clear_log();
    }
    // It answers a wrong login with 401, as if it were the server; in a tunnel nobody else can have said it.
    for (user, status) in [("us3r:wrong@", 401), ("", 407)] {
        for (server, setup) in servers.through(&url(&proxy, user)) {
            let tunnel = server.tls().is_some();
            let error = api.upload(&setup, &noise(100_000, 81)).unwrap_err();
            assert_eq!((error.status, error.retryable), (status, false), "{error:?}");
            if tunnel || status == 407 {
                error.assert_says("proxy");
            }
            assert_eq!(lines(server), [""; 0]);
        }
    }
}

/// Only tunnels to some other port are allowed: told at once, as the proxy's refusal.
fn tinyproxy_refuses_a_tunnel(api: Api) {
    let Some(proxy) = tinyproxy("ConnectPort 1") else { return };
    let servers = Servers::start(Options::default);
    let [(_, plain), (_, secure)] = servers.through(&url(&proxy, ""));
    assert!(api.upload(&plain, &noise(1000, 82)).unwrap().complete);
    let asked = Arc::new(Mutex::new(0));
    let count = Arc::clone(&asked);
    let hook = move |_: &_, _, delay| {
        *count.lock().unwrap() += 1;
        Ok(delay)
    };
    let error = api.upload(&Setup { should_retry: Some(Arc::new(hook)), ..secure }, &noise(1000, 82)).unwrap_err();
    assert_eq!((error.status, error.retryable, *asked.lock().unwrap()), (403, false, 0), "{error:?}");
    error.assert_says("proxy");
}

/// The server is away for a while; the proxy says so in its own words.
fn tinyproxy_server_crashes(api: Api) {
    let (Some(proxy), Some(peer)) = (tinyproxy(""), tusd()) else { return };
    let mut setup = Setup { proxy: Some(url(&proxy, "")), ..Setup::url(peer.endpoint()) };
    let peer = Arc::new(Mutex::new(peer));
    let asked = crash_under_way(&mut setup, &peer, 3);
    let bytes = noise(3 << 20, 83);
    let done = api.client(&setup).unwrap().upload(&bytes, &Job::default());
    let done = done.unwrap_or_else(|error| panic!("{error:?}\n{}", proxy.log()));
    assert!(done.complete && asked.lock().unwrap().iter().any(|status| *status >= 500), "{asked:?}");
    assert_stored(&peer.lock().unwrap(), &done.url, &bytes);
}

/// It stops in the middle of a trailer and keeps the connection, and with it the upload's lock, for minutes. So it is given
/// none; each byte is checked all the same, and what is said to be checked was. In a tunnel trailers arrive.
fn tinyproxy_hangs_on_trailers(api: Api) {
    let Some(proxy) = tinyproxy("") else { return };
    let servers = Servers::start(Options::checked);
    for (policy, algorithm) in [(Policy::Required, Some(Algorithm::Sha1)), (Policy::IfAvailable, None)] {
        for (server, setup) in servers.through(&url(&proxy, "")) {
            server.clear_log();
            let setup = Setup {
                checksum: Some(Wish { policy, algorithm }),
                checksum_trailers: true,
                chunk: Chunk::Fixed(400_000),
                ..setup
            };
            let bytes = noise(1_000_000, 84);
            let done = api.client(&setup).unwrap().upload(&bytes, &Job::default());
            let done = done.unwrap_or_else(|error| panic!("{error:?}\n{}", proxy.log()));
            assert!(done.complete && done.checksum.is_some(), "{done:?}");
            assert!(algorithm.is_none() || done.checksum == algorithm, "{done:?}");
            crate::support::server::assert_stored(server, &done.url, &bytes);
            let plain = server.tls().is_none();
            let patches: Vec<_> = server.requests().into_iter().filter(|request| request.body_len > 0).collect();
            assert_eq!(patches.len(), 3, "{:?}", lines(server));
            for patch in patches {
                assert_eq!(patch.header("Upload-Checksum").is_some(), plain, "{patch:?}");
                assert_eq!(patch.trailers.iter().any(|(name, _)| name == "Upload-Checksum"), !plain, "{patch:?}");
            }
        }
    }
}
