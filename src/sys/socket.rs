//! A non-blocking TCP socket.

use std::io::{self, IoSlice};
use std::mem;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// After how many seconds of silence keep-alive probes begin: below the idle limit of common NAT boxes.
const KEEPALIVE_IDLE_S: libc::c_int = 60;
/// How many seconds apart the probes are.
const KEEPALIVE_INTERVAL_S: libc::c_int = 20;

/// A non-blocking TCP socket, closed on exec; writing to it never raises SIGPIPE.
#[derive(Debug)]
pub(crate) struct Socket(OwnedFd);

impl Socket {
    /// Begins to connect. When the socket becomes writable, [`Socket::connected`] tells how it went.
    pub(crate) fn connect(address: &SocketAddr) -> io::Result<Socket> {
        let family = if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
        let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: `socket` takes integers only.
        let fd = super::checked(unsafe { libc::socket(family, kind, 0) })?;
        // SAFETY: the kernel just returned `fd` to us alone.
        let socket = Socket(unsafe { OwnedFd::from_raw_fd(fd) });
        // None of these can fail on a TCP socket in a way that should stop an upload.
        let _ = socket.set(libc::IPPROTO_TCP, libc::TCP_NODELAY, 1);
        let _ = socket.set(libc::SOL_SOCKET, libc::SO_KEEPALIVE, 1);
        let _ = socket.set(libc::IPPROTO_TCP, libc::TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
        let _ = socket.set(libc::IPPROTO_TCP, libc::TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
        match socket.start(address) {
            Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
            _ => Ok(socket),
        }
    }

    fn start(&self, address: &SocketAddr) -> io::Result<()> {
        let fd = self.as_raw_fd();
        let result = match address {
            SocketAddr::V4(v4) => {
                let raw = libc::sockaddr_in {
                    sin_family: libc::AF_INET as libc::sa_family_t,
                    sin_port: v4.port().to_be(),
                    sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(v4.ip().octets()) },
                    sin_zero: [0; 8],
                };
                // SAFETY: `raw` is a complete sockaddr_in of the length given, alive for the call.
                unsafe { libc::connect(fd, (&raw const raw).cast(), mem::size_of_val(&raw) as libc::socklen_t) }
            }
            SocketAddr::V6(v6) => {
                let raw = libc::sockaddr_in6 {
                    sin6_family: libc::AF_INET6 as libc::sa_family_t,
                    sin6_port: v6.port().to_be(),
                    sin6_flowinfo: v6.flowinfo(),
                    sin6_addr: libc::in6_addr { s6_addr: v6.ip().octets() },
                    sin6_scope_id: v6.scope_id(),
                };
                // SAFETY: `raw` is a complete sockaddr_in6 of the length given, alive for the call.
                unsafe { libc::connect(fd, (&raw const raw).cast(), mem::size_of_val(&raw) as libc::socklen_t) }
            }
        };
        super::checked(result).map(drop)
    }

    /// How the connecting went, once the socket is writable.
    pub(crate) fn connected(&self) -> io::Result<()> {
        let mut code: libc::c_int = 0;
        let mut length = mem::size_of_val(&code) as libc::socklen_t;
        // SAFETY: `code` is a writable integer of `length` bytes, alive for the call.
        super::checked(unsafe {
            libc::getsockopt(
                self.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_ERROR,
                (&raw mut code).cast(),
                &raw mut length,
            )
        })?;
        if code == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(code)) }
    }

    /// Receives what is there; 0 is the end.
    pub(crate) fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.receive_with(buffer, libc::MSG_DONTWAIT)
    }

    /// Looks at what is there without taking it.
    pub(crate) fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.receive_with(buffer, libc::MSG_DONTWAIT | libc::MSG_PEEK)
    }

    fn receive_with(&self, buffer: &mut [u8], flags: libc::c_int) -> io::Result<usize> {
        // SAFETY: `buffer` is writable for its whole length during the call.
        super::counted(unsafe { libc::recv(self.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), flags) })
    }

    /// Sends what fits. `more` says that the rest of the same message follows at once, so that the kernel does not
    /// send a packet with this alone.
    pub(crate) fn send(&self, bytes: &[u8], more: bool) -> io::Result<usize> {
        let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL | if more { libc::MSG_MORE } else { 0 };
        // SAFETY: `bytes` is readable for its whole length during the call.
        super::counted(unsafe { libc::send(self.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), flags) })
    }

    /// Sends what fits of several pieces in one go.
    pub(crate) fn send_all_of(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        // SAFETY: a message header of zeros is a valid one without addresses, data and control data.
        let mut message: libc::msghdr = unsafe { mem::zeroed() };
        message.msg_iov = pieces.as_ptr().cast_mut().cast();
        message.msg_iovlen = pieces.len() as _;
        // SAFETY: `IoSlice` has the layout of iovec (std promises it), the pieces live through the call, and sendmsg
        // only reads them.
        super::counted(unsafe {
            libc::sendmsg(self.as_raw_fd(), &raw const message, libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL)
        })
    }

    /// How many bytes the kernel has taken that the peer's kernel has not acknowledged.
    pub(crate) fn unacknowledged(&self) -> usize {
        let mut count: libc::c_int = 0;
        // SAFETY: TIOCOUTQ (SIOCOUTQ on a socket) writes one integer.
        let result = unsafe { libc::ioctl(self.as_raw_fd(), libc::TIOCOUTQ, &raw mut count) };
        if result < 0 { 0 } else { count.max(0) as usize }
    }

    /// The name of the congestion control, e.g. `cubic`.
    pub(crate) fn congestion_control(&self) -> Option<String> {
        // The kernel's names have at most 16 bytes (TCP_CA_NAME_MAX).
        let mut name = [0u8; 16];
        let mut length = name.len() as libc::socklen_t;
        // SAFETY: `name` is `length` writable bytes, alive for the call.
        let result = unsafe {
            libc::getsockopt(
                self.as_raw_fd(),
                libc::IPPROTO_TCP,
                libc::TCP_CONGESTION,
                name.as_mut_ptr().cast(),
                &raw mut length,
            )
        };
        if result < 0 {
            return None;
        }
        let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
        std::str::from_utf8(&name[..end]).ok().map(str::to_owned)
    }

    /// Closing it will reset the connection and throw away what has not left yet.
    pub(crate) fn reset_on_close(&self) {
        let linger = libc::linger { l_onoff: 1, l_linger: 0 };
        // SAFETY: `linger` is a complete structure of the length given, alive for the call.
        unsafe {
            libc::setsockopt(
                self.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_LINGER,
                (&raw const linger).cast(),
                mem::size_of_val(&linger) as libc::socklen_t,
            )
        };
    }

    fn set(&self, level: libc::c_int, option: libc::c_int, value: libc::c_int) -> io::Result<()> {
        // SAFETY: `value` is an integer of the length given, alive for the call.
        super::checked(unsafe {
            libc::setsockopt(
                self.as_raw_fd(),
                level,
                option,
                (&raw const value).cast(),
                mem::size_of_val(&value) as libc::socklen_t,
            )
        })
        .map(drop)
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// Whether a failed read or write only has to be tried again later.
pub(crate) fn would_block(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// Whether the connection is gone: reset, closed, or timed out by the kernel.
pub(crate) fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::NotConnected
            | io::ErrorKind::UnexpectedEof
    )
}

