//! The places that the benchmark reads from and writes to.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::Result;

pub(crate) struct Folders {
    /// The C sources of the contenders.
    pub(crate) sources: PathBuf,
    /// `tus.h`.
    pub(crate) include: PathBuf,
    /// `libtus.so`: `$TUS_LIB_DIR`, or where a release build of the library goes to.
    pub(crate) library: PathBuf,
    /// For what the benchmark makes: beside its own program, so below the build folder.
    pub(crate) work: PathBuf,
}

impl Folders {
    pub(crate) fn find() -> Result<Self> {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf();
        let root = sources.parent().ok_or("the crate is in no folder")?.to_path_buf();
        let program = env::current_exe().map_err(|error| format!("this program cannot be found: {error}"))?;
        let work = program.with_file_name("tus-bench-data");
        fs::create_dir_all(&work).map_err(|error| format!("{}: {error}", work.display()))?;
        let library = env::var_os("TUS_LIB_DIR").map_or_else(|| root.join("target/release"), PathBuf::from);
        Ok(Self { include: root.join("include"), sources, library, work })
    }
}
