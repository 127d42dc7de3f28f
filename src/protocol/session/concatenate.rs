//! Has the server put uploads together (T-120 to T-128): the parts are asked if need be, a POST names them, and HEAD
//! tells when the whole is there.

use crate::error::{BrokenRule, Error, ErrorKind};
use crate::protocol::answer::Answer;
use crate::protocol::offset::{Position, is_partial};
use crate::protocol::reaction::{Budget, Purpose, Reaction};
use crate::protocol::url::{AbsoluteUrl, Origin};
use crate::warning::{Warning, WarningKind};

use super::core::Core;
use super::create::{fits, leaves_open, place, unanswered, unplaced};
use super::event::{Broken, BrokenKind, Notice};
use super::exchange::{Body, Exchange, Method, Request};
use super::failure::{broke_rule, fail, refused, unconfirmed};
use super::outcome::Outcome;
use super::plan::{CreationData, Goal};
use super::{Finished, State};

/// `Upload-Concat` stays below this, since servers bound the size of a header (T-128).
const HEADER_MAX: usize = 8 << 10;

/// Awaits the answer to one of the requests.
#[derive(Debug, Clone)]
pub(super) struct Concatenate {
    pub(super) request: Request,
    job: Job,
    step: Step,
}

/// What is put together.
#[derive(Debug, Clone)]
struct Job {
    endpoint: AbsoluteUrl,
    parts: Vec<AbsoluteUrl>,
    unfinished: bool,
    /// The sum of the parts' sizes, once it is known.
    total: Option<u64>,
    /// Every part is known to be complete.
    complete: bool,
    /// The caller named the parts: whether they are any is not known (T-120).
    named: bool,
    /// The server has refused to put the parts together (T-127): if nothing is wrong with them it is asked once more.
    refused: bool,
}

#[derive(Debug, Clone)]
enum Step {
    /// HEAD to a part: has it all its bytes? `sum` is that of the parts before.
    Part { index: usize, sum: Option<u64> },
    /// POST.
    Make,
    /// HEAD to the whole.
    Whole(AbsoluteUrl),
}

impl Concatenate {
    /// Begins, unless what is known of the server says that it cannot. `asked` is the exchange that told.
    pub(super) fn begin(core: &mut Core, asked: &Exchange) -> State {
        let Goal::Concatenate { endpoint, parts, total, unfinished } = core.plan.goal.clone() else {
            return Finished::error(super::misuse());
        };
        let extension = if unfinished { "concatenation-unfinished" } else { "concatenation" };
        if !core.may_use("concatenation") || !core.may_use(extension) {
            let what = format!("the server does not put uploads together (extension {extension})");
            return Finished::error(fail(ErrorKind::Unsupported, what, asked, None));
        }
        if let Err(error) = fits(core, "the parts together have", total, asked) {
            return Finished::error(error);
        }
        let job = Job {
            endpoint,
            parts,
            unfinished,
            total,
            complete: total.is_some(),
            named: total.is_none(),
            refused: false,
        };
        if job.parts.is_empty() || concatenation(&job.parts, job.endpoint.origin()).is_none() {
            let what = "there must be at least one part, and no more than fit into 8 KiB of URLs";
            return Finished::error(Error::new(ErrorKind::InvalidArgument, what));
        }
        match total {
            Some(_) => Self::make(core, job),
            None => Self::part(core, job, 0, Some(0)),
        }
    }

    fn ask(core: &Core, job: Job, step: Step) -> State {
        let request = match &step {
            Step::Part { index, .. } => core.request(Purpose::Probe, Method::Head, &job.parts[*index]),
            Step::Whole(url) => core.request(Purpose::Probe, Method::Head, url),
            Step::Make => {
                let mut request = core
                    .request(Purpose::Create, Method::Post, &job.endpoint)
                    .header("Upload-Concat", job.field(core.moved.resolve(&job.endpoint)))
                    .body(Body::Empty);
                if let Some(metadata) = &core.plan.metadata {
                    request = request.header("Upload-Metadata", metadata);
                }
                // One that had died unseen would leave open what the server has done.
                request.exchange.fresh_connection = true;
                request
            }
        };
        State::Concatenate(Concatenate { request, job, step })
    }

    fn part(core: &Core, job: Job, index: usize, sum: Option<u64>) -> State {
        Self::ask(core, job, Step::Part { index, sum })
    }

