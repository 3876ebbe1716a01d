//! One run of the server: its sessions, the clients that wait, and the one that has it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ipc_core::session::arrival::Arrival;
use ipc_core::session::link::Link;
use ipc_core::session::table::{Greeted, SessionTable, TableLimits};
use ipc_core::wire::ctrl::{ByeReason, Hello, SessionKey};
use ipc_core::wire::preamble::Role;
use ipc_hub::admission::{Admission, ClientId};
use ipc_hub::mutant::Mutant as RuleMutant;
use ipc_hub::stay::LeaveReason;

use super::Wrong;
use super::lab::Lab;
use super::network::{Arrived, WireId};
use super::pump::Session;
use super::queue::{Waiting, refuse, tell, write};
use super::serving::{Serving, Situation};

pub(super) struct Server {
    pub(super) table: SessionTable<Session>,
    pub(super) incarnation: u128,
    pub(super) sessions_made: u128,
    /// Connections whose hello has not come.
    arriving: BTreeMap<WireId, Arrival>,
    /// Connections for sessions that earlier connections still have.
    pub(super) resuming: BTreeMap<WireId, Waiting>,
    /// The clients that wait, in no order.
    pub(super) queue: BTreeMap<WireId, Waiting>,
    /// The order in which they wait.
    pub(super) admission: Admission<WireId, SessionKey>,
    pub(super) holder: Option<Serving>,
    stops_at: Option<Instant>,
    /// The rule that is broken.
    pub(super) rule: Option<RuleMutant>,
    /// When the clients that wait were last told their places.
    told: Instant,
}

impl Server {
    pub(super) fn new(incarnation: u128, wrong: Wrong, now: Instant) -> Self {
        let mut table = SessionTable::new(incarnation, TableLimits::default());
        table.plant(wrong.mutants);
        Self {
            table,
            incarnation,
            sessions_made: 0,
            arriving: BTreeMap::new(),
            resuming: BTreeMap::new(),
            queue: BTreeMap::new(),
            admission: Admission::new(QUEUE),
            holder: None,
            stops_at: None,
            rule: wrong.rule,
            told: now,
        }
    }

    pub(super) fn accept(&mut self, wire: WireId) {
        let link = Link::plain(Role::Server, 1 << 20);
        self.arriving.insert(wire, Arrival::new(link));
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stops_at.is_some()
    }

    pub(super) fn stop(&mut self, at: Instant) {
        self.stops_at = Some(at);
    }

    /// True once a stop has nothing left to wait for.
    pub(super) fn has_stopped(&self) -> bool {
        self.is_stopping() && self.holder.is_none() && self.queue.is_empty()
    }

    /// Asks the client that has the server to leave.
    pub(super) fn ask_to_leave(&mut self, why: LeaveReason) {
        if let Some(holder) = &mut self.holder {
            holder.asked.get_or_insert(why);
        }
    }

    fn situation(&self) -> Situation {
        Situation {
            stops_at: self.stops_at,
            others_wait: self.admission.waiting() > 0,
        }
    }

    /// The process was suspended until now.
    pub(super) fn wakes_up(&mut self, pause: Duration, now: Instant) {
        if let Some(holder) = &mut self.holder {
            holder.stay.discount_suspension(pause, now);
        }
    }

    /// Lets time pass.
    pub(super) fn tick(&mut self, lab: &mut Lab, pause: Duration) {
        if let Some(holder) = &mut self.holder {
            holder.tick(lab, pause);
        }
        if lab.now.saturating_duration_since(self.told) >= NOTICE_INTERVAL {
            self.told = lab.now;
            for (wire, waiting) in &mut self.queue {
                tell(waiting, self.admission.place(id_of(*wire)).unwrap_or(0));
            }
            for waiting in self.resuming.values_mut() {
                tell(waiting, 0);
            }
        }
    }

    /// Reads, decides and writes, as far as it can now. Returns true if anything has happened.
    pub(super) fn settle(&mut self, lab: &mut Lab) -> bool {
        let mut has_changed = self.read(lab);
        has_changed |= self.resume(lab);
        has_changed |= self.grant(lab);
        let situation = self.situation();
        if let Some(holder) = &mut self.holder {
            has_changed |= holder.settle(lab, situation);
        }
        has_changed |= lab.settle();
        if let Some(holder) = self.holder.take_if(|holder| holder.over.is_some()) {
            self.free_place(lab, holder);
            has_changed = true;
        }
        self.flush(lab);
        has_changed
    }

