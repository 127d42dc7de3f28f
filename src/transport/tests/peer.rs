//! The two ends of a test: a scripted server on a thread, and a client with everything at hand.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::transport::{
    Body, BodyReader, Break, Cancel, FileSending, ProxySetting, Received, Request, Settings, Timeouts, Transport, Watch,
};

/// Runs a test of times, which a busy machine can spoil: when it fails it is tried again, four times at most.
pub(super) fn patiently(test: impl Fn()) {
    let failed = || std::panic::catch_unwind(std::panic::AssertUnwindSafe(&test)).is_err();
    if (0..4).all(|_| failed()) {
        test();
    }
}

/// A server that runs a script; dropping it waits for the script and passes its panic on.
pub(super) struct Peer {
    pub(super) port: u16,
    script: Option<JoinHandle<()>>,
}

impl Peer {
    /// Runs `script` with the listener.
    pub(super) fn new(script: impl FnOnce(TcpListener) + Send + 'static) -> Peer {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        Peer { port, script: Some(std::thread::spawn(move || script(listener))) }
    }

    /// Runs `script` with the first connection.
    pub(super) fn once(script: impl FnOnce(Connection) + Send + 'static) -> Peer {
        Peer::new(move |listener| script(accept(&listener)))
    }

    /// Answers every request on one connection with the next of `answers`, then closes.
    pub(super) fn answering(answers: &'static [&'static str]) -> Peer {
        Peer::once(move |mut connection| {
            for answer in answers {
                connection.read_request();
                connection.write(answer);
            }
        })
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/files", self.port)
    }

    /// Waits for the end of the script.
    pub(super) fn finish(mut self) {
        self.join();
    }

    fn join(&mut self) {
        if let Some(Err(panic)) = self.script.take().map(JoinHandle::join) {
            std::panic::resume_unwind(panic);
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.join();
        }
    }
}

/// Accepts a connection; a test that waits for it in vain fails instead of hanging.
pub(super) fn accept(listener: &TcpListener) -> Connection {
    let (stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.set_nodelay(true).unwrap();
    Connection(stream)
}

/// The server's end of a connection, encrypted or not.
pub(super) struct Connection<S = TcpStream>(pub(super) S);

impl<S: Read + Write> Connection<S> {
    /// Everything up to the empty line, and not a byte more.
    pub(super) fn read_head(&mut self) -> String {
        self.try_read_head().expect("a request")
    }

    /// The same; `None` if the client closed the connection instead.
    pub(super) fn try_read_head(&mut self) -> Option<String> {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            if self.0.read(&mut byte).ok()? == 0 {
                assert!(head.is_empty(), "half a head: {:?}", String::from_utf8_lossy(&head));
                return None;
            }
            head.push(byte[0]);
        }
        Some(String::from_utf8(head).unwrap())
    }

    /// Head and body.
    pub(super) fn read_request(&mut self) -> (String, Vec<u8>) {
        let head = self.read_head();
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned))
            .map_or(0, |length| length.parse().unwrap());
        let body = self.read(length);
        (head, body)
    }

    pub(super) fn read(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.0.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// Reads until the client closes; an error counts as that. Returns what came.
    pub(super) fn read_to_end(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let _ = self.0.read_to_end(&mut bytes);
        bytes
    }

    pub(super) fn write(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).unwrap();
        self.0.flush().unwrap();
    }
}

/// The client's end.
pub(super) struct Client {
    pub(super) transport: Transport,
    pub(super) cancel: Cancel,
    pub(super) watch: Arc<dyn Watch>,
}

/// Limits short enough for a test that meets none of them by accident.
pub(super) fn settings() -> Settings {
    let seconds = Duration::from_secs(10);
    Settings {
        timeouts: Timeouts { connect: seconds, response: seconds, stall: seconds },
        proxy: ProxySetting::None,
        files: FileSending::Kernel,
        ..Settings::default()
    }
}

pub(super) fn client() -> Client {
    Client::new(settings())
}

impl Client {
    pub(super) fn new(settings: Settings) -> Client {
        Client {
            transport: Transport::new(settings).unwrap(),
            cancel: Cancel::new(),
            watch: Arc::new(Counter::default()),
        }
    }

    pub(super) fn perform(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: Body<'_>,
    ) -> Result<Received, Break> {
        let headers: Vec<_> = headers.iter().map(|(n, v)| (n.to_string(), v.to_string().into())).collect();
        let request = Request {
            method,
            url,
            headers: &headers,
            deadline: None,
            timeouts: None,
            response_limit: None,
            fresh_connection: false,
            identify: true,
            pointed_by: &[],
        };
        self.transport.perform(&request, body, &self.cancel, &self.watch)
    }

