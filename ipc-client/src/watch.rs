//! Publishes the state of the connection, and delivers events about it to callbacks.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::callback::{InterruptionCallback, StateCallback};
use crate::connection_state::ConnectionState;

/// The published state, and the events that callbacks have not been given yet.
pub(crate) struct Watch {
    on_state: Option<StateCallback>,
    on_interruption: Option<InterruptionCallback>,
    published: Mutex<Published>,
    has_events: AtomicBool,
    interruptions: AtomicU64,
}

struct Published {
    state: ConnectionState,
    /// When the state became this one.
    since: Instant,
    events: VecDeque<WatchEvent>,
    /// True while some thread runs a callback. Other threads then leave further events to it, which keeps their order.
    delivering: bool,
}

enum WatchEvent {
    State(ConnectionState, Instant),
    Interruption,
}

impl Watch {
    pub(crate) fn new(
        on_state: Option<StateCallback>,
        on_interruption: Option<InterruptionCallback>,
    ) -> Self {
        Self {
            on_state,
            on_interruption,
            published: Mutex::new(Published {
                state: ConnectionState::Disconnected,
                since: Instant::now(),
                events: VecDeque::new(),
                delivering: false,
            }),
            has_events: AtomicBool::new(false),
            interruptions: AtomicU64::new(0),
        }
    }

    pub(crate) fn state(&self) -> ConnectionState {
        let published = self.published();
        published.state.as_of(Instant::now(), published.since)
    }

    pub(crate) fn set(&self, state: ConnectionState) {
        let mut published = self.published();
        if published.state == state || published.state == ConnectionState::Closed {
            return;
        }
        published.state = state.clone();
        published.since = Instant::now();
        if self.on_state.is_some() {
            let since = published.since;
            published.events.push_back(WatchEvent::State(state, since));
            self.has_events.store(true, Ordering::Release);
        }
    }

    pub(crate) fn interruptions(&self) -> u64 {
        self.interruptions.load(Ordering::Acquire)
    }

    /// Counts an interruption.
    pub(crate) fn interrupted(&self) {
        self.interruptions.fetch_add(1, Ordering::AcqRel);
        if self.on_interruption.is_some() {
            self.published().events.push_back(WatchEvent::Interruption);
            self.has_events.store(true, Ordering::Release);
        }
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
            match (event, &self.on_state, &self.on_interruption) {
                (WatchEvent::State(state, since), Some(on_state), _) => {
                    let state = state.as_of(Instant::now(), since);
                    on_state.run(|on_state| on_state(&state));
                }
                (WatchEvent::Interruption, _, Some(on_interruption)) => {
                    on_interruption.run(|on_interruption| on_interruption());
                }
                _ => {}
            }
            self.published().delivering = false;
        }
    }

    fn published(&self) -> MutexGuard<'_, Published> {
        let published = self.published.lock();
        published.unwrap_or_else(PoisonError::into_inner)
    }
}
