//! Very many at once, and the end of them all. What is counted in this process (descriptors, threads) is counted where
//! no other test runs: in a process of its own.

use std::collections::HashMap;
use std::fs;
use std::num::NonZeroU64;
use std::os::fd::AsRawFd as _;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tus::engine::config::Config;
use tus::error::ErrorKind;
use tus::protocol::chunk::ChunkSize;
use tus::protocol::retry::RetryPolicy;
use tus::protocol::session::CreationData;
use tus::source::Source;
use tus::task::{Dispatch, Lane, Running, Submission, Tasks};
use tus_test_server::{Options, Rule, Server};

use crate::fixture::*;
use crate::site::*;

/// Runs one of the ignored tests below by itself.
#[track_caller]
fn alone(test: &str) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("many::{test}"), "--ignored", "--nocapture", "--test-threads", "1"]);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
fn ten_thousand_of_which_half_are_cancelled() {
    alone("ten_thousand_alone");
}

#[test]
fn what_is_over_keeps_no_descriptor_though_its_task_is_kept() {
    alone("over_alone");
}

#[test]
fn closed_in_the_middle_of_everything() {
    alone("closed_alone");
}

/// Whether something waits to be dispatched, as an event loop would see it.
#[allow(unsafe_code, reason = "poll, which the standard library does not have")]
pub(crate) fn readable(tasks: &Tasks) -> bool {
    let handle = tasks.event_handle().unwrap();
    let mut entry = libc::pollfd { fd: handle.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one entry, which is there for as long as the call.
    unsafe { libc::poll(&mut entry, 1, 0) == 1 }
}

fn open_descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

fn threads() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("comm")).ok()).collect()
}

/// A server that keeps up with very many small uploads, which come with their creation.
fn busy_server() -> (Server, Config) {
    let server = Server::start(Options { log_body: 0, ..Options::default() }).unwrap();
    let mut config = config_to(&server.endpoint());
    config.set_chunk_size(ChunkSize::Whole).unwrap();
    config.set_upload_with_creation(CreationData::On);
    (server, config)
}

#[test]
#[ignore = "run by another, as a process of its own"]
fn ten_thousand_alone() {
    const COUNT: usize = 10_000;
    let (server, config) = busy_server();
    // What is made once and stays.
    let warm = Site::new(config.clone(), 1);
    outcome(&warm.upload(Source::memory("warm"), &options())).unwrap();
    drop(warm);
    server.close_all_connections();
    std::thread::sleep(Duration::from_millis(100));
    let (descriptors, before) = (open_descriptors(), threads());

    let site = Site::new(config, 8);
    let called: Arc<Vec<AtomicUsize>> = Arc::new((0..COUNT).map(|_| AtomicUsize::new(0)).collect());
    let over = Arc::new(AtomicUsize::new(0));
    let content = |number: usize| format!("upload number {number}");
    let tasks: Vec<_> = (0..COUNT)
        .map(|number| {
            let (called, over) = (Arc::clone(&called), Arc::clone(&over));
            site.upload_then(Source::memory(content(number)), move |_| {
                called[number].fetch_add(1, Ordering::SeqCst);
                over.fetch_add(1, Ordering::SeqCst);
            })
        })
        .collect();
    let queued = open_descriptors();
    assert!(queued < descriptors + 200, "what is queued has a descriptor: {descriptors}, then {queued}");
    // Any of them, or one that is about to be carried out: a cancel for each two that are over.
    let mut random = fastrand::Rng::new();
    for number in 0..COUNT / 2 {
        until("they go on", || over.load(Ordering::SeqCst) >= number);
        let soon = (over.load(Ordering::SeqCst) + random.usize(0..12)).min(COUNT - 1);
        tasks[if random.bool() { soon } else { random.usize(0..COUNT) }].cancel();
    }
    let (mut done, mut ended) = (0, 0);
    let mut stored = HashMap::new();
    for upload in server.uploads() {
        if upload.finished {
            stored.insert(upload.id.clone(), server.upload_bytes(&upload.id).unwrap());
        }
    }
    for (number, task) in tasks.iter().enumerate() {
        match outcome(task) {
            Ok(info) => {
                let bytes = stored.remove(id_of(info.url.as_str()));
                let bytes = bytes.or_else(|| server.upload_bytes(id_of(info.url.as_str())));
                assert_eq!(bytes.unwrap(), content(number).into_bytes());
                done += 1;
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Cancelled, "{error:?}");
                ended += 1;
            }
        }
        assert!(task.is_done());
    }
    println!("{done} done, {ended} cancelled");
    assert!(ended > COUNT / 10 && done > COUNT / 10, "{done} done, {ended} cancelled");
    assert!(called.iter().all(|count| count.load(Ordering::SeqCst) == 1), "each is called once");
    // The caller may keep tasks for as long as he likes. What is left has nothing to do with their number.
    server.close_all_connections();
    until("what is over has no descriptor", || open_descriptors() <= descriptors + 50);

    drop(tasks);
    drop(site);
    server.close_all_connections();
    until("all threads have ended", || threads().len() <= before.len());
    until("all descriptors are closed", || open_descriptors() <= descriptors);
}

