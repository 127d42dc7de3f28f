//! The limit that all requests of a client share: what arrives, and that waiting for a turn is like any other wait.

use std::io::{Read, Write};
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::peer::*;
use super::trailer_peer::*;
use crate::error::TimeLimit;
use crate::transport::{Body, BreakKind, FileSending, Request, Settings, Timeouts};

const NO_CONTENT: &str = "HTTP/1.1 204 No Content\r\n\r\n";
const RATE: u64 = 1_000_000;
/// What may come at once, at that rate.
const BURST: u64 = RATE / 20;
const LENGTH: usize = 500_000;
const LONG: Duration = Duration::from_secs(30);
const SOON: Duration = Duration::from_millis(150);
/// The most a cancel may take.
const PROMISED: Duration = Duration::from_millis(50);

fn limit(client: &Client, bytes_per_second: u64) {
    client.transport.throttle().set_limit(NonZeroU64::new(bytes_per_second));
}

/// A client with this limit.
fn limited(bytes_per_second: u64) -> Client {
    let client = client();
    limit(&client, bytes_per_second);
    client
}

/// How many bytes had come when.
type Arrivals = Log<(Instant, u64)>;

/// Reads a body of `length` bytes and notes how it comes.
fn read_noting<S: Read + Write>(connection: &mut Connection<S>, length: usize, arrivals: &Arrivals) -> Vec<u8> {
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while filled < length {
        let count = connection.0.read(&mut bytes[filled..]).unwrap();
        assert!(count > 0, "the body ended after {filled} bytes");
        filled += count;
        arrivals.lock().unwrap().push((Instant::now(), filled as u64));
    }
    bytes
}

/// A server that reads bodies of this length on as many connections at once, and answers them.
fn noting(connections: usize, length: usize) -> (Peer, Vec<Arrivals>) {
    let logs: Vec<Arrivals> = (0..connections).map(|_| Arrivals::default()).collect();
    let theirs = logs.clone();
    let peer = Peer::new(move |listener| {
        std::thread::scope(|scope| {
            for log in theirs {
                let mut connection = accept(&listener);
                scope.spawn(move || {
                    connection.read_head();
                    assert!(read_noting(&mut connection, length, &log) == noise(length));
                    connection.write(NO_CONTENT);
                });
            }
        });
    });
    (peer, logs)
}

/// Nothing may come sooner than the rate allows, however late this machine notes it.
#[track_caller]
fn assert_rate(arrivals: &Arrivals, start: Instant, rate: u64, burst: u64) {
    for (at, sum) in arrivals.lock().unwrap().iter() {
        let most = (*at - start).as_secs_f64() * rate as f64 + burst as f64;
        assert!(*sum as f64 <= most, "{sum} bytes after {:?}", *at - start);
    }
}

/// The time that this many bytes take at [`RATE`], and much more of it.
#[track_caller]
fn assert_took(start: Instant, length: usize) {
    let due = Duration::from_secs_f64((length as f64 - BURST as f64) / RATE as f64);
    let took = start.elapsed();
    assert!(took >= due && took < due * 2 + Duration::from_millis(300), "{took:?} instead of {due:?}");
}

#[test]
fn the_rate_is_held_from_memory_and_files() {
    patiently(|| {
        for (files, in_memory) in
            [(FileSending::Kernel, true), (FileSending::Kernel, false), (FileSending::Copy, false)]
        {
            let (peer, logs) = noting(1, LENGTH);
            let client = Client::new(Settings { files, ..settings() });
            limit(&client, RATE);
            let bytes = noise(LENGTH);
            let start = Instant::now();
            let received = match in_memory {
                true => client.patch(&peer.url(), &bytes),
                false => client.patch_from(&peer.url(), &mut OnDisk::with(&bytes), LENGTH as u64),
            }
            .unwrap();
            assert_eq!((received.answer.status, received.body_sent), (204, LENGTH as u64));
            assert_took(start, LENGTH);
            peer.finish();
            assert_rate(&logs[0], start, RATE, BURST);
        }
    });
}

