//! What a cancelled upload leaves: itself, on the server, to be gone on with.

use tus::engine::client::Client;
use tus::engine::control::Control;
use tus::error::Error;
use tus::source::Source;
use tus_test_server::Server;

use crate::fixture::*;

/// The error says where the upload is, it is there with at least what was acknowledged, and the rest can be sent.
#[track_caller]
pub(crate) fn stays(server: &Server, control: &Control, error: &Error, bytes: &[u8]) {
    let url = error.upload_url().unwrap_or_else(|| panic!("no URL in {error:?}")).as_str().to_owned();
    let there = server.upload(id_of(&url)).unwrap_or_else(|| panic!("{url} is gone")).offset;
    let confirmed = control.progress().map_or(0, |progress| progress.confirmed);
    assert!(there >= confirmed, "{there} of {confirmed} acknowledged bytes");
    let client = Client::new(config_whole(&server.endpoint())).unwrap();
    let done = client.resume_upload(&mut Source::memory(bytes.to_vec()), &url, &options()).unwrap();
    assert!(done.stats.bytes_resumed >= confirmed, "{:?}", done.stats);
    assert_stored(server, &done, bytes);
}

/// Settings for a server, everything in one request.
pub(crate) fn config_whole(url: &str) -> tus::engine::config::Config {
    let mut config = config_to(url);
    config.set_chunk_size(tus::protocol::chunk::ChunkSize::Whole).unwrap();
    // A place is reached by the same requests each time.
    config.set_query_server(false);
    config.set_proxy(tus::transport::ProxySetting::None);
    config
}
