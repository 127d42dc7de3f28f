//! Bodies in chunks with a trailer field (T-100, T-101): exact bytes, and that all else is as for other bodies.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::peer::*;
use super::trailer_peer::*;
use crate::error::TimeLimit;
use crate::transport::{Body, BodyReader, Break, BreakKind, ProxySetting, ProxyUrl, Received, Settings, Timeouts};

const NAME: &str = "X-Sum";
const NO_CONTENT: &str = "HTTP/1.1 204 No Content\r\n\r\n";
const ANSWER: &str = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 8\r\n\r\ntoo much";
/// What no chunked body may contain before its end, if its payload does not.
const LAST_CHUNK: &[u8] = b"\r\n0\r\n";

fn patch(client: &Client, url: &str, reader: &mut dyn BodyReader, length: u64) -> Result<Received, Break> {
    client.perform("PATCH", url, &[], Body::Trailed { reader, length, trailer: NAME })
}

/// Reads all that comes, and checks that the body does not end.
fn expect_no_end(connection: &mut Connection) -> Vec<u8> {
    let bytes = connection.read_to_end();
    assert!(!bytes.windows(LAST_CHUNK.len()).any(|window| window == LAST_CHUNK), "the last chunk was sent");
    bytes
}

#[test]
fn the_wire_has_exactly_this() {
    let log: Log<String> = Log::default();
    let theirs = log.clone();
    let peer = Peer::once(move |mut connection| {
        let head = connection.read_head();
        let body = connection.read("5\r\nhello\r\n0\r\nX-Sum: sum 0123\r\n\r\n".len());
        theirs.lock().unwrap().push(head + std::str::from_utf8(&body).unwrap());
        connection.write(NO_CONTENT);
        assert_eq!(connection.read_to_end(), b"", "nothing else is sent");
    });
    let client = Client::new(Settings { user_agent: "agent".to_owned(), ..settings() });
    let mut reader = Fixed(Memory(b"hello".to_vec(), 0), "sum 0123".to_owned());
    let body = Body::Trailed { reader: &mut reader, length: 5, trailer: NAME };
    let received = client.perform("PATCH", &peer.url(), &[("Upload-Offset", "5")], body).unwrap();
    assert_eq!((received.answer.status, received.body_sent, received.early), (204, 5, false));
    drop(client);
    let port = peer.port;
    peer.finish();
    assert_eq!(
        log.lock().unwrap().pop().unwrap(),
        format!(
            "PATCH /files HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpload-Offset: 5\r\nUser-Agent: agent\r\n\
             Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: sum 0123\r\n\r\n"
        )
    );
}

/// Lengths around every size that means something.
const LENGTHS: [usize; 13] =
    [1, 9, 15, 16, 17, 16_383, 16_384, 16_385, 229_375, 229_376, 229_377, 300 << 10, 5_000_011];

