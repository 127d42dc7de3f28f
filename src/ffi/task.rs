//! `tus_task`: an operation that runs beside the program, its result, and how it is steered.

use std::ffi::{c_char, c_int, c_void};
use std::mem::replace;
use std::ptr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::client::Use;
use super::convert::{put, truth, wait_limit};
use super::error::{Failure, lend_error, status_of, tus_error};
use super::guard::{guard_status, guard_told, guard_value};
use super::handle::{CType, Kind, Object, Shared, hold, let_go, state};
use super::hooks::{fill_progress, tus_progress};
use super::kept::Kept;
use super::status::{tus_status, tus_status_code};
use super::uploader::UploaderState;
use crate::engine::info::{PreviousUpload, ServerInfo, UploadInfo};
use crate::error::{Error, ErrorKind};
use crate::task::{Task, TaskState};

/// An operation that runs on a thread of the library's while the program goes on: what a function
/// whose name ends in _async gives. It goes on without the program's counts of it, of its client and
/// of what it works on, so all of them may be given back in any order.
///
/// Ownership: shared, counted; tus_task_ref and tus_task_unref. What its getters lend is valid until
/// its last count is given back.
/// Threads: any number at once. In a child process after fork() nothing can be done with it:
/// TUS_E_FORKED where a status is returned, elsewhere the value for an invalid task.
pub struct tus_task {
    _private: [u8; 0],
}

impl CType for tus_task {
    type State = TaskObject;
    type Class = Shared;
    const KIND: Kind = Kind::Task;
}

/// Called once when a task is over, also if it failed or was cancelled before it began; never before
/// the call that began the task has written its result, nor inside it.
///
/// - `user_data`: as registered.
/// - `task`: the task, which has its result; borrowed, valid until the function returns unless
///   tus_task_ref is called.
///
/// It may begin other operations, which is no blocking call, and take the task's results; blocking
/// calls on the same client and tus_client_close are TUS_E_BUSY, in the destroy of `user_data` too.
/// Where both run is said by tus_config_set_dispatch: there a destroy without a `done` waits for
/// tus_client_dispatch as well. No lock of the library's is held meanwhile.
pub type tus_done_fn = Option<unsafe extern "C-unwind" fn(user_data: *mut c_void, task: *mut tus_task)>;

/// The states, as the header has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum tus_task_state_code {
    TUS_TASK_QUEUED = 0,
    TUS_TASK_RUNNING = 1,
    TUS_TASK_PAUSED = 2,
    TUS_TASK_DONE = 3,
}

/// What an operation gives.
pub(super) enum Value {
    /// Nothing, or what there was has been taken.
    Nothing,
    Info(Box<UploadInfo>),
    Metadata(Box<UploadInfo>),
    ServerInfo(Box<ServerInfo>),
    Previous(Vec<PreviousUpload>),
    Uploader(Arc<UploaderState>),
    More(bool),
    Pruned(u64),
}

impl Value {
    pub(super) fn info(info: UploadInfo) -> Value {
        Value::Info(Box::new(info))
    }
}

/// How an operation ends, unless the pool ends it.
pub(super) type Outcome = Result<Value, Failure>;

/// What is behind a `tus_task`.
pub(super) struct TaskObject {
    /// Set a moment after the object is made, and before anything of the program's for it runs.
    task: OnceLock<Task<Outcome>>,
    ended: OnceLock<Ended>,
    urls: Mutex<Kept>,
    client: Use,
}

/// How it ended, ready for C.
struct Ended {
    status: tus_status_code,
    error: Option<Object<tus_error>>,
}

impl Ended {
    fn of(result: &crate::error::Result<Outcome>) -> Ended {
        let (status, error) = match result {
            Ok(Ok(_)) => return Ended { status: tus_status_code::TUS_OK, error: None },
            Ok(Err(failure)) => (failure.status(), failure.lend()),
            Err(error) => (status_of(error.kind()), lend_error(error)),
        };
        Ended { status, error: Some(error) }
    }
}

impl TaskObject {
    pub(super) fn new(client: Use) -> Self {
        TaskObject { task: OnceLock::new(), ended: OnceLock::new(), urls: Mutex::default(), client }
    }

    /// Says which task it is; more than one may.
    pub(super) fn is(&self, task: &Task<Outcome>) {
        let _ = self.task.set(task.clone());
    }

