//! Which checksums the requests of a session carry: chosen before the first byte, changed when the server refuses them.

use crate::protocol::capabilities::Capabilities;
use crate::protocol::checksum::{Algorithm, Policy};

use super::exchange::Checksum;
use super::plan::Plan;

/// The choice and what is left of it.
#[derive(Debug, Clone)]
pub(super) struct Checksums {
    settled: bool,
    /// The algorithms that may be used, best first.
    candidates: Vec<Algorithm>,
    /// Whether they go as trailers.
    trailers: bool,
    /// The server has accepted data with the present choice: what it refuses afterwards is not the choice.
    proven: bool,
}

impl Checksums {
    /// Before anything is known of the server.
    pub(super) fn undecided() -> Checksums {
        Checksums { settled: false, candidates: Vec::new(), trailers: false, proven: false }
    }

    pub(super) fn is_settled(&self) -> bool {
        self.settled
    }

    /// Matches the caller's wish with the server's offer; an error says in words why that cannot be.
    pub(super) fn settle(plan: &Plan, known: Option<&Capabilities>) -> Result<Checksums, String> {
        let wish = plan.checksum;
        let offers = |extension| known.is_some_and(|known| known.has(extension));
        let candidates = match known {
            // T-090; trailers are a form of it, and the way back from them is the header (T-100).
            Some(known) if known.has("checksum") => wish.candidates(&known.checksum_algorithms),
            _ => Vec::new(),
        };
        if wish.policy == Policy::Required && candidates.is_empty() {
            return Err(match (known, wish.algorithm) {
                (None, _) => "checksums are required, but the server does not say whether it checks them".to_owned(),
                (Some(known), Some(algorithm)) if offers("checksum") => format!(
                    "{} checksums are required, the server checks {}",
                    algorithm.name(),
                    known.checksum_algorithms.join(", ")
                ),
                _ => "checksums are required, but the server does not check them (checksum extension)".to_owned(),
            });
        }
        let trailers = !candidates.is_empty() && plan.checksum_trailers && offers("checksum-trailer");
        Ok(Checksums { settled: true, candidates, trailers, proven: false })
    }

    /// What the next request with data carries.
    pub(super) fn next(&self) -> Option<Checksum> {
        self.candidates.first().map(|algorithm| Checksum { algorithm: *algorithm, trailer: self.trailers })
    }

    /// Data with the present choice was accepted.
    pub(super) fn worked(&mut self) {
        self.proven = true;
    }

    /// A request was refused in a way that may mean its checksum: whether another form or algorithm is left to try
    /// (T-093). What has worked before is not given up.
    pub(super) fn refused(&mut self) -> bool {
        if self.proven || self.candidates.is_empty() {
            return false;
        }
        if self.trailers {
            // Something on the way may not know trailers.
            self.trailers = false;
            return true;
        }
        if self.candidates.len() == 1 {
            return false;
        }
        self.candidates.remove(0);
        true
    }

    /// A mismatch: trailers that have never worked may have been lost on the way instead of the data.
    pub(super) fn mismatched(&mut self) {
        if !self.proven {
            self.trailers = false;
        }
    }
}
