//! tusd, the reference server, built from its Go module at the versions and hashes of `go/go.mod` and `go/go.sum`.
//!
//! It is built as a tool of that small module and not by `go install …@version`: so every module below it is pinned by
//! hash too, and only exact versions are asked of the module proxy.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use crate::recipe::{Launch, Recipe};
use crate::{Peer, install, run, tools};

static TUSD: Recipe = Recipe {
    name: "tusd",
    version: "2.10.0",
    files: &[("go.mod", include_str!("../go/go.mod")), ("go.sum", include_str!("../go/go.sum"))],
    install: build,
    command,
    path: "/files/",
};

/// A fresh tusd, or `None` where it cannot be had.
#[must_use]
pub fn tusd() -> Option<Peer> {
    tusd_with(&[])
}

/// A fresh tusd with more arguments, for example `["-max-size", "100"]` or `["-enable-experimental-protocol"]`.
#[must_use]
pub fn tusd_with(extra: &[&str]) -> Option<Peer> {
    Peer::start_or_leave_out(&TUSD, extra)
}

pub(crate) fn recipe() -> &'static Recipe {
    &TUSD
}

fn build(folder: &Path) -> Result<(), String> {
    let go = tools::which("go").ok_or("no Go toolchain")?;
    let mut command = Command::new(go);
    command.args(["build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-o", "tusd"]);
    command.arg("github.com/tus/tusd/v2/cmd/tusd");
    command.current_dir(folder).env("GOWORK", "off");
    run::run(&mut command, &install::log_in(folder))
}

fn command(launch: &Launch<'_>) -> Vec<OsString> {
    let mut line: Vec<OsString> = vec![launch.installed.join("tusd").into()];
    line.extend(["-host", "127.0.0.1", "-port"].map(OsString::from));
    line.push(launch.port.to_string().into());
    line.push("-upload-dir".into());
    line.push(launch.uploads().into());
    // The default poll of 5 s and 2 s would be waited out whenever a second request comes for an upload in flight.
    line.extend(["-filelock-holder-poll-interval=100ms", "-filelock-acquirer-poll-interval=100ms"].map(OsString::from));
    line.extend(launch.extra.iter().map(OsString::from));
    line
}
