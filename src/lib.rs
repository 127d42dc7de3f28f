//! libtus: resumable uploads for every native program.

pub mod engine;
pub mod error;
pub mod protocol;
pub mod source;
pub mod transport;

mod sys;
