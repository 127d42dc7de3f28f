//! One table: what to do about a status, by the kind of request it answers.
//!
//! This is "Reactions by status" of the requirements. The session carries reactions out; nothing else judges a
//! status, but for OPTIONS (`capabilities`, `session/discover`: its answer may be done without) and redirects
//! (`session/redirect`: which may be followed).

use crate::error::ErrorKind;

use super::answer::Answer;

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// OPTIONS: what can the server do?
    Discover,
    /// POST: make an upload.
    Create,
    /// HEAD: where is the upload?
    Probe,
    /// PATCH: bytes.
    Transfer,
    /// DELETE: remove the upload.
    Terminate,
}

impl Purpose {
    /// Whether it goes to the endpoint, and not to an upload.
    pub fn is_about_endpoint(self) -> bool {
        matches!(self, Purpose::Discover | Purpose::Create)
    }

    /// What failed, for messages: "`creating the upload` failed with status 403".
    pub fn doing(self) -> &'static str {
        match self {
            Purpose::Discover => "asking for the server's capabilities",
            Purpose::Create => "creating the upload",
            Purpose::Probe => "asking for the upload's offset",
            Purpose::Transfer => "sending data",
            Purpose::Terminate => "deleting the upload",
        }
    }
}

/// Which budget a wait is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Budget {
    /// The number of tries.
    Tries,
    /// The number of tries too, but the server only said "not now": nothing is wrong with what was sent.
    Busy,
    /// The time an upload may stay locked.
    Lock,
}

/// What to do about an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// A success: the state reads it.
    Accept,
    /// Follow it, if the rules of T-151 allow.
    Redirect,
    /// Wait, then try again; after a PATCH by way of HEAD.
    Again(Budget),
    /// 409 to a PATCH: HEAD, then go on from there (T-027).
    Conflict,
    /// The server's own word for a PATCH that another request of ours interrupted: one HEAD, then go on.
    Interrupted,
    /// 400 or 403 to a PATCH: what some servers say once an upload is finished. If earlier bytes are in doubt one HEAD
    /// tells, else the operation fails.
    Refused,
    /// The upload does not exist any more, in a tus server's own words (T-083).
    Gone,
    /// The same in the words of something else, a balancer perhaps: asked again before it is believed (T-083).
    Missing,
    /// 413 to a request with data: send less at once.
    TooMuch,
    /// The operation fails.
    Fail(ErrorKind),
}

/// The table.
pub fn react(purpose: Purpose, answer: &Answer) -> Reaction {
    use Purpose::{Probe, Terminate, Transfer};
    match answer.status {
        // A maintenance page, or a server that is locked: it says nothing of the upload.
        200..=299 if purpose == Probe && answer.is_foreign() => Reaction::Again(Budget::Tries),
        200..=299 => Reaction::Accept,
        300..=399 => Reaction::Redirect,
        400 if purpose == Transfer && is_interruption(answer) => Reaction::Interrupted,
        400 | 403 if purpose == Transfer => Reaction::Refused,
        404 | 410 if matches!(purpose, Probe | Transfer | Terminate) => match answer.is_from_tus() {
            true => Reaction::Gone,
            false => Reaction::Missing,
        },
        405 | 501 => Reaction::Fail(ErrorKind::Unsupported),
        408 => Reaction::Again(Budget::Tries),
        425 | 429 | 503 => Reaction::Again(Budget::Busy),
        409 if purpose == Transfer => Reaction::Conflict,
        // Some servers say 409 for a lock (tusdotnet before 2.5, Bunny).
        409 if purpose == Terminate => Reaction::Again(Budget::Lock),
        // To a creation it says that this is not wanted twice: no wait changes that.
        409 if purpose == Purpose::Create => Reaction::Fail(ErrorKind::HttpStatus),
        409 => Reaction::Again(Budget::Tries),
        412 => Reaction::Fail(ErrorKind::Version),
        413 if purpose == Transfer || purpose == Purpose::Create => Reaction::TooMuch,
        423 => Reaction::Again(Budget::Lock),
        500 if names_lock(answer) => Reaction::Again(Budget::Lock),
        // A method or extension the server does not have will not appear by waiting: 501 is above.
        500..=599 => Reaction::Again(Budget::Tries),
        _ => Reaction::Fail(ErrorKind::HttpStatus),
    }
}

