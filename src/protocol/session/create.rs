//! Awaits the answer to a creating POST (T-040 to T-064).

use std::sync::Arc;

use crate::error::{BrokenRule, Error, ErrorKind};
use crate::protocol::answer::Answer;
use crate::protocol::capabilities::VERSION;
use crate::protocol::foreign::{Secrets, foreign};
use crate::protocol::offset::{Acknowledged, Proven};
use crate::protocol::reaction::{Budget, Purpose, Reaction, react, refuses_finish, turns_away};
use crate::protocol::url::AbsoluteUrl;
use crate::warning::{Warning, WarningKind};

use super::core::Core;
use super::event::{Broken, BrokenKind};
use super::exchange::{Body, Exchange, Method, Request};
use super::failure::{broke, broke_rule, fail, refused, refused_finish, unconfirmed};
use super::plan::CreationData;
use super::probe::Probe;
use super::remote::{Doubt, Remote};
use super::transfer::Transfer;
use super::{Finished, State};

#[derive(Debug, Clone)]
pub(super) struct Create {
    pub(super) request: Request,
    endpoint: AbsoluteUrl,
    /// How many bytes of data go with it.
    data: u64,
}

/// Whether the server speaks our version and takes uploads of this size, as far as is known (T-005, T-008). `what` has
/// the size.
pub(super) fn fits(core: &Core, what: &str, size: Option<u64>, asked: &Exchange) -> Result<(), Error> {
    let Some(known) = &core.capabilities else { return Ok(()) };
    if !known.speaks_our_version() {
        // What was kept of an earlier answer may be anything: only what looks like a version is shown.
        let number = |version: &&String| version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let versions: Vec<&str> = known.versions.iter().filter(number).map(String::as_str).collect();
        let versions = foreign(&versions.join(", "), &Secrets::none());
        let what = format!("the server speaks other versions of tus ({versions}), this is {VERSION}");
        return Err(fail(ErrorKind::Version, what, asked, None));
    }
    if let (Some(size), Some(max)) = (size, known.max_size)
        && size > max
    {
        let what = format!("{what} {size} bytes, the server takes at most {max}");
        return Err(fail(ErrorKind::TooLarge, what, asked, None));
    }
    Ok(())
}

/// Where what was created is (T-044): relative to where the answer came from, which after a redirect is not the endpoint.
pub(super) fn place(core: &mut Core, exchange: &Exchange, answer: &Answer) -> Result<AbsoluteUrl, BrokenRule> {
    let location = answer.headers.single("Location").ok().flatten().ok_or(BrokenRule::BadLocation)?;
    let (url, secured) = exchange.url.resolve_location(location)?;
    if secured && !std::mem::replace(&mut core.warned_location, true) {
        let text = format!("the server names its uploads with http, not https: taken as {}", url.origin());
        core.warn(Warning::new(WarningKind::LocationReadAsHttps, text));
    }
    core.point(url.origin(), exchange.url.origin());
    if !core.plan.trusted.contains(url.origin()) {
        core.warn_of_origin(&url);
    }
    Ok(url)
}

/// A success that names no place that can be used. `finishes`: what was asked for would be complete with it; the same
/// again would make a second one.
pub(super) fn unplaced(rule: BrokenRule, finishes: bool, exchange: &Exchange, answer: &Answer) -> Error {
    if finishes {
        let what = "the server says that it has the whole upload, but names no URL for it that can be used";
        return unconfirmed(what, exchange, Some(answer));
    }
    let foreign = !answer.is_from_tus() && answer.headers.get("Location").is_none();
    broke_rule(if foreign { BrokenRule::NotTus } else { rule }, exchange, answer)
}

/// Whether an answer to a request that would finish an upload leaves open whether it did (T-051).
pub(super) fn leaves_open(answer: &Answer) -> bool {
    let again = matches!(react(Purpose::Create, answer), Reaction::Again(Budget::Tries | Budget::Busy));
    again || answer.status == 409
}

/// A request that would finish an upload was not answered, or not so that it could be read (T-051, T-154).
pub(super) fn unanswered(broken: Broken, exchange: &Exchange) -> Error {
    let os_code = broken.os_code;
    let what = "the whole upload was sent, but whether the server has it is not known, nor its URL";
    unconfirmed(what, exchange, None).with_os_code(os_code).with_cause(Arc::new(broke(broken, exchange)))
}

