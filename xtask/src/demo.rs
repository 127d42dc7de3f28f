//! `cargo xtask demo`: the whole promise of the library in half a minute, for somebody to watch.
//!
//! A C program uploads a file to a slowed-down server, is interrupted half way, says how to go on, goes on from where the
//! server is, and at the end the bytes on the server's disk are compared with the file. It needs a Rust toolchain and a C
//! compiler, nothing else; anything that is not as it should be is an error.

mod input;
mod program;
mod server;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::library;
use crate::workspace::target_dir;
use program::Program;
use server::Server;

/// The size of the file: large enough to watch, small enough not to bore.
const SIZE: u64 = 64 << 20;

/// What the server takes per second: two halves of four seconds each.
const SPEED: u64 = 8 << 20;

/// Builds, uploads, interrupts, resumes, compares.
pub(crate) fn run() -> Result<(), String> {
    say("Building the library, the test server and the C program");
    library::build()?;
    let server_program = library::build_server()?;
    let folder = target_dir().join("demo");
    let uploads = empty(&folder.join("uploads"))?;
    let program = Program::compile(&folder)?;

    let file = folder.join("input.bin");
    say(&format!("Making a file of {}", mebibytes(SIZE)));
    input::make(&file, SIZE).map_err(|error| format!("{}: {error}", file.display()))?;

    let server = Server::start(&server_program, &uploads, SPEED)?;
    say(&format!("Uploading it to {} at {} a second, and pressing Ctrl-C half way", server.endpoint, mebibytes(SPEED)));
    let interrupted = program.upload(&file, &server.endpoint)?.interrupt_when(|| stored(&uploads) >= SIZE / 2)?;
    let url = resume_url(&interrupted).ok_or("the program printed no `resume with:` line with an upload URL")?;
    let before = stored(&uploads);
    if before >= SIZE {
        return Err("the upload was over before it was interrupted".into());
    }

    say(&format!("The server has {} of it; going on from there", mebibytes(before)));
    program.resume(&url, &file)?.finish()?;

    say("Comparing the file with what is on the server's disk");
    let kept = stored_file(&uploads, &url).ok_or("the server's disk has no file of that upload")?;
    let same = input::compare(&file, &kept).map_err(|error| format!("the comparison failed: {error}"))?;
    println!("{same}");
    match same.is_equal() {
        true => Ok(()),
        false => Err("the server's bytes are not those of the file".into()),
    }
}

fn say(text: &str) {
    println!("\n--> {text}");
}

fn mebibytes(count: u64) -> String {
    format!("{:.1} MiB", count as f64 / f64::from(1 << 20))
}

fn empty(folder: &Path) -> Result<PathBuf, String> {
    let removed = match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    };
    removed.and_then(|()| fs::create_dir_all(folder)).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(folder.to_path_buf())
}

/// The upload's URL in the hint of an interrupted program.
fn resume_url(printed: &str) -> Option<String> {
    let hint = printed.split(['\n', '\r']).find_map(|line| line.trim().strip_prefix("resume with: "))?;
    let option = "--resume ";
    let url = hint[hint.find(option)? + option.len()..].trim_start_matches(['"', '\'']);
    let end = url.find(|c: char| c.is_whitespace() || c == '"' || c == '\'').unwrap_or(url.len());
    Some(url[..end].to_owned())
}

/// The size of the largest file below the server's folder: there is one upload, and small notes beside it.
fn stored(uploads: &Path) -> u64 {
    files(uploads).iter().filter_map(|file| file.metadata().ok()).map(|data| data.len()).max().unwrap_or(0)
}

/// The file of the upload, which the server names after the last part of its URL; not a note beside it.
fn stored_file(uploads: &Path, url: &str) -> Option<PathBuf> {
    let id = url.rsplit('/').next()?;
    let named = |file: &PathBuf| file.file_name().is_some_and(|name| name.to_string_lossy().contains(id));
    files(uploads).into_iter().filter(named).max_by_key(|file| file.metadata().map_or(0, |data| data.len()))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_is_taken_from_the_hint() {
        let printed =
            "\r 50 %\r\ninterrupted\nresume with: ./upload --resume \"http://127.0.0.1:1/files/a?b\" in.bin\n";
        assert_eq!(resume_url(printed).as_deref(), Some("http://127.0.0.1:1/files/a?b"));
        assert_eq!(resume_url("resume with: upload --resume http://h/a"), Some("http://h/a".into()));
        assert_eq!(resume_url("see http://h/a\nresume with: nothing"), None);
    }
}
