//! One store and one file, several who upload it (scenario 67).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tus::engine::options::UploadOptions;

use crate::fixture::*;

const FILE: &str = "TUS_TEST_SHARED_FILE";
const ENDPOINT: &str = "TUS_TEST_SHARED_ENDPOINT";
const STORE: &str = "TUS_TEST_SHARED_STORE";

fn all_well(server: &tus_test_server::Server, folder: &Folder, bytes: &[u8], uploads: usize) {
    let whole: Vec<_> = server.uploads().into_iter().filter(|upload| upload.finished).collect();
    assert!((1..=uploads).contains(&whole.len()), "{whole:?}");
    for upload in whole {
        assert!(server.upload_bytes(&upload.id).unwrap() == bytes);
    }
    assert_eq!(store_files(folder), [""; 0]);
    let refused = server.requests().iter().filter(|request| matches!(request.status, Some(409 | 423))).count();
    assert!(refused <= 2, "they keep out of each other's way: {:#?}", lines(server));
    assert_clean(server);
}

#[test]
fn threads_with_one_file_and_one_store() {
    for begun in [false, true] {
        for parts in [1, 3] {
            let server = server_with(|options| options.throttle = Some(300_000));
            let (folder, bytes) = (Folder::new(), noise(60_000, 60));
            let path = settled(&folder, "a", &bytes);
            let mut config = stored(&server, &folder);
            config.set_chunk_size(chunk(5000)).unwrap();
            let mut options = in_parts(parts);
            if begun {
                options.set_progress(Some(stops_after(20_000)));
                run(&config, &path, &options).unwrap_err();
                options.set_progress(None);
            }
            std::thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| {
                        let done = run(&config, &path, &options).unwrap();
                        assert_stored(&server, &done, &bytes);
                    });
                }
            });
            all_well(&server, &folder, &bytes, 3);
        }
    }
}

#[test]
fn processes_with_one_file_and_one_store() {
    for begun in [false, true] {
        let server = server_with(|options| options.throttle = Some(200_000));
        let (folder, bytes) = (Folder::new(), noise(60_000, 61));
        let path = settled(&folder, "a", &bytes);
        let mut config = stored(&server, &folder);
        config.set_chunk_size(chunk(5000)).unwrap();
        if begun {
            run(&config, &path, &stop_at(20_000)).unwrap();
        }
        let mut children: Vec<_> = (0..2)
            .map(|_| {
                let mut command = Command::new(std::env::current_exe().unwrap());
                command.args(["--exact", "shared::a_process_of_its_own", "--ignored"]);
                command.env(FILE, &path).env(ENDPOINT, server.endpoint()).env(STORE, store_in(&folder));
                command.stdout(std::process::Stdio::null()).spawn().unwrap()
            })
            .collect();
        for child in &mut children {
            assert!(child.wait().unwrap().success());
        }
        all_well(&server, &folder, &bytes, 2);
    }
}

#[test]
#[ignore = "run by another test, as a process of its own"]
fn a_process_of_its_own() {
    let Some(file) = std::env::var_os(FILE) else { return };
    let mut config = config_to(&std::env::var(ENDPOINT).unwrap());
    config.set_store_dir(PathBuf::from(std::env::var_os(STORE).unwrap()));
    config.set_chunk_size(chunk(5000)).unwrap();
    let done = run(&config, Path::new(&file), &UploadOptions::new()).unwrap();
    assert!(done.complete);
}

/// What somebody else works on is left alone, and waited for only so long.
#[test]
fn an_upload_somebody_works_on_is_waited_for_a_moment() {
    use tus::store::Store as _;
    let (server, folder, bytes) = (server(), Folder::new(), noise(5000, 62));
    let path = settled(&folder, "a", &bytes);
    let config = stored(&server, &folder);
    let old = run(&config, &path, &stop_at(2000)).unwrap();
    let store = tus::store::DirectoryStore::open(store_in(&folder));
    let key = tus::store::key(&server.endpoint(), 5000);
    for held in [Duration::from_millis(200), Duration::from_secs(60)] {
        let claim = store.claim(&key, old.url.as_str()).unwrap().expect("nobody has it");
        let released = std::thread::spawn(move || {
            if held < Duration::from_secs(1) {
                std::thread::sleep(held);
                drop(claim);
                None
            } else {
                Some(claim)
            }
        });
        let began = Instant::now();
        let info = run(&config, &path, &if held.as_secs() == 0 { stop_at(3000) } else { options() }).unwrap();
        assert!(began.elapsed() < Duration::from_secs(5));
        assert_eq!(info.url == old.url, held.as_secs() == 0);
        drop(released.join().unwrap());
    }
}
