//! Answers of every kind a peer can send: odd, cut, endless, and not HTTP at all.

use super::peer::*;
use crate::protocol::answer::BODY_LIMIT;
use crate::transport::{Break, BreakKind, Received};

/// What comes of a GET answered with these bytes and a close.
fn answered(bytes: impl Into<Vec<u8>>) -> Result<Received, Break> {
    let bytes = bytes.into();
    let peer = Peer::once(move |mut connection| {
        connection.read_head();
        let _ = std::io::Write::write_all(&mut connection.0, &bytes);
    });
    client().get(&peer.url())
}

#[test]
fn odd_answers_are_understood() {
    for (bytes, status, body) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok"),
        ("HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", 200, "ok"),
        ("HTTP/1.1 200 OK\nContent-Length: 2\n\nok", 200, "ok"),
        ("\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok"),
        ("HTTP/1.0 200 OK\r\n\r\nok", 200, "ok"),
        ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nok", 200, "ok"),
        ("HTTP/1.1 200 OK\r\n\r\nuntil the end", 200, "until the end"),
        ("HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n", 999, ""),
        ("HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", 307, ""),
        ("HTTP/1.1 302 Moved\r\nLocation: /x\r\nContent-Length: 2\r\n\r\nno", 302, "no"),
        ("HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno", 500, "no"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", 200, "ok"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nA: b\r\nC: d\r\n\r\n", 200, "ok"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b;c\r\nok\r\n0;z\r\n\r\n", 200, "ok"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n", 200, "ok"),
    ] {
        let received = answered(bytes).unwrap_or_else(|broken| panic!("{bytes:?}: {broken:?}"));
        assert_eq!(received.answer.status, status, "{bytes:?}");
        assert_eq!(String::from_utf8_lossy(&received.answer.body), body, "{bytes:?}");
        assert!(!received.early && received.interim.is_empty());
    }
}

#[test]
fn a_cut_body_does_not_cost_the_answer() {
    for (bytes, body) in [
        ("HTTP/1.1 409 Conflict\r\nUpload-Offset: 5\r\nContent-Length: 10\r\n\r\nhel", "hel"),
        ("HTTP/1.1 409 Conflict\r\nUpload-Offset: 5\r\nContent-Length: 10\r\n\r\n", ""),
        ("HTTP/1.1 409 Conflict\r\nUpload-Offset: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "hello"),
        ("HTTP/1.1 409 Conflict\r\nUpload-Offset: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX5\r\n", ""),
        ("HTTP/1.1 409 Conflict\r\nUpload-Offset: 5\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n", ""),
        ("HTTP/1.1 409 Conflict\r\nUpload-Offset: 5\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", ""),
    ] {
        let received = answered(bytes).unwrap();
        assert_eq!(received.answer.headers.get("upload-offset"), Some("5"), "{bytes:?}");
        assert_eq!(String::from_utf8_lossy(&received.answer.body), body, "{bytes:?}");
    }
}

#[test]
fn bodies_are_cut_at_the_limit() {
    let fits = format!("HTTP/1.1 400 No\r\nContent-Length: {BODY_LIMIT}\r\n\r\n{}", "x".repeat(BODY_LIMIT));
    let one_more =
        format!("HTTP/1.1 400 No\r\nContent-Length: {0}\r\n\r\n{1}", BODY_LIMIT + 1, "x".repeat(BODY_LIMIT + 1));
    let huge = format!("HTTP/1.1 400 No\r\n\r\n{}", "x".repeat(10 * BODY_LIMIT));
    for (bytes, reused) in [(fits, true), (one_more, false), (huge, false)] {
        let peer = Peer::new(move |listener| {
            let mut connection = accept(&listener);
            for _ in 0..2 {
                connection.read_head();
                let _ = std::io::Write::write_all(&mut connection.0, bytes.as_bytes());
                if !reused {
                    connection = accept(&listener);
                }
            }
        });
        let client = client();
        for _ in 0..2 {
            assert_eq!(client.get(&peer.url()).unwrap().answer.body.len(), BODY_LIMIT);
        }
        if !reused {
            drop(std::net::TcpStream::connect(("127.0.0.1", peer.port)));
        }
    }
}

#[test]
fn endless_framing_ends() {
    let head = "HTTP/1.1 413 No\r\nTransfer-Encoding: chunked\r\n\r\n";
    for endless in ["a", "5;", "0\r\nTrailer: x\r\n", "1\r\nx\r\n"] {
        let peer = Peer::once(move |mut connection| {
            connection.read_head();
            connection.write(head);
            let mut piece = endless.repeat(10_000);
            while std::io::Write::write_all(&mut connection.0, piece.as_bytes()).is_ok() {
                if endless.starts_with('0') {
                    piece = "Trailer: x\r\n".repeat(1000);
                }
            }
        });
        let start = std::time::Instant::now();
        assert_eq!(client().get(&peer.url()).unwrap().answer.status, 413, "{endless:?}");
        assert!(start.elapsed().as_secs() < 5, "{endless:?}");
    }
}

#[test]
fn what_is_not_http_says_so() {
    let long_header = format!("HTTP/1.1 200 OK\r\nA: {}\r\n\r\n", "x".repeat(300_000));
    let many_headers = format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(2049));
    for bytes in [
        "SSH-2.0-OpenSSH_9.2\r\n",
        "\u{16}\u{3}\u{1}",
        "HTTP/2 200\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 000 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\u{7f}\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!",
        "HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\nok!",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
        &long_header,
        &many_headers,
    ] {
        let broken = answered(bytes).unwrap_err();
        assert_eq!(broken.kind, BreakKind::NotHttp, "{:?}: {broken:?}", &bytes[..bytes.len().min(60)]);
        assert!(broken.cause.is_some() && !broken.never_sent && !broken.stale_connection);
    }
}

