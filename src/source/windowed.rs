//! What gives its bytes once and in order, with the last of them kept to be sent again.
//!
//! A connection can break with bytes on the way, and then some of them must be sent again. And of a source whose size
//! is not known a request can only be made when its bytes are here, with one more to tell whether they are the last
//! (T-072). Both are served by one window over what was read last.

use std::fs::File;

use super::patience::{Pace, Patience};
use super::reader::first_byte;
use super::window::Window;
use super::{Ahead, Bytes};
use crate::error::{Error, ErrorKind, Result};

/// How many bytes are kept to be sent again. A look ahead that needs more keeps more.
pub(super) const REPLAY_WINDOW: usize = 1 << 20;

/// How much is read at a time where the bytes only go into the window: what a pipe holds.
const PIECE: usize = 64 * 1024;

/// Where the bytes come from.
pub(super) trait Supply: Send {
    /// Reads on; 0 is the end. Heeds `pace` if it has to wait and can.
    fn read(&mut self, buffer: &mut [u8], pace: &mut Pace) -> Result<usize>;
    /// Moves to an offset. Only called if [`Supply::can_seek`].
    fn seek(&mut self, offset: u64) -> Result<()>;
    fn can_seek(&self) -> bool;
    /// Fails if nothing is to be read any more, not even what is kept.
    fn check(&self) -> Result<()> {
        Ok(())
    }
    /// What is known of the first byte; `None`: it must be tried.
    fn prepare(&self) -> Option<Result<()>> {
        None
    }
    /// An operation reads from now on, or none does any more.
    fn attach(&mut self, _reading: bool) {}
}

/// A source that is read through a window.
pub(super) struct Windowed<S> {
    supply: S,
    size: Option<u64>,
    /// The offset of the next byte handed out; the window reaches it.
    position: u64,
    /// Its end is where the supply stands.
    window: Window,
    /// The supply has said that the window's end is its own.
    ended: bool,
    /// The supply failed, and may stand anywhere: it must be told where to go on if it can be.
    astray: bool,
    pace: Pace,
}

impl<S: Supply> Windowed<S> {
    pub(super) fn new(supply: S, size: Option<u64>) -> Self {
        Windowed {
            supply,
            size,
            position: 0,
            window: Window::new(REPLAY_WINDOW),
            ended: false,
            astray: false,
            pace: Pace::new(),
        }
    }

    /// Reads on behind the window. What lies behind a known end is not asked for: it may be somebody else's.
    fn draw(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let left = self.size.map_or(u64::MAX, |size| size.saturating_sub(self.window.end()));
        let n = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if self.ended || n == 0 {
            return Ok(0);
        }
        let buffer = &mut buffer[..n];
        if self.astray && self.supply.can_seek() {
            self.supply.seek(self.window.end())?;
        }
        self.astray = true;
        let n = self.supply.read(buffer, &mut self.pace)?;
        self.astray = false;
        self.ended = n == 0;
        self.window.push(&buffer[..n]);
        Ok(n)
    }

    /// Reads into the window until it ends at `end`, or with the supply.
    fn draw_to(&mut self, end: u64) -> Result<()> {
        let mut buffer = vec![0; PIECE];
        while self.window.end() < end {
            self.pace.look()?;
            let left = usize::try_from(end - self.window.end()).unwrap_or(usize::MAX);
            if self.draw(&mut buffer[..left.min(PIECE)])? == 0 {
                break;
            }
        }
        Ok(())
    }

    fn ends_before(&self, offset: u64) -> Error {
        let end = self.window.end();
        let what = format!("the source ended at byte {end}, before byte {offset} where the server wants to go on");
        Error::new(ErrorKind::Source, what)
    }
}

impl<S: Supply> Bytes for Windowed<S> {
    fn size(&self) -> Option<u64> {
        self.size
    }

    fn replay_limit(&self) -> Option<u64> {
        (!self.supply.can_seek()).then_some(REPLAY_WINDOW as u64)
    }

    fn prepare(&mut self) -> Result<()> {
        self.supply.prepare().unwrap_or_else(|| first_byte(self))
    }

