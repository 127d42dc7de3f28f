//! docs/reference-client.md and docs/requirements.md say what is really there: each name of the C API that they mention is
//! declared in `include/tus.h`, each test that they mention exists and is run, and each row of their tables has a test. Each
//! requirement that anything cites (`T-025`) is a row of docs/requirements.md.
//!
//! A test is written in backquotes, in the last cell of its row, in one of three forms:
//!
//! - `path/file.rs::name`: a Rust function with `#[test]`, or one that `every_way!` makes tests of;
//! - `tests/c/file.c: story`: a case of a C program, told in `tests/c_api`;
//! - `examples-c/cmake/tests.cmake: case`: a case of `examples-c/tests/run.sh`.
//!
//! A row whose second cell is "not yet" has no test, and a dash in its place.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

const REQUIREMENTS: &str = "docs/requirements.md";
const DOCUMENTS: [&str; 2] = ["docs/reference-client.md", REQUIREMENTS];

fn exists(name: &str) -> bool {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name).exists()
}

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name))
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[track_caller]
fn assert_none(document: &str, problems: &[String]) {
    assert!(problems.is_empty(), "{document}:\n{}", problems.join("\n"));
}

#[test]
fn the_names_are_in_the_header() {
    for document in DOCUMENTS {
        assert_none(document, &wrong_names(&read(document), &read("include/tus.h")));
    }
}

#[test]
fn the_tests_exist() {
    for document in DOCUMENTS {
        let text = read(document);
        let problems = rows(&text).into_iter().flat_map(|row| wrong_tests(&row));
        assert_none(document, &problems.collect::<Vec<_>>());
    }
}

#[test]
fn each_row_has_a_test() {
    for document in DOCUMENTS {
        let text = read(document);
        let rows = rows(&text);
        assert!(rows.len() >= 80, "{document}: the tables are not found: {}", rows.len());
        assert_none(document, &rows.iter().filter_map(without_test).collect::<Vec<_>>());
    }
}

#[test]
fn each_requirement_that_is_cited_is_listed() {
    let text = read(REQUIREMENTS);
    let listed: Vec<_> = rows(&text).into_iter().map(|row| row.cells[0].to_owned()).collect();
    assert!(listed.is_sorted() && listed.windows(2).all(|two| two[0] != two[1]), "once each, in order");
    let mut problems = Vec::new();
    for place in ["src", "tests", "include", "docs", "README.md", "ARCHITECTURE.md", "CHANGELOG.md"] {
        each_file(&Path::new(env!("CARGO_MANIFEST_DIR")).join(place), &mut |path, text| {
            let unknown = cited(text).into_iter().filter(|number| !listed.contains(number));
            problems.extend(unknown.map(|number| format!("{}: {number} is not listed", path.display())));
        });
    }
    assert_none(REQUIREMENTS, &problems);
}

/// Calls `look` with each text file below a folder, or with the file itself.
fn each_file(path: &Path, look: &mut impl FnMut(&Path, &str)) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            each_file(&entry.unwrap().path(), look);
        }
    } else if let Ok(text) = fs::read_to_string(path) {
        look(path, &text);
    }
}

/// The requirements that a text cites.
fn cited(text: &str) -> Vec<String> {
    let begins = |at: &usize| !text[..*at].ends_with(is_word);
    let numbers = text.match_indices("T-").map(|(at, _)| at).filter(begins).filter_map(|at| text.get(at..at + 5));
    numbers.filter(|number| number[2..].bytes().all(|digit| digit.is_ascii_digit())).map(str::to_owned).collect()
}

