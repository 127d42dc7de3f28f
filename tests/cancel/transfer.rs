//! While bytes go out, and while the answer to them does not come.

use std::cell::Cell;
use std::fs::File;
use std::sync::Arc;

use tus::engine::client::Client;
use tus::engine::config::Config;
use tus::engine::control::Control;
use tus::engine::uploader::Uploader;
use tus::source::Source;
use tus_test_server::{Ending, Options, Rule, Server, TlsOptions};

use crate::fixture::*;
use crate::measure::{LOST, Place, Round, Rounds, until};
use crate::stays::{config_whole, stays};
use crate::system::waiting_to;

pub(crate) fn places() -> Vec<Place> {
    vec![
        Place::busy("a write nobody reads, from a file", || unread(From::File)),
        Place::busy("a write nobody reads, from memory", || unread(From::Memory)),
        Place::busy("a write nobody reads, over TLS", || unread(From::MemoryOverTls)),
        Place::busy("sending at full speed", at_full_speed),
        Place::quiet("an answer that does not come", unanswered),
        Place::quiet("an answer to HEAD that does not come", unanswered_head),
        Place::busy("parts at work", in_parts_at_work),
        Place::quiet("a chunk of an uploader", uploader),
    ]
}

#[derive(Clone, Copy, PartialEq)]
enum From {
    File,
    Memory,
    MemoryOverTls,
}

/// More than the buffers of two sockets take.
const MUCH: usize = 8 << 20;
/// What the server reads before it reads no more.
const A_LITTLE: u64 = 10_000;

fn unread(from: From) -> Rounds {
    let tls = (from == From::MemoryOverTls).then(TlsOptions::default);
    let server = server_with(|options: &mut Options| {
        options.tls = tls;
        options.log_body = 0;
    });
    let (folder, bytes) = (Folder::new(), Arc::<[u8]>::from(noise(MUCH, 210)));
    settled(&folder, "a", &bytes);
    let mut config = config_whole(&server.endpoint());
    config.set_tls_verify(false);
    let client = Client::new(config).unwrap();
    let stop = move |server: &Server| server.script(Rule::on("PATCH").forever().cut_body(A_LITTLE, Ending::Hang));
    stop(&server);
    Box::new(move |round: &Round| {
        let control = Control::new();
        let mut source = match from {
            From::File => Source::file(&folder.path().join("a")).unwrap(),
            From::Memory | From::MemoryOverTls => Source::memory(Arc::clone(&bytes)),
        };
        let reached = || until_it_stands(&server);
        let error = round.run(&control, reached, || client.under(&control).upload(&mut source, &options()));
        if round.looks() {
            server.clear_script();
            if from != From::MemoryOverTls {
                stays(&server, &control, &error, &bytes);
            }
            stop(&server);
        }
        // The system goes on trying to send what was left.
        server.close_all_connections();
    })
}

/// Waits until there is something to be sent and, for some time, nothing of it is.
fn until_it_stands(server: &Server) {
    let (last, times) = (Cell::new(0), Cell::new(0));
    until(|| {
        let left = waiting_to(server.port());
        times.set(if left > 0 && left == last.replace(left) { times.get() + 1 } else { 0 });
        times.get() == 6
    });
}

fn at_full_speed() -> Rounds {
    let server = server_with(|options: &mut Options| {
        options.sink = true;
        options.log_body = 0;
    });
    let folder = Folder::new();
    File::create(folder.path().join("endless")).unwrap().set_len(1 << 42).unwrap();
    let client = Client::new(config_whole(&server.endpoint())).unwrap();
    Box::new(move |round: &Round| {
        server.clear_log();
        let control = Control::new();
        let reached = || assert!(server.wait_for(|log| log.iter().any(|request| request.body_len > A_LITTLE), LOST));
        let mut source = Source::file(&folder.path().join("endless")).unwrap();
        let error = round.run(&control, reached, || client.under(&control).upload(&mut source, &options()));
        let url = error.upload_url().unwrap();
        assert!(server.upload(id_of(url.as_str())).is_some());
    })
}

/// Waits until the server has read a whole request with this method.
pub(crate) fn until_read(server: &Server, method: &str) {
    let read = server.wait_for(|log| log.iter().any(|request| request.method == method && request.complete), LOST);
    assert!(read, "no {method}");
}

