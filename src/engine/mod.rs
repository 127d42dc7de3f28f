//! Drives sessions with real sockets, files and clocks. Knows no C.
//!
//! Entry points: [`client::Client`] has the operations, `driver` the one loop that carries out what a session asks
//! for. Everything else here is a setting, a result, or a small helper of those two.

pub mod client;
pub mod config;
pub mod control;
pub mod encoding;
pub mod hooks;
pub mod info;
pub mod log;
pub mod options;
pub mod uploader;

mod body;
mod budget;
mod capabilities;
mod clock;
mod driver;
mod hashing;
mod holds;
mod job;
mod keeper;
mod meter;
mod parallel;
mod previous;
mod random;
mod rate;
mod upload;
mod warnings;

#[cfg(test)]
mod tests;
