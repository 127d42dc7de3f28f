//! Proxies: their URLs, the variables that name them, and which origin goes through which.
//!
//! The environment is read once, when a client is made, and only the documented variables, by curl's rules. It
//! makes no connection; see `tunnel.rs` and `socks.rs`.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::percent_decode_str;
use zeroize::Zeroizing;

use super::no_proxy::NoProxy;
use super::target::Origin;

/// Where the proxy is looked for.
#[derive(Debug, Clone, Default)]
pub enum ProxySetting {
    /// In `http_proxy` (lower case only: the upper case can be set by a request to a CGI program), `https_proxy`,
    /// `HTTPS_PROXY`, `all_proxy`, `ALL_PROXY`, and, for hosts without a proxy, `no_proxy`, `NO_PROXY`.
    #[default]
    Environment,
    /// There is none.
    None,
    /// This one, for all origins.
    Url(ProxyUrl),
}

/// The URL of a proxy, checked.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyUrl(Arc<Parts>);

#[derive(PartialEq, Eq)]
struct Parts {
    kind: ProxyKind,
    host: String,
    port: u16,
    user: Option<(Vec<u8>, Zeroizing<Vec<u8>>)>,
}

/// What a proxy speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProxyKind {
    /// HTTP: forwards plain requests, tunnels with CONNECT for the others.
    Http,
    /// SOCKS 4; 4a if the proxy resolves names.
    Socks4 { proxy_resolves: bool },
    /// SOCKS 5; "5h" if the proxy resolves names.
    Socks5 { proxy_resolves: bool },
}

/// curl's port for a proxy URL without one.
const DEFAULT_PORT: u16 = 1080;

impl ProxyUrl {
    /// Parses `[scheme://][user[:password]@]host[:port][/]`; the scheme is `http`, `socks4`, `socks4a`, `socks5`,
    /// `socks5h` or `socks` (the same as `socks5h`), by default `http`, the port by default 1080, both as in curl. User
    /// and password are percent-decoded.
    ///
    /// # Errors
    ///
    /// A sentence that says what is wrong; it never holds the password.
    pub fn parse(text: &str) -> Result<ProxyUrl, String> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let kind = match scheme.to_ascii_lowercase().as_str() {
            "http" => ProxyKind::Http,
            "socks4" => ProxyKind::Socks4 { proxy_resolves: false },
            "socks4a" => ProxyKind::Socks4 { proxy_resolves: true },
            "socks5" => ProxyKind::Socks5 { proxy_resolves: false },
            // What desktops write for a SOCKS proxy whose version nobody was asked for.
            "socks5h" | "socks" => ProxyKind::Socks5 { proxy_resolves: true },
            "https" => return Err("TLS to the proxy itself (https://) is not supported".to_owned()),
            other => {
                return Err(format!(
                    "unknown proxy scheme {other:?}; there are http, socks4, socks4a, socks5, socks5h and socks"
                ));
            }
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (user, address) = match rest.rsplit_once('@') {
            Some((user, address)) => (Some(user), address),
            None => (None, rest),
        };
        let (host, port) = split_address(address)?;
        let user = user.map(|user| {
            let (name, password) = user.split_once(':').unwrap_or((user, ""));
            // Room for all of it: a vector that grows leaves its old place behind as it was.
            let mut decoded = Zeroizing::new(Vec::with_capacity(password.len()));
            decoded.extend(percent_decode_str(password));
            (percent_decode_str(name).collect::<Vec<u8>>(), decoded)
        });
        check_user(kind, user.as_ref())?;
        Ok(ProxyUrl(Arc::new(Parts { kind, host: host.to_ascii_lowercase(), port, user })))
    }

    /// What it speaks.
    pub(super) fn kind(&self) -> ProxyKind {
        self.0.kind
    }

    /// Without brackets.
    pub(super) fn host(&self) -> &str {
        &self.0.host
    }

    /// Where it listens.
    pub(super) fn port(&self) -> u16 {
        self.0.port
    }

    /// User name and password.
    pub(super) fn user(&self) -> Option<(&[u8], &[u8])> {
        self.0.user.as_ref().map(|(name, password)| (name.as_slice(), password.as_slice()))
    }

    /// The value of the header that tells an HTTP proxy who we are.
    fn credentials(&self) -> Option<Zeroizing<String>> {
        let (name, password) = self.user()?;
        let plain = Zeroizing::new([name, b":", password].concat());
        let encoded = Zeroizing::new(BASE64_STANDARD.encode(plain.as_slice()));
        Some(Zeroizing::new(format!("Basic {}", encoded.as_str())))
    }

