//! The settings of a client's transport: plain values, checked and read in [`Transport::new`](super::Transport::new).

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::{ProxySetting, Timeouts, inward};

/// Everything a [`Transport`](super::Transport) can be told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The time limits of every request that has none of its own.
    pub timeouts: Timeouts,
    /// Sent as `User-Agent` unless the request has one of its own; empty for none.
    pub user_agent: String,
    /// Certificates and versions.
    pub tls: TlsSettings,
    /// The way to the servers.
    pub proxy: ProxySetting,
    /// How many idle connections to one origin are kept; 0 for a new connection each time.
    pub max_idle_per_origin: usize,
    /// How the bytes of regular files get to a plain connection.
    pub files: FileSending,
    /// Where servers may point to.
    pub locations: Locations,
    /// Whether an address is one of this machine or its network.
    pub is_inward: fn(IpAddr) -> bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            timeouts: Timeouts::default(),
            user_agent: concat!("libtus/", env!("CARGO_PKG_VERSION")).to_owned(),
            tls: TlsSettings::default(),
            proxy: ProxySetting::Environment,
            // As many as there are parallel parts and running uploads to one server in common use.
            max_idle_per_origin: 16,
            files: FileSending::Choose,
            locations: Locations::default(),
            is_inward: inward::is_inward,
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts {
            connect: Duration::from_secs(30),
            response: Duration::from_secs(120),
            stall: Duration::from_secs(60),
        }
    }
}

/// How files are sent over plain HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FileSending {
    /// By the kernel (`sendfile`), unless the connection's congestion control is bbr: its pacing makes that slower
    /// than copying.
    #[default]
    Choose,
    /// Always by the kernel.
    Kernel,
    /// Always through a buffer of ours.
    Copy,
}

/// Where servers may point to with `Location`, besides the origins that the caller names or trusts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Locations {
    /// Anywhere; but a server that was reached outside may not point into this machine or its network.
    #[default]
    Outward,
    /// Anywhere.
    Any,
    /// Nowhere else.
    Allowed,
}

/// TLS settings.
#[derive(Debug, Clone)]
pub struct TlsSettings {
    /// Whether the server's certificate is verified.
    pub verify: bool,
    /// A PEM file with the certificates to trust instead of the platform's: one that says that it may sign others as an
    /// authority, each as that of its own server.
    pub ca_file: Option<PathBuf>,
    /// PEM files with our certificate chain and its private key.
    pub client_certificate: Option<(PathBuf, PathBuf)>,
    /// Whether TLS 1.2 is still good enough.
    pub allow_tls12: bool,
    /// The SHA-256 of the SubjectPublicKeyInfo of each server key that may be talked to; empty: any.
    pub pinned_keys: Vec<[u8; 32]>,
    /// Whether nothing may go over plain http. A pinned key, a lowest version above 1.2 and a client certificate ask for
    /// that by themselves.
    pub https_only: bool,
    /// When the platform's certificates are read, where they are those to trust.
    pub platform: PlatformCertificates,
}

/// When the platform's certificates are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PlatformCertificates {
    /// When the transport is made, which fails if there are none.
    Needed,
    /// When the transport is made; that there are none is told by the first https connection.
    Likely,
    /// By the first https connection.
    #[default]
    Unlikely,
}

impl TlsSettings {
    /// Why nothing may go over plain http, if that is so.
    pub fn forbids_plain(&self) -> Option<&'static str> {
        if self.https_only {
            Some("tus_config_set_https_only is on")
        } else if !self.pinned_keys.is_empty() {
            Some("a key was pinned with tus_config_pin_tls_key")
        } else if self.client_certificate.is_some() {
            Some("tus_config_set_tls_client_certificate was called")
        } else if !self.allow_tls12 {
            Some("tus_config_set_tls_min_version asks for TLS 1.3")
        } else {
            None
        }
    }
}

impl Default for TlsSettings {
    fn default() -> Self {
        TlsSettings {
            verify: true,
            ca_file: None,
            client_certificate: None,
            allow_tls12: true,
            pinned_keys: Vec::new(),
            https_only: false,
            platform: PlatformCertificates::default(),
        }
    }
}
