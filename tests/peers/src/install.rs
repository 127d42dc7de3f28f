//! Installs servers below the build folder: once, at pinned versions, by one process at a time.
//!
//! An installation is a folder `peers/<name>-<version>` with a stamp file, written last, that holds the version and the
//! files it was made from. The stamp decides: where it is right nothing is done, where it is not the folder is made anew.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use fd_lock::RwLock;

use crate::recipe::Recipe;
use crate::{node, python, target_dir, tusd, tussi, uploadx};

/// Installs every kind of server that is not there yet, and says for each by name how that went.
pub fn install_all() -> Vec<(&'static str, Result<(), String>)> {
    [tusd::recipe(), node::recipe(), python::recipe(), uploadx::recipe(), tussi::recipe()]
        .into_iter()
        .map(|recipe| (recipe.name, ensure(recipe).map(drop)))
        .collect()
}

/// The folder that everything of this crate is below.
pub(crate) fn peers_dir() -> PathBuf {
    target_dir().join("peers")
}

/// The file that keeps the output of an installation, in its folder.
pub(crate) fn log_in(folder: &Path) -> PathBuf {
    folder.join("install.log")
}

/// The installation folder of one kind of server, installed now if it is not yet. One process tries once: where a
/// registry cannot be reached, not every test shall wait for it.
pub(crate) fn ensure(recipe: &'static Recipe) -> Result<PathBuf, String> {
    static TRIED: Mutex<BTreeMap<&str, Result<PathBuf, String>>> = Mutex::new(BTreeMap::new());
    let mut tried = TRIED.lock().unwrap_or_else(PoisonError::into_inner);
    tried.entry(recipe.name).or_insert_with(|| ensure_below(&peers_dir(), recipe)).clone()
}

fn ensure_below(peers: &Path, recipe: &Recipe) -> Result<PathBuf, String> {
    let folder = peers.join(format!("{}-{}", recipe.name, recipe.version));
    if is_installed(&folder, recipe) {
        return Ok(folder);
    }
    fs::create_dir_all(peers).map_err(|error| told(peers, &error))?;
    let lock_path = peers.join(format!("{}.lock", recipe.name));
    let lock_file = File::create(&lock_path).map_err(|error| told(&lock_path, &error))?;
    let mut lock = RwLock::new(lock_file);
    let _held = lock.write().map_err(|error| told(&lock_path, &error))?;
    // Another process may have installed it while this one waited.
    if !is_installed(&folder, recipe) {
        lay_out(&folder, recipe).map_err(|error| told(&folder, &error))?;
        (recipe.install)(&folder)?;
        fs::write(stamp_in(&folder), stamp(recipe)).map_err(|error| told(&folder, &error))?;
    }
    Ok(folder)
}

fn is_installed(folder: &Path, recipe: &Recipe) -> bool {
    fs::read_to_string(stamp_in(folder)).is_ok_and(|text| text == stamp(recipe))
}

fn stamp_in(folder: &Path) -> PathBuf {
    folder.join("installed.txt")
}

fn stamp(recipe: &Recipe) -> String {
    let mut text = format!("{} {}\n", recipe.name, recipe.version);
    for (name, content) in recipe.files {
        text.push_str(&format!("--- {name}\n{content}"));
    }
    text
}

fn lay_out(folder: &Path, recipe: &Recipe) -> io::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    recipe.files.iter().try_for_each(|(name, content)| fs::write(folder.join(name), content))
}

fn told(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    static INSTALLED: AtomicUsize = AtomicUsize::new(0);

    const ONE: Recipe = Recipe {
        name: "counted",
        version: "1",
        files: &[("a.txt", "a\n")],
        install: |folder| {
            assert_eq!(fs::read_to_string(folder.join("a.txt")).unwrap(), "a\n");
            INSTALLED.fetch_add(1, Ordering::SeqCst);
            Ok(())
        },
        command: |_| Vec::new(),
        path: "/",
    };

    #[test]
    fn an_installation_is_made_once_and_again_when_its_files_change() {
        let peers = peers_dir().join(format!("test-{}", std::process::id()));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| ensure_below(&peers, &ONE).unwrap());
            }
        });
        assert_eq!(INSTALLED.load(Ordering::SeqCst), 1);

        let changed = Recipe { files: &[("a.txt", "a\n"), ("b.txt", "b\n")], ..ONE };
        let folder = ensure_below(&peers, &changed).unwrap();
        assert_eq!(INSTALLED.load(Ordering::SeqCst), 2);
        assert!(folder.join("b.txt").is_file());
        fs::remove_dir_all(peers).unwrap();
    }

    #[test]
    fn a_failed_installation_is_no_installation() {
        let peers = peers_dir().join(format!("test-failed-{}", std::process::id()));
        let failing = Recipe { install: |_| Err("no".into()), ..ONE };
        for _ in 0..2 {
            assert_eq!(ensure_below(&peers, &failing).unwrap_err(), "no");
        }
        fs::remove_dir_all(peers).unwrap();
    }
}
