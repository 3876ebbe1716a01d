//! How the next connection of a client reaches the thread that serves its session.

use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ipc_core::wire::ctrl::Hello;
use tokio::sync::watch;

use crate::connection::Connection;

/// Where the thread of a session waits, for the next connection of its client or for news.
///
/// A client counts as a [`ReturningClient`] from the moment its hello has been read until the thread holds its connection.
/// The thread can [give up](Self::give_up) only while no client is expected, and both happen under one lock: a client
/// that was in time does not lose its place to the order in which tasks and threads happen to run.
#[derive(Debug)]
pub(crate) struct Mailbox {
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
pub(crate) struct ReturningClient(Arc<Mailbox>);

/// What the thread does, as a new connection sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ThreadState {
    /// It has a connection, or runs a call and has not noticed the loss yet.
    Serving,
    /// It has lost its connection and takes another one.
    Waiting,
    /// It takes no connection any more; the session goes back to the table.
    Ended,
}

#[derive(Debug, Default)]
struct Inner {
    expected: usize,
    resumption: Option<Resumption>,
    is_closed: bool,
    is_woken: bool,
}

impl Mailbox {
    pub(crate) fn new() -> Self {
        Self {
            inner: Mutex::default(),
            changed: Condvar::new(),
            thread: watch::Sender::new(ThreadState::Serving),
        }
    }

    /// Announces a returning client. `None` if the thread has given up already.
    pub(crate) fn expect(self: &Arc<Self>) -> Option<ReturningClient> {
        let mut inner = self.lock();
        if inner.is_closed {
            return None;
        }
        inner.expected += 1;
        Some(ReturningClient(Arc::clone(self)))
    }

    /// Makes the waiting thread look again, because something has changed that concerns it.
    pub(crate) fn wake(&self) {
        self.lock().is_woken = true;
        self.changed.notify_all();
    }

    /// The thread has lost its connection, or has one again.
    pub(crate) fn set_waiting(&self, waits: bool) {
        let now = match waits {
            true => ThreadState::Waiting,
            false => ThreadState::Serving,
        };
        // Telling everybody takes longer than finding out that nothing has changed.
        self.thread
            .send_if_modified(|state| mem::replace(state, now) != now);
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
        inner.is_closed |= inner.has_no_client();
        inner.is_closed
    }

    /// Stops taking connections, whoever is on the way.
    pub(crate) fn close(&self) {
        let mut inner = self.lock();
        inner.is_closed = true;
        let undelivered = inner.resumption.take();
        drop(inner);
        drop(undelivered);
        self.thread.send_replace(ThreadState::Ended);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn has_no_client(&self) -> bool {
        self.expected == 0 && self.resumption.is_none()
    }
}

impl ReturningClient {
    /// Waits until the thread takes a connection, or never will.
    pub(crate) async fn thread_is_ready(&self) -> ThreadState {
        let mut thread = self.0.thread.subscribe();
        let ready = thread.wait_for(|state| *state != ThreadState::Serving);
        ready.await.map_or(ThreadState::Ended, |state| *state)
    }

    /// Gives the thread its new connection. If the thread has ended after all, the connection is closed, and the client
    /// comes back to find its session in the table.
    pub(crate) fn deliver(self, resumption: Resumption) {
        let mut inner = self.0.lock();
        let replaced = match inner.is_closed {
            true => Some(resumption),
            false => inner.resumption.replace(resumption),
        };
        drop(inner);
        drop(replaced);
        // `self` is dropped behind this: from announcement to delivery the client is expected without a gap.
    }
}

impl Drop for ReturningClient {
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
        let mailbox = Arc::new(Mailbox::new());
        let (first, second) = (mailbox.expect(), mailbox.expect());
        assert!(!mailbox.give_up());
        drop(first);
        assert!(!mailbox.give_up());
        drop(second);
        assert!(mailbox.give_up());
        assert!(mailbox.expect().is_none(), "it came too late");
    }

    #[test]
    fn a_client_that_turns_back_wakes_the_thread() {
        let mailbox = Arc::new(Mailbox::new());
        let expected = mailbox.expect();
        let waiting = Arc::clone(&mailbox);
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
        let mailbox = Arc::new(Mailbox::new());
        let expected = mailbox.expect().unwrap();
        mailbox.close();
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let state = runtime.unwrap().block_on(expected.thread_is_ready());
        assert_eq!(state, ThreadState::Ended);
    }
}
