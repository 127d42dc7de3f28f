//! The body of a request, read piece by piece, ending where the client or the script says.
//!
//! Undoes chunk framing and collects trailers; never holds more than one piece. Interim answers
//! that a rule places inside the body go out from here.

use crate::control::Control;
use crate::fault::{At, AtStop, BodyStop, Fault, Interim};
use crate::head::{Framing, Head};
use crate::link::{Found, Link};
use crate::log::Log;
use crate::response::reason_of;
use crate::throttle::Throttle;

/// Longest chunk-size or trailer line.
const LINE_LIMIT: usize = 8 * 1024;

/// What the next read brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// So many bytes.
    Data(usize),
    /// As much as the server is to take.
    End,
    /// The connection or the script ended it early.
    Cut,
    /// Not HTTP.
    Malformed(String),
}

/// How far the reading came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// There is more to read.
    Open,
    /// Everything was read.
    Complete,
    /// The script stopped it; more may come.
    Stopped(AtStop),
    /// The peer or the server went away, or sent something else than HTTP.
    Broken,
}

/// Where a chunked body stands.
enum Left {
    Bytes(u64),
    ChunkSize,
    ChunkBytes(u64),
    ChunkEnd,
    Trailers,
}

/// What a body needs to know about its surroundings.
pub(crate) struct Surroundings<'s> {
    pub(crate) control: &'s Control,
    pub(crate) log: &'s Log,
    /// The request's place in the log.
    pub(crate) number: usize,
    pub(crate) throttle: Option<u64>,
}

/// A request body.
pub(crate) struct Body<'s> {
    link: &'s mut Link,
    around: Surroundings<'s>,
    left: Left,
    pub(crate) progress: Progress,
    pub(crate) trailers: Vec<(String, String)>,
    content: u64,
    wire: u64,
    stop: Option<BodyStop>,
    interims: Vec<Interim>,
    throttle: Option<Throttle>,
    /// A 100 that goes out when the body is first asked for.
    owes_continue: bool,
}

impl<'s> Body<'s> {
    pub(crate) fn new(
        link: &'s mut Link,
        head: &Head,
        framing: Framing,
        fault: &Fault,
        around: Surroundings<'s>,
    ) -> Self {
        let expects = head.lists("Expect", "100-continue") && framing != Framing::Nothing;
        let inside = |i: &&Interim| matches!(i.at, At::Body(_));
        let mut body = Self {
            link,
            left: match framing {
                Framing::Nothing => Left::Bytes(0),
                Framing::Length(length) => Left::Bytes(length),
                Framing::Chunked => Left::ChunkSize,
            },
            progress: Progress::Open,
            trailers: Vec::new(),
            content: 0,
            wire: head.wire_len,
            stop: fault.stop,
            interims: fault.interims.iter().filter(inside).cloned().collect(),
            throttle: around.throttle.map(Throttle::new),
            around,
            owes_continue: expects && !fault.no_continue,
        };
        body.settle();
        body
    }

    /// Whether the client waits for a 100 that never went out.
    pub(crate) fn owes_continue(&self) -> bool {
        self.owes_continue
    }

    /// Bytes still announced, if that is known.
    pub(crate) fn announced(&self) -> Option<u64> {
        match self.left {
            Left::Bytes(left) => Some(left),
            _ => None,
        }
    }

    /// Reads the next piece into `buf`.
    pub(crate) fn next(&mut self, buf: &mut [u8]) -> Piece {
        loop {
            match self.progress {
                Progress::Open => {}
                Progress::Complete => return Piece::End,
                Progress::Stopped(AtStop::Cut(_)) | Progress::Broken => return Piece::Cut,
                Progress::Stopped(AtStop::Drop | AtStop::Answer) => return Piece::End,
            }
            if std::mem::take(&mut self.owes_continue) && self.link.write(b"HTTP/1.1 100 Continue\r\n\r\n").is_err() {
                return self.broken();
            }
            self.send_interims();
            match self.step(buf) {
                Ok(0) => {}
                Ok(n) => {
                    self.around.log.body(self.around.number, &buf[..n]);
                    return Piece::Data(n);
                }
                Err(piece) => return piece,
            }
        }
    }

    /// Reads and drops what the client still sends of this body; false if that is not possible.
    pub(crate) fn drop_rest(&mut self) -> bool {
        if matches!(self.progress, Progress::Stopped(AtStop::Drop)) {
            self.stop = None;
            self.progress = Progress::Open;
            self.settle();
        }
        let mut bin = vec![0; 64 * 1024];
        loop {
            match self.next(&mut bin) {
                Piece::Data(_) => {}
                Piece::End => return self.progress == Progress::Complete,
                Piece::Cut | Piece::Malformed(_) => return false,
            }
        }
    }