impl Create {
    /// Begins an upload, unless what is known of the server says it will not be taken (T-008). `asked` is the
    /// exchange that told.
    pub(super) fn begin(core: &mut Core, endpoint: AbsoluteUrl, asked: &Exchange) -> State {
        let what = if core.plan.partial { "the part has" } else { "the source has" };
        if let Err(error) = fits(core, what, core.size, asked) {
            return Finished::error(error);
        }
        if core.size.is_none()
            && let Err(error) =
                core.takes("uploads whose size is not known at the beginning", "creation-defer-length", asked)
        {
            return Finished::error(error);
        }
        if let Err(error) = core.takes_parts(asked) {
            return Finished::error(error);
        }
        if let Err(error) = core.settle_checksums(asked) {
            return Finished::error(error);
        }
        Self::post(core, endpoint, true)
    }

    /// The POST, with the first chunk if that is allowed and offered.
    fn post(core: &mut Core, endpoint: AbsoluteUrl, may_carry_data: bool) -> State {
        let allowed = may_carry_data && core.plan.creation_data != CreationData::Off;
        let offered = core.capabilities.as_ref().is_some_and(|known| known.has("creation-with-upload"));
        // T-095: a checksum of a creation's data is defined nowhere.
        let unchecked = core.checksums.next().is_none();
        let end = core.size.unwrap_or(core.looked_ahead).min(core.plan.stop_at.unwrap_or(u64::MAX));
        let data = if allowed && offered && unchecked && end > 0 { core.sizer.next(end) } else { 0 };

        let mut request = core.request(Purpose::Create, Method::Post, &endpoint).body(Body::Empty);
        // T-040: exactly one of the two.
        request = match core.size {
            Some(size) => request.header("Upload-Length", size),
            None => request.header("Upload-Defer-Length", 1),
        };
        if core.plan.partial {
            request = request.header("Upload-Concat", "partial");
        }
        if let Some(metadata) = &core.plan.metadata {
            request = request.header("Upload-Metadata", metadata);
        }
        if data > 0 {
            request = request
                .header("Content-Type", "application/offset+octet-stream")
                .body(Body::Range { start: 0, length: data });
        } else if core.size == Some(0) {
            // It makes a complete upload: a connection that had died unseen would leave open whether it has.
            request.exchange.fresh_connection = true;
        }
        State::Create(Create { request, endpoint, data })
    }

    pub(super) fn answered(self, core: &mut Core, answer: Answer, body_sent: u64) -> State {
        let reaction = react(Purpose::Create, &answer);
        if reaction == Reaction::Accept {
            return self.created(core, answer, body_sent);
        }
        if self.finishes(core, body_sent) {
            if let Ok(url) = place(core, &self.request.exchange, &answer) {
                return self.refused_at(core, url, answer, body_sent);
            }
            let nothing_made = self.data == 0 && turns_away(&answer);
            if leaves_open(&answer) && !nothing_made && core.plan.creation_data != CreationData::Repeat {
                core.hold_back_others(&self.request.exchange, &answer);
                let what = format!(
                    "the whole upload was sent with its creation and answered with status {}: whether the server has \
                     it is not known, nor its URL",
                    answer.status
                );
                return Finished::error(unconfirmed(what, &self.request.exchange, Some(&answer)));
            }
        }
        match reaction {
            Reaction::Again(budget) => {
                let exchange = self.request.exchange.clone();
                let then = self.repeat(core, body_sent);
                core.again(budget, &exchange, answer, then)
            }
            // 413 to a body may be a proxy's limit and not the server's: without data it may pass.
            Reaction::TooMuch if self.data > 0 => Self::post(core, self.endpoint, false),
            Reaction::TooMuch => Finished::error(refused(ErrorKind::TooLarge, &self.request.exchange, &answer)),
            Reaction::Fail(kind) => Finished::error(self.refused(core, kind, &answer, body_sent)),
            Reaction::Accept
            | Reaction::Redirect
            | Reaction::Conflict
            | Reaction::Interrupted
            | Reaction::Refused
            | Reaction::Gone
            | Reaction::Missing => Finished::error(self.refused(core, ErrorKind::HttpStatus, &answer, body_sent)),
        }
    }

    fn refused(&self, core: &Core, kind: ErrorKind, answer: &Answer, body_sent: u64) -> Error {
        let error = refused(kind, &self.request.exchange, answer);
        // Mostly it is the creation that is refused; but some servers say no to an upload that they have stored (T-153).
        if kind == ErrorKind::HttpStatus && self.finishes(core, body_sent) && refuses_finish(answer) {
            return error
                .because("the request had all of the upload: the server may have kept it, its URL is not known");
        }
        if matches!(answer.status, 404 | 405 | 410) && !answer.is_from_tus() {
            return error.because("no tus server seems to answer there: check the path of the URL");
        }
        error
    }

