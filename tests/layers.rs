//! The direction of the layers, held by reading the sources: what ARCHITECTURE.md states as invariants.

use std::fs;
use std::path::{Path, PathBuf};

/// Every Rust source below `folder`, tests inside the crate left out.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    fn collect(folder: &Path, into: &mut Vec<PathBuf>) {
        let mut entries: Vec<_> =
            fs::read_dir(folder).expect("a source folder").map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                if path.file_name().is_some_and(|name| name != "tests") {
                    collect(&path, into);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                into.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder);
    let mut paths = Vec::new();
    collect(&root, &mut paths);
    assert!(!paths.is_empty(), "no sources in {}", root.display());
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        let product = text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned();
        (path, product)
    };
    paths.into_iter().map(read).collect()
}

/// The lines of code (comments left out) of a folder that contain one of `words`.
fn lines_with(folder: &str, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in sources(folder) {
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap();
            if words.iter().any(|word| code.contains(word)) {
                found.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
            }
        }
    }
    found
}

#[track_caller]
fn none(folder: &str, words: &[&str]) {
    let found = lines_with(folder, words);
    assert!(found.is_empty(), "src/{folder} must not name any of {words:?}:\n{}", found.join("\n"));
}

#[test]
fn the_protocol_is_pure() {
    none("protocol", &["crate::engine", "crate::ffi", "crate::source", "crate::sys", "crate::transport"]);
    none("protocol", &["std::net", "std::fs", "std::io", "std::os", "std::thread", "std::env", "libc::", "ureq"]);
    // Values may be shared, not changed by others.
    none("protocol", &["sync::{", "sync::atomic", "sync::mpsc", "Mutex", "RwLock", "Condvar", "OnceLock", "LazyLock"]);
    none("protocol", &["SystemTime", "std::time::Instant", "time::{Duration, Instant", "Rng::new(", "fastrand::u64"]);
}

#[test]
fn nothing_points_back() {
    for folder in ["engine", "fingerprint", "protocol", "source", "store", "task", "transport"] {
        none(folder, &["crate::ffi", "c_char", "c_void", "extern \"C"]);
    }
    // It calls the platform's C functions, but has nothing to do with the C API.
    none("sys", &["crate::ffi"]);
    for folder in ["fingerprint", "source", "store", "sys", "transport"] {
        none(folder, &["crate::engine"]);
    }
    for folder in ["engine", "fingerprint", "protocol", "source", "store", "sys", "transport"] {
        none(folder, &["crate::task"]);
    }
    none("task", &["crate::protocol", "crate::source", "crate::store", "crate::transport", "engine::client"]);
    none("fingerprint", &["crate::transport", "protocol::session"]);
    none("source", &["crate::fingerprint", "crate::transport", "crate::protocol"]);
    none("store", &["crate::source", "crate::sys", "crate::transport", "protocol::session", "protocol::url"]);
    none("transport", &["crate::source", "protocol::session", "protocol::reaction", "Tus-", "Upload-"]);
    none("sys", &["crate::source", "crate::transport", "crate::protocol"]);
}

#[test]
fn statuses_are_judged_in_one_place() {
    for folder in ["engine", "ffi", "fingerprint", "source", "store"] {
        none(folder, &[".status ==", ".status !=", "match answer.status"]);
    }
}

#[test]
fn unsafe_stays_in_its_rooms() {
    for folder in ["engine", "fingerprint", "protocol", "source", "store", "task", "transport"] {
        none(folder, &["unsafe "]);
    }
    // Each of the two rooms opens its door once, at its head.
    let allows = lines_with("", &["allow(unsafe_code)"]);
    assert_eq!(allows.len(), 2, "{allows:?}");
    assert!(allows.iter().all(|line| line.contains("ffi/mod.rs") || line.contains("sys/mod.rs")), "{allows:?}");
}

#[test]
fn the_engine_has_one_loop() {
    let drivers = lines_with("engine", &["Action::Send("]);
    assert_eq!(drivers.len(), 1, "{drivers:?}");
}
