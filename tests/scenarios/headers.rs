//! The caller's own headers on every verb, and who is told the caller's secrets.

use std::collections::HashSet;
use std::sync::Arc;

use tus_test_server::{Extensions, Rule, Server};

use crate::support::api::every_way;
use crate::support::server::{assert_clean, assert_story, every, server, server_with};
use crate::support::{Api, Chunk, Client, HELLO, Job, Kind, Setup};

every_way! {
    headers_go_with_every_verb,
    headers_are_replaced_and_removed,
    headers_change_while_an_upload_runs,
    headers_of_any_visible_text,
    request_ids,
    user_agent,
    basic_authentication_from_the_url,
    basic_authentication_gives_way_to_a_header,
    urls_that_cannot_be_used,
}

/// Every verb there is: OPTIONS, POST, PATCH, HEAD (twice), PATCH, DELETE.
#[track_caller]
fn every_verb(client: &Client, server: &Server) {
    let half = client.upload(HELLO, &Job { stop_at: Some(4), ..Job::default() }).unwrap();
    client.info(&half.url).unwrap();
    client.resume(HELLO, &half.url, &Job::default()).unwrap();
    client.delete(&half.url).unwrap();
    let methods: Vec<_> = server.requests().iter().map(|request| request.method.clone()).collect();
    assert_eq!(methods, ["OPTIONS", "POST", "PATCH", "HEAD", "HEAD", "PATCH", "DELETE"]);
    assert_clean(server);
}

fn headers_go_with_every_verb(api: Api) {
    let server = server();
    let setup = Setup::to(&server)
        .header("Authorization", "Bearer token")
        .header("Cookie", "a=b; c=d")
        .header("X-Upsert", "true")
        .header("Accept-Language", "de");
    every_verb(&api.client(&setup).unwrap(), &server);
    for (name, value) in
        [("Authorization", "Bearer token"), ("Cookie", "a=b; c=d"), ("X-Upsert", "true"), ("Accept-Language", "de")]
    {
        for request in server.requests() {
            assert_eq!(request.header_all(name), [value], "{name} in {}", request.method);
        }
    }
}

fn headers_are_replaced_and_removed(api: Api) {
    let server = server();
    let setup = Setup::to(&server).header("X-A", "1").header("x-a", "2").header("X-B", "1");
    let client = api.client(&setup).unwrap();
    client.set_header("X-B", None).unwrap();
    client.set_header("x-c", Some("3")).unwrap();
    client.set_header("X-Never-There", None).unwrap();
    every_verb(&client, &server);
    for request in server.requests() {
        assert_eq!(request.header_all("X-A"), ["2"]);
        assert_eq!(request.header_all("X-B"), [""; 0]);
        assert_eq!(request.header_all("X-C"), ["3"]);
    }
}

/// A token that is renewed: running uploads have it from their next request on.
fn headers_change_while_an_upload_runs(api: Api) {
    let server = server();
    let client = Arc::new(api.client(&Setup { chunk: Chunk::Fixed(4), ..Setup::to(&server) }).unwrap());
    client.set_header("Authorization", Some("Bearer 0")).unwrap();
    let other = Arc::clone(&client);
    let job = Job {
        progress: Some(Arc::new(move |progress| {
            other.set_header("Authorization", Some(&format!("Bearer {}", progress.confirmed))).unwrap();
            0
        })),
        ..Job::default()
    };
    client.upload(HELLO, &job).unwrap();
    let tokens: Vec<_> = every(&server, "Authorization").into_iter().flatten().collect();
    assert_eq!(tokens, ["Bearer 0", "Bearer 0", "Bearer 0", "Bearer 4", "Bearer 8"]);
}

fn headers_of_any_visible_text(api: Api) {
    let server = server();
    let long = "x".repeat(4000);
    let values = ["", "a b\tc", "\"quoted\", (comment)", "größe", "日本", long.as_str()];
    for (at, value) in values.iter().enumerate() {
        server.clear_log();
        let setup = Setup { query_server: false, ..Setup::to(&server) }.header("X-Value", value);
        let done = api.upload(&setup, HELLO).unwrap_or_else(|error| panic!("value {at}: {error:?}"));
        assert_story(&server, &["POST 11 201", "PATCH 0+11 204"], &done.url, HELLO);
        for request in server.requests() {
            assert_eq!(request.header("X-Value").map(str::to_owned), Some((*value).to_owned()), "value {at}");
        }
    }
    for value in [" a", "a ", "\ta", "a\0b", "a\x7fb", "a\rb"] {
        let error = api.client(&Setup::to(&server).header("X-Value", value)).err();
        assert_eq!(error.unwrap().kind, Kind::InvalidArgument, "{value:?}");
    }
}

