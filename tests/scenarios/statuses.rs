//! "Reactions by status": each status to each verb, and what the client makes of it. Scenarios 36, 38 and 39 with it.

use tus_test_server::{Rule, Server};

use crate::support::api::every_way;
use crate::support::server::{assert_clean, assert_stored, assert_story, assert_told, lines, server};
use crate::support::{Api, Chunk, HELLO, Kind, Setup, noise};

every_way! {
    scenario_36_no_credentials,
    scenario_39_fatal_to_a_creation,
    scenario_39_fatal_to_head,
    scenario_39_fatal_to_patch,
    statuses_that_are_tried_again,
    statuses_beyond_the_book,
    interrupted_by_our_own_next_request,
    scenario_38_length_required,
    scenario_39_413_halves_the_chunk,
    scenario_39_413_to_the_smallest_chunk,
    scenario_39_early_answers_end_the_sending,
    scenario_39_the_servers_own_words,
}

const FATAL: [(u32, Kind); 21] = [
    (400, Kind::HttpStatus),
    (401, Kind::HttpStatus),
    (402, Kind::HttpStatus),
    (403, Kind::HttpStatus),
    (405, Kind::Unsupported),
    (406, Kind::HttpStatus),
    (407, Kind::HttpStatus),
    (411, Kind::HttpStatus),
    (412, Kind::Version),
    (414, Kind::HttpStatus),
    (415, Kind::HttpStatus),
    (416, Kind::HttpStatus),
    (417, Kind::HttpStatus),
    (418, Kind::HttpStatus),
    (422, Kind::HttpStatus),
    (428, Kind::HttpStatus),
    (431, Kind::HttpStatus),
    (451, Kind::HttpStatus),
    (460, Kind::HttpStatus),
    (499, Kind::HttpStatus),
    (501, Kind::Unsupported),
];

/// Without anybody to ask for new ones; the upload stays to be gone on with.
fn scenario_36_no_credentials(api: Api) {
    for status in [401, 403, 407] {
        let server = server();
        let url = server.seed(Some(11), b"hello").unwrap();
        server.script(Rule::on("HEAD").reply(status).header("WWW-Authenticate", "Bearer"));
        let error = api.resume(&Setup::to(&server), HELLO, &url).unwrap_err();
        assert_eq!(error.gist(), (Kind::HttpStatus, u16::try_from(status).unwrap(), true));
        assert!(!error.retryable);
        assert_eq!(error.upload_url.as_deref(), Some(url.as_str()));
        let refused = format!("HEAD {status}");
        assert_told(&server, &[&refused]);
    }
    let server = crate::support::server::server_with(|options| options.token = Some("right".into()));
    let wrong = Setup { query_server: false, ..Setup::to(&server) }.header("Authorization", "Bearer wrong");
    assert_eq!(api.upload(&wrong, HELLO).unwrap_err().gist(), (Kind::HttpStatus, 401, false));
    let right = Setup::to(&server).header("Authorization", "Bearer right");
    let done = api.upload(&right, HELLO).unwrap();
    let story = ["POST 11 401", "OPTIONS 204", "POST 11 201", "PATCH 0+11 204"];
    assert_story(&server, &story, &done.url, HELLO);
}

fn scenario_39_fatal_to_a_creation(api: Api) {
    let also = [404, 409, 410].map(|status| (status, Kind::HttpStatus)).into_iter().chain([(413, Kind::TooLarge)]);
    for (status, kind) in FATAL.into_iter().chain(also) {
        let server = server();
        server.script(Rule::on("POST").reply(status));
        let error = api.upload(&Setup::to(&server), HELLO).unwrap_err();
        assert_eq!(error.gist(), (kind, u16::try_from(status).unwrap(), false));
        assert!(!error.retryable, "{error:?}");
        let refused = format!("POST 11 {status}");
        assert_told(&server, &["OPTIONS 204", &refused]);
    }
}

fn scenario_39_fatal_to_head(api: Api) {
    for (status, kind) in FATAL.into_iter().chain([(413, Kind::HttpStatus)]) {
        let server = server();
        let url = server.seed(Some(11), b"hello").unwrap();
        server.script(Rule::on("HEAD").reply(status));
        let error = api.resume(&Setup::to(&server), HELLO, &url).unwrap_err();
        assert_eq!(error.gist(), (kind, u16::try_from(status).unwrap(), true));
        assert!(!error.retryable, "{error:?}");
        server.script(Rule::on("HEAD").reply(status));
        let error = api.client(&Setup::to(&server)).unwrap().info(&url).unwrap_err();
        assert_eq!((error.kind, u32::from(error.status)), (kind, status));
        let refused = format!("HEAD {status}");
        assert_told(&server, &[&refused, &refused]);
    }
}

