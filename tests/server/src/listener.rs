//! The listening socket: accepting, refusing for a while, accepting again on the same port.
//!
//! While it refuses, the port stays bound, so that nobody else gets it.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use crate::connection;
use crate::shared::Shared;

/// Connections the kernel keeps until they are accepted.
const BACKLOG: i32 = 128;

/// The listening side of one server.
pub(crate) struct Listener {
    address: SocketAddr,
    receive_buffer: Option<usize>,
    state: State,
}

enum State {
    Accepting {
        stop: Arc<AtomicBool>,
        thread: JoinHandle<()>,
    },
    /// Bound, refusing; None if the port could not be kept.
    Refusing(Option<Socket>),
}

impl Listener {
    /// Binds without accepting yet.
    pub(crate) fn bind(address: SocketAddr, receive_buffer: Option<usize>) -> io::Result<Self> {
        let socket = bound(address, receive_buffer)?;
        let local = socket.local_addr()?.as_socket();
        Ok(Self {
            address: local.ok_or(io::ErrorKind::AddrNotAvailable)?,
            receive_buffer,
            state: State::Refusing(Some(socket)),
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Begins to accept.
    pub(crate) fn resume(&mut self, shared: &Arc<Shared>) -> io::Result<()> {
        let State::Refusing(kept) = &mut self.state else {
            return Ok(());
        };
        let socket = match kept.take() {
            Some(socket) => socket,
            None => bound(self.address, self.receive_buffer)?,
        };
        socket.listen(BACKLOG)?;
        let listener = TcpListener::from(socket);
        let stop = Arc::new(AtomicBool::new(false));
        let (flag, shared) = (Arc::clone(&stop), Arc::clone(shared));
        let thread = thread::Builder::new().name("accept".into()).spawn(move || accept(&listener, &flag, &shared))?;
        self.state = State::Accepting { stop, thread };
        Ok(())
    }

    /// Stops accepting: new connections are refused, open ones go on.
    pub(crate) fn stop(&mut self) {
        let state = std::mem::replace(&mut self.state, State::Refusing(None));
        let State::Accepting { stop, thread } = state else {
            self.state = state;
            return;
        };
        stop.store(true, Ordering::SeqCst);
        // Wakes the accepting thread, which then drops the socket.
        drop(TcpStream::connect(self.address));
        let _panicked = thread.join();
        self.state = State::Refusing(bound(self.address, self.receive_buffer).ok());
    }
}

fn bound(address: SocketAddr, receive_buffer: Option<usize>) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Old connections of this port may still be around when it is taken again. On Windows the
    // option would let two sockets share the port.
    if cfg!(unix) {
        socket.set_reuse_address(true)?;
    }
    if let Some(size) = receive_buffer {
        // Accepted sockets inherit it, which is the only way to bound the first window.
        socket.set_recv_buffer_size(size)?;
    }
    socket.bind(&address.into())?;
    Ok(socket)
}

fn accept(listener: &TcpListener, stop: &AtomicBool, shared: &Arc<Shared>) {
    loop {
        let accepted = listener.accept();
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let Ok((stream, _)) = accepted else {
            // A client that was gone at once, or out of descriptors, which may pass.
            shared.control.sleep(Duration::from_millis(10));
            continue;
        };
        let number = shared.accepted.fetch_add(1, Ordering::SeqCst) + 1;
        let here = Arc::clone(shared);
        shared.spawn("connection", move || {
            connection::serve(&here, Arc::new(stream), number);
        });
    }
}
