//! Compiling the programs, each once for all stories that need it.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};

use tus_test_peers::{left_out, tools, workspace_dir};

use crate::library;

/// Everything a compiler can find is an error.
const STRICT: &[&str] = &["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-D_GNU_SOURCE", "-g", "-pthread"];
const SANITIZE: &[&str] = &["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"];

/// The compiled program; `None` if this machine lacks what is needed, which is then written down.
pub(crate) fn program(source: &'static str, sanitized: bool) -> Option<PathBuf> {
    type Built = Arc<OnceLock<Option<PathBuf>>>;
    static PROGRAMS: Mutex<Option<HashMap<(&str, bool), Built>>> = Mutex::new(None);
    let slot = {
        let mut programs = PROGRAMS.lock().unwrap();
        Arc::clone(programs.get_or_insert_default().entry((source, sanitized)).or_default())
    };
    slot.get_or_init(|| compile(source, sanitized)).clone()
}

fn compile(source: &str, sanitized: bool) -> Option<PathBuf> {
    let (compiler, standard) =
        if source.ends_with(".cpp") { (tools::cxx()?, "-std=c++17") } else { (tools::cc()?, "-std=c11") };
    if sanitized && !can_sanitize(&compiler) {
        return left_out("sanitizers", &format!("{} cannot link with them", compiler.display()));
    }
    let root = workspace_dir();
    let library = library::folder();
    let program = program_path(source, sanitized);
    let fresh = program.with_extension(std::process::id().to_string());
    let mut command = Command::new(compiler);
    command.arg(standard).args(STRICT).args(if sanitized { SANITIZE } else { &[] });
    command.arg("-I").arg(root.join("include")).arg(root.join("tests/c").join(source));
    command.arg("-L").arg(library).arg("-ltus").arg(format!("-Wl,-rpath,{}", library.display()));
    let output = command.arg("-o").arg(&fresh).output().unwrap();
    assert!(output.status.success(), "{source}:\n{}", String::from_utf8_lossy(&output.stderr));
    // Another run of the tests may be using the file that is there.
    fs::rename(fresh, &program).unwrap();
    Some(program)
}

fn program_path(source: &str, sanitized: bool) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("c-api");
    fs::create_dir_all(&folder).unwrap();
    let name = source.replace('.', "-");
    folder.join(if sanitized { format!("{name}-sanitized") } else { name })
}

/// Whether a program of nothing can be linked with the sanitizers and runs.
fn can_sanitize(compiler: &Path) -> bool {
    static CAN: OnceLock<bool> = OnceLock::new();
    *CAN.get_or_init(|| {
        let program = program_path("nothing", true);
        let source = program.with_extension("c");
        fs::write(&source, "int main(void) { return 0; }\n").unwrap();
        let built = Command::new(compiler).args(SANITIZE).arg(source).arg("-o").arg(&program).output();
        built.is_ok_and(|output| output.status.success())
            && Command::new(&program).output().is_ok_and(|output| output.status.success())
    })
}
