//! Readers with a trailer field, and a server's strict eye on bodies in chunks.

use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::mpsc::Sender;

use super::peer::*;
use crate::transport::BodyReader;

/// A number that depends on every byte and its place.
pub(super) fn sum_of(bytes: &[u8], before: u64) -> u64 {
    bytes.iter().fold(before, |sum, byte| (sum.rotate_left(5) ^ u64::from(*byte)).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// Reads what is below and sums it up; the sum is the trailer field.
pub(super) struct Summed<R> {
    pub(super) below: R,
    pub(super) sum: u64,
    /// The most a single read gives.
    pub(super) piece: usize,
    pub(super) asked: usize,
}

impl<R: BodyReader> Summed<R> {
    pub(super) fn new(below: R) -> Self {
        Summed { below, sum: 0, piece: usize::MAX, asked: 0 }
    }
}

impl<R: BodyReader> BodyReader for Summed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        assert_eq!(self.asked, 0, "read after the trailer was asked for");
        let most = buffer.len().min(self.piece);
        let count = self.below.read(&mut buffer[..most])?;
        self.sum = sum_of(&buffer[..count], self.sum);
        Ok(count)
    }

    fn file(&self) -> Option<(&File, u64)> {
        self.below.file()
    }

    fn skip(&mut self, n: u64) {
        panic!("{n} bytes were sent that nobody has seen");
    }

    fn trailer(&mut self) -> io::Result<String> {
        self.asked += 1;
        Ok(format!("sum {:016x}", self.sum))
    }
}

/// Gives `x` for `good` bytes, then ends as told, and has a trailer or not.
pub(super) struct Scripted {
    pub(super) good: usize,
    pub(super) end: fn() -> io::Result<usize>,
    pub(super) trailer: fn() -> io::Result<String>,
}

impl BodyReader for Scripted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.good == 0 {
            return (self.end)();
        }
        let count = self.good.min(buffer.len()).min(30_000);
        buffer[..count].fill(b'x');
        self.good -= count;
        Ok(count)
    }

    fn file(&self) -> Option<(&File, u64)> {
        None
    }

    fn skip(&mut self, _: u64) {
        unreachable!()
    }

    fn trailer(&mut self) -> io::Result<String> {
        (self.trailer)()
    }
}

/// A reader with a trailer that is known before.
pub(super) struct Fixed<R>(pub(super) R, pub(super) String);

impl<R: BodyReader> BodyReader for Fixed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }

    fn file(&self) -> Option<(&File, u64)> {
        None
    }

    fn skip(&mut self, _: u64) {
        unreachable!()
    }

    fn trailer(&mut self) -> io::Result<String> {
        Ok(std::mem::take(&mut self.1))
    }
}

/// A reader that says when its trailer is asked for.
pub(super) struct Asked<R>(pub(super) R, pub(super) Sender<()>);

impl<R: BodyReader> BodyReader for Asked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }

    fn file(&self) -> Option<(&File, u64)> {
        None
    }

    fn skip(&mut self, _: u64) {
        unreachable!()
    }

    fn trailer(&mut self) -> io::Result<String> {
        self.1.send(()).unwrap();
        self.0.trailer()
    }
}

/// What a server reads.
pub(super) struct Chunked {
    pub(super) head: String,
    pub(super) chunks: Vec<usize>,
    pub(super) body: Vec<u8>,
    pub(super) trailer: String,
}

/// Reads one request, strictly, and not a byte more.
pub(super) fn read_chunked<S: Read + Write>(connection: &mut Connection<S>) -> Chunked {
    let head = connection.read_head();
    assert!(head.contains("\r\nTransfer-Encoding: chunked\r\n") && !head.contains("Content-Length"), "{head}");
    let (mut chunks, mut body) = (Vec::new(), Vec::new());
    loop {
        let line = read_line(connection);
        assert!(line == "0" || !line.starts_with('0'), "a length with leading zeros: {line:?}");
        let length = usize::from_str_radix(&line, 16).unwrap();
        if length == 0 {
            break;
        }
        chunks.push(length);
        body.extend(connection.read(length));
        assert_eq!(connection.read(2), b"\r\n");
    }
    let trailer = read_line(connection);
    assert_eq!(connection.read(2), b"\r\n", "one field only");
    Chunked { head, chunks, body, trailer }
}

fn read_line<S: Read + Write>(connection: &mut Connection<S>) -> String {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        line.extend(connection.read(1));
    }
    line.truncate(line.len() - 2);
    String::from_utf8(line).unwrap()
}
