//! Scenarios 29 and 31: a server whose offset goes back, and one that never agrees (T-027, T-028).

use std::sync::Arc;
use std::time::Duration;

use tus::error::BrokenRule;
use tus_test_server::{Rule, Server};

use crate::support::api::every_way;
use crate::support::input::Tape;
use crate::support::server::{assert_clean, assert_stored, assert_story, assert_told, lines, server};
use crate::support::{Api, Chunk, HELLO, Kind, Setup, noise};

every_way! {
    scenario_29_offset_goes_back,
    scenario_29_goes_back_before_a_reader_that_cannot_seek,
    scenario_29b_goes_back_again_and_again,
    scenario_31_one_409,
    scenario_31_409_with_an_offset,
    scenario_31_another_writer,
    scenario_31_endless_409,
    scenario_31_409_as_a_lock,
}

/// Eleven bytes in three chunks; at the second one the server loses bytes and stumbles.
fn forgetful() -> (Arc<Server>, Setup) {
    let server = Arc::new(server());
    let victim = Arc::clone(&server);
    server.script(Rule::on("PATCH").nth(3).reply(500));
    let setup = Setup {
        chunk: Chunk::Fixed(4),
        after_response: Some(Arc::new(move |answered| {
            if answered.status == 500 {
                let id = victim.uploads()[0].id.clone();
                victim.truncate_upload(&id, 3).unwrap();
            }
            0
        })),
        ..Setup::to(&server)
    };
    (server, setup)
}

fn scenario_29_offset_goes_back(api: Api) {
    let (server, setup) = forgetful();
    let done = api.upload(&setup, HELLO).unwrap();
    let story = [
        "OPTIONS 204",
        "POST 11 201",
        "PATCH 0+4 204",
        "PATCH 4+4 204",
        "PATCH 8+3 500",
        "HEAD 200",
        "PATCH 3+4 204",
        "PATCH 7+4 204",
    ];
    assert_story(&server, &story, &done.url, HELLO);
}

/// Its last bytes are kept and can be sent again; what is older than those is gone.
fn scenario_29_goes_back_before_a_reader_that_cannot_seek(api: Api) {
    let (server, setup) = forgetful();
    let done = api.upload(&setup, Tape::new(HELLO, false).input()).unwrap();
    assert_eq!(server.requests().len(), 8);
    assert_stored(&server, &done.url, HELLO);

    let (server, setup) = forgetful();
    let bytes = noise(3 << 20, 4);
    let setup = Setup { chunk: Chunk::Fixed(1 << 20), ..setup };
    let error = api.upload(&setup, Tape::new(&bytes, false).input()).unwrap_err();
    assert_eq!((error.kind, error.upload_url.is_some()), (Kind::Source, true));
    error.assert_says("byte 3 ");
    let last = lines(&server).pop();
    assert_eq!(last.as_deref(), Some("HEAD 200"), "nothing is sent that is not what belongs there");
}

fn scenario_29b_goes_back_again_and_again(api: Api) {
    let server = Arc::new(server());
    let victim = Arc::clone(&server);
    server.script(Rule::on("PATCH").skip(1).forever().reply(503));
    let setup = Setup {
        retries: 100,
        chunk: Chunk::Fixed(8),
        after_response: Some(Arc::new(move |answered| {
            if answered.status == 503 {
                let upload = victim.uploads().remove(0);
                victim.truncate_upload(&upload.id, upload.offset - 1).unwrap();
            }
            0
        })),
        ..Setup::to(&server)
    };
    let error = api.upload(&setup, HELLO).unwrap_err();
    error.assert_broke(BrokenRule::OffsetRegressed);
    let story = [
        "OPTIONS 204",
        "POST 11 201",
        "PATCH 0+8 204",
        "PATCH 8+3 503",
        "HEAD 200",
        "PATCH 7+4 503",
        "HEAD 200",
        "PATCH 6+5 503",
        "HEAD 200",
        "PATCH 5+6 503",
        "HEAD 200",
    ];
    assert_told(&server, &story);
}

