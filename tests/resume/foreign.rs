//! Tokens and records that somebody else has written: whatever they name, nothing goes to an origin that is not allowed,
//! and nothing is deleted or written to that is not the upload they tell of.

use std::sync::{Arc, Mutex};

use tus::engine::client::Client;
use tus::engine::config::Config;
use tus::engine::control::Control;
use tus::engine::options::UploadOptions;
use tus::error::{Error, ErrorKind};
use tus::source::Source;
use tus::store::{DirectoryStore, PartRecord, Record, Store as _, TokenKey, key};
use tus_test_server::{Rule, Server};

use crate::fixture::*;

const SIZE: usize = 6000;

/// An endpoint, a server of somebody else's, and two uploads at the endpoint that are somebody else's too.
struct World {
    home: Server,
    evil: Server,
    bytes: Vec<u8>,
    /// Of the size of the source, and of the size of a part.
    victims: [String; 2],
    /// What the library itself says of an upload of the source, all of which is proven.
    honest: Record,
}

fn world(parts: u32) -> World {
    let (home, evil, bytes) = (server(), server(), noise(SIZE, 130));
    let (told, mut options) = (Arc::new(Mutex::new(String::new())), in_parts(parts));
    let into = Arc::clone(&told);
    options.set_on_resume_token(Some(Arc::new(move |token| {
        *into.lock().unwrap() = token.to_owned();
        Ok(())
    })));
    options.set_progress(Some(stops_after(3000)));
    let client = Client::new(config_to(&home.endpoint())).unwrap();
    let error = client.upload(&mut Source::memory(bytes.clone()), &options).unwrap_err();
    let honest = Record::from_token(error.resume_token().unwrap(), None).unwrap();
    let victims = [SIZE as u64, 2000].map(|size| home.seed(Some(size), b"theirs").unwrap());
    home.clear_log();
    World { home, evil, bytes, victims, honest }
}

impl World {
    /// Goes on with a record, given as a token or found in a store.
    fn go_on(&self, record: &Record, stored: bool) -> Result<tus::engine::info::UploadInfo, Error> {
        let (mut config, mut options) = (config_to(&self.home.endpoint()), UploadOptions::new());
        config.set_user_agent("second").unwrap();
        let folder = Folder::new();
        if stored {
            config.set_store_dir(store_in(&folder));
            let store = DirectoryStore::open(store_in(&folder));
            // Refused at once, or left for the upload to judge.
            let _ = store.put(&key(&self.home.endpoint(), SIZE as u64), &record.url, &record.to_bytes());
        } else {
            options.set_resume_token(Some(&record.to_token(None)));
        }
        Client::new(config)?.upload(&mut Source::memory(self.bytes.clone()), &options)
    }

    /// Nobody else's server was talked to, and nobody else's upload touched.
    #[track_caller]
    fn assert_unharmed(&self, what: &str) {
        assert_eq!((self.evil.connections(), self.evil.requests().len()), (0, 0), "{what}");
        for victim in &self.victims {
            assert_eq!(self.home.upload_bytes(id_of(victim)).as_deref(), Some(&b"theirs"[..]), "{what}");
        }
        let deleted = self.home.requests().into_iter().filter(|request| request.effective_method == "DELETE");
        let foreign: Vec<_> =
            deleted.filter(|request| self.victims.iter().any(|it| it.ends_with(&request.target))).collect();
        assert!(foreign.is_empty(), "{what}: {foreign:?}");
    }
}

type Forge = fn(&World, &mut Record);

