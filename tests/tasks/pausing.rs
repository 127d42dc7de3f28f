//! Standing still, and going on.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use tus::engine::config::Config;
use tus::engine::control::Control;
use tus::engine::hooks::RetryVerdict;
use tus::engine::uploader::Uploader;
use tus::error::{ErrorKind, TimeLimit};
use tus::protocol::chunk::ChunkSize;
use tus::protocol::retry::RetryPolicy;
use tus::source::Source;
use tus::task::TaskState;
use tus_test_server::{Request, Rule, Server};

use crate::fixture::*;
use crate::site::*;

/// Everything in one request, as far as it goes.
fn whole(server: &Server) -> Config {
    let mut config = config_to(&server.endpoint());
    config.set_chunk_size(ChunkSize::Whole).unwrap();
    config
}

/// About half a second of it.
fn slow(bytes: &[u8]) -> Source {
    Trickle::new(bytes, bytes.len() / 200, Duration::from_millis(2)).source()
}

fn patches(log: &[Request]) -> usize {
    log.iter().filter(|request| request.method == "PATCH").count()
}

#[test]
fn in_the_middle_of_a_request_another_gets_the_place_and_it_goes_on_where_it_was() {
    let (server, bytes) = (server(), noise(400_000, 300));
    let site = Site::new(whole(&server), 1);
    let task = site.upload(slow(&bytes), &options());
    until_logged(&server, |log| log.iter().any(|request| request.body_len > 50_000));
    let waiting = site.upload(Source::memory("hello world"), &options());
    assert_eq!((task.state(), waiting.state()), (TaskState::Running, TaskState::Queued));

    task.pause();
    task.pause();
    assert_eq!(task.state(), TaskState::Paused);
    assert_stored(&server, &outcome(&waiting).unwrap(), b"hello world");
    stands_still(|| arrived(&server));
    assert_eq!((task.state(), task.is_done()), (TaskState::Paused, false));
    let there = server.upload(id_of(task.control().upload_url().unwrap().as_str())).unwrap().offset;
    assert!((50_000..400_000).contains(&there), "{there}");

    task.resume();
    let done = outcome(&task).unwrap();
    assert_stored(&server, &done, &bytes);
    assert_eq!(task.state(), TaskState::Done);
    assert_eq!(done.stats.retries, 0, "a pause is no failure");
    server.requests().iter().for_each(|request| assert_ne!(request.header("Upload-Length"), Some("0")));
    let story: Vec<_> = server.requests().into_iter().filter(|request| request.target != "/files/").collect();
    let own: Vec<_> = story.iter().filter(|request| request.target.ends_with(id_of(done.url.as_str()))).collect();
    let methods: Vec<_> = own.iter().map(|request| request.method.as_str()).collect();
    assert_eq!(methods, ["PATCH", "HEAD", "PATCH"]);
    assert_eq!(own[2].header("Upload-Offset"), Some(there.to_string().as_str()), "asked, and gone on from there");
    assert_clean(&server);
}

/// Half of the tries with a real file, which the system itself sends.
#[test]
fn again_and_again_at_any_moment() {
    let (server, folder, bytes) = (server(), Folder::new(), noise(300_000, 301));
    let path = settled(&folder, "a", &bytes);
    let mut config = config_to(&server.endpoint());
    config.set_chunk_size(chunk(2_000)).unwrap();
    let site = Site::new(config, 2);
    let mut random = fastrand::Rng::new();
    let mut paused = 0;
    for round in 0..6 {
        server.clear_log();
        let source = if round % 2 == 0 { Source::file(&path).unwrap() } else { Source::memory(bytes.clone()) };
        let task = site.upload(source, &options());
        let mut pauses = 0;
        while !task.is_done() {
            std::thread::sleep(Duration::from_micros(random.u64(0..5_000)));
            task.pause();
            pauses += u64::from(!task.is_done());
            std::thread::sleep(Duration::from_micros(random.u64(0..10_000)));
            task.resume();
        }
        assert_stored(&server, &outcome(&task).unwrap(), &bytes);
        paused += pauses;
        // Nothing is sent twice but what was on its way, and nothing to a place where it does not belong. (A request
        // that was ended may come to the server after the next one, which then is in the wrong place: 409, and asked again.)
        let twice = arrived(&server).saturating_sub(300_000);
        assert!(twice <= pauses * 2_000, "{pauses} pauses, {twice} bytes sent twice");
        let wrong =
            |request: &Request| request.answered && request.status.is_some_and(|status| status >= 400 && status != 409);
        assert!(!server.requests().iter().any(wrong), "{:?}", lines(&server));
    }
    assert!(paused > 12, "{paused}");
    assert_clean(&server);
}

