//! The conformance scenarios and everything else a caller can see of the library's behaviour, against the scripted
//! server: what is answered, what exactly goes over the wire, and what is on the server afterwards.

#[path = "../support/mod.rs"]
mod support;

mod basic;
mod discovery;
mod gone;
mod method_override;
mod terminate;
mod with_upload;
mod acknowledged;
mod location;
mod offsets;
mod origins;
mod regress;
