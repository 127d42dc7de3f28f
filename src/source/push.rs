//! What the program writes as it has it: a bounded buffer between its thread and the upload's.

use std::collections::VecDeque;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::process;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::file::source_error;
use super::patience::Pace;
use super::windowed::{Supply, Windowed};
use super::{Bytes, Source};
use crate::error::{Error, ErrorKind, Result, TimeLimit};
use crate::sys::wake::Wake;

#[cfg(test)]
mod tests;

/// What a reader fails with if its writer is dropped, or aborted without a code.
const NO_CODE: i32 = 1;

/// The end for writing of a source made by [`Source::push`].
///
/// Dropped before [`Writer::finish`] it aborts: a program that forgets to finish, or dies, must not leave an upload
/// that ends where the writing happened to.
///
/// Pieces of writes by several threads at once mix. In a child process after a fork every call fails and a drop does
/// nothing: locks and descriptors are the parent's too.
pub struct Writer(Arc<Channel>);

impl Writer {
    /// Puts bytes into the buffer and waits while it is full, at most so long (`None`: for ever; zero: takes what fits
    /// now). How many were taken is told also with a failure:
    ///
    /// - [`ErrorKind::Timeout`]: not all of them fitted in time.
    /// - [`ErrorKind::InvalidState`]: it was finished or aborted, or nobody reads any more: the operation that read is
    ///   over, or the source was dropped. Another operation with the source makes it writable again.
    /// - [`ErrorKind::InvalidArgument`]: more than the size that was told; nothing of this write is taken.
    pub fn write(&self, data: &[u8], timeout: Option<Duration>) -> (usize, Result<()>) {
        let mut taken = 0;
        let result = self.0.write(data, timeout, &mut taken);
        (taken, result)
    }

    /// Says that the data ends here; once more is as good as once. If fewer bytes were written than the size that was
    /// told, the upload fails as that of any source that ends early.
    ///
    /// Fails with [`ErrorKind::InvalidState`] after an abort.
    pub fn finish(&self) -> Result<()> {
        let mut state = self.0.lock()?;
        match state.end {
            Some(End::Aborted(_) | End::Abandoned) => Err(invalid_state("the writer was aborted")),
            Some(End::Finished) => Ok(()),
            None => {
                self.0.end(&mut state, End::Finished);
                Ok(())
            }
        }
    }

    /// Every read from now on fails with [`ErrorKind::Callback`] and this code (1 for 0), as that of a caller's reader
    /// would. What is in the buffer is dropped, also after [`Writer::finish`]; a writer that waits is woken.
    pub fn abort(&self, code: i32) {
        let Ok(mut state) = self.0.lock() else { return };
        if !matches!(state.end, Some(End::Aborted(_) | End::Abandoned)) {
            self.0.end(&mut state, End::Aborted(if code == 0 { NO_CODE } else { code }));
        }
    }

    /// What a drop does, for a writer that another thread may still hold.
    pub(crate) fn abandon(&self) {
        let Ok(mut state) = self.0.lock() else { return };
        // With the last byte of a known size everything has been said.
        if state.end.is_none() && !self.0.is_whole(&state) {
            self.0.end(&mut state, End::Abandoned);
        }
    }

    /// A descriptor for `poll` and its like: readable while [`Writer::write`] would take at least one byte, or fail at
    /// once. Valid as long as the writer; not to be read. Made when it is first asked for.
    pub fn event_handle(&self) -> Result<BorrowedFd<'_>> {
        let channel = &*self.0;
        let mut state = channel.lock()?;
        if channel.room.get().is_none() {
            let wake = Wake::new().map_err(|error| source_error("cannot make a descriptor", error))?;
            // The lock is held: nobody else sets it.
            let _first = channel.room.set(wake);
        }
        channel.show(&mut state);
        let made = || Error::new(ErrorKind::Internal, "a descriptor that was made is not there");
        channel.room.get().map(Wake::as_fd).ok_or_else(made)
    }

    /// The process that made it, if that is not this one.
    pub(crate) fn foreign(&self) -> Option<u32> {
        self.0.foreign()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.abandon();
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("size", &self.0.size).field("capacity", &self.0.capacity).finish_non_exhaustive()
    }
}

impl Source {
    /// A source of what is written to the other end, `size` bytes if that is known, with at most `capacity` of them
    /// waiting between the two. It goes forward only: a seek back reaches what is kept, as with a pipe.
    ///
    /// Fails if `capacity` is 0 or more than any object in memory can have, or the process has no descriptor left.
    pub fn push(size: Option<u64>, capacity: usize) -> Result<(Writer, Source)> {
        if capacity == 0 {
            return Err(Error::invalid("a buffer of 0 bytes would never take anything"));
        }
        if isize::try_from(capacity).is_err() {
            return Err(Error::invalid(format!("a buffer cannot have {capacity} bytes: no object in memory can")));
        }
        let (writer, bytes) = open(size, capacity, process::id())?;
        Ok((writer, Source(bytes)))
    }
}

