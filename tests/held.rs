//! What the end of an operation is not held by: a file whose reads do not return, and a store that is slow.
//!
//! A file's reads hang in a process of its own, which runs with a library loaded before all others: its `pread64` does
//! not return on the threads that read ahead or for the digest, as on a network file system whose server is gone.

#[allow(dead_code, unused_imports, unused_macros, reason = "shared with the scenarios, which use all of it")]
mod support;

use std::env;
use std::fs::File;
use std::num::NonZeroU64;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use support::{Folder, noise};
use tus::engine::client::Client;
use tus::engine::config::Config;
use tus::engine::control::Control;
use tus::engine::hooks::Progress;
use tus::engine::options::UploadOptions;
use tus::engine::uploader::Uploader;
use tus::error::{Error, ErrorKind, Result, TimeLimit};
use tus::protocol::checksum::{Policy, Wish};
use tus::protocol::chunk::ChunkSize;
use tus::protocol::retry::RetryPolicy;
use tus::source::Source;
use tus::store::{DirectoryStore, Found, Prefix, Record, Store, key};
use tus::task::{Dispatch, Lane, Running, Submission, Tasks};
use tus_test_peers::tools;
use tus_test_server::{Options, Rule, Server};

const CHUNK: usize = 1 << 20;
const SIZE: usize = 4 * CHUNK;

/// What does not happen within this never will.
const LOST: Duration = Duration::from_secs(60);

/// An operation's time, where that is what ends it.
const SHORT: Duration = Duration::from_millis(300);

/// The name of the thread whose reads hang.
const THREAD: &str = "TUS_TEST_HELD_THREAD";

const SHIM: &str = r#"
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

ssize_t pread64(int fd, void *buffer, size_t length, off64_t offset)
{
    ssize_t (*real)(int, void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pread64");
    const char *hangs = getenv("TUS_TEST_HELD_THREAD");
    char name[16] = "";
    struct stat s;
    prctl(PR_GET_NAME, name);
    if (hangs && strcmp(name, hangs) == 0 && fstat(fd, &s) == 0 && S_ISREG(s.st_mode))
        for (;;)
            pause();
    return real(fd, buffer, length, offset);
}
"#;

/// How an upload comes to its end.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Complete,
    Refused,
    Deadline,
    Cancelled,
}

const ENDS: [End; 4] = [End::Complete, End::Refused, End::Deadline, End::Cancelled];

/// How it is made.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Mode {
    Blocking,
    Task,
    Parts,
    Uploader,
}

const MODES: [Mode; 4] = [Mode::Blocking, Mode::Task, Mode::Parts, Mode::Uploader];

/// A server that brings an upload to this end.
fn server(end: End) -> Server {
    let server = support::server::server();
    match end {
        End::Complete => {}
        End::Refused => server.script(Rule::on("PATCH").forever().reply(403)),
        End::Deadline | End::Cancelled => server.script(Rule::on("PATCH").forever().hang_after_body()),
    }
    server
}

fn config(server: &Server, end: End) -> Config {
    let mut config = Config::new();
    config.set_url(&server.endpoint()).unwrap();
    config.set_chunk_size(ChunkSize::Fixed(NonZeroU64::new(CHUNK as u64).unwrap())).unwrap();
    config.set_retry(RetryPolicy { max_retries: 0, ..RetryPolicy::default() });
    config.set_checksum(Wish { policy: Policy::Off, ..Wish::default() });
    if end == End::Deadline {
        config.set_timeouts(tus::transport::Timeouts::default(), Some(SHORT)).unwrap();
    }
    config
}

/// Uploads a source; it is over when this returns, and so is all that belongs to it.
fn upload(config: Config, mode: Mode, end: End, mut source: Source) -> Result<()> {
    let client = Client::new(config)?;
    let control = Control::new();
    let mut options = UploadOptions::new();
    if mode == Mode::Parts {
        options.set_parallel_uploads(3);
        options.set_min_part_size(1);
    }
    if end == End::Cancelled {
        // All is sent, and no answer comes.
        let control = control.clone();
        options.set_progress(Some(Arc::new(move |progress: &Progress| {
            if progress.sent >= CHUNK as u64 {
                control.cancel();
            }
            Ok(())
        })));
    }
    match mode {
        Mode::Blocking | Mode::Parts => client.under(&control).upload(&mut source, &options).map(drop),
        Mode::Uploader => {
            let mut uploader = Uploader::create(&client, source, &options)?;
            uploader.obey(Some(&control));
            let ended = uploader.upload().map(drop);
            drop(uploader);
            ended
        }
        Mode::Task => {
            let tasks = Tasks::start(1, Dispatch::Worker);
            let work = Box::new(move |running: &Running<'_>| {
                let theirs = running.control.clone();
                options.set_progress((end == End::Cancelled).then(|| {
                    let stops = move |progress: &Progress| {
                        if progress.sent >= CHUNK as u64 {
                            theirs.cancel();
                        }
                        Ok(())
                    };
                    Arc::new(stops) as tus::engine::hooks::OnProgress
                }));
                client.under(running.control).upload(&mut source, &options)
            });
            let task = tasks.submit(Submission { lane: Lane::Upload, priority: 0, work, done: None, unbegun: None });
            let task = task?;
            assert!(task.wait(Some(LOST)), "it is never over");
            let ended = task.result(|result| result.as_ref().map(drop).map_err(Error::clone)).expect("a result");
            assert!(tasks.close(Some(LOST)), "something does not end");
            ended
        }
    }
}

