//! A flag that a `poll` can wait for.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// An eventfd: once raised it stays readable for every poll that includes it, until it is lowered.
///
/// An eventfd and not a pipe, because writing to a pipe without readers raises SIGPIPE in the host's process.
#[derive(Debug)]
pub(crate) struct Wake(OwnedFd);

impl Wake {
    /// A new one, not raised; closed on exec.
    pub(crate) fn new() -> io::Result<Wake> {
        // SAFETY: eventfd takes two integers and touches no memory of ours.
        let fd = super::checked(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
        // SAFETY: `fd` was just returned by the kernel and nobody else knows it, so we are its only owner.
        Ok(Wake(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Wakes every present and future poll.
    pub(crate) fn raise(&self) {
        let one = 1u64.to_ne_bytes();
        // The only failure possible is EAGAIN when the counter is full, and then it is raised already.
        // SAFETY: `one` is eight readable bytes for the length of the call and the descriptor is owned by `self`.
        let _ = unsafe { libc::write(self.0.as_raw_fd(), one.as_ptr().cast(), one.len()) };
    }

    /// Takes back all that was raised before.
    pub(crate) fn lower(&self) {
        let mut count = [0; 8];
        // The only failure possible is EAGAIN when it is not raised, and then it is as it should be.
        // SAFETY: `count` is eight writable bytes for the length of the call and the descriptor is owned by `self`.
        let _ = unsafe { libc::read(self.0.as_raw_fd(), count.as_mut_ptr().cast(), count.len()) };
    }
}

impl AsFd for Wake {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::super::poll::{Entry, poll};
    use super::*;
    use std::time::Duration;

    #[test]
    fn stays_raised_until_it_is_lowered() {
        let wake = Wake::new().unwrap();
        assert_eq!(poll(&mut [Entry::readable(wake.as_fd())], Some(Duration::ZERO)).unwrap(), 0);
        wake.raise();
        wake.raise();
        for _ in 0..2 {
            let mut entries = [Entry::readable(wake.as_fd())];
            assert_eq!(poll(&mut entries, None).unwrap(), 1);
            assert!(entries[0].is_readable());
        }
        for _ in 0..2 {
            wake.lower();
            assert_eq!(poll(&mut [Entry::readable(wake.as_fd())], Some(Duration::ZERO)).unwrap(), 0);
        }
        wake.raise();
        assert_eq!(poll(&mut [Entry::readable(wake.as_fd())], None).unwrap(), 1);
    }
}
