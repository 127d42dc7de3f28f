//! Rules: which request is meant, how often, and what goes wrong with it.
//!
//! A rule is built in one line: `Rule::on("PATCH").times(2).reply(503).header("Retry-After", "7")`.
//! Rules only describe; the script hands them out and the exchange acts on them.

use std::time::Duration;

use crate::fault::{
    Answer, At, AtStop, BodyFraming, BodyStop, Chunks, Edit, Ending, Endless, Fault, Interim, LocationForm,
};
use crate::head::Head;

/// Which requests a rule is for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct When {
    /// Only this (effective) method.
    pub method: Option<String>,
    /// Only targets that contain this.
    pub path_contains: Option<String>,
    /// Only requests with this header field.
    pub having: Option<String>,
    /// Only requests without this header field.
    pub lacking: Option<String>,
    /// Matching requests to let pass first.
    pub skip: u32,
    /// Applies to new connections, not to requests.
    pub connection: bool,
}

impl When {
    /// Whether a request is meant, apart from counting.
    pub(crate) fn matches(&self, head: &Head, method: &str) -> bool {
        let same_method = self.method.as_deref().is_none_or(|m| m == method);
        let path = self.path_contains.as_deref();
        let same_path = path.is_none_or(|part| head.target.contains(part));
        let has = self.having.as_deref().is_none_or(|name| head.has(name));
        let lacks = self.lacking.as_deref().is_none_or(|name| !head.has(name));
        !self.connection && same_method && same_path && has && lacks
    }
}

/// One line of the script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Which requests.
    pub when: When,
    /// How many of them (`u32::MAX`: for ever).
    pub times: u32,
    /// What goes wrong.
    pub fault: Fault,
}

/// Which requests, and how many.
impl Rule {
    /// The next request with this (effective) method.
    pub fn on(method: &str) -> Self {
        let mut rule = Self::any();
        rule.when.method = Some(method.to_owned());
        rule
    }

    /// The next request.
    pub fn any() -> Self {
        Self { when: When::default(), times: 1, fault: Fault::default() }
    }

    /// The next accepted connection, before TLS and before any request. Useful with
    /// [`ending`](Self::ending), [`cut_request`](Self::cut_request) (bytes read first),
    /// [`delay_reading`](Self::delay_reading), [`hang_after_head`](Self::hang_after_head) and
    /// [`raw`](Self::raw); everything else is ignored.
    pub fn on_connection() -> Self {
        let mut rule = Self::any();
        rule.when.connection = true;
        rule
    }

    /// Only requests whose target contains this.
    pub fn path(mut self, part: &str) -> Self {
        self.when.path_contains = Some(part.to_owned());
        self
    }

    /// Only requests that carry this field.
    pub fn having(mut self, name: &str) -> Self {
        self.when.having = Some(name.to_owned());
        self
    }

    /// Only requests that do not carry this field.
    pub fn lacking(mut self, name: &str) -> Self {
        self.when.lacking = Some(name.to_owned());
        self
    }

    /// So many requests instead of one.
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// Every matching request.
    pub fn forever(self) -> Self {
        self.times(u32::MAX)
    }

    /// Lets so many matching requests pass first.
    pub fn skip(mut self, requests: u32) -> Self {
        self.when.skip = requests;
        self
    }

    /// The n-th matching request from now on, counted from 1.
    pub fn nth(self, n: u32) -> Self {
        self.skip(n.saturating_sub(1))
    }
}

/// What is answered.
impl Rule {
    /// Answers with this status; the body is read and dropped, nothing is changed.
    pub fn reply(mut self, status: u32) -> Self {
        self.fault.unprocessed = true;
        self.fault.answer = Answer::Reply(status);
        self
    }

    /// Answers with exactly these bytes and closes; nothing is changed.
    pub fn raw(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.fault.unprocessed = true;
        self.fault.answer = Answer::Raw(bytes.into());
        self
    }

    /// With [`reply`](Self::reply) or [`raw`](Self::raw): do what was asked all the same.
    pub fn processed(mut self) -> Self {
        self.fault.unprocessed = false;
        self
    }

    /// Sets a field of the answer.
    pub fn header(self, name: &str, value: &str) -> Self {
        self.edit(Edit::Set(name.into(), value.into()))
    }

    /// Adds a field, also if there is one of that name.
    pub fn add_header(self, name: &str, value: &str) -> Self {
        self.edit(Edit::Add(name.into(), value.into()))
    }

    /// Removes a field.
    pub fn without(self, name: &str) -> Self {
        self.edit(Edit::Remove(name.into()))
    }

    /// Does what was asked, but answers with this status.
    pub fn status(self, status: u32) -> Self {
        self.edit(Edit::Status(status))
    }

    /// Another reason phrase.
    pub fn reason(self, reason: &str) -> Self {
        self.edit(Edit::Reason(reason.into()))
    }

    /// A body for the answer.
    pub fn body(self, body: impl Into<Vec<u8>>) -> Self {
        self.edit(Edit::Body(body.into()))
    }