fn open(size: Option<u64>, capacity: usize, process: u32) -> Result<(Writer, Box<dyn Bytes>)> {
    let state = State {
        bytes: VecDeque::new(),
        taken: 0,
        end: None,
        reading: Reading::NotYet,
        shows_data: false,
        shows_room: false,
    };
    let channel = Arc::new(Channel {
        process,
        size,
        capacity,
        state: Mutex::new(state),
        movement: Condvar::new(),
        data: Wake::new().map_err(|error| source_error("cannot make a descriptor", error))?,
        room: OnceLock::new(),
    });
    channel.show(&mut channel.state());
    let outlet = Outlet(Arc::clone(&channel));
    Ok((Writer(channel), Box::new(Windowed::new(outlet, size))))
}

/// What both ends share.
struct Channel {
    /// Who made it: in the child of a fork another thread's lock is never given back, and the descriptors are those of
    /// the parent.
    process: u32,
    size: Option<u64>,
    capacity: usize,
    state: Mutex<State>,
    /// Whoever waits to write looks again. Readers wait for `data`, together with what may cancel them.
    movement: Condvar,
    /// Readable while a read need not wait.
    data: Wake,
    /// Readable while a write need not wait; there only if somebody has asked for it.
    room: OnceLock<Wake>,
}

struct State {
    bytes: VecDeque<u8>,
    /// How many were written in all.
    taken: u64,
    end: Option<End>,
    reading: Reading,
    /// What the two descriptors show: they are only touched where that changes.
    shows_data: bool,
    shows_room: bool,
}

/// Why nothing more comes.
enum End {
    Finished,
    Aborted(i32),
    /// The writer was dropped before it was finished.
    Abandoned,
}

/// Whether anybody takes the bytes out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// An operation is still to come.
    NotYet,
    Now,
    /// The operation is over; another may come.
    Over,
    /// The source is gone.
    Never,
}

impl Channel {
    fn foreign(&self) -> Option<u32> {
        (self.process != process::id()).then_some(self.process)
    }

