//! Threads: how the library's own are started, and what a thread of the host's must not do while it is inside the library.

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::io;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::thread::{Builder, JoinHandle, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use super::signals::with_signals_blocked;

/// How often who waits for a thread's end looks.
const JOIN_LOOK: Duration = Duration::from_micros(200);

thread_local! {
    /// Whether the library has started this thread. Const and without a destructor: a thread of the host's that is asked
    /// carries nothing away.
    static OURS: Cell<bool> = const { Cell::new(false) };
}

/// Whether the library has started the present thread.
pub(crate) fn is_ours() -> bool {
    OURS.get()
}

/// Starts a thread of the library's. The signals that are meant for the host's process are left to the host's threads, and
/// it cannot be cancelled by a host that has learned its id inside a callback.
pub(crate) fn spawn<T: Send + 'static>(
    builder: Builder,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    with_signals_blocked(|| builder.spawn(|| run(work)))
}

/// The same for a thread that borrows from its starter.
pub(crate) fn spawn_scoped<'scope, T: Send + 'scope>(
    builder: Builder,
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> io::Result<ScopedJoinHandle<'scope, T>> {
    with_signals_blocked(|| builder.spawn_scoped(scope, || run(work)))
}

/// Waits until a thread has ended, but no longer than this: then it is left to end by itself. Whether it has.
pub(crate) fn join_within<T>(thread: JoinHandle<T>, patience: Duration) -> bool {
    let until = Instant::now() + patience;
    while !thread.is_finished() {
        if Instant::now() >= until {
            return false;
        }
        std::thread::sleep(JOIN_LOOK);
    }
    let _result = thread.join();
    true
}

fn run<T>(work: impl FnOnce() -> T) -> T {
    OURS.set(true);
    set_cancelable(CANCEL_DISABLE);
    work()
}

/// Holds off the cancellation of this thread (pthread_cancel) until it is dropped: it would unwind frames that cannot be
/// unwound, which aborts the process. What came meanwhile is acted upon by the host's next cancellation point.
#[derive(Debug)]
pub(crate) struct CancellationHeldOff {
    before: c_int,
}

impl CancellationHeldOff {
    pub(crate) fn new() -> CancellationHeldOff {
        CancellationHeldOff { before: set_cancelable(CANCEL_DISABLE) }
    }
}

impl Drop for CancellationHeldOff {
    fn drop(&mut self) {
        if self.before != CANCEL_DISABLE {
            set_cancelable(self.before);
        }
    }
}

/// Calls the host's code, which may end the thread it runs on (pthread_exit), as Python does when the interpreter ends
/// while its thread is in a callback. Ending it would unwind frames that cannot be unwound, which aborts the process. So
/// the thread is parked instead, for as long as the process lives, with everything it holds.
///
/// A panic of the host's code goes on its way, and C++ exceptions are not stopped here.
pub(crate) fn with_exit_parked<R>(hosts_code: impl FnOnce() -> R) -> R {
    let mut mark = MaybeUninit::uninit();
    let _restored = Handler::push(&mut mark, nothing);
    call_parked(hosts_code)
}

/// Not inlined, and with nothing of its own to be dropped: when a thread ends, the C library calls the handlers of a frame
/// after it has dropped what is in that frame, and before it drops what is in the frame above.
#[inline(never)]
fn call_parked<R>(hosts_code: impl FnOnce() -> R) -> R {
    let mut buffer = MaybeUninit::uninit();
    let handler = ManuallyDrop::new(Handler::push(&mut buffer, park));
    let result = hosts_code();
    // Not reached after a panic: the frame above takes off its mark and whatever lies on it.
    drop(ManuallyDrop::into_inner(handler));
    result
}

/// A handler that the C library calls when the thread ends, until this is dropped.
struct Handler<'a>(&'a mut MaybeUninit<CleanupBuffer>);

