//! Scenario 83: a process that is killed at any moment, and the next one, which ends what it began.
//!
//! 60 rounds one chunk after the other and 60 in three parts; `TUS_TEST_TIMES` multiplies that.

#[allow(dead_code, unused_imports, unused_macros, reason = "shared with the scenarios, which use all of it")]
mod support;

use std::env;
use std::fs::{self, File, FileTimes};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use support::{Folder, noise};
use tus::engine::client::Client;
use tus::engine::config::Config;
use tus::engine::options::UploadOptions;
use tus::protocol::chunk::ChunkSize;
use tus::source::Source;
use tus_test_server::{Options, Server};

const SIZE: usize = 8 << 20;
const CHUNK: u64 = 256 << 10;

const FILE: &str = "TUS_TEST_KILL_FILE";
const ENDPOINT: &str = "TUS_TEST_KILL_ENDPOINT";
const STORE: &str = "TUS_TEST_KILL_STORE";
const PARTS: &str = "TUS_TEST_KILL_PARTS";

#[test]
fn killed_while_it_sends_one_chunk_after_the_other() {
    Run::new(1, 55_000_000).all();
}

#[test]
fn killed_while_it_sends_in_parts() {
    Run::new(3, 18_000_000).all();
}

#[test]
#[ignore = "run by the other tests, as a process of its own"]
fn a_process_to_be_killed() {
    let Some(file) = env::var_os(FILE) else { return };
    let mut config = Config::new();
    config.set_url(&env::var(ENDPOINT).unwrap()).unwrap();
    config.set_store_dir(env::var_os(STORE).unwrap().into());
    config.set_chunk_size(ChunkSize::Fixed(NonZeroU64::new(CHUNK).unwrap())).unwrap();
    let mut options = UploadOptions::new();
    options.set_parallel_uploads(env::var(PARTS).unwrap().parse().unwrap());
    options.set_min_part_size(1);
    options.set_remove_parts(true);
    let mut source = Source::file(Path::new(&file)).unwrap();
    let info = Client::new(config).unwrap().upload(&mut source, &options).unwrap();
    assert!(info.complete);
}

/// Many rounds with one server and one file.
struct Run {
    parts: u32,
    rounds: usize,
    server: Server,
    folder: Folder,
    path: PathBuf,
    bytes: Vec<u8>,
    random: u64,
    figures: Figures,
}

#[derive(Debug, Default)]
struct Figures {
    kills: usize,
    /// Runs that went on with what was there.
    resumes: usize,
    sent: u64,
    /// Uploads that were created when the kill came before their URL had been noted. Nothing was sent to them.
    never_noted: usize,
    /// Parts put together twice, since the kill came before the first time had been noted.
    twice: usize,
}

impl Run {
    /// The server reads each request at this pace, in bytes a second.
    fn new(parts: u32, pace: u64) -> Run {
        let rounds = tus_test_peers::times(60);
        let mut options = Options { throttle: Some(pace), log_body: 0, ..Options::default() };
        options.extensions.creation_with_upload = false;
        let (folder, bytes) = (Folder::new(), noise(SIZE, u64::from(parts)));
        let path = folder.file("data", &bytes);
        // Old enough for its times to prove that it has not changed.
        std::thread::sleep(Duration::from_millis(80));
        let server = Server::start(options).unwrap();
        let random = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64 | 1;
        Run { parts, rounds, server, folder, path, bytes, random, figures: Figures::default() }
    }

    fn all(mut self) {
        let began = Instant::now();
        for round in 0..self.rounds {
            let mut child = self.spawn();
            let moment = self.a_moment(&mut child);
            child.kill().unwrap();
            // It may have been done before, or have had nothing left to do but to end.
            let killed = !child.wait().unwrap().success();
            self.figures.kills += usize::from(killed);
            if killed && !(self.is_whole() && self.records() == 0) {
                self.go_on(round, moment);
            }
            self.check_and_clear(round);
        }
        self.store_is_empty();
        let Figures { kills, resumes, sent, never_noted, twice } = self.figures;
        let needed = (self.rounds * SIZE) as f64;
        println!(
            "{} part(s): {} rounds in {:.1} s, {kills} kills, {resumes} resumes, {:.2} % sent again, \
             {never_noted} uploads created but never noted, {twice} put together twice",
            self.parts,
            self.rounds,
            began.elapsed().as_secs_f64(),
            (sent as f64 - needed) / needed * 100.0,
        );
        assert!(kills * 2 >= self.rounds, "hardly ever killed: {kills}");
        assert!(resumes * 3 >= self.rounds, "hardly ever gone on with: {resumes}");
        // The moment between the server's word and the disk's is short.
        assert!(
            never_noted * 4 <= self.rounds * self.parts as usize && twice * 4 <= self.rounds,
            "{never_noted} {twice}"
        );
        assert!((sent as f64) < needed * 1.2, "{sent} bytes for {needed}");
    }

