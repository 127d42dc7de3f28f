//! Scenarios 41 to 45: redirects that are followed, and those that are not (T-151).

use tus::error::BrokenRule;
use tus::protocol::session::CreationData;
use tus_test_server::{LocationForm, Options, Rule, Server, TlsOptions};

use crate::support::api::every_way;
use crate::support::server::{assert_stored, assert_story, assert_told, assert_wire, every, lines, server};
use crate::support::{Api, Folder, HELLO, Job, Setup, noise};

every_way! {
    scenario_41_head,
    scenario_41_patch,
    scenario_41_delete_and_options,
    scenario_41_location_is_relative_to_where_it_came_from,
    scenario_41_patch_redirected_while_sending,
    scenario_41_other_origin_gets_no_credentials,
    scenario_41_back_home_they_come_again,
    scenario_42_other_redirects_of_data,
    scenario_42_head_follows_the_old_ones,
    scenario_43_loops,
    scenario_43_chains,
    scenario_44_https_to_http,
    scenario_45_no_usable_target;
    // A `tus_uploader` sends no data with a creation.
    not chunkwise:
    scenario_41_post,
}

/// A rule that sends a request on.
fn to(method: &str, status: u32, target: &str) -> Rule {
    Rule::on(method).reply(status).header("Location", target)
}

fn scenario_41_post(api: Api) {
    for status in [307, 308] {
        let server = server();
        server.script(to("POST", status, "?v=2"));
        let job = Job::default().text("name", "x");
        let client = api.client(&Setup::to(&server).header("X-Key", "k")).unwrap();
        let done = client.upload(HELLO, &job).unwrap();
        let posted = format!("POST 11 {status}");
        assert_story(&server, &["OPTIONS 204", &posted, "POST 11 201", "PATCH 0+11 204"], &done.url, HELLO);
        let requests = server.requests();
        assert_eq!(requests[2].target, "/files/?v=2");
        for name in ["Tus-Resumable", "Upload-Length", "Upload-Metadata", "Content-Length", "X-Key"] {
            assert!(requests[2].header(name).is_some(), "{name}");
            assert_eq!(requests[2].header(name), requests[1].header(name), "{name}");
        }
    }
    // With data.
    let server = Server::start(Options::default()).unwrap();
    server.script(to("POST", 307, "/files/?v=2"));
    let setup = Setup { upload_with_creation: CreationData::On, ..Setup::to(&server) };
    let done = api.upload(&setup, HELLO).unwrap();
    assert_story(&server, &["OPTIONS 204", "POST 11+11 307", "POST 11+11 201"], &done.url, HELLO);
}

fn scenario_41_head(api: Api) {
    for status in [301, 302, 307, 308] {
        let server = server();
        let url = server.seed(Some(11), b"hello").unwrap();
        server.script(to("HEAD", status, "?v=2"));
        let done = api.resume(&Setup::to(&server), HELLO, &url).unwrap();
        assert_eq!(done.url, url, "the upload stays where it was named");
        let headed = format!("HEAD {status}");
        assert_story(&server, &[&headed, "HEAD 200", "PATCH 5+6 204"], &url, HELLO);
        assert_eq!(server.requests()[1].target, format!("/files/{}?v=2", done.id()));
        assert_eq!(server.requests()[1].header("Tus-Resumable"), Some("1.0.0"));
    }
}

fn scenario_41_patch(api: Api) {
    for status in [307, 308] {
        let server = server();
        let url = server.seed(Some(11), b"hello").unwrap();
        server.script(to("PATCH", status, &format!("{url}?v=2")));
        api.resume(&Setup::to(&server), HELLO, &url).unwrap();
        let patched = format!("PATCH 5+6 {status}");
        assert_story(&server, &["HEAD 200", &patched, "PATCH 5+6 204"], &url, HELLO);
        let requests = server.requests();
        assert_eq!(requests[1].body, requests[2].body);
        for name in ["Tus-Resumable", "Upload-Offset", "Content-Type", "Content-Length"] {
            assert_eq!(requests[2].header(name), requests[1].header(name), "{name}");
        }
    }
}

fn scenario_41_delete_and_options(api: Api) {
    let server = server();
    let url = server.seed(Some(11), b"hello").unwrap();
    server.script(to("OPTIONS", 308, "?v=2"));
    server.script(to("DELETE", 307, "?v=2"));
    api.client(&Setup::to(&server)).unwrap().delete(&url).unwrap();
    assert_told(&server, &["OPTIONS 308", "OPTIONS 204", "DELETE 307", "DELETE 204"]);
    assert!(server.uploads().is_empty());
    // Where an OPTIONS leads is of no use if it cannot be followed, and no harm either (T-006).
    server.clear_log();
    server.script(to("OPTIONS", 303, "?v=2"));
    let done = api.upload(&Setup::to(&server), HELLO).unwrap();
    assert_story(&server, &["OPTIONS 303", "POST 11 201", "PATCH 0+11 204"], &done.url, HELLO);
}

