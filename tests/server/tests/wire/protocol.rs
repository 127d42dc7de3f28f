//! The core protocol of a correct server.

use std::fs;
use std::time::Duration;

use tus_test_server::{Contention, Extensions, Options, Server};

use crate::client::{Client, at, broken, create, server, start};

#[test]
fn options_says_what_it_can() {
    let server = start(Options { max_size: Some(99), ..Options::checked() });
    let answer = Client::connect(&server).ask("OPTIONS", "/files/", "", b"");
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("Tus-Version"), Some("1.0.0"));
    assert_eq!(answer.header("Tus-Max-Size"), Some("99"));
    assert_eq!(answer.header("Tus-Checksum-Algorithm"), Some("sha1,sha256,sha512,md5"));
    let extensions = answer.header("Tus-Extension").unwrap();
    assert_eq!(
        extensions,
        "creation,creation-with-upload,creation-defer-length,termination,checksum,\
         checksum-trailer,concatenation"
    );
    let bare = start(Options { extensions: Extensions::NONE, ..Options::checked() });
    let answer = Client::connect(&bare).ask("OPTIONS", "/files/", "", b"");
    assert_eq!(answer.header("Tus-Extension"), None);
}

#[test]
fn an_upload_from_post_to_get() {
    let server = server();
    let mut client = Client::connect(&server);
    let fields = "Upload-Length: 11\r\nUpload-Metadata: filename d29ybGQ=,x\r\n";
    let created = client.ask("POST", "/files/", fields, b"");
    assert_eq!(created.status, 201);
    assert_eq!(created.header("Upload-Offset"), None);
    let id = created.id();
    assert_eq!(created.header("Location"), Some(server.upload_url(&id).as_str()));
    let target = format!("/files/{id}");

    let head = client.ask("HEAD", &target, "", b"");
    assert_eq!((head.status, head.offset()), (200, 0));
    assert_eq!(head.header("Upload-Length"), Some("11"));
    assert_eq!(head.header("Upload-Metadata"), Some("filename d29ybGQ=,x"));
    assert_eq!(head.header("Cache-Control"), Some("no-store"));
    assert_eq!(head.header("Tus-Resumable"), Some("1.0.0"));

    let patch = client.ask("PATCH", &target, &at(0), b"hello ");
    assert_eq!((patch.status, patch.offset()), (204, 6));
    let patch = client.ask("PATCH", &target, &at(6), b"world");
    assert_eq!((patch.status, patch.offset()), (204, 11));
    assert_eq!(client.ask("GET", &target, "", b"").body, b"hello world");

    assert_eq!(server.upload_bytes(&id).unwrap(), b"hello world");
    let upload = server.upload(&id).unwrap();
    assert!(upload.finished);
    assert_eq!((upload.offset, upload.length), (11, Some(11)));
    assert_eq!(server.connections(), 1);
    assert_eq!(broken(&server), "");
}

#[test]
fn a_wrong_offset_changes_nothing() {
    let server = server();
    let mut client = Client::connect(&server);
    let (target, id) = create(&mut client, 11);
    client.ask("PATCH", &target, &at(0), b"hello");
    assert_eq!(client.ask("PATCH", &target, &at(0), b"hello").status, 409);
    assert_eq!(client.ask("HEAD", &target, "", b"").offset(), 5);
    assert_eq!(server.upload_bytes(&id).unwrap(), b"hello");
    assert_eq!(broken(&server), "");
}

#[test]
fn an_empty_upload_is_finished_at_once() {
    let server = server();
    let mut client = Client::connect(&server);
    let (target, id) = create(&mut client, 0);
    assert!(server.upload(&id).unwrap().finished);
    assert_eq!(client.ask("PATCH", &target, &at(0), b"x").status, 400);
}

#[test]
fn a_body_beyond_the_length_is_refused_whole() {
    let server = server();
    let mut client = Client::connect(&server);
    let (target, id) = create(&mut client, 3);
    assert_eq!(client.ask("PATCH", &target, &at(0), b"four").status, 400);
    let chunked = format!("{}Transfer-Encoding: chunked\r\n", at(0));
    client.send(crate::client::request("PATCH", &target, &chunked, b"2\r\nfo\r\n2\r\nur\r\n0\r\n\r\n"));
    assert_eq!(client.answer("PATCH").unwrap().status, 400);
    assert_eq!(server.upload_bytes(&id).unwrap(), b"");
    assert_eq!(server.upload(&id).unwrap().offset, 0);
    assert_eq!(broken(&server), "T-022 T-022");
}

#[test]
fn sizes_beyond_the_limits() {
    let server = start(Options { max_size: Some(10), max_body: Some(4), ..Options::checked() });
    let mut client = Client::connect(&server);
    assert_eq!(client.ask("POST", "/files/", "Upload-Length: 11\r\n", b"").status, 413);
    let (target, _) = create(&mut client, 10);
    assert_eq!(client.ask("PATCH", &target, &at(0), b"12345").status, 413);
    assert_eq!(client.ask("PATCH", &target, &at(0), b"1234").status, 204);
    assert_eq!(broken(&server), "");
}

