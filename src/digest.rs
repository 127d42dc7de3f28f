//! Message digests, by the crates of the RustCrypto project: they use the processor's SHA instructions where it has
//! them, found out at run time.

use std::sync::OnceLock;
use std::time::Instant;

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};

use crate::protocol::checksum::Algorithm;

/// How much is hashed at a time to find out how fast that is, and how often.
const SAMPLE: [u8; 4096] = [0x5a; 4096];
const SAMPLES: usize = 5;

/// The faster one of SHA-1 and SHA-256 with this processor and this build, measured once for each process: with SHA
/// instructions they are about as fast, without them SHA-1 takes about half the time. SHA-256 where it hardly matters.
pub fn fastest() -> Algorithm {
    static MEASURED: OnceLock<Algorithm> = OnceLock::new();
    *MEASURED.get_or_init(|| {
        let time = |algorithm| {
            let began = Instant::now();
            let mut digest = Digest::new(algorithm);
            digest.update(&SAMPLE);
            std::hint::black_box(digest.finish());
            began.elapsed()
        };
        // The shortest time is the one nothing came between.
        let best = |algorithm| (0..SAMPLES).map(|_| time(algorithm)).min().unwrap_or_default();
        if best(Algorithm::Sha1) * 5 < best(Algorithm::Sha256) * 4 { Algorithm::Sha1 } else { Algorithm::Sha256 }
    })
}

/// A digest being computed.
#[derive(Debug, Clone)]
pub struct Digest(State);

#[derive(Debug, Clone)]
enum State {
    Md5(Md5),
    Sha1(Sha1),
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Digest {
    /// Of nothing yet.
    pub fn new(algorithm: Algorithm) -> Digest {
        Digest(match algorithm {
            Algorithm::Md5 => State::Md5(Md5::new()),
            Algorithm::Sha1 => State::Sha1(Sha1::new()),
            Algorithm::Sha256 => State::Sha256(Sha256::new()),
            Algorithm::Sha512 => State::Sha512(Sha512::new()),
        })
    }

    /// Takes in more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Md5(state) => state.update(bytes),
            State::Sha1(state) => state.update(bytes),
            State::Sha256(state) => state.update(bytes),
            State::Sha512(state) => state.update(bytes),
        }
    }

    /// The digest of all bytes taken in.
    pub fn finish(self) -> Vec<u8> {
        match self.0 {
            State::Md5(state) => state.finalize().to_vec(),
            State::Sha1(state) => state.finalize().to_vec(),
            State::Sha256(state) => state.finalize().to_vec(),
            State::Sha512(state) => state.finalize().to_vec(),
        }
    }

    /// The same in lower-case hexadecimal digits.
    pub fn finish_hex(self) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |value: u8| char::from(DIGITS[usize::from(value)]);
        self.finish().iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::checksum::field;

    #[test]
    fn the_fastest_is_one_of_two_and_stays_so() {
        assert!(matches!(fastest(), Algorithm::Sha1 | Algorithm::Sha256));
        assert_eq!(fastest(), fastest());
    }

    #[test]
    fn known_digests() {
        let of = |algorithm, text: &str| {
            let mut digest = Digest::new(algorithm);
            digest.update(&text.as_bytes()[..1]);
            digest.update(&text.as_bytes()[1..]);
            digest
        };
        assert_eq!(of(Algorithm::Md5, "abc").finish_hex(), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(of(Algorithm::Sha1, "abc").finish_hex(), "a9993e364706816aba3e25717850c26c9cd0d89d");
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(of(Algorithm::Sha256, "abc").finish_hex(), sha256);
        assert!(of(Algorithm::Sha512, "abc").finish_hex().starts_with("ddaf35a193617abacc417349ae204131"));
        // T-091's own example.
        let field = field(Algorithm::Sha1, &of(Algorithm::Sha1, "hello world").finish());
        assert_eq!(field, "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=");
    }
}
