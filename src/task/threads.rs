//! The threads that carry tasks out: started when there is something to do, ended when there has been nothing for a
//! while. Each one that ends is joined, by the next one that does or by who closes the client, so that none is left
//! running behind anybody's back.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle, ThreadId};
use std::time::Instant;

use super::panics::quietly;
use super::pool::{Errand, Pool, State};
use crate::sys::thread::{is_ours, spawn};

/// The threads of one pool.
#[derive(Default)]
pub(super) struct Threads {
    /// Those that have not ended.
    alive: HashMap<ThreadId, JoinHandle<()>>,
    /// Those that have nothing to do any more but to end.
    ended: Vec<JoinHandle<()>>,
    /// How many look for something to do, or do something.
    serving: usize,
    /// How many of those do something.
    busy: usize,
}

impl Threads {
    /// How many wait for something to do, or are about to.
    pub(super) fn free(&self) -> usize {
        self.serving - self.busy
    }

    /// One of the free ones has taken something.
    pub(super) fn engage(&mut self) {
        self.busy += 1;
    }

    pub(super) fn release(&mut self) {
        self.busy -= 1;
    }

    pub(super) fn serve_nobody(&self) -> bool {
        self.serving == 0
    }

    pub(super) fn are_gone(&self) -> bool {
        self.alive.is_empty()
    }

    pub(super) fn include_this(&self) -> bool {
        // On a thread of the caller's, `thread::current` would make a handle that lasts as long as the thread.
        is_ours() && self.alive.contains_key(&thread::current().id())
    }

    /// Those that can be joined without waiting.
    pub(super) fn take_ended(&mut self) -> Vec<JoinHandle<()>> {
        std::mem::take(&mut self.ended)
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.alive.len()
    }

    /// Starts one more. It is free until it has taken something.
    pub(super) fn start(pool: &Arc<Pool>, state: &mut State) -> io::Result<()> {
        #[cfg(test)]
        if pool.without_threads.load(std::sync::atomic::Ordering::SeqCst) {
            return Err(io::Error::from_raw_os_error(libc::EAGAIN));
        }
        let its_pool = Arc::clone(pool);
        let builder = thread::Builder::new().name("tus-task".to_owned());
        let thread = spawn(builder, move || live(&its_pool))?;
        state.threads.alive.insert(thread.thread().id(), thread);
        state.threads.serving += 1;
        Ok(())
    }
}

/// What a thread does.
fn live(pool: &Arc<Pool>) {
    match &pool.around_thread {
        Some(around) => around(&mut || serve(pool)),
        None => serve(pool),
    }
    let earlier = {
        let mut state = pool.lock();
        let earlier = state.threads.take_ended();
        let this = state.threads.alive.remove(&thread::current().id());
        state.threads.ended.extend(this);
        pool.quieter.tell_all();
        earlier
    };
    for thread in earlier {
        let _ = thread.join();
    }
}

/// Does what there is to do, until there has been nothing for a while.
fn serve(pool: &Arc<Pool>) {
    let mut state = pool.lock();
    let mut idle_since = Instant::now();
    loop {
        if let Some(errand) = pool.next_errand(&mut state) {
            let delivers = matches!(errand, Errand::Deliver(_));
            // For what else there is, now that this thread is not free.
            let leftover = pool.staff(&mut state);
            drop(state);
            leftover.end();
            quietly(|| errand.run());
            state = pool.lock();
            if delivers {
                state.events.delivering -= 1;
                state.threads.release();
            }
            idle_since = Instant::now();
            continue;
        }
        let left = pool.idle.saturating_sub(idle_since.elapsed());
        if left.is_zero() || state.is_finished() {
            state.threads.serving -= 1;
            return;
        }
        state = pool.errands.wait_timeout(state, left);
    }
}

impl Errand {
    fn run(self) {
        match self {
            Errand::Run(job) => job.run(),
            Errand::Deliver(delivery) => {
                delivery.run();
            }
        }
    }
}
