//! The project's own commands, run as `cargo xtask <command>`.
//!
//! Each command has a file of its own; what they share is in small files beside them. Nothing here is part of the
//! library, and nothing here is needed to build it.

mod abi;
mod bench;
mod declarations;
mod demo;
mod deny;
mod header;
mod library;
mod line_diff;
mod notices;
mod packages;
mod process;
mod reproduce;
mod steps;
mod symbols;
mod test;
mod workspace;

use std::env;
use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask <command>

  test [--strict] [--long] [FILTER]
                             run every check and test; --strict: a part left out is a failure;
                             --long: tests that repeat something at random do so ten times as often;
                             with FILTER only the tests whose names contain it
  header [--check]           write include/tus.h and include/symbols.txt from the source;
                             --check: compare only, and show the difference
  abi [--baseline]           hold the header against the library, the compilers and the last release;
                             --baseline: make the present ABI the one of the last release
  demo                       upload a file, interrupt the upload, resume it, compare the bytes
  build                      build the release library, without the paths of this machine
  deny                       hold the crates against deny.toml
  notices [--check]          write THIRD-PARTY-NOTICES; --check: compare only
  reproduce                  build in two folders and compare the libraries byte for byte
  bench [ARGUMENTS]          run the benchmarks
";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["test", rest @ ..] => test::run(rest),
        ["header"] => header::write(),
        ["header", "--check"] => header::check(),
        ["abi"] => abi::check(),
        ["abi", "--baseline"] => abi::write_baseline(),
        ["demo"] => demo::run(),
        ["build"] => library::build(),
        ["deny"] => deny::check().map(|unseen| unseen.iter().for_each(|part| println!("not looked at: {part}"))),
        ["notices"] => notices::write(),
        ["notices", "--check"] => notices::check(),
        ["reproduce"] => reproduce::run(),
        ["bench", rest @ ..] => bench::run(rest),
        [] | ["help" | "-h" | "--help"] => {
            print!("{USAGE}");
            Ok(())
        }
        other => Err(format!("no such command: {}\n\n{USAGE}", other.join(" "))),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("xtask: {text}");
            ExitCode::FAILURE
        }
    }
}
