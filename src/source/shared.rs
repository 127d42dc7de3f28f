//! A caller's reader that can seek and knows its size, for several cursors at once.

use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};

use super::reader::{Callers, Reader, first_byte};
use super::{Bytes, Patience};
use crate::error::Result;

/// One cursor. The reader goes to whoever reads: its functions never run two at once, and each read that does not go on
/// where the reader stands is preceded by a seek.
pub(super) struct SharedReader<R> {
    turns: Arc<Mutex<Turns<R>>>,
    size: u64,
    position: u64,
    /// Other functions of the caller's for the same upload wait here.
    gate: Arc<Mutex<()>>,
}

struct Turns<R> {
    reader: Callers<R>,
    /// Where it stands; `None` after a failure, when that is anybody's guess.
    at: Option<u64>,
}

impl<R: Reader> Turns<R> {
    fn go_to(&mut self, offset: u64) -> Result<()> {
        if self.at != Some(offset) {
            self.at = None;
            self.reader.seek(offset)?;
            self.at = Some(offset);
        }
        Ok(())
    }

    fn read(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        self.go_to(offset)?;
        self.at = None;
        let n = self.reader.read(buffer)?;
        self.at = Some(offset + n as u64);
        Ok(n)
    }
}

impl<R: Reader> SharedReader<R> {
    pub(super) fn new(reader: Callers<R>, size: u64) -> Self {
        SharedReader {
            turns: Arc::new(Mutex::new(Turns { reader, at: Some(0) })),
            size,
            position: 0,
            gate: Arc::default(),
        }
    }

    /// Waits for its turn. A caller's function that panicked has left the reader nowhere, and that is known.
    fn turn<T>(&self, act: impl FnOnce(&mut Turns<R>) -> T) -> T {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let _gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        act(&mut turns)
    }
}

impl<R: Reader + 'static> Bytes for SharedReader<R> {
    fn size(&self) -> Option<u64> {
        Some(self.size)
    }

    fn replay_limit(&self) -> Option<u64> {
        None
    }

    fn prepare(&mut self) -> Result<()> {
        first_byte(self)
    }

    fn seek(&mut self, offset: u64) -> Result<()> {
        // At once and not with the next read: a seek that fails should do so before a request is begun.
        if offset != self.position {
            self.turn(|turns| turns.go_to(offset))?;
            self.position = offset;
        }
        Ok(())
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        // What lies behind its end is not the reader's to give away.
        let left = usize::try_from(self.size.saturating_sub(self.position)).unwrap_or(usize::MAX);
        let n = buffer.len().min(left);
        if n == 0 {
            return Ok(0);
        }
        let n = self.turn(|turns| turns.read(self.position, &mut buffer[..n]))?;
        self.position += n as u64;
        Ok(n)
    }

    fn share(&self) -> Option<Box<dyn Bytes>> {
        let (turns, gate) = (Arc::clone(&self.turns), Arc::clone(&self.gate));
        Some(Box::new(SharedReader { turns, size: self.size, position: 0, gate }))
    }

    fn runs_callers_code(&self) -> bool {
        true
    }

    fn attach(&mut self, patience: Option<&Patience>) {
        self.gate = patience.map(|patience| Arc::clone(&patience.gate)).unwrap_or_default();
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
    use super::super::samples::{Call, Tape, expect, number};
    use super::super::{ReadError, Source};
    use super::*;
    use crate::error::ErrorKind;
    use std::sync::atomic::{AtomicBool, Ordering};

    fn known(tape: Tape, size: u64) -> Box<dyn Bytes> {
        Source::reader(tape, Some(size)).0
    }

    #[test]
    fn one_cursor_seeks_only_where_it_must() {
        let tape = Tape::new(10_000, true);
        let calls = tape.calls();
        let mut source = known(tape, 10_000);
        source.prepare().unwrap();
        expect(source.as_mut(), 0, 3000);
        expect(source.as_mut(), 3000, 100);
        expect(source.as_mut(), 50, 100);
        let seeks = |call: &&Call| matches!(call, Call::Seek(_));
        assert_eq!(
            calls.lock().unwrap().iter().filter(seeks).collect::<Vec<_>>(),
            [&Call::Seek(0), &Call::Seek(50)],
            "once after the first byte was tried, once back"
        );
    }

    #[test]
    fn two_cursors_do_not_disturb_each_other() {
        let mut one = known(Tape::new(10_000, true), 10_000);
        expect(one.as_mut(), 4000, 10);
        let mut two = one.share().unwrap();
        assert_eq!((two.size(), two.replay_limit()), (Some(10_000), None));
        expect(two.as_mut(), 0, 10);
        let mut byte = [0];
        one.read(&mut byte).unwrap();
        assert_eq!(byte[0], number(4010));
        two.read(&mut byte).unwrap();
        assert_eq!(byte[0], number(10));
        drop(one);
        expect(two.as_mut(), 9990, 10);
    }

    /// A reader that notices when two of its functions run at once, or a seek and its read are torn apart.
    struct Touchy {
        tape: Tape,
        busy: Arc<AtomicBool>,
        overlapped: Arc<AtomicBool>,
    }

    impl Touchy {
        fn alone<T>(&mut self, act: impl FnOnce(&mut Tape) -> T) -> T {
            if self.busy.swap(true, Ordering::SeqCst) {
                self.overlapped.store(true, Ordering::SeqCst);
            }
            std::thread::yield_now();
            let result = act(&mut self.tape);
            self.busy.store(false, Ordering::SeqCst);
            result
        }
    }

    impl Reader for Touchy {
        fn read(&mut self, buffer: &mut [u8]) -> std::result::Result<usize, ReadError> {
            self.alone(|tape| tape.read(buffer))
        }
        fn seek(&mut self, offset: u64) -> std::result::Result<(), ReadError> {
            self.alone(|tape| tape.seek(offset))
        }
        fn can_seek(&self) -> bool {
            true
        }
    }

    #[test]
    fn threads_take_turns() {
        let (busy, overlapped) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let tape = Tape::new(100_000, true);
        let calls = tape.calls();
        let reader = Touchy { tape, busy, overlapped: Arc::clone(&overlapped) };
        let source = Source::reader(reader, Some(100_000)).0;
        std::thread::scope(|scope| {
            for part in 0..4 {
                let mut share = source.share().unwrap();
                scope.spawn(move || {
                    for _ in 0..5 {
                        expect(share.as_mut(), part * 25_000, 25_000);
                    }
                });
            }
        });
        assert!(!overlapped.load(Ordering::SeqCst));
        let seeks = calls.lock().unwrap().iter().filter(|call| matches!(call, Call::Seek(_))).count();
        assert!(seeks > 4, "they really were at it at the same time, or nearly");
    }

    #[test]
    fn after_a_failure_it_is_told_where_to_go_on() {
        let mut tape = Tape::new(5000, true);
        tape.stumbles_at = Some(1554);
        let mut source = known(tape, 5000);
        let mut buffer = [0; 5000];
        let mut read = 0;
        let error = loop {
            match source.read(&mut buffer[read..]) {
                Ok(n) => read += n,
                Err(error) => break error,
            }
        };
        assert_eq!((error.kind(), read), (ErrorKind::Callback(5), 1554));
        expect(source.as_mut(), 1554, 5000 - 1554);
    }

    #[test]
    fn a_seek_fails_at_once() {
        let mut tape = Tape::new(5000, true);
        tape.seek_fails = Some(66);
        let mut source = known(tape, 5000);
        assert_eq!(source.seek(5).unwrap_err().kind(), ErrorKind::Callback(66));
    }
}
