//! Scenarios 46 and 47: connections that end at any byte of a request or of an answer.

use std::sync::Arc;

use tus_test_server::{CutPatch, Ending, Rule, Server};

use crate::support::api::every_way;
use crate::support::server::{assert_clean, assert_stored, assert_story, assert_wire, server, server_with};
use crate::support::{Api, Chunk, Client, Folder, HELLO, Job, Setup, noise};

every_way! {
    scenario_46_patch_cut_at_every_byte_fin,
    scenario_46_patch_cut_at_every_byte_rst,
    scenario_46_patch_cut_and_nothing_kept,
    scenario_46_patch_cut_again_and_again,
    scenario_46_large_body_cut,
    scenario_46_bytes_that_show_late,
    scenario_46_other_requests_cut,
    scenario_47_answer_to_post_cut,
    scenario_47_answer_to_head_cut,
    scenario_47_answer_to_patch_cut,
    scenario_47_answer_with_a_body_cut,
    scenario_47_last_answer_lost_for_ever,
}

const ENDINGS: [Ending; 2] = [Ending::Fin, Ending::Rst];

/// A client whose log and script can be started anew for each of many uploads.
fn client(api: Api, server: &Server) -> Client {
    api.client(&Setup { query_server: false, ..Setup::to(server) }).unwrap()
}

/// Bytes of the head of the PATCH that uploads [`HELLO`].
fn head_of_patch(api: Api, server: &Server) -> u64 {
    client(api, server).upload(HELLO, &Job::default()).unwrap();
    let head = server.requests()[1].head_len;
    server.clear_log();
    head
}

/// Cuts the first PATCH after `k` bytes of head and body. `kept`: what the server has of the body then.
#[track_caller]
fn cut(client: &Client, server: &Server, k: u64, ending: Ending, kept: u64) {
    server.clear_log();
    server.script(Rule::on("PATCH").cut_request(k, ending));
    let done = client.upload(HELLO, &Job::default()).unwrap_or_else(|error| panic!("at {k} by {ending:?}: {error:?}"));
    let rest = format!("PATCH {kept}+{} 204", 11 - kept);
    let mut story = vec!["POST 11 201", "PATCH 0+11 -", "HEAD 200"];
    if kept < 11 {
        story.push(&rest);
    }
    assert_story(server, &story, &done.url, HELLO);
}

fn cut_everywhere(api: Api, ending: Ending) {
    let server = server();
    let head = head_of_patch(api, &server);
    let client = client(api, &server);
    for k in 0..=head + 11 {
        cut(&client, &server, k, ending, k.saturating_sub(head));
    }
}

fn scenario_46_patch_cut_at_every_byte_fin(api: Api) {
    cut_everywhere(api, Ending::Fin);
}

fn scenario_46_patch_cut_at_every_byte_rst(api: Api) {
    cut_everywhere(api, Ending::Rst);
}

/// rustus.
fn scenario_46_patch_cut_and_nothing_kept(api: Api) {
    let server = server_with(|options| options.cut_patch = CutPatch::Drop);
    let head = head_of_patch(api, &server);
    let client = client(api, &server);
    for ending in [Ending::Fin, Ending::Rst, Ending::Close, Ending::ShutdownBoth] {
        for k in head..=head + 11 {
            cut(&client, &server, k, ending, 0);
        }
    }
}

/// One more byte each time is progress enough, however many times it takes.
fn scenario_46_patch_cut_again_and_again(api: Api) {
    let server = server();
    server.script(Rule::on("PATCH").times(10).cut_body(1, Ending::Rst));
    let setup = Setup { retries: 1, query_server: false, ..Setup::to(&server) };
    let done = api.upload(&setup, HELLO).unwrap();
    let mut story = vec!["POST 11 201".to_owned()];
    story.extend((0..10).flat_map(|at| [format!("PATCH {at}+{} -", 11 - at), "HEAD 200".to_owned()]));
    story.push("PATCH 10+1 204".to_owned());
    let story: Vec<_> = story.iter().map(String::as_str).collect();
    assert_story(&server, &story, &done.url, HELLO);
}

