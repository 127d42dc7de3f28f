//! What the requests of one client share: settings, idle connections, buffers, a limit, names, certificates.

use super::buffers::Spare;
use super::inward::Outside;
use super::pool::Pool;
use super::proxy::Proxies;
use super::resolve::Resolver;
use super::settings::{FileSending, Settings};
use super::stream::Stream;
use super::throttle::Throttle;
use crate::cancel::SpareWakes;
use crate::error::Error;

#[cfg(feature = "tls")]
use super::tls::Tls;

/// Bodies below this are copied: two system calls instead of five, for less than a page or two.
const SENDFILE_FROM: u64 = 64 * 1024;

/// What the requests of one client share.
#[derive(Debug)]
pub(super) struct Client {
    /// As they were given.
    pub(super) settings: Settings,
    /// How each request's agent is set up.
    pub(super) agent_config: ureq::config::Config,
    /// Idle connections.
    pub(super) pool: Pool,
    /// Idle buffers.
    pub(super) spare: Spare,
    /// Idle descriptors of cancel flags.
    pub(super) wakes: SpareWakes,
    /// How fast bodies may go out.
    pub(super) throttle: Throttle,
    /// Known names.
    pub(super) resolver: Resolver,
    /// Who was reached outside this machine and its network.
    pub(super) outside: Outside,
    /// Ways around.
    pub(super) proxies: Proxies,
    /// Certificates.
    #[cfg(feature = "tls")]
    pub(super) tls: Tls,
}

impl Client {
    /// Checks the settings, reads the certificates and the proxy variables.
    pub(super) fn new(settings: Settings) -> Result<Self, Error> {
        super::request::check_user_agent(&settings.user_agent)?;
        #[cfg(not(feature = "tls"))]
        if settings.tls.ca_file.is_some() || settings.tls.client_certificate.is_some() {
            return Err(Error::new(
                crate::error::ErrorKind::Unsupported,
                "this build has no TLS (feature `tls`), so certificates cannot be used",
            ));
        }
        Ok(Client {
            agent_config: super::request::agent_config(),
            pool: Pool::default(),
            spare: Spare::default(),
            wakes: SpareWakes::default(),
            throttle: Throttle::default(),
            resolver: Resolver::default(),
            outside: Outside::default(),
            proxies: Proxies::new(&settings.proxy),
            #[cfg(feature = "tls")]
            tls: Tls::new(&settings.tls)?,
            settings,
        })
    }

    /// Whether the kernel may move a file body of `length` bytes to the connection by itself.
    pub(super) fn may_sendfile(&self, stream: &Stream, length: u64) -> bool {
        if stream.is_secure() || length < SENDFILE_FROM {
            return false;
        }
        match self.settings.files {
            FileSending::Kernel => true,
            FileSending::Copy => false,
            FileSending::Choose => stream.socket().congestion_control().is_none_or(|name| name != "bbr"),
        }
    }
}
