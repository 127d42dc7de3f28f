//! Scenarios 1 to 6: uploads and resumes with a server that does nothing wrong, or nothing worse than taking less.

use tus_test_server::Rule;

use crate::support::api::every_way;
use crate::support::server::{assert_holds, assert_stored, assert_story, assert_told, server};
use crate::support::{Api, Chunk, HELLO, Job, Kind, Setup, noise};

every_way! {
    scenario_01_create_patch,
    scenario_01_headers_are_those_of_the_protocol,
    scenario_01_large_bodies_arrive_whole,
    scenario_01_the_server_is_asked_once,
    scenario_02_empty_file,
    scenario_03_resume,
    scenario_03_resume_by_a_relative_url,
    scenario_03_stop_at_and_go_on,
    scenario_04_resume_finished,
    scenario_05_chunked_mode,
    scenario_05_chunks_of_one_byte,
    scenario_05_chunk_size_of_one_upload,
    scenario_06_partial_accept,
    scenario_06_one_byte_at_a_time,
}

fn scenario_01_create_patch(api: Api) {
    let server = server();
    let done = api.upload(&Setup::to(&server), HELLO).unwrap();
    assert_eq!(done.state(), (11, Some(11), true));
    assert_eq!((done.stats.sent, done.stats.requests, done.stats.chunks_completed), (11, 3, 1));
    assert_eq!((done.stats.resumed, done.stats.retries, done.stats.chunks_failed), (0, 0, 0));
    assert_story(&server, &["OPTIONS 204", "POST 11 201", "PATCH 0+11 204"], &done.url, HELLO);
    assert_eq!(server.connections(), 1, "one connection is enough");
}

/// T-001, T-002, T-020, T-021, T-022, T-040, T-041.
fn scenario_01_headers_are_those_of_the_protocol(api: Api) {
    let server = server();
    let done = api.upload(&Setup::to(&server), HELLO).unwrap();
    let requests = server.requests();
    let of = |at: usize| {
        let ours = requests[at].headers.iter().filter(|(name, _)| {
            let name = name.to_ascii_lowercase();
            name.starts_with("tus-") || name.starts_with("upload-") || name.starts_with("content-")
        });
        let mut ours: Vec<_> = ours.map(|(name, value)| format!("{}: {value}", name.to_ascii_lowercase())).collect();
        ours.sort();
        ours
    };
    let none: [String; 0] = [];
    assert_eq!(of(0), none);
    assert_eq!(of(1), ["content-length: 0", "tus-resumable: 1.0.0", "upload-length: 11"]);
    assert_eq!(
        of(2),
        [
            "content-length: 11",
            "content-type: application/offset+octet-stream",
            "tus-resumable: 1.0.0",
            "upload-offset: 0"
        ]
    );
    for request in &requests {
        assert_eq!(request.header("Host"), Some(server.address().to_string().as_str()));
        assert_eq!(request.header("User-Agent"), Some(concat!("libtus/", env!("CARGO_PKG_VERSION"))));
        for never in
            ["Expect", "Transfer-Encoding", "X-HTTP-Method-Override", "X-Request-ID", "Authorization", "Cookie"]
        {
            assert_eq!(request.header(never), None, "{never} in {}", request.method);
        }
    }
    assert_eq!(requests[2].target, format!("/files/{}", done.id()));
}

fn scenario_01_large_bodies_arrive_whole(api: Api) {
    let server = server();
    let bytes = noise(9_000_001, 1);
    let done = api.upload(&Setup::to(&server), &bytes).unwrap();
    assert_story(&server, &["OPTIONS 204", "POST 9000001 201", "PATCH 0+9000001 204"], &done.url, &bytes);
}

fn scenario_01_the_server_is_asked_once(api: Api) {
    let server = server();
    let client = api.client(&Setup::to(&server)).unwrap();
    let first = client.upload(HELLO, &Job::default()).unwrap();
    let second = client.upload(b"again", &Job::default()).unwrap();
    assert_ne!(first.url, second.url);
    assert_stored(&server, &first.url, HELLO);
    let story = ["OPTIONS 204", "POST 11 201", "PATCH 0+11 204", "POST 5 201", "PATCH 0+5 204"];
    assert_story(&server, &story, &second.url, b"again");

    server.clear_log();
    let blunt = Setup { query_server: false, ..Setup::to(&server) };
    let third = api.upload(&blunt, HELLO).unwrap();
    assert_story(&server, &["POST 11 201", "PATCH 0+11 204"], &third.url, HELLO);
}

fn scenario_02_empty_file(api: Api) {
    let server = server();
    let done = api.upload(&Setup::to(&server), b"").unwrap();
    assert_eq!(done.state(), (0, Some(0), true));
    assert_story(&server, &["OPTIONS 204", "POST 0 201"], &done.url, b"");
}

fn scenario_03_resume(api: Api) {
    let server = server();
    let url = server.seed(Some(11), b"hello").unwrap();
    let done = api.resume(&Setup::to(&server), HELLO, &url).unwrap();
    assert_eq!((done.url.as_str(), done.state()), (url.as_str(), (11, Some(11), true)));
    assert_eq!((done.stats.resumed, done.stats.sent), (5, 6));
    assert_story(&server, &["HEAD 200", "PATCH 5+6 204"], &url, HELLO);
}

