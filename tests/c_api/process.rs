//! Running a program to its end, with its output kept and a limit on its time.

use std::env;
use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tus_test_peers::target_dir;

/// Far longer than any program takes, valgrind and a busy machine included.
const PATIENCE: Duration = Duration::from_secs(120);

/// How a program ended, and what was printed by it or by the library.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a program in an environment without proxies and without cargo's search path for libraries.
pub(crate) fn run(command: &mut Command) -> Ended {
    for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
        command.env_remove(name).env_remove(name.to_uppercase());
    }
    without_cargos_search_path(command);
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = spawned.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let stdout = reading(child.stdout.take());
    let stderr = reading(child.stderr.take());
    let status = wait(&mut child);
    let (stdout, stderr) = (stdout.join().unwrap(), stderr.join().unwrap());
    match status {
        Some(status) => Ended { status, stdout, stderr },
        None => panic!("{command:?} took longer than {PATIENCE:?}\n{stdout}\n{stderr}"),
    }
}

/// `None` if it had to be killed.
fn wait(child: &mut Child) -> Option<ExitStatus> {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    None
}

fn reading(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            pipe.read_to_end(&mut bytes).unwrap();
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// `cargo test` lets programs search its own folders first, before any path in the program itself: there may be another
/// build of the library.
fn without_cargos_search_path(command: &mut Command) {
    let Some(path) = env::var_os("LD_LIBRARY_PATH") else { return };
    let foreign = |folder: &std::path::PathBuf| !folder.starts_with(target_dir()) && !folder.join("libtus.so").exists();
    match env::join_paths(env::split_paths(&path).filter(foreign)) {
        Ok(path) if !path.is_empty() => command.env("LD_LIBRARY_PATH", path),
        _ => command.env_remove("LD_LIBRARY_PATH"),
    };
}