#[test]
fn the_rate_is_held_where_the_kernel_cannot_send_the_file() {
    if std::fs::read("/proc/kallsyms").unwrap_or_default().len() < LENGTH {
        return;
    }
    patiently(|| {
        let log = Arrivals::default();
        let theirs = log.clone();
        let peer = Peer::once(move |mut connection| {
            connection.read_head();
            read_noting(&mut connection, LENGTH, &theirs);
            connection.write(NO_CONTENT);
        });
        let mut file = OnDisk(std::fs::File::open("/proc/kallsyms").unwrap(), 0);
        let start = Instant::now();
        limited(RATE).patch_from(&peer.url(), &mut file, LENGTH as u64).unwrap();
        assert_took(start, LENGTH);
        peer.finish();
        assert_rate(&log, start, RATE, BURST);
    });
}

#[cfg(feature = "tls")]
#[test]
fn the_rate_is_held_with_tls() {
    use super::tls_peer::*;
    patiently(|| {
        let authority = new_authority();
        let server = Identity::signed_by(parameters(&["127.0.0.1"]), &authority);
        let log = Arrivals::default();
        let theirs = log.clone();
        let peer = serve(server_config(&server), move |mut connection| {
            for length in [1, LENGTH] {
                connection.read_head();
                theirs.lock().unwrap().clear();
                assert!(read_noting(&mut connection, length, &theirs) == noise(length));
                connection.write(NO_CONTENT);
            }
        });
        let client = client_trusting(&authority);
        client.patch(&https(&peer), &noise(1)).unwrap();
        limit(&client, RATE);
        let start = Instant::now();
        let received = client.patch(&https(&peer), &noise(LENGTH)).unwrap();
        assert_eq!((received.answer.status, received.body_sent), (204, LENGTH as u64));
        assert_took(start, LENGTH);
        client.transport.close_idle();
        peer.finish();
        assert_rate(&log, start, RATE, BURST);
        assert!(log.lock().unwrap().len() > 10, "it came in few large pieces");
    });
}

#[test]
fn the_rate_is_held_with_a_trailer() {
    patiently(|| {
        let peer = Peer::once(|mut connection| {
            let read = read_chunked(&mut connection);
            assert!(read.body == noise(LENGTH));
            assert_eq!(read.trailer, format!("X-Sum: sum {:016x}", sum_of(&read.body, 0)));
            connection.write(NO_CONTENT);
        });
        let client = limited(RATE);
        let mut reader = Summed::new(Memory(noise(LENGTH), 0));
        let start = Instant::now();
        let body = Body::Trailed { reader: &mut reader, length: LENGTH as u64, trailer: "X-Sum" };
        let received = client.perform("PATCH", &peer.url(), &[], body).unwrap();
        assert_eq!((received.answer.status, received.body_sent, received.early), (204, LENGTH as u64, false));
        assert_took(start, LENGTH);
    });
}

#[test]
fn requests_share_it() {
    patiently(|| {
        const EACH: usize = LENGTH / 3;
        let (peer, logs) = noting(3, EACH);
        let client = limited(RATE);
        let start = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| client.patch(&peer.url(), &noise(EACH)).unwrap());
            }
        });
        assert_took(start, 3 * EACH);
        peer.finish();
        let all = Arrivals::default();
        for log in &logs {
            let mut before = 0;
            for (at, sum) in log.lock().unwrap().iter() {
                all.lock().unwrap().push((*at, sum - before));
                before = *sum;
            }
        }
        all.lock().unwrap().sort();
        all.lock().unwrap().iter_mut().fold(0, |sum, (_, count)| {
            *count += sum;
            *count
        });
        assert_rate(&all, start, RATE, BURST);
        // When the first one has all, the others have much of it, too.
        let end = logs.iter().map(|log| log.lock().unwrap().last().unwrap().0).min().unwrap();
        for log in &logs {
            let until = |(at, sum): &(Instant, u64)| (*at <= end).then_some(*sum);
            let sum = log.lock().unwrap().iter().filter_map(until).max();
            assert!(sum.is_some_and(|sum| sum > EACH as u64 / 3), "{sum:?}");
        }
    });
}

