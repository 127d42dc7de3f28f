//! Many threads over one client, and two clients over one upload (scenario 67).

use std::collections::HashMap;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use tus_test_server::{Contention, Ending, Rule};

use crate::support::api::every_way;
use crate::support::server::{assert_clean, assert_stored, server, server_with};
use crate::support::{Api, Chunk, Folder, HELLO, Input, Job, Kind, Setup, noise};

every_way! {
    eight_threads_upload_over_one_client,
    sixteen_first_uploads_ask_once_what_the_server_can_do,
    eight_threads_through_a_bad_network,
    scenario_67_two_clients_race;
    // Functions of a task run on threads of the library.
    not as tasks:
    hooks_of_each_upload_are_called_on_its_own_thread,
}

fn eight_threads_upload_over_one_client(api: Api) {
    let server = server();
    let client = api.client(&Setup { chunk: Chunk::Fixed(300_000), ..Setup::to(&server) }).unwrap();
    let folder = Folder::new();
    let start = Barrier::new(8);
    thread::scope(|scope| {
        for number in 0..8_usize {
            let (client, server, folder, start) = (&client, &server, &folder, &start);
            scope.spawn(move || {
                start.wait();
                for round in 0..5 {
                    let bytes = noise(number * 150_001 + round, (number * 10 + round) as u64);
                    let input = match round % 2 {
                        0 => Input::Memory(bytes.clone()),
                        _ => Input::File(folder.file(&format!("{number}-{round}"), &bytes)),
                    };
                    let done = client.upload(input, &Job::default().text("n", &number.to_string())).unwrap();
                    assert_stored(server, &done.url, &bytes);
                    let info = client.info(&done.url).unwrap();
                    assert_eq!(info.text, [("n".to_owned(), Some(number.to_string()))]);
                    if round == 4 {
                        client.delete(&done.url).unwrap();
                    }
                }
            });
        }
    });
    assert_eq!(server.uploads().len(), 32);
    assert!(server.connections() <= 8, "connections are shared: {}", server.connections());
    assert_clean(&server);
}

/// The first OPTIONS is answered late: all others begin while it is under way.
fn sixteen_first_uploads_ask_once_what_the_server_can_do(api: Api) {
    let server = server();
    server.script(Rule::on("OPTIONS").delay_answer(Duration::from_millis(500)));
    let client = api.client(&Setup::to(&server)).unwrap();
    let start = Barrier::new(16);
    thread::scope(|scope| {
        for _ in 0..16 {
            let (client, start) = (&client, &start);
            scope.spawn(move || {
                start.wait();
                assert!(client.upload(HELLO, &Job::default()).unwrap().complete);
            });
        }
    });
    assert_eq!(server.requests().iter().filter(|request| request.method == "OPTIONS").count(), 1);
    assert_eq!(server.uploads().len(), 16);
    assert_clean(&server);
}

fn eight_threads_through_a_bad_network(api: Api) {
    let server = server();
    for round in 0..12 {
        server.script(Rule::on("PATCH").nth(1 + round % 3).cut_body(u64::from(round) * 9_973, Ending::Rst));
        server.script(Rule::on("POST").nth(1 + round % 2).reply(503));
        server.script(Rule::on("PATCH").nth(2).reply(500));
    }
    let setup = Setup { chunk: Chunk::Fixed(150_000), retries: 40, ..Setup::to(&server) };
    let client = api.client(&setup).unwrap();
    thread::scope(|scope| {
        for number in 0..8_u64 {
            let (client, server) = (&client, &server);
            scope.spawn(move || {
                let bytes = noise(400_000 + usize::try_from(number).unwrap(), 40 + number);
                let done = client.upload(&bytes, &Job::default()).unwrap();
                assert_stored(server, &done.url, &bytes);
            });
        }
    });
    let broken: Vec<_> = server.violations().iter().map(ToString::to_string).collect();
    assert!(broken.is_empty(), "{broken:?}");
}

fn hooks_of_each_upload_are_called_on_its_own_thread(api: Api) {
    let server = server();
    type Threads = HashMap<String, Vec<thread::ThreadId>>;
    let seen: Arc<Mutex<Threads>> = Arc::default();
    let notes = Arc::clone(&seen);
    let setup = Setup {
        on_url: Some(Arc::new(move |url| {
            notes.lock().unwrap().entry(url.to_owned()).or_default().push(thread::current().id());
            0
        })),
        ..Setup::to(&server)
    };
    let client = api.client(&setup).unwrap();
    thread::scope(|scope| {
        for _ in 0..4 {
            let (client, seen) = (&client, &seen);
            scope.spawn(move || {
                let own = thread::current().id();
                let progress = move |_| {
                    assert_eq!(thread::current().id(), own);
                    0
                };
                let job = Job { progress: Some(Arc::new(progress)), ..Job::default() };
                let done = client.upload(HELLO, &job).unwrap();
                assert_eq!(seen.lock().unwrap()[&done.url], [own]);
            });
        }
    });
    assert_clean(&server);
}

/// Both may end well, one may end with a clear error; the file is right whatever happens.
fn scenario_67_two_clients_race(api: Api) {
    for contention in [Contention::Refuse, Contention::default()] {
        let server = server_with(|options| {
            options.contention = contention;
            options.throttle = Some(4 << 20);
        });
        let bytes = noise(1 << 20, 50);
        let url = server.seed(Some(1 << 20), b"").unwrap();
        let start = Barrier::new(2);
        let results: Vec<_> = thread::scope(|scope| {
            let run = || {
                let client = api.client(&Setup { chunk: Chunk::Fixed(200_000), ..Setup::to(&server) }).unwrap();
                start.wait();
                client.resume(&bytes, &url, &Job::default())
            };
            let threads = [scope.spawn(run), scope.spawn(run)];
            threads.map(|thread| thread.join().unwrap()).into_iter().collect()
        });
        assert!(results.iter().any(Result::is_ok), "{results:?}");
        for result in results {
            match result {
                Ok(done) => assert!(done.complete),
                Err(error) => {
                    assert!(matches!(error.kind, Kind::OffsetConflict | Kind::Locked | Kind::Protocol), "{error:?}")
                }
            }
        }
        assert_stored(&server, &url, &bytes);
    }
}
