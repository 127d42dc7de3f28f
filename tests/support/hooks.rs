//! The caller's functions, as both faces have them.

use std::sync::Arc;
use std::time::Duration;

use super::failure::{Failure, Kind};

/// A request on its way out.
pub(crate) trait Outgoing {
    fn method(&self) -> String;
    fn url(&self) -> String;
    fn header(&self, name: &str) -> Option<String>;
    fn is_trusted(&self) -> bool;
    fn set_header(&mut self, name: &str, value: Option<&str>) -> Result<(), Kind>;
}

/// An answer and the request it belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Answered {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) status: u16,
    /// Its `Upload-Offset`.
    pub(crate) offset: Option<String>,
    pub(crate) body: Vec<u8>,
}

/// How far an upload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) sent: u64,
    pub(crate) confirmed: u64,
    pub(crate) total: Option<u64>,
}

/// Functions return 0 to go on.
pub(crate) type BeforeRequest = Arc<dyn Fn(&mut dyn Outgoing) -> i32 + Send + Sync>;
pub(crate) type AfterResponse = Arc<dyn Fn(&Answered) -> i32 + Send + Sync>;
/// The delay to wait, or a code to give up with.
pub(crate) type ShouldRetry = Arc<dyn Fn(&Failure, u32, Duration) -> Result<Duration, i32> + Send + Sync>;
pub(crate) type OnUrl = Arc<dyn Fn(&str) -> i32 + Send + Sync>;
pub(crate) type OnProgress = Arc<dyn Fn(Progress) -> i32 + Send + Sync>;
/// Gets the level (1 is an error, 4 for debugging) and the line.
pub(crate) type OnLog = Arc<dyn Fn(u8, &str) + Send + Sync>;
