//! The conformance scenarios and everything else a caller can see of the library's behaviour, against the scripted
//! server: what is answered, what exactly goes over the wire, and what is on the server afterwards.

#[path = "../support/mod.rs"]
mod support;

mod acknowledged;
mod basic;
mod changes;
mod connecting;
mod cuts;
mod discovery;
mod gone;
mod headers;
mod hooks;
mod http;
mod location;
mod metadata;
mod method_override;
mod offsets;
mod origins;
mod progress;
mod redirects;
mod regress;
mod sources;
mod stalls;
mod statuses;
mod terminate;
mod threads;
mod tls;
mod waiting;
mod with_upload;
