//! `resumable-upload` from PyPI at the version and hash of `python/requirements.txt`, in a virtual environment.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::recipe::{Launch, Recipe};
use crate::{Peer, install, run, tools};

static PYTHON: Recipe = Recipe {
    name: "python",
    version: "0.3.0",
    files: &[("requirements.txt", include_str!("../python/requirements.txt"))],
    install: pip_install,
    command,
    path: "/files",
};

/// A fresh `resumable-upload`, or `None` where it cannot be had.
#[must_use]
pub fn python() -> Option<Peer> {
    python_with(&[])
}

/// A fresh `resumable-upload` with more arguments, for example `["--checksum-algorithms", "sha1,sha256"]`,
/// `["--max-chunk-size", "1000"]`, `["--lock-wait", "1"]` or `["--upload-expiry", "60"]`.
#[must_use]
pub fn python_with(extra: &[&str]) -> Option<Peer> {
    Peer::start_or_leave_out(&PYTHON, extra)
}

pub(crate) fn recipe() -> &'static Recipe {
    &PYTHON
}

/// Installs what the folder's `requirements.txt` names.
pub(crate) fn pip_install(folder: &Path) -> Result<(), String> {
    let python = tools::which("python3").ok_or("no Python 3")?;
    let log = install::log_in(folder);
    run::run(Command::new(python).args(["-m", "venv"]).arg(folder.join("venv")), &log)?;
    let mut pip = Command::new(interpreter(folder));
    pip.args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]);
    pip.args(["--require-hashes", "--only-binary", ":all:", "-r", "requirements.txt"]);
    run::run(pip.current_dir(folder), &log)
}

pub(crate) fn interpreter(folder: &Path) -> PathBuf {
    folder.join("venv").join("bin").join("python")
}

fn command(launch: &Launch<'_>) -> Vec<OsString> {
    let mut line: Vec<OsString> = vec![interpreter(launch.installed).into()];
    line.extend(["-u", "-m", "resumable_upload", "serve", "--host", "127.0.0.1", "--port"].map(OsString::from));
    line.push(launch.port.to_string().into());
    line.extend(["--enable-downloads", "--upload-dir"].map(OsString::from));
    line.push(launch.uploads().into());
    line.push("--db-path".into());
    line.push(launch.dir.join("uploads.db").into());
    line.extend(launch.extra.iter().map(OsString::from));
    line
}
