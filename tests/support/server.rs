//! The scripted server, and what its log says, in lines a test can list.

use tus_test_server::{Extensions, Options, Request, Server};

use super::result::id_of;

/// A correct server that takes no data with a creation, so that every upload has its POST and its PATCH.
pub(crate) fn server() -> Server {
    server_with(|_| {})
}

/// The same with other options.
pub(crate) fn server_with(change: impl FnOnce(&mut Options)) -> Server {
    let extensions = Extensions { creation_with_upload: false, ..Extensions::default() };
    let mut options = Options { extensions, ..Options::default() };
    change(&mut options);
    Server::start(options).unwrap()
}

/// A request and its answer in a line: the method, what it says of lengths, and the status; a dash if no whole answer
/// went out.
///
/// `POST 11 201` announces eleven bytes, `POST 11+11 201` carries them too, `PATCH 5+6 204` carries six from offset 5.
/// A method behind POST is `POST:PATCH`.
pub(crate) fn line(request: &Request) -> String {
    let mut line = request.method.clone();
    if request.effective_method != request.method {
        line = format!("{line}:{}", request.effective_method);
    }
    let body = request.header("Content-Length").filter(|length| *length != "0");
    match request.effective_method.as_str() {
        "POST" => {
            line = format!("{line} {}", request.header("Upload-Length").unwrap_or("?"));
            if let Some(length) = body {
                line = format!("{line}+{length}");
            }
        }
        "PATCH" => {
            let offset = request.header("Upload-Offset").unwrap_or("?");
            line = format!("{line} {offset}+{}", body.unwrap_or("0"));
        }
        _ => {}
    }
    match request.status {
        Some(status) if request.answered => format!("{line} {status}"),
        _ => format!("{line} -"),
    }
}

/// All requests so far.
pub(crate) fn lines(server: &Server) -> Vec<String> {
    server.requests().iter().map(line).collect()
}

/// The server got these requests, in this order, and no other.
#[track_caller]
pub(crate) fn assert_wire(server: &Server, expected: &[&str]) {
    assert_eq!(lines(server), expected);
}

/// The client broke no rule, and everything that was to go wrong did.
#[track_caller]
pub(crate) fn assert_clean(server: &Server) {
    let violations: Vec<_> = server.violations().iter().map(ToString::to_string).collect();
    assert!(violations.is_empty(), "{violations:#?}\n{:#?}", lines(server));
    assert_eq!(server.pending_rules(), 0, "not all of the script was played: {:#?}", lines(server));
}

/// The upload at `url` is finished and has exactly these bytes.
#[track_caller]
pub(crate) fn assert_stored(server: &Server, url: &str, bytes: &[u8]) {
    let upload = server.upload(id_of(url)).unwrap_or_else(|| panic!("no upload {url}"));
    assert!(upload.finished, "{upload:?}");
    assert_holds(server, url, bytes);
}

/// The upload at `url` has exactly these bytes so far.
#[track_caller]
pub(crate) fn assert_holds(server: &Server, url: &str, bytes: &[u8]) {
    let stored = server.upload_bytes(id_of(url)).unwrap_or_else(|| panic!("no upload {url}"));
    assert_eq!(stored.len(), bytes.len(), "as many bytes");
    let wrong = stored.iter().zip(bytes).position(|(have, want)| have != want);
    assert_eq!(wrong, None, "the first wrong byte");
}

/// The story of an upload that ended well: these requests, these bytes, no rule broken.
#[track_caller]
pub(crate) fn assert_story(server: &Server, expected: &[&str], url: &str, bytes: &[u8]) {
    assert_wire(server, expected);
    assert_stored(server, url, bytes);
    assert_clean(server);
}

/// The story of one that failed, or was no upload: these requests, no rule broken.
#[track_caller]
pub(crate) fn assert_told(server: &Server, expected: &[&str]) {
    assert_wire(server, expected);
    assert_clean(server);
}

/// The values of a header in every request.
pub(crate) fn every(server: &Server, name: &str) -> Vec<Option<String>> {
    server.requests().iter().map(|request| request.header(name).map(str::to_owned)).collect()
}
