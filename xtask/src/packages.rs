//! The system's packages that some parts need: with `--strict` they are installed where that is possible.
//!
//! Only Debian's are known, and only the superuser may install them. What is still missing afterwards is for the parts
//! themselves to name.

use std::process::Command;

use tus_test_peers::tools;

use crate::process;

/// A program or a library (as pkg-config calls it), and the package that has it.
const PROGRAMS: [(&str, &str); 7] = [
    ("cmake", "cmake"),
    ("valgrind", "valgrind"),
    ("pkg-config", "pkg-config"),
    ("mono", "mono-runtime"),
    ("mcs", "mono-mcs"),
    ("nginx", "nginx-light"),
    ("tinyproxy", "tinyproxy"),
];
const LIBRARIES: [(&str, &str); 3] =
    [("sqlite3", "libsqlite3-dev"), ("libuv", "libuv1-dev"), ("glib-2.0", "libglib2.0-dev")];

/// Installs what is missing.
pub(crate) fn install() -> Result<(), String> {
    let missing = missing();
    if missing.is_empty() {
        println!("nothing is missing");
        return Ok(());
    }
    let (Some(apt), true) = (tools::which("apt-get"), is_superuser()) else {
        println!("missing, and not to be had from here: {}", missing.join(" "));
        return Ok(());
    };
    let run = |arguments: &[&str]| {
        let mut command = Command::new(&apt);
        command.env("DEBIAN_FRONTEND", "noninteractive").args(arguments);
        process::run(&mut command)
    };
    let install = [&["install", "--yes", "--no-install-recommends"][..], &missing].concat();
    // An old list of packages may name versions that are gone.
    if let Err(reason) = run(&["update"]).and_then(|()| run(&install)) {
        println!("not installed: {reason}");
    }
    Ok(())
}

fn missing() -> Vec<&'static str> {
    let programs = PROGRAMS.iter().filter(|(program, _)| tools::which(program).is_none());
    let pkg_config = tools::which("pkg-config");
    let has = |library: &str| {
        let asked = pkg_config.as_ref().map(|program| Command::new(program).args(["--exists", library]).status());
        asked.is_some_and(|status| status.is_ok_and(|status| status.success()))
    };
    let libraries = LIBRARIES.iter().filter(|(library, _)| !has(library));
    programs.chain(libraries).map(|(_, package)| *package).collect()
}

fn is_superuser() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
