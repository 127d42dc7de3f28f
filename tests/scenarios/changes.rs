//! Scenarios 72 and 74: files that change while they are uploaded, or only their names and properties do, at each of the
//! moments where they can.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use tus_test_server::{Extensions, Rule, Server};

use crate::support::api::every_way;
use crate::support::server::{assert_clean, assert_stored, lines, server, server_with};
use crate::support::{Api, Chunk, Failure, Folder, Job, Kind, Setup, noise, side_by_side};

every_way! {
    scenario_72_changed_before_the_data,
    scenario_72_changed_between_chunks,
    scenario_72_changed_in_the_middle_of_a_chunk,
    scenario_72_changed_during_a_retry_wait,
    scenario_72_changed_after_the_last_byte,
    scenario_72_of_a_resume_the_upload_stays,
    scenario_72_without_termination_the_url_is_told,
    scenario_74_replaced_before_a_resume,
    scenario_74_another_size_before_a_resume,
    touching_nothing_changes_nothing,
}

const SIZE: usize = 4 << 20;
const LARGE: usize = 20 << 20;

/// What befalls a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Truncated,
    Emptied,
    Grown,
    Modified,
    /// Written to, and its time of modification set back.
    Restored,
    Replaced,
    Removed,
    Renamed,
    Linked,
    Permitted,
}

/// Its content is another.
const CHANGES: [Change; 5] = [Change::Truncated, Change::Emptied, Change::Grown, Change::Modified, Change::Restored];
/// All of its bytes are what they were (T-156).
const NAMES: [Change; 5] = [Change::Replaced, Change::Removed, Change::Renamed, Change::Linked, Change::Permitted];

impl Change {
    fn make(self, path: &Path) {
        let file = || OpenOptions::new().write(true).open(path).unwrap();
        match self {
            Change::Truncated => file().set_len(SIZE as u64 / 2).unwrap(),
            Change::Emptied => file().set_len(0).unwrap(),
            Change::Grown => OpenOptions::new().append(true).open(path).unwrap().write_all(b"more").unwrap(),
            Change::Modified => {
                // Time stamps have the kernel's ticks, which may be as long as a test.
                file().write_all_at(b"other", 0).unwrap();
                file().set_modified(SystemTime::now() + Duration::from_secs(2)).unwrap();
            }
            Change::Restored => {
                let before = fs::metadata(path).unwrap();
                let changed = |metadata: &fs::Metadata| (metadata.ctime(), metadata.ctime_nsec());
                while changed(&fs::metadata(path).unwrap()) == changed(&before) {
                    file().write_all_at(b"other", 0).unwrap();
                    file().set_modified(before.modified().unwrap()).unwrap();
                }
            }
            Change::Replaced => {
                let other = path.with_extension("new");
                fs::write(&other, noise(SIZE, 99)).unwrap();
                fs::rename(&other, path).unwrap();
            }
            Change::Removed => fs::remove_file(path).unwrap(),
            Change::Renamed => fs::rename(path, path.with_extension("other")).unwrap(),
            Change::Linked => fs::hard_link(path, path.with_extension("link")).unwrap(),
            Change::Permitted => fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap(),
        }
    }

    /// The file is too short for what was promised of it, whatever else it is.
    fn cuts(self) -> bool {
        matches!(self, Change::Truncated | Change::Emptied)
    }
}

/// A change to be made once, at the first call.
#[derive(Clone)]
struct Once(Arc<(AtomicBool, Change, PathBuf)>);

impl Once {
    fn new(change: Change, path: &Path) -> Once {
        Once(Arc::new((AtomicBool::new(false), change, path.to_owned())))
    }

    fn strike(&self) {
        let (done, change, path) = &*self.0;
        if !done.swap(true, Ordering::SeqCst) {
            change.make(path);
        }
    }

    fn struck(&self) -> bool {
        self.0.0.load(Ordering::SeqCst)
    }
}

/// A server and a file for it.
struct Scene {
    server: Server,
    path: PathBuf,
    bytes: Vec<u8>,
    _folder: Folder,
}

fn scene() -> Scene {
    scene_of(server(), SIZE)
}

fn scene_of(server: Server, size: usize) -> Scene {
    let bytes = noise(size, 30);
    let folder = Folder::new();
    let path = folder.file("data.bin", &bytes);
    Scene { server, path, bytes, _folder: folder }
}