/// The error is the end's own, and says where to go on.
#[track_caller]
fn assert_ended(ended: Result<()>, mode: Mode, end: End, server: &Server) {
    match (end, ended) {
        (End::Complete, ended) => ended.unwrap(),
        (_, ended) => {
            let error = ended.unwrap_err();
            let as_told = match end {
                End::Refused => error.kind() == ErrorKind::HttpStatus,
                End::Deadline => matches!(error.kind(), ErrorKind::Timeout(_)),
                _ => error.kind() == ErrorKind::Cancelled,
            };
            assert!(as_told, "{mode:?} {end:?}: {error:?}");
            // A busy machine may come to the deadline before there is an upload.
            let begun = server.requests().iter().any(|request| request.method == "PATCH");
            let told = error.upload_url().is_some() || error.resume_token().is_some();
            assert!(told || !begun || mode == Mode::Parts, "{mode:?} {end:?}: {error:?}");
        }
    }
}

/* ---- reads that do not return */

#[test]
fn the_digest_of_a_file_that_hangs_holds_nothing() {
    run("tus-prefix", "a_process_whose_digests_hang");
}

#[test]
fn reading_ahead_in_a_file_that_hangs_holds_nothing() {
    run("tus-hash", "a_process_that_hangs_ahead");
}

#[test]
#[ignore = "run by the other tests, as a process of its own"]
fn a_process_whose_digests_hang() {
    if env::var_os(THREAD).is_none() {
        return;
    }
    let (folder, bytes) = (Folder::new(), noise(SIZE, 50));
    let path = folder.file("data", &bytes);
    for mode in MODES {
        for end in ENDS {
            println!("{mode:?} {end:?}");
            let server = server(end);
            let mut config = config(&server, end);
            config.set_store_dir(folder.path().join(format!("{mode:?}{end:?}")));
            assert_ended(upload(config, mode, end, Source::file(&path).unwrap()), mode, end, &server);
        }
    }
}

#[test]
#[ignore = "run by the other tests, as a process of its own"]
fn a_process_that_hangs_ahead() {
    if env::var_os(THREAD).is_none() {
        return;
    }
    let (folder, bytes) = (Folder::new(), noise(SIZE, 51));
    let path = folder.file("data", &bytes);
    for mode in MODES {
        // The second chunk never comes.
        for end in [End::Deadline, End::Cancelled] {
            println!("{mode:?} {end:?}");
            let server = Server::start(Options::checked()).unwrap();
            let mut config = config(&server, end);
            config.set_checksum(Wish { policy: Policy::Required, ..Wish::default() });
            assert_ended(upload(config, mode, end, Source::file(&path).unwrap()), mode, end, &server);
        }
    }
    println!("freed while it reads ahead");
    let server = Server::start(Options::checked()).unwrap();
    let mut config = config(&server, End::Complete);
    config.set_checksum(Wish { policy: Policy::Required, ..Wish::default() });
    let client = Client::new(config).unwrap();
    let mut uploader = Uploader::create(&client, Source::file(&path).unwrap(), &UploadOptions::new()).unwrap();
    assert!(uploader.upload_chunk().unwrap());
    drop(uploader);
}

/// Runs a test of this file as a process in which the reads of a thread hang.
fn run(thread: &str, test: &str) {
    let Some(compiler) = tools::cc() else { return };
    let folder = Folder::new();
    let (source, shim) = (folder.file("shim.c", SHIM.as_bytes()), folder.path().join("shim.so"));
    let mut command = Command::new(compiler);
    command.args(["-shared", "-fPIC", "-D_GNU_SOURCE", "-o"]).arg(&shim).arg(&source).arg("-ldl");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture", "--test-threads", "1"]);
    command.env("LD_PRELOAD", &shim).env(THREAD, thread).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() && began.elapsed() < LOST {
        std::thread::sleep(Duration::from_millis(5));
    }
    let _ended_before = child.kill();
    let output = child.wait_with_output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{out}\n{err}", output.status);
}

