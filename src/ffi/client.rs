//! `tus_client`: counted, used from any thread, and only in the process that made it.
//!
//! Every operation goes through [`Use`], which refuses a client from before a fork and a blocking call from inside a
//! callback of the same client.

use std::cell::Cell;
use std::ffi::c_char;
use std::process;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::calls::Calls;
use super::config::tus_config;
use super::convert::{clear, optional_text, put, text};
use super::error::{Failure, tus_error};
use super::guard::{guard_call, guard_value};
use super::handle::{CType, Kind, Shared, hold, let_go, share, state};
use super::status::tus_status;
use crate::engine::client::Client;
use crate::error::{Error, ErrorKind};
use crate::task::Tasks;

/// A client: settings, connections and what is known of the server, shared by all its operations.
/// Make one for each server and keep it.
///
/// A client must not be used in a child process after fork(): every call there fails with
/// TUS_E_FORKED. fork() followed by exec is fine, no descriptor of the library's is inherited.
///
/// Ownership: shared, counted; tus_client_new, tus_client_ref and tus_client_unref.
/// Threads: any number at once.
pub struct tus_client {
    _private: [u8; 0],
}

impl CType for tus_client {
    type State = ClientState;
    type Class = Shared;
    const KIND: Kind = Kind::Client;
}

/// What is behind a `tus_client`: the program's hold of it.
pub(super) struct ClientState(Arc<Inside>);

/// What all that works for a client has of it, the program's counts given back or not.
struct Inside {
    client: Client,
    tasks: Tasks,
    calls: Calls,
    home: Arc<Home>,
}

/// What tells one client from another. The engine has it too, to mark the threads that work for the
/// client: it keeps nothing else alive.
pub(super) struct Home {
    /// The process that made the client. Only tests change it.
    pub(super) process: AtomicU32,
}

impl Drop for ClientState {
    fn drop(&mut self) {
        // What the program has not fetched by now it cannot fetch any more.
        self.0.tasks.abandon();
    }
}

impl ClientState {
    /// Only for tests, which change the process.
    #[cfg(test)]
    pub(super) fn home(&self) -> &Home {
        &self.0.home
    }
}

impl Inside {
    /// Fails in any process but the one that made the client: connections and locks were shared with
    /// it by a fork.
    fn check_process(&self) -> Result<(), Failure> {
        let made_by = self.home.process.load(Ordering::Relaxed);
        if made_by == process::id() { Ok(()) } else { Err(Failure::forked(made_by)) }
    }
}

/// A client in use by an operation, or by an object that needs it.
#[derive(Clone)]
pub(super) struct Use(Arc<Inside>);

/// An operation that is running on this thread, and the one around it, if a callback of that one
/// started this one.
struct Running {
    home: *const Home,
    around: *const Running,
}

thread_local! {
    /// The innermost operation of this thread. Const and without a destructor, as in `guard`.
    static INNERMOST: Cell<*const Running> = const { Cell::new(ptr::null()) };
}

impl Use {
    /// Takes hold of the client, so that its last count may be given back while the operation runs.
    ///
    /// # Safety
    ///
    /// - `c` is NULL or a client of the caller's.
    pub(super) unsafe fn begin(c: *mut tus_client) -> Result<Use, Failure> {
        // SAFETY: the same condition.
        let client = Use(Arc::clone(&unsafe { state(c.cast_const(), "c") }?.0));
        client.check_process()?;
        Ok(client)
    }

    /// Fails in any process but the one that made the client.
    pub(super) fn check_process(&self) -> Result<(), Failure> {
        self.0.check_process()
    }

    /// The engine's client.
    pub(super) fn client(&self) -> &Client {
        &self.0.client
    }

    /// The client's tasks.
    pub(super) fn tasks(&self) -> &Tasks {
        &self.0.tasks
    }

    /// Whether this thread is inside an operation of the client: then a callback is calling.
    pub(super) fn is_inside(&self) -> bool {
        let mut running = INNERMOST.get();
        // SAFETY: what is set as innermost is on the stack of an `inside` of this thread that has not returned, and so
        // is each one around it.
        while let Some(outer) = unsafe { running.as_ref() } {
            if ptr::eq(outer.home, &raw const *self.0.home) {
                return true;
            }
            running = outer.around;
        }
        false
    }

