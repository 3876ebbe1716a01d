//! What the threads of one blocking client share under one lock: the connection, and which thread waits for which call.

use std::collections::VecDeque;
use std::thread::Thread;
use std::time::Instant;

use ipc_core::NotSent;
use ipc_core::session::client::Event;

use super::connection::ClientConnection;
use crate::call::CallEnd;
use crate::callback::ProgressCallback;
use crate::engine::{Engine, Step};

/// The state behind the lock of a [`SharedConnection`](super::shared::SharedConnection).
pub(crate) struct SharedState {
    pub(crate) connection: ClientConnection,
    waiting: Vec<WaitingThread>,
    /// True while some thread reads for all.
    pub(crate) has_leader: bool,
    /// The leader, while it sleeps until it may connect again.
    pub(crate) sleeping_leader: Option<Thread>,
}

/// A call in flight, and the thread that waits for it.
struct WaitingThread {
    call: u64,
    end: Option<CallEnd>,
    progress: ProgressQueue,
    on_progress: Option<ProgressCallback>,
    /// Set while the thread sleeps.
    thread: Option<Thread>,
}

/// Fractions and messages that the callback of a call has not been given yet, oldest first.
type ProgressQueue = VecDeque<(f64, String)>;

impl SharedState {
    pub(crate) fn new(engine: Engine) -> Self {
        Self {
            connection: ClientConnection::new(engine),
            waiting: Vec::new(),
            has_leader: false,
            sleeping_leader: None,
        }
    }

    /// Takes the next step towards a connection. Returns when to take another one, or `None` if there is a connection
    /// to read from.
    pub(crate) fn advance(&mut self, now: Instant) -> Option<Instant> {
        match self.connection.engine.next_step(now) {
            Step::Exchange => return None,
            Step::Wait(until) => return Some(until),
            Step::ProcessEvents => {}
            Step::Attach(socket, server) => self.connection.attach(socket, server, now),
        }
        self.process_events(now);
        Some(now)
    }

    /// Registers the current thread as waiting for `call`.
    pub(crate) fn register(&mut self, call: u64, on_progress: Option<ProgressCallback>) {
        self.waiting.push(WaitingThread {
            call,
            end: None,
            progress: ProgressQueue::new(),
            on_progress,
            thread: None,
        });
    }

    /// Notes that `thread`, which waits for `call`, is about to sleep. Returns false if no thread waits for this call.
    pub(crate) fn prepare_sleep(&mut self, call: u64, thread: Thread) -> bool {
        let waiting = self.find(call);
        let is_waiting = waiting.is_some();
        if let Some(waiting) = waiting {
            waiting.thread = Some(thread);
        }
        is_waiting
    }

    /// Checks whether the connection still stands, before a call is written to it.
    pub(crate) fn probe(&mut self, now: Instant) {
        if !self.has_leader && self.connection.probe(now) {
            self.process_events(now);
        }
    }

    /// Hands out the results of everything that has happened to the engine until `now`.
    pub(crate) fn process_events(&mut self, now: Instant) {
        if self.connection.engine.handle_timeout(now) {
            // Sends `Cancel` now: it may be long before a thread writes or reads again.
            self.connection.flush();
        }
        while let Some(event) = self.connection.engine.poll_event(now) {
            match event {
                Event::Ended { call, outcome } => self.end(call, CallEnd::Outcome(outcome)),
                Event::Progress {
                    call,
                    fraction,
                    message,
                } => self.progress(call, fraction, message),
                _ => {}
            }
        }
        self.connection.detach_if_disconnected();
    }

    fn end(&mut self, call: u64, end: CallEnd) {
        if let Some(waiting) = self.find(call) {
            waiting.end = Some(end);
            waiting.wake();
        }
    }

    fn progress(&mut self, call: u64, fraction: f64, message: String) {
        if let Some(waiting) = self.find(call)
            && waiting.on_progress.is_some()
        {
            waiting.add_progress(fraction, message);
            waiting.wake();
        }
    }

    /// Takes the progress of a call that its callback has not been given yet, if there is any.
    pub(crate) fn take_progress(&mut self, call: u64) -> Option<(ProgressCallback, ProgressQueue)> {
        let waiting = self.find(call)?;
        let callback = waiting.on_progress.as_ref()?;
        (!waiting.progress.is_empty())
            .then(|| (callback.clone(), std::mem::take(&mut waiting.progress)))
    }

    /// Takes the end of a call, if it has ended.
    pub(crate) fn take_end(&mut self, call: u64) -> Option<CallEnd> {
        let at = self
            .waiting
            .iter()
            .position(|waiting| waiting.call == call && waiting.end.is_some())?;
        self.waiting.swap_remove(at).end
    }

    /// Ends a call before its answer has come. Its thread finds the end with [`take_end`](Self::take_end).
    pub(crate) fn give_up(&mut self, call: u64, reason: NotSent) {
        if let Some(end) = self.connection.engine.give_up(call, reason) {
            self.end(call, end);
            self.connection.flush();
        }
    }

    /// Wakes another thread to lead, if one waits.
    pub(crate) fn pass_on_lead(&mut self) {
        if self.has_leader {
            return;
        }
        if let Some(waiting) = self.waiting.iter_mut().find(|w| w.thread.is_some()) {
            waiting.wake();
        } else if self.waiting.is_empty() {
            self.connection.engine.became_idle();
            self.connection.detach_if_disconnected();
        }
    }

    /// Ends the session and all calls, and says goodbye.
    pub(crate) fn close(&mut self) {
        if self.connection.engine.is_closed() {
            return;
        }
        let calls: Vec<u64> = self.waiting.iter().map(|waiting| waiting.call).collect();
        for call in calls {
            self.give_up(call, NotSent::Closed);
        }
        self.connection.close();
        for waiting in &mut self.waiting {
            waiting.wake();
        }
        if let Some(thread) = self.sleeping_leader.take() {
            thread.unpark();
        }
    }

    fn find(&mut self, call: u64) -> Option<&mut WaitingThread> {
        self.waiting.iter_mut().find(|waiting| waiting.call == call)
    }
}

impl WaitingThread {
    /// Queues progress. If the callback is slower than the driver, the oldest steps are dropped.
    fn add_progress(&mut self, fraction: f64, message: String) {
        if self.progress.len() >= MAX_PROGRESS {
            self.progress.pop_front();
        }
        self.progress.push_back((fraction, message));
    }

    fn wake(&mut self) {
        if let Some(thread) = self.thread.take() {
            thread.unpark();
        }
    }
}

/// Maximum number of progress steps queued for one call.
const MAX_PROGRESS: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    /// Regression test: a slow callback made the client keep all progress that it had not delivered.
    #[test]
    fn of_too_much_progress_the_latest_is_kept() {
        let mut waiting = WaitingThread {
            call: 1,
            end: None,
            progress: ProgressQueue::new(),
            on_progress: None,
            thread: None,
        };
        for step in 0..2 * MAX_PROGRESS + 5 {
            waiting.add_progress(0.0, step.to_string());
        }
        let kept: Vec<_> = waiting.progress.into_iter().map(|(_, text)| text).collect();
        let latest = MAX_PROGRESS + 5..2 * MAX_PROGRESS + 5;
        assert_eq!(
            kept,
            latest.map(|step| step.to_string()).collect::<Vec<_>>()
        );
    }
}
