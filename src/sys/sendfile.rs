//! Letting the kernel move a file to a socket by itself.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

use super::signals::without_sigpipe;
use super::socket::Socket;

// Where `off_t` may have 32 bits, `sendfile` ends at 2 GiB.
#[cfg(not(target_pointer_width = "32"))]
use libc::{off_t as Offset, sendfile as send_from};
#[cfg(target_pointer_width = "32")]
use libc::{off64_t as Offset, sendfile64 as send_from};

/// Moves up to `length` bytes of `file` from `offset` to the socket without blocking on the socket; 0 means the file
/// ends there. The file's own position stays where it is.
pub(crate) fn sendfile(socket: &Socket, file: &File, offset: u64, length: usize) -> io::Result<usize> {
    let mut position = Offset::try_from(offset).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    // sendfile has no MSG_NOSIGNAL: a peer that reset the connection would kill a host that leaves SIGPIPE alone.
    without_sigpipe(|| {
        // SAFETY: both descriptors are borrowed for the call; `position` is a valid, writable offset.
        super::counted(unsafe { send_from(socket.as_raw_fd(), file.as_raw_fd(), &mut position, length) })
    })
}
