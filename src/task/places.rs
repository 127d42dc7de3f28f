//! The places of tasks that are being carried out, left during a pause.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::Lane;
use super::pool::{Pool, State};
use crate::cancel::Cancel;
use crate::engine::control::Place;

impl Pool {
    fn leave_place(self: &Arc<Self>, id: u64) {
        self.change(|state| {
            let Some(entry) = state.tasks.get_mut(&id) else { return };
            // A cancelled one may go on without.
            if entry.places > 0 {
                entry.places -= 1;
                let lane = entry.lane;
                state.lane(lane).taken -= 1;
            }
        });
    }

    fn take_place(self: &Arc<Self>, id: u64, cancel: &Cancel) {
        let Some(lane) = self.lock().begin_return(id) else { return };
        let look = || {
            let mut state = self.lock();
            if state.lane(lane).taken >= state.workers {
                return None;
            }
            state.lane(lane).taken += 1;
            state.lane(lane).returning -= 1;
            if let Some(entry) = state.tasks.get_mut(&id) {
                entry.places += 1;
            }
            Some(())
        };
        if self.places.wait(cancel, None, || ControlFlow::Continue(()), look).is_err() {
            self.change(|state| state.lane(lane).returning -= 1);
        }
    }
}

impl State {
    /// How many places are taken, and how many tasks wait for one after a pause.
    #[cfg(test)]
    pub(super) fn places_of(&self, lane: Lane) -> (usize, usize) {
        let lane = &self.lanes[lane as usize];
        (lane.taken, lane.returning)
    }

    fn begin_return(&mut self, id: u64) -> Option<Lane> {
        let lane = self.tasks.get(&id)?.lane;
        self.lane(lane).returning += 1;
        Some(lane)
    }
}

/// The place of a task that is being carried out.
pub(super) struct Seat {
    pool: Arc<Pool>,
    id: u64,
}

impl Seat {
    pub(super) fn new(pool: &Arc<Pool>, id: u64) -> Seat {
        Seat { pool: Arc::clone(pool), id }
    }
}

impl Place for Seat {
    fn leave(&self) {
        self.pool.leave_place(self.id);
    }

    fn take(&self, cancel: &Cancel) {
        self.pool.take_place(self.id, cancel);
    }
}
