//! Programs in languages with a runtime of their own, whose functions the library calls: what the runtime does with threads
//! and signals works on the library's threads too.
#![cfg(target_os = "linux")]

#[path = "c_api/library.rs"]
mod library;
#[path = "c_api/process.rs"]
mod process;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tus_test_peers::{tools, workspace_dir};
use tus_test_server::{Options, Rule, Server};

const SIZE: usize = 3_000_000;

/// A folder of this test's own, and a file in it.
fn file(name: &str) -> (PathBuf, PathBuf) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hosts").join(name);
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join("file");
    fs::write(&file, vec![7; SIZE]).unwrap();
    (folder, file)
}

fn programs() -> PathBuf {
    workspace_dir().join("tests/hosts")
}

/// What a program printed, which must have ended well.
fn printed(command: &mut Command) -> String {
    let ended = process::run(command);
    assert!(ended.status.success(), "{}\n{}\n{}", ended.status, ended.stdout, ended.stderr);
    ended.stdout.trim().to_owned()
}

#[test]
fn mono_collects_garbage_and_catches_faults_in_callbacks() {
    let (Some(compiler), Some(mono)) = (tools::needed("mcs"), tools::needed("mono")) else { return };
    let (folder, file) = file("mono");
    let program = folder.join("collections.exe");
    let source = programs().join("collections.cs");
    printed(Command::new(compiler).arg(format!("-out:{}", program.display())).arg(source));
    let target = library::folder().join("libtus.so");
    let map = format!(r#"<configuration><dllmap dll="libtus.so" target="{}"/></configuration>"#, target.display());
    fs::write(folder.join("collections.exe.config"), map).unwrap();
    let server = Server::start(Options::default()).unwrap();
    let mut command = Command::new(mono);
    command.arg(program).arg(server.endpoint()).arg(file);
    assert_eq!(printed(&mut command), "50 and faults caught");
}

#[test]
fn go_preempts_its_functions_on_threads_of_the_library() {
    let (Some(go), Some(_)) = (tools::needed("go"), tools::cc()) else { return };
    let (folder, file) = file("go");
    let program = folder.join("preempted");
    let mut build = Command::new(go);
    build.current_dir(programs().join("go")).args(["build", "-o"]).arg(&program);
    let (include, library) = (workspace_dir().join("include"), library::folder());
    build.env("CGO_ENABLED", "1").env("CGO_CFLAGS", format!("-I{}", include.display()));
    build.env("CGO_LDFLAGS", format!("-L{0} -Wl,-rpath,{0}", library.display()));
    printed(&mut build);
    let server = Server::start(Options::default()).unwrap();
    assert_eq!(printed(Command::new(program).arg(server.endpoint()).arg(file)), "10");
}

#[test]
fn python_keeps_its_exit_status_when_it_ends_during_uploads() {
    let Some(python) = tools::needed("python3") else { return };
    let (_, file) = file("python");
    for how in ["task", "call"] {
        let server = Server::start(Options::default()).unwrap();
        server.script(Rule::on("PATCH").forever().hang_after_body());
        for _ in 0..5 {
            let mut command = Command::new(&python);
            let library = library::folder().join("libtus.so");
            command.arg(programs().join("leaving.py")).arg(library).arg(server.endpoint()).arg(&file).arg(how);
            let ended = process::run(&mut command);
            assert_eq!(ended.status.code(), Some(7), "{how}: {}\n{}", ended.status, ended.stderr);
        }
    }
}
