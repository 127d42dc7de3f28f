//! SOCKS 4, 4a, 5 (RFC 1928) with user name and password (RFC 1929).

use std::net::IpAddr;

use super::BreakKind;
use super::context::Context;
use super::dialogue::Dialogue;
use super::failure::Failure;
use super::proxy::{ProxyKind, ProxyUrl};
use super::wait::Until;
use crate::sys::socket::Socket;

/// Where the proxy is to connect to.
enum Destination {
    Address(IpAddr),
    Name(String),
}

/// Asks the proxy to connect to the target.
pub(super) fn open(context: &Context, socket: &Socket, proxy: &ProxyUrl, until: Until) -> Result<(), Failure> {
    let dialogue = Dialogue { context, socket, until };
    let origin = &context.target.origin;
    let (version_4, proxy_resolves) = match proxy.kind() {
        ProxyKind::Socks4 { proxy_resolves } => (true, proxy_resolves),
        ProxyKind::Socks5 { proxy_resolves } => (false, proxy_resolves),
        ProxyKind::Http => return Err(Failure::because(BreakKind::Unsendable, "it does not speak SOCKS")),
    };
    let destination = match origin.host.parse() {
        Ok(address) => Destination::Address(address),
        Err(_) if proxy_resolves => Destination::Name(origin.host.clone()),
        Err(_) => {
            let found = context.client.resolver.resolve(context, &origin.host, until)?;
            let fitting = found.into_iter().find(|address| address.is_ipv4() || !version_4);
            let fitting = fitting.ok_or_else(|| refused("the host has no IPv4 address, and SOCKS 4 knows no other"))?;
            Destination::Address(fitting)
        }
    };
    if version_4 {
        version_four(&dialogue, &destination, origin.port, proxy)
    } else {
        version_five(&dialogue, &destination, origin.port, proxy)
    }
}

fn version_four(
    dialogue: &Dialogue<'_>,
    destination: &Destination,
    port: u16,
    proxy: &ProxyUrl,
) -> Result<(), Failure> {
    let (address, name) = match destination {
        Destination::Address(IpAddr::V4(address)) => (address.octets(), None),
        Destination::Address(IpAddr::V6(_)) => return Err(refused("SOCKS 4 cannot reach an IPv6 address")),
        // 4a: an impossible address says that a name follows.
        Destination::Name(name) => ([0, 0, 0, 1], Some(name)),
    };
    let mut request = vec![4, 1];
    request.extend(port.to_be_bytes());
    request.extend(address);
    request.extend(proxy.user().map_or(&[][..], |(name, _)| name));
    request.push(0);
    if let Some(name) = name {
        request.extend(name.as_bytes());
        request.push(0);
    }
    dialogue.send(&request)?;
    let [version, code, ..] = dialogue.receive::<8>()?;
    match (version, code) {
        (0, 90) => Ok(()),
        (0, code) => Err(refused(format!("it refused the connection (SOCKS 4 code {code})"))),
        _ => Err(refused("it does not speak SOCKS 4")),
    }
}

fn version_five(
    dialogue: &Dialogue<'_>,
    destination: &Destination,
    port: u16,
    proxy: &ProxyUrl,
) -> Result<(), Failure> {
    const NO_METHOD: u8 = 0;
    const BY_PASSWORD: u8 = 2;
    let methods: &[u8] = if proxy.user().is_some() { &[5, 2, NO_METHOD, BY_PASSWORD] } else { &[5, 1, NO_METHOD] };
    dialogue.send(methods)?;
    match (dialogue.receive::<2>()?, proxy.user()) {
        ([5, NO_METHOD], _) => {}
        ([5, BY_PASSWORD], Some((name, password))) => {
            let mut request = vec![1, name.len() as u8];
            request.extend(name);
            request.push(password.len() as u8);
            request.extend(password);
            dialogue.send(&request)?;
            let [_, status] = dialogue.receive::<2>()?;
            if status != 0 {
                return Err(refused("it refused the credentials"));
            }
        }
        ([5, _], None) => return Err(refused("it asks for credentials")),
        ([5, _], _) => return Err(refused("it accepts no method of identification we know")),
        _ => return Err(refused("it does not speak SOCKS 5")),
    }
    let mut request = vec![5, 1, 0];
    match destination {
        Destination::Address(IpAddr::V4(address)) => {
            request.push(1);
            request.extend(address.octets());
        }
        Destination::Address(IpAddr::V6(address)) => {
            request.push(4);
            request.extend(address.octets());
        }
        Destination::Name(name) => {
            let length = u8::try_from(name.len()).map_err(|_| refused("the host name is too long for SOCKS 5"))?;
            request.extend([3, length]);
            request.extend(name.as_bytes());
        }
    }
    request.extend(port.to_be_bytes());
    dialogue.send(&request)?;
    let [version, code, _, kind] = dialogue.receive::<4>()?;
    if version != 5 {
        return Err(refused("it does not speak SOCKS 5"));
    }
    if code != 0 {
        return Err(refused(format!("it refused the connection: {}", reason(code))));
    }
    // The address it connected from: of no use, but it has to be read.
    let length = match kind {
        1 => 4,
        3 => usize::from(dialogue.receive::<1>()?[0]),
        4 => 16,
        _ => return Err(refused("it does not speak SOCKS 5")),
    };
    let mut bound = [0; 255 + 2];
    dialogue.receive_into(&mut bound[..length + 2])
}

/// RFC 1928 section 6.
fn reason(code: u8) -> String {
    let text = match code {
        1 => "general failure",
        2 => "not allowed by its rules",
        3 => "network unreachable",
        4 => "host unreachable",
        5 => "connection refused",
        6 => "time to live expired",
        7 => "command not supported",
        8 => "address type not supported",
        _ => return format!("SOCKS 5 code {code}"),
    };
    text.to_owned()
}

fn refused(reason: impl Into<String>) -> Failure {
    Failure::because(BreakKind::Connect, reason)
}
