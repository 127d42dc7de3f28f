//! Cancelling, at every place where a request waits.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use super::peer::*;
use crate::cancel::{Cancel, Slept};
use crate::transport::{Break, BreakKind};

/// The most a cancel may take.
const PROMISED: Duration = Duration::from_millis(50);

/// Runs `request`, cancels it after a while, and checks how long that took to be noticed.
#[track_caller]
fn cancelled(client: &Client, request: impl FnOnce() -> Break) -> Break {
    let cancel = client.cancel.clone();
    let (sender, receiver) = channel();
    let canceller = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(150));
        sender.send(Instant::now()).unwrap();
        cancel.cancel();
    });
    let broken = request();
    let end = Instant::now();
    canceller.join().unwrap();
    let took = end.checked_duration_since(receiver.recv().unwrap()).expect("it ended before it was cancelled");
    assert_eq!(broken.kind, BreakKind::Cancelled, "{broken:?}");
    assert!(took < PROMISED, "{took:?}");
    broken
}

#[test]
fn while_connecting() {
    patiently(|| {
        let full = FullBacklog::new();
        let client = client();
        assert!(cancelled(&client, || client.head(&full.url()).unwrap_err()).never_sent);
    });
}

#[test]
fn while_the_peer_does_not_read() {
    patiently(|| {
        for by_kernel in [false, true] {
            let (done, wait) = channel::<()>();
            let peer = Peer::once(move |mut connection| {
                connection.read_head();
                let _ = wait.recv();
            });
            let client = client();
            let broken = cancelled(&client, || {
                if by_kernel {
                    let file = OnDisk::with(b"");
                    file.0.set_len(1 << 40).unwrap();
                    client.patch_from(&peer.url(), &mut { file }, 1 << 40).unwrap_err()
                } else {
                    client.patch_from(&peer.url(), &mut Zeros, 1 << 40).unwrap_err()
                }
            });
            assert!(broken.body_sent > 0);
            drop(done);
        }
    });
}

#[test]
fn while_sending_at_full_speed() {
    patiently(|| {
        let peer = Peer::once(|mut connection| {
            let mut buffer = vec![0; 1 << 20];
            while std::io::Read::read(&mut connection.0, &mut buffer).is_ok_and(|count| count > 0) {}
        });
        let client = client();
        cancelled(&client, || client.patch_from(&peer.url(), &mut Zeros, 1 << 50).unwrap_err());
    });
}

#[test]
fn while_waiting_for_the_answer() {
    patiently(|| {
        let peer = Peer::once(|mut connection| {
            connection.read_to_end();
        });
        let client = client();
        let broken = cancelled(&client, || client.patch(&peer.url(), b"hello").unwrap_err());
        assert_eq!((broken.body_sent, broken.never_sent, broken.stale_connection), (5, false, false));
    });
}

#[test]
fn while_the_answers_body_comes_the_answer_is_returned() {
    patiently(|| {
        let peer = Peer::once(|mut connection| {
            connection.read_head();
            connection.write("HTTP/1.1 201 Created\r\nContent-Length: 10\r\n\r\nhalf");
            connection.read_to_end();
        });
        let client = client();
        let cancel = client.cancel.clone();
        let canceller = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(150));
            cancel.cancel();
        });
        let start = Instant::now();
        let received = client.get(&peer.url()).unwrap();
        assert_eq!((received.answer.status, received.answer.body.as_slice()), (201, &b"half"[..]));
        assert!(start.elapsed() < Duration::from_millis(150) + PROMISED);
        canceller.join().unwrap();
    });
}

#[test]
fn before_anything() {
    patiently(|| {
        let client = client();
        client.cancel.cancel();
        let broken = client.head("http://127.0.0.1:9/").unwrap_err();
        assert_eq!((broken.kind, broken.never_sent), (BreakKind::Cancelled, true));
    });
}

#[test]
fn while_sleeping() {
    patiently(|| {
        let cancel = Cancel::new();
        let start = Instant::now();
        assert_eq!(cancel.sleep(Duration::from_millis(30), None, || ControlFlow::Continue(())), Slept::Whole);
        assert!(start.elapsed() >= Duration::from_millis(30));

        let mut ticks = 0;
        let tick = || {
            ticks += 1;
            if ticks == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let start = Instant::now();
        assert_eq!(cancel.sleep(Duration::from_secs(10), Some(Duration::from_millis(20)), tick), Slept::Stopped);
        assert!(start.elapsed() >= Duration::from_millis(60) && start.elapsed() < Duration::from_millis(200));

        let other = cancel.clone();
        let canceller = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            other.cancel();
            Instant::now()
        });
        assert_eq!(cancel.sleep(Duration::from_secs(10), None, || ControlFlow::Continue(())), Slept::Cancelled);
        let end = Instant::now();
        assert!(end.saturating_duration_since(canceller.join().unwrap()) < PROMISED);
        assert_eq!(cancel.sleep(Duration::from_secs(10), None, || ControlFlow::Continue(())), Slept::Cancelled);
    });
}

#[test]
fn by_the_watcher_while_sending() {
    patiently(|| {
        let peer = Peer::once(|mut connection| {
            connection.read_to_end();
        });
        let mut client = client();
        client.watch = Arc::new(Counter { stop_at: Some(1), ..Counter::default() });
        let broken = client.patch(&peer.url(), b"hello").unwrap_err();
        assert_eq!(broken.kind, BreakKind::Aborted);
    });
}
