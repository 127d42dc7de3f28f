//! Scenario 22: a `Location` on another origin, and what does not go there (T-045, T-150).

use std::sync::{Arc, Mutex};

use tus::error::BrokenRule;
use tus_test_server::{Extensions, LocationForm, Options, Rule, Server, TlsOptions};

use crate::support::api::every_way;
use crate::support::server::{
    assert_clean, assert_stored, assert_story, assert_told, assert_wire, every, server, server_with,
};
use crate::support::{Api, Folder, HELLO, Job, Kind, Setup};

every_way! {
    scenario_22_other_origin_gets_no_credentials,
    scenario_22_allowed_origin_gets_them,
    scenario_22_a_hook_cannot_send_them_either,
    scenario_22_resume_on_another_origin,
    scenario_22_without_an_endpoint,
    scenario_22b_userinfo_in_location_is_not_used,
    scenario_22d_https_read_as_http,
    scenario_22d_https_to_http,
}

/// A server that creates, and one whose upload it points to.
fn pair() -> (Server, Server, String) {
    let (front, store) = (server(), server());
    let url = store.seed(Some(11), b"").unwrap();
    front.script(Rule::on("POST").location(LocationForm::Other(url.clone())));
    (front, store, url)
}

fn with_secrets(server: &Server) -> Setup {
    Setup::to(server)
        .header("Authorization", "Bearer secret")
        .header("Cookie", "session=secret")
        .header("X-Api-Key", "secret")
}

const SECRETS: [&str; 3] = ["Authorization", "Cookie", "X-Api-Key"];

/// Whether each request of the server's log has all of the secrets (true), or none of them (false).
#[track_caller]
fn assert_secrets(server: &Server, there: bool) {
    for name in SECRETS {
        for value in every(server, name) {
            assert_eq!(value.is_some(), there, "{name}");
        }
    }
}

fn scenario_22_other_origin_gets_no_credentials(api: Api) {
    let (front, store, url) = pair();
    let done = api.upload(&with_secrets(&front), HELLO).unwrap();
    assert_eq!(done.url, url);
    assert_told(&front, &["OPTIONS 204", "POST 11 201"]);
    assert_wire(&store, &["PATCH 0+11 204"]);
    assert_stored(&store, &url, HELLO);
    assert_clean(&store);
    assert_secrets(&front, true);
    assert_secrets(&store, false);
    for request in store.requests() {
        let all = format!("{} {:?}", request.target, request.headers);
        assert!(!all.contains("secret"), "{all}");
    }
}

fn scenario_22_allowed_origin_gets_them(api: Api) {
    let (front, store, url) = pair();
    let mut setup = with_secrets(&front);
    setup.allowed_origins.push(format!("{}/anything", store.origin()));
    api.upload(&setup, HELLO).unwrap();
    assert_stored(&store, &url, HELLO);
    assert_secrets(&front, true);
    assert_secrets(&store, true);
    assert_clean(&store);
}

fn scenario_22_a_hook_cannot_send_them_either(api: Api) {
    let (front, store, url) = pair();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&seen);
    let setup = Setup {
        before_request: Some(Arc::new(move |request| {
            let set = request.set_header("X-Token", Some("secret"));
            told.lock().unwrap().push((request.method(), request.is_trusted(), set));
            0
        })),
        ..Setup::to(&front)
    };
    api.upload(&setup, HELLO).unwrap();
    assert_stored(&store, &url, HELLO);
    assert_eq!(
        *seen.lock().unwrap(),
        [
            ("OPTIONS".to_owned(), true, Ok(())),
            ("POST".to_owned(), true, Ok(())),
            ("PATCH".to_owned(), false, Err(Kind::Unsupported)),
        ]
    );
    assert_eq!(every(&front, "X-Token"), [Some("secret".to_owned()), Some("secret".to_owned())]);
    assert_eq!(every(&store, "X-Token"), [None]);
}

