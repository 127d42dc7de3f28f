//! While the library waits by its own will: to try again, for a lock, for others.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tus::engine::client::Client;
use tus::engine::config::Config;
use tus::engine::control::Control;
use tus::engine::hooks::RetryVerdict;
use tus::error::Result;
use tus::protocol::retry::RetryPolicy;
use tus::source::Source;
use tus::store::{self, Claim, DirectoryStore, Found, Store};
use tus_test_server::{Request, Rule, Server};

use crate::fixture::*;
use crate::measure::{LOST, Place, Round, Rounds, until, word};
use crate::stays::{config_whole, stays};

pub(crate) fn places() -> Vec<Place> {
    vec![
        Place::quiet("the delay before another try", before_a_retry),
        Place::quiet("the delay a server asks for", asked_to_wait),
        Place::quiet("an upload locked at the server", locked),
        Place::quiet("an entry of the store worked on", claimed),
        Place::quiet("credentials another operation gets", renewal),
        Place::quiet("a server that asked another to wait", held_back),
        Place::quiet("memory others have", memory),
        Place::quiet("the bandwidth all uploads share", bandwidth),
    ]
}

/// Long delays, and a word each time one is about to begin.
fn slowly(server: &Server, wait: Duration) -> (Config, impl Fn() -> u32 + Send + use<>) {
    let mut config = config_whole(&server.endpoint());
    config.set_retry(RetryPolicy { base_delay: wait, max_delay: wait, ..RetryPolicy::default() });
    let (say, hear) = word();
    config.hooks_mut().should_retry = Some(Arc::new(move |_, attempt, delay| {
        say(attempt);
        RetryVerdict::After(delay)
    }));
    (config, hear)
}

fn before_a_retry() -> Rounds {
    refused(Rule::on("PATCH").forever().reply(500))
}

fn asked_to_wait() -> Rounds {
    refused(Rule::on("PATCH").forever().reply(503).header("Retry-After", "30"))
}

fn refused(rule: Rule) -> Rounds {
    let (server, bytes) = (server(), noise(1000, 220));
    let (config, hear) = slowly(&server, Duration::from_secs(30));
    let hear = Mutex::new(hear);
    Box::new(move |round: &Round| {
        // A client each: what one upload is told to wait for may hold for the others of its client.
        let client = Client::new(config.clone()).unwrap();
        server.clear_script();
        server.script(rule.clone());
        let control = Control::new();
        let mut source = Source::memory(bytes.clone());
        let reached = || hear.lock().unwrap()();
        let error = round.run(&control, reached, || client.under(&control).upload(&mut source, &options()));
        if round.looks() {
            server.clear_script();
            stays(&server, &control, &error, &bytes);
        }
    })
}

/// Asked again and again: the cancel comes now in a delay, now in a request.
fn locked() -> Rounds {
    let (server, bytes) = (server(), noise(1000, 221));
    let (config, hear) = slowly(&server, Duration::from_millis(5));
    let hear = Mutex::new(hear);
    let client = Client::new(config).unwrap();
    Box::new(move |round: &Round| {
        server.clear_script();
        server.script(Rule::on("PATCH").forever().reply(423));
        let control = Control::new();
        let mut source = Source::memory(bytes.clone());
        // Those of the round before may still be there.
        let reached = || while hear.lock().unwrap()() != 2 {};
        let error = round.run(&control, reached, || client.under(&control).upload(&mut source, &options()));
        if round.looks() {
            server.clear_script();
            stays(&server, &control, &error, &bytes);
        }
    })
}

/// A folder's store that counts the claims it refuses.
struct Watched {
    store: DirectoryStore,
    refused: Arc<AtomicUsize>,
}

