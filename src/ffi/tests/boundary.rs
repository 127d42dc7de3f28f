//! Reads the source of this layer: every export goes through the door and is documented.

use std::fs;
use std::path::PathBuf;

/// An exported function as the source has it.
pub(super) struct Export {
    pub(super) name: String,
    docs: Vec<String>,
    signature: String,
    body: Vec<String>,
}

/// All exports of this layer.
pub(super) fn exports() -> Vec<Export> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/ffi");
    let mut exports = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "rs") {
            read(&fs::read_to_string(path).unwrap(), &mut exports);
        }
    }
    assert!(exports.len() > 130);
    exports
}

fn read(source: &str, exports: &mut Vec<Export>) {
    let lines: Vec<&str> = source.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        let is_type = line.trim_start().starts_with("pub type") || line.contains("Option<") || line.starts_with(' ');
        if !line.contains("extern \"C\" fn ") || is_type {
            continue;
        }
        let name = line.split("fn ").nth(1).unwrap().split('(').next().unwrap().to_owned();
        let attributes = lines[..at].iter().rev().take_while(|line| line.starts_with("#["));
        let (attributes, above): (Vec<_>, _) = (attributes.collect(), &lines[..at]);
        assert!(attributes.contains(&&"#[unsafe(no_mangle)]"), "{name} is not exported");
        let docs = above[..at - attributes.len()].iter().rev().take_while(|line| line.starts_with("///"));
        let mut docs: Vec<String> = docs.map(|line| line.trim_start_matches('/').trim().to_owned()).collect();
        docs.reverse();
        let opening = at + lines[at..].iter().position(|line| line.ends_with('{')).unwrap();
        let closing = at + lines[at..].iter().position(|line| *line == "}").unwrap();
        exports.push(Export {
            name,
            docs,
            signature: lines[at..=opening].join(" "),
            body: lines[opening + 1..closing].iter().map(|line| line.trim().to_owned()).collect(),
        });
    }
}

#[test]
fn every_export_is_one_call_of_the_guard() {
    for export in exports() {
        let code = export.body.iter().filter(|line| !line.starts_with("//") && *line != "unsafe {");
        let first = code.clone().next().unwrap();
        assert!(first.starts_with("guard_"), "{}: {first}", export.name);
        let calls = code.filter(|line| line.contains("guard_")).count();
        assert_eq!(calls, 1, "{} goes through more than one door", export.name);
    }
}

#[test]
fn every_export_is_documented_for_c() {
    for Export { name, docs, signature, .. } in exports() {
        let has = |start: &str| docs.iter().any(|line| line.starts_with(start));
        assert!(!docs[0].is_empty(), "{name}");
        assert!(has("Threads: "), "{name} does not say which threads may call");
        assert!(has("Since: 0.1"), "{name} does not say since when");
        assert_eq!(has("Returns: "), signature.contains("->"), "{name}: what it returns");
        if signature.contains("-> *") {
            let owned = has("Ownership: ") || name.ends_with("_ref");
            assert!(owned, "{name} does not say whose its result is");
        }
        let parameters = signature.split_once('(').unwrap().1.rsplit_once(')').unwrap().0;
        for parameter in parameters.split(", ").filter(|text| text.contains(": ")) {
            let parameter = parameter.split(':').next().unwrap().trim();
            assert!(has(&format!("- `{parameter}`: ")), "{name} does not explain {parameter}");
        }
        assert!(!docs.iter().any(|line| line.starts_with('#') || line.contains("```")), "{name}");
    }
}

#[test]
fn no_signature_has_what_c_could_not_keep() {
    for Export { name, signature, .. } in exports() {
        let enumerations = ["tus_status_code", "tus_log_level", "tus_concat_kind", "tus_checksum", "tus_dispatch"];
        for forbidden in ["bool", "&", "Box<", "Option<", "enum"].iter().chain(&enumerations) {
            assert!(!signature.contains(forbidden), "{name}: {forbidden}");
        }
    }
}
