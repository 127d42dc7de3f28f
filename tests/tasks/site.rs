//! A client, its tasks, and waiting for things to be so.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tus::engine::client::Client;
use tus::engine::config::Config;
use tus::engine::hooks::OnProgress;
use tus::engine::info::UploadInfo;
use tus::engine::options::UploadOptions;
use tus::error::{Error, ErrorKind};
use tus::source::{ReadError, Reader, Source};
use tus::task::{Dispatch, Done, Lane, Running, Submission, Task, Tasks};
use tus_test_server::{Request, Server};

/// What does not happen within this never will.
pub(crate) const LOST: Duration = Duration::from_secs(30);
/// A pause or a cancel is obeyed by then.
pub(crate) const PROMISED: Duration = Duration::from_millis(50);

pub(crate) type Upload = Task<UploadInfo>;

/// A client and its tasks, closed in the end.
pub(crate) struct Site {
    pub(crate) client: Client,
    pub(crate) tasks: Tasks,
}

impl Site {
    pub(crate) fn new(config: Config, workers: u32) -> Site {
        Site::with(config, workers, Dispatch::Worker)
    }

    pub(crate) fn with(config: Config, workers: u32, dispatch: Dispatch) -> Site {
        Site { client: Client::new(config).unwrap(), tasks: Tasks::start(workers, dispatch) }
    }

    /// Uploads a source beside.
    pub(crate) fn upload(&self, source: Source, options: &UploadOptions) -> Upload {
        self.submit(source, options, None, None)
    }

    /// The same with a function that is called at the end.
    pub(crate) fn upload_then(&self, source: Source, done: impl FnOnce(&Upload) + Send + 'static) -> Upload {
        self.submit(source, &UploadOptions::new(), None, Some(Box::new(done)))
    }

    /// The same with a function that is told the progress, and one that is called at the end.
    pub(crate) fn upload_telling(
        &self,
        source: Source,
        progress: OnProgress,
        done: impl FnOnce(&Upload) + Send + 'static,
    ) -> Upload {
        self.submit(source, &UploadOptions::new(), Some(progress), Some(Box::new(done)))
    }

    fn submit(
        &self,
        mut source: Source,
        options: &UploadOptions,
        progress: Option<OnProgress>,
        done: Option<Done<UploadInfo>>,
    ) -> Upload {
        let (client, mut options) = (self.client.clone(), options.clone());
        let work = Box::new(move |running: &Running<'_>| {
            options.set_progress(progress.map(|progress| running.deliver(progress)));
            client.under(running.control).upload(&mut source, &options)
        });
        self.tasks.submit(Submission { lane: Lane::Upload, priority: 0, work, done, unbegun: None }).unwrap()
    }

    /// Sends the rest of an upload beside.
    pub(crate) fn resume(&self, mut source: Source, url: &str) -> Upload {
        let (client, url) = (self.client.clone(), url.to_owned());
        let work = Box::new(move |running: &Running<'_>| {
            client.under(running.control).resume_upload(&mut source, &url, &UploadOptions::new())
        });
        self.tasks.submit(Submission { lane: Lane::Upload, priority: 0, work, done: None, unbegun: None }).unwrap()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(self.tasks.close(Some(LOST)), "something does not end");
        }
    }
}

/// Waits until a task is over: how it ended.
#[track_caller]
pub(crate) fn outcome(task: &Upload) -> Result<UploadInfo, Error> {
    assert!(task.wait(Some(LOST)), "it is never over");
    task.result(|result| match result {
        Ok(info) => Ok(info.clone()),
        Err(error) => Err(error.clone()),
    })
    .expect("a result")
}

#[track_caller]
pub(crate) fn cancelled(task: &Upload) -> Error {
    let error = outcome(task).expect_err("it was cancelled");
    assert_eq!(error.kind(), ErrorKind::Cancelled, "{error:?}");
    error
}

/// Waits until something is so.
#[track_caller]
pub(crate) fn until(what: &str, so: impl Fn() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < LOST, "never: {what}");
        std::thread::sleep(Duration::from_micros(500));
    }
}

/// Waits until the server's log says something.
#[track_caller]
pub(crate) fn until_logged(server: &Server, so: impl Fn(&[Request]) -> bool) {
    assert!(server.wait_for(so, LOST), "{:#?}", crate::fixture::lines(server));
}

/// How many bytes of data the server has read so far.
pub(crate) fn arrived(server: &Server) -> u64 {
    server.requests().iter().map(|request| request.body_len).sum()
}

/// Nothing that is counted grows any more once a pause or cancel has been obeyed. A machine that is busy may need
/// longer than is promised to get there, so there are several chances: but if it goes on, it goes on in each.
#[track_caller]
pub(crate) fn stands_still(count: impl Fn() -> u64) {
    for chance in 1..=5 {
        std::thread::sleep(PROMISED);
        let before = count();
        std::thread::sleep(Duration::from_millis(150));
        let after = count();
        if before == after {
            return;
        }
        assert!(chance < 5, "it goes on: {before}, {after}");
    }
}

/// A reader that gives some bytes every few milliseconds, so that an upload takes its time whatever the buffers hold.
pub(crate) struct Trickle {
    bytes: Arc<[u8]>,
    at: usize,
    piece: usize,
    pause: Duration,
    /// How often it was read.
    pub(crate) reads: Arc<AtomicUsize>,
}

impl Trickle {
    pub(crate) fn new(bytes: &[u8], piece: usize, pause: Duration) -> Trickle {
        Trickle { bytes: bytes.into(), at: 0, piece, pause, reads: Arc::default() }
    }

    pub(crate) fn source(self) -> Source {
        let size = self.bytes.len() as u64;
        Source::reader(self, Some(size))
    }
}

impl Reader for Trickle {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        std::thread::sleep(self.pause);
        let count = buffer.len().min(self.piece).min(self.bytes.len() - self.at);
        buffer[..count].copy_from_slice(&self.bytes[self.at..self.at + count]);
        self.at += count;
        self.reads.fetch_add(1, Ordering::SeqCst);
        Ok(count)
    }

    fn seek(&mut self, offset: u64) -> Result<(), ReadError> {
        self.at = offset as usize;
        Ok(())
    }

    fn can_seek(&self) -> bool {
        true
    }
}