    /// The task, in the process that began it.
    fn task(&self) -> Result<&Task<Outcome>, Failure> {
        self.client.check_process()?;
        // A hook of the operation may call before the call that began it has returned.
        Ok(self.task.wait())
    }

    /// How it ended; `None` if it has not.
    fn ended(&self) -> Result<Option<&Ended>, Failure> {
        let task = self.task()?;
        if self.ended.get().is_none()
            && let Some(ended) = task.result(|result| Ended::of(result))
        {
            // If another thread was faster, its object is the one that is lent.
            let _ = self.ended.set(ended);
        }
        Ok(self.ended.get())
    }
}

impl Drop for TaskObject {
    fn drop(&mut self) {
        // What was not taken ends here, though the thread that made it may still hold on to the task for a moment.
        if let Some(task) = self.task.get() {
            drop(task.result(|result| replace(result, Ok(Ok(Value::Nothing)))));
        }
    }
}

/// The task behind a pointer, in the process that began it.
///
/// # Safety
///
/// - `t` is NULL or a task that the caller has a count of for `'a`.
pub(super) unsafe fn task_of<'a>(t: *const tus_task) -> Result<&'a Task<Outcome>, Failure> {
    // SAFETY: the same condition.
    unsafe { state(t, "t") }?.task()
}

/// Takes a value out of a task's result, if it is one that `which` wants; `None` if not.
///
/// # Safety
///
/// - as for [`task_of`].
pub(super) unsafe fn take<T>(t: *mut tus_task, which: impl FnOnce(Value) -> Result<T, Value>) -> Option<T> {
    // SAFETY: the same condition.
    let task = unsafe { task_of(t.cast_const()) }.ok()?;
    let taken = task.result(|result| {
        let Ok(Ok(value)) = result else { return None };
        match which(replace(value, Value::Nothing)) {
            Ok(wanted) => Some(wanted),
            Err(other) => {
                *value = other;
                None
            }
        }
    });
    taken.flatten()
}

/// Waits until a task is over: with TUS_DISPATCH_WORKER until its `done` and the destroy of that
/// have returned, with TUS_DISPATCH_QUEUE until there is a result (`done` waits for
/// tus_client_dispatch).
///
/// - `t`: the task.
/// - `timeout_ms`: how long, in milliseconds; TUS_WAIT_FOREVER, or anything negative: however long;
///   0: not at all, only look.
///
/// Inside its own `done` a task is over already: TUS_OK. Then tus_task_result says how the operation
/// ended, and tus_task_take_info or its like gives what it gave; examples-c/async_wait.c is a whole
/// program.
///
/// Returns: TUS_OK if it is over, however it ended (tus_task_result); TUS_E_TIMEOUT if not;
/// TUS_E_BUSY if it is not over, `timeout_ms` is not 0 and this is inside a callback of the same
/// client; TUS_E_INVALID_ARGUMENT if `t` is NULL or invalid; TUS_E_FORKED.
/// Threads: any; blocks.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_task_wait(t: *mut tus_task, timeout_ms: i64) -> tus_status {
    guard_status(|| {
        // SAFETY: the caller's pointer, as the header asks for.
        let object = unsafe { hold(t.cast_const(), "t") }?;
        let task = object.task()?;
        // A thread that waits may have to run what it waits for.
        let over = |limit| object.client.run_anywhere(|| task.wait(limit));
        if !over(Some(Duration::ZERO)) {
            if timeout_ms != 0 {
                object.client.check_outside()?;
            }
            if !over(wait_limit(timeout_ms)) {
                return Err(Failure::timed_out("the task is not over yet: wait again, or cancel it"));
            }
        }
        Ok(())
    })
}

/// How far a task is. One that waits for its place again after a pause is running.
///
/// - `t`: the task.
///
/// Returns: a value of enum tus_task_state_code; TUS_E_INVALID_ARGUMENT if `t` is NULL or invalid,
/// TUS_E_FORKED, both of which are negative.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_task_state(t: *const tus_task) -> i32 {
    guard_value(tus_status_code::TUS_E_PANIC.code(), || {
        // SAFETY: the caller's pointer, as the header asks for.
        unsafe { task_of(t) }.map_or_else(|failure| failure.status().code(), |task| number(task.state()))
    })
}