/* ---- the deadline, while something on this machine takes its time */

/// More bytes than can be read and hashed while anybody waits, which take no place.
fn endless_file(folder: &Folder) -> PathBuf {
    let path = folder.file("endless", b"");
    File::options().write(true).open(&path).unwrap().set_len(8 << 40).unwrap();
    path
}

/// Uploads something that the deadline is to end.
#[track_caller]
fn assert_late(config: Config, mode: Mode, source: Source) {
    let (tell, told) = std::sync::mpsc::channel();
    // Without the deadline it would not end before the test does.
    std::thread::spawn(move || tell.send(upload(config, mode, End::Deadline, source)));
    let error = told.recv_timeout(LOST).expect("nothing ends it").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout(TimeLimit::Total), "{mode:?}: {error:?}");
}

#[test]
fn the_deadline_ends_the_hashing_of_a_chunk() {
    let folder = Folder::new();
    let path = endless_file(&folder);
    for mode in MODES {
        let server = Server::start(Options::checked()).unwrap();
        let mut config = config(&server, End::Deadline);
        config.set_chunk_size(ChunkSize::Whole).unwrap();
        config.set_checksum(Wish { policy: Policy::Required, ..Wish::default() });
        assert_late(config, mode, Source::file(&path).unwrap());
        assert!(server.requests().iter().all(|request| request.method != "PATCH"), "{mode:?}");
    }
}

#[test]
fn the_deadline_ends_the_comparison_with_what_was_sent_before() {
    let folder = Folder::new();
    let path = endless_file(&folder);
    let size = 8 << 40;
    for mode in MODES {
        let server = support::server::server();
        let endpoint = server.endpoint();
        let store = DirectoryStore::open(folder.path().join(format!("{mode:?}")));
        let url = format!("{endpoint}before");
        let content = Some(Prefix { length: size / 2, sha256: "0".repeat(64) });
        let record = Record { url, endpoint: endpoint.clone(), size, content, ..Record::default() };
        store.put(&key(&endpoint, size), &record.url, &record.to_bytes()).unwrap();
        let mut config = config(&server, End::Deadline);
        config.set_store(Some(Arc::new(store)));
        assert_late(config, mode, Source::file(&path).unwrap());
        assert!(server.requests().is_empty(), "{mode:?}: {:?}", server.requests());
    }
}

#[test]
fn the_deadline_ends_the_wait_for_a_source() {
    for mode in [Mode::Blocking, Mode::Task, Mode::Uploader] {
        let server = support::server::server();
        // Nobody ever writes.
        let (read, write) = std::io::pipe().unwrap();
        let pipe = Source::descriptor(&File::from(OwnedFd::from(read))).unwrap();
        assert_late(config(&server, End::Deadline), mode, pipe);
        drop(write);
    }
}

/* ---- a store that is slow */

/// A store whose calls take until the operation's deadline has passed, and are counted from then on.
struct SlowStore {
    late_from: Instant,
    late: Mutex<Vec<&'static str>>,
}

impl SlowStore {
    fn new() -> Arc<SlowStore> {
        Arc::new(SlowStore { late_from: Instant::now() + SHORT, late: Mutex::default() })
    }

    fn take(&self, call: &'static str) {
        match self.late_from.checked_duration_since(Instant::now()) {
            None => self.late.lock().unwrap().push(call),
            Some(left) if call == "put" => std::thread::sleep(left + SHORT / 10),
            Some(_) => {}
        }
    }
}

impl Store for SlowStore {
    fn find(&self, _: &str) -> Result<Found> {
        self.take("find");
        Ok(Found::default())
    }

    fn put(&self, _: &str, _: &str, _: &[u8]) -> Result<()> {
        self.take("put");
        Ok(())
    }

    fn remove(&self, _: &str, _: &str) -> Result<()> {
        self.take("remove");
        Ok(())
    }
}

/// Each call is waited for, for it may be what a later run needs. After the deadline there is one more, the last word; of
/// parts that are created at once there may have been another to say, and an uploader's is that of its freeing.
#[test]
fn a_slow_store_is_hardly_called_after_the_deadline() {
    let bytes = noise(SIZE, 52);
    for mode in MODES {
        let server = server(End::Deadline);
        let store = SlowStore::new();
        let mut config = config(&server, End::Deadline);
        config.set_store(Some(store.clone()));
        let source = Source::memory(bytes.clone());
        assert_late(config, mode, source);
        let late = store.late.lock().unwrap();
        let most = if matches!(mode, Mode::Blocking | Mode::Task) { 1 } else { 2 };
        assert!(late.len() <= most && late.iter().all(|call| *call == "put"), "{mode:?}: {late:?}");
    }
}
