//! What the session promises, held against what it was told and against what is really on the server.

use super::server::Server;
use super::*;
use crate::protocol::checksum::Policy;
use crate::warning::WarningKind;

/// A broken promise, in words.
pub(super) type Kept = Result<(), String>;

/// Ends with these words unless the condition holds.
macro_rules! promise {
    ($holds:expr, $($words:tt)+) => {
        if !$holds {
            return Err(format!($($words)+));
        }
    };
}
pub(super) use promise;

/// What the session has been told: all that its promises depend on, and no more.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Witness {
    /// The upload it works on, by number.
    pub(super) current: Option<usize>,
    /// The offset of it that the server has stated since the last request with data; `None` if that is open.
    stated: Option<u64>,
    /// The server knows no length of it yet, as far as it has said.
    open: bool,
    /// 404s and 410s in a row about it that no tus server has said.
    missing: u8,
    /// A tus server has said that it does not exist.
    gone: bool,
    /// It was one of an earlier run, and cannot be gone on with.
    unfit: bool,
    /// The session has said that it gives it up.
    given_up: bool,
    /// One that was given up without a tus server's word.
    left: Option<usize>,
    /// An upload was given up, so that there may be two.
    may_double: bool,
    /// The size of the source, which was not known at the beginning, has been told.
    told_size: bool,
    /// What the last creation may have done without our learning its URL.
    posted: Posted,
    /// The caller has been told of it.
    told_left: bool,
    /// Data went out with the creation under way.
    carried: bool,
    /// All bytes of an upload were sent at some time.
    sent_all: bool,
    /// A wrong trailer was refused.
    shown: bool,
    /// Which parts were seen to be complete.
    seen: [bool; 2],
    /// The server has said that the upload is deleted.
    deleted: bool,
}

/// What a creation that did not end well may have done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
enum Posted {
    #[default]
    Nothing,
    /// It was not answered, and had not all the data: an unfinished upload may be there.
    Unanswered,
    /// A complete one may be there.
    Whole,
    /// One was made, or may have been, and what answers will not say where.
    Unreadable,
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.headers.get(name)
}

fn digits(answer: &Answer, name: &str) -> Option<u64> {
    header(answer, name)
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|text| text.parse().ok())
}

impl Witness {
    pub(super) fn of(setting: &Setting) -> Witness {
        let current = match &setting.plan.goal {
            Goal::Resume { .. } | Goal::Terminate { .. } => Some(0),
            Goal::Upload { previous, .. } => previous.as_ref().map(|_| 0),
            _ => None,
        };
        Witness { current, ..Witness::default() }
    }

    /// Holds a request to the promises, before it goes out.
    pub(super) fn check(&mut self, setting: &Setting, exchange: &Exchange) -> Kept {
        let fields = |name: &str| exchange.headers.iter().filter(|(have, _)| *have == name).count();
        let options = exchange.meaning() == HttpMethod::Options;
        promise!(field(exchange, "Tus-Resumable").is_none_or(|version| version == "1.0.0"), "T-001: another version");
        promise!(fields("Tus-Resumable") == 1 || options, "T-001: no Tus-Resumable");
        promise!(exchange.trusted == (exchange.url.origin().host == "h"), "T-150: credentials to {}", exchange.url);
        let length = integer(exchange, "Upload-Length");
        promise!(length.is_none_or(|length| length == setting.total), "T-071: a wrong Upload-Length");
        promise!(data(exchange) == 0 || fields("Content-Type") == 1, "T-020: no Content-Type");
        match exchange.meaning() {
            HttpMethod::Options => promise!(exchange.body == Body::None, "T-002: OPTIONS with a body"),
            HttpMethod::Head => {
                promise!(exchange.body == Body::None && length.is_none(), "T-011: HEAD with more than a question");
            }
            HttpMethod::Post => self.check_creation(setting, exchange, length)?,
            HttpMethod::Patch => self.check_data(setting, exchange, length)?,
            HttpMethod::Delete => {
                let Goal::Terminate { .. } = setting.plan.goal else { return Err("T-111: DELETE unasked".to_owned()) };
                promise!(number(&exchange.url) == Some(0), "T-111: DELETE of another upload");
            }
        }
        if data(exchange) > 0 && setting.plan.checksum.policy == Policy::Required {
            promise!(exchange.checksum.is_some(), "T-090: data without the checksum that is required");
        }
        if let Some(sum) = exchange.checksum {
            promise!(setting.plan.checksum.policy != Policy::Off, "T-090: a checksum unasked");
            promise!(sum.form != Form::Trailer || self.shown, "T-100: a trailer that nothing was seen to read");
        }
        Ok(())
    }