/// Whether a tus server itself refuses the request that carried the last byte of an upload (T-153): its hook or its
/// store failed at the end, although all bytes may be there. A gateway's answer has no `Tus-Resumable` and says nothing
/// of the upload; and what speaks of credentials, a lock, a place or a damaged or too large body has rules of its own.
pub fn refuses_finish(answer: &Answer) -> bool {
    let of_its_own = match react(Purpose::Transfer, answer) {
        Reaction::Accept | Reaction::Redirect | Reaction::Again(Budget::Lock) => true,
        Reaction::Conflict | Reaction::Interrupted | Reaction::TooMuch => true,
        Reaction::Gone | Reaction::Missing => true,
        Reaction::Again(Budget::Tries | Budget::Busy) | Reaction::Refused | Reaction::Fail(_) => {
            matches!(answer.status, 401 | 407 | 460)
        }
    };
    !of_its_own && answer.is_from_tus()
}

/// Whether something before the tus server says "not now" in so many words, and so has passed nothing on to it. A 503 alone
/// is not enough: some gateways say it of a request that the server has had.
pub fn turns_away(answer: &Answer) -> bool {
    let asks_for_time = answer.status != 503 || answer.headers.get("Retry-After").is_some();
    matches!(answer.status, 425 | 429 | 503) && asks_for_time && !answer.is_from_tus()
}

/// tusd and @tus/server end a PATCH with 400 when a newer request takes the upload over or the body was cut.
fn is_interruption(answer: &Answer) -> bool {
    let text = String::from_utf8_lossy(&answer.body);
    ["ERR_UPLOAD_INTERRUPTED", "ERR_UNEXPECTED_EOF", "aborted"].iter().any(|word| text.contains(word))
}