#[test]
fn a_limit_raised_or_taken_away_holds_at_once() {
    patiently(|| {
        for (files, new) in [(FileSending::Kernel, 100_000_000), (FileSending::Copy, 0)] {
            let (peer, _) = noting(1, LENGTH);
            let client = Client::new(Settings { files, ..settings() });
            limit(&client, 1);
            std::thread::scope(|scope| {
                let upload =
                    scope.spawn(|| client.patch_from(&peer.url(), &mut OnDisk::with(&noise(LENGTH)), LENGTH as u64));
                std::thread::sleep(SOON);
                assert!(!upload.is_finished());
                limit(&client, new);
                let start = Instant::now();
                upload.join().unwrap().unwrap();
                assert!(start.elapsed() < Duration::from_millis(100), "{:?}", start.elapsed());
            });
        }
    });
}

#[test]
fn a_limit_lowered_under_way_lets_nothing_of_the_old_one_pass() {
    patiently(|| {
        for (before, by_kernel) in [(50_000_000, true), (50_000_000, false), (0, true), (0, false)] {
            let count = Arc::new(AtomicU64::new(0));
            let theirs = count.clone();
            let peer = Peer::once(move |mut connection| {
                connection.read_head();
                let mut buffer = vec![0; 1 << 20];
                while let Ok(count @ 1..) = connection.0.read(&mut buffer) {
                    theirs.fetch_add(count as u64, Ordering::SeqCst);
                }
            });
            let client = limited(before);
            std::thread::scope(|scope| {
                let upload = scope.spawn(|| {
                    if by_kernel {
                        let file = OnDisk::with(b"");
                        file.0.set_len(1 << 40).unwrap();
                        client.patch_from(&peer.url(), &mut { file }, 1 << 40)
                    } else {
                        client.patch_from(&peer.url(), &mut Zeros, 1 << 40)
                    }
                });
                std::thread::sleep(SOON);
                limit(&client, 1000);
                let lowered = Instant::now();
                // What was under way arrives.
                std::thread::sleep(SOON);
                let first = count.load(Ordering::SeqCst);
                std::thread::sleep(SOON * 3);
                let last = count.load(Ordering::SeqCst);
                let most = lowered.elapsed().as_millis() as u64 + 1400;
                client.cancel.cancel();
                assert_eq!(upload.join().unwrap().unwrap_err().kind, BreakKind::Cancelled);
                assert!(first > 100_000, "{first} bytes before");
                assert!(last > first && last - first <= most, "{} bytes after", last - first);
            });
        }
    });
}

#[test]
fn a_limit_set_while_the_peer_does_not_read_holds_when_it_does() {
    patiently(|| {
        for by_kernel in [false, true] {
            let (go_on, wait) = channel::<()>();
            let peer = Peer::once(move |mut connection| {
                connection.read_head();
                wait.recv().unwrap();
                connection.read_to_end();
            });
            let counter = Arc::new(Counter { interval: Some(Duration::from_millis(20)), ..Counter::default() });
            let mut client = client();
            client.watch = counter.clone();
            std::thread::scope(|scope| {
                let upload = scope.spawn(|| {
                    if by_kernel {
                        let file = OnDisk::with(b"");
                        file.0.set_len(1 << 40).unwrap();
                        client.patch_from(&peer.url(), &mut { file }, 1 << 40)
                    } else {
                        client.patch_from(&peer.url(), &mut Zeros, 1 << 40)
                    }
                });
                std::thread::sleep(SOON);
                let before = counter.sent.load(Ordering::SeqCst);
                limit(&client, 1000);
                let start = Instant::now();
                go_on.send(()).unwrap();
                std::thread::sleep(SOON * 2);
                client.cancel.cancel();
                let broken = upload.join().unwrap().unwrap_err();
                let most = start.elapsed().as_millis() as u64;
                assert_eq!(broken.kind, BreakKind::Cancelled);
                assert!(before > 0 && broken.body_sent > before, "{before} and then {}", broken.body_sent);
                assert!(broken.body_sent - before <= most, "{} bytes after", broken.body_sent - before);
            });
        }
    });
}

