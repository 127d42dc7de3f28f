//! README.md shows what is really there.

use std::fs;
use std::path::Path;

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name))
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The code blocks of a language.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    text.split(fence.as_str()).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// The program in README.md is the example that is compiled and run with the others.
#[test]
fn the_program_is_the_quickstart_example() {
    let readme = read("README.md");
    let programs = blocks(&readme, "c");
    let example = read("examples-c/quickstart.c");
    assert_eq!(programs.len(), 1);
    let begin = example.find("#include").unwrap();
    assert_eq!(programs[0], &example[begin..]);
}

/// Every function README.md names is declared in the header.
#[test]
fn the_functions_exist() {
    let (readme, header) = (read("README.md"), read("include/tus.h"));
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    for word in
        readme.split(|c| !is_name(c)).filter(|word| word.starts_with("tus_client") || word.starts_with("tus_config_"))
    {
        assert!(
            header.contains(&format!("{word}(")) || header.contains(&format!(" {word};")),
            "{word} is not in tus.h"
        );
    }
}

/// The files and folders it links to are there.
#[test]
fn the_links_lead_somewhere() {
    for document in ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"] {
        let text = read(document);
        for target in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            if !target.starts_with("https://") {
                assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(target).exists(), "{document} links to {target}");
            }
        }
    }
}
