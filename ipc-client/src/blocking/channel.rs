//! How the threads of one blocking client take turns.
//!
//! A thread with a call writes it, and then either leads, which is to read for all, or sleeps until it is woken with
//! its result. A leader that has its own result wakes a sleeper to lead. So one connection serves many threads without
//! a thread of its own, and a single thread never waits for another.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ipc_core::NotSent;

use super::line::Line;
use super::stream::Flushed;
use crate::builder::Settings;
use crate::call::{CallOptions, Ended, Timing};
use crate::cancel::CancelToken;
use crate::engine::{Engine, Progress};
use crate::error::ConnectError;
use crate::state::Watch;

pub(crate) struct Channel {
    pub(crate) watch: Arc<Watch>,
    line: Mutex<Line>,
}

/// When a thread wants to be back, whatever happens.
#[derive(Clone, Copy, Default)]
struct Return<'a> {
    by: Option<Instant>,
    token: Option<&'a CancelToken>,
}

impl Channel {
    pub(crate) fn new(settings: Arc<Settings>, watch: Arc<Watch>) -> Self {
        let engine = Engine::new(settings, Arc::clone(&watch));
        let line = Mutex::new(Line::new(engine));
        Self { watch, line }
    }

    /// Waits for the first connection.
    pub(crate) fn connect(&self, timeout: Duration) -> Result<(), ConnectError> {
        let mut line = self.lock();
        line.engine.begin_first(timeout, Instant::now());
        loop {
            line = self.deliver_notices(line);
            if let Some(result) = line.engine.poll_first(Instant::now()) {
                return result;
            }
            line = self.lead(line, Return::default());
        }
    }

    /// Makes a call and waits for its end.
    pub(crate) fn call(
        &self,
        frame: Vec<u8>,
        idempotent: bool,
        timing: Timing,
        options: &CallOptions,
    ) -> Ended {
        let Timing { started, timeout } = timing;
        if let Some(reason) = options.refusal(timeout) {
            return Ended::not_sent(reason);
        }
        let mut line = self.lock();
        line.look(started);
        let call = match line.engine.begin(frame, idempotent, timing) {
            Ok(call) => call,
            Err(reason) => return Ended::not_sent(reason),
        };
        line.wait_for(call, options.progress.clone());
        line.settle(started);
        line.flush();
        let by = timeout.and_then(|timeout| started.checked_add(timeout));
        let token = options.token.as_ref();
        let ended = self.wait(line, call, Return { by, token });
        if self.watch.has_notices() {
            self.watch.deliver();
        }
        ended
    }

