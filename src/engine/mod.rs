//! Drives sessions with real sockets, files and clocks. Knows no C.

pub mod client;
pub mod config;
pub mod encoding;
pub mod hooks;
pub mod info;
pub mod log;
pub mod options;
