//! One request and its answer, with everything that may go wrong on the way.
//!
//! Runs the stages in order: head, judgement, script, body, handler, answer. The connection loop
//! calls it and acts on how it says to go on.

use std::sync::Arc;
use std::time::Duration;

use crate::body::{Body, Progress, Surroundings, send_interim};
use crate::fault::{Answer, At, AtStop, Edit, Ending, Fault};
use crate::handler::{self, Context, Outcome, http_date};
use crate::head::{Framing, Head};
use crate::judge::{Finding, judge};
use crate::link::Link;
use crate::log::{Level, Request, Violation};
use crate::peers::Phase;
use crate::response::Response;
use crate::send::{Sent, send, send_raw, will_be_whole};
use crate::shared::Shared;
use crate::urls::Route;

/// How the connection goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    KeepAlive,
    /// It ends in good order: TLS says so too, and late bytes are read and dropped.
    Goodbye,
    End(Ending),
}

/// Unread body bytes a refused request may have so that it is worth reading them.
const WORTH_READING: u64 = 64 * 1024;

/// How long an answer is held back at most.
const LONGEST_HOLD: Duration = Duration::from_secs(10);

/// Answers one request.
pub(crate) fn run(shared: &Arc<Shared>, link: &mut Link, head: &Head, connection: u64) -> Next {
    let method = head.effective_method(shared.options.method_override);
    let number = shared.log.begin(head, &method, connection);
    let fault = shared.script.for_request(head, &method);
    let exchange = Exchange {
        cx: Context { shared, head, number, fault: &fault, route: shared.urls.route(&head.target) },
        shared,
        head,
        method,
        fault: &fault,
    };
    exchange.run(link)
}

struct Exchange<'s> {
    cx: Context<'s>,
    shared: &'s Arc<Shared>,
    head: &'s Head,
    method: String,
    fault: &'s Fault,
}