#[test]
fn a_cancel_while_it_is_paused() {
    let (server, bytes) = (server(), noise(400_000, 302));
    let site = Site::new(whole(&server), 1);
    let task = site.upload(slow(&bytes), &options());
    until_logged(&server, |log| log.iter().any(|request| request.body_len > 20_000));
    task.pause();
    stands_still(|| arrived(&server));
    let requests = server.requests().len();
    task.cancel();
    let error = cancelled(&task);
    assert_eq!((task.state(), server.requests().len()), (TaskState::Done, requests), "nothing more is asked");
    let url = error.upload_url().expect("the upload is still there").as_str().to_owned();
    // Whoever comes next finds the place free.
    let done = outcome(&site.resume(Source::memory(bytes.clone()), &url)).unwrap();
    assert_stored(&server, &done, &bytes);
    // Too late.
    task.resume();
    task.pause();
    assert_eq!(task.state(), TaskState::Done);
}

#[test]
fn during_the_creation() {
    let (server, bytes) = (server(), noise(1000, 303));
    server.script(Rule::on("POST").delay_answer(Duration::from_millis(150)));
    let site = Site::new(whole(&server), 1);
    let task = site.upload(Source::memory(bytes.clone()), &options());
    until_logged(&server, |log| log.iter().any(|request| request.method == "POST"));
    task.pause();
    // A request without data is let finish: otherwise there would be an upload nobody knows of.
    until_logged(&server, |log| log.iter().any(|request| request.method == "POST" && request.answered));
    stands_still(|| server.requests().len() as u64);
    assert_eq!(patches(&server.requests()), 0);
    assert_eq!(server.uploads().len(), 1);
    until("the URL is known", || task.control().upload_url().is_some());
    task.resume();
    assert_stored(&server, &outcome(&task).unwrap(), &bytes);
    assert_eq!(server.uploads().len(), 1);
    assert_clean(&server);
}

#[test]
fn during_the_delay_before_another_try() {
    let (server, bytes) = (server(), noise(1000, 305));
    server.script(Rule::on("PATCH").reply(500));
    let mut config = whole(&server);
    let delay = Duration::from_millis(40);
    config.set_retry(RetryPolicy { base_delay: delay, max_delay: delay, ..RetryPolicy::default() });
    let (say, hear) = channel();
    config.hooks_mut().should_retry = Some(Arc::new(move |_, _, delay| {
        let _ = say.send(());
        RetryVerdict::After(delay)
    }));
    let site = Site::new(config, 1);
    let task = site.upload(Source::memory(bytes.clone()), &options());
    hear.recv_timeout(LOST).unwrap();
    let requests = server.requests().len();
    task.pause();
    std::thread::sleep(Duration::from_millis(150));
    assert_eq!(server.requests().len(), requests, "{:?}", lines(&server));
    task.resume();
    assert_stored(&server, &outcome(&task).unwrap(), &bytes);
    assert_clean(&server);
}

#[test]
fn before_it_has_begun() {
    let (server, bytes) = (server(), noise(1000, 306));
    server.script(Rule::on("PATCH").delay_answer(Duration::from_millis(100)));
    let site = Site::new(whole(&server), 1);
    let first = site.upload(Source::memory(bytes.clone()), &options());
    let (second, third) =
        (site.upload(Source::memory("second"), &options()), site.upload(Source::memory("third"), &options()));
    second.pause();
    assert_eq!(second.state(), TaskState::Paused);
    outcome(&first).unwrap();
    assert_stored(&server, &outcome(&third).unwrap(), b"third");
    stands_still(|| server.requests().len() as u64);
    assert_eq!((second.state(), server.uploads().len()), (TaskState::Paused, 2));
    second.resume();
    assert_stored(&server, &outcome(&second).unwrap(), b"second");
}

