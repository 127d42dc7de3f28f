//! Idle connections that the server has closed.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use super::peer::*;
use crate::transport::{Body, BreakKind};

const NO_CONTENT: &str = "HTTP/1.1 204 No Content\r\n\r\n";

/// Answers `GET` and keeps the connection; closes it without a word when the next request has come. Later
/// connections are answered.
fn closes_on_reuse(connections: usize) -> Peer {
    Peer::new(move |listener| {
        let mut first = accept(&listener);
        first.read_head();
        first.write(NO_CONTENT);
        first.read_request();
        drop(first);
        for _ in 1..connections {
            let mut connection = accept(&listener);
            connection.read_request();
            connection.write(NO_CONTENT);
        }
    })
}

#[test]
fn a_close_seen_in_time_costs_nothing() {
    let (closed, wait) = channel();
    let peer = Peer::new(move |listener| {
        let mut first = accept(&listener);
        first.read_head();
        first.write(NO_CONTENT);
        drop(first);
        closed.send(()).unwrap();
        let mut second = accept(&listener);
        assert_eq!(second.read_request().1, b"hello");
        second.write(NO_CONTENT);
    });
    let client = client();
    client.get(&peer.url()).unwrap();
    wait.recv().unwrap();
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(client.patch(&peer.url(), b"hello").unwrap().answer.status, 204);
}

#[test]
fn nothing_is_repeated() {
    for method in ["HEAD", "OPTIONS", "GET", "PATCH", "POST", "DELETE"] {
        let peer = closes_on_reuse(1);
        let client = client();
        client.get(&peer.url()).unwrap();
        let mut memory = Memory(b"hello".to_vec(), 0);
        let body = match method {
            "PATCH" => Body::Sized { reader: &mut memory, length: 5 },
            "POST" => Body::Empty,
            _ => Body::None,
        };
        let broken = client.perform(method, &peer.url(), &[], body).unwrap_err();
        assert_eq!(broken.kind, BreakKind::Closed, "{method}");
        assert!(broken.stale_connection && !broken.never_sent, "{method}");
    }
}

#[test]
fn a_stale_connection_takes_the_others_with_it() {
    let accepted: std::sync::Arc<AtomicUsize> = Default::default();
    let count = accepted.clone();
    let peer = Peer::new(move |listener| {
        let mut both: Vec<_> = (0..2).map(|_| accept(&listener)).collect();
        for connection in &mut both {
            connection.read_head();
            connection.write(NO_CONTENT);
        }
        // One of them gets the PATCH and is closed; the other one must not be used any more.
        let used = both.iter_mut().position(|connection| {
            connection.0.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
            connection.try_read_head().is_some()
        });
        both.remove(used.unwrap());
        let mut third = accept(&listener);
        count.fetch_add(1, Ordering::SeqCst);
        third.read_head();
        third.write(NO_CONTENT);
    });
    let client = client();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| client.get(&peer.url()).unwrap());
        }
    });
    assert!(client.patch(&peer.url(), b"hello").unwrap_err().stale_connection);
    client.get(&peer.url()).unwrap();
    assert_eq!(accepted.load(Ordering::SeqCst), 1);
}

#[test]
fn an_interim_answer_shows_that_the_connection_was_alive() {
    let peer = Peer::once(|mut connection| {
        connection.read_head();
        connection.write(NO_CONTENT);
        connection.read_head();
        connection.write("HTTP/1.1 102 Processing\r\n\r\n");
    });
    let client = client();
    client.get(&peer.url()).unwrap();
    assert!(!client.head(&peer.url()).unwrap_err().stale_connection);
}

#[test]
fn a_refused_connection_sends_nothing() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let broken = client().patch(&format!("http://127.0.0.1:{port}/"), b"hello").unwrap_err();
    assert_eq!((broken.kind, broken.os_code), (BreakKind::Connect, Some(libc::ECONNREFUSED)));
    assert!(broken.never_sent && !broken.stale_connection);
    assert!(broken.cause.unwrap().to_string().contains(&port.to_string()));
}
