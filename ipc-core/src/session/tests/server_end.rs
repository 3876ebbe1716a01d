//! The server of the rig: its table, its arrivals, the sessions that are out, and the calls that run.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::pair::WireId;
use crate::session::arrival::Arrival;
use crate::session::server::{End, Farewell, ServerSession, SessionLimits};
use crate::session::table::{Greeted, SessionTable, TableLimits};
use crate::wire::ctrl::{ByeReason, Features, Hello, SessionKey};
use crate::wire::preamble::Role;

/// Length in bytes of the longest frame that the server accepts.
pub(super) const MAX_FRAME: usize = 4096;
/// Number of bytes of answers that a session keeps.
pub(super) const KEPT_REPLIES: usize = 6000;

/// A running call: its number, which one it is, how long its answer is to be.
#[derive(Clone, Copy)]
pub(super) struct Execution {
    pub(super) number: u64,
    pub(super) tag: u64,
    pub(super) size: usize,
}

pub(super) struct Held {
    pub(super) session: Box<ServerSession>,
    pub(super) wire: Option<WireId>,
    pub(super) running: Vec<Execution>,
}

pub(super) struct ServerEnd {
    pub(super) incarnation: u128,
    pub(super) table: SessionTable,
    pub(super) arrivals: BTreeMap<WireId, Arrival>,
    /// Connections that wait until an earlier one has let go of their session.
    pub(super) fencing: BTreeMap<WireId, (Arrival, SessionKey)>,
    pub(super) out: BTreeMap<SessionKey, Held>,
    pub(super) sessions_made: u128,
    pub(super) is_secret: bool,
    /// Whether the client may be told that an outcome is unknown.
    pub(super) knows_faults: bool,
}

impl ServerEnd {
    pub(super) fn new(incarnation: u128) -> Self {
        let mut session = SessionLimits::default();
        session.max_frame(MAX_FRAME).kept_replies(KEPT_REPLIES);
        session.waiting_calls(4).waiting_bytes(8192);
        let mut limits = TableLimits::default();
        limits.sessions(6).parked(Duration::from_secs(6000));
        limits.parked_replies(7000).session(session);
        Self {
            incarnation,
            table: SessionTable::new(incarnation, limits),
            arrivals: BTreeMap::new(),
            fencing: BTreeMap::new(),
            out: BTreeMap::new(),
            sessions_made: 0,
            is_secret: false,
            knows_faults: true,
        }
    }

    pub(super) fn accept(&mut self, wire: WireId) {
        let link = super::link(Role::Server, self.is_secret, MAX_FRAME);
        self.arrivals.insert(wire, Arrival::new(link));
    }

    /// The session that a wire belongs to.
    fn held_by(&mut self, wire: WireId) -> Option<&mut Held> {
        self.out.values_mut().find(|held| held.wire == Some(wire))
    }

    pub(super) fn wants_input(&mut self, wire: WireId) -> bool {
        match self.held_by(wire) {
            Some(held) => held.session.wants_input(),
            None => true,
        }
    }

    /// Bytes from the network. Returns whether the connection goes on.
    pub(super) fn input(&mut self, wire: WireId, bytes: &[u8], now: Instant) -> bool {
        if let Some(held) = self.held_by(wire) {
            held.session.handle_input(bytes, now);
            assert!(held.session.is_within_limits(bytes.len()));
            return held.session.end().is_none();
        }
        if let Some((arrival, _)) = self.fencing.get_mut(&wire) {
            return arrival.handle_input(bytes).is_ok();
        }
        let Some(arrival) = self.arrivals.get_mut(&wire) else {
            return false;
        };
        if arrival.handle_input(bytes).is_err() {
            return false;
        }
        match arrival.hello().cloned() {
            Some(hello) => self.greet(wire, &hello, now),
            None => true,
        }
    }

    fn greet(&mut self, wire: WireId, hello: &Hello, now: Instant) -> bool {
        self.sessions_made += 1;
        let fresh = self.incarnation * 1000 + self.sessions_made;
        let greeted = self.table.greet(hello, fresh, now);
        let Some(mut arrival) = self.arrivals.remove(&wire) else {
            return false;
        };
        match greeted {
            Greeted::Session(session) => {
                self.seat(wire, session, arrival, hello);
            }
            Greeted::Out(key) => {
                self.fencing.insert(wire, (arrival, key));
            }
            Greeted::Stale | Greeted::Full => {
                arrival.refuse(ByeReason::Full, "no");
                self.arrivals.insert(wire, arrival);
                return false;
            }
        }
        true
    }

