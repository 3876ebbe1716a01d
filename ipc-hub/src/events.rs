//! The queue of events for the callback of the program that runs the server.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{io, thread};

use ipc_core::contain::contain;
use tokio::runtime::Handle;

use crate::event::ServerEvent;
use crate::hosted::Observer;
use crate::log::{self, About};
use crate::work::{ServingThread, Work};

/// Calls the callback on a thread of its own, so that a slow callback delays only itself.
#[derive(Debug)]
pub struct Events {
    queue: Mutex<EventQueue>,
    runtime: Handle,
    incarnation: u128,
}

#[derive(Default)]
struct EventQueue {
    /// `None` if the program has set no callback, and once the server is closed.
    observer: Option<Observer>,
    /// Each with its `Work`, which makes a stop wait until the event has been delivered.
    events: VecDeque<(ServerEvent, Work)>,
    lost: u64,
    /// True while a thread delivers events.
    is_running: bool,
    /// The event that the callback has been called with, until it returns.
    delivering: Option<Arc<ServerEvent>>,
}

impl std::fmt::Debug for EventQueue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventQueue")
            .field("events", &self.events.len())
            .finish_non_exhaustive()
    }
}

impl Events {
    /// Creates a queue for `observer`, which runs inside `runtime`.
    pub fn new(observer: Option<Observer>, runtime: Handle, incarnation: u128) -> Self {
        let queue = EventQueue {
            observer,
            ..EventQueue::default()
        };
        Self {
            queue: Mutex::new(queue),
            runtime,
            incarnation,
        }
    }

    /// Returns true if there is a callback.
    pub fn are_observed(&self) -> bool {
        self.queue().observer.is_some()
    }

    /// Queues `event` if there is a callback. If the queue is full, the oldest event is dropped and counted.
    pub fn emit(self: &Arc<Self>, event: ServerEvent, work: impl FnOnce() -> Work) {
        let mut queue = self.queue();
        if queue.observer.is_none() {
            return;
        }
        if queue.events.len() >= LIMIT {
            queue.events.pop_front();
            queue.lost += 1;
        }
        queue.events.push_back((event, work()));
        let is_running = std::mem::replace(&mut queue.is_running, true);
        drop(queue);
        if !is_running && let Err(error) = self.start() {
            let mut queue = self.queue();
            queue.is_running = false;
            queue.events.clear();
            drop(queue);
            log::error(
                About::server(),
                format_args!("cannot start a thread for `on_event`: {error}"),
            );
        }
    }

    /// Drops the queued events and all later ones, and returns the callback.
    pub fn close(&self) -> Option<Observer> {
        let mut queue = self.queue();
        queue.events.clear();
        queue.observer.take()
    }

    /// Returns the event that the callback has been called with and has not returned from.
    pub fn delivering(&self) -> Option<Arc<ServerEvent>> {
        self.queue().delivering.clone()
    }

    /// Starts the thread, which ends when the queue is empty.
    fn start(self: &Arc<Self>) -> io::Result<()> {
        let events = Arc::clone(self);
        let thread = thread::Builder::new().name("ipc events".into());
        let run = move || {
            let _runtime = events.runtime.enter();
            let _serving = ServingThread::enter(events.incarnation);
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

    fn next(&self) -> Option<(Arc<ServerEvent>, Observer, Work)> {
        let mut queue = self.queue();
        let lost = std::mem::take(&mut queue.lost);
        let observer = queue.observer.clone();
        let next = observer.and_then(|observer| {
            let (event, work) = queue.events.pop_front()?;
            Some((Arc::new(event), observer, work))
        });
        queue.is_running = next.is_some();
        queue.delivering = next.as_ref().map(|(event, ..)| Arc::clone(event));
        drop(queue);
        if lost > 0 {
            log::warn(
                About::server(),
                format_args!("`on_event` is too slow: {lost} events were dropped"),
            );
        }
        next
    }

    fn queue(&self) -> MutexGuard<'_, EventQueue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Maximum number of queued events.
const LIMIT: usize = 1024;
