//! Deliveries, and who makes them.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::sync::Arc;

use super::Dispatch;
use super::events::Delivery;
use super::mark::Mark;
use super::pool::{Leftover, Pool, State};
use crate::sys::wake::Wake;

impl Pool {
    pub(super) fn push(self: &Arc<Self>, delivery: Delivery) -> Leftover {
        let mut state = self.lock();
        state.events.push(delivery);
        if state.events.len() == 1 {
            self.quieter.tell_all();
            if self.dispatch == Dispatch::Queue
                && let Some(wake) = self.wake.get()
            {
                wake.raise();
            }
        }
        self.staff(&mut state)
    }

    pub(super) fn pop(&self, state: &mut State) -> Option<Delivery> {
        let delivery = state.events.pop();
        if let Some(wake) = self.wake.get()
            && state.events.is_empty()
        {
            wake.lower();
        }
        delivery
    }

    pub(super) fn event_handle(&self) -> io::Result<BorrowedFd<'_>> {
        if let Some(wake) = self.wake.get() {
            return Ok(wake.as_fd());
        }
        // With the lock, so that what waits already and what comes now are both seen.
        let state = self.lock();
        let new = Wake::new()?;
        let wake = self.wake.get_or_init(|| new);
        if self.dispatch == Dispatch::Queue && !state.events.is_empty() {
            wake.raise();
        }
        Ok(wake.as_fd())
    }

    pub(super) fn dispatch(self: &Arc<Self>, max: usize) -> usize {
        if self.dispatch == Dispatch::Worker {
            return 0;
        }
        let mut state = self.lock();
        if state.events.dispatcher.is_some() {
            return 0;
        }
        state.events.dispatcher = Some(Mark::of_this_thread());
        // What comes while these run waits for the next time.
        let there = state.events.len();
        let mut ran = 0;
        for _ in 0..there {
            if max > 0 && ran == max {
                break;
            }
            let Some(delivery) = self.pop(&mut state) else { break };
            drop(state);
            ran += usize::from(self.deliver_here(delivery));
            state = self.lock();
        }
        state.events.dispatcher = None;
        // What is left may be for threads of the pool by now.
        let leftover = self.staff(&mut state);
        drop(state);
        leftover.end();
        self.quieter.tell_all();
        ran
    }

    /// Makes deliveries on this thread if no thread of the pool can be had for them. For those that wait for them.
    pub(super) fn help_out(self: &Arc<Self>) {
        loop {
            let mut state = self.lock();
            let leftover = self.staff(&mut state);
            let mut delivery = None;
            if leftover.no_thread.is_some() && state.may_deliver(self.dispatch) {
                state.events.delivering += 1;
                state.events.helpers.push(Mark::of_this_thread());
                delivery = self.pop(&mut state);
            }
            drop(state);
            leftover.end();
            let Some(delivery) = delivery else { return };
            self.deliver_here(delivery);
            let mut state = self.lock();
            state.events.delivering -= 1;
            let this = state.events.helpers.iter().position(|helper| *helper == Mark::of_this_thread());
            this.map(|this| state.events.helpers.swap_remove(this));
            self.quieter.tell_all();
        }
    }

    /// Makes a delivery on a thread of the caller's, which works for the client meanwhile.
    fn deliver_here(&self, delivery: Delivery) -> bool {
        let mut delivery = Some(delivery);
        let mut ran = false;
        let mut run = || ran = delivery.take().is_some_and(Delivery::run);
        match &self.around_thread {
            Some(around) => around(&mut run),
            None => run(),
        }
        ran
    }
}
