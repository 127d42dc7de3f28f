//! The C program of the demonstration, `examples-c/upload.c`: compiled as a user would, run as a user would.
//!
//! Its progress bar goes to standard error and straight to the terminal; its standard output, where the hint to resume
//! is, is shown and read.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tus_test_peers::tools;

use crate::process::{run, without_cargos_search_path};
use crate::workspace::{examples_dir, include_dir, release_dir};

/// Far longer than the whole demonstration takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// The compiled program.
#[derive(Debug)]
pub(super) struct Program(PathBuf);

/// One run of it.
#[derive(Debug)]
pub(super) struct Run {
    process: Child,
    output: JoinHandle<io::Result<String>>,
}

impl Program {
    /// Compiles it into `folder`, linked to the shared library.
    pub(super) fn compile(folder: &Path) -> Result<Self, String> {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let compiler = tools::cc().ok_or("the demonstration needs a C compiler")?;
        let program = folder.join("upload").with_extension(std::env::consts::EXE_EXTENSION);
        let mut command = Command::new(compiler);
        command.args(["-std=c11", "-O2", "-Wall"]).arg("-I").arg(include_dir());
        command.arg(examples_dir().join("upload.c"));
        command.arg("-L").arg(release_dir()).arg("-ltus");
        command.arg(format!("-Wl,-rpath,{}", release_dir().display()));
        run(command.arg("-o").arg(&program))?;
        Ok(Self(program))
    }

    /// Starts a new upload.
    pub(super) fn upload(&self, file: &Path, endpoint: &str) -> Result<Run, String> {
        self.start(Command::new(&self.0).arg(file).arg(endpoint))
    }

    /// Starts to go on with one.
    pub(super) fn resume(&self, url: &str, file: &Path) -> Result<Run, String> {
        self.start(Command::new(&self.0).args(["--resume", url]).arg(file))
    }

    fn start(&self, command: &mut Command) -> Result<Run, String> {
        let spawned = without_cargos_search_path(command).stdout(Stdio::piped()).spawn();
        let mut process = spawned.map_err(|error| format!("{}: {error}", self.0.display()))?;
        let stdout = process.stdout.take();
        let output = thread::spawn(move || stdout.map_or(Ok(String::new()), show_and_keep));
        Ok(Run { process, output })
    }
}

impl Run {
    /// Waits until `reached`, interrupts the program as Ctrl-C does, and returns what it printed. It is an error when it
    /// ends before, or ends as if all were well.
    pub(super) fn interrupt_when(mut self, reached: impl Fn() -> bool) -> Result<String, String> {
        let deadline = Instant::now() + PATIENCE;
        while !reached() {
            if let Some(status) = self.poll()? {
                return Err(format!("the upload ended before it could be interrupted ({status})"));
            }
            self.pause(deadline)?;
        }
        let pid = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).map_err(|error| format!("SIGINT: {error}"))?;
        let (status, printed) = self.end(deadline)?;
        match status.success() {
            true => Err("the interrupted program says that all went well".into()),
            false => Ok(printed),
        }
    }

    /// Waits until the program has done what it should.
    pub(super) fn finish(self) -> Result<(), String> {
        let (status, _) = self.end(Instant::now() + PATIENCE)?;
        match status.success() {
            true => Ok(()),
            false => Err(format!("the program failed ({status})")),
        }
    }

    fn end(mut self, deadline: Instant) -> Result<(ExitStatus, String), String> {
        let status = loop {
            match self.poll()? {
                Some(status) => break status,
                None => self.pause(deadline)?,
            }
        };
        let printed = self.output.join().map_err(|_| "the reader of the program's output panicked")?;
        Ok((status, printed.map_err(|error| format!("the program's output: {error}"))?))
    }

    fn poll(&mut self) -> Result<Option<ExitStatus>, String> {
        self.process.try_wait().map_err(|error| format!("waiting for the program: {error}"))
    }

    fn pause(&mut self, deadline: Instant) -> Result<(), String> {
        if Instant::now() < deadline {
            thread::sleep(Duration::from_millis(10));
            return Ok(());
        }
        // It may end in this very moment; gone is gone.
        let _ = self.process.kill();
        let _ = self.process.wait();
        Err(format!("the program took longer than {} s", PATIENCE.as_secs()))
    }
}

/// Passes the program's output on as it comes, and keeps it.
fn show_and_keep(mut stdout: impl Read) -> io::Result<String> {
    let (mut kept, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let count = stdout.read(&mut buffer)?;
        if count == 0 {
            return Ok(String::from_utf8_lossy(&kept).into_owned());
        }
        kept.extend_from_slice(&buffer[..count]);
        let mut terminal = io::stdout().lock();
        terminal.write_all(&buffer[..count])?;
        terminal.flush()?;
    }
}
