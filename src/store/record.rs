//! What is remembered of an unfinished upload, and how it is written down.

use std::collections::HashSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The version of the format written here. Fields may be added under the same number as long as an older reader may
/// pass over them; anything else needs the next one.
pub(super) const FORMAT: u64 = 1;

/// The most bytes of a record: enough for any there may be, little enough to read whatever lies there.
pub(super) const MAX_BYTES: usize = 1 << 20;

/// The most parts of a parallel upload: each takes a thread while it is sent.
pub const MAX_PARTS: usize = 48;

/// The most bytes of a fingerprint: it becomes part of a file in the store.
pub const MAX_FINGERPRINT: usize = 4096;

/// T-010: no size or offset of the protocol goes beyond.
const MAX_SIZE: u64 = i64::MAX as u64;

/// What makes a file the same file, as far as the file system tells. Times are seconds since 1970 and nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileIdentity {
    /// The file system.
    pub device: u64,
    /// The file in it.
    pub inode: u64,
    /// When its content was last changed, which programs may set as they like.
    pub modified: (i64, i64),
    /// When anything about it was last changed, which no program can set.
    pub changed: (i64, i64),
    /// The first byte of it that is uploaded: 0 but for a stretch of it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub start: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The digest of a source's first bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prefix {
    /// How many bytes.
    pub length: u64,
    /// Their SHA-256, 64 lower-case hexadecimal digits.
    pub sha256: String,
}

/// One part of a parallel upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartRecord {
    /// Its own upload; empty as long as there is none.
    pub url: String,
    /// Its first byte in the source.
    pub start: u64,
    /// How many bytes it has.
    pub length: u64,
}

/// One unfinished upload (T-052).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The upload; of a parallel one its first part.
    pub url: String,
    /// Where it was created, without query.
    pub endpoint: String,
    /// The source's size in bytes.
    pub size: u64,
    /// How many bytes the server had acknowledged when this was written. Only a hint: the server is asked again.
    pub offset: u64,
    /// When the upload was created, seconds since 1970.
    pub created: u64,
    /// When the server will forget it (`Upload-Expires`, T-080), seconds since 1970 by the server's clock.
    pub expires: Option<u64>,
    /// The server's clock minus this machine's, seconds.
    pub clock_skew: i64,
    /// The source's fingerprint.
    pub fingerprint: Option<String>,
    /// The source's identity, if it is a file.
    pub identity: Option<FileIdentity>,
    /// Whether the same identity proves the same content. It does not if the file had been changed so shortly before
    /// that another change may have left the same times.
    pub identity_trusted: bool,
    /// The digest of the source's first bytes.
    pub content: Option<Prefix>,
    /// The digest of the upload's metadata, 64 lower-case hexadecimal digits (T-155); `None` for an upload without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<String>,
    /// Whether the upload was made elsewhere and named by its URL: then `metadata` is what the program said of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub named: bool,
    /// The parts of a parallel upload, from the first byte to the last; none otherwise.
    pub parts: Vec<PartRecord>,
    /// What the server has put together of the parts, which are then of no more use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub whole: Option<String>,
}

/// Why bytes or a token are no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadRecord {
    /// Damaged, cut, too large, contradictory, or something else altogether.
    Garbage,
    /// Written in this format, by a later version of the library: to be left as it is.
    Newer(u64),
    /// A token without a signature, where only signed ones count.
    Unsigned,
    /// A signed token, where no key can tell who signed it.
    Signed,
    /// A token signed with another key, or changed after it was signed.
    Forged,
}

impl Record {
    /// Written as JSON with the number of the format.
    pub fn to_bytes(&self) -> Vec<u8> {
        #[derive(Serialize)]
        struct Numbered<'a> {
            format: u64,
            #[serde(flatten)]
            record: &'a Record,
        }
        serde_json::to_vec(&Numbered { format: FORMAT, record: self }).expect("numbers and texts are always JSON")
    }

    /// Read back, and held against what every record must fulfil.
    ///
    /// # Errors
    ///
    /// [`BadRecord::Newer`] if the format is a later one; [`BadRecord::Garbage`] if it is not one JSON object of at
    /// most 1 MiB with these fields, if a URL is empty or has characters no URL has, if a number or the fingerprint is
    /// impossible, or if the parts are empty, more than [`MAX_PARTS`], the same upload twice, or do not follow one
    /// another from the first byte to the last.
    pub fn from_bytes(bytes: &[u8]) -> Result<Record, BadRecord> {
        if bytes.len() > MAX_BYTES {
            return Err(BadRecord::Garbage);
        }
        check_format(bytes)?;
        let record: Record = serde_json::from_slice(bytes).map_err(|_| BadRecord::Garbage)?;
        if record.is_sound() { Ok(record) } else { Err(BadRecord::Garbage) }
    }

    /// Whether the server will have forgotten the upload (T-081). `now` is this machine's clock, seconds since 1970.
    pub fn is_expired(&self, now: u64) -> bool {
        self.expires.is_some_and(|expires| expires <= now.saturating_add_signed(self.clock_skew))
    }

    fn is_sound(&self) -> bool {
        is_url(&self.url)
            && self.size <= MAX_SIZE
            && self.offset <= self.size
            && self.content.as_ref().is_none_or(|content| content.is_sound(self.size))
            && self.fingerprint.as_deref().is_none_or(is_fingerprint)
            && self.metadata.as_deref().is_none_or(is_digest)
            && self.parts_are_sound()
            && self.whole.as_deref().is_none_or(is_url)
    }

    fn parts_are_sound(&self) -> bool {
        let mut end = 0u64;
        let mut urls = HashSet::new();
        for part in &self.parts {
            let url_is_sound = part.url.is_empty() || (is_url(&part.url) && urls.insert(&part.url));
            if part.start != end || part.length == 0 || !url_is_sound {
                return false;
            }
            match end.checked_add(part.length) {
                Some(next) => end = next,
                None => return false,
            }
        }
        self.parts.is_empty() || (end == self.size && self.parts.len() <= MAX_PARTS)
    }
}

impl Prefix {
    fn is_sound(&self, size: u64) -> bool {
        self.length <= size && is_digest(&self.sha256)
    }
}

impl fmt::Display for BadRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadRecord::Garbage => f.write_str("it is damaged"),
            BadRecord::Unsigned => f.write_str("it is not signed, but a token key is set"),
            BadRecord::Signed => f.write_str("it is signed, but no token key is set"),
            BadRecord::Forged => f.write_str("its signature is not that of the token key"),
            BadRecord::Newer(format) => {
                write!(f, "it was written by a newer version of the library (format {format}, known is {FORMAT})")
            }
        }
    }
}

impl std::error::Error for BadRecord {}

/// Looks at nothing but the number of the format: all else may mean something different in another one.
pub(super) fn check_format(json: &[u8]) -> Result<(), BadRecord> {
    #[derive(Deserialize)]
    struct Number {
        format: u64,
    }
    match serde_json::from_slice(json) {
        Ok(Number { format: FORMAT }) => Ok(()),
        Ok(Number { format }) if format > FORMAT => Err(BadRecord::Newer(format)),
        _ => Err(BadRecord::Garbage),
    }
}

/// Whether a text is a SHA-256 as it is written here.
fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether a text may be a fingerprint.
fn is_fingerprint(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_FINGERPRINT && !text.contains(char::is_control)
}

/// Not a parser: what is kept here is parsed again before it is used. This only keeps out what was never a URL.
fn is_url(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}
