//! Programs of the machine that some tests need beside cargo: compilers, CMake, valgrind.
//!
//! [`which`] only looks; the functions named after a program write it down with [`left_out`] when
//! it is missing.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::left_out;

/// The path of a program, looked up in `PATH` as a shell does.
#[must_use]
pub fn which(program: &str) -> Option<PathBuf> {
    which_in(program, &env::var_os("PATH")?)
}

/// The C compiler: `CC`, or the first of `cc`, `gcc` and `clang`.
#[must_use]
pub fn cc() -> Option<PathBuf> {
    compiler("CC", &["cc", "gcc", "clang"]).or_else(|| left_out("cc", "no C compiler found"))
}

/// The C++ compiler: `CXX`, or the first of `c++`, `g++` and `clang++`.
#[must_use]
pub fn cxx() -> Option<PathBuf> {
    compiler("CXX", &["c++", "g++", "clang++"]).or_else(|| left_out("c++", "no C++ compiler found"))
}

/// CMake.
#[must_use]
pub fn cmake() -> Option<PathBuf> {
    needed("cmake")
}

/// CMake's test driver.
#[must_use]
pub fn ctest() -> Option<PathBuf> {
    needed("ctest")
}

/// The memory checker valgrind.
#[must_use]
pub fn valgrind() -> Option<PathBuf> {
    needed("valgrind")
}

/// Any other program, written down as left out when it is missing.
#[must_use]
pub fn needed(program: &str) -> Option<PathBuf> {
    which(program).or_else(|| left_out(program, "not found in PATH"))
}

fn compiler(variable: &str, names: &[&str]) -> Option<PathBuf> {
    let named = env::var(variable).ok().and_then(|name| which(&name));
    named.or_else(|| names.iter().find_map(|name| which(name)))
}

fn which_in(program: &str, path: &OsStr) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(PathBuf::from(program)).filter(|file| is_program(file));
    }
    env::split_paths(path).map(|folder| folder.join(program)).find(|file| is_program(file))
}

#[cfg(unix)]
fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(file: &Path) -> bool {
    file.is_file() || file.with_extension("exe").is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_in_the_search_path_or_at_its_own() {
        let found = which_in("sh", OsStr::new("/nowhere:/bin")).unwrap();
        assert_eq!(found, Path::new("/bin/sh"));
        assert_eq!(which_in("/bin/sh", OsStr::new("")).unwrap(), Path::new("/bin/sh"));
    }

    #[test]
    fn neither_a_missing_nor_a_plain_file_is_a_program() {
        assert_eq!(which_in("no-such-program", OsStr::new("/bin")), None);
        assert_eq!(which_in("Cargo.toml", OsStr::new(env!("CARGO_MANIFEST_DIR"))), None);
    }
}
