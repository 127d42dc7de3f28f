//! Talking to a proxy before the connection is ours: whole messages over a non-blocking socket, within a time limit.
//!
//! It never reads further than it is asked to: what follows belongs to the server behind the proxy.

use std::os::fd::AsFd as _;

use super::BreakKind;
use super::context::Context;
use super::failure::Failure;
use super::wait::Until;
use crate::sys::poll::Entry;
use crate::sys::socket::{Socket, would_block};

/// A conversation with a proxy.
pub(super) struct Dialogue<'a> {
    /// The request it is for.
    pub(super) context: &'a Context,
    /// The connection to the proxy.
    pub(super) socket: &'a Socket,
    /// When it must be over.
    pub(super) until: Until,
}

impl Dialogue<'_> {
    /// Sends all of it.
    pub(super) fn send(&self, mut bytes: &[u8]) -> Result<(), Failure> {
        while !bytes.is_empty() {
            self.context.turn(Some(self.until))?;
            match self.socket.send(bytes, false) {
                Ok(count) => bytes = &bytes[count..],
                Err(error) if would_block(&error) => {
                    self.context.wait(&mut [Entry::writable(self.socket.as_fd())], Some(self.until), None)?;
                }
                Err(error) => return Err(Failure::io(BreakKind::Closed, error)),
            }
        }
        Ok(())
    }

    /// Receives exactly `N` bytes.
    pub(super) fn receive<const N: usize>(&self) -> Result<[u8; N], Failure> {
        let mut bytes = [0; N];
        self.receive_into(&mut bytes)?;
        Ok(bytes)
    }

    /// Fills the whole buffer.
    pub(super) fn receive_into(&self, buffer: &mut [u8]) -> Result<(), Failure> {
        let mut filled = 0;
        while filled < buffer.len() {
            self.context.turn(Some(self.until))?;
            match self.socket.receive(&mut buffer[filled..]) {
                Ok(0) => return Err(Failure::ended()),
                Ok(count) => filled += count,
                Err(error) if would_block(&error) => {
                    self.context.wait(&mut [Entry::readable(self.socket.as_fd())], Some(self.until), None)?;
                }
                Err(error) => return Err(Failure::io(BreakKind::Closed, error)),
            }
        }
        Ok(())
    }
}
