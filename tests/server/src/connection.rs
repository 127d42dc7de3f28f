//! One connection from accept to its end: request after request.
//!
//! Reads heads and ends sockets; what happens in between is the exchange's business.

use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use crate::exchange::{self, Next};
use crate::fault::{Answer, Ending, Fault};
use crate::head::{HEAD_LIMIT, Head};
use crate::link::{Found, Link};
use crate::peers::{Activity, Phase};
use crate::response::Response;
use crate::shared::Shared;

/// Serves a connection until it ends, then forgets it.
pub(crate) fn serve(shared: &Arc<Shared>, socket: Arc<TcpStream>, number: u64) {
    let activity = shared.peers.add(number, Arc::clone(&socket));
    // Answers are small and written whole; waiting to fill packets only slows tests down.
    let _slow = socket.set_nodelay(true);
    if !shared.control.is_stopping() {
        serve_open(shared, &socket, number, &activity);
    }
    // With the registry's handle gone, dropping ours closes the socket.
    shared.peers.remove(number);
}

fn serve_open(shared: &Arc<Shared>, socket: &Arc<TcpStream>, number: u64, activity: &Arc<Activity>) {
    if let Some(fault) = shared.script.for_connection()
        && let Some(ending) = bad_start(shared, socket, &fault)
    {
        if let Ok(mut link) = Link::new(Arc::clone(socket), None) {
            end(shared, &mut link, ending);
        }
        return;
    }
    let Ok(mut link) = Link::new(Arc::clone(socket), shared.tls.as_ref()) else {
        return;
    };
    link.activity = Arc::clone(activity);
    loop {
        activity.set(Phase::Idle);
        if !link.wait_for_byte() {
            break;
        }
        activity.set(Phase::Busy);
        let next = one_request(shared, &mut link, number);
        if next != Next::KeepAlive {
            activity.set(Phase::Busy);
        }
        match next {
            Next::KeepAlive => {}
            Next::Goodbye => {
                link.close_notify();
                link.end(Ending::Fin);
                return;
            }
            Next::End(ending) => {
                end(shared, &mut link, ending);
                return;
            }
        }
    }
    link.close_notify();
}

/// Reads a head and answers it.
fn one_request(shared: &Arc<Shared>, link: &mut Link, number: u64) -> Next {
    let bytes = match link.read_until(b"\r\n\r\n", HEAD_LIMIT) {
        Found::Bytes(bytes) => bytes,
        Found::TooLong(start) => {
            let text = format!("a head of more than {HEAD_LIMIT} bytes");
            return refuse(shared, link, number, &start, 431, text);
        }
        Found::Nothing => return Next::End(Ending::Close),
        Found::Cut => return Next::End(Ending::Close),
    };
    match Head::parse(&bytes) {
        Ok(head) => exchange::run(shared, link, &head, number),
        Err(text) => refuse(shared, link, number, &bytes, 400, text),
    }
}

/// Answers what is not HTTP, and ends the connection.
fn refuse(shared: &Shared, link: &mut Link, number: u64, bytes: &[u8], status: u32, text: String) -> Next {
    let line = String::from_utf8_lossy(bytes);
    let head = Head {
        method: String::new(),
        target: line.lines().next().unwrap_or_default().to_owned(),
        http10: false,
        headers: Vec::new(),
        wire_len: bytes.len() as u64,
    };
    let response = Response::refusal(status, &text).with("Connection", "close");
    exchange::unreadable(shared, &head, number, text);
    let mut wire = response.head_bytes("", true);
    if let crate::response::Body::Bytes(body) = &response.body {
        wire.extend_from_slice(body);
    }
    let _gone = link.write(&wire);
    Next::Goodbye
}

/// What a rule does to a fresh connection; None if it may go on.
fn bad_start(shared: &Shared, socket: &Arc<TcpStream>, fault: &Fault) -> Option<Ending> {
    if !shared.control.sleep(fault.delay_reading.unwrap_or(Duration::ZERO)) {
        return Some(Ending::Close);
    }
    if fault.hang_after_head {
        return Some(Ending::Hang);
    }
    let mut link = Link::new(Arc::clone(socket), None).ok()?;
    let mut ending = fault.ending;
    if let Some(stop) = fault.stop {
        let mut left = usize::try_from(stop.at).unwrap_or(usize::MAX);
        let mut bin = vec![0; 4096];
        while left > 0 {
            let most = left.min(bin.len());
            match link.read(&mut bin[..most]) {
                Ok(n) if n > 0 => left -= n,
                _ => break,
            }
        }
        if let crate::fault::AtStop::Cut(cut) = stop.then {
            ending = Some(cut);
        }
    }
    if let Answer::Raw(bytes) = &fault.answer {
        let _gone = link.write(bytes);
        ending = ending.or(Some(Ending::Fin));
    }
    ending
}

/// Ends a connection the way it is to end.
fn end(shared: &Shared, link: &mut Link, ending: Ending) {
    link.end(ending);
    if matches!(ending, Ending::Hang | Ending::ShutdownBoth) {
        shared.control.hang();
    }
}
