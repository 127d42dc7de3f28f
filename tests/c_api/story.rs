//! One run of one case of one program against one server.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use tus_test_peers::tools;
use tus_test_server::{Options, Server};

use crate::build;
use crate::process::{self, Ended};

/// How a program is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    Plain,
    Valgrind,
    Sanitized,
}

/// What valgrind and the sanitizers make the exit code when they find something.
const FOUND: &str = "99";

/// Makes tests of stories: all with sanitizers, and under valgrind too those that are about what lives how long.
macro_rules! stories {
    (valgrind: $($lifetimes:ident),*; rest: $($rest:ident),* $(,)?) => {
        mod sanitized {
            $(#[test] fn $lifetimes() { super::$lifetimes(crate::story::How::Sanitized); })*
            $(#[test] fn $rest() { super::$rest(crate::story::How::Sanitized); })*
        }
        mod valgrind {
            $(#[test] fn $lifetimes() { super::$lifetimes(crate::story::How::Valgrind); })*
        }
    };
}

/// A server, a folder, and the program that will meet them.
pub(crate) struct Story {
    how: How,
    source: &'static str,
    case: &'static str,
    words: Vec<String>,
    pub(crate) server: Server,
    pub(crate) folder: Folder,
}

impl Story {
    /// With a correct server.
    pub(crate) fn new(how: How, source: &'static str, case: &'static str) -> Story {
        Story::with(how, source, case, Options::default())
    }

    pub(crate) fn with(how: How, source: &'static str, case: &'static str, options: Options) -> Story {
        Story {
            how,
            source,
            case,
            words: Vec::new(),
            server: Server::start(options).unwrap(),
            folder: Folder::new(case),
        }
    }

    /// More words for the program's command line.
    pub(crate) fn words<W: Into<String>>(mut self, words: impl IntoIterator<Item = W>) -> Story {
        self.words.extend(words.into_iter().map(Into::into));
        self
    }

    /// Runs the program, which must end well; the lines it printed. `None` if it had to be left out.
    pub(crate) fn told(&self) -> Option<Vec<String>> {
        let Ended { status, stdout, stderr } = self.ended()?;
        let found = self.folder.logs();
        assert!(status.success(), "{status}\n{stderr}\n{found}\n{}", crate::wire::lines(&self.server).join("\n"));
        assert_eq!(stderr, "", "nothing is to be written there");
        Some(stdout.lines().map(str::to_owned).collect())
    }

    /// The same for a program that has nothing to say; false if it had to be left out.
    pub(crate) fn passes(&self) -> bool {
        let Some(printed) = self.told() else { return false };
        assert_eq!(printed, [""; 0], "nothing is to be written there");
        true
    }

    /// Runs the program to its end, whatever that is.
    pub(crate) fn ended(&self) -> Option<Ended> {
        // As it is, where it cannot be built with sanitizers.
        let sanitized = (self.how == How::Sanitized).then(|| build::program(self.source, true)).flatten();
        let program = sanitized.or_else(|| build::program(self.source, false))?;
        let mut command = match self.how {
            How::Valgrind => valgrind(&program, &self.folder.0)?,
            How::Plain | How::Sanitized => Command::new(&program),
        };
        command.env("ASAN_OPTIONS", format!("exitcode={FOUND}:detect_leaks=1"));
        command.env("UBSAN_OPTIONS", format!("exitcode={FOUND}:print_stacktrace=1"));
        command.arg(self.case).arg(self.server.endpoint()).arg(&self.folder.0).args(&self.words);
        Some(process::run(&mut command))
    }
}

/// Errors and leaks make the exit code bad and are written to a file, so that what the program prints is its own.
/// "Possible" leaks are none: Rust's standard library keeps one pointer into the middle of a block for each thread.
fn valgrind(program: &Path, folder: &Path) -> Option<Command> {
    let mut command = Command::new(tools::valgrind()?);
    command.args(["--quiet", "--leak-check=full", "--errors-for-leak-kinds=definite,indirect"]);
    command.arg(format!("--error-exitcode={FOUND}"));
    command.arg(format!("--log-file={}/%p.log", folder.display()));
    command.arg(program);
    Some(command)
}

/// A folder that goes away.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("tus-c-api-{}-{number}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    /// What valgrind wrote.
    fn logs(&self) -> String {
        let files = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().path());
        let logs = files.filter(|path| path.extension().is_some_and(|extension| extension == "log"));
        logs.map(|path| fs::read_to_string(path).unwrap()).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _left_behind = fs::remove_dir_all(&self.0);
    }
}
