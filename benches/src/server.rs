//! The sink, as the process that is compared against sees it.

use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use crate::Result;
use crate::options::Options;
use crate::sink::{ENDPOINT, HOLDING};

/// A running sink; it ends when this value is dropped, and when this process dies.
pub(crate) struct Server {
    process: Child,
    address: String,
}

impl Server {
    /// Starts it as a process of its own.
    pub(crate) fn start(options: &Options) -> Result<Self> {
        let program = env::current_exe().map_err(|error| format!("this program cannot be found: {error}"))?;
        let mut command = Command::new(program);
        command.args(["sink", options.sink.word()]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().map_err(|error| format!("the sink did not start: {error}"))?;
        let mut address = String::new();
        if let Some(output) = process.stdout.take() {
            let read = BufReader::new(output).read_line(&mut address);
            read.map_err(|error| format!("the sink told no address: {error}"))?;
        }
        let address = address.trim().to_owned();
        if address.is_empty() {
            return Err("the sink told no address".into());
        }
        Ok(Self { process, address })
    }

    /// Where uploads are created.
    pub(crate) fn url(&self) -> String {
        format!("http://{}{ENDPOINT}", self.address)
    }

    /// Where uploads are created whose PATCH it does not read.
    pub(crate) fn holding_url(&self) -> String {
        format!("http://{}{HOLDING}", self.address)
    }

    /// How many bytes it has received and how many uploads are complete, since it started.
    pub(crate) fn received(&self) -> Result<(u64, u64)> {
        let answer = self.ask().map_err(|error| format!("the sink does not answer: {error}"))?;
        let body = answer.split("\r\n\r\n").nth(1).unwrap_or_default();
        let numbers: Vec<u64> = body.split(' ').filter_map(|word| word.parse().ok()).collect();
        match numbers[..] {
            [bytes, uploads] => Ok((bytes, uploads)),
            _ => Err(format!("the sink answers strangely: {answer}")),
        }
    }

    fn ask(&self) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.write_all(b"GET /received HTTP/1.1\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}
