//! The socket of a blocking client: who reads or writes it does so by turns, and outside of the channel's lock where it
//! may take long.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::engine::{Engine, Written};

/// The socket, while there is one, and whose turn it is. Used under the channel's lock.
#[derive(Default)]
pub(crate) struct Stream {
    socket: Option<Arc<TcpStream>>,
    /// Counts the connections, so that what was read from one is not taken for what came from the next.
    generation: u64,
    buffer: Vec<u8>,
    read_timeout: Option<Duration>,
    last_read: Option<Instant>,
    /// True while some thread writes outside of the lock.
    writing: bool,
    /// Until then, reading comes first: the network takes no more, most likely because the other end writes, too.
    read_first: Option<Instant>,
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
    socket: Arc<TcpStream>,
    buffer: Vec<u8>,
    generation: u64,
}

/// What a thread writes, outside of the lock.
pub(crate) struct Writing {
    socket: Arc<TcpStream>,
    bytes: Vec<u8>,
    written: usize,
    generation: u64,
}

impl Stream {
    /// Takes a new connection over.
    pub(crate) fn attach(&mut self, socket: TcpStream, now: Instant) -> io::Result<()> {
        socket.set_nonblocking(false)?;
        socket.set_write_timeout(Some(WRITE_SLICE))?;
        self.generation += 1;
        self.socket = Some(Arc::new(socket));
        self.read_timeout = None;
        self.last_read = Some(now);
        self.writing = false;
        Ok(())
    }

