//! The checksum algorithms of the `checksum` extension, over streamed bytes.
//!
//! Compares digests and never decides what a mismatch means.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::Digest;

/// An algorithm the server can verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// `sha1`, which every server with the extension has
    Sha1,
    /// `sha256`
    Sha256,
    /// `sha512`
    Sha512,
    /// `md5`
    Md5,
}

impl Algorithm {
    /// All of them, in the order advertised.
    pub const ALL: [Self; 4] = [Self::Sha1, Self::Sha256, Self::Sha512, Self::Md5];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
            Self::Md5 => "md5",
        }
    }

    fn digest_len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
            Self::Md5 => 16,
        }
    }
}

/// A parsed `Upload-Checksum`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) algorithm: Algorithm,
    pub(crate) digest: Vec<u8>,
}

/// Parses `<alg> <base64>` (T-091); the error says what is wrong.
pub(crate) fn parse(text: &str, offered: &[Algorithm]) -> Result<Expected, String> {
    let (name, sum) = text.split_once(' ').ok_or(format!("not `algorithm SP base64`: {text:?}"))?;
    let algorithm = *offered.iter().find(|a| a.name() == name).ok_or(format!("algorithm {name:?} is not offered"))?;
    let digest = STANDARD.decode(sum).map_err(|error| format!("digest {sum:?} is not base64: {error}"))?;
    if digest.len() != algorithm.digest_len() {
        return Err(format!("a {name} digest of {} bytes", digest.len()));
    }
    Ok(Expected { algorithm, digest })
}

/// A running digest.
pub(crate) enum Hasher {
    Sha1(sha1::Sha1),
    Sha256(sha2::Sha256),
    Sha512(Box<sha2::Sha512>),
    Md5(md5::Md5),
}

impl Hasher {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Sha1 => Self::Sha1(Digest::new()),
            Algorithm::Sha256 => Self::Sha256(Digest::new()),
            Algorithm::Sha512 => Self::Sha512(Box::new(Digest::new())),
            Algorithm::Md5 => Self::Md5(Digest::new()),
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha1(h) => h.update(bytes),
            Self::Sha256(h) => h.update(bytes),
            Self::Sha512(h) => h.update(bytes),
            Self::Md5(h) => h.update(bytes),
        }
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        match self {
            Self::Sha1(h) => h.finalize().to_vec(),
            Self::Sha256(h) => h.finalize().to_vec(),
            Self::Sha512(h) => h.finalize().to_vec(),
            Self::Md5(h) => h.finalize().to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vector_of_the_specification() {
        let expected = parse("sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", &Algorithm::ALL).unwrap();
        let mut hasher = Hasher::new(expected.algorithm);
        hasher.update(b"hello ");
        hasher.update(b"world");
        assert_eq!(hasher.finish(), expected.digest);
    }

    #[test]
    fn malformed_sums_are_refused() {
        for bad in ["sha1", "sha1  Kq5s", "crc32 AAAA", "SHA1 Kq5s", "sha1 Kq5s"] {
            assert!(parse(bad, &Algorithm::ALL).is_err(), "{bad:?}");
        }
    }
}
