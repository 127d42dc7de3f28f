//! What every public header must keep, whatever generated it: our naming, nothing but portable C types, a comment on each
//! function, no trace of Rust, readable as C++.

use crate::declarations::Declarations;

/// Types whose size differs between platforms or compilers, and arguments without a type.
const FOREIGN_WORDS: [&str; 9] =
    ["bool", "_Bool", "long", "off_t", "ssize_t", "time_t", "wchar_t", "va_list", "uintptr_t"];

/// What shows that Rust's documentation or types came through.
const RUST_TRACES: [&str; 5] = ["# Safety", "```", "[`", "::", "Option<"];

/// No line of the header is longer.
const MOST_COLUMNS: usize = 100;

/// Each way in which the header breaks the rules, as a sentence.
pub(crate) fn faults(header: &str, declared: &Declarations) -> Vec<String> {
    let mut faults = Vec::new();
    if declared.functions.is_empty() {
        faults.push("it declares no function".to_owned());
    }
    for function in &declared.functions {
        if !function.name.starts_with("tus_") {
            faults.push(format!("{} does not begin with tus_", function.name));
        }
        if !function.documented {
            faults.push(format!("{} has no comment", function.name));
        }
    }
    for constant in &declared.constants {
        if !constant.name.starts_with("TUS_") {
            faults.push(format!("{} does not begin with TUS_", constant.name));
        }
    }
    for word in FOREIGN_WORDS.iter().filter(|word| has_word(&declared.code, word)) {
        faults.push(format!("it uses `{word}`"));
    }
    if declared.code.contains("...") {
        faults.push("it has a function of variable arguments".to_owned());
    }
    for (number, line) in (1..).zip(header.lines()) {
        for trace in RUST_TRACES.iter().filter(|trace| line.contains(*trace)) {
            faults.push(format!("line {number} has `{trace}`, which is Rust: {}", line.trim()));
        }
        if line.chars().count() > MOST_COLUMNS {
            faults.push(format!("line {number} has more than {MOST_COLUMNS} columns: {}", line.trim()));
        }
    }
    if !header.contains("extern \"C\" {") {
        faults.push("it has no extern \"C\" for C++".to_owned());
    }
    if !header.contains("#ifndef TUS_H\n#define TUS_H\n") {
        faults.push("it has no include guard TUS_H".to_owned());
    }
    faults.extend(version_faults(declared));
    faults
}

/// The version macros must be those of the package, and the number must be made of the three parts.
fn version_faults(declared: &Declarations) -> Vec<String> {
    let parts = [
        ("TUS_VERSION_MAJOR", env!("CARGO_PKG_VERSION_MAJOR")),
        ("TUS_VERSION_MINOR", env!("CARGO_PKG_VERSION_MINOR")),
        ("TUS_VERSION_PATCH", env!("CARGO_PKG_VERSION_PATCH")),
    ];
    let numbers = parts.map(|(_, value)| value.parse().unwrap_or(0_u32));
    let whole = (numbers[0] << 16) | (numbers[1] << 8) | numbers[2];
    let wanted = parts.map(|(name, _)| name).into_iter().zip(numbers).chain([("TUS_VERSION_NUMBER", whole)]);
    wanted
        .filter_map(|(name, number)| {
            let value = declared.constants.iter().find(|constant| constant.name == name).map(|found| &*found.value);
            match value {
                None => Some(format!("it does not define {name}")),
                Some(text) if integer(text) != Some(number) => Some(format!("{name} is {text} and not {number}")),
                Some(_) => None,
            }
        })
        .collect()
}

/// An integer constant of C, decimal or hexadecimal, unsigned or not.
fn integer(text: &str) -> Option<u32> {
    let digits = text.trim_end_matches(['u', 'U', 'l', 'L']);
    match digits.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => digits.parse().ok(),
    }
}

fn has_word(code: &str, word: &str) -> bool {
    code.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).any(|found| found == word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declarations;

    const GOOD: &str = r#"
#ifndef TUS_H
#define TUS_H
#define TUS_VERSION_MAJOR 0
#define TUS_VERSION_MINOR 1
#define TUS_VERSION_PATCH 0
#define TUS_VERSION_NUMBER 0x000100u
#ifdef __cplusplus
extern "C" {
#endif
/** Belongs to no one. As long as it takes. */
uint32_t tus_version_number(void);
#ifdef __cplusplus
}
#endif
#endif
"#;

    fn faults_of(header: &str) -> Vec<String> {
        faults(header, &declarations::read(header))
    }

    #[test]
    fn a_header_by_the_rules_has_no_faults() {
        assert_eq!(faults_of(GOOD), Vec::<String>::new());
    }

    #[test]
    fn each_broken_rule_is_told() {
        let broken = [
            ("tus_version_number(void)", "version(void)", "version does not begin with tus_"),
            ("/** Belongs to no one. As long as it takes. */", "", "tus_version_number has no comment"),
            ("uint32_t tus", "long tus", "it uses `long`"),
            ("(void)", "(int32_t a, ...)", "it has a function of variable arguments"),
            ("extern \"C\" {", "", "it has no extern \"C\" for C++"),
            ("#define TUS_H\n", "", "it has no include guard TUS_H"),
            ("0x000100u", "0x000101u", "TUS_VERSION_NUMBER is 0x000101u and not 256"),
            ("#define TUS_VERSION_PATCH 0\n", "", "it does not define TUS_VERSION_PATCH"),
            (
                "#define TUS_VERSION_PATCH 0\n",
                "#define OTHER 1\n#define TUS_VERSION_PATCH 0\n",
                "OTHER does not begin with TUS_",
            ),
        ];
        for (from, to, fault) in broken {
            assert_eq!(faults_of(&GOOD.replace(from, to)), [fault]);
        }
        assert_eq!(faults_of(&GOOD.replace("Belongs", "# Safety Belongs")).len(), 1);
        assert_eq!(faults_of(&GOOD.replace("As long", &"x".repeat(MOST_COLUMNS))).len(), 1);
    }
}
