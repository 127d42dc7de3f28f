//! Proxies, scripted: HTTP forwarding and tunnels, SOCKS 4, 4a, 5 and 5h.

use super::peer::*;
use crate::transport::{Body, BreakKind, ProxySetting, ProxyUrl, Settings};

const NO_CONTENT: &str = "HTTP/1.1 204 No Content\r\n\r\n";

/// A client that goes through a proxy on this peer.
fn through(proxy: &Peer, scheme_and_user: &str) -> Client {
    let url = ProxyUrl::parse(&format!("{scheme_and_user}127.0.0.1:{}", proxy.port)).unwrap();
    Client::new(Settings { proxy: ProxySetting::Url(url), user_agent: String::new(), ..settings() })
}

#[test]
fn plain_requests_are_forwarded_with_the_absolute_form() {
    let proxy = Peer::once(|mut connection| {
        let (head, body) = connection.read_request();
        assert_eq!(
            head,
            "PATCH http://origin.test:8080/files/a?b HTTP/1.1\r\nHost: origin.test:8080\r\nAuthorization: Bearer x\r\n\
             Content-Length: 5\r\nProxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r\n\r\n"
        );
        assert_eq!(body, b"hello");
        connection.write(NO_CONTENT);
        let (head, _) = connection.read_request();
        assert!(head.starts_with("HEAD http://origin.test:8080/ HTTP/1.1\r\nHost: origin.test:8080\r\n"), "{head}");
        connection.write(NO_CONTENT);
    });
    let client = through(&proxy, "http://user:secret@");
    let body = Body::Sized { reader: &mut Memory(b"hello".to_vec(), 0), length: 5 };
    let headers = [("Authorization", "Bearer x")];
    let received = client.perform("PATCH", "http://origin.test:8080/files/a?b", &headers, body).unwrap();
    assert_eq!(received.body_sent, 5);
    client.head("http://origin.test:8080").unwrap();
}

/// tinyproxy closes the connection behind each answer, without a word before.
#[test]
fn what_may_not_be_repeated_goes_to_a_forwarding_proxy_over_a_new_connection() {
    let proxy = Peer::new(|listener| {
        let mut first = accept(&listener);
        for method in ["HEAD", "HEAD"] {
            assert!(first.read_request().0.starts_with(method));
            first.write(NO_CONTENT);
        }
        // Left open, so that only the rule keeps the next ones from it.
        for method in ["PATCH", "PATCH"] {
            let mut next = accept(&listener);
            assert!(next.read_request().0.starts_with(method));
            next.write(NO_CONTENT);
        }
    });
    let client = through(&proxy, "");
    let url = "http://origin.test/";
    client.head(url).unwrap();
    client.head(url).unwrap();
    client.patch(url, b"hello").unwrap();
    client.patch(url, b"world").unwrap();
}

#[test]
fn a_forwarding_proxys_own_answer_is_an_answer() {
    let proxy = Peer::answering(&["HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"]);
    assert_eq!(through(&proxy, "").head("http://origin.test/").unwrap().answer.status, 407);
}

#[test]
fn a_proxy_that_cannot_be_reached_is_a_failed_connection() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for (proxy, secret) in [(format!("127.0.0.1:{port}"), false), (format!("u:geheim@127.0.0.1:{port}"), true)] {
        let proxy = ProxySetting::Url(ProxyUrl::parse(&proxy).unwrap());
        let broken = Client::new(Settings { proxy, ..settings() }).head("http://origin.test/").unwrap_err();
        assert_eq!((broken.kind, broken.never_sent), (BreakKind::Connect, true));
        let text = broken.cause.unwrap().to_string();
        assert!(text.contains("proxy http://127.0.0.1") && !(secret && text.contains("geheim")), "{text}");
    }
    let proxy = ProxySetting::Url(ProxyUrl::parse("no-such-host.invalid").unwrap());
    let broken = Client::new(Settings { proxy, ..settings() }).head("http://origin.test/").unwrap_err();
    assert_eq!(broken.kind, BreakKind::Connect);
}

