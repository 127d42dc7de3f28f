//! What is on the wire, byte for byte, and how connections are kept.

use super::peer::*;
use crate::error::ErrorKind;
use crate::transport::{Body, BreakKind, Settings, Transport};

const NO_CONTENT: &str = "HTTP/1.1 204 No Content\r\n\r\n";

/// Performs one request and returns what the server read.
fn request_bytes(method: &'static str, path: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> String {
    let log: Log<String> = Log::default();
    let theirs = log.clone();
    let peer = Peer::once(move |mut connection| {
        let (head, body) = connection.read_request();
        theirs.lock().unwrap().push(head + std::str::from_utf8(&body).unwrap());
        connection.write(NO_CONTENT);
        assert_eq!(connection.read_to_end(), b"", "nothing else is sent");
    });
    let client = Client::new(Settings { user_agent: "agent".to_owned(), ..settings() });
    let url = format!("http://127.0.0.1:{}{path}", peer.port);
    let mut memory;
    let body = match body {
        None => Body::None,
        Some([]) => Body::Empty,
        Some(bytes) => {
            memory = Memory(bytes.to_vec(), 0);
            Body::Sized { reader: &mut memory, length: bytes.len() as u64 }
        }
    };
    let received = client.perform(method, &url, headers, body).unwrap();
    assert_eq!(received.answer.status, 204);
    drop(client);
    let port = peer.port.to_string();
    peer.finish();
    let read = log.lock().unwrap().pop().unwrap();
    read.replace(&port, "PORT")
}

#[test]
fn requests_are_exactly_this() {
    assert_eq!(
        request_bytes("PATCH", "/a/b?c=%20d", &[("Upload-Offset", "5"), ("X", "1"), ("x", "2")], Some(b"hello")),
        "PATCH /a/b?c=%20d HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nUpload-Offset: 5\r\nX: 1\r\nX: 2\r\n\
         User-Agent: agent\r\nContent-Length: 5\r\n\r\nhello"
    );
    assert_eq!(
        request_bytes("HEAD", "", &[("User-Agent", "mine")], None),
        "HEAD / HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nUser-Agent: mine\r\n\r\n"
    );
    assert_eq!(
        request_bytes("POST", "?query", &[], Some(b"")),
        "POST /?query HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nUser-Agent: agent\r\nContent-Length: 0\r\n\r\n"
    );
}

#[test]
fn requests_without_body_have_no_length_unless_their_method_expects_one() {
    for method in ["DELETE", "OPTIONS", "HEAD"] {
        assert!(!request_bytes(method, "/", &[], None).contains("Content-Length"), "{method}");
    }
    let post = request_bytes("POST", "/", &[], None);
    assert!(post.contains("Content-Length: 0\r\n") && !post.contains("Transfer-Encoding"), "{post}");
    assert!(request_bytes("DELETE", "/", &[], Some(b"body")).ends_with("Content-Length: 4\r\n\r\nbody"));
}

