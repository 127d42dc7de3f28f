//! Waiting for descriptors.

use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

/// One descriptor to wait for, and afterwards what it is ready for.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Entry<'fd> {
    raw: libc::pollfd,
    descriptor: PhantomData<BorrowedFd<'fd>>,
}

impl<'fd> Entry<'fd> {
    /// An entry the kernel skips.
    pub(crate) const IGNORED: Entry<'static> =
        Entry { raw: libc::pollfd { fd: -1, events: 0, revents: 0 }, descriptor: PhantomData };

    fn new(fd: BorrowedFd<'fd>, events: libc::c_short) -> Self {
        Entry { raw: libc::pollfd { fd: fd.as_raw_fd(), events, revents: 0 }, descriptor: PhantomData }
    }

    /// Wait until it can be read (or has ended or failed, which a read will tell).
    pub(crate) fn readable(fd: BorrowedFd<'fd>) -> Self {
        Self::new(fd, libc::POLLIN)
    }

    /// Wait until it can be written (or has failed, which a write will tell).
    pub(crate) fn writable(fd: BorrowedFd<'fd>) -> Self {
        Self::new(fd, libc::POLLOUT)
    }

    /// Wait for either.
    pub(crate) fn either(fd: BorrowedFd<'fd>) -> Self {
        Self::new(fd, libc::POLLIN | libc::POLLOUT)
    }

    /// Whether a read would not block.
    pub(crate) fn is_readable(&self) -> bool {
        self.raw.revents & (libc::POLLIN | libc::POLLHUP | libc::POLLERR | libc::POLLNVAL) != 0
    }

    /// Takes over what a poll found out about the same descriptor in another entry.
    pub(crate) fn take_result(&mut self, polled: &Entry<'_>) {
        self.raw.revents = polled.raw.revents;
    }

    /// Whether anything is to be done about it.
    pub(crate) fn is_ready(&self) -> bool {
        self.raw.revents != 0
    }
}

/// Waits until at least one of the entries is ready or `timeout` has passed; returns how many are ready.
///
/// A signal ends the wait early with 0, so that the caller looks at its flags and clocks again.
pub(crate) fn poll(entries: &mut [Entry<'_>], timeout: Option<Duration>) -> io::Result<usize> {
    // Rounded up: waking a moment before the time would only mean waiting once more.
    let millis = match timeout {
        None => -1,
        Some(time) => i32::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX),
    };
    // SAFETY: `Entry` is a transparent wrapper of `pollfd`, so the slice is that many valid, writable pollfds; the
    // descriptors are borrowed for as long as the entries live.
    let result = unsafe { libc::poll(entries.as_mut_ptr().cast(), entries.len() as libc::nfds_t, millis) };
    match super::checked(result) {
        Ok(ready) => Ok(ready as usize),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {
            entries.iter_mut().for_each(|entry| entry.raw.revents = 0);
            Ok(0)
        }
        Err(error) => Err(error),
    }
}