#[test]
fn unknown_uploads_and_places() {
    let server = server();
    let mut client = Client::connect(&server);
    assert_eq!(client.ask("HEAD", "/files/none", "", b"").status, 404);
    assert_eq!(client.ask("PATCH", "/files/none", &at(0), b"x").status, 404);
    assert_eq!(client.ask("DELETE", "/files/none", "", b"").status, 404);
    assert_eq!(client.ask("POST", "/elsewhere", "Upload-Length: 1\r\n", b"").status, 404);
    assert_eq!(client.ask("PUT", "/files/none", "", b"").status, 405);
}

#[test]
fn one_patch_at_a_time() {
    let server = start(Options { contention: Contention::Refuse, ..Options::checked() });
    let mut first = Client::connect(&server);
    let (target, id) = create(&mut first, 11);
    let head = format!("PATCH {target} HTTP/1.1\r\nHost: h\r\nTus-Resumable: 1.0.0\r\nContent-Length: 11\r\n");
    first.send(format!("{head}{}\r\nhello", at(0)));
    assert!(server.wait_for(|log| log.last().is_some_and(|r| r.body_len == 5), Duration::from_secs(5)));
    let mut second = Client::connect(&server);
    assert_eq!(second.ask("PATCH", &target, &at(5), b" world").status, 423);
    assert_eq!(second.ask("DELETE", &target, "", b"").status, 423);
    assert_eq!(second.ask("HEAD", &target, "", b"").offset(), 5);
    first.send(b" world");
    assert_eq!(first.answer("PATCH").unwrap().offset(), 11);
    assert_eq!(server.upload_bytes(&id).unwrap(), b"hello world");
}

#[test]
fn a_restarted_server_goes_on() {
    let dir = server().dir().with_extension("kept");
    let options = || Options { dir: Some(dir.clone()), ..Options::checked() };
    let first = Server::start(options()).unwrap();
    let mut client = Client::connect(&first);
    let fields = "Upload-Length: 11\r\nUpload-Metadata: a QQ==\r\n";
    let id = client.ask("POST", "/files/", fields, b"").id();
    let target = format!("/files/{id}");
    client.ask("PATCH", &target, &at(0), b"hello ");
    drop(first);

    let second = Server::start(options()).unwrap();
    let mut client = Client::connect(&second);
    let head = client.ask("HEAD", &target, "", b"");
    assert_eq!((head.offset(), head.header("Upload-Metadata")), (6, Some("a QQ==")));
    client.ask("PATCH", &target, &at(6), b"world");
    assert_eq!(second.upload_bytes(&id).unwrap(), b"hello world");
    assert_eq!(fs::read(dir.join(&id)).unwrap(), b"hello world");
    drop(second);
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn the_token_is_asked_for() {
    let server = start(Options { token: Some("secret".into()), ..Options::checked() });
    let mut client = Client::connect(&server);
    let fields = "Upload-Length: 1\r\n";
    assert_eq!(client.ask("POST", "/files/", fields, b"").status, 401);
    let with = format!("{fields}Authorization: Bearer secret\r\n");
    assert_eq!(client.ask("POST", "/files/", &with, b"").status, 201);
}

#[test]
fn the_method_may_be_overridden() {
    let server = server();
    let mut client = Client::connect(&server);
    let (target, id) = create(&mut client, 5);
    let fields = format!("{}X-HTTP-Method-Override: PATCH\r\n", at(0));
    assert_eq!(client.ask("POST", &target, &fields, b"hello").status, 204);
    let log = server.requests();
    assert_eq!((log[1].method.as_str(), log[1].effective_method.as_str()), ("POST", "PATCH"));
    let fields = "X-HTTP-Method-Override: DELETE\r\n";
    assert_eq!(client.ask("POST", &target, fields, b"").status, 204);
    assert!(server.upload(&id).is_none());
    assert_eq!(broken(&server), "");
}

#[test]
fn uploads_may_be_seeded_shortened_and_removed() {
    let server = server();
    let url = server.seed(Some(11), b"hello wo").unwrap();
    let id = url.rsplit('/').next().unwrap();
    let target = format!("/files/{id}");
    let mut client = Client::connect(&server);
    assert_eq!(client.ask("HEAD", &target, "", b"").offset(), 8);
    server.truncate_upload(id, 3).unwrap();
    assert_eq!(client.ask("HEAD", &target, "", b"").offset(), 3);
    assert_eq!(client.ask("PATCH", &target, &at(3), b"lo world").offset(), 11);
    assert_eq!(server.upload_bytes(id).unwrap(), b"hello world");
    server.remove_upload(id);
    assert_eq!(client.ask("HEAD", &target, "", b"").status, 410);
    assert_eq!(broken(&server), "");
}
