//! The last bytes of something that is read only once, kept to be read again.

use std::collections::VecDeque;

/// A stretch of a source, up to where it has been read.
pub(super) struct Window {
    bytes: VecDeque<u8>,
    /// The offset behind the last of them.
    end: u64,
    /// The most that are kept.
    limit: usize,
}

impl Window {
    pub(super) fn new(limit: usize) -> Window {
        Window { bytes: VecDeque::new(), end: 0, limit }
    }

    /// The offset of the first byte kept.
    pub(super) fn start(&self) -> u64 {
        self.end - self.bytes.len() as u64
    }

    /// The offset behind the last.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether reading can go on from there: with a byte that is kept or the one behind the last.
    pub(super) fn reaches(&self, offset: u64) -> bool {
        (self.start()..=self.end).contains(&offset)
    }

    /// Changes how many are kept, from the next [`Window::push`] on.
    pub(super) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Adds what was read, and forgets the oldest for it.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.end += bytes.len() as u64;
        let bytes = &bytes[bytes.len().saturating_sub(self.limit)..];
        let excess = (self.bytes.len() + bytes.len()).saturating_sub(self.limit);
        self.bytes.drain(..excess);
        let whole = self.bytes.len() + bytes.len();
        if whole > self.bytes.capacity() {
            // Doubled as usual, but never to more than can come: a large look would take twice its size.
            let room = whole.saturating_mul(2).min(self.limit);
            self.bytes.reserve_exact(room - self.bytes.len());
        }
        self.bytes.extend(bytes);
    }

    /// How much memory it takes.
    pub(super) fn memory(&self) -> usize {
        self.bytes.capacity()
    }

    /// Forgets what lies before an offset, and gives its memory back.
    pub(super) fn forget_before(&mut self, offset: u64) {
        let old = offset.min(self.end).saturating_sub(self.start());
        self.bytes.drain(..usize::try_from(old).unwrap_or(usize::MAX).min(self.bytes.len()));
        self.bytes.shrink_to_fit();
    }

    /// Copies what is kept from an offset on that it reaches; returns how many bytes.
    pub(super) fn copy(&self, offset: u64, buffer: &mut [u8]) -> usize {
        let from = usize::try_from(offset - self.start()).unwrap_or(usize::MAX);
        let (front, back) = self.bytes.as_slices();
        let piece = match front.get(from..) {
            Some(piece) if !piece.is_empty() => piece,
            _ => back.get(from - front.len()..).unwrap_or_default(),
        };
        let n = piece.len().min(buffer.len());
        buffer[..n].copy_from_slice(&piece[..n]);
        n
    }

    /// Forgets everything: the next byte is that of `offset`.
    pub(super) fn restart(&mut self, offset: u64) {
        self.bytes.clear();
        self.end = offset;
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::numbers;
    use super::*;

    #[track_caller]
    fn assert_kept(window: &Window, start: u64, end: u64) {
        assert_eq!((window.start(), window.end()), (start, end));
        for from in start..=end {
            let (mut got, mut buffer) = (Vec::new(), [0; 7]);
            loop {
                match window.copy(from + got.len() as u64, &mut buffer) {
                    0 => break,
                    n => got.extend_from_slice(&buffer[..n]),
                }
            }
            assert_eq!(got, numbers(from, (end - from) as usize), "from {from}");
        }
    }

    #[test]
    fn what_is_forgotten_costs_nothing() {
        let mut window = Window::new(1000);
        window.push(&numbers(0, 1000));
        window.push(&numbers(1000, 500));
        window.forget_before(200);
        assert_kept(&window, 500, 1500);
        window.forget_before(1400);
        assert_kept(&window, 1400, 1500);
        assert!(window.memory() < 200, "{}", window.memory());
        window.push(&numbers(1500, 10));
        assert_kept(&window, 1400, 1510);
        window.forget_before(u64::MAX);
        assert_kept(&window, 1510, 1510);
        assert_eq!(window.memory(), 0);
    }

    #[test]
    fn takes_no_more_memory_than_it_keeps() {
        let mut window = Window::new(8_000_001);
        let piece = numbers(0, 64 * 1024);
        for _ in 0..200 {
            window.push(&piece);
            assert!(window.bytes.capacity() <= 8_000_001);
        }
        assert_eq!(window.bytes.len(), 8_000_001);
    }

    #[test]
    fn keeps_the_last_bytes() {
        let mut window = Window::new(100);
        assert!(window.is_empty() && window.reaches(0) && !window.reaches(1));
        let mut end = 0;
        for length in [1, 60, 39, 0, 1, 30, 99, 100, 101, 250, 7] {
            window.push(&numbers(end, length));
            end += length as u64;
            assert_kept(&window, end.saturating_sub(100), end);
        }
        assert!(window.reaches(end - 100) && window.reaches(end) && !window.reaches(end - 101));
        assert!(!window.reaches(end + 1));
        window.set_limit(150);
        window.push(&numbers(end, 80));
        assert_kept(&window, end - 70, end + 80);
        window.set_limit(20);
        // Nothing is forgotten before something comes instead.
        assert_kept(&window, end - 70, end + 80);
        window.push(&numbers(end + 80, 1));
        assert_kept(&window, end + 61, end + 81);
        window.restart(5_000_000_000);
        assert!(window.is_empty() && window.reaches(5_000_000_000) && !window.reaches(0));
        window.push(&numbers(5_000_000_000, 3));
        assert_kept(&window, 5_000_000_000, 5_000_000_003);
    }
}
