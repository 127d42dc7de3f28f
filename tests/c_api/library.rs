//! The shared library that the programs are linked to.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tus_test_peers::{target_dir, workspace_dir};

/// A folder with the library under the name that the linker looks for and the one that programs ask the loader for.
///
/// The library is that of `TUS_LIB_DIR`; without it that of the workspace, brought up to date first.
pub(crate) fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let built = built();
        assert!(built.is_file(), "there is no {}", built.display());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("c-api/lib");
        fs::create_dir_all(&folder).unwrap();
        for name in ["libtus.so", &soname()] {
            point(&folder.join(name), &built);
        }
        folder
    })
}

fn built() -> PathBuf {
    if let Some(folder) = std::env::var_os("TUS_LIB_DIR") {
        return workspace_dir().join(folder).join("libtus.so");
    }
    let mut cargo = Command::new(env!("CARGO"));
    // ring's build script depends on variables that cargo sets for tests too: everything would be built anew each time.
    let of_this_package =
        |name: &str| name == "OUT_DIR" || name.starts_with("CARGO_PKG_") || name == "CARGO_MANIFEST_DIR";
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(of_this_package)) {
        cargo.env_remove(name);
    }
    let status = cargo.args(["build", "--release", "-p", "libtus"]).current_dir(workspace_dir()).status();
    assert!(status.unwrap().success(), "the library could not be built");
    target_dir().join("release/libtus.so")
}

/// What `build.rs` of the library names it: while the major version is 0 every minor version may break programs.
fn soname() -> String {
    match env!("CARGO_PKG_VERSION_MAJOR") {
        "0" => concat!("libtus.so.0.", env!("CARGO_PKG_VERSION_MINOR")).to_owned(),
        major => format!("libtus.so.{major}"),
    }
}

fn point(link: &Path, to: &Path) {
    match fs::remove_file(link) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => panic!("{}: {error}", link.display()),
        _ => symlink(to, link).unwrap(),
    }
}
