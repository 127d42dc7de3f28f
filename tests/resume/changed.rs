//! Sources that are not what they were: whatever is resumed, what is on the server in the end is the present file, byte
//! for byte, and the earlier upload has kept its bytes if it is not gone on with.

use std::fs::{self, File, FileTimes};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tus::engine::client::Client;
use tus::engine::config::Config;
use tus::engine::info::UploadInfo;
use tus::engine::options::UploadOptions;
use tus::error::{ErrorKind, Result};
use tus::fingerprint::Fingerprinter;
use tus::source::Source;
use tus::store::{Claim, DirectoryStore, FileIdentity, Found, Record, Store};
use tus_test_server::Server;

use crate::fixture::*;

fn custom() -> Fingerprinter {
    Fingerprinter::Custom(Arc::new(|_, size| Ok(format!("the only file of {size} bytes"))))
}

fn all() -> [Fingerprinter; 4] {
    [Fingerprinter::Content, Fingerprinter::PartialMd5, Fingerprinter::FileIdentity, custom()]
}

/// A half-sent upload, and the same name again after `change`, which returns the file to upload then.
struct Again {
    server: Server,
    folder: Folder,
    config: Config,
    old: UploadInfo,
    old_bytes: Vec<u8>,
    done: UploadInfo,
    bytes: Vec<u8>,
}

impl Again {
    fn run(fingerprinter: Fingerprinter, parts: u32, change: impl Fn(&Folder, &Path) -> PathBuf) -> Again {
        let (server, folder, bytes) = (server(), Folder::new(), noise(200_000, 30));
        let path = settled(&folder, "a", &bytes);
        let mut config = stored(&server, &folder);
        config.set_chunk_size(chunk(20_000)).unwrap();
        config.set_fingerprinter(fingerprinter);
        let mut stopping = in_parts(parts);
        stopping.set_progress(Some(Arc::new(|progress| {
            if progress.confirmed < 140_000 {
                return Ok(());
            }
            // So that the digest has come as far even on a busy machine.
            std::thread::sleep(Duration::from_millis(100));
            Err(9)
        })));
        run(&config, &path, &stopping).unwrap_err();
        let client = Client::new(config.clone()).unwrap();
        let found = client.find_previous_uploads(&mut Source::file(&path).unwrap()).unwrap();
        let old = client.upload_info(&found[0].url).unwrap();
        let old_bytes = server.upload_bytes(id_of(old.url.as_str())).unwrap();
        let path = change(&folder, &path);
        server.clear_log();
        let done = run(&config, &path, &options()).unwrap();
        let bytes = fs::read(path).unwrap();
        assert_stored(&server, &done, &bytes);
        Again { server, folder, config, old, old_bytes, done, bytes }
    }

    fn was_resumed(&self) -> bool {
        self.done.stats.bytes_resumed > 0
    }

    /// The earlier upload was not gone on with, and is as it was.
    #[track_caller]
    fn assert_untouched(&self) {
        assert!(!self.was_resumed(), "{:?}", lines(&self.server));
        // What was on its way when the first run ended may still have arrived.
        let now = self.server.upload_bytes(id_of(self.old.url.as_str())).unwrap();
        assert!(now.len() >= self.old_bytes.len() && noise(200_000, 30).starts_with(&now), "{:?}", lines(&self.server));
    }
}

/// Other bytes from here on, in place.
fn overwrite(path: &Path, from: u64) {
    let mut file = File::options().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(from)).unwrap();
    let length = file.metadata().unwrap().len() - from;
    file.write_all(&noise(length as usize, 31)).unwrap();
}

/// The same with the time of the change set back.
fn overwrite_unseen(path: &Path, from: u64) {
    let modified = fs::metadata(path).unwrap().modified().unwrap();
    overwrite(path, from);
    let file = File::options().write(true).open(path).unwrap();
    file.set_times(FileTimes::new().set_modified(modified)).unwrap();
}

fn each(change: impl Fn(&Folder, &Path) -> PathBuf + Copy, check: impl Fn(&str, &Again)) {
    for parts in [1, 3] {
        for fingerprinter in all() {
            let what = format!("{fingerprinter:?}");
            let again = Again::run(fingerprinter, parts, change);
            check(&what, &again);
            drop((again.folder, again.config));
        }
    }
}

