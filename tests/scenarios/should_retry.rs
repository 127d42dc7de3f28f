//! The caller's word on retries: asked before each one, obeyed, and not a way out of the budgets.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tus_test_server::{Ending, Rule, Server};

use crate::support::api::every_way;
use crate::support::hooks::ShouldRetry;
use crate::support::server::{assert_clean, assert_stored, assert_told, lines, server};
use crate::support::{Api, HELLO, Kind, Setup, noise};

every_way! {
    should_retry_is_asked_before_each_retry,
    should_retry_gives_up,
    should_retry_changes_the_delay,
    should_retry_is_not_asked_in_vain,
    should_retry_cannot_be_endless,
    nothing_that_was_cut_is_repeated_unasked,
    no_retries_is_none_on_a_used_connection_too,
}

type Notes<T> = Arc<Mutex<Vec<T>>>;

fn should_retry_is_asked_before_each_retry(api: Api) {
    let server = server();
    server.script(Rule::on("POST").times(2).reply(503).body("busy"));
    server.script(Rule::on("PATCH").cut_body(0, Ending::Rst));
    server.script(Rule::on("PATCH").reply(423));
    let notes: Notes<(u32, Kind, u16, bool)> = Arc::default();
    let seen = Arc::clone(&notes);
    let setup = Setup {
        should_retry: Some(Arc::new(move |failure, attempt, delay| {
            assert!(failure.retryable, "{failure:?}");
            seen.lock().unwrap().push((attempt, failure.kind, failure.status, failure.upload_url.is_some()));
            Ok(delay)
        })),
        ..Setup::to(&server)
    };
    server.script(Rule::on("HEAD").reply(500));
    let done = api.upload(&setup, HELLO).unwrap();
    let notes = notes.lock().unwrap();
    let told: Vec<_> = notes.iter().filter(|note| note.1 != Kind::Io).copied().collect();
    assert_eq!(told[..2], [(1, Kind::HttpStatus, 503, false), (2, Kind::HttpStatus, 503, false)]);
    assert!(told.contains(&(1, Kind::Locked, 423, true)), "{told:?}");
    assert!(told.iter().any(|note| note.2 == 500 && note.3), "{told:?}");
    assert_eq!(done.stats.retries, notes.len() as u64);
    assert_stored(&server, &done.url, HELLO);
    assert_clean(&server);
}

fn should_retry_gives_up(api: Api) {
    let server = server();
    server.script(Rule::on("PATCH").forever().reply(503).body("busy"));
    let setup = Setup {
        should_retry: Some(Arc::new(|_, attempt, delay| if attempt == 2 { Err(42) } else { Ok(delay) })),
        ..Setup::to(&server)
    };
    let error = api.upload(&setup, HELLO).unwrap_err();
    assert_eq!((error.gist(), error.code), ((Kind::HttpStatus, 503, true), 42), "the error at hand, and the code");
    error.assert_says("busy");
    assert_told(&server, &["OPTIONS 204", "POST 11 201", "PATCH 0+11 503", "HEAD 200", "PATCH 0+11 503"]);
}

fn should_retry_changes_the_delay(api: Api) {
    let server = server();
    server.script(Rule::on("PATCH").reply(503));
    let setup = Setup { should_retry: Some(Arc::new(|_, _, _| Ok(Duration::from_millis(300)))), ..Setup::to(&server) };
    api.upload(&setup, HELLO).unwrap();
    let requests = server.requests();
    assert!(requests[3].at - requests[2].at >= Duration::from_millis(290), "longer");

    server.script(Rule::on("PATCH").reply(503).header("Retry-After", "600"));
    let setup = Setup { should_retry: Some(Arc::new(|_, _, _| Ok(Duration::ZERO))), ..Setup::to(&server) };
    let began = Instant::now();
    api.upload(&setup, HELLO).unwrap();
    assert!(began.elapsed() < Duration::from_secs(300), "shorter");
    assert_clean(&server);
}

