//! The clients that wait for their turn, or for their own sessions.

use ipc_core::session::arrival::Arrival;
use ipc_core::wire::ctrl::{ByeReason, Hello, QueueStatus, SessionKey};

use super::lab::Lab;
use super::network::WireId;
use super::pump::Session;
use super::server::{Server, id_of};
use super::serving::Serving;

/// A client that waits.
pub(super) struct Waiting {
    pub(super) wire: WireId,
    pub(super) arrival: Arrival,
    pub(super) hello: Hello,
    pub(super) key: Option<SessionKey>,
    /// The session that it has claimed.
    pub(super) claim: Option<Session>,
}

impl Server {
    pub(super) fn enqueue(&mut self, mut waiting: Waiting) {
        let id = id_of(waiting.wire);
        if self.admission.enter(id, waiting.wire).is_err() {
            return;
        }
        if self.holder.is_some() {
            tell(&mut waiting, self.admission.place(id).unwrap_or(0));
        }
        self.queue.insert(waiting.wire, waiting);
    }

    /// Gives returning clients their sessions, as far as earlier connections have let go of them.
    pub(super) fn resume(&mut self, lab: &mut Lab) -> bool {
        let mut has_changed = false;
        for wire in self.resuming.keys().copied().collect::<Vec<_>>() {
            let Some(mut waiting) = self.resuming.remove(&wire) else {
                continue;
            };
            let Some(key) = waiting.key else { continue };
            has_changed = true;
            if self.is_stopping() || !self.is_newest(&waiting) && self.table.has(key) {
                lab.network.server_closes(wire);
                continue;
            }
            let connection = waiting.hello.connection;
            if let Some(session) = self.table.reclaim(key, connection) {
                waiting.claim = Some(session);
                self.enqueue(waiting);
                continue;
            }
            if !self.table.has(key) {
                waiting.key = None;
                self.enqueue(waiting);
                continue;
            }
            if let Some(holder) = self.holder.as_mut().filter(|holder| holder.key == key) {
                if holder.stay.awaits_return() {
                    let link = waiting.arrival.into_link();
                    holder.attach(lab, wire, link, &waiting.hello);
                    continue;
                }
                if holder.stay.is_connected() {
                    holder.cut(lab);
                    self.resuming.insert(wire, waiting);
                    continue;
                }
            }
            has_changed = false;
            self.resuming.insert(wire, waiting);
        }
        has_changed
    }

    fn is_newest(&self, waiting: &Waiting) -> bool {
        let connection = waiting.hello.connection;
        let is_newest = |key| self.table.is_newest(key, connection);
        waiting.key.is_none_or(is_newest)
    }

    /// Gives the server to the next client, and sends away those that may not wait.
    pub(super) fn grant(&mut self, lab: &mut Lab) -> bool {
        let mut has_changed = false;
        for (wire, waiting) in std::mem::take(&mut self.queue) {
            if self.is_stopping() || !self.is_newest(&waiting) {
                has_changed = true;
                self.admission.leave(id_of(wire));
                let claim = waiting.claim.clone();
                match self.is_stopping() {
                    true => refuse(lab, waiting, ByeReason::Stopping),
                    false => lab.network.server_closes(waiting.wire),
                }
                claim
                    .into_iter()
                    .for_each(|session| self.table.park(session, lab.now));
            } else {
                self.queue.insert(wire, waiting);
            }
        }
        let turn = |wire: &&WireId| self.admission.try_take(id_of(**wire)).is_some();
        let next = self.queue.keys().find(turn).copied();
        let Some(next) = next.and_then(|wire| self.queue.remove(&wire)) else {
            return has_changed;
        };
        let Waiting {
            wire,
            arrival,
            hello,
            claim,
            ..
        } = next;
        self.sessions_made += 1;
        let fresh = self.incarnation * 1_000_000 + self.sessions_made;
        let session = match claim {
            Some(session) => session,
            None => match self.table.open(&hello, fresh, lab.now) {
                Some(session) => session,
                None => {
                    self.admission.leave(id_of(wire));
                    return true;
                }
            },
        };
        lab.check_place(session.key);
        lab.count("granted");
        let lease_epoch = self.admission.begin(session.key);
        let mut serving = Serving::new(id_of(wire), session, lease_epoch, self.rule);
        serving.attach(lab, wire, arrival.into_link(), &hello);
        self.holder = Some(serving);
        true
    }
}

pub(super) fn tell(waiting: &mut Waiting, place: usize) {
    waiting.arrival.tell_place(QueueStatus {
        place: u32::try_from(place).unwrap_or(u32::MAX),
        waiting: 1,
        holder: "another".into(),
        holder_address: String::new(),
        held_ms: 0,
        idle_ms: 0,
        running: String::new(),
        running_ms: 0,
    });
}

pub(super) fn refuse(lab: &mut Lab, mut waiting: Waiting, reason: ByeReason) {
    waiting.arrival.refuse(reason, "");
    write(lab, waiting.wire, &mut waiting.arrival);
    lab.network.server_closes(waiting.wire);
}

pub(super) fn write(lab: &mut Lab, wire: WireId, arrival: &mut Arrival) {
    while !arrival.transmit().is_empty() {
        let count = arrival.transmit().len();
        let sent = lab.network.server_sends(wire, arrival.transmit());
        arrival.consume(count);
        if let Err(broken) = sent {
            lab.break_promise(broken);
        }
    }
}
