//! Answers that come while the body is still going out (T-031).

use std::net::Shutdown;
use std::time::{Duration, Instant};

use super::peer::*;
use crate::transport::{Break, BreakKind, Received};

const ANSWER: &str = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 8\r\n\r\ntoo much";
const LENGTH: u64 = 64 << 20;

/// What a server may do after it has answered.
#[derive(Clone, Copy, Debug)]
enum Then {
    Closes,
    ShutsDown,
    StopsReading,
    EndsAndDrains,
}

/// Where the body comes from.
#[derive(Clone, Copy, Debug)]
enum From {
    Memory,
    Kernel,
}

fn server(then: Then, read_before: usize) -> Peer {
    Peer::once(move |mut connection| {
        connection.read_head();
        connection.read(read_before);
        connection.write(ANSWER);
        match then {
            Then::Closes => {}
            // Fails if the client was faster.
            Then::ShutsDown => drop(connection.0.shutdown(Shutdown::Both)),
            Then::StopsReading => {
                // Until the client closes; it does not wait for us.
                std::thread::sleep(Duration::from_millis(300));
            }
            Then::EndsAndDrains => {
                let _ = connection.0.shutdown(Shutdown::Write);
                assert!((connection.read_to_end().len() as u64) < LENGTH, "the whole body was sent");
            }
        }
    })
}

fn upload(client: &Client, url: &str, from: From) -> Result<Received, Break> {
    match from {
        From::Memory => client.patch_from(url, &mut Zeros, LENGTH),
        From::Kernel => {
            let file = OnDisk::with(b"");
            file.0.set_len(LENGTH).unwrap();
            client.patch_from(url, &mut { file }, LENGTH)
        }
    }
}

fn assert_early(received: &Received) {
    assert_eq!(received.answer.status, 413);
    assert_eq!(received.answer.body, b"too much");
    assert!(received.early && received.body_sent < LENGTH, "{} bytes sent", received.body_sent);
}

#[test]
fn the_answer_counts_whatever_the_server_does_next() {
    patiently(|| {
        for then in [Then::Closes, Then::ShutsDown, Then::StopsReading, Then::EndsAndDrains] {
            for from in [From::Memory, From::Kernel] {
                for read_before in [0, 1 << 20] {
                    let peer = server(then, read_before);
                    let client = client();
                    let start = Instant::now();
                    let received = upload(&client, &peer.url(), from)
                        .unwrap_or_else(|broken| panic!("{then:?} {from:?} {read_before}: {broken:?}"));
                    assert_early(&received);
                    assert!(start.elapsed() < Duration::from_millis(250), "{then:?} {from:?}: {:?}", start.elapsed());
                }
            }
        }
    });
}

#[test]
fn the_connection_is_not_used_again() {
    let peer = Peer::new(|listener| {
        for _ in 0..2 {
            let mut connection = accept(&listener);
            connection.read_head();
            connection.write(ANSWER);
            connection.read_to_end();
        }
    });
    let client = client();
    for _ in 0..2 {
        assert_early(&upload(&client, &peer.url(), From::Memory).unwrap());
    }
}

#[test]
fn interim_answers_before_it_do_not_matter() {
    let peer = Peer::once(|mut connection| {
        connection.read_head();
        connection.write("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 104 \r\nUpload-Offset: 1\r\n\r\n");
        connection.write(ANSWER);
        connection.read_to_end();
    });
    let received = upload(&client(), &peer.url(), From::Memory).unwrap();
    assert_early(&received);
    assert_eq!(received.interim.len(), 2);
}

#[test]
fn a_body_nobody_wants_any_more_costs_nothing() {
    patiently(|| {
        let peer = server(Then::EndsAndDrains, 0);
        let start = Instant::now();
        let received = client().patch_from(&peer.url(), &mut Zeros, 1 << 38).unwrap();
        assert_early(&received);
        assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    });
}

#[test]
fn a_head_that_comes_in_pieces_is_waited_for() {
    let peer = Peer::once(|mut connection| {
        connection.read_head();
        connection.write("HTTP/1.1 413 Content");
        std::thread::sleep(Duration::from_millis(100));
        connection.write(" Too Large\r\nContent-Length: 8\r\n\r\ntoo ");
        std::thread::sleep(Duration::from_millis(100));
        connection.write("much");
    });
    assert_early(&upload(&client(), &peer.url(), From::Memory).unwrap());
}

