//! What a source heeds while it has to wait: the cancel flag, and a tick now and then.

use std::ops::ControlFlow;
use std::os::fd::BorrowedFd;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::cancel::{Cancel, Slept};
use crate::error::{Error, ErrorKind, Result};

/// What a read that has to wait must heed.
#[derive(Clone)]
pub(crate) struct Patience {
    /// Ends it.
    pub(crate) cancel: Cancel,
    /// How often `tick` is called meanwhile; `None`: never.
    pub(crate) interval: Option<Duration>,
    /// Ends it too, if it breaks; whoever made it knows why.
    pub(crate) tick: Arc<dyn Fn() -> ControlFlow<()> + Send + Sync>,
    /// Held while a function of the caller's runs on a thread that is not the only one of the upload.
    pub(crate) gate: Arc<Mutex<()>>,
}

impl Default for Patience {
    /// Without end.
    fn default() -> Self {
        Patience {
            cancel: Cancel::new(),
            interval: None,
            tick: Arc::new(|| ControlFlow::Continue(())),
            gate: Arc::default(),
        }
    }
}

/// Keeps a [`Patience`] over many short waits, so that ticks come although none of the waits is as long as the
/// interval.
pub(super) struct Pace {
    /// Made only when it is needed: its flag takes a descriptor.
    patience: Option<Patience>,
    ticked: Instant,
}

impl Pace {
    pub(super) fn new() -> Pace {
        Pace { patience: None, ticked: Instant::now() }
    }

    pub(super) fn attach(&mut self, patience: Option<&Patience>) {
        self.patience = patience.cloned();
        self.ticked = Instant::now();
    }

    /// Between two steps of something long: fails if it is to end.
    pub(super) fn look(&mut self) -> Result<()> {
        let Some(patience) = &self.patience else { return Ok(()) };
        if patience.cancel.is_set() {
            return Err(cancelled());
        }
        if patience.interval.is_some_and(|interval| self.ticked.elapsed() >= interval) {
            self.ticked = Instant::now();
            if (patience.tick)().is_break() {
                return Err(cancelled());
            }
        }
        Ok(())
    }

    /// Waits until there is something to read, or the end of it.
    pub(super) fn wait_readable(&mut self, fd: BorrowedFd<'_>) -> Result<()> {
        self.look()?;
        let patience = self.patience.get_or_insert_with(Patience::default);
        let ticked = &mut self.ticked;
        let slept = patience.cancel.wait_readable(fd, patience.interval, || {
            *ticked = Instant::now();
            (patience.tick)()
        });
        match slept {
            Slept::Whole => Ok(()),
            Slept::Cancelled | Slept::Stopped => Err(cancelled()),
        }
    }
}

fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, "cancelled")
}
