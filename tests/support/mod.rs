//! What the tests of behaviour share: one vocabulary for both faces of the library, the scripted server, and bytes.

pub(crate) mod api;
pub(crate) mod data;
pub(crate) mod failure;
pub(crate) mod hooks;
pub(crate) mod input;
pub(crate) mod result;
pub(crate) mod server;
pub(crate) mod setup;
pub(crate) mod waits;

mod c_api;
mod rust_api;

pub(crate) use api::{Api, Client};
pub(crate) use data::{Folder, HELLO, noise, side_by_side};
pub(crate) use failure::{Failure, Kind};
pub(crate) use input::Input;
pub(crate) use setup::{Chunk, Job, Setup};
