//! `Upload-Metadata`: key and value pairs, base64 on the wire (T-046, T-047, T-048, T-049).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::digest::Digest;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::checksum::Algorithm;

/// The longest header value sent unless the caller forces it: servers refuse more than about this (T-049).
pub const HEADER_LIMIT: usize = 4096;

/// Metadata of an upload: unique keys in the order they were added, values of any bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata(Vec<(String, Vec<u8>)>);

impl Metadata {
    /// No metadata.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a pair, or replaces the value of a key that is there.
    pub fn set(&mut self, key: &str, value: impl Into<Vec<u8>>) -> Result<()> {
        check_key(key)?;
        let value = value.into();
        match self.0.iter_mut().find(|(have, _)| have == key) {
            Some((_, old)) => *old = value,
            None => self.0.push((key.to_owned(), value)),
        }
        Ok(())
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&[u8]> {
        self.0.iter().find(|(have, _)| have == key).map(|(_, value)| value.as_slice())
    }

    /// All pairs, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_slice()))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The header's value; `None` if there is no metadata, since an empty header breaks servers (T-046).
    pub fn encode(&self) -> Option<String> {
        if self.is_empty() {
            return None;
        }
        let mut text = String::new();
        for (key, value) in &self.0 {
            if !text.is_empty() {
                text.push(',');
            }
            text.push_str(key);
            if !value.is_empty() {
                text.push(' ');
                STANDARD.encode_string(value, &mut text);
            }
        }
        Some(text)
    }

    /// The digest by which two metadata are known to be the same, whatever their order (T-155); `None` if there is none.
    pub fn digest(&self) -> Option<String> {
        let header = self.encode()?;
        let mut pairs: Vec<_> = header.split(',').collect();
        pairs.sort_unstable();
        let mut digest = Digest::new(Algorithm::Sha256);
        digest.update(pairs.join(",").as_bytes());
        Some(digest.finish_hex())
    }

    /// Reads a header's value, as forgiving as T-048 asks: a pair that cannot be read is left out, the first of two
    /// equal keys stays.
    pub fn parse(text: &str) -> Metadata {
        let mut metadata = Metadata::new();
        for pair in text.split(',') {
            let mut words = pair.split_ascii_whitespace();
            let Some(key) = words.next() else { continue };
            let value = match (words.next(), words.next()) {
                (None, _) => Vec::new(),
                (Some(encoded), None) => match STANDARD.decode(encoded) {
                    Ok(value) => value,
                    Err(_) => continue,
                },
                (Some(_), Some(_)) => continue,
            };
            if metadata.get(key).is_none() {
                metadata.0.push((key.to_owned(), value));
            }
        }
        metadata
    }
}

/// T-047: the key goes into the header as it is, so it is the place where a header could be injected.
pub fn check_key(key: &str) -> Result<()> {
    if key.is_empty() {
        return Err(Error::invalid("a metadata key must not be empty"));
    }
    match key.bytes().find(|byte| !byte.is_ascii_graphic() || *byte == b',') {
        None => Ok(()),
        Some(byte) => Err(Error::invalid(format!(
            "metadata key {key:?} has byte 0x{byte:02x}: only visible ASCII without space and comma is allowed"
        ))),
    }
}

/// T-049: refuses metadata that most servers would refuse, before any request.
pub fn check_size(encoded: &str) -> Result<()> {
    if encoded.len() > HEADER_LIMIT {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "the metadata takes {} bytes as a header, more than the {HEADER_LIMIT} servers accept",
                encoded.len()
            ),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_as_the_grammar_says() {
        let mut metadata = Metadata::new();
        assert_eq!(metadata.encode(), None);
        metadata.set("filename", "hello.txt").unwrap();
        metadata.set("empty", "").unwrap();
        metadata.set("raw", [0u8, 255, 13, 10]).unwrap();
        assert_eq!(metadata.encode().unwrap(), "filename aGVsbG8udHh0,empty,raw AP8NCg==");
        metadata.set("filename", "x").unwrap();
        assert_eq!(metadata.encode().unwrap(), "filename eA==,empty,raw AP8NCg==");
    }

    #[test]
    fn keys_that_could_break_the_header_are_refused() {
        for key in ["", "a b", "a,b", "a\r\nX: y", "a\0", "a\x7f", "schlüssel", "\t"] {
            assert!(check_key(key).is_err(), "{key:?}");
        }
        assert!(check_key("is-fine_1.~!").is_ok());
    }

    #[test]
    fn reads_what_servers_send() {
        let metadata = Metadata::parse("empty ,filename aGVsbG8udHh0 , key,bad a$b,two a b,,filename eA==");
        let pairs: Vec<_> = metadata.iter().collect();
        assert_eq!(pairs, [("empty", &b""[..]), ("filename", b"hello.txt"), ("key", b"")]);
    }

    #[test]
    fn what_is_emitted_is_read_back() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..500 {
            let mut metadata = Metadata::new();
            for n in 0..random.usize(0..6) {
                let value: Vec<u8> = (0..random.usize(0..40)).map(|_| random.u8(..)).collect();
                metadata.set(&format!("k{n}"), value).unwrap();
            }
            assert_eq!(Metadata::parse(&metadata.encode().unwrap_or_default()), metadata);
        }
    }
}
