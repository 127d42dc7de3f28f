//! Peers that never stop sending: at every place where something is received, a bound, the deadline and a cancel each end
//! the request, however little the peer lets us wait.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::peer::*;
use crate::error::TimeLimit;
use crate::transport::{Break, BreakKind, ProxySetting, ProxyUrl, Received, Request, Settings};

/// Where a peer sends for ever.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// The scheme of a proxy that the peer is.
    proxy: Option<&'static str>,
    secure: bool,
    /// What is sent at first, and again and again after it.
    first: &'static [u8],
    then: &'static [u8],
    /// Whether the answer's status has come by then, which is returned whatever follows.
    answered: bool,
}

const fn place(first: &'static [u8], then: &'static [u8], answered: bool) -> Place {
    Place { proxy: None, secure: false, first, then, answered }
}

const fn behind(proxy: &'static str, secure: bool, first: &'static [u8], then: &'static [u8]) -> Place {
    Place { proxy: Some(proxy), secure, first, then, answered: false }
}

fn places() -> Vec<Place> {
    let mut places = vec![
        place(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n", false),
        place(b"HTTP/1.1 200 OK\r\nA: ", b"x", false),
        place(b"", b"\r\n", false),
        place(b"", b"HTTP/1.1 102 Processing\r\n\r\n", false),
        place(b"HTTP/1.1 102 Processing\r\n", b"A: b\r\n", false),
        place(b"HTTP/1.1 200 OK\r\n\r\n", b"x", true),
        place(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", true),
        place(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;", b"x", true),
        place(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"A: b\r\n", true),
    ];
    // The request through SOCKS is answered like any other.
    places.push(behind("socks5://", false, b"\x05\x00\x05\x00\x00\x01\0\0\0\0\0\0HTTP/1.1 200 OK\r\n", b"A: b\r\n"));
    if cfg!(feature = "tls") {
        places.extend([
            behind("http://", true, b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"),
            behind("http://", true, b"HTTP/1.1 403 No\r\nA: ", b"x"),
            behind("http://", true, b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
            // A handshake in records of one byte, and one of nothing but empty records.
            behind(
                "http://",
                true,
                b"HTTP/1.1 200 OK\r\n\r\n\x16\x03\x03\x00\x04\x02\x00\xff\xf0",
                b"\x16\x03\x03\x00\x01\x00",
            ),
            behind("http://", true, b"HTTP/1.1 200 OK\r\n\r\n", b"\x16\x03\x03\x00\x00"),
        ]);
    }
    places
}

impl Place {
    /// Sends, with pauses if there are any, until the client has gone or `over`.
    fn peer(self, pause: Option<Duration>, begun: Arc<AtomicBool>) -> Peer {
        Peer::once(move |mut connection| {
            if self.proxy.is_none_or(|proxy| proxy.starts_with("http")) {
                connection.read_head();
            }
            let mut fits = connection.0.write_all(self.first).is_ok();
            let piece = if pause.is_some() { self.then.to_vec() } else { self.then.repeat(2000) };
            while fits {
                fits = connection.0.write_all(&piece).is_ok();
                begun.store(true, Ordering::SeqCst);
                pause.into_iter().for_each(std::thread::sleep);
            }
        })
    }

    fn client(self, peer: &Peer) -> Client {
        let proxy = self.proxy.map_or(ProxySetting::None, |scheme| {
            ProxySetting::Url(ProxyUrl::parse(&format!("{scheme}127.0.0.1:{}", peer.port)).unwrap())
        });
        Client::new(Settings { proxy, ..settings() })
    }

    fn request(self, client: &Client, peer: &Peer, deadline: Option<Duration>) -> Result<Received, Break> {
        let url = if self.secure { "https://127.0.0.1:9/".to_owned() } else { peer.url() };
        let request = Request {
            method: "GET",
            url: &url,
            headers: &[],
            deadline: deadline.map(|deadline| Instant::now() + deadline),
            timeouts: None,
            response_limit: None,
            fresh_connection: false,
            identify: true,
            pointed_by: &[],
        };
        client.transport.perform(&request, crate::transport::Body::None, &client.cancel, &client.watch)
    }
}

#[test]
fn a_bound_ends_it() {
    for place in places() {
        let peer = place.peer(None, Arc::default());
        let result = place.request(&place.client(&peer), &peer, None);
        match result {
            Ok(received) => assert!(place.answered, "{place:?} {received:?}"),
            Err(broken) => {
                assert!(!matches!(broken.kind, BreakKind::Timeout(_)) && !place.answered, "{place:?} {broken:?}")
            }
        }
    }
}

#[test]
fn the_deadline_ends_it() {
    for place in places() {
        for pause in [None, Some(Duration::from_micros(300))] {
            let peer = place.peer(pause, Arc::default());
            let result = place.request(&place.client(&peer), &peer, Some(Duration::from_millis(200)));
            match result {
                Ok(received) => assert!(place.answered, "{place:?} {received:?}"),
                // A bound may have been first.
                Err(broken) => assert!(
                    broken.kind == BreakKind::Timeout(TimeLimit::Total)
                        || !matches!(broken.kind, BreakKind::Timeout(_) | BreakKind::Cancelled),
                    "{place:?} {broken:?}"
                ),
            }
        }
    }
}

#[test]
fn a_cancel_ends_it() {
    for place in places() {
        let begun = Arc::new(AtomicBool::new(false));
        let peer = place.peer(Some(Duration::from_micros(300)), Arc::clone(&begun));
        let client = place.client(&peer);
        let cancel = client.cancel.clone();
        let canceller = std::thread::spawn(move || {
            while !begun.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            cancel.cancel();
        });
        match place.request(&client, &peer, None) {
            Ok(received) => assert!(place.answered, "{place:?} {received:?}"),
            Err(broken) => assert!(!matches!(broken.kind, BreakKind::Timeout(_)), "{place:?} {broken:?}"),
        }
        canceller.join().unwrap();
    }
}
