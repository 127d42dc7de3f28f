//! A limit for the bytes per second that all requests of a client send together.
//!
//! A bucket of credit that time fills and body bytes empty. It is small, so that what was not used cannot be made up
//! for in one go, and a request gets a part of it at a time, in turn with the others that wait. Nobody is woken: who
//! waits asks again after [`SLICE`] at the latest, and so finds a limit that was changed meanwhile.

use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The longest wait before asking again: a changed limit holds for everybody within this time.
const SLICE: Duration = Duration::from_millis(50);

/// How much time's worth of credit the bucket holds: more than a busy machine wakes up late.
const BURST_PER_SECOND: u64 = 20;

/// The least it holds: a packet.
const SMALLEST_BURST: u64 = 1400;

/// The most it holds.
const LARGEST_BURST: u64 = 1 << 20;

/// How many shares the bucket has; a share is the most that is granted at a time.
const SHARES: u64 = 4;

/// How often a request that is alone gets something under a limit so low that a share takes longer to come together:
/// a server that sees no byte for a while gives up.
const LEAST_PER_SECOND: u64 = 4;

/// No limit, where a limit is a plain number.
const UNLIMITED: u64 = 0;

/// A limit for the body bytes that all requests of a [`Transport`](super::Transport) send in a second, together.
///
/// It counts what is handed to the kernel of bodies: not heads, not the framing of chunks, not what TLS adds. It may
/// be changed at any time from any thread, and a change holds within 100 ms for requests under way.
#[derive(Debug, Default)]
pub struct Throttle {
    /// Written under the lock of the bucket only; read without it where nothing is limited.
    limit: AtomicU64,
    bucket: Mutex<Bucket>,
}

impl Throttle {
    /// Sets the limit in bytes per second, or takes it away.
    pub fn set_limit(&self, limit: Option<NonZeroU64>) {
        let limit = limit.map_or(UNLIMITED, NonZeroU64::get);
        let mut bucket = self.bucket();
        bucket.set_limit(limit, Instant::now());
        self.limit.store(limit, Ordering::Relaxed);
    }

    /// The limit in bytes per second; `None` at first.
    pub fn limit(&self) -> Option<NonZeroU64> {
        NonZeroU64::new(self.limit.load(Ordering::Relaxed))
    }

    /// What may be sent now of `wanted` (at least 1) body bytes; possibly nothing.
    pub(super) fn take(&self, wanted: usize) -> Grant<'_> {
        // Its place in the queue, if it gets one, is left again at once.
        self.line_up().ask(wanted).unwrap_or_else(|_| self.nothing())
    }

    /// Begins to wait for a turn.
    pub(super) fn line_up(&self) -> Waiting<'_> {
        Waiting { throttle: self, ticket: None }
    }

    /// A grant with nothing in it.
    pub(super) fn nothing(&self) -> Grant<'_> {
        self.grant(UNLIMITED, 0)
    }

    fn grant(&self, limit: u64, left: usize) -> Grant<'_> {
        Grant { throttle: self, limit, left }
    }

    fn bucket(&self) -> MutexGuard<'_, Bucket> {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One request that waits for its turn. Dropping it leaves the queue.
#[derive(Debug)]
pub(super) struct Waiting<'a> {
    throttle: &'a Throttle,
    ticket: Option<u64>,
}

impl<'a> Waiting<'a> {
    /// Some of `wanted` (at least 1) body bytes, or how long to wait before asking again.
    pub(super) fn ask(&mut self, wanted: usize) -> Result<Grant<'a>, Duration> {
        let throttle = self.throttle;
        if throttle.limit.load(Ordering::Relaxed) == UNLIMITED {
            return Ok(throttle.grant(UNLIMITED, usize::MAX));
        }
        let mut bucket = throttle.bucket();
        // It may have been taken away just now.
        if bucket.limit == UNLIMITED {
            return Ok(throttle.grant(UNLIMITED, usize::MAX));
        }
        let granted = bucket.take(&mut self.ticket, wanted as u64, Instant::now());
        granted.map(|count| throttle.grant(bucket.limit, count as usize)).map_err(|wait| wait.min(SLICE))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.throttle.bucket().leave(ticket);
        }
    }
}