    fn make(core: &Core, job: Job) -> State {
        Self::ask(core, job, Step::Make)
    }

    /// The whole, once it has a URL.
    pub(super) fn upload_url(&self) -> Option<&AbsoluteUrl> {
        match &self.step {
            Step::Whole(url) => Some(url),
            Step::Part { .. } | Step::Make => None,
        }
    }

    pub(super) fn answered(self, core: &mut Core, answer: Answer) -> State {
        let exchange = &self.request.exchange;
        if matches!(self.step, Step::Make) && leaves_open(&answer) && core.plan.creation_data != CreationData::Repeat {
            core.hold_back_others(exchange, &answer);
            let what = format!(
                "putting the parts together was answered with status {}: whether the server has done it is not known",
                answer.status
            );
            let url = place(core, exchange, &answer).ok();
            return Finished::error(unconfirmed(what, exchange, Some(&answer)).with_upload_url(url));
        }
        let reaction = self.request.reaction(&answer);
        // A refusal that says where the whole is: that one is made, whatever is wrong with it.
        if let (Step::Make, false) = (&self.step, matches!(reaction, Reaction::Accept | Reaction::Redirect))
            && let Ok(url) = place(core, exchange, &answer)
        {
            let error = refused(ErrorKind::HttpStatus, exchange, &answer);
            return Finished::error(error.with_upload_url(Some(url)));
        }
        match (reaction, &self.step) {
            (Reaction::Accept, Step::Part { .. }) => self.looked_at_part(core, answer),
            (Reaction::Accept, Step::Make) => self.made(core, answer),
            (Reaction::Accept, Step::Whole(_)) => self.looked_at_whole(core, answer),
            (Reaction::Again(budget), _) => {
                let then = Self::ask(core, self.job.clone(), self.step.clone());
                core.again(budget, exchange, answer, then)
            }
            (Reaction::Missing, Step::Part { .. } | Step::Whole(_)) if core.doubts_missing() => {
                let then = Self::ask(core, self.job.clone(), self.step.clone());
                core.again(Budget::Tries, exchange, answer, then)
            }
            (Reaction::Redirect, _) => {
                let then = Self::ask(core, self.job.clone(), self.step.clone());
                core.astray(exchange, answer, then)
            }
            // T-127: the server may miss something in the parts; they tell what.
            (_, Step::Make)
                if matches!(answer.status, 400 | 403 | 404 | 410) && !self.job.unfinished && !self.job.refused =>
            {
                // Nothing may be wrong with them, now at least: if it says so again, it is as the server says.
                let job = Job { refused: true, ..self.job };
                Self::part(core, job, 0, Some(0))
            }
            (Reaction::Gone | Reaction::Missing, _) => Finished::error(refused(ErrorKind::Gone, exchange, &answer)),
            (Reaction::TooMuch, _) => Finished::error(refused(ErrorKind::TooLarge, exchange, &answer)),
            (Reaction::Fail(kind), _) => Finished::error(refused(kind, exchange, &answer)),
            _ => Finished::error(refused(ErrorKind::HttpStatus, exchange, &answer)),
        }
    }

    /// What a POST says changes when it is redirected: a path would mean another upload at another origin.
    pub(super) fn redirected(&mut self) {
        let field = self.job.field(&self.request.exchange.url);
        for (name, value) in &mut self.request.exchange.headers {
            if *name == "Upload-Concat" {
                value.clone_from(&field);
            }
        }
    }

    fn looked_at_part(self, core: &mut Core, answer: Answer) -> State {
        // When the server will drop a part is not when it will drop the whole.
        core.expires = None;
        let exchange = &self.request.exchange;
        let Step::Part { index, sum } = self.step else { return Finished::error(super::misuse()) };
        let position = match Position::read(&answer.headers) {
            Ok(position) => position,
            Err(rule) => return Finished::error(broke_rule(rule, exchange, &answer)),
        };
        let mut job = self.job;
        // What is no part says so, or says nothing: a server has to repeat what a part was created with.
        if job.named && !is_partial(&answer.headers) {
            let what = format!("upload {} is no partial upload, so it cannot be put together with others", index + 1);
            return Finished::error(fail(ErrorKind::InvalidState, what, exchange, Some(&answer)));
        }
        let at = position.at.get();
        if position.length != Some(at) {
            job.complete = false;
            if !job.unfinished {
                let of = position.length.map_or("an open number".to_owned(), |length| length.to_string());
                let what = format!("part {} is not complete: it has {at} of {of} bytes", index + 1);
                return Finished::error(fail(ErrorKind::InvalidState, what, exchange, Some(&answer)));
            }
        } else if index == 0 {
            job.complete = true;
        }
        let sum = sum.zip(position.length).and_then(|(sum, length)| sum.checked_add(length));
        if index + 1 < job.parts.len() {
            return Self::part(core, job, index + 1, sum);
        }
        job.total = job.total.or(sum);
        Self::make(core, job)
    }