fn unanswered() -> Rounds {
    let (server, bytes) = (server(), noise(2500, 211));
    let client = Client::new(config(&server)).unwrap();
    let script = |server: &Server| server.script(Rule::on("PATCH").skip(1).forever().hang_after_body());
    Box::new(move |round: &Round| {
        server.clear_log();
        server.clear_script();
        script(&server);
        let control = Control::new();
        let mut source = Source::memory(bytes.clone());
        let second = || {
            let patches = |log: &[tus_test_server::Request]| {
                log.iter().filter(|request| request.method == "PATCH" && request.complete).count()
            };
            assert!(server.wait_for(|log| patches(log) == 2, LOST));
        };
        let error = round.run(&control, second, || client.under(&control).upload(&mut source, &options()));
        assert_eq!(control.progress().unwrap().confirmed, 1000);
        if round.looks() {
            server.clear_script();
            stays(&server, &control, &error, &bytes);
        }
    })
}

fn unanswered_head() -> Rounds {
    let (server, bytes) = (server(), noise(1000, 212));
    let client = Client::new(config(&server)).unwrap();
    server.script(Rule::on("HEAD").forever().hang_after_body());
    Box::new(move |round: &Round| {
        server.clear_log();
        let url = server.seed(Some(1000), &bytes[..10]).unwrap();
        let control = Control::new();
        let mut source = Source::memory(bytes.clone());
        let upload = || client.under(&control).resume_upload(&mut source, &url, &options());
        let reached = || assert!(server.wait_for(|log| !log.is_empty(), LOST));
        let error = round.run(&control, reached, upload);
        if round.looks() {
            server.clear_script();
            stays(&server, &control, &error, &bytes);
            server.script(Rule::on("HEAD").forever().hang_after_body());
        }
    })
}

fn in_parts_at_work() -> Rounds {
    const PARTS: usize = 4;
    let server = server_with(|options: &mut Options| {
        options.throttle = Some(2_000_000);
        options.log_body = 0;
    });
    let (folder, bytes) = (Folder::new(), noise(2 << 20, 213));
    settled(&folder, "a", &bytes);
    let client = Client::new(config(&server)).unwrap();
    Box::new(move |round: &Round| {
        server.clear_log();
        let path = folder.path().join("a");
        let control = Control::new();
        let at_work = || {
            let begun = |log: &[tus_test_server::Request]| log.iter().filter(|request| request.body_len > 0).count();
            assert!(server.wait_for(|log| begun(log) == PARTS, LOST));
        };
        let mut source = Source::file(&path).unwrap();
        let mut options = in_parts(PARTS as u32);
        options.set_chunk_size(chunk(1 << 20)).unwrap();
        let error = round.run(&control, at_work, || client.under(&control).upload(&mut source, &options));
        if round.looks() {
            assert!(partial_uploads(&server) >= PARTS);
            options.set_resume_token(Some(error.resume_token().expect("a way to go on")));
            let done = client.upload(&mut Source::file(&path).unwrap(), &options).unwrap();
            assert_stored(&server, &done, &bytes);
        }
    })
}

fn uploader() -> Rounds {
    let (server, bytes) = (server(), noise(2500, 214));
    let client = Client::new(config(&server)).unwrap();
    Box::new(move |round: &Round| {
        server.clear_log();
        server.clear_script();
        let mut uploader = Uploader::create(&client, Source::memory(bytes.clone()), &options()).unwrap();
        assert!(uploader.upload_chunk().unwrap());
        server.clear_log();
        server.script(Rule::on("PATCH").forever().hang_after_body());
        let control = Control::new();
        uploader.obey(Some(&control));
        let error = round.run(&control, || until_read(&server, "PATCH"), || uploader.upload_chunk());
        server.clear_script();
        if round.looks() {
            assert_eq!(uploader.offset(), 1000);
            stays(&server, &control, &error, &bytes);
            // It goes on, too, under another control.
            uploader.obey(None);
            assert_stored(&server, &uploader.upload().unwrap(), &bytes);
        }
    })
}

/// In chunks of a thousand bytes.
fn config(server: &Server) -> Config {
    let mut config = config_whole(&server.endpoint());
    config.set_chunk_size(chunk(1000)).unwrap();
    config
}
