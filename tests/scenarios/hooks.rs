//! The caller's functions: what they see, and what they may change, refuse or end.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tus_test_server::{Ending, LocationForm, Rule};

use crate::support::api::every_way;
use crate::support::hooks::{OnUrl, Outgoing};
use crate::support::server::{assert_clean, assert_stored, assert_story, assert_told, assert_wire, every, server};
use crate::support::{Api, Chunk, HELLO, Job, Kind, Setup};

every_way! {
    before_request_sees_every_request,
    before_request_changes_headers,
    before_request_is_refused_the_librarys_headers,
    before_request_ends_the_operation,
    after_response_sees_every_answer,
    after_response_ends_the_operation,
    on_upload_url_comes_before_the_data,
    on_upload_url_ends_the_operation,
    on_upload_url_of_one_upload,
    log_tells_the_story_and_no_secret,
}

type Notes<T> = Arc<Mutex<Vec<T>>>;

fn before_request_sees_every_request(api: Api) {
    let server = server();
    server.script(Rule::on("POST").reply(503));
    server.script(Rule::on("PATCH").cut_body(4, Ending::Rst));
    server.script(Rule::on("HEAD").reply(307).header("Location", "?v=2"));
    let notes: Notes<String> = Arc::default();
    let seen = Arc::clone(&notes);
    let hook = move |request: &mut dyn Outgoing| {
        let path = request.url().split('/').skip(4).collect::<Vec<_>>().join("/");
        let query = if path.contains('?') { "?" } else { "" };
        let offset = request.header("upload-offset").unwrap_or_default();
        seen.lock().unwrap().push(format!("{}{query} {offset}", request.method()).trim().to_owned());
        0
    };
    let setup = Setup { before_request: Some(Arc::new(hook)), ..Setup::to(&server) };
    let client = api.client(&setup).unwrap();
    let done = client.upload(HELLO, &Job::default()).unwrap();
    client.delete(&done.url).unwrap();
    assert_eq!(*notes.lock().unwrap(), ["OPTIONS", "POST", "POST", "PATCH 0", "HEAD", "HEAD?", "PATCH 4", "DELETE"]);
    assert_eq!(server.requests().len(), 8, "as many as went over the wire");
    assert_clean(&server);
}

fn before_request_changes_headers(api: Api) {
    let server = server();
    server.script(Rule::on("PATCH").reply(503));
    let count = AtomicUsize::new(0);
    let hook = move |request: &mut dyn Outgoing| {
        assert_eq!(request.header("x-fixed").as_deref(), Some("1"));
        let number = count.fetch_add(1, Ordering::SeqCst).to_string();
        request.set_header("X-Number", Some("overwritten")).unwrap();
        request.set_header("x-number", Some(&number)).unwrap();
        request.set_header("Authorization", Some(&format!("Bearer {number}"))).unwrap();
        assert_eq!(request.header("X-Number"), Some(number.clone()));
        if number == "2" {
            request.set_header("X-Fixed", None).unwrap();
        }
        0
    };
    let setup = Setup { before_request: Some(Arc::new(hook)), ..Setup::to(&server) };
    let done = api.upload(&setup.header("X-Fixed", "1").header("Authorization", "Bearer old"), HELLO).unwrap();
    let some = |values: &[&str]| values.iter().map(|value| Some((*value).to_owned())).collect::<Vec<_>>();
    assert_eq!(every(&server, "X-Number"), some(&["0", "1", "2", "3", "4"]));
    assert_eq!(every(&server, "Authorization"), some(&["Bearer 0", "Bearer 1", "Bearer 2", "Bearer 3", "Bearer 4"]));
    let fixed: Vec<_> = every(&server, "X-Fixed").iter().map(Option::is_some).collect();
    assert_eq!(fixed, [true, true, false, true, true], "a change is for one request");
    for request in server.requests() {
        assert_eq!(request.header_all("X-Number").len(), 1);
        assert_eq!(request.header_all("Authorization").len(), 1);
    }
    assert_stored(&server, &done.url, HELLO);
    assert_clean(&server);
}

