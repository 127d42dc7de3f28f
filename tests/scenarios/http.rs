//! Scenarios 55 to 57 and T-033: HTTP in the forms that servers and proxies give it.

use std::sync::Arc;

use tus_test_server::{At, Chunks, Ending, Rule};

use crate::support::api::every_way;
use crate::support::server::{assert_clean, assert_stored, assert_story, assert_told, lines, server, server_with};
use crate::support::{Api, Chunk, HELLO, Job, Kind, Setup};

every_way! {
    scenario_55_http_1_0,
    scenario_55_bodies_that_end_with_the_connection,
    scenario_56_connection_close,
    scenario_56_closed_without_a_word,
    scenario_56_closed_while_idle,
    scenario_56_closed_while_idle_again_and_again,
    scenario_56_one_connection_for_all,
    scenario_57_chunked_answers,
    scenario_57_bad_chunk_sizes,
    interim_answers_are_skipped,
    interim_answers_without_end,
    a_101_nobody_asked_for,
    bare_line_feeds_and_odd_reasons,
    bodies_where_none_can_be,
    answers_that_are_not_http,
    answers_without_end,
    answers_with_many_fields,
}

fn scenario_55_http_1_0(api: Api) {
    let server = server_with(|options| options.http10 = true);
    let done = api.upload(&Setup { chunk: Chunk::Fixed(6), ..Setup::to(&server) }, HELLO).unwrap();
    let story = ["OPTIONS 204", "POST 11 201", "PATCH 0+6 204", "PATCH 6+5 204"];
    assert_story(&server, &story, &done.url, HELLO);
    assert_eq!(server.connections(), 4);
    for request in server.requests() {
        assert_eq!(request.header("Transfer-Encoding"), None);
    }
}

fn scenario_55_bodies_that_end_with_the_connection(api: Api) {
    let server = server();
    server.script(Rule::on("POST").body("made").until_close());
    server.script(Rule::on("PATCH").status(200).body("taken").until_close());
    let done = api.upload(&Setup::to(&server), HELLO).unwrap();
    assert_story(&server, &["OPTIONS 204", "POST 11 201", "PATCH 0+11 200"], &done.url, HELLO);
    assert_eq!(server.connections(), 2);
}

fn scenario_56_connection_close(api: Api) {
    let server = server_with(|options| options.keep_alive = false);
    let done = api.upload(&Setup { chunk: Chunk::Fixed(6), retries: 0, ..Setup::to(&server) }, HELLO).unwrap();
    let story = ["OPTIONS 204", "POST 11 201", "PATCH 0+6 204", "PATCH 6+5 204"];
    assert_story(&server, &story, &done.url, HELLO);
    let connections: Vec<_> = server.requests().iter().map(|request| request.connection).collect();
    assert_eq!(connections, [1, 2, 3, 4]);
    assert_eq!(done.stats.retries, 0);
}

/// The answer was whole: whatever became of the connection then is nobody's failure.
fn scenario_56_closed_without_a_word(api: Api) {
    for ending in [Ending::Fin, Ending::Rst, Ending::Close, Ending::ShutdownBoth] {
        let server = server();
        server.script(Rule::any().forever().ending(ending));
        let done = api.upload(&Setup { chunk: Chunk::Fixed(6), ..Setup::to(&server) }, HELLO).unwrap();
        // A PATCH may find its connection still standing and die on it unseen: then HEAD comes before the next.
        let told: Vec<_> = lines(&server).into_iter().filter(|line| line != "HEAD 200").collect();
        assert_eq!(told, ["OPTIONS 204", "POST 11 201", "PATCH 0+6 204", "PATCH 6+5 204"], "{ending:?}");
        // One request may have died on each connection that stood still.
        assert!(done.stats.retries <= 3, "{}", done.stats.retries);
        assert_stored(&server, &done.url, HELLO);
        assert!(server.violations().is_empty());
    }
}

fn scenario_56_closed_while_idle(api: Api) {
    let server = Arc::new(server());
    let door = Arc::clone(&server);
    let setup = Setup {
        retries: 0,
        on_url: Some(Arc::new(move |_| {
            assert_eq!(door.close_idle_connections(), 1);
            0
        })),
        ..Setup::to(&server)
    };
    let done = api.upload(&setup, HELLO).unwrap();
    assert_eq!((done.stats.retries, done.stats.requests), (0, 3), "nothing was sent in vain");
    assert_story(&server, &["OPTIONS 204", "POST 11 201", "PATCH 0+11 204"], &done.url, HELLO);
    assert_eq!(server.connections(), 2);
}

