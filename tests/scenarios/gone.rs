//! Scenario 13: uploads that vanish.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tus_test_server::Rule;

use crate::support::api::every_way;
use crate::support::server::{assert_clean, assert_story, assert_told, assert_wire, server, server_with};
use crate::support::{Api, Chunk, HELLO, Job, Kind, Setup};

every_way! {
    scenario_13_gone_in_mid_upload,
    scenario_13_really_removed,
    scenario_13_gone_when_asked_after_a_break,
    scenario_13_gone_each_time,
    scenario_13_a_balancers_word,
    scenario_13_a_named_upload_is_not_made_anew,
    scenario_13_expiry_is_told,
}

fn scenario_13_gone_in_mid_upload(api: Api) {
    for status in [404, 410] {
        let server = server();
        server.script(Rule::on("PATCH").nth(2).reply(status));
        let urls = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&urls);
        let setup = Setup {
            chunk: Chunk::Fixed(4),
            on_url: Some(Arc::new(move |url| {
                seen.lock().unwrap().push(url.to_owned());
                0
            })),
            ..Setup::to(&server)
        };
        let done = api.upload(&setup, HELLO).unwrap();
        let lost = format!("PATCH 4+4 {status}");
        let story = [
            "OPTIONS 204",
            "POST 11 201",
            "PATCH 0+4 204",
            &lost,
            "POST 11 201",
            "PATCH 0+4 204",
            "PATCH 4+4 204",
            "PATCH 8+3 204",
        ];
        assert_story(&server, &story, &done.url, HELLO);
        let urls = urls.lock().unwrap();
        assert_eq!(urls.len(), 2, "both URLs are told");
        assert_eq!(urls[1], done.url);
        assert_ne!(urls[0], done.url);
    }
}

fn scenario_13_really_removed(api: Api) {
    let server = Arc::new(server());
    let victim = Arc::clone(&server);
    let setup = Setup {
        chunk: Chunk::Fixed(4),
        after_response: Some(Arc::new(move |answered| {
            // Once: behind the client's back, after its first chunk.
            if answered.offset.as_deref() == Some("4") && victim.uploads().len() == 1 {
                let id = victim.uploads()[0].id.clone();
                victim.remove_upload(&id);
            }
            0
        })),
        ..Setup::to(&server)
    };
    let done = api.upload(&setup, HELLO);
    // The second upload is the only one there is when its first chunk is acknowledged, and goes as well: after three
    // restarts it ends.
    let error = done.unwrap_err();
    assert_eq!(error.gist(), (Kind::Gone, 410, false));
    let once = ["POST 11 201", "PATCH 0+4 204", "PATCH 4+4 410"];
    let mut story = vec!["OPTIONS 204"];
    for _ in 0..4 {
        story.extend(once);
    }
    assert_wire(&server, &story);
    assert_clean(&server);
}

fn scenario_13_gone_when_asked_after_a_break(api: Api) {
    let server = server();
    server.script(Rule::on("PATCH").reply(500));
    server.script(Rule::on("HEAD").reply(404));
    let setup = Setup { chunk: Chunk::Fixed(6), ..Setup::to(&server) };
    let done = api.upload(&setup, HELLO).unwrap();
    let story =
        ["OPTIONS 204", "POST 11 201", "PATCH 0+6 500", "HEAD 404", "POST 11 201", "PATCH 0+6 204", "PATCH 6+5 204"];
    assert_story(&server, &story, &done.url, HELLO);
}

fn scenario_13_gone_each_time(api: Api) {
    for status in [404, 410] {
        let server = server();
        server.script(Rule::on("PATCH").forever().reply(status));
        let error = api.upload(&Setup::to(&server), HELLO).unwrap_err();
        assert_eq!(error.gist(), (Kind::Gone, u16::try_from(status).unwrap(), false));
        error.assert_says("Location");
        let lost = format!("PATCH 0+11 {status}");
        let mut story = vec!["OPTIONS 204"];
        for _ in 0..4 {
            story.extend(["POST 11 201", &lost]);
        }
        assert_told(&server, &story);
    }
}

