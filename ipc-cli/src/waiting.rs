//! What calls wait for: shown to the user, and given up when it takes too long.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ipc_client::{CancellationToken, ConnectionState, WaitingStatus};

use crate::progress;

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

    /// The state of the connection has changed. Servers report the place in the queue every few seconds.
    pub(crate) fn on_state(&self, state: &ConnectionState) {
        match state {
            ConnectionState::Queued(status) => self.waits(status.to_string()),
            ConnectionState::Connecting { attempts: 1.., .. } => {
                progress::waits(&state.to_string())
            }
            ConnectionState::Connected { .. } => progress::clear(),
            _ => {}
        }
    }

    /// A call waits for a device. Servers report that every few seconds.
    pub(crate) fn on_waiting(&self, status: &WaitingStatus) {
        self.waits(status.to_string());
    }

    /// The call waits for others. Gives it up if it has done so for too long.
    pub(crate) fn waits(&self, reason: String) {
        let mut wait = self.lock();
        let waited = wait.since.get_or_insert_with(Instant::now).elapsed();
        if waited >= wait.patience {
            wait.given_up = Some(GivenUp { waited, reason });
            wait.token.cancel();
            return;
        }
        drop(wait);
        progress::waits(&format!("waiting: {reason}"));
    }

    fn lock(&self) -> MutexGuard<'_, Wait> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_without_patience_is_given_up_when_it_has_to_wait() {
        let (waiting, token) = (Waiting::default(), CancellationToken::new());
        waiting.begin(&token, Duration::MAX);
        waiting.waits("place 2".into());
        assert!(!token.is_cancelled() && waiting.end().is_none());
        waiting.begin(&token, Duration::ZERO);
        assert!(!token.is_cancelled());
        waiting.waits("place 1".into());
        assert!(token.is_cancelled());
        assert_eq!(waiting.end().unwrap().reason, "place 1");
    }
}