#[test]
fn without_a_limit_there_is_none() {
    patiently(|| {
        const MUCH: usize = 64 << 20;
        let peer = Peer::once(|mut connection| {
            for _ in 0..2 {
                connection.read_request();
                connection.write(NO_CONTENT);
            }
        });
        let client = client();
        assert_eq!(client.transport.throttle().limit(), None);
        for _ in 0..2 {
            let start = Instant::now();
            client.patch_from(&peer.url(), &mut Zeros, MUCH as u64).unwrap();
            assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
            limit(&client, 1);
            assert_eq!(client.transport.throttle().limit(), NonZeroU64::new(1));
            limit(&client, 0);
        }
    });
}

#[test]
fn only_bodies_are_limited() {
    patiently(|| {
        let peer = Peer::once(|mut connection| {
            connection.read_request();
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
            connection.0.write_all(&[b'x'; 100_000]).unwrap();
        });
        let start = Instant::now();
        let received = limited(1).get(&peer.url()).unwrap();
        assert_eq!(received.answer.status, 200);
        assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    });
}

#[test]
fn the_head_does_not_wait() {
    patiently(|| {
        for from_file in [false, true] {
            let (sender, receiver) = channel();
            let peer = Peer::once(move |mut connection| {
                connection.read_head();
                sender.send(Instant::now()).unwrap();
                connection.read_to_end();
            });
            let client = limited(1);
            let start = Instant::now();
            std::thread::scope(|scope| {
                let upload = scope.spawn(|| match from_file {
                    true => client.patch_from(&peer.url(), &mut OnDisk::with(&noise(LENGTH)), LENGTH as u64),
                    false => client.patch(&peer.url(), &noise(LENGTH)),
                });
                assert!(receiver.recv().unwrap() - start < SOON);
                client.cancel.cancel();
                let broken = upload.join().unwrap().unwrap_err();
                assert_eq!((broken.kind, broken.never_sent), (BreakKind::Cancelled, false));
            });
        }
    });
}

#[test]
fn a_cancel_ends_the_wait_and_leaves_the_turn_to_others() {
    patiently(|| {
        let peer = Peer::new(|listener| {
            accept(&listener).read_to_end();
            let mut second = accept(&listener);
            second.read_request();
            second.write(NO_CONTENT);
        });
        let client = limited(1);
        let (sender, receiver) = channel();
        let cancel = client.cancel.clone();
        let canceller = std::thread::spawn(move || {
            std::thread::sleep(SOON);
            sender.send(Instant::now()).unwrap();
            cancel.cancel();
        });
        let broken = client.patch_from(&peer.url(), &mut Zeros, 1 << 40).unwrap_err();
        let took = receiver.recv().unwrap().elapsed();
        assert_eq!((broken.kind, broken.body_sent), (BreakKind::Cancelled, 0));
        assert!(took < PROMISED, "{took:?}");
        canceller.join().unwrap();
        limit(&client, 1000);
        let client = Client { cancel: crate::cancel::Cancel::new(), ..client };
        let start = Instant::now();
        client.patch(&peer.url(), b"hello").unwrap();
        assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    });
}

#[test]
fn an_early_answer_ends_the_wait() {
    patiently(|| {
        for from_file in [false, true] {
            let answered = Arc::new(Mutex::new(None));
            let theirs = answered.clone();
            let peer = Peer::once(move |mut connection| {
                connection.read_head();
                std::thread::sleep(SOON);
                connection.write("HTTP/1.1 102 \r\n\r\n");
                std::thread::sleep(SOON);
                *theirs.lock().unwrap() = Some(Instant::now());
                connection.write("HTTP/1.1 413 Content Too Large\r\nContent-Length: 8\r\n\r\ntoo much");
                connection.read_to_end();
            });
            let client = limited(1);
            let received = match from_file {
                true => client.patch_from(&peer.url(), &mut OnDisk::with(&noise(LENGTH)), LENGTH as u64),
                false => client.patch(&peer.url(), &noise(LENGTH)),
            }
            .unwrap();
            let took = answered.lock().unwrap().unwrap().elapsed();
            assert_eq!((received.answer.status, received.early, received.body_sent), (413, true, 0));
            assert_eq!((received.answer.body.as_slice(), received.interim.len()), (&b"too much"[..], 1));
            assert!(took < PROMISED, "{took:?}");
        }
    });
}

