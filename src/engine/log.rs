//! Where the library's own words go: a function of the caller's, or nowhere.

use std::fmt;
use std::sync::Arc;

use crate::protocol::foreign::printable;

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// An operation failed.
    Error,
    /// Something is wrong but the operation goes on.
    Warn,
    /// Milestones: created, resumed, retrying, finished.
    Info,
    /// Every request and answer.
    Debug,
}

/// Takes log lines.
pub type Sink = Arc<dyn Fn(Level, &str) + Send + Sync>;

/// A sink for log lines. Lines carry no secrets: no header values, no queries of URLs, no ids of uploads unless they are
/// asked for.
#[derive(Clone)]
pub struct Log {
    level: Level,
    sink: Option<Sink>,
}

impl Log {
    /// Discards everything.
    pub fn none() -> Self {
        Log { level: Level::Error, sink: None }
    }

    /// Hands every line of `level` or more important to `sink`, on whatever thread it arises.
    pub fn new(level: Level, sink: Sink) -> Self {
        Log { level, sink: Some(sink) }
    }

    /// Logs a line; `line` is only called if somebody listens.
    pub fn write(&self, level: Level, line: impl FnOnce() -> String) {
        if let Some(sink) = &self.sink
            && level <= self.level
        {
            sink(level, &printable(&line()));
        }
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("level", &self.level).field("sink", &self.sink.is_some()).finish()
    }
}
