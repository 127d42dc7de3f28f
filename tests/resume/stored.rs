//! A store of upload URLs: what is found in it, what is not used, and what is never in it.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use tus::engine::client::Client;
use tus::engine::log::Level;
use tus::engine::uploader::Uploader;
use tus::error::ErrorKind;
use tus::protocol::session::CreationData;
use tus::source::Source;
use tus::warning::WarningKind;
use tus_test_server::{Options, Rule, Server};

use crate::fixture::*;

#[test]
fn an_upload_that_was_stopped_at_an_offset_is_gone_on_with() {
    let (server, folder, bytes) = (server(), Folder::new(), noise(5000, 1));
    let path = settled(&folder, "a", &bytes);
    let config = stored(&server, &folder);
    let half = run(&config, &path, &stop_at(2000)).unwrap();
    assert_eq!((half.offset, half.complete), (2000, false));
    assert_eq!(records(&folder).len(), 1);
    server.clear_log();

    let done = run(&config, &path, &options()).unwrap();
    assert_eq!(lines(&server), ["HEAD 200", "PATCH 2000+1000 204", "PATCH 3000+1000 204", "PATCH 4000+1000 204"]);
    assert_eq!((done.stats.bytes_resumed, done.stats.bytes_sent), (2000, 3000));
    assert_stored(&server, &done, &bytes);
    assert_eq!(store_files(&folder), [""; 0], "what is finished leaves the store, its lock too");
    assert_clean(&server);
}

#[test]
fn an_upload_the_progress_function_ended_is_gone_on_with() {
    let (server, folder, bytes) = (server(), Folder::new(), noise(5000, 2));
    let path = settled(&folder, "a", &bytes);
    let config = stored(&server, &folder);
    let mut stopping = options();
    stopping.set_progress(Some(stops_after(3000)));
    let error = run(&config, &path, &stopping).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Callback(9));
    assert!(error.upload_url().is_some() && error.resume_token().is_some(), "{error:?}");
    server.clear_log();
    let done = run(&config, &path, &options()).unwrap();
    assert_eq!(lines(&server), ["HEAD 200", "PATCH 3000+1000 204", "PATCH 4000+1000 204"]);
    assert_stored(&server, &done, &bytes);
}

#[test]
fn an_upload_whose_server_died_is_gone_on_with_when_it_is_back() {
    let (folder, bytes) = (Folder::new(), noise(5000, 3));
    let dir = folder.path().join("server");
    let mut options_of_server = Options { dir: Some(dir), ..Options::default() };
    options_of_server.extensions.creation_with_upload = false;
    let server = Server::start(options_of_server.clone()).unwrap();
    let path = settled(&folder, "a", &bytes);
    let mut config = stored(&server, &folder);
    let dying = Arc::new(server);
    let victim = Arc::clone(&dying);
    config.hooks_mut().after_response = Some(Arc::new(move |_, answer| {
        if answer.headers.get("Upload-Offset") == Some("2000") {
            victim.stop_listening();
            victim.close_all_connections();
        }
        Ok(())
    }));
    let error = run(&config, &path, &options()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect, "{error:?}");
    options_of_server.port = dying.port();
    config.hooks_mut().after_response = None;
    drop(dying);
    let server = Server::start(options_of_server).unwrap();
    let done = run(&config, &path, &options()).unwrap();
    assert_eq!(lines(&server), ["HEAD 200", "PATCH 2000+1000 204", "PATCH 3000+1000 204", "PATCH 4000+1000 204"]);
    assert_stored(&server, &done, &bytes);
}

