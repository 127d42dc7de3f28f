//! TLS: that all is as without, and what is different.

use std::net::Shutdown;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::peer::*;
use super::tls_peer::*;
use crate::error::TimeLimit;
use crate::transport::{BreakKind, Settings, Timeouts, TlsSettings};

const NO_CONTENT: &str = "HTTP/1.1 204 No Content\r\n\r\n";

#[test]
fn all_goes_as_without() {
    let authority = new_authority();
    let server = Identity::signed_by(parameters(&["127.0.0.1"]), &authority);
    let bytes = noise(3_000_001);
    let expected = bytes.clone();
    let peer = serve(server_config(&server), move |mut connection| {
        assert_eq!(connection.0.conn.alpn_protocol(), None);
        for _ in 0..3 {
            let (head, body) = connection.read_request();
            if head.starts_with("PATCH") {
                assert!(body == expected);
            }
            connection.write("HTTP/1.1 104 \r\nUpload-Offset: 1\r\n\r\n");
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
        }
    });
    let client = client_trusting(&authority);
    assert_eq!(client.get(&https(&peer)).unwrap().answer.body, b"hello");
    for _ in 0..2 {
        let received = client.patch_from(&https(&peer), &mut OnDisk::with(&bytes), bytes.len() as u64).unwrap();
        assert_eq!((received.answer.status, received.body_sent), (200, bytes.len() as u64));
        assert_eq!(received.interim.len(), 1);
    }
    client.transport.close_idle();
}

#[test]
fn early_answers_are_noticed() {
    patiently(|| {
        let authority = new_authority();
        let server = Identity::signed_by(parameters(&["127.0.0.1"]), &authority);
        let client = client_trusting(&authority);
        for then in ["close", "shut down", "stop reading", "drain"] {
            let peer = serve(server_config(&server), move |mut connection| {
                connection.read_head();
                connection.read(100_000);
                connection.write("HTTP/1.1 413 No\r\nContent-Length: 8\r\n\r\ntoo much");
                match then {
                    "close" => {}
                    "shut down" => drop(connection.0.sock.shutdown(Shutdown::Both)),
                    "stop reading" => std::thread::sleep(Duration::from_millis(300)),
                    _ => drop(connection.read_to_end()),
                }
            });
            let start = Instant::now();
            let received =
                client.patch_from(&https(&peer), &mut Zeros, 1 << 40).unwrap_or_else(|b| panic!("{then}: {b:?}"));
            assert_eq!((received.answer.status, received.early), (413, true), "{then}");
            assert_eq!(received.answer.body, b"too much", "{then}");
            assert!(start.elapsed() < Duration::from_secs(2), "{then}: {:?}", start.elapsed());
        }
    });
}

#[test]
fn handshakes_that_go_wrong() {
    let authority = new_authority();
    let client = client_trusting(&authority);
    let cut = Peer::once(|mut connection| {
        connection.read(100);
    });
    let broken = client.head(&https(&cut)).unwrap_err();
    assert_eq!((broken.kind, broken.never_sent, broken.stale_connection), (BreakKind::Closed, true, false));

    let plain = Peer::once(|mut connection| {
        connection.write("HTTP/1.1 400 Bad Request\r\n\r\n");
        connection.read_to_end();
    });
    assert_eq!(client.head(&https(&plain)).unwrap_err().kind, BreakKind::TlsRejected);
}

/// What is wrong and what mends it, in the first sentence; rustls' own words below.
#[test]
fn failures_say_what_is_wrong_and_what_mends_it() {
    let authority = new_authority();
    let named = |names: &[&str]| Identity::signed_by(parameters(names), &authority);
    let mut early = parameters(&["127.0.0.1"]);
    early.not_before = rcgen::date_time_ymd(3000, 1, 1);
    let mut for_clients = parameters(&["127.0.0.1"]);
    for_clients.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let stranger = {
        let mut unknown = parameters(&[]);
        unknown.distinguished_name.push(rcgen::DnType::CommonName, "a stranger");
        let key = rcgen::KeyPair::generate().unwrap();
        let issuer = rcgen::Issuer::new(super::tls_peer::authority(unknown), &key);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = parameters(&["127.0.0.1"]).signed_by(&key, &issuer).unwrap();
        Identity { pem: certificate.pem(), der: certificate.der().clone(), key }
    };
    let good = named(&["127.0.0.1"]);
    let version_12 = showing(&good, &good, &[&rustls::version::TLS12]);
    let ca_file = Temporary::with(&authority.pem);
    let trusting = || TlsSettings { ca_file: Some(ca_file.0.clone()), ..TlsSettings::default() };
    let pinned = TlsSettings { pinned_keys: vec![[7; 32]], ..trusting() };
    let only_13 = TlsSettings { allow_tls12: false, ..trusting() };
    let cases = [
        (
            trusting(),
            server_config(&Identity::self_signed(parameters(&["127.0.0.1"]))),
            vec!["self-signed", "set_tls_ca_file"],
        ),
        (trusting(), server_config(&stranger), vec!["authorities", "set_tls_ca_file"]),
        (trusting(), server_config(&named(&["a.test", "b.test"])), vec!["not for 127.0.0.1", "a.test, b.test"]),
        (trusting(), server_config(&named(&[])), vec!["not for 127.0.0.1", "subjectAltName"]),
        (
            trusting(),
            server_config(&Identity::signed_by(expired(parameters(&["127.0.0.1"])), &authority)),
            vec!["expired at Wed, 01 Jan 2020", "clock"],
        ),
        (
            trusting(),
            server_config(&Identity::signed_by(early, &authority)),
            vec!["not valid before Wed, 01 Jan 3000", "clock"],
        ),
        (trusting(), server_config(&Identity::signed_by(for_clients, &authority)), vec!["not one for servers"]),
        (trusting(), showing(&good, &named(&["127.0.0.1"]), rustls::ALL_VERSIONS), vec!["does not hold the key"]),
        (pinned, server_config(&good), vec!["none of those pinned", "tus_config_pin_tls_key", "sha256//"]),
        (only_13, version_12, vec!["version", "tus_config_set_tls_min_version"]),
    ];
    for (tls, config, words) in cases {
        let broken = client_with(tls).head(&https(&serve_one(config))).unwrap_err();
        assert_eq!(broken.kind, BreakKind::TlsRejected, "{broken:?}");
        let text = broken.cause.unwrap().to_string();
        assert!(words.iter().all(|word| text.contains(word)), "{text}");
    }

    let plain = Peer::once(|mut connection| {
        connection.write("HTTP/1.1 400 Bad Request\r\n\r\n");
        connection.read_to_end();
    });
    let cause = client_with(trusting()).head(&https(&plain)).unwrap_err().cause.unwrap();
    assert!(cause.to_string().contains("http://"), "{cause}");
    assert!(std::error::Error::source(cause.as_ref()).unwrap().to_string().contains("corrupt message"));

    let alert = Peer::once(|mut connection| {
        connection.read_head();
        std::io::Write::write_all(&mut connection.0, b"\x15\x03\x01\x00\x02\x02\x46").unwrap();
    });
    let broken = super::peer::client().head(&alert.url()).unwrap_err();
    assert_eq!(broken.kind, BreakKind::NotHttp);
    let text = broken.cause.unwrap().to_string();
    assert!(text.contains("https://"), "{text}");
}

