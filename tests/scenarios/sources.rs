//! Where bytes come from: memory, files, descriptors, the caller's readers, and sources that fail. Scenarios 77 to 79.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tus_test_server::{CutPatch, Ending, Extensions, Options, Rule, Server};

use crate::support::api::both;
use crate::support::input::{Call, CallerReader, Tape};
use crate::support::server::{
    assert_clean, assert_holds, assert_stored, assert_story, assert_told, assert_wire, lines, server, server_with,
};
use crate::support::{Api, Chunk, Folder, HELLO, Input, Job, Kind, Setup, noise};

both! {
    sources_of_every_kind,
    file_names_of_any_bytes,
    descriptor_from_its_beginning_and_of_its_own,
    one_source_for_two_uploads,
    scenario_77_files_that_cannot_be,
    scenario_77_descriptor_for_writing_only,
    reader_that_reads_short,
    reader_that_seeks_is_asked_to,
    reader_without_seek_replays,
    reader_without_seek_has_small_chunks,
    reader_without_seek_past_its_window,
    reader_goes_on_after_a_stop,
    reader_fails_before_anything_is_sent,
    reader_fails_in_the_middle,
    reader_fails_to_seek,
    reader_ends_early,
    reader_has_more_than_it_said,
    scenario_79_sparse_file_beyond_four_gigabytes,
    scenario_79_a_body_of_more_than_four_gigabytes,
    scenario_79_offsets_beyond_two_to_the_53,
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
    for path in [folder.path(), Path::new("/dev/null")] {
        let error = api.upload(&Setup::to(&server), Input::Descriptor(File::open(path).unwrap())).unwrap_err();
        assert_eq!(error.kind, Kind::Source, "{}", path.display());
    }
    let secret = folder.file("secret", HELLO);
    fs::set_permissions(&secret, fs::Permissions::from_mode(0)).unwrap();
    // The super-user may read it all the same.
    match File::open(&secret) {
        Ok(_) => tus_test_peers::note_left_out("unreadable file", "the tests run as root"),
        Err(_) => {
            let error = api.upload(&Setup::to(&server), &secret).unwrap_err();
            assert_eq!((error.kind, error.os_code), (Kind::Source, 13), "EACCES");
        }
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

fn reader_that_reads_short(api: Api) {
    let bytes = noise(100_003, 21);
    for (piece, seekable) in [(1, true), (7, false), (4095, true)] {
        let server = server();
        server.script(Rule::on("PATCH").cut_body(50_001, Ending::Rst));
        let mut tape = Tape::new(&bytes, seekable);
        tape.piece = piece;
        let done = api.upload(&Setup::to(&server), tape.input()).unwrap();
        assert_stored(&server, &done.url, &bytes);
        assert_clean(&server);
    }
}

fn reader_that_seeks_is_asked_to(api: Api) {
    let server = server();
    let bytes = noise(3 << 20, 22);
    let url = server.seed(Some(3 << 20), &bytes[..1000]).unwrap();
    let tape = Tape::new(&bytes, true);
    let calls = tape.calls();
    api.resume(&Setup::to(&server), tape.input(), &url).unwrap();
    assert_stored(&server, &url, &bytes);
    let calls = calls.lock().unwrap();
    assert!(calls.contains(&Call::Seek(1000)), "{calls:?}");
    assert!(calls.iter().all(|call| !matches!(call, Call::Seek(other) if *other != 1000)), "{calls:?}");
}

fn reader_without_seek_replays(api: Api) {
    let server = server_with(|options| options.cut_patch = CutPatch::Drop);
    let bytes = noise(5 << 20, 23);
    for nth in [1, 2, 2, 3] {
        server.script(Rule::on("PATCH").nth(nth).cut_body(777_777, Ending::Rst));
    }
    let tape = Tape::new(&bytes, false);
    let calls = tape.calls();
    let done = api.upload(&Setup { chunk: Chunk::Auto, ..Setup::to(&server) }, tape.input()).unwrap();
    assert_stored(&server, &done.url, &bytes);
    assert!(!calls.lock().unwrap().iter().any(|call| matches!(call, Call::Seek(_))), "it cannot seek");
    assert!(done.stats.sent > 5 << 20, "some of it went twice");
    assert!(server.violations().is_empty());
}

/// So that any of them can be sent again.
fn reader_without_seek_has_small_chunks(api: Api) {
    for chunk in [Chunk::Auto, Chunk::Whole] {
        let server = server();
        let bytes = noise((3 << 20) + 5, 24);
        let done = api.upload(&Setup { chunk, ..Setup::to(&server) }, Tape::new(&bytes, false).input()).unwrap();
        let story = [
            "OPTIONS 204",
            "POST 3145733 201",
            "PATCH 0+1048576 204",
            "PATCH 1048576+1048576 204",
            "PATCH 2097152+1048576 204",
            "PATCH 3145728+5 204",
        ];
        assert_story(&server, &story, &done.url, &bytes);
    }
}

/// The caller's own choice of a chunk that cannot be sent again, and then it would have to be.
fn reader_without_seek_past_its_window(api: Api) {
    let server = server_with(|options| options.cut_patch = CutPatch::Drop);
    server.script(Rule::on("PATCH").cut_body(3 << 20, Ending::Rst));
    let bytes = noise(8 << 20, 25);
    let setup = Setup { chunk: Chunk::Fixed(8 << 20), ..Setup::to(&server) };
    let error = api.upload(&setup, Tape::new(&bytes, false).input()).unwrap_err();
    assert_eq!((error.kind, error.upload_url.is_some()), (Kind::Source, true));
    error.assert_says("cannot seek");
    assert_eq!(lines(&server), ["OPTIONS 204", "POST 8388608 201", "PATCH 0+8388608 -", "HEAD 200"]);
    // Elsewhere the bytes may still be had.
    api.resume(&Setup::to(&server), &bytes, error.upload_url.as_deref().unwrap()).unwrap();
    assert_clean(&server);
}

fn reader_goes_on_after_a_stop(api: Api) {
    for seekable in [true, false] {
        let server = server();
        let client = api.client(&Setup { chunk: Chunk::Fixed(4), ..Setup::to(&server) }).unwrap();
        let mut source = api.open(Tape::new(HELLO, seekable).input()).unwrap();
        let half = client.upload_from(&mut source, &Job { stop_at: Some(8), ..Job::default() }).unwrap();
        assert_holds(&server, &half.url, b"hello wo");
        client.resume_from(&mut source, &half.url, &Job::default()).unwrap();
        assert_stored(&server, &half.url, HELLO);
        assert_clean(&server);
    }
}

/// Nothing is made on the server that could never be filled.
fn reader_fails_before_anything_is_sent(api: Api) {
    let server = server();
    let mut tape = Tape::new(HELLO, true);
    tape.fails_at = Some((0, 55));
    let error = api.upload(&Setup::to(&server), tape.input()).unwrap_err();
    assert_eq!((error.gist(), error.code), ((Kind::Callback, 0, false), 55));
    let error = api.upload(&Setup::to(&server), Tape::new(b"", true).input_of(11)).unwrap_err();
    assert_eq!(error.gist(), (Kind::Source, 0, false));
    assert_told(&server, &[]);
}

fn reader_fails_in_the_middle(api: Api) {
    let bytes = noise(3_000_000, 26);
    let server = server();
    let mut tape = Tape::new(&bytes, true);
    tape.fails_at = Some((1_500_000, 55));
    let error = api.upload(&Setup::to(&server), tape.input()).unwrap_err();
    assert_eq!((error.gist(), error.code), ((Kind::Callback, 0, true), 55));
    // The connection was ended, perhaps before the server had seen the head, and nothing was tried again. What the
    // server finds in its buffers after that must not be taken for a new request.
    server.wait_for(|log| log.iter().any(|request| request.method == "PATCH"), Duration::from_secs(2));
    let told: Vec<_> = lines(&server).into_iter().filter(|line| line != "PATCH 0+3000000 -").collect();
    assert_eq!(told, ["OPTIONS 204", "POST 3000000 201"]);
    let url = error.upload_url.unwrap();
    let resumed = api.resume(&Setup::to(&server), &bytes, &url).unwrap();
    assert!(resumed.stats.resumed <= 1_500_000, "not a byte was made up: {:?}", resumed.stats);
    assert_stored(&server, &url, &bytes);
    assert_clean(&server);
}

fn reader_fails_to_seek(api: Api) {
    let server = server();
    let url = server.seed(Some(11), b"hello").unwrap();
    let mut tape = Tape::new(HELLO, true);
    tape.seek_fails = Some(66);
    let error = api.resume(&Setup::to(&server), tape.input(), &url).unwrap_err();
    assert_eq!((error.gist(), error.code), ((Kind::Callback, 0, true), 66));
    assert_told(&server, &["HEAD 200"]);
}

/// T-101: no filling up with zeros, no short chunk called whole; and what cannot be completed any more is taken away.
fn reader_ends_early(api: Api) {
    let bytes = noise(1_000_000, 27);
    let without = Extensions { termination: false, creation_with_upload: false, ..Extensions::default() };
    for (extensions, removed) in [(Extensions { termination: true, ..without }, true), (without, false)] {
        let server = Server::start(Options { extensions, ..Options::default() }).unwrap();
        let error = api.upload(&Setup::to(&server), Tape::new(&bytes, true).input_of(1_000_001)).unwrap_err();
        assert_eq!(error.gist(), (Kind::Source, 0, !removed));
        error.assert_says("1000000");
        assert!(!error.retryable);
        // The connection was ended, perhaps before the server had seen the head.
        let mut told = lines(&server);
        told.retain(|line| line != "PATCH 0+1000001 -");
        let story: &[_] = match removed {
            true => &["OPTIONS 204", "POST 1000001 201", "DELETE 204"],
            false => &["OPTIONS 204", "POST 1000001 201"],
        };
        assert_eq!(told, story);
        match error.upload_url {
            Some(url) => assert!(!server.upload(crate::support::result::id_of(&url)).unwrap().finished),
            None => assert!(server.uploads().is_empty()),
        }
        assert_clean(&server);
    }
    // What the caller has begun elsewhere is not taken away.
    let server = server();
    let url = server.seed(Some(1_000_001), &bytes[..5]).unwrap();
    let error = api.resume(&Setup::to(&server), Tape::new(&bytes, true).input_of(1_000_001), &url).unwrap_err();
    assert_eq!(error.gist(), (Kind::Source, 0, true));
    let told: Vec<_> = lines(&server).into_iter().filter(|line| line != "PATCH 5+999996 -").collect();
    assert_eq!(told, ["HEAD 200"]);
}

fn reader_has_more_than_it_said(api: Api) {
    let server = server();
    let done = api.upload(&Setup::to(&server), Tape::new(HELLO, true).input_of(5)).unwrap();
    assert_story(&server, &["OPTIONS 204", "POST 5 201", "PATCH 0+5 204"], &done.url, b"hello");
}

const FOUR_GB: u64 = 1 << 32;

/// A file with holes, and with words around the byte at 2^32.
fn sparse(folder: &Folder, size: u64) -> std::path::PathBuf {
    let path = folder.path().join("sparse");
    let file = File::create(&path).unwrap();
    file.set_len(size).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"before|after.", FOUR_GB - 6).unwrap();
    path
}

/// A single request of more bytes than 32 bits can count.
fn scenario_79_a_body_of_more_than_four_gigabytes(api: Api) {
    if api != Api::C {
        // Once is enough for the time that it takes.
        return;
    }
    let (first, size) = (FOUR_GB + 1, FOUR_GB + 7);
    let folder = Folder::new();
    let server = server_with(|options| options.sink = true);
    let done = api.upload(&Setup { chunk: Chunk::Fixed(first), ..Setup::to(&server) }, &sparse(&folder, size)).unwrap();
    assert_eq!(done.state(), (size, Some(size), true));
    let story = [format!("POST {size} 201"), format!("PATCH 0+{first} 204"), format!("PATCH {first}+6 204")];
    assert_told(&server, &["OPTIONS 204", &story[0], &story[1], &story[2]]);
    assert_eq!(server.requests()[2].body_len, first);
    assert_eq!(server.requests()[3].body, b"after.");
    assert_eq!(server.upload(done.id()).unwrap().offset, size);
}

/// Chunk by chunk over the border.
fn scenario_79_sparse_file_beyond_four_gigabytes(api: Api) {
    let size = FOUR_GB + 7;
    let folder = Folder::new();
    let path = sparse(&folder, size);
    let server = server_with(|options| options.sink = true);
    for input in [Input::File(path.clone()), Input::Descriptor(File::open(&path).unwrap())] {
        let url = server.seed(Some(size), b"").unwrap();
        server.truncate_upload(crate::support::result::id_of(&url), FOUR_GB - 6).unwrap();
        let done = api.resume(&Setup { chunk: Chunk::Fixed(5), ..Setup::to(&server) }, input, &url).unwrap();
        assert_eq!((done.state(), done.stats.sent), ((size, Some(size), true), 13));
        let story = ["HEAD 200", "PATCH 4294967290+5 204", "PATCH 4294967295+5 204", "PATCH 4294967300+3 204"];
        assert_told(&server, &story);
        let bodies: Vec<_> = server.requests().iter().map(|request| request.body.clone()).collect();
        assert_eq!(bodies.concat(), b"before|after.");
        server.clear_log();
    }
}

/// A reader of any size; what it gives depends on where it is.
struct Endless(u64);

impl CallerReader for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, i32> {
        for byte in &mut *buffer {
            *byte = (self.0 % 251) as u8;
            self.0 += 1;
        }
        Ok(buffer.len())
    }

    fn seek(&mut self, offset: u64) -> Result<(), i32> {
        self.0 = offset;
        Ok(())
    }

    fn can_seek(&self) -> bool {
        true
    }
}

