//! An upload on the server, and what this session has seen of its offset.

use crate::error::Error;
use crate::protocol::checksum::Policy;
use crate::protocol::offset::Proven;
use crate::protocol::url::AbsoluteUrl;

use super::core::Core;
use super::event::Notice;

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
    /// The highest offset that data can have led to whose fate no answer has told.
    pub(super) unsettled: u64,
    /// Found, not created here: a request of an earlier process may still commit (T-030).
    pub(super) found: bool,
    /// What is there of the source beyond this is not known to be of it unless this session has sent it.
    pub(super) proven: u64,
    /// The length the server knows; `None` while it is deferred.
    pub(super) length: Option<u64>,
    /// The tus server itself refused the request with the last byte: what a HEAD that finds all bytes there means then
    /// (T-153).
    pub(super) unconfirmed: Option<Error>,
}

impl Remote {
    /// An upload this session has just created.
    pub(super) fn created(url: AbsoluteUrl, length: Option<u64>) -> Remote {
        Remote { url, best: 0, reachable: 0, unsettled: 0, found: false, proven: u64::MAX, length, unconfirmed: None }
    }

    /// An upload found with its offset.
    pub(super) fn found(url: AbsoluteUrl, at: Proven, length: Option<u64>) -> Remote {
        Remote {
            url,
            best: at.get(),
            reachable: at.get(),
            unsettled: 0,
            found: true,
            proven: u64::MAX,
            length,
            unconfirmed: None,
        }
    }

    /// Whether this session made it and the server has never acknowledged a byte.
    pub(super) fn is_untouched(&self) -> bool {
        !self.found && self.best == 0
    }

    /// The server has proved `at` after a request from `from` on; whether that is more than ever before (T-034).
    pub(super) fn acknowledged(&mut self, core: &mut Core, at: Proven, from: Proven) -> bool {
        let grown = at.get() > self.best;
        if grown {
            self.best = at.get();
            core.progressed();
        }
        if at > from {
            if core.plan.checksum.policy != Policy::Off {
                core.notices.push(Notice::Checked(core.checksums.acknowledged(at.get())));
            }
            core.notices.push(Notice::Acknowledged(at.get()));
            core.watch_expiry(at.get());
        }
        grown
    }

    /// Whether an offset that HEAD tells after `doubt` may stand on bytes of an earlier run that are not proven. A 409
    /// says that none of those just sent are among them.
    pub(super) fn is_foreign(&self, at: Proven, doubt: Doubt) -> bool {
        let conflict = matches!(doubt, Doubt::Failed { status: 409, .. });
        at.get() > self.proven.max(if conflict { self.best } else { self.reachable })
    }

    /// Bytes from `at` on have, perhaps, reached the server.
    pub(super) fn sent(&mut self, at: Proven, bytes: u64) {
        let end = at.get().saturating_add(bytes);
        self.reachable = self.reachable.max(end);
        self.unsettled = self.unsettled.max(end);
    }

    /// Whether data beyond `at` may have arrived unseen: the upload may be finished then, and servers refuse a PATCH to
    /// that.
    pub(super) fn is_in_doubt(&self, at: Proven) -> bool {
        self.unsettled > at.get()
    }
}

/// Why it has to be asked where an upload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// A request with `length` bytes broke: all of them may be lost.
    Broken { length: u64 },
    /// It was answered with a failure; `length` is 0 where that says nothing about what was sent.
    Failed { status: u16, length: u64 },
    /// It was answered with success, but not believably (T-025, T-026): finding no progress is a failed try.
    Unbelievable {
        /// It was not a tus server that answered: another try may find one.
        foreign: bool,
    },
    /// The server has not said yet how much of a creation's data it took (T-062).
    Unsaid,
}
