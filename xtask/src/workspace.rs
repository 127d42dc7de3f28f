//! The places and names that the commands agree on.

use std::path::PathBuf;

pub(crate) use tus_test_peers::{target_dir, workspace_dir as root};

/// The package that is the library.
pub(crate) const LIBRARY_PACKAGE: &str = "libtus";

/// The package and the program of the embedded test server.
pub(crate) const SERVER: &str = "tus-test-server";

/// The folder of the public headers.
pub(crate) fn include_dir() -> PathBuf {
    root().join("include")
}

/// The folder of the C programs, a CMake project.
pub(crate) fn examples_dir() -> PathBuf {
    root().join("examples-c")
}

/// The folder that release builds go to.
pub(crate) fn release_dir() -> PathBuf {
    target_dir().join("release")
}

/// `major.minor` of the version being built: what symbols that are new now get in `symbols.txt`.
pub(crate) fn version() -> String {
    format!("{}.{}", env!("CARGO_PKG_VERSION_MAJOR"), env!("CARGO_PKG_VERSION_MINOR"))
}

/// The name that programs linked to the library ask the loader for. While the major version is 0 every minor version
/// may break, so both are in it.
pub(crate) fn soname() -> String {
    match env!("CARGO_PKG_VERSION_MAJOR") {
        "0" => format!("libtus.so.{}", version()),
        major => format!("libtus.so.{major}"),
    }
}