fn number(state: TaskState) -> i32 {
    let code = match state {
        TaskState::Queued => tus_task_state_code::TUS_TASK_QUEUED,
        TaskState::Running => tus_task_state_code::TUS_TASK_RUNNING,
        TaskState::Paused => tus_task_state_code::TUS_TASK_PAUSED,
        TaskState::Done => tus_task_state_code::TUS_TASK_DONE,
    };
    code as i32
}

/// Whether a task has its result. Its `done` may still be running, or to be run.
///
/// - `t`: the task.
///
/// Returns: 1 if so, always inside its `done`; 0 if not, or if `t` is NULL or invalid.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_task_is_done(t: *const tus_task) -> c_int {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(0, || unsafe { task_of(t) }.map_or(0, |task| truth(task.is_done())))
}

/// How the operation of a task ended. To be asked any number of times.
///
/// - `t`: the task.
/// - `err`: receives the details of the operation's failure; NULL if it succeeded, is not over, or
///   the task is invalid. May be NULL. Unlike other errors this one is not to be freed.
///
/// Returns: the status that the blocking function of this name would have returned; TUS_E_CANCELLED
/// after tus_task_cancel; TUS_E_BUSY while there is no result (tus_task_is_done tells it from an
/// operation that ended so); TUS_E_INVALID_ARGUMENT if `t` is NULL or invalid; TUS_E_FORKED.
/// Ownership: the error is borrowed; valid until the last count of the task is given back.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_task_result(t: *const tus_task, err: *mut *const tus_error) -> tus_status {
    guard_told(|| {
        // SAFETY: the caller's pointers, as the header asks for.
        unsafe {
            put(err, ptr::null());
            let Some(ended) = state(t, "t")?.ended()? else {
                let message = "the task is not over: wait for it (tus_task_wait), or be called when it is (`done`)";
                return Err(Error::new(ErrorKind::Busy, message).into());
            };
            put(err, ended.error.as_ref().map_or(ptr::null(), Object::as_c));
            Ok(ended.status)
        }
    })
}

/// Tells how far the upload of a task is, as its progress function is told.
///
/// - `t`: the task.
/// - `p`: the record to fill; set its `struct_size` first. Before the upload has begun, and for an
///   operation without data, nothing is sent or acknowledged and the total is unknown.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if an argument is NULL or invalid, or `struct_size` is
/// smaller than the first record of this name was or absurdly large; TUS_E_FORKED.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_task_get_progress(t: *const tus_task, p: *mut tus_progress) -> tus_status {
    guard_status(|| {
        // SAFETY: the caller's pointers, as the header asks for.
        unsafe { fill_progress(p, &task_of(t)?.control().progress().unwrap_or_default()) }?;
        Ok(())
    })
}

/// The upload that a task works on, to be kept for tus_client_resume_upload. It is the full URL;
/// some servers let whoever knows it write to the upload, so treat it as a secret.
///
/// - `t`: the task.
///
/// Returns: the absolute URL; NULL while it is not known, if the task has no upload or it was
/// removed, or if `t` is NULL or invalid. An upload in parts has none before the parts are put
/// together.
/// Ownership: borrowed; valid until the last count of the task is given back.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_task_upload_url(t: *const tus_task) -> *const c_char {
    guard_value(ptr::null(), || {
        // SAFETY: the caller's pointer, as the header asks for.
        let Ok(object) = (unsafe { state(t, "t") }) else { return ptr::null() };
        let Ok(task) = object.task() else { return ptr::null() };
        let Some(url) = task.control().upload_url() else { return ptr::null() };
        object.urls.lock().unwrap_or_else(PoisonError::into_inner).keep(url.as_str()).as_ptr()
    })
}

/// Ends a task within 50 ms, whatever it waits for, or before it begins: its status is
/// TUS_E_CANCELLED, and `done` is called as always. An upload stays on the server and can be
/// resumed. Only a function of the program's that does not return (a reader's `read`) is waited for.
/// Does not wait itself, and does nothing to a task that is done.
///
/// - `t`: the task, or NULL, which does nothing.
///
/// Threads: any, any number of times; also from inside callbacks.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_task_cancel(t: *mut tus_task) {
    guard_value((), || {
        // SAFETY: the caller's pointer, as the header asks for.
        if let Ok(task) = unsafe { task_of(t.cast_const()) } {
            task.cancel();
        }
    })
}

