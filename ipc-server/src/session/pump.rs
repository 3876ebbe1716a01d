//! What the threads that serve one client share, behind one lock: its session, its connection, and what runs.

use std::io::{self, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ipc_core::session::server::ServerSession;
use ipc_core::session::table::Stored;
use ipc_core::wire::ctrl::{ByeReason, Hello, SessionKey};
use ipc_core::wire::frame::OutgoingFrame;
use ipc_core::wire::message::IncomingCall;

use super::reader::{Reader, Received};
use crate::connection::Connection;
use crate::session::activity::Activity;
use ipc_hub::running::Running;
use ipc_hub::work::Work;

/// A session, which outlives the connections and the threads that serve it.
#[derive(Clone, Debug)]
pub(crate) struct Session(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    key: SessionKey,
    pump: Mutex<Pump>,
    /// Wakes the thread that waits to take the reader.
    companion: Condvar,
    /// Tells that a thread that wrote without the lock has ended to write.
    written: Condvar,
}

impl Session {
    pub(crate) fn key(&self) -> SessionKey {
        self.0.key
    }

    /// Locks the session. The table of sessions must not be locked while this is held: it locks parked sessions.
    pub(super) fn lock(&self) -> MutexGuard<'_, Pump> {
        // A thread that panics half-way through a change ends the session when it unwinds.
        self.0.pump.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn try_lock(&self) -> Option<MutexGuard<'_, Pump>> {
        match self.0.pump.try_lock() {
            Ok(pump) => Some(pump),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Waits until a companion is wanted, or the client is no longer served. Blocks.
    pub(super) fn await_call_for_companion<'a>(
        &'a self,
        pump: MutexGuard<'a, Pump>,
    ) -> MutexGuard<'a, Pump> {
        let waited = self.0.companion.wait(pump);
        waited.unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes one thread that waits to be called, or all of them at the end.
    pub(super) fn call_companions(&self) {
        self.0.companion.notify_all();
    }

    /// Waits until no thread writes without the lock. Blocks, but not for longer than a client may stall.
    pub(super) fn await_writer<'a>(&'a self, pump: MutexGuard<'a, Pump>) -> MutexGuard<'a, Pump> {
        let waited = self.0.written.wait_while(pump, |pump| pump.is_writing);
        waited.unwrap_or_else(PoisonError::into_inner)
    }

    /// To be called when a thread that wrote without the lock has ended to write.
    pub(super) fn has_written(&self) {
        self.0.written.notify_all();
    }
}

impl From<Box<ServerSession>> for Session {
    fn from(session: Box<ServerSession>) -> Self {
        Self(Arc::new(Shared {
            key: session.key(),
            pump: Mutex::new(Pump::new(session)),
            companion: Condvar::new(),
            written: Condvar::new(),
        }))
    }
}

impl Stored for Session {
    fn key(&self) -> SessionKey {
        self.0.key
    }

    fn kept(&self) -> usize {
        self.lock().session.kept()
    }

    fn forget_results(&mut self) {
        self.lock().session.forget_results();
    }

    fn is_in_use(&self) -> bool {
        self.lock().running.iter().any(|call| !call.is_stuck())
    }
}

/// A session and its connection.
///
/// The lock around it is held while something is taken in or queued, and, as long as one thread alone serves the client,
/// while that thread writes. It is never held while a driver runs, or while somebody waits for bytes.
#[derive(Debug)]
pub(super) struct Pump {
    pub(super) session: Box<ServerSession>,
    stream: Option<Arc<TcpStream>>,
    /// The right to read, while the thread that had it is inside a driver.
    reader: Option<Reader>,
    /// The calls inside drivers, in the order in which they began.
    pub(super) running: Vec<Running>,
    /// True while a thread writes without holding the lock: what others queue, it will write.
    is_writing: bool,
    /// Counts the clients that were served with this session, and their ends: a thread that serves an earlier one has
    /// nothing to do any more.
    pub(super) tenure: u64,
    /// How many threads wait to take the reader from one that is inside a driver.
    pub(super) companions: usize,
    /// True once an idle client that has to leave has had its last calls answered.
    pub(super) has_last_word: bool,
    /// True when a companion is to take the reader.
    pub(super) is_companion_wanted: bool,
    /// True while the thread that owns the reader waits for calls to end.
    pub(super) is_awaited: bool,
    /// The name and address of the client.
    pub(super) client: Arc<str>,
}

/// A call that a thread has taken over.
pub(super) struct Taken {
    pub(super) call: IncomingCall,
    pub(super) deadline: Option<Instant>,
}

impl Pump {
    fn new(session: Box<ServerSession>) -> Self {
        Self {
            session,
            stream: None,
            reader: None,
            running: Vec::with_capacity(1),
            is_writing: false,
            tenure: 0,
            companions: 0,
            has_last_word: false,
            is_companion_wanted: false,
            is_awaited: false,
            client: "".into(),
        }
    }

    /// A client begins to be served.
    pub(super) fn begin_tenure(&mut self) -> u64 {
        self.end_tenure();
        self.tenure
    }

    /// The client is no longer served.
    pub(super) fn end_tenure(&mut self) {
        self.tenure += 1;
        self.companions = 0;
        self.is_companion_wanted = false;
        self.is_awaited = false;
        self.has_last_word = false;
    }

    /// Goes on over another connection.
    pub(super) fn attach(
        &mut self,
        reader: &mut Reader,
        connection: Connection,
        hello: &Hello,
        lease_epoch: u64,
        activity: &Activity,
    ) {
        let Connection { stream, link, peer } = connection;
        self.client = format!("{} at {peer}", hello.name).into();
        activity.connected(peer, stream.try_clone().ok(), Instant::now());
        self.session.attach(link, hello, lease_epoch);
        let stream = Arc::new(stream);
        reader.attach(Arc::clone(&stream));
        self.stream = Some(stream);
    }

    /// Takes in what `reader` has read.
    pub(super) fn take_in(&mut self, reader: &mut Reader, activity: &Activity, now: Instant) {
        match reader.take() {
            Received::Nothing => {}
            // A thread that asks this one to leave shuts the reading half of the socket.
            Received::Ended if activity.request().is_some() => {}
            Received::Ended => self.session.handle_eof(None),
            Received::Bytes(bytes) => {
                activity.add_received(bytes.len());
                self.session.handle_input(bytes, now);
                self.note_cancelled(activity, now);
            }
            Received::Failed(error) => self.session.handle_eof(Some(error.to_string())),
        }
    }

    /// Calls that the client has given up no longer count as its use of the server.
    fn note_cancelled(&mut self, activity: &Activity, now: Instant) {
        for call in &mut self.running {
            if self.session.is_cancelled(call.number) && call.give_up(now) {
                activity.caller_gave_up(call.number, now);
            }
        }
    }

    /// Hands out the next call. It counts as running until [`end`](Self::end).
    pub(super) fn begin(&mut self, now: Instant, work: &mut Option<Work>) -> Option<Taken> {
        let (call, deadline) = self.session.next_call(now)?;
        self.running
            .push(Running::new(call.header.number, deadline, work.take()));
        Some(Taken { call, deadline })
    }

    /// The call has returned. Gives its thread back what a stopping server waits for, unless that no longer waits for it.
    pub(super) fn end(&mut self, number: u64, reply: OutgoingFrame) -> Option<Running> {
        let at = self.running.iter().position(|call| call.number == number);
        let ended = at.map(|at| self.running.remove(at));
        if let Some((fraction, message)) = ended.as_ref().and_then(|call| call.progress.as_ref()) {
            self.session.progress(number, *fraction, message);
        }
        self.session.reply(number, reply);
        ended
    }

    /// Leaves the right to read here, because its owner is about to enter a driver.
    pub(super) fn park(&mut self, reader: Reader) {
        self.reader = Some(reader);
    }

    /// The right to read, if nobody else has taken it.
    pub(super) fn unpark(&mut self) -> Option<Reader> {
        self.is_companion_wanted = false;
        self.reader.take()
    }

    /// True while the right to read lies here.
    pub(super) fn is_parked(&self) -> bool {
        self.reader.is_some()
    }

    /// Writes everything there is to say. Waits for a slow client, but not for ever.
    pub(super) fn write_all(&mut self, activity: &Activity) {
        while let (bytes @ [_, ..], Some(stream)) = (self.session.transmit(), &self.stream) {
            match (&**stream).write(bytes) {
                Ok(count) if count > 0 => {
                    activity.add_sent(count);
                    self.session.consume(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(_) => return self.session.handle_eof(None),
                Err(error) => return self.session.handle_eof(Some(error.to_string())),
            }
        }
    }

    /// False if the client has queued as much as it may, and another thread has to make room before more is read.
    pub(super) fn has_room(&self) -> bool {
        // A thread that is alone has run what waited, and has written what was to be said.
        self.is_alone() || self.session.wants_input() || self.session.end().is_some()
    }

    /// True if the calling thread, which reads, is the only one that uses the session.
    pub(super) fn is_alone(&self) -> bool {
        self.running.is_empty() && !self.is_writing
    }

    /// True while a thread writes without the lock.
    pub(super) fn is_writing(&self) -> bool {
        self.is_writing
    }

    /// Begins to write without the lock, unless another thread does already.
    pub(super) fn begin_writing(&mut self) -> bool {
        !std::mem::replace(&mut self.is_writing, true)
    }

    /// The next piece for the thread that writes without the lock. With `None` it has ended to write.
    pub(super) fn next_piece(&mut self) -> Option<(Bytes, Arc<TcpStream>)> {
        let stream = self.stream.clone();
        let next = stream.and_then(|stream| Some((self.session.take_output()?, stream)));
        self.is_writing = next.is_some();
        next
    }

    /// A piece could not be written to `stream`. The thread that reads from it finds it closed.
    pub(super) fn lose(&mut self, stream: &Arc<TcpStream>, error: &io::Error) {
        let is_current = |current: &Arc<TcpStream>| Arc::ptr_eq(current, stream);
        if self.stream.as_ref().is_some_and(is_current) {
            self.session.handle_eof(Some(error.to_string()));
            // It may be closed already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Writes what was queued behind nothing else, for a driver that must not wait for a slow client.
    pub(super) fn write_briefly(&mut self, activity: &Activity) {
        if self.is_writing || self.session.transmit().is_empty() {
            return;
        }
        let Some(stream) = self.stream.as_deref() else {
            return;
        };
        let timeout = stream.write_timeout().ok().flatten();
        if stream.set_write_timeout(Some(BRIEFLY)).is_err() {
            return;
        }
        let mut writer = stream;
        if let Ok(count) = writer.write(self.session.transmit()) {
            activity.add_sent(count);
            self.session.consume(count);
        }
        // It was accepted before.
        let _ = stream.set_write_timeout(timeout);
    }

    /// Ends the calls that wait, none of which was run.
    pub(super) fn refuse_waiting(&mut self, reason: ByeReason) {
        self.session.refuse_waiting(reason);
    }

    /// Drops the connection.
    pub(super) fn disconnect(&mut self, reader: &mut Reader, activity: &Activity) {
        self.session.detach();
        self.stream = None;
        reader.detach();
        activity.disconnected();
    }
}

/// How long a driver that reports its progress waits for the network.
const BRIEFLY: Duration = Duration::from_millis(4);
