//! The one switch that ends everything: every sleep and every hang of the server waits here.
//!
//! It only tells threads that the server is going away; closing their sockets is the business
//! of the peer registry.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Takes a mutex even if a test thread panicked while it held it: what is inside is plain data.
pub(crate) fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The stop switch, shared by all threads of one server.
#[derive(Default)]
pub(crate) struct Control {
    stopping: Mutex<bool>,
    bell: Condvar,
}

impl Control {
    /// Wakes every sleeper; they all report that the server is stopping.
    pub(crate) fn stop(&self) {
        *held(&self.stopping) = true;
        self.bell.notify_all();
    }

    /// Whether the server is going away.
    pub(crate) fn is_stopping(&self) -> bool {
        *held(&self.stopping)
    }

    /// Sleeps; returns false if the server stopped meanwhile.
    pub(crate) fn sleep(&self, pause: Duration) -> bool {
        let end = Instant::now() + pause;
        let mut stopping = held(&self.stopping);
        while !*stopping {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            stopping = self.bell.wait_timeout(stopping, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        false
    }

    /// Sleeps until the server stops.
    pub(crate) fn hang(&self) {
        let mut stopping = held(&self.stopping);
        while !*stopping {
            stopping = self.bell.wait(stopping).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
