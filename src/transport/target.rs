//! Where a request goes: the origin, and the proxy on the way.

use super::failure::Failure;
use super::{BreakKind, ProxyUrl};

/// An origin and the proxy that leads to it. Idle connections are kept by the origin, by whether the server may know
/// who we are, and by where it must not be; which proxy leads to an origin never changes in the life of a client.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// Where the request is answered.
    pub(super) origin: Origin,
    /// What stands between.
    pub(super) proxy: Option<ProxyUrl>,
    /// Whether the client certificate is shown.
    pub(super) identify: bool,
    /// It must not be an address of this machine or its network.
    pub(super) outward: bool,
}

impl Target {
    /// Whether a connection to this one may serve requests to the other.
    pub(super) fn shares_connections_with(&self, other: &Target) -> bool {
        self.origin == other.origin && self.identify == other.identify && self.outward == other.outward
    }
}

/// Scheme, host and port of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    /// https.
    pub(super) secure: bool,
    /// Lower case; an IPv6 address without its brackets.
    pub(super) host: String,
    /// The scheme's default filled in.
    pub(super) port: u16,
}

impl Origin {
    /// The origin of an absolute http or https URL.
    pub(super) fn of(uri: &ureq::http::Uri) -> Result<Origin, Failure> {
        let unsendable = |reason: &str| Failure::because(BreakKind::Unsendable, reason);
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(unsendable("the URL is neither http nor https")),
        };
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| unsendable("the URL has no host"))?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        Ok(Origin { secure, host: host.to_ascii_lowercase(), port })
    }

    /// `host:port`, an IPv6 address in brackets.
    pub(super) fn host_and_port(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}
