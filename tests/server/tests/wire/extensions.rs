//! The extensions of a correct server, but for concatenation.

use std::time::{Duration, SystemTime};

use tus_test_server::{Extensions, Options};

use crate::client::{Client, OFFSET_TYPE, at, broken, create, request, server, start};

/// `Upload-Checksum` of "hello world".
const SHA1: &str = "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=";

#[test]
fn creation_with_upload() {
    let server = server();
    let mut client = Client::connect(&server);
    let fields = format!("Upload-Length: 11\r\n{OFFSET_TYPE}");
    let answer = client.ask("POST", "/files/", &fields, b"hello");
    assert_eq!((answer.status, answer.offset()), (201, 5));
    assert_eq!(server.upload_bytes(&answer.id()).unwrap(), b"hello");
    let answer = client.ask("POST", "/files/", &fields, b"hello world!");
    assert_eq!(answer.status, 400);
    assert_eq!(server.uploads().len(), 1);
    let answer = client.ask("POST", "/files/", "Upload-Length: 11\r\n", b"hello");
    assert_eq!(answer.status, 415);
    assert_eq!(broken(&server), "T-022 T-060");
}

#[test]
fn a_body_is_ignored_without_creation_with_upload() {
    let extensions = Extensions { creation_with_upload: false, ..Options::checked().extensions };
    let server = start(Options { extensions, ..Options::checked() });
    let fields = format!("Upload-Length: 11\r\n{OFFSET_TYPE}");
    let mut client = Client::connect(&server);
    let answer = client.ask("POST", "/files/", &fields, b"hello");
    assert_eq!((answer.status, answer.header("Upload-Offset")), (201, None));
    assert_eq!(client.ask("HEAD", &format!("/files/{}", answer.id()), "", b"").offset(), 0);
    assert_eq!(broken(&server), "T-007");
}

#[test]
fn a_deferred_length_comes_with_a_patch() {
    let server = start(Options { max_size: Some(20), ..Options::checked() });
    let mut client = Client::connect(&server);
    let answer = client.ask("POST", "/files/", "Upload-Defer-Length: 1\r\n", b"");
    let target = format!("/files/{}", answer.id());
    let head = client.ask("HEAD", &target, "", b"");
    assert_eq!(head.header("Upload-Defer-Length"), Some("1"));
    assert_eq!(head.header("Upload-Length"), None);
    client.ask("PATCH", &target, &at(0), b"hello ");
    let too_big = format!("{}Upload-Length: 21\r\n", at(6));
    assert_eq!(client.ask("PATCH", &target, &too_big, b"w").status, 413);
    let too_small = format!("{}Upload-Length: 5\r\n", at(6));
    assert_eq!(client.ask("PATCH", &target, &too_small, b"w").status, 400);
    let right = format!("{}Upload-Length: 11\r\n", at(6));
    assert_eq!(client.ask("PATCH", &target, &right, b"world").offset(), 11);
    let head = client.ask("HEAD", &target, "", b"");
    assert_eq!(head.header("Upload-Defer-Length"), None);
    assert_eq!(head.header("Upload-Length"), Some("11"));
    let other = format!("{}Upload-Length: 12\r\n", at(11));
    assert_eq!(client.ask("PATCH", &target, &other, b"!").status, 400);
    assert_eq!(broken(&server), "T-074 T-071");
}

#[test]
fn an_empty_patch_may_declare_the_length() {
    let server = server();
    let mut client = Client::connect(&server);
    let id = client.ask("POST", "/files/", "Upload-Defer-Length: 1\r\n", b"").id();
    let target = format!("/files/{id}");
    client.ask("PATCH", &target, &at(0), b"hello");
    let fields = format!("{}Upload-Length: 5\r\n", at(5));
    let answer = client.ask("PATCH", &target, &fields, b"");
    assert_eq!((answer.status, answer.offset()), (204, 5));
    assert!(server.upload(&id).unwrap().finished);
}

#[test]
fn termination() {
    let server = server();
    let mut client = Client::connect(&server);
    let (target, id) = create(&mut client, 5);
    assert_eq!(client.ask("DELETE", &target, "", b"").status, 204);
    assert_eq!(client.ask("DELETE", &target, "", b"").status, 410);
    assert!(!server.dir().join(id).exists());
    assert_eq!(broken(&server), "");
    // Whoever is not sure may look.
    assert_eq!(client.ask("HEAD", &target, "", b"").status, 410);
    assert_eq!(broken(&server), "");
    assert_eq!(client.ask("PATCH", &target, &at(0), b"hello").status, 410);
    assert_eq!(broken(&server), "T-111");
}

