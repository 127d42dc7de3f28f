//! What the built library shows to the loader: exactly the functions of the header, under the right names and flags.

use std::collections::BTreeSet;
use std::fs;

use object::elf;
use object::read::elf::{Dyn, ElfFile64, FileHeader};
use object::{Endianness, Object, ObjectSymbol};

use crate::abi::declared;
use crate::header;
use crate::workspace::{release_dir, soname};

/// What matters of a shared library.
#[derive(Debug, Default, PartialEq)]
struct Library {
    exports: BTreeSet<String>,
    soname: Option<String>,
    /// Whether it stays loaded after `dlclose`: Rust's thread-locals must not lose their code.
    nodelete: bool,
}

/// Compares the release library with the header and with `symbols.txt`.
pub(crate) fn check() -> Result<(), String> {
    let path = release_dir().join("libtus.so");
    let bytes = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let library = read(&bytes).map_err(|error| format!("{}: {error}", path.display()))?;
    let declared: BTreeSet<String> = declared()?.functions.into_iter().map(|function| function.name).collect();
    let listed: BTreeSet<String> = header::committed_symbols()?.into_keys().collect();

    let faults = faults(&library, &declared, &listed);
    match faults.is_empty() {
        true => {
            println!("  {} functions, SONAME {}, not unloadable", declared.len(), soname());
            Ok(())
        }
        false => Err(format!("  {}", faults.join("\n  "))),
    }
}

fn faults(library: &Library, declared: &BTreeSet<String>, listed: &BTreeSet<String>) -> Vec<String> {
    let exports = &library.exports;
    let mut faults = Vec::new();
    faults.extend(without(exports, declared, "exported but not in the header"));
    faults.extend(without(declared, exports, "in the header but not exported"));
    faults.extend(without(declared, listed, "in the header but not in symbols.txt"));
    faults.extend(without(listed, declared, "in symbols.txt but not in the header"));
    faults
        .extend(exports.iter().filter(|name| !name.starts_with("tus_")).map(|name| format!("foreign export: {name}")));
    if library.soname.as_deref() != Some(soname().as_str()) {
        faults.push(format!("SONAME is {} and not {}", library.soname.as_deref().unwrap_or("not set"), soname()));
    }
    if !library.nodelete {
        faults.push("it is not linked with -z nodelete".to_owned());
    }
    faults
}

fn without(all: &BTreeSet<String>, some: &BTreeSet<String>, fault: &str) -> Vec<String> {
    all.difference(some).map(|name| format!("{fault}: {name}")).collect()
}

/// Reads a 64-bit ELF library.
fn read(bytes: &[u8]) -> object::Result<Library> {
    let file = ElfFile64::<Endianness>::parse(bytes)?;
    let mut library = Library::default();
    for symbol in file.dynamic_symbols().filter(|symbol| !symbol.is_undefined()) {
        library.exports.insert(symbol.name()?.to_owned());
    }

    let (header, endian) = (file.elf_header(), file.endian());
    let sections = header.sections(endian, bytes)?;
    let Some((entries, strings)) = sections.dynamic(endian, bytes)? else { return Ok(library) };
    let strings = sections.strings(endian, bytes, strings)?;
    for entry in entries {
        match entry.tag(endian) {
            elf::DT_SONAME => {
                let name = entry.string(endian, strings)?;
                library.soname = Some(String::from_utf8_lossy(name).into_owned());
            }
            elf::DT_FLAGS_1 => library.nodelete = entry.val(endian) & elf::DF_1_NODELETE.0 != 0,
            _ => {}
        }
    }
    Ok(library)
}
