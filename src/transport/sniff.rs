//! Watches what comes in for the beginning of an answer, and takes the interim answers (1xx) out.
//!
//! ureq reads an answer only after the whole body has gone out, hides 1xx answers, fails on a `100` that has header
//! fields, and parses a head again and again while it drips in. So nothing of a head reaches ureq before it is
//! complete and final; that also bounds the work to be linear in what was received. The exchange feeds it; it reads
//! nothing by itself.

use super::BreakKind;
use super::failure::Failure;
use crate::protocol::answer::Answer;
use crate::protocol::headers::Headers;

/// The longest answer head accepted: far more than any server sends, since what cannot be read may be the answer that
/// names an upload (T-154).
pub(super) const MAX_HEAD: usize = 256 * 1024;

/// The most that all interim answers together may have.
const MAX_INTERIM_BYTES: usize = 64 * 1024;

/// The most interim answers accepted for one request (T-033).
const MAX_INTERIM: usize = 64;

/// The most header fields accepted.
const MAX_FIELDS: usize = 2048;

/// How much of a status line decides what it is: `HTTP/1.1 200`.
const STATUS_START: usize = 12;

/// What was seen of the final answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// Nothing yet.
    Nothing,
    /// Its status, but not its whole head.
    Begun,
    /// The whole head.
    Complete,
}

/// The state of the watch over one answer.
#[derive(Debug)]
pub(super) struct Sniffer {
    seen: Seen,
    /// That of the final answer, or 0.
    status: u16,
    /// The length of its head, once all of it is there.
    length: usize,
    /// How many of the waiting bytes are known to hold no end of a head.
    scanned: usize,
    interim_count: usize,
    interim_bytes: usize,
}

/// What [`Sniffer::look`] found.
pub(super) struct Look {
    /// How many bytes at the beginning are done with.
    pub(super) consumed: usize,
    /// The interim answer they were.
    pub(super) interim: Option<Answer>,
}

impl Sniffer {
    /// Nothing seen yet.
    pub(super) fn new() -> Self {
        Sniffer { seen: Seen::Nothing, status: 0, length: 0, scanned: 0, interim_count: 0, interim_bytes: 0 }
    }

    /// How much of the final answer has come.
    pub(super) fn seen(&self) -> Seen {
        self.seen
    }

    /// The status of the final answer, once it was seen.
    pub(super) fn status(&self) -> u16 {
        self.status
    }

    /// The length of the final answer's head, once it was seen to its end.
    pub(super) fn head_length(&self) -> usize {
        self.length
    }

    /// Looks at the bytes waiting. To be repeated, with the consumed bytes gone, until nothing more is consumed.
    pub(super) fn look(&mut self, waiting: &[u8]) -> Result<Look, Failure> {
        let nothing = Look { consumed: 0, interim: None };
        if self.seen == Seen::Complete {
            return Ok(nothing);
        }
        // RFC 9112 section 2.2: an empty line before a message is best overlooked.
        let blank = waiting.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        if blank > 0 {
            self.count_interim(blank)?;
            return Ok(Look { consumed: blank, interim: None });
        }
        let Some(status) = status_of(waiting)? else {
            return Ok(nothing);
        };
        if status == 101 {
            return Err(not_http("the server switched protocols without being asked (101)"));
        }
        let end = self.find_end(waiting);
        if end.unwrap_or(waiting.len()) > MAX_HEAD {
            return Err(not_http("the answer's head is longer than 256 KiB"));
        }
        if status >= 200 {
            self.status = status;
            self.length = end.unwrap_or(0);
            self.seen = if end.is_some() { Seen::Complete } else { Seen::Begun };
            return Ok(nothing);
        }
        let Some(end) = end else {
            return Ok(nothing);
        };
        self.scanned = 0;
        self.interim_count += 1;
        self.count_interim(end)?;
        let headers = parse_fields(&waiting[..end]).ok_or_else(|| not_http("an interim answer is malformed"))?;
        Ok(Look { consumed: end, interim: Some(Answer::new(status, headers, Vec::new())) })
    }

