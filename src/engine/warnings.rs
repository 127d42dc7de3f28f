//! The warnings of one operation: each goes to the log at once and is kept for the result.

use std::sync::{Arc, Mutex, PoisonError};

use super::log::{Level, Log};
use crate::error::Error;
use crate::protocol::url::AbsoluteUrl;
use crate::warning::{Warning, WarningKind};

/// No more than this are kept of one operation; the log has them all.
const MOST: usize = 32;

/// Takes the warnings of an operation. Clones are the same list.
#[derive(Debug, Clone)]
pub(super) struct Warnings {
    log: Log,
    kept: Arc<Mutex<Vec<Warning>>>,
}

impl Warnings {
    /// None so far.
    pub(super) fn new(log: Log) -> Warnings {
        Warnings { log, kept: Arc::default() }
    }

    /// Logs a warning and keeps it, the same one once.
    pub(super) fn warn(&self, warning: impl Into<Warning>) {
        let warning = warning.into();
        self.log.write(Level::Warn, || warning.text.clone());
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < MOST && !kept.contains(&warning) {
            kept.push(warning);
        }
    }

    /// An upload that nobody needs could not be removed.
    pub(super) fn left(&self, url: &AbsoluteUrl, failure: &Error) {
        let text = format!("an upload of no use stays on the server: {}", failure.full_message());
        self.warn(Warning::new(WarningKind::LeftOnServer, text).about(url));
    }

    /// All that were kept, in the order they came.
    pub(super) fn all(&self) -> Vec<Warning> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_warning_is_kept_once_and_their_number_is_bounded() {
        let warnings = Warnings::new(Log::none());
        warnings.warn("twice");
        warnings.clone().warn("twice");
        assert_eq!(warnings.all(), ["twice".into()]);
        for i in 0..100 {
            warnings.warn(format!("number {i}"));
        }
        assert_eq!(warnings.all().len(), MOST);
    }
}
