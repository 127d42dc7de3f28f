//! Going on where an earlier run ended, sending in parts, chunk by chunk, streams, and other credentials: through the
//! engine, against the scripted server and real ones.

#[allow(dead_code, unused_imports, unused_macros, reason = "shared with the scenarios, which use all of it")]
#[path = "../support/mod.rs"]
mod support;

mod fixture;

mod changed;
mod chunkwise;
mod credentials;
mod foreign;
mod named;
mod parts;
mod passes;
mod peers;
mod pushed;
mod shared;
mod stored;
mod streams;
mod tokens;
mod unconfirmed;
mod unusable;
mod warnings;
mod words;
