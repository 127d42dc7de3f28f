//! Runs one installation command to its end: within a time limit, its output kept in a log file.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Far more than any installation took (the longest, tusd with all its modules, 80 s on two cores).
const LIMIT: Duration = Duration::from_secs(600);

/// How much of a failed command's output its error quotes.
const QUOTED_LINES: usize = 12;

/// Runs `command`, adding its output to `log`. The error says what was run and ends with the last lines of the output.
pub(crate) fn run(command: &mut Command, log: &Path) -> Result<(), String> {
    let shown = command.get_program().display().to_string();
    match run_within(command, log, LIMIT) {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{shown} failed ({status}): {}", tail(log))),
        Err(error) => Err(format!("{shown} did not run: {error}")),
    }
}

fn run_within(command: &mut Command, log: &Path, limit: Duration) -> io::Result<ExitStatus> {
    let output = OpenOptions::new().create(true).append(true).open(log)?;
    let mut child = command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).spawn()?;
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if Instant::now() >= deadline {
            child.kill()?;
            child.wait()?;
            return Err(io::Error::new(io::ErrorKind::TimedOut, format!("not finished after {} s", limit.as_secs())));
        }
        thread::sleep(Duration::from_millis(50));
    }
}

fn tail(log: &Path) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(QUOTED_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target_dir;

    fn scratch(name: &str) -> std::path::PathBuf {
        let log = target_dir().join(format!("run-test-{name}-{}.log", std::process::id()));
        let _ = fs::remove_file(&log);
        log
    }

    #[test]
    fn a_failure_quotes_the_output() {
        let log = scratch("failure");
        let error = run(Command::new("sh").args(["-c", "echo this is why >&2; exit 3"]), &log).unwrap_err();
        assert!(error.contains("this is why") && error.contains('3'), "{error}");
        fs::remove_file(log).unwrap();
    }

    #[test]
    fn a_command_that_hangs_is_ended() {
        let log = scratch("hang");
        let error = run_within(Command::new("sleep").arg("60"), &log, Duration::from_millis(100)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        fs::remove_file(log).unwrap();
    }
}
