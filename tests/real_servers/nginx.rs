//! Behind nginx: bodies that it collects first and bodies that it passes on, its limits, its error pages, paths that it
//! changes, TLS that ends there, trailers that it drops.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use tus::protocol::checksum::{Algorithm, Policy, Wish};
use tus_test_peers::{Peer, Proxy, nginx, python, tusd, tusd_with};
use tus_test_server::{Ending, Options, Rule, Server, ServerFiles};

use crate::support::api::every_way;
use crate::support::server::assert_clean;
use crate::support::{Api, Chunk, Client, Folder, HELLO, Job, Kind, Setup, noise, side_by_side};
use crate::{assert_stored, crash_under_way};

every_way! {
    calls that block:
    nginx_uploads,
    nginx_interrupted,
    nginx_body_limit,
    nginx_path_prefix,
    nginx_ends_tls,
    nginx_error_pages,
    nginx_error_pages_that_say_gone,
    nginx_gateway_timeouts,
    nginx_drops_trailers,
}

/// How it takes a request's body: all of it before the server hears of it, or as it comes.
const BUFFERING: [&str; 2] = ["proxy_request_buffering on;", "proxy_request_buffering off;"];

/// What lets a server behind it know where its clients are.
const FORWARDED: &str = "proxy_set_header X-Forwarded-Host $http_host; proxy_set_header X-Forwarded-Proto $scheme;";

/// The directives for a place that all of `origin` is at.
fn whole(origin: &str, more: &str) -> String {
    format!("client_max_body_size 0; location / {{ proxy_pass {origin}; {more} }}")
}

/// Scheme, host and port of a URL.
fn origin(url: &str) -> &str {
    let host = url.find("://").unwrap() + 3;
    &url[..url[host..].find('/').map_or(url.len(), |at| host + at)]
}

fn client(api: Api, url: &str, change: impl FnOnce(&mut Setup)) -> Client {
    let mut setup = Setup::url(url);
    change(&mut setup);
    api.client(&setup).unwrap()
}

/// tusd that trusts nginx, and the URL it has there.
fn fronted(peer: &Peer, more: &str) -> Option<(Proxy, String)> {
    let front = nginx(&whole(origin(peer.endpoint()), &format!("{FORWARDED} {more}")), None)?;
    let url = format!("http://{}/files/", front.authority());
    Some((front, url))
}

fn nginx_uploads(api: Api) {
    let Some(peer) = tusd_with(&["-behind-proxy"]) else { return };
    for buffering in BUFFERING {
        let Some((front, url)) = fronted(&peer, buffering) else { return };
        let client = client(api, &url, |_| {});
        let sizes = [(0, Chunk::Auto), (1, Chunk::Whole), (5 << 20, Chunk::Fixed(1 << 20)), (5 << 20, Chunk::Whole)];
        for (size, chunk) in sizes {
            let bytes = noise(size, size as u64);
            let job = Job { chunk: Some(chunk), ..Job::default() }.text("filename", "straße.txt");
            let done = client.upload(&bytes, &job).unwrap_or_else(|error| panic!("{error:?}\n{}", front.log()));
            assert_eq!((done.state(), done.stats.retries), ((size as u64, Some(size as u64), true), 0));
            assert!(done.url.starts_with(&url), "{}", done.url);
            assert_stored(&peer, &done.url, &bytes);
            assert_eq!(client.info(&done.url).unwrap().text, [("filename".into(), Some("straße.txt".into()))]);
            client.delete(&done.url).unwrap();
            assert_eq!(client.info(&done.url).unwrap_err().kind, Kind::Gone);
        }
    }
}