/// Scenario 70: names that carry the protocol or the message, and values that would end a field.
const REFUSED: [(&str, &str); 18] = [
    ("Tus-Resumable", "0.2.2"),
    ("tus-version", "x"),
    ("Upload-Offset", "5"),
    ("upload-length", "5"),
    ("UPLOAD-METADATA", "x eA=="),
    ("Content-Length", "0"),
    ("Content-Type", "text/plain"),
    ("Host", "elsewhere"),
    ("Transfer-Encoding", "chunked"),
    ("Connection", "close"),
    ("Expect", "100-continue"),
    ("X-HTTP-Method-Override", "DELETE"),
    ("", "x"),
    ("a b", "x"),
    ("a:b", "x"),
    ("X-A\r\nX-B", "x"),
    ("X-A", "a\r\nX-B: b"),
    ("X-A", "a\nb"),
];

fn before_request_is_refused_the_librarys_headers(api: Api) {
    let server = server();
    let hook = |request: &mut dyn Outgoing| {
        let before = ["Tus-Resumable", "Upload-Offset", "Content-Type"].map(|name| request.header(name));
        for (name, value) in REFUSED {
            assert_eq!(request.set_header(name, Some(value)), Err(Kind::InvalidArgument), "{name:?}: {value:?}");
        }
        assert_eq!(request.set_header("Tus-Resumable", None), Err(Kind::InvalidArgument));
        assert_eq!(["Tus-Resumable", "Upload-Offset", "Content-Type"].map(|name| request.header(name)), before);
        0
    };
    let setup = Setup { before_request: Some(Arc::new(hook)), ..Setup::to(&server) };
    let done = api.upload(&setup, HELLO).unwrap();
    assert_story(&server, &["OPTIONS 204", "POST 11 201", "PATCH 0+11 204"], &done.url, HELLO);
    assert!(every(&server, "X-A").iter().all(Option::is_none));

    // Neither before nor after a client is made.
    let client = api.client(&Setup::to(&server)).unwrap();
    for (name, value) in REFUSED {
        let error = api.client(&Setup::to(&server).header(name, value)).err().unwrap();
        assert_eq!(error.kind, Kind::InvalidArgument, "{name:?}: {value:?}");
        let error = client.set_header(name, Some(value)).unwrap_err();
        assert_eq!(error.kind, Kind::InvalidArgument, "{name:?}: {value:?}");
    }
}

fn before_request_ends_the_operation(api: Api) {
    for (method, story, known) in [
        ("OPTIONS", &[][..], false),
        ("POST", &["OPTIONS 204"], false),
        ("PATCH", &["OPTIONS 204", "POST 11 201"], true),
    ] {
        let server = server();
        let hook = move |request: &mut dyn Outgoing| {
            if request.method() == method { 77 } else { 0 }
        };
        let setup = Setup { before_request: Some(Arc::new(hook)), ..Setup::to(&server) };
        let error = api.upload(&setup, HELLO).unwrap_err();
        assert_eq!((error.gist(), error.code), ((Kind::Callback, 0, known), 77));
        assert_told(&server, story);
    }
}

fn after_response_sees_every_answer(api: Api) {
    let server = server();
    server.script(Rule::on("POST").reply(503).body("busy"));
    server.script(Rule::on("HEAD").reply(307).header("Location", "?v=2"));
    server.script(Rule::on("PATCH").cut_response(7, Ending::Fin));
    server.script(Rule::on("PATCH").reply(403).body("enough"));
    let notes: Notes<String> = Arc::default();
    let seen = Arc::clone(&notes);
    let setup = Setup {
        chunk: Chunk::Fixed(6),
        after_response: Some(Arc::new(move |answered| {
            assert!(answered.url.starts_with("http://"), "{answered:?}");
            let body = String::from_utf8_lossy(&answered.body);
            let offset = answered.offset.as_deref().unwrap_or_default();
            seen.lock().unwrap().push(format!("{} {} {offset}{body}", answered.method, answered.status));
            0
        })),
        ..Setup::to(&server)
    };
    let error = api.upload(&setup, HELLO).unwrap_err();
    assert_eq!(error.gist(), (Kind::HttpStatus, 403, true));
    // What brought no answer is not told.
    assert_eq!(
        *notes.lock().unwrap(),
        ["OPTIONS 204 ", "POST 503 busy", "POST 201 ", "HEAD 307 ", "HEAD 200 6", "PATCH 403 enough", "HEAD 200 6"]
    );
    assert_clean(&server);
}