    /// Ends the connection, if there is one. Whoever still reads from it wakes up.
    pub(crate) fn detach(&mut self) {
        if let Some(socket) = self.socket.take() {
            self.generation += 1;
            // It may have ended before.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    /// Writes what there is to write. Blocks for about [`WRITE_SLICE`].
    pub(crate) fn flush(&mut self, engine: &mut Engine) -> Flushed {
        let Some(socket) = &self.socket else {
            return Flushed::Done;
        };
        while !engine.output().is_empty() {
            if self.writing {
                return Flushed::Blocked;
            }
            let result = (&**socket).write(engine.output());
            match engine.written(in_unix_terms(result)) {
                Written::Whole => {}
                Written::Partly => return Flushed::Partly,
                Written::Blocked => return Flushed::Blocked,
            }
        }
        Flushed::Done
    }

    /// As [`flush`](Self::flush), for the one who reads: does not try while there is more to be gained by reading.
    pub(crate) fn flush_between_reads(&mut self, engine: &mut Engine, now: Instant) -> Flushed {
        if self.read_first.is_some_and(|until| now < until) {
            return Flushed::Blocked;
        }
        let flushed = self.flush(engine);
        self.read_first = (flushed == Flushed::Blocked).then(|| now + READ_FIRST);
        flushed
    }

    /// Says what is left to say as far as the network takes it within a fifth of a second, and ends the connection.
    pub(crate) fn hang_up(&mut self, engine: &mut Engine) {
        for _ in 0..50 {
            if self.writing || self.flush(engine) == Flushed::Done {
                break;
            }
        }
        self.detach();
    }

    /// Takes some of what there is to write, to be written outside of the lock; `None` if another thread does so, or
    /// there is nothing to write.
    pub(crate) fn begin_write(&mut self, engine: &mut Engine) -> Option<Writing> {
        let output = engine.output();
        if self.writing || output.is_empty() {
            return None;
        }
        let socket = self.socket.clone()?;
        let bytes = output.get(..WRITE_CHUNK).unwrap_or(output).to_vec();
        // Counted as sent before it is: the call may not be taken for unsent while the network has it.
        engine.written(Ok(bytes.len()));
        self.writing = true;
        Some(Writing {
            socket,
            bytes,
            written: 0,
            generation: self.generation,
        })
    }

    /// Takes note of what was written. Returns what is left.
    pub(crate) fn end_write(
        &mut self,
        engine: &mut Engine,
        writing: Writing,
        done: io::Result<()>,
    ) -> Option<Writing> {
        if writing.generation != self.generation {
            return None;
        }
        match done {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Some(writing),
            Err(_) => engine.write_failed(),
            Ok(()) => {}
        }
        self.writing = false;
        None
    }

    /// Prepares for a read of at most `limit`; `None` if there is no connection to read from.
    pub(crate) fn begin_read(&mut self, limit: Option<Duration>) -> Option<Reading> {
        let socket = self.socket.clone()?;
        if !is_near_enough(self.read_timeout, limit) {
            // A little late, so that the next call of the same timeout finds it good enough.
            let timeout = limit.map(|limit| match limit > TOLERANCE {
                true => limit + TOLERANCE / 2,
                false => limit,
            });
            if socket.set_read_timeout(timeout).is_ok() {
                self.read_timeout = timeout;
            }
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        if buffer.is_empty() {
            buffer.resize(SMALL_BUFFER, 0);
        }
        Some(Reading {
            socket,
            buffer,
            generation: self.generation,
        })
    }

    /// Takes in what was read, unless the connection has been replaced meanwhile.
    pub(crate) fn end_read(
        &mut self,
        engine: &mut Engine,
        mut reading: Reading,
        result: io::Result<usize>,
        now: Instant,
    ) {
        if reading.generation == self.generation {
            let is_full = self.take_in(engine, &reading.buffer, result, now);
            if is_full && reading.buffer.len() < LARGE_BUFFER {
                reading.buffer.resize(LARGE_BUFFER, 0);
            }
        }
        self.buffer = reading.buffer;
    }

    /// True if the buffer was full.
    fn take_in(
        &mut self,
        engine: &mut Engine,
        buffer: &[u8],
        result: io::Result<usize>,
        now: Instant,
    ) -> bool {
        match &result {
            Ok(0) => {}
            Ok(_) => self.last_read = Some(now),
            Err(error) => {
                self.read_first = None;
                if error.kind() == io::ErrorKind::WouldBlock {
                    engine.received_nothing();
                }
            }
        }
        engine.received(buffer, result, now)
    }

    /// After a while in which nobody has read, looks whether the connection is still what it was, so that a call is
    /// not written to one that the server has closed. Returns true if it looked.
    pub(crate) fn look(&mut self, engine: &mut Engine, now: Instant) -> bool {
        let is_fresh = |last| now.saturating_duration_since(last) <= FRESH;
        if engine.is_disconnected() || self.last_read.is_some_and(is_fresh) {
            return false;
        }
        let Some(socket) = self.socket.clone() else {
            return false;
        };
        if socket.set_nonblocking(true).is_err() {
            return false;
        }
        let mut buffer = [0; 4096];
        while !engine.is_disconnected() {
            let result = in_unix_terms((&*socket).read(&mut buffer));
            let is_nothing = |error: &io::Error| error.kind() == io::ErrorKind::WouldBlock;
            if result.as_ref().is_err_and(is_nothing) {
                break;
            }
            self.take_in(engine, &buffer, result, now);
        }
        if socket.set_nonblocking(false).is_err() {
            engine.lost_because("its socket cannot be used any more");
        }
        self.last_read = Some(now);
        true
    }
}

impl Reading {
    /// Reads once.
    pub(crate) fn proceed(&mut self) -> io::Result<usize> {
        in_unix_terms((&*self.socket).read(&mut self.buffer))
    }
}

impl Writing {
    /// Writes for about [`WRITE_SLICE`].
    pub(crate) fn proceed(&mut self) -> io::Result<()> {
        while let Some(rest) = self.bytes.get(self.written..).filter(|r| !r.is_empty()) {
            match in_unix_terms((&*self.socket).write(rest)) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The end of a wait that [`TcpStream::set_read_timeout`] or its like asked for has another name on Windows.
fn in_unix_terms<T>(result: io::Result<T>) -> io::Result<T> {
    result.map_err(|error| match error.kind() {
        io::ErrorKind::TimedOut if cfg!(windows) => io::ErrorKind::WouldBlock.into(),
        _ => error,
    })
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