#[test]
fn handshakes_are_limited_and_can_be_cancelled() {
    patiently(|| {
        let silent = || {
            Peer::once(|mut connection| {
                connection.read_to_end();
            })
        };
        let short = Duration::from_millis(200);
        let long = Duration::from_secs(30);
        let timeouts = Timeouts { connect: short, response: long, stall: long };
        let tls = || TlsSettings { verify: false, ..TlsSettings::default() };
        let client = Client::new(Settings { timeouts, tls: tls(), ..settings() });
        let peer = silent();
        let start = Instant::now();
        assert_eq!(client.head(&https(&peer)).unwrap_err().kind, BreakKind::Timeout(TimeLimit::Connect));
        assert!(start.elapsed() < short * 2);

        let peer = silent();
        let client = client_with(tls());
        let cancel = client.cancel.clone();
        std::thread::spawn(move || {
            std::thread::sleep(short);
            cancel.cancel();
        });
        let start = Instant::now();
        assert_eq!(client.head(&https(&peer)).unwrap_err().kind, BreakKind::Cancelled);
        assert!(start.elapsed() < short + Duration::from_millis(50));
    });
}

#[test]
fn stale_connections_are_found_or_reported() {
    let authority = new_authority();
    let server = Arc::new(server_config(&Identity::signed_by(parameters(&["127.0.0.1"]), &authority)));
    let peer = Peer::new(move |listener| {
        for announced in [true, false] {
            let mut first = encrypt(&server, accept(&listener));
            first.read_head();
            first.write(NO_CONTENT);
            if announced {
                first.0.conn.send_close_notify();
                first.0.conn.write_tls(&mut first.0.sock).unwrap();
                assert!(first.try_read_head().is_none(), "a connection said to be closed was used");
            } else {
                first.read_head();
            }
            drop(first);
            let mut second = encrypt(&server, accept(&listener));
            second.read_head();
            second.write("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
        }
    });
    let client = client_trusting(&authority);
    for announced in [true, false] {
        client.head(&https(&peer)).unwrap();
        std::thread::sleep(Duration::from_millis(20));
        if !announced {
            assert!(client.head(&https(&peer)).unwrap_err().stale_connection);
        }
        client.head(&https(&peer)).unwrap();
    }
}

#[test]
fn a_close_without_goodbye_ends_a_body_too() {
    let authority = new_authority();
    let server = Identity::signed_by(parameters(&["127.0.0.1"]), &authority);
    let peer = serve(server_config(&server), |mut connection| {
        connection.read_head();
        connection.write("HTTP/1.1 400 No\r\n\r\nuntil the end");
    });
    assert_eq!(client_trusting(&authority).get(&https(&peer)).unwrap().answer.body, b"until the end");
}

#[test]
fn a_proxys_tunnel_leads_to_the_server() {
    let authority = new_authority();
    let server = Arc::new(server_config(&Identity::signed_by(parameters(&["origin.test"]), &authority)));
    let peer = Peer::once(move |mut connection| {
        assert!(connection.read_head().starts_with("CONNECT origin.test:443 HTTP/1.1\r\n"));
        connection.write("HTTP/1.1 200 OK\r\n\r\n");
        let mut server = encrypt(&server, connection);
        for _ in 0..2 {
            let (head, _) = server.read_request();
            assert!(head.starts_with("PATCH /files HTTP/1.1\r\nHost: origin.test\r\n"), "{head}");
            assert!(!head.contains("proxy"), "the proxy's credentials reached the server");
            assert_eq!(server.0.conn.server_name(), Some("origin.test"));
            server.write(NO_CONTENT);
        }
    });
    let file = Temporary::with(&authority.pem);
    let proxy = crate::transport::ProxyUrl::parse(&format!("http://u:p@127.0.0.1:{}", peer.port)).unwrap();
    let client = Client::new(Settings {
        tls: TlsSettings { ca_file: Some(file.0.clone()), ..TlsSettings::default() },
        proxy: crate::transport::ProxySetting::Url(proxy),
        ..settings()
    });
    for _ in 0..2 {
        client.patch("https://origin.test/files", b"hello").unwrap();
    }
}
