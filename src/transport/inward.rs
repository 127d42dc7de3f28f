//! Whether an address leads into the machine or its network, where a server outside has nothing to point to.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

/// The hosts that were reached at an address outside or through a proxy, by the names the URLs had.
#[derive(Debug, Default)]
pub(super) struct Outside(Mutex<HashSet<String>>);

impl Outside {
    /// A connection to the host was made to this address.
    pub(super) fn reached(&self, host: &str, address: IpAddr, is_inward: fn(IpAddr) -> bool) {
        if !is_inward(address) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(host.to_owned());
        }
    }

    /// The host was reached through a proxy, which alone knows where it is: not in a network that needs none.
    pub(super) fn reached_through_proxy(&self, host: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(host.to_owned());
    }

    /// Whether one was. `host` may have the brackets of an IPv6 address.
    pub(super) fn has(&self, host: &str) -> bool {
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(host)
    }
}

/// Whether an address is one of this machine (loopback, unspecified), of its link, or of a private network.
pub(super) fn is_inward(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_inward_v4(address),
        IpAddr::V6(address) => is_inward_v6(address),
    }
}

fn is_inward_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_broadcast()
        // "This network" (RFC 1122), the first address of which means this machine.
        || a == 0
        // Shared by the customers of one provider (RFC 6598).
        || (a == 100 && (b & 0xc0) == 64)
        // Protocol assignments (RFC 6890), benchmarks (RFC 2544).
        || (a, b, c) == (192, 0, 0)
        || (a == 198 && (b & 0xfe) == 18)
}

fn is_inward_v6(address: Ipv6Addr) -> bool {
    let s = address.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match s {
        // ::, ::1, and an IPv4 address in the forms ::a.b.c.d and ::ffff:a.b.c.d.
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] => is_inward_v4(v4(high, low)),
        // NAT64 (RFC 6052, RFC 8215) and 6to4 (RFC 3056) carry one too.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => is_inward_v4(v4(high, low)),
        [0x64, 0xff9b, 1, ..] => true,
        [0x2002, high, low, ..] => is_inward_v4(v4(high, low)),
        // Unique local, link-local and the site-local of old.
        _ => (s[0] & 0xfe00) == 0xfc00 || (s[0] & 0xff80) == 0xfe80,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_machine_and_its_network() {
        for text in [
            "127.0.0.1",
            "127.255.0.3",
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.127.0.1",
            "255.255.255.255",
            "192.0.0.170",
            "198.18.0.1",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.1.1.1",
            "::127.0.0.1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "fc00::1",
            "fd12::3",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2002:c0a8:101::1",
        ] {
            assert!(is_inward(text.parse().unwrap()), "{text}");
        }
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.1",
            "100.63.0.1",
            "100.128.0.1",
            "126.0.0.1",
            "128.0.0.1",
            "169.253.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.167.0.1",
            "198.20.0.1",
            "2606:4700::1111",
            "2001:db8::1",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2002:808:808::1",
            "fb00::1",
            "fe00::1",
        ] {
            assert!(!is_inward(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn a_host_is_outside_once_it_was_reached_there() {
        let outside = Outside::default();
        outside.reached("a", "10.0.0.1".parse().unwrap(), is_inward);
        outside.reached("b", "8.8.8.8".parse().unwrap(), is_inward);
        outside.reached("2606:4700::1111", "2606:4700::1111".parse().unwrap(), is_inward);
        assert_eq!([outside.has("a"), outside.has("b"), outside.has("[2606:4700::1111]")], [false, true, true]);
    }
}
