//! Resume tokens: for programs that keep state of their own.

use std::sync::{Arc, Mutex};

use tus::engine::client::Client;
use tus::engine::options::UploadOptions;
use tus::error::ErrorKind;
use tus::source::Source;

use crate::fixture::*;

type Told = Arc<Mutex<Vec<(String, usize)>>>;

/// Options that write down the tokens, and how many requests with data the server had seen by then.
fn telling(server: &Arc<tus_test_server::Server>, parts: u32) -> (UploadOptions, Told) {
    let told = Told::default();
    let (into, server) = (Arc::clone(&told), Arc::clone(server));
    let mut options = in_parts(parts);
    options.set_on_resume_token(Some(Arc::new(move |token| {
        into.lock().unwrap().push((token.to_owned(), count(&server, "PATCH")));
        Ok(())
    })));
    (options, told)
}

fn with_token(token: &str) -> UploadOptions {
    let mut options = options();
    options.set_resume_token(Some(token));
    options
}

#[test]
fn the_first_token_comes_before_the_first_byte() {
    for parts in [1, 3] {
        let (server, folder, bytes) = (Arc::new(server()), Folder::new(), noise(9000, 70));
        let path = settled(&folder, "a", &bytes);
        let config = config_to(&server.endpoint());
        let (mut options, told) = telling(&server, parts);
        options.set_progress(Some(stops_after(7000)));
        let error = run(&config, &path, &options).unwrap_err();
        let told = told.lock().unwrap().clone();
        if parts == 1 {
            assert_eq!(told[0].1, 0, "no PATCH yet");
        }
        for token in [told.last().unwrap().0.as_str(), error.resume_token().unwrap()] {
            assert!(!token.contains(server.origin()));
        }
        server.clear_log();
        // Another client, without any store.
        let done = run(&config, &path, &with_token(&told.last().unwrap().0)).unwrap();
        assert_stored(&server, &done, &bytes);
        assert!(done.stats.bytes_resumed >= 7000, "{:?}", lines(&server));
        assert_eq!(partial_uploads(&server), 0);
        assert_eq!(server.uploads().len(), 1, "nothing is left over");
        assert_clean(&server);
    }
}

/// What lies in memory, and a file as young as its upload, are known by their bytes alone.
#[test]
fn the_last_token_told_will_do_for_any_source() {
    for parts in [1, 3] {
        for young_file in [false, true] {
            let (server, folder, bytes) = (Arc::new(server()), Folder::new(), noise(300_000, 71));
            let mut config = config_to(&server.endpoint());
            config.set_chunk_size(chunk(10_000)).unwrap();
            let (mut options, told) = telling(&server, parts);
            let client = Client::new(config.clone()).unwrap();
            let open = || match young_file {
                true => Source::file(&folder.path().join("a")).unwrap(),
                false => Source::memory(bytes.clone()),
            };
            options.set_progress(Some(Arc::new(|progress| {
                // So that the digest keeps up even on a busy machine.
                std::thread::sleep(std::time::Duration::from_millis(5));
                if progress.confirmed >= 200_000 { Err(9) } else { Ok(()) }
            })));
            if young_file {
                folder.file("a", &bytes);
            }
            client.upload(&mut open(), &options).unwrap_err();
            let token = told.lock().unwrap().last().unwrap().0.clone();
            let tokens = told.lock().unwrap().len();
            assert!(tokens <= 3 + 20 * parts as usize, "not for each chunk: {tokens}");
            let done = client.upload(&mut open(), &with_token(&token)).unwrap();
            assert_stored(&server, &done, &bytes);
            assert!(done.stats.bytes_resumed >= 200_000, "{:?}", lines(&server));
        }
    }
}

#[test]
fn a_token_works_with_a_store_too() {
    for parts in [1, 3] {
        let (server, folder, bytes) = (Arc::new(server()), Folder::new(), noise(9000, 72));
        let path = settled(&folder, "a", &bytes);
        let config = stored(&server, &folder);
        let (mut options, _) = telling(&server, parts);
        options.set_progress(Some(stops_after(7000)));
        let token = run(&config, &path, &options).unwrap_err().resume_token().unwrap().to_owned();
        let done = run(&config, &path, &with_token(&token)).unwrap();
        assert_stored(&server, &done, &bytes);
        assert_eq!(store_files(&folder), [""; 0]);
        // Spent: the upload is there and complete, or its parts are gone.
        let again = run(&config, &path, &with_token(&token)).unwrap();
        assert_stored(&server, &again, &bytes);
    }
}