impl Exchange<'_> {
    fn run(&self, link: &mut Link) -> Next {
        let refusal = self.judge();
        let stop = self.fault.stop;
        if let Some((at, AtStop::Cut(ending))) = stop.filter(|s| s.wire).map(|s| (s.at, s.then))
            && at < self.head.wire_len
        {
            // The head came whole because the method had to be known; it counts as cut all the
            // same, so nothing is done.
            self.unanswered("T-011");
            return Next::End(ending);
        }
        let pause = self.fault.delay_reading.unwrap_or_default();
        if self.fault.hang_after_head {
            self.unanswered("T-011");
            return Next::End(Ending::Hang);
        }
        if !self.shared.control.sleep(pause) || !self.interims(link, At::BeforeBody) {
            return Next::End(Ending::Close);
        }
        // Framing that cannot be believed leaves nothing to read.
        let framing = self.head.framing().unwrap_or(Framing::Nothing);
        let mut body = Body::new(link, self.head, framing, self.fault, self.around());
        let outcome = self.outcome(&mut body, refusal);
        let (outcome, unread) = self.finish_body(&mut body, outcome);
        drop(body);
        match outcome {
            Outcome::Cut => {
                self.unanswered("T-011");
                let ending = match stop.map(|stop| stop.then) {
                    Some(AtStop::Cut(ending)) => ending,
                    _ => self.fault.ending.unwrap_or(Ending::Close),
                };
                Next::End(ending)
            }
            Outcome::Answer(_) if self.fault.hang_after_body => {
                self.unanswered("T-011");
                Next::End(Ending::Hang)
            }
            Outcome::Answer(response) => self.answer(link, response, unread),
        }
    }

    fn around(&self) -> Surroundings<'_> {
        Surroundings {
            control: &self.shared.control,
            log: &self.shared.log,
            number: self.cx.number,
            throttle: self.shared.options.throttle,
        }
    }

    /// Writes all findings down; the first refusal among them is returned.
    fn judge(&self) -> Option<Finding> {
        let findings = judge(self.head, &self.method, &self.shared.options);
        for finding in &findings {
            let text = finding.text.clone();
            self.cx.violate(finding.rule, finding.level, text);
        }
        if let Route::Upload(id) = &self.cx.route {
            self.judge_sequence(id);
        }
        findings.into_iter().find(|f| f.status.is_some())
    }

    /// What only the requests before this one can tell.
    fn judge_sequence(&self, id: &str) {
        let writes = self.method == "PATCH";
        // A HEAD may be what tells whether it was.
        if writes && self.shared.was_terminated(id) {
            self.cx.violate("T-111", Level::Must, "PATCH after DELETE".into());
        }
        let entry = self.shared.store.find(id);
        let owed = entry.and_then(|entry| entry.owes_head());
        if let Some(rule) = owed.filter(|_| writes) {
            let level = if rule == "T-011" { Level::Must } else { Level::Should };
            let text = "PATCH without a HEAD after one that brought no usable answer";
            self.cx.violate(rule, level, text.into());
        }
    }

    /// What a script or a correct server decides.
    fn outcome(&self, body: &mut Body<'_>, refusal: Option<Finding>) -> Outcome {
        if self.fault.unprocessed {
            return self.unprocessed(body);
        }
        if let Some(token) = &self.shared.options.token
            && self.head.first("Authorization") != Some(&format!("Bearer {token}"))
        {
            let response = Response::refusal(401, "a bearer token is needed");
            return Outcome::Answer(response.with("WWW-Authenticate", "Bearer"));
        }
        if let Some(finding) = refusal {
            let text = format!("{}: {}", finding.rule, finding.text);
            let response = Response::refusal(finding.status.unwrap_or(400), &text);
            return Outcome::Answer(response);
        }
        match handler::handle(&self.cx, &self.method, body) {
            Ok(outcome) => outcome,
            Err(error) => Outcome::Answer(Response::refusal(500, &error.to_string())),
        }
    }

    /// The answer of a rule that does nothing else; the body is read as the rule says.
    fn unprocessed(&self, body: &mut Body<'_>) -> Outcome {
        let stopped_early = self.fault.stop.is_some();
        if !body.owes_continue() || stopped_early {
            let mut bin = vec![0; 64 * 1024];
            while let crate::body::Piece::Data(_) = body.next(&mut bin) {}
        }
        let cut = matches!(body.progress, Progress::Stopped(AtStop::Cut(_)));
        if cut || body.progress == Progress::Broken {
            return Outcome::Cut;
        }
        Outcome::Answer(self.scripted())
    }

    fn scripted(&self) -> Response {
        match &self.fault.answer {
            Answer::Reply(status) => Response::new(*status),
            Answer::Normal | Answer::Raw(_) => Response::new(200),
        }
    }

    /// Reads what is left of the body where that is due; says whether something stays unread.
    fn finish_body(&self, body: &mut Body<'_>, outcome: Outcome) -> (Outcome, bool) {
        if matches!(outcome, Outcome::Cut) {
            return (outcome, false);
        }
        match body.progress {
            Progress::Complete => (outcome, false),
            Progress::Stopped(AtStop::Cut(_)) => (Outcome::Cut, true),
            Progress::Stopped(AtStop::Answer) | Progress::Broken => (outcome, true),
            Progress::Stopped(AtStop::Drop) => match body.drop_rest() {
                true => (outcome, false),
                false => (Outcome::Cut, false),
            },
            Progress::Open => {
                let small = body.announced().is_some_and(|left| left <= WORTH_READING);
                let unread = body.owes_continue() || !small || !body.drop_rest();
                (outcome, unread)
            }
        }
    }

    /// Sends the answer and says how the connection goes on.
    fn answer(&self, link: &mut Link, mut response: Response, unread: bool) -> Next {
        if let Answer::Reply(status) = self.fault.answer
            && !self.fault.unprocessed
        {
            response.status = status;
        }
        let close = self.complete_headers(&mut response, unread);
        if let Some((method, count)) = &self.fault.answer_once {
            let come =
                |requests: &[Request]| requests.iter().filter(|request| request.method == *method).count() >= *count;
            self.shared.log.wait_for(come, LONGEST_HOLD);
        }
        let pause = self.fault.delay_answer.unwrap_or_default();
        if !self.shared.control.sleep(pause) || !self.interims(link, At::BeforeAnswer) {
            self.unanswered("T-011");
            return Next::End(Ending::Close);
        }
        link.activity.set(Phase::Answering);
        let sent = match &self.fault.answer {
            Answer::Raw(bytes) => {
                self.unanswered("T-030");
                send_raw(link, &self.shared.control, bytes, self.fault)
            }
            _ => {
                let whole = will_be_whole(&response, &self.method, self.fault);
                self.note(&response, whole);
                let control = &self.shared.control;
                send(link, control, &mut response, &self.head.method, self.fault)
            }
        };
        let raw = matches!(self.fault.answer, Answer::Raw(_));
        match sent {
            Sent::Cut(ending) => Next::End(ending),
            Sent::Gone => {
                let log = &self.shared.log;
                log.change(self.cx.number, |request| request.answered = false);
                Next::End(Ending::Close)
            }
            Sent::Whole => match self.fault.ending {
                Some(Ending::Fin) if self.fault.announce => Next::Goodbye,
                Some(ending) => Next::End(ending),
                None if raw => Next::End(Ending::Fin),
                None if close => Next::Goodbye,
                None => Next::KeepAlive,
            },
        }
    }

    /// Adds what every answer has, applies the rule's changes, and says whether the connection
    /// ends after it.
    fn complete_headers(&self, response: &mut Response, unread: bool) -> bool {
        let options = &self.shared.options;
        if !self.fault.unprocessed {
            response.set("Tus-Resumable", "1.0.0");
            response.set("Date", &http_date(self.shared.now()));
            if response.status == 412 {
                response.set("Tus-Version", "1.0.0");
            }
            if response.status == 201 {
                self.locate(response, &options.location.clone());
            }
        } else if matches!(self.fault.answer, Answer::Reply(_)) {
            response.set("Tus-Resumable", "1.0.0");
        }
        response.http10 |= options.http10;
        for edit in &self.fault.edits {
            match edit {
                Edit::Location(form) => self.locate(response, form),
                edit => response.edit(edit),
            }
        }
        let asked = self.head.lists("Connection", "close") || self.head.http10;
        let close = asked
            || unread
            || !options.keep_alive
            || response.http10
            || response.ends_with_connection(&self.head.method);
        // A rule that ends the connection says itself whether that is announced.
        let announce = self.fault.announce || (close && self.fault.ending.is_none());
        if announce && !response.http10 && response.header("Connection").is_none() {
            response.set("Connection", "close");
        }
        close
    }

    /// Puts `Location` into a 201, in the form asked for.
    fn locate(&self, response: &mut Response, form: &crate::fault::LocationForm) {
        let Some(entry) = response.entry.clone() else {
            return;
        };
        response.remove("Location");
        let urls = &self.shared.urls;
        for location in urls.locations(form, entry.id(), &self.head.target) {
            response.headers.push(("Location".into(), location));
        }
    }

    /// Remembers what the client is about to learn.
    fn note(&self, response: &Response, whole: bool) {
        let status = response.status;
        self.shared.log.change(self.cx.number, |request| {
            request.status = Some(status);
            request.answered = whole;
        });
        let named = match &self.cx.route {
            Route::Upload(id) => self.shared.store.find(id),
            _ => None,
        };
        let Some(entry) = response.entry.clone().or(named) else {
            return;
        };
        let offset = response.header("Upload-Offset");
        let offset = offset.and_then(|text| text.trim().parse().ok());
        if let Some(offset) = offset {
            // Also when the answer is cut: the field may have gone out before.
            entry.tell(offset);
        }
        match self.method.as_str() {
            "HEAD" if whole && offset.is_some() => entry.head_answered(self.cx.number),
            "PATCH" if !whole => entry.owe_head("T-011", self.cx.number),
            "PATCH" if wants_head(status) => entry.owe_head("T-030", self.cx.number),
            _ => {}
        }
    }

    /// The client gets no answer; after a PATCH it has to ask for the offset.
    fn unanswered(&self, rule: &'static str) {
        if self.method == "PATCH"
            && let Route::Upload(id) = &self.cx.route
            && let Some(entry) = self.shared.store.find(id)
        {
            entry.owe_head(rule, self.cx.number);
        }
    }

    /// Sends the interim answers of one place; false if the client is gone.
    fn interims(&self, link: &mut Link, at: At) -> bool {
        let mut here = self.fault.interims.iter().filter(|i| i.at == at);
        here.all(|interim| send_interim(link, interim).is_ok())
    }
}

/// Statuses of a PATCH after which the offset is not known (the table's "HEAD+").
fn wants_head(status: u32) -> bool {
    matches!(status, 408 | 423 | 425 | 429 | 460) || (500..600).contains(&status) && status != 501
}

/// Writes down a head that could not be parsed.
pub(crate) fn unreadable(shared: &Shared, head: &Head, connection: u64, text: String) {
    let request = shared.log.begin(head, "", connection);
    shared.log.change(request, |entry| entry.status = Some(400));
    shared.log.violate(Violation { rule: "H", level: Level::Must, request, text });
}
