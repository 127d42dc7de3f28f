//! The server: as much of tus as uploads need, over bare sockets, and as little work as possible with the bytes, so
//! that the client is what is measured. It keeps numbers and no bytes.

mod body;
mod connection;
mod request;
mod uploads;

use std::io::{self, Write};
use std::net::TcpListener;
use std::process;
use std::sync::Arc;
use std::thread;

use crate::Result;
use crate::options::SinkMode;
use connection::Connection;
use uploads::Uploads;

/// The path that uploads are created at.
pub(crate) const ENDPOINT: &str = "/files/";
/// The same, for uploads that are held: the body of a PATCH is not read, but for that of a small file.
pub(crate) const HOLDING: &str = "/held/";

/// Runs the server until its standard input ends. Its address is the first line that it prints.
pub(crate) fn serve(arguments: &[String]) -> Result<()> {
    let mode = SinkMode::parse(arguments.first().map_or("", String::as_str))?;
    listen(mode).map_err(|error| format!("the sink: {error}"))
}

fn listen(mode: SinkMode) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    println!("{address}");
    io::stdout().flush()?;
    thread::spawn(end_with_the_parent);

    let uploads = Arc::new(Uploads::default());
    loop {
        let (stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        let mut connection = Connection::new(stream, mode, address.clone(), Arc::clone(&uploads));
        // An error is the client's going away; what it sent is counted.
        thread::spawn(move || connection.serve());
    }
}

fn end_with_the_parent() {
    let _ = io::copy(&mut io::stdin(), &mut io::sink());
    process::exit(0);
}
