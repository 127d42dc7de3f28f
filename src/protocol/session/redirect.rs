//! Redirects (T-151): followed only where method and body stay what they are.

use crate::error::{BrokenRule, Error};
use crate::protocol::answer::Answer;
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
        return broken(BrokenRule::BadRedirect);
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
    request.exchange.trusted = core.plan.trusted.contains(target.origin());
    if !request.exchange.trusted {
        let text = format!("redirected to another origin, {}: credentials stay behind", target.origin());
        core.warn(Warning::new(WarningKind::OtherOrigin, text));
    }
    let from = std::mem::replace(&mut request.exchange.url, target);
    request.trail.push(from);
    Ok(())
}
