//! Connections: refused, broken at the start, idle, hung; throttle and sink.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use tus_test_server::{Ending, Options, Rule};

use crate::client::{Client, at, broken, create, request, server, start};

#[test]
fn connections_are_refused_for_a_while() {
    let server = server();
    let mut open = Client::connect(&server);
    create(&mut open, 1);
    server.stop_listening();
    for _ in 0..3 {
        let error = TcpStream::connect(server.address()).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    }
    create(&mut open, 1);
    server.stop_listening();
    server.resume_listening().unwrap();
    server.resume_listening().unwrap();
    create(&mut Client::connect(&server), 1);
    assert_eq!((server.connections(), server.uploads().len()), (2, 3));
}

#[test]
fn idle_connections_can_be_closed() {
    let server = server();
    let mut idle = Client::connect(&server);
    let (target, _) = create(&mut idle, 5);
    let mut busy = Client::connect(&server);
    let fields = format!("{}Content-Length: 5\r\n", at(0));
    busy.send(request("PATCH", &target, &fields, b"he"));
    assert!(server.wait_for(|log| log.last().is_some_and(|r| r.body_len == 2), Duration::from_secs(5)));
    assert_eq!(server.close_idle_connections(), 1);
    idle.ends();
    busy.send(b"llo");
    assert_eq!(busy.answer("PATCH").unwrap().offset(), 5);
    server.close_all_connections();
    busy.ends();
}

#[test]
fn connections_may_start_badly() {
    let server = server();
    for (rule, send, seen) in [
        (Rule::on_connection().ending(Ending::Close), false, Some("FIN")),
        (Rule::on_connection().ending(Ending::Rst), false, Some("RST")),
        (Rule::on_connection().cut_request(4, Ending::Rst), true, Some("RST")),
        (Rule::on_connection().hang_after_head(), true, None),
        (Rule::on_connection().raw("?"), true, Some("byte")),
    ] {
        server.script(rule);
        let mut client = Client::connect(&server);
        // Nothing is sent where nothing is read: unread bytes would turn a FIN into a RST.
        if send {
            client.send(b"HEAD");
        }
        client.ends_as(seen);
        assert!(server.requests().is_empty());
    }
    server.script(Rule::on_connection().delay_reading(Duration::from_millis(100)));
    let start = Instant::now();
    create(&mut Client::connect(&server), 1);
    assert!(start.elapsed() >= Duration::from_millis(100));
}

#[test]
fn a_server_ends_quickly_with_hung_connections() {
    let server = server();
    let mut clients = Vec::new();
    for rule in [
        Rule::on("PATCH").hang_after_head(),
        Rule::on("PATCH").hang_after_body(),
        Rule::on("PATCH").delay_answer(Duration::from_secs(3600)),
        Rule::on("PATCH").drip(1, Duration::from_secs(3600)),
        Rule::on("PATCH").reply(200).endless_body(),
        Rule::on("PATCH").cut_body(1, Ending::Hang),
        Rule::on("PATCH").commit_late(Duration::from_secs(3600)),
    ] {
        let mut client = Client::connect(&server);
        let (target, _) = create(&mut client, 5);
        server.script(rule);
        client.send(request("PATCH", &target, &at(0), b"hello"));
        assert!(server.wait_for(|log| log.last().is_some_and(|r| r.method == "PATCH"), Duration::from_secs(5)));
        clients.push(client);
    }
    let dir = server.dir().to_owned();
    assert!(dir.exists());
    let start = Instant::now();
    drop(server);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert!(!dir.exists());
}

#[test]
fn the_throttle_keeps_its_pace() {
    let server = start(Options { throttle: Some(100_000), ..Options::checked() });
    let mut client = Client::connect(&server);
    let (target, id) = create(&mut client, 30_000);
    let start = Instant::now();
    client.ask("PATCH", &target, &at(0), &vec![1; 30_000]);
    let took = start.elapsed();
    assert!(took > Duration::from_millis(250), "{took:?}");
    assert_eq!(server.upload_bytes(&id).unwrap().len(), 30_000);
}

#[test]
fn a_sink_counts_only() {
    let server = start(Options { sink: true, ..Options::checked() });
    let mut client = Client::connect(&server);
    let (target, id) = create(&mut client, 11);
    let sum = "Upload-Checksum: sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=\r\n";
    let wrong = client.ask("PATCH", &target, &format!("{}{sum}", at(0)), b"hello w0rld");
    assert_eq!(wrong.status, 460);
    client.ask("HEAD", &target, "", b"");
    let right = client.ask("PATCH", &target, &format!("{}{sum}", at(0)), b"hello world");
    assert_eq!(right.offset(), 11);
    assert_eq!(client.ask("HEAD", &target, "", b"").offset(), 11);
    assert_eq!(server.upload_bytes(&id), None);
    assert_eq!(std::fs::read_dir(server.dir()).unwrap().count(), 0);
    assert_eq!(broken(&server), "");
}

#[test]
fn requests_may_be_pipelined() {
    let server = server();
    let mut client = Client::connect(&server);
    let (target, _) = create(&mut client, 5);
    let mut wire = request("PATCH", &target, &at(0), b"hello");
    wire.extend(request("HEAD", &target, "", b""));
    client.send(wire);
    assert_eq!(client.answer("PATCH").unwrap().offset(), 5);
    assert_eq!(client.answer("HEAD").unwrap().offset(), 5);
}

#[test]
fn offsets_beyond_four_gigabytes() {
    let server = start(Options { sink: true, ..Options::checked() });
    let url = server.seed(Some(5_000_000_005), b"").unwrap();
    let id = url.rsplit('/').next().unwrap();
    server.truncate_upload(id, 5_000_000_000).unwrap();
    let target = format!("/files/{id}");
    let mut client = Client::connect(&server);
    assert_eq!(client.ask("PATCH", &target, &at(5_000_000_000), b"hello").offset(), 5_000_000_005);
}