    fn seat(
        &mut self,
        wire: WireId,
        mut session: Box<ServerSession>,
        arrival: Arrival,
        hello: &Hello,
    ) {
        session.attach(arrival.into_link(), &self.known(hello), 1);
        let held = Held {
            wire: Some(wire),
            running: Vec::new(),
            session,
        };
        self.out.insert(held.session.key(), held);
    }

    /// Lets a waiting connection take over its session. Returns the wire that was fenced.
    pub(super) fn take_over(&mut self, wire: WireId) -> Option<WireId> {
        let (arrival, key) = self.fencing.remove(&wire)?;
        let hello = self.known(arrival.hello()?);
        if !self.table.is_newest(key, hello.connection) {
            return Some(wire);
        }
        if let Some(held) = self.out.get_mut(&key) {
            held.session.attach(arrival.into_link(), &hello, 1);
            return held.wire.replace(wire);
        }
        match self.table.reclaim(key, hello.connection) {
            Some(session) => {
                self.seat(wire, session, arrival, &hello);
                None
            }
            None => Some(wire),
        }
    }

    pub(super) fn eof(&mut self, wire: WireId) {
        self.arrivals.remove(&wire);
        self.fencing.remove(&wire);
        if let Some(held) = self.held_by(wire) {
            held.session.handle_eof(None);
            held.wire = None;
        }
    }

    /// Starts the next call of a session.
    pub(super) fn start(&mut self, key: SessionKey, now: Instant) -> Option<Execution> {
        let held = self.out.get_mut(&key)?;
        let is_cancelled = |running: &Execution| held.session.is_cancelled(running.number);
        let may_begin = held.running.iter().all(is_cancelled);
        let (call, _) = held.session.next_call(now)?;
        assert!(
            may_begin,
            "an earlier call runs, and its client waits for it"
        );
        let execution = Execution {
            number: call.number,
            tag: call.method()[1..].parse().unwrap(),
            size: u64::from_le_bytes(call.arguments().try_into().unwrap()) as usize,
        };
        held.running.push(execution);
        Some(execution)
    }

    /// Leaves the client of a session, whose calls may run. Returns how, and how many of them were given up.
    pub(super) fn say_bye(&mut self, key: SessionKey, reason: ByeReason) -> (Farewell, usize) {
        let held = self.out.get_mut(&key).unwrap();
        let farewell = held.session.say_bye(reason, "bye");
        let given_up = match farewell {
            // Their drivers go on.
            Farewell::Said => std::mem::take(&mut held.running).len(),
            Farewell::Cut => 0,
        };
        (farewell, given_up)
    }

    /// What the client offers, as far as it is to be known here.
    fn known(&self, hello: &Hello) -> Hello {
        let mut hello = hello.clone();
        if !self.knows_faults {
            hello.features = Features::default();
        }
        hello
    }

    /// Takes back the sessions without a connection, or forgets those whose client is done with them.
    pub(super) fn retire(&mut self, now: Instant) {
        let idle: Vec<SessionKey> = self
            .out
            .iter()
            .filter(|(_, held)| held.wire.is_none() && held.running.is_empty())
            .map(|(key, _)| *key)
            .collect();
        for key in idle {
            let held = self.out.remove(&key).unwrap();
            if held.session.end() == Some(&End::Finished) {
                self.table.remove(key);
            } else {
                self.table.park(held.session, now);
            }
        }
    }

    pub(super) fn transmit(&mut self, wire: WireId) -> &[u8] {
        if let Some(key) = self.key_of(wire) {
            return self.out.get_mut(&key).unwrap().session.transmit();
        }
        match self.arrivals.get_mut(&wire) {
            Some(arrival) => arrival.transmit(),
            None => self
                .fencing
                .get_mut(&wire)
                .map(|(arrival, _)| arrival.transmit())
                .unwrap_or_default(),
        }
    }

    pub(super) fn consume(&mut self, wire: WireId, count: usize) {
        if let Some(held) = self.held_by(wire) {
            held.session.consume(count);
        } else if let Some(arrival) = self.arrivals.get_mut(&wire) {
            arrival.consume(count);
        } else if let Some((arrival, _)) = self.fencing.get_mut(&wire) {
            arrival.consume(count);
        }
    }

    fn key_of(&self, wire: WireId) -> Option<SessionKey> {
        let held = self.out.iter().find(|(_, held)| held.wire == Some(wire));
        held.map(|(key, _)| *key)
    }
}
