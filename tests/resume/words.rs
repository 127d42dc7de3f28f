//! What others say stands in messages and in the log only as far as it is fit for it, and ids of requests and uploads as far
//! as they are to be seen there.

use std::sync::{Arc, Mutex};

use tus::engine::client::Client;
use tus::engine::config::Config;
use tus::engine::log::Level;
use tus::error::Error;
use tus::source::Source;
use tus_test_server::{Ending, Rule, Server};

use crate::fixture::*;

const SECRET: &str = "c2VjcmV0LXRva2Vu";

/// How an upload fails, and all that was logged meanwhile.
fn failed(config: &Config) -> (Error, Vec<String>) {
    let mut config = config.clone();
    let log = logged(&mut config, Level::Debug);
    let client = Client::new(config).unwrap();
    let error = client.upload(&mut Source::memory(noise(2000, 40)), &options()).unwrap_err();
    let mut lines = log.lock().unwrap().clone();
    lines.push(error.full_message());
    (error, lines)
}

#[track_caller]
fn assert_fit(lines: &[String]) {
    for line in lines {
        assert!(!line.contains(SECRET), "{line}");
        assert!(line.len() < 1000, "{line}");
        let hostile = |c: char| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c);
        assert!(!line.contains(hostile), "{line:?}");
    }
}

/// A server that shows what it was asked, in whatever place an answer has.
#[test]
fn what_a_server_repeats_of_the_request_is_not_shown() {
    let said = format!("bad: Authorization: Bearer {SECRET}\u{202e}");
    let long = format!("\u{9b}31m {SECRET} {}", "9".repeat(30_000));
    for method in ["OPTIONS", "POST", "PATCH"] {
        for status in [204, 400, 412] {
            let server = server();
            let rule =
                Rule::on(method).forever().status(status).header("Tus-Version", &long).add_header("Server", &long);
            server.script(rule.header("Tus-Resumable", &long).body(said.as_bytes()));
            let mut config = config_to(&server.endpoint());
            config.set_header("Authorization", Some(&format!("Bearer {SECRET}"))).unwrap();
            let mut lines = Vec::new();
            let client_log = logged(&mut config, Level::Debug);
            let client = Client::new(config).unwrap();
            match client.upload(&mut Source::memory(noise(2000, 41)), &options()) {
                Ok(info) => lines.extend(info.warnings.into_iter().map(|warning| warning.text)),
                Err(error) => {
                    lines.push(error.full_message());
                    lines.extend(error.warnings().iter().map(|warning| warning.text.clone()));
                }
            }
            lines.extend(client_log.lock().unwrap().iter().cloned());
            assert_fit(&lines);
        }
    }
}

#[test]
fn the_body_itself_is_left_as_it_is() {
    let server = server();
    let said = format!("Authorization: Bearer {SECRET}");
    server.script(Rule::on("POST").forever().reply(400).body(said.as_bytes()));
    let mut config = config_to(&server.endpoint());
    config.set_header("Authorization", Some(&format!("Bearer {SECRET}"))).unwrap();
    let (error, lines) = failed(&config);
    assert_fit(&lines);
    assert!(error.full_message().contains("the server says: Authorization: [secret]"), "{error:?}");
    assert_eq!(error.answer().unwrap().body, said.as_bytes());
}

/// Also those that a hook has added to one request, and a password in the URL.
#[test]
fn headers_of_hooks_and_of_the_url_are_the_callers_too() {
    let server = server();
    let said = format!("{SECRET} and pa55word");
    server.script(Rule::on("POST").forever().reply(400).body(said.as_bytes()));
    let mut config = config_to(&server.endpoint().replace("http://", "http://al:pa55word@"));
    config.hooks_mut().before_request = Some(Arc::new(|request| {
        request.set_header("X-Key", Some(SECRET)).unwrap();
        Ok(())
    }));
    let (error, lines) = failed(&config);
    assert_fit(&lines);
    assert!(error.full_message().contains("the server says: [secret] and [secret]"), "{error:?}");
}

fn id_of_the_only_upload(server: &Server) -> String {
    server.uploads()[0].id.clone()
}

#[test]
fn ids_of_uploads_are_hidden_unless_they_are_asked_for() {
    let server = server();
    server.script(Rule::on("PATCH").forever().reply(403));
    let mut config = config_to(&server.endpoint());
    let (error, lines) = failed(&config);
    let id = id_of_the_only_upload(&server);
    assert!(lines.iter().all(|line| !line.contains(&id)), "{lines:#?}");
    assert!(error.upload_url().unwrap().as_str().contains(&id));
    assert!(error.request().unwrap().url.as_str().contains(&id));

    server.clear_script();
    server.script(Rule::on("PATCH").forever().reply(403));
    config.set_show_urls(true);
    let (error, lines) = failed(&config);
    let url = error.upload_url().unwrap().as_str();
    assert!(error.full_message().contains(url), "{error:?}");
    assert!(lines.iter().filter(|line| line.contains(url)).count() >= 3, "{lines:#?}");
}

