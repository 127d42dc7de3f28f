//! What there is to know about one kind of server: how it is installed, started and looked into.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// One kind of server. Each has a file of its own with its recipe as a `static`.
#[derive(Debug)]
pub(crate) struct Recipe {
    /// The name in [`crate::left_out`] lines and of the installation folder.
    pub(crate) name: &'static str,
    /// The exact version that is installed.
    pub(crate) version: &'static str,
    /// Files laid into the installation folder before [`Recipe::install`] runs; a changed file means a new installation.
    pub(crate) files: &'static [(&'static str, &'static str)],
    /// Installs into the given folder, which holds [`Recipe::files`] already.
    pub(crate) install: fn(&Path) -> Result<(), String>,
    /// The command line that starts the server.
    pub(crate) command: fn(&Launch<'_>) -> Vec<OsString>,
    /// The path of the URL that uploads are created at.
    pub(crate) path: &'static str,
}

/// Where and with what one server is started.
pub(crate) struct Launch<'a> {
    /// The installation folder.
    pub(crate) installed: &'a Path,
    /// The server's own empty folder; uploads go to [`Launch::uploads`].
    pub(crate) dir: &'a Path,
    /// The loopback port to listen on.
    pub(crate) port: u16,
    /// Arguments that the test adds.
    pub(crate) extra: &'a [String],
}

impl Launch<'_> {
    /// The folder that the server keeps the bytes of its uploads in.
    pub(crate) fn uploads(&self) -> PathBuf {
        uploads_in(self.dir)
    }
}

/// The folder below a server's own one that holds the uploads.
pub(crate) fn uploads_in(dir: &Path) -> PathBuf {
    dir.join("uploads")
}
