//! Wakes those who wait for something of the library's own to change: a place, memory, a word.
//!
//! A condition variable cannot be waited for together with a cancel, so each wait has a descriptor. Such waits are rare
//! and long: nothing on the way of a byte goes through here.

use std::ops::ControlFlow;
use std::os::fd::AsFd as _;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use crate::cancel::{Cancel, Slept, WITHOUT_WAKE};
use crate::sys::wake::Wake;

/// A bell that is heard by everybody who listens at the time.
#[derive(Debug, Default)]
pub(crate) struct Bell(Mutex<Vec<Weak<Wake>>>);

impl Bell {
    /// Something has changed: everybody who waits looks again.
    pub(crate) fn ring(&self) {
        let listeners = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for listener in listeners.iter().filter_map(Weak::upgrade) {
            listener.raise();
        }
    }

    /// Waits until `look` finds what is waited for, which it is asked at first and after each ring. Ends without it
    /// when the flag is raised or `tick`, called every `interval`, breaks.
    pub(crate) fn wait<T>(
        &self,
        cancel: &Cancel,
        interval: Option<Duration>,
        mut tick: impl FnMut() -> ControlFlow<()>,
        mut look: impl FnMut() -> Option<T>,
    ) -> Result<T, Slept> {
        loop {
            if let Some(found) = look() {
                return Ok(found);
            }
            let Ok(wake) = Wake::new().map(Arc::new) else {
                // No descriptor left: looked at often enough for a cancel.
                match cancel.sleep(WITHOUT_WAKE, Some(WITHOUT_WAKE / 2), &mut tick) {
                    Slept::Whole => continue,
                    ended => return Err(ended),
                }
            };
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&wake));
            // A ring before this has not been heard.
            if let Some(found) = look() {
                return Ok(found);
            }
            match cancel.wait_readable(wake.as_fd(), interval, &mut tick) {
                Slept::Whole => {}
                ended => {
                    // Perhaps nobody rings again, and those who gave up would stay listed.
                    drop(wake);
                    let mut listeners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                    listeners.retain(|listener| listener.strong_count() > 0);
                    return Err(ended);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn everybody_hears_it_and_looks_again() {
        let (bell, value) = (Bell::default(), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for wanted in [1, 2, 2, 3] {
                let (bell, value) = (&bell, &value);
                scope.spawn(move || {
                    let look = || Some(value.load(Ordering::SeqCst)).filter(|value| *value >= wanted);
                    let go_on = || ControlFlow::Continue(());
                    assert!(bell.wait(&Cancel::new(), None, go_on, look).unwrap() >= wanted);
                });
            }
            for n in 1..=3 {
                std::thread::sleep(Duration::from_millis(5));
                value.store(n, Ordering::SeqCst);
                bell.ring();
            }
        });
        assert!(bell.0.lock().unwrap().is_empty());
    }

    #[test]
    fn a_cancel_ends_the_wait() {
        let (bell, cancel) = (Bell::default(), Cancel::new());
        std::thread::scope(|scope| {
            let wait = || bell.wait(&cancel, None, || ControlFlow::Continue(()), || None::<()>);
            let waiting = scope.spawn(wait);
            std::thread::sleep(Duration::from_millis(5));
            cancel.cancel();
            assert_eq!(waiting.join().unwrap(), Err(Slept::Cancelled));
        });
        let mut left = 3;
        let tick = || {
            left -= 1;
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let ended = bell.wait(&Cancel::new(), Some(Duration::from_millis(1)), tick, || None::<()>);
        assert_eq!(ended, Err(Slept::Stopped));
        assert!(bell.0.lock().unwrap().is_empty());
    }
}