    fn seek(&mut self, offset: u64) -> Result<()> {
        if self.window.reaches(offset) {
            self.position = offset;
            return Ok(());
        }
        if self.supply.can_seek() {
            self.astray = true;
            self.supply.seek(offset)?;
            self.astray = false;
            self.ended = false;
            self.window.restart(offset);
            self.position = offset;
            return Ok(());
        }
        let start = self.window.start();
        if offset < start {
            let what = format!(
                "byte {offset} must be sent again, but the source cannot seek and only bytes from {start} are kept"
            );
            return Err(Error::new(ErrorKind::Source, what));
        }
        // How it goes forward: what lies between is read and dropped.
        let drawn = self.draw_to(offset);
        self.position = self.window.end();
        drawn?;
        if self.position < offset { Err(self.ends_before(offset)) } else { Ok(()) }
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        self.supply.check()?;
        let n = match self.window.copy(self.position, buffer) {
            0 => self.draw(buffer)?,
            kept => kept,
        };
        self.position += n as u64;
        Ok(n)
    }

    fn look_ahead(&mut self, start: u64, want: u64) -> Result<Ahead> {
        self.supply.check()?;
        self.seek(start)?;
        if let Some(size) = self.size {
            return Ok(Ahead::within(size, start, want));
        }
        // One more than is wanted, to know whether anything comes after (T-072).
        let whole = want.saturating_add(1);
        self.window.set_limit(REPLAY_WINDOW.max(usize::try_from(whole).unwrap_or(usize::MAX)));
        self.draw_to(start.saturating_add(whole))?;
        let left = self.window.end() - start;
        if left == 0 && start > 0 && self.window.is_empty() {
            // The caller's seek may go beyond the end without a word. A source that is shorter than what the server has
            // must not pass for one that ends just there.
            self.seek(start - 1)?;
            if self.read(&mut [0])? == 0 {
                return Err(self.ends_before(start));
            }
            self.ended = true;
        }
        Ok(Ahead { available: left.min(want), end: left <= want })
    }

    fn memory_need(&self, chunk: u64) -> u64 {
        let ahead = if self.size.is_none() { chunk.saturating_add(1) } else { 0 };
        ahead.max(REPLAY_WINDOW as u64)
    }

    fn memory_kept(&self) -> u64 {
        self.window.memory() as u64
    }

    fn rest(&mut self, at: u64, replay: bool) {
        if !self.supply.can_seek() {
            let replay = if replay { REPLAY_WINDOW as u64 } else { 0 };
            return self.window.forget_before(at.min(self.window.end().saturating_sub(replay)));
        }
        // It can be read again; but not for a byte.
        let small = self.window.end().saturating_sub(at) <= PIECE as u64;
        self.window.forget_before(if small { at } else { u64::MAX });
    }

    fn attach(&mut self, patience: Option<&Patience>) {
        self.pace.attach(patience);
        self.supply.attach(patience.is_some());
    }

    fn file(&self) -> Option<(&File, u64)> {
        None
    }

    fn skip(&mut self, _: u64) {}

    fn check_unchanged(&self) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{Call, Tape, expect};
    use super::super::{Ahead, Bytes, Patience, Source};
    use super::*;
    use std::ops::ControlFlow;
    use std::sync::Arc;
    use std::time::Duration;

    fn unknown(tape: Tape) -> Box<dyn Bytes> {
        Source::reader(tape, None).0
    }

    #[test]
    fn replays_within_its_window() {
        let end = 4 * REPLAY_WINDOW as u64;
        let mut source = Source::reader(Tape::new(end, false), Some(end)).0;
        assert_eq!(source.replay_limit(), Some(REPLAY_WINDOW as u64));
        expect(source.as_mut(), 0, 5000);
        expect(source.as_mut(), 100, 4000);
        expect(source.as_mut(), 4100, 3 * REPLAY_WINDOW);
        let read = 4100 + 3 * REPLAY_WINDOW as u64;
        expect(source.as_mut(), read - REPLAY_WINDOW as u64, REPLAY_WINDOW + 1);
        assert_eq!(source.seek(0).unwrap_err().kind(), ErrorKind::Source);
        expect(source.as_mut(), read + 10_000, 5);
        assert_eq!(source.seek(end + 1).unwrap_err().kind(), ErrorKind::Source);
    }

