//! Awaits a look ahead in a source of unknown size: whether it ends with the next chunk.
//!
//! The last PATCH of a deferred upload is to carry `Upload-Length` (T-071, T-072), so it must be known to be the last
//! one before its head goes out.

use crate::error::{Error, ErrorKind};
use crate::protocol::offset::Proven;
use crate::protocol::url::AbsoluteUrl;

use super::core::Core;
use super::event::Notice;
use super::remote::Remote;
use super::transfer::Transfer;
use super::{Finished, State, misuse};

#[derive(Debug, Clone)]
pub(super) struct Look {
    pub(super) start: u64,
    pub(super) length: u64,
    then: Then,
}

/// What the look is for.
#[derive(Debug, Clone)]
enum Then {
    /// To begin: a source that ends within its first chunk is an upload of known size like any other.
    Begin(AbsoluteUrl),
    /// To send the next chunk.
    Send { remote: Remote, at: Proven },
}

impl Look {
    /// Before anything is created at `endpoint`.
    pub(super) fn first(core: &Core, endpoint: AbsoluteUrl) -> State {
        let stop = core.plan.stop_at.unwrap_or(u64::MAX);
        State::Look(Look { start: 0, length: core.sizer.next(stop), then: Then::Begin(endpoint) })
    }

    /// Before the next chunk, of at most `length` bytes.
    pub(super) fn next(remote: Remote, at: Proven, length: u64) -> State {
        State::Look(Look { start: at.get(), length, then: Then::Send { remote, at } })
    }

    /// The same for a chunk that is as large as chunks are to be now.
    pub(super) fn again(self, core: &Core) -> State {
        let left = core.plan.stop_at.unwrap_or(u64::MAX).saturating_sub(self.start);
        State::Look(Look { length: core.sizer.next(left), ..self })
    }

    pub(super) fn upload_url(&self) -> Option<&AbsoluteUrl> {
        match &self.then {
            Then::Begin(_) => None,
            Then::Send { remote, .. } => Some(&remote.url),
        }
    }

    pub(super) fn told(self, core: &mut Core, available: u64, end: bool) -> State {
        if available > self.length || (!end && available != self.length) {
            return Finished::error(misuse());
        }
        let so_far = self.start.saturating_add(available);
        let size = if end { Some(so_far) } else { None };
        if let Some(error) = self.too_large(core, so_far, end).or_else(|| self.differs(so_far, end)) {
            return Finished::error(error);
        }
        if let Some(size) = size {
            core.size = Some(size);
            core.reads_ahead = false;
            core.notices.push(Notice::Size(size));
        }
        match self.then {
            Then::Begin(endpoint) => {
                core.looked_ahead = available;
                State::begin(core, endpoint)
            }
            Then::Send { remote, at } if end => Transfer::go_on(core, remote, at),
            Then::Send { remote, at } => Transfer::patch(core, remote, at, available),
        }
    }

    /// T-008, T-074: what is there already is more than the server takes.
    fn too_large(&self, core: &Core, so_far: u64, end: bool) -> Option<Error> {
        let max = core.capabilities.as_ref().and_then(|known| known.max_size)?;
        let beyond = so_far > max || (!end && so_far == max);
        beyond.then(|| {
            Error::new(ErrorKind::TooLarge, format!("the source has more than the {max} bytes the server takes"))
        })
    }

    /// The upload on the server has a length already, and the source turns out to have another.
    fn differs(&self, so_far: u64, end: bool) -> Option<Error> {
        let Then::Send { remote, .. } = &self.then else { return None };
        let length = remote.length?;
        let what = if end && so_far != length {
            format!("the upload on the server has {length} bytes, the source has {so_far}")
        } else if !end && so_far >= length {
            format!("the upload on the server has {length} bytes, the source has more")
        } else {
            return None;
        };
        Some(Error::new(ErrorKind::SourceChanged, what))
    }
}