/// Stopped in the middle of a body: what nginx had collected of it is nowhere, what it had passed on is kept.
fn nginx_interrupted(api: Api) {
    let Some(peer) = tusd_with(&["-behind-proxy"]) else { return };
    for buffering in BUFFERING {
        let Some((front, url)) = fronted(&peer, buffering) else { return };
        let client = client(api, &url, |_| {});
        let bytes = noise(24 << 20, 70);
        let half = client.upload(&bytes, &Job { stop_at: Some(3 << 20), ..Job::default() }).unwrap();
        let stop = |progress: crate::support::hooks::Progress| if progress.sent > 6 << 20 { 5 } else { 0 };
        let stop = Job { progress: Some(Arc::new(stop)), ..Job::default() };
        match client.resume(&bytes, &half.url, &stop) {
            Err(error) => assert_eq!((error.kind, error.code), (Kind::Callback, 5), "{error:?}"),
            // A machine so fast that no progress was told inside the request.
            Ok(done) => assert!(done.complete),
        }
        let done = client.resume(&bytes, &half.url, &Job::default());
        let done = done.unwrap_or_else(|error| panic!("{error:?}\n{}\n{}", front.log(), peer.log()));
        assert!(done.complete && done.stats.resumed >= 3 << 20, "{done:?}");
        assert_stored(&peer, &done.url, &bytes);
        client.delete(&done.url).unwrap();
    }
}

/// What is too large for nginx is made smaller, whoever asked for it and whatever each piece carries.
fn nginx_body_limit(api: Api) {
    const LIMIT: u64 = 100 << 10;
    for (options, chunk) in [
        (Options::default(), Chunk::Auto),
        (Options::default(), Chunk::Whole),
        (Options::default(), Chunk::Fixed(300_000)),
        (Options::checked(), Chunk::Auto),
    ] {
        let server = Server::start(options).unwrap();
        let site = whole(server.origin(), "client_max_body_size 100k; proxy_set_header Host $http_host;");
        let Some(front) = nginx(&site, None) else { return };
        let client = client(api, &format!("http://{}/files/", front.authority()), |setup| setup.chunk = chunk);
        let bytes = noise(1_000_000, 71);
        let done = client.upload(&bytes, &Job::default());
        let done = done.unwrap_or_else(|error| panic!("{error:?}\n{}", front.log()));
        assert!(done.complete && front.log().contains(" 413 "), "{done:?}\n{}", front.log());
        crate::support::server::assert_stored(&server, &done.url, &bytes);
        let patches: Vec<_> = server.requests().into_iter().filter(|request| request.method == "PATCH").collect();
        assert!(patches.iter().all(|patch| patch.body_len <= LIMIT));
        // Found by halving, and kept.
        assert!(patches.len() < 40 && front.log().matches(" 413 ").count() < 12, "{}", front.log());
        assert_clean(&server);
    }
}

/// Uploads live elsewhere than the server thinks: nginx passes the path on and rewrites `Location`, or the server has
/// been told.
fn nginx_path_prefix(api: Api) {
    let Some(stripped) = tusd() else { return };
    let Some(told) = tusd_with(&["-behind-proxy", "-base-path", "/a/b-c~d/"]) else { return };
    let rewriting = format!(
        "location /a/deep/ {{ proxy_pass {}; proxy_redirect ~^http://[^/]+/files/(.*)$ /a/deep/$1; }}",
        stripped.endpoint()
    );
    let passing = whole(origin(told.endpoint()), FORWARDED);
    for (site, path, peer) in [(rewriting, "/a/deep/", &stripped), (passing, "/a/b-c~d/", &told)] {
        let Some(front) = nginx(&site, None) else { return };
        let url = format!("http://{}{path}", front.authority());
        let client = client(api, &url, |_| {});
        let half = client.upload(HELLO, &Job { stop_at: Some(5), ..Job::default() });
        let half = half.unwrap_or_else(|error| panic!("{error:?}\n{}", front.log()));
        assert!(half.url.starts_with(&url), "{}", half.url);
        let done = client.resume(HELLO, &half.url, &Job::default()).unwrap();
        assert_eq!(done.stats.resumed, 5);
        assert_stored(peer, &done.url, HELLO);
        client.delete(&done.url).unwrap();
        assert!(!peer.stored_file(&done.url).exists());
    }
}

