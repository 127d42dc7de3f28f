//! Which checksums the requests of a session carry: chosen before the first byte, changed when the server refuses them.

use crate::protocol::capabilities::Capabilities;
use crate::protocol::checksum::{Algorithm, Checked, Policy};

use super::exchange::{Checksum, Form};
use super::plan::Plan;

/// Mismatches in a row with one algorithm before another one is tried, if both sides know one.
const MISMATCHES_EACH: u32 = 2;

/// The choice and what is left of it.
#[derive(Debug, Clone)]
pub(super) struct Checksums {
    settled: bool,
    /// The algorithms that may be used, best first.
    candidates: Vec<Algorithm>,
    form: Form,
    /// The server has accepted data with the present choice: what it refuses afterwards is not the choice.
    proven: bool,
    /// Mismatches in a row with the present algorithm.
    mismatches: u32,
    /// Where the data of the last request ended, and the checksum it carried.
    sent: Option<(u64, Algorithm)>,
}

impl Checksums {
    /// Before anything is known of the server.
    pub(super) fn undecided() -> Checksums {
        Checksums {
            settled: false,
            candidates: Vec::new(),
            form: Form::Header,
            proven: false,
            mismatches: 0,
            sent: None,
        }
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
            Some(known) if known.has("checksum") => wish.candidates(&known.checksum_algorithms, plan.fastest),
            _ => Vec::new(),
        };
        if wish.policy == Policy::Required && candidates.is_empty() {
            return Err(match (known, wish.algorithm) {
                (None, _) => "checksums are required, but the server does not say whether it checks them".to_owned(),
                (Some(known), algorithm) if offers("checksum") => {
                    let wanted = algorithm.map_or(String::new(), |algorithm| format!("{} ", algorithm.name()));
                    let offered = match known.checksum_algorithms.join(", ") {
                        none if none.is_empty() => Algorithm::Sha1.name().to_owned(),
                        offered => offered,
                    };
                    format!("{wanted}checksums are required, the server checks {offered}")
                }
                _ => "checksums are required, but the server does not check them (checksum extension)".to_owned(),
            });
        }
        let trailers = !candidates.is_empty() && plan.checksum_trailers && offers("checksum-trailer");
        let form = if trailers { Form::WrongTrailer } else { Form::Header };
        Ok(Checksums { settled: true, candidates, form, ..Self::undecided() })
    }

    /// What the next request with data carries; the wrong trailer goes without data, ahead of it.
    pub(super) fn next(&self) -> Option<Checksum> {
        self.candidates.first().map(|algorithm| Checksum { algorithm: *algorithm, form: self.form })
    }

    /// Data up to `end` goes out with the present choice, which is returned.
    pub(super) fn send(&mut self, end: u64) -> Option<Checksum> {
        let checksum = self.next();
        self.sent = checksum.map(|checksum| (end, checksum.algorithm));
        checksum
    }

    /// How the data that the server has acknowledged, up to `at`, was checked. A digest is that of the whole body: who
    /// takes only a part of it has not checked that part.
    pub(super) fn acknowledged(&self, at: u64) -> Checked {
        match self.sent {
            Some((end, algorithm)) if end == at => Checked::All(algorithm),
            _ => Checked::NotAll,
        }
    }

    /// Data with the present choice was accepted.
    pub(super) fn worked(&mut self) {
        (self.proven, self.mismatches) = (true, 0);
    }

    /// A wrong trailer was answered: it shows that the server looks at trailers only if it was refused as wrong.
    pub(super) fn tried_trailers(&mut self, refused: bool) {
        self.form = if refused { Form::Trailer } else { Form::Header };
    }

    /// A request with a trailer was not answered: something on the way may not know trailers. Whether another form is
    /// left to try.
    pub(super) fn unanswered(&mut self) -> bool {
        let trailers = self.form != Form::Header && !self.proven;
        if trailers {
            self.form = Form::Header;
        }
        trailers
    }

    /// A request was refused in a way that may mean its checksum: whether another form or algorithm is left to try
    /// (T-093). What has worked before is not given up.
    pub(super) fn refused(&mut self) -> bool {
        if self.unanswered() {
            return true;
        }
        !self.proven && self.take_next()
    }

    /// A mismatch: whether another algorithm comes next. Trailers that have never worked may have been lost on the way
    /// instead of the data.
    pub(super) fn mismatched(&mut self) -> bool {
        self.unanswered();
        self.mismatches += 1;
        self.mismatches >= MISMATCHES_EACH && self.take_next()
    }

    fn take_next(&mut self) -> bool {
        if self.candidates.len() < 2 {
            return false;
        }
        self.candidates.remove(0);
        (self.proven, self.mismatches) = (false, 0);
        true
    }
}
