//! What is continued is the same upload: the same bytes and the same metadata (T-155), also where it is named by its URL.

use std::sync::{Arc, Mutex};

use tus::engine::client::Client;
use tus::engine::config::Config;
use tus::engine::options::UploadOptions;
use tus::engine::uploader::Uploader;
use tus::error::{Error, ErrorKind};
use tus::protocol::metadata::Metadata;
use tus::source::Source;
use tus::store::Record;
use tus_test_server::Server;

use crate::fixture::*;

fn with(pairs: &[(&str, &str)], parts: u32) -> UploadOptions {
    let mut options = in_parts(parts);
    for (key, value) in pairs {
        options.set_metadata_text(key, value).unwrap();
    }
    options
}

/// Sends half of a source with these options.
fn half(config: &Config, bytes: &[u8], options: &UploadOptions) -> Error {
    let mut stopping = options.clone();
    stopping.set_progress(Some(stops_after(bytes.len() as u64 / 2)));
    Client::new(config.clone()).unwrap().upload(&mut Source::memory(bytes.to_vec()), &stopping).unwrap_err()
}

#[test]
fn other_metadata_is_another_upload() {
    let album: &[(&str, &str)] = &[("album", "A"), ("name", "")];
    let cases: [(&[(&str, &str)], bool); 6] = [
        (album, true),
        (&[("name", ""), ("album", "A")], true),
        (&[("album", "B"), ("name", "")], false),
        (&[("album", "A")], false),
        (&[("album", "A"), ("name", ""), ("more", "")], false),
        (&[], false),
    ];
    for parts in [1, 3] {
        for (metadata, same) in cases {
            let (server, folder, bytes) = (server(), Folder::new(), noise(6000, 140));
            let config = stored(&server, &folder);
            half(&config, &bytes, &with(album, parts));
            let client = Client::new(config).unwrap();
            let done = client.upload(&mut Source::memory(bytes.clone()), &with(metadata, parts)).unwrap();
            assert_stored(&server, &done, &bytes);
            assert_eq!(done.stats.bytes_resumed > 0, same, "{metadata:?} in {parts} parts");
            let sent = server.upload(id_of(done.url.as_str())).unwrap().metadata;
            let mut wanted = Metadata::new();
            for (key, value) in metadata {
                wanted.set(key, *value).unwrap();
            }
            assert_eq!(Metadata::parse(&sent.unwrap_or_default()).digest(), wanted.digest());
            // The other one is still there to be found by whoever wants that.
            assert_eq!(records(&folder).len(), usize::from(!same), "{metadata:?}");
        }
    }
}

/// The name that is added to the metadata of a file counts like any other.
#[test]
fn a_file_of_another_name_is_another_upload() {
    let (server, folder, bytes) = (server(), Folder::new(), noise(6000, 141));
    let (one, two) = (folder.file("one", &bytes), settled(&folder, "two", &bytes));
    let client = Client::new(stored(&server, &folder)).unwrap();
    let mut stopping = options();
    stopping.set_progress(Some(stops_after(3000)));
    client.upload_file(&one, &stopping).unwrap_err();
    let second = client.upload_file(&two, &options()).unwrap();
    assert_eq!(second.stats.bytes_resumed, 0);
    let first = client.upload_file(&one, &options()).unwrap();
    assert_eq!(first.stats.bytes_resumed, 3000);
    assert_ne!(first.url, second.url);
}

#[test]
fn other_metadata_of_parts_is_another_upload() {
    let (server, folder, bytes) = (server(), Folder::new(), noise(6000, 142));
    let mut config = stored(&server, &folder);
    config.set_partial_metadata("role", b"part").unwrap();
    half(&config, &bytes, &in_parts(3));
    for (role, resumed) in [(&b"other"[..], false), (b"part", true)] {
        config.set_partial_metadata("role", role).unwrap();
        let client = Client::new(config.clone()).unwrap();
        let done = client.upload(&mut Source::memory(bytes.clone()), &in_parts(3)).unwrap();
        assert_eq!(done.stats.bytes_resumed > 0, resumed, "{role:?}");
    }
}

#[test]
fn a_token_is_refused_with_other_metadata() {
    for parts in [1, 3] {
        let (server, bytes) = (server(), noise(6000, 143));
        let config = config_to(&server.endpoint());
        let told = Arc::new(Mutex::new(String::new()));
        let into = Arc::clone(&told);
        let mut options = with(&[("album", "A")], parts);
        options.set_on_resume_token(Some(Arc::new(move |token| {
            *into.lock().unwrap() = token.to_owned();
            Ok(())
        })));
        let token = half(&config, &bytes, &options).resume_token().unwrap().to_owned();
        let client = Client::new(config).unwrap();
        for (album, works) in [("B", false), ("A", true)] {
            let mut options = with(&[("album", album)], 1);
            options.set_resume_token(Some(&token));
            let result = client.upload(&mut Source::memory(bytes.clone()), &options);
            match (works, result) {
                (true, Ok(done)) => assert_stored(&server, &done, &bytes),
                (false, Err(error)) => {
                    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
                    assert!(error.to_string().contains("other metadata than"), "{error}");
                }
                (_, other) => panic!("{album}: {other:?}"),
            }
        }
    }
}

/// Every way to name an upload by its URL.
type Naming = fn(&Client, Source, &str) -> Result<(), Error>;
const NAMINGS: [(&str, Naming); 3] = [
    ("resume", |client, mut source, url| client.resume_upload(&mut source, url, &options()).map(drop)),
    ("option", |client, mut source, url| {
        let mut options = options();
        options.set_upload_url(Some(url));
        client.upload(&mut source, &options).map(drop)
    }),
    ("uploader", |client, source, url| {
        let mut options = options();
        options.set_upload_url(Some(url));
        Uploader::create(client, source, &options)?.upload().map(drop)
    }),
];

