//! How fast bytes move, over the last seconds.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The time that counts: long enough to be steady where data goes out chunk by chunk, short enough to follow a link.
const WINDOW: Duration = Duration::from_secs(10);

/// Between two marks that are kept.
const SPACING: Duration = Duration::from_millis(500);

/// How many marks reach back over the whole window, however often there are numbers.
const MARKS: usize = (WINDOW.as_millis() / SPACING.as_millis()) as usize + 1;

/// A sliding window over a counter that only grows.
#[derive(Debug)]
pub(super) struct Rate {
    /// What the counter stood at, oldest first, at least [`SPACING`] apart.
    marks: VecDeque<Mark>,
    latest: Option<Mark>,
}

#[derive(Debug, Clone, Copy)]
struct Mark {
    at: Instant,
    total: u64,
}

impl Rate {
    pub(super) fn new() -> Rate {
        Rate { marks: VecDeque::with_capacity(MARKS), latest: None }
    }

    /// The counter stands at `total`. The first call says from when and from what number on it counts.
    pub(super) fn note(&mut self, now: Instant, total: u64) {
        let latest = self.latest.unwrap_or(Mark { at: now, total });
        let mark = Mark { at: now.max(latest.at), total: total.max(latest.total) };
        self.latest = Some(mark);
        if self.marks.back().is_none_or(|last| mark.at - last.at >= SPACING) {
            if self.marks.len() == MARKS {
                self.marks.pop_front();
            }
            self.marks.push_back(mark);
        }
    }

    /// Bytes per second over the window, or since the first call if that is less. Where nothing has been noted nothing
    /// has moved, so that it decays while data stalls.
    pub(super) fn speed(&self, now: Instant) -> f64 {
        let (Some(first), Some(latest)) = (self.marks.front(), self.latest) else { return 0.0 };
        let from = now.checked_sub(WINDOW).map_or(first.at, |from| from.max(first.at));
        let seconds = now.saturating_duration_since(from).as_secs_f64();
        if seconds > 0.0 { (latest.total as f64 - self.total_at(from)).max(0.0) / seconds } else { 0.0 }
    }

    /// How long `left` bytes take at this speed; `None` while nothing moves.
    pub(super) fn eta(&self, now: Instant, left: u64) -> Option<Duration> {
        if left == 0 {
            return Some(Duration::ZERO);
        }
        // No speed gives infinity, which is no duration, and neither is what takes longer than one can hold.
        Duration::try_from_secs_f64(left as f64 / self.speed(now)).ok()
    }

