//! Settings that remember the first value they refused, so that a caller need not check each setter.

use std::sync::{Mutex, MutexGuard};

use super::error::Failure;
use crate::error::{Error, ErrorKind, Result};

/// Settings being made. The lock is for callers who break the rule of one thread at a time; none of the caller's code
/// runs while it is held.
pub(super) struct Settings<T>(Mutex<Remembering<T>>);

struct Remembering<T> {
    value: T,
    refused: Option<Failure>,
}

impl<T: Clone> Settings<T> {
    pub(super) fn new(value: T) -> Self {
        Settings(Mutex::new(Remembering { value, refused: None }))
    }

    /// Changes the settings and remembers if that fails. What `change` replaced is released after the lock, since
    /// releasing it may run the caller's code.
    pub(super) fn change<R>(&self, change: impl FnOnce(&mut T) -> Result<R>) -> std::result::Result<(), Failure> {
        let mut settings = self.lock()?;
        match change(&mut settings.value) {
            Ok(replaced) => {
                drop(settings);
                drop(replaced);
                Ok(())
            }
            Err(error) => {
                let failure = Failure::from(error);
                settings.refused.get_or_insert_with(|| failure.clone());
                Err(failure)
            }
        }
    }

    /// A copy of the settings, or the first failure of a setter.
    pub(super) fn copy(&self) -> std::result::Result<T, Failure> {
        let settings = self.lock()?;
        match &settings.refused {
            Some(failure) => Err(failure.clone()),
            None => Ok(settings.value.clone()),
        }
    }

    fn lock(&self) -> Result<MutexGuard<'_, Remembering<T>>> {
        self.0.lock().map_err(|_| {
            Error::new(
                ErrorKind::InvalidState,
                "an earlier call on these settings panicked; free them and make new ones",
            )
        })
    }
}
