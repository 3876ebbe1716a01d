//! What becomes of the connection, for those who want to watch.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

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
    /// The server is busy with somebody else.
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
                write!(f, "connecting, {attempts} tries so far: {error}")
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
    notices: VecDeque<Notice>,
    /// True while some thread is calling back, so that notices keep their order.
    delivering: bool,
}

enum Notice {
    State(ConnectionState),
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
                notices: VecDeque::new(),
                delivering: false,
            }),
            pending: AtomicBool::new(false),
            handovers: AtomicU64::new(0),
        }
    }

    pub(crate) fn state(&self) -> ConnectionState {
        self.shown().state.clone()
    }

    pub(crate) fn set(&self, state: ConnectionState) {
        let mut shown = self.shown();
        if shown.state == state || shown.state == ConnectionState::Closed {
            return;
        }
        shown.state = state.clone();
        if self.on_state.is_some() {
            shown.notices.push_back(Notice::State(state));
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
                (Notice::State(state), Some(on_state), _) => on_state.run(|tell| tell(&state)),
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