/// Changes the length of a listener's queue, for tests that need one that is full.
#[cfg(test)]
pub(crate) fn set_backlog(listener: &OwnedFd, length: libc::c_int) {
    // SAFETY: `listen` takes integers only; the descriptor is borrowed for the call.
    super::checked(unsafe { libc::listen(listener.as_raw_fd(), length) }).expect("a listener");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::poll::{Entry, poll};

    fn connected_pair() -> (Socket, std::net::TcpStream) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = Socket::connect(&listener.local_addr().unwrap()).unwrap();
        let (theirs, _) = listener.accept().unwrap();
        poll(&mut [Entry::writable(socket.as_fd())], None).unwrap();
        socket.connected().unwrap();
        (socket, theirs)
    }

    #[test]
    fn is_closed_on_exec_and_never_blocks() {
        let (socket, _theirs) = connected_pair();
        let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", socket.as_raw_fd())).unwrap();
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap().trim();
        let flags = libc::c_int::from_str_radix(flags, 8).unwrap();
        assert_eq!(flags & libc::O_CLOEXEC, libc::O_CLOEXEC);
        assert_eq!(flags & libc::O_NONBLOCK, libc::O_NONBLOCK);
        assert!(would_block(&socket.receive(&mut [0]).unwrap_err()));
    }

    #[test]
    fn tells_what_is_not_acknowledged_and_who_controls_congestion() {
        let (socket, _theirs) = connected_pair();
        assert_eq!(socket.unacknowledged(), 0);
        while socket.send(&[0; 65536], false).is_ok() {}
        assert!(socket.unacknowledged() > 0);
        assert!(socket.congestion_control().is_some_and(|name| !name.is_empty()));
    }

    #[test]
    fn a_write_to_a_closed_connection_is_an_error() {
        let (socket, theirs) = connected_pair();
        theirs.shutdown(std::net::Shutdown::Both).unwrap();
        drop(theirs);
        let error = loop {
            if let Err(error) = socket.send(b"x", false) {
                break error;
            }
        };
        assert!(is_gone(&error), "{error:?}");
    }
}
