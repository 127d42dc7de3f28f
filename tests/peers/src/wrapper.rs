//! Runs a server under a small shell script, so that it cannot outlive the test.
//!
//! The script starts the server and then reads its standard input, a pipe whose other end only the
//! test process holds. When that end is closed, by [`Wrapped::end`] or by the system because the
//! test process died in whatever way, the script kills the server, reaps it and removes its folder.
//! So no signal handler and no `unsafe` is needed here.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// `$1` is the server's folder, the rest its command line. Signals from a terminal reach the script
/// as well as the test; it must live on to clean up. The server's process number cannot be reused
/// before `wait`, so `kill` never meets a stranger.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
folder=$1
shift
"$@" 2>&1 &
server=$!
exec >/dev/null 2>&1
read -r word
kill -KILL "$server"
wait "$server"
[ "$word" = keep ] || rm -rf -- "$folder"
"#;

/// A running server with its script. Dropping it ends both and removes the folder.
#[derive(Debug)]
pub(crate) struct Wrapped {
    script: Child,
    input: Option<ChildStdin>,
    output: Arc<Mutex<Output>>,
}

/// What the server has printed so far, and whether it can still print.
#[derive(Debug, Default)]
struct Output {
    bytes: Vec<u8>,
    closed: bool,
}

impl Wrapped {
    /// Starts a server whose own folder is `folder`.
    pub(crate) fn start(folder: &Path, line: &[OsString]) -> io::Result<Self> {
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, "peer"]).arg(folder).args(line);
        let mut script = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let output = Arc::default();
        if let Some(stdout) = script.stdout.take() {
            collect(stdout, Arc::clone(&output));
        }
        Ok(Self { input: script.stdin.take(), script, output })
    }

    /// Whether the server is gone, which only it can have decided.
    pub(crate) fn has_exited(&self) -> bool {
        self.output.lock().unwrap_or_else(PoisonError::into_inner).closed
    }

    /// Everything the server has printed so far.
    pub(crate) fn printed(&self) -> String {
        let output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&output.bytes).into_owned()
    }

    /// Kills the server and waits until it is gone, but keeps its folder.
    pub(crate) fn end_and_keep(mut self) {
        if let Some(input) = &mut self.input {
            // When the script is gone already there is nobody left to tell.
            let _ = input.write_all(b"keep\n");
        }
    }
}

impl Drop for Wrapped {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.script.wait();
    }
}

/// Empties the server's output for as long as it runs: a full pipe would stop it.
fn collect(mut stdout: ChildStdout, output: Arc<Mutex<Output>>) {
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        loop {
            let read = stdout.read(&mut buffer);
            let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
            match read {
                Ok(0) => break output.closed = true,
                Ok(count) => output.bytes.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break output.closed = true,
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::install;

    fn folder(name: &str) -> PathBuf {
        let folder = install::peers_dir().join(format!("wrapper-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn shell(text: &str) -> Vec<OsString> {
        ["sh", "-c", text].map(OsString::from).to_vec()
    }

    #[track_caller]
    fn wait_for(what: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !what() {
            assert!(Instant::now() < deadline, "waited too long");
            thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn the_server_and_its_folder_go_with_the_value() {
        let folder = folder("drop");
        let server = Wrapped::start(&folder, &shell("echo $$; exec sleep 600")).unwrap();
        wait_for(|| server.printed().ends_with('\n'));
        let process = PathBuf::from("/proc").join(server.printed().trim());
        assert!(!server.has_exited());
        drop(server);
        assert!(!process.exists() && !folder.exists());
    }

    #[test]
    fn a_folder_can_be_kept() {
        let folder = folder("keep");
        Wrapped::start(&folder, &shell("exec sleep 600")).unwrap().end_and_keep();
        assert!(folder.exists());
        fs::remove_dir(folder).unwrap();
    }

    #[test]
    fn an_early_end_is_noticed_with_its_last_words() {
        let folder = folder("early");
        let server = Wrapped::start(&folder, &shell("echo no such flag >&2; exit 2")).unwrap();
        wait_for(|| server.has_exited());
        assert_eq!(server.printed(), "no such flag\n");
    }
}
