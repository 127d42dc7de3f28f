//! The limit of a whole operation, whatever it is doing when it is reached.

use std::time::{Duration, Instant};

use tus::error::TimeLimit;
use tus_test_server::{Ending, Rule};

use crate::support::api::every_way;
use crate::support::result::id_of;
use crate::support::server::{assert_clean, assert_wire, lines, server, server_with};
use crate::support::{Api, Failure, HELLO, Kind, Setup, noise, side_by_side};

every_way! {
    deadline_ends_everything,
    deadline_ends_a_body,
    deadline_ends_a_wait,
    deadline_of_a_query,
}

const SHORT: Duration = Duration::from_millis(700);

/// More than the kernel takes for a server that does not read, on any machine.
const MORE_THAN_BUFFERS: usize = 24 << 20;

fn deadline_ends_everything(api: Api) {
    side_by_side([("POST", 1), ("PATCH", 2)], |(method, at)| {
        let server = server();
        server.script(Rule::on(method).hang_after_body());
        let began = Instant::now();
        let error = api.upload(&Setup { total: Some(SHORT), ..Setup::to(&server) }, HELLO).unwrap_err();
        assert!(began.elapsed() >= SHORT);
        error.assert_timeout(TimeLimit::Total);
        assert_eq!(error.upload_url.is_some(), method == "PATCH");
        assert_eq!(server.requests().len(), at + 1, "nothing after the deadline: {:?}", lines(&server));
        assert_clean(&server);
    });
}

fn deadline_ends_a_body(api: Api) {
    let server = server_with(|options| {
        options.receive_buffer = Some(32 << 10);
        options.throttle = Some(1 << 20);
    });
    let bytes = noise(MORE_THAN_BUFFERS, 15);
    let error = api.upload(&Setup { total: Some(SHORT), ..Setup::to(&server) }, &bytes).unwrap_err();
    error.assert_timeout(TimeLimit::Total);
    // What came through stays, and is not sent again.
    server.close_all_connections();
    let url = error.upload_url.unwrap();
    let offset = api.client(&Setup::to(&server)).unwrap().info(&url).unwrap().offset;
    assert!(offset > 0 && offset < MORE_THAN_BUFFERS as u64, "{offset}");
    assert!(server.upload_bytes(id_of(&url)).unwrap() == bytes[..offset as usize]);
}

/// Waiting for what would come too late is no use.
fn deadline_ends_a_wait(api: Api) {
    let server = server();
    server.script(Rule::on("PATCH").forever().reply(500));
    let slow = Duration::from_secs(60);
    let setup = Setup { total: Some(slow / 2), base_delay: slow, max_delay: slow, ..Setup::to(&server) };
    let began = Instant::now();
    let error = api.upload(&setup, HELLO).unwrap_err();
    assert!(began.elapsed() < slow / 4);
    assert_eq!(error.gist(), (Kind::Timeout, 500, true));
    error.assert_says("deadline");
    assert_wire(&server, &["OPTIONS 204", "POST 11 201", "PATCH 0+11 500"]);
}

fn deadline_of_a_query(api: Api) {
    let server = server();
    let url = server.seed(Some(11), b"hello").unwrap();
    server.script(Rule::any().forever().cut_body(0, Ending::Hang));
    let client = api.client(&Setup { total: Some(SHORT), ..Setup::to(&server) }).unwrap();
    let operations: [&(dyn Fn() -> Failure + Sync); 3] =
        [&|| client.info(&url).unwrap_err(), &|| client.server_info().unwrap_err(), &|| {
            client.delete(&url).unwrap_err()
        }];
    side_by_side(operations, |operation| operation().assert_timeout(TimeLimit::Total));
    // Two want to know what the server can do: one asks, the other waits for the answer as long as it may.
    assert!(matches!(server.requests().len(), 2 | 3), "{:?}", server.requests());
}
