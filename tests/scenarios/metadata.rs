//! Scenario 69 and T-046 to T-049: metadata there and back.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use tus_test_server::{Extensions, Rule};

use crate::support::api::every_way;
use crate::support::result::Done;
use crate::support::server::{assert_clean, assert_stored, assert_told, server, server_with};
use crate::support::{Api, Folder, HELLO, Job, Kind, Setup};

every_way! {
    scenario_69_metadata_on_the_wire,
    scenario_69_no_metadata_no_header,
    scenario_69_any_value_comes_back,
    scenario_69_keys_that_cannot_be,
    scenario_69_too_much,
    scenario_69_encodings,
    scenario_69_text_that_does_not_fit,
    scenario_69_encodings_that_are_none,
    scenario_69_what_servers_make_of_it,
    scenario_69_with_the_creation_only,
    scenario_69_metadata_alone,
    the_name_of_a_file_goes_along,
}

fn value<'a>(done: &'a Done, key: &str) -> Option<&'a [u8]> {
    done.metadata.iter().find(|(have, _)| have == key).map(|(_, value)| value.as_slice())
}

fn text(done: &Done, key: &str) -> Option<String> {
    done.text.iter().find(|(have, _)| have == key).and_then(|(_, text)| text.clone())
}

fn scenario_69_metadata_on_the_wire(api: Api) {
    let server = server();
    let job = Job::default()
        .text("filename", "world_domination_plan.pdf")
        .bytes("is_confidential", b"")
        .text("b", "1")
        .text("b", "2")
        .text("!#$&'()*+-./:;<=>?@[]^_`{|}~", "x");
    let client = api.client(&Setup::to(&server)).unwrap();
    let done = client.upload(HELLO, &job).unwrap();
    let sent = server.requests()[1].header("Upload-Metadata").unwrap().to_owned();
    assert_eq!(
        sent,
        "filename d29ybGRfZG9taW5hdGlvbl9wbGFuLnBkZg==,is_confidential,b Mg==,!#$&'()*+-./:;<=>?@[]^_`{|}~ eA=="
    );
    assert_eq!(text(&done, "filename").as_deref(), Some("world_domination_plan.pdf"));
    assert_eq!(value(&done, "is_confidential"), Some(&b""[..]));
    let info = client.info(&done.url).unwrap();
    assert_eq!((info.metadata, info.text), (done.metadata, done.text), "as sent, as told");
    assert_told(&server, &["OPTIONS 204", "POST 11 201", "PATCH 0+11 204", "HEAD 200"]);
}

fn scenario_69_no_metadata_no_header(api: Api) {
    let server = server();
    let done = api.upload(&Setup::to(&server), HELLO).unwrap();
    assert_eq!(server.requests()[1].header("Upload-Metadata"), None, "an empty one breaks servers");
    assert_eq!((done.metadata, done.text), (vec![], vec![]));
}

fn scenario_69_any_value_comes_back(api: Api) {
    let server = server();
    let client = api.client(&Setup::to(&server)).unwrap();
    let every_byte: Vec<u8> = (0..=255).collect();
    for bytes in [
        &b"a\r\nX-Evil: 1\r\n\r\n"[..],
        b"\0",
        "emoji 🦀, \u{feff}BOM, straße".as_bytes(),
        b"a,b c",
        b"\xff\xfe",
        &every_byte,
        &[b'x'; 2500],
    ] {
        let done = client.upload(HELLO, &Job::default().bytes("v", bytes)).unwrap();
        let info = client.info(&done.url).unwrap();
        assert_eq!(value(&info, "v"), Some(bytes));
        // Text with a NUL inside is no string of C; there only its bytes can be had.
        let speakable = api == Api::Rust || !bytes.contains(&0);
        assert_eq!(text(&info, "v"), String::from_utf8(bytes.to_vec()).ok().filter(|_| speakable));
        assert_eq!(server.upload(done.id()).unwrap().metadata.unwrap().split(' ').count(), 2);
    }
    assert!(server.requests().iter().all(|request| request.header("X-Evil").is_none()));
    assert_clean(&server);
}

