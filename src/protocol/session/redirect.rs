//! Redirects (T-151): followed only where method and body stay what they are. Those for good (301, 308) are remembered
//! (T-152) once something has come of them: what no tus server has answered may be the next maintenance page.

use crate::error::{BrokenRule, Error};
use crate::protocol::answer::Answer;
use crate::protocol::url::AbsoluteUrl;
use crate::warning::{Warning, WarningKind};

use super::core::Core;
use super::exchange::{Method, Request};
use super::failure::broke_rule;

/// A chain longer than this is not followed.
const MAX_REDIRECTS: usize = 5;

/// Points the request to where the answer says, or says why not.
pub(super) fn follow(core: &mut Core, request: &mut Request, answer: &Answer) -> Result<(), Error> {
    let exchange = &request.exchange;
    let broken = |rule| Err(broke_rule(rule, exchange, answer));
    let keeps_method = match answer.status {
        307 | 308 => true,
        // A HEAD or OPTIONS stays one; anything else would become a GET.
        301 | 302 => matches!(exchange.method, Method::Head | Method::Options),
        _ => false,
    };
    if !keeps_method {
        let error = broke_rule(BrokenRule::BadRedirect, exchange, answer);
        let target = answer.headers.single("Location").ok().flatten().and_then(|to| exchange.url.resolve_any(to).ok());
        let method = exchange.method.as_str();
        return Err(match target {
            Some(target) => error.because(format!(
                "it leads to {}, and a {} that follows it with status {} would not stay one: use that URL if it is the right one",
                if exchange.method == Method::Post { target.redacted() } else { target.redacted_upload() }, method, answer.status
            )),
            None => error,
        });
    }
    let location = match answer.headers.single("Location") {
        Ok(Some(location)) => location,
        Ok(None) | Err(_) => return broken(BrokenRule::BadRedirect),
    };
    let target = match exchange.url.resolve(location) {
        Ok(target) => target,
        Err(BrokenRule::BadLocation) => return broken(BrokenRule::BadRedirect),
        Err(rule) => return broken(rule),
    };
    if request.trail.len() >= MAX_REDIRECTS || target == exchange.url || request.trail.contains(&target) {
        return broken(BrokenRule::TooManyRedirects);
    }
    core.point(target.origin(), request.exchange.url.origin());
    request.exchange.pointed_by = core.plan.pointed.by(target.origin()).to_vec();
    request.exchange.trusted = core.plan.trusted.contains(target.origin());
    if !request.exchange.trusted {
        let text = format!("redirected to another origin, {}: credentials stay behind", target.origin());
        core.warn(Warning::new(WarningKind::OtherOrigin, text));
    }
    if matches!(answer.status, 301 | 308) {
        request.moved.push((request.exchange.url.clone(), target.clone()));
    }
    request.astray |= !answer.is_from_tus();
    let from = std::mem::replace(&mut request.exchange.url, target);
    request.trail.push(from);
    Ok(())
}

/// Where things have moved to for good.
#[derive(Debug, Clone, Default)]
pub(super) struct Moved(Vec<(AbsoluteUrl, AbsoluteUrl)>);

impl Moved {
    /// Remembers the permanent redirects of a request that a tus server has answered.
    pub(super) fn remember(&mut self, request: &mut Request) {
        for (from, to) in request.moved.drain(..) {
            // What has moved back is where it is.
            self.0.retain(|(known, _)| *known != from && *known != to);
            self.0.push((from, to));
        }
    }

    /// Where to send a request to `url` now.
    pub(super) fn resolve<'a>(&'a self, url: &'a AbsoluteUrl) -> &'a AbsoluteUrl {
        let mut at = url;
        for _ in 0..MAX_REDIRECTS {
            let Some((_, to)) = self.0.iter().find(|(from, _)| from == at) else { break };
            at = to;
        }
        at
    }
}
