//! Builds what the C side links to: the release library, under the name that programs look for at run time.
//!
//! It holds no path of the machine that built it: what compilers note about source files begins with a name that stands
//! for the folder.

use std::env;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{cargo, run};
use crate::workspace::{LIBRARY_PACKAGE, SERVER, release_dir, root, soname, target_dir};

/// Between the words of `CARGO_ENCODED_RUSTFLAGS`.
const SEPARATOR: &str = "\x1f";

/// Builds the shared and the static library.
pub(crate) fn build() -> Result<(), String> {
    build_in(&root(), &target_dir())?;
    link_soname()
}

/// Builds the libraries of the workspace in `folder`.
pub(crate) fn build_in(folder: &Path, target: &Path) -> Result<(), String> {
    let mut command = cargo(&["build", "--release", "--lib", "--package", LIBRARY_PACKAGE]);
    command.current_dir(folder).env("CARGO_TARGET_DIR", target);
    run(without_paths(&mut command, folder, target))
}

/// The folders of this machine that must not be in the library, with what stands for them. Where several fit, compilers
/// take the last one, so the outermost comes first.
pub(crate) fn folders(folder: &Path, target: &Path) -> Vec<(PathBuf, &'static str)> {
    let home = env::home_dir().filter(|home| home.parent().is_some());
    let cargo_home = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(home.as_ref()?.join(".cargo")));
    let mut folders: Vec<(PathBuf, &str)> = home.into_iter().map(|home| (home, "/home")).collect();
    folders.extend(cargo_home.iter().map(|home| (home.clone(), "/cargo")));
    folders.extend(cargo_home.iter().flat_map(|home| registries(&home.join("registry").join("src"))));
    folders.push((folder.to_owned(), "/libtus"));
    folders.push((target.to_owned(), "/target"));
    folders
}

/// Each registry's folder is named after its address, which is not the same everywhere either.
fn registries(sources: &Path) -> Vec<(PathBuf, &'static str)> {
    let entries = sources.read_dir().into_iter().flatten().filter_map(Result::ok);
    entries.map(|entry| (entry.path(), "/crates")).collect()
}

/// Makes Rust's and C's compilers leave the folders out of what they write.
fn without_paths<'a>(command: &'a mut Command, folder: &Path, target: &Path) -> &'a mut Command {
    let (mut rust, mut c) = (given_rust_flags(), env::var_os("CFLAGS").unwrap_or_default());
    for (path, name) in folders(folder, target) {
        let mapped = |option: &str| {
            let mut words = OsString::from(option);
            words.push(&path);
            words.push("=");
            words.push(name);
            words
        };
        rust.push(mapped("--remap-path-prefix="));
        // Words of CFLAGS are separated by spaces, and there is no way to write one.
        if !path.as_os_str().as_encoded_bytes().contains(&b' ') {
            c.push(" ");
            c.push(mapped("-ffile-prefix-map="));
        }
    }
    command.env("CARGO_ENCODED_RUSTFLAGS", rust.join(SEPARATOR.as_ref())).env("CFLAGS", c)
}

/// The caller's own flags, which ours would replace.
fn given_rust_flags() -> Vec<OsString> {
    let words = |name: &str, separator: &str| {
        let value = env::var(name).ok()?;
        Some(value.split(separator).filter(|word| !word.is_empty()).map(OsString::from).collect::<Vec<_>>())
    };
    words("CARGO_ENCODED_RUSTFLAGS", SEPARATOR).or_else(|| words("RUSTFLAGS", " ")).unwrap_or_default()
}

/// Builds the embedded test server and returns its program.
pub(crate) fn build_server() -> Result<PathBuf, String> {
    let mut command = cargo(&["build", "--release", "--package", SERVER, "--bin", SERVER]);
    run(without_paths(&mut command, &root(), &target_dir()))?;
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
