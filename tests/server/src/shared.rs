//! What all threads of one server share, and the work they leave for later.
//!
//! Owns the store, the script, the log and the list of threads; handles no request itself.

use std::collections::HashSet;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;

use crate::control::{Control, held};
use crate::log::Log;
use crate::options::Options;
use crate::peers::Peers;
use crate::script::Script;
use crate::store::{Entry, Postponed, Store};
use crate::urls::Urls;

/// The state of one server.
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) urls: Urls,
    pub(crate) store: Store,
    pub(crate) script: Script,
    pub(crate) log: Log,
    pub(crate) control: Control,
    pub(crate) peers: Peers,
    pub(crate) tls: Option<Arc<ServerConfig>>,
    pub(crate) accepted: AtomicU64,
    /// Seconds the server's clock is ahead of the machine's.
    pub(crate) clock_skew: AtomicI64,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Uploads the client deleted and was told so (T-111).
    terminated: Mutex<HashSet<String>>,
}

impl Shared {
    pub(crate) fn new(options: Options, urls: Urls, store: Store, tls: Option<Arc<ServerConfig>>) -> Self {
        let log = Log::new(options.log_requests, options.log_body);
        Self {
            options,
            urls,
            store,
            script: Script::default(),
            log,
            control: Control::default(),
            peers: Peers::default(),
            tls,
            accepted: AtomicU64::new(0),
            clock_skew: AtomicI64::new(0),
            threads: Mutex::default(),
            terminated: Mutex::default(),
        }
    }

    /// The server's idea of the time.
    pub(crate) fn now(&self) -> SystemTime {
        let skew = self.clock_skew.load(Ordering::Relaxed);
        let distance = Duration::from_secs(skew.unsigned_abs());
        let now = SystemTime::now();
        if skew < 0 { now - distance } else { now + distance }
    }

    /// An upload that is there and has not expired.
    pub(crate) fn find(&self, id: &str) -> Option<Arc<Entry>> {
        let entry = self.store.find(id)?;
        let expired = entry.info().expires.is_some_and(|end| end <= self.now());
        if expired && !entry.is_finished() {
            self.store.remove(&entry);
            return None;
        }
        Some(entry)
    }

    /// Remembers that a client gave an upload up.
    pub(crate) fn terminate(&self, entry: &Entry) {
        self.store.remove(entry);
        held(&self.terminated).insert(entry.id().to_owned());
    }

    pub(crate) fn was_terminated(&self, id: &str) -> bool {
        held(&self.terminated).contains(id)
    }

    /// Commits bytes after a while, unless the server stops first.
    pub(crate) fn commit_later(self: &Arc<Self>, postponed: Postponed, after: Duration) {
        let shared = Arc::clone(self);
        self.spawn("late-commit", move || {
            if shared.control.sleep(after) {
                // The folder may be gone already; nobody waits for these bytes then.
                let _lost = postponed.commit();
            }
        });
    }

    /// Runs something on a thread that is joined when the server ends.
    pub(crate) fn spawn(&self, name: &str, work: impl FnOnce() + Send + 'static) {
        let mut threads = held(&self.threads);
        threads.retain(|thread| !thread.is_finished());
        let builder = thread::Builder::new().name(name.to_owned());
        // Without threads there is no server; the connection is simply dropped.
        if let Ok(thread) = builder.spawn(work) {
            threads.push(thread);
        }
    }

    /// Waits for all threads; they must have been told to end.
    pub(crate) fn join(&self) {
        loop {
            let threads = std::mem::take(&mut *held(&self.threads));
            if threads.is_empty() {
                return;
            }
            for thread in threads {
                let _panicked = thread.join();
            }
        }
    }
}
