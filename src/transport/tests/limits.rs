//! Time limits.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::peer::*;
use crate::error::TimeLimit;
use crate::transport::{Body, Break, BreakKind, Request, Settings, Timeouts};

const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(30);

fn limited(response: Duration, stall: Duration) -> Client {
    Client::new(Settings { timeouts: Timeouts { connect: LONG, response, stall }, ..settings() })
}

#[track_caller]
fn assert_limit(broken: &Break, limit: TimeLimit, start: Instant) {
    assert_eq!(broken.kind, BreakKind::Timeout(limit), "{broken:?}");
    let took = start.elapsed();
    assert!(took >= SHORT && took < SHORT + Duration::from_millis(400), "{took:?}");
}

#[test]
fn a_server_that_never_answers_meets_the_response_limit() {
    patiently(|| {
        for body in [0, 5, 100_000] {
            let peer = Peer::once(|mut connection| {
                connection.read_to_end();
            });
            let start = Instant::now();
            let client = limited(SHORT, LONG);
            let broken = if body == 0 { client.head(&peer.url()) } else { client.patch(&peer.url(), &vec![0; body]) }
                .unwrap_err();
            assert_limit(&broken, TimeLimit::Response, start);
            assert_eq!(broken.body_sent, body as u64);
            assert!(!broken.stale_connection);
        }
    });
}

#[test]
fn a_head_that_drips_meets_the_response_limit() {
    patiently(|| {
        for pause in [5, 60] {
            let peer = Peer::once(move |mut connection| {
                connection.read_head();
                for byte in b"HTTP/1.1 200 OK\r\nA: ".iter().chain(std::iter::repeat(&b'x')) {
                    if std::io::Write::write_all(&mut connection.0, &[*byte]).is_err() {
                        break;
                    }
                    std::thread::sleep(Duration::from_millis(pause));
                }
            });
            let start = Instant::now();
            let broken = limited(SHORT, SHORT).head(&peer.url()).unwrap_err();
            assert_limit(&broken, TimeLimit::Response, start);
        }
    });
}

#[test]
fn interim_answers_do_not_stop_the_response_limit() {
    patiently(|| {
        let peer = Peer::once(|mut connection| {
            connection.read_head();
            while std::io::Write::write_all(&mut connection.0, b"HTTP/1.1 102 \r\n\r\n").is_ok() {
                std::thread::sleep(Duration::from_millis(30));
            }
        });
        let start = Instant::now();
        let broken = limited(SHORT, SHORT).head(&peer.url()).unwrap_err();
        assert_limit(&broken, TimeLimit::Response, start);
    });
}