    /// Says this offset instead of the true one; any text.
    pub fn offset(self, text: &str) -> Self {
        self.header("Upload-Offset", text)
    }

    /// Says an offset so much bigger or smaller than the true one.
    pub fn offset_by(self, difference: i64) -> Self {
        self.edit(Edit::OffsetBy(difference))
    }

    /// Another form of `Location`.
    pub fn location(self, form: LocationForm) -> Self {
        self.edit(Edit::Location(form))
    }

    /// A chunked body.
    pub fn chunked(self, chunks: Chunks) -> Self {
        self.edit(Edit::Framing(BodyFraming::Chunked(chunks)))
    }

    /// A body that ends with the connection.
    pub fn until_close(self) -> Self {
        self.edit(Edit::Framing(BodyFraming::UntilClose))
    }

    /// LF alone as line end in the head.
    pub fn bare_lf(self) -> Self {
        self.edit(Edit::BareLf)
    }

    /// Answers as an HTTP/1.0 server.
    pub fn http10(self) -> Self {
        self.edit(Edit::Http10)
    }

    /// Header lines without end.
    pub fn endless_headers(mut self) -> Self {
        self.fault.endless = Some(Endless::Headers);
        self
    }

    /// Body bytes without end.
    pub fn endless_body(mut self) -> Self {
        self.fault.endless = Some(Endless::Body);
        self.until_close()
    }

    fn edit(mut self, edit: Edit) -> Self {
        self.fault.edits.push(edit);
        self
    }
}

/// How much of the request is taken, and when.
impl Rule {
    /// Takes so many body bytes, reads and drops the rest.
    pub fn accept(self, bytes: u64) -> Self {
        self.stop(bytes, false, AtStop::Drop)
    }

    /// Answers after so many body bytes, without reading the rest. Unless
    /// [`ending`](Self::ending) says otherwise the connection then ends with a FIN while the
    /// rest is read and dropped.
    pub fn early(self, bytes: u64) -> Self {
        self.stop(bytes, false, AtStop::Answer)
    }

    /// Ends the connection after so many bytes of head and body; whole body bytes are stored.
    pub fn cut_request(self, bytes: u64, ending: Ending) -> Self {
        self.stop(bytes, true, AtStop::Cut(ending))
    }

    /// Ends the connection after so many body bytes; they are stored.
    pub fn cut_body(self, bytes: u64, ending: Ending) -> Self {
        self.stop(bytes, false, AtStop::Cut(ending))
    }

    /// Stores what came only after this time and never answers (T-030).
    pub fn commit_late(mut self, after: Duration) -> Self {
        self.fault.commit_late = Some(after);
        self
    }

    /// Waits before the body is read.
    pub fn delay_reading(mut self, pause: Duration) -> Self {
        self.fault.delay_reading = Some(pause);
        self
    }

    /// Reads nothing after the head and never answers, but keeps the connection.
    pub fn hang_after_head(mut self) -> Self {
        self.fault.hang_after_head = true;
        self
    }

    /// Does what was asked and never answers, but keeps the connection.
    pub fn hang_after_body(mut self) -> Self {
        self.fault.hang_after_body = true;
        self
    }

    /// Sends no 100 to `Expect: 100-continue`.
    pub fn no_continue(mut self) -> Self {
        self.fault.no_continue = true;
        self
    }

    fn stop(mut self, at: u64, wire: bool, then: AtStop) -> Self {
        self.fault.stop = Some(BodyStop { at, wire, then });
        self
    }
}

/// How the answer goes out, and what follows it.
impl Rule {
    /// Sends a 1xx answer.
    pub fn interim(self, at: At, status: u32) -> Self {
        self.interims(at, status, &[], 1)
    }

    /// Sends a 1xx answer with fields, so many times.
    pub fn interims(mut self, at: At, status: u32, headers: &[(&str, &str)], count: u32) -> Self {
        let owned = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
        self.fault.interims.push(Interim { status, headers: headers.iter().map(owned).collect(), at, count });
        self
    }

    /// Waits before the final answer.
    pub fn delay_answer(mut self, pause: Duration) -> Self {
        self.fault.delay_answer = Some(pause);
        self
    }

    /// Holds the final answer back until `count` requests of this method have come since the log was cleared (10 seconds
    /// at most).
    pub fn answer_once(mut self, method: &str, count: usize) -> Self {
        self.fault.answer_once = Some((method.to_owned(), count));
        self
    }

    /// Ends the connection after so many bytes of the answer.
    pub fn cut_response(mut self, bytes: u64, ending: Ending) -> Self {
        self.fault.cut_response = Some((bytes, ending));
        self
    }

    /// Sends the answer in small pieces.
    pub fn drip(mut self, bytes: usize, pause: Duration) -> Self {
        self.fault.drip = Some((bytes, pause));
        self
    }

    /// Ends the connection after the answer, unannounced.
    pub fn ending(mut self, ending: Ending) -> Self {
        self.fault.ending = Some(ending);
        self
    }

    /// Ends the connection after the answer, which says `Connection: close`.
    pub fn close(mut self) -> Self {
        self.fault.announce = true;
        self.ending(Ending::Fin)
    }
}
