//! HTTP/1.1 on ureq: one request out, one answer or one honest account of how it broke.
//!
//! The transport knows sockets, TLS, proxies, timeouts and cancellation. It knows nothing of tus: it neither
//! retries, nor follows redirects, nor judges a status. The engine calls [`Transport::perform`].
//!
//! ureq writes and parses the messages. Everything around that is here, because a resumable upload needs what ureq
//! does not offer: a cancel that interrupts every wait, clocks that tell a slow link from a dead one, answers noticed
//! while the body is still going out, interim answers, files sent by the kernel. The way of a request:
//!
//! ```text
//! perform     one attempt = one ureq agent around a connector that knows this request (context)
//!  ├ request    headers and body length, ureq's settings
//!  ├ connector  an idle connection (pool) or a new one: resolve → connect → proxy (tunnel, socks) → tls
//!  ├ exchange   ureq's view of the connection: head held back, answers watched for (sniff), clocks (wait)
//!  │  └ send    bytes or sendfile, early answers, the limit all requests share (throttle)
//!  ├ body       where ureq gets the body from (chunks: framed for a trailer field)
//!  └ answer     bounded body, then the connection goes back to the pool
//! ```

mod answer;
mod body;
mod buffers;
#[cfg(feature = "tls")]
mod certificate;
mod chunks;
mod client;
mod connect;
mod connector;
mod context;
mod dialogue;
mod exchange;
#[cfg(feature = "tls")]
mod explain;
mod failure;
mod inward;
mod names;
mod no_proxy;
mod perform;
mod pool;
mod proxy;
mod request;
mod resolve;
mod send;
mod settings;
mod sniff;
mod socks;
mod stream;
mod target;
mod throttle;
#[cfg(feature = "tls")]
mod tls;
mod tunnel;
#[cfg(feature = "tls")]
mod verifier;
mod wait;

#[cfg(test)]
mod tests;

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::cancel::Cancel;
use crate::error::{Cause, TimeLimit};
use crate::protocol::answer::Answer;
use crate::protocol::url::Origin;

pub use perform::Transport;
pub use proxy::{ProxySetting, ProxyUrl};
pub use settings::{FileSending, Locations, PlatformCertificates, Settings, TlsSettings};
pub use throttle::Throttle;

/// A header field: its name, and its value, which may be a secret and so is wiped when it is dropped.
pub type Field = (String, Zeroizing<String>);

/// One request, ready for the wire.
#[derive(Debug)]
pub struct Request<'a> {
    /// The method as sent.
    pub method: &'a str,
    /// Absolute http or https URL; no userinfo, no fragment.
    pub url: &'a str,
    /// All headers but Host, Content-Length, Transfer-Encoding, Trailer and Connection, which the transport writes.
    pub headers: &'a [Field],
    /// When the whole operation must have ended.
    pub deadline: Option<Instant>,
    /// The limits of this request, instead of those of the transport.
    pub timeouts: Option<Timeouts>,
    /// A limit for the answer of this request, if it is shorter than [`Timeouts::response`].
    pub response_limit: Option<Duration>,
    /// Make a new connection, whatever idle ones there are.
    pub fresh_connection: bool,
    /// The server may learn who we are: the client certificate is shown to it, on a connection that serves only such
    /// requests.
    pub identify: bool,
    /// The servers that have pointed to this URL's origin, where the caller has neither named it nor trusts it. If one of
    /// them is outside, no connection to an address of this machine or of its network is used.
    pub pointed_by: &'a [Origin],
}

/// The body of a request.
pub enum Body<'a> {
    /// No body and no Content-Length (HEAD, OPTIONS, DELETE).
    None,
    /// `Content-Length: 0` (an empty POST, T-041).
    Empty,
    /// Exactly `length` bytes of `reader`, with Content-Length.
    Sized {
        /// Where they come from.
        reader: &'a mut dyn BodyReader,
        /// How many (at least 1).
        length: u64,
    },
    /// Exactly `length` bytes of `reader` in chunks (Transfer-Encoding: chunked), then the field `trailer` with the
    /// value that `reader` gives after its last byte. Announced with `Trailer: <name>`.
    Trailed {
        /// Where they come from; never sent by the kernel, so that the reader sees each of them.
        reader: &'a mut dyn BodyReader,
        /// How many; without any the field alone is asked for.
        length: u64,
        /// The field's name.
        trailer: &'static str,
    },
}