/// The failure is the file's. What can never be completed was taken away again, anything else is there, and told.
#[track_caller]
fn assert_changed(scene: &Scene, error: &Failure, change: Change) {
    assert_eq!((error.kind, error.retryable), (Kind::SourceChanged, false), "{change:?}: {error:?}");
    assert!(error.message.contains("data.bin"), "{change:?}: {error:?}");
    let deleted = lines(&scene.server).last().map(String::as_str) == Some("DELETE 204");
    assert_eq!((deleted, error.upload_url.is_none()), (change.cuts(), change.cuts()), "{change:?}: {error:?}");
    assert_eq!(scene.server.uploads().len(), usize::from(!change.cuts()), "{change:?}");
    assert_clean(&scene.server);
}

/// What happens to a file of `size` bytes when `strike` is called at a moment that `setup` makes of it.
fn befall(api: Api, size: usize, moment: impl Fn(&Server, Once) -> Setup) {
    for change in CHANGES {
        let scene = scene_of(server(), size);
        let once = Once::new(change, &scene.path);
        let error = api.upload(&moment(&scene.server, once.clone()), &scene.path).unwrap_err();
        assert!(once.struck(), "{change:?}");
        assert_changed(&scene, &error, change);
    }
    for change in NAMES {
        let scene = scene_of(server(), size);
        let once = Once::new(change, &scene.path);
        let done = api.upload(&moment(&scene.server, once.clone()), &scene.path).unwrap();
        assert!(once.struck(), "{change:?}");
        assert_stored(&scene.server, &done.url, &scene.bytes);
    }
}

fn scenario_72_changed_before_the_data(api: Api) {
    befall(api, SIZE, |server, once| Setup {
        on_url: Some(Arc::new(move |_| {
            once.strike();
            0
        })),
        ..Setup::to(server)
    });
}

fn scenario_72_changed_between_chunks(api: Api) {
    befall(api, SIZE, |server, once| Setup {
        chunk: Chunk::Fixed(1 << 20),
        after_response: Some(Arc::new(move |answered| {
            if answered.offset.as_deref() == Some("1048576") {
                once.strike();
            }
            0
        })),
        ..Setup::to(server)
    });
}

/// While the kernel is sending it. Never zeros for bytes that are not there, never a success of a mixture.
fn scenario_72_changed_in_the_middle_of_a_chunk(api: Api) {
    let changes: Vec<Change> = CHANGES.into_iter().chain(NAMES).collect();
    side_by_side(changes, |change| {
        let server = server_with(|options| {
            options.throttle = Some(32 << 20);
            options.receive_buffer = Some(32 << 10);
        });
        // More than the kernel's buffers take before the first progress is told.
        let scene = scene_of(server, LARGE);
        let once = Once::new(change, &scene.path);
        let strike = once.clone();
        let job = Job {
            progress: Some(Arc::new(move |progress| {
                if progress.sent > 0 && progress.sent < LARGE as u64 {
                    strike.strike();
                }
                0
            })),
            ..Job::default()
        };
        let result = api.client(&Setup::to(&scene.server)).unwrap().upload(&scene.path, &job);
        assert!(once.struck(), "{change:?}");
        if NAMES.contains(&change) {
            assert_stored(&scene.server, &result.unwrap().url, &scene.bytes);
        } else {
            assert_changed(&scene, &result.unwrap_err(), change);
        }
    });
}

fn scenario_72_changed_during_a_retry_wait(api: Api) {
    befall(api, SIZE, |server, once| {
        server.script(Rule::on("PATCH").reply(503));
        Setup {
            should_retry: Some(Arc::new(move |_, _, delay| {
                once.strike();
                Ok(delay)
            })),
            ..Setup::to(server)
        }
    });
}

/// All bytes are acknowledged. If the content has changed it cannot be said that this is the file, but the upload is
/// complete, and stays (T-111).
fn scenario_72_changed_after_the_last_byte(api: Api) {
    for change in CHANGES.into_iter().chain(NAMES) {
        let scene = scene();
        let once = Once::new(change, &scene.path);
        let setup = Setup {
            after_response: Some(Arc::new(move |answered| {
                if answered.method == "PATCH" {
                    once.strike();
                }
                0
            })),
            ..Setup::to(&scene.server)
        };
        let url = match api.upload(&setup, &scene.path) {
            Ok(done) => {
                assert!(NAMES.contains(&change), "{change:?}");
                done.url
            }
            Err(error) => {
                assert_eq!((error.kind, error.retryable), (Kind::SourceChanged, false), "{change:?}: {error:?}");
                assert!(CHANGES.contains(&change), "{change:?}");
                error.upload_url.unwrap()
            }
        };
        assert_stored(&scene.server, &url, &scene.bytes);
        assert!(!lines(&scene.server).iter().any(|line| line.starts_with("DELETE")), "{change:?}");
    }
}