/// The URL the caller names is not the endpoint's origin either.
fn scenario_22_resume_on_another_origin(api: Api) {
    let (front, store) = (server(), server());
    let url = store.seed(Some(11), b"hello").unwrap();
    let client = api.client(&with_secrets(&front)).unwrap();
    client.info(&url).unwrap();
    client.resume(HELLO, &url, &Job::default()).unwrap();
    client.delete(&url).unwrap();
    assert_told(&store, &["HEAD 200", "HEAD 200", "PATCH 5+6 204", "OPTIONS 204", "DELETE 204"]);
    assert_secrets(&store, false);
    // What the endpoint can do says nothing of another server.
    let extensions = Extensions { termination: false, ..Extensions::default() };
    let front = server_with(|options| options.extensions = extensions);
    let client = api.client(&with_secrets(&front)).unwrap();
    client.server_info().unwrap();
    store.clear_log();
    client.delete(&store.seed(Some(11), b"").unwrap()).unwrap();
    assert_told(&store, &["OPTIONS 204", "DELETE 204"]);
}

/// A URL that the caller hands over may come from anywhere: it makes its origin none that gets his headers.
fn scenario_22_without_an_endpoint(api: Api) {
    let server = server();
    let setup = Setup { url: None, ..with_secrets(&server) };
    for allowed in [false, true] {
        let setup = match allowed {
            true => Setup { allowed_origins: vec![server.origin().to_owned()], ..setup.clone() },
            false => setup.clone(),
        };
        let url = server.seed(Some(11), b"hello").unwrap();
        let client = api.client(&setup).unwrap();
        client.info(&url).unwrap();
        client.resume(HELLO, &url, &Job::default()).unwrap();
        client.delete(&server.seed(Some(11), b"").unwrap()).unwrap();
        assert_stored(&server, &url, HELLO);
        assert_secrets(&server, allowed);
        server.clear_log();
    }
}

fn scenario_22b_userinfo_in_location_is_not_used(api: Api) {
    let server = server();
    let location = server.origin().replace("://", "://eve:secret@");
    server.script(Rule::on("POST").location(LocationForm::Other(format!("{location}{{path}}"))));
    let done = api.upload(&Setup::to(&server), HELLO).unwrap();
    assert!(!done.url.contains('@'), "{}", done.url);
    assert_stored(&server, &done.url, HELLO);
    for request in server.requests() {
        let all = format!("{} {:?}", request.target, request.headers);
        assert!(!all.contains("secret") && !all.contains("eve"), "{all}");
        assert_eq!(request.header("Authorization"), None);
    }
    assert_clean(&server);
}

/// tusd behind a TLS proxy, without `-behind-proxy`: of a URL of the same host and port the scheme alone is wrong.
fn scenario_22d_https_read_as_http(api: Api) {
    let secure = Server::start(Options { tls: Some(TlsOptions::default()), ..Options::default() }).unwrap();
    let folder = Folder::new();
    let ca_file = folder.file("ca.pem", secure.tls().unwrap().ca_pem.as_bytes());
    let location = secure.origin().replace("https", "http");
    secure.script(Rule::on("POST").location(LocationForm::Other(format!("{location}{{path}}"))));
    let setup = Setup { ca_file: Some(ca_file), ..Setup::to(&secure) }.header("Authorization", "Bearer x");
    let done = api.upload(&setup, HELLO).unwrap();
    assert!(done.url.starts_with("https://"), "{}", done.url);
    assert_story(&secure, &["OPTIONS 204", "POST 11 201", "PATCH 0+11 204"], &done.url, HELLO);
    assert_eq!(secure.requests()[2].header("Authorization"), Some("Bearer x"));
}

/// Another host or port is one that was never meant to be reached in the clear.
fn scenario_22d_https_to_http(api: Api) {
    let secure = Server::start(Options { tls: Some(TlsOptions::default()), ..Options::default() }).unwrap();
    let folder = Folder::new();
    let ca_file = folder.file("ca.pem", secure.tls().unwrap().ca_pem.as_bytes());
    let plain = server();
    for location in ["http://127.0.0.1".to_owned(), plain.origin().to_owned()] {
        secure.clear_log();
        secure.script(Rule::on("POST").location(LocationForm::Other(format!("{location}{{path}}"))));
        let error = api.upload(&Setup { ca_file: Some(ca_file.clone()), ..Setup::to(&secure) }, HELLO).unwrap_err();
        error.assert_broke(BrokenRule::InsecureLocation);
        error.assert_says("proxy");
        assert_told(&secure, &["OPTIONS 204", "POST 11 201"]);
    }
    assert!(plain.requests().is_empty() && plain.connections() == 0);
}