#[test]
fn a_mangled_token_is_an_invalid_argument() {
    let (server, folder, bytes) = (Arc::new(server()), Folder::new(), noise(5000, 73));
    let path = settled(&folder, "a", &bytes);
    let config = config_to(&server.endpoint());
    let mut stopping = options();
    stopping.set_progress(Some(stops_after(2000)));
    let token = run(&config, &path, &stopping).unwrap_err().resume_token().unwrap().to_owned();
    server.clear_log();
    let flipped = |at: usize| {
        let mut bytes = token.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).unwrap()
    };
    let mut mangled = vec![String::new(), "x".to_owned(), token[1..].to_owned(), token[..token.len() - 1].to_owned()];
    mangled.push(token.replacen("tus1", "tus2", 1));
    mangled.extend((0..token.len()).step_by(37).map(flipped));
    for token in mangled {
        let error = run(&config, &path, &with_token(&token)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{token}: {error:?}");
    }
    // Of another server.
    let other = crate::fixture::server();
    let error = run(&config_to(&other.endpoint()), &path, &with_token(&token)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert_eq!((server.requests().len(), other.requests().len()), (0, 0));
}

#[test]
fn a_token_for_a_file_that_has_changed_is_refused() {
    for parts in [1, 3] {
        let (server, folder, bytes) = (Arc::new(server()), Folder::new(), noise(9000, 74));
        let path = settled(&folder, "a", &bytes);
        let config = config_to(&server.endpoint());
        let (mut options, _) = telling(&server, parts);
        options.set_progress(Some(stops_after(7000)));
        let token = run(&config, &path, &options).unwrap_err().resume_token().unwrap().to_owned();
        server.clear_log();
        for other in [noise(9000, 75), noise(8999, 74), noise(9001, 74)] {
            folder.file("a", &other);
            let error = run(&config, &path, &with_token(&token)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::SourceChanged, "{error:?}");
        }
        assert_eq!(server.requests().len(), 0);
        // The same bytes under another name are the same.
        let copy = settled(&folder, "copy", &bytes);
        let done = run(&config, &copy, &with_token(&token)).unwrap();
        assert_stored(&server, &done, &bytes);
        assert!(done.stats.bytes_resumed >= 7000);
    }
}

#[test]
fn a_source_that_cannot_be_read_again_takes_no_token() {
    let (server, folder) = (server(), Folder::new());
    let path = settled(&folder, "a", &noise(5000, 76));
    let config = config_to(&server.endpoint());
    let mut stopping = options();
    stopping.set_progress(Some(stops_after(2000)));
    let token = run(&config, &path, &stopping).unwrap_err().resume_token().unwrap().to_owned();
    server.clear_log();
    let (reader, _writer) = std::io::pipe().unwrap();
    let reader = std::fs::File::from(std::os::fd::OwnedFd::from(reader));
    let mut source = Source::descriptor(&reader).unwrap();
    let error = Client::new(config).unwrap().upload(&mut source, &with_token(&token)).unwrap_err();
    assert_eq!((error.kind(), server.requests().len()), (ErrorKind::Unsupported, 0));
}

/// A hook that says stop at the first token: the URL and the token are in the error.
#[test]
fn a_token_hook_may_end_it() {
    let (server, folder, bytes) = (server(), Folder::new(), noise(5000, 77));
    let path = settled(&folder, "a", &bytes);
    let config = config_to(&server.endpoint());
    let mut options = options();
    options.set_on_resume_token(Some(Arc::new(|_| Err(3))));
    let error = run(&config, &path, &options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Callback(3));
    assert_eq!(count(&server, "PATCH"), 0);
    let done = run(&config, &path, &with_token(error.resume_token().unwrap())).unwrap();
    assert_stored(&server, &done, &bytes);
    assert_eq!(server.uploads().len(), 1);
}

#[test]
fn a_token_that_could_never_be_used_is_none() {
    let server = server();
    let (folder, bytes) = (Folder::new(), noise(5000, 97));
    let mut stopping = options();
    stopping.set_progress(Some(stops_after(2000)));
    // Changed just before, and nothing of it was to be remembered: neither its times nor a digest can show it again.
    let young = folder.file("young", &bytes);
    let error = run(&config_to(&server.endpoint()), &young, &stopping).unwrap_err();
    assert!(error.resume_token().is_none() && error.upload_url().is_some());
    let old = settled(&folder, "old", &bytes);
    assert!(run(&config_to(&server.endpoint()), &old, &stopping).unwrap_err().resume_token().is_some());
}