#[test]
fn a_body_that_drips_is_cut_and_the_answer_counts() {
    patiently(|| {
        let peer = Peer::once(|mut connection| {
            connection.read_head();
            connection.write("HTTP/1.1 409 Conflict\r\nContent-Length: 1000\r\n\r\n");
            while std::io::Write::write_all(&mut connection.0, b"x").is_ok() {
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let start = Instant::now();
        let received = limited(SHORT, SHORT).get(&peer.url()).unwrap();
        assert_eq!(received.answer.status, 409);
        assert!((5..30).contains(&received.answer.body.len()), "{}", received.answer.body.len());
        assert!(start.elapsed() < Duration::from_secs(1));
    });
}

#[test]
fn a_peer_that_stops_reading_meets_the_stall_limit() {
    patiently(|| {
        for by_kernel in [false, true] {
            let (done, wait) = std::sync::mpsc::channel::<()>();
            let peer = Peer::once(move |mut connection| {
                connection.read_head();
                let _ = wait.recv();
            });
            let client = limited(LONG, SHORT);
            let start = Instant::now();
            let broken = if by_kernel {
                let file = OnDisk::with(b"");
                file.0.set_len(1 << 30).unwrap();
                client.patch_from(&peer.url(), &mut { file }, 1 << 30)
            } else {
                client.patch_from(&peer.url(), &mut Zeros, 1 << 40)
            }
            .unwrap_err();
            assert_limit(&broken, TimeLimit::Stall, start);
            assert!(broken.body_sent > 0 && !broken.never_sent);
            drop(done);
        }
    });
}

#[test]
fn a_peer_that_reads_slowly_does_not_stall() {
    patiently(|| {
        // Far slower than the writer is woken: the kernel wants a third of its buffer free first.
        const LENGTH: usize = 12 << 20;
        let peer = Peer::once(|mut connection| {
            connection.read_head();
            for _ in 0..LENGTH / (256 << 10) {
                connection.read(256 << 10);
                std::thread::sleep(Duration::from_millis(40));
            }
            connection.write("HTTP/1.1 204 \r\n\r\n");
        });
        let start = Instant::now();
        // The response limit is another matter: what waits in the peer's own buffers has left this machine.
        let received = limited(LONG, SHORT).patch_from(&peer.url(), &mut Zeros, LENGTH as u64).unwrap();
        assert_eq!(received.answer.status, 204);
        assert!(start.elapsed() > Duration::from_secs(1), "the test was too fast to show anything");
    });
}

#[test]
fn connecting_meets_its_limit() {
    patiently(|| {
        let full = FullBacklog::new();
        let timeouts = Timeouts { connect: SHORT, response: LONG, stall: LONG };
        let client = Client::new(Settings { timeouts, ..settings() });
        let start = Instant::now();
        let broken = client.head(&full.url()).unwrap_err();
        assert_limit(&broken, TimeLimit::Connect, start);
        assert!(broken.never_sent);
    });
}

#[test]
fn the_deadline_ends_everything() {
    patiently(|| {
        for stage in 0..3 {
            let full = FullBacklog::new();
            let peer = (stage > 0).then(|| {
                Peer::once(move |mut connection| {
                    connection.read_head();
                    if stage == 2 {
                        connection.read_to_end();
                    } else {
                        std::thread::sleep(SHORT * 2);
                    }
                })
            });
            let url = peer.as_ref().map_or_else(|| full.url(), Peer::url);
            let client = limited(LONG, LONG);
            let start = Instant::now();
            let request = Request {
                method: "PATCH",
                url: &url,
                headers: &[],
                deadline: Some(start + SHORT),
                timeouts: None,
                response_limit: None,
                fresh_connection: false,
                identify: true,
                pointed_by: &[],
            };
            let length = if stage == 2 { 5 } else { 1 << 40 };
            let body = Body::Sized { reader: &mut Zeros, length };
            let broken = client.transport.perform(&request, body, &client.cancel, &client.watch).unwrap_err();
            assert_limit(&broken, TimeLimit::Total, start);
            let late = Request { deadline: Some(start), ..request };
            let broken = client.transport.perform(&late, Body::None, &client.cancel, &client.watch).unwrap_err();
            assert_eq!((broken.kind, broken.never_sent), (BreakKind::Timeout(TimeLimit::Total), true));
        }
    });
}

#[test]
fn a_connection_that_timed_out_is_closed() {
    patiently(|| {
        let peer = Peer::new(|listener| {
            accept(&listener).read_to_end();
            let mut second = accept(&listener);
            second.read_head();
            second.write("HTTP/1.1 204 \r\n\r\n");
        });
        let client = limited(SHORT, LONG);
        client.head(&peer.url()).unwrap_err();
        client.head(&peer.url()).unwrap();
    });
}

#[test]
fn the_watcher_hears_while_nothing_moves_and_may_stop() {
    patiently(|| {
        let full = FullBacklog::new();
        let peer = Peer::once(|mut connection| {
            connection.read_to_end();
        });
        for url in [full.url(), peer.url()] {
            let counter =
                Arc::new(Counter { interval: Some(Duration::from_millis(20)), stop_at: Some(5), ..Counter::default() });
            let mut client = client();
            client.watch = counter.clone();
            let start = Instant::now();
            let broken = client.head(&url).unwrap_err();
            assert_eq!(broken.kind, BreakKind::Aborted);
            assert_eq!(counter.ticks.load(Ordering::SeqCst), 5);
            let took = start.elapsed();
            assert!(took >= Duration::from_millis(100) && took < Duration::from_millis(400), "{took:?}");
        }
    });
}

#[test]
fn the_watcher_hears_rarely_while_the_body_moves_and_once_at_its_end() {
    patiently(|| {
        let peer = Peer::once(|mut connection| {
            for _ in 0..2 {
                connection.read_request();
                connection.write("HTTP/1.1 204 \r\n\r\n");
            }
        });
        let counter = Arc::new(Counter::default());
        let mut client = client();
        client.watch = counter.clone();
        let start = Instant::now();
        client.patch_from(&peer.url(), &mut Zeros, 64 << 20).unwrap();
        let most = 1 + start.elapsed().as_millis() as usize / 100;
        let ticks = counter.ticks.swap(0, Ordering::SeqCst);
        assert!((1..=most).contains(&ticks), "{ticks} ticks");
        assert_eq!(counter.sent.swap(0, Ordering::SeqCst), 64 << 20);
        client.head(&peer.url()).unwrap();
        assert_eq!(counter.ticks.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn limits_without_measure_are_no_panics() {
    patiently(|| {
        let peer = Peer::answering(&["HTTP/1.1 204 \r\n\r\n", "HTTP/1.1 204 \r\n\r\n"]);
        let timeouts = Timeouts { connect: Duration::MAX, response: Duration::MAX, stall: Duration::MAX };
        let mut client = Client::new(Settings { timeouts, ..settings() });
        for interval in [Duration::MAX, Duration::ZERO] {
            client.watch = Arc::new(Counter { interval: Some(interval), ..Counter::default() });
            client.patch(&peer.url(), b"hello").unwrap();
        }
        let sleep = |interval| client.cancel.sleep(SHORT / 10, Some(interval), || std::ops::ControlFlow::Continue(()));
        assert_eq!(sleep(Duration::MAX), crate::cancel::Slept::Whole);
        assert_eq!(sleep(Duration::ZERO), crate::cancel::Slept::Whole);
    });
}

#[test]
fn a_request_may_have_limits_of_its_own_and_a_shorter_one_for_its_answer() {
    patiently(|| {
        let limits = |response| Timeouts { connect: LONG, response, stall: LONG };
        // Either that of one request takes the place of the general one, or it is the shorter one that counts.
        for (general, own, instead) in [
            (LONG, Some(SHORT), None),
            (SHORT, Some(LONG), None),
            (LONG, None, Some(limits(SHORT))),
            (LONG, Some(LONG), Some(limits(SHORT))),
            (LONG, Some(SHORT), Some(limits(LONG))),
        ] {
            let peer = Peer::once(|mut connection| {
                connection.read_to_end();
            });
            let client = limited(general, LONG);
            let request = Request {
                method: "HEAD",
                url: &peer.url(),
                headers: &[],
                deadline: None,
                timeouts: instead,
                response_limit: own,
                fresh_connection: false,
                identify: true,
                pointed_by: &[],
            };
            let start = Instant::now();
            let broken = client.transport.perform(&request, Body::None, &client.cancel, &client.watch).unwrap_err();
            assert_limit(&broken, TimeLimit::Response, start);
        }
    });
}
