//! The states between two tries: the caller is asked, then time passes.

use crate::error::Error;
use crate::protocol::instant::Instant;

use super::State;
use super::event::{Question, WaitReason};

/// Awaits other credentials.
#[derive(Debug, Clone)]
pub(super) struct Authenticating {
    /// The server's refusal.
    pub(super) error: Error,
    pub(super) then: Box<State>,
}

/// Awaits the caller's word on a retry.
#[derive(Debug, Clone)]
pub(super) struct Deciding {
    pub(super) question: Question,
    pub(super) then: Box<State>,
}

/// Awaits a point in time.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    pub(super) until: Instant,
    pub(super) why: WaitReason,
    pub(super) then: Box<State>,
}
