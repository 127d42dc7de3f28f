//! The embedded server of the demonstration: a process of its own, ended with the value, and by the end of its standard
//! input when the demonstration is broken off.

use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

/// A running server.
#[derive(Debug)]
pub(super) struct Server {
    process: Child,
    /// Where uploads are created.
    pub(super) endpoint: String,
}

impl Server {
    /// Starts it with an empty folder for uploads and a limit in bytes a second.
    pub(super) fn start(program: &Path, uploads: &Path, speed: u64) -> Result<Self, String> {
        let mut command = Command::new(program);
        command.arg("--dir").arg(uploads).args(["--port", "0", "--throttle", &speed.to_string()]);
        command.args(["--quiet", "--until-stdin-eof"]).stdin(Stdio::piped());
        let spawned = command.stdout(Stdio::piped()).spawn();
        let mut process = spawned.map_err(|error| format!("{}: {error}", program.display()))?;
        let output = process.stdout.take();
        let mut server = Self { process, endpoint: String::new() };

        let mut output = BufReader::new(output.ok_or("the server has no output")?);
        output.read_line(&mut server.endpoint).map_err(|error| format!("the server's output: {error}"))?;
        server.endpoint.truncate(server.endpoint.trim_end().len());
        if !server.endpoint.starts_with("http://") {
            return Err(format!("the server did not print its endpoint first, but: {:?}", server.endpoint));
        }
        // Whatever it prints later must not fill the pipe.
        thread::spawn(move || io::copy(&mut output, &mut io::sink()));
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; then both have nothing to do.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
