//! How ureq gets its connections: from our pool, or newly made.
//!
//! A connector serves one request and carries its [`Context`]; that is why every request has an agent of its own
//! (about a microsecond) instead of a thread-local the connection would have to look into. ureq resolves a name
//! before it even looks for an idle connection, on every request; so it is given a resolver that does nothing, and
//! names are resolved here, only for a new connection.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{ConnectionDetails, Connector, NextTimeout};

use super::BreakKind;
use super::connect;
use super::context::Context;
use super::exchange::Exchange;
use super::failure::Failure;
use super::stream::Stream;
use super::wait::Until;
use super::{proxy::ProxyKind, socks, tunnel};
use crate::error::TimeLimit;

/// Makes the connection of one request.
#[derive(Debug)]
pub(super) struct OneConnection(pub(super) Arc<Context>);

impl Connector<()> for OneConnection {
    type Out = Exchange;

    fn connect(&self, _: &ConnectionDetails<'_>, _: Option<()>) -> Result<Option<Exchange>, ureq::Error> {
        let context = &self.0;
        let idle = if context.reuse { context.client.pool.take(&context.target) } else { None };
        let reused = idle.is_some();
        idle.map_or_else(|| open(context), Ok)
            .and_then(|stream| Exchange::start(context, stream, reused))
            .map(Some)
            .map_err(|failure| context.fail(failure))
    }
}

/// Opens a new connection: name, address, proxy, TLS, all within the connect limit.
pub(super) fn open(context: &Context) -> Result<Stream, Failure> {
    let until = Until::after(context.timeouts.connect, TimeLimit::Connect);
    let target = &context.target;
    let origin = &target.origin;
    #[cfg(not(feature = "tls"))]
    if origin.secure {
        return Err(Failure::because(BreakKind::Unsendable, "this build has no TLS (feature `tls`), so no https"));
    }
    let socket = match &target.proxy {
        None => {
            let (socket, address) = connect::to_host(context, &origin.host, origin.port, target.outward, until)?;
            context.client.outside.reached(&origin.host, address, context.client.settings.is_inward);
            socket
        }
        Some(proxy) => {
            let named = |failure: Failure| {
                let text = format!("proxy {}: {failure}", proxy.redacted());
                // A proxy's name that does not resolve, or its refusal, is a connection that could not be made.
                let kind = match failure.kind {
                    BreakKind::Resolve | BreakKind::Closed => BreakKind::Connect,
                    kind => kind,
                };
                Failure { kind, ..failure }.explained(text)
            };
            // A name is the proxy's to look up, a number is plain to see.
            if target.outward
                && let Ok(address) = origin.host.parse::<IpAddr>()
                && (context.client.settings.is_inward)(address)
            {
                return Err(connect::inward(&origin.host, origin.port));
            }
            context.client.outside.reached_through_proxy(&origin.host);
            let (socket, _) = connect::to_host(context, proxy.host(), proxy.port(), false, until).map_err(named)?;
            match proxy.kind() {
                ProxyKind::Http if origin.secure => tunnel::open(context, &socket, proxy, until).map_err(named)?,
                ProxyKind::Http => {}
                ProxyKind::Socks4 { .. } | ProxyKind::Socks5 { .. } => {
                    socks::open(context, &socket, proxy, until).map_err(named)?;
                }
            }
            socket
        }
    };
    #[cfg(feature = "tls")]
    if origin.secure {
        let session = context.client.tls.handshake(context, &socket, &origin.host, until)?;
        return Ok(Stream::secure(socket, session));
    }
    Ok(Stream::plain(socket))
}

/// A resolver that resolves nothing; see the module's first paragraph.
#[derive(Debug)]
pub(super) struct NoResolver;

impl Resolver for NoResolver {
    fn resolve(
        &self,
        _: &ureq::http::Uri,
        _: &ureq::config::Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut addresses = self.empty();
        addresses.push(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)));
        Ok(addresses)
    }
}
