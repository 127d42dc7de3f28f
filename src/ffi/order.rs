//! How a function whose name ends in `_async` begins its task.

use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::Arc;

use super::callback::{UserData, tus_destroy_fn};
use super::client::Use;
use super::convert::{clear, put};
use super::error::Failure;
use super::guard::{guard_value, guard_work, outside};
use super::handle::{Object, counted, hand_out, let_go};
use super::task::{Outcome, TaskObject, Value, tus_done_fn, tus_task};
use super::uploader::UploaderState;
use crate::engine::client::Client;
use crate::engine::options::UploadOptions;
use crate::engine::uploader::Uploader;
use crate::error::Error;
use crate::task::{Lane, Running, Submission, Task};

/// What such a function gets beside the arguments of its operation.
pub(super) struct Order {
    done: tus_done_fn,
    data: UserData,
    out: *mut *mut tus_task,
    unbegun: Option<Error>,
}

impl Order {
    /// Takes charge of the data: `destroy` runs whatever happens from here on.
    ///
    /// # Safety
    ///
    /// - `out` is NULL or points to memory for a pointer, for as long as this is there.
    pub(super) unsafe fn new(
        done: tus_done_fn,
        user_data: *mut c_void,
        destroy: tus_destroy_fn,
        out: *mut *mut tus_task,
    ) -> Order {
        let data = UserData::new(user_data, destroy);
        // SAFETY: the same condition.
        unsafe { clear(out) };
        Order { done, data, out, unbegun: None }
    }

    /// The task is to go on with an upload that is named by its URL or by a token.
    pub(super) fn of(mut self, client: &Use, url: Option<&str>, token: Option<&str>) -> Order {
        self.unbegun = client.client().cancelled_before_begun(url, token);
        self
    }

    /// Begins an upload.
    pub(super) fn upload(
        self,
        client: &Use,
        options: UploadOptions,
        work: impl FnOnce(&Client, &UploadOptions) -> Outcome + Send + 'static,
    ) -> Result<(), Failure> {
        self.with_options(client, Lane::Upload, options, work)
    }

    /// Begins to create an upload without sending data.
    pub(super) fn creation(
        self,
        client: &Use,
        options: UploadOptions,
        work: impl FnOnce(&Client, &UploadOptions) -> Outcome + Send + 'static,
    ) -> Result<(), Failure> {
        self.with_options(client, Lane::Request, options, work)
    }

    fn with_options(
        self,
        client: &Use,
        lane: Lane,
        mut options: UploadOptions,
        work: impl FnOnce(&Client, &UploadOptions) -> Outcome + Send + 'static,
    ) -> Result<(), Failure> {
        let named = options.upload_url.is_some() || options.resume_token.is_some();
        let order = match named {
            true => self.of(client, options.upload_url.as_deref(), options.resume_token.as_deref()),
            false => self,
        };
        order.submit(client, lane, options.priority, move |client, task| {
            options.progress = options.progress.take().map(|progress| task.deliver(progress));
            work(client, &options)
        })
    }

    /// Begins an operation that has neither data nor options.
    pub(super) fn request(
        self,
        client: &Use,
        work: impl FnOnce(&Client) -> Outcome + Send + 'static,
    ) -> Result<(), Failure> {
        self.submit(client, Lane::Request, 0, move |client, _| work(client))
    }

    /// Begins what an uploader sends.
    pub(super) fn send(
        self,
        uploader: Arc<UploaderState>,
        send: impl FnOnce(&mut Uploader) -> Result<Value, Error> + Send + 'static,
    ) -> Result<(), Failure> {
        let client = uploader.client().clone();
        client.check_process()?;
        let url = uploader.url();
        let order = self.of(&client, url.as_deref(), None);
        order.submit(&client, Lane::Upload, uploader.priority(), move |_, task| uploader.send_for(Some(task), send))
    }

    /// Begins any operation.
    pub(super) fn submit(
        self,
        client: &Use,
        lane: Lane,
        priority: i32,
        work: impl FnOnce(&Client, &Running<'_>) -> Outcome + Send + 'static,
    ) -> Result<(), Failure> {
        let Order { done, data, out, unbegun } = self;
        let object = counted(TaskObject::new(client.clone()));
        let notice = Notice { done, data, task: Arc::clone(&object) };
        let used = client.clone();
        let submission = Submission {
            lane,
            priority,
            work: Box::new(move |task| Ok(guard_work(|| work(&used.client().under(task.control), task)))),
            done: notice.is_wanted().then(|| Box::new(|task: &Task<Outcome>| notice.give(task)) as _),
            unbegun,
        };
        // Before `done` can run.
        // SAFETY: by the condition of `new`.
        let offer = unsafe { Offer::new(out, &object) };
        let task = client.tasks().submit(submission)?;
        object.is(&task);
        offer.keep();
        Ok(())
    }
}

/// What is to happen when a task is over. Dropped without that, it releases the data all the same.
struct Notice {
    done: tus_done_fn,
    data: UserData,
    task: Arc<Object<tus_task>>,
}

impl Notice {
    fn is_wanted(&self) -> bool {
        self.done.is_some() || self.data.is_released()
    }

    /// Calls the function and then releases its data.
    fn give(self, task: &Task<Outcome>) {
        self.task.is(task);
        // A panic of the function's is told by its own hook and ends here.
        guard_value((), || {
            if let Some(done) = self.done {
                let (data, task) = (self.data.pointer(), self.task.as_c().cast_mut());
                // SAFETY: the caller registered this function to be called with this data and a task.
                outside(|| unsafe { done(data, task) });
            }
        });
        guard_value((), || drop(self));
    }
}

/// A count for the caller, taken back unless it is to be kept.
struct Offer {
    out: *mut *mut tus_task,
    /// NULL if there is none to take back.
    task: *mut tus_task,
}

impl Offer {
    /// # Safety
    ///
    /// - `out` is NULL or points to memory for a pointer, for as long as this is there.
    unsafe fn new(out: *mut *mut tus_task, task: &Arc<Object<tus_task>>) -> Offer {
        let task = if out.is_null() { null_mut() } else { hand_out(Arc::clone(task)) };
        // SAFETY: the same condition.
        unsafe { put(out, task) };
        Offer { out, task }
    }

    fn keep(mut self) {
        self.task = null_mut();
    }
}

impl Drop for Offer {
    fn drop(&mut self) {
        if !self.task.is_null() {
            // SAFETY: by the condition of `new`; the count is the one made there: no task has begun, so nothing of the
            // caller's ran that could have given it back.
            unsafe {
                clear(self.out);
                drop(let_go(self.task));
            }
        }
    }
}
