//! A request in ureq's terms, and how ureq is set up.

use bytes::Bytes;
use ureq::http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TRAILER, TRANSFER_ENCODING, USER_AGENT};
use ureq::http::{self, HeaderName, HeaderValue, Method, Uri};
use zeroize::Zeroizing;

use super::failure::Failure;
use super::{Body, BreakKind, Request};
use crate::error::Error;

/// How every agent is set up: ureq frames and parses messages, all else is done here.
pub(super) fn agent_config() -> ureq::config::Config {
    use ureq::config::AutoHeaderValue::None as NoHeader;
    ureq::config::Config::builder()
        // ureq would read proxies from variables of its own choice, and knows no forward proxying.
        .proxy(None)
        // ureq would turn a redirected PATCH into a GET.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .user_agent(NoHeader)
        .accept(NoHeader)
        .accept_encoding(NoHeader)
        .max_response_header_size(super::sniff::MAX_HEAD)
        .max_idle_connections(0)
        .max_idle_connections_per_host(0)
        .build()
}

/// Refuses a user agent that is no header value: ureq would panic on it.
pub(super) fn check_user_agent(user_agent: &str) -> Result<(), Error> {
    HeaderValue::from_str(user_agent)
        .map(drop)
        .map_err(|_| Error::invalid("the user agent is not a valid header value"))
}

/// The URL in ureq's terms.
pub(super) fn parse_url(url: &str) -> Result<Uri, Failure> {
    url.parse().map_err(|error: http::uri::InvalidUri| unsendable("the URL cannot be sent", error))
}

/// The request's head in ureq's terms.
pub(super) fn build(
    request: &Request<'_>,
    uri: Uri,
    body: &Body<'_>,
    user_agent: &str,
) -> Result<http::Request<()>, Failure> {
    let method = Method::from_bytes(request.method.as_bytes())
        .map_err(|error| unsendable("the method cannot be sent", error))?;
    check_trailer(body)?;
    let mut built = http::Request::builder().method(method).uri(uri).body(());
    if let Ok(built) = &mut built {
        let headers = built.headers_mut();
        for (name, value) in request.headers {
            let name: HeaderName =
                name.parse().map_err(|error| unsendable(format!("the header name {name:?} cannot be sent"), error))?;
            // `Expect` is refused because ureq waits for `100 Continue` in a way that some answers turn into a hang.
            if [HOST, CONTENT_LENGTH, TRANSFER_ENCODING, TRAILER, CONNECTION, EXPECT].contains(&name) {
                return Err(Failure::because(
                    BreakKind::Unsendable,
                    format!("the header {name} is written by the transport"),
                ));
            }
            // Not a copy that nobody wipes.
            let bytes = Bytes::from_owner(Zeroizing::new(value.as_bytes().to_vec()));
            let value = HeaderValue::from_maybe_shared(bytes)
                .map_err(|error| unsendable(format!("the value of header {name} cannot be sent"), error))?;
            headers.try_append(name, value).map_err(|error| unsendable("too many headers", error))?;
        }
        if !user_agent.is_empty() && !headers.contains_key(USER_AGENT) {
            headers.extend(HeaderValue::from_str(user_agent).map(|value| (USER_AGENT, value)));
        }
        if let Some(length) = content_length(body, request.method) {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
    }
    built.map_err(|error| unsendable("the request cannot be sent", error))
}

/// The declared length. ureq would send a POST, PUT or PATCH without body and without length in chunks, so these
/// always get one; that of a body in chunks is for ureq alone (see `chunks`).
fn content_length(body: &Body<'_>, method: &str) -> Option<u64> {
    match body {
        Body::Sized { length, .. } | Body::Trailed { length, .. } => Some(*length),
        Body::Empty => Some(0),
        Body::None => matches!(method, "POST" | "PUT" | "PATCH").then_some(0),
    }
}

/// Refuses a trailer field that could not be sent.
fn check_trailer(body: &Body<'_>) -> Result<(), Failure> {
    match body {
        Body::Trailed { trailer, .. } => match trailer.parse::<HeaderName>() {
            Ok(_) => Ok(()),
            Err(error) => Err(unsendable(format!("the trailer name {trailer:?} cannot be sent"), error)),
        },
        Body::None | Body::Empty | Body::Sized { .. } => Ok(()),
    }
}

fn unsendable(reason: impl Into<String>, error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure { cause: Some(std::sync::Arc::new(error)), ..Failure::new(BreakKind::Unsendable) }.explained(reason)
}