/// It was not ours to make, so it is not ours to take away.
fn scenario_72_of_a_resume_the_upload_stays(api: Api) {
    for change in CHANGES {
        let scene = scene();
        let url = scene.server.seed(Some(SIZE as u64), &scene.bytes[..1000]).unwrap();
        let once = Once::new(change, &scene.path);
        let setup = Setup {
            after_response: Some(Arc::new(move |_| {
                once.strike();
                0
            })),
            ..Setup::to(&scene.server)
        };
        let error = api.resume(&setup, &scene.path, &url).unwrap_err();
        assert_eq!((error.kind, error.upload_url.as_deref()), (Kind::SourceChanged, Some(url.as_str())), "{change:?}");
        assert_eq!(lines(&scene.server), ["HEAD 200"], "{change:?}");
        assert_eq!(scene.server.uploads()[0].offset, 1000);
    }
}

fn scenario_72_without_termination_the_url_is_told(api: Api) {
    let without = Extensions { termination: false, creation_with_upload: false, ..Extensions::default() };
    let server = server_with(|options| options.extensions = without);
    let folder = Folder::new();
    let path = folder.file("data.bin", &noise(SIZE, 31));
    let once = Once::new(Change::Truncated, &path);
    let setup = Setup {
        on_url: Some(Arc::new(move |_| {
            once.strike();
            0
        })),
        ..Setup::to(&server)
    };
    let error = api.upload(&setup, &path).unwrap_err();
    assert_eq!((error.kind, error.upload_url.is_some()), (Kind::SourceChanged, true));
    assert_eq!(lines(&server), ["OPTIONS 204", "POST 4194304 201"]);
    assert_clean(&server);
}

/// Between opening and going on: the open source knows what it was.
fn scenario_74_replaced_before_a_resume(api: Api) {
    for change in NAMES {
        let scene = scene();
        let url = scene.server.seed(Some(SIZE as u64), &scene.bytes[..1000]).unwrap();
        let mut source = api.open(&scene.path).unwrap();
        change.make(&scene.path);
        let client = api.client(&Setup::to(&scene.server)).unwrap();
        client.resume_from(&mut source, &url, &Job::default()).unwrap();
        assert_stored(&scene.server, &url, &scene.bytes);
    }
    for change in CHANGES {
        let scene = scene();
        let url = scene.server.seed(Some(SIZE as u64), &scene.bytes[..1000]).unwrap();
        let mut source = api.open(&scene.path).unwrap();
        change.make(&scene.path);
        let client = api.client(&Setup::to(&scene.server)).unwrap();
        let error = client.resume_from(&mut source, &url, &Job::default()).unwrap_err();
        assert_eq!(error.kind, Kind::SourceChanged, "{change:?}: {error:?}");
        let told = lines(&scene.server);
        assert!(told.is_empty() || told == ["HEAD 200"], "{change:?}: {told:?}");
        let error = client.upload_from(&mut source, &Job::default()).unwrap_err();
        assert_eq!(error.kind, Kind::SourceChanged, "{change:?}: {error:?}");
        assert!(scene.server.uploads().iter().all(|upload| upload.offset <= 1000), "{change:?}");
    }
}

fn scenario_74_another_size_before_a_resume(api: Api) {
    for change in [Change::Truncated, Change::Emptied, Change::Grown] {
        let scene = scene();
        let url = scene.server.seed(Some(SIZE as u64), &scene.bytes[..1000]).unwrap();
        change.make(&scene.path);
        let error = api.resume(&Setup::to(&scene.server), &scene.path, &url).unwrap_err();
        assert_eq!(error.gist(), (Kind::SourceChanged, 200, true), "{change:?}");
        assert_eq!(lines(&scene.server), ["HEAD 200"], "{change:?}");
    }
}

/// Reading a file, or linking to it, is not changing it.
fn touching_nothing_changes_nothing(api: Api) {
    let scene = scene();
    let path = Mutex::new(scene.path.clone());
    let setup = Setup {
        chunk: Chunk::Fixed(1 << 20),
        after_response: Some(Arc::new(move |_| {
            let path = path.lock().unwrap();
            fs::read(&*path).unwrap();
            let link = path.with_extension("link");
            let _there_already = fs::hard_link(&*path, link);
            0
        })),
        ..Setup::to(&scene.server)
    };
    let done = api.upload(&setup, &scene.path).unwrap();
    assert_stored(&scene.server, &done.url, &scene.bytes);
    let server = server();
    let link = scene.path.with_extension("symlink");
    std::os::unix::fs::symlink(&scene.path, &link).unwrap();
    let done = api.upload(&Setup::to(&server), &link).unwrap();
    assert_stored(&server, &done.url, &scene.bytes);
}
