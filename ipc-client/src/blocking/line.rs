//! The socket of a blocking client and the engine behind it. Everything here happens under the channel's lock.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread::Thread;
use std::time::{Duration, Instant};

use crate::builder::Settings;
use crate::call::{Ended, ProgressCallback};
use crate::dial::{Dial, Dialled};
use crate::engine::{CallEvent, Engine};
use crate::error::ConnectError;
use crate::socket;

/// What the threads of one client share.
pub(crate) struct Line {
    pub(crate) engine: Engine,
    settings: Arc<Settings>,
    stream: Option<Arc<TcpStream>>,
    /// Counts the connections, so that what was read from one is not taken for what came from the next.
    generation: u64,
    dial: Option<Dial>,
    pub(crate) waiting: Vec<Waiting>,
    /// True while some thread reads for all.
    pub(crate) led: bool,
    /// The thread that reads for all, while it can be woken.
    pub(crate) pausing: Option<Thread>,
    pub(crate) buffer: Vec<u8>,
    read_timeout: Option<Duration>,
    last_read: Option<Instant>,
    /// True while some thread writes outside of the lock.
    writing: bool,
    write_failed: bool,
    /// Until then, reading comes first: the network takes no more, most likely because the other end writes, too.
    read_first: Option<Instant>,
}

/// A call in flight, and the thread that waits for it.
pub(crate) struct Waiting {
    pub(crate) call: u64,
    pub(crate) ended: Option<Ended>,
    pub(crate) progress: Vec<(f64, String)>,
    pub(crate) on_progress: Option<ProgressCallback>,
    /// Set while the thread sleeps.
    pub(crate) thread: Option<Thread>,
}

/// How far a write has come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flushed {
    Done,
    /// The network took some of it.
    Partly,
    /// The network takes nothing, or another thread writes.
    Blocked,
}

/// What the leader reads from, outside of the lock.
pub(crate) struct Reading {
    pub(crate) stream: Arc<TcpStream>,
    pub(crate) buffer: Vec<u8>,
    generation: u64,
}

/// What a thread writes, outside of the lock.
pub(crate) struct Writing {
    stream: Arc<TcpStream>,
    bytes: Vec<u8>,
    written: usize,
    generation: u64,
}

impl Line {
    pub(crate) fn new(settings: Arc<Settings>, engine: Engine) -> Self {
        Self {
            engine,
            settings,
            stream: None,
            generation: 0,
            dial: None,
            waiting: Vec::new(),
            led: false,
            pausing: None,
            buffer: Vec::new(),
            read_timeout: None,
            last_read: None,
            writing: false,
            write_failed: false,
            read_first: None,
        }
    }

    /// Carries the making of a connection on. Returns when to look again, if it is not done.
    pub(crate) fn dial(&mut self, now: Instant) -> Option<Instant> {
        let dialled = match (&mut self.dial, &self.settings.address) {
            (Some(dial), _) => dial.poll(now),
            (none, Ok(address)) => none.insert(Dial::start(address, now)).poll(now),
            (None, Err(error)) => Dialled::Failed(error.clone()),
        };
        let result = match dialled {
            Dialled::Pending(at) => return Some(at),
            Dialled::Connected(stream, server) => self.attach(stream, server, now),
            Dialled::Failed(error) => Err(error),
        };
        self.dial = None;
        if let Err(error) = result {
            self.engine.attempt_failed(error, now);
        }
        self.settle(now);
        None
    }

    fn attach(
        &mut self,
        stream: TcpStream,
        server: SocketAddr,
        now: Instant,
    ) -> Result<(), ConnectError> {
        let prepare = || {
            stream.set_nonblocking(false)?;
            stream.set_write_timeout(Some(WRITE_SLICE))?;
            socket::tune(&stream, self.settings.liveness)
        };
        prepare().map_err(|error| ConnectError::from_io(server.to_string(), &error))?;
        self.generation += 1;
        self.stream = Some(Arc::new(stream));
        self.read_timeout = None;
        self.last_read = Some(now);
        self.writing = false;
        self.write_failed = false;
        self.engine.connected(server, now);
        Ok(())
    }

