//! A body in chunks with a trailer field after it (RFC 9112 section 7.1), framed in place.
//!
//! ureq sends chunks, but no trailer: its last chunk is a constant. Its chunks have 10 KiB, each copied once more. So
//! it is told a Content-Length, which [`announce`] takes out of the held-back head again, and what the body puts into
//! the outgoing buffer gets its framing right there: [`frame`] writes around the payload, where room was left for it.
//! ureq counts the payload only, and never looks at what it hands over.

use std::ops::Range;

/// Room to leave before the payload for the line with its length: as many digits as any piece needs, and a line end.
pub(super) const BEFORE: usize = 8;

/// A piece of a body in the outgoing buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// What is to be sent.
    pub(super) bytes: Range<usize>,
    /// The part of it that is payload.
    pub(super) payload: Range<usize>,
}

impl Piece {
    /// `length` bytes at the beginning that go out as they are.
    pub(super) fn bare(length: usize) -> Self {
        Piece { bytes: 0..length, payload: 0..length }
    }

    /// Where the payload is in a message that begins with `head` bytes, followed by this piece.
    pub(super) fn payload_after(&self, head: usize) -> Range<usize> {
        let start = head + self.payload.start - self.bytes.start;
        start..start + self.payload.len()
    }
}

/// Makes a chunk of the `length` bytes (at least 1) that begin at [`BEFORE`]. The last one is followed by the end of
/// the body, with the trailer field's name and value. `None` if there is no room for that.
pub(super) fn frame(buffer: &mut [u8], length: usize, last: Option<(&str, &str)>) -> Option<Piece> {
    let before = format!("{length:x}\r\n");
    let after = match last {
        Some((name, value)) => format!("\r\n{}", end(name, value)),
        None => "\r\n".to_owned(),
    };
    let payload = BEFORE..BEFORE.checked_add(length)?;
    let bytes = BEFORE.checked_sub(before.len())?..payload.end.checked_add(after.len())?;
    buffer.get_mut(payload.end..bytes.end)?.copy_from_slice(after.as_bytes());
    buffer[bytes.start..BEFORE].copy_from_slice(before.as_bytes());
    Some(Piece { bytes, payload })
}

/// Says in a finished request head that the body comes in chunks with this trailer field, in place of the length.
/// False if the head does not declare that length.
pub(super) fn announce(head: &mut Vec<u8>, length: u64, trailer: &str) -> bool {
    let declared = format!("\r\ncontent-length: {length}\r\n");
    let Some(start) = head.windows(declared.len()).position(|line| line == declared.as_bytes()) else {
        return false;
    };
    let announced = format!("\r\ntransfer-encoding: chunked\r\ntrailer: {trailer}\r\n");
    head.splice(start..start + declared.len(), announced.into_bytes());
    true
}

/// The end of a body, with the trailer field's name and value: all there is of one without data.
pub(super) fn end(name: &str, value: &str) -> String {
    format!("0\r\n{name}: {value}\r\n\r\n")
}

/// Whether this can be the value of a field: what HTTP allows, without tabs and what is not ASCII.
pub(super) fn is_value(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
}

#[cfg(test)]
mod tests {
    use super::super::buffers::COPY_STEP;
    use super::*;

    fn framed(length: usize, last: Option<(&str, &str)>) -> Option<(Vec<u8>, Range<usize>)> {
        let mut buffer = vec![b'x'; BEFORE + length + 40];
        let piece = frame(&mut buffer, length, last)?;
        Some((buffer[piece.bytes].to_vec(), piece.payload))
    }

    #[test]
    fn the_framing_is_around_the_payload() {
        assert_eq!(framed(3, None).unwrap(), (b"3\r\nxxx\r\n".to_vec(), 8..11));
        assert_eq!(framed(1, Some(("A", "b c"))).unwrap().0, b"1\r\nx\r\n0\r\nA: b c\r\n\r\n");
        let (bytes, payload) = framed(COPY_STEP, None).unwrap();
        assert!(bytes.starts_with(b"30000\r\nx") && bytes.ends_with(b"x\r\n"));
        assert_eq!((bytes.len(), payload.len()), (COPY_STEP + 9, COPY_STEP));
    }

    #[test]
    fn the_payload_is_found_in_the_message() {
        let piece = frame(&mut [0; 40], 0x10, None).unwrap();
        assert_eq!(piece, Piece { bytes: 4..26, payload: 8..24 });
        assert_eq!((piece.payload_after(0), piece.payload_after(100)), (4..20, 104..120));
        assert_eq!(Piece::bare(5).payload_after(100), 100..105);
    }

    #[test]
    fn what_has_no_room_is_refused() {
        assert!(framed(1, Some(("A", &"b".repeat(28)))).is_some());
        assert!(framed(1, Some(("A", &"b".repeat(29)))).is_none());
        assert!(frame(&mut [], 1, None).is_none());
        assert!(frame(&mut [0; 8], usize::MAX, None).is_none());
        assert!(frame(&mut [0; 8], 0x100_0000, None).is_none(), "no room for the length");
    }

    #[test]
    fn the_length_is_taken_out_of_the_head() {
        let mut head = b"PATCH /5 HTTP/1.1\r\na-content-length: 5\r\ncontent-length: 5\r\nb: c\r\n\r\n".to_vec();
        assert!(!announce(&mut head, 6, "Name"));
        assert!(announce(&mut head, 5, "Name"));
        assert_eq!(
            String::from_utf8(head.clone()).unwrap(),
            "PATCH /5 HTTP/1.1\r\na-content-length: 5\r\ntransfer-encoding: chunked\r\ntrailer: Name\r\nb: c\r\n\r\n"
        );
        assert!(!announce(&mut head, 5, "Name"));
    }

    #[test]
    fn values_are_visible() {
        assert!(["", "sha1 qUY=", "~!"].into_iter().all(is_value));
        assert!(!["a\r\nb", "a\n", "\r", "a\tb", "\0", "\x7f", "\u{e4}"].into_iter().any(is_value));
    }
}
