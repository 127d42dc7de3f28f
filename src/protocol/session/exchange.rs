//! A request the session wants made, in the protocol's own terms.

use crate::protocol::answer::Answer;
use crate::protocol::capabilities::VERSION;
use crate::protocol::checksum::Algorithm;
use crate::protocol::instant::Instant;
use crate::protocol::reaction::{Purpose, Reaction, react};
use crate::protocol::url::{AbsoluteUrl, Origin};

/// The methods of tus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Capabilities.
    Options,
    /// Creation.
    Post,
    /// Offset.
    Head,
    /// Data.
    Patch,
    /// Termination.
    Delete,
}

impl Method {
    /// As it stands in a request line.
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Options => "OPTIONS",
            Method::Post => "POST",
            Method::Head => "HEAD",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }
}

/// The body of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// No body, and no header about one.
    None,
    /// `Content-Length: 0`.
    Empty,
    /// `length` bytes of the source from `start`.
    Range {
        /// The first byte.
        start: u64,
        /// How many, at least one (T-022).
        length: u64,
    },
}

/// The checksum a request with data is to carry (T-091).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checksum {
    /// Computed how.
    pub algorithm: Algorithm,
    /// Where it stands.
    pub form: Form,
}

/// Where a checksum stands in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// In a header before the data.
    Header,
    /// In a trailer after the data (T-100).
    Trailer,
    /// In a trailer after no data, and deliberately wrong: a server that refuses it has shown that trailers reach it and
    /// that it looks at them.
    WrongTrailer,
}

/// One request and its answer to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// What it is for.
    pub purpose: Purpose,
    /// The method to send; with [`Exchange::overridden`] it is POST.
    pub method: Method,
    /// The method that is meant, if it hides behind POST (T-009).
    pub overridden: Option<Method>,
    /// Where to.
    pub url: AbsoluteUrl,
    /// Whether the caller's headers go with it (T-150).
    pub trusted: bool,
    /// The origins of the servers that have pointed to the URL's origin, if the caller has neither named it nor trusts it.
    pub pointed_by: Vec<Origin>,
    /// The protocol's headers. The caller's and those of the message framing are the driver's to add.
    pub headers: Vec<(&'static str, String)>,
    /// Its body.
    pub body: Body,
    /// The checksum of the body, which is the driver's to compute and add.
    pub checksum: Option<Checksum>,
    /// An answer that does not come soon is not worth waiting for: there is a way to go on without it.
    pub optional: bool,
    /// The server has not answered yet: when it is to have done so at the latest.
    pub answer_by: Option<Instant>,
    /// Use a connection that no earlier request has used: the server seems to close them without a word.
    pub fresh_connection: bool,
}

impl Exchange {
    /// The method the protocol means.
    pub fn meaning(&self) -> Method {
        self.overridden.unwrap_or(self.method)
    }
}

/// An exchange being prepared or under way, and the redirects it has followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) exchange: Exchange,
    /// The URLs tried before the present one, for loops (T-151).
    pub(super) trail: Vec<AbsoluteUrl>,
    /// The redirects among them that are for good, until they are remembered (T-152).
    pub(super) moved: Vec<(AbsoluteUrl, AbsoluteUrl)>,
    /// One of them was no tus server's: a login, a maintenance page.
    pub(super) astray: bool,
}

impl Request {
    pub(super) fn new(purpose: Purpose, method: Method, url: AbsoluteUrl, trusted: &[Origin]) -> Request {
        let mut headers = Vec::new();
        // T-001, T-002: on everything but OPTIONS.
        if method != Method::Options {
            headers.push(("Tus-Resumable", VERSION.to_owned()));
        }
        let exchange = Exchange {
            purpose,
            method,
            overridden: None,
            trusted: trusted.contains(url.origin()),
            url,
            pointed_by: Vec::new(),
            headers,
            body: Body::None,
            checksum: None,
            optional: false,
            answer_by: None,
            fresh_connection: false,
        };
        Request { exchange, trail: Vec::new(), moved: Vec::new(), astray: false }
    }

    /// What to do about its answer. Gone from where something else than a tus server has led to is not gone from where the
    /// upload is (T-083).
    pub(super) fn reaction(&self, answer: &Answer) -> Reaction {
        match react(self.exchange.purpose, answer) {
            Reaction::Gone if self.astray => Reaction::Missing,
            reaction => reaction,
        }
    }

    pub(super) fn header(mut self, name: &'static str, value: impl ToString) -> Request {
        self.exchange.headers.push((name, value.to_string()));
        self
    }

    pub(super) fn body(mut self, body: Body) -> Request {
        self.exchange.body = body;
        self
    }

    /// Hides the method behind POST if `on` (T-009).
    pub(super) fn override_method(mut self, on: bool) -> Request {
        if on {
            self.exchange.overridden = Some(self.exchange.method);
            let method = self.exchange.method.as_str();
            self.exchange.method = Method::Post;
            self = self.header("X-HTTP-Method-Override", method);
            if self.exchange.body == Body::None {
                // T-041: a POST without data says so.
                self.exchange.body = Body::Empty;
            }
        }
        self
    }
}