/// tusd and @tus/server say 500 when a lock could not be had in time.
fn names_lock(answer: &Answer) -> bool {
    let text = String::from_utf8_lossy(&answer.body);
    ["ERR_LOCK_TIMEOUT", "acquire lock"].iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::headers::Headers;

    const ALL: [Purpose; 5] =
        [Purpose::Discover, Purpose::Create, Purpose::Probe, Purpose::Transfer, Purpose::Terminate];

    fn to(purpose: Purpose, status: u16, body: &str) -> Reaction {
        let headers = [("tus-resumable".to_owned(), "1.0.0".to_owned())].into_iter().collect();
        react(purpose, &Answer::new(status, headers, body))
    }

    #[test]
    fn what_is_not_a_tus_servers_word_says_nothing_of_an_upload() {
        let foreign = |purpose, status| react(purpose, &Answer::new(status, Headers::new(), ""));
        for status in [200, 204] {
            assert_eq!(foreign(Purpose::Probe, status), Reaction::Again(Budget::Tries));
            assert_eq!(foreign(Purpose::Transfer, status), Reaction::Accept, "HEAD tells then");
        }
        for status in [404, 410] {
            for purpose in [Purpose::Probe, Purpose::Transfer, Purpose::Terminate] {
                assert_eq!(foreign(purpose, status), Reaction::Missing);
            }
            assert_eq!(foreign(Purpose::Create, status), Reaction::Fail(ErrorKind::HttpStatus));
        }
    }

    #[test]
    fn statuses_that_mean_the_same_everywhere() {
        use Reaction::{Accept, Again, Fail, Redirect};
        for (status, expected) in [
            (200, Accept),
            (204, Accept),
            (299, Accept),
            (301, Redirect),
            (304, Redirect),
            (401, Fail(ErrorKind::HttpStatus)),
            (405, Fail(ErrorKind::Unsupported)),
            (407, Fail(ErrorKind::HttpStatus)),
            (408, Again(Budget::Tries)),
            (411, Fail(ErrorKind::HttpStatus)),
            (412, Fail(ErrorKind::Version)),
            (414, Fail(ErrorKind::HttpStatus)),
            (415, Fail(ErrorKind::HttpStatus)),
            (417, Fail(ErrorKind::HttpStatus)),
            (418, Fail(ErrorKind::HttpStatus)),
            (423, Again(Budget::Lock)),
            (425, Again(Budget::Busy)),
            (429, Again(Budget::Busy)),
            (431, Fail(ErrorKind::HttpStatus)),
            (451, Fail(ErrorKind::HttpStatus)),
            // Where a checksum was sent it says more; the session knows.
            (460, Fail(ErrorKind::HttpStatus)),
            (500, Again(Budget::Tries)),
            (501, Fail(ErrorKind::Unsupported)),
            (502, Again(Budget::Tries)),
            (503, Again(Budget::Busy)),
            (504, Again(Budget::Tries)),
            (507, Again(Budget::Tries)),
            (999, Fail(ErrorKind::HttpStatus)),
            (100, Fail(ErrorKind::HttpStatus)),
        ] {
            for purpose in ALL {
                assert_eq!(to(purpose, status, ""), expected, "{purpose:?} {status}");
            }
        }
    }

    #[test]
    fn statuses_that_depend_on_the_request() {
        use Purpose::*;
        for status in [404, 410] {
            assert_eq!(to(Create, status, ""), Reaction::Fail(ErrorKind::HttpStatus));
            for purpose in [Probe, Transfer, Terminate] {
                assert_eq!(to(purpose, status, ""), Reaction::Gone);
            }
        }
        for status in [400, 403] {
            assert_eq!(to(Transfer, status, ""), Reaction::Refused);
            for purpose in [Discover, Create, Probe, Terminate] {
                assert_eq!(to(purpose, status, ""), Reaction::Fail(ErrorKind::HttpStatus));
            }
        }
        assert_eq!(to(Transfer, 409, ""), Reaction::Conflict);
        assert_eq!(to(Terminate, 409, ""), Reaction::Again(Budget::Lock));
        assert_eq!(to(Create, 409, ""), Reaction::Fail(ErrorKind::HttpStatus));
        assert_eq!(to(Probe, 409, ""), Reaction::Again(Budget::Tries));
        assert_eq!(to(Transfer, 413, ""), Reaction::TooMuch);
        assert_eq!(to(Probe, 413, ""), Reaction::Fail(ErrorKind::HttpStatus));
        assert_eq!(to(Transfer, 400, "ERR_UPLOAD_INTERRUPTED: x"), Reaction::Interrupted);
        assert_eq!(to(Create, 400, "ERR_UPLOAD_INTERRUPTED: x"), Reaction::Fail(ErrorKind::HttpStatus));
        assert_eq!(to(Transfer, 500, "ERR_LOCK_TIMEOUT: x"), Reaction::Again(Budget::Lock));
    }

    #[test]
    fn a_refused_finish_is_the_tus_servers_own_word() {
        let refuses = |status, body: &str, fields: &[(&str, &str)]| {
            let headers = fields.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
            refuses_finish(&Answer::new(status, headers, body))
        };
        let tus = &[("Tus-Resumable", "1.0.0")];
        for status in [400, 402, 403, 405, 408, 412, 415, 418, 422, 425, 429, 500, 501, 502, 503, 504, 507, 599] {
            assert!(refuses(status, "", tus), "{status}");
            assert!(!refuses(status, "", &[]), "{status} of a gateway");
        }
        for status in [200, 204, 301, 307, 401, 404, 407, 409, 410, 413, 423, 460] {
            assert!(!refuses(status, "", tus), "{status}");
        }
        assert!(!refuses(500, "ERR_LOCK_TIMEOUT: x", tus));
        assert!(!refuses(400, "ERR_UPLOAD_INTERRUPTED: x", tus));
    }

    #[test]
    fn who_turns_a_request_away_says_when_to_come_again() {
        let away = |status, fields: &[(&str, &str)]| {
            let headers = fields.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
            turns_away(&Answer::new(status, headers, ""))
        };
        let (later, tus) = (("Retry-After", "1"), ("Tus-Resumable", "1.0.0"));
        assert!(away(425, &[]) && away(429, &[]) && away(429, &[later]) && away(503, &[later]));
        assert!(!away(503, &[]) && !away(502, &[later]) && !away(500, &[later]) && !away(403, &[later]));
        assert!(!away(429, &[tus]) && !away(503, &[tus, later]));
    }
}