/// What an attacker changes, and whether a token with it is refused before any request.
fn forgeries() -> Vec<(&'static str, bool, Forge)> {
    vec![
        ("the upload at another origin", true, |w, r| r.url = w.evil.upload_url("1")),
        ("another port", true, |w, r| r.url = format!("http://127.0.0.1:{}/files/1", w.evil.port())),
        ("another scheme", true, |w, r| r.url = w.home.upload_url("1").replacen("http:", "https:", 1)),
        ("another origin behind userinfo", true, |w, r| {
            r.url = w.evil.upload_url("1").replacen("http://", &format!("http://{}@", w.home.address()), 1);
        }),
        ("no http", true, |_, r| r.url = "file:///etc/passwd".to_owned()),
        ("a relative URL", true, |_, r| r.url = "/files/1".to_owned()),
        ("a scheme-relative URL", true, |w, r| r.url = format!("//{}/files/1", w.evil.address())),
        ("another endpoint", true, |w, r| r.endpoint = w.evil.endpoint()),
        ("the whole at another origin", true, |w, r| r.whole = Some(w.evil.upload_url("1"))),
        ("a part at another origin", true, |w, r| r.parts[1].url = w.evil.upload_url("1")),
        ("an empty part", true, |w, r| {
            r.parts.insert(0, PartRecord { url: w.victims[1].clone(), start: 0, length: 0 });
        }),
        ("an empty part at the end", true, |w, r| {
            r.parts.push(PartRecord { url: w.victims[1].clone(), start: SIZE as u64, length: 0 });
        }),
        ("more parts than threads", true, |_, r| {
            let part = |at: u64| PartRecord { url: String::new(), start: at * 60, length: 60 };
            r.parts = (0..100).map(part).collect();
        }),
        ("parts that fit into no header", true, |w, r| {
            for part in &mut r.parts {
                part.url = format!("{}{}{}", w.home.endpoint(), part.start, "x".repeat(3000));
            }
        }),
        ("the same part twice", true, |_, r| r.parts[1].url = r.parts[0].url.clone()),
        ("parts that overlap", true, |_, r| r.parts[1].start = 0),
        ("parts that end early", true, |_, r| drop(r.parts.pop())),
        ("another's upload as a part", false, |w, r| r.parts[0].url = w.victims[1].clone()),
        ("another's upload as the whole", false, |w, r| r.whole = Some(w.victims[0].clone())),
        ("another's upload as a part, with a whole", false, |w, r| {
            r.parts[2].url = w.victims[1].clone();
            r.whole = Some(w.victims[0].clone());
        }),
        ("nothing of it is there", false, |w, r| {
            for (at, part) in r.parts.iter_mut().enumerate() {
                part.url = w.home.upload_url(&format!("none{at}"));
            }
        }),
    ]
}

#[test]
fn what_an_attacker_writes_does_no_harm() {
    for stored in [false, true] {
        for (what, refused, forge) in forgeries() {
            let world = world(3);
            let mut record = world.honest.clone();
            forge(&world, &mut record);
            let result = world.go_on(&record, stored);
            let what = format!("{what} (stored: {stored})");
            world.assert_unharmed(&what);
            if stored {
                // Passed over: it costs nothing but what was sent before.
                let info = result.unwrap_or_else(|error| panic!("{what}: {error:?}"));
                assert_stored(&world.home, &info, &world.bytes);
            } else if refused {
                let error = result.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{what}: {error:?}");
                let requests = world.home.requests();
                let asked = requests.iter().filter(|request| request.header("User-Agent") == Some("second")).count();
                assert_eq!(asked, 0, "{what}");
            } else {
                let info = result.unwrap_or_else(|error| panic!("{what}: {error:?}"));
                assert_stored(&world.home, &info, &world.bytes);
            }
        }
    }
}

/// What the token names is an origin the program has allowed: then it counts.
#[test]
fn an_allowed_origin_counts() {
    let world = world(1);
    let url = world.evil.seed(Some(SIZE as u64), &world.bytes[..1000]).unwrap();
    let record = Record { url, ..world.honest.clone() };
    let mut config = config_to(&world.home.endpoint());
    config.allow_origin(world.evil.origin()).unwrap();
    let mut options = UploadOptions::new();
    options.set_resume_token(Some(&record.to_token(None)));
    let done = Client::new(config).unwrap().upload(&mut Source::memory(world.bytes.clone()), &options).unwrap();
    assert_stored(&world.evil, &done, &world.bytes);
    assert_eq!(done.stats.bytes_resumed, 1000);
}

