//! Uploads that the server may hold completely but has not confirmed (T-051, T-153): never a success, never begun again,
//! nothing removed.

use std::sync::Arc;

use tus::engine::client::Client;
use tus::engine::uploader::Uploader;
use tus::error::{Error, ErrorKind};
use tus::source::Source;
use tus_test_server::{Ending, Rule};

use crate::fixture::*;
use crate::streams::pipe_up;

/// Does what was asked and refuses it all the same, as a hook at the end does.
fn failed_hook(method: &str) -> Rule {
    Rule::on(method).status(500).body("the hook failed")
}

#[track_caller]
fn assert_unconfirmed(error: &Error) {
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unconfirmed, false), "{error:?}");
    let answer = error.answer().unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (500, &b"the hook failed"[..]));
}

#[test]
fn a_stream_is_no_success_without_its_last_word() {
    let (server, bytes) = (server(), noise(2500, 130));
    server.script(failed_hook("PATCH").nth(3));
    let error = pipe_up(&config_to(&server.endpoint()), &bytes).unwrap_err();
    assert_unconfirmed(&error);
    assert_eq!(server.uploads().len(), 1);
    assert!(error.upload_url().is_some());
    assert_eq!((count(&server, "POST"), count(&server, "DELETE")), (1, 0));
}

#[test]
fn an_uploader_stays_unconfirmed() {
    let (server, bytes) = (server(), noise(1500, 131));
    server.script(failed_hook("PATCH").nth(2));
    let client = Arc::new(Client::new(config_to(&server.endpoint())).unwrap());
    let mut uploader = Uploader::create(&client, Source::memory(bytes), &options()).unwrap();
    assert!(uploader.upload_chunk().unwrap());
    assert_unconfirmed(&uploader.upload_chunk().unwrap_err());
    let asked = server.requests().len();
    // HEAD would say that all is there, which is what was known before.
    assert_unconfirmed(&uploader.upload_chunk().unwrap_err());
    assert_unconfirmed(&uploader.upload().unwrap_err());
    assert!(!uploader.is_complete() && uploader.url().is_some());
    assert_eq!(server.requests().len(), asked);
}

#[test]
fn a_part_that_is_refused_at_its_end_leaves_all_parts_where_they_are() {
    let (server, folder) = (server(), Folder::new());
    let path = folder.file("a", &noise(1 << 20, 132));
    server.script(failed_hook("PATCH"));
    let mut config = config_to(&server.endpoint());
    config.set_chunk_size(tus::protocol::chunk::ChunkSize::Whole).unwrap();
    let mut options = options();
    options.set_parallel_uploads(2);
    options.set_min_part_size(1);
    options.set_parallel_fallback(true);
    assert_unconfirmed(&run(&config, &path, &options).unwrap_err());
    assert_eq!(count(&server, "DELETE"), 0);
    assert!(!server.uploads().is_empty());
}

#[test]
fn a_whole_that_may_have_been_put_together_is_not_put_together_again() {
    let last = |rule: Rule| rule.lacking("Upload-Length");
    let lost = last(Rule::on("POST")).cut_response(0, Ending::Fin);
    for (rule, answered) in [(last(failed_hook("POST")).without("Location"), true), (lost, false)] {
        let (server, folder) = (server(), Folder::new());
        let bytes = noise(4 << 20, 133);
        let path = settled(&folder, "a", &bytes);
        server.script(rule);
        let mut config = config_to(&server.endpoint());
        config.set_chunk_size(tus::protocol::chunk::ChunkSize::Whole).unwrap();
        let error = run(&config, &path, &in_parts(2)).unwrap_err();
        if answered {
            assert_unconfirmed(&error);
        } else {
            assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unconfirmed, false), "{error:?}");
        }
        assert_eq!((count(&server, "POST"), count(&server, "DELETE")), (3, 0));
        assert_eq!(server.uploads().len(), 3, "two parts and what was made of them");
        assert!(error.resume_token().is_some(), "the parts can be gone on with");
    }
}
