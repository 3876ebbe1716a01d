//! Clocks that can stand still.

use std::time::{Duration, Instant};

use crate::time::later;

/// A time that is due once its clock has run for long enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Clock {
    since: Instant,
    /// When it is due, if it runs until then.
    due: Instant,
}

/// How often running clocks are looked at. A call can be overlooked if it is shorter.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Maximum time that counts between two looks. After a longer one, this process was suspended.
const COUNTED: Duration = Duration::from_secs(2);

impl Clock {
    pub(super) fn new(now: Instant, duration: Duration) -> Self {
        Self {
            since: now,
            due: later(now, duration),
        }
    }

    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// Takes the time since the previous look into account, unless the clock was `stopped`.
    pub(super) fn count(&mut self, previous: Option<Instant>, now: Instant, stopped: bool) {
        let from = previous.map_or(self.since, |previous| previous.max(self.since));
        let passed = now.saturating_duration_since(from);
        let counted = match stopped {
            true => Duration::ZERO,
            false => passed.min(COUNTED),
        };
        self.due = later(self.due, passed.saturating_sub(counted));
    }
}
