//! How the threads of one blocking client take turns on its connection.
//!
//! A thread queues its call. Then it either becomes the leader, which writes what is queued and reads for all threads, or it
//! sleeps until the leader wakes it with its result. A leader that has its own result gives the lead to the thread that
//! has slept for longest. One connection thus serves many threads without a thread of its own, and a single thread never
//! waits for another one.
//!
//! Calls of many threads share system calls. The results of one read are handed out together, so their threads are likely to
//! make their next calls soon. The next leader therefore lets them run before it writes, and they leave their calls to it.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ipc_core::NotSent;
use ipc_core::wire::frame::CallFrame;

use super::limit::WaitLimit;
use super::state::{Lead, News, ReportQueue, SharedState};
use crate::call::{CallEnd, CallOptions, Timing};
use crate::cancel::CancellationToken;
use crate::clock::StepTime;
use crate::engine::{Engine, Written};
use crate::error::ConnectError;
use crate::reporting::Reporting;
use crate::settings::ClientSettings;
use crate::watch::Watch;

/// The connection that all handles of a blocking client share.
pub(crate) struct SharedConnection {
    pub(crate) watch: Arc<Watch>,
    state: Mutex<SharedState>,
    /// The connection for calls that wait neither for the server nor for other calls, once there has been such a call.
    pub(super) observer: OnceLock<Box<Self>>,
}

impl SharedConnection {
    pub(crate) fn new(settings: Arc<ClientSettings>, watch: Arc<Watch>) -> Self {
        let engine = Engine::new(settings, Arc::clone(&watch));
        Self {
            watch,
            state: Mutex::new(SharedState::new(engine)),
            observer: OnceLock::new(),
        }
    }

    /// Waits for the first connection.
    pub(crate) fn connect(&self, timeout: Duration) -> Result<(), ConnectError> {
        let limit = WaitLimit {
            started: Instant::now(),
            deadline: None,
            token: None,
        };
        let mut state = self.lock();
        let engine = &mut state.connection.engine;
        engine.start_first_connection(timeout, limit.started);
        loop {
            state = self.deliver_events(state);
            let engine = &mut state.connection.engine;
            if let Some(result) = engine.poll_first_connection(Instant::now()) {
                return result;
            }
            state = self.lead(state, limit);
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
        state.register(call, &options.reporting);
        let limit = WaitLimit {
            started,
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
        // A call that cannot be sent has ended at once.
        if state.connection.engine.has_events() {
            state.process_events(&StepTime::after(limit.started));
        }
        loop {
            state = self.deliver_events(state);
            match state.take_news(call) {
                // More of them can arrive while a callback uses the client. All of them are delivered before the end.
                Some(News::Reports(to, reports)) => {
                    state = self.deliver_reports(state, &to, &reports);
                    continue;
                }
                Some(News::End(end)) => {
                    state.leave();
                    self.unlock(state);
                    return end;
                }
                None => {}
            }
            if limit.token.is_some_and(CancellationToken::is_cancelled) {
                state.give_up(call, NotSent::Cancelled);
                continue;
            }
            state = match state.lead {
                Lead::Free => self.lead(state, limit),
                _ if state.leader_will_write() => self.follow(state, call, limit),
                _ => self.write(state, call, limit),
            };
        }
    }

    /// Takes one step for all threads: makes a connection, waits until one can be made, or reads.
    fn lead<'a>(
        &'a self,
        mut state: MutexGuard<'a, SharedState>,
        limit: WaitLimit<'_>,
    ) -> MutexGuard<'a, SharedState> {
        state.lead = Lead::Taken;
        let mut state = match state.connection.engine.is_disconnected() {
            false => self.exchange(state, limit),
            true => {
                let now = Instant::now();
                match state.advance(now) {
                    Some(until) if until > now => self.pause(state, until, limit, now),
                    _ => state,
                }
            }
        };
        state.lead = Lead::Free;
        state
    }

