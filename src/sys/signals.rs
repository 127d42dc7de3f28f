//! Signals we must not let loose on the host.

use std::io;
use std::mem::MaybeUninit;

/// A set with these signals.
fn set_of(signals: &[libc::c_int]) -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: `sigemptyset` initialises the whole set; `sigaddset` then gets an initialised one.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for signal in signals {
            libc::sigaddset(set.as_mut_ptr(), *signal);
        }
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
    let set = set_of(&[libc::SIGPIPE]);
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

/// What a terminal, a parent or a timer of the host's sends to the process: any thread that does not block it may get it,
/// and the host expects it on one of its own.
///
/// All others stay as they are. The synchronous ones (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS) must
/// reach the handler of the host's that knows how to go on; language runtimes stop threads, preempt and profile with
/// SIGPWR, SIGXCPU, SIGURG, SIGPROF, SIGVTALRM, SIGUSR1, SIGUSR2 and the real-time ones, on every thread that runs their
/// code, and callbacks run it on ours.
const OF_THE_PROCESS: [libc::c_int; 11] = [
    libc::SIGHUP,
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGTERM,
    libc::SIGALRM,
    libc::SIGCHLD,
    libc::SIGPIPE,
    libc::SIGWINCH,
    libc::SIGTSTP,
    libc::SIGTTIN,
    libc::SIGTTOU,
];

/// Runs `start` with the signals of the process blocked, so that a thread it starts inherits that.
pub(super) fn with_signals_blocked<T>(start: impl FnOnce() -> T) -> T {
    let before = mask(libc::SIG_BLOCK, &set_of(&OF_THE_PROCESS));
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
    fn a_thread_that_is_started_blocks_the_signals_of_the_process_and_no_other() {
        let blocked = with_signals_blocked(|| std::thread::spawn(|| mask(libc::SIG_BLOCK, &set_of(&[])).unwrap()));
        let blocked = blocked.join().unwrap();
        let here = mask(libc::SIG_BLOCK, &set_of(&[])).unwrap();
        for signal in 1..=libc::SIGRTMAX() {
            // SAFETY: both sets are initialised.
            let (there, here) = unsafe { (libc::sigismember(&blocked, signal), libc::sigismember(&here, signal)) };
            let wanted = if OF_THE_PROCESS.contains(&signal) { 1 } else { here };
            assert_eq!(there, wanted, "signal {signal}");
        }
    }

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
