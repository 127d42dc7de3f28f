//! `cargo xtask bench`: libtus side by side with libcurl, see `benches/README.md`.
//!
//! `benches/` is a crate outside the workspace, since it builds a libcurl, which nobody needs who builds or tests the
//! library. It is built below the same build folder and finds the release library by `TUS_LIB_DIR`, as the tests do.

use crate::library;
use crate::process::{self, cargo};
use crate::workspace::{release_dir, root, target_dir};

/// Builds the release library and the benchmark, and runs it with these arguments.
pub(crate) fn run(arguments: &[&str]) -> Result<(), String> {
    library::build()?;
    let mut bench = cargo(&["run", "--quiet", "--release", "--locked", "--manifest-path"]);
    bench.arg(root().join("benches/Cargo.toml")).arg("--target-dir").arg(target_dir().join("benches"));
    process::run(bench.arg("--").args(arguments).env("TUS_LIB_DIR", release_dir()))
}
