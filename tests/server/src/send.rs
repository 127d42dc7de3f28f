//! Writing an answer, whole or as badly as a rule asks: cut, dripping, without end.
//!
//! Decides nothing about content; what goes out was built by `response`.

use std::io::{self, Read};

use crate::control::Control;
use crate::fault::{BodyFraming, Ending, Endless, Fault};
use crate::link::Link;
use crate::response::{Body, Response, chunked};

/// How far the answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    Whole,
    /// The script ends the connection here.
    Cut(Ending),
    /// The client is gone, or the server is stopping.
    Gone,
}

/// Whether the rule lets this answer reach its end; a stored upload as body counts as endless.
pub(crate) fn will_be_whole(response: &Response, method: &str, fault: &Fault) -> bool {
    let Some((limit, _)) = fault.cut_response else {
        return fault.endless.is_none();
    };
    let mut length = response.head_bytes(method, true).len() as u64;
    if response.has_body(method) {
        length += match &response.body {
            Body::Bytes(bytes) => wire_body(bytes, &response.framing).len() as u64,
            Body::File(_, length) => *length,
        };
    }
    limit >= length && fault.endless.is_none()
}

/// Sends an answer the way the rule says.
pub(crate) fn send(link: &mut Link, control: &Control, response: &mut Response, method: &str, fault: &Fault) -> Sent {
    let mut tap = Tap::new(link, control, fault);
    let blank_line = fault.endless != Some(Endless::Headers);
    let sent = response_parts(&mut tap, response, method, blank_line);
    tap.finish(sent, fault.endless)
}

/// Sends bytes that are no answer of ours.
pub(crate) fn send_raw(link: &mut Link, control: &Control, bytes: &[u8], fault: &Fault) -> Sent {
    let mut tap = Tap::new(link, control, fault);
    let sent = tap.write(bytes);
    tap.finish(sent, fault.endless)
}

fn response_parts(tap: &mut Tap<'_>, response: &mut Response, method: &str, blank_line: bool) -> Result<(), Sent> {
    let mut head = response.head_bytes(method, blank_line);
    if !response.has_body(method) || !blank_line {
        return tap.write(&head);
    }
    match &mut response.body {
        Body::Bytes(bytes) => {
            // One write for small answers: a client should not see them in two pieces by chance.
            head.extend_from_slice(&wire_body(bytes, &response.framing));
            tap.write(&head)
        }
        Body::File(file, length) => {
            tap.write(&head)?;
            let mut rest = file.take(*length);
            let mut piece = vec![0; 256 * 1024];
            loop {
                match rest.read(&mut piece) {
                    Ok(0) => return Ok(()),
                    Ok(n) => tap.write(&piece[..n])?,
                    Err(_) => return Err(Sent::Gone),
                }
            }
        }
    }
}

fn wire_body(bytes: &[u8], framing: &BodyFraming) -> Vec<u8> {
    match framing {
        BodyFraming::Chunked(chunks) => chunked(bytes, chunks),
        BodyFraming::Length | BodyFraming::UntilClose => bytes.to_vec(),
    }
}

/// The way out, with the rule's limits on it.
struct Tap<'t> {
    link: &'t mut Link,
    control: &'t Control,
    /// Bytes until the cut.
    left: Option<(u64, Ending)>,
    drip: Option<(usize, std::time::Duration)>,
}

impl<'t> Tap<'t> {
    fn new(link: &'t mut Link, control: &'t Control, fault: &Fault) -> Self {
        Self { link, control, left: fault.cut_response, drip: fault.drip }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Sent> {
        let allowed = match self.left {
            Some((left, _)) => usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len()),
            None => bytes.len(),
        };
        self.pass(&bytes[..allowed]).map_err(|_| Sent::Gone)?;
        if let Some((left, ending)) = &mut self.left {
            *left -= allowed as u64;
            if allowed < bytes.len() {
                return Err(Sent::Cut(*ending));
            }
        }
        Ok(())
    }

    fn pass(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some((size, pause)) = self.drip else {
            return self.link.write(bytes);
        };
        for (index, piece) in bytes.chunks(size.max(1)).enumerate() {
            if index > 0 && !self.control.sleep(pause) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            self.link.write(piece)?;
        }
        Ok(())
    }

    /// Goes on for ever if asked to, until the client has had enough.
    fn finish(&mut self, sent: Result<(), Sent>, endless: Option<Endless>) -> Sent {
        if let Err(sent) = sent {
            return sent;
        }
        let piece = match endless {
            None => return Sent::Whole,
            Some(Endless::Headers) => b"X-More: 0123456789abcdef\r\n".repeat(64),
            Some(Endless::Body) => vec![b'.'; 4096],
        };
        loop {
            if let Err(sent) = self.write(&piece) {
                return sent;
            }
        }
    }
}