impl<'a> Handler<'a> {
    fn push(buffer: &'a mut MaybeUninit<CleanupBuffer>, routine: extern "C" fn(*mut c_void)) -> Handler<'a> {
        // SAFETY: the buffer has room for what glibc and musl keep in one. It is on the stack of a function that does not
        // return before it, or the mark below it, is taken off the thread's list again.
        unsafe { _pthread_cleanup_push(buffer.as_mut_ptr(), routine, std::ptr::null_mut()) };
        Handler(buffer)
    }
}

impl Drop for Handler<'_> {
    fn drop(&mut self) {
        // SAFETY: the buffer was pushed on this thread and is there. What was pushed after it goes off the list with it.
        unsafe { _pthread_cleanup_pop(self.0.as_mut_ptr(), 0) };
    }
}

extern "C" fn nothing(_: *mut c_void) {}

extern "C" fn park(_: *mut c_void) {
    loop {
        // SAFETY: `pause` takes nothing and touches no memory.
        unsafe { libc::pause() };
    }
}

/// `struct _pthread_cleanup_buffer` of glibc, `struct __ptcb` of musl: function, argument, what else is kept.
#[repr(C)]
struct CleanupBuffer([*mut c_void; 4]);

/// The number is the same in glibc and musl.
const CANCEL_DISABLE: c_int = 1;

/// Returns what it was before.
fn set_cancelable(state: c_int) -> c_int {
    let mut before = 0;
    // SAFETY: the state is one that the function knows, or one that it has returned; `before` is room for one.
    match unsafe { pthread_setcancelstate(state, &mut before) } {
        0 => before,
        _ => CANCEL_DISABLE,
    }
}

// The crate libc does not declare them. glibc and musl export them: they are what the macros of pthread.h stand for.
unsafe extern "C" {
    fn pthread_setcancelstate(state: c_int, before: *mut c_int) -> c_int;
    fn _pthread_cleanup_push(buffer: *mut CleanupBuffer, routine: extern "C" fn(*mut c_void), argument: *mut c_void);
    fn _pthread_cleanup_pop(buffer: *mut CleanupBuffer, execute: c_int);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_of_the_library_are_known() {
        assert!(!is_ours());
        assert!(spawn(Builder::new(), is_ours).unwrap().join().unwrap());
        let scoped = std::thread::scope(|scope| spawn_scoped(Builder::new(), scope, is_ours).unwrap().join().unwrap());
        assert!(scoped);
        let named = Builder::new().name("tus-of-the-host".to_owned());
        assert!(!named.spawn(is_ours).unwrap().join().unwrap());
    }

    #[test]
    fn cancellation_is_held_off_and_let_in_again() {
        const CANCEL_ENABLE: c_int = 0;
        let outer = CancellationHeldOff::new();
        assert_eq!(outer.before, CANCEL_ENABLE);
        let inner = CancellationHeldOff::new();
        assert_eq!(inner.before, CANCEL_DISABLE);
        drop(inner);
        assert_eq!(set_cancelable(CANCEL_DISABLE), CANCEL_DISABLE);
        drop(outer);
        assert_eq!(set_cancelable(CANCEL_ENABLE), CANCEL_ENABLE);
        assert_eq!(spawn(Builder::new(), || set_cancelable(CANCEL_DISABLE)).unwrap().join().unwrap(), CANCEL_DISABLE);
    }

    #[test]
    fn a_call_that_returns_or_panics_leaves_no_handler() {
        let thread = std::thread::spawn(|| {
            assert_eq!(with_exit_parked(|| with_exit_parked(|| 5)), 5);
            std::panic::catch_unwind(|| with_exit_parked(|| with_exit_parked(|| panic!("of the host's")))).unwrap_err();
            let mut buffer = MaybeUninit::uninit();
            drop(Handler::push(&mut buffer, nothing));
            // SAFETY: the push has filled it; the word with the handler below is the last of glibc's.
            let below = unsafe { buffer.assume_init_ref() }.0[3];
            assert!(cfg!(not(target_env = "gnu")) || below.is_null());
        });
        thread.join().unwrap();
    }
}
