//! What the uploads of a client share: bandwidth and memory. That there is enough of it is measured, not tested; that
//! there is not more is.

use std::collections::HashSet;
use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use tus::engine::config::Config;
use tus::error::{ErrorKind, TimeLimit};
use tus::protocol::checksum::{Policy, Wish};
use tus::protocol::chunk::ChunkSize;
use tus::protocol::retry::RetryPolicy;
use tus::source::Source;
use tus::task::TaskState;
use tus_test_server::{Options, Request, Rule, Server};

use crate::fixture::*;
use crate::site::*;

fn config(server: &Server) -> Config {
    let mut config = config_to(&server.endpoint());
    config.set_chunk_size(ChunkSize::Whole).unwrap();
    config
}

#[test]
fn all_uploads_together_send_no_more_than_they_may() {
    const LIMIT: u64 = 200_000;
    let (server, folder, bytes) = (server(), Folder::new(), noise(60_000, 340));
    let path = settled(&folder, "a", &bytes);
    let mut config = config(&server);
    config.set_bandwidth_limit(NonZeroU64::new(LIMIT));
    let site = Site::new(config, 4);
    let began = Instant::now();
    let tasks = [
        site.upload(Source::file(&path).unwrap(), &options()),
        site.upload(Source::memory(bytes.clone()), &options()),
        site.upload(Source::file(&path).unwrap(), &in_parts(2)),
    ];
    // The blocking ones are no exception.
    let info = site.client.upload(&mut Source::memory(bytes.clone()), &options()).unwrap();
    assert_stored(&server, &info, &bytes);
    for task in &tasks {
        assert_stored(&server, &outcome(task).unwrap(), &bytes);
    }
    let took = began.elapsed();
    // It may begin with some of it saved up.
    let least = Duration::from_secs_f64(4.0 * 60_000.0 / LIMIT as f64 * 0.6);
    assert!(took >= least, "{took:?}, but {least:?} at least");
    assert_clean(&server);
}

#[test]
fn the_limit_can_be_changed_while_they_run() {
    let (server, bytes) = (server(), noise(500_000, 341));
    let mut config = config(&server);
    config.set_bandwidth_limit(NonZeroU64::new(1000));
    let site = Site::new(config, 4);
    let began = Instant::now();
    let tasks = [0, 1].map(|_| site.upload(Source::memory(bytes.clone()), &options()));
    until_logged(&server, |log| log.iter().filter(|request| request.method == "PATCH").count() == 2);
    std::thread::sleep(Duration::from_millis(100));
    // A quarter of an hour would be needed for it.
    assert!(tasks.iter().all(|task| task.state() == TaskState::Running));
    assert!(arrived(&server) < 100_000, "{}", arrived(&server));
    site.client.set_bandwidth_limit(None);
    for task in &tasks {
        assert_stored(&server, &outcome(task).unwrap(), &bytes);
    }
    assert!(began.elapsed() < LOST);
}

/// Each needs two chunks in memory: as many run as that is there for, and one if it is there for none.
#[test]
fn uploads_wait_for_memory_and_one_always_runs() {
    let bytes = noise(3 << 20, 342);
    for (limit, most) in [(1, 1), (5 << 20, 2), (1 << 40, 4)] {
        let server = server_with(|options| {
            options.extensions = Options::checked().extensions;
            options.throttle = Some(20 << 20);
            options.log_body = 0;
        });
        let mut config = config_to(&server.endpoint());
        config.set_chunk_size(chunk(1 << 20)).unwrap();
        config.set_checksum(Wish { policy: Policy::Required, algorithm: None });
        config.set_memory_limit(NonZeroU64::new(limit));
        let site = Site::new(config, 4);
        let tasks: Vec<_> = (0..6).map(|_| site.upload(Source::memory(bytes.clone()), &options())).collect();
        for task in &tasks {
            assert_stored(&server, &outcome(task).unwrap(), &bytes);
        }
        let ran = at_once(&server.requests());
        assert!(ran <= most, "{limit}: {ran} at once");
        assert!(most != 4 || ran > 1, "{limit}: one after the other without need");
    }
}