    #[test]
    fn at_rest_it_keeps_what_it_needs() {
        let (look, replay) = (3 << 20, REPLAY_WINDOW as u64);
        for seekable in [false, true] {
            let mut source = unknown(Tape::new(4 * look, seekable));
            assert!(source.memory_need(look) > look && source.memory_need(1) == replay);
            source.look_ahead(0, look).unwrap();
            expect(source.as_mut(), 0, look as usize);
            assert!((look + 1..=source.memory_need(look)).contains(&source.memory_kept()));
            // Nothing of it was acknowledged.
            source.rest(0, true);
            assert_eq!(source.memory_kept() > look, !seekable);
            source.look_ahead(0, look).unwrap();
            expect(source.as_mut(), 0, look as usize);
            // All of it was.
            source.rest(look, true);
            assert!(source.memory_kept() <= if seekable { 64 } else { replay + 64 }, "{}", source.memory_kept());
            expect(source.as_mut(), look - replay + 1, replay as usize - 1);
            source.look_ahead(look, 10).unwrap();
            source.rest(look, false);
            assert!(source.memory_kept() <= 64, "{}", source.memory_kept());
            assert_eq!(source.look_ahead(look, look).unwrap(), Ahead { available: look, end: false });
            expect(source.as_mut(), look, look as usize);
        }
    }

    #[test]
    fn seeks_where_it_can() {
        let tape = Tape::new(10_000_000, true);
        let calls = tape.calls();
        let mut source = unknown(tape);
        assert_eq!(source.replay_limit(), None);
        expect(source.as_mut(), 9_000_000, 100);
        expect(source.as_mut(), 3, 100);
        // What is still here is not asked for again.
        expect(source.as_mut(), 50, 53);
        let calls = calls.lock().unwrap();
        let seeks: Vec<_> = calls.iter().filter(|call| matches!(call, Call::Seek(_))).collect();
        assert_eq!(seeks, [&Call::Seek(9_000_000), &Call::Seek(3)]);
    }

    /// Every size around the length that is looked for, uploaded as an engine would: look, send, send again, go on.
    #[test]
    fn looks_one_byte_further_than_it_tells() {
        for want in [1u64, 2, 1000, REPLAY_WINDOW as u64 - 1, REPLAY_WINDOW as u64, REPLAY_WINDOW as u64 + 1, 2_500_000]
        {
            let mut sizes = vec![0, 1, want - 1, want, want + 1, 3 * want + 7];
            sizes.dedup();
            for (size, seekable) in sizes.into_iter().flat_map(|size| [(size, false), (size, true)]) {
                let what = format!("{size} bytes, {want} at a time, {seekable}");
                let tape = Tape::new(size, seekable);
                let (furthest, mut at, mut looks) = (tape.furthest(), 0, 0);
                let mut source = unknown(tape);
                source.prepare().unwrap();
                loop {
                    let ahead = source.look_ahead(at, want).unwrap();
                    let left = size - at;
                    assert_eq!(ahead, Ahead { available: left.min(want), end: left <= want }, "{what}");
                    assert!(*furthest.lock().unwrap() <= at + want + 1, "{what}");
                    let length = ahead.available as usize;
                    expect(source.as_mut(), at, length);
                    expect(source.as_mut(), at, length);
                    expect(source.as_mut(), at + ahead.available / 2, length - length / 2);
                    // A request that broke: the server has half of it, and it goes on from there.
                    if looks == 1 && length > 1 {
                        at += ahead.available / 2;
                        looks += 1;
                        continue;
                    }
                    at += ahead.available;
                    looks += 1;
                    if ahead.end {
                        break;
                    }
                }
                assert_eq!(at, size, "{what}");
                assert_eq!(source.look_ahead(size, want).unwrap(), Ahead { available: 0, end: true }, "{what}");
                assert_eq!(source.read(&mut [0; 9]).unwrap(), 0, "{what}");
            }
        }
    }

    #[test]
    fn no_byte_is_wanted_and_still_the_end_is_known() {
        for seekable in [false, true] {
            let mut source = unknown(Tape::new(0, seekable));
            assert_eq!(source.look_ahead(0, 0).unwrap(), Ahead { available: 0, end: true });
            let mut source = unknown(Tape::new(1, seekable));
            assert_eq!(source.look_ahead(0, 0).unwrap(), Ahead { available: 0, end: false });
            expect(source.as_mut(), 0, 1);
        }
    }

    #[test]
    fn the_largest_look_is_kept_whole() {
        let want = 8 << 20;
        let mut source = unknown(Tape::new(want + 5, false));
        assert_eq!(source.look_ahead(0, want).unwrap(), Ahead { available: want, end: false });
        expect(source.as_mut(), 0, want as usize);
        expect(source.as_mut(), 0, want as usize);
        assert_eq!(source.look_ahead(want, want).unwrap(), Ahead { available: 5, end: true });
        // A smaller look keeps what it is about, although the window is smaller again.
        let mut source = unknown(Tape::new(3 * want, false));
        source.look_ahead(0, want).unwrap();
        source.look_ahead(want, 10).unwrap();
        expect(source.as_mut(), want, 10);
        source.look_ahead(want + 10, 2_000_000).unwrap();
        expect(source.as_mut(), want + 10, 2_000_000);
    }

