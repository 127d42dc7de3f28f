//! A running server and everything a test can ask of it.
//!
//! Starts threads and ends all of them when dropped; the folder goes too unless it was given.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::control::held;
use crate::listener::Listener;
use crate::log::{Request, Violation};
use crate::options::Options;
use crate::rule::Rule;
use crate::shared::Shared;
use crate::store::{Append, Concat, Entry, How, Info, Store};
use crate::tls::{self, TlsFiles};
use crate::urls::Urls;

/// An upload as the server knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Its id, the last part of its URL.
    pub id: String,
    /// Bytes stored.
    pub offset: u64,
    /// Length, unless still deferred.
    pub length: Option<u64>,
    /// `Upload-Metadata` as sent.
    pub metadata: Option<String>,
    /// Its part in concatenation.
    pub concat: Concat,
    /// When it expires, if it ever does.
    pub expires: Option<SystemTime>,
    /// Whether every byte is there.
    pub finished: bool,
}

impl Upload {
    fn of(entry: &Entry) -> Self {
        let info = entry.info();
        Self {
            id: entry.id().to_owned(),
            offset: entry.offset(),
            length: info.length,
            metadata: info.metadata,
            concat: info.concat,
            expires: info.expires,
            finished: entry.is_finished(),
        }
    }
}

/// A running server.
pub struct Server {
    shared: Arc<Shared>,
    listener: Mutex<Listener>,
    address: SocketAddr,
    tls: Option<TlsFiles>,
    /// The folder to remove at the end.
    own_dir: Option<PathBuf>,
}

/// Starting, and where it is.
impl Server {
    /// Starts a server; it accepts connections when this returns.
    ///
    /// # Errors
    ///
    /// If the folder cannot be used, the port is taken, or the path lacks a slash at an end.
    pub fn start(options: Options) -> io::Result<Self> {
        if !options.path.starts_with('/') || !options.path.ends_with('/') {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path must begin and end with a slash"));
        }
        let address = SocketAddr::new(options.ip, options.port);
        let mut listener = Listener::bind(address, options.receive_buffer)?;
        let address = listener.address();
        let (dir, own_dir) = match &options.dir {
            Some(dir) => (dir.clone(), None),
            None => {
                let dir = fresh_dir();
                (dir.clone(), Some(dir))
            }
        };
        let store = Store::open(&dir, options.sink)?;
        let (config, files) = match options.tls {
            Some(tls) => {
                let (config, files) = tls::set_up(tls)?;
                (Some(config), Some(files))
            }
            None => (None, None),
        };
        let scheme = if config.is_some() { "https" } else { "http" };
        let urls = Urls { origin: format!("{scheme}://{address}"), base: options.path.clone() };
        let shared = Arc::new(Shared::new(options, urls, store, config));
        listener.resume(&shared)?;
        Ok(Self { shared, listener: Mutex::new(listener), address, tls: files, own_dir })
    }