#[test]
fn a_file_that_is_as_it_was_is_gone_on_with() {
    each(
        |_, path| path.to_owned(),
        |what, again| {
            assert!(again.was_resumed() && count(&again.server, "PATCH") < 10, "{what} {:?}", lines(&again.server));
        },
    );
}

#[test]
fn a_file_changed_in_place_is_another() {
    for from in [0, 70_000] {
        each(
            |_, path| {
                overwrite(path, from);
                path.to_owned()
            },
            |_, again| again.assert_untouched(),
        );
    }
}

#[test]
fn a_file_changed_in_place_with_its_time_set_back_is_another() {
    for from in [0, 70_000] {
        each(
            |_, path| {
                overwrite_unseen(path, from);
                path.to_owned()
            },
            |_, again| again.assert_untouched(),
        );
    }
}

/// Only what has not been sent: it may be gone on with, and what counts are the bytes, which [`Again`] looks at.
#[test]
fn a_file_whose_rest_has_changed_arrives_as_it_is() {
    for change in [overwrite, overwrite_unseen] {
        each(
            |_, path| {
                change(path, 190_000);
                path.to_owned()
            },
            |_, _| {},
        );
    }
}

#[test]
fn a_file_put_in_its_place_is_another() {
    each(
        |folder, path| {
            let modified = fs::metadata(path).unwrap().modified().unwrap();
            let new = folder.file("new", &noise(200_000, 32));
            let file = File::options().write(true).open(&new).unwrap();
            file.set_times(FileTimes::new().set_modified(modified)).unwrap();
            fs::rename(&new, path).unwrap();
            path.to_owned()
        },
        |_, again| again.assert_untouched(),
    );
}

/// The same first 64 KiB.
#[test]
fn a_file_that_begins_alike_is_another() {
    each(
        |folder, path| {
            let mut bytes = fs::read(path).unwrap();
            bytes.truncate(65_536);
            bytes.extend(noise(200_000 - 65_536, 33));
            settled(folder, "alike", &bytes)
        },
        |_, again| again.assert_untouched(),
    );
}

#[test]
fn a_file_of_another_size_is_another() {
    for size in [199_999, 200_001] {
        each(
            |_, path| {
                File::options().write(true).open(path).unwrap().set_len(size).unwrap();
                path.to_owned()
            },
            |_, again| {
                assert_eq!(again.bytes.len() as u64, size);
                again.assert_untouched();
            },
        );
    }
}

#[test]
fn a_copy_is_known_by_its_content_and_not_by_its_identity() {
    each(
        |folder, path| {
            let copy = folder.path().join("copy");
            fs::copy(path, &copy).unwrap();
            std::thread::sleep(SETTLE);
            copy
        },
        |what, again| {
            assert_eq!(again.was_resumed(), what != "FileIdentity", "{what} {:?}", lines(&again.server));
        },
    );
}

/// A new name changes neither content nor inode.
#[test]
fn a_file_that_was_renamed_is_known_by_its_content() {
    each(
        |folder, path| {
            let new = folder.path().join("renamed");
            fs::rename(path, &new).unwrap();
            new
        },
        |what, again| {
            assert!(again.was_resumed() || what == "FileIdentity", "{what} {:?}", lines(&again.server));
        },
    );
}

/// Written just before it was uploaded, and again just after: its times may be the same.
#[test]
fn a_file_as_young_as_its_upload_is_not_known_by_its_times() {
    for fingerprinter in all() {
        let (server, folder) = (server(), Folder::new());
        let mut config = stored(&server, &folder);
        config.set_fingerprinter(fingerprinter);
        for seed in 0..5 {
            let bytes = noise(5000, seed);
            let path = folder.file("young", &bytes);
            let mut source = Source::file(&path).unwrap();
            let client = Client::new(config.clone()).unwrap();
            client.upload(&mut source, &stop_at(3000)).unwrap();
            let bytes = noise(5000, seed + 100);
            File::options().write(true).open(&path).unwrap().write_all(&bytes).unwrap();
            let done = run(&config, &path, &options()).unwrap();
            assert_stored(&server, &done, &bytes);
        }
    }
}

/// A directory, in which something is done to the records on their way in or out.
struct Between<I, O> {
    inner: DirectoryStore,
    put: I,
    found: O,
}

