//! Idle connections of one client, kept for the next request to the same origin that may show the same of us.
//!
//! ureq's own pool is switched off: it takes the oldest connection first, keeps its buffers, and cannot tell a
//! connection that was used for an early answer. A connection comes here only when its answer was read to the end,
//! is handed out at most once, most recently used first, and only after a look whether it is still open.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::stream::Stream;
use super::target::Target;

/// How long a connection may be idle: servers commonly close after 60 to 75 seconds, and a request that meets the
/// close on its way is lost.
const IDLE_LIMIT: Duration = Duration::from_secs(60);

/// How many idle connections a client keeps in all.
const MAX_IDLE: usize = 64;

/// The idle connections, the one that came last at the back.
#[derive(Debug, Default)]
pub(super) struct Pool {
    idle: Mutex<VecDeque<Idle>>,
}

#[derive(Debug)]
struct Idle {
    target: Target,
    stream: Stream,
    since: Instant,
}

impl Pool {
    /// Takes a connection to the origin that still seems open.
    pub(super) fn take(&self, target: &Target) -> Option<Stream> {
        loop {
            // Those too old and those found closed are dropped outside the lock: closing may write.
            let (expired, found) = {
                let mut idle = self.lock();
                let expired = drain_expired(&mut idle);
                let position = idle.iter().rposition(|idle| idle.target.shares_connections_with(target));
                (expired, position.and_then(|position| idle.remove(position)))
            };
            drop(expired);
            let mut stream = found?.stream;
            if stream.is_quiet() {
                return Some(stream);
            }
        }
    }

    /// Keeps a connection, unless there are enough; the one idle for longest goes.
    pub(super) fn put(&self, target: &Target, stream: Stream, max_per_origin: usize) {
        if max_per_origin == 0 {
            return;
        }
        let dropped = {
            let mut idle = self.lock();
            let mut dropped: VecDeque<Idle> = drain_expired(&mut idle).into();
            if idle.iter().filter(|idle| idle.target.shares_connections_with(target)).count() >= max_per_origin {
                let oldest = idle.iter().position(|idle| idle.target.shares_connections_with(target));
                dropped.extend(oldest.and_then(|oldest| idle.remove(oldest)));
            }
            if idle.len() >= MAX_IDLE {
                dropped.extend(idle.pop_front());
            }
            idle.push_back(Idle { target: target.clone(), stream, since: Instant::now() });
            dropped
        };
        drop(dropped);
    }

    /// Forgets the connections to an origin: one of them was found closed, so the others most likely are.
    pub(super) fn forget(&self, target: &Target) {
        let dropped: VecDeque<Idle> = {
            let mut idle = self.lock();
            let (dropped, kept) = idle.drain(..).partition(|idle| idle.target.shares_connections_with(target));
            *idle = kept;
            dropped
        };
        drop(dropped);
    }

    /// Closes all of them.
    pub(super) fn clear(&self) {
        let dropped = std::mem::take(&mut *self.lock());
        drop(dropped);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes out the connections that have been idle for too long; they are at the front.
fn drain_expired(idle: &mut VecDeque<Idle>) -> Vec<Idle> {
    let expired = idle.iter().take_while(|idle| idle.since.elapsed() >= IDLE_LIMIT).count();
    idle.drain(..expired).collect()
}