    /// The header line that tells an HTTP proxy who we are, or nothing.
    pub(super) fn authorization(&self) -> Zeroizing<String> {
        let credentials = self.credentials();
        let line = |credentials: Zeroizing<String>| format!("Proxy-Authorization: {}\r\n", credentials.as_str());
        Zeroizing::new(credentials.map_or_else(String::new, line))
    }

    /// For messages: without user and password.
    pub(super) fn redacted(&self) -> String {
        let scheme = match self.0.kind {
            ProxyKind::Http => "http",
            ProxyKind::Socks4 { proxy_resolves: false } => "socks4",
            ProxyKind::Socks4 { proxy_resolves: true } => "socks4a",
            ProxyKind::Socks5 { proxy_resolves: false } => "socks5",
            ProxyKind::Socks5 { proxy_resolves: true } => "socks5h",
        };
        let host = if self.0.host.contains(':') { format!("[{}]", self.0.host) } else { self.0.host.clone() };
        format!("{scheme}://{host}:{}", self.0.port)
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ProxyUrl").field(&self.redacted()).finish()
    }
}

/// `host[:port]`, the host of an IPv6 address in brackets.
fn split_address(address: &str) -> Result<(&str, u16), String> {
    let (host, port) = match address.strip_prefix('[') {
        Some(rest) => rest.split_once(']').ok_or("the proxy's address lacks a closing bracket")?,
        None => address.split_at(address.find(':').unwrap_or(address.len())),
    };
    if host.is_empty() {
        return Err("the proxy URL has no host".to_owned());
    }
    if !host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:%".contains(&byte)) {
        return Err("the proxy URL is more than a scheme, a user, a host and a port".to_owned());
    }
    let port = match port.strip_prefix(':') {
        Some(digits) => digits.parse().ok().filter(|port| *port != 0),
        None => port.is_empty().then_some(DEFAULT_PORT),
    };
    port.map(|port| (host, port)).ok_or_else(|| "the proxy's port is not a number from 1 to 65535".to_owned())
}

/// What the SOCKS protocols can carry.
fn check_user(kind: ProxyKind, user: Option<&(Vec<u8>, Zeroizing<Vec<u8>>)>) -> Result<(), String> {
    let Some((name, password)) = user else {
        return Ok(());
    };
    match kind {
        ProxyKind::Http if name.contains(&b':') => Err("a proxy's user name cannot have a colon".to_owned()),
        ProxyKind::Socks4 { .. } if name.contains(&0) => Err("a SOCKS 4 user name cannot have a zero byte".to_owned()),
        ProxyKind::Socks4 { .. } if !password.is_empty() => Err("SOCKS 4 knows no passwords".to_owned()),
        ProxyKind::Socks5 { .. } if name.is_empty() || name.len().max(password.len()) > 255 => {
            Err("a SOCKS 5 user name has 1 to 255 bytes, a password at most 255".to_owned())
        }
        _ => Ok(()),
    }
}

/// The proxies of a client.
#[derive(Debug)]
pub(super) struct Proxies {
    http: Way,
    https: Way,
    except: NoProxy,
}

/// The proxy for one scheme, or why what a variable says is none: of interest only to who needs it.
type Way = Result<Option<ProxyUrl>, String>;

