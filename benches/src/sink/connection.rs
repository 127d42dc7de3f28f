//! One connection: requests in, answers out, until the client goes.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::body::Taker;
use super::request::Request;
use super::uploads::Uploads;
use super::{ENDPOINT, HOLDING};
use crate::data::SMALL;
use crate::options::SinkMode;

const HEAD: usize = 16 << 10;
/// How often a held connection is looked at.
const HOLD_LOOK: Duration = Duration::from_millis(50);

/// A connection and what was read ahead of it.
pub(super) struct Connection {
    stream: TcpStream,
    taker: Taker,
    authority: String,
    uploads: Arc<Uploads>,
    read: Vec<u8>,
}

/// What to do about a request, decided by its head.
enum Plan {
    /// Count the body for this upload, then answer.
    Receive { upload: usize, created: Option<&'static str> },
    /// Take nothing until the client gives up.
    Hold,
    /// Answer.
    Answer(String),
    /// Answer and close: the body is not wanted.
    Refuse(&'static str),
}

impl Connection {
    pub(super) fn new(stream: TcpStream, mode: SinkMode, authority: String, uploads: Arc<Uploads>) -> Self {
        Self { stream, taker: Taker::new(mode), authority, uploads, read: Vec::with_capacity(HEAD) }
    }

    /// Answers requests until one of the two sides closes.
    pub(super) fn serve(&mut self) -> io::Result<()> {
        while let Some(length) = self.read_head()? {
            let head = String::from_utf8_lossy(&self.read[..length]).into_owned();
            self.read.drain(..length);
            let request = Request::parse(&head);
            let close = request.close;
            let answer = match self.plan(&request) {
                Plan::Receive { upload, created } => {
                    self.receive(upload, request.content_length)?;
                    self.progress(upload, created)
                }
                Plan::Answer(answer) => answer,
                Plan::Hold => return self.hold(),
                Plan::Refuse(status) => {
                    return self.stream.write_all(answer(status, "Connection: close\r\n", "").as_bytes());
                }
            };
            self.stream.write_all(answer.as_bytes())?;
            if close {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Reads until a head is complete; returns its length with the empty line, or `None` at the end.
    fn read_head(&mut self) -> io::Result<Option<usize>> {
        loop {
            if let Some(at) = self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                return Ok(Some(at + 4));
            }
            let known = self.read.len();
            if known >= HEAD {
                return Err(io::ErrorKind::InvalidData.into());
            }
            self.read.resize(HEAD, 0);
            let got = self.stream.read(&mut self.read[known..]);
            self.read.truncate(known + *got.as_ref().unwrap_or(&0));
            if got? == 0 {
                return Ok(None);
            }
        }
    }

    fn plan(&self, request: &Request<'_>) -> Plan {
        let held = request.path.starts_with(HOLDING);
        let endpoint = if held { HOLDING } else { ENDPOINT };
        let upload = || request.path.strip_prefix(endpoint)?.parse::<usize>().ok();
        match request.method {
            _ if request.strange => Plan::Refuse("400 Bad Request"),
            "OPTIONS" => Plan::Answer(answer("204 No Content", CAPABILITIES, "")),
            "GET" if request.path == "/received" => {
                let (bytes, uploads) = self.uploads.received();
                Plan::Answer(answer("200 OK", "", &format!("{bytes} {uploads}")))
            }
            "POST" if request.path == endpoint => match request.upload_length {
                Some(length) if request.content_length <= length => {
                    Plan::Receive { upload: self.uploads.create(length), created: Some(endpoint) }
                }
                _ => Plan::Refuse("400 Bad Request"),
            },
            "PATCH" if held && request.content_length > SMALL => Plan::Hold,
            "HEAD" => upload().map_or(Plan::Refuse("404 Not Found"), |upload| Plan::Answer(self.state(upload))),
            "PATCH" => upload().map_or(Plan::Refuse("404 Not Found"), |upload| self.plan_patch(upload, request)),
            _ => Plan::Refuse("405 Method Not Allowed"),
        }
    }

    fn plan_patch(&self, upload: usize, request: &Request<'_>) -> Plan {
        match self.uploads.get(upload) {
            None => Plan::Refuse("404 Not Found"),
            Some(state) if request.upload_offset != Some(state.offset) => Plan::Refuse("409 Conflict"),
            Some(state) if request.content_length > state.length - state.offset => {
                Plan::Refuse("413 Content Too Large")
            }
            Some(_) => Plan::Receive { upload, created: None },
        }
    }

    /// Takes a body, first what was read ahead of it.
    fn receive(&mut self, upload: usize, length: u64) -> io::Result<()> {
        let ahead = usize::try_from(length).map_or(self.read.len(), |length| length.min(self.read.len()));
        self.read.drain(..ahead);
        self.uploads.advance(upload, ahead as u64);
        let mut left = length - ahead as u64;
        while left > 0 {
            let taken = self.taker.take(&mut self.stream, left)?;
            if taken == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.uploads.advance(upload, taken);
            left -= taken;
        }
        Ok(())
    }

    /// Waits for the client to give up: a connection that is aborted with bytes unread is reset.
    fn hold(&self) -> io::Result<()> {
        while self.stream.take_error()?.is_none() {
            thread::sleep(HOLD_LOOK);
        }
        Ok(())
    }

    /// The answer to bytes received.
    fn progress(&self, upload: usize, created: Option<&str>) -> String {
        let offset = self.uploads.get(upload).map_or(0, |state| state.offset);
        if let Some(endpoint) = created {
            let location = format!("http://{}{endpoint}{upload}", self.authority);
            let headers = format!("Location: {location}\r\nUpload-Offset: {offset}\r\n");
            return answer("201 Created", &headers, "");
        }
        answer("204 No Content", &format!("Upload-Offset: {offset}\r\n"), "")
    }

    /// The answer to HEAD.
    fn state(&self, upload: usize) -> String {
        let Some(state) = self.uploads.get(upload) else { return answer("404 Not Found", "", "") };
        let headers = format!(
            "Upload-Offset: {}\r\nUpload-Length: {}\r\nCache-Control: no-store\r\n",
            state.offset, state.length
        );
        answer("200 OK", &headers, "")
    }
}

const CAPABILITIES: &str = "Tus-Version: 1.0.0\r\nTus-Extension: creation,creation-with-upload\r\n";

fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = match status {
        "204 No Content" => String::new(),
        _ => format!("Content-Length: {}\r\n", body.len()),
    };
    format!("HTTP/1.1 {status}\r\nTus-Resumable: 1.0.0\r\n{headers}{length}\r\n{body}")
}