/// T-052: a process that is killed right after the creation must find its upload again.
#[test]
fn the_url_is_kept_before_the_first_byte_goes_out() {
    let (server, folder, bytes) = (server(), Folder::new(), noise(5000, 4));
    let path = folder.file("a", &bytes);
    let mut config = stored(&server, &folder);
    let directory = store_in(&folder);
    config.hooks_mut().before_request = Some(Arc::new(move |request| {
        if request.method() == "PATCH" {
            let id = id_of(request.url().as_str()).to_owned();
            let texts =
                fs::read_dir(&directory).unwrap().map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap());
            assert!(texts.into_iter().any(|text| text.contains(&id)), "{id}");
        }
        Ok(())
    }));
    run(&config, &path, &options()).unwrap();
    assert_eq!(count(&server, "PATCH"), 5);
}

#[test]
fn what_needs_one_request_is_never_in_the_store() {
    let server = Server::start(Options::default()).unwrap();
    let folder = Folder::new();
    let mut config = stored(&server, &folder);
    config.set_chunk_size(tus::protocol::chunk::ChunkSize::Auto).unwrap();
    config.set_upload_with_creation(CreationData::On);
    for size in [0, 11] {
        let path = folder.file("a", &noise(size, 5));
        run(&config, &path, &options()).unwrap();
    }
    assert_eq!(methods(&server), ["OPTIONS", "POST", "OPTIONS", "POST"]);
    assert_eq!(store_files(&folder), [""; 0]);
}

/// Scenario 12.
#[test]
fn an_upload_that_has_expired_is_not_asked_for() {
    let (server, folder, bytes) = (expiring(Duration::from_secs(1)), Folder::new(), noise(5000, 6));
    let path = settled(&folder, "a", &bytes);
    let config = stored(&server, &folder);
    let old = run(&config, &path, &stop_at(2000)).unwrap();
    assert!(old.expires.is_some());
    std::thread::sleep(Duration::from_millis(2100));
    server.clear_log();
    let done = run(&config, &path, &options()).unwrap();
    assert_stored(&server, &done, &bytes);
    assert_ne!(done.url, old.url);
    assert!(server.requests().iter().all(|request| !request.target.ends_with(id_of(old.url.as_str()))));
    assert_eq!(store_files(&folder), [""; 0], "the expired one is gone from the store too");
}

/// The expiry comes with the creation alone and does not move.
#[test]
fn an_expiry_that_was_told_once_is_remembered() {
    let (server, folder, bytes) = (server(), Folder::new(), noise(5000, 6));
    let path = settled(&folder, "a", &bytes);
    let config = stored(&server, &folder);
    server.script(Rule::on("POST").header("Upload-Expires", "Sun, 06 Nov 2050 08:49:37 GMT"));
    run(&config, &path, &stop_at(2000)).unwrap();
    let client = Client::new(config.clone()).unwrap();
    let found = client.find_previous_uploads(&mut Source::file(&path).unwrap()).unwrap();
    assert_eq!(found[0].expires, Some(2_551_337_377));

    let other = Folder::new();
    let config = stored(&server, &other);
    server.script(Rule::on("POST").header("Upload-Expires", "Sun, 06 Nov 1994 08:49:37 GMT"));
    run(&config, &path, &stop_at(2000)).unwrap();
    server.clear_log();
    run(&config, &path, &options()).unwrap();
    assert_eq!(count(&server, "HEAD"), 0);
}

/// An expiry that each PATCH moves on: the last one counts.
#[test]
fn the_last_expiry_counts() {
    let (server, folder, bytes) = (server(), Folder::new(), noise(6000, 6));
    let path = settled(&folder, "a", &bytes);
    for parts in [1, 3] {
        let folder = Folder::new();
        let config = stored(&server, &folder);
        server.script(Rule::on("POST").times(parts).header("Upload-Expires", "Sun, 06 Nov 2050 08:49:37 GMT"));
        server.script(Rule::on("PATCH").forever().header("Upload-Expires", "Sun, 06 Nov 2050 09:49:37 GMT"));
        let mut options = in_parts(parts);
        // By then each part has had an answer.
        options.set_progress(Some(stops_after(5000)));
        run(&config, &path, &options).unwrap_err();
        let client = Client::new(config.clone()).unwrap();
        let found = client.find_previous_uploads(&mut Source::file(&path).unwrap()).unwrap();
        assert_eq!(found[0].expires, Some(2_551_340_977), "{parts}");
        server.clear_script();
    }
}

