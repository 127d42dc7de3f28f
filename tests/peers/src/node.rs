//! `@tus/server` with its file store, from the npm registry at the versions and hashes of `node/package-lock.json`,
//! started by the few lines of `node/server.mjs`.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use crate::recipe::{Launch, Recipe};
use crate::{Peer, install, run, tools};

static NODE: Recipe = Recipe {
    name: "node",
    version: "2.4.5",
    files: &[
        ("package.json", include_str!("../node/package.json")),
        ("package-lock.json", include_str!("../node/package-lock.json")),
        ("server.mjs", include_str!("../node/server.mjs")),
    ],
    install: npm_ci,
    command,
    path: "/files",
};

/// A fresh `@tus/server`, or `None` where it cannot be had.
#[must_use]
pub fn node() -> Option<Peer> {
    node_with(&[])
}

/// A fresh `@tus/server` with more arguments: `--max-size BYTES`, `--expiry-ms N`, `--relative-location` or
/// `--keep-finished` (finished uploads cannot be terminated), `--finish accept` (the last answer is a 200 with a body),
/// `--finish fail` or `--finish refuse` (the site's own code throws once all bytes are there: 500 or 422).
#[must_use]
pub fn node_with(extra: &[&str]) -> Option<Peer> {
    Peer::start_or_leave_out(&NODE, extra)
}

pub(crate) fn recipe() -> &'static Recipe {
    &NODE
}

/// Installs what the folder's `package-lock.json` names.
pub(crate) fn npm_ci(folder: &Path) -> Result<(), String> {
    tools::which("node").ok_or("no Node.js")?;
    let npm = tools::which("npm").ok_or("no npm")?;
    let mut command = Command::new(npm);
    command.args(["ci", "--omit=optional", "--omit-lockfile-registry-resolved", "--ignore-scripts"]);
    command.args(["--no-audit", "--no-fund", "--loglevel=error"]);
    run::run(command.current_dir(folder), &install::log_in(folder))
}

/// Runs the folder's `server.mjs`.
pub(crate) fn command(launch: &Launch<'_>) -> Vec<OsString> {
    let mut line: Vec<OsString> = vec!["node".into(), launch.installed.join("server.mjs").into()];
    line.push("--port".into());
    line.push(launch.port.to_string().into());
    line.push("--directory".into());
    line.push(launch.uploads().into());
    line.extend(launch.extra.iter().map(OsString::from));
    line
}
