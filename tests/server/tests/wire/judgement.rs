//! What a strict server says to requests nobody may send.

use tus_test_server::Level;

use crate::client::{Client, OFFSET_TYPE, broken, create, request, server};

/// Sends a request and asserts status and rules broken.
#[track_caller]
fn check(method: &str, target: &str, fields: &str, body: &[u8], status: u32, rules: &str) {
    let server = server();
    let mut client = Client::connect(&server);
    let (upload, _) = create(&mut client, 5);
    let target = target.replace("{upload}", &upload);
    client.send(request(method, &target, fields, body));
    let answer = client.answer(method);
    let told = answer.as_ref().map(|a| a.status);
    assert_eq!((told, broken(&server).as_str()), (Some(status), rules), "{method} {fields:?}: {answer:?}");
}

#[test]
fn tus_resumable() {
    let at = format!("Upload-Offset: 0\r\n{OFFSET_TYPE}");
    let post = "Upload-Length: 1\r\n";
    for version in ["Tus-Resumable: 0.9\r\n", "Tus-Resumable: 1.0.0\r\nTus-Resumable: 1.0.0\r\n"] {
        check("HEAD", "{upload}", version, b"", 412, "T-001");
        check("DELETE", "{upload}", version, b"", 412, "T-001");
        check("PATCH", "{upload}", &format!("{version}{at}"), b"hello", 412, "T-001");
        check("POST", "/files/", &format!("{version}{post}"), b"", 412, "T-001");
    }
    check("OPTIONS", "/files/", "Tus-Resumable: 1.0.0\r\n", b"", 204, "T-002");
    let server = server();
    let mut client = Client::connect(&server);
    client.send("HEAD /files/x HTTP/1.1\r\nHost: h\r\n\r\n");
    let answer = client.answer("HEAD").unwrap();
    assert_eq!((answer.status, answer.header("Tus-Version")), (412, Some("1.0.0")));
}

#[test]
fn lengths_of_a_creation() {
    check("POST", "/files/", "", b"", 400, "T-040");
    check("POST", "/files/", "Upload-Length: 1\r\nUpload-Defer-Length: 1\r\n", b"", 400, "T-040");
    check("POST", "/files/", "Upload-Defer-Length: 2\r\n", b"", 400, "T-070");
    for bad in ["-1", "+1", "1.0", "0x1", "1, 1", "9223372036854775808", ""] {
        check("POST", "/files/", &format!("Upload-Length: {bad}\r\n"), b"", 400, "T-010");
    }
    check("POST", "/files/", "Upload-Length: 1\r\nUpload-Length: 1\r\n", b"", 400, "T-010");
}

#[test]
fn metadata() {
    for bad in ["", "a,a", "a QQ", "a  QQ==", "a QQ==, b"] {
        let fields = format!("Upload-Length: 1\r\nUpload-Metadata: {bad}\r\n");
        check("POST", "/files/", &fields, b"", 400, "T-046");
    }
    let long = format!("Upload-Length: 1\r\nUpload-Metadata: a {}\r\n", "QUFB".repeat(1100));
    check("POST", "/files/", &long, b"", 201, "T-049");
}

#[test]
fn bodies_where_none_belong() {
    check("HEAD", "{upload}", "Content-Length: 1\r\n", b"x", 400, "T-011");
    check("HEAD", "{upload}", "Upload-Offset: 0\r\n", b"", 200, "T-011");
    check("DELETE", "{upload}", "", b"x", 400, "T-110");
    let typed = format!("Upload-Length: 1\r\n{OFFSET_TYPE}");
    check("POST", "/files/", &typed, b"", 201, "T-041");
    check("POST", "/files/", &format!("Upload-Concat: final;/files/a\r\n{OFFSET_TYPE}"), b"x", 403, "T-064");
}

#[test]
fn patches() {
    check("PATCH", "{upload}", OFFSET_TYPE, b"x", 400, "T-021");
    check("PATCH", "{upload}", &format!("Upload-Offset: +0\r\n{OFFSET_TYPE}"), b"x", 400, "T-010");
    check("PATCH", "{upload}", &format!("Upload-Offset: 3\r\n{OFFSET_TYPE}"), b"x", 409, "T-021");
    check("PATCH", "{upload}", "Upload-Offset: 0\r\n", b"x", 415, "T-020");
    let parameter = "Upload-Offset: 0\r\nContent-Type: application/offset+octet-stream; a=b\r\n";
    check("PATCH", "{upload}", parameter, b"x", 415, "T-020");
    check("PATCH", "{upload}", &format!("Upload-Offset: 0\r\n{OFFSET_TYPE}"), b"", 204, "T-022");
}

#[test]
fn checksums() {
    let at = format!("Upload-Offset: 0\r\n{OFFSET_TYPE}");
    for bad in ["crc32 AAAA", "sha1 AAAA", "sha1:AAAA", "sha1 ****"] {
        check("PATCH", "{upload}", &format!("{at}Upload-Checksum: {bad}\r\n"), b"x", 400, "T-091");
    }
    let both = "Trailer: Upload-Checksum\r\nTransfer-Encoding: chunked\r\n\
                Upload-Checksum: md5 XrY7u+Ae7tCTyyK7j1rNww==\r\n";
    check("PATCH", "{upload}", &format!("{at}{both}"), b"0\r\n\r\n", 400, "T-100");
}

#[test]
fn http_itself() {
    let at = format!("Upload-Offset: 0\r\n{OFFSET_TYPE}");
    let both = format!("{at}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n");
    check("PATCH", "{upload}", &both, b"", 400, "T-022");
    let chunk = format!("{at}Transfer-Encoding: chunked\r\n");
    check("PATCH", "{upload}", &chunk, b"zz\r\n", 400, "T-022");
    check("PATCH", "{upload}", &chunk, b"1\r\nab\r\n", 400, "T-022");
    for raw in [
        "HEAD /files/x HTTP/1.1\nHost: h\r\n\r\n",
        "HEAD /files/x HTTP/1.1\r\nHost : h\r\n\r\n",
        "\r\nHEAD /files/x HTTP/1.1\r\n\r\n",
        "HEAD /files/x HTTP/1.1\r\nTus-Resumable: 1.0.0\r\n\r\n",
    ] {
        let server = server();
        let mut client = Client::connect(&server);
        client.send(raw);
        assert_eq!(client.answer("HEAD").unwrap().status, 400, "{raw:?}");
        assert_eq!(broken(&server), "H", "{raw:?}");
        assert_eq!(server.violations()[0].level, Level::Must);
    }
}

#[test]
fn a_head_too_long() {
    let server = server();
    let mut client = Client::connect(&server);
    client.send(format!("HEAD / HTTP/1.1\r\nA: {}", "a".repeat(70_000)));
    assert_eq!(client.answer("").unwrap().status, 431);
    assert_eq!(broken(&server), "H");
}
