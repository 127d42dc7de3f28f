//! Adding the body of one request to an upload, directly or aside.
//!
//! Direct bytes count at once. Bytes put aside (`<id>.part`) count when committed, so a server
//! killed in between never counts what it had not verified.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Entry, Store};

/// When bytes begin to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// As they come.
    Direct,
    /// When the request is over and right.
    Aside,
}

/// The body of one request on its way to disk.
pub(crate) struct Append {
    entry: Arc<Entry>,
    how: How,
    start: u64,
    written: u64,
    /// None in a sink.
    file: Option<File>,
    bytes_path: PathBuf,
    part_path: PathBuf,
}

impl Append {
    /// Begins at the present offset; the caller has taken the entry.
    pub(crate) fn begin(store: &Store, entry: &Arc<Entry>, how: How) -> io::Result<Self> {
        let bytes_path = store.bytes_path(entry.id());
        let part_path = store.bytes_path(&format!("{}.part", entry.id()));
        let file = match (store.sinks(), how) {
            (true, _) => None,
            (_, How::Direct) => Some(OpenOptions::new().append(true).open(&bytes_path)?),
            (_, How::Aside) => Some(File::create(&part_path)?),
        };
        Ok(Self { entry: Arc::clone(entry), how, start: entry.offset(), written: 0, file, bytes_path, part_path })
    }

    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(file) = &mut self.file {
            file.write_all(bytes)?;
        }
        self.written += bytes.len() as u64;
        if self.how == How::Direct {
            self.entry.set_offset(self.start + self.written);
        }
        Ok(())
    }

    /// Makes everything written count.
    pub(crate) fn commit(mut self) -> io::Result<()> {
        if self.how == How::Direct {
            return Ok(());
        }
        let put_aside = self.file.take().is_some();
        if put_aside {
            let mut whole = OpenOptions::new().append(true).open(&self.bytes_path)?;
            io::copy(&mut File::open(&self.part_path)?, &mut whole)?;
            fs::remove_file(&self.part_path)?;
        }
        self.entry.set_offset(self.start + self.written);
        Ok(())
    }

    /// Takes everything written back.
    pub(crate) fn discard(self) -> io::Result<()> {
        match (self.how, &self.file) {
            (How::Direct, Some(file)) => file.set_len(self.start)?,
            (How::Aside, Some(_)) => fs::remove_file(&self.part_path)?,
            (_, None) => {}
        }
        self.entry.set_offset(self.start);
        Ok(())
    }

    /// Sets the bytes aside under a name of their own, to be committed after the request.
    pub(crate) fn postpone(mut self) -> io::Result<Postponed> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let late_path = self.part_path.with_extension(format!("{count}.late"));
        if self.file.take().is_some() {
            fs::rename(&self.part_path, &late_path)?;
        }
        Ok(Postponed {
            entry: self.entry,
            start: self.start,
            length: self.written,
            late_path,
            bytes_path: self.bytes_path,
        })
    }
}

/// Bytes that will count later.
pub(crate) struct Postponed {
    entry: Arc<Entry>,
    start: u64,
    length: u64,
    late_path: PathBuf,
    bytes_path: PathBuf,
}

impl Postponed {
    /// Makes them count, unless the upload went on without them.
    pub(crate) fn commit(self) -> io::Result<()> {
        let Some(_busy) = self.entry.take(std::time::Duration::from_secs(3600)) else {
            return Ok(());
        };
        if self.entry.offset() == self.start {
            if self.late_path.exists() {
                let mut whole = OpenOptions::new().append(true).open(&self.bytes_path)?;
                io::copy(&mut File::open(&self.late_path)?, &mut whole)?;
            }
            self.entry.set_offset(self.start + self.length);
        }
        let _absent = fs::remove_file(&self.late_path);
        Ok(())
    }
}