    /// The creation URL, e.g. `http://127.0.0.1:1234/files/`.
    pub fn endpoint(&self) -> String {
        format!("{}{}", self.shared.urls.origin, self.shared.urls.base)
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> &str {
        &self.shared.urls.origin
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Where the uploads are.
    pub fn dir(&self) -> &Path {
        self.shared.store.dir()
    }

    /// What a client needs to trust and to show, with HTTPS.
    pub fn tls(&self) -> Option<&TlsFiles> {
        self.tls.as_ref()
    }

    /// The absolute URL of an upload.
    pub fn upload_url(&self, id: &str) -> String {
        format!("{}{}", self.origin(), self.shared.urls.path(id))
    }
}

/// What it is to do wrong.
impl Server {
    /// Appends a rule.
    pub fn script(&self, rule: Rule) {
        self.shared.script.push(rule);
    }

    /// Forgets all rules.
    pub fn clear_script(&self) {
        self.shared.script.clear();
    }

    /// Rules that still wait for their request; those that hold for ever are not counted.
    pub fn pending_rules(&self) -> usize {
        self.shared.script.pending()
    }

    /// Refuses new connections; open ones go on.
    pub fn stop_listening(&self) {
        held(&self.listener).stop();
    }

    /// Accepts connections again, on the same port.
    ///
    /// # Errors
    ///
    /// If the port was lost meanwhile.
    pub fn resume_listening(&self) -> io::Result<()> {
        held(&self.listener).resume(&self.shared)
    }

    /// Shuts all connections that wait for a next request; returns how many.
    pub fn close_idle_connections(&self) -> usize {
        self.shared.peers.shut_idle()
    }

    /// Shuts all connections, whatever they are doing.
    pub fn close_all_connections(&self) {
        self.shared.peers.shut_all();
    }

    /// Lets the server believe that it is later (or earlier) by so many seconds.
    pub fn set_clock_skew(&self, seconds: i64) {
        self.shared.clock_skew.store(seconds, Ordering::Relaxed);
    }
}

/// What happened.
impl Server {
    /// The log, in order.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.log.requests()
    }

    /// The rules clients broke.
    pub fn violations(&self) -> Vec<Violation> {
        self.shared.log.violations()
    }

    /// Empties the log of requests and of broken rules.
    pub fn clear_log(&self) {
        self.shared.log.clear();
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> usize {
        usize::try_from(self.shared.accepted.load(Ordering::SeqCst)).unwrap_or(usize::MAX)
    }

    /// Waits until the log satisfies a condition; false if it did not in time.
    pub fn wait_for(&self, test: impl Fn(&[Request]) -> bool, limit: Duration) -> bool {
        self.shared.log.wait_for(test, limit)
    }
}

/// The uploads.
impl Server {
    /// All uploads, oldest first.
    pub fn uploads(&self) -> Vec<Upload> {
        let all = self.shared.store.all();
        for entry in &all {
            // An upload whose parts cannot be read stays unfinished, which then shows.
            let _unfinished = self.shared.store.settle(entry);
        }
        all.iter().map(|entry| Upload::of(entry)).collect()
    }

    /// One upload.
    pub fn upload(&self, id: &str) -> Option<Upload> {
        self.shared.store.find(id).map(|entry| Upload::of(&entry))
    }

    /// The bytes of an upload; None if there is no such upload, or in a sink.
    pub fn upload_bytes(&self, id: &str) -> Option<Vec<u8>> {
        let entry = self.shared.store.find(id)?;
        self.shared.store.settle(&entry).ok()?;
        fs::read(self.shared.store.bytes_path(id)).ok()
    }

    /// Makes an upload with its first bytes, as if a client had; returns its absolute URL.
    ///
    /// # Errors
    ///
    /// If the folder cannot be written to.
    pub fn seed(&self, length: Option<u64>, bytes: &[u8]) -> io::Result<String> {
        let mut info = Info::new(length);
        let lifetime = self.shared.options.expires_after;
        info.expires = lifetime.map(|lifetime| self.shared.now() + lifetime);
        let entry = self.shared.store.create(info)?;
        entry.forget_told();
        let mut append = Append::begin(&self.shared.store, &entry, How::Direct)?;
        append.write(bytes)?;
        append.commit()?;
        Ok(self.upload_url(entry.id()))
    }

    /// Takes bytes off the end of an upload, as a server that lost them (T-028).
    ///
    /// # Errors
    ///
    /// If there is no such upload or its file cannot be written to.
    pub fn truncate_upload(&self, id: &str, offset: u64) -> io::Result<()> {
        let entry = self.shared.store.find(id).ok_or(io::ErrorKind::NotFound)?;
        if !self.shared.store.sinks() {
            let path = self.shared.store.bytes_path(id);
            let file = fs::OpenOptions::new().write(true).open(path)?;
            file.set_len(offset)?;
        }
        entry.set_offset(offset);
        Ok(())
    }

    /// Makes an upload expire at that time, or never.
    ///
    /// # Errors
    ///
    /// If there is no such upload or its file cannot be written to.
    pub fn set_expiry(&self, id: &str, expires: Option<SystemTime>) -> io::Result<()> {
        let entry = self.shared.store.find(id).ok_or(io::ErrorKind::NotFound)?;
        entry.set_expires(expires);
        self.shared.store.save(&entry)
    }

    /// Removes an upload behind the client's back; it is gone from now on.
    pub fn remove_upload(&self, id: &str) {
        if let Some(entry) = self.shared.store.find(id) {
            self.shared.store.remove(&entry);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.control.stop();
        held(&self.listener).stop();
        self.shared.peers.shut_all();
        self.shared.join();
        if let Some(dir) = &self.own_dir {
            let _left_behind = fs::remove_dir_all(dir);
        }
    }
}

/// A folder no other server has.
fn fresh_dir() -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let nanos = now.map_or(0, |now| now.subsec_nanos());
    let process = std::process::id();
    std::env::temp_dir().join(format!("tus-test-server-{process}-{count}-{nanos}"))
}