/// Where bytes are on their way that the server never sees, out of memory and out of a file.
fn scenario_46_large_body_cut(api: Api) {
    let bytes = noise(6_000_000, 9);
    let folder = Folder::new();
    let path = folder.file("data", &bytes);
    for (ending, at) in
        [(Ending::Fin, 1_234_567), (Ending::Rst, 1_234_567), (Ending::Close, 3), (Ending::Rst, 5_999_999)]
    {
        let server = server();
        server.script(Rule::on("PATCH").cut_body(at, ending));
        let client = client(api, &server);
        let from_memory = client.upload(&bytes, &Job::default()).unwrap();
        server.script(Rule::on("PATCH").cut_body(at, ending));
        let from_file = client.upload(&path, &Job::default()).unwrap();
        let left = format!("PATCH {at}+{} 204", 6_000_000 - at);
        let once = ["POST 6000000 201", "PATCH 0+6000000 -", "HEAD 200", &left];
        assert_wire(&server, &[once, once].concat());
        assert_stored(&server, &from_memory.url, &bytes);
        assert_stored(&server, &from_file.url, &bytes);
        assert_clean(&server);
    }
}

/// T-030: HEAD says what was true, and then the dead request's bytes arrive; the 409 that follows is normal.
fn scenario_46_bytes_that_show_late(api: Api) {
    let server = Arc::new(server_with(|options| options.cut_patch = CutPatch::Drop));
    server.script(Rule::on("PATCH").cut_body(6, Ending::Rst));
    let store = Arc::clone(&server);
    let setup = Setup {
        chunk: Chunk::Fixed(6),
        after_response: Some(Arc::new(move |answered| {
            if answered.method == "HEAD" && answered.offset.as_deref() == Some("0") {
                // Longer by zeros, which is what was sent.
                store.truncate_upload(&store.uploads()[0].id, 6).unwrap();
            }
            0
        })),
        ..Setup::to(&server)
    };
    let done = api.upload(&setup, &[0; 11]).unwrap();
    let story = ["OPTIONS 204", "POST 11 201", "PATCH 0+6 -", "HEAD 200", "PATCH 0+6 409", "HEAD 200", "PATCH 6+5 204"];
    assert_story(&server, &story, &done.url, &[0; 11]);
}

fn scenario_46_other_requests_cut(api: Api) {
    for ending in ENDINGS {
        for k in [0, 1, 50] {
            let server = server();
            let url = server.seed(Some(11), b"hello").unwrap();
            for method in ["OPTIONS", "POST", "HEAD", "DELETE"] {
                server.script(Rule::on(method).cut_request(k, ending));
            }
            let client = api.client(&Setup::to(&server)).unwrap();
            client.server_info().unwrap();
            let done = client.upload(HELLO, &Job::default()).unwrap();
            client.resume(HELLO, &url, &Job::default()).unwrap();
            client.delete(&url).unwrap();
            let story = [
                "OPTIONS -",
                "OPTIONS 204",
                "POST 11 -",
                "POST 11 201",
                "PATCH 0+11 204",
                "HEAD -",
                "HEAD 200",
                "PATCH 5+6 204",
                "DELETE -",
                "DELETE 204",
            ];
            assert_story(&server, &story, &done.url, HELLO);
        }
    }
}

/// The shortest cut that lets the whole answer through, found by trying, is the last one tried.
fn scenario_47_answer_to_post_cut(api: Api) {
    let server = server();
    let client = client(api, &server);
    for ending in ENDINGS {
        for k in 0.. {
            server.clear_log();
            server.script(Rule::on("POST").cut_response(k, ending));
            let done = client.upload(HELLO, &Job::default()).unwrap_or_else(|error| panic!("at {k}: {error:?}"));
            if server.requests()[0].answered {
                assert!(k > 100, "an answer has more than {k} bytes");
                break;
            }
            // The upload of the first POST is left behind: nobody was told where it is.
            assert_story(&server, &["POST 11 -", "POST 11 201", "PATCH 0+11 204"], &done.url, HELLO);
        }
    }
}

