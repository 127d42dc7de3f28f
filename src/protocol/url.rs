//! Absolute URLs, their origins, and how a `Location` is resolved (T-044, T-045, T-150).

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use iri_string::format::ToDedicatedString as _;
use iri_string::types::{UriAbsoluteStr, UriReferenceStr, UriStr};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use zeroize::Zeroizing;

use crate::error::BrokenRule;

/// An absolute http or https URL without userinfo and fragment, otherwise byte for byte as it was given. Clones share it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct AbsoluteUrl(Arc<Parts>);

#[derive(PartialEq, Eq, Hash)]
struct Parts {
    text: String,
    origin: Origin,
}

/// Scheme, host and port: the boundary credentials do not cross.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    /// Whether the scheme is https.
    pub secure: bool,
    /// Host in lower case; an IPv6 address keeps its brackets.
    pub host: String,
    /// The port, the scheme's default filled in.
    pub port: u16,
}

/// Userinfo found in a URL, percent-decoded.
#[derive(Clone, PartialEq, Eq)]
pub struct UserInfo {
    /// Before the colon.
    pub name: String,
    /// After it; empty if there is none.
    pub password: Zeroizing<String>,
}

/// Why a text is not a URL we can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UrlError {
    /// Not a URL at all, or a relative one.
    Malformed,
    /// No scheme, as in `host:1080/files/`.
    NoScheme,
    /// A scheme other than http and https.
    Scheme,
    /// No host.
    NoHost,
    /// The port is not a number from 1 to 65535.
    Port,
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            UrlError::Malformed => "not an absolute URL",
            UrlError::NoScheme => "it must begin with http:// or https://",
            UrlError::Scheme => "the scheme is neither http nor https",
            UrlError::NoHost => "the URL has no host",
            UrlError::Port => "the port is not a number from 1 to 65535",
        })
    }
}