/// Where doubles lose count, and at the end of what an offset can be.
fn scenario_79_offsets_beyond_two_to_the_53(api: Api) {
    for size in [(1 << 53) + 5, i64::MAX as u64] {
        let server = server();
        let url = server.seed(Some(11), b"hello").unwrap();
        let client = api.client(&Setup::to(&server)).unwrap();
        let lie = || Rule::on("HEAD").offset(&(size - 2).to_string()).header("Upload-Length", &size.to_string());
        server.script(lie());
        assert_eq!(client.info(&url).unwrap().state(), (size - 2, Some(size), false));
        server.script(lie());
        server.script(Rule::on("PATCH").reply(204).offset(&size.to_string()));
        let input = Input::Reader(Box::new(Endless(0)), size);
        let done = client.resume(input, &url, &Job::default()).unwrap();
        assert_eq!((done.state(), done.stats.sent), ((size, Some(size), true), 2));
        let patch = format!("PATCH {}+2 204", size - 2);
        assert_wire(&server, &["HEAD 200", "HEAD 200", &patch]);
        let expected = [((size - 2) % 251) as u8, ((size - 1) % 251) as u8];
        assert_eq!(server.requests()[2].body, expected);
    }
    // One more than can be said.
    let input = Input::Reader(Box::new(Endless(0)), 1 << 63);
    let error = api.upload(&Setup::url("http://127.0.0.1:1/"), input).unwrap_err();
    assert_eq!(error.kind, Kind::InvalidArgument);
}
