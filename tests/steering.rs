//! A `Control` and what it must not do: remove what is complete, forget what was not looked at, wait for the wrong thing.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tus::engine::client::Client;
use tus::engine::config::Config;
use tus::engine::control::Control;
use tus::engine::options::UploadOptions;
use tus::engine::uploader::Uploader;
use tus::error::ErrorKind;
use tus::protocol::checksum::{Policy, Wish};
use tus::protocol::chunk::ChunkSize;
use tus::protocol::retry::RetryPolicy;
use tus::source::Source;
use tus_test_server::{Options, Rule, Server};

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn start() -> (Server, Config) {
    let server = Server::start(Options::default()).unwrap();
    let mut config = Config::new();
    config.set_url(&server.endpoint()).unwrap();
    config.set_chunk_size(ChunkSize::Fixed(NonZeroU64::new(4).unwrap())).unwrap();
    config.set_retry(RetryPolicy { base_delay: ms(10), ..RetryPolicy::default() });
    (server, config)
}

fn id(url: &str) -> String {
    url.rsplit('/').next().unwrap().to_owned()
}

fn later(wait: Duration, work: impl FnOnce() + Send + 'static) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        thread::sleep(wait);
        work()
    })
}

#[test]
fn a_complete_upload_named_by_its_url_is_not_removed_before_it_is_known_to_be_incomplete() {
    let (server, config) = start();
    let url = server.seed(Some(5), b"hello").unwrap();
    server.script(Rule::on("HEAD").delay_answer(ms(1500)));
    let client = Client::new(config).unwrap();
    let control = Control::new();
    let other = control.clone();
    let t = later(ms(300), move || other.cancel_and_delete());
    let ended = client.under(&control).resume_upload(&mut Source::memory("hello"), &url, &UploadOptions::new());
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::Cancelled);
    t.join().unwrap();
    assert!(server.upload(&id(&url)).is_some(), "a complete upload was removed");
}

#[test]
fn an_upload_whose_last_bytes_are_there_is_not_removed() {
    let (server, config) = start();
    server.script(Rule::on("PATCH").hang_after_body());
    let client = Client::new(config).unwrap();
    let control = Control::new();
    let other = control.clone();
    let t = later(ms(400), move || other.cancel_and_delete());
    let ended = client.under(&control).upload(&mut Source::memory("abcd"), &UploadOptions::new());
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::Cancelled);
    t.join().unwrap();
    assert_eq!(server.uploads().len(), 1, "a complete upload was removed");
}

#[test]
fn cancel_and_delete_of_an_uploaders_call_removes_the_upload() {
    let (server, config) = start();
    let client = Client::new(config).unwrap();
    let mut uploader = Uploader::create(&client, Source::memory("hello, world"), &UploadOptions::new()).unwrap();
    server.script(Rule::on("PATCH").hang_after_head());
    let control = Control::new();
    uploader.obey(Some(&control));
    let other = control.clone();
    let t = later(ms(300), move || other.cancel_and_delete());
    let error = uploader.upload().unwrap_err();
    t.join().unwrap();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!((error.upload_url().is_none(), server.uploads().len()), (true, 0), "not removed");
}

#[test]
fn cancel_and_delete_while_an_uploader_is_created_removes_the_upload() {
    let (server, config) = start();
    let client = Client::new(config).unwrap();
    let url = server.seed(Some(12), b"hello").unwrap();
    server.script(Rule::on("HEAD").delay_answer(ms(800)));
    let control = Control::new();
    let other = control.clone();
    let t = later(ms(300), move || other.cancel_and_delete());
    let mut options = UploadOptions::new();
    options.set_upload_url(Some(&url));
    let ended = Uploader::create(&client.under(&control), Source::memory("hello, world"), &options);
    t.join().unwrap();
    assert!(ended.is_err());
    assert_eq!(server.uploads().len(), 0);
}

#[test]
fn an_uploaders_cancel_ends_a_creation() {
    let (server, config) = start();
    let client = Client::new(config).unwrap();
    let mut uploader = Uploader::create(&client, Source::memory("hello, world"), &UploadOptions::new()).unwrap();
    let upload = uploader.url().unwrap().as_str().to_owned();
    server.remove_upload(&id(&upload));
    server.script(Rule::on("POST").delay_answer(ms(60_000)));
    let control = Control::new();
    uploader.obey(Some(&control));
    let cancel = uploader.cancel_handle();
    let t = later(ms(500), move || cancel.cancel());
    let begun = Instant::now();
    let error = uploader.upload().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    t.join().unwrap();
    assert!(begun.elapsed() < ms(30_000), "{:?}", begun.elapsed());
}

