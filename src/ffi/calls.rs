//! The blocking operations of a client that are running: counted, so that whoever closes it can wait for them.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};
use crate::signal::Signal;

#[derive(Default)]
pub(super) struct Calls {
    state: Mutex<State>,
    ended: Signal,
}

#[derive(Default)]
struct State {
    closed: bool,
    running: usize,
}

/// One of them; it is over when this is dropped.
pub(super) struct Call<'a>(&'a Calls);

impl Calls {
    /// Fails once the client is closed.
    pub(super) fn begin(&self) -> Result<Call<'_>> {
        let mut state = self.state();
        if state.closed {
            return Err(Error::new(ErrorKind::InvalidState, "the client is closed"));
        }
        state.running += 1;
        Ok(Call(self))
    }

    /// From now on there are no new ones.
    pub(super) fn close(&self) {
        self.state().closed = true;
    }

    /// Waits until none is running: false if that takes longer than `timeout` (`None`: for ever).
    pub(super) fn wait(&self, timeout: Option<Duration>) -> bool {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut state = self.state();
        while state.running > 0 {
            state = match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                None => self.ended.wait(state),
                Some(Duration::ZERO) => return false,
                Some(left) => self.ended.wait_timeout(state, left),
            };
        }
        true
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.0.state().running -= 1;
        self.0.ended.tell_all();
    }
}
