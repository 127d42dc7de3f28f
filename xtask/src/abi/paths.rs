//! The library tells nothing about the machine that built it.

use std::fs;

use crate::library::folders;
use crate::workspace::{release_dir, root, target_dir};

/// Looks for the builder's folders in the release libraries.
pub(crate) fn check() -> Result<(), String> {
    let folders: Vec<String> =
        folders(&root(), &target_dir()).into_iter().map(|(path, _)| format!("{}/", path.display())).collect();
    let mut faults = Vec::new();
    for name in ["libtus.so", "libtus.a"] {
        let path = release_dir().join(name);
        let bytes = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let found = folders.iter().zip(held(&bytes, &folders)).filter(|(_, held)| *held);
        faults.extend(found.map(|(folder, _)| format!("{name} holds {folder}: was it built by `cargo xtask build`?")));
    }
    match faults.is_empty() {
        true => {
            println!("  none of {} folders", folders.len());
            Ok(())
        }
        false => Err(format!("  {}", faults.join("\n  "))),
    }
}

/// Which folders are named, in one pass: the static library has fifty megabytes.
fn held(bytes: &[u8], folders: &[String]) -> Vec<bool> {
    let mut held = vec![false; folders.len()];
    let mut rest = bytes;
    while let Some(place) = rest.iter().position(|&byte| byte == b'/') {
        rest = &rest[place..];
        for (folder, held) in folders.iter().zip(&mut held) {
            *held |= rest.starts_with(folder.as_bytes());
        }
        rest = &rest[1..];
    }
    held
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_found_wherever_it_is() {
        let folders = ["/one/two/".to_owned(), "/other/".to_owned()];
        assert_eq!(held(b"\0/one/two/x.rs", &folders), [true, false]);
        assert_eq!(held(b"//other//one/x.rs", &folders), [false, true]);
        assert_eq!(held(b"", &folders), [false, false]);
    }
}
