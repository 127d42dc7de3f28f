//! `tussi` on uvicorn, from PyPI at the versions and hashes of `tussi/requirements.txt`, in a virtual environment, started
//! by the few lines of `tussi/server.py`.

use std::ffi::OsString;

use crate::recipe::{Launch, Recipe};
use crate::{Peer, python};

static TUSSI: Recipe = Recipe {
    name: "tussi",
    version: "3.1.0",
    files: &[
        ("requirements.txt", include_str!("../tussi/requirements.txt")),
        ("server.py", include_str!("../tussi/server.py")),
    ],
    install: python::pip_install,
    command,
    path: "/files",
};

/// A fresh `tussi`, or `None` where it cannot be had. [`Peer::stored_file`] is there once the upload is complete.
#[must_use]
pub fn tussi() -> Option<Peer> {
    tussi_with(&[])
}

/// A fresh `tussi` with more arguments: `--max-size BYTES` or `--max-chunk-size BYTES`.
#[must_use]
pub fn tussi_with(extra: &[&str]) -> Option<Peer> {
    Peer::start_or_leave_out(&TUSSI, extra)
}

pub(crate) fn recipe() -> &'static Recipe {
    &TUSSI
}

fn command(launch: &Launch<'_>) -> Vec<OsString> {
    let mut line: Vec<OsString> = vec![python::interpreter(launch.installed).into(), "-u".into()];
    line.extend([launch.installed.join("server.py").into(), "--port".into(), launch.port.to_string().into()]);
    line.extend(["--unfinished".into(), launch.dir.join("unfinished").into()]);
    line.extend(["--finished".into(), launch.uploads().into()]);
    line.extend(launch.extra.iter().map(OsString::from));
    line
}