/// Where the bytes of a body come from.
pub trait BodyReader {
    /// Fills the beginning of `buffer`; `Ok(0)` means the source ended, which is an error in the transport's eyes
    /// when bytes are still due.
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize>;

    /// A regular file and the position of the next byte, if the kernel may send the bytes by itself (sendfile).
    fn file(&self) -> Option<(&std::fs::File, u64)>;

    /// `n` bytes were taken from [`BodyReader::file`] by the transport: move on without reading them.
    fn skip(&mut self, n: u64);

    /// The value of the trailer field ([`Body::Trailed`]): asked for once, after the last byte was read. When it
    /// fails, the last piece of the body is not sent.
    fn trailer(&mut self) -> std::io::Result<String> {
        Err(std::io::Error::other("no trailer"))
    }
}

/// Looks on while a request is under way; called on the thread that runs it.
pub trait Watch: Send + Sync {
    /// `body_sent` bytes of this request's body are in the kernel's hands. Called whenever that number has grown
    /// or [`Watch::interval`] has passed while waiting. `Break` ends the request with [`BreakKind::Aborted`].
    fn tick(&self, body_sent: u64) -> ControlFlow<()>;

    /// How long a wait may last without a tick; `None` if ticks are not wanted while nothing moves.
    fn interval(&self) -> Option<Duration>;
}

/// How a request broke.
#[derive(Debug)]
pub struct Break {
    /// What happened.
    pub kind: BreakKind,
    /// The error below, with its own causes.
    pub cause: Option<Cause>,
    /// errno, where the cause is the operating system's. With [`BreakKind::Body`]: the transport could not read
    /// [`BodyReader::file`], for this reason.
    pub os_code: Option<i32>,
    /// Body bytes handed to the kernel, chunk framing not counted: the server may have got any number up to this.
    pub body_sent: u64,
    /// The connection had been used before and broke before a single byte of an answer came: the server may have
    /// closed it while it was idle, or have broken off this request.
    pub stale_connection: bool,
    /// Nothing of the request left this machine.
    pub never_sent: bool,
    /// The answer by which a proxy refused to make a tunnel; it has no body.
    pub answer: Option<Box<Answer>>,
}

/// What ended a request without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakKind {
    /// The host name could not be resolved.
    Resolve,
    /// No connection (refused, unreachable, a proxy that cannot connect).
    Connect,
    /// A proxy will not make the tunnel, and will not if it is asked again.
    ProxyRefused,
    /// A certificate or TLS setting that will not get better by itself, or plain http where TLS is asked for.
    TlsRejected,
    /// A server has given a URL that leads to where it may not point ([`Locations`]).
    ForeignLocation,
    /// The connection ended or was reset, in a TLS handshake too.
    Closed,
    /// The peer's bytes are not HTTP/1.x, or beyond our limits.
    NotHttp,
    /// A time limit.
    Timeout(TimeLimit),
    /// The cancel flag was raised.
    Cancelled,
    /// [`Watch::tick`] said so.
    Aborted,
    /// [`BodyReader::read`] failed or ended early, or [`BodyReader::trailer`] failed; the connection was aborted
    /// (T-101).
    Body,
    /// The system cannot give what the request needs at present: a thread, a descriptor, memory.
    Resources,
    /// A setting or a variable of the environment stands in the way: the cause says which.
    Setting,
    /// The request could not be formed: a bug, or a header or trailer field that cannot be sent.
    Unsendable,
}

/// An answer and what is known about the sending.
#[derive(Debug)]
pub struct Received {
    /// Status, headers, bounded body.
    pub answer: Answer,
    /// Body bytes handed to the kernel before the answer was noticed.
    pub body_sent: u64,
    /// The answer came before the whole body was sent, with its trailer field if it has one (T-031).
    pub early: bool,
    /// Interim answers (1xx) that came before: status and headers.
    pub interim: Vec<Answer>,
}

/// The time limits of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Resolving, connecting (proxy included) and the TLS handshake together.
    pub connect: Duration,
    /// From the last body byte leaving the machine to the complete answer head.
    pub response: Duration,
    /// No byte moved in either direction.
    pub stall: Duration,
}