/// A server that was not told of TLS writes `http://` into `Location`; one that was writes `https://`. Only the first is
/// worth a warning.
fn nginx_ends_tls(api: Api) {
    let files = ServerFiles::make().unwrap();
    let folder = Folder::new();
    let ca_file = folder.file("ca.pem", files.ca_pem.as_bytes());
    let host_only = "proxy_set_header Host $http_host;";
    for (peer, headers, warnings) in [(tusd(), host_only, 1), (tusd_with(&["-behind-proxy"]), FORWARDED, 0)] {
        let Some(peer) = peer else { return };
        let tls = Some((files.certificate_pem.as_str(), files.key_pem.as_str()));
        let Some(front) = nginx(&whole(origin(peer.endpoint()), headers), tls) else { return };
        let url = format!("https://{}/files/", front.authority());
        let client = client(api, &url, |setup| setup.ca_file = Some(ca_file.clone()));
        let bytes = noise(3_000_000, 72);
        let half = client.upload(&bytes, &Job { stop_at: Some(1_000_000), ..Job::default() });
        let half = half.unwrap_or_else(|error| panic!("{error:?}\n{}", front.log()));
        assert!(half.url.starts_with(&url), "{}", half.url);
        assert_eq!(half.warnings.len(), warnings, "{:?}", half.warnings);
        assert!(half.warnings.iter().all(|warning| warning.contains("https")), "{:?}", half.warnings);
        let done = client.resume(&bytes, &half.url, &Job::default()).unwrap();
        assert_eq!((done.stats.resumed, done.warnings.len()), (1_000_000, 0));
        assert_stored(&peer, &done.url, &bytes);
        client.delete(&done.url).unwrap();
    }
}

/// The server is away for a while, and nginx says so in the ways that sites are set up: as it does by itself, as a page
/// of its own with 200, or with a redirect to one. Nothing is given up.
fn nginx_error_pages(api: Api) {
    for (pages, status) in [
        ("", 502),
        ("error_page 502 504 =503 /sorry.html;", 503),
        ("error_page 502 504 =200 /sorry.html;", 200),
        ("error_page 502 504 =302 http://$http_host/sorry.html;", 302),
    ] {
        let Some(peer) = tusd_with(&["-behind-proxy"]) else { return };
        let page = "location = /sorry.html { default_type text/html; return 200 '<h1>Back soon</h1>'; }";
        let site = format!("{} {page}", whole(origin(peer.endpoint()), &format!("{FORWARDED} {pages}")));
        let Some(front) = nginx(&site, None) else { return };
        let bytes = noise(3 << 20, 73);
        let mut setup = Setup::url(&format!("http://{}/files/", front.authority()));
        let peer = Arc::new(Mutex::new(peer));
        let statuses = crash_under_way(&mut setup, &peer, 3);
        let done = api.client(&setup).unwrap().upload(&bytes, &Job::default());
        let done = done.unwrap_or_else(|error| panic!("{pages} {error:?}\n{}", front.log()));
        assert!(done.complete, "{done:?}");
        assert_stored(&peer.lock().unwrap(), &done.url, &bytes);
        let statuses = statuses.lock().unwrap();
        assert!(front.log().contains(&format!(" {status} 502 ")), "{statuses:?}\n{}", front.log());
        // One upload, whatever was seen in between.
        assert_eq!(front.log().matches("POST ").count(), 1, "{}", front.log());
    }
}

/// A page with 404 or 410 that stands for longer than doubt lasts: a new upload cannot be begun either, and the old one is
/// named, so that it can be gone on with later.
fn nginx_error_pages_that_say_gone(api: Api) {
    for status in [404, 410] {
        let Some(peer) = tusd_with(&["-behind-proxy"]) else { return };
        let page = "location = /sorry.html { default_type text/html; return 200 '<h1>Back soon</h1>'; }";
        let pages = format!("{FORWARDED} error_page 502 504 ={status} /sorry.html;");
        let Some(front) = nginx(&format!("{} {page}", whole(origin(peer.endpoint()), &pages)), None) else { return };
        let bytes = noise(3 << 20, 76);
        let mut setup = Setup::url(&format!("http://{}/files/", front.authority()));
        let peer = Arc::new(Mutex::new(peer));
        let _never = crash_under_way(&mut setup, &peer, usize::MAX);
        let error = api.client(&setup).unwrap().upload(&bytes, &Job::default()).unwrap_err();
        let url = error.upload_url.unwrap_or_else(|| panic!("{}\n{}", error.message, front.log()));
        peer.lock().unwrap().start().unwrap();
        let done = client(api, &format!("http://{}/files/", front.authority()), |_| {});
        let done = done.resume(&bytes, &url, &Job::default()).unwrap();
        assert_eq!(done.stats.resumed, 1 << 20);
        assert_stored(&peer.lock().unwrap(), &url, &bytes);
    }
}