#[test]
fn a_close_before_the_answer_is_a_closed_connection() {
    for bytes in
        ["", "HTT", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nA: b\r\n", "HTTP/1.1 100 C\r\n\r\n"]
    {
        let broken = answered(bytes).unwrap_err();
        assert_eq!(broken.kind, BreakKind::Closed, "{bytes:?}");
        assert!(!broken.stale_connection && !broken.never_sent);
    }
}

#[test]
fn random_bytes_never_panic() {
    let noise = noise(64 * 300);
    for (index, piece) in noise.chunks(64).enumerate() {
        let prefix: &[u8] = match index % 4 {
            0 => b"",
            1 => b"HTTP/1.1 200 OK\r\n",
            2 => b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            _ => b"HTTP/1.1 103 Early\r\n",
        };
        let _ = answered([prefix, piece].concat());
    }
}

/// What cannot be read may be the answer that names an upload (T-154); every value of a field is kept, in order.
#[test]
fn large_heads_are_read_whole() {
    for (count, length) in [(129, 10), (2000, 10), (1, 65 * 1024), (3, 80_000)] {
        let field = format!("X-Many: {}\r\n", "v".repeat(length));
        let head = format!(
            "HTTP/1.1 201 Created\r\nset-COOKIE: a=1\r\n{}Set-Cookie: b=2\r\nLocation: /files/1\r\n\
             Content-Length: 2\r\nX-Last: \u{e4} y \r\n\r\nok",
            field.repeat(count)
        );
        let answer = answered(head.as_str()).unwrap().answer;
        assert_eq!((answer.status, answer.body.as_slice()), (201, &b"ok"[..]), "{count} {length}");
        assert_eq!(answer.headers.get("location"), Some("/files/1"));
        assert_eq!(answer.headers.all("Set-Cookie").collect::<Vec<_>>(), ["a=1", "b=2"]);
        assert_eq!(answer.headers.all("X-Many").count(), count);
        assert_eq!(answer.headers.get("X-Last"), Some("\u{e4} y"));
    }
}