/// Ends a task as tus_task_cancel does, and has the server remove the upload (T-110), its parts too,
/// before the task is over. It is removed if the task's error (TUS_E_CANCELLED) has neither an
/// upload URL nor a resume token; else its message says why it stays. An upload that is complete
/// already is not removed. A task that had not begun ends at once and removes nothing: if it was to
/// go on with an upload (by URL, token or uploader), its error names that one, for
/// tus_client_delete_upload.
///
/// Data is sent no more within 50 ms, but the removal takes its time: a creation that is under way
/// is let finish, since only its answer names what is to be removed, and a lock that the ended
/// request still has is waited for (tus_config_set_lock_budget_ms); a server that does not answer is
/// tried again (tus_config_set_retry). A tus_task_cancel after it ends the attempt.
///
/// - `t`: the task, or NULL, which does nothing.
///
/// Threads: any, any number of times; also from inside callbacks.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_task_cancel_and_delete(t: *mut tus_task) {
    guard_value((), || {
        // SAFETY: the caller's pointer, as the header asks for.
        if let Ok(task) = unsafe { task_of(t.cast_const()) } {
            task.cancel_and_delete();
        }
    })
}

/// Has an upload stand still within 50 ms, its place left to another (tus_config_set_workers) and
/// its memory too (tus_config_set_memory_limit), until tus_task_resume. What the server has
/// acknowledged stays. A request without data is let finish, and so is a creation, with its data if
/// it carries any (at most 512 KiB). While a reader, a pipe or a tus_writer has nothing to give, the
/// place is kept. Time limits for the whole operation do not run meanwhile. A task that waits for
/// its place does not begin. A task that nobody resumes stays until tus_client_close or
/// tus_task_cancel.
///
/// - `t`: the task, or NULL, which does nothing.
///
/// Threads: any, any number of times; also from inside callbacks.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_task_pause(t: *mut tus_task) {
    guard_value((), || {
        // SAFETY: the caller's pointer, as the header asks for.
        if let Ok(task) = unsafe { task_of(t.cast_const()) } {
            task.pause();
        }
    })
}

/// Lets a task go on after tus_task_pause, as soon as there is a place for it, from where the server
/// says that the upload is.
///
/// - `t`: the task, or NULL, which does nothing.
///
/// Threads: any, any number of times; also from inside callbacks.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_task_resume(t: *mut tus_task) {
    guard_value((), || {
        // SAFETY: the caller's pointer, as the header asks for.
        if let Ok(task) = unsafe { task_of(t.cast_const()) } {
            task.resume();
        }
    })
}

/// Changes which of several tasks that wait begins first (tus_upload_options_set_priority). It means
/// nothing to a task that has begun.
///
/// - `t`: the task, or NULL, which does nothing.
/// - `priority`: larger goes first.
///
/// Threads: any; also from inside callbacks.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_task_set_priority(t: *mut tus_task, priority: i32) {
    guard_value((), || {
        // SAFETY: the caller's pointer, as the header asks for.
        if let Ok(task) = unsafe { task_of(t.cast_const()) } {
            task.set_priority(priority);
        }
    })
}

/// Takes one more count of a task, for another owner, or to keep what `done` has got.
///
/// - `t`: the task.
///
/// Returns: `t`; NULL if `t` is NULL or invalid.
/// Ownership: each count is given back with tus_task_unref.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_task_ref(t: *mut tus_task) -> *mut tus_task {
    guard_value(ptr::null_mut(), || {
        // SAFETY: the caller's pointer, as the header asks for.
        match unsafe { hold(t.cast_const(), "t") } {
            Ok(held) => {
                // The count stays taken: it is the new owner's.
                std::mem::forget(held);
                t
            }
            Err(_) => ptr::null_mut(),
        }
    })
}

/// Gives one count of a task back. It does not cancel: a task that nobody has a count of goes on to
/// its end, `done` included. A result that was not taken ends with the last count. Never blocks. In
/// a child process after fork() it does nothing.
///
/// - `t`: the task, or NULL, which does nothing.
///
/// Ownership: the caller's count ends.
/// Threads: any; also from inside callbacks, the task's own `done` included. If this was the last
/// that held the client, destroy functions of the client's callbacks run before this returns.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_task_unref(t: *mut tus_task) {
    guard_value((), || {
        // SAFETY: the caller's pointer, as the header asks for.
        let Ok(task) = (unsafe { let_go(t) }) else { return };
        if task.client.check_process().is_err() {
            // What it holds of the client is the parent's too.
            std::mem::forget(task);
        }
    })
}