    fn made(self, core: &mut Core, answer: Answer) -> State {
        let exchange = &self.request.exchange;
        match place(core, exchange, &answer) {
            Ok(url) => {
                core.notices.push(Notice::UploadUrl(url.clone()));
                Self::ask(core, self.job, Step::Whole(url))
            }
            Err(rule) => {
                let offset = answer.headers.integer("Upload-Offset").ok().flatten();
                let has_all = answer.is_from_tus() || (offset.is_some() && offset == self.job.total);
                Finished::error(unplaced(rule, has_all, exchange, &answer))
            }
        }
    }

    /// T-124: done is what has all the bytes of all its parts, and nothing else.
    fn looked_at_whole(self, core: &mut Core, answer: Answer) -> State {
        let exchange = &self.request.exchange;
        let Step::Whole(url) = &self.step else { return Finished::error(super::misuse()) };
        let (offset, length) = match whole(&answer) {
            Ok(found) => found,
            Err(rule) => return Finished::error(broke_rule(rule, exchange, &answer)),
        };
        if let (Some(length), Some(total)) = (length, self.job.total)
            && length != total
        {
            return Finished::error(broke_rule(BrokenRule::LengthDiffers, exchange, &answer));
        }
        let done = length.is_some() && offset == length;
        if done || !self.job.complete {
            let size = length.or(self.job.total);
            let offset = offset.unwrap_or(0);
            // Without a total nothing says that a server that is done has everything.
            return Finished::ok(Outcome::Uploaded { url: url.clone(), offset, size, expires: core.expires });
        }
        let error = broke_rule(BrokenRule::NotAssembled, exchange, &answer);
        let then = Self::ask(core, self.job.clone(), self.step.clone());
        core.await_assembly(error, then)
    }

    pub(super) fn broken(self, core: &mut Core, broken: Broken) -> State {
        let sent = broken.may_have_arrived();
        let may_repeat = core.plan.creation_data == CreationData::Repeat && broken.kind != BrokenKind::NotHttp;
        if sent && matches!(self.step, Step::Make) && !may_repeat {
            return Finished::error(unanswered(broken, &self.request.exchange));
        }
        core.broken(broken, &self.request.exchange, |core| {
            if sent && matches!(self.step, Step::Make) {
                let text =
                    "putting the parts together was not answered and is repeated: two wholes may be on the server";
                core.warn(Warning::new(WarningKind::LeftOnServer, text));
            }
            Self::ask(core, self.job, self.step)
        })
    }
}

/// Offset and length of a final upload; both may be missing until it is put together (T-124).
fn whole(answer: &Answer) -> Result<(Option<u64>, Option<u64>), BrokenRule> {
    let offset = answer.headers.integer("Upload-Offset")?;
    let length = answer.headers.integer("Upload-Length")?;
    if offset > length && length.is_some() {
        return Err(BrokenRule::OffsetBeyondLength);
    }
    Ok((offset, length))
}

impl Job {
    /// `Upload-Concat` in a request to `to`.
    fn field(&self, to: &AbsoluteUrl) -> String {
        field(&self.parts, to.origin())
    }
}

/// `Upload-Concat` for these parts in a request to an origin; `None` if that is more than servers take (T-128).
pub fn concatenation(parts: &[AbsoluteUrl], origin: &Origin) -> Option<String> {
    Some(field(parts, origin)).filter(|field| field.len() <= HEADER_MAX)
}

/// T-121, T-122: as short as it can be where the parts lie at the same origin, since some servers look for their own base
/// path at the beginning.
fn field(parts: &[AbsoluteUrl], origin: &Origin) -> String {
    let name = |part: &AbsoluteUrl| match part.origin() == origin {
        true => part.path_and_query().to_owned(),
        false => part.as_str().to_owned(),
    };
    format!("final;{}", parts.iter().map(name).collect::<Vec<_>>().join(" "))
}
