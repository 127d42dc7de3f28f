//! What an operation is steered by from outside, and seen through: cancel, pause, progress.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::budget::Reserved;
use super::hooks::Progress;
use super::meter::Gauge;
use crate::bell::Bell;
use crate::cancel::Cancel;
use crate::protocol::url::AbsoluteUrl;

/// Steers one operation, from any thread: hand it to [`super::client::Client::under`]. Clones are the same control.
///
/// ```
/// # use tus::engine::{client::Client, config::Config, control::Control, options::UploadOptions};
/// # use tus::error::ErrorKind;
/// # use tus::source::Source;
/// # let server = tus_test_server::Server::start(tus_test_server::Options::default())?;
/// # let mut config = Config::new();
/// # config.set_url(&server.endpoint())?;
/// # let client = Client::new(config)?;
/// let control = Control::new();
/// let elsewhere = control.clone();
/// std::thread::spawn(move || elsewhere.cancel()).join().unwrap();
///
/// let ended = client.under(&control).upload(&mut Source::memory("hello"), &UploadOptions::new());
/// assert_eq!(ended.unwrap_err().kind(), ErrorKind::Cancelled);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct Control(Arc<Shared>);

#[derive(Default)]
struct Shared {
    cancel: Cancel,
    /// Raised by a plain cancel only: ends what a wish to have the upload removed lets go on.
    plain: Cancel,
    /// Ends what is still done after a cancel.
    removal: Cancel,
    state: Mutex<State>,
    changed: Bell,
}

#[derive(Default)]
struct State {
    paused: bool,
    /// The place was left for a pause.
    away: bool,
    /// Since when.
    since: Option<Instant>,
    /// How long the pauses before took altogether.
    stood: Duration,
    /// Somebody is taking the place again.
    returning: bool,
    remove: bool,
    /// Raised by the next pause: the parent of all requests that a pause may end.
    pausing: Cancel,
    view: View,
    url: Option<AbsoluteUrl>,
    place: Option<Arc<dyn Place>>,
    /// What is reserved for it, and given to others during a pause.
    memory: Weak<Reserved>,
}

/// How the operation's progress can be seen.
#[derive(Default)]
enum View {
    /// It has not begun.
    #[default]
    Nothing,
    Live(Arc<Gauge>),
    Last(Progress),
}

/// The place of an operation among those that may run at once.
pub(crate) trait Place: Send + Sync {
    /// The operation stands still: another may run.
    fn leave(&self);
    /// It goes on as soon as there is room, or at once when `cancel` is raised.
    fn take(&self, cancel: &Cancel);
}

impl Control {
    /// A control of an operation to come.
    pub fn new() -> Control {
        Control::default()
    }

    /// Ends the operation within 50 ms, whatever it waits for; only a function of the caller's that does not return (a
    /// reader's `read`) is waited for. What is on the server stays and can be continued. A second call also ends the
    /// removal that [`Control::cancel_and_delete`] asked for.
    pub fn cancel(&self) {
        if self.0.cancel.is_set() {
            self.0.removal.cancel();
        }
        self.0.cancel.cancel();
        self.0.plain.cancel();
    }

    /// Ends an upload and has the server remove it, before the operation returns: with
    /// [`crate::error::ErrorKind::Cancelled`], and without an upload URL if the upload is gone. A lock that the ended
    /// request still has is waited for, and so is the answer to a creation that is under way: only that names what is to
    /// be removed. Nothing is removed if the upload is complete already.
    pub fn cancel_and_delete(&self) {
        self.state().remove = true;
        self.0.cancel.cancel();
    }