/// T-081: by the server's clock.
#[test]
fn an_expiry_is_read_by_the_servers_clock() {
    let (server, folder, bytes) = (expiring(Duration::from_secs(3600)), Folder::new(), noise(5000, 7));
    let path = settled(&folder, "a", &bytes);
    let config = stored(&server, &folder);
    server.set_clock_skew(-7200);
    run(&config, &path, &stop_at(2000)).unwrap();
    server.clear_log();
    let done = run(&config, &path, &options()).unwrap();
    assert_eq!(methods(&server)[0], "HEAD", "an hour is left by the server's clock, none by ours");
    assert_stored(&server, &done, &bytes);
}

#[test]
fn an_upload_that_is_gone_is_begun_again_and_its_entry_replaced() {
    for status in [404, 410] {
        let server = server_with(|options| options.gone_status = status);
        let (folder, bytes) = (Folder::new(), noise(5000, 8));
        let path = settled(&folder, "a", &bytes);
        let config = stored(&server, &folder);
        let old = run(&config, &path, &stop_at(2000)).unwrap();
        server.remove_upload(id_of(old.url.as_str()));
        server.clear_log();
        let new = run(&config, &path, &stop_at(3000)).unwrap();
        let expected = [format!("HEAD {status}"), "OPTIONS 204".to_owned(), "POST 5000 201".to_owned()];
        assert_eq!(lines(&server)[..3], expected);
        let entries = records(&folder);
        assert_eq!(entries.len(), 1);
        assert!(fs::read_to_string(&entries[0]).unwrap().contains(new.url.as_str()));
        let done = run(&config, &path, &options()).unwrap();
        assert_eq!(done.url, new.url);
        assert_stored(&server, &done, &bytes);
        assert_eq!(store_files(&folder), [""; 0]);
    }
}

#[test]
fn an_upload_that_may_not_be_seen_is_left_alone_and_its_entry_kept() {
    let (server, folder, bytes) = (server(), Folder::new(), noise(5000, 9));
    let path = settled(&folder, "a", &bytes);
    let config = stored(&server, &folder);
    let old = run(&config, &path, &stop_at(2000)).unwrap();
    server.script(Rule::on("HEAD").reply(403));
    let done = run(&config, &path, &options()).unwrap();
    assert_ne!(done.url, old.url);
    assert_stored(&server, &done, &bytes);
    assert_eq!(server.upload_bytes(id_of(old.url.as_str())).unwrap(), &bytes[..2000]);
    let client = Client::new(config).unwrap();
    let found = client.find_previous_uploads(&mut Source::file(&path).unwrap()).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].url, old.url.as_str());
}

/// What is read back counts only at origins the program trusts: whoever can write to the store could name any other.
#[test]
fn an_upload_on_another_origin_is_not_gone_on_with() {
    let (here, there, folder, bytes) = (server(), server(), Folder::new(), noise(5000, 10));
    let path = settled(&folder, "a", &bytes);
    let config = stored(&here, &folder);
    let url = there.seed(Some(5000), b"").unwrap();
    here.script(Rule::on("POST").header("Location", &url));
    let half = run(&config, &path, &stop_at(2000)).unwrap();
    assert_eq!(half.url.as_str(), url);
    here.clear_log();
    there.clear_log();
    let done = run(&config, &path, &options()).unwrap();
    assert_stored(&here, &done, &bytes);
    assert_eq!(there.requests().len(), 0);
    let passed_over = done.warnings.iter().any(|warning| warning.kind == WarningKind::StoreUnreadable);
    assert!(passed_over, "{:?}", done.warnings);
}