impl AbsoluteUrl {
    /// Parses an absolute URL; userinfo and fragment are taken out, userinfo is handed back.
    pub fn parse(text: &str) -> Result<(AbsoluteUrl, Option<UserInfo>), UrlError> {
        let escaped = escape_illegal(text);
        // What stands before a port looks like a scheme.
        let web = ["http:", "https:"]
            .iter()
            .any(|scheme| text.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme)));
        if !web && !text.contains("://") {
            return Err(UrlError::NoScheme);
        }
        let uri = UriStr::new(&escaped).map_err(|_| UrlError::Malformed)?;
        Self::from_uri(uri)
    }

    fn from_uri(uri: &UriStr) -> Result<(AbsoluteUrl, Option<UserInfo>), UrlError> {
        let secure = match uri.scheme_str() {
            scheme if scheme.eq_ignore_ascii_case("https") => true,
            scheme if scheme.eq_ignore_ascii_case("http") => false,
            _ => return Err(UrlError::Scheme),
        };
        let authority = uri.authority_components().ok_or(UrlError::NoHost)?;
        let host = authority.host().to_ascii_lowercase();
        if host.is_empty() {
            return Err(UrlError::NoHost);
        }
        let port = match authority.port() {
            None | Some("") => default_port(secure),
            Some(port) => port.parse().ok().filter(|port| *port != 0).ok_or(UrlError::Port)?,
        };
        let user = authority.userinfo().map(|info| {
            let (name, password) = info.split_once(':').unwrap_or((info, ""));
            UserInfo { name: percent_decode(name), password: Zeroizing::new(percent_decode(password)) }
        });
        let mut shown = String::with_capacity(uri.as_str().len());
        shown.push_str(if secure { "https://" } else { "http://" });
        shown.push_str(authority.host());
        if let Some(port) = authority.port().filter(|port| !port.is_empty()) {
            shown.push(':');
            shown.push_str(port);
        }
        shown.push_str(uri.path_str());
        if let Some(query) = uri.query_str() {
            shown.push('?');
            shown.push_str(query);
        }
        Ok((AbsoluteUrl(Arc::new(Parts { text: shown, origin: Origin { secure, host, port } })), user))
    }

    /// Resolves a `Location` that came from `self` (RFC 3986 section 5, T-044). Userinfo in it is dropped: an answer
    /// does not tell us which credentials to send. https to http is refused (T-045).
    pub fn resolve(&self, location: &str) -> Result<AbsoluteUrl, BrokenRule> {
        let url = self.resolve_any(location)?;
        if self.0.origin.secure && !url.0.origin.secure {
            return Err(BrokenRule::InsecureLocation);
        }
        Ok(url)
    }

    /// The same for the `Location` of what was created at `self`, and whether it had to be read as https: a server behind
    /// a TLS proxy that was not told of it names its uploads with http. Only the scheme may be wrong.
    pub fn resolve_location(&self, location: &str) -> Result<(AbsoluteUrl, bool), BrokenRule> {
        let url = self.resolve_any(location)?;
        if !self.0.origin.secure || url.0.origin.secure {
            return Ok((url, false));
        }
        let secured = url.secured(&self.0.origin).ok_or(BrokenRule::InsecureLocation)?;
        Ok((secured, true))
    }

    /// The URL, which is one of http, at `origin`, which is one of https, if both have the same host and port.
    fn secured(&self, origin: &Origin) -> Option<AbsoluteUrl> {
        let own = &self.0.origin;
        let defaults = own.port == default_port(false) && origin.port == default_port(true);
        if own.host != origin.host || !(own.port == origin.port || defaults) {
            return None;
        }
        let authority = self.0.text.find("://").map_or(0, |at| at + 3);
        let path = self.0.text[authority..].find(['/', '?']).map_or("", |at| &self.0.text[authority + at..]);
        Some(AbsoluteUrl(Arc::new(Parts { text: format!("{origin}{path}"), origin: origin.clone() })))
    }

    /// The same wherever it leads: to be told, not to be followed.
    pub(super) fn resolve_any(&self, location: &str) -> Result<AbsoluteUrl, BrokenRule> {
        let location = location.trim_matches([' ', '\t']);
        if location.is_empty() || location.contains(char::REPLACEMENT_CHARACTER) {
            return Err(BrokenRule::BadLocation);
        }
        let escaped = escape_illegal(location);
        let url = match UriStr::new(&escaped) {
            // Most are absolute: nothing is left to be resolved but dot segments.
            Ok(uri) if !uri.path_str().contains("/.") => Self::from_uri(uri),
            _ => {
                let reference = UriReferenceStr::new(&escaped).map_err(|_| BrokenRule::BadLocation)?;
                let base = UriAbsoluteStr::new(&self.0.text).map_err(|_| BrokenRule::BadLocation)?;
                Self::from_uri(reference.resolve_against(base).to_dedicated_string().as_ref())
            }
        };
        url.map(|(url, _)| url).map_err(|_| BrokenRule::BadLocation)
    }

    /// The URL as text.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// Path and query: the URL as seen from its own origin.
    pub fn path_and_query(&self) -> &str {
        let authority = self.0.text.find("://").map_or(0, |at| at + 3);
        match self.0.text[authority..].find(['/', '?']) {
            Some(at) => &self.0.text[authority + at..],
            None => "/",
        }
    }

    /// The URL without its query.
    pub fn without_query(&self) -> &str {
        self.0.text.split('?').next().unwrap_or_default()
    }

    /// Its scheme, host and port.
    pub fn origin(&self) -> &Origin {
        &self.0.origin
    }

    /// The URL with its query hidden, for messages and logs: queries carry signatures and tokens.
    pub fn redacted(&self) -> String {
        match self.0.text.split_once('?') {
            Some((path, _)) => format!("{path}?..."),
            None => self.0.text.clone(),
        }
    }

    /// The same of an upload, with the last part of its path hidden too: some servers let whoever knows it write to the
    /// upload.
    pub fn redacted_upload(&self) -> String {
        let whole = self.redacted();
        let (path, query) = whole.split_at(whole.find('?').unwrap_or(whole.len()));
        let begin = path.find("://").map_or(0, |at| at + 3);
        match path.trim_end_matches('/').rfind('/').filter(|at| *at >= begin) {
            Some(at) => format!("{}/...{query}", &path[..at]),
            None => whole,
        }
    }

    /// The last part of the path: the upload's id with most servers.
    pub fn last_segment(&self) -> &str {
        let path = self.path_and_query().split('?').next().unwrap_or_default();
        path.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
    }

    /// The query, if there is one.
    pub fn query(&self) -> Option<&str> {
        self.0.text.split_once('?').map(|(_, query)| query)
    }
}

impl fmt::Display for AbsoluteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl fmt::Debug for AbsoluteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.redacted_upload())
    }
}

impl fmt::Debug for UserInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserInfo(...)")
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.host)?;
        if self.port != default_port(self.secure) {
            write!(f, ":{}", self.port)?;
        }
        Ok(())
    }
}

fn default_port(secure: bool) -> u16 {
    if secure { 443 } else { 80 }
}

