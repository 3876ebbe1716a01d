//! When to read, and for how long nothing could be read.

use std::time::{Duration, Instant};

/// Readings at whole multiples of an interval after the beginning: they do not drift, and those that come too late are left
/// out.
#[derive(Debug)]
pub(super) struct Schedule {
    begin: Instant,
    every: Duration,
}

impl Schedule {
    pub(super) fn new(begin: Instant, every: Duration) -> Self {
        Self { begin, every }
    }

    /// When to read next.
    pub(super) fn after(&self, now: Instant) -> Instant {
        let passed = now.saturating_duration_since(self.begin).as_nanos();
        let count = passed / self.every.as_nanos().max(1) + 1;
        let due = u64::try_from(count * self.every.as_nanos()).map(Duration::from_nanos);
        let due = due.ok().and_then(|due| self.begin.checked_add(due));
        due.unwrap_or(now + self.every)
    }

    /// When to try again while there is no connection.
    pub(super) fn again(&self, now: Instant) -> Instant {
        now + self.every.min(PAUSE)
    }
}

/// Times without a connection.
#[derive(Debug)]
pub(super) struct Gaps {
    /// Shorter ones have cost no reading.
    every: Duration,
    /// Since when there is the connection that was used last.
    connected: Option<Instant>,
    /// When the first call began that had no connection.
    missing: Option<Instant>,
}

impl Gaps {
    /// Begins over a connection that exists since `connected`, if there is one.
    pub(super) fn new(every: Duration, connected: Option<Instant>) -> Self {
        Self {
            every,
            connected,
            missing: None,
        }
    }

    /// A call that began at `began` had no connection.
    pub(super) fn missed(&mut self, began: Instant) {
        self.missing.get_or_insert(began);
    }

    /// A call that began at `began` was answered `now`, over a connection that exists since `connected`. Returns how long
    /// there was none, if readings are missing.
    pub(super) fn answered(
        &mut self,
        began: Instant,
        now: Instant,
        connected: Instant,
    ) -> Option<Duration> {
        let before = self.connected.replace(connected);
        let is_new = before.is_some_and(|before| before != connected);
        let lasted = |since| now.saturating_duration_since(since);
        match self.missing.take() {
            Some(since) => Some(lasted(since)),
            None => Some(lasted(began)).filter(|lasted| is_new && *lasted >= self.every),
        }
    }
}

/// Longest time between two attempts while there is no connection.
const PAUSE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn readings_do_not_drift() {
        let begin = Instant::now();
        let schedule = Schedule::new(begin, 500 * MS);
        let mut now = begin;
        for count in 1..1000 {
            // Each reading takes some time, and the sleep before it too long.
            now = schedule.after(now + 40 * MS);
            assert_eq!(now, begin + 500 * count * MS);
        }
    }

    #[test]
    fn readings_that_come_too_late_are_left_out() {
        let begin = Instant::now();
        let schedule = Schedule::new(begin, 500 * MS);
        for (now, next) in [
            (0, 500),
            (499, 500),
            (500, 1000),
            (501, 1000),
            (1730, 2000),
            (3_600_001, 3_600_500),
        ] {
            assert_eq!(schedule.after(begin + now * MS), begin + next * MS, "{now}");
        }
    }

    #[test]
    fn attempts_during_an_outage_do_not_wait_for_a_long_interval() {
        let now = Instant::now();
        let again = |every| Schedule::new(now, every).again(now) - now;
        assert_eq!(again(10 * MS), 10 * MS);
        assert_eq!(again(3_600_000 * MS), PAUSE);
    }

    #[test]
    fn a_gap_is_over_with_the_first_answer() {
        let begin = Instant::now();
        let at = |ms: u32| begin + ms * MS;
        let mut gaps = Gaps::new(500 * MS, Some(at(0)));
        assert_eq!(gaps.answered(at(0), at(1), at(0)), None);
        gaps.missed(at(500));
        gaps.missed(at(6000));
        let over = gaps.answered(at(12_000), at(12_500), at(12_400));
        assert_eq!(over, Some(12_000 * MS));
        assert_eq!(gaps.answered(at(13_000), at(13_001), at(12_400)), None);
    }

    #[test]
    fn a_call_that_waited_for_a_new_connection_shows_how_long() {
        let begin = Instant::now();
        let at = |ms: u32| begin + ms * MS;
        let mut gaps = Gaps::new(500 * MS, None);
        assert_eq!(gaps.answered(at(0), at(2000), at(0)), None, "the first one");
        assert_eq!(gaps.answered(at(2500), at(4500), at(0)), None, "slow");
        let over = gaps.answered(at(5000), at(6500), at(6400));
        assert_eq!(over, Some(1500 * MS));
        // The connection of the beginning can be lost before the first answer.
        let mut lost = Gaps::new(500 * MS, Some(at(0)));
        assert_eq!(lost.answered(at(1), at(2001), at(1900)), Some(2000 * MS));
        // No reading is missing.
        assert_eq!(gaps.answered(at(7000), at(7100), at(7050)), None);
    }
}