impl Proxies {
    /// Reads the environment if the setting says so.
    pub(super) fn new(setting: &ProxySetting) -> Proxies {
        match setting {
            ProxySetting::None => Proxies { http: Ok(None), https: Ok(None), except: NoProxy::default() },
            ProxySetting::Url(url) => {
                Proxies { http: Ok(Some(url.clone())), https: Ok(Some(url.clone())), except: NoProxy::default() }
            }
            ProxySetting::Environment => {
                Self::from_variables(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
            }
        }
    }

    /// The proxies that these variables name.
    pub(super) fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Proxies {
        let first = |names: &[&'static str]| -> Way {
            let Some((name, value)) = names.iter().find_map(|name| variable(name).map(|value| (name, value))) else {
                return Ok(None);
            };
            let parsed = ProxyUrl::parse(&value).map(Some);
            parsed
                .map_err(|reason| format!("the environment variable {name} names no proxy that can be used: {reason}"))
        };
        Proxies {
            http: first(&["http_proxy", "all_proxy", "ALL_PROXY"]),
            https: first(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
            except: NoProxy::parse(&variable("no_proxy").or_else(|| variable("NO_PROXY")).unwrap_or_default()),
        }
    }

    /// What proxies are told to know us by, and may repeat.
    pub(super) fn credentials(&self) -> impl Iterator<Item = Zeroizing<String>> {
        [&self.http, &self.https].into_iter().flatten().flatten().filter_map(ProxyUrl::credentials)
    }

    /// The proxy on the way to an origin. A variable that should name it and does not is an error: going without it
    /// would send the bytes where they were not meant to go.
    pub(super) fn of(&self, origin: &Origin) -> Way {
        if self.except.matches(&origin.host) {
            return Ok(None);
        }
        if origin.secure { self.https.clone() } else { self.http.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_parsed_as_curl_does() {
        for (text, shown) in [
            ("proxy.test", "http://proxy.test:1080"),
            ("proxy.test:3128", "http://proxy.test:3128"),
            ("HTTP://Proxy.test:3128/", "http://proxy.test:3128"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("socks4a://10.0.0.1", "socks4a://10.0.0.1:1080"),
            ("socks5h://u:p%40ss@host:9", "socks5h://host:9"),
            ("socks://host:9/", "socks5h://host:9"),
        ] {
            assert_eq!(ProxyUrl::parse(text).unwrap().redacted(), shown, "{text}");
        }
        let url = ProxyUrl::parse("socks5://us%20er:p%40:ss@host").unwrap();
        assert_eq!(url.user(), Some((&b"us er"[..], &b"p@:ss"[..])));
        assert!(!format!("{url:?}").contains("ss@"));
        for text in ["", "http://", "https://proxy", "ftp://proxy", "http://h:0", "http://h:x", "http://h:70000"] {
            assert!(ProxyUrl::parse(text).is_err(), "{text}");
        }
        for text in ["http://h/path", "http://h?x", "http://[::1", "socks4://u:p@h", "socks5://:p@h", "http://a b"] {
            assert!(ProxyUrl::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn credentials_become_basic() {
        let url = ProxyUrl::parse("http://Aladdin:open%20sesame@h").unwrap();
        assert_eq!(url.authorization().as_str(), "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n");
        assert_eq!(ProxyUrl::parse("h").unwrap().authorization().as_str(), "");
    }

    #[test]
    fn variables_are_curls() {
        let of = |variables: &[(&str, &str)], secure: bool, host: &str| {
            let find = |name: &str| variables.iter().find(|(have, _)| *have == name).map(|(_, v)| v.to_string());
            let origin = Origin { secure, host: host.to_owned(), port: 1 };
            Proxies::from_variables(find).of(&origin).unwrap().map(|proxy| proxy.host().to_owned())
        };
        assert_eq!(of(&[("HTTP_PROXY", "p")], false, "h"), None);
        assert_eq!(of(&[("http_proxy", "p")], false, "h").as_deref(), Some("p"));
        assert_eq!(of(&[("http_proxy", "p")], true, "h"), None);
        assert_eq!(of(&[("HTTPS_PROXY", "p")], true, "h").as_deref(), Some("p"));
        assert_eq!(of(&[("HTTPS_PROXY", "upper"), ("https_proxy", "lower")], true, "h").as_deref(), Some("lower"));
        assert_eq!(of(&[("ALL_PROXY", "p")], false, "h").as_deref(), Some("p"));
        assert_eq!(of(&[("all_proxy", "all"), ("http_proxy", "p")], true, "h").as_deref(), Some("all"));
        assert_eq!(of(&[("all_proxy", "p"), ("NO_PROXY", "h")], true, "h"), None);
        assert_eq!(of(&[("all_proxy", "p"), ("NO_PROXY", "h"), ("no_proxy", "i")], true, "h").as_deref(), Some("p"));
    }

    #[test]
    fn a_variable_is_judged_by_who_needs_it() {
        let of = |variables: &[(&str, &str)], secure: bool, host: &str| {
            let find = |name: &str| variables.iter().find(|(have, _)| *have == name).map(|(_, v)| v.to_string());
            let origin = Origin { secure, host: host.to_owned(), port: 1 };
            Proxies::from_variables(find).of(&origin)
        };
        for value in ["gopher://x", "https://proxy", "http://u:geheim@h:0", "socks4://u:p@h"] {
            for (name, secure) in
                [("https_proxy", true), ("HTTPS_PROXY", true), ("http_proxy", false), ("ALL_PROXY", true)]
            {
                let reason = of(&[(name, value)], secure, "h").unwrap_err();
                assert!(reason.contains(&format!("variable {name} ")) && !reason.contains("geheim"), "{reason}");
                assert_eq!(of(&[(name, value), ("no_proxy", "h")], secure, "h"), Ok(None));
                if name != "ALL_PROXY" {
                    assert_eq!(of(&[(name, value)], !secure, "h"), Ok(None));
                }
            }
            // The one that counts is another.
            assert!(of(&[("all_proxy", value), ("http_proxy", "p")], false, "h").unwrap().is_some());
        }
    }
}