/// T-044: after a redirect the base is another one.
fn scenario_41_location_is_relative_to_where_it_came_from(api: Api) {
    let (front, store) = (server(), server());
    front.script(to("POST", 307, &store.endpoint()));
    store.script(Rule::on("POST").location(LocationForm::Relative));
    let done = api.upload(&Setup::to(&front), HELLO).unwrap();
    assert!(done.url.starts_with(store.origin()), "{}", done.url);
    assert_told(&front, &["OPTIONS 204", "POST 11 307"]);
    assert_story(&store, &["POST 11 201", "PATCH 0+11 204"], &done.url, HELLO);
}

/// The body is read again from its beginning, from wherever the first try had come to.
fn scenario_41_patch_redirected_while_sending(api: Api) {
    let bytes = noise(5_000_000, 8);
    let folder = Folder::new();
    let path = folder.file("data", &bytes);
    for early in [0, 1, 100_000] {
        let server = server();
        server.script(to("PATCH", 307, "?v=2").early(early));
        let done = api.upload(&Setup::to(&server), &path).unwrap();
        let story = ["OPTIONS 204", "POST 5000000 201", "PATCH 0+5000000 307", "PATCH 0+5000000 204"];
        assert_story(&server, &story, &done.url, &bytes);
    }
}

fn scenario_41_other_origin_gets_no_credentials(api: Api) {
    for method in ["POST", "HEAD", "PATCH"] {
        let (front, store) = (server(), server());
        let near = front.seed(Some(11), b"hello").unwrap();
        let far = store.seed(Some(11), b"hello").unwrap();
        let target = if method == "POST" { store.endpoint() } else { far.clone() };
        let setup = Setup::to(&front)
            .header("Authorization", "Bearer secret")
            .header("Cookie", "session=secret")
            .header("X-Api-Key", "secret");
        front.script(to(method, 307, &target));
        match method {
            "POST" => drop(api.upload(&setup, HELLO).unwrap()),
            _ => drop(api.resume(&setup, HELLO, &near).unwrap()),
        }
        assert!(!store.requests().is_empty());
        for name in ["Authorization", "Cookie", "X-Api-Key"] {
            assert!(every(&front, name).iter().all(Option::is_some), "{name} at home");
            assert!(every(&store, name).iter().all(Option::is_none), "{name} abroad");
        }
        for request in store.requests() {
            assert!(!format!("{:?}", request.headers).contains("secret"));
        }
        assert!(front.violations().is_empty() && store.violations().is_empty());
    }
}

/// Whether credentials go is asked anew at each step.
fn scenario_41_back_home_they_come_again(api: Api) {
    let (front, other) = (server(), server());
    let url = front.seed(Some(11), b"hello").unwrap();
    let far = other.seed(Some(11), b"").unwrap();
    front.script(to("HEAD", 307, &far));
    other.script(to("HEAD", 307, &format!("{url}?back")));
    let setup = Setup::to(&front).header("Authorization", "Bearer secret");
    api.resume(&setup, HELLO, &url).unwrap();
    assert_wire(&other, &["HEAD 307"]);
    assert_eq!(every(&other, "Authorization"), [None]);
    assert!(every(&front, "Authorization").iter().all(Option::is_some));
    assert_story(&front, &["HEAD 307", "HEAD 200", "PATCH 5+6 204"], &url, HELLO);
}

/// Other clients make a GET of them and take its 200 for success.
fn scenario_42_other_redirects_of_data(api: Api) {
    for status in [301, 302, 303] {
        let server = server();
        server.script(to("POST", status, "?v=2"));
        let error = api.upload(&Setup::to(&server), HELLO).unwrap_err();
        error.assert_broke(BrokenRule::BadRedirect);
        assert_eq!((u32::from(error.status), error.upload_url), (status, None));
        let refused = format!("POST 11 {status}");
        assert_told(&server, &["OPTIONS 204", &refused]);

        server.clear_log();
        server.script(to("PATCH", status, "?v=2"));
        let error = api.upload(&Setup::to(&server), HELLO).unwrap_err();
        error.assert_broke(BrokenRule::BadRedirect);
        let url = error.upload_url.unwrap();
        let refused = format!("PATCH 0+11 {status}");
        assert_told(&server, &["OPTIONS 204", "POST 11 201", &refused]);

        server.clear_log();
        server.script(to("DELETE", status, "?v=2"));
        let error = api.client(&Setup::to(&server)).unwrap().delete(&url).unwrap_err();
        error.assert_broke(BrokenRule::BadRedirect);
        let refused = format!("DELETE {status}");
        assert_told(&server, &["OPTIONS 204", &refused]);
    }
}