    /// Fails inside an operation of the client: waiting there for what waits for the callback would
    /// never end.
    pub(super) fn check_outside(&self) -> Result<(), Failure> {
        match self.is_inside() {
            false => Ok(()),
            true => {
                let message = "a blocking call on a client from inside one of its own callbacks: \
                    make it after the callback has returned; its twin with _async, if it has one, may be called here";
                Err(Error::new(ErrorKind::Busy, message).into())
            }
        }
    }

    /// Runs a blocking operation.
    pub(super) fn run<T>(&self, operation: impl FnOnce(&Client) -> Result<T, Failure>) -> Result<T, Failure> {
        self.check_outside()?;
        let _call = self.0.calls.begin()?;
        inside(&self.0.home, || operation(&self.0.client))
    }

    /// Does what is no operation but may run the caller's functions, from wherever it is called.
    pub(super) fn run_anywhere<T>(&self, work: impl FnOnce() -> T) -> T {
        inside(&self.0.home, work)
    }

    /// Refuses what is to come, ends what is under way and waits for it: whether it is over within
    /// `timeout`.
    pub(super) fn close(&self, timeout: Option<Duration>) -> Result<bool, Failure> {
        self.check_outside()?;
        let begun = Instant::now();
        self.0.calls.close();
        self.0.client.close();
        let tasks = inside(&self.0.home, || self.0.tasks.close(timeout));
        let calls = self.0.calls.wait(timeout.map(|timeout| timeout.saturating_sub(begun.elapsed())));
        Ok(tasks && calls)
    }
}

/// Marks this thread as working for a client meanwhile.
fn inside<T>(home: &Arc<Home>, work: impl FnOnce() -> T) -> T {
    let around = INNERMOST.get();
    let this = Running { home: Arc::as_ptr(home), around };
    let _end = End(around);
    INNERMOST.set(&raw const this);
    work()
}

/// Puts the operation around this one back when dropped.
struct End(*const Running);

impl Drop for End {
    fn drop(&mut self) {
        INNERMOST.set(self.0);
    }
}

/// Makes a client. It reads certificate files and the proxy variables of the environment, and makes
/// no connection. The platform's certificates are read if https is to be expected (see
/// tus_config_set_tls_ca_file).
///
/// - `c`: the configuration, which is copied and may be changed or freed afterwards.
/// - `out`: receives the client; NULL on failure. May not be NULL.
/// - `err`: receives the details of a failure. May be NULL.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` or `out` is NULL or invalid, or a variable of the
/// environment names no usable proxy; the first failure of a setter of `c`, whatever it was;
/// TUS_E_INVALID_STATE if a setter panicked; TUS_E_TLS if a certificate file cannot be read or used,
/// if the endpoint is an https one and the platform has no certificates, or if it is a plain http
/// one where nothing may go over plain http (see tus_config_set_https_only); TUS_E_UNSUPPORTED if
/// certificates were set and tus_has_feature("tls") is 0.
/// Ownership: the caller holds one count and gives it back with tus_client_unref.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tus_client_new(
    c: *const tus_config,
    out: *mut *mut tus_client,
    err: *mut *mut tus_error,
) -> tus_status {
    // SAFETY: the caller's pointers, as the header asks for.
    unsafe {
        guard_call(err, || {
            clear(out);
            if out.is_null() {
                return Err(Error::invalid("out is NULL: there is no other way to get the client").into());
            }
            let mut config = state(c, "c")?.copy()?;
            let home = Arc::new(Home { process: AtomicU32::new(process::id()) });
            // Callbacks run on the engine's own threads too.
            let its_home = Arc::clone(&home);
            config.hooks_mut().around_thread = Some(Arc::new(move |work| inside(&its_home, work)));
            let tasks = Tasks::new(config.workers, config.dispatch, config.hooks_mut().around_thread.clone());
            let client = Client::new(config)?;
            put(out, share(ClientState(Arc::new(Inside { client, tasks, calls: Calls::default(), home }))));
            Ok(())
        })
    }
}

/// Takes one more count of a client, for another owner.
///
/// - `c`: the client.
///
/// Returns: `c`; NULL if `c` is NULL or invalid.
/// Ownership: each count is given back with tus_client_unref.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_client_ref(c: *mut tus_client) -> *mut tus_client {
    guard_value(ptr::null_mut(), || {
        // SAFETY: the caller's pointer, as the header asks for.
        match unsafe { hold(c.cast_const(), "c") } {
            Ok(held) => {
                // The count stays taken: it is the new owner's.
                std::mem::forget(held);
                c
            }
            Err(_) => ptr::null_mut(),
        }
    })
}

