//! Real failures, each with its status and its details.

use std::fs;

use tus_test_server::{Certificate, Ending, Options, Rule, Server, TlsOptions};

use crate::story::{How, Story};
use crate::wire::{assert_clean, assert_untouched, assert_uploads, assert_wire};

stories!(valgrind: details; rest: statuses, refused_connection, log, unknown_host, tls, certificate_files, untrusted);

/// What the server does, what is asked of it, and what that becomes: status, HTTP status and method.
struct Failing {
    server: Server,
    operation: &'static str,
    expected: [&'static str; 3],
}

fn failing(rule: Option<Rule>, operation: &'static str, expected: [&'static str; 3]) -> Failing {
    let server = Server::start(Options::default()).unwrap();
    if let Some(rule) = rule {
        server.script(rule.forever());
    }
    Failing { server, operation, expected }
}

/// Every status that a server can cause. Those of sources, callbacks, forks and the like are in stories of their own.
fn all() -> Vec<Failing> {
    let on = |method: &str, status: u32| Some(Rule::on(method).reply(status));
    let small = Options { max_size: Some(3), ..Options::default() };
    vec![
        failing(on("POST", 405), "upload", ["TUS_E_UNSUPPORTED", "405", "POST"]),
        failing(on("DELETE", 501), "delete", ["TUS_E_UNSUPPORTED", "501", "DELETE"]),
        failing(Some(Rule::on("OPTIONS").hang_after_head()), "server", ["TUS_E_TIMEOUT", "0", "OPTIONS"]),
        failing(Some(Rule::on("HEAD").cut_response(0, Ending::Rst)), "info", ["TUS_E_IO", "0", "HEAD"]),
        failing(on("POST", 403), "upload", ["TUS_E_HTTP_STATUS", "403", "POST"]),
        failing(on("POST", 503), "upload", ["TUS_E_HTTP_STATUS", "503", "POST"]),
        failing(on("DELETE", 401), "delete", ["TUS_E_HTTP_STATUS", "401", "DELETE"]),
        failing(on("HEAD", 200), "info", ["TUS_E_PROTOCOL", "200", "HEAD"]),
        failing(on("PATCH", 204), "upload", ["TUS_E_PROTOCOL", "200", "HEAD"]),
        failing(Some(Rule::on("HEAD").raw("what?")), "resume", ["TUS_E_PROTOCOL", "0", "HEAD"]),
        failing(on("PATCH", 409), "upload", ["TUS_E_OFFSET_CONFLICT", "409", "PATCH"]),
        failing(None, "resume", ["TUS_E_GONE", "404", "HEAD"]),
        failing(on("HEAD", 410), "info", ["TUS_E_GONE", "410", "HEAD"]),
        failing(on("HEAD", 423), "resume", ["TUS_E_LOCKED", "423", "HEAD"]),
        failing(on("DELETE", 423), "delete", ["TUS_E_LOCKED", "423", "DELETE"]),
        failing(on("PATCH", 460), "upload", ["TUS_E_HTTP_STATUS", "460", "PATCH"]),
        failing(on("POST", 413), "upload", ["TUS_E_TOO_LARGE", "413", "POST"]),
        Failing {
            server: Server::start(small).unwrap(),
            operation: "upload",
            expected: ["TUS_E_TOO_LARGE", "0", "OPTIONS"],
        },
        failing(on("POST", 412), "upload", ["TUS_E_VERSION", "412", "POST"]),
    ]
}

fn statuses(how: How) {
    let all = all();
    let words = all.iter().flat_map(|failing| {
        let [status, http, method] = failing.expected.map(str::to_owned);
        [failing.server.endpoint(), failing.operation.to_owned(), status, http, method]
    });
    let story = Story::new(how, "failures.c", "statuses").words(words);
    if story.passes() {
        assert_untouched(&story.server);
        for failing in &all {
            assert!(!failing.server.requests().is_empty(), "{:?}", failing.expected);
            // Whatever failed, nothing of it is finished.
            assert!(failing.server.uploads().iter().all(|upload| !upload.finished), "{:?}", failing.expected);
        }
    }
}

fn refused_connection(how: How) {
    let story = Story::new(how, "failures.c", "refused_connection");
    if story.passes() {
        assert_untouched(&story.server);
    }
}

fn unknown_host(how: How) {
    let story = Story::new(how, "failures.c", "unknown_host");
    if story.passes() {
        assert_untouched(&story.server);
    }
}

/// A server with TLS, and the story's words: its URL and the file with its authority.
fn with_tls(story: Story, certificate: Certificate) -> (Server, Story) {
    let tls = TlsOptions { certificate, ..TlsOptions::default() };
    let server = Server::start(Options { tls: Some(tls), ..Options::default() }).unwrap();
    let authority = story.folder.0.join("ca.pem");
    fs::write(&authority, &server.tls().unwrap().ca_pem).unwrap();
    let words = [server.endpoint(), authority.display().to_string()];
    (server, story.words(words))
}

fn tls(how: How) {
    let (server, story) = with_tls(Story::new(how, "failures.c", "tls"), Certificate::Good);
    story.server.script(Rule::on_connection().forever().raw("HTTP/1.1 400 Bad Request\r\n\r\n").ending(Ending::Fin));
    if story.passes() {
        assert_wire(&server, &["OPTIONS 204", "OPTIONS 204"]);
        assert!(story.server.uploads().is_empty());
    }
}

fn certificate_files(how: How) {
    let story = Story::new(how, "failures.c", "certificate_files");
    let server = Server::start(Options { tls: Some(TlsOptions::default()), ..Options::default() }).unwrap();
    let authority = story.folder.0.join("ca.pem");
    fs::write(&authority, &server.tls().unwrap().ca_pem).unwrap();
    let story = story.words([authority.display().to_string()]);
    if story.passes() {
        assert_untouched(&story.server);
    }
}

fn untrusted(how: How) {
    for certificate in [Certificate::Untrusted, Certificate::Expired, Certificate::WrongName] {
        let (server, story) = with_tls(Story::new(how, "failures.c", "untrusted"), certificate);
        if story.passes() {
            assert_wire(&server, &[]);
        }
    }
}

fn details(how: How) {
    let story = Story::new(how, "failures.c", "details");
    let body: Vec<u8> = (0..100_000).map(|at| (at % 251) as u8).collect();
    // Where uploads have a secret in their URLs.
    let secret = tus_test_server::LocationForm::Other("{origin}{path}?token=geheim".to_owned());
    story.server.script(Rule::on("POST").location(secret));
    let refusal = Rule::on("PATCH").nth(2).reply(403).body(body);
    story.server.script(refusal.add_header("X-Twice", "first").add_header("X-Twice", "second"));
    if story.passes() {
        let expected = ["OPTIONS 204", "POST 201", "PATCH 204", "PATCH 403", "HEAD 200", "PATCH 204", "PATCH 204"];
        assert_wire(&story.server, &expected);
        assert!(story.server.requests().iter().all(|request| request.target.ends_with("?token=geheim")));
        assert_uploads(&story.server, &[3000]);
        assert_clean(&story.server);
    }
}

fn log(how: How) {
    let story = Story::new(how, "failures.c", "log");
    story.server.script(Rule::on("POST").reply(401));
    if story.passes() {
        assert_wire(&story.server, &["OPTIONS 204", "POST 401"]);
        assert_clean(&story.server);
    }
}