fn scenario_39_fatal_to_patch(api: Api) {
    for (status, kind) in FATAL {
        let server = server();
        server.script(Rule::on("PATCH").reply(status));
        let error = api.upload(&Setup::to(&server), HELLO).unwrap_err();
        assert_eq!(error.gist(), (kind, u16::try_from(status).unwrap(), true));
        assert!(!error.retryable, "{error:?}");
        let refused = format!("PATCH 0+11 {status}");
        // T-153: whether the upload is complete all the same, where a hook at its end may have said so.
        let looked = kind == Kind::HttpStatus && !matches!(status, 401 | 407 | 460);
        let story = ["OPTIONS 204", "POST 11 201", &refused, "HEAD 200"];
        assert_told(&server, &story[..if looked { 4 } else { 3 }]);
        // What the server has is not lost.
        api.resume(&Setup::to(&server), HELLO, error.upload_url.as_deref().unwrap()).unwrap();
    }
}

fn statuses_that_are_tried_again(api: Api) {
    for status in [408, 423, 425, 429, 500, 502, 503, 504, 505, 507, 520, 599] {
        for method in ["POST", "HEAD", "PATCH"] {
            let server = server();
            let url = server.seed(Some(11), b"hello").unwrap();
            server.script(Rule::on(method).times(2).reply(status));
            let (url, story) = match method {
                "POST" => {
                    let refused = format!("POST 11 {status}");
                    let story = ["OPTIONS 204", &refused, &refused, "POST 11 201", "PATCH 0+11 204"];
                    (api.upload(&Setup::to(&server), HELLO).unwrap().url, story.map(str::to_owned).to_vec())
                }
                "HEAD" => {
                    let refused = format!("HEAD {status}");
                    let story = [&refused, &refused, "HEAD 200", "PATCH 5+6 204"];
                    (api.resume(&Setup::to(&server), HELLO, &url).unwrap().url, story.map(str::to_owned).to_vec())
                }
                _ => {
                    let refused = format!("PATCH 5+6 {status}");
                    let story = ["HEAD 200", &refused, "HEAD 200", &refused, "HEAD 200", "PATCH 5+6 204"];
                    (api.resume(&Setup::to(&server), HELLO, &url).unwrap().url, story.map(str::to_owned).to_vec())
                }
            };
            let story: Vec<_> = story.iter().map(String::as_str).collect();
            assert_story(&server, &story, &url, HELLO);
        }
    }
    // 409 to what has no offset to disagree on.
    let server = server();
    let url = server.seed(Some(11), b"hello").unwrap();
    server.script(Rule::on("HEAD").reply(409));
    api.resume(&Setup::to(&server), HELLO, &url).unwrap();
    assert_story(&server, &["HEAD 409", "HEAD 200", "PATCH 5+6 204"], &url, HELLO);
}

/// Three digits that no book has end the operation, and never well.
fn statuses_beyond_the_book(api: Api) {
    for status in [600, 700, 999] {
        let server = server();
        server.script(Rule::on("PATCH").forever().reply(status).offset("11"));
        let error = api.upload(&Setup { retries: 1, ..Setup::to(&server) }, HELLO).unwrap_err();
        assert!(matches!(error.kind, Kind::HttpStatus | Kind::Protocol), "{status}: {error:?}");
    }
}

/// tusd and @tus/server end a PATCH that a newer request takes over from, and one whose body was cut, with 400.
fn interrupted_by_our_own_next_request(api: Api) {
    for body in [
        "ERR_UPLOAD_INTERRUPTED: upload has been interrupted by another request for this upload resource\n",
        "ERR_UNEXPECTED_EOF: server expected to receive more bytes\n",
        "Request aborted due to lock acquired",
    ] {
        let server = server();
        server.script(Rule::on("PATCH").reply(400).body(body));
        let done = api.upload(&Setup::to(&server), HELLO).unwrap();
        let story = ["OPTIONS 204", "POST 11 201", "PATCH 0+11 400", "HEAD 200", "PATCH 0+11 204"];
        assert_story(&server, &story, &done.url, HELLO);

        // Believed once, not for ever.
        server.clear_log();
        server.script(Rule::on("PATCH").times(2).reply(400).body(body));
        let error = api.upload(&Setup::to(&server), HELLO).unwrap_err();
        assert_eq!(error.gist(), (Kind::HttpStatus, 400, true));
        assert_told(&server, &["OPTIONS 204", "POST 11 201", "PATCH 0+11 400", "HEAD 200", "PATCH 0+11 400"]);
    }
}