    /// True if there are bytes to be written.
    pub(crate) fn has_output(&self) -> bool {
        !self.write_failed && !self.engine.session.transmit().is_empty()
    }

    /// Writes what there is to write. Blocks for about [`WRITE_SLICE`].
    pub(crate) fn flush(&mut self) -> Flushed {
        let Some(stream) = self.stream.clone() else {
            return Flushed::Done;
        };
        while self.has_output() {
            if self.writing {
                return Flushed::Blocked;
            }
            let output = self.engine.session.transmit();
            match (&*stream).write(output) {
                // What the peer said before it went away is still to be read, so this is not the end yet.
                Ok(0) => self.write_failed = true,
                Ok(written) => {
                    let whole = written == output.len();
                    self.engine.session.consume(written);
                    if !whole {
                        return Flushed::Partly;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_timeout(&error) => return Flushed::Blocked,
                Err(_) => self.write_failed = true,
            }
        }
        Flushed::Done
    }

    /// As [`flush`](Self::flush), for the one who reads: does not try while there is more to be gained by reading.
    pub(crate) fn flush_between_reads(&mut self, now: Instant) -> Flushed {
        if self.read_first.is_some_and(|until| now < until) {
            return Flushed::Blocked;
        }
        let flushed = self.flush();
        self.read_first = (flushed == Flushed::Blocked).then(|| now + READ_FIRST);
        flushed
    }

    /// Takes some of what there is to write, to be written outside of the lock; `None` if another thread does so, or
    /// there is nothing to write.
    pub(crate) fn begin_write(&mut self) -> Option<Writing> {
        if self.writing || !self.has_output() {
            return None;
        }
        let stream = self.stream.clone()?;
        let output = self.engine.session.transmit();
        let bytes = output.get(..WRITE_CHUNK).unwrap_or(output).to_vec();
        // Counted as sent before it is: the call may not be taken for unsent while the network has it.
        self.engine.session.consume(bytes.len());
        self.writing = true;
        Some(Writing {
            stream,
            bytes,
            written: 0,
            generation: self.generation,
        })
    }

    /// Takes note of what was written. Returns what is left.
    pub(crate) fn end_write(&mut self, writing: Writing, done: io::Result<()>) -> Option<Writing> {
        if writing.generation != self.generation {
            return None;
        }
        match done {
            Err(error) if is_timeout(&error) => return Some(writing),
            Err(_) => self.write_failed = true,
            Ok(()) => {}
        }
        self.writing = false;
        None
    }

    /// Prepares for a read of at most `limit`; `None` if there is no connection to read from.
    pub(crate) fn begin_read(&mut self, limit: Option<Duration>) -> Option<Reading> {
        let stream = self.stream.clone()?;
        if !is_near_enough(self.read_timeout, limit) {
            // A little late, so that the next call of the same timeout finds it good enough.
            let timeout = limit.map(|limit| match limit > TOLERANCE {
                true => limit + TOLERANCE / 2,
                false => limit,
            });
            if stream.set_read_timeout(timeout).is_ok() {
                self.read_timeout = timeout;
            }
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        if buffer.is_empty() {
            buffer.resize(SMALL_BUFFER, 0);
        }
        Some(Reading {
            stream,
            buffer,
            generation: self.generation,
        })
    }

    /// Takes in what was read, unless the connection has been replaced meanwhile.
    pub(crate) fn end_read(&mut self, reading: Reading, result: io::Result<usize>, now: Instant) {
        let Reading {
            mut buffer,
            generation,
            ..
        } = reading;
        if generation == self.generation {
            let filled = self.take_in(&buffer, result, now);
            if filled && buffer.len() < LARGE_BUFFER {
                buffer.resize(LARGE_BUFFER, 0);
            }
        }
        self.buffer = buffer;
        self.settle(now);
    }

    /// True if the buffer was full.
    fn take_in(&mut self, buffer: &[u8], result: io::Result<usize>, now: Instant) -> bool {
        let session = &mut self.engine.session;
        match result {
            Ok(0) => session.handle_eof(None),
            Ok(count) => {
                self.last_read = Some(now);
                session.handle_input(buffer.get(..count).unwrap_or_default(), now);
                return count == buffer.len();
            }
            Err(error) if is_timeout(&error) && self.write_failed => {
                session.handle_eof(Some("nothing can be written to it".into()));
            }
            Err(error) if is_timeout(&error) || error.kind() == io::ErrorKind::Interrupted => {
                self.read_first = None;
            }
            Err(error) => session.handle_eof(Some(error.to_string())),
        }
        false
    }

    /// After a while in which nobody has read, looks whether the connection is still what it was, so that a call is
    /// not written to one that the server has closed.
    pub(crate) fn look(&mut self, now: Instant) {
        let idle = self
            .last_read
            .is_none_or(|last| now.saturating_duration_since(last) > FRESH);
        if self.led || !idle || self.engine.session.is_disconnected() {
            return;
        }
        let Some(stream) = self.stream.clone() else {
            return;
        };
        if stream.set_nonblocking(true).is_err() {
            return;
        }
        let mut buffer = [0; 4096];
        while !self.engine.session.is_disconnected() {
            let result = (&*stream).read(&mut buffer);
            let nothing = result.as_ref().is_err_and(is_timeout);
            if nothing {
                break;
            }
            self.take_in(&buffer, result, now);
        }
        if stream.set_nonblocking(false).is_err() {
            self.engine
                .session
                .handle_eof(Some("its socket cannot be used any more".into()));
        }
        self.last_read = Some(now);
        self.settle(now);
    }

    /// Acts on what the session made of bytes and time.
    pub(crate) fn settle(&mut self, now: Instant) {
        if self
            .engine
            .session
            .poll_timeout()
            .is_some_and(|at| at <= now)
        {
            self.engine.session.handle_timeout(now);
            // The driver is asked to stop, although nobody may come to write or read for long.
            self.flush();
        }
        while let Some(event) = self.engine.poll_event(now) {
            match event {
                CallEvent::Ended { call, outcome } => {
                    let queue = self.engine.queue().cloned();
                    self.end(
                        call,
                        Ended {
                            queue,
                            ..outcome.into()
                        },
                    );
                }
                CallEvent::Progress {
                    call,
                    fraction,
                    message,
                } => self.tell_progress(call, fraction, message),
            }
        }
        if self.engine.session.is_disconnected()
            && let Some(stream) = self.stream.take()
        {
            self.generation += 1;
            // Whoever still reads from it wakes up.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Tells the waiting thread how its call ended.
    pub(crate) fn end(&mut self, call: u64, ended: Ended) {
        if let Some(waiting) = self.waiting.iter_mut().find(|w| w.call == call) {
            waiting.ended = Some(ended);
            waiting.wake();
        }
    }

    fn tell_progress(&mut self, call: u64, fraction: f64, message: String) {
        let waiting = self.waiting.iter_mut().find(|w| w.call == call);
        if let Some(waiting) = waiting.filter(|w| w.on_progress.is_some()) {
            waiting.progress.push((fraction, message));
            waiting.wake();
        }
    }

    /// Takes what a call has told of itself, if it has.
    pub(crate) fn take_progress(
        &mut self,
        call: u64,
    ) -> Option<(ProgressCallback, Vec<(f64, String)>)> {
        let waiting = self.waiting.iter_mut().find(|w| w.call == call)?;
        let callback = waiting.on_progress.as_ref()?;
        (!waiting.progress.is_empty())
            .then(|| (Arc::clone(callback), std::mem::take(&mut waiting.progress)))
    }

    /// Takes the end of a call, if it has ended.
    pub(crate) fn take_ended(&mut self, call: u64) -> Option<Ended> {
        let at = self
            .waiting
            .iter()
            .position(|w| w.call == call && w.ended.is_some())?;
        self.waiting.swap_remove(at).ended
    }

    /// Lets some other thread read, if one waits.
    pub(crate) fn hand_on(&mut self) {
        if self.led {
            return;
        }
        if let Some(waiting) = self.waiting.iter_mut().find(|w| w.thread.is_some()) {
            waiting.wake();
        } else if self.waiting.is_empty() {
            self.engine.nobody_waits();
        }
    }

    /// Says goodbye, as far as the network takes it within a fifth of a second.
    pub(crate) fn hang_up(&mut self) {
        for _ in 0..50 {
            if self.writing || self.flush() == Flushed::Done {
                break;
            }
        }
        if let Some(stream) = self.stream.take() {
            self.generation += 1;
            let _ = stream.shutdown(Shutdown::Both);
        }
        self.dial = None;
        for waiting in &mut self.waiting {
            waiting.wake();
        }
        if let Some(thread) = self.pausing.take() {
            thread.unpark();
        }
    }
}

impl Writing {
    /// Writes for about [`WRITE_SLICE`].
    pub(crate) fn proceed(&mut self) -> io::Result<()> {
        while let Some(rest) = self.bytes.get(self.written..).filter(|r| !r.is_empty()) {
            match (&*self.stream).write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl Waiting {
    pub(crate) fn wake(&mut self) {
        if let Some(thread) = self.thread.take() {
            thread.unpark();
        }
    }
}

/// True for the end of a wait that [`TcpStream::set_read_timeout`] or its like asked for, not for that of a
/// connection.
fn is_timeout(error: &io::Error) -> bool {
    match error.kind() {
        io::ErrorKind::WouldBlock => true,
        io::ErrorKind::TimedOut => cfg!(windows),
        _ => false,
    }
}

/// True if a socket that wakes up after `set` will do for one who wants to wake up after `needed`: too early costs a
/// look at the clock, too late costs the caller.
fn is_near_enough(set: Option<Duration>, needed: Option<Duration>) -> bool {
    match (set, needed) {
        (None, None) => true,
        (None, Some(_)) => false,
        (Some(set), None) => set >= Duration::from_secs(1),
        (Some(set), Some(needed)) => {
            set <= needed + TOLERANCE && (set >= needed / 2 || set >= Duration::from_secs(1))
        }
    }
}

/// So long a write may hold the lock.
const WRITE_SLICE: Duration = Duration::from_millis(4);
/// So long reading comes first, if as much comes.
const READ_FIRST: Duration = Duration::from_millis(20);
/// So much is copied for a write outside of the lock.
const WRITE_CHUNK: usize = 256 * 1024;
/// So much later than asked for a thread may wake up.
const TOLERANCE: Duration = Duration::from_millis(10);
/// A connection that was read from so lately is not looked at before a write.
const FRESH: Duration = Duration::from_millis(1);
const SMALL_BUFFER: usize = 64 * 1024;
/// For answers that fill the small one.
const LARGE_BUFFER: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_timeout_is_kept_while_it_is_near_enough() {
        let ms = |n| Some(Duration::from_millis(n));
        for (set, needed, enough) in [
            (None, None, true),
            (None, ms(5), false),
            (ms(105), ms(100), true),
            (ms(111), ms(100), false),
            (ms(60), ms(100), true),
            (ms(40), ms(100), false),
            (ms(5000), ms(60_000), true),
            (ms(5000), None, true),
            (ms(55), None, false),
        ] {
            assert_eq!(is_near_enough(set, needed), enough, "{set:?} {needed:?}");
        }
    }
}
