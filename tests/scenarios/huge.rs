//! Scenario 79: sizes and offsets that do not fit into 32 bits, or into a double.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use tus_test_server::Rule;

use crate::support::api::every_way;
use crate::support::input::CallerReader;
use crate::support::result::id_of;
use crate::support::server::{assert_told, assert_wire, server, server_with};
use crate::support::{Api, Chunk, Folder, Input, Job, Kind, Setup};

every_way! {
    scenario_79_sparse_file_beyond_four_gigabytes,
    scenario_79_a_body_of_more_than_four_gigabytes,
    scenario_79_offsets_beyond_two_to_the_53,
}

const FOUR_GB: u64 = 1 << 32;

/// A file with holes, and with words around the byte at 2^32.
fn sparse(folder: &Folder, size: u64) -> PathBuf {
    let path = folder.path().join("sparse");
    let file = File::create(&path).unwrap();
    file.set_len(size).unwrap();
    file.write_all_at(b"before|after.", FOUR_GB - 6).unwrap();
    path
}

/// Chunk by chunk over the border.
fn scenario_79_sparse_file_beyond_four_gigabytes(api: Api) {
    let size = FOUR_GB + 7;
    let folder = Folder::new();
    let path = sparse(&folder, size);
    let server = server_with(|options| options.sink = true);
    for input in [Input::File(path.clone()), Input::Descriptor(File::open(&path).unwrap())] {
        let url = server.seed(Some(size), b"").unwrap();
        server.truncate_upload(id_of(&url), FOUR_GB - 6).unwrap();
        let done = api.resume(&Setup { chunk: Chunk::Fixed(5), ..Setup::to(&server) }, input, &url).unwrap();
        assert_eq!((done.state(), done.stats.sent), ((size, Some(size), true), 13));
        let story = ["HEAD 200", "PATCH 4294967290+5 204", "PATCH 4294967295+5 204", "PATCH 4294967300+3 204"];
        assert_told(&server, &story);
        let bodies: Vec<_> = server.requests().iter().map(|request| request.body.clone()).collect();
        assert_eq!(bodies.concat(), b"before|after.");
        server.clear_log();
    }
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
