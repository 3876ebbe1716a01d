//! Publishes the state of the connection, and delivers events about it to callbacks.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use ipc_core::wire::ctrl::{Notice, SessionKey};

use crate::callback::{HandoverCallback, NoticeCallback, StateCallback};
use crate::connection_state::ConnectionState;
use crate::error::ConnectError;

/// What the program wants to be told of the connection.
#[derive(Clone, Default)]
pub(crate) struct WatchCallbacks {
    pub(crate) on_state: Option<StateCallback>,
    pub(crate) on_handover: Option<HandoverCallback>,
    pub(crate) on_notice: Option<NoticeCallback>,
}

/// The published state, and the events that callbacks have not been given yet.
pub(crate) struct Watch {
    callbacks: WatchCallbacks,
    published: Mutex<Published>,
    has_events: AtomicBool,
    handovers: AtomicU64,
    /// True once a server has refused connections in this role.
    is_unserved: AtomicBool,
}

struct Published {
    state: ConnectionState,
    /// The session of the latest connection.
    session: Option<SessionKey>,
    /// Why the latest outage has ended without a connection.
    failure: Option<ConnectError>,
    /// When the state became this one.
    since: Instant,
    events: VecDeque<WatchEvent>,
    /// True while some thread runs a callback. Other threads then leave further events to it, which keeps their order.
    delivering: bool,
}

enum WatchEvent {
    State(ConnectionState, Instant),
    Handover,
    Notice(Box<Notice>),
}

impl Watch {
    pub(crate) fn new(callbacks: WatchCallbacks) -> Self {
        Self {
            callbacks,
            published: Mutex::new(Published {
                state: ConnectionState::Disconnected,
                session: None,
                failure: None,
                since: Instant::now(),
                events: VecDeque::new(),
                delivering: false,
            }),
            has_events: AtomicBool::new(false),
            handovers: AtomicU64::new(0),
            is_unserved: AtomicBool::new(false),
        }
    }

    pub(crate) fn state(&self) -> ConnectionState {
        let published = self.published();
        published.state.as_of(Instant::now(), published.since)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.published().state == ConnectionState::Closed
    }

    /// Returns true if the server does not serve an observer.
    pub(crate) fn is_unserved(&self) -> bool {
        self.is_unserved.load(Ordering::Acquire)
    }

    pub(crate) fn set_unserved(&self) {
        self.is_unserved.store(true, Ordering::Release);
    }

    /// The session, while there is a connection.
    pub(crate) fn session(&self) -> Option<SessionKey> {
        let published = self.published();
        let is_connected = matches!(published.state, ConnectionState::Connected { .. });
        published.session.filter(|_| is_connected)
    }

    pub(crate) fn set_session(&self, key: Option<SessionKey>) {
        self.published().session = key;
    }

    /// Why the latest outage has ended without a connection; `None` if it has not.
    pub(crate) fn failure(&self) -> Option<ConnectError> {
        self.published().failure.clone()
    }

    pub(crate) fn set_failure(&self, failure: Option<ConnectError>) {
        self.published().failure = failure;
    }

    pub(crate) fn set(&self, state: ConnectionState) {
        let mut published = self.published();
        if published.state == state || published.state == ConnectionState::Closed {
            return;
        }
        published.state = state.clone();
        published.since = Instant::now();
        if self.callbacks.on_state.is_some() {
            let since = published.since;
            published.events.push_back(WatchEvent::State(state, since));
            self.has_events.store(true, Ordering::Release);
        }
    }

    pub(crate) fn handovers(&self) -> u64 {
        self.handovers.load(Ordering::Acquire)
    }

    /// Counts a handover.
    pub(crate) fn handed_over(&self) {
        self.handovers.fetch_add(1, Ordering::AcqRel);
        if self.callbacks.on_handover.is_some() {
            self.add(WatchEvent::Handover);
        }
    }

    /// The server has told something about a lease or a device.
    pub(crate) fn notice(&self, notice: Box<Notice>) {
        if self.callbacks.on_notice.is_some() && self.published().events.len() < MAX_EVENTS {
            self.add(WatchEvent::Notice(notice));
        }
    }

    fn add(&self, event: WatchEvent) {
        self.published().events.push_back(event);
        self.has_events.store(true, Ordering::Release);
    }

    /// Returns true if [`deliver`](Self::deliver) has something to do.
    pub(crate) fn has_events(&self) -> bool {
        self.has_events.load(Ordering::Acquire)
    }

    /// Runs the callbacks. The caller must hold no lock and read no socket meanwhile, because a callback may make calls of
    /// its own. An event counts as delivered even if its callback panics.
    pub(crate) fn deliver(&self) {
        loop {
            let mut published = self.published();
            self.has_events.store(false, Ordering::Release);
            if published.delivering {
                return;
            }
            let Some(event) = published.events.pop_front() else {
                return;
            };
            published.delivering = true;
            drop(published);
            self.callbacks.run(event);
            self.published().delivering = false;
        }
    }

    fn published(&self) -> MutexGuard<'_, Published> {
        let published = self.published.lock();
        published.unwrap_or_else(PoisonError::into_inner)
    }
}

/// A watch that nobody is told of.
impl Default for Watch {
    fn default() -> Self {
        Self::new(WatchCallbacks::default())
    }
}

impl WatchCallbacks {
    fn run(&self, event: WatchEvent) {
        match event {
            WatchEvent::State(state, since) => {
                if let Some(on_state) = &self.on_state {
                    let state = state.as_of(Instant::now(), since);
                    on_state.run(|on_state| on_state(&state));
                }
            }
            WatchEvent::Handover => {
                if let Some(on_handover) = &self.on_handover {
                    on_handover.run(|on_handover| on_handover());
                }
            }
            WatchEvent::Notice(notice) => {
                if let Some(on_notice) = &self.on_notice {
                    on_notice.run(|on_notice| on_notice(&notice));
                }
            }
        }
    }
}

/// Maximum number of events that wait for a slow callback. Further notices are dropped.
const MAX_EVENTS: usize = 1000;