/// Answers a trailed request of each length and a plain one after it, all on this connection.
fn serve_lengths<S: Read + Write>(connection: &mut Connection<S>, expected: &[u8]) {
    for length in LENGTHS {
        let read = read_chunked(connection);
        assert!(read.body == expected[..length], "{length}");
        assert_eq!(read.trailer, format!("X-Sum: sum {:016x}", sum_of(&read.body, 0)));
        let (_, but_last) = read.chunks.split_last().unwrap();
        assert!(but_last.iter().all(|chunk| *chunk >= 16 << 10), "{length}: {:?}", read.chunks);
        assert!(read.head.ends_with("\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"), "{}", read.head);
        connection.write("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        assert_eq!(connection.read_request().1, b"hello");
        connection.write(NO_CONTENT);
    }
}

fn send_lengths(client: &Client, url: &str, bytes: &[u8], piece: usize) {
    for length in LENGTHS {
        // A file, which the kernel could send: it must not.
        let mut reader = Summed { piece, ..Summed::new(OnDisk::with(&bytes[..length])) };
        let received = patch(client, url, &mut reader, length as u64).unwrap();
        assert_eq!((received.answer.body.as_slice(), received.early), (&b"ok"[..], false));
        assert_eq!((received.body_sent, received.interim.len()), (length as u64, 1));
        assert_eq!((reader.asked, reader.below.1), (1, length as u64));
        client.patch(url, b"hello").unwrap();
    }
}

#[test]
fn every_length_arrives_and_the_connection_is_used_again() {
    let bytes = noise(5_000_011);
    for piece in [usize::MAX, 40_000, 1000] {
        let expected = bytes.clone();
        let peer = Peer::once(move |mut connection| serve_lengths(&mut connection, &expected));
        send_lengths(&client(), &peer.url(), &bytes, piece);
    }
}

#[cfg(feature = "tls")]
#[test]
fn all_goes_the_same_with_tls() {
    use super::tls_peer::*;
    let authority = new_authority();
    let server = Identity::signed_by(parameters(&["127.0.0.1"]), &authority);
    let bytes = noise(5_000_011);
    let expected = bytes.clone();
    let peer = serve(server_config(&server), move |mut connection| serve_lengths(&mut connection, &expected));
    let client = client_trusting(&authority);
    send_lengths(&client, &https(&peer), &bytes, usize::MAX);
    client.transport.close_idle();
}

#[cfg(feature = "tls")]
#[test]
fn with_tls_a_failure_or_an_early_answer_leaves_the_body_open() {
    use super::tls_peer::*;
    let authority = new_authority();
    let server = Identity::signed_by(parameters(&["127.0.0.1"]), &authority);
    let client = client_trusting(&authority);
    let peer = serve(server_config(&server), |mut connection| {
        let head = connection.try_read_head();
        let bytes = connection.read_to_end();
        assert!(head.is_none() || !bytes.windows(LAST_CHUNK.len()).any(|window| window == LAST_CHUNK));
    });
    let end = || Err(io::Error::from_raw_os_error(libc::EIO));
    let mut failing = Scripted { good: 1_000_000, end, trailer: || Ok(String::new()) };
    assert_eq!(patch(&client, &https(&peer), &mut failing, 2_000_000).unwrap_err().kind, BreakKind::Body);
    drop(peer);

    let peer = serve(server_config(&server), |mut connection| {
        connection.read_head();
        connection.read(100_000);
        connection.write(ANSWER);
        connection.read_to_end();
    });
    let mut reader = Summed::new(Zeros);
    let received = patch(&client, &https(&peer), &mut reader, 1 << 36).unwrap();
    assert_eq!((received.answer.status, received.early, reader.asked), (413, true, 0));
}

#[test]
fn the_watcher_hears_of_payload_only() {
    struct Steps(Mutex<Vec<u64>>);
    impl crate::transport::Watch for Steps {
        fn tick(&self, body_sent: u64) -> std::ops::ControlFlow<()> {
            self.0.lock().unwrap().push(body_sent);
            std::ops::ControlFlow::Continue(())
        }

        fn interval(&self) -> Option<Duration> {
            Some(Duration::from_millis(1))
        }
    }
    const LENGTH: u64 = 20 << 20;
    let peer = Peer::once(|mut connection| {
        std::thread::sleep(Duration::from_millis(100));
        read_chunked(&mut connection);
        connection.write(NO_CONTENT);
    });
    let mut client = client();
    let steps = Arc::new(Steps(Mutex::new(Vec::new())));
    client.watch = steps.clone();
    patch(&client, &peer.url(), &mut Summed::new(Zeros), LENGTH).unwrap();
    let steps = steps.0.lock().unwrap();
    assert!(steps.len() > 10 && steps.is_sorted(), "{steps:?}");
    assert_eq!(steps.last(), Some(&LENGTH));
}

#[test]
fn an_early_answer_ends_the_body() {
    patiently(|| {
        for then in ["close", "shut down", "stop reading", "drain"] {
            let peer = Peer::new(move |listener| {
                let mut connection = accept(&listener);
                connection.read_head();
                connection.read(1 << 20);
                connection.write(ANSWER);
                match then {
                    "close" => {}
                    "shut down" => drop(connection.0.shutdown(std::net::Shutdown::Both)),
                    "stop reading" => std::thread::sleep(Duration::from_millis(300)),
                    _ => drop(expect_no_end(&mut connection)),
                }
                drop(connection);
                accept(&listener).read_head();
            });
            let client = client();
            let start = Instant::now();
            let mut reader = Summed { piece: 1 << 16, ..Summed::new(Zeros) };
            let received =
                patch(&client, &peer.url(), &mut reader, 1 << 36).unwrap_or_else(|b| panic!("{then}: {b:?}"));
            assert_eq!((received.answer.status, received.answer.body.as_slice()), (413, &b"too much"[..]));
            assert!(received.early && (100_000..1 << 30).contains(&received.body_sent), "{}", received.body_sent);
            assert_eq!(reader.asked, 0, "the trailer of a body nobody wants");
            assert!(start.elapsed() < Duration::from_millis(250), "{then}: {:?}", start.elapsed());
            client.head(&peer.url()).unwrap_err();
        }
    });
}

#[test]
fn an_answer_before_the_end_of_the_trailer_is_early_too() {
    // The payload fits into the buffers of the two kernels, the trailer field after it does not any more.
    const LENGTH: usize = 1 << 20;
    patiently(|| {
        let (say, asked) = channel();
        let (received, ended) = channel();
        let peer = Peer::once(move |mut connection| {
            connection.read_head();
            asked.recv().unwrap();
            until_nothing_more_comes(&connection.0);
            connection.write(ANSWER);
            ended.recv().unwrap();
            let mut rest = Vec::new();
            assert!(connection.0.read_to_end(&mut rest).is_err(), "the connection was closed as if all were well");
        });
        let mut reader = Asked(Fixed(Zeros, "v".repeat(3_900_000)), say);
        let answer = patch(&client(), &peer.url(), &mut reader, LENGTH as u64);
        received.send(()).unwrap();
        let answer = answer.unwrap();
        assert_eq!((answer.answer.status, answer.early, answer.body_sent), (413, true, LENGTH as u64));
    });
}

/// Waits, without reading, until what waits to be read has not grown for a quarter of a second.
fn until_nothing_more_comes(stream: &TcpStream) {
    let (mut buffer, mut before) = (vec![0; 16 << 20], 0);
    loop {
        let waiting = stream.peek(&mut buffer).unwrap();
        if waiting == before {
            return;
        }
        before = waiting;
        std::thread::sleep(Duration::from_millis(250));
    }
}

#[test]
fn a_close_under_way_is_reported() {
    for read in [0, 1 << 20] {
        let peer = Peer::once(move |mut connection| {
            connection.read_head();
            connection.read(read);
        });
        let mut reader = Summed::new(Zeros);
        let broken = patch(&client(), &peer.url(), &mut reader, 1 << 30).unwrap_err();
        assert_eq!((broken.kind, reader.asked), (BreakKind::Closed, 0));
        assert!((read as u64 / 2..1 << 30).contains(&broken.body_sent), "{}", broken.body_sent);
        assert!(!broken.stale_connection && !broken.never_sent);
    }
}

#[test]
fn a_stale_connection_is_reported_and_nothing_repeated() {
    let peer = Peer::once(|mut connection| {
        connection.read_head();
        connection.write(NO_CONTENT);
        read_chunked(&mut connection);
    });
    let client = client();
    client.get(&peer.url()).unwrap();
    let broken = patch(&client, &peer.url(), &mut Summed::new(Zeros), 20_000).unwrap_err();
    assert_eq!((broken.kind, broken.stale_connection), (BreakKind::Closed, true));
    assert_eq!((broken.body_sent, broken.never_sent), (20_000, false));
}

#[test]
fn a_source_that_fails_or_ends_never_ends_the_body() {
    patiently(|| {
        for good in [0, 10, 20_000, 3_000_000] {
            for end in [|| Ok(0), || Err(io::Error::from_raw_os_error(libc::EIO)), || Ok(usize::MAX)] {
                let peer = Peer::once(move |mut connection| {
                    connection.try_read_head();
                    let payload = expect_no_end(&mut connection).iter().filter(|byte| **byte == b'x').count();
                    assert!(payload <= good);
                });
                let start = Instant::now();
                let mut source = Scripted { good, end, trailer: || panic!("the trailer of half a body") };
                let broken = patch(&client(), &peer.url(), &mut source, good as u64 + 1).unwrap_err();
                assert_eq!(broken.kind, BreakKind::Body, "{broken:?}");
                assert!(broken.cause.is_some() && broken.body_sent <= good as u64);
                assert_eq!(broken.never_sent, good == 0);
                assert!(start.elapsed() < Duration::from_secs(2));
            }
        }
    });
}

#[test]
fn a_trailer_that_fails_or_cannot_be_sent_never_ends_the_body() {
    type Value = fn() -> io::Result<String>;
    let values: [(Value, BreakKind); 7] = [
        (|| Err(io::Error::from_raw_os_error(libc::EIO)), BreakKind::Body),
        (|| Ok("a\r\nEvil: b".to_owned()), BreakKind::Unsendable),
        (|| Ok("a\n".to_owned()), BreakKind::Unsendable),
        (|| Ok("\0".to_owned()), BreakKind::Unsendable),
        (|| Ok("a\tb".to_owned()), BreakKind::Unsendable),
        (|| Ok("\u{e4}".to_owned()), BreakKind::Unsendable),
        (|| Ok("v".repeat(8 << 20)), BreakKind::Unsendable),
    ];
    for length in [1, 3_000_000] {
        for (trailer, kind) in values {
            let peer = Peer::once(move |mut connection| {
                connection.try_read_head();
                expect_no_end(&mut connection);
            });
            let mut source = Scripted { good: length, end: || panic!("read too far"), trailer };
            let broken = patch(&client(), &peer.url(), &mut source, length as u64).unwrap_err();
            assert_eq!((broken.kind, broken.never_sent), (kind, length == 1), "{broken:?}");
            assert!(broken.cause.is_some() && broken.body_sent < length as u64, "{broken:?}");
            assert_eq!(broken.os_code, (kind == BreakKind::Body).then_some(libc::EIO));
        }
    }
}

#[test]
fn a_reader_without_trailer_breaks_the_body() {
    let peer = Peer::once(|mut connection| assert!(connection.try_read_head().is_none()));
    let broken = patch(&client(), &peer.url(), &mut Zeros, 5).unwrap_err();
    assert_eq!((broken.kind, broken.never_sent), (BreakKind::Body, true));
    assert_eq!(broken.cause.unwrap().to_string(), "no trailer");
}

#[test]
fn a_body_without_data_is_its_trailer() {
    let peer = Peer::once(|mut connection| {
        let read = read_chunked(&mut connection);
        assert_eq!((read.body.as_slice(), read.trailer.as_str()), (&b""[..], "X-Sum: sum 0123"));
        assert!(read.head.ends_with("\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"), "{}", read.head);
        connection.write("HTTP/1.1 460 X\r\nContent-Length: 0\r\n\r\n");
    });
    let mut reader = Scripted { good: 0, end: || panic!("read"), trailer: || Ok("sum 0123".to_owned()) };
    let received = patch(&client(), &peer.url(), &mut reader, 0).unwrap();
    assert_eq!((received.answer.status, received.body_sent, received.early), (460, 0, false));
    // What has no value is not sent.
    let mut reader = Scripted { good: 0, end: || panic!("read"), trailer: || Ok("\r\n".to_owned()) };
    let broken = patch(&client(), &peer.url(), &mut reader, 0).unwrap_err();
    assert_eq!((broken.kind, broken.never_sent), (BreakKind::Unsendable, true));
}

#[test]
fn what_cannot_be_sent_is_not_sent() {
    let client = client();
    for (trailer, length, header) in
        [("X Sum", 1, "A"), ("", 1, "A"), ("X\r\n", 1, "A"), ("X\r\n", 0, "A"), (NAME, 1, "Trailer")]
    {
        let body = Body::Trailed { reader: &mut Zeros, length, trailer };
        let broken = client.perform("PATCH", "http://127.0.0.1:9/", &[(header, "b")], body).unwrap_err();
        assert_eq!((broken.kind, broken.never_sent), (BreakKind::Unsendable, true), "{trailer:?} {length}");
    }
}

#[test]
fn it_is_cancelled_while_the_peer_does_not_read() {
    patiently(|| {
        let (done, wait) = channel::<()>();
        let peer = Peer::once(move |mut connection| {
            connection.read_head();
            let _ = wait.recv();
            expect_no_end(&mut connection);
        });
        let client = client();
        let cancel = client.cancel.clone();
        let canceller = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(150));
            cancel.cancel();
            Instant::now()
        });
        let broken = patch(&client, &peer.url(), &mut Summed::new(Zeros), 1 << 36).unwrap_err();
        let end = Instant::now();
        assert_eq!(broken.kind, BreakKind::Cancelled);
        assert!(broken.body_sent > 0 && !broken.never_sent);
        assert!(end.saturating_duration_since(canceller.join().unwrap()) < Duration::from_millis(50));
        drop(done);
    });
}