impl<I: Fn(&mut Record) + Send + Sync, O: Fn(&mut Record) + Send + Sync> Store for Between<I, O> {
    fn find(&self, key: &str) -> Result<Found> {
        let mut found = self.inner.find(key)?;
        for bytes in &mut found.records {
            let mut record = Record::from_bytes(bytes).unwrap();
            (self.found)(&mut record);
            *bytes = record.to_bytes();
        }
        Ok(found)
    }

    fn put(&self, key: &str, url: &str, record: &[u8]) -> Result<()> {
        let mut record = Record::from_bytes(record).unwrap();
        (self.put)(&mut record);
        self.inner.put(key, url, &record.to_bytes())
    }

    fn remove(&self, key: &str, url: &str) -> Result<()> {
        self.inner.remove(key, url)
    }

    fn claim(&self, key: &str, url: &str) -> Result<Option<Claim>> {
        self.inner.claim(key, url)
    }
}

/// As after a kill before any digest was noted: what lies in memory may be anything by the next run.
#[test]
fn bytes_in_memory_that_begin_alike_are_not_taken_for_the_same() {
    let (server, folder) = (server(), Folder::new());
    let mut config = config_to(&server.endpoint());
    config.set_chunk_size(chunk(20_000)).unwrap();
    config.set_fingerprinter(Fingerprinter::PartialMd5);
    let inner = DirectoryStore::open(store_in(&folder));
    config.set_store(Some(Arc::new(Between {
        inner,
        put: |record: &mut Record| record.content = None,
        found: |_: &mut Record| {},
    })));
    let one = noise(100_000, 34);
    let mut two = one.clone();
    two[65_536..].copy_from_slice(&noise(100_000 - 65_536, 35));
    let old = Client::new(config.clone()).unwrap().upload(&mut Source::memory(one), &stop_at(80_000)).unwrap();
    let done = Client::new(config).unwrap().upload(&mut Source::memory(two.clone()), &options()).unwrap();
    assert_stored(&server, &done, &two);
    assert_ne!(done.url, old.url);
}

/// As after a kill before any digest was noted, of a file too young for its times to prove something.
#[test]
fn an_upload_of_a_young_file_that_has_nothing_yet_is_gone_on_with() {
    for sent in [0, 1000] {
        let (server, folder, bytes) = (server(), Folder::new(), noise(5000, 36));
        let path = settled(&folder, "a", &bytes);
        let mut config = config_to(&server.endpoint());
        let inner = DirectoryStore::open(store_in(&folder));
        let put = |record: &mut Record| (record.content, record.identity_trusted) = (None, false);
        config.set_store(Some(Arc::new(Between { inner, put, found: |_: &mut Record| {} })));
        let old = run(&config, &path, &stop_at(sent)).unwrap();
        let done = run(&config, &path, &options()).unwrap();
        assert_stored(&server, &done, &bytes);
        assert_eq!(done.url == old.url, sent == 0);
    }
}

/// A file system that says of every file that it is the same as ever.
#[test]
fn whoever_does_not_trust_the_file_system_has_it_verified() {
    for verify in [false, true] {
        let (server, folder) = (server(), Folder::new());
        let path = settled(&folder, "a", &noise(5000, 37));
        let mut config = config_to(&server.endpoint());
        let inner = DirectoryStore::open(store_in(&folder));
        let found_at = path.clone();
        let found = move |record: &mut Record| {
            use std::os::unix::fs::MetadataExt as _;
            let metadata = fs::metadata(&found_at).unwrap();
            let modified = (metadata.mtime(), metadata.mtime_nsec());
            let changed = (metadata.ctime(), metadata.ctime_nsec());
            record.identity =
                Some(FileIdentity { device: metadata.dev(), inode: metadata.ino(), modified, changed, start: 0 });
            record.identity_trusted = true;
        };
        config.set_store(Some(Arc::new(Between { inner, put: |_: &mut Record| {}, found })));
        config.set_verify_resumed(verify);
        let old = run(&config, &path, &stop_at(2000)).unwrap();
        let same = run(&config, &path, &stop_at(3000)).unwrap();
        assert_eq!((&same.url, same.stats.bytes_resumed), (&old.url, 2000), "the same bytes are gone on with");
        overwrite(&path, 0);
        let done = run(&config, &path, &options()).unwrap();
        let equal = server.upload_bytes(id_of(done.url.as_str())).unwrap() == fs::read(&path).unwrap();
        assert_eq!(equal, verify, "without the option the lie is believed, or this test tests nothing");
    }
}

