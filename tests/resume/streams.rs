//! Streams whose size only their end tells (scenarios 11 and 78).

use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;

use tus::engine::client::Client;
use tus::engine::config::Config;
use tus::engine::info::UploadInfo;
use tus::error::{Error, ErrorKind};
use tus::source::Source;
use tus_test_server::{Ending, Rule};

use crate::fixture::*;

/// What a pipe gives, written to by another thread.
pub(crate) fn pipe_up(config: &Config, bytes: &[u8]) -> Result<UploadInfo, Error> {
    let (reader, mut writer) = std::io::pipe().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for piece in bytes.chunks(777) {
                if writer.write_all(piece).is_err() {
                    return;
                }
            }
        });
        let mut source = Source::descriptor(&File::from(OwnedFd::from(reader)))?;
        Client::new(config.clone())?.upload(&mut source, &options())
    })
}

/// Which requests with data said a length.
fn lengths(server: &tus_test_server::Server) -> Vec<Option<String>> {
    let patches = server.requests().into_iter().filter(|request| request.effective_method == "PATCH");
    patches.map(|request| request.header("Upload-Length").map(str::to_owned)).collect()
}

#[test]
fn scenario_11_the_length_is_said_once_with_the_last_of_the_data() {
    for size in [0usize, 1, 999, 1000, 1001, 1999, 2000, 2001, 70_000] {
        let (server, bytes) = (server(), noise(size, size as u64));
        let done = pipe_up(&config_to(&server.endpoint()), &bytes).unwrap();
        assert_stored(&server, &done, &bytes);
        let post = server.requests().into_iter().find(|request| request.method == "POST").unwrap();
        let patches = size.div_ceil(1000);
        if size <= 1000 {
            assert_eq!(post.header("Upload-Length"), Some(size.to_string().as_str()));
            assert_eq!(lengths(&server), vec![None; patches]);
        } else {
            assert_eq!((post.header("Upload-Length"), post.header("Upload-Defer-Length")), (None, Some("1")));
            let mut expected = vec![None; patches];
            expected[patches - 1] = Some(size.to_string());
            assert_eq!(lengths(&server), expected);
        }
        assert_clean(&server);
    }
}

#[test]
fn a_stream_survives_what_breaks() {
    for nth in 1..=4 {
        let (server, bytes) = (server(), noise(3500, 120));
        server.script(Rule::on("PATCH").nth(nth).cut_body(450, Ending::Rst));
        let done = pipe_up(&config_to(&server.endpoint()), &bytes).unwrap();
        assert_stored(&server, &done, &bytes);
        assert_clean(&server);
    }
}

/// The answer to the PATCH that says the length is lost: HEAD tells whether it has arrived.
#[test]
fn the_length_is_not_said_twice_to_a_server_that_has_it() {
    for nth in 1..=3 {
        let (server, bytes) = (server(), noise(2500, 121));
        server.script(Rule::on("PATCH").nth(nth).cut_response(0, Ending::Rst));
        let done = pipe_up(&config_to(&server.endpoint()), &bytes).unwrap();
        assert_stored(&server, &done, &bytes);
        assert_eq!(lengths(&server).into_iter().flatten().count(), 1);
        assert_clean(&server);
    }
}

#[test]
fn a_server_that_wants_the_length_gets_no_stream_and_is_told_before_anything_is_made() {
    let server = lacking(|extensions| extensions.creation_defer_length = false);
    let config = config_to(&server.endpoint());
    let error = pipe_up(&config, &noise(1001, 122)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("creation-defer-length"), "{error}");
    assert_eq!(methods(&server), ["OPTIONS"]);
    // What fits into one chunk has a length after all.
    let bytes = noise(1000, 123);
    assert_stored(&server, &pipe_up(&config, &bytes).unwrap(), &bytes);
}

#[test]
fn a_deferred_upload_is_filled_by_any_source() {
    let (server, bytes) = (server(), noise(2500, 124));
    let client = Client::new(config_to(&server.endpoint())).unwrap();
    let mut named = options();
    named.set_metadata_text("k", "v").unwrap();
    for stream in [false, true] {
        let empty = client.create_deferred_upload(&named).unwrap();
        assert_eq!((empty.offset, empty.size, empty.complete), (0, None, false));
        assert_eq!(client.upload_info(empty.url.as_str()).unwrap().size, None);
        let mut source = if stream {
            let (reader, mut writer) = std::io::pipe().unwrap();
            writer.write_all(&bytes).unwrap();
            Source::descriptor(&File::from(OwnedFd::from(reader))).unwrap()
        } else {
            Source::memory(bytes.clone())
        };
        server.clear_log();
        let done = client.resume_upload(&mut source, empty.url.as_str(), &options()).unwrap();
        assert_stored(&server, &done, &bytes);
        assert_eq!(lengths(&server).into_iter().flatten().count(), 1);
    }
    assert_clean(&server);
}

/// A stream has no identity and no second beginning: the store is left alone.
#[test]
fn a_stream_leaves_nothing_in_the_store() {
    let (server, folder) = (server(), Folder::new());
    let config = stored(&server, &folder);
    server.script(Rule::on("PATCH").nth(2).reply(403));
    let error = pipe_up(&config, &noise(5000, 125)).unwrap_err();
    assert!(error.upload_url().is_some());
    assert_eq!(store_files(&folder), [""; 0]);
}

#[test]
fn a_server_that_forgets_what_a_stream_has_sent_ends_it() {
    let (server, bytes) = (server(), noise(25 << 20, 126));
    let mut config = config_to(&server.endpoint());
    config.set_chunk_size(chunk(8 << 20)).unwrap();
    server.script(Rule::on("PATCH").nth(3).reply(404));
    let error = pipe_up(&config, &bytes).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Source, "{error:?}");
    assert_eq!(server.uploads().iter().filter(|upload| upload.finished).count(), 0);
}
