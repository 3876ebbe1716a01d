//! One client as long as it is served, shared by the threads that serve it.

use std::fmt::Display;
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use ipc_core::Stuck;
use ipc_core::interface::context::call_id;
use ipc_core::wire::ctrl::{ByeReason, ConnectionRole, Hello, Notice, SessionKey};
use ipc_hub::driver_call::DriverCall;
use ipc_hub::log::{self, About};
use ipc_hub::party::{Interruption, Party, PartySession};
use ipc_hub::stay::Stay;
use ipc_hub::tick::Unattended;
use ipc_hub::work::Work;

use super::gate_wait::ToldWait;
use super::interruption::Wants;
use super::pump::{Pump, TakenCall};
use super::reader::SocketReader;
use super::shared_session::SharedSession;
use crate::connection::Connection;
use crate::session::activity::Activity;
use crate::session::mailbox::Mailbox;
use crate::state::{ActiveSession, Place, ServerState};

/// A client that is served.
pub(super) struct Serving {
    pub(super) key: SessionKey,
    pub(super) state: Arc<ServerState>,
    pub(super) activity: Arc<Activity>,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) session: SharedSession,
    pub(super) party: Arc<Party>,
    tenure: u64,
    pub(super) unattended: Unattended,
    lease_epoch: AtomicU64,
    /// What the connection is for.
    pub(super) role: ConnectionRole,
    places: Mutex<Vec<Arc<dyn Place>>>,
    told_wait: Mutex<ToldWait>,
    /// What the client has not been told yet about its leases.
    notices: Mutex<Vec<Notice>>,
    pub(super) this: Weak<Self>,
}

impl Serving {
    pub(super) fn new(
        state: Arc<ServerState>,
        activity: Arc<Activity>,
        mailbox: Arc<Mailbox>,
        session: SharedSession,
        party: Arc<Party>,
        places: Vec<Arc<dyn Place>>,
        hello: &Hello,
    ) -> Arc<Self> {
        let key = session.key();
        let stay = Stay::new(state.config.grace);
        let is_observer = hello.role == ConnectionRole::Observer;
        let lease_epoch = match hello.role {
            ConnectionRole::Control => state.admission().begin(key),
            _ => state.admission().lease_epoch(),
        };
        let mut pump = session.lock();
        let tenure = pump.begin_tenure(stay);
        let before = mem::replace(&mut pump.lease_epoch, lease_epoch);
        drop(pump);
        if before != 0 && before != lease_epoch && Wants::of(&hello.features) == Wants::Used {
            let what = "other clients have used the instruments since this client held the server";
            let interruption = Interruption::new("", what, Instant::now());
            party.interrupt(interruption);
        }
        let serving = Arc::new_cyclic(|this| Self {
            key,
            state,
            activity,
            mailbox,
            session,
            party,
            tenure,
            unattended: Unattended::default(),
            lease_epoch: lease_epoch.into(),
            role: hello.role,
            places: Mutex::new(places),
            told_wait: Mutex::default(),
            notices: Mutex::default(),
            this: this.clone(),
        });
        if !is_observer {
            let session = Arc::clone(&serving) as Arc<dyn PartySession>;
            serving.party.begins(session);
        }
        serving
    }