#[test]
fn a_peer_that_does_not_read_meets_the_stall_limit() {
    let (done, wait) = channel::<()>();
    let peer = Peer::once(move |mut connection| {
        connection.read_head();
        let _ = wait.recv();
    });
    let timeouts = Timeouts { stall: Duration::from_millis(300), ..settings().timeouts };
    let mut client = Client::new(Settings { timeouts, ..settings() });
    let counter = Arc::new(Counter { interval: Some(Duration::from_millis(20)), ..Counter::default() });
    client.watch = counter.clone();
    let broken = patch(&client, &peer.url(), &mut Summed::new(Zeros), 1 << 36).unwrap_err();
    assert_eq!(broken.kind, BreakKind::Timeout(TimeLimit::Stall));
    assert!(counter.ticks.load(Ordering::SeqCst) >= 5, "the watcher is told of waiting, too");
    assert_eq!(counter.sent.load(Ordering::SeqCst), broken.body_sent);
    drop(done);
}

#[test]
fn a_forwarding_proxy_gets_the_same_body() {
    let proxy = Peer::once(|mut connection| {
        let read = read_chunked(&mut connection);
        assert_eq!(
            read.head,
            "PATCH http://origin.test/files HTTP/1.1\r\nHost: origin.test\r\nTransfer-Encoding: chunked\r\n\
             Trailer: X-Sum\r\nProxy-Authorization: Basic dTpw\r\n\r\n"
        );
        assert_eq!((read.body.as_slice(), read.trailer.as_str()), (&b"hello"[..], "X-Sum: "));
        connection.write(NO_CONTENT);
    });
    let url = ProxyUrl::parse(&format!("http://u:p@127.0.0.1:{}", proxy.port)).unwrap();
    let client = Client::new(Settings { proxy: ProxySetting::Url(url), user_agent: String::new(), ..settings() });
    let mut reader = Fixed(Memory(b"hello".to_vec(), 0), String::new());
    assert_eq!(patch(&client, "http://origin.test/files", &mut reader, 5).unwrap().body_sent, 5);
}
