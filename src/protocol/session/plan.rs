//! What a session is to achieve, and all it has to know beforehand.

use std::time::Duration;

use crate::protocol::capabilities::Capabilities;
use crate::protocol::checksum;
use crate::protocol::chunk::{ChunkRules, ChunkSize};
use crate::protocol::instant::Instant;
use crate::protocol::retry::{FIRST_ANSWER, RetryPolicy};
use crate::protocol::url::{AbsoluteUrl, Origin};

/// What the session is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Goal {
    /// Send all the data: to an upload of an earlier run if there is one, else to a new one made at `endpoint`.
    Upload {
        /// The creation URL.
        endpoint: AbsoluteUrl,
        /// How many bytes there are; `None` if only their end will tell.
        size: Option<u64>,
        /// An upload of the same data by an earlier run.
        previous: Option<Previous>,
    },
    /// Send what the server lacks of an upload that exists.
    Resume {
        /// The upload.
        url: AbsoluteUrl,
        /// How many bytes there are; `None` if only their end will tell.
        size: Option<u64>,
        /// Where to ask what the server can do, if that matters.
        endpoint: Option<AbsoluteUrl>,
    },
    /// Have the server put uploads together (T-121).
    Concatenate {
        /// The creation URL.
        endpoint: AbsoluteUrl,
        /// The parts, in order.
        parts: Vec<AbsoluteUrl>,
        /// The sum of their sizes, where it is known that each is complete; else they are asked first.
        total: Option<u64>,
        /// Parts may still be incomplete, where the server offers that (T-123).
        unfinished: bool,
    },
    /// Ask where an upload is and what is known of it.
    Inspect {
        /// The upload.
        url: AbsoluteUrl,
    },
    /// Remove an upload.
    Terminate {
        /// The upload.
        url: AbsoluteUrl,
        /// Where to ask whether it can be done; `None` to just try.
        endpoint: Option<AbsoluteUrl>,
    },
    /// Ask what the server can do.
    Discover {
        /// The creation URL.
        endpoint: AbsoluteUrl,
    },
}

/// An upload an earlier run has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Previous {
    /// Where it is.
    pub url: AbsoluteUrl,
    /// How many bytes of the source are known to be the same now as they were then; `None` for all of them.
    pub proven: Option<u64>,
}

impl Goal {
    /// The upload the caller named, if the goal is about one.
    pub(super) fn upload_url(&self) -> Option<&AbsoluteUrl> {
        match self {
            Goal::Resume { url, .. } | Goal::Inspect { url } | Goal::Terminate { url, .. } => Some(url),
            Goal::Upload { .. } | Goal::Discover { .. } | Goal::Concatenate { .. } => None,
        }
    }

    /// Where to ask what the server can do. What one server says does not hold for an upload on another.
    pub fn server(&self) -> &AbsoluteUrl {
        match self {
            Goal::Upload { endpoint, .. } | Goal::Discover { endpoint } | Goal::Concatenate { endpoint, .. } => {
                endpoint
            }
            Goal::Resume { url, endpoint, .. } | Goal::Terminate { url, endpoint } => {
                endpoint.as_ref().filter(|endpoint| endpoint.origin() == url.origin()).unwrap_or(url)
            }
            Goal::Inspect { url } => url,
        }
    }

    /// How many bytes the source has, if that is known; 0 where no data is sent.
    pub(super) fn size(&self) -> Option<u64> {
        match self {
            Goal::Upload { size, .. } | Goal::Resume { size, .. } => *size,
            Goal::Inspect { .. } | Goal::Terminate { .. } | Goal::Discover { .. } | Goal::Concatenate { .. } => Some(0),
        }
    }
}

/// Whether the first chunk goes with the request that creates an upload (T-060), and what becomes of that request if it
/// is not answered (T-051).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CreationData {
    /// No data goes with it. It is repeated if it is not answered: an upload without data may be left on the server. One of
    /// size 0 is complete with it, and ends as with [`CreationData::On`].
    #[default]
    Off,
    /// The first chunk goes with it, once. If it was the whole upload and the answer is lost, the operation ends with
    /// [`ErrorKind::Unconfirmed`](crate::error::ErrorKind::Unconfirmed); else it is repeated without data.
    On,
    /// It is repeated with its data, if any: a second complete upload may be left on the server.
    Repeat,
}