    /// Whether the server may hold the complete upload once it has so many bytes of this request. An empty one is complete
    /// with its creation.
    fn finishes(&self, core: &Core, body_sent: u64) -> bool {
        core.size == Some(self.data) && body_sent >= self.data
    }

    /// The same again. At most one request of a creation carries data, unless the caller allows more (T-051).
    fn repeat(self, core: &mut Core, body_sent: u64) -> State {
        let may_carry_data = body_sent == 0 || core.plan.creation_data == CreationData::Repeat;
        Self::post(core, self.endpoint, self.data > 0 && may_carry_data)
    }

    /// The server wants other credentials.
    pub(super) fn unauthorized(self, core: &mut Core, body_sent: u64) -> State {
        if self.data == 0 { State::Create(self) } else { self.repeat(core, body_sent) }
    }

    /// A refusal of the whole upload that says where it is: HEAD tells what became of it (T-153).
    fn refused_at(self, core: &mut Core, url: AbsoluteUrl, answer: Answer, body_sent: u64) -> State {
        let exchange = &self.request.exchange;
        core.created(&url);
        let at = Proven::created();
        let mut remote = Remote::created(url, core.size);
        remote.sent(at, body_sent);
        if answer.is_from_tus() && (refuses_finish(&answer) || leaves_open(&answer)) {
            remote.unconfirmed = Some(refused_finish(exchange, &answer));
        }
        match react(Purpose::Create, &answer) {
            Reaction::Again(budget) => {
                let doubt = Doubt::Failed { status: answer.status, length: self.data };
                let url = remote.url.clone();
                let then = Probe::resync(core, remote, at, doubt);
                // It is known from this answer on, also where that was the last try.
                core.again(budget, exchange, answer, then).with_upload_url(Some(url))
            }
            Reaction::Fail(kind) => Probe::verdict(core, remote, at, refused(kind, exchange, &answer)),
            _ => Probe::verdict(core, remote, at, refused(ErrorKind::HttpStatus, exchange, &answer)),
        }
    }

    fn created(self, core: &mut Core, answer: Answer, body_sent: u64) -> State {
        let exchange = &self.request.exchange;
        let url = match place(core, exchange, &answer) {
            Ok(url) => url,
            Err(rule) => {
                let has_all = match answer.headers.integer("Upload-Offset") {
                    Ok(Some(offset)) => core.size == Some(offset),
                    _ => answer.is_from_tus(),
                };
                let finishes = self.finishes(core, body_sent) && has_all;
                return Finished::error(unplaced(rule, finishes, exchange, &answer));
            }
        };
        core.created(&url);
        let at = Proven::created();
        let mut remote = Remote::created(url, core.size);
        if self.data == 0 {
            return Transfer::go_on(core, remote, at);
        }
        remote.sent(at, body_sent);
        match at.acknowledged(&answer.headers, body_sent, core.size.unwrap_or(i64::MAX as u64)) {
            Ok(Acknowledged::Grown(at)) => {
                remote.unsettled = 0;
                remote.acknowledged(core, at, Proven::created());
                Transfer::go_on(core, remote, at)
            }
            // A server that ignored the data has none of it.
            Ok(Acknowledged::Unchanged) => {
                remote.unsettled = 0;
                Transfer::go_on(core, remote, at)
            }
            // T-062: HEAD tells.
            Err(BrokenRule::MissingOffset) => Probe::resync(core, remote, at, Doubt::Unsaid),
            Err(rule) if rule != BrokenRule::OffsetBeyondLength => {
                Probe::resync(core, remote, at, Doubt::Unbelievable { foreign: false })
            }
            Err(rule) => {
                let url = remote.url;
                Finished::error(broke_rule(rule, exchange, &answer).with_upload_url(Some(url)))
            }
        }
    }

    pub(super) fn broken(self, core: &mut Core, broken: Broken) -> State {
        let sent = broken.may_have_arrived();
        let unreadable = broken.kind == BrokenKind::NotHttp;
        if self.finishes(core, broken.body_sent)
            && sent
            && (unreadable || core.plan.creation_data != CreationData::Repeat)
        {
            return Finished::error(unanswered(broken, &self.request.exchange));
        }
        let (body_sent, exchange) = (broken.body_sent, self.request.exchange.clone());
        core.broken(broken, &exchange, |core| {
            if body_sent > 0 || sent {
                // T-051: the server may have made the upload without our learning its URL.
                let text = "creation was not answered and is repeated: an unused upload may be left on the server";
                core.warn(Warning::new(WarningKind::LeftOnServer, text));
            }
            self.repeat(core, body_sent.max(u64::from(sent)))
        })
    }
}