    /// Waits until the server has got some part of the data, or nothing but a first request, and a moment longer. Tells which
    /// part.
    fn a_moment(&mut self, child: &mut Child) -> f64 {
        let part = self.next_random() * 1.1 - 0.1;
        let is_there = |run: &Run| {
            let received: u64 = run.server.uploads().iter().map(|upload| upload.offset).sum();
            !run.server.requests().is_empty() && received as f64 >= part * SIZE as f64
        };
        while !is_there(self) && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(10).mul_f64(self.next_random()));
        part
    }

    fn go_on(&mut self, round: usize, moment: f64) {
        let offset: u64 = self.server.uploads().iter().map(|upload| upload.offset).sum();
        let begun = self.server.requests().len();
        assert!(self.spawn().wait().unwrap().success(), "round {round}, killed after {moment} of the data");
        let next = self.server.requests().into_iter().skip(begun).find(|request| request.method != "OPTIONS");
        self.figures.resumes += usize::from(offset > 0 && next.is_some_and(|request| request.method == "HEAD"));
    }

    fn is_whole(&self) -> bool {
        self.server.uploads().iter().any(|upload| upload.finished && upload.offset == SIZE as u64)
    }

    fn records(&self) -> usize {
        self.names().into_iter().filter(|name| name.ends_with(".json")).count()
    }

    fn spawn(&self) -> Child {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", "a_process_to_be_killed", "--ignored", "--test-threads", "1"]);
        command.env(FILE, &self.path).env(ENDPOINT, self.server.endpoint());
        command.env(STORE, self.store()).env(PARTS, self.parts.to_string());
        command.stdout(Stdio::null()).spawn().unwrap()
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    fn next_random(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1u64 << 53) as f64
    }

    /// What a round has left: the upload, whole, and nothing else that a later run should have known of.
    fn check_and_clear(&mut self, round: usize) {
        let whole = self.bytes.len() as u64;
        let uploads = self.server.uploads();
        let (finished, left): (Vec<_>, Vec<_>) =
            uploads.into_iter().partition(|upload| upload.finished && upload.offset == whole);
        assert!(!finished.is_empty(), "round {round}");
        for upload in &finished {
            assert!(self.server.upload_bytes(&upload.id).unwrap() == self.bytes, "round {round}: other bytes");
            self.server.remove_upload(&upload.id);
        }
        self.figures.twice += finished.len() - 1;
        if self.parts == 1 {
            assert_eq!(finished.len(), 1, "round {round}: sent twice");
        }
        for upload in &left {
            // T-052: no byte goes to an upload whose URL is not on the disk.
            assert_eq!(upload.offset, 0, "round {round}: data in an upload nobody knows of: {upload:?}");
            self.server.remove_upload(&upload.id);
        }
        self.figures.never_noted += left.len();
        let requests = self.server.requests();
        self.figures.sent += requests.iter().map(|request| request.body_len).sum::<u64>();
        let violations = self.server.violations();
        assert!(violations.is_empty(), "round {round}: {violations:#?}");
        self.server.clear_log();
        assert_eq!(self.records(), 0, "round {round}: what is finished leaves the store");
    }

    fn names(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.store()) else { return Vec::new() };
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// Apart from what lies there when a kill comes in the middle of a write, which goes with the next cleaning.
    fn store_is_empty(&self) {
        for name in self.names() {
            let file = File::options().write(true).open(self.store().join(&name)).unwrap();
            let long_ago = SystemTime::now() - Duration::from_secs(7200);
            file.set_times(FileTimes::new().set_modified(long_ago)).unwrap();
        }
        let mut config = Config::new();
        config.set_store_dir(self.store());
        assert_eq!(Client::new(config).unwrap().prune_store(None).unwrap(), 0);
        assert_eq!(self.names(), [""; 0]);
    }
}
