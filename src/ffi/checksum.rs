//! Checksum algorithms and how much they are wanted, as numbers.

use crate::error::{Error, Result};
use crate::protocol::checksum::{Algorithm, Policy, Wish};

/// The algorithms, as the header has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum tus_checksum {
    TUS_CHECKSUM_NONE = 0,
    TUS_CHECKSUM_SHA1 = 1,
    TUS_CHECKSUM_SHA256 = 2,
    TUS_CHECKSUM_SHA512 = 3,
    TUS_CHECKSUM_MD5 = 4,
    TUS_CHECKSUM_AUTO = 5,
}

/// How much they are wanted, as the header has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum tus_checksum_policy {
    TUS_CHECKSUM_OFF = 0,
    TUS_CHECKSUM_IF_AVAILABLE = 1,
    TUS_CHECKSUM_REQUIRED = 2,
}

/// A wish from C.
pub(super) fn wish(algorithm: i32, policy: i32) -> Result<Wish> {
    const OFF: i32 = tus_checksum_policy::TUS_CHECKSUM_OFF as i32;
    const IF_AVAILABLE: i32 = tus_checksum_policy::TUS_CHECKSUM_IF_AVAILABLE as i32;
    const REQUIRED: i32 = tus_checksum_policy::TUS_CHECKSUM_REQUIRED as i32;
    const NONE: i32 = tus_checksum::TUS_CHECKSUM_NONE as i32;
    const AUTO: i32 = tus_checksum::TUS_CHECKSUM_AUTO as i32;
    let policy = match policy {
        OFF => Policy::Off,
        IF_AVAILABLE => Policy::IfAvailable,
        REQUIRED => Policy::Required,
        _ => return Err(Error::invalid(format!("{policy} is no checksum policy: they go from {OFF} to {REQUIRED}"))),
    };
    let named = Algorithm::ALL.into_iter().find(|named| number(Some(*named)) == algorithm);
    match (algorithm, named) {
        (NONE, _) if policy == Policy::Required => Err(Error::invalid("no checksum at all cannot be required")),
        (NONE, _) => Ok(Wish::default()),
        (AUTO, _) => Ok(Wish { policy, algorithm: None }),
        (_, Some(_)) => Ok(Wish { policy, algorithm: named }),
        (_, None) => {
            Err(Error::invalid(format!("{algorithm} is no checksum algorithm: they go from {NONE} to {AUTO}")))
        }
    }
}

/// An algorithm for C.
pub(super) fn number(algorithm: Option<Algorithm>) -> i32 {
    let algorithm = match algorithm {
        None => tus_checksum::TUS_CHECKSUM_NONE,
        Some(Algorithm::Sha1) => tus_checksum::TUS_CHECKSUM_SHA1,
        Some(Algorithm::Sha256) => tus_checksum::TUS_CHECKSUM_SHA256,
        Some(Algorithm::Sha512) => tus_checksum::TUS_CHECKSUM_SHA512,
        Some(Algorithm::Md5) => tus_checksum::TUS_CHECKSUM_MD5,
    };
    algorithm as i32
}