fn scenario_42_head_follows_the_old_ones(api: Api) {
    let server = server();
    let url = server.seed(Some(11), b"hello").unwrap();
    server.script(to("HEAD", 303, "?v=2"));
    let error = api.resume(&Setup::to(&server), HELLO, &url).unwrap_err();
    error.assert_broke(BrokenRule::BadRedirect);
    assert_told(&server, &["HEAD 303"]);
}

fn scenario_43_loops(api: Api) {
    // To itself.
    let server = server();
    server.script(to("POST", 307, "").header("Location", &server.endpoint()));
    let error = api.upload(&Setup::to(&server), HELLO).unwrap_err();
    error.assert_broke(BrokenRule::TooManyRedirects);
    assert_told(&server, &["OPTIONS 204", "POST 11 307"]);
    // A to B to A.
    let (a, b) = (self::server(), self::server());
    let here = a.seed(Some(11), b"hello").unwrap();
    let there = b.seed(Some(11), b"hello").unwrap();
    a.script(to("PATCH", 307, &there));
    b.script(to("PATCH", 307, &here));
    let error = api.resume(&Setup::to(&a), HELLO, &here).unwrap_err();
    error.assert_broke(BrokenRule::TooManyRedirects);
    assert_eq!(error.upload_url.as_deref(), Some(here.as_str()));
    assert_told(&a, &["HEAD 200", "PATCH 5+6 307"]);
    assert_told(&b, &["PATCH 5+6 307"]);
}

fn scenario_43_chains(api: Api) {
    for (length, works) in [(5, true), (6, false), (20, false)] {
        let server = server();
        for step in 0..length {
            server.script(to("POST", 308, &format!("?step={step}")));
        }
        let result = api.upload(&Setup::to(&server), HELLO);
        let posts = lines(&server).iter().filter(|line| line.starts_with("POST")).count();
        match result {
            Ok(done) => {
                assert_stored(&server, &done.url, HELLO);
                assert!(works && posts == 6, "{length}");
            }
            Err(error) => {
                error.assert_broke(BrokenRule::TooManyRedirects);
                assert!(!works && posts == 6, "{length}: {posts}");
            }
        }
    }
}

fn scenario_44_https_to_http(api: Api) {
    let secure = Server::start(Options { tls: Some(TlsOptions::default()), ..Options::default() }).unwrap();
    let plain = server();
    let folder = Folder::new();
    let ca_file = Some(folder.file("ca.pem", secure.tls().unwrap().ca_pem.as_bytes()));
    let target = plain.seed(Some(11), b"hello").unwrap();
    let url = secure.seed(Some(11), b"hello").unwrap();
    for (method, status) in [("POST", 307), ("HEAD", 301), ("HEAD", 307), ("PATCH", 308)] {
        secure.script(to(method, status, &target));
        let setup = Setup { ca_file: ca_file.clone(), ..Setup::to(&secure) }.header("Authorization", "Bearer secret");
        let error = match method {
            "POST" => api.upload(&setup, HELLO).unwrap_err(),
            _ => api.resume(&setup, HELLO, &url).unwrap_err(),
        };
        error.assert_broke(BrokenRule::InsecureLocation);
    }
    assert_eq!((plain.connections(), secure.pending_rules()), (0, 0));
}

fn scenario_45_no_usable_target(api: Api) {
    for status in [307, 308] {
        let rule = || Rule::on("PATCH").reply(status);
        for rule in [
            rule(),
            rule().header("Location", ""),
            rule().header("Location", "ftp://127.0.0.1/x"),
            rule().header("Location", "javascript:alert(1)"),
            rule().header("Location", "http://127.0.0.1:99999/"),
            rule().header("Location", "/a").add_header("Location", "/b"),
        ] {
            let server = server();
            server.script(rule);
            let error = api.upload(&Setup::to(&server), HELLO).unwrap_err();
            error.assert_broke(BrokenRule::BadRedirect);
            let patched = format!("PATCH 0+11 {status}");
            assert_told(&server, &["OPTIONS 204", "POST 11 201", &patched]);
        }
    }
    for status in [300, 304, 305, 306, 399] {
        for method in ["POST", "HEAD", "PATCH"] {
            let server = server();
            let url = server.seed(Some(11), b"hello").unwrap();
            server.script(to(method, status, "?v=2"));
            let error = match method {
                "POST" => api.upload(&Setup::to(&server), HELLO).unwrap_err(),
                _ => api.resume(&Setup::to(&server), HELLO, &url).unwrap_err(),
            };
            error.assert_broke(BrokenRule::BadRedirect);
            assert_eq!(u32::from(error.status), status);
        }
    }
}