#[test]
fn an_upload_on_an_allowed_origin_is_gone_on_with() {
    let (here, there, folder, bytes) = (server(), server(), Folder::new(), noise(5000, 10));
    let path = settled(&folder, "a", &bytes);
    let mut config = stored(&here, &folder);
    config.allow_origin(there.origin()).unwrap();
    let url = there.seed(Some(5000), b"").unwrap();
    here.script(Rule::on("POST").header("Location", &url));
    run(&config, &path, &stop_at(2000)).unwrap();
    here.clear_log();
    let done = run(&config, &path, &options()).unwrap();
    assert_eq!(here.requests().len(), 0);
    assert_stored(&there, &done, &bytes);
    assert!(methods(&there).contains(&"HEAD".to_owned()));
}

#[test]
fn data_for_another_origin_goes_without_credentials() {
    let (here, there, folder, bytes) = (server(), server(), Folder::new(), noise(5000, 10));
    let path = settled(&folder, "a", &bytes);
    let mut config = stored(&here, &folder);
    config.set_header("Authorization", Some("Bearer s3cret")).unwrap();
    config.set_header("X-Api-Key", Some("s3cret")).unwrap();
    let url = there.seed(Some(5000), b"").unwrap();
    here.script(Rule::on("POST").header("Location", &url));
    let done = run(&config, &path, &options()).unwrap();
    assert_stored(&there, &done, &bytes);
    for request in there.requests() {
        let all: Vec<_> = request.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        assert!(!all.iter().any(|header| header.contains("s3cret")), "{all:?}");
    }
}

#[test]
fn an_upload_on_another_origin_that_cannot_be_reached_is_begun_again() {
    let (here, there, folder, bytes) = (server(), server(), Folder::new(), noise(5000, 11));
    let path = settled(&folder, "a", &bytes);
    let mut config = stored(&here, &folder);
    config.allow_origin(there.origin()).unwrap();
    let url = there.seed(Some(5000), b"").unwrap();
    here.script(Rule::on("POST").header("Location", &url));
    run(&config, &path, &stop_at(2000)).unwrap();
    drop(there);
    let done = run(&config, &path, &options()).unwrap();
    assert_stored(&here, &done, &bytes);
}

#[test]
fn an_upload_of_another_endpoint_is_not_looked_at() {
    let (one, two, folder, bytes) = (server(), server(), Folder::new(), noise(5000, 12));
    let path = settled(&folder, "a", &bytes);
    run(&stored(&one, &folder), &path, &stop_at(2000)).unwrap();
    one.clear_log();
    let done = run(&stored(&two, &folder), &path, &options()).unwrap();
    assert_stored(&two, &done, &bytes);
    assert_eq!((one.requests().len(), count(&two, "HEAD")), (0, 0));
    assert_eq!(records(&folder).len(), 1, "that of the first server");
    let done = run(&stored(&one, &folder), &path, &options()).unwrap();
    assert_eq!(done.stats.bytes_resumed, 2000);
}

#[test]
fn no_file_of_the_store_has_a_secret_in_it() {
    let (server, folder, bytes) = (server(), Folder::new(), noise(5000, 13));
    let path = settled(&folder, "a", &bytes);
    let secret_url = server.endpoint().replace("http://", "http://ann:passw0rd@") + "?token=qu3ry#fr4gment";
    for parts in [1, 3] {
        let mut config = config_to(&secret_url);
        config.set_store_dir(store_in(&folder));
        config.set_header("X-Api-Key", Some("h3ader")).unwrap();
        config.set_header("Cookie", Some("c00kie=1")).unwrap();
        let mut options = in_parts(parts);
        options.set_metadata_text("secret", "m3tadata").unwrap();
        options.set_progress(Some(stops_after(1000)));
        run(&config, &path, &options).unwrap_err();
        let files = store_files(&folder);
        assert!(!files.is_empty());
        for name in files {
            let text = fs::read_to_string(store_in(&folder).join(&name)).unwrap();
            for secret in ["passw0rd", "ann", "YW5uO", "qu3ry", "fr4gment", "h3ader", "c00kie", "m3tadata"] {
                assert!(!text.contains(secret) && !name.contains(secret), "{secret} in {text}");
            }
        }
        fs::remove_dir_all(store_in(&folder)).unwrap();
    }
}

