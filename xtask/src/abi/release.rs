//! The ABI now against the ABI of the last release, so that a break is a decision and never an accident.
//!
//! What is compared is a stub: one empty body for each function of the header, compiled with all its types' debug
//! information. A comparison of the library itself misses types that only callbacks mention and reports private fields;
//! the stub has exactly what the header promises. The last release's side is `include/tus.abi.xml`, a few kilobytes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tus_test_peers::{note_left_out, tools};

use crate::abi::declared;
use crate::declarations::Function;
use crate::process::{output, run};
use crate::workspace::{include_dir, soname, target_dir};

/// Compares, unless nothing was released yet. What was added is allowed, as is everything once the SONAME is a new one;
/// any other change fails, unless it is described in `include/tus.abi.allowed`, in the language of abidiff's
/// suppressions, with a comment that says why it breaks nobody.
pub(crate) fn check() -> Result<(), String> {
    let baseline = baseline();
    if !baseline.is_file() {
        println!("  nothing was released yet, so there is nothing to compare with");
        return Ok(());
    }
    let (Some(compiler), Some(abidiff)) = (tools::cc(), tools::which("abidiff")) else {
        note_left_out("abi comparison", "abidiff or a C compiler is missing");
        return Ok(());
    };
    let released = fs::read_to_string(&baseline).map_err(|error| format!("{}: {error}", baseline.display()))?;
    let stub = build_stub(&compiler)?;
    let mut command = Command::new(abidiff);
    command.args(["--no-show-locs", "--no-added-syms"]);
    let allowed = include_dir().join("tus.abi.allowed");
    if allowed.is_file() {
        command.arg("--suppressions").arg(allowed);
    }
    let compared = output(command.arg(baseline).arg(stub))?;
    print!("{}{}", String::from_utf8_lossy(&compared.stdout), String::from_utf8_lossy(&compared.stderr));
    match judge(compared.status.code(), released.contains(&format!("soname='{}'", soname()))) {
        Judgement::Kept => println!("  the ABI of the last release is kept"),
        Judgement::MayBreak => println!("  the ABI differs from the last release, and so does the SONAME"),
        Judgement::Broken => return Err("  the ABI of the last release is broken, under its SONAME".into()),
        Judgement::NotCompared => return Err("  abidiff could not compare".into()),
    }
    Ok(())
}

#[derive(Debug, PartialEq)]
enum Judgement {
    Kept,
    MayBreak,
    Broken,
    NotCompared,
}

/// The exit status of abidiff is made of bits: 1 and 2 are its own errors, 4 and 8 say that something changed.
fn judge(status: Option<i32>, same_soname: bool) -> Judgement {
    match status {
        Some(0) => Judgement::Kept,
        Some(code) if code & 3 == 0 && same_soname => Judgement::Broken,
        Some(code) if code & 3 == 0 => Judgement::MayBreak,
        _ => Judgement::NotCompared,
    }
}

/// Writes `include/tus.abi.xml` from the present header.
pub(crate) fn write_baseline() -> Result<(), String> {
    let compiler = tools::cc().ok_or("no C compiler")?;
    let abidw = tools::which("abidw").ok_or("no abidw; it comes with libabigail")?;
    let stub = build_stub(&compiler)?;
    let mut command = Command::new(abidw);
    command.args(["--no-show-locs", "--no-corpus-path", "--no-comp-dir-path", "--out-file"]).arg(baseline());
    run(command.arg(stub))?;
    println!("wrote include/tus.abi.xml");
    Ok(())
}

fn baseline() -> PathBuf {
    include_dir().join("tus.abi.xml")
}

fn build_stub(compiler: &Path) -> Result<PathBuf, String> {
    let folder = target_dir().join("abi-stub");
    let text = stub(&declared()?.functions);
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(folder.join("stub.c"), text))
        .map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut command = Command::new(compiler);
    command.args(["-g", "-fno-eliminate-unused-debug-types", "-w", "-fPIC", "-shared"]);
    command.arg(format!("-Wl,-soname,{}", soname())).arg("-I").arg(include_dir());
    // Named without its folder: the name ends up in the baseline, which is committed.
    run(command.args(["-o", "libtus-stub.so", "stub.c"]).current_dir(&folder))?;
    Ok(folder.join("libtus-stub.so"))
}

fn stub(functions: &[Function]) -> String {
    let bodies: String = functions.iter().map(|function| format!("{} {{}}\n", function.signature)).collect();
    format!("#include \"tus.h\"\n{bodies}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declarations;

    #[test]
    fn a_change_is_a_break_under_the_same_soname_only() {
        assert_eq!(judge(Some(0), true), Judgement::Kept);
        assert_eq!(judge(Some(4), true), Judgement::Broken);
        assert_eq!(judge(Some(12), false), Judgement::MayBreak);
        assert_eq!(judge(Some(1), false), Judgement::NotCompared);
        assert_eq!(judge(None, true), Judgement::NotCompared);
    }

    #[test]
    fn every_function_gets_an_empty_body() {
        let declared = declarations::read("int tus_a(void);\nvoid tus_b(int x,\n  int y);");
        assert_eq!(stub(&declared.functions), "#include \"tus.h\"\nint tus_a(void) {}\nvoid tus_b(int x, int y) {}\n");
    }
}
