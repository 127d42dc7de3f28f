//! One request from beginning to end: [`Transport::perform`].

use std::sync::Arc;

use zeroize::Zeroizing;

use super::answer;
use super::body::{self, Outgoing};
use super::client::Client;
use super::connector::{NoResolver, OneConnection};
use super::context::{Context, Observed};
use super::failure::Failure;
use super::request;
use super::settings::{Locations, Settings};
use super::target::{Origin, Target};
use super::throttle::Throttle;
use super::{Body, Break, BreakKind, Cancel, Received, Request, Watch};
use crate::error::Error;

/// HTTP/1.1 for one client: its settings and its idle connections. Any number of threads may perform requests at
/// the same time.
#[derive(Debug)]
pub struct Transport(Arc<Client>);

impl Transport {
    /// Checks the settings and reads the certificates and proxy variables they name; makes no connection.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for a setting that cannot be right, `Tls` for certificates or a key that cannot be used,
    /// `Unsupported` for TLS settings in a build without the feature `tls`.
    pub fn new(settings: Settings) -> Result<Transport, Error> {
        Ok(Transport(Arc::new(Client::new(settings)?)))
    }

    /// Sends the request and waits for the answer, on the calling thread.
    ///
    /// An answer whose head is complete is always returned, whatever happens to its body: it is cut at
    /// [`BODY_LIMIT`](crate::protocol::answer::BODY_LIMIT), and where it breaks off, drips for longer than the
    /// response limit, or the request is cancelled meanwhile. The caller looks at its cancel flag afterwards.
    ///
    /// Nothing is ever sent twice: every request on the wire is one the caller knows of. An idle connection that takes
    /// not a single byte is replaced; one that took some and broke is reported ([`Break::stale_connection`]).
    pub fn perform(
        &self,
        request: &Request<'_>,
        mut body: Body<'_>,
        cancel: &Cancel,
        watch: &Arc<dyn Watch>,
    ) -> Result<Received, Break> {
        let client = &self.0;
        let (built, target) = prepare(client, request, &body).map_err(Break::unsent)?;
        let (body_length, trailer, bare_end) = match &mut body {
            Body::Sized { length, .. } => (*length, None, None),
            Body::Trailed { reader, length: 0, trailer } => {
                (0, Some(*trailer), Some(body::bare_end(*reader, trailer).map_err(Break::unsent)?))
            }
            Body::Trailed { length, trailer, .. } => (*length, Some(*trailer), None),
            Body::None | Body::Empty => (0, None, None),
        };
        let _wake = cancel.borrow_wake(&client.wakes);
        let mut timeouts = request.timeouts.unwrap_or(client.settings.timeouts);
        timeouts.response = timeouts.response.min(request.response_limit.unwrap_or(timeouts.response));
        // Some proxies close a connection after each answer and do not say so. A request that may not be repeated would
        // be caught by that.
        let repeatable = matches!(request.method, "GET" | "HEAD" | "OPTIONS");
        let reuse = !request.fresh_connection && (repeatable || target.forwarder().is_none());
        let context = Arc::new(Context {
            client: Arc::clone(client),
            target,
            cancel: cancel.clone(),
            watch: Arc::clone(watch),
            timeouts,
            deadline: request.deadline,
            body_length,
            trailer,
            names: request.headers.iter().map(|(name, _)| name.clone()).collect(),
            bare_end,
            reuse,
            observed: Observed::default(),
        });
        context.check().map_err(Break::unsent)?;
        let agent =
            ureq::Agent::with_parts(client.agent_config.clone(), OneConnection(Arc::clone(&context)), NoResolver);
        let declared = built.headers().contains_key(ureq::http::header::CONTENT_LENGTH);
        let mut outgoing = Outgoing::new(&mut body, &context);
        let result = match &mut outgoing {
            Some(outgoing) => agent.run(built.map(|()| ureq::SendBody::from_reader(outgoing))),
            // Not `()`: ureq would announce chunks for a POST or PATCH.
            None if declared => agent.run(built.map(|()| &[][..])),
            None => agent.run(built),
        };
        if let Some(mut outgoing) = outgoing {
            outgoing.settle();
        }
        match result {
            Ok(response) => Ok(received(answer::finish(response, &context), &context)),
            Err(error) => Err(broken(error, &context)),
        }
    }

    /// The credentials that requests may carry to a proxy, as header values: nothing of them is to be shown.
    pub fn proxy_credentials(&self) -> impl Iterator<Item = Zeroizing<String>> {
        self.0.proxies.credentials()
    }