/// Never for what is final, never after the last try.
fn should_retry_is_not_asked_in_vain(api: Api) {
    let count = Arc::new(AtomicUsize::new(0));
    let asked = Arc::clone(&count);
    let hook = move |_: &_, _, delay| {
        asked.fetch_add(1, Ordering::SeqCst);
        Ok(delay)
    };
    let hook: ShouldRetry = Arc::new(hook);
    for (status, expected) in [(403, 0), (500, 3)] {
        let server = server();
        server.script(Rule::on("PATCH").forever().reply(status));
        let setup = Setup { retries: 3, should_retry: Some(Arc::clone(&hook)), ..Setup::to(&server) };
        api.upload(&setup, HELLO).unwrap_err();
        assert_eq!(count.swap(0, Ordering::SeqCst), expected, "{status}");
    }
}

/// A hook that always says "at once" stays within the budgets: that of locks is time.
fn should_retry_cannot_be_endless(api: Api) {
    let at_once = |server| Setup { should_retry: Some(Arc::new(|_, _, _| Ok(Duration::ZERO))), ..Setup::to(server) };
    let server = server();
    server.script(Rule::on("PATCH").forever().reply(423));
    let began = Instant::now();
    let setup = Setup { lock_budget: Duration::from_millis(500), ..at_once(&server) };
    let error = api.upload(&setup, HELLO).unwrap_err();
    assert_eq!(error.kind, Kind::Locked);
    assert!((Duration::from_millis(450)..Duration::from_secs(20)).contains(&began.elapsed()), "{:?}", began.elapsed());

    let server = self::server();
    server.script(Rule::on("PATCH").forever().reply(503));
    let error = api.upload(&at_once(&server), HELLO).unwrap_err();
    assert_eq!(error.status, 503);
    assert_eq!(server.requests().iter().filter(|request| request.method == "PATCH").count(), 6);
}

const SIZE: usize = 4 << 20;

/// A server that cuts the first request with `method` after it was carried out, or in the middle of its body. The
/// request is never the first one on its connection.
fn cutting(method: &str, ending: Ending) -> Server {
    let server = server();
    server.script(match method {
        "PATCH" => Rule::on(method).cut_body(3 << 20, ending),
        _ => Rule::on(method).cut_response(0, ending),
    });
    server
}

fn nothing_that_was_cut_is_repeated_unasked(api: Api) {
    let bytes = noise(SIZE, 5);
    for ending in [Ending::Fin, Ending::Rst] {
        for method in ["POST", "PATCH"] {
            let server = cutting(method, ending);
            let asked = Arc::new(AtomicUsize::new(0));
            let seen = Arc::clone(&asked);
            let setup = Setup {
                should_retry: Some(Arc::new(move |failure, attempt, delay| {
                    assert_eq!((failure.kind, attempt), (Kind::Io, 1), "{failure:?}");
                    seen.fetch_add(1, Ordering::SeqCst);
                    Ok(delay)
                })),
                ..Setup::to(&server)
            };
            let done = api.upload(&setup, &bytes).unwrap();
            assert_eq!((done.stats.retries, done.stats.chunks_failed), (1, 0), "{method} {ending:?}");
            assert_eq!(asked.load(Ordering::SeqCst), 1, "{method} {ending:?}");
            assert_stored(&server, &done.url, &bytes);
        }
    }
}

fn no_retries_is_none_on_a_used_connection_too(api: Api) {
    let bytes = noise(SIZE, 5);
    for ending in [Ending::Fin, Ending::Rst] {
        for (method, uploads) in [("POST", 1), ("PATCH", 1)] {
            let server = cutting(method, ending);
            let setup = Setup { retries: 0, ..Setup::to(&server) };
            let error = api.upload(&setup, &bytes).unwrap_err();
            assert_eq!((error.kind, error.retryable), (Kind::Io, true), "{method}: {error:?}");
            assert_eq!(server.uploads().len(), uploads, "{method} {ending:?}");
            let told = lines(&server);
            assert!(told.last().unwrap().starts_with(method), "{method}: {told:?}");
        }
    }
}
