//! The C API: checks what comes in, converts it, calls the engine once, converts what comes out.
//!
//! There is no protocol logic here and no policy, and nothing below knows that this layer exists. One file per C
//! object, on top of a few that all of them share: `guard` (no panic leaves an export), `handle` (what a pointer must
//! be before it is used), `convert` (strings, bytes, numbers) and `callback` (functions of the caller's with their
//! data). Every `tus_*` function is an ordinary function whose whole body is one call of `guard`, because the
//! header's generator does not see functions that macros write.
//!
//! The comments of exported items are written for readers of `include/tus.h`, into which they are copied.

// The boundary is made of raw pointers.
#![allow(unsafe_code)]
// Names are those of the C header.
#![allow(non_camel_case_types)]
// The conditions of safety are the C contract, and they are in each comment in the words a C programmer needs; a
// heading of Rust's would be copied into the header.
#![allow(clippy::missing_safety_doc)]

// In the order of the header.
mod version;

mod status;

mod error;
mod last;

mod callback;
mod sink;

mod exchange;

mod credentials;

mod hooks;
mod limits;
mod log;

mod fingerprint;
mod store;

mod config;
mod config_network;

mod config_resume;

mod config_hooks;

mod config_tasks;

mod client;

mod client_tasks;

mod source;
mod writer;

mod options;

mod operations;

mod creations;

mod previous;

mod uploader;

mod task;
mod task_values;

mod operations_async;

mod creations_async;

mod previous_async;

mod uploader_async;

mod info;

mod warning;

mod stats;

mod metadata;

mod server_info;

// What all of them share.
mod calls;
mod checksum;
mod convert;
mod guard;
mod handle;
mod kept;
mod order;
mod record;
mod settings;

pub use callback::*;
pub use client::*;
pub use client_tasks::*;
pub use config::*;
pub use config_hooks::*;
pub use config_network::*;
pub use config_resume::*;
pub use config_tasks::*;
pub use creations::*;
pub use creations_async::*;
pub use credentials::*;
pub use error::*;
pub use exchange::*;
pub use fingerprint::*;
pub use hooks::*;
pub use info::*;
pub use last::*;
pub use limits::*;
pub use log::*;
pub use metadata::*;
pub use operations::*;
pub use operations_async::*;
pub use options::*;
pub use previous::*;
pub use previous_async::*;
pub use server_info::*;
pub use sink::*;
pub use source::*;
pub use stats::*;
pub use status::*;
pub use store::*;
pub use task::*;
pub use task_values::*;
pub use uploader::*;
pub use uploader_async::*;
pub use version::*;
pub use warning::*;
pub use writer::*;

#[cfg(test)]
mod tests;