/// The server holds a request for longer than nginx waits: 504, whichever request it is. What it has done of it counts.
fn nginx_gateway_timeouts(api: Api) {
    let methods = ["OPTIONS", "POST", "PATCH", "HEAD"];
    let variants = BUFFERING.iter().flat_map(|buffering| methods.map(|method| (buffering, method)));
    side_by_side(variants, |(buffering, method)| {
        let server = Server::start(Options::default()).unwrap();
        let more = format!("{buffering} proxy_read_timeout 400ms; proxy_set_header Host $http_host;");
        let Some(front) = nginx(&whole(server.origin(), &more), None) else { return };
        server.script(Rule::on(method).cut_response(0, Ending::Hang));
        let client = client(api, &format!("http://{}/files/", front.authority()), |_| {});
        let half = client.upload(HELLO, &Job { stop_at: Some(5), ..Job::default() });
        let half = half.unwrap_or_else(|error| panic!("{method} {error:?}\n{}", front.log()));
        let done = client.resume(HELLO, &half.url, &Job::default());
        let done = done.unwrap_or_else(|error| panic!("{method} {error:?}\n{}", front.log()));
        crate::support::server::assert_stored(&server, &done.url, HELLO);
        assert!(front.log().lines().any(|line| line.starts_with(method) && line.contains(" 504 504 ")));
    });
}

/// nginx forwards no trailers and says nothing. Each byte is checked all the same, and what is said to be checked was.
fn nginx_drops_trailers(api: Api) {
    let wish = Wish { policy: Policy::Required, algorithm: Some(Algorithm::Sha1) };
    for buffering in BUFFERING {
        let server = Server::start(Options::checked()).unwrap();
        let more = format!("{buffering} proxy_set_header Host $http_host;");
        let Some(front) = nginx(&whole(server.origin(), &more), None) else { return };
        let client = client(api, &format!("http://{}/files/", front.authority()), |setup| {
            (setup.checksum, setup.checksum_trailers, setup.chunk) = (Some(wish), true, Chunk::Fixed(400_000));
        });
        let bytes = noise(1_000_000, 74);
        let done = client.upload(&bytes, &Job::default());
        let done = done.unwrap_or_else(|error| panic!("{error:?}\n{}", front.log()));
        assert_eq!((done.complete, done.checksum), (true, Some(Algorithm::Sha1)));
        crate::support::server::assert_stored(&server, &done.url, &bytes);
        let with_data = server.requests().into_iter().filter(|request| request.body_len > 0);
        let forms: BTreeSet<_> = with_data.map(|patch| patch.header("Upload-Checksum").is_some()).collect();
        assert_eq!(forms, BTreeSet::from([true]), "each in its head");
    }
    // The same of a server that others wrote.
    let Some(peer) = python() else { return };
    let Some(front) = nginx(&whole(origin(peer.endpoint()), "proxy_set_header Host $http_host;"), None) else { return };
    let client = client(api, &format!("http://{}/files", front.authority()), |setup| {
        (setup.checksum, setup.checksum_trailers, setup.chunk) = (Some(wish), true, Chunk::Fixed(400_000));
    });
    let bytes = noise(1_000_000, 75);
    let done = client.upload(&bytes, &Job::default()).unwrap_or_else(|error| panic!("{error:?}\n{}", front.log()));
    assert_eq!((done.complete, done.checksum), (true, Some(Algorithm::Sha1)));
    assert_stored(&peer, &done.url, &bytes);
}