#[test]
fn the_user_agent_may_be_empty_but_not_broken() {
    let peer = Peer::once(|mut connection| {
        assert!(!connection.read_head().contains("User-Agent"));
        connection.write(NO_CONTENT);
    });
    let client = Client::new(Settings { user_agent: String::new(), ..settings() });
    client.get(&peer.url()).unwrap();
    let error = Transport::new(Settings { user_agent: "a\nb".to_owned(), ..settings() }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}

#[test]
fn what_cannot_be_sent_is_not_sent() {
    let client = client();
    let url = "http://127.0.0.1:9/";
    for (method, url, header) in [
        ("GET", url, ("Host", "x")),
        ("GET", url, ("Content-Length", "1")),
        ("GET", url, ("transfer-encoding", "chunked")),
        ("GET", url, ("trailer", "x")),
        ("GET", url, ("connection", "close")),
        ("GET", url, ("expect", "100-continue")),
        ("GET", url, ("a b", "x")),
        ("GET", url, ("a", "x\r\nb: y")),
        ("G T", url, ("a", "x")),
        ("GET", "ftp://127.0.0.1/", ("a", "x")),
        ("GET", "/relative", ("a", "x")),
        ("GET", "http://127.0.0.1/ blank", ("a", "x")),
    ] {
        let broken = client.perform(method, url, &[header], Body::None).unwrap_err();
        assert_eq!(broken.kind, BreakKind::Unsendable, "{method} {url} {header:?}");
        assert!(broken.never_sent && broken.cause.is_some());
    }
}

#[test]
fn head_and_body_leave_in_one_write() {
    for by_kernel in [false, true] {
        let bytes = noise(100_000);
        let peer = Peer::once(move |connection| {
            // Without the head held back, the first packet would be the head alone.
            let mut buffer = vec![0; 200_000];
            std::thread::sleep(std::time::Duration::from_millis(50));
            let mut connection = connection;
            let first = std::io::Read::read(&mut connection.0, &mut buffer).unwrap();
            let head = buffer[..first].windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
            assert!(first > head, "the head came alone");
            connection.read(head + 100_000 - first);
            connection.write(NO_CONTENT);
        });
        let received = if by_kernel {
            client().patch_from(&peer.url(), &mut OnDisk::with(&bytes), 100_000)
        } else {
            client().patch(&peer.url(), &bytes)
        };
        assert_eq!(received.unwrap().body_sent, 100_000);
    }
}

#[test]
fn connections_are_used_again() {
    let peer = Peer::once(|mut connection| {
        for answer in [
            NO_CONTENT,
            "HTTP/1.1 204 \r\nContent-Length: 5\r\n\r\n",
            "HTTP/1.1 304 \r\nContent-Length: 5\r\n\r\n",
            "HTTP/1.1 200 \r\nContent-Length: 5\r\n\r\nhello",
            "HTTP/1.1 404 \r\nTransfer-Encoding: chunked\r\n\r\n5;ext=1\r\nhello\r\n0\r\nTrailer: x\r\n\r\n",
            "HTTP/1.0 200 \r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
            NO_CONTENT,
        ] {
            connection.read_request();
            connection.write(answer);
        }
        assert!(connection.try_read_head().is_none());
    });
    let client = client();
    let url = peer.url();
    assert_eq!(client.patch(&url, b"12345").unwrap().answer.status, 204);
    assert_eq!(client.get(&url).unwrap().answer.body, b"");
    assert_eq!(client.get(&url).unwrap().answer.status, 304);
    assert_eq!(client.perform("POST", &url, &[], Body::Empty).unwrap().answer.body, b"hello");
    assert_eq!(client.get(&url).unwrap().answer.body, b"hello");
    assert_eq!(client.get(&url).unwrap().answer.body, b"ok");
    assert_eq!(client.perform("DELETE", &url, &[], Body::None).unwrap().answer.status, 204);
    client.transport.close_idle();
}

#[test]
fn an_answer_to_head_has_no_body_whatever_it_says() {
    let peer = Peer::once(|mut connection| {
        for _ in 0..2 {
            connection.read_head();
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nUpload-Offset: 7\r\n\r\n");
        }
    });
    let client = client();
    for _ in 0..2 {
        let received = client.head(&peer.url()).unwrap();
        assert_eq!(received.answer.headers.get("Upload-Offset"), Some("7"));
        assert_eq!(received.answer.headers.get("content-length"), Some("1000"));
    }
}

#[test]
fn connections_that_must_close_are_not_used_again() {
    for answer in [
        "HTTP/1.1 204 \r\nConnection: close\r\n\r\n",
        "HTTP/1.0 204 \r\n\r\n",
        "HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok and more",
        "HTTP/1.1 200 \r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 200 \r\n\r\nok",
    ] {
        let peer = Peer::new(move |listener| {
            for _ in 0..2 {
                let mut connection = accept(&listener);
                connection.read_head();
                connection.write(answer);
                if answer.ends_with("\r\n\r\nok") {
                    continue;
                }
                assert!(connection.try_read_head().is_none(), "used again after {answer:?}");
            }
        });
        let client = client();
        for _ in 0..2 {
            let body = client.get(&peer.url()).unwrap().answer.body;
            assert!(body == b"" || body == b"ok", "{body:?}");
        }
    }
}

#[test]
fn idle_connections_are_limited_and_can_be_closed() {
    let peer = Peer::new(|listener| {
        let mut connections: Vec<_> = (0..3).map(|_| accept(&listener)).collect();
        for connection in &mut connections {
            connection.read_head();
            connection.write(NO_CONTENT);
        }
        let open = connections.iter_mut().filter_map(|connection| connection.try_read_head()).count();
        assert_eq!(open, 0);
    });
    let client = Client::new(Settings { max_idle_per_origin: 2, ..settings() });
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| client.get(&peer.url()).unwrap());
        }
    });
    client.transport.close_idle();
}

#[test]
fn origins_do_not_share_connections() {
    let first = Peer::answering(&[NO_CONTENT]);
    let second = Peer::answering(&[NO_CONTENT]);
    let client = client();
    client.get(&first.url()).unwrap();
    client.get(&second.url()).unwrap();
}