/// Every body says its length already: there is nothing to do better.
fn scenario_38_length_required(api: Api) {
    let server = server();
    server.script(Rule::on("PATCH").reply(411));
    let error = api.upload(&Setup::to(&server), HELLO).unwrap_err();
    assert_eq!(error.gist(), (Kind::HttpStatus, 411, true));
    assert_told(&server, &["OPTIONS 204", "POST 11 201", "PATCH 0+11 411", "HEAD 200"]);
    for request in server.requests() {
        assert_eq!(request.header("Transfer-Encoding"), None);
    }
}

fn limited(max_body: u64) -> Server {
    crate::support::server::server_with(|options| options.max_body = Some(max_body))
}

/// rustus takes 256 KiB at once, nginx a megabyte.
fn scenario_39_413_halves_the_chunk(api: Api) {
    let bytes = noise(1_000_000, 5);
    for chunk in [Chunk::Whole, Chunk::Auto, Chunk::Fixed(1 << 30)] {
        let server = limited(256 << 10);
        let done = api.upload(&Setup { chunk, retries: 0, ..Setup::to(&server) }, &bytes).unwrap();
        let story = [
            "OPTIONS 204",
            "POST 1000000 201",
            "PATCH 0+1000000 413",
            "HEAD 200",
            "PATCH 0+500000 413",
            "HEAD 200",
            "PATCH 0+250000 204",
            "PATCH 250000+250000 204",
            "PATCH 500000+250000 204",
            "PATCH 750000+250000 204",
        ];
        assert_story(&server, &story, &done.url, &bytes);
    }
}

/// Down to a single byte, and no further.
fn scenario_39_413_to_the_smallest_chunk(api: Api) {
    let server = limited(0);
    let error = api.upload(&Setup::to(&server), HELLO).unwrap_err();
    assert_eq!(error.gist(), (Kind::TooLarge, 413, true));
    let story = [
        "OPTIONS 204",
        "POST 11 201",
        "PATCH 0+11 413",
        "HEAD 200",
        "PATCH 0+5 413",
        "HEAD 200",
        "PATCH 0+2 413",
        "HEAD 200",
        "PATCH 0+1 413",
    ];
    assert_told(&server, &story);

    let server = limited(1);
    let done = api.upload(&Setup::to(&server), HELLO).unwrap();
    assert_stored(&server, &done.url, HELLO);
    assert_clean(&server);
}

/// T-031: a refusal in the middle of a large body is read, and not reported as a broken pipe.
fn scenario_39_early_answers_end_the_sending(api: Api) {
    let bytes = noise(20_000_000, 7);
    for status in [403, 460] {
        let server = crate::support::server::server_with(|options| options.receive_buffer = Some(64 << 10));
        server.script(Rule::on("PATCH").reply(status).body("no more of this").early(100_000));
        let error = api.upload(&Setup::to(&server), &bytes).unwrap_err();
        assert_eq!(error.gist(), (Kind::HttpStatus, u16::try_from(status).unwrap(), true));
        error.assert_says("no more of this");
        let patch = format!("PATCH 0+20000000 {status}");
        assert_eq!(lines(&server), ["OPTIONS 204", "POST 20000000 201", &patch]);
        assert_clean(&server);
    }
    // A success that comes early: what it says counts, and the rest follows (T-025).
    let server = crate::support::server::server_with(|options| options.receive_buffer = Some(64 << 10));
    server.script(Rule::on("PATCH").early(100_000));
    let done = api.upload(&Setup::to(&server), &bytes).unwrap();
    // In chunks that grow again, so that what is sent stays in proportion.
    let mut story = vec!["OPTIONS 204".to_owned(), "POST 20000000 201".to_owned(), "PATCH 0+20000000 204".to_owned()];
    let mut at = 100_000;
    while at < 20_000_000 {
        let length = at.min(20_000_000 - at);
        story.push(format!("PATCH {at}+{length} 204"));
        at += length;
    }
    let story: Vec<_> = story.iter().map(String::as_str).collect();
    assert_story(&server, &story, &done.url, &bytes);
}

fn scenario_39_the_servers_own_words(api: Api) {
    let server = server();
    let body = "ERR_MAX_DAY: two uploads a day\r\nask again tomorrow\x07\n";
    server.script(Rule::on("POST").reply(403).body(body).header("Content-Type", "text/plain"));
    let error = api.upload(&Setup::to(&server), HELLO).unwrap_err();
    error.assert_says("ERR_MAX_DAY: two uploads a day");
    error.assert_says("403");
    error.assert_says("POST");
    assert!(!error.message.contains(['\r', '\n', '\x07']), "{:?}", error.message);
    assert_eq!(error.body, body.as_bytes());
}
