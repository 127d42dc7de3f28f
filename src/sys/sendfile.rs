//! Letting the kernel move a file to a socket by itself.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

use super::signals::without_sigpipe;
use super::socket::Socket;

/// Moves up to `length` bytes of `file` from `offset` to the socket without blocking on the socket; 0 means the file
/// ends there. The file's own position stays where it is.
pub(crate) fn sendfile(socket: &Socket, file: &File, offset: u64, length: usize) -> io::Result<usize> {
    let mut position = libc::off_t::try_from(offset).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    // sendfile has no MSG_NOSIGNAL: a peer that reset the connection would kill a host that leaves SIGPIPE alone.
    without_sigpipe(|| {
        // SAFETY: both descriptors are borrowed for the call; `position` is a valid, writable offset.
        super::counted(unsafe { libc::sendfile(socket.as_raw_fd(), file.as_raw_fd(), &mut position, length) })
    })
}