    fn count_interim(&mut self, bytes: usize) -> Result<(), Failure> {
        self.interim_bytes += bytes;
        if self.interim_count > MAX_INTERIM || self.interim_bytes > MAX_INTERIM_BYTES {
            return Err(not_http("too many interim answers"));
        }
        Ok(())
    }

    /// The length of the head, if all of it is there. Lines may end with a bare LF, as ureq's parser has it.
    fn find_end(&mut self, waiting: &[u8]) -> Option<usize> {
        let from = self.scanned.saturating_sub(3);
        let found = waiting[from..].iter().enumerate().find_map(|(index, byte)| {
            let rest = &waiting[from + index + 1..];
            match (byte, rest) {
                (b'\n', [b'\n', ..]) => Some(from + index + 2),
                (b'\n', [b'\r', b'\n', ..]) => Some(from + index + 3),
                _ => None,
            }
        });
        self.scanned = waiting.len();
        found
    }
}

/// The status, once the beginning of the status line has come. Anything but HTTP/1.x fails at the first wrong byte:
/// there is no use in waiting for more of it.
fn status_of(waiting: &[u8]) -> Result<Option<u16>, Failure> {
    let start = &waiting[..waiting.len().min(STATUS_START)];
    let fits = start.iter().enumerate().all(|(index, byte)| match index {
        0..=6 => *byte == b"HTTP/1."[index],
        8 => *byte == b' ',
        _ => byte.is_ascii_digit(),
    });
    // An alert or another record of TLS.
    if matches!(start, [0x15 | 0x16, 3, ..]) {
        return Err(not_http("the server speaks TLS at this port: the URL has to begin with https://"));
    }
    if !fits {
        return Err(not_http("the answer is not HTTP/1.x"));
    }
    if start.len() < STATUS_START {
        return Ok(None);
    }
    let status = start[9..].iter().fold(0, |status, digit| status * 10 + u16::from(digit - b'0'));
    if status < 100 {
        return Err(not_http("the answer's status is below 100"));
    }
    Ok(Some(status))
}

/// The header fields of a complete head.
pub(super) fn parse_fields(head: &[u8]) -> Option<Headers> {
    let mut headers = Headers::new();
    let lines = head.split(|byte| *byte == b'\n').skip(1).map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    for (index, line) in lines.take_while(|line| !line.is_empty()).enumerate() {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = std::str::from_utf8(&line[..colon]).ok()?;
        let is_token = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
        let value = line[colon + 1..].trim_ascii();
        if index >= MAX_FIELDS || !is_token || value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
            return None;
        }
        headers.push(name, String::from_utf8_lossy(value));
    }
    Some(headers)
}

/// The same head with only those fields that say where the answer ends and whether the connection lives on.
pub(super) fn framing_of(head: &[u8]) -> Vec<u8> {
    const FRAMING: [&[u8]; 3] = [b"content-length", b"transfer-encoding", b"connection"];
    let mut lines = head.split_inclusive(|byte| *byte == b'\n');
    let mut kept = lines.next().unwrap_or_default().to_vec();
    for line in lines {
        let name = &line[..line.iter().position(|byte| *byte == b':').unwrap_or(0)];
        if FRAMING.iter().any(|framing| framing.eq_ignore_ascii_case(name)) {
            kept.extend_from_slice(line);
        }
    }
    kept.extend_from_slice(b"\r\n");
    // A head of bare line feeds without fields has no room for more.
    if kept.len() > head.len() { head.to_vec() } else { kept }
}