fn scenario_56_closed_while_idle_again_and_again(api: Api) {
    let server = Arc::new(server());
    let door = Arc::clone(&server);
    let setup = Setup {
        retries: 0,
        chunk: Chunk::Fixed(1),
        before_request: Some(Arc::new(move |_| {
            door.close_idle_connections();
            0
        })),
        ..Setup::to(&server)
    };
    let done = api.upload(&setup, HELLO).unwrap();
    assert_eq!((done.stats.retries, done.stats.requests), (0, 13));
    assert_eq!(server.requests().len(), 13);
    assert_stored(&server, &done.url, HELLO);
    assert_clean(&server);
}

/// The pool outlives an operation.
fn scenario_56_one_connection_for_all(api: Api) {
    let server = server();
    let client = api.client(&Setup::to(&server)).unwrap();
    for _ in 0..5 {
        let done = client.upload(HELLO, &Job::default()).unwrap();
        client.info(&done.url).unwrap();
        client.delete(&done.url).unwrap();
    }
    assert_eq!((server.connections(), server.requests().len()), (1, 21));
    assert_clean(&server);
}

fn scenario_57_chunked_answers(api: Api) {
    let odd = Chunks {
        size: 3,
        extension: ";name=\"a;b\";x".into(),
        trailers: vec![("X-Sum".into(), "1".into()), ("Upload-Offset".into(), "3".into())],
        bad_size: None,
    };
    for chunks in [Chunks::default(), odd] {
        let server = server();
        server.script(Rule::on("POST").body("a body for people").chunked(chunks.clone()));
        server.script(Rule::on("PATCH").status(200).body("another one").chunked(chunks.clone()));
        server.script(Rule::on("PATCH").reply(403).body("no more of this, please").chunked(chunks));
        let client = api.client(&Setup { chunk: Chunk::Fixed(6), ..Setup::to(&server) }).unwrap();
        let error = client.upload(HELLO, &Job::default()).unwrap_err();
        assert_eq!(error.gist(), (Kind::HttpStatus, 403, true));
        assert_eq!(error.body, b"no more of this, please");
        assert_told(&server, &["OPTIONS 204", "POST 11 201", "PATCH 0+6 200", "PATCH 6+5 403", "HEAD 200"]);
        assert!(server.connections() <= 2, "the end of each was found");
    }
}

/// Whatever such an answer said, HEAD says it again.
fn scenario_57_bad_chunk_sizes(api: Api) {
    for bad in ["zz", "-1", "", "fffffffffffffffff", "0x5", "5 5", " "] {
        let server = server();
        let chunks = Chunks { bad_size: Some(bad.into()), ..Chunks::default() };
        server.script(Rule::on("PATCH").status(200).body("a body").chunked(chunks).ending(Ending::Fin));
        let done = api.upload(&Setup::to(&server), HELLO).unwrap();
        assert_stored(&server, &done.url, HELLO);
        let told = lines(&server);
        assert_eq!(told[..3], ["OPTIONS 204", "POST 11 201", "PATCH 0+11 200"], "{bad:?}");
        assert!(told[3..].iter().all(|line| line == "HEAD 200"), "{bad:?}: {told:?}");
        assert_clean(&server);
    }
}

/// T-033.
fn interim_answers_are_skipped(api: Api) {
    let server = server();
    server.script(Rule::on("OPTIONS").interim(At::BeforeAnswer, 103));
    server.script(Rule::on("POST").interim(At::BeforeBody, 100).interim(At::BeforeAnswer, 102));
    let hint = [("Location", "/elsewhere"), ("Upload-Offset", "3"), ("Content-Length", "7")];
    let rule = Rule::on("PATCH").interim(At::BeforeBody, 100).interims(At::Body(5), 102, &hint, 3);
    server.script(rule.interims(At::BeforeAnswer, 104, &hint, 2));
    let done = api.upload(&Setup::to(&server), HELLO).unwrap();
    assert_story(&server, &["OPTIONS 204", "POST 11 201", "PATCH 0+11 204"], &done.url, HELLO);
    assert_eq!(server.connections(), 1);
    server.clear_log();
    server.script(Rule::on("HEAD").interims(At::BeforeAnswer, 102, &[], 5));
    api.resume(&Setup::to(&server), HELLO, &done.url).unwrap();
    assert_told(&server, &["HEAD 200"]);
}

fn interim_answers_without_end(api: Api) {
    let server = server();
    server.script(Rule::on("PATCH").interims(At::BeforeAnswer, 102, &[("X-Fill", "x")], 100_000));
    let setup = Setup { retries: 1, ..Setup::to(&server) };
    let done = api.upload(&setup, HELLO).unwrap();
    assert_stored(&server, &done.url, HELLO);
    let told = lines(&server);
    assert_eq!((told.len(), told[3].as_str()), (4, "HEAD 200"), "given up and asked: {told:?}");
}

