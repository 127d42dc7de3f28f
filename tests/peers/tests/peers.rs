//! Each real server starts, speaks tus, stores what it is sent, and ends.

use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tus_test_peers::{
    Peer, nginx, node, node_with, python, python_with, raw, tinyproxy, tusd, tusd_with, tussi, uploadx,
};

const TUS: (&str, &str) = ("Tus-Resumable", "1.0.0");

/// Creates an upload of eleven bytes, sends them in two parts, and looks at the server's disk after
/// each.
#[track_caller]
fn takes_an_upload(peer: &Peer) {
    let created = raw::request("POST", peer.endpoint(), &[TUS, ("Upload-Length", "11")], b"").unwrap();
    assert_eq!(created.status, 201, "{created:?}\n{}", peer.log());
    let url = raw::resolve(peer.endpoint(), created.header("Location").unwrap());

    let mut stored = Vec::new();
    for part in [&b"hello "[..], b"world"] {
        let offset = stored.len().to_string();
        let kind = ("Content-Type", "application/offset+octet-stream");
        let answer = raw::request("PATCH", &url, &[TUS, kind, ("Upload-Offset", &offset)], part).unwrap();
        stored.extend_from_slice(part);
        assert_eq!(answer.status, 204, "{answer:?}\n{}", peer.log());
        assert_eq!(answer.header("Upload-Offset"), Some(stored.len().to_string().as_str()));
        assert_eq!(fs::read(peer.stored_file(&url)).unwrap(), stored);
    }
}

#[track_caller]
fn offers(peer: &Peer, extensions: &[&str]) {
    let answer = raw::request("OPTIONS", peer.endpoint(), &[], b"").unwrap();
    assert_eq!(answer.header("Tus-Version"), Some("1.0.0"));
    let offered: Vec<&str> = answer.header("Tus-Extension").unwrap().split(',').map(str::trim).collect();
    for extension in extensions {
        assert!(offered.contains(extension), "{extension} is not in {offered:?}");
    }
}

#[track_caller]
fn refuses_more_than_a_hundred_bytes(peer: &Peer) {
    let answer = raw::request("POST", peer.endpoint(), &[TUS, ("Upload-Length", "101")], b"").unwrap();
    assert_eq!(answer.status, 413, "{answer:?}");
}

#[test]
fn tusd_takes_an_upload() {
    let Some(peer) = tusd() else { return };
    offers(&peer, &["creation", "creation-with-upload", "creation-defer-length", "termination", "concatenation"]);
    takes_an_upload(&peer);
}

#[test]
fn node_takes_an_upload() {
    let Some(peer) = node() else { return };
    offers(&peer, &["creation", "creation-with-upload", "creation-defer-length", "termination", "expiration"]);
    takes_an_upload(&peer);
}

#[test]
fn python_takes_an_upload() {
    let Some(peer) = python() else { return };
    offers(&peer, &["creation", "concatenation", "checksum", "checksum-trailer", "expiration", "termination"]);
    takes_an_upload(&peer);
}

#[test]
fn arguments_reach_the_servers() {
    if let Some(peer) = tusd_with(&["-max-size", "100"]) {
        refuses_more_than_a_hundred_bytes(&peer);
    }
    if let Some(peer) = node_with(&["--max-size", "100"]) {
        refuses_more_than_a_hundred_bytes(&peer);
    }
    if let Some(peer) = python_with(&["--max-size", "100", "--checksum-algorithms", "sha1,md5"]) {
        refuses_more_than_a_hundred_bytes(&peer);
        let answer = raw::request("OPTIONS", peer.endpoint(), &[], b"").unwrap();
        assert_eq!(answer.header("Tus-Checksum-Algorithm"), Some("sha1,md5"));
    }
}

#[test]
fn a_stopped_server_comes_back_with_its_uploads() {
    for peer in [tusd(), node(), python()] {
        let Some(mut peer) = peer else { continue };
        let created = raw::request("POST", peer.endpoint(), &[TUS, ("Upload-Length", "11")], b"").unwrap();
        let url = raw::resolve(peer.endpoint(), created.header("Location").unwrap());
        peer.stop();
        assert!(raw::request("OPTIONS", peer.endpoint(), &[], b"").is_err());
        peer.start().unwrap();
        let found = raw::request("HEAD", &url, &[TUS], b"").unwrap();
        assert_eq!((found.status, found.header("Upload-Offset")), (200, Some("0")), "{found:?}");
    }
}

#[test]
fn a_dropped_server_leaves_nothing_behind() {
    for peer in [tusd(), node(), python(), uploadx(), tussi()] {
        let Some(peer) = peer else { continue };
        let (dir, address) = (peer.dir().to_path_buf(), address(peer.endpoint()).to_owned());
        assert!(dir.is_dir());
        drop(peer);
        assert!(!dir.exists());
        assert!(TcpStream::connect(address).is_err());
    }
}

#[test]
fn a_proxy_serves_and_leaves_nothing_behind() {
    for proxy in [nginx("location / { return 404; }", None), tinyproxy("")] {
        let Some(proxy) = proxy else { continue };
        let url = format!("http://{}/", proxy.authority());
        let answer = raw::request("GET", &url, &[], b"").unwrap();
        assert!(answer.status >= 400, "{answer:?}\n{}", proxy.log());
        let dir = proxy.dir().to_path_buf();
        assert!(dir.is_dir());
        drop(proxy);
        assert!(!dir.exists());
        assert!(TcpStream::connect(address(&url)).is_err());
    }
}

/// Run in a process of its own by the test below, and only there.
#[test]
fn helper_that_aborts_while_a_server_runs() {
    let Some(told) = std::env::var_os("PEERS_TEST_ABORT") else { return };
    let peer = tusd().or_else(node).or_else(python).unwrap();
    fs::write(told, format!("{}\n{}", peer.endpoint(), peer.dir().display())).unwrap();
    std::process::abort();
}

#[test]
fn a_server_does_not_outlive_a_test_that_aborts() {
    if tusd().or_else(node).or_else(python).is_none() {
        return;
    }
    let told = tus_test_peers::target_dir().join(format!("peers-abort-{}.txt", std::process::id()));
    let mut helper = Command::new(std::env::current_exe().unwrap());
    helper.args(["--exact", "helper_that_aborts_while_a_server_runs"]).env("PEERS_TEST_ABORT", &told);
    assert!(!helper.output().unwrap().status.success());

    let text = fs::read_to_string(&told).unwrap();
    fs::remove_file(told).unwrap();
    let (endpoint, dir) = text.split_once('\n').unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(address(endpoint)).is_ok() || PathBuf::from(dir).exists() {
        assert!(Instant::now() < deadline, "{endpoint} or {dir} is still there");
        thread::sleep(Duration::from_millis(20));
    }
}

fn address(endpoint: &str) -> &str {
    endpoint.strip_prefix("http://").and_then(|rest| rest.split('/').next()).unwrap()
}
