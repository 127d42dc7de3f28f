//! Scenario 48: no way to the server, for a while or for good.

use std::net::{IpAddr, Ipv6Addr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tus::error::TimeLimit;
use tus_test_server::{Ending, Rule};

use crate::support::api::every_way;
use crate::support::server::{assert_story, assert_told, lines, server, server_with};
use crate::support::{Api, Chunk, HELLO, Job, Kind, Setup};

every_way! {
    scenario_48_refused_twice,
    scenario_48_refused_for_ever,
    scenario_48_refused_in_mid_upload,
    scenario_48_connection_dies_at_once,
    scenario_48_no_such_host,
    scenario_48_no_answer_to_the_connection,
    scenario_48_localhost_by_name,
    scenario_48_ipv6,
}

fn scenario_48_refused_twice(api: Api) {
    let server = Arc::new(server());
    server.stop_listening();
    let door = Arc::clone(&server);
    let setup = Setup {
        should_retry: Some(Arc::new(move |failure, attempt, delay| {
            assert_eq!((failure.kind, failure.upload_url.is_none()), (Kind::Connect, true));
            if attempt == 2 {
                door.resume_listening().unwrap();
            }
            Ok(delay)
        })),
        ..Setup::to(&server)
    };
    let done = api.upload(&setup, HELLO).unwrap();
    assert_eq!(done.stats.retries, 2);
    assert_story(&server, &["OPTIONS 204", "POST 11 201", "PATCH 0+11 204"], &done.url, HELLO);
}

fn scenario_48_refused_for_ever(api: Api) {
    // A port that was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}/files/");
    for query_server in [true, false] {
        let setup = Setup { retries: 2, query_server, ..Setup::url(&url) };
        let error = api.upload(&setup, HELLO).unwrap_err();
        assert_eq!(error.gist(), (Kind::Connect, 0, false));
        assert!(error.retryable);
        assert_ne!(error.os_code, 0, "{error:?}");
    }
    let client = api.client(&Setup { retries: 0, ..Setup::url(&url) }).unwrap();
    assert_eq!(client.server_info().unwrap_err().kind, Kind::Connect);
    assert_eq!(client.info("1").unwrap_err().kind, Kind::Connect);
    assert_eq!(client.delete("1").unwrap_err().kind, Kind::Connect);
    let error = client.resume(HELLO, "1", &Job::default()).unwrap_err();
    assert_eq!(error.kind, Kind::Connect);
    assert_eq!(error.upload_url, Some(format!("{url}1")));
}

/// A server that restarts.
fn scenario_48_refused_in_mid_upload(api: Api) {
    let server = Arc::new(server());
    let (fall, rise) = (Arc::clone(&server), Arc::clone(&server));
    let setup = Setup {
        chunk: Chunk::Fixed(4),
        after_response: Some(Arc::new(move |answered| {
            if answered.offset.as_deref() == Some("4") && answered.method == "PATCH" {
                fall.stop_listening();
                fall.close_all_connections();
            }
            0
        })),
        should_retry: Some(Arc::new(move |_, attempt, delay| {
            if attempt == 3 {
                rise.resume_listening().unwrap();
            }
            Ok(delay)
        })),
        ..Setup::to(&server)
    };
    let done = api.upload(&setup, HELLO).unwrap();
    assert!(done.stats.retries >= 3, "{:?}", done.stats);
    let told = lines(&server);
    assert_eq!(told[..3], ["OPTIONS 204", "POST 11 201", "PATCH 0+4 204"]);
    assert_eq!(told[3..], ["HEAD 200", "PATCH 4+4 204", "PATCH 8+3 204"], "asked before anything is sent again");
    crate::support::server::assert_stored(&server, &done.url, HELLO);
}

fn scenario_48_connection_dies_at_once(api: Api) {
    for ending in [Ending::Fin, Ending::Rst, Ending::Close, Ending::ShutdownBoth] {
        let server = server();
        server.script(Rule::on_connection().ending(ending));
        server.script(Rule::on_connection().cut_request(9, ending));
        let setup = Setup { query_server: false, ..Setup::to(&server) };
        let done = api.upload(&setup, HELLO).unwrap();
        assert_story(&server, &["POST 11 201", "PATCH 0+11 204"], &done.url, HELLO);
        assert!(server.connections() >= 3);
    }
}

fn scenario_48_no_such_host(api: Api) {
    // Too long for any name server to be asked.
    let url = format!("http://{}/files/", ["a"; 70].concat());
    let setup = Setup { retries: 1, query_server: false, ..Setup::url(&url) };
    let error = api.upload(&setup, HELLO).unwrap_err();
    assert_eq!(error.gist(), (Kind::Resolve, 0, false));
    assert!(error.retryable);
}

/// A full queue of connections takes no more: what follows gets no answer at all.
fn scenario_48_no_answer_to_the_connection(api: Api) {
    let deaf = server_with(|_| {});
    deaf.script(Rule::on_connection().forever().hang_after_head());
    let setup = Setup { retries: 1, query_server: false, response: Duration::from_millis(300), ..Setup::to(&deaf) };
    let began = Instant::now();
    let error = api.upload(&setup, HELLO).unwrap_err();
    error.assert_timeout(TimeLimit::Response);
    assert!(error.retryable);
    assert!(began.elapsed() >= Duration::from_millis(600));
    assert_told(&deaf, &[]);
    assert_eq!(deaf.connections(), 2);
}

fn scenario_48_localhost_by_name(api: Api) {
    let server = server();
    let url = format!("http://localhost:{}/files/", server.port());
    let done = api.upload(&Setup::url(&url), HELLO).unwrap();
    // The server names itself by address, which is another origin, and works.
    assert_story(&server, &["OPTIONS 204", "POST 11 201", "PATCH 0+11 204"], &done.url, HELLO);
    assert_eq!(server.requests()[0].header("Host"), Some(format!("localhost:{}", server.port()).as_str()));
}

fn scenario_48_ipv6(api: Api) {
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        tus_test_peers::note_left_out("IPv6", "no ::1 on this machine");
        return;
    }
    let server = server_with(|options| options.ip = IpAddr::V6(Ipv6Addr::LOCALHOST));
    let done = api.upload(&Setup::to(&server), HELLO).unwrap();
    assert!(done.url.starts_with("http://[::1]:"), "{}", done.url);
    assert_story(&server, &["OPTIONS 204", "POST 11 201", "PATCH 0+11 204"], &done.url, HELLO);
}
