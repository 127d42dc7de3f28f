//! A running server: started on a free port, waited for, looked into, ended.

use std::fs;
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::recipe::{Launch, Recipe, uploads_in};
use crate::wrapper::Wrapped;
use crate::{install, left_out, raw};

/// The slowest server needs 3 s alone on the machine; this leaves room for a machine full of tests.
pub(crate) const START_LIMIT: Duration = Duration::from_secs(60);

/// A free port may be taken by another process before the server has it.
pub(crate) const START_TRIES: usize = 3;

/// A real tus server of this test's own, on a loopback port, with an empty folder.
///
/// Dropping it kills the server, waits for its end and removes the folder; the same happens when
/// the test process dies.
#[derive(Debug)]
pub struct Peer {
    recipe: &'static Recipe,
    installed: PathBuf,
    dir: PathBuf,
    extra: Vec<String>,
    port: u16,
    endpoint: String,
    server: Option<Wrapped>,
}

impl Peer {
    /// Starts a server of the given kind, or writes it down as left out.
    ///
    /// # Panics
    ///
    /// When it is installed but does not start: that is a fault, not a part that is missing.
    #[track_caller]
    pub(crate) fn start_or_leave_out(recipe: &'static Recipe, extra: &[&str]) -> Option<Self> {
        let installed = match install::ensure(recipe) {
            Ok(folder) => folder,
            Err(reason) => return left_out(recipe.name, &reason),
        };
        match Self::start_new(recipe, installed, extra) {
            Ok(peer) => Some(peer),
            Err(error) => panic!("{} does not start: {error}", recipe.name),
        }
    }

    fn start_new(recipe: &'static Recipe, installed: PathBuf, extra: &[&str]) -> io::Result<Self> {
        let mut peer = Self {
            recipe,
            installed,
            dir: new_dir(recipe.name),
            extra: extra.iter().map(ToString::to_string).collect(),
            port: 0,
            endpoint: String::new(),
            server: None,
        };
        let mut tries = 1;
        loop {
            peer.port = free_port()?;
            peer.endpoint = format!("http://127.0.0.1:{}{}", peer.port, recipe.path);
            match peer.start() {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe && tries < START_TRIES => tries += 1,
                result => return result.map(|()| peer),
            }
        }
    }

    /// The URL that uploads are created at.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The server's own folder, with the uploads somewhere below it.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The file that holds the bytes the server has stored of an upload. It exists from the
    /// creation of the upload on, and is gone with its termination.
    ///
    /// # Panics
    ///
    /// When the URL ends in `/`, and so names no upload.
    #[must_use]
    #[track_caller]
    pub fn stored_file(&self, upload_url: &str) -> PathBuf {
        let path = upload_url.split(['?', '#']).next().unwrap_or_default();
        let id = path.rsplit('/').next().unwrap_or_default();
        assert!(!id.is_empty(), "not the URL of an upload: {upload_url}");
        uploads_in(&self.dir).join(id)
    }

    /// What the server has printed since its last start.
    #[must_use]
    pub fn log(&self) -> String {
        self.server.as_ref().map(Wrapped::printed).unwrap_or_default()
    }

    /// Kills the server as a crash would; its port and its folder stay.
    pub fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.end_and_keep();
        }
    }

    /// Starts a stopped server again, at the same URL and with what it had stored. Does nothing
    /// when it runs.
    ///
    /// # Errors
    ///
    /// When it ends at once, with `BrokenPipe`, or does not answer for a minute, with `TimedOut`;
    /// the text ends with what it printed.
    pub fn start(&mut self) -> io::Result<()> {
        if self.server.is_some() {
            return Ok(());
        }
        fs::create_dir_all(uploads_in(&self.dir))?;
        let launch = Launch { installed: &self.installed, dir: &self.dir, port: self.port, extra: &self.extra };
        let server = Wrapped::start(&self.dir, &(self.recipe.command)(&launch))?;
        wait_until_it_answers(&server, &self.endpoint)?;
        self.server = Some(server);
        Ok(())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if self.server.take().is_none() {
            // Stopped: its script, which removes the folder otherwise, is gone.
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

fn wait_until_it_answers(server: &Wrapped, endpoint: &str) -> io::Result<()> {
    let deadline = Instant::now() + START_LIMIT;
    loop {
        let answered = raw::request("OPTIONS", endpoint, &[], b"").is_ok_and(|answer| answer.status < 300);
        // In this order: an answer counts only if it cannot have come from a stranger on the port.
        if server.has_exited() {
            let text = format!("it ended at once: {}", server.printed());
            return Err(io::Error::new(io::ErrorKind::BrokenPipe, text));
        }
        if answered {
            return Ok(());
        }
        if Instant::now() >= deadline {
            let text = format!("no answer after {} s: {}", START_LIMIT.as_secs(), server.printed());
            return Err(io::Error::new(io::ErrorKind::TimedOut, text));
        }
        thread::sleep(Duration::from_millis(20));
    }
}

pub(crate) fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// The name of a folder that nobody else has.
pub(crate) fn new_dir(name: &str) -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    install::peers_dir().join("run").join(format!("{name}-{}-{count}", std::process::id()))
}
