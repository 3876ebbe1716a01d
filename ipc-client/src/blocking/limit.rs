//! How long a thread waits.

use std::time::{Duration, Instant};

use ipc_core::session::client::Clock;

use crate::cancel::CancellationToken;
use crate::clock::StepTime;

/// What ends the wait of a thread, whatever the connection does.
#[derive(Clone, Copy)]
pub(super) struct WaitLimit<'a> {
    pub(super) started: Instant,
    pub(super) deadline: Option<Instant>,
    pub(super) token: Option<&'a CancellationToken>,
}

impl WaitLimit<'_> {
    pub(super) fn has_passed(self, now: &StepTime) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now.now())
    }

    /// How long to sleep at most, if `other` is a further reason to wake up.
    pub(super) fn sleep_time(self, other: Option<Instant>, now: &StepTime) -> Option<Duration> {
        let deadline = self.deadline.filter(|deadline| *deadline > now.now());
        let until = match (deadline, other) {
            (Some(deadline), Some(other)) => Some(deadline.min(other)),
            (deadline, other) => deadline.or(other),
        };
        let time = until.map(|until| until.saturating_duration_since(now.now()).max(MIN_SLEEP));
        match (self.token, time) {
            (Some(_), Some(time)) => Some(time.min(TOKEN_INTERVAL)),
            (Some(_), None) => Some(TOKEN_INTERVAL),
            (None, time) => time,
        }
    }
}

/// How often a waiting call checks its cancellation token.
const TOKEN_INTERVAL: Duration = Duration::from_millis(40);
/// Shortest sleep. A socket rejects a read timeout of zero.
const MIN_SLEEP: Duration = Duration::from_micros(10);
