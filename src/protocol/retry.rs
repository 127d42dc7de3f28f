//! How often and how long to wait: the retry policy, its budgets, and back-off with jitter (T-034, T-140, T-141).

use std::time::Duration;

/// The limits of trying again. Every request of an operation draws from the same budgets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Failed tries in a row, without the acknowledged offset growing, before the operation fails.
    pub max_retries: u32,
    /// The back-off before the first retry; it doubles with each further one.
    pub base_delay: Duration,
    /// The longest back-off.
    pub max_delay: Duration,
    /// How long a locked upload (423; 409s in a row at the same offset too, T-027) is waited for.
    pub lock_budget: Duration,
    /// A longer `Retry-After` fails the operation instead of being waited for.
    pub max_retry_after: Duration,
}

/// How long a server is tried that has not answered at all, where the caller has set no limits: one that is not there is
/// told within two minutes.
pub const FIRST_ANSWER: Duration = Duration::from_secs(110);
/// The longest that one request may take to be answered while the server has not answered at all, where that is limited:
/// it leaves time for another try.
pub const FIRST_ANSWER_MAX: Duration = Duration::from_secs(60);

impl Default for RetryPolicy {
    fn default() -> Self {
        RetryPolicy {
            // 1 + 2 + 4 + 8 + 16 + 32 s, half of it at least: a server restart of half a minute is survived.
            max_retries: 6,
            base_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(60),
            // Servers hold a dead connection's lock for up to a minute, seen up to two (tusd#667).
            lock_budget: Duration::from_secs(120),
            max_retry_after: Duration::from_secs(3600),
        }
    }
}

impl RetryPolicy {
    /// The back-off before retry number `attempt` (from 1): exponential with a cap, the upper half of it random.
    ///
    /// Full jitter, down to zero, was not taken: with a small number of retries it can burn the whole budget within
    /// milliseconds, which is how a short outage becomes a failed upload. Half fixed, half random spreads clients
    /// as well and keeps delays growing.
    pub fn backoff(&self, attempt: u32, random: &mut fastrand::Rng) -> Duration {
        let doublings = attempt.saturating_sub(1).min(32);
        let full = self.base_delay.saturating_mul(1u32.checked_shl(doublings).unwrap_or(u32::MAX)).min(self.max_delay);
        let micros = u64::try_from(full.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(micros / 2 + random.u64(0..=micros - micros / 2))
    }
}

/// What a `Retry-After` header asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// A number of seconds.
    Delay(Duration),
    /// A date, as seconds since 1970; the driver's wall clock decides how far away it is.
    Until(u64),
}

/// Parses `Retry-After` in both forms; anything else is as if it were not there (T-140).
pub fn parse_retry_after(value: &str) -> Option<RetryAfter> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are a very long wait, not a malformed one.
        return Some(RetryAfter::Delay(Duration::from_secs(value.parse().unwrap_or(u64::MAX))));
    }
    super::date::parse_http_date(value).map(RetryAfter::Until)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_grows_is_random_and_is_capped() {
        let policy = RetryPolicy::default();
        let mut random = fastrand::Rng::with_seed(1);
        for attempt in 1..100 {
            let full = Duration::from_secs(1 << (attempt - 1).min(20)).min(policy.max_delay);
            for _ in 0..50 {
                let delay = policy.backoff(attempt, &mut random);
                assert!(delay >= full / 2 && delay <= full, "attempt {attempt}: {delay:?}");
            }
        }
        let mut seen: Vec<_> = (0..20).map(|_| policy.backoff(3, &mut random)).collect();
        seen.dedup();
        assert!(seen.len() > 15);
    }

    #[test]
    fn absurd_policies_do_not_overflow() {
        let mut policy = RetryPolicy { base_delay: Duration::MAX, max_delay: Duration::MAX, ..Default::default() };
        let mut random = fastrand::Rng::with_seed(1);
        assert!(policy.backoff(u32::MAX, &mut random) > Duration::from_secs(1));
        policy.base_delay = Duration::ZERO;
        assert_eq!(policy.backoff(7, &mut random), Duration::ZERO);
    }

    #[test]
    fn retry_after_has_two_forms() {
        assert_eq!(parse_retry_after("7"), Some(RetryAfter::Delay(Duration::from_secs(7))));
        assert_eq!(parse_retry_after(" 0 "), Some(RetryAfter::Delay(Duration::ZERO)));
        assert_eq!(
            parse_retry_after("99999999999999999999999"),
            Some(RetryAfter::Delay(Duration::from_secs(u64::MAX)))
        );
        assert_eq!(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT"), Some(RetryAfter::Until(784_111_777)));
        for junk in ["", "soon", "-1", "1.5", "7 s", "Nov 6"] {
            assert_eq!(parse_retry_after(junk), None, "{junk:?}");
        }
    }
}