#[test]
fn a_closed_connection_ends_the_wait() {
    patiently(|| {
        let peer = Peer::once(|mut connection| {
            connection.read_head();
        });
        let start = Instant::now();
        let broken = limited(1).patch(&peer.url(), &noise(LENGTH)).unwrap_err();
        assert_eq!((broken.kind, broken.never_sent, broken.stale_connection), (BreakKind::Closed, false, false));
        assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
    });
}

#[test]
fn the_deadline_ends_the_wait() {
    patiently(|| {
        let peer = Peer::once(|mut connection| {
            connection.read_to_end();
        });
        let client = limited(1);
        let start = Instant::now();
        let request = Request {
            method: "PATCH",
            url: &peer.url(),
            headers: &[],
            deadline: Some(start + SOON),
            timeouts: None,
            response_limit: None,
            fresh_connection: false,
            identify: true,
            pointed_by: &[],
        };
        let body = Body::Sized { reader: &mut Zeros, length: 1 << 40 };
        let broken = client.transport.perform(&request, body, &client.cancel, &client.watch).unwrap_err();
        assert_eq!(broken.kind, BreakKind::Timeout(TimeLimit::Total));
        assert!(start.elapsed() >= SOON && start.elapsed() < SOON * 3, "{:?}", start.elapsed());
    });
}

#[test]
fn the_watcher_hears_while_waiting_and_may_stop() {
    patiently(|| {
        let peer = Peer::once(|mut connection| {
            connection.read_to_end();
        });
        let interval = Some(Duration::from_millis(20));
        let counter = Arc::new(Counter { interval, stop_at: Some(5), ..Counter::default() });
        let mut client = limited(1);
        client.watch = counter.clone();
        let start = Instant::now();
        let broken = client.patch(&peer.url(), &noise(LENGTH)).unwrap_err();
        assert_eq!((broken.kind, counter.ticks.load(Ordering::SeqCst)), (BreakKind::Aborted, 5));
        let took = start.elapsed();
        assert!(took >= Duration::from_millis(100) && took < Duration::from_millis(400), "{took:?}");
    });
}

#[test]
fn waiting_for_a_turn_is_no_stall_and_no_missing_answer() {
    // Half a second from byte to byte, which is longer than every limit.
    let peer = Peer::answering(&[NO_CONTENT]);
    let short = Duration::from_millis(300);
    let timeouts = Timeouts { connect: LONG, response: short, stall: short };
    let client = Client::new(Settings { timeouts, ..settings() });
    limit(&client, 2);
    let start = Instant::now();
    assert_eq!(client.patch(&peer.url(), b"four").unwrap().answer.status, 204);
    assert!(start.elapsed() >= Duration::from_millis(1990), "{:?}", start.elapsed());
}

#[test]
fn a_peer_that_stops_reading_still_stalls() {
    patiently(|| {
        let (done, wait) = channel::<()>();
        let peer = Peer::once(move |mut connection| {
            connection.read_head();
            let _ = wait.recv();
        });
        let timeouts = Timeouts { connect: LONG, response: LONG, stall: SOON };
        let client = Client::new(Settings { timeouts, ..settings() });
        limit(&client, 1_000_000_000);
        let broken = client.patch_from(&peer.url(), &mut Zeros, 1 << 40).unwrap_err();
        assert_eq!(broken.kind, BreakKind::Timeout(TimeLimit::Stall));
        drop(done);
    });
}
