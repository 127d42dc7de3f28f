//! The shape of answers: framing, line ends, versions, and the forms of `Location`.

use tus_test_server::{Chunks, LocationForm, Options, Rule};

use crate::client::{Client, at, broken, create, request, server, start};

#[test]
fn chunked_answers() {
    let server = server();
    let chunks = Chunks {
        size: 3,
        extension: ";a=b".into(),
        trailers: vec![("Upload-Offset".into(), "9".into())],
        bad_size: None,
    };
    server.script(Rule::any().reply(200).body("hello").chunked(chunks.clone()).close());
    let mut client = Client::connect(&server);
    client.send(request("OPTIONS", "*", "", b""));
    let text = String::from_utf8(client.rest()).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("\r\nTransfer-Encoding: chunked") && !head.contains("Content-Length"), "{head}");
    assert_eq!(body, "3;a=b\r\nhel\r\n2;a=b\r\nlo\r\n0;a=b\r\nUpload-Offset: 9\r\n\r\n");

    let bad = Chunks { bad_size: Some("zz".into()), ..chunks };
    server.script(Rule::any().reply(200).body("hello").chunked(bad).close());
    let mut client = Client::connect(&server);
    client.send(request("OPTIONS", "*", "", b""));
    assert!(String::from_utf8(client.rest()).unwrap().contains("\r\n\r\nzz;a=b\r\nhel"));
}

#[test]
fn bodies_until_the_connection_closes() {
    let server = server();
    server.script(Rule::any().reply(200).body("hello").until_close());
    let mut client = Client::connect(&server);
    let answer = client.ask("OPTIONS", "*", "", b"");
    assert_eq!(answer.header("Content-Length"), None);
    assert_eq!((answer.header("Connection"), answer.body.as_slice()), (Some("close"), b"hello".as_slice()));
}

#[test]
fn lines_that_end_with_lf() {
    let server = server();
    server.script(Rule::any().reply(204).bare_lf().close());
    let mut client = Client::connect(&server);
    client.send(request("OPTIONS", "*", "", b""));
    let text = String::from_utf8(client.rest()).unwrap();
    assert!(text.starts_with("HTTP/1.1 204 No Content\n") && !text.contains('\r'), "{text:?}");
}

#[test]
fn http_1_0() {
    let one = server();
    one.script(Rule::on("HEAD").http10());
    let mut client = Client::connect(&one);
    let (target, _) = create(&mut client, 5);
    assert_eq!(client.ask("HEAD", &target, "", b"").line, "HTTP/1.0 200 OK");
    client.ends();

    let all = start(Options { http10: true, ..Options::default() });
    let mut client = Client::connect(&all);
    let answer = client.ask("POST", "/files/", "Upload-Length: 5\r\n", b"");
    assert_eq!((answer.line.as_str(), answer.header("Connection")), ("HTTP/1.0 201 Created", None));
    assert_eq!((answer.header("Content-Length"), answer.body.len()), (None, 0));
    let mut client = Client::connect(&all);
    let answer = client.ask("PATCH", &format!("/files/{}", answer.id()), &at(0), b"hello");
    assert_eq!(answer.offset(), 5);
    client.ends();
}

#[test]
fn a_length_where_no_body_is() {
    let server = server();
    let mut client = Client::connect(&server);
    let (target, _) = create(&mut client, 5);
    server.script(Rule::on("HEAD").header("Content-Length", "11"));
    assert_eq!(client.ask("HEAD", &target, "", b"").header("Content-Length"), Some("11"));
    assert_eq!(client.ask("HEAD", &target, "", b"").status, 200);
}

#[test]
fn redirects() {
    let server = server();
    server.script(Rule::on("POST").path("/start/").reply(307).header("Location", "/files/"));
    let mut client = Client::connect(&server);
    let answer = client.ask("POST", "/start/", "Upload-Length: 5\r\n", b"");
    assert_eq!((answer.status, answer.header("Location")), (307, Some("/files/")));
    create(&mut client, 5);
}

#[test]
fn forms_of_location() {
    let server = server();
    let mut client = Client::connect(&server);
    let port = server.port();
    for (form, said) in [
        (LocationForm::Absolute, format!("http://127.0.0.1:{port}/files/ID")),
        (LocationForm::PathAbsolute, "/files/ID".into()),
        (LocationForm::Relative, "ID".into()),
        (LocationForm::DotDot, "../files/ID".into()),
        (LocationForm::SchemeRelative, format!("//127.0.0.1:{port}/files/ID")),
        (LocationForm::Query, "?id=ID".into()),
        (LocationForm::Fragment, format!("http://127.0.0.1:{port}/files/ID#frag")),
        (LocationForm::Spaced, format!("  http://127.0.0.1:{port}/files/ID  ")),
        (LocationForm::Empty, String::new()),
        (LocationForm::Other("ftp://h/{id}".into()), "ftp://h/ID".into()),
    ] {
        server.script(Rule::on("POST").location(form));
        let answer = client.ask("POST", "/files/", "Upload-Length: 1\r\n", b"");
        let id = server.uploads().pop().unwrap().id;
        assert_eq!(answer.all("Location"), [said.replace("ID", &id)]);
    }
    for (form, count) in [(LocationForm::Missing, 0), (LocationForm::Twice, 2), (LocationForm::TwoDifferent, 2)] {
        server.script(Rule::on("POST").location(form.clone()));
        let answer = client.ask("POST", "/files/", "Upload-Length: 1\r\n", b"");
        let locations = answer.all("Location");
        assert_eq!(locations.len(), count);
        assert!(count < 2 || (locations[0] == locations[1]) == (form == LocationForm::Twice));
    }
}

#[test]
fn ids_in_the_query() {
    let server = start(Options { location: LocationForm::Query, ..Options::default() });
    let mut client = Client::connect(&server);
    let id = client.ask("POST", "/files/", "Upload-Length: 5\r\n", b"").id();
    let target = format!("/files/?id={id}");
    assert_eq!(client.ask("PATCH", &target, &at(0), b"hello").offset(), 5);
    assert_eq!(client.ask("HEAD", &target, "", b"").offset(), 5);
    assert_eq!(broken(&server), "");
}
