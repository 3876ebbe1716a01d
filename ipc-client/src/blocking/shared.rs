//! How the threads of one blocking client take turns on its connection.
//!
//! A thread writes its call. Then it either becomes the leader, which reads for all threads, or it sleeps until the
//! leader wakes it with its result. A leader that has its own result wakes another thread to lead. One connection thus
//! serves many threads without a thread of its own, and a single thread never waits for another one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ipc_core::NotSent;
use ipc_core::wire::frame::CallFrame;

use super::state::SharedState;
use crate::call::{CallEnd, CallOptions, Timing};
use crate::cancel::CancellationToken;
use crate::engine::{Engine, Written};
use crate::error::ConnectError;
use crate::settings::ClientSettings;
use crate::watch::Watch;

/// The connection that all handles of a blocking client share.
pub(crate) struct SharedConnection {
    pub(crate) watch: Arc<Watch>,
    state: Mutex<SharedState>,
}

/// What ends the wait of a thread, whatever the connection does.
#[derive(Clone, Copy, Default)]
struct WaitLimit<'a> {
    deadline: Option<Instant>,
    token: Option<&'a CancellationToken>,
}

impl SharedConnection {
    pub(crate) fn new(settings: Arc<ClientSettings>, watch: Arc<Watch>) -> Self {
        let engine = Engine::new(settings, Arc::clone(&watch));
        let state = Mutex::new(SharedState::new(engine));
        Self { watch, state }
    }

    /// Waits for the first connection.
    pub(crate) fn connect(&self, timeout: Duration) -> Result<(), ConnectError> {
        let mut state = self.lock();
        let engine = &mut state.connection.engine;
        engine.start_first_connection(timeout, Instant::now());
        loop {
            state = self.deliver_events(state);
            let engine = &mut state.connection.engine;
            if let Some(result) = engine.poll_first_connection(Instant::now()) {
                return result;
            }
            state = self.lead(state, WaitLimit::default());
        }
    }

    /// Makes a call and waits for its end.
    pub(crate) fn call(
        &self,
        frame: CallFrame,
        idempotent: bool,
        timing: Timing,
        options: &CallOptions,
    ) -> CallEnd {
        let Timing { started, timeout } = timing;
        if let Some(reason) = options.refusal(timeout) {
            return CallEnd::not_sent(reason);
        }
        let mut state = self.lock();
        state.probe(started);
        let call = match state.connection.engine.begin(frame, idempotent, timing) {
            Ok(call) => call,
            Err(reason) => return CallEnd::not_sent(reason),
        };
        state.register(call, options.progress.clone());
        state.process_events(started);
        state.connection.flush();
        let limit = WaitLimit {
            deadline: timeout.and_then(|timeout| started.checked_add(timeout)),
            token: options.token.as_ref(),
        };
        let end = self.wait(state, call, limit);
        if self.watch.has_events() {
            self.watch.deliver();
        }
        end
    }

