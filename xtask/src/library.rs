//! Builds what the C side links to: the release library, under the name that programs look for at run time.

use std::io;
use std::path::PathBuf;

use crate::process::{cargo, run};
use crate::workspace::{LIBRARY_PACKAGE, SERVER, release_dir, soname};

/// Builds the shared and the static library.
pub(crate) fn build() -> Result<(), String> {
    run(&mut cargo(&["build", "--release", "--lib", "--package", LIBRARY_PACKAGE]))?;
    link_soname()
}

/// Builds the embedded test server and returns its program.
pub(crate) fn build_server() -> Result<PathBuf, String> {
    run(&mut cargo(&["build", "--release", "--package", SERVER, "--bin", SERVER]))?;
    Ok(server_program())
}

/// Where the embedded test server is once built.
pub(crate) fn server_program() -> PathBuf {
    release_dir().join(SERVER).with_extension(std::env::consts::EXE_EXTENSION)
}

/// Cargo names the file `libtus.so`, but a program linked to it asks for its SONAME.
#[cfg(unix)]
fn link_soname() -> Result<(), String> {
    let link = release_dir().join(soname());
    match std::os::unix::fs::symlink("libtus.so", &link) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(format!("{}: {error}", link.display())),
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
fn link_soname() -> Result<(), String> {
    Ok(())
}