    /// One read of content or one line of framing; the number of content bytes read.
    fn step(&mut self, buf: &mut [u8]) -> Result<usize, Piece> {
        match self.left {
            Left::Bytes(left) => {
                let n = self.read_content(buf, left)?;
                self.left = Left::Bytes(left - n as u64);
                self.settle();
                Ok(n)
            }
            Left::ChunkBytes(left) => {
                let n = self.read_content(buf, left)?;
                self.left = match left - n as u64 {
                    0 => Left::ChunkEnd,
                    left => Left::ChunkBytes(left),
                };
                self.settle();
                Ok(n)
            }
            Left::ChunkSize => {
                let line = self.read_line()?;
                let digits = line.split(';').next().unwrap_or_default().trim_end();
                let hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
                let size = u64::from_str_radix(digits, 16).ok().filter(|_| hex);
                self.left = match size {
                    Some(0) => Left::Trailers,
                    Some(size) => Left::ChunkBytes(size),
                    None => return Err(self.malformed(format!("chunk size {line:?}"))),
                };
                self.settle();
                Ok(0)
            }
            Left::ChunkEnd => {
                let line = self.read_line()?;
                if !line.is_empty() {
                    return Err(self.malformed(format!("{line:?} behind a chunk")));
                }
                self.left = Left::ChunkSize;
                self.settle();
                Ok(0)
            }
            Left::Trailers => {
                let line = self.read_line()?;
                match line.split_once(':') {
                    Some((name, value)) => {
                        self.trailers.push((name.into(), value.trim().into()));
                    }
                    None if line.is_empty() => {
                        self.left = Left::Bytes(0);
                        let trailers = self.trailers.clone();
                        let log = self.around.log;
                        log.change(self.around.number, |r| r.trailers = trailers);
                    }
                    None => return Err(self.malformed(format!("trailer {line:?}"))),
                }
                self.settle();
                Ok(0)
            }
        }
    }

    /// Reads content, at most what the chunk, the script and the throttle allow.
    fn read_content(&mut self, buf: &mut [u8], left: u64) -> Result<usize, Piece> {
        let mut most = left.min(buf.len() as u64);
        if let Some(throttle) = &self.throttle {
            most = most.min(throttle.piece() as u64);
        }
        for mark in self.marks() {
            most = most.min(mark);
        }
        let most = usize::try_from(most).unwrap_or(buf.len());
        let n = match self.link.read(&mut buf[..most]) {
            Ok(n) if n > 0 => n,
            _ => return Err(self.broken()),
        };
        self.content += n as u64;
        self.wire += n as u64;
        if let Some(throttle) = &mut self.throttle
            && !throttle.passed(n, self.around.control)
        {
            self.progress = Progress::Broken;
        }
        Ok(n)
    }

    /// Distances to the places where the script wants something to happen.
    fn marks(&self) -> Vec<u64> {
        let stop = self.stop.map(|stop| stop.at.saturating_sub(self.count(stop)));
        let interims = self.interims.iter().filter_map(|interim| match interim.at {
            At::Body(at) => at.checked_sub(self.content).filter(|left| *left > 0),
            _ => None,
        });
        stop.into_iter().chain(interims).collect()
    }

    fn count(&self, stop: BodyStop) -> u64 {
        if stop.wire { self.wire } else { self.content }
    }

    /// Notices that the body is over, by itself or by script.
    fn settle(&mut self) {
        if self.progress != Progress::Open {
            return;
        }
        let complete = matches!(self.left, Left::Bytes(0));
        match self.stop {
            Some(stop) if self.count(stop) >= stop.at => {
                let cut = matches!(stop.then, AtStop::Cut(_));
                // A body that ends exactly there still ends; only a cut takes the answer away.
                self.progress = if complete && !cut { Progress::Complete } else { Progress::Stopped(stop.then) };
            }
            _ if complete => self.progress = Progress::Complete,
            _ => {}
        }
        if complete {
            let log = self.around.log;
            log.change(self.around.number, |request| request.complete = true);
            self.send_interims();
        }
    }

    /// Sends the interim answers whose place has come.
    fn send_interims(&mut self) {
        let content = self.content;
        let (due, later) = std::mem::take(&mut self.interims)
            .into_iter()
            .partition(|interim| matches!(interim.at, At::Body(at) if at <= content));
        self.interims = later;
        for interim in due {
            let _gone = send_interim(self.link, &interim);
        }
    }

    fn read_line(&mut self) -> Result<String, Piece> {
        match self.link.read_until(b"\r\n", LINE_LIMIT) {
            Found::Bytes(bytes) => {
                self.wire += bytes.len() as u64;
                let line = &bytes[..bytes.len() - 2];
                Ok(String::from_utf8_lossy(line).into_owned())
            }
            Found::TooLong(_) => Err(self.malformed("a line without end".into())),
            Found::Nothing | Found::Cut => Err(self.broken()),
        }
    }

    fn broken(&mut self) -> Piece {
        self.progress = Progress::Broken;
        Piece::Cut
    }

    fn malformed(&mut self, what: String) -> Piece {
        self.progress = Progress::Broken;
        Piece::Malformed(what)
    }
}

/// Sends a 1xx answer as often as it says.
pub(crate) fn send_interim(link: &mut Link, interim: &Interim) -> std::io::Result<()> {
    let mut text = format!("HTTP/1.1 {} {}\r\n", interim.status, reason_of(interim.status));
    for (name, value) in &interim.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    for _ in 0..interim.count {
        link.write(text.as_bytes())?;
    }
    Ok(())
}
