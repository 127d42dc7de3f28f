//! `include/symbols.txt`: every exported symbol with the first version that has it.
//!
//! One `name version` pair a line, sorted by name; lines that begin with `#` are comments.

use std::collections::BTreeMap;

const HEAD: &str = "\
# Every symbol that libtus exports, with the first version that has it.
# Written by `cargo xtask header`; checked against the header and the library by `cargo xtask abi`.
";

/// Symbols and their first versions.
pub(crate) type Symbols = BTreeMap<String, String>;

/// Reads the file's text.
pub(crate) fn parse(text: &str) -> Result<Symbols, String> {
    let mut symbols = Symbols::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, version) = line
            .split_once(' ')
            .filter(|(_, version)| is_version(version))
            .ok_or_else(|| format!("symbols.txt line {number}: not `name version`: {line}"))?;
        if symbols.insert(name.to_owned(), version.to_owned()).is_some() {
            return Err(format!("symbols.txt line {number}: {name} is there twice"));
        }
    }
    Ok(symbols)
}

/// The text of the file.
pub(crate) fn format(symbols: &Symbols) -> String {
    let lines: String = symbols.iter().map(|(name, version)| format!("{name} {version}\n")).collect();
    format!("{HEAD}{lines}")
}

/// The symbols of `names`: known ones keep their version, new ones get `version`, and what is gone goes.
pub(crate) fn update<'a>(known: &Symbols, names: impl IntoIterator<Item = &'a str>, version: &str) -> Symbols {
    let first = |name: &str| known.get(name).map_or(version, String::as_str).to_owned();
    names.into_iter().map(|name| (name.to_owned(), first(name))).collect()
}

fn is_version(text: &str) -> bool {
    text.split_once('.').is_some_and(|(major, minor)| major.parse::<u32>().is_ok() && minor.parse::<u32>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbols(pairs: &[(&str, &str)]) -> Symbols {
        pairs.iter().map(|(name, version)| ((*name).to_owned(), (*version).to_owned())).collect()
    }

    #[test]
    fn what_is_written_is_read_back_sorted() {
        let two = symbols(&[("tus_b", "0.1"), ("tus_a", "0.12")]);
        let text = format(&two);
        assert!(text.ends_with("tus_a 0.12\ntus_b 0.1\n"));
        assert_eq!(parse(&text), Ok(two));
    }

    #[test]
    fn a_bad_line_is_named() {
        for (text, number) in [("tus_a", 1), ("# c\n\ntus_a x", 3), ("tus_a 0.1\ntus_a 0.2", 2), ("tus_a 0.1 b", 1)] {
            assert!(parse(text).unwrap_err().starts_with(&format!("symbols.txt line {number}: ")), "{text:?}");
        }
    }

    #[test]
    fn a_known_symbol_keeps_its_version() {
        let known = symbols(&[("tus_a", "0.1"), ("tus_gone", "0.1")]);
        assert_eq!(update(&known, ["tus_new", "tus_a"], "0.2"), symbols(&[("tus_a", "0.1"), ("tus_new", "0.2")]));
    }
}
