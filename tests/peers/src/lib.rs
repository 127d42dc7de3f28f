//! Real tus servers, written by others, that libtus is tested against.
//!
//! A test asks for one by name and gets a [`Peer`]: a server of its own on a free loopback port with an empty folder,
//! gone when the value is dropped and also when the test process dies.
//!
//! | function | server | extensions it brings to the tests |
//! |---|---|---|
//! | [`tusd`] | tusd 2.10.0, the reference server | creation (with upload, deferred length), termination, concatenation; RUFH interop 3–6 with `-enable-experimental-protocol` |
//! | [`node`] | `@tus/server` 2.4.5 with `@tus/file-store` 2.1.1 | creation (with upload, deferred length), termination, expiration |
//! | [`python`] | `resumable-upload` 0.3.0 | all of these but RUFH, checksum and checksum-trailer |
//! | [`uploadx`] | `@uploadx/core` 7.0.3 | creation (with upload), termination, checksum; no `Tus-Version`, a 200 with a body at the end |
//! | [`tussi`] | `tussi` 3.1.0 on uvicorn | creation alone; chunks of at most 10 MiB, all or nothing; what is finished is gone from its URL |
//!
//! Two proxies come from the system's packages: [`nginx`] in front of a server, [`tinyproxy`] in front of a client. Each is a
//! [`Proxy`] of the test's own, in the same way.
//!
//! The servers are installed on first use below [`target_dir`]`/peers` through the package client of their own language, pinned
//! by version and hash ([`install_all`] does so ahead of time). Where one cannot be had, or a [`tools`] program is
//! missing, the test goes without: the part is written down by [`left_out`], so that nothing is skipped in silence, and
//! with `TUS_STRICT=1` it fails instead.
//!
//! ```no_run
//! let Some(server) = tus_test_peers::tusd_with(&["-max-size", "100"]) else { return };
//! println!("upload to {}, find the bytes below {}", server.endpoint(), server.dir().display());
//! ```
//!
//! This crate is for development only and never part of the library. It knows nothing of libtus.

mod install;
mod left_out;
mod node;
mod peer;
mod proxy;
mod python;
pub mod raw;
mod recipe;
mod run;
mod target;
mod times;
pub mod tools;
mod tusd;
mod tussi;
mod uploadx;
mod wrapper;

pub use install::install_all;
pub use left_out::{left_out, left_out_file, note_left_out};
pub use node::{node, node_with};
pub use peer::Peer;
pub use proxy::{Proxy, nginx, tinyproxy};
pub use python::{python, python_with};
pub use target::{target_dir, workspace_dir};
pub use times::times;
pub use tusd::{tusd, tusd_with};
pub use tussi::{tussi, tussi_with};
pub use uploadx::{uploadx, uploadx_with};
