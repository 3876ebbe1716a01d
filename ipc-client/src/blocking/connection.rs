//! The connection of a blocking client: its engine and its socket. Reads and long writes happen outside of the lock that
//! guards the rest, in [`PendingRead`] and [`PendingWrite`].

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use ipc_core::session::client::Clock;
use ipc_core::session::link::{FIRST_READ_SIZE, grow_read_buffer};
use ipc_core::wire::frame::PartialFrame;

use crate::clock::StepTime;
use crate::engine::{Engine, Written};

/// An engine and the socket that it runs over, while there is one.
pub(crate) struct ClientConnection {
    pub(crate) engine: Engine,
    socket: Option<Arc<TcpStream>>,
    /// Counts the sockets, so that bytes read from one are not taken for those of the next.
    generation: u64,
    /// Used for each read, and kept in between.
    reader: Option<Box<PendingRead>>,
    read_timeout: Option<Duration>,
    /// Until when the connection is taken to stand because of the last read.
    fresh_until: Option<Instant>,
    /// True while some thread writes outside of the lock.
    writing: bool,
    /// Until when reading has priority: the network takes no more bytes, most likely because the server is writing, too.
    read_first: Option<Instant>,
}

/// A read that the leader makes outside of the lock.
pub(crate) struct PendingRead {
    socket: Arc<TcpStream>,
    buffer: Vec<u8>,
    /// A long frame to read into, in place of the buffer.
    partial: Option<PartialFrame>,
    /// Number of bytes for which the system wakes this up.
    wakes_at: usize,
    generation: u64,
}

/// A write that a thread makes outside of the lock.
pub(crate) struct PendingWrite {
    socket: Arc<TcpStream>,
    bytes: Bytes,
    generation: u64,
}

impl ClientConnection {
    pub(crate) fn new(engine: Engine) -> Self {
        Self {
            engine,
            socket: None,
            generation: 0,
            reader: None,
            read_timeout: None,
            fresh_until: None,
            writing: false,
            read_first: None,
        }
    }

    /// Starts to use `socket`, which is connected to `server`.
    pub(crate) fn attach(&mut self, socket: TcpStream, server: SocketAddr, now: Instant) {
        let result = self.use_socket(socket, now);
        self.engine.attached(result, server, now);
    }

    fn use_socket(&mut self, socket: TcpStream, now: Instant) -> io::Result<()> {
        socket.set_nonblocking(false)?;
        socket.set_write_timeout(Some(WRITE_TIMEOUT))?;
        self.generation += 1;
        self.socket = Some(Arc::new(socket));
        self.read_timeout = None;
        self.fresh_until = now.checked_add(RECENT);
        self.writing = false;
        Ok(())
    }

    /// Closes the socket if the engine has no connection any more. A thread that still reads from it wakes up.
    pub(crate) fn detach_if_disconnected(&mut self) {
        if self.engine.is_disconnected() {
            self.detach();
        }
    }

