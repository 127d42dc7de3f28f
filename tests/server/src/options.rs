//! How a server is set up before it starts, with the defaults of a correct tus server.
//!
//! Plain data; what changes while it runs is done by rules or by methods of the server.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use crate::checksum::Algorithm;
use crate::fault::LocationForm;
use crate::tls::TlsOptions;

/// The tus extensions a server has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extensions {
    /// POST creates uploads.
    pub creation: bool,
    /// The POST may carry data.
    pub creation_with_upload: bool,
    /// The length may be said later.
    pub creation_defer_length: bool,
    /// DELETE.
    pub termination: bool,
    /// `Upload-Checksum` is verified.
    pub checksum: bool,
    /// … also as a trailer.
    pub checksum_trailer: bool,
    /// Partial and final uploads.
    pub concatenation: bool,
    /// A final upload may be made before its parts are finished.
    pub concatenation_unfinished: bool,
}

impl Extensions {
    /// The core protocol only.
    pub const NONE: Self = Self {
        creation: false,
        creation_with_upload: false,
        creation_defer_length: false,
        termination: false,
        checksum: false,
        checksum_trailer: false,
        concatenation: false,
        concatenation_unfinished: false,
    };

    /// The names as in `Tus-Extension`, without `expiration`, which depends on another option.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        let all = [
            (self.creation, "creation"),
            (self.creation_with_upload, "creation-with-upload"),
            (self.creation_defer_length, "creation-defer-length"),
            (self.termination, "termination"),
            (self.checksum, "checksum"),
            (self.checksum_trailer, "checksum-trailer"),
            (self.concatenation, "concatenation"),
            (self.concatenation_unfinished, "concatenation-unfinished"),
        ];
        let on = all.into_iter().filter(|(on, _)| *on);
        on.map(|(_, name)| name).collect()
    }
}

impl Default for Extensions {
    /// Everything but `concatenation-unfinished`, and but checksums, which clients use unasked: chunks are bounded then,
    /// and one that is cut counts nothing (see [`Options::checked`]).
    fn default() -> Self {
        Self {
            creation: true,
            creation_with_upload: true,
            creation_defer_length: true,
            termination: true,
            checksum: false,
            checksum_trailer: false,
            concatenation: true,
            concatenation_unfinished: false,
        }
    }
}

/// What becomes of the body of a PATCH that broke off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CutPatch {
    /// Every byte that came is kept, at once.
    #[default]
    Keep,
    /// Nothing is kept (rustus).
    Drop,
    /// It is kept, but shows only after this time (T-030).
    Late(Duration),
}

/// What a second PATCH of the same upload meets while the first is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contention {
    /// 423 at once.
    Refuse,
    /// It waits so long for the first one to end, then 423. A HEAD waits too, then says the
    /// offset as it is.
    Wait(Duration),
}

impl Contention {
    pub(crate) fn patience(self) -> Duration {
        match self {
            Self::Refuse => Duration::ZERO,
            Self::Wait(patience) => patience,
        }
    }
}

impl Default for Contention {
    /// A quarter of a second: enough for the server to notice that the first client is gone.
    fn default() -> Self {
        Self::Wait(Duration::from_millis(250))
    }
}

/// Everything that can be set before a server starts.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where uploads live; without it a temporary folder that goes away with the server.
    pub dir: Option<PathBuf>,
    /// Address to listen on.
    pub ip: IpAddr,
    /// Port to listen on, 0 for any.
    pub port: u16,
    /// Path of the creation URL; begins and ends with a slash.
    pub path: String,
    /// The extensions that are on.
    pub extensions: Extensions,
    /// Checksum algorithms that are offered.
    pub algorithms: Vec<Algorithm>,
    /// Status for a checksum that does not match: 460, or 417 as rustus does.
    pub mismatch_status: u32,
    /// `Tus-Max-Size`.
    pub max_size: Option<u64>,
    /// Largest request body; a bigger one is answered with 413 (as behind some proxies).
    pub max_body: Option<u64>,
    /// Turns `expiration` on: unfinished uploads live so long.
    pub expires_after: Option<Duration>,
    /// Status for uploads that expired or were terminated: 410 or 404.
    pub gone_status: u32,
    /// What becomes of a PATCH that broke off.
    pub cut_patch: CutPatch,
    /// What a second PATCH meets.
    pub contention: Contention,
    /// The form of `Location`.
    pub location: LocationForm,
    /// `Authorization: Bearer …` that every request must carry.
    pub token: Option<String>,
    /// `X-HTTP-Method-Override` is obeyed.
    pub method_override: bool,
    /// Connections are kept open between requests.
    pub keep_alive: bool,
    /// Every answer is an HTTP/1.0 one.
    pub http10: bool,
    /// Bytes of body read in a second, for each request.
    pub throttle: Option<u64>,
    /// Body bytes are counted and thrown away.
    pub sink: bool,
    /// HTTPS.
    pub tls: Option<TlsOptions>,
    /// Size of the kernel's receive buffer, to make a client's writes stall soon.
    pub receive_buffer: Option<usize>,
    /// Requests kept in the log.
    pub log_requests: usize,
    /// Body bytes kept with each request in the log.
    pub log_body: usize,
}

impl Options {
    /// The defaults and checksums, as trailers too.
    pub fn checked() -> Self {
        let extensions = Extensions { checksum: true, checksum_trailer: true, ..Extensions::default() };
        Self { extensions, ..Self::default() }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            dir: None,
            ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            path: "/files/".into(),
            extensions: Extensions::default(),
            algorithms: Algorithm::ALL.to_vec(),
            mismatch_status: 460,
            max_size: None,
            max_body: None,
            expires_after: None,
            gone_status: 410,
            cut_patch: CutPatch::Keep,
            contention: Contention::default(),
            location: LocationForm::Absolute,
            token: None,
            method_override: true,
            keep_alive: true,
            http10: false,
            throttle: None,
            sink: false,
            tls: None,
            receive_buffer: None,
            log_requests: 1_000_000,
            log_body: 64 * 1024,
        }
    }
}