    pub(super) fn pump(&self) -> MutexGuard<'_, Pump> {
        self.session.lock()
    }

    pub(super) fn log(&self, what: impl Display) {
        if !log::tells_infos() {
            return;
        }
        let client = Arc::clone(&self.pump().client);
        self.state
            .client_log
            .info(About::client(client.as_ref()), what);
    }

    /// Serves the client over another connection from now on.
    pub(super) fn attach(&self, reader: &mut SocketReader, connection: Connection, hello: &Hello) {
        let epoch = self.lease_epoch.load(Ordering::Relaxed) + self.state.hub.removals();
        self.pump()
            .attach(reader, connection, hello, epoch, &self.activity);
        if self.role == ConnectionRole::Control {
            self.state.hub.party_back(self.party.id());
        }
        self.mailbox.set_waiting(false);
        // A newer connection may have come before there was a socket to cut.
        if !self.is_newest(hello) {
            self.activity.cut();
        }
        if self.is_lost_lane() {
            let message = "the client of this lane no longer holds the server";
            self.activity.ask_to_leave(ByeReason::Disconnected, message);
        }
        let mut pump = self.pump();
        self.tell_notices(&mut pump);
        let mut pump = self.flush(pump, reader);
        // More may have come with the hello.
        pump.session.handle_input(&[], Instant::now());
        drop(pump);
        self.log("client has the server");
    }

    /// Returns true if no newer connection of this session has arrived than the one with this hello.
    pub(super) fn is_newest(&self, hello: &Hello) -> bool {
        self.state.table().is_newest(self.key, hello.connection)
    }

    /// Hands out the next call, unless the server is stopping: the calls that wait are then refused.
    pub(super) fn begin_call(
        &self,
        pump: &mut Pump,
        now: Instant,
        work: &mut Option<Work>,
    ) -> Option<TakenCall> {
        if self.state.is_stopping() {
            pump.refuse_waiting(ByeReason::Stopping);
            return None;
        }
        pump.begin(&self.state.hub, now, work)
    }

    /// Leaves the reader where a companion can take it.
    pub(super) fn park(&self, mut pump: MutexGuard<'_, Pump>, reader: Box<SocketReader>) {
        pump.handover.park(reader);
        self.unattended.begin();
        drop(pump);
        self.state.hub.tick().wake();
    }

    /// Takes the reader back, unless a companion has taken it, or this client is no longer served: the reader is then that
    /// of the client's next stay.
    pub(super) fn unpark(&self, pump: &mut Pump) -> Option<Box<SocketReader>> {
        if !self.is_served(pump) {
            return None;
        }
        let reader = pump.handover.unpark()?;
        self.unattended.end();
        Some(reader)
    }

    /// Writes what is queued for the client. `_reader` proves that the calling thread is the one that reads.
    pub(super) fn flush<'a>(
        &'a self,
        mut pump: MutexGuard<'a, Pump>,
        _reader: &SocketReader,
    ) -> MutexGuard<'a, Pump> {
        if pump.is_alone() {
            // Nobody else needs the lock.
            pump.write_all(&self.activity);
            return pump;
        }
        self.flush_unlocked(pump)
    }

    /// Writes what is queued for the client, and lets other threads use the session meanwhile.
    pub(super) fn flush_unlocked<'a>(&'a self, pump: MutexGuard<'a, Pump>) -> MutexGuard<'a, Pump> {
        self.session.write_unlocked(pump, &self.activity)
    }

    /// Writes like [`flush`](Self::flush), and then waits for another thread that writes.
    pub(super) fn flush_to_end<'a>(
        &'a self,
        pump: MutexGuard<'a, Pump>,
        reader: &SocketReader,
    ) -> MutexGuard<'a, Pump> {
        let pump = self.flush(pump, reader);
        self.session.await_writer(pump)
    }

    /// Waits while another thread runs a call or writes, and the client has queued as much as it may. Blocks, but not for
    /// longer than a client may stall.
    pub(super) fn await_room(&self) {
        let mut pump = self.pump();
        if pump.has_room() {
            return;
        }
        if pump.is_writing() {
            drop(self.session.await_writer(pump));
            return;
        }
        pump.is_awaited = true;
        drop(pump);
        self.mailbox.wait(FULL_FOR);
        self.pump().is_awaited = false;
    }

    /// Waits, as a companion, for the reader of a thread that is inside a driver. Returns `None` if there is a companion
    /// already, or once the client is no longer served. Blocks.
    pub(super) fn await_reader<'a>(
        &'a self,
        pump: MutexGuard<'a, Pump>,
    ) -> Option<Box<SocketReader>> {
        let (_pump, reader) = self.session.await_reader(pump, self.tenure)?;
        self.unattended.end();
        Some(reader)
    }

    /// Marks the devices that a call hangs in as stuck, and no longer waits for the call. Returns what was marked: nothing if it
    /// hangs in an urgent method.
    pub(super) fn leave_behind(&self, call: &mut DriverCall, now: Instant) -> Vec<Stuck> {
        let id = call_id(self.activity.id(), call.number);
        let by = self.activity.seen(now);
        let by = format!("{} at {}", by.name, by.address);
        let stuck = self.state.hub.mark_stuck(id, &by, call.began(now));
        match stuck.is_empty() && self.state.hub.is_beside(id) {
            true => call.leave_behind_beside(),
            false => call.leave_behind(stuck.iter().map(|stuck| stuck.device.clone()).collect()),
        }
        stuck
    }

    /// Returns true until this client is no longer served.
    pub(super) fn is_served(&self, pump: &Pump) -> bool {
        pump.handover.tenure() == self.tenure
    }

    /// Returns the session.
    pub(super) fn session(&self) -> SharedSession {
        self.session.clone()
    }

    pub(super) fn told_wait(&self) -> MutexGuard<'_, ToldWait> {
        self.told_wait
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn notices(&self) -> MutexGuard<'_, Vec<Notice>> {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a notice until it can be sent. Of more than [`MAX_NOTICES`] the oldest are lost.
    pub(super) fn keep_notice(&self, notice: &Notice) {
        let mut kept = self.notices();
        if kept.len() >= MAX_NOTICES {
            kept.remove(0);
        }
        kept.push(notice.clone());
    }

    /// Queues what the client has not been told yet about its leases.
    pub(super) fn tell_notices(&self, pump: &mut Pump) {
        for notice in mem::take(&mut *self.notices()) {
            pump.session.tell_notice(notice);
        }
    }

    /// Returns true if this is a lane whose client does not hold the server any more.
    pub(super) fn is_lost_lane(&self) -> bool {
        let is_main = |session: &ActiveSession| {
            session.role == ConnectionRole::Control && session.party.id() == self.party.id()
        };
        self.role == ConnectionRole::Lane && !self.state.active_sessions().iter().any(is_main)
    }

    /// No longer counts as a session of its party.
    pub(super) fn leave_party(&self) {
        if let Some(this) = self.this.upgrade() {
            let session = this as Arc<dyn PartySession>;
            self.state.hub.parties().leaves(&self.party, &session);
        }
    }

    /// Lets the next client have the server.
    pub(super) fn give_up_place(&self) {
        let places = self.places.lock();
        let places = mem::take(&mut *places.unwrap_or_else(PoisonError::into_inner));
        drop(places);
    }

    /// Wakes the companion for the last time.
    pub(super) fn end_companions(&self, pump: &mut Pump) {
        if pump.end_tenure() {
            self.session.wake_companion();
        }
    }
}

/// How long a thread with a full queue waits before it looks whether its client was asked to leave.
const FULL_FOR: Duration = Duration::from_millis(100);
/// Maximum number of notices that are kept while a thread writes to a slow client.
const MAX_NOTICES: usize = 64;
