//! What the tests of this binary share.

use std::fs;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tus::engine::client::Client;
use tus::engine::config::Config;
use tus::engine::hooks::{OnProgress, Progress};
use tus::engine::info::UploadInfo;
use tus::engine::log::{Level, Log};
use tus::engine::options::UploadOptions;
use tus::error::Error;
use tus::protocol::chunk::ChunkSize;
use tus::protocol::retry::RetryPolicy;
use tus::source::Source;
use tus::transport::Timeouts;
use tus_test_server::{Concat, Extensions, Options, Server};

pub(crate) use crate::support::result::id_of;
pub(crate) use crate::support::server::{lines, server, server_with};
pub(crate) use crate::support::{Folder, noise};

/// Longer than a file must be left alone before its times prove something.
pub(crate) const SETTLE: Duration = Duration::from_millis(80);

pub(crate) fn chunk(bytes: u64) -> ChunkSize {
    ChunkSize::Fixed(NonZeroU64::new(bytes).unwrap())
}

/// Settings for a creation URL, quick to try again, in chunks of a thousand bytes.
pub(crate) fn config_to(url: &str) -> Config {
    let mut config = Config::new();
    config.set_url(url).unwrap();
    config.set_chunk_size(chunk(1000)).unwrap();
    let short = Duration::from_millis(2);
    config.set_retry(RetryPolicy { base_delay: short, max_delay: 5 * short, max_retries: 2, ..RetryPolicy::default() });
    config
}

/// The same with a store in a folder.
pub(crate) fn stored(server: &Server, folder: &Folder) -> Config {
    let mut config = config_to(&server.endpoint());
    config.set_store_dir(store_in(folder));
    config
}

pub(crate) fn store_in(folder: &Folder) -> PathBuf {
    folder.path().join("store")
}

/// A file that has been left alone for long enough.
pub(crate) fn settled(folder: &Folder, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.file(name, bytes);
    std::thread::sleep(SETTLE);
    path
}

/// None but that parts of an earlier run are removed too.
pub(crate) fn options() -> UploadOptions {
    let mut options = UploadOptions::new();
    options.set_remove_parts(true);
    options
}

/// Limits of one request in which a server that says nothing is soon given up.
pub(crate) fn impatient() -> Timeouts {
    let long = Duration::from_secs(3600);
    Timeouts { connect: long, response: Duration::from_millis(700), stall: long }
}

pub(crate) fn stop_at(offset: u64) -> UploadOptions {
    let mut options = UploadOptions::new();
    options.set_stop_at(Some(offset));
    options
}

/// In so many parts, which are removed afterwards.
pub(crate) fn in_parts(count: u32) -> UploadOptions {
    let mut options = UploadOptions::new();
    options.set_parallel_uploads(count);
    options.set_min_part_size(1);
    options.set_remove_parts(true);
    options
}

/// Uploads a file with a client of its own.
pub(crate) fn run(config: &Config, path: &Path, options: &UploadOptions) -> Result<UploadInfo, Error> {
    Client::new(config.clone())?.upload(&mut Source::file(path)?, options)
}

/// Takes log lines down.
pub(crate) fn logged(config: &mut Config, level: Level) -> Arc<Mutex<Vec<String>>> {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&lines);
    config.set_log(Log::new(level, Arc::new(move |_, line| into.lock().unwrap().push(line.to_owned()))));
    lines
}

/// The names of what is in the store.
pub(crate) fn store_files(folder: &Folder) -> Vec<String> {
    let Ok(entries) = fs::read_dir(store_in(folder)) else { return Vec::new() };
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The records in the store.
pub(crate) fn records(folder: &Folder) -> Vec<PathBuf> {
    let names = store_files(folder).into_iter().filter(|name| name.ends_with(".json"));
    names.map(|name| store_in(folder).join(name)).collect()
}

/// Methods alone, in order.
pub(crate) fn methods(server: &Server) -> Vec<String> {
    server.requests().iter().map(|request| request.effective_method.clone()).collect()
}

pub(crate) fn count(server: &Server, method: &str) -> usize {
    server.requests().iter().filter(|request| request.effective_method == method).count()
}

#[track_caller]
pub(crate) fn assert_stored(server: &Server, info: &UploadInfo, bytes: &[u8]) {
    assert!(info.complete, "{info:?}");
    assert_eq!((info.offset, info.size), (bytes.len() as u64, Some(bytes.len() as u64)));
    crate::support::server::assert_stored(server, info.url.as_str(), bytes);
}

#[track_caller]
pub(crate) fn assert_clean(server: &Server) {
    crate::support::server::assert_clean(server);
}

/// A server that also says how long uploads live.
pub(crate) fn expiring(after: Duration) -> Server {
    server_with(|options| options.expires_after = Some(after))
}

/// A server without one of its extensions.
pub(crate) fn lacking(change: impl FnOnce(&mut Extensions)) -> Server {
    server_with(|options: &mut Options| change(&mut options.extensions))
}

/// The uploads on the server that are parts.
pub(crate) fn partial_uploads(server: &Server) -> usize {
    server.uploads().iter().filter(|upload| upload.concat == Concat::Partial).count()
}

/// A progress function that ends the upload once so much is acknowledged.
pub(crate) fn stops_after(confirmed: u64) -> OnProgress {
    Arc::new(move |progress: &Progress| if progress.confirmed >= confirmed { Err(9) } else { Ok(()) })
}
