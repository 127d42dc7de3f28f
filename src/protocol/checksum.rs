//! `Upload-Checksum`: algorithms, their choice, and the field itself (T-090, T-091).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A checksum algorithm this library can compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// MD5: against accidents only, and only if asked for.
    Md5,
    /// SHA-1: the one a server with checksums has if it names none (T-090).
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Algorithm; 4] = [Algorithm::Md5, Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512];

    /// What is chosen from if the caller names none or the server lacks the one named, after the one that is computed
    /// fastest. SHA-256 comes before SHA-512 because processors compute it several times as fast and nothing is gained by
    /// more bits. MD5 is never chosen unasked (T-090).
    const BY_PREFERENCE: [Algorithm; 3] = [Algorithm::Sha256, Algorithm::Sha512, Algorithm::Sha1];

    /// The name in headers.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Md5 => "md5",
            Algorithm::Sha1 => "sha1",
            Algorithm::Sha256 => "sha256",
            Algorithm::Sha512 => "sha512",
        }
    }

    fn is_in(self, offered: &[String]) -> bool {
        // T-090: SHA-1 is always there, but a list without it is believed.
        (self == Algorithm::Sha1 && offered.is_empty())
            || offered.iter().any(|name| name.eq_ignore_ascii_case(self.name()))
    }
}

/// How much the caller wants checksums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// None are sent.
    #[default]
    Off,
    /// Sent if the server can check them; with another algorithm than the one named if need be.
    IfAvailable,
    /// No byte is sent without the algorithm named (any, if none is).
    Required,
}

/// What the caller wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wish {
    /// How much.
    pub policy: Policy,
    /// Which algorithm; `None` leaves the choice to the library.
    pub algorithm: Option<Algorithm>,
}

impl Wish {
    /// The algorithms that fulfil the wish at a server that offers these, best first. The next one is used when the
    /// server does not know one it should have (T-093), or finds two mismatches in a row. `fastest` comes first where
    /// the caller names none.
    pub fn candidates(self, offered: &[String], fastest: Algorithm) -> Vec<Algorithm> {
        let rest = Algorithm::BY_PREFERENCE.into_iter().filter(|other| *other != fastest);
        let others = std::iter::once(fastest).chain(rest).filter(|other| Some(*other) != self.algorithm);
        let candidates: Vec<Algorithm> = match (self.policy, self.algorithm) {
            (Policy::Off, _) => Vec::new(),
            (Policy::Required, Some(named)) => vec![named],
            (Policy::Required, None) => others.collect(),
            (Policy::IfAvailable, named) => named.into_iter().chain(others).collect(),
        };
        candidates.into_iter().filter(|algorithm| algorithm.is_in(offered)).collect()
    }
}

/// How the data that a server has acknowledged was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Checked {
    /// There was no data.
    #[default]
    Nothing,
    /// Every byte was; the last ones by this algorithm.
    All(Algorithm),
    /// Some bytes were not.
    NotAll,
}

impl Checked {
    /// What holds for this data and the data after it.
    #[must_use]
    pub fn and(self, later: Checked) -> Checked {
        match (self, later) {
            (Checked::Nothing, one) | (one, Checked::Nothing) => one,
            (Checked::All(_), Checked::All(algorithm)) => Checked::All(algorithm),
            _ => Checked::NotAll,
        }
    }

    /// The algorithm by which all data was checked.
    pub fn algorithm(self) -> Option<Algorithm> {
        match self {
            Checked::All(algorithm) => Some(algorithm),
            Checked::Nothing | Checked::NotAll => None,
        }
    }
}

/// The value of `Upload-Checksum` (T-091).
pub fn field(algorithm: Algorithm, digest: &[u8]) -> String {
    format!("{} {}", algorithm.name(), STANDARD.encode(digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(names: &str) -> Vec<String> {
        names.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
    }

    #[test]
    fn the_wish_meets_the_offer() {
        use Algorithm::{Md5, Sha1, Sha256, Sha512};
        let all = "md5,sha1,sha256,sha512";
        for (policy, algorithm, names, expected) in [
            (Policy::Off, Some(Sha1), all, vec![]),
            (Policy::Required, Some(Sha256), all, vec![Sha256]),
            (Policy::Required, Some(Sha256), "sha1", vec![]),
            (Policy::Required, Some(Sha1), "", vec![Sha1]),
            (Policy::Required, Some(Sha1), "sha256", vec![]),
            (Policy::Required, Some(Sha1), "crc32", vec![]),
            (Policy::Required, None, "crc32", vec![]),
            (Policy::Required, None, "", vec![Sha1]),
            (Policy::Required, None, "md5,SHA512", vec![Sha512]),
            (Policy::IfAvailable, None, all, vec![Sha256, Sha512, Sha1]),
            (Policy::IfAvailable, None, "crc32", vec![]),
            (Policy::IfAvailable, Some(Md5), all, vec![Md5, Sha256, Sha512, Sha1]),
            (Policy::IfAvailable, Some(Md5), "sha1,crc32", vec![Sha1]),
        ] {
            let candidates = Wish { policy, algorithm }.candidates(&offered(names), Sha256);
            assert_eq!(candidates, expected, "{policy:?} {names}");
        }
        let wish = |algorithm| Wish { policy: Policy::IfAvailable, algorithm };
        assert_eq!(wish(None).candidates(&offered(all), Sha1), [Sha1, Sha256, Sha512]);
        assert_eq!(wish(Some(Sha256)).candidates(&offered(all), Sha1), [Sha256, Sha1, Sha512]);
        assert_eq!(wish(Some(Md5)).candidates(&offered("sha512,sha1"), Sha1), [Sha1, Sha512]);
    }
}