#[test]
fn an_upload_named_by_its_url_is_held_against_the_store() {
    for (what, naming) in NAMINGS {
        for parts in [false, true] {
            let (server, folder, bytes) = (server(), Folder::new(), noise(6000, 144));
            let config = stored(&server, &folder);
            let error = half(&config, &bytes, &options());
            let url = error.upload_url().unwrap().as_str().to_owned();
            // Another beginning, or another end.
            let mut other = bytes.clone();
            other[if parts { 0 } else { 5999 }] ^= 1;
            server.clear_log();
            let client = Client::new(config).unwrap();
            let error = naming(&client, Source::memory(other), &url).unwrap_err();
            assert_eq!((error.kind(), count(&server, "PATCH")), (ErrorKind::SourceChanged, 0), "{what}: {error:?}");
            naming(&client, Source::memory(bytes.clone()), &url).unwrap();
            assert_eq!(server.upload_bytes(id_of(&url)).unwrap(), bytes, "{what}");
            assert_eq!(store_files(&folder), [""; 0], "{what}");
        }
    }
}

/// What the digest in the store does not reach could be anybody's.
#[test]
fn a_named_upload_with_more_than_is_proven_is_refused() {
    for (what, naming) in NAMINGS {
        let (server, folder, bytes) = (server(), Folder::new(), noise(6000, 145));
        let config = stored(&server, &folder);
        let url = half(&config, &bytes, &options()).upload_url().unwrap().as_str().to_owned();
        let path = records(&folder).remove(0);
        shorten_digest(&server, &folder, &path, &bytes[..1000]);
        server.clear_log();
        let error = naming(&Client::new(config).unwrap(), Source::memory(bytes), &url).unwrap_err();
        assert_eq!((error.kind(), count(&server, "PATCH")), (ErrorKind::SourceChanged, 0), "{what}: {error:?}");
        assert_eq!(records(&folder).len(), 1, "{what}");
    }
}

/// Writes the record of a folder anew with the digest of these bytes alone.
fn shorten_digest(server: &Server, folder: &Folder, path: &std::path::Path, bytes: &[u8]) {
    use tus::store::{DirectoryStore, Store as _, key};
    let store = DirectoryStore::open(store_in(folder));
    let key = key(&server.endpoint(), 6000);
    let mut record = Record::from_bytes(&store.find(&key).unwrap().records[0]).unwrap();
    let mut digest = tus::digest::Digest::new(tus::protocol::checksum::Algorithm::Sha256);
    digest.update(bytes);
    record.content = Some(tus::store::Prefix { length: bytes.len() as u64, sha256: digest.finish_hex() });
    std::fs::remove_file(path).unwrap();
    store.put(&key, &record.url, &record.to_bytes()).unwrap();
}

#[test]
fn an_upload_named_by_its_url_is_found_again() {
    for (what, naming) in NAMINGS {
        let (server, folder, bytes) = (server(), Folder::new(), noise(6000, 146));
        let url = server.seed(Some(6000), &bytes[..1000]).unwrap();
        let mut config = stored(&server, &folder);
        let client = Client::new(config.clone()).unwrap();
        server.script(tus_test_server::Rule::on("PATCH").nth(3).reply(403));
        let error = naming(&client, Source::memory(bytes.clone()), &url).unwrap_err();
        assert_eq!((error.kind(), records(&folder).len()), (ErrorKind::HttpStatus, 1), "{what}");
        config.set_retry(tus::protocol::retry::RetryPolicy::default());
        let path = settled(&folder, "a", &bytes);
        let mut found = Source::file(&path).unwrap();
        assert_eq!(client.find_previous_uploads(&mut found).unwrap()[0].url, url);
        // Not with metadata that nobody has said it has.
        let mut album = with(&[("album", "A")], 1);
        album.set_stop_at(Some(0));
        let other = client.upload(&mut Source::memory(bytes.clone()), &album).unwrap();
        assert_ne!(other.url.as_str(), url);
        let done = client.upload_file(&path, &options()).unwrap();
        assert_eq!(done.url.as_str(), url, "{what}");
        assert_stored(&server, &done, &bytes);
        assert_eq!(records(&folder).len(), 1, "{what}: the one with an album");
    }
}

/// What the server has not shown is not worth an entry.
#[test]
fn a_url_that_is_no_upload_leaves_no_entry() {
    for (what, naming) in NAMINGS {
        let (server, folder, bytes) = (server(), Folder::new(), noise(100, 147));
        let client = Client::new(stored(&server, &folder)).unwrap();
        naming(&client, Source::memory(bytes.clone()), "none").unwrap_err();
        let refused = server.seed(Some(100), b"").unwrap();
        server.script(tus_test_server::Rule::on("HEAD").reply(403));
        naming(&client, Source::memory(bytes), &refused).unwrap_err();
        assert_eq!(store_files(&folder), [""; 0], "{what}");
    }
}

/// Also under a size the source does not have: the length may still be open on the server.
#[test]
fn an_upload_named_by_its_url_has_the_size_the_store_remembers() {
    let (server, folder, bytes) = (server(), Folder::new(), noise(6000, 148));
    let config = stored(&server, &folder);
    let url = half(&config, &bytes, &options()).upload_url().unwrap().as_str().to_owned();
    server.clear_log();
    for (what, naming) in NAMINGS {
        let longer = [&bytes[..], b"more"].concat();
        let error = naming(&Client::new(config.clone()).unwrap(), Source::memory(longer), &url).unwrap_err();
        assert_eq!((error.kind(), server.requests().len()), (ErrorKind::SourceChanged, 0), "{what}: {error:?}");
    }
}
