//! Where bytes come from: memory, files, descriptors, the caller's readers, and sources that fail. Scenarios 77 to 79.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use tus_test_server::{Ending, Rule};

use crate::support::api::every_way;
use crate::support::input::Tape;
use crate::support::server::{assert_clean, assert_stored, assert_story, assert_told, server};
use crate::support::{Api, Chunk, Folder, HELLO, Input, Job, Kind, Setup, noise};

every_way! {
    sources_of_every_kind,
    file_names_of_any_bytes,
    descriptor_from_its_beginning_and_of_its_own,
    one_source_for_two_uploads,
    scenario_77_files_that_cannot_be,
    scenario_77_descriptor_for_writing_only,
}

fn sources_of_every_kind(api: Api) {
    let bytes = noise(3_000_000, 20);
    let folder = Folder::new();
    let path = folder.file("data", &bytes);
    let kinds: [&dyn Fn() -> Input; 5] = [
        &|| Input::Memory(bytes.clone()),
        &|| Input::File(path.clone()),
        &|| Input::Descriptor(File::open(&path).unwrap()),
        &|| Tape::new(&bytes, true).input(),
        &|| Tape::new(&bytes, false).input(),
    ];
    for (at, kind) in kinds.iter().enumerate() {
        let server = server();
        server.script(Rule::on("PATCH").nth(2).cut_body(123_457, Ending::Rst));
        let setup = Setup { chunk: Chunk::Fixed(1_000_000), ..Setup::to(&server) };
        let done = api.upload(&setup, kind()).unwrap_or_else(|error| panic!("kind {at}: {error:?}"));
        let story = [
            "OPTIONS 204",
            "POST 3000000 201",
            "PATCH 0+1000000 204",
            "PATCH 1000000+1000000 -",
            "HEAD 200",
            "PATCH 1123457+1000000 204",
            "PATCH 2123457+876543 204",
        ];
        assert_story(&server, &story, &done.url, &bytes);
        server.clear_log();

        let url = server.seed(Some(3_000_000), &bytes[..1_500_000]).unwrap();
        let done = api.resume(&Setup::to(&server), kind(), &url).unwrap();
        assert_eq!(done.stats.resumed, 1_500_000);
        assert_stored(&server, &url, &bytes);
        assert_clean(&server);
    }
}

fn file_names_of_any_bytes(api: Api) {
    use std::os::unix::ffi::OsStrExt as _;
    let folder = Folder::new();
    let server = server();
    for name in [&b"with blank"[..], "straße 🦀".as_bytes(), b"\xff\xfe", b"line\nbreak"] {
        let path = folder.path().join(std::ffi::OsStr::from_bytes(name));
        fs::write(&path, HELLO).unwrap();
        let done = api.upload(&Setup::to(&server), &path).unwrap();
        assert_stored(&server, &done.url, HELLO);
    }
    assert_clean(&server);
}

/// The caller may close or move his own at once.
fn descriptor_from_its_beginning_and_of_its_own(api: Api) {
    let folder = Folder::new();
    let path = folder.file("data", HELLO);
    let server = server();
    let mut file = File::open(&path).unwrap();
    file.seek(SeekFrom::Start(7)).unwrap();
    let mut source = api.open(Input::Descriptor(file.try_clone().unwrap())).unwrap();
    fs::remove_file(&path).unwrap();
    let done = api.client(&Setup::to(&server)).unwrap().upload_from(&mut source, &Job::default()).unwrap();
    assert_stored(&server, &done.url, HELLO);
    let mut rest = String::new();
    file.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "orld", "its position is the caller's");
}

fn one_source_for_two_uploads(api: Api) {
    let server = server();
    let client = api.client(&Setup::to(&server)).unwrap();
    let folder = Folder::new();
    let path = folder.file("data", HELLO);
    for input in [Input::from(HELLO), Input::from(&path), Tape::new(HELLO, true).input()] {
        let mut source = api.open(input).unwrap();
        let first = client.upload_from(&mut source, &Job::default()).unwrap();
        let second = client.upload_from(&mut source, &Job::default()).unwrap();
        assert_ne!(first.url, second.url);
        assert_stored(&server, &first.url, HELLO);
        assert_stored(&server, &second.url, HELLO);
    }
    assert_clean(&server);
}

/// Before any request.
fn scenario_77_files_that_cannot_be(api: Api) {
    let server = server();
    let folder = Folder::new();
    let fifo = folder.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let missing = folder.path().join("missing");
    for path in [missing.as_path(), folder.path(), fifo.as_path(), Path::new("/dev/null"), Path::new("")] {
        let error = api.upload(&Setup::to(&server), path).unwrap_err();
        assert!(matches!(error.kind, Kind::Source | Kind::InvalidArgument), "{}: {error:?}", path.display());
        assert!(error.message.contains(&path.display().to_string()), "{error:?}");
    }
    let error = api.upload(&Setup::to(&server), missing.as_path()).unwrap_err();
    assert_eq!((error.kind, error.os_code), (Kind::Source, 2), "ENOENT");
    let directory = File::open(folder.path()).unwrap();
    let error = api.upload(&Setup::to(&server), Input::Descriptor(directory)).unwrap_err();
    assert_eq!(error.kind, Kind::Source);
    let secret = folder.file("secret", HELLO);
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o000)).unwrap();
    // The super-user may read it all the same; tests/c/files.c becomes another user to see this one.
    if File::open(&secret).is_err() {
        let error = api.upload(&Setup::to(&server), &secret).unwrap_err();
        assert_eq!((error.kind, error.os_code), (Kind::Source, 13), "EACCES");
    }
    assert_told(&server, &[]);
    assert_eq!(server.connections(), 0);
}

fn scenario_77_descriptor_for_writing_only(api: Api) {
    let server = server();
    let folder = Folder::new();
    let file = fs::OpenOptions::new().write(true).open(folder.file("data", HELLO)).unwrap();
    let error = api.upload(&Setup::to(&server), Input::Descriptor(file)).unwrap_err();
    assert_eq!(error.kind, Kind::Source, "{error:?}");
    assert_told(&server, &[]);
}