/// However it came to its end: asked where it is, waited, removed.
#[test]
#[ignore = "run by another, as a process of its own"]
fn over_alone() {
    const COUNT: usize = 200;
    let (server, config) = busy_server();
    let site = Site::new(config, 4);
    let url = server.seed(Some(10), b"").unwrap();
    outcome(&site.resume(Source::memory("0123456789"), &url)).unwrap();
    let before = open_descriptors();
    let urls: Vec<_> = (0..COUNT).map(|_| server.seed(Some(10), b"").unwrap()).collect();
    server.script(Rule::on("HEAD").times(20).reply(423));
    server.script(Rule::on("PATCH").skip(100).times(20).hang_after_body());
    let tasks: Vec<_> = urls.iter().map(|url| site.resume(Source::memory("0123456789"), url)).collect();
    for task in &tasks {
        if !task.wait(Some(Duration::from_millis(50))) {
            task.cancel_and_delete();
        }
        let _either_way = outcome(task);
    }
    server.close_all_connections();
    until("what is over has no descriptor", || open_descriptors() <= before + 50);
    assert_eq!(tasks.len(), COUNT);
}

#[test]
#[ignore = "run by another, as a process of its own"]
fn closed_alone() {
    const COUNT: usize = 500;
    for dispatch in [Dispatch::Worker, Dispatch::Queue] {
        let (server, mut config) = busy_server();
        config.set_chunk_size(chunk(1000)).unwrap();
        config.set_bandwidth_limit(NonZeroU64::new(300_000));
        config.set_retry(RetryPolicy { max_retries: 100, ..config.retry() });
        // Some are told to try again, some are locked out.
        server.script(Rule::on("PATCH").skip(20).times(10).reply(500));
        server.script(Rule::on("PATCH").skip(10).times(10).reply(423));
        server.script(Rule::on("PATCH").skip(30).times(5).hang_after_head());
        let (descriptors, before) = (open_descriptors(), threads());
        let site = Site::with(config, 16, dispatch);
        let closed = Arc::new(AtomicBool::new(false));
        let (called, late) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut random = fastrand::Rng::new();
        let tasks: Vec<_> = (0..COUNT)
            .map(|number| {
                let (closed, called, late) = (Arc::clone(&closed), Arc::clone(&called), Arc::clone(&late));
                let (told_late, was_closed) = (Arc::clone(&late), Arc::clone(&closed));
                let progress = Arc::new(move |_: &_| {
                    told_late.fetch_add(usize::from(was_closed.load(Ordering::SeqCst)), Ordering::SeqCst);
                    Ok(())
                });
                let source = Source::memory(noise(20_000, number as u64));
                let task = site.upload_telling(source, progress, move |_| {
                    called.fetch_add(1, Ordering::SeqCst);
                    late.fetch_add(usize::from(closed.load(Ordering::SeqCst)), Ordering::SeqCst);
                });
                if random.usize(0..5) == 0 {
                    task.pause();
                }
                task
            })
            .collect();
        until_logged(&server, |log| log.len() > 200);
        for task in tasks.iter().filter(|_| random.usize(0..5) == 0) {
            task.pause();
        }
        let began = Instant::now();
        assert!(site.tasks.close(Some(Duration::from_secs(10))), "{dispatch:?}");
        closed.store(true, Ordering::SeqCst);
        println!("{dispatch:?}: closed in {:?}", began.elapsed());
        let requests = server.requests().len();
        assert_eq!(called.load(Ordering::SeqCst), COUNT, "{dispatch:?}");
        let mut ended = 0;
        for task in &tasks {
            assert!(task.is_done() && task.wait(Some(Duration::ZERO)));
            match outcome(task) {
                Ok(info) => assert!(info.complete),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Cancelled, "{error:?}");
                    ended += 1;
                }
            }
        }
        assert!(ended > COUNT / 2, "{ended}");
        let submission: Submission<()> = Submission {
            lane: Lane::Upload,
            priority: 0,
            work: Box::new(|_: &Running<'_>| Ok(())),
            done: None,
            unbegun: None,
        };
        let refused = site.tasks.submit(submission).err().expect("it is closed");
        assert_eq!(refused.kind(), ErrorKind::InvalidState);
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(late.load(Ordering::SeqCst), 0, "{dispatch:?}: called after the close");
        assert!(server.requests().len() <= requests + 16, "{dispatch:?}: it goes on");
        drop(tasks);
        drop(site);
        drop(server);
        until("all threads have ended", || threads().len() <= before.len().min(3));
        until("all descriptors are closed", || open_descriptors() <= descriptors);
    }
}

/// Submitted and cancelled from several threads at once.
#[test]
fn from_many_threads() {
    let (server, config) = busy_server();
    let site = Site::new(config, 4);
    let over = Arc::new(AtomicUsize::new(0));
    let all = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (site, over, all) = (&site, &over, &all);
            scope.spawn(move || {
                for number in 0..50 {
                    let over = Arc::clone(over);
                    let task = site.upload_then(Source::memory(format!("{thread} {number}")), move |_| {
                        over.fetch_add(1, Ordering::SeqCst);
                    });
                    match number % 5 {
                        0 => task.cancel(),
                        1 => {
                            task.pause();
                            task.resume();
                        }
                        2 => task.set_priority(number),
                        _ => {}
                    }
                    all.lock().unwrap().push(task);
                }
            });
        }
    });
    let tasks = all.into_inner().unwrap();
    let failed = tasks.iter().map(outcome).filter(Result::is_err).count();
    assert!(failed <= 40, "{failed}");
    assert_eq!(over.load(Ordering::SeqCst), 200);
    assert!(server.uploads().len() >= 160);
}
