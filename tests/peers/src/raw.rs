//! The smallest HTTP exchange, for looking at a server behind the library's back.
//!
//! One request on one connection, the answer read until the server closes it. No redirects, no chunked bodies, no TLS:
//! what a test wants to know of a status and a header, and nothing a client should be made of.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A server that says nothing for so long is not going to.
const SILENCE: Duration = Duration::from_secs(20);

/// What a server answered.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    headers: Vec<(String, String)>,
    /// Everything after the head, chunk sizes and all.
    pub body: Vec<u8>,
}

impl Answer {
    /// The value of a header, its name in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Sends one request to an `http://host:port/path` URL. `Host`, `Connection: close` and, with a body, `Content-Length`
/// are added to the headers.
///
/// # Errors
///
/// When the URL is not of that form, the connection breaks or the answer is no HTTP.
pub fn request(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> io::Result<Answer> {
    let (authority, path) = split(url).ok_or_else(|| invalid(format!("not a plain http URL: {url}")))?;
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n");
    if !body.is_empty() {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");

    let mut stream = TcpStream::connect(authority)?;
    stream.set_read_timeout(Some(SILENCE))?;
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    parse(&bytes).ok_or_else(|| invalid(format!("not an HTTP answer: {}", String::from_utf8_lossy(&bytes))))
}

/// The URL in a `Location` header of an answer from `endpoint`, where it may be a path only.
#[must_use]
pub fn resolve(endpoint: &str, location: &str) -> String {
    match split(endpoint) {
        Some((authority, _)) if location.starts_with('/') => format!("http://{authority}{location}"),
        _ => location.to_owned(),
    }
}

fn split(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("http://")?;
    Some(rest.find('/').map_or((rest, "/"), |at| rest.split_at(at)))
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = str::from_utf8(&bytes[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let headers = lines
        .map(|line| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned())))
        .collect::<Option<Vec<_>>>()?;
    Some(Answer { status, headers, body: bytes[end + 4..].to_vec() })
}

fn invalid(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_apart() {
        let answer = parse(b"HTTP/1.1 204 \r\ntus-version: 1.0.0\r\nX:\r\n\r\nrest").unwrap();
        assert_eq!(answer.status, 204);
        assert_eq!(answer.header("Tus-Version"), Some("1.0.0"));
        assert_eq!(answer.header("x"), Some(""));
        assert_eq!(answer.header("y"), None);
        assert_eq!(answer.body, b"rest");
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for bytes in ["", "HTTP/1.1 200 OK\r\n", "SSH-2.0\r\n\r\n", "HTTP/1.1 2é\r\n\r\n", "HTTP/1.1 200\r\nx\r\n\r\n"]
        {
            assert!(parse(bytes.as_bytes()).is_none(), "{bytes:?}");
        }
    }

    #[test]
    fn a_location_may_be_a_path() {
        assert_eq!(resolve("http://127.0.0.1:9/files", "/files/a"), "http://127.0.0.1:9/files/a");
        assert_eq!(resolve("http://127.0.0.1:9", "http://b/c"), "http://b/c");
    }
}
