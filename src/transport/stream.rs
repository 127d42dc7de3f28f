//! An established connection: a socket, with TLS on it or without.
//!
//! Reads and writes never block; waiting is the caller's business. It knows neither HTTP nor time limits.

use std::io::{self, IoSlice};

use crate::sys::socket::Socket;

#[cfg(feature = "tls")]
use super::tls::Session;

/// An established connection.
#[derive(Debug)]
pub(super) struct Stream {
    socket: Socket,
    #[cfg(feature = "tls")]
    tls: Option<Box<Session>>,
    aborted: bool,
}

impl Stream {
    /// Without TLS.
    pub(super) fn plain(socket: Socket) -> Self {
        Stream {
            socket,
            #[cfg(feature = "tls")]
            tls: None,
            aborted: false,
        }
    }

    /// With TLS, after the handshake.
    #[cfg(feature = "tls")]
    pub(super) fn secure(socket: Socket, session: Session) -> Self {
        Stream { socket, tls: Some(Box::new(session)), aborted: false }
    }

    /// The socket, to wait for.
    pub(super) fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Whether TLS is spoken.
    pub(super) fn is_secure(&self) -> bool {
        #[cfg(feature = "tls")]
        return self.tls.is_some();
        #[cfg(not(feature = "tls"))]
        return false;
    }

    /// Reads what is there; 0 is the end.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            return tls.read(&self.socket, buffer);
        }
        self.socket.receive(buffer)
    }

    /// Writes what fits of two pieces of plain text, in one system call. Not with TLS.
    pub(super) fn write(&mut self, first: &[u8], second: &[u8]) -> io::Result<usize> {
        match (first.is_empty(), second.is_empty()) {
            (false, false) => self.socket.send_all_of(&[IoSlice::new(first), IoSlice::new(second)]),
            (false, true) => self.socket.send(first, false),
            (true, _) => self.socket.send(second, false),
        }
    }

    /// Encrypts all of it, to be written by [`Stream::flush`].
    #[cfg(feature = "tls")]
    pub(super) fn encrypt(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.tls {
            Some(tls) => tls.encrypt(bytes),
            None => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Writes what fits of what was encrypted, and how many bytes that were; `None` if nothing was left.
    #[cfg(feature = "tls")]
    pub(super) fn flush(&mut self) -> io::Result<Option<usize>> {
        match &mut self.tls {
            Some(tls) => tls.flush(&self.socket),
            None => Ok(None),
        }
    }

    /// Whether an idle connection is still open and silent, as it must be between two requests.
    pub(super) fn is_quiet(&mut self) -> bool {
        // With TLS something may wait that is no answer (a session ticket), and what the socket no longer has may
        // have been the peer's goodbye; so it is read and not just looked at.
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            let mut looks = (0..8).map(|_| tls.read(&self.socket, &mut [0]));
            // A peer that keeps sending is not quiet.
            let last = looks.find(|look| !look.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::Interrupted));
            return last.is_some_and(|look| look.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock));
        }
        self.socket.peek(&mut [0]).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Closing it will throw away what has not left yet, and tell the peer so at once.
    pub(super) fn abort(mut self) {
        self.aborted = true;
        self.socket.reset_on_close();
    }
}

#[cfg(feature = "tls")]
impl Drop for Stream {
    fn drop(&mut self) {
        if let Some(tls) = self.tls.as_mut().filter(|_| !self.aborted) {
            tls.close(&self.socket);
        }
    }
}