fn scenario_47_answer_to_head_cut(api: Api) {
    let server = server();
    let client = client(api, &server);
    for ending in ENDINGS {
        for k in 0.. {
            server.clear_log();
            let url = server.seed(Some(11), b"hello").unwrap();
            server.script(Rule::on("HEAD").cut_response(k, ending));
            client.resume(HELLO, &url, &Job::default()).unwrap_or_else(|error| panic!("at {k}: {error:?}"));
            if server.requests()[0].answered {
                assert!(k > 100, "an answer has more than {k} bytes");
                break;
            }
            assert_story(&server, &["HEAD -", "HEAD 200", "PATCH 5+6 204"], &url, HELLO);
        }
    }
}

/// With one chunk, where HEAD says that nothing is left to do, and with two.
fn scenario_47_answer_to_patch_cut(api: Api) {
    for chunk in [Chunk::Whole, Chunk::Fixed(6)] {
        let server = server();
        let client = client(api, &server);
        let job = Job { chunk: Some(chunk), ..Job::default() };
        for ending in ENDINGS {
            for k in 0.. {
                server.clear_log();
                server.script(Rule::on("PATCH").cut_response(k, ending));
                let done = client.upload(HELLO, &job).unwrap_or_else(|error| panic!("at {k}: {error:?}"));
                if server.requests()[1].answered {
                    assert!(k > 100, "an answer has more than {k} bytes");
                    break;
                }
                let story: &[_] = match chunk {
                    Chunk::Whole => &["POST 11 201", "PATCH 0+11 -", "HEAD 200"],
                    _ => &["POST 11 201", "PATCH 0+6 -", "HEAD 200", "PATCH 6+5 204"],
                };
                assert_story(&server, story, &done.url, HELLO);
            }
        }
    }
}

/// An answer is one when its head is whole; of a body that is only for people, less is enough.
fn scenario_47_answer_with_a_body_cut(api: Api) {
    let server = server();
    server.script(Rule::on("PATCH").status(200).body("thank you very much").cut_response(1_000, Ending::Fin));
    let whole = client(api, &server).upload(HELLO, &Job::default()).unwrap();
    assert_stored(&server, &whole.url, HELLO);
    assert_clean(&server);
    for ending in ENDINGS {
        for missing in [1, 18, 19] {
            let server = self::server();
            let body = "x".repeat(19);
            let fields = "HTTP/1.1 200 OK\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 11\r\nContent-Length: 19\r\n\r\n";
            let raw = format!("{fields}{}", &body[missing..]);
            server.script(Rule::on("PATCH").raw(raw).processed().ending(ending));
            let done = client(api, &server).upload(HELLO, &Job::default()).unwrap();
            assert_stored(&server, &done.url, HELLO);
            let patches = server.requests().iter().filter(|request| request.method == "PATCH").count();
            assert_eq!(patches, 1, "no byte is sent twice");
        }
    }
}

/// The server has everything and can never say so: an error that tells where, and a resume that sends nothing.
fn scenario_47_last_answer_lost_for_ever(api: Api) {
    let server = server();
    server.script(Rule::on("PATCH").cut_response(3, Ending::Rst));
    server.script(Rule::on("HEAD").times(4).cut_response(3, Ending::Rst));
    let setup = Setup { retries: 3, query_server: false, ..Setup::to(&server) };
    let error = api.upload(&setup, HELLO).unwrap_err();
    assert!(error.retryable, "{error:?}");
    let url = error.upload_url.unwrap();
    let done = api.resume(&setup, HELLO, &url).unwrap();
    assert_eq!((done.stats.resumed, done.stats.sent), (11, 0));
    assert_stored(&server, &url, HELLO);
    assert_clean(&server);
}
