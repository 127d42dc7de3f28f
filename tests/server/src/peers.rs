//! The open connections of one server, so that they can be shut from outside their threads.
//!
//! Holds a second handle to each socket and whether it is idle; never reads or writes.

use std::collections::HashMap;
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crate::control::held;

/// One open connection as seen from outside.
struct Peer {
    stream: Arc<TcpStream>,
    idle: Arc<AtomicBool>,
}

/// All open connections, by number.
#[derive(Default)]
pub(crate) struct Peers(Mutex<HashMap<u64, Peer>>);

impl Peers {
    /// Adds a connection; the returned flag is true while it waits for a request.
    pub(crate) fn add(&self, number: u64, stream: Arc<TcpStream>) -> Arc<AtomicBool> {
        let idle = Arc::new(AtomicBool::new(true));
        let peer = Peer { stream, idle: Arc::clone(&idle) };
        held(&self.0).insert(number, peer);
        idle
    }

    /// Forgets a connection, so that its thread's handle is the last one.
    pub(crate) fn remove(&self, number: u64) {
        held(&self.0).remove(&number);
    }

    /// Shuts every connection, whatever it is doing.
    pub(crate) fn shut_all(&self) {
        for peer in held(&self.0).values() {
            let _gone = peer.stream.shutdown(Shutdown::Both);
        }
    }

    /// Shuts the connections that wait for a next request.
    pub(crate) fn shut_idle(&self) -> usize {
        let peers = held(&self.0);
        let idle = peers.values().filter(|p| p.idle.load(Ordering::SeqCst));
        idle.filter(|peer| peer.stream.shutdown(Shutdown::Both).is_ok()).count()
    }
}
