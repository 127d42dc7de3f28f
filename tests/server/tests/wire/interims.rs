//! 1xx answers, asked for and not.

use tus_test_server::{At, Rule};

use crate::client::{Client, at, broken, create, request, server};

/// The statuses that come until the final one.
fn statuses(client: &mut Client) -> Vec<u32> {
    let mut statuses = Vec::new();
    while let Some(answer) = client.answer("PATCH") {
        statuses.push(answer.status);
        if answer.status >= 200 {
            break;
        }
    }
    statuses
}

#[test]
fn a_continue_for_those_who_ask() {
    let server = server();
    let mut client = Client::connect(&server);
    let (target, _) = create(&mut client, 5);
    let fields = format!("{}Expect: 100-continue\r\nContent-Length: 5\r\n", at(0));
    client.send(request("PATCH", &target, &fields, b""));
    assert_eq!(client.answer("PATCH").unwrap().status, 100);
    client.send(b"hello");
    assert_eq!(client.answer("PATCH").unwrap().status, 204);
}

#[test]
fn a_refusal_comes_instead_of_the_continue() {
    let server = server();
    let mut client = Client::connect(&server);
    let (target, _) = create(&mut client, 50);
    let fields = format!("{}Expect: 100-continue\r\nContent-Length: 5\r\n", at(7));
    client.send(request("PATCH", &target, &fields, b""));
    let answer = client.answer("PATCH").unwrap();
    assert_eq!((answer.status, answer.header("Connection")), (409, Some("close")));
    let mut client = Client::connect(&server);
    server.script(Rule::on("PATCH").reply(417));
    client.send(request("PATCH", &target, &fields, b""));
    assert_eq!(client.answer("PATCH").unwrap().status, 417);
    let mut client = Client::connect(&server);
    server.script(Rule::on("PATCH").no_continue());
    client.send(request("PATCH", &target, &fields.replace('7', "0"), b""));
    client.ends_as(None);
    client.send(b"hello");
    assert_eq!(client.answer("PATCH").unwrap().status, 204);
}

#[test]
fn interims_come_where_they_are_wanted() {
    let server = server();
    let mut client = Client::connect(&server);
    let (target, _) = create(&mut client, 5);
    server.script(
        Rule::on("PATCH")
            .interim(At::BeforeBody, 102)
            .interims(At::Body(3), 104, &[("Upload-Offset", "3")], 1)
            .interims(At::BeforeAnswer, 103, &[], 2)
            .interim(At::BeforeAnswer, 101),
    );
    let fields = format!("{}Content-Length: 5\r\n", at(0));
    client.send(request("PATCH", &target, &fields, b""));
    assert_eq!(client.answer("PATCH").unwrap().status, 102);
    client.send(b"hel");
    let answer = client.answer("PATCH").unwrap();
    assert_eq!((answer.status, answer.header("Upload-Offset")), (104, Some("3")));
    client.ends_as(None);
    client.send(b"lo");
    assert_eq!(statuses(&mut client), [103, 103, 101, 204]);
    assert_eq!(broken(&server), "");
}

#[test]
fn a_flood() {
    let server = server();
    let mut client = Client::connect(&server);
    let (target, _) = create(&mut client, 5);
    server.script(Rule::on("PATCH").interims(At::BeforeAnswer, 102, &[], 500));
    client.send(request("PATCH", &target, &at(0), b"hello"));
    let statuses = statuses(&mut client);
    assert_eq!((statuses.len(), statuses.last()), (501, Some(&204)));
}
