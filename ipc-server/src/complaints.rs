//! Log lines that others can cause, listed one by one while they are few and counted when somebody floods the port.

use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What goes wrong with connections. Strangers must not be able to fill a disk.
#[derive(Debug)]
pub(crate) struct Complaints(Mutex<Budget>);

/// Clients that come, wait and go, whose lines are none the fewer for being in order. With a budget of their own they
/// hide no complaint.
#[derive(Debug)]
pub(crate) struct Visits(Mutex<Budget>);

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
        Self(Mutex::new(Budget::new(Duration::from_secs(2), now)))
    }

    /// Logs that something is wrong with a connection, unless that has been said too often.
    pub(crate) fn log(&self, peer: SocketAddr, what: impl Display) {
        if self.may_speak() {
            tracing::warn!(%peer, "{what}");
        }
    }

    /// The same for what goes wrong here, before it is known who it is.
    pub(crate) fn log_here(&self, what: impl Display) {
        if self.may_speak() {
            tracing::error!("{what}");
        }
    }

    fn may_speak(&self) -> bool {
        let untold = lock(&self.0).spend(Instant::now());
        if let Some(untold @ 1..) = untold {
            tracing::warn!(
                "{untold} more connections went wrong and are not listed: somebody floods the port"
            );
        }
        untold.is_some()
    }
}

impl Visits {
    pub(crate) fn new(now: Instant) -> Self {
        Self(Mutex::new(Budget::new(Duration::from_millis(500), now)))
    }

    /// Logs what a client does.
    pub(crate) fn log(&self, client: impl Display, what: impl Display) {
        if self.may_speak() {
            tracing::info!(%client, "{what}");
        }
    }

    fn may_speak(&self) -> bool {
        let untold = lock(&self.0).spend(Instant::now());
        if let Some(untold @ 1..) = untold {
            tracing::info!(
                "{untold} more lines about clients that came, waited or left are not listed: too many at once"
            );
        }
        untold.is_some()
    }
}

fn lock(budget: &Mutex<Budget>) -> MutexGuard<'_, Budget> {
    budget.lock().unwrap_or_else(PoisonError::into_inner)
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
        let Complaints(budget) = complaints;
        assert_eq!(budget.into_inner().unwrap().left, BURST - 2);
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