fn request_ids(api: Api) {
    let server = server();
    server.script(Rule::on("PATCH").reply(503));
    let client = api.client(&Setup { request_ids: true, ..Setup::to(&server) }).unwrap();
    client.upload(HELLO, &Job::default()).unwrap();
    let ids: Vec<_> = every(&server, "X-Request-ID").into_iter().map(Option::unwrap).collect();
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 5, "each its own: {ids:?}");
    for id in ids {
        let parts: Vec<_> = id.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12], "{id}");
        assert!(id.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit()), "{id}");
    }
}

fn user_agent(api: Api) {
    let server = server();
    let setup = Setup { user_agent: Some("mine/2.0 (test)".into()), ..Setup::to(&server) };
    every_verb(&api.client(&setup).unwrap(), &server);
    for request in server.requests() {
        assert_eq!(request.header_all("User-Agent"), ["mine/2.0 (test)"]);
    }
    // As any other header, the caller's own replaces it.
    server.clear_log();
    every_verb(&api.client(&setup.header("User-Agent", "other")).unwrap(), &server);
    for request in server.requests() {
        assert_eq!(request.header_all("User-Agent"), ["other"]);
    }
    let bad = Setup { user_agent: Some("a\r\nX-Evil: 1".into()), ..Setup::to(&server) };
    assert_eq!(api.client(&bad).err().unwrap().kind, Kind::InvalidArgument);
}

fn basic_authentication_from_the_url(api: Api) {
    for (user, encoded) in [
        ("al:secret", "YWw6c2VjcmV0"),
        ("al", "YWw6"),
        ("al%40home:p%3Aa%2Fss%20w", "YWxAaG9tZTpwOmEvc3Mgdw=="),
        (":x", "Ong="),
    ] {
        let server = server();
        let url = server.endpoint().replace("://", &format!("://{user}@"));
        let client = api.client(&Setup::url(&url)).unwrap();
        every_verb(&client, &server);
        for request in server.requests() {
            assert_eq!(request.header_all("Authorization"), [format!("Basic {encoded}")], "{user}");
            assert!(!request.target.contains('@') && !request.header("Host").unwrap().contains('@'));
        }
        let done = client.upload(HELLO, &Job::default()).unwrap();
        assert!(!done.url.contains('@'), "{}", done.url);
        server.script(Rule::on("POST").reply(403));
        let error = client.upload(HELLO, &Job::default()).unwrap_err();
        assert!(!error.message.contains("secret") && !error.message.contains('@'), "{}", error.message);
    }
}

fn basic_authentication_gives_way_to_a_header(api: Api) {
    let server = server();
    let url = server.endpoint().replace("://", "://al:secret@");
    every_verb(&api.client(&Setup::url(&url).header("authorization", "Bearer token")).unwrap(), &server);
    for request in server.requests() {
        assert_eq!(request.header_all("Authorization"), ["Bearer token"]);
    }
}

fn urls_that_cannot_be_used(api: Api) {
    for url in [
        "",
        "files/",
        "/files/",
        "127.0.0.1/files/",
        "ftp://127.0.0.1/files/",
        "file:///tmp/x",
        "http://",
        "http:///files/",
        "http://127.0.0.1:0/",
        "http://127.0.0.1:70000/",
        "http://127.0.0.1:x/",
        "http://127.0.0.1/a\r\nX-Evil: 1",
        "http://127.0.0.1/a\0b",
    ] {
        // A NUL byte cannot even be said in C.
        let error = api.client(&Setup::url(url)).err().unwrap_or_else(|| panic!("{url:?} was taken"));
        assert_eq!(error.kind, Kind::InvalidArgument, "{url:?}");
        let message = error.message;
        assert!(!message.contains(['\r', '\n']), "{message:?}");
    }
    // What is usual but not allowed is escaped.
    let server = server_with(|options| {
        options.path = "/my%20files/".into();
        options.extensions = Extensions { creation_with_upload: false, ..Extensions::default() };
    });
    let done = api.upload(&Setup::url(&format!("{}/my files/", server.origin())), HELLO).unwrap();
    assert_story(&server, &["OPTIONS 204", "POST 11 201", "PATCH 0+11 204"], &done.url, HELLO);
}
