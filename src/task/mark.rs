//! What tells threads apart.

/// The mark of a thread, its own as long as it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Mark(usize);

impl Mark {
    /// That of this thread. Unlike `thread::current()` it makes no handle of a thread of the caller's, which would stay
    /// there until the thread ends.
    pub(super) fn of_this_thread() -> Mark {
        thread_local!(static PLACE: u8 = const { 0 });
        PLACE.with(|place| Mark(std::ptr::from_ref(place).addr()))
    }
}
