//! The header under every C and C++ standard that users compile with, warnings as errors.
//!
//! What is compiled is a file that includes the header twice, names every function and uses every numeric constant, so
//! that a macro nobody happened to expand is no blind spot.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tus_test_peers::tools;

use crate::abi::declared;
use crate::declarations::Declarations;
use crate::process;
use crate::workspace::{include_dir, target_dir};

const WARNINGS: [&str; 11] = [
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Werror",
    "-Wconversion",
    "-Wsign-conversion",
    "-Wshadow",
    "-Wundef",
    "-Wcast-qual",
    "-Wredundant-decls",
    "-fsyntax-only",
];

/// A language as compilers name it: its standards, the warnings that only it has, its file.
struct Language {
    standards: &'static [&'static str],
    warnings: &'static [&'static str],
    file: &'static str,
    /// Whether [`Declarations::constants`] may be used: C++98 has no 64-bit constants.
    constants_from: usize,
}

const C: Language = Language {
    standards: &["c99", "c11", "c17", "c2x"],
    warnings: &["-Wstrict-prototypes", "-Wmissing-prototypes", "-Wold-style-definition", "-Wc++-compat"],
    file: "header.c",
    constants_from: 0,
};

const CXX: Language = Language {
    standards: &["c++98", "c++11", "c++17", "c++20"],
    warnings: &["-Wnon-virtual-dtor"],
    file: "header.cpp",
    constants_from: 1,
};

/// Compiles with every compiler found.
pub(crate) fn check() -> Result<(), String> {
    let declared = declared()?;
    let folder = target_dir().join("header-check");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;

    let mut failed = Vec::new();
    for (language, compilers) in [(&C, c_compilers()), (&CXX, cxx_compilers())] {
        for compiler in &compilers {
            for (number, standard) in language.standards.iter().enumerate() {
                let path = folder.join(language.file);
                let source = source(&declared, number >= language.constants_from);
                fs::write(&path, source).map_err(|error| format!("{}: {error}", path.display()))?;
                let shown = format!("{} -std={standard}", compiler.display());
                match process::run(&mut command(compiler, language, standard, &path)) {
                    Ok(()) => println!("  {shown}: ok"),
                    Err(_) => failed.push(shown),
                }
            }
        }
    }
    match failed.is_empty() {
        true => Ok(()),
        false => Err(format!("the header does not compile cleanly with {}", failed.join(", "))),
    }
}

/// Every C compiler of the system, each once under whatever names.
fn c_compilers() -> BTreeSet<PathBuf> {
    distinct(tools::cc(), &["gcc", "clang"])
}

fn cxx_compilers() -> BTreeSet<PathBuf> {
    distinct(tools::cxx(), &["g++", "clang++"])
}

fn distinct(first: Option<PathBuf>, names: &[&str]) -> BTreeSet<PathBuf> {
    let others = names.iter().filter_map(|name| tools::which(name));
    first.into_iter().chain(others).filter_map(|path| path.canonicalize().ok()).collect()
}

fn command(compiler: &Path, language: &Language, standard: &str, source: &Path) -> Command {
    let mut command = Command::new(compiler);
    command.arg(format!("-std={standard}")).args(WARNINGS).args(language.warnings);
    command.arg("-I").arg(include_dir()).arg(source);
    command
}

fn source(declared: &Declarations, with_constants: bool) -> String {
    let mut text = String::from("#include \"tus.h\"\n#include \"tus.h\"\n\nint main(void)\n{\n");
    for function in &declared.functions {
        text.push_str(&format!("    (void)&{};\n", function.name));
    }
    let numeric = declared.constants.iter().filter(|constant| is_numeric(&constant.value));
    for constant in numeric.filter(|_| with_constants) {
        text.push_str(&format!("    (void)({});\n", constant.name));
    }
    text.push_str("    return 0;\n}\n");
    text
}

fn is_numeric(value: &str) -> bool {
    value.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '(') || value.starts_with("UINT")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declarations;

    #[test]
    fn every_function_and_numeric_constant_is_used() {
        let header = "#define TUS_A 1\n#define TUS_B UINT64_MAX\n#define TUS_C __attribute__((x))\nint tus_a(void);\n";
        let declared = declarations::read(header);
        let with = source(&declared, true);
        assert!(with.contains("(void)&tus_a;") && with.contains("(void)(TUS_A);") && with.contains("(void)(TUS_B);"));
        assert!(!with.contains("TUS_C"));
        assert!(!source(&declared, false).contains("TUS_A"));
    }
}
