//! What a server says it can do, read from its OPTIONS answer (T-005 to T-008, T-090).

use super::answer::Answer;

/// The protocol version this library speaks.
pub const VERSION: &str = "1.0.0";

/// A server's answer to OPTIONS.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// Protocol versions, best first; empty if the server does not say (T-005: not fatal).
    pub versions: Vec<String>,
    /// Extension names, unknown ones included.
    pub extensions: Vec<String>,
    /// The largest upload taken, in bytes; `None` if not said or malformed (T-008).
    pub max_size: Option<u64>,
    /// Checksum algorithms, in the server's order.
    pub checksum_algorithms: Vec<String>,
}

impl Capabilities {
    /// Reads an OPTIONS answer; `None` if it is not a success and so says nothing (T-006).
    pub fn from_answer(answer: &Answer) -> Option<Capabilities> {
        if !matches!(answer.status, 200 | 204) {
            return None;
        }
        let list = |name| answer.headers.list(name).map(str::to_owned).collect::<Vec<_>>();
        let versions = list("Tus-Version");
        Some(Capabilities {
            // What it answers in, it speaks.
            versions: if versions.is_empty() { list("Tus-Resumable") } else { versions },
            extensions: list("Tus-Extension"),
            max_size: answer.headers.integer("Tus-Max-Size").ok().flatten(),
            checksum_algorithms: list("Tus-Checksum-Algorithm"),
        })
    }

    /// Whether an extension is advertised (T-007: only then is it used).
    pub fn has(&self, extension: &str) -> bool {
        self.extensions.iter().any(|have| have.eq_ignore_ascii_case(extension))
    }

    /// Whether the server speaks our version, as far as it says (T-005).
    pub fn speaks_our_version(&self) -> bool {
        self.versions.is_empty() || self.versions.iter().any(|version| version == VERSION)
    }

    /// Whether anything in the answer shows a tus server.
    pub fn is_tus(&self) -> bool {
        !self.versions.is_empty() || !self.extensions.is_empty() || self.max_size.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, fields: &[(&str, &str)]) -> Answer {
        let headers = fields.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect();
        Answer::new(status, headers, Vec::new())
    }

    #[test]
    fn reads_a_full_answer() {
        let caps = Capabilities::from_answer(&answer(
            204,
            &[
                ("Tus-Version", "1.0.0, 0.2.2"),
                ("Tus-Extension", "creation,creation-with-upload , checksum"),
                ("Tus-Max-Size", "1073741824"),
                ("Tus-Checksum-Algorithm", "sha1,sha256"),
            ],
        ))
        .unwrap();
        assert!(caps.speaks_our_version() && caps.is_tus());
        assert!(caps.has("creation-with-upload") && !caps.has("termination"));
        assert_eq!(caps.max_size, Some(1 << 30));
        assert_eq!(caps.checksum_algorithms, ["sha1", "sha256"]);
    }

    #[test]
    fn silence_and_nonsense_are_not_fatal() {
        assert_eq!(Capabilities::from_answer(&answer(404, &[])), None);
        for junk in ["abc", "-1", "", "1.5"] {
            let caps = Capabilities::from_answer(&answer(200, &[("Tus-Max-Size", junk)])).unwrap();
            assert_eq!(caps.max_size, None);
            assert!(caps.speaks_our_version());
        }
        let other = Capabilities::from_answer(&answer(200, &[("Tus-Version", "0.2.2,2.0.0")])).unwrap();
        assert!(!other.speaks_our_version());
        let bare = Capabilities::from_answer(&answer(204, &[("Tus-Resumable", "1.0.0")])).unwrap();
        assert!(bare.is_tus() && bare.speaks_our_version());
        assert!(!Capabilities::from_answer(&answer(204, &[("Allow", "GET, OPTIONS")])).unwrap().is_tus());
    }
}