/// Gives one count back. The client ends with its last count; operations that are running, and tasks
/// that are not over, keep it alive until then (tus_client_close ends them). With
/// TUS_DISPATCH_QUEUE, functions that still wait for tus_client_dispatch are run by threads of the
/// library's from then on. Never blocks. In a child process after fork() it does nothing.
///
/// - `c`: the client, or NULL, which does nothing.
///
/// Ownership: the caller's count ends.
/// Threads: any. If this was the last count, destroy functions of the client's callbacks run before
/// this returns.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_client_unref(c: *mut tus_client) {
    guard_value((), || {
        // SAFETY: the caller's pointer, as the header asks for.
        let Ok(client) = (unsafe { let_go(c) }) else { return };
        if client.0.check_process().is_err() {
            // The connections are the parent's too: closing TLS here would end them there.
            std::mem::forget(client);
        }
    })
}

/// Changes a header of all requests from now on, those of running operations included: the way to
/// renew a token.
///
/// - `c`: the client.
/// - `name`: the header's name, as for tus_config_set_header.
/// - `value`: as for tus_config_set_header; NULL removes the header.
/// - `err`: receives the details of a failure. May be NULL.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` or `name` is NULL or invalid, the header is the
/// library's own, or the value cannot be sent; TUS_E_FORKED. On failure nothing is changed.
/// Ownership: the strings are copied.
/// Threads: any, also from inside a callback of the same client.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_client_set_header(
    c: *mut tus_client,
    name: *const c_char,
    value: *const c_char,
    err: *mut *mut tus_error,
) -> tus_status {
    // SAFETY: the caller's pointers, as the header asks for.
    unsafe {
        guard_call(err, || {
            let client = Use::begin(c)?;
            client.client().set_header(text(name, "name")?, optional_text(value, "value")?)?;
            Ok(())
        })
    }
}

/// Copies the present value of a header of the client's: as it was configured or last changed, Basic
/// authentication from the URL and new credentials (tus_config_set_credentials) included.
///
/// - `c`: the client.
/// - `name`: the header's name, in any case.
/// - `buf`: receives the value, followed by a NUL; may be NULL if `cap` is 0.
/// - `cap`: how many bytes `buf` has room for, the NUL included.
/// - `len`: receives the number of bytes of the value, the NUL not included: also if `cap` is too
///   small, so that 0 asks for it. May be NULL.
/// - `err`: receives the details of a failure. May be NULL.
///
/// Returns: TUS_OK; TUS_E_NOT_FOUND if the client has no such header; TUS_E_INVALID_ARGUMENT if `c`
/// or `name` is NULL or invalid, `buf` is NULL but `cap` is not 0, or `cap` is not 0 and too small;
/// TUS_E_FORKED. On failure `buf` is an empty string if it has room for one, and `*len` is 0 unless
/// `cap` was too small.
/// Ownership: the value is the caller's copy.
/// Threads: any, also from inside a callback of the same client.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_client_copy_header(
    c: *mut tus_client,
    name: *const c_char,
    buf: *mut c_char,
    cap: usize,
    len: *mut usize,
    err: *mut *mut tus_error,
) -> tus_status {
    // SAFETY: the caller's pointers, as the header asks for.
    unsafe {
        guard_call(err, || {
            put(len, 0);
            if cap > 0 {
                if buf.is_null() {
                    return Err(Error::invalid(format!("buf is NULL but its capacity is {cap}")).into());
                }
                put(buf, 0);
            }
            let client = Use::begin(c)?;
            let name = text(name, "name")?;
            let headers = client.client().headers();
            let Some((_, value)) = headers.iter().find(|(have, _)| have.eq_ignore_ascii_case(name)) else {
                return Err(Failure::not_found(format!("the client has no header {name}")));
            };
            put(len, value.len());
            if value.len() < cap {
                ptr::copy_nonoverlapping(value.as_ptr(), buf.cast(), value.len());
                put(buf.add(value.len()), 0);
            } else if cap > 0 {
                let message = format!("the value has {} bytes and a NUL, the buffer room for {cap}", value.len());
                return Err(Error::invalid(message).into());
            }
            Ok(())
        })
    }
}
