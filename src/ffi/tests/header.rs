//! The committed header, read as text: does it say what the source says?

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::checksum::{tus_checksum, tus_checksum_policy};
use super::super::config::{tus_creation_data, tus_locations};
use super::super::config_tasks::tus_dispatch;
use super::super::fingerprint::tus_fingerprint;
use super::super::hooks::tus_waiting;
use super::super::info::tus_concat_kind;
use super::super::log::tus_log_level;
use super::super::status::tus_status_code;
use super::super::task::tus_task_state_code;
use super::super::version;
use super::super::warning::tus_warning_code;
use super::boundary::exports;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub(super) fn header() -> String {
    fs::read_to_string(root().join("include/tus.h")).unwrap()
}

/// The names of the pointer parameters of each function, callbacks and their data included.
pub(super) fn pointer_parameters() -> BTreeMap<String, Vec<String>> {
    let header = without_comments(&header());
    let mut functions = BTreeMap::new();
    for declaration in header.split("TUS_API").skip(1) {
        let Some((before, rest)) = declaration.split_once('(') else { continue };
        let name = before.split(|c: char| !is_word(c)).rfind(|word| !word.is_empty()).unwrap();
        let parameters = rest.split_once(')').unwrap().0;
        let pointers = parameters.split(',').filter(|text| text.contains('*') || text.contains("_fn "));
        let names = pointers.map(|text| text.rsplit(|c| !is_word(c)).next().unwrap().to_owned());
        // The macro's own definition is no function.
        if name.starts_with("tus_") {
            functions.insert(name.to_owned(), names.collect());
        }
    }
    functions
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn without_comments(text: &str) -> String {
    let mut left = String::new();
    let mut rest = text;
    while let Some((before, comment)) = rest.split_once("/*") {
        left.push_str(before);
        rest = comment.split_once("*/").unwrap().1;
    }
    left + rest
}

#[test]
fn it_declares_every_export() {
    let declared: Vec<String> = pointer_parameters().into_keys().collect();
    let mut exported: Vec<String> = exports().into_iter().map(|export| export.name).collect();
    exported.sort();
    assert_eq!(declared, exported);
}

#[test]
fn its_constants_are_ours() {
    let header = header();
    let value = |name: &str| {
        let line = header.lines().find(|line| line.starts_with(&format!("#define {name} "))).unwrap();
        line.rsplit_once(&format!("{name} ")).unwrap().1.to_owned()
    };
    assert_eq!(value("TUS_VERSION_MAJOR"), env!("CARGO_PKG_VERSION_MAJOR"));
    assert_eq!(value("TUS_VERSION_MINOR"), env!("CARGO_PKG_VERSION_MINOR"));
    assert_eq!(value("TUS_VERSION_PATCH"), env!("CARGO_PKG_VERSION_PATCH"));
    assert_eq!(value("TUS_WAIT_FOREVER"), "(-1)");
    assert_eq!(value("TUS_VERSION_NUMBER"), format!("0x{:06x}u", version::TUS_VERSION_NUMBER));
    for (name, ours) in [
        ("TUS_SIZE_UNKNOWN", version::TUS_SIZE_UNKNOWN),
        ("TUS_CHUNK_AUTO", version::TUS_CHUNK_AUTO),
        ("TUS_CHUNK_WHOLE", version::TUS_CHUNK_WHOLE),
    ] {
        let expected = if ours == u64::MAX { "UINT64_MAX".to_owned() } else { format!("(UINT64_MAX - {})", !ours) };
        assert_eq!(value(name), expected, "{name}");
    }
    assert_eq!(value("TUS_WAIT_FOREVER"), format!("({})", version::TUS_WAIT_FOREVER));
}

#[test]
fn its_enumerations_are_ours() {
    let header = without_comments(&header());
    let values = |name: &str| {
        let body = header.split_once(&format!("enum {name} {{")).unwrap().1.split_once('}').unwrap().0;
        let pairs = body.split(',').map(|pair| pair.split_once('=').unwrap());
        pairs
            .map(|(name, value)| (name.trim().to_owned(), value.trim().parse().unwrap()))
            .collect::<Vec<(String, i32)>>()
    };
    let statuses = tus_status_code::ALL.map(|status| (status.name().to_str().unwrap().to_owned(), status.code()));
    assert_eq!(values("tus_status_code"), statuses);
    let named = |pairs: &[(&str, i32)]| pairs.iter().map(|(name, n)| (name.to_string(), *n)).collect::<Vec<_>>();
    assert_eq!(
        values("tus_log_level"),
        named(&[
            ("TUS_LOG_ERROR", tus_log_level::TUS_LOG_ERROR as i32),
            ("TUS_LOG_WARN", tus_log_level::TUS_LOG_WARN as i32),
            ("TUS_LOG_INFO", tus_log_level::TUS_LOG_INFO as i32),
            ("TUS_LOG_DEBUG", tus_log_level::TUS_LOG_DEBUG as i32),
        ])
    );
    assert_eq!(
        values("tus_concat_kind"),
        named(&[
            ("TUS_CONCAT_NONE", tus_concat_kind::TUS_CONCAT_NONE as i32),
            ("TUS_CONCAT_PARTIAL", tus_concat_kind::TUS_CONCAT_PARTIAL as i32),
            ("TUS_CONCAT_FINAL", tus_concat_kind::TUS_CONCAT_FINAL as i32),
        ])
    );
    assert_eq!(
        values("tus_waiting"),
        named(&[
            ("TUS_WAITING_NOT", tus_waiting::TUS_WAITING_NOT as i32),
            ("TUS_WAITING_BACKOFF", tus_waiting::TUS_WAITING_BACKOFF as i32),
            ("TUS_WAITING_RETRY_AFTER", tus_waiting::TUS_WAITING_RETRY_AFTER as i32),
            ("TUS_WAITING_LOCK", tus_waiting::TUS_WAITING_LOCK as i32),
            ("TUS_WAITING_ASSEMBLY", tus_waiting::TUS_WAITING_ASSEMBLY as i32),
        ])
    );
    assert_eq!(
        values("tus_warning_code"),
        named(&[
            ("TUS_W_NONE", tus_warning_code::TUS_W_NONE as i32),
            ("TUS_W_OTHER", tus_warning_code::TUS_W_OTHER as i32),
            ("TUS_W_NOT_STORED", tus_warning_code::TUS_W_NOT_STORED as i32),
            ("TUS_W_STORE_UNREADABLE", tus_warning_code::TUS_W_STORE_UNREADABLE as i32),
            ("TUS_W_BEGUN_ANEW", tus_warning_code::TUS_W_BEGUN_ANEW as i32),
            ("TUS_W_BEGUN_BESIDE", tus_warning_code::TUS_W_BEGUN_BESIDE as i32),
            ("TUS_W_LEFT_ON_SERVER", tus_warning_code::TUS_W_LEFT_ON_SERVER as i32),
            ("TUS_W_EXPIRES_SOON", tus_warning_code::TUS_W_EXPIRES_SOON as i32),
            ("TUS_W_NOT_IN_PARTS", tus_warning_code::TUS_W_NOT_IN_PARTS as i32),
            ("TUS_W_CHECKSUMS_NOT_CHECKED", tus_warning_code::TUS_W_CHECKSUMS_NOT_CHECKED as i32),
            ("TUS_W_NO_TUS_RESUMABLE", tus_warning_code::TUS_W_NO_TUS_RESUMABLE as i32),
            ("TUS_W_LOCATION_READ_AS_HTTPS", tus_warning_code::TUS_W_LOCATION_READ_AS_HTTPS as i32),
            ("TUS_W_OTHER_ORIGIN", tus_warning_code::TUS_W_OTHER_ORIGIN as i32),
            ("TUS_W_KEY_FILE_READABLE", tus_warning_code::TUS_W_KEY_FILE_READABLE as i32),
        ])
    );
    assert_eq!(
        values("tus_checksum"),
        named(&[
            ("TUS_CHECKSUM_NONE", tus_checksum::TUS_CHECKSUM_NONE as i32),
            ("TUS_CHECKSUM_SHA1", tus_checksum::TUS_CHECKSUM_SHA1 as i32),
            ("TUS_CHECKSUM_SHA256", tus_checksum::TUS_CHECKSUM_SHA256 as i32),
            ("TUS_CHECKSUM_SHA512", tus_checksum::TUS_CHECKSUM_SHA512 as i32),
            ("TUS_CHECKSUM_MD5", tus_checksum::TUS_CHECKSUM_MD5 as i32),
            ("TUS_CHECKSUM_AUTO", tus_checksum::TUS_CHECKSUM_AUTO as i32),
        ])
    );
    assert_eq!(
        values("tus_checksum_policy"),
        named(&[
            ("TUS_CHECKSUM_OFF", tus_checksum_policy::TUS_CHECKSUM_OFF as i32),
            ("TUS_CHECKSUM_IF_AVAILABLE", tus_checksum_policy::TUS_CHECKSUM_IF_AVAILABLE as i32),
            ("TUS_CHECKSUM_REQUIRED", tus_checksum_policy::TUS_CHECKSUM_REQUIRED as i32),
        ])
    );
    assert_eq!(
        values("tus_fingerprint"),
        named(&[
            ("TUS_FINGERPRINT_CONTENT", tus_fingerprint::TUS_FINGERPRINT_CONTENT as i32),
            ("TUS_FINGERPRINT_PARTIAL_MD5", tus_fingerprint::TUS_FINGERPRINT_PARTIAL_MD5 as i32),
            ("TUS_FINGERPRINT_FILE_IDENTITY", tus_fingerprint::TUS_FINGERPRINT_FILE_IDENTITY as i32),
        ])
    );
    assert_eq!(
        values("tus_locations"),
        named(&[
            ("TUS_LOCATIONS_OUTWARD", tus_locations::TUS_LOCATIONS_OUTWARD as i32),
            ("TUS_LOCATIONS_ANY", tus_locations::TUS_LOCATIONS_ANY as i32),
            ("TUS_LOCATIONS_ALLOWED", tus_locations::TUS_LOCATIONS_ALLOWED as i32),
        ])
    );
    assert_eq!(
        values("tus_creation_data"),
        named(&[
            ("TUS_CREATION_DATA_OFF", tus_creation_data::TUS_CREATION_DATA_OFF as i32),
            ("TUS_CREATION_DATA_ON", tus_creation_data::TUS_CREATION_DATA_ON as i32),
            ("TUS_CREATION_DATA_REPEAT", tus_creation_data::TUS_CREATION_DATA_REPEAT as i32),
        ])
    );
    assert_eq!(
        values("tus_dispatch"),
        named(&[
            ("TUS_DISPATCH_WORKER", tus_dispatch::TUS_DISPATCH_WORKER as i32),
            ("TUS_DISPATCH_QUEUE", tus_dispatch::TUS_DISPATCH_QUEUE as i32),
        ])
    );
    assert_eq!(
        values("tus_task_state_code"),
        named(&[
            ("TUS_TASK_QUEUED", tus_task_state_code::TUS_TASK_QUEUED as i32),
            ("TUS_TASK_RUNNING", tus_task_state_code::TUS_TASK_RUNNING as i32),
            ("TUS_TASK_PAUSED", tus_task_state_code::TUS_TASK_PAUSED as i32),
            ("TUS_TASK_DONE", tus_task_state_code::TUS_TASK_DONE as i32),
        ])
    );
}

#[test]
fn its_program_is_complete() {
    let header = header();
    let lines = header.lines().skip_while(|line| !line.contains("A COMPLETE PROGRAM")).skip(2);
    let program: Vec<&str> =
        lines.take_while(|line| line.starts_with(" *   ") || *line == " *").map(|line| &line[2..]).collect();
    assert!(program.len() > 20, "{program:#?}");
    let folder = std::env::temp_dir().join(format!("tus-header-program-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("program.c");
    fs::write(&path, program.join("\n")).unwrap();
    for (compiler, arguments) in [("cc", &["-std=c99"][..]), ("c++", &["-x", "c++", "-std=c++98"])] {
        compile(compiler, arguments, &path);
    }
    fs::remove_dir_all(&folder).unwrap();
}

fn compile(compiler: &str, arguments: &[&str], path: &Path) {
    let mut command = Command::new(compiler);
    command.args(arguments).args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "-I"]);
    match command.arg(root().join("include")).arg(path).output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => println!("{compiler} is not here: {error}"),
    }
}