#[test]
fn a_cancel_ends_the_removal_of_parts_that_nobody_asked_for() {
    let (server, mut config) = start();
    config.set_chunk_size(ChunkSize::Auto).unwrap();
    server.script(Rule::on("DELETE").delay_answer(ms(60_000)).forever());
    let client = Client::new(config).unwrap();
    let control = Control::new();
    let mut options = UploadOptions::new();
    options.set_parallel_uploads(2);
    options.set_min_part_size(1);
    options.set_remove_parts(true);
    let dir = std::env::temp_dir().join(format!("review-{}", std::process::id()));
    std::fs::write(&dir, vec![7; 1000]).unwrap();
    let cancelled = std::thread::scope(|scope| {
        let upload = scope.spawn(|| client.under(&control).upload(&mut Source::file(&dir).unwrap(), &options));
        while !server.requests().iter().any(|request| request.method == "DELETE") {
            assert!(!upload.is_finished(), "nothing is removed");
            std::thread::sleep(ms(5));
        }
        let cancelled = Instant::now();
        control.cancel();
        let _ = upload.join().unwrap();
        cancelled
    });
    assert!(cancelled.elapsed() < ms(2000), "the limit of the removal is 3 s: {:?}", cancelled.elapsed());
}

#[test]
fn the_record_of_an_earlier_run_is_not_forgotten_by_a_cancel_before_it_was_looked_at() {
    let (server, mut config) = start();
    let base = std::env::temp_dir().join(format!("review5-{}", std::process::id()));
    std::fs::create_dir_all(&base).unwrap();
    let file = base.join("data");
    std::fs::write(&file, b"hello, world").unwrap();
    config.set_store_dir(base.join("store"));
    let mut again = config.clone();
    again.set_checksum(Wish { policy: Policy::IfAvailable, ..Wish::default() });
    let mut options = UploadOptions::new();
    options.set_stop_at(Some(4));
    let info = Client::new(config.clone()).unwrap().upload(&mut Source::file(&file).unwrap(), &options).unwrap();
    assert!(!info.complete);
    let client = Client::new(again).unwrap();
    assert_eq!(client.find_previous_uploads(&mut Source::file(&file).unwrap()).unwrap().len(), 1);
    server.script(Rule::on("OPTIONS").delay_answer(ms(1500)));
    let control = Control::new();
    let other = control.clone();
    let t = later(ms(300), move || other.cancel_and_delete());
    let error = client.under(&control).upload(&mut Source::file(&file).unwrap(), &UploadOptions::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    t.join().unwrap();
    let left = client.find_previous_uploads(&mut Source::file(&file).unwrap()).unwrap().len();
    assert_eq!((server.uploads().len(), left), (1, 1), "on the server, in the store");
}

#[test]
fn a_time_limit_ends_the_wait_for_memory() {
    let (server, mut config) = start();
    config.set_memory_limit(NonZeroU64::new(1));
    server.script(Rule::on("PATCH").delay_answer(ms(3000)));
    let client = Client::new(config).unwrap();
    let first = client.clone();
    let t = thread::spawn(move || first.upload(&mut Source::memory("abcd"), &UploadOptions::new()).unwrap());
    thread::sleep(ms(500));
    let mut options = UploadOptions::new();
    options.set_total_timeout(Some(ms(300))).unwrap();
    let begun = Instant::now();
    let ended = client.upload(&mut Source::memory("abcd"), &options);
    assert!(ended.is_err());
    let took = begun.elapsed();
    t.join().unwrap();
    assert!(took < ms(1500), "{took:?}");
}

#[test]
fn a_progress_function_ends_the_wait_for_memory() {
    let (server, mut config) = start();
    config.set_memory_limit(NonZeroU64::new(1));
    server.script(Rule::on("PATCH").delay_answer(ms(3000)));
    let client = Client::new(config).unwrap();
    let first = client.clone();
    let t = thread::spawn(move || first.upload(&mut Source::memory("abcd"), &UploadOptions::new()).unwrap());
    thread::sleep(ms(500));
    let mut options = UploadOptions::new();
    options.set_progress(Some(Arc::new(|_| Err(7))));
    let begun = Instant::now();
    let _ = client.upload(&mut Source::memory("abcd"), &options);
    let took = begun.elapsed();
    t.join().unwrap();
    assert!(took < ms(1500), "{took:?}");
}

#[test]
fn a_paused_upload_does_not_hold_up_another_for_want_of_memory() {
    let (server, mut config) = start();
    config.set_memory_limit(NonZeroU64::new(1));
    server.script(Rule::on("PATCH").hang_after_head());
    let client = Client::new(config).unwrap();
    let control = Control::new();
    let first = client.under(&control);
    let t = thread::spawn(move || first.upload(&mut Source::memory("abcd"), &UploadOptions::new()).map(drop));
    thread::sleep(ms(400));
    control.pause();
    let (other, released) = (Control::new(), control.clone());
    let watch = later(ms(1500), move || released.resume());
    let begun = Instant::now();
    client.under(&other).upload(&mut Source::memory("abcd"), &UploadOptions::new()).unwrap();
    let took = begun.elapsed();
    watch.join().unwrap();
    t.join().unwrap().unwrap();
    assert!(took < ms(1000), "{took:?}");
}

#[test]
fn a_hold_is_not_lifted_for_an_upload_that_was_not_told() {
    let (server, mut config) = start();
    config.set_retry(RetryPolicy { max_retries: 0, ..RetryPolicy::default() });
    let client = Client::new(config).unwrap();
    client.server_info().unwrap();
    for round in 0..8 {
        server.script(Rule::on("POST").reply(503).header("Retry-After", "1"));
        client.upload(&mut Source::memory("abcd"), &UploadOptions::new()).unwrap_err();
        let begun = Instant::now();
        client.upload(&mut Source::memory("abcd"), &UploadOptions::new()).unwrap();
        assert!(begun.elapsed() > ms(500), "round {round}: the next upload was not held back: {:?}", begun.elapsed());
    }
}

#[test]
fn a_removal_is_not_held_back_by_what_its_own_upload_was_told() {
    let (server, config) = start();
    let client = Client::new(config).unwrap();
    server.script(Rule::on("PATCH").reply(503).header("Retry-After", "20"));
    let control = Control::new();
    let other = control.clone();
    let t = later(ms(500), move || other.cancel_and_delete());
    let begun = Instant::now();
    let error = client.under(&control).upload(&mut Source::memory("abcd"), &UploadOptions::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    t.join().unwrap();
    assert!(begun.elapsed() < ms(10_000), "{:?}", begun.elapsed());
}

#[test]
fn an_upload_that_is_there_is_told_although_there_was_no_memory_for_it() {
    let (server, mut config) = start();
    config.set_memory_limit(NonZeroU64::new(1));
    server.script(Rule::on("PATCH").delay_answer(ms(2000)));
    let url = server.seed(Some(5), b"he").unwrap();
    let client = Client::new(config).unwrap();
    let first = client.clone();
    let t = thread::spawn(move || first.upload(&mut Source::memory("abcd"), &UploadOptions::new()).unwrap());
    thread::sleep(ms(500));
    let control = Control::new();
    let other = control.clone();
    let u = later(ms(300), move || other.cancel_and_delete());
    let ended = client.under(&control).resume_upload(&mut Source::memory("hello"), &url, &UploadOptions::new());
    u.join().unwrap();
    t.join().unwrap();
    let error = ended.unwrap_err();
    let there = server.upload(&id(&url)).is_some();
    assert_eq!(error.upload_url().is_some(), there, "told to be there, there");
}

#[test]
fn a_pause_is_no_part_of_the_time_a_call_of_an_uploader_may_take() {
    let (_server, mut config) = start();
    config.set_chunk_size(ChunkSize::Fixed(NonZeroU64::new(4).unwrap())).unwrap();
    let client = Client::new(config).unwrap();
    let mut options = UploadOptions::new();
    options.set_total_timeout(Some(ms(500))).unwrap();
    let mut uploader = Uploader::create(&client, Source::memory("hello, world"), &options).unwrap();
    for _ in 0..2 {
        let control = Control::new();
        control.pause();
        uploader.obey(Some(&control));
        let other = control.clone();
        let t = later(ms(800), move || other.resume());
        let sent = uploader.upload_chunk();
        t.join().unwrap();
        sent.unwrap();
    }
}
