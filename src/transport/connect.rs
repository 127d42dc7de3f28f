//! Making a TCP connection to a host that may have several addresses.
//!
//! Each address gets a head start of a quarter of a second over the next (RFC 8305, "happy eyeballs"), so that one
//! dead address costs that much and not the system's two minutes. The first connection made wins.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use super::BreakKind;
use super::context::Context;
use super::failure::Failure;
use super::wait::{MAX_ENTRIES, Until};
use crate::sys::poll::Entry;
use crate::sys::socket::Socket;

/// RFC 8305 section 8 recommends this delay.
const HEAD_START: Duration = Duration::from_millis(250);

/// Resolves and connects, and tells to which address. `outward`: to none of this machine or its network.
pub(super) fn to_host(
    context: &Context,
    host: &str,
    port: u16,
    outward: bool,
    until: Until,
) -> Result<(Socket, IpAddr), Failure> {
    let mut addresses = context.client.resolver.resolve(context, host, until)?;
    if outward {
        addresses.retain(|address| !(context.client.settings.is_inward)(*address));
        if addresses.is_empty() {
            return Err(inward(host, port));
        }
    }
    let addresses: Vec<SocketAddr> =
        in_turn(&addresses).into_iter().map(|address| SocketAddr::new(address, port)).collect();
    let connected = first_of(context, &addresses, until);
    if connected.as_ref().is_err_and(|failure| failure.kind != BreakKind::Cancelled) {
        // The addresses may be the old ones of a host that has moved.
        context.client.resolver.forget(host);
    }
    connected.map_err(|failure| match failure.kind {
        BreakKind::Connect => failure.explained(format!("no connection to {host} port {port}")),
        _ => failure,
    })
}

/// Why a URL is not followed that a server outside has given.
pub(super) fn inward(host: &str, port: u16) -> Failure {
    let text = format!(
        "a server outside gave a URL of {host} port {port}, which is this machine or in its network: if that is right, \
         allow it with tus_config_allow_origin or tus_config_set_locations"
    );
    Failure::because(BreakKind::ForeignLocation, text)
}

/// The addresses with the two families taking turns, beginning with the system's first choice (RFC 8305 section 4).
fn in_turn(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let Some(first) = addresses.first() else {
        return Vec::new();
    };
    let (same, other): (Vec<&IpAddr>, Vec<&IpAddr>) =
        addresses.iter().partition(|address| address.is_ipv4() == first.is_ipv4());
    let mut sorted = Vec::with_capacity(addresses.len());
    for turn in 0..addresses.len() {
        sorted.extend([same.get(turn), other.get(turn)].into_iter().flatten().copied());
    }
    sorted.truncate(MAX_ENTRIES);
    sorted
}

/// Connects to the addresses, each a little later than the one before; at once if the ones before have failed.
fn first_of(context: &Context, addresses: &[SocketAddr], until: Until) -> Result<(Socket, IpAddr), Failure> {
    let mut untried = addresses.iter();
    let mut attempts: Vec<(Socket, IpAddr)> = Vec::new();
    let mut first_error: Option<io::Error> = None;
    let mut next_start = Instant::now();
    loop {
        while attempts.is_empty() || next_start <= Instant::now() {
            let Some(address) = untried.next() else {
                break;
            };
            match Socket::connect(address) {
                Ok(socket) => {
                    attempts.push((socket, address.ip()));
                    next_start = Instant::now() + HEAD_START;
                }
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
        }
        if attempts.is_empty() {
            let error = first_error.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into());
            return Err(Failure::io(BreakKind::Connect, error));
        }
        let slice = (untried.len() > 0).then(|| next_start.saturating_duration_since(Instant::now()));
        let mut entries: Vec<Entry<'_>> = attempts.iter().map(|(socket, _)| Entry::writable(socket.as_fd())).collect();
        if !context.wait(&mut entries, Some(until), slice)? {
            continue;
        }
        let ready: Vec<usize> =
            entries.iter().enumerate().filter(|(_, entry)| entry.is_ready()).map(|(index, _)| index).collect();
        for index in ready.into_iter().rev() {
            let (socket, address) = attempts.swap_remove(index);
            match socket.connected() {
                Ok(()) => return Ok((socket, address)),
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let given = ["::1", "::2", "::3", "10.0.0.1"].map(address);
        assert_eq!(in_turn(&given), ["::1", "10.0.0.1", "::2", "::3"].map(address));
        assert!(in_turn(&[]).is_empty());
    }
}
