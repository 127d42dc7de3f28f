//! The C API's face: a thin safe layer over the exported functions, called as a C program calls them.

// The boundary is made of raw pointers.
#![allow(unsafe_code)]

mod callbacks;
mod client;
mod config;
mod failure;
mod source;
mod task;
mod text;
mod uploader;

pub(super) use client::{Calls, client};
pub(crate) use source::CSource;
pub(super) use source::open;
