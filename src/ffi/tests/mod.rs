//! Calls the exports as a C program would.
//!
//! Only `operations` needs a server, and shows that what this layer passes on gets through; what operations do is tested
//! elsewhere, and from C.

mod begun;
mod boundary;
mod callbacks;
mod clients;
mod errors;
mod fixture;
mod handles;
mod header;
mod nulls;
mod operations;
mod panics;
mod results;
mod settings;
mod sources;
mod statuses;
mod stores;
mod tasks;
mod tasks_misused;
mod uploaders;
mod writers;