    fn detach(&mut self) {
        if let Some(socket) = self.socket.take() {
            self.generation += 1;
            self.reader = None;
            // Fails if the connection has already ended.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    /// Writes what is queued. Blocks for about [`WRITE_TIMEOUT`].
    pub(crate) fn flush(&mut self) -> Written {
        let Some(socket) = &self.socket else {
            return Written::Whole;
        };
        loop {
            if self.writing && !self.engine.output().is_empty() {
                return Written::Blocked;
            }
            let mut socket = &**socket;
            let written = self.engine.write(|slices| {
                as_on_unix(match slices {
                    [only] => socket.write(only),
                    _ => socket.write_vectored(slices),
                })
            });
            match written {
                Some(Written::Whole) => {}
                Some(other) => return other,
                None => return Written::Whole,
            }
        }
    }

    /// Like [`flush`](Self::flush), for the leader: does not write while reading has priority.
    pub(crate) fn flush_between_reads(&mut self, now: &StepTime) -> Written {
        if self.read_first.is_some_and(|until| now.now() < until) {
            return Written::Blocked;
        }
        let written = self.flush();
        self.read_first = (written == Written::Blocked).then(|| now.now() + READ_FIRST);
        written
    }

    /// Ends the session and says goodbye, as far as the network takes it within a fifth of a second.
    pub(crate) fn close(&mut self) {
        self.engine.close();
        for _ in 0..50 {
            if self.writing || self.flush() == Written::Whole {
                break;
            }
        }
        self.detach();
    }

    /// Takes a part of the output, to be written outside of the lock. Returns `None` if there is no output, or another
    /// thread is writing.
    pub(crate) fn begin_write(&mut self) -> Option<PendingWrite> {
        if self.writing {
            return None;
        }
        let socket = self.socket.clone()?;
        let bytes = self.engine.take_output()?;
        self.writing = true;
        Some(PendingWrite {
            socket,
            bytes,
            generation: self.generation,
        })
    }

    /// Takes the result of a write. Returns the write if it has to go on.
    pub(crate) fn end_write(
        &mut self,
        write: PendingWrite,
        result: io::Result<()>,
    ) -> Option<PendingWrite> {
        if write.generation != self.generation {
            return None;
        }
        match result {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Some(write),
            Err(_) => self.engine.write_failed(),
            Ok(()) => {}
        }
        self.writing = false;
        None
    }

    /// Prepares a read that takes at most `timeout`. Returns `None` if there is no socket to read from.
    pub(crate) fn begin_read(&mut self, timeout: Option<Duration>) -> Option<Box<PendingRead>> {
        let mut read = self.take_reader()?;
        if !is_close_enough(self.read_timeout, timeout) {
            // Slightly longer than needed, so that it will do for the next call with the same timeout.
            let timeout = timeout.map(|timeout| match timeout > TOLERANCE {
                true => timeout + TOLERANCE / 2,
                false => timeout,
            });
            if read.socket.set_read_timeout(timeout).is_ok() {
                self.read_timeout = timeout;
            }
        }
        read.partial = self.engine.take_partial();
        Some(read)
    }

    fn take_reader(&mut self) -> Option<Box<PendingRead>> {
        match self.reader.take() {
            Some(reader) => Some(reader),
            None => Some(Box::new(PendingRead {
                socket: self.socket.clone()?,
                buffer: vec![0; FIRST_READ_SIZE],
                partial: None,
                wakes_at: 1,
                generation: self.generation,
            })),
        }
    }

    /// Takes the result of a read, unless the socket has been replaced in the meantime.
    pub(crate) fn end_read(
        &mut self,
        mut read: Box<PendingRead>,
        result: io::Result<usize>,
        now: &StepTime,
    ) {
        if read.generation == self.generation {
            self.note(&result, now.at_least());
            match read.partial.take() {
                Some(partial) => self.engine.received_partial(partial, result, now),
                None => {
                    if self.engine.received(&mut read.buffer, result, now) {
                        grow_read_buffer(&mut read.buffer);
                    }
                }
            }
            self.reader = Some(read);
        }
    }

    /// Notes what the result of a read, which ended no earlier than `not_before`, says about the connection.
    fn note(&mut self, result: &io::Result<usize>, not_before: Instant) {
        match result {
            Ok(0) => {}
            Ok(_) => self.fresh_until = not_before.checked_add(RECENT),
            Err(error) => {
                self.read_first = None;
                if error.kind() == io::ErrorKind::WouldBlock {
                    self.engine.received_nothing();
                }
            }
        }
    }

    /// Reads what has come since the last read, so that a call is not written to a connection that the server has closed.
    /// Does nothing if the last read was just now. Returns true if it has read.
    pub(crate) fn probe(&mut self, now: Instant) -> bool {
        if self.engine.is_disconnected() || self.fresh_until.is_some_and(|until| now <= until) {
            return false;
        }
        let Some(mut reader) = self.take_reader() else {
            return false;
        };
        while !self.engine.is_disconnected() {
            let result = as_on_unix(ipc_net::read_now(&reader.socket, &mut reader.buffer));
            let is_empty = |error: &io::Error| error.kind() == io::ErrorKind::WouldBlock;
            if result.as_ref().is_err_and(is_empty) {
                break;
            }
            self.note(&result, now);
            self.engine.received(&mut reader.buffer, result, now);
        }
        self.reader = Some(reader);
        self.fresh_until = now.checked_add(RECENT);
        true
    }
}

impl PendingRead {
    /// Reads once.
    pub(crate) fn run(&mut self) -> io::Result<usize> {
        let wakes_at = match &self.partial {
            // The beginning of an encrypted record counts as missing, and has been read.
            Some(partial) if partial.missing() >= 3 * MUCH => MUCH,
            _ => 1,
        };
        if wakes_at != self.wakes_at {
            ipc_net::wake_at(&self.socket, wakes_at);
            self.wakes_at = wakes_at;
        }
        as_on_unix(match &mut self.partial {
            Some(partial) => (&*self.socket).read(partial.room()),
            None => (&*self.socket).read(&mut self.buffer),
        })
    }
}

impl PendingWrite {
    /// Writes for about [`WRITE_TIMEOUT`].
    pub(crate) fn run(&mut self) -> io::Result<()> {
        while !self.bytes.is_empty() {
            match as_on_unix((&*self.socket).write(&self.bytes)) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.bytes.advance(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Reports the timeout of a socket as `WouldBlock`, as Unix does; Windows reports `TimedOut`.
fn as_on_unix<T>(result: io::Result<T>) -> io::Result<T> {
    result.map_err(|error| match error.kind() {
        io::ErrorKind::TimedOut if cfg!(windows) => io::ErrorKind::WouldBlock.into(),
        _ => error,
    })
}

/// Returns whether a socket with the read timeout `set` will do for a thread that needs `needed`. Waking up too early
/// costs a look at the clock, waking up too late delays the caller; setting the timeout anew costs a syscall.
fn is_close_enough(set: Option<Duration>, needed: Option<Duration>) -> bool {
    match (set, needed) {
        (None, None) => true,
        (None, Some(_)) => false,
        (Some(set), None) => set >= Duration::from_secs(1),
        (Some(set), Some(needed)) => {
            set <= needed + TOLERANCE && (set >= needed / 2 || set >= Duration::from_secs(1))
        }
    }
}

/// Number of bytes of a long frame for which a read wakes up; more than a record under a secret has. With fewer, both ends
/// spend time on waking this one up.
const MUCH: usize = 128 * 1024;
/// How long a write may hold the lock.
const WRITE_TIMEOUT: Duration = Duration::from_millis(4);
/// How long reading has priority after a write that the network did not take.
const READ_FIRST: Duration = Duration::from_millis(20);
/// Maximum delay of a thread that wakes up by a socket's read timeout.
const TOLERANCE: Duration = Duration::from_millis(10);
/// A connection that was read from this recently is not probed before a call.
const RECENT: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_timeout_is_kept_while_it_is_close_enough() {
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
            assert_eq!(is_close_enough(set, needed), enough, "{set:?} {needed:?}");
        }
    }
}