#[test]
fn a_fingerprint_of_the_callers_own_finds_what_is_no_file() {
    let (server, folder, bytes) = (server(), Folder::new(), noise(5000, 38));
    let mut config = stored(&server, &folder);
    config.set_fingerprinter(custom());
    let upload = |options: &UploadOptions, bytes: &[u8]| {
        Client::new(config.clone()).unwrap().upload(&mut Source::memory(bytes.to_vec()), options)
    };
    let half = upload(&stop_at(2000), &bytes).unwrap();
    let done = upload(&options(), &bytes).unwrap();
    assert_eq!((&done.url, done.stats.bytes_resumed), (&half.url, 2000));
    assert_stored(&server, &done, &bytes);
    // His word, and the bytes say otherwise.
    upload(&stop_at(2000), &bytes).unwrap();
    let other = noise(5000, 39);
    let done = upload(&options(), &other).unwrap();
    assert_eq!(done.stats.bytes_resumed, 0);
    assert_stored(&server, &done, &other);
}

#[test]
fn a_fingerprint_function_that_fails_ends_it_before_any_request() {
    let (server, folder) = (server(), Folder::new());
    let path = settled(&folder, "a", &noise(5000, 40));
    for (answer, kind) in [(Err(77), ErrorKind::Callback(77)), (Ok("\n".to_owned()), ErrorKind::Fingerprint)] {
        let mut config = stored(&server, &folder);
        config.set_fingerprinter(Fingerprinter::Custom(Arc::new(move |_, _| answer.clone())));
        assert_eq!(run(&config, &path, &options()).unwrap_err().kind(), kind);
    }
    assert_eq!(server.requests().len(), 0);
}

/// Changed while it is sent: never a success, and the next run goes on with nothing of it.
#[test]
fn a_file_that_changes_under_way_ends_its_upload() {
    for parts in [1, 3] {
        let (server, folder) = (server(), Folder::new());
        let path = settled(&folder, "a", &noise(9000, 41));
        let config = stored(&server, &folder);
        let mut changing = in_parts(parts);
        let victim = path.clone();
        let done = AtomicBool::new(false);
        changing.set_progress(Some(Arc::new(move |progress| {
            // By then each part has been begun.
            if progress.confirmed >= 7000 && !done.swap(true, Ordering::SeqCst) {
                overwrite(&victim, 0);
            }
            Ok(())
        })));
        let error = run(&config, &path, &changing).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SourceChanged, "{error:?}");
        let done = run(&config, &path, &in_parts(parts)).unwrap();
        assert_eq!(done.stats.bytes_resumed, 0);
        assert_stored(&server, &done, &fs::read(&path).unwrap());
    }
}

/// What a digest proves of a source, and a run that ended before the server could say whether that is enough.
#[test]
fn a_run_without_an_answer_proves_nothing() {
    use tus::digest::Digest;
    use tus::protocol::checksum::Algorithm;
    use tus::store::Prefix;
    for parts in [1, 3] {
        let (server, folder, bytes) = (server(), Folder::new(), noise(9000, 42));
        let path = settled(&folder, "a", &bytes);
        let config = stored(&server, &folder);
        let mut stopping = in_parts(parts);
        stopping.set_progress(Some(stops_after(7000)));
        run(&config, &path, &stopping).unwrap_err();
        // As if it had been killed when the digest had come to the thousandth byte.
        let store = DirectoryStore::open(store_in(&folder));
        let key = tus::store::key(&server.endpoint(), 9000);
        let mut record = Record::from_bytes(&store.find(&key).unwrap().records[0]).unwrap();
        let mut digest = Digest::new(Algorithm::Sha256);
        digest.update(&bytes[..1000]);
        record.content = Some(Prefix { length: 1000, sha256: digest.finish_hex() });
        store.put(&key, &record.url, &record.to_bytes()).unwrap();
        overwrite(&path, 1500);
        std::thread::sleep(SETTLE);
        server.stop_listening();
        server.close_all_connections();
        assert_eq!(run(&config, &path, &options()).unwrap_err().kind(), ErrorKind::Connect);
        server.resume_listening().unwrap();
        let done = run(&config, &path, &options()).unwrap();
        assert_stored(&server, &done, &fs::read(&path).unwrap());
    }
}