impl Store for Watched {
    fn find(&self, key: &str) -> Result<Found> {
        self.store.find(key)
    }
    fn put(&self, key: &str, url: &str, record: &[u8]) -> Result<()> {
        self.store.put(key, url, record)
    }
    fn remove(&self, key: &str, url: &str) -> Result<()> {
        self.store.remove(key, url)
    }
    fn claim(&self, key: &str, url: &str) -> Result<Option<Claim>> {
        let claim = self.store.claim(key, url)?;
        self.refused.fetch_add(usize::from(claim.is_none()), Ordering::SeqCst);
        Ok(claim)
    }
}

/// The library waits for whoever has the entry, but not for long: a second.
fn claimed() -> Rounds {
    let (server, folder, bytes) = (server(), Folder::new(), noise(3000, 222));
    let path = settled(&folder, "a", &bytes);
    let half = run(&stored(&server, &folder), &path, &stop_at(1000)).unwrap();
    let store = DirectoryStore::open(store_in(&folder));
    let key = store::key(&server.endpoint(), 3000);
    let refused = Arc::new(AtomicUsize::new(0));
    let mut config = config_whole(&server.endpoint());
    config.set_store(Some(Arc::new(Watched { store: store.clone(), refused: Arc::clone(&refused) })));
    let client = Client::new(config).unwrap();
    Box::new(move |round: &Round| {
        let others = store.claim(&key, half.url.as_str()).unwrap().expect("nobody has it now");
        let before = refused.load(Ordering::SeqCst);
        let control = Control::new();
        let mut source = Source::file(&path).unwrap();
        let reached = || until(|| refused.load(Ordering::SeqCst) > before);
        round.run(&control, reached, || client.under(&control).upload(&mut source, &options()));
        drop(others);
        assert_eq!(records(&folder).len(), 1);
        if round.looks() {
            assert_eq!(server.upload(id_of(half.url.as_str())).unwrap().offset, 1000);
            let mut source = Source::file(&path).unwrap();
            let mut more = stop_at(2000);
            more.set_chunk_size(chunk(500)).unwrap();
            let more = client.upload(&mut source, &more).unwrap();
            assert_eq!((&more.url, more.stats.bytes_resumed), (&half.url, 1000));
            server.truncate_upload(id_of(half.url.as_str()), 1000).unwrap();
        }
    })
}

