//! What the server saw and has.

use tus_test_server::Server;

/// The bytes that the programs upload, as `byte_at` of `tests/c/check.h` makes them.
pub(crate) fn bytes(count: usize) -> Vec<u8> {
    (0..count as u64).map(|at| (at * 31 + at / 251 + at / 65521) as u8).collect()
}

/// All requests: `POST 201`, `PATCH 204`; a dash if no whole answer went out.
pub(crate) fn lines(server: &Server) -> Vec<String> {
    let line = |request: tus_test_server::Request| match request.status {
        Some(status) if request.answered => format!("{} {status}", request.effective_method),
        _ => format!("{} -", request.effective_method),
    };
    server.requests().into_iter().map(line).collect()
}

/// These requests came, in this order, and no other.
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

/// The same for a client that broke a request off and went on over another connection. Which of the two the server reads
/// first is chance; a request that came too late is not what the client did wrong, and was not carried out.
#[track_caller]
pub(crate) fn assert_clean_after_break(server: &Server) {
    let requests = server.requests();
    let too_late = |broken: &tus_test_server::Violation| {
        let request = &requests[broken.request];
        ["T-011", "T-111"].contains(&broken.rule) && (!request.answered || request.status == Some(409))
    };
    let violations: Vec<_> = server.violations().into_iter().filter(|broken| !too_late(broken)).collect();
    assert!(violations.is_empty(), "{violations:#?}\n{:#?}", lines(server));
    assert_eq!(server.pending_rules(), 0, "not all of the script was played: {:#?}", lines(server));
}

/// These are all the uploads there are, each finished and with the programs' bytes.
#[track_caller]
pub(crate) fn assert_uploads(server: &Server, sizes: &[usize]) {
    let uploads = server.uploads();
    let mut have: Vec<_> = uploads.iter().map(|upload| upload.offset as usize).collect();
    let mut want = sizes.to_vec();
    have.sort_unstable();
    want.sort_unstable();
    assert_eq!(have, want, "{:#?}", lines(server));
    for upload in uploads {
        assert!(upload.finished, "{upload:?}");
        let stored = server.upload_bytes(&upload.id).unwrap();
        let wrong = stored.iter().zip(bytes(stored.len())).position(|(have, want)| *have != want);
        assert_eq!(wrong, None, "the first wrong byte of {upload:?}");
    }
}

/// No request at all.
#[track_caller]
pub(crate) fn assert_untouched(server: &Server) {
    assert_wire(server, &[]);
    assert_eq!(server.connections(), 0);
}