#[cfg(feature = "tls")]
#[test]
fn secure_requests_ask_for_a_tunnel() {
    for (answer, expected) in [
        ("HTTP/1.1 200 Connection established\r\nX: y\r\n\r\n", BreakKind::Closed),
        ("HTTP/1.1 100 Wait\r\n\r\nHTTP/1.0 299 Fine\r\n\r\n", BreakKind::Closed),
        ("HTTP/1.1 407 Who are you\r\nProxy-Authenticate: Basic\r\n\r\n", BreakKind::ProxyRefused),
        ("HTTP/1.1 401 No\r\n\r\n", BreakKind::ProxyRefused),
        ("HTTP/1.1 403 No\r\nno field\r\n\r\n", BreakKind::ProxyRefused),
        ("HTTP/1.1 404 No\r\n\r\n", BreakKind::ProxyRefused),
        ("HTTP/1.1 429 No\r\n\r\n", BreakKind::ProxyRefused),
        ("HTTP/1.1 302 No\r\nLocation: /\r\n\r\n", BreakKind::ProxyRefused),
        ("HTTP/1.1 502 No\r\n\r\n", BreakKind::Connect),
        ("HTTP/1.0 503 No\n\n", BreakKind::Connect),
        ("HTTP/1.1 000 No\r\n\r\n", BreakKind::NotHttp),
        ("", BreakKind::Connect),
        ("HTTP/1.1 20", BreakKind::Connect),
        ("who?\r\n\r\n", BreakKind::NotHttp),
    ] {
        let proxy = Peer::once(move |mut connection| {
            assert_eq!(
                connection.read_head(),
                "CONNECT origin.test:8443 HTTP/1.1\r\nHost: origin.test:8443\r\n\
                 Proxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r\n\r\n"
            );
            connection.write(answer);
            if expected == BreakKind::Closed {
                // The beginning of a TLS handshake, through the tunnel.
                assert_eq!(connection.read(3)[..2], [22, 3]);
            }
        });
        let broken = through(&proxy, "http://user:secret@").head("https://origin.test:8443/").unwrap_err();
        assert_eq!((broken.kind, broken.never_sent), (expected, true), "{answer:?} {broken:?}");
        let text = broken.cause.unwrap().to_string();
        let told = answer.get(9..12).filter(|_| matches!(expected, BreakKind::ProxyRefused));
        if let Some(status) = told.or_else(|| ["502", "503"].into_iter().find(|status| answer.contains(status))) {
            assert!(text.contains(status) && text.contains("proxy http://"), "{text}");
            let answer = broken.answer.unwrap();
            assert_eq!(answer.status.to_string(), status);
            assert_eq!(answer.headers.get("Proxy-Authenticate").is_some(), status == "407");
        }
        assert!(!text.contains("secret"));
    }
}

#[cfg(not(feature = "tls"))]
#[test]
fn https_needs_the_feature() {
    let broken = client().head("https://127.0.0.1:9/").unwrap_err();
    assert_eq!((broken.kind, broken.never_sent), (BreakKind::Unsendable, true));
}

/// What a proxy reads, and what it answers.
type Script = &'static [(&'static [u8], &'static [u8])];

/// A SOCKS proxy that reads and writes exactly this before it becomes the server.
fn socks(exchange: Script) -> Peer {
    Peer::once(move |mut connection| {
        for (expected, answer) in exchange {
            assert_eq!(connection.read(expected.len()), *expected);
            std::io::Write::write_all(&mut connection.0, answer).unwrap();
        }
        if let Some(head) = connection.try_read_head() {
            assert!(
                head.starts_with("HEAD / HTTP/1.1\r\nHost: ") && !head.to_ascii_lowercase().contains("proxy"),
                "{head}"
            );
            connection.write(NO_CONTENT);
        }
    })
}

const GRANTED_4: &[u8] = &[0, 90, 1, 2, 3, 4, 5, 6];
const GRANTED_5: &[u8] = &[5, 0, 0, 1, 1, 2, 3, 4, 5, 6];

