//! The rules of tus 1.0.0, pure: no I/O, no clock, no threads, no C.

pub mod answer;
pub mod capabilities;
pub mod checksum;
pub mod chunk;
pub mod date;
pub mod fields;
pub mod foreign;
pub mod headers;
pub mod instant;
pub mod metadata;
pub mod offset;
pub mod reaction;
pub mod retry;
pub mod session;
pub mod url;