/// Origins that only a server's word leads to, and the servers whose word it was.
#[derive(Debug, Clone, Default)]
pub struct Pointed(Vec<(Origin, Vec<Origin>)>);

impl Pointed {
    /// A server at `by` has given a URL of `origin`. Who has pointed to that server has pointed there too.
    pub fn add(&mut self, origin: &Origin, by: &Origin) {
        let mut all = self.by(by).to_vec();
        all.push(by.clone());
        match self.0.iter_mut().find(|(known, _)| known == origin) {
            Some((_, known)) => all.into_iter().filter(|by| by != origin).for_each(|by| {
                if !known.contains(&by) {
                    known.push(by);
                }
            }),
            None => {
                all.retain(|by| by != origin);
                self.0.push((origin.clone(), all));
            }
        }
    }

    /// Who has pointed there.
    pub fn by(&self, origin: &Origin) -> &[Origin] {
        self.0.iter().find(|(known, _)| known == origin).map_or(&[], |(_, by)| by)
    }
}

/// Everything a session needs to begin. All of it is values: time and chance too.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What for.
    pub goal: Goal,
    /// How many bytes of the source are known to be those of the upload that [`Goal::Resume`] names; `None` for all, as
    /// the caller says by naming it.
    pub proven: Option<u64>,
    /// The value of `Upload-Metadata` for a creation.
    pub metadata: Option<String>,
    /// What is known of the server already.
    pub capabilities: Option<Capabilities>,
    /// Whether to ask for capabilities that are not known.
    pub discover: bool,
    /// Whether the first chunk goes with the creation, where the server offers that (T-060).
    pub creation_data: CreationData,
    /// Whether the upload is to be a part of another (T-120).
    pub partial: bool,
    /// What checksums the caller wants.
    pub checksum: checksum::Wish,
    /// Whether the caller asked for that; else it is the default, and not worth a warning where it cannot be had.
    pub checksum_asked: bool,
    /// The algorithm that is computed fastest here: the first choice where the caller names none.
    pub fastest: checksum::Algorithm,
    /// Whether checksums may go as trailers where the server offers that (T-100) and shows that it looks at them.
    pub checksum_trailers: bool,
    /// Whether there is anyone to ask for new credentials.
    pub can_authenticate: bool,
    /// How many bytes a PATCH carries.
    pub chunk_size: ChunkSize,
    /// What the server wants of the size of chunks.
    pub chunk_rules: ChunkRules,
    /// How many bytes before the present one the source can give again; `None` for all.
    pub replay_limit: Option<u64>,
    /// Where to stop; the upload is then not complete.
    pub stop_at: Option<u64>,
    /// How often and how long to try again.
    pub retry: RetryPolicy,
    /// How long a server is tried that has not answered at all in this operation; `None`: as long as the other limits
    /// allow.
    pub first_answer: Option<Duration>,
    /// When all must be over; no wait goes beyond it.
    pub deadline: Option<Instant>,
    /// The origins that may see the caller's headers (T-150).
    pub trusted: Vec<Origin>,
    /// The origins that servers have pointed to.
    pub pointed: Pointed,
    /// PATCH and DELETE as POST with `X-HTTP-Method-Override` (T-009).
    pub override_method: bool,
    /// The seed of all chance in this session.
    pub seed: u64,
}

impl Plan {
    /// A plan with the defaults of everything but its goal; trusts the origin of the goal's URL.
    pub fn new(goal: Goal) -> Plan {
        let url = match &goal {
            Goal::Upload { endpoint, .. } | Goal::Discover { endpoint } | Goal::Concatenate { endpoint, .. } => {
                endpoint
            }
            Goal::Resume { url, .. } | Goal::Inspect { url } | Goal::Terminate { url, .. } => url,
        };
        let trusted = vec![url.origin().clone()];
        Plan {
            goal,
            proven: None,
            metadata: None,
            capabilities: None,
            discover: true,
            creation_data: CreationData::Off,
            partial: false,
            checksum: checksum::Wish::default(),
            checksum_asked: true,
            fastest: checksum::Algorithm::Sha256,
            checksum_trailers: false,
            can_authenticate: false,
            chunk_size: ChunkSize::Auto,
            chunk_rules: ChunkRules::default(),
            replay_limit: None,
            stop_at: None,
            retry: RetryPolicy::default(),
            first_answer: Some(FIRST_ANSWER),
            deadline: None,
            trusted,
            pointed: Pointed::default(),
            override_method: false,
            seed: 0,
        }
    }
}
