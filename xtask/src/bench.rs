//! `cargo xtask bench`: the benchmarks of `benches/`.
//!
//! Two kinds are run, each where it is: what cargo knows as benchmarks of the library, with the arguments given here, and
//! `benches/run.sh` for comparisons with other programs, with `TUS_LIB_DIR` and `TUS_TEST_SERVER` in its environment as
//! the tests have them.

use std::process::Command;

use crate::library;
use crate::process::{self, cargo, without_cargos_search_path};
use crate::workspace::{LIBRARY_PACKAGE, release_dir, root};

/// Builds the release library and the embedded server, then runs both kinds.
pub(crate) fn run(arguments: &[&str]) -> Result<(), String> {
    library::build()?;
    let server = library::build_server()?;

    let mut bench = cargo(&["bench", "--package", LIBRARY_PACKAGE, "--benches"]);
    process::run(bench.args(arguments).env("TUS_LIB_DIR", release_dir()).env("TUS_TEST_SERVER", &server))?;

    let script = root().join("benches").join("run.sh");
    if !script.is_file() {
        return Ok(());
    }
    let mut command = Command::new("bash");
    command.arg(script).current_dir(root());
    command.env("TUS_LIB_DIR", release_dir()).env("TUS_TEST_SERVER", &server);
    process::run(without_cargos_search_path(&mut command))
}
