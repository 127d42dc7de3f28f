//! Strings that may change while the caller still has the pointers to the former ones.

use std::ffi::CStr;
use std::sync::Arc;

use super::convert::c_string;

/// Strings that were handed out: each is valid as long as this is.
#[derive(Default)]
pub(super) struct Kept(Vec<Arc<CStr>>);

impl Kept {
    /// A string for the caller; one that was there before is the same again.
    pub(super) fn keep(&mut self, text: &str) -> Arc<CStr> {
        let same = self.0.iter().find(|have| have.to_bytes() == text.as_bytes());
        same.cloned().unwrap_or_else(|| {
            let text: Arc<CStr> = c_string(text).into();
            self.0.push(Arc::clone(&text));
            text
        })
    }
}
