//! Each kind of failure has its status, each status its name.

use super::super::error::{Failure, status_of};
use super::super::status::tus_status_code as Code;
use super::super::*;
use super::fixture::*;
use crate::error::{BrokenRule, ErrorKind, TimeLimit};

/// Every kind of failure with its status. The map itself has no catch-all, so that a new kind cannot be forgotten there;
/// this table says that each goes to the status it is named for.
const TABLE: &[(ErrorKind, Code)] = &[
    (ErrorKind::InvalidArgument, Code::TUS_E_INVALID_ARGUMENT),
    (ErrorKind::InvalidState, Code::TUS_E_INVALID_STATE),
    (ErrorKind::Unsupported, Code::TUS_E_UNSUPPORTED),
    (ErrorKind::Busy, Code::TUS_E_BUSY),
    (ErrorKind::Cancelled, Code::TUS_E_CANCELLED),
    (ErrorKind::Callback(7), Code::TUS_E_CALLBACK),
    (ErrorKind::Timeout(TimeLimit::Stall), Code::TUS_E_TIMEOUT),
    (ErrorKind::Source, Code::TUS_E_SOURCE),
    (ErrorKind::SourceChanged, Code::TUS_E_SOURCE_CHANGED),
    (ErrorKind::Store, Code::TUS_E_STORE),
    (ErrorKind::Fingerprint, Code::TUS_E_FINGERPRINT),
    (ErrorKind::Resources, Code::TUS_E_RESOURCES),
    (ErrorKind::Resolve, Code::TUS_E_RESOLVE),
    (ErrorKind::Connect, Code::TUS_E_CONNECT),
    (ErrorKind::Tls, Code::TUS_E_TLS),
    (ErrorKind::Io, Code::TUS_E_IO),
    (ErrorKind::HttpStatus, Code::TUS_E_HTTP_STATUS),
    (ErrorKind::Protocol(BrokenRule::MissingOffset), Code::TUS_E_PROTOCOL),
    (ErrorKind::OffsetConflict, Code::TUS_E_OFFSET_CONFLICT),
    (ErrorKind::Gone, Code::TUS_E_GONE),
    (ErrorKind::Locked, Code::TUS_E_LOCKED),
    (ErrorKind::Checksum, Code::TUS_E_CHECKSUM),
    (ErrorKind::TooLarge, Code::TUS_E_TOO_LARGE),
    (ErrorKind::Version, Code::TUS_E_VERSION),
    (ErrorKind::Unconfirmed, Code::TUS_E_UNCONFIRMED),
    (ErrorKind::Internal, Code::TUS_E_INTERNAL),
];

/// What no failure of the engine's becomes: success, what only this layer finds, and what later objects need.
const OTHERS: &[Code] = &[Code::TUS_OK, Code::TUS_E_NOT_FOUND, Code::TUS_E_FORKED, Code::TUS_E_PANIC];

#[test]
fn each_kind_of_failure_has_its_own_status() {
    for (kind, code) in TABLE {
        assert_eq!(status_of(*kind), *code);
    }
    let reached: Vec<Code> = TABLE.iter().map(|(_, code)| *code).chain(OTHERS.iter().copied()).collect();
    assert_eq!(reached.len(), Code::ALL.len());
    assert!(Code::ALL.iter().all(|code| reached.contains(code)));
}

#[test]
fn what_only_the_boundary_knows_has_one_too() {
    assert_eq!(Failure::forked(1).status(), Code::TUS_E_FORKED);
    assert_eq!(Failure::panicked(String::new()).status(), Code::TUS_E_PANIC);
}

#[test]
fn names_are_static_and_never_null() {
    for code in Code::ALL {
        let name = tus_status_name(code.code());
        assert_eq!(string(name).unwrap(), format!("{code:?}"));
        assert_eq!(name, tus_status_name(code.code()));
    }
    for unknown in [1, -10, -100, i32::MIN, i32::MAX] {
        assert_eq!(string(tus_status_name(unknown)).unwrap(), "TUS_E_UNKNOWN");
    }
}

#[test]
fn the_version_is_the_packages() {
    assert_eq!(string(tus_version_string()).unwrap(), env!("CARGO_PKG_VERSION"));
    let number = tus_version_number();
    let parts = [number >> 16, number >> 8 & 0xff, number & 0xff].map(|part| part.to_string());
    assert_eq!(parts.join("."), env!("CARGO_PKG_VERSION"));
}

#[test]
fn features_are_told() {
    // SAFETY: static strings.
    let has = |name: &std::ffi::CStr| unsafe { tus_has_feature(name.as_ptr()) };
    for name in [c"creation", c"creation-defer-length", c"checksum-sha256", c"store", c"parallel", c"uploader"] {
        assert_eq!(has(name), 1, "{name:?}");
    }
    assert_eq!(has(c"tls"), i32::from(cfg!(feature = "tls")));
    assert_eq!(has(c"encodings"), i32::from(cfg!(feature = "encodings")));
    for unknown in [c"", c"TLS", c"quic", NOT_UTF8] {
        assert_eq!(has(unknown), 0, "{unknown:?}");
    }
}
