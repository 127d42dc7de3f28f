//! The platform: descriptors, polling, sockets, `sendfile`, page-aligned memory, signals and threads.
//!
//! Everything below the transport that needs `unsafe` or a system call std does not offer, each behind a safe
//! function. It knows neither HTTP nor this library's errors: it returns [`std::io::Error`]. Linux is
//! the one platform so far; another one replaces the files here and nothing else.

#![allow(unsafe_code)]

pub(crate) mod attributes;
pub(crate) mod pages;
pub(crate) mod poll;
pub(crate) mod sendfile;
pub(crate) mod signals;
pub(crate) mod socket;
pub(crate) mod thread;
pub(crate) mod wake;

/// The result of a system call that answers -1 for a failure.
fn checked(result: libc::c_int) -> std::io::Result<libc::c_int> {
    if result < 0 { Err(std::io::Error::last_os_error()) } else { Ok(result) }
}

/// The result of a system call that answers a byte count, or -1 for a failure.
fn counted(result: libc::ssize_t) -> std::io::Result<usize> {
    usize::try_from(result).map_err(|_| std::io::Error::last_os_error())
}
