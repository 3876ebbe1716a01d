//! How a new connection reaches the thread that serves its session.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ipc_core::wire::ctrl::Hello;
use tokio::sync::watch;

use crate::connection::Connection;

/// The meeting point of a session's thread and the next connection of the same client.
///
/// A returning client is [`Expected`] from the moment its hello has been read until the thread holds its connection.
/// The thread can [give up](Self::give_up) only while no client is expected, and both happen under one lock: a client
/// that was in time does not lose its place to the order in which tasks and threads happen to run.
#[derive(Debug)]
pub(crate) struct Handoff {
    inner: Mutex<Inner>,
    changed: Condvar,
    thread: watch::Sender<ThreadState>,
}

/// A new connection for a session that lost its own.
#[derive(Debug)]
pub(crate) struct Resumption {
    pub(crate) connection: Connection,
    pub(crate) hello: Hello,
}

/// A returning client that the thread waits for, until it delivers its connection or is dropped.
#[derive(Debug)]
pub(crate) struct Expected(Arc<Handoff>);

/// What the thread does, as a new connection sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ThreadState {
    /// It has a connection, or runs a call and has not noticed the loss yet.
    Serving,
    /// It has lost its connection and takes another one.
    Waiting,
    /// It takes no connection any more; the session goes back to the table.
    Departure,
}

#[derive(Debug, Default)]
struct Inner {
    expected: usize,
    resumption: Option<Resumption>,
    is_over: bool,
    is_woken: bool,
}

impl Handoff {
    pub(crate) fn new() -> Self {
        Self {
            inner: Mutex::default(),
            changed: Condvar::new(),
            thread: watch::Sender::new(ThreadState::Serving),
        }
    }

    /// Announces a returning client. `None` if the thread has given up already.
    pub(crate) fn expect(self: &Arc<Self>) -> Option<Expected> {
        let mut inner = self.lock();
        if inner.is_over {
            return None;
        }
        inner.expected += 1;
        Some(Expected(Arc::clone(self)))
    }

    /// Makes the waiting thread look again, because something has changed that concerns it.
    pub(crate) fn wake(&self) {
        self.lock().is_woken = true;
        self.changed.notify_all();
    }

    /// The thread has lost its connection, or has one again.
    pub(crate) fn set_waiting(&self, waits: bool) {
        self.thread.send_replace(match waits {
            true => ThreadState::Waiting,
            false => ThreadState::Serving,
        });
    }

    /// The connection that was delivered last, if any.
    pub(crate) fn take(&self) -> Option<Resumption> {
        self.lock().resumption.take()
    }

    /// Waits for a connection or for news, but no longer than `limit`. Blocks.
    pub(crate) fn wait(&self, limit: Duration) {
        let inner = self.lock();
        let is_quiet = |inner: &mut Inner| inner.resumption.is_none() && !inner.is_woken;
        let waited = self.changed.wait_timeout_while(inner, limit, is_quiet);
        waited.unwrap_or_else(PoisonError::into_inner).0.is_woken = false;
    }

    /// Stops taking connections, unless a client is on its way back. Returns true if it has stopped.
    pub(crate) fn give_up(&self) -> bool {
        let mut inner = self.lock();
        inner.is_over |= inner.is_deserted();
        inner.is_over
    }

    /// Stops taking connections, whoever is on the way.
    pub(crate) fn close(&self) {
        let mut inner = self.lock();
        inner.is_over = true;
        let undelivered = inner.resumption.take();
        drop(inner);
        drop(undelivered);
        self.thread.send_replace(ThreadState::Departure);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn is_deserted(&self) -> bool {
        self.expected == 0 && self.resumption.is_none()
    }
}

impl Expected {
    /// Waits until the thread takes a connection, or never will.
    pub(crate) async fn thread_is_ready(&self) -> ThreadState {
        let mut thread = self.0.thread.subscribe();
        let ready = thread.wait_for(|state| *state != ThreadState::Serving);
        ready.await.map_or(ThreadState::Departure, |state| *state)
    }

    /// Gives the thread its new connection. If the thread has ended after all, the connection is closed, and the client
    /// comes back to find its session in the table.
    pub(crate) fn deliver(self, resumption: Resumption) {
        let mut inner = self.0.lock();
        let replaced = match inner.is_over {
            true => Some(resumption),
            false => inner.resumption.replace(resumption),
        };
        drop(inner);
        drop(replaced);
        // `self` is dropped behind this: from announcement to delivery the client is expected without a gap.
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        self.0.lock().expected -= 1;
        self.0.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_session_is_not_given_up_while_its_client_is_on_the_way() {
        let handoff = Arc::new(Handoff::new());
        let (first, second) = (handoff.expect(), handoff.expect());
        assert!(!handoff.give_up());
        drop(first);
        assert!(!handoff.give_up());
        drop(second);
        assert!(handoff.give_up());
        assert!(handoff.expect().is_none(), "it came too late");
    }

    #[test]
    fn a_client_that_turns_back_wakes_the_thread() {
        let handoff = Arc::new(Handoff::new());
        let expected = handoff.expect();
        let waiting = Arc::clone(&handoff);
        let bound = Duration::from_secs(20);
        let thread = std::thread::spawn(move || {
            let start = Instant::now();
            waiting.wait(bound);
            start.elapsed()
        });
        drop(expected);
        assert!(thread.join().unwrap() < bound);
    }

    #[test]
    fn a_thread_that_has_ended_says_so() {
        let handoff = Arc::new(Handoff::new());
        let expected = handoff.expect().unwrap();
        handoff.close();
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let state = runtime.unwrap().block_on(expected.thread_is_ready());
        assert_eq!(state, ThreadState::Departure);
    }
}