/// The query may be another one each time.
#[test]
fn an_endpoint_with_a_token_in_its_query_is_the_same_endpoint() {
    let (server, folder, bytes) = (server(), Folder::new(), noise(5000, 14));
    let path = settled(&folder, "a", &bytes);
    for (token, stop) in [("one", Some(2000)), ("two", None)] {
        let mut config = config_to(&format!("{}?token={token}", server.endpoint()));
        config.set_store_dir(store_in(&folder));
        let mut options = options();
        options.set_stop_at(stop);
        let info = run(&config, &path, &options).unwrap();
        assert_eq!(info.stats.bytes_resumed, if stop.is_some() { 0 } else { 2000 });
    }
}

#[test]
fn what_is_deleted_leaves_the_store() {
    let (server, folder) = (server(), Folder::new());
    let path = settled(&folder, "a", &noise(5000, 15));
    let config = stored(&server, &folder);
    let half = run(&config, &path, &stop_at(2000)).unwrap();
    Client::new(config).unwrap().delete_upload(half.url.as_str()).unwrap();
    assert_eq!(store_files(&folder), [""; 0]);
}

#[test]
fn what_is_resumed_by_its_url_to_its_end_leaves_the_store() {
    let (server, folder, bytes) = (server(), Folder::new(), noise(5000, 16));
    let path = settled(&folder, "a", &bytes);
    let config = stored(&server, &folder);
    let half = run(&config, &path, &stop_at(2000)).unwrap();
    let client = Client::new(config).unwrap();
    let mut source = Source::file(&path).unwrap();
    let done = client.resume_upload(&mut source, half.url.as_str(), &options()).unwrap();
    assert_stored(&server, &done, &bytes);
    assert_eq!(store_files(&folder), [""; 0]);
}

/// T-019: a URL that is known to be gone is not kept.
#[test]
fn what_is_resumed_by_its_url_and_gone_leaves_the_store() {
    let (server, folder, bytes) = (server(), Folder::new(), noise(5000, 16));
    let path = settled(&folder, "a", &bytes);
    let config = stored(&server, &folder);
    let half = run(&config, &path, &stop_at(2000)).unwrap();
    server.remove_upload(id_of(half.url.as_str()));
    let client = Client::new(config).unwrap();
    let mut source = Source::file(&path).unwrap();
    let error = client.resume_upload(&mut source, half.url.as_str(), &options()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Gone);
    assert_eq!(store_files(&folder), [""; 0]);
}

#[test]
fn earlier_uploads_are_listed_without_a_request() {
    let (server, folder, bytes) = (server(), Folder::new(), noise(5000, 17));
    let path = settled(&folder, "a", &bytes);
    let config = stored(&server, &folder);
    let half = run(&config, &path, &stop_at(2000)).unwrap();
    settled(&folder, "b", &noise(5000, 18));
    server.clear_log();
    let client = Client::new(config).unwrap();
    let found = client.find_previous_uploads(&mut Source::file(&path).unwrap()).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].url.as_str(), found[0].offset, found[0].size), (half.url.as_str(), 2000, 5000));
    let other = client.find_previous_uploads(&mut Source::file(&folder.path().join("b")).unwrap()).unwrap();
    assert_eq!(other, []);
    assert_eq!(client.prune_store(None).unwrap(), 0);
    assert_eq!(client.prune_store(Some(Duration::from_secs(3600))).unwrap(), 0, "not an hour old");
    std::thread::sleep(Duration::from_millis(2100));
    assert_eq!(client.prune_store(Some(Duration::from_millis(1000))).unwrap(), 1);
    assert_eq!(server.requests().len(), 0);
}