/// One operation asks the caller for other credentials, and another has to wait until it has them.
fn renewal() -> Rounds {
    let server = server_with(|options| options.token = Some("new".to_owned()));
    let bytes = noise(1000, 223);
    let mut config = config_whole(&server.endpoint());
    let (answering, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let (may_answer, count) = (Arc::clone(&answering), Arc::clone(&asked));
    config.hooks_mut().credentials = Some(Arc::new(move |_, headers| {
        count.fetch_add(1, Ordering::SeqCst);
        until(|| may_answer.load(Ordering::SeqCst));
        headers.set("Authorization", Some("Bearer new")).unwrap();
        Ok(())
    }));
    let client = Client::new(config).unwrap();
    Box::new(move |round: &Round| {
        server.clear_log();
        client.set_header("Authorization", Some("Bearer old")).unwrap();
        answering.store(false, Ordering::SeqCst);
        let (before, url) = (asked.load(Ordering::SeqCst), server.seed(Some(1000), &bytes[..10]).unwrap());
        std::thread::scope(|scope| {
            let first = scope.spawn(|| client.upload(&mut Source::memory(bytes.clone()), &options()));
            until(|| asked.load(Ordering::SeqCst) > before);
            let control = Control::new();
            let mut source = Source::memory(bytes.clone());
            let refused =
                |log: &[Request]| log.iter().filter(|request| request.status == Some(401) && request.answered).count();
            let reached = || assert!(server.wait_for(|log| refused(log) == 2, LOST));
            let second = || client.under(&control).resume_upload(&mut source, &url, &options());
            let error = round.run(&control, reached, second);
            assert_eq!(error.upload_url().unwrap().as_str(), url);
            answering.store(true, Ordering::SeqCst);
            assert!(first.join().unwrap().unwrap().complete);
            assert_eq!(asked.load(Ordering::SeqCst), before + 1, "the second one asks nobody");
            if round.looks() {
                let done = client.resume_upload(&mut Source::memory(bytes.clone()), &url, &options()).unwrap();
                assert_eq!(done.stats.bytes_resumed, 10);
                assert_stored(&server, &done, &bytes);
            }
        });
    })
}

/// What one operation is told to wait for holds for the others, too.
fn held_back() -> Rounds {
    let (server, bytes) = (server(), noise(1000, 224));
    let (config, hear) = slowly(&server, Duration::from_secs(30));
    let client = Client::new(config).unwrap();
    let hear = Mutex::new(hear);
    server.script(Rule::on("PATCH").reply(503).header("Retry-After", "1000"));
    let first = Control::new();
    let told = std::thread::spawn({
        let (client, bytes) = (client.under(&first), bytes.clone());
        move || client.upload(&mut Source::memory(bytes), &options())
    });
    hear.lock().unwrap()();
    let told = EndsWith(first, Some(told));
    server.clear_log();
    Box::new(move |round: &Round| {
        let _until_the_end = &told;
        let (url, control) = (server.seed(Some(1000), &bytes[..10]).unwrap(), Control::new());
        let mut source = Source::memory(bytes.clone());
        let upload = || client.under(&control).resume_upload(&mut source, &url, &options());
        let error = round.run(&control, || until(|| control.progress().is_some()), upload);
        assert_eq!(error.upload_url().unwrap().as_str(), url);
        // Nothing tells that it is held back, but that it asks for nothing.
        assert!(server.requests().is_empty());
        if round.looks() {
            stays(&server, &control, &error, &bytes);
            server.clear_log();
        }
    })
}

/// An operation on another thread, ended and waited for at the end.
struct EndsWith<T>(Control, Option<std::thread::JoinHandle<T>>);

impl<T> Drop for EndsWith<T> {
    fn drop(&mut self) {
        self.0.cancel();
        let _whatever = self.1.take().map(std::thread::JoinHandle::join);
    }
}

/// One upload has it all, and waits for an answer.
fn memory() -> Rounds {
    let (server, bytes) = (server(), noise(1000, 225));
    let mut config = config_whole(&server.endpoint());
    config.set_memory_limit(NonZeroU64::new(1));
    let client = Client::new(config).unwrap();
    server.script(Rule::on("PATCH").forever().hang_after_body());
    let first = Control::new();
    let has_it = std::thread::spawn({
        let (client, bytes) = (client.under(&first), bytes.clone());
        move || client.upload(&mut Source::memory(bytes), &options())
    });
    crate::transfer::until_read(&server, "PATCH");
    let has_it = EndsWith(first, Some(has_it));
    let requests = server.requests().len();
    Box::new(move |round: &Round| {
        let _until_the_end = &has_it;
        let control = Control::new();
        let mut source = Source::memory(bytes.clone());
        // It waits at once, and nothing tells.
        round.run(&control, || (), || client.under(&control).upload(&mut source, &options()));
        assert_eq!(server.requests().len(), requests, "it has asked the server");
    })
}

fn bandwidth() -> Rounds {
    let (server, bytes) = (server(), noise(200_000, 226));
    let mut config = config_whole(&server.endpoint());
    config.set_bandwidth_limit(NonZeroU64::new(20_000));
    let client = Client::new(config).unwrap();
    Box::new(move |round: &Round| {
        server.clear_log();
        let control = Control::new();
        let mut source = Source::memory(bytes.clone());
        let sending = |log: &[Request]| log.iter().any(|request| request.method == "PATCH");
        let reached = || assert!(server.wait_for(sending, LOST));
        let error = round.run(&control, reached, || client.under(&control).upload(&mut source, &options()));
        if round.looks() {
            stays(&server, &control, &error, &bytes);
        }
    })
}