/// Looked into at once, charged to nobody.
fn scenario_31_one_409(api: Api) {
    let server = server();
    server.script(Rule::on("PATCH").reply(409));
    let setup = Setup { retries: 0, lock_budget: Duration::ZERO, ..Setup::to(&server) };
    let done = api.upload(&setup, HELLO).unwrap();
    let story = ["OPTIONS 204", "POST 11 201", "PATCH 0+11 409", "HEAD 200", "PATCH 0+11 204"];
    assert_story(&server, &story, &done.url, HELLO);
}

/// No standard says what it would mean; HEAD is asked all the same.
fn scenario_31_409_with_an_offset(api: Api) {
    for offset in ["0", "5", "99", "junk"] {
        let server = server();
        server.script(Rule::on("PATCH").reply(409).offset(offset));
        let done = api.upload(&Setup::to(&server), HELLO).unwrap();
        let story = ["OPTIONS 204", "POST 11 201", "PATCH 0+11 409", "HEAD 200", "PATCH 0+11 204"];
        assert_story(&server, &story, &done.url, HELLO);
    }
}

/// Scenario 67, T-030: a request of an earlier process is still at work on the upload that was found. In one that was
/// made here nothing but our own bytes can be.
fn scenario_31_another_writer(api: Api) {
    for stored in [&b"hello"[..], b"hello wor"] {
        let server = server();
        let url = server.seed(Some(11), stored).unwrap();
        server.script(Rule::on("HEAD").offset("3"));
        let setup = Setup { chunk: Chunk::Fixed(2), ..Setup::to(&server) };
        api.resume(&setup, HELLO, &url).unwrap();
        assert_stored(&server, &url, HELLO);
        assert_eq!(lines(&server)[..3], ["HEAD 200", "PATCH 3+2 409", "HEAD 200"]);
        assert_clean(&server);
    }
    let server = server();
    server.script(Rule::on("PATCH").reply(409));
    server.script(Rule::on("HEAD").offset("9"));
    let error = api.upload(&Setup { chunk: Chunk::Fixed(2), ..Setup::to(&server) }, HELLO).unwrap_err();
    error.assert_broke(BrokenRule::ImpossibleOffset);
    assert_told(&server, &["OPTIONS 204", "POST 11 201", "PATCH 0+2 409", "HEAD 200"]);
}

fn scenario_31_endless_409(api: Api) {
    let server = server();
    server.script(Rule::on("PATCH").forever().reply(409));
    let setup = Setup { lock_budget: Duration::from_millis(300), ..Setup::to(&server) };
    let error = api.upload(&setup, HELLO).unwrap_err();
    assert_eq!(error.gist(), (Kind::OffsetConflict, 409, true));
    assert!(error.retryable);
    let patches = lines(&server).iter().filter(|line| *line == "PATCH 0+11 409").count();
    assert!((2..=20).contains(&patches), "{patches}");
    // One that is there for longer than six answers is waited for.
    server.clear_script();
    server.script(Rule::on("PATCH").times(12).reply(409));
    api.upload(&Setup { lock_budget: Duration::from_secs(60), ..setup }, HELLO).unwrap();
}

/// Some servers say 409 for a lock: the first is looked into at once, later ones are waited for.
fn scenario_31_409_as_a_lock(api: Api) {
    let server = server();
    server.script(Rule::on("PATCH").times(5).reply(409));
    let waits = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = Arc::clone(&waits);
    let setup = Setup {
        retries: 0,
        should_retry: Some(Arc::new(move |_, attempt, delay| {
            seen.lock().unwrap().push(attempt);
            Ok(delay)
        })),
        ..Setup::to(&server)
    };
    api.upload(&setup, HELLO).unwrap();
    assert_eq!(*waits.lock().unwrap(), [1, 2, 3, 4]);
    assert_clean(&server);
}
