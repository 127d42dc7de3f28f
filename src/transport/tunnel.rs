//! An HTTP proxy: CONNECT for https, and the absolute form for http.
//!
//! ureq knows CONNECT only, for http targets too, which many proxies refuse for any port but 443; and it makes the
//! proxied socket by itself, out of reach of our cancel and clocks.

use zeroize::Zeroizing;

use super::BreakKind;
use super::context::Context;
use super::dialogue::Dialogue;
use super::failure::Failure;
use super::proxy::{ProxyKind, ProxyUrl};
use super::sniff::parse_fields;
use super::target::Target;
use super::wait::Until;
use crate::protocol::answer::Answer;
use crate::sys::socket::Socket;

/// The most bytes of answers to CONNECT accepted, interim ones included.
const MAX_ANSWER: usize = 16 * 1024;

/// Asks the proxy for a tunnel to the target.
pub(super) fn open(context: &Context, socket: &Socket, proxy: &ProxyUrl, until: Until) -> Result<(), Failure> {
    let dialogue = Dialogue { context, socket, until };
    let target = context.target.origin.host_and_port();
    let authorization = proxy.authorization();
    let authorization = authorization.as_str();
    let head = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{authorization}\r\n");
    dialogue.send(Zeroizing::new(head).as_bytes())?;
    let mut left = MAX_ANSWER;
    loop {
        let answer = read_answer(&dialogue, &mut left)?;
        let (kind, reason) = match answer.status {
            100..=199 => continue,
            200..=299 => return Ok(()),
            407 => {
                (BreakKind::ProxyRefused, "it asks for (other) credentials, which belong into its URL (407)".to_owned())
            }
            // It cannot now.
            status @ 500.. => (BreakKind::Connect, format!("it could not make the tunnel ({status})")),
            status => (BreakKind::ProxyRefused, format!("it refused the tunnel ({status})")),
        };
        return Err(Failure { answer: Some(Box::new(answer)), ..Failure::because(kind, reason) });
    }
}

/// Reads one head, byte by byte: what follows it is TLS. `left` is how many bytes all of them together may have.
fn read_answer(dialogue: &Dialogue<'_>, left: &mut usize) -> Result<Answer, Failure> {
    let not_http = |reason| Failure::because(BreakKind::NotHttp, reason);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && !head.ends_with(b"\n\n") {
        *left = left.checked_sub(1).ok_or_else(|| not_http("its answer is too long"))?;
        head.extend(dialogue.receive::<1>()?);
    }
    let digits = match head.as_slice() {
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', _, b' ', a, b, c, b' ' | b'\r' | b'\n', ..] => [*a, *b, *c],
        _ => [0; 3],
    };
    let status = std::str::from_utf8(&digits).ok().and_then(|digits| digits.parse().ok());
    let status = status.filter(|status| *status >= 100).ok_or_else(|| not_http("its answer is not HTTP/1.x"))?;
    // Fields that cannot be read do not change what the status says.
    Ok(Answer::new(status, parse_fields(&head).unwrap_or_default(), Vec::new()))
}

impl Target {
    /// The proxy that reads requests and forwards them, and does not just pass them through a tunnel.
    pub(super) fn forwarder(&self) -> Option<&ProxyUrl> {
        self.proxy.as_ref().filter(|proxy| proxy.kind() == ProxyKind::Http && !self.origin.secure)
    }

    /// How many bytes [`Target::finish_head`] adds to a head at most.
    pub(super) fn head_added(&self) -> usize {
        self.forwarder().map_or(0, |proxy| self.origin.host.len() + 32 + proxy.authorization().len())
    }

    /// Makes a finished request head fit for the way it goes: for an HTTP proxy that forwards it, the absolute form
    /// of the target and the proxy's credentials. ureq writes the origin form only.
    pub(super) fn finish_head(&self, head: &mut Vec<u8>) {
        let Some(proxy) = self.forwarder() else { return };
        let after_method = head.iter().position(|byte| *byte == b' ').map_or(0, |blank| blank + 1);
        let mut prefix = format!("http://{}", self.origin.host_and_port());
        if self.origin.port == 80 {
            prefix.truncate(prefix.len() - ":80".len());
        }
        head.splice(after_method..after_method, prefix.into_bytes());
        let end = head.len() - "\r\n".len();
        head.splice(end..end, proxy.authorization().bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::super::target::Origin;
    use super::*;

    fn finished(proxy: &str, secure: bool, host: &str, port: u16) -> String {
        let origin = Origin { secure, host: host.to_owned(), port };
        let target = Target { origin, proxy: Some(ProxyUrl::parse(proxy).unwrap()), identify: true, outward: false };
        let mut head = b"PATCH /a?b HTTP/1.1\r\nhost: h\r\n\r\n".to_vec();
        let (before, added) = (head.len(), target.head_added());
        target.finish_head(&mut head);
        assert!(head.len() <= before + added);
        String::from_utf8(head).unwrap()
    }

    #[test]
    fn forwarded_requests_have_the_absolute_form() {
        assert_eq!(
            finished("http://u:p@proxy", false, "h", 81),
            "PATCH http://h:81/a?b HTTP/1.1\r\nhost: h\r\nProxy-Authorization: Basic dTpw\r\n\r\n"
        );
        assert_eq!(finished("proxy", false, "::1", 80), "PATCH http://[::1]/a?b HTTP/1.1\r\nhost: h\r\n\r\n");
    }

    #[test]
    fn credentials_for_the_proxy_never_reach_the_origin() {
        let untouched = "PATCH /a?b HTTP/1.1\r\nhost: h\r\n\r\n";
        assert_eq!(finished("http://u:p@proxy", true, "h", 443), untouched);
        assert_eq!(finished("socks5://u:p@proxy", false, "h", 80), untouched);
    }
}
