//! What calls wait for: shown to the user, and given up when it takes too long.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ipc_client::{CancellationToken, ConnectionState, QueueStatus, WaitingStatus};

use crate::{progress, times};

/// What the calls of a session wait for.
#[derive(Default)]
pub(crate) struct Waiting(Mutex<Wait>);

/// What the current call waits for.
#[derive(Default)]
struct Wait {
    token: CancellationToken,
    /// How long it may wait for others.
    patience: Duration,
    since: Option<Instant>,
    /// True if the client was in the queue of the server.
    was_queued: bool,
    /// Why it was given up.
    given_up: Option<GivenUp>,
}

/// A wait that took too long.
#[derive(Debug)]
pub(crate) struct GivenUp {
    pub(crate) waited: Duration,
    /// What for: the place, and who is before.
    pub(crate) reason: String,
}

impl Waiting {
    /// A call begins, which `token` cancels when it has waited for longer than its `patience`.
    pub(crate) fn begin(&self, token: &CancellationToken, patience: Duration) {
        *self.lock() = Wait {
            token: token.clone(),
            patience,
            ..Wait::default()
        };
    }

    /// The call has ended. Returns why it was given up, if it was.
    pub(crate) fn end(&self) -> Option<GivenUp> {
        progress::clear();
        self.lock().given_up.take()
    }

    /// Returns true if the client was in the queue since the call began, or since this was asked.
    pub(crate) fn was_queued(&self) -> bool {
        std::mem::take(&mut self.lock().was_queued)
    }

    /// The state of the connection has changed. Servers report the place in the queue every few seconds.
    pub(crate) fn on_state(&self, state: &ConnectionState) {
        match state {
            ConnectionState::Queued(status) => {
                self.lock().was_queued = true;
                self.waits(&in_line(status), status.to_string());
            }
            ConnectionState::Connecting { attempts: 1.., .. } => {
                progress::waits(&state.to_string())
            }
            ConnectionState::Connected { .. } => progress::clear(),
            _ => {}
        }
    }

    /// A call waits for a device. Servers report that every few seconds.
    pub(crate) fn on_waiting(&self, status: &WaitingStatus) {
        let text = status.to_string();
        self.waits(&text, text.clone());
    }

    /// The call waits for others. Shows that as `text`, or gives the call up for this `reason` if it has waited for too
    /// long.
    pub(crate) fn waits(&self, text: &str, reason: String) {
        let mut wait = self.lock();
        let waited = wait.since.get_or_insert_with(Instant::now).elapsed();
        if waited >= wait.patience {
            wait.given_up = Some(GivenUp { waited, reason });
            wait.token.cancel();
            return;
        }
        drop(wait);
        progress::waits(&format!("waiting: {text}"));
    }

    fn lock(&self) -> MutexGuard<'_, Wait> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place in the queue in few words: a line of a terminal is short.
fn in_line(status: &QueueStatus) -> String {
    let QueueStatus {
        place,
        waiting,
        holder,
        running,
        ..
    } = status;
    let held = times::shown_ms(status.held_ms);
    let does = match running.as_str() {
        "" => format!("idle for {}", times::shown_ms(status.idle_ms)),
        running => format!("`{running}` runs"),
    };
    format!("place {place} of {waiting}, held for {held} by {holder}, {does}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_without_patience_is_given_up_when_it_has_to_wait() {
        let (waiting, token) = (Waiting::default(), CancellationToken::new());
        waiting.begin(&token, Duration::MAX);
        waiting.waits("2", "place 2".into());
        assert!(!token.is_cancelled() && waiting.end().is_none());
        waiting.begin(&token, Duration::ZERO);
        assert!(!token.is_cancelled());
        waiting.waits("1", "place 1".into());
        assert!(token.is_cancelled());
        assert_eq!(waiting.end().unwrap().reason, "place 1");
    }
}