    fn free_place(&mut self, lab: &mut Lab, holder: Serving) {
        lab.note(|| format!("the place is free: {:?}", holder.over));
        self.admission.leave(holder.client);
        let key = holder.key;
        match holder.over.is_some_and(|departure| departure.may_return) {
            true => self.table.park(holder.into_session(), lab.now),
            false => {
                self.table.remove(key);
                lab.ledger.disasters += 1;
            }
        }
    }

    fn read(&mut self, lab: &mut Lab) -> bool {
        let mut has_read = false;
        for wire in lab.network.ready_at_server() {
            if let Some(holder) = &mut self.holder
                && holder.wire == Some(wire)
            {
                if holder.reads() {
                    // The witness is to see answers and calls in the order in which the session does.
                    holder.flush(lab);
                    let arrived = lab.network.arrive_at_server(wire);
                    holder.input(lab, &arrived);
                    has_read = true;
                }
                continue;
            }
            let arrived = lab.network.arrive_at_server(wire);
            has_read = true;
            if self.greet(lab, wire, &arrived).is_none() {
                lab.network.server_closes(wire);
            }
        }
        has_read
    }

    /// Bytes of a client that is not served. `None` if its connection is over.
    fn greet(&mut self, lab: &mut Lab, wire: WireId, arrived: &Arrived) -> Option<()> {
        if let Some(mut arrival) = self.arriving.remove(&wire) {
            let goes_on = arrival.handle_input(&arrived.bytes).is_ok() && !arrived.has_ended;
            let hello = arrival.hello().cloned();
            return match hello.filter(|_| goes_on) {
                Some(hello) => self.admit(lab, wire, arrival, hello),
                None if goes_on => {
                    self.arriving.insert(wire, arrival);
                    Some(())
                }
                None => None,
            };
        }
        let waiting = self.queue.get_mut(&wire);
        let waiting = waiting.or_else(|| self.resuming.get_mut(&wire))?;
        let goes_on = waiting.arrival.handle_input(&arrived.bytes).is_ok() && !arrived.has_ended;
        if goes_on {
            return Some(());
        }
        self.resuming.remove(&wire);
        if let Some(waiting) = self.queue.remove(&wire) {
            self.admission.leave(id_of(wire));
            self.put_back(lab, waiting);
        }
        None
    }

    fn put_back(&mut self, lab: &mut Lab, waiting: Waiting) {
        if let Some(session) = waiting.claim {
            self.table.park(session, lab.now);
        }
    }

    fn admit(&mut self, lab: &mut Lab, wire: WireId, arrival: Arrival, hello: Hello) -> Option<()> {
        let mut waiting = Waiting {
            wire,
            arrival,
            key: None,
            claim: None,
            hello,
        };
        match self.table.resume(&waiting.hello, lab.now) {
            Some(Greeted::Session(session)) => {
                waiting.key = Some(session.key);
                waiting.claim = Some(session);
            }
            Some(Greeted::Out(key)) => {
                waiting.key = Some(key);
                self.resuming.insert(wire, waiting);
                return Some(());
            }
            Some(Greeted::Stale) => {
                refuse(lab, waiting, ByeReason::Superseded);
                return None;
            }
            Some(Greeted::Full) | None => {}
        }
        self.enqueue(waiting);
        Some(())
    }

    fn flush(&mut self, lab: &mut Lab) {
        let arriving = self
            .arriving
            .iter_mut()
            .map(|(wire, arrival)| (*wire, arrival));
        let waiting = self.queue.values_mut().chain(self.resuming.values_mut());
        let waiting = waiting.map(|waiting| (waiting.wire, &mut waiting.arrival));
        for (wire, arrival) in arriving.chain(waiting) {
            write(lab, wire, arrival);
        }
    }
}

/// The number of the client that waits over this connection, or got its place over it.
pub(super) fn id_of(wire: WireId) -> ClientId {
    ClientId(wire.into())
}

/// Maximum number of clients that wait.
const QUEUE: usize = 100;
/// Time between two notices to a client that waits.
const NOTICE_INTERVAL: Duration = Duration::from_secs(5);
