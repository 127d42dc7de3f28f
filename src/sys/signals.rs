//! Signals we must not let loose on the host.

use std::io;
use std::mem::MaybeUninit;

/// A set with the one signal SIGPIPE.
fn sigpipe() -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: `sigemptyset` initialises the whole set; `sigaddset` then gets an initialised one.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), libc::SIGPIPE);
        set.assume_init()
    }
}

/// Changes this thread's mask and returns the one before.
fn mask(how: libc::c_int, set: &libc::sigset_t) -> Option<libc::sigset_t> {
    let mut before = MaybeUninit::uninit();
    // SAFETY: `set` is initialised, `before` is room for one set, and the kernel fills it when it answers 0.
    unsafe {
        if libc::pthread_sigmask(how, set, before.as_mut_ptr()) != 0 {
            return None;
        }
        Some(before.assume_init())
    }
}

/// Runs one system call that would raise SIGPIPE in this thread, and takes the signal away if it did.
///
/// Handlers and dispositions of the host stay untouched. `call` must not run foreign code: SIGPIPE is blocked
/// meanwhile.
pub(crate) fn without_sigpipe<T>(call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let set = sigpipe();
    let mut pending = MaybeUninit::uninit();
    // A SIGPIPE that was waiting before is the host's and stays waiting.
    // SAFETY: `pending` is room for one set, filled when 0 is answered; `sigismember` gets an initialised set.
    let foreign = unsafe {
        libc::sigpending(pending.as_mut_ptr()) == 0 && libc::sigismember(pending.as_ptr(), libc::SIGPIPE) == 1
    };
    let before = mask(libc::SIG_BLOCK, &set);
    let result = call();
    if !foreign && result.as_ref().is_err_and(|error| error.raw_os_error() == Some(libc::EPIPE)) {
        let none = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: both structures are initialised and live; a null `info` is allowed.
        unsafe { libc::sigtimedwait(&set, std::ptr::null_mut(), &none) };
    }
    if let Some(before) = before {
        mask(libc::SIG_SETMASK, &before);
    }
    result
}

/// Runs `start` with every signal blocked, so that a thread it starts inherits that: the host's handlers must run on
/// the host's threads.
pub(crate) fn with_signals_blocked<T>(start: impl FnOnce() -> T) -> T {
    let mut all = MaybeUninit::uninit();
    // SAFETY: `sigfillset` initialises the whole set.
    let all = unsafe {
        libc::sigfillset(all.as_mut_ptr());
        all.assume_init()
    };
    let before = mask(libc::SIG_BLOCK, &all);
    let result = start();
    if let Some(before) = before {
        mask(libc::SIG_SETMASK, &before);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::{FromRawFd, OwnedFd};
    use std::os::unix::process::ExitStatusExt;

    /// Writing to a pipe nobody reads, with the default disposition: kills the process unless it is guarded. Runs
    /// in a child process because the test's own runtime ignores SIGPIPE.
    #[test]
    fn a_broken_pipe_does_not_kill() {
        const CHILD: &str = "LIBTUS_TEST_SIGPIPE_CHILD";
        if std::env::var_os(CHILD).is_none() {
            let status = std::process::Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "sys::signals::tests::a_broken_pipe_does_not_kill"])
                .env(CHILD, "1")
                .stdout(std::process::Stdio::null())
                .status()
                .unwrap();
            assert_eq!(status.signal(), None);
            assert!(status.success());
            return;
        }
        let mut ends = [0; 2];
        // SAFETY: `signal` with SIG_DFL touches no memory; `pipe` fills two integers; each end is then owned once.
        let (reader, writer) = unsafe {
            libc::signal(libc::SIGPIPE, libc::SIG_DFL);
            assert_eq!(libc::pipe(ends.as_mut_ptr()), 0);
            (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1]))
        };
        drop(reader);
        for _ in 0..2 {
            let error = without_sigpipe(|| write_one_byte(&writer)).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EPIPE));
        }
    }

    fn write_one_byte(fd: &OwnedFd) -> io::Result<usize> {
        use std::os::fd::AsRawFd;
        // SAFETY: one readable byte and an owned descriptor.
        super::super::counted(unsafe { libc::write(fd.as_raw_fd(), b"x".as_ptr().cast(), 1) })
    }
}
