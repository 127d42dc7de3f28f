//! `cargo xtask abi`: holds the header against everything it must agree with.
//!
//! Five ways, all of them tried even when one fails: against the source it is generated from, against what the built
//! library exports, against compilers at their strictest, against the last release,
//! and the library against the folders of this machine, which it must not name.

mod compile;
mod exports;
mod paths;
mod release;

use crate::{declarations, header};

/// One way to hold the header against something; it prints what it saw.
type Way = fn() -> Result<(), String>;

/// Tries all five ways. The library must have been built.
pub(crate) fn check() -> Result<(), String> {
    let ways = [
        ("header = source", header::check as Way),
        ("header = library = symbols.txt", exports::check),
        ("header under strict compilers", compile::check),
        ("header and the last release", release::check),
        ("library without this machine's paths", paths::check),
    ];
    let mut failed = Vec::new();
    for (name, way) in ways {
        println!("abi: {name}");
        if let Err(text) = way() {
            println!("{text}");
            failed.push(name);
        }
    }
    match failed.is_empty() {
        true => Ok(()),
        false => Err(format!("abi: {}", failed.join("; "))),
    }
}

/// Makes the present ABI the one that later versions are compared with.
pub(crate) fn write_baseline() -> Result<(), String> {
    release::write_baseline()
}

/// What the committed header declares.
fn declared() -> Result<declarations::Declarations, String> {
    Ok(declarations::read(&header::committed()?))
}
