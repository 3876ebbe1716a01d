//! Backoff between attempts. A pure policy: randomness is an argument, and there is no clock.

use std::time::Duration;

/// Waits between attempts: short and constant at first, then growing up to a limit, each with random jitter.
///
/// The jitter spreads the clients that lost the same server, so that they do not all return at once. The first waits
/// stay short because a server keeps the place of a lost client for only 0.8 s while others wait, and a short network
/// failure must not cost the client its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
    /// Number of waits left before they begin to grow.
    steady: u32,
}

impl Backoff {
    /// Starts with a dozen waits of about `first`; each further wait is about twice the one before, up to `longest`.
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            next: first,
            steady: STEADY,
        }
    }

    /// Returns how long to wait before the next attempt: between half of the current wait and all of it. `random` must
    /// be uniformly distributed.
    pub fn next_wait(&mut self, random: u32) -> Duration {
        let full = self.next.min(self.longest);
        match self.steady.checked_sub(1) {
            Some(left) => self.steady = left,
            None => self.next = full.saturating_mul(2).min(self.longest),
        }
        let half = full / 2;
        half + half.mul_f64(f64::from(random) / f64::from(u32::MAX))
    }

    /// Starts again with the first wait, after an attempt has succeeded.
    pub fn reset(&mut self) {
        *self = Self::new(self.first, self.longest);
    }
}

impl Default for Backoff {
    /// From 100 ms to 5 s.
    fn default() -> Self {
        Self::new(Duration::from_millis(100), Duration::from_secs(5))
    }
}

/// Number of waits before they grow. With waits of 0.1 s and jitter, a client tries at least every 0.1 s for 0.6 to 1.2
/// s.
const STEADY: u32 = 11;

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn after_a_dozen_waits_double_up_to_the_longest() {
        let mut backoff = Backoff::default();
        for _ in 0..STEADY {
            assert_eq!(backoff.next_wait(u32::MAX), 100 * MS);
        }
        let waits: Vec<_> = (0..8).map(|_| backoff.next_wait(u32::MAX)).collect();
        let expected = [100, 200, 400, 800, 1600, 3200, 5000, 5000].map(|n| n * MS);
        assert_eq!(waits, expected);
    }

    #[test]
    fn jitter_takes_away_at_most_half() {
        for random in [0, 1, u32::MAX / 2, u32::MAX - 1, u32::MAX] {
            let mut backoff = Backoff::default();
            for _ in 0..STEADY {
                let wait = backoff.next_wait(random);
                assert!(50 * MS <= wait && wait <= 100 * MS, "{wait:?}");
            }
            for full in [100, 200, 400, 800, 1600, 3200, 5000, 5000].map(|n| n * MS) {
                let wait = backoff.next_wait(random);
                assert!(
                    full / 2 <= wait && wait <= full,
                    "{wait:?} of {full:?} with {random}"
                );
            }
        }
    }

    #[test]
    fn a_success_starts_over() {
        let mut backoff = Backoff::default();
        for _ in 0..5 {
            backoff.next_wait(7);
        }
        backoff.reset();
        assert_eq!(backoff, Backoff::default());
    }

    #[test]
    fn extreme_limits_do_not_overflow() {
        let mut backoff = Backoff::new(Duration::MAX / 2, Duration::MAX);
        for _ in 0..4 {
            assert!(backoff.next_wait(u32::MAX / 3) <= Duration::MAX);
        }
        let mut none = Backoff::new(Duration::ZERO, Duration::ZERO);
        assert_eq!(none.next_wait(u32::MAX), Duration::ZERO);
    }
}