    fn check_creation(&mut self, setting: &Setting, exchange: &Exchange, length: Option<u64>) -> Kept {
        let repeats = setting.plan.creation_data == CreationData::Repeat;
        promise!(self.posted != Posted::Unreadable, "T-043, T-154: another creation after one that made an upload");
        promise!(repeats || self.posted != Posted::Whole, "T-051: another creation though the first may be complete");
        promise!(
            self.posted == Posted::Nothing || self.told_left,
            "T-051: another creation, and no word of the upload that the first may have left"
        );
        promise!(self.current.is_none() || self.given_up, "T-019, T-083: another upload while there is one");
        if self.given_up {
            self.left = self.current.filter(|_| !self.gone && !self.unfit).or(self.left);
            (self.current, self.given_up, self.gone, self.unfit, self.missing) = (None, false, false, false, 0);
            (self.posted, self.carried) = (Posted::Nothing, false);
        }
        let deferred = field(exchange, "Upload-Defer-Length");
        if let Goal::Concatenate { total, unfinished, .. } = &setting.plan.goal {
            promise!(length.is_none() && deferred.is_none(), "T-121: a final upload with a length");
            promise!(data(exchange) == 0, "T-064: a final upload with data");
            let known = total.is_some() || *unfinished || self.seen == [true, true];
            promise!(known, "T-123: put together before all parts were seen complete");
            return Ok(());
        }
        promise!(
            deferred.is_some() != length.is_some(),
            "T-040: not just one of Upload-Length and Upload-Defer-Length"
        );
        promise!(deferred.is_none_or(|one| one == "1"), "T-070: Upload-Defer-Length is not 1");
        promise!(
            field(exchange, "Upload-Concat") == setting.plan.partial.then_some("partial"),
            "T-120: Upload-Concat is wrong"
        );
        if let Body::Range { start, length } = exchange.body {
            promise!(setting.plan.creation_data != CreationData::Off, "T-051: data with the creation unasked");
            promise!(repeats || !self.carried, "T-051: data with the creation twice");
            promise!(setting.plan.checksum.policy == Policy::Off, "T-095: data with the creation has no checksum");
            promise!(start == 0 && length <= setting.total, "T-060: data that there is not");
        }
        Ok(())
    }

    fn check_data(&mut self, setting: &Setting, exchange: &Exchange, length: Option<u64>) -> Kept {
        promise!(
            number(&exchange.url).is_some() && number(&exchange.url) == self.current,
            "T-021: another upload's URL"
        );
        let offset = integer(exchange, "Upload-Offset");
        promise!(offset.is_some() && offset == self.stated, "T-021, T-030: from {offset:?}, not {:?}", self.stated);
        let tries = exchange.checksum.is_some_and(|sum| sum.form == Form::WrongTrailer);
        promise!(length.is_none() || self.open, "T-071: the server knows the length");
        let offset = offset.unwrap_or(0);
        let end = match exchange.body {
            Body::Range { start, length } => {
                promise!(start == offset && length > 0, "T-022: the body is not what the header says");
                start + length
            }
            Body::Empty if tries => return Ok(()),
            Body::Empty => {
                promise!(length == Some(offset), "T-073: an empty PATCH that is not for the length");
                offset
            }
            Body::None => return Err("T-022: PATCH without a body".to_owned()),
        };
        promise!(end <= setting.total, "T-021: data that there is not");
        promise!(length.is_some() || !self.open || end < setting.total, "T-072: the last data without Upload-Length");
        self.sent_all |= end == setting.total;
        Ok(())
    }