    /// Whether it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancel.is_set()
    }

    /// Stops sending data within 50 ms, until [`Control::resume`]; a request without data is let finish. A time limit
    /// for the whole operation does not run meanwhile.
    pub fn pause(&self) {
        let pausing = {
            let mut state = self.state();
            state.paused = true;
            std::mem::take(&mut state.pausing)
        };
        pausing.cancel();
    }

    /// Goes on after a pause: where the server says that it is.
    pub fn resume(&self) {
        self.state().paused = false;
        self.0.changed.ring();
    }

    /// Whether it is to stand still.
    pub fn is_paused(&self) -> bool {
        self.state().paused
    }

    /// How far it is; `None` before it has begun, and for an operation without data.
    pub fn progress(&self) -> Option<Progress> {
        match &self.state().view {
            View::Nothing => None,
            View::Live(gauge) => Some(gauge.progress()),
            View::Last(progress) => Some(*progress),
        }
    }

    /// The upload, once it exists.
    pub fn upload_url(&self) -> Option<AbsoluteUrl> {
        self.state().url.clone()
    }

    pub(crate) fn flag(&self) -> &Cancel {
        &self.0.cancel
    }

    /// What ends the creation of an upload, and the removal of what nobody needs: not a wish to have it removed.
    pub(super) fn plain_flag(&self) -> &Cancel {
        &self.0.plain
    }

    pub(super) fn removal_flag(&self) -> &Cancel {
        &self.0.removal
    }

    /// Whether a cancelled upload is to be removed.
    pub(super) fn wants_removal(&self) -> bool {
        self.state().remove
    }

    /// The gate that all of the caller's functions for this upload pass; `None` while there is none to pass.
    pub(crate) fn gate(&self) -> Option<Arc<Mutex<()>>> {
        match &self.state().view {
            View::Live(gauge) => Some(gauge.shared_gate()),
            View::Nothing | View::Last(_) => None,
        }
    }

    pub(super) fn show(&self, gauge: &Arc<Gauge>) {
        gauge.be_shown();
        let before = std::mem::replace(&mut self.state().view, View::Live(Arc::clone(gauge)));
        // Dropped without the lock, as in `settle`.
        drop(before);
    }

    /// As if an upload with no more than this gate had begun.
    #[cfg(test)]
    pub(crate) fn show_gate(&self, gate: &Arc<Mutex<()>>) {
        self.show(&Gauge::with_gate(gate));
    }

    pub(super) fn show_url(&self, url: Option<&AbsoluteUrl>) {
        let mut state = self.state();
        if state.url.as_ref() != url {
            state.url = url.cloned();
        }
    }

    /// The operation is over: lets go of everything but the last numbers.
    pub(crate) fn settle(&self) {
        let mut state = self.state();
        state.place = None;
        let last = match &state.view {
            View::Live(gauge) => View::Last(gauge.progress()),
            _ => return,
        };
        // Dropped without the lock: with it may go functions of the caller's.
        let view = std::mem::replace(&mut state.view, last);
        drop(state);
        drop(view);
    }

    /// The place to leave during a pause.
    pub(crate) fn set_place(&self, place: Arc<dyn Place>) {
        self.state().place = Some(place);
    }

    /// What to give to others during a pause.
    pub(super) fn set_memory(&self, memory: &Arc<Reserved>) {
        self.state().memory = Arc::downgrade(memory);
    }

    /// Ties a flag of one request to the next pause.
    pub(super) fn pause_ends(&self, request: &Cancel) {
        let state = self.state();
        if state.paused {
            request.cancel();
        }
        state.pausing.adopt(request);
    }

    /// How long the operation has stood still altogether.
    pub(super) fn stood(&self) -> Duration {
        self.state().stood
    }

    /// Waits while the operation is paused, and then for its place; `kept` is the memory it keeps meanwhile.
    pub(crate) fn stand_still(&self, cancel: &Cancel, kept: u64) {
        // After a cancel there is nothing to wait for, not even for what it leaves to be done.
        while !self.is_cancelled() {
            let left = {
                let mut state = self.state();
                if state.paused && !state.away {
                    state.away = true;
                    state.since = Some(Instant::now());
                    Some((state.place.clone(), state.memory.upgrade()))
                } else if !state.paused && state.away && !state.returning {
                    state.returning = true;
                    let (place, memory) = (state.place.clone(), state.memory.upgrade());
                    drop(state);
                    // In this order: nobody who waits for a place has memory that those who have one wait for.
                    if let Some(place) = place {
                        place.take(cancel);
                    }
                    if let Some(memory) = memory {
                        memory.take_again(cancel);
                    }
                    let mut state = self.state();
                    (state.away, state.returning) = (false, false);
                    let stood = state.since.take().map_or(Duration::ZERO, |since| since.elapsed());
                    state.stood += stood;
                    drop(state);
                    self.0.changed.ring();
                    continue;
                } else if !state.paused && !state.away {
                    return;
                } else {
                    None
                }
            };
            if let Some((place, memory)) = left {
                if let Some(memory) = memory {
                    memory.give_back(kept);
                }
                if let Some(place) = place {
                    place.leave();
                }
            }
            let look = || {
                let state = self.state();
                (!state.paused && !state.returning).then_some(())
            };
            if self.0.changed.wait(cancel, None, || ControlFlow::Continue(()), look).is_err() {
                // Its place is not taken again: it has nothing more to do that would need one.
                return;
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control")
            .field("cancelled", &self.is_cancelled())
            .field("paused", &self.is_paused())
            .finish_non_exhaustive()
    }
}