/// An upload that is named by a token is deleted on wish only if the server shows it to be one.
#[test]
fn a_wish_to_delete_is_no_leave_to_delete_what_a_token_names() {
    for (what, strip, deleted) in [("the recorded one", false, 1), ("a page that is no upload", true, 0)] {
        for parts in [1, 3] {
            let world = world(parts);
            if strip {
                world.home.script(Rule::on("HEAD").without("Tus-Resumable").forever());
            }
            let control = Control::new();
            let (mut config, steering) = (config_to(&world.home.endpoint()), control.clone());
            config.hooks_mut().before_request = Some(Arc::new(move |request| {
                if request.method() == "HEAD" {
                    steering.cancel_and_delete();
                }
                Ok(())
            }));
            let mut options = UploadOptions::new();
            options.set_resume_token(Some(&world.honest.to_token(None)));
            let client = Client::new(config).unwrap().under(&control);
            let error = client.upload(&mut Source::memory(world.bytes.clone()), &options).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Cancelled, "{what}: {error:?}");
            let expected = deleted * parts as usize;
            assert_eq!(count(&world.home, "DELETE"), expected, "{what} {parts}: {error:?} {:?}", lines(&world.home));
            world.assert_unharmed(what);
        }
    }
}

/// Every byte of the content of a token changed in turn: it is refused, or it goes on with the upload, or another one is
/// sent; never anything else.
#[test]
fn mutated_records_do_no_harm() {
    let world = world(3);
    let mut random = fastrand::Rng::with_seed(7);
    let honest = world.honest.to_bytes();
    let mut read = 0;
    for _ in 0..200 {
        let mut bytes = honest.clone();
        let at = random.usize(..bytes.len());
        bytes[at] = *random.choice(b"0123456789\"/:abcdefx-").unwrap();
        let Ok(record) = Record::from_bytes(&bytes) else { continue };
        read += 1;
        let _ = world.go_on(&record, random.bool());
        world.assert_unharmed(&String::from_utf8_lossy(&bytes));
    }
    assert!(read > 10, "{read} of the mutations were looked at");
}

#[test]
fn with_a_key_only_signed_tokens_count() {
    let world = world(1);
    let keyed = |byte| {
        let mut config: Config = config_to(&world.home.endpoint());
        config.set_token_key(TokenKey::new(&[byte; 32]));
        Client::new(config).unwrap()
    };
    let with = |token: &str| {
        let mut options = UploadOptions::new();
        options.set_resume_token(Some(token));
        options
    };
    let source = || Source::memory(world.bytes.clone());
    let folder = Folder::new();
    let path = settled(&folder, "a", &world.bytes);
    let mut stopping = options();
    stopping.set_progress(Some(stops_after(3000)));
    let error = keyed(1).upload(&mut Source::file(&path).unwrap(), &stopping).unwrap_err();
    let token = error.resume_token().unwrap().to_owned();
    world.home.clear_log();

    let plain = Client::new(config_to(&world.home.endpoint())).unwrap();
    let forged = Record { offset: 1, ..Record::from_token(&token, TokenKey::new(&[1; 32]).as_ref()).unwrap() };
    let stolen = forged.to_token(TokenKey::new(&[2; 32]).as_ref());
    for (client, token) in [
        (keyed(2), token.as_str()),
        (plain, token.as_str()),
        (keyed(1), world.honest.to_token(None).as_str()),
        (keyed(1), stolen.as_str()),
    ] {
        let error = client.upload(&mut source(), &with(token)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error:?}");
    }
    assert_eq!(world.home.requests().len(), 0);
    let done = keyed(1).upload(&mut Source::file(&path).unwrap(), &with(&token)).unwrap();
    assert_stored(&world.home, &done, &world.bytes);
    assert!(done.stats.bytes_resumed >= 3000);
}
