//! `cargo xtask reproduce`: the same source in two folders gives the same library, byte for byte.

use std::fs;
use std::io;
use std::path::Path;

use crate::library;
use crate::workspace::{release_dir, root, target_dir};

/// Builds the workspace and a copy of it in another folder, and compares the libraries.
pub(crate) fn run() -> Result<(), String> {
    library::build()?;
    let copy = target_dir().join("reproduce").join("another-folder");
    copy_source(&copy).map_err(|error| format!("{}: {error}", copy.display()))?;
    let target = copy.join("target");
    library::build_in(&copy, &target)?;
    for name in ["libtus.so", "libtus.a"] {
        let (one, other) = (read(&release_dir().join(name))?, read(&target.join("release").join(name))?);
        if let Some(place) = first_difference(&one, &other) {
            return Err(format!(
                "{name}: {} and {} bytes, different from byte {place}; the copy is kept in {}",
                one.len(),
                other.len(),
                copy.display()
            ));
        }
        println!("{name}: {} bytes, the same", one.len());
    }
    fs::remove_dir_all(&copy).map_err(|error| format!("{}: {error}", copy.display()))
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn first_difference(one: &[u8], other: &[u8]) -> Option<usize> {
    if one == other {
        return None;
    }
    let same = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    Some(same)
}

/// What cargo needs to build: everything but build folders and hidden files.
fn copy_source(to: &Path) -> io::Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    copy_folder(&root(), to)
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let (entry, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
        let hidden = name.as_encoded_bytes().starts_with(b".");
        if hidden || name == "target" || entry == target_dir() || entry.is_symlink() {
            continue;
        }
        match entry.is_dir() {
            true => copy_folder(&entry, &to.join(name))?,
            false => fs::copy(&entry, to.join(name)).map(drop)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_found_wherever_it_is() {
        assert_eq!(first_difference(b"same", b"same"), None);
        assert_eq!(first_difference(b"same", b"sane"), Some(2));
        assert_eq!(first_difference(b"same", b"same and more"), Some(4));
        assert_eq!(first_difference(b"", b"x"), Some(0));
    }
}