#[test]
fn checksums_decide() {
    let server = server();
    let mut client = Client::connect(&server);
    let sums = [
        SHA1,
        "md5 XrY7u+Ae7tCTyyK7j1rNww==",
        "sha256 uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=",
        "sha512 MJ7MSJwS1utMxA9QyQLytNDtd+5RGnx6m808qG1M2G+YndNbxf9JlnDaNCVbRbDP2DDoH2Bdz33FVC6TrpzXbw==",
    ];
    for sum in sums {
        let (target, id) = create(&mut client, 11);
        let fields = format!("{}Upload-Checksum: {sum}\r\n", at(0));
        assert_eq!(client.ask("PATCH", &target, &fields, b"hello wOrld").status, 460, "{sum}");
        assert_eq!(client.ask("HEAD", &target, "", b"").offset(), 0);
        assert_eq!(client.ask("PATCH", &target, &fields, b"hello world").status, 204, "{sum}");
        assert_eq!(server.upload_bytes(&id).unwrap(), b"hello world");
    }
    assert_eq!(broken(&server), "");
}

#[test]
fn a_cut_request_with_checksum_counts_nothing() {
    let server = server();
    let mut client = Client::connect(&server);
    let (target, id) = create(&mut client, 11);
    let fields = format!("{}Content-Length: 11\r\nUpload-Checksum: {SHA1}\r\n", at(0));
    client.send(request("PATCH", &target, &fields, b"hello"));
    drop(client);
    let mut client = Client::connect(&server);
    assert_eq!(client.ask("HEAD", &target, "", b"").offset(), 0);
    assert_eq!(server.upload_bytes(&id).unwrap(), b"");
}

#[test]
fn checksum_trailers() {
    let server = server();
    let mut client = Client::connect(&server);
    let (target, id) = create(&mut client, 11);
    let fields = format!("{}Transfer-Encoding: chunked\r\nTrailer: Upload-Checksum\r\n", at(0));
    let body = |sum: &str| format!("6;x=y\r\nhello \r\n5\r\nworld\r\n0\r\n{sum}\r\n");
    let wrong = body("Upload-Checksum: sha1 AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n");
    client.send(request("PATCH", &target, &fields, wrong.as_bytes()));
    assert_eq!(client.answer("PATCH").unwrap().status, 460);
    client.ask("HEAD", &target, "", b"");
    let right = body(&format!("Upload-Checksum: {SHA1}\r\n"));
    client.send(request("PATCH", &target, &fields, right.as_bytes()));
    assert_eq!(client.answer("PATCH").unwrap().offset(), 11);
    assert_eq!(server.upload_bytes(&id).unwrap(), b"hello world");
    assert_eq!(broken(&server), "");
    let last = server.requests().pop().unwrap();
    assert_eq!(last.trailers, [("Upload-Checksum".to_owned(), SHA1.to_owned())]);
    assert_eq!((last.body_len, last.body.as_slice()), (11, b"hello world".as_slice()));
}

#[test]
fn a_missing_trailer_is_a_violation() {
    let server = server();
    let mut client = Client::connect(&server);
    let (target, _) = create(&mut client, 5);
    let fields = format!("{}Transfer-Encoding: chunked\r\nTrailer: Upload-Checksum\r\n", at(0));
    client.send(request("PATCH", &target, &fields, b"5\r\nhello\r\n0\r\n\r\n"));
    assert_eq!(client.answer("PATCH").unwrap().status, 400);
    assert_eq!(broken(&server), "T-100");
}

#[test]
fn uploads_expire() {
    let server = start(Options { expires_after: Some(Duration::from_secs(60)), ..Options::checked() });
    let mut client = Client::connect(&server);
    let options = client.ask("OPTIONS", "/files/", "", b"");
    assert!(options.header("Tus-Extension").unwrap().ends_with(",expiration"));
    let created = client.ask("POST", "/files/", "Upload-Length: 5\r\n", b"");
    let expires = httpdate::parse_http_date(created.header("Upload-Expires").unwrap()).unwrap();
    let left = expires.duration_since(SystemTime::now()).unwrap();
    assert!(left > Duration::from_secs(50) && left <= Duration::from_secs(60));
    let target = format!("/files/{}", created.id());
    let patch = client.ask("PATCH", &target, &at(0), b"he");
    assert!(patch.header("Upload-Expires").is_some());
    server.set_clock_skew(61);
    assert_eq!(client.ask("HEAD", &target, "", b"").status, 410);
    let (target, id) = create(&mut client, 5);
    server.set_expiry(&id, Some(SystemTime::now())).unwrap();
    assert_eq!(client.ask("PATCH", &target, &at(0), b"hello").status, 410);
}

#[test]
fn finished_uploads_stay() {
    let server = start(Options { expires_after: Some(Duration::from_secs(60)), ..Options::checked() });
    let mut client = Client::connect(&server);
    let (target, _) = create(&mut client, 5);
    let last = client.ask("PATCH", &target, &at(0), b"hello");
    assert_eq!(last.header("Upload-Expires"), None);
    server.set_clock_skew(3600);
    assert_eq!(client.ask("HEAD", &target, "", b"").offset(), 5);
}
