//! A disk or network file system that fails in the middle of a file, whichever way its bytes go (T-156).
//!
//! The process that uploads runs with a library loaded before all others, whose `sendfile` and `pread64` fail from some
//! read on.

#[allow(dead_code, unused_imports, unused_macros, reason = "shared with the scenarios, which use all of it")]
mod support;

use std::env;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::{Folder, noise};
use tus::engine::client::Client;
use tus::engine::config::Config;
use tus::engine::options::UploadOptions;
use tus::error::{Error, ErrorKind};
use tus::protocol::checksum::{Policy, Wish};
use tus::protocol::chunk::ChunkSize;
use tus::protocol::retry::RetryPolicy;
use tus::source::Source;
use tus::transport::FileSending;
use tus_test_peers::tools;
use tus_test_server::{Options, Server};

const SIZE: usize = 20 << 20;

const FILE: &str = "TUS_TEST_READS_FILE";
const ENDPOINT: &str = "TUS_TEST_READS_ENDPOINT";
const WAY: &str = "TUS_TEST_READS_WAY";
/// What the reads fail with; and how many calls succeed before.
const ERRNO: &str = "TUS_TEST_READS_ERRNO";
const AFTER: &str = "TUS_TEST_READS_AFTER";
/// Which calls fail.
const CALLS: &str = "TUS_TEST_READS_CALLS";

const SHIM: &str = r#"
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>

static int fails(int fd, const char *call)
{
    static int count;
    const char *number = getenv("TUS_TEST_READS_ERRNO"), *calls = getenv("TUS_TEST_READS_CALLS");
    struct stat s;
    if (!number || !strstr(calls, call) || fstat(fd, &s) || !S_ISREG(s.st_mode) || s.st_size < 10000000)
        return 0;
    if (__sync_fetch_and_add(&count, 1) < atoi(getenv("TUS_TEST_READS_AFTER")))
        return 0;
    errno = atoi(number);
    return 1;
}

ssize_t sendfile(int out, int in, off_t *position, size_t length)
{
    ssize_t (*real)(int, int, off_t *, size_t) = dlsym(RTLD_NEXT, "sendfile");
    return fails(in, "sendfile") ? -1 : real(out, in, position, length);
}

ssize_t sendfile64(int out, int in, off64_t *position, size_t length)
{
    ssize_t (*real)(int, int, off64_t *, size_t) = dlsym(RTLD_NEXT, "sendfile64");
    return fails(in, "sendfile") ? -1 : real(out, in, position, length);
}

ssize_t pread64(int fd, void *buffer, size_t length, off64_t offset)
{
    ssize_t (*real)(int, void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pread64");
    return fails(fd, "pread") ? -1 : real(fd, buffer, length, offset);
}
"#;

/// The ways to the wire.
const WAYS: [&str; 3] = ["kernel", "copy", "checked"];

#[test]
fn an_error_of_reading_is_the_sources_and_the_upload_stays() {
    let Some(bench) = Bench::new() else { return };
    for way in WAYS {
        for errno in [libc::EIO, libc::ESTALE, libc::ENOTCONN, libc::ETIMEDOUT, libc::EACCES, libc::EINVAL, libc::EPIPE]
        {
            bench.run(way, errno, "sendfile pread", "a_process_whose_reads_fail");
            assert_eq!(bench.server.uploads().len(), 1, "{way} {errno}: the upload was removed");
            let methods: Vec<_> = bench.server.requests().into_iter().map(|request| request.method).collect();
            assert!(!methods.contains(&"HEAD".to_owned()), "{way} {errno}: it was tried again: {methods:?}");
            let upload = bench.server.uploads().remove(0);
            bench.server.remove_upload(&upload.id);
            bench.server.clear_log();
        }
    }
}

/// What `sendfile` alone cannot do says nothing of the file.
#[test]
fn what_the_kernel_cannot_send_is_copied() {
    let Some(bench) = Bench::new() else { return };
    for errno in [libc::EIO, libc::EINVAL, libc::ENOTCONN, libc::EOVERFLOW] {
        bench.run("kernel", errno, "sendfile", "a_process_whose_reads_succeed");
        let upload = bench.server.uploads().remove(0);
        assert!(bench.server.upload_bytes(&upload.id).unwrap() == bench.bytes, "{errno}");
        bench.server.remove_upload(&upload.id);
    }
}

#[test]
#[ignore = "run by the other tests, as a process of its own"]
fn a_process_whose_reads_fail() {
    let Some(result) = upload() else { return };
    let error = result.unwrap_err();
    let expected = env::var(ERRNO).unwrap().parse().unwrap();
    assert_eq!((error.kind(), error.os_code()), (ErrorKind::Source, Some(expected)), "{error:?}");
    assert!(error.upload_url().is_some() && !error.is_retryable(), "{error:?}");
}

#[test]
#[ignore = "run by the other tests, as a process of its own"]
fn a_process_whose_reads_succeed() {
    let Some(result) = upload() else { return };
    result.unwrap();
}

fn upload() -> Option<Result<(), Error>> {
    let file = env::var_os(FILE)?;
    let mut config = Config::new();
    config.set_url(&env::var(ENDPOINT).unwrap()).unwrap();
    config.set_retry(RetryPolicy { base_delay: std::time::Duration::from_millis(1), ..RetryPolicy::default() });
    match env::var(WAY).unwrap().as_str() {
        "kernel" => config.set_file_sending(FileSending::Kernel),
        "copy" => config.set_file_sending(FileSending::Copy),
        _ => {
            config.set_chunk_size(ChunkSize::Fixed(NonZeroU64::new(1 << 20).unwrap())).unwrap();
            config.set_checksum(Wish { policy: Policy::Required, ..Wish::default() });
        }
    }
    let mut source = Source::file(Path::new(&file)).unwrap();
    Some(Client::new(config).unwrap().upload(&mut source, &UploadOptions::new()).map(drop))
}

/// A server, a file and the library that spoils it.
struct Bench {
    server: Server,
    _folder: Folder,
    path: PathBuf,
    shim: PathBuf,
    bytes: Vec<u8>,
}

impl Bench {
    fn new() -> Option<Bench> {
        let compiler = tools::cc()?;
        let (folder, bytes) = (Folder::new(), noise(SIZE, 3));
        let path = folder.file("data", &bytes);
        let (source, shim) = (folder.file("shim.c", SHIM.as_bytes()), folder.path().join("shim.so"));
        let mut command = Command::new(compiler);
        command.args(["-shared", "-fPIC", "-D_GNU_SOURCE", "-o"]).arg(&shim).arg(&source).arg("-ldl");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Some(Bench { server: Server::start(Options::checked()).unwrap(), _folder: folder, path, shim, bytes })
    }

    fn run(&self, way: &str, errno: i32, calls: &str, test: &str) {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", test, "--ignored", "--test-threads", "1"]);
        command.env(FILE, &self.path).env(ENDPOINT, self.server.endpoint()).env(WAY, way);
        command.env("LD_PRELOAD", &self.shim).env(ERRNO, errno.to_string()).env(AFTER, "3").env(CALLS, calls);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{way} {errno}:\n{}", String::from_utf8_lossy(&output.stdout));
    }
}
