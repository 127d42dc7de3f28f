//! Where things are on this machine: the workspace and its build folder.

use std::env;
use std::path::{Path, PathBuf};

/// The root folder of the workspace.
#[must_use]
pub fn workspace_dir() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

/// The build folder: `CARGO_TARGET_DIR`, seen from the workspace when it is relative, or `target` there.
#[must_use]
pub fn target_dir() -> PathBuf {
    let named = env::var_os("CARGO_TARGET_DIR").filter(|value| !value.is_empty());
    workspace_dir().join(named.unwrap_or_else(|| "target".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_the_folder_that_holds_this_crate() {
        assert!(workspace_dir().join("tests/peers/Cargo.toml").is_file());
    }

    #[test]
    fn the_build_folder_is_absolute() {
        assert!(target_dir().is_absolute());
    }
}
