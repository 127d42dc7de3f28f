//! The right to work on an upload, for as long as it is held.

use std::any::Any;
use std::fmt;

/// Says that one operation has an upload to itself; dropping it gives the upload free.
#[must_use = "dropping a claim releases it"]
pub struct Claim(Option<Box<dyn Any + Send + Sync>>);

impl Claim {
    /// A claim that keeps nobody away, of a store that has no means to.
    pub fn unguarded() -> Claim {
        Claim(None)
    }

    /// A claim that lasts until it is dropped, and `guard` with it.
    pub fn guarded(guard: impl Any + Send + Sync) -> Claim {
        Claim(Some(Box::new(guard)))
    }

    /// Whether it keeps others away.
    pub fn is_guarded(&self) -> bool {
        self.0.is_some()
    }
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim").field("guarded", &self.is_guarded()).finish()
    }
}
