//! Telling a client what its call waits for.

use std::time::{Duration, Instant};

use ipc_core::interface::blocked::GateWait;
/// What a client has been told of the call that waits for a device.
#[derive(Debug, Default)]
pub(super) struct ToldWait {
    call: u64,
    since: Option<Instant>,
    /// When it was told last: the place in line, and what was inside.
    told: Option<(Instant, usize, Option<u64>)>,
}

impl ToldWait {
    /// Returns true if the client is to be told of the wait now: when it has lasted for a moment, when it has changed, and
    /// every 5 s.
    pub(super) fn is_due(&mut self, call: u64, wait: &GateWait<'_>, now: Instant) -> bool {
        if self.call != call {
            *self = Self {
                call,
                ..Self::default()
            };
        }
        let since = *self.since.get_or_insert(now);
        let inside = wait.inside.as_ref().map(|inside| inside.id);
        let is_due = match self.told {
            None => now.saturating_duration_since(since) >= MOMENT,
            Some((at, place, before)) => {
                let pause = now.saturating_duration_since(at);
                let has_changed = (place, before) != (wait.place, inside);
                pause >= REPEAT || has_changed && pause >= BETWEEN
            }
        };
        if is_due {
            self.told = Some((now, wait.place, inside));
        }
        is_due
    }
}

/// How long a call waits before its client is told.
const MOMENT: Duration = Duration::from_millis(20);
/// Minimum time between two reports.
const BETWEEN: Duration = Duration::from_millis(100);
/// Maximum time between two reports.
const REPEAT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_told_after_a_moment_on_changes_and_from_time_to_time() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let wait = |place| GateWait::new("laser", place, None);
        let mut told = ToldWait::default();
        let due = [
            (7, 2, 0, false),
            (7, 2, 19, false),
            (7, 2, 20, true),
            (7, 2, 40, false),
            (7, 1, 60, false),
            (7, 1, 120, true),
            (7, 1, 5_119, false),
            (7, 1, 5_120, true),
            (8, 1, 5_121, false),
            (8, 1, 5_141, true),
        ];
        for (call, place, ms, expected) in due {
            let is_due = told.is_due(call, &wait(place), at(ms));
            assert_eq!(is_due, expected, "call {call} after {ms} ms");
        }
    }
}
