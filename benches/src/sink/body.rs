//! Taking bodies off a socket.

use std::io::{self, Read};
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::ptr;

use crate::options::SinkMode;

const BUFFER: usize = 1 << 20;
const PAGE: usize = 4096;

/// How one connection's bodies are taken.
pub(super) enum Taker {
    Discard,
    Copy(Vec<u8>),
}

impl Taker {
    pub(super) fn new(mode: SinkMode) -> Self {
        match mode {
            SinkMode::Discard => Self::Discard,
            SinkMode::Copy => Self::Copy(vec![0; BUFFER + PAGE]),
        }
    }

    /// Takes what has arrived, waiting for the first of it: as many bytes as it returns, at most `left`; 0 at the end.
    pub(super) fn take(&mut self, stream: &mut TcpStream, left: u64) -> io::Result<u64> {
        let taken = match self {
            Self::Discard => discard(stream, left)?,
            Self::Copy(buffer) => {
                // From the beginning of a page on: some processors copy slowly to other places.
                let start = buffer.as_ptr().align_offset(PAGE).min(PAGE);
                let most = usize::try_from(left).map_or(BUFFER, |left| left.min(BUFFER));
                stream.read(&mut buffer[start..start + most])?
            }
        };
        Ok(taken as u64)
    }
}

/// Lets the kernel drop the bytes of a TCP socket: `MSG_TRUNC` needs no buffer.
fn discard(stream: &TcpStream, left: u64) -> io::Result<usize> {
    let most = usize::try_from(left).unwrap_or(usize::MAX).min(1 << 30);
    // SAFETY: the descriptor is the stream's; with MSG_TRUNC a TCP socket writes nothing to the buffer.
    let result = unsafe { libc::recv(stream.as_raw_fd(), ptr::null_mut(), most, libc::MSG_TRUNC) };
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}