/// The time it stands still is not its own.
#[test]
fn for_longer_than_the_whole_may_take() {
    let (server, bytes) = (server(), noise(400_000, 307));
    let site = Site::new(whole(&server), 1);
    let mut options = options();
    let limit = Duration::from_secs(3);
    options.set_total_timeout(Some(limit)).unwrap();
    let began = Instant::now();
    let task = site.upload(slow(&bytes), &options);
    until_logged(&server, |log| log.iter().any(|request| request.body_len > 20_000));
    task.pause();
    std::thread::sleep(limit + Duration::from_millis(300));
    task.resume();
    assert_stored(&server, &outcome(&task).unwrap(), &bytes);
    assert!(began.elapsed() > limit);

    // But otherwise it runs, before and after.
    let limit = Duration::from_millis(500);
    options.set_total_timeout(Some(limit)).unwrap();
    server.script(Rule::on("PATCH").skip(1).forever().hang_after_head());
    let began = Instant::now();
    let task = site.upload(slow(&bytes), &options);
    server.clear_log();
    until_logged(&server, |log| patches(log) == 1);
    task.pause();
    std::thread::sleep(Duration::from_millis(600));
    task.resume();
    let error = outcome(&task).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout(TimeLimit::Total), "{error:?}");
    // It is not still at once, and a busy machine takes longer to end.
    assert!(began.elapsed() >= limit + Duration::from_millis(300), "{:?}", began.elapsed());
    assert!(began.elapsed() < 10 * limit, "{:?}", began.elapsed());
}

#[test]
fn parts_stand_still_together() {
    let (server, bytes) = (server_with(|options| options.throttle = Some(300_000)), noise(600_000, 308));
    let mut config = config_to(&server.endpoint());
    config.set_chunk_size(chunk(10_000)).unwrap();
    let site = Site::new(config, 1);
    let task = site.upload(Source::memory(bytes.clone()), &in_parts(3));
    until_logged(&server, |log| patches(log) > 6);
    for _ in 0..2 {
        let before = arrived(&server);
        task.pause();
        // What was under way when it came is little: a chunk each.
        stands_still(|| arrived(&server));
        stands_still(|| server.requests().len() as u64);
        assert!(arrived(&server) - before < 3 * 3 * 10_000);
        let other = site.upload(Source::memory("hello"), &options());
        outcome(&other).unwrap();
        task.resume();
        let so_far = arrived(&server);
        until("it goes on", || arrived(&server) > so_far);
    }
    assert_stored(&server, &outcome(&task).unwrap(), &bytes);
    assert_eq!(partial_uploads(&server), 0);
    assert_clean(&server);
}

#[test]
fn a_call_of_an_uploader_stands_still() {
    let (server, bytes) = (server(), noise(400_000, 309));
    let client = tus::engine::client::Client::new(whole(&server)).unwrap();
    let mut uploader = Uploader::create(&client, slow(&bytes), &options()).unwrap();
    let control = Control::new();
    uploader.obey(Some(&control));
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let call = scope.spawn(|| {
            let done = uploader.upload();
            over.store(true, Ordering::SeqCst);
            done
        });
        until_logged(&server, |log| log.iter().any(|request| request.body_len > 20_000));
        control.pause();
        stands_still(|| arrived(&server));
        assert!(!over.load(Ordering::SeqCst) && arrived(&server) < 400_000);
        control.resume();
        assert_stored(&server, &call.join().unwrap().unwrap(), &bytes);
    });
}

/// What a paused upload has of the bandwidth is for the others.
#[test]
fn under_a_limit_of_bandwidth() {
    let (server, bytes) = (server(), noise(100_000, 310));
    let mut config = whole(&server);
    config.set_bandwidth_limit(NonZeroU64::new(50_000));
    let site = Site::new(config, 2);
    let task = site.upload(Source::memory(bytes.clone()), &options());
    until_logged(&server, |log| log.iter().any(|request| request.body_len > 1000));
    task.pause();
    stands_still(|| arrived(&server));
    outcome(&site.upload(Source::memory("hello"), &options())).unwrap();
    site.client.set_bandwidth_limit(None);
    task.resume();
    assert_stored(&server, &outcome(&task).unwrap(), &bytes);
}
