//! The caller's log function.

use std::ffi::{c_char, c_void};
use std::sync::Arc;

use super::callback::Callback;
use super::convert::{c_string, choice};
use crate::engine::log::{Level, Log};
use crate::error::Result;

/// The levels, as the header has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum tus_log_level {
    TUS_LOG_ERROR = 1,
    TUS_LOG_WARN = 2,
    TUS_LOG_INFO = 3,
    TUS_LOG_DEBUG = 4,
}

/// Gets the library's log lines, which go nowhere else.
///
/// - `user_data`: as registered.
/// - `level`: a value of enum tus_log_level.
/// - `line`: one line of English, without a line end or control characters; valid until the function
///   returns. It carries no values of the program's headers, no queries of URLs, and no ids of
///   uploads unless they are asked for (tus_config_set_show_urls).
///
/// It runs on any thread, also on several at once.
pub type tus_log_fn = Option<unsafe extern "C-unwind" fn(user_data: *mut c_void, level: i32, line: *const c_char)>;

/// The same, not NULL.
pub(super) type LogFn = unsafe extern "C-unwind" fn(*mut c_void, i32, *const c_char);

/// A log level from C.
pub(super) fn level(number: i32) -> Result<Level> {
    use tus_log_level::*;
    choice(
        number,
        "tus_log_level",
        &[
            (TUS_LOG_ERROR as i32, Level::Error),
            (TUS_LOG_WARN as i32, Level::Warn),
            (TUS_LOG_INFO as i32, Level::Info),
            (TUS_LOG_DEBUG as i32, Level::Debug),
        ],
    )
}

/// The engine's log, going to the caller's function.
pub(super) fn log_to(up_to: Level, callback: Callback<LogFn>) -> Log {
    Log::new(
        up_to,
        Arc::new(move |level, line| {
            let line = c_string(line);
            let level = match level {
                Level::Error => tus_log_level::TUS_LOG_ERROR,
                Level::Warn => tus_log_level::TUS_LOG_WARN,
                Level::Info => tus_log_level::TUS_LOG_INFO,
                Level::Debug => tus_log_level::TUS_LOG_DEBUG,
            };
            // SAFETY: the caller registered this function to be called with this data and a string.
            callback.call(|function, data| unsafe { function(data, level as i32, line.as_ptr()) });
        }),
    )
}
