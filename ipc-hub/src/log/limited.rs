//! Log lines that clients and strangers can cause: all of them while there are few, and their number once there are many.

use std::fmt::Display;
use std::mem;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::log::{self, About};

/// A log for one kind of line, with a limited rate. Kinds have limits of their own so that none can hide another.
#[derive(Debug)]
pub struct LimitedLog {
    rate: Mutex<RateLimit>,
    /// What to say about lines that were left out, after their number.
    left_out: &'static str,
}

impl LimitedLog {
    /// A log of one line per `period`, after an initial burst.
    pub fn new(period: Duration, left_out: &'static str) -> Self {
        Self {
            rate: Mutex::new(RateLimit::new(period, Instant::now())),
            left_out,
        }
    }

    /// Logs a failure, unless there were too many.
    pub fn error(&self, about: About, what: impl Display) {
        if self.may_log() {
            log::error(about, what);
        }
    }

    /// Logs something that is probably a mistake, unless there were too many.
    pub fn warn(&self, about: About, what: impl Display) {
        if self.may_log() {
            log::warn(about, what);
        }
    }

    /// Logs an ordinary event, unless there were too many.
    pub fn info(&self, about: About, what: impl Display) {
        if self.may_log() {
            log::info(about, what);
        }
    }

    /// Returns true if another line may be logged now, after logging how many were left out.
    pub fn may_log(&self) -> bool {
        let mut rate = self.rate.lock().unwrap_or_else(PoisonError::into_inner);
        let allowed = rate.take(Instant::now());
        drop(rate);
        if let Some(left_out @ 1..) = allowed {
            log::warn(
                About::server(),
                format_args!("{left_out} {}", self.left_out),
            );
        }
        allowed.is_some()
    }
}

/// A token bucket that counts what it refuses, which the crates for rate limits do not.
#[derive(Debug)]
struct RateLimit {
    tokens: u32,
    filled: Instant,
    refused: u64,
    /// How long it takes to earn a token.
    period: Duration,
}

impl RateLimit {
    fn new(period: Duration, now: Instant) -> Self {
        Self {
            tokens: BURST,
            filled: now,
            refused: 0,
            period,
        }
    }

    /// Takes a token, and returns how often there was none since the last one.
    fn take(&mut self, now: Instant) -> Option<u64> {
        let elapsed = now.saturating_duration_since(self.filled);
        let earned = elapsed.as_millis() / self.period.as_millis();
        let earned = u32::try_from(earned).unwrap_or(u32::MAX);
        if earned > 0 {
            self.tokens = self.tokens.saturating_add(earned).min(BURST);
            self.filled = now;
        }
        let Some(tokens) = self.tokens.checked_sub(1) else {
            self.refused += 1;
            return None;
        };
        self.tokens = tokens;
        Some(mem::take(&mut self.refused))
    }
}

/// Number of lines that may be logged at once.
const BURST: u32 = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_all_levels_are_counted() {
        let log = LimitedLog::new(Duration::from_secs(1000), "are not listed");
        log.error(About::server(), "out of everything");
        log.warn(About::peer(([127, 0, 0, 1], 1).into()), "says nothing");
        assert_eq!(log.rate.into_inner().unwrap().tokens, BURST - 2);
    }

    #[test]
    fn a_flood_is_counted_and_not_listed() {
        let start = Instant::now();
        let period = Duration::from_secs(2);
        let mut rate = RateLimit::new(period, start);
        for _ in 0..BURST {
            assert_eq!(rate.take(start), Some(0));
        }
        for _ in 0..100_000 {
            assert_eq!(rate.take(start + Duration::from_millis(1999)), None);
        }
        assert_eq!(rate.take(start + period), Some(100_000));
        assert_eq!(rate.take(start + period), None);
        // Idle time fills the bucket, but only up to the burst.
        let later = start + Duration::from_secs(100_000);
        assert_eq!(rate.take(later), Some(1));
        for _ in 1..BURST {
            assert_eq!(rate.take(later), Some(0));
        }
        assert_eq!(rate.take(later), None);
    }
}