    /// Takes down what an event says, as far as a client may believe it.
    pub(super) fn hear(&mut self, setting: &Setting, exchange: &Exchange, event: &Event) {
        match event {
            Event::Answered { answer, body_sent, .. } => self.hear_answer(setting, exchange, answer, *body_sent),
            Event::Broken(broken) => {
                let before = broken.kind.is_before_the_request() || broken.never_sent;
                match exchange.meaning() {
                    HttpMethod::Patch => self.stated = None,
                    HttpMethod::Post if !before => {
                        self.carried |= data(exchange) > 0;
                        self.told_left = false;
                        let whole = finishes(setting, exchange, broken.body_sent);
                        self.posted = match (broken.kind, self.posted) {
                            (_, Posted::Whole) => Posted::Whole,
                            (BrokenKind::NotHttp, _) => Posted::Unreadable,
                            _ if whole => Posted::Whole,
                            _ => Posted::Unanswered,
                        };
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }

    fn hear_answer(&mut self, setting: &Setting, exchange: &Exchange, answer: &Answer, body_sent: u64) {
        let success = (200..300).contains(&answer.status);
        let from_tus = header(answer, "Tus-Resumable").is_some();
        let about_tus = answer.headers.iter().any(|(name, _)| name.starts_with("Tus-") || name.starts_with("Upload-"));
        let about_current = number(&exchange.url).is_some() && number(&exchange.url) == self.current;
        if success && about_tus {
            self.missing = 0;
        }
        // Where a page for people leads to, nothing is said of the upload.
        let astray = exchange.url.path_and_query() == "/login";
        let about_part = matches!(setting.plan.goal, Goal::Concatenate { .. }) && self.current.is_none();
        if (about_current || about_part || astray) && matches!(answer.status, 404 | 410) {
            self.gone |= from_tus && !astray;
            self.missing += u8::from(!from_tus || astray);
        }
        let offset = digits(answer, "Upload-Offset");
        match exchange.meaning() {
            HttpMethod::Patch => {
                self.shown |= matches!(answer.status, 417 | 460) && exchange.checksum.is_some() && data(exchange) == 0;
                let from = integer(exchange, "Upload-Offset").unwrap_or(0);
                let stated = offset.filter(|offset| success && (from..=from + body_sent).contains(offset));
                let declares = field(exchange, "Upload-Length").is_some();
                self.stated = match stated {
                    // It is followed: the same request goes elsewhere.
                    _ if matches!(answer.status, 307 | 308) => self.stated,
                    Some(offset) if offset > from || data(exchange) == 0 => {
                        self.open &= !declares;
                        Some(offset)
                    }
                    // Whether the length was noted is not known (T-071).
                    Some(_) if declares => None,
                    other => other,
                };
            }
            HttpMethod::Head => self.hear_position(setting, exchange, answer),
            HttpMethod::Post => self.hear_creation(setting, exchange, answer, body_sent),
            HttpMethod::Delete => self.deleted |= answer.status == 204 && from_tus,
            HttpMethod::Options => {}
        }
    }

    fn hear_position(&mut self, setting: &Setting, exchange: &Exchange, answer: &Answer) {
        let previous = matches!(setting.plan.goal, Goal::Upload { previous: Some(_), .. }) && self.current == Some(0);
        self.unfit |= previous && answer.status == 403;
        if !(200..300).contains(&answer.status) {
            return;
        }
        let (offset, length) = (digits(answer, "Upload-Offset"), digits(answer, "Upload-Length"));
        if let Goal::Concatenate { .. } = setting.plan.goal
            && let Some(part) = number(&exchange.url).filter(|number| *number < 2)
        {
            let partial = header(answer, "Upload-Concat") == Some("partial");
            self.seen[part] = offset.is_some() && offset == length && partial;
            return;
        }
        let deferred = header(answer, "Upload-Defer-Length") == Some("1");
        let stale = header(answer, "Age").is_some() && field(exchange, "Cache-Control").is_none();
        let known = setting.plan.goal.size().is_some() || self.told_size;
        let fits = length.map_or(deferred, |length| length == setting.total || !known);
        let is_final = header(answer, "Upload-Concat").is_some_and(|concat| concat.starts_with("final"));
        let other_kind = header(answer, "Upload-Concat").is_some() != setting.plan.partial;
        let beyond = offset.is_some_and(|offset| offset > setting.total.min(setting.proven()));
        self.unfit |= previous && (!fits || other_kind || beyond);
        let concatenates = matches!(setting.plan.goal, Goal::Concatenate { .. });
        let right = fits && !stale && (!is_final || concatenates);
        self.stated = offset.filter(|offset| right && *offset <= setting.total);
        self.open = length.is_none();
    }

    fn hear_creation(&mut self, setting: &Setting, exchange: &Exchange, answer: &Answer, body_sent: u64) {
        let success = (200..300).contains(&answer.status);
        let place = header(answer, "Location").filter(|place| place.starts_with('/') || place.starts_with("http://"));
        let place = place.and_then(|place| exchange.url.resolve(place).ok()).and_then(|url| number(&url));
        let whole = finishes(setting, exchange, body_sent);
        self.sent_all |= whole;
        if (300..400).contains(&answer.status) {
            return;
        }
        match place {
            Some(place) if success || whole => {
                let taken = digits(answer, "Upload-Offset").filter(|offset| *offset <= body_sent);
                self.stated = if data(exchange) == 0 { Some(0) } else { taken };
                self.stated = self.stated.filter(|_| success);
                self.open = field(exchange, "Upload-Defer-Length").is_some();
                (self.current, self.gone, self.missing) = (Some(place), false, 0);
                (self.posted, self.carried) = (Posted::Nothing, false);
            }
            _ if success => self.posted = Posted::Unreadable,
            _ => {
                self.carried |= body_sent > 0;
                // The answer is known: where the caller allows it to be repeated, there is nothing to add.
                self.told_left = true;
                let open = matches!(answer.status, 408 | 409 | 425 | 429 | 500 | 502..=599);
                if self.posted != Posted::Whole {
                    self.posted = if whole && open { Posted::Whole } else { Posted::Nothing };
                }
            }
        }
    }

    /// Holds what the session tells its caller to the promises.
    pub(super) fn told(&mut self, setting: &Setting, server: &Server, notice: &Notice) -> Kept {
        let is_there = |offset: u64| {
            let upload = self.current.and_then(|number| server.uploads.get(number));
            server.lied || upload.is_some_and(|upload| upload.offset >= offset)
        };
        match notice {
            Notice::Acknowledged(offset) | Notice::Resumed(offset) => {
                promise!(Some(*offset) == self.stated, "T-034: {offset} reported, {:?} acknowledged", self.stated);
                promise!(is_there(*offset), "T-034: {offset} reported, which the server has not");
            }
            Notice::UploadUrl(url) => promise!(number(url) == self.current, "T-052: another upload's URL is told"),
            Notice::Size(size) => {
                promise!(*size == setting.total, "T-071: another size is told");
                self.told_size = true;
            }
            Notice::Gone(url) if self.left.is_some() && number(url) == self.left => self.left = None,
            Notice::Gone(url) | Notice::Abandoned(url) => {
                promise!(number(url) == self.current, "T-083: another upload is given up");
                let told = match notice {
                    Notice::Gone(_) => self.gone || self.unfit,
                    _ => self.missing > 2 || self.unfit,
                };
                promise!(told, "T-083: given up without a tus server's word: {self:?}");
                (self.given_up, self.may_double) = (true, true);
            }
            Notice::Warning(warning) => self.told_left |= warning.kind == WarningKind::LeftOnServer,
            _ => {}
        }
        Ok(())
    }

    /// Holds a look ahead to the promises.
    pub(super) fn check_look(&self, start: u64, length: u64) -> Kept {
        promise!(length > 0, "T-072: a look at nothing");
        let first = self.current.is_none() && start == 0;
        promise!(first || Some(start) == self.stated || start == 0, "T-072: a look ahead from {start}");
        Ok(())
    }

    /// Holds the end to the promises.
    pub(super) fn check_end(&self, setting: &Setting, server: &Server, result: &Result<Outcome, Error>) -> Kept {
        match result {
            Ok(Outcome::Uploaded { url, offset, size, .. }) => {
                promise!(number(url) == self.current, "T-016: the success is another upload's");
                self.check_success(setting, server, *offset, *size)
            }
            Ok(Outcome::Terminated) => {
                promise!(self.deleted || self.gone || self.missing > 2, "T-110: deleted without proof");
                let alive = server.uploads[0].alive;
                promise!(server.lied || !alive || self.missing > 2, "T-110: it is still there");
                Ok(())
            }
            Ok(Outcome::Discovered(_) | Outcome::Inspected { .. }) => Ok(()),
            Err(error) => self.check_error(error),
        }
    }

    fn check_success(&self, setting: &Setting, server: &Server, offset: u64, size: Option<u64>) -> Kept {
        let end = setting.end();
        if let Goal::Concatenate { total: None, unfinished: true, .. } = setting.plan.goal
            && self.seen != [true, true]
        {
            return Ok(());
        }
        promise!(offset == end, "T-016: done at {offset}");
        promise!(self.stated == Some(end), "T-016: done, the server has acknowledged {:?}", self.stated);
        promise!(end < setting.total || !self.open, "T-071: done, but the server knows no length");
        promise!(end < setting.total || size == Some(offset), "T-016: done with another size, {size:?}");
        if server.lied {
            return Ok(());
        }
        let upload = self.current.and_then(|number| server.uploads.get(number));
        let Some(upload) = upload.filter(|upload| upload.alive) else {
            return Err("T-016: it is not there".to_owned());
        };
        promise!(upload.offset >= end, "T-016: done, but the server has only {}", upload.offset);
        promise!(end < setting.total || upload.size == Some(setting.total), "T-071: done, but its size is not stored");
        promise!(!upload.wrong, "T-155: bytes of another source");
        promise!(!upload.refused, "T-153: done, but the server has refused it");
        let own = server.uploads.iter().filter(|upload| upload.own && upload.alive && upload.is_complete()).count();
        let repeats = setting.plan.creation_data == CreationData::Repeat;
        let twice = self.may_double || repeats;
        promise!(own + usize::from(server.unseen) <= 1 || twice, "T-051: two complete uploads are there");
        Ok(())
    }

    fn check_error(&self, error: &Error) -> Kept {
        let told = error.upload_url().map(|url| number(url).expect("an upload's URL"));
        promise!(error.kind() != ErrorKind::Internal, "a bug: {error:?}");
        if error.kind() == ErrorKind::Gone {
            promise!(self.gone || self.missing > 2, "T-083: gone without a tus server's word: {error:?}");
            return Ok(());
        }
        let there = match self.current.filter(|_| !self.given_up) {
            Some(current) => Some(current).filter(|_| !self.gone),
            None => self.left.or(self.current.filter(|_| !self.gone && !self.unfit)),
        };
        promise!(
            there.is_none() || told == there,
            "T-083: the error names {told:?}, {there:?} may be there: {error:?}"
        );
        let proven_gone = self.gone && told.is_some() && told == self.current;
        let undecided = matches!(error.kind(), ErrorKind::Unconfirmed);
        promise!(
            !proven_gone || undecided || !self.given_up,
            "T-083: the error names an upload that is gone: {error:?}"
        );
        promise!(!undecided || self.sent_all || self.posted != Posted::Nothing, "T-153: nothing is unconfirmed");
        Ok(())
    }
}

/// Whether the server may hold a complete upload once it has so much of this creation's data.
fn finishes(setting: &Setting, exchange: &Exchange, body_sent: u64) -> bool {
    let is_final = matches!(setting.plan.goal, Goal::Concatenate { .. });
    let data = data(exchange);
    let length = integer(exchange, "Upload-Length");
    is_final || (length == Some(data) && body_sent >= data)
}
