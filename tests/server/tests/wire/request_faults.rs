//! Faults while a request is being read.

use std::io::Write;
use std::time::{Duration, Instant};

use tus_test_server::{CutPatch, Ending, Options, Rule, Server};

use crate::client::{Client, OFFSET_TYPE, PATIENCE, at, broken, create, request, server, start};

/// The offset a fresh connection is told.
#[track_caller]
fn offset(server: &Server, target: &str) -> u64 {
    Client::connect(server).ask("HEAD", target, "", b"").offset()
}

/// Waits until the offset is that.
#[track_caller]
fn comes_to(server: &Server, target: &str, wanted: u64) {
    let start = Instant::now();
    while offset(server, target) != wanted {
        assert!(start.elapsed() < PATIENCE, "the offset is {}", offset(server, target));
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn cut_at_every_byte_of_head_and_body() {
    let server = server();
    for ending in [Ending::Fin, Ending::Rst, Ending::Close] {
        let mut client = Client::connect(&server);
        let (target, _) = create(&mut client, 11);
        let wire = request("PATCH", &target, &at(0), b"hello world");
        let head = wire.len() - 11;
        for k in (0..=wire.len()).filter(|k| k % 20 == 0 || *k >= head) {
            let mut client = Client::connect(&server);
            let (target, id) = create(&mut client, 11);
            server.script(Rule::on("PATCH").cut_request(k as u64, ending));
            client.send(request("PATCH", &target, &at(0), b"hello world"));
            assert!(client.answer("PATCH").is_none(), "{k} {ending:?}");
            let stored = k.saturating_sub(head);
            assert_eq!(offset(&server, &target), stored as u64, "{k} {ending:?}");
            assert_eq!(server.upload_bytes(&id).unwrap(), b"hello world"[..stored]);
        }
    }
    assert_eq!(broken(&server), "");
}

#[test]
fn a_cut_beyond_the_end_is_none() {
    let server = server();
    let mut client = Client::connect(&server);
    let (target, _) = create(&mut client, 5);
    server.script(Rule::on("PATCH").cut_body(6, Ending::Rst));
    assert_eq!(client.ask("PATCH", &target, &at(0), b"hello").status, 204);
}

#[test]
fn cut_chunked_bodies() {
    let server = server();
    let body = b"3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n";
    let stored = |k: usize| (k.saturating_sub(3).min(3) + k.saturating_sub(11).min(2)) as u64;
    for k in 0..=body.len() {
        let mut client = Client::connect(&server);
        let (target, _) = create(&mut client, 5);
        let fields = format!("{}Transfer-Encoding: chunked\r\n", at(0));
        let wire = request("PATCH", &target, &fields, body);
        let at = (wire.len() - body.len() + k) as u64;
        server.script(Rule::on("PATCH").cut_request(at, Ending::Fin));
        client.send(wire);
        assert!(client.answer("PATCH").is_none(), "{k}");
        assert_eq!(offset(&server, &target), stored(k), "{k}");
    }
}

#[test]
fn endings_are_what_they_say() {
    let server = server();
    for (ending, seen) in [
        (Ending::Fin, Some("FIN")),
        (Ending::Rst, Some("RST")),
        (Ending::Close, Some("FIN")),
        (Ending::ShutdownBoth, Some("FIN")),
        (Ending::Hang, None),
    ] {
        let mut client = Client::connect(&server);
        let (target, _) = create(&mut client, 5);
        server.script(Rule::on("PATCH").cut_body(5, ending));
        client.send(request("PATCH", &target, &at(0), b"hello"));
        client.ends_as(seen);
        assert_eq!(offset(&server, &target), 5, "{ending:?}");
    }
}

#[test]
fn a_client_that_goes_away_leaves_what_it_sent() {
    for (cut_patch, kept) in [(CutPatch::Keep, 5), (CutPatch::Drop, 0), (CutPatch::Late(Duration::ZERO), 5)] {
        let server = start(Options { cut_patch, ..Options::default() });
        let mut client = Client::connect(&server);
        let (target, id) = create(&mut client, 11);
        let fields = format!("{}Content-Length: 11\r\n", at(0));
        client.send(request("PATCH", &target, &fields, b"hello"));
        drop(client);
        comes_to(&server, &target, kept);
        assert_eq!(server.upload_bytes(&id).unwrap().len() as u64, kept);
    }
}

#[test]
fn bytes_may_count_late() {
    let server = server();
    let mut client = Client::connect(&server);
    let (target, id) = create(&mut client, 11);
    server.script(Rule::on("PATCH").commit_late(Duration::from_secs(1)));
    client.send(request("PATCH", &target, &at(0), b"hello"));
    assert!(client.answer("PATCH").is_none());
    assert_eq!(offset(&server, &target), 0);
    comes_to(&server, &target, 5);
    let mut client = Client::connect(&server);
    assert_eq!(client.ask("PATCH", &target, &at(0), b"hello").status, 409);
    assert_eq!(client.ask("PATCH", &target, &at(5), b" world").status, 204);
    assert_eq!(server.upload_bytes(&id).unwrap(), b"hello world");
    assert_eq!(broken(&server), "");
}

#[test]
fn late_bytes_are_lost_if_the_upload_went_on() {
    let server = server();
    let mut client = Client::connect(&server);
    let (target, id) = create(&mut client, 11);
    server.script(Rule::on("PATCH").commit_late(Duration::from_secs(1)));
    client.send(request("PATCH", &target, &at(0), b"hello"));
    assert!(client.answer("PATCH").is_none());
    let mut client = Client::connect(&server);
    client.ask("HEAD", &target, "", b"");
    assert_eq!(client.ask("PATCH", &target, &at(0), b"hello world").status, 204);
    std::thread::sleep(Duration::from_millis(1300));
    assert_eq!(server.upload_bytes(&id).unwrap(), b"hello world");
}

#[test]
fn only_a_part_may_be_accepted() {
    let server = server();
    let mut client = Client::connect(&server);
    let (target, _) = create(&mut client, 11);
    server.script(Rule::on("PATCH").accept(3));
    assert_eq!(client.ask("PATCH", &target, &at(0), b"hello world").offset(), 3);
    assert_eq!(client.ask("PATCH", &target, &at(3), b"lo world").offset(), 11);
    assert_eq!(server.requests()[1].body_len, 11);
    server.script(Rule::on("POST").accept(4));
    let fields = format!("Upload-Length: 11\r\n{OFFSET_TYPE}");
    assert_eq!(client.ask("POST", "/files/", &fields, b"hello world").offset(), 4);
    server.script(Rule::on("PATCH").path(&target).accept(0));
    assert_eq!(broken(&server), "");
    assert_eq!(server.connections(), 1);
}

#[test]
fn an_early_answer_ends_the_connection() {
    let server = server();
    for (ending, seen) in [(Ending::Fin, Some("FIN")), (Ending::ShutdownBoth, Some("FIN")), (Ending::Hang, None)] {
        let mut client = Client::connect(&server);
        let (target, _) = create(&mut client, 100);
        server.script(Rule::on("PATCH").reply(413).early(2).ending(ending));
        let fields = format!("{}Content-Length: 100\r\n", at(0));
        client.send(request("PATCH", &target, &fields, b"hello"));
        assert_eq!(client.answer("PATCH").unwrap().status, 413);
        client.ends_as(seen);
        assert_eq!(offset(&server, &target), 0);
        assert_eq!(server.requests().iter().rfind(|r| r.method == "PATCH").unwrap().body_len, 2);
    }
}

#[test]
fn an_early_answer_may_count_what_came() {
    let server = server();
    let mut client = Client::connect(&server);
    let (target, _) = create(&mut client, 11);
    server.script(Rule::on("PATCH").early(2));
    let answer = client.ask("PATCH", &target, &at(0), b"hello world");
    assert_eq!((answer.offset(), answer.header("Connection")), (2, Some("close")));
}

#[test]
fn a_fin_keeps_draining() {
    let server = server();
    let mut client = Client::connect(&server);
    let (target, _) = create(&mut client, 20_000_000);
    server.script(Rule::on("PATCH").reply(413).early(0));
    let fields = format!("{}Content-Length: 20000000\r\n", at(0));
    client.send(request("PATCH", &target, &fields, b""));
    assert!(client.send(vec![1; 20_000_000]), "the rest could not be written");
    assert_eq!(client.answer("PATCH").unwrap().status, 413);
    client.ends();
}

#[test]
fn a_server_that_never_reads_stalls_the_client() {
    let server = start(Options { receive_buffer: Some(16 * 1024), ..Options::default() });
    let mut client = Client::connect(&server);
    let (target, _) = create(&mut client, 50_000_000);
    server.script(Rule::on("PATCH").hang_after_head());
    let fields = format!("{}Content-Length: 50000000\r\n", at(0));
    client.send(request("PATCH", &target, &fields, b""));
    client.stream.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(client.stream.write_all(&vec![0; 50_000_000]).is_err());
    assert_eq!(offset(&server, &target), 0);
}

#[test]
fn hanging_after_the_body() {
    let server = server();
    let mut client = Client::connect(&server);
    let (target, _) = create(&mut client, 5);
    server.script(Rule::on("PATCH").hang_after_body());
    client.send(request("PATCH", &target, &at(0), b"hello"));
    client.ends_as(None);
    assert_eq!(offset(&server, &target), 5);
    assert_eq!(server.requests()[1].status, None);
}

#[test]
fn pauses() {
    let server = server();
    let mut client = Client::connect(&server);
    let (target, _) = create(&mut client, 5);
    let pause = Duration::from_millis(100);
    server.script(Rule::on("PATCH").delay_reading(pause).delay_answer(pause));
    let start = Instant::now();
    client.ask("PATCH", &target, &at(0), b"hello");
    assert!(start.elapsed() >= 2 * pause);
}

#[test]
fn a_post_cut_in_its_body_leaves_an_orphan() {
    let server = server();
    let mut client = Client::connect(&server);
    server.script(Rule::on("POST").cut_body(2, Ending::Rst));
    let fields = format!("Upload-Length: 5\r\n{OFFSET_TYPE}");
    client.send(request("POST", "/files/", &fields, b"hello"));
    assert!(client.answer("POST").is_none());
    assert_eq!(server.uploads()[0].offset, 2);
}