    /// Nothing of anybody else's runs while it is held.
    fn lock(&self) -> Result<MutexGuard<'_, State>> {
        match self.foreign() {
            Some(made_by) => Err(invalid_state(format!("this was made by process {made_by}, before a fork"))),
            None => Ok(self.state()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is nothing left that could be written.
    fn is_whole(&self, state: &State) -> bool {
        self.size == Some(state.taken)
    }

    fn write(&self, data: &[u8], timeout: Option<Duration>, taken: &mut usize) -> Result<()> {
        let mut state = self.lock()?;
        // A time beyond what a clock can tell is for ever.
        let limit = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            let rest = &data[*taken..];
            self.check_writable(&state, rest.len())?;
            let (fits, waits) = rest.split_at(rest.len().min(self.capacity - state.bytes.len()));
            if !fits.is_empty() {
                state.put(fits, self.capacity);
                *taken += fits.len();
                self.show(&mut state);
            }
            if waits.is_empty() {
                return Ok(());
            }
            state = match limit.map(|limit| limit.saturating_duration_since(Instant::now())) {
                None => self.movement.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => {
                    let what = format!("{} of {} bytes found no room in time", waits.len(), data.len());
                    return Err(Error::new(ErrorKind::Timeout(TimeLimit::Total), what));
                }
                Some(left) => self.movement.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
    }

    fn check_writable(&self, state: &State, more: usize) -> Result<()> {
        match state.end {
            Some(End::Finished) => return Err(invalid_state("the writer was finished")),
            Some(End::Aborted(_) | End::Abandoned) => return Err(invalid_state("the writer was aborted")),
            None => {}
        }
        if let Some(size) = self.size {
            let taken = state.taken;
            if more as u64 > size - taken {
                let what = format!("{more} bytes after {taken} are more than the {size} that were told");
                return Err(Error::invalid(what));
            }
            if size == taken {
                return Ok(());
            }
        }
        match state.reading {
            Reading::NotYet | Reading::Now => Ok(()),
            Reading::Over => Err(invalid_state("nobody reads any more: the operation is over")),
            Reading::Never => Err(invalid_state("nobody reads any more: the source was freed")),
        }
    }

    fn end(&self, state: &mut State, end: End) {
        if !matches!(end, End::Finished) {
            state.bytes = VecDeque::new();
        }
        state.end = Some(end);
        self.changed(state);
    }

    /// Not for a byte more or less, but for what makes every write fail or go on.
    fn changed(&self, state: &mut State) {
        self.show(state);
        self.movement.notify_all();
    }

    /// Has both descriptors tell how it is. The lock is held, so that none is left saying what was before.
    fn show(&self, state: &mut State) {
        let ended = state.end.is_some() || self.is_whole(state);
        turn(&self.data, &mut state.shows_data, ended || !state.bytes.is_empty());
        let unread = matches!(state.reading, Reading::Over | Reading::Never);
        if let Some(room) = self.room.get() {
            turn(room, &mut state.shows_room, ended || unread || state.bytes.len() < self.capacity);
        }
    }
}

impl State {
    /// Copies bytes in, which fit.
    fn put(&mut self, bytes: &[u8], capacity: usize) {
        let whole = self.bytes.len() + bytes.len();
        if whole > self.bytes.capacity() {
            // Doubled as usual, but never to more than can come.
            let room = whole.saturating_mul(2).min(capacity);
            self.bytes.reserve_exact(room - self.bytes.len());
        }
        self.bytes.extend(bytes);
        self.taken += bytes.len() as u64;
    }

    /// Copies bytes out; returns how many.
    fn take(&mut self, buffer: &mut [u8]) -> usize {
        let n = buffer.len().min(self.bytes.len());
        let (front, back) = self.bytes.as_slices();
        let first = n.min(front.len());
        buffer[..first].copy_from_slice(&front[..first]);
        buffer[first..n].copy_from_slice(&back[..n - first]);
        self.bytes.drain(..n);
        n
    }

    fn aborted(&self) -> Result<()> {
        let (code, what) = match self.end {
            Some(End::Aborted(code)) => (code, format!("the writer was aborted with {code}")),
            Some(End::Abandoned) => (NO_CODE, "the writer was freed before it was finished".to_owned()),
            Some(End::Finished) | None => return Ok(()),
        };
        Err(Error::new(ErrorKind::Callback(code), what))
    }
}

/// Raises or clears a descriptor if it does not say so already.
fn turn(wake: &Wake, shows: &mut bool, now: bool) {
    if *shows != now {
        if now {
            wake.raise()
        } else {
            wake.lower()
        }
        *shows = now;
    }
}

/// The end for reading.
struct Outlet(Arc<Channel>);

impl Supply for Outlet {
    fn read(&mut self, buffer: &mut [u8], pace: &mut Pace) -> Result<usize> {
        let channel = &*self.0;
        // Also where nothing has to be waited for: a program may write for ever.
        pace.look()?;
        loop {
            {
                let mut state = channel.lock()?;
                state.aborted()?;
                if !state.bytes.is_empty() {
                    let was_full = state.bytes.len() == channel.capacity;
                    let n = state.take(buffer);
                    channel.show(&mut state);
                    // Nobody waits for room while there is some.
                    if was_full {
                        channel.movement.notify_all();
                    }
                    return Ok(n);
                }
                if state.end.is_some() || channel.is_whole(&state) {
                    state.bytes = VecDeque::new();
                    return Ok(0);
                }
            }
            pace.wait_readable(channel.data.as_fd())?;
        }
    }

    fn seek(&mut self, _: u64) -> Result<()> {
        Err(Error::new(ErrorKind::Internal, "a writer cannot seek"))
    }

    fn can_seek(&self) -> bool {
        false
    }

    fn check(&self) -> Result<()> {
        self.0.lock()?.aborted()
    }

    /// The first byte may be long in coming, and nothing that could end that wait is attached yet.
    fn prepare(&self) -> Option<Result<()>> {
        let finished = |state: &State| matches!(state.end, Some(End::Finished));
        let checked = self.0.lock().and_then(|state| {
            state.aborted()?;
            match self.0.size {
                Some(size) if finished(&state) && state.taken < size => {
                    let what = format!("the writer was finished after {} of {size} bytes", state.taken);
                    Err(Error::new(ErrorKind::Source, what))
                }
                _ => Ok(()),
            }
        });
        Some(checked)
    }

    fn attach(&mut self, reading: bool) {
        let Ok(mut state) = self.0.lock() else { return };
        state.reading = if reading { Reading::Now } else { Reading::Over };
        self.0.changed(&mut state);
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        let Ok(mut state) = self.0.lock() else { return };
        state.reading = Reading::Never;
        state.bytes = VecDeque::new();
        self.0.changed(&mut state);
    }
}

fn invalid_state(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidState, what)
}
