//! The conformance scenarios and everything else a caller can see of the library's behaviour, against the scripted
//! server: what is answered, what exactly goes over the wire, and what is on the server afterwards.

#[path = "../support/mod.rs"]
mod support;

mod acknowledged;
mod backoff;
mod basic;
mod changes;
mod connecting;
mod cuts;
mod deadlines;
mod discovery;
mod gone;
mod headers;
mod hooks;
mod http;
mod huge;
mod location;
mod locked;
mod metadata;
mod method_override;
mod offsets;
mod origins;
mod progress;
mod readers;
mod redirects;
mod regress;
mod retry_after;
mod should_retry;
mod sources;
mod stalls;
mod statuses;
mod terminate;
mod threads;
mod tls;
mod with_upload;