fn after_response_ends_the_operation(api: Api) {
    for (method, story, known) in
        [("OPTIONS", &["OPTIONS 204"][..], false), ("PATCH", &["OPTIONS 204", "POST 11 201", "PATCH 0+4 204"], true)]
    {
        let server = server();
        let setup = Setup {
            chunk: Chunk::Fixed(4),
            after_response: Some(Arc::new(move |answered| if answered.method == method { -5 } else { 0 })),
            ..Setup::to(&server)
        };
        let error = api.upload(&setup, HELLO).unwrap_err();
        assert_eq!((error.gist(), error.code), ((Kind::Callback, 0, known), -5));
        assert_told(&server, story);
        if let Some(url) = &error.upload_url {
            api.resume(&Setup::to(&server), HELLO, url).unwrap();
            assert_stored(&server, url, HELLO);
        }
    }
}

fn on_upload_url_comes_before_the_data(api: Api) {
    let server = Arc::new(server());
    let log = Arc::clone(&server);
    let notes: Notes<(String, usize)> = Arc::default();
    let seen = Arc::clone(&notes);
    let setup = Setup {
        on_url: Some(Arc::new(move |url| {
            seen.lock().unwrap().push((url.to_owned(), log.requests().len()));
            0
        })),
        ..Setup::to(&server)
    };
    server.script(Rule::on("POST").location(LocationForm::Relative));
    let done = api.upload(&setup, HELLO).unwrap();
    assert_eq!(*notes.lock().unwrap(), [(done.url.clone(), 2)], "absolute, after OPTIONS and POST, once");
    assert_stored(&server, &done.url, HELLO);
}

fn on_upload_url_ends_the_operation(api: Api) {
    let server = server();
    let setup = Setup { on_url: Some(Arc::new(|_| 9)), ..Setup::to(&server) };
    let error = api.upload(&setup, HELLO).unwrap_err();
    assert_eq!((error.gist(), error.code), ((Kind::Callback, 0, true), 9));
    assert_told(&server, &["OPTIONS 204", "POST 11 201"]);
    api.resume(&Setup::to(&server), HELLO, error.upload_url.as_deref().unwrap()).unwrap();
}

/// Instead of the client's.
fn on_upload_url_of_one_upload(api: Api) {
    let server = server();
    let notes: Notes<&str> = Arc::default();
    let note = |word| {
        let notes = Arc::clone(&notes);
        let hook: OnUrl = Arc::new(move |_: &str| {
            notes.lock().unwrap().push(word);
            0
        });
        Some(hook)
    };
    let client = api.client(&Setup { on_url: note("client"), ..Setup::to(&server) }).unwrap();
    client.upload(HELLO, &Job { on_url: note("upload"), ..Job::default() }).unwrap();
    client.upload(HELLO, &Job::default()).unwrap();
    assert_eq!(*notes.lock().unwrap(), ["upload", "client"]);
}

fn log_tells_the_story_and_no_secret(api: Api) {
    let server = server();
    server.script(Rule::on("POST").location(LocationForm::Other("{path}?sig=secret-query".into())));
    server.script(Rule::on("PATCH").reply(503));
    let notes: Notes<(u8, String)> = Arc::default();
    let seen = Arc::clone(&notes);
    let setup = Setup {
        log: Some(Arc::new(move |level, line: &str| seen.lock().unwrap().push((level, line.to_owned())))),
        ..Setup::url(&server.endpoint().replace("://", "://al:secret-word@"))
    };
    let setup = setup.header("Authorization", "Bearer secret-token");
    let job = Job::default().text("filename", "secret-name");
    api.client(&setup).unwrap().upload(HELLO, &job).unwrap();
    assert_wire(&server, &["OPTIONS 204", "POST 11 201", "PATCH 0+11 503", "HEAD 200", "PATCH 0+11 204"]);
    let notes = notes.lock().unwrap();
    let all: String = notes.iter().map(|(level, line)| format!("{level} {line}\n")).collect();
    assert!(!all.contains("secret"), "{all}");
    for expected in ["POST", "HEAD", "PATCH", "503"] {
        assert!(all.contains(expected), "{expected} is not in\n{all}");
    }
    for level in [2, 3, 4] {
        assert!(notes.iter().any(|(have, _)| *have == level), "nothing of level {level} in\n{all}");
    }
}
