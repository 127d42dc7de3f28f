//! `cargo xtask header`: makes `include/tus.h` from the source, and `include/symbols.txt` from that header.
//!
//! The generator is cbindgen, pinned, as `cbindgen.toml` tells it. What it makes is not trusted: [`rules`] looks for what
//! it is known to get wrong, and `cargo xtask abi` holds it against the library.

mod rules;

use std::fs;
use std::path::{Path, PathBuf};

use crate::declarations;
use crate::line_diff::line_diff;
use crate::symbols;
use crate::workspace::{include_dir, root, version};

/// Writes both files.
pub(crate) fn write() -> Result<(), String> {
    fs::create_dir_all(include_dir()).map_err(|error| told(&include_dir(), error))?;
    for (path, text) in both()? {
        fs::write(&path, text).map_err(|error| told(&path, error))?;
        println!("wrote {}", shown(&path));
    }
    Ok(())
}

/// Compares both files with what would be written.
pub(crate) fn check() -> Result<(), String> {
    let mut differences = String::new();
    for (path, text) in both()? {
        let present = read(&path)?;
        let difference = line_diff(&present, &text);
        // Equal lines are not equal files: line ends count too.
        if present == text {
            println!("{} is what the source makes", shown(&path));
        } else {
            differences.push_str(&format!("{} is not what the source makes:\n{difference}", shown(&path)));
        }
    }
    match differences.is_empty() {
        true => Ok(()),
        false => Err(format!("{differences}Run `cargo xtask header` and look at what changes.")),
    }
}

/// The committed header.
pub(crate) fn committed() -> Result<String, String> {
    read(&header_path())
}

/// The committed list of symbols.
pub(crate) fn committed_symbols() -> Result<symbols::Symbols, String> {
    symbols::parse(&read(&symbols_path())?)
}

/// Both files with the text that belongs in them.
fn both() -> Result<[(PathBuf, String); 2], String> {
    let header = generate()?;
    let declared = declarations::read(&header);
    let faults = rules::faults(&header, &declared);
    if !faults.is_empty() {
        return Err(format!("the generated header breaks our rules:\n  {}", faults.join("\n  ")));
    }
    let known = match symbols_path().exists() {
        true => committed_symbols()?,
        false => symbols::Symbols::new(),
    };
    let names = declared.functions.iter().map(|function| function.name.as_str());
    let symbols = symbols::format(&symbols::update(&known, names, &version()));
    Ok([(header_path(), header), (symbols_path(), symbols)])
}

fn generate() -> Result<String, String> {
    let settings = root().join("cbindgen.toml");
    if !settings.is_file() {
        return Err("there is no cbindgen.toml yet, so no header can be made".into());
    }
    let settings = cbindgen::Config::from_file(&settings).map_err(|error| format!("cbindgen.toml: {error}"))?;
    let bindings = cbindgen::generate_with_config(root(), settings).map_err(|error| format!("cbindgen: {error}"))?;
    let mut bytes = Vec::new();
    bindings.write(&mut bytes);
    String::from_utf8(bytes).map_err(|error| format!("cbindgen: {error}"))
}

fn header_path() -> PathBuf {
    include_dir().join("tus.h")
}

fn symbols_path() -> PathBuf {
    include_dir().join("symbols.txt")
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}; `cargo xtask header` makes it", told(path, error)))
}

fn told(path: &Path, error: std::io::Error) -> String {
    format!("{}: {error}", shown(path))
}

/// A path as seen from the workspace.
fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}
