//! The open connections of one server, so that they can be shut from outside their threads.
//!
//! Holds a second handle to each socket and what its thread is doing; never reads or writes.

use std::collections::HashMap;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::control::held;

/// Longest wait for an answer on its way out; longer ones are scripted to be slow.
const SOON: Duration = Duration::from_secs(1);

/// What the thread of a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Phase {
    /// It waits for a request.
    #[default]
    Idle,
    /// It works on one, or the connection is over.
    Busy,
    /// Its answer goes out: the client may have all of it, but the thread does not wait yet.
    Answering,
}

/// The phase of one connection.
#[derive(Default)]
pub(crate) struct Activity {
    phase: Mutex<Phase>,
    changed: Condvar,
}

impl Activity {
    pub(crate) fn set(&self, phase: Phase) {
        *held(&self.phase) = phase;
        self.changed.notify_all();
    }

    /// Whether the connection is idle, or so in a moment: who has read an answer may rely on it.
    fn is_idle(&self) -> bool {
        let answering = |phase: &mut Phase| *phase == Phase::Answering;
        let phase = self.changed.wait_timeout_while(held(&self.phase), SOON, answering);
        *phase.unwrap_or_else(PoisonError::into_inner).0 == Phase::Idle
    }
}

/// One open connection as seen from outside.
struct Peer {
    stream: Arc<TcpStream>,
    activity: Arc<Activity>,
}

/// All open connections, by number.
#[derive(Default)]
pub(crate) struct Peers(Mutex<HashMap<u64, Peer>>);

impl Peers {
    /// Adds a connection, which is idle at first.
    pub(crate) fn add(&self, number: u64, stream: Arc<TcpStream>) -> Arc<Activity> {
        let activity = Arc::<Activity>::default();
        let peer = Peer { stream, activity: Arc::clone(&activity) };
        held(&self.0).insert(number, peer);
        activity
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

    /// Shuts the connections that wait for a next request; how many.
    pub(crate) fn shut_idle(&self) -> usize {
        // Waiting happens without the lock and without owning the sockets: connections that end
        // meanwhile want to be removed and closed.
        let look = |peer: &Peer| (Arc::downgrade(&peer.stream), Arc::clone(&peer.activity));
        let peers: Vec<_> = held(&self.0).values().map(look).collect();
        let idle = peers.iter().filter(|(_, activity)| activity.is_idle());
        let shut = |stream: Arc<TcpStream>| stream.shutdown(Shutdown::Both).is_ok();
        idle.filter(|(stream, _)| stream.upgrade().is_some_and(shut)).count()
    }
}
