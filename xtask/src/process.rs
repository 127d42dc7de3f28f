//! Runs other programs with their output flowing through, and turns a bad end into a sentence.

use std::env;
use std::ffi::OsString;
use std::process::{Command, Output};

use crate::workspace::{root, target_dir};

/// The cargo that runs this program, in the workspace.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(arguments).current_dir(root());
    command
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{}` failed ({status})", shown(command))),
        Err(error) => Err(format!("`{}` did not start: {error}", shown(command))),
    }
}

/// Runs a command to its end with its output kept, whatever its exit status.
pub(crate) fn output(command: &mut Command) -> Result<Output, String> {
    command.output().map_err(|error| format!("`{}` did not start: {error}", shown(command)))
}

/// Makes a C program find the library that it was linked to. `cargo run` lets programs search the debug build first,
/// which goes before any path in the program itself.
pub(crate) fn without_cargos_search_path(command: &mut Command) -> &mut Command {
    let Some(path) = env::var_os("LD_LIBRARY_PATH") else { return command };
    let kept: Vec<_> = env::split_paths(&path).filter(|folder| !folder.starts_with(target_dir())).collect();
    match env::join_paths(kept) {
        Ok(path) if !path.is_empty() => command.env("LD_LIBRARY_PATH", path),
        _ => command.env_remove("LD_LIBRARY_PATH"),
    }
}

/// The command line as one would type it, the program without its folder.
fn shown(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let words: Vec<OsString> = std::iter::once(name).chain(command.get_args()).map(Into::into).collect();
    words.join(" ".as_ref()).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_end_names_the_command() {
        let error = run(Command::new("/bin/sh").args(["-c", "exit 3"])).unwrap_err();
        assert_eq!(error, "`sh -c exit 3` failed (exit status: 3)");
    }

    #[test]
    fn a_missing_program_is_no_panic() {
        assert!(run(&mut Command::new("/nowhere/none")).unwrap_err().starts_with("`none` did not start: "));
    }
}