fn a_101_nobody_asked_for(api: Api) {
    let server = server();
    server.script(Rule::on("PATCH").forever().raw("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"));
    let error = api.upload(&Setup { retries: 1, ..Setup::to(&server) }, HELLO).unwrap_err();
    assert!(matches!(error.kind, Kind::Protocol | Kind::HttpStatus | Kind::Io), "{error:?}");
    assert!(error.upload_url.is_some());
}

fn bare_line_feeds_and_odd_reasons(api: Api) {
    let server = server();
    server.script(Rule::on("OPTIONS").reason(""));
    server.script(Rule::on("POST").reason("It  is  So: indeed"));
    server.script(Rule::on("PATCH").reason("\u{e9}t\u{e9}"));
    let done = api.upload(&Setup::to(&server), HELLO).unwrap();
    assert_story(&server, &["OPTIONS 204", "POST 11 201", "PATCH 0+11 204"], &done.url, HELLO);
    // Read or refused; never misread.
    server.clear_log();
    server.script(Rule::on("PATCH").bare_lf());
    let done = api.upload(&Setup::to(&server), HELLO).unwrap();
    assert_stored(&server, &done.url, HELLO);
}

/// T-018: tusd says the file's size there, rustus the offset.
fn bodies_where_none_can_be(api: Api) {
    let server = server();
    let url = server.seed(Some(11), b"hello").unwrap();
    server.script(Rule::on("HEAD").header("Content-Length", "1000"));
    server.script(Rule::on("PATCH").header("Content-Length", "11"));
    let client = api.client(&Setup::to(&server)).unwrap();
    client.resume(HELLO, &url, &Job::default()).unwrap();
    assert_story(&server, &["HEAD 200", "PATCH 5+6 204"], &url, HELLO);
    assert_eq!(client.info(&url).unwrap().offset, 11);
    assert_told(&server, &["HEAD 200", "PATCH 5+6 204", "HEAD 200"]);
}

fn answers_that_are_not_http(api: Api) {
    for raw in [
        &b"what?"[..],
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\nno colon here\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\nUpload-Offset: 11\r\nX: \x00\r\n\r\n",
        b"\x16\x03\x01\x00\xa5\x01",
        b"",
    ] {
        let server = server();
        server.script(Rule::on("PATCH").raw(raw).processed());
        let done = api.upload(&Setup::to(&server), HELLO).unwrap();
        let shown = String::from_utf8_lossy(raw);
        assert_eq!(lines(&server), ["OPTIONS 204", "POST 11 201", "PATCH 0+11 -", "HEAD 200"], "{shown}");
        assert_stored(&server, &done.url, HELLO);

        let server = self::server();
        server.script(Rule::on("POST").forever().raw(raw));
        let error = api.upload(&Setup { retries: 1, ..Setup::to(&server) }, HELLO).unwrap_err();
        assert!(matches!(error.kind, Kind::Protocol | Kind::Io), "{shown}: {error:?}");
    }
}

/// Memory and time are bounded, and what the answer says is known where its head was whole.
fn answers_without_end(api: Api) {
    let server = server();
    server.script(Rule::on("PATCH").reply(403).endless_body());
    let error = api.upload(&Setup::to(&server), HELLO).unwrap_err();
    assert_eq!(error.gist(), (Kind::HttpStatus, 403, true));
    assert_eq!(error.body.len(), 64 * 1024);

    server.script(Rule::on("POST").endless_body());
    let done = api.upload(&Setup::to(&server), HELLO).unwrap();
    assert_stored(&server, &done.url, HELLO);

    server.script(Rule::on("PATCH").processed().endless_headers());
    let done = api.upload(&Setup::to(&server), HELLO).unwrap();
    assert_stored(&server, &done.url, HELLO);

    // T-154: asked again it would make another upload each time.
    server.clear_log();
    server.script(Rule::on("POST").forever().endless_headers());
    let error = api.upload(&Setup::to(&server), HELLO).unwrap_err();
    assert_eq!((error.kind, error.retryable), (Kind::Protocol, false), "{error:?}");
    assert_eq!(server.requests().iter().filter(|request| request.method == "POST").count(), 1);
}

/// As many fields as some balancers and applications set.
fn answers_with_many_fields(api: Api) {
    let server = server();
    for method in ["POST", "PATCH"] {
        let large = |rule: Rule, at| rule.add_header(&format!("X-Field-{at}"), &"v".repeat(500));
        server.script((0..200).fold(Rule::on(method), large));
    }
    let done = api.upload(&Setup::to(&server), HELLO).unwrap();
    assert_eq!(done.stats.retries, 0);
    assert_stored(&server, &done.url, HELLO);
}