/// Changed between its last byte and the end: the whole is there and stays, and so does what it was made of.
#[test]
fn a_file_that_changes_while_its_parts_are_put_together_leaves_the_whole() {
    let (server, folder, bytes) = (server(), Folder::new(), noise(9000, 43));
    let path = settled(&folder, "a", &bytes);
    let mut config = stored(&server, &folder);
    let victim = path.clone();
    config.hooks_mut().before_request = Some(Arc::new(move |request| {
        if request.header("Upload-Concat").is_some_and(|concat| concat.starts_with("final")) {
            overwrite(&victim, 0);
        }
        Ok(())
    }));
    let error = run(&config, &path, &in_parts(3)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SourceChanged, "{error:?}");
    assert_eq!(server.upload_bytes(id_of(error.upload_url().unwrap().as_str())).unwrap(), bytes);
    assert!(server.requests().iter().all(|request| request.method != "DELETE"));
}

/// Whatever becomes of its name and properties, at each moment: its bytes are what they were.
#[test]
fn parts_go_on_from_the_open_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let changes: [fn(&Path); 4] = [
        |path| fs::remove_file(path).unwrap(),
        |path| fs::rename(path, path.with_extension("other")).unwrap(),
        |path| {
            fs::write(path.with_extension("new"), noise(9000, 99)).unwrap();
            fs::rename(path.with_extension("new"), path).unwrap();
        },
        |path| fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap(),
    ];
    for (change, at) in changes.into_iter().flat_map(|change| ["POST", "PATCH", "final"].map(|at| (change, at))) {
        let (server, folder, bytes) = (server(), Folder::new(), noise(9000, 44));
        let path = settled(&folder, "a", &bytes);
        let mut config = config_to(&server.endpoint());
        let (victim, done) = (path.clone(), AtomicBool::new(false));
        config.hooks_mut().before_request = Some(Arc::new(move |request| {
            let is_final = request.header("Upload-Concat").is_some_and(|concat| concat.starts_with("final"));
            let now = if at == "final" { is_final } else { request.method() == at };
            if now && !done.swap(true, Ordering::SeqCst) {
                change(&victim);
            }
            Ok(())
        }));
        let done = run(&config, &path, &in_parts(3)).unwrap();
        assert_stored(&server, &done, &bytes);
    }
}

/// How many threads of this process have a name.
fn threads(name: &str) -> usize {
    let names = fs::read_dir("/proc/self/task").unwrap().flatten();
    names.filter(|task| fs::read_to_string(task.path().join("comm")).is_ok_and(|comm| comm.trim() == name)).count()
}

/// Where there is a digest of what was sent, it decides: times alone are no content.
#[test]
fn a_digest_tells_a_touched_file_from_a_changed_one() {
    for (parts, other) in [(1, false), (1, true), (3, false), (3, true)] {
        let (server, folder, bytes) = (server(), Folder::new(), noise(9000, 45));
        let path = settled(&folder, "a", &bytes);
        let mut config = stored(&server, &folder);
        let (victim, done) = (path.clone(), AtomicBool::new(false));
        config.hooks_mut().before_request = Some(Arc::new(move |request| {
            let last = match parts {
                1 => request.header("Upload-Offset") == Some("8192"),
                _ => request.header("Upload-Concat").is_some_and(|concat| concat.starts_with("final")),
            };
            if last && !done.swap(true, Ordering::SeqCst) {
                // The digest has come to the end of so small a file.
                while threads("tus-prefix") > 0 {
                    std::thread::yield_now();
                }
                if other {
                    overwrite(&victim, 0);
                }
                fs::File::options()
                    .write(true)
                    .open(&victim)
                    .unwrap()
                    .set_modified(std::time::SystemTime::now())
                    .unwrap();
            }
            Ok(())
        }));
        config.set_chunk_size(chunk(4096)).unwrap();
        let result = run(&config, &path, &in_parts(parts));
        if other {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::SourceChanged);
        } else {
            assert_stored(&server, &result.unwrap(), &bytes);
        }
    }
}
