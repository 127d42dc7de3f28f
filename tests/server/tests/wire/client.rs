//! A client that can say anything: it sends bytes and splits answers, and knows no tus.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use tus_test_server::{Options, Server};

/// Longest wait for anything that is to come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// An answer taken apart.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    pub(crate) status: u32,
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let same = |(n, _): &&(String, String)| n.eq_ignore_ascii_case(name);
        self.headers.iter().filter(same).map(|(_, v)| v.as_str()).collect()
    }

    /// `Upload-Offset` as a number.
    #[track_caller]
    pub(crate) fn offset(&self) -> u64 {
        let text = self.header("Upload-Offset");
        text.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no offset in {self:?}"))
    }

    /// The id at the end of `Location`.
    #[track_caller]
    pub(crate) fn id(&self) -> String {
        let location = self.header("Location").unwrap_or_else(|| panic!("no Location in {self:?}"));
        location.rsplit(['/', '=']).next().unwrap_or_default().to_owned()
    }
}

/// A server with the default options.
pub(crate) fn server() -> Server {
    start(Options::checked())
}

pub(crate) fn start(options: Options) -> Server {
    Server::start(options).unwrap()
}

/// One connection.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    waiting: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(server: &Server) -> Self {
        let stream = TcpStream::connect(server.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream, waiting: Vec::new() }
    }

    /// Sends bytes; an error is the test's to notice in the answer.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).is_ok()
    }

    /// Sends a request with all it needs but what `fields` says, and reads the answer.
    #[track_caller]
    pub(crate) fn ask(&mut self, method: &str, target: &str, fields: &str, body: &[u8]) -> Answer {
        self.send(request(method, target, fields, body));
        self.answer(method).unwrap_or_else(|| panic!("no answer to {method} {target}"))
    }

    /// The next answer, interims included; None if the connection ended before it was whole.
    pub(crate) fn answer(&mut self, method: &str) -> Option<Answer> {
        let head = self.until(b"\r\n\r\n")?;
        let text = String::from_utf8_lossy(&head).into_owned();
        let mut lines = text.trim_end_matches("\r\n").split("\r\n");
        let line = lines.next()?.to_owned();
        let split = |l: &str| l.split_once(": ").map(|(n, v)| (n.to_owned(), v.to_owned()));
        let mut answer = Answer {
            status: line.split(' ').nth(1)?.parse().ok()?,
            line,
            headers: lines.filter_map(split).collect(),
            body: Vec::new(),
        };
        let bodiless = method == "HEAD" || answer.status < 200 || [204, 304].contains(&answer.status);
        if bodiless {
            return Some(answer);
        }
        answer.body = match answer.header("Content-Length") {
            Some(length) => self.exactly(length.parse().ok()?)?,
            None if answer.header("Transfer-Encoding").is_some() => self.until(b"0\r\n\r\n")?,
            None => self.rest(),
        };
        Some(answer)
    }

    /// Everything until the connection ends; a reset is an end too.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        while self.fill() {}
        std::mem::take(&mut self.waiting)
    }

    /// Asserts that the connection ends in good order.
    #[track_caller]
    pub(crate) fn ends(&mut self) {
        self.ends_as(Some("FIN"));
    }

    /// Asserts how the connection ends (`FIN`, `RST`, `byte`), or that it stays open.
    #[track_caller]
    pub(crate) fn ends_as(&mut self, expected: Option<&str>) {
        let patience = if expected.is_some() { PATIENCE } else { Duration::from_millis(200) };
        self.stream.set_read_timeout(Some(patience)).unwrap();
        let end = match self.stream.read(&mut [0]) {
            Ok(0) => Some("FIN"),
            Ok(_) => Some("byte"),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => Some("RST"),
            Err(_) => None,
        };
        self.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        assert_eq!(end, expected);
    }

    fn until(&mut self, end: &[u8]) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = self.waiting.windows(end.len()).position(|w| w == end) {
                return Some(self.waiting.drain(..at + end.len()).collect());
            }
            if !self.fill() {
                return None;
            }
        }
    }

    fn exactly(&mut self, length: usize) -> Option<Vec<u8>> {
        while self.waiting.len() < length {
            if !self.fill() {
                return None;
            }
        }
        Some(self.waiting.drain(..length).collect())
    }

    fn fill(&mut self) -> bool {
        let mut piece = [0; 4096];
        match self.stream.read(&mut piece) {
            Ok(n) if n > 0 => {
                self.waiting.extend_from_slice(&piece[..n]);
                true
            }
            _ => false,
        }
    }
}

/// A request; `fields` is header lines, each with its line end. Host is always there,
/// Tus-Resumable and Content-Length where they belong unless `fields` names them.
pub(crate) fn request(method: &str, target: &str, fields: &str, body: &[u8]) -> Vec<u8> {
    let mut text = format!("{method} {target} HTTP/1.1\r\nHost: h\r\n");
    if method != "OPTIONS" && !fields.contains("Tus-Resumable") {
        text.push_str("Tus-Resumable: 1.0.0\r\n");
    }
    let framed = fields.contains("Content-Length") || fields.contains("Transfer-Encoding");
    if !framed && (!body.is_empty() || ["POST", "PATCH"].contains(&method)) {
        text.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    text.push_str(fields);
    text.push_str("\r\n");
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// The fields of a PATCH at an offset.
pub(crate) fn at(offset: u64) -> String {
    format!("Upload-Offset: {offset}\r\n{OFFSET_TYPE}")
}

/// The media type of upload bytes.
pub(crate) const OFFSET_TYPE: &str = "Content-Type: application/offset+octet-stream\r\n";

/// Creates an upload and returns its target and id.
#[track_caller]
pub(crate) fn create(client: &mut Client, length: u64) -> (String, String) {
    let answer = client.ask("POST", "/files/", &format!("Upload-Length: {length}\r\n"), b"");
    assert_eq!(answer.status, 201, "{answer:?}");
    let id = answer.id();
    (format!("/files/{id}"), id)
}

/// The rules that were broken, as `T-001 T-020`.
pub(crate) fn broken(server: &Server) -> String {
    let violations = server.violations();
    let rules: Vec<_> = violations.iter().map(|v| v.rule).collect();
    rules.join(" ")
}