    /// What the counter stood at, between two marks as if it had grown evenly.
    fn total_at(&self, at: Instant) -> f64 {
        let mut before = None;
        for after in self.marks.iter().copied().chain(self.latest) {
            if after.at >= at {
                let Some(Mark { at: since, total }) = before else { return after.total as f64 };
                let share = (at - since).as_secs_f64() / (after.at - since).as_secs_f64();
                return total as f64 + (after.total - total) as f64 * share;
            }
            before = Some(after);
        }
        before.map_or(0.0, |last| last.total as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A meter that has been told the counter's value every `step_ms` until `end_ms`, and a clock for it.
    fn run(step_ms: u64, end_ms: u64, total: impl Fn(u64) -> u64) -> (Rate, impl Fn(u64) -> Instant) {
        let began = Instant::now();
        let at = move |ms| began + Duration::from_millis(ms);
        let mut rate = Rate::new();
        for ms in (0..=end_ms).step_by(step_ms as usize) {
            rate.note(at(ms), total(ms));
        }
        (rate, at)
    }

    #[track_caller]
    fn about(speed: f64, expected: f64) {
        assert!((speed - expected).abs() <= expected * 1e-9 + 1e-6, "{speed} is not {expected}");
    }

    #[test]
    fn a_steady_speed_is_told_from_the_first_moment_on() {
        // However often it is told, from any number on.
        for step in [1, 7, 100, 499, 500, 501, 1300, 12_000] {
            for end in [step, 4 * step, 9999 / step * step, 40_000 / step * step, 100_000 / step * step] {
                if end == 0 {
                    continue;
                }
                let (rate, at) = run(step, end, |ms| 1_000_000 + 2_000 * ms);
                about(rate.speed(at(end)), 2_000_000.0);
            }
        }
    }

    #[test]
    fn only_the_last_ten_seconds_count() {
        // Slow for 30 s, then ten times as fast.
        let total = |ms: u64| ms * 100 + ms.saturating_sub(30_000) * 900;
        for (seconds, expected) in [(30, 100_000.0), (35, 550_000.0), (40, 1_000_000.0), (50, 1_000_000.0)] {
            let (rate, at) = run(100, seconds * 1000, total);
            about(rate.speed(at(seconds * 1000)), expected);
        }
    }

    #[test]
    fn it_decays_while_nothing_moves() {
        let (rate, at) = run(100, 20_000, |ms| ms * 1000);
        for (later, expected) in [(0, 1e6), (1, 0.9e6), (5, 0.5e6), (9, 0.1e6), (10, 0.0), (11, 0.0), (1000, 0.0)] {
            about(rate.speed(at(20_000 + later * 1000)), expected);
        }
        // To nothing, even if the last number came between two marks.
        let (rate, at) = run(100, 20_300, |ms| ms * 1000);
        about(rate.speed(at(30_100)), 0.02e6);
        about(rate.speed(at(30_300)), 0.0);
        // The same if the standstill is noted.
        let (rate, at) = run(100, 27_000, |ms| ms.min(20_000) * 1000);
        about(rate.speed(at(27_000)), 0.3e6);
        // And it comes back.
        let (rate, at) = run(100, 62_000, |ms| (ms.min(20_000) + ms.saturating_sub(60_000)) * 1000);
        about(rate.speed(at(62_000)), 0.2e6);
    }

    #[test]
    fn without_two_moments_there_is_no_speed() {
        let now = Instant::now();
        let mut rate = Rate::new();
        assert_eq!((rate.speed(now), rate.eta(now, 5)), (0.0, None));
        rate.note(now, 1 << 40);
        assert_eq!((rate.speed(now), rate.eta(now, 5)), (0.0, None));
        let later = now + Duration::from_secs(3);
        assert_eq!((rate.speed(later), rate.eta(later, 5)), (0.0, None));
        assert_eq!(rate.eta(later, 0), Some(Duration::ZERO));
    }

    #[test]
    fn what_is_left_takes_its_time() {
        let (rate, at) = run(100, 5000, |ms| ms * 1000);
        assert_eq!(rate.eta(at(5000), 3_000_000), Some(Duration::from_secs(3)));
        assert_eq!(rate.eta(at(5000), 0), Some(Duration::ZERO));
        assert_eq!(rate.eta(at(60_000), 1), None);
        // Hardly any speed at all: years are told, and what no duration can hold is not.
        let (rate, at) = run(5000, 5000, |ms| ms / 5000);
        assert_eq!(rate.eta(at(5000), 1_000_000_000), Some(Duration::from_secs(5_000_000_000)));
        assert_eq!(rate.eta(at(5000), u64::MAX), None);
    }

    #[test]
    fn a_clock_or_counter_that_steps_back_does_no_harm() {
        let now = Instant::now();
        let second = Duration::from_secs(1);
        let mut rate = Rate::new();
        rate.note(now + second, 100);
        rate.note(now + 3 * second, 300);
        rate.note(now + 2 * second, 200);
        rate.note(now + 2 * second, 350);
        about(rate.speed(now + 3 * second), 125.0);
        assert_eq!(rate.speed(now), 0.0);
    }

    #[test]
    fn its_memory_is_fixed() {
        let (rate, _) = run(1, 100_000, |ms| ms);
        assert_eq!(rate.marks.len(), MARKS);
        assert_eq!(rate.marks.capacity(), Rate::new().marks.capacity());
    }
}
