//! What stands in a record's file: the record's own bytes, wrapped so that the file explains itself.
//!
//! `{"format":1,"key":"…","check":"…","record":{…}}` and a line end. The key is there because the file's name has only
//! its digest; the check, because a damaged file may still be a JSON object, and a URL with one letter changed would be
//! somebody else's upload.

use serde::{Deserialize, Serialize};

use super::check_of;
use super::record::{BadRecord, FORMAT, MAX_BYTES, Record, check_format};

/// The most bytes of a file: a record and a key.
pub(super) const MAX_FILE: u64 = MAX_BYTES as u64 + (64 << 10);

/// Before the record. An unescaped quote cannot stand inside a JSON string, so its first occurrence is the right one.
const BEFORE_RECORD: &[u8] = b",\"record\":";
const END: &[u8] = b"}\n";

/// A file that was found whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) key: String,
    /// As they were put.
    pub(super) bytes: Vec<u8>,
    /// The same, read.
    pub(super) record: Record,
}

#[derive(Serialize, Deserialize)]
struct Head {
    format: u64,
    key: String,
    check: String,
}

/// The file for a record.
pub(super) fn pack(key: &str, record: &[u8]) -> Vec<u8> {
    let head = Head { format: FORMAT, key: key.to_owned(), check: check(key, record) };
    let mut file = serde_json::to_vec(&head).expect("numbers and texts are always JSON");
    file.pop(); // The head's closing brace.
    file.extend_from_slice(BEFORE_RECORD);
    file.extend_from_slice(record);
    file.extend_from_slice(END);
    file
}

/// The record in a file.
pub(super) fn unpack(file: &[u8]) -> Result<Content, BadRecord> {
    check_format(file)?;
    let head_end = file.windows(BEFORE_RECORD.len()).position(|window| window == BEFORE_RECORD);
    let (head, rest) = file.split_at(head_end.ok_or(BadRecord::Garbage)?);
    let bytes = rest[BEFORE_RECORD.len()..].strip_suffix(END).ok_or(BadRecord::Garbage)?;
    let head: Head = serde_json::from_slice(&[head, b"}"].concat()).map_err(|_| BadRecord::Garbage)?;
    let record = Record::from_bytes(bytes)?;
    if head.check != check(&head.key, bytes) {
        return Err(BadRecord::Garbage);
    }
    Ok(Content { key: head.key, bytes: bytes.to_vec(), record })
}

fn check(key: &str, record: &[u8]) -> String {
    check_of(&[key.as_bytes(), b"\n", record].concat())
}
