//! Telling a client what its call waits for.

use std::time::{Duration, Instant};

use ipc_core::interface::blocked::GateWait;
use ipc_core::interface::context::session_of;
use ipc_core::wire::ctrl::WaitingStatus;

use super::serving::Serving;

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
    fn is_due(&mut self, call: u64, wait: &GateWait<'_>, now: Instant) -> bool {
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

impl Serving {
    /// Tells the client what its call waits for, unless it has just been told.
    pub(super) fn tell_wait(&self, call: u64, wait: &GateWait<'_>) {
        let now = Instant::now();
        if !self.told_wait().is_due(call, wait, now) {
            return;
        }
        let status = self.waiting_status(call, wait, now);
        let mut pump = self.pump();
        pump.session.tell_waiting(status);
        pump.write_briefly(&self.activity);
    }

    fn waiting_status(&self, call: u64, wait: &GateWait<'_>, now: Instant) -> WaitingStatus {
        let mut status = WaitingStatus {
            call,
            device: wait.device.to_string(),
            place: u32::try_from(wait.place).unwrap_or(u32::MAX),
            holder: String::new(),
            since_ms: 0,
            idle_ms: 0,
            reason: String::new(),
        };
        let Some(inside) = &wait.inside else {
            return status;
        };
        if let Some(name) = &inside.local {
            status.holder.clone_from(name);
        } else if let Some(client) = session_of(inside.id).and_then(|id| self.state.client(id)) {
            let seen = client.seen(now);
            status.since_ms = seen.running_ms();
            status.holder = format!("{} at {}", seen.name, seen.address);
        } else {
            status.holder = "the server, which puts it into its safe state,".into();
        }
        if let Some(method) = &inside.method {
            status.reason = format!("`{method}` runs");
        }
        status
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