/// What the three tests above are there for, in a document made for it.
#[test]
fn mistakes_are_found() {
    let header = "/* tus_comment */ #define TUS_REAL 1\nint tus_real(void);\n\
                  typedef struct tus_stats {\n  double speed;\n} tus_stats;";
    assert_eq!(wrong_names("`tus_real`, tus_stats.speed: `TUS_REAL`.", header), [""; 0]);
    for wrong in ["tus_comment", "tus_rea", "TUS_REA", "tus_stats.rate", "tus_real.speed"] {
        assert_eq!(wrong_names(&format!("a `{wrong}`"), header).len(), 1, "{wrong}");
    }

    assert_eq!(cited("T-025: as (T-030), not AT-031, T-32 or T-x33"), ["T-025", "T-030"]);

    let table = |cells: &str| format!("| a | b | c | tests |\n|---|---|---|---|\n| x | {cells} |");
    for right in [
        "`tests/reference.rs::mistakes_are_found`",
        "`tests/scenarios/headers.rs::request_ids`, `src/fingerprint/mod.rs::known_values`",
        "`tests/c/readers.c: refused`",
        "`examples-c/cmake/tests.cmake: upload_empty`, `examples-c/cmake/tests.cmake: custom_store_sqlite`",
    ] {
        let table = table(&format!("y | z | {right}"));
        let row = &rows(&table)[0];
        assert_eq!((wrong_tests(row), without_test(row)), (Vec::new(), None), "{right}");
    }
    for wrong in [
        "`tests/reference.rs::is_not_there`",
        "`tests/reference.rs::wrong_names`",
        "`tests/is_not_there.rs::x`",
        "`tests/scenarios/headers.rs::every_verb`",
        "`tests/scenarios/headers.rs::request`",
        "`tests/c/readers.c: refuse`",
        "`tests/c/is_not_there.c: refused`",
        "`examples-c/cmake/tests.cmake: upload_`",
        "`tests/reference.rs`",
        "tests/reference.rs::mistakes_are_found",
    ] {
        let table = table(&format!("y | z | {wrong}"));
        assert_eq!(wrong_tests(&rows(&table)[0]).len(), 1, "{wrong}");
    }
    for (cells, lacks) in
        [("y | z | ", true), ("y | z | –", true), ("not yet | z | ", true), ("not yet | z | –", false)]
    {
        let table = table(cells);
        assert_eq!(without_test(&rows(&table)[0]).is_some(), lacks, "{cells}");
    }
}

/// A row of a table: its line in the document, and its cells.
struct Row<'a> {
    line: usize,
    cells: Vec<&'a str>,
}

impl Row<'_> {
    fn tests(&self) -> &str {
        self.cells.last().expect("a row has cells")
    }
}

/// The rows of all tables, without their heads.
fn rows(document: &str) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    for (number, line) in document.lines().enumerate() {
        let Some(inner) = line.strip_prefix('|').and_then(|line| line.strip_suffix('|')) else { continue };
        if inner.starts_with("---") {
            // The line before was the head of a table.
            let head = rows.pop().expect("a table has a head");
            assert_eq!(head.tests(), "tests", "line {}: the last column is that of the tests", head.line);
        } else {
            rows.push(Row { line: number + 1, cells: inner.split('|').map(str::trim).collect() });
        }
    }
    rows
}

fn without_test(row: &Row<'_>) -> Option<String> {
    let later = row.cells[1] == "not yet";
    let lacks = if later { row.tests() != "–" } else { !row.tests().contains('`') };
    lacks.then(|| format!("line {}: {} has no test", row.line, row.cells[0]))
}

/// Which of the row's tests are not there, or are no tests.
fn wrong_tests(row: &Row<'_>) -> Vec<String> {
    // What is in backquotes is every other piece.
    let pieces: Vec<_> = row.tests().split('`').collect();
    let mut problems: Vec<_> = pieces.iter().skip(1).step_by(2).filter_map(|test| wrong_test(test)).collect();
    let between = pieces.iter().step_by(2).find(|text| !matches!(text.trim(), "" | "," | "–"));
    problems.extend(between.map(|text| format!("this is no test: {text}")));
    problems.into_iter().map(|problem| format!("line {}: {problem}", row.line)).collect()
}

