//! Host names and hosts with several addresses.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use super::peer::*;
use crate::error::TimeLimit;
use crate::transport::{BreakKind, Settings, Timeouts};

const NO_CONTENT: &str = "HTTP/1.1 204 No Content\r\n\r\n";

fn address(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(127, 0, 0, last))
}

fn client_knowing(host: &str, addresses: Option<Vec<IpAddr>>) -> Client {
    let client = client();
    client.transport.client().resolver.preset(host, addresses);
    client
}

#[test]
fn a_dead_address_costs_a_head_start_and_a_refusing_one_nothing() {
    patiently(|| {
        for (first, delay) in [(2, Duration::from_millis(250)), (3, Duration::ZERO)] {
            let peer = Peer::answering(&[NO_CONTENT]);
            let _dead = FullBacklog::at("127.0.0.2", peer.port);
            let client = client_knowing("two.test", Some(vec![address(first), address(1)]));
            let start = Instant::now();
            client.head(&format!("http://two.test:{}/", peer.port)).unwrap();
            let took = start.elapsed();
            assert!(took >= delay && took < delay + Duration::from_millis(150), "{first}: {took:?}");
        }
    });
}

#[test]
fn addresses_that_failed_are_forgotten() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let client = client_knowing("gone.invalid", Some(vec![address(1)]));
    let url = format!("http://gone.invalid:{port}/");
    assert_eq!(client.head(&url).unwrap_err().kind, BreakKind::Connect);
    assert_eq!(client.head(&url).unwrap_err().kind, BreakKind::Resolve);
}

#[test]
fn a_resolver_that_hangs_can_be_cancelled_and_is_limited() {
    patiently(|| {
        let client = client_knowing("hangs.test", None);
        let cancel = client.cancel.clone();
        let canceller = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(100));
            cancel.cancel();
        });
        let start = Instant::now();
        let broken = client.head("http://hangs.test/").unwrap_err();
        assert_eq!((broken.kind, broken.never_sent), (BreakKind::Cancelled, true));
        assert!(start.elapsed() < Duration::from_millis(150));
        canceller.join().unwrap();

        let connect = Duration::from_millis(100);
        let timeouts = Timeouts { connect, ..settings().timeouts };
        let client = Client::new(Settings { timeouts, ..settings() });
        client.transport.client().resolver.preset("hangs.test", None);
        let broken = client.head("http://hangs.test/").unwrap_err();
        assert_eq!(broken.kind, BreakKind::Timeout(TimeLimit::Connect));
    });
}

/// A resolver that never returns would else be waited for by every retry.
#[test]
fn a_lookup_that_hangs_is_replaced_after_its_time() {
    let peer = Peer::answering(&[NO_CONTENT]);
    let client = client();
    client.transport.client().resolver.preset_until("localhost", None, Instant::now());
    client.head(&format!("http://localhost:{}/", peer.port)).unwrap();
}

#[test]
fn an_unknown_name_does_not_resolve() {
    // RFC 6761: `.invalid` never exists.
    let broken = client().get("http://no-such-host.invalid/").unwrap_err();
    assert_eq!(broken.kind, BreakKind::Resolve);
    assert!(broken.never_sent && broken.cause.is_some());
}

#[test]
fn localhost_resolves_and_its_addresses_are_tried_in_turn() {
    // The listener has only one of the families `localhost` may stand for.
    let peer = Peer::once(|mut connection| {
        assert!(connection.read_head().contains("Host: LocalHost:"));
        connection.write(NO_CONTENT);
    });
    client().get(&format!("http://LocalHost:{}/", peer.port)).unwrap();
}

#[test]
fn many_threads_share_a_client() {
    const THREADS: usize = 8;
    const REQUESTS: usize = 50;
    let peer = Peer::new(|listener| {
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                let mut connection = accept(&listener);
                scope.spawn(move || {
                    while connection.try_read_head().is_some() {
                        connection.read(5);
                        connection.write(NO_CONTENT);
                    }
                });
            }
        });
    });
    let client = client();
    let barrier = std::sync::Barrier::new(THREADS);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                // All at once, so that each opens a connection; afterwards none opens another.
                barrier.wait();
                for _ in 0..REQUESTS {
                    client.patch(&format!("http://localhost:{}/", peer.port), b"hello").unwrap();
                    barrier.wait();
                }
            });
        }
    });
    client.transport.close_idle();
}
