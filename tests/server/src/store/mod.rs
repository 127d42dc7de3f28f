//! Uploads on disk: `<dir>/<id>` holds the bytes, `<id>.info` what is known about them.
//!
//! The length of the bytes file is the offset, so a server that starts on the same folder goes
//! on where the last one ended. Knows no HTTP and decides no status.

mod append;
mod entry;
mod info;

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use sha1::Digest;

use crate::control::held;

pub(crate) use append::{Append, How, Postponed};
pub(crate) use entry::Entry;
pub use info::Concat;
pub(crate) use info::Info;

/// The uploads of one server.
pub(crate) struct Store {
    dir: PathBuf,
    sink: bool,
    entries: Mutex<HashMap<String, Arc<Entry>>>,
    gone: Mutex<Vec<String>>,
    counter: AtomicU64,
}

impl Store {
    /// Opens a folder and takes up the uploads in it.
    pub(crate) fn open(dir: &Path, sink: bool) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let mut entries = HashMap::new();
        for file in fs::read_dir(dir)? {
            let name = file?.file_name();
            let name = name.to_string_lossy().into_owned();
            if name.ends_with(".part") || name.ends_with(".late") {
                // A server that died had not verified or not committed these.
                fs::remove_file(dir.join(&name))?;
            }
            let Some(id) = name.strip_suffix(".info") else {
                continue;
            };
            let text = fs::read_to_string(dir.join(&name))?;
            let offset = fs::metadata(dir.join(id)).map_or(0, |meta| meta.len());
            if let Some(info) = Info::parse(&text) {
                entries.insert(id.to_owned(), Arc::new(Entry::known(id, info, offset)));
            }
        }
        Ok(Self {
            dir: dir.to_owned(),
            sink,
            entries: Mutex::new(entries),
            gone: Mutex::default(),
            counter: AtomicU64::new(0),
        })
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn sinks(&self) -> bool {
        self.sink
    }

    /// Makes a new, empty upload.
    pub(crate) fn create(&self, info: Info) -> io::Result<Arc<Entry>> {
        let id = self.new_id();
        if !self.sink {
            fs::write(self.bytes_path(&id), b"")?;
        }
        let entry = Arc::new(Entry::fresh(&id, info));
        self.save(&entry)?;
        held(&self.entries).insert(id, Arc::clone(&entry));
        Ok(entry)
    }

    pub(crate) fn find(&self, id: &str) -> Option<Arc<Entry>> {
        held(&self.entries).get(id).cloned()
    }

    /// Whether there once was such an upload.
    pub(crate) fn was_removed(&self, id: &str) -> bool {
        held(&self.gone).iter().any(|gone| gone == id)
    }

    /// All uploads, oldest first.
    pub(crate) fn all(&self) -> Vec<Arc<Entry>> {
        let mut all: Vec<_> = held(&self.entries).values().cloned().collect();
        all.sort_by_key(|entry| (entry.created(), entry.id().to_owned()));
        all
    }

    /// Writes what is known about an upload, in one step.
    pub(crate) fn save(&self, entry: &Entry) -> io::Result<()> {
        if self.sink {
            return Ok(());
        }
        let path = self.dir.join(format!("{}.info", entry.id()));
        let fresh = self.dir.join(format!("{}.info.new", entry.id()));
        fs::write(&fresh, entry.info().to_text())?;
        fs::rename(fresh, path)
    }

    /// Removes an upload; its id is never used again.
    pub(crate) fn remove(&self, entry: &Entry) {
        held(&self.entries).remove(entry.id());
        held(&self.gone).push(entry.id().to_owned());
        for suffix in ["", ".info", ".part"] {
            let _absent = fs::remove_file(self.dir.join(format!("{}{suffix}", entry.id())));
        }
    }

    pub(crate) fn bytes_path(&self, id: &str) -> PathBuf {
        self.dir.join(id)
    }

    /// Puts the bytes of a final upload together once all parts are finished.
    pub(crate) fn settle(&self, entry: &Entry) -> io::Result<()> {
        let Concat::Final(parts) = entry.info().concat else {
            return Ok(());
        };
        if entry.is_finished() {
            return Ok(());
        }
        let parts: Vec<_> = parts.iter().filter_map(|id| self.find(id)).collect();
        let Concat::Final(ids) = entry.info().concat else {
            return Ok(());
        };
        let complete = parts.len() == ids.len() && parts.iter().all(|part| part.is_finished());
        if !complete {
            return Ok(());
        }
        let total = parts.iter().map(|part| part.offset()).sum();
        if !self.sink {
            let mut whole = fs::File::create(self.bytes_path(entry.id()))?;
            for part in &parts {
                io::copy(&mut fs::File::open(self.bytes_path(part.id()))?, &mut whole)?;
            }
        }
        entry.set_length(total);
        entry.set_offset(total);
        self.save(entry)
    }

    /// An id nobody guesses and nobody used before.
    fn new_id(&self) -> String {
        let count = self.counter.fetch_add(1, Ordering::Relaxed);
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let seed = format!("{count} {now:?} {} {:p}", std::process::id(), self);
        let digest = sha2::Sha256::digest(seed.as_bytes());
        digest[..12].iter().map(|b| format!("{b:02x}")).collect()
    }
}
