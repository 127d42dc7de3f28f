//! What a correct tus server does, one file for each method.
//!
//! Handlers get a request that `judge` found nothing wrong with, change the store and say what
//! to answer. They never write to the connection.

mod concat;
mod delete;
mod get;
mod head;
mod options;
mod patch;
mod post;
mod receive;

use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use crate::body::Body;
use crate::fault::Fault;
use crate::head::Head;
use crate::log::{Level, Violation};
use crate::options::Options;
use crate::response::Response;
use crate::shared::Shared;
use crate::store::Entry;
use crate::urls::Route;

/// What a handler decides.
pub(crate) enum Outcome {
    Answer(Response),
    /// The request broke off; nobody is there to be answered.
    Cut,
}

/// One request and everything around it.
pub(crate) struct Context<'s> {
    pub(crate) shared: &'s Arc<Shared>,
    pub(crate) head: &'s Head,
    /// The request's place in the log.
    pub(crate) number: usize,
    pub(crate) fault: &'s Fault,
    pub(crate) route: Route,
}

impl Context<'_> {
    pub(crate) fn options(&self) -> &Options {
        &self.shared.options
    }

    /// Writes down a rule the client broke.
    pub(crate) fn violate(&self, rule: &'static str, level: Level, text: String) {
        self.shared.log.violate(Violation { rule, level, request: self.number, text });
    }

    /// The upload the request is about, or the refusal.
    fn upload(&self) -> Result<Arc<Entry>, Response> {
        let Route::Upload(id) = &self.route else {
            return Err(Response::refusal(405, "no upload is named"));
        };
        if let Some(entry) = self.shared.find(id) {
            return Ok(entry);
        }
        let status = if self.shared.store.was_removed(id) { self.options().gone_status } else { 404 };
        Err(Response::refusal(status, "there is no such upload"))
    }
}

/// Does what the request asks for; `method` is the effective one.
pub(crate) fn handle(cx: &Context<'_>, method: &str, body: &mut Body<'_>) -> io::Result<Outcome> {
    match method {
        "OPTIONS" => Ok(Outcome::Answer(options::handle(cx))),
        "POST" => post::handle(cx, body),
        "HEAD" => head::handle(cx),
        "PATCH" => patch::handle(cx, body),
        "DELETE" => Ok(Outcome::Answer(delete::handle(cx))),
        "GET" => get::handle(cx),
        _ => Ok(Outcome::Answer(Response::refusal(405, "unknown method"))),
    }
}

/// Adds `Upload-Expires` while the upload can still expire (T-080).
fn with_expires(response: Response, entry: &Entry) -> Response {
    match entry.info().expires {
        Some(expires) if !entry.is_finished() => response.with("Upload-Expires", http_date(expires)),
        _ => response,
    }
}

/// An IMF-fixdate.
pub(crate) fn http_date(time: SystemTime) -> String {
    httpdate::fmt_http_date(time)
}
