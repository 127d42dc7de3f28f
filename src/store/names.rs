//! The names of the files in a store's directory.
//!
//! ```text
//! <32 digits: SHA-256 of the key>-<16 digits: SHA-256 of the URL>.json          the record
//! <…>-<…>.lock                                                                  the claim on it
//! <…>-<…>.<process>-<16 random digits>.tmp                                      a record being written
//! ```
//!
//! Digests, because keys and URLs have characters and lengths no file name may have; and a look at the directory tells
//! nobody which servers are used.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use super::sha256_hex;

const KEY_DIGITS: usize = 32;
const URL_DIGITS: usize = 16;

/// What all names of one upload begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stem(String);

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Record,
    Lock,
    Temporary,
}

impl Stem {
    pub(super) fn new(key: &str, url: &str) -> Stem {
        Stem(format!("{}{}", Self::of_key(key), &sha256_hex(url.as_bytes())[..URL_DIGITS]))
    }

    /// What all stems under a key begin with.
    pub(super) fn of_key(key: &str) -> String {
        format!("{}-", &sha256_hex(key.as_bytes())[..KEY_DIGITS])
    }

    /// The stem in a file's name and what the file is for; `None` if it is not one of ours.
    pub(super) fn parse(name: &str) -> Option<(Stem, Purpose)> {
        let (stem, rest) = name.split_once('.')?;
        let purpose = match rest {
            "json" => Purpose::Record,
            "lock" => Purpose::Lock,
            _ if rest.ends_with(".tmp") => Purpose::Temporary,
            _ => return None,
        };
        let (key, url) = stem.split_once('-')?;
        let digits = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let ours = key.len() == KEY_DIGITS && url.len() == URL_DIGITS && digits(key) && digits(url);
        ours.then(|| (Stem(stem.to_owned()), purpose))
    }

    pub(super) fn is_under(&self, prefix: &str) -> bool {
        self.0.starts_with(prefix)
    }

    pub(super) fn record(&self) -> String {
        format!("{}.json", self.0)
    }

    pub(super) fn lock(&self) -> String {
        format!("{}.lock", self.0)
    }

    /// A name nobody else comes upon: neither another process, of this machine or of one that shares the directory, nor
    /// somebody who would like to be there first. The process number is for whoever wonders where a file came from.
    pub(super) fn temporary(&self) -> String {
        let random = RandomState::new().build_hasher().finish();
        format!("{}.{}-{random:016x}.tmp", self.0, std::process::id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_made() {
        let stem = Stem::new("key", "url");
        for (name, purpose) in
            [(stem.record(), Purpose::Record), (stem.lock(), Purpose::Lock), (stem.temporary(), Purpose::Temporary)]
        {
            assert_eq!(Stem::parse(&name), Some((stem.clone(), purpose)), "{name}");
        }
        assert!(stem.is_under(&Stem::of_key("key")) && !stem.is_under(&Stem::of_key("another")));
        assert_ne!(stem.temporary(), stem.temporary());
    }

    #[test]
    fn other_names_are_not_ours() {
        let name = Stem::new("key", "url").record();
        for other in [
            name[1..].to_owned(),
            format!("0{name}"),
            name.replace('-', "-0"),
            name.replace('-', ""),
            name.to_uppercase().replace("JSON", "json"),
            format!("{name}.bak"),
            "notes.json".to_owned(),
            ".tmp".to_owned(),
        ] {
            assert_eq!(Stem::parse(&other), None, "{other}");
        }
    }
}
