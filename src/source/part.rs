//! A range of a source, as one part of a parallel upload sees it.

use std::fs::File;

use super::reader::first_byte;
use super::{Ahead, Bytes, Patience};
use crate::error::Result;
use crate::store::FileIdentity;

/// The `length` bytes from `start` on as a source of their own; `whole` is a cursor for them alone.
pub(crate) fn part(whole: Box<dyn Bytes>, start: u64, length: u64) -> Box<dyn Bytes> {
    Box::new(Part { whole, start, length, position: 0, placed: false })
}

struct Part {
    whole: Box<dyn Bytes>,
    start: u64,
    length: u64,
    /// Within the part.
    position: u64,
    /// Whether the whole stands at the position, seen from its beginning.
    placed: bool,
}

impl Part {
    fn left(&self) -> u64 {
        self.length.saturating_sub(self.position)
    }

    fn place(&mut self) -> Result<()> {
        if !self.placed {
            // Not beyond the part: the next byte is another part's, and behind the last there may be nothing.
            self.whole.seek(self.start + self.position.min(self.length))?;
            self.placed = true;
        }
        Ok(())
    }
}

impl Bytes for Part {
    fn size(&self) -> Option<u64> {
        Some(self.length)
    }

    fn replay_limit(&self) -> Option<u64> {
        self.whole.replay_limit()
    }

    fn prepare(&mut self) -> Result<()> {
        first_byte(self)
    }

    fn seek(&mut self, offset: u64) -> Result<()> {
        self.position = offset;
        self.placed = false;
        self.place()
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let n = buffer.len().min(usize::try_from(self.left()).unwrap_or(usize::MAX));
        if n == 0 {
            return Ok(0);
        }
        self.place()?;
        let n = self.whole.read(&mut buffer[..n])?;
        self.position += n as u64;
        Ok(n)
    }

    fn look_ahead(&mut self, start: u64, want: u64) -> Result<Ahead> {
        self.seek(start)?;
        Ok(Ahead::within(self.length, start, want))
    }

    fn share(&self) -> Option<Box<dyn Bytes>> {
        self.whole.share().map(|whole| part(whole, self.start, self.length))
    }

    fn runs_callers_code(&self) -> bool {
        self.whole.runs_callers_code()
    }

    fn identity(&self) -> Option<FileIdentity> {
        self.whole.identity()
    }

    fn identity_is_settled(&self) -> bool {
        self.whole.identity_is_settled()
    }

    fn name(&self) -> Option<String> {
        self.whole.name()
    }

    fn attach(&mut self, patience: Option<&Patience>) {
        self.whole.attach(patience);
    }

    fn file(&self) -> Option<(&File, u64)> {
        self.whole.file().map(|(file, _)| (file, self.start + self.position))
    }

    fn skip(&mut self, n: u64) {
        self.position += n;
        self.whole.skip(n);
    }

    fn check_unchanged(&self) -> Result<()> {
        self.whole.check_unchanged()
    }

    fn check_unless(&self, is_same: &mut dyn FnMut(&mut dyn Bytes) -> Result<bool>) -> Result<()> {
        self.whole.check_unless(is_same)
    }

    fn is_cut(&self) -> bool {
        self.whole.is_cut()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Source;
    use super::super::samples::{Call, Scratch, Tape, all_of, expect_as, number, numbers};
    use super::*;
    use crate::error::ErrorKind;
    use std::os::unix::fs::FileExt as _;

    #[test]
    fn parts_are_the_whole() {
        let bytes = numbers(0, 10_007);
        let scratch = Scratch::new(&bytes);
        let wholes = [
            Source::file(scratch.path()).unwrap(),
            Source::memory(bytes.clone()),
            Source::reader(Tape::new(10_007, true), Some(10_007)),
        ];
        for whole in wholes {
            let mut got = Vec::new();
            for (start, length) in [(0, 4000), (4000, 0), (4000, 6006), (10_006, 1)] {
                let mut part = part(whole.0.share().unwrap(), start, length);
                assert_eq!((part.size(), part.replay_limit()), (Some(length), None));
                assert_eq!((part.identity(), part.name()), (whole.0.identity(), whole.0.name()));
                part.prepare().unwrap();
                got.extend(all_of(part.as_mut()));
                // At the end, and nothing of the next part.
                assert_eq!(part.read(&mut [0; 10]).unwrap(), 0);
                part.seek(length + 1).unwrap();
                assert_eq!(part.read(&mut [0; 10]).unwrap(), 0);
                part.seek(length / 2).unwrap();
                let rest = &bytes[(start + length / 2) as usize..(start + length) as usize];
                assert_eq!(all_of(part.as_mut()), rest);
                assert_eq!(part.look_ahead(0, length).unwrap(), Ahead { available: length, end: true });
                let share = part.share().map(|mut share| all_of(share.as_mut()));
                assert_eq!(share.unwrap(), &bytes[start as usize..(start + length) as usize]);
            }
            assert!(got == bytes);
        }
    }

    #[test]
    fn the_kernel_is_told_where_the_part_is() {
        let scratch = Scratch::new(&numbers(0, 1000));
        let mut part = part(Source::file(scratch.path()).unwrap().0, 700, 200);
        assert_eq!(part.file().unwrap().1, 700);
        part.seek(50).unwrap();
        let (file, at) = part.file().unwrap();
        let mut byte = [0];
        file.read_at(&mut byte, at).unwrap();
        assert_eq!((at, byte[0]), (750, number(750)));
        part.skip(100);
        assert_eq!(part.file().unwrap().1, 850);
        assert_eq!(all_of(part.as_mut()), numbers(850, 50));
    }

    #[test]
    fn parts_go_their_way_at_the_same_time() {
        let source = Source::reader(Tape::new(100_000, true), Some(100_000)).0;
        std::thread::scope(|scope| {
            for at in 0..5 {
                let mut part = part(source.share().unwrap(), at * 20_000, 20_000);
                scope.spawn(move || expect_as(part.as_mut(), 0, &numbers(at * 20_000, 20_000)));
            }
        });
    }

    #[test]
    fn the_whole_is_not_moved_beyond_the_part() {
        let tape = Tape::new(1000, true);
        let calls = tape.calls();
        let mut part = part(Source::reader(tape, Some(1000)).0, 600, 400);
        part.seek(u64::MAX).unwrap();
        assert_eq!(part.read(&mut [0]).unwrap(), 0);
        assert_eq!(*calls.lock().unwrap(), [Call::Seek(1000)]);
    }

    #[test]
    fn a_change_and_an_early_end_are_seen() {
        let scratch = Scratch::new(&numbers(0, 1000));
        let mut whole = part(Source::file(scratch.path()).unwrap().0, 500, 500);
        std::fs::write(scratch.path(), numbers(0, 400)).unwrap();
        assert_eq!(whole.check_unchanged().unwrap_err().kind(), ErrorKind::SourceChanged);
        assert_eq!(whole.prepare().unwrap_err().kind(), ErrorKind::Source);
        assert_eq!(whole.read(&mut [0]).unwrap(), 0);
    }
}
