//! The conformance scenarios and everything else a caller can see of the library's behaviour, against the scripted
//! server: what is answered, what exactly goes over the wire, and what is on the server afterwards.

#[path = "../support/mod.rs"]
mod support;

mod acknowledged;
mod basic;
mod connecting;
mod cuts;
mod discovery;
mod gone;
mod http;
mod location;
mod method_override;
mod offsets;
mod origins;
mod redirects;
mod regress;
mod stalls;
mod statuses;
mod terminate;
mod tls;
mod waiting;
mod with_upload;
