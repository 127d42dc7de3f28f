//! A tus 1.0.0 server for tests and for the demo: correct by default, strict with its client,
//! and wrong in exactly the way a script asks for.
//!
//! It speaks HTTP/1.1 over plain sockets, one thread for each connection, because tests need to
//! say which byte goes out and which does not. Uploads are files in a folder; a server started
//! on the same folder goes on with them. It is for development only: it never belongs into a
//! program that is shipped.
//!
//! ```
//! use tus_test_server::{Options, Rule, Server};
//!
//! let server = Server::start(Options::default())?;
//! server.script(Rule::on("PATCH").times(2).reply(503).header("Retry-After", "7"));
//! // … a client uploads to `server.endpoint()` …
//! assert!(server.violations().is_empty());
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Reading order: `server`, `rule` and `fault` are what tests see; `connection`, `exchange`,
//! `judge` and `handler` are one request from its head to its answer; `store` is the disk.

mod server;

mod fault;
mod options;
mod rule;
mod script;

mod log;

mod connection;
mod exchange;
mod handler;
mod judge;
mod listener;
mod peers;
mod shared;

mod body;
mod head;
mod link;
mod response;
mod send;
mod throttle;
mod tls;
mod urls;

mod checksum;
mod metadata;
mod store;

mod control;

pub use checksum::Algorithm;
pub use fault::{
    Answer, At, AtStop, BodyFraming, BodyStop, Chunks, Edit, Ending, Endless, Fault, Interim, LocationForm,
};
pub use log::{Level, Request, Violation};
pub use options::{Contention, CutPatch, Extensions, Options};
pub use rule::{Rule, When};
pub use server::{Server, Upload};
pub use store::Concat;
pub use tls::{Certificate, ServerFiles, TlsFiles, TlsOptions};