fn not_http(reason: &str) -> Failure {
    Failure::because(BreakKind::NotHttp, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `bytes` in pieces of `step`; returns the interim statuses, what was seen, and what is left for ureq.
    fn feed(bytes: &[u8], step: usize) -> Result<(Vec<u16>, Seen, Vec<u8>), Failure> {
        let mut sniffer = Sniffer::new();
        let mut waiting = Vec::new();
        let mut statuses = Vec::new();
        for piece in bytes.chunks(step) {
            waiting.extend_from_slice(piece);
            loop {
                let look = sniffer.look(&waiting)?;
                waiting.drain(..look.consumed);
                statuses.extend(look.interim.map(|answer| answer.status));
                if look.consumed == 0 {
                    break;
                }
            }
        }
        Ok((statuses, sniffer.seen(), waiting))
    }

    #[test]
    fn interim_answers_are_taken_out_however_they_are_cut() {
        let bytes = b"\r\nHTTP/1.1 100 Continue\r\nX: y\r\n\r\nHTTP/1.1 102 \n\nHTTP/1.1 103 Early\r\n\r\n\
            HTTP/1.0 204\r\nA: b\r\n\r\n";
        for step in 1..bytes.len() {
            let (statuses, seen, rest) = feed(bytes, step).unwrap();
            assert_eq!(statuses, [100, 102, 103], "step {step}");
            assert_eq!(seen, Seen::Complete, "step {step}");
            assert_eq!(rest, b"HTTP/1.0 204\r\nA: b\r\n\r\n", "step {step}");
        }
    }

    #[test]
    fn a_final_answer_is_seen_by_its_status() {
        assert_eq!(feed(b"HTTP/1.1 41", 100).unwrap().1, Seen::Nothing);
        assert_eq!(feed(b"HTTP/1.1 413", 100).unwrap().1, Seen::Begun);
        assert_eq!(feed(b"HTTP/1.1 413 Too\r\n\r", 3).unwrap().1, Seen::Begun);
        assert_eq!(feed(b"HTTP/1.1 413 Too\r\n\r\n", 3).unwrap().1, Seen::Complete);
    }

    #[test]
    fn garbage_fails_at_once() {
        for bytes in [&b"S"[..], b"SSH-2.0-OpenSSH", b"HTTP/2", b"HTTP/1.1\t", b"HTTP/1.1 2x", b"HTTP/1.1 099", b"\0"] {
            assert_eq!(feed(bytes, 1).unwrap_err().kind, BreakKind::NotHttp, "{bytes:?}");
        }
        assert_eq!(feed(b"HTTP/1.1 101 Switching\r\n\r\n", 1).unwrap_err().kind, BreakKind::NotHttp);
        assert_eq!(feed(b"HTTP/1.1 103\r\nbad line\r\n\r\n", 1).unwrap_err().kind, BreakKind::NotHttp);
    }

    #[test]
    fn interim_answers_and_heads_are_limited() {
        let one = b"HTTP/1.1 102 Processing\r\n\r\n";
        assert_eq!(feed(&one.repeat(64), 999).unwrap().0.len(), 64);
        assert!(feed(&one.repeat(65), 999).is_err());
        assert!(feed(&b"\r\n".repeat(40_000), 999).is_err());
        let long = [&b"HTTP/1.1 200 OK\r\nA: "[..], &vec![b'a'; 270_000]].concat();
        assert!(feed(&long, 1000).is_err());
        let fits = [&b"HTTP/1.1 200 OK\r\nA: "[..], &vec![b'a'; 250_000], b"\r\n\r\n"].concat();
        assert_eq!(feed(&fits, 1000).unwrap().1, Seen::Complete);
    }

    #[test]
    fn ureq_sees_how_the_answer_is_framed_and_no_more() {
        for (head, framing) in [
            (
                "HTTP/1.1 200 OK\r\nA: b\r\ncontent-LENGTH: 5\r\nA: c\r\n\r\n",
                "HTTP/1.1 200 OK\r\ncontent-LENGTH: 5\r\n\r\n",
            ),
            ("HTTP/1.0 204\r\n\r\n", "HTTP/1.0 204\r\n\r\n"),
            ("HTTP/1.1 204 \n\n", "HTTP/1.1 204 \n\n"),
            ("HTTP/1.1 204 \nA: b\nConnection: close\n\n", "HTTP/1.1 204 \nConnection: close\n\r\n"),
        ] {
            assert_eq!(String::from_utf8(framing_of(head.as_bytes())).unwrap(), framing);
        }
    }
}