    /// Writes what is queued and reads once.
    fn exchange<'a>(
        &'a self,
        mut state: MutexGuard<'a, SharedState>,
        limit: WaitLimit<'_>,
    ) -> MutexGuard<'a, SharedState> {
        if state.company > 0 {
            state = self.await_company(state);
        }
        let now = StepTime::after(limit.started);
        let timeout = match state.connection.flush_between_reads(&now) {
            Written::Whole => limit.sleep_time(state.connection.engine.poll_timeout(), &now),
            Written::Partly => {
                self.unlock(state);
                thread::yield_now();
                let mut state = self.lock();
                state.process_events(&StepTime::after(limit.started));
                return state;
            }
            // Only a short read: each end may be waiting for the other to read.
            Written::Blocked => Some(READ_BETWEEN_WRITES),
        };
        let Some(mut read) = state.connection.begin_read(timeout) else {
            state.connection.engine.lost_because("its socket is gone");
            state.process_events(&now);
            return state;
        };
        self.unlock(state);
        let result = read.run();
        let mut state = self.lock();
        let now = StepTime::after(limit.started);
        state.connection.end_read(read, result, &now);
        state.process_events(&now);
        state
    }

    /// Lets threads run whose calls have just ended, as long as they make other calls: these are then written together.
    /// A thread that has nothing to wait for costs no time here, and one that makes no other call is not waited for again.
    fn await_company<'a>(
        &'a self,
        mut state: MutexGuard<'a, SharedState>,
    ) -> MutexGuard<'a, SharedState> {
        state.lead = Lead::Writing;
        for _ in 0..YIELDS {
            let before = state.company;
            self.unlock(state);
            thread::yield_now();
            state = self.lock();
            if state.company == 0 || state.company == before {
                break;
            }
        }
        state.company = 0;
        state.lead = Lead::Taken;
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
        self.unlock(state);
        if let Some(time) = limit.sleep_time(Some(until), &now.into()) {
            thread::park_timeout(time);
        }
        let mut state = self.lock();
        state.sleeping_leader = None;
        state.process_events(&StepTime::after(now));
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
        let now = StepTime::after(limit.started);
        // Beyond its timeout, a call waits for the answer to its cancellation, which the leader may not know of.
        let timeout = match limit.has_passed(&now) {
            true => state.connection.engine.poll_timeout(),
            false => None,
        };
        self.unlock(state);
        match limit.sleep_time(timeout, &now) {
            Some(time) => thread::park_timeout(time),
            None => thread::park(),
        }
        let mut state = self.lock();
        state.awake(call);
        // The leader may sleep for longer than this call may take.
        state.process_events(&StepTime::after(limit.started));
        state
    }

    /// Writes what is queued while the leader reads, then sleeps. What the network does not take at once is written outside
    /// of the lock, because the server may not read before its own output has been read here.
    fn write<'a>(
        &'a self,
        mut state: MutexGuard<'a, SharedState>,
        call: u64,
        limit: WaitLimit<'_>,
    ) -> MutexGuard<'a, SharedState> {
        if state.connection.flush() == Written::Whole {
            return self.follow(state, call, limit);
        }
        let mut unwritten = state.connection.begin_write();
        if unwritten.is_none() {
            return self.follow(state, call, limit);
        }
        while let Some(mut write) = unwritten.take() {
            self.unlock(state);
            let result = write.run();
            state = self.lock();
            unwritten = state.connection.end_write(write, result);
        }
        state.process_events(&StepTime::after(limit.started));
        state
    }

    /// Runs callbacks without the lock and without the lead, so that they can use the client.
    fn deliver_events<'a>(
        &'a self,
        mut state: MutexGuard<'a, SharedState>,
    ) -> MutexGuard<'a, SharedState> {
        if !self.watch.has_events() {
            return state;
        }
        state.pass_on_lead();
        self.unlock(state);
        self.watch.deliver();
        self.lock()
    }

    fn deliver_reports<'a>(
        &'a self,
        mut state: MutexGuard<'a, SharedState>,
        to: &Reporting,
        reports: &ReportQueue,
    ) -> MutexGuard<'a, SharedState> {
        state.pass_on_lead();
        self.unlock(state);
        for report in reports {
            to.deliver(report);
        }
        self.lock()
    }

    pub(crate) fn settings(&self) -> Arc<ClientSettings> {
        Arc::clone(self.lock().connection.engine.settings())
    }

    /// Ends a claim. Does not wait for the answer, which is read with that of the next call.
    pub(crate) fn withdraw(&self, claim: u128) {
        let mut state = self.lock();
        state.connection.engine.withdraw(claim, Instant::now());
        state.connection.flush();
        self.unlock(state);
    }

    /// Ends the session, and that of the observer. Calls of other threads return.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.close();
        self.unlock(state);
        self.watch.deliver();
        if let Some(observer) = self.observer.get() {
            observer.close();
        }
    }

    /// Releases the lock, and then wakes the threads that were waiting for what happened under it.
    fn unlock(&self, mut state: MutexGuard<'_, SharedState>) {
        if let Some(woken) = state.take_woken() {
            drop(state);
            for thread in woken {
                thread.unpark();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, SharedState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for SharedConnection {
    fn drop(&mut self) {
        self.close();
    }
}

/// How long the leader reads between two writes that the network does not take.
const READ_BETWEEN_WRITES: Duration = Duration::from_millis(1);
/// Maximum number of times that a leader lets other threads run before it writes.
const YIELDS: usize = 8;