/// What may not stand in a URL but is often sent in one: escaped, so that `Location: /files/my file` still works.
/// Control characters stay as they are and make the URL malformed.
const ILLEGAL: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}')
    .add(b'[')
    .add(b']');

fn escape_illegal(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_control()) {
        return text.into();
    }
    // Brackets belong to an IPv6 host and nowhere else; a host with anything illegal in it is not one.
    let begin = match text.find("//") {
        Some(at) if at == 0 || text[..at].ends_with(':') => at + 2,
        _ => 0,
    };
    let end = if begin == 0 { 0 } else { text[begin..].find(['/', '?', '#']).map_or(text.len(), |at| begin + at) };
    let (authority, rest) = text.split_at(end);
    match Cow::from(utf8_percent_encode(rest, ILLEGAL)) {
        Cow::Borrowed(_) => text.into(),
        Cow::Owned(rest) => [authority, &rest].concat().into(),
    }
}

fn percent_decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> AbsoluteUrl {
        AbsoluteUrl::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).0
    }

    #[test]
    fn an_absolute_location_is_what_resolving_makes_of_it() {
        let base = url("https://h/files/");
        for location in [
            "https://h/x",
            "HTTP://U@H:80/a//b;c?q=/../x#f",
            "https://h",
            "https://h?q",
            "https:/x",
            "https:x",
            "ftp://h/x",
            "https://h/a/./b",
            "https://h/a/../b",
            "https://h/.a",
            "https://h/a b",
            "https://[::1]/x",
            "mailto:x",
            "1:x",
        ] {
            let escaped = escape_illegal(location);
            let slow = UriReferenceStr::new(&escaped).ok().and_then(|reference| {
                let base = UriAbsoluteStr::new(base.as_str()).unwrap();
                AbsoluteUrl::from_uri(reference.resolve_against(base).to_dedicated_string().as_ref()).ok()
            });
            let slow = slow.map(|(url, _)| url).filter(|url| url.origin().secure);
            assert_eq!(base.resolve(location).ok(), slow, "{location}");
        }
    }

    #[test]
    fn keeps_what_was_given() {
        for text in [
            "http://h/files/",
            "http://h/files",
            "https://h:8443/a//b/../c;x=1?sig=a%2Fb%2f+&x",
            "http://[::1]:1080/f",
            "http://h",
            "http://h:80/%7Ea",
        ] {
            assert_eq!(url(text).as_str(), text);
        }
        assert_eq!(url("HTTP://h/f#part").as_str(), "http://h/f");
    }

    #[test]
    fn userinfo_is_taken_out() {
        let (url, user) = AbsoluteUrl::parse("http://al:p%40ss:x@h/f").unwrap();
        assert_eq!(url.as_str(), "http://h/f");
        assert_eq!(user, Some(UserInfo { name: "al".into(), password: "p@ss:x".to_owned().into() }));
    }

    #[test]
    fn refuses_what_is_no_url() {
        for (text, why) in [
            ("", UrlError::NoScheme),
            ("files/", UrlError::NoScheme),
            ("//h/files", UrlError::NoScheme),
            ("localhost:1080/files/", UrlError::NoScheme),
            ("127.0.0.1:1080/files/", UrlError::NoScheme),
            ("[::1]:1080/files/", UrlError::NoScheme),
            ("example.com/files/", UrlError::NoScheme),
            ("al:secret@example.com/files/", UrlError::NoScheme),
            ("http:///x", UrlError::NoHost),
            ("http:x", UrlError::NoHost),
            ("ftp://h/", UrlError::Scheme),
            ("javascript:alert(1)", UrlError::NoScheme),
            ("http://h:0/", UrlError::Port),
            ("http://h:99999/", UrlError::Port),
            ("http://h/a\r\nX: y", UrlError::Malformed),
            ("http://ho st/", UrlError::Malformed),
            ("http://schlüssel/", UrlError::Malformed),
            ("http://h/%zz", UrlError::Malformed),
        ] {
            assert_eq!(AbsoluteUrl::parse(text).map(|(url, _)| url), Err(why), "{text:?}");
        }
    }

    #[test]
    fn the_id_of_an_upload_is_hidden_with_its_query() {
        for (text, shown, id) in [
            ("http://h:1/files/24e5?sig=a/b", "http://h:1/files/...?...", "24e5"),
            ("https://h/a/b/c", "https://h/a/b/...", "c"),
            ("https://h/a/b/", "https://h/a/...", "b"),
            ("https://h/a", "https://h/...", "a"),
            ("https://h/", "https://h/", ""),
            ("https://h", "https://h", ""),
            ("https://h?id=1", "https://h?...", ""),
        ] {
            assert_eq!((url(text).redacted_upload().as_str(), url(text).last_segment()), (shown, id), "{text}");
        }
    }

    #[test]
    fn origins_compare_with_default_ports() {
        assert_eq!(url("http://H/a").origin(), url("http://h:80/b").origin());
        assert_ne!(url("http://h/").origin(), url("https://h/").origin());
        assert_ne!(url("http://h/").origin(), url("http://h:81/").origin());
        assert_eq!(url("https://h:443/").origin().to_string(), "https://h");
    }

    #[test]
    fn locations_resolve_as_rfc_3986_says() {
        for (base, location, expected) in [
            ("http://h:1/files/", "http://h:1/files/abc", "http://h:1/files/abc"),
            ("http://h:1/files/", "/f/1", "http://h:1/f/1"),
            ("http://h:1/files/", "1", "http://h:1/files/1"),
            ("http://h:1/files", "1", "http://h:1/1"),
            ("http://h:1/files/", "../1", "http://h:1/1"),
            ("http://h:1/files/", "../../../1", "http://h:1/1"),
            ("http://h:1/files/", "?id=1", "http://h:1/files/?id=1"),
            ("http://h:1/files/?old=1", "?id=1", "http://h:1/files/?id=1"),
            ("http://h:1/files/", "//h:2/f/1", "http://h:2/f/1"),
            ("http://h:1/files/", "/f/1#frag", "http://h:1/f/1"),
            ("http://h:1/files/", "  /f/1\t", "http://h:1/f/1"),
            ("http://h:1/files/", "/f/a%2Fb?x=%20", "http://h:1/f/a%2Fb?x=%20"),
            ("http://h:1/files/", "/f/my file", "http://h:1/f/my%20file"),
            ("http://h:1/files/", "http://u:p@h:1/f", "http://h:1/f"),
            ("http://h", "x", "http://h/x"),
            ("http://[::1]:1/f", "//[::1]:2/a[1]?x[]=2", "http://[::1]:2/a%5B1%5D?x%5B%5D=2"),
            ("http://h/f", "/f/a[1]?x[]=2", "http://h/f/a%5B1%5D?x%5B%5D=2"),
            ("http://h/f", "/x//y[z]", "http://h/x//y%5Bz%5D"),
        ] {
            assert_eq!(url(base).resolve(location).unwrap().as_str(), expected, "{base} + {location}");
        }
    }

    #[test]
    fn a_location_of_the_same_authority_is_read_as_https() {
        for (base, location, expected) in [
            ("https://h/files/", "http://h/files/1", Some("https://h/files/1")),
            ("https://h/files/", "http://H:80/files/1?x=a%2Fb", Some("https://h/files/1?x=a%2Fb")),
            ("https://h:443/files/", "http://h", Some("https://h")),
            ("https://h/files/", "http://h:443/1", Some("https://h/1")),
            ("https://h:8443/files/", "http://h:8443?q", Some("https://h:8443?q")),
            ("https://[::1]:8443/f", "http://[::1]:8443/1", Some("https://[::1]:8443/1")),
            ("https://h:8443/files/", "http://h/1", None),
            ("https://h/files/", "http://h:8080/1", None),
            ("https://h/files/", "http://other/1", None),
            ("https://h:80/files/", "http://h/1", Some("https://h:80/1")),
        ] {
            let expected = expected.map(|text| (url(text), true)).ok_or(BrokenRule::InsecureLocation);
            assert_eq!(url(base).resolve_location(location), expected, "{base} + {location}");
            assert_eq!(url(base).resolve(location), Err(BrokenRule::InsecureLocation), "a redirect is refused");
        }
        for (base, location) in [("http://h/f", "https://h/1"), ("http://h/f", "/1"), ("https://h/f", "/1")] {
            assert_eq!(url(base).resolve_location(location), url(base).resolve(location).map(|url| (url, false)));
        }
    }

    #[test]
    fn bad_locations_are_refused() {
        for location in ["", "   ", "file:///etc/passwd", "javascript:x", "ftp://h/f", "http://", "http://h:x/"] {
            assert_eq!(url("http://h/f").resolve(location), Err(BrokenRule::BadLocation), "{location:?}");
        }
        assert_eq!(url("https://h/f").resolve("http://h/f/1"), Err(BrokenRule::InsecureLocation));
        assert!(url("http://h/f").resolve("https://h/f/1").is_ok());
    }
}
