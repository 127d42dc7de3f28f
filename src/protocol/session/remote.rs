//! An upload on the server, and what this session has seen of its offset.

use crate::protocol::offset::Proven;
use crate::protocol::url::AbsoluteUrl;

/// An upload that exists.
#[derive(Debug, Clone)]
pub(super) struct Remote {
    /// Where it is.
    pub(super) url: AbsoluteUrl,
    /// The highest offset the server has proved: only beyond it there is progress (T-034).
    pub(super) best: u64,
    /// The highest offset anything sent can have led to. A server that claims more has bytes that are not ours
    /// (T-025), or lies.
    pub(super) reachable: u64,
}

impl Remote {
    /// An upload this session has just created.
    pub(super) fn created(url: AbsoluteUrl) -> Remote {
        Remote { url, best: 0, reachable: 0 }
    }

    /// An upload found with its offset.
    pub(super) fn found(url: AbsoluteUrl, at: Proven) -> Remote {
        Remote { url, best: at.get(), reachable: at.get() }
    }

    /// Bytes from `at` on have, perhaps, reached the server.
    pub(super) fn sent(&mut self, at: Proven, bytes: u64) {
        self.reachable = self.reachable.max(at.get().saturating_add(bytes));
    }
}
