//! Which hosts are reached without a proxy: `no_proxy` by curl's rules.
//!
//! A list separated by commas or blanks. `*` alone means every host. A name matches itself and its sub-domains, with
//! a leading dot or without; an address matches itself; an address with `/bits` matches its network. Ports are not
//! part of it.

use std::net::IpAddr;

/// A parsed list.
#[derive(Debug, Default)]
pub(super) struct NoProxy {
    all: bool,
    names: Vec<String>,
    networks: Vec<(IpAddr, u8)>,
}

impl NoProxy {
    /// Parses a list; what means nothing is passed over.
    pub(super) fn parse(list: &str) -> NoProxy {
        let mut parsed = NoProxy { all: list.trim() == "*", ..NoProxy::default() };
        for entry in list.split([',', ' ', '\t']).filter(|entry| !entry.is_empty()) {
            let (address, bits) = match entry.split_once('/') {
                Some((address, bits)) => (address, Some(bits)),
                None => (entry, None),
            };
            let address = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address);
            if let Ok(address) = address.parse::<IpAddr>() {
                let width = if address.is_ipv4() { 32 } else { 128 };
                let bits = bits.map_or(Some(width), |bits| bits.parse().ok().filter(|bits| *bits <= width));
                parsed.networks.extend(bits.map(|bits| (address, bits)));
            } else if bits.is_none() {
                let name = entry.strip_prefix('.').unwrap_or(entry);
                let name = name.strip_suffix('.').unwrap_or(name);
                if !name.is_empty() {
                    parsed.names.push(name.to_ascii_lowercase());
                }
            }
        }
        parsed
    }

    /// Whether a host (lower case, no brackets) is reached without a proxy.
    pub(super) fn matches(&self, host: &str) -> bool {
        if self.all {
            return true;
        }
        if let Ok(address) = host.parse::<IpAddr>() {
            return self.networks.iter().any(|(network, bits)| contains(*network, *bits, address));
        }
        let host = host.strip_suffix('.').unwrap_or(host);
        self.names.iter().any(|name| {
            host.strip_suffix(name.as_str()).is_some_and(|before| before.is_empty() || before.ends_with('.'))
        })
    }
}

/// Whether the first `bits` of both addresses are the same.
fn contains(network: IpAddr, bits: u8, address: IpAddr) -> bool {
    let (left, right, width) = match (network, address) {
        (IpAddr::V4(left), IpAddr::V4(right)) => (u128::from(left.to_bits()), u128::from(right.to_bits()), 32),
        (IpAddr::V6(left), IpAddr::V6(right)) => (left.to_bits(), right.to_bits(), 128),
        _ => return false,
    };
    let ignored = u32::from(width - bits.min(width));
    left.checked_shr(ignored).unwrap_or(0) == right.checked_shr(ignored).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_as_curl_does() {
        for (list, host, expected) in [
            ("", "example.test", false),
            ("*", "example.test", true),
            (" * ", "10.0.0.1", true),
            ("*,a", "example.test", false),
            ("example.test", "example.test", true),
            ("example.test", "www.example.test", true),
            ("example.test", "notexample.test", false),
            (".example.test", "example.test", true),
            (".example.test", "www.example.test", true),
            ("Example.TEST.", "example.test", true),
            ("example.test", "example.test.", true),
            ("www.example.test", "example.test", false),
            ("a.test,b.test", "b.test", true),
            ("a.test b.test", "b.test", true),
            ("a.test , b.test", "b.test", true),
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1", "10.0.0.11", false),
            ("0.0.1", "10.0.0.1", false),
            ("10.0.0.0/8", "10.255.3.4", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.0/0", "11.0.0.1", true),
            ("10.0.0.0/33", "10.0.0.0", false),
            ("192.168.1.64/26", "192.168.1.100", true),
            ("192.168.1.64/26", "192.168.1.130", false),
            ("[::1]", "::1", true),
            ("::1", "::1", true),
            ("fe80::/10", "fe80::1:2", true),
            ("fe80::/10", "fd00::1", false),
            ("::/0", "10.0.0.1", false),
            ("localhost", "127.0.0.1", false),
            (",,", "example.test", false),
            (".", "example.test", false),
        ] {
            assert_eq!(NoProxy::parse(list).matches(host), expected, "{list:?} {host:?}");
        }
    }
}