    /// The end is the end: a terminal would give more if it were asked again.
    #[test]
    fn the_end_is_asked_for_once() {
        let tape = Tape::new(10, false);
        let calls = tape.calls();
        let mut source = unknown(tape);
        source.look_ahead(0, 10).unwrap();
        let before = calls.lock().unwrap().len();
        expect(source.as_mut(), 0, 10);
        assert_eq!(source.read(&mut [0; 5]).unwrap(), 0);
        source.look_ahead(4, 100).unwrap();
        assert_eq!(calls.lock().unwrap().len(), before);
    }

    #[test]
    fn a_source_shorter_than_what_the_server_has_is_no_end() {
        for seekable in [false, true] {
            for (size, start) in [(50, 100), (0, 1), (99, 100)] {
                let error = unknown(Tape::new(size, seekable)).look_ahead(start, 10).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Source, "{size} {start} {seekable}");
            }
            let tape = Tape::new(100, seekable);
            let calls = tape.calls();
            let mut source = unknown(tape);
            assert_eq!(source.look_ahead(100, 10).unwrap(), Ahead { available: 0, end: true });
            let before = calls.lock().unwrap().len();
            assert_eq!(source.read(&mut [0]).unwrap(), 0);
            assert_eq!(calls.lock().unwrap().len(), before, "the end was told and stays the end");
            let mut source = unknown(Tape::new(100, seekable));
            assert_eq!(source.look_ahead(99, 10).unwrap(), Ahead { available: 1, end: true });
            expect(source.as_mut(), 99, 1);
        }
    }

    #[test]
    fn an_empty_source_of_known_size_is_found_out_early() {
        for seekable in [false, true] {
            let mut source = Source::reader(Tape::new(0, seekable), Some(5)).0;
            assert_eq!(source.prepare().unwrap_err().kind(), ErrorKind::Source);
            Source::reader(Tape::new(0, seekable), Some(0)).0.prepare().unwrap();
            let tape = Tape::new(5, seekable);
            let calls = tape.calls();
            unknown(tape).prepare().unwrap();
            assert!(calls.lock().unwrap().is_empty(), "an unknown size is not touched");
        }
    }

    /// Where a reader stands after a failure is anybody's guess.
    #[test]
    fn a_reader_that_failed_is_told_where_to_go_on() {
        let mut tape = Tape::new(5000, true);
        tape.stumbles_at = Some(1554);
        let mut source = unknown(tape);
        assert_eq!(source.look_ahead(0, 5000).unwrap_err().kind(), ErrorKind::Callback(5));
        assert_eq!(source.look_ahead(0, 5000).unwrap(), Ahead { available: 5000, end: true });
        expect(source.as_mut(), 0, 5000);
    }

    /// A caller's reader cannot be interrupted, but between two of its reads there is time.
    #[test]
    fn a_long_look_and_a_long_way_heed_a_cancel() {
        for ahead in [false, true] {
            let mut source = unknown(Tape::new(u64::MAX, false));
            let patience = Patience::default();
            let cancel = patience.cancel.clone();
            let tick = move || {
                cancel.cancel();
                ControlFlow::Continue(())
            };
            let interval = Some(Duration::from_millis(1));
            source.attach(Some(&Patience { tick: Arc::new(tick), interval, ..patience }));
            let result = if ahead { source.look_ahead(0, 1 << 40).map(drop) } else { source.seek(1 << 40) };
            assert_eq!(result.unwrap_err().kind(), ErrorKind::Cancelled);
            let mut source = unknown(Tape::new(u64::MAX, false));
            let tick = Arc::new(|| ControlFlow::Break(()));
            source.attach(Some(&Patience { tick, interval, ..Patience::default() }));
            assert_eq!(source.seek(1 << 40).unwrap_err().kind(), ErrorKind::Cancelled);
        }
    }

    #[test]
    fn it_cannot_be_shared() {
        assert!(unknown(Tape::new(5, true)).share().is_none());
        assert!(Source::reader(Tape::new(5, false), Some(5)).0.share().is_none());
    }
}
