//! Functions of the caller's: those that do not return, and a caller who never asks for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tus::source::Source;
use tus::task::{Dispatch, TaskState};
use tus_test_server::Server;

use crate::fixture::*;
use crate::site::*;

/// Something a function of the caller's does not come past until it is opened.
#[derive(Clone, Default)]
struct Barrier(Arc<(AtomicBool, AtomicUsize)>);

impl Barrier {
    fn wait(&self) {
        self.0.1.fetch_add(1, Ordering::SeqCst);
        until("it is opened", || self.0.0.load(Ordering::SeqCst));
    }
    fn open(&self) {
        self.0.0.store(true, Ordering::SeqCst);
    }
    /// How many have come.
    fn comers(&self) -> usize {
        self.0.1.load(Ordering::SeqCst)
    }
}

fn site(server: &Server, dispatch: Dispatch) -> Site {
    Site::with(config_to(&server.endpoint()), 2, dispatch)
}

#[test]
fn a_done_that_blocks_holds_up_no_other_upload_and_close_says_so() {
    let (server, bytes) = (server(), noise(2000, 360));
    let site = site(&server, Dispatch::Worker);
    let barrier = Barrier::default();
    let inside = barrier.clone();
    let task = site.upload_then(Source::memory(bytes.clone()), move |task| {
        // There is a result by now.
        assert!(task.is_done() && task.state() == TaskState::Done);
        inside.wait();
    });
    until("done has been called", || barrier.comers() == 1);
    assert!(!task.wait(Some(Duration::from_millis(20))), "it is over only once done has returned");
    for _ in 0..10 {
        assert_stored(&server, &outcome(&site.upload(Source::memory(bytes.clone()), &options())).unwrap(), &bytes);
    }
    assert!(!site.tasks.close(Some(Duration::from_millis(50))));
    assert!(!site.tasks.close(Some(Duration::ZERO)));
    barrier.open();
    assert!(site.tasks.close(Some(LOST)) && site.tasks.close(None));
    assert_stored(&server, &outcome(&task).unwrap(), &bytes);
}

#[test]
fn a_progress_that_blocks_holds_up_its_own_upload_alone() {
    let (server, bytes) = (server(), noise(5000, 361));
    let site = site(&server, Dispatch::Worker);
    let barrier = Barrier::default();
    let inside = barrier.clone();
    let called = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&called);
    let progress = Arc::new(move |_: &_| {
        if count.fetch_add(1, Ordering::SeqCst) == 2 {
            inside.wait();
        }
        Ok(())
    });
    let dones = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&dones);
    let task = site.upload_telling(Source::memory(bytes.clone()), progress, move |_| {
        count.fetch_add(1, Ordering::SeqCst);
    });
    until("progress has been called", || barrier.comers() == 1);
    for _ in 0..10 {
        outcome(&site.upload(Source::memory(bytes.clone()), &options())).unwrap();
    }
    let began = Instant::now();
    assert!(!site.tasks.close(Some(Duration::from_millis(50))));
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(dones.load(Ordering::SeqCst), 0);
    barrier.open();
    assert!(site.tasks.close(Some(LOST)));
    cancelled(&task);
    assert_eq!(dones.load(Ordering::SeqCst), 1);
}

/// Nobody ever dispatches: all is uploaded, and what waits to be called does not grow with the time it took.
#[test]
fn a_caller_who_never_dispatches() {
    const COUNT: usize = 200;
    let (server, bytes) = (server(), noise(20_000, 362));
    let site = site(&server, Dispatch::Queue);
    let (told, dones) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let tasks: Vec<_> = (0..COUNT)
        .map(|_| {
            let (told, dones) = (Arc::clone(&told), Arc::clone(&dones));
            let progress = Arc::new(move |_: &_| {
                told.fetch_add(1, Ordering::SeqCst);
                Ok(())
            });
            site.upload_telling(Source::memory(bytes.clone()), progress, move |task| {
                assert!(task.is_done());
                dones.fetch_add(1, Ordering::SeqCst);
            })
        })
        .collect();
    for task in &tasks {
        assert_stored(&server, &outcome(task).unwrap(), &bytes);
    }
    assert_eq!((told.load(Ordering::SeqCst), dones.load(Ordering::SeqCst)), (0, 0), "nobody has dispatched");
    assert!(crate::many::readable(&site.tasks), "there is something to be dispatched");
    assert!(site.tasks.close(Some(LOST)), "closing calls what is left");
    assert_eq!(dones.load(Ordering::SeqCst), COUNT);
    // Each has twenty chunks; of what nobody fetched only the newest waits.
    let told = told.load(Ordering::SeqCst);
    assert!((1..=COUNT).contains(&told), "{told} for {COUNT}");
    assert_eq!(site.tasks.dispatch(0), 0);
}

/// What nobody closes goes all the same: the functions are freed with the rest, uncalled or not.
#[test]
fn everything_can_be_dropped_undispatched() {
    let (server, bytes) = (server(), noise(20_000, 363));
    let freed = Arc::new(());
    let site = site(&server, Dispatch::Queue);
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let (one, two) = (Arc::clone(&freed), Arc::clone(&freed));
            let progress = Arc::new(move |_: &_| {
                let _held = &one;
                Ok(())
            });
            site.upload_telling(Source::memory(bytes.clone()), progress, move |_| drop(two))
        })
        .collect();
    tasks.iter().take(10).for_each(|task| drop(outcome(task).unwrap()));
    drop(tasks);
    drop(site);
    until("all functions are freed", || Arc::strong_count(&freed) == 1);
}

#[test]
fn dispatching_calls_so_many_and_in_this_thread() {
    let (server, bytes) = (server(), noise(100, 364));
    let site = site(&server, Dispatch::Queue);
    let here = std::thread::current().id();
    let dones = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..6)
        .map(|_| {
            let dones = Arc::clone(&dones);
            site.upload_then(Source::memory(bytes.clone()), move |_| {
                assert_eq!(std::thread::current().id(), here);
                dones.fetch_add(1, Ordering::SeqCst);
            })
        })
        .collect();
    tasks.iter().for_each(|task| drop(outcome(task).unwrap()));
    until("all wait to be dispatched", || crate::many::readable(&site.tasks));
    assert_eq!((site.tasks.dispatch(2), dones.load(Ordering::SeqCst)), (2, 2));
    let mut called = 2;
    until("the rest", || crate::many::readable(&site.tasks));
    while called < 6 {
        called += site.tasks.dispatch(0);
    }
    assert_eq!((called, dones.load(Ordering::SeqCst)), (6, 6));
    assert!(!crate::many::readable(&site.tasks), "nothing is left");
}

/// The code that progress returns ends the upload, in either way to be called.
#[test]
fn a_progress_that_says_stop() {
    for dispatch in [Dispatch::Worker, Dispatch::Queue] {
        let (server, bytes) = (server(), noise(400_000, 365));
        let site = site(&server, dispatch);
        let source = Trickle::new(&bytes, 1000, Duration::from_millis(2)).source();
        let progress = Arc::new(|progress: &tus::engine::hooks::Progress| match progress.confirmed {
            0..20_000 => Ok(()),
            _ => Err(7),
        });
        let task = site.upload_telling(source, progress, |_| ());
        while !task.wait(Some(Duration::from_millis(5))) {
            site.tasks.dispatch(0);
        }
        let error = outcome(&task).unwrap_err();
        assert_eq!(error.kind(), tus::error::ErrorKind::Callback(7), "{dispatch:?} {error:?}");
        assert!(error.upload_url().is_some());
    }
}
