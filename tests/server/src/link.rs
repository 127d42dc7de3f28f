//! One accepted connection as a byte stream, plain or TLS, and the ways to end it.
//!
//! Knows no HTTP. Reading goes through a small buffer so that a head can be read byte-exactly
//! and body bytes can go straight to the caller.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;

use rustls::{ServerConfig, ServerConnection};

use crate::fault::Ending;
use crate::peers::Activity;

/// A socket shared with the peer registry.
#[derive(Clone)]
struct Socket(Arc<TcpStream>);

impl Read for Socket {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        (&*self.0).read(buf)
    }
}

impl Write for Socket {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        (&*self.0).write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What carries the bytes.
enum Carrier {
    Plain(Socket),
    Tls(Box<rustls::StreamOwned<ServerConnection, Socket>>),
}

/// A connection with a read buffer.
pub(crate) struct Link {
    carrier: Carrier,
    socket: Arc<TcpStream>,
    buffer: Vec<u8>,
    start: usize,
    /// What the registry of peers shows of this connection.
    pub(crate) activity: Arc<Activity>,
}

/// Result of looking for the end of a head or a line.
pub(crate) enum Found {
    Bytes(Vec<u8>),
    /// The peer closed before the first byte.
    Nothing,
    /// The peer closed in the middle.
    Cut,
    TooLong(Vec<u8>),
}

impl Link {
    /// Wraps a socket; with a configuration the TLS handshake runs on the first read or write.
    pub(crate) fn new(socket: Arc<TcpStream>, tls: Option<&Arc<ServerConfig>>) -> io::Result<Self> {
        let raw = Socket(Arc::clone(&socket));
        let carrier = match tls {
            None => Carrier::Plain(raw),
            Some(config) => {
                let session = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
                Carrier::Tls(Box::new(rustls::StreamOwned::new(session, raw)))
            }
        };
        Ok(Self { carrier, socket, buffer: Vec::new(), start: 0, activity: Arc::default() })
    }

    /// Reads what is there, from the buffer first; 0 at the end of the stream.
    pub(crate) fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let waiting = &self.buffer[self.start..];
        if waiting.is_empty() {
            return self.read_wire(buf);
        }
        let n = waiting.len().min(buf.len());
        buf[..n].copy_from_slice(&waiting[..n]);
        self.start += n;
        Ok(n)
    }

    /// Blocks until at least one byte can be read; false at the end of the stream.
    pub(crate) fn wait_for_byte(&mut self) -> bool {
        self.start < self.buffer.len() || self.fill()
    }

    /// Reads up to and including `end`, at most `limit` bytes.
    pub(crate) fn read_until(&mut self, end: &[u8], limit: usize) -> Found {
        loop {
            let waiting = &self.buffer[self.start..];
            let hit = waiting.windows(end.len()).position(|w| w == end);
            if let Some(at) = hit {
                let bytes = waiting[..at + end.len()].to_vec();
                self.start += bytes.len();
                return Found::Bytes(bytes);
            }
            if waiting.len() > limit {
                return Found::TooLong(waiting.to_vec());
            }
            let empty = waiting.is_empty();
            if !self.fill() {
                return if empty { Found::Nothing } else { Found::Cut };
            }
        }
    }

    /// Writes all of it.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.carrier {
            Carrier::Plain(socket) => socket.write_all(bytes),
            Carrier::Tls(stream) => {
                stream.write_all(bytes)?;
                stream.flush()
            }
        }
    }

    /// Says goodbye properly where the carrier knows how.
    pub(crate) fn close_notify(&mut self) {
        if let Carrier::Tls(stream) = &mut self.carrier {
            stream.conn.send_close_notify();
            let _gone = stream.flush();
        }
    }

    /// Ends the connection; `Hang` and `ShutdownBoth` are held open by the caller.
    pub(crate) fn end(&mut self, ending: Ending) {
        match ending {
            Ending::Fin => {
                let _gone = self.socket.shutdown(Shutdown::Write);
                self.drain();
            }
            Ending::Rst => {
                // A zero linger time turns the close into a reset.
                let linger = Some(std::time::Duration::ZERO);
                let _gone = socket2::SockRef::from(&*self.socket).set_linger(linger);
            }
            Ending::ShutdownBoth => {
                let _gone = self.socket.shutdown(Shutdown::Both);
            }
            Ending::Close | Ending::Hang => {}
        }
    }

    /// Reads and drops everything until the peer closes.
    fn drain(&mut self) {
        let mut bin = vec![0; 64 * 1024];
        let mut raw = Socket(Arc::clone(&self.socket));
        while matches!(raw.read(&mut bin), Ok(n) if n > 0) {}
    }

    /// Gets more bytes into the buffer; false at the end of the stream or on an error.
    fn fill(&mut self) -> bool {
        let mut piece = [0; 16 * 1024];
        match self.read_wire(&mut piece) {
            Ok(n) if n > 0 => {
                self.buffer.drain(..self.start);
                self.start = 0;
                self.buffer.extend_from_slice(&piece[..n]);
                true
            }
            _ => false,
        }
    }

    fn read_wire(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            let result = match &mut self.carrier {
                Carrier::Plain(socket) => socket.read(buf),
                Carrier::Tls(stream) => stream.read(buf),
            };
            match result {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }
}