fn scenario_03_resume_by_a_relative_url(api: Api) {
    let server = server();
    let url = server.seed(Some(11), b"hello").unwrap();
    let path = url.strip_prefix(server.origin()).unwrap();
    let done = api.resume(&Setup::to(&server), HELLO, path).unwrap();
    assert_eq!(done.url, url);
    assert_story(&server, &["HEAD 200", "PATCH 5+6 204"], &url, HELLO);
}

fn scenario_03_stop_at_and_go_on(api: Api) {
    let server = server();
    let client = api.client(&Setup::to(&server)).unwrap();
    let half = client.upload(HELLO, &Job { stop_at: Some(4), ..Job::default() }).unwrap();
    assert_eq!(half.state(), (4, Some(11), false));
    assert_holds(&server, &half.url, b"hell");
    let same = client.resume(HELLO, &half.url, &Job { stop_at: Some(4), ..Job::default() }).unwrap();
    assert_eq!(same.state(), (4, Some(11), false));
    let done = client.resume(HELLO, &half.url, &Job::default()).unwrap();
    assert_eq!(done.state(), (11, Some(11), true));
    let story = ["OPTIONS 204", "POST 11 201", "PATCH 0+4 204", "HEAD 200", "HEAD 200", "PATCH 4+7 204"];
    assert_story(&server, &story, &done.url, HELLO);
}

fn scenario_04_resume_finished(api: Api) {
    let server = server();
    for bytes in [HELLO, b""] {
        let url = server.seed(Some(bytes.len() as u64), bytes).unwrap();
        let done = api.resume(&Setup::to(&server), bytes, &url).unwrap();
        assert_eq!((done.complete, done.stats.sent, done.stats.resumed), (true, 0, bytes.len() as u64));
        assert_story(&server, &["HEAD 200"], &url, bytes);
        server.clear_log();
    }
}

fn scenario_05_chunked_mode(api: Api) {
    let server = server();
    let setup = Setup { chunk: Chunk::Fixed(4), ..Setup::to(&server) };
    let done = api.upload(&setup, HELLO).unwrap();
    assert_eq!(done.stats.chunks_completed, 3);
    let story = ["OPTIONS 204", "POST 11 201", "PATCH 0+4 204", "PATCH 4+4 204", "PATCH 8+3 204"];
    assert_story(&server, &story, &done.url, HELLO);
    assert_eq!(server.connections(), 1);

    server.clear_log();
    let url = server.seed(Some(11), b"hello").unwrap();
    api.resume(&setup, HELLO, &url).unwrap();
    assert_story(&server, &["HEAD 200", "PATCH 5+4 204", "PATCH 9+2 204"], &url, HELLO);
}

fn scenario_05_chunks_of_one_byte(api: Api) {
    let server = server();
    let done = api.upload(&Setup { chunk: Chunk::Fixed(1), ..Setup::to(&server) }, HELLO).unwrap();
    let mut story = vec!["OPTIONS 204".to_owned(), "POST 11 201".to_owned()];
    story.extend((0..11).map(|at| format!("PATCH {at}+1 204")));
    let story: Vec<_> = story.iter().map(String::as_str).collect();
    assert_story(&server, &story, &done.url, HELLO);
}

fn scenario_05_chunk_size_of_one_upload(api: Api) {
    let server = server();
    let client = api.client(&Setup { chunk: Chunk::Fixed(4), ..Setup::to(&server) }).unwrap();
    let done = client.upload(HELLO, &Job { chunk: Some(Chunk::Fixed(8)), ..Job::default() }).unwrap();
    let story = ["OPTIONS 204", "POST 11 201", "PATCH 0+8 204", "PATCH 8+3 204"];
    assert_story(&server, &story, &done.url, HELLO);

    server.clear_log();
    let error = client.upload(HELLO, &Job { chunk: Some(Chunk::Fixed(u64::MAX / 2 + 1)), ..Job::default() });
    assert_eq!(error.unwrap_err().kind, Kind::InvalidArgument);
    assert_told(&server, &[]);
}

fn scenario_06_partial_accept(api: Api) {
    let server = server();
    server.script(Rule::on("PATCH").accept(3));
    let done = api.upload(&Setup::to(&server), HELLO).unwrap();
    let story = ["OPTIONS 204", "POST 11 201", "PATCH 0+11 204", "PATCH 3+8 204"];
    assert_story(&server, &story, &done.url, HELLO);
    assert_eq!((done.stats.retries, done.stats.chunks_failed), (0, 0));
}

/// Progress, however small, is never a failed try: with no retries allowed it must still come through (T-034).
fn scenario_06_one_byte_at_a_time(api: Api) {
    let server = server();
    server.script(Rule::on("PATCH").times(10).accept(1));
    let done = api.upload(&Setup { retries: 0, ..Setup::to(&server) }, HELLO).unwrap();
    let mut story = vec!["OPTIONS 204".to_owned(), "POST 11 201".to_owned()];
    story.extend((0..11).map(|at| format!("PATCH {at}+{} 204", 11 - at)));
    let story: Vec<_> = story.iter().map(String::as_str).collect();
    assert_story(&server, &story, &done.url, HELLO);
}