/// Body bytes that may be sent. What is left when it is dropped goes back, for others to send.
#[derive(Debug)]
pub(super) struct Grant<'a> {
    throttle: &'a Throttle,
    /// The limit it was given under.
    limit: u64,
    left: usize,
}

impl Grant<'_> {
    /// How many are left.
    pub(super) fn left(&self) -> usize {
        self.left
    }

    /// So many were sent.
    pub(super) fn spend(&mut self, count: usize) {
        self.left = self.left.saturating_sub(count);
    }

    /// Whether the limit has changed since.
    pub(super) fn is_outdated(&self) -> bool {
        self.throttle.limit.load(Ordering::Relaxed) != self.limit
    }
}

impl Drop for Grant<'_> {
    fn drop(&mut self) {
        if self.limit != UNLIMITED && self.left > 0 {
            let mut bucket = self.throttle.bucket();
            // Credit of another rate is worth nothing.
            if bucket.limit == self.limit {
                bucket.give_back(self.left as u64);
            }
        }
    }
}

/// The credit and who waits for it: a function of the times it is told.
#[derive(Debug, Default)]
struct Bucket {
    limit: u64,
    /// How many bytes may be sent now.
    credit: u64,
    /// Up to when the credit has been counted; `None` without a limit.
    counted: Option<Instant>,
    /// Who waits, longest first.
    queue: VecDeque<u64>,
    next_ticket: u64,
}

impl Bucket {
    fn set_limit(&mut self, limit: u64, now: Instant) {
        if limit == self.limit {
            return;
        }
        self.fill(now);
        self.limit = limit;
        if limit == UNLIMITED {
            // A limit that comes later begins with nothing: what had no limit was sent just before it.
            self.credit = 0;
            self.counted = None;
        } else {
            self.credit = self.credit.min(self.burst());
            self.counted = Some(now);
        }
    }

    /// Some of `wanted` bytes, or how long it takes until there are any. Who has to wait gets a ticket, which holds
    /// its place until it is served.
    fn take(&mut self, ticket: &mut Option<u64>, wanted: u64, now: Instant) -> Result<u64, Duration> {
        self.fill(now);
        let least = self.least();
        let own = least.min(wanted);
        let place = ticket.and_then(|ticket| self.queue.iter().position(|waiting| *waiting == ticket));
        let before = place.unwrap_or(self.queue.len()) as u64;
        // Each of those before has its own left. But a full bucket is for everybody: one of them may be busy
        // elsewhere, and must not hold up the others.
        let reserved = before.saturating_mul(least).min(self.burst() - own);
        if self.credit >= reserved + own {
            let granted = wanted.min(self.share()).min(self.credit - reserved);
            self.credit -= granted;
            if let Some(ticket) = ticket.take() {
                self.leave(ticket);
            }
            return Ok(granted);
        }
        if place.is_none() {
            self.queue.push_back(self.next_ticket);
            *ticket = Some(self.next_ticket);
            self.next_ticket += 1;
        }
        Err(self.time_for(reserved + own - self.credit))
    }

    fn leave(&mut self, ticket: u64) {
        self.queue.retain(|waiting| *waiting != ticket);
    }

    fn give_back(&mut self, count: u64) {
        self.credit = self.credit.saturating_add(count).min(self.burst());
    }

    /// Counts the credit that has come since the last time.
    fn fill(&mut self, now: Instant) {
        let Some(counted) = self.counted else {
            return;
        };
        let passed = now.saturating_duration_since(counted);
        let come = passed.as_nanos().saturating_mul(self.limit.into()) / 1_000_000_000;
        let room = self.burst() - self.credit;
        if come >= room.into() {
            self.credit += room;
            self.counted = Some(counted.max(now));
        } else {
            self.credit += come as u64;
            // The rest of a byte's time counts for the next one.
            self.counted = Some(counted + self.time_for(come as u64));
        }
    }

