//! Tests of the transport against peers scripted byte by byte, on loopback only.

mod body;
mod cancel;
mod early;
mod endless;
mod framing;
mod interim;
mod limits;
mod names;
mod peer;
mod proxies;
mod stale;
mod throttle;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "tls")]
mod tls_peer;
mod trailer_peer;
mod trailers;
#[cfg(feature = "tls")]
mod trust;
mod ureq_facts;
mod wire;
