//! Events on their way to the program that runs the server.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{io, thread};

use ipc_core::contain::contain;

use crate::handle::ServerEvent;
use crate::hosted::Observer;
use crate::log::{self, About};
use crate::state::{ServerState, Work};

/// Calls the program on a thread of its own, so that a callback that takes its time holds up nothing but itself.
#[derive(Debug, Default)]
pub(crate) struct Events {
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    /// Each with what makes a stopping server wait until it has been delivered.
    events: VecDeque<(ServerEvent, Observer, Work)>,
    lost: u64,
    /// True while a thread delivers.
    runs: bool,
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue")
            .field("events", &self.events.len())
            .finish_non_exhaustive()
    }
}

impl Events {
    /// Passes `event` on to `observer` in its turn. The oldest event is dropped when too many wait.
    pub(crate) fn tell(
        self: &Arc<Self>,
        event: ServerEvent,
        observer: Observer,
        state: &Arc<ServerState>,
    ) {
        let mut queue = self.queue();
        if queue.events.len() >= LIMIT {
            queue.events.pop_front();
            queue.lost += 1;
        }
        queue
            .events
            .push_back((event, observer, state.begin_work()));
        let runs = std::mem::replace(&mut queue.runs, true);
        drop(queue);
        if !runs && let Err(error) = self.start(Arc::clone(state)) {
            let mut queue = self.queue();
            queue.runs = false;
            queue.events.clear();
            drop(queue);
            log::error(
                About::server(),
                format_args!("no thread for `on_event`: {error}"),
            );
        }
    }

    /// The thread ends when there is nothing more to tell.
    fn start(self: &Arc<Self>, state: Arc<ServerState>) -> io::Result<()> {
        let events = Arc::clone(self);
        let thread = thread::Builder::new().name("ipc events".into());
        let run = move || {
            let _runtime = state.runtime.enter();
            let _inside = state.enter();
            while let Some((event, observer, work)) = events.next() {
                if let Err(message) = contain(|| observer(&event)) {
                    log::error(
                        About::server(),
                        format_args!("`on_event` panicked: {message}"),
                    );
                }
                drop(observer);
                drop(work);
            }
        };
        thread.spawn(run).map(drop)
    }

    fn next(&self) -> Option<(ServerEvent, Observer, Work)> {
        let mut queue = self.queue();
        let lost = std::mem::take(&mut queue.lost);
        let next = queue.events.pop_front();
        queue.runs = next.is_some();
        drop(queue);
        if lost > 0 {
            log::warn(
                About::server(),
                format_args!("`on_event` is too slow: {lost} events were dropped"),
            );
        }
        next
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Maximum number of events that wait to be delivered.
const LIMIT: usize = 1024;