/// T-083: a 404 without Tus-Resumable is asked about twice more.
fn scenario_13_a_balancers_word(api: Api) {
    for status in [404, 410] {
        let says = |method| Rule::on(method).reply(status).without("Tus-Resumable");
        let server = server();
        server.script(says("PATCH").nth(2));
        server.script(says("HEAD"));
        let setup = Setup { chunk: Chunk::Fixed(4), ..Setup::to(&server) };
        let done = api.upload(&setup, HELLO).unwrap();
        let (lost, asked) = (format!("PATCH 4+4 {status}"), format!("HEAD {status}"));
        let story = [
            "OPTIONS 204",
            "POST 11 201",
            "PATCH 0+4 204",
            &lost,
            &asked,
            "HEAD 200",
            "PATCH 4+4 204",
            "PATCH 8+3 204",
        ];
        assert_story(&server, &story, &done.url, HELLO);

        let server = self::server();
        let url = server.seed(Some(11), b"hello").unwrap();
        server.script(says("HEAD").times(2));
        let done = api.resume(&Setup::to(&server), HELLO, &url).unwrap();
        assert_story(&server, &[&asked, &asked, "HEAD 200", "PATCH 5+6 204"], &done.url, HELLO);
        server.script(says("HEAD").times(3));
        let error = api.resume(&Setup::to(&server), HELLO, &url).unwrap_err();
        assert_eq!(error.gist(), (Kind::Gone, u16::try_from(status).unwrap(), false));
    }
}

/// The caller's URL is the caller's to judge.
fn scenario_13_a_named_upload_is_not_made_anew(api: Api) {
    for status in [404, 410] {
        let server = server();
        let url = server.seed(Some(11), b"hello").unwrap();
        server.script(Rule::on("HEAD").reply(status));
        let error = api.resume(&Setup::to(&server), HELLO, &url).unwrap_err();
        assert_eq!(error.gist(), (Kind::Gone, u16::try_from(status).unwrap(), false));
        assert!(!error.retryable);
        server.script(Rule::on("PATCH").reply(status));
        let error = api.resume(&Setup::to(&server), HELLO, &url).unwrap_err();
        assert_eq!(error.gist(), (Kind::Gone, u16::try_from(status).unwrap(), false));
        let (head, patch) = (format!("HEAD {status}"), format!("PATCH 5+6 {status}"));
        assert_told(&server, &[&head, "HEAD 200", &patch]);

        server.script(Rule::on("HEAD").reply(status));
        let error = api.client(&Setup::to(&server)).unwrap().info(&url).unwrap_err();
        assert_eq!((error.kind, error.status), (Kind::Gone, u16::try_from(status).unwrap()));
    }
}

/// T-080: the newest date counts, in any of its three forms; others are as if they were not there.
fn scenario_13_expiry_is_told(api: Api) {
    let server = server_with(|options| options.expires_after = Some(Duration::from_secs(3600)));
    let client = api.client(&Setup::to(&server)).unwrap();
    let half = client.upload(HELLO, &Job { stop_at: Some(5), ..Job::default() }).unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let expires = half.expires.expect("the server has said it");
    assert!((now + 3500..=now + 3601).contains(&expires), "{expires} at {now}");
    assert_eq!(client.info(&half.url).unwrap().expires, Some(expires));

    for (date, seconds) in [
        ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
        ("Sunday, 06-Nov-94 08:49:37 GMT", Some(784_111_777)),
        ("Sun Nov  6 08:49:37 1994", Some(784_111_777)),
        ("tomorrow", None),
        ("784111777", None),
    ] {
        server.script(Rule::on("HEAD").header("Upload-Expires", date));
        assert_eq!(client.info(&half.url).unwrap().expires, seconds, "{date}");
    }
    assert_clean(&server);
}
