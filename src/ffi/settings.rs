//! Settings that remember the first value they refused, so that a caller need not check each setter.

use std::sync::{Mutex, MutexGuard};

use super::error::{Failure, tus_error};
use super::handle::Object;
use crate::error::{Error, ErrorKind, Result};

/// Settings being made. The lock is for callers who break the rule of one thread at a time; none of
/// the caller's code runs while it is held.
pub(super) struct Settings<T>(Mutex<Remembering<T>>);

struct Remembering<T> {
    value: T,
    refused: Option<Failure>,
    /// The last refusal, as the caller may look at it.
    last: Option<Box<Object<tus_error>>>,
}

impl<T: Clone> Settings<T> {
    pub(super) fn new(value: T) -> Self {
        Settings(Mutex::new(Remembering { value, refused: None, last: None }))
    }

    /// Changes the settings and remembers if that fails. What `change` replaced is released after
    /// the lock, since releasing it may run the caller's code.
    pub(super) fn change<R, F: FnOnce(&mut T) -> Result<R>>(&self, change: F) -> std::result::Result<(), Failure> {
        let mut settings = self.lock()?;
        match change(&mut settings.value) {
            Ok(replaced) => {
                drop(settings);
                drop(replaced);
                Ok(())
            }
            Err(error) => {
                let failure = Failure::from(match setter_of::<F>() {
                    Some(setter) => error.of(setter),
                    None => error,
                });
                settings.refused.get_or_insert_with(|| failure.clone());
                settings.last = Some(Box::new(failure.lend()));
                Err(failure)
            }
        }
    }

    /// The details of the last refusal; NULL if there was none. Valid until the next one.
    pub(super) fn last_refusal(&self) -> Result<*const tus_error> {
        Ok(self.lock()?.last.as_ref().map_or(std::ptr::null(), |error| error.as_c()))
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

/// The exported function that a closure was written in: the error of a later call is to say which
/// setter it is about. The form of such names is not promised; without one the message is only
/// shorter.
fn setter_of<F>() -> Option<&'static str> {
    std::any::type_name::<F>().split("::").find(|part| part.starts_with("tus_"))
}
