//! What is no failure reaches the caller: with the result, with the error, and in the progress.

use std::sync::{Arc, Mutex};

use tus::engine::client::Client;
use tus::engine::hooks::{Progress, WaitReason};
use tus::engine::uploader::Uploader;
use tus::error::ErrorKind;
use tus::source::Source;
use tus::warning::{Warning, WarningKind};
use tus_test_server::Rule;

use crate::fixture::*;

fn kinds(warnings: &[Warning]) -> Vec<WarningKind> {
    warnings.iter().map(|warning| warning.kind).collect()
}

#[test]
fn an_upload_that_fails_says_that_it_could_not_be_noted() {
    let (server, folder, bytes) = (server(), Folder::new(), noise(5000, 30));
    server.script(Rule::on("PATCH").forever().reply(403));
    let mut config = config_to(&server.endpoint());
    config.set_store_dir(folder.file("store", b"not a directory"));
    let error = run(&config, &settled(&folder, "a", &bytes), &options()).unwrap_err();
    assert_eq!(kinds(error.warnings()), [WarningKind::StoreUnreadable, WarningKind::NotStored]);
    assert!(error.upload_url().is_some(), "so the URL is the only way back to it");
}

#[test]
fn an_uploader_tells_what_it_has_met_so_far() {
    let (server, folder, bytes) = (server(), Folder::new(), noise(2500, 31));
    let mut config = config_to(&server.endpoint());
    config.set_store_dir(folder.file("store", b"not a directory"));
    let client = Client::new(config).unwrap();
    let source = Source::file(&settled(&folder, "a", &bytes)).unwrap();
    let mut uploader = Uploader::create(&client, source, &options()).unwrap();
    let expected = [WarningKind::StoreUnreadable, WarningKind::NotStored];
    assert_eq!(kinds(&uploader.warnings()), expected);
    assert_eq!(kinds(&uploader.upload().unwrap().warnings), expected);
}

#[test]
fn an_upload_that_was_lost_under_way_is_named() {
    let (server, folder, bytes) = (server(), Folder::new(), noise(5000, 32));
    server.script(Rule::on("PATCH").nth(3).reply(404));
    let done = run(&config_to(&server.endpoint()), &settled(&folder, "a", &bytes), &options()).unwrap();
    assert_stored(&server, &done, &bytes);
    assert_eq!(kinds(&done.warnings), [WarningKind::BegunAnew]);
    assert_ne!(done.warnings[0].url.as_ref(), Some(&done.url));
}

#[test]
fn an_upload_that_is_not_sent_in_parts_says_why() {
    let (server, folder, bytes) =
        (lacking(|extensions| extensions.concatenation = false), Folder::new(), noise(900, 33));
    let mut options = in_parts(3);
    options.set_parallel_fallback(true);
    let done = run(&config_to(&server.endpoint()), &settled(&folder, "a", &bytes), &options).unwrap();
    assert_eq!(kinds(&done.warnings), [WarningKind::NotInParts]);
    assert!(done.warnings[0].text.contains("concatenation"), "{:?}", done.warnings);
}

#[test]
fn parts_that_could_not_be_removed_are_named() {
    let (server, folder, bytes) = (server(), Folder::new(), noise(6000, 34));
    server.script(Rule::on("PATCH").nth(2).reply(403));
    server.script(Rule::on("DELETE").forever().reply(500));
    let error = run(&config_to(&server.endpoint()), &settled(&folder, "a", &bytes), &in_parts(2)).unwrap_err();
    let left = error.warnings().iter().filter(|warning| warning.kind == WarningKind::LeftOnServer);
    let mut left: Vec<_> = left.map(|warning| id_of(warning.url.as_ref().unwrap().as_str()).to_owned()).collect();
    let mut there: Vec<_> = server.uploads().iter().map(|upload| upload.id.clone()).collect();
    left.sort();
    there.sort();
    assert_eq!(left, there, "{error:?}");
    assert!(!left.is_empty());
}

/// A server that is down is seen to be tried again, while it is.
#[test]
fn retries_and_what_is_waited_for_are_told_to_progress() {
    let (server, folder, bytes) = (server(), Folder::new(), noise(900, 35));
    server.script(Rule::on("PATCH").forever().reply(503));
    let seen: Arc<Mutex<Vec<Progress>>> = Arc::default();
    let into = Arc::clone(&seen);
    let mut options = options();
    options.set_progress(Some(Arc::new(move |progress: &Progress| {
        into.lock().unwrap().push(*progress);
        Ok(())
    })));
    let error = run(&config_to(&server.endpoint()), &settled(&folder, "a", &bytes), &options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::HttpStatus);
    let mut seen: Vec<_> = seen.lock().unwrap().iter().map(|progress| (progress.retries, progress.waiting)).collect();
    seen.dedup();
    let backoff = Some(WaitReason::Backoff);
    assert_eq!(seen, [(0, None), (1, None), (1, backoff), (1, None), (2, None), (2, backoff), (2, None)]);
}
