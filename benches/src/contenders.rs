//! Who takes part: every contender is a program of its own, so that its processor time and its memory are its own.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;
use crate::cases::{Case, Measure, Work};
use crate::folders::Folders;

/// One that takes part.
pub(crate) struct Contender {
    pub(crate) name: String,
    pub(crate) role: Role,
    program: Program,
    variant: &'static str,
    fields: Fields,
}

/// What it is in the comparison.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Libtus,
    /// libcurl with the buffers it comes with; the first of them is what the ratios are to.
    Libcurl,
    /// For orientation: what else is possible.
    Other,
}

/// The cases that it takes part in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fields {
    All,
    LargeFiles,
    SmallFiles,
}

/// The contenders, and a line for each that had to be left out.
pub(crate) struct Field {
    pub(crate) contenders: Vec<Contender>,
    pub(crate) versions: Vec<String>,
    pub(crate) left_out: Vec<String>,
    /// The program of the case `queue`, which only libtus has.
    pub(crate) queue: Option<Program>,
}

impl Contender {
    /// Whether it can say something in this case.
    pub(crate) fn takes_part(&self, case: &Case) -> bool {
        let able = match self.fields {
            Fields::All => true,
            Fields::LargeFiles => matches!(case.work, Work::File { .. }),
            Fields::SmallFiles => matches!(case.work, Work::Files { .. }),
        };
        able && (case.measure == Measure::Speed || self.role != Role::Other)
    }

    /// Its command for a case.
    pub(crate) fn command(&self, case: &Case, url: &str) -> Command {
        let (kind, path, number) = match &case.work {
            Work::File { path, chunk, .. } => ("file", path, chunk.to_string()),
            Work::Files { folder, count } => ("files", folder, count.to_string()),
        };
        let mut command = self.program.command();
        command.args([kind, url]).arg(path).args([&number, self.variant]);
        command
    }
}

/// A program that keeps to the command line of `contender.h`.
#[derive(Clone)]
pub(crate) struct Program {
    path: PathBuf,
    first: Option<&'static str>,
    libraries: Option<PathBuf>,
}

impl Program {
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.args(self.first);
        // cargo run puts folders of debug builds here; the only library that is to be searched for is the release's.
        match &self.libraries {
            Some(folder) => command.env("LD_LIBRARY_PATH", folder),
            None => command.env_remove("LD_LIBRARY_PATH"),
        };
        command
    }

    /// The first words of what it says about its version.
    fn version(&self) -> Result<String> {
        let output = self.command().arg("version").output().map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(format!("it does not start: {}", first_line(&output.stderr)));
        }
        Ok(first_line(&output.stdout))
    }
}

/// Builds all programs.
pub(crate) fn assemble(folders: &Folders) -> Result<Field> {
    let mut field = Field { contenders: Vec::new(), versions: Vec::new(), left_out: Vec::new(), queue: None };
    field.add("libtus", libtus(folders, "tus_client"), |field, program, _| {
        field.push("libtus".into(), Role::Libtus, program, "blocking", Fields::All);
        for (name, workers) in [("libtus, async, 1 at a time", "1"), ("libtus, async, 4 at a time", "4")] {
            field.push(name.into(), Role::Other, program, workers, Fields::SmallFiles);
        }
    });
    field.queue = libtus(folders, "tus_queue").ok();
    let itself = env::current_exe().map_err(|error| format!("this program cannot be found: {error}"))?;
    field.add(
        "libcurl",
        Ok(Program { path: itself, first: Some("curl-loop"), libraries: None }),
        |field, program, version| {
            field.push_libcurl(&libcurl_name(version), program);
        },
    );
    field.add("libcurl of the system", system_libcurl(folders), |field, program, version| {
        field.push_libcurl(&format!("{}, the system's", libcurl_name(version)), program);
    });
    field.add("bare system calls", compile(folders, "raw_loop", &[]), |field, program, _| {
        field.push("bare send".into(), Role::Other, program, "send", Fields::All);
        field.push("bare sendfile".into(), Role::Other, program, "sendfile", Fields::LargeFiles);
    });
    Ok(field)
}

impl Field {
    /// Adds the contenders of a program, or the line that says why there are none.
    fn add(&mut self, what: &str, program: Result<Program>, push: impl FnOnce(&mut Self, &Program, &str)) {
        match program.and_then(|program| program.version().map(|version| (program, version))) {
            Ok((program, version)) => {
                push(self, &program, &version);
                self.versions.push(version);
            }
            Err(reason) => self.left_out.push(format!("{what}: {reason}")),
        }
    }

    fn push(&mut self, name: String, role: Role, program: &Program, variant: &'static str, fields: Fields) {
        self.contenders.push(Contender { name, role, program: program.clone(), variant, fields });
    }

    fn push_libcurl(&mut self, name: &str, program: &Program) {
        self.push(name.to_owned(), Role::Libcurl, program, "default", Fields::All);
        self.push(format!("{name}, 2 MiB buffer"), Role::Other, program, "2m", Fields::LargeFiles);
    }
}

/// `libcurl/8.22.0 zlib/1.3` is called `libcurl 8.22.0`.
fn libcurl_name(version: &str) -> String {
    version.split(' ').next().unwrap_or(version).replace('/', " ")
}

/// One of the programs that use libtus.
fn libtus(folders: &Folders, name: &str) -> Result<Program> {
    let library = folders.library.join("libtus.so");
    for file in [&library, &folders.include.join("tus.h")] {
        if !file.is_file() {
            return Err(format!("no {}", file.display()));
        }
    }
    let include = flag("-I", &folders.include);
    let program = compile(folders, name, &[include, library.into()])?;
    Ok(Program { libraries: Some(folders.library.clone()), ..program })
}

fn system_libcurl(folders: &Folders) -> Result<Program> {
    let named =
        |reason: String| if reason.contains("curl/curl.h") { "its headers are not installed".into() } else { reason };
    let output = folders.work.join("curl_loop");
    build(folders, "curl_loop", &output, &["-lcurl".into()]).map_err(named)
}

fn compile(folders: &Folders, name: &str, more: &[OsString]) -> Result<Program> {
    build(folders, name, &folders.work.join(name), more)
}

/// Compiles one of the C programs with `$CC`, or `cc`.
fn build(folders: &Folders, name: &str, output: &Path, more: &[OsString]) -> Result<Program> {
    let compiler = env::var_os("CC").unwrap_or_else(|| "cc".into());
    let mut command = Command::new(&compiler);
    command.args(["-std=gnu11", "-O2", "-Wall", "-Wextra", "-o"]).arg(output);
    command.arg(folders.sources.join(name).with_extension("c")).args(more);
    let result = command.output().map_err(|error| format!("no C compiler, {}: {error}", compiler.display()))?;
    if !result.status.success() {
        return Err(format!("{name}.c does not compile: {}", first_line(&result.stderr)));
    }
    Ok(Program { path: output.to_path_buf(), first: None, libraries: None })
}

fn flag(flag: &str, path: &Path) -> OsString {
    let mut flag = OsString::from(flag);
    flag.push(path);
    flag
}

/// The first line that says what is wrong, or else the first.
fn first_line(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let mut lines = text.lines();
    let error = text.lines().find(|line| line.contains("error"));
    error.or_else(|| lines.next()).unwrap_or_default().to_owned()
}
