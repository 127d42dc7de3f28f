//! Partial and final uploads.

use tus_test_server::{Concat, Extensions, Options};

use crate::client::{Client, at, broken, server, start};

/// Makes a partial upload with these bytes.
fn part(client: &mut Client, length: usize, bytes: &[u8]) -> String {
    let fields = format!("Upload-Concat: partial\r\nUpload-Length: {length}\r\n");
    let target = format!("/files/{}", client.ask("POST", "/files/", &fields, b"").id());
    if !bytes.is_empty() {
        assert_eq!(client.ask("PATCH", &target, &at(0), bytes).status, 204);
    }
    target
}

#[test]
fn parts_are_joined_in_order() {
    let server = server();
    let mut client = Client::connect(&server);
    let a = part(&mut client, 6, b"hello ");
    let b = part(&mut client, 5, b"world");
    let fields = format!("Upload-Concat: final;{a} {}{b}\r\nUpload-Metadata: a QQ==\r\n", server.origin());
    let answer = client.ask("POST", "/files/", &fields, b"");
    assert_eq!(answer.status, 201);
    let id = answer.id();
    assert_eq!(server.upload_bytes(&id).unwrap(), b"hello world");
    let target = format!("/files/{id}");
    let head = client.ask("HEAD", &target, "", b"");
    assert_eq!((head.offset(), head.header("Upload-Length")), (11, Some("11")));
    assert!(head.header("Upload-Concat").unwrap().starts_with("final;/files/"));
    assert_eq!(client.ask("HEAD", &a, "", b"").header("Upload-Concat"), Some("partial"));
    assert!(matches!(server.upload(&id).unwrap().concat, Concat::Final(parts) if parts.len() == 2));
    assert_eq!(broken(&server), "");
    assert_eq!(client.ask("PATCH", &target, &at(11), b"!").status, 403);
    assert_eq!(broken(&server), "T-125");
}

#[test]
fn unfinished_parts_are_refused_unless_allowed() {
    let server = server();
    let mut client = Client::connect(&server);
    let a = part(&mut client, 6, b"hello");
    let fields = format!("Upload-Concat: final;{a}\r\n");
    assert_eq!(client.ask("POST", "/files/", &fields, b"").status, 400);
    assert_eq!(client.ask("POST", "/files/", "Upload-Concat: final;/files/none\r\n", b"").status, 404);
    assert_eq!(broken(&server), "T-123");
}

#[test]
fn a_final_upload_may_come_first() {
    let extensions = Extensions { concatenation_unfinished: true, ..Extensions::default() };
    let server = start(Options { extensions, ..Options::default() });
    let mut client = Client::connect(&server);
    let a = part(&mut client, 6, b"hello ");
    let b = part(&mut client, 5, b"");
    let fields = format!("Upload-Concat: final;{a} {b}\r\n");
    let target = format!("/files/{}", client.ask("POST", "/files/", &fields, b"").id());
    let head = client.ask("HEAD", &target, "", b"");
    assert_eq!((head.header("Upload-Offset"), head.header("Upload-Length")), (None, Some("11")));
    client.ask("PATCH", &b, &at(0), b"world");
    assert_eq!(client.ask("HEAD", &target, "", b"").offset(), 11);
    assert_eq!(client.ask("GET", &target, "", b"").body, b"hello world");
    assert_eq!(broken(&server), "");
}

#[test]
fn the_form_is_judged_to_the_letter() {
    let server = server();
    let mut client = Client::connect(&server);
    let a = part(&mut client, 1, b"x");
    let plain = format!("/files/{}", client.ask("POST", "/files/", "Upload-Length: 0\r\n", b"").id());
    for (fields, status, rules) in [
        (format!("Upload-Concat: final; {a}\r\n"), 400, "T-121"),
        (format!("Upload-Concat: final;{a}  {a}\r\n"), 400, "T-121"),
        (format!("Upload-Concat: final;{a}\r\nUpload-Length: 1\r\n"), 400, "T-121"),
        ("Upload-Concat: part\r\nUpload-Length: 1\r\n".into(), 400, "T-120"),
        ("Upload-Concat: final;http://elsewhere/files/1\r\n".into(), 400, "T-122"),
        (format!("Upload-Concat: final;{plain}\r\n"), 400, "T-120"),
    ] {
        server.clear_log();
        let answer = client.ask("POST", "/files/", &fields, b"");
        assert_eq!((answer.status, broken(&server).as_str()), (status, rules), "{fields}");
    }
}
