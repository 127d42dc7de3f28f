//! Rules about the order of requests, and the log they are read from.

use std::time::Duration;

use tus_test_server::{Ending, Rule};

use crate::client::{Client, at, broken, create, server};

#[test]
fn a_patch_without_answer_calls_for_a_head() {
    let server = server();
    let mut client = Client::connect(&server);
    let (target, _) = create(&mut client, 11);
    server.script(Rule::on("PATCH").cut_body(3, Ending::Close));
    client.send(crate::client::request("PATCH", &target, &at(0), b"hello"));
    assert!(client.answer("PATCH").is_none());
    let mut client = Client::connect(&server);
    client.ask("PATCH", &target, &at(0), b"hello");
    assert_eq!(broken(&server), "T-011");
    server.clear_log();
    assert_eq!(client.ask("HEAD", &target, "", b"").offset(), 3);
    client.ask("PATCH", &target, &at(3), b"lo");
    assert_eq!(broken(&server), "");
}

#[test]
fn some_refusals_call_for_a_head_too() {
    let server = server();
    let mut client = Client::connect(&server);
    let (target, _) = create(&mut client, 11);
    server.script(Rule::on("PATCH").reply(503));
    assert_eq!(client.ask("PATCH", &target, &at(0), b"hello").status, 503);
    assert_eq!(client.ask("PATCH", &target, &at(0), b"hello").status, 204);
    assert_eq!(broken(&server), "T-030");
}

#[test]
fn offsets_out_of_thin_air() {
    let server = server();
    let mut client = Client::connect(&server);
    let (target, _) = create(&mut client, 11);
    server.script(Rule::on("PATCH").offset_by(1));
    assert_eq!(client.ask("PATCH", &target, &at(0), b"hello").offset(), 6);
    assert_eq!(client.ask("PATCH", &target, &at(6), b"hello").status, 409);
    assert_eq!(broken(&server), "");
    assert_eq!(client.ask("PATCH", &target, &at(7), b"hell").status, 409);
    assert_eq!(broken(&server), "T-021");
    assert_eq!(client.ask("PATCH", &target, &at(5), b" world").status, 204);
    assert_eq!(client.ask("PATCH", &target, &at(11), b"").status, 204);
    assert_eq!(broken(&server), "T-021 T-022 T-016");
}

#[test]
fn the_log_has_everything() {
    let server = server();
    let mut client = Client::connect(&server);
    let (target, _) = create(&mut client, 70_000);
    let body = vec![7; 70_000];
    client.ask("PATCH", &target, &format!("x-Strange: 1\r\nX-Strange: 2\r\n{}", at(0)), &body);
    let mut other = Client::connect(&server);
    other.ask("HEAD", &target, "", b"");
    let log = server.requests();
    assert_eq!(log.iter().map(|r| r.connection).collect::<Vec<_>>(), [1, 1, 2]);
    assert_eq!(log.iter().map(|r| r.number).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(log[1].complete && log[1].answered);
    assert_eq!((log[1].status, log[1].body_len, log[1].body.len()), (Some(204), 70_000, 65_536));
    assert_eq!(log[1].header_all("x-strange"), ["1", "2"]);
    assert_eq!(log[1].headers[3].0, "x-Strange");
    assert_eq!(log[1].target, target);
    assert!(log[1].at <= log[2].at);
}

#[test]
fn waiting_for_the_log() {
    let server = server();
    assert!(!server.wait_for(|log| !log.is_empty(), Duration::from_millis(20)));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(50));
            Client::connect(&server).ask("OPTIONS", "*", "", b"");
        });
        assert!(server.wait_for(|log| log.iter().any(|r| r.answered), Duration::from_secs(5)));
    });
}