    /// How long it takes for so many bytes to come, rounded up.
    fn time_for(&self, count: u64) -> Duration {
        let nanos = (u128::from(count) * 1_000_000_000).div_ceil(self.limit.max(1).into());
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// How much credit there can be.
    fn burst(&self) -> u64 {
        (self.limit / BURST_PER_SECOND).clamp(SMALLEST_BURST, LARGEST_BURST)
    }

    /// The most that is granted at a time.
    fn share(&self) -> u64 {
        self.burst() / SHARES
    }

    /// The least that is worth sending, if that much is wanted.
    fn least(&self) -> u64 {
        self.share().min(self.limit / LEAST_PER_SECOND).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    fn bucket(limit: u64, now: Instant) -> Bucket {
        let mut bucket = Bucket::default();
        bucket.set_limit(limit, now);
        bucket
    }

    fn throttle(limit: u64) -> Throttle {
        let throttle = Throttle::default();
        throttle.set_limit(NonZeroU64::new(limit));
        throttle
    }

    /// Takes all that it gets at this moment.
    fn drain(bucket: &mut Bucket, now: Instant) -> u64 {
        let mut sum = 0;
        let mut ticket = None;
        while let Ok(count) = bucket.take(&mut ticket, 1 << 30, now) {
            sum += count;
        }
        bucket.leave(ticket.expect("a place"));
        sum
    }

    #[test]
    fn no_window_has_more_than_its_time_and_a_burst() {
        let start = Instant::now();
        for limit in [1, 3, 999, 1400, 28_000, 1_000_000, 70_000_001, 20_000_000_000, u64::MAX] {
            let mut random = fastrand::Rng::with_seed(limit);
            let mut bucket = bucket(limit, start);
            let mut tickets = [None; 5];
            let mut log = vec![(start, 0)];
            let mut now = start;
            let mut sum = 0;
            for _ in 0..1500 {
                let (pause, size) = (random.u32(1..35), random.u32(0..22));
                now += Duration::from_nanos(random.u64(0..1 << pause));
                let wanted = random.u64(1..=1 << size);
                if let Ok(count) = bucket.take(&mut tickets[random.usize(0..5)], wanted, now) {
                    assert!(count > 0 && count <= wanted);
                    // Some of it is not needed after all.
                    let back = if random.bool() { random.u64(0..=count) } else { 0 };
                    bucket.give_back(back);
                    sum += count - back;
                    log.push((now, sum));
                }
            }
            for (index, (begin, before)) in log.iter().enumerate() {
                for (end, after) in &log[index + 1..] {
                    let most = (*end - *begin).as_nanos() * u128::from(limit) / 1_000_000_000;
                    let burst = bucket.burst();
                    // What was sent at `begin` itself belongs to the window before.
                    assert!(u128::from(after - before) <= most + u128::from(burst) + 1, "{limit}: {begin:?} {end:?}");
                }
            }
        }
    }

    #[test]
    fn who_asks_when_told_gets_the_whole_rate() {
        for limit in [1, 7, 999, 1400, 28_000, 1_000_000, 70_000_001, 20_000_000_000] {
            let start = Instant::now();
            let mut now = start;
            let mut bucket = bucket(limit, start);
            let mut ticket = None;
            let mut sum = 0;
            for _ in 0..200 {
                match bucket.take(&mut ticket, u64::MAX, now) {
                    Ok(count) => sum += count,
                    Err(wait) => {
                        assert!(wait <= Duration::from_secs(1), "{limit}: {wait:?}");
                        now += wait;
                    }
                }
            }
            let due = (now - start).as_secs_f64() * limit as f64;
            assert!(sum as f64 <= due + 1.0 && sum as f64 >= due * 0.99 - 1.0, "{limit}: {sum} of {due}");
        }
    }

    #[test]
    fn what_was_not_used_is_lost_but_for_a_burst() {
        let start = Instant::now();
        for (limit, burst) in [(1, 1400), (28_000, 1400), (1_000_000, 50_000), (1 << 40, 1 << 20)] {
            let mut bucket = bucket(limit, start);
            assert_eq!(drain(&mut bucket, start), 0, "it begins with nothing");
            let now = start + Duration::from_secs(3600);
            assert_eq!(drain(&mut bucket, now), burst);
            assert_eq!(drain(&mut bucket, now), 0);
        }
    }

    #[test]
    fn those_who_wait_are_served_in_turn() {
        let mut now = Instant::now();
        let mut bucket = bucket(1_000_000, now);
        let mut tickets = [None; 7];
        let mut sums = [0; 7];
        for _ in 0..3000 {
            now += MILLI;
            // Always in the same order, the first one twice.
            for index in [0, 1, 2, 3, 4, 5, 6, 0] {
                sums[index] += bucket.take(&mut tickets[index], 1 << 20, now).unwrap_or(0);
            }
        }
        let (least, most) = (sums.iter().min().unwrap(), sums.iter().max().unwrap());
        assert!(*least > 300_000 && most - least <= 2 * bucket.share(), "{sums:?}");
    }

    #[test]
    fn who_waits_and_does_not_come_holds_up_nobody_for_long() {
        let start = Instant::now();
        let mut bucket = bucket(1_000_000, start);
        for _ in 0..20 {
            bucket.take(&mut None, 1, start).unwrap_err();
        }
        let mut ticket = None;
        let wait = bucket.take(&mut ticket, 1 << 20, start).unwrap_err();
        assert!(wait <= 50 * MILLI, "{wait:?}");
        assert!(bucket.take(&mut ticket, 1 << 20, start + wait).unwrap() > 0);
    }

    #[test]
    fn a_changed_limit_leaves_nothing_of_the_old_one() {
        let start = Instant::now();
        let later = start + Duration::from_secs(10);
        let mut bucket = bucket(1_000_000, start);
        // Full under the old limit, and no more than full under the new one.
        bucket.set_limit(1000, later);
        assert_eq!(drain(&mut bucket, later), 1400);
        let wait = bucket.take(&mut None, 1000, later).unwrap_err();
        assert_eq!(wait, Duration::from_millis(250));
        // Raised: the wait is the new one's.
        bucket.queue.clear();
        bucket.set_limit(1_000_000, later);
        let wait = bucket.take(&mut None, 1000, later).unwrap_err();
        assert_eq!(wait, MILLI);
        // Setting what is set changes nothing.
        bucket.queue.clear();
        bucket.set_limit(1_000_000, later + 2 * MILLI);
        assert_eq!(bucket.take(&mut None, 2000, later + 2 * MILLI), Ok(2000));
        // Taken away and set again: it begins with nothing.
        bucket.set_limit(UNLIMITED, later + 100 * MILLI);
        bucket.set_limit(1_000_000, later + 100 * MILLI);
        assert_eq!(drain(&mut bucket, later + 100 * MILLI), 0);
    }

    #[test]
    fn without_a_limit_all_is_granted_and_nothing_counted() {
        let throttle = Throttle::default();
        assert_eq!(throttle.limit(), None);
        let mut grant = throttle.take(1);
        grant.spend(1 << 30);
        assert!(grant.left() > 1 << 30 && !grant.is_outdated());
        throttle.set_limit(NonZeroU64::new(1));
        assert!(grant.is_outdated());
        drop(grant);
        assert_eq!(throttle.limit(), NonZeroU64::new(1));
        assert_eq!(throttle.take(1 << 20).left(), 0, "what is left of no limit is no credit");
        throttle.set_limit(None);
        assert!(throttle.take(1).left() > 1);
    }

    #[test]
    fn what_is_left_of_a_grant_goes_back() {
        let throttle = throttle(1);
        throttle.bucket().credit = 1000;
        let mut grant = throttle.take(300);
        assert_eq!((grant.left(), throttle.bucket().credit), (300, 700));
        grant.spend(100);
        drop(grant);
        assert_eq!(throttle.bucket().credit, 900);
        let grant = throttle.take(300);
        throttle.set_limit(NonZeroU64::new(2));
        drop(grant);
        assert_eq!(throttle.bucket().credit, 600, "but not to another limit");
    }

    #[test]
    fn a_place_is_left_when_nobody_waits_there_any_more() {
        let throttle = throttle(1);
        let mut waiting = throttle.line_up();
        assert_eq!(waiting.ask(5).unwrap_err(), SLICE);
        assert_eq!(throttle.take(5).left(), 0);
        assert_eq!(throttle.bucket().queue.len(), 1);
        drop(waiting);
        assert_eq!(throttle.bucket().queue.len(), 0);
    }
}
