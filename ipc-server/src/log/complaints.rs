//! Log lines that others can cause, listed one by one while they are few and counted when somebody floods the port.

use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::log::{self, About};

/// What goes wrong with connections. Strangers must not be able to fill a disk.
#[derive(Debug)]
pub(crate) struct Complaints(Lines);

/// Clients that come, wait and go, whose lines are none the fewer for being in order. With a budget of their own they
/// hide no complaint.
#[derive(Debug)]
pub(crate) struct Visits(Lines);

/// Calls that were refused or failed: a script may make thousands of them in a second.
#[derive(Debug)]
pub(crate) struct FailedCalls(Lines);

/// Lines of one kind, within a budget.
#[derive(Debug)]
struct Lines {
    budget: Mutex<Budget>,
    /// What to say of those that were not listed, behind their number.
    rest: &'static str,
}

#[derive(Debug)]
struct Budget {
    left: u32,
    filled: Instant,
    untold: u64,
    /// How long it takes until one more line may be written.
    every: Duration,
}

impl Complaints {
    pub(crate) fn new(now: Instant) -> Self {
        let rest = "more connections went wrong and are not listed: somebody floods the port";
        Self(Lines::new(Duration::from_secs(2), rest, now))
    }

    /// Logs that something is wrong with a connection, unless that has been said too often.
    pub(crate) fn log(&self, peer: SocketAddr, what: impl Display) {
        if self.0.may_log() {
            log::warn(About::peer(peer), what);
        }
    }

    /// The same for what goes wrong here, before it is known who it is.
    pub(crate) fn log_here(&self, what: impl Display) {
        if self.0.may_log() {
            log::error(About::server(), what);
        }
    }
}

impl Visits {
    pub(crate) fn new(now: Instant) -> Self {
        let rest =
            "more lines about clients that came, waited or left are not listed: too many at once";
        Self(Lines::new(Duration::from_millis(500), rest, now))
    }

    /// Logs what a client does.
    pub(crate) fn log(&self, client: impl Display, what: impl Display) {
        if self.0.may_log() {
            log::info(About::client(client.to_string()), what);
        }
    }
}

impl FailedCalls {
    pub(crate) fn new(now: Instant) -> Self {
        let rest = "more calls were refused or failed and are not listed";
        Self(Lines::new(Duration::from_millis(500), rest, now))
    }

    /// True if one more line may be written now.
    pub(crate) fn may_log(&self) -> bool {
        self.0.may_log()
    }
}

impl Lines {
    fn new(every: Duration, rest: &'static str, now: Instant) -> Self {
        Self {
            budget: Mutex::new(Budget::new(every, now)),
            rest,
        }
    }

    /// True if one more line may be written now, after one for those that could not be.
    fn may_log(&self) -> bool {
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        let untold = budget.spend(Instant::now());
        drop(budget);
        if let Some(untold @ 1..) = untold {
            log::warn(About::server(), format_args!("{untold} {}", self.rest));
        }
        untold.is_some()
    }
}

impl Budget {
    fn new(every: Duration, now: Instant) -> Self {
        Self {
            left: BURST,
            filled: now,
            untold: 0,
            every,
        }
    }

    /// Nothing if nothing may be said now; else how often nothing was said since the last time.
    fn spend(&mut self, now: Instant) -> Option<u64> {
        let elapsed = now.saturating_duration_since(self.filled);
        let earned = elapsed.as_millis() / self.every.as_millis();
        let earned = u32::try_from(earned).unwrap_or(u32::MAX);
        if earned > 0 {
            self.left = self.left.saturating_add(earned).min(BURST);
            self.filled = now;
        }
        let Some(left) = self.left.checked_sub(1) else {
            self.untold += 1;
            return None;
        };
        self.left = left;
        Some(std::mem::take(&mut self.untold))
    }
}

/// Lines that are written however fast they come.
const BURST: u32 = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_here_is_counted_like_trouble_with_others() {
        let complaints = Complaints::new(Instant::now());
        complaints.log_here("out of everything");
        complaints.log(([127, 0, 0, 1], 1).into(), "says nothing");
        let Complaints(lines) = complaints;
        assert_eq!(lines.budget.into_inner().unwrap().left, BURST - 2);
    }

    #[test]
    fn a_flood_is_counted_and_not_listed() {
        let start = Instant::now();
        let every = Duration::from_secs(2);
        let mut budget = Budget::new(every, start);
        for _ in 0..BURST {
            assert_eq!(budget.spend(start), Some(0));
        }
        for _ in 0..100_000 {
            assert_eq!(budget.spend(start + Duration::from_millis(1999)), None);
        }
        assert_eq!(budget.spend(start + every), Some(100_000));
        assert_eq!(budget.spend(start + every), None);
        // Peace fills it again, and no further.
        let later = start + Duration::from_secs(100_000);
        assert_eq!(budget.spend(later), Some(1));
        for _ in 1..BURST {
            assert_eq!(budget.spend(later), Some(0));
        }
        assert_eq!(budget.spend(later), None);
    }
}