    fn wait<'a>(&'a self, mut line: MutexGuard<'a, Line>, call: u64, back: Return<'_>) -> Ended {
        loop {
            line = self.deliver_notices(line);
            line = self.deliver_progress(line, call);
            if let Some(ended) = line.take_ended(call) {
                line.hand_on();
                return ended;
            }
            if back.token.is_some_and(CancelToken::is_cancelled) {
                line.give_up(call, NotSent::Cancelled);
                continue;
            }
            let has_output = !line.engine.output().is_empty();
            line = match (line.led, has_output) {
                (false, _) => self.lead(line, back),
                (true, true) => self.help_write(line, call, back),
                (true, false) => self.follow(line, call, back),
            };
        }
    }

    /// Does one thing for all: makes a connection, waits to make one, or reads.
    fn lead<'a>(
        &'a self,
        mut line: MutexGuard<'a, Line>,
        back: Return<'_>,
    ) -> MutexGuard<'a, Line> {
        line.led = true;
        let now = Instant::now();
        let mut line = match line.approach(now) {
            None => self.converse(line, back),
            Some(until) if until > now => self.pause(line, until, back, now),
            Some(_) => line,
        };
        line.led = false;
        line
    }

    fn converse<'a>(
        &'a self,
        mut line: MutexGuard<'a, Line>,
        back: Return<'_>,
    ) -> MutexGuard<'a, Line> {
        let now = Instant::now();
        let Line { stream, engine, .. } = &mut *line;
        let limit = match stream.flush_between_reads(engine, now) {
            Flushed::Done => back.limit(engine.poll_timeout(), now),
            Flushed::Partly => {
                drop(line);
                thread::yield_now();
                let mut line = self.lock();
                line.settle(Instant::now());
                return line;
            }
            // The socket is only looked at: each end may wait for the other to read.
            Flushed::Blocked => Some(LOOK),
        };
        let Some(mut reading) = stream.begin_read(limit) else {
            engine.lost_because("its socket is gone");
            line.settle(now);
            return line;
        };
        drop(line);
        let result = reading.proceed();
        let mut line = self.lock();
        let now = Instant::now();
        let Line { stream, engine, .. } = &mut *line;
        stream.end_read(engine, reading, result, now);
        line.settle(now);
        line
    }

    /// Sleeps as the leader until there is something to do.
    fn pause<'a>(
        &'a self,
        mut line: MutexGuard<'a, Line>,
        until: Instant,
        back: Return<'_>,
        now: Instant,
    ) -> MutexGuard<'a, Line> {
        let timeout = line.engine.poll_timeout();
        let until = timeout.map_or(until, |timeout| timeout.min(until));
        line.pausing = Some(thread::current());
        drop(line);
        if let Some(limit) = back.limit(Some(until), now) {
            thread::park_timeout(limit);
        }
        let mut line = self.lock();
        line.pausing = None;
        line.settle(Instant::now());
        line
    }

    /// Sleeps while another thread reads.
    fn follow<'a>(
        &'a self,
        mut line: MutexGuard<'a, Line>,
        call: u64,
        back: Return<'_>,
    ) -> MutexGuard<'a, Line> {
        if !line.falls_asleep(call, thread::current()) {
            return line;
        }
        drop(line);
        match back.limit(None, Instant::now()) {
            Some(limit) => thread::park_timeout(limit),
            None => thread::park(),
        }
        let mut line = self.lock();
        // The leader may sleep for longer than this call may take.
        line.settle(Instant::now());
        line
    }

    /// Writes what the network would not take at once, while another thread reads: without its reading the other end
    /// may not read either, so this happens outside of the lock.
    fn help_write<'a>(
        &'a self,
        mut line: MutexGuard<'a, Line>,
        call: u64,
        back: Return<'_>,
    ) -> MutexGuard<'a, Line> {
        let Line { stream, engine, .. } = &mut *line;
        let mut writing = stream.begin_write(engine);
        if writing.is_none() {
            return self.follow(line, call, back);
        }
        while let Some(mut slice) = writing.take() {
            drop(line);
            let done = slice.proceed();
            line = self.lock();
            let Line { stream, engine, .. } = &mut *line;
            writing = stream.end_write(engine, slice, done);
        }
        line.settle(Instant::now());
        line
    }

    /// Callbacks run with neither the lock nor the lead, so they may use the client.
    fn deliver_notices<'a>(&'a self, line: MutexGuard<'a, Line>) -> MutexGuard<'a, Line> {
        if !self.watch.has_notices() {
            return line;
        }
        drop(line);
        self.watch.deliver();
        self.lock()
    }

    fn deliver_progress<'a>(
        &'a self,
        mut line: MutexGuard<'a, Line>,
        call: u64,
    ) -> MutexGuard<'a, Line> {
        // More may come while the callback uses the client, and all of it comes before the result.
        while let Some((callback, progress)) = line.take_progress(call) {
            line.hand_on();
            drop(line);
            for Progress { fraction, message } in progress {
                callback.run(|tell| tell(fraction, &message));
            }
            line = self.lock();
        }
        line
    }

    /// Ends the session. Calls of other threads return.
    pub(crate) fn close(&self) {
        self.lock().close();
        self.watch.deliver();
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Return<'_> {
    /// How long to sleep at most, if `other` is a reason to wake up, too.
    fn limit(self, other: Option<Instant>, now: Instant) -> Option<Duration> {
        let by = match (self.by, other) {
            (Some(by), Some(other)) => Some(by.min(other)),
            (by, other) => by.or(other),
        };
        let limit = by.map(|by| by.saturating_duration_since(now).max(SHORTEST));
        match (self.token, limit) {
            (Some(_), Some(limit)) => Some(limit.min(TOKEN_SLICE)),
            (Some(_), None) => Some(TOKEN_SLICE),
            (None, limit) => limit,
        }
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.close();
    }
}

/// How often a call looks at its token.
const TOKEN_SLICE: Duration = Duration::from_millis(40);
/// How long the socket is looked at between two writes.
const LOOK: Duration = Duration::from_millis(1);
/// A socket cannot be told to wait for no time at all.
const SHORTEST: Duration = Duration::from_micros(10);