/// The most uploads that had begun and not ended at any time.
fn at_once(log: &[Request]) -> usize {
    let data: Vec<&str> =
        log.iter().filter(|request| request.method == "PATCH").map(|request| request.target.as_str()).collect();
    let mut open = HashSet::new();
    let mut most = 0;
    for (at, target) in data.iter().enumerate() {
        open.insert(*target);
        most = most.max(open.len());
        if !data[at + 1..].contains(target) {
            open.remove(target);
        }
    }
    most
}

/// Whoever waits for memory has not begun: he can be cancelled and paused, and more of it lets him begin.
#[test]
fn more_memory_lets_those_begin_who_wait_for_it() {
    let (server, bytes) = (server(), noise(1000, 343));
    server.script(Rule::on("PATCH").hang_after_body());
    let mut config = config(&server);
    config.set_memory_limit(NonZeroU64::new(1));
    let site = Site::new(config, 3);
    let first = site.upload(Source::memory(bytes.clone()), &options());
    until_logged(&server, |log| log.iter().any(|request| request.complete && request.method == "PATCH"));
    let (second, third) = (
        site.upload(Source::memory(bytes.clone()), &options()),
        site.upload(Source::memory(bytes.clone()), &options()),
    );
    let requests = server.requests().len();
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(server.requests().len(), requests, "{:?}", lines(&server));
    third.cancel();
    assert!(cancelled(&third).upload_url().is_none());
    site.client.set_memory_limit(None);
    assert_stored(&server, &outcome(&second).unwrap(), &bytes);
    first.cancel();
    cancelled(&first);
}

/// What the first one had is there for the next, however it ended.
#[test]
fn memory_is_given_back() {
    let (server, bytes) = (server(), noise(1000, 344));
    let mut config = config(&server);
    config.set_memory_limit(NonZeroU64::new(1));
    let site = Site::new(config, 4);
    for _ in 0..10 {
        server.script(Rule::on("PATCH").hang_after_body());
        let stuck = site.upload(Source::memory(bytes.clone()), &options());
        let next: Vec<_> = (0..3).map(|_| site.upload(Source::memory(bytes.clone()), &options())).collect();
        until_logged(&server, |log| log.iter().any(|request| request.complete && request.method == "PATCH"));
        // Whichever of them came first.
        let all = || next.iter().chain([&stuck]);
        until("all but one are done, or none", || {
            let first = all().find(|task| task.control().upload_url().is_some() && !task.is_done());
            first.inspect(|task| task.cancel());
            server.pending_rules() == 0 && first.is_some()
        });
        let ended = all().map(outcome).filter(Result::is_err).count();
        assert!(ended >= 1);
        server.clear_log();
    }
}

/// D18: each task has the limits of its own upload, its removal too.
#[test]
fn an_upload_beside_has_limits_of_its_own() {
    let (server, bytes) = (server(), noise(1000, 346));
    server.script(Rule::on("PATCH").nth(1).hang_after_head());
    server.script(Rule::on("PATCH").nth(2).delay_answer(Duration::from_millis(1500)));
    let mut config = config_to(&server.endpoint());
    config.set_retry(RetryPolicy { max_retries: 0, ..RetryPolicy::default() });
    let site = Site::new(config, 1);
    let mut own = options();
    own.set_timeouts(Some(impatient())).unwrap();
    let hurried = site.upload(Source::memory(bytes.clone()), &own);
    let error = outcome(&hurried).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout(TimeLimit::Response), "{error:?}");
    // The client's own are for the others.
    let patient = site.upload(Source::memory(bytes.clone()), &options());
    assert_stored(&server, &outcome(&patient).unwrap(), &bytes);

    server.script(Rule::on("PATCH").nth(3).hang_after_body());
    server.script(Rule::on("DELETE").forever().hang_after_head());
    let unwanted = site.upload(Source::memory(bytes), &own);
    until_logged(&server, |log| log.iter().filter(|request| request.method == "PATCH").count() == 3);
    unwanted.cancel_and_delete();
    let error = cancelled(&unwanted);
    assert!(error.upload_url().is_some() && error.full_message().contains("stays on the server"), "{error:?}");
}