    pub(super) fn head(&self, url: &str) -> Result<Received, Break> {
        self.perform("HEAD", url, &[], Body::None)
    }

    pub(super) fn get(&self, url: &str) -> Result<Received, Break> {
        self.perform("GET", url, &[], Body::None)
    }

    /// A PATCH with these bytes.
    pub(super) fn patch(&self, url: &str, bytes: &[u8]) -> Result<Received, Break> {
        self.patch_from(url, &mut Memory(bytes.to_vec(), 0), bytes.len() as u64)
    }

    pub(super) fn patch_from(&self, url: &str, reader: &mut dyn BodyReader, length: u64) -> Result<Received, Break> {
        self.perform("PATCH", url, &[], Body::Sized { reader, length })
    }
}

/// A watcher that counts.
#[derive(Default)]
pub(super) struct Counter {
    pub(super) ticks: AtomicUsize,
    pub(super) sent: AtomicU64,
    pub(super) interval: Option<Duration>,
    /// Break at this tick.
    pub(super) stop_at: Option<usize>,
}

impl Watch for Counter {
    fn tick(&self, body_sent: u64) -> ControlFlow<()> {
        let tick = self.ticks.fetch_add(1, Ordering::SeqCst) + 1;
        self.sent.store(body_sent, Ordering::SeqCst);
        if self.stop_at.is_some_and(|stop| tick >= stop) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn interval(&self) -> Option<Duration> {
        self.interval
    }
}

/// Bytes in memory, and the position of the next one.
pub(super) struct Memory(pub(super) Vec<u8>, pub(super) usize);

impl BodyReader for Memory {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = buffer.len().min(self.0.len() - self.1);
        buffer[..count].copy_from_slice(&self.0[self.1..self.1 + count]);
        self.1 += count;
        Ok(count)
    }

    fn file(&self) -> Option<(&File, u64)> {
        None
    }

    fn skip(&mut self, _: u64) {
        panic!("there is nothing to skip");
    }
}

/// Any number of zeros.
pub(super) struct Zeros;

impl BodyReader for Zeros {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        Ok(buffer.len())
    }

    fn file(&self) -> Option<(&File, u64)> {
        None
    }

    fn skip(&mut self, _: u64) {
        panic!("there is nothing to skip");
    }
}

/// A file, and the position of the next byte.
pub(super) struct OnDisk(pub(super) File, pub(super) u64);

impl OnDisk {
    /// A temporary file with these bytes, already unlinked.
    pub(super) fn with(bytes: &[u8]) -> OnDisk {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("libtus-test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
        let path = std::env::temp_dir().join(name);
        let mut file = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        file.write_all(bytes).unwrap();
        OnDisk(file, 0)
    }
}

impl BodyReader for OnDisk {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = std::os::unix::fs::FileExt::read_at(&self.0, buffer, self.1)?;
        self.1 += count as u64;
        Ok(count)
    }

    fn file(&self) -> Option<(&File, u64)> {
        Some((&self.0, self.1))
    }

    fn skip(&mut self, n: u64) {
        self.1 += n;
    }
}

/// Bytes without a pattern that a shifted copy would share.
pub(super) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// A list to collect into from a script.
pub(super) type Log<T> = Arc<Mutex<Vec<T>>>;

/// A port on which connecting neither succeeds nor fails: its queue of connections is full.
pub(super) struct FullBacklog {
    listener: std::os::fd::OwnedFd,
    _waiting: Vec<crate::sys::socket::Socket>,
    port: u16,
}

impl FullBacklog {
    pub(super) fn new() -> FullBacklog {
        Self::at("127.0.0.1", 0)
    }

    pub(super) fn at(host: &str, port: u16) -> FullBacklog {
        let listener = std::os::fd::OwnedFd::from(TcpListener::bind((host, port)).unwrap());
        let address = TcpListener::from(listener.try_clone().unwrap()).local_addr().unwrap();
        crate::sys::socket::set_backlog(&listener, 0);
        // One connection fits, a second one may; the third one's SYN is dropped.
        let waiting = (0..3).map(|_| crate::sys::socket::Socket::connect(&address).unwrap()).collect();
        std::thread::sleep(Duration::from_millis(20));
        FullBacklog { listener, _waiting: waiting, port: address.port() }
    }

    pub(super) fn url(&self) -> String {
        let _ = &self.listener;
        format!("http://127.0.0.1:{}/", self.port)
    }
}