#[test]
fn an_answer_to_the_whole_body_is_not_early() {
    let peer = Peer::once(|mut connection| {
        for _ in 0..2 {
            let (_, body) = connection.read_request();
            assert_eq!(body.len(), 3 << 20);
            connection.write("HTTP/1.1 204 \r\n\r\n");
        }
    });
    let client = client();
    for _ in 0..2 {
        let received = client.patch_from(&peer.url(), &mut Zeros, 3 << 20).unwrap();
        assert!(!received.early);
        assert_eq!(received.body_sent, 3 << 20);
    }
}

#[test]
fn an_answer_to_a_body_that_was_not_received_ends_the_connection() {
    // All of it fits into the buffers of the two kernels, so it counts as sent; but the server stopped reading.
    let peer = Peer::new(|listener| {
        let mut first = accept(&listener);
        first.read_head();
        std::thread::sleep(Duration::from_millis(50));
        first.write("HTTP/1.1 204 \r\n\r\n");
        let mut second = accept(&listener);
        second.read_head();
        second.write("HTTP/1.1 204 \r\n\r\n");
    });
    let client = client();
    client.patch_from(&peer.url(), &mut Zeros, 3 << 20).unwrap();
    client.head(&peer.url()).unwrap();
}

#[test]
fn a_close_without_an_answer_stops_the_body() {
    for shutdown in [Shutdown::Write, Shutdown::Both] {
        let peer = Peer::once(move |mut connection| {
            connection.read_head();
            connection.read(100_000);
            connection.0.shutdown(shutdown).unwrap();
            if shutdown == Shutdown::Write {
                assert!((connection.read_to_end().len() as u64) < LENGTH);
            }
        });
        let broken = upload(&client(), &peer.url(), From::Memory).unwrap_err();
        assert_eq!(broken.kind, BreakKind::Closed);
        assert!((100_000..LENGTH).contains(&broken.body_sent), "{}", broken.body_sent);
        assert!(!broken.stale_connection && !broken.never_sent);
    }
}

#[test]
fn a_reset_is_reported_with_its_code() {
    let peer = Peer::once(|mut connection| {
        connection.read_head();
        // Closing with unread bytes in the queue resets the connection.
    });
    let broken = upload(&client(), &peer.url(), From::Kernel).unwrap_err();
    assert_eq!(broken.kind, BreakKind::Closed);
    assert!(matches!(broken.os_code, Some(libc::EPIPE | libc::ECONNRESET)), "{broken:?}");
}

#[test]
fn garbage_during_the_body_is_not_http() {
    let peer = Peer::once(|mut connection| {
        connection.read_head();
        connection.write("what?");
        connection.read_to_end();
    });
    assert_eq!(upload(&client(), &peer.url(), From::Memory).unwrap_err().kind, BreakKind::NotHttp);
}

/// rustus closes nothing and reads nothing any more; a proxy in front of it has taken the whole body by then (I11).
#[test]
fn after_a_refused_body_a_new_connection_is_used() {
    for (answer, reused) in [
        ("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n", false),
        ("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", false),
        ("HTTP/1.1 307 There\r\nContent-Length: 0\r\n\r\n", false),
        ("HTTP/1.1 204 No Content\r\n\r\n", true),
    ] {
        for length in [5, 300_000] {
            let peer = Peer::new(move |listener| {
                let mut first = accept(&listener);
                first.read_head();
                first.read(length);
                first.write(answer);
                let mut next = if reused { first } else { accept(&listener) };
                assert!(next.read_head().starts_with("HEAD "));
                next.write("HTTP/1.1 204 No Content\r\n\r\n");
            });
            let client = client();
            let received = client.patch(&peer.url(), &noise(length)).unwrap();
            assert!(!received.early, "{answer:?}");
            client.head(&peer.url()).unwrap();
        }
    }
}

/// Without a body nothing is left to be read.
#[test]
fn a_refusal_without_a_body_keeps_the_connection() {
    let peer = Peer::answering(&["HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"; 2]);
    let client = client();
    client.head(&peer.url()).unwrap();
    client.perform("POST", &peer.url(), &[], crate::transport::Body::Empty).unwrap();
}
