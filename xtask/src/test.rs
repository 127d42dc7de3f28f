//! `cargo xtask test`: every check and every test, in order.
//!
//! A failure does not end the run, so that one run shows everything; only without a built library there is nothing more
//! to try. What was left out, because this machine lacks a program or a registry cannot be reached, is named at the end.

use std::fs;
use std::io;
use std::process::Command;
use std::thread;

use tus_test_peers::{install_all, left_out_file, note_left_out, tools};

use crate::process::{self, cargo, without_cargos_search_path};
use crate::steps::Steps;
use crate::workspace::{examples_dir, release_dir, root, target_dir};
use crate::{abi, deny, library, notices, packages};

/// What the command line asks for.
#[derive(Debug, Default, PartialEq)]
struct Request {
    strict: bool,
    long: bool,
    filter: Option<String>,
}

/// Runs what the arguments ask for.
pub(crate) fn run(arguments: &[&str]) -> Result<(), String> {
    let request = parse(arguments)?;
    forget_left_out()?;
    let mut steps = Steps::default();
    if request.strict {
        steps.run("packages", packages::install);
    }
    // One linker works for most of the time that a release build takes: the checks before it need the other processors.
    let unseen = thread::scope(|scope| {
        let building = scope.spawn(build);
        run_steps(&mut steps, &request, || building.join().unwrap_or_else(|_| Err("it panicked".into())))
    });

    let left_out = left_out();
    println!("\n{}", steps.summary());
    for line in &left_out {
        println!("left out: {line}");
    }
    // Not a part of --strict: the database is in one place only, which not every network leads to.
    if let Some(part) = unseen {
        println!("not looked at: {part}");
    }
    let failed = steps.failed();
    match (failed.is_empty(), left_out.is_empty() || !request.strict) {
        (true, true) => Ok(()),
        (true, false) => Err("parts were left out, and --strict allows none".into()),
        (false, _) => Err(format!("failed: {}", failed.join(", "))),
    }
}

/// Returns what could not be looked at.
fn run_steps(steps: &mut Steps, request: &Request, built: impl FnOnce() -> Result<(), String>) -> Option<&'static str> {
    let mut unseen = None;
    let everything = request.filter.is_none();
    if everything {
        steps.run("format", || process::run(&mut cargo(&["fmt", "--all", "--check"])));
        steps.run("lint", lint);
        steps.run("crates", || {
            unseen = deny::check()?;
            notices::check()
        });
    }
    if !steps.run("build", built) {
        return unseen;
    }
    if everything {
        steps.run("servers", install_servers);
        steps.run("abi", abi::check);
    }
    steps.run("tests", || tests(request));
    steps.run("C examples", || examples(request));
    unseen
}

fn lint() -> Result<(), String> {
    process::run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    // What a build without TLS and encodings consists of.
    process::run(&mut cargo(&[
        "clippy",
        "--package",
        "libtus",
        "--no-default-features",
        "--lib",
        "--",
        "-D",
        "warnings",
    ]))
}

fn build() -> Result<(), String> {
    library::build()?;
    library::build_server().map(drop)
}

fn install_servers() -> Result<(), String> {
    for (name, result) in install_all() {
        match result {
            Ok(()) => println!("{name}: installed"),
            Err(reason) => note_left_out(name, &reason),
        }
    }
    Ok(())
}

fn tests(request: &Request) -> Result<(), String> {
    let mut command = cargo(&["test", "--workspace", "--no-fail-fast"]);
    command.args(request.filter.as_deref().map(|filter| ["--", filter]).into_iter().flatten());
    process::run(for_tests(&mut command, request))
}

/// Configures, builds and runs the C programs against the release library.
fn examples(request: &Request) -> Result<(), String> {
    let (Some(cmake), Some(ctest)) = (tools::which("cmake"), tools::which("ctest")) else {
        note_left_out("C examples", "cmake not found in PATH");
        return Ok(());
    };
    if tools::which("valgrind").is_none() {
        note_left_out("C examples under valgrind", "valgrind not found in PATH");
    }
    let build = target_dir().join("examples-c");
    let mut configure = Command::new(&cmake);
    configure.arg("-S").arg(examples_dir()).arg("-B").arg(&build);
    configure.arg(define("TUS_LIB_DIR", &release_dir())).arg(define("TUS_TEST_SERVER", &library::server_program()));
    process::run(&mut configure)?;
    process::run(Command::new(&cmake).arg("--build").arg(&build).args(["--parallel", "2"]))?;

    let mut command = Command::new(ctest);
    command.arg("--test-dir").arg(&build).args(["--output-on-failure", "--parallel", "4"]).current_dir(root());
    if let Some(filter) = &request.filter {
        command.args(["-R", filter]);
    }
    process::run(without_cargos_search_path(for_tests(&mut command, request)))
}

fn define(name: &str, path: &std::path::Path) -> std::ffi::OsString {
    let mut argument = std::ffi::OsString::from(format!("-D{name}="));
    argument.push(path);
    argument
}

/// What tests find in their environment: the built library, the built server, how strict to be.
fn for_tests<'a>(command: &'a mut Command, request: &Request) -> &'a mut Command {
    if request.strict {
        command.env("TUS_STRICT", "1");
    }
    if request.long {
        command.env("TUS_TEST_TIMES", "10");
    }
    command.env("TUS_LIB_DIR", release_dir()).env("TUS_TEST_SERVER", library::server_program())
}

fn forget_left_out() -> Result<(), String> {
    match fs::remove_file(left_out_file()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(format!("left-out.txt: {error}")),
        _ => Ok(()),
    }
}

/// Each part once, in the order of its first mention.
fn left_out() -> Vec<String> {
    let mut lines = Vec::new();
    for line in fs::read_to_string(left_out_file()).unwrap_or_default().lines() {
        if !lines.iter().any(|known| known == line) {
            lines.push(line.to_owned());
        }
    }
    lines
}

fn parse(arguments: &[&str]) -> Result<Request, String> {
    let strict = std::env::var_os("TUS_STRICT").is_some_and(|value| value == "1");
    let mut request = Request { strict, ..Request::default() };
    for &argument in arguments {
        match argument {
            "--strict" => request.strict = true,
            "--long" => request.long = true,
            _ if argument.starts_with('-') => return Err(format!("test: no such option: {argument}")),
            _ if request.filter.is_some() => return Err(format!("test: a second filter: {argument}")),
            _ => request.filter = Some(argument.to_owned()),
        }
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_an_option_and_a_filter_in_any_order() {
        let wanted = Request { strict: true, long: true, filter: Some("resume".into()) };
        assert_eq!(parse(&["--strict", "--long", "resume"]).as_ref(), Ok(&wanted));
        assert_eq!(parse(&["resume", "--long", "--strict"]), Ok(wanted));
    }

    #[test]
    fn what_is_not_known_is_refused() {
        assert!(parse(&["--fast"]).is_err());
        assert!(parse(&["one", "two"]).is_err());
    }
}
