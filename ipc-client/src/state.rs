//! What becomes of the connection, for those who want to watch.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ipc_core::wire::ctrl::QueueStatus;

use crate::callback::{HandoverCallback, StateCallback};

/// How a client stands with its server, as far as it knows.
///
/// A [`Client`](crate::Client) that nobody calls does not look: its state stays [`Connected`](Self::Connected) until a
/// call finds out otherwise.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ConnectionState {
    /// There is no connection, and nobody needs one.
    Disconnected,
    /// There is no connection, and one is being made.
    Connecting {
        /// Since when.
        since: Instant,
        /// How many tries have failed.
        attempts: u32,
        /// How the last of them failed.
        last_error: Option<String>,
    },
    /// The server is busy with another client. The times go on from what the server told last.
    Queued(QueueStatus),
    /// The control session is ours; calls go out at once.
    Connected {
        /// Where the server is.
        server: SocketAddr,
        /// Since when.
        since: Instant,
        /// True if the server still knew the session from an earlier connection.
        resumed: bool,
    },
    /// The client was closed, for good.
    Closed,
}

/// For a person to read: "waiting, place 1 of 2 in the queue; ...".
impl std::fmt::Display for ConnectionState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Disconnected => f.write_str("not connected"),
            Self::Connecting {
                last_error: None, ..
            } => f.write_str("connecting"),
            Self::Connecting {
                attempts,
                last_error: Some(error),
                ..
            } => {
                let tries = match attempts {
                    1 => "one try".into(),
                    many => format!("{many} tries"),
                };
                write!(f, "connecting, {tries} so far: {error}")
            }
            Self::Queued(status) => write!(f, "waiting, {status}"),
            Self::Connected {
                server,
                resumed: true,
                ..
            } => {
                write!(f, "connected to {server} again")
            }
            Self::Connected { server, .. } => write!(f, "connected to {server}"),
            Self::Closed => f.write_str("closed"),
        }
    }
}

impl ConnectionState {
    /// What this state, which was told at `told`, has become by `now`.
    fn as_of(&self, now: Instant, told: Instant) -> Self {
        match self {
            Self::Queued(status) => Self::Queued(aged(status, now.saturating_duration_since(told))),
            state => state.clone(),
        }
    }
}

/// What a server told of its queue this long ago. The times in it have gone on since.
pub(crate) fn aged(status: &QueueStatus, ago: Duration) -> QueueStatus {
    let ago = u64::try_from(ago.as_millis()).unwrap_or(u64::MAX);
    let later = |ms: u64| ms.saturating_add(ago);
    let (idle_ms, running_ms) = match status.running.is_empty() {
        true => (later(status.idle_ms), status.running_ms),
        false => (status.idle_ms, later(status.running_ms)),
    };
    QueueStatus {
        held_ms: later(status.held_ms),
        idle_ms,
        running_ms,
        ..status.clone()
    }
}

/// The state for all to read, and what callbacks have not been told yet.
pub(crate) struct Watch {
    on_state: Option<StateCallback>,
    on_handover: Option<HandoverCallback>,
    shown: Mutex<Shown>,
    pending: AtomicBool,
    handovers: AtomicU64,
}

struct Shown {
    state: ConnectionState,
    /// When the state became this one.
    since: Instant,
    notices: VecDeque<Notice>,
    /// True while some thread is calling back, so that notices keep their order.
    delivering: bool,
}

enum Notice {
    State(ConnectionState, Instant),
    Handover,
}

impl Watch {
    pub(crate) fn new(
        on_state: Option<StateCallback>,
        on_handover: Option<HandoverCallback>,
    ) -> Self {
        Self {
            on_state,
            on_handover,
            shown: Mutex::new(Shown {
                state: ConnectionState::Disconnected,
                since: Instant::now(),
                notices: VecDeque::new(),
                delivering: false,
            }),
            pending: AtomicBool::new(false),
            handovers: AtomicU64::new(0),
        }
    }

    pub(crate) fn state(&self) -> ConnectionState {
        let shown = self.shown();
        shown.state.as_of(Instant::now(), shown.since)
    }

    pub(crate) fn set(&self, state: ConnectionState) {
        let mut shown = self.shown();
        if shown.state == state || shown.state == ConnectionState::Closed {
            return;
        }
        shown.state = state.clone();
        shown.since = Instant::now();
        if self.on_state.is_some() {
            let since = shown.since;
            shown.notices.push_back(Notice::State(state, since));
            self.pending.store(true, Ordering::Release);
        }
    }

    pub(crate) fn handovers(&self) -> u64 {
        self.handovers.load(Ordering::Acquire)
    }

    pub(crate) fn handed_over(&self) {
        self.handovers.fetch_add(1, Ordering::AcqRel);
        if self.on_handover.is_some() {
            self.shown().notices.push_back(Notice::Handover);
            self.pending.store(true, Ordering::Release);
        }
    }

    /// True if [`deliver`](Self::deliver) has something to do.
    pub(crate) fn has_notices(&self) -> bool {
        self.pending.load(Ordering::Acquire)
    }

    /// Calls back. The caller holds no lock and reads no socket meanwhile: a callback may make calls of its own. A notice
    /// counts as given even if its callback panics.
    pub(crate) fn deliver(&self) {
        loop {
            let mut shown = self.shown();
            self.pending.store(false, Ordering::Release);
            if shown.delivering {
                return;
            }
            let Some(notice) = shown.notices.pop_front() else {
                return;
            };
            shown.delivering = true;
            drop(shown);
            match (notice, &self.on_state, &self.on_handover) {
                (Notice::State(state, since), Some(on_state), _) => {
                    let state = state.as_of(Instant::now(), since);
                    on_state.run(|tell| tell(&state));
                }
                (Notice::Handover, _, Some(on_handover)) => on_handover.run(|tell| tell()),
                _ => {}
            }
            self.shown().delivering = false;
        }
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Five seconds after it had been told, a text said that somebody "has held the server for 0 s".
    #[test]
    fn what_was_told_of_the_queue_goes_on() {
        let told = |running: &str, ms| QueueStatus {
            place: 1,
            waiting: 2,
            holder: "scan by alice".into(),
            holder_address: "192.168.1.7".into(),
            held_ms: 900,
            idle_ms: if running.is_empty() { ms } else { 0 },
            running: running.into(),
            running_ms: if running.is_empty() { 0 } else { ms },
        };
        let then = Instant::now();
        for (running, end) in [
            ("", "held the server for 5 s, idle for 5 s"),
            (
                "sweep",
                "held the server for 5 s, and `sweep` has run for 5 s",
            ),
        ] {
            let state = ConnectionState::Queued(told(running, 500));
            let text = state.as_of(then + Duration::from_secs(5), then).to_string();
            assert!(text.ends_with(end), "{text}");
        }
        assert_eq!(aged(&told("", 0), Duration::MAX).held_ms, u64::MAX);
        assert_eq!(aged(&told("", 7), Duration::ZERO), told("", 7));
    }
}