#[test]
fn a_page_that_names_the_upload_does_not_put_its_id_into_the_message() {
    let server = server();
    let client = Client::new(config_to(&server.endpoint())).unwrap();
    let url = format!("{}0123456789abcdef?sig=geheim-123", server.endpoint());
    server.script(Rule::on("HEAD").forever().reply(403));
    server.script(Rule::on("PATCH").forever().reply(403).body(b"no 0123456789abcdef here"));
    let error = client.resume_upload(&mut Source::memory("x"), &url, &options()).unwrap_err();
    let message = error.full_message();
    assert!(!message.contains("0123456789abcdef") && !message.contains("geheim"), "{message}");
}

/// Whoever set it: the one in the error is that of the request that failed.
#[test]
fn the_id_of_the_failed_request_is_in_error_and_log() {
    for broken in [false, true] {
        let server = server();
        server.script(match broken {
            false => Rule::on("PATCH").forever().reply(403),
            true => Rule::on("PATCH").forever().cut_request(0, Ending::Rst),
        });
        let mut config = config_to(&server.endpoint());
        config.set_add_request_id(true);
        let (error, lines) = failed(&config);
        let requests = server.requests();
        let id = error.request_id().expect("an id");
        let of_it = requests.iter().find(|request| request.header("X-Request-ID") == Some(id)).expect("its request");
        assert_eq!(of_it.effective_method, error.request().unwrap().method);
        assert!(error.full_message().contains(id));
        for request in &requests {
            let id = request.header("X-Request-ID").unwrap();
            assert!(lines.iter().any(|line| line.contains(id)), "{id} in {lines:#?}");
        }
    }
}

/// Headers of one upload: with all of its requests and with no other's, in place of the client's, and not to strangers.
#[test]
fn headers_of_one_upload_go_with_its_requests_only() {
    let (server, stranger) = (server(), server());
    let folder = Folder::new();
    let mut config = config_to(&server.endpoint());
    config.set_header("X-Kind", Some("any")).unwrap();
    let client = Client::new(config).unwrap();
    let path = settled(&folder, "a", &noise(6000, 42));
    for parts in [1, 2] {
        let mut own = in_parts(parts);
        own.set_header("x-kind", Some("mine")).unwrap();
        own.set_header("X-Upsert", Some("true")).unwrap();
        client.upload(&mut Source::file(&path).unwrap(), &own).unwrap();
        let kinds = |server: &Server| {
            let seen = server.requests().into_iter();
            seen.map(|request| {
                let header = |name| request.header(name).unwrap_or("-").to_owned();
                (header("X-Kind"), header("X-Upsert"))
            })
            .collect::<Vec<_>>()
        };
        let mine = ("mine".to_owned(), "true".to_owned());
        assert!(kinds(&server).iter().all(|seen| *seen == mine), "{:?}", kinds(&server));
        server.clear_log();
        client.upload(&mut Source::memory("other"), &options()).unwrap();
        assert!(kinds(&server).iter().all(|seen| *seen == ("any".to_owned(), "-".to_owned())));
        server.clear_log();
    }
    // T-150.
    let mut own = options();
    own.set_header("X-Upsert", Some("true")).unwrap();
    let url = stranger.seed(Some(5), b"").unwrap();
    let _ = client.resume_upload(&mut Source::memory("other"), &url, &own);
    assert!(stranger.requests().iter().all(|request| request.header("X-Upsert").is_none()));
    assert!(options().set_header("Upload-Offset", Some("1")).is_err());
}

/// The messages of a warning name no upload either; its URL does.
#[test]
fn warnings_name_uploads_by_their_url_alone() {
    let server = server();
    server.script(Rule::on("PATCH").nth(2).reply(404));
    let lines: Arc<Mutex<Vec<String>>> = Arc::default();
    let mut config = config_to(&server.endpoint());
    let into = Arc::clone(&lines);
    config.hooks_mut().on_upload_url = Some(Arc::new(move |url| {
        into.lock().unwrap().push(id_of(url.as_str()).to_owned());
        Ok(())
    }));
    let client = Client::new(config).unwrap();
    let done = client.upload(&mut Source::memory(noise(3000, 43)), &options()).unwrap();
    let ids = lines.lock().unwrap();
    assert_eq!(ids.len(), 2);
    for warning in &done.warnings {
        assert!(ids.iter().all(|id| !warning.text.contains(id)), "{warning:?}");
    }
    assert_eq!(id_of(done.warnings[0].url.as_ref().unwrap().as_str()), ids[0]);
}