    /// Whether the settings and the proxy variables name a usable way to this URL.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for a variable that should name the proxy and does not.
    pub fn check_way(&self, url: &str) -> Result<(), Error> {
        let origin = request::parse_url(url).and_then(|uri| Origin::of(&uri));
        let way = origin.map(|origin| self.0.proxies.of(&origin).map(drop));
        // What is wrong with the URL itself is told by who uses it.
        way.unwrap_or(Ok(())).map_err(Error::invalid)
    }

    /// Whether a proxy reads and forwards what is sent to this URL, and does not just pass it through a tunnel.
    pub fn is_forwarded(&self, url: &str) -> bool {
        let origin = request::parse_url(url).and_then(|uri| Origin::of(&uri));
        origin.is_ok_and(|origin| {
            let proxy = self.0.proxies.of(&origin).ok().flatten();
            Target { origin, proxy, identify: false, outward: false }.forwarder().is_some()
        })
    }

    /// How fast the bodies of all its requests together may go out; without a limit at first.
    pub fn throttle(&self) -> &Throttle {
        &self.0.throttle
    }

    /// Closes all idle connections and frees what is kept for the next request.
    pub fn close_idle(&self) {
        self.0.pool.clear();
        self.0.spare.clear();
        self.0.wakes.clear();
    }

    /// The inside, for tests that prepare it.
    #[cfg(test)]
    pub(super) fn client(&self) -> &Client {
        &self.0
    }
}

/// What is to be sent, and where.
fn prepare(
    client: &Client,
    request: &Request<'_>,
    body: &Body<'_>,
) -> Result<(ureq::http::Request<()>, Target), Failure> {
    let uri = request::parse_url(request.url)?;
    let origin = Origin::of(&uri)?;
    if !origin.secure
        && let Some(why) = client.settings.tls.forbids_plain()
    {
        let reason = format!("the URL begins with http://, but {why}: only https:// is talked to");
        return Err(Failure::because(BreakKind::TlsRejected, reason));
    }
    let locations = client.settings.locations;
    if locations == Locations::Allowed && !request.pointed_by.is_empty() {
        let text = "a server points there, which is no allowed origin: allow it with tus_config_allow_origin";
        return Err(Failure::because(BreakKind::ForeignLocation, text));
    }
    let built = request::build(request, uri, body, &client.settings.user_agent)?;
    let proxy = client.proxies.of(&origin).map_err(|reason| Failure::because(BreakKind::Setting, reason))?;
    let outward = locations == Locations::Outward && request.pointed_by.iter().any(|by| client.outside.has(&by.host));
    Ok((built, Target { origin, proxy, identify: request.identify, outward }))
}

fn received(answer: crate::protocol::answer::Answer, context: &Context) -> Received {
    let mut facts = context.facts();
    Received { answer, body_sent: facts.body_sent, early: facts.early, interim: std::mem::take(&mut facts.interim) }
}

/// The account of a request that got no answer.
fn broken(error: ureq::Error, context: &Context) -> Break {
    let (failure, broken) = {
        let mut facts = context.facts();
        let failure = facts.failure.take().unwrap_or_else(|| unexplained(error, facts.sent_any));
        let stale_connection = facts.reused && !facts.received_any && failure.kind == BreakKind::Closed;
        let broken = Break {
            kind: failure.kind,
            cause: None,
            os_code: failure.os_code,
            body_sent: facts.body_sent,
            stale_connection,
            never_sent: !facts.sent_any,
            answer: None,
        };
        (failure, broken)
    };
    if broken.stale_connection {
        context.client.pool.forget(&context.target);
    }
    Break { cause: failure.cause, answer: failure.answer, ..broken }
}

/// A failure of ureq's own: it could not form the request, or did not understand the answer.
fn unexplained(error: ureq::Error, sent: bool) -> Failure {
    let kind = match &error {
        ureq::Error::Io(_) => BreakKind::Closed,
        ureq::Error::Protocol(_) | ureq::Error::LargeResponseHeader(..) if sent => BreakKind::NotHttp,
        _ => BreakKind::Unsendable,
    };
    let os_code = match &error {
        ureq::Error::Io(io) => io.raw_os_error(),
        _ => None,
    };
    Failure { os_code, cause: Some(Arc::new(error)), ..Failure::new(kind) }
}

impl Break {
    /// A request that never came so far as to need a connection.
    fn unsent(failure: Failure) -> Break {
        Break {
            kind: failure.kind,
            cause: failure.cause,
            os_code: failure.os_code,
            body_sent: 0,
            stale_connection: false,
            never_sent: true,
            answer: failure.answer,
        }
    }
}