fn wrong_test(test: &str) -> Option<String> {
    let (file, name, is_there): (_, _, fn(&str, &str) -> bool) = match (test.split_once("::"), test.split_once(": ")) {
        (Some((file, name)), _) => (file, name, is_rust_test),
        (None, Some((file, name))) if file.starts_with("tests/c/") => (file, name, is_story),
        (None, Some((file, name))) => (file, name, is_example),
        (None, None) => return Some(format!("{test} names no test")),
    };
    if !exists(file) {
        return Some(format!("there is no file {file}"));
    }
    (!is_there(file, name)).then(|| format!("{file} has no test {name}"))
}

/// Whether the function is a test of its own or one of `every_way!`, in a file that is compiled.
fn is_rust_test(file: &str, name: &str) -> bool {
    let text = read(file);
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    let Some(at) = lines.iter().position(|line| line.starts_with(&format!("fn {name}("))) else { return false };
    let attributes: Vec<_> = lines[..at].iter().rev().take_while(|line| line.starts_with("#[")).collect();
    let ignored = attributes.iter().any(|line| line.starts_with("#[ignore"));
    let of_every_way = text.split_once("every_way! {").is_some_and(|(_, list)| {
        list.split('}').next().unwrap().split([',', ';', ':', '\n']).any(|listed| listed.trim() == name)
    });
    (attributes.contains(&&"#[test]") || of_every_way) && !ignored && is_module(file)
}

/// Whether the file is a test program or declared by the file of its folder.
fn is_module(file: &str) -> bool {
    let path = Path::new(file);
    let (stem, folder) = (path.file_stem().unwrap().to_str().unwrap(), path.parent().unwrap().to_str().unwrap());
    let declaration = format!("mod {stem};");
    let declares =
        |parent: &str| exists(parent) && read(parent).lines().any(|line| line.trim().ends_with(&declaration));
    folder == "tests" || matches!(stem, "mod" | "main" | "lib") || {
        let parents = ["/mod.rs", "/main.rs", "/lib.rs", ".rs"].map(|file| format!("{folder}{file}"));
        parents.iter().any(|parent| declares(parent))
    }
}

/// Whether the C program has the case, and a test in `tests/c_api` runs it.
fn is_story(file: &str, name: &str) -> bool {
    let program = file.rsplit('/').next().unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c_api");
    let told = fs::read_dir(folder).unwrap().any(|entry| {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        text.contains(&format!("\"{program}\"")) && text.contains(&format!("\"{name}\""))
    });
    told && read(file).contains(&format!("{{\"{name}\", "))
}

/// Whether the case is in a list of CMake's and in the script that runs it.
fn is_example(file: &str, name: &str) -> bool {
    let text = read(file);
    let lists = ["set(cases", "list(APPEND cases"].map(|begin| text.split(begin).skip(1));
    let mut cases = lists.into_iter().flatten().flat_map(|rest| rest.split(')').next().unwrap().split_whitespace());
    cases.any(|case| case == name)
        && read("examples-c/tests/run.sh").lines().any(|line| line.starts_with(&format!("case_{name}()")))
}

/// The names of the C API in a text that the header does not declare; members are written as `tus_stats.speed`.
fn wrong_names(text: &str, header: &str) -> Vec<String> {
    let code = without_comments(header);
    let declared: HashSet<_> = words(&code).collect();
    let mut problems = Vec::new();
    for written in text.split(|c: char| !(is_word(c) || c == '.')) {
        let written = written.trim_matches('.');
        if !written.starts_with("tus_") && !written.starts_with("TUS_") {
            continue;
        }
        let there = match written.split_once('.') {
            None => declared.contains(written),
            Some((record, member)) => {
                let begin = format!("typedef struct {record} {{");
                let members = code.split_once(&begin).and_then(|(_, rest)| rest.split_once(&format!("}} {record};")));
                members.is_some_and(|(members, _)| words(members).any(|word| word == member))
            }
        };
        if !there {
            problems.push(format!("{written} is not in tus.h"));
        }
    }
    problems
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c| !is_word(c)).filter(|word| !word.is_empty())
}

/// C code without what is between `/*` and `*/`.
fn without_comments(code: &str) -> String {
    let mut pieces = code.split("/*");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |kept, piece| kept + " " + piece.split_once("*/").map_or("", |(_, after)| after))
}
