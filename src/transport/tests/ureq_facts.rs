//! What ureq does by itself and the transport works around. When one of these fails after an update of ureq, the
//! workaround it names can be looked at again, and perhaps taken out.

use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{NextTimeout, TcpConnector};
use ureq::{Agent, SendBody, http};

use super::peer::*;

const NO_CONTENT: &str = "HTTP/1.1 204 No Content\r\n\r\n";

fn agent() -> Agent {
    Agent::config_builder().proxy(None).http_status_as_error(false).build().new_agent()
}

fn patch(url: &str, length: u64) -> http::Request<()> {
    http::Request::patch(url).header("content-length", length).body(()).unwrap()
}

/// Answered by `request::content_length`: a POST or PATCH always declares a length.
#[test]
fn a_patch_without_body_is_sent_in_chunks() {
    let peer = Peer::once(|mut connection| {
        assert!(connection.read_head().contains("transfer-encoding: chunked"));
        connection.read(5);
        connection.write(NO_CONTENT);
    });
    agent().run(http::Request::patch(peer.url()).body(()).unwrap()).unwrap();
}

/// Answered by `body::Outgoing`, which never returns `Ok(0)` early.
#[test]
fn a_source_that_ends_early_makes_it_spin() {
    struct Ended(u32);
    impl Read for Ended {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            self.0 += 1;
            if self.0 < 1000 { Ok(0) } else { Err(std::io::Error::other("enough")) }
        }
    }
    let peer = Peer::once(|mut connection| {
        connection.read_to_end();
    });
    let mut ended = Ended(0);
    let request = patch(&peer.url(), 10).map(|()| SendBody::from_reader(&mut ended));
    agent().run(request).unwrap_err();
    assert_eq!(ended.0, 1000, "it stopped by itself");
}

/// Answered by `chunks`: bodies in chunks are framed by ourselves, in larger ones, and with a trailer field.
#[test]
fn chunks_have_ten_kibibytes_and_nothing_comes_after_them() {
    let peer = Peer::once(|mut connection| {
        connection.read_head();
        assert_eq!(connection.read(6), b"2800\r\n");
        let rest = connection.read(0x2800 + 2 + "1\r\nx\r\n0\r\n\r\n".len());
        assert!(rest.ends_with(b"\r\n1\r\nx\r\n0\r\n\r\n"));
        connection.write(NO_CONTENT);
    });
    let bytes = vec![b'x'; 0x2801];
    let mut reader = bytes.as_slice();
    let request = http::Request::patch(peer.url()).header("trailer", "a").body(()).unwrap();
    agent().run(request.map(|()| SendBody::from_reader(&mut reader))).unwrap();
}

/// Answered by `sniff`, which takes interim answers out before ureq sees them.
#[test]
fn a_100_with_fields_is_an_error() {
    let peer = Peer::once(|mut connection| {
        connection.read_head();
        connection.write("HTTP/1.1 100 Continue\r\nX: y\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n");
    });
    assert!(matches!(agent().get(peer.url()).call(), Err(ureq::Error::Protocol(_))));
}

/// Answered by `send`: answers are watched for while the body goes out.
#[test]
fn an_early_answer_is_lost() {
    let peer = Peer::once(|mut connection| {
        connection.read_head();
        connection.write("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n");
    });
    let mut zeros = std::io::repeat(0).take(64 << 20);
    let request = patch(&peer.url(), 64 << 20).map(|()| SendBody::from_reader(&mut zeros));
    assert!(matches!(agent().run(request), Err(ureq::Error::Io(_))));
}

/// Answered by `connector`: an idle connection needs no address.
#[test]
fn names_are_resolved_for_every_request() {
    #[derive(Debug)]
    struct Counting(SocketAddr, Arc<AtomicUsize>);
    impl Resolver for Counting {
        fn resolve(
            &self,
            _: &http::Uri,
            _: &ureq::config::Config,
            _: NextTimeout,
        ) -> Result<ResolvedSocketAddrs, ureq::Error> {
            self.1.fetch_add(1, Ordering::SeqCst);
            let mut addresses = self.empty();
            addresses.push(self.0);
            Ok(addresses)
        }
    }
    let peer = Peer::answering(&[NO_CONTENT, NO_CONTENT]);
    let count = Arc::new(AtomicUsize::new(0));
    let resolver = Counting(SocketAddr::from(([127, 0, 0, 1], peer.port)), count.clone());
    let config = Agent::config_builder().proxy(None).build();
    let agent = Agent::with_parts(config, TcpConnector::default(), resolver);
    for _ in 0..2 {
        agent.get("http://origin.test/").call().unwrap();
    }
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

/// Answered by `tunnel`: plain requests are forwarded.
#[test]
fn an_http_proxy_is_asked_for_a_tunnel_even_for_plain_requests() {
    let peer = Peer::once(|mut connection| {
        assert!(connection.read_head().starts_with("CONNECT "));
    });
    let proxy = ureq::Proxy::new(&format!("http://127.0.0.1:{}", peer.port)).unwrap();
    let agent = Agent::config_builder().proxy(Some(proxy)).build().new_agent();
    agent.get("http://127.0.0.1:1/").call().unwrap_err();
}

/// Answered by `request::check_user_agent`.
#[test]
fn a_bad_user_agent_is_a_panic() {
    let agent = Agent::config_builder().proxy(None).user_agent("a\nb").build().new_agent();
    let peer = Peer::new(|_| {});
    let url = peer.url();
    assert!(std::thread::spawn(move || agent.get(url).call().is_ok()).join().is_err());
}

/// No workaround: a body framed like this is cut, and the answer counts all the same.
#[test]
fn long_chunk_extensions_are_an_error() {
    let peer = Peer::answering(&[
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;extension=longer-than-20\r\nok\r\n0\r\n\r\n",
    ]);
    let mut response = agent().get(peer.url()).call().unwrap();
    assert!(response.body_mut().read_to_string().is_err());
    drop(TcpStream::connect(("127.0.0.1", peer.port)));
}

/// The pool relies on it: ureq asks `is_open` when an answer has been read to its end, and not otherwise.
#[test]
fn is_open_is_asked_at_the_end_of_a_complete_answer_only() {
    for (answer, reused) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", true),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", false),
        ("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", false),
    ] {
        let peer = Peer::new(move |listener| {
            let mut connection = accept(&listener);
            connection.read_head();
            connection.write(answer);
            if !reused {
                connection.0.shutdown(std::net::Shutdown::Write).unwrap();
            }
            let again = connection.try_read_head().is_some();
            assert_eq!(again, reused);
            let mut connection = if reused { connection } else { accept(&listener) };
            if !reused {
                connection.read_head();
            }
            connection.write(NO_CONTENT);
        });
        let client = client();
        assert_eq!(client.get(&peer.url()).unwrap().answer.body, b"ok");
        client.get(&peer.url()).unwrap();
    }
}
