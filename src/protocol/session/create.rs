//! Awaits the answer to a creating POST (T-040 to T-064).

use crate::error::{BrokenRule, Error, ErrorKind};
use crate::protocol::answer::Answer;
use crate::protocol::capabilities::VERSION;
use crate::protocol::foreign::{Secrets, foreign};
use crate::protocol::offset::{Acknowledged, Proven};
use crate::protocol::reaction::{Purpose, Reaction, react};
use crate::protocol::url::AbsoluteUrl;
use crate::warning::{Warning, WarningKind};

use super::core::Core;
use super::event::{Broken, BrokenKind};
use super::exchange::{Body, Exchange, Method, Request};
use super::failure::{broke_rule, fail, refused};
use super::probe::Probe;
use super::remote::{Doubt, Remote};
use super::transfer::Transfer;
use super::{Finished, State};

/// Uploads up to this size go with their creation where the server offers it: one request instead of two. Larger
/// ones gain nothing by it and would lose all they sent if the connection broke, since no URL is known yet. Below
/// 1 MiB, the default body limit of a common proxy.
const WITH_CREATION_MAX: u64 = 512 << 10;

#[derive(Debug)]
pub(super) struct Create {
    pub(super) request: Request,
    endpoint: AbsoluteUrl,
    /// How many bytes of data go with it.
    data: u64,
}

/// Whether the server speaks our version and takes uploads of this size, as far as is known (T-005, T-008).
pub(super) fn fits(core: &Core, size: Option<u64>, asked: &Exchange) -> Result<(), Error> {
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
        let what = format!("the source has {size} bytes, the server takes at most {max}");
        return Err(fail(ErrorKind::TooLarge, what, asked, None));
    }
    Ok(())
}

impl Create {
    /// Begins an upload, unless what is known of the server says it will not be taken (T-008). `asked` is the
    /// exchange that told.
    pub(super) fn begin(core: &mut Core, endpoint: AbsoluteUrl, asked: &Exchange) -> State {
        if let Err(error) = fits(core, core.size, asked) {
            return Finished::error(error);
        }
        for (needed, extension, what) in [
            (core.size.is_none(), "creation-defer-length", "uploads whose size is not known at the beginning"),
            (core.plan.partial, "concatenation", "partial uploads"),
        ] {
            if needed && !core.may_use(extension) {
                let what = format!("the server does not take {what} (extension {extension})");
                return Finished::error(fail(ErrorKind::Unsupported, what, asked, None));
            }
        }
        if let Err(error) = core.settle_checksums(asked) {
            return Finished::error(error);
        }
        Self::post(core, endpoint, true)
    }

    /// The POST, with data if that is allowed, offered and of use.
    pub(super) fn post(core: &mut Core, endpoint: AbsoluteUrl, may_carry_data: bool) -> State {
        let allowed = may_carry_data && core.plan.upload_with_creation && core.checksums.next().is_none();
        let offered = core.capabilities.as_ref().is_some_and(|known| known.has("creation-with-upload"));
        let fits = |size: &u64| {
            let whole = core.sizer.next(*size) == *size && core.plan.stop_at.is_none_or(|stop| stop >= *size);
            (1..=WITH_CREATION_MAX).contains(size) && whole
        };
        let data = core.size.filter(fits).filter(|_| allowed && offered).unwrap_or(0);

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
        }
        State::Create(Create { request, endpoint, data })
    }

    pub(super) fn answered(self, core: &mut Core, answer: Answer, body_sent: u64) -> State {
        let exchange = &self.request.exchange;
        match react(Purpose::Create, &answer) {
            Reaction::Accept => self.created(core, answer, body_sent),
            Reaction::Again(budget) => {
                let then = Self::post(core, self.endpoint, self.data > 0);
                core.again(budget, exchange, answer, then)
            }
            // 413 to a body may be a proxy's limit and not the server's: without data it may pass.
            Reaction::TooMuch if self.data > 0 => Self::post(core, self.endpoint, false),
            Reaction::TooMuch => Finished::error(refused(ErrorKind::TooLarge, exchange, &answer)),
            Reaction::Fail(kind) => Finished::error(refused(kind, exchange, &answer)),
            Reaction::Redirect
            | Reaction::Conflict
            | Reaction::Interrupted
            | Reaction::Refused
            | Reaction::Gone
            | Reaction::Missing => Finished::error(refused(ErrorKind::HttpStatus, exchange, &answer)),
        }
    }

    fn created(self, core: &mut Core, answer: Answer, body_sent: u64) -> State {
        let exchange = &self.request.exchange;
        // T-044: relative to where the answer came from, which after a redirect is not the endpoint.
        let url = match answer.headers.single("Location") {
            Ok(Some(location)) => exchange.url.resolve(location),
            Ok(None) | Err(_) => Err(BrokenRule::BadLocation),
        };
        let url = match url {
            Ok(url) => url,
            Err(rule) => return Finished::error(broke_rule(rule, exchange, &answer)),
        };
        if !core.plan.trusted.contains(url.origin()) {
            core.warn_of_origin(&url);
        }
        core.created(&url);
        let at = Proven::created();
        let mut remote = Remote::created(url, core.size);
        if self.data == 0 {
            return Transfer::go_on(core, remote, at);
        }
        remote.sent(at, body_sent);
        // Only what has a size is sent with its creation, and all of it.
        match at.acknowledged(&answer.headers, body_sent, self.data) {
            Ok(Acknowledged::Grown(at)) => {
                remote.acknowledged(core, at, Proven::created());
                Transfer::go_on(core, remote, at)
            }
            // A server that ignored the data has none of it.
            Ok(Acknowledged::Unchanged) => Transfer::go_on(core, remote, at),
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
        let unanswered = broken.body_sent > 0 || !matches!(broken.kind, BrokenKind::Resolve | BrokenKind::Connect);
        core.broken(broken, &self.request.exchange, |core| {
            if unanswered {
                // T-051: the server may have made the upload without our learning its URL.
                let text = "creation was not answered and is repeated: an unused upload may be left on the server";
                core.warn(Warning::new(WarningKind::LeftOnServer, text));
            }
            // With all its data it may even have finished it. A second finished one is avoided by sending none.
            Self::post(core, self.endpoint, self.data > 0 && !unanswered)
        })
    }
}