    fn wait<'a>(
        &'a self,
        mut state: MutexGuard<'a, SharedState>,
        call: u64,
        limit: WaitLimit<'_>,
    ) -> CallEnd {
        loop {
            state = self.deliver_events(state);
            state = self.deliver_progress(state, call);
            if let Some(end) = state.take_end(call) {
                state.pass_on_lead();
                return end;
            }
            if limit.token.is_some_and(CancellationToken::is_cancelled) {
                state.give_up(call, NotSent::Cancelled);
                continue;
            }
            let has_output = !state.connection.engine.output().is_empty();
            state = match (state.has_leader, has_output) {
                (false, _) => self.lead(state, limit),
                (true, true) => self.help_write(state, call, limit),
                (true, false) => self.follow(state, call, limit),
            };
        }
    }

    /// Takes one step for all threads: makes a connection, waits until one can be made, or reads.
    fn lead<'a>(
        &'a self,
        mut state: MutexGuard<'a, SharedState>,
        limit: WaitLimit<'_>,
    ) -> MutexGuard<'a, SharedState> {
        state.has_leader = true;
        let now = Instant::now();
        let mut state = match state.advance(now) {
            None => self.exchange(state, limit),
            Some(until) if until > now => self.pause(state, until, limit, now),
            Some(_) => state,
        };
        state.has_leader = false;
        state
    }

    /// Writes what is queued and reads once.
    fn exchange<'a>(
        &'a self,
        mut state: MutexGuard<'a, SharedState>,
        limit: WaitLimit<'_>,
    ) -> MutexGuard<'a, SharedState> {
        let now = Instant::now();
        let timeout = match state.connection.flush_between_reads(now) {
            Written::Whole => limit.sleep_time(state.connection.engine.poll_timeout(), now),
            Written::Partly => {
                drop(state);
                thread::yield_now();
                let mut state = self.lock();
                state.process_events(Instant::now());
                return state;
            }
            // Only a short read: each end may be waiting for the other to read.
            Written::Blocked => Some(READ_BETWEEN_WRITES),
        };
        let Some(mut read) = state.connection.begin_read(timeout) else {
            state.connection.engine.lost_because("its socket is gone");
            state.process_events(now);
            return state;
        };
        drop(state);
        let result = read.run();
        let mut state = self.lock();
        let now = Instant::now();
        state.connection.end_read(read, result, now);
        state.process_events(now);
        state
    }

    /// Sleeps as the leader until there is something to do.
    fn pause<'a>(
        &'a self,
        mut state: MutexGuard<'a, SharedState>,
        until: Instant,
        limit: WaitLimit<'_>,
        now: Instant,
    ) -> MutexGuard<'a, SharedState> {
        let timeout = state.connection.engine.poll_timeout();
        let until = timeout.map_or(until, |timeout| timeout.min(until));
        state.sleeping_leader = Some(thread::current());
        drop(state);
        if let Some(time) = limit.sleep_time(Some(until), now) {
            thread::park_timeout(time);
        }
        let mut state = self.lock();
        state.sleeping_leader = None;
        state.process_events(Instant::now());
        state
    }

    /// Sleeps while another thread leads.
    fn follow<'a>(
        &'a self,
        mut state: MutexGuard<'a, SharedState>,
        call: u64,
        limit: WaitLimit<'_>,
    ) -> MutexGuard<'a, SharedState> {
        if !state.prepare_sleep(call, thread::current()) {
            return state;
        }
        let now = Instant::now();
        // Beyond its timeout, a call waits for the answer to its cancellation, which the leader may not know of.
        let timeout = match limit.has_passed(now) {
            true => state.connection.engine.poll_timeout(),
            false => None,
        };
        drop(state);
        match limit.sleep_time(timeout, now) {
            Some(time) => thread::park_timeout(time),
            None => thread::park(),
        }
        let mut state = self.lock();
        // The leader may sleep for longer than this call may take.
        state.process_events(Instant::now());
        state
    }

    /// Writes what the network did not take at once, while the leader reads. This happens outside of the lock, because
    /// the server may not read before its own output has been read here.
    fn help_write<'a>(
        &'a self,
        mut state: MutexGuard<'a, SharedState>,
        call: u64,
        limit: WaitLimit<'_>,
    ) -> MutexGuard<'a, SharedState> {
        let mut unwritten = state.connection.begin_write();
        if unwritten.is_none() {
            return self.follow(state, call, limit);
        }
        while let Some(mut write) = unwritten.take() {
            drop(state);
            let result = write.run();
            state = self.lock();
            unwritten = state.connection.end_write(write, result);
        }
        state.process_events(Instant::now());
        state
    }

    /// Runs callbacks without the lock and without the lead, so that they can use the client.
    fn deliver_events<'a>(
        &'a self,
        state: MutexGuard<'a, SharedState>,
    ) -> MutexGuard<'a, SharedState> {
        if !self.watch.has_events() {
            return state;
        }
        drop(state);
        self.watch.deliver();
        self.lock()
    }

    fn deliver_progress<'a>(
        &'a self,
        mut state: MutexGuard<'a, SharedState>,
        call: u64,
    ) -> MutexGuard<'a, SharedState> {
        // More progress can arrive while the callback uses the client. All of it is delivered before the result.
        while let Some((callback, progress)) = state.take_progress(call) {
            state.pass_on_lead();
            drop(state);
            for (fraction, message) in progress {
                callback.run(|on_progress| on_progress(fraction, &message));
            }
            state = self.lock();
        }
        state
    }

    /// Ends the session. Calls of other threads return.
    pub(crate) fn close(&self) {
        self.lock().close();
        self.watch.deliver();
    }

    fn lock(&self) -> MutexGuard<'_, SharedState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WaitLimit<'_> {
    fn has_passed(self, now: Instant) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now)
    }

    /// How long to sleep at most, if `other` is a further reason to wake up.
    fn sleep_time(self, other: Option<Instant>, now: Instant) -> Option<Duration> {
        let deadline = self.deadline.filter(|_| !self.has_passed(now));
        let until = match (deadline, other) {
            (Some(deadline), Some(other)) => Some(deadline.min(other)),
            (deadline, other) => deadline.or(other),
        };
        let time = until.map(|until| until.saturating_duration_since(now).max(MIN_SLEEP));
        match (self.token, time) {
            (Some(_), Some(time)) => Some(time.min(TOKEN_INTERVAL)),
            (Some(_), None) => Some(TOKEN_INTERVAL),
            (None, time) => time,
        }
    }
}

impl Drop for SharedConnection {
    fn drop(&mut self) {
        self.close();
    }
}

/// How often a waiting call checks its cancellation token.
const TOKEN_INTERVAL: Duration = Duration::from_millis(40);
/// How long the leader reads between two writes that the network does not take.
const READ_BETWEEN_WRITES: Duration = Duration::from_millis(1);
/// Shortest sleep. A socket rejects a read timeout of zero.
const MIN_SLEEP: Duration = Duration::from_micros(10);
