//! Faults in the bytes of an answer and in how it ends.

use std::time::{Duration, Instant};

use tus_test_server::{Ending, Options, Rule};

use crate::client::{Client, at, broken, create, request, server, start};

#[test]
fn replies_without_doing_anything() {
    let server = server();
    let mut client = Client::connect(&server);
    let (target, id) = create(&mut client, 5);
    server.script(Rule::on("PATCH").times(2).reply(503).header("Retry-After", "7").body("busy"));
    for _ in 0..2 {
        let answer = client.ask("PATCH", &target, &at(0), b"hello");
        assert_eq!((answer.status, answer.header("Retry-After")), (503, Some("7")));
        assert_eq!(answer.body, b"busy");
        client.ask("HEAD", &target, "", b"");
    }
    assert_eq!(server.upload(&id).unwrap().offset, 0);
    assert_eq!(client.ask("PATCH", &target, &at(0), b"hello").status, 204);
    assert_eq!((server.connections(), server.pending_rules()), (1, 0));
}

#[test]
fn strange_status_lines() {
    let server = server();
    let mut client = Client::connect(&server);
    server.script(Rule::any().reply(299).reason(""));
    assert_eq!(client.ask("OPTIONS", "*", "", b"").line, "HTTP/1.1 299 ");
    server.script(Rule::any().reply(1234).reason("So What"));
    assert_eq!(client.ask("OPTIONS", "*", "", b"").line, "HTTP/1.1 1234 So What");
}

#[test]
fn answers_are_altered_after_the_work_is_done() {
    let server = server();
    let mut client = Client::connect(&server);
    let (target, id) = create(&mut client, 11);
    server.script(
        Rule::on("PATCH").status(200).without("Tus-Resumable").add_header("Upload-Offset", "9").header("Age", "3"),
    );
    let answer = client.ask("PATCH", &target, &at(0), b"hello");
    assert_eq!((answer.status, answer.header("Tus-Resumable")), (200, None));
    assert_eq!(answer.all("Upload-Offset"), ["5", "9"]);
    assert_eq!(answer.header("Age"), Some("3"));
    assert_eq!(server.upload(&id).unwrap().offset, 5);
    server.script(Rule::on("PATCH").reply(500).processed());
    assert_eq!(client.ask("PATCH", &target, &at(5), b" world").status, 500);
    assert_eq!(server.upload(&id).unwrap().offset, 11);
}

#[test]
fn lies_about_the_offset() {
    let server = server();
    let mut client = Client::connect(&server);
    let (target, _) = create(&mut client, 11);
    for (rule, said) in [
        (Rule::on("HEAD").offset("-1"), Some("-1")),
        (Rule::on("HEAD").offset("\u{feff}5"), Some("\u{feff}5")),
        (Rule::on("HEAD").offset(""), Some("")),
        (Rule::on("HEAD").offset_by(3), Some("3")),
        (Rule::on("HEAD").offset_by(-2), Some("-2")),
        (Rule::on("HEAD").without("Upload-Offset"), None),
    ] {
        server.script(rule);
        assert_eq!(client.ask("HEAD", &target, "", b"").header("Upload-Offset"), said);
    }
}

#[test]
fn cut_at_every_byte_of_the_answer() {
    let server = server();
    for ending in [Ending::Fin, Ending::Rst] {
        let mut client = Client::connect(&server);
        let (target, _) = create(&mut client, 5);
        client.send(request("HEAD", &target, "Connection: close\r\n", b""));
        let whole = client.rest();
        for k in 0..=whole.len() {
            let mut client = Client::connect(&server);
            server.script(Rule::on("HEAD").cut_response(k as u64, ending));
            client.send(request("HEAD", &target, "Connection: close\r\n", b""));
            assert_eq!(client.rest().len(), k, "{ending:?}");
            let answered = server.requests().pop().unwrap().answered;
            assert_eq!(answered, k == whole.len(), "{k}");
        }
    }
}

#[test]
fn a_cut_answer_does_not_undo_the_work() {
    let server = server();
    let mut client = Client::connect(&server);
    let (target, _) = create(&mut client, 5);
    server.script(Rule::on("PATCH").cut_response(20, Ending::Rst));
    client.send(request("PATCH", &target, &at(0), b"hello"));
    assert!(client.answer("PATCH").is_none());
    let mut client = Client::connect(&server);
    assert_eq!(client.ask("HEAD", &target, "", b"").offset(), 5);
    assert_eq!(broken(&server), "");
}

#[test]
fn answers_may_drip() {
    let server = server();
    let mut client = Client::connect(&server);
    server.script(Rule::any().reply(204).drip(10, Duration::from_millis(20)));
    let start = Instant::now();
    assert_eq!(client.ask("OPTIONS", "*", "", b"").status, 204);
    assert!(start.elapsed() >= Duration::from_millis(60));
}

#[test]
fn connections_end_announced_or_not() {
    let server = server();
    let mut client = Client::connect(&server);
    server.script(Rule::on("OPTIONS").close());
    let answer = client.ask("OPTIONS", "*", "", b"");
    assert_eq!(answer.header("Connection"), Some("close"));
    client.ends_as(Some("FIN"));
    for (ending, seen) in [(Ending::Fin, "FIN"), (Ending::Rst, "RST")] {
        let mut client = Client::connect(&server);
        server.script(Rule::on("OPTIONS").ending(ending));
        let answer = client.ask("OPTIONS", "*", "", b"");
        assert_eq!(answer.header("Connection"), None);
        client.ends_as(Some(seen));
    }
    let never = start(Options { keep_alive: false, ..Options::default() });
    let mut client = Client::connect(&never);
    assert_eq!(client.ask("OPTIONS", "*", "", b"").header("Connection"), Some("close"));
    client.ends();
}

#[test]
fn raw_bytes() {
    let server = server();
    for raw in ["garbage", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", ""] {
        let mut client = Client::connect(&server);
        server.script(Rule::any().raw(raw));
        client.send(request("OPTIONS", "*", "", b""));
        assert_eq!(client.rest(), raw.as_bytes());
    }
    let mut client = Client::connect(&server);
    let (target, id) = create(&mut client, 5);
    server.script(Rule::on("PATCH").raw("what?").processed());
    client.send(request("PATCH", &target, &at(0), b"hello"));
    assert_eq!(client.rest(), b"what?");
    assert_eq!(server.upload(&id).unwrap().offset, 5);
}

#[test]
fn answers_without_end() {
    let server = server();
    for rule in [
        Rule::any().reply(200).endless_headers(),
        Rule::any().reply(200).endless_body(),
        Rule::any().raw("HTTP/1.1 200 OK\r\n").endless_headers(),
    ] {
        let mut client = Client::connect(&server);
        server.script(rule);
        client.send(request("OPTIONS", "*", "", b""));
        let mut sum = 0;
        let mut piece = vec![0; 64 * 1024];
        while sum < 1_000_000 {
            let n = std::io::Read::read(&mut client.stream, &mut piece).unwrap();
            assert!(n > 0);
            sum += n;
        }
    }
}
