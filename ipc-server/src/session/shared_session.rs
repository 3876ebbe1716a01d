//! A session behind one lock, shared by the threads that serve its client and the table that keeps it.

use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::{Arc, PoisonError, TryLockError};
use std::time::Instant;

use ipc_core::session::server::ServerSession;
use ipc_core::session::table::Stored;
use ipc_core::wire::ctrl::SessionKey;
use ipc_hub::Hub;
use ipc_hub::party::{Interruption, Party};

use super::handover;
use super::pump::Pump;
use super::reader::SocketReader;
use super::write_queue;
use crate::session::activity::Activity;
use crate::sync::{Condvar, Mutex, MutexGuard};

/// A session, which outlives the connections and the threads that serve it.
#[derive(Clone, Debug)]
pub(crate) struct SharedSession(Arc<LockedSession>);

#[derive(Debug)]
struct LockedSession {
    key: SessionKey,
    pump: Mutex<Pump>,
    /// Wakes the thread that waits to take the reader.
    companion: Condvar,
    /// Tells that a thread has finished writing without the lock.
    written: Condvar,
}

impl SharedSession {
    pub(crate) fn key(&self) -> SessionKey {
        self.0.key
    }

    /// Returns the client program of the session, which is made known if the session is new. If it `has_lost` an earlier session,
    /// it is told so before its first call.
    pub(super) fn party(&self, hub: &Hub, has_lost: bool) -> Arc<Party> {
        let mut pump = self.lock();
        let party = pump.party.get_or_insert_with(|| hub.parties().open());
        if has_lost {
            let what = "the server was restarted, or has forgotten the session of this client";
            let interruption = Interruption::new("", what, Instant::now());
            party.interrupt(interruption);
        }
        Arc::clone(party)
    }

    /// Makes this the session of a lane of `party`.
    pub(super) fn set_party(&self, party: Arc<Party>) -> Arc<Party> {
        let mut pump = self.lock();
        let is_other = pump.party.as_ref().is_none_or(|old| old.id() != party.id());
        if is_other {
            pump.told.begin(&party);
        }
        Arc::clone(pump.party.insert(party))
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

    /// Waits as a companion for the reader. `None` if there is a companion already, or once the tenure has ended. Blocks.
    pub(super) fn await_reader<'a>(
        &'a self,
        pump: MutexGuard<'a, Pump>,
        tenure: u64,
    ) -> Option<(MutexGuard<'a, Pump>, Box<SocketReader>)> {
        handover::await_reader(pump, &self.0.companion, tenure)
    }

    /// Has a companion take the reader. Returns false if none waits for it: one has to be started.
    pub(super) fn call_companion(&self, pump: &mut Pump) -> bool {
        pump.handover.call_companion(&self.0.companion)
    }

    /// Wakes the companion because the client is no longer served.
    pub(super) fn wake_companion(&self) {
        self.0.companion.notify_all();
    }

    /// Writes everything there is to say without the lock, unless another thread does.
    pub(super) fn write_unlocked<'a>(
        &'a self,
        pump: MutexGuard<'a, Pump>,
        activity: &Activity,
    ) -> MutexGuard<'a, Pump> {
        write_queue::write_unlocked(&self.0.pump, pump, &self.0.written, |(bytes, stream)| {
            write_piece(stream, bytes, activity)
        })
    }

    /// Waits until no thread writes without the lock. Blocks, but not for longer than a client may stall.
    pub(super) fn await_writer<'a>(&'a self, pump: MutexGuard<'a, Pump>) -> MutexGuard<'a, Pump> {
        write_queue::await_written(pump, &self.0.written)
    }
}

impl From<Box<ServerSession>> for SharedSession {
    fn from(session: Box<ServerSession>) -> Self {
        Self(Arc::new(LockedSession {
            key: session.key(),
            pump: Mutex::new(Pump::new(session)),
            companion: Condvar::new(),
            written: Condvar::new(),
        }))
    }
}

impl Stored for SharedSession {
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
        self.lock().running.keep_the_place()
    }
}

/// Writes a piece without the lock of the session.
fn write_piece(mut stream: &TcpStream, mut piece: &[u8], activity: &Activity) -> io::Result<()> {
    while !piece.is_empty() {
        match stream.write(piece) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => {
                activity.add_sent(count);
                piece = piece.get(count..).unwrap_or_default();
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
