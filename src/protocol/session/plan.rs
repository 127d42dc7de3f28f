//! What a session is to achieve, and all it has to know beforehand.

use crate::protocol::capabilities::Capabilities;
use crate::protocol::chunk::ChunkSize;
use crate::protocol::instant::Instant;
use crate::protocol::retry::RetryPolicy;
use crate::protocol::url::{AbsoluteUrl, Origin};

/// What the session is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Goal {
    /// Create an upload at `endpoint` and send `size` bytes.
    Upload {
        /// The creation URL.
        endpoint: AbsoluteUrl,
        /// How many bytes there are.
        size: u64,
    },
    /// Send what the server lacks of an upload that exists.
    Resume {
        /// The upload.
        url: AbsoluteUrl,
        /// How many bytes there are.
        size: u64,
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

impl Goal {
    /// The upload the caller named, if the goal is about one.
    pub(super) fn upload_url(&self) -> Option<&AbsoluteUrl> {
        match self {
            Goal::Resume { url, .. } | Goal::Inspect { url } | Goal::Terminate { url, .. } => Some(url),
            Goal::Upload { .. } | Goal::Discover { .. } => None,
        }
    }

    /// How many bytes the source has; 0 where no data is sent.
    pub(super) fn size(&self) -> u64 {
        match self {
            Goal::Upload { size, .. } | Goal::Resume { size, .. } => *size,
            Goal::Inspect { .. } | Goal::Terminate { .. } | Goal::Discover { .. } => 0,
        }
    }
}

/// Everything a session needs to begin. All of it is values: time and chance too.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What for.
    pub goal: Goal,
    /// The value of `Upload-Metadata` for a creation.
    pub metadata: Option<String>,
    /// What is known of the server already.
    pub capabilities: Option<Capabilities>,
    /// Whether to ask for capabilities that are not known.
    pub discover: bool,
    /// Whether small uploads may go with their creation, where the server offers that.
    pub upload_with_creation: bool,
    /// How many bytes a PATCH carries.
    pub chunk_size: ChunkSize,
    /// How many bytes before the present one the source can give again; `None` for all.
    pub replay_limit: Option<u64>,
    /// Where to stop; the upload is then not complete.
    pub stop_at: Option<u64>,
    /// How often and how long to try again.
    pub retry: RetryPolicy,
    /// When all must be over; no wait goes beyond it.
    pub deadline: Option<Instant>,
    /// The origins that may see the caller's headers (T-150).
    pub trusted: Vec<Origin>,
    /// PATCH and DELETE as POST with `X-HTTP-Method-Override` (T-009).
    pub override_method: bool,
    /// The seed of all chance in this session.
    pub seed: u64,
}

impl Plan {
    /// A plan with the defaults of everything but its goal; trusts the origin of the goal's URL.
    pub fn new(goal: Goal) -> Plan {
        let url = match &goal {
            Goal::Upload { endpoint, .. } | Goal::Discover { endpoint } => endpoint,
            Goal::Resume { url, .. } | Goal::Inspect { url } | Goal::Terminate { url, .. } => url,
        };
        let trusted = vec![url.origin().clone()];
        Plan {
            goal,
            metadata: None,
            capabilities: None,
            discover: true,
            upload_with_creation: true,
            chunk_size: ChunkSize::Auto,
            replay_limit: None,
            stop_at: None,
            retry: RetryPolicy::default(),
            deadline: None,
            trusted,
            override_method: false,
            seed: 0,
        }
    }
}