fn scenario_69_keys_that_cannot_be(api: Api) {
    let server = server();
    let client = api.client(&Setup::to(&server)).unwrap();
    for key in ["", " ", "a b", "a,b", "a\r\nb", "a\nX-Evil: 1", "a\tb", "größe", "\u{7f}", "🦀"] {
        let error = client.upload(HELLO, &Job::default().text("ok", "1").text(key, "x")).unwrap_err();
        assert_eq!(error.gist(), (Kind::InvalidArgument, 0, false), "{key:?}");
    }
    assert_told(&server, &[]);
    assert_eq!(server.connections(), 0, "refused before a connection is made");
}

fn scenario_69_too_much(api: Api) {
    let server = server();
    let client = api.client(&Setup::to(&server)).unwrap();
    let large = Job::default().bytes("v", &[7; 10_000]);
    let error = client.upload(HELLO, &large).unwrap_err();
    assert_eq!(error.gist(), (Kind::InvalidArgument, 0, false));
    error.assert_says("4096");
    assert_eq!(server.connections(), 0);

    let done = client.upload(HELLO, &Job { large_metadata: true, ..large }).unwrap();
    assert_eq!(value(&client.info(&done.url).unwrap(), "v"), Some(&[7; 10_000][..]));
    let rules: Vec<_> = server.violations().iter().map(|violation| violation.rule).collect();
    assert_eq!(rules, ["T-049"], "which is what was asked for");
}

/// The caller says UTF-8, the server has what it is configured for.
fn scenario_69_encodings(api: Api) {
    for (encoding, text_value, base64) in [
        ("utf-8", "straße", "c3RyYcOfZQ=="),
        ("iso-8859-1", "straße", "c3RyYd9l"),
        ("windows-1252", "5 €", "NSCA"),
        ("Shift_JIS", "日本", "k/qWew=="),
        ("koi8-r", "да", "xME="),
    ] {
        let server = server();
        let setup = Setup { metadata_encoding: Some(encoding.into()), ..Setup::to(&server) };
        let client = api.client(&setup).unwrap();
        let done = client.upload(HELLO, &Job::default().text("t", text_value).bytes("b", b"\xc3\x9f")).unwrap();
        let sent = server.requests()[1].header("Upload-Metadata").unwrap().to_owned();
        assert_eq!(sent, format!("t {base64},b w58="), "{encoding}: bytes stay what they are");
        let info = client.info(&done.url).unwrap();
        assert_eq!(text(&info, "t").as_deref(), Some(text_value), "{encoding}");
        assert_eq!(value(&info, "b"), Some(&b"\xc3\x9f"[..]));
    }
}

fn scenario_69_text_that_does_not_fit(api: Api) {
    let server = server();
    let setup = Setup { metadata_encoding: Some("latin1".into()), ..Setup::to(&server) };
    let error = api.client(&setup).unwrap().upload(HELLO, &Job::default().text("t", "日本")).unwrap_err();
    assert_eq!(error.gist(), (Kind::InvalidArgument, 0, false));
    assert_eq!(server.connections(), 0);
}

fn scenario_69_encodings_that_are_none(api: Api) {
    for (encoding, kind) in
        [("klingon", Kind::InvalidArgument), ("", Kind::InvalidArgument), ("utf-16le", Kind::Unsupported)]
    {
        let setup = Setup { metadata_encoding: Some(encoding.into()), ..Setup::url("http://127.0.0.1/") };
        assert_eq!(api.client(&setup).err().unwrap().kind, kind, "{encoding:?}");
    }
}