/// T-082.
#[test]
fn an_upload_that_will_expire_before_its_end_is_told() {
    let (server, folder) = (expiring(Duration::from_secs(4)), Folder::new());
    let path = settled(&folder, "a", &noise(20_000, 19));
    let mut config = stored(&server, &folder);
    let told = Arc::new(std::sync::Mutex::new(Vec::new()));
    let into = Arc::clone(&told);
    config.hooks_mut().on_expiring = Some(Arc::new(move |url, at| {
        into.lock().unwrap().push((url.as_str().to_owned(), at));
        Err(5)
    }));
    let log = logged(&mut config, Level::Warn);
    server.script(Rule::on("PATCH").times(20).delay_answer(Duration::from_millis(300)));
    let error = run(&config, &path, &options()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Callback(5), "{error:?} {:?}", log.lock().unwrap());
    assert_eq!(told.lock().unwrap().len(), 1);
    assert_eq!(told.lock().unwrap()[0].0, error.upload_url().unwrap().as_str());
}

#[test]
fn what_is_stored_is_listed_without_its_source_and_forgotten_without_the_server() {
    let (server, other, folder) = (server(), server(), Folder::new());
    let mut urls = Vec::new();
    for (name, parts) in [("one", 1), ("two", 3)] {
        let path = settled(&folder, name, &noise(5000 + parts, parts as u64));
        let mut options = in_parts(parts as u32);
        options.set_progress(Some(stops_after(2000)));
        run(&stored(&server, &folder), &path, &options).unwrap_err();
        urls.push(name);
    }
    let mut elsewhere = config_to(&other.endpoint());
    elsewhere.set_store_dir(store_in(&folder));
    run(&elsewhere, &settled(&folder, "three", &noise(100, 3)), &stop_at(50)).unwrap();
    server.clear_log();

    let client = Client::new(stored(&server, &folder)).unwrap();
    let listed = client.list_stored().unwrap();
    let mut sizes: Vec<_> = listed.iter().map(|upload| (upload.size, upload.parts.len())).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [(5001, 0), (5003, 3)], "of this endpoint alone");
    client.forget("https://example.com/unknown").unwrap();
    assert_eq!(records(&folder).len(), 3);
    for upload in &listed {
        // By any URL that is told of it.
        client.forget(upload.parts.last().filter(|url| !url.is_empty()).unwrap_or(&upload.url)).unwrap();
    }
    assert_eq!((client.list_stored().unwrap().len(), records(&folder).len()), (0, 1));
    assert_eq!(server.requests().len(), 0, "the server was not asked");
    assert!(server.uploads().len() >= 2, "and has all that it had");
}

#[test]
fn an_upload_under_way_is_not_forgotten() {
    let (server, folder, bytes) = (server(), Folder::new(), noise(5000, 160));
    let config = stored(&server, &folder);
    let mut uploader =
        Uploader::create(&Client::new(config.clone()).unwrap(), Source::memory(bytes), &options()).unwrap();
    uploader.upload_chunk().unwrap();
    let (client, url) = (Client::new(config).unwrap(), uploader.url().unwrap().as_str().to_owned());
    assert_eq!(client.forget(&url).unwrap_err().kind(), ErrorKind::InvalidState);
    drop(uploader);
    client.forget(&url).unwrap();
    assert_eq!(store_files(&folder), [""; 0]);
}

#[test]
fn without_a_store_nothing_is_listed_or_forgotten() {
    let server = server();
    let client = Client::new(config_to(&server.endpoint())).unwrap();
    assert!(client.list_stored().unwrap().is_empty());
    client.forget("1").unwrap();
    assert_eq!(server.requests().len(), 0);
}
