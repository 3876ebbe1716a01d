//! What goes wrong with strangers, in the log: all of it while it is little, and a count when somebody floods the port.

use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Strangers must not be able to fill a disk.
#[derive(Debug)]
pub(crate) struct Complaints(Mutex<Budget>);

#[derive(Debug)]
struct Budget {
    left: u32,
    filled: Instant,
    untold: u64,
}

impl Complaints {
    pub(crate) fn new(now: Instant) -> Self {
        Self(Mutex::new(Budget {
            left: BURST,
            filled: now,
            untold: 0,
        }))
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
        let mut budget = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let untold = budget.spend(Instant::now());
        drop(budget);
        if let Some(untold @ 1..) = untold {
            tracing::warn!(
                "{untold} more connections went wrong and are not listed: somebody floods the port"
            );
        }
        untold.is_some()
    }
}

impl Budget {
    /// Nothing if nothing may be said now; else how often nothing was said since the last time.
    fn spend(&mut self, now: Instant) -> Option<u64> {
        let elapsed = now.saturating_duration_since(self.filled);
        let earned = u32::try_from(elapsed.as_secs() / EVERY.as_secs()).unwrap_or(u32::MAX);
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

/// So many at once are listed one by one.
const BURST: u32 = 200;
/// After those, one in this time.
const EVERY: Duration = Duration::from_secs(2);

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
        let Complaints(budget) = Complaints::new(start);
        let mut budget = budget.into_inner().unwrap();
        for _ in 0..BURST {
            assert_eq!(budget.spend(start), Some(0));
        }
        for _ in 0..100_000 {
            assert_eq!(budget.spend(start + Duration::from_millis(1999)), None);
        }
        assert_eq!(budget.spend(start + EVERY), Some(100_000));
        assert_eq!(budget.spend(start + EVERY), None);
        // Peace fills it again, and no further.
        let later = start + Duration::from_secs(100_000);
        assert_eq!(budget.spend(later), Some(1));
        for _ in 1..BURST {
            assert_eq!(budget.spend(later), Some(0));
        }
        assert_eq!(budget.spend(later), None);
    }
}