/// T-048: another order, blanks, keys without values, what cannot be read left out; never a failed upload.
fn scenario_69_what_servers_make_of_it(api: Api) {
    let server = server();
    let url = server.seed(Some(11), b"hello").unwrap();
    let client = api.client(&Setup::to(&server)).unwrap();
    for (header, expected) in [
        ("a QQ==,b Qg==", &[("a", &b"A"[..]), ("b", b"B")][..]),
        ("empty ,a QQ==", &[("empty", b""), ("a", b"A")]),
        (" a  QQ== , empty", &[("a", b"A"), ("empty", b"")]),
        ("a !!!,b Qg==", &[("b", b"B")]),
        ("a QQ==,a Qg==", &[("a", b"A")]),
        (",,a QQ==,", &[("a", b"A")]),
        ("", &[]),
    ] {
        server.script(Rule::on("HEAD").header("Upload-Metadata", header));
        let info = client.info(&url).unwrap();
        let have: Vec<_> = info.metadata.iter().map(|(key, value)| (key.as_str(), value.as_slice())).collect();
        assert_eq!(have, expected, "{header:?}");
    }
    server.script(Rule::on("HEAD").header("Upload-Metadata", "\u{1}junk, , =,\u{2603}"));
    client.resume(HELLO, &url, &Job::default()).unwrap();
    assert_clean(&server);
}

fn scenario_69_with_the_creation_only(api: Api) {
    let server = server_with(|options| options.extensions = Extensions::default());
    let client = api.client(&Setup::to(&server)).unwrap();
    let job = Job::default().text("filename", "x");
    let done = client.upload(HELLO, &job).unwrap();
    client.resume(HELLO, &done.url, &job).unwrap();
    client.delete(&done.url).unwrap();
    let with: Vec<_> = server.requests().iter().map(|r| r.header("Upload-Metadata").is_some()).collect();
    assert_eq!(with, [false, true, false, false, false]);
    assert_clean(&server);
}

fn scenario_69_metadata_alone(api: Api) {
    let server = server();
    let client = api.client(&Setup::to(&server)).unwrap();
    let done = client.upload(HELLO, &Job::default().text("a", "x").bytes("b", b"\0\xff").bytes("c", b"")).unwrap();
    let expected =
        [("a", &b"x"[..]), ("b", b"\0\xff"), ("c", b"")].map(|(key, value)| (key.to_owned(), value.to_vec()));
    assert_eq!(client.metadata(&done.url).unwrap(), expected);
    server.remove_upload(done.id());
    let error = client.metadata(&done.url).unwrap_err();
    assert_eq!(error.gist(), (Kind::Gone, 410, false));
    assert_told(&server, &["OPTIONS 204", "POST 11 201", "PATCH 0+11 204", "HEAD 200", "HEAD 410"]);
}

/// As text where it is some, as the bytes it is where it is none, and not at all where the caller has a better one.
fn the_name_of_a_file_goes_along(api: Api) {
    let folder = Folder::new();
    for (encoding, name, sent) in [
        ("utf-8", "plan.pdf".as_bytes(), &b"plan.pdf"[..]),
        ("utf-8", "straße 🦀".as_bytes(), "straße 🦀".as_bytes()),
        ("latin1", "straße".as_bytes(), b"stra\xdfe"),
        ("latin1", "日本".as_bytes(), "日本".as_bytes()),
        ("utf-8", b"\xff,\n", b"\xff,\n"),
    ] {
        let server = server();
        let path = folder.path().join(OsStr::from_bytes(name));
        std::fs::write(&path, HELLO).unwrap();
        let setup = Setup { metadata_encoding: Some(encoding.into()), ..Setup::to(&server) };
        let client = api.client(&setup).unwrap();
        let job = Job::default().text("kind", "x");
        let done = client.upload_file(&path, &job).unwrap();
        let info = client.info(&done.url).unwrap();
        assert_eq!(value(&info, "filename"), Some(sent), "{name:?} in {encoding}");
        assert_eq!((value(&info, "kind"), info.metadata.len()), (Some(&b"x"[..]), 2));
        assert_stored(&server, &done.url, HELLO);

        let mine = client.upload_file(&path, &job.text("filename", "mine")).unwrap();
        assert_eq!(text(&client.info(&mine.url).unwrap(), "filename").as_deref(), Some("mine"));
        let none = client.upload(&path, &Job::default()).unwrap();
        assert_eq!(client.metadata(&none.url).unwrap(), [], "a source has no name");
        assert_clean(&server);
    }
    let server = server();
    let error = api.client(&Setup::to(&server)).unwrap().upload_file(&folder.path().join("missing"), &Job::default());
    assert_eq!(error.unwrap_err().gist(), (Kind::Source, 0, false));
    assert_eq!(server.connections(), 0);
}