#[test]
fn socks_proxies_are_spoken_to() {
    const CASES: &[(&str, &str, Script)] = &[
        ("socks4://", "http://10.1.2.3:80/", &[(b"\x04\x01\x00\x50\x0a\x01\x02\x03\x00", GRANTED_4)]),
        ("socks4://me@", "http://10.1.2.3:81/", &[(b"\x04\x01\x00\x51\x0a\x01\x02\x03me\x00", GRANTED_4)]),
        ("socks4a://", "http://a.test/", &[(b"\x04\x01\x00\x50\x00\x00\x00\x01\x00a.test\x00", GRANTED_4)]),
        (
            "socks5h://",
            "http://a.test:256/",
            &[(b"\x05\x01\x00", b"\x05\x00"), (b"\x05\x01\x00\x03\x06a.test\x01\x00", GRANTED_5)],
        ),
        (
            "socks5://",
            "http://10.1.2.3/",
            &[(b"\x05\x01\x00", b"\x05\x00"), (b"\x05\x01\x00\x01\x0a\x01\x02\x03\x00\x50", GRANTED_5)],
        ),
        (
            "socks5h://me:pw@",
            "http://a.test/",
            &[
                (b"\x05\x02\x00\x02", b"\x05\x02"),
                (b"\x01\x02me\x02pw", b"\x01\x00"),
                (b"\x05\x01\x00\x03\x06a.test\x00\x50", b"\x05\x00\x00\x03\x04host\x00\x00"),
            ],
        ),
        (
            "socks5://",
            "http://[::1]/",
            &[
                (b"\x05\x01\x00", b"\x05\x00"),
                (b"\x05\x01\x00\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x00\x50", b"\x05\0\0\x040123456789abcdefpp"),
            ],
        ),
    ];
    for (scheme, url, exchange) in CASES {
        let proxy = socks(exchange);
        let received = through(&proxy, scheme).head(url).unwrap_or_else(|broken| panic!("{scheme} {url}: {broken:?}"));
        assert_eq!(received.answer.status, 204);
    }
}

#[test]
fn socks_refusals_are_failed_connections() {
    const CASES: &[(&str, Script)] = &[
        ("socks4a://", &[(b"", b"\x00\x5b\0\0\0\0\0\0")]),
        ("socks4a://", &[(b"", b"HTTP/1.1 400")]),
        ("socks4a://", &[(b"", b"\x00")]),
        ("socks5h://", &[(b"", b"\x05\xff")]),
        ("socks5h://", &[(b"", b"\x05\x02")]),
        ("socks5h://me:pw@", &[(b"\x05\x02\x00\x02", b"\x05\xff")]),
        ("socks5h://me:pw@", &[(b"\x05\x02\x00\x02", b"\x05\x02"), (b"\x01\x02me\x02pw", b"\x01\x01")]),
        ("socks5h://", &[(b"\x05\x01\x00", b"\x05\x00"), (b"", b"\x05\x05\x00\x01")]),
        ("socks5h://", &[(b"\x05\x01\x00", b"\x05\x00"), (b"", b"\x05\x00\x00\x09")]),
        ("socks5h://", &[(b"", b"SSH-2.0")]),
    ];
    for (scheme, exchange) in CASES {
        let proxy = Peer::once(move |mut connection| {
            for (expected, answer) in *exchange {
                assert_eq!(connection.read(expected.len()), *expected);
                std::io::Write::write_all(&mut connection.0, answer).unwrap();
            }
            let _ = connection.0.shutdown(std::net::Shutdown::Write);
            connection.read_to_end();
        });
        let broken = through(&proxy, scheme).head("http://a.test/").unwrap_err();
        assert_eq!((broken.kind, broken.never_sent), (BreakKind::Connect, true), "{scheme} {exchange:?} {broken:?}");
    }
}

#[test]
fn a_proxy_that_says_nothing_can_be_cancelled() {
    patiently(|| {
        let proxy = Peer::once(|mut connection| {
            connection.read_to_end();
        });
        let client = through(&proxy, "socks5h://");
        let cancel = client.cancel.clone();
        std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(100));
            cancel.cancel();
        });
        let start = std::time::Instant::now();
        assert_eq!(client.head("http://a.test/").unwrap_err().kind, BreakKind::Cancelled);
        assert!(start.elapsed() < std::time::Duration::from_millis(150));
    });
}
