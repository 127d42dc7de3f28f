//! Where the URLs of unfinished uploads are kept between runs (T-052).
//!
//! A [`Store`] holds [`Record`]s under a [`key`]. It never asks a server and never decides anything: whether a record
//! belongs to the source at hand, has expired or is gone is the caller's business, and so is what a fault of the store
//! means (a warning: an upload does not fail because its URL could not be noted). [`DirectoryStore`] keeps one file per
//! upload; a program may bring a store of its own, or carry a record as a token ([`Record::to_token`]).
//!
//! ```
//! use tus::store::{DirectoryStore, Record, Store, key};
//!
//! # let folder = std::env::temp_dir().join(format!("tus-store-example-{}", std::process::id()));
//! let store = DirectoryStore::open(folder.clone());
//! let key = key("https://example.com/files/", 11);
//! let record = Record {
//!     url: "https://example.com/files/a1b2".to_owned(),
//!     endpoint: "https://example.com/files/".to_owned(),
//!     size: 11,
//!     ..Record::default()
//! };
//!
//! // Claimed first: another process that wants to go on with this upload is told to leave it alone.
//! let claim = store.claim(&key, &record.url)?.expect("nobody else works on it");
//! store.put(&key, &record.url, &record.to_bytes())?;
//! assert_eq!(Record::from_bytes(&store.find(&key)?.records[0]), Ok(record.clone()));
//!
//! store.remove(&key, &record.url)?;
//! drop(claim);
//! assert!(store.find(&key)?.records.is_empty());
//! # std::fs::remove_dir_all(folder).unwrap();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod claim;
mod content;
mod directory;
mod lock;
mod names;
mod reading;
mod record;
mod token;
mod writing;

#[cfg(test)]
mod tests;

use crate::digest::Digest;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::checksum::Algorithm;

pub use claim::Claim;
pub use directory::DirectoryStore;
pub use record::{BadRecord, FileIdentity, MAX_FINGERPRINT, MAX_PARTS, PartRecord, Prefix, Record};
pub use token::TokenKey;

/// A place for records. Its operations may wait for a disk, but never for another process.
///
/// Every operation fails with [`ErrorKind::Store`] if the place cannot be used; whatever was whole before is whole
/// after.
pub trait Store: Send + Sync {
    /// All records under a key, as bytes, in no order that means anything.
    ///
    /// Records that cannot be used are passed over, not an error: one damaged record must not cost the others. The
    /// caller reads each with [`Record::from_bytes`] and takes nothing in it on trust but what it checks.
    fn find(&self, key: &str) -> Result<Found>;

    /// Adds the record of the upload with this URL, or replaces it as a whole. When it returns, the record outlives a
    /// crash of the process and, as far as the place can promise it, of the machine (T-052).
    fn put(&self, key: &str, url: &str, record: &[u8]) -> Result<()>;

    /// Removes the record of an upload; it is no fault if there is none.
    fn remove(&self, key: &str, url: &str) -> Result<()>;

    /// Claims an upload for one operation, so that no other process, thread or client works on it meanwhile: `None` if
    /// somebody else has it. A record read before may be out of date by then: find it again under the claim.
    ///
    /// Unless a store knows better, a claim means nothing and is always granted.
    fn claim(&self, key: &str, url: &str) -> Result<Option<Claim>> {
        let _means_nothing = (key, url);
        Ok(Some(Claim::unguarded()))
    }

    /// All records under every key, as [`Store::find`] gives those of one.
    ///
    /// A store that cannot list its records fails with [`ErrorKind::Unsupported`].
    fn list(&self) -> Result<Found> {
        Err(cannot_list())
    }

    /// Removes every record that `is_stale` says yes to, unless it is claimed, and returns how many these were. It may
    /// be asked about a record more than once.
    ///
    /// A store that cannot list its records fails with [`ErrorKind::Unsupported`].
    fn prune(&self, is_stale: &dyn Fn(&Record) -> bool) -> Result<u64> {
        let _unasked = is_stale;
        Err(cannot_list())
    }
}

pub(crate) fn cannot_list() -> Error {
    Error::new(ErrorKind::Unsupported, "this store cannot list its records")
}

/// What [`Store::find`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The records.
    pub records: Vec<Vec<u8>>,
    /// What was passed over and why, a sentence each, for a warning. No URL stands in them.
    pub skipped: Vec<String>,
}

/// The key of an upload: what must be the same for a record to be worth looking at. Several files of one size may lie
/// under one key; which of them a record means is said inside it.
///
/// The endpoint is part of it, so that one server's upload is never looked for at another; its query and fragment are
/// not, as they may hold a token that changes from run to run.
pub fn key(endpoint: &str, size: u64) -> String {
    let end = endpoint.find(['?', '#']).unwrap_or(endpoint.len());
    format!("size:{size} {}", &endpoint[..end])
}

/// The SHA-256 of some bytes in hexadecimal digits.
fn sha256_hex(bytes: &[u8]) -> String {
    let mut digest = Digest::new(Algorithm::Sha256);
    digest.update(bytes);
    digest.finish_hex()
}

/// A short checksum against accidents (not against forgers): eight hexadecimal digits.
fn check_of(bytes: &[u8]) -> String {
    let mut hex = sha256_hex(bytes);
    hex.truncate(8);
    hex
}
