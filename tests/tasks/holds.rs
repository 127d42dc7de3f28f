//! A server that wants fewer requests: what one upload is told holds for all that go there (T-140).

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use tus::engine::config::Config;
use tus::engine::hooks::RetryVerdict;
use tus::error::ErrorKind;
use tus::protocol::retry::RetryPolicy;
use tus::source::Source;
use tus_test_server::{Request, Rule, Server};

use crate::fixture::*;
use crate::site::*;

/// How long the server wants to be left alone.
const ASKED: Duration = Duration::from_secs(1);
/// A request that was on its way by then may still come.
const ON_ITS_WAY: Duration = Duration::from_millis(150);

/// In small chunks, with default delays, and tells by whom it was told to wait.
fn config(server: &Server) -> Config {
    let mut config = config_to(&server.endpoint());
    config.set_chunk_size(chunk(100)).unwrap();
    config.set_retry(RetryPolicy::default());
    config
}

/// When the first request was refused.
fn told(server: &Server) -> Instant {
    let refused = |request: &Request| matches!(request.status, Some(429 | 503));
    until_logged(server, |log| log.iter().any(refused));
    server.requests().into_iter().find(refused).unwrap().arrived
}

fn between(server: &Server, from: Instant, to: Instant) -> Vec<Request> {
    server.requests().into_iter().filter(|request| request.arrived > from && request.arrived < to).collect()
}

#[test]
fn nobody_asks_again_before_the_time_is_over_but_another_server_is_none_of_it() {
    for status in [429, 503] {
        let (server, elsewhere, bytes) = (server(), server(), noise(200_000, 330));
        let site = Site::new(config(&server), 8);
        let urls: Vec<_> = (0..2).map(|_| elsewhere.seed(Some(200_000), b"").unwrap()).collect();
        // In the middle of everything.
        server.script(Rule::on("PATCH").nth(200).reply(status).header("Retry-After", "1"));
        let here: Vec<_> = (0..4).map(|_| site.upload(Source::memory(bytes.clone()), &options())).collect();
        let there: Vec<_> = urls.iter().map(|url| site.resume(Source::memory(bytes.clone()), url)).collect();
        let told = told(&server);
        // A new one has to wait as well, and so has what is no upload.
        let late = site.upload(Source::memory("late"), &options());
        for task in here.iter().chain([&late]) {
            outcome(task).unwrap();
        }
        for task in &there {
            assert_stored(&elsewhere, &outcome(task).unwrap(), &bytes);
        }
        let meanwhile = between(&server, told + ON_ITS_WAY, told + ASKED);
        assert!(meanwhile.is_empty(), "{status}: {} requests", meanwhile.len());
        let others = between(&elsewhere, told + ON_ITS_WAY, told + ASKED).len();
        assert!(others > 20, "{status}: the other server is left alone, too: {others} requests");
        let retries: u64 = here.iter().map(|task| outcome(task).unwrap().stats.retries).sum();
        assert_eq!(retries, 1, "only the one that was refused tries again");
        here.iter().for_each(|task| assert_stored(&server, &outcome(task).unwrap(), &bytes));
        assert_clean(&server);
    }
}

#[test]
fn operations_without_data_wait_too() {
    let (server, bytes) = (server(), noise(1000, 331));
    let site = Site::new(config(&server), 4);
    let url = server.seed(Some(10), b"").unwrap();
    server.script(Rule::on("PATCH").nth(3).reply(503).header("Retry-After", "1"));
    let task = site.upload(Source::memory(bytes), &options());
    let told = told(&server);
    // The answer has to come back first.
    std::thread::sleep(ON_ITS_WAY);
    let info = site.client.upload_info(&url).unwrap();
    assert_eq!(info.offset, 0);
    assert!(told.elapsed() >= ASKED, "{:?}", told.elapsed());
    outcome(&task).unwrap();
}

#[test]
fn a_time_that_is_too_long_fails_one_and_holds_nobody() {
    let (server, bytes) = (server(), noise(20_000, 332));
    let mut config = config(&server);
    config.set_retry(RetryPolicy { max_retry_after: Duration::from_secs(60), ..RetryPolicy::default() });
    let site = Site::new(config, 4);
    server.script(Rule::on("PATCH").nth(10).reply(503).header("Retry-After", "61"));
    let tasks: Vec<_> = (0..3).map(|_| site.upload(Source::memory(bytes.clone()), &options())).collect();
    let (done, failed): (Vec<_>, Vec<_>) = tasks.iter().map(outcome).partition(|result| result.is_ok());
    assert_eq!((done.len(), failed.len()), (2, 1));
    let error = failed.into_iter().next().unwrap().unwrap_err();
    assert_eq!((error.kind(), error.answer().unwrap().status), (ErrorKind::HttpStatus, 503));
    done.into_iter().for_each(|info| assert_stored(&server, &info.unwrap(), &bytes));
}

/// One upload is told to wait for a thousand seconds; gives what the others then meet.
fn held(server: &Server) -> (Site, Upload) {
    let mut config = config(server);
    let (say, hear) = channel();
    config.hooks_mut().should_retry = Some(Arc::new(move |_, _, delay| {
        assert_eq!(delay, Duration::from_secs(1000));
        let _ = say.send(());
        RetryVerdict::After(delay)
    }));
    let site = Site::new(config, 8);
    server.script(Rule::on("PATCH").nth(2).reply(429).header("Retry-After", "1000"));
    let first = site.upload(Source::memory(noise(1000, 333)), &options());
    hear.recv_timeout(LOST).unwrap();
    (site, first)
}

#[test]
fn a_cancel_ends_the_wait() {
    let server = server();
    let (site, first) = held(&server);
    let url = server.seed(Some(3), b"").unwrap();
    let requests = server.requests().len();
    let (new, known) = (site.upload(Source::memory("new"), &options()), site.resume(Source::memory("old"), &url));
    std::thread::sleep(Duration::from_millis(100));
    assert!(!new.is_done() && !known.is_done());
    for task in [&new, &known, &first] {
        let began = Instant::now();
        task.cancel();
        cancelled(task);
        assert!(began.elapsed() < Duration::from_secs(2));
    }
    assert_eq!(cancelled(&known).upload_url().unwrap().as_str(), url);
    assert_eq!(server.requests().len(), requests, "{:?}", lines(&server));
}

#[test]
fn a_time_limit_ends_the_wait() {
    let server = server();
    let (site, _first) = held(&server);
    let mut options = options();
    options.set_total_timeout(Some(Duration::from_millis(200))).unwrap();
    let error = outcome(&site.upload(Source::memory("new"), &options)).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Timeout(_)), "{error:?}");
}

/// A pause during it is one, and the cancel for good finds nothing to wait for.
#[test]
fn what_is_held_back_can_be_paused_and_closed() {
    let server = server();
    let (site, first) = held(&server);
    let task = site.upload(Source::memory("new"), &options());
    task.pause();
    task.resume();
    assert!(site.tasks.close(Some(Duration::from_secs(10))));
    cancelled(&task);
    cancelled(&first);
}

/// Whoever asked the caller and was told to go on at once holds the others back no longer than himself.
#[test]
fn another_client_is_not_held_back() {
    let server = server();
    let (_site, _first) = held(&server);
    let other = Site::new(config(&server), 1);
    assert_stored(&server, &outcome(&other.upload(Source::memory("hello"), &options())).unwrap(), b"hello");
}
