//! libtus: resumable uploads for every native program.
//!
//! The product is a C library: `include/tus.h`, exported by [`ffi`]. What lies below it is an ordinary Rust library with
//! the same abilities, used like this:
//!
//! ```
//! use tus::engine::client::Client;
//! use tus::engine::config::Config;
//! use tus::engine::options::UploadOptions;
//! use tus::source::Source;
//!
//! # let server = tus_test_server::Server::start(tus_test_server::Options::default())?;
//! # let url = server.endpoint();
//! let mut config = Config::new();
//! config.set_url(&url)?;
//! let client = Client::new(config)?;
//!
//! let mut options = UploadOptions::new();
//! options.set_metadata_text("filename", "hello.txt")?;
//! let info = client.upload(&mut Source::memory("hello, world"), &options)?;
//! assert!(info.complete);
//! println!("{}", info.url);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Modules in suggested reading order: `protocol::session` is what an upload is, `engine` carries it out, `transport`
//! and `source` are its hands, `ffi` is its face. `ARCHITECTURE.md` has the map and the invariants.

pub mod protocol;

mod bell;
pub mod cancel;
pub mod digest;
pub mod engine;
pub mod fingerprint;
mod signal;
pub mod source;
pub mod store;
pub mod task;
pub mod transport;

pub mod ffi;

pub mod error;
pub mod warning;

mod sys;
