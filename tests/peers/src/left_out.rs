//! What a test run goes without, and why: written down, never passed over in silence.
//!
//! Lines are only ever added here. Whoever starts a whole run (`cargo xtask test`) empties the file first and prints it
//! last.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use crate::target_dir;

/// The file that collects the lines, `left-out.txt` in the build folder.
#[must_use]
pub fn left_out_file() -> PathBuf {
    target_dir().join("left-out.txt")
}

/// Writes down that a test goes without `name`, and returns `None` for the caller to pass on.
///
/// # Panics
///
/// When `TUS_STRICT=1`, so that the test fails; and when the line cannot be written.
#[track_caller]
pub fn left_out<T>(name: &str, reason: &str) -> Option<T> {
    note_left_out(name, reason);
    let strict = env::var_os("TUS_STRICT").is_some_and(|value| value == "1");
    assert!(!strict, "left out, which TUS_STRICT=1 forbids: {}", line(name, reason));
    None
}

/// Only writes it down, for whoever decides later what a part left out means.
///
/// # Panics
///
/// When the line cannot be written.
pub fn note_left_out(name: &str, reason: &str) {
    let line = line(name, reason);
    eprintln!("left out: {line}");
    append(&line);
}

/// One line per part, whatever the reason looks like.
fn line(name: &str, reason: &str) -> String {
    let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("{name}: {reason}")
}

/// Adds the line in one write, so that tests running side by side do not mix theirs.
fn append(line: &str) {
    let path = left_out_file();
    let written = fs::create_dir_all(target_dir())
        .and_then(|()| OpenOptions::new().create(true).append(true).open(&path))
        .and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()));
    if let Err(error) = written {
        panic!("cannot write {}: {error}", path.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_of_many_lines_becomes_one() {
        assert_eq!(line("tusd", "go:\n  not\tfound\n"), "tusd: go: not found");
    }
}
